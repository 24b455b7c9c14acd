#include "evaluate.h"

#include "index.h"
#include "leaf.h"

/* What a leaf may cost, by what it reads. */
enum { COST_FACTS = 1, COST_HEADER, COST_SEARCH, COST_BODY,
	COST_SIGNATURE, COST_PROGRAM };

/* -------------------------------------------------------------- prepare */

static unsigned char leaf_cost(const struct cond *c)
{
	switch (c->kind) {
	case COND_ADDRESS:
	case COND_TEXT:
	case COND_HEADER_BLOCK:
	case COND_AUTH_RESULTS:
		return COST_HEADER;
	case COND_DATE:
	case COND_TIME_OF_DAY:
	case COND_WEEKDAY:
		return c->moment == MOMENT_SENT ? COST_HEADER : COST_FACTS;
	case COND_BODY:
	case COND_ATTACHMENT:
		return COST_BODY;
	case COND_SEALED:
		return c->good_signature ? COST_SIGNATURE : COST_BODY;
	case COND_SEARCH:
		return COST_SEARCH;
	case COND_RUN:
		return COST_PROGRAM;
	case COND_ALL:
	case COND_ANY:
	case COND_NOT:
	case COND_NAMED:	/* at least; then those of its kids */
	case COND_SIZE:
	case COND_AGE:
	case COND_IS:
	case COND_FLAG:
	case COND_LABEL:
	case COND_MAILBOX:
	case COND_ACCOUNT:
		break;
	}
	return COST_FACTS;
}

static bool reads_state(enum cond_kind kind)
{
	return kind == COND_IS || kind == COND_FLAG || kind == COND_LABEL ||
	    kind == COND_MAILBOX;
}

/* Stable: file order among equals. */
static void sort_by_cost(struct rules *r, struct cond *c)
{
	size_t n = 0;

	c->by_cost = arena_array(r->arena, c->n_kids, sizeof(*c->by_cost));
	for (unsigned cost = COST_FACTS; cost <= COST_PROGRAM; cost++)
		for (size_t i = 0; i < c->n_kids; i++)
			if (c->kids[i]->cost == cost)
				c->by_cost[n++] = c->kids[i];
}

/* Named conditions are shared: what has a cost was here before.  The
 * recursion is as deep as COND_HEIGHT_MAX at most. */
static void prepare_cond(struct rules *r, struct cond *c)
{
	if (!c || c->cost)
		return;
	c->cost = leaf_cost(c);
	c->reads_state = reads_state(c->kind) ||
	    (r->rewrites && c->cost > COST_FACTS);
	c->reads_rule = c->kind == COND_RUN && c->program->names_rule;
	for (size_t i = 0; i < c->n_kids; i++) {
		struct cond *kid = c->kids[i];

		prepare_cond(r, kid);
		if (kid->cost > c->cost)
			c->cost = kid->cost;
		c->reads_state |= kid->reads_state;
		c->reads_rule |= kid->reads_rule;
		if (c->kind == COND_NAMED && !kid->memo)
			kid->memo = ++r->n_memos;
	}
	sort_by_cost(r, c);
}

static bool rewrites(const struct branch *b)
{
	for (size_t i = 0; i < b->n_actions; i++)
		if (action_rewrites(&b->actions[i]))
			return true;
	for (size_t i = 0; i < b->n_first_of; i++)
		if (rewrites(&b->first_of[i]))
			return true;
	return false;
}

void match_prepare(struct rules *r)
{
	for (size_t i = 0; i < r->n_rules; i++)
		r->rewrites |= rewrites(&r->rules[i].top) ||
		    rewrites(&r->rules[i].on_error);
	for (size_t i = 0; i < r->n_rules; i++) {
		struct branch *top = &r->rules[i].top;

		prepare_cond(r, top->when);
		for (size_t k = 0; k < top->n_first_of; k++)
			prepare_cond(r, top->first_of[k].when);
	}
	r->index = index_make(r->arena, r);
}

/* --------------------------------------------------------------- the tree */

/* No default: a new kind must say here whose it is. */
static struct answer ask_leaf(struct evaluation *v, const struct cond *c)
{
	switch (c->kind) {
	case COND_ADDRESS:
	case COND_TEXT:
	case COND_HEADER_BLOCK:
	case COND_BODY:
	case COND_ATTACHMENT:
		return leaf_mail(v, c);
	case COND_AUTH_RESULTS:
		return leaf_auth_results(v, c);
	case COND_AGE:
	case COND_DATE:
	case COND_TIME_OF_DAY:
	case COND_WEEKDAY:
		return leaf_time(v, c);
	case COND_RUN:
		return leaf_program(v, c);
	case COND_SEARCH:
		return leaf_search(v, c);
	case COND_SEALED:
		return leaf_sealed(v, c);
	case COND_SIZE:
	case COND_IS:
	case COND_FLAG:
	case COND_LABEL:
	case COND_MAILBOX:
	case COND_ACCOUNT:
		return leaf_fact(v, c);
	case COND_ALL:
	case COND_ANY:
	case COND_NOT:
	case COND_NAMED:
		break;		/* no leaves */
	}
	return answer_unknown(0, "this is no leaf");
}

static struct answer eval_leaf(struct evaluation *v, const struct cond *c)
{
	return evaluation_tick(v) ? answer_unknown(0, EVALUATION_LATE) :
	    ask_leaf(v, c);
}

/* Away from C, the reason must say whose it is. */
static struct answer named_reason(struct evaluation *v,
    const struct cond *c, struct answer a)
{
	if (a.truth == TRUTH_UNKNOWN && a.why == leaf_pattern_limit)
		a.why = arena_printf(v->arena, "%s: %.*s",
		    leaf_pattern_limit, STR_ARG(c->written)).p;
	return a;
}

/* All of them (SETTLING is false) or any of them (it is true). */
static struct answer eval_group(struct evaluation *v, const struct cond *c,
    enum truth settling)
{
	struct answer sum = answer_settled(settling == TRUTH_FALSE);

	for (size_t i = 0; i < c->n_kids; i++) {
		struct answer a = evaluate(v, c->by_cost[i]);

		if (a.truth == settling)
			return a;
		if (a.truth == TRUTH_UNKNOWN)
			answer_add(&sum, a);
	}
	sum.ask = ask_cheapest(sum.ask);
	return sum;
}

static struct answer eval_named(struct evaluation *v, const struct cond *c)
{
	const struct cond *kid = c->kids[0];
	struct memo *m = &v->memos[kid->memo];

	if (!m->set || m->version != v->version ||
	    (kid->reads_state && m->epoch != v->fx->epoch) ||
	    (kid->reads_rule && m->rule != v->rule)) {
		if (v->in->explain && !v->notes)
			return evaluate(v, kid);	/* would lack notes */
		m->answer = evaluate(v, kid);
		m->set = true;
		m->epoch = v->fx->epoch;
		m->version = v->version;
		m->rule = v->rule;
		m->tree = NULL;
	}
	return m->answer;
}

static void take_note(struct evaluation *v, const struct cond *c,
    struct answer a)
{
	struct note *n = &v->notes[c->id];

	*n = v->here;
	n->reached = true;
	n->truth = a.truth;
	if (a.truth == TRUTH_UNKNOWN)
		n->why = a.why;
	v->here = (struct note){ .value = STR_EMPTY };
}

struct answer evaluate(struct evaluation *v, const struct cond *c)
{
	struct answer a;

	if (!c)
		return answer_settled(true);
	switch (c->kind) {
	case COND_ALL:
		a = eval_group(v, c, TRUTH_FALSE);
		break;
	case COND_ANY:
		a = eval_group(v, c, TRUTH_TRUE);
		break;
	case COND_NOT:
		a = answer_not(eval_group(v, c, TRUTH_TRUE));
		break;
	case COND_NAMED:
		a = eval_named(v, c);
		break;
	default:		/* ask_leaf knows them all */
		a = eval_leaf(v, c);
		break;
	}
	if (v->notes)
		take_note(v, c, a);
	return named_reason(v, c, a);
}

/* ------------------------------------------------------------- captures */

bool evaluate_captures(struct evaluation *v, const struct cond *c,
    struct captures *out, size_t *cap, struct doubt *doubt_out)
{
	struct note here = v->here;
	struct answer a;

	if (!c || c->kind == COND_NOT)
		return true;
	for (size_t i = 0; i < c->n_kids; i++)
		if (!evaluate_captures(v, c->kids[i], out, cap, doubt_out))
			return false;
	if (c->n_kids || !operand_captures(c))
		return true;
	v->hit = (struct hit){ .text = STR_EMPTY };
	a = eval_leaf(v, c);
	v->here = here;
	if (a.truth == TRUTH_UNKNOWN) {
		*doubt_out = answer_doubt(named_reason(v, c, a));
		return false;
	}
	if (a.truth == TRUTH_TRUE)
		capture(v->arena, c, &v->hit, out, cap);
	return true;
}
