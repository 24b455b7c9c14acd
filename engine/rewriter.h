/*
 * rewriter - what rules want of a message's bytes, for the pipeline.
 *
 * Life:   results live in the arena given, or are borrowed.
 * Errors: those of transform.h; ERR_STATE, ERR_CONFIG: the token of decrypted
 *         messages cannot be had.
 */
#ifndef TAMIS_REWRITER_H
#define TAMIS_REWRITER_H

#include "replace.h"
#include "transform.h"

struct rewriter {
	struct arena *arena;		/* a run's */
	const struct account *account;
	struct decrypt *decrypt;	/* NULL: nothing to decrypt with */
	const char *state;		/* the account's folder */
	bool marked;			/* its own: decrypt has its token */
};

/* A transform_fn; CTX is a struct rewriter. */
MUST_USE bool rewriter_copy(void *ctx, struct arena *a,
    const struct replace_wish *wish, struct str bytes,
    struct str *header_out, struct str *body_out, struct err *e);

#endif
