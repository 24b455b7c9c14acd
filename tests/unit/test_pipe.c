/* Programs that print a message anew: what is taken, and what is not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/transform.h"
#include "rules/rewrite.h"

#define MESSAGE	"From: alice@example.org\nSubject: a\n\nHello.\n"

/* What SCRIPT makes of the message; "! KIND sentence" if nothing. */
static const char *piped(struct arena *a, const char *script, size_t max,
    unsigned seconds)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const struct rewrite step = { .kind = REWRITE_PIPE, .argv = argv,
	    .seconds = seconds };
	const struct facts facts = { .account = STR_LIT("home"),
	    .mailbox = STR_LIT("INBOX"), .uid = 7 };
	struct program_message m = { &facts, mail_make(a, STR_LIT(MESSAGE),
	    MAIL_WHOLE, NULL, 0), STR_LIT(MESSAGE) };
	struct err e = { 0 };
	struct buf out;
	const char *z;

	buf_init(&out, max);
	if (pipe_message(&step, &m, &out, &e))
		z = arena_z(a, buf_str(&out));
	else
		z = arena_z(a, arena_printf(a, "! %s%s", e.kind == ERR_TEMP ?
		    "later: " : "", e.msg));
	buf_free(&out);
	return z;
}

static void test_taken(void **state)
{
	assert_string_equal(piped(*state, "sed s/a$/b/", 1000, 10),
	    "From: alice@example.org\nSubject: b\n\nHello.\n");
	/* a header alone is a message */
	assert_string_equal(piped(*state, "echo A: $TAMIS_MAILBOX", 1000,
	    10), "A: INBOX\n");
	assert_string_equal(piped(*state, "cat; echo more", 1000, 10),
	    MESSAGE "more\n");
}

static void test_refused(void **state)
{
	static const struct { const char *script, *want; } cases[] = {
		{ "cat; exit 1", "! the program /bin/sh exited with status "
		    "1" },
		{ "exit 75", "! later: the program /bin/sh exited with "
		    "status 75" },
		{ "true", "! the program /bin/sh printed nothing" },
		{ "echo", "! the program /bin/sh printed no header" },
		{ "echo; cat", "! the program /bin/sh printed no header" },
		{ "printf 'A: b\\0\\n\\n'", "! the program /bin/sh printed a "
		    "NUL" },
		{ "echo usage; cat", "! the program /bin/sh printed no "
		    "message: a line of the header is no field" },
		{ "kill -9 $$", "! the program /bin/sh was ended by signal "
		    "9" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(piped(*state, cases[i].script, 1000, 10),
		    cases[i].want);
}

static void test_limits(void **state)
{
	const char *got = piped(*state, "cat; cat /dev/zero", 1000, 10);

	assert_non_null(strstr(got, "! the program /bin/sh printed too much"));
	got = piped(*state, "cat; sleep 60", 1000, 1);
	assert_non_null(strstr(got, "! later: the program /bin/sh took "
	    "more than 1 s"));
}

/* One step after the other; and all of them or none. */
static void test_chain(void **state)
{
	const char *const sed[] = { "/bin/sh", "-c", "sed s/Hello/Bye/",
	    NULL };
	const char *const fails[] = { "/bin/false", NULL };
	const struct header_edit one = { .kind = EDIT_SET,
	    .field = STR_LIT("Subject"), .text = STR_LIT("Hello") };
	const struct header_edit two = { .kind = EDIT_ADD, .last = true,
	    .field = STR_LIT("X"), .text = STR_LIT("Hello") };
	struct rewrite steps[] = {
		{ .kind = REWRITE_HEADER, .edit = &one },
		{ .kind = REWRITE_PIPE, .argv = sed, .seconds = 10 },
		{ .kind = REWRITE_HEADER, .edit = &two },
		{ .kind = REWRITE_PIPE, .argv = fails, .seconds = 10 },
	};
	const struct facts facts = { .account = STR_LIT("home") };
	struct transform t = { .limit = 1000 };
	struct str header = STR_EMPTY, body = STR_EMPTY;
	struct err e = { 0 };

	assert_true(transform_message(&t, *state, steps, 3, &facts,
	    STR_LIT(MESSAGE), &header, &body, &e));
	assert_string_equal(arena_z(*state, transform_joined(*state, header,
	    body)), "From: alice@example.org\nSubject: Bye\nX: Hello\n\n"
	    "Bye.\n");
	assert_false(transform_message(&t, *state, steps, 4, &facts,
	    STR_LIT(MESSAGE), &header, &body, &e));
	assert_int_equal(e.kind, ERR_MESSAGE);
	e = (struct err){ 0 };
	steps[1].kind = REWRITE_DECRYPT;
	assert_false(transform_message(&t, *state, steps, 3, &facts,
	    STR_LIT(MESSAGE), &header, &body, &e));
	assert_string_equal(e.msg, "the account has nothing to decrypt with");
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_chain, set_up,
		    tear_down),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
