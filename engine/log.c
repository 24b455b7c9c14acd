#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"

#define LINE_MAX_OCTETS	8192

static enum log_level most_shown = LOG_WARN;

void log_set_level(enum log_level most)
{
	most_shown = most;
}

bool log_wants(enum log_level level)
{
	return level <= most_shown;
}

/* One write, so that lines of several processes do not mix.  If standard
 * error does not take it there is nobody left to be told. */
static void write_line(const struct buf *line)
{
	size_t at = 0;

	progress_hide();
	while (at < line->n) {
		ssize_t n = write(STDERR_FILENO, line->p + at, line->n - at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return;
	}
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS];
	struct buf line;
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* escaping makes an octet four at most, two octets eight */
	buf_init(&line, 4 * sizeof(text) + 64);
	buf_add_z(&line, "tamis: ");
	if (level == LOG_WARN)
		buf_add_z(&line, "warning: ");
	else if (level == LOG_TRACE)
		buf_add_z(&line, "trace: ");
	buf_add_shown(&line, str_of(text));
	buf_add_char(&line, '\n');
	write_line(&line);
	buf_free(&line);
}

void log_err(const char *account, const struct err *e)
{
	if (account)
		log_line(LOG_ERROR, "%s: %s", account, e->msg);
	else
		log_line(LOG_ERROR, "%s", e->msg);
}
