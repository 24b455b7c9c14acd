/*
 * lint - what the rooms of lint share: which condition holds wherever another
 * one does.
 *
 * It errs to one side: what cannot be told is not implied, so that no warning
 * is false.  Conditions are the same when they are written the same; of bare
 * texts each is compared, too, so that `alice@example.org` lies within
 * `@example.org`.
 *
 * Internal to the compiler.
 */
#ifndef TAMIS_LINT_H
#define TAMIS_LINT_H

#include "build.h"

#define CONJUNCTS_MAX	32	/* of one condition; past that it is not
				   understood */
#define OPERANDS_MAX	32	/* of a bare list; likewise */

/* What a condition is the `all` of, named ones followed. */
struct conjuncts {
	const struct cond *list[CONJUNCTS_MAX];
	size_t n;
	bool more;		/* and others */
	bool reads_state;	/* one of them: actions change its truth */
};

/* C may be NULL: always. */
void conjuncts_add(struct conjuncts *to, const struct cond *c);

/* Equal keys: the same condition. */
uint64_t cond_key(const struct cond *c);
/* Wherever C holds, WIDER does. */
bool cond_implies(const struct cond *c, const struct cond *wider);
/* Wherever all of C hold, all of WIDER do. */
bool conjuncts_imply(const struct conjuncts *c,
    const struct conjuncts *wider);

/*
 * The numbers that a condition is found by: cond_implies(c, w) only if one
 * of the `asks` of C is among the `answers` of W.  At most OPERANDS_MAX + 1.
 */
size_t cond_asks(const struct cond *c, uint64_t keys[OPERANDS_MAX + 1]);
size_t cond_answers(const struct cond *w, uint64_t keys[OPERANDS_MAX + 1]);

/* "line 3", or with its file where that is another one than AT's. */
struct str lint_place(struct builder *b, struct pos pos, struct pos at);

/* Conditions that cannot hold, or always do. */
void lint_conditions(struct builder *b);

#endif
