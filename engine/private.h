/*
 * private - files that nobody else can read: passwords, keys, tokens.
 *
 * Errors: ERR_CONFIG, with what to do about it.  No message holds anything
 *         that stands in the file.
 */
#ifndef TAMIS_PRIVATE_H
#define TAMIS_PRIVATE_H

#include "../rules/base.h"

/*
 * Appends the whole file to OUT, which the caller has initialised with its
 * maximum and wipes.  It must be a regular file, belong to the user or root,
 * and be readable by nobody else.  WHAT is in it, in messages: "password".
 */
MUST_USE bool private_read(const char *path, const char *what,
    struct buf *out, struct err *e);

/* The same with a last line end taken off, and without others: one line. */
MUST_USE bool private_read_line(const char *path, const char *what,
    struct buf *out, struct err *e);

/* Shortens OUT to N octets; the rest is wiped. */
void private_cut(struct buf *out, size_t n);

#endif
