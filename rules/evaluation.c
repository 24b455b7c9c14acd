#include "evaluation.h"

#define TICKS	64	/* steps between two looks at the time */

void evaluation_init(struct evaluation *v, const struct rules *r,
    struct arena *a, const struct match_input *in,
    const struct effects *fx)
{
	*v = (struct evaluation){ .rules = r, .in = in, .fx = fx,
	    .arena = a, .first = in->mail };
	if (r->n_memos)
		v->memos = arena_array(a, (size_t)r->n_memos + 1,
		    sizeof(*v->memos));
	if (in->explain)
		v->notes = arena_array(a, (size_t)r->n_conds + 1,
		    sizeof(*v->notes));
}

void evaluation_rewritten(struct evaluation *v)
{
	v->version++;
	v->ids = NULL;
	v->auth = NULL;
}

bool evaluation_late(struct evaluation *v)
{
	if (!v->late && v->in->out_of_time)
		v->late = v->in->out_of_time(v->in->out_of_time_ctx);
	return v->late;
}

bool evaluation_tick(struct evaluation *v)
{
	if (v->late)
		return true;
	return ++v->ticks % TICKS == 0 && evaluation_late(v);
}
