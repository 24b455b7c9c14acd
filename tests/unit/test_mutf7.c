#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/mutf7.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static const struct {
	const char *utf8, *wire;
} both[] = {
	{ "", "" },
	{ "INBOX", "INBOX" },
	{ "a/b c", "a/b c" },
	{ "&", "&-" },
	{ "R&D", "R&-D" },
	{ "&&", "&-&-" },
	{ "-", "-" },
	{ "\xC3\x9C" "bung", "&ANw-bung" },
	{ "Entw\xC3\xBCrfe", "Entw&APw-rfe" },
	/* RFC 3501 5.1.3 */
	{ "~peter/mail/\xE5\x8F\xB0\xE5\x8C\x97/"
	    "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E",
	    "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
	{ "\xD0\x9A\xD0\xBE\xD1\x80\xD0\xB7\xD0\xB8\xD0\xBD\xD0\xB0",
	    "&BBoEPgRABDcEOAQ9BDA-" },
	/* outside the BMP: a pair of surrogates */
	{ "\xF0\x9F\x98\x80", "&2D3eAA-" },
	{ "x\xF0\x9F\x98\x80y", "x&2D3eAA-y" },
	/* "," where base64 has "/" */
	{ "\xEF\xBF\xBD", "&,,0-" },
	/* controls go through base64 */
	{ "a\tb", "a&AAk-b" },
	{ "\x7F", "&AH8-" },
	/* an ampersand between shifted runs */
	{ "\xC3\xBC&\xC3\xBC", "&APw-&-&APw-" },
};

static void test_both_ways(void **state)
{
	struct str out;

	(void)state;
	for (size_t i = 0; i < COUNT(both); i++) {
		assert_true(mutf7_encode(arena, str_of(both[i].utf8), &out));
		assert_string_equal(arena_z(arena, out), both[i].wire);
		assert_true(mutf7_decode(arena, str_of(both[i].wire), &out));
		assert_string_equal(arena_z(arena, out), both[i].utf8);
	}
}

static void test_refused_on_the_wire(void **state)
{
	static const char *const bad[] = {
		"&", "a&", "&AB", "&ANw", "&ANw bung",	/* no end */
		"&A-", "&AN-",		/* not a whole code unit */
		"&ANx-",		/* padding that is not zero */
		"&ANwA-",		/* a digit of padding too much */
		"&AGE-",		/* "a" needs no base64 */
		"&ACY-",		/* neither does "&" */
		"&AAA-",		/* NUL */
		"&2D0-", "&3gA-",	/* half a pair */
		"&2D3YPQ-",		/* two first halves */
		"&ANw/-", "&ANw=-", "&AN*-",	/* not digits */
		"&ANw-&ANw-",		/* one run is the right spelling */
		("\xC3\x9C" "bung"),	/* raw UTF-8 */
		"a\tb", "\x7F",
	};
	struct str out = STR_LIT("as before");

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (mutf7_decode(arena, str_of(bad[i]), &out))
			fail_msg("\"%s\" was taken for \"%.*s\"", bad[i],
			    STR_ARG(out));
	assert_true(str_eq_z(out, "as before"));
	assert_false(mutf7_decode(arena, (struct str){ "a\0b", 3 }, &out));
}

static void test_refused_in_utf8(void **state)
{
	struct str out;

	(void)state;
	assert_false(mutf7_encode(arena, STR_LIT("\xFF"), &out));
	assert_false(mutf7_encode(arena, STR_LIT("a\xC3"), &out));
	assert_false(mutf7_encode(arena, STR_LIT("\xED\xA0\x80"), &out));
	assert_false(mutf7_encode(arena, (struct str){ "a\0b", 3 }, &out));
}

static void test_limits(void **state)
{
	size_t n = MUTF7_MAX;
	char *z = arena_alloc(arena, n + 1);
	struct str out;

	(void)state;
	memset(z, 'x', n + 1);
	assert_true(mutf7_encode(arena, (struct str){ z, n }, &out));
	assert_false(mutf7_encode(arena, (struct str){ z, n + 1 }, &out));
	assert_false(mutf7_decode(arena, (struct str){ z, n + 1 }, &out));
	memset(z, '&', n);	/* would be twice as long */
	assert_false(mutf7_encode(arena, (struct str){ z, n }, &out));
}

/* Every code point goes there and back. */
static void test_every_code_point(void **state)
{
	struct buf b;
	struct str wire, back;

	(void)state;
	buf_init(&b, 16);
	for (uint32_t cp = 1; cp <= 0x10FFFF; cp++) {
		if (cp >= 0xD800 && cp <= 0xDFFF)
			continue;
		buf_clear(&b);
		buf_add_utf8(&b, cp);
		assert_true(mutf7_encode(arena, buf_str(&b), &wire));
		assert_true(mutf7_decode(arena, wire, &back));
		assert_true(str_eq(back, buf_str(&b)));
		if (cp % 1024 == 0)
			arena_reset(arena);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ways, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_refused_on_the_wire,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_in_utf8, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_code_point, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
