#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "engine/journal.h"
#include "scratch.h"

#define OWNER	"imaps://mail.example.org:993 alice"
#define NOW	1700000000

/* One folder a test; the state lies two levels below it. */
struct room {
	struct arena *a;
	char *top, *dir;
	struct journal *j;
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
	r->dir = arena_z(a, arena_printf(a, "%s/tamis/work", r->top));
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct room *r = *state;
	struct arena *a = r->a;

	journal_close(&r->j);
	scratch_remove(r->top);
	arena_free(&a);
	return 0;
}

/* Opens it, and says so if that fails. */
static struct journal *open_as(struct room *r, enum journal_mode mode,
    int64_t now)
{
	journal_close(&r->j);
	if (!journal_open(r->dir, OWNER, mode, now, &r->j, &r->e))
		fail_msg("%s", r->e.msg);
	return r->j;
}

static struct journal *open_rw(struct room *r)
{
	return open_as(r, JOURNAL_WRITE, NOW);
}

/* Fails if it can be opened; the error is in r->e. */
static void must_refuse(struct room *r, enum journal_mode mode,
    const char *owner, enum err_kind kind, const char *says)
{
	struct journal *j = NULL;

	err_clear(&r->e);
	if (journal_open(r->dir, owner, mode, NOW, &j, &r->e))
		fail_msg("was opened, though: %s", says);
	assert_null(j);
	if (!strstr(r->e.msg, says))
		fail_msg("\"%s\" does not say \"%s\"", r->e.msg, says);
	assert_int_equal(r->e.kind, kind);
	err_clear(&r->e);
}

#define OK(call) \
	do { \
		if (!(call)) \
			fail_msg("%s: %s", #call, r->e.msg); \
	} while (0)

static struct identity identity(uint8_t n)
{
	struct identity id = { .size = 1000u + n };

	memset(id.digest, n, sizeof(id.digest));
	id.message_id = STR_LIT("m@example.org");
	return id;
}

/* Names, sizes, modes, times and contents of what lies in the folder. */
static struct str snapshot(struct room *r)
{
	uint64_t sum = str_hash(scratch_read(r->a, arena_printf(r->a,
	    "%s/state.db", r->dir).p));

	sum = sum * 31 + str_hash(scratch_read(r->a, arena_printf(r->a,
	    "%s/state.db-journal", r->dir).p));
	return arena_printf(r->a, "%s%llx", scratch_list(r->a, r->dir, true),
	    (unsigned long long)sum);
}

static void mode_is(struct room *r, const char *name, mode_t mode)
{
	struct str path = arena_printf(r->a, "%s%s", r->dir, name);
	struct stat st;

	assert_int_equal(stat(path.p, &st), 0);
	if ((st.st_mode & 07777) != mode)
		fail_msg("%s has mode %o", path.p, (unsigned)st.st_mode);
}

/* ----------------------------------------------------------- the folder */

static void test_folder_and_modes(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct room *r = room(state);

	for (size_t i = 0; i < COUNT(masks); i++) {
		mode_t old = umask(masks[i]);

		r->dir = arena_z(r->a, arena_printf(r->a, "%s/s%zu/b//work",
		    r->top, i));
		open_rw(r);
		umask(old);
		mode_is(r, "", 0700);
		mode_is(r, "/..", 0700);
		mode_is(r, "/../..", 0700);
		mode_is(r, "/state.db", 0600);
		mode_is(r, "/lock", 0600);
	}
}

static void test_folder_of_others(void **state)
{
	struct room *r = room(state);

	open_rw(r);
	journal_close(&r->j);
	assert_int_equal(chmod(r->dir, 0720), 0);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_CONFIG, "chmod go-w");
	must_refuse(r, JOURNAL_READ, OWNER, ERR_CONFIG, "chmod go-w");
	assert_int_equal(chmod(r->dir, 0755), 0);
	open_rw(r);
	journal_close(&r->j);
	if (geteuid() == 0) {
		assert_int_equal(chown(r->dir, 65534, 65534), 0);
		must_refuse(r, JOURNAL_WRITE, OWNER, ERR_CONFIG,
		    "another user");
	}
}

static void test_lock(void **state)
{
	struct room *r = room(state);
	struct journal *second = NULL;
	struct str lock = arena_printf(r->a, "%s/lock", r->dir);

	open_rw(r);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_TEMP, "another run");
	/* reading takes no lock and meets none */
	OK(journal_open(r->dir, OWNER, JOURNAL_READ, NOW, &second, &r->e));
	journal_close(&second);
	journal_close(&second);		/* twice is fine */
	open_rw(r);
	journal_close(&r->j);
	assert_int_equal(unlink(lock.p), 0);
	assert_int_equal(symlink("/dev/null", lock.p), 0);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_STATE, "lock");
}

static void test_not_a_folder(void **state)
{
	struct room *r = room(state);
	int fd;

	r->dir = arena_z(r->a, arena_printf(r->a, "%s/file", r->top));
	fd = open(r->dir, O_CREAT | O_WRONLY, 0600);
	close(fd);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_STATE, "file");
	must_refuse(r, JOURNAL_READ, OWNER, ERR_STATE, "file");
	r->dir = arena_z(r->a, arena_printf(r->a, "%s/file/below", r->top));
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_STATE, "file");
}

/* ------------------------------------------------- whose, which version */

static void test_owner(void **state)
{
	struct room *r = room(state);

	open_rw(r);
	journal_close(&r->j);
	must_refuse(r, JOURNAL_WRITE, "/home/alice/Mail", ERR_CONFIG,
	    "/home/alice/Mail");
	must_refuse(r, JOURNAL_READ, "/home/alice/Mail", ERR_CONFIG, OWNER);
	open_rw(r);
}

static void poke(struct room *r, off_t at, const void *bytes, size_t n)
{
	struct str path = arena_printf(r->a, "%s/state.db", r->dir);
	int fd = open(path.p, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

/* https://www.sqlite.org/fileformat2.html: user version at 60, application
 * ID at 68. */
static void test_versions(void **state)
{
	struct room *r = room(state);

	open_rw(r);
	journal_close(&r->j);
	poke(r, 60, "\0\0\0\4", 4);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_STATE, "newer tamis");
	must_refuse(r, JOURNAL_READ, OWNER, ERR_STATE, "newer tamis");
	poke(r, 60, "\0\0\0\0", 4);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_STATE, "version 0");
	poke(r, 60, "\0\0\0\3", 4);
	open_rw(r);
	journal_close(&r->j);
	poke(r, 68, "\0\0\0\1", 4);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_STATE, "not a state file");
	must_refuse(r, JOURNAL_READ, OWNER, ERR_STATE, "not a state file");
	poke(r, 0, "no database at all", 18);
	must_refuse(r, JOURNAL_WRITE, OWNER, ERR_STATE, "damaged");
	must_refuse(r, JOURNAL_READ, OWNER, ERR_STATE, "damaged");
}

/* A crash right after the file was made. */
static void test_empty_file(void **state)
{
	struct room *r = room(state);
	struct str path;
	struct checkpoint c;

	open_rw(r);
	journal_close(&r->j);
	path = arena_printf(r->a, "%s/state.db", r->dir);
	assert_int_equal(truncate(path.p, 0), 0);
	open_as(r, JOURNAL_READ, NOW);
	OK(journal_checkpoint(r->j, STR_LIT("INBOX"), &c, &r->e));
	assert_false(c.known);
	open_rw(r);
	OK(journal_checkpoint(r->j, STR_LIT("INBOX"), &c, &r->e));
	assert_false(c.known);
}

/* ---------------------------------------------------------- checkpoints */

static void test_checkpoint(void **state)
{
	struct room *r = room(state);
	struct checkpoint c = {
		.uidvalidity = UINT32_MAX, .next_uid = UINT32_MAX,
		.baseline_uid = 7, .baseline_time = NOW - 7,
		.modseq = INT64_MAX, .time = NOW,
	}, got;

	open_rw(r);
	OK(journal_checkpoint(r->j, STR_LIT("INBOX"), &got, &r->e));
	assert_false(got.known);
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, NULL, 0, &c,
	    &r->e));
	open_rw(r);
	OK(journal_checkpoint(r->j, STR_LIT("INBOX"), &got, &r->e));
	assert_true(got.known);
	assert_true(got.uidvalidity == UINT32_MAX);
	assert_true(got.next_uid == UINT32_MAX);
	assert_int_equal(got.baseline_uid, 7);
	assert_int_equal(got.baseline_time, NOW - 7);
	assert_true(got.modseq == INT64_MAX);
	assert_int_equal(got.time, NOW);
	OK(journal_checkpoint(r->j, STR_LIT("inbox"), &got, &r->e));
	assert_false(got.known);
}

static void settle_one(struct room *r, uint32_t uid, uint8_t n,
    bool settled)
{
	struct judged one = {
		.uidvalidity = 1, .uid = uid, .id = identity(n),
		.settled = settled,
		.reason = STR_LIT("the body cannot be had"),
	};

	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, &one, 1, NULL,
	    &r->e));
}

static size_t pending(struct room *r, struct pending **list)
{
	size_t n = 99;

	OK(journal_pending(r->j, r->a, STR_LIT("INBOX"), list, &n, &r->e));
	return n;
}

static bool was_judged(struct room *r, const char *mailbox, uint8_t n)
{
	struct identity id = identity(n);
	bool yes = false;

	OK(journal_was_judged(r->j, str_of(mailbox), &id, &yes, &r->e));
	return yes;
}

static void test_pending(void **state)
{
	struct room *r = room(state);
	struct pending *list;
	struct identity id = identity(3);

	open_rw(r);
	assert_int_equal(pending(r, &list), 0);
	settle_one(r, 30, 3, false);
	settle_one(r, 10, 1, false);
	open_as(r, JOURNAL_WRITE, NOW + 60);
	settle_one(r, 30, 3, false);
	assert_int_equal(pending(r, &list), 2);
	assert_int_equal(list[0].uid, 10);
	assert_int_equal(list[0].tries, 1);
	assert_int_equal(list[1].uid, 30);
	assert_int_equal(list[1].tries, 2);
	assert_int_equal(list[1].since, NOW);
	assert_memory_equal(list[1].id.digest, id.digest, 16);
	assert_int_equal(list[1].id.size, id.size);
	assert_string_equal(list[1].id.message_id.p, "m@example.org");
	assert_string_equal(list[1].reason.p, "the body cannot be had");
	assert_false(was_judged(r, "INBOX", 3));
	settle_one(r, 30, 3, true);
	assert_int_equal(pending(r, &list), 1);
	assert_true(was_judged(r, "INBOX", 3));
	assert_false(was_judged(r, "INBOX", 1));
	assert_false(was_judged(r, "Archive", 3));
	/* an identity that is not known is not one */
	settle_one(r, 11, 0, true);
	assert_false(was_judged(r, "INBOX", 0));
}

static void test_uidvalidity_drops_pending(void **state)
{
	struct room *r = room(state);
	struct pending *list;
	struct checkpoint c = { .uidvalidity = 1, .next_uid = 9 };
	struct judged waiting = { .uidvalidity = 1, .waits = true };

	open_rw(r);
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, NULL, 0, &c,
	    &r->e));
	settle_one(r, 5, 5, false);
	c.next_uid = 12;
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, NULL, 0, &c,
	    &r->e));
	assert_int_equal(pending(r, &list), 1);
	assert_int_equal(list[0].uidvalidity, 1);
	assert_int_equal(list[0].tries, 1);
	/* to wait is no try */
	waiting.uid = 5;
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, &waiting, 1, NULL,
	    &r->e));
	assert_int_equal(pending(r, &list), 1);
	assert_int_equal(list[0].tries, 1);
	/* the same UID of another UIDVALIDITY is another message */
	waiting.uidvalidity = 2;
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, &waiting, 1, NULL,
	    &r->e));
	assert_int_equal(pending(r, &list), 2);
	waiting.settled = true;
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, &waiting, 1, NULL,
	    &r->e));
	assert_int_equal(pending(r, &list), 1);
	assert_int_equal(list[0].uidvalidity, 1);
	c.uidvalidity = 2;
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, NULL, 0, &c,
	    &r->e));
	assert_int_equal(pending(r, &list), 0);
}

/* -------------------------------------------------------------- changes */

static int64_t begin_run(struct room *r)
{
	int64_t run = 0;

	OK(journal_run_begin(r->j, STR_LIT("abcd"), &run, &r->e));
	return run;
}

static struct change change_of(int64_t run, uint32_t uid, enum op_kind kind,
    const char *what, const char *rules)
{
	return (struct change){
		.run = run, .time = NOW, .mailbox = STR_LIT("INBOX"),
		.uidvalidity = 77, .uid = uid, .id_of = identity(9),
		.from = STR_LIT("Alice <alice@example.org>"),
		.subject = STR_LIT("Gr\xc3\xbc\xc3\x9f" "e"),
		.rules = str_of(rules), .kind = kind, .what = str_of(what),
		.flags_before = STR_LIT("\\Seen\n$Forwarded"),
		.labels_before = STR_LIT("a b\nlists/x"),
		.dest_uidvalidity = 4000000000u, .dest_from_uid = 3,
		.state = CHANGE_DONE,
	};
}

struct seen {
	size_t n, stop_after;
	int64_t ids[300];
	uint32_t uid;
	char text[512];
	struct run_record run;
};

static bool see(void *ctx, const struct change *c,
    const struct run_record *run, struct err *e)
{
	struct seen *s = ctx;

	if (s->stop_after && s->n == s->stop_after)
		return err_set(e, ERR_BRAKE, "enough");
	assert_true(s->n < COUNT(s->ids));
	s->ids[s->n++] = c->id;
	s->uid = c->uid;
	snprintf(s->text, sizeof(s->text), "%.*s|%u|%.*s|%.*s|%.*s|%d|%.*s|"
	    "%.*s|%.*s|%u|%u|%u|%d|%.*s", STR_ARG(c->mailbox),
	    c->uidvalidity, STR_ARG(c->from), STR_ARG(c->subject),
	    STR_ARG(c->rules), (int)c->kind, STR_ARG(c->what),
	    STR_ARG(c->flags_before), STR_ARG(c->labels_before),
	    c->dest_uidvalidity, c->dest_from_uid, c->dest_uid,
	    (int)c->state, STR_ARG(c->reason));
	s->run = *run;
	return true;
}

static size_t history(struct room *r, struct history_query q,
    struct seen *s)
{
	memset(s, 0, sizeof(*s));
	OK(journal_history(r->j, &q, see, s, &r->e));
	return s->n;
}

static void test_changes(void **state)
{
	struct room *r = room(state);
	struct history_query all = { .since = TIME_NONE };
	struct change list[3], *left;
	struct run_record end;
	struct seen s;
	size_t n;
	int64_t run;

	open_rw(r);
	run = begin_run(r);
	assert_true(run > 0);
	list[0] = change_of(run, 1, OP_ADD_LABELS, "work", "a");
	list[1] = change_of(run, 2, OP_MOVE, "Archive", "a, b c");
	list[2] = change_of(run, 3, OP_COPY, "Archive", "b");
	OK(journal_intend(r->j, list, 3, &r->e));
	assert_true(list[0].id > 0 && list[1].id > list[0].id);
	assert_int_equal(list[1].state, CHANGE_INTENDED);

	open_rw(r);	/* what a crash would leave */
	OK(journal_unsettled(r->j, r->a, &left, &n, &r->e));
	assert_int_equal(n, 3);
	assert_int_equal(left[1].id, list[1].id);
	assert_int_equal(left[1].kind, OP_MOVE);
	assert_string_equal(left[1].what.p, "Archive");
	assert_int_equal(left[1].dest_from_uid, 3);
	assert_memory_equal(left[1].id_of.digest, list[1].id_of.digest, 16);

	list[0].state = CHANGE_DONE;
	list[1].state = CHANGE_FAILED;
	list[1].reason = STR_LIT("no such mailbox");
	list[2].state = CHANGE_DONE;
	list[2].dest_uid = 4000000001u;
	OK(journal_settle(r->j, STR_EMPTY, list, 3, NULL, 0, NULL, &r->e));
	OK(journal_unsettled(r->j, r->a, &left, &n, &r->e));
	assert_int_equal(n, 0);

	end = (struct run_record){ .id = run, .ended = NOW + 5, .judged = 10,
	    .changed = 3, .failed = 1, .unknown = 2, .exit_code = 3 };
	OK(journal_run_end(r->j, &end, &r->e));
	assert_int_equal(history(r, all, &s), 3);
	assert_string_equal(s.text, "INBOX|77|Alice <alice@example.org>|"
	    "Gr\xc3\xbc\xc3\x9f" "e|b|4|Archive|\\Seen\n$Forwarded|"
	    "a b\nlists/x|4000000000|3|4000000001|1|");
	assert_int_equal(s.run.id, run);
	assert_int_equal(s.run.started, NOW);
	assert_int_equal(s.run.ended, NOW + 5);
	assert_int_equal(s.run.judged, 10);
	assert_int_equal(s.run.exit_code, 3);
}

static void test_history_queries(void **state)
{
	struct room *r = room(state);
	struct history_query q = { .since = TIME_NONE };
	struct change list[200];
	struct seen s;
	int64_t run;

	open_rw(r);
	run = begin_run(r);
	for (uint32_t i = 0; i < COUNT(list); i++) {
		list[i] = change_of(run, i + 1, OP_ADD_LABELS, "x",
		    i % 2 ? "one, two" : "two, one more");
		list[i].time = NOW + i;
		if (i == 150)
			list[i].id_of.message_id = STR_LIT("other@x");
	}
	OK(journal_intend(r->j, list, COUNT(list), &r->e));
	assert_int_equal(history(r, q, &s), 200);	/* over one batch */
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(s.ids[i], list[i].id);
	q.rule = STR_LIT("one");
	assert_int_equal(history(r, q, &s), 100);
	q.rule = STR_LIT("two");
	assert_int_equal(history(r, q, &s), 200);
	q.rule = STR_LIT("more");
	assert_int_equal(history(r, q, &s), 0);
	q = (struct history_query){ .since = NOW + 190 };
	assert_int_equal(history(r, q, &s), 10);
	q = (struct history_query){ .since = TIME_NONE, .run = run + 1 };
	assert_int_equal(history(r, q, &s), 0);
	q.run = run;
	assert_int_equal(history(r, q, &s), 200);
	q = (struct history_query){ .since = TIME_NONE,
	    .message_id = STR_LIT("other@x") };
	assert_int_equal(history(r, q, &s), 1);
	assert_int_equal(s.uid, 151);
	q = (struct history_query){ .since = TIME_NONE,
	    .mailbox = STR_LIT("INBOX"), .uid = 42 };
	assert_int_equal(history(r, q, &s), 1);
	assert_int_equal(s.uid, 42);
	q.mailbox = STR_LIT("' OR 1=1 --");
	assert_int_equal(history(r, q, &s), 0);

	/* the callback may stop it, and its error is the answer */
	q = (struct history_query){ .since = TIME_NONE };
	memset(&s, 0, sizeof(s));
	s.stop_after = 70;
	assert_false(journal_history(r->j, &q, see, &s, &r->e));
	assert_int_equal(s.n, 70);
	assert_string_equal(r->e.msg, "enough");
	err_clear(&r->e);
}

static bool count_run(void *ctx, const struct run_record *run,
    struct err *e)
{
	int64_t *n = ctx;

	(void)e;
	assert_string_equal(run->rules_version.p, "abcd");
	(*n)++;
	return true;
}

static void test_runs(void **state)
{
	struct room *r = room(state);
	int64_t n = 0;

	for (int i = 0; i < 130; i++) {
		open_as(r, JOURNAL_WRITE, NOW + i);
		assert_int_equal(begin_run(r), i + 1);
	}
	OK(journal_runs(r->j, TIME_NONE, count_run, &n, &r->e));
	assert_int_equal(n, 130);
	n = 0;
	OK(journal_runs(r->j, NOW + 100, count_run, &n, &r->e));
	assert_int_equal(n, 30);
}

static bool copied(struct room *r, uint32_t uidvalidity, uint32_t uid,
    struct identity id, const char *target)
{
	bool yes = false;

	OK(journal_copied(r->j, STR_LIT("INBOX"), uidvalidity, uid, &id,
	    str_of(target), &yes, &r->e));
	return yes;
}

static void test_copied(void **state)
{
	struct room *r = room(state);
	struct change c;

	open_rw(r);
	c = change_of(begin_run(r), 5, OP_COPY, "Keep/a b", "x");
	OK(journal_intend(r->j, &c, 1, &r->e));
	assert_false(copied(r, 77, 5, c.id_of, "Keep/a b"));
	c.state = CHANGE_DONE;
	OK(journal_settle(r->j, STR_EMPTY, &c, 1, NULL, 0, NULL, &r->e));
	assert_true(copied(r, 77, 5, c.id_of, "Keep/a b"));
	/* a twin beside it is another message */
	assert_false(copied(r, 77, 6, c.id_of, "Keep/a b"));
	/* where UIDs began anew, it may be the same */
	assert_true(copied(r, 78, 6, c.id_of, "Keep/a b"));
	assert_false(copied(r, 78, 6, identity(99), "Keep/a b"));
	assert_false(copied(r, 77, 5, c.id_of, "Keep"));
	/* what moves takes its copies with it */
	c.kind = OP_MOVE;
	c.what = STR_LIT("INBOX");
	c.uid = 5;
	OK(journal_intend(r->j, &c, 1, &r->e));
	c.state = CHANGE_DONE;
	c.dest_uidvalidity = 90;
	c.dest_uid = 12;
	OK(journal_settle(r->j, STR_EMPTY, &c, 1, NULL, 0, NULL, &r->e));
	assert_true(copied(r, 90, 12, c.id_of, "Keep/a b"));
	/* and it is remembered when its history is gone */
	open_as(r, JOURNAL_WRITE, NOW + 1000);
	OK(journal_prune(r->j, NOW + 500, &r->e));
	assert_true(copied(r, 77, 5, c.id_of, "Keep/a b"));
}

static void settled(struct room *r, uint32_t uidvalidity, uint32_t uid,
    enum op_kind kind, const char *what, enum change_state state)
{
	struct change c = change_of(begin_run(r), uid, kind, what, "x");

	c.uidvalidity = uidvalidity;
	c.id_of = identity((uint8_t)uid);
	OK(journal_intend(r->j, &c, 1, &r->e));
	c.state = state;
	OK(journal_settle(r->j, STR_EMPTY, &c, 1, NULL, 0, NULL, &r->e));
}

/* What was copied is forgotten when its message has left for good. */
static void test_copied_is_dropped(void **state)
{
	struct room *r = room(state);

	open_rw(r);
	for (uint32_t uid = 5; uid <= 7; uid++)
		settled(r, 77, uid, OP_COPY, "Keep", CHANGE_DONE);
	settled(r, 77, 5, OP_MOVE, "A", CHANGE_DONE);
	assert_false(copied(r, 77, 5, identity(5), "Keep"));
	assert_false(copied(r, 78, 1, identity(5), "Keep"));
	settled(r, 77, 6, OP_DELETE, "", CHANGE_DONE);
	assert_false(copied(r, 77, 6, identity(6), "Keep"));
	/* a move that failed, or was given up, leaves it where it is */
	settled(r, 77, 7, OP_MOVE, "A", CHANGE_FAILED);
	settled(r, 77, 7, OP_MOVE, "A", CHANGE_VOID);
	assert_true(copied(r, 77, 7, identity(7), "Keep"));
}

static bool placed(struct room *r, const char *mailbox, uint32_t uid,
    struct identity id)
{
	bool yes = false;

	OK(journal_placed(r->j, str_of(mailbox), 88, uid, &id, false, &yes,
	    &r->e));
	return yes;
}

static void test_placed(void **state)
{
	struct room *r = room(state);
	struct change list[2];
	bool yes;

	open_rw(r);
	list[0] = change_of(begin_run(r), 5, OP_MOVE, "A", "x");
	list[1] = list[0];
	list[1].id_of = identity(44);
	OK(journal_intend(r->j, list, 2, &r->e));
	assert_false(placed(r, "A", 9, list[1].id_of));
	list[0].state = list[1].state = CHANGE_DONE;
	list[0].dest_uidvalidity = 88;
	list[0].dest_uid = 9;
	OK(journal_settle(r->j, STR_EMPTY, list, 2, NULL, 0, NULL, &r->e));
	assert_true(placed(r, "A", 9, list[0].id_of));
	assert_false(placed(r, "A", 10, list[0].id_of));
	assert_false(placed(r, "B", 9, list[0].id_of));
	/* where the server did not tell */
	assert_true(placed(r, "A", 10, list[1].id_of));
	OK(journal_placed(r->j, STR_LIT("A"), 88, 9, &list[0].id_of, true,
	    &yes, &r->e));
	assert_true(yes);
	OK(journal_placed(r->j, STR_LIT("A"), 88, 9, &list[1].id_of, true,
	    &yes, &r->e));
	assert_false(yes);
	assert_false(placed(r, "A", 10, identity(45)));
}

/* A row that cannot be written takes the whole call with it. */
static void test_all_or_nothing(void **state)
{
	struct room *r = room(state);
	struct checkpoint c = { .uidvalidity = 1, .next_uid = 2 }, got;
	struct change list[2], *left;
	size_t n;

	open_rw(r);
	list[0] = change_of(begin_run(r), 1, OP_MOVE, "A", "x");
	list[1] = list[0];
	list[1].run = 999;	/* no such run */
	assert_false(journal_intend(r->j, list, 2, &r->e));
	assert_int_equal(r->e.kind, ERR_STATE);
	err_clear(&r->e);
	/* ... and after that nothing is written any more */
	assert_false(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, NULL, 0,
	    &c, &r->e));
	assert_int_equal(r->e.kind, ERR_STATE);
	err_clear(&r->e);
	open_rw(r);
	OK(journal_unsettled(r->j, r->a, &left, &n, &r->e));
	assert_int_equal(n, 0);
	OK(journal_checkpoint(r->j, STR_LIT("INBOX"), &got, &r->e));
	assert_false(got.known);
}

static void test_prune(void **state)
{
	struct room *r = room(state);
	struct history_query q = { .since = TIME_NONE };
	struct change list[3];
	struct checkpoint c = { .uidvalidity = 1, .time = NOW };
	struct seen s;
	int64_t n = 0, last;

	open_rw(r);
	list[0] = change_of(begin_run(r), 1, OP_MOVE, "A", "x");
	list[1] = change_of(list[0].run, 2, OP_MOVE, "A", "x");
	OK(journal_intend(r->j, list, 2, &r->e));
	list[0].state = CHANGE_DONE;	/* the other is still intended */
	OK(journal_settle(r->j, STR_EMPTY, list, 1, NULL, 0, NULL, &r->e));
	begin_run(r);
	settle_one(r, 1, 1, true);
	open_as(r, JOURNAL_WRITE, NOW + 1000);
	settle_one(r, 2, 2, true);
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, NULL, 0, &c,
	    &r->e));
	list[2] = change_of(begin_run(r), 3, OP_MOVE, "A", "x");
	list[2].time = NOW + 1000;
	OK(journal_intend(r->j, &list[2], 1, &r->e));
	list[2].state = CHANGE_DONE;
	OK(journal_settle(r->j, STR_EMPTY, &list[2], 1, NULL, 0, NULL,
	    &r->e));

	OK(journal_prune(r->j, NOW + 500, &r->e));
	assert_int_equal(history(r, q, &s), 2);
	assert_int_equal(s.ids[0], list[1].id);
	assert_int_equal(s.ids[1], list[2].id);
	OK(journal_runs(r->j, TIME_NONE, count_run, &n, &r->e));
	assert_int_equal(n, 2);	/* its own, and that of the intended one */
	/* that of the last days before the checkpoint is needed */
	assert_true(was_judged(r, "INBOX", 1));
	c.time += 30 * 86400;
	OK(journal_settle(r->j, STR_LIT("INBOX"), NULL, 0, NULL, 0, &c,
	    &r->e));
	OK(journal_prune(r->j, NOW + 500, &r->e));
	assert_false(was_judged(r, "INBOX", 1));
	assert_true(was_judged(r, "INBOX", 2));
	/* the number of a run is never given again */
	last = begin_run(r);
	assert_int_equal(last, 4);
}

static void test_values(void **state)
{
	struct room *r = room(state);
	int64_t value = 9;

	open_rw(r);
	OK(journal_rule_time(r->j, STR_LIT("a rule"), &value, &r->e));
	assert_int_equal(value, 0);
	OK(journal_set_rule_time(r->j, STR_LIT("a rule"), NOW, &r->e));
	OK(journal_set_rule_time(r->j, STR_LIT("a rule"), NOW + 1, &r->e));
	OK(journal_note_set(r->j, "a rule", -5, &r->e));
	open_rw(r);
	OK(journal_rule_time(r->j, STR_LIT("a rule"), &value, &r->e));
	assert_int_equal(value, NOW + 1);
	OK(journal_note_get(r->j, "a rule", &value, &r->e));
	assert_int_equal(value, -5);
	OK(journal_note_get(r->j, "no", &value, &r->e));
	assert_int_equal(value, 0);
}

/* ---------------------------------------------------------------- names */

/* NAMES is text cut at blanks; the UIDs come out as "1 2 3 next 4". */
static const char *number(struct room *r, const char *names)
{
	struct str rest = str_of(names), list[64];
	uint32_t uids[64], next, validity;
	struct str text = STR_EMPTY;
	size_t n = 0;

	while (str_cut(&rest, ' ', &list[n]))
		n++;
	OK(journal_names(r->j, STR_LIT("INBOX"), list, n, uids, &next,
	    &validity, &r->e));
	assert_int_equal(validity, NOW);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(r->a, "%.*s%u ", STR_ARG(text), uids[i]);
	return arena_printf(r->a, "%.*snext %u", STR_ARG(text), next).p;
}

static void test_names(void **state)
{
	struct room *r = room(state);
	uint32_t next, validity;

	open_rw(r);
	OK(journal_names(r->j, STR_LIT("INBOX"), NULL, 0, NULL, &next,
	    &validity, &r->e));
	assert_int_equal(next, 1);
	assert_int_equal(validity, NOW);
	assert_string_equal(number(r, "c a b"), "1 2 3 next 4");
	open_as(r, JOURNAL_WRITE, NOW + 77);
	assert_string_equal(number(r, "a b c"), "2 3 1 next 4");
	assert_string_equal(number(r, "d a c"), "4 2 1 next 5");
	/* asking forgets nothing, and a name that comes back is known */
	OK(journal_names(r->j, STR_LIT("INBOX"), NULL, 0, NULL, &next,
	    &validity, &r->e));
	assert_int_equal(next, 5);
	assert_string_equal(number(r, "b"), "3 next 5");
	assert_string_equal(number(r, "e a b c d"), "5 2 3 1 4 next 6");
	/* names come from others: any octets, no meaning */
	assert_string_equal(number(r, "e a b c d \xff' \x01 %00"),
	    "5 2 3 1 4 6 7 8 next 9");
}

static void test_names_pruned(void **state)
{
	struct room *r = room(state);

	open_rw(r);
	assert_string_equal(number(r, "a b c"), "1 2 3 next 4");
	open_as(r, JOURNAL_WRITE, NOW + 100);
	assert_string_equal(number(r, "a"), "1 next 4");
	OK(journal_prune(r->j, NOW + 50, &r->e));
	assert_string_equal(number(r, "a b"), "1 2 next 4");
	OK(journal_prune(r->j, NOW + 5000, &r->e));
	/* c was gone, b came back */
	assert_string_equal(number(r, "a b c"), "1 2 4 next 5");
}

/* With a name that is gone for long goes what was copied under it. */
static void test_names_pruned_with_copies(void **state)
{
	struct room *r = room(state);

	open_rw(r);
	number(r, "a b");
	settled(r, NOW, 1, OP_COPY, "Keep", CHANGE_DONE);
	settled(r, NOW, 2, OP_COPY, "Keep", CHANGE_DONE);
	open_as(r, JOURNAL_WRITE, NOW + 100);
	number(r, "b");
	OK(journal_prune(r->j, NOW + 50, &r->e));
	assert_true(copied(r, NOW, 1, identity(1), "Keep"));
	OK(journal_prune(r->j, NOW + 5000, &r->e));
	assert_false(copied(r, NOW, 1, identity(1), "Keep"));
	assert_true(copied(r, NOW, 2, identity(2), "Keep"));
}

static void test_names_read_only(void **state)
{
	struct room *r = room(state);
	struct str before;
	uint32_t uid;
	struct str name = STR_LIT("z");

	open_rw(r);
	assert_string_equal(number(r, "a b"), "1 2 next 3");
	journal_close(&r->j);
	before = snapshot(r);
	open_as(r, JOURNAL_READ, NOW + 5);
	assert_string_equal(number(r, "x b y"), "3 2 4 next 5");
	assert_string_equal(number(r, "x b y"), "3 2 4 next 5");
	assert_false(journal_name_add(r->j, STR_LIT("INBOX"), name, &uid,
	    &r->e));
	assert_int_equal(r->e.kind, ERR_STATE);
	journal_close(&r->j);
	assert_string_equal(snapshot(r).p, before.p);
}

static void test_names_add(void **state)
{
	struct room *r = room(state);
	struct str box = STR_LIT("INBOX");
	struct journal_name three[] = {
		{ box, STR_LIT("m"), 0 }, { box, STR_LIT("n"), 0 },
		{ STR_LIT("Other"), STR_LIT("m"), 0 },
	};
	struct checkpoint c = { 0 };
	struct pending *list;
	uint32_t uid;

	open_rw(r);
	/* no checkpoint yet: the first run will set its baseline */
	OK(journal_name_add(r->j, box, STR_LIT("a"), &uid, &r->e));
	assert_int_equal(uid, 1);
	OK(journal_checkpoint(r->j, box, &c, &r->e));
	assert_false(c.known);
	assert_string_equal(number(r, "a b"), "1 2 next 3");
	c = (struct checkpoint){ .uidvalidity = NOW, .next_uid = 3 };
	OK(journal_settle(r->j, box, NULL, 0, NULL, 0, &c, &r->e));

	/* all below was dealt with: the checkpoint simply moves on */
	OK(journal_names_add(r->j, three, 3, &r->e));
	assert_int_equal(three[0].uid, 3);
	assert_int_equal(three[1].uid, 4);
	assert_int_equal(three[2].uid, 1);
	OK(journal_checkpoint(r->j, box, &c, &r->e));
	assert_int_equal(c.next_uid, 5);
	assert_int_equal(pending(r, &list), 0);

	/* 5 is new and not judged yet: it pends, and 6 is ours */
	assert_string_equal(number(r, "a b m n new"), "1 2 3 4 5 next 6");
	OK(journal_name_add(r->j, box, STR_LIT("o"), &uid, &r->e));
	assert_int_equal(uid, 6);
	OK(journal_checkpoint(r->j, box, &c, &r->e));
	assert_int_equal(c.next_uid, 7);
	assert_int_equal(pending(r, &list), 1);
	assert_int_equal(list[0].uid, 5);
	assert_int_equal(list[0].tries, 0);

	/* back again under a known name: a new UID, not the old one */
	OK(journal_name_add(r->j, box, STR_LIT("a"), &uid, &r->e));
	assert_int_equal(uid, 7);
	assert_string_equal(number(r, "a b m n o new"),
	    "7 2 3 4 6 5 next 8");
}

/* -------------------------------------------------------------- reading */

static void test_reading_leaves_nothing(void **state)
{
	struct room *r = room(state);
	struct history_query q = { .since = TIME_NONE };
	struct pending *list;
	struct checkpoint c;
	struct change change;
	struct run_record end = { 0 };
	struct stat st;
	struct seen s;
	struct str before;
	int64_t value;

	/* no state at all: empty, and nothing is made */
	open_as(r, JOURNAL_READ, NOW);
	OK(journal_checkpoint(r->j, STR_LIT("INBOX"), &c, &r->e));
	assert_false(c.known);
	assert_int_equal(pending(r, &list), 0);
	assert_int_equal(history(r, q, &s), 0);
	assert_string_equal(number(r, "b a"), "1 2 next 3");
	assert_false(journal_run_begin(r->j, STR_EMPTY, &value, &r->e));
	err_clear(&r->e);
	journal_close(&r->j);
	assert_int_not_equal(stat(r->dir, &st), 0);

	open_rw(r);
	change = change_of(begin_run(r), 1, OP_MOVE, "A", "x");
	OK(journal_intend(r->j, &change, 1, &r->e));
	settle_one(r, 4, 4, false);
	journal_close(&r->j);
	before = snapshot(r);
	open_as(r, JOURNAL_READ, NOW);
	assert_int_equal(pending(r, &list), 1);
	assert_int_equal(history(r, q, &s), 1);
	OK(journal_note_get(r->j, "x", &value, &r->e));
	assert_false(journal_intend(r->j, &change, 1, &r->e));
	err_clear(&r->e);
	assert_false(journal_run_end(r->j, &end, &r->e));
	err_clear(&r->e);
	assert_false(journal_prune(r->j, NOW, &r->e));
	err_clear(&r->e);
	assert_false(journal_note_set(r->j, "x", 1, &r->e));
	err_clear(&r->e);
	journal_close(&r->j);
	assert_string_equal(snapshot(r).p, before.p);
}

/* A reader in the middle of its callbacks does not hold up a writer. */
static bool write_meanwhile(void *ctx, const struct change *c,
    const struct run_record *run, struct err *e)
{
	struct journal *writer = ctx;

	(void)c;
	(void)run;
	return journal_note_set(writer, "x", 1, e);
}

static void test_reader_and_writer(void **state)
{
	struct room *r = room(state);
	struct history_query q = { .since = TIME_NONE };
	struct journal *reader;
	struct change c;

	open_rw(r);
	c = change_of(begin_run(r), 1, OP_MOVE, "A", "x");
	OK(journal_intend(r->j, &c, 1, &r->e));
	OK(journal_open(r->dir, OWNER, JOURNAL_READ, NOW, &reader, &r->e));
	OK(journal_history(reader, &q, write_meanwhile, r->j, &r->e));
	journal_close(&reader);
}

/*
 * A child that dies in the middle of writing the database: it may not grow,
 * and the signal for that (SIGXFSZ) kills it like any other would.
 */
static void die_while_writing(struct room *r)
{
	struct str path = arena_printf(r->a, "%s/state.db", r->dir);
	struct str journal = arena_printf(r->a, "%s-journal", path.p);
	struct stat st;
	int status;
	pid_t pid;

	assert_int_equal(stat(path.p, &st), 0);
	pid = fork();
	if (pid == 0) {
		struct rlimit none = { 0, 0 };
		struct rlimit size = { (rlim_t)st.st_size,
		    (rlim_t)st.st_size };
		struct change *list = arena_array(r->a, 3000, sizeof(*list));
		struct journal *j;
		int64_t run;

		setrlimit(RLIMIT_CORE, &none);
		if (!journal_open(r->dir, OWNER, JOURNAL_WRITE, NOW, &j,
		    &r->e) || !journal_run_begin(j, STR_EMPTY, &run, &r->e))
			_exit(1);
		for (uint32_t i = 0; i < 3000; i++)
			list[i] = change_of(run, i, OP_MOVE, "A", "x");
		setrlimit(RLIMIT_FSIZE, &size);
		if (journal_intend(j, list, 3000, &r->e))
			_exit(2);
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(stat(journal.p, &st), 0);
	assert_true(st.st_size > 0);
}

static void test_crash_while_writing(void **state)
{
	struct room *r = room(state);
	struct history_query q = { .since = TIME_NONE };
	struct change list[250], *left;
	struct str before;
	struct seen s;
	size_t n;
	int fd;

	open_rw(r);
	for (uint32_t i = 0; i < COUNT(list); i++)
		list[i] = change_of(1, i, OP_MOVE, "A", "x");
	begin_run(r);
	OK(journal_intend(r->j, list, COUNT(list), &r->e));
	journal_close(&r->j);
	die_while_writing(r);

	before = snapshot(r);
	for (int i = 0; i < 2; i++) {
		open_as(r, JOURNAL_READ, NOW);
		assert_int_equal(history(r, q, &s), COUNT(list));
		journal_close(&r->j);
	}
	assert_string_equal(snapshot(r).p, before.p);

	/* while somebody else recovers it, a reader says so and waits not */
	fd = open(arena_printf(r->a, "%s/lock", r->dir).p, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	must_refuse(r, JOURNAL_READ, OWNER, ERR_TEMP, "being recovered");
	close(fd);
	open_rw(r);
	OK(journal_unsettled(r->j, r->a, &left, &n, &r->e));
	assert_int_equal(n, COUNT(list));
	journal_close(&r->j);
	open_as(r, JOURNAL_READ, NOW);
	assert_int_equal(history(r, q, &s), COUNT(list));
}

/* The disk is full in the middle of a write, and the program lives on. */
static void test_no_room(void **state)
{
	struct room *r = room(state);
	struct history_query q = { .since = TIME_NONE };
	struct str path = arena_printf(r->a, "%s/state.db", r->dir);
	struct rlimit old, small;
	struct change *list = arena_array(r->a, 3000, sizeof(*list));
	struct stat st;
	struct seen s;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	int64_t run;
	bool ok;

	open_rw(r);
	run = begin_run(r);
	for (uint32_t i = 0; i < 3000; i++)
		list[i] = change_of(run, i, OP_MOVE, "A", "x");
	OK(journal_intend(r->j, list, 100, &r->e));
	assert_int_equal(stat(path.p, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = (rlim_t)st.st_size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ok = journal_intend(r->j, list, 3000, &r->e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, handler);
	assert_false(ok);
	assert_int_equal(r->e.kind, ERR_STATE);
	err_clear(&r->e);
	open_rw(r);
	assert_int_equal(history(r, q, &s), 100);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_folder_and_modes), TEST(test_folder_of_others),
		TEST(test_lock), TEST(test_not_a_folder), TEST(test_owner),
		TEST(test_versions), TEST(test_empty_file),
		TEST(test_checkpoint), TEST(test_pending),
		TEST(test_uidvalidity_drops_pending), TEST(test_changes),
		TEST(test_history_queries), TEST(test_runs),
		TEST(test_copied), TEST(test_copied_is_dropped),
		TEST(test_placed), TEST(test_all_or_nothing),
		TEST(test_prune), TEST(test_values), TEST(test_names),
		TEST(test_names_pruned),
		TEST(test_names_pruned_with_copies), TEST(test_names_read_only),
		TEST(test_names_add), TEST(test_reading_leaves_nothing),
		TEST(test_reader_and_writer), TEST(test_crash_while_writing),
		TEST(test_no_room),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
