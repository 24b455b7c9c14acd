/* Encoded words, Content-* fields, MIME structure, body text, HTML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/charset.h"
#include "rules/content.h"
#include "rules/html.h"
#include "rules/mail.h"
#include "rules/mime.h"
#include "rules/words.h"

#define assert_str(s, z) \
	do { \
		struct str got_ = (s); \
		if (!str_eq_z(got_, (z))) \
			fail_msg("got \"%.*s\", want \"%s\"", \
			    STR_ARG(got_), (z)); \
	} while (0)

#define SECONDS	60	/* a test that takes longer hangs */

#define BAD	"\xEF\xBF\xBD"	/* U+FFFD */

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

/* ----------------------------------------------------------------- words */

static const struct {
	const char *written, *text;
} words[] = {
	{ "plain", "plain" },
	{ "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Gr\xC3\xBC\xC3\x9F" "e" },
	{ "=?UTF-8?b?R3LDvMOfZQ==?=", "Gr\xC3\xBC\xC3\x9F" "e" },
	{ "a =?utf-8?q?b?= c", "a b c" },
	{ "a=?utf-8?q?b?=c", "abc" },
	{ "=?iso-8859-1?q?=FC?= =?iso-8859-1?q?=DF?=", "\xC3\xBC\xC3\x9F" },
	{ "=?utf-8?q?a?= \t =?utf-8?q?b?=", "ab" },
	{ "=?utf-8?q?a?==?utf-8?q?b?=", "ab" },
	{ "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c" },
	{ "=?utf-8?q?a?= =?iso-8859-1?q?=FC?=", "a\xC3\xBC" },
	{ "=?utf-8?q?a_b=5Fc?=", "a b_c" },
	/* a character cut in two */
	{ "=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "\xC3\xBC" },
	{ "=?utf-8?b?ww==?= =?UTF-8?b?vA==?=", "\xC3\xBC" },
	{ "=?utf-8?q?=E2=82?= =?utf-8?b?rA==?=", "\xE2\x82\xAC" },
	{ "=?gb2312?B?xA?= =?gb2312?B?4w==?=", "\xE4\xBD\xA0" },
	/* wrong forms */
	{ "=?utf-8?Q?a b c?=", "a b c" },
	{ "=?utf-8?Q?what?now?=", "what?now" },
	{ "=?utf-8?B?R3LDvMOfZQ?=", "Gr\xC3\xBC\xC3\x9F" "e" },
	{ "=?utf-8?B?R3L DvM OfZQ=?=", "Gr\xC3\xBC\xC3\x9F" "e" },
	{ "=?utf-8*de?Q?=C3=BC?=", "\xC3\xBC" },
	{ "=?utf-8?Q?\?=", "" },
	{ "=?utf-8?Q?a=?=", "a=" },
	{ "=?utf-8?Q?a=4?=", "a=4" },
	{ "=?utf-8?Q?a=ZZ?=", "a=ZZ" },
	{ "\"=?utf-8?Q?=C3=BC?=\"", "\"\xC3\xBC\"" },
	{ "=?utf-8?Q?open =?utf-8?Q?b?=", "=?utf-8?Q?open b" },
	{ "=?utf-8?Q?open", "=?utf-8?Q?open" },
	{ "=?utf-8?X?a?=", "=?utf-8?X?a?=" },
	{ "=?utf-8??a?=", "=?utf-8??a?=" },
	{ "=??Q?=C3=BC?=", "\xC3\xBC" },
	{ "=?", "=?" }, { "=?=", "=?=" }, { "=?a?q?", "=?a?q?" },
	/* charsets */
	{ "=?x-nobody-knows?Q?=FC?=", "=?x-nobody-knows?Q?=FC?=" },
	{ "=?utf-8//IGNORE?Q?a?=", "=?utf-8//IGNORE?Q?a?=" },
	{ "=?x-nobody?Q?a?= =?x-nobody?Q?b?=",
	    "=?x-nobody?Q?a?= =?x-nobody?Q?b?=" },
	{ "=?us-ascii?Q?=FC?=", "\xC3\xBC" },
	{ "=?iso-8859-1?Q?=80?=", "\xE2\x82\xAC" },
	{ "=?iso-8859-15?Q?=A4?=", "\xE2\x82\xAC" },
	{ "=?koi8-r?B?8NLJ18XU?=",
	    "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82" },
	{ "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xE6\x97\xA5\xE6\x9C\xAC" },
	{ "=?shift_jis?B?h0A=?=", "\xE2\x91\xA0" },	/* of cp932 only */
	{ "=?ks_c_5601-1987?B?sKE=?=", "\xEA\xB0\x80" },
	{ "=?gb2312?B?gUA=?=", "\xE4\xB8\x82" },
	{ "=?utf-7?Q?+APw-?=", "\xC3\xBC" },
	{ "=?cp-850?Q?=81?=", "\xC3\xBC" },
	{ "=?windows-cp1250?Q?=B9?=", "\xC4\x85" },
	{ "=?ISO_8859_2?Q?=B1?=", "\xC4\x85" },
	{ "=?x-mac-ce?Q?=88?=", "\xC4\x85" },
	/* what is not text */
	{ "=?utf-8?Q?a=00b?=", "a" BAD "b" },
	{ "=?utf-8?Q?a=0D=0Ab?=", "a  b" },
	{ "=?utf-8?Q?a=FFb?=", "a" BAD "b" },
	{ "=?utf-8?Q?a=E2=82b?=", "a" BAD "b" },
	{ "=?utf-8?Q?=ED=A0=80?=", BAD BAD BAD },
	{ "=?shift_jis?Q?a=81?=", "a" BAD },
	/* raw 8-bit */
	{ "Gr\xC3\xBC\xC3\x9F" "e", "Gr\xC3\xBC\xC3\x9F" "e" },
	{ "Gr\xFC\xDF" "e", "Gr\xC3\xBC\xC3\x9F" "e" },
	{ "\xFC =?utf-8?q?=C3=BC?=", "\xC3\xBC \xC3\xBC" },
	{ "\x93quoted\x94", "\xE2\x80\x9Cquoted\xE2\x80\x9D" },
};

static void test_words(void **state)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		struct str got = words_decode(*state,
		    str_of(words[i].written));

		assert_str(got, words[i].text);
		assert_true(utf8_valid(got));
	}
	assert_int_equal(words_length(STR_LIT("x=?a?q?b?=c"), 1), 9);
	assert_int_equal(words_length(STR_LIT("x=?a?q?b?=c"), 0), 0);
	assert_int_equal(words_length(STR_LIT("=?a?q?b"), 0), 0);
	assert_true(words_are_plain(STR_LIT("a = b ?")));
	assert_false(words_are_plain(STR_LIT("a =? b")));
	assert_false(words_are_plain(STR_LIT("a\0b")));
	assert_str(charset_raw_text(*state, STR_LIT("a\0\xFC")),
	    "a" BAD "\xC3\xBC");
}

/* --------------------------------------------------------------- fields */

static void test_types(void **state)
{
	static const struct {
		const char *value, *type, *charset, *boundary, *name;
	} rows[] = {
		{ " text/plain; charset=utf-8", "text/plain", "utf-8", "", "" },
		{ "Text/HTML;\r\n\tCharset=\"utf-8\" (x)", "text/html",
		    "utf-8", "", "" },
		{ "multipart/mixed; boundary=\"a b=_\"", "multipart/mixed",
		    "", "a b=_", "" },
		{ "(c) text (c) / (c) plain", "", "", "", "" },
		{ "(c) text/plain (c); name=a.txt", "text/plain", "", "",
		    "a.txt" },
		{ "image/png; name*0=\"a \"; name*1=b.png", "image/png", "",
		    "", "a b.png" },
		{ "image/png; name*0*=utf-8''%C3; name*1*=%BC.png",
		    "image/png", "", "", "\xC3\xBC.png" },
		{ "image/png; name*1*=%BC.png; name*0*=utf-8''%C3",
		    "image/png", "", "", "\xC3\xBC.png" },
		{ "image/png; name*0=a; name*2=c; name*10=d", "image/png",
		    "", "", "acd" },
		{ "image/png; name*1=b; name*0=a; name*1=c; name*0=d",
		    "image/png", "", "", "ab" },
		{ "image/png; name=a; name=b", "image/png", "", "", "a" },
		{ "image/png; name=plain; name*=''%41", "image/png", "", "",
		    "plain" },
		{ "image/png; name*=gb2312''%81%40", "image/png", "", "",
		    "\xE4\xB8\x82" },
		{ "image/png; name*0=\"=?utf-8?q?=C3=\"; name*1=\"BC?=\"",
		    "image/png", "", "", "\xC3\xBC" },
		{ "image/png; name==?utf-8?q?a;b?=; x=y", "image/png", "", "",
		    "a;b" },
		{ "image/png; name=\"C:\\dir\\\\a\\\"b\" x; charset=c d",
		    "image/png", "c", "", "C:\\dir\\a\"b" },
		{ "image/png; name=\"never closed", "image/png", "", "",
		    "never closed" },
		{ "image/png; = ; x ; ;name=a", "image/png", "", "", "a" },
		{ "image/png; name=\"=?utf-8?Q?=C3=BC?=.png\"", "image/png",
		    "", "", "\xC3\xBC.png" },
		{ "image/png; name=\xFC.png", "image/png", "", "",
		    "\xC3\xBC.png" },
		{ "image/png; name=a b.png", "image/png", "", "", "a b.png" },
		{ "\"application/pdf\"; name=a.pdf", "application/pdf", "",
		    "", "a.pdf" },
		/* folded: the line end goes, however it is written */
		{ "image/png; name=\"a -\r\n b.png\"", "image/png", "", "",
		    "a - b.png" },
		{ "image/png; name=\"a -\n b.png\"", "image/png", "", "",
		    "a - b.png" },
		{ "image/png; name=\"a\r\n\tb.png\"", "image/png", "", "",
		    "a b.png" },
		/* a name has one line, and no blanks around it */
		{ "image/png; name*=utf-8''%20a%0A%0Db%20", "image/png", "", "",
		    "a  b" },
		{ "image/png; name=\"=?utf-8?q?_a_?=\"", "image/png", "", "",
		    "a" },
		/* RFC 2046 5.1.1: a boundary does not end in a blank */
		{ "multipart/mixed; boundary=\"x \t\"", "multipart/mixed", "",
		    "x", "" },
		{ "text", "", "", "", "" },
		{ "text/; charset=utf-8", "", "utf-8", "", "" },
		{ "", "", "", "", "" },
		{ ";;;", "", "", "", "" },
	};
	struct content_disposition d;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct content_type t;

		content_type_read(*state, str_of(rows[i].value), &t);
		assert_str(t.type, rows[i].type);
		assert_str(t.charset, rows[i].charset);
		assert_str(t.boundary, rows[i].boundary);
		assert_str(t.name, rows[i].name);
	}
	content_disposition_read(*state, STR_LIT(" Attachment; "
	    "filename*=iso-8859-1'de'%FC.txt"), &d);
	assert_str(d.kind, "attachment");
	assert_str(d.filename, "\xC3\xBC.txt");
	content_disposition_read(*state, STR_LIT("inline"), &d);
	assert_str(d.kind, "inline");
	assert_str(d.filename, "");
}

static void test_encodings(void **state)
{
	static const struct {
		const char *value;
		enum mime_encoding encoding;
	} rows[] = {
		{ " base64", MIME_BASE64 }, { "BASE64\r\n", MIME_BASE64 },
		{ "\r\n base64 (x)", MIME_BASE64 },
		{ "Quoted-Printable;", MIME_QUOTED_PRINTABLE },
		{ "x-uuencode", MIME_UUENCODE },
		{ "7bit", MIME_IDENTITY }, { "", MIME_IDENTITY },
		{ "base64x", MIME_IDENTITY },
	};
	static const struct {
		const char *raw;
		enum mime_encoding encoding;
		const char *text;
	} bodies[] = {
		{ "aGVs\r\nbG8=", MIME_BASE64, "hello" },
		{ "aGVsbG8", MIME_BASE64, "hello" },
		{ "aG*Vs bG8", MIME_BASE64, "hello" },
		{ "a=3Db=\r\nc=", MIME_QUOTED_PRINTABLE, "a=bc" },
		{ "a=  \r\nb=\t\nc= ", MIME_QUOTED_PRINTABLE, "abc" },
		{ "=4=\n=zz= x=4", MIME_QUOTED_PRINTABLE, "=4=zz= x=4" },
		{ "=e2=82=AC==3D", MIME_QUOTED_PRINTABLE,
		    "\xE2\x82\xAC==" },
		{ "begin 644 a\n%:&5L;&\\`\n`\nend\n", MIME_UUENCODE, "hello" },
		{ "=3D", MIME_IDENTITY, "=3D" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(content_encoding_read(str_of(rows[i].value)),
		    rows[i].encoding);
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct buf out;

		buf_init(&out, 100);
		assert_true(mime_decode_text(str_of(bodies[i].raw),
		    bodies[i].encoding, STR_EMPTY, &out));
		assert_str(buf_str(&out), bodies[i].text);
		assert_int_equal(mime_decoded_size(str_of(bodies[i].raw),
		    bodies[i].encoding), strlen(bodies[i].text));
		buf_free(&out);
	}
}

/* What does not fit is cut between characters, and that is said. */
static void test_decode_limit(void **state)
{
	static const struct {
		struct str raw;
		enum mime_encoding encoding;
		const char *charset, *text;
	} rows[] = {
		{ STR_LIT("abcdef"), MIME_IDENTITY, "", "abcd" },
		{ STR_LIT("abc\xC3\xBC"), MIME_IDENTITY, "utf-8", "abc" },
		{ STR_LIT("abc\xC3\xBC" "d"), MIME_IDENTITY, "", "abc" },
		{ STR_LIT("ab\xE2\x82\xAC"), MIME_IDENTITY, "", "ab" },
		{ STR_LIT("abc\xFC"), MIME_IDENTITY, "iso-8859-1", "abc" },
		{ STR_LIT("YWJjw7w="), MIME_BASE64, "utf-8", "abc" },
		{ STR_LIT("abc\xA4"), MIME_IDENTITY, "iso-8859-15", "abc" },
		{ STR_LIT("ab\x80\xFC\xFC"), MIME_IDENTITY, "iso-8859-1",
		    "ab" },
		{ STR_LIT("ab\xFF\xC3\xBC"), MIME_IDENTITY, "utf-8", "ab" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out;

		buf_init(&out, 4);
		assert_false(mime_decode_text(rows[i].raw, rows[i].encoding,
		    str_of(rows[i].charset), &out));
		assert_str(buf_str(&out), rows[i].text);
		buf_free(&out);
	}
}

/* ------------------------------------------------------------------ html */

static void test_html(void **state)
{
	static const struct {
		const char *source, *text;
	} rows[] = {
		{ "in<b>vo</b>ice", "invoice\n" },
		{ "<p>one</p><p>two</p>", "one\ntwo\n" },
		{ "one<br>two<BR/>\nthree", "one\ntwo\nthree\n" },
		{ "a<!-- b -- > c -->d", "ad\n" },
		{ "a<!-->b", "ab\n" }, { "a<!--->b", "ab\n" },
		{ "a<!-- never closed", "a\n" },
		{ "<style>p { a: b }</style>x<script>if (a<b) '</p>';"
		    "</SCRIPT >y", "xy\n" },
		{ "<script>never closed", "" },
		{ "<head><title>T</title></head><body>x", "x\n" },
		{ "<a href=\"http://example.org/?a>b\" title='c>d'>x</a>y",
		    "xy\n" },
		{ "<a b\"c>x</a>", "x\n" },
		{ "<a never closed", "" },
		{ "<a href=\"never closed>x", "" },
		{ "1 < 2 & 3 > 2 <3", "1 < 2 & 3 > 2 <3\n" },
		{ "<!DOCTYPE html><?xml x?>y", "y\n" },
		{ "a&nbsp;b\xC2\xA0 c&#160;d", "a b c d\n" },
		{ "&lt;b&gt; &amp;amp; &quot;&apos;&#39;&#x41;&#X42;",
		    "<b> &amp; \"''AB\n" },
		{ "&eacute;&euro;&hellip;&auml;",
		    "\xC3\xA9\xE2\x82\xAC\xE2\x80\xA6\xC3\xA4\n" },
		{ "&eacute &copy2 &hellip &nothing; &", "\xC3\xA9 &copy2 "
		    "&hellip &nothing; &\n" },
		{ "&#0;&#xD800;&#1114112;&#99999999999;&#128;&#;&#x;",
		    BAD BAD BAD BAD "\xE2\x82\xAC&#;&#x;\n" },
		{ "  a \r\n\t b  ", "a b\n" },
		{ "<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>d",
		    "a b\nc\nd\n" },
		{ "a<pre> x\ny </pre>b", "a\nx\ny\nb\n" },
		{ "", "" }, { "<", "<\n" }, { "</", "</\n" }, { "&", "&\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		html_text(str_of(rows[i].source), &out);
		assert_str(buf_str(&out), rows[i].text);
		buf_free(&out);
	}
}

/* ------------------------------------------------------------- messages */

/* The texts of a message, each in brackets. */
static struct str texts_of(struct arena *a, struct mail *m)
{
	const struct body_text *list;
	struct str all = STR_EMPTY;
	bool cut = true;
	size_t n = mail_body_texts(m, &list, &cut);

	assert_false(cut);
	for (size_t i = 0; i < n; i++) {
		assert_false(list[i].cut);
		assert_true(utf8_valid(list[i].text));
		all = arena_printf(a, "%.*s[%.*s]", STR_ARG(all),
		    STR_ARG(list[i].text));
	}
	return all;
}

/* "type:size:name" joined by " / ". */
static struct str attachments_of(struct arena *a, struct mail *m)
{
	const struct attachment *list;
	struct str all = STR_EMPTY;
	bool cut = true;
	size_t n = mail_attachments(m, &list, &cut);

	assert_false(cut);
	for (size_t i = 0; i < n; i++)
		all = arena_printf(a, "%.*s%s%.*s:%llu:%.*s", STR_ARG(all),
		    i ? " / " : "", STR_ARG(list[i].type),
		    (unsigned long long)list[i].size,
		    STR_ARG(list[i].name));
	return all;
}

#define MULTI(b)	"Content-Type: multipart/mixed; boundary=" b "\n\n"

static const struct {
	struct str bytes;
	size_t nodes, leaves;
	const char *texts, *attachments;	/* NULL: not looked at */
} messages[] = {
	{ STR_LIT("Subject: x\n\nhello\r\nworld\r!"), 1, 1,
	    "[hello\nworld\n!]", "" },
	{ STR_LIT("Subject: x"), 1, 1, "[]", "" },
	{ STR_LIT("Content-Type: nonsense\n\nx"), 1, 1, "[x]", "" },
	{ STR_LIT("Content-Type: text/html\n\n<p>a<b>b</b>"), 1, 1, "[ab\n]",
	    "" },
	{ STR_LIT("Content-Type: image/png\n\nx"), 1, 1, "", "" },
	{ STR_LIT("Content-Disposition: attachment\n\nx"), 1, 1, "",
	    "text/plain:1:" },
	{ STR_LIT("Content-Type: text/plain; name=a\n\nx"), 1, 1, "[x]",
	    "text/plain:1:a" },
	/* boundaries */
	{ STR_LIT(MULTI("x") "pre\n--x\n\na\n--x\n\nb\n--x--\nepi\n"), 3, 2,
	    "[a][b]", "" },
	{ STR_LIT(MULTI("x") "--x \t\n\na\n--xy\n--x--z\n--x-- \n"), 2, 1,
	    "[a\n--xy\n--x--z]", "" },
	{ STR_LIT(MULTI("x") "--x\n\na\n--x\n\nb"), 3, 2, "[a][b]", "" },
	{ STR_LIT(MULTI("x") "--x\n--x\n--x\n\na\n--x--\n"), 2, 1, "[a]", "" },
	{ STR_LIT(MULTI("x") "--x\n--x--\n\na"), 1, 0, "", "" },
	{ STR_LIT(MULTI("x") "--x\nX: y\n--x\n\nb\n--x--"), 3, 2, "[][b]",
	    "" },
	{ STR_LIT(MULTI("x") "--x\nno header here\n--x--"), 2, 1,
	    "[no header here]", "" },
	{ STR_LIT(MULTI("x") "no boundary"), 1, 1, "", "" },
	{ STR_LIT(MULTI("x") "--x--\n"), 1, 1, "", "" },
	{ STR_LIT(MULTI("\"\"") "--\n\na\n----\n"), 2, 1, "[a]", "" },
	{ STR_LIT("Content-Type: multipart/mixed\n\n--x\n\na\n--x--"), 1, 1,
	    "", "" },
	{ STR_LIT("Content-Type: multipart/mixed; boundary=x\r\r"
	    "--x\r\ra\rb\r--x--\r"), 2, 1, "[a\nb]", "" },
	/* the outer boundary closes what the inner one left open */
	{ STR_LIT(MULTI("x") "--x\n" MULTI("y") "--y\n\na\n--x\n\nb\n--x--"),
	    4, 2, "[a][b]", "" },
	{ STR_LIT(MULTI("x") "--x\n" MULTI("x") "--x\n\na\n--x--"), 3, 2,
	    "[a]", "" },
	{ STR_LIT(MULTI("x") "--x\n" MULTI("y") "--y\n\na\n--y--\nepi\n"
	    "--x\n\nb\n--x--"), 4, 2, "[a][b]", "" },
	/* attached messages */
	{ STR_LIT(MULTI("x") "--x\n\na\n--x\nContent-Type: message/rfc822\n\n"
	    "Subject: y\n\nb\n--x\n\nc\n--x--"), 5, 3, "[a][c]", "" },
	{ STR_LIT(MULTI("x") "--x\nContent-Type: message/rfc822; name=m.eml"
	    "\n\n" MULTI("y") "--y\nContent-Type: image/png; name=p\n\npp\n"
	    "--y--\n--x--"), 4, 1, "",
	    "message/rfc822:88:m.eml / image/png:2:p" },
	{ STR_LIT("Content-Type: multipart/digest; boundary=x\n\n--x\n\n"
	    "Subject: y\n\nb\n--x--"), 3, 1, "", "" },
	{ STR_LIT("Content-Type: multipart/digest; boundary=x\n\n--x\n"
	    "Content-Type: text/plain\n\nb\n--x--"), 2, 1, "[b]", "" },
	/* those that are encoded, which they must not be (5.2.1) */
	{ STR_LIT(MULTI("x") "--x\nContent-Type: message/rfc822; name=m\n"
	    "Content-Transfer-Encoding: base64\n\n"
	    "Q29udGVudC1UeXBlOiBpbWFnZS9wbmc7IG5hbWU9cAoKcHA=\n--x--"), 3, 1,
	    "", "message/rfc822:35:m / image/png:2:p" },
	{ STR_LIT(MULTI("x") "--x\nContent-Type: message/global; name=m\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "Content-Type: multipart/mixed; boundary=3Dy\n\n"
	    "--y\n\na\n--y\nContent-Type: image/png; na=\nme=3Dp\n\npp\n"
	    "--y--\n--x\n\nb\n--x--"), 6, 3, "[b]",
	    "message/global:95:m / image/png:2:p" },
	{ STR_LIT(MULTI("x") "--x\nContent-Type: message/rfc822\n"
	    "Content-Transfer-Encoding: base64\n--x\n\nb\n--x--"), 3, 2,
	    "[b]", "" },
	/* decoding */
	{ STR_LIT("Content-Transfer-Encoding: base64\n"
	    "Content-Type: text/plain; charset=gb2312\n\nxOO6ww==\n"), 1, 1,
	    "[\xE4\xBD\xA0\xE5\xA5\xBD]", "" },
	{ STR_LIT("Content-Type: text/plain; charset=x-unknown\n\n\xFC"), 1, 1,
	    "[\xC3\xBC]", "" },
	{ STR_LIT("\n\xC3\xBC"), 1, 1, "[\xC3\xBC]", "" },
	{ STR_LIT("\n\xFC\x80\0"), 1, 1, "[\xC3\xBC\xE2\x82\xAC" BAD "]", "" },
	{ STR_LIT("Content-Type: text/plain; charset=utf-16le\n\n"
	    "a\0b\0"), 1, 1, "[ab]", "" },
	/* files in a text, and what only looks like one */
	{ STR_LIT("\nsee:\r\nbegin 644 a b.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n"
	    "begin 0644 \xFC\n#8V)C\n \nend\n"), 1, 1, NULL,
	    "application/octet-stream:5:a b.txt / "
	    "application/octet-stream:3:\xC3\xBC" },
	{ STR_LIT("\n=ybegin line=128 size=7 name=a b.bin \nxyz\n"
	    "=yend size=7\n=ybegin line=128 size=x name=\n"), 1, 1, NULL,
	    "application/octet-stream:7:a b.bin" },
	{ STR_LIT("\nbegin 644 tests\nHello.\nbegin at once\nbegin 6 x\n"
	    "begin 644\nbegin 644 \n#8V)C\n"), 1, 1, NULL, "" },
	{ STR_LIT("\nbegin 644 cut.bin\n#8V)C"), 1, 1, NULL,
	    "application/octet-stream:3:cut.bin" },
	{ STR_LIT("Content-Type: text/html\n\nbegin 644 a\n#8V)C\nend\n"),
	    1, 1, NULL, "" },
	/* RFC 3676 */
	{ STR_LIT("Content-Type: text/plain; format=flowed\n\n"
	    "one \ntwo\n three \n  four\n-- \nsig \n-- \nx\n"), 1, 1,
	    "[one two\nthree  four\n-- \nsig \n-- \nx\n]", "" },
	{ STR_LIT("Content-Type: text/plain; format=flowed; delsp=yes\n\n"
	    "in \r\nvoice\r\n> quo \r\n> ted\r\n>> deep \r\n> end \r\nx \r\n"),
	    1, 1, "[invoice\n> quoted\n>> deep\n> end\nx]", "" },
	{ STR_LIT("Content-Type: text/plain\n\none \ntwo\n"), 1, 1,
	    "[one \ntwo\n]", "" },
};

static void test_messages(void **state)
{
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct mail *m = whole(*state, messages[i].bytes);
		size_t nodes, leaves;

		mail_part_counts(m, &nodes, &leaves);
		if (nodes != messages[i].nodes || leaves != messages[i].leaves)
			fail_msg("message %zu has %zu nodes, %zu leaves", i,
			    nodes, leaves);
		if (messages[i].texts)
			assert_str(texts_of(*state, m), messages[i].texts);
		assert_str(attachments_of(*state, m), messages[i].attachments);
	}
}

/* ---------------------------------------------------------------- limits */

static struct str made(struct arena *a, const char *head, const char *piece,
    size_t times)
{
	size_t n_head = strlen(head), n = strlen(piece);
	char *p = arena_alloc(a, n_head + n * times + 1);

	memcpy(p, head, n_head);
	for (size_t i = 0; i < times; i++)
		memcpy(p + n_head + i * n, piece, n);
	return (struct str){ p, n_head + n * times };
}

static bool is_cut(struct mail *m)
{
	const struct body_text *texts;
	const struct attachment *attachments;
	bool cut, cut_again;

	mail_body_texts(m, &texts, &cut);
	mail_attachments(m, &attachments, &cut_again);
	return cut && cut_again;
}

/* Multiparts in one another, with a text in the innermost. */
static struct str nested(struct arena *a, int times)
{
	struct buf b;
	struct str bytes;

	buf_init(&b, 64 * 1024 * 1024);
	for (int i = 0; i < times; i++)
		buf_printf(&b, "Content-Type: multipart/mixed; boundary=%d\n\n"
		    "--%d\n", i, i);
	buf_add_z(&b, "\nhello");
	bytes = arena_str(a, buf_str(&b));
	buf_free(&b);
	return bytes;
}

static void test_depth(void **state)
{
	size_t nodes, leaves;

	assert_str(texts_of(*state, whole(*state, nested(*state,
	    MAIL_PART_DEPTH_MAX))), "[hello]");
	assert_true(is_cut(whole(*state, nested(*state,
	    MAIL_PART_DEPTH_MAX + 1))));
	assert_true(is_cut(whole(*state, nested(*state, 100000))));
	assert_true(is_cut(whole(*state, made(*state, "",
	    "Content-Type: message/rfc822\n\n", 100000))));
	mail_part_counts(whole(*state, made(*state, MULTI("x"), "--x\n"
	    "Content-Type: multipart/mixed; boundary=x\n\n", 100000)),
	    &nodes, &leaves);
	assert_int_equal(nodes, MAIL_PARTS_MAX);
}

/* Messages in one another, each encoded once more: they are decoded up to a
 * limit, which is no loss for mail that people send. */
static void test_encoded_depth(void **state)
{
	const char *head = "Content-Type: message/rfc822; name=m\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n";
	struct mail *m = whole(*state, made(*state, head, head, 9));
	size_t nodes, leaves, used;

	mail_part_counts(m, &nodes, &leaves);
	assert_int_equal(nodes, 11);
	assert_false(is_cut(m));
	used = arena_used(*state);
	m = whole(*state, made(*state, head, head, 100000));
	assert_true(is_cut(m));
	assert_true(arena_used(*state) - used < 64 * 1024 * 1024);
}

static void test_many_parts(void **state)
{
	struct mail *m = whole(*state, made(*state, MULTI("x"), "--x\n\n",
	    1000000));
	size_t nodes, leaves;

	assert_true(is_cut(m));
	mail_part_counts(m, &nodes, &leaves);
	assert_int_equal(nodes, MAIL_PARTS_MAX);
	m = whole(*state, made(*state, MULTI("x"), "--x\n", 1000000));
	mail_part_counts(m, &nodes, &leaves);
	assert_int_equal(nodes, 2);
	m = whole(*state, made(*state, MULTI("x"), "--y\n", 1000000));
	mail_part_counts(m, &nodes, &leaves);
	assert_int_equal(leaves, 1);
}

static void test_long_text(void **state)
{
	static const char *const heads[] = {
		"Subject: x\n\n",
		"Content-Type: text/html\n\n<p>",
		"Content-Type: text/plain; format=flowed\n\n",
		"Content-Transfer-Encoding: base64\n\n",
		"Content-Transfer-Encoding: quoted-printable\n\n",
		"Content-Type: text/plain; charset=koi8-r\n\n",
		"Content-Type: text/html\n\n\xC3\xBC",
		"Content-Type: text/html\n\n\xE2\x82\xAC",
	};
	const struct body_text *list;
	bool cut;

	for (size_t i = 0; i < COUNT(heads); i++) {
		struct mail *m = whole(*state, made(*state, heads[i],
		    str_ends(str_of(heads[i]), STR_LIT("\n\n")) ?
		    "YWFhYWFhYWFh Zm9v \n" : "\xC3\xBC", 1000000));

		assert_int_equal(mail_body_texts(m, &list, &cut), 1);
		assert_true(list[0].cut);
		assert_true(list[0].text.n <= MAIL_PART_TEXT_MAX);
		assert_true(utf8_valid(list[0].text));
		assert_true(list[0].text.n > MAIL_PART_TEXT_MAX / 10 * 9);
		assert_false(cut);
	}
}

/* Sources that a careless tokenizer reads again and again. */
static void test_hard_sources(void **state)
{
	static const char *const pieces[] = {
		"<", "<!--", "<a ", "<a b=\"", "<script>", "&", "&#", "&#x1",
		"<p", "</script", "<pre>", "<title>", "&aaaaaaaaaaaaaaaaaaaa",
	};
	const struct body_text *list;
	bool cut;

	for (size_t i = 0; i < COUNT(pieces); i++)
		mail_body_texts(whole(*state, made(*state,
		    "Content-Type: text/html\n\n", pieces[i], 300000)),
		    &list, &cut);
	for (size_t i = 0; i < COUNT(pieces); i++)
		words_decode(*state, made(*state, "=?utf-8?q?",
		    pieces[i], 100000));
	is_cut(whole(*state, made(*state, "\n", "begin 644 a\n#8V)C\n",
	    300000)));
	is_cut(whole(*state, made(*state, "\nbegin 644 a\n", "#8V)C\n",
	    1000000)));
	is_cut(whole(*state, made(*state, "\n", "=ybegin ", 1000000)));
	is_cut(whole(*state, made(*state, "Content-Type: text/plain", ";a*1=b",
	    100000)));
	is_cut(whole(*state, made(*state, "Content-Type: text/plain", ";(\"",
	    100000)));
}

/* -------------------------------------------------------------- fixtures */

static struct str load(struct arena *a, const char *name)
{
	const char *top = getenv("TAMIS_TOP");
	struct str path = arena_printf(a, "%s/tests/mail/%s",
	    top ? top : ".", name);
	FILE *f = fopen(path.p, "rb");
	struct buf b;
	char piece[4096];
	size_t n;
	struct str bytes;

	if (!f)
		fail_msg("cannot open %s", path.p);
	buf_init(&b, 1024 * 1024);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(&b, piece, n);
	fclose(f);
	bytes = arena_str(a, buf_str(&b));
	buf_free(&b);
	return bytes;
}

static void test_fixtures(void **state)
{
	static const struct {
		const char *file, *from, *subject;
		int64_t sent;
		const char *texts, *attachments;
	} rows[] = {
#include "tests/mail/expected.h"
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mail *m = whole(*state, load(*state, rows[i].file));
		const struct address *from;

		print_message("  %s\n", rows[i].file);
		assert_int_equal(mail_addresses(m, STR_LIT("From"), &from), 1);
		assert_str(arena_printf(*state, "%.*s|%.*s",
		    STR_ARG(from[0].name), STR_ARG(from[0].address)),
		    rows[i].from);
		assert_str(mail_field_text(m, STR_LIT("Subject"), 0),
		    rows[i].subject);
		assert_true(mail_sent(m) == rows[i].sent);
		assert_str(texts_of(*state, m), rows[i].texts);
		assert_str(attachments_of(*state, m), rows[i].attachments);
	}
}

/* Any piece of a message is a message: nothing may crash or hang on it. */
static void test_torn(void **state)
{
	static const char *const files[] = {
		"mixed.eml", "bounce.eml", "legacy.eml", "newsletter.eml",
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < COUNT(files); i++) {
		struct str bytes = load(*state, files[i]);
		char *copy = arena_z(*state, bytes);

		for (size_t n = 0; n < bytes.n; n++) {
			struct mail *m;

			arena_reset(a);
			m = whole(a, str_sub(bytes, 0, n));
			texts_of(a, m);
			attachments_of(a, m);
			copy[n] ^= (char)(n * 37 + 1);
			m = whole(a, (struct str){ copy, bytes.n });
			mail_field_text(m, STR_LIT("Subject"), 0);
			mail_sent(m);
			texts_of(a, m);
			attachments_of(a, m);
			mail_addresses(m, STR_LIT("From"),
			    &(const struct address *){ NULL });
			copy[n] = bytes.p[n];
		}
	}
	arena_free(&a);
}

int main(void)
{
#define test(f)	cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		test(test_words),
		test(test_types),
		test(test_encodings),
		test(test_decode_limit),
		test(test_html),
		test(test_messages),
		test(test_depth),
		test(test_encoded_depth),
		test(test_many_parts),
		test(test_long_text),
		test(test_hard_sources),
		test(test_fixtures),
		test(test_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
