/*
 * uidset - a set of IMAP UIDs, as ranges.
 *
 * A set costs 8 octets a range whatever it spans: "1:4294967295" is one
 * range, and nothing here expands one.  UIDs are put in in any order and in
 * any number (time n log n); the set sorts and joins itself when it is next
 * read, which is why readers take it without const.
 *
 * Life:  in the arena given to uidset_init.
 */
#ifndef TAMIS_UIDSET_H
#define TAMIS_UIDSET_H

#include "../rules/base.h"

/* The largest UID; as the end of a range it is written "*": whatever is the
 * last.  A server answers `9:*` with its last message even if that is 8;
 * the imap room drops such an answer. */
#define UID_STAR	UINT32_MAX

#define UIDSET_RANGES_MAX	4000000	/* more is refused by uidset_parse */

struct uidrange {
	uint32_t lo, hi;	/* 1 <= lo <= hi */
};

struct uidset {
	struct arena *a;
	struct uidrange *r;	/* sorted and apart once uidset_tidy ran */
	size_t n, cap;
	bool untidy;
};

void uidset_init(struct uidset *u, struct arena *a);
struct uidset *uidset_make(struct arena *a);
void uidset_add(struct uidset *u, uint32_t uid);	/* 0 is ignored */
void uidset_add_range(struct uidset *u, uint32_t lo, uint32_t hi);
void uidset_add_set(struct uidset *u, struct uidset *from);
void uidset_tidy(struct uidset *u);

bool uidset_empty(const struct uidset *u);
bool uidset_has(struct uidset *u, uint32_t uid);
uint64_t uidset_count(struct uidset *u);
uint32_t uidset_min(struct uidset *u);	/* 0: empty */
uint32_t uidset_max(struct uidset *u);
/* What is in A and (not) in B, in a new set of ARENA. */
struct uidset *uidset_and(struct arena *arena, struct uidset *a,
    struct uidset *b);
struct uidset *uidset_minus(struct arena *arena, struct uidset *a,
    struct uidset *b);

/*
 * One UID after another, ascending:
 *	for (uint32_t uid = 0; uidset_next(u, &at, &uid); )
 * with AT from UIDSET_START.  Whoever walks a set from a server looks at
 * uidset_count first.
 */
struct uidset_at {
	size_t range;
};
#define UIDSET_START	((struct uidset_at){ 0 })
bool uidset_next(struct uidset *u, struct uidset_at *at, uint32_t *uid);

/*
 * The sequence-set of RFC 3501 section 9: "1:3,7,9:*".  "*" counts as
 * UID_STAR; "5:3" is 3:5.  False, and the set is as before, if the text is
 * something else or has too many ranges.
 */
MUST_USE bool uidset_parse(struct uidset *u, struct str text);

/*
 * Writes ranges from *FROM (an index, 0 at first) as long as they fit in MAX
 * octets, at least one; moves *FROM on.  False when there are none left.
 * DONE, if not NULL, gets the ranges that were written.
 */
bool uidset_format_some(struct uidset *u, size_t *from, size_t max,
    struct buf *out, struct uidset *done);
struct str uidset_text(struct arena *a, struct uidset *u);	/* all of it */

#endif
