/*
 * sealed - where in a message something is encrypted or signed, and whether
 * what is in it could take its place.
 *
 * Structure only: nothing is decrypted or verified here.  PGP/MIME (RFC 3156)
 * as it should be and as gateways leave it, armor in a text (RFC 4880 section
 * 6.2 and 7), S/MIME (RFC 8551) by its types, by the name of its file and by
 * what its octets say.  Attached messages are not looked into.
 *
 * Place: what was encrypted must not be put where a stranger's HTML or images
 * stand around it and may carry it off (EFAIL).  So it is the whole message,
 * or all that stands beside it on the way up is text/plain, or it is an
 * armored block in such a text.  A signature around it does no harm.
 *
 * Life: in the arena given; borrows the octets of the message.
 */
#ifndef TAMIS_SEALED_H
#define TAMIS_SEALED_H

#include "body.h"

#define SEALED_TEXT_MAX		(32 * 1024 * 1024)  /* octets of one text */
#define SEALED_BLOCKS_MAX	20	/* armored blocks of one text */

enum sealed_kind {
	SEALED_PGP_ENCRYPTED,		/* multipart/encrypted */
	SEALED_PGP_SIGNED,		/* multipart/signed */
	SEALED_PGP_TEXT,		/* armor in a text */
	SEALED_PGP_TEXT_SIGNED,
	SEALED_SMIME_ENCRYPTED,		/* (auth)enveloped-data */
	SEALED_SMIME_OPAQUE,		/* signed-data, the text inside */
	SEALED_SMIME_SIGNED,		/* multipart/signed */
	SEALED_NOT,
};
#define SEALED_BIT(kind)	(1u << (kind))

enum sealed_place {
	SEALED_SAFE,
	SEALED_BESIDE_OTHERS,	/* not only text/plain */
	SEALED_SEVERAL,		/* things that are encrypted */
	SEALED_INCOMPLETE,	/* a part that belongs to it is missing */
};

/* One layer, the outermost that has to be opened. */
struct sealed_layer {
	enum sealed_kind kind;
	enum sealed_place place;
	bool is_root;		/* the header is that of the message */
	/* An entity with its header, which what is inside replaces; where it
	 * is the root, all that follows the header. */
	struct str whole;
	/* Encrypted or opaque: what to open; signed: the signature; a text:
	 * the text. */
	struct str data;
	enum mime_encoding encoding;	/* of data */
	/* Signed: the entity that is.  Of a text: its charset. */
	struct str text, charset;
};

struct sealed {
	unsigned kinds;		/* SEALED_BIT: of all that is there */
	bool cut;		/* a limit: there may be more */
	/* On the way to what is encrypted, SEALED_NOT if nothing is; else the
	 * signature of the whole message. */
	struct sealed_layer layer;
};

void sealed_read(struct arena *a, const struct body *b, struct sealed *out);

/* What the Content-Type of the header alone says: kinds that are there for
 * sure, and those that may be. */
void sealed_of_header(const struct content_type *type, unsigned *sure_out,
    unsigned *maybe_out);

/* An armored block in a text, from the first octet of its first line to the
 * last of its last one. */
struct sealed_block {
	size_t from, end;
	bool is_signed;		/* "SIGNED MESSAGE"; else "MESSAGE" */
};
/* The first at or behind *AT, which is moved behind it. */
bool sealed_next_block(struct str text, size_t *at,
    struct sealed_block *out);

#endif
