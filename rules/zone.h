/*
 * zone - local time: how far the clock on the wall is from UTC, and when.
 *
 * A fixed distance, the table of a TZif file (RFC 9636, once 8536; versions
 * 1 to 4), or the rule of a TZ variable (POSIX.1 8.3), which in such a file
 * goes on where the table ends.  Bytes come from the caller; every count in
 * them meets a limit first.
 *
 * A clock that is turned back shows an hour twice, one that is turned forward
 * leaves one out: so the way from a wall time to an instant has two answers,
 * `zone_first` and `zone_past`, and what stands between them is when the
 * clock showed it.
 *
 * Life:  a zone lives in the arena it was made in and is read-only from then
 *        on; it borrows nothing.  NULL is UTC, everywhere.
 */
#ifndef TAMIS_ZONE_H
#define TAMIS_ZONE_H

#include "base.h"

#define ZONE_FILE_MAX	(256 * 1024)	/* octets */
#define ZONE_NAME_MAX	100		/* octets */

struct zone;

/* "Z", "UTC", "+02:00" or "-0330": seconds east, less than 15 hours. */
MUST_USE bool zone_read_east(struct str s, int *east_out);
const struct zone *zone_fixed(struct arena *a, int east);

/* Is NAME one of a file below the zone folder: "Europe/Berlin"? */
bool zone_name_ok(struct str name);
/* The bytes of such a file.  ERR_CONFIG with a sentence. */
MUST_USE bool zone_read_file(struct arena *a, struct str bytes,
    const struct zone **out, struct err *e);
/* "CET-1CEST,M3.5.0,M10.5.0/3"; false when it is none. */
MUST_USE bool zone_read_rule(struct arena *a, struct str rule,
    const struct zone **out);

/* Seconds east of UTC at the instant T. */
int zone_east(const struct zone *z, int64_t t);
/* What the clock shows at T, as time_from_civil counts. */
int64_t zone_local(const struct zone *z, int64_t t);
/* The first instant at which the clock shows LOCAL, or later than that. */
int64_t zone_first(const struct zone *z, int64_t local);
/* The first instant from which on it always shows later than LOCAL. */
int64_t zone_past(const struct zone *z, int64_t local);

#endif
