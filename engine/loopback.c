#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define GUESTS_MAX	8	/* connections at a time; browsers open some
				   that they do not use */
#define ANSWER_MS	2000	/* for a browser to take the page */

struct guest {
	int fd;			/* -1: none */
	struct buf in;
	uint64_t since;		/* the lowest is the oldest */
};

struct loopback {
	int fd;
	unsigned port;
	int lines;		/* -1: none, or at its end */
	struct buf line;
	struct guest guests[GUESTS_MAX];
	uint64_t count;
	struct guest *asked;	/* whose request was given out */
	bool line_given;
};

static bool cannot(const char *what, struct err *e)
{
	return err_set(e, ERR_TEMP, "%s on 127.0.0.1: %s", what,
	    strerror(errno));
}

static bool listen_here(struct loopback *l, struct err *e)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(here);

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&here, n) != 0 ||
	    listen(l->fd, GUESTS_MAX) != 0 ||
	    getsockname(l->fd, (struct sockaddr *)&here, &n) != 0)
		return cannot("cannot listen", e);
	l->port = ntohs(here.sin_port);
	return true;
}

bool loopback_open(struct arena *a, int lines, struct loopback **l_out,
    struct err *e)
{
	struct loopback *l = arena_make(a, struct loopback);

	l->lines = lines;
	buf_init(&l->line, LOOPBACK_REQUEST_MAX);
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		l->guests[i].fd = -1;
		buf_init(&l->guests[i].in, LOOPBACK_REQUEST_MAX);
	}
	if (!listen_here(l, e)) {
		loopback_close(&l);
		return false;
	}
	*l_out = l;
	return true;
}

unsigned loopback_port(const struct loopback *l)
{
	return l->port;
}

static void dismiss(struct loopback *l, struct guest *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
	buf_wipe_free(&g->in);
	if (l->asked == g)
		l->asked = NULL;
}

void loopback_close(struct loopback **l)
{
	if (!*l)
		return;
	for (size_t i = 0; i < GUESTS_MAX; i++)
		dismiss(*l, &(*l)->guests[i]);
	if ((*l)->fd >= 0)
		close((*l)->fd);
	buf_wipe_free(&(*l)->line);
	*l = NULL;
}

/* --------------------------------------------------------------- pages */

/* All of it or what the browser takes in time; it is a courtesy. */
static void send_page(int fd, struct str page)
{
	int64_t end = clock_ms() + ANSWER_MS;
	size_t at = 0;

	while (at < page.n) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t n = send(fd, page.p + at, page.n - at, MSG_NOSIGNAL);
		int64_t left = end - clock_ms();

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		else if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return;
	}
}

/* The address in the browser's history still has the code in it, which is
 * worth nothing any more; it goes to nobody else. */
static void answer(struct loopback *l, struct guest *g, const char *status,
    const char *title, const char *text)
{
	struct buf page, body;

	buf_init(&body, 4096);
	buf_init(&page, 8192);
	buf_printf(&body, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset="
	    "\"utf-8\"><title>tamis</title>\n<h1>%s</h1>\n<p>%s</p>\n"
	    "</html>\n", title, text);
	buf_printf(&page, "HTTP/1.1 %s\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n"
	    "Referrer-Policy: no-referrer\r\n"
	    "Content-Security-Policy: default-src 'none'\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Connection: close\r\n\r\n", status, body.n);
	buf_add_str(&page, buf_str(&body));
	send_page(g->fd, buf_str(&page));
	shutdown(g->fd, SHUT_WR);
	buf_free(&body);
	buf_free(&page);
	dismiss(l, g);
}

void loopback_answer(struct loopback *l, bool good, const char *title,
    const char *text)
{
	if (l->asked)
		answer(l, l->asked, good ? "200 OK" : "400 Bad Request",
		    title, text);
}

/* ------------------------------------------------------------- requests */

static void take_guest(struct loopback *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct guest *place = &l->guests[0];

	if (fd < 0)
		return;
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct guest *g = &l->guests[i];

		if (place->fd >= 0 && (g->fd < 0 || g->since < place->since))
			place = g;
	}
	dismiss(l, place);
	place->fd = fd;
	place->since = l->count++;
}

/* "GET TARGET HTTP/1.x" of a request that is whole. */
static bool target_of(struct str in, struct str *out)
{
	size_t line = str_find_char(in, 0, '\r');
	struct str rest = str_sub(in, 0, line), method;

	if (!str_cut(&rest, ' ', &method) || !str_eq_z(method, "GET") ||
	    !str_cut(&rest, ' ', out) ||
	    !str_starts(rest, STR_LIT("HTTP/1.")))
		return false;
	return str_starts(*out, STR_LIT("/"));
}

static bool is_whole(const struct buf *in)
{
	return in->n >= 4 && memmem(in->p, in->n, "\r\n\r\n", 4) != NULL;
}

/* True: its request is *WHAT. */
static bool hear_guest(struct loopback *l, struct guest *g,
    struct str *what)
{
	char block[4096];
	ssize_t n = recv(g->fd, block, sizeof(block), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0)
		buf_add(&g->in, block, (size_t)n);
	wipe(block, sizeof(block));
	if (n <= 0)
		dismiss(l, g);
	else if (g->in.over)
		answer(l, g, "431 Request Header Fields Too Large",
		    "Too long", "This is not what tamis waits for.");
	else if (!is_whole(&g->in))
		return false;
	else if (!target_of(buf_str(&g->in), what))
		answer(l, g, "400 Bad Request", "Not understood",
		    "This is not what tamis waits for.");
	else if (!str_starts(*what, STR_LIT("/?")))
		answer(l, g, "404 Not Found", "Not here",
		    "This is not what tamis waits for.");
	else
		return l->asked = g, true;
	return false;
}

/* ---------------------------------------------------------------- lines */

/* True: a line that is not empty is *WHAT.  Its end ends the lines, not the
 * waiting. */
static bool hear_lines(struct loopback *l, struct str *what)
{
	char c = '\0';
	ssize_t n;

	/* octet by octet: what is behind the line is somebody else's */
	while ((n = read(l->lines, &c, 1)) == 1 && c != '\n') {
		struct pollfd more = { .fd = l->lines, .events = POLLIN };

		buf_add_char(&l->line, c);
		if (poll(&more, 1, 0) != 1)
			return false;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0)
		l->lines = -1;
	l->line_given = true;
	*what = str_trim(buf_str(&l->line));
	if (what->n > 0 && !l->line.over)
		return true;
	buf_wipe_free(&l->line);
	l->line.over = false;
	l->line_given = false;
	return false;
}

static void forget_last(struct loopback *l)
{
	if (l->asked)
		dismiss(l, l->asked);
	if (l->line_given)
		buf_wipe_free(&l->line);
	l->line_given = false;
}

bool loopback_next(struct loopback *l, int64_t end_ms, struct str *what_out,
    struct err *e)
{
	forget_last(l);
	for (;;) {
		struct pollfd p[2 + GUESTS_MAX] = {
			{ .fd = l->fd, .events = POLLIN },
			{ .fd = l->lines, .events = POLLIN },
		};
		int64_t left = end_ms - clock_ms();

		for (size_t i = 0; i < GUESTS_MAX; i++)
			p[2 + i] = (struct pollfd){ .fd = l->guests[i].fd,
				.events = POLLIN };
		if (left <= 0)
			return err_set(e, ERR_TEMP, "nobody came back with "
			    "an answer in time; begin again");
		if (poll(p, COUNT(p), left < 60000 ? (int)left : 60000) < 0 &&
		    errno != EINTR)
			return cannot("cannot wait", e);
		for (size_t i = 0; i < GUESTS_MAX; i++)
			if (p[2 + i].revents && l->guests[i].fd >= 0 &&
			    hear_guest(l, &l->guests[i], what_out))
				return true;
		if (p[1].revents && hear_lines(l, what_out))
			return true;
		if (p[0].revents)
			take_guest(l);
	}
}
