/*
 * Connecting through libcurl to small servers on the loopback interface, each
 * a child of this test that plays a few lines: what is refused, with which
 * kind of error and which advice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/wire.h"

struct server {
	pid_t pid;
	unsigned port;
};

static int listen_somewhere(unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* A line from the client, without its CRLF; false at the end. */
static bool hear(int fd, char *line, size_t room)
{
	size_t n = 0;
	char c;

	while (read(fd, &c, 1) == 1) {
		if (c == '\n') {
			line[n && line[n - 1] == '\r' ? n - 1 : n] = '\0';
			return true;
		}
		if (n + 1 < room)
			line[n++] = c;
	}
	return false;
}

/*
 * The lines to say, NULL at the end: the first at once, each further one after
 * a line of the client, whose tag stands for "$".  "echo" ends the lines and
 * gives back all that comes.
 */
static void serve(int fd, const char *const *lines)
{
	char line[1000] = "";
	char byte[4096];
	ssize_t n;

	for (size_t i = 0; lines[i]; i++) {
		struct str tag = str_of(line);

		if (i && !hear(fd, line, sizeof(line)))
			return;
		tag = str_sub(str_of(line), 0,
		    str_find_char(str_of(line), 0, ' '));
		if (strcmp(lines[i], "echo") == 0)
			break;
		for (const char *p = lines[i]; *p; p++) {
			const char *from = *p == '$' ? tag.p : p;
			size_t k = *p == '$' ? tag.n : 1;

			if (write(fd, from, k) != (ssize_t)k)
				return;
		}
	}
	while ((n = read(fd, byte, sizeof(byte))) > 0)
		if (write(fd, byte, (size_t)n) != n)
			return;
}

static struct server start(const char *const *lines)
{
	struct server s;
	int fd = listen_somewhere(&s.port), client;

	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		client = accept(fd, NULL, NULL);
		if (client >= 0 && lines)
			serve(client, lines);
		else if (client >= 0)
			pause();	/* says nothing at all */
		_exit(0);
	}
	close(fd);
	return s;
}

static void stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

static struct wire_settings to(unsigned port, enum wire_tls tls)
{
	return (struct wire_settings){ .host = "127.0.0.1", .port = port,
		.tls = tls, .insecure = true, .connect_s = 10 };
}

/* Must fail with KIND and all of the words of ADVICE, which "|" parts. */
static void refused(const struct wire_settings *set, enum err_kind kind,
    const char *advice)
{
	struct arena *a = arena_new();
	struct err e = { 0 };
	struct wire *w = NULL;
	struct str rest = str_of(advice), words;

	assert_false(wire_connect(a, set, &w, &e));
	assert_null(w);
	if (e.kind != kind)
		fail_msg("kind %d: %s", e.kind, e.msg);
	while (str_cut(&rest, '|', &words))
		if (!strstr(e.msg, arena_z(a, words)))
			fail_msg("no \"%.*s\" in: %s", STR_ARG(words), e.msg);
	arena_free(&a);
}

/* ----------------------------------------------------------- refusals */

static void test_settings(void **state)
{
	static const char *const bad[] = { "", "a b", "x/y", "a\r\nb",
		"user@host", "host?x", "[::1]" };
	struct wire_settings set = to(143, WIRE_PLAIN);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		set.host = bad[i];
		refused(&set, ERR_CONFIG, "check `imap:`");
	}
	set.host = NULL;
	refused(&set, ERR_CONFIG, "check `imap:`");
	set = to(65536, WIRE_TLS);
	refused(&set, ERR_CONFIG, "check `imap:`");
	/* no plain text but to this machine, and only if told so */
	set = to(143, WIRE_PLAIN);
	set.insecure = false;
	refused(&set, ERR_CONFIG, "without TLS");
	set.insecure = true;
	set.host = "mail.example.org";
	refused(&set, ERR_CONFIG, "mail.example.org|without TLS");
}

static void test_loopback_names(void **state)
{
	static const char *const yes[] = { "localhost", "LOCALHOST",
		"127.0.0.1", "127.1.2.3", "::1" };
	static const char *const no[] = { "", "localhost.example.org",
		"127.0.0.1.example.org", "127.0.0", "127.0.0.256", "128.0.0.1",
		"1127.0.0.1", "::2", "127.evil.0.1" };

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(wire_host_is_loopback(yes[i]));
	for (size_t i = 0; i < COUNT(no); i++)
		if (wire_host_is_loopback(no[i]))
			fail_msg("%s is not this machine", no[i]);
}

static void test_nobody_there(void **state)
{
	struct wire_settings set;
	unsigned port;
	int fd = listen_somewhere(&port);

	(void)state;
	close(fd);
	set = to(port, WIRE_TLS);
	refused(&set, ERR_TEMP, "127.0.0.1|nothing answers|curl 7");
}

static void test_silence(void **state)
{
	struct server s = start(NULL);
	struct wire_settings set = to(s.port, WIRE_STARTTLS);

	(void)state;
	set.connect_s = 1;
	refused(&set, ERR_TEMP, "in time|imaps://");
	stop(&s);
}

static void against(const char *const *lines, enum wire_tls tls,
    enum err_kind kind, const char *advice)
{
	struct server s = start(lines);
	struct wire_settings set = to(s.port, tls);

	refused(&set, kind, advice);
	stop(&s);
}

static void test_plain_where_tls_should_be(void **state)
{
	static const char *const lines[] = {
		"* OK ready\r\n", NULL };

	(void)state;
	against(lines, WIRE_TLS, ERR_CONFIG, "TLS|imap:// (STARTTLS)");
}

static void test_no_starttls(void **state)
{
	static const char *const not_offered[] = {
		"* OK ready\r\n",
		"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n$ OK\r\n", NULL };
	static const char *const denied[] = {
		"* OK ready\r\n",
		"* CAPABILITY IMAP4rev1 STARTTLS\r\n$ OK\r\n",
		"$ NO not today\r\n", NULL };
	static const char *const preauth[] = {
		"* PREAUTH you are in\r\n",
		"* CAPABILITY IMAP4rev1 STARTTLS\r\n$ OK\r\n", NULL };
	/* STRIPTLS by somebody in the middle who answers for the server */
	static const char *const injected[] = {
		"* OK ready\r\n",
		"* CAPABILITY IMAP4rev1 STARTTLS\r\n$ OK\r\n",
		"$ OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
		NULL };

	(void)state;
	against(not_offered, WIRE_STARTTLS, ERR_CONFIG, "STARTTLS|plain text");
	against(denied, WIRE_STARTTLS, ERR_CONFIG, "STARTTLS|plain text");
	against(preauth, WIRE_STARTTLS, ERR_CONFIG, "STARTTLS|plain text");
	against(injected, WIRE_STARTTLS, ERR_TEMP, "spoke out of turn");
}

static void test_turned_away(void **state)
{
	static const char *const bye[] = {
		"* BYE [UNAVAILABLE] too many \x1B[1m of you\r\n", NULL };
	static const char *const other[] = {
		"220 mail.example.org ESMTP\r\n", NULL };
	struct server s = start(other);
	struct wire_settings set;

	(void)state;
	against(bye, WIRE_PLAIN, ERR_TEMP, "too many \\x1B[1m of you");
	set = to(s.port, WIRE_PLAIN);
	set.connect_s = 1;	/* libcurl goes on waiting for an IMAP line */
	refused(&set, ERR_TEMP, "something else than IMAP|220 mail.example");
	stop(&s);
}

static void test_proxy(void **state)
{
	static const char *const socks[] = { "\x05\xFF", NULL };
	static const char *const http[] = {
		"", "HTTP/1.1 403 Forbidden\r\n\r\n", NULL };
	struct server s = start(socks);
	struct wire_settings set = to(993, WIRE_TLS);
	char proxy[100];

	(void)state;
	setenv("no_proxy", "*", 1);	/* has no say either */
	snprintf(proxy, sizeof(proxy), "socks5h://127.0.0.1:%u", s.port);
	set.proxy = proxy;
	refused(&set, ERR_TEMP, "proxy");
	stop(&s);
	s = start(http);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", s.port);
	refused(&set, ERR_TEMP, "proxy");
	stop(&s);
}

/* ------------------------------------------------------------- in use */

static void exchange(struct wire *w, struct str text)
{
	struct err e = { 0 };
	struct buf got;
	size_t at = 0;

	buf_init(&got, text.n);
	for (;;) {
		char chunk[10000];
		size_t done;
		bool ready;
		enum wire_got r = WIRE_AGAIN;

		if (at < text.n)
			r = wire_send(w, text.p + at, text.n - at, &done, &e);
		if (r == WIRE_OK)
			at += done;
		assert_int_not_equal(r, WIRE_FAILED);
		while ((r = wire_recv(w, chunk, sizeof(chunk), &done, &e)) ==
		    WIRE_OK)
			buf_add(&got, chunk, done);
		assert_int_equal(r, WIRE_AGAIN);
		if (got.n == text.n)
			break;
		assert_true(wire_wait(w, at < text.n, 10000, &ready, &e));
		assert_true(ready);
	}
	assert_memory_equal(got.p, text.p, text.n);
	buf_free(&got);
}

/* The environment names a proxy; it must not be asked. */
static void test_connect_and_talk(void **state)
{
	static const char *const lines[] = {
		"* OK [CAPABILITY IMAP4rev1] ready\r\n",
		"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n$ OK\r\n", "echo",
		NULL };
	struct server s = start(lines);
	struct wire_settings set = to(s.port, WIRE_PLAIN);
	struct arena *a = arena_new();
	struct err e = { 0 };
	struct wire *w;
	char *large = arena_alloc(a, 3000000);
	size_t done;
	bool ready;
	char c;

	(void)state;
	setenv("ALL_PROXY", "socks5h://127.0.0.1:1", 1);
	setenv("all_proxy", "socks5h://127.0.0.1:1", 1);
	if (!wire_connect(a, &set, &w, &e))
		fail_msg("%s", e.msg);
	assert_true(str_eq_z(wire_preface(w),
	    "* OK [CAPABILITY IMAP4rev1] ready\r\n"
	    "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"));
	/* the line that makes the server begin to echo */
	assert_int_equal(wire_send(w, "go\r\n", 4, &done, &e), WIRE_OK);
	for (size_t i = 0; i < 3000000; i++)
		large[i] = (char)(i * 7 + i / 1000);
	exchange(w, STR_LIT("hello\r\n"));
	exchange(w, (struct str){ large, 3000000 });
	assert_int_equal(wire_counters(w).received, 3000007);
	assert_int_equal(wire_counters(w).sent, 3000011);
	/* the time may end without anything */
	assert_true(wire_wait(w, false, 20, &ready, &e));
	assert_false(ready);
	stop(&s);
	assert_true(wire_wait(w, false, 10000, &ready, &e));
	assert_true(ready);
	assert_int_not_equal(wire_recv(w, &c, 1, &done, &e), WIRE_OK);
	wire_close(&w);
	assert_null(w);
	wire_close(&w);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_loopback_names),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_plain_where_tls_should_be),
		cmocka_unit_test(test_no_starttls),
		cmocka_unit_test(test_turned_away),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_connect_and_talk),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
