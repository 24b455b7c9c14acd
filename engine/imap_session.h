/*
 * imap_session - what the files of the imap room share.
 *
 * Not for others: imap.h is the face.  imap_session.c keeps the queue, the
 * pump and the session's life, imap_login.c gets in, imap_command.c and
 * imap_fetch.c are the commands.
 */
#ifndef TAMIS_IMAP_SESSION_H
#define TAMIS_IMAP_SESSION_H

#include "imap.h"

#define PIECES_MAX	16	/* a command: text and literals in turn */
#define SHOWN_MAX	300	/* octets of server text in an answer */

/* A run of octets of a command, sent after a "+" if WAIT. */
struct piece {
	const char *p;		/* NULL: at FROM in the command's text */
	size_t from, n;
	bool wait;
};

/*
 * A command from its being queued until it is answered *and* sent to its end
 * (after a refusal a non-synchronising literal must follow all the same, RFC
 * 7888 section 4).
 */
struct command {
	struct command *next;
	char tag[16];
	struct buf text;
	struct piece pieces[PIECES_MAX];
	size_t n_pieces;
	size_t open_from;	/* where in text the present piece began */
	bool open_wait;
	size_t at_piece, at;	/* how far it went out */
	bool go;		/* "+" came for the piece it waits at */
	bool begun, sent, answered;
	uint64_t began_at;	/* octet of the stream its first one is */
	bool secret;

	struct arena *arena;	/* the caller's */
	/* Untagged data: true in *USED takes it. */
	bool (*reply)(struct imap *s, struct command *c,
	    const struct imap_reply *r, bool *used, struct err *e);
	/* "+" that is not for a literal. */
	bool (*more)(struct imap *s, struct command *c, struct str text,
	    struct err *e);
	/* The tagged answer. */
	bool (*end)(struct imap *s, struct command *c,
	    const struct imap_reply *r, struct err *e);
	/* The session ends without it. */
	void (*lost)(struct command *c, enum imap_end how);
	void *job;
	bool selects;
};

struct odd_name {
	struct odd_name *next;
	struct str name, wire;
};

struct imap {
	struct arena *arena;
	struct wire *wire;
	struct wire *below;	/* the one under COMPRESS; NULL: none */
	struct imap_parse *parse;
	uint64_t deadline_ms, whole_ms;
	uint64_t answers;	/* commands that were answered */
	void (*trace)(void *arg, char who, struct str line);
	void *trace_arg;

	struct command *first, *last;	/* unfinished, in order */
	struct command *sending;	/* the first not sent to its end */
	struct command *spare;
	unsigned next_tag;
	bool any_answer;	/* a tagged answer of ours was seen */

	struct buf out;		/* gathered, not yet taken by the wire */
	size_t out_at;
	uint64_t gathered;	/* octets ever put into OUT */
	bool out_secret;
	char *in;		/* IN_CHUNK octets */
	bool heard;		/* received since, with nothing left to say */
	struct imap_counters counters;

	bool greeted, preauth, dead, bye, leaving, waiting, compress_now;
	struct str bye_text, greeting, server_id;
	struct str web_login;	/* an address that the server names, shown */
	struct err why;		/* when dead */
	uint64_t caps;
	bool caps_known, caps_fresh;
	struct buf caps_text;
	uint64_t append_limit;
	const char *mechanism;
	bool throttled, spent, compressed_on;
	bool utf8_names;	/* IMAP4rev2 only: no modified UTF-7 */

	struct arena *box_arena;
	struct imap_mailbox box;
	bool selected;
	unsigned selecting;	/* SELECTs not yet answered */

	/* A FETCH that lacks items, and may be gone on with. */
	struct command *held_by;
	struct imap_fetched held;
	struct arena *scratch;	/* of one callback */

	struct odd_name *odd;
	size_t n_odd;
	void (*news)(void *arg, const struct imap_news *n);
	void *news_arg;
};

/* --------------------------------------------------- writing a command */

/* "tag " is written; the caller adds to `text` and then queues it. */
struct command *session_command(struct imap *s, struct arena *a);
/* One whose answer is the struct imap_answer at the head of JOB. */
struct command *session_plain(struct imap *s, struct arena *a, void *job);
MUST_USE bool session_queue(struct imap *s, struct command *c,
    struct err *e);
void session_drop(struct imap *s, struct command *c);	/* never queued */

/* V must hold no CR, LF or NUL. */
void session_quote(struct buf *out, struct str v);
void session_put_string(struct imap *s, struct command *c, struct str v);
void session_put_astring(struct imap *s, struct command *c, struct str v);
/* "{n}"; what is added next is the literal. */
void session_put_literal(struct imap *s, struct command *c, size_t n);
void session_close_piece(struct command *c);
bool session_sayable(struct str s);	/* no CR, LF, NUL */
bool session_seven_bit(struct str s);
bool session_is_atom(struct str s, bool bracket);	/* "]" allowed? */
/* Grows B without ever leaving a copy of it behind in freed memory. */
void session_presize(struct buf *b, size_t n);

/* Octets for the ranges of one line whose other parts take SPENT. */
MUST_USE bool session_set_room(size_t spent, size_t *room_out,
    struct err *e);
/* One line: as many ranges from *AT on as fit. */
struct command *session_set_line(struct imap *s, struct arena *a,
    const char *verb, const struct uidset *uids, size_t *at, size_t room,
    struct str tail);

/* A set that goes out in several lines: the worst answer is the answer. */
struct lines {
	struct imap_answer worst;
	size_t left;
};
void session_line_end(struct lines *l, struct imap_answer *out,
    struct arena *a, const struct imap_reply *r);

/* ---------------------------------------------------------------- names */

MUST_USE bool session_wire_name(struct imap *s, struct arena *a,
    struct str name, struct str *wire_out, struct err *e);
struct str session_utf8_name(struct imap *s, struct arena *a,
    struct str wire);

/* ---------------------------------------------------------- its life */

/* Every queueing call begins so. */
MUST_USE bool session_usable(struct imap *s, struct err *e);
MUST_USE bool session_take_in(struct imap *s, struct str in, struct err *e);
/* Until no command is open and the greeting is here. */
MUST_USE bool session_pump(struct imap *s, struct err *e);
/* Keeps the reason, for whoever asks something of the session later. */
bool session_die(struct imap *s, struct err *e);
/* From the greeting to COMPRESS. */
MUST_USE bool session_log_in(struct imap *s, const struct imap_settings *set,
    struct err *e);

struct str session_shown(struct arena *a, struct str s);
void session_answer(struct imap_answer *w, struct arena *a,
    const struct imap_reply *r);

#endif
