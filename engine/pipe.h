/*
 * pipe - a program that prints a message anew.
 *
 * It has the message on standard input and sees what program.h says.  What it
 * prints is taken only if it ended well and in time, and printed a message:
 * fields from the first line on, and no NUL.
 *
 * Errors: ERR_MESSAGE: it failed, or printed something else; ERR_TEMP: it was
 *         late, or says itself that it may work later (EX_TEMPFAIL of
 *         sysexits.h); what child_run says of one that cannot be started.
 */
#ifndef TAMIS_PIPE_H
#define TAMIS_PIPE_H

#include "program.h"

/* STEP is a REWRITE_PIPE.  OUT is initialised by the caller; its maximum is
 * the limit. */
MUST_USE bool pipe_message(const struct rewrite *step,
    const struct program_message *m, struct buf *out, struct err *e);

#endif
