#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "engine/spool.h"
#include "scratch.h"

struct room {
	struct arena *a;
	char *top;
	struct spool *s;
	struct err e;
};

#define OK(call) \
	do { \
		if (!(call)) \
			fail_msg("%s: %s", #call, r->e.msg); \
	} while (0)

static void open_again(struct room *r)
{
	spool_close(&r->s);
	OK(spool_open(r->a, r->top, 1000, &r->s, &r->e));
}

static int setup(void **state)
{
	struct arena *a = arena_new();
	struct room *r = arena_make(a, struct room);

	r->a = a;
	r->top = scratch_make(a);
	*state = r;
	open_again(r);
	return 0;
}

static int teardown(void **state)
{
	struct room *r = *state;
	struct arena *a = r->a;

	spool_close(&r->s);
	scratch_remove(r->top);
	arena_free(&a);
	return 0;
}

static void put(struct room *r, const char *nonce, const char *text)
{
	struct str parts[2] = { str_sub(str_of(text), 0, 2),
	    str_sub(str_of(text), 2, strlen(text)) };

	OK(spool_put(r->s, SPOOL_ORIGINAL, nonce, parts, 2, &r->e));
}

static void test_put_and_map(void **state)
{
	struct room *r = *state;
	struct str bytes;
	struct stat st;

	umask(0);
	open_again(r);
	put(r, "ab", "hello");
	OK(spool_put(r->s, SPOOL_COPY, "ab", NULL, 0, &r->e));
	OK(spool_sync(r->s, &r->e));
	assert_string_equal(scratch_list(r->a, r->top, false),
	    "spool/ab.copy\nspool/ab.original\n");
	assert_int_equal(stat(arena_printf(r->a, "%s/spool", r->top).p, &st),
	    0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(arena_printf(r->a, "%s/spool/ab.original",
	    r->top).p, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	OK(spool_map(r->s, SPOOL_ORIGINAL, "ab", &bytes, &r->e));
	assert_true(str_eq_z(bytes, "hello"));
	spool_unmap(&bytes);
	assert_int_equal(bytes.n, 0);
	OK(spool_map(r->s, SPOOL_COPY, "ab", &bytes, &r->e));
	assert_int_equal(bytes.n, 0);
	spool_unmap(&bytes);
	put(r, "ab", "another");
	OK(spool_map(r->s, SPOOL_ORIGINAL, "ab", &bytes, &r->e));
	assert_true(str_eq_z(bytes, "another"));
	spool_unmap(&bytes);
	OK(spool_drop(r->s, SPOOL_ORIGINAL, "ab", &r->e));
	OK(spool_drop(r->s, SPOOL_ORIGINAL, "ab", &r->e));
	assert_false(spool_map(r->s, SPOOL_ORIGINAL, "ab", &bytes, &r->e));
	assert_int_equal(r->e.kind, ERR_MESSAGE);
}

static void test_room_is_counted(void **state)
{
	struct room *r = *state;
	uint64_t left = 0;

	put(r, "a", "12345");
	put(r, "b", "123");
	assert_int_equal(spool_used(r->s), 8);
	put(r, "a", "1");
	assert_int_equal(spool_used(r->s), 4);
	scratch_write(arena_printf(r->a, "%s/spool/c.copy.part", r->top).p,
	    STR_LIT("half"));
	open_again(r);
	assert_int_equal(spool_used(r->s), 4);
	assert_string_equal(scratch_list(r->a, r->top, false),
	    "spool/a.original\nspool/b.original\n");
	assert_true(spool_fits(r->s, 996));
	assert_false(spool_fits(r->s, 997));
	OK(spool_drop(r->s, SPOOL_ORIGINAL, "b", &r->e));
	assert_int_equal(spool_used(r->s), 1);
	OK(spool_disk(r->s, &left, &r->e));
	assert_true(left > 0);
}

static void test_links_are_not_followed(void **state)
{
	struct room *r = *state;
	struct str bytes, path = arena_printf(r->a, "%s/other", r->top);

	scratch_write(path.p, STR_LIT("mine"));
	assert_int_equal(symlink(path.p, arena_printf(r->a,
	    "%s/spool/a.original", r->top).p), 0);
	assert_int_equal(symlink(path.p, arena_printf(r->a,
	    "%s/spool/a.original.part", r->top).p), 0);
	assert_false(spool_map(r->s, SPOOL_ORIGINAL, "a", &bytes, &r->e));
	put(r, "a", "other");
	assert_true(str_eq_z(scratch_read(r->a, path.p), "mine"));
	spool_close(&r->s);
	scratch_remove(arena_printf(r->a, "%s/spool", r->top).p);
	assert_int_equal(symlink(r->top, arena_printf(r->a, "%s/spool",
	    r->top).p), 0);
	err_clear(&r->e);
	assert_false(spool_open(r->a, r->top, 1, &r->s, &r->e));
	assert_int_equal(r->e.kind, ERR_STATE);
}

/* What cannot be written whole is not there. */
static void test_full_disk(void **state)
{
	struct room *r = *state;
	struct rlimit old, small;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	char big[4096];
	bool ok;

	memset(big, 'x', sizeof(big));
	put(r, "a", "before");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ok = spool_put(r->s, SPOOL_ORIGINAL, "a", &(struct str){ big,
	    sizeof(big) }, 1, &r->e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, handler);
	assert_false(ok);
	assert_int_equal(r->e.kind, ERR_STATE);
	assert_non_null(strstr(r->e.msg, "spool/a.original"));
	assert_string_equal(scratch_list(r->a, r->top, false),
	    "spool/a.original\n");
	assert_true(str_eq_z(scratch_read(r->a, arena_printf(r->a,
	    "%s/spool/a.original", r->top).p), "before"));
}

struct seen {
	size_t originals, copies;
	struct room *r;
};

static bool see(void *ctx, enum spool_kind kind, struct str nonce,
    struct err *e)
{
	struct seen *s = ctx;

	assert_true(str_eq_z(nonce, "a") || str_eq_z(nonce, "b"));
	*(kind == SPOOL_COPY ? &s->copies : &s->originals) += 1;
	return spool_drop(s->r->s, kind, arena_z(s->r->a, nonce), e);
}

static void test_each(void **state)
{
	struct room *r = *state;
	struct seen s = { .r = r };

	put(r, "a", "1");
	put(r, "b", "1");
	OK(spool_put(r->s, SPOOL_COPY, "a", &(struct str){ "2", 1 }, 1,
	    &r->e));
	OK(spool_each(r->s, see, &s, &r->e));
	assert_int_equal(s.originals, 2);
	assert_int_equal(s.copies, 1);
	assert_int_equal(spool_used(r->s), 0);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_put_and_map), TEST(test_room_is_counted),
		TEST(test_links_are_not_followed), TEST(test_full_disk),
		TEST(test_each),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
