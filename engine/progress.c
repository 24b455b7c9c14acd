#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"

#define AFTER_MS	1000	/* what is done by then needs no line */
#define EVERY_MS	250
#define WIDTH_DEFAULT	80
#define LINE_OCTETS	4096

static struct {
	bool allowed, active, shown;
	struct str account, mailbox;
	uint64_t done, total;
	int64_t began_ms, shown_ms;
} progress;

void progress_allow(void)
{
	const char *term = getenv("TERM");

	progress.allowed = isatty(STDERR_FILENO) == 1 && term &&
	    strcmp(term, "dumb") != 0;
}

static void put(const struct buf *b)
{
	if (write(STDERR_FILENO, b->p, b->n) < 0)
		progress.allowed = false;
}

void progress_hide(void)
{
	struct buf b;

	if (!progress.shown)
		return;
	progress.shown = false;
	buf_init(&b, 16);
	buf_add_z(&b, "\r\033[K");	/* ECMA-48: erase to the line's end */
	put(&b);
	buf_free(&b);
}

static void add_left(struct buf *b, uint64_t seconds)
{
	if (seconds < 90)
		buf_printf(b, "%llu s left", (unsigned long long)seconds);
	else if (seconds < 90 * 60)
		buf_printf(b, "%llu min left",
		    (unsigned long long)((seconds + 30) / 60));
	else
		buf_printf(b, "%llu h left",
		    (unsigned long long)((seconds + 1800) / 3600));
}

void progress_line(struct buf *b, struct str account, struct str mailbox,
    uint64_t done, uint64_t total, int64_t ms)
{
	uint64_t passed = ms > 0 ? (uint64_t)ms : 1;
	uint64_t rate = done * 1000 / passed;

	if (account.n > 0) {
		buf_add_shown(b, account);
		buf_add_char(b, ':');
	}
	buf_add_shown(b, mailbox);
	buf_printf(b, ": %llu of %llu", (unsigned long long)done,
	    (unsigned long long)total);
	if (rate > 0)
		buf_printf(b, ", %llu/s", (unsigned long long)rate);
	if (done > 0 && done < total) {
		buf_add_z(b, ", ");
		add_left(b, (total - done) * passed / done / 1000);
	}
}

/* As much of LINE as fits without moving to the next one. */
static struct str fitting(struct str line)
{
	struct winsize size;
	size_t width = WIDTH_DEFAULT, at = 0, keep = 0;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		width = size.ws_col;
	while (at < line.n) {
		utf8_next(line, &at);
		if (text_width(str_sub(line, 0, at)) >= width)
			break;
		keep = at;
	}
	return str_sub(line, 0, keep);
}

static void show(int64_t now)
{
	struct buf line, b;

	buf_init(&line, LINE_OCTETS);
	buf_init(&b, LINE_OCTETS + 16);
	progress_line(&line, progress.account, progress.mailbox,
	    progress.done, progress.total, now - progress.began_ms);
	buf_add_char(&b, '\r');
	buf_add_str(&b, fitting(buf_str(&line)));
	buf_add_z(&b, "\033[K");
	put(&b);
	progress.shown = true;
	progress.shown_ms = now;
	buf_free(&b);
	buf_free(&line);
}

void progress_begin(struct str account, struct str mailbox, uint64_t total)
{
	progress.account = account;
	progress.mailbox = mailbox;
	progress.total = total;
	progress.done = 0;
	progress.began_ms = clock_ms();
	progress.active = progress.allowed;
}

void progress_step(void)
{
	int64_t now;

	progress.done += progress.done < progress.total;
	if (!progress.active || !progress.allowed)
		return;
	now = clock_ms();
	if (now - progress.began_ms >= AFTER_MS &&
	    now - progress.shown_ms >= EVERY_MS)
		show(now);
}

void progress_end(void)
{
	progress_hide();
	progress.active = false;
}
