/*
 * entity - MIME entities taken apart and put together, octet for octet.
 *
 * What is kept of a header is kept as it stands, folding, order and odd lines
 * included; line ends of what is put into a message become those of the
 * message.  Pure; no function fails.
 */
#ifndef TAMIS_ENTITY_H
#define TAMIS_ENTITY_H

#include "../rules/base.h"

/* A field of a header with its folded lines and its line end; or a line that
 * is no field, whose name is empty. */
struct entity_field {
	struct str whole, name;
};

/* The field at *AT, which is moved behind it.  False at the end of the
 * header, *AT being where the body begins then. */
bool entity_next(struct str bytes, size_t *at, struct entity_field *out);

/* The first field of this name. */
bool entity_find(struct str bytes, const char *name,
    struct entity_field *out);
/* What stands behind the colon. */
struct str entity_value(const struct entity_field *f);

/* Do its lines end in CRLF?  By the first one. */
bool entity_is_crlf(struct str bytes);
/* Appends S with all its line ends so, the last one there. */
void entity_add_lines(struct buf *out, struct str s, bool crlf);
const char *entity_eol(bool crlf);

/* Is it one field that says what the body is (Content-*)? */
bool entity_is_content(struct str name);

/* Is it an entity that says what it is: a header with a Content-Type that can
 * be read, and without fields that a CR hides in others?  No NUL anywhere. */
bool entity_is_valid(struct str bytes);

/*
 * Appends OUTER with the entity INNER in place of its own: all of its header
 * but what says what its body is, then what INNER says of that, then the body
 * of INNER.
 */
void entity_replace(struct str outer, struct str inner, bool crlf,
    struct buf *out);
/* Appends INNER as a part of a message: only what says what its body is, and
 * the body. */
void entity_add_part(struct str inner, bool crlf, struct buf *out);

/*
 * Appends a text/plain entity without any field but those that say so, its
 * body encoded if its lines are too long for mail.  TEXT is UTF-8.
 */
void entity_add_text(struct str text, struct buf *out);

#endif
