/*
 * Actions that rewrite the message: header fields, `pipe`, `decrypt`.
 */
#include "field.h"
#include "operator.h"
#include "rewrite.h"

#include <string.h>

/* One action word on its way. */
struct editing {
	struct builder *b;
	const struct word *word;
	struct pos pos;
	const struct groups *groups;
	struct branch *to;
	size_t *cap;
};

static struct header_edit *edit_add(struct editing *m, enum edit_kind kind,
    struct str field, struct action **action_out)
{
	struct header_edit *edit = arena_make(m->b->arena,
	    struct header_edit);
	struct action *a = action_add(m->b, m->to, m->cap, ACTION_HEADER,
	    m->word, m->pos);

	edit->kind = kind;
	edit->field = field;
	edit->received = TIME_NONE;
	a->edit = edit;
	if (action_out)
		*action_out = a;
	return edit;
}

/* ---------------------------------------------------------------- names */

/* What says where a message has been, or vouches for what it says. */
static bool is_trace(struct str name)
{
	static const char *const trace[] = { "Received", "Return-Path",
	    "DKIM-Signature", "Authentication-Results", "ARC-Seal",
	    "ARC-Message-Signature", "ARC-Authentication-Results",
	    "Auto-Submitted" };

	for (size_t i = 0; i < COUNT(trace); i++)
		if (str_ieq_z(name, trace[i]))
			return true;
	return false;
}

static bool field_name(struct editing *m, const struct node *n)
{
	if (n->kind != NODE_SCALAR || !field_name_ok(n->text))
		return problem(m->b->ps, n->pos,
		    "this is no name of a header field");
	if (is_trace(n->text))
		warning(m->b->ps, n->pos, "`%.*s` says where the message has "
		    "been, or vouches for it; others rely on it as it is",
		    STR_ARG(n->text));
	return true;
}

typedef bool field_fn(struct editing *m, const struct node *name,
    const struct node *value);

static bool fields_of(struct editing *m, const struct node *n,
    const char *example, field_fn *fn)
{
	bool ok = true;

	if (n->kind != NODE_MAP || n->n == 0)
		return problem_hint(m->b->ps, n->pos, arena_printf(
		    m->b->arena, "write `%s: %s`", m->word->name, example),
		    "`%s` wants fields by their names", m->word->name);
	for (size_t i = 0; i < n->n; i++) {
		if (!field_name(m, n->keys[i]))
			ok = false;
		else if (node_is_null(n->items[i]))
			ok = problem(m->b->ps, n->keys[i]->pos,
			    "`%.*s` is empty", STR_ARG(n->keys[i]->text));
		else
			ok &= fn(m, n->keys[i], n->items[i]);
	}
	return ok;
}

/* Calls FN for each field of the map N, or of each map of the list N, with
 * what stands behind it. */
static bool each_field(struct editing *m, const struct node *n,
    const char *example, field_fn *fn)
{
	bool ok = true;

	if (n->kind != NODE_LIST || n->n == 0)
		return fields_of(m, n, example, fn);
	for (size_t i = 0; i < n->n; i++)
		ok &= fields_of(m, n->items[i], example, fn);
	return ok;
}

/* ------------------------------------------------------------ set and add */

/* Could a text that needs no filling stand in the field? */
static bool value_ok(struct editing *m, struct str name,
    const struct node *value, const struct template *t)
{
	const char *why;
	struct str text;
	struct buf b;
	bool ok;

	if (!template_literal(t, &text))
		return true;
	buf_init(&b, 16 * (size_t)FIELD_VALUE_MAX);
	ok = field_write(&b, name, field_clean(m->b->arena, text),
	    STR_LIT("\r\n"), &why);
	buf_free(&b);
	return ok ? true : problem(m->b->ps, value->pos,
	    "it cannot stand in `%.*s`: %s", STR_ARG(name), why);
}

static bool text_edit(struct editing *m, enum edit_kind kind, bool last,
    const struct node *name, const struct node *value)
{
	const struct template *t = template_build(m->b, value,
	    arena_z(m->b->arena, name->text), TEMPLATE_TEXT, m->groups);
	struct action *a;

	if (!t || !value_ok(m, name->text, value, t))
		return false;
	edit_add(m, kind, name->text, &a)->last = last;
	a->text = t;
	return true;
}

static bool set_field(struct editing *m, const struct node *name,
    const struct node *value)
{
	struct str text;

	if (!text_edit(m, EDIT_SET, false, name, value))
		return false;
	if (str_ieq_z(name->text, "Message-ID") && template_literal(
	    m->to->actions[m->to->n_actions - 1].text, &text))
		warning(m->b->ps, value->pos, "all messages get the same "
		    "identifier, and servers take them for one");
	return true;
}

struct adding {
	struct editing *m;
	const struct node *name;
};

static bool add_one(struct builder *b, const struct node *n, void *ctx)
{
	const struct adding *x = ctx;
	const struct node *value = node_get(n, "value");
	const struct node *last = node_get(n, "last");
	bool at_end = false;

	if (n->kind != NODE_MAP)
		return text_edit(x->m, EDIT_ADD, false, x->name, n);
	if (!keys_check(b, n, KEY_add, "key of a new field"))
		return false;
	if (!value || node_is_null(value))
		return problem_hint(b->ps, n->pos,
		    STR_LIT("write `{value: text, last: true}`"),
		    "a new field wants a `value`");
	if (last && !node_bool(last, "last", &at_end, b->ps))
		return false;
	return text_edit(x->m, EDIT_ADD, at_end, x->name, value);
}

static bool add_field(struct editing *m, const struct node *name,
    const struct node *value)
{
	struct adding x = { m, name };

	return build_each(m->b, value, arena_z(m->b->arena, name->text),
	    add_one, &x);
}

/* --------------------------------------------------------------- remove */

/* VALUE without the keys that are no operators. */
static struct node operators_of(struct editing *m, const struct node *value)
{
	struct node rest = *value;

	if (value->kind != NODE_MAP)
		return rest;
	rest.keys = arena_array(m->b->arena, value->n, sizeof(*rest.keys));
	rest.items = arena_array(m->b->arena, value->n, sizeof(*rest.items));
	rest.n = 0;
	for (size_t i = 0; i < value->n; i++) {
		if (str_eq_z(value->keys[i]->text, "index") ||
		    str_eq_z(value->keys[i]->text, "last"))
			continue;
		rest.keys[rest.n] = value->keys[i];
		rest.items[rest.n++] = value->items[i];
	}
	return rest;
}

static bool build_index(struct editing *m, const struct node *value,
    struct header_edit *edit)
{
	const struct node *index = node_get(value, "index");
	const struct node *last = node_get(value, "last");
	struct problems *ps = m->b->ps;

	if (index && !node_number(index, "index", UINT32_MAX, &edit->index,
	    ps))
		return false;
	if (index && edit->index == 0)
		return problem(ps, index->pos, "`index` counts from 1");
	if (last && !index)
		return problem_hint(ps, last->pos,
		    STR_LIT("write `{index: 1, last: true}`"),
		    "`last` says from where `index` counts");
	return !last || node_bool(last, "last", &edit->last, ps);
}

static bool remove_field(struct editing *m, const struct node *name,
    const struct node *value)
{
	struct header_edit *edit = edit_add(m, EDIT_REMOVE, name->text, NULL);
	struct node rest = operators_of(m, value);
	struct cond *only = cond_make(m->b, COND_TEXT, name->pos,
	    written(m->b->arena, name->text, value));
	struct making making = {
		.word = m->word, .key = name->text, .cond = only,
		.value = true, .source = TEXT_FIELD,
	};

	if (value->kind == NODE_MAP && value->n == 0)
		return problem_hint(m->b->ps, value->pos, arena_printf(
		    m->b->arena, "write `remove_header: %.*s`",
		    STR_ARG(name->text)), "an empty map says not which");
	if (value->kind == NODE_MAP && !build_index(m, value, edit))
		return false;
	if (value->kind == NODE_MAP && rest.n == 0)
		return true;	/* by its index alone */
	edit->only = only;
	return operator_tests(m->b, &making, &rest);
}

static bool remove_one(struct builder *b, const struct node *n, void *ctx)
{
	struct editing *m = ctx;

	(void)b;
	if (n->kind == NODE_MAP)
		return fields_of(m, n, "X-Any", remove_field);
	if (!field_name(m, n))
		return false;
	edit_add(m, EDIT_REMOVE, n->text, NULL);
	return true;
}

/* ----------------------------------------------------------------- edit */

static const struct template *replacement(struct editing *m,
    const struct pattern *p, const struct node *n)
{
	const struct pattern_name *named;
	size_t n_named = pattern_names(p, &named), n_groups, count = 0;
	struct builder *b = m->b;
	struct str text, *names;
	bool *sure;

	if (!node_text(n, "replace", &text, b->ps))
		return NULL;
	n_groups = pattern_groups(p);
	names = arena_array(b->arena, n_groups + n_named, sizeof(*names));
	sure = arena_array(b->arena, n_groups + n_named, sizeof(*sure));
	for (size_t i = 1; i <= n_groups; i++)
		names[count++] = arena_printf(b->arena, "%zu", i);
	for (size_t i = 0; i < n_named; i++)
		names[count++] = named[i].name;
	for (size_t i = 0; i < count; i++)
		sure[i] = true;		/* an unset one is empty here */
	return template_make(b->arena, text, n->pos, TEMPLATE_GROUPS, names,
	    sure, count, b->ps);
}

static bool regex_edit(struct editing *m, struct str field,
    const struct node *regex, const struct node *with, bool exact)
{
	struct header_edit *edit = edit_add(m, EDIT_REPLACE, field, NULL);
	struct str text;

	if (!build_text(m->b, regex, with ? "regex" : "remove", &text))
		return false;
	edit->pattern = pattern_build(m->b, PATTERN_REGEX, text, !exact,
	    regex);
	if (!edit->pattern)
		return false;
	edit->with = with ? replacement(m, edit->pattern, with) :
	    template_of(m->b->arena, STR_EMPTY);
	return edit->with != NULL;
}

static bool map_edit(struct editing *m, struct str field,
    const struct node *list)
{
	struct header_edit *edit = edit_add(m, EDIT_MAP, field, NULL);

	edit->map = edit_map_build(m->b, list, field_kind(field) ==
	    FIELD_ADDRESSES && !str_ieq_z(field, "List-Id"));
	return edit->map != NULL;
}

static bool build_case(struct editing *m, const struct node *n, bool *exact)
{
	struct str text;

	if (!n)
		return true;
	if (!build_text(m->b, n, "case", &text))
		return false;
	*exact = true;
	return str_eq_z(text, "exact") ? true : problem(m->b->ps, n->pos,
	    "`case` is `exact`, or left out");
}

static bool edit_one(struct builder *b, const struct node *n, void *ctx)
{
	const struct adding *x = ctx;
	const struct node *regex = node_get(n, "regex");
	const struct node *with = node_get(n, "replace");
	const struct node *away = node_get(n, "remove");
	const struct node *map = node_get(n, "map");
	bool exact = false;

	if (n->kind != NODE_MAP)
		return problem_hint(b->ps, n->pos, STR_LIT("write {remove: "
		    "REGEX}, {regex: ..., replace: ...} or {map: LIST}; "
		    "`set_header` writes a whole value"),
		    "`edit_header` wants to know what to change");
	if (!keys_check(b, n, KEY_edit, "key of `edit_header`") ||
	    !build_case(x->m, node_get(n, "case"), &exact))
		return false;
	if (!regex + !away + !map != 2 || !regex != !with)
		return problem_hint(b->ps, n->pos, STR_LIT("several stand in "
		    "a list, and are done one after the other"),
		    "an edit is `remove`, `map`, or `regex` with `replace`");
	if (map && exact)
		return problem(b->ps, n->pos, "`case` is for a regex");
	return map ? map_edit(x->m, x->name->text, map) :
	    regex_edit(x->m, x->name->text, regex ? regex : away, with,
	    exact);
}

static bool edit_field(struct editing *m, const struct node *name,
    const struct node *value)
{
	struct adding x = { m, name };

	return build_each(m->b, value, arena_z(m->b->arena, name->text),
	    edit_one, &x);
}

/* ------------------------------------------------------------------ fix */

static const struct {
	const char *name;
	enum fix fix;
} fixes[] = {
#define FIX(name, fix, help)	{ #name, fix },
#include "vocab.def"
};

static bool add_fix(struct builder *b, const struct node *n, void *ctx)
{
	static const char *const names[] = {
#define FIX(name, fix, help)	#name,
#include "vocab.def"
	};
	struct header_edit *edit = ctx;
	struct str word;

	if (!build_text(b, n, "fix_headers", &word))
		return false;
	for (size_t i = 0; i < COUNT(fixes); i++)
		if (str_eq_z(word, fixes[i].name)) {
			edit->fixes |= fixes[i].fix;
			return true;
		}
	return problem_hint(b->ps, n->pos, build_nearest(b, word, names,
	    COUNT(names)), "`%.*s` is none of duplicates, encoding, from, "
	    "date, message_id, references", STR_ARG(word));
}

/* ------------------------------------------------------ pipe and decrypt */

static bool build_pipe(struct editing *m, const struct node *value)
{
	const struct node *command = value, *timeout = NULL;
	const struct program *p;

	if (value->kind == NODE_MAP) {
		if (!keys_check(m->b, value, KEY_run, "key of `pipe`"))
			return false;
		command = node_get(value, "command");
		timeout = node_get(value, "timeout");
	}
	if (!command || node_is_null(command))
		return problem_hint(m->b->ps, value->pos,
		    STR_LIT("write `pipe: [prog, argument]`"),
		    "`pipe` wants the program that prints the message");
	p = program_build(m->b, command, timeout);
	if (p)
		action_add(m->b, m->to, m->cap, ACTION_PIPE, m->word, m->pos)
		    ->program = p;
	return p != NULL;
}

static bool build_keep(struct builder *b, const struct node *n)
{
	struct str text;

	if (!build_text(b, n, "keep_original", &text))
		return false;
	if (str_eq_z(text, "trash"))
		return true;
	if (str_eq_z(text, "label") || str_eq_z(text, "spool"))
		return problem(b->ps, n->pos, "`keep_original: %.*s` is not "
		    "yet supported", STR_ARG(text));
	return problem(b->ps, n->pos, "`keep_original` is `trash`, or left "
	    "out");
}

static bool build_unsafe(struct builder *b, const struct node *n)
{
	struct str text;

	if (!build_text(b, n, "on_unsafe", &text))
		return false;
	return str_eq_z(text, "refuse") ? true : problem_hint(b->ps, n->pos,
	    STR_LIT("what is not safe to decrypt stays as it is"),
	    "`on_unsafe` is always `refuse`");
}

static bool build_decrypt(struct editing *m, const struct node *value)
{
	const struct node *verify = node_get(value, "verify");
	const struct node *keep = node_get(value, "keep_original");
	const struct node *unsafe = node_get(value, "on_unsafe");
	struct problems *ps = m->b->ps;
	struct action *a;
	bool yes = true, ok = true;

	if (value && value->kind != NODE_MAP)
		ok = node_bool(value, "decrypt", &yes, ps) && (yes ||
		    problem(ps, value->pos, "leave `decrypt` out where it "
		    "shall not be done"));
	else if (value)
		ok = keys_check(m->b, value, KEY_decrypt,
		    "key of `decrypt`");
	a = action_add(m->b, m->to, m->cap, ACTION_DECRYPT, m->word, m->pos);
	a->verify = true;
	ok = ok && (!verify || node_bool(verify, "verify", &a->verify, ps));
	ok = ok && (!keep || build_keep(m->b, keep));
	return ok && (!unsafe || build_unsafe(m->b, unsafe));
}

bool rewrite_build(struct builder *b, const struct word *w, struct pos pos,
    const struct node *value, const struct groups *groups,
    struct branch *to, size_t *cap)
{
	struct editing m = { b, w, pos, groups, to, cap };

	if (value && node_is_null(value))
		return problem(b->ps, pos, "`%s` is empty", w->name);
	switch (w->arg) {
	case ARG_SET_FIELDS:
		return each_field(&m, value, "{X-Any: text}", set_field);
	case ARG_ADD_FIELDS:
		return each_field(&m, value, "{X-Any: text}", add_field);
	case ARG_REMOVE_FIELDS:
		return build_each(b, value, w->name, remove_one, &m);
	case ARG_EDIT_FIELDS:
		return each_field(&m, value, "{Subject: {remove: REGEX}}",
		    edit_field);
	case ARG_FIXES:
		return build_each(b, value, w->name, add_fix,
		    edit_add(&m, EDIT_FIX, STR_LIT("header"), NULL));
	case ARG_PIPE:
		return build_pipe(&m, value);
	default:
		return build_decrypt(&m, value);
	}
}
