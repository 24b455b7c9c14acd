/*
 * smime_room - what the files of smime share.
 */
#ifndef TAMIS_SMIME_ROOM_H
#define TAMIS_SMIME_ROOM_H

#include "smime.h"

/* OpenSSL's, which are not named in any header of ours. */
struct ossl_lib_ctx_st;
struct evp_pkey_st;
struct asn1_string_st;
struct x509_st;
struct x509_store_st;
struct CMS_ContentInfo_st;

struct smime_key {
	struct evp_pkey_st *key;
	struct x509_st *certificate;
};

/* How far something that is done once has come. */
enum once { ONCE_NOT_YET, ONCE_DONE, ONCE_FAILED };

struct smime {
	const struct account *account;
	int64_t now;
	/* A library of our own with the providers `default` and `legacy`:
	 * old mail and old PKCS #12 files need RC2 and DES, TLS must never
	 * see them.  NULL: not made yet. */
	struct ossl_lib_ctx_st *library;
	struct ossl_provider_st *providers[2];
	enum once keys_read;
	struct err keys_failure;
	struct smime_key keys[SMIME_KEYS_MAX];
	size_t n_keys;
	struct x509_store_st *cas;	/* NULL: not read yet */
};

/* NULL: OpenSSL cannot be set up; ERR_CONFIG. */
struct ossl_lib_ctx_st *smime_library(struct smime *s, struct err *e);

/* The keys of the account with their certificates; ERR_CONFIG if there are
 * none. */
MUST_USE bool smime_keys_read(struct smime *s, struct err *e);
void smime_keys_wipe(struct smime *s);
void smime_cas_free(struct smime *s);

/* The object parsed within the limits, to be freed by CMS_ContentInfo_free;
 * NULL with ERR_MESSAGE, and *WHY. */
struct CMS_ContentInfo_st *smime_parse(struct ossl_lib_ctx_st *library,
    struct str object, enum seal_refusal *why, struct err *e);

/* Whose certificate it is, to be shown: its first address, else its name. */
struct str smime_owner(struct arena *a, const struct x509_st *certificate);

/* TIME_NONE: it cannot be read. */
int64_t smime_time(const struct asn1_string_st *t);
/* "2026-01-31" */
struct str smime_date(struct arena *a, int64_t t);

/* What OpenSSL's last error says; empties its queue. */
const char *smime_reason(void);

#endif
