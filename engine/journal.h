/*
 * journal - what was seen, what was promised, what was done.
 *
 * One SQLite database an account, state.db, kept by rules that a crash or a
 * full disk cannot break (journal_mode=DELETE, synchronous=EXTRA: a commit is
 * on disk before it returns, a reader leaves nothing behind).
 *
 * It holds for each mailbox a checkpoint (every UID below next_uid has been
 * dealt with, but for the pending ones), the messages judged (to know them
 * again after a UIDVALIDITY change), the changes with the values before them
 * and the rules that wanted them, the runs, and when each rule last ran.
 *
 * A change is written as `intended` before it is sent and settled after the
 * answer.  What a crash leaves intended is looked at by `recover` before
 * anything else is done; harmless kinds are never replayed.
 *
 * Life:   open -> [run_begin -> {intend -> caller acts -> settle}* -> run_end]
 *         -> close.  Opened for reading it takes no lock, changes nothing and
 *         is the empty journal where there is no state yet.
 * Owns:   the database, the lock (flock on a file beside it).
 * Errors: ERR_STATE; ERR_TEMP when another run holds the lock; ERR_CONFIG
 *         when the state belongs to another host, user or path.
 */
#ifndef TAMIS_JOURNAL_H
#define TAMIS_JOURNAL_H

#include "store.h"

#define JOURNAL_VERSION		3
#define JOURNAL_TRIES_MAX	5	/* then a pending message is reported */

struct journal;

enum journal_mode { JOURNAL_READ, JOURNAL_WRITE };

/*
 * DIR is the account's state folder; made (0700) for writing.  OWNER is
 * "imaps://host:port user" or the Maildir's path: stored at first, compared
 * from then on.  NOW is the time of the run.
 */
MUST_USE bool journal_open(const char *dir, const char *owner,
    enum journal_mode mode, int64_t now, struct journal **j_out,
    struct err *e);
void journal_close(struct journal **j);
const char *journal_folder(const struct journal *j);	/* DIR */

/* ---------------------------------------------------------- checkpoints */

struct checkpoint {
	bool known;		/* false: this mailbox was never looked at */
	uint32_t uidvalidity;
	uint32_t next_uid;	/* UIDs below were dealt with, or pend */
	uint32_t baseline_uid;	/* UIDs below were there before the first run */
	int64_t baseline_time;	/* of that first run */
	uint64_t modseq;	/* as of then; 0: none */
	int64_t time;		/* of the run that set it */
};

MUST_USE bool journal_checkpoint(struct journal *j, struct str mailbox,
    struct checkpoint *out, struct err *e);

/* A message that is new and not settled yet. */
struct pending {
	uint32_t uidvalidity, uid;
	int tries;		/* judgements so far */
	int64_t since;
	struct identity id;	/* digest all zero: not known */
	struct str reason;
};

MUST_USE bool journal_pending(struct journal *j, struct arena *a,
    struct str mailbox, struct pending **list_out, size_t *n_out,
    struct err *e);

/* Has a message with this identity been judged in this mailbox (under any
 * UIDVALIDITY)? */
MUST_USE bool journal_was_judged(struct journal *j, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e);

/* ... or in another one? */
MUST_USE bool journal_judged_elsewhere(struct journal *j, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e);

/* What was found out of one message in this run. */
struct judged {
	uint32_t uidvalidity, uid;
	struct identity id;
	bool settled;		/* false: stays or becomes pending */
	bool waits;		/* pending, but this was no try */
	bool given_up;		/* settled, but for want of tries */
	bool unreadable;	/* the store has it and cannot read it */
	struct str reason;	/* why it pends */
};

/* ----------------------------------------------------------------- runs */

struct run_record {
	int64_t id;
	int64_t started, ended;	/* ended 0: it never came to its end */
	struct str rules_version;	/* hex digest of the rule files */
	uint32_t judged, changed, failed, unknown;
	int exit_code;
};

MUST_USE bool journal_run_begin(struct journal *j, struct str rules_version,
    int64_t *run_out, struct err *e);
MUST_USE bool journal_run_end(struct journal *j,
    const struct run_record *r, struct err *e);

/* ------------------------------------------------------------- changes */

enum change_state {
	CHANGE_INTENDED,
	CHANGE_DONE,
	CHANGE_FAILED,		/* surely not done */
	CHANGE_VOID,		/* a crash came first; judged afresh */
	CHANGE_UNSURE,		/* cannot be told; reported */
	CHANGE_UNDONE,		/* done, and taken back */
};

struct change {
	int64_t id;		/* set by intend */
	int64_t run, time;
	struct str mailbox;
	uint32_t uidvalidity, uid;
	struct identity id_of;
	struct str from, subject;	/* decoded, cut to 200 octets */
	struct str rules;	/* names, joined by ", " */
	enum op_kind kind;
	struct str what;	/* names joined by blanks, or the mailbox */
	/* Values before: flags and labels, each joined by LF. */
	struct str flags_before, labels_before;
	uint32_t dest_uidvalidity, dest_from_uid, dest_uid;
	enum change_state state;
	struct str reason;
};

/* All in one transaction, on disk when it returns; sets each id and state
 * INTENDED. */
MUST_USE bool journal_intend(struct journal *j, struct change *list,
    size_t n, struct err *e);

/*
 * In one transaction: the outcomes of CHANGES (by id: state, dest_uid,
 * reason), what was judged, and the new checkpoint of MAILBOX (NULL: none).
 * A judged message that is settled leaves the pending ones; one that is not
 * has its tries raised by one, unless it only waits.  A checkpoint first
 * drops what was pending under another UIDVALIDITY.
 */
MUST_USE bool journal_settle(struct journal *j, struct str mailbox,
    const struct change *changes, size_t n_changes,
    const struct judged *judged, size_t n_judged,
    const struct checkpoint *checkpoint, struct err *e);

/* Changes that were done have been taken back. */
MUST_USE bool journal_undone(struct journal *j, const int64_t *ids, size_t n,
    struct err *e);

/* Was something taken back that was done of a message with this identity
 * here? */
MUST_USE bool journal_was_undone(struct journal *j, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e);

/* What a crash left: changes still INTENDED, oldest first; without those whose
 * replacement has begun (journal_replace.h). */
MUST_USE bool journal_unsettled(struct journal *j, struct arena *a,
    struct change **list_out, size_t *n_out, struct err *e);

/* Was this copy made already, in this or an earlier run?  ID matters when
 * the UIDVALIDITY was another one then.  Not forgotten before the message has
 * left the mailbox: by a move or delete of ours, or with its name. */
MUST_USE bool journal_copied(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, const struct identity *id,
    struct str target, bool *yes_out, struct err *e);
/* Is this message of MAILBOX one that we copied or moved there?  Known by
 * its UID where that was told and UIDs have not begun anew, else, unless
 * EXACT, by ID; then a move that was never answered counts, too. */
MUST_USE bool journal_placed(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, const struct identity *id,
    bool exact, bool *yes_out, struct err *e);

/* ------------------------------------------------------------- history */

struct history_query {
	struct str rule;	/* empty: any */
	int64_t since;		/* TIME_NONE: any */
	int64_t run;		/* 0: any */
	struct str message_id;	/* without brackets; empty: any */
	struct str mailbox;	/* with uid; empty: any */
	uint32_t uid;
};

typedef bool change_fn(void *ctx, const struct change *c,
    const struct run_record *r, struct err *e);
MUST_USE bool journal_history(struct journal *j,
    const struct history_query *q, change_fn *fn, void *ctx,
    struct err *e);
typedef bool run_fn(void *ctx, const struct run_record *r, struct err *e);
MUST_USE bool journal_runs(struct journal *j, int64_t since, run_fn *fn,
    void *ctx, struct err *e);

/* Drops settled history and judged messages older than BEFORE, and names that
 * have been gone since before that, with what was copied under them. */
MUST_USE bool journal_prune(struct journal *j, int64_t before,
    struct err *e);

/* ------------------------------------------------------- rules, names */

/* When a rule with `every` last ran to its end; 0: never. */
MUST_USE bool journal_rule_time(struct journal *j, struct str rule,
    int64_t *time_out, struct err *e);
MUST_USE bool journal_set_rule_time(struct journal *j, struct str rule,
    int64_t time, struct err *e);

/*
 * UIDs for a store that has none (Maildir): each name of MAILBOX that is
 * known gets its UID, the others get new ones, ascending in the order
 * given.  NAMES is all of the mailbox, each name once; known ones that are
 * missing keep their UID until journal_prune finds them gone for long.  For
 * reading, new ones are counted on in memory only.
 * *UIDNEXT_OUT is above all that were ever given.  UIDVALIDITY is made once.
 * NAMES NULL (and N 0) only asks for these two and writes nothing; where
 * there is no UIDVALIDITY yet it is the one that this run would make.
 */
MUST_USE bool journal_names(struct journal *j, struct str mailbox,
    const struct str *names, size_t n, uint32_t *uids_out,
    uint32_t *uidnext_out, uint32_t *uidvalidity_out, struct err *e);

/* A name that is about to come to a mailbox of such a store. */
struct journal_name {
	struct str mailbox, name;
	uint32_t uid;		/* set by names_add */
};

/*
 * Messages are about to be moved or copied by us to other mailboxes of such
 * a store: each gets a new UID there at once (also if the name was known,
 * from a message that was there before), and is not new there: the
 * checkpoint moves over them, and what it moves over besides (numbered but
 * not judged) becomes pending with no try yet.  Names of one mailbox stand
 * together in LIST.
 */
MUST_USE bool journal_names_add(struct journal *j,
    struct journal_name *list, size_t n, struct err *e);
/* The same for one. */
MUST_USE bool journal_name_add(struct journal *j, struct str mailbox,
    struct str name, uint32_t *uid_out, struct err *e);

/* Anything about the account, by key: when network trouble began, say. */
MUST_USE bool journal_note_get(struct journal *j, const char *key,
    int64_t *value_out, struct err *e);	/* 0: not there */
MUST_USE bool journal_note_set(struct journal *j, const char *key,
    int64_t value, struct err *e);

#endif
