/*
 * log - what a person may want to know while it happens, on standard error.
 *
 * One line an event, "tamis: warning: TEXT"; whatever came from mail or a
 * server is escaped here (buf_add_shown).  Results go to standard output by
 * `report` and not through here.
 *
 * Only main, the commands and run write here; everybody else returns an
 * error that says enough, so that nothing is said twice.
 */
#ifndef TAMIS_LOG_H
#define TAMIS_LOG_H

#include "../rules/base.h"

enum log_level {
	LOG_ERROR,	/* shown always */
	LOG_WARN,	/* unless -q */
	LOG_NOTE,	/* with -v: what is done */
	LOG_TRACE,	/* with -vv: every command, never a secret */
};

void log_set_level(enum log_level most);
bool log_wants(enum log_level level);	/* before costly formatting */
/* A line is written in one piece; no line end in FMT. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The error of an account (NULL: of none): "tamis: work: MSG". */
void log_err(const char *account, const struct err *e);

#endif
