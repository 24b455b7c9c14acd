/*
 * oauth - what OAuth 2.0 says, without the network that carries it.
 *
 * RFC 6749 (code grant, refresh), 7636 (PKCE, S256 only), 8252 (loopback
 * redirect), 8628 (device grant).  The addresses, the forms that are posted,
 * and what the answers mean.  Pure: chance and time are given by the caller.
 *
 * Life:   everything lives in the arena given, but for the buffers that
 *         hold secrets: the caller initialises those and wipes them.
 * Errors: the kind says what to do, the text which of client, consent and
 *         token is wrong: ERR_CONFIG the client (what the config says of
 *         it), ERR_AUTH the consent, ERR_TEMP a provider in trouble,
 *         ERR_PROTO an answer that makes no sense.
 *
 * Answers are JSON by jansson, which wipes here what it frees.
 */
#ifndef TAMIS_OAUTH_H
#define TAMIS_OAUTH_H

#include "../rules/base.h"

#define OAUTH_TOKEN_MAX	(16 * 1024)	/* octets of a token or code */
#define OAUTH_ANSWER_MAX	(60 * 1024)	/* octets of an answer */
#define OAUTH_FORM_MAX	(60 * 1024)
#define OAUTH_CHANCE	56	/* octets of chance in a request */

/* ------------------------------------------------------------- clients */

/* As `auth` of the config says; NULL: nothing.  Borrowed. */
struct oauth_client {
	const char *account;	/* its name, for messages */
	const char *user;	/* whose consent is wanted */
	const char *provider;	/* a name of oauth_providers */
	const char *client_id, *client_secret_file;
	const char *scope;	/* separated by blanks */
	const char *tenant;	/* Microsoft's */
	const char *authorization_endpoint, *token_endpoint;
	const char *device_endpoint;
	const char *ca_file;	/* for the endpoints */
};

/* "google, microsoft, other" */
const char *oauth_providers(void);
bool oauth_provider_known(const char *name);
bool oauth_has_tenant(const char *provider);
/* Puts in what the provider is known for and the config leaves out. */
void oauth_complete(struct arena *a, struct oauth_client *c);
/* Why there is no device_endpoint. */
const char *oauth_no_device(const struct oauth_client *c);

/* ------------------------------------------------------- a code's way */

/* A question for consent.  Its parts are worth something only together and
 * once; all live in the arena. */
struct oauth_request {
	const struct oauth_client *client;
	struct str redirect;	/* where the browser is sent back to */
	struct str state, verifier;
	struct str address;	/* to open in a browser */
};

void oauth_ask(struct arena *a, const struct oauth_client *c, unsigned port,
    const unsigned char chance[OAUTH_CHANCE], struct oauth_request *out);

/* RFC 7636 section 4.2: S256. */
struct str oauth_challenge(struct arena *a, struct str verifier);

/* What the browser brought back. */
enum oauth_return {
	OAUTH_CODE,		/* *CODE_OUT */
	OAUTH_DENIED,		/* the provider says no: *e */
	OAUTH_STRANGE,		/* no answer to this request; go on waiting */
};
/* ADDRESS: of the redirect, whole or from "?" on. */
enum oauth_return oauth_returned(struct arena *a,
    const struct oauth_request *r, struct str address,
    struct str *code_out, struct err *e);

/* --------------------------------------------------------------- forms */

/* application/x-www-form-urlencoded.  SECRET is the client's; empty: it has
 * none. */
void oauth_form_code(struct buf *out, const struct oauth_client *c,
    struct str secret, const struct oauth_request *r, struct str code);
void oauth_form_refresh(struct buf *out, const struct oauth_client *c,
    struct str secret, struct str refresh_token);
void oauth_form_device(struct buf *out, const struct oauth_client *c);
void oauth_form_poll(struct buf *out, const struct oauth_client *c,
    struct str secret, struct str device_code);

/* ------------------------------------------------------------- answers */

struct oauth_tokens {
	struct buf access;
	struct buf refresh;	/* empty: none was given */
	int64_t lasts;		/* seconds; 0: not said */
	struct str missing;	/* of the scope, what was not granted; in the
				   arena */
};
void oauth_tokens_init(struct oauth_tokens *t);
void oauth_tokens_wipe(struct oauth_tokens *t);

enum oauth_answer {
	OAUTH_GOOD,
	OAUTH_PENDING,		/* poll again */
	OAUTH_SLOW_DOWN,	/* poll again, 5 seconds later each time */
	OAUTH_BAD,		/* *e */
};
enum oauth_answer oauth_read_tokens(struct arena *a,
    const struct oauth_client *c, unsigned status, struct str body,
    struct oauth_tokens *out, struct err *e);

/* RFC 8628 section 3.2. */
struct oauth_device {
	struct buf device_code;	/* a secret: as those of struct tokens */
	struct str user_code, address;
	struct str complete;	/* the address with the code; may be empty */
	unsigned interval;	/* seconds between two polls */
	int64_t lasts;		/* seconds */
};
void oauth_device_init(struct oauth_device *d);
void oauth_device_wipe(struct oauth_device *d);
MUST_USE bool oauth_read_device(struct arena *a,
    const struct oauth_client *c, unsigned status, struct str body,
    struct oauth_device *out, struct err *e);

#endif
