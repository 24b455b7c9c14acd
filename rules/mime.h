/*
 * mime - what GMime and GLib do for us: charsets, encoded words, parameters,
 * transfer encodings, internationalised host names.
 *
 * The one room that knows these libraries.  All text that comes out is valid
 * UTF-8 without NUL: what cannot be read becomes U+FFFD.  Nothing fails;
 * time and memory are linear in the input, and the callers bound that.
 *
 * Charsets are read as what is meant rather than what is said: gb2312 as
 * GB18030, iso-8859-1 as windows-1252 and so on.  Bytes without a (known)
 * charset, and 8-bit us-ascii, are UTF-8 if they are valid UTF-8, else
 * windows-1252.
 *
 * Life:  results live in the arena given.  GMime's own tables are made on
 *        first use and stay.
 */
#ifndef TAMIS_MIME_H
#define TAMIS_MIME_H

#include "base.h"

#define MIME_VALUE_MAX	(64 * 1024)	/* octets of a Content-* field read */

/* ---------------------------------------------------------- header text */

/*
 * Unfolded header text with its encoded words (RFC 2047) decoded, wherever
 * they stand: white space between two of them goes, words of one charset
 * are joined before they are converted (a character may be cut in two), a
 * language suffix (RFC 2231) is ignored, base64 may lack its padding.  A
 * word of an unknown charset stays as written.  Line ends and NUL that come
 * out of words are blanks and U+FFFD.
 */
struct str mime_decode_words(struct arena *a, struct str s);

/* Length of the encoded word that begins at S[at], 0 if none does. */
size_t mime_word_length(struct str s, size_t at);

/* Bytes of no declared charset as text. */
struct str mime_raw_text(struct arena *a, struct str s);

/* Is S printable as it is: ASCII without NUL, line ends or "=?"? */
bool mime_is_plain(struct str s);

/* A host name in UTF-8 as A-labels (RFC 5890) in lower case; a name that
 * cannot be one is only put in lower case. */
struct str mime_host_ascii(struct arena *a, struct str host);

/* ------------------------------------------------------- Content-* fields */

struct mime_type {
	struct str type;	/* lower case; "" if unreadable */
	struct str charset, boundary, name;	/* "" where missing */
	bool has_boundary;	/* it may be empty */
	bool flowed, delsp;	/* RFC 3676 */
};
/* VALUE is the raw field value (RFC 2045 5.1, RFC 2231, and worse). */
void mime_type_read(struct arena *a, struct str value, struct mime_type *t);

struct mime_disposition {
	struct str kind;	/* lower case, e.g. "attachment"; "" if none */
	struct str filename;
};
void mime_disposition_read(struct arena *a, struct str value,
    struct mime_disposition *d);

enum mime_encoding {
	MIME_IDENTITY,		/* 7bit, 8bit, binary, and what nobody knows */
	MIME_BASE64,
	MIME_QUOTED_PRINTABLE,
	MIME_UUENCODE,
};
enum mime_encoding mime_encoding_read(struct str value);

/* ------------------------------------------------------------ part bodies */

/* Octets that RAW decodes to; in constant memory. */
uint64_t mime_decoded_size(struct str raw, enum mime_encoding encoding);

/*
 * Appends RAW to OUT as UTF-8 text, line ends as they are, until OUT is
 * full; false if that left something out.  OUT then ends with a whole
 * character.
 */
bool mime_decode_text(struct str raw, enum mime_encoding encoding,
    struct str charset, struct buf *out);

#endif
