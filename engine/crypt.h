/*
 * crypt - OpenPGP with the user's own keyring and agent, by GPGME.
 *
 * The one room that knows the library.  It never goes to the network: no key
 * is looked up.  What was encrypted is given out only after GnuPG has said
 * that all of it was there and unchanged: a message without MDC, one that
 * fails it, several in one and what is merely signed are refused, even where
 * the user's gpg.conf would let them pass.  So is AEAD (OCB, EAX): GnuPG
 * 2.2.40 calls such a message good that was cut or changed in its middle, and
 * gives out what stands before that.
 *
 * GnuPG asks its agent for the key, and the agent, if it has not kept the
 * passphrase, may ask a person; but only for that of a key.  Nobody is waited
 * for longer than `seconds`; after that nobody is asked again, since the same
 * window would open for every message.  With a passphrase command nobody is
 * asked at all.
 *
 * Life:   in the arena given to crypt_new, whose end wipes the passphrase;
 *         any number of calls from one thread.  Nothing is started before
 *         the first one; what it started ends with the call, but for the
 *         agent, which is the user's.
 * Errors: false, with the refusal in the verdict and a sentence; ERR_TEMP
 *         for SEAL_LATE and SEAL_TROUBLE, which may pass, else ERR_MESSAGE.
 *         A bad signature is a verdict and no error.
 */
#ifndef TAMIS_CRYPT_H
#define TAMIS_CRYPT_H

#include "seal.h"

struct crypt_settings {
	const char *home;	/* GNUPGHOME; NULL: the user's */
	const char *const *passphrase_command;	/* NULL: the agent asks */
	unsigned command_seconds;	/* it may take so long */
	unsigned seconds;	/* one operation may take; 0: 60 */
};

struct crypt;

/* SET and what it points to outlive it. */
struct crypt *crypt_new(struct arena *a, const struct crypt_settings *set);

/*
 * CIPHER is an OpenPGP message, armored or not.  PLAIN is initialised by the
 * caller, as a secret buffer; its maximum is the limit, and what was
 * compressed meets it while it is unpacked.  V lives in A and tells of the
 * signature inside, too.
 */
MUST_USE bool crypt_decrypt(struct crypt *c, struct arena *a,
    struct str cipher, struct buf *plain, struct seal_verdict *v,
    struct err *e);

/* A signature that stands beside what it signs (RFC 3156 section 5), which
 * must have its line ends as CRLF. */
MUST_USE bool crypt_verify(struct crypt *c, struct arena *a,
    struct str text, struct str signature, struct seal_verdict *v,
    struct err *e);

/* A text with its signature around it (RFC 4880 section 7).  TEXT is what is
 * signed. */
MUST_USE bool crypt_verify_clear(struct crypt *c, struct arena *a,
    struct str message, struct buf *text, struct seal_verdict *v,
    struct err *e);

/* GnuPG's version, its home and how many secret keys its agent has, on one
 * line; for doctor. */
MUST_USE bool crypt_describe(struct crypt *c, struct buf *out,
    size_t *keys_out, struct err *e);

#endif
