#include "config_room.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "http.h"
#include "trust.h"
#include "wire.h"

#define TIMEOUT_MAX	86400	/* seconds */

/* ------------------------------------------------------------ the table */

enum key_type {
	TYPE_TEXT, TYPE_PATH, TYPE_BOOL, TYPE_SIZE, TYPE_DURATION,
	TYPE_DURATION_OR_0, TYPE_TIMEOUT, TYPE_NUMBER, TYPE_NUMBER_OR_0,
	TYPE_WORD, TYPE_WORDS, TYPE_PATHS, TYPE_MAILBOX, TYPE_MAILBOXES,
	TYPE_COMMAND, TYPE_PROXY, TYPE_URL, TYPE_PROVIDER,
	/* read by code of their own, with more in view than their value */
	TYPE_VERSION, TYPE_SECTION, TYPE_RULES, TYPE_SERVER, TYPE_MECHANISM,
	TYPE_TRUE, TYPE_LATER,
	TYPE_WEBHOOK, TYPE_HEADERS, TYPE_FILLING, TYPE_ADDRESS,
	TYPE_ADDRESSES, TYPE_BETWEEN, TYPE_URGENCIES,
};

struct key {
	enum section section;
	const char *name;
	enum key_type type;
	size_t offset;
	const char *initial;	/* the default; "" is none */
	const char *unit;
	const char *help;
};

#define STRUCT_TOP	struct config
#define STRUCT_ACCOUNT	struct account
#define STRUCT_AUTH	struct account
#define STRUCT_TLS	struct account
#define STRUCT_PGP	struct account
#define STRUCT_SMIME	struct account
#define STRUCT_CHANNEL	struct channel
#define STRUCT_QUIET	struct quiet_hours
#define STRUCT_LIMITS	struct config_limits

#define KEY(section, name, type, member, initial, unit, help) \
	{ SECTION_ ## section, name, TYPE_ ## type, \
	offsetof(STRUCT_ ## section, member), initial, unit, help },
static const struct key keys[] = {
#include "config.def"
};
#undef KEY

/* What a section is called in messages. */
static const char *const section_words[SECTION_N] = {
	[SECTION_TOP] = "key", [SECTION_ACCOUNT] = "key of an account",
	[SECTION_AUTH] = "key of `auth`", [SECTION_TLS] = "key of `tls`",
	[SECTION_PGP] = "key of `pgp`", [SECTION_SMIME] = "key of `smime`",
	[SECTION_CHANNEL] = "key of a channel",
	[SECTION_QUIET] = "key of `quiet_hours`",
	[SECTION_LIMITS] = "limit",
};

/* MAILBOXES, PATHS and WORDS keep a list where its count follows. */
#define COUNT_FOLLOWS(s, list, count)	\
	_Static_assert(offsetof(s, count) == offsetof(s, list) + \
	    sizeof(char **), "a list and its count stand together")
COUNT_FOLLOWS(struct account, on_swallowed, n_on_swallowed);
_Static_assert(sizeof(enum on_swallowed) == sizeof(int), "see setting_words");
COUNT_FOLLOWS(struct account, mailboxes, n_mailboxes);
COUNT_FOLLOWS(struct account_smime, key_files, n_key_files);
COUNT_FOLLOWS(struct account_smime, certificate_files,
    n_certificate_files);

static const struct key *key_of(enum section section, struct str name)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].section == section &&
		    str_eq_z(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static bool known_keys(const struct reading *l, const struct node *map,
    enum section section)
{
	const char *names[COUNT(keys)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].section == section)
			names[n++] = keys[i].name;
	return node_only_keys(map, names, n, section_words[section], l->ps);
}

static bool read_url(const struct reading *l, const struct node *n,
    const char *what, const char **out)
{
	const char *url, *wrong;

	if (!setting_text(l, n, what, &url))
		return false;
	wrong = http_url_wrong(url);
	if (wrong)
		return problem(l->ps, n->pos, "`%s` %s", what, wrong);
	*out = url;
	return true;
}

static bool read_provider(const struct reading *l, const struct node *n,
    const char *what, const char **out)
{
	const char *name;

	if (!setting_text(l, n, what, &name))
		return false;
	if (!oauth_provider_known(name))
		return problem(l->ps, n->pos, "`%s` must be one of: %s; "
		    "`other` needs the provider's endpoints", what,
		    oauth_providers());
	*out = name;
	return true;
}

/* Those whose value says all; the others are for the sections to read. */
static void read_value(const struct reading *l, const struct node *n,
    const struct key *k, const char *what, void *at)
{
	bool ok = true;

	switch (k->type) {
	case TYPE_TEXT:
		ok = setting_text(l, n, what, at);
		break;
	case TYPE_PATH:
		ok = setting_path(l, n, what, at);
		break;
	case TYPE_BOOL:
		ok = node_bool(n, what, at, l->ps);
		break;
	case TYPE_SIZE:
		ok = setting_size(l, n, what, at);
		break;
	case TYPE_DURATION:
	case TYPE_DURATION_OR_0:
	case TYPE_TIMEOUT:
		ok = setting_seconds(l, n, what, k->type !=
		    TYPE_DURATION_OR_0, k->type == TYPE_TIMEOUT ?
		    TIMEOUT_MAX : INT64_MAX, at);
		break;
	case TYPE_NUMBER:
	case TYPE_NUMBER_OR_0:
		ok = setting_number(l, n, what, k->type == TYPE_NUMBER,
		    at);
		break;
	case TYPE_WORD:
		ok = setting_word(l, n, k->unit, what, at);
		break;
	case TYPE_WORDS:
		ok = setting_words(l, n, k->unit, what, at);
		break;
	case TYPE_MAILBOX:
		ok = setting_mailbox(l, n, what, at);
		break;
	case TYPE_PATHS:
		ok = setting_paths(l, n, what, at);
		break;
	case TYPE_MAILBOXES:
		ok = setting_mailboxes(l, n, what, at);
		break;
	case TYPE_COMMAND:
		ok = setting_command(l, n, what, at);
		break;
	case TYPE_PROXY:
		ok = setting_proxy(l, n, what, at);
		break;
	case TYPE_URL:
		ok = read_url(l, n, what, at);
		break;
	case TYPE_PROVIDER:
		ok = read_provider(l, n, what, at);
		break;
	case TYPE_LATER:
		ok = problem(l->ps, n->pos,
		    "`%s` is not yet supported; leave it out", what);
		break;
	case TYPE_VERSION: case TYPE_SECTION: case TYPE_RULES:
	case TYPE_SERVER: case TYPE_MECHANISM: case TYPE_TRUE:
	case TYPE_WEBHOOK: case TYPE_HEADERS: case TYPE_FILLING:
	case TYPE_ADDRESS: case TYPE_ADDRESSES: case TYPE_BETWEEN:
	case TYPE_URGENCIES:
		break;
	}
	(void)ok;	/* what is wrong stands among the problems */
}

bool config_section(const struct reading *l, const struct node *map,
    enum section section, const char *prefix, void *base)
{
	if (map->kind != NODE_MAP)
		return problem(l->ps, map->pos, "`%s` must be a map", prefix);
	known_keys(l, map, section);
	for (size_t i = 0; i < map->n; i++) {
		const struct key *k = key_of(section, map->keys[i]->text);
		const char *what;

		if (!k)
			continue;
		what = prefix[0] ? arena_printf(l->a, "%s.%s", prefix,
		    k->name).p : k->name;
		read_value(l, map->items[i], k, what,
		    (char *)base + k->offset);
	}
	return true;
}

/* They are right. */
void config_defaults(enum section section, void *base)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct key *k = &keys[i];
		struct str initial = str_of(k->initial);
		void *at = (char *)base + k->offset;
		uint64_t n = 0;

		if (k->section != section || initial.n == 0)
			continue;
		switch (k->type) {
		case TYPE_SIZE:
			if (!parse_size(initial, at))
				abort();
			break;
		case TYPE_DURATION:
		case TYPE_DURATION_OR_0:
		case TYPE_TIMEOUT:
			if (!parse_duration(initial, at))
				abort();
			break;
		case TYPE_NUMBER:
		case TYPE_NUMBER_OR_0:
			if (!str_u64(initial, UINT32_MAX, &n))
				abort();
			*(uint32_t *)at = (uint32_t)n;
			break;
		default:	/* zero, the first word, INBOX: see there */
			break;
		}
	}
}

/* ---------------------------------------------------------------- rules */

static bool has_pattern(const char *written)
{
	return written[strcspn(written, "*?[")] != '\0';
}

struct files {
	const char **v;
	size_t n, cap;
};

/* A file that an earlier pattern gave keeps its place: [first.yaml, *.yaml]
 * is a way to give an order. */
static void add_file(const struct reading *l, struct files *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i], path) == 0)
			return;
	arena_grow(l->a, &f->v, f->n, &f->cap);
	f->v[f->n++] = arena_z(l->a, str_of(path));
}

static int stop_glob(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static bool expand(const struct reading *l, const struct node *n,
    const char *written, struct files *f)
{
	glob_t g = { 0 };
	int rc = glob(setting_pattern(l, written), 0, stop_glob, &g);

	for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++)
		add_file(l, f, g.gl_pathv[i]);
	globfree(&g);
	if (rc == 0)
		return true;
	if (rc != GLOB_NOMATCH)
		return problem(l->ps, n->pos, "a folder of `%s` cannot be "
		    "read", written);
	return problem(l->ps, n->pos, has_pattern(written) ?
	    "no file fits `%s` (looked in %s)" :
	    "there is no file `%s` (looked in %s)", written, l->folder);
}

static void read_rules(const struct reading *l, const struct node *n,
    const char *what, const char *const **list_out, size_t *n_out)
{
	struct files f = { 0 };
	struct str *list;
	size_t count;

	if (!node_texts(l->a, n, what, &list, &count, l->ps))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct node *at = n->kind == NODE_LIST ?
		    n->items[i] : n;

		if (list[i].n == 0)
			problem(l->ps, at->pos, "`%s` has an empty path",
			    what);
		else
			expand(l, at, arena_z(l->a, list[i]), &f);
		if (f.n > RULES_FILES_MAX) {
			problem(l->ps, at->pos, "more than %d rule files",
			    RULES_FILES_MAX);
			return;
		}
	}
	*list_out = f.v;
	*n_out = f.n;
}

/* -------------------------------------------------------------- account */

static bool host_char(char c)
{
	return (unsigned char)c > 0x20 && c != 0x7F && !strchr("/?#@\\%\"<>",
	    c);
}

/* HOST, or [IPv6]; then perhaps :PORT and a last slash. */
static bool split_host(const struct reading *l, struct str s,
    struct account *out)
{
	bool bracket = s.n > 0 && s.p[0] == '[';
	size_t end = str_find_char(s, 0, bracket ? ']' : ':');
	struct str host = str_sub(s, bracket, end - bracket), port;
	uint64_t n = 0;

	if (bracket && end == s.n)
		return false;
	port = str_sub(s, end + bracket, s.n);
	if (str_ends(port, STR_LIT("/")))
		port.n--;
	else if (port.n == 0 && str_ends(host, STR_LIT("/")))
		host.n--;
	if (host.n == 0 || host.n > 255)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!host_char(host.p[i]))
			return false;
	if (port.n > 0) {
		if (port.p[0] != ':' || !str_u64(str_sub(port, 1, port.n),
		    65535, &n) || n == 0)
			return false;
		out->port = (uint16_t)n;
	}
	out->host = arena_z(l->a, host);
	return true;
}

bool config_server(const struct reading *l, const struct node *n,
    const struct config_scheme *scheme, struct account *out)
{
	size_t letters = strlen(scheme->name);
	struct str url;
	bool tls;

	if (!node_text(n, scheme->name, &url, l->ps))
		return false;
	tls = str_istarts(str_sub(url, letters, url.n), STR_LIT("s://"));
	if (!str_istarts(url, str_of(scheme->name)) || (!tls &&
	    !str_istarts(str_sub(url, letters, url.n), STR_LIT("://"))))
		return problem(l->ps, n->pos, "`%s` must begin with %ss:// "
		    "or %s://", scheme->name, scheme->name, scheme->name);
	out->tls = tls ? TLS_IMAPS : TLS_STARTTLS;
	out->port = tls ? scheme->tls_port : scheme->port;
	url = str_sub(url, letters + (tls ? 4 : 3), url.n);
	if (str_find_char(url, 0, '@') < url.n)
		return problem(l->ps, n->pos, "`%s`: the user has a key of "
		    "its own: `user`", scheme->name);
	if (!split_host(l, url, out))
		return problem(l->ps, n->pos, "`%s` must be %ss://HOST, or "
		    "%ss://HOST:PORT, and nothing behind it", scheme->name,
		    scheme->name, scheme->name);
	return true;
}

/* Which keys of AUTH exclude each other, and what each makes of it. */
static const struct auth_way {
	const char *key;
	enum auth_kind kind;
	const char *mechanisms;
} auth_ways[] = {
	{ "password_command", AUTH_PASSWORD,
	    "PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256" },
	{ "password_file", AUTH_PASSWORD,
	    "PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256" },
	{ "token_command", AUTH_TOKEN, "XOAUTH2, OAUTHBEARER" },
	{ "oauth2", AUTH_OAUTH, "XOAUTH2, OAUTHBEARER" },
	{ "external", AUTH_EXTERNAL, "EXTERNAL" },
};

/* Keys that mean something beside `oauth2` only. */
static const char *const oauth_keys[] = {
	"client_id", "client_secret_file", "scope", "tenant",
	"authorization_endpoint", "token_endpoint",
	"device_authorization_endpoint", "ca_file",
};

static bool read_mechanism(const struct reading *l, const struct node *n,
    const struct auth_way *way, const char **out)
{
	struct str text, list = str_of(way->mechanisms), one;

	if (!node_text(n, "auth.mechanism", &text, l->ps))
		return false;
	while (str_cut(&list, ',', &one)) {
		one = str_trim(one);
		if (!str_ieq(one, text))
			continue;
		*out = arena_z(l->a, one);
		return true;
	}
	return problem(l->ps, n->pos, "with `%s`, `mechanism` must be one "
	    "of: %s", way->key, way->mechanisms);
}

bool config_true(const struct reading *l, const struct node *map,
    const char *key, bool *out)
{
	const struct node *n = node_get(map, key);
	bool value = false;

	if (!n)
		return true;
	if (!node_bool(n, key, &value, l->ps))
		return false;
	if (!value)
		return problem(l->ps, n->pos, "`%s` is true, or left out",
		    key);
	*out = true;
	return true;
}

static bool is_tenant(const char *s)
{
	for (; *s; s++)
		if (!ch_alnum(*s) && *s != '.' && *s != '-')
			return false;
	return true;
}

/* With the keys read, each for itself. */
static void check_oauth(const struct reading *l, const struct node *map,
    struct account *out)
{
	struct oauth_client *c = &out->oauth;
	const struct node *tenant = node_get(map, "tenant");

	c->account = out->name;
	c->user = out->user;
	if (!c->provider)
		return;		/* said already */
	if (!node_get(map, "client_id"))
		problem(l->ps, map->pos, "`oauth2` needs `client_id`: what "
		    "the provider calls the client that you registered "
		    "there");
	if (tenant && (!oauth_has_tenant(c->provider) || !c->tenant ||
	    !is_tenant(c->tenant)))
		problem(l->ps, tenant->pos, "`tenant` is the name or number "
		    "of a directory, and goes with `oauth2: microsoft`");
	oauth_complete(l->a, c);
	if ((!c->authorization_endpoint && !node_get_key(map,
	    "authorization_endpoint")) || (!c->token_endpoint &&
	    !node_get_key(map, "token_endpoint")))
		problem(l->ps, map->pos, "`oauth2: other` needs "
		    "`authorization_endpoint` and `token_endpoint`");
}

static void only_with_oauth(const struct reading *l, const struct node *map)
{
	for (size_t i = 0; i < COUNT(oauth_keys); i++) {
		const struct node *key = node_get_key(map, oauth_keys[i]);

		if (key)
			problem(l->ps, key->pos, "`%s` goes with `oauth2`",
			    oauth_keys[i]);
	}
}

void config_auth(const struct reading *l, const struct node *map,
    struct account *out)
{
	const struct auth_way *way = NULL;
	const struct node *mechanism;
	bool external = false;
	size_t before = l->ps->errors;

	if (!config_section(l, map, SECTION_AUTH, "auth", out))
		return;
	for (size_t i = 0; i < COUNT(auth_ways); i++) {
		const struct node *key = node_get_key(map, auth_ways[i].key);

		if (key && way)
			problem(l->ps, key->pos, "`%s` and `%s` exclude each "
			    "other", way->key, auth_ways[i].key);
		else if (key)
			way = &auth_ways[i];
	}
	config_true(l, map, "external", &external);
	if (!way) {
		if (l->ps->errors == before)
			problem(l->ps, map->pos, "`auth` needs one of: "
			    "password_command, password_file, token_command, "
			    "oauth2, external");
		return;
	}
	out->auth = way->kind;
	if (way->kind == AUTH_OAUTH)
		check_oauth(l, map, out);
	else
		only_with_oauth(l, map);
	mechanism = node_get(map, "mechanism");
	if (mechanism)
		read_mechanism(l, mechanism, way, &out->mechanism);
}

void config_tls(const struct reading *l, const struct node *map,
    const char *scheme, struct account *out)
{
	const struct node *plain;
	bool no_tls = false;

	if (!config_section(l, map, SECTION_TLS, "tls", out))
		return;
	if (out->key_file && !out->certificate_file)
		problem(l->ps, node_get(map, "key_file")->pos,
		    "`key_file` needs `certificate_file` beside it");
	plain = node_get_key(map, "insecure_plaintext");
	if (!plain || !config_true(l, map, "insecure_plaintext", &no_tls))
		return;
	if (!out->host)
		return;		/* said already */
	if (out->tls == TLS_IMAPS)
		problem(l->ps, plain->pos, "`insecure_plaintext` goes with "
		    "%s://, not with %ss://", scheme, scheme);
	else if (!wire_host_is_loopback(out->host))
		problem(l->ps, plain->pos, "`insecure_plaintext` is for this "
		    "machine only; %s is another one", out->host);
	else if (out->ca_file || out->certificate_file)
		problem(l->ps, plain->pos, "without TLS there are no "
		    "certificates");
	out->tls = TLS_NONE;
	out->insecure = true;	/* nothing is verified here either */
}

static void read_smime(const struct reading *l, const struct node *map,
    struct account *out)
{
	const struct node *n;

	if (!config_section(l, map, SECTION_SMIME, "smime", out) ||
	    out->smime.key_files)
		return;
	n = node_get_key(map, "certificate_file");
	if (!n)
		n = node_get_key(map, "passphrase_command");
	if (n)
		problem(l->ps, n->pos, "`%.*s` needs `key_file` beside it",
		    STR_ARG(n->text));
}

static void check_imap(const struct reading *l, const struct node *map,
    struct pos pos, struct account *out)
{
	static const struct config_scheme imap = { "imap", 993, 143 };
	const struct node *auth = node_get(map, "auth");
	const struct node *tls = node_get(map, "tls");

	out->kind = ACCOUNT_IMAP;
	config_server(l, node_get(map, "imap"), &imap, out);
	if (!node_get(map, "user"))
		problem(l->ps, pos, "account `%s` needs `user`", out->name);
	if (tls)
		config_tls(l, tls, imap.name, out);
	if (auth)
		config_auth(l, auth, out);
	else
		problem(l->ps, pos, "account `%s` needs `auth`", out->name);
	if (out->auth == AUTH_EXTERNAL && !out->certificate_file && auth)
		problem(l->ps, auth->pos, "`external` needs "
		    "`certificate_file` under `tls`");
}

static void check_maildir(const struct reading *l, const struct node *map,
    struct account *out)
{
	static const char *const imap_only[] = { "user", "auth", "tls",
	    "proxy", "compress", "timeout" };

	out->kind = ACCOUNT_MAILDIR;
	for (size_t i = 0; i < COUNT(imap_only); i++) {
		const struct node *key = node_get_key(map, imap_only[i]);

		if (key)
			problem(l->ps, key->pos, "`%s` has no meaning for a "
			    "Maildir", imap_only[i]);
	}
}

bool config_name_good(struct str name)
{
	if (name.n == 0 || name.n > 64 || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ch_alnum(name.p[i]) && !strchr("._-", name.p[i]))
			return false;
	return true;
}

static void read_account(const struct reading *l, const struct node *key,
    const struct node *map, struct account *out)
{
	static const char *const inbox[] = { "INBOX", NULL };
	static const enum on_swallowed swallowed[] = { SWALLOWED_DATE,
	    SWALLOWED_NEW_ID, SWALLOWED_GIVE_UP };
	const struct node *imap, *maildir, *rules, *pgp, *smime;
	const char *prefix;

	config_defaults(SECTION_ACCOUNT, out);
	out->name = arena_z(l->a, key->text);
	out->pos = key->pos;
	out->mailboxes = inbox;
	out->n_mailboxes = 1;
	out->on_swallowed = swallowed;
	out->n_on_swallowed = COUNT(swallowed);
	if (!config_name_good(key->text))
		problem(l->ps, key->pos, "the name of an account is made of "
		    "A-Z a-z 0-9 . _ -, up to 64, and begins with no dot");
	prefix = arena_printf(l->a, "accounts.%s", out->name).p;
	if (!config_section(l, map, SECTION_ACCOUNT, prefix, out))
		return;
	imap = node_get_key(map, "imap");
	maildir = node_get_key(map, "maildir");
	rules = node_get(map, "rules");
	if (rules)
		read_rules(l, rules, "rules", &out->rules, &out->n_rules);
	pgp = node_get(map, "pgp");
	if (pgp)
		(void)config_section(l, pgp, SECTION_PGP, "pgp", out);
	smime = node_get(map, "smime");
	if (smime)
		read_smime(l, smime, out);
	if (imap && maildir)
		problem(l->ps, maildir->pos,
		    "an account has `imap` or `maildir`, not both");
	else if (imap)
		check_imap(l, map, key->pos, out);
	else if (maildir)
		check_maildir(l, map, out);
	else
		problem(l->ps, key->pos,
		    "account `%s` needs `imap` or `maildir`", out->name);
}

static void read_accounts(const struct reading *l, const struct node *map,
    struct config *c)
{
	struct account *list;

	if (map->kind != NODE_MAP) {
		problem(l->ps, map->pos, "`accounts` must be a map: the name "
		    "of each account, and below it what it is");
		return;
	}
	if (map->n > CONFIG_ACCOUNTS_MAX) {
		problem(l->ps, map->pos, "more than %d accounts",
		    CONFIG_ACCOUNTS_MAX);
		return;
	}
	list = arena_array(l->a, map->n, sizeof(*list));
	for (size_t i = 0; i < map->n; i++) {
		list[i].limits = &c->limits;
		list[i].state = arena_printf(l->a, "%s/%.*s", c->state_home,
		    STR_ARG(map->keys[i]->text)).p;
		read_account(l, map->keys[i], map->items[i], &list[i]);
	}
	c->accounts = list;
	c->n_accounts = map->n;
}

/* ------------------------------------------------------------ the whole */

static void read_limits(const struct reading *l, const struct node *map,
    struct config_limits *out)
{
	const struct node *body;

	if (!config_section(l, map, SECTION_LIMITS, "limits", out))
		return;
	body = node_get(map, "body");
	if (body && out->body > MAIL_PART_TEXT_MAX)
		problem(l->ps, body->pos, "`limits.body` may be at most 1M");
}

static void read_version(const struct reading *l, const struct node *map)
{
	const struct node *n = node_get(map, "version");
	uint64_t version;

	if (!n)
		problem(l->ps, map->pos, "the file must say `version: 1`");
	else if (node_number(n, "version", UINT32_MAX, &version, l->ps) &&
	    version != 1)
		problem(l->ps, n->pos, "this tamis knows version 1 only");
}

static void read_top(const struct reading *l, const struct node *map,
    struct config *c)
{
	const struct node *n;

	read_version(l, map);
	if (!config_section(l, map, SECTION_TOP, "", c))
		return;
	if ((n = node_get(map, "limits")))
		read_limits(l, n, &c->limits);
	if ((n = node_get(map, "rules")))
		read_rules(l, n, "rules", &c->rules, &c->n_rules);
	if ((n = node_get(map, "accounts")))
		read_accounts(l, n, c);
	if ((n = node_get(map, "notify")))
		config_channels(l, n, c);
	if ((n = node_get(map, "quiet_hours")))
		config_quiet_hours(l, n, &c->quiet_hours);
}

static bool is_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 && errno == ENOENT;
}

const struct config *config_load(struct arena *a, const char *path,
    struct problems *ps, struct err *e)
{
	struct config *c = arena_make(a, struct config);
	struct reading l = { .a = a, .ps = ps };
	size_t before = ps->errors;
	struct node *top;
	struct buf text;
	bool ok;

	config_defaults(SECTION_TOP, c);
	config_defaults(SECTION_LIMITS, &c->limits);
	c->state_home = setting_xdg(a, "XDG_STATE_HOME", ".local/state");
	if (!path) {
		path = arena_printf(a, "%s/config.yaml", setting_xdg(a,
		    "XDG_CONFIG_HOME", ".config")).p;
		if (is_missing(path))
			return c;
	}
	c->path = l.path = trust_absolute(a, path, NULL);
	l.folder = setting_folder(a, l.path);
	l.home = setting_home(a);
	buf_init(&text, NODE_FILE_MAX);
	ok = trust_read(l.path, &text, e);
	top = ok ? node_read(a, path, buf_str(&text), ps) : NULL;
	buf_free(&text);
	if (top && top->kind != NODE_MAP)
		problem(ps, top->pos, "a config is a map: version, rules, "
		    "accounts");
	else if (top)
		read_top(&l, top, c);
	return ok && top && ps->errors == before ? c : NULL;
}

const struct account *config_account(const struct config *c,
    const char *name)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		if (strcmp(c->accounts[i].name, name) == 0)
			return &c->accounts[i];
	return NULL;
}

const struct channel *config_channel(const struct config *c,
    struct str name)
{
	for (size_t i = 0; i < c->n_channels; i++)
		if (str_eq_z(name, c->channels[i].name))
			return &c->channels[i];
	return NULL;
}

const char *account_owner(struct arena *a, const struct account *account)
{
	bool v6;

	if (account->kind == ACCOUNT_MAILDIR)
		return account->maildir;
	v6 = strchr(account->host, ':') != NULL;
	return arena_printf(a, "%s://%s%s%s:%u %s",
	    account->tls == TLS_IMAPS ? "imaps" : "imap", v6 ? "[" : "",
	    account->host, v6 ? "]" : "", (unsigned)account->port,
	    account->user).p;
}

/* --------------------------------------------------------------- reader */

static bool read_trusted(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	(void)ctx;
	return trust_read(path, out, e);
}

static bool read_zone(void *ctx, const char *name, struct buf *out,
    struct err *e)
{
	(void)ctx;
	return clock_zone_file(name, out, e);
}

const struct file_reader config_reader = {
	.read = read_trusted,
	.zone = read_zone,
};
