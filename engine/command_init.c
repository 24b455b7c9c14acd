#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "first.h"
#include "log.h"
#include "prompt.h"
#include "setting.h"
#include "state_folder.h"
#include "trust.h"

#define TEXT_MAX	65536	/* octets of a file that is written */
#define FILES_MAX	4
#define TRIES_MAX	20	/* rounds of questions */

struct beginning {
	struct command_context *c;
	struct first_account f;
	const char *folder, *config, *fresh;	/* FRESH becomes CONFIG */
	struct buf password;	/* to be written; empty: none */
	const char *made[FILES_MAX];	/* files that this run made */
	size_t n_made;
	bool had_rules;
};

static void say(const struct beginning *b, const char *key, struct str value)
{
	report_fact(b->c->report, &(struct report_fact){
		.account = b->f.name,
		.key = str_of(key),
		.value = value,
		.good = true,
	});
}

/* GIVEN on the command line. */
static struct str path_of(struct beginning *b, const char *given)
{
	return given ? str_of(trust_absolute(b->c->arena, given, NULL)) :
	    STR_EMPTY;
}

/* Or a file: what needs nothing before it. */
static bool is_path(struct str s)
{
	return str_starts(s, STR_LIT("/")) || str_starts(s, STR_LIT("~/"));
}

/* ------------------------------------------------------------ questions */

#define ASK(question, member) \
	prompt_text(b->c->arena, question, b->f.member, &b->f.member, e)

/* Google shows them in four groups. */
static void join_app_password(struct buf *password)
{
	size_t n = 0;

	for (size_t i = 0; i < password->n; i++)
		if (password->p[i] != ' ')
			password->p[n++] = password->p[i];
	password->n = n;
}

static bool ask_password(struct beginning *b, struct err *e)
{
	bool gmail = first_is_gmail(b->f.imap);

	buf_clear(&b->password);
	while (b->password.n == 0)
		if (!prompt_secret(gmail ? "App password (it is not shown)" :
		    "Password (it is not shown)", &b->password, e))
			return false;
	if (gmail)
		join_app_password(&b->password);
	b->f.password_file = arena_printf(b->c->arena, "%.*s.password",
	    STR_ARG(b->f.name));
	return true;
}

static bool ask_oauth(struct beginning *b, struct err *e)
{
	if (b->f.provider.n == 0)
		b->f.provider = first_is_gmail(b->f.imap) ?
		    STR_LIT("google") : STR_LIT("microsoft");
	return ASK("Provider, google or microsoft", provider) &&
	    ASK("The client's number there (client_id)", client_id) &&
	    ASK("File with the client's secret; - if it has none",
	    client_secret_file);
}

/* Typed paths begin where the person is. */
static void settle_secret_file(struct beginning *b)
{
	struct str *file = &b->f.client_secret_file;

	if (str_eq_z(*file, "-"))
		*file = STR_EMPTY;
	else if (file->n > 0 && !is_path(*file))
		*file = path_of(b, arena_z(b->c->arena, *file));
}

static bool ask_login(struct beginning *b, struct err *e)
{
	struct str way = b->f.provider.n ? STR_LIT("3") :
	    b->f.password_command.n ? STR_LIT("2") : STR_LIT("1");

	prompt_say("How does tamis get the password?\n"
	    "  1  from a file that only you can read, written now\n"
	    "  2  from a program that prints it, as pass or secret-tool\n"
	    "  3  not at all: by OAuth 2.0, with a client of your own");
	if (first_is_gmail(b->f.imap))
		prompt_say("Gmail wants an app password, which is made at "
		    "https://myaccount.google.com/apppasswords");
	if (!prompt_text(b->c->arena, "1, 2 or 3", way, &way, e))
		return false;
	b->f.password_file = STR_EMPTY;
	if (str_eq_z(way, "2")) {
		b->f.provider = STR_EMPTY;
		return ASK("The program and its arguments",
		    password_command);
	}
	b->f.password_command = STR_EMPTY;
	if (str_eq_z(way, "3"))
		return ask_oauth(b, e);
	b->f.provider = STR_EMPTY;
	return ask_password(b, e);
}

static struct str with_scheme(struct beginning *b, struct str host)
{
	return str_find_char(host, 0, '/') < host.n ? host :
	    arena_printf(b->c->arena, "imaps://%.*s", STR_ARG(host));
}

static bool ask_all(struct beginning *b, struct err *e)
{
	struct str where = b->f.maildir.n ? b->f.maildir : b->f.imap;

	if (!ASK("Mail address, or name to log in with", user))
		return false;
	if (where.n == 0)
		where = first_server(b->c->arena, b->f.user);
	if (!prompt_text(b->c->arena, "Server as imaps://HOST, or the path "
	    "of a Maildir", where, &where, e) ||
	    !ASK("What to call this account", name))
		return false;
	b->f.maildir = is_path(where) ? where : STR_EMPTY;
	b->f.imap = is_path(where) ? STR_EMPTY : with_scheme(b, where);
	return is_path(where) || ask_login(b, e);
}

/* -------------------------------------------------------------- options */

static void take_options(struct beginning *b)
{
	const struct options *o = b->c->options;

	b->f = (struct first_account){
		.name = str_of(o->accounts.n ? o->accounts.v[0] : "home"),
		.maildir = path_of(b, o->maildir),
		.imap = str_of(o->imap),
		.user = str_of(o->user),
		.ca_file = path_of(b, o->ca_file),
		.password_file = path_of(b, o->password_file),
		.password_command = str_of(o->password_command),
		.provider = str_of(o->oauth2),
		.client_id = str_of(o->client_id),
		.client_secret_file = path_of(b, o->client_secret_file),
	};
	if (b->f.imap.n == 0 && b->f.maildir.n == 0)
		b->f.imap = first_server(b->c->arena, b->f.user);
}

/* What else is missing or wrong the config itself says. */
static bool check_options(const struct beginning *b, struct err *e)
{
	const struct first_account *f = &b->f;
	int ways = (f->password_file.n > 0) + (f->password_command.n > 0) +
	    (f->provider.n > 0);

	if (f->maildir.n > 0 && f->imap.n > 0)
		return err_set(e, ERR_USAGE, "--imap and --maildir exclude "
		    "each other");
	if (f->maildir.n > 0)
		return true;
	if (f->user.n == 0 || f->imap.n == 0)
		return err_set(e, ERR_USAGE, "without a terminal --maildir, "
		    "or --user and --imap are needed");
	if (ways != 1)
		return err_set(e, ERR_USAGE, "without a terminal one of "
		    "--password-file, --password-command and --oauth2 is "
		    "needed");
	return true;
}

/* ---------------------------------------------------------------- files */

static bool cannot(const char *path, struct err *e)
{
	return err_set(e, ERR_STATE, "cannot write %s: %s", path,
	    strerror(errno));
}

static bool put_text(int fd, struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		ssize_t n = write(fd, s.p + at, s.n - at);

		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0;
}

/* A new one only.  *THERE_OUT: there is one already. */
static bool make_file(struct beginning *b, const char *path, struct str text,
    bool *there_out, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	bool ok;

	*there_out = fd < 0 && errno == EEXIST;
	if (*there_out)
		return true;
	if (fd < 0)
		return cannot(path, e);
	b->made[b->n_made++] = path;
	ok = put_text(fd, text) || cannot(path, e);
	close(fd);
	return ok;
}

static const char *beside(const struct beginning *b, struct str name)
{
	return arena_printf(b->c->arena, "%s/%.*s", b->folder,
	    STR_ARG(name)).p;
}

static void unmake(struct beginning *b)
{
	while (b->n_made > 0)
		unlink(b->made[--b->n_made]);
}

static bool make_files(struct beginning *b, struct err *e)
{
	const char *password = beside(b, b->f.password_file);
	struct buf text;
	bool ok, there = false;

	buf_init(&text, TEXT_MAX);
	first_rules(&text);
	ok = state_folder_make(b->c->arena, b->folder, e) &&
	    make_file(b, beside(b, STR_LIT("rules.yaml")), buf_str(&text),
	    &b->had_rules, e);
	if (ok && b->password.n > 0) {
		ok = make_file(b, password, buf_str(&b->password), &there,
		    e);
		if (ok && there)
			ok = err_set(e, ERR_USAGE, "%s is there already; "
			    "give the account another name, or move it away",
			    password);
	}
	buf_clear(&text);
	first_config(&text, &b->f);
	unlink(b->fresh);	/* of a run that was killed */
	ok = ok && make_file(b, b->fresh, buf_str(&text), &there, e);
	buf_free(&text);
	return ok;
}

/* link(2) does not replace what somebody else has put there meanwhile. */
static bool settle(struct beginning *b, struct err *e)
{
	if (link(b->fresh, b->config) != 0)
		return cannot(b->config, e);
	unlink(b->fresh);
	b->n_made--;
	return true;
}

/* ------------------------------------------------------------- the trial */

static bool try_mailbox(struct beginning *b, struct store *s, struct err *e)
{
	struct mailbox_state st;

	if (!s->kind.select(s, STR_LIT("INBOX"), false, &st, e))
		return false;
	say(b, "login", arena_printf(b->c->arena, "works; the inbox has %u "
	    "message%s", st.exists, st.exists == 1 ? "" : "s"));
	return true;
}

static bool try_account(struct beginning *b, const struct account *account,
    struct err *e)
{
	struct store *s = NULL;
	bool ok;

	if (b->c->options->no_connect || account->auth == AUTH_OAUTH)
		return true;
	ok = accounts_open_store(b->c->arena, account, NULL, &s, e) &&
	    try_mailbox(b, s, e);
	store_close(&s);
	return ok;
}

/* Writes all but the config itself, and tries it.  What was written is taken
 * back unless it is good. */
static bool try_all(struct beginning *b, struct err *e)
{
	const struct config *config;
	struct problems ps;
	bool ok = make_files(b, e);

	problems_init(&ps, b->c->arena);
	config = ok ? config_load(b->c->arena, b->fresh, &ps, e) : NULL;
	report_problems(b->c->report, &ps, false);
	if (ok && !config)
		err_set(e, ERR_CONFIG, "this makes no config");
	ok = config && try_account(b, &config->accounts[0], e);
	if (!ok)
		unmake(b);
	return ok;
}

/* ----------------------------------------------------------------- flow */

static bool without_questions(struct beginning *b, struct err *e)
{
	return check_options(b, e) && try_all(b, e);
}

/* Again, with the answers as they were, until it works or is given up. */
static bool with_questions(struct beginning *b, struct err *e)
{
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		struct err mine = { 0 };
		bool again;

		if (!ask_all(b, e))
			return false;
		settle_secret_file(b);
		if (try_all(b, &mine))
			return true;
		log_err(NULL, &mine);
		if (!prompt_yes("Change an answer and try again?", true,
		    &again, e))
			return false;
		if (!again) {
			*e = mine;
			return false;
		}
	}
	return err_set(e, ERR_USAGE, "stopped after %d tries", TRIES_MAX);
}

static void say_end(const struct beginning *b)
{
	const char *name = arena_z(b->c->arena, b->f.name);

	for (size_t i = 0; i < b->n_made; i++)
		say(b, "wrote", str_of(b->made[i]));
	say(b, "wrote", str_of(b->config));
	if (b->had_rules)
		say(b, "kept", str_of(beside(b, STR_LIT("rules.yaml"))));
	if (b->f.provider.n > 0)
		say(b, "next", arena_printf(b->c->arena, "tamis auth %s",
		    name));
	say(b, "next", STR_LIT("tamis run --dry-run --all"));
	report_text(b->c->report, "%s: the rules are for you to change; "
	    "tamis-tutorial(7) says how", name);
}

static bool begin(struct beginning *b, struct err *e)
{
	bool asks = !b->c->options->non_interactive;
	struct stat st;

	if (lstat(b->config, &st) == 0)
		return err_set(e, ERR_USAGE, "there is a config already: %s; "
		    "write the account into it (tamis-config(5)), or name "
		    "another file with -c", b->config);
	if (asks && !prompt_possible())
		return err_set(e, ERR_USAGE, "there is no terminal to ask "
		    "at; see tamis init --help for --non-interactive");
	return (asks ? with_questions(b, e) : without_questions(b, e)) &&
	    settle(b, e);
}

int command_init(struct command_context *c)
{
	struct beginning b = { .c = c };
	struct err e = { 0 };
	bool ok;

	b.config = c->options->config ? trust_absolute(c->arena,
	    c->options->config, NULL) : arena_printf(c->arena,
	    "%s/config.yaml", setting_xdg(c->arena, "XDG_CONFIG_HOME",
	    ".config")).p;
	b.fresh = arena_printf(c->arena, "%s.new", b.config).p;
	b.folder = setting_folder(c->arena, b.config);
	buf_init(&b.password, PROMPT_LINE_MAX);
	take_options(&b);
	ok = begin(&b, &e);
	if (ok) {
		say_end(&b);
	} else {
		unmake(&b);
		log_err(NULL, &e);
	}
	buf_wipe_free(&b.password);
	return ok ? EXIT_DONE : exit_of(e.kind);
}
