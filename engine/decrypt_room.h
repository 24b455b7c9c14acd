/*
 * What the files of `decrypt` share: a message on its way from layer to
 * layer.
 *
 * Each opener takes the outermost layer, says what it found and puts what is
 * inside in its place; false is a refusal, said.
 */
#ifndef TAMIS_DECRYPT_ROOM_H
#define TAMIS_DECRYPT_ROOM_H

#include "../rules/mail.h"
#include "decrypt.h"
#include "entity.h"

struct opening {
	struct decrypt *d;
	struct arena *arena;
	struct buf bytes[2];	/* of which one is what is being made of it */
	int which;
	struct str now;		/* the message as far as it is opened */
	bool crlf;
	bool verify;		/* a signature of what is not encrypted, too */
	/* The header of what was sealed as a whole message, innermost. */
	struct buf payload;
	bool has_payload;
	bool in_part;		/* something stands beside what was opened */
	/* Of the signature. */
	const struct str *addresses;
	size_t n_addresses;
	/* S/MIME that anybody could have changed: may pass if what is in it
	 * is signed. */
	struct smime_opened open_to_change;
	bool is_open_to_change;
	struct decrypt_verdict *v;
	struct err *e;
};

MUST_USE bool opening_refuse(struct opening *o, enum seal_refusal why,
    const char *sentence);
/* One layer of encryption: "openpgp AES256 MDC". */
void opening_add_layer(struct opening *o, const char *layer);
/* Of several the worst counts. */
void opening_add_signature(struct opening *o, const struct seal_verdict *v);
/* One outside of encryption says nothing of what is inside: anybody can sign
 * what others have encrypted. */
void opening_forget_signature(struct opening *o);
/* There is a signature, and nothing to verify it with: true, since that keeps
 * nobody from reading what was encrypted. */
bool opening_not_verified(struct opening *o);
/* ENTITY takes the place of the layer. */
MUST_USE bool opening_put(struct opening *o, const struct sealed_layer *l,
    struct str entity);
/* The header of ENTITY: what is in it was sealed with the rest. */
void opening_keep_payload(struct opening *o, struct str entity);

/* In decrypt_pgp.c. */
MUST_USE bool pgp_open_mime(struct opening *o, const struct sealed_layer *l);
MUST_USE bool pgp_open_text(struct opening *o, const struct sealed_layer *l);
MUST_USE bool pgp_verify(struct opening *o, const struct sealed_layer *l);
MUST_USE bool pgp_verify_text(struct opening *o,
    const struct sealed_layer *l);

/* In decrypt_smime.c. */
MUST_USE bool cms_open(struct opening *o, const struct sealed_layer *l);
MUST_USE bool cms_verify(struct opening *o, const struct sealed_layer *l);
/* signed-data or compressed-data, which stands around its content.  What is
 * in it takes its place if it has to be gone into; else *INSIDE_OUT is not
 * set. */
MUST_USE bool cms_unpack(struct opening *o, const struct sealed_layer *l,
    bool *inside_out);
/* The last word on S/MIME without authentication. */
MUST_USE bool cms_allow(struct opening *o);

#endif
