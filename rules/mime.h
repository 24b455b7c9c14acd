/*
 * mime - what GMime and GLib do for us: transfer encodings,
 * internationalised host names, digests.
 *
 * The one room that knows these libraries.  (Quoted-printable is decoded
 * here too: GMime leaves soft line breaks with blanks behind them in the
 * text.)  Nothing fails; time is linear in the input.
 */
#ifndef TAMIS_MIME_H
#define TAMIS_MIME_H

#include "base.h"

enum mime_encoding {		/* of Content-Transfer-Encoding */
	MIME_IDENTITY,		/* 7bit, 8bit, binary, and what nobody knows */
	MIME_BASE64,
	MIME_QUOTED_PRINTABLE,
	MIME_UUENCODE,
};

/* Octets that RAW decodes to; in constant memory. */
uint64_t mime_decoded_size(struct str raw, enum mime_encoding encoding);

/* Appends the octets that RAW decodes to, until OUT is full. */
void mime_decode(struct str raw, enum mime_encoding encoding,
    struct buf *out);

/*
 * Appends RAW to OUT as UTF-8 text (see `charset`), line ends as they are,
 * until OUT is full; false if that left something out.  OUT then ends with
 * a whole character.
 */
bool mime_decode_text(struct str raw, enum mime_encoding encoding,
    struct str charset, struct buf *out);

/* Appends what the base64 text S stands for, padded or not. */
void mime_add_base64(struct str s, struct buf *out);

/* The octet that two hexadecimal digits at S[at] stand for, -1 if they are
 * not there. */
int mime_hex_byte(struct str s, size_t at);

/* A host name in UTF-8 as A-labels (RFC 5890) in lower case; a name that
 * cannot be one is only put in lower case. */
struct str mime_host_ascii(struct arena *a, struct str host);

/* A digest of the parts, one behind the other, in 40 hexadecimal digits: the
 * same whatever its line ends are. */
#define MIME_DIGEST	40
struct str mime_digest(struct arena *a, const struct str *parts, size_t n);

#endif
