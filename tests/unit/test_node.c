/* YAML to nodes: places, limits, messages, readings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "rules/node.h"

#define assert_str(s, z) \
	do { \
		struct str got_ = (s); \
		assert_int_equal(got_.n, strlen(z)); \
		assert_memory_equal(got_.p, (z), got_.n); \
	} while (0)

static struct arena *arena;
static struct problems ps;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	problems_init(&ps, arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct node *read_str(struct str text)
{
	problems_init(&ps, arena);
	return node_read(arena, "rules.yaml", text, &ps);
}

static struct node *read_z(const char *text)
{
	return read_str(str_of(text));
}

static struct str all_shown(void)
{
	struct buf b;
	struct str s;

	buf_init(&b, 100000);
	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++)
		problem_show(&b, &ps.list[i]);
	s = arena_str(arena, buf_str(&b));
	buf_free(&b);
	return s;
}

static void assert_pos(const struct node *n, int line, int col, int width)
{
	assert_int_equal(n->pos.line, line);
	assert_int_equal(n->pos.col, col);
	assert_int_equal(n->pos.width, width);
}

static void test_tree(void **state)
{
	struct node *root = read_z(
	    "version: 1\n"
	    "rules:\n"
	    "  - name: 'äö'\n"
	    "    when: {subject: [a, \"b\"], n: 010}\n"
	    "    note: |\n"
	    "      two\n"
	    "      lines\n");
	struct node *rules, *rule, *subject;

	(void)state;
	assert_int_equal(ps.n, 0);
	assert_int_equal(root->kind, NODE_MAP);
	assert_int_equal(root->n, 2);
	assert_null(root->parent);
	assert_str(root->keys[1]->text, "rules");
	assert_pos(root->keys[1], 2, 1, 5);
	rules = node_get(root, "rules");
	assert_int_equal(rules->kind, NODE_LIST);
	assert_ptr_equal(rules->parent, root);
	rule = rules->items[0];
	assert_ptr_equal(rule->parent, rules);
	assert_pos(node_get(rule, "name"), 3, 11, 4);
	assert_true(node_get(rule, "name")->quoted);
	subject = node_get(node_get(rule, "when"), "subject");
	assert_pos(subject, 4, 21, 1);
	assert_pos(subject->items[0], 4, 22, 1);
	assert_false(subject->items[0]->quoted);
	assert_pos(subject->items[1], 4, 25, 3);
	assert_true(subject->items[1]->quoted);
	assert_str(node_get(node_get(rule, "when"), "n")->text, "010");
	assert_str(node_get(rule, "note")->text, "two\nlines\n");
	assert_pos(node_get(rule, "note"), 5, 11, 0);
	assert_true(node_get(rule, "note")->quoted);
	assert_pos(node_get_key(rule, "note"), 5, 5, 4);
	assert_null(node_get(rule, "nothing"));
	assert_null(node_get_key(rule, "nothing"));
	assert_null(node_get(rules, "name"));
	assert_null(node_get(NULL, "name"));
	assert_string_equal(root->pos.source->name, "rules.yaml");

	/* columns are characters, not octets; CR LF is one line end */
	root = read_z("\xEF\xBB\xBF" "a: [日本, é]\r\nb: 2\r\n");
	assert_pos(root, 1, 1, 0);
	assert_pos(node_get(root, "a")->items[1], 1, 9, 1);
	assert_pos(node_get(root, "b"), 2, 4, 1);
}

static void test_merge(void **state)
{
	struct node *root = read_z(
	    "x: &x {a: 1, b: 2, c: 3}\n"
	    "y: &y {a: 9, d: 4}\n"
	    "z: {b: 7, <<: [*x, *y], e: 8}\n"
	    "w: {<<: *x, c: 5}\n"
	    "v: {'<<': 5}\n"
	    "u: [*x, *x]\n");
	struct node *z = node_get(root, "z"), *w = node_get(root, "w");
	static const char *const keys[] = { "b", "a", "c", "d", "e" };
	static const char *const items[] = { "7", "1", "3", "4", "8" };

	(void)state;
	assert_int_equal(ps.n, 0);
	assert_int_equal(z->n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_str(z->keys[i]->text, keys[i]);
		assert_str(z->items[i]->text, items[i]);
	}
	assert_int_equal(w->n, 3);
	assert_str(node_get(w, "c")->text, "5");
	assert_int_equal(node_get(root, "v")->n, 1);
	assert_ptr_equal(node_get(root, "u")->items[1], node_get(root, "x"));
}

/* The first problem of each text, with its place. */
static const struct wrong {
	const char *text;
	int line, col;
	const char *say;	/* begins so */
} wrongs[] = {
	{ "", 0, 0, "the file is empty" },
	{ "# only a comment\n", 0, 0, "the file is empty" },
	{ "a: 1\na: 2\n", 2, 1,
	    "the key `a` stands in this map already, on line 1, column 1" },
	{ "a: {b: 1, c: 2,\n  b: 3}\n", 2, 3,
	    "the key `b` stands in this map already, on line 1, column 5" },
	{ "a: 1\n'a': 2\n", 2, 1, "the key `a` stands" },
	{ "a: &a {}\nb: {<<: *a, <<: *a}\n", 2, 13, "the key `<<` stands" },
	{ "a: {<<: 5}\n", 1, 9, "`<<` takes a map or a list of maps" },
	{ "a: {<<: [5]}\n", 1, 10, "`<<` takes a map or a list of maps" },
	{ "a: 1\n---\nb: 2\n", 2, 1, "a second document begins here" },
	{ "--- 1\n--- 2\n", 2, 1, "a second document begins here" },
	{ "a: !include x\n", 1, 4, "the tag `!include` has no meaning" },
	{ "a: !!set {}\n", 1, 4, "the tag `!!set` has no meaning" },
	{ "a: !!map x\n", 1, 4, "the tag `!!map` has no meaning" },
	{ "a: !foo!x y\n", 1, 4, "`!` begins a tag here" },
	{ "? [a]\n: 1\n", 1, 3, "a key must be a text, not a list" },
	{ "? {a: 1}\n: 1\n", 1, 3, "a key must be a text, not a map" },
	{ "? \n: 1\n", 1, 2, "a key is missing here" },
	{ "{: 1}\n", 1, 2, "a key or a value is missing before this" },
	{ "a: *b\n", 1, 4, "no anchor `&b` stands before this alias" },
	{ "a: &a [1, *a]\n", 1, 11, "this alias stands inside" },
	{ "a: *.pdf\n", 1, 4, "`*` begins an alias here" },
	{ "a: & x\n", 1, 4, "`&` begins an anchor here" },
	{ "a: \"\\0\"\n", 1, 4, "a text may not hold a NUL" },
	{ "a: b\xC3\n", 1, 5, "the byte 0xC3 is not UTF-8 here" },
	{ "é: b\xE9\n", 1, 5, "the byte 0xE9 is not UTF-8 here" },
	{ "a: b\x1B[0m\n", 1, 5, "the control character U+001B" },
	{ "a: b\x7F\n", 1, 5, "the control character U+007F" },
	{ "a: b\n\xEF\xBB\xBF" "c: d\n", 2, 1, "a byte order mark" },
	{ "a: b\xE2\x80\xA8\n", 1, 5, "the line separator U+2028" },
	{ "\xFF\xFE" "a", 0, 0, "the file is UTF-16" },
	{ "a:\n\tb: 1\n", 2, 1, "a tab stands in the indentation" },
	{ "a:\n  - b\n \t- c\n", 3, 2, "a tab stands in the indentation" },
	{ "a: Re: b\n", 1, 6, "this `:` does not belong here" },
	{ "a: {b: Re: c}\n", 1, 10, "a `,` or the closing bracket is" },
	{ "a: [\"b\" c]\n", 1, 9, "a `,` or the closing bracket is" },
	{ "a: [b,\nc: d\n", 1, 4, "this `[` is not closed" },
	{ "a: {b: c\n", 1, 4, "this `{` is not closed" },
	{ "a: \"b\nc: d\n", 1, 4, "this quote is never closed" },
	{ "a: 'b\nc: d\n", 1, 4, "this quote is never closed" },
	{ "a: @example.org\n", 1, 4, "the character \"@\" may not begin" },
	{ "a: `b`\n", 1, 4, "the character \"`\" may not begin" },
	{ "a: %b\n", 1, 4, "the character \"%\" may not begin" },
	{ "%b\n", 1, 1, "a line that begins with `%`" },
	{ "a: \"\\d\"\n", 1, 5, "this is no escape of YAML" },
	{ "a: \"b\" c\n", 1, 8, "the text in quotes has ended" },
	{ "a: 'it's'\n", 1, 8, "the text in quotes has ended" },
	{ "a: - b\n", 1, 4, "a list entry `- ` must begin on a line" },
	{ "a: | b\n", 1, 6, "the text of `|` or `>` begins on the next" },
	{ "a:\n  - b\n c: d\n", 3, 2, "this does not continue the map" },
	{ "- a\nb: c\n", 2, 1, "this does not continue the list" },
	{ "a: b\n- c\n", 2, 1, "this does not continue the map" },
	{ "{a: b}}\n", 1, 7, "the document has ended before this" },
	{ "ab\ncd\n: x\n", 3, 1, "" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		struct node *root = read_z(w->text);

		if (ps.errors < 1)
			fail_msg("no problem in: %s", w->text);
		if (!root)
			assert_int_equal(ps.errors, 1);
		if (ps.list[0].pos.line != w->line ||
		    ps.list[0].pos.col != w->col)
			fail_msg("%d:%d, not %d:%d, in: %s",
			    ps.list[0].pos.line, ps.list[0].pos.col,
			    w->line, w->col, w->text);
		if (!str_starts(ps.list[0].text, str_of(w->say)))
			fail_msg("\"%.*s\" in: %s",
			    STR_ARG(ps.list[0].text), w->text);
		assert_string_equal(ps.list[0].pos.source->name,
		    "rules.yaml");
	}
	assert_null(read_str(STR_LIT("ab: c\0d\n")));
	assert_true(str_starts(ps.list[0].text, STR_LIT("a NUL byte")));
	assert_int_equal(ps.list[0].pos.col, 6);
}

/* Reading goes on behind what is no matter of syntax. */
static void test_goes_on(void **state)
{
	struct node *root = read_z("a: 1\na: 2\nb: *nope\nc: !x y\nd: 4\n");

	(void)state;
	assert_int_equal(ps.errors, 3);
	assert_int_equal(root->n, 4);
	assert_str(node_get(root, "a")->text, "1");
	assert_str(node_get(root, "d")->text, "4");
}

static void test_show(void **state)
{
	struct node *root = read_z(
	    "rules:\n"
	    "  - when:\n"
	    "        subjct: invoice\n"
	    "  - when: {\xE6\x97\xA5\xE6\x9C\xAC: e\xCC\x81, \"x\ty\": *z}\n");
	static const char *const known[] = { "subject", "from" };
	struct node *when;

	(void)state;
	assert_int_equal(ps.errors, 1);
	when = node_get(node_get(root, "rules")->items[0], "when");
	assert_false(node_only_keys(when, known, 2, "condition", &ps));
	assert_str(all_shown(),
	    "rules.yaml:3:9: error: unknown condition `subjct`; did you mean "
	    "`subject`?\n"
	    "    subjct: invoice\n"
	    "    ^~~~~~\n"
	    "rules.yaml:4:27: error: no anchor `&z` stands before this "
	    "alias; put a text that begins with `*` in quotes\n"
	    "    - when: {\xE6\x97\xA5\xE6\x9C\xAC: e\xCC\x81, \"x y\": *z}\n"
	    "                             ^~\n");
	/* each is said once, however often it is found */
	assert_false(node_only_keys(when, known, 2, "condition", &ps));
	assert_int_equal(ps.errors, 2);
	assert_true(node_only_keys(root, (const char *const[]){ "rules" }, 1,
	    "key", &ps));

	problems_init(&ps, arena);
	warning(&ps, (struct pos){ 0 }, "a\x1B[31m%d", 5);
	assert_str(all_shown(), "warning: a\\x1B[31m5\n");
	assert_int_equal(ps.warnings, 1);
	assert_int_equal(ps.errors, 0);

	read_z("a: \"b");
	assert_str(all_shown(), "rules.yaml:1:4: error: this quote is never "
	    "closed\n    a: \"b\n       ^\n");
	read_z("a: b\x9Cq\n");
	assert_str(all_shown(), "rules.yaml:1:5: error: the byte 0x9C is not "
	    "UTF-8 here; save the file as UTF-8\n    a: b\\x9Cq\n"
	    "        ^~~~\n");
}

static void test_show_long(void **state)
{
	struct buf b;
	struct str got, line;
	size_t caret;

	(void)state;
	buf_init(&b, 1000000);
	buf_add_z(&b, "a: [");
	for (int i = 0; i < 20000; i++)
		buf_add_z(&b, "é, ");
	buf_add_z(&b, "*x, b, c]\n");
	read_str(buf_str(&b));
	got = all_shown();
	assert_true(got.n < 500);
	assert_true(str_cut(&got, '\n', &line));
	assert_true(str_cut(&got, '\n', &line));
	assert_true(str_starts(line, STR_LIT("    ...")));
	caret = str_find_char(got, 0, '^');
	assert_int_equal(text_width(str_sub(line, 0,
	    str_find_char(line, 0, '*'))), caret);
	buf_free(&b);
}

/* A place far behind is found as one at the beginning is. */
static void test_places(void **state)
{
	struct source plain = { .name = "x" }, known;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "%*s\xC3\xA4 \xE2\x82\xAC\xFF%s", i % 97, "",
		    i % 400 ? "" : i % 3 ? "\r\n" : i % 7 ? "\r" : "\n\n");
	plain.text = buf_str(&b);
	known = plain;
	source_survey(arena, &known);
	for (int line = 1; line < 20; line++)
		for (int col = 1; col < 40000; col += 1 + col / 7) {
			size_t at, same;
			struct str s = pos_line((struct pos){ &plain, line,
			    col, 0 }, &at);

			assert_ptr_equal(s.p + s.n, pos_line((struct pos){
			    &known, line, col, 0 }, &same).p + s.n);
			assert_int_equal(at, same);
			assert_true(at <= s.n);
			assert_false(memchr(s.p, '\n', s.n));
		}
	buf_free(&b);
}

static void test_sort(void **state)
{
	struct source one = { .name = "z", .text = STR_LIT("a\nb\nc\n") };
	struct source two = { .name = "a", .text = STR_LIT("a\nb\nc\n") };

	(void)state;
	problems_init(&ps, arena);
	problem(&ps, (struct pos){ &one, 3, 1, 0 }, "4");
	problem(&ps, (struct pos){ &two, 1, 1, 0 }, "5");
	problem(&ps, (struct pos){ &one, 1, 2, 0 }, "3");
	problem(&ps, (struct pos){ 0 }, "1");
	problem(&ps, (struct pos){ &one, 1, 1, 0 }, "2");
	problems_sort(&ps);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(ps.list[i].text.p[0], '1' + (char)i);

	/* all are counted, PROBLEMS_MAX of each level kept */
	problems_init(&ps, arena);
	for (int i = 1; i <= 50; i++) {
		problem(&ps, (struct pos){ &one, i, 1, 0 }, "x");
		warning(&ps, (struct pos){ &one, i, 1, 0 }, "x");
	}
	assert_int_equal(ps.errors, 50);
	assert_int_equal(ps.warnings, 50);
	assert_int_equal(ps.n, 2 * PROBLEMS_MAX);
	problems_sort(&ps);
	assert_int_equal(ps.list[39].pos.line, 20);
}

static void test_depth(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	for (int depth = 63; depth <= 65; depth++) {
		buf_clear(&b);
		for (int i = 0; i < depth; i++)
			buf_add_char(&b, '[');
		for (int i = 0; i < depth; i++)
			buf_add_char(&b, ']');
		assert_int_equal(read_str(buf_str(&b)) != NULL,
		    depth <= NODE_DEPTH_MAX);
	}
	assert_true(str_starts(ps.list[0].text, STR_LIT("lists and maps")));

	/* aliases must not add up to more */
	buf_clear(&b);
	buf_add_z(&b, "- &a [[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]\n"
	    "- &b [[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]\n");
	assert_non_null(read_str(buf_str(&b)));
	buf_add_z(&b, "- &c [[[[[[[[[[[[[[[[[[[[[[*b]]]]]]]]]]]]]]]]]]]]]]\n");
	assert_null(read_str(buf_str(&b)));
	assert_int_equal(ps.list[0].pos.line, 3);
	buf_free(&b);
}

static void test_limits(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4000000);
	/* a billion laughs */
	buf_add_z(&b, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++)
		buf_printf(&b, "- &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, "
		    "*a%d, *a%d, *a%d]\n", i, i - 1, i - 1, i - 1, i - 1,
		    i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(read_str(buf_str(&b)));
	assert_true(str_starts(ps.list[0].text,
	    STR_LIT("more than 1000000 nodes")));
	assert_int_equal(ps.list[0].pos.line, 7);

	buf_clear(&b);
	for (int i = 0; i < 1001; i++)
		buf_printf(&b, "- &a%d x\n", i);
	assert_null(read_str(buf_str(&b)));
	assert_true(str_starts(ps.list[0].text, STR_LIT("more than 1000 a")));

	buf_clear(&b);
	while (b.n <= NODE_FILE_MAX)
		buf_add_z(&b, "- a\n");
	assert_null(read_str(buf_str(&b)));
	assert_true(str_starts(ps.list[0].text, STR_LIT("the file is larg")));
	buf_drop_front(&b, 4);
	assert_non_null(read_str(buf_str(&b)));
	buf_free(&b);
}

/* Megabytes that could make something quadratic. */
static void test_speed(void **state)
{
	static const char *const units[] = {
		"[", "{", "- ", "? ", "a: ", "[]", "*a, ", "&a x\n", "!a ",
		"\"", "'\n", "#\n", "\n", "- - - - a\n", "? - ", "<<: ",
		"{a: {", "- {a: 1, b: 2}\n", "- &a x\n- *a\n", "|\n", "\\",
		"a b ", "a: b\n", "%a\n", "---\n", "...\n", "a\n\n\n", "\t",
		"é", "- ! a\n", "- |+\n\n\n\n", "[a, ", "- !!map x\n",
	};
	struct buf b;

	(void)state;
	buf_init(&b, NODE_FILE_MAX);
	for (size_t i = 0; i < COUNT(units) + 1; i++) {
		clock_t began = clock();

		buf_clear(&b);
		for (int k = 0; b.n < NODE_FILE_MAX - 20; k++) {
			if (i < COUNT(units))
				buf_add_z(&b, units[i]);
			else
				buf_printf(&b, "k%d: x\n", k % 50000);
		}
		read_str(buf_str(&b));
		all_shown();
		if (clock() - began > 10 * CLOCKS_PER_SEC)
			fail_msg("slow: %s", i < COUNT(units) ? units[i] :
			    "keys");
		arena_free(&arena);
		arena = arena_new();
	}
	buf_free(&b);
}

/* Whatever stands in a file, reading ends, and says why. */
static void test_noise(void **state)
{
	static const char *const bits[] = { "a", ": ", "- ", "\n", "  ",
	    "[", "]", "{", "}", ", ", "&a ", "*a", "!", "\"", "'", "|", ">",
	    "#", "? ", "%", "\\", "<<", "---", "é", "\t", "\r", "~", "\xFF",
	    "!!str ", "!!int ", "b", "\n  ", "\n    ", "*b", "&b " };
	uint32_t seed = 1;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 20000; i++) {
		buf_clear(&b);
		for (int k = i % 40; k >= 0; k--) {
			seed = seed * 1664525 + 1013904223;
			buf_add_z(&b, bits[(seed >> 16) % COUNT(bits)]);
		}
		if (!read_str(buf_str(&b)))
			assert_true(ps.errors > 0);
		all_shown();
		if (i % 1000 == 0) {
			arena_free(&arena);
			arena = arena_new();
		}
	}
	buf_free(&b);
}

static void test_core(void **state)
{
	struct node *root = read_z(
	    "[null, ~, '', \"null\", Null, true, false, True, yes, 'true', "
	    "!!str true, !!bool 'true', no, 22:00]\n{a: , b: }");
	struct node **n;
	bool b;

	(void)state;
	assert_null(root);
	root = read_z("- null\n- ~\n- ''\n- 'null'\n- Null\n- true\n- false\n"
	    "- True\n- yes\n- 'true'\n- !!str true\n- !!bool 'true'\n-\n"
	    "- []\n");
	n = root->items;
	assert_true(node_is_null(n[0]));
	assert_true(node_is_null(n[1]));
	assert_false(node_is_null(n[2]));
	assert_false(node_is_null(n[3]));
	assert_false(node_is_null(n[4]));
	assert_true(node_is_null(n[12]));
	assert_false(node_is_null(n[13]));
	assert_true(node_is_bool(n[5], &b) && b);
	assert_true(node_is_bool(n[6], &b) && !b);
	for (size_t i = 7; i <= 10; i++)
		assert_false(node_is_bool(n[i], &b));
	assert_true(node_is_bool(n[11], &b) && b);

	root = read_z("a:\nb: {c: , d: 1}\ne: !!str\n");
	assert_true(node_is_null(node_get(root, "a")));
	assert_true(node_is_null(node_get(node_get(root, "b"), "c")));
	assert_false(node_is_null(node_get(root, "e")));
	assert_false(node_is_null(NULL));
}

#define ask(call, want, say) \
	do { \
		problems_init(&ps, arena); \
		assert_int_equal((call), (want)); \
		assert_int_equal(ps.errors, (want) ? 0 : 1); \
		if (!(want)) \
			assert_str(ps.list[0].text, (say)); \
	} while (0)

static void test_readings(void **state)
{
	struct node *root = read_z("- abc\n- 010\n- no\n- true\n- ~\n-\n"
	    "- [a, 5, 'true']\n- {a: b}\n- Yes\n- 'off'\n- 10M\n- 2h\n"
	    "- '5'\n- -3\n- TRUE\n- ''\n- [a, [b]]\n- []\n");
	struct node **n = root->items;
	struct str s = STR_LIT("untouched");
	bool b = true;
	uint64_t u = 77;
	int64_t d = 77;

	(void)state;
	ask(node_text(n[0], "x", &s, &ps), true, "");
	assert_str(s, "abc");
	ask(node_text(n[1], "x", &s, &ps), true, "");
	assert_str(s, "010");
	ask(node_text(n[2], "x", &s, &ps), true, "");
	ask(node_text(n[15], "x", &s, &ps), true, "");
	assert_str(s, "");
	ask(node_text(n[3], "x", &s, &ps), false, "`x` must be a text; put "
	    "`true` in quotes if that is the text");
	ask(node_text(n[14], "x", &s, &ps), false, "`x` must be a text; put "
	    "`TRUE` in quotes if that is the text");
	ask(node_text(n[5], "x", &s, &ps), false,
	    "`x` is empty; it must be a text");
	ask(node_text(n[6], "x", &s, &ps), false,
	    "`x` must be a text, not a list");
	ask(node_text(n[7], "x", &s, &ps), false,
	    "`x` must be a text, not a map");
	assert_str(s, "");

	ask(node_bool(n[3], "x", &b, &ps), true, "");
	ask(node_bool(n[2], "x", &b, &ps), false,
	    "`x` must be true or false; write `false`");
	ask(node_bool(n[8], "x", &b, &ps), false,
	    "`x` must be true or false; write `true`");
	ask(node_bool(n[14], "x", &b, &ps), false,
	    "`x` must be true or false; write `true`");
	ask(node_bool(n[0], "x", &b, &ps), false,
	    "`x` must be true or false, not `abc`");
	ask(node_bool(n[6], "x", &b, &ps), false,
	    "`x` must be true or false, not a list");
	assert_true(b);

	ask(node_number(n[1], "x", 10, &u, &ps), true, "");
	assert_int_equal(u, 10);
	ask(node_number(n[1], "x", 9, &u, &ps), false,
	    "`x` may be at most 9");
	ask(node_number(n[12], "x", 9, &u, &ps), false,
	    "`x` must be a whole number without quotes");
	ask(node_number(n[13], "x", 9, &u, &ps), false,
	    "`x` must be a whole number, not `-3`");
	assert_int_equal(u, 10);
	ask(node_size(n[10], "x", &u, &ps), true, "");
	assert_int_equal(u, 10485760);
	ask(node_size(n[11], "x", &u, &ps), false, "`x` must be a size such "
	    "as 500, 20K, 10M or 1G, not `2h`");
	ask(node_duration(n[11], "x", &d, &ps), true, "");
	assert_int_equal(d, 7200);
	ask(node_duration(n[10], "x", &d, &ps), false, "`x` must be a "
	    "duration such as 90s, 15m, 2h, 30d or 1w, not `10M`");
	assert_int_equal(d, 7200);
}

static void test_texts(void **state)
{
	struct node *root = read_z("- abc\n- [a, 5, 'true']\n- [a, [b]]\n"
	    "- []\n- {a: b}\n- [x, true, y, ~]\n");
	struct node **n = root->items;
	struct str *list = NULL;
	size_t count = 77;

	(void)state;
	ask(node_texts(arena, n[0], "x", &list, &count, &ps), true, "");
	assert_int_equal(count, 1);
	assert_str(list[0], "abc");
	ask(node_texts(arena, n[1], "x", &list, &count, &ps), true, "");
	assert_int_equal(count, 3);
	assert_str(list[1], "5");
	assert_str(list[2], "true");
	ask(node_texts(arena, n[2], "x", &list, &count, &ps), false,
	    "`x` must be a text, not a list");
	ask(node_texts(arena, n[4], "x", &list, &count, &ps), false,
	    "`x` must be a text or a list of texts, not a map");
	assert_int_equal(count, 3);
	problems_init(&ps, arena);
	assert_false(node_texts(arena, n[5], "x", &list, &count, &ps));
	assert_int_equal(ps.errors, 2);
	ask(node_texts(arena, n[3], "x", &list, &count, &ps), true, "");
	assert_int_equal(count, 0);
}

static void assert_in(const struct node *n, size_t offset, int line, int col)
{
	struct pos pos = node_pos_in(n, offset, 2);

	if (pos.line != line || pos.col != col)
		fail_msg("%.*s[%zu]: %d:%d, not %d:%d", STR_ARG(n->text),
		    offset, pos.line, pos.col, line, col);
}

static void test_pos_in(void **state)
{
	struct node *root = read_z(
	    "- a(b\n"
	    "- 'it''s (x'\n"
	    "- \"a\\u00e9\\td(\"\n"
	    "- &x !!str 'é('\n"
	    "- |\n"
	    "    first\n"
	    "\n"
	    "    sec(ond\n"
	    "- >\n"
	    "    fol\n"
	    "    ded\n"
	    "- \"two\n"
	    "  lines\"\n"
	    "- [x]\n");
	struct node **n = root->items;

	(void)state;
	assert_in(n[0], 0, 1, 3);
	assert_in(n[0], 1, 1, 4);
	assert_in(n[0], 3, 1, 6);
	assert_in(n[1], 2, 2, 6);
	assert_in(n[1], 3, 2, 8);
	assert_in(n[1], 5, 2, 10);
	assert_in(n[2], 1, 3, 5);
	assert_in(n[2], 3, 3, 11);
	assert_in(n[2], 4, 3, 13);
	assert_in(n[3], 2, 4, 14);
	assert_in(n[4], 0, 6, 5);
	assert_in(n[4], 10, 8, 8);
	assert_in(n[5], 4, 9, 3);
	assert_in(n[6], 4, 12, 3);
	assert_in(n[7], 0, 14, 3);
	assert_in(n[0], 99, 1, 3);
	assert_int_equal(node_pos_in(n[0], 1, 2).width, 2);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_tree),
		test(test_merge),
		test(test_wrong),
		test(test_goes_on),
		test(test_show),
		test(test_show_long),
		test(test_places),
		test(test_sort),
		test(test_depth),
		test(test_limits),
		test(test_speed),
		test(test_noise),
		test(test_core),
		test(test_readings),
		test(test_texts),
		test(test_pos_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
