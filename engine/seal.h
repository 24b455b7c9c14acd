/*
 * seal - what became of something encrypted or signed, however it was sealed:
 * the words that `crypt` (OpenPGP), `smime` and `decrypt` share.
 */
#ifndef TAMIS_SEAL_H
#define TAMIS_SEAL_H

#include "../rules/base.h"

/* Why it is not opened.  One sentence for people goes with it. */
enum seal_refusal {
	SEAL_OPENED,		/* it is */
	SEAL_NO_KEY,		/* it is for none of our keys */
	SEAL_PASSPHRASE,	/* it was wrong, or nobody could be asked */
	SEAL_LATE,		/* the key's keeper did not answer in time */
	SEAL_NO_INTEGRITY,	/* nothing shows that nobody changed it */
	SEAL_MODIFIED,		/* damaged, or changed on its way */
	SEAL_UNREADABLE,	/* it is not what it says it is */
	SEAL_UNSAFE_PLACE,	/* in company of what could carry it off */
	SEAL_OVER_LIMIT,
	SEAL_UNSUPPORTED,	/* an algorithm that we do not have */
	SEAL_TROUBLE,		/* our side does not work: no fault of it */
};

/* Behind the first from worst to best: of several the least one counts. */
enum seal_signature {
	SEAL_UNSIGNED,
	SEAL_BAD,		/* it does not fit what it should sign */
	SEAL_REVOKED,		/* good, of a key that was called back */
	SEAL_EXPIRED,		/* good, but it or its key has run out */
	SEAL_UNKNOWN_KEY,	/* by a key that we do not have */
	SEAL_UNTRUSTED,		/* good, by nobody knows whom */
	SEAL_GOOD,		/* and the key is valid for `addresses` */
};

/* Lives in the arena given for it. */
struct seal_verdict {
	enum seal_refusal refusal;
	const char *cipher;	/* "AES256"; NULL: nothing was encrypted */
	const char *integrity;	/* "MDC" */
	enum seal_signature signature;
	const char *signer;	/* the key's fingerprint; NULL: none */
	const struct str *addresses;	/* of the signer, as far as valid */
	size_t n_addresses;
};

#endif
