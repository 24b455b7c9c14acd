#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "engine/store.h"
#include "scratch.h"

#define MESSAGE_MAX	1000000

struct room {
	struct arena *a;
	char *top;
	struct store *s;
	struct mailbox_state state;
	struct err e;
};

static struct room *room(void **state)
{
	return *state;
}

static int setup(void **state)
{
	struct arena *a = arena_new();
	struct room *r = arena_make(a, struct room);

	r->a = a;
	r->top = scratch_make(a);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct room *r = *state;
	struct arena *a = r->a;

	store_close(&r->s);
	scratch_remove(r->top);
	arena_free(&a);
	return 0;
}

#define OK(call) \
	do { \
		if (!(call)) \
			fail_msg("%s: %s", #call, r->e.msg); \
	} while (0)

static const char *file(struct room *r, const char *name, struct str text)
{
	const char *path = arena_printf(r->a, "%s/%s", r->top, name).p;

	scratch_write(path, text);
	return path;
}

static void open_paths(struct room *r, const char *const *paths, size_t n)
{
	store_close(&r->s);
	OK(store_files_open(r->a, paths, n, MESSAGE_MAX, &r->s, &r->e));
	OK(r->s->kind.select(r->s, STR_LIT("INBOX"), true, &r->state,
	    &r->e));
}

struct seen {
	struct room *r;
	size_t n, octets;
	struct {
		uint32_t uid;
		struct str name, bytes;
		const char *flags, *denied;
		uint64_t size;
		int64_t received;
		enum mail_have have;
		bool deleted;
	} m[32];
};

static bool see(void *ctx, const struct fetched *f, struct err *e)
{
	struct seen *s = ctx;
	struct arena *a = s->r->a;
	struct str flags = STR_EMPTY;
	size_t i = s->n++;

	(void)e;
	assert_true(i < COUNT(s->m));
	for (size_t k = 0; k < f->facts.n_flags; k++)
		flags = arena_printf(a, "%.*s%.*s", STR_ARG(flags),
		    STR_ARG(f->facts.flags[k]));
	s->m[i].uid = f->facts.uid;
	s->m[i].name = arena_str(a, f->name);
	s->m[i].bytes = arena_str(a, f->bytes);
	s->m[i].flags = arena_z(a, flags);
	s->m[i].denied = f->denied;
	s->m[i].size = f->facts.size;
	s->m[i].received = f->facts.received;
	s->m[i].have = f->have;
	s->m[i].deleted = f->deleted;
	assert_true(f->denied || f->facts.known & RULES_ASK_LABELS);
	assert_int_equal(f->facts.n_labels, 0);
	return true;
}

static void fetch(struct room *r, unsigned ask, fetch_fn *fn,
    struct seen *s)
{
	struct fetch_items items = { .ask = ask };
	struct uidset all;

	uidset_init(&all, r->a);
	uidset_add_range(&all, 1, UIDSET_MAX);
	memset(s, 0, sizeof(*s));
	s->r = r;
	OK(r->s->kind.fetch(r->s, &all, &items, fn, s, &r->e));
}

#define FACTS	(RULES_ASK_FLAGS | RULES_ASK_LABELS | RULES_ASK_SIZE | \
		RULES_ASK_RECEIVED)
#define ALL	(FACTS | RULES_ASK_FIELDS | RULES_ASK_BODY)

static void look(struct room *r, unsigned ask, struct seen *s)
{
	fetch(r, ask, see, s);
}

static struct str repeated(struct room *r, const char *what, size_t n)
{
	struct buf b;
	struct str text;

	buf_init(&b, 1 << 27);
	for (size_t i = 0; i < n; i++)
		buf_add_z(&b, what);
	text = arena_str(r->a, buf_str(&b));
	buf_free(&b);
	return text;
}

static void test_eml(void **state)
{
	struct room *r = room(state);
	const char *paths[] = {
		file(r, "a.eml", STR_LIT("Date: Mon, 1 Jan 2024 10:00:00 "
		    "+0200\nStatus: R\n\nbody\n")),
		file(r, "empty.eml", STR_EMPTY),
		file(r, "b.eml", STR_LIT("a: b\r\n\r\nx\r\n")),
		file(r, "c.eml", STR_LIT("a: b")),
	};
	struct seen s;
	struct stat st;

	open_paths(r, paths, COUNT(paths));
	assert_int_equal(r->state.exists, 3);
	assert_int_equal(r->state.uidnext, 4);
	assert_true(r->state.read_only);
	look(r, ALL, &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.m[0].uid, 1);
	assert_string_equal(s.m[0].name.p, paths[0]);
	assert_int_equal(s.m[0].received, 1704096000);
	assert_string_equal(s.m[0].flags, "");	/* no mbox: not believed */
	assert_int_equal(s.m[0].have, MAIL_WHOLE);
	assert_true(str_ends(s.m[0].bytes, STR_LIT("\n\nbody\n")));
	assert_int_equal(s.m[0].size, s.m[0].bytes.n + 4);
	assert_int_equal(s.m[1].size, 11);
	assert_int_equal(stat(paths[2], &st), 0);
	assert_int_equal(s.m[1].received, st.st_mtim.tv_sec);
	assert_int_equal(s.m[2].size, 4);
	look(r, FACTS | RULES_ASK_FIELDS, &s);
	assert_int_equal(s.m[1].have, MAIL_HEADER);
	assert_string_equal(s.m[1].bytes.p, "a: b\r\n\r\n");
	assert_string_equal(s.m[2].bytes.p, "a: b");
	look(r, FACTS, &s);
	assert_int_equal(s.m[1].have, 0);
}

static void test_mbox(void **state)
{
	struct room *r = room(state);
	const char *path = file(r, "mbox", STR_LIT(
	    "From alice@example.org Mon Jan  1 10:00:00 2024\n"
	    "Subject: one\nStatus: RO\nX-Status: AF\n"
	    "\n"
	    ">From quoted\n"
	    "From no empty line before\n"
	    "text\n"
	    "\n"
	    "From \n"
	    "Subject: two\nDate: Tue, 2 Jan 2024 00:00:00 +0000\n"
	    "X-Status: D\n"
	    "\n"
	    "\n"
	    "\n"
	    "From x\n"
	    "\n"
	    "From y Mon Jan 1 10:00 2024\n"
	    "Subject: four\n\nlast, without line end"));
	struct seen s;

	open_paths(r, &path, 1);
	look(r, ALL, &s);
	assert_int_equal(s.n, 4);
	assert_string_equal(s.m[0].bytes.p, "Subject: one\nStatus: RO\n"
	    "X-Status: AF\n\n>From quoted\nFrom no empty line before\n"
	    "text\n");
	assert_string_equal(s.m[0].flags, "\\Seen\\Answered\\Flagged");
	assert_int_equal(s.m[0].received, 1704103200);
	assert_string_equal(s.m[1].bytes.p, "Subject: two\n"
	    "Date: Tue, 2 Jan 2024 00:00:00 +0000\nX-Status: D\n\n\n");
	assert_true(s.m[1].deleted);
	assert_int_equal(s.m[1].received, 1704153600);
	assert_string_equal(s.m[2].bytes.p, "");
	assert_int_equal(s.m[2].size, 0);
	assert_string_equal(s.m[3].bytes.p,
	    "Subject: four\n\nlast, without line end");
	assert_int_equal(s.m[3].received, 1704103200);
	assert_false(s.m[3].deleted);
}

static void test_mbox_with_crlf(void **state)
{
	struct room *r = room(state);
	const char *path = file(r, "mbox", STR_LIT(
	    "From a Mon Jan  1 10:00:00 2024\r\nA: 1\r\n\r\nx\r\n\r\n"
	    "From b Mon Jan  1 10:00:00 2024\r\nA: 2\r\n\r\n\r\n"));
	struct seen s;

	open_paths(r, &path, 1);
	look(r, ALL, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.m[0].bytes.p, "A: 1\r\n\r\nx\r\n");
	assert_int_equal(s.m[0].size, 11);
	assert_string_equal(s.m[1].bytes.p, "A: 2\r\n\r\n");
	assert_int_equal(s.m[1].received, 1704103200);
}

static void test_from_line_dates(void **state)
{
	static const struct {
		const char *line;
		int64_t time;		/* 0: not readable */
	} rows[] = {
		{ "a@b Mon Jan  1 10:00:00 2024", 1704103200 },
		{ "a@b Mon Jan 1 10:00 2024", 1704103200 },
		{ "a@b Mon Jan  1 10:00:00 +0200 2024", 1704096000 },
		{ "a@b Mon Jan  1 10:00:00 2024 -0330", 1704115800 },
		{ "a@b Mon Jan  1 10:00:00 EST 2024", 1704103200 },
		{ "- Mon jan 01 10:00:00 2024", 1704103200 },
		{ "\"a b\" at c Mon Jan  1 10:00:00 2024 remote from x",
		    1704103200 },
		{ "12:00 Mon Jan  1 10:00:00 2024", 1704103200 },
		{ "a@b Mon Jan  1 25:00:00 2024", 0 },
		{ "a@b Mon Foo  1 10:00:00 2024", 0 },
		{ "a@b Mon Jan  0 10:00:00 2024", 0 },
		{ "a@b Mon Jan  1 10:00:00", 0 },
		{ "a@b Mon Jan  1 10:00:00 24", 0 },
		{ "a@b", 0 }, { "", 0 }, { "10:00", 0 }, { "Jan 10:00", 0 },
	};
	struct room *r = room(state);
	struct seen s;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *path = file(r, "mbox", arena_printf(r->a,
		    "From %s\nDate: Thu, 1 Jan 1970 00:00:00 +0000\n\n",
		    rows[i].line));

		open_paths(r, &path, 1);
		look(r, FACTS, &s);
		assert_int_equal(s.n, 1);
		if (s.m[0].received != rows[i].time)
			fail_msg("%s: %lld", rows[i].line,
			    (long long)s.m[0].received);
	}
}

static void test_several(void **state)
{
	struct room *r = room(state);
	const char *paths[] = {
		file(r, "one", STR_LIT("From a\nA: 1\n\n\nFrom b\nA: 2\n\n\n")),
		file(r, "two", STR_LIT("A: 3\n\n")),
		file(r, "three", STR_LIT("From c\nA: 4\n\n\n")),
	};
	struct fetch_items items = { .ask = RULES_ASK_FIELDS };
	struct uidset some;
	struct seen s = { .r = r };

	open_paths(r, paths, 3);
	assert_int_equal(r->state.exists, 4);
	uidset_init(&some, r->a);
	uidset_add(&some, 2);
	uidset_add(&some, 4);
	uidset_add(&some, 7);
	OK(r->s->kind.fetch(r->s, &some, &items, see, &s, &r->e));
	assert_int_equal(s.n, 2);
	assert_string_equal(s.m[0].bytes.p, "A: 2\n\n");
	assert_string_equal(s.m[1].bytes.p, "A: 4\n\n");
	assert_int_equal(s.m[1].uid, 4);
}

static void test_search(void **state)
{
	struct room *r = room(state);
	const char *path = file(r, "mbox", STR_LIT(
	    "From a Mon Jan  1 23:59:59 2024\n\n"
	    "From a Tue Jan  2 00:00:00 2024\n\n"
	    "From a Wed Jan  3 10:00:00 2024\n\n"));
	struct store_query q = { .since = 1704225600 };	/* Jan 2, 20:00 */
	struct uidset set;

	open_paths(r, &path, 1);
	uidset_init(&set, r->a);
	OK(r->s->kind.search(r->s, &q, &set, &r->e));
	assert_int_equal(uidset_count(&set), 2);
	assert_false(uidset_has(&set, 1));
	uidset_init(&set, r->a);
	q = (struct store_query){ .since = TIME_NONE, .from_uid = 3 };
	OK(r->s->kind.search(r->s, &q, &set, &r->e));
	assert_int_equal(uidset_count(&set), 1);
	q.criteria = STR_LIT("ALL");
	assert_false(r->s->kind.search(r->s, &q, &set, &r->e));
	assert_int_equal(r->e.kind, ERR_USAGE);
	err_clear(&r->e);
}

static void test_only_read(void **state)
{
	struct room *r = room(state);
	const char *path = file(r, "m", STR_LIT("A: 1\n\n"));
	struct op op = { .kind = OP_ADD_FLAGS, .uid = 1 };
	const struct mailbox_info *list;
	struct str name;
	uint32_t uid = 9;
	size_t n;

	open_paths(r, &path, 1);
	assert_true(r->s->kind.read_only);
	OK(r->s->kind.prepare(r->s, &op, 1, &r->e));
	OK(r->s->kind.apply(r->s, &op, 1, &r->e));
	assert_int_equal(op.outcome, OP_FAILED);
	assert_true(op.reason.n > 0);
	OK(r->s->kind.mailboxes(r->s, &list, &n, &r->e));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name.p, "INBOX");
	OK(r->s->kind.special(r->s, STR_LIT("\\Trash"), &name, &r->e));
	assert_true(str_eq_z(name, "\\Trash"));
	assert_false(r->s->kind.create(r->s, STR_LIT("X"), &r->e));
	err_clear(&r->e);
	assert_false(r->s->kind.select(r->s, STR_LIT("X"), false, &r->state,
	    &r->e));
	assert_int_equal(r->e.kind, ERR_MESSAGE);
	err_clear(&r->e);
	OK(r->s->kind.find(r->s, STR_LIT("INBOX"), 1, 1, NULL, &uid, &r->e));
	assert_int_equal(uid, 0);
}

static void test_bad_paths(void **state)
{
	struct room *r = room(state);
	const char *good = file(r, "good", STR_LIT("A: 1\n\n"));
	const char *missing[] = { good, arena_printf(r->a, "%s/none",
	    r->top).p };
	const char *folder = r->top;

	assert_false(store_files_open(r->a, missing, 2, MESSAGE_MAX, &r->s,
	    &r->e));
	assert_int_equal(r->e.kind, ERR_USAGE);
	assert_non_null(strstr(r->e.msg, "none"));
	err_clear(&r->e);
	assert_false(store_files_open(r->a, &folder, 1, MESSAGE_MAX, &r->s,
	    &r->e));
	assert_int_equal(r->e.kind, ERR_USAGE);
	assert_non_null(strstr(r->e.msg, "folder"));
	err_clear(&r->e);
	assert_null(r->s);
}

static void test_changed_meanwhile(void **state)
{
	struct room *r = room(state);
	const char *paths[] = {
		file(r, "cut", repeated(r, "A: 1\n", 5000)),
		file(r, "gone", STR_LIT("A: 1\n\n")),
		file(r, "kept", STR_LIT("A: 1\n\n")),
	};
	struct seen s;

	open_paths(r, paths, 3);
	assert_int_equal(truncate(paths[0], 5), 0);
	assert_int_equal(unlink(paths[1]), 0);
	look(r, ALL, &s);
	assert_int_equal(s.n, 3);
	assert_non_null(s.m[0].denied);
	assert_non_null(s.m[1].denied);
	assert_int_equal(s.m[1].have, 0);
	assert_null(s.m[2].denied);
}

static void test_too_large(void **state)
{
	struct room *r = room(state);
	const char *path = file(r, "m", arena_printf(r->a, "A: 1\n\n%s",
	    repeated(r, "0123456789\n", 100000).p));
	struct seen s;

	open_paths(r, &path, 1);
	look(r, ALL, &s);
	assert_non_null(strstr(s.m[0].denied, "larger"));
	assert_int_equal(s.m[0].have, MAIL_HEADER);
	assert_int_equal(s.m[0].size, 6 + 1100000 + 100002);
}

/* ---------------------------------------------------------------- streams */

/* Standard input is a pipe that holds TEXT, or a file from AT on. */
static void feed(struct room *r, struct str text, bool pipe_it, off_t at)
{
	int fds[2], status;
	pid_t pid;

	if (!pipe_it) {
		int fd = open(file(r, "in", text), O_RDONLY);

		assert_int_equal(lseek(fd, at, SEEK_SET), at);
		assert_int_equal(dup2(fd, 0), 0);
		close(fd);
		return;
	}
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		if (fork() == 0) {	/* nobody waits for the writer */
			signal(SIGPIPE, SIG_DFL);
			for (size_t n = 0; n < text.n; ) {
				ssize_t k = write(fds[1], text.p + n,
				    text.n - n);

				if (k <= 0)
					break;
				n += (size_t)k;
			}
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[1]);
	assert_int_equal(dup2(fds[0], 0), 0);
	close(fds[0]);
}

static void test_standard_input(void **state)
{
	struct room *r = room(state);
	struct str body = repeated(r, "0123456789\n", 80000);
	const char *path = "-";
	struct seen s;

	for (int way = 0; way < 3; way++) {
		feed(r, STR_LIT("From x\nA: 1\n\nbody\n"), way == 0,
		    way == 2 ? 7 : 0);
		open_paths(r, &path, 1);
		look(r, ALL, &s);
		assert_int_equal(s.n, 1);
		assert_string_equal(s.m[0].bytes.p, "A: 1\n\nbody\n");
		assert_string_equal(s.m[0].name.p, "standard input");
	}
	feed(r, STR_EMPTY, true, 0);
	open_paths(r, &path, 1);
	assert_int_equal(r->state.exists, 0);

	/* long ones go to a file, which is nowhere to be seen */
	feed(r, arena_printf(r->a, "A: 1\n\n%s", body.p), true, 0);
	open_paths(r, &path, 1);
	look(r, ALL, &s);
	assert_int_equal(s.m[0].bytes.n, 6 + body.n);
	feed(r, arena_printf(r->a, "From x\nA: 1\n\n%s\nFrom y\nA: 2\n\n%s",
	    body.p, body.p), true, 0);
	open_paths(r, &path, 1);
	look(r, ALL, &s);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.m[1].bytes.n, 6 + body.n);
	assert_true(str_ends(s.m[1].bytes, body));

	feed(r, repeated(r, "0123456789\n", 100000), true, 0);
	store_close(&r->s);
	assert_false(store_files_open(r->a, &path, 1, MESSAGE_MAX, &r->s,
	    &r->e));
	assert_int_equal(r->e.kind, ERR_MESSAGE);
	assert_non_null(strstr(r->e.msg, "limits.message"));
	err_clear(&r->e);
	feed(r, STR_EMPTY, true, 0);
}

/* ----------------------------------------------------------------- memory */

static bool count(void *ctx, const struct fetched *f, struct err *e)
{
	struct seen *s = ctx;

	(void)e;
	s->n++;
	s->octets += f->facts.size;
	/* a consumer that reads all of it */
	for (size_t i = 0; i < f->bytes.n; i += 512)
		s->m[0].size += (unsigned char)f->bytes.p[i];
	return true;
}

static long peak_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* A message of 100 MB, and an mbox of as much: their pages do not pile up. */
static void test_memory(void **state)
{
	struct room *r = room(state);
	struct str piece = repeated(r, "0123456789\n", 9000);
	const char *paths[] = {
		arena_printf(r->a, "%s/one", r->top).p,
		arena_printf(r->a, "%s/mbox", r->top).p,
	};
	int one = open(paths[0], O_WRONLY | O_CREAT, 0600);
	int mbox = open(paths[1], O_WRONLY | O_CREAT, 0600);
	struct seen s;
	long before;

	for (int i = 0; i < 1000; i++) {
		dprintf(mbox, "From x\nA: %d\n\n", i);
		assert_int_equal(write(mbox, piece.p, piece.n), piece.n);
		assert_int_equal(write(mbox, "\n", 1), 1);
		assert_int_equal(write(one, piece.p, piece.n), piece.n);
	}
	close(one);
	close(mbox);
	before = peak_kb();
	open_paths(r, paths, 2);
	assert_int_equal(r->state.exists, 1001);
	fetch(r, ALL, count, &s);
	assert_int_equal(s.n, 1001);
	assert_true(s.octets > 216000000);
#if !defined(__SANITIZE_ADDRESS__)
	if (peak_kb() - before > 20000)
		fail_msg("%ld KB more", peak_kb() - before);
#else
	(void)before;
#endif
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_eml), TEST(test_mbox), TEST(test_mbox_with_crlf),
		TEST(test_from_line_dates), TEST(test_several),
		TEST(test_search), TEST(test_only_read),
		TEST(test_bad_paths), TEST(test_changed_meanwhile),
		TEST(test_too_large), TEST(test_standard_input),
		TEST(test_memory),
	};

	return cmocka_run_group_tests_name("store_files", tests, NULL, NULL);
}
