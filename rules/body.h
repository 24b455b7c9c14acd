/*
 * body - the MIME structure of a message, its text and its attachments.
 *
 * The boundaries of RFC 2046 are found by one walk over the borrowed bytes,
 * with a stack of the open ones, so that depth and number of parts are
 * bounded (MAIL_PART_DEPTH_MAX, MAIL_PARTS_MAX) whatever the mail says and
 * no part is copied, but for an attached message that is encoded, which RFC
 * 2046 5.2.1 forbids: it is decoded first and walked on its own.  Parts are
 * decoded by `mime`, one at a time, when their text or size is asked for.
 *
 * `mail` is the face of it, and the one that calls these functions.
 *
 * Life:  in the arena given; borrows the bytes given.
 */
#ifndef TAMIS_BODY_H
#define TAMIS_BODY_H

#include "content.h"

#define MAIL_PART_DEPTH_MAX	50	/* nested MIME entities */
#define MAIL_PARTS_MAX		1000	/* MIME entities */
#define MAIL_ATTACHMENTS_MAX	2000	/* enclosed files included */
#define MAIL_PART_TEXT_MAX	(1024 * 1024)	/* decoded text of a part */
#define MAIL_TEXTS_MAX		(8 * 1024 * 1024)  /* of all parts, about */
#define MAIL_DECODED_MAX	(32 * 1024 * 1024) /* of attached messages */

/*
 * A piece of body text: a text part that is not in an attached message and
 * has no Content-Disposition of attachment (a mere file name hides no text
 * from a reader), decoded to UTF-8 with LF line ends; HTML as text (no
 * markup, comments, style, script; inline tags do not cut words; entities
 * decoded).
 */
struct body_text {
	struct str text;	/* at most MAIL_PART_TEXT_MAX octets */
	bool cut;		/* there is more behind it */
};

struct attachment {
	struct str name;	/* decoded file name (RFC 2231, 2047, raw) */
	struct str type;	/* lower case "type/subtype" */
	uint64_t size;		/* decoded octets */
	bool enclosed;		/* in a text: uuencode, yEnc */
};

/* An entity that is no multipart, as it stands in the message. */
struct body_part {
	struct str content;	/* borrowed, as it was sent */
	struct content_type type;
	struct str kind, filename;	/* of Content-Disposition */
	enum mime_encoding encoding;
	bool is_message;	/* message/rfc822, looked into */
	bool in_message;	/* belongs to an attached message */
};

#define BODY_NO_PART	SIZE_MAX

/* Any entity; those of a message in pre-order. */
struct body_node {
	/* Borrowed, with its header; of the top one what follows it.  Those
	 * of an attached message that is encoded are not in the message. */
	struct str entity;
	size_t parent;		/* an index; of the top one its own */
	size_t part;		/* index of body_parts; BODY_NO_PART for a
				   multipart */
	struct content_type type;
	bool in_message;	/* belongs to an attached message */
};

struct body;

/* Raw values of the fields that say how to read an entity; "" if missing. */
struct part_fields {
	struct str type, encoding, disposition;
};

/* BYTES is all that follows the header whose fields are TOP. */
struct body *body_make(struct arena *a, struct str bytes,
    const struct part_fields *top);

/* As the functions of mail.h of these names.  *CUT_OUT: a limit left parts
 * out. */
size_t body_texts(struct body *b, const struct body_text **list_out,
    bool *cut_out);
size_t body_attachments(struct body *b, const struct attachment **list_out,
    bool *cut_out);
size_t body_parts(const struct body *b, const struct body_part **list_out);
size_t body_nodes(const struct body *b, const struct body_node **list_out,
    bool *cut_out);
void body_counts(const struct body *b, size_t *nodes_out,
    size_t *leaves_out);

#endif
