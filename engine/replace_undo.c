#include "replace_room.h"

#include "step.h"

/*
 * The old bytes are never uploaded while they lie in Trash, since that only
 * brings the twin back: the original comes out of Trash, is dressed as it was
 * captured, and then the copy goes.  In between there are two, and the
 * journal says why.
 */

static bool bring_back(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	bool ok = replace_step(w, list, n, w->store->kind.replacer->restore,
	    NEEDS_ORIGINAL | NEEDS_COPY | NEEDS_IF_THERE, e);

	step("replace-restored");
	for (size_t i = 0; i < n; i++) {
		struct replace_row *p = &list[i]->row;

		/* as it was before: there is one, which is the copy */
		if (p->r.outcome == STEP_REFUSED ||
		    p->r.outcome == STEP_PASSING)
			p->state = REPLACE_DONE;
	}
	return replace_save(w, list, n, ok ? e : &(struct err){ 0 }) && ok;
}

static bool take_copy_away(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	bool ok = replace_step(w, list, n, w->store->kind.replacer->discard,
	    NEEDS_ORIGINAL | NEEDS_COPY | NEEDS_IF_THERE, e);

	for (size_t i = 0; i < n; i++) {
		struct replace_row *p = &list[i]->row;

		if (p->r.outcome == STEP_DONE)
			p->state = REPLACE_UNDONE;
		else if (p->r.outcome == STEP_REFUSED)
			replace_ambiguous(list[i], p->r.reason);
	}
	return replace_save(w, list, n, ok ? e : &(struct err){ 0 }) && ok;
}

bool replace_take_back(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **live = arena_array(a, n + 1, sizeof(*live));
	size_t k = 0;
	bool ok = bring_back(w, list, n, e);

	for (size_t i = 0; ok && i < n; i++)
		if (list[i]->row.state == REPLACE_UNDOING &&
		    list[i]->row.r.outcome == STEP_DONE)
			live[k++] = list[i];
	ok = ok && (k == 0 || take_copy_away(w, live, k, e));
	arena_free(&a);
	return ok;
}

bool replace_undo(struct replace *w, struct replace_row **rows, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **list = arena_array(a, n + 1, sizeof(*list));
	bool ok = replace_open(w, e);

	for (size_t i = 0; i < n; i++) {
		list[i] = arena_make(a, struct replace_wish);
		list[i]->row = *rows[i];
		list[i]->row.state = REPLACE_UNDOING;
	}
	ok = ok && replace_save(w, list, n, e) &&
	    replace_take_back(w, list, n, e);
	for (size_t i = 0; i < n; i++)
		*rows[i] = list[i]->row;
	arena_free(&a);
	return ok;
}
