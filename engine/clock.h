/*
 * clock - the only place where the time is read, and where the zones of the
 * system are.
 *
 * Everything else is given the time, so that tests can choose it and a run
 * has one `now` from its beginning to its end.
 */
#ifndef TAMIS_CLOCK_H
#define TAMIS_CLOCK_H

#include "../rules/rules.h"

int64_t clock_now(void);	/* seconds since 1970, UTC */
/* Milliseconds of a clock that nobody sets; for deadlines and durations. */
int64_t clock_ms(void);

/*
 * The local time zone, in A: what the variable TZ says, in any of its forms
 * (POSIX.1 8.3, and a file's name), else /etc/localtime, else UTC.  False,
 * with UTC in *OUT all the same, when TZ says nothing that can be understood.
 */
MUST_USE bool clock_zone(struct arena *a, const struct zone **out,
    struct err *e);
/* The file of the zone NAME ("Europe/Berlin", see zone_name_ok), below TZDIR
 * or /usr/share/zoneinfo.  ERR_CONFIG. */
MUST_USE bool clock_zone_file(const char *name, struct buf *out,
    struct err *e);

#endif
