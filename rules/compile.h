/*
 * compile - from nodes to a checked program.
 *
 * Everything that a person can get wrong in a rule file is found here, with
 * its place, before anything connects.  The result is a tree of conditions
 * and a list of rules that `match` walks; nothing in it is text any more
 * that would have to be understood again.
 *
 * Internal to rules/: the engine sees rules.h only.
 */
#ifndef TAMIS_COMPILE_H
#define TAMIS_COMPILE_H

#include "pattern.h"
#include "rules.h"
#include "template.h"

/* --------------------------------------------------------- vocabulary */

enum word_arg {
#define ARGUMENT(name, help, schema)	ARG_##name,
#include "argument.def"
};

/* One row of vocab.def; see there. */
struct word {
	const char *name;
	enum word_arg arg;
	unsigned ask;		/* RULES_ASK_*: what it reads */
	const char *help;	/* one line */
	const char *fields;	/* header fields read, comma separated */
};

/* Where an operator may stand: under a field, a part of an address, the body,
 * the name or type of an attachment. */
enum operator_of {
	OF_TEXT = 1 << 0,
	OF_ADDRESS = 1 << 1,
	OF_PART = 1 << 2,
	OF_BODY = 1 << 3,
	OF_NAME = 1 << 4,
	OF_BLOCK = 1 << 5,
	OF_VALUE = 1 << 6,	/* one of a field that remove_header looks at */
	OF_FIELD = OF_TEXT | OF_ADDRESS | OF_BODY,
	OF_ALL = OF_FIELD | OF_PART | OF_NAME | OF_BLOCK | OF_VALUE,
	MODIFIES = 1 << 7,	/* asks nothing by itself */
};

extern const struct word condition_words[];
extern const size_t n_condition_words;
extern const struct word action_words[];
extern const size_t n_action_words;

/* ---------------------------------------------------------- conditions */

#define COND_HEIGHT_MAX		200
#define COND_WEIGHT_MAX		100000

enum cond_kind {
	COND_ALL, COND_ANY, COND_NOT,
	COND_NAMED,		/* one kid; decided once a message */
	COND_ADDRESS, COND_TEXT, COND_HEADER_BLOCK, COND_BODY,
	COND_ATTACHMENT,
	COND_SIZE, COND_AGE,
	COND_DATE,		/* received, sent */
	COND_TIME_OF_DAY, COND_WEEKDAY,
	COND_IS,		/* `text` is the flag, `negated` for unread */
	COND_FLAG, COND_LABEL, COND_MAILBOX, COND_ACCOUNT,
	COND_RUN, COND_SEARCH,
	COND_AUTH_RESULTS,
	COND_SEALED,		/* pgp, smime */
};

/* A list as a rule file names it. */
struct list {
	struct str name;
	struct pos pos;
	struct str *entries;	/* as written, in order; the keys of a map */
	struct str *values;	/* of a map, what they stand for; else NULL */
	size_t n;
	struct list_index *index;
	bool used;		/* or need not be */
};

/* A list, as one of the ways in which it is asked has it. */
struct list_table;

/*
 * One operator with its operands; any operand will do.  What COND_LABEL,
 * COND_MAILBOX, COND_ACCOUNT and COND_FLAG want stands in tests[0] (their
 * only one): TEST_TEXT for a name, TEST_PATTERN for a glob.
 */
enum test_op {
	TEST_PATTERN,		/* is contains starts ends matches regex */
	TEST_LIST,
	TEST_TEXT,		/* equal to `text`, octet for octet; flags
				   and labels in any ASCII case */
	TEST_ADDRESS,		/* the address is equal (text: local@domain) */
	TEST_DOMAIN,		/* the domain is equal */
	TEST_DOMAIN_GLOB,	/* "@*.example.org" */
	TEST_NAME_OR_ADDRESS,	/* no @: a substring of either */
};

struct operand {
	enum test_op op;
	const struct pattern *pattern;	/* also TEST_NAME_OR_ADDRESS and
					   TEST_DOMAIN_GLOB (of the domain) */
	struct str text;	/* TEST_ADDRESS, TEST_DOMAIN: folded;
				   TEST_TEXT; of a regex as written */
	bool exact;		/* TEST_ADDRESS: the local part is not folded */
	bool regex;		/* TEST_PATTERN that may capture */
	struct str literal;	/* of a pattern: text that whatever fits it
				   holds, but for its case; may be empty */
	const struct list *list;
	const struct list_table *table;	/* its */
};

/* What a test looks at. */
enum test_part {
	PART_ANY,		/* the value; of an address: the address or
				   the display name, either will do; of an
				   attachment: the file name */
	PART_ADDRESS, PART_NAME, PART_LOCAL, PART_DOMAIN,
	PART_USER, PART_DETAIL,	/* RFC 5233: before and after the first + */
	PART_TYPE,		/* of an attachment: "type/subtype" */
};

/* Which value of the message a COND_TEXT reads. */
enum text_source {
	TEXT_FIELD,		/* mail_field_text, each occurrence */
	TEXT_MESSAGE_ID,	/* mail_message_id */
	TEXT_IDS,		/* mail_ids of each occurrence of the field */
	TEXT_LIST_ID,		/* mail_list_id; see `local_part` */
};

struct test {			/* any of, unless it has_exists */
	enum test_part part;
	struct operand *any;
	size_t n;
	bool has_exists, exists;	/* is the part there at all? */
};

/* "over: 2K, under: 3M", "before:, after:, on:" as bounds. */
struct bounds {
	bool has_low, has_high;
	int64_t low, high;	/* strictly between, unless inclusive */
};

/* A day or an instant as written, local; made absolute when matched. */
struct when {
	bool set;
	bool has_time;		/* else the whole day */
	int64_t civil;		/* time_from_civil of what was written */
};

/* A program as a rule file names it. */
struct program {
	const struct template **argv;	/* TEMPLATE_ARGUMENT */
	size_t n;
	unsigned seconds;
	bool names_rule;	/* an argument has $(rule) in it */
};

/* Which instant a condition on time looks at. */
enum moment { MOMENT_RECEIVED, MOMENT_SENT, MOMENT_NOW };

/* A method of RFC 8601 with the results of which any will do. */
struct auth_want {
	struct str method;
	struct str *results;
	size_t n;
};

struct groups;

struct cond {
	enum cond_kind kind;
	struct pos pos;
	struct str written;	/* one line, for explain */
	unsigned id;		/* index below program->n_conds */
	const struct word *word;
	struct cond **kids;
	size_t n_kids;
	struct str name;	/* COND_NAMED */
	/* COND_ADDRESS (several fields for `recipient`), COND_TEXT */
	struct str *fields;
	size_t n_fields;
	enum text_source source;	/* COND_TEXT */
	bool has_exists, exists;	/* also `attachment: true` */
	bool has_count;
	struct bounds count;	/* of occurrences, identifiers, addresses,
				   attached parts that fit */
	bool raw;		/* undecoded octets, not text */
	bool has_verified, verified;	/* of an author: an aligned pass */
	struct auth_want *auth;	/* COND_AUTH_RESULTS: all of these */
	size_t n_auth;
	struct test *tests;	/* all must hold for one occurrence, one
				   address, one attached part */
	size_t n_tests;
	bool local_part;	/* list_id: what is before the first dot */
	struct bounds bounds;	/* COND_SIZE octets, COND_AGE seconds,
				   COND_ATTACHMENT decoded octets; else none */
	/* COND_DATE, COND_TIME_OF_DAY, COND_WEEKDAY */
	enum moment moment;
	const struct zone *zone;	/* of `zone:`; NULL: that of the run */
	struct when before, after, on;	/* COND_DATE */
	int from, until;	/* COND_TIME_OF_DAY: seconds into the day;
				   over midnight when until is less */
	unsigned days;		/* COND_WEEKDAY: a bit each, 0 is Sunday */
	const struct program *program;	/* COND_RUN */
	unsigned sealed_kinds;	/* COND_SEALED: any of these is there, */
	bool is_smime, good_signature;	/* and a signature is good */
	size_t search;		/* COND_SEARCH: index into rules->searches */
	struct str text;	/* COND_IS: the flag, as in facts.flags */
	bool negated;
	unsigned height;	/* longest way down, named ones followed; at
				   most COND_HEIGHT_MAX, so recursion is safe */
	unsigned weight;	/* conditions in the tree, named ones counted
				   at each use; at most COND_WEIGHT_MAX */
	const struct groups *groups;	/* what it captures, once asked; of
					   a named condition's kid */
	/* set by match_prepare */
	struct cond **by_cost;	/* the kids, cheapest first */
	unsigned char cost;	/* of the dearest leaf */
	bool reads_state;	/* flags, labels or place, or the message where
				   rules rewrite it: actions change it */
	bool reads_rule;	/* differs from one rule to the next */
	unsigned memo;		/* of a named condition: 1 to n_memos; else 0 */
};

/* ------------------------------------------------------------- actions */

enum action_kind {
	ACTION_LABEL, ACTION_UNLABEL,
	ACTION_FLAG, ACTION_UNFLAG,	/* mark and unmark compile to these */
	ACTION_PLACE,		/* move archive inbox trash spam delete */
	ACTION_COPY,
	ACTION_STOP,
	ACTION_HEADER, ACTION_PIPE, ACTION_DECRYPT,	/* they rewrite */
	ACTION_ERRAND,		/* notify run save forward */
};

struct action {
	enum action_kind kind;
	struct pos pos;
	const struct word *word;
	const struct template *text;	/* label, mailbox; flag and special
					   use as literal; else NULL */
	enum place_kind place;	/* for PLACE and COPY */
	const struct header_edit *edit;	/* HEADER; `text` is its text */
	const struct program *program;	/* PIPE */
	bool verify;			/* DECRYPT */
	enum keep_original keep;
	const struct errand_form *errand;	/* ERRAND */
};

/* An errand, but for what a message fills in. */
struct errand_form {
	struct errand fixed;
	const struct template *summary, *body;	/* NULL: the engine's */
	const struct list *icons;	/* a map; NULL: fixed.icon */
	const struct program *program;	/* RUN */
};

static inline bool action_rewrites(const struct action *a)
{
	return a->kind == ACTION_HEADER || a->kind == ACTION_PIPE ||
	    a->kind == ACTION_DECRYPT;
}

/* A `when` with its actions: a rule, or a branch of first_of. */
struct branch {
	struct pos pos;
	struct cond *when;	/* NULL: always */
	bool otherwise;
	struct action *actions;
	size_t n_actions;
	struct branch *first_of;	/* of the rule only; then comes first */
	size_t n_first_of;
};

struct rule {
	struct rule_info info;
	struct branch top;
	struct branch on_error;	/* its actions only */
	bool new_thread;	/* see struct wants */
};

/* --------------------------------------------------------------- tests */

struct test_case {
	const char *name;
	struct pos pos;
	struct str message;
	struct str unreadable;	/* why its file cannot be read; or empty */
	struct str *labels;
	size_t n_labels;
	struct str *flags;	/* spelled as in facts.flags */
	size_t n_flags;
	struct str mailbox, account;	/* empty: not given */
	struct str authserv;	/* the trusted one; likewise */
	/* TIME_NONE: not given.  Else as time_from_civil gives it of what was
	 * written, in `zone`, or without one in that of the run. */
	int64_t received, now;
	const struct zone *zone;	/* NULL: not given */
	/* expect; has_* false: not asked about */
	bool has_rules, has_labels, has_mailbox, has_flags, has_unknown,
	    has_failed, has_replaced;
	bool replaced;
	struct str *rules, *expect_labels, *expect_flags, *unknown, *failed;
	size_t n_rules, n_expect_labels, n_expect_flags, n_unknown, n_failed;
	struct str expect_mailbox;
};

struct rules {
	struct arena *arena;
	struct rule *rules;
	size_t n_rules;
	unsigned n_conds;
	unsigned n_memos;	/* set by match_prepare */
	bool rewrites;		/* likewise: one of the rules does */
	const struct index *index;	/* likewise; NULL: none */
	struct str *fields;
	size_t n_fields;
	bool whole_header;
	struct str *labels_read;
	size_t n_labels_read;
	struct str *searches;
	size_t n_searches;
	struct channel_use *channels;
	size_t n_channels;
	const struct source **sources;
	size_t n_sources;
	struct test_case *tests;
	size_t n_tests;
	struct rules_limits limits;
};

/*
 * The last step of rules_load: what the matcher works out once (the order of
 * evaluation, which named conditions it remembers, the index).  In
 * `evaluate`.
 */
void match_prepare(struct rules *r);

/*
 * Is VALUE, a text or a domain as the table is for, an entry?  Does one of the
 * entries fit the address: equal to it, "@domain" its domain, "@*.glob" a
 * pattern of that, or text without @ a part of its display name or address?
 * A regex is one that fits the value, the address or the name.  Unknown where
 * a pattern met its limit.  Time grows with the value and the number of
 * patterns, hardly with that of the other entries.
 */
/* Of a map: where KEY stands in it, in any case; false: nowhere. */
bool list_find_key(const struct list *l, struct str key, size_t *at_out);
enum truth list_has_text(const struct list_table *t, struct str value);
enum truth list_has_address(const struct list_table *t,
    const struct address *a);

#endif
