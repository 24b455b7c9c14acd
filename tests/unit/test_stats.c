#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/stats.h"

#define S(z)	STR_LIT(z)
#define T	1768435200	/* 2026-01-15T00:00:00Z */

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

static void add(struct stats *s, int64_t run, int64_t time, uint32_t uid,
    struct str rules, enum change_state state)
{
	struct change c = {
		.run = run, .time = time, .uid = uid, .rules = rules,
		.mailbox = S("INBOX"), .state = state,
	};
	struct err e = { 0 };

	assert_true(stats_change(s, &c, NULL, &e));
}

static const struct stats_rule *rule(const struct stats *s, const char *name)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (str_eq_z(s->rules[i].name, name))
			return &s->rules[i];
	fail_msg("no rule %s", name);
	return NULL;
}

#define assert_count(n, m, c, f) \
	do { \
		assert_int_equal((n)->messages, m); \
		assert_int_equal((n)->changes, c); \
		assert_int_equal((n)->failed, f); \
	} while (0)

static void test_rules(void **state)
{
	struct stats *s = stats_make(*state, NULL);

	stats_know(s, "one");
	stats_know(s, "never");
	/* two changes of one message, one of them for two rules */
	add(s, 1, T, 7, S("one"), CHANGE_DONE);
	add(s, 1, T, 7, S("one, two"), CHANGE_DONE);
	add(s, 1, T, 8, S("one"), CHANGE_DONE);
	/* not done, not known, never sent */
	add(s, 1, T, 9, S("two"), CHANGE_FAILED);
	add(s, 1, T, 9, S("two"), CHANGE_UNSURE);
	add(s, 1, T, 9, S("two"), CHANGE_VOID);
	add(s, 1, T, 9, S("two"), CHANGE_INTENDED);
	/* taken back, it was a hit all the same */
	add(s, 1, T, 10, S("undone"), CHANGE_UNDONE);
	/* the same message in another run */
	add(s, 2, T + 60, 8, S("one"), CHANGE_DONE);
	stats_end(s);

	assert_int_equal(s->n_rules, 4);
	assert_string_equal(s->rules[0].name.p, "one");
	assert_count(&rule(s, "one")->count, 3, 4, 0);
	assert_true(rule(s, "one")->last == T + 60);
	assert_true(rule(s, "one")->known);
	assert_count(&rule(s, "two")->count, 1, 1, 2);
	assert_true(rule(s, "two")->last == T);
	assert_false(rule(s, "two")->known);
	assert_count(&rule(s, "never")->count, 0, 0, 0);
	assert_true(rule(s, "never")->last == 0);
	assert_count(&rule(s, "undone")->count, 1, 1, 0);
	assert_true(rule(s, "undone")->last == T);
	assert_count(&s->count, 4, 5, 2);
}

/* Names are joined by what they may hold themselves. */
static void test_commas(void **state)
{
	struct stats *s = stats_make(*state, NULL);

	stats_know(s, "a, b");
	stats_know(s, "c,d");
	add(s, 1, T, 1, S("a, b, c,d, x"), CHANGE_DONE);
	add(s, 1, T, 2, S("a, c,d"), CHANGE_DONE);
	add(s, 1, T, 3, S("x, "), CHANGE_DONE);
	stats_end(s);
	assert_int_equal(rule(s, "a, b")->count.messages, 1);
	assert_int_equal(rule(s, "c,d")->count.messages, 2);
	assert_int_equal(rule(s, "a")->count.messages, 1);
	assert_int_equal(rule(s, "x")->count.messages, 2);
	assert_int_equal(s->n_rules, 4);
}

/* Local days, in order although the clock was put back. */
static void test_days(void **state)
{
	struct stats *s = stats_make(*state, zone_fixed(*state, 7200));

	add(s, 1, T - 7201, 1, S("a"), CHANGE_DONE);
	add(s, 1, T - 7200, 2, S("a"), CHANGE_DONE);
	add(s, 2, T + 5 * 86400, 3, S("a"), CHANGE_DONE);
	add(s, 3, T + 86400, 4, S("a"), CHANGE_DONE);
	add(s, 4, T + 5 * 86400 + 9, 5, S("a"), CHANGE_DONE);
	add(s, 5, -1 - 7200, 6, S("a"), CHANGE_DONE);
	stats_end(s);
	assert_int_equal(s->n_days, 5);
	assert_true(s->days[0].day == -86400);
	assert_true(s->days[1].day == T - 86400);
	assert_true(s->days[2].day == T);
	assert_int_equal(s->days[2].count.changes, 1);
	assert_true(s->days[3].day == T + 86400);
	assert_true(s->days[4].day == T + 5 * 86400);
	assert_int_equal(s->days[4].count.changes, 2);
}

static void test_runs(void **state)
{
	struct stats *s = stats_make(*state, NULL);
	struct run_record r = { .started = T, .judged = 5 };
	struct err e = { 0 };

	assert_true(stats_run(s, &r, &e));
	r.started = T + 60;
	assert_true(stats_run(s, &r, &e));
	stats_end(s);
	assert_int_equal(s->runs, 2);
	assert_int_equal(s->judged, 10);
	assert_true(s->since == T);
	assert_int_equal(s->n_days, 0);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_rules),
		TEST(test_commas),
		TEST(test_days),
		TEST(test_runs),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
