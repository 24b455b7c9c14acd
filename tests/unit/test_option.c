#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/command.h"
#include "engine/option.h"

#define NOW	1768500000	/* 2026-01-15T18:00:00Z */

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

/* LINE is words with a blank between. */
static bool parse(struct arena *a, const char *line, struct options *o,
    struct err *e)
{
	char *argv[64] = { "tamis" };
	int argc = 1;
	struct str rest = str_of(line), word;

	while (argc < 63 && str_cut(&rest, ' ', &word))
		argv[argc++] = arena_z(a, word);
	*e = (struct err){ 0 };
	return option_parse(a, argc, argv, NOW, zone_fixed(a, 7200), o, e);
}

static struct options good(struct arena *a, const char *line)
{
	struct options o;
	struct err e;

	if (!parse(a, line, &o, &e))
		fail_msg("%s: %s", line, e.msg);
	return o;
}

static void test_run(void **state)
{
	struct options o = good(*state, "-c a.yaml -a x run --account=y "
	    "-rr1 --rules r2 -vv -v --json --dry-run --mailbox A "
	    "--mailbox=B --max 7 --allow big --search UNSEEN s1 -- -s2");

	assert_int_equal(o.command, COMMAND_RUN);
	assert_string_equal(o.config, "a.yaml");
	assert_int_equal(o.accounts.n, 2);
	assert_string_equal(o.accounts.v[1], "y");
	assert_int_equal(o.rules.n, 2);
	assert_string_equal(o.rules.v[0], "r1");
	assert_string_equal(o.rules.v[1], "r2");
	assert_int_equal(o.verbose, 3);
	assert_true(o.json);
	assert_true(o.dry_run);
	assert_int_equal(o.mailboxes.n, 2);
	assert_string_equal(o.mailboxes.v[1], "B");
	assert_int_equal(o.max, 7);
	assert_int_equal(o.allow.n, 1);
	assert_string_equal(o.search, "UNSEEN");
	assert_int_equal(o.n_operands, 2);
	assert_string_equal(o.operands[0], "s1");
	assert_string_equal(o.operands[1], "-s2");
	assert_false(o.all);
	assert_true(o.since == TIME_NONE);
	assert_false(o.quiet);
}

static void test_places_and_forms(void **state)
{
	struct options o = good(*state, "--dry run -n -");

	assert_int_equal(o.command, COMMAND_RUN);
	assert_true(o.dry_run);		/* shortened, and before it */
	assert_int_equal(o.n_operands, 1);
	assert_string_equal(o.operands[0], "-");
	o = good(*state, "-a run check");
	assert_int_equal(o.command, COMMAND_CHECK);
	assert_string_equal(o.accounts.v[0], "run");
	o = good(*state, "--help");
	assert_true(o.help);
	assert_int_equal(o.command, COMMAND_N);
	o = good(*state, "explain -h");		/* needs no SOURCE then */
	assert_true(o.help);
	assert_int_equal(o.command, COMMAND_EXPLAIN);
	o = good(*state, "-V");
	assert_true(o.version);
	o = good(*state, "explain --label a --label b --flag read x.eml");
	assert_int_equal(o.labels.n, 2);
	assert_int_equal(o.flags.n, 1);
	o = good(*state, "log --rule r");
	assert_string_equal(o.rule, "r");
	o = good(*state, "recover -n");
	assert_true(o.dry_run);
	o = good(*state, "check --strict");
	assert_true(o.strict);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *line, *part;
	} table[] = {
		{ "", "a command is missing" },
		{ "chekc", "did you mean \"check\"?" },
		{ "zzzzzz", "there is no command \"zzzzzz\"; see" },
		{ "run --dyr-run", "did you mean --dry-run?" },
		{ "run --zzzzzzz", "see tamis run --help" },
		{ "check --all", "(it is one of: run)" },
		{ "check --since 7d", "(it is one of: run, log, stats, undo)" },
		{ "run -x", "run has no option -x" },
		{ "run -vx", "run has no option -x" },
		{ "run --ma", "beginning of several" },
		{ "run --", NULL },
		{ "run --max", "--max needs a value: N" },
		{ "run --max 0", "is not a number from 1 up" },
		{ "run --max -1", "is not a number" },
		{ "run --max 99999999999", "is not a number" },
		{ "run --max 5x", "is not a number" },
		{ "run --all=1", "--all takes no value" },
		{ "run --all --since 7d", "exclude each other" },
		{ "run --all --search X", "exclude each other" },
		{ "run --search X --since 7d", "exclude each other" },
		{ "run -q -v", "exclude each other" },
		{ "check x", "check takes no argument: \"x\"" },
		{ "why", "why needs MESSAGE" },
		{ "why a b", "why takes nothing more: \"b\"" },
		{ "explain", "explain needs SOURCE" },
		{ "explain --mailbox a --mailbox b x", "--mailbox once" },
		{ "run -c", "--config needs a value" },
		{ "run --since yesterday", "is not a time" },
		{ "run --\x1b[31m", "\\x1B[31m" },
		{ "\xff\x1b", "\\xFF\\x1B" },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct options o;
		struct err e;
		bool ok = parse(*state, table[i].line, &o, &e);

		if (!table[i].part) {
			assert_true(ok);
			continue;
		}
		if (ok)
			fail_msg("taken: %s", table[i].line);
		assert_int_equal(e.kind, ERR_USAGE);
		if (!strstr(e.msg, table[i].part))
			fail_msg("%s: %s", table[i].line, e.msg);
	}
}

static void test_time(void **state)
{
	static const struct {
		const char *text;
		int64_t t;	/* TIME_NONE: not a time */
	} table[] = {
		{ "7d", NOW - 7 * 86400 },
		{ "90s", NOW - 90 },
		/* two hours east, midnight is 22:00 UTC of the day before */
		{ "2026-01-15", 1768428000 },
		{ "2026-01-15T00:00", 1768428000 },
		{ "2026-01-15T10:00", 1768464000 },
		{ "2026-01-15T10:00:07", 1768464007 },
		{ "2026-01-15 10:00", 1768464000 },
		{ "2024-02-29", 1709157600 },
		{ "2026-02-29", TIME_NONE },
		{ "2026-13-01", TIME_NONE },
		{ "2026-00-01", TIME_NONE },
		{ "2026-01-00", TIME_NONE },
		{ "2026-01-15T24:00", TIME_NONE },
		{ "2026-01-15T10:60", TIME_NONE },
		{ "2026-01-15T10", TIME_NONE },
		{ "2026-01-15T10:00Z", TIME_NONE },
		{ "2026-1-15", TIME_NONE },
		{ "2026-01-15x", TIME_NONE },
		{ "", TIME_NONE },
		{ "d", TIME_NONE },
	};
	const struct zone *zone = zone_fixed(*state, 7200);

	for (size_t i = 0; i < COUNT(table); i++) {
		int64_t t = TIME_NONE;
		bool ok = option_time(str_of(table[i].text), NOW, zone, &t);

		if (ok != (table[i].t != TIME_NONE) || t != table[i].t)
			fail_msg("%s: %lld", table[i].text, (long long)t);
	}
	assert_true(good(*state, "run --since 7d").since ==
	    NOW - 7 * 86400);
}

/* Where clocks are set, the offset is that of the instant meant. */
static void test_time_near_a_change(void **state)
{
	/* 2026-03-29T01:00:00Z: one hour east becomes two */
	const struct zone *zone;
	int64_t t;

	assert_true(zone_read_rule(*state,
	    STR_LIT("CET-1CEST,M3.5.0,M10.5.0/3"), &zone));
	assert_true(option_time(STR_LIT("2026-03-29T01:59"), NOW, zone, &t));
	assert_true(t == 1774746000 - 60);
	assert_true(option_time(STR_LIT("2026-03-29T03:00"), NOW, zone, &t));
	assert_true(t == 1774746000);
	assert_true(option_time(STR_LIT("2026-03-29"), NOW, zone, &t));
	assert_true(t == 1774738800);
}

static void test_help(void **state)
{
	struct arena *a = *state;
	struct buf b;

	buf_init(&b, 65536);
	option_help(&b);
	for (int i = 0; i < COMMAND_N; i++) {
		const char *const *names;
		size_t n = option_names(&names, a, (enum command_id)i);
		struct buf own;

		assert_non_null(strstr(buf_z(&b),
		    option_command_name((enum command_id)i)));
		buf_init(&own, 65536);
		option_help_command(&own, (enum command_id)i);
		assert_false(own.over);
		for (size_t k = 0; k < n; k++)
			assert_non_null(strstr(buf_z(&own),
			    arena_printf(a, "--%s", names[k]).p));
		buf_free(&own);
	}
	/* fits a terminal of 80 columns */
	for (struct str rest = buf_str(&b), line;
	    str_cut(&rest, '\n', &line); )
		assert_true(text_width(line) < 80);
	buf_free(&b);
}

static void test_exit_codes(void **state)
{
	static const int order[] = { 78, 77, 74, 4, 3, 75, 1, 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(order); i++)
		for (size_t k = 0; k < COUNT(order); k++)
			assert_int_equal(exit_worst(order[i], order[k]),
			    order[i < k ? i : k]);
	assert_int_equal(exit_worst(2, 78), 2);
	assert_int_equal(exit_of(ERR_NONE), 0);
	assert_int_equal(exit_of(ERR_USAGE), 2);
	assert_int_equal(exit_of(ERR_CONFIG), 78);
	assert_int_equal(exit_of(ERR_AUTH), 77);
	assert_int_equal(exit_of(ERR_TEMP), 75);
	assert_int_equal(exit_of(ERR_PROTO), 75);
	assert_int_equal(exit_of(ERR_STATE), 74);
	assert_int_equal(exit_of(ERR_BRAKE), 4);
	assert_int_equal(exit_of(ERR_MESSAGE), 3);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_run),
		TEST(test_places_and_forms),
		TEST(test_wrong),
		TEST(test_time),
		TEST(test_time_near_a_change),
		TEST(test_help),
		TEST(test_exit_codes),
	};

	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
