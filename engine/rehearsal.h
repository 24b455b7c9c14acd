/*
 * rehearsal - the commands that a plan would send, without a server.
 *
 * The IMAP store itself, over a wire whose other end says OK to everything:
 * what it is sent is what a server would be sent.  That end is Gmail if the
 * account's host is, else a server with UIDPLUS and MOVE, and its mailboxes
 * all exist; a real one may be asked for less (what is so already) or
 * otherwise (a MOVE as COPY and EXPUNGE).
 *
 * Life: open -> plan* -> close.
 */
#ifndef TAMIS_REHEARSAL_H
#define TAMIS_REHEARSAL_H

#include "plan.h"

struct rehearsal;

/* ACCOUNT says what labels are and where the special uses lie; of any kind.
 * Fails only where the store does. */
MUST_USE bool rehearsal_open(struct arena *a, const struct account *account,
    struct rehearsal **out, struct err *e);
const struct place_names *rehearsal_places(const struct rehearsal *r);
/*
 * The command lines for the ops of P, whose messages are in MAILBOX, without
 * tag and line end, in arena A; "{5+} text" is a literal.
 */
MUST_USE bool rehearsal_plan(struct rehearsal *r, struct arena *a,
    struct str mailbox, struct plan *p, struct str **lines_out,
    size_t *n_out, struct err *e);
void rehearsal_close(struct rehearsal **r);

#endif
