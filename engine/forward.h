/*
 * forward - a message sent on to somebody, as it is.
 *
 * Resent fields stand in front of it (RFC 5322 section 3.6.6), and an X-Loop
 * field with the address, so that it is sent on to nobody twice: one that has
 * been there (X-Loop or Delivered-To name the address) or through too many
 * servers already is refused.
 *
 * Life:   one call.
 * Errors: *E is set unless it was sent.
 */
#ifndef TAMIS_FORWARD_H
#define TAMIS_FORWARD_H

#include "config.h"

#define FORWARD_HOPS_MAX	50	/* Received fields */

enum forward_end {
	FORWARD_SENT,
	FORWARD_LATER,		/* surely not sent; may work another time */
	FORWARD_REFUSED,	/* surely not sent, and never will be */
	FORWARD_UNSURE,		/* may have been sent */
};

/* C sends mail; M is all of BYTES. */
enum forward_end forward_mail(const struct channel *c, struct mail *m,
    struct str bytes, struct str to, int64_t now, struct err *e);

#endif
