/*
 * accounts - what commands over accounts share: opening one's store, and
 * doing several side by side.
 *
 * Each account of several is a process of its own, so that one that hangs,
 * fails or falls over does not touch the others; what it prints is kept
 * apart and shown when it ends, in the order of the accounts.  A single
 * account is done in place.
 */
#ifndef TAMIS_ACCOUNTS_H
#define TAMIS_ACCOUNTS_H

#include "command.h"

/* Connects, with a few tries and growing pauses where the trouble may pass
 * (ERR_TEMP).  J gives a Maildir its UIDs; see store_maildir_open. */
MUST_USE bool accounts_open_store(struct arena *a,
    const struct account *account, struct journal *j, struct store **s_out,
    struct err *e);

/* From an account to an exit code; says itself what went wrong. */
typedef int account_fn(struct command_context *c,
    const struct config *config, const struct account *account);

/* FN for each of LIST; the worst exit code. */
int accounts_each(struct command_context *c, const struct config *config,
    const struct account **list, size_t n, account_fn *fn);

#endif
