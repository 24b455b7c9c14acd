/*
 * replacement - one message that is being replaced, and what a store does
 * for it: the seam between the pipeline (replace.h) and the stores.
 *
 * The pipeline decides, keeps the journal and the spool; a store carries out
 * one step at a time for many messages at once, so that a distant server is
 * asked in few turns.  Every step may be repeated: after a crash, a lost
 * connection or no answer the pipeline *looks* before it does a thing twice.
 *
 * Steps, in the order in which a replacement meets them:
 *
 *	capture	 what the original is and has; its bytes
 *	remember where a copy would land: everything at or above it is younger
 *	upload	 APPEND; an OK proves nothing
 *	look	 which messages at or above that place are our copy
 *	prove	 the copy is whole, and is another message than the original,
 *		 which is still there as it was
 *	dress	 labels and flags of the original onto the copy, read back
 *	retire	 the original to Trash; what changed on it meanwhile onto the
 *		 copy
 *
 * and for what a crash left and for undo: whereabouts, restore, discard.
 *
 * Life:   a replacement lives in the pipeline's arena, the strings that a
 *         step fills in the store's (a run's); bytes are mapped from the
 *         spool for the time of a step.
 * Errors: a step returns false when the store is lost (see store.h); what
 *         concerns one message is its `outcome`, and `reason` says why.
 *
 * A step leaves selected what it needed: whoever goes on with the mailbox
 * that was selected before selects it again.
 */
#ifndef TAMIS_REPLACEMENT_H
#define TAMIS_REPLACEMENT_H

#include "digest.h"
#include "store.h"

#define NONCE_SIZE	32	/* hex digits of the random id */
/* The field that names it, with the hash of the original. */
#define NONCE_FIELD	"X-Tamis-Replaced"

enum step_outcome {
	STEP_TODO,		/* not tried: the store was lost before */
	STEP_DONE,
	STEP_REFUSED,		/* surely not done, and would not be later */
	STEP_PASSING,		/* surely not done, for a reason that passes */
	STEP_UNSURE,		/* no answer: it may have happened, or may
				   still: look, and wait */
};

/* What `look` and `prove` found of the copy. */
enum copy_found {
	COPY_UNKNOWN,		/* not looked, or no answer */
	COPY_ABSENT,		/* surely not there now */
	COPY_THERE,		/* copy_uid, copy_gmail_id */
	COPY_TWICE,		/* several with nonce and content: `twins` */
	COPY_PROVED,		/* ... there, whole, another message */
	COPY_SWALLOWED,		/* the server took it for one it has: the
				   original with its old content answers, or
				   a twin that it brought back from Trash
				   (`twins`: to be discarded); or (prove) it
				   was sent and nothing of it is to be seen */
	COPY_INSTEAD,		/* ... and that has the new content now: it
				   *is* the copy, nothing is to be retired */
	COPY_DIFFERS,		/* it is there with another content */
	COPY_OTHER_THREAD,	/* whole, but not in the original's thread */
	COPY_ALONE,		/* whole, but the original is gone or changed */
};

/* Where the original is. */
enum original_place {
	ORIGINAL_UNKNOWN,
	ORIGINAL_LIVE,		/* outside Trash: original.uid is right */
	ORIGINAL_IN_TRASH,	/* original.trash_uid */
	ORIGINAL_MARKED,	/* \Deleted, and no way to take it out */
	ORIGINAL_GONE,
};

/* Flags and labels of a message, as they are put back. */
struct dress {
	const struct str *flags;	/* system flags and keywords, without
					   \Recent */
	size_t n_flags;
	/* On Gmail the user's labels, and \Inbox \Sent \Important (\Starred
	 * is the flag \Flagged); elsewhere none: keywords are flags, folders
	 * are other copies. */
	const struct str *labels;
	size_t n_labels;
};

struct original {
	/* Where it is replaced: the mailbox it was judged in; All Mail on
	 * Gmail, where its labels are whole and its UID stays. */
	struct str mailbox;
	uint32_t uidvalidity, uid, trash_uid;
	struct str name;		/* a file's, in a Maildir */
	uint64_t gmail_id, gmail_thread;	/* 0: not Gmail */
	struct str object_id;		/* EMAILID; empty: not offered */
	uint64_t modseq;		/* 0: not offered */
	struct dress dress;
	int64_t received;		/* INTERNALDATE */
	int zone;			/* ... as written, minutes */
	uint64_t size;			/* of its bytes */
	uint8_t sha256[DIGEST_SIZE];
};

struct replacement {
	/* Given by the pipeline. */
	int64_t row;			/* of the journal */
	struct str mailbox;		/* where it was judged */
	uint32_t uidvalidity, uid;	/* there */
	struct identity id;
	bool lossy;			/* what cannot be put back may go */
	bool new_thread;		/* another thread is accepted */
	enum keep_original keep;	/* where the original goes */
	char nonce[NONCE_SIZE + 1];
	/* Mapped for the time of a step that needs them. */
	struct str original_bytes, copy_bytes;

	/* Filled by the steps, and kept in the journal. */
	struct original original;
	uint32_t to_uidvalidity, to_from_uid;	/* remember */
	uint32_t copy_uid;		/* in original.mailbox; 0: not known */
	struct str copy_name;
	uint64_t copy_gmail_id;
	uint32_t *twins;		/* other copies of ours, by UID */
	size_t n_twins;
	/* Not of the journal: in this process it was sent (look is patient
	 * then), and the content of copy_uid was compared (it does not
	 * change, so prove does not fetch it once more). */
	bool sent, content_seen;
	/* In `mailbox`, where it is asked for behind retire: for what the
	 * plan wants of the message besides.  0: it is not there. */
	uint32_t uid_after;

	/* Of the last step. */
	enum step_outcome outcome;
	enum copy_found found;
	enum original_place place;
	struct str reason;		/* a sentence without its full stop */
};

/* The bytes of the I-th original; borrowed.  False stops with E. */
typedef bool captured_fn(void *ctx, struct replacement *r, struct str bytes,
    struct err *e);

/* A store that can replace has one of these. */
struct replacer {
	/* Lines of a copy end in CRLF, whatever those of the original do. */
	bool crlf;
	/* Can it be done here at all (All Mail in sight, Trash there, mailbox
	 * writable)?  ERR_MESSAGE says why not; asked once a run. */
	bool (*ready)(struct store *s, struct err *e);
	/* Fills `original` but its hash, then gives the bytes.  Refused: in
	 * Trash or Spam, \Draft, \Muted or \Sent that could not be put back
	 * (unless lossy), over APPENDLIMIT, gone. */
	bool (*capture)(struct store *s, struct replacement *list, size_t n,
	    captured_fn *fn, void *ctx, struct err *e);
	bool (*remember)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
	/* copy_bytes with the original's flags (never \Deleted) and date.
	 * May set copy_uid as a hint, which is not believed.  Where the
	 * answer is a NO it has looked itself, since some servers say so
	 * behind the effect. */
	bool (*upload)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
	/* By nonce *and* content, as a forwarded mail leaks a nonce; asks a
	 * few times, as servers find late what is new.  Sets `found`. */
	bool (*look)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
	/* Needs copy_bytes and original_bytes.  Sets `found`. */
	bool (*prove)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
	/* DONE only when it was read back and is as wanted; else REFUSED says
	 * what does not stick; with COPY_ABSENT it is not there any more. */
	bool (*dress)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
	/* Of a proved and dressed copy only.  Sets `place`, uid_after; REFUSED
	 * with COPY_ABSENT as above, and then the original stays. */
	bool (*retire)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
	/* Sets `place` of the originals; changes nothing. */
	bool (*whereabouts)(struct store *s, struct replacement *list,
	    size_t n, struct err *e);
	/* Undo: the original out of Trash, dressed as it was captured. */
	bool (*restore)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
	/* Copies (copy_uid) and twins to Trash: undo, and uploads that landed
	 * late or cannot be dressed. */
	bool (*discard)(struct store *s, struct replacement *list, size_t n,
	    struct err *e);
};

#endif
