/*
 * sameness: what may differ between a message that was sent and what is got
 * back, and what may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/sameness.h"

#define SENT	"From: A <a@x.org>\r\nSubject: one\r\n\ttwo three \r\n" \
	"X-Long: a b\r\nX-Empty:\r\n\r\nBody  with blanks \r\n\r\n"

static const struct {
	const char *sent, *got;
	enum sameness is;
} cases[] = {
	{ SENT, SENT, SAME_OCTETS },
	{ "", "", SAME_OCTETS },
	/* tabs, blanks at line ends, folding */
	{ SENT, "From: A <a@x.org>\r\nSubject: one\r\n two three\r\n"
	    "X-Long: a\r\n b\r\nX-Empty: \r\n\r\nBody  with blanks \r\n\r\n",
	    SAME_FORM },
	{ "A: b\r\n\r\nx", "A:b\r\n\r\nx", SAME_FORM },
	{ "A: b c\r\n\r\nx", "A: b\r\n \r\n c\r\n\r\nx", SAME_FORM },
	{ "A: b\r\n\r\nx", "A: b\n\nx", SAME_FORM },
	/* fields that the server puts there */
	{ "A: b\r\n\r\nx", "X-Gmail-Received: 1\r\n\t2\r\nA: b\r\n\r\nx",
	    SAME_FORM },
	{ "X-Gmail-Received: 1\r\nA: b\r\n\r\nx", "A: b\r\n\r\nx",
	    SAME_FORM },
	{ "A: b\r\n\r\nx", "A: b\r\nX-Gmail-Labels: y\r\n\r\nx", SAME_FORM },
	{ "A: b\r\n\r\nx", "X-Other: 1\r\nA: b\r\n\r\nx", SAME_NOT },
	/* words, order, number, name and case of fields */
	{ "A: b c\r\n\r\nx", "A: bc\r\n\r\nx", SAME_NOT },
	{ "A: b\r\n\r\nx", "A: b c\r\n\r\nx", SAME_NOT },
	{ "A: a:b\r\n\r\nx", "A: a: b\r\n\r\nx", SAME_NOT },
	{ "A: b\r\nC: d\r\n\r\nx", "C: d\r\nA: b\r\n\r\nx", SAME_NOT },
	{ "A: b\r\nC: d\r\n\r\nx", "A: b\r\n\r\nx", SAME_NOT },
	{ "A: b\r\n\r\nx", "A: b\r\nC: d\r\n\r\nx", SAME_NOT },
	{ "A: b\r\n\r\nx", "B: b\r\n\r\nx", SAME_NOT },
	{ "A: b\r\n\r\nx", "A: B\r\n\r\nx", SAME_NOT },
	{ "A: b\r\n c: d\r\n\r\nx", "A: b\r\nc: d\r\n\r\nx", SAME_NOT },
	/* variants */
	{ "A: b\r\nDate: c\r\nE: f\r\n\r\nx",
	    "A: b\r\nDate: d\r\n e\r\nE: f\r\n\r\nx", SAME_VARIANT },
	{ "message-id: <a>\r\nA: b\r\n\r\nx", "Message-ID: <c>\r\n"
	    "A: b\r\nReferences: <a>\r\n\r\nx", SAME_VARIANT },
	{ "A: b\r\n\r\nx", "Date: b\r\n\r\nx", SAME_NOT },
	{ "Date: b\r\n\r\nx", "Date: c\r\n\r\ny", SAME_NOT },
	/* the body is never another one */
	{ "A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n\r\n", SAME_NOT },
	{ "A: b\r\n\r\nx \r\n", "A: b\r\n\r\nx\r\n", SAME_NOT },
	{ "A: b\r\n\r\nx\ty", "A: b\r\n\r\nx y", SAME_NOT },
	{ "A: b\r\n\r\nx", "A: b\r\n\r\n", SAME_NOT },
	{ "A: b\r\n\r\n", "A: b\r\n", SAME_FORM },
	{ "A: b\r\n\r\nX-Gmail-A: c\r\n", "A: b\r\n\r\n", SAME_NOT },
	{ "A: b", "A: b\r\n\r\n", SAME_FORM },
	{ "A: b\r\n\r\nx", "", SAME_NOT },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str a = str_of(cases[i].sent), b = str_of(cases[i].got);

		if (sameness_of(a, b) != cases[i].is ||
		    sameness_of(b, a) != cases[i].is)
			fail_msg("case %zu: %d and %d, not %d", i,
			    sameness_of(a, b), sameness_of(b, a),
			    cases[i].is);
	}
}

/* Every cut and every changed octet is seen, or is white space. */
static void test_each_octet(void **state)
{
	char other[sizeof(SENT)];
	struct str sent = STR_LIT(SENT);

	(void)state;
	for (size_t i = 0; i < sent.n; i++) {
		struct str got = { other, sent.n };

		memcpy(other, SENT, sizeof(other));
		other[i] = '#';
		assert_int_equal(sameness_of(sent, got), SAME_NOT);
		got.n = i;
		assert_int_not_equal(sameness_of(sent, got), SAME_OCTETS);
		if (!ch_space(SENT[i]) || i > sent.n - 8)
			assert_int_equal(sameness_of(sent, got), SAME_NOT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_each_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
