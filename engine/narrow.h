/*
 * narrow - IMAP SEARCH criteria for what a sweep need look at.
 *
 * A sweep over a hundred thousand messages fetches facts of those alone of
 * which the server says that a rule may concern them.  Whatever cannot be
 * said in SEARCH (RFC 9051 6.4.4, Gmail's X-GM-LABELS and X-GM-RAW) is left
 * out, which makes the choice wider.
 */
#ifndef TAMIS_NARROW_H
#define TAMIS_NARROW_H

#include "store.h"

/*
 * For the rules that have applies_to: all and of which SWEEPS says so, on a
 * server that is Gmail or not.  In A; empty: every message must be looked at.
 */
struct str narrow_criteria(struct arena *a, const struct rules *r,
    const bool *sweeps, bool gmail, int64_t now);

#endif
