/*
 * field - one header field: its value as people edit it, and such a text as
 * the octets that go into a message.
 *
 * Both ways keep what the value means.  A text that is written and read again
 * is the same text, and writing that one gives the same octets.
 *
 * Life:  results live in the arena given and may borrow what they are made
 *        of.  Time and memory are linear in the value.
 */
#ifndef TAMIS_FIELD_H
#define TAMIS_FIELD_H

#include "base.h"

#define FIELD_NAME_MAX	200		/* octets */
#define FIELD_VALUE_MAX	(64 * 1024)	/* octets of a text that is written */
#define FIELD_LINE_MAX	998		/* RFC 5322 2.1.1 */

enum field_kind {
	FIELD_TEXT,		/* unstructured, RFC 5322 2.2.1 */
	FIELD_ADDRESSES,	/* addresses, or a phrase before <...> */
	FIELD_PLAIN,		/* structured: ASCII, no encoded words */
};

enum field_kind field_kind(struct str name);

/* RFC 5322 2.2: printable ASCII but for the colon. */
bool field_name_ok(struct str name);

/*
 * The value of the field NAME for people: unfolded and trimmed; encoded words
 * and raw 8-bit are read as `mail` does, in a field of addresses only where a
 * name or comment stands, which is put in quotes if it needs them; a plain
 * one is left as it is.
 */
struct str field_text(struct arena *a, struct str name, struct str raw);

/*
 * TEXT as it goes into a field: one line of UTF-8 without outer space; what
 * could end a line or is a control becomes a blank.
 */
struct str field_clean(struct arena *a, struct str text);

/*
 * Adds the field to OUT: encoded words (RFC 2047, UTF-8) where letters beyond
 * ASCII or what looks like an encoded word makes them necessary, lines folded
 * where they pass 76 octets, each ended by EOL.  TEXT is clean.  False with a
 * clause in *WHY_OUT, and OUT is spoilt: it cannot stand in this field, or a
 * line would pass FIELD_LINE_MAX.
 */
MUST_USE bool field_write(struct buf *out, struct str name, struct str text,
    struct str eol, const char **why_out);

/* The next address in TEXT (of a field of addresses) from *AT on, as it stands
 * but for blanks around it; false behind the last.  The name of a group is
 * none. */
bool field_next_address(struct str text, size_t *at, struct str *out);

/* "Name <address>", the name in quotes if it needs them; not yet written. */
struct str field_mailbox(struct arena *a, struct str name,
    struct str address);

#endif
