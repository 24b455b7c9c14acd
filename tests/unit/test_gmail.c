#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/gmail.h"

#define S(z)	{ z, sizeof(z) - 1 }

static struct str joined(struct arena *a, const struct str *list, size_t n)
{
	struct str all = STR_EMPTY;

	for (size_t i = 0; i < n; i++)
		all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all),
		    i ? " " : "", STR_ARG(list[i]));
	return all;
}

static void test_facts(void **state)
{
	static const struct {
		struct str mailbox, special, wire[5];
		const char *labels, *flags;
		bool inbox;
	} rows[] = {
		{ S("INBOX"), S(""), { S("work") }, "work", "\\Seen", true },
		{ S("INBOX"), S(""), { S("\\Inbox"), S("\\Important") }, "",
		    "\\Seen $Important", true },
		{ S("a/b"), S(""), { S("\\Starred"), S("c") }, "c a/b",
		    "\\Seen \\Flagged", false },
		{ S("a/b"), S(""), { S("a/b"), S("\\Inbox") }, "a/b",
		    "\\Seen", true },
		{ S("[Gmail]/Starred"), S("\\Flagged"), { S("") }, "",
		    "\\Seen \\Flagged", false },
		{ S("[Gmail]/Sent"), S("\\Sent"), { S("x") }, "x \\Sent",
		    "\\Seen", false },
		{ S("[Gmail]/All"), S("\\All"), { S("\\Muted") }, "\\Muted",
		    "\\Seen", false },
	};
	struct arena *a = arena_new();
	struct str seen = S("\\Seen");

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct facts f = { .mailbox = rows[i].mailbox,
		    .flags = &seen, .n_flags = 1 };

		gmail_facts(a, rows[i].special, rows[i].wire,
		    COUNT(rows[i].wire), &f);
		assert_string_equal(arena_z(a, joined(a, f.labels,
		    f.n_labels)), rows[i].labels);
		assert_string_equal(arena_z(a, joined(a, f.flags,
		    f.n_flags)), rows[i].flags);
		assert_int_equal(f.in_inbox, rows[i].inbox);
		assert_true(f.inbox_is_label);
	}
	arena_free(&a);
}

static const struct place_names places = {
	.mailbox = { [USE_TRASH] = S("G/Trash"), [USE_JUNK] = S("G/Spam"),
	    [USE_ALL] = S("G/All"), [USE_SENT] = S("G/Sent") },
	.gmail = true,
};

static void test_places(void **state)
{
	static const struct {
		struct str mailbox;	/* where it is */
		bool inbox;
		struct want_place place;
		const char *labels;	/* "+x -y" */
		enum place_kind left;
		const char *why;	/* refused */
	} rows[] = {
		{ S("INBOX"), true, { PLACE_SPECIAL, S("\\Archive"), 0 },
		    "-\\Inbox", PLACE_STAY, NULL },
		{ S("INBOX"), true, { PLACE_MAILBOX, S("G/All"), 0 },
		    "-\\Inbox", PLACE_STAY, NULL },
		{ S("INBOX"), true, { PLACE_MAILBOX, S("x"), 0 },
		    "-\\Inbox +x", PLACE_STAY, NULL },
		{ S("x"), false, { PLACE_MAILBOX, S("y"), 0 },
		    "-x +y", PLACE_STAY, NULL },
		{ S("G/All"), false, { PLACE_MAILBOX, S("y"), 0 },
		    "+y", PLACE_STAY, NULL },
		{ S("x"), false, { PLACE_MAILBOX, S("INBOX"), 0 },
		    "+\\Inbox", PLACE_STAY, NULL },
		{ S("INBOX"), true, { PLACE_SPECIAL, S("\\Trash"), 0 },
		    "", PLACE_SPECIAL, NULL },
		{ S("INBOX"), true, { PLACE_MAILBOX, S("G/Spam"), 0 },
		    "", PLACE_MAILBOX, NULL },
		{ S("G/Spam"), false, { PLACE_MAILBOX, S("INBOX"), 0 },
		    "", PLACE_MAILBOX, NULL },
		{ S("G/Trash"), false, { PLACE_SPECIAL, S("\\Archive"), 0 },
		    "", PLACE_MAILBOX, NULL },
		{ S("INBOX"), true, { PLACE_DELETE, S(""), 0 },
		    "", PLACE_DELETE, NULL },
		{ S("INBOX"), true, { PLACE_SPECIAL, S("\\Sent"), 0 },
		    "", PLACE_STAY, "Gmail" },
		{ S("INBOX"), true, { PLACE_SPECIAL, S("\\Drafts"), 0 },
		    "", PLACE_STAY, "Gmail" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct facts f = { .mailbox = rows[i].mailbox,
		    .in_inbox = rows[i].inbox, .inbox_is_label = true };
		struct wants w = { .place = rows[i].place }, out;
		struct str list[8];
		const struct want_place *refused;
		const char *why;

		gmail_wants(a, &w, &places, &f, &out, &refused, &why);
		assert_int_equal(refused != NULL, rows[i].why != NULL);
		if (refused)
			assert_non_null(strstr(why, rows[i].why));
		for (size_t k = 0; k < out.n_labels; k++)
			list[k] = arena_printf(a, "%c%.*s",
			    out.labels[k].add ? '+' : '-',
			    STR_ARG(out.labels[k].name));
		assert_string_equal(arena_z(a, joined(a, list,
		    out.n_labels)), rows[i].labels);
		assert_int_equal(out.place.kind, rows[i].left);
	}
	arena_free(&a);
}

/* A label that is wanted twice is wanted once: the last word. */
static void test_last_word(void **state)
{
	struct arena *a = arena_new();
	struct want labels[] = { { S("x"), false, 1 }, { S("y"), true, 2 } };
	struct want flags[] = { { S("$Important"), true, 3 },
	    { S("\\Flagged"), false, 4 }, { S("\\Seen"), true, 5 } };
	struct want_place copies[] = { { PLACE_MAILBOX, S("X"), 6 } };
	struct wants w = { .labels = labels, .n_labels = 2, .flags = flags,
	    .n_flags = 3, .copies = copies, .n_copies = 1 }, out;
	struct facts f = { .mailbox = S("INBOX"), .in_inbox = true };
	const struct want_place *refused;
	const char *why;

	(void)state;
	gmail_wants(a, &w, &places, &f, &out, &refused, &why);
	assert_null(refused);
	assert_int_equal(out.n_labels, 4);
	assert_true(out.labels[0].add);
	assert_int_equal(out.labels[0].rule, 6);
	assert_true(str_eq_z(out.labels[2].name, "\\Important"));
	assert_true(str_eq_z(out.labels[3].name, "\\Starred"));
	assert_int_equal(out.n_flags, 2);
	arena_free(&a);
}

static void test_identity(void **state)
{
	struct identity id = { 0 }, none = { 0 };

	(void)state;
	gmail_identity(18446744073709551615u, &id);
	assert_true(gmail_msgid(&id) == 18446744073709551615u);
	gmail_identity(1657324662912360303u, &id);
	assert_true(gmail_msgid(&id) == 1657324662912360303u);
	assert_true(gmail_msgid(&none) == 0);
}

static void test_seen(void **state)
{
	struct arena *a = arena_new();
	struct gmail_seen s = { 0 };

	(void)state;
	assert_false(gmail_seen_has(&s, 1));
	for (uint64_t i = 1; i <= 10000; i++)
		gmail_seen_add(&s, a, i << 20);
	gmail_seen_add(&s, a, 1 << 20);
	assert_int_equal(s.n, 10000);
	for (uint64_t i = 1; i <= 10000; i++) {
		assert_true(gmail_seen_has(&s, i << 20));
		assert_false(gmail_seen_has(&s, (i << 20) + 1));
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_last_word),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
