#include "report_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"

#define OBJECT_MAX	(64 * 1024 * 1024)	/* octets of one object */
#define WIDTH_DEFAULT	80
#define WIDTH_LEAST	40

static void drop_scratch(void *arg)
{
	struct report *r = arg;

	arena_free(&r->scratch);
}

struct report *report_make(struct arena *a, int fd,
    const struct report_style *style)
{
	struct report *r = arena_make(a, struct report);

	*r = (struct report){ .style = *style, .fd = fd };
	r->scratch = arena_new();
	arena_on_reset(a, drop_scratch, r);
	if (r->style.width < WIDTH_LEAST)
		r->style.width = WIDTH_LEAST;
	return r;
}

void report_style_detect(int fd, struct report_style *style)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	struct winsize size;

	style->width = WIDTH_DEFAULT;
	style->chatty = isatty(fd) == 1;
	/* https://no-color.org: set, and not to the empty text */
	style->colour = style->chatty && !(no_color && no_color[0]) &&
	    !(term && strcmp(term, "dumb") == 0);
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		style->width = size.ws_col;
}

bool report_json(const struct report *r)
{
	return r->style.json;
}

bool report_broken(const struct report *r)
{
	return r->broken;
}

bool report_close(struct report *r, struct err *e)
{
	if (!r->broken)
		return true;
	if (r->error == EPIPE)
		return err_set(e, ERR_STATE, "%s", "");
	return err_set(e, ERR_STATE, "cannot write to standard output: %s",
	    strerror(r->error));
}

/* One write, so that objects of several processes do not mix. */
static void write_all(struct report *r, const struct buf *b)
{
	size_t at = 0;

	if (r->style.chatty)
		progress_hide();
	while (!r->broken && at < b->n) {
		ssize_t n = write(r->fd, b->p + at, b->n - at);

		if (n > 0) {
			at += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			r->error = n == 0 ? EIO : errno;
			r->broken = true;
		}
	}
}

void report_begin(struct report *r, struct buf *b)
{
	arena_reset(r->scratch);
	buf_init(b, OBJECT_MAX);
}

void report_end(struct report *r, struct buf *b)
{
	write_all(r, b);
	buf_free(b);
}

void report_emit(struct report *r, const struct object *o)
{
	struct buf b;

	buf_init(&b, OBJECT_MAX);
	object_write(o, &b);
	report_end(r, &b);
}

/* ----------------------------------------------------------------- text */

void report_add_colour(const struct report *r, struct buf *b,
    enum report_colour colour)
{
	if (r->style.colour)
		buf_printf(b, "\033[%dm", (int)colour);
}

void report_end_colour(const struct report *r, struct buf *b)
{
	if (r->style.colour)
		buf_add_z(b, "\033[0m");
}

void report_add_in(const struct report *r, struct buf *b,
    enum report_colour colour, const char *z)
{
	report_add_colour(r, b, colour);
	buf_add_z(b, z);
	report_end_colour(r, b);
}

void report_add_cut(struct report *r, struct buf *b, struct str s,
    size_t width)
{
	/* more than this cannot fit, whatever it is */
	struct str safe = shown(r->scratch, str_sub(s, 0, width * 16 + 64));
	size_t at = 0, used = 0, keep = 0;

	if (safe.n > 0 && text_width(safe) <= width) {
		buf_add_str(b, safe);
		return;
	}
	while (at < safe.n) {
		size_t from = at;

		utf8_next(safe, &at);
		used += text_width(str_sub(safe, from, at - from));
		if (used + 3 > width)
			break;
		keep = at;
	}
	if (safe.n > 0)
		buf_printf(b, "%.*s...", (int)keep, safe.p);
}

void report_add_padded(struct report *r, struct buf *b, struct str s,
    size_t width)
{
	size_t start = b->n, used;

	report_add_cut(r, b, s, width);
	used = text_width(str_sub(buf_str(b), start, b->n - start));
	if (used < width)
		buf_printf(b, "%*s", (int)(width - used), "");
}

void report_add_time(const struct report *r, struct buf *b, int64_t t)
{
	struct civil c;

	if (t == TIME_NONE || t == 0) {
		buf_add_z(b, "(no time)          ");
		return;
	}
	c = time_to_civil(zone_local(r->style.zone, t));
	buf_printf(b, "%04lld-%02d-%02d %02d:%02d:%02d", (long long)c.year,
	    c.month, c.day, c.hour, c.min, c.sec);
}

void report_add_sentence(const struct report *r, struct buf *b,
    enum report_colour colour, const char *word, struct str rule,
    struct str text)
{
	buf_add_z(b, "    ");
	report_add_in(r, b, colour, word);
	if (rule.n > 0) {
		buf_add_z(b, ": ");
		buf_add_shown(b, rule);
	}
	if (text.n > 0) {
		buf_add_z(b, ": ");
		buf_add_shown(b, text);
	}
	buf_add_char(b, '\n');
}

void report_add_count(struct buf *b, uint64_t n, const char *what)
{
	if (n > 0)
		buf_printf(b, ", %llu %s", (unsigned long long)n, what);
}

void report_text(struct report *r, const char *fmt, ...)
{
	char text[4096];
	struct buf b;
	va_list ap;

	if (r->style.json)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_begin(r, &b);
	buf_add_shown(&b, str_trim(str_of(text)));
	buf_add_char(&b, '\n');
	report_end(r, &b);
}
