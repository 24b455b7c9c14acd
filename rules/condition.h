/*
 * condition - how the tree of conditions is put together.
 *
 * Shared by `condition` (groups and names) and `term` (what looks at the
 * message, `moment` at times).  Internal to the compiler.
 */
#ifndef TAMIS_CONDITION_H
#define TAMIS_CONDITION_H

#include "build.h"

struct cond *cond_make(struct builder *b, enum cond_kind kind,
    struct pos pos, struct str as_written);
/* Reckons height and weight from the kids; NULL after a reported problem. */
struct cond *cond_close(struct builder *b, struct cond *c);

/* The kids of a group, as they are built; a NULL one makes it faulty. */
struct cond_kids {
	struct cond **list;
	size_t n, cap;
	bool faulty;
};

void cond_kids_add(struct builder *b, struct cond_kids *k, struct cond *c);
/* A group of KIDS; a single one stands for itself.  NULL if it is faulty. */
struct cond *cond_join(struct builder *b, enum cond_kind kind,
    struct pos pos, struct str as_written, const struct cond_kids *k);

/* The condition KEY: VALUE, KEY being the word W; any of the items where
 * VALUE is a list.  NULL after a reported problem.  In `term`. */
struct cond *term_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value);
/* `{over: A, under: B}` below WHAT; a count may have `is`.  False after a
 * reported problem.  In `term`. */
bool bounds_build(struct builder *b, enum word_arg arg, struct str what,
    const struct node *n, struct bounds *to);
/* The same of `received`, `sent`, `time_of_day`, `weekday`; no list of maps.
 * In `moment`. */
struct cond *moment_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value);
/* The same of `run`.  In `program`. */
struct cond *run_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value);
/* The same of `gmail`.  In `search`. */
struct cond *search_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value);
/* The same of `pgp` and `smime`.  In `leaf_sealed`. */
struct cond *sealed_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value);
/* C reads the header fields NAMES, comma separated.  In `term`. */
void cond_fields(struct builder *b, const char *names, struct cond *c);

#endif
