/*
 * act - a plan to the store: journal before, settle behind.
 *
 * Missing mailboxes are made, every change is written as intended with the
 * values before it (one transaction), the ops go out grouped, and the
 * outcomes, what was judged and the new checkpoint become durable together
 * (one transaction).  Killed anywhere in between, the next run finds either
 * nothing done, or intents that `recover` looks at.
 *
 * A message that is to be rewritten gets its flags and labels first, then is
 * replaced, and what would take it elsewhere is done with the copy.
 *
 * Errors: ERR_STATE before anything was sent; those of the store after.
 */
#ifndef TAMIS_ACT_H
#define TAMIS_ACT_H

#include "errand.h"
#include "replace.h"

struct act {
	struct judge *judge;		/* with its plan */
	int64_t run;			/* the journal's number */
	uint32_t *new_mailboxes;	/* made in this run so far */
	struct replace *replace;	/* NULL: nothing is rewritten */
	struct errands *errands;
	bool last;			/* failures are not handed on */
	/* Filled in: messages; those that wait failed for now, and are judged
	 * again. */
	uint64_t changed, failed, waiting;
	/*
	 * For good, and the rule has an `on_error`: to be judged again with
	 * these.  Until then they are pending in the journal, so that a crash
	 * forgets none.
	 */
	struct failure *failures;
	size_t n_failures, cap_failures;
};

/*
 * CHECKPOINT is where the mailbox stands when all is settled.  Sets outcomes
 * in the plan's ops and failures in its items.
 */
MUST_USE bool act_plan(struct act *act, const struct checkpoint *checkpoint,
    struct err *e);

#endif
