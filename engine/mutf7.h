/*
 * mutf7 - mailbox names in modified UTF-7 (RFC 3501 section 5.1.3).
 *
 * Strict both ways: what is not the one right spelling of a name is refused,
 * so that two spellings never name one mailbox.
 *
 * Life: results live in the arena given.
 */
#ifndef TAMIS_MUTF7_H
#define TAMIS_MUTF7_H

#include "../rules/base.h"

#define MUTF7_MAX	65536	/* octets of a name, on either side */

/*
 * False: octets outside 0x20 to 0x7E, broken or badly padded base64, a
 * surrogate alone, printable ASCII in base64, a shift where none is needed,
 * NUL, or longer than MUTF7_MAX.
 */
MUST_USE bool mutf7_decode(struct arena *a, struct str wire,
    struct str *utf8_out);

/* False: bad UTF-8, NUL, or longer than MUTF7_MAX. */
MUST_USE bool mutf7_encode(struct arena *a, struct str utf8,
    struct str *wire_out);

/*
 * The same coding where fewer characters stand for themselves (keyword):
 * PLAIN tells which of ASCII do; with FIRST the first one does not, whatever
 * it is.  False: bad UTF-8 or NUL.  Length is OUT's business.
 */
typedef bool mutf7_plain(uint32_t cp);
MUST_USE bool mutf7_encode_for(mutf7_plain *plain, bool first,
    struct str utf8, struct buf *out);

/* Reads also what stands in base64 without need; who cares encodes it again
 * and compares. */
MUST_USE bool mutf7_decode_any(struct str wire, struct buf *out);

#endif
