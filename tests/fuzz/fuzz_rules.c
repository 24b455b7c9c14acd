/* Rule files: loaded, checked, their tests run, and two messages judged. */
#include "fuzz.h"

#define TESTS_MAX	4	/* run of one input */

static const struct str plain = STR_LIT(
    "From: Tom <tom@example.org>\r\n"
    "To: pgsql-hackers@lists.postgresql.org, me@example.com\r\n"
    "List-Id: <pgsql-hackers.lists.postgresql.org>\r\n"
    "Message-ID: <1@example.org>\r\n"
    "Date: Fri, 9 Jan 2026 23:59:58 +0100\r\n"
    "Subject: Re: [spam] =?utf-8?q?Gr=C3=BC=C3=9Fe?= aaaaaaaaaaaaaaaaaaaaa\r\n"
    "\r\n"
    "Hello, an invoice.\r\n");

static const struct str mixed = STR_LIT(
    "From: a@b.c, \"X\" <x+y@xn--bcher-kva.example>\n"
    "Cc: undisclosed:;\n"
    "References: <1@example.org> <2@example.org>\n"
    "Content-Type: multipart/mixed; boundary=x\n"
    "\n"
    "--x\n\nfirst text\n"
    "--x\nContent-Type: text/html\n\n<p>second&nbsp;<b>te</b>xt\n"
    "--x\nContent-Type: application/pdf; name=a.pdf\n"
    "Content-Transfer-Encoding: base64\n\nAAAA\n--x--\n");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	struct rules *r = fuzz_rules(a, fuzz_input(data, n));
	struct rules_test_result out;

	if (r) {
		for (size_t i = 0; i < rules_count(r); i++)
			HOLDS(rules_info(r, i)->name[0]);
		fuzz_match(r, plain);
		fuzz_match(r, mixed);
		for (size_t i = 0; i < rules_test_count(r) && i < TESTS_MAX;
		    i++) {
			rules_test_run(r, a, i, 1768478400, NULL, &out);
			HOLDS(out.passed == (out.n_differences == 0));
		}
	}
	arena_free(&a);
	return 0;
}
