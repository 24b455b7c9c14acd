/*
 * replace_room - what the parts of the pipeline share; nobody else's.
 *
 * replace.c takes new wishes, replace_recover.c what a crash left; both go
 * through the steps of replace_step.c.
 */
#ifndef TAMIS_REPLACE_ROOM_H
#define TAMIS_REPLACE_ROOM_H

#include "replace.h"

int64_t replace_time(const struct replace *w);

/* As the store takes them, and back. */
struct replacement *replace_gather(struct arena *a,
    struct replace_wish **list, size_t n);
void replace_scatter(const struct replacement *all,
    struct replace_wish **list, size_t n);

struct copy_text;		/* replace_copy.h */
/* TEXT is the copy from now on; A is for the moment. */
MUST_USE bool replace_put_copy(struct replace *w, struct replace_wish *x,
    struct arena *a, const struct copy_text *text, struct err *e);
/* The next variant of the copy, with a Date SECONDS later; *DONE_OUT false:
 * there is none. */
MUST_USE bool replace_vary(struct replace *w, struct replace_wish *x,
    int64_t seconds, bool *done_out, struct err *e);

/* Those in STATE, in A. */
struct replace_wish **replace_pick(struct arena *a,
    struct replace_wish **list, size_t n, enum replace_state state,
    size_t *n_out);
MUST_USE bool replace_save(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);

/* It ends here: the message is or will be as it was. */
void replace_give_up(struct replace_wish *x, bool retry, struct str reason);
void replace_ambiguous(struct replace_wish *x, struct str reason);

/* From UPLOADING on: is it there, and whole?  To PROVED, to MADE for another
 * try with another variant, to DISCARDING or a settled state; it stays
 * UPLOADING where it may land yet. */
MUST_USE bool replace_find(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);
/* From PROVED to RETIRED, or to DISCARDING. */
MUST_USE bool replace_finish(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);
/* From DRESSED to RETIRED, also where the original is gone already. */
MUST_USE bool replace_retire(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);
/* From MADE to PROVED and so on. */
MUST_USE bool replace_upload(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);
/* From DISCARDING to FAILED. */
MUST_USE bool replace_discard(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);
/* From RETIRED without `then` to DONE; outcomes; files that are not needed
 * any more go. */
MUST_USE bool replace_end(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);

/* From UNDOING to UNDONE, or back to DONE. */
MUST_USE bool replace_take_back(struct replace *w,
    struct replace_wish **list, size_t n, struct err *e);

typedef bool step_fn(struct store *s, struct replacement *list, size_t n,
    struct err *e);
enum replace_needs {
	NEEDS_NOTHING, NEEDS_COPY = 1, NEEDS_ORIGINAL = 2,
	NEEDS_IF_THERE = 4,	/* a file may be gone by now */
};
/* One step of the store for all of LIST, with what it needs mapped. */
MUST_USE bool replace_step(struct replace *w, struct replace_wish **list,
    size_t n, step_fn *step, unsigned needs, struct err *e);

#endif
