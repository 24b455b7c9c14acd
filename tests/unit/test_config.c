#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/config.h"
#include "engine/trust.h"

/* A folder of its own, which is also HOME. */
struct fixture {
	struct arena *a;
	char folder[200];
	struct problems ps;
	struct err e;
};

static const char *at(struct fixture *f, const char *name)
{
	return arena_printf(f->a, "%s/%s", f->folder, name).p;
}

static void write_file(struct fixture *f, const char *name,
    const char *text, mode_t mode)
{
	int fd = open(at(f, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	if (!f)
		return -1;
	snprintf(f->folder, sizeof(f->folder), "%s/cfgXXXXXX",
	    tmp ? tmp : "/tmp");
	if (!mkdtemp(f->folder))
		return -1;
	f->a = arena_new();
	setenv("HOME", f->folder, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->a);
	free(f);
	return 0;
}

static const struct config *load_path(struct fixture *f, const char *path)
{
	f->e = (struct err){ 0 };
	problems_init(&f->ps, f->a);
	return config_load(f->a, path, &f->ps, &f->e);
}

static const struct config *load(struct fixture *f, const char *text)
{
	write_file(f, "c.yaml", text, 0600);
	return load_path(f, at(f, "c.yaml"));
}

/* The first problem as "LINE:COL text". */
static const char *first(struct fixture *f)
{
	const struct problem *p = f->ps.list;

	if (f->e.kind)
		return arena_printf(f->a, "err %s", f->e.msg).p;
	if (f->ps.n == 0)
		return "nothing";
	return arena_printf(f->a, "%d:%d %.*s", p->pos.line, p->pos.col,
	    STR_ARG(p->text)).p;
}

static const struct config *load_good(struct fixture *f, const char *text)
{
	const struct config *c = load(f, text);

	if (!c)
		fail_msg("%s", first(f));
	assert_int_equal(f->ps.n, 0);
	assert_int_equal(f->e.kind, ERR_NONE);
	return c;
}

/* ----------------------------------------------------------------- good */

static void test_everything(void **state)
{
	struct fixture *f = *state;
	const struct config *c;
	const struct account *a;

	mkdir(at(f, "rules"), 0700);
	write_file(f, "rules/b.yaml", "", 0600);
	write_file(f, "rules/a.yaml", "", 0600);
	write_file(f, "own.yaml", "", 0600);
	c = load_good(f,
	    "version: 1\n"
	    "rules: [rules/b.yaml, \"rules/*.yaml\"]\n"
	    "keep: 2w\n"
	    "alert_after: 0s\n"
	    "limits: {message: 10M, body: 512K, match: 5s,\n"
	    "  regex_steps: 7, new_mailboxes: 0, late: 0s,\n"
	    "  spool: 3K, upload_per_day: 2K, download_per_day: 1K}\n"
	    "quiet_hours: {between: [\"22:30\", \"07:00\"],\n"
	    "  except: [critical, low]}\n"
	    "notify:\n"
	    "  desktop: {timeout: 3s}\n"
	    "  pager: {command: [bin/page, $(rule), $$(x)]}\n"
	    "  post: {smtp: smtp://mail.example.org, to: a@b.example,\n"
	    "    user: x, auth: {password_file: p}}\n"
	    "accounts:\n"
	    "  personal:\n"
	    "    imap: imaps://imap.example.org\n"
	    "    user: alice@example.org\n"
	    "    auth: {password_command: [pass, show, \"a b\"],\n"
	    "      mechanism: scram-sha-256}\n"
	    "    tls: {ca_file: ca.pem, certificate_file: /c.pem,\n"
	    "      key_file: ~/k.pem}\n"
	    "    mailboxes: [inbox, Lists/pgsql]\n"
	    "    rules: own.yaml\n"
	    "    labels: folders\n"
	    "    archive: Old\n"
	    "    trash: Bin\n"
	    "    spam: Bulk\n"
	    "    allow_delete: true\n"
	    "    trusted_authserv: mx.example.org\n"
	    "    on_swallowed: [new_id, give_up]\n"
	    "    lossy: allow\n"
	    "    proxy: socks5h://localhost:9050\n"
	    "    compress: off\n"
	    "    timeout: 90s\n"
	    "    pgp: {home: ~/keys, passphrase_command: [pass, pgp]}\n"
	    "    smime: {key_file: [~/k.p12, old.pem], cbc: allow,\n"
	    "      certificate_file: old.crt, ca_file: ca.pem,\n"
	    "      passphrase_command: [pass, show, smime]}\n"
	    "  work.2:\n"
	    "    imap: imap://[::1]:1143/\n"
	    "    user: bob\n"
	    "    auth: {password_file: ~/.secrets/work}\n"
	    "    tls: {insecure_plaintext: true}\n"
	    "  token:\n"
	    "    imap: imap://mail.example.org\n"
	    "    user: bob\n"
	    "    auth: {token_command: [./bin/token]}\n"
	    "    tls: {insecure: true}\n"
	    "  cert:\n"
	    "    imap: imaps://mail.example.org:1993\n"
	    "    user: bob\n"
	    "    auth: {external: true}\n"
	    "    tls: {certificate_file: c.pem}\n"
	    "  local: {maildir: ~/Mail}\n");
	assert_int_equal(c->n_rules, 2);
	assert_string_equal(c->rules[0], at(f, "rules/b.yaml"));
	assert_string_equal(c->rules[1], at(f, "rules/a.yaml"));
	assert_int_equal(c->keep, 14 * 86400);
	assert_int_equal(c->alert_after, 0);
	assert_int_equal(c->limits.message, 10 * 1024 * 1024);
	assert_int_equal(c->limits.body, 512 * 1024);
	assert_int_equal(c->limits.match, 5);
	assert_int_equal(c->limits.regex_steps, 7);
	assert_int_equal(c->limits.new_mailboxes, 0);
	assert_int_equal(c->limits.late, 0);
	assert_int_equal(c->limits.spool, 3072);
	assert_int_equal(c->limits.upload_per_day, 2048);
	assert_int_equal(c->limits.download_per_day, 1024);
	assert_int_equal(c->n_accounts, 5);
	assert_true(c->quiet_hours.set);
	assert_int_equal(c->quiet_hours.from, 22 * 3600 + 30 * 60);
	assert_int_equal(c->quiet_hours.until, 7 * 3600);
	assert_int_equal(c->quiet_hours.except, 1 << URGENCY_CRITICAL |
	    1 << URGENCY_LOW);
	assert_int_equal(c->n_channels, 3);
	assert_int_equal(c->channels[0].kind, CHANNEL_DESKTOP);
	assert_int_equal(c->channels[0].timeout, 3);
	assert_null(config_channel(c, STR_LIT("pag")));
	assert_int_equal(config_channel(c, STR_LIT("pager"))->kind,
	    CHANNEL_COMMAND);
	assert_string_equal(c->channels[1].command[0], at(f, "bin/page"));
	assert_int_equal(c->channels[1].timeout, 10);
	assert_int_equal(c->channels[2].server.tls, TLS_STARTTLS);
	assert_int_equal(c->channels[2].server.port, 587);
	assert_string_equal(c->channels[2].from, "a@b.example");

	a = &c->accounts[0];
	assert_string_equal(a->name, "personal");
	assert_int_equal(a->kind, ACCOUNT_IMAP);
	assert_string_equal(a->host, "imap.example.org");
	assert_int_equal(a->port, 993);
	assert_int_equal(a->tls, TLS_IMAPS);
	assert_string_equal(a->user, "alice@example.org");
	assert_int_equal(a->auth, AUTH_PASSWORD);
	assert_string_equal(a->mechanism, "SCRAM-SHA-256");
	assert_string_equal(a->secret_command[0], "pass");
	assert_string_equal(a->secret_command[2], "a b");
	assert_null(a->secret_command[3]);
	assert_string_equal(a->ca_file, at(f, "ca.pem"));
	assert_string_equal(a->certificate_file, "/c.pem");
	assert_string_equal(a->key_file, at(f, "k.pem"));
	assert_int_equal(a->n_mailboxes, 2);
	assert_string_equal(a->mailboxes[0], "INBOX");
	assert_string_equal(a->mailboxes[1], "Lists/pgsql");
	assert_int_equal(a->n_rules, 1);
	assert_string_equal(a->rules[0], at(f, "own.yaml"));
	assert_int_equal(a->labels, LABELS_FOLDERS);
	assert_string_equal(a->archive, "Old");
	assert_string_equal(a->trash, "Bin");
	assert_string_equal(a->spam, "Bulk");
	assert_true(a->allow_delete);
	assert_int_equal(a->n_on_swallowed, 2);
	assert_int_equal(a->on_swallowed[0], SWALLOWED_NEW_ID);
	assert_int_equal(a->on_swallowed[1], SWALLOWED_GIVE_UP);
	assert_int_equal(a->lossy, LOSSY_ALLOW);
	assert_string_equal(a->trusted_authserv, "mx.example.org");
	assert_string_equal(a->proxy, "socks5h://localhost:9050");
	assert_int_equal(a->compress, COMPRESS_OFF);
	assert_string_equal(a->pgp.home, at(f, "keys"));
	assert_string_equal(a->pgp.passphrase_command[1], "pgp");
	assert_int_equal(a->smime.n_key_files, 2);
	assert_string_equal(a->smime.key_files[0], at(f, "k.p12"));
	assert_string_equal(a->smime.key_files[1], at(f, "old.pem"));
	assert_int_equal(a->smime.n_certificate_files, 1);
	assert_string_equal(a->smime.certificate_files[0], at(f, "old.crt"));
	assert_string_equal(a->smime.passphrase_command[2], "smime");
	assert_int_equal(a->smime.cbc, CBC_ALLOW);
	assert_string_equal(a->smime.ca_file, at(f, "ca.pem"));
	assert_int_equal(a->timeout, 90);
	assert_ptr_equal(a->limits, &c->limits);
	assert_string_equal(account_owner(f->a, a),
	    "imaps://imap.example.org:993 alice@example.org");

	a = config_account(c, "work.2");
	assert_non_null(a);
	assert_string_equal(a->host, "::1");
	assert_int_equal(a->port, 1143);
	assert_int_equal(a->tls, TLS_NONE);
	assert_true(a->insecure);
	assert_string_equal(a->secret_file, at(f, ".secrets/work"));
	assert_string_equal(account_owner(f->a, a), "imap://[::1]:1143 bob");
	/* what is not said */
	assert_int_equal(a->n_mailboxes, 1);
	assert_string_equal(a->mailboxes[0], "INBOX");
	assert_int_equal(a->labels, LABELS_KEYWORDS);
	assert_int_equal(a->compress, COMPRESS_AUTO);
	assert_int_equal(a->timeout, 60);
	assert_false(a->allow_delete);
	assert_null(a->trusted_authserv);
	assert_null(a->proxy);
	assert_null(a->mechanism);

	a = config_account(c, "token");
	assert_int_equal(a->auth, AUTH_TOKEN);
	assert_int_equal(a->tls, TLS_STARTTLS);
	assert_int_equal(a->port, 143);
	assert_true(a->insecure);
	assert_string_equal(a->secret_command[0], at(f, "./bin/token"));

	a = config_account(c, "cert");
	assert_int_equal(a->auth, AUTH_EXTERNAL);
	assert_int_equal(a->port, 1993);

	a = config_account(c, "local");
	assert_int_equal(a->kind, ACCOUNT_MAILDIR);
	assert_string_equal(a->maildir, at(f, "Mail"));
	assert_string_equal(account_owner(f->a, a), at(f, "Mail"));
	assert_null(config_account(c, "nobody"));
}

static void test_oauth(void **state)
{
	struct fixture *f = *state;
	const struct config *c = load(f, "version: 1\naccounts:\n"
	    "  g: {imap: imaps://h, user: u, auth: {oauth2: google, "
	    "client_id: x, client_secret_file: s}}\n"
	    "  m: {imap: imaps://h, user: u, auth: {oauth2: microsoft, "
	    "client_id: x, tenant: work.example, scope: a b}}\n"
	    "  o: {imap: imaps://h, user: u, auth: {oauth2: other, "
	    "client_id: x, authorization_endpoint: 'https://h/a?b=c', "
	    "token_endpoint: 'http://[::1]:80/t'}}\n");
	const struct oauth_client *o;

	assert_non_null(c);
	assert_int_equal(config_account(c, "g")->auth, AUTH_OAUTH);
	assert_string_equal(config_account(c, "g")->state, arena_printf(f->a,
	    "%s/g", c->state_home).p);
	o = &config_account(c, "g")->oauth;
	assert_string_equal(o->account, "g");
	assert_string_equal(o->user, "u");
	assert_string_equal(o->client_secret_file, at(f, "s"));
	assert_string_equal(o->scope, "https://mail.google.com/");
	assert_string_equal(o->token_endpoint,
	    "https://oauth2.googleapis.com/token");
	assert_null(o->device_endpoint);
	o = &config_account(c, "m")->oauth;
	assert_string_equal(o->scope, "a b");
	assert_string_equal(o->authorization_endpoint,
	    "https://login.microsoftonline.com/work.example/"
	    "oauth2/v2.0/authorize");
	assert_string_equal(o->device_endpoint,
	    "https://login.microsoftonline.com/work.example/"
	    "oauth2/v2.0/devicecode");
	assert_null(o->client_secret_file);
	o = &config_account(c, "o")->oauth;
	assert_string_equal(o->authorization_endpoint, "https://h/a?b=c");
	assert_string_equal(o->token_endpoint, "http://[::1]:80/t");
	assert_null(o->scope);
	assert_null(o->device_endpoint);
}

static void test_defaults_and_places(void **state)
{
	struct fixture *f = *state;
	const struct config *c = load_path(f, NULL);

	assert_non_null(c);
	assert_null(c->path);
	assert_int_equal(c->n_accounts, 0);
	assert_int_equal(c->keep, 30 * 86400);
	assert_int_equal(c->alert_after, 6 * 3600);
	assert_int_equal(c->limits.message, 50 * 1024 * 1024);
	assert_int_equal(c->limits.body, 1024 * 1024);
	assert_int_equal(c->limits.match, 2);
	assert_int_equal(c->limits.regex_steps, 1000000);
	assert_int_equal(c->limits.new_mailboxes, 20);
	assert_int_equal(c->limits.late, 300);
	assert_string_equal(c->state_home, at(f, ".local/state/tamis"));

	/* a missing file is fine only where none was named */
	assert_null(load_path(f, at(f, "none.yaml")));
	assert_int_equal(f->e.kind, ERR_CONFIG);

	mkdir(at(f, ".config"), 0700);
	mkdir(at(f, ".config/tamis"), 0700);
	write_file(f, ".config/tamis/config.yaml", "version: 1\nkeep: 1d\n",
	    0600);
	c = load_path(f, NULL);
	assert_non_null(c);
	assert_int_equal(c->keep, 86400);

	mkdir(at(f, "x"), 0700);
	mkdir(at(f, "x/tamis"), 0700);
	write_file(f, "x/tamis/config.yaml", "version: 1\nkeep: 2d\n", 0600);
	setenv("XDG_CONFIG_HOME", at(f, "x"), 1);
	setenv("XDG_STATE_HOME", at(f, "s"), 1);
	c = load_path(f, NULL);
	assert_non_null(c);
	assert_int_equal(c->keep, 2 * 86400);
	assert_string_equal(c->state_home, at(f, "s/tamis"));
	/* the specification says to ignore relative ones */
	setenv("XDG_STATE_HOME", "relative", 1);
	c = load_path(f, NULL);
	assert_string_equal(c->state_home, at(f, ".local/state/tamis"));
}

static void test_home_from_passwd(void **state)
{
	struct fixture *f = *state;
	const struct config *c;

	unsetenv("HOME");
	c = load_path(f, at(f, "none.yaml"));
	assert_null(c);
	write_file(f, "c.yaml", "version: 1\n", 0600);
	c = load_path(f, at(f, "c.yaml"));
	assert_non_null(c);
	assert_int_equal(c->state_home[0], '/');
	assert_true(str_ends(str_of(c->state_home),
	    STR_LIT("/.local/state/tamis")));
}

/* What a pattern means must not depend on where the config lies. */
static void test_folder_with_pattern_characters(void **state)
{
	struct fixture *f = *state;
	const struct config *c;

	mkdir(at(f, "a[b]*"), 0700);
	write_file(f, "a[b]*/c.yaml", "version: 1\nrules: \"r*.yaml\"\n",
	    0600);
	write_file(f, "a[b]*/r1.yaml", "", 0600);
	c = load_path(f, at(f, "a[b]*/c.yaml"));
	assert_non_null(c);
	assert_int_equal(c->n_rules, 1);
	assert_string_equal(c->rules[0], at(f, "a[b]*/r1.yaml"));
}

/* ------------------------------------------------------------------ bad */

#define ACCOUNT(lines)	"version: 1\naccounts:\n  w:\n" lines
#define IMAP(lines)	ACCOUNT("    imap: imaps://h\n    user: u\n" \
	"    auth: {password_file: p}\n" lines)
#define MAILDIR(lines)	ACCOUNT("    maildir: m\n" lines)

static const struct {
	const char *text, *problem;	/* "LINE:COL " and a part of it */
} bad[] = {
	{ "rules: []\n", "1:1 the file must say `version: 1`" },
	{ "version: 2\n", "1:10 this tamis knows version 1 only" },
	{ "- version: 1\n", "1:1 a config is a map" },
	{ "version: 1\nkep: 1d\n", "2:1 unknown key `kep`" },
	{ "version: 1\nkeep: 1x\n", "2:7 `keep` must be a duration" },
	{ "version: 1\nkeep: 0d\n", "2:7 `keep` must be more than" },
	{ "version: 1\nkeep:\n", "2:6 `keep` is empty" },
	{ "version: 1\nkeep: 1d\nkeep: 2d\n", "3:1 " },
	{ "version: 1\nnotify: 3\n", "2:9 `notify` must be a map" },
	{ "version: 1\nnotify: {x: {}}\n", "2:10 channel `x` needs one" },
	{ "version: 1\nnotify: {.x: {command: [a]}}\n",
	    "2:10 the name of a channel is" },
	{ "version: 1\nnotify: {x: {command: [a], timeout: 0s}}\n",
	    "2:37 `notify.x.timeout` must be more" },
	{ "version: 1\nnotify: {x: {command: [a, $(body)]}}\n",
	    "2:27 `command` takes no text from a message: $(body)" },
	{ "version: 1\nquiet_hours: {}\n",
	    "2:14 `quiet_hours` needs `between`" },
	{ "version: 1\nquiet_hours: {between: [\"22:00\"]}\n",
	    "2:24 `quiet_hours.between` wants two" },
	{ "version: 1\nquiet_hours: {between: [\"7:00\", \"24:00\"]}\n",
	    "2:25 `7:00` is no time of the day" },
	{ "version: 1\nquiet_hours: {between: [\"07:00\", \"07:00\"]}\n",
	    "2:24 between a time and itself" },
	{ "version: 1\nquiet_hours: {between: [\"22:00\", \"07:00\"],"
	    " except: [loud]}\n", "`quiet_hours.except` must be one of" },
	{ "version: 1\nlimits: 3\n", "2:9 `limits` must be a map" },
	{ "version: 1\nlimits: {spool: much}\n",
	    "2:17 `limits.spool` must be a size" },
	{ "version: 1\nlimits: {mime_depth: 3}\n", "not yet supported" },
	{ "version: 1\nlimits: {mime_parts: 3}\n", "not yet supported" },
	{ "version: 1\nlimits: {body: 2M}\n",
	    "2:16 `limits.body` may be at most 1M" },
	{ "version: 1\nlimits: {body: 0}\n", "more than nothing" },
	{ "version: 1\nlimits: {regex_steps: 0}\n", "more than nothing" },
	{ "version: 1\nlimits: {regex_steps: 9999999999}\n", "at most" },
	{ "version: 1\nlimits: {mesage: 1}\n",
	    "2:10 unknown limit `mesage`" },
	{ "version: 1\nrules: none.yaml\n",
	    "2:8 there is no file `none.yaml`" },
	{ "version: 1\nrules: [\"*.rules\"]\n",
	    "2:9 no file fits `*.rules`" },
	{ "version: 1\nrules: [\"\"]\n", "2:9 `rules` has an empty path" },
	{ "version: 1\nrules: {a: b}\n", "2:8 `rules` must be" },
	{ "version: 1\naccounts: [a]\n", "2:11 `accounts` must be a map" },
	{ "version: 1\naccounts: {w: 1}\n",
	    "2:15 `accounts.w` must be a map" },
	{ "version: 1\naccounts: {.w: {maildir: m}}\n",
	    "2:12 the name of an account" },
	{ "version: 1\naccounts: {\"a/b\": {maildir: m}}\n",
	    "2:12 the name of an account" },
	{ "version: 1\naccounts: {\"\": {maildir: m}}\n",
	    "2:12 the name of an account" },
	{ ACCOUNT("    user: u\n"), "3:3 account `w` needs `imap` or" },
	{ ACCOUNT("    imap: imaps://h\n    auth: {password_file: p}\n"),
	    "3:3 account `w` needs `user`" },
	{ ACCOUNT("    imap: imaps://h\n    user: u\n"),
	    "3:3 account `w` needs `auth`" },
	{ IMAP("    maildir: m\n"), "7:5 an account has `imap` or" },
	{ IMAP("    usr: u\n"), "7:5 unknown key of an account `usr`" },
	{ IMAP("    pgp: x\n"), "`pgp` must be a map" },
	{ IMAP("    pgp: {key: x}\n"), "7:11 unknown key of `pgp`" },
	{ IMAP("    pgp: {passphrase_command: []}\n"),
	    "pgp.passphrase_command" },
	{ IMAP("    smime: x\n"), "`smime` must be a map" },
	{ IMAP("    smime: {key: x}\n"), "7:13 unknown key of `smime`" },
	{ IMAP("    smime: {key_file: []}\n"), "must name 1 to 16 files" },
	{ IMAP("    smime: {key_file: [a, a]}\n"),
	    "names this file twice" },
	{ IMAP("    smime: {certificate_file: c}\n"),
	    "7:13 `certificate_file` needs `key_file`" },
	{ IMAP("    smime: {passphrase_command: [p]}\n"),
	    "7:13 `passphrase_command` needs `key_file`" },
	{ IMAP("    smime: {cbc: never}\n"), "must be one of: signed, allow" },
	{ IMAP("    on_swallowed: []\n"), "7:19 `accounts.w.on_swallowed` "
	    "must list some of: date, new_id, give_up" },
	{ IMAP("    on_swallowed: [date, no]\n"), "7:26 "
	    "`accounts.w.on_swallowed` must be one of: date, new_id" },
	{ IMAP("    on_swallowed: [date, date]\n"), "this word twice" },
	{ IMAP("    lossy: perhaps\n"), "must be one of: refuse, allow" },
	{ IMAP("    labels: tags\n"), "7:13 `accounts.w.labels` must be one "
	    "of: keywords, folders" },
	{ IMAP("    compress: yes\n"), "must be one of: auto, on, off" },
	{ IMAP("    allow_delete: yes\n"), "write `true`" },
	{ IMAP("    timeout: 2d\n"), "may be at most 86400 s" },
	{ IMAP("    timeout: 0s\n"), "must be more than nothing" },
	{ IMAP("    mailboxes: []\n"), "must name 1 to 1000 mailboxes" },
	{ IMAP("    mailboxes: [A, A]\n"), "7:20 `accounts.w.mailboxes` "
	    "names this mailbox twice" },
	{ IMAP("    mailboxes: [A, inbox, INBOX]\n"), "7:27 " },
	{ IMAP("    mailboxes: [/A]\n"), "no empty levels" },
	{ IMAP("    mailboxes: [A//B]\n"), "no empty levels" },
	{ IMAP("    mailboxes: [\"a\\nb\"]\n"), "control character" },
	{ IMAP("    trash: \"\"\n"), "is empty" },
	{ IMAP("    proxy: localhost:9050\n"), "must be a URL such as" },
	{ IMAP("    tls: {ca: x}\n"), "7:11 unknown key of `tls` `ca`" },
	{ IMAP("    tls: {key_file: k}\n"), "`key_file` needs" },
	{ IMAP("    tls: {insecure_plaintext: true}\n"),
	    "7:11 `insecure_plaintext` goes with imap://" },
	{ IMAP("    tls: {ca_file: ~bob/x}\n"), "in full" },
	{ ACCOUNT("    imap: imap://example.org\n    user: u\n"
	    "    auth: {password_file: p}\n"
	    "    tls: {insecure_plaintext: true}\n"),
	    "7:11 `insecure_plaintext` is for this machine only" },
	{ ACCOUNT("    imap: imap://localhost\n    user: u\n"
	    "    auth: {password_file: p}\n"
	    "    tls: {insecure_plaintext: false}\n"),
	    "is true, or left out" },
	{ MAILDIR("    user: u\n"),
	    "5:5 `user` has no meaning for a Maildir" },
	{ MAILDIR("    timeout: 3s\n"), "has no meaning for a Maildir" },
};

#define LOGIN(auth)	ACCOUNT("    imap: imaps://h\n    user: u\n" \
	"    auth: " auth "\n")
#define ENDPOINT(url)	LOGIN("{oauth2: google, client_id: x, " \
	"token_endpoint: '" url "'}")
#define SERVER(url)	ACCOUNT("    imap: " url "\n    user: u\n" \
	"    auth: {password_file: p}\n")

static const struct {
	const char *text, *problem;
} bad_login[] = {
	{ LOGIN("{}"), "6:11 `auth` needs one of" },
	{ LOGIN("secret"), "6:11 `auth` must be a map" },
	{ LOGIN("{password: x}"), "6:12 unknown key of `auth` `password`" },
	{ LOGIN("{password_file: p, token_command: [x]}"),
	    "6:30 `password_file` and `token_command` exclude" },
	{ LOGIN("{password_command: pass show x}"),
	    "`auth.password_command` must be a list" },
	{ LOGIN("{password_command: []}"), "names no program" },
	{ LOGIN("{password_command: [\"\", x]}"), "names no program" },
	{ LOGIN("{oauth2: google}"), "6:11 `oauth2` needs `client_id`" },
	{ LOGIN("{oauth2: gmail, client_id: x}"), "6:20 `auth.oauth2` must "
	    "be one of: google, microsoft, other" },
	{ LOGIN("{oauth2: google, client_id: x, password_file: p}"),
	    "exclude each other" },
	{ LOGIN("{oauth2: google, client_id: x, tenant: y}"),
	    "6:50 `tenant` is" },
	{ LOGIN("{oauth2: microsoft, client_id: x, tenant: a/b}"),
	    "`tenant` is" },
	{ LOGIN("{oauth2: other, client_id: x}"),
	    "6:11 `oauth2: other` needs `authorization_endpoint`" },
	{ LOGIN("{oauth2: other, client_id: x, token_endpoint: 'https://h'}"),
	    "needs `authorization_endpoint`" },
	{ LOGIN("{oauth2: google, client_id: x, mechanism: PLAIN}"),
	    "must be one of: XOAUTH2, OAUTHBEARER" },
	{ LOGIN("{password_file: p, client_id: x}"),
	    "6:30 `client_id` goes with `oauth2`" },
	{ LOGIN("{token_command: [p], ca_file: x}"),
	    "`ca_file` goes with `oauth2`" },
	{ ENDPOINT("http://h/token"), "must be https://; http:// is for" },
	{ ENDPOINT("http://localhost/token"), "must be https://" },
	{ ENDPOINT("http://127.0.0.1.example.org/"), "must be https://" },
	{ ENDPOINT("http://[::1].example.org/"), "must be https://" },
	{ ENDPOINT("ftp://h/"), "must begin with https://" },
	{ ENDPOINT("h/token"), "must begin with https://" },
	{ ENDPOINT("https:///token"), "names no host" },
	{ ENDPOINT("https://:80/token"), "names no host" },
	{ ENDPOINT("https://u:p@h/token"), "no user before the host" },
	{ ENDPOINT("https://h/token#x"), "without blanks" },
	{ ENDPOINT("https://h/to ken"), "without blanks" },
	{ LOGIN("{external: true}"), "`external` needs `certificate_file`" },
	{ LOGIN("{external: false}"), "is true, or left out" },
	{ LOGIN("{password_file: p, mechanism: XOAUTH2}"),
	    "6:41 with `password_file`, `mechanism` must be one of: PLAIN" },
	{ LOGIN("{token_command: [x], mechanism: PLAIN}"),
	    "must be one of: XOAUTH2, OAUTHBEARER" },
	{ SERVER("mail.example.org"), "4:11 `imap` must begin with" },
	{ SERVER("http://h"), "must begin with" },
	{ SERVER("\"imaps://\""), "must be imaps://HOST" },
	{ SERVER("imaps://h:0"), "must be imaps://HOST" },
	{ SERVER("imaps://h:65536"), "must be imaps://HOST" },
	{ SERVER("\"imaps://h:\""), "must be imaps://HOST" },
	{ SERVER("imaps://h:99x"), "must be imaps://HOST" },
	{ SERVER("imaps://h/INBOX"), "must be imaps://HOST" },
	{ SERVER("imaps://h:993/INBOX"), "must be imaps://HOST" },
	{ SERVER("\"imaps://[::1\""), "must be imaps://HOST" },
	{ SERVER("\"imaps://[::1]x\""), "must be imaps://HOST" },
	{ SERVER("\"imaps://a b\""), "must be imaps://HOST" },
	{ SERVER("\"imaps://a\\nb\""), "must be imaps://HOST" },
	{ SERVER("imaps://u@h"), "the user has a key of its own" },
};

static void check_bad(struct fixture *f, const char *text,
    const char *problem_part)
{
	const struct config *c = load(f, text);
	const char *got = first(f);

	if (c)
		fail_msg("taken:\n%s", text);
	if (!strstr(got, problem_part) ||
	    (ch_digit(problem_part[0]) && strncmp(got, problem_part,
	    strlen(problem_part)) != 0))
		fail_msg("%s\ngot:    %s\nwanted: %s", text, got,
		    problem_part);
}

static void test_bad(void **state)
{
	for (size_t i = 0; i < COUNT(bad); i++)
		check_bad(*state, bad[i].text, bad[i].problem);
	for (size_t i = 0; i < COUNT(bad_login); i++)
		check_bad(*state, bad_login[i].text, bad_login[i].problem);
}

static void test_all_problems(void **state)
{
	struct fixture *f = *state;

	assert_null(load(f, "version: 3\nkep: 1\nkeep: x\nlimits: {a: 1}\n"
	    "accounts: {w: {}}\n"));
	assert_int_equal(f->ps.errors, 5);
}

static void test_proxy_password(void **state)
{
	struct fixture *f = *state;
	const char *text = IMAP("    proxy: http://u:p@localhost:1\n");

	load_good(f, text);
	write_file(f, "c.yaml", text, 0644);
	assert_null(load_path(f, at(f, "c.yaml")));
	assert_non_null(strstr(first(f), "chmod 600"));
}

/* Cut anywhere, or with any octet changed, it is read without a crash. */
static void test_mangled(void **state)
{
	struct fixture *f = *state;
	const char *text = "version: 1\nkeep: 1d\nlimits: {body: 3K}\n"
	    IMAP("    tls: {insecure: true}\n    mailboxes: [A, B]\n");
	char copy[512];
	size_t n = strlen(text);

	assert_true(n < sizeof(copy));
	for (size_t i = 0; i < n; i++) {
		memcpy(copy, text, n + 1);
		copy[i] = '\0';
		load(f, copy);
		for (const char *c = "[{}]:,\"*&\n \x80"; *c; c++) {
			memcpy(copy, text, n + 1);
			copy[i] = *c;
			load(f, copy);
		}
	}
}

/* ---------------------------------------------------------------- trust */

/* Empty when the file is read, else the sentence. */
static const char *read_error(struct fixture *f, const char *path)
{
	struct err e = { 0 };
	struct buf b;
	bool ok;

	buf_init(&b, 100);
	ok = trust_read(path, &b, &e);
	if (ok)
		assert_int_equal(e.kind, ERR_NONE);
	else
		assert_int_equal(e.kind, ERR_CONFIG);
	buf_free(&b);
	return ok ? "" : arena_z(f->a, str_of(e.msg));
}

static void assert_refused(struct fixture *f, const char *path,
    const char *part)
{
	const char *got = read_error(f, path);

	if (!strstr(got, part))
		fail_msg("%s: got \"%s\", wanted \"%s\"", path, got, part);
}

static void test_trust_modes(void **state)
{
	struct fixture *f = *state;

	mkdir(at(f, "d"), 0755);
	write_file(f, "d/f", "text", 0644);
	assert_string_equal(read_error(f, at(f, "d/f")), "");
	chmod(at(f, "d/f"), 0646);
	assert_refused(f, at(f, "d/f"), "chmod go-w");
	chmod(at(f, "d/f"), 0644);
	chmod(at(f, "d"), 0757);
	assert_refused(f, at(f, "d/f"), "others can write to the folder");
	chmod(at(f, "d"), 01777);
	assert_string_equal(read_error(f, at(f, "d/f")), "");
	/* a group that others may be in: 12345 is nobody's own */
	chmod(at(f, "d"), 0700);
	if (chown(at(f, "d/f"), (uid_t)-1, 12345) == 0) {
		chmod(at(f, "d/f"), 0664);
		assert_refused(f, at(f, "d/f"), "others can write");
	}
}

static void test_trust_owner(void **state)
{
	struct fixture *f = *state;

	mkdir(at(f, "d"), 0755);
	write_file(f, "d/f", "text", 0644);
	if (chown(at(f, "d/f"), 12345, (gid_t)-1) != 0)
		return;		/* needs root; test_modes is for others */
	assert_refused(f, at(f, "d/f"), "belongs to user 12345");
	assert_int_equal(chown(at(f, "d/f"), 0, (gid_t)-1), 0);
	assert_int_equal(chown(at(f, "d"), 12345, (gid_t)-1), 0);
	assert_refused(f, at(f, "d/f"), "the folder");
	assert_int_equal(symlink(at(f, "c"), at(f, "l")), 0);
	write_file(f, "c", "text", 0644);
	assert_string_equal(read_error(f, at(f, "l")), "");
	assert_int_equal(lchown(at(f, "l"), 12345, (gid_t)-1), 0);
	assert_refused(f, at(f, "l"), "the link");
}

/* A link is followed step by step: an open folder anywhere counts. */
static void test_trust_links(void **state)
{
	struct fixture *f = *state;

	mkdir(at(f, "good"), 0700);
	mkdir(at(f, "open"), 0777);
	chmod(at(f, "open"), 0777);
	write_file(f, "good/f", "text", 0600);
	assert_int_equal(symlink("good/f", at(f, "rel")), 0);
	assert_string_equal(read_error(f, at(f, "rel")), "");
	assert_int_equal(symlink(at(f, "good"), at(f, "abs")), 0);
	assert_string_equal(read_error(f, at(f, "abs/f")), "");
	assert_string_equal(read_error(f, at(f, "abs/../abs/./f")), "");
	assert_int_equal(symlink("../good/f", at(f, "open/l")), 0);
	assert_refused(f, at(f, "open/l"), "/open: chmod go-w");
	/* good -> open -> good: only the step in between is open */
	assert_int_equal(symlink("../open/l", at(f, "good/l")), 0);
	assert_refused(f, at(f, "good/l"), "/open: chmod go-w");
	assert_int_equal(symlink("loop", at(f, "loop")), 0);
	assert_refused(f, at(f, "loop"), "ymbolic links");
}

static void test_trust_kinds(void **state)
{
	struct fixture *f = *state;
	char long_text[102];

	memset(long_text, 'x', 101);
	long_text[101] = '\0';
	assert_refused(f, at(f, "none"), "No such file");
	assert_refused(f, f->folder, "not a regular file");
	assert_int_equal(mkfifo(at(f, "fifo"), 0600), 0);
	assert_refused(f, at(f, "fifo"), "not a regular file");
	write_file(f, "long", long_text, 0600);
	assert_refused(f, at(f, "long"), "larger than the 100");
	write_file(f, "long", long_text + 1, 0600);
	assert_string_equal(read_error(f, at(f, "long")), "");
	assert_refused(f, at(f, "long/x"), "Not a directory");
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_everything),
		TEST(test_oauth),
		TEST(test_defaults_and_places),
		TEST(test_home_from_passwd),
		TEST(test_folder_with_pattern_characters),
		TEST(test_bad),
		TEST(test_all_problems),
		TEST(test_proxy_password),
		TEST(test_mangled),
		TEST(test_trust_modes),
		TEST(test_trust_owner),
		TEST(test_trust_links),
		TEST(test_trust_kinds),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
