/* Header edits on bytes, and values of fields both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "rules/field.h"
#include "rules/mail.h"
#include "rules/rewrite.h"

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

/* --------------------------------------------------------------- fields */

static const char *written(struct arena *a, const char *name,
    const char *text)
{
	const char *why = NULL;
	struct buf b;
	char *out;

	buf_init(&b, 100000);
	if (field_write(&b, str_of(name), field_clean(a, str_of(text)),
	    STR_LIT("\n"), &why))
		out = arena_z(a, buf_str(&b));
	else
		out = arena_printf(a, "! %s", why).p ?
		    arena_z(a, arena_printf(a, "! %s", why)) : NULL;
	buf_free(&b);
	return out;
}

static void test_written(void **state)
{
	static const struct { const char *name, *text, *want; } cases[] = {
		{ "Subject", "hello", "Subject: hello\n" },
		{ "Subject", " a\r\nBcc: x@y ", "Subject: a  Bcc: x@y\n" },
		{ "Subject", "", "Subject:\n" },
		{ "Subject", "gr\xC3\xBC\xC3\x9F dich",
		    "Subject: =?utf-8?b?Z3LDvMOf?= dich\n" },
		/* blanks between two words would be lost */
		{ "Subject", "\xC3\xBC  \xC3\xBC x",
		    "Subject: =?utf-8?b?w7wgIMO8?= x\n" },
		{ "Subject", "=?utf-8?q?x?=",
		    "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=\n" },
		{ "Subject", "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1"
		    "\x82", "Subject: =?utf-8?b?0L/RgNC40LLQtdGC?=\n" },
		{ "Subject", "one two three four five six seven eight nine "
		    "ten eleven twelve  thirteen",
		    "Subject: one two three four five six seven eight nine "
		    "ten eleven twelve\n  thirteen\n" },
		{ "From", "J\xC3\xBCrgen Gro\xC3\x9F <j@example.org>",
		    "From: =?utf-8?q?J=C3=BCrgen_Gro=C3=9F?= "
		    "<j@example.org>\n" },
		{ "To", "\"Gro\xC3\x9F, J.\" <j@example.org>, b@example.org "
		    "(\xC3\xBC)", "To: =?utf-8?q?Gro=C3=9F=2C_J=2E?= "
		    "<j@example.org>, b@example.org\n (=?utf-8?q?=C3=BC?=)\n" },
		{ "To", "\"a, b\" <a@example.org>",
		    "To: \"a, b\" <a@example.org>\n" },
		{ "To", "j\xC3\xBCrgen@example.org",
		    "! an address holds no letters beyond ASCII" },
		{ "To", "\"a <a@b>", "! what it opens is not closed" },
		{ "Message-ID", "<\xC3\xBC@b>",
		    "! this field holds no letters beyond ASCII" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(written(*state, cases[i].name,
		    cases[i].text), cases[i].want);
}

/* Whatever is written is read as what it was, and in lines that are short. */
static void test_both_ways(void **state)
{
	static const char *const bits[] = { "a", " ", "\xC3\xBC", "  ", "=?",
	    "?=", "=?utf-8?q?x?=", "\xE2\x82\xAC\xE2\x82\xAC", ",", "word",
	    "\"", "(", "\xF0\x9F\x98\x80" };
	uint32_t seed = 1;

	for (int round = 0; round < 3000; round++) {
		struct arena *a = arena_new();
		struct str text = STR_EMPTY, rest, line, back;
		const char *out;

		for (int i = 0; i < round % 120; i++) {
			seed = seed * 1664525 + 1013904223;
			text = arena_printf(a, "%.*s%s", STR_ARG(text),
			    bits[(seed >> 16) % COUNT(bits)]);
		}
		text = field_clean(a, text);
		out = written(a, "Subject", arena_z(a, text));
		back = field_text(a, STR_LIT("Subject"), str_sub(str_of(out),
		    8, strlen(out) - 9));
		if (!str_eq(back, text))
			fail_msg("%.*s | %s", STR_ARG(text), out);
		rest = str_of(out);
		while (str_cut(&rest, '\n', &line))
			if (memmem(line.p, line.n, "=?utf-8?", 8) &&
			    !str_starts(line, STR_LIT("  ")))
				assert_in_range(line.n, 0, 76);
		arena_free(&a);
	}
	(void)state;
}

static void test_read(void **state)
{
	static const struct { const char *name, *raw, *want; } cases[] = {
		{ "Subject", " =?utf-8?q?=C3=BC?=\r\n x", "\xC3\xBC x" },
		{ "From", " =?utf-8?q?Doe=2C_J?= <j@example.org>",
		    "\"Doe, J\" <j@example.org>" },
		{ "From", " =?utf-8?q?J=C3=BC?= =?utf-8?q?rgen?= <j@b>",
		    "J\xC3\xBCrgen <j@b>" },
		{ "From", " \"=?utf-8?q?J=22=C3=BC?=\" <j@b>",
		    "\"J\\\"\xC3\xBC\" <j@b>" },
		{ "From", " J\xFCrgen <j@b>", "J\xC3\xBCrgen <j@b>" },
		{ "To", " undisclosed-recipients:;",
		    "undisclosed-recipients:;" },
		{ "Message-ID", " <=?utf-8?q?x?=@b>", "<=?utf-8?q?x?=@b>" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(arena_z(*state, field_text(*state,
		    str_of(cases[i].name), str_of(cases[i].raw))),
		    cases[i].want);
}

static void test_next_address(void **state)
{
	struct str text = STR_LIT("a@b, \"x, y\" <c@d> ,, g: e@f (,); h@i");
	static const char *const want[] = { "a@b", "\"x, y\" <c@d>",
	    "e@f (,)", "h@i" };
	struct str item;
	size_t at = 0, n = 0;

	(void)state;
	while (field_next_address(text, &at, &item)) {
		assert_true(n < COUNT(want));
		assert_true(str_eq_z(item, want[n++]));
	}
	assert_int_equal(n, COUNT(want));
}

/* ---------------------------------------------------------------- edits */

#define MESSAGE	"From x@y Sat Nov 28\r\nReceived: by a;\r\n\tdate\r\n" \
	"no field\r\nSubject : =?utf-8?q?=C3=BC?= one\r\n" \
	"X-A:first\r\nTo: a@b\r\nx-a:  second\r\n\r\nbody\r\n"

static const char *edited(struct arena *a, const struct header_edit *edit,
    const char *message)
{
	struct rewrite step = { .kind = REWRITE_HEADER, .edit = edit };
	struct str header, all = str_of(message);
	struct err e = { 0 };
	size_t body;

	if (!rules_rewrite_header(&step, a, all, &header, &body, &e))
		return arena_z(a, arena_printf(a, "! %s", e.msg));
	return arena_z(a, arena_printf(a, "%.*s%.*s", STR_ARG(header),
	    STR_ARG(str_sub(all, body, all.n))));
}

/* What the edit leaves is OLD with its only WAS replaced by IS; to do it
 * again changes nothing. */
static void becomes(struct arena *a, struct header_edit edit,
    const char *message, const char *was, const char *is)
{
	const char *at = strstr(message, was), *got;
	struct str want;

	assert_non_null(at);
	want = arena_printf(a, "%.*s%s%s", (int)(at - message), message, is,
	    at + strlen(was));
	got = edited(a, &edit, message);
	assert_string_equal(got, arena_z(a, want));
	assert_string_equal(edited(a, &edit, got), got);
}

static void test_set(void **state)
{
	struct header_edit e = { .kind = EDIT_SET, .field = STR_LIT("X-a"),
	    .text = STR_LIT("third") };

	becomes(*state, e, MESSAGE, "X-A:first\r\nTo: a@b\r\nx-a:  second\r\n",
	    "X-A: third\r\nTo: a@b\r\n");
	/* what is so already is left alone, the other goes */
	e.text = STR_LIT("first");
	becomes(*state, e, MESSAGE, "x-a:  second\r\n", "");
	e.field = STR_LIT("subject");
	e.text = STR_LIT("\xC3\xBC one");
	becomes(*state, e, MESSAGE, "body", "body");
	e.text = STR_LIT("two");
	becomes(*state, e, MESSAGE, "Subject : =?utf-8?q?=C3=BC?= one",
	    "Subject: two");
	e.field = STR_LIT("X-New");
	becomes(*state, e, MESSAGE, "Received", "X-New: two\r\nReceived");
	becomes(*state, e, "a: b", "a: b", "X-New: two\r\na: b");
	becomes(*state, e, "a: b\n\nbody\n", "a: b", "X-New: two\na: b");
	becomes(*state, e, "\nbody\n", "\nbody", "X-New: two\n\nbody");
	becomes(*state, e, "no header", "no header",
	    "no header\r\nX-New: two\r\n");
}

static void test_add(void **state)
{
	struct header_edit e = { .kind = EDIT_ADD, .field = STR_LIT("X-A"),
	    .text = STR_LIT("third") };

	becomes(*state, e, MESSAGE, "Received", "X-A: third\r\nReceived");
	e.last = true;
	becomes(*state, e, MESSAGE, "second\r\n", "second\r\nX-A: third\r\n");
	becomes(*state, e, "a: b", "b", "b\r\nX-A: third\r\n");
	e.text = STR_LIT("second");
	becomes(*state, e, MESSAGE, "body", "body");
}

/* A line that is no field may hold anything. */
static void test_nul(void **state)
{
	struct header_edit e = { .kind = EDIT_ADD, .field = STR_LIT("X"),
	    .text = STR_LIT("y"), .last = true };
	struct rewrite step = { .kind = REWRITE_HEADER, .edit = &e };
	struct str header = STR_EMPTY;
	struct err error = { 0 };
	size_t body;

	assert_true(rules_rewrite_header(&step, *state, STR_LIT("A: b\na\0b"),
	    &header, &body, &error));
	assert_true(str_eq(header, STR_LIT("A: b\na\0b\nX: y\n")));
}

static void test_remove(void **state)
{
	struct header_edit e = { .kind = EDIT_REMOVE,
	    .field = STR_LIT("x-A") };
	struct str out;

	becomes(*state, e, MESSAGE, "X-A:first\r\nTo: a@b\r\nx-a:  second\r\n",
	    "To: a@b\r\n");
	e.field = STR_LIT("received");
	becomes(*state, e, MESSAGE, "Received: by a;\r\n\tdate\r\n", "");
	e.field = STR_LIT("X-A");
	e.index = 2;
	out = str_of(edited(*state, &e, MESSAGE));
	assert_null(strstr(out.p, "second"));
	assert_non_null(strstr(out.p, "first"));
	e.last = true;
	out = str_of(edited(*state, &e, MESSAGE));
	assert_null(strstr(out.p, "first"));
	e.index = 3;
	assert_string_equal(edited(*state, &e, MESSAGE), MESSAGE);
	/* the empty line stays one */
	e.index = 0;
	becomes(*state, e, "A: b\rX-A: c\n\nbody\n", "X-A: c\n", "\n");
}

static void test_fix(void **state)
{
	struct header_edit e = { .kind = EDIT_FIX, .received = 1767225600,
	    .fixes = FIX_DUPLICATES };
	struct str id;

	becomes(*state, e, "From: a@b\nfrom: c@d\nSubject: x\n\n",
	    "from: c@d\n", "");
	e.fixes = FIX_ENCODING;
	becomes(*state, e, "Subject: \xC3\xBC\nX: \xFC\nContent-Type: a; "
	    "name=\xFC\nTo: \xFC <a@b>\nCc: \xFC@b\n\n\xFC",
	    "\xC3\xBC\nX: \xFC\nContent-Type: a; name=\xFC\nTo: \xFC",
	    "=?utf-8?q?=C3=BC?=\nX: =?utf-8?q?=C3=BC?=\nContent-Type: a; "
	    "name=\xFC\nTo: =?utf-8?q?=C3=BC?=");
	e.fixes = FIX_FROM;
	becomes(*state, e, "Sender: X <s@b>\n\n", "S",
	    "From: X <s@b>\nS");
	becomes(*state, e, "Return-Path: <r@b>\n\n", "R",
	    "From: r@b\nR");
	becomes(*state, e, "Return-Path: <>\nFrom:\n\n", "From:",
	    "From: unknown@missing.invalid");
	e.fixes = FIX_DATE;
	becomes(*state, e, "A: b\n\n", "A",
	    "Date: Thu, 1 Jan 2026 00:00:00 +0000\nA");
	becomes(*state, e, "Date: soon\n\n", "soon",
	    "Thu, 1 Jan 2026 00:00:00 +0000");
	becomes(*state, e, "Date: Thu, 1 Jan 26 00:00:00 EST\n\n", "26", "26");
	e.received = TIME_NONE;
	assert_string_equal(edited(*state, &e, "A: b\n\n"),
	    "! when it arrived is not known");
	e.fixes = FIX_REFERENCES;
	becomes(*state, e, "In-Reply-To: your mail <a@b> <c@d>\n\n", "I",
	    "References: <a@b> <c@d>\nI");
	becomes(*state, e, "References: <e@f>\nIn-Reply-To: <a@b>\n\n", "f",
	    "f");
	e.fixes = FIX_MESSAGE_ID;
	becomes(*state, e, "Message-ID: <a@b>\n\n", "a", "a");
	becomes(*state, e, "Message-ID: a@b\n\n", "a@b", "<a@b>");
	id = str_of(edited(*state, &e, "A: b\n\nbody\n"));
	assert_true(str_starts(id, STR_LIT("Message-ID: <")));
	assert_int_equal(id.n, strlen("Message-ID: <@missing.invalid>\n"
	    "A: b\n\nbody\n") + 40);
	/* the same over any transport, another for another message */
	assert_true(str_starts(str_of(edited(*state, &e,
	    "A: b\r\n\r\nbody\r\n")), str_sub(id, 0, 60)));
	assert_false(str_starts(str_of(edited(*state, &e,
	    "A: b\n\nother\n")), str_sub(id, 0, 60)));
}

static void test_limits(void **state)
{
	struct header_edit e = { .kind = EDIT_SET, .field = STR_LIT("To"),
	    .text = STR_LIT("a@b") };
	struct buf b;

	buf_init(&b, 3 * REWRITE_HEADER_MAX);
	while (b.n <= REWRITE_HEADER_MAX)
		buf_add_z(&b, "X: y\n");
	assert_string_equal(edited(*state, &e, buf_z(&b)),
	    "! its header is longer than is rewritten");
	buf_free(&b);
	e.text = arena_printf(*state, "%0999d@b", 1);
	assert_string_equal(edited(*state, &e, "A: b\n\n"),
	    "! To: a line of it would be too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_both_ways, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_next_address, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_add, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nul, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remove, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_fix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
