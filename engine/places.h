/*
 * places - where the special uses of an account are.
 *
 * By attribute (RFC 6154) or as the config says; a use that the store does
 * not have is empty.  May cost a turn of the network: ask once, and late.
 */
#ifndef TAMIS_PLACES_H
#define TAMIS_PLACES_H

#include "store.h"

/* The special uses of RFC 6154 that a rule may move or copy to. */
enum place_use {
	USE_ARCHIVE, USE_TRASH, USE_JUNK, USE_SENT, USE_DRAFTS, USE_ALL,
	USE_FLAGGED, USE_IMPORTANT, USE_COUNT
};
extern const char *const place_use_names[USE_COUNT];	/* "\\Archive" ... */

/* Where the places of one account are. */
struct place_names {
	struct str mailbox[USE_COUNT];	/* empty: there is none */
	bool allow_delete;
	bool labels_fold;	/* labels that differ in ASCII case alone are
				   one */
	bool gmail;		/* places are labels; see gmail.h */
};

/* Names live as long as the store.  Errors are those of the store. */
MUST_USE bool places_find(struct store *s, const struct account *account,
    struct place_names *out, struct err *e);

#endif
