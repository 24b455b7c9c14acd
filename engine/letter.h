/*
 * letter - a short mail of our own: one text, for a person.
 *
 * RFC 5322 and 2045, seven bits only: what is not ASCII stands in encoded
 * words and in base64.  It says that a program wrote it (RFC 3834), and that
 * it was this one, so that no letter is told of by another.
 */
#ifndef TAMIS_LETTER_H
#define TAMIS_LETTER_H

#include "../rules/base.h"

/* The field by which a letter of ours is known. */
#define LETTER_FIELD	"X-Tamis-Notify"

struct letter {
	struct str from;		/* an address */
	const char *const *to;		/* addresses, NULL at the end */
	struct str subject;		/* one line, UTF-8 */
	struct str text;		/* UTF-8, lines by LF */
	struct str rule;		/* for LETTER_FIELD */
	int64_t time;
};

/* A is for what is needed meanwhile. */
void letter_write(struct buf *out, struct arena *a, const struct letter *l);

/* Resent-From, -To, -Date and -Message-ID (RFC 5322 section 3.6.6), for a
 * message of these BYTES. */
void letter_add_resent(struct buf *out, struct arena *a, struct str from,
    struct str to, int64_t time, struct str bytes);

/* TEXT as the value of a field: encoded words where it needs them, folded
 * (RFC 2047 sections 2 and 5). */
void letter_add_words(struct buf *out, struct str text);

#endif
