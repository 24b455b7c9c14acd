/*
 * rewrite - header fields edited on the bytes of a message.
 *
 * An edit names fields; whatever it does not name stays byte for byte: order,
 * folding, odd spacing, line ends, lines that are no field.  What is written
 * goes through `field`, with the line ends of the message.
 *
 * Semantics are those of RFC 5293 where it has the same: a new field stands
 * before all others unless it is said to be the last, occurrences are counted
 * before values are compared, names have no case.
 *
 * Life:  an edit lives with the program but for the texts that were filled in
 *        (the verdict's); what comes out, in the arena given.
 * Limits: a header of more than REWRITE_HEADER_MAX octets is left alone.
 */
#ifndef TAMIS_REWRITE_H
#define TAMIS_REWRITE_H

#include "compile.h"

#define REWRITE_HEADER_MAX	(1024 * 1024)

enum edit_kind {
	EDIT_SET,	/* the field stands once, with `text` */
	EDIT_ADD,	/* it stands once more, unless `text` is there */
	EDIT_REMOVE,	/* occurrences go */
	EDIT_REPLACE,	/* what fits `pattern` in each becomes `with` */
	EDIT_MAP,	/* each value, or address, is looked up in `map` */
	EDIT_FIX,
};

/* What EDIT_FIX mends, in the order in which it does. */
enum fix {
	FIX_DUPLICATES = 1 << 0,
	FIX_ENCODING = 1 << 1,
	FIX_FROM = 1 << 2,
	FIX_DATE = 1 << 3,
	FIX_MESSAGE_ID = 1 << 4,
	FIX_REFERENCES = 1 << 5,
};

/* A list as edit_header reads it. */
struct edit_map {
	const struct list *list;
	bool addresses;
	/* Of addresses: entries that are no whole address and no domain, in
	 * file order. */
	struct edit_entry {
		size_t entry;
		enum test_part part;	/* ADDRESS, DOMAIN, NAME: of what */
		const struct pattern *pattern;	/* of a name a regex */
	} *others;
	size_t n_others;
};

struct header_edit {
	enum edit_kind kind;
	struct str field;		/* as its author spells it */
	struct str text;		/* SET, ADD */
	bool last;			/* ADD: behind all others; REMOVE:
					   `index` counts from the last */
	uint64_t index;			/* REMOVE: this one only; 0: any */
	const struct cond *only;	/* REMOVE: those that fit; or NULL */
	const struct pattern *pattern;
	const struct template *with;
	const struct edit_map *map;
	unsigned fixes;
	int64_t received;		/* FIX: TIME_NONE: not known */
	bool body_known;		/* FIX: the message is all there */
};

enum rewritten {
	REWRITTEN,		/* there is another header */
	REWRITTEN_SAME,		/* nothing changes */
	REWRITTEN_FAILS,	/* `why` */
	REWRITTEN_LIMIT,	/* a pattern met its limit: `why` */
	REWRITTEN_ASKS,		/* `ask`: RULES_ASK_BODY, _RECEIVED */
};

struct rewriting {
	struct str header;	/* the new one, empty line included */
	size_t body;		/* where the body begins in the old bytes */
	struct str *changed;	/* the names of the fields that did */
	size_t n_changed;
	struct str why;
	unsigned ask;
};

/* BYTES: a header, and its body where EDIT says that it is known. */
enum rewritten rewrite_header(struct arena *a,
    const struct header_edit *edit, struct str header, struct str body,
    struct rewriting *out);

/* Calls FIELD for each name that the edit may read or change. */
void rewrite_fields(const struct header_edit *edit,
    void (*field)(void *ctx, struct str name), void *ctx);

#endif
