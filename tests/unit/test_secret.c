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
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/secret.h"

static char folder[200];

static const char *in_folder(const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static const char *write_file(const char *text, size_t n, mode_t mode)
{
	const char *path = in_folder("password");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static const char *write_z(const char *text)
{
	return write_file(text, strlen(text), 0600);
}

/* Either the secret, or "KIND message". */
static const char *get(const struct account *account)
{
	static char text[2000];
	struct err e = { 0 };
	struct buf out;

	buf_init(&out, SECRET_MAX);
	if (secret_get(account, &out, &e)) {
		assert_int_equal(e.kind, ERR_NONE);
		snprintf(text, sizeof(text), "%s", buf_z(&out));
	} else {
		assert_int_equal(out.n, 0);
		snprintf(text, sizeof(text), "%s %s",
		    e.kind == ERR_CONFIG ? "CONFIG" : e.kind == ERR_TEMP ?
		    "TEMP" : "?", e.msg);
	}
	buf_wipe_free(&out);
	return text;
}

static const char *from_file(const char *path)
{
	return get(&(struct account){ .secret_file = path });
}

static const struct config_limits limits = { .command = 60 };

static const char *from_sh(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return get(&(struct account){ .secret_command = argv,
	    .limits = &limits });
}

static void assert_says(const char *got, const char *kind, const char *part)
{
	if (strncmp(got, kind, strlen(kind)) != 0 || !strstr(got, part))
		fail_msg("got \"%s\", wanted %s ... %s", got, kind, part);
}

static void test_file(void **state)
{
	(void)state;
	assert_string_equal(from_file(write_z("pass word")), "pass word");
	assert_string_equal(from_file(write_z("pass\n")), "pass");
	assert_string_equal(from_file(write_z("pass\r\n")), "pass");
	assert_string_equal(from_file(write_z(" pa:ss \n")), " pa:ss ");
	assert_string_equal(from_file(write_z("pa\rss\r")), "pa\rss\r");
	assert_string_equal(from_file(write_z("p\xc3\xa4ss\n")),
	    "p\xc3\xa4ss");
}

static void test_bad_file(void **state)
{
	static char big[SECRET_MAX + 1];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_says(from_file(write_z("")), "CONFIG", "empty");
	assert_says(from_file(write_z("\n")), "CONFIG", "empty");
	assert_says(from_file(write_z("a\nb\n")), "CONFIG", "several lines");
	assert_says(from_file(write_file("a\0b", 3, 0600)), "CONFIG", "NUL");
	assert_says(from_file(write_file(big, sizeof(big), 0600)), "CONFIG",
	    "too long");
	assert_says(from_file(write_file("x", 1, 0640)), "CONFIG",
	    "chmod 600");
	assert_says(from_file(write_file("x", 1, 0604)), "CONFIG",
	    "chmod 600");
	assert_string_equal(from_file(write_file("x", 1, 0400)), "x");
	chmod(in_folder("password"), 0600);
	assert_says(from_file("/nonexistent"), "CONFIG", "/nonexistent");
	assert_says(from_file(folder), "CONFIG", "not a regular file");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	assert_says(from_file(in_folder("fifo")), "CONFIG",
	    "not a regular file");
	assert_says(get(&(struct account){ 0 }), "CONFIG",
	    "no password is configured");
	if (geteuid() == 0) {
		const char *path = write_z("x");

		assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
		assert_says(from_file(path), "CONFIG", "somebody else");
		unlink(path);
	}
}

static void test_command(void **state)
{
	(void)state;
	assert_string_equal(from_sh("echo pass"), "pass");
	assert_string_equal(from_sh("printf pass"), "pass");
	assert_string_equal(from_sh("printf 'pass\\r\\nuser: x\\n'"), "pass");
	assert_string_equal(from_sh("printf 'pass\\nuser: x\\n'"), "pass");
	assert_says(from_sh("exit 2"), "TEMP", "sh exited with status 2");
	assert_says(from_sh("echo pass; exit 2"), "TEMP", "status 2");
	assert_says(from_sh("kill -9 $$"), "TEMP", "signal 9");
	assert_says(from_sh(":"), "CONFIG", "empty");
	assert_says(from_sh("echo"), "CONFIG", "empty");
	assert_says(from_sh("printf 'a\\0b'"), "CONFIG", "NUL");
	assert_says(from_sh("head -c 100000 /dev/zero"), "TEMP", "too much");
}

static void test_no_such_command(void **state)
{
	const char *const argv[] = { "/nonexistent/pass", "secret-arg", NULL };

	(void)state;
	assert_says(get(&(struct account){ .secret_command = argv,
	    .limits = &limits }),
	    "CONFIG", "/nonexistent/pass");
	assert_null(strstr(get(&(struct account){ .secret_command = argv,
	    .limits = &limits }),
	    "secret-arg"));
}

static void test_harden(void **state)
{
	struct rlimit core;
	struct stat st;
	int fd;

	(void)state;
	umask(0);
	secret_harden();
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	assert_int_equal(core.rlim_cur, 0);
	assert_int_equal(core.rlim_max, 0);
	fd = open(in_folder("new"), O_WRONLY | O_CREAT, 0666);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/secXXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_bad_file),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_no_such_command),
		cmocka_unit_test(test_harden),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("secret", tests, set_up, NULL);
}
