/* OpenSSL has a type of the name of one of our error kinds. */
#define ERR_STATE	openssl_err_state
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "smime_room.h"

#include "../rules/mail.h"
#include "trust.h"

#define CHAIN_MAX	10	/* certificates from signer to CA */
#define STRENGTH_MIN	80	/* bits; OpenSSL's level 1 */
#define SKEW		86400	/* seconds that a signer's clock may be off */
#define ADDRESSES_MAX	100	/* in a certificate */
#define NAME_MAX_SHOWN	200	/* octets of a name from a certificate */

static const char *const words[] = {
	[SMIME_GOOD] = "good", [SMIME_CHANGED] = "changed",
	[SMIME_NO_CERTIFICATE] = "no-certificate", [SMIME_WEAK] = "weak",
	[SMIME_UNKNOWN_CA] = "unknown-ca", [SMIME_EXPIRED] = "expired",
	[SMIME_FUTURE] = "future", [SMIME_PURPOSE] = "purpose",
	[SMIME_BAD_CHAIN] = "bad-chain",
};

const char *smime_state_word(enum smime_state state)
{
	return words[state];
}

/* ------------------------------------------------------------------- CAs */

static bool add_cas(X509_STORE *store, const char *path, struct str text,
    struct err *e)
{
	BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
	X509 *ca;
	size_t n = 0;

	while ((ca = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		X509_STORE_add_cert(store, ca);
		X509_free(ca);
		n++;
	}
	BIO_free(in);
	ERR_clear_error();
	return n > 0 || err_set(e, ERR_CONFIG, "%s holds no certificate in "
	    "PEM", path);
}

static bool read_ca_file(X509_STORE *store, const char *path, struct err *e)
{
	struct buf text;
	bool ok;

	buf_init(&text, SMIME_FILE_MAX);
	ok = trust_read(path, &text, e) &&
	    add_cas(store, path, buf_str(&text), e);
	buf_free(&text);
	/* A certificate that stands there is believed, be it no CA's. */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	return ok;
}

static bool read_cas(struct smime *s, struct err *e)
{
	const char *path = s->account->smime.ca_file;

	if (s->cas)
		return true;
	if (!smime_library(s, e))
		return false;
	s->cas = X509_STORE_new();
	if (!s->cas)
		return err_set(e, ERR_CONFIG, "OpenSSL cannot be set up: %s",
		    smime_reason());
	if (path ? read_ca_file(s->cas, path, e) :
	    X509_STORE_set_default_paths_ex(s->cas, s->library, NULL))
		return true;
	smime_cas_free(s);
	return err_set(e, ERR_CONFIG, "the system's CAs cannot be read");
}

void smime_cas_free(struct smime *s)
{
	X509_STORE_free(s->cas);
	s->cas = NULL;
}

/* ------------------------------------------------------------- addresses */

static struct str text_of(const ASN1_STRING *s)
{
	return (struct str){ (const char *)ASN1_STRING_get0_data(s),
	    (size_t)ASN1_STRING_length(s) };
}

/* local@domain of a certificate, as a struct address has it; empty if it is
 * none. */
static struct str normal_address(struct arena *a, struct str text)
{
	size_t at = text.n;
	struct str domain;

	while (at > 0 && text.p[at - 1] != '@')
		at--;
	if (at < 2 || at == text.n || memchr(text.p, '\0', text.n))
		return STR_EMPTY;
	domain = address_domain(a, str_sub(text, at, text.n));
	return arena_printf(a, "%.*s%.*s", STR_ARG(str_sub(text, 0, at)),
	    STR_ARG(domain));
}

/* What stands in a certificate. */
struct addresses {
	struct arena *a;
	struct str *list;
	size_t n, cap;
};

static void add_address(struct addresses *f, struct str text)
{
	struct str address = normal_address(f->a, text);

	if (address.n == 0 || f->n == ADDRESSES_MAX)
		return;
	arena_grow(f->a, &f->list, f->n, &f->cap);
	f->list[f->n++] = address;
}

/* rfc822Name, and SmtpUTF8Mailbox (RFC 9598). */
static void add_alternatives(struct addresses *f, const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate,
	    NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const OTHERNAME *other = name->d.otherName;

		if (name->type == GEN_EMAIL)
			add_address(f, text_of(name->d.rfc822Name));
		else if (name->type == GEN_OTHERNAME &&
		    OBJ_obj2nid(other->type_id) ==
		    NID_id_on_SmtpUTF8Mailbox &&
		    other->value->type == V_ASN1_UTF8STRING)
			add_address(f,
			    text_of(other->value->value.utf8string));
	}
	GENERAL_NAMES_free(names);
}

static void add_subject(struct addresses *f, const X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1;

	while ((at = X509_NAME_get_index_by_NID(subject,
	    NID_pkcs9_emailAddress, at)) >= 0)
		add_address(f, text_of(X509_NAME_ENTRY_get_data(
		    X509_NAME_get_entry(subject, at))));
}

/* The subject counts where the alternatives name no address, as with every
 * other use of a name (RFC 6125). */
static struct addresses addresses_of(struct arena *a,
    const X509 *certificate)
{
	struct addresses f = { .a = a };

	add_alternatives(&f, certificate);
	if (f.n == 0)
		add_subject(&f, certificate);
	return f;
}

bool smime_is_by(const struct smime_signature *signature,
    struct str address)
{
	if (signature->state != SMIME_GOOD)
		return false;
	for (size_t i = 0; i < signature->n_addresses; i++)
		if (str_ieq(signature->addresses[i], address))
			return true;
	return false;
}

static struct str name_shown(struct arena *a, const X509_NAME *name)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p;
	long n;
	struct str s;

	X509_NAME_print_ex(out, name, 0,
	    XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(out, &p);
	s = (struct str){ p, n > 0 ? (size_t)n : 0 };
	s = shown(a, utf8_head(s, NAME_MAX_SHOWN));
	BIO_free(out);
	return s;
}

struct str smime_owner(struct arena *a, const X509 *certificate)
{
	struct addresses f = addresses_of(a, certificate);

	return f.n > 0 ? shown(a, f.list[0]) : name_shown(a,
	    X509_get_subject_name(certificate));
}

/* ---------------------------------------------------------------- signer */

/* One signer of an object. */
struct signer {
	struct smime *s;
	struct arena *a;
	STACK_OF(X509) *others;		/* all certificates of the object */
	X509 *certificate;
	CMS_SignerInfo *info;
	int64_t at;			/* when certificates must be valid */
	struct smime_signature *out;
};

int64_t smime_time(const ASN1_STRING *t)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return TIME_NONE;
	return time_from_civil(1900 + tm.tm_year, tm.tm_mon + 1, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int64_t signing_time(CMS_SignerInfo *info)
{
	const ASN1_TYPE *value = NULL;
	X509_ATTRIBUTE *attribute;
	int at = CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1);

	if (at < 0)
		return TIME_NONE;
	attribute = CMS_signed_get_attr(info, at);
	if (X509_ATTRIBUTE_count(attribute) == 1)
		value = X509_ATTRIBUTE_get0_type(attribute, 0);
	if (!value || (value->type != V_ASN1_UTCTIME &&
	    value->type != V_ASN1_GENERALIZEDTIME))
		return TIME_NONE;
	return smime_time(value->value.asn1_string);
}

static void judge(struct signer *g, enum smime_state state, struct str why)
{
	g->out->state = state;
	g->out->why = why;
}

struct str smime_date(struct arena *a, int64_t t)
{
	struct civil c = time_to_civil(t);

	return arena_printf(a, "%04lld-%02d-%02d", (long long)c.year,
	    c.month, c.day);
}

/* The digest under the signature itself; those of the certificates are
 * OpenSSL's to judge, by the same measure. */
static bool is_weak(const struct signer *g)
{
	X509_ALGOR *digest;
	const ASN1_OBJECT *oid;

	CMS_SignerInfo_get0_algs(g->info, NULL, NULL, &digest, NULL);
	X509_ALGOR_get0(&oid, NULL, NULL, digest);
	switch (OBJ_obj2nid(oid)) {
	case NID_md2: case NID_md4: case NID_md5: case NID_sha1:
	case NID_ripemd160:
		return true;
	default:
		return false;
	}
}

static void judge_chain(struct signer *g, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx);
	X509 *at = X509_STORE_CTX_get_current_cert(ctx);
	const char *words_of = X509_verify_cert_error_string(error);
	struct str of = name_shown(g->a, X509_get_subject_name(at ? at :
	    g->certificate));
	struct str ca = name_shown(g->a, X509_get_issuer_name(at ? at :
	    g->certificate));

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		judge(g, SMIME_EXPIRED, arena_printf(g->a, "the certificate "
		    "of %.*s was not valid on %.*s", STR_ARG(of),
		    STR_ARG(smime_date(g->a, g->at))));
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		judge(g, SMIME_UNKNOWN_CA, arena_printf(g->a, "its CA is not "
		    "known: %.*s", STR_ARG(ca)));
		return;
	case X509_V_ERR_INVALID_PURPOSE:
		judge(g, SMIME_PURPOSE, arena_printf(g->a, "the certificate "
		    "of %.*s is not for signing mail", STR_ARG(of)));
		return;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		judge(g, SMIME_WEAK, arena_printf(g->a, "the certificate of "
		    "%.*s is too weak: %s", STR_ARG(of), words_of));
		return;
	default:
		judge(g, SMIME_BAD_CHAIN, arena_printf(g->a, "the "
		    "certificate of %.*s: %s", STR_ARG(of), words_of));
	}
}

static bool chain_is_good(struct signer *g)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(g->s->library, NULL);
	X509_VERIFY_PARAM *param;
	bool ok;

	X509_STORE_CTX_init(ctx, g->s->cas, g->certificate, g->others);
	X509_STORE_CTX_set_default(ctx, "smime_sign");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)g->at);
	X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, 1);
	ok = X509_verify_cert(ctx) == 1;
	if (!ok)
		judge_chain(g, ctx);
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* All that is not the fit of signature and content, which is done. */
static void judge_signer(struct signer *g)
{
	struct smime_signature *out = g->out;
	struct addresses f = addresses_of(g->a, g->certificate);
	bool future;

	out->signer = smime_owner(g->a, g->certificate);
	out->signed_at = signing_time(g->info);
	future = out->signed_at != TIME_NONE &&
	    out->signed_at - SKEW > g->s->now;
	g->at = out->signed_at == TIME_NONE || future ? g->s->now :
	    out->signed_at;
	if (is_weak(g)) {
		judge(g, SMIME_WEAK, STR_LIT("its digest is too weak: MD5, "
		    "SHA-1 and the like can be forged"));
		return;
	}
	if (!chain_is_good(g))
		return;		/* judged */
	if (future) {
		judge(g, SMIME_FUTURE, arena_printf(g->a, "it says to be of "
		    "%.*s, which is to come", STR_ARG(smime_date(g->a,
		    out->signed_at))));
		return;
	}
	judge(g, SMIME_GOOD, STR_EMPTY);
	out->addresses = f.list;
	out->n_addresses = f.n;
}

/* What is said is of the first that is good, or else of the first; addresses
 * are those of all that are good. */
static void judge_signers(struct smime *s, struct arena *a,
    CMS_ContentInfo *cms, STACK_OF(X509) *others,
    struct smime_signature *out)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
	struct addresses all = { .a = a };

	for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
		struct smime_signature one = { 0 };
		struct signer g = { .s = s, .a = a, .others = others,
			.info = sk_CMS_SignerInfo_value(infos, i),
			.out = &one };

		CMS_SignerInfo_get0_algs(g.info, NULL, &g.certificate, NULL,
		    NULL);
		judge_signer(&g);
		for (size_t k = 0; k < one.n_addresses; k++)
			add_address(&all, one.addresses[k]);
		if (i == 0 || (one.state == SMIME_GOOD &&
		    out->state != SMIME_GOOD))
			*out = one;
	}
	out->addresses = all.list;
	out->n_addresses = all.n;
}

/* --------------------------------------------------------------- content */

static BIO *reader_of(struct str s)
{
	return BIO_new_mem_buf(s.n ? s.p : "", (int)s.n);
}

static bool fits(CMS_ContentInfo *cms, const struct str *content)
{
	/* CMS_verify takes a copy of a memory BIO, and loses it where it does
	 * not know a digest (OpenSSL 3.0); not of one behind a filter. */
	BIO *in = content ? BIO_push(BIO_new(BIO_f_null()),
	    reader_of(*content)) : NULL;
	bool ok = CMS_verify(cms, NULL, NULL, in, NULL, CMS_BINARY |
	    CMS_NO_SIGNER_CERT_VERIFY) == 1;

	BIO_free_all(in);
	ERR_clear_error();
	return ok;
}

static bool has_bare_lf(struct str s)
{
	for (size_t at = 0; (at = str_find_char(s, at, '\n')) < s.n; at++)
		if (at == 0 || s.p[at - 1] != '\r')
			return true;
	return false;
}

static void add_crlf(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			buf_add_char(out, '\r');
		buf_add_char(out, s.p[i]);
	}
}

/* As it is, and if it came out of a Maildir, as it was sent (RFC 8551
 * section 3.1.1). */
static bool content_fits(CMS_ContentInfo *cms, const struct str *content)
{
	struct buf lines;
	struct str text;
	bool ok;

	if (fits(cms, content))
		return true;
	if (!content || !has_bare_lf(*content))
		return false;
	buf_init(&lines, 2 * content->n);
	add_crlf(&lines, *content);
	text = buf_str(&lines);
	ok = fits(cms, &text);
	buf_free(&lines);
	return ok;
}

static bool add_content(CMS_ContentInfo *cms, struct buf *out,
    struct err *e)
{
	size_t before = out->n;

	buf_add_str(out, text_of(*CMS_get0_content(cms)));
	if (!out->over)
		return true;
	out->n = before;
	return err_set(e, ERR_MESSAGE, "what is signed is too large");
}

static bool check_object(CMS_ContentInfo *cms, const struct str *content,
    STACK_OF(X509) *certificates, struct err *e)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
	ASN1_OCTET_STRING **held = CMS_get0_content(cms);

	if (!infos || sk_CMS_SignerInfo_num(infos) <= 0)
		return err_set(e, ERR_MESSAGE, "it holds no signature");
	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		return err_set(e, ERR_MESSAGE, "what is signed is no MIME "
		    "entity (RFC 8551 section 3.5)");
	if (!content && (!held || !*held))
		return err_set(e, ERR_MESSAGE,
		    "what it signs is not in it");
	if (sk_CMS_SignerInfo_num(infos) > SMIME_SIGNERS_MAX)
		return err_set(e, ERR_MESSAGE, "it has more than %d "
		    "signatures", SMIME_SIGNERS_MAX);
	if (sk_X509_num(certificates) > SMIME_CERTIFICATES_MAX)
		return err_set(e, ERR_MESSAGE, "it has more than %d "
		    "certificates", SMIME_CERTIFICATES_MAX);
	return true;
}

static bool all_certificates_here(CMS_ContentInfo *cms)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);

	CMS_set1_signers_certs(cms, NULL, 0);
	for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
		X509 *certificate;

		CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(infos, i),
		    NULL, &certificate, NULL, NULL);
		if (!certificate)
			return false;
	}
	return true;
}

/* The object is sound, OUT takes what it holds. */
static bool verify(struct smime *s, struct arena *a, CMS_ContentInfo *cms,
    STACK_OF(X509) *certificates, const struct str *content,
    struct buf *out, struct smime_signature *sig,
    struct err *e)
{
	if (!check_object(cms, content, certificates, e))
		return false;
	if (!all_certificates_here(cms)) {
		sig->state = SMIME_NO_CERTIFICATE;
		sig->why = STR_LIT("the certificate of the signer is not "
		    "in it");
		return true;
	}
	if (!content_fits(cms, content)) {
		sig->state = SMIME_CHANGED;
		sig->why = STR_LIT("what was signed has been changed, or "
		    "the signature");
		return true;
	}
	judge_signers(s, a, cms, certificates, sig);
	return content || add_content(cms, out, e);
}

bool smime_verify(struct smime *s, struct arena *a, struct str object,
    const struct str *content, struct buf *out,
    struct smime_signature *signature_out, struct err *e)
{
	STACK_OF(X509) *certificates;
	CMS_ContentInfo *cms;
	enum seal_refusal why;
	bool ok;

	*signature_out = (struct smime_signature){ .signed_at = TIME_NONE,
		.state = SMIME_CHANGED, .signer = STR_EMPTY,
		.why = STR_EMPTY };
	if (!read_cas(s, e))
		return false;
	if (content && content->n > SMIME_OBJECT_MAX)
		return err_set(e, ERR_MESSAGE, "what is signed is too large");
	cms = smime_parse(s->library, object, &why, e);
	if (!cms)
		return false;
	certificates = CMS_get1_certs(cms);
	ok = verify(s, a, cms, certificates, content, out, signature_out, e);
	sk_X509_pop_free(certificates, X509_free);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return ok;
}
