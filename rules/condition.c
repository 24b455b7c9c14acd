/*
 * Conditions: a map of words to a tree of tests.
 *
 * "Several keys mean all of them; a map under `any` means any of its keys.
 * A list under a key means any of its items; a list under `all` all of them,
 * under `not` none of them.  A bare word is a named condition."
 */
#include "condition.h"

/* ----------------------------------------------------------- as written */

static void write_node(struct buf *b, const struct node *n);

static void write_scalar(struct buf *b, const struct node *n)
{
	buf_add_str(b, n->quoted ? STR_LIT("\"") : STR_EMPTY);
	buf_add_str(b, n->text);
	buf_add_str(b, n->quoted ? STR_LIT("\"") : STR_EMPTY);
}

static void write_items(struct buf *b, const struct node *n)
{
	bool map = n->kind == NODE_MAP;

	buf_add_char(b, map ? '{' : '[');
	for (size_t i = 0; i < n->n && !b->over; i++) {
		if (i)
			buf_add_z(b, ", ");
		if (map) {
			write_scalar(b, n->keys[i]);
			buf_add_z(b, ": ");
		}
		write_node(b, n->items[i]);
	}
	buf_add_char(b, map ? '}' : ']');
}

static void write_node(struct buf *b, const struct node *n)
{
	if (n->kind == NODE_SCALAR)
		write_scalar(b, n);
	else
		write_items(b, n);
}

struct str written(struct arena *a, struct str key, const struct node *n)
{
	struct buf b;
	struct str text;

	buf_init(&b, WRITTEN_MAX);
	buf_add_str(&b, key);
	if (key.n)
		buf_add_z(&b, ": ");
	write_node(&b, n);
	text = buf_str(&b);
	for (size_t i = 0; i < text.n; i++)	/* texts of several lines */
		if (b.p[i] == '\n' || b.p[i] == '\r' || b.p[i] == '\t')
			b.p[i] = ' ';
	text = b.over ? arena_printf(a, "%.*s...",
	    STR_ARG(utf8_head(text, WRITTEN_MAX - 3))) : arena_str(a, text);
	buf_free(&b);
	return text;
}

/* ---------------------------------------------------------------- making */

struct cond *cond_make(struct builder *b, enum cond_kind kind,
    struct pos pos, struct str as_written)
{
	struct cond *c = arena_make(b->arena, struct cond);

	c->kind = kind;
	c->pos = pos;
	c->written = as_written;
	c->id = b->out->n_conds++;
	c->weight = 1;
	if (b->out->n_conds == CONDS_MAX + 1)
		problem(b->ps, pos, "there are more than %d conditions",
		    CONDS_MAX);
	return c;
}

/* Height and weight, from the kids. */
struct cond *cond_close(struct builder *b, struct cond *c)
{
	unsigned height = 0;
	uint64_t weight = 1;

	for (size_t i = 0; i < c->n_kids; i++) {
		if (c->kids[i]->height > height)
			height = c->kids[i]->height;
		weight += c->kids[i]->weight;
	}
	if (height + 1 > COND_HEIGHT_MAX) {
		problem(b->ps, c->pos, "conditions are nested more than %d "
		    "deep, named ones counted", COND_HEIGHT_MAX);
		return NULL;
	}
	if (weight > COND_WEIGHT_MAX) {
		problem(b->ps, c->pos, "this is more than %d conditions, "
		    "named ones counted at each use", COND_WEIGHT_MAX);
		return NULL;
	}
	c->height = height + 1;
	c->weight = (unsigned)weight;
	return c;
}

void cond_kids_add(struct builder *b, struct cond_kids *k, struct cond *c)
{
	if (!c) {
		k->faulty = true;
		return;
	}
	arena_grow(b->arena, &k->list, k->n, &k->cap);
	k->list[k->n++] = c;
}

/* A group of KIDS; a single one stands for itself. */
struct cond *cond_join(struct builder *b, enum cond_kind kind,
    struct pos pos, struct str as_written, const struct cond_kids *k)
{
	struct cond *c;

	if (k->faulty || k->n == 0)
		return NULL;
	if (k->n == 1 && kind != COND_NOT)
		return k->list[0];
	c = cond_make(b, kind, pos, as_written);
	c->kids = k->list;
	c->n_kids = k->n;
	return cond_close(b, c);
}

/* ------------------------------------------------------------ the words */

static struct cond *group_build(struct builder *b, const struct node *n,
    enum cond_kind of_map, enum cond_kind of_list, struct str as_written);

static struct cond *not_cond(struct builder *b, const struct node *key,
    const struct node *value)
{
	struct cond_kids kids = { 0 };
	struct str text = written(b->arena, key->text, value);

	cond_kids_add(b, &kids, group_build(b, value, COND_ALL, COND_ANY,
	    written(b->arena, STR_EMPTY, value)));
	return cond_join(b, COND_NOT, key->pos, text, &kids);
}

static struct cond *unknown_word(struct builder *b, const struct node *key)
{
	size_t n, index;
	const char *const *names = condition_names(&n);
	struct str hint;

	if (names_get(&b->named_names, key->text, &index)) {
		b->named[index].used = true;
		hint = arena_printf(b->arena, "a named condition stands "
		    "alone: `all: [%.*s, ...]`", STR_ARG(key->text));
	} else if (action_find(key->text)) {
		hint = STR_LIT("this is an action; it stands under `then`");
	} else {
		hint = habit_hint(b, HABIT_condition, key->text);
		if (hint.n == 0)
			hint = build_nearest(b, key->text, names, n);
		if (hint.n == 0 && memchr(key->text.p, '-', key->text.n))
			hint = arena_printf(b->arena, "a field is written "
			    "`header: {%.*s: ...}`", STR_ARG(key->text));
	}
	problem_hint(b->ps, key->pos, hint, "unknown condition `%.*s`",
	    STR_ARG(key->text));
	return NULL;
}

static struct cond *word_build(struct builder *b, const struct node *key,
    const struct node *value)
{
	const struct word *w = condition_find(key->text);
	struct str text;

	if (!w)
		return unknown_word(b, key);
	if (w->arg == ARG_LATER) {
		build_later(b, key);
		return NULL;
	}
	if (node_is_null(value)) {
		problem(b->ps, key->pos, "`%s` is empty", w->name);
		return NULL;
	}
	if (w->arg == ARG_CONDITION)
		return not_cond(b, key, value);
	if (w->arg != ARG_CONDITIONS)
		return term_build(b, w, key, value);
	text = written(b->arena, key->text, value);
	if (str_eq_z(key->text, "any"))
		return group_build(b, value, COND_ANY, COND_ANY, text);
	return group_build(b, value, COND_ALL, COND_ALL, text);
}

/* ----------------------------------------------------- named conditions */

static struct cond *say_cycle(struct builder *b, const struct node *n)
{
	problem(b->ps, n->pos, "the condition `%.*s` refers to itself",
	    STR_ARG(n->text));
	return NULL;
}

struct cond *named_build(struct builder *b, size_t index)
{
	struct named *d = &b->named[index];

	if (d->state != NAMED_NEW)
		return d->cond;
	d->state = NAMED_OPEN;
	d->cond = cond_build(b, d->node);
	d->state = NAMED_DONE;
	return d->cond;
}

static struct cond *unknown_name(struct builder *b, const struct node *n)
{
	struct str hint = condition_find(n->text) ?
	    arena_printf(b->arena, "`%.*s` wants something to compare with: "
	    "`%.*s: ...`", STR_ARG(n->text), STR_ARG(n->text)) :
	    build_nearest_name(b, n->text, &b->named_names);

	problem_hint(b->ps, n->pos, hint,
	    "there is no named condition `%.*s`", STR_ARG(n->text));
	return NULL;
}

static struct cond *name_cond(struct builder *b, const struct node *n)
{
	struct cond *c, *kid;
	struct str name;
	size_t index;

	if (!build_text(b, n, "condition", &name))
		return NULL;
	if (!names_get(&b->named_names, name, &index))
		return unknown_name(b, n);
	b->named[index].used = true;
	if (b->named[index].state == NAMED_OPEN)
		return say_cycle(b, n);
	kid = named_build(b, index);
	if (!kid)
		return NULL;
	c = cond_make(b, COND_NAMED, n->pos, name);
	c->name = name;
	c->kids = arena_make(b->arena, struct cond *);
	c->kids[0] = kid;
	c->n_kids = 1;
	return cond_close(b, c);
}

/* --------------------------------------------------------------- groups */

static struct cond *item_build(struct builder *b, const struct node *n)
{
	if (n->kind == NODE_LIST) {
		problem(b->ps, n->pos,
		    "a list in a list; write `all:` or `any:` before it");
		return NULL;
	}
	return cond_build(b, n);
}

static struct cond *group_build(struct builder *b, const struct node *n,
    enum cond_kind of_map, enum cond_kind of_list, struct str as_written)
{
	struct cond_kids kids = { 0 };

	if (n->kind == NODE_SCALAR)
		return name_cond(b, n);
	if (n->n == 0) {
		problem(b->ps, n->pos, "there is no condition here");
		return NULL;
	}
	if (b->depth == COND_HEIGHT_MAX) {
		problem(b->ps, n->pos, "conditions are nested more than %d "
		    "deep, named ones counted", COND_HEIGHT_MAX);
		return NULL;
	}
	b->depth++;
	for (size_t i = 0; i < n->n; i++)
		cond_kids_add(b, &kids, n->kind == NODE_MAP ?
		    word_build(b, n->keys[i], n->items[i]) :
		    item_build(b, n->items[i]));
	b->depth--;
	return cond_join(b, n->kind == NODE_MAP ? of_map : of_list, n->pos,
	    as_written, &kids);
}

struct cond *cond_build(struct builder *b, const struct node *n)
{
	return group_build(b, n, COND_ALL, COND_ANY,
	    written(b->arena, STR_EMPTY, n));
}
