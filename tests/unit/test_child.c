#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/child.h"
#include "engine/clock.h"

struct outcome {
	bool ok;
	struct child_result r;
	struct err e;
	struct buf out;
	int64_t ms;
};

/* As child_run, with the output limited to MAX. */
static void run(struct outcome *o, const struct child_settings *set,
    size_t max)
{
	int64_t began = clock_ms();

	*o = (struct outcome){ .r = { CHILD_EXITED, -1 } };
	buf_init(&o->out, max);
	o->ok = child_run(set, &o->out, &o->r, &o->e);
	o->ms = clock_ms() - began;
}

static void run_sh(struct outcome *o, const char *script, unsigned seconds)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct child_settings set = { .argv = argv, .seconds = seconds };

	run(o, &set, 1 << 20);
}

static void assert_exited(const struct outcome *o, int status)
{
	if (!o->ok)
		fail_msg("%s", o->e.msg);
	assert_int_equal(o->r.end, CHILD_EXITED);
	assert_int_equal(o->r.status, status);
}

static void test_output_and_status(void **state)
{
	struct outcome o;

	(void)state;
	run_sh(&o, "printf 'a\\0b'; exit 7", 0);
	assert_exited(&o, 7);
	assert_int_equal(o.out.n, 3);
	assert_memory_equal(o.out.p, "a\0b", 3);
	buf_free(&o.out);
	run_sh(&o, "kill -TERM $$", 0);
	assert_true(o.ok);
	assert_int_equal(o.r.end, CHILD_KILLED);
	assert_int_equal(o.r.status, SIGTERM);
	buf_free(&o.out);
}

/* More than a pipe holds, both ways at once. */
static void test_input(void **state)
{
	enum { SIZE = 300000 };
	static char big[SIZE];
	const char *const argv[] = { "cat", NULL };
	struct child_settings set = { .argv = argv,
	    .input = { big, SIZE } };
	struct outcome o;

	(void)state;
	for (int i = 0; i < SIZE; i++)
		big[i] = (char)(i * 7 + i / 251);
	run(&o, &set, SIZE);
	assert_exited(&o, 0);
	assert_int_equal(o.out.n, SIZE);
	assert_memory_equal(o.out.p, big, SIZE);
	buf_free(&o.out);
}

/* A program that does not read, or not to the end, is no error of ours. */
static void test_input_not_read(void **state)
{
	static char big[300000];
	const char *const argv[] = { "sh", "-c", "head -c 1 >&1; exit 3",
	    NULL };
	struct child_settings set = { .argv = argv,
	    .input = { big, sizeof(big) } };
	struct outcome o;

	(void)state;
	memset(big, 'x', sizeof(big));
	run(&o, &set, 10);
	assert_exited(&o, 3);
	assert_int_equal(o.out.n, 1);
	buf_free(&o.out);
	run_sh(&o, "cat; echo end", 0);		/* empty input: at once */
	assert_exited(&o, 0);
	assert_string_equal(buf_z(&o.out), "end\n");
	buf_free(&o.out);
}

static void test_not_there(void **state)
{
	const char *const argv[] = { "/nonexistent/x", NULL };
	const char *const name[] = { "no-such-program-here", NULL };
	const char *const folder[] = { "/tmp", NULL };
	struct outcome o;

	(void)state;
	run(&o, &(struct child_settings){ .argv = argv }, 10);
	assert_false(o.ok);
	assert_int_equal(o.e.kind, ERR_CONFIG);
	assert_non_null(strstr(o.e.msg, "/nonexistent/x"));
	run(&o, &(struct child_settings){ .argv = name }, 10);
	assert_false(o.ok);
	assert_int_equal(o.e.kind, ERR_CONFIG);
	run(&o, &(struct child_settings){ .argv = folder }, 10);
	assert_false(o.ok);
	assert_int_equal(o.e.kind, ERR_CONFIG);
}

/* The whole group goes, not only the program itself. */
static void test_deadline(void **state)
{
	struct outcome o;
	pid_t grandchild;
	int alive = 0;

	(void)state;
	run_sh(&o, "sleep 30 & echo $!; wait", 1);
	assert_true(o.ok);
	assert_int_equal(o.r.end, CHILD_LATE);
	assert_true(o.ms >= 900 && o.ms < 10000);
	grandchild = (pid_t)strtol(buf_z(&o.out), NULL, 10);
	assert_true(grandchild > 1);
	/* it may be a zombie until init takes it: then kill still finds it */
	for (int i = 0; i < 100 && (alive = kill(grandchild, 0) == 0); i++) {
		char path[64], text[256] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat",
		    (int)grandchild);
		f = fopen(path, "r");
		if (f) {
			size_t n = fread(text, 1, sizeof(text) - 1, f);

			text[n] = '\0';
			fclose(f);
		}
		if (strstr(text, ") Z ")) {
			alive = 0;
			break;
		}
		usleep(20000);
	}
	assert_false(alive);
	buf_free(&o.out);
	/* silent, output closed, signals ignored: late all the same */
	run_sh(&o, "trap '' TERM HUP INT; exec >&- ; sleep 30", 1);
	assert_true(o.ok);
	assert_int_equal(o.r.end, CHILD_LATE);
	assert_true(o.ms < 10000);
	buf_free(&o.out);
}

/* What a program leaves running in the background may hold the pipe. */
static void test_background(void **state)
{
	struct outcome o;

	(void)state;
	run_sh(&o, "sleep 20 & echo secret", 10);
	assert_exited(&o, 0);
	assert_string_equal(buf_z(&o.out), "secret\n");
	assert_true(o.ms < 5000);
	buf_free(&o.out);
}

static void test_too_much(void **state)
{
	const char *const argv[] = { "sh", "-c",
	    "while :; do echo xxxxxxxxxxxxxxx; done", NULL };
	struct child_settings set = { .argv = argv, .seconds = 20 };
	struct outcome o;

	(void)state;
	run(&o, &set, 1000);
	assert_true(o.ok);
	assert_int_equal(o.r.end, CHILD_TOO_MUCH);
	assert_true(o.ms < 10000);
	assert_true(o.out.n <= 1000);
	buf_free(&o.out);
}

static void test_environment(void **state)
{
	const char *const extra[] = { "TAMIS_RULE=x y", NULL };
	const char *const argv[] = { "env", NULL };
	struct child_settings set = { .argv = argv, .env = extra };
	struct outcome o;

	(void)state;
	setenv("MY_PASSWORD", "secret", 1);
	setenv("LD_PRELOAD_X", "secret", 1);
	setenv("TAMIS_RULE", "ours", 1);
	setenv("LC_TIME", "C", 1);
	setenv("PASSWORD_STORE_DIR", "/p", 1);
	setenv("PATHX", "secret", 1);
	run(&o, &set, 1 << 20);
	assert_exited(&o, 0);
	assert_null(strstr(buf_z(&o.out), "secret"));
	assert_null(strstr(buf_z(&o.out), "ours"));
	assert_non_null(strstr(buf_z(&o.out), "TAMIS_RULE=x y\n"));
	assert_non_null(strstr(buf_z(&o.out), "LC_TIME=C\n"));
	assert_non_null(strstr(buf_z(&o.out), "PASSWORD_STORE_DIR=/p\n"));
	assert_non_null(strstr(buf_z(&o.out), "PATH="));
	buf_free(&o.out);
}

/* Descriptors that lack close-on-exec must not get through either. */
static void test_descriptors_and_signals(void **state)
{
	struct outcome o;
	sigset_t set, old;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(fd > 2);
	assert_true(dup2(fd, 77) == 77);
	run_sh(&o, "ls /proc/$$/fd | tr '\\n' ' '", 0);
	assert_exited(&o, 0);
	/* ls is another process: these are the shell's own */
	assert_null(strstr(buf_z(&o.out), "77"));
	assert_non_null(strstr(buf_z(&o.out), "0 1 2 "));
	buf_free(&o.out);
	close(77);
	close(fd);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	run_sh(&o, "kill -TERM $$; echo still", 0);	/* not blocked there */
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(o.r.end, CHILD_KILLED);
	buf_free(&o.out);
	/* SIGPIPE is ignored here and not there */
	run_sh(&o, "kill -PIPE $$; echo still", 0);
	assert_int_equal(o.r.end, CHILD_KILLED);
	assert_int_equal(o.r.status, SIGPIPE);
	buf_free(&o.out);
}

/* No shell reads the arguments. */
static void test_no_shell(void **state)
{
	const char *const argv[] = { "echo", "$HOME; `id` *", NULL };
	struct outcome o;

	(void)state;
	run(&o, &(struct child_settings){ .argv = argv }, 100);
	assert_exited(&o, 0);
	assert_string_equal(buf_z(&o.out), "$HOME; `id` *\n");
	buf_free(&o.out);
}

static void test_text(void **state)
{
	const struct child_settings set = { .seconds = 5 };
	static const struct {
		struct child_result r;
		const char *text;
	} table[] = {
		{ { CHILD_EXITED, 3 }, "exited with status 3" },
		{ { CHILD_KILLED, 9 }, "was ended by signal 9" },
		{ { CHILD_LATE, 0 }, "took more than 5 s" },
		{ { CHILD_TOO_MUCH, 0 }, "printed too much" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf b;

		buf_init(&b, 100);
		child_text(&b, &set, &table[i].r);
		assert_string_equal(buf_z(&b), table[i].text);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_status),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_input_not_read),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_descriptors_and_signals),
		cmocka_unit_test(test_no_shell),
		cmocka_unit_test(test_text),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
