/* Conditions that can never hold, and those that always do. */
#include "lint.h"

#include <string.h>

/* ------------------------------------------------------- two at a time */

/* The one text of `subject: {is: x}`, as written. */
static bool sole_text(const struct cond *c, const char *before,
    struct str *out)
{
	struct str s = c->written;

	if (!str_starts(s, str_of(before)) || !str_ends(s, STR_LIT("}")))
		return false;
	*out = str_sub(s, strlen(before), s.n - strlen(before) - 1);
	return !memchr(out->p, '[', out->n) && !memchr(out->p, ',', out->n) &&
	    !memchr(out->p, '"', out->n) && s.n + 4 < WRITTEN_MAX;
}

/* `subject` and `message_id` stand once. */
static bool different_texts(const struct cond *x, const struct cond *y)
{
	static const char *const once[] = { "subject: {is: ",
	    "message_id: {is: " };
	struct str a, b;

	for (size_t i = 0; i < COUNT(once); i++)
		if (sole_text(x, once[i], &a) && sole_text(y, once[i], &b))
			return !str_ieq(a, b);
	return false;
}

/* Names of the one account or mailbox, none of them in both. */
static bool different_names(const struct cond *x, const struct cond *y)
{
	const struct test *s, *t;

	if (x->kind != y->kind || (x->kind != COND_ACCOUNT &&
	    x->kind != COND_MAILBOX))
		return false;
	s = &x->tests[0];
	t = &y->tests[0];
	if (s->n > OPERANDS_MAX || t->n > OPERANDS_MAX)
		return false;
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < t->n; k++)
			if (s->any[i].op != TEST_TEXT ||
			    t->any[k].op != TEST_TEXT ||
			    str_ieq(s->any[i].text, t->any[k].text))
				return false;
	return true;
}

static bool different_ranges(const struct cond *x, const struct cond *y)
{
	const struct bounds *a = &x->bounds, *b = &y->bounds;

	if (x->kind != y->kind || (x->kind != COND_SIZE &&
	    x->kind != COND_AGE))
		return false;
	return (a->has_low && b->has_high && a->low >= b->high) ||
	    (b->has_low && a->has_high && b->low >= a->high);
}

/* ABSENT says that a field is not there, and OTHER wants something of it. */
static bool absent_and_not(const struct cond *absent,
    const struct cond *other)
{
	return absent->has_exists && !absent->exists &&
	    absent->kind == other->kind && absent->word == other->word &&
	    absent->n_fields == other->n_fields &&
	    (absent->n_fields == 0 || (absent->n_fields == 1 &&
	    str_ieq(absent->fields[0], other->fields[0]))) &&
	    (other->has_exists ? other->exists :
	    other->n_tests > 0 && !other->tests[0].has_exists &&
	    !other->has_count);
}

/* Is OTHER within what NOT denies? */
static bool denied(const struct cond *not, const struct cond *other)
{
	const struct cond *kid;

	if (not->kind != COND_NOT)
		return false;
	kid = not->kids[0];
	if (kid->kind == COND_NAMED)
		kid = kid->kids[0];
	if (cond_implies(other, kid))
		return true;
	for (size_t i = 0; kid->kind == COND_ANY && i < kid->n_kids &&
	    i < CONJUNCTS_MAX; i++)
		if (cond_implies(other, kid->kids[i]))
			return true;
	return false;
}

static bool never_both(const struct cond *x, const struct cond *y)
{
	return (x->kind == COND_IS && y->kind == COND_IS &&
	    str_eq(x->text, y->text) && x->negated != y->negated) ||
	    different_texts(x, y) || different_names(x, y) ||
	    different_ranges(x, y) || absent_and_not(x, y) ||
	    absent_and_not(y, x) || denied(x, y) || denied(y, x);
}

/* ------------------------------------------------------------ all, any */

static void say_never(struct builder *b, const struct cond *x,
    const struct cond *y)
{
	warning(b->ps, y->pos, "this can never hold together with `%.*s` "
	    "(%s)", STR_ARG(x->written),
	    lint_place(b, x->pos, y->pos).p);
}

static void lint_all(struct builder *b, const struct conjuncts *all,
    size_t from)
{
	for (size_t i = from; i < all->n; i++)
		for (size_t k = 0; k < i; k++)
			if (never_both(all->list[k], all->list[i])) {
				say_never(b, all->list[k], all->list[i]);
				return;
			}
}

static void lint_any(struct builder *b, const struct cond *c)
{
	size_t n = c->n_kids < CONJUNCTS_MAX ? c->n_kids : CONJUNCTS_MAX;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			const struct cond *x = c->kids[i], *y = c->kids[k];

			if ((x->kind == COND_NOT &&
			    cond_implies(x->kids[0], y)) ||
			    (i < k && x->kind == COND_IS &&
			    y->kind == COND_IS && str_eq(x->text, y->text) &&
			    x->negated != y->negated))
				warning(b->ps, c->pos, "one of these always "
				    "holds: `%.*s` or `%.*s`",
				    STR_ARG(x->written),
				    STR_ARG(y->written));
		}
}

/* ---------------------------------------------------------------- alone */

/* `from: {domain: "@example.org"}`, `{local: alice@example.org}` */
static void lint_parts(struct builder *b, const struct cond *c)
{
	for (size_t i = 0; i < c->n_tests; i++) {
		const struct test *t = &c->tests[i];
		bool domain = t->part == PART_DOMAIN;

		if (!domain && t->part != PART_LOCAL && t->part != PART_USER)
			continue;
		for (size_t k = 0; k < t->n; k++)
			if (str_find_char(t->any[k].literal, 0, '@') <
			    t->any[k].literal.n)
				warning(b->ps, c->pos, domain ? "no domain "
				    "holds an `@`: write what stands behind "
				    "it" : "hardly any local part holds an "
				    "`@`: write what stands before it");
	}
}

static void lint_cond(struct builder *b, const struct cond *c, bool *seen)
{
	struct conjuncts all = { 0 };

	if (!c || seen[c->id])
		return;
	seen[c->id] = true;
	if (c->kind == COND_ALL) {
		conjuncts_add(&all, c);
		lint_all(b, &all, 1);
	}
	if (c->kind == COND_ANY)
		lint_any(b, c);
	if (c->kind == COND_ADDRESS)
		lint_parts(b, c);
	if (c->kind == COND_SIZE && c->bounds.has_low &&
	    c->bounds.low == 0 && !c->bounds.has_high)
		warning(b->ps, c->pos, "every message is over 0");
	for (size_t i = 0; i < c->n_kids; i++)
		lint_cond(b, c->kids[i], seen);
}

/* `account` of the rule and in its condition. */
static void lint_account(struct builder *b, const struct rule_info *info,
    const struct cond *c)
{
	const struct test *t = &c->tests[0];

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < info->n_accounts; k++)
			if (str_eq(t->any[i].text, info->accounts[k]))
				return;
	warning(b->ps, c->pos, "this never holds: the rule is for other "
	    "accounts");
}

static void lint_rule(struct builder *b, const struct rule *r, bool *seen)
{
	const struct branch *top = &r->top;
	struct conjuncts when = { 0 };

	lint_cond(b, top->when, seen);
	conjuncts_add(&when, top->when);
	for (size_t i = 0; r->info.n_accounts && i < when.n; i++)
		if (when.list[i]->kind == COND_ACCOUNT)
			lint_account(b, &r->info, when.list[i]);
	for (size_t i = 0; i < top->n_first_of; i++) {
		const struct branch *branch = &top->first_of[i];
		struct conjuncts both = when;

		lint_cond(b, branch->when, seen);
		conjuncts_add(&both, branch->when);
		lint_all(b, &both, when.n);
	}
}

void lint_conditions(struct builder *b)
{
	struct arena *scratch = arena_new();
	bool *seen = arena_array(scratch, b->out->n_conds, sizeof(*seen));

	for (size_t i = 0; i < b->n_named; i++)
		lint_cond(b, b->named[i].cond, seen);
	for (size_t i = 0; i < b->out->n_rules; i++)
		if (b->out->rules[i].info.enabled)
			lint_rule(b, &b->out->rules[i], seen);
	arena_free(&scratch);
}
