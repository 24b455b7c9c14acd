/*
 * errand - what rules want done outside of the mailboxes, once for each
 * message and rule.
 *
 * The plan holds an op for each program that is to be started (OP_RUN), each
 * address that a message is sent on to (OP_FORWARD) and each channel that
 * somebody is told through (OP_NOTIFY).  Nothing is begun before it stands in
 * the journal as intended, and what stands there is not done again, whatever
 * became of it: a run that is killed in between leaves it unsure, and that is
 * said.  Only what was surely not done, for a reason that may pass, is done
 * by a later run.
 *
 * Kept for later is what comes in quiet hours, what a channel cannot take now
 * (no network, no desktop) and what is told of in one go at the end of the
 * run (`batch`).  It is forgotten when the message was read meanwhile or has
 * gone other than by us, and given up after ERRAND_DAYS_MAX.
 *
 * A channel that fails is said, and fails nothing else; a program or a
 * forward that does is a failure of its rule, and holds the message back.
 *
 * Life:   one a pass over an account; in its arena.
 * Errors: of the journal, and of the store where it is asked.
 */
#ifndef TAMIS_ERRAND_H
#define TAMIS_ERRAND_H

#include "channel.h"
#include "journal_errand.h"
#include "judge.h"

#define ERRAND_DAYS_MAX	7

struct errands {
	/* Given by the caller. */
	struct arena *arena;		/* of the pass */
	const struct account *account;
	const struct config *config;	/* channels and quiet hours */
	const struct rules *rules;
	struct store *store;
	struct journal *journal;	/* NULL: nothing is kept */
	const struct zone *zone;
	int64_t now;			/* of the run */
	int64_t began_ms;		/* clock_ms() then */
	int64_t run;			/* the journal's number; 0: none yet */
	/* What is to be said to the person, a sentence each. */
	struct str *said;
	size_t n_said, cap_said;
	bool *away;			/* by channel: it takes nothing now */
};

/* The errands of J's plan; sets the outcomes of their ops. */
MUST_USE bool errands_do(struct errands *x, struct judge *j, struct err *e);

/* Is there anything of earlier runs to be done now?  Needs no run. */
MUST_USE bool errands_are_late(struct errands *x, bool *yes_out,
    struct err *e);
/* What earlier runs left; selects mailboxes. */
MUST_USE bool errands_late(struct errands *x, struct err *e);
/* What this run has put together. */
MUST_USE bool errands_batch(struct errands *x, struct err *e);

#endif
