/*
 * loopback - the address on this machine to which a browser is sent back
 * (RFC 8252 section 7.3).
 *
 * Listens on 127.0.0.1, on a port that the system chooses, and takes what a
 * browser asks for; at the same time it reads lines from a descriptor, for
 * the address may be pasted when the browser is on another machine.  Who
 * connects is anybody: a connection is worth nothing until its request is
 * here, holds up nobody, and is never answered with what it sent.
 *
 * Life:   loopback_open -> [loopback_next -> loopback_answer]* ->
 *         loopback_close.  One at a time.
 * Errors: ERR_TEMP: it cannot listen, or the time is over.
 *
 * SIGPIPE must be ignored by the caller's process (main does).
 */
#ifndef TAMIS_LOOPBACK_H
#define TAMIS_LOOPBACK_H

#include "../rules/base.h"

#define LOOPBACK_REQUEST_MAX	(16 * 1024)	/* octets, headers and all */

struct loopback;

/* LINES is a descriptor to read lines from; -1: none. */
MUST_USE bool loopback_open(struct arena *a, int lines,
    struct loopback **l_out, struct err *e);
unsigned loopback_port(const struct loopback *l);

/*
 * The next thing that came: the target of a GET ("/?code=..."), or a line
 * that is not empty.  Borrowed until the next call.  END_MS is of clock_ms.
 */
MUST_USE bool loopback_next(struct loopback *l, int64_t end_ms,
    struct str *what_out, struct err *e);

/* To the browser, if it was one: TITLE and TEXT, without markup in them. */
void loopback_answer(struct loopback *l, bool good, const char *title,
    const char *text);

void loopback_close(struct loopback **l);	/* NULL is fine */

#endif
