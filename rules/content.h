/*
 * content - the fields that say what a part is: Content-Type, -Disposition,
 * -Transfer-Encoding (RFC 2045, 2183), with parameters in all the forms of
 * RFC 2231 and those that are met instead (encoded words, raw 8-bit, no
 * quotes, continuations out of order).
 *
 * Values are raw field values, folded or not; no more than
 * CONTENT_VALUE_MAX octets of them are read.  What comes out is valid UTF-8
 * without NUL, in the arena given.  Nothing fails.
 */
#ifndef TAMIS_CONTENT_H
#define TAMIS_CONTENT_H

#include "mime.h"

#define CONTENT_VALUE_MAX	(64 * 1024)
#define CONTENT_PARAMETERS_MAX	200	/* continuations count each */

struct content_type {
	struct str type;	/* lower case; "" if unreadable */
	struct str charset, boundary, name;	/* "" where missing */
	bool has_boundary;	/* it may be empty */
	bool flowed, delsp;	/* RFC 3676 */
	struct str protocol;	/* of multipart/signed and /encrypted */
	struct str smime_type;	/* RFC 8551 section 3.2.2 */
	bool protects_header;	/* RFC 9788 section 2.1.1, and older ways */
};
void content_type_read(struct arena *a, struct str value,
    struct content_type *t);

struct content_disposition {
	struct str kind;	/* lower case, e.g. "attachment"; "" if none */
	struct str filename;
};
void content_disposition_read(struct arena *a, struct str value,
    struct content_disposition *d);

enum mime_encoding content_encoding_read(struct str value);

#endif
