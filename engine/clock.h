/*
 * clock - the only place where the time is read.
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
/* The local time zone (TZ, else the system's). */
struct zone clock_zone(void);

#endif
