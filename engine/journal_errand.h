/*
 * journal_errand - what was done outside of the mailboxes, and for whom.
 *
 * A row a message (by its identity), rule, kind, part and channel; once it is
 * there it is never done again, whatever became of it.  A row is written as
 * intended, with its change, before anybody is told; what a crash leaves so
 * is unsure.  One that waits holds what is to be told, which goes when that
 * is settled.  Rows are kept for good, some 100 octets each: a rule that
 * sweeps may want the same of an old message at any time.
 *
 * Life, errors: as of the journal, whose room this is.
 */
#ifndef TAMIS_JOURNAL_ERRAND_H
#define TAMIS_JOURNAL_ERRAND_H

#include "journal.h"

enum errand_state {
	ERRAND_INTENDED,
	ERRAND_DONE,
	ERRAND_FAILED,		/* surely not done, and will not be */
	ERRAND_UNSURE,		/* cannot be told; not repeated */
	ERRAND_WAITING,		/* to be done later */
	ERRAND_AGAIN,		/* surely not done: the row goes, and the
				   message is judged again */
};

struct errand_row {
	/* who */
	struct identity id;
	struct str rule;
	enum errand_kind kind;
	unsigned part;
	struct str channel;	/* or the program, or the address */
	/* where, and when it was wanted */
	struct str mailbox;
	uint32_t uidvalidity, uid;
	int64_t run, time;
	/* what */
	enum urgency urgency;
	bool sticky, batch;
	bool till_read;		/* forgotten when somebody reads it */
	struct str icon, sound, summary, body, from, subject;
	/* what became of it */
	enum errand_state state;
	struct str reason;
	int64_t change;		/* its row in the history; 0: none */
};

/* Is there a row for this errand, through whichever channel?  *BAD_OUT: one
 * that was not done, or perhaps not. */
MUST_USE bool journal_errand_known(struct journal *j,
    const struct identity *id, struct str rule, enum errand_kind kind,
    unsigned part, bool *yes_out, bool *bad_out, struct err *e);

/* Each of these is one transaction.  KEEP: they wait.  INTEND: with changes of
 * RUN, whose numbers are set.  SETTLE: state and reason, in both. */
MUST_USE bool journal_errands_keep(struct journal *j,
    const struct errand_row *list, size_t n, struct err *e);
MUST_USE bool journal_errands_intend(struct journal *j,
    struct errand_row *list, size_t n, int64_t run, struct err *e);
MUST_USE bool journal_errands_settle(struct journal *j,
    const struct errand_row *list, size_t n, struct err *e);

/* Those that wait, by mailbox and UID, in A. */
MUST_USE bool journal_errands_waiting(struct journal *j, struct arena *a,
    struct errand_row **list_out, size_t *n_out, struct err *e);

/* What a crash left intended is unsure from now on. */
MUST_USE bool journal_errands_cut_short(struct journal *j, uint64_t *n_out,
    struct err *e);

/* Did we move this message out of its mailbox, or replace it? */
MUST_USE bool journal_errand_moved(struct journal *j,
    const struct errand_row *row, bool *yes_out, struct err *e);

/* When this account was first looked at. */
MUST_USE bool journal_since(struct journal *j, int64_t *time_out,
    struct err *e);

#endif
