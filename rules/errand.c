/*
 * Actions that do something outside of the mailbox.
 */
#include "build.h"

#include <string.h>

#define CHANNELS_MAX	100	/* of one notification */

struct errand_making {
	struct builder *b;
	const struct groups *groups;
	struct errand_form *form;
	struct str *channels;
	size_t n, cap;
	struct pos pos;
};

/* --------------------------------------------------------------- channels */

/* For whoever knows which there are. */
static void use_channel(struct errand_making *m, struct str name,
    struct pos pos, bool mail)
{
	struct rules *out = m->b->out;

	for (size_t i = 0; i < out->n_channels; i++)
		if (str_eq(out->channels[i].name, name) &&
		    out->channels[i].mail == mail)
			return;
	arena_grow(m->b->arena, &out->channels, out->n_channels,
	    &m->b->cap_channels);
	out->channels[out->n_channels++] = (struct channel_use){ name, pos,
	    mail };
}

static bool add_channel(struct builder *b, const struct node *n, void *ctx)
{
	struct errand_making *m = ctx;
	struct str name;

	if (!build_text(b, n, "channels", &name))
		return false;
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->channels[i], name))
			return problem(b->ps, n->pos, "the channel `%.*s` is "
			    "named twice", STR_ARG(name));
	if (m->n == CHANNELS_MAX)
		return problem(b->ps, n->pos, "more than %d channels",
		    CHANNELS_MAX);
	use_channel(m, name, n->pos, false);
	arena_grow(b->arena, &m->channels, m->n, &m->cap);
	m->channels[m->n++] = name;
	return true;
}

/* ----------------------------------------------------------- what is told */

static bool build_urgency(struct builder *b, const struct node *n,
    enum urgency *out)
{
	static const char *const known[] = {
		[URGENCY_LOW] = "low", [URGENCY_NORMAL] = "normal",
		[URGENCY_CRITICAL] = "critical",
	};
	struct str text;

	if (!build_text(b, n, "urgency", &text))
		return false;
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq_z(text, known[i])) {
			*out = (enum urgency)i;
			return true;
		}
	return problem_hint(b->ps, n->pos, build_nearest(b, text, known,
	    COUNT(known)), "`urgency` is `low`, `normal` or `critical`");
}

/* A name, or {list: NAME}. */
static bool build_icon(struct errand_making *m, const struct node *n)
{
	struct builder *b = m->b;
	const struct node *name;

	if (n->kind != NODE_MAP)
		return build_text(b, n, "icon", &m->form->fixed.icon);
	name = node_get(n, "list");
	if (!keys_check(b, n, KEY_icon, "key of `icon`"))
		return false;
	if (!name)
		return problem_hint(b->ps, n->pos,
		    STR_LIT("write `icon: {list: NAME}`"),
		    "`icon` wants a name, or a list");
	m->form->icons = list_find(b, name);
	if (m->form->icons && !m->form->icons->values)
		return problem_hint(b->ps, name->pos, STR_LIT("write it as "
		    "`NAME: {alice@example.org: face, \"@example.org\": "
		    "building}`"), "the icons of senders stand in a map");
	return m->form->icons != NULL;
}

static bool build_part(struct errand_making *m, const struct node *key,
    const struct node *value)
{
	struct errand *to = &m->form->fixed;
	const struct {
		const char *name;
		bool *flag;
		const struct template **text;
	} parts[] = {
		{ "summary", NULL, &m->form->summary },
		{ "body", NULL, &m->form->body },
		{ "sticky", &to->sticky, NULL },
		{ "batch", &to->batch, NULL },
	};
	struct builder *b = m->b;

	for (size_t i = 0; i < COUNT(parts); i++) {
		if (!str_eq_z(key->text, parts[i].name))
			continue;
		if (parts[i].flag)
			return node_bool(value, parts[i].name, parts[i].flag,
			    b->ps);
		*parts[i].text = template_build(b, value, parts[i].name,
		    TEMPLATE_TEXT, m->groups);
		return *parts[i].text != NULL;
	}
	if (str_eq_z(key->text, "channels"))
		return build_each(b, value, "channels", add_channel, m);
	if (str_eq_z(key->text, "urgency"))
		return build_urgency(b, value, &to->urgency);
	if (str_eq_z(key->text, "icon"))
		return build_icon(m, value);
	return build_text(b, value, "sound", &to->sound);
}

static bool build_map(struct errand_making *m, const struct node *map)
{
	bool ok = keys_check(m->b, map, KEY_notify, "key of `notify`");

	if (ok && map->n == 0)
		return problem(m->b->ps, map->pos, "`notify` says not what");
	for (size_t i = 0; ok && i < map->n; i++)
		ok = build_part(m, map->keys[i], map->items[i]);
	return ok;
}

/* ------------------------------------------------------------- the action */

/* `notify`, `notify: true`, channels, or a map of all there is to say. */
static bool build_notify(struct errand_making *m, const struct node *value)
{
	bool yes;

	m->form->fixed.urgency = URGENCY_NORMAL;
	if (!value)
		return true;
	if (node_is_null(value))
		return problem_hint(m->b->ps, m->pos, STR_LIT("write `notify` "
		    "without a colon"), "`notify` is empty");
	if (node_is_bool(value, &yes))
		return yes || problem(m->b->ps, value->pos, "leave `notify` "
		    "out where it shall not be done");
	if (value->kind == NODE_MAP)
		return build_map(m, value);
	return build_each(m->b, value, "notify", add_channel, m);
}

/* The program and its arguments, or a map with them. */
static bool build_run(struct errand_making *m, const struct node *value)
{
	const struct node *command = value, *timeout = NULL;

	if (value->kind == NODE_MAP) {
		if (!keys_check(m->b, value, KEY_run, "key of `run`"))
			return false;
		command = node_get(value, "command");
		timeout = node_get(value, "timeout");
		if (!command)
			return problem_hint(m->b->ps, value->pos,
			    STR_LIT("write `run: [prog, argument]`"),
			    "`run` wants `command`, the program to start");
	}
	m->form->program = program_build(m->b, command, timeout);
	return m->form->program != NULL;
}

/* What SMTP can be given without a doubt. */
static bool build_address(struct builder *b, const struct node *n,
    struct str *out)
{
	struct str s;
	size_t at;
	bool good;

	if (!build_text(b, n, "forward", &s))
		return false;
	at = str_find_char(s, 0, '@');
	good = at > 0 && at + 1 < s.n && s.n <= 254 &&
	    str_find_char(s, at + 1, '@') == s.n;
	for (size_t i = 0; i < s.n; i++)
		good &= (unsigned char)s.p[i] > ' ' && s.p[i] != 0x7F &&
		    !memchr("<>()\"\\,;:", s.p[i], 9);
	*out = s;
	return good || problem(b->ps, n->pos, "`forward` wants one address, "
	    "such as alice@example.org, without a name");
}

static bool build_forward(struct errand_making *m, const struct node *value)
{
	struct builder *b = m->b;
	struct errand *to = &m->form->fixed;
	const struct node *address = value, *through = NULL;
	struct str name = STR_EMPTY;

	if (value->kind == NODE_MAP) {
		if (!keys_check(b, value, KEY_forward, "key of `forward`"))
			return false;
		address = node_get(value, "to");
		through = node_get(value, "through");
		if (!address)
			return problem(b->ps, value->pos, "`forward` wants "
			    "`to`, an address");
	}
	if (!build_address(b, address, &to->to) ||
	    (through && !build_text(b, through, "through", &name)))
		return false;
	if (through) {
		arena_grow(b->arena, &m->channels, m->n, &m->cap);
		m->channels[m->n++] = name;
	}
	use_channel(m, name, through ? through->pos : m->pos, true);
	return true;
}

bool errand_build(struct builder *b, const struct word *w, struct pos pos,
    const struct node *value, const struct groups *groups,
    struct branch *to, size_t *cap)
{
	struct errand_making m = {
		.b = b, .groups = groups, .pos = pos,
		.form = arena_make(b->arena, struct errand_form),
	};
	bool ok;

	if (w->arg == ARG_RUN) {
		m.form->fixed.kind = ERRAND_RUN;
		ok = build_run(&m, value);
	} else if (w->arg == ARG_FORWARD) {
		m.form->fixed.kind = ERRAND_FORWARD;
		ok = build_forward(&m, value);
	} else {
		m.form->fixed.kind = ERRAND_NOTIFY;
		ok = build_notify(&m, value);
		if (ok && m.n == 0)
			use_channel(&m, STR_EMPTY, pos, false);
	}
	if (!ok)
		return false;
	m.form->fixed.channels = m.channels;
	m.form->fixed.n_channels = m.n;
	action_add(b, to, cap, ACTION_ERRAND, w, pos)->errand = m.form;
	return true;
}

size_t rules_channels(const struct rules *r,
    const struct channel_use **list_out)
{
	*list_out = r->channels;
	return r->n_channels;
}
