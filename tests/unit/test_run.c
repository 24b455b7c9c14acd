/*
 * A whole pass (run, sync, judge, plan, act, recover, journal) over a server
 * in memory: what may go wrong, one thing at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include "engine/journal.h"
#include "fake_store.h"
#include "scratch.h"

struct fixture {
	struct arena *a;
	char *dir;
	struct fake_server *sv;		/* shared with children */
	struct fake_run run;
};

/* What the hook does: at the NTH time that POINT is passed, and TIMES from
 * there on. */
static struct {
	enum fake_point point;
	enum fake_fault fault;
	unsigned nth, times, seen;
	bool die;
	const char *only_box;	/* EFFECT: of copies and moves to here */
} plan;

static enum fake_fault hook(struct fake_server *sv, enum fake_point p,
    const struct op *op)
{
	(void)sv;
	if (p != plan.point || (plan.only_box && (!op ||
	    !str_eq_z(op->mailbox, plan.only_box))))
		return FAKE_GO;
	plan.seen++;
	if (plan.seen < plan.nth || plan.seen >= plan.nth + plan.times)
		return FAKE_GO;
	if (plan.die)
		_exit(0);
	return plan.fault;
}

static void expect_fault(struct fixture *f, enum fake_point point,
    unsigned nth, enum fake_fault fault)
{
	memset(&plan, 0, sizeof(plan));
	plan.point = point;
	plan.nth = nth;
	plan.times = 1;
	plan.fault = fault;
	f->sv->hook = hook;
}

static void no_fault(struct fixture *f)
{
	f->sv->hook = NULL;
}

static int setup(void **state)
{
	struct arena *a = arena_new();
	struct fixture *f = arena_make(a, struct fixture);

	f->a = a;
	f->dir = scratch_make(a);
	f->sv = mmap(NULL, sizeof(*f->sv), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(f->sv != MAP_FAILED);
	fake_server_init(f->sv);
	fake_make_box(f->sv, "INBOX");
	fake_run_init(&f->run, f->sv, f->dir, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct arena *a = f->a;

	munmap(f->sv, sizeof(*f->sv));
	scratch_remove(f->dir);
	arena_free(&a);
	return 0;
}

/* A run a minute later. */
static void run(struct fixture *f, const char *rules)
{
	f->sv->now += 60;
	fake_land(f->sv);
	f->run.rules = rules;
	fake_run(&f->run);
}

static void run_ok(struct fixture *f, const char *rules)
{
	run(f, rules);
	if (!f->run.ok)
		print_error("%s\n", f->run.e.msg);
	assert_true(f->run.ok);
}

/* A run that dies at the NTH time that POINT is passed. */
static void run_killed(struct fixture *f, const char *rules,
    enum fake_point point, unsigned nth)
{
	pid_t pid;
	int status;

	expect_fault(f, point, nth, FAKE_GO);
	plan.die = true;
	f->sv->now += 60;
	f->run.rules = rules;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fake_run(&f->run);
		_exit(1);	/* it should have died */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	no_fault(f);
}

/* How many live copies of a letter lie in a mailbox. */
static unsigned count(struct fixture *f, const char *box, unsigned letter)
{
	const struct fake_box *b = fake_box(f->sv, box);
	unsigned name = f->sv->letters[letter].name, n = 0;

	for (size_t i = 0; b && i < b->n; i++)
		n += f->sv->letters[b->list[i].letter].name == name &&
		    !(b->list[i].flags & FAKE_DELETED);
	return n;
}

static const struct fake_message *the(struct fixture *f, const char *box,
    unsigned letter)
{
	struct fake_box *b = fake_box(f->sv, box);

	assert_non_null(b);
	for (size_t i = 0; i < b->n; i++)
		if (b->list[i].letter == letter)
			return &b->list[i];
	fail_msg("letter %u is not in %s", letter, box);
	return NULL;
}

#define RULES	"version: 1\nrules:\n"
#define STAR	RULES "  - {name: star, then: [{mark: starred}]}\n"
#define BODY	RULES "  - {name: body, when: {body: word1}, " \
		"then: [{mark: starred}]}\n"
#define MOVE	RULES "  - {name: move, then: [{move: X}]}\n"
#define COPY	RULES "  - {name: copy, then: [{copy: X}]}\n"
#define SWEEP	RULES "  - {name: sweep, applies_to: all, " \
		"then: [{copy: X}]}\n"

static bool starred(struct fixture *f, unsigned letter)
{
	return the(f, "INBOX", letter)->flags & FAKE_FLAGGED;
}

/* ------------------------------------------------- what came, what is new */

static void test_baseline(void **state)
{
	struct fixture *f = *state;
	unsigned old = fake_deliver(f->sv, "INBOX", 1), fresh;

	run_ok(f, STAR);
	assert_int_equal(f->run.baseline, 1);
	fresh = fake_deliver(f->sv, "INBOX", 1);
	run_ok(f, STAR);
	assert_false(starred(f, old));
	assert_true(starred(f, fresh));
}

/* A server may answer OK and leave a message out. */
static void test_left_out_is_judged_later(void **state)
{
	struct fixture *f = *state;
	unsigned x, y;

	run_ok(f, STAR);
	x = fake_deliver(f->sv, "INBOX", 1);
	y = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_MESSAGE, 1, FAKE_OMIT);
	run(f, STAR);
	no_fault(f);
	assert_true(starred(f, y));
	run_ok(f, STAR);
	assert_true(starred(f, x));
}

static void test_left_out_of_second_round(void **state)
{
	struct fixture *f = *state;
	unsigned x;

	run_ok(f, BODY);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_MESSAGE, 2, FAKE_OMIT);
	run(f, BODY);
	no_fault(f);
	assert_false(starred(f, x));
	run_ok(f, BODY);
	assert_true(starred(f, x));
}

/* A pending one that is not fetched is not gone. */
static void test_left_out_while_pending(void **state)
{
	struct fixture *f = *state;
	unsigned x;

	run_ok(f, STAR);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_EFFECT, 1, FAKE_REFUSE_NOW);
	run_ok(f, STAR);
	expect_fault(f, FAKE_MESSAGE, 1, FAKE_OMIT);
	run(f, STAR);
	no_fault(f);
	assert_false(starred(f, x));
	run_ok(f, STAR);
	assert_true(starred(f, x));
}

/* What the server did not give this time it may give the next. */
static void test_bytes_that_did_not_come(void **state)
{
	struct fixture *f = *state;
	unsigned x;

	run_ok(f, BODY);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_MESSAGE, 2, FAKE_BARE);
	run(f, BODY);
	assert_int_equal(f->run.pending, 1);
	no_fault(f);
	run_ok(f, BODY);
	assert_true(starred(f, x));
}

/* ... but not for ever. */
static void test_bytes_that_never_come(void **state)
{
	struct fixture *f = *state;

	run_ok(f, BODY);
	fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_MESSAGE, 1, FAKE_BARE);
	plan.times = 1000;
	for (int i = 0; i < JOURNAL_TRIES_MAX; i++) {
		run(f, BODY);
		assert_int_equal(f->run.judged, 1);
	}
	assert_int_equal(f->run.failed, 1);
	run(f, BODY);
	assert_int_equal(f->run.judged, 0);
}

static void test_refused_for_now_is_tried_five_times(void **state)
{
	struct fixture *f = *state;

	run_ok(f, STAR);
	fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_EFFECT, 1, FAKE_REFUSE_NOW);
	plan.times = 1000;
	for (int i = 0; i < JOURNAL_TRIES_MAX; i++) {
		run_ok(f, STAR);
		assert_int_equal(f->run.judged, 1);
	}
	run_ok(f, STAR);
	assert_int_equal(f->run.judged, 0);
}

static void test_a_refusal_for_good_is_settled(void **state)
{
	struct fixture *f = *state;

	run_ok(f, STAR);
	fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_EFFECT, 1, FAKE_REFUSE);
	run_ok(f, STAR);
	assert_int_equal(f->run.failed, 1);
	run_ok(f, STAR);
	assert_int_equal(f->run.judged, 0);
}

/* Mail of a mailbox that cannot be changed now stays new. */
static void test_read_only_mailbox(void **state)
{
	struct fixture *f = *state;
	unsigned x;

	run_ok(f, STAR);
	x = fake_deliver(f->sv, "INBOX", 1);
	fake_box(f->sv, "INBOX")->read_only = true;
	for (int i = 0; i < 10; i++) {
		run_ok(f, STAR);
		assert_int_equal(f->run.failed, 1);
	}
	fake_box(f->sv, "INBOX")->read_only = false;
	run_ok(f, STAR);
	assert_true(starred(f, x));
}

/* UIDNEXT far above what is there costs no turn for each gap. */
static void test_empty_mailbox_with_a_high_uidnext(void **state)
{
	struct fixture *f = *state;

	run_ok(f, STAR);
	fake_box(f->sv, "INBOX")->uidnext = 100000;
	f->sv->calls[FAKE_FETCH] = 0;
	run_ok(f, STAR);
	assert_true(f->sv->calls[FAKE_FETCH] <= 1);
	fake_deliver(f->sv, "INBOX", 1);
	run_ok(f, STAR);
	assert_int_equal(f->run.changed, 1);
}

/* ----------------------------------------------------------- UIDVALIDITY */

static void test_uidvalidity_keeps_the_baseline(void **state)
{
	struct fixture *f = *state;
	unsigned old = fake_deliver(f->sv, "INBOX", 1), x, y;

	run_ok(f, STAR);
	x = fake_deliver(f->sv, "INBOX", 1);
	run_ok(f, STAR);
	y = fake_deliver(f->sv, "INBOX", 1);
	fake_renumber(fake_box(f->sv, "INBOX"));
	run_ok(f, STAR);
	assert_false(starred(f, old));
	assert_true(starred(f, x));
	assert_true(starred(f, y));
}

/* What somebody asks for by hand must not hide what is new. */
static void test_uidvalidity_and_since(void **state)
{
	struct fixture *f = *state;
	unsigned x, y;

	fake_deliver(f->sv, "INBOX", 1);
	run_ok(f, STAR);
	f->sv->now += 10 * 86400;
	run_ok(f, STAR);
	x = fake_deliver(f->sv, "INBOX", 1);
	fake_renumber(fake_box(f->sv, "INBOX"));
	f->sv->now += 3 * 86400;
	y = fake_deliver(f->sv, "INBOX", 1);
	f->run.options.since = f->sv->now;
	run(f, STAR);
	f->run.options.since = TIME_NONE;
	run_ok(f, STAR);
	assert_true(starred(f, x));
	assert_true(starred(f, y));
}

static void test_uidvalidity_and_max(void **state)
{
	struct fixture *f = *state;
	struct fake_box *inbox = fake_box(f->sv, "INBOX");
	unsigned old[4];

	for (int i = 0; i < 4; i++)
		old[i] = fake_deliver(f->sv, "INBOX", 1);
	f->sv->now += 10 * 86400;
	run_ok(f, STAR);
	f->sv->now += 10 * 86400;
	run_ok(f, STAR);
	fake_deliver(f->sv, "INBOX", 1);
	fake_deliver(f->sv, "INBOX", 1);
	/* the new ones come to stand before the old ones */
	for (int i = 0; i < 4; i++) {
		struct fake_message m = inbox->list[0];

		fake_expunge(inbox, m.uid);
		fake_put(inbox, &m);
	}
	fake_renumber(inbox);
	f->run.options.max = 1;
	for (int i = 0; i < 8; i++)
		run_ok(f, STAR);
	f->run.options.max = 0;
	run_ok(f, STAR);
	for (int i = 0; i < 4; i++)
		assert_false(starred(f, old[i]));
	assert_true(starred(f, 4));
	assert_true(starred(f, 5));
}

/* What pends is found again behind a change of UIDVALIDITY, also when the
 * mailbox is judged in portions. */
static void test_uidvalidity_and_portions(void **state)
{
	struct fixture *f = *state;
	unsigned x[4];

	run_ok(f, STAR);
	for (int i = 0; i < 4; i++)
		x[i] = fake_deliver(f->sv, "INBOX", 1);
	fake_renumber(fake_box(f->sv, "INBOX"));
	f->sv->batch = 1;
	expect_fault(f, FAKE_EFFECT, 1, FAKE_REFUSE_NOW);
	run_ok(f, STAR);
	no_fault(f);
	assert_false(starred(f, x[0]));
	run_ok(f, STAR);
	for (int i = 0; i < 4; i++)
		assert_true(starred(f, x[i]));
}

/* ------------------------------------------------------- what is asked for */

static void test_first_run_with_since_and_max(void **state)
{
	struct fixture *f = *state;
	unsigned old[3], fresh[2];

	fresh[0] = fake_deliver(f->sv, "INBOX", 1);
	for (int i = 0; i < 3; i++) {
		old[i] = fake_deliver(f->sv, "INBOX", 1);
		fake_box(f->sv, "INBOX")->list[i + 1].received -=
		    100 * 86400;
	}
	fresh[1] = fake_deliver(f->sv, "INBOX", 1);
	f->run.options.since = f->sv->now - 86400;
	f->run.options.max = 1;
	run_ok(f, STAR);
	assert_true(starred(f, fresh[0]));
	assert_false(starred(f, fresh[1]));
	f->run.options.since = TIME_NONE;
	f->run.options.max = 0;
	run_ok(f, STAR);
	for (int i = 0; i < 3; i++)
		assert_false(starred(f, old[i]));
}

/* A sweep without `in` is over the account's mailboxes. */
static void test_sweeps_stay_in_their_mailboxes(void **state)
{
	static const char rules[] = RULES
	    "  - {name: all, applies_to: all, then: [{mark: starred}]}\n"
	    "  - {name: there, applies_to: all, in: [X], "
	    "then: [{mark: read}]}\n";
	struct fixture *f = *state;

	fake_deliver(f->sv, "INBOX", 1);
	fake_deliver(f->sv, "X", 1);
	run_ok(f, rules);
	assert_int_equal(fake_box(f->sv, "INBOX")->list[0].flags,
	    FAKE_FLAGGED);
	assert_int_equal(fake_box(f->sv, "X")->list[0].flags, FAKE_SEEN);
}

/* --max counts messages, and not the UIDs of those that are gone. */
static void test_max_counts_messages(void **state)
{
	struct fixture *f = *state;
	unsigned x[6];

	run_ok(f, STAR);
	for (int i = 0; i < 6; i++)
		x[i] = fake_deliver(f->sv, "INBOX", 1);
	fake_expunge(fake_box(f->sv, "INBOX"), 1);
	fake_expunge(fake_box(f->sv, "INBOX"), 2);
	fake_expunge(fake_box(f->sv, "INBOX"), 4);
	f->run.options.max = 2;
	run_ok(f, STAR);
	assert_true(starred(f, x[2]));
	assert_true(starred(f, x[4]));
	assert_false(starred(f, x[5]));
	run_ok(f, STAR);
	assert_true(starred(f, x[5]));
}

/* A sweep does not take mail that stays new. */
static void test_sweeps_leave_new_mail(void **state)
{
	static const char rules[] = RULES
	    "  - {name: go, applies_to: all, then: [{move: X}]}\n"
	    "  - {name: star, then: [{mark: starred}]}\n";
	struct fixture *f = *state;
	unsigned x, y;

	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	y = fake_deliver(f->sv, "INBOX", 1);
	f->run.options.max = 1;
	run_ok(f, rules);
	assert_true(the(f, "X", x)->flags & FAKE_FLAGGED);
	f->run.options.max = 0;
	f->run.options.since = f->sv->now + 3 * 86400;	/* none */
	run_ok(f, rules);
	assert_int_equal(count(f, "INBOX", y), 1);
	f->run.options.since = TIME_NONE;
	run_ok(f, rules);
	assert_true(the(f, "X", y)->flags & FAKE_FLAGGED);
}

/* A mailbox that cannot be made now does not hold up other mail. */
static void test_target_cannot_be_made_now(void **state)
{
	static const char rules[] = RULES
	    "  - {name: m, when: {subject: kind1}, then: [{move: X}]}\n"
	    "  - {name: s, when: {subject: kind2}, then: [{mark: starred}]}\n";
	struct fixture *f = *state;
	unsigned x, y;

	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	y = fake_deliver(f->sv, "INBOX", 2);
	expect_fault(f, FAKE_CREATE, 1, FAKE_REFUSE_NOW);
	run_ok(f, rules);
	assert_true(starred(f, y));
	assert_int_equal(f->run.pending, 1);
	run_ok(f, rules);
	assert_int_equal(count(f, "X", x), 1);
}

static void test_rule_times(void **state)
{
	static const char rules[] = RULES "  - {name: often, "
	    "applies_to: all, every: 1d, then: [{mark: starred}]}\n";
	struct fixture *f = *state;
	unsigned x = fake_deliver(f->sv, "INBOX", 1);

	/* a run over another mailbox is none over this one */
	fake_make_box(f->sv, "X");
	f->run.options.mailboxes.v = (const char *[]){ "X" };
	f->run.options.mailboxes.n = 1;
	run_ok(f, rules);
	f->run.options.mailboxes.n = 0;
	run_ok(f, rules);
	assert_true(starred(f, x));
	/* a clock that was wrong once must not make it rest for years */
	f->sv->now += 400000000;
	run_ok(f, rules);
	f->sv->now -= 400000000;
	x = fake_deliver(f->sv, "INBOX", 1);
	fake_box(f->sv, "INBOX")->list[0].flags = 0;
	run_ok(f, rules);
	assert_true(starred(f, 0));
}

/* -------------------------------------------------------- copies and moves */

static void test_copies_are_made_once(void **state)
{
	struct fixture *f = *state;
	unsigned x = fake_deliver(f->sv, "INBOX", 1);

	run_ok(f, SWEEP);
	assert_int_equal(count(f, "X", x), 1);
	run_ok(f, SWEEP);
	assert_int_equal(count(f, "X", x), 1);
	/* nor when UIDs start anew */
	fake_renumber(fake_box(f->sv, "INBOX"));
	run_ok(f, SWEEP);
	run_ok(f, SWEEP);
	assert_int_equal(count(f, "X", x), 1);
}

static void test_copies_outlive_history(void **state)
{
	struct fixture *f = *state;
	unsigned x = fake_deliver(f->sv, "INBOX", 1);
	struct journal *j;
	struct err e = { 0 };

	run_ok(f, SWEEP);
	f->sv->now += 100 * 86400;
	assert_true(journal_open(f->dir, "fake", JOURNAL_WRITE, f->sv->now,
	    &j, &e));
	assert_true(journal_prune(j, f->sv->now - 86400, &e));
	journal_close(&j);
	run_ok(f, SWEEP);
	assert_int_equal(count(f, "X", x), 1);
}

/* ... nor when a message moves on to where it is swept, too. */
static void moves_on(struct fixture *f)
{
	static const char rules[] = RULES
	    "  - {name: keep, applies_to: all, then: [{copy: Keep}]}\n"
	    "  - {name: go, in: [INBOX], then: [{move: X}]}\n";
	unsigned x;

	f->run.mailboxes[1] = "X";
	fake_make_box(f->sv, "X");
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	for (int i = 0; i < 3; i++)
		run_ok(f, rules);
	assert_int_equal(count(f, "X", x), 1);
	assert_int_equal(count(f, "Keep", x), 1);
}

static void test_copies_are_made_once_on_the_way(void **state)
{
	moves_on(*state);
}

static void test_copies_are_made_once_without_uidplus(void **state)
{
	struct fixture *f = *state;

	f->sv->tells_uids = false;
	moves_on(f);
}

/* A message that is delivered twice is two messages. */
static void test_twins_are_copied_both(void **state)
{
	struct fixture *f = *state;
	unsigned x, y;

	run_ok(f, COPY);
	x = fake_deliver(f->sv, "INBOX", 1);
	y = fake_deliver(f->sv, "INBOX", 1);
	f->sv->letters[y].name = f->sv->letters[x].name;
	run_ok(f, COPY);
	assert_int_equal(count(f, "X", x), 2);
}

/* Without MOVE, and killed between the copies: the one that has landed is
 * not the copy of both. */
static void test_twins_are_moved_both(void **state)
{
	struct fixture *f = *state;
	unsigned x, y;

	f->sv->has_move = false;
	run_ok(f, MOVE);
	x = fake_deliver(f->sv, "INBOX", 1);
	y = fake_deliver(f->sv, "INBOX", 1);
	f->sv->letters[y].name = f->sv->letters[x].name;
	run_killed(f, MOVE, FAKE_HALF, 1);
	assert_int_equal(count(f, "INBOX", x), 2);
	assert_int_equal(count(f, "X", x), 1);
	run_ok(f, MOVE);
	f->sv->now += 7200;
	run_ok(f, MOVE);
	run_ok(f, MOVE);
	assert_int_equal(count(f, "INBOX", x), 0);
	assert_int_equal(count(f, "X", x), 2);
}

/* A message of the target that was there before is not our copy, also when
 * the server does not tell where new ones begin. */
static void test_an_older_twin_is_not_our_copy(void **state)
{
	struct fixture *f = *state;
	struct fake_message m;
	unsigned x;

	f->sv->has_move = f->sv->tells_uidnext = false;
	run_ok(f, MOVE);
	x = fake_deliver(f->sv, "INBOX", 1);
	m = *the(f, "INBOX", x);
	fake_put(fake_make_box(f->sv, "X"), &m);
	run_killed(f, MOVE, FAKE_EFFECT, 1);
	run(f, MOVE);
	f->sv->now += 7200;
	run_ok(f, MOVE);
	run_ok(f, MOVE);
	assert_int_equal(count(f, "X", x), 2);
	assert_int_equal(count(f, "INBOX", x), 0);
}

/* A mailbox that gets new UIDs between crash and recovery. */
static void test_target_with_another_uidvalidity(void **state)
{
	struct fixture *f = *state;
	struct fake_message m;
	unsigned x;

	f->sv->has_move = false;
	run_ok(f, MOVE);
	x = fake_deliver(f->sv, "INBOX", 1);
	m = *the(f, "INBOX", x);
	fake_put(fake_make_box(f->sv, "X"), &m);
	run_killed(f, MOVE, FAKE_EFFECT, 1);
	fake_renumber(fake_box(f->sv, "X"));
	run(f, MOVE);
	f->sv->now += 7200;
	run_ok(f, MOVE);
	run_ok(f, MOVE);
	assert_int_equal(count(f, "X", x), 2);
	assert_int_equal(count(f, "INBOX", x), 0);
}

static void test_a_late_copy_is_waited_for(void **state)
{
	struct fixture *f = *state;
	unsigned x;

	run_ok(f, COPY);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_EFFECT, 1, FAKE_LOSE_LATE);
	run(f, COPY);
	assert_false(f->run.ok);
	no_fault(f);
	f->sv->now -= 60;		/* it has not landed yet */
	run_ok(f, COPY);
	run_ok(f, COPY);
	run_ok(f, COPY);
	assert_int_equal(count(f, "X", x), 1);
}

/* It was given up and would have been made again, and is ours all the same
 * when it lands. */
static void test_a_late_move_is_not_new(void **state)
{
	static const char rules[] = RULES
	    "  - {name: go, then: [{copy: Y}, {move: X}]}\n"
	    "  - {name: all, applies_to: all, then: [{copy: Y}]}\n";
	struct fixture *f = *state;
	unsigned x;

	f->run.mailboxes[1] = "X";
	fake_make_box(f->sv, "X");
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_EFFECT, 2, FAKE_LOSE_LATE);
	run(f, rules);
	assert_false(f->run.ok);
	f->sv->now -= 60;		/* it has not landed yet */
	expect_fault(f, FAKE_PREPARE, 1, FAKE_LOSE);
	run(f, rules);
	assert_false(f->run.ok);
	no_fault(f);
	run_ok(f, rules);
	run_ok(f, rules);
	assert_int_equal(count(f, "INBOX", x), 0);
	assert_int_equal(count(f, "X", x), 1);
	assert_int_equal(count(f, "Y", x), 1);
}

/* ... also when INBOX has new UIDs, by which nobody can tell of it. */
static void test_a_move_in_doubt_takes_its_copies_along(void **state)
{
	static const char rules[] = RULES
	    "  - {name: go, then: [{copy: Y}, {move: X}]}\n"
	    "  - {name: all, applies_to: all, then: [{copy: Y}]}\n";
	struct fixture *f = *state;
	unsigned x;

	f->run.mailboxes[1] = "X";
	fake_make_box(f->sv, "X");
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_EFFECT, 2, FAKE_LOSE_DONE);
	run(f, rules);
	assert_false(f->run.ok);
	no_fault(f);
	fake_renumber(fake_box(f->sv, "INBOX"));
	run(f, rules);
	run_ok(f, rules);
	assert_int_equal(count(f, "X", x), 1);
	assert_int_equal(count(f, "Y", x), 1);
}

/* A sweep leaves alone what rests, too. */
static void test_a_late_copy_of_a_sweep_is_waited_for(void **state)
{
	struct fixture *f = *state;
	unsigned x = fake_deliver(f->sv, "INBOX", 1);

	expect_fault(f, FAKE_EFFECT, 1, FAKE_LOSE_LATE);
	run(f, SWEEP);
	assert_false(f->run.ok);
	no_fault(f);
	f->sv->now -= 60;
	run_ok(f, SWEEP);
	run_ok(f, SWEEP);
	run_ok(f, SWEEP);
	assert_int_equal(count(f, "X", x), 1);
}

/* Many at once are looked for in a list, which must be whole. */
static void test_left_out_of_many(void **state)
{
	struct fixture *f = *state;

	run_ok(f, COPY);
	for (int i = 0; i < 20; i++)
		fake_deliver(f->sv, "INBOX", 1);
	run_killed(f, COPY, FAKE_EFFECT, 19);
	assert_int_equal(fake_box(f->sv, "X")->n, 18);
	f->sv->now += 7200;
	/* 20 of INBOX, then those of X */
	expect_fault(f, FAKE_MESSAGE, 25, FAKE_OMIT);
	run(f, COPY);
	no_fault(f);
	run_ok(f, COPY);
	run_ok(f, COPY);
	assert_int_equal(fake_box(f->sv, "X")->n, 20);
}

/* Keywords know no capitals: a label is there, however it is spelled. */
static void test_labels_in_another_case(void **state)
{
	static const char on[] = RULES "  - {name: l, applies_to: all, "
	    "then: [{label: A}]}\n";
	static const char off[] = RULES "  - {name: l, applies_to: all, "
	    "then: [{unlabel: A}]}\n";
	struct fixture *f = *state;

	fake_deliver(f->sv, "INBOX", 1);
	fake_box(f->sv, "INBOX")->list[0].labels = 1;	/* a */
	run_ok(f, on);
	assert_int_equal(f->run.changed, 0);
	run_ok(f, off);
	assert_int_equal(fake_box(f->sv, "INBOX")->list[0].labels, 0);
	run_ok(f, off);
	assert_int_equal(f->run.changed, 0);
	run_ok(f, on);
	assert_int_equal(f->run.changed, 1);
}

/* A message that recovery is not given is not gone. */
static void test_left_out_of_recovery(void **state)
{
	struct fixture *f = *state;
	unsigned x;

	f->sv->has_move = false;
	run_ok(f, MOVE);
	x = fake_deliver(f->sv, "INBOX", 1);
	run_killed(f, MOVE, FAKE_HALF, 1);
	expect_fault(f, FAKE_MESSAGE, 1, FAKE_OMIT);
	run(f, MOVE);
	no_fault(f);
	run_ok(f, MOVE);
	run_ok(f, MOVE);
	assert_int_equal(count(f, "INBOX", x), 0);
	assert_int_equal(count(f, "X", x), 1);
}

/* ... and its copy rests meanwhile: a sweep that took it on would have the
 * move made again. */
static void test_left_out_of_recovery_and_swept(void **state)
{
	static const char rules[] = MOVE
	    "  - {name: on, applies_to: all, in: [X], then: [{move: Y}]}\n";
	struct fixture *f = *state;
	unsigned x;

	f->sv->has_move = false;
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	run_killed(f, rules, FAKE_HALF, 1);
	expect_fault(f, FAKE_MESSAGE, 1, FAKE_OMIT);
	run(f, rules);
	assert_int_equal(count(f, "X", x), 1);
	no_fault(f);
	f->sv->now += 7200;
	run_ok(f, rules);
	run_ok(f, rules);
	run_ok(f, rules);
	assert_int_equal(count(f, "INBOX", x), 0);
	assert_int_equal(count(f, "X", x), 0);
	assert_int_equal(count(f, "Y", x), 1);
}

/* To wait is no try. */
static void test_waiting_is_no_try(void **state)
{
	struct fixture *f = *state;
	unsigned x;

	run_ok(f, COPY);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_EFFECT, 1, FAKE_LOSE);
	run(f, COPY);
	no_fault(f);
	for (int i = 0; i < 10; i++) {
		run_ok(f, COPY);
		assert_int_equal(f->run.pending, 1);
	}
	f->sv->now += 7200;
	expect_fault(f, FAKE_EFFECT, 1, FAKE_REFUSE_NOW);
	run_ok(f, COPY);
	no_fault(f);
	run_ok(f, COPY);
	assert_int_equal(count(f, "X", x), 1);
}

/* A copy that cannot be made keeps its message where it is. */
static void test_no_move_without_its_copy(void **state)
{
	struct fixture *f = *state;
	unsigned x;
	static const char rules[] = RULES "  - {name: r, "
	    "then: [{copy: {special: \\Junk}}, {move: X}]}\n";

	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	run_ok(f, rules);
	assert_int_equal(f->run.failed, 1);
	assert_int_equal(count(f, "INBOX", x), 1);
}

/* The account has to say `allow_delete`. */
static void test_no_delete_without_leave(void **state)
{
	static const char rules[] = RULES "  - {name: purge, then: [delete]}\n";
	struct fixture *f = *state;
	unsigned x;

	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	run_ok(f, rules);
	assert_int_equal(f->run.failed, 1);
	assert_int_equal(count(f, "INBOX", x), 1);
	f->run.allow_delete = true;
	x = fake_deliver(f->sv, "INBOX", 2);
	run_ok(f, rules);
	assert_int_equal(count(f, "INBOX", x), 0);
}

/* Nothing is deleted for ever while a rule could not do its part. */
static void test_no_delete_beside_a_failed_rule(void **state)
{
	static const char rules[] = RULES "  - {name: keep, "
	    "then: [{copy: \"X/$(list_id.local)\"}]}\n"
	    "  - {name: purge, then: [delete]}\n";
	struct fixture *f = *state;
	unsigned x;

	f->run.allow_delete = true;
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	run_ok(f, rules);
	assert_int_equal(count(f, "INBOX", x), 1);
	assert_int_equal(f->run.failed, 1);
}

static void test_no_delete_beside_an_unknown_rule(void **state)
{
	static const char rules[] = RULES
	    "  - {name: purge, then: [delete]}\n"
	    "  - {name: keep, when: {body: word1}, then: [{move: X}]}\n";
	struct fixture *f = *state;
	unsigned x;

	f->run.allow_delete = true;
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	expect_fault(f, FAKE_MESSAGE, 1, FAKE_BARE);
	plan.times = 1000;
	for (int i = 0; i < 8; i++)
		run(f, rules);
	assert_int_equal(count(f, "INBOX", x), 1);
}

/* What a run of ours puts into a watched mailbox is not new there. */
static void placed(struct fixture *f)
{
	static const char rules[] = RULES
	    "  - {name: there, in: [INBOX], then: [{move: X}, {copy: Y}]}\n"
	    "  - {name: back, in: [X, Y], then: [{move: INBOX}]}\n";
	unsigned x, y;

	f->run.mailboxes[1] = "X";
	f->run.mailboxes[2] = "Y";
	fake_make_box(f->sv, "X");
	fake_make_box(f->sv, "Y");
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	for (int i = 0; i < 4; i++)
		run_ok(f, rules);
	assert_int_equal(count(f, "INBOX", x), 0);
	assert_int_equal(count(f, "X", x), 1);
	assert_int_equal(count(f, "Y", x), 1);
	/* while what somebody else puts there is */
	y = fake_deliver(f->sv, "X", 1);
	run_ok(f, rules);
	assert_int_equal(count(f, "X", y), 0);
}

static void test_placed_is_not_new(void **state)
{
	placed(*state);
}

static void test_placed_without_uidplus_is_not_new(void **state)
{
	struct fixture *f = *state;

	f->sv->tells_uids = false;
	placed(f);
}

/* The UID that it got there means nothing any more when we come to look. */
static void test_placed_before_other_uids_is_not_new(void **state)
{
	static const char rules[] = RULES
	    "  - {name: there, in: [INBOX], then: [{move: X}]}\n"
	    "  - {name: copy, in: [X], then: [{copy: Y}]}\n";
	struct fixture *f = *state;
	unsigned x, y;

	fake_make_box(f->sv, "X");
	f->run.mailboxes[1] = "X";
	run_ok(f, rules);
	x = fake_deliver(f->sv, "INBOX", 1);
	f->run.mailboxes[1] = NULL;
	run_ok(f, rules);
	assert_int_equal(count(f, "X", x), 1);
	y = fake_deliver(f->sv, "X", 2);
	fake_renumber(fake_box(f->sv, "X"));
	f->run.mailboxes[1] = "X";
	run_ok(f, rules);
	assert_int_equal(count(f, "Y", x), 0);
	assert_int_equal(count(f, "Y", y), 1);
}

/* ---------------------------------------------------------------- limits */

static void test_limit_counts_over_portions_and_mailboxes(void **state)
{
	static const char rules[] = RULES
	    "  - {name: r, limit: 4, then: [{mark: starred}]}\n";
	struct fixture *f = *state;

	f->run.mailboxes[1] = "X";
	fake_make_box(f->sv, "X");
	f->sv->batch = 2;
	run_ok(f, rules);
	for (int i = 0; i < 3; i++) {
		fake_deliver(f->sv, "INBOX", 1);
		fake_deliver(f->sv, "X", 1);
	}
	run_ok(f, rules);
	assert_true(f->run.braked);
	assert_int_equal(f->run.changed, 3);
	/* the checkpoint of X stayed */
	run_ok(f, rules);
	assert_false(f->run.braked);
	assert_int_equal(f->run.changed, 3);
	for (int i = 0; i < 5; i++)
		fake_deliver(f->sv, "X", 1);
	run_ok(f, rules);
	assert_true(f->run.braked);
	assert_int_equal(f->run.changed, 0);
	f->run.options.allow.v = (const char *[]){ "r" };
	f->run.options.allow.n = 1;
	run_ok(f, rules);
	assert_int_equal(f->run.changed, 5);
}

static void test_dry_run_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct fake_server before;
	const char *files;

	run_ok(f, MOVE);
	fake_deliver(f->sv, "INBOX", 1);
	fake_deliver(f->sv, "INBOX", 2);
	before = *f->sv;
	files = scratch_list(f->a, f->dir, true);
	f->run.options.dry_run = true;
	run_ok(f, MOVE);
	assert_memory_equal(&before.boxes, &f->sv->boxes,
	    sizeof(before.boxes));
	assert_string_equal(files, scratch_list(f->a, f->dir, true));
	assert_int_equal(f->sv->calls[FAKE_APPLY], 0);
}

#define T(name)	cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(baseline),
		T(left_out_is_judged_later),
		T(left_out_of_second_round),
		T(left_out_while_pending),
		T(bytes_that_did_not_come),
		T(bytes_that_never_come),
		T(refused_for_now_is_tried_five_times),
		T(a_refusal_for_good_is_settled),
		T(read_only_mailbox),
		T(empty_mailbox_with_a_high_uidnext),
		T(uidvalidity_keeps_the_baseline),
		T(uidvalidity_and_since),
		T(uidvalidity_and_max),
		T(uidvalidity_and_portions),
		T(first_run_with_since_and_max),
		T(sweeps_stay_in_their_mailboxes),
		T(max_counts_messages),
		T(sweeps_leave_new_mail),
		T(target_cannot_be_made_now),
		T(rule_times),
		T(copies_are_made_once),
		T(copies_outlive_history),
		T(copies_are_made_once_on_the_way),
		T(copies_are_made_once_without_uidplus),
		T(twins_are_copied_both),
		T(twins_are_moved_both),
		T(an_older_twin_is_not_our_copy),
		T(target_with_another_uidvalidity),
		T(a_late_copy_is_waited_for),
		T(a_late_move_is_not_new),
		T(a_move_in_doubt_takes_its_copies_along),
		T(a_late_copy_of_a_sweep_is_waited_for),
		T(left_out_of_many),
		T(labels_in_another_case),
		T(left_out_of_recovery),
		T(left_out_of_recovery_and_swept),
		T(waiting_is_no_try),
		T(no_move_without_its_copy),
		T(no_delete_without_leave),
		T(no_delete_beside_a_failed_rule),
		T(no_delete_beside_an_unknown_rule),
		T(placed_is_not_new),
		T(placed_without_uidplus_is_not_new),
		T(placed_before_other_uids_is_not_new),
		T(limit_counts_over_portions_and_mailboxes),
		T(dry_run_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
