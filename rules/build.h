/*
 * build - what the rooms of the compiler share.
 *
 * `load` reads the files; `rule` makes the program; `condition` (with `term`,
 * `moment` and `operator`), `action`, `list` and `expect` each turn one kind
 * of node into its part of it; `argument` reads what words take; `lint` looks
 * for what is allowed and probably not meant.  All report what they find and
 * go on, so that a person sees every mistake.
 *
 * Internal to the compiler: nobody else includes it.
 */
#ifndef TAMIS_BUILD_H
#define TAMIS_BUILD_H

#include "compile.h"
#include "groups.h"
#include "names.h"

#define CONDS_MAX		500000	/* conditions of one program */
#define TESTS_MAX		10000	/* tests in the rule files */
#define LIST_FILE_MAX		(64 * 1024 * 1024)	/* octets */
#define LIST_REGEX_MAX		1000	/* regexes of a list */
#define TEST_FILE_MAX		(64 * 1024 * 1024)	/* octets */
#define RULE_NAME_MAX		200	/* octets */
#define PROGRAM_ARGUMENTS_MAX	100
#define PROGRAM_SECONDS_MAX	300
#define WRITTEN_MAX		200	/* octets of cond->written */

/* A named condition. */
struct named {
	struct str name;
	struct pos pos;
	const struct node *node;
	enum { NAMED_NEW, NAMED_OPEN, NAMED_DONE } state;
	struct cond *cond;	/* NULL: faulty, and reported */
	bool used;
};

/* A rule or test as it stands in its file. */
struct entry {
	const struct node *node;
	bool ours;	/* of a file named to rules_load, not an included one */
};

struct builder {
	struct arena *arena;
	struct problems *ps;
	const struct file_reader *reader;
	const char *const *accounts;	/* NULL: any */
	size_t n_accounts;
	struct rules *out;
	struct pattern_set *patterns;
	struct names pattern_index;	/* to the ones below */
	const struct pattern **made;
	size_t n_made, cap_made;
	struct names search_names;	/* to out->searches */
	size_t cap_searches;
	size_t cap_channels;	/* of out->channels */
	struct names zone_names;	/* to the ones below */
	const struct zone **zones;
	size_t n_zones, cap_zones;

	struct list **lists;
	size_t n_lists, cap_lists;
	struct names list_names;
	struct named *named;
	size_t n_named, cap_named;
	struct names named_names;
	unsigned depth;		/* of the condition being built */
	struct entry *rules, *tests;
	size_t n_rules, cap_rules, n_tests, cap_tests;
	struct names rule_names;	/* to the index in out->rules */
	size_t cap_sources;
};

/* --- load */

/* Reads the files and collects lists, named conditions, rules, tests. */
void load_files(struct builder *b, const char *const *paths, size_t n);


/* PATH as it stands in the file of POS, relative to that file. */
const char *build_path(struct builder *b, struct pos pos, struct str path);
/* Reads the file at PATH, at most MAX octets, into the arena; reported at
 * POS and false when that fails.  It becomes one of the program's sources. */
MUST_USE bool build_read(struct builder *b, const char *path, size_t max,
    struct pos pos, const struct source **out);
void build_add_source(struct builder *b, const struct source *source);

/* --- argument */

/* A text that is not empty. */
MUST_USE bool build_text(struct builder *b, const struct node *n,
    const char *what, struct str *out);
/* Calls FN for N, or for each item where N is a list; reports an empty list
 * and lists in lists. */
bool build_each(struct builder *b, const struct node *n, const char *what,
    bool (*fn)(struct builder *b, const struct node *item, void *ctx),
    void *ctx);
/* Would one more sentence still be kept?  Asked before a costly hint. */
bool build_hints(const struct builder *b);
/* "did you mean `x`?", or empty.  NAMES as for nearest(). */
struct str build_nearest(struct builder *b, struct str word,
    const char *const *names, size_t n);
struct str build_nearest_name(struct builder *b, struct str word,
    const struct names *names);
/* "`x` is not yet supported"; returns false. */
bool build_later(struct builder *b, const struct node *key);
/* A configured account's name. */
MUST_USE bool build_account(struct builder *b, const struct node *n,
    struct str *out);
/* A mailbox or label name; INBOX in any case is INBOX. */
MUST_USE bool build_name(struct builder *b, const struct node *n,
    const char *what, struct str *out);
struct str build_inbox(struct str name);
/* A keyword (RFC 9051 2.3.2), or \Seen \Answered \Flagged \Draft. */
MUST_USE bool build_flag(struct builder *b, const struct node *n,
    struct str *out);
/* "2026-01-15" or "2026-01-15T22:00". */
MUST_USE bool build_date(struct builder *b, const struct node *n,
    const char *what, struct when *out);
/* "22:00" or "22:00:30", "24:00" as the end of a day: seconds into it. */
MUST_USE bool build_clock(struct builder *b, const struct node *n,
    const char *what, int *out);
/* "Europe/Berlin" or "+02:00". */
MUST_USE bool build_zone(struct builder *b, const struct node *n,
    const struct zone **out);

/* Made once for each text.  NULL after a reported problem, which points into
 * N. */
const struct pattern *pattern_build(struct builder *b,
    enum pattern_kind kind, struct str text, bool fold,
    const struct node *n);

/* --- lexicon */

const struct word *condition_find(struct str name);
const struct word *action_find(struct str name);

/* What is written in place of a word of other languages, as a hint; empty:
 * it is none. */
enum habit_place { HABIT_rule, HABIT_condition, HABIT_action };
struct str habit_hint(struct builder *b, enum habit_place place,
    struct str word);

struct state_word {
	const char *name, *flag;
	bool negated;		/* unread: the flag is not there */
	bool mark;		/* may be set by `mark` */
};
extern const struct state_word state_words[];
extern const size_t n_state_words;
/* Reports a word that is none, with the nearest. */
MUST_USE bool state_find(struct builder *b, const struct node *n,
    const char *what, const struct state_word **out);

/* The names of a table of words, for nearest(). */
const char *const *condition_names(size_t *n_out);
const char *const *action_names(size_t *n_out);

enum key_place {
	KEY_file, KEY_rule, KEY_branch, KEY_test, KEY_expect,
	KEY_attachment, KEY_list_id, KEY_size, KEY_age, KEY_count, KEY_date,
	KEY_time_of_day, KEY_weekday, KEY_run, KEY_list, KEY_special,
	KEY_auth_results, KEY_add, KEY_removal, KEY_edit, KEY_decrypt,
	KEY_notify, KEY_icon, KEY_forward,
};
/* Reports unknown keys and those that are not yet supported. */
bool keys_check(struct builder *b, const struct node *map,
    enum key_place place, const char *what);

/* All rows of vocab.def, for whoever shows them. */
struct vocab_row {
	enum vocab_kind {
		VOCAB_CONDITION, VOCAB_ACTION, VOCAB_OPERATOR, VOCAB_PART,
		VOCAB_VARIABLE, VOCAB_STATE, VOCAB_SPECIAL, VOCAB_FIX,
		VOCAB_KEY,
	} kind;
	unsigned of;		/* of an operator OF_*, of a key enum
				   key_place, of a state whether it marks */
	const char *name;
	enum word_arg arg;
	const char *help;
	const char *flag;	/* of a state */
};
extern const struct vocab_row vocab_rows[];
extern const size_t n_vocab_rows;

/* --- condition */

/* NULL after a reported problem. */
struct cond *cond_build(struct builder *b, const struct node *n);
/* Compiles the named condition at INDEX, if that is still to do. */
struct cond *named_build(struct builder *b, size_t index);
/* "key: value" on one line, for explain; at most WRITTEN_MAX octets. */
struct str written(struct arena *a, struct str key, const struct node *n);

/* --- action */

/* The actions of N (a text, a map or a list of them); false after a reported
 * problem.  GROUPS are what the conditions around them capture; NULL: not
 * known, since they are faulty. */
bool actions_build(struct builder *b, const struct node *n,
    const struct groups *groups, struct branch *to);

/* Adds an action to TO, whose capacity is *CAP. */
struct action *action_add(struct builder *b, struct branch *to, size_t *cap,
    enum action_kind kind, const struct word *w, struct pos pos);
/* A text with $(...) for USE; GROUPS as above.  NULL after a reported
 * problem. */
const struct template *template_build(struct builder *b,
    const struct node *n, const char *what, enum template_use use,
    const struct groups *groups);

/* --- edit */

/* Adds what the action W, one that rewrites the message, comes to with VALUE
 * (NULL: it stands alone).  False after a reported problem. */
MUST_USE bool rewrite_build(struct builder *b, const struct word *w,
    struct pos pos, const struct node *value, const struct groups *groups,
    struct branch *to, size_t *cap);

/* --- errand */

/* Adds what the action W, one outside of the mailbox, comes to with VALUE
 * (NULL: it stands alone).  False after a reported problem. */
MUST_USE bool errand_build(struct builder *b, const struct word *w,
    struct pos pos, const struct node *value, const struct groups *groups,
    struct branch *to, size_t *cap);

/* --- program */

/* The program COMMAND; TIMEOUT may be NULL.  NULL after a reported problem. */
const struct program *program_build(struct builder *b,
    const struct node *command, const struct node *timeout);

/* --- list */

struct edit_map;
/* The list NAME, for the values of a field, or for its addresses.  NULL after
 * a reported problem. */
const struct edit_map *edit_map_build(struct builder *b,
    const struct node *name, bool addresses);

struct list *list_find(struct builder *b, const struct node *name);
/* Adds the list of NODE; reported when that fails. */
void list_build(struct builder *b, struct str name, struct pos pos,
    const struct node *n);
enum list_use {
	LIST_OF_TEXTS, LIST_OF_DOMAINS, LIST_OF_ADDRESSES, LIST_USES
};

/* To ask the list in this way, EXACT or with case folded: checks the entries
 * and makes the table, once.  NULL after a reported problem. */
const struct list_table *list_table(struct builder *b, struct list *l,
    enum list_use use, bool exact);

/* --- address forms, in `list` */

/* What an address in a rule file says: a whole address (EXACT: with capitals
 * in its local part), "@domain", "@*.glob", or text without @ (pattern not
 * yet set). */
bool address_form(struct builder *b, struct str text, struct pos pos,
    bool exact, struct operand *out);

/* --- expect */

bool test_build(struct builder *b, const struct node *n,
    struct test_case *out);

/* --- lint */

/* What YAML swallows: comments, one-item lists, backspaces. */
void lint_file(struct builder *b, const struct node *root);
void lint_actions(struct builder *b, const struct action *list, size_t n);
/* Rules and conditions among each other, when all is compiled. */
void lint_rules(struct builder *b);

#endif
