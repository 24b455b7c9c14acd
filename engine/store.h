/*
 * store - where messages live: one interface for IMAP, Maildir and files.
 *
 * A store names messages by mailbox, UIDVALIDITY and UID (RFC 9051 2.3.1.1)
 * and knows how its own kind carries out what a plan wants.  What differs
 * between kinds of account (labels as keywords or folders, special-use
 * folders, Gmail) ends here; nobody above asks what kind a store is.
 *
 * Mailbox names are UTF-8 with levels separated by "/", INBOX in capitals;
 * each store translates at its border.
 *
 * Life:   store_X_open -> [mailboxes | select -> fetch* -> apply*]* -> close.
 *         One mailbox is selected at a time; fetch, apply and the rest speak
 *         of the selected one.
 * Owns:   what it opened.  Strings handed out in a callback die with it;
 *         all others live in the arena given to open (a run's).
 * Errors: ERR_TEMP, ERR_AUTH, ERR_PROTO end the store's usefulness: close
 *         it.  What concerns one message is an outcome of its op, not an
 *         error.
 */
#ifndef TAMIS_STORE_H
#define TAMIS_STORE_H

#include "config.h"
#include "uidset.h"

struct store;
struct replacer;		/* replacement.h */

/* --------------------------------------------------------- mailboxes */

struct mailbox_info {
	struct str name;
	struct str special;	/* \Trash ...; empty: none (RFC 6154) */
	bool selectable;
};

/* As SELECT or EXAMINE tells it. */
struct mailbox_state {
	uint32_t uidvalidity;
	uint32_t uidnext;	/* above every UID that is there */
	uint64_t modseq;	/* HIGHESTMODSEQ; 0: not offered (RFC 7162) */
	uint32_t exists;
	bool read_only;
};

/* ------------------------------------------------------------- fetch */

/* What to fetch for each message of a set: bits of RULES_ASK_*.  UID is
 * always there.  FIELDS fetches the fields named here (or the whole header),
 * BODY the whole message. */
struct fetch_items {
	unsigned ask;
	const struct str *fields;
	size_t n_fields;
	bool whole_header;
	/* The labels whose presence matters, for accounts where a label is a
	 * copy in a folder and only looking there can tell. */
	const struct str *labels;
	size_t n_labels;
};

struct fetched {
	struct facts facts;	/* facts.known tells what is in it */
	enum mail_have have;	/* of bytes; 0: no bytes */
	struct str bytes;	/* header fields, or the whole message */
	const struct mail_index *index;	/* of them, where the store had to
					   make it; else NULL */
	bool deleted;		/* \Deleted is set: on its way out */
	/* The message is over a limit and was not fetched, or could not be
	 * read; a clause for people.  Empty: fine. */
	const char *denied;
	bool unreadable;	/* denied because of an error, no limit */
	struct str object_id;	/* EMAILID (RFC 8474); empty: not offered */
	uint64_t gmail_id;	/* X-GM-MSGID: one message in all mailboxes;
				   0: not offered */
	struct str name;	/* file name, for stores that have them */
};

/* False (with E) to stop the fetch. */
typedef bool fetch_fn(void *ctx, const struct fetched *f, struct err *e);

/* Narrows the messages of the selected mailbox; all given must hold. */
struct store_query {
	uint32_t from_uid;	/* this and above; 0 is 1 */
	int64_t since;		/* INTERNALDATE on or after this instant's
				   day; TIME_NONE: any */
	struct str criteria;	/* IMAP SEARCH criteria; empty: any */
	/* NULL, or these alone; a hint: a store may find others, too. */
	const struct uidset *among;
};

/* --------------------------------------------------------------- ops */

/* How a message is known again without its UID (after a crash, in another
 * mailbox, after a UIDVALIDITY change). */
struct identity {
	uint8_t digest[16];	/* identity.h */
	struct str message_id;	/* without brackets; may be empty */
	uint64_t size;
};

enum op_kind {
	OP_ADD_FLAGS, OP_REMOVE_FLAGS,
	OP_ADD_LABELS, OP_REMOVE_LABELS,
	OP_COPY,		/* to `mailbox` */
	OP_MOVE,		/* to `mailbox` */
	OP_DELETE,		/* for ever */
	OP_REPLACE,		/* another message takes its place: not for
				   apply, see replacement.h */
	OP_NOTIFY,		/* through the channel `mailbox`; likewise,
				   see errand.h */
	OP_RUN,			/* the program `mailbox` */
	OP_FORWARD,		/* to the address `mailbox` */
};

enum op_outcome {
	OP_TODO,
	OP_LATER,	/* its turn comes behind a replacement */
	OP_DONE,
	OP_FAILED,	/* surely not done; `reason` says why */
	OP_UNSURE,	/* no answer: may have happened, may still */
};

struct op {
	enum op_kind kind;
	uint32_t uid;
	const struct str *names;	/* flags or labels, sorted */
	size_t n_names;
	struct str mailbox;
	const struct errand *errand;	/* of NOTIFY, RUN, FORWARD */
	/*
	 * Where a copy or move would land, for the journal: filled by
	 * prepare (from_uid: every UID of the target is below it now), and
	 * by apply (dest_uid) where the server tells (COPYUID, RFC 4315).
	 */
	uint32_t dest_uidvalidity, dest_from_uid, dest_uid;
	enum op_outcome outcome;
	bool retry;		/* FAILED for a passing reason */
	bool held;		/* ... only since another op of it failed */
	bool waits;		/* ... for what only time mends: no try */
	bool sent;		/* a command went out for it */
	bool gone;		/* FAILED since the message is not there */
	struct str reason;	/* of FAILED and UNSURE; a remark on DONE */
	const struct identity *id;	/* of the message */
	int64_t change;		/* the journal's row; 0: none */
	size_t item;		/* the caller's own index */
};

/* ---------------------------------------------------------- interface */

struct store_kind {
	const char *name;	/* "imap", "maildir", "files" */

	/* All mailboxes; asked of the server once and kept. */
	bool (*mailboxes)(struct store *s, const struct mailbox_info **list_out,
	    size_t *n_out, struct err *e);
	/* The mailbox of a special use, by attribute or as the account's
	 * config says; ERR_MESSAGE when there is none. */
	bool (*special)(struct store *s, struct str attribute,
	    struct str *mailbox_out, struct err *e);
	/* Creates a mailbox and its parents; fine if it is there. */
	bool (*create)(struct store *s, struct str mailbox, struct err *e);

	/* WRITE false opens so that nothing can change (EXAMINE).
	 * ERR_MESSAGE: no such mailbox. */
	bool (*select)(struct store *s, struct str mailbox, bool write,
	    struct mailbox_state *state_out, struct err *e);
	/* The messages that fit, as a set in the run's arena. */
	bool (*search)(struct store *s, const struct store_query *q,
	    struct uidset *set_out, struct err *e);
	/* FN for each message of SET that exists, in any order, exactly
	 * once.  SET may end in UIDSET_MAX for "and all above". */
	bool (*fetch)(struct store *s, const struct uidset *set,
	    const struct fetch_items *items, fetch_fn *fn, void *ctx,
	    struct err *e);

	/* Before intents are written: fills dest_* of copies and moves. */
	bool (*prepare)(struct store *s, struct op *ops, size_t n,
	    struct err *e);
	/*
	 * Carries out OPS in this order of kinds whatever order they stand
	 * in: flags and labels, copies, moves, deletes; equal ones grouped
	 * into one command.  Sets each outcome.  False: the store is lost,
	 * outcomes are set all the same (TODO: was never sent).
	 */
	bool (*apply)(struct store *s, struct op *ops, size_t n,
	    struct err *e);
	/*
	 * Looks for the message in MAILBOX (not the selected one) at or above
	 * FROM_UID; the lowest that fits, 0 in *UID_OUT when it is surely not
	 * there.  Changes nothing.
	 */
	bool (*find)(struct store *s, struct str mailbox,
	    uint32_t uidvalidity, uint32_t from_uid,
	    const struct identity *id, uint32_t *uid_out, struct err *e);
	/* Takes originals away after their copies were found to have landed
	 * (the second half of moves without MOVE), whatever kind OPS say. */
	bool (*finish_moves)(struct store *s, struct op *ops, size_t n,
	    struct err *e);

	/* What the store can do, for doctor: one line each. */
	bool (*describe)(struct store *s, struct buf *out, struct err *e);
	void (*close)(struct store *s);

	/* How messages are replaced (replacement.h); NULL: they cannot. */
	const struct replacer *replacer;

	uint32_t batch;		/* messages that one go should take: more
				   cost memory, fewer cost turns */
	unsigned dear;		/* facts (RULES_ASK_*) that cost as much as
				   the message; asked for when needed */
	bool searches;		/* store_query.criteria are understood */
	enum label_mode labels;	/* as found out; set when it is open */
	bool read_only;		/* nothing can be applied */
	bool atomic_move;	/* a move is seen whole or not at all; may be
				   set when the store is open */
};

/* The head of each store's own struct. */
struct store {
	struct store_kind kind;
	struct arena *arena;	/* a run's */
	uint64_t turns, octets_in, octets_out;	/* of the network */
};

void store_close(struct store **s);	/* NULL and half-open are fine */

/* -------------------------------------------------------- constructors */

struct journal;		/* journal.h */

/* Connects and logs in with SECRET, which is got now if it was not yet. */
struct secret;		/* secret.h */
MUST_USE bool store_imap_open(struct arena *a, const struct account *account,
    struct secret *secret, struct store **store_out, struct err *e);

/* The same over a wire that is there already (a rehearsal, tests).  The wire
 * lives in OF_WIRE; both go with the store, and when this fails. */
struct wire;		/* wire.h */
MUST_USE bool store_imap_start(struct arena *a, struct arena *of_wire,
    struct wire *w, const struct account *account, struct secret *secret,
    struct store **store_out, struct err *e);

/*
 * A Maildir++ at PATH.  J gives file names their UIDs for good; NULL (a
 * SOURCE without state): names are numbered for this run, in name order.
 */
MUST_USE bool store_maildir_open(struct arena *a, const char *path,
    const struct account *account, struct journal *j,
    struct store **store_out, struct err *e);

/* .eml files, mboxes and "-" for standard input; read only, one mailbox
 * called INBOX, UIDs from 1 in the order given. */
MUST_USE bool store_files_open(struct arena *a, const char *const *paths,
    size_t n, uint64_t message_max, struct store **store_out,
    struct err *e);

#endif
