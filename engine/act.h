/*
 * act - a plan to the store: journal before, settle behind.
 *
 * Missing mailboxes are made, every change is written as intended with the
 * values before it (one transaction), the ops go out grouped, and the
 * outcomes, what was judged and the new checkpoint become durable together
 * (one transaction).  Killed anywhere in between, the next run finds either
 * nothing done, or intents that `recover` looks at.
 *
 * Errors: ERR_STATE before anything was sent; those of the store after.
 */
#ifndef TAMIS_ACT_H
#define TAMIS_ACT_H

#include "judge.h"

struct act {
	struct judge *judge;		/* with its plan */
	int64_t run;			/* the journal's number */
	uint32_t *new_mailboxes;	/* made in this run so far */
	/* Filled in: messages; those that wait failed for now, and are judged
	 * again. */
	uint64_t changed, failed, waiting;
};

/*
 * CHECKPOINT is where the mailbox stands when all is settled.  Sets outcomes
 * in the plan's ops and failures in its items.
 */
MUST_USE bool act_plan(struct act *act, const struct checkpoint *checkpoint,
    struct err *e);

#endif
