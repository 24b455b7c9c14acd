#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../engine/narrow.h"

/* 2026-01-15 10:00 UTC */
#define NOW	INT64_C(1768471200)

static bool give(void *ctx, const char *path, struct buf *out, struct err *e)
{
	(void)path;
	(void)e;
	buf_add_str(out, buf_str(ctx));
	return true;
}

static struct rules *load(struct arena *a, const char *whens[], size_t n)
{
	const char *path = "narrow.yaml";
	struct buf text;
	const struct file_reader reader = { .read = give, .ctx = &text };
	struct problems ps;
	struct rules *r;

	problems_init(&ps, a);
	buf_init(&text, 1 << 20);
	buf_add_z(&text, "version: 1\nrules:\n");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "- {name: r%zu, applies_to: all, when: "
		    "{%s}, then: [{label: x}]}\n", i, whens[i]);
	r = rules_load(a, &path, 1, &reader, NULL, 0, NULL, &ps);
	buf_free(&text);
	assert_non_null(r);
	return r;
}

static const char *criteria(struct arena *a, const char *whens[], size_t n,
    bool gmail)
{
	bool sweeps[10] = { true, true, true, true, true, true };

	return arena_z(a, narrow_criteria(a, load(a, whens, n), sweeps,
	    gmail, NOW));
}

static void test_rules(void **state)
{
	static const struct {
		const char *when, *plain, *gmail;
	} rows[] = {
		{ "subject: x", "", "" },
		{ "is: unread", "(UNSEEN)", "(UNSEEN)" },
		{ "not: {is: read}", "(UNSEEN)", "(UNSEEN)" },
		{ "not: {is: unread}", "(SEEN)", "(SEEN)" },
		{ "not: [{is: read}, {flag: $Junk}]",
		    "(UNSEEN UNKEYWORD $Junk)", "(UNSEEN)" },
		{ "not: {is: read, subject: x}", "", "" },
		{ "any: [{is: read}, {subject: x}]", "", "" },
		{ "all: [{is: read}, {all: [{flag: a}, {subject: x}]}]",
		    "(SEEN KEYWORD a)", "(SEEN)" },
		{ "is: starred", "(FLAGGED)", "" },
		{ "is: important", "(KEYWORD $Important)", "" },
		{ "flag: [a, b]", "", "" },
		{ "label: work", "", "(X-GM-LABELS \"work\")" },
		{ "not: {label: INBOX}", "", "(NOT X-GM-LABELS \\Inbox)" },
		{ "label: 'a \"b\"'", "", "(X-GM-LABELS \"a \\\"b\\\"\")" },
		{ "label: 'a*'", "", "" },
		{ "label: [a, b]", "", "" },
		{ "size: {over: 1K, under: 2K}",
		    "(LARGER 1024 SMALLER 2048)",
		    "(LARGER 1024 SMALLER 2048)" },
		{ "age: {over: 30d}", "(BEFORE 18-Dec-2025)",
		    "(BEFORE 18-Dec-2025)" },
		{ "age: {under: 2d}", "(SINCE 12-Jan-2026)",
		    "(SINCE 12-Jan-2026)" },
		{ "gmail: 'a \"b\" c'", "", "(X-GM-RAW \"a \\\"b\\\" c\")" },
		{ "from: a@example.org, is: unread, size: {over: 5}",
		    "(UNSEEN LARGER 5)", "(UNSEEN LARGER 5)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new();
		const char *whens[] = { rows[i].when };

		assert_string_equal(criteria(a, whens, 1, false),
		    rows[i].plain);
		assert_string_equal(criteria(a, whens, 1, true),
		    rows[i].gmail);
		arena_free(&a);
	}
}

static void test_several(void **state)
{
	struct arena *a = arena_new();
	const char *three[] = { "is: read", "is: answered", "flag: a" };
	const char *open[] = { "is: read", "subject: x" };

	(void)state;
	assert_string_equal(criteria(a, three, 3, false),
	    "OR (KEYWORD a) (OR (ANSWERED) (SEEN))");
	/* one that may concern any message opens it all */
	assert_string_equal(criteria(a, open, 2, false), "");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
