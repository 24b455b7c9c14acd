#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/report.h"

#define TIME	1768471201	/* 2026-01-15T10:00:01Z */
#define S(z)	STR_LIT(z)

/* A report into memory. */
struct fixture {
	struct arena *a;
	int fd;
	struct report *r;
	struct rules *rules;
};

static bool read_rules(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	(void)ctx;
	(void)path;
	(void)e;
	buf_add_z(out, "version: 1\n"
	    "rules:\n"
	    "  - name: \"lists \\u202e\"\n"
	    "    when: {subject: x}\n"
	    "    then: [{label: lists}, archive]\n"
	    "  - name: second\n"
	    "    when: {from: a@example.org}\n"
	    "    then: [{mark: read}]\n");
	return true;
}

static int setup(void **state)
{
	static const char *const paths[] = { "r.yaml" };
	static const struct file_reader reader = { .read = read_rules };
	struct fixture *f = calloc(1, sizeof(*f));
	struct problems ps;

	if (!f)
		return -1;
	f->a = arena_new();
	f->fd = memfd_create("report", MFD_CLOEXEC);
	problems_init(&ps, f->a);
	f->rules = rules_load(f->a, paths, 1, &reader, NULL, 0, NULL, &ps);
	*state = f;
	return f->fd >= 0 && f->rules ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->a);
	close(f->fd);
	free(f);
	return 0;
}

static void start(struct fixture *f, struct report_style style)
{
	f->r = report_make(f->a, f->fd, &style);
	if (ftruncate(f->fd, 0) != 0 || lseek(f->fd, 0, SEEK_SET) != 0)
		fail();
}

/* What was written since start. */
static const char *text(struct fixture *f)
{
	off_t n = lseek(f->fd, 0, SEEK_CUR);
	char *z = arena_alloc(f->a, (size_t)n + 1);

	assert_true(pread(f->fd, z, (size_t)n, 0) == n);
	return z;
}

#define TEXT	((struct report_style){ .width = 80 })
#define JSON	((struct report_style){ .json = true })

/* --------------------------------------------------------------- message */

static void tell_message(struct fixture *f)
{
	static const uint32_t fired[] = { 0 };
	static const struct report_note notes[] = {
		{ 1, false, { "no body", 7 } },
		{ 0, true, { "empty", 5 } },
	};
	const struct report_change changes[] = {
		{ OP_ADD_LABELS, S("li\nsts"), S("lists"), "done",
		    STR_EMPTY },
		{ OP_MOVE, S("Archive"), S("lists"), "failed", S("full") },
		{ OP_ADD_FLAGS, S("\\Seen"), S("second"), "would",
		    STR_EMPTY },
		{ OP_DELETE, STR_EMPTY, S("second"), "would", STR_EMPTY },
	};
	const struct report_message m = {
		.id = { .account = S("work"), .mailbox = S("INBOX"),
		    .uid = 12, .from = S("Alice \x1b]0;x\x07"),
		    .subject = S("caf\xc3\xa9\0\xff"),
		    .message_id = S("a@example.org") },
		.rules = f->rules,
		.fired = fired, .n_fired = 1,
		.notes = notes, .n_notes = 2,
		.changes = changes, .n_changes = 4,
		.pending = S("later"),
	};

	report_message(f->r, &m);
}

static void test_message(void **state)
{
	struct fixture *f = *state;

	start(f, TEXT);
	tell_message(f);
	assert_string_equal(text(f),
	    "work:INBOX:12  Alice \\x1B]0;x\\x07: caf\xc3\xa9\\x00\\xFF\n"
	    "    label li\\x0Asts  (lists)\n"
	    "    failed: move to Archive  (lists): full\n"
	    "    would flag \\Seen  (second)\n"
	    "    would delete for ever  (second)\n"
	    "    unknown: second: no body\n"
	    "    failed: lists \\u{202E}: empty\n"
	    "    will be judged again: later\n");
	start(f, JSON);
	tell_message(f);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"message\",\"account\":\"work\","
	    "\"mailbox\":\"INBOX\",\"uid\":12,"
	    "\"from\":\"Alice \\\\x1B]0;x\\\\x07\","
	    "\"subject\":\"caf\xc3\xa9\\\\x00\\\\xFF\","
	    "\"message_id\":\"a@example.org\","
	    "\"rules\":[\"lists \\\\u{202E}\"],"
	    "\"unknown\":[{\"rule\":\"second\",\"reason\":\"no body\"}],"
	    "\"failed\":[{\"rule\":\"lists \\\\u{202E}\","
	    "\"reason\":\"empty\"}],"
	    "\"changes\":[{\"do\":\"label\",\"what\":\"li\\\\x0Asts\","
	    "\"rules\":\"lists\",\"state\":\"done\"},"
	    "{\"do\":\"move\",\"what\":\"Archive\",\"rules\":\"lists\","
	    "\"state\":\"failed\",\"reason\":\"full\"},"
	    "{\"do\":\"flag\",\"what\":\"\\\\Seen\",\"rules\":\"second\","
	    "\"state\":\"would\"},"
	    "{\"do\":\"delete\",\"rules\":\"second\",\"state\":\"would\"}],"
	    "\"pending\":\"later\"}\n");
}

static void test_quiet_message(void **state)
{
	struct fixture *f = *state;
	struct report_change change = { OP_ADD_LABELS, S("x"), S("lists"),
	    "done", STR_EMPTY };
	struct report_message m = { .rules = f->rules, .changes = &change,
	    .n_changes = 1, .id = { .mailbox = S("INBOX"), .uid = 1 } };
	struct report_style style = { .quiet = true };

	start(f, style);
	report_message(f->r, &m);
	assert_string_equal(text(f), "");
	change.state = "failed";
	start(f, style);
	report_message(f->r, &m);
	assert_string_equal(text(f), "INBOX:1\n    failed: label x  "
	    "(lists)\n");
	change.state = "done";
	m.failure = S("why");
	start(f, style);
	report_message(f->r, &m);
	assert_non_null(strstr(text(f), "nothing is done: why\n"));
}

/* A line never gets wider than the terminal by what mail says. */
static void test_width(void **state)
{
	struct fixture *f = *state;
	char subject[5000];
	struct report_message m = {
		.id = { .account = S("work"), .mailbox = S("INBOX"),
		    .uid = 12, .from = S("Alice"),
		    .subject = { subject, sizeof(subject) } },
		.rules = f->rules,
	};

	for (size_t i = 0; i + 2 < sizeof(subject); i += 3)
		memcpy(subject + i, "\xe6\x97\xa5", 3);	/* two columns each */
	start(f, TEXT);
	report_message(f->r, &m);
	for (struct str rest = str_of(text(f)), line;
	    str_cut(&rest, '\n', &line); ) {
		assert_true(utf8_valid(line));
		assert_true(text_width(line) <= 80);
		assert_true(text_width(line) > 70);
		assert_true(str_ends(line, S("...")));
	}
}

static void test_colour(void **state)
{
	struct fixture *f = *state;
	struct rules_test_result t = { .name = "a", .passed = true };

	start(f, (struct report_style){ .width = 80, .colour = true });
	report_test(f->r, &t);
	assert_string_equal(text(f), "\033[32mok    \033[0ma\n");
	start(f, TEXT);
	tell_message(f);
	assert_null(strchr(text(f), '\033'));
}

static void test_style_detect(void **state)
{
	struct fixture *f = *state;
	struct report_style s = { 0 };
	int tty = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	report_style_detect(f->fd, &s);
	assert_false(s.colour);
	assert_false(s.chatty);
	assert_int_equal(s.width, 80);
	if (tty < 0)
		return;		/* no terminals on this machine */
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	report_style_detect(tty, &s);
	assert_true(s.colour);
	assert_true(s.chatty);
	setenv("NO_COLOR", "", 1);
	report_style_detect(tty, &s);
	assert_true(s.colour);
	setenv("NO_COLOR", "1", 1);
	report_style_detect(tty, &s);
	assert_false(s.colour);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	report_style_detect(tty, &s);
	assert_false(s.colour);
	close(tty);
}

/* ----------------------------------------------------------------- tests */

static void test_tests(void **state)
{
	struct fixture *f = *state;
	struct source source = { .name = "r.yaml" };
	struct str differences[] = { S("rules: expected [a], got []") };
	struct rules_test_result good = { .name = "one", .passed = true,
	    .pos = { &source, 3, 1, 0 } };
	struct rules_test_result bad = { .name = "two",
	    .pos = { &source, 9, 1, 0 }, .differences = differences,
	    .n_differences = 1 };

	start(f, TEXT);
	report_test(f->r, &good);
	report_test(f->r, &bad);
	report_tests(f->r, 1, 1);
	assert_string_equal(text(f),
	    "ok    one\n"
	    "FAIL  two  (r.yaml:9)\n"
	    "        rules: expected [a], got []\n"
	    "1 passed, 1 failed\n");
	start(f, JSON);
	report_test(f->r, &bad);
	report_tests(f->r, 1, 1);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"test\",\"name\":\"two\","
	    "\"file\":\"r.yaml\",\"line\":9,\"passed\":false,"
	    "\"differences\":[\"rules: expected [a], got []\"]}\n"
	    "{\"v\":1,\"type\":\"tests\",\"passed\":1,\"failed\":1}\n");
	start(f, (struct report_style){ .quiet = true });
	report_test(f->r, &good);
	report_tests(f->r, 1, 0);
	assert_string_equal(text(f), "");
}

/* ------------------------------------------------------------- problems */

static void test_problems(void **state)
{
	struct fixture *f = *state;
	struct source source = { .name = "r.yaml", .text = S("abc: d\n") };
	struct problems ps;

	problems_init(&ps, f->a);
	problem_hint(&ps, (struct pos){ &source, 1, 1, 3 },
	    S("did you mean `abd`?"), "unknown `%s`", "abc");
	warning(&ps, (struct pos){ 0 }, "hm");
	start(f, TEXT);
	report_problems(f->r, &ps, true);
	assert_string_equal(text(f),
	    "warning: hm\n"
	    "r.yaml:1:1: error: unknown `abc`; did you mean `abd`?\n"
	    "    abc: d\n"
	    "    ^~~\n");
	start(f, JSON);
	report_problems(f->r, &ps, true);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"problem\",\"level\":\"warning\","
	    "\"text\":\"hm\"}\n"
	    "{\"v\":1,\"type\":\"problem\",\"level\":\"error\","
	    "\"file\":\"r.yaml\",\"line\":1,\"col\":1,\"width\":3,"
	    "\"text\":\"unknown `abc`\",\"hint\":\"did you mean `abd`?\"}\n");
	start(f, JSON);
	report_problems(f->r, &ps, false);	/* to standard error */
	assert_string_equal(text(f), "");
}

/* ------------------------------------------------------------------ run */

static void test_rules_table(void **state)
{
	struct fixture *f = *state;
	const struct report_rule list[] = {
		{ "postgres lists", 12, 10, 2, 0, 0 },
		{ "x", 1, 0, 0, 3, 4 },
	};

	start(f, TEXT);
	report_rules(f->r, S("w"), list, 2);
	assert_string_equal(text(f),
	    "rule             matched  would change already so  unknown"
	    "  failed\n"
	    "postgres lists        12            10          2        0"
	    "       0\n"
	    "x                      1             0          0        3"
	    "       4\n");
	start(f, JSON);
	report_rules(f->r, S("w"), list + 1, 1);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"rule\",\"account\":\"w\",\"name\":\"x\","
	    "\"matched\":1,\"would_change\":0,\"already\":0,\"unknown\":3,"
	    "\"failed\":4}\n");
}

static void test_run(void **state)
{
	struct fixture *f = *state;
	struct report_run run = { .account = S("w"), .judged = 7 };

	/* cron: nothing happened, nothing is said */
	start(f, TEXT);
	report_run(f->r, &run);
	assert_string_equal(text(f), "");
	start(f, (struct report_style){ .chatty = true });
	report_run(f->r, &run);
	assert_string_equal(text(f), "w: 7 judged, 0 changed\n");
	run.changed = 3;
	run.failed = 2;
	run.pending = 1;
	run.baseline = 500;
	run.error = S("gone");
	start(f, TEXT);
	report_run(f->r, &run);
	assert_string_equal(text(f),
	    "w: 7 judged, 3 changed, 2 failed, 1 to be judged again\n"
	    "  first run: 500 older messages were left alone; --all or "
	    "--since judges them\n"
	    "    stopped: gone\n");
	run.dry_run = true;
	run.exit_code = 1;
	start(f, JSON);
	report_run(f->r, &run);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"run\",\"account\":\"w\",\"dry_run\":true,"
	    "\"judged\":7,\"changed\":3,\"failed\":2,\"unknown\":0,"
	    "\"pending\":1,\"baseline\":500,\"seconds\":0.0,\"turns\":0,"
	    "\"octets_in\":0,\"octets_out\":0,\"exit\":1,"
	    "\"error\":\"gone\"}\n");
	start(f, (struct report_style){ .quiet = true });
	report_run(f->r, &run);
	assert_string_equal(text(f), "");
}

/* -------------------------------------------------------------- history */

static void test_history(void **state)
{
	struct fixture *f = *state;
	const struct run_record run = { .id = 4, .started = TIME,
	    .ended = TIME + 2, .rules_version = S("0123456789abcdef"),
	    .judged = 9, .changed = 1, .exit_code = 3, .failed = 2 };
	const struct change c = { .run = 4, .time = TIME,
	    .mailbox = S("INBOX"), .uidvalidity = 5, .uid = 12,
	    .id_of = { .message_id = S("a@example.org") },
	    .from = S("Alice"), .subject = S("Hi"), .rules = S("a, b"),
	    .kind = OP_MOVE, .what = S("Archive"),
	    .flags_before = S("\\Seen\n$x"), .dest_uid = 3,
	    .state = CHANGE_UNSURE, .reason = S("no answer") };

	start(f, TEXT);
	report_past_run(f->r, S("w"), &run);
	report_history(f->r, S("w"), &c, &run);
	report_history_full(f->r, S("w"), &c, &run);
	assert_string_equal(text(f),
	    "2026-01-15 10:00:01  w  run 4: 9 judged, 1 changed, 2 failed; "
	    "exit 3\n"
	    "  w:INBOX:12  unsure: move to Archive  (a, b): no answer\n"
	    "2026-01-15 10:00:01  w:INBOX:12  unsure: move to Archive  "
	    "(a, b): no answer\n"
	    "    Alice: Hi\n"
	    "    flags before: \\Seen, $x\n"
	    "    labels before: (none)\n"
	    "    run 4, rules 0123456789ab, there it is UID 3\n");
	start(f, JSON);
	report_past_run(f->r, S("w"), &run);
	report_history(f->r, S("w"), &c, &run);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"past_run\",\"account\":\"w\",\"run\":4,"
	    "\"started\":\"2026-01-15T10:00:01Z\","
	    "\"ended\":\"2026-01-15T10:00:03Z\","
	    "\"rules_version\":\"0123456789abcdef\",\"judged\":9,"
	    "\"changed\":1,\"failed\":2,\"unknown\":0,\"exit\":3}\n"
	    "{\"v\":1,\"type\":\"change\",\"account\":\"w\",\"run\":4,"
	    "\"time\":\"2026-01-15T10:00:01Z\",\"mailbox\":\"INBOX\","
	    "\"uidvalidity\":5,\"uid\":12,\"message_id\":\"a@example.org\","
	    "\"from\":\"Alice\",\"subject\":\"Hi\",\"rules\":\"a, b\","
	    "\"do\":\"move\",\"what\":\"Archive\","
	    "\"flags_before\":[\"\\\\Seen\",\"$x\"],\"labels_before\":[],"
	    "\"dest_uid\":3,\"state\":\"unsure\",\"reason\":\"no answer\","
	    "\"rules_version\":\"0123456789abcdef\"}\n");
}

static void test_fact(void **state)
{
	struct fixture *f = *state;
	const struct report_fact fact = { S("w"), S("trash"), S("none"),
	    false };

	start(f, TEXT);
	report_fact(f->r, &fact);
	assert_string_equal(text(f), "w: trash: none\n");
	start(f, JSON);
	report_fact(f->r, &fact);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"fact\",\"account\":\"w\",\"key\":\"trash\","
	    "\"value\":\"none\",\"good\":false}\n");
}

/* -------------------------------------------------------------- explain */

static void test_explanation(void **state)
{
	struct fixture *f = *state;
	struct source source = { .name = "r.yaml" };
	const struct explained leaf = { .text = S("subject: x"),
	    .pos = { &source, 4, 1, 0 }, .truth = TRUTH_TRUE,
	    .reached = true, .decides = true, .value = S("a\nx") };
	const struct explained rest = { .text = S("from: y"),
	    .pos = { &source, 5, 1, 0 }, .reason = S("settled before") };
	const struct explained *kids[] = { &leaf, &rest };
	const struct explained top = { .text = S("any"),
	    .pos = { &source, 4, 1, 0 }, .truth = TRUTH_TRUE,
	    .reached = true, .kids = kids, .n_kids = 2 };
	struct rule_result results[] = {
		{ .rule = 0, .truth = TRUTH_TRUE, .reached = true,
		    .tree = &top },
		{ .rule = 1, .not_reached = "a stop came before" },
	};
	struct str before[] = { S("INBOX") };
	struct str after[] = { S("INBOX"), S("lists") };
	struct verdict v = { .rules = results, .n_rules = 2,
	    .labels_before = before, .n_labels_before = 1,
	    .labels_after = after, .n_labels_after = 2,
	    .mailbox_after = S("INBOX") };
	struct facts facts = { .mailbox = S("INBOX") };
	struct report_change change = { OP_ADD_LABELS, S("lists"), S("l"),
	    "would", STR_EMPTY };
	const struct str commands[] = { S("UID MOVE 1 \"a\"") };
	struct report_explanation x = {
		.id = { .source = S("m.mbox"), .uid = 2 },
		.facts = &facts, .rules = f->rules, .verdict = &v,
		.changes = &change, .n_changes = 1 };

	start(f, TEXT);
	report_explanation(f->r, &x);
	assert_string_equal(text(f),
	    "m.mbox (message 2)\n"
	    "  lists \\u{202E} (r.yaml:3): fires\n"
	    "    yes     any\n"
	    "  * yes       subject: x\n"
	    "                = a\\x0Ax\n"
	    "    -         1 more, not needed\n"
	    "  second (r.yaml:6): not reached: a stop came before\n"
	    "  labels   INBOX -> INBOX, lists\n"
	    "  flags    (none)\n"
	    "  mailbox  INBOX\n"
	    "    would label lists  (l)\n");
	x.whole = true;
	x.only = "lists \xe2\x80\xae";
	x.commands = commands;
	x.n_commands = 1;
	start(f, TEXT);
	report_explanation(f->r, &x);
	assert_string_equal(text(f),
	    "m.mbox (message 2)\n"
	    "  lists \\u{202E} (r.yaml:3): fires\n"
	    "    yes     any\n"
	    "  * yes       subject: x\n"
	    "                = a\\x0Ax\n"
	    "    -         from: y\n"
	    "                settled before\n"
	    "  labels   INBOX -> INBOX, lists\n"
	    "  flags    (none)\n"
	    "  mailbox  INBOX\n"
	    "    would label lists  (l)\n"
	    "    C: UID MOVE 1 \"a\"\n");
	x.only = NULL;
	x.n_commands = 0;
	start(f, JSON);
	report_explanation(f->r, &x);
	assert_string_equal(text(f),
	    "{\"v\":1,\"type\":\"explanation\",\"uid\":2,"
	    "\"source\":\"m.mbox\",\"labels_before\":[\"INBOX\"],"
	    "\"labels_after\":[\"INBOX\",\"lists\"],"
	    "\"mailbox_before\":\"INBOX\",\"mailbox_after\":\"INBOX\","
	    "\"flags_before\":[],\"flags_after\":[],"
	    "\"changes\":[{\"do\":\"label\",\"what\":\"lists\","
	    "\"rules\":\"l\",\"state\":\"would\"}],"
	    "\"rules\":[{\"name\":\"lists \\\\u{202E}\","
	    "\"file\":\"r.yaml\",\"line\":3,\"reached\":true,"
	    "\"truth\":\"true\",\"tree\":{\"text\":\"any\",\"line\":4,"
	    "\"reached\":true,\"truth\":\"true\",\"kids\":["
	    "{\"text\":\"subject: x\",\"line\":4,\"reached\":true,"
	    "\"truth\":\"true\",\"decides\":true,\"value\":\"a\\\\x0Ax\"},"
	    "{\"text\":\"from: y\",\"line\":5,\"reached\":false,"
	    "\"reason\":\"settled before\"}]}},"
	    "{\"name\":\"second\",\"file\":\"r.yaml\",\"line\":6,"
	    "\"reached\":false,\"reason\":\"a stop came before\"}]}\n");
}

/* -------------------------------------------------------------- writing */

static void test_full_and_gone(void **state)
{
	struct fixture *f = *state;
	struct report_style style = { .json = true };
	struct err e = { 0 };
	int full = open("/dev/full", O_WRONLY), ends[2];
	struct report *r;

	assert_true(full >= 0);
	r = report_make(f->a, full, &style);
	assert_false(report_broken(r));
	report_tests(r, 1, 0);
	assert_true(report_broken(r));
	report_tests(r, 1, 0);
	assert_false(report_close(r, &e));
	assert_int_equal(e.kind, ERR_STATE);
	assert_non_null(strstr(e.msg, "No space"));
	close(full);

	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	e = (struct err){ 0 };
	r = report_make(f->a, ends[1], &style);
	report_tests(r, 1, 0);
	assert_false(report_close(r, &e));
	assert_string_equal(e.msg, "");
	close(ends[1]);

	e = (struct err){ 0 };
	start(f, TEXT);
	report_text(f->r, "a\tb\n");
	assert_string_equal(text(f), "a\\x09b\n");
	assert_true(report_close(f->r, &e));
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_message),
		TEST(test_quiet_message),
		TEST(test_width),
		TEST(test_colour),
		TEST(test_style_detect),
		TEST(test_tests),
		TEST(test_problems),
		TEST(test_rules_table),
		TEST(test_run),
		TEST(test_history),
		TEST(test_fact),
		TEST(test_explanation),
		TEST(test_full_and_gone),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
