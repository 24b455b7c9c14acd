/* Templates: parsing is covered by tests/check, filling here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "rules/template.h"

static struct {
	struct arena *arena;
	struct problems ps;
	struct facts facts;
	struct match_input in;
	struct captures captures;
	unsigned ask;
	struct str failure;
} t;

static void set_mail(const char *bytes, enum mail_have have)
{
	static const struct str only[] = { STR_LIT("Subject") };

	t.in.mail = mail_make(t.arena, str_of(bytes), have, only, 1);
}

static int set_up(void **state)
{
	static struct capture list[] = {
		{ STR_LIT("1"), STR_LIT("one/two") },
		{ STR_LIT("id"), STR_LIT("42") },
		{ STR_LIT("2"), STR_LIT("") },
	};

	(void)state;
	memset(&t, 0, sizeof(t));
	t.arena = arena_new();
	problems_init(&t.ps, t.arena);
	t.facts = (struct facts){
		.known = RULES_ASK_SIZE | RULES_ASK_RECEIVED,
		.account = STR_LIT("home"), .mailbox = STR_LIT("Lists/a"),
		.size = 1234, .received = time_from_civil(2026, 1, 1, 0, 0, 0),
	};
	t.in.facts = &t.facts;
	t.captures = (struct captures){ list, COUNT(list) };
	set_mail("From: \"Alice Ex\" <alice@Example.org>\n"
	    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= a/b\n"
	    "List-Id: Hackers <pgsql-hackers.lists.example.org>\n"
	    "Message-ID: <x@y>\n"
	    "Date: Thu, 31 Dec 2026 23:30:00 +0000\n"
	    "X-Empty: \nX-Dots: ..hid.den\nX-Bad: a*b%c\\d\te\n\nbody\n",
	    MAIL_WHOLE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&t.arena);
	return 0;
}

static const char *fill_as(const char *text, enum template_use use)
{
	static const struct str groups[] = { STR_LIT("1"), STR_LIT("id"),
	    STR_LIT("2"), STR_LIT("3") };
	static const bool sure[] = { true, true, true, false };
	const struct template *tpl = template_make(t.arena, str_of(text),
	    (struct pos){ 0 }, use, groups, sure, COUNT(groups), &t.ps);
	struct str out = STR_LIT("untouched");

	if (!tpl) {
		assert_true(t.ps.errors > 0);
		return "refused";
	}
	t.failure = STR_EMPTY;
	if (!template_fill(tpl, t.arena, &t.in, "my rule", &t.captures,
	    &out, &t.ask, &t.failure)) {
		assert_string_equal(arena_z(t.arena, out), "untouched");
		assert_true(t.failure.n > 0);
		return "failed";
	}
	assert_int_equal(t.ask, 0);
	return arena_z(t.arena, out);
}

static const char *fill(const char *text)
{
	return fill_as(text, TEMPLATE_LABEL);
}

static void test_variables(void **state)
{
	(void)state;
	assert_string_equal(fill("plain/text"), "plain/text");
	assert_string_equal(fill("a$$b$c"), "a$b$c");
	assert_string_equal(fill("$$(from)"), "$(from)");
	assert_string_equal(fill("$(from.address)"), "alice@example.org");
	assert_string_equal(fill("$(from.name)"), "Alice Ex");
	assert_string_equal(fill("$(from.local)"), "alice");
	assert_string_equal(fill("$(from.domain)"), "example.org");
	assert_string_equal(fill("$(subject)"), "Gr\xC3\xBC\xC3\x9F" "e a_b");
	assert_string_equal(fill("l/$(list_id.local)"), "l/pgsql-hackers");
	assert_string_equal(fill("$(list_id)"),
	    "pgsql-hackers.lists.example.org");
	assert_string_equal(fill("$(message_id)"), "x@y");
	assert_string_equal(fill("$(size)/$(account)/$(rule)"),
	    "1234/home/my rule");
	assert_string_equal(fill("$(mailbox)"), "Lists_a");
	assert_string_equal(fill("$(header.X-Dots)"), "__hid.den");
	assert_string_equal(fill("$(header.x-bad)"), "a_b_c_d_e");
	assert_string_equal(fill("$(1)-$(id)"), "one_two-42");
	assert_string_equal(fill("$(3:-none)"), "none");
	assert_string_equal(fill("$(2:-x/y)"), "x/y");
	assert_string_equal(fill("$(header.X-Empty:-no)"), "no");
	assert_string_equal(fill("a$(header.X-Empty:-)b"), "ab");
}

static void test_failures(void **state)
{
	(void)state;
	assert_string_equal(fill("$(header.X-Empty)"), "failed");
	assert_int_equal(t.ask, 0);
	assert_string_equal(fill("$(header.X-None)"), "failed");
	assert_string_equal(fill("$(2)"), "failed");
	assert_string_equal(fill("a/$(2:-)/b"), "failed");
	assert_string_equal(fill("$(3)"), "refused");
	assert_string_equal(fill("$(nope)"), "refused");
	assert_string_equal(fill("a/$("), "refused");
}

static void test_inbox(void **state)
{
	(void)state;
	set_mail("Subject: inbox\n\n", MAIL_WHOLE);
	assert_string_equal(fill("$(subject)"), "INBOX_");
	assert_string_equal(fill("a/$(subject)"), "a/inbox");
	assert_string_equal(fill("INBOX"), "INBOX");
}

static void test_sanitised(void **state)
{
	struct buf b;
	const char *got;

	(void)state;
	/* 98 letters, then a letter with two accents: 100 would cut it. */
	buf_init(&b, 10000);
	buf_add_z(&b, "Subject: ");
	for (int i = 0; i < 98; i++)
		buf_add_char(&b, 'a');
	buf_add_z(&b, "e\xCC\x81\xCC\x82" "f\n\n");
	set_mail(buf_z(&b), MAIL_WHOLE);
	got = fill("$(subject)");
	assert_int_equal(strlen(got), 98);
	/* A value of 100 is not cut. */
	buf_clear(&b);
	buf_add_z(&b, "Subject: ");
	for (int i = 0; i < 100; i++)
		buf_add_z(&b, "\xC3\xBC");
	buf_add_z(&b, "\n\n");
	set_mail(buf_z(&b), MAIL_WHOLE);
	assert_int_equal(strlen(fill("$(subject)")), 200);
	/* Controls and marks that turn text around. */
	set_mail("Subject: a\x01" "b\x7F\xC2\x85\xE2\x80\xAE" "c\n\n",
	    MAIL_WHOLE);
	assert_string_equal(fill("$(subject)"), "a_b___c");
	assert_string_equal(fill_as("$(subject)!", TEMPLATE_TEXT),
	    "a b   c!");
	set_mail("Subject: a/b\n\n", MAIL_WHOLE);
	assert_string_equal(fill_as("$(subject)/$$", TEMPLATE_TEXT),
	    "a/b/$");
	buf_free(&b);
}

static void test_dates(void **state)
{
	static const struct { const char *date, *format, *want; } cases[] = {
		{ "31 Dec 2026 23:30:00 +0000", "%Y/%m", "2026/12" },
		{ "31 Dec 2026 23:30:05 +0000", "%Y-%m-%d %H.%M.%S",
		    "2026-12-31 23.30.05" },
		{ "31 Dec 2026 23:30:00 +0000", "%y %j %a %A %b %B %%",
		    "26 365 Thu Thursday Dec December %" },
		/* ISO weeks and %U at the turns of years, as date(1) says */
		{ "1 Jan 2027 00:00:00 +0000", "%G-%V %U", "2026-53 00" },
		{ "31 Dec 2024 00:00:00 +0000", "%G-%V %U", "2025-01 52" },
		{ "1 Jan 2023 00:00:00 +0000", "%G-%V %U", "2022-52 01" },
		{ "29 Feb 2024 12:00:00 +0000", "%G-%V %U %j",
		    "2024-09 08 060" },
		{ "31 Dec 2020 00:00:00 +0000", "%G-%V %j",
		    "2020-53 366" },
		{ "3 Jan 2021 00:00:00 +0000", "%G-%V %U", "2020-53 01" },
		{ "1 Jan 2026 00:00:00 +0000", "%G-%V %U", "2026-01 00" },
		{ "29 Dec 2025 00:00:00 +0000", "%G-%V %U", "2026-01 52" },
		{ "5 Mar 2023 00:00:00 +0000", "%G-%V %U", "2023-09 10" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		set_mail(arena_printf(t.arena, "Date: %s\n\n",
		    cases[i].date).p, MAIL_WHOLE);
		assert_string_equal(fill(arena_printf(t.arena,
		    "$(date:%s)", cases[i].format).p), cases[i].want);
	}
	assert_string_equal(fill("$(date)"), "2023-03-05");
	/* Local time; then without a Date, when it arrived. */
	set_mail("Date: 31 Dec 2026 23:30:00 +0000\n\n", MAIL_WHOLE);
	t.in.zone = zone_fixed(t.arena, 3600);
	assert_string_equal(fill("$(date:%Y/%H)"), "2027/00");
	set_mail("Date: some day\n\n", MAIL_WHOLE);
	assert_string_equal(fill("$(date)"), "2026-01-01");
	t.facts.known = 0;
	assert_string_equal(fill("$(date)"), "failed");
	assert_int_equal(t.ask, RULES_ASK_RECEIVED);
}

static void test_asks(void **state)
{
	(void)state;
	t.in.mail = NULL;
	assert_string_equal(fill("$(account)"), "home");
	assert_string_equal(fill("$(subject)"), "failed");
	assert_int_equal(t.ask, RULES_ASK_FIELDS);
	assert_string_equal(fill("$(subject:-x)"), "failed");
	assert_int_equal(t.ask, RULES_ASK_FIELDS);
	set_mail("Subject: x\n\n", MAIL_FIELDS);
	assert_string_equal(fill("$(subject)"), "x");
	assert_string_equal(fill("$(from)"), "failed");
	assert_int_equal(t.ask, RULES_ASK_FIELDS);
	t.facts.known = 0;
	assert_string_equal(fill("$(size)"), "failed");
	assert_int_equal(t.ask, RULES_ASK_SIZE);
}

static void note_field(void *ctx, struct str name)
{
	struct buf *b = ctx;

	buf_add_str(b, name);
	buf_add_char(b, ' ');
}

static void test_needs(void **state)
{
	struct buf b;
	const struct template *tpl = template_make(t.arena,
	    STR_LIT("$(from.name)/$(date)/$(header.X-A)/$(size)/$(1:-x)"),
	    (struct pos){ 0 }, TEMPLATE_LABEL, &STR_LIT("1"),
	    &(bool){ false }, 1, &t.ps);
	struct str text = STR_EMPTY;

	(void)state;
	buf_init(&b, 100);
	assert_non_null(tpl);
	assert_false(template_literal(tpl, &text));
	assert_int_equal(template_needs(tpl, note_field, &b),
	    RULES_ASK_FIELDS | RULES_ASK_RECEIVED | RULES_ASK_SIZE);
	assert_string_equal(buf_z(&b), "From Date X-A ");
	buf_free(&b);
	assert_true(template_literal(template_of(t.arena,
	    STR_LIT("$(x)")), &text));
	assert_true(str_eq_z(text, "$(x)"));
}

#define unit(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(test_variables), unit(test_failures), unit(test_inbox),
		unit(test_sanitised), unit(test_dates), unit(test_asks),
		unit(test_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
