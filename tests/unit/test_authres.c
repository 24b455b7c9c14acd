/* Authentication-Results: its forms, wrong ones too, and alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "rules/authres.h"

static int set_up(void **state)
{
	*state = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	arena_free((struct arena **)state);
	return 0;
}

/* "method=result signer author mailfrom; ..." of what was read. */
static const char *shown_results(struct arena *a, const struct authres *r)
{
	struct str s = STR_EMPTY;

	for (size_t i = 0; i < r->n; i++) {
		const struct authres_result *one = &r->results[i];

		s = arena_printf(a, "%.*s%s%.*s=%.*s %.*s %.*s %.*s",
		    STR_ARG(s), i ? "; " : "", STR_ARG(one->method),
		    STR_ARG(one->result), STR_ARG(one->signer),
		    STR_ARG(one->author), STR_ARG(one->mailfrom));
	}
	return arena_z(a, s);
}

static void test_forms(void **state)
{
	/* text behind "mx.example.org" */
	static const struct { const char *text, *want; } cases[] = {
		{ "; none", "" },
		{ "", "" },
		{ " 1; none", "" },
		{ "; spf=pass smtp.mailfrom=example.net",
		    "spf=pass   example.net" },
		{ "; spf=pass smtp.mailfrom=a+b@Example.NET",
		    "spf=pass   example.net" },
		{ ";spf=fail;dkim=pass header.d=example.com",
		    "spf=fail   ; dkim=pass example.com  " },
		/* Google's way */
		{ ";\r\n       dkim=pass header.i=@example.com header.s=s1 "
		    "header.b=\"aB/c+=\";\r\n       spf=pass (google.com: "
		    "domain of x@y.example designates 192.0.2.1 as permitted "
		    "sender) smtp.mailfrom=x@y.example;\r\n       dmarc=pass "
		    "(p=NONE sp=NONE dis=NONE) header.from=example.com",
		    "dkim=pass example.com  ; spf=pass   y.example; "
		    "dmarc=pass  example.com " },
		/* Microsoft's */
		{ "; dmarc=bestguesspass action=none header.from=a.example;"
		    "compauth=pass reason=109",
		    "dmarc=bestguesspass  a.example ; compauth=pass   " },
		/* RFC 8601 B.7: comments wherever they may stand */
		{ " (hello (nested \\) one)) 1 (x); (a) dkim (b) / (c) 1 (d) "
		    "= (e) pass (f) header (g) . (h) d (i) = (j) example.com "
		    "(k)", "dkim=pass example.com  " },
		{ "; DKIM=PASS Header.D=EXAMPLE.com",
		    "dkim=pass example.com  " },
		{ "; dkim=pass reason=\"good; dkim=fail\" header.d=a.example",
		    "dkim=pass a.example  " },
		{ "; spf=pass smtp.mailfrom=\"a; b\"@example.net",
		    "spf=pass   example.net" },
		{ "; dkim/1=pass; dkim/2=pass header.d=a.example; spf=none",
		    "dkim=pass   ; spf=none   " },
		{ "; dkim=pass header.d=b\xC3\xBC"
		    "cher.example", "dkim=pass xn--bcher-kva.example  " },
		{ "; dkim=pass header.d=a.example header.i=@b.a.example",
		    "dkim=pass a.example  " },
		/* what the server did not write is no result */
		{ "; (dkim=pass header.d=a.example) spf=fail",
		    "spf=fail   " },
		/* other versions of the field say nothing that is known */
		{ " 2; dkim=pass header.d=a.example", "" },
		/* broken */
		{ "; dkim; =pass; dkim=; spf=pass", "spf=pass   " },
		{ " ;;; dkim pass ;=; spf == pass; iprev=pass =.",
		    "iprev=pass   " },
		{ "; dkim=pass (open header.d=a.example", "dkim=pass   " },
		{ "; dkim=pass header.d=\"a.example",
		    "dkim=pass a.example  " },
		{ "; dkim=pass header.d=\\", "dkim=pass \\  " },
		{ "; dkim=pass ))) header.d=a.example",
		    "dkim=pass a.example  " },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct authres r;
		struct str text = arena_printf(*state, "mx.example.org%s",
		    cases[i].text);

		assert_true(authres_read(*state, text,
		    STR_LIT("MX.Example.org"), &r));
		assert_string_equal(shown_results(*state, &r), cases[i].want);
	}
}

static void test_others(void **state)
{
	static const char *const texts[] = {
		"mx.example.org.evil.example; dkim=pass",
		"evil.example; mx.example.org; dkim=pass",
		"x.mx.example.org; dkim=pass", "spf=pass; mx.example.org", "",
		"(mx.example.org) evil.example; dkim=pass", "; dkim=pass",
		"\"mx.example.org\"x; dkim=pass", "(mx.example.org", "\"",
	};
	struct authres r;

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_false(authres_read(*state, str_of(texts[i]),
		    STR_LIT("mx.example.org"), &r));
	assert_true(authres_read(*state, STR_LIT(" (x) \"mx.example.org\";"),
	    STR_LIT("mx.example.org"), &r));
}

static void test_alignment(void **state)
{
	static const struct {
		const char *results, *author;
		bool only, want;
	} cases[] = {
		{ "dkim=pass header.d=example.org", "example.org", true, true },
		{ "dkim=fail header.d=example.org", "example.org", true,
		    false },
		{ "dkim=pass header.d=example.org", "news.example.org", true,
		    true },
		{ "dkim=pass header.d=news.example.org", "example.org", true,
		    false },
		{ "dkim=pass header.d=example.org", "badexample.org", true,
		    false },
		{ "dkim=pass header.d=org", "example.org", true, false },
		{ "dkim=pass", "example.org", true, false },
		{ "spf=pass smtp.mailfrom=x@example.org", "example.org", true,
		    true },
		{ "spf=pass smtp.helo=example.org", "example.org", true,
		    false },
		{ "spf=softfail smtp.mailfrom=example.org", "example.org",
		    true, false },
		{ "dmarc=pass header.from=example.org", "example.org", false,
		    true },
		{ "dmarc=pass header.from=example.net", "example.org", true,
		    false },
		{ "dmarc=pass", "example.org", true, true },
		{ "dmarc=pass", "example.org", false, false },
		{ "arc=pass header.d=example.org", "example.org", true,
		    false },
		{ "spf=fail; dkim=pass header.d=example.org", "example.org",
		    true, true },
		{ "dmarc=pass", "", true, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct authres r;
		struct address author = { .name = STR_EMPTY,
		    .domain = str_of(cases[i].author) };

		assert_true(authres_read(*state, arena_printf(*state,
		    "mx; %s", cases[i].results), STR_LIT("mx"), &r));
		if (authres_verifies(&r, &author, cases[i].only) !=
		    cases[i].want)
			fail_msg("%s for %s", cases[i].results,
			    cases[i].author);
	}
}

/* However long, it takes its time and no more. */
static void test_limits(void **state)
{
	struct authres r;
	struct buf b;

	buf_init(&b, 8 * 1024 * 1024);
	buf_add_z(&b, "mx");
	for (int i = 0; i < 100000; i++)
		buf_add_z(&b, "; spf=fail");
	assert_true(authres_read(*state, buf_str(&b), STR_LIT("mx"), &r));
	assert_int_equal(r.n, AUTHRES_RESULTS_MAX);
	assert_true(r.cut);
	b.n = 0;
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&b, '(');
	assert_false(authres_read(*state, buf_str(&b), STR_LIT("mx"), &r));
	b.n = 0;
	buf_add_z(&b, "mx;");
	for (int i = 0; i < 500000; i++)
		buf_add_z(&b, "=.");
	assert_true(authres_read(*state, buf_str(&b), STR_LIT("mx"), &r));
	assert_int_equal(r.n, 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forms, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_others, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_alignment, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
