/*
 * progress - how far long work has come, in one line of a terminal.
 *
 * Only on standard error, only if that is a terminal, and only for work that
 * takes longer than a second; it goes before anything else is written and
 * when the work ends, so that nothing of it stays.
 *
 * Life:   progress_allow once; progress_begin -> progress_step... ->
 *         progress_end.  There is one at a time in a process.
 * Errors: none; a terminal that takes nothing is left alone.
 */
#ifndef TAMIS_PROGRESS_H
#define TAMIS_PROGRESS_H

#include "../rules/base.h"

/* Not with -q, and not with -v, which tells what is done anyhow. */
void progress_allow(void);

/* TOTAL steps in ACCOUNT's (empty: no account's) MAILBOX. */
void progress_begin(struct str account, struct str mailbox, uint64_t total);
void progress_step(void);
void progress_end(void);

/* For who writes to a terminal: nothing of it stands there after this. */
void progress_hide(void);

/* The line: "INBOX: 20 of 4000, 5/s, 14 min left".  MS have passed. */
void progress_line(struct buf *b, struct str account, struct str mailbox,
    uint64_t done, uint64_t total, int64_t ms);

#endif
