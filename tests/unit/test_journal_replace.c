#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/database.h"
#include "engine/journal_replace.h"
#include "scratch.h"

#define OWNER	"imaps://mail.example.org:993 alice"
#define NOW	1700000000
#define NONCE	"0123456789abcdef0123456789abcdef"

struct room {
	struct arena *a;
	char *top;
	const char *dir;
	struct journal *j;
	struct err e;
};

static int setup(void **state)
{
	struct arena *a = arena_new();
	struct room *r = arena_make(a, struct room);

	r->a = a;
	r->top = scratch_make(a);
	r->dir = arena_printf(a, "%s/state", r->top).p;
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

#define OK(call) \
	do { \
		if (!(call)) \
			fail_msg("%s: %s", #call, r->e.msg); \
	} while (0)

static void open_at(struct room *r, enum journal_mode mode, int64_t now)
{
	journal_close(&r->j);
	OK(journal_open(r->dir, OWNER, mode, now, &r->j, &r->e));
}

static struct identity identity(uint8_t mark)
{
	struct identity id = { .message_id = STR_LIT("a@b"), .size = mark };

	memset(id.digest, mark, sizeof(id.digest));
	return id;
}

static int64_t add_change(struct room *r, uint32_t uid)
{
	struct change c = {
		.time = NOW,
		.mailbox = STR_LIT("INBOX"),
		.uidvalidity = 9,
		.uid = uid,
		.id_of = identity(1),
		.rules = STR_LIT("mend"),
		.kind = OP_REPLACE,
		.what = STR_LIT("set Subject"),
	};

	OK(journal_run_begin(r->j, STR_LIT("abcd"), &c.run, &r->e));
	OK(journal_intend(r->j, &c, 1, &r->e));
	return c.id;
}

/* One with something in each column. */
static struct replace_row full_row(int64_t change)
{
	static const struct str flags[] = { { "\\Seen", 5 }, { "a", 1 } };
	static const struct str labels[] = { { "lists/x y", 9 } };
	struct replace_row p = {
		.change = change,
		.state = REPLACE_PLANNED,
		.attempt = 2,
		.tried = NOW - 5,
		.watch = NOW + 60,
		.instead = true,
		.spooled = true,
		.copy_size = 77,
		.copy_id = identity(2),
		.then = STR_LIT("copy A\nmove B"),
		.reason = STR_LIT("why"),
	};
	struct replacement *r = &p.r;

	r->mailbox = STR_LIT("INBOX");
	r->uidvalidity = 9;
	r->uid = 5;
	r->id = identity(1);
	memcpy(r->nonce, NONCE, NONCE_SIZE);
	r->lossy = r->new_thread = true;
	r->keep = KEEP_SPOOL;
	r->original = (struct original){
		.mailbox = STR_LIT("[Gmail]/All Mail"),
		.uidvalidity = 4000000000, .uid = 4000000001,
		.trash_uid = 3, .name = STR_LIT("17.M1"),
		.gmail_id = UINT64_C(0xf000000000000001), .gmail_thread = 8,
		.object_id = STR_LIT("M1"), .modseq = 12,
		.dress = { flags, 2, labels, 1 },
		.received = NOW - 1000, .zone = -90, .size = 1234,
	};
	memset(r->original.sha256, 3, DIGEST_SIZE);
	memset(p.copy_sha256, 4, DIGEST_SIZE);
	memset(p.mark, 5, sizeof(p.mark));
	r->to_uidvalidity = 6;
	r->to_from_uid = 7;
	r->copy_uid = 8;
	r->copy_name = STR_LIT("17.M2");
	r->copy_gmail_id = 9;
	r->uid_after = 10;
	return p;
}

static struct replace_row *list(struct room *r, enum replace_which which,
    int64_t change, size_t expected)
{
	struct replace_row *rows;
	size_t n;

	OK(journal_replace_list(r->j, r->a, which, change, 100, &rows, &n,
	    &r->e));
	assert_int_equal(n, expected);
	return rows;
}

static void assert_same(struct str a, struct str b)
{
	if (!str_eq(a, b))
		fail_msg("\"%.*s\" is not \"%.*s\"", STR_ARG(a), STR_ARG(b));
}

static void test_all_comes_back(void **state)
{
	struct room *r = *state;
	struct replace_row p, *q, *row = &p;

	open_at(r, JOURNAL_WRITE, NOW);
	p = full_row(add_change(r, 5));
	OK(journal_replace_add(r->j, &row, 1, &r->e));
	assert_true(p.r.row > 0);
	open_at(r, JOURNAL_READ, NOW);
	q = list(r, REPLACE_OPEN, 0, 1);
	assert_int_equal(q->r.row, p.r.row);
	assert_int_equal(q->change, p.change);
	assert_int_equal(q->run, 1);
	assert_same(q->r.mailbox, p.r.mailbox);
	assert_int_equal(q->r.uidvalidity, 9);
	assert_int_equal(q->r.uid, 5);
	assert_memory_equal(q->r.id.digest, p.r.id.digest, 16);
	assert_same(q->rules, STR_LIT("mend"));
	assert_same(q->what, STR_LIT("set Subject"));
	assert_string_equal(q->r.nonce, NONCE);
	assert_int_equal(q->state, p.state);
	assert_int_equal(q->attempt, p.attempt);
	assert_int_equal(q->tried, p.tried);
	assert_int_equal(q->watch, p.watch);
	assert_true(q->instead && q->spooled && q->r.lossy &&
	    q->r.new_thread);
	assert_int_equal(q->r.keep, KEEP_SPOOL);
	assert_same(q->r.original.mailbox, p.r.original.mailbox);
	assert_int_equal(q->r.original.uidvalidity, 4000000000);
	assert_int_equal(q->r.original.uid, 4000000001);
	assert_int_equal(q->r.original.trash_uid, 3);
	assert_same(q->r.original.name, p.r.original.name);
	assert_true(q->r.original.gmail_id == p.r.original.gmail_id);
	assert_int_equal(q->r.original.gmail_thread, 8);
	assert_same(q->r.original.object_id, p.r.original.object_id);
	assert_int_equal(q->r.original.modseq, 12);
	assert_int_equal(q->r.original.dress.n_flags, 2);
	assert_same(q->r.original.dress.flags[0], STR_LIT("\\Seen"));
	assert_same(q->r.original.dress.flags[1], STR_LIT("a"));
	assert_int_equal(q->r.original.dress.n_labels, 1);
	assert_same(q->r.original.dress.labels[0], STR_LIT("lists/x y"));
	assert_int_equal(q->r.original.received, NOW - 1000);
	assert_int_equal(q->r.original.zone, -90);
	assert_int_equal(q->r.original.size, 1234);
	assert_memory_equal(q->r.original.sha256, p.r.original.sha256, 32);
	assert_int_equal(q->r.to_uidvalidity, 6);
	assert_int_equal(q->r.to_from_uid, 7);
	assert_int_equal(q->r.copy_uid, 8);
	assert_same(q->r.copy_name, p.r.copy_name);
	assert_int_equal(q->r.copy_gmail_id, 9);
	assert_int_equal(q->copy_size, 77);
	assert_memory_equal(q->copy_sha256, p.copy_sha256, 32);
	assert_memory_equal(q->copy_id.digest, p.copy_id.digest, 16);
	assert_int_equal(q->copy_id.size, 2);
	assert_memory_equal(q->mark, p.mark, 16);
	assert_int_equal(q->r.uid_after, 10);
	assert_same(q->then, p.then);
	assert_int_equal(q->settled, 0);
	assert_same(q->reason, p.reason);
}

static bool was_judged(struct room *r, uint8_t mark)
{
	struct identity id = identity(mark);
	bool yes = false;

	OK(journal_was_judged(r->j, STR_LIT("INBOX"), &id, &yes, &r->e));
	return yes;
}

static bool see(void *ctx, const struct change *c,
    const struct run_record *run, struct err *e)
{
	(void)run;
	(void)e;
	*(struct change *)ctx = *c;
	return true;
}

/* Its change is settled with it, and what was known of the original is known
 * of the copy. */
static void test_settling(void **state)
{
	struct room *r = *state;
	struct history_query q = { .since = TIME_NONE };
	struct identity copy = identity(2);
	struct replace_row p, *row = &p;
	struct change *unsettled, c;
	bool copied = false;
	size_t n;

	open_at(r, JOURNAL_WRITE, NOW);
	p = full_row(add_change(r, 5));
	OK(journal_replace_add(r->j, &row, 1, &r->e));
	/* recover of other changes leaves it alone */
	OK(journal_unsettled(r->j, r->a, &unsettled, &n, &r->e));
	assert_int_equal(n, 0);
	c = (struct change){ .run = 1, .mailbox = STR_LIT("INBOX"),
	    .uidvalidity = 9, .uid = 5, .id_of = identity(1),
	    .kind = OP_COPY, .what = STR_LIT("Keep") };
	OK(journal_intend(r->j, &c, 1, &r->e));
	c.state = CHANGE_DONE;
	OK(journal_settle(r->j, STR_LIT("INBOX"), &c, 1, NULL, 0, NULL,
	    &r->e));
	assert_false(was_judged(r, 2));
	p.state = REPLACE_DONE;
	OK(journal_replace_save(r->j, &row, 1, &r->e));
	assert_int_equal(p.settled, NOW);
	assert_true(was_judged(r, 2));
	OK(journal_copied(r->j, STR_LIT("INBOX"), 9, 10, &copy,
	    STR_LIT("Keep"), &copied, &r->e));
	assert_true(copied);
	list(r, REPLACE_OPEN, 0, 0);
	list(r, REPLACE_OF_CHANGE, p.change, 1);
	q.mailbox = STR_LIT("INBOX");
	q.uid = 5;
	q.rule = STR_LIT("mend");
	OK(journal_history(r->j, &q, see, &c, &r->e));
	assert_int_equal(c.state, CHANGE_DONE);
	assert_int_equal(c.dest_uid, 10);
	assert_int_equal(c.dest_uidvalidity, 9);
}

static bool is_ours(struct room *r, uint32_t uid, const char *nonce,
    uint8_t mark)
{
	uint8_t bytes[16];
	bool yes = false;

	memset(bytes, mark, sizeof(bytes));
	OK(journal_replace_is_ours(r->j, STR_LIT("INBOX"), 9, uid,
	    str_of(nonce), bytes, &yes, &r->e));
	return yes;
}

static void test_is_ours(void **state)
{
	struct room *r = *state;
	struct replace_row p, *row = &p;

	open_at(r, JOURNAL_WRITE, NOW);
	p = full_row(add_change(r, 5));
	OK(journal_replace_add(r->j, &row, 1, &r->e));
	assert_true(is_ours(r, 10, NONCE, 5));
	assert_true(is_ours(r, 11, NONCE, 5));
	assert_false(is_ours(r, 10, NONCE, 6));
	assert_false(is_ours(r, 10, "ff", 5));
	/* a twin may land while it is watched, and not later */
	p.state = REPLACE_DONE;
	OK(journal_replace_save(r->j, &row, 1, &r->e));
	assert_true(is_ours(r, 11, NONCE, 5));
	list(r, REPLACE_WATCHED, 0, 1);
	open_at(r, JOURNAL_WRITE, NOW + 60);
	assert_true(is_ours(r, 10, NONCE, 5));
	assert_false(is_ours(r, 11, NONCE, 5));
	list(r, REPLACE_WATCHED, 0, 0);
}

static void test_pruned(void **state)
{
	struct room *r = *state;
	struct replace_row p, *row = &p;
	bool original, copy;

	open_at(r, JOURNAL_WRITE, NOW);
	p = full_row(add_change(r, 5));
	OK(journal_replace_add(r->j, &row, 1, &r->e));
	OK(journal_replace_needs(r->j, str_of(NONCE), &original, &copy,
	    &r->e));
	assert_true(original && copy);
	open_at(r, JOURNAL_WRITE, NOW + 10000);
	OK(journal_prune(r->j, NOW + 10000, &r->e));
	list(r, REPLACE_OPEN, 0, 1);
	p.state = REPLACE_FAILED;
	OK(journal_replace_save(r->j, &row, 1, &r->e));
	OK(journal_prune(r->j, NOW + 20000, &r->e));
	list(r, REPLACE_KEPT, 0, 1);	/* its file is there yet */
	p.spooled = false;
	OK(journal_replace_save(r->j, &row, 1, &r->e));
	OK(journal_replace_needs(r->j, str_of(NONCE), &original, &copy,
	    &r->e));
	assert_false(original || copy);
	OK(journal_prune(r->j, NOW + 20000, &r->e));
	list(r, REPLACE_OF_CHANGE, p.change, 0);
	OK(journal_replace_needs(r->j, str_of(NONCE), &original, &copy,
	    &r->e));
	assert_false(original || copy);
}

/* As version 1 left it. */
static void make_old(struct room *r)
{
	struct database *d;

	open_at(r, JOURNAL_WRITE, NOW);
	add_change(r, 5);
	journal_close(&r->j);
	OK(database_open(r->a, arena_printf(r->a, "%s/state.db", r->dir).p,
	    DATABASE_WRITE, "x", NULL, 0, &d, &r->e));
	OK(database_do(d, "DROP TABLE replacement; DROP TABLE errand; "
	    "PRAGMA user_version = 1",
	    &r->e));
	database_close(&d);
}

static void test_migration(void **state)
{
	struct room *r = *state;
	struct replace_row p, *row = &p;
	const char *before;

	make_old(r);
	before = scratch_list(r->a, r->top, true);
	open_at(r, JOURNAL_READ, NOW);
	list(r, REPLACE_OPEN, 0, 0);
	journal_close(&r->j);
	assert_string_equal(scratch_list(r->a, r->top, true), before);
	open_at(r, JOURNAL_WRITE, NOW);
	p = full_row(1);
	OK(journal_replace_add(r->j, &row, 1, &r->e));
	open_at(r, JOURNAL_WRITE, NOW);
	list(r, REPLACE_OPEN, 0, 1);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_all_comes_back), TEST(test_settling),
		TEST(test_is_ours), TEST(test_pruned), TEST(test_migration),
	};

	return cmocka_run_group_tests_name("journal_replace", tests, NULL,
	    NULL);
}
