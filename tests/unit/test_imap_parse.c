#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "imap_dump.h"

static struct arena *arena;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	err_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* ------------------------------------------------------- cut to pieces */

/* All replies in IN as text, or "ERROR" at the end; fed in pieces that end at
 * FIRST and then every STEP octets (0: in one). */
static const char *parse_cut(struct str in, size_t first, size_t step)
{
	struct arena *own = arena_new();
	struct imap_parse *p = imap_parse_make(own, NULL, 0);
	const struct imap_reply *r;
	const char *z;
	struct buf b;
	bool good = true;

	buf_init(&b, 1 << 20);
	err_clear(&err);
	for (size_t at = 0; good && at < in.n; ) {
		size_t n = at == 0 && first ? first : step ? step : in.n;
		struct str piece = str_sub(in, at, n);
		/* a copy of its own: ASan sees a look past the end */
		struct buf own_piece;
		struct str rest;

		at += piece.n;
		buf_init(&own_piece, piece.n);
		buf_add_str(&own_piece, piece);
		rest = buf_str(&own_piece);
		while (rest.n && good) {
			good = imap_parse_feed(p, &rest, &r, &err);
			if (good && r)
				imap_dump_reply(&b, r);
		}
		buf_free(&own_piece);
	}
	if (!good)
		buf_add_z(&b, "ERROR\n");
	else if (imap_parse_midway(p))
		buf_add_z(&b, "MIDWAY\n");
	z = arena_z(arena, buf_str(&b));
	buf_free(&b);
	arena_free(&own);
	return z;
}

static const char *parse(const char *text)
{
	return parse_cut(str_of(text), 0, 0);
}

static void check_every_cut(struct str in, const char *expect)
{
	for (size_t cut = 1; cut < in.n; cut++) {
		const char *got = parse_cut(in, cut, 0);

		if (strcmp(got, expect) != 0)
			fail_msg("cut at %zu of\n%.*s\ngave\n%s", cut,
			    STR_ARG(in), got);
	}
	assert_string_equal(parse_cut(in, 0, 1), expect);
	assert_string_equal(parse_cut(in, 0, 7), expect);
}

/* ------------------------------------------------------------ the table */

static const struct {
	const char *in, *out;
} table[] = {
	/* status and codes */
	{ "* OK ready\r\n", "* OK ready\n" },
	{ "* ok [alert] look\r\n", "* OK [ALERT] look\n" },
	{ "t1 OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
	    "t1 OK [CAPABILITY (IMAP4rev1|AUTH=PLAIN)] hi\n" },
	{ "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n",
	    "* PREAUTH [CAPABILITY (IMAP4rev1)] hi\n" },
	{ "* BYE\r\n", "* BYE \n" },
	{ "* BYE [UNAVAILABLE] later\r\n", "* BYE [UNAVAILABLE] later\n" },
	{ "* BAD what\r\n", "* BAD what\n" },
	{ "* OK [UIDVALIDITY 4294967295] x\r\n",
	    "* OK [UIDVALIDITY 4294967295] x\n" },
	{ "* OK [UIDNEXT 7]\r\n", "* OK [UIDNEXT 7] \n" },
	{ "* OK [HIGHESTMODSEQ 9223372036854775807] x\r\n",
	    "* OK [HIGHESTMODSEQ 9223372036854775807] x\n" },
	{ "* OK [NOMODSEQ] none\r\n", "* OK [NOMODSEQ] none\n" },
	{ "* OK [PERMANENTFLAGS (\\Seen \\* kw)] x\r\n",
	    "* OK [PERMANENTFLAGS S*(kw)] x\n" },
	/* a list in the list, seen in the wild */
	{ "* OK [PERMANENTFLAGS (\\Answered (\\Seen a) \\Draft \\*)] R\r\n",
	    "* OK [PERMANENTFLAGS AT*()] R\n" },
	{ "t OK [COPYUID 5 1:3 11,12:13] done\r\n",
	    "t OK [COPYUID 5 1>11 2>12 3>13] done\n" },
	/* Gmail: descending; the K-th is the K-th all the same */
	{ "t OK [COPYUID 5 9,7,8 30,20,10] done\r\n",
	    "t OK [COPYUID 5 9>30 7>20 8>10] done\n" },
	{ "t OK [COPYUID 5 4:2 7:9] done\r\n",
	    "t OK [COPYUID 5 2>7 3>8 4>9] done\n" },
	/* sets that do not fit together say nothing */
	{ "t OK [COPYUID 5 1:3 7:8] done\r\n", "t OK [COPYUID 5] done\n" },
	{ "t OK [COPYUID 5 1:4294967295 1:4294967295] done\r\n",
	    "t OK [COPYUID 5] done\n" },
	{ "t OK [APPENDUID 38505 3955] x\r\n",
	    "t OK [APPENDUID 38505 3955] x\n" },
	{ "t OK [MODIFIED 7,9:10] x\r\n", "t OK [MODIFIED 7,9:10] x\n" },
	{ "* OK [MAILBOXID (F2212ea87-6097)] x\r\n",
	    "* OK [MAILBOXID 'F2212ea87-6097'] x\n" },
	{ "t NO [OVERQUOTA] full\r\n", "t NO [OVERQUOTA] full\n" },
	{ "t NO [X-NEW with data] text\r\n", "t NO [? 'with data'] text\n" },
	{ "t NO [UIDVALIDITY x] text\r\n", "t NO [?] text\n" },
	/* no code at all */
	{ "t NO [half a code\r\n", "t NO [half a code\n" },
	{ "t OK text [x]\r\n", "t OK text [x]\n" },
	/* where Gmail and Exchange say that one is too fast */
	{ "t OK Success [THROTTLED]\r\n",
	    "t OK [THROTTLED] Success [THROTTLED]\n" },
	{ "t OK [COPYUID 5 1 2] (Success) [THROTTLED]\r\n",
	    "t OK [COPYUID 5 1>2] throttled (Success) [THROTTLED]\n" },
	{ "t OK [COPYUID 5 1 2] [THROTTLED] not at the end\r\n",
	    "t OK [COPYUID 5 1>2] [THROTTLED] not at the end\n" },
	{ "t NO [THROTTLED] wait\r\n", "t NO [THROTTLED] wait\n" },
	{ "t BAD Request is throttled. Suggested Backoff Time: 9\r\n",
	    "t BAD [THROTTLED] Request is throttled. Suggested Backoff "
	    "Time: 9\n" },
	/* "{3}" at the end of text for people is no literal */
	{ "* OK about {3}\r\n* 1 EXISTS\r\n", "* OK about {3}\nEXISTS 1\n" },
	{ "t NO about {3}\r\nt OK x\r\n", "t NO about {3}\nt OK x\n" },
	{ "+ go {3}\r\n+\r\n+ \r\n", "+ go {3}\n+ \n+ \n" },

	/* blanks and line ends as some servers write them */
	{ "*  2  EXISTS \r\n", "EXISTS 2\n" },
	{ "* 2 EXISTS\n* 0 RECENT\n", "EXISTS 2\nRECENT 0\n" },
	{ "\r\n* 2 EXISTS\r\n", "OTHER\nEXISTS 2\n" },
	{ "*\r\n", "OTHER\n" },
	{ "* 2\r\n", "OTHER\n" },
	{ "* XNEWS (a {3}\r\nb)c d)\r\n* 1 EXISTS\r\n",
	    "OTHER\nEXISTS 1\n" },
	{ "* 5 MESSAGES\r\n", "OTHER\n" },

	/* lists of words */
	{ "* CAPABILITY IMAP4rev1  LITERAL+ \r\n",
	    "CAPABILITY (IMAP4rev1|LITERAL+)\n" },
	{ "* CAPABILITY\r\n", "CAPABILITY ()\n" },
	{ "* ENABLED CONDSTORE QRESYNC\r\n", "ENABLED (CONDSTORE|QRESYNC)\n" },
	{ "* ENABLED\r\n", "ENABLED ()\n" },
	{ "* FLAGS (\\answered \\SEEN $Forwarded)\r\n",
	    "FLAGS SA($Forwarded)\n" },
	{ "* FLAGS ()\r\n", "FLAGS ()\n" },
	{ "* FLAGS NIL\r\n", "FLAGS ()\n" },
	{ "* FLAGS ( \\Seen  a]b \"q r\" NIL )\r\n", "FLAGS S(a]b|q r)\n" },

	/* LIST */
	{ "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n",
	    "LIST 4010 '/' <Sent>\n" },
	{ "* list (\\hasnochildren \\trash) \".\" \"INBOX.Trash\"\r\n",
	    "LIST 8010 '.' <INBOX.Trash>\n" },
	{ "* LIST () NIL INBOX\r\n", "LIST 0 '-' <INBOX>\n" },
	{ "* LIST (\\Noselect) \"\\\\\" \"\"\r\n", "LIST 1 '\\' <>\n" },
	{ "* LIST () \"/\" {5}\r\na\"b c\r\n", "LIST 0 '/' <a\"b c>\n" },
	{ "* LIST () \"/\" \"a \\\"b\\\\ c\"\r\n", "LIST 0 '/' <a \"b\\ c>\n" },
	{ "* LIST () \"/\" NIL\r\n", "LIST 0 '/' <NIL>\n" },
	{ "* LIST () \"/\" \"x\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
	    "LIST 0 '/' <x>\n" },
	{ "* XLIST (\\AllMail \\Inbox) \"/\" [Gmail]/x\r\n",
	    "LIST 20200 '/' <[Gmail]/x>\n" },
	{ "* LSUB () \".\" INBOX\r\n", "LSUB 0 '.' <INBOX>\n" },

	/* STATUS */
	{ "* STATUS INBOX (MESSAGES 3 UIDNEXT 9 X-OTHER (1 2) UNSEEN 1)\r\n",
	    "STATUS <INBOX> messages 3 uidnext 9 unseen 1\n" },
	{ "* STATUS \"a b\" (MAILBOXID (F1) HIGHESTMODSEQ 7 SIZE 99)\r\n",
	    "STATUS <a b> modseq 7 size 99 id F1\n" },
	/* Cyrus 3.6.1: what happened to lie in memory */
	{ "* STATUS x (MESSAGES 1 MAILBOXID (\xF2\x9B<U) SIZE 2)\r\n",
	    "STATUS <x> messages 1 size 2\n" },
	{ "* STATUS x ()\r\n", "STATUS <x>\n" },
	{ "* STATUS x (UIDNEXT -1 MESSAGES 4294967296 UNSEEN 1 )\r\n",
	    "STATUS <x> unseen 1\n" },

	/* SEARCH */
	{ "* SEARCH\r\n", "SEARCH  uid \n" },
	{ "* SEARCH 2 3 6\r\n", "SEARCH  uid 2:3,6\n" },
	{ "* SEARCH 9 7 5 6\r\n", "SEARCH  uid 5:7,9\n" },
	{ "* SEARCH 2 3 (MODSEQ 917) \r\n", "SEARCH  uid 2:3 modseq 917\n" },
	{ "* ESEARCH (TAG \"t3\") UID ALL 2,10:15\r\n",
	    "SEARCH t3 uid 2,10:15\n" },
	{ "* ESEARCH (TAG t3) UID\r\n", "SEARCH t3 uid \n" },
	{ "* ESEARCH UID COUNT 5 MIN 1 ALL 4:1 MODSEQ 8 PARTIAL (1:2 3)\r\n",
	    "SEARCH  uid 1:4 modseq 8\n" },
	{ "* ESEARCH (TAG \"a\") ALL 1:4294967295\r\n",
	    "SEARCH a 1:*\n" },

	/* numbers and sets */
	{ "* 4294967295 EXISTS\r\n", "EXISTS 4294967295\n" },
	{ "* 44 EXPUNGE\r\n", "EXPUNGE 44\n" },
	{ "* VANISHED (EARLIER) 41,43:116\r\n",
	    "VANISHED earlier 41,43:116\n" },
	{ "* VANISHED 405,407\r\n", "VANISHED 405,407\n" },

	/* others */
	{ "* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\n",
	    "NAMESPACE <INBOX.> '.'\n" },
	{ "* NAMESPACE ((\"\" \"/\")(\"#x\" NIL)) ((\"~\" \"/\")) NIL\r\n",
	    "NAMESPACE <> '/'\n" },
	{ "* NAMESPACE NIL NIL NIL\r\n", "NAMESPACE <> '-'\n" },
	{ "* ID NIL\r\n", "ID \n" },
	{ "* ID (\"vendor\" NIL \"version\" \"2\" \"NAME\" \"Cy\")\r\n",
	    "ID Cy 2\n" },

	/* FETCH */
	{ "* 1 FETCH (UID 7 FLAGS (\\Seen kw) RFC822.SIZE 12)\r\n",
	    "FETCH 1 uid 7 flags S(kw) size 12\n" },
	{ "* 1 fetch (uid 7 flags ())\r\n", "FETCH 1 uid 7 flags ()\n" },
	{ "* 2 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n",
	    "FETCH 2 date 837596665-420\n" },
	{ "* 2 FETCH (INTERNALDATE \" 1-jan-1970 00:00:00 +0000\")\r\n",
	    "FETCH 2 date 0+0\n" },
	{ "* 2 FETCH (INTERNALDATE \"1-Jan-1970 00:00:00 +0000\")\r\n",
	    "FETCH 2 date 0+0\n" },
	{ "* 2 FETCH (INTERNALDATE \"00-Foo-1970\" UID 1)\r\n",
	    "FETCH 2 uid 1\n" },
	{ "* 2 FETCH (INTERNALDATE NIL UID 1)\r\n", "FETCH 2 uid 1\n" },
	{ "* 2 FETCH (MODSEQ (9223372036854775807))\r\n",
	    "FETCH 2 modseq 9223372036854775807\n" },
	{ "* 2 FETCH (MODSEQ (0) RFC822.SIZE NIL UID 3)\r\n",
	    "FETCH 2 uid 3 modseq 0\n" },
	{ "* 3 FETCH (EMAILID (M6d99ac3275bb4e) THREADID NIL)\r\n",
	    "FETCH 3 emailid M6d99ac3275bb4e threadid \n" },
	{ "* 3 FETCH (EMAILID NIL THREADID (T1))\r\n",
	    "FETCH 3 threadid T1\n" },
	{ "* 4 FETCH (BODY[HEADER] {6}\r\na: b\r\n UID 3)\r\n",
	    "FETCH 4 uid 3 header <a: b\r\n>\n" },
	{ "* 4 FETCH (BODY[] {0}\r\n UID 3)\r\n", "FETCH 4 uid 3 whole <>\n" },
	{ "* 4 FETCH (BODY[] {5+}\r\n(\"\r\n) UID 3)\r\n",
	    "FETCH 4 uid 3 whole <(\"\r\n)>\n" },
	{ "* 4 FETCH (BODY[] ~{3}\r\na b UID 3)\r\n",
	    "FETCH 4 uid 3 whole <a b>\n" },
	{ "* 4 FETCH (BODY[] \"quo\\\"ted\" BODY[TEXT] NIL UID 3)\r\n",
	    "FETCH 4 uid 3 whole <quo\"ted> [TEXT] nil<>\n" },
	{ "* 4 FETCH (BODY[HEADER.FIELDS (FROM TO)] {2}\r\n\r\n UID 9)\r\n",
	    "FETCH 4 uid 9 fields <\r\n>\n" },
	{ "* 4 FETCH (body[header.fields (\"From\" {2}\r\nTo)] \"\")\r\n",
	    "FETCH 4 fields <>\n" },
	{ "* 4 FETCH (BODY[1.2.mime] \"x\" BODY[]<0> \"y\")\r\n",
	    "FETCH 4 [1.2.MIME] <x> [<0>] <y>\n" },
	{ "* 4 FETCH (RFC822.HEADER \"h\" RFC822.TEXT \"t\" RFC822 \"w\")\r\n",
	    "FETCH 4 header <h> text <t> whole <w>\n" },
	/* items nobody asked for, of any form */
	{ "* 5 FETCH (ENVELOPE (\"d\" NIL ((\"a)\" NIL \"b\" \"c\"))) "
	    "BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"a\" \"b\") NIL) "
	    "BODY (\"x\") PREVIEW NIL SAVEDATE \"z\" X-NEW ~{1}\r\n) UID 5)"
	    "\r\n", "FETCH 5 uid 5\n" },
	{ "* 5 FETCH (BINARY.SIZE[1] 5 BINARY[1] {1}\r\nx UID 5)\r\n",
	    "FETCH 5 uid 5\n" },
	{ "* 5 FETCH ( UID 5  FLAGS (\\Seen) )\r\n",
	    "FETCH 5 uid 5 flags S()\n" },
	/* Domino, Yandex, Zoho */
	{ "* 2 FETCH (UID 1 (ENVELOPE (NIL NIL)) FLAGS ())\r\n",
	    "FETCH 2 uid 1 flags ()\n" },
	{ "* 2 FETCH (UID 3 BODY[1.MIME] \"x\" BODY[1] )\r\n",
	    "FETCH 2 uid 3 [1.MIME] <x> [1] nil<>\n" },
	{ "* 2 FETCH (MODSEQ (-1) FLAGS () UID 336)\r\n",
	    "FETCH 2 uid 336 flags ()\n" },
	{ "* 2 FETCH (MODSEQ (18446744073709551616) UID 3)\r\n",
	    "FETCH 2 uid 3\n" },
	/* Gmail */
	{ "* 1 FETCH (X-GM-THRID 18446744073709551615 X-GM-MSGID 12 "
	    "X-GM-LABELS (\\Inbox \"Muy Importante\" &ANw-x) UID 3)\r\n",
	    "FETCH 1 uid 3 msgid 12 thrid 18446744073709551615 "
	    "labels (\\Inbox|Muy Importante|&ANw-x)\n" },
	{ "* 1 FETCH (X-GM-LABELS (\"\\\\Important\" [Mailbox] +x NIL "
	    "{4}\r\na\"b) \"()\") UID 3)\r\n",
	    "FETCH 1 uid 3 labels (\\Important|[Mailbox]|+x|a\"b)|())\n" },
	{ "* 1 FETCH (X-GM-LABELS () UID 3)\r\n", "FETCH 1 uid 3 labels ()\n" },
	{ "* 1 FETCH (X-GM-LABELS NIL UID 3)\r\n",
	    "FETCH 1 uid 3 labels ()\n" },
	{ "* 1 FETCH (X-GM-LABELS (\"x UID 7\") UID 3)\r\n",
	    "FETCH 1 uid 3 labels (x UID 7)\n" },
	/* a quote that Gmail forgot to escape: not known, the rest is */
	{ "* 1 FETCH (X-GM-LABELS (Broken \")\"\"\") UID 3)\r\n",
	    "FETCH 1 uid 3\n" },
	/* not the end yet */
	{ "* 1 FETCH (UID 3", "MIDWAY\n" },
	{ "* 1 FETCH (BODY[] {10}\r\nabc", "MIDWAY\n" },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const char *got = parse(table[i].in);

		if (strcmp(got, table[i].out) != 0)
			fail_msg("%s\ngave\n%s%s\ninstead of\n%s", table[i].in,
			    got, err.msg, table[i].out);
	}
}

static void test_cuts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		check_every_cut(str_of(table[i].in), table[i].out);
}

/* A NUL and octets above 127 go through, in literals and elsewhere. */
static void test_any_octet(void **state)
{
	struct buf b;
	const char *got;

	(void)state;
	buf_init(&b, 10000);
	buf_add_z(&b, "* 1 FETCH (UID 1 BODY[] {256}\r\n");
	for (int c = 0; c < 256; c++)
		buf_add_char(&b, (char)c);
	buf_add_z(&b, " BODY[1] \"");
	for (int c = 0; c < 256; c++)
		if (!strchr("\r\n\"\\", c) || c == 0)
			buf_add_char(&b, (char)c);
	buf_add_z(&b, "\")\r\n* 2 EXISTS\r\n");
	got = parse_cut(buf_str(&b), 0, 0);
	assert_non_null(strstr(got, "FETCH 1 uid 1 whole <"));
	got = parse_cut(buf_str(&b), 0, 3);
	assert_null(strstr(got, "ERROR"));
	buf_free(&b);
}

/* ------------------------------------------------------------- hostile */

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"nonsense\r\n", "t1 MAYBE x\r\n", "t1\r\n", "t1 PREAUTH x\r\n",
		"HTTP/1.1 400 Bad Request\r\n",
		"* 1 FETCH\r\n", "* 1 FETCH UID 3\r\n", "* 1 FETCH (UID 3\r\n",
		"* 1 FETCH (UID)\r\n", "* 1 FETCH (UID 0)\r\n",
		"* 1 FETCH (UID x)\r\n", "* 1 FETCH (UID 4294967296)\r\n",
		"* 1 FETCH (FLAGS (\\Seen)\r\n",
		"* 1 FETCH (FLAGS x)\r\n",
		"* 1 FETCH (BODY[] (x))\r\n", "* 1 FETCH (BODY[]\r\n",
		"* 1 FETCH (BODY[ x)\r\n", "* 1 FETCH ((UID 1)\r\n",
		"* 1 FETCH (BODY[] \"no end)\r\n",
		"* 1 FETCH (X-GM-LABELS x)\r\n",
		"* 1 FETCH (BODYSTRUCTURE ((((\r\n",
		"* 0 FETCH (UID 1)\r\n", "* 0 EXPUNGE\r\n",
		"* 4294967296 EXISTS\r\n",
		"* 99999999999999999999999 EXISTS\r\n",
		"* LIST\r\n", "* LIST ()\r\n", "* LIST () \"/\"\r\n",
		"* LIST (\\Noselect \"/\" x\r\n",
		"* STATUS\r\n", "* STATUS x\r\n", "* STATUS x (MESSAGES\r\n",
		"* SEARCH 1 2 x\r\n", "* SEARCH 4294967296\r\n",
		"* SEARCH 1 (MODSEQ x)\r\n", "* SEARCH 1 (MODSEQ 1\r\n",
		"* ESEARCH (TAG\r\n", "* ESEARCH UID ALL x\r\n",
		"* ESEARCH UID ALL 1:\r\n", "* ESEARCH UID ALL 0\r\n",
		"* VANISHED\r\n", "* VANISHED 1,,2\r\n",
		/* literals that cannot be */
		"* 1 FETCH (BODY[] {4294967295}\r\n",
		"* 1 FETCH (BODY[] {2147483648}\r\n",
		"* 1 FETCH (BODY[] {99999999999999}\r\n",
		"* 1 FETCH (BODY[] {99999999999999999999999999}\r\n",
		/* above what is kept in memory, and no other place given */
		"* 1 FETCH (BODY[] {8388609}\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *got = parse(bad[i]);

		if (strcmp(got, "ERROR\n") != 0)
			fail_msg("%s\ngave\n%s", bad[i], got);
		assert_int_equal(err.kind, ERR_PROTO);
		assert_true(strlen(err.msg) > 20);
		check_every_cut(str_of(bad[i]), "ERROR\n");
	}
}

/* The message shows what was got, cut and without controls. */
static void test_error_text(void **state)
{
	struct buf b;

	(void)state;
	parse("x \x1B[31mred\x07\r\n");
	assert_non_null(strstr(err.msg, "\\x1B[31mred\\x07"));
	buf_init(&b, 100000);
	while (b.n < 90000)
		buf_add_z(&b, "garbage ");
	buf_add_z(&b, "\r\n");
	parse_cut(buf_str(&b), 0, 0);
	assert_in_range(strlen(err.msg), 100, 500);
	buf_free(&b);
}

static void test_dead_stays_dead(void **state)
{
	struct imap_parse *p = imap_parse_make(arena, NULL, 0);
	struct str in = STR_LIT("what\r\n* 1 EXISTS\r\n");
	const struct imap_reply *r;

	(void)state;
	assert_false(imap_parse_feed(p, &in, &r, &err));
	err_clear(&err);
	in = STR_LIT("* 1 EXISTS\r\n");
	assert_false(imap_parse_feed(p, &in, &r, &err));
	assert_int_equal(err.kind, ERR_PROTO);
}

static void repeat(struct buf *b, const char *z, size_t n)
{
	while (n--)
		buf_add_z(b, z);
}

static void test_depth(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int over = 0; over < 2; over++) {
		size_t n = IMAP_DEPTH_MAX + (size_t)over;

		buf_clear(&b);
		buf_add_z(&b, "* 1 FETCH (BODYSTRUCTURE ");
		repeat(&b, "(", n);
		buf_add_char(&b, 'x');
		repeat(&b, ")", n);
		buf_add_z(&b, " UID 3)\r\n");
		assert_string_equal(parse_cut(buf_str(&b), 0, 0),
		    over ? "ERROR\n" : "FETCH 1 uid 3\n");
	}
	buf_free(&b);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Everything that could be long is: none of it costs more than in
 * proportion (a quadratic one would take minutes). */
static void test_long_ones(void **state)
{
	static const struct {
		const char *head, *each, *tail, *out;
		size_t n;
	} v[] = {
		{ "* FLAGS (", "a ", ")\r\n", "FLAGS ", 100000 },
		{ "* FLAGS (", "a ", ")\r\n", "ERROR", 100001 },
		{ "* CAPABILITY", " A", "\r\n", "CAPABILITY", 100000 },
		{ "* CAPABILITY", " A", "\r\n", "ERROR", 100001 },
		{ "* 1 FETCH (X-GM-LABELS (", "\"a\" ", ") UID 1)\r\n",
		    "FETCH", 100000 },
		{ "* 1 FETCH (", "X \"\\\\\" ", "UID 1)\r\n", "FETCH 1 uid 1",
		    90000 },
		{ "* 1 FETCH (", "BODY[1] \"\" ", "UID 1)\r\n", "ERROR",
		    90000 },
		{ "* 1 FETCH (BODYSTRUCTURE (", "() ", ") UID 1)\r\n",
		    "FETCH 1 uid 1", 3000000 },
		{ "* 1 FETCH (UID 1 X \"", "\\\"", "\")\r\n", "FETCH 1 uid 1",
		    4000000 },
		{ "* 1 FETCH (UID 1 BODY[", "\"\"", "] \"\")\r\n",
		    "FETCH 1 uid 1 whole <>", 1000000 },
		{ "* 1 FETCH (X ", "{0}\r\n", "UID 1)\r\n", "ERROR", 10001 },
		{ "* OK ", "[", "]\r\n", "* OK ", 4000000 },
		{ "* OK [", "\"", "]\r\n", "* OK ", 4000000 },
		{ "* SEARCH ", " ", "\r\n", "SEARCH", 4000000 },
		{ "* SEARCH", " 1", "\r\n", "SEARCH  uid 1", 4000000 },
		{ "", "\r\n", "* 1 EXISTS\r\n", "OTHER", 100000 },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 64 << 20);
	for (size_t i = 0; i < COUNT(v); i++) {
		double before = seconds();
		const char *got;

		buf_clear(&b);
		buf_add_z(&b, v[i].head);
		repeat(&b, v[i].each, v[i].n);
		buf_add_z(&b, v[i].tail);
		got = parse_cut(buf_str(&b), 0, 0);
		if (strncmp(got, v[i].out, strlen(v[i].out)) != 0)
			fail_msg("%s%s... gave %.200s %s", v[i].head,
			    v[i].each, got, err.msg);
		if (seconds() - before > 20)
			fail_msg("%s%s... took %g s", v[i].head, v[i].each,
			    seconds() - before);
	}
	buf_free(&b);
}

/* Numbers in the worst order for a sorted set. */
static void test_descending_search(void **state)
{
	double before = seconds();
	struct buf b;

	(void)state;
	buf_init(&b, 64 << 20);
	buf_add_z(&b, "* SEARCH");
	for (uint32_t uid = 1000000; uid; uid -= 2)
		buf_printf(&b, " %u", uid);
	buf_add_z(&b, "\r\n* ESEARCH UID ALL 2000000");
	for (uint32_t uid = 1000000; uid; uid -= 2)
		buf_printf(&b, ",%u", uid);
	buf_add_z(&b, "\r\n");
	assert_null(strstr(parse_cut(buf_str(&b), 0, 0), "ERROR"));
	assert_true(seconds() - before < 20);
	buf_free(&b);
}

static void test_line_limit(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 32 << 20);
	buf_add_z(&b, "* OK ");
	while (b.n < IMAP_LINE_MAX)
		buf_add_z(&b, "xxxxxxxxxxxxxxxx");
	/* without its end: refused as soon as it is too long */
	assert_string_equal(parse_cut(buf_str(&b), 0, 0), "ERROR\n");
	assert_non_null(strstr(err.msg, "too long"));
	buf_free(&b);
}

/* ----------------------------------------------------- large literals */

static char *placed;
static size_t placed_n, released;

static char *place(void *arg, size_t n, struct err *e)
{
	(void)e;
	assert_ptr_equal(arg, &placed);
	assert_null(placed);
	placed = test_malloc(n);
	placed_n = n;
	return placed;
}

static void release(void *arg, char *p, size_t n)
{
	assert_ptr_equal(arg, &placed);
	assert_ptr_equal(p, placed);
	assert_int_equal(n, placed_n);
	test_free(p);
	placed = NULL;
	released++;
}

static const struct imap_place elsewhere = { place, release, &placed };

/* A literal above IMAP_MEMORY_MAX goes where it is told, and leaves when the
 * next reply begins; ROOM lets it be received there. */
static void test_large_literal(void **state)
{
	size_t big = IMAP_MEMORY_MAX + 5;
	struct imap_parse *p = imap_parse_make(arena, &elsewhere, 0);
	const struct imap_reply *r;
	struct str in = arena_printf(arena, "* 1 FETCH (BODY[] {%zu}\r\n",
	    big);
	size_t n;
	char *room;

	(void)state;
	released = 0;
	assert_null(imap_parse_room(p, &n));
	assert_true(imap_parse_feed(p, &in, &r, &err));
	assert_null(r);
	room = imap_parse_room(p, &n);
	assert_ptr_equal(room, placed);
	assert_int_equal(n, big);
	memset(room, 'a', 100);
	imap_parse_placed(p, 100);
	in = STR_LIT("bb");
	assert_true(imap_parse_feed(p, &in, &r, &err));
	room = imap_parse_room(p, &n);
	assert_int_equal(n, big - 102);
	memset(room, 'c', n);
	imap_parse_placed(p, n);
	assert_null(imap_parse_room(p, &n));
	in = STR_LIT(" UID 5)\r\n");
	assert_true(imap_parse_feed(p, &in, &r, &err));
	assert_int_equal(r->fetched.uid, 5);
	assert_ptr_equal(r->fetched.whole.p, placed);
	assert_int_equal(r->fetched.whole.n, big);
	assert_memory_equal(r->fetched.whole.p + 98, "aabbcc", 6);
	assert_int_equal(released, 0);
	in = STR_LIT("* 1 EXISTS\r\n");
	assert_true(imap_parse_feed(p, &in, &r, &err));
	assert_int_equal(released, 1);
}

/* A kept reply outlives the next ones, wherever its parts lie. */
static void test_keep(void **state)
{
	struct imap_parse *p = imap_parse_make(arena, &elsewhere, 0);
	struct str in = STR_LIT("* 1 FETCH (BODY[] {3}\r\nabc X-GM-LABELS "
	    "(\"a\\\"b\"))\r\n* 2 FETCH (UID 2 FLAGS (x))\r\n* 3 EXISTS\r\n"
	    "* 4 EXISTS\r\n");
	const struct imap_reply *r, *kept;

	(void)state;
	assert_true(imap_parse_feed(p, &in, &kept, &err));
	imap_parse_keep(p);
	assert_true(imap_parse_feed(p, &in, &r, &err));
	assert_int_equal(r->fetched.uid, 2);
	assert_true(imap_parse_feed(p, &in, &r, &err));
	assert_int_equal(r->number, 3);
	assert_true(str_eq_z(kept->fetched.whole, "abc"));
	assert_true(str_eq_z(kept->fetched.gm_labels[0], "a\"b"));
	imap_parse_let_go(p);
	assert_true(imap_parse_feed(p, &in, &r, &err));
	assert_int_equal(r->number, 4);
}

static void test_literal_max(void **state)
{
	struct imap_parse *p = imap_parse_make(arena, &elsewhere, 10);
	struct str in = STR_LIT("* 1 FETCH (BODY[] {11}\r\n");
	const struct imap_reply *r;

	(void)state;
	assert_false(imap_parse_feed(p, &in, &r, &err));
	assert_non_null(strstr(err.msg, "too large"));
}

static void test_dates(void **state)
{
	static const char *const bad[] = {
		"", "1", "17-Jul-1996", "17-Jul-1996 02:44:25",
		"17-Jux-1996 02:44:25 -0700", "32-Jul-1996 02:44:25 -0700",
		"0-Jul-1996 02:44:25 -0700", "17-Jul-96 02:44:25 -0700",
		"17-Jul-1996 25:44:25 -0700", "17-Jul-1996 02:60:25 -0700",
		"17-Jul-1996 02:44:61 -0700", "17-Jul-1996 02:44:25 0700",
		"17-Jul-1996 02:44:25 -07", "17/Jul/1996 02:44:25 -0700",
	};
	int64_t t;
	int zone;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (imap_parse_date(str_of(bad[i]), &t, &zone))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_true(imap_parse_date(STR_LIT("31-Dec-9999 23:59:60 +1400"), &t,
	    &zone));
	assert_int_equal(zone, 840);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_table), T(test_cuts), T(test_any_octet),
		T(test_refused), T(test_error_text), T(test_dead_stays_dead),
		T(test_depth), T(test_long_ones), T(test_descending_search),
		T(test_line_limit), T(test_large_literal), T(test_keep),
		T(test_literal_max), T(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
