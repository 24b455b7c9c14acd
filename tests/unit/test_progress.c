#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/progress.h"

#define S(z)	STR_LIT(z)

static void test_line(void **state)
{
	static const struct {
		uint64_t done, total;
		int64_t ms;
		const char *text;
	} table[] = {
		{ 0, 10, 0, "a:b: 0 of 10" },
		{ 20, 4000, 4000, "a:b: 20 of 4000, 5/s, 13 min left" },
		{ 5, 10, 5000, "a:b: 5 of 10, 1/s, 5 s left" },
		{ 10, 10, 1000, "a:b: 10 of 10, 10/s" },
		{ 1, 90, 1000, "a:b: 1 of 90, 1/s, 89 s left" },
		{ 1, 91, 1000, "a:b: 1 of 91, 1/s, 2 min left" },
		{ 1, 7201, 1000, "a:b: 1 of 7201, 1/s, 2 h left" },
		/* slower than one a second */
		{ 1, 3, 4000, "a:b: 1 of 3, 8 s left" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf b;

		buf_init(&b, 200);
		progress_line(&b, S("a"), S("b"), table[i].done,
		    table[i].total, table[i].ms);
		assert_string_equal(buf_z(&b), table[i].text);
		buf_free(&b);
	}
}

static void test_shown(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	progress_line(&b, STR_EMPTY, S("x\033]0;y\a"), 0, 1, 0);
	assert_string_equal(buf_z(&b), "x\\x1B]0;y\\x07: 0 of 1");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
