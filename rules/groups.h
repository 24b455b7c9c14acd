/*
 * groups - which capture groups the regexes of a condition set.
 *
 * $(1) and $(name) are filled by the first regex, in file order, that
 * matched and defines the group.  Whether that regex certainly sets it is
 * worked out here, so that `check` can demand a default where it may not.
 * In doubt a group counts as one that may be unset.
 */
#ifndef TAMIS_GROUPS_H
#define TAMIS_GROUPS_H

#include "base.h"

#define GROUPS_MAX	200	/* of one rule; more are as if undefined */

struct cond;

struct group {
	struct str name;	/* "1", "id" */
	bool sure;	/* set whenever the condition is true */
	bool complete;	/* set by each regex of it that matched */
};

struct groups {
	struct group *list;
	size_t n, cap;
};

/* Of a condition, NULL for none. */
void groups_of_cond(struct arena *a, const struct cond *c,
    struct groups *out);
/* A and then B, both true. */
void groups_then(struct arena *a, struct groups *first,
    const struct groups *second);

#endif
