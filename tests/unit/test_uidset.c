#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/uidset.h"

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

/* The whole set as text, in lines of at most MAX octets joined by LF. */
static const char *text_of(struct arena *a, const struct uidset *s,
    size_t max)
{
	struct buf b;
	const char *z;

	buf_init(&b, 1 << 20);
	for (size_t at = 0; at < s->n; ) {
		size_t before = at;

		if (b.n)
			buf_add_char(&b, '\n');
		uidset_format(s, &at, max, &b);
		assert_true(at > before);
	}
	z = arena_z(a, buf_str(&b));
	buf_free(&b);
	return z;
}

static void test_order_and_joining(void **state)
{
	struct arena *a = *state;
	struct uidset s;

	uidset_init(&s, a);
	assert_string_equal(text_of(a, &s, 100), "");
	assert_true(uidset_count(&s) == 0);
	uidset_add(&s, 5);
	uidset_add(&s, 5);
	uidset_add(&s, 7);
	uidset_add(&s, 1);
	assert_string_equal(text_of(a, &s, 100), "1,5,7");
	uidset_add(&s, 6);
	assert_string_equal(text_of(a, &s, 100), "1,5:7");
	uidset_add_range(&s, 2, 4);
	assert_string_equal(text_of(a, &s, 100), "1:7");
	uidset_add_range(&s, 9, 8);	/* nothing */
	uidset_add_range(&s, 0, 0);	/* there is no UID 0 */
	assert_string_equal(text_of(a, &s, 100), "1:7");
	uidset_add_range(&s, 20, 30);
	uidset_add_range(&s, 10, 12);
	uidset_add_range(&s, 40, 50);
	uidset_add_range(&s, 11, 45);
	assert_string_equal(text_of(a, &s, 100), "1:7,10:50");
	assert_true(uidset_count(&s) == 48);
}

static void test_top_of_the_range(void **state)
{
	struct arena *a = *state;
	struct uidset s;

	uidset_init(&s, a);
	uidset_add_range(&s, 10, UIDSET_MAX);
	assert_string_equal(text_of(a, &s, 100), "10:*");
	assert_true(uidset_count(&s) == UINT64_MAX);
	assert_true(uidset_has(&s, UIDSET_MAX));
	assert_true(uidset_has(&s, 10));
	assert_false(uidset_has(&s, 9));
	uidset_add(&s, 4000000000u);
	assert_string_equal(text_of(a, &s, 100), "10:*");
	uidset_add(&s, 9);
	assert_string_equal(text_of(a, &s, 100), "9:*");
	uidset_add_range(&s, 1, UIDSET_MAX);
	assert_string_equal(text_of(a, &s, 100), "1:*");

	uidset_init(&s, a);
	uidset_add(&s, UIDSET_MAX - 1);
	assert_string_equal(text_of(a, &s, 100), "4294967294");
	uidset_add(&s, 1);
	assert_string_equal(text_of(a, &s, 100), "1,4294967294");
}

static void test_format_cuts_at_max(void **state)
{
	struct arena *a = *state;
	struct uidset s;

	uidset_init(&s, a);
	for (uint32_t uid = 100; uid < 120; uid += 2)
		uidset_add(&s, uid);
	assert_string_equal(text_of(a, &s, 11), "100,102,104\n"
	    "106,108,110\n112,114,116\n118");
	/* one range is written even where it does not fit */
	assert_string_equal(text_of(a, &s, 1), "100\n102\n104\n106\n108\n"
	    "110\n112\n114\n116\n118");
}

static void test_read(void **state)
{
	static const struct {
		const char *text, *want;	/* NULL: refused */
	} rows[] = {
		{ "1", "1" }, { "1:3,7,9:*", "1:3,7,9:*" },
		{ "5:3", "3:5" }, { "*", "*" }, { "*:9", "9:*" },
		{ "3,2,1", "1:3" }, { "1:1", "1" },
		{ "4294967294", "4294967294" }, { "4294967296", NULL },
		/* as it is written */
		{ "4294967295:*", "4294967295:*" },
		{ "0", NULL }, { "0:5", NULL }, { "", NULL }, { ",", NULL },
		{ "1,", NULL }, { ",1", NULL }, { "1,,2", NULL },
		{ "1:", NULL }, { ":1", NULL }, { "1:2:3", NULL },
		{ "a", NULL }, { "1 ", NULL }, { "-1", NULL },
		{ "99999999999999999999", NULL }, { "1:99999999999", NULL },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct uidset s;
		bool ok;

		uidset_init(&s, a);
		ok = uidset_read(&s, str_of(rows[i].text), 100);
		if (ok != (rows[i].want != NULL))
			fail_msg("\"%s\" was %s", rows[i].text,
			    ok ? "taken" : "refused");
		if (!ok)
			continue;
		/* "*" alone is written as the range that holds it */
		if (str_eq_z(str_of(rows[i].text), "*"))
			assert_true(uidset_has(&s, UIDSET_MAX));
		else
			assert_string_equal(text_of(a, &s, 100),
			    rows[i].want);
	}
}

static void test_read_limit(void **state)
{
	struct arena *a = *state;
	struct uidset s;

	uidset_init(&s, a);
	assert_true(uidset_read(&s, STR_LIT("1,3,5"), 3));
	uidset_init(&s, a);
	assert_false(uidset_read(&s, STR_LIT("1,3,5,7"), 3));
}

static void test_head_and_last(void **state)
{
	static const struct {
		uint32_t from;
		uint64_t max;
		const char *want;
	} rows[] = {
		{ 1, 0, "" }, { 1, 1, "3" }, { 1, 3, "3:5" },
		{ 1, 4, "3:5,9" }, { 4, 2, "4:5" }, { 6, 1, "9" },
		{ 9, 2, "9,20" }, { 21, UINT64_MAX, "21:*" },
		{ 4000000000u, 3, "4000000000:4000000002" },
		{ UIDSET_MAX, 5, "4294967295:*" },
	};
	struct arena *a = *state;
	struct uidset s;

	uidset_init(&s, a);
	assert_int_equal(uidset_last(&s), 0);
	uidset_add_range(&s, 3, 5);
	uidset_add(&s, 9);
	assert_int_equal(uidset_last(&s), 9);
	uidset_add_range(&s, 20, UIDSET_MAX);
	assert_true(uidset_last(&s) == UIDSET_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct uidset head;

		uidset_init(&head, a);
		uidset_head(&s, rows[i].from, rows[i].max, &head);
		assert_string_equal(text_of(a, &head, 100), rows[i].want);
	}
}

/* ------------------------------------------------- against a bitmap */

#define SPAN	600

static uint32_t chance = 12345;

static uint32_t any(uint32_t below)
{
	chance = chance * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(chance >> 8) * below >> 24);
}

static void compare(struct arena *a, const struct uidset *s,
    const bool *map, int round)
{
	struct uidset again;
	uint64_t count = 0;

	for (uint32_t uid = 0; uid <= SPAN; uid++) {
		count += map[uid];
		if (uidset_has(s, uid) != map[uid])
			fail_msg("round %d: UID %u", round, uid);
	}
	assert_true(uidset_count(s) == count);
	for (size_t i = 0; i < s->n; i++) {
		assert_true(s->ranges[i].low >= 1);
		assert_true(s->ranges[i].low <= s->ranges[i].high);
		/* apart, and not touching */
		if (i)
			assert_true(s->ranges[i - 1].high + 1 <
			    s->ranges[i].low);
	}
	if (s->n == 0)
		return;
	uidset_init(&again, a);
	assert_true(uidset_read(&again, str_of(text_of(a, s, 1 << 19)),
	    SPAN));
	assert_int_equal(again.n, s->n);
	assert_memory_equal(again.ranges, s->ranges,
	    s->n * sizeof(s->ranges[0]));
}

/* Against a bitmap. */
static void test_split(void **state)
{
	struct arena *a = *state;
	uint32_t seed = 1;

	for (int round = 0; round < 2000; round++) {
		struct uidset set[4];
		bool has[2][40] = { { false } };
		uint32_t top = round % 2 ? UIDSET_MAX - 39 : 1;

		arena_reset(a);
		for (int k = 0; k < 4; k++)
			uidset_init(&set[k], a);
		for (uint32_t i = 0; i < 40; i++)
			for (int k = 0; k < 2; k++) {
				seed = seed * 1103515245u + 12345u;
				has[k][i] = seed >> 16 & 1;
				if (has[k][i])
					uidset_add(&set[k], top + i);
			}
		uidset_split(&set[0], &set[1], &set[2], &set[3]);
		for (uint32_t i = 0; i < 40; i++) {
			assert_int_equal(uidset_has(&set[2], top + i),
			    has[0][i] && has[1][i]);
			assert_int_equal(uidset_has(&set[3], top + i),
			    has[0][i] && !has[1][i]);
		}
	}
}

static void test_random(void **state)
{
	(void)state;
	for (int round = 0; round < 400; round++) {
		struct arena *a = arena_new();
		bool map[SPAN + 1] = { false };
		uint32_t adds = 1 + any(120);
		struct uidset s;

		uidset_init(&s, a);
		for (uint32_t i = 0; i < adds; i++) {
			uint32_t low = any(SPAN) + 1;
			uint32_t high = low + any(1 + any(30));

			if (high > SPAN)
				high = SPAN;
			if (any(2))
				high = low;
			uidset_add_range(&s, low, high);
			for (uint32_t uid = low; uid <= high; uid++)
				map[uid] = true;
			if (round % 40 == 0)
				compare(a, &s, map, round);
		}
		compare(a, &s, map, round);
		arena_free(&a);
	}
}

/* As a server answers: 200,000 UIDs in ascending order, all apart. */
static void test_many_ascending(void **state)
{
	struct arena *a = *state;
	struct uidset s;

	uidset_init(&s, a);
	for (uint32_t uid = 1; uid <= 400000; uid += 2)
		uidset_add(&s, uid);
	assert_true(uidset_count(&s) == 200000);
	assert_true(uidset_has(&s, 199999));
	assert_false(uidset_has(&s, 200000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_and_joining,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_top_of_the_range,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_format_cuts_at_max,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_limit, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_head_and_last, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_split, setup,
		    teardown),
		cmocka_unit_test(test_random),
		cmocka_unit_test_setup_teardown(test_many_ascending, setup,
		    teardown),
	};

	return cmocka_run_group_tests_name("uidset", tests, NULL, NULL);
}
