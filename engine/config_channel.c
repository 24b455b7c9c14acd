/*
 * Channels, and when they are silent.
 */
#include "config_room.h"

#include <string.h>
#include <sys/stat.h>

#include "filling.h"
#include "http.h"

#define HEADERS_MAX	50
#define HEADER_MAX	4096	/* octets of one */
#define RECIPIENTS_MAX	100

/* Which keys a kind of channel has; `timeout` has each. */
static const struct kind {
	const char *key;	/* that says which it is */
	enum channel_kind kind;
	const char *others;
} kinds[] = {
	{ "command", CHANNEL_COMMAND, "" },
	{ "webhook", CHANNEL_WEBHOOK,
	    "headers, body_template, insecure, tls, proxy" },
	{ "smtp", CHANNEL_MAIL, "to, from, user, auth, tls, proxy" },
};

static bool has_word(const char *list, struct str word)
{
	struct str rest = str_of(list), one;

	while (str_cut(&rest, ',', &one))
		if (str_eq(str_trim(one), word))
			return true;
	return false;
}

/* ---------------------------------------------------------------- command */

static void read_command(const struct reading *l, const struct node *n,
    struct channel *out)
{
	for (size_t i = 0; out->command && out->command[i]; i++)
		filling_check(n->items[i], str_of(out->command[i]),
		    i ? FILLING_SAFE : 0, "command", l->ps);
}

/* ---------------------------------------------------------------- webhook */

static bool token_char(char c)	/* RFC 9110 5.6.2 */
{
	return ch_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool header_good(const struct reading *l, const struct node *key,
    const struct node *value)
{
	struct str text;

	for (size_t i = 0; i < key->text.n; i++)
		if (!token_char(key->text.p[i]))
			return problem(l->ps, key->pos, "the name of a "
			    "header field is made of letters, digits and -");
	if (!node_text(value, "headers", &text, l->ps))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
			return problem(l->ps, value->pos, "a header field has "
			    "no line ends or other control characters in it");
	if (key->text.n + text.n > HEADER_MAX)
		return problem(l->ps, value->pos, "the header field is too "
		    "long");
	if (strstr(arena_z(l->a, text), "$("))
		return problem(l->ps, value->pos, "$(...) stands in "
		    "`body_template` only");
	return true;
}

/* By its name; a URL that is one nobody can tell. */
static bool holds_secret(struct str name)
{
	static const char *const words[] = { "auth", "token", "key",
	    "secret", "password", "cookie" };

	for (size_t i = 0; i < COUNT(words); i++)
		for (size_t at = 0; at < name.n; at++)
			if (str_istarts(str_sub(name, at, name.n),
			    str_of(words[i])))
				return true;
	return false;
}

/* The config itself is a secret then. */
static bool is_private(const struct reading *l, const struct node *key)
{
	struct stat st;

	if (!holds_secret(key->text) || (stat(l->path, &st) == 0 &&
	    !(st.st_mode & 077)))
		return true;
	return problem(l->ps, key->pos, "`%.*s` seems to hold a secret, and "
	    "others can read this file: chmod 600 %s", STR_ARG(key->text),
	    l->path);
}

static void read_headers(const struct reading *l, const struct node *map,
    struct channel *out)
{
	const char **list;
	size_t k = 0;

	if (map->kind != NODE_MAP || map->n > HEADERS_MAX) {
		problem(l->ps, map->pos, "`headers` must be a map of up to "
		    "%d header fields", HEADERS_MAX);
		return;
	}
	list = arena_array(l->a, map->n + 1, sizeof(*list));
	for (size_t i = 0; i < map->n; i++)
		if (is_private(l, map->keys[i]) &&
		    header_good(l, map->keys[i], map->items[i]))
			list[k++] = arena_printf(l->a, "%.*s: %.*s",
			    STR_ARG(map->keys[i]->text),
			    STR_ARG(map->items[i]->text)).p;
	out->headers = list;
}

static void read_webhook_tls(const struct reading *l,
    const struct node *map, struct channel *out)
{
	static const char *const refused[] = { "insecure",
	    "insecure_plaintext", "certificate_file", "key_file" };

	config_tls(l, map, "http", &out->server);
	for (size_t i = 0; i < COUNT(refused); i++) {
		const struct node *key = node_get_key(map, refused[i]);

		if (key)
			problem(l->ps, key->pos, "`tls` of a webhook has "
			    "`ca_file` only; its certificate is always "
			    "verified");
	}
}

/* NULL: nothing. */
static const char *url_wrong(const struct reading *l,
    const struct channel *c)
{
	struct str url = str_of(c->url);

	if (strstr(c->url, "$("))
		return "has no $(...) in it: a message must not choose where "
		    "it goes";
	if (!str_istarts(url, STR_LIT("http://")))
		return c->insecure ? "is https:// already; leave `insecure` "
		    "out" : http_url_wrong(c->url);
	if (!c->insecure)
		return "must begin with https://; without TLS anybody on the "
		    "way reads it (`insecure: true` allows it)";
	return http_url_wrong(arena_printf(l->a, "https%.*s",
	    STR_ARG(str_sub(url, 4, url.n))).p);
}

static void read_webhook(const struct reading *l, const struct node *map,
    struct channel *out)
{
	const struct node *n = node_get(map, "webhook"), *more;
	const char *wrong;

	config_true(l, map, "insecure", &out->insecure);
	if (setting_text(l, n, "webhook", &out->url) &&
	    (wrong = url_wrong(l, out)))
		problem(l->ps, n->pos, "`webhook` %s", wrong);
	if ((more = node_get(map, "headers")))
		read_headers(l, more, out);
	if ((more = node_get(map, "body_template")) && node_text(more,
	    "body_template", &out->body_template, l->ps)) {
		if (out->body_template.n > FILLING_MAX)
			problem(l->ps, more->pos, "`body_template` is too "
			    "long");
		filling_check(more, out->body_template, FILLING_ALL,
		    "body_template", l->ps);
	}
	if ((more = node_get(map, "tls")))
		read_webhook_tls(l, more, out);
}

/* ------------------------------------------------------------------- mail */

static void read_to(const struct reading *l, const struct node *n,
    struct channel *out)
{
	const struct node *one = n;
	const struct node *const *items = &one;
	const char **to;
	size_t count = 1;

	if (n->kind == NODE_LIST) {
		items = (const struct node *const *)n->items;
		count = n->n;
	}
	if (count == 0 || count > RECIPIENTS_MAX) {
		problem(l->ps, n->pos, "`to` must name 1 to %d addresses",
		    RECIPIENTS_MAX);
		return;
	}
	to = arena_array(l->a, count + 1, sizeof(*to));
	for (size_t i = 0; i < count; i++)
		if (!setting_address(l, items[i], "to", &to[i]))
			return;
	out->to = to;
}

static void read_mail(const struct reading *l, const struct node *map,
    struct pos pos, struct channel *out)
{
	static const struct config_scheme smtp = { "smtp", 465, 587 };
	const struct node *auth = node_get(map, "auth");
	const struct node *tls = node_get(map, "tls");
	const struct node *to = node_get(map, "to");
	const struct node *from = node_get(map, "from");

	config_server(l, node_get(map, "smtp"), &smtp, &out->server);
	if (tls)
		config_tls(l, tls, smtp.name, &out->server);
	if (auth)
		config_auth(l, auth, &out->server);
	if (out->server.auth == AUTH_OAUTH)
		problem(l->ps, auth->pos, "`oauth2` is not yet supported for "
		    "a channel; `token_command` is");
	if (!auth != !node_get(map, "user"))
		problem(l->ps, pos, "`user` and `auth` stand together");
	if (to)
		read_to(l, to, out);
	else
		problem(l->ps, pos, "a channel with `smtp` needs `to`");
	if (out->to)
		out->from = out->to[0];
	if (from)
		setting_address(l, from, "from", &out->from);
}

/* -------------------------------------------------------------- a channel */

/* NULL: none of them. */
static const struct kind *kind_of(const struct reading *l,
    const struct node *map)
{
	const struct kind *found = NULL;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct node *key = node_get_key(map, kinds[i].key);

		if (key && found)
			problem(l->ps, key->pos, "`%s` and `%s` exclude each "
			    "other", found->key, kinds[i].key);
		else if (key)
			found = &kinds[i];
	}
	return found;
}

static void check_keys(const struct reading *l, const struct node *map,
    const struct kind *kind)
{
	for (size_t i = 0; i < map->n; i++) {
		struct str key = map->keys[i]->text;
		bool others = false;

		for (size_t k = 0; k < COUNT(kinds); k++)
			others |= has_word(kinds[k].others, key);
		if (others && !(kind && has_word(kind->others, key)))
			problem(l->ps, map->keys[i]->pos, "`%.*s` has no "
			    "meaning for this kind of channel", STR_ARG(key));
	}
}

static void read_channel(const struct reading *l, const struct node *key,
    const struct node *map, struct channel *out)
{
	const struct kind *kind;
	const char *prefix;

	config_defaults(SECTION_CHANNEL, out);
	out->name = arena_z(l->a, key->text);
	out->pos = key->pos;
	if (!config_name_good(key->text))
		problem(l->ps, key->pos, "the name of a channel is made of "
		    "A-Z a-z 0-9 . _ -, up to 64, and begins with no dot");
	prefix = arena_printf(l->a, "notify.%s", out->name).p;
	if (!config_section(l, map, SECTION_CHANNEL, prefix, out))
		return;
	out->server.name = out->name;
	out->server.timeout = out->timeout;
	kind = kind_of(l, map);
	check_keys(l, map, kind);
	if (!kind && !str_eq_z(key->text, "desktop"))
		problem(l->ps, key->pos, "channel `%s` needs one of: command, "
		    "webhook, smtp (only `desktop` goes without)", out->name);
	out->kind = kind ? kind->kind : CHANNEL_DESKTOP;
	if (out->kind == CHANNEL_COMMAND)
		read_command(l, node_get(map, "command"), out);
	else if (out->kind == CHANNEL_WEBHOOK)
		read_webhook(l, map, out);
	else if (out->kind == CHANNEL_MAIL)
		read_mail(l, map, key->pos, out);
}

void config_channels(const struct reading *l, const struct node *map,
    struct config *c)
{
	struct channel *list;

	if (map->kind != NODE_MAP || map->n > CHANNELS_MAX) {
		problem(l->ps, map->pos, "`notify` must be a map of up to %d "
		    "channels: the name of each, and below it what it is",
		    CHANNELS_MAX);
		return;
	}
	list = arena_array(l->a, map->n + 1, sizeof(*list));
	for (size_t i = 0; i < map->n; i++) {
		list[i].server.limits = &c->limits;
		read_channel(l, map->keys[i], map->items[i], &list[i]);
	}
	c->channels = list;
	c->n_channels = map->n;
}

/* ------------------------------------------------------------ quiet hours */

/* "22:00", in seconds into the day. */
static bool read_clock(const struct reading *l, const struct node *n,
    int *out)
{
	struct str s;
	uint64_t hour, minute;

	if (!node_text(n, "quiet_hours.between", &s, l->ps))
		return false;
	if (s.n != 5 || s.p[2] != ':' || !str_u64(str_sub(s, 0, 2), 23,
	    &hour) || !str_u64(str_sub(s, 3, 2), 59, &minute))
		return problem(l->ps, n->pos, "`%.*s` is no time of the day; "
		    "it is written 07:00 or 22:30", STR_ARG(s));
	*out = (int)(hour * 3600 + minute * 60);
	return true;
}

static void read_between(const struct reading *l, const struct node *n,
    struct quiet_hours *out)
{
	if (n->kind != NODE_LIST || n->n != 2)
		problem(l->ps, n->pos, "`quiet_hours.between` wants two "
		    "times: [\"22:00\", \"07:00\"]");
	else if (read_clock(l, n->items[0], &out->from) &&
	    read_clock(l, n->items[1], &out->until) &&
	    out->from == out->until)
		problem(l->ps, n->pos, "between a time and itself there is "
		    "nothing");
}

static void read_except(const struct reading *l, const struct node *n,
    struct quiet_hours *out)
{
	const struct node *one = n;
	const struct node *const *items = &one;
	size_t count = 1;
	int urgency;

	if (n->kind == NODE_LIST) {
		items = (const struct node *const *)n->items;
		count = n->n;
	}
	for (size_t i = 0; i < count; i++)
		if (setting_word(l, items[i], "low, normal, critical",
		    "quiet_hours.except", &urgency))
			out->except |= 1u << urgency;
}

void config_quiet_hours(const struct reading *l, const struct node *map,
    struct quiet_hours *out)
{
	const struct node *n;

	if (!config_section(l, map, SECTION_QUIET, "quiet_hours", out))
		return;
	if ((n = node_get(map, "between")))
		read_between(l, n, out);
	else
		problem(l->ps, map->pos, "`quiet_hours` needs `between`");
	if ((n = node_get(map, "except")))
		read_except(l, n, out);
	out->set = true;
}
