/*
 * journal_replace - the part of the journal that is about replacements.
 *
 * A replacement belongs to a change of kind OP_REPLACE, which says in which
 * run, of which message and for which rules; here stands how far it has come
 * and all that must survive for it to be ended or taken back.  A step's
 * intent is saved before the step, what came of it before the next one, for
 * many messages in one transaction.
 *
 * Life:   add -> save* ; the last save has a settled state, and settles the
 *         change, and what was known of the original is known of the copy
 *         from then on, in the same transaction.
 * Errors: those of journal.h.
 */
#ifndef TAMIS_JOURNAL_REPLACE_H
#define TAMIS_JOURNAL_REPLACE_H

#include "journal.h"
#include "replacement.h"

enum replace_state {
	REPLACE_PLANNED,
	REPLACE_CAPTURED,	/* the original is in the spool */
	REPLACE_MADE,		/* the copy, too */
	REPLACE_UPLOADING,	/* it may be in its mailbox */
	REPLACE_PROVED,		/* it is there, whole */
	REPLACE_DRESSED,	/* ... and the original may be retired */
	REPLACE_RETIRED,	/* only `then` is left */
	REPLACE_DISCARDING,	/* given up: the copy is to go */
	REPLACE_UNDOING,	/* the original comes back, then the copy
				   goes */
	/* settled from here on */
	REPLACE_DONE,
	REPLACE_SAME,		/* nothing was to be changed */
	REPLACE_FAILED,		/* given up: the message is as it was */
	REPLACE_VOID,		/* ... since a crash came first */
	REPLACE_AMBIGUOUS,	/* both are left there, and it is reported */
	REPLACE_UNDONE,		/* done, and taken back */
};
#define REPLACE_SETTLED		REPLACE_DONE

/* "uploading" ... for people. */
const char *replace_state_name(enum replace_state state);

/* What of the journal is known of one. */
struct replace_row {
	struct replacement r;	/* its twins and mapped bytes are not kept */
	int64_t change, run;
	struct str rules, what;	/* of the change; set by the readers */
	struct str from, subject;
	enum replace_state state;
	uint32_t attempt;	/* of those that on_swallowed lists */
	int64_t tried;		/* when it was uploaded; 0: never */
	int64_t watch;		/* till then an upload without an answer may
				   land; 0: all were answered */
	bool instead;		/* the server put the copy in the original's
				   place */
	bool spooled;		/* the original is in the spool */
	uint64_t copy_size;
	uint8_t copy_sha256[DIGEST_SIZE];
	struct identity copy_id;	/* of the copy; see `mark` */
	uint8_t mark[16];	/* the digest of an identity without a size:
				   some servers are off with that */
	/* What is wanted of the copy behind it, a line each: "copy X",
	 * "move X", "delete", "unlabel X". */
	struct str then;
	uint32_t tries;		/* of these that failed */
	int64_t settled;	/* when; 0: it is not */
	struct str reason;
};

/* Sets r.row.  The change is there. */
MUST_USE bool journal_replace_add(struct journal *j,
    struct replace_row **list, size_t n, struct err *e);
MUST_USE bool journal_replace_save(struct journal *j,
    struct replace_row **list, size_t n, struct err *e);

enum replace_which {
	REPLACE_OPEN,		/* not settled; oldest first */
	REPLACE_WATCHED,	/* settled, and watched at the journal's time */
	REPLACE_KEPT,		/* settled, with an original in the spool;
				   oldest first */
	REPLACE_OF_CHANGE,	/* of the change given */
};
/* At most MAX of them, in A. */
MUST_USE bool journal_replace_list(struct journal *j, struct arena *a,
    enum replace_which which, int64_t change, size_t max,
    struct replace_row **list_out, size_t *n_out, struct err *e);

/* Which files of the spool does the replacement with this nonce need? */
MUST_USE bool journal_replace_needs(struct journal *j, struct str nonce,
    bool *original_out, bool *copy_out, struct err *e);

/*
 * Is a message of MAILBOX, which bears NONCE and has this MARK, a copy that
 * we made?  Then it is not new.  Where the copy's UID is known another
 * message with its marks is none.
 */
MUST_USE bool journal_replace_is_ours(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, struct str nonce,
    const uint8_t mark[16], bool *yes_out, struct err *e);
/* How many copies of the message of CHANGE may lie in Trash, from earlier
 * replacements of it that were given up or taken back? */
MUST_USE bool journal_replace_before(struct journal *j, int64_t change,
    int64_t *n_out, struct err *e);
/* Is it an original that undo has brought back?  Then it is not new either. */
MUST_USE bool journal_replace_restored(struct journal *j,
    struct str mailbox, uint32_t uid, const struct identity *id,
    bool *yes_out, struct err *e);
/* Have these very steps made this message, or found nothing to change on it?
 * Then they are not done again. */
MUST_USE bool journal_replace_made(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, struct str what, bool *yes_out,
    struct err *e);

#endif
