/*
 * decrypt - a message in, the same message with what was encrypted in it as
 * plain text out.
 *
 * PGP/MIME, armor in a text and S/MIME, in each other in any order.  The
 * entity inside takes the place of the encrypted one; of the message's header
 * every field stays as it is, octet for octet, but for those that say what
 * the body is (Content-*), for what the sender has protected (RFC 9788:
 * Subject; and From, Sender, Reply-To, To, Cc, Date and Message-ID if the
 * author inside has signed it), and for one field of ours that is added:
 *
 *	X-Tamis-Decrypted-TOKEN: openpgp AES256 MDC; signature=good; ...
 *
 * TOKEN is a secret of the account, so that no sender can write such a field;
 * one that stands there is taken out.  It is for people and their programs;
 * tamis itself believes its journal.
 *
 * Line ends are those of the message.  Signatures that enclose what is
 * encrypted do not fit any more and go; those inside stay as they are, but
 * for what is signed in such a way that only S/MIME programs can read it.
 *
 * S/MIME that anybody could have changed unseen (CBC) passes only if what is
 * in it is signed by the author, or as the account says (`smime.cbc`).
 *
 * All or nothing: what is refused leaves no octet in OUT, and the message as
 * it was is still the message.  Nothing is written to a disk.
 *
 * Life:   one call; the rooms in `struct decrypt` outlive it.
 * Errors: a refusal is false, with its kind in the verdict and a sentence
 *         that says what to do: ERR_MESSAGE, or ERR_TEMP for what may pass
 *         (SEAL_LATE, SEAL_TROUBLE).
 */
#ifndef TAMIS_DECRYPT_H
#define TAMIS_DECRYPT_H

#include "crypt.h"
#include "smime.h"

#define DECRYPT_DEPTH_MAX	8	/* layers, signatures included */
#define DECRYPT_TOKEN_MAX	64	/* letters and digits */

/* With what an account decrypts. */
struct decrypt {
	struct crypt *crypt;	/* NULL: no OpenPGP */
	struct smime *smime;	/* NULL: no S/MIME */
	struct str token;	/* "": no field is added */
	size_t limit;		/* octets of what is encrypted, and of OUT */
};

/* By the config of ACCOUNT, which is borrowed; nothing is read or started
 * before it is needed.  Without a token. */
struct decrypt *decrypt_make(struct arena *a, const struct account *account,
    int64_t now);
/* Takes the token of the state folder DIR, and makes one where there is none.
 * ERR_STATE, ERR_CONFIG. */
MUST_USE bool decrypt_mark(struct decrypt *d, struct arena *a,
    const char *dir, struct err *e);

struct decrypt_verdict {
	enum seal_refusal refusal;
	bool changed;		/* else nothing is encrypted in it */
	/* Of the signature inside all encryption; of a message that is only
	 * signed, its own. */
	enum seal_signature signature;
	bool by_author;		/* it is good, the signer is the only author
				   that the message names, and no text is left
				   out of it */
	bool is_smime;		/* the signature, not OpenPGP's */
	char signer[128];	/* a fingerprint, of S/MIME an address, shown;
				   "": none */
	char layers[200];	/* "openpgp AES256 MDC", outermost first */
};

/*
 * OUT is initialised by the caller as a secret buffer.  Where nothing is
 * encrypted that is true, `changed` is not set and OUT stays empty; a
 * signature is then not looked at.
 */
MUST_USE bool decrypt_message(struct decrypt *d, struct str message,
    struct buf *out, struct decrypt_verdict *v, struct err *e);

/* The signature of a message, behind encryption or not, in V; the plaintext
 * is forgotten.  The author is the one that MESSAGE names outside. */
MUST_USE bool decrypt_signature(struct decrypt *d, struct str message,
    struct decrypt_verdict *v, struct err *e);

#endif
