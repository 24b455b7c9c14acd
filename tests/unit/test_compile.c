/* What the compiler makes of good rule files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "rules/compile.h"
#include "rules/fold.h"
#include "rules/pattern.h"

#define assert_str(s, z) \
	do { \
		struct str got_ = (s); \
		assert_int_equal(got_.n, strlen(z)); \
		assert_memory_equal(got_.p, (z), got_.n); \
	} while (0)

/* --------------------------------------------------- files in memory */

struct file {
	const char *name;
	struct str text;
};

static struct {
	struct arena *arena;
	struct problems ps;
	struct file files[32];
	size_t n;
	unsigned reads;
} t;

static bool read_file(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	(void)ctx;
	t.reads++;
	for (size_t i = 0; i < t.n; i++)
		if (strcmp(t.files[i].name, path) == 0) {
			buf_add_str(out, t.files[i].text);
			return true;
		}
	return err_set(e, ERR_CONFIG, "cannot read %s", path);
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.arena = arena_new();
	problems_init(&t.ps, t.arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&t.arena);
	return 0;
}

static void put(const char *name, const char *text)
{
	t.files[t.n++] = (struct file){ name, str_of(text) };
}

static struct rules *load_all(const char *const *paths, size_t n)
{
	const struct file_reader reader = { .read = read_file };
	static const char *const accounts[] = { "work", "home" };
	struct rules *r = rules_load(t.arena, paths, n, &reader, accounts,
	    COUNT(accounts), NULL, &t.ps);

	for (size_t i = 0; i < t.ps.n; i++) {
		struct buf b;

		buf_init(&b, 10000);
		problem_show(&b, &t.ps.list[i]);
		print_message("%s", buf_z(&b));
		buf_free(&b);
	}
	return r;
}

static struct rules *load(const char *text)
{
	const char *path = "main.yaml";

	put(path, text);
	return load_all(&path, 1);
}

/* One rule with the given `when`. */
static const struct cond *when(const char *text)
{
	struct rules *r = load(arena_printf(t.arena, "version: 1\n"
	    "lists: {vip: [A@Example.org, \"@*.example.net\", bob]}\n"
	    "conditions:\n"
	    "  named: {from: {list: vip}}\n"
	    "  other: {all: [named, {subject: x}]}\n"
	    "rules:\n"
	    "  - {name: unrelated, when: other, then: archive}\n"
	    "  - name: r\n"
	    "    when: %s\n"
	    "    then: [archive]\n", text).p);

	assert_non_null(r);
	assert_int_equal(rules_count(r), 2);
	return r->rules[1].top.when;
}

/* The shape of a condition, for comparing: all(from any(a b) not(c)). */
static void shape(struct buf *b, const struct cond *c)
{
	static const char *const groups[] = {
		[COND_ALL] = "all", [COND_ANY] = "any", [COND_NOT] = "not",
		[COND_NAMED] = "named",
	};

	if (c->kind > COND_NAMED) {
		buf_add_z(b, c->word->name);
		for (size_t i = 0; i < c->n_tests; i++)
			buf_printf(b, "%s%zu", i ? "+" : ":",
			    c->tests[i].n);
		return;
	}
	buf_printf(b, "%s(", groups[c->kind]);
	for (size_t i = 0; i < c->n_kids; i++) {
		if (i)
			buf_add_char(b, ' ');
		shape(b, c->kids[i]);
	}
	buf_add_char(b, ')');
}

static void test_shapes(void **state)
{
	static const struct { const char *when, *shape; } cases[] = {
		{ "{from: a}", "from:1" },
		{ "{from: a, to: b}", "all(from:1 to:1)" },
		{ "{all: {from: a, to: b}}", "all(from:1 to:1)" },
		{ "{any: {from: a, to: b}}", "any(from:1 to:1)" },
		{ "{any: [{from: a, to: b}, {cc: c}]}",
		    "any(all(from:1 to:1) cc:1)" },
		{ "{all: [{from: a}, named]}", "all(from:1 named(from:1))" },
		{ "{not: [{from: a}, {to: b}]}", "not(any(from:1 to:1))" },
		{ "{not: {from: a, to: b}}", "not(all(from:1 to:1))" },
		{ "{not: named}", "not(named(from:1))" },
		{ "named", "named(from:1)" },
		{ "[named, other]", "any(named(from:1) "
		    "named(all(named(from:1) subject:1)))" },
		{ "{subject: [a, b, c]}", "subject:3" },
		{ "{subject: [a, {is: b}]}", "any(subject:1 subject:1)" },
		{ "{subject: {contains: [a, b], starts: c}}",
		    "subject:2+1" },
		{ "{header: {X-A: a, X-B: [b, c]}}",
		    "all(header:1 header:2)" },
		{ "{header: [{X-A: a}, {X-B: b}]}",
		    "any(header:1 header:1)" },
		{ "{list_id: {local: a, ends: org}}",
		    "all(list_id:1 list_id:1)" },
		{ "{is: [unread, starred]}", "any(is is)" },
		{ "{label: [a, b*]}", "label:2" },
		{ "{attachment: true}", "attachment" },
		{ "{attachment: {name: .pdf, type: [a/b, c/d]}}",
		    "attachment:1+2" },
		{ "{size: [{over: 1K}, {under: 10}]}", "any(size size)" },
		{ "{any: [{not: {any: [named]}}]}", "not(named(from:1))" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b;

		tear_down(NULL);
		set_up(NULL);
		buf_init(&b, 1000);
		shape(&b, when(cases[i].when));
		assert_string_equal(buf_z(&b), cases[i].shape);
		buf_free(&b);
	}
}

static void test_addresses(void **state)
{
	static const struct {
		const char *written;
		enum test_op op;
		const char *text;
	} cases[] = {
		{ "A.b@Example.ORG", TEST_ADDRESS, "a.b@example.org" },
		{ "'\"a.b\"@example.org'", TEST_ADDRESS, "a.b@example.org" },
		{ "'@Example.ORG'", TEST_DOMAIN, "example.org" },
		{ "'@*.example.org'", TEST_DOMAIN_GLOB, "" },
		{ "Alice", TEST_NAME_OR_ADDRESS, "" },
		{ "'@M\xC3\x9CLLER.example'", TEST_DOMAIN,
		    "xn--mller-kva.example" },
		{ "a@m\xC3\xBCller.example", TEST_ADDRESS,
		    "a@xn--mller-kva.example" },
		{ "'@*.m\xC3\xBCller.example'", TEST_DOMAIN_GLOB, "" },
		{ "{is: a@example.org}", TEST_ADDRESS, "a@example.org" },
		{ "{is: Alice}", TEST_PATTERN, "" },
		{ "{address: A@Example.org}", TEST_ADDRESS, "a@example.org" },
		{ "{is: A@Example.org, case: exact}", TEST_ADDRESS,
		    "A@example.org" },
		{ "{is: '@Example.org', case: exact}", TEST_DOMAIN,
		    "example.org" },
		{ "{list: vip}", TEST_LIST, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct cond *c;
		const struct operand *o;

		tear_down(NULL);
		set_up(NULL);
		c = when(arena_printf(t.arena, "{from: %s}",
		    cases[i].written).p);
		o = &c->tests[0].any[0];
		assert_int_equal(c->kind, COND_ADDRESS);
		assert_int_equal(o->op, cases[i].op);
		assert_int_equal(o->pattern != NULL,
		    o->op == TEST_DOMAIN_GLOB || o->op == TEST_PATTERN ||
		    o->op == TEST_NAME_OR_ADDRESS);
		assert_int_equal(o->list != NULL, o->op == TEST_LIST);
		if (cases[i].text[0])
			assert_str(o->text, cases[i].text);
	}
}

/* One operator or part: what it looks at, and what it fits. */
static void test_operators(void **state)
{
	static const struct {
		const char *when;
		enum test_part part;
		const char *fits, *fits_not;
	} cases[] = {
		{ "subject: Ab", PART_ANY, "xaBx", "xa" },
		{ "subject: {contains: Ab, case: exact}", PART_ANY, "xAbx",
		    "xabx" },
		{ "subject: {is: Ab}", PART_ANY, "AB", "abc" },
		{ "subject: {starts: Ab}", PART_ANY, "abc", "cab" },
		{ "subject: {ends: Ab}", PART_ANY, "cab", "abc" },
		{ "subject: {matches: 'A*b'}", PART_ANY, "axxB", "axxbx" },
		{ "subject: {regex: '^a+$'}", PART_ANY, "AAA", "AAB" },
		{ "message_id: {is: <a@b>}", PART_ANY, "a@b", "<a@b>" },
		{ "header: {Message-ID: {is: <a@b>}}", PART_ANY, "<a@b>",
		    "a@b" },
		{ "from: {name: Ali}", PART_NAME, "xALIx", "al" },
		{ "from: {name: {is: Ali}}", PART_NAME, "ALI", "alice" },
		{ "from: {local: ali}", PART_LOCAL, "ALI", "alice" },
		{ "from: {user: ali}", PART_USER, "ali", "alice" },
		{ "from: {detail: [a, b]}", PART_DETAIL, "a", "ab" },
		{ "from: {domain: m\xC3\xBCller.example}", PART_DOMAIN,
		    "xn--mller-kva.example", "m\xC3\xBCller.example" },
		{ "from: {domain: {ends: [.b, .c]}}", PART_DOMAIN, "a.b",
		    "a.b.d" },
		{ "attachment: {name: {ends: .pdf}}", PART_NAME, "x.PDF",
		    "x.pdfx" },
		{ "attachment: {type: {starts: image/}}", PART_TYPE,
		    "image/png", "text/image" },
		{ "body: x", PART_ANY, "axb", "a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct cond *c;
		const struct operand *o;

		tear_down(NULL);
		set_up(NULL);
		c = when(arena_printf(t.arena, "{%s}", cases[i].when).p);
		assert_int_equal(c->n_tests, 1);
		assert_int_equal(c->tests[0].part, cases[i].part);
		o = &c->tests[0].any[0];
		assert_int_equal(o->op, TEST_PATTERN);
		assert_int_equal(pattern_match(o->pattern,
		    str_of(cases[i].fits), NULL), PATTERN_YES);
		assert_int_equal(pattern_match(o->pattern,
		    str_of(cases[i].fits_not), NULL), PATTERN_NO);
	}
}

static void test_accounts(void **state)
{
	(void)state;
	assert_null(load("version: 1\nrules:\n"
	    "- {name: a, account: wrok, when: {account: [home, x]}, "
	    "then: stop}\n"));
	assert_int_equal(t.ps.errors, 2);
	assert_str(t.ps.list[0].text, "there is no account `wrok`");
	assert_str(t.ps.list[0].hint, "did you mean `work`?");
	assert_str(t.ps.list[1].text, "there is no account `x`");
	assert_int_equal(t.ps.list[1].pos.col, 51);
}

static void test_values(void **state)
{
	const struct cond *c = when("{size: {over: 2K, under: 3M}, "
	    "age: {over: 1h}, received: {after: 2026-01-15T22:00, "
	    "before: 2027-01-01}, is: unread, flag: \\seen, label: inbox, "
	    "account: work, message_id: <a@b>}");

	(void)state;
	assert_int_equal(c->n_kids, 8);
	assert_true(c->kids[0]->bounds.has_low);
	assert_int_equal(c->kids[0]->bounds.low, 2048);
	assert_int_equal(c->kids[0]->bounds.high, 3 * 1024 * 1024);
	assert_int_equal(c->kids[1]->bounds.low, 3600);
	assert_false(c->kids[1]->bounds.has_high);
	assert_true(c->kids[2]->after.has_time);
	assert_int_equal(c->kids[2]->after.civil,
	    time_from_civil(2026, 1, 15, 22, 0, 0));
	assert_true(c->kids[2]->before.set);
	assert_false(c->kids[2]->before.has_time);
	assert_false(c->kids[2]->on.set);
	assert_str(c->kids[3]->text, "\\Seen");
	assert_true(c->kids[3]->negated);
	assert_str(c->kids[4]->tests[0].any[0].text, "\\Seen");
	assert_str(c->kids[5]->tests[0].any[0].text, "INBOX");
	assert_str(c->kids[6]->tests[0].any[0].text, "work");
	assert_int_equal(pattern_match(
	    c->kids[7]->tests[0].any[0].pattern, STR_LIT("a@b"), NULL),
	    PATTERN_YES);
	assert_int_equal(c->kids[7]->source, TEXT_MESSAGE_ID);
}

/* -------------------------------------------------------------- actions */

static void test_actions(void **state)
{
	static const struct {
		enum action_kind kind;
		enum place_kind place;
		const char *text;
	} want[] = {
		{ ACTION_LABEL, PLACE_STAY, "a" },
		{ ACTION_LABEL, PLACE_STAY, "b/c" },
		{ ACTION_UNLABEL, PLACE_STAY, "INBOX" },
		{ ACTION_FLAG, PLACE_STAY, "\\Seen" },
		{ ACTION_UNFLAG, PLACE_STAY, "\\Seen" },
		{ ACTION_UNFLAG, PLACE_STAY, "\\Flagged" },
		{ ACTION_FLAG, PLACE_STAY, "\\Seen" },
		{ ACTION_FLAG, PLACE_STAY, "$Junk" },
		{ ACTION_UNFLAG, PLACE_STAY, "NonJunk" },
		{ ACTION_COPY, PLACE_MAILBOX, "x" },
		{ ACTION_COPY, PLACE_SPECIAL, "\\Sent" },
		{ ACTION_PLACE, PLACE_MAILBOX, "Some/Where" },
		{ ACTION_PLACE, PLACE_SPECIAL, "\\Archive" },
		{ ACTION_PLACE, PLACE_MAILBOX, "INBOX" },
		{ ACTION_PLACE, PLACE_SPECIAL, "\\Trash" },
		{ ACTION_PLACE, PLACE_SPECIAL, "\\Junk" },
		{ ACTION_PLACE, PLACE_DELETE, NULL },
		{ ACTION_STOP, PLACE_STAY, NULL },
	};
	struct rules *r = load("version: 1\nrules:\n  - name: r\n"
	    "    then:\n"
	    "      - {label: [a, b/c], unlabel: Inbox}\n"
	    "      - mark: [read, unread]\n"
	    "      - unmark: [starred, unread]\n"
	    "      - {flag: $Junk, unflag: NonJunk}\n"
	    "      - copy: [x, {special: \\sent}]\n"
	    "      - move: Some/Where\n"
	    "      - archive\n"
	    "      - inbox: true\n"
	    "      - trash\n"
	    "      - spam\n"
	    "      - delete\n"
	    "      - stop\n");
	const struct branch *top;

	(void)state;
	assert_non_null(r);
	top = &r->rules[0].top;
	assert_null(top->when);
	assert_int_equal(top->n_actions, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		const struct action *a = &top->actions[i];
		struct str text;

		assert_int_equal(a->kind, want[i].kind);
		assert_int_equal(a->place, want[i].place);
		assert_int_equal(a->text != NULL, want[i].text != NULL);
		if (!a->text)
			continue;
		assert_true(template_literal(a->text, &text));
		assert_str(text, want[i].text);
	}
}

static void test_rule_keys(void **state)
{
	struct rules *r = load("version: 1\nrules:\n"
	    "  - name: a\n    enabled: false\n    in: [inbox, Lists/x]\n"
	    "    account: work\n    applies_to: all\n    every: 1d\n"
	    "    limit: 200\n    then: archive\n"
	    "  - name: b\n    when: {subject: x}\n    then: [{label: top}]\n"
	    "    first_of:\n"
	    "      - when: {subject: y}\n        then: trash\n"
	    "      - otherwise: spam\n");
	const struct rule_info *info;

	(void)state;
	assert_non_null(r);
	info = rules_info(r, 0);
	assert_string_equal(info->name, "a");
	assert_false(info->enabled);
	assert_true(info->applies_to_all);
	assert_int_equal(info->every, 86400);
	assert_int_equal(info->limit, 200);
	assert_int_equal(info->n_in, 2);
	assert_str(info->in[0], "INBOX");
	assert_str(info->accounts[0], "work");
	assert_int_equal(info->pos.line, 3);
	assert_true(rules_info(r, 1)->enabled);
	assert_int_equal(r->rules[1].top.n_actions, 1);
	assert_int_equal(r->rules[1].top.n_first_of, 2);
	assert_non_null(r->rules[1].top.first_of[0].when);
	assert_true(r->rules[1].top.first_of[1].otherwise);
	assert_int_equal(r->rules[1].top.first_of[1].n_actions, 1);
}

/* ------------------------------------------------- what the rules read */

static void test_reads(void **state)
{
	struct rules *r = load("version: 1\n"
	    "conditions: {n: {any: [{header: {x-spam: a}}, {sent: "
	    "{after: 2026-01-01}}]}}\n"
	    "rules:\n"
	    "  - {name: a, when: {from: a, all: [n, {label: [work, w*, "
	    "INBOX, work]}]}, then: archive}\n"
	    "  - {name: b, when: {header: {X-Spam: b, FROM: c}}, "
	    "then: [{label: $(header.X-Tpl)}]}\n"
	    "  - {name: c, enabled: false, when: {subject: a, label: no}, "
	    "then: archive}\n"
	    "  - name: d\n"
	    "    first_of: [{when: {recipient: a}, then: "
	    "[{move: '$(list_id)'}]}]\n");
	static const char *const want[] = { "From", "x-spam", "Date",
	    "X-Tpl", "To", "Cc", "Bcc", "Delivered-To", "X-Original-To",
	    "List-Id" };
	const struct str *list;
	bool whole = true;

	(void)state;
	assert_non_null(r);
	assert_int_equal(rules_fields(r, &list, &whole), COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		assert_str(list[i], want[i]);
	assert_false(whole);
	assert_int_equal(rules_labels_read(r, &list), 1);
	assert_str(list[0], "work");
}

/* --------------------------------------------------------------- include */

static void test_include(void **state)
{
	static const char *const paths[] = { "d/main.yaml", "d/second.yaml",
	    "d/main.yaml" };
	struct rules *r;
	const struct source *const *sources;

	(void)state;
	put("d/main.yaml", "version: 1\n"
	    "rules: [{name: main, when: shared, then: archive}]\n"
	    "include: [e/one.yaml, ./two.yaml]\n"
	    "tests: [{name: t, message: 'Subject: x', expect: "
	    "{rules: [one]}}]\n");
	put("d/e/one.yaml", "version: 1\ninclude: ../two.yaml\n"
	    "rules: [{name: one, then: archive}]\n"
	    "tests: [{name: u, message: 'Subject: x', expect: "
	    "{rules: []}}]\n");
	put("d/e/../two.yaml", "version: 1\n"
	    "lists: {l: {file: l.lst}}\n"
	    "conditions: {shared: {from: {list: l}}}\n"
	    "rules: [{name: two, then: archive}]\n");
	put("d/e/../l.lst", "# comment\r\n\r\n  a@example.org \r\n");
	put("d/second.yaml", "version: 1\nrules: [{name: second, "
	    "then: stop}]\n");
	r = load_all(paths, COUNT(paths));
	assert_non_null(r);
	assert_int_equal(rules_count(r), 4);
	assert_string_equal(rules_info(r, 0)->name, "two");
	assert_string_equal(rules_info(r, 1)->name, "one");
	assert_string_equal(rules_info(r, 2)->name, "main");
	assert_string_equal(rules_info(r, 3)->name, "second");
	assert_int_equal(rules_test_count(r), 1);
	assert_string_equal(r->tests[0].name, "t");
	assert_int_equal(rules_sources(r, &sources), 5);
	assert_int_equal(t.reads, 5);
}

static void test_include_limits(void **state)
{
	const char *path = "0.yaml";

	(void)state;
	for (int i = 0; i <= RULES_INCLUDE_DEPTH + 1; i++)
		put(arena_printf(t.arena, "%d.yaml", i).p,
		    arena_printf(t.arena, "version: 1\n%s",
		    i <= RULES_INCLUDE_DEPTH ? arena_printf(t.arena,
		    "include: %d.yaml\n", i + 1).p : "").p);
	assert_null(load_all(&path, 1));
	assert_int_equal(t.ps.errors, 1);
	assert_non_null(strstr(t.ps.list[0].text.p, "16 deep"));
}

/* ----------------------------------------------------------------- lists */

static enum truth has(const struct list_table *l, const char *name,
    const char *local, const char *domain)
{
	struct address a = {
		.name = str_of(name), .local = str_of(local),
		.domain = str_of(domain),
	};

	if (local[0])
		a.address = arena_printf(t.arena, "%s@%s", local, domain);
	return list_has_address(l, &a);
}

static void test_lists(void **state)
{
	const struct cond *c;
	const struct list_table *l, *texts;

	(void)state;
	put("l.lst", "Alice@Example.org\n@example.com\n@*.example.net\n"
	    "Gro\xC3\x9F\n# no\n  spaced out  \nspace\n");
	c = load("version: 1\nlists: {l: {file: l.lst}}\nrules:\n"
	    "  - {name: a, when: {from: {list: l}, subject: {list: l}}, "
	    "then: archive}\n")->rules[0].top.when;
	l = c->kids[0]->tests[0].any[0].table;
	texts = c->kids[1]->tests[0].any[0].table;
	assert_int_equal(c->kids[0]->tests[0].any[0].list->n, 6);
	assert_int_equal(has(l, "", "aLICE", "example.org"), TRUTH_TRUE);
	assert_int_equal(has(l, "", "alice", "x.example.org"), TRUTH_FALSE);
	assert_int_equal(has(l, "", "x", "example.com"), TRUTH_TRUE);
	assert_int_equal(has(l, "", "x", "a.example.com"), TRUTH_FALSE);
	assert_int_equal(has(l, "", "x", "a.example.net"), TRUTH_TRUE);
	assert_int_equal(has(l, "", "x", "example.net"), TRUTH_FALSE);
	assert_int_equal(has(l, "Herr GRO\xE1\xBA\x9E", "x", "y"),
	    TRUTH_TRUE);
	assert_int_equal(has(l, "", "outer.SPACE", "y"), TRUTH_TRUE);
	assert_int_equal(has(l, "no", "no", "no"), TRUTH_FALSE);
	assert_int_equal(has(l, "", "", ""), TRUTH_FALSE);
	assert_int_equal(list_has_text(texts, STR_LIT("SPACED out")),
	    TRUTH_TRUE);
	assert_int_equal(list_has_text(texts, STR_LIT("paced out")),
	    TRUTH_FALSE);
	assert_int_equal(list_has_text(texts, STR_LIT("@EXAMPLE.com")),
	    TRUTH_TRUE);
	assert_int_equal(list_has_text(texts, STR_EMPTY), TRUTH_FALSE);
}

/* Needles against a plain search, on many short texts of few letters. */
static void test_needles(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct buf b;
		struct rules *r;
		const struct list *l;
		const struct list_table *table;

		tear_down(NULL);
		set_up(NULL);
		buf_init(&b, 100000);
		buf_add_z(&b, "version: 1\nlists: {l: [");
		for (int i = 0; i < 6; i++) {
			buf_add_z(&b, i ? ", \"" : "\"");
			for (uint64_t k = 0; k < 1 + seed % 4; k++) {
				seed = seed * 6364136223846793005u + 1;
				buf_add_char(&b, "abc"[(seed >> 40) % 3]);
			}
			seed ^= seed >> 33;
			buf_add_z(&b, "\"");
		}
		buf_add_z(&b, "]}\nrules: [{name: a, when: {from: "
		    "{list: l}}, then: archive}]\n");
		r = load(arena_z(t.arena, buf_str(&b)));
		buf_free(&b);
		assert_non_null(r);
		l = r->rules[0].top.when->tests[0].any[0].list;
		table = r->rules[0].top.when->tests[0].any[0].table;
		for (int i = 0; i < 50; i++) {
			char text[9] = { 0 };
			bool want = false;

			for (int k = 0; k < 8; k++) {
				seed = seed * 6364136223846793005u + 1;
				text[k] = "abc"[(seed >> 40) % 3];
			}
			for (size_t k = 0; k < l->n; k++)
				want |= strstr(text, arena_z(t.arena,
				    l->entries[k])) != NULL;
			assert_int_equal(has(table, text, "", ""), want ?
			    TRUTH_TRUE : TRUTH_FALSE);
		}
	}
}

/* The table must fold as the patterns do. */
static void test_fold(void **state)
{
	struct pattern_set *s = pattern_set_make(t.arena, 0);

	(void)state;
	for (uint32_t cp = 1; cp < 0x20000; cp++) {
		struct buf one, other;
		struct pattern_error e;
		const struct pattern *p;

		if (fold_char(cp) == cp)
			continue;
		buf_init(&one, 8);
		buf_init(&other, 8);
		buf_add_utf8(&one, cp);
		fold_add(&other, buf_str(&one));
		assert_true(fold_char(fold_char(cp)) == fold_char(cp));
		p = pattern_make(s, PATTERN_IS, buf_str(&other), true, &e);
		assert_non_null(p);
		assert_int_equal(pattern_match(p, buf_str(&one), NULL),
		    PATTERN_YES);
		buf_free(&one);
		buf_free(&other);
	}
	assert_int_equal(fold_char(0x212A), 'k');
	assert_int_equal(fold_char(0x1E9E), 0xDF);
	assert_int_equal(fold_char(0x130), 0x130);
	assert_int_equal(fold_char(0x10400), 0x10428);
	/* and no letter less */
	assert_int_equal(fold_char(0x13A0), 0x13A0);
	assert_int_equal(fold_char(0xAB70), 0x13A0);
}

/* -------------------------------------------------------------- captures */

static void captures(const char *rule, unsigned errors)
{
	struct rules *r;

	tear_down(NULL);
	set_up(NULL);
	r = load(arena_printf(t.arena, "version: 1\n"
	    "conditions:\n"
	    "  n: {subject: {regex: '(?<n>x)'}}\n"
	    "  used: {any: [n]}\n"
	    "rules:\n"
	    "  - {name: u, when: used, then: archive}\n"
	    "  - {name: r, %s}\n", rule).p);
	if (t.ps.errors != errors)
		print_message("%s\n", rule);
	assert_int_equal(t.ps.errors, errors);
	assert_int_equal(r == NULL, errors > 0);
}

static void test_captures(void **state)
{
	(void)state;
	captures("when: {subject: {regex: '(a)'}}, then: {label: $(1)}", 0);
	captures("when: {subject: {regex: '(a)?'}}, then: {label: $(1)}", 1);
	captures("when: {subject: {regex: '(a)?'}}, "
	    "then: {label: '$(1:-x)'}", 0);
	captures("when: {subject: {regex: '(a)|b'}}, then: {label: $(1)}",
	    1);
	captures("when: n, then: {label: $(n)}", 0);
	captures("when: {not: n}, then: {label: '$(n:-x)'}", 1);
	captures("when: {any: [n, {from: x}]}, then: {label: $(n)}", 1);
	captures("when: {any: [{from: x}, n]}, then: {label: $(n)}", 1);
	captures("when: {any: [n, {from: x}]}, then: {label: '$(n:-x)'}",
	    0);
	captures("when: {any: [n, {cc: {regex: '(?<n>y)'}}]}, "
	    "then: {label: $(n)}", 0);
	captures("when: {subject: {regex: ['(a)', '(b)']}}, "
	    "then: {label: $(1)}", 0);
	captures("when: {subject: {regex: ['(a)', 'b']}}, "
	    "then: {label: $(1)}", 1);
	captures("when: {subject: {regex: '(a)', contains: x}}, "
	    "then: {label: $(1)}", 0);
	/* The first that matched and defines it counts, set or not. */
	captures("when: {all: [{subject: {regex: '(a)?'}}, "
	    "{cc: {regex: '(b)'}}]}, then: {label: $(1)}", 1);
	captures("when: {all: [{subject: {regex: '(b)'}}, "
	    "{cc: {regex: '(a)?'}}]}, then: {label: $(1)}", 0);
	/* A branch sees its own first, then the rule's. */
	captures("when: n, first_of: [{when: {cc: {regex: '(b)'}}, "
	    "then: {label: $(n)/$(1)}}, {otherwise: {label: $(n)}}]", 0);
	captures("when: n, first_of: [{when: {cc: {regex: '(b)(c)'}}, "
	    "then: archive}, {otherwise: {label: $(2)}}]", 1);
	captures("when: {subject: {regex: '(?<from>a)'}}, "
	    "then: {label: $(from)}", 1);
}

/* ---------------------------------------------------- tests in the files */

static void test_expectations(void **state)
{
	struct rules *r;
	const struct test_case *c;

	(void)state;
	put("mail.eml", "Subject: y\n\n");
	r = load("version: 1\nrules: [{name: a, then: stop}, "
	    "{name: b, then: stop}]\n"
	    "tests:\n"
	    "  - name: first\n"
	    "    message: |\n"
	    "      Subject: x\n"
	    "\n"
	    "      body\n"
	    "    expect: {rules: a, replaced: false}\n"
	    "  - name: second\n"
	    "    file: mail.eml\n"
	    "    labels: []\n"
	    "    flags: [unread, starred, $Junk]\n"
	    "    mailbox: inbox\n"
	    "    account: work\n"
	    "    received: 2026-01-15T22:00\n"
	    "    now: 2026-01-16\n"
	    "    zone: -03:30\n"
	    "    expect:\n"
	    "      rules: []\n"
	    "      labels: [x, Inbox]\n"
	    "      flags: [read]\n"
	    "      mailbox: Archive\n"
	    "      unknown: [a, b]\n"
	    "      failed: []\n");
	assert_non_null(r);
	assert_int_equal(rules_test_count(r), 2);
	c = &r->tests[0];
	assert_str(c->message, "Subject: x\n\nbody\n");
	assert_int_equal(c->n_labels, 1);
	assert_str(c->labels[0], "INBOX");
	assert_int_equal(c->n_flags, 0);
	assert_int_equal(c->mailbox.n, 0);
	assert_true(c->received == TIME_NONE && c->now == TIME_NONE);
	assert_null(c->zone);
	assert_true(c->has_rules);
	assert_int_equal(c->n_rules, 1);
	assert_false(c->has_labels || c->has_flags || c->has_mailbox ||
	    c->has_unknown || c->has_failed);
	c = &r->tests[1];
	assert_str(c->message, "Subject: y\n\n");
	assert_int_equal(c->n_labels, 0);
	assert_int_equal(c->n_flags, 2);
	assert_str(c->flags[0], "\\Flagged");
	assert_str(c->flags[1], "$Junk");
	assert_str(c->mailbox, "INBOX");
	assert_str(c->account, "work");
	assert_int_equal(c->received,
	    time_from_civil(2026, 1, 15, 22, 0, 0));
	assert_int_equal(c->now, time_from_civil(2026, 1, 16, 0, 0, 0));
	assert_int_equal(zone_east(c->zone, 0), -12600);
	assert_int_equal(c->n_rules, 0);
	assert_int_equal(c->n_expect_labels, 2);
	assert_str(c->expect_labels[1], "INBOX");
	assert_int_equal(c->n_expect_flags, 1);
	assert_str(c->expect_flags[0], "\\Seen");
	assert_str(c->expect_mailbox, "Archive");
	assert_int_equal(c->n_unknown, 2);
	assert_true(c->has_failed);
	assert_int_equal(c->n_failed, 0);
}

/* ---------------------------------------------------------------- limits */

static void test_deep(void **state)
{
	struct buf b;

	(void)state;
	/* Named conditions in a chain are as deep as nested ones. */
	buf_init(&b, 1000000);
	buf_add_z(&b, "version: 1\nconditions:\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "  c%d: {not: c%d}\n", i, i + 1);
	buf_add_z(&b, "  c1000: {subject: x}\n"
	    "rules: [{name: r, when: c0, then: archive}]\n");
	assert_null(load(buf_z(&b)));
	assert_true(t.ps.errors > 0 && t.ps.errors < 10);
	/* Each twice: not 2^40 of anything. */
	tear_down(NULL);
	set_up(NULL);
	buf_clear(&b);
	buf_add_z(&b, "version: 1\nconditions:\n");
	for (int i = 0; i < 40; i++)
		buf_printf(&b, "  c%d: {all: [c%d, c%d]}\n", i, i + 1,
		    i + 1);
	buf_add_z(&b, "  c40: {subject: {regex: '(x)'}}\n"
	    "rules: [{name: r, when: c0, then: {label: $(1)}}]\n");
	assert_null(load(buf_z(&b)));
	assert_true(t.ps.errors > 0 && t.ps.errors < 50);
	buf_free(&b);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct rules *load_many(int n)
{
	double start = seconds();
	struct rules *r;
	struct buf b;

	tear_down(NULL);
	set_up(NULL);
	buf_init(&b, NODE_FILE_MAX);
	buf_add_z(&b, "version: 1\nrules:\n");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "- {name: r%d, when: {from: u%d@example.org,"
		    " subject: s%d}, then: {label: l/%d}}\n", i, i, i % 100,
		    i);
	r = load(buf_z(&b));
	buf_free(&b);
	print_message("# %d rules: %.1f ms\n", n,
	    (seconds() - start) * 1000);
	return r;
}

static void test_many(void **state)
{
	double start = seconds();
	struct buf b;
	const struct list_table *l;
	const struct operand *o;

	(void)state;
	assert_non_null(load_many(1000));
	assert_non_null(load_many(RULES_MAX));
	assert_null(load_many(RULES_MAX + 1));
	tear_down(NULL);
	set_up(NULL);
	buf_init(&b, 64 * 1024 * 1024);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "user%d@example.org\nName %d\n", i, i);
	put("l.lst", buf_z(&b));
	o = &load("version: 1\nlists: {l: {file: l.lst}}\nrules: [{name: a, "
	    "when: {from: {list: l}}, then: archive}]\n")
	    ->rules[0].top.when->tests[0].any[0];
	l = o->table;
	assert_int_equal(o->list->n, 200000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(has(l, "", "x", "example.org"),
		    TRUTH_FALSE);
	assert_int_equal(has(l, "name 99999", "x", ""), TRUTH_TRUE);
	print_message("# list of 200,000 and 100,000 looks: %.1f ms\n",
	    (seconds() - start) * 1000);
	buf_free(&b);
	/* Loose: a quadratic step would take minutes. */
	assert_true(seconds() - start < 30);
}

/* Every rule names an unknown condition: hints must not be quadratic. */
static void test_many_mistakes(void **state)
{
	double start = seconds();
	struct buf b;

	(void)state;
	buf_init(&b, NODE_FILE_MAX);
	buf_add_z(&b, "version: 1\nconditions:\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "  condition%d: {from: u}\n", i);
	buf_add_z(&b, "rules:\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "- {name: r%d, when: conditiom%d, "
		    "then: stop}\n", i, i);
	assert_null(load(buf_z(&b)));
	assert_int_equal(t.ps.errors, 10000);
	assert_true(seconds() - start < 30);
	buf_free(&b);
}

#define unit(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(test_shapes), unit(test_addresses),
		unit(test_operators), unit(test_accounts), unit(test_values),
		unit(test_actions), unit(test_rule_keys), unit(test_reads),
		unit(test_include), unit(test_include_limits),
		unit(test_lists), unit(test_needles), unit(test_fold),
		unit(test_captures), unit(test_expectations),
		unit(test_deep), unit(test_many),
		unit(test_many_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
