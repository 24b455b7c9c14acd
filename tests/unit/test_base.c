/* Slices, UTF-8, arenas, buffers, errors, shown text, time text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rules/base.h"

#define assert_str(s, z) \
	do { \
		struct str got_ = (s); \
		assert_int_equal(got_.n, strlen(z)); \
		assert_memory_equal(got_.p, (z), got_.n); \
	} while (0)

static void test_str(void **state)
{
	struct str s = STR_LIT("Hello"), rest, part;
	uint64_t n = 7;

	(void)state;
	assert_str(str_of(NULL), "");
	assert_str(str_sub(s, 1, 3), "ell");
	assert_str(str_sub(s, 3, SIZE_MAX), "lo");
	assert_str(str_sub(s, 9, 2), "");
	assert_true(str_eq_z(s, "Hello"));
	assert_false(str_eq_z(s, "hello"));
	assert_true(str_ieq_z(s, "hELLO"));
	assert_false(str_ieq_z(s, "hELL"));
	assert_false(str_ieq_z(STR_LIT("@"), "`"));
	assert_true(str_starts(s, STR_LIT("He")));
	assert_false(str_starts(s, STR_LIT("he")));
	assert_true(str_istarts(s, STR_LIT("he")));
	assert_true(str_ends(s, STR_LIT("lo")));
	assert_false(str_ends(s, STR_LIT("xHello")));
	assert_true(str_ends(s, STR_EMPTY));
	assert_true(str_cmp(s, STR_LIT("Help")) < 0);
	assert_true(str_cmp(s, STR_LIT("Hell")) > 0);
	assert_true(str_cmp(STR_LIT("\xFF"), STR_LIT("a")) > 0);
	assert_int_equal(str_cmp(s, s), 0);
	assert_int_equal(str_find_char(s, 0, 'l'), 2);
	assert_int_equal(str_find_char(s, 3, 'l'), 3);
	assert_int_equal(str_find_char(s, 4, 'l'), 5);
	assert_int_equal(str_find_char(s, 99, 'l'), 5);
	assert_str(str_trim(STR_LIT(" \t\r\n a b \n")), "a b");
	assert_str(str_trim(STR_LIT(" \n")), "");

	rest = STR_LIT("a,,b,");
	assert_true(str_cut(&rest, ',', &part));
	assert_str(part, "a");
	assert_true(str_cut(&rest, ',', &part));
	assert_str(part, "");
	assert_true(str_cut(&rest, ',', &part));
	assert_str(part, "b");
	assert_false(str_cut(&rest, ',', &part));

	assert_true(str_u64(STR_LIT("010"), 10, &n));
	assert_int_equal(n, 10);
	assert_true(str_u64(STR_LIT("18446744073709551615"), UINT64_MAX,
	    &n));
	assert_true(n == UINT64_MAX);
	n = 7;
	assert_false(str_u64(STR_LIT("18446744073709551616"), UINT64_MAX,
	    &n));
	assert_false(str_u64(STR_LIT("11"), 10, &n));
	assert_false(str_u64(STR_LIT(""), 10, &n));
	assert_false(str_u64(STR_LIT("-1"), 10, &n));
	assert_false(str_u64(STR_LIT("1 "), 10, &n));
	assert_int_equal(n, 7);

	/* of the FNV-1a reference */
	assert_true(str_hash(STR_EMPTY) == UINT64_C(0xcbf29ce484222325));
	assert_true(str_hash(STR_LIT("a")) == UINT64_C(0xaf63dc4c8601ec8c));
}

static void test_utf8(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t first;
		size_t step;
	} table[] = {
		{ "a", 'a', 1 },
		{ "\xC2\x80", 0x80, 2 },
		{ "\xDF\xBF", 0x7FF, 2 },
		{ "\xE0\xA0\x80", 0x800, 3 },
		{ "\xEF\xBF\xBF", 0xFFFF, 3 },
		{ "\xF0\x90\x80\x80", 0x10000, 4 },
		{ "\xF4\x8F\xBF\xBF", 0x10FFFF, 4 },
		{ "\xC0\x80", UTF8_BAD, 1 },		/* overlong */
		{ "\xC1\xBF", UTF8_BAD, 1 },
		{ "\xE0\x9F\xBF", UTF8_BAD, 1 },
		{ "\xF0\x8F\xBF\xBF", UTF8_BAD, 1 },
		{ "\xED\xA0\x80", UTF8_BAD, 1 },	/* surrogate */
		{ "\xF4\x90\x80\x80", UTF8_BAD, 1 },	/* past the end */
		{ "\xF5\x80\x80\x80", UTF8_BAD, 1 },
		{ "\x80", UTF8_BAD, 1 },
		{ "\xE2\x82", UTF8_BAD, 1 },		/* cut */
		{ "\xE2(\x82", UTF8_BAD, 1 },
	};
	struct str mixed = STR_LIT("aé€\xFF😀");

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		size_t at = 0;

		assert_int_equal(utf8_next(str_of(table[i].bytes), &at),
		    table[i].first);
		assert_int_equal(at, table[i].step);
		assert_int_equal(utf8_valid(str_of(table[i].bytes)),
		    table[i].first != UTF8_BAD);
	}
	assert_int_equal(utf8_count(mixed), 5);
	assert_false(utf8_valid(mixed));
	assert_true(utf8_valid(STR_LIT("0123456789 plain é 0123456789")));
	assert_false(utf8_valid(STR_LIT("0123456789 plain \xE9 012345")));

	assert_str(utf8_head(STR_LIT("a€b"), 4), "a€");
	assert_str(utf8_head(STR_LIT("a€b"), 3), "a");
	assert_str(utf8_head(STR_LIT("a€b"), 2), "a");
	assert_str(utf8_head(STR_LIT("a€b"), 9), "a€b");
	assert_str(utf8_head(STR_LIT("😀"), 3), "");
	/* a cut in what is no sequence takes nothing more away */
	assert_str(utf8_head(STR_LIT("a\x80\x80\x80\x80" "b"), 4),
	    "a\x80\x80\x80");
	assert_str(utf8_head(STR_LIT("\xE2zz"), 1), "\xE2");
}

static int order[3];
static int n_order;

static void note(void *arg)
{
	order[n_order++] = *(int *)arg;
}

static void test_arena(void **state)
{
	static int one = 1, two = 2;
	struct arena *a = arena_new();
	int *list = NULL;
	size_t n = 0, cap = 0;
	char *p;

	(void)state;
	for (size_t size = 0; size < 3000; size += 7) {
		p = arena_alloc(a, size);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xAA, size);
	}
	p = arena_alloc(a, 3 * 1024 * 1024);	/* larger than any block */
	memset(p, 1, 3 * 1024 * 1024);
	for (; n < 1000; n++) {
		arena_grow(a, &list, n, &cap);
		assert_true(cap > n);
		list[n] = (int)n;
	}
	for (n = 0; n < 1000; n++)
		assert_int_equal(list[n], n);
	assert_true(str_eq(arena_str(a, STR_LIT("a\0b")), STR_LIT("a\0b")));
	assert_string_equal(arena_z(a, STR_LIT("xyz")), "xyz");
	assert_str(arena_printf(a, "%d-%s", 5, "x"), "5-x");
	assert_true(arena_used(a) > 3 * 1024 * 1024);

	arena_on_reset(a, note, &one);
	arena_on_reset(a, note, &two);
	arena_reset(a);
	assert_int_equal(n_order, 2);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 1);
	assert_int_equal(arena_used(a), 0);
	p = arena_alloc(a, 100);	/* of a used block: zeroed again */
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	arena_on_reset(a, note, &one);
	arena_free(&a);
	assert_int_equal(n_order, 3);
	assert_null(a);
	arena_free(&a);
}

static void test_buf(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_z(&b), "");
	assert_str(buf_str(&b), "");
	buf_add_z(&b, "abc");
	buf_printf(&b, "%d", 42);
	buf_add_char(&b, '!');
	assert_string_equal(buf_z(&b), "abc42!");
	assert_false(b.over);
	buf_printf(&b, "%s", "123456");
	assert_true(b.over);
	assert_str(buf_str(&b), "abc42!1234");
	buf_add_z(&b, "more");
	assert_int_equal(b.n, 10);
	buf_drop_front(&b, 3);
	assert_str(buf_str(&b), "42!1234");
	buf_drop_front(&b, 100);
	assert_int_equal(b.n, 0);
	buf_clear(&b);
	assert_false(b.over);
	buf_add_utf8(&b, 0x20AC);
	buf_add_utf8(&b, 0xD800);
	buf_add_utf8(&b, 0x1F600);
	assert_str(buf_str(&b), "€\xEF\xBF\xBD😀");
	buf_add_utf8(&b, 'x');
	assert_true(b.over);
	buf_free(&b);
	buf_free(&b);

	buf_init(&b, 4);
	buf_add_utf8(&b, 0x1F600);
	buf_clear(&b);
	buf_add_z(&b, "ab");
	buf_add_utf8(&b, 0x20AC);	/* no part of a sequence */
	assert_str(buf_str(&b), "ab");
	assert_true(b.over);
	buf_wipe_free(&b);
	buf_wipe_free(&b);

	buf_init_secret(&b, 1000000);
	for (int i = 0; i < 100000; i++)
		buf_add(&b, "12345", 5);
	assert_int_equal(b.n, 500000);
	buf_free(&b);
	assert_true(b.secret);		/* it may be filled again */

	buf_init(&b, 1000000);
	for (int i = 0; i < 200000; i++)
		buf_add(&b, "12345", 5);
	assert_int_equal(b.n, 1000000);
	assert_false(b.over);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], '1' + (char)(i % 5));
	buf_free(&b);
}

static void test_err(void **state)
{
	struct err e = { 0 };
	char long_text[2000];

	(void)state;
	assert_false(err_set(NULL, ERR_TEMP, "x"));
	assert_false(err_set(&e, ERR_TEMP, "no answer from %s", "host"));
	assert_false(err_set(&e, ERR_AUTH, "second"));
	assert_int_equal(e.kind, ERR_TEMP);
	assert_string_equal(e.msg, "no answer from host");
	assert_false(err_ctx(&e, "account %s", "work"));
	assert_string_equal(e.msg, "account work: no answer from host");
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);

	for (size_t i = 0; i < sizeof(long_text) - 1; i += 2)
		memcpy(long_text + i, "é", 2);
	long_text[sizeof(long_text) - 2] = '\0';
	err_set(&e, ERR_TEMP, "%s", long_text);
	assert_true(utf8_valid(str_of(e.msg)));
	assert_true(strlen(e.msg) > ERR_MSG_MAX - 4);
	err_ctx(&e, "ab");
	assert_true(utf8_valid(str_of(e.msg)));
	assert_true(strlen(e.msg) > ERR_MSG_MAX - 4);
	assert_true(str_starts(str_of(e.msg), STR_LIT("ab: é")));
	err_ctx(&e, "%s", long_text);
	assert_true(strlen(e.msg) < ERR_MSG_MAX);
}

static void test_shown(void **state)
{
	static const struct {
		const char *text, *shown;
	} table[] = {
		{ "plain é € 😀", "plain é € 😀" },
		{ "a\tb\r\nc", "a\\x09b\\x0D\\x0Ac" },
		{ "\x1B[31m\x7F", "\\x1B[31m\\x7F" },
		{ "\xC2\x9B", "\\u{009B}" },
		{ "\xD8\x9C", "\\u{061C}" },
		{ "\xE2\x80\x8D", "\xE2\x80\x8D" },	/* joiner stays */
		{ "\xE2\x80\x8E\xE2\x80\x8F", "\\u{200E}\\u{200F}" },
		{ "\xE2\x80\xA8\xE2\x80\xA9", "\\u{2028}\\u{2029}" },
		{ "\xE2\x80\xAA\xE2\x80\xAE", "\\u{202A}\\u{202E}" },
		{ "\xE2\x81\xA6\xE2\x81\xA9", "\\u{2066}\\u{2069}" },
		{ "\xE2\x81\xA5\xE2\x81\xAA", "\xE2\x81\xA5\xE2\x81\xAA" },
		{ "\xEF\xBB\xBFx", "\\u{FEFF}x" },
		{ "caf\xE9 \xC3", "caf\\xE9 \\xC3" },
	};
	struct arena *a = arena_new();
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_str(shown(a, str_of(table[i].text)), table[i].shown);
	assert_str(shown(a, STR_LIT("\0")), "\\x00");
	/* cut, it keeps whole characters */
	for (size_t max = 0; max < 9; max++) {
		buf_init(&b, max);
		buf_add_shown(&b, STR_LIT("a\xC3\xA4\xE2\x82\xAC\n\xC3\xA4"));
		assert_true(b.over && utf8_valid(buf_str(&b)));
		buf_free(&b);
	}
	assert_int_equal(text_width(STR_LIT("abc é")), 5);
	assert_int_equal(text_width(STR_LIT("日本")), 4);
	assert_int_equal(text_width(STR_LIT("e\xCC\x81")), 1);
	assert_int_equal(text_width(STR_LIT("😀")), 2);
	assert_int_equal(text_width(STR_LIT("가")), 2);
	assert_int_equal(text_width(STR_EMPTY), 0);
	arena_free(&a);
}

static void test_nearest(void **state)
{
	static const char *const names[] = { "from", "to", "cc", "subject",
	    "reply_to", "attachment", "body", "label", "size" };
	static const struct {
		const char *slip, *found;
	} table[] = {
		{ "subjct", "subject" },
		{ "sujbect", "subject" },
		{ "Subject", "subject" },
		{ "reply-to", "reply_to" },
		{ "form", "from" },
		{ "fro", "from" },
		{ "bcc", "cc" },
		{ "lable", "label" },
		{ "labels", "label" },
		{ "atachmnt", "attachment" },
		{ "boyd", "body" },
		{ "x", NULL },
		{ "", NULL },
		{ "fax", NULL },
		{ "abcd", NULL },
		{ "banana", NULL },
		{ "sbjt", NULL },
	};
	char huge[5000];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const char *got = nearest(str_of(table[i].slip), names,
		    COUNT(names));

		if (table[i].found) {
			assert_non_null(got);
			assert_string_equal(got, table[i].found);
		} else {
			assert_null(got);
		}
	}
	memset(huge, 'a', sizeof(huge));
	assert_null(nearest((struct str){ huge, sizeof(huge) }, names,
	    COUNT(names)));
}

static void test_time(void **state)
{
	static const struct {
		int64_t t;
		struct civil c;
	} table[] = {
		{ 0, { 1970, 1, 1, 0, 0, 0, 4 } },
		{ -1, { 1969, 12, 31, 23, 59, 59, 3 } },
		{ 951782400, { 2000, 2, 29, 0, 0, 0, 2 } },
		{ 951868800, { 2000, 3, 1, 0, 0, 0, 3 } },
		{ 1768514400, { 2026, 1, 15, 22, 0, 0, 4 } },
		{ 4107542400, { 2100, 3, 1, 0, 0, 0, 1 } },
		{ 253402300799, { 9999, 12, 31, 23, 59, 59, 5 } },
		{ -62135596800, { 1, 1, 1, 0, 0, 0, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct civil c = time_to_civil(table[i].t);
		const struct civil *w = &table[i].c;

		assert_int_equal(c.year, w->year);
		assert_int_equal(c.month, w->month);
		assert_int_equal(c.day, w->day);
		assert_int_equal(c.hour, w->hour);
		assert_int_equal(c.min, w->min);
		assert_int_equal(c.sec, w->sec);
		assert_int_equal(c.weekday, w->weekday);
		assert_int_equal(time_from_civil(w->year, w->month, w->day,
		    w->hour, w->min, w->sec), table[i].t);
	}
	/* each day of two spans of 400 years follows the one before */
	for (int64_t day = -292194; day < 292194; day++) {
		struct civil c = time_to_civil(day * 86400 + 3723);

		assert_int_equal(time_from_civil(c.year, c.month, c.day, 1,
		    2, 3), day * 86400 + 3723);
		assert_int_equal(c.weekday, ((day + 4) % 7 + 7) % 7);
	}
	time_to_civil(INT64_MIN);	/* for the sanitizer */
	time_to_civil(INT64_MAX);
}

static void test_duration_size(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;	/* -1: none */
	} durations[] = {
		{ "90s", 90 }, { "15m", 900 }, { "2h", 7200 },
		{ "30d", 2592000 }, { "1w", 604800 }, { "0d", 0 },
		{ "1653440w", -1 }, { "1000000000000s", 1000000000000 },
		{ "1000000000001s", -1 }, { "99999999999999999999s", -1 },
		{ "30", -1 }, { "d", -1 }, { "", -1 }, { "-1d", -1 },
		{ "1 d", -1 }, { "1D", -1 }, { "1.5h", -1 }, { "1y", -1 },
	};
	static const struct {
		const char *text;
		int64_t octets;
	} sizes[] = {
		{ "0", 0 }, { "500", 500 }, { "010", 10 },
		{ "20K", 20480 }, { "10M", 10485760 }, { "2G", 2147483648 },
		{ "8589934591G", INT64_C(9223372035781033984) },
		{ "8589934592G", -1 }, { "9223372036854775808", -1 },
		{ "K", -1 }, { "", -1 }, { "1k", -1 }, { "1 M", -1 },
		{ "0x10", -1 }, { "-5", -1 }, { "1T", -1 }, { "1MB", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		int64_t got = -1;
		bool good = parse_duration(str_of(durations[i].text), &got);

		assert_int_equal(got, durations[i].seconds);
		assert_int_equal(good, durations[i].seconds >= 0);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint64_t got = UINT64_MAX;
		bool good = parse_size(str_of(sizes[i].text), &got);

		assert_true(got == (uint64_t)sizes[i].octets);
		assert_int_equal(good, sizes[i].octets >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_duration_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
