/*
 * transform - what the steps that rewrite a message make of its bytes.
 *
 * Header edits are done by the language (rules.h), programs by `pipe`,
 * decryption by `decrypt`.  All of them or none: a step that cannot be done
 * leaves the message as it was.
 *
 * Life:   what comes out lies in the arena given, or is borrowed.
 * Errors: ERR_MESSAGE: a step cannot be done; ERR_TEMP: not now; those of
 *         pipe_message.
 */
#ifndef TAMIS_TRANSFORM_H
#define TAMIS_TRANSFORM_H

#include "decrypt.h"
#include "pipe.h"

struct transform {
	uint64_t limit;			/* octets of a message */
	struct decrypt *decrypt;	/* NULL: there is nothing to decrypt
					   with */
};

/* A PIPE or DECRYPT step.  OUT is initialised by the caller as a secret
 * buffer. */
MUST_USE bool transform_step(const struct transform *t,
    const struct rewrite *step, const struct program_message *m,
    struct buf *out, struct err *e);

/* All of STEPS on BYTES of the message FACTS tells of: HEADER (with its empty
 * line) and BODY. */
MUST_USE bool transform_message(const struct transform *t, struct arena *a,
    const struct rewrite *steps, size_t n, const struct facts *facts,
    struct str bytes, struct str *header_out, struct str *body_out,
    struct err *e);

/* HEADER and BODY as one; they mostly lie so. */
struct str transform_joined(struct arena *a, struct str header,
    struct str body);

#endif
