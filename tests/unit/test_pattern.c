/* Text tests: kinds, folding, captures, mistakes, and that none runs away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "rules/pattern.h"

#define assert_str(s, z) \
	do { \
		struct str got_ = (s); \
		assert_int_equal(got_.n, strlen(z)); \
		assert_memory_equal(got_.p, (z), got_.n); \
	} while (0)

#define IS		PATTERN_IS
#define CONTAINS	PATTERN_CONTAINS
#define STARTS		PATTERN_STARTS
#define ENDS		PATTERN_ENDS
#define GLOB		PATTERN_GLOB
#define REGEX		PATTERN_REGEX
#define NO		PATTERN_NO
#define YES		PATTERN_YES
#define LIMIT		PATTERN_LIMIT

static struct arena *arena;
static struct pattern_set *set;
static struct pattern_error error;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	set = pattern_set_make(arena, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct pattern *make(enum pattern_kind kind, const char *text)
{
	struct pattern *p = pattern_make(set, kind, str_of(text), true,
	    &error);

	if (!p)
		fail_msg("%s: %s at %zu", text, error.msg, error.offset);
	return p;
}

static const struct {
	enum pattern_kind kind;
	const char *pattern, *text;
	enum pattern_result want;
} table[] = {
	{ IS, "Re: x", "re: X", YES },
	{ IS, "x", "x ", NO },
	{ IS, "x", "x\n", NO },
	{ IS, "a.c", "abc", NO },
	{ IS, "", "", YES },
	{ IS, "", "x", NO },
	{ CONTAINS, "voice", "Your INVOICE 5", YES },
	{ CONTAINS, "voice", "Your invoic", NO },
	{ CONTAINS, "(a|b)*", "x(A|B)*y", YES },
	{ CONTAINS, "\\d", "5", NO },
	{ CONTAINS, "", "", YES },
	{ STARTS, "re:", "RE: x", YES },
	{ STARTS, "re:", "x re:", NO },
	{ STARTS, "re:", "x\nre:", NO },
	{ ENDS, ".pdf", "A.PDF", YES },
	{ ENDS, ".pdf", "a.pdf ", NO },
	{ ENDS, ".pdf", "a.pdf\n", NO },
	{ ENDS, ".pdf", ".pdf.pdf", YES },
	{ ENDS, ".pdf", "pdf", NO },
	/* Unicode simple folding */
	{ IS, "STRASSE", "strasse", YES },
	{ IS, "STRASSE", "straße", NO },
	{ IS, "ẞ", "ß", YES },
	{ IS, "ÄÖÜ", "äöü", YES },
	{ IS, "К", "к", YES },
	{ IS, "ΣΑΣ", "σας", YES },
	{ IS, "k", "\xE2\x84\xAA", YES },	/* Kelvin sign */
	{ IS, "ſ", "S", YES },
	{ IS, "İ", "i", NO },
	{ ENDS, "kk", "a\xE2\x84\xAA\xE2\x84\xAA", YES },
	{ ENDS, "\xC3\xA5", "xx\xE2\x84\xAB", YES },	/* Angstrom sign */
	{ CONTAINS, "straße", "DIE STRAẞE", YES },
	{ REGEX, "straße", "DIE STRAẞE", YES },
	{ GLOB, "*straße", "DIE STRAẞE", YES },
	/* globs */
	{ GLOB, "*.pdf", "a.PDF", YES },
	{ GLOB, "*.pdf", "a.pdf.exe", NO },
	{ GLOB, "*.pdf", "apdf", NO },
	{ GLOB, "*", "", YES },
	{ GLOB, "*", "a\nb", YES },
	{ GLOB, "**", "x", YES },
	{ GLOB, "", "", YES },
	{ GLOB, "", "x", NO },
	{ GLOB, "?", "é", YES },
	{ GLOB, "?", "", NO },
	{ GLOB, "?", "ab", NO },
	{ GLOB, "?", "\n", YES },
	{ GLOB, "a*c", "abbc", YES },
	{ GLOB, "a*c", "ac", YES },
	{ GLOB, "a*a", "a", NO },
	{ GLOB, "a*a", "aa", YES },
	{ GLOB, "a*c", "acb", NO },
	{ GLOB, "a*c", "a\nc", YES },
	{ GLOB, "*b*", "abc", YES },
	{ GLOB, "*b*b*", "abc", NO },
	{ GLOB, "*b*b*", "abcb", YES },
	{ GLOB, "*ab", "aab", YES },
	{ GLOB, "*ab*ab", "ab", NO },
	{ GLOB, "*ab*ab", "aab", NO },
	{ GLOB, "*ab*ab", "xabyab", YES },
	{ GLOB, "*a?*", "ba", NO },
	{ GLOB, "*a?*", "bab", YES },
	{ GLOB, "*??", "a", NO },
	{ GLOB, "*??", "ab", YES },
	{ GLOB, "*?*?*", "a", NO },
	{ GLOB, "\\*", "*", YES },
	{ GLOB, "\\*", "x", NO },
	{ GLOB, "\\?\\\\\\é", "?\\é", YES },
	{ GLOB, "[a-z]", "[a-z]", YES },
	{ GLOB, "[a-z]", "b", NO },
	{ GLOB, "a.b+(c|d){2}^$#", "a.b+(c|d){2}^$#", YES },
	{ GLOB, "a b", "ab", NO },
	{ GLOB, "a\nb", "a\nb", YES },
	{ GLOB, "lists/*", "lists/a/b", YES },
	{ GLOB, "\\Aa\\z", "Aaz", YES },
	/* regexes */
	{ REGEX, "^abc$", "ABC", YES },
	{ REGEX, "^abc$", "abc\n", NO },
	{ REGEX, "^b", "a\nb", NO },
	{ REGEX, "(?m)^b$", "a\nb\nc", YES },
	{ REGEX, "(?m)^b$", "a\r\nb\r\nc", YES },
	{ REGEX, "a.c", "a\nc", NO },
	{ REGEX, "(?s)a.c", "a\nc", YES },
	{ REGEX, "^\\w+$", "äß5", YES },
	{ REGEX, "^\\d$", "٣", YES },
	{ REGEX, "(?-i)abc", "ABC", NO },
	{ REGEX, "^.$", "😀", YES },
	{ REGEX, "", "", YES },
	{ REGEX, "(a)(?=b)(?<!x)\\1?", "ab", YES },
	{ REGEX, "^(?:(.)(?1)?\\1)$", "abcd", NO },
	{ REGEX, "(?<y>\\d{4})-\\k<y>", "2020-2020", YES },
	/* octets that are no characters */
	{ CONTAINS, "abc", "\xFF" "abc\xC3", YES },
	{ IS, "abc", "abc\xFF", NO },
	{ IS, "abc", "\xFF" "abc", NO },
	{ ENDS, "abc", "abc\xFF", NO },
	{ ENDS, "abc", "abc\xFF" "abc", YES },
	{ ENDS, "abc", "ééééabc", YES },
	{ STARTS, "abc", "abc\xFF", YES },
	{ STARTS, "abc", "\xFF" "abc", NO },
	{ REGEX, "^abc$", "abc\xFF", NO },
	{ REGEX, "^abc$", "\xFF" "abc", NO },
	{ REGEX, "a.c", "a\xE9" "c", NO },
	{ REGEX, "(?:a|b)+c", "\xE9\xE9" "abac", YES },
	{ GLOB, "*abc*", "\xFF" "abc\xFF", YES },
	{ GLOB, "a*c", "a\xE9" "c", YES },
	{ GLOB, "a?c", "a\xE9" "c", YES },
	{ GLOB, "abc", "abc\xFF", NO },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct pattern *p = make(table[i].kind, table[i].pattern);
		enum pattern_result got = pattern_match(p,
		    str_of(table[i].text), NULL);

		if (got != table[i].want)
			fail_msg("row %zu: %s on %s gives %d", i,
			    table[i].pattern, table[i].text, got);
	}
}

static void test_exact(void **state)
{
	static const enum pattern_kind kinds[] = { IS, CONTAINS, STARTS,
	    ENDS, GLOB, REGEX };

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct pattern *p = pattern_make(set, kinds[i],
		    STR_LIT("Abc"), false, &error);

		assert_int_equal(pattern_match(p, STR_LIT("Abc"), NULL), YES);
		assert_int_equal(pattern_match(p, STR_LIT("abc"), NULL), NO);
	}
}

static void test_nul(void **state)
{
	struct pattern *p = pattern_make(set, CONTAINS, STR_LIT("b\0c"),
	    true, &error);
	struct pattern *g = pattern_make(set, GLOB, STR_LIT("a?\0*"), true,
	    &error);

	(void)state;
	assert_int_equal(pattern_match(p, STR_LIT("ab\0cd"), NULL), YES);
	assert_int_equal(pattern_match(p, STR_LIT("ab\0dd"), NULL), NO);
	assert_int_equal(pattern_match(g, STR_LIT("ab\0d"), NULL), YES);
	assert_int_equal(pattern_match(g, STR_LIT("abxd"), NULL), NO);
	assert_int_equal(pattern_match(p, (struct str){ NULL, 0 }, NULL),
	    NO);
}

static void test_groups(void **state)
{
	struct pattern *p = make(REGEX,
	    "(?<day>\\d+)\\. (?:(?<month>[a-z]+)|(-))(?<year> \\d+)?");
	struct pattern *wild = make(REGEX, "(?:(a)|(b)|(x+))+$");
	struct str g[1 + PATTERN_GROUPS_MAX];
	const struct pattern_name *names;

	(void)state;
	assert_int_equal(pattern_groups(p), 4);
	assert_int_equal(pattern_names(p, &names), 3);
	assert_str(names[0].name, "day");
	assert_int_equal(names[0].group, 1);
	assert_str(names[1].name, "month");
	assert_int_equal(names[1].group, 2);
	assert_str(names[2].name, "year");
	assert_int_equal(names[2].group, 4);
	assert_int_equal(pattern_match(p, STR_LIT("on 24. März, "), g), YES);
	assert_str(g[0], "24. M");
	assert_int_equal(pattern_match(p, STR_LIT("on 24. Dec 2026"), g),
	    YES);
	assert_str(g[0], "24. Dec 2026");
	assert_str(g[1], "24");
	assert_str(g[2], "Dec");
	assert_null(g[3].p);
	assert_str(g[4], " 2026");
	assert_int_equal(pattern_match(p, STR_LIT("24. -"), g), YES);
	assert_null(g[2].p);
	assert_str(g[3], "-");
	assert_null(g[4].p);

	assert_int_equal(pattern_match(wild, STR_LIT("zabxx"), g), YES);
	assert_str(g[0], "abxx");
	assert_str(g[1], "a");
	assert_str(g[2], "b");
	assert_str(g[3], "xx");

	/* an empty group is set */
	p = make(REGEX, "a()b");
	assert_int_equal(pattern_match(p, STR_LIT("ab"), g), YES);
	assert_non_null(g[1].p);
	assert_int_equal(g[1].n, 0);

	assert_int_equal(pattern_groups(make(GLOB, "*")), 0);
	assert_int_equal(pattern_names(make(IS, "x"), &names), 0);
}

static void test_sure(void **state)
{
	static const struct {
		const char *regex, *sure;	/* by group, y or n */
	} rows[] = {
		{ "(a)(b)", "yy" },
		{ "(a)?(b)", "ny" },
		{ "(a)*(b)+", "ny" },
		{ "(a){0,2}(b){1,2}(c){2}", "nyy" },
		{ "(a)|(b)", "nn" },
		{ "((a)|b)(c)", "yny" },
		{ "(?:(a)|b)(c)", "ny" },
		{ "((a)(b)?)?(c)", "nnny" },
		{ "(?<x>a)(?P<y>b)(?'z'c)", "yyy" },
		{ "(?=(a))(?!(b))(?<=(c))(?<!(d))(e)", "ynyny" },
		{ "(?>(a)|(b))", "nn" },
		{ "[(](a)[^)](b)[]()](c)[[:alpha:](](d)", "yyyy" },
		{ "\\((a)\\)\\Q(x)?|\\E(b)", "yy" },
		{ "(?#(|)(a)", "y" },
		{ "(a)\\|(b)[|](c)", "yyy" },
		{ "(?i:(a))(?i)(b)(?-i)(c)", "yyy" },
		{ "(?x)(a) # (\n(b)", "nn" },
		{ "(?|(a)|(b))", "n" },
		{ "(a)(?(1)(b)|c)", "nn" },
		{ "(a)(?1)(b)", "yy" },
		{ "(a)\\1(?P=n)(?<n>b)", "yy" },
		{ "(*ACCEPT)(a)", "n" },
		{ "(a)(?:x*)(?:y(b))?", "yn" },
		{ "(a)?\?(b)", "ny" },
		{ "(\\p{L}|\\x{41})", "y" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pattern *p = make(REGEX, rows[i].regex);

		if (pattern_groups(p) != strlen(rows[i].sure))
			fail_msg("%s has %zu groups", rows[i].regex,
			    pattern_groups(p));
		for (size_t n = 1; n <= pattern_groups(p); n++)
			if (pattern_group_sure(p, n) !=
			    (rows[i].sure[n - 1] == 'y'))
				fail_msg("%s: group %zu", rows[i].regex, n);
		assert_false(pattern_group_sure(p, 0));
		assert_false(pattern_group_sure(p, 99));
	}
}

static void test_errors(void **state)
{
	static const struct {
		enum pattern_kind kind;
		const char *text;
		size_t offset;
		const char *say;
	} rows[] = {
		{ REGEX, "a(b", 3, "missing closing parenthesis" },
		{ REGEX, "ab)", 2, "unmatched closing parenthesis" },
		{ REGEX, "é[a", 4, "missing terminating ]" },
		{ REGEX, "*a", 0, "quantifier does not follow" },
		{ REGEX, "a\\Cb", 3, "using \\C is disabled" },
		{ REGEX, "ab(?C1)c", 2, "callouts are not allowed" },
		{ REGEX, "ab[(?C](?C'x')c", 7, "callouts are not allowed" },
		{ REGEX, "(?<=.{1001})x", 0, "looks back more than 1000" },
		{ REGEX, "(?<n>a)(?<n>b)", 12, "two named subpatterns" },
		{ REGEX, "\\k<no>", 3, "reference to non-existent" },
		{ REGEX, "a\xE9", 1, "UTF-8 error" },
		{ GLOB, "ab\\", 2, "the backslash at the end" },
		{ IS, "a\xE9", 1, "UTF-8 error" },
	};
	char big[PATTERN_REGEX_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (pattern_make(set, rows[i].kind, str_of(rows[i].text),
		    true, &error))
			fail_msg("%s is taken", rows[i].text);
		if (error.offset != rows[i].offset ||
		    !str_starts(str_of(error.msg), str_of(rows[i].say)))
			fail_msg("%s: %s at %zu", rows[i].text, error.msg,
			    error.offset);
	}
	memset(big, 'a', sizeof(big));
	assert_null(pattern_make(set, REGEX, (struct str){ big,
	    sizeof(big) }, true, &error));
	assert_string_equal(error.msg, "longer than 65536 octets");
	assert_null(pattern_make(set, REGEX, (struct str){ big,
	    sizeof(big) - 1 }, true, &error));
	assert_string_equal(error.msg, "regular expression is too large");
	for (int kind = IS; kind <= GLOB; kind++) {
		assert_null(pattern_make(set, (enum pattern_kind)kind,
		    (struct str){ big, 1001 }, true, &error));
		assert_string_equal(error.msg, "longer than 1000 octets");
		assert_non_null(pattern_make(set, (enum pattern_kind)kind,
		    (struct str){ big, 1000 }, true, &error));
	}
	for (size_t i = 0; i < 303; i += 3)
		memcpy(big + i, "(a)", 3);
	assert_null(pattern_make(set, REGEX, (struct str){ big, 303 }, true,
	    &error));
	assert_true(str_starts(str_of(error.msg),
	    STR_LIT("more than 100 groups")));
	assert_non_null(pattern_make(set, REGEX, (struct str){ big, 300 },
	    true, &error));
	memset(big, '(', 5000);
	assert_null(pattern_make(set, REGEX, (struct str){ big, 5000 }, true,
	    &error));
}

static char mebi[1024 * 1024];

static struct str fill(const char *unit, const char *end)
{
	size_t k = strlen(unit), n = 0;

	while (n + k + strlen(end) <= sizeof(mebi)) {
		memcpy(mebi + n, unit, k);
		n += k;
	}
	memcpy(mebi + n, end, strlen(end));
	return (struct str){ mebi, n + strlen(end) };
}

/* Patterns that would take minutes or for ever on 1 MiB. */
static void test_no_runaway(void **state)
{
	static const struct {
		enum pattern_kind kind;
		const char *pattern, *unit, *end;
		enum pattern_result want;
	} rows[] = {
		{ REGEX, "(a+)+$", "a", "b", LIMIT },
		{ REGEX, "(x+x+)+[yz]", "x", "", LIMIT },
		{ REGEX, "^.*a*[bc]", "a", "", LIMIT },
		{ REGEX, "^.*.*.*x?!", "a", "", LIMIT },
		{ REGEX, "a*b?[cd]", "a", "", LIMIT },
		{ REGEX, "(a|aa)+$", "a", "b", LIMIT },
		{ REGEX, "(.*)\\1[de]", "a", "b", LIMIT },
		{ REGEX, "(?<n>a*)x?\\k<n>[bd]", "a", "c", LIMIT },
		{ REGEX, "(?<n>a*)x?(?P=n)[bd]", "a", "c", LIMIT },
		{ REGEX, "a{60000}b?[cd]", "a", "", LIMIT },
		{ REGEX, "[ab]{30000,}x?[cd]", "a", "", LIMIT },
		{ REGEX, "(?:[ab]{30}){100}[cd]", "a", "", LIMIT },
		{ REGEX, "(?=(a+))[bc]", "a", "", LIMIT },
		{ REGEX, "(?R)?a", "a", "", LIMIT },
		{ REGEX, "(*NO_JIT)(a+)+$", "a", "b", LIMIT },
		{ REGEX, "(*NO_JIT)a*b?[cd]", "a", "", LIMIT },
		{ REGEX, "(*LIMIT_MATCH=4000000000)(a+)+$", "a", "b", LIMIT },
		{ REGEX, "(?<=[ab]{900})[yz]", "a", "", NO },
		{ GLOB, "*a*a*a*a*a*b", "a", "", NO },
		{ GLOB, "*?a?a?a?b*", "a", "", NO },
		{ CONTAINS, "aaaaaaaaaaaaaaaaaaaaaaaaab", "a", "", NO },
		/* and some that must not meet the limit */
		{ REGEX, "\\w+@\\w+", "hello wörld ", "", NO },
		{ REGEX, "\\d+ (EUR|USD)", "costs 12 usx, ", "", NO },
		{ REGEX, "(?i)\\b(?:invoice|bill)\\b.*\\d", "a bill\n", "",
		    NO },
		{ REGEX, "unsubscribe.*(here|now)$", "see it\n", "", NO },
		{ REGEX, "([a-z]+) ([a-z]+) ([a-z]+)!", "one two three ",
		    "!", NO },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pattern *p = make(rows[i].kind, rows[i].pattern);
		struct str text = fill(rows[i].unit, rows[i].end);
		clock_t began = clock();
		enum pattern_result got = pattern_match(p, text, NULL);

		/* it takes half of a second at most; machines differ */
		if (clock() - began > 10 * CLOCKS_PER_SEC)
			fail_msg("slow: %s", rows[i].pattern);
		if (got != rows[i].want)
			fail_msg("%s gives %d", rows[i].pattern, got);
		if (got == LIMIT)
			assert_true(strlen(pattern_limit_reason(p)) > 20);
	}
}

/* A counted repeat that fails at its last, over and over. */
static void test_late_failure(void **state)
{
	struct pattern *p = make(REGEX, "(?i)[ab]{30000}x?[yz]");
	struct str text = fill("a", "");

	(void)state;
	for (size_t i = 29999; i < text.n; i += 30000)
		mebi[i] = 'c';
	assert_int_equal(pattern_match(p, text, NULL), LIMIT);
}

static void test_steps(void **state)
{
	struct pattern_set *few = pattern_set_make(arena, 1000);
	struct pattern *p = pattern_make(few, REGEX, STR_LIT("(a+)+$"), true,
	    &error);
	struct pattern *q = make(REGEX, "(a+)+$");

	(void)state;
	assert_int_equal(pattern_match(p, STR_LIT("aaaaaaaaaaaaaab"), NULL),
	    LIMIT);
	assert_string_equal(pattern_limit_reason(p),
	    "the regex took too many steps (regex_steps)");
	assert_int_equal(pattern_match(q, STR_LIT("aaaaaaaaaaaaaab"), NULL),
	    NO);
	assert_int_equal(pattern_match(p, STR_LIT("aaaaaaaaaaaaaa"), NULL),
	    YES);
	/* none of it is left over for the next */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(pattern_match(p, STR_LIT("aaab"), NULL), NO);
}

/* The same answer with and without counting: {1} makes it count. */
static void test_counted_agrees(void **state)
{
	static const char *const items[] = { "a", "b", ".", "[ab]", "\\w",
	    "\\b", "a*", "b+", ".*?", "a?", "(a|b)", "(ab?)", "^", "$",
	    "(?=b)", "(?<!a)", "|" };
	static const char *const letters[] = { "a", "b", "é", " ", "\n" };
	struct str g[1 + PATTERN_GROUPS_MAX], h[1 + PATTERN_GROUPS_MAX];
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct buf regex, text;
		struct pattern *p, *q;

		buf_init(&regex, 1000);
		buf_init(&text, 1000);
		for (int k = 1 + i % 6; k > 0; k--) {
			seed = seed * 1664525 + 1013904223;
			buf_add_z(&regex, items[(seed >> 16) % COUNT(items)]);
		}
		p = make(REGEX, buf_z(&regex));
		q = make(REGEX, arena_printf(arena, "(?:%s){1}",
		    buf_z(&regex)).p);
		for (int n = 0; n < 10; n++) {
			enum pattern_result r;

			buf_clear(&text);
			for (int k = n; k > 0; k--) {
				seed = seed * 1664525 + 1013904223;
				buf_add_z(&text, letters[(seed >> 16) %
				    COUNT(letters)]);
			}
			r = pattern_match(p, buf_str(&text), g);
			assert_int_equal(pattern_match(q, buf_str(&text), h),
			    r);
			for (size_t k = 0; r == YES &&
			    k <= pattern_groups(p); k++) {
				assert_ptr_equal(g[k].p, h[k].p);
				assert_int_equal(g[k].n, h[k].n);
			}
		}
		buf_free(&regex);
		buf_free(&text);
	}
}

/* A second, plain way to match a glob of single octets. */
static bool glob_fits(const char *glob, const char *text)
{
	if (!*glob)
		return !*text;
	if (*glob == '*')
		return glob_fits(glob + 1, text) ||
		    (*text && glob_fits(glob, text + 1));
	return *text && (*glob == '?' || *glob == *text) &&
	    glob_fits(glob + 1, text + 1);
}

static void test_glob_agrees(void **state)
{
	uint32_t seed = 3;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		char glob[10], text[12];
		struct pattern *p;

		for (int k = 0; k < 9; k++) {
			seed = seed * 1664525 + 1013904223;
			glob[k] = "ab?*"[seed >> 30];
		}
		glob[i % 10] = '\0';
		p = make(GLOB, glob);
		for (int n = 0; n < 12; n++) {
			for (int k = 0; k < 11; k++) {
				seed = seed * 1664525 + 1013904223;
				text[k] = "ab"[seed >> 31];
			}
			text[n] = '\0';
			if (pattern_match(p, str_of(text), NULL) !=
			    (glob_fits(glob, text) ? YES : NO))
				fail_msg("%s on %s", glob, text);
		}
	}
}

/* Whatever the regex: an answer or an error, in time. */
static void test_noise(void **state)
{
	static const char *const bits[] = { "(", ")", "(?:", "(?=", "(?<!",
	    "[", "]", "^", "$", "*", "+", "?", "{2,}", "{0,3}", "|", "\\1",
	    "\\k<n>", "(?<n>", "a", "b", "é", ".", "\\w", "\\X", "(?R)",
	    "(?1)", "\\Q", "\\E", "(?x)", "#", "\n", "(?|", "(?(1)", "\\K",
	    "(*SKIP)", "(*F)", "(?#", "\\p{L}", "(?>", "\\", "{", "(?s)",
	    "(*NO_JIT)", "[[:alpha:]]", "(?J)", "\\G", "\\b", "(*", "-" };
	struct str text = fill("aabé\n b", "c");
	struct str g[1 + PATTERN_GROUPS_MAX];
	struct buf regex;
	uint32_t seed = 11;
	int compiled = 0;

	(void)state;
	buf_init(&regex, 1000);
	for (int i = 0; i < 10000; i++) {
		struct pattern *p;
		clock_t began = clock();

		buf_clear(&regex);
		for (int k = i % 14; k >= 0; k--) {
			seed = seed * 1664525 + 1013904223;
			buf_add_z(&regex, bits[(seed >> 16) % COUNT(bits)]);
		}
		p = pattern_make(set, REGEX, buf_str(&regex), true, &error);
		if (p) {
			compiled++;
			pattern_match(p, str_sub(text, 0, 64), g);
			pattern_match(p, str_sub(text, 0, 4000), g);
			if (i % 16 == 0)
				pattern_match(p, text, g);
		} else {
			assert_true(error.offset <= regex.n);
			assert_true(error.msg[0]);
		}
		if (clock() - began > 10 * CLOCKS_PER_SEC)
			fail_msg("slow: %s", buf_z(&regex));
		if (i % 1000 == 0) {
			arena_reset(arena);
			set = pattern_set_make(arena, 0);
		}
	}
	assert_true(compiled > 1000);
	buf_free(&regex);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_table),
		test(test_exact),
		test(test_nul),
		test(test_groups),
		test(test_sure),
		test(test_errors),
		test(test_no_runaway),
		test(test_late_failure),
		test(test_steps),
		test(test_counted_agrees),
		test(test_glob_agrees),
		test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
