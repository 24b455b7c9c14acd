/*
 * places - where the special uses of an account are.
 *
 * By attribute (RFC 6154) or as the config says; a use that the store does
 * not have is empty.  May cost a turn of the network: ask once, and late.
 */
#ifndef TAMIS_PLACES_H
#define TAMIS_PLACES_H

#include "config.h"
#include "plan.h"

/* Names live as long as the store.  Errors are those of the store. */
MUST_USE bool places_find(struct store *s, const struct account *account,
    struct place_names *out, struct err *e);

#endif
