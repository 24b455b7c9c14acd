/*
 * Local time, against the C library for every zone of the system, and by
 * hand where a file or a rule is unusual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/clock.h"

#define ZONES	"/usr/share/zoneinfo"
#define HOUR	3600

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct str file_of(const char *path)
{
	char chunk[4096];
	struct buf b;
	struct str bytes;
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	buf_init(&b, ZONE_FILE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	assert_false(b.over);
	bytes = arena_str(arena, buf_str(&b));
	buf_free(&b);
	return bytes;
}

static const struct zone *zone_named(const char *name)
{
	const struct zone *z = NULL;
	struct err e = { 0 };

	if (!zone_read_file(arena, file_of(arena_printf(arena, ZONES "/%s",
	    name).p), &z, &e))
		fail_msg("%s: %s", name, e.msg);
	return z;
}

static const struct zone *zone_rule(const char *rule)
{
	const struct zone *z = NULL;

	if (!zone_read_rule(arena, str_of(rule), &z))
		fail_msg("%s is a rule", rule);
	return z;
}

static int64_t at(const char *text)	/* "2026-03-29 01:59" */
{
	struct str s = str_of(text);
	uint64_t n[5];
	static const size_t from[] = { 0, 5, 8, 11, 14 };

	for (size_t i = 0; i < 5; i++)
		assert_true(str_u64(str_sub(s, from[i], i ? 2 : 4), 9999,
		    &n[i]));
	return time_from_civil((int64_t)n[0], (int)n[1], (int)n[2],
	    (int)n[3], (int)n[4], 0);
}

/* ------------------------------------------------- against the C library */

static uint64_t seed = 1;

static uint64_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

static void compare(const char *name, const struct zone *z, int64_t t)
{
	time_t when = (time_t)t;
	struct tm tm;

	assert_non_null(localtime_r(&when, &tm));
	if (zone_east(z, t) != tm.tm_gmtoff)
		fail_msg("%s at %lld: %d, the C library says %ld", name,
		    (long long)t, zone_east(z, t), (long)tm.tm_gmtoff);
}

/* FROM and UNTIL differ: the change between them, to the second. */
static void compare_change(const char *name, const struct zone *z,
    int64_t from, int64_t until)
{
	int east = zone_east(z, from);

	while (until - from > 1) {
		int64_t mid = from + (until - from) / 2;

		if (zone_east(z, mid) == east)
			from = mid;
		else
			until = mid;
	}
	for (int64_t t = from - 1; t <= until + 1; t++)
		compare(name, z, t);
}

static void compare_zone(const char *name, const struct zone *z)
{
	const int64_t step = 12 * 24 * HOUR;
	int64_t end = time_from_civil(2110, 1, 1, 0, 0, 0);
	int64_t t = time_from_civil(1900, 1, 1, 0, 0, 0);

	setenv("TZ", name, 1);
	tzset();
	for (; t < end; t += step) {
		compare(name, z, t + (int64_t)(next_random() % step));
		if (zone_east(z, t) != zone_east(z, t + step))
			compare_change(name, z, t, t + step);
	}
	for (int64_t y = 2110; y < 2900; y += 7)
		compare(name, z, time_from_civil(y, 1 + (int)(y % 12), 1, 0,
		    0, 0));
}

static size_t compare_folder(const char *prefix)
{
	DIR *d = opendir(arena_printf(arena, ZONES "/%s", prefix).p);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		const char *name = arena_printf(arena, "%s%s", prefix,
		    entry->d_name).p;
		const char *path = arena_printf(arena, ZONES "/%s", name).p;
		struct stat st;

		/* the names of zones, and not of what lies beside them */
		if (!zone_name_ok(str_of(name)) || stat(path, &st) < 0 ||
		    strcmp(name, "right") == 0 || strcmp(name, "posix") == 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			n += compare_folder(arena_printf(arena, "%s/",
			    name).p);
		} else if (str_starts(file_of(path), STR_LIT("TZif"))) {
			compare_zone(name, zone_named(name));
			n++;
		}
	}
	closedir(d);
	return n;
}

static void test_every_zone(void **state)
{
	(void)state;
	assert_true(compare_folder("") > 300);
}

static void test_rules_against_library(void **state)
{
	static const char *const rules[] = {
		"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3",
		"NZST-12NZDT,M9.5.0,M4.1.0/3", "<+0330>-3:30",
		"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "IST-1GMT0,M10.5.0,M3.5.0/1",
		"ABC3DEF,J60,J300/12:30:15", "ABC-5:45DEF-7,59/0,299/3",
		"EET-2EEST,M3.4.4/50,M10.4.4/50", "AAA+4BBB,M2.1.6/0,M11.5.0",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		setenv("TZ", rules[i], 1);
		tzset();
		for (int64_t t = time_from_civil(1971, 1, 1, 0, 0, 0);
		    t < time_from_civil(2100, 1, 1, 0, 0, 0);
		    t += 1 + (int64_t)(next_random() % (20 * HOUR)))
			compare(rules[i], zone_rule(rules[i]), t);
		arena_reset(arena);
	}
}

/* -------------------------------------------- an hour twice, or not at all */

static void test_turns(void **state)
{
	const struct zone *z = zone_named("Europe/Berlin");
	int64_t spring = at("2026-03-29 01:00"), autumn =
	    at("2026-10-25 01:00");

	(void)state;
	assert_int_equal(zone_east(z, spring - 1), HOUR);
	assert_int_equal(zone_east(z, spring), 2 * HOUR);
	/* 02:00 to 03:00 is left out */
	assert_true(zone_first(z, at("2026-03-29 01:59")) == spring - 60);
	assert_true(zone_first(z, at("2026-03-29 02:30")) == spring);
	assert_true(zone_past(z, at("2026-03-29 02:30")) == spring);
	assert_true(zone_first(z, at("2026-03-29 03:00")) == spring);
	assert_true(zone_past(z, at("2026-03-29 03:00")) == spring + 1);
	/* 02:00 to 03:00 is there twice */
	assert_true(zone_first(z, at("2026-10-25 02:30")) == autumn - 1800);
	assert_true(zone_past(z, at("2026-10-25 02:30")) == autumn + 1801);
	assert_true(zone_first(z, at("2026-10-25 03:00")) == autumn + HOUR);
	/* midnight twice: the day ended with the first */
	z = zone_named("America/Havana");
	assert_true(zone_past(z, at("2026-11-01 00:00") - 1) ==
	    at("2026-11-01 04:00"));
	assert_true(zone_past(z, at("2026-11-01 00:00")) ==
	    at("2026-11-01 05:00") + 1);
	/* a whole day is left out */
	z = zone_named("Pacific/Apia");
	assert_true(zone_first(z, at("2011-12-30 00:00")) ==
	    zone_first(z, at("2011-12-31 00:00")));
	assert_true(zone_past(z, at("2011-12-30 23:59")) ==
	    zone_first(z, at("2011-12-30 00:00")));
}

/* What zone_first and zone_past promise, looked for minute by minute. */
static void test_turns_by_search(void **state)
{
	static const char *const zones[] = { "Europe/Berlin",
	    "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia",
	    "Africa/Casablanca", "America/Havana", "Europe/Dublin" };

	(void)state;
	for (size_t i = 0; i < COUNT(zones); i++) {
		const struct zone *z = zone_named(zones[i]);

		for (int k = 0; k < 200; k++) {
			int64_t t = at("2005-01-01 00:00") + 900 *
			    (int64_t)(next_random() % (35040u * 40));
			int64_t local = zone_local(z, t);
			int64_t first = 0, past = 0;

			for (int64_t s = t - 30 * HOUR; s <= t + 30 * HOUR;
			    s += 900) {
				if (!first && zone_local(z, s) >= local)
					first = s;
				if (zone_local(z, s) <= local)
					past = s + 1;
			}
			assert_true(zone_first(z, local) == first);
			assert_true(zone_past(z, local) == past);
		}
	}
}

/* ------------------------------------------------------ texts and bytes */

static void test_names(void **state)
{
	static const char *const good[] = { "Europe/Berlin", "UTC", "CET",
	    "Etc/GMT+12", "America/Argentina/Buenos_Aires", "EST5EDT",
	    "America/Port-au-Prince" };
	static const char *const bad[] = { "", "/etc/passwd", "../passwd",
	    "Europe/../../etc/passwd", "Europe/", "Europe//Berlin", ".",
	    "Europe/.Berlin", "a b", "a\nb", "Z\xC3\xBCrich", "+02:00" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(zone_name_ok(str_of(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(zone_name_ok(str_of(bad[i])));
	assert_false(zone_name_ok((struct str){ "a\0b", 3 }));
}

static void test_bad_rules(void **state)
{
	static const char *const bad[] = { "", "CET", "C-1", "CET-1CEST,",
	    "CET-25", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
	    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
	    "CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,J0,J5",
	    "CET-1CEST,366,5", "CET-1CEST,M3.5.0,M10.5.0/168",
	    "CET-1CEST,M3.5.0,M10.5.0x", "<+03-3", "CET-1:60", "CET-1 ",
	    "CET-99999999999999999999" };
	const struct zone *z = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (zone_read_rule(arena, str_of(bad[i]), &z))
			fail_msg("taken: %s", bad[i]);
	/* without its turns: those of today's America/New_York */
	z = zone_rule("ABC5DEF");
	assert_int_equal(zone_east(z, at("2026-03-08 06:59")), -5 * HOUR);
	assert_int_equal(zone_east(z, at("2026-03-08 07:00")), -4 * HOUR);
	/* summer all year, as RFC 9636 3.3.1 writes it */
	z = zone_rule("ABC3DEF4,0/0,J365/23");
	for (int month = 1; month <= 12; month++)
		assert_int_equal(zone_east(z, time_from_civil(2026, month, 1,
		    2, 59, 59)), -4 * HOUR);
}

static void test_fixed(void **state)
{
	int east = 1;

	(void)state;
	assert_true(zone_read_east(STR_LIT("-03:30"), &east));
	assert_int_equal(east, -12600);
	assert_int_equal(zone_east(zone_fixed(arena, east), 0), -12600);
	assert_true(zone_read_east(STR_LIT("Z"), &east) && east == 0);
	assert_false(zone_read_east(STR_LIT("+15:00"), &east));
	assert_false(zone_read_east(STR_LIT("+2"), &east));
	assert_false(zone_read_east(STR_LIT("+02:60"), &east));
	assert_int_equal(zone_east(NULL, 0), 0);
	assert_true(zone_first(NULL, 5) == 5 && zone_past(NULL, 5) == 6);
}

/* ----------------------------------------------------- that of the machine */

static void test_variable(void **state)
{
	static const struct { const char *tz; int east; } good[] = {
		{ "Asia/Tokyo", 9 * HOUR }, { ":Asia/Tokyo", 9 * HOUR },
		{ ZONES "/Asia/Tokyo", 9 * HOUR }, { "JST-9", 9 * HOUR },
		{ "<+03>-3", 3 * HOUR }, { "", 0 }, { "UTC", 0 },
	};
	static const char *const bad[] = { "Mars/Base", "../passwd",
	    "/etc/passwd", ":", "nonsense" };
	const struct zone *z;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		setenv("TZ", good[i].tz, 1);
		assert_true(clock_zone(arena, &z, &e));
		assert_int_equal(zone_east(z, 0), good[i].east);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		setenv("TZ", bad[i], 1);
		assert_false(clock_zone(arena, &z, &e));
		assert_null(z);
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_non_null(strstr(e.msg, "no time zone"));
		err_clear(&e);
	}
	setenv("TZDIR", ZONES "/Asia", 1);
	setenv("TZ", "Tokyo", 1);
	assert_true(clock_zone(arena, &z, &e));
	assert_int_equal(zone_east(z, 0), 9 * HOUR);
	unsetenv("TZDIR");
	unsetenv("TZ");
	assert_true(clock_zone(arena, &z, &e));	/* whatever it is */
}

/* Every cut and many a flipped bit: refused, or a zone that still answers. */
static void test_broken_files(void **state)
{
	static const char *const zones[] = { "Europe/Berlin",
	    "Africa/Casablanca", "Asia/Tokyo" };

	(void)state;
	for (size_t i = 0; i < COUNT(zones); i++) {
		struct str whole = file_of(arena_printf(arena, ZONES "/%s",
		    zones[i]).p);
		char *copy = arena_alloc(arena, whole.n);

		for (size_t n = 0; n < 20000; n++) {
			struct arena *a = arena_new();
			const struct zone *z = NULL;
			struct err e = { 0 };
			size_t size = n < whole.n ? n : whole.n;

			memcpy(copy, whole.p, whole.n);
			for (size_t k = 0; n >= whole.n && k <= n % 4; k++)
				copy[next_random() % whole.n] =
				    (char)next_random();
			if (zone_read_file(a, (struct str){ copy, size }, &z,
			    &e)) {
				assert_true(n >= whole.n);
				assert_true(abs(zone_east(z, 0)) < 26 * HOUR);
				zone_first(z, at("2026-10-25 02:30"));
				zone_past(z, at("2050-10-25 02:30"));
			} else {
				assert_int_equal(e.kind, ERR_CONFIG);
			}
			arena_free(&a);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_zone, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_rules_against_library,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_turns, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_turns_by_search, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_bad_rules, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_fixed, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_variable, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_broken_files, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
