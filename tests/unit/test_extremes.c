/*
 * Texts that were made to be dear: a head, one piece again and again, a tail.
 * Time must not grow faster than the text, nor memory past a bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rules/charset.h"
#include "rules/content.h"
#include "rules/html.h"
#include "rules/rules.h"
#include "rules/words.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED	1
#endif
#endif

#ifdef SANITIZED
#define MANY		(256 * 1024)	/* octets */
#define MEMORY_MAX	LONG_MAX
#else
#define MANY		(1024 * 1024)	/* NODE_FILE_MAX, MAIL_VALUE_MAX */
#define MEMORY_MAX	(384L * 1024)	/* KiB; a pattern takes two */
#endif
/* Four times the text may take eight times as long: n log n, and the noise
 * of a busy machine.  Where it squares it takes sixteen. */
#define SOME		(MANY / 4)
#define GROWTH_MAX	8
#define NOISE		0.5	/* seconds that say nothing */
#define SECONDS_MAX	20	/* whatever it is */

/* --------------------------------------------------------- what is tried */

static void read_yaml(struct arena *a, struct str s)
{
	struct problems ps;

	problems_init(&ps, a);
	node_read(a, "x.yaml", s, &ps);
}

static bool give(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	if (strcmp(path, "rules") != 0)
		return err_set(e, ERR_CONFIG, "%s: it is not there", path);
	buf_add_str(out, *(struct str *)ctx);
	return true;
}

static struct rules *load(struct arena *a, struct str s)
{
	static const char *const paths[] = { "rules" };
	const struct file_reader reader = { .read = give, .ctx = &s };
	struct problems ps;

	problems_init(&ps, a);
	return rules_load(a, paths, 1, &reader, NULL, 0, NULL, &ps);
}

static void load_rules(struct arena *a, struct str s)
{
	load(a, s);
}

static void read_words(struct arena *a, struct str s)
{
	words_decode(a, s);
}

static void read_addresses(struct arena *a, struct str s)
{
	struct address *list;

	addresses_read(a, s, &list);
}

static void read_html(struct arena *a, struct str s)
{
	struct buf b;

	(void)a;
	buf_init(&b, MAIL_PART_TEXT_MAX);
	html_text(s, &b);
	buf_free(&b);
}

static void read_date(struct arena *a, struct str s)
{
	(void)a;
	(void)date_read(s);
}

static void read_ids(struct arena *a, struct str s)
{
	struct str *ids;

	mail_ids(a, s, &ids);
}

static void read_content(struct arena *a, struct str s)
{
	struct content_disposition d = { .kind = STR_EMPTY };
	struct content_type t = { .type = STR_EMPTY };

	content_disposition_read(a, s, &d);
	content_type_read(a, s, &t);
}

/* All of it, as a rule may ask. */
static void read_mail(struct arena *a, struct str s)
{
	static const char *const names[] = { "From", "Subject", "Date", "X" };
	struct mail *m = mail_make(a, s, MAIL_WHOLE, NULL, 0);
	const struct attachment *parts;
	const struct body_text *texts;
	const struct address *list;
	bool cut;

	for (size_t i = 0; i < COUNT(names); i++) {
		struct str name = str_of(names[i]);

		for (size_t k = 0; k < mail_field_count(m, name); k++)
			mail_field_text(m, name, k);
		mail_addresses(m, name, &list);
	}
	mail_sent(m);
	mail_body_texts(m, &texts, &cut);
	mail_attachments(m, &parts, &cut);
}

/* Rules that look at everything, on the mail S. */
static void match(struct arena *a, struct str s)
{
	struct rules *r = load(a, STR_LIT("version: 1\n"
	    "lists: {l: ['@*.a', '@x', y, '/^(a+)+$/']}\n"
	    "rules:\n"
	    "- {name: a, when: {any: [subject: {regex: '(a+)+$'},\n"
	    "   from: {list: l}, header: {X: {regex: '(x+x+)+y'}},\n"
	    "   header_block: {regex: '(?m)(x+x+)+y'},\n"
	    "   header_block: {raw: true, contains: xy},\n"
	    "   body: {regex: '(a|aa)+$'}, body: {matches: '*a*b*c*d*'},\n"
	    "   body: {ends: zzz}, attachment: {name: {contains: x}}]},\n"
	    "   then: archive}\n"));
	const struct facts facts = {
		.known = 0xF, .mailbox = STR_LIT("INBOX"), .size = s.n,
	};
	const struct match_input in = {
		.facts = &facts, .is_new = true,
		.mail = mail_make(a, s, MAIL_WHOLE, NULL, 0),
	};
	struct verdict v;

	if (!r)
		abort();
	rules_match(r, a, &in, &v);
	if (v.ask || v.rules[0].truth == TRUTH_TRUE)
		abort();	/* it is not all that was to be tried */
}

static const struct extreme {
	const char *name;
	void (*run)(struct arena *a, struct str s);
	const char *head, *piece, *tail;
} extremes[] = {
#define YAML(name, ...)	{ "yaml " name, read_yaml, __VA_ARGS__ }
	YAML("flow lists", "", "[", ""),
	YAML("flow maps", "", "{a: ", ""),
	YAML("flow maps of maps", "", "{", ""),
	YAML("block lists", "", "- ", "a\n"),
	YAML("complex keys", "", "? ", "a\n"),
	YAML("empty lists", "[", "[],", "]\n"),
	YAML("short items", "", "- a\n", ""),
	YAML("one key again", "", "a: b\n", ""),
	YAML("numbered keys", "", "#: b\n", ""),
	YAML("numbered anchors", "", "- &#\n", ""),
	YAML("numbered aliases", "", "- &# a\n- *#\n", ""),
	YAML("unknown aliases", "", "- *#\n", ""),
	YAML("one alias", "- &a [b, c, d]\n", "- *a\n", ""),
	YAML("one large alias", "- &a [1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8]\n",
	    "- *a\n", ""),
	YAML("a bomb", "- &a [x,x,x,x,x,x,x,x,x,x]\n"
	    "- &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
	    "- &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
	    "- &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
	    "- &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
	    "- &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", "- *f\n", ""),
	YAML("merges", "- &a {b: 1, c: 2, d: 3, e: 4}\n", "- <<: *a\n", ""),
	YAML("many merges in one", "- &a {b: 1, c: 2}\n- <<: [*a", ", *a",
	    "]\n"),
	YAML("merges of merges", "- &m0 {a: b}\n",
	    "- &m# {<<: *m0, k#: 1}\n", ""),
	YAML("tag directives", "", "%TAG !#! tag:x\n", "--- a\n"),
	YAML("documents", "", "--- a\n", ""),
	YAML("tags", "", "- !!str a\n", ""),
	YAML("one word", "a: ", "a", "\n"),
	YAML("many words", "a: ", "a ", "\n"),
	YAML("many lines", "a:\n", "  a\n", "\n"),
	YAML("many empty lines", "a:\n  b\n", "\n", "  c\n"),
	YAML("escapes", "a: \"", "\\x41", "\"\n"),
	YAML("single quotes", "a: '", "''", "'\n"),
	YAML("a block", "a: |\n", " b\n", ""),
	YAML("a folded block", "a: >\n", " b\n\n", ""),
	YAML("comments", "", "# c\n", "a: b\n"),
	YAML("a comment", "a: b #", "#", "\n"),
	YAML("blanks", "a:", " ", "b\n"),
	YAML("tabs", "a:", "\t", "b\n"),
	YAML("colons", "", ":", "\n"),
	YAML("question marks", "[", "? ", "]\n"),
	YAML("quotes", "", "\" ", "\n"),
	YAML("wide", "a: [", "\xF0\x9F\x98\x80,", "]\n"),
	YAML("one line of items", "[", "a,", "]\n"),
	YAML("one line of pairs", "{", "#: b,", "}\n"),
#undef YAML

#define RULES(name, ...)	{ "rules " name, load_rules, __VA_ARGS__ }
	RULES("simple", "version: 1\nrules:\n",
	    "- {name: r#, when: {subject: s#}, then: {label: l#}}\n", ""),
	RULES("alike", "version: 1\nrules:\n",
	    "- {name: r#, when: {subject: s}, then: archive}\n", ""),
	RULES("mistakes", "version: 1\nrules:\n",
	    "- {name: r#, wen: {subject: s}, then: archive}\n", ""),
	RULES("one name", "version: 1\nrules:\n",
	    "- {name: r, when: {subject: s}, then: archive}\n", ""),
	RULES("one condition", "version: 1\nrules:\n- name: r\n  then: stop\n"
	    "  when:\n    any:\n", "    - subject: s#\n", ""),
	RULES("one operator", "version: 1\nrules:\n- name: r\n  then: stop\n"
	    "  when:\n    subject: [", "s#, ", "x]\n"),
	RULES("addresses", "version: 1\nrules:\n- name: r\n  then: stop\n"
	    "  when:\n    from: [", "\"s#@x\", ", "x]\n"),
	RULES("one line", "{version: 1, rules: [",
	    "{name: r#, when: {subject: s#}, then: {label: l#}}, ", "]}\n"),
	RULES("one line of mistakes", "{version: 1, rules: [",
	    "{name: r#, then: {label: $(x#)}}, ", "]}\n"),
	RULES("bad patterns", "version: 1\nrules:\n",
	    "- {name: r#, when: {subject: {regex: '('}}, then: stop}\n", ""),
	RULES("looks like comments", "version: 1\nrules:\n",
	    "- {name: r#, then: {label: a #b\n  }}\n", ""),
	RULES("actions", "version: 1\nrules:\n- name: r\n  then: [",
	    "label: l#, ", "stop]\n"),
	RULES("branches", "version: 1\nrules:\n- name: r\n  first_of:\n",
	    "  - {when: {subject: s#}, then: [label: x]}\n", ""),
	RULES("conditions", "version: 1\nconditions:\n",
	    "  c#: {subject: s}\n", "rules: []\n"),
	RULES("conditions of one", "version: 1\nconditions:\n"
	    "  c: {subject: {regex: '(x)'}}\nrules:\n- name: r\n"
	    "  then: [label: $(1)]\n  when: {any: [", "c, ", "c]}\n"),
	RULES("chained conditions", "version: 1\nconditions:\n  c0: {to: x}\n",
	    "  c#: {all: [c0, {to: x}]}\n", "rules: []\n"),
	RULES("lists", "version: 1\nlists:\n", "  l#: [a, b]\n",
	    "rules: []\n"),
	RULES("a list", "version: 1\nlists:\n  l: [", "a#, ",
	    "a]\nrules: [{name: r, when: {from: {list: l}}, then: stop}]\n"),
	RULES("a list of patterns", "version: 1\nlists:\n  l: [",
	    "'/a#/', ", "a]\nrules: [{name: r, when: {from: {list: l}}, "
	    "then: stop}]\n"),
	RULES("a list of globs", "version: 1\nlists:\n  l: [",
	    "'@*.a#', ", "a]\nrules: [{name: r, when: {from: {list: l}}, "
	    "then: stop}]\n"),
	RULES("a glob", "version: 1\nrules:\n- name: r\n  then: stop\n"
	    "  when: {subject: {matches: '", "*a", "'}}\n"),
	RULES("a regex", "version: 1\nrules:\n- name: r\n  then: stop\n"
	    "  when: {subject: {regex: '", "(a*)*", "'}}\n"),
	RULES("a template", "version: 1\nrules:\n- name: r\n"
	    "  then: {label: '", "$(subject:-x)", "'}\n"),
	RULES("tests", "version: 1\nrules: []\ntests:\n",
	    "- {name: t#, message: \"\", expect: {rules: [a, b]}}\n", ""),
	RULES("programs", "version: 1\nrules:\n",
	    "- {name: r#, when: {run: {command: [/bin/a, b#]}}, "
	    "then: stop}\n", ""),
	RULES("searches", "version: 1\nrules:\n",
	    "- {name: r#, when: {gmail: a#}, then: stop}\n", ""),
	RULES("fields", "version: 1\nrules:\n",
	    "- {name: r#, when: {header: {X-#: a}}, then: stop}\n", ""),
	RULES("labels", "version: 1\nrules:\n",
	    "- {name: r#, when: {label: a#}, then: {unlabel: b#}}\n", ""),
	RULES("groups", "version: 1\nrules:\n",
	    "- {name: r#, when: {subject: {regex: '(?<a>.)(?<b>.)'}}, "
	    "then: {label: $(a)/$(b)}}\n", ""),
	RULES("a map", "version: 1\nlists:\n  l: {", "a#: b, ",
	    "a: b}\nrules: []\n"),
	RULES("includes", "version: 1\nrules: []\ninclude: [", "a#, ",
	    "a]\n"),
#undef RULES

#define WORDS(name, ...)	{ "words " name, read_words, __VA_ARGS__ }
	WORDS("of one charset", "", "=?utf-8?q?a?= ", ""),
	WORDS("of two charsets", "", "=?koi8-r?q?=E4?= =?big5?b?pKQ=?= ", ""),
	WORDS("of an unknown one", "", "=?x-#?q?a?= ", ""),
	WORDS("joined", "", "=?iso-2022-jp?b?GyRC?=", ""),
	WORDS("begun", "", "=?utf-8?q?", ""),
	WORDS("begun and ended", "", "=?utf-8?q?", "?="),
	WORDS("half begun", "", "=?", ""),
	WORDS("question marks", "=?", "?", ""),
	WORDS("in one", "=?utf-8?q?", "=E4", "?="),
	WORDS("blanks", "=?a?q?b?=", " ", "=?a?q?b?="),
#undef WORDS

#define ADDRESSES(name, ...)	{ "addresses " name, read_addresses, \
	__VA_ARGS__ }
	ADDRESSES("plain", "", "a@b,", ""),
	ADDRESSES("numbered", "", "N# <a#@b.example>,", ""),
	ADDRESSES("open comments", "", "(", ""),
	ADDRESSES("closed comments", "", "()", "a@b"),
	ADDRESSES("nested comments", "", "(a", ")"),
	ADDRESSES("quotes", "", "\"", ""),
	ADDRESSES("angles", "", "<", ""),
	ADDRESSES("closed angles", "", "<>", ""),
	ADDRESSES("ats", "", "@", ""),
	ADDRESSES("dots", "a@", ".", "b"),
	ADDRESSES("colons", "", ":", ""),
	ADDRESSES("semicolons", "", ";", ""),
	ADDRESSES("commas", "", ",", ""),
	ADDRESSES("groups", "", "a:b@c;", ""),
	ADDRESSES("open groups", "", "a:", ""),
	ADDRESSES("pairs", "", "\\", ""),
	ADDRESSES("words", "", "a ", "<a@b>"),
	ADDRESSES("words without end", "", "a ", ""),
	ADDRESSES("encoded words", "", "=?utf-8?q?a?= ", "<a@b>"),
	ADDRESSES("routes", "<", "@a,", ":a@b>"),
	ADDRESSES("literals", "", "a@[", ""),
	ADDRESSES("an idna domain", "a@", "\xC3\xA4.", "x"),
	ADDRESSES("an idna label", "a@", "\xC3\xA4", "x"),
#undef ADDRESSES

#define HTML(name, ...)	{ "html " name, read_html, __VA_ARGS__ }
	HTML("less", "", "<", ""),
	HTML("tags", "", "<a", ""),
	HTML("attributes", "<a ", "a=\"", ""),
	HTML("ends", "", "</", ""),
	HTML("comments", "", "<!--", ""),
	HTML("almost comments", "<!--", "--", ""),
	HTML("declarations", "", "<!", ""),
	HTML("instructions", "", "<?", ""),
	HTML("sections", "", "<![CDATA[", ""),
	HTML("scripts", "", "<script>", ""),
	HTML("styles", "<style>", "</styl", ""),
	HTML("titles", "", "<title>", ""),
	HTML("references", "", "&", ""),
	HTML("named references", "", "&amp", ""),
	HTML("long references", "&", "a", ";"),
	HTML("numbers", "&#", "1", ";"),
	HTML("blocks", "", "<p>", ""),
	HTML("preformatted", "", "<pre>\n", ""),
	HTML("blanks", "", " ", ""),
	HTML("breaks", "", "<br>", ""),
#undef HTML

	{ "date comments", read_date, "", "(", "" },
	{ "date nested", read_date, "1 Jan 2026 ", "(a", "" },
	{ "date blanks", read_date, "1", " ", "Jan 2026 00:00" },
	{ "date digits", read_date, "", "1", "" },
	{ "ids", read_ids, "", "<a@b>", "" },
	{ "ids open", read_ids, "", "<", "" },
	{ "ids open and closed", read_ids, "", "<a@", ">" },
	{ "ids bare", read_ids, "", "a@ ", "" },
	{ "ids without at", read_ids, "", "a ", "" },
	{ "parameters", read_content, "text/plain", "; a=b", "" },
	{ "parameters in pieces", read_content, "text/plain",
	    "; name*#*=%41", "" },
	{ "parameters quoted", read_content, "text/plain; name=\"", "\\\"",
	    "" },
	{ "parameters of words", read_content, "text/plain; name=\"",
	    "=?utf-8?q?a?= ", "\"" },

#define MAIL(name, ...)	{ "mail " name, read_mail, __VA_ARGS__ }
	MAIL("fields", "", "X: a\n", "\n"),
	MAIL("subjects", "", "Subject: =?utf-8?q?a?=\n", "\n"),
	MAIL("authors", "", "From: a@b\n", "\n"),
	MAIL("folded", "Subject: a\n", " a\n", "\n"),
	MAIL("no fields", "", "x\n", "\n"),
	MAIL("empty lines", "X: a\n\n", "\n", ""),
	MAIL("returns", "X: a\r\r", "\r", ""),
	MAIL("no text", "", "\n", ""),
	MAIL("quoted", "Content-Transfer-Encoding: quoted-printable\n\n",
	    "=", ""),
	MAIL("quoted blanks", "Content-Transfer-Encoding: quoted-printable"
	    "\n\n", " ", ""),
	MAIL("quoted breaks", "Content-Transfer-Encoding: quoted-printable"
	    "\n\n", "= \n", ""),
	MAIL("base64", "Content-Transfer-Encoding: base64\n\n", "QUJD", ""),
	MAIL("base64 of nothing", "Content-Transfer-Encoding: base64\n\n",
	    "=", ""),
	MAIL("uuencode", "Content-Transfer-Encoding: x-uuencode\n\n",
	    "begin 644 a\n", ""),
	MAIL("flowed", "Content-Type: text/plain; format=flowed\n\n",
	    "> a \n", ""),
	MAIL("flowed blanks", "Content-Type: text/plain; format=flowed\n\n",
	    " ", ""),
	MAIL("shifts", "Content-Type: text/plain; charset=iso-2022-jp\n\n",
	    "\033$B", ""),
	MAIL("utf-7", "Content-Type: text/plain; charset=utf-7\n\n", "+",
	    ""),
	MAIL("broken utf-8", "Content-Type: text/plain; charset=utf-8\n\n",
	    "\xE2\x82", ""),
	MAIL("boundaries", "Content-Type: multipart/mixed; boundary=a\n\n",
	    "--a\n", ""),
	MAIL("ends", "Content-Type: multipart/mixed; boundary=a\n\n",
	    "--a--\n", ""),
	MAIL("dashes", "Content-Type: multipart/mixed; boundary=a\n\n",
	    "--\n", ""),
#undef MAIL

#define MATCH(name, ...)	{ "match " name, match, __VA_ARGS__ }
	MATCH("a subject", "Subject: ", "a", "!\n\n"),
	MATCH("a field", "X: ", "x", "\n\n"),
	MATCH("authors", "From: ", "aaaaaaaaaaaaaaaa!@x#,", "\n\n"),
	MATCH("fields", "", "X: xxxxxxxxxxxxxxxxxxxx\n", "\n"),
	MATCH("fields of one octet", "", "X:x\n", "\n"),
	MATCH("fields of words", "", "X: =?utf-8?q?=E4?=\n", "\n"),
	MATCH("a text", "Subject: x\n\n", "a", "!"),
	MATCH("a text of lines", "Subject: x\n\n", "aaaaaaaaaaaaaaaaaa!\n",
	    ""),
	MATCH("a text for a glob", "Subject: x\n\n", "abc", ""),
#undef MATCH
};

/* ------------------------------------------------------------- measuring */

/* PIECE with a number where it has a "#". */
static void add_piece(struct buf *b, const char *piece, unsigned n)
{
	for (; *piece; piece++)
		if (*piece == '#')
			buf_printf(b, "%u", n);
		else
			buf_add_char(b, *piece);
}

static void make(const struct extreme *x, size_t size, struct buf *b)
{
	size_t ends = strlen(x->head) + strlen(x->tail) + 40;

	buf_init(b, size);
	buf_add_z(b, x->head);
	for (unsigned n = 1; b->n + strlen(x->piece) + ends < size; n++)
		add_piece(b, x->piece, n);
	buf_add_z(b, x->tail);
	assert_false(b->over);
}

struct cost {
	double seconds;		/* of the processor */
	long memory;		/* KiB, at most at once */
};

/* In a process of its own, which is ended where it takes too long. */
static struct cost measure(const struct extreme *x, size_t size)
{
	struct rlimit limit = { SECONDS_MAX, SECONDS_MAX + 5 };
	struct rlimit none = { 0, 0 };
	struct rusage used;
	struct arena *a;
	struct buf b;
	int status;
	pid_t pid;

	make(x, size, &b);
	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CPU, &limit);
		setrlimit(RLIMIT_CORE, &none);
		a = arena_new();
		x->run(a, buf_str(&b));
		_exit(0);
	}
	assert_int_equal(wait4(pid, &status, 0, &used), pid);
	buf_free(&b);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return (struct cost){ 2 * SECONDS_MAX, 0 };
	return (struct cost){
		(double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
		used.ru_maxrss,
	};
}

static bool bears(const struct extreme *x)
{
	struct cost many = measure(x, MANY), some = { 0 };
	bool good = many.seconds < SECONDS_MAX && many.memory < MEMORY_MAX;

	if (many.seconds > NOISE) {
		some = measure(x, SOME);
		good &= many.seconds < NOISE + GROWTH_MAX * some.seconds;
	}
	print_message("# %s%-34s %7.0f ms of %7.0f ms, %4ld MiB\n",
	    good ? "" : "TOO MUCH: ", x->name, some.seconds * 1e3,
	    many.seconds * 1e3, many.memory >> 10);
	return good;
}

static const char *only = "";

static void test_extremes(void **state)
{
	bool good = true;

	(void)state;
	for (size_t i = 0; i < COUNT(extremes); i++)
		if (strstr(extremes[i].name, only))
			good &= bears(&extremes[i]);
	assert_true(good);
}

/* --------------------------------------------------------------- depth */

/* A rule whose condition is N times "not" of the subject x. */
static struct rules *load_deep(struct arena *a, int n)
{
	struct rules *r;
	struct buf b;

	buf_init(&b, NODE_FILE_MAX);
	buf_add_z(&b, "version: 1\nrules: [{name: r, then: stop, when: ");
	for (int i = 0; i < n; i++)
		buf_add_z(&b, i % 2 ? "{any: [{not: " : "{all: [{not: ");
	buf_add_z(&b, "{subject: x}");
	for (int i = 0; i < n; i++)
		buf_add_z(&b, "}]}");
	buf_add_z(&b, "}]\n");
	r = load(a, buf_str(&b));
	buf_free(&b);
	return r;
}

/* The file, its rules, the rule, and a condition of 61 collections. */
static void test_depth(void **state)
{
	struct arena *a = arena_new();
	struct rules *r = load_deep(a, 20);
	const struct facts facts = { .known = 0xF };
	const struct match_input in = {
		.facts = &facts, .is_new = true, .explain = true,
		.mail = mail_make(a, STR_LIT("Subject: x\n\n"), MAIL_WHOLE,
		    NULL, 0),
	};
	struct verdict v;

	(void)state;
	assert_non_null(r);
	rules_match(r, a, &in, &v);
	assert_int_equal(v.rules[0].truth, TRUTH_TRUE);
	assert_null(load_deep(a, 21));
	arena_free(&a);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_depth),
	};

	if (argc > 1)
		only = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
