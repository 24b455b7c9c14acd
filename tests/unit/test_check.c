/*
 * Bad rule files: each tests/check/NAME.yaml is loaded, and what is found in
 * it must be, letter by letter, what stands in NAME.expect.
 *
 * With TAMIS_SHOW=NAME in the environment the text for NAME is printed
 * instead, to be read and kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/clock.h"
#include "rules/rules.h"

#define CASES_MAX	200
#define TEXT_MAX	(1024 * 1024)

static bool read_file(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	char chunk[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	(void)ctx;
	if (!f)
		return err_set(e, ERR_CONFIG, "cannot read %s", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	fclose(f);
	return true;
}

static bool read_zone(void *ctx, const char *name, struct buf *out,
    struct err *e)
{
	(void)ctx;
	return clock_zone_file(name, out, e);
}

/* All that is found in the file, as a person sees it. */
static void check(const char *path, struct buf *out)
{
	const struct file_reader reader = {
		.read = read_file, .zone = read_zone,
	};
	struct arena *a = arena_new();
	struct problems ps;
	struct rules *r;

	problems_init(&ps, a);
	r = rules_load(a, &path, 1, &reader, NULL, 0, NULL, &ps);
	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++)
		problem_show(out, &ps.list[i]);
	buf_printf(out, "%zu errors, %zu warnings\n", ps.errors,
	    ps.warnings);
	assert_true((r == NULL) == (ps.errors > 0));
	arena_free(&a);
}

static void test_case(void **state)
{
	const char *path = *state;
	struct buf got, want, name;
	struct err e = { 0 };

	buf_init(&got, TEXT_MAX);
	buf_init(&want, TEXT_MAX);
	buf_init(&name, 1000);
	check(path, &got);
	buf_add(&name, path, strlen(path) - strlen("yaml"));
	buf_add_z(&name, "expect");
	assert_true(read_file(NULL, buf_z(&name), &want, &e));
	assert_string_equal(buf_z(&got), buf_z(&want));
	buf_free(&got);
	buf_free(&want);
	buf_free(&name);
}

static int show(const char *name)
{
	struct buf b;

	buf_init(&b, TEXT_MAX);
	check(name, &b);
	fputs(buf_z(&b), stdout);
	buf_free(&b);
	return 0;
}

int main(void)
{
	const char *top = getenv("TAMIS_TOP");
	static struct CMUnitTest tests[CASES_MAX];
	static const char *paths[CASES_MAX];
	glob_t found;
	size_t n;
	int rc;

	if ((top && chdir(top) != 0) || chdir("tests/check") != 0) {
		fputs("not ok - there is no tests/check\n", stdout);
		return 1;
	}
	if (getenv("TAMIS_SHOW"))
		return show(getenv("TAMIS_SHOW"));
	if (glob("*.yaml", 0, NULL, &found) != 0) {
		fputs("not ok - there is nothing in tests/check\n", stdout);
		return 1;
	}
	n = found.gl_pathc < CASES_MAX ? found.gl_pathc : CASES_MAX;
	for (size_t i = 0; i < n; i++) {
		paths[i] = found.gl_pathv[i];
		tests[i] = (struct CMUnitTest){
			.name = paths[i], .test_func = test_case,
			.initial_state = (void *)(uintptr_t)paths[i],
		};
	}
	rc = _cmocka_run_group_tests("check", tests, n, NULL, NULL);
	globfree(&found);
	return rc;
}
