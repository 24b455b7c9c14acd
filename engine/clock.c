#include "clock.h"

#include <time.h>

int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec;
}

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int local_offset(void *ctx, int64_t t)
{
	time_t when = (time_t)t;
	struct tm tm;

	(void)ctx;
	return localtime_r(&when, &tm) ? (int)tm.tm_gmtoff : 0;
}

struct zone clock_zone(void)
{
	tzset();	/* localtime_r need not */
	return (struct zone){ .offset = local_offset };
}
