/*
 * What a crash left of a very big run: the time that recovery takes must grow
 * with the changes, not with their square.  (What recovery decides is tested
 * in test_run and tests/crash.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <sys/resource.h>

#include "engine/identity.h"
#include "engine/recover.h"
#include "scratch.h"

#define NOW	1700000000
#define FEW	4000
#define MANY	(16 * FEW)

/* Two mailboxes with the same messages, UIDs from 1: INBOX and X. */
struct stub {
	struct store base;
	uint32_t n;
};

static bool do_select(struct store *s, struct str mailbox, bool write,
    struct mailbox_state *out, struct err *e)
{
	struct stub *stub = (struct stub *)s;

	(void)mailbox;
	(void)write;
	(void)e;
	*out = (struct mailbox_state){
		.uidvalidity = 1, .uidnext = stub->n + 1, .exists = stub->n,
	};
	return true;
}

static bool do_search(struct store *s, const struct store_query *q,
    struct uidset *out, struct err *e)
{
	(void)q;
	(void)e;
	uidset_add_range(out, 1, ((struct stub *)s)->n);
	return true;
}

static struct str header(uint32_t uid, char *room, size_t size)
{
	int n = snprintf(room, size, "Message-ID: <%" PRIu32 "@example.org>"
	    "\r\nSubject: hello\r\n\r\n", uid);

	return (struct str){ room, (size_t)n };
}

static bool do_fetch(struct store *s, const struct uidset *set,
    const struct fetch_items *items, fetch_fn *fn, void *ctx, struct err *e)
{
	char room[128];

	(void)items;
	for (uint32_t uid = 1; uid <= ((struct stub *)s)->n; uid++) {
		struct fetched f = {
			.facts = { .uid = uid, .size = 100, .known =
			    RULES_ASK_FLAGS | RULES_ASK_LABELS |
			    RULES_ASK_SIZE },
			.have = MAIL_FIELDS,
		};

		if (!uidset_has(set, uid))
			continue;
		f.bytes = header(uid, room, sizeof(room));
		if (!fn(ctx, &f, e))
			return false;
	}
	return true;
}

static void intend(struct journal *j, struct arena *a, uint32_t n)
{
	struct change *list = arena_array(a, n, sizeof(*list));
	struct err e = { 0 };
	int64_t run;

	assert_true(journal_run_begin(j, STR_LIT("1"), &run, &e));
	for (uint32_t i = 0; i < n; i++) {
		char room[128];
		struct mail *m = mail_make(a, header(i + 1, room,
		    sizeof(room)), MAIL_HEADER, NULL, 0);

		list[i] = (struct change){
			.run = run, .time = NOW, .mailbox = STR_LIT("INBOX"),
			.uidvalidity = 1, .uid = i + 1, .kind = OP_COPY,
			.what = STR_LIT("X"), .dest_uidvalidity = 1,
			.dest_from_uid = 1,
		};
		identity_of(a, m, 100, &list[i].id_of);
	}
	assert_true(journal_intend(j, list, n, &e));
}

/* CPU seconds to recover N copies, all of which have landed. */
static double recover_copies(uint32_t n)
{
	struct arena *a = arena_new();
	const char *top = scratch_make(a);
	struct config_limits limits = { .late = 3600 };
	struct account account = { .name = "a", .limits = &limits };
	struct stub stub = { .n = n };
	struct recover r = {
		.arena = a, .account = &account, .store = &stub.base,
		.now = NOW + 60,
	};
	struct rusage before, after;
	struct err e = { 0 };

	stub.base.kind = (struct store_kind){
		.select = do_select, .search = do_search, .fetch = do_fetch,
	};
	assert_true(journal_open(arena_printf(a, "%s/state", top).p, "x",
	    JOURNAL_WRITE, NOW, &r.journal, &e));
	intend(r.journal, a, n);
	getrusage(RUSAGE_SELF, &before);
	if (!recover_changes(&r, &e))
		fail_msg("%s", e.msg);
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(r.done, n);
	journal_close(&r.journal);
	scratch_remove(top);
	arena_free(&a);
	return (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
	    (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
}

static void test_time_is_linear(void **state)
{
	double few = recover_copies(FEW), many = recover_copies(MANY);

	(void)state;
	print_message("%d: %.3f s, %d: %.3f s\n", FEW, few, MANY, many);
	/* 16 times as many; their squares are to each other as 256 */
	assert_true(many < 40 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
