/*
 * deflate - a compressing stream laid over another one (RFC 4978), and
 * compressed octets that stand by themselves (RFC 1950).
 *
 * Raw DEFLATE both ways, flushed when the caller stops sending and starts
 * to receive or wait.  Laid once the server has said OK to COMPRESS.
 *
 * Life:   deflate_over; the new wire closes the one below with itself.  Both
 *         live in the arena given.
 * Errors: those of the wire below; ERR_PROTO when what comes is not DEFLATE.
 */
#ifndef TAMIS_DEFLATE_H
#define TAMIS_DEFLATE_H

#include "wire.h"

/* REST: octets that were received already and belong to the compressed
 * stream; copied.  False leaves BELOW as it is. */
MUST_USE bool deflate_over(struct arena *a, struct wire *below,
    struct str rest, struct wire **w_out, struct err *e);

/* Appends what the ZLIB data IN hold to OUT.  ERR_MESSAGE, with OUT as it
 * was, when they are damaged, cut, or hold more than OUT takes. */
MUST_USE bool deflate_unpack(struct str in, struct buf *out,
    struct err *e);

#endif
