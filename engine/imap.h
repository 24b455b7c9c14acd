/*
 * imap - a session with an IMAP server.
 *
 * imap_connect gives a session that is logged in and knows what the server
 * can do.  From then on every call here but imap_wait only *queues* a
 * command and says where its answer will be; imap_wait sends all that is
 * queued in as few turns as the protocol allows, takes in whatever comes
 * (untagged data may come at any moment), fills the answers and calls the
 * callbacks.  Ask for many things, then wait once: with a distant server a
 * turn costs more than everything else together.
 *
 *	imap_select(s, a, STR_LIT("INBOX"), IMAP_READ_ONLY, &box, e) &&
 *	    imap_fetch(s, a, &ask, &got, e) && imap_wait(s, e)
 *
 * Names of mailboxes and Gmail labels are UTF-8 on this side and modified
 * UTF-7 on the wire.  UIDs only; no sequence number is ever sent.  EXPUNGE
 * and CLOSE are never sent, UID EXPUNGE only where the server has UIDPLUS.
 * BODY.PEEK only: reading sets no \Seen.
 *
 * Life:   imap_connect (or imap_start on a wire) -> [queue... imap_wait]*
 *         -> imap_close.  Answers and result structures live in the arena
 *         given to the queueing call, which must outlive the next imap_wait;
 *         what a callback is given lives until it returns.
 * Owns:   the connection, an arena, for a body above IMAP_MEMORY_MAX an
 *         unlinked file in $TMPDIR or /tmp, mapped while its callback runs.
 * Errors: a queueing call fails with ERR_USAGE for what cannot be said in
 *         IMAP at all (a NUL in a name) or may not be (see the call), and
 *         nothing is queued.  imap_wait fails when the session is over:
 *         ERR_TEMP (network, time-out, BYE), ERR_PROTO (the server's words
 *         make no sense), ERR_STATE (temporary file), or what a callback
 *         set; every unfinished answer then says IMAP_LOST.  That a server
 *         refuses a command is an answer, not an error.
 *
 * Signals: SIGPIPE must be ignored by the program.
 */
#ifndef TAMIS_IMAP_H
#define TAMIS_IMAP_H

#include "imap_parse.h"
#include "wire.h"

#define IMAP_COMMAND_MAX	8000	/* octets of a command line */
#define IMAP_NAME_MAX		4096	/* octets of a mailbox name */
#define IMAP_MAILBOXES_MAX	100000	/* answers to one LIST */
#define IMAP_SECRET_MAX		65536	/* octets of a password or token */

struct imap;

/* ------------------------------------------------------------- connect */

enum imap_auth {
	IMAP_AUTH_PASSWORD,	/* the best offered of SCRAM-SHA-256,
				 * SCRAM-SHA-1, PLAIN, the LOGIN command */
	IMAP_AUTH_TOKEN,	/* the secret is an OAuth 2 access token:
				 * OAUTHBEARER, else XOAUTH2 */
	IMAP_AUTH_EXTERNAL,	/* the client certificate; no secret */
};

enum imap_compress {
	IMAP_COMPRESS_AUTO,	/* if offered and the host is not this one */
	IMAP_COMPRESS_ON,	/* if offered */
	IMAP_COMPRESS_OFF,
};

/* Borrowed until imap_connect returns, but trace. */
struct imap_settings {
	struct wire_settings wire;
	unsigned deadline_s;	/* without a single octet either way; 0: 60 */
	unsigned whole_s;	/* in which a command is answered or at least
				 * 100,000 octets move; 0: 30 deadlines */
	size_t literal_max;	/* octets; a server that sends a longer one
				 * breaks the protocol; 0: IMAP_LITERAL_MAX */
	enum imap_compress compress;
	enum imap_auth auth;
	const char *mechanism;	/* this one or none: "PLAIN", "LOGIN" (the
				 * command), ...; NULL: the best */
	const char *user;
	const char *advice;	/* what to do when a token is refused; NULL:
				 * as for one from a command */
	/*
	 * Puts the password or token into SECRET (at most IMAP_SECRET_MAX
	 * octets), which is wiped after use.  Called once, after connecting;
	 * false with *e set stops the login.
	 */
	bool (*secret)(void *arg, struct buf *secret, struct err *e);
	void *secret_arg;
	/*
	 * If not NULL: each line sent ('C') or got ('S'), raw (show it by
	 * shown()), literals left out.  What carries a secret is replaced
	 * before it gets here.  Must outlive the session.
	 */
	void (*trace)(void *arg, char who, struct str line);
	void *trace_arg;
};

/*
 * ERR_AUTH: the server refused the login (its text is in the message) or
 * offers no way to log in that the settings allow.
 */
MUST_USE bool imap_connect(const struct imap_settings *set,
    struct imap **s_out, struct err *e);

/* The same over a wire that is already there (tests); it is closed with the
 * session, also when this fails.  A is where the wire lives; the session
 * frees it at the end. */
MUST_USE bool imap_start(struct arena *a, struct wire *w,
    const struct imap_settings *set, struct imap **s_out, struct err *e);

/* Says LOGOUT if the session is still whole, waits a moment for the answer
 * and closes.  NULL and *s NULL are fine. */
void imap_close(struct imap **s);

/* -------------------------------------------------------- capabilities */

enum imap_cap {
	IMAP_CAP_IMAP4REV1, IMAP_CAP_IMAP4REV2,
	IMAP_CAP_SASL_IR, IMAP_CAP_LOGINDISABLED,
	IMAP_CAP_AUTH_PLAIN, IMAP_CAP_AUTH_SCRAM_SHA_1,
	IMAP_CAP_AUTH_SCRAM_SHA_256, IMAP_CAP_AUTH_XOAUTH2,
	IMAP_CAP_AUTH_OAUTHBEARER, IMAP_CAP_AUTH_EXTERNAL,
	IMAP_CAP_LITERAL_PLUS, IMAP_CAP_LITERAL_MINUS,
	IMAP_CAP_ID, IMAP_CAP_ENABLE, IMAP_CAP_IDLE, IMAP_CAP_NAMESPACE,
	IMAP_CAP_CHILDREN, IMAP_CAP_UNSELECT, IMAP_CAP_UIDPLUS, IMAP_CAP_MOVE,
	IMAP_CAP_CONDSTORE, IMAP_CAP_QRESYNC, IMAP_CAP_ESEARCH,
	IMAP_CAP_LIST_EXTENDED, IMAP_CAP_LIST_STATUS, IMAP_CAP_SPECIAL_USE,
	IMAP_CAP_XLIST, IMAP_CAP_OBJECTID, IMAP_CAP_COMPRESS_DEFLATE,
	IMAP_CAP_QUOTA, IMAP_CAP_UTF8_ACCEPT, IMAP_CAP_X_GM_EXT_1,
	IMAP_CAP_STATUS_SIZE, IMAP_CAP_WITHIN, IMAP_CAP_APPENDLIMIT,
	IMAP_CAP_COUNT
};

/* As after login.  IMAP4rev2 brings what it contains (MOVE, UIDPLUS, ...);
 * QRESYNC brings CONDSTORE. */
bool imap_has(const struct imap *s, enum imap_cap cap);
const char *imap_cap_name(enum imap_cap cap);
/* The server's own words, for `doctor`; the mechanism used to log in. */
struct str imap_capability_text(const struct imap *s);
const char *imap_mechanism(const struct imap *s);
struct str imap_greeting(const struct imap *s);	/* raw */
uint64_t imap_append_limit(const struct imap *s);	/* 0: not told */
bool imap_is_compressed(const struct imap *s);

/* -------------------------------------------------------------- answers */

enum imap_end {
	IMAP_PENDING,	/* not waited for yet */
	IMAP_OK,
	IMAP_NO,
	IMAP_BAD,
	IMAP_LOST,	/* the session ended first: done or not, unknown */
	IMAP_UNSENT,	/* the session ended before a byte of it went out */
};

struct imap_answer {
	enum imap_end end;
	enum imap_code code;
	bool temporary;		/* NO that may pass: [UNAVAILABLE], [INUSE],
				 * [THROTTLED], [LIMIT], [SERVERBUG] ... */
	struct str text;	/* the server's words, shown() and cut */
};

/*
 * True for IMAP_OK.  Else sets "WHAT: server's words" with the kind that
 * fits: ERR_TEMP when temporary or lost, REFUSED for a lasting NO, ERR_PROTO
 * for BAD.
 */
MUST_USE bool imap_answered(const struct imap_answer *w, enum err_kind refused,
    struct err *e, const char *what, ...) PRINTF_LIKE(4, 5);

/* Sends and receives until every queued command has its answer.  Not from
 * inside a callback; a callback may queue more, which is waited for too. */
MUST_USE bool imap_wait(struct imap *s, struct err *e);

/* Has the server said BYE, and not because we were leaving? */
bool imap_said_bye(const struct imap *s);

/* Set when the server says [THROTTLED] or the like, also in an OK: do less
 * for a while.  Reading it clears it. */
bool imap_throttled(struct imap *s);
/* Gmail's bandwidth of a day is used up: each command would be refused. */
bool imap_is_spent(const struct imap *s);

/* ------------------------------------------------- unsolicited news */

enum imap_news_kind {
	IMAP_NEWS_EXISTS,	/* number: messages there are now */
	IMAP_NEWS_EXPUNGE,	/* number: the sequence number that went */
	IMAP_NEWS_VANISHED,	/* uids that went */
	IMAP_NEWS_FETCH,	/* fetched: flags changed by somebody, or by
				 * ourselves; uid may be missing (have) */
	IMAP_NEWS_ALERT,	/* text: the user must see it (raw) */
};

struct imap_news {
	enum imap_news_kind kind;
	uint32_t number;
	struct uidset *uids;
	const struct imap_fetched *fetched;
	struct str text;
};

/* FN is called inside imap_wait for what no command of ours asked for. */
void imap_on_news(struct imap *s,
    void (*fn)(void *arg, const struct imap_news *n), void *arg);

/* ------------------------------------------------------------ mailboxes */

struct imap_folder {
	struct str name;	/* UTF-8; give it back to the calls below */
	char separator;		/* 0: none */
	unsigned attrs;		/* enum imap_attr, or-ed */
};

struct imap_folders {
	struct imap_answer answer;
	const struct imap_folder *v;
	size_t n;
};

/*
 * LIST "" PATTERN, where PATTERN may hold * and %.  Special-use attributes
 * are asked for where the server does not give them unasked.  INBOX is
 * always spelt so.
 */
MUST_USE bool imap_list(struct imap *s, struct arena *a, struct str pattern,
    struct imap_folders **out, struct err *e);

/* The first personal namespace (RFC 2342): "INBOX." and '.' on Courier.
 * Where there is no NAMESPACE the answer is OK with an empty prefix. */
struct imap_namespace {
	struct imap_answer answer;
	struct str prefix;
	char separator;
};
MUST_USE bool imap_namespace(struct imap *s, struct arena *a,
    struct imap_namespace **out, struct err *e);

struct imap_plain {
	struct imap_answer answer;
};
MUST_USE bool imap_create(struct imap *s, struct arena *a, struct str name,
    struct imap_plain **out, struct err *e);
MUST_USE bool imap_subscribe(struct imap *s, struct arena *a, struct str name,
    struct imap_plain **out, struct err *e);
MUST_USE bool imap_noop(struct imap *s, struct arena *a,
    struct imap_plain **out, struct err *e);
/* ID: NAME and VERSION of the program; the server's own in imap_server_id.
 * OK without asking where there is no ID. */
MUST_USE bool imap_id(struct imap *s, struct arena *a, const char *name,
    const char *version, struct imap_plain **out, struct err *e);
struct str imap_server_id(const struct imap *s);	/* shown; empty: none */

struct imap_status_answer {
	struct imap_answer answer;
	struct imap_status_data st;	/* mailboxid lives in the arena */
};
/* ITEMS are enum imap_status_item; those the server cannot are left out.
 * Not for the selected mailbox (RFC 3501 6.3.10). */
MUST_USE bool imap_status(struct imap *s, struct arena *a, struct str name,
    unsigned items, struct imap_status_answer **out, struct err *e);

enum imap_access {
	IMAP_READ_WRITE,	/* SELECT */
	IMAP_READ_ONLY,		/* EXAMINE */
};

struct imap_mailbox {
	struct imap_answer answer;
	struct str name;
	uint32_t uidvalidity;	/* 0: the server gives none: no UID is kept */
	uint32_t uidnext;	/* 0: not told (Courier) */
	uint64_t highestmodseq;	/* 0: not told, or NOMODSEQ */
	uint32_t exists;
	struct imap_flags permanent;	/* what STORE can change for good;
					 * not told: all, \* too */
	bool read_only;		/* asked for, or the server says so */
	struct str mailboxid;	/* OBJECTID; empty: none */
};

/*
 * SELECT or EXAMINE, with (CONDSTORE) where offered.  Reading commands may
 * be queued behind it without waiting; if it fails they get BAD, and the
 * caller compares uidvalidity before believing what they brought.  Changing
 * ones may not: they are refused until it was waited for.
 */
MUST_USE bool imap_select(struct imap *s, struct arena *a, struct str name,
    enum imap_access access, struct imap_mailbox **out, struct err *e);

/* The mailbox selected now, with `exists` and `highestmodseq` kept up to
 * date; NULL: none.  Valid until another one is selected. */
const struct imap_mailbox *imap_selected(const struct imap *s);

/* --------------------------------------------------------------- fetch */

/* Borrowed until imap_fetch returns, but EACH and its ARG. */
struct imap_fetch_ask {
	const struct uidset *uids;	/* may end in UIDSET_MAX ("*") */
	unsigned items;		/* enum imap_item; what the server cannot give
				 * is left out, see `have` */
	const struct str *fields;	/* IMAP_FIELDS: the names */
	size_t n_fields;
	struct str section;	/* IMAP_SECTION: "1.2", "1.MIME" ... */
	uint64_t changed_since;	/* CONDSTORE: only what changed since; 0: no */
	/*
	 * Once a message, as soon as its items are here, in any order.  A
	 * message of the set may never come (it is gone).  What it is given
	 * lives until it returns.  A server that changes flags meanwhile may
	 * bring a message again; the later one counts.  May queue commands.
	 * False with *e set: the session is over.
	 */
	bool (*each)(void *arg, const struct imap_fetched *m, struct err *e);
	void *arg;
};

struct imap_fetch_answer {
	struct imap_answer answer;	/* the worst of its lines */
	uint64_t messages;		/* calls of EACH */
};

MUST_USE bool imap_fetch(struct imap *s, struct arena *a,
    const struct imap_fetch_ask *ask, struct imap_fetch_answer **out,
    struct err *e);

/* ---------------------------------------------------------------- search */

struct imap_found {
	struct imap_answer answer;
	struct uidset *uids;
	uint64_t modseq;	/* the highest of those found; 0: not told */
};

/*
 * UID SEARCH.  CRITERIA is IMAP's own language in UTF-8 ("UNSEEN SUBJECT
 * \"x\""); quoted strings go out as the server takes them, with CHARSET
 * UTF-8 where needed; empty means ALL.  WITHIN, if not NULL, limits it to
 * those UIDs (several lines if need be).
 */
MUST_USE bool imap_search(struct imap *s, struct arena *a,
    struct str criteria, const struct uidset *within, struct imap_found **out,
    struct err *e);

/* --------------------------------------------------------------- change */

/*
 * A change over a set of UIDs becomes as many command lines as
 * IMAP_COMMAND_MAX wants; each is one link of the chain, with its own UIDs
 * and its own answer, since some may be done and others not.
 */
struct imap_change {
	struct imap_change *next;
	struct uidset *uids;
	struct imap_answer answer;
	/* COPY and MOVE with UIDPLUS: where each message went.  May be
	 * missing, or name fewer messages than `uids`. */
	uint32_t to_uidvalidity;
	const struct imap_pair *pairs;
	size_t n_pairs;
	/* STORE with unchanged_since: these were changed by somebody else and
	 * left alone (RFC 7162 [MODIFIED]); NULL: none. */
	struct uidset *modified;
};

enum imap_how {
	IMAP_ADD,	/* +FLAGS.SILENT */
	IMAP_REMOVE,	/* -FLAGS.SILENT */
};
enum imap_what {
	IMAP_STORE_FLAGS,	/* "\\Seen", or keywords, which are atoms */
	IMAP_STORE_LABELS,	/* X-GM-LABELS: "\\Inbox", or UTF-8 names */
};

/*
 * These need a mailbox that is selected read-write and no select queued
 * (else ERR_USAGE).  unchanged_since: 0 for none, needs CONDSTORE.
 */
MUST_USE bool imap_store(struct imap *s, struct arena *a,
    const struct uidset *uids, enum imap_how how, enum imap_what what,
    const struct str *names, size_t n_names, uint64_t unchanged_since,
    struct imap_change **out, struct err *e);
MUST_USE bool imap_copy(struct imap *s, struct arena *a,
    const struct uidset *uids, struct str to, struct imap_change **out,
    struct err *e);
/* ERR_USAGE without MOVE: ask imap_has. */
MUST_USE bool imap_move(struct imap *s, struct arena *a,
    const struct uidset *uids, struct str to, struct imap_change **out,
    struct err *e);
/* UID EXPUNGE of these only.  ERR_USAGE without UIDPLUS. */
MUST_USE bool imap_expunge(struct imap *s, struct arena *a,
    const struct uidset *uids, struct imap_change **out, struct err *e);

/* ---------------------------------------------------------------- append */

struct imap_appended {
	struct imap_answer answer;
	uint32_t uidvalidity, uid;	/* 0: not told */
};

/*
 * APPEND MESSAGE (borrowed until waited for; no NUL) to mailbox TO.  FLAGS as
 * in imap_store; DATE in seconds and ZONE in minutes, or TIME_NONE for now.
 * A server that refuses before the message was sent is an answer too.
 */
MUST_USE bool imap_append(struct imap *s, struct arena *a, struct str to,
    const struct str *flags, size_t n_flags, int64_t date, int zone,
    struct str message, struct imap_appended **out, struct err *e);

/* -------------------------------------------------------------- counters */

struct imap_counters {
	uint64_t turns;		/* times we spoke after having listened with
				 * nothing left to say; login included */
	uint64_t commands;
	uint64_t octets_out, octets_in;	/* IMAP's own */
	uint64_t wire_out, wire_in;	/* under COMPRESS; else the same */
};
struct imap_counters imap_counters(const struct imap *s);

#endif
