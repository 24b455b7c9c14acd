/*
 * token - the OAuth 2.0 tokens of an account: kept, and refreshed in time.
 *
 * They lie in `token` in the account's state folder, 0600, put there whole
 * or not at all.  A provider may give another refresh token each time and
 * take the old one for stolen when it sees it again (RFC 9700 section
 * 4.14.2); so one process at a time refreshes (`token.lock`), room for the
 * new file is made before the question, and what comes is on disk before it
 * is used, in a dry run, too.
 *
 * Life:   a call each; nothing is kept in memory.
 * Errors: those of oauth and http; ERR_AUTH also when there is no consent
 *         for what the config says now; ERR_STATE: it cannot be stored;
 *         ERR_TEMP: somebody else is refreshing and does not end.
 */
#ifndef TAMIS_TOKEN_H
#define TAMIS_TOKEN_H

#include "config.h"
#include "oauth.h"

/*
 * Appends an access token that is good for a while yet to OUT, which the
 * caller wipes.  REFUSED: one that a server has refused and that is not to
 * be given again; may be empty.
 */
MUST_USE bool token_get(const struct account *account, struct str refused,
    struct buf *out, struct err *e);

/* After a consent, in place of what was there.  Makes the state folder. */
MUST_USE bool token_store(const struct account *account,
    const struct oauth_tokens *t, struct err *e);

/* ------------------------------------------- for whoever asks consent */

/* Appends the client's secret, if it has one, to OUT. */
MUST_USE bool token_client_secret(const struct account *account,
    struct buf *out, struct err *e);

/* Posts FORM to the token endpoint and reads the answer. */
enum oauth_answer token_ask(struct arena *a, const struct account *account,
    struct str form, struct oauth_tokens *out, struct err *e);

/* The same to the device endpoint. */
MUST_USE bool token_ask_device(struct arena *a,
    const struct account *account, struct oauth_device *out,
    struct err *e);

#endif
