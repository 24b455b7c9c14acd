#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/keyword.h"

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

/* RFC 9051 section 9: atom, and what a flag may not begin with. */
static bool is_keyword(struct str s)
{
	if (s.n == 0 || s.p[0] == '\\')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 ||
		    (unsigned char)s.p[i] >= 0x7f ||
		    strchr("(){%*\"\\]", s.p[i]))
			return false;
	return true;
}

static void test_known_pairs(void **state)
{
	/* Each run was worked out by hand, or by Python's utf-7 codec. */
	static const struct {
		const char *label, *keyword;
	} rows[] = {
		{ "work", "work" }, { "lists/pgsql", "lists/pgsql" },
		{ "a.b-c_d+e,f", "a.b-c_d+e,f" }, { "[tag", "[tag" },
		{ "R&D", "R&-D" }, { "&", "&-" }, { "&&", "&-&-" },
		{ "to do", "to&ACA-do" }, { "a]", "a&AF0-" },
		{ "\xc3\xa9", "&AOk-" }, { "caf\xc3\xa9s", "caf&AOk-s" },
		{ "\xe4\xbd\xa0\xe5\xa5\xbd", "&T2BZfQ-" },
		{ "\xf0\x9f\x98\x80", "&2D3eAA-" },
		{ "\xc3\xa9&x", "&AOk-&-x" },
		{ "$", "&ACQ-" }, { "$x", "&ACQ-x" }, { "x$", "x$" },
		{ "\\Seen", "&AFw-Seen" },
		{ "Junk", "&AEo-unk" }, { "nonjunk", "&AG4-onjunk" },
		{ "NotJunk", "&AE4-otJunk" }, { "Junk mail", "Junk&ACA-mail" },
		{ "Junks", "Junks" }, { "%*", "&ACUAKg-" },
		{ "\x7f", "&AH8-" }, { "a\nb", "a&AAo-b" },
	};
	struct arena *a = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = { 0 };
		struct str got, back;

		if (!keyword_of_label(a, str_of(rows[i].label), &got, &e))
			fail_msg("\"%s\": %s", rows[i].label, e.msg);
		assert_string_equal(got.p, rows[i].keyword);
		assert_true(is_keyword(got));
		assert_true(label_of_keyword(a, got, &back));
		assert_string_equal(back.p, rows[i].label);
	}
}

static void test_no_label(void **state)
{
	static const char *const rows[] = {
		"", "$Forwarded", "$", "\\Seen", "\\", "Junk", "JUNK", "junk",
		"NonJunk", "nonjunk", "NotJunk",
		"a&b", "&", "a&", "&AOk", "&AGE-", /* "a" needs no run */
		"&AOk-&AOk-",	/* two runs where one would do */
		"&AOl-",	/* its last bits are not zero */
		"&2D0-", "&3gA-",	/* half a character */
		"&AOkAJg-x",	/* "&" is never encoded */
		"&AAA-",	/* NUL */
		"&AO-", "&A-", "&/w-", "&AEo-unks", "a b",
		"caf\xc3\xa9",
	};
	struct arena *a = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str label = STR_LIT("untouched");

		if (label_of_keyword(a, str_of(rows[i]), &label))
			fail_msg("\"%s\" was taken as \"%.*s\"", rows[i],
			    STR_ARG(label));
		assert_string_equal(label.p, "untouched");
	}
}

static void test_refused(void **state)
{
	struct arena *a = *state;
	char longest[KEYWORD_MAX + 1];
	struct err e = { 0 };
	struct str got = STR_LIT("untouched");

	assert_false(keyword_of_label(a, STR_EMPTY, &got, &e));
	assert_int_equal(e.kind, ERR_MESSAGE);
	err_clear(&e);
	assert_false(keyword_of_label(a, STR_LIT("a\xff"), &got, &e));
	assert_int_equal(e.kind, ERR_MESSAGE);
	err_clear(&e);
	memset(longest, 'x', sizeof(longest));
	assert_true(keyword_of_label(a, (struct str){ longest, KEYWORD_MAX },
	    &got, &e));
	assert_int_equal(got.n, KEYWORD_MAX);
	got = STR_LIT("untouched");
	assert_false(keyword_of_label(a, (struct str){ longest,
	    sizeof(longest) }, &got, &e));
	assert_int_equal(e.kind, ERR_MESSAGE);
	assert_non_null(strstr(e.msg, "255"));
	assert_string_equal(got.p, "untouched");
}

static uint32_t seed = 99;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

static uint32_t any_character(void)
{
	uint32_t cp;

	switch (any(6)) {
	case 0: return 1 + any(0x7f);
	case 1: return (uint32_t)"&-$\\ J(),+/"[any(11)];
	case 2: return 0x80 + any(0x780);
	case 3: return 0x10000 + any(0x100000);
	default:
		do
			cp = 1 + any(0xFFFF);
		while (cp >= 0xD800 && cp <= 0xDFFF);
		return cp;
	}
}

static void test_random_round_trip(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (int i = 0; i < 50000; i++) {
		struct arena *a = arena_new();
		struct err e = { 0 };
		struct str keyword, back;

		buf_clear(&b);
		for (uint32_t n = 1 + any(20); n; n--)
			buf_add_utf8(&b, any_character());
		assert_true(keyword_of_label(a, buf_str(&b), &keyword, &e));
		assert_true(is_keyword(keyword));
		assert_true(keyword.p[0] != '$');
		assert_true(label_of_keyword(a, keyword, &back));
		assert_true(str_eq(back, buf_str(&b)));
		arena_free(&a);
	}
	buf_free(&b);
}

/* Whatever a server says: no crash, and what is taken as a label is the
 * keyword of that label. */
static void test_random_keywords(void **state)
{
	static const char bytes[] = "&&&--AOkDd2Jun$,+/\xc3\xa9 x";

	(void)state;
	for (int i = 0; i < 50000; i++) {
		struct arena *a = arena_new();
		char text[24];
		struct str keyword = { text, any(sizeof(text)) }, label;

		for (size_t k = 0; k < keyword.n; k++)
			text[k] = bytes[any(sizeof(bytes))];
		if (label_of_keyword(a, keyword, &label)) {
			struct err e = { 0 };
			struct str again;

			assert_true(keyword_of_label(a, label, &again, &e));
			assert_true(str_eq(again, keyword));
		}
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_known_pairs, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_no_label, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup,
		    teardown),
		cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_keywords),
	};

	return cmocka_run_group_tests_name("keyword", tests, NULL, NULL);
}
