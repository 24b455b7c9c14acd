#include "groups.h"

#include "compile.h"

/* ------------------------------------------------------------ one regex */

static struct group *add(struct arena *a, struct groups *gs,
    struct str name)
{
	for (size_t i = 0; i < gs->n; i++)
		if (str_eq(gs->list[i].name, name))
			return &gs->list[i];
	if (gs->n == GROUPS_MAX)
		return NULL;
	arena_grow(a, &gs->list, gs->n, &gs->cap);
	gs->list[gs->n] = (struct group){ .name = name };
	return &gs->list[gs->n++];
}

static void add_as(struct arena *a, struct groups *gs, struct str name,
    bool sure)
{
	struct group *g = add(a, gs, name);

	if (g)
		g->sure = g->complete = sure;
}

static void of_regex(struct arena *a, const struct pattern *p,
    struct groups *out)
{
	const struct pattern_name *names;
	size_t n = pattern_names(p, &names);

	for (size_t i = 1; i <= pattern_groups(p); i++)
		add_as(a, out, arena_printf(a, "%zu", i),
		    pattern_group_sure(p, i));
	for (size_t i = 0; i < n; i++)
		add_as(a, out, names[i].name,
		    pattern_group_sure(p, names[i].group));
}

/* ---------------------------------------------------------- conditions */

static const struct group *find(const struct groups *gs, struct str name)
{
	for (size_t i = 0; i < gs->n; i++)
		if (str_eq(gs->list[i].name, name))
			return &gs->list[i];
	return NULL;
}

void groups_then(struct arena *a, struct groups *first,
    const struct groups *second)
{
	for (size_t i = 0; i < second->n; i++) {
		const struct group *s = &second->list[i];
		bool had = find(first, s->name) != NULL;
		struct group *f = add(a, first, s->name);

		if (!f)
			continue;
		if (!had) {
			*f = *s;
			continue;
		}
		f->sure = f->sure || (f->complete && s->sure);
		f->complete = f->complete && s->complete;
	}
}

/*
 * One of several, of which any may have been true, and others tried before
 * it.  FIRST_TIME: OUT is empty since nothing was there before.
 */
static void groups_or(struct arena *a, struct groups *out,
    const struct groups *other, bool first_time)
{
	for (size_t i = 0; i < out->n; i++) {
		struct group *g = &out->list[i];
		const struct group *o = find(other, g->name);

		g->complete = g->complete && (!o || o->complete);
		g->sure = g->sure && o && o->sure && g->complete;
	}
	for (size_t i = 0; i < other->n; i++) {
		const struct group *o = &other->list[i];
		struct group *g;

		if (find(out, o->name))
			continue;
		g = add(a, out, o->name);
		if (g) {
			*g = *o;
			g->sure = g->sure && first_time;
		}
	}
}

static void of_test(struct arena *a, const struct test *t,
    struct groups *out)
{
	*out = (struct groups){ 0 };
	for (size_t i = 0; i < t->n; i++) {
		struct groups one = { 0 };

		if (t->any[i].op == TEST_PATTERN && t->any[i].regex)
			of_regex(a, t->any[i].pattern, &one);
		groups_or(a, out, &one, i == 0);
	}
}

static void of_leaf(struct arena *a, const struct cond *c,
    struct groups *out)
{
	/* as many attachments as wanted may be none */
	bool sure = c->kind != COND_ATTACHMENT || !c->has_count;

	for (size_t i = 0; i < c->n_tests; i++) {
		struct groups one;

		of_test(a, &c->tests[i], &one);
		groups_then(a, out, &one);
	}
	for (size_t i = 0; i < out->n && !sure; i++)
		out->list[i].sure = out->list[i].complete = false;
}

/* A named condition may stand in every rule: worked out once. */
static void of_named(struct arena *a, struct cond *kid, struct groups *out)
{
	if (!kid->groups) {
		struct groups *g = arena_make(a, struct groups);

		groups_of_cond(a, kid, g);
		kid->groups = g;
	}
	groups_then(a, out, kid->groups);
}

void groups_of_cond(struct arena *a, const struct cond *c,
    struct groups *out)
{
	*out = (struct groups){ 0 };
	if (!c || c->kind == COND_NOT)
		return;
	if (c->kind == COND_NAMED) {
		of_named(a, c->kids[0], out);
		return;
	}
	of_leaf(a, c, out);
	for (size_t i = 0; i < c->n_kids; i++) {
		struct groups kid;

		groups_of_cond(a, c->kids[i], &kid);
		if (c->kind == COND_ANY)
			groups_or(a, out, &kid, i == 0);
		else
			groups_then(a, out, &kid);
	}
}
