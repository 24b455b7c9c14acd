#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/digest.h"
#include "engine/identity.h"

static struct arena *a;

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static struct identity of(const char *text, uint64_t size)
{
	struct identity id = { 0 };

	identity_of(a, mail_make(a, str_of(text), MAIL_HEADER, NULL, 0),
	    size, &id);
	return id;
}

static const char whole[] =
    "Received: from x\r\n"
    "Message-ID: <1.2@example.org>\r\n"
    "Date: Mon, 1 Jan 2024 10:00:00 +0000\r\n"
    "From: Alice <alice@example.org>\r\n"
    "To: bob@example.org\r\n"
    "Subject: Hello there\r\n\r\n";

static void test_same(void **state)
{
	/* what a server may do to a header, or another delivery add */
	static const char *const others[] = {
		"Message-ID: <1.2@example.org>\n"
		"Date: Mon, 1 Jan 2024 10:00:00 +0000\n"
		"From: Alice <alice@example.org>\n"
		"Subject: Hello there\n\n",
		"Subject: Hello\r\n  there \r\n"
		"X-Any: y\r\n"
		"MESSAGE-ID:<1.2@example.org>\r\n"
		"from:  Alice\t<alice@example.org>\r\n"
		"date: Mon, 1 Jan 2024\r\n\t10:00:00 +0000\r\n"
		"Subject: a second one\r\n\r\n",
	};
	struct identity first = of(whole, 900), other;

	(void)state;
	assert_string_equal(first.message_id.p, "1.2@example.org");
	assert_int_equal(first.size, 900);
	for (size_t i = 0; i < COUNT(others); i++) {
		other = of(others[i], 900);
		assert_true(identity_eq(&first, &other));
	}
}

static void test_different(void **state)
{
	static const char *const others[] = {
		/* another value, in each field */
		"Message-ID: <1.3@example.org>\r\nDate: d\r\nFrom: f\r\n"
		"Subject: s\r\n\r\n",
		"Message-ID: <1.2@example.org>\r\nDate: e\r\nFrom: f\r\n"
		"Subject: s\r\n\r\n",
		"Message-ID: <1.2@example.org>\r\nDate: d\r\nFrom: g\r\n"
		"Subject: s\r\n\r\n",
		"Message-ID: <1.2@example.org>\r\nDate: d\r\nFrom: f\r\n"
		"Subject: S\r\n\r\n",
		/* missing, empty, moved to the neighbour */
		"Message-ID: <1.2@example.org>\r\nDate: d\r\nFrom: f\r\n\r\n",
		"Message-ID: <1.2@example.org>\r\nDate: d\r\nFrom: f\r\n"
		"Subject:\r\n\r\n",
		"Message-ID: <1.2@example.org>\r\nDate: d\r\nFrom: f s\r\n"
		"Subject:\r\n\r\n",
		"Message-ID: <1.2@example.org>\r\nDate: d:f\r\nFrom: \r\n"
		"Subject: s\r\n\r\n",
		"Message-ID: <1.2@example.org>\r\nDate: d\r\n"
		"From: f:s\r\n\r\n",
		"",
	};
	struct identity first = of("Message-ID: <1.2@example.org>\r\n"
	    "Date: d\r\nFrom: f\r\nSubject: s\r\n\r\n", 900);
	struct identity list[COUNT(others)], other;

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		list[i] = of(others[i], 900);
		if (identity_eq(&first, &list[i]))
			fail_msg("%s", others[i]);
		for (size_t k = 0; k < i; k++)
			assert_false(identity_eq(&list[i], &list[k]));
	}
	other = of(others[0], 901);
	assert_false(identity_eq(&list[0], &other));
	assert_memory_not_equal(other.digest, list[0].digest, 16);
}

static void test_digest(void **state)
{
	/* FIPS 180-2, appendix B */
	static const char abc[] = "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad";
	uint8_t out[DIGEST_SIZE];
	struct digest *d = digest_new();

	(void)state;
	digest_of(STR_LIT("abc"), out);
	assert_string_equal(digest_hex(a, out, sizeof(out)).p, abc);
	digest_add(d, STR_LIT("a"));
	digest_add(d, STR_EMPTY);
	digest_add(d, STR_LIT("bc"));
	digest_end(&d, out);
	assert_null(d);
	assert_string_equal(digest_hex(a, out, sizeof(out)).p, abc);
	digest_of(STR_EMPTY, out);
	assert_string_equal(digest_hex(a, out, 4).p, "e3b0c442");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same, setup, teardown),
		cmocka_unit_test_setup_teardown(test_different, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
