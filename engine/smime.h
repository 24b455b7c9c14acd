/*
 * smime - S/MIME objects (RFC 8551): decrypted, verified, unpacked.
 *
 * Works on CMS objects (RFC 5652) in BER or DER, as they stand in an
 * application/pkcs7-mime or pkcs7-signature part after its transfer
 * encoding is taken off.  Finding those parts in a message, and going into
 * what was decrypted, is for the caller; so is which field is the author's.
 *
 * Life:   smime_make -> any of the functions -> smime_wipe.  Keys and CAs
 *         are read when they are first needed, and once; a failure is kept.
 *         So no passphrase is asked for where nothing is to be decrypted.
 * Owns:   the keys, until smime_wipe.
 * Errors: ERR_MESSAGE where the object is at fault, ERR_CONFIG for files of
 *         keys and certificates, ERR_TEMP when the passphrase command
 *         failed.  OUT is as it was, then.
 * Limits: the SMIME_* below, before anything is parsed as far as can be; and
 *         the maximum of OUT.
 *
 * No network: certificates and revocation lists are never fetched, so a
 * revoked certificate counts as any other (RFC 8550 section 4.2 wants more).
 */
#ifndef TAMIS_SMIME_H
#define TAMIS_SMIME_H

#include "config.h"
#include "seal.h"

#define SMIME_OBJECT_MAX	(64 * 1024 * 1024)	/* octets */
#define SMIME_ELEMENTS_MAX	500000	/* ASN.1 elements of an object */
#define SMIME_CERTIFICATES_MAX	100	/* in an object */
#define SMIME_SIGNERS_MAX	16	/* of an object */
#define SMIME_KEYS_MAX		64	/* of an account, old ones too */
#define SMIME_FILE_MAX		(1024 * 1024)	/* octets of keys */

/* By the content type, which counts more than a parameter of the part. */
enum smime_kind {
	SMIME_OTHER,		/* no CMS object, or one that is not for mail */
	SMIME_SIGNED,		/* signed-data; certs-only too */
	SMIME_ENVELOPED,	/* enveloped-data, authEnveloped-data */
	SMIME_COMPRESSED,	/* compressed-data (RFC 3274) */
};
enum smime_kind smime_kind(struct str object);

struct smime;

/* ACCOUNT is borrowed; without `smime` it has no keys, and the CAs are the
 * system's.  NOW: what certificates and signing times are compared with. */
struct smime *smime_make(struct arena *a, const struct account *account,
    int64_t now);
void smime_wipe(struct smime *s);	/* NULL is fine */

/* Whose keys there are and until when they are certified, a line each, for
 * doctor.  Reads them; errors are those of decryption. */
MUST_USE bool smime_describe(struct smime *s, struct arena *a,
    struct buf *out, struct err *e);

/* ----------------------------------------------------------- decryption */

struct smime_opened {
	enum seal_refusal refusal;	/* SEAL_OPENED when it is */
	bool authenticated;	/* AES-GCM in authEnveloped-data: as it was
				   encrypted, though nobody knows by whom.
				   False (CBC): anybody on the way can have
				   changed it, unseen */
	char cipher[32];	/* "AES-128-CBC" */
};

/*
 * Appends the plaintext, a MIME entity, to OUT.  Only for recipients that
 * are named by a certificate of ours: RSA (PKCS #1, OAEP) and ECDH.
 *
 * A key that does not fit, an RSA padding that is wrong and a plaintext that
 * is no MIME entity give one and the same error: what differs there tells an
 * attacker who may send us messages about the key (RFC 3218).  OpenSSL goes
 * on with a random content key in such cases, so that one garbled message in
 * 256 "decrypts" in CBC; the look at the plaintext finds those.
 */
MUST_USE bool smime_decrypt(struct smime *s, struct str object,
    struct buf *out, struct smime_opened *opened_out, struct err *e);

/* ----------------------------------------------------------- signatures */

enum smime_state {
	SMIME_GOOD,		/* none of the others: by `addresses` */
	SMIME_CHANGED,		/* what is there is not what was signed */
	SMIME_NO_CERTIFICATE,	/* the signer's is not in the object */
	SMIME_WEAK,		/* MD5, SHA-1, keys below 80 bits of strength */
	SMIME_UNKNOWN_CA,
	SMIME_EXPIRED,		/* or not yet valid, when it was signed */
	SMIME_FUTURE,		/* signed later than now */
	SMIME_PURPOSE,		/* a certificate that is not for mail */
	SMIME_BAD_CHAIN,	/* anything else about the certificates */
};

struct smime_signature {
	enum smime_state state;
	/* SMIME_GOOD: those of the certificate, each local@domain with the
	 * domain as a `struct address` has it.  Perhaps none. */
	struct str *addresses;
	size_t n_addresses;
	struct str signer;	/* the certificate's address, else its name;
				   empty: not known.  Shown already. */
	int64_t signed_at;	/* as the signer says; TIME_NONE: not said */
	struct str why;		/* for a sentence, "" with SMIME_GOOD:
				   "its CA is not known: CN = Some CA" */
};

/*
 * The signature of OBJECT; what is found lives in A.  CONTENT: what was
 * signed, for multipart/signed (the first part with its header, without the
 * line end before the boundary), with any line ends; NULL for an object that
 * holds its content, which is then appended to OUT, unless the state is
 * SMIME_CHANGED or SMIME_NO_CERTIFICATE.
 *
 * Certificates are judged at the time the signer says, since mail is read
 * years later; at `now` if none is said, or one to come.  Several signers:
 * all signatures must fit; of the rest the good ones count.
 */
MUST_USE bool smime_verify(struct smime *s, struct arena *a,
    struct str object, const struct str *content, struct buf *out,
    struct smime_signature *signature_out, struct err *e);

/* Good, and of ADDRESS (as of a `struct address`)?  RFC 8550 section 3 wants
 * that of From; upper and lower case are the same, as everybody takes
 * them. */
bool smime_is_by(const struct smime_signature *signature,
    struct str address);

/* A word for a state, for reports: "good", "unknown-ca". */
const char *smime_state_word(enum smime_state state);

/* ---------------------------------------------------------- the policy */

/*
 * May what was decrypted take the place of the encrypted part?  IS_SIGNED: it
 * is signed, inside, by the one address in From (smime_is_by); HTML: it
 * holds text/html.  Without authentication only what is signed may, or, if
 * the account says `cbc: allow`, what has no HTML that could carry the text
 * away (EFAIL).  ERR_MESSAGE, with what to do.
 */
MUST_USE bool smime_policy(const struct smime *s,
    const struct smime_opened *opened, bool is_signed, bool html,
    struct err *e);

/* ---------------------------------------------------------- compression */

/* Appends what a compressed-data object holds to OUT. */
MUST_USE bool smime_decompress(struct str object, struct buf *out,
    struct err *e);

#endif
