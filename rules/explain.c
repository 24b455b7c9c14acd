#include "explain.h"

static struct explained *node_make(struct evaluation *v, const char *text,
    struct pos pos, bool reached, enum truth truth)
{
	struct explained *x = arena_make(v->arena, struct explained);

	x->text = str_of(text);
	x->pos = pos;
	x->reached = reached;
	x->truth = reached ? truth : TRUTH_UNKNOWN;
	if (!reached)
		x->reason = STR_LIT("the outcome was settled "
		    "without it");
	return x;
}

/*
 * The kid that settled its group: the first that came out as the group did
 * (the other way round under `not`).  Where all had to, the first of them
 * stands for all; of several unknown ones, the one to be asked about first.
 */
static const struct cond *deciding_kid(const struct evaluation *v,
    const struct cond *c)
{
	enum truth wanted = v->notes[c->id].truth;
	struct cond *const *kids = wanted == TRUTH_UNKNOWN ? c->by_cost :
	    c->kids;

	if (c->kind == COND_NOT && wanted != TRUTH_UNKNOWN)
		wanted = wanted == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
	for (size_t i = 0; i < c->n_kids; i++) {
		const struct note *n = &v->notes[kids[i]->id];

		if (n->reached && n->truth == wanted)
			return kids[i];
	}
	return NULL;
}

static struct explained *cond_node(struct evaluation *v,
    const struct cond *c, bool reached, bool decides);

static void add_kids(struct evaluation *v, struct explained *x,
    const struct cond *c, bool decides)
{
	const struct explained **kids = arena_array(v->arena, c->n_kids,
	    sizeof(*kids));
	const struct cond *first = decides ? deciding_kid(v, c) : NULL;

	for (size_t i = 0; i < c->n_kids; i++)
		kids[i] = cond_node(v, c->kids[i], x->reached,
		    c->kids[i] == first);
	x->kids = kids;
	x->n_kids = c->n_kids;
}

/*
 * The tree of a named condition is made once and shared by all that name it,
 * or trees could grow without bound; where it was not reached it is left out.
 * `decides` stands at the name, as it differs from one use to the next.
 */
static void add_named(struct evaluation *v, struct explained *x,
    const struct cond *c, bool decides)
{
	struct memo *m = &v->memos[c->kids[0]->memo];
	const struct explained **kids;

	x->decides = decides;
	if (!x->reached)
		return;
	if (!m->tree)
		m->tree = cond_node(v, c->kids[0], true, false);
	kids = arena_array(v->arena, 1, sizeof(*kids));
	kids[0] = m->tree;
	x->kids = kids;
	x->n_kids = 1;
}

static struct explained *cond_node(struct evaluation *v,
    const struct cond *c, bool reached, bool decides)
{
	const struct note *n = &v->notes[c->id];
	struct explained *x = node_make(v, NULL, c->pos,
	    reached && n->reached, n->truth);

	x->text = c->written;
	if (c->kind == COND_NAMED) {
		add_named(v, x, c, decides);
	} else if (c->n_kids) {
		add_kids(v, x, c, decides);
	} else {
		x->decides = decides;
		if (x->reached) {
			x->value = n->value;
			x->reason = str_of(n->why);
		}
	}
	return x;
}

static struct explained *branch_node(struct evaluation *v,
    const struct branch *b, bool reached, bool decides)
{
	struct explained *x;

	if (b->when)
		return cond_node(v, b->when, reached, decides);
	x = node_make(v, b->otherwise ? "otherwise" : "always", b->pos,
	    reached, TRUTH_TRUE);
	x->decides = decides;
	return x;
}

static enum truth branch_truth(const struct evaluation *v,
    const struct branch *b)
{
	return b->when ? v->notes[b->when->id].truth : TRUTH_TRUE;
}

/* A branch is reached when all before it were false. */
static struct explained *first_of_node(struct evaluation *v,
    const struct branch *top, bool reached)
{
	struct explained *x = node_make(v, "first_of", top->first_of[0].pos,
	    reached, TRUTH_FALSE);
	const struct explained **kids = arena_array(v->arena,
	    top->n_first_of, sizeof(*kids));
	bool open = reached;

	for (size_t i = 0; i < top->n_first_of; i++) {
		const struct branch *b = &top->first_of[i];
		enum truth truth = open ? branch_truth(v, b) : TRUTH_FALSE;

		kids[i] = branch_node(v, b, open, truth != TRUTH_FALSE);
		if (truth != TRUTH_FALSE) {
			x->truth = truth;
			open = false;
		}
	}
	x->kids = kids;
	x->n_kids = top->n_first_of;
	return x;
}

const struct explained *explain_rule(struct evaluation *v,
    const struct rule *rule, enum truth truth)
{
	const struct branch *top = &rule->top;
	bool fits = branch_truth(v, top) == TRUTH_TRUE;
	struct explained *all;
	const struct explained **kids;

	if (top->n_first_of == 0)
		return branch_node(v, top, true, true);
	all = node_make(v, "all", rule->info.pos, true, truth);
	kids = arena_array(v->arena, 2, sizeof(*kids));
	kids[0] = branch_node(v, top, true, !fits);
	kids[1] = first_of_node(v, top, fits);
	all->kids = kids;
	all->n_kids = 2;
	return all;
}
