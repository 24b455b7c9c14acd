/*
 * replace_copy - the bytes of a copy that takes a message's place.
 *
 * What rules made of the message becomes what can be uploaded: lines that
 * end as the store wants them, the last one too, no NUL, and a field
 * (NONCE_FIELD) that names the replacement and the hash of the original, in
 * the place of one from an earlier replacement.  No other octet changes.
 * The same input gives the same bytes.
 *
 * For a server that takes the copy for a message that it has there are
 * variants, which change one field more.
 *
 * Life:   results live in the arena given, and borrow what was given.
 * Errors: ERR_MESSAGE: the message cannot be uploaded.
 */
#ifndef TAMIS_REPLACE_COPY_H
#define TAMIS_REPLACE_COPY_H

#include "config.h"
#include "replacement.h"

/* A text in pieces. */
#define COPY_PARTS_MAX	4
struct copy_text {
	struct str parts[COPY_PARTS_MAX];
	size_t n;
};

/*
 * HEADER (with its empty line) and BODY as the rules left them.  CRLF: all
 * lines end so; else they end as they do, and new ones as the first does.
 */
MUST_USE bool copy_make(struct arena *a, struct str header, struct str body,
    bool crlf, const char *nonce, const uint8_t original[DIGEST_SIZE],
    struct copy_text *out, struct err *e);

/*
 * COPY, which copy_make made, with a Date SECONDS later (SWALLOWED_DATE)
 * or with a Message-ID made of NONCE and the old one in References
 * (SWALLOWED_NEW_ID).  False: it has no Date that can be read.
 */
MUST_USE bool copy_vary(struct arena *a, struct str copy,
    enum on_swallowed how, int64_t seconds, const char *nonce,
    struct copy_text *out);

/* The nonce that a value of NONCE_FIELD tells; empty: none. */
struct str copy_nonce(struct str value);

#endif
