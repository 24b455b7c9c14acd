/*
 * rules - the public face of the language: load, what must be known, match,
 * explain, test.
 *
 * Rule files go in, a checked program comes out; a message and what is known
 * of it go in, a verdict comes out.  Pure: files come through a reader given
 * by the caller, the time is an input, nothing is remembered between calls.
 *
 * The matcher is three-valued.  It is given what is known now; where the
 * outcome hangs on something that is not, it says what to ask (RULES_ASK_*).
 * The caller answers for many messages at once and matches again.  What is
 * still unknown when nothing is left to ask stays unknown, and unknown is
 * never "no".
 *
 * Life:  a program lives in the arena given to rules_load and is read-only
 *        from then on.  A verdict lives in the message arena of its match.
 */
#ifndef TAMIS_RULES_H
#define TAMIS_RULES_H

#include "base.h"
#include "mail.h"
#include "node.h"
#include "zone.h"

#define RULES_MAX		10000	/* rules of one program */
#define RULES_INCLUDE_DEPTH	16
#define RULES_FILES_MAX		1000
#define RULES_LIST_MAX		1000000	/* entries of one list */
#define RULES_LABEL_MAX		100	/* code points of a substituted value */
#define RULES_REWRITES_MAX	100	/* steps that rewrite one message */

struct rules;		/* a compiled program */

/* ------------------------------------------------------------- loading */

/*
 * How files are read.  PATH is as resolved (relative to the file it stands
 * in).  Puts the whole text into OUT (bounded by out->max) or fails with a
 * sentence.  The engine's reader checks owner and mode.
 */
struct file_reader {
	bool (*read)(void *ctx, const char *path, struct buf *out,
	    struct err *e);
	/* The file of a time zone by its name, which zone_name_ok found well
	 * formed; NULL: there are none. */
	bool (*zone)(void *ctx, const char *name, struct buf *out,
	    struct err *e);
	void *ctx;
};

struct rules_limits {
	uint32_t regex_steps;		/* 0: 1,000,000 */
	uint32_t body_text;		/* octets of a part; 0: 1 MiB */
};

/*
 * Reads PATHS in order, with what they include, and compiles one program.
 * NULL if there was any error; all problems, warnings too, are in PS.
 * ACCOUNTS (N_ACCOUNTS names) are the configured ones, to check `account:`
 * against; NULL: any name is taken.
 */
struct rules *rules_load(struct arena *a, const char *const *paths,
    size_t n, const struct file_reader *reader,
    const char *const *accounts, size_t n_accounts,
    const struct rules_limits *limits, struct problems *ps);

/*
 * Warns of rules for new mail whose `in` or `mailbox` names none of LIST, the
 * mailboxes in which this program is used, and to which no rule moves mail.
 */
void rules_lint_mailboxes(const struct rules *r, const struct str *list,
    size_t n, struct problems *ps);

size_t rules_count(const struct rules *r);
/* The source files that were read, lists included; for their digest. */
size_t rules_sources(const struct rules *r,
    const struct source *const **list_out);

/* What the engine must know of a rule; index is the file order. */
struct rule_info {
	const char *name;
	struct pos pos;
	bool enabled;
	bool applies_to_all;
	int64_t every;		/* seconds; 0: each run */
	uint64_t limit;		/* messages a run; 0: none */
	bool on_error;		/* it says what to do when it failed */
	const struct str *in;	/* mailboxes; n_in 0: any */
	size_t n_in;
	const struct str *accounts;	/* n_accounts 0: any */
	size_t n_accounts;
};
const struct rule_info *rules_info(const struct rules *r, size_t index);

/*
 * The header fields that any enabled rule may read, each once; for
 * HEADER.FIELDS.  *WHOLE_OUT: the whole header is needed.
 */
size_t rules_fields(const struct rules *r, const struct str **list_out,
    bool *whole_out);

/* The literal labels that conditions read (globs not) and actions set or take
 * away; for stores where labels are folders. */
size_t rules_labels_read(const struct rules *r,
    const struct str **list_out);

/* The searches of `gmail:` conditions, in Gmail's own words (X-GM-RAW); each
 * once. */
size_t rules_searches(const struct rules *r, const struct str **list_out);

/* A channel that a rule tells somebody through, at its first mention; an empty
 * name stands for all of them. */
struct channel_use {
	struct str name;
	struct pos pos;
	bool mail;		/* it has to be one that sends mail */
};
size_t rules_channels(const struct rules *r,
    const struct channel_use **list_out);

/* A fact that must hold of a message for a rule to fire. */
struct narrow_atom {
	enum narrow_kind {
		NARROW_FLAG,	/* `name`, as in facts.flags */
		NARROW_LABEL,	/* `name`; INBOX too */
		NARROW_LARGER, NARROW_SMALLER,	/* than `number` octets */
		NARROW_AFTER, NARROW_BEFORE,	/* it arrived: `number` */
		NARROW_SEARCH,	/* Gmail finds it: `name` */
	} kind;
	bool negated;		/* it must not; of flags and labels */
	struct str name;
	int64_t number;
};
/*
 * All of these hold of whatever RULE may fire on; for a server to say which
 * messages of a mailbox a sweep need look at.  0: any message may fit.
 */
size_t rules_narrow(const struct rules *r, struct arena *a, size_t rule,
    int64_t now, const struct narrow_atom **list_out);

/* Does what RULE makes of a message hang on nothing but the message and its
 * state on the server: not on the time, a program, a search? */
bool rules_is_steady(const struct rules *r, size_t rule);

/* --------------------------------------------------- the language itself */

/* A word of it: one row of vocab.def. */
struct rules_word {
	const char *name;
	const char *of;		/* "condition", "action", "key of a rule" .. */
	const char *takes;	/* what it takes, one line; "": nothing */
	const char *help;	/* one line */
	bool later;		/* known, and not yet supported */
};
/* In the order of the table, those of one `of` together. */
size_t rules_words(struct arena *a, const struct rules_word **list_out);
/* A JSON Schema (draft-07) of rule files: what rules_load accepts of one file
 * by itself, as far as a schema can say it. */
void rules_schema(struct buf *out);

/* Has ACCOUNT a rule that wants a trusted_authserv?  *POS_OUT is where. */
bool rules_read_authserv(const struct rules *r, struct str account,
    struct pos *pos_out);

/* How much a notification presses; the numbers are those of the desktop. */
enum urgency { URGENCY_LOW, URGENCY_NORMAL, URGENCY_CRITICAL };

enum errand_kind { ERRAND_NOTIFY, ERRAND_RUN, ERRAND_FORWARD };

/* Something to be done outside of the mailbox, for one message. */
struct errand {
	enum errand_kind kind;
	size_t rule;		/* whose word it is */
	unsigned part;		/* the so-manieth of its kind there, from 0 */
	/* NOTIFY; of FORWARD the one mail channel; n_channels 0: all, or the
	 * only one */
	const struct str *channels;
	size_t n_channels;
	struct str summary, body;	/* empty: of the engine's making */
	enum urgency urgency;
	struct str icon, sound;		/* may be empty */
	bool sticky, batch;
	/* RUN */
	const char *const *argv;	/* NULL at the end */
	unsigned seconds;		/* it may take */
	/* FORWARD */
	struct str to;			/* an address */
};

/* ------------------------------------------------------------ matching */

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

/* What the outcome hangs on; a set.  Bits are facts that the engine can get
 * for many messages in one command. */
enum rules_ask {
	RULES_ASK_FLAGS = 1 << 0,
	RULES_ASK_LABELS = 1 << 1,
	RULES_ASK_SIZE = 1 << 2,
	RULES_ASK_RECEIVED = 1 << 3,
	RULES_ASK_FIELDS = 1 << 4,	/* the fields of rules_fields */
	RULES_ASK_BODY = 1 << 5,	/* the whole message */
	RULES_ASK_PROGRAM = 1 << 6,	/* see verdict.program */
	RULES_ASK_SEARCH = 1 << 7,	/* see rules_searches */
	RULES_ASK_REWRITE = 1 << 8,	/* see verdict.rewrite */
	RULES_ASK_SIGNATURE = 1 << 9,	/* see match_input.signature */
	/* to come: thread, seen before */
};

/* What is known of a message apart from its bytes. */
struct facts {
	unsigned known;			/* RULES_ASK_FLAGS .. _RECEIVED */
	struct str account;		/* always known; may be empty */
	struct str mailbox;		/* always known, UTF-8, levels by / */
	uint32_t uid;
	/* System flags with backslash as in RFC 9051 2.3.2, keywords bare,
	 * those that stand for labels too. */
	const struct str *flags;
	size_t n_flags;
	/* User labels, UTF-8.  INBOX is not among them: it is a label exactly
	 * when `mailbox` is INBOX or, on Gmail, when `in_inbox` is set. */
	const struct str *labels;
	size_t n_labels;
	bool in_inbox;
	bool inbox_is_label;		/* on Gmail: in_inbox is known with
					   the labels, and not before */
	uint64_t size;			/* RFC822.SIZE */
	/* What is sure of the size as long as it is not known: a file of N
	 * octets has at most 2 N with its line ends as CRLF.  Most 0:
	 * nothing is. */
	uint64_t size_least, size_most;
	int64_t received;		/* INTERNALDATE, UTC */
};

struct match_input {
	const struct facts *facts;
	struct mail *mail;	/* NULL: no byte of it is known */
	/* Asked for and not to be had (a limit, a failure): these bits stay
	 * unknown and are not asked again. */
	unsigned denied;
	const char *denied_reason;	/* one clause, for explain */
	int64_t now;
	const struct zone *zone;	/* local time; NULL: UTC */
	/* Whose Authentication-Results are believed: an authserv-id (RFC 8601
	 * 2.5); empty: nobody's. */
	struct str trusted_authserv;
	/* Only rules with applies_to: all are judged when false. */
	bool is_new;
	/* DUE[i] false: rule i rests (its `every` has not passed).  NULL:
	 * all are due. */
	const bool *due;
	/* FAILED[i] not NULL: what rule i does could not be done, and why;
	 * its `on_error` takes the place.  NULL: so far all could. */
	const char *const *failed;
	bool explain;
	/* What programs have answered about this message. */
	const struct program_answer *answers;
	size_t n_answers;
	/* Why none is asked, one clause, for explain; NULL: they are. */
	const char *no_programs;
	/* What steps have made of this message, by verdict.rewrite. */
	const struct rewrite_answer *rewritten;
	size_t n_rewritten;
	/* What was found out of its signature; NULL: not asked yet. */
	const struct signature_answer *signature;
	const char *no_signatures;	/* as no_programs */
	/* The matcher's own: why `mail` does not know what it has. */
	const struct doubt *veil;
	/* What the searches found, one for each of rules_searches; NULL: not
	 * asked yet. */
	const struct search_answer *searched;
	const char *no_searches;	/* as no_programs */
	/* Optional: the message's time is up; what is left is unknown. */
	bool (*out_of_time)(void *ctx);
	void *out_of_time_ctx;
};

/* A search that misses a message younger than its index knows: the reason. */
#define RULES_SEARCH_LATE	"Gmail's search may not know so new a message yet"

/* Does a search find the message? */
struct search_answer {
	enum truth truth;
	const char *why;	/* for unknown, one clause */
};

/*
 * Is the message, as it came, signed by the author it names, all of its text,
 * validly and by a key that is believed to be the author's?  Asked once, when
 * the whole message is known; behind encryption, too.
 */
struct signature_answer {
	enum truth pgp, smime;
	const char *why;	/* for unknown, one clause; and it may pass: */
	bool may_pass;
	struct str found;	/* "good, by 8A1F...", for explain */
};

/* A program that is to be asked about a message: exit status 0 is true, 1
 * false.  The whole message is known then. */
struct program_question {
	const char *const *argv;	/* NULL at the end */
	unsigned seconds;		/* it may take */
	struct str key;			/* equal questions have equal ones */
	/* The message as earlier rules have rewritten it; both NULL: as it
	 * was given. */
	struct str header, body;
};

struct program_answer {
	struct str key;
	enum truth truth;
	const char *why;	/* for unknown, one clause: it may pass */
};

/* ------------------------------------------------- rewritten messages */

enum rewrite_kind {
	REWRITE_HEADER,		/* edits of the header; see below */
	REWRITE_PIPE,		/* what the program prints takes the place */
	REWRITE_DECRYPT,
};

/* Where the original of a decrypted message goes. */
enum keep_original {
	KEEP_TRASH,		/* as the account has it */
	KEEP_LABEL,		/* it stays beside the copy, with a label */
	KEEP_SPOOL,		/* nowhere but in the spool */
};

struct header_edit;		/* of `rewrite` */

/* One step: what comes out of it takes the place of what went in. */
struct rewrite {
	enum rewrite_kind kind;
	size_t rule;			/* whose word it is */
	struct str key;			/* equal steps have equal ones */
	const struct header_edit *edit;	/* HEADER; lives with the verdict
					   and the program */
	const char *const *argv;	/* PIPE; NULL at the end */
	unsigned seconds;		/* ... it may take */
	bool verify;			/* DECRYPT: a field says what it and
					   its signature are worth */
	enum keep_original keep;
};

/* A PIPE or DECRYPT step on whose outcome later conditions hang.  It gets
 * HEADER (with its empty line) and then BODY. */
struct rewrite_question {
	size_t index;		/* in wants.rewrites, as far as they are */
	const struct rewrite *step;
	struct str header, body;
};

struct rewrite_answer {
	size_t index;
	struct str key;		/* of the step */
	struct str bytes;	/* what it became; outlives the match */
	const char *why;	/* not NULL: that cannot be told, one clause */
};

/*
 * Carries out a HEADER step on MESSAGE, which is header and body: what comes
 * out is *HEADER_OUT and behind it MESSAGE from *BODY_OUT on.  What no edit
 * names stays byte for byte.  The same MESSAGE gives the same; one that has
 * been through it stays as it is, except that a regex may find more.
 * ERR_MESSAGE: it cannot be done, and nothing is.
 */
MUST_USE bool rules_rewrite_header(const struct rewrite *step,
    struct arena *a, struct str message, struct str *header_out,
    size_t *body_out, struct err *e);

/* LIST for as long as A lives, and the program. */
const struct rewrite *rules_rewrite_keep(struct arena *a,
    const struct rewrite *list, size_t n);

/* "set Subject to hello", "decrypt": for people.  Not yet shown(). */
void rules_rewrite_text(struct buf *b, const struct rewrite *step);

enum place_kind {
	PLACE_STAY,
	PLACE_MAILBOX,		/* `mailbox` by name; inbox is INBOX */
	PLACE_SPECIAL,		/* `mailbox` is a special-use attribute of
				   RFC 6154: \Archive \Trash \Junk ... */
	PLACE_DELETE,		/* for ever */
};

/* Something wanted of a label or flag, the last word of all rules. */
struct want {
	struct str name;
	bool add;
	size_t rule;		/* whose word it is: an index */
};

struct want_place {
	enum place_kind kind;
	struct str mailbox;
	size_t rule;
};

/*
 * What all rules together want of one message, merged: each label, each flag
 * once; one place; copies in order, each target once.  Not yet reduced by
 * what is already so.
 */
struct wants {
	struct want *labels;
	size_t n_labels;
	struct want *flags;	/* spelled as in facts.flags */
	size_t n_flags;
	struct want_place place;
	struct want_place *copies;
	size_t n_copies;
	struct errand *errands;
	size_t n_errands;
	/* In the order in which they are done.  A HEADER step that would
	 * change nothing is left out where that can be told. */
	struct rewrite *rewrites;
	size_t n_rewrites;
	/* Of a rule that rewrites: the new message may be in a thread of its
	 * own. */
	bool new_thread;
};

/* How one rule came out. */
struct rule_result {
	size_t rule;
	enum truth truth;	/* fired on TRUE only */
	bool reached;		/* false: a stop came before, it rests, or
				   it does not concern this message */
	const char *not_reached;	/* the reason, one clause */
	const char *unknown;	/* the reason, one clause */
	bool failed;		/* it matched, but a template could not be
				   filled, or see match_input.failed: nothing
				   of it is done, and truth is FALSE, for it
				   did not fire */
	struct str failure;	/* the sentence */
	bool on_error;		/* ... and its `on_error` is done instead */
	const struct explained *tree;	/* with explain; else NULL */
};

struct verdict {
	/* One for each rule of the program, in file order. */
	struct rule_result *rules;
	size_t n_rules;
	size_t n_fired, n_unknown, n_failed;
	/* Not 0: the outcome may still change if these are answered. */
	unsigned ask;
	/* With RULES_ASK_PROGRAM in `ask`: the one to be asked next, which is
	 * worth while when nothing else is asked.  NULL: one that was asked
	 * gave no answer, and may another time. */
	const struct program_question *program;
	/* With RULES_ASK_REWRITE likewise: the step to be carried out next. */
	const struct rewrite_question *rewrite;
	struct wants wants;
	/* After the change, as far as known; for explain and tests. */
	struct str *labels_after;	/* with INBOX where it is one; sorted */
	size_t n_labels_after;
	struct str *labels_before;
	size_t n_labels_before;
	/* Special places are "Archive", "Trash", "Spam" (for \Junk) and so
	 * on, as `mailbox:` conditions and tests name them; a deleted message
	 * is in "(deleted)". */
	struct str mailbox_after;
	struct str *flags_after;	/* sorted */
	size_t n_flags_after;
};

/*
 * Judges one message.  Never fails.  A rule is done as a whole or not at all:
 * one with first_of is unknown while its branch is.  The label INBOX is a
 * place: to set it is to move to INBOX, to take it away where it is there is
 * to archive; it never stands in wants.labels.
 *
 * IN->mail caches in its own arena; the verdict lives in A.  May be called
 * again for the same message with more known.
 */
void rules_match(const struct rules *r, struct arena *a,
    const struct match_input *in, struct verdict *out);

/* One node of the explanation: a condition as written, and why it came out
 * so.  A leaf that was not evaluated, since the outcome was settled before
 * it, has reached false. */
struct explained {
	struct str text;	/* "from: {list: vip}" */
	struct pos pos;
	enum truth truth;
	bool reached;
	bool decides;		/* the first leaf that settled the rule; a
				   named condition stands for its leaves */
	struct str value;	/* the deciding value, decoded; may be empty */
	struct str reason;	/* for unknown and not reached, and where
				   a plain "no" would say too little */
	const struct explained *const *kids;
	size_t n_kids;
};

/* --------------------------------------------------- tests in the files */

struct rules_test_result {
	const char *name;
	struct pos pos;
	bool passed;
	/* What differed, a sentence each: "rules: expected [a], got [b]". */
	struct str *differences;
	size_t n_differences;
};

/* The tests written in the files named to rules_load (those of included
 * files are not run). */
size_t rules_test_count(const struct rules *r);
/* NOW and ZONE are used where the test names no time of its own. */
void rules_test_run(const struct rules *r, struct arena *a, size_t index,
    int64_t now, const struct zone *zone,
    struct rules_test_result *out);

#endif
