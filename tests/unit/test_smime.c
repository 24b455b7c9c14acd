#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* OpenSSL has a type of the name of one of our error kinds. */
#define ERR_STATE	openssl_err_state
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "engine/clock.h"
#include "engine/smime.h"

#define DAY	86400
#define OUT_MAX	(1024 * 1024)
#define ENTITY	"Content-Type: text/plain\r\n\r\nThe cat is in the bag.\r\n"

static const struct config_limits limits = { .command = 60 };
static struct arena *arena;
static char folder[200];
static int64_t now;
/* With RC2 and DES, for mail as it was made long ago. */
static OSSL_LIB_CTX *old;

/* ---------------------------------------------------------- certificates */

struct person {
	EVP_PKEY *key;
	X509 *certificate;
};

/* RSA and EC; certificates of the same CA. */
static struct person ca, stranger_ca, rsa, ec;

/* How a certificate is made; zero is the usual one. */
struct recipe {
	const char *address;	/* "" is none */
	const char *subject_address;	/* emailAddress, an old way */
	const struct person *issuer;	/* NULL: itself */
	int64_t from, to;	/* in seconds from now */
	const char *usage;	/* extended */
	const EVP_MD *digest;
	bool is_ca;
};

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid,
	    value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void add_name(X509 *x, const char *name, const char *value)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(x), name, MBSTRING_UTF8,
	    (const unsigned char *)value, -1, -1, 0), 1);
}

static X509 *certify(EVP_PKEY *key, const struct recipe *how)
{
	static long serial = 1000;
	X509 *x = X509_new();
	const struct person *issuer = how->issuer;

	assert_non_null(x);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now + how->from));
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(now + how->to));
	X509_set_pubkey(x, key);
	add_name(x, "CN", how->is_ca ? "Test CA" : "Someone");
	if (how->subject_address)
		add_name(x, "emailAddress", how->subject_address);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ?
	    issuer->certificate : x));
	if (how->is_ca)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (how->address)
		add_extension(x, NID_subject_alt_name, arena_printf(arena,
		    "%s", how->address).p);
	if (how->usage)
		add_extension(x, NID_ext_key_usage, how->usage);
	assert_int_not_equal(X509_sign(x, issuer ? issuer->key : key,
	    how->digest ? how->digest : EVP_sha256()), 0);
	return x;
}

static struct person person(EVP_PKEY *key, struct recipe how)
{
	assert_non_null(key);
	if (how.to == 0) {
		how.from = -DAY;
		how.to = 365 * (int64_t)DAY;
	}
	return (struct person){ key, certify(key, &how) };
}

static void person_free(struct person *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->certificate);
}

#define ALICE	"email:alice@example.org"

static struct person alice(struct recipe how)
{
	if (!how.issuer)
		how.issuer = &ca;
	return person(EVP_EC_gen("P-256"), how);
}

/* ----------------------------------------------------------------- files */

static struct str bytes_of(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);
	struct str s = arena_str(arena, (struct str){ p, (size_t)n });

	BIO_free(b);
	return s;
}

static const char *write_file(const char *name, struct str text)
{
	const char *path = arena_printf(arena, "%s/%s", folder, name).p;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
	return path;
}

static struct str key_pem(EVP_PKEY *key, const char *passphrase)
{
	BIO *b = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(b, key,
	    passphrase ? EVP_aes_256_cbc() : NULL, NULL, 0, NULL,
	    (void *)(uintptr_t)passphrase), 1);
	return bytes_of(b);
}

static struct str certificate_pem(X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(b, x), 1);
	return bytes_of(b);
}

static struct str both(struct str one, struct str other)
{
	return arena_printf(arena, "%.*s%.*s", STR_ARG(one), STR_ARG(other));
}

static struct str person_pem(const struct person *p)
{
	return both(key_pem(p->key, NULL), certificate_pem(p->certificate));
}

/* An account with one file of keys. */
static const struct account *account_of(const char *key_file)
{
	struct account *account = arena_make(arena, struct account);
	const char **list = arena_array(arena, 1, sizeof(*list));

	list[0] = key_file;
	account->limits = &limits;
	account->smime.key_files = list;
	account->smime.n_key_files = 1;
	account->smime.ca_file = write_file("ca.pem",
	    certificate_pem(ca.certificate));
	return account;
}

static const struct account *account_for(const struct person *p)
{
	return account_of(write_file("key.pem", person_pem(p)));
}

/* ------------------------------------------------------------------ mail */

static struct str der_of(CMS_ContentInfo *cms)
{
	BIO *b = BIO_new(BIO_s_mem());

	assert_non_null(cms);
	assert_int_equal(i2d_CMS_bio(b, cms), 1);
	CMS_ContentInfo_free(cms);
	return bytes_of(b);
}

static BIO *reader(struct str s)
{
	return BIO_new_mem_buf(s.n ? s.p : "", (int)s.n);
}

static struct str encrypt(struct str plain, X509 *to,
    const EVP_CIPHER *cipher)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	BIO *in = reader(plain);
	struct str der;

	sk_X509_push(list, to);
	der = der_of(CMS_encrypt_ex(list, in, cipher, CMS_BINARY, old,
	    NULL));
	BIO_free(in);
	sk_X509_free(list);
	return der;
}

/* The plaintext behind "CIPHER AUTHENTICATED ", or "refused: ...". */
static const char *decrypted_within(const struct account *account,
    struct str object, size_t max)
{
	struct smime *s = smime_make(arena, account, now);
	struct smime_opened opened;
	struct err e = { 0 };
	struct buf out;
	const char *text;

	buf_init(&out, max);
	if (smime_decrypt(s, object, &out, &opened, &e)) {
		assert_int_equal(e.kind, ERR_NONE);
		text = arena_printf(arena, "%s %d %.*s", opened.cipher,
		    opened.authenticated, STR_ARG(buf_str(&out))).p;
	} else {
		assert_int_not_equal(e.kind, ERR_NONE);
		assert_int_equal(out.n, 0);
		text = arena_printf(arena, "refused: %s", e.msg).p;
	}
	assert_int_equal(ERR_peek_error(), 0);
	smime_wipe(s);
	buf_free(&out);
	return text;
}

static const char *decrypted(const struct account *account,
    struct str object)
{
	return decrypted_within(account, object, OUT_MAX);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" has no \"%s\"", text, part);
}

#define NOT_FOR_US	"cannot be decrypted: it was changed or damaged"

/* ------------------------------------------------------------ decryption */

static void test_ciphers(void **state)
{
	static const struct {
		const EVP_CIPHER *(*cipher)(void);
		const char *name;
		bool short_key;	/* which cannot be wrapped for EC */
	} rows[] = {
		{ EVP_aes_128_cbc, "AES-128-CBC 0 ", false },
		{ EVP_aes_192_cbc, "AES-192-CBC 0 ", false },
		{ EVP_aes_256_cbc, "AES-256-CBC 0 ", false },
		{ EVP_des_ede3_cbc, "DES-EDE3-CBC 0 ", false },
		{ EVP_des_cbc, "DES-CBC 0 ", true },
		{ EVP_rc2_40_cbc, "RC2-CBC 0 ", true },
		{ EVP_rc2_cbc, "RC2-CBC 0 ", false },
		{ EVP_aes_128_gcm, "AES-128-GCM 1 ", false },
		{ EVP_aes_256_gcm, "AES-256-GCM 1 ", false },
	};
	const struct person *people[] = { &rsa, &ec };

	(void)state;
	for (size_t k = 0; k < COUNT(people); k++) {
		const struct account *account = account_for(people[k]);

		for (size_t i = 0; i < COUNT(rows); i++) {
			if (rows[i].short_key && people[k] == &ec)
				continue;
			assert_string_equal(decrypted(account, encrypt(
			    STR_LIT(ENTITY), people[k]->certificate,
			    rows[i].cipher())), arena_printf(arena, "%s%s",
			    rows[i].name, ENTITY).p);
		}
	}
}

/* Any bit of the object: never a changed text that counts as authentic. */
static void test_bit_flips(void **state)
{
	const struct account *account = account_for(&ec);
	struct str whole = encrypt(STR_LIT(ENTITY), ec.certificate,
	    EVP_aes_128_gcm());
	char *bytes = arena_z(arena, whole);

	(void)state;
	for (size_t i = 0; i < whole.n; i++) {
		const char *text;

		bytes[i] ^= (char)(1 << i % 8);
		text = decrypted(account, (struct str){ bytes, whole.n });
		if (strncmp(text, "refused: ", 9) != 0)
			assert_string_equal(text, "AES-128-GCM 1 " ENTITY);
		bytes[i] ^= (char)(1 << i % 8);
	}
	bytes[whole.n - 1] ^= 1;	/* of the tag */
	assert_has(decrypted(account, (struct str){ bytes, whole.n }),
	    NOT_FOR_US);
}

/* A key that is not the one of its certificate, as after a mix-up; OpenSSL
 * goes on with a random key. */
static void test_wrong_key(void **state)
{
	struct person wrong = { EVP_RSA_gen(2048), NULL };
	const struct account *account;

	(void)state;
	/* same issuer and serial number, another key */
	wrong.certificate = X509_dup(rsa.certificate);
	X509_set_pubkey(wrong.certificate, wrong.key);
	X509_sign(wrong.certificate, ca.key, EVP_sha256());
	account = account_for(&wrong);
	for (int i = 0; i < 600; i++)
		assert_has(decrypted(account, encrypt(STR_LIT(ENTITY),
		    rsa.certificate, EVP_aes_128_cbc())), NOT_FOR_US);
	person_free(&wrong);
}

/* ------------------------------------------------------------ signatures */

/* How something is signed; zero is the usual way. */
struct signing {
	unsigned flags;
	const EVP_MD *digest;
	int64_t at;		/* seconds from now; 0: not said */
};

static void add_signer(CMS_ContentInfo *cms, const struct person *by,
    const struct signing *how)
{
	CMS_SignerInfo *info = CMS_add1_signer(cms, by->certificate,
	    by->key, how->digest ? how->digest : EVP_sha256(),
	    how->flags | CMS_BINARY);
	ASN1_TIME *at;

	assert_non_null(info);
	if (!how->at)
		return;
	at = ASN1_TIME_set(NULL, (time_t)(now + how->at));
	assert_int_equal(CMS_signed_add1_attr_by_NID(info,
	    NID_pkcs9_signingTime, at->type, at, -1), 1);
	ASN1_TIME_free(at);
}

static struct str sign_by(struct str text, const struct person *by,
    size_t n, struct signing how)
{
	unsigned flags = how.flags | CMS_BINARY | CMS_PARTIAL;
	BIO *in = reader(text);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, flags);

	assert_non_null(cms);
	for (size_t i = 0; i < n; i++)
		add_signer(cms, &by[i], &how);
	assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	BIO_free(in);
	return der_of(cms);
}

static struct str sign(struct str text, const struct person *by,
    struct signing how)
{
	return sign_by(text, by, 1, how);
}

static struct smime_signature last;

/* "STATE why: content", or "refused: ...". */
static const char *verified(const struct account *account, struct str object,
    const struct str *content, const char *from)
{
	struct smime *s = smime_make(arena, account, now);
	struct err e = { 0 };
	struct buf out;
	const char *text;

	buf_init(&out, OUT_MAX);
	if (smime_verify(s, arena, object, content, str_of(from), &out,
	    &last, &e)) {
		assert_int_equal(e.kind, ERR_NONE);
		text = arena_printf(arena, "%s %.*s: %.*s",
		    smime_state_word(last.state), STR_ARG(last.why),
		    STR_ARG(buf_str(&out))).p;
	} else {
		assert_int_not_equal(e.kind, ERR_NONE);
		assert_int_equal(out.n, 0);
		text = arena_printf(arena, "refused: %s", e.msg).p;
	}
	assert_int_equal(ERR_peek_error(), 0);
	smime_wipe(s);
	buf_free(&out);
	return text;
}

static void test_good(void **state)
{
	struct person by = alice((struct recipe){ .address = ALICE });
	struct str content = STR_LIT(ENTITY);
	const struct account *account = account_for(&by);

	(void)state;
	assert_string_equal(verified(account, sign(content, &by,
	    (struct signing){ 0 }), NULL, "alice@example.org"),
	    "good : " ENTITY);
	assert_in_range(last.signed_at, now, now + DAY);
	person_free(&by);
}

/* ------------------------------------------------------------------ kinds */

static void test_kinds(void **state)
{
	struct str text = STR_LIT(ENTITY);

	(void)state;
	assert_int_equal(smime_kind(encrypt(text, ec.certificate,
	    EVP_aes_128_cbc())), SMIME_ENVELOPED);
	assert_int_equal(smime_kind(encrypt(text, ec.certificate,
	    EVP_aes_128_gcm())), SMIME_ENVELOPED);
	assert_int_equal(smime_kind(sign(text, &ec, (struct signing){ 0 })),
	    SMIME_SIGNED);
	assert_int_equal(smime_kind(text), SMIME_OTHER);
	assert_int_equal(smime_kind(STR_EMPTY), SMIME_OTHER);
	assert_int_equal(smime_kind(STR_LIT("0")), SMIME_OTHER);
}

/* ----------------------------------------------------------------- setup */

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct recipe authority = { .is_ca = true };

	(void)state;
	snprintf(folder, sizeof(folder), "%s/smimeXXXXXX",
	    tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	chmod(folder, 0700);
	arena = arena_new();
	now = clock_now();
	old = OSSL_LIB_CTX_new();
	if (!OSSL_PROVIDER_load(old, "default") ||
	    !OSSL_PROVIDER_load(old, "legacy"))
		return -1;
	ca = person(EVP_EC_gen("P-256"), authority);
	stranger_ca = person(EVP_EC_gen("P-256"), authority);
	rsa = person(EVP_RSA_gen(2048), (struct recipe){
	    .address = ALICE, .issuer = &ca });
	ec = alice((struct recipe){ .address = ALICE });
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	person_free(&ca);
	person_free(&stranger_ca);
	person_free(&rsa);
	person_free(&ec);
	OSSL_LIB_CTX_free(old);
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
