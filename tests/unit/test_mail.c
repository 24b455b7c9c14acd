/* Header index, unfolding, identifiers, addresses, dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/mail.h"

#define assert_str(s, z) \
	do { \
		struct str got_ = (s); \
		if (!str_eq_z(got_, (z))) \
			fail_msg("got \"%.*s\", want \"%s\"", \
			    STR_ARG(got_), (z)); \
	} while (0)

#define SECONDS	60	/* a test that takes longer hangs */

static int start(void **state)
{
	alarm(SECONDS);
	*state = arena_new();
	return 0;
}

static int stop(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	alarm(0);
	return 0;
}

static struct mail *whole(struct arena *a, struct str bytes)
{
	return mail_make(a, bytes, MAIL_WHOLE, NULL, 0);
}

/* ---------------------------------------------------------------- header */

static void test_line_ends(void **state)
{
	static const struct str forms[] = {
		STR_LIT("A: 1\r\nB: 2\r\n\r\nbody\r\n"),
		STR_LIT("A: 1\nB: 2\n\nbody\n"),
		STR_LIT("A: 1\rB: 2\r\rbody\r"),
		STR_LIT("A: 1\nB: 2\r\n\nbody\n"),
		STR_LIT("A: 1\r\nB: 2\n\r\nbody\r\n"),
		STR_LIT("From alice@example.org Thu Jan  1 00:00:00 1970\n"
		    "A: 1\nB: 2\n\nbody\n"),
		STR_LIT(">From alice@example.org Thu Jan  1 00:00:00 1970\n"
		    "A: 1\nB: 2\n\nbody\n"),
		STR_LIT("A: 1\nno colon here\n and more: x\nB: 2\n\nbody"),
		STR_LIT(" folded from nothing: x\nA: 1\nB: 2\n\nbody"),
		STR_LIT("A: 1\n: empty name\nB: 2\n\nbody"),
		STR_LIT("A: 1\nB\xC3\xB6: x\nB: 2\n\nbody"),
		STR_LIT("A : 1\nb\t: 2\n\nbody"),
	};

	for (size_t i = 0; i < COUNT(forms); i++) {
		struct mail *m = whole(*state, forms[i]);
		size_t at = mail_body_offset(forms[i]);

		assert_int_equal(mail_field_count(m, STR_LIT("a")), 1);
		assert_str(mail_field_text(m, STR_LIT("A"), 0), "1");
		assert_str(mail_field_text(m, STR_LIT("B"), 0), "2");
		assert_true(str_starts(str_sub(forms[i], at, SIZE_MAX),
		    STR_LIT("body")));
	}
}

static void test_no_header_end(void **state)
{
	static const struct str forms[] = {
		STR_LIT("A: 1\nB: 2\n"), STR_LIT("A: 1\nB: 2"),
		STR_LIT("A: 1\r\nB: 2\r"),
	};
	struct mail *m;

	for (size_t i = 0; i < COUNT(forms); i++) {
		m = whole(*state, forms[i]);
		assert_str(mail_field_text(m, STR_LIT("b"), 0), "2");
		assert_int_equal(mail_body_offset(forms[i]), forms[i].n);
	}
	m = whole(*state, STR_EMPTY);
	assert_int_equal(mail_field_count(m, STR_LIT("A")), 0);
	assert_int_equal(mail_field_count(m, STR_EMPTY), 0);
	m = whole(*state, STR_LIT("\n\nA: 1\n"));
	assert_int_equal(mail_field_count(m, STR_LIT("A")), 0);
	assert_int_equal(mail_body_offset(STR_LIT("\r\nA: 1\n")), 2);
}

static void test_occurrences(void **state)
{
	struct mail *m = whole(*state, STR_LIT("Received: one\n"
	    "X-A: x\nreceived: two\nRECEIVED: three\nReceivee: no\n"
	    "Subject:\nDeceived: no\n\n"));

	assert_int_equal(mail_field_count(m, STR_LIT("Received")), 3);
	assert_str(mail_field_text(m, STR_LIT("Received"), 0), "one");
	assert_str(mail_field_text(m, STR_LIT("rECEIVED"), 2), "three");
	assert_str(mail_field_text(m, STR_LIT("Received"), 3), "");
	assert_str(mail_field_raw(m, STR_LIT("Received"), 1), " two");
	assert_int_equal(mail_field_count(m, STR_LIT("Subject")), 1);
	assert_str(mail_field_text(m, STR_LIT("Subject"), 0), "");
	assert_int_equal(mail_field_count(m, STR_LIT("X-Missing")), 0);
	assert_str(mail_field_raw(m, STR_LIT("X-Missing"), 0), "");
	/* asked again, the same bytes */
	assert_ptr_equal(mail_field_text(m, STR_LIT("Received"), 0).p,
	    mail_field_text(m, STR_LIT("received"), 0).p);
}

static void test_unfolding(void **state)
{
	static const struct {
		struct str header;
		const char *text;
	} rows[] = {
		{ STR_LIT("S: a\r\n b\r\n\r\n"), "a b" },
		{ STR_LIT("S: a\r\n\tb\r\n\r\n"), "a b" },
		{ STR_LIT("S: a\n  b\n\n"), "a  b" },
		{ STR_LIT("S: a \r b\r\r"), "a  b" },
		{ STR_LIT("S:\r\n a\r\n\r\n"), "a" },
		{ STR_LIT("S: a\tb \t\n\n"), "a\tb" },
		{ STR_LIT("S: a\n \n b\n\n"), "a  b" },
		{ STR_LIT("S: a\0b\n\n"), "a\xEF\xBF\xBD" "b" },
		{ STR_LIT("S: M\xC3\xBCnchen\n\n"), "M\xC3\xBCnchen" },
		{ STR_LIT("S: M\xFCnchen \x80\n\n"),
		    "M\xC3\xBCnchen \xE2\x82\xAC" },
		{ STR_LIT("S: =?utf-8?q?a=20b?=\r\n =?utf-8?q?c?=\r\n\r\n"),
		    "a bc" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mail *m = whole(*state, rows[i].header);

		assert_str(mail_field_text(m, STR_LIT("S"), 0), rows[i].text);
	}
}

static void test_knows(void **state)
{
	static const struct str only[] = { STR_LIT("From"), STR_LIT("To") };
	struct str bytes = STR_LIT("From: alice@example.org\r\n\r\n");
	struct mail *m = mail_make(*state, bytes, MAIL_FIELDS, only, 2);

	assert_true(mail_knows_field(m, STR_LIT("from")));
	assert_true(mail_knows_field(m, STR_LIT("To")));
	assert_false(mail_knows_field(m, STR_LIT("Subject")));
	assert_false(mail_knows_body(m));
	m = mail_make(*state, bytes, MAIL_HEADER, NULL, 0);
	assert_true(mail_knows_field(m, STR_LIT("Subject")));
	assert_false(mail_knows_body(m));
	assert_true(mail_knows_body(whole(*state, bytes)));
}

/* N octets of PIECE again and again behind HEAD. */
static struct str repeated(struct arena *a, const char *head,
    const char *piece, size_t times)
{
	size_t n_head = strlen(head), n = strlen(piece);
	char *p = arena_alloc(a, n_head + n * times + 1);

	memcpy(p, head, n_head);
	for (size_t i = 0; i < times; i++)
		memcpy(p + n_head + i * n, piece, n);
	return (struct str){ p, n_head + n * times };
}

static void test_limits(void **state)
{
	struct mail *m;

	/* a million fields: some are kept, and nobody pretends to know */
	m = whole(*state, repeated(*state, "X: first\n", "Y: z\n", 1000000));
	assert_str(mail_field_text(m, STR_LIT("X"), 0), "first");
	assert_int_equal(mail_field_count(m, STR_LIT("Y")),
	    MAIL_FIELDS_MAX - 1);
	assert_false(mail_knows_field(m, STR_LIT("Z")));
	for (size_t k = 0; k < MAIL_FIELDS_MAX; k++)
		mail_field_text(m, STR_LIT("Y"), k);
	/* a header beyond the limit, in one line and in many */
	m = whole(*state, repeated(*state, "X: ", "aaaaaaaaaaaaaaa\n ",
	    MAIL_HEADER_MAX / 16));
	assert_false(mail_knows_field(m, STR_LIT("X")));
	assert_true(mail_field_text(m, STR_LIT("X"), 0).n <= MAIL_VALUE_MAX);
	/* a value beyond the limit leaves the others alone */
	m = whole(*state, repeated(*state, "Y: z\nX: ", "aaaaaaaaaaaaaaa\n ",
	    MAIL_VALUE_MAX / 15));
	assert_true(mail_knows_field(m, STR_LIT("Y")));
	assert_false(mail_knows_field(m, STR_LIT("X")));
	m = whole(*state, repeated(*state, "X: 1", "\r", 10));
	assert_str(mail_field_text(m, STR_LIT("X"), 0), "1");
	m = whole(*state, repeated(*state, "X: 1\r", "junk\r",
	    MAIL_HEADER_MAX / 4));
	assert_str(mail_field_text(m, STR_LIT("X"), 0), "1");
	assert_false(mail_knows_field(m, STR_LIT("X")));
	/* values that cost the most to read */
	m = whole(*state, repeated(*state, "From: ", "(((\"<=?a?q?,",
	    80000));
	assert_true(mail_addresses(m, STR_LIT("From"),
	    &(const struct address *){ NULL }) <= MAIL_ADDRESSES_MAX);
	m = whole(*state, repeated(*state, "From: a@b ", "x:\\\"@[", 150000));
	mail_addresses(m, STR_LIT("From"), &(const struct address *){ NULL });
	m = whole(*state, repeated(*state, "To: ", "a@b,", 9000));
	assert_true(mail_knows_field(m, STR_LIT("To")));
	m = whole(*state, repeated(*state, "To: ", "a@b,", 250000));
	assert_false(mail_knows_field(m, STR_LIT("To")));
	assert_int_equal(mail_addresses(m, STR_LIT("To"),
	    &(const struct address *){ NULL }), MAIL_ADDRESSES_MAX);
	m = whole(*state, repeated(*state, "S: ", "=?a?q?=?utf-8?b?", 60000));
	mail_field_text(m, STR_LIT("S"), 0);
	m = whole(*state, repeated(*state, "Date: ", "((1 ", 250000));
	assert_true(mail_sent(m) == TIME_NONE);
}

/* ----------------------------------------------------------- identifiers */

static void test_identifiers(void **state)
{
	static const struct {
		struct str header;
		const char *id;
	} ids[] = {
		{ STR_LIT("Message-ID: <1@example.org>\n\n"), "1@example.org" },
		{ STR_LIT("Message-Id:\n <1@example.org> (x)\n\n"),
		    "1@example.org" },
		{ STR_LIT("MESSAGE-ID: 1@example.org \n\n"), "1@example.org" },
		{ STR_LIT("Message-ID: < 1@example.org >\n\n"),
		    "1@example.org" },
		{ STR_LIT("Message-ID: <<1@example.org>>\n\n"),
		    "1@example.org" },
		{ STR_LIT("Message-ID: <1@example.org\n\n"), "<1@example.org" },
		{ STR_LIT("Subject: x\n\n"), "" },
	}, lists[] = {
		{ STR_LIT("List-Id: <a.lists.example.org>\n\n"),
		    "a.lists.example.org" },
		{ STR_LIT("List-ID: The <b> list <a.example.org>\n\n"),
		    "a.example.org" },
		{ STR_LIT("List-Id: a.example.org\n\n"), "a.example.org" },
	};
	struct str *got;

	for (size_t i = 0; i < COUNT(ids); i++)
		assert_str(mail_message_id(whole(*state, ids[i].header)),
		    ids[i].id);
	for (size_t i = 0; i < COUNT(lists); i++)
		assert_str(mail_list_id(whole(*state, lists[i].header)),
		    lists[i].id);
	assert_int_equal(mail_ids(*state,
	    STR_LIT("<1@a> (x)<2@a>,\t<> <3@a"), &got), 2);
	assert_str(got[0], "1@a");
	assert_str(got[1], "2@a");
	assert_int_equal(mail_ids(*state, STR_LIT("Your mail of today"),
	    &got), 0);
	assert_int_equal(mail_ids(*state, STR_LIT("1@a, 2@b"), &got), 2);
	assert_str(got[1], "2@b");
}

/* ------------------------------------------------------------- addresses */

/* Each list: "name|address" joined by " / ". */
static const struct {
	const char *text, *list;
} addresses[] = {
	{ "alice@example.org", "|alice@example.org" },
	{ "<alice@example.org>", "|alice@example.org" },
	{ "Alice <alice@example.org>", "Alice|alice@example.org" },
	{ "Alice A. <alice@EXAMPLE.org>", "Alice A.|alice@example.org" },
	{ "\"A, Alice\" <alice@example.org>, bob@example.org",
	    "A, Alice|alice@example.org / |bob@example.org" },
	{ "\"Al\\\"ice\\\\\" <alice@example.org>",
	    "Al\"ice\\|alice@example.org" },
	{ "alice@example.org (Alice)", "Alice|alice@example.org" },
	{ "alice@example.org (Alice (the \\) first))",
	    "Alice (the ) first)|alice@example.org" },
	{ "(x) alice (y) @ (z) example . org (Alice)",
	    "Alice|alice@example.org" },
	{ "<alice@example.org> (Alice)", "Alice|alice@example.org" },
	{ "Alice (work) <alice@example.org> (home)",
	    "Alice|alice@example.org" },
	{ "\"\" (Alice) <alice@example.org>", "Alice|alice@example.org" },
	{ "Alice(x)alice@example.org", "Alice|alice@example.org" },
	/* groups */
	{ "undisclosed-recipients:;", "" },
	{ "Friends: Alice <alice@example.org>, bob@example.org;, "
	    "carol@example.org",
	    "Alice|alice@example.org / |bob@example.org / "
	    "|carol@example.org" },
	{ "\"My, Friends\": alice@example.org;", "|alice@example.org" },
	{ "A:;,B:;, alice@example.org", "|alice@example.org" },
	/* obsolete */
	{ "Alice <@a.example,@b.example:alice@example.org>",
	    "Alice|alice@example.org" },
	{ ",, alice@example.org,,", "|alice@example.org" },
	{ "alice . a @ example.org", "|alice.a@example.org" },
	/* local parts */
	{ "\"alice\"@example.org", "|alice@example.org" },
	{ "\"al ice\"@example.org", "|\"al ice\"@example.org" },
	{ "\"a\\\"b@c\"@example.org", "|\"a\\\"b@c\"@example.org" },
	{ "\"alice..a.\"@example.org", "|alice..a.@example.org" },
	{ "alice..a.@example.org", "|alice..a.@example.org" },
	{ "alice+tag@example.org", "|alice+tag@example.org" },
	/* domains */
	{ "alice@[192.0.2.1]", "|alice@[192.0.2.1]" },
	{ "alice@[IPv6:2001:DB8::1], b@example.org",
	    "|alice@[ipv6:2001:db8::1] / |b@example.org" },
	{ "alice@example.org.", "|alice@example.org" },
	{ "alice@b\xC3\xBC" "cher.example", "|alice@xn--bcher-kva.example" },
	{ "alice@B\xC3\x9C" "cher.example", "|alice@xn--bcher-kva.example" },
	{ "alice@XN--BCHER-KVA.example", "|alice@xn--bcher-kva.example" },
	{ "alice@b\xFC" "cher.example", "|alice@xn--bcher-kva.example" },
	/* encoded words */
	{ "=?utf-8?q?Al=C3=AFce?= <alice@example.org>",
	    "Al\xC3\xAF" "ce|alice@example.org" },
	{ "\"=?utf-8?q?Al=C3=AFce?=\" <alice@example.org>",
	    "Al\xC3\xAF" "ce|alice@example.org" },
	{ "=?utf-8?q?A,_Alice?= <alice@example.org>",
	    "A, Alice|alice@example.org" },
	{ "=?utf-8?q?A=2C_Alice_=3Cx=40example=2Ecom=3E?= "
	    "<alice@example.org>",
	    "A, Alice <x@example.com>|alice@example.org" },
	{ "=?utf-8?q?<x@example.com>?=", "<x@example.com>|" },
	{ "alice@example.org (=?utf-8?q?Al=C3=AFce?=)",
	    "Al\xC3\xAF" "ce|alice@example.org" },
	{ "Al\xEF" "ce <alice@example.org>",
	    "Al\xC3\xAF" "ce|alice@example.org" },
	/* broken */
	{ "Alice <alice@example.org", "Alice|alice@example.org" },
	{ "Alice <alice@example.org, Bob <bob@example.org>",
	    "Alice|alice@example.org / Bob|bob@example.org" },
	{ "<alice@example.org, bob@example.org>",
	    "|alice@example.org / |bob@example.org" },
	{ "alice@example.org>", "|alice@example.org" },
	{ "Alice alice@example.org>", "Alice|alice@example.org" },
	{ "<<alice@example.org>>", "|alice@example.org" },
	{ "Alice \" <alice@example.org>", "Alice \"|alice@example.org" },
	{ "Alice (work <alice@example.org>",
	    "Alice (work|alice@example.org" },
	{ "alice@example.org <alice@example.org>",
	    "alice@example.org|alice@example.org" },
	{ "\"bob@example.com\" <alice@example.org>",
	    "bob@example.com|alice@example.org" },
	{ "alice@example.org; bob@example.org",
	    "|alice@example.org / |bob@example.org" },
	{ "Alice alice@example.org", "Alice|alice@example.org" },
	{ "Alice <alice@example.org> <bob@example.org>",
	    "Alice|alice@example.org / |bob@example.org" },
	{ "Alice <<alice@example.org>>, bob@example.net",
	    "Alice|alice@example.org / |bob@example.net" },
	{ "mailto:alice@example.org", "|alice@example.org" },
	{ "Alice <mailto:alice@example.org>", "Alice|alice@example.org" },
	{ "Alice <a:b@example.org>", "Alice|\"a:b\"@example.org" },
	{ "Doe, Alice <alice@example.org>", "Doe, Alice|alice@example.org" },
	{ "bob@example.org, van Doe, Alice <alice@example.org>",
	    "|bob@example.org / van Doe, Alice|alice@example.org" },
	{ "bob, carol, Alice <alice@example.org>",
	    "|bob / |carol / Alice|alice@example.org" },
	{ "bob, <alice@example.org>", "|bob / |alice@example.org" },
	{ "bob; Alice <alice@example.org>", "|bob / Alice|alice@example.org" },
	{ "bob, alice@example.org", "|bob / |alice@example.org" },
	/* no domain, no address */
	{ "alice", "|alice" },
	{ "root (Cron)", "Cron|root" },
	{ "Alice <alice>", "Alice|alice" },
	{ "Alice and Bob", "Alice and Bob|" },
	{ "\"Alice\"", "Alice|" },
	{ "Alice <>", "Alice <>|" },
	{ "alice@", "alice@|" },
	{ "@example.org", "@example.org|" },
	{ "alice@[[192.0.2.1]", "alice@[[192.0.2.1]|" },
	{ "alice@\"example.org\"", "|alice@example.org" },
	{ "alice@\"example\f.org\"", "alice@\"example\f.org\"|" },
	{ "Alice <alice@example org>", "Alice <alice@example org>|" },
	{ "Alice <no address here>", "Alice <no address here>|" },
	{ "<>", "" },
	{ "", "" },
	{ " \t ", "" },
	{ "(only a comment)", "(only a comment)|" },
};

static struct str list_text(struct arena *a, const struct address *list,
    size_t n)
{
	struct str text = STR_EMPTY;

	for (size_t i = 0; i < n; i++)
		text = arena_printf(a, "%.*s%s%.*s|%.*s", STR_ARG(text),
		    i ? " / " : "", STR_ARG(list[i].name),
		    STR_ARG(list[i].address));
	return text;
}

static void test_addresses(void **state)
{
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct address *list;
		size_t n = addresses_read(*state, str_of(addresses[i].text),
		    &list);

		assert_str(list_text(*state, list, n), addresses[i].list);
	}
}

static void test_address_parts(void **state)
{
	struct mail *m = whole(*state, STR_LIT("To: Alice\r\n"
	    " <\"al ice\"@Sub.EXAMPLE.org>,\r\n\tbob@example.org\r\n"
	    "to: carol@example.org\r\n\r\n"));
	const struct address *list, *again;

	assert_int_equal(mail_addresses(m, STR_LIT("TO"), &list), 3);
	assert_str(list[0].name, "Alice");
	assert_str(list[0].local, "al ice");
	assert_str(list[0].domain, "sub.example.org");
	assert_str(list[0].address, "\"al ice\"@sub.example.org");
	assert_str(list[2].address, "carol@example.org");
	mail_addresses(m, STR_LIT("To"), &again);
	assert_ptr_equal(list, again);
	assert_int_equal(mail_addresses(m, STR_LIT("Cc"), &list), 0);
	assert_str(address_domain(*state, STR_LIT("B\xC3\xBC" "cher.Example.")),
	    "xn--bcher-kva.example");
	/* a full stop of another script is a dot by IDNA */
	assert_str(address_domain(*state, STR_LIT("b\xC3\xBC" "cher.example"
	    "\xE3\x80\x82")), "xn--bcher-kva.example");
	assert_str(address_domain(*state, STR_LIT("Example.ORG")),
	    "example.org");
}

/* ----------------------------------------------------------------- dates */

#define NONE	INT64_MIN
#define NOON	INT64_C(1579089600)	/* 2020-01-15 12:00:00 UTC */
#define HOUR	3600

static const struct {
	const char *text;
	int64_t t;
	int east;
} dates[] = {
	{ "Wed, 15 Jan 2020 12:00:00 +0000", NOON, 0 },
	{ "15 Jan 2020 12:00:00 +0000", NOON, 0 },
	{ "Wed, 15 Jan 2020 12:00 +0000", NOON, 0 },
	{ "Wed,15 Jan 2020 13:30:00 +0130", NOON, 5400 },
	{ "Wed, 15 Jan 2020 02:00:00 -1000", NOON, -36000 },
	{ " Wed (x) , 15 (a (b)) Jan 2020 12 : 00 : 00 +0000 (UTC)", NOON, 0 },
	{ "wed, 15 JAN 20 12:00:00 GMT", NOON, 0 },
	{ "Wed, 15 Jan 120 12:00:00 UT", NOON, 0 },
	{ "Wed, 15 Jan 2020 07:00:00 EST", NOON, -5 * HOUR },
	{ "Wed, 15 Jan 2020 05:00:00 PDT", NOON, -7 * HOUR },
	/* RFC 5322 4.3: nobody can tell what these say */
	{ "Wed, 15 Jan 2020 12:00:00 A", NOON, 0 },
	{ "Wed, 15 Jan 2020 12:00:00 Z", NOON, 0 },
	{ "Wed, 15 Jan 2020 12:00:00 CET", NOON, 0 },
	{ "Wed, 15 Jan 2020 12:00:00", NOON, 0 },
	{ "Wed, 15 Jan 2020 12:00:00 -0000", NOON, 0 },
	{ "Mon, 1 Jan 70 00:00:00 +0000", 0, 0 },
	{ "Fri, 31 Dec 49 23:59:60 +0000", INT64_C(2524608000), 0 },
	{ "Sat, 29 Feb 2020 00:00:00 +0000", INT64_C(1582934400), 0 },
	{ "Tue, 29 Feb 2000 00:00:00 +0000", INT64_C(951782400), 0 },
	/* seen in the wild */
	{ "Wed Jan 15 12:00:00 2020", NOON, 0 },
	{ "Wed Jan 15 07:00:00 EST 2020", NOON, -5 * HOUR },
	{ "Wed Jan 15 13:00:00 2020 +0100", NOON, HOUR },
	{ "Wednesday, 15-Jan-20 12:00:00 GMT", NOON, 0 },
	{ "2020-01-15T12:00:00Z", NOON, 0 },
	{ "2020-01-15 14:00:00.123 +02:00", NOON, 2 * HOUR },
	{ "2020/01/15 12:00", NOON, 0 },
	{ "Wed, 15 Jan 2020 14:00:00 GMT+02:00", NOON, 2 * HOUR },
	{ "Wed, 15 Jan 2020 14:00:00 GMT+0200", NOON, 2 * HOUR },
	{ "Wed, 15 Jan 2020 14:00:00 +2", NOON, 2 * HOUR },
	{ "Wed, 15 January 2020 12:00:00 +0000", NOON, 0 },
	{ "Jan 15, 2020 12:00:00 UTC", NOON, 0 },
	{ "Wed, 15 Jan 2020 12.00.00 +0000", NOON, 0 },
	{ "15 Jan 2020", NOON - 12 * HOUR, 0 },
	/* no dates */
	{ "", NONE, 0 },
	{ "yesterday", NONE, 0 },
	{ "Wed, 32 Jan 2020 12:00:00 +0000", NONE, 0 },
	{ "Thu, 29 Feb 1900 12:00:00 +0000", NONE, 0 },
	{ "Fri, 29 Feb 2019 12:00:00 +0000", NONE, 0 },
	{ "Wed, 15 Jan 2020 24:00:00 +0000", NONE, 0 },
	{ "Wed, 15 Jan 2020 12:60:00 +0000", NONE, 0 },
	{ "Wed, 15 Jan 2020 12:00:61 +0000", NONE, 0 },
	{ "Wed, 15 Jan 2020 12:00:00 +0160", NONE, 0 },
	{ "Wed, 15 Jan 2020 12:00:00 +99999", NONE, 0 },
	{ "0001-01-01 00:00:00 +0000", NONE, 0 },
	{ "Wed, 0 Jan 2020 12:00:00 +0000", NONE, 0 },
	{ "Wed, 15 Jan 20200 12:00:00 +0000", NONE, 0 },
	{ "Wed, 15 Foo 2020 12:00:00 +0000", NONE, 0 },
	{ "99999999999999999999 Jan 2020 12:00:00", NONE, 0 },
	{ "Wed, 15 Jan 2020 12:", NONE, 0 },
	{ "((((", NONE, 0 },
};

static void test_dates(void **state)
{
	struct mail *m;

	for (size_t i = 0; i < COUNT(dates); i++) {
		int east = 7;
		int64_t t = date_read_zone(str_of(dates[i].text), &east);

		if (t != dates[i].t || east != dates[i].east)
			fail_msg("\"%s\" gave %lld east %d", dates[i].text,
			    (long long)t, east);
		assert_true(date_read(str_of(dates[i].text)) == t);
	}
	m = whole(*state, STR_LIT("Date: Wed, 15 Jan 2020\n"
	    "\t13:00:00 +0100\nDate: yesterday\n\n"));
	assert_true(mail_sent(m) == NOON);
	assert_int_equal(mail_sent_zone(m), HOUR);
	m = whole(*state, STR_LIT("Subject: x\n\n"));
	assert_true(mail_sent(m) == TIME_NONE);
	assert_int_equal(mail_sent_zone(m), 0);
}

int main(void)
{
#define test(f)	cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		test(test_line_ends),
		test(test_no_header_end),
		test(test_occurrences),
		test(test_unfolding),
		test(test_knows),
		test(test_limits),
		test(test_identifiers),
		test(test_addresses),
		test(test_address_parts),
		test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
