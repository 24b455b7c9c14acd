/* OpenSSL has a type of the name of one of our error kinds. */
#define ERR_STATE	openssl_err_state
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#undef ERR_STATE

#include "smime_room.h"

#include <stdio.h>

#include "deflate.h"

/* ------------------------------------------------------------- OpenSSL */

struct smime *smime_make(struct arena *a, const struct account *account,
    int64_t now)
{
	struct smime *s = arena_make(a, struct smime);

	s->account = account;
	s->now = now;
	return s;
}

/* Providers do not go with their library. */
static void library_free(struct smime *s)
{
	for (size_t i = 0; i < COUNT(s->providers); i++) {
		if (s->providers[i])
			OSSL_PROVIDER_unload(s->providers[i]);
		s->providers[i] = NULL;
	}
	OSSL_LIB_CTX_free(s->library);
	s->library = NULL;
}

void smime_wipe(struct smime *s)
{
	if (!s)
		return;
	smime_keys_wipe(s);
	smime_cas_free(s);
	library_free(s);
}

/* Where `legacy` is not installed, what needs it fails by itself. */
OSSL_LIB_CTX *smime_library(struct smime *s, struct err *e)
{
	if (s->library)
		return s->library;
	s->library = OSSL_LIB_CTX_new();
	if (s->library)
		s->providers[0] = OSSL_PROVIDER_load(s->library, "default");
	if (!s->providers[0]) {
		err_set(e, ERR_CONFIG, "OpenSSL cannot be set up: %s",
		    smime_reason());
		library_free(s);
		return NULL;
	}
	s->providers[1] = OSSL_PROVIDER_load(s->library, "legacy");
	if (!s->providers[1])
		ERR_clear_error();
	return s->library;
}

/* The first in the queue is nearest to the cause. */
const char *smime_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return reason ? reason : "no reason given";
}

/* --------------------------------------------------------------- parsing */

/*
 * Does OBJECT have few enough elements?  Each costs OpenSSL memory when it
 * parses, many times what it takes here.  Constructed elements are gone
 * into, the others stepped over: as OpenSSL goes, which stops where this
 * goes astray.
 */
static bool is_small_enough(struct str object)
{
	const unsigned char *p = (const unsigned char *)object.p;
	const unsigned char *end = p + object.n;
	size_t n = 0;

	while (p < end && ++n <= SMIME_ELEMENTS_MAX) {
		long length;
		int tag, class;
		int how = ASN1_get_object(&p, &length, &tag, &class,
		    end - p);

		if (how & 0x80)
			break;
		if (!(how & V_ASN1_CONSTRUCTED))
			p += length;
	}
	ERR_clear_error();
	return n <= SMIME_ELEMENTS_MAX;
}

CMS_ContentInfo *smime_parse(OSSL_LIB_CTX *library, struct str object,
    enum seal_refusal *why, struct err *e)
{
	const unsigned char *p = (const unsigned char *)object.p;
	CMS_ContentInfo *cms;

	if (object.n > SMIME_OBJECT_MAX || !is_small_enough(object)) {
		*why = SEAL_OVER_LIMIT;
		err_set(e, ERR_MESSAGE, "the S/MIME object is too large");
		return NULL;
	}
	*why = SEAL_UNREADABLE;
	cms = CMS_ContentInfo_new_ex(library, NULL);
	d2i_CMS_ContentInfo(&cms, &p, (long)object.n);	/* frees it, too */
	if (!cms)
		err_set(e, ERR_MESSAGE, "the S/MIME object is damaged (%s)",
		    smime_reason());
	return cms;
}

/* SEQUENCE { OBJECT IDENTIFIER, ... }, without parsing what follows. */
enum smime_kind smime_kind(struct str object)
{
	const unsigned char *p = (const unsigned char *)object.p, *from;
	const unsigned char *end = p + object.n;
	ASN1_OBJECT *type = NULL;
	long length;
	int tag, class, nid = NID_undef;

	if (object.n <= SMIME_OBJECT_MAX && object.n > 0 &&
	    !(ASN1_get_object(&p, &length, &tag, &class, end - p) & 0x80) &&
	    tag == V_ASN1_SEQUENCE) {
		from = p;
		type = d2i_ASN1_OBJECT(NULL, &from, end - p);
		nid = OBJ_obj2nid(type);
		ASN1_OBJECT_free(type);
	}
	ERR_clear_error();
	switch (nid) {
	case NID_pkcs7_signed:
		return SMIME_SIGNED;
	case NID_pkcs7_enveloped:
	case NID_id_smime_ct_authEnvelopedData:
		return SMIME_ENVELOPED;
	case NID_id_smime_ct_compressedData:
		return SMIME_COMPRESSED;
	default:
		return SMIME_OTHER;
	}
}

/* ------------------------------------------------------------ recipients */

static bool is_for(CMS_RecipientInfo *to, X509 *certificate)
{
	STACK_OF(CMS_RecipientEncryptedKey) *keys;

	switch (CMS_RecipientInfo_type(to)) {
	case CMS_RECIPINFO_TRANS:
		return CMS_RecipientInfo_ktri_cert_cmp(to,
		    certificate) == 0;
	case CMS_RECIPINFO_AGREE:
		keys = CMS_RecipientInfo_kari_get0_reks(to);
		for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys);
		    i++)
			if (CMS_RecipientEncryptedKey_cert_cmp(
			    sk_CMS_RecipientEncryptedKey_value(keys, i),
			    certificate) == 0)
				return true;
		return false;
	default:
		return false;
	}
}

static const struct smime_key *key_for(const struct smime *s,
    STACK_OF(CMS_RecipientInfo) *list)
{
	for (size_t k = 0; k < s->n_keys; k++)
		for (int i = 0; i < sk_CMS_RecipientInfo_num(list); i++)
			if (is_for(sk_CMS_RecipientInfo_value(list, i),
			    s->keys[k].certificate))
				return &s->keys[k];
	return NULL;
}

static bool refuse(struct smime_opened *o, enum seal_refusal why,
    struct err *e, const char *sentence)
{
	o->refusal = why;
	return err_set(e, ERR_MESSAGE, "%s", sentence);
}

/* Why there is no key: what else the recipients are. */
static bool no_key(STACK_OF(CMS_RecipientInfo) *list,
    struct smime_opened *o, struct err *e)
{
	bool named = false;

	for (int i = 0; i < sk_CMS_RecipientInfo_num(list); i++) {
		int type = CMS_RecipientInfo_type(
		    sk_CMS_RecipientInfo_value(list, i));

		named |= type == CMS_RECIPINFO_TRANS ||
		    type == CMS_RECIPINFO_AGREE;
	}
	if (sk_CMS_RecipientInfo_num(list) == 0)
		return refuse(o, SEAL_UNREADABLE, e,
		    "it is encrypted for nobody");
	if (!named)
		return refuse(o, SEAL_UNSUPPORTED, e, "it is encrypted with "
		    "a password or a shared key, and not for a certificate: "
		    "that is not supported");
	return refuse(o, SEAL_NO_KEY, e, "it is encrypted for none of the "
	    "account's S/MIME keys");
}

/* ------------------------------------------------------------ decryption */

/* The one answer to all that depends on the key (see smime.h). */
static bool not_decrypted(struct smime_opened *o, struct err *e)
{
	ERR_clear_error();
	return refuse(o, SEAL_MODIFIED, e, "it cannot be decrypted: it was "
	    "changed or damaged on the way, the key does not fit, or no MIME "
	    "entity is inside");
}

static bool read_plaintext(BIO *in, struct buf *out,
    struct smime_opened *o, struct err *e)
{
	char block[16384];
	int n;

	while ((n = BIO_read(in, block, sizeof(block))) > 0 && !out->over)
		buf_add(out, block, (size_t)n);
	wipe(block, sizeof(block));
	if (out->over)
		return refuse(o, SEAL_OVER_LIMIT, e,
		    "what is encrypted is too large");
	/* The end of the last block, or the tag of GCM. */
	if (n < 0 || BIO_get_cipher_status(in) <= 0)
		return not_decrypted(o, e);
	return true;
}

static bool is_field_char(char c)
{
	return c > ' ' && c < 0x7F && c != ':';
}

/* RFC 5322 section 2.2, with a few octets of 8 bits. */
static bool is_field(struct str line)
{
	size_t n = 0;

	while (n < line.n && is_field_char(line.p[n]))
		n++;
	return n > 0 && n < line.n && line.p[n] == ':';
}

static bool has_controls(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
			return true;
	return false;
}

/* A header of one field or more, and the empty line or the end after it:
 * what no random octets look like. */
static bool is_entity(struct str text)
{
	struct str line;
	bool any = false;

	while (str_cut(&text, '\n', &line)) {
		if (str_ends(line, STR_LIT("\r")))
			line.n--;
		if (line.n == 0)
			break;
		if (has_controls(line))
			return false;
		if (any && (line.p[0] == ' ' || line.p[0] == '\t'))
			continue;
		if (!is_field(line))
			return false;
		any = true;
	}
	return any;
}

static void describe(CMS_ContentInfo *cms, BIO *in,
    struct smime_opened *out)
{
	EVP_CIPHER_CTX *cipher = NULL;

	BIO_get_cipher_ctx(in, &cipher);
	if (!cipher)
		return;
	snprintf(out->cipher, sizeof(out->cipher), "%s",
	    EVP_CIPHER_get0_name(EVP_CIPHER_CTX_get0_cipher(cipher)));
	out->authenticated =
	    OBJ_obj2nid(CMS_get0_type(cms)) ==
	    NID_id_smime_ct_authEnvelopedData &&
	    EVP_CIPHER_CTX_get_mode(cipher) == EVP_CIPH_GCM_MODE;
}

static bool decrypt_with(CMS_ContentInfo *cms, const struct smime_key *key,
    struct buf *out, struct smime_opened *opened, struct err *e)
{
	size_t before = out->n;
	BIO *in;
	bool ok;

	if (!CMS_decrypt_set1_pkey(cms, key->key, key->certificate))
		return not_decrypted(opened, e);
	in = CMS_dataInit(cms, NULL);
	if (!in) {
		opened->refusal = SEAL_UNSUPPORTED;
		return err_set(e, ERR_MESSAGE, "its encryption is not "
		    "supported: %s", smime_reason());
	}
	describe(cms, in, opened);
	ok = read_plaintext(in, out, opened, e) &&
	    (is_entity(str_sub(buf_str(out), before, out->n)) ||
	    not_decrypted(opened, e));
	BIO_free_all(in);
	if (!ok && out->n > before) {
		wipe(out->p + before, out->n - before);
		out->n = before;
	}
	return ok;
}

static bool decrypt_parsed(struct smime *s, CMS_ContentInfo *cms,
    struct buf *out, struct smime_opened *opened, struct err *e)
{
	STACK_OF(CMS_RecipientInfo) *list = CMS_get0_RecipientInfos(cms);
	const ASN1_OBJECT *inner = CMS_get0_eContentType(cms);
	const struct smime_key *key;

	if (!list)
		return refuse(opened, SEAL_UNREADABLE, e,
		    "it is not encrypted");
	if (OBJ_obj2nid(inner) != NID_pkcs7_data)
		return refuse(opened, SEAL_UNREADABLE, e, "what is encrypted "
		    "is no MIME entity (RFC 8551 section 3.3)");
	key = key_for(s, list);
	if (!key)
		return no_key(list, opened, e);
	return decrypt_with(cms, key, out, opened, e);
}

bool smime_decrypt(struct smime *s, struct str object, struct buf *out,
    struct smime_opened *opened_out, struct err *e)
{
	CMS_ContentInfo *cms;
	bool ok;

	*opened_out = (struct smime_opened){ .refusal = SEAL_OPENED };
	if (!smime_keys_read(s, e)) {
		opened_out->refusal = !s->account->smime.key_files ?
		    SEAL_NO_KEY : e->kind == ERR_TEMP ? SEAL_PASSPHRASE :
		    SEAL_TROUBLE;
		return false;
	}
	cms = smime_parse(s->library, object, &opened_out->refusal, e);
	if (!cms)
		return false;
	opened_out->refusal = SEAL_OPENED;
	ok = decrypt_parsed(s, cms, out, opened_out, e);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return ok;
}

bool smime_decompress(struct str object, struct buf *out, struct err *e)
{
	enum seal_refusal why;
	CMS_ContentInfo *cms = smime_parse(NULL, object, &why, e);
	ASN1_OCTET_STRING **held;
	bool ok = false;

	if (!cms)
		return false;
	held = CMS_get0_content(cms);
	/* OpenSSL is built without zlib; its one algorithm is zlib's. */
	if (OBJ_obj2nid(CMS_get0_type(cms)) !=
	    NID_id_smime_ct_compressedData || !held || !*held)
		err_set(e, ERR_MESSAGE, "it is not compressed");
	else if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		err_set(e, ERR_MESSAGE, "what is compressed is no MIME "
		    "entity (RFC 8551 section 3.6)");
	else
		ok = deflate_unpack((struct str){ (const char *)
		    ASN1_STRING_get0_data(*held),
		    (size_t)ASN1_STRING_length(*held) }, out, e);
	CMS_ContentInfo_free(cms);
	return ok;
}

bool smime_policy(const struct smime *s, const struct smime_opened *opened,
    bool is_signed, bool html, struct err *e)
{
	if (opened->authenticated || is_signed ||
	    (s->account->smime.cbc == CBC_ALLOW && !html))
		return true;
	return err_set(e, ERR_MESSAGE, "%s lets it be changed unseen, it is "
	    "not signed by its author, %s", opened->cipher, html ?
	    "and it holds HTML: that is never decrypted" :
	    "and the account does not say `smime: {cbc: allow}`");
}
