/*
 * Conditions on what is known beside the message, and on what earlier
 * actions have made of its labels, flags and place.
 */
#include "leaf.h"

#include <string.h>

/* ---------------------------------------------------------- fact leaves */

static bool is_over(const struct bounds *b, int64_t n)
{
	return !b->has_low || n > b->low;
}

static bool is_under(const struct bounds *b, int64_t n)
{
	return !b->has_high || n < b->high;
}

bool leaf_within(const struct bounds *b, int64_t n)
{
	return is_over(b, n) && is_under(b, n);
}

static int64_t clamped(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

bool leaf_in_bounds(const struct bounds *b, uint64_t n)
{
	return leaf_within(b, clamped(n));
}

static bool fact_known(const struct evaluation *v, unsigned bit)
{
	return v->in->facts->known & bit;
}

enum truth leaf_range_in_bounds(const struct bounds *b, uint64_t least,
    uint64_t most)
{
	if (leaf_in_bounds(b, least) && leaf_in_bounds(b, most))
		return TRUTH_TRUE;
	return is_over(b, clamped(most)) && is_under(b, clamped(least)) ?
	    TRUTH_UNKNOWN : TRUTH_FALSE;
}

static struct answer eval_size(struct evaluation *v, const struct cond *c)
{
	const struct facts *f = v->in->facts;
	uint64_t size = f->size;
	enum truth sure = TRUTH_UNKNOWN;

	if (!fact_known(v, RULES_ASK_SIZE)) {
		if (f->size_most)
			sure = leaf_range_in_bounds(&c->bounds,
			    f->size_least, f->size_most);
		return sure == TRUTH_UNKNOWN ?
		    answer_missing(v->in, RULES_ASK_SIZE) :
		    (struct answer){ .truth = sure };
	}
	if (v->notes)
		leaf_show(v, arena_printf(v->arena, "%llu octets",
		    (unsigned long long)size));
	return answer_settled(leaf_in_bounds(&c->bounds, size));
}

/* ------------------------------------------------ state leaves: effects */

/* The operands of label, flag, mailbox, account stand in tests[0]. */
static const struct test *names_of(const struct cond *c)
{
	static const struct test none;

	return c->n_tests ? &c->tests[0] : &none;
}

static void show_marks(struct evaluation *v, const struct marks *ms,
    bool inbox)
{
	size_t k = 0;

	if (!v->notes || v->here.value.n)
		return;
	if (inbox)
		leaf_show_another(v, STR_LIT("INBOX"), k++);
	for (size_t i = 0; i < ms->n; i++)
		if (ms->list[i].now == TRUTH_TRUE)
			leaf_show_another(v, ms->list[i].name, k++);
	if (k == 0)
		leaf_show_reason(v, ms->fold ? "it has no flags" :
		    "it has no labels");
}

/* Can a name that begins with HEAD fit the glob? */
static bool may_begin(struct str glob, struct str head)
{
	for (size_t i = 0; i < glob.n && i < head.n; i++) {
		if (memchr("*?\\", glob.p[i], 3))
			break;
		if ((unsigned char)glob.p[i] >= 0x80)
			break;	/* it folds otherwise than by ch_lower */
		if (ch_lower(glob.p[i]) != ch_lower(head.p[i]))
			return (unsigned char)head.p[i] >= 0x80;
	}
	return true;
}

/* Any label or flag that the operand fits. */
static struct answer any_mark(struct evaluation *v, const struct marks *ms,
    const struct operand *o)
{
	struct answer a = answer_settled(false);

	for (size_t i = 0; i < ms->n; i++) {
		const struct mark *m = &ms->list[i];
		enum truth fits;

		if (m->now == TRUTH_FALSE)
			continue;
		if (evaluation_tick(v)) {
			answer_add(&a, answer_unknown(0, EVALUATION_LATE));
			return a;
		}
		fits = operand_text(o, m->name);
		if (fits == TRUTH_TRUE && m->now == TRUTH_TRUE) {
			leaf_show(v, m->name);
			return answer_settled(true);
		}
		if (fits == TRUTH_UNKNOWN)
			answer_add(&a, answer_unknown(0, leaf_pattern_limit));
		else if (fits == TRUTH_TRUE)
			answer_add(&a, answer_doubted(m->doubt));
	}
	if (ms->others == TRUTH_UNKNOWN && may_begin(o->text,
	    ms->others_head))
		answer_add(&a, answer_doubted(ms->doubt));
	return a;
}

/* A label that is written otherwise, but for the case of its letters. */
static struct answer folded_mark(struct evaluation *v,
    const struct marks *ms, struct str name)
{
	struct answer a = marks_has(ms, name);

	for (size_t i = 0; i < ms->n && a.truth != TRUTH_TRUE; i++) {
		const struct mark *m = &ms->list[i];

		if (m->now == TRUTH_FALSE || !str_ieq(m->name, name))
			continue;
		if (m->now == TRUTH_TRUE) {
			leaf_show(v, m->name);
			a = answer_settled(true);
		} else {
			answer_add(&a, answer_doubted(m->doubt));
		}
	}
	return a;
}

static struct answer one_mark(struct evaluation *v, const struct marks *ms,
    struct str name)
{
	struct answer a;

	if (ms->fold)
		a = marks_has(ms, name);
	else if (is_inbox(name))
		a = effects_inbox(v->fx);
	else
		a = folded_mark(v, ms, name);
	if (a.truth == TRUTH_TRUE && v->notes && v->here.value.n == 0)
		leaf_show(v, name);
	return a;
}

static struct answer eval_marks(struct evaluation *v, const struct cond *c,
    const struct marks *ms)
{
	const struct test *names = names_of(c);
	struct answer a = answer_settled(false);

	for (size_t i = 0; i < names->n; i++) {
		const struct operand *o = &names->any[i];
		struct answer one = o->op == TEST_TEXT ?
		    one_mark(v, ms, o->text) : any_mark(v, ms, o);

		if (one.truth == TRUTH_TRUE)
			return one;
		if (one.truth == TRUTH_UNKNOWN)
			answer_add(&a, one);
	}
	if (a.truth == TRUTH_FALSE)
		show_marks(v, ms, !ms->fold &&
		    effects_inbox(v->fx).truth == TRUTH_TRUE);
	a.ask = ask_cheapest(a.ask);
	return a;
}

static struct answer eval_is(struct evaluation *v, const struct cond *c)
{
	struct answer a = marks_has(&v->fx->flags, c->text);

	if (a.truth == TRUTH_TRUE)
		leaf_show(v, c->text);
	else if (a.truth == TRUTH_FALSE)
		show_marks(v, &v->fx->flags, false);
	if (c->negated && a.truth != TRUTH_UNKNOWN)
		return answer_settled(a.truth == TRUTH_FALSE);
	a.ask = ask_cheapest(a.ask);
	return a;
}

static bool text_fits(const struct operand *o, struct str name)
{
	if (o->op == TEST_TEXT && is_inbox(o->text))
		return is_inbox(name);
	return operand_text(o, name) == TRUTH_TRUE;
}

/* Is the message there, if it is at this spot? */
static enum truth spot_fits(const struct test *names, const struct spot *s)
{
	bool inbox = false;

	if (s->kind == PLACE_DELETE)
		return TRUTH_FALSE;
	for (size_t i = 0; i < names->n; i++) {
		if (text_fits(&names->any[i], s->mailbox))
			return TRUTH_TRUE;
		inbox |= text_fits(&names->any[i], STR_LIT("INBOX"));
	}
	return inbox ? s->inbox : TRUTH_FALSE;
}

static struct answer eval_mailbox(struct evaluation *v,
    const struct cond *c)
{
	const struct effects *fx = v->fx;
	const struct test *names = names_of(c);
	enum truth truth = spot_fits(names, &fx->spots[0]);

	for (size_t i = 1; i < fx->n_spots; i++)
		if (spot_fits(names, &fx->spots[i]) != truth)
			truth = TRUTH_UNKNOWN;
	if (fx->anywhere)
		truth = TRUTH_UNKNOWN;
	if (truth == TRUTH_UNKNOWN) {
		struct answer a = answer_doubted(fx->doubt);

		a.ask = ask_cheapest(a.ask);
		return a;
	}
	if (fx->n_spots == 1)
		leaf_show(v, fx->spots[0].mailbox);
	return (struct answer){ .truth = truth };
}

static struct answer eval_account(struct evaluation *v,
    const struct cond *c)
{
	const struct test *names = names_of(c);
	struct str account = v->in->facts->account;

	leaf_show(v, account);
	for (size_t i = 0; i < names->n; i++)
		if (operand_text(&names->any[i], account) == TRUTH_TRUE)
			return answer_settled(true);
	return answer_settled(false);
}

/* ----------------------------------------------------------------- face */

struct answer leaf_fact(struct evaluation *v, const struct cond *c)
{
	switch (c->kind) {
	case COND_SIZE:
		return eval_size(v, c);
	case COND_IS:
		return eval_is(v, c);
	case COND_FLAG:
		return eval_marks(v, c, &v->fx->flags);
	case COND_LABEL:
		return eval_marks(v, c, &v->fx->labels);
	case COND_MAILBOX:
		return eval_mailbox(v, c);
	default:		/* COND_ACCOUNT */
		return eval_account(v, c);
	}
}
