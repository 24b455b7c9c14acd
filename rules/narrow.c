/*
 * What a server can say of the messages that a sweep may concern, before any
 * of them is fetched.
 *
 * Of each rule that sweeps those parts of its condition are taken that must
 * hold for it to fire and that are facts; what is left out makes the choice
 * wider, never narrower.  A message that one rule changes is among that rule's
 * own candidates, so that later rules see what it did.
 */
#include "compile.h"

#define ATOMS_MAX	20	/* of one rule */

struct narrowing_rule {
	struct narrow_atom list[ATOMS_MAX];
	size_t n;
};

static void add(struct narrowing_rule *r, struct narrow_atom atom)
{
	if (r->n < ATOMS_MAX)
		r->list[r->n++] = atom;
}

/* A name that stands alone, and is no pattern. */
static bool one_name(const struct cond *c, struct str *out)
{
	const struct test *t = c->tests;

	if (c->n_tests != 1 || t->n != 1 || t->any[0].op != TEST_TEXT)
		return false;
	*out = t->any[0].text;
	return true;
}

static void take_state(struct narrowing_rule *r, const struct cond *c,
    bool negated)
{
	struct narrow_atom atom = { .negated = negated };

	switch (c->kind) {
	case COND_IS:
		atom.kind = NARROW_FLAG;
		atom.name = c->text;
		atom.negated = c->negated != negated;
		break;
	case COND_FLAG:
		atom.kind = NARROW_FLAG;
		if (!one_name(c, &atom.name))
			return;
		break;
	case COND_LABEL:
		atom.kind = NARROW_LABEL;
		if (!one_name(c, &atom.name))
			return;
		break;
	default:
		return;
	}
	add(r, atom);
}

/* What must not hold: none of several. */
static void take_none(struct narrowing_rule *r, const struct cond *c)
{
	if (c->kind != COND_ANY && c->kind != COND_NAMED)
		take_state(r, c, true);
	else
		for (size_t i = 0; i < c->n_kids; i++)
			take_none(r, c->kids[i]);
}

static void take_bounds(struct narrowing_rule *r, const struct cond *c,
    enum narrow_kind over, enum narrow_kind under, int64_t from)
{
	const struct bounds *b = &c->bounds;
	bool age = c->kind == COND_AGE;

	/* older is earlier */
	if (b->has_low)
		add(r, (struct narrow_atom){ .kind = age ? under : over,
		    .number = age ? from - b->low : b->low });
	if (b->has_high)
		add(r, (struct narrow_atom){ .kind = age ? over : under,
		    .number = age ? from - b->high : b->high });
}

/* What must hold; the recursion is as deep as COND_HEIGHT_MAX at most. */
static void take(struct narrowing_rule *r, const struct cond *c,
    const struct rules *rules, int64_t now)
{
	switch (c->kind) {
	case COND_ALL:
	case COND_NAMED:
		for (size_t i = 0; i < c->n_kids; i++)
			take(r, c->kids[i], rules, now);
		break;
	case COND_NOT:
		for (size_t i = 0; i < c->n_kids; i++)
			take_none(r, c->kids[i]);
		break;
	case COND_IS:
	case COND_FLAG:
	case COND_LABEL:
		take_state(r, c, false);
		break;
	case COND_SIZE:
		take_bounds(r, c, NARROW_LARGER, NARROW_SMALLER, 0);
		break;
	case COND_AGE:
		take_bounds(r, c, NARROW_AFTER, NARROW_BEFORE, now);
		break;
	case COND_SEARCH:
		add(r, (struct narrow_atom){ .kind = NARROW_SEARCH,
		    .name = rules->searches[c->search] });
		break;
	default:
		break;
	}
}

size_t rules_narrow(const struct rules *r, struct arena *a, size_t rule,
    int64_t now, const struct narrow_atom **list_out)
{
	struct narrowing_rule *n = arena_make(a, struct narrowing_rule);
	const struct cond *when = r->rules[rule].top.when;

	if (when)
		take(n, when, r, now);
	*list_out = n->list;
	return n->n;
}

/* Local time is another one where the machine is moved. */
static bool is_steady(const struct cond *c)
{
	switch (c->kind) {
	case COND_AGE:
	case COND_RUN:
	case COND_SEARCH:
		return false;
	case COND_SEALED:	/* keys come and go */
		return !c->good_signature;
	case COND_DATE:
	case COND_TIME_OF_DAY:
	case COND_WEEKDAY:
		return c->moment != MOMENT_NOW && c->zone;
	default:
		break;
	}
	for (size_t i = 0; i < c->n_kids; i++)
		if (!is_steady(c->kids[i]))
			return false;
	return true;
}

/* Does it make a message of which a program or a key decides what it is? */
static bool asks_others(const struct branch *b)
{
	for (size_t i = 0; i < b->n_actions; i++)
		if (b->actions[i].kind == ACTION_PIPE ||
		    b->actions[i].kind == ACTION_DECRYPT)
			return true;
	for (size_t i = 0; i < b->n_first_of; i++)
		if (asks_others(&b->first_of[i]))
			return true;
	return false;
}

bool rules_is_steady(const struct rules *r, size_t rule)
{
	const struct branch *top = &r->rules[rule].top;
	bool steady = !top->when || is_steady(top->when);

	for (size_t i = 0; i < top->n_first_of; i++)
		steady &= !top->first_of[i].when ||
		    is_steady(top->first_of[i].when);
	/* a later rule reads what comes out of it */
	for (size_t i = 0; i <= rule && steady; i++)
		steady = !r->rules[i].info.enabled ||
		    (!asks_others(&r->rules[i].top) &&
		    !asks_others(&r->rules[i].on_error));
	return steady;
}
