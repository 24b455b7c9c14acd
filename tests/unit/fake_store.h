/*
 * fake_store - a mail server in memory that misbehaves as it is told, and a
 * store (store.h) over it.
 *
 * The server is plain data without a pointer into itself, so that it can
 * stand in memory that processes share: a test may let a run die in a child
 * and look at what the server holds then.  A hook is asked at each point
 * where something can go wrong; it may also change mailboxes itself, as
 * another client would.
 *
 * fake_run makes a whole pass over a server, with a journal on disk.
 *
 * Life: a server outlives its stores, as a real one does.
 */
#ifndef TAMIS_FAKE_STORE_H
#define TAMIS_FAKE_STORE_H

#include "engine/option.h"
#include "engine/store.h"

#define FAKE_BOXES	12
#define FAKE_MESSAGES	96	/* of one mailbox */
#define FAKE_LETTERS	128
#define FAKE_LATE	16

/* What a message is, wherever it lies.  Letters with the same NAME are the
 * same bytes, delivered twice. */
struct fake_letter {
	unsigned name;
	unsigned kind;		/* "kind7" is the subject, "word7" the text */
};

/* Bits of fake_flags and fake_labels. */
extern const char *const fake_flags[];
extern const char *const fake_labels[];
enum {
	FAKE_SEEN = 1, FAKE_ANSWERED = 2, FAKE_FLAGGED = 4, FAKE_DELETED = 8,
	FAKE_IMPORTANT = 16, FAKE_THEIRS = 32,
};

struct fake_message {
	uint32_t uid;
	unsigned letter;	/* index */
	unsigned flags, labels;
	int64_t received;
};

struct fake_box {
	char name[32];		/* empty: none */
	uint32_t uidvalidity, uidnext;
	bool read_only;
	struct fake_message list[FAKE_MESSAGES];	/* by UID */
	size_t n;
};

enum fake_point {
	/* at the beginning of a call */
	FAKE_SELECT, FAKE_SEARCH, FAKE_FETCH, FAKE_CREATE, FAKE_PREPARE,
	FAKE_APPLY, FAKE_FIND, FAKE_FINISH,
	FAKE_MESSAGE,		/* before a fetched message is given */
	FAKE_EFFECT,		/* before one op is carried out */
	FAKE_HALF,		/* copied, the original is still there */
	FAKE_APPLIED,		/* at the end of apply */
};

enum fake_fault {
	FAKE_GO,
	FAKE_LOSE,		/* the connection ends here */
	FAKE_LOSE_DONE,		/* EFFECT: it is done, but never answered */
	FAKE_LOSE_LATE,		/* EFFECT: ... and done only later */
	FAKE_REFUSE,		/* EFFECT, CREATE: no, for good */
	FAKE_REFUSE_NOW,	/* the same, for now */
	FAKE_OMIT,		/* MESSAGE: left out */
	FAKE_BARE,		/* MESSAGE: without its bytes */
};

/* What a server still does after the connection has ended. */
struct fake_late {
	int64_t when;		/* 0: none */
	size_t box, to;
	uint32_t uidvalidity, uid;
	enum op_kind kind;
	unsigned flags, labels;
};

struct fake_server {
	struct fake_box boxes[FAKE_BOXES];
	struct fake_letter letters[FAKE_LETTERS];
	size_t n_letters;
	struct fake_late late[FAKE_LATE];
	int64_t now;
	/* what it can do */
	bool has_move, tells_uids, tells_uidnext;
	uint32_t batch;
	unsigned dear;
	/* for the test's eyes */
	unsigned at;			/* MESSAGE, EFFECT: the letter */
	const struct fake_box *selected;
	unsigned calls[FAKE_APPLIED + 1];
	enum fake_fault (*hook)(struct fake_server *sv, enum fake_point p,
	    const struct op *op);	/* NULL: all goes well */
};

void fake_server_init(struct fake_server *sv);
/* NULL: there is none. */
struct fake_box *fake_box(struct fake_server *sv, const char *name);
struct fake_box *fake_make_box(struct fake_server *sv, const char *name);
/* A new letter of KIND comes into BOX; its index. */
unsigned fake_deliver(struct fake_server *sv, const char *box,
    unsigned kind);
struct fake_message *fake_find(struct fake_box *box, uint32_t uid);
/* Puts a copy of M into BOX under a new UID, which it returns. */
uint32_t fake_put(struct fake_box *box, const struct fake_message *m);
void fake_expunge(struct fake_box *box, uint32_t uid);
/* Other UIDs and another UIDVALIDITY for all that is there. */
void fake_renumber(struct fake_box *box);
/* What was to be done later and is due. */
void fake_land(struct fake_server *sv);

struct store *fake_store_open(struct arena *a, struct fake_server *sv);

/* ---------------------------------------------------- a run over a server */

struct fake_run {
	/* Given by the caller. */
	struct fake_server *sv;
	const char *dir;		/* of the journal */
	const char *rules;		/* the text of a rule file */
	const char *mailboxes[4];	/* none: INBOX */
	struct options options;		/* of fake_run_init: plain */
	bool allow_delete;
	/* Filled in. */
	bool ok;
	struct err e;
	uint64_t judged, changed, failed, unknown, pending, baseline;
	bool braked;
};

void fake_run_init(struct fake_run *fr, struct fake_server *sv,
    const char *dir, const char *rules);
/* One pass, as `tamis run` makes it, at the server's time. */
void fake_run(struct fake_run *fr);

#endif
