/*
 * replace - messages that others take the place of, and nothing is lost.
 *
 * The pipeline of replacement.h over many messages at once: capture, make
 * the copy, upload, look and prove, dress, retire, settle.  Before each step
 * the journal says that it will be done, behind it what came of it, and the
 * bytes lie in the spool: at any moment the message is there whole, on the
 * server or here.  What fails is rolled back: the copy goes, the message is
 * as it was.  What can be told neither way is left, both, and reported.
 *
 * No answer means that it may have happened and may yet: nothing is done
 * twice before that has been looked at.  An upload is waited for for a time
 * (limits.late), and each run looks for one that landed later, for
 * REPLACE_WATCH seconds.
 *
 * Life:   open -> recover -> [admit -> messages -> settle]* -> close.  A step
 *         may select another mailbox of the store.
 * Errors: those of the store, the journal and the spool: it is lost, or the
 *         disk is.  ERR_BRAKE: the disk is nearly full, nothing was begun.
 *         What concerns one message is its outcome.
 */
#ifndef TAMIS_REPLACE_H
#define TAMIS_REPLACE_H

#include "config.h"
#include "journal_replace.h"
#include "spool.h"

#define REPLACE_WATCH		(7 * 86400)
/* An upload takes a server longer than a copy: so many limits.late. */
#define REPLACE_LATE		6
#define REPLACE_THEN_MAX	20	/* lines of `then` */

/* A message that is to be replaced. */
struct replace_wish {
	/* Given: in `row` change, then, r.mailbox, r.uidvalidity, r.uid, r.id,
	 * r.lossy, r.new_thread, r.keep. */
	struct replace_row row;
	const struct rewrite *steps;
	size_t n_steps;
	uint64_t size;			/* of it, as far as known */
	/* What came of it.  DONE: the message is now row.r.uid_after of
	 * row.r.mailbox, 0: it is not there, and row.copy_id. */
	enum op_outcome outcome;
	bool retry;		/* FAILED for a passing reason */
	bool waits;		/* ... that only time mends */
	struct str reason;
	bool answered;		/* its own: the last upload was */
};

/*
 * What the steps of WISH make of BYTES: HEADER (with its empty line) and
 * BODY, in A or borrowed of BYTES.  ERR_MESSAGE: they cannot be done now.
 */
typedef bool transform_fn(void *ctx, struct arena *a,
    const struct replace_wish *wish, struct str bytes,
    struct str *header_out, struct str *body_out, struct err *e);

struct replace {
	/* Given by the caller. */
	struct arena *arena;		/* a run's */
	const struct account *account;
	struct store *store;
	struct journal *journal;
	int64_t now;			/* when the run began */
	transform_fn *transform;
	void *transform_ctx;
	/* Filled by recover: what an earlier run left, in its new state. */
	struct replace_row **rows;
	size_t n_rows;
	size_t done, back, ambiguous, held, late;
	/* Its own. */
	int64_t began_ms;
	struct spool *spool;
	bool asked_ready;
	struct err not_ready;
};

/* The spool is opened with it. */
MUST_USE bool replace_open(struct replace *w, struct err *e);
void replace_close(struct replace *w);	/* fine if it was not opened */

/* Before anything is intended: an outcome that is not TODO says why it is not
 * to be done now. */
MUST_USE bool replace_admit(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);
/* Replaces them, portion by portion. */
MUST_USE bool replace_messages(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);
/* What was wanted behind their replacement (`then`) has been done. */
MUST_USE bool replace_settle(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e);

/*
 * Ends or rolls back what an earlier run left, before anything else is done,
 * and takes away uploads that landed late.  Idempotent.
 */
MUST_USE bool replace_recover(struct replace *w, struct err *e);
/* The same, only looked at. */
MUST_USE bool replace_recover_list(struct replace *w, struct err *e);
/* Adds the messages of a mailbox that must rest. */
void replace_holds(const struct replace *w, struct str mailbox,
    uint32_t uidvalidity, struct uidset *set);

/* Originals come back, and their copies go; each row says in its state, and
 * in r.reason, what came of it. */
MUST_USE bool replace_undo(struct replace *w, struct replace_row **rows,
    size_t n, struct err *e);

/* Drops originals of replacements that were settled before BEFORE. */
MUST_USE bool replace_forget(struct replace *w, int64_t before,
    struct err *e);

#endif
