/*
 * sasl - what a client says to prove who it is.
 *
 * PLAIN (RFC 4616), SCRAM-SHA-256 and SCRAM-SHA-1 (RFC 7677, 5802; without
 * channel binding), OAUTHBEARER (RFC 7628), XOAUTH2 (Google), EXTERNAL (RFC
 * 4422).  Bytes in, bytes out; the base64 that IMAP wants around them is here
 * too.
 *
 * Life:   sasl_make -> sasl_step for each challenge -> sasl_finish when the
 *         server has said OK -> sasl_wipe in any case.  Lives in the arena.
 * Owns:   what was derived from the secret, until sasl_wipe.  The secret
 *         itself is borrowed and is the caller's to wipe, as are the buffers
 *         that responses are put in.
 * Errors: ERR_AUTH when the server's proof is wrong, ERR_PROTO when a
 *         challenge cannot be read.
 *
 * User names and passwords are used as they are given; SASLprep (RFC 4013)
 * changes nothing in ASCII and is not applied to the rest.
 */
#ifndef TAMIS_SASL_H
#define TAMIS_SASL_H

#include "../rules/base.h"

/* Of PBKDF2 in SCRAM; RFC 7677 wants no fewer, and more would let a server
 * keep us busy. */
#define SASL_ITERATIONS_MIN	4096
#define SASL_ITERATIONS_MAX	2000000
#define SASL_MESSAGE_MAX	(256 * 1024)	/* octets of a response */

enum sasl_mechanism {
	SASL_PLAIN, SASL_SCRAM_SHA_1, SASL_SCRAM_SHA_256, SASL_OAUTHBEARER,
	SASL_XOAUTH2, SASL_EXTERNAL,
};

const char *sasl_name(enum sasl_mechanism m);

/* All borrowed until sasl_wipe. */
struct sasl_login {
	struct str user;
	struct str secret;	/* password or token */
	struct str host;	/* OAUTHBEARER */
	unsigned port;
	struct str nonce;	/* SCRAM; empty: random.  For tests. */
};

struct sasl;

struct sasl *sasl_make(struct arena *a, enum sasl_mechanism m,
    const struct sasl_login *login);

/*
 * The answer to CHALLENGE, appended to RESPONSE.  The first call is the
 * initial response, with an empty challenge.  After a server's last word in a
 * challenge (SCRAM's proof, an OAuth error) it is what closes the exchange.
 */
MUST_USE bool sasl_step(struct sasl *s, struct str challenge,
    struct buf *response, struct err *e);

/* The server said OK: has it proved itself where the mechanism wants that? */
MUST_USE bool sasl_finish(const struct sasl *s, struct err *e);

/* What an OAuth server gave as its reason (JSON); empty: nothing. */
struct str sasl_reason(const struct sasl *s);

void sasl_wipe(struct sasl *s);		/* NULL is fine */

void sasl_base64(struct str in, struct buf *out);
/* Strict, padding needed.  False: not base64. */
MUST_USE bool sasl_unbase64(struct str in, struct buf *out);

#endif
