/*
 * node - YAML text to a tree that knows where everything stands.
 *
 * The only room that knows libyaml.  Both rule files and the config are read
 * through it, so both get the same marks, limits and messages.
 *
 * Core types of YAML 1.2 (section 10.3), not of 1.1: only `true` and `false`
 * are booleans; `no`, `on`, `22:00` and `010` are what they look like.  A
 * number stays a text until somebody asks for a number.
 *
 * Life:   nodes live in the arena given to node_read; `source` is copied.
 * Errors: collected in a struct problems, with place; reading goes on where
 *         it can, so that a person sees all of them (up to PROBLEMS_MAX).
 */
#ifndef TAMIS_NODE_H
#define TAMIS_NODE_H

#include "base.h"

#define NODE_FILE_MAX	(1024 * 1024)	/* octets of one file */
#define NODE_DEPTH_MAX	64		/* nested collections */
#define NODE_COUNT_MAX	1000000		/* nodes of one file, aliases
					   expanded */
#define NODE_DIRECTIVES_MAX	100	/* lines that begin with % */
#define PROBLEMS_MAX	20

/* A source file as it was read; for showing the line of a problem. */
struct source {
	const char *name;	/* as the user knows it */
	struct str text;
	/* Places in it, by source_survey; there may be none. */
	struct spot *spots;
	size_t n_spots;
};

/* So that finding a place takes no longer where it is far behind. */
void source_survey(struct arena *a, struct source *s);

/* A place: line and column count from 1, columns in characters. */
struct pos {
	const struct source *source;
	int line, col;
	int width;		/* characters to underline; 0 is 1 */
};

enum problem_level { PROBLEM_ERROR, PROBLEM_WARNING };

struct problem {
	enum problem_level level;
	struct pos pos;		/* pos.source NULL: about no place */
	struct str text;	/* fit to print, one sentence */
	struct str hint;	/* "did you mean ..."; may be empty */
};

/*
 * Up to PROBLEMS_MAX errors and as many warnings are kept; all are counted.
 */
struct problems {
	struct arena *arena;
	struct problem *list;
	size_t n, cap;
	size_t errors, warnings;	/* all that were reported */
};

void problems_init(struct problems *ps, struct arena *a);
/* Both return false, so that `return problem(...)` reads well. */
bool problem(struct problems *ps, struct pos pos, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
bool problem_hint(struct problems *ps, struct pos pos, struct str hint,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void warning(struct problems *ps, struct pos pos, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Is there no room for another error, so that its hint is not needed? */
bool problems_full(const struct problems *ps);
/* The line that POS is on, without its end, or the empty text; *AT_OUT is the
 * octet of it where POS stands. */
struct str pos_line(struct pos pos, size_t *at_out);
/* In order of file and line: "FILE:LINE:COL: error: TEXT", the source line
 * and a caret line.  All text passes buf_add_shown. */
void problem_show(struct buf *b, const struct problem *p);
void problems_sort(struct problems *ps);

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	struct pos pos;
	/* scalar */
	struct str text;	/* a valid UTF-8 text without NUL */
	bool quoted;		/* '...', "...", | or >: a text for sure */
	/* list: n items; map: n keys and items in file order, `<<` merged */
	struct node **items;
	struct node **keys;	/* scalars */
	size_t n;
	const struct node *parent;	/* for messages only; may be NULL */
};

/*
 * Reads one YAML document.  NULL when there is no tree to go on with; in
 * that case at least one error was reported.  Duplicate keys, several
 * documents, tags other than the core ones, keys that are not scalars and
 * passing a limit are errors.  NAME and TEXT are copied.
 */
struct node *node_read(struct arena *a, const char *name, struct str text,
    struct problems *ps);

/*
 * The place in the file of the byte at OFFSET of a scalar's text, WIDTH
 * characters wide: for pointing into a regex or template.  Quotes and escapes
 * are reckoned with; where it cannot be told (a folded text, several lines in
 * quotes) the place of the whole scalar.
 */
struct pos node_pos_in(const struct node *n, size_t offset, int width);

/* The item of a key, or NULL. */
struct node *node_get(const struct node *map, const char *key);
/* The node of the key itself, for its place; or NULL. */
struct node *node_get_key(const struct node *map, const char *key);

/*
 * Reports each key of MAP that is not in KNOWN (N entries), with the nearest
 * known one; true if there was none.
 */
bool node_only_keys(const struct node *map, const char *const *known,
    size_t n, const char *what, struct problems *ps);

/* An unquoted `null`, `~` or empty scalar. */
bool node_is_null(const struct node *n);
/* Core schema reading of an unquoted scalar; quietly false otherwise. */
bool node_is_bool(const struct node *n, bool *value_out);

/*
 * These report a wrong type with WHAT ("size", "accounts.work.user") in the
 * sentence and return false, leaving the output untouched.  `True`, `yes`
 * and their kin are refused for a boolean with "write true".
 */
MUST_USE bool node_text(const struct node *n, const char *what,
    struct str *out, struct problems *ps);
MUST_USE bool node_bool(const struct node *n, const char *what, bool *out,
    struct problems *ps);
MUST_USE bool node_number(const struct node *n, const char *what,
    uint64_t max, uint64_t *out, struct problems *ps);
MUST_USE bool node_size(const struct node *n, const char *what,
    uint64_t *octets_out, struct problems *ps);
MUST_USE bool node_duration(const struct node *n, const char *what,
    int64_t *seconds_out, struct problems *ps);
/* A text, or a list of texts; both give a list. */
MUST_USE bool node_texts(struct arena *a, const struct node *n,
    const char *what, struct str **list_out, size_t *n_out,
    struct problems *ps);

#endif
