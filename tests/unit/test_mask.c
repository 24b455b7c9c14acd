#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../engine/mask.h"

static void test_table(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "no address, @ alone", "no address, @ alone" },
		{ "alice@example.org", "user1@domain1.example" },
		{ "ALICE@Example.ORG", "user1@domain1.example" },
		{ "bob@example.org", "user2@domain1.example" },
		{ "@example.org", "@domain1.example" },
		{ "@*.example.org", "@domain2.example" },
		{ "Alice Example <alice@example.org>",
		    "Name1 <user1@domain1.example>" },
		{ "\"Example, Alice\" <alice@example.org>, Bob "
		    "<bob@example.org>", "\"Name2\" <user1@domain1.example>, "
		    "Name3 <user2@domain1.example>" },
		{ "from: [alice@example.org, bob@example.org]",
		    "from: [user1@domain1.example, user2@domain1.example]" },
		{ "from: {is: \"Alice Example <alice@example.org>\"}",
		    "from: {is: \"Name1 <user1@domain1.example>\"}" },
		{ "\"a b\"@example.org.", "user3@domain1.example." },
		{ "x@[127.0.0.1]", "user4@domain3.example" },
		{ "<1.2@example.org> and more", "<user5@domain1.example> and "
		    "more" },
		{ "Zo\xc3\xab <zo\xc3\xab@b\xc3\xbc" "cher.example>",
		    "Name4 <user6@domain4.example>" },
		{ "a@b@c", "user7@domain5.example@domain6.example" },
		{ "=\"@x.example", "=\"@domain7.example" },
	};
	struct arena *a = arena_new();
	struct mask *m = mask_make(a);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str out = mask_text(m, a, str_of(rows[i].in));

		assert_string_equal(arena_z(a, out), rows[i].out);
	}
	arena_free(&a);
}

static void test_many(void **state)
{
	struct arena *a = arena_new();
	struct mask *m = mask_make(a);
	struct str last = STR_EMPTY;

	(void)state;
	for (size_t i = 0; i <= MASK_MAX; i++)
		last = mask_text(m, a, arena_printf(a, "u%zu@x", i));
	assert_string_equal(arena_z(a, last), "other@domain1.example");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
