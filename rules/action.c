/*
 * Actions: what a rule or a branch wants done.
 */
#include "build.h"

#include <string.h>

struct making {
	struct builder *b;
	const struct groups *groups;
	struct branch *to;
	size_t cap;
	const struct word *word;
	struct pos pos;
};

struct action *action_add(struct builder *b, struct branch *to, size_t *cap,
    enum action_kind kind, const struct word *w, struct pos pos)
{
	struct action *a;

	arena_grow(b->arena, &to->actions, to->n_actions, cap);
	a = &to->actions[to->n_actions++];
	*a = (struct action){ .kind = kind, .pos = pos, .word = w };
	return a;
}

static struct action *add(struct making *m, enum action_kind kind)
{
	return action_add(m->b, m->to, &m->cap, kind, m->word, m->pos);
}

/* ------------------------------------------------------------- arguments */

const struct template *template_build(struct builder *b,
    const struct node *n, const char *what, enum template_use use,
    const struct groups *groups)
{
	struct str text, *names;
	bool *sure;

	if (!build_text(b, n, what, &text))
		return NULL;
	if (!groups)	/* the conditions are faulty: no more can be told */
		return template_of(b->arena, text);
	names = arena_array(b->arena, groups->n, sizeof(*names));
	sure = arena_array(b->arena, groups->n, sizeof(*sure));
	for (size_t i = 0; i < groups->n; i++) {
		names[i] = groups->list[i].name;
		sure[i] = groups->list[i].sure;
	}
	return template_make(b->arena, text, n->pos, use, names, sure,
	    groups->n, b->ps);
}

/* A label or mailbox, perhaps with $(...) in it. */
static const struct template *name_template(struct making *m,
    const struct node *n)
{
	const struct template *t = template_build(m->b, n, m->word->name,
	    TEMPLATE_LABEL, m->groups);
	struct str text;

	if (t && template_literal(t, &text))
		t = template_of(m->b->arena, build_inbox(text));
	return t;
}

static bool label_action(struct builder *b, const struct node *n, void *ctx)
{
	struct making *m = ctx;
	const struct template *t = name_template(m, n);

	(void)b;
	if (!t)
		return false;
	add(m, str_eq_z(str_of(m->word->name), "label") ?
	    ACTION_LABEL : ACTION_UNLABEL)->text = t;
	return true;
}

static bool mark_action(struct builder *b, const struct node *n, void *ctx)
{
	struct making *m = ctx;
	bool set = str_eq_z(str_of(m->word->name), "mark");
	const struct state_word *state;

	if (!state_find(b, n, m->word->name, &state))
		return false;
	if (!state->mark)
		return problem(b->ps, n->pos, "a message becomes `%s` by "
		    "being one; it cannot be marked so", state->name);
	add(m, set != state->negated ? ACTION_FLAG : ACTION_UNFLAG)
	    ->text = template_of(b->arena, str_of(state->flag));
	return true;
}

static bool flag_action(struct builder *b, const struct node *n, void *ctx)
{
	struct making *m = ctx;
	struct str flag;

	if (!build_flag(b, n, &flag))
		return false;
	add(m, str_eq_z(str_of(m->word->name), "flag") ?
	    ACTION_FLAG : ACTION_UNFLAG)->text =
	    template_of(b->arena, flag);
	return true;
}

/* {special: \Archive}: the special-use attributes of RFC 6154 and 8457. */
static bool special_place(struct making *m, const struct node *n,
    struct action *a)
{
	static const char *const known[] = {
#define SPECIAL(name, help)	name,
#include "vocab.def"
	};
	static const char *const keys[] = { "special" };
	const struct node *value = node_get(n, "special");
	struct str text;

	if (!node_only_keys(n, keys, 1, "key of a mailbox", m->b->ps))
		return false;
	if (!value)
		return problem_hint(m->b->ps, n->pos,
		    STR_LIT("write a name, or {special: \\Archive}"),
		    "an empty map is no mailbox");
	if (!build_text(m->b, value, "special", &text))
		return false;
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_ieq_z(text, known[i])) {
			a->place = PLACE_SPECIAL;
			a->text = template_of(m->b->arena,
			    str_of(known[i]));
			return true;
		}
	return problem_hint(m->b->ps, value->pos, build_nearest(m->b, text,
	    known, COUNT(known)), "`%.*s` is no special use of a mailbox",
	    STR_ARG(text));
}

static bool place_action(struct builder *b, const struct node *n, void *ctx)
{
	struct making *m = ctx;
	struct action a = {
		.kind = str_eq_z(str_of(m->word->name), "copy") ?
		    ACTION_COPY : ACTION_PLACE,
		.pos = m->pos, .word = m->word, .place = PLACE_MAILBOX,
	};

	(void)b;
	if (n->kind == NODE_MAP) {
		if (!special_place(m, n, &a))
			return false;
	} else {
		a.text = name_template(m, n);
		if (!a.text)
			return false;
	}
	*add(m, a.kind) = a;
	return true;
}

/* ------------------------------------------------------ without argument */

static const struct {
	const char *name;
	enum place_kind place;
	const char *text;
} places[] = {
	{ "archive", PLACE_SPECIAL, "\\Archive" },
	{ "trash", PLACE_SPECIAL, "\\Trash" },
	{ "spam", PLACE_SPECIAL, "\\Junk" },
	{ "inbox", PLACE_MAILBOX, "INBOX" },
	{ "delete", PLACE_DELETE, NULL },
};

static bool bare_action(struct making *m)
{
	struct action *a;

	for (size_t i = 0; i < COUNT(places); i++) {
		if (!str_eq_z(str_of(m->word->name), places[i].name))
			continue;
		a = add(m, ACTION_PLACE);
		a->place = places[i].place;
		if (places[i].text)
			a->text = template_of(m->b->arena,
			    str_of(places[i].text));
		return true;
	}
	add(m, ACTION_STOP);
	return true;
}

/* ------------------------------------------------------------- the words */

static const struct word *find_word(struct builder *b,
    const struct node *key)
{
	const struct word *w = action_find(key->text);
	size_t n;
	const char *const *names = action_names(&n);
	struct str hint;

	if (w && w->arg != ARG_LATER)
		return w;
	if (w) {
		build_later(b, key);
		return NULL;
	}
	hint = habit_hint(b, HABIT_action, key->text);
	if (condition_find(key->text))
		hint = STR_LIT("this is a condition; it stands under `when`");
	else if (hint.n == 0)
		hint = build_nearest(b, key->text, names, n);
	problem_hint(b->ps, key->pos, hint, "unknown action `%.*s`",
	    STR_ARG(key->text));
	return NULL;
}

/* `archive`, or `archive: true` where several stand in one map. */
static bool flag_like(struct making *m, const struct node *value)
{
	bool yes;

	if (!value)
		return bare_action(m);
	if (node_is_null(value))
		return problem_hint(m->b->ps, m->pos, arena_printf(
		    m->b->arena, "write `%s` without a colon, or `%s: true`",
		    m->word->name, m->word->name), "`%s` is empty",
		    m->word->name);
	if (!node_bool(value, m->word->name, &yes, m->b->ps))
		return false;
	if (!yes)
		return problem(m->b->ps, value->pos,
		    "leave `%s` out where it shall not be done",
		    m->word->name);
	return bare_action(m);
}

static bool rewrites(const struct word *w)
{
	return w->arg == ARG_SET_FIELDS || w->arg == ARG_ADD_FIELDS ||
	    w->arg == ARG_REMOVE_FIELDS || w->arg == ARG_EDIT_FIELDS ||
	    w->arg == ARG_FIXES || w->arg == ARG_PIPE;
}

/* VALUE is NULL for a word that stands alone. */
static bool one_action(struct making *m, const struct node *key,
    const struct node *value)
{
	struct builder *b = m->b;

	m->word = find_word(b, key);
	m->pos = key->pos;
	if (!m->word)
		return false;
	if (m->word->arg == ARG_NONE)
		return flag_like(m, value);
	if (m->word->arg == ARG_NOTIFY || (value && !node_is_null(value) &&
	    (m->word->arg == ARG_RUN || m->word->arg == ARG_FORWARD)))
		return errand_build(b, m->word, m->pos, value, m->groups,
		    m->to, &m->cap);
	if (m->word->arg == ARG_DECRYPT)
		return rewrite_build(b, m->word, m->pos, value, m->groups,
		    m->to, &m->cap);
	if (!value || node_is_null(value))
		return problem_hint(b->ps, key->pos, arena_printf(b->arena,
		    "write `%s: ...`", m->word->name),
		    "`%s` says not what", m->word->name);
	if (rewrites(m->word))
		return rewrite_build(b, m->word, m->pos, value, m->groups,
		    m->to, &m->cap);
	if (m->word->arg == ARG_LABELS)
		return build_each(b, value, m->word->name, label_action, m);
	if (m->word->arg == ARG_MARKS)
		return build_each(b, value, m->word->name, mark_action, m);
	if (m->word->arg == ARG_FLAGS)
		return build_each(b, value, m->word->name, flag_action, m);
	if (value->kind == NODE_LIST && m->word->arg == ARG_PLACE)
		return problem_hint(b->ps, value->pos,
		    STR_LIT("`copy` takes a list"),
		    "a message can be moved to one mailbox only");
	return build_each(b, value, m->word->name, place_action, m);
}

/* A word, or a map of words. */
static bool item_actions(struct making *m, const struct node *n)
{
	bool ok = true;

	if (n->kind == NODE_LIST)
		return problem(m->b->ps, n->pos, "a list in a list");
	if (node_is_null(n) || (n->kind != NODE_SCALAR && n->n == 0))
		return problem(m->b->ps, n->pos, "there is no action here");
	if (n->kind == NODE_SCALAR)
		return one_action(m, n, NULL);
	for (size_t i = 0; i < n->n; i++)
		ok &= one_action(m, n->keys[i], n->items[i]);
	return ok;
}

bool actions_build(struct builder *b, const struct node *n,
    const struct groups *groups, struct branch *to)
{
	struct making m = { .b = b, .groups = groups, .to = to };
	bool ok = true;

	if (n->kind != NODE_LIST)
		return item_actions(&m, n);
	if (n->n == 0)
		return problem(b->ps, n->pos, "there is no action here");
	for (size_t i = 0; i < n->n; i++)
		ok &= item_actions(&m, n->items[i]);
	return ok;
}
