/*
 * identity - one message known again without its UID.
 *
 * A UID holds only as long as its UIDVALIDITY.  After a change of that, and
 * when looking for a copy that may have landed in another mailbox, a message
 * is known by 16 octets of SHA-256 over what no server changes: the raw
 * values of Message-ID, Date, From and Subject (their first occurrence, white
 * space squeezed) and RFC822.SIZE.  Two deliveries of the very same bytes
 * have the same identity; where that matters their UIDs tell them apart.
 */
#ifndef TAMIS_IDENTITY_H
#define TAMIS_IDENTITY_H

#include "../rules/mail.h"
#include "store.h"

/* The header fields it needs, for a fetch. */
extern const struct str identity_fields[];
#define IDENTITY_FIELDS_N	4

/* MAIL must know identity_fields.  message_id is copied into A. */
void identity_of(struct arena *a, struct mail *m, uint64_t size,
    struct identity *out);
/* Of a message that a store gave: Gmail's own where it has one.  False: too
 * little of it is known.  M may be NULL. */
bool identity_of_fetched(struct arena *a, const struct fetched *f,
    struct mail *m, struct identity *out);
bool identity_eq(const struct identity *x, const struct identity *y);

#endif
