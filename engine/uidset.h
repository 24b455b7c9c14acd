/*
 * uidset - a set of UIDs as sorted, disjoint, not touching ranges.
 *
 * Built in ascending or any order, formatted as RFC 9051 sequence-set.  A
 * range's upper end of UIDSET_MAX stands for "*" and everything above.
 *
 * Life: ranges live in the arena it was started with.
 */
#ifndef TAMIS_UIDSET_H
#define TAMIS_UIDSET_H

#include "../rules/base.h"

#define UIDSET_MAX	UINT32_MAX

struct uid_range {
	uint32_t low, high;	/* both included, low >= 1 */
};

struct uidset {
	struct arena *arena;
	struct uid_range *ranges;
	size_t n, cap;
};

void uidset_init(struct uidset *s, struct arena *a);
/* Cheap when UIDs come in ascending order. */
void uidset_add(struct uidset *s, uint32_t uid);
void uidset_add_range(struct uidset *s, uint32_t low, uint32_t high);
bool uidset_has(const struct uidset *s, uint32_t uid);
/* UIDs in it; an open end counts as UINT64_MAX. */
uint64_t uidset_count(const struct uidset *s);
/* The first MAX UIDs of S at or above FROM, into OUT (empty before). */
void uidset_head(const struct uidset *s, uint32_t from, uint64_t max,
    struct uidset *out);
/* What is in BY, too, goes to IN, the rest to OUT (both empty before; NULL:
 * not wanted). */
void uidset_split(const struct uidset *s, const struct uidset *by,
    struct uidset *in, struct uidset *out);
/* The highest UID in it; 0: it is empty. */
uint32_t uidset_last(const struct uidset *s);
/*
 * Writes ranges from index *AT on, "1:3,7,9:*", until done or the next one
 * would pass MAX octets; *AT moves behind what was written.
 */
void uidset_format(const struct uidset *s, size_t *at, size_t max,
    struct buf *out);
/* Reads a sequence-set; false on bad syntax or more than MAX_RANGES. */
MUST_USE bool uidset_read(struct uidset *s, struct str text,
    size_t max_ranges);

#endif
