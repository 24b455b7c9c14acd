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

static bool within(const struct bounds *b, int64_t n)
{
	return is_over(b, n) && is_under(b, n);
}

static int64_t clamped(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

bool leaf_in_bounds(const struct bounds *b, uint64_t n)
{
	return within(b, clamped(n));
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

static struct str seconds_shown(struct arena *a, int64_t s)
{
	static const struct { int64_t n; const char *name; } units[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" },
	};
	size_t i = 0;

	if (s < 0)
		return STR_LIT("it arrives in the future");
	while (i < COUNT(units) - 1 && s < units[i].n)
		i++;
	return arena_printf(a, "%lld%s", (long long)(s / units[i].n),
	    units[i].name);
}

static bool received(struct evaluation *v, int64_t *out,
    struct answer *missing)
{
	*out = v->in->facts->received;
	if (!fact_known(v, RULES_ASK_RECEIVED))
		*missing = answer_missing(v->in, RULES_ASK_RECEIVED);
	else if (*out == TIME_NONE)
		*missing = answer_unknown(0,
		    "its date of arrival cannot be read");
	else
		return true;
	return false;
}

static struct answer eval_age(struct evaluation *v, const struct cond *c)
{
	struct answer missing;
	int64_t at, age;

	if (!received(v, &at, &missing))
		return missing;
	if (__builtin_sub_overflow(v->in->now, at, &age))
		return answer_settled(false);
	if (v->notes)
		leaf_show(v, seconds_shown(v->arena, age));
	return answer_settled(within(&c->bounds, age));
}

/* The first second, and the one after the last, of what was written. */
static void span_of(const struct when *w, int64_t *from, int64_t *until)
{
	const int64_t day = 24 * 60 * 60;
	int64_t into_day = (w->civil % day + day) % day;

	*from = w->civil;
	if (w->has_time) {
		*until = w->civil + (w->civil % 60 ? 1 : 60);
		return;
	}
	*from -= into_day;
	*until = *from + day;
}

static bool time_fits(const struct cond *c, int64_t local)
{
	int64_t from, until;

	if (c->before.set) {
		span_of(&c->before, &from, &until);
		if (local >= from)
			return false;
	}
	if (c->after.set) {
		span_of(&c->after, &from, &until);
		if (c->after.has_time ? local <= from : local < until)
			return false;
	}
	if (c->on.set) {
		span_of(&c->on, &from, &until);
		if (local < from || local >= until)
			return false;
	}
	return true;
}

/* Times further away than the year 9999 say nothing a rule could mean. */
#define FAR_TIME	((int64_t)253402300800)

struct answer leaf_time(struct evaluation *v, const struct cond *c,
    int64_t t)
{
	const struct zone *z = &v->in->zone;
	struct civil civil;

	if (t <= -FAR_TIME || t >= FAR_TIME)
		return answer_settled(false);
	if (z->offset)
		t += z->offset(z->ctx, t);
	if (v->notes) {
		civil = time_to_civil(t);
		leaf_show(v, arena_printf(v->arena,
		    "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)civil.year,
		    civil.month, civil.day, civil.hour, civil.min,
		    civil.sec));
	}
	return answer_settled(time_fits(c, t));
}

static struct answer eval_received(struct evaluation *v,
    const struct cond *c)
{
	struct answer missing;
	int64_t at;

	if (!received(v, &at, &missing))
		return missing;
	return leaf_time(v, c, at);
}

/* ------------------------------------------------ state leaves: effects */

static struct answer of_doubt(struct doubt d)
{
	return answer_unknown(d.ask, d.why);
}

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
			answer_add(&a, answer_unknown(0, PATTERN_LIMIT_REASON));
		else if (fits == TRUTH_TRUE)
			answer_add(&a, of_doubt(m->doubt));
	}
	if (ms->others == TRUTH_UNKNOWN && may_begin(o->text,
	    ms->others_head))
		answer_add(&a, of_doubt(ms->doubt));
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
			answer_add(&a, of_doubt(m->doubt));
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
	if (truth == TRUTH_UNKNOWN)
		return answer_unknown(ask_cheapest(fx->doubt.ask),
		    fx->doubt.why);
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
	case COND_AGE:
		return eval_age(v, c);
	case COND_RECEIVED:
		return eval_received(v, c);
	case COND_IS:
		return eval_is(v, c);
	case COND_FLAG:
		return eval_marks(v, c, &v->fx->flags);
	case COND_LABEL:
		return eval_marks(v, c, &v->fx->labels);
	case COND_MAILBOX:
		return eval_mailbox(v, c);
	default:
		return eval_account(v, c);
	}
}
