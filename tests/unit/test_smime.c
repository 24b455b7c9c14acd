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
#include <zlib.h>

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
static OSSL_PROVIDER *providers[2];

/* ---------------------------------------------------------- certificates */

struct person {
	EVP_PKEY *key;
	X509 *certificate;
};

/* RSA and EC; certificates of the same CA. */
static struct person ca, stranger_ca, rsa, ec;

/* How a certificate is made; zero is the usual one. */
struct recipe {
	const char *name;
	const char *address;	/* a subjectAltName */
	const char *subject_address;	/* emailAddress, an old way */
	const struct person *issuer;	/* NULL: itself */
	int64_t from, to;	/* in seconds from now */
	const char *usage;	/* extended */
	const EVP_MD *digest;
	bool is_ca;
	bool keyed;	/* has a subjectKeyIdentifier */
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
	add_name(x, "CN", how->name ? how->name : "Someone");
	if (how->subject_address)
		add_name(x, "emailAddress", how->subject_address);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ?
	    issuer->certificate : x));
	if (how->is_ca)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (how->address)
		add_extension(x, NID_subject_alt_name, arena_printf(arena,
		    "%s", how->address).p);
	if (how->keyed)
		add_extension(x, NID_subject_key_identifier,
		    "01:02:03:04:05:06:07:08");
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
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && by[i].certificate == by[0].certificate)
			how.flags |= CMS_NOCERTS;
		add_signer(cms, &by[i], &how);
	}
	if (n > 0)
		assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	BIO_free(in);
	return der_of(cms);
}

static struct str sign(struct str text, const struct person *by,
    struct signing how)
{
	return sign_by(text, by, 1, how);
}

static const char *const refusals[] = {
	[SEAL_OPENED] = "opened?", [SEAL_NO_KEY] = "no key",
	[SEAL_PASSPHRASE] = "passphrase", [SEAL_MODIFIED] = "modified",
	[SEAL_UNREADABLE] = "unreadable", [SEAL_OVER_LIMIT] = "limit",
	[SEAL_UNSUPPORTED] = "unsupported", [SEAL_TROUBLE] = "trouble",
};

/* The plaintext behind "CIPHER AUTHENTICATED ", or "refused: ... (WHY)". */
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
		assert_int_equal(opened.refusal, SEAL_OPENED);
		text = arena_printf(arena, "%s %d %.*s", opened.cipher,
		    opened.authenticated, STR_ARG(buf_str(&out))).p;
	} else {
		assert_int_not_equal(e.kind, ERR_NONE);
		assert_int_equal(out.n, 0);
		text = arena_printf(arena, "refused: %s (%s)", e.msg,
		    refusals[opened.refusal]).p;
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

static struct smime_signature last;

/* "STATE why: content", or "refused: ..."; the state "mismatch" is a good
 * signature that is not by FROM. */
static const char *verified(const struct account *account, struct str object,
    const struct str *content, const char *from)
{
	struct smime *s = smime_make(arena, account, now);
	struct err e = { 0 };
	struct buf out;
	const char *text, *state;

	buf_init(&out, OUT_MAX);
	if (smime_verify(s, arena, object, content, &out, &last, &e)) {
		assert_int_equal(e.kind, ERR_NONE);
		state = smime_state_word(last.state);
		if (last.state == SMIME_GOOD &&
		    !smime_is_by(&last, str_of(from)))
			state = "mismatch";
		text = arena_printf(arena, "%s %.*s: %.*s", state,
		    STR_ARG(last.why), STR_ARG(buf_str(&out))).p;
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

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" has no \"%s\"", text, part);
}

#define NOT_FOR_US	"no MIME entity is inside (modified)"

/* ------------------------------------------------------------------ keys */

/* How PKCS #12 was and is made; 0 is OpenSSL's choice, -1 nothing. */
enum box_cipher { BOX_USUAL, BOX_NONE, BOX_OLD };

static PKCS12 *box_of(const struct person *p, const char *passphrase,
    enum box_cipher how)
{
	int key = how == BOX_NONE ? -1 : how == BOX_OLD ?
	    NID_pbe_WithSHA1And3_Key_TripleDES_CBC : 0;
	int certificate = how == BOX_NONE ? -1 : how == BOX_OLD ?
	    NID_pbe_WithSHA1And40BitRC2_CBC : 0;
	PKCS12 *box = PKCS12_create_ex(passphrase, "a name", p->key,
	    p->certificate, NULL, key, certificate, 1000,
	    how == BOX_NONE ? -1 : 1000, 0, old, NULL);

	assert_non_null(box);
	return box;
}

static struct str pkcs12(const struct person *p, const char *passphrase,
    enum box_cipher how, bool pem)
{
	PKCS12 *box = box_of(p, passphrase, how);
	BIO *b = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	int n = i2d_PKCS12(box, &der);

	assert_true(n > 0);
	if (pem)
		PEM_write_bio(b, "PKCS12", "", der, n);
	else
		BIO_write(b, der, n);
	OPENSSL_free(der);
	PKCS12_free(box);
	return bytes_of(b);
}

static struct str key_der(EVP_PKEY *key)
{
	BIO *b = BIO_new(BIO_s_mem());

	assert_int_equal(i2d_PrivateKey_bio(b, key), 1);
	return bytes_of(b);
}

/* An account for EC with a passphrase from a script of sh. */
static struct account keyed(struct str keys, const char *script)
{
	struct account account = *account_of(write_file("key", keys));
	const char **argv = arena_array(arena, 4, sizeof(*argv));

	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = script;
	if (script)
		account.smime.passphrase_command = argv;
	return account;
}

static const char *opened_by(struct account account)
{
	const char *text = decrypted(&account, encrypt(STR_LIT(ENTITY),
	    ec.certificate, EVP_aes_128_cbc()));

	return strcmp(text, "AES-128-CBC 0 " ENTITY) == 0 ? "opened" : text;
}

static const char *opened_with(struct str keys, const char *script)
{
	return opened_by(keyed(keys, script));
}

#define ASKED	"touch '%s/asked'; echo secret"

static bool was_asked(void)
{
	return unlink(arena_printf(arena, "%s/asked", folder).p) == 0;
}

static void test_key_files(void **state)
{
	const char *script = arena_printf(arena, ASKED, folder).p;
	struct str certificate = certificate_pem(ec.certificate);
	const struct {
		struct str keys;
		bool asked;
	} rows[] = {
		{ person_pem(&ec), false },
		{ both(certificate, key_pem(ec.key, NULL)), false },
		{ both(person_pem(&rsa), person_pem(&ec)), false },
		{ both(key_pem(ec.key, "secret"), certificate), true },
		{ pkcs12(&ec, "secret", BOX_USUAL, false), true },
		{ pkcs12(&ec, "secret", BOX_OLD, false), true },
		{ pkcs12(&ec, "secret", BOX_USUAL, true), true },
		{ pkcs12(&ec, "", BOX_USUAL, false), false },
		{ pkcs12(&ec, NULL, BOX_NONE, false), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = opened_with(rows[i].keys, script);

		if (strcmp(text, "opened") != 0)
			fail_msg("row %zu: %s", i, text);
		assert_int_equal(was_asked(), rows[i].asked);
	}
}

static void test_key_and_certificate_files(void **state)
{
	struct account account = keyed(key_pem(ec.key, NULL), NULL);
	const char *two[] = { write_file("old.pem", person_pem(&rsa)),
		account.smime.key_files[0] };
	const char *certificate[1];

	(void)state;
	certificate[0] = write_file("c.pem", certificate_pem(ec.certificate));
	account.smime.key_files = two;
	account.smime.n_key_files = 2;
	assert_has(opened_by(account), "no certificate fits the key in ");
	account.smime.certificate_files = certificate;
	account.smime.n_certificate_files = 1;
	assert_string_equal(opened_by(account), "opened");
	assert_string_equal(opened_with(key_der(ec.key), NULL),
	    arena_printf(arena, "refused: no certificate fits the key in "
	    "%s/key: name its file in `certificate_file` (trouble)", folder).p);
}

static void test_bad_key_files(void **state)
{
	struct str secret = both(key_pem(ec.key, "secret"),
	    certificate_pem(ec.certificate));
	struct str box = pkcs12(&ec, "secret", BOX_USUAL, false);
	struct account account = keyed(person_pem(&ec), NULL);

	(void)state;
	assert_has(opened_with(secret, NULL), "key is encrypted: the account "
	    "needs `smime: {passphrase_command: ...}`");
	assert_has(opened_with(box, NULL), "passphrase_command");
	assert_has(opened_with(secret, "echo wrong"),
	    "perhaps the passphrase is wrong");
	assert_has(opened_with(box, "echo wrong"),
	    "the passphrase does not open the key file");
	assert_has(opened_with(secret, "exit 3"),
	    "the passphrase command sh exited with status 3");
	assert_has(opened_with(box, ":"), "sh gives an empty passphrase");
	assert_has(opened_with(secret, "head -c 2000 /dev/zero | tr '\\0' x"),
	    "cannot read the key file");
	assert_has(opened_with(STR_EMPTY, NULL), "holds no key and no");
	assert_has(opened_with(STR_LIT(ENTITY), NULL), "key");
	assert_has(opened_with(str_sub(box, 0, box.n - 1), "echo secret"),
	    "cannot read the key file");
	assert_has(opened_with(certificate_pem(ec.certificate), NULL),
	    "holds certificates and no key (trouble)");
	assert_int_equal(chmod(account.smime.key_files[0], 0640), 0);
	assert_has(opened_by(account), "can be read by others: chmod 600");
	assert_int_equal(unlink(account.smime.key_files[0]), 0);
	assert_has(opened_by(account), "cannot open the S/MIME key file");
	account.smime.key_files = NULL;
	assert_has(opened_by(account), "the account has no key for S/MIME");
}

static const char *described(const struct person *p)
{
	struct smime *s = smime_make(arena, account_for(p), now);
	struct err e = { 0 };
	struct buf out;
	const char *text;

	buf_init(&out, OUT_MAX);
	assert_true(smime_describe(s, arena, &out, &e));
	text = arena_z(arena, buf_str(&out));
	smime_wipe(s);
	buf_free(&out);
	return text;
}

static void test_described(void **state)
{
	struct person past = alice((struct recipe){ .address = ALICE,
	    .from = -9 * DAY, .to = -3 * DAY });
	struct person nameless = alice((struct recipe){ .name = "A\x1B[1m" });

	(void)state;
	assert_has(described(&ec), "alice@example.org, certified until 2");
	assert_has(described(&past),
	    "alice@example.org, for old mail: it ended on 2");
	assert_has(described(&nameless), "CN = A\\1B[1m, certified");
	person_free(&past);
	person_free(&nameless);
}

/* A failure is kept: nobody is asked twice. */
static void test_asked_once(void **state)
{
	struct account account = keyed(key_pem(ec.key, "secret"),
	    arena_printf(arena, ASKED "; exit 1", folder).p);
	struct smime *s = smime_make(arena, &account, now);
	struct smime_opened opened;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (int i = 0; i < 3; i++) {
		struct err e = { 0 };

		assert_false(smime_decrypt(s, STR_EMPTY, &out, &opened, &e));
		assert_int_equal(e.kind, ERR_TEMP);
		assert_has(e.msg, "exited with status 1");
		assert_int_equal(was_asked(), i == 0);
	}
	smime_wipe(s);
	smime_wipe(NULL);
}

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

/* With another padding of RSA, which the recipient's record says. */
static struct str encrypt_oaep(struct str plain, X509 *to,
    const EVP_MD *digest)
{
	unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_KEY_PARAM;
	BIO *in = reader(plain);
	CMS_ContentInfo *cms = CMS_encrypt(NULL, in, EVP_aes_128_cbc(),
	    flags);
	CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, to, flags);
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);

	assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx,
	    RSA_PKCS1_OAEP_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, digest) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest) > 0);
	assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	BIO_free(in);
	return der_of(cms);
}

static void test_oaep(void **state)
{
	const struct account *account = account_for(&rsa);

	(void)state;
	assert_string_equal(decrypted(account, encrypt_oaep(STR_LIT(ENTITY),
	    rsa.certificate, EVP_sha1())), "AES-128-CBC 0 " ENTITY);
	assert_string_equal(decrypted(account, encrypt_oaep(STR_LIT(ENTITY),
	    rsa.certificate, EVP_sha256())), "AES-128-CBC 0 " ENTITY);
}

/* As the password, or the key, of somebody; no certificate. */
static struct str encrypt_shared(bool password)
{
	static unsigned char key[16], id[] = "id";
	unsigned flags = CMS_BINARY | CMS_PARTIAL;
	BIO *in = reader(STR_LIT(ENTITY));
	CMS_ContentInfo *cms = CMS_encrypt(NULL, in, EVP_aes_128_cbc(),
	    flags);

	if (password)
		assert_non_null(CMS_add0_recipient_password(cms, -1,
		    NID_undef, NID_undef, (unsigned char *)
		    OPENSSL_strdup("secret"), 6, NULL));
	else
		assert_non_null(CMS_add0_recipient_key(cms, NID_undef,
		    OPENSSL_memdup(key, sizeof(key)), sizeof(key),
		    OPENSSL_memdup(id, sizeof(id)), sizeof(id), NULL, NULL,
		    NULL));
	assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	BIO_free(in);
	return der_of(cms);
}

static void test_recipients(void **state)
{
	const struct account *account = account_for(&rsa);
	struct str text = STR_LIT(ENTITY);

	(void)state;
	assert_has(decrypted(account, encrypt(text, ec.certificate,
	    EVP_aes_128_cbc())), "for none of the account's S/MIME keys (no key)");
	assert_has(decrypted(account, encrypt_shared(true)),
	    "that is not supported (unsupported)");
	assert_has(decrypted(account, encrypt_shared(false)),
	    "that is not supported (unsupported)");
}

static void test_no_entity(void **state)
{
	static const char *const bad[] = {
		"", "no header\r\n", "\r\nbody\r\n", " A: folded\r\n",
		"A: b\r\nnot a field\r\n\r\nbody", "A: b\r\n: c\r\n\r\n",
		"A: \001\r\n\r\n", "A b: c\r\n\r\n", "\xFFx: c\r\n\r\n",
	};
	static const char *const good[] = {
		"A: b\r\n\r\nbody \001", "A: b\n\nbody", "A: b", "A:\r\n",
		"A: \xE4\r\n\tfolded\r\nB:c\r\n\r\n",
	};
	const struct account *account = account_for(&ec);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_has(decrypted(account, encrypt(str_of(bad[i]),
		    ec.certificate, EVP_aes_128_gcm())), NOT_FOR_US);
	for (size_t i = 0; i < COUNT(good); i++)
		assert_string_equal(decrypted(account, encrypt(
		    str_of(good[i]), ec.certificate, EVP_aes_128_gcm())),
		    arena_printf(arena, "AES-128-GCM 1 %s", good[i]).p);
}

static struct str encrypt_typed(int nid)
{
	unsigned flags = CMS_BINARY | CMS_PARTIAL;
	BIO *in = reader(STR_LIT(ENTITY));
	CMS_ContentInfo *cms = CMS_encrypt(NULL, in, EVP_aes_128_cbc(),
	    flags);

	CMS_add1_recipient_cert(cms, ec.certificate, flags);
	CMS_set1_eContentType(cms, OBJ_nid2obj(nid));
	assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	BIO_free(in);
	return der_of(cms);
}

/* SEQUENCEs of indefinite length, one in another. */
static struct str nested(size_t n)
{
	char *p = arena_alloc(arena, 2 * n);

	for (size_t i = 0; i < n; i++) {
		p[2 * i] = 0x30;
		p[2 * i + 1] = (char)0x80;
	}
	return (struct str){ p, 2 * n };
}

static void test_objects_refused(void **state)
{
	const struct account *account = account_for(&ec);
	struct str whole = encrypt(STR_LIT(ENTITY), ec.certificate,
	    EVP_aes_128_cbc());
	char *nulls;

	(void)state;
	assert_has(decrypted(account, STR_EMPTY), "(unreadable)");
	assert_has(decrypted(account, STR_LIT(ENTITY)), "damaged");
	assert_has(decrypted(account, sign(STR_LIT(ENTITY), &ec,
	    (struct signing){ 0 })), "not encrypted");
	assert_has(decrypted(account, encrypt_typed(NID_pkcs7_signed)),
	    "no MIME entity (RFC 8551 section 3.3)");
	for (size_t n = 0; n < whole.n; n++)
		assert_has(decrypted(account, str_sub(whole, 0, n)),
		    "refused: ");
	assert_has(decrypted_within(account, whole, 20),
	    "what is encrypted is too large (limit)");
	assert_has(decrypted(account, nested(1000)), "damaged");
	/* half a million empty elements, and one */
	nulls = arena_alloc(arena, 2 * (SMIME_ELEMENTS_MAX + 1));
	for (size_t i = 0; i <= SMIME_ELEMENTS_MAX; i++)
		nulls[2 * i] = 5;
	assert_has(decrypted(account, (struct str){ nulls,
	    2 * SMIME_ELEMENTS_MAX }), "damaged");
	assert_has(decrypted(account, (struct str){ nulls,
	    2 * (SMIME_ELEMENTS_MAX + 1) }), "too large (limit)");
	assert_has(decrypted(account, (struct str){ nulls,
	    (size_t)SMIME_OBJECT_MAX + 1 }), "too large");
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

#define FROM	"alice@example.org"

/* The state of ENTITY signed by PERSON, who is let go. */
static const char *judged(struct person by, struct signing how,
    const char *from)
{
	const char *text = verified(account_for(&by), sign(STR_LIT(ENTITY),
	    &by, how), NULL, from);

	person_free(&by);
	return text;
}

static void test_good(void **state)
{
	const struct signing usual = { 0 };
	const struct recipe how = { .address = ALICE };

	(void)state;
	assert_string_equal(judged(alice(how), usual, FROM),
	    "good : " ENTITY);
	assert_in_range(last.signed_at, now, now + DAY);
	assert_string_equal(arena_z(arena, last.signer), FROM);
	assert_string_equal(judged(alice(how), (struct signing){
	    .flags = CMS_NOATTR }, FROM), "good : " ENTITY);
	assert_int_equal(last.signed_at, TIME_NONE);
	assert_string_equal(judged(alice(how), (struct signing){
	    .digest = EVP_sha512() }, FROM), "good : " ENTITY);
	assert_string_equal(judged(person(EVP_RSA_gen(2048),
	    (struct recipe){ .address = ALICE, .issuer = &ca,
	    .keyed = true }), (struct signing){ .flags = CMS_USE_KEYID },
	    FROM),
	    "good : " ENTITY);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *alternatives, *subject, *from;
		bool good;
	} rows[] = {
		{ ALICE, NULL, FROM, true },
		{ ALICE, NULL, "Alice@example.org", true },
		{ "email:Alice@Example.ORG", NULL, FROM, true },
		{ "email:x@example.org," ALICE, NULL, FROM, true },
		{ NULL, FROM, FROM, true },
		{ "DNS:example.org", FROM, FROM, true },
		{ ALICE, NULL, "bob@example.org", false },
		{ ALICE, NULL, "alice@example.com", false },
		{ ALICE, NULL, "", false },
		{ ALICE, NULL, "alice", false },
		{ ALICE, NULL, "@example.org", false },
		/* what the alternatives do not say the subject cannot */
		{ "email:bob@example.org", FROM, FROM, false },
		{ "DNS:alice@example.org", NULL, FROM, false },
		{ "email:example.org", NULL, "example.org", false },
		{ NULL, NULL, FROM, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = judged(alice((struct recipe){
		    .address = rows[i].alternatives,
		    .subject_address = rows[i].subject }),
		    (struct signing){ 0 }, rows[i].from);

		if (strncmp(text, rows[i].good ? "good " : "mismatch ",
		    rows[i].good ? 5 : 9) != 0)
			fail_msg("row %zu: %s", i, text);
	}
}

/* Takes NAME over as the one alternative. */
static struct person named(GENERAL_NAME *name)
{
	struct person by = alice((struct recipe){ 0 });
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

	sk_GENERAL_NAME_push(names, name);
	assert_int_equal(X509_add1_ext_i2d(by.certificate,
	    NID_subject_alt_name, names, 0, X509V3_ADD_APPEND), 1);
	X509_sign(by.certificate, ca.key, EVP_sha256());
	GENERAL_NAMES_free(names);
	return by;
}

/* In front of the NUL it would be ours. */
static void test_address_with_nul(void **state)
{
	static const char text[] = "alice@example.org\0.example.com";
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *address = ASN1_IA5STRING_new();

	(void)state;
	ASN1_STRING_set(address, text, sizeof(text) - 1);
	GENERAL_NAME_set0_value(name, GEN_EMAIL, address);
	assert_has(judged(named(name), (struct signing){ 0 }, FROM),
	    "mismatch ");
}

static struct person named_utf8(const char *address)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_TYPE *value = ASN1_TYPE_new();
	ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();

	ASN1_STRING_set(text, address, -1);
	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
	GENERAL_NAME_set0_othername(name,
	    OBJ_nid2obj(NID_id_on_SmtpUTF8Mailbox), value);
	return named(name);
}

static void test_utf8_address(void **state)
{
	const char *text = "j\xC3\xB6rg@example.org";

	(void)state;
	assert_has(judged(named_utf8(text), (struct signing){ 0 }, text),
	    "good ");
	assert_has(judged(named_utf8(text), (struct signing){ 0 },
	    "jorg@example.org"), "mismatch ");
	assert_has(judged(named_utf8("alice@b\xC3\xBC" "cher.example"),
	    (struct signing){ 0 }, "alice@xn--bcher-kva.example"), "good ");
}

static void test_certificates(void **state)
{
	const struct {
		struct recipe recipe;
		int64_t signed_at;
		const char *says;
	} rows[] = {
		{ { .address = ALICE, .issuer = &stranger_ca }, 0,
		    "unknown-ca its CA is not known: CN = Another CA: "
		    "Content-Type" },
		{ { .address = ALICE, .usage = "serverAuth" }, 0,
		    "purpose the certificate of CN = Someone is not for" },
		{ { .address = ALICE, .usage = "emailProtection" }, 0,
		    "good : " },
		{ { .address = ALICE, .digest = EVP_sha1() }, 0,
		    "weak the certificate of CN = Someone is too weak" },
		/* valid when it was signed, and not now */
		{ { .address = ALICE, .from = -9 * DAY, .to = -3 * DAY },
		    -5 * DAY, "good : " },
		{ { .address = ALICE, .from = -9 * DAY, .to = -3 * DAY },
		    -2 * DAY, "expired the certificate of CN = Someone was "
		    "not valid on " },
		{ { .address = ALICE, .from = -9 * DAY, .to = -3 * DAY },
		    -10 * DAY, "expired " },
		{ { .address = ALICE, .from = 2 * DAY, .to = 9 * DAY }, 0,
		    "expired " },
		/* a time to come is not believed, whatever is valid then */
		{ { .address = ALICE, .from = 2 * DAY, .to = 9 * DAY },
		    3 * DAY, "expired " },
		{ { .address = ALICE, .from = -DAY, .to = 9 * DAY }, 3 * DAY,
		    "future it says to be of " },
		/* a clock that is a little off */
		{ { .address = ALICE, .from = -DAY, .to = 9 * DAY }, 3600,
		    "good : " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = judged(alice(rows[i].recipe),
		    (struct signing){ .at = rows[i].signed_at }, FROM);

		if (strncmp(text, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("row %zu: %s", i, text);
	}
}

/* Without signed attributes there is no time but now. */
static void test_no_signing_time(void **state)
{
	(void)state;
	assert_has(judged(alice((struct recipe){ .address = ALICE,
	    .from = -9 * DAY, .to = -3 * DAY }), (struct signing){
	    .flags = CMS_NOATTR }, FROM), "expired ");
}

static void test_weak(void **state)
{
	const EVP_MD *digests[] = { EVP_sha1(), EVP_md5() };

	(void)state;
	for (size_t i = 0; i < COUNT(digests); i++)
		assert_has(judged(person(EVP_RSA_gen(1024), (struct recipe){
		    .address = ALICE, .issuer = &ca }), (struct signing){
		    .digest = digests[i] }, FROM), "weak its digest is too ");
	assert_has(judged(person(EVP_RSA_gen(768), (struct recipe){
	    .address = ALICE, .issuer = &ca }), (struct signing){ 0 }, FROM),
	    "weak the certificate of CN = Someone is too weak");
}

/* A person of an unknown CA is believed if the certificate stands in
 * ca_file. */
static void test_believed_person(void **state)
{
	struct person by = alice((struct recipe){ .address = ALICE,
	    .issuer = &stranger_ca });
	struct account account = *account_for(&by);
	struct str object = sign(STR_LIT(ENTITY), &by, (struct signing){ 0 });

	(void)state;
	assert_has(verified(&account, object, NULL, FROM), "unknown-ca ");
	account.smime.ca_file = write_file("ca.pem",
	    certificate_pem(by.certificate));
	assert_has(verified(&account, object, NULL, FROM), "good ");
	account.smime.ca_file = write_file("ca.pem", both(
	    certificate_pem(ca.certificate),
	    certificate_pem(stranger_ca.certificate)));
	assert_has(verified(&account, object, NULL, FROM), "good ");
	account.smime.ca_file = NULL;
	assert_has(verified(&account, object, NULL, FROM), "unknown-ca ");
	person_free(&by);
}

static void test_bad_ca_file(void **state)
{
	struct account account = *account_for(&ec);
	struct str object = sign(STR_LIT(ENTITY), &ec, (struct signing){ 0 });

	(void)state;
	account.smime.ca_file = write_file("ca.pem", STR_LIT("none\n"));
	assert_has(verified(&account, object, NULL, FROM),
	    "ca.pem holds no certificate in PEM");
	account.smime.ca_file = "/nonexistent";
	assert_has(verified(&account, object, NULL, FROM), "/nonexistent");
}

static void test_detached(void **state)
{
	struct str content = STR_LIT(ENTITY), object;
	struct str lines = STR_LIT("Content-Type: text/plain\n\n"
	    "The cat is in the bag.\n");
	struct str other = STR_LIT("Content-Type: text/plain\r\n\r\n"
	    "The cat is in the bog.\r\n");
	const struct account *account = account_for(&ec);

	(void)state;
	object = sign(content, &ec, (struct signing){
	    .flags = CMS_DETACHED });
	assert_string_equal(verified(account, object, &content, FROM),
	    "good : ");
	assert_string_equal(verified(account, object, &lines, FROM),
	    "good : ");
	assert_has(verified(account, object, &other, FROM), "changed ");
	assert_has(verified(account, object, NULL, FROM),
	    "what it signs is not in it");
	/* what was sent with LF is verified as it is, too */
	object = sign(lines, &ec, (struct signing){ .flags = CMS_DETACHED });
	assert_has(verified(account, object, &lines, FROM), "good ");
	/* what is shown counts, not what the object holds besides */
	object = sign(content, &ec, (struct signing){ 0 });
	assert_string_equal(verified(account, object, &content, FROM),
	    "good : ");
	assert_has(verified(account, object, &other, FROM), "changed ");
}

/* Two signers: what is wrong about one, and who counts. */
static void test_signers(void **state)
{
	struct person by[2] = { ec, alice((struct recipe){
	    .address = "email:bob@example.org" }) };
	struct str content = STR_LIT(ENTITY), object;
	const struct account *account = account_for(&ec);
	struct person *crowd;

	(void)state;
	object = sign_by(content, by, 2, (struct signing){ 0 });
	assert_has(verified(account, object, NULL, FROM), "good ");
	assert_has(verified(account, object, NULL, "bob@example.org"),
	    "good ");
	assert_has(verified(account, object, NULL, "eve@example.org"),
	    "mismatch ");
	crowd = arena_array(arena, SMIME_SIGNERS_MAX + 1, sizeof(*crowd));
	for (size_t i = 0; i <= SMIME_SIGNERS_MAX; i++)
		crowd[i] = ec;
	assert_has(verified(account, sign_by(content, crowd,
	    SMIME_SIGNERS_MAX, (struct signing){ 0 }), NULL, FROM), "good ");
	assert_has(verified(account, sign_by(content, crowd,
	    SMIME_SIGNERS_MAX + 1, (struct signing){ 0 }), NULL, FROM),
	    "more than 16 signatures");
	person_free(&by[1]);
}

/* Any bit: the content never comes out as good when it is another. */
static void test_signature_bit_flips(void **state)
{
	const struct account *account = account_for(&ec);
	struct str whole = sign(STR_LIT(ENTITY), &ec, (struct signing){ 0 });
	char *bytes = arena_z(arena, whole);
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i < whole.n; i++) {
		const char *text;

		bytes[i] ^= (char)(1 << i % 8);
		text = verified(account, (struct str){ bytes, whole.n },
		    NULL, FROM);
		if (strncmp(text, "good ", 5) == 0) {
			assert_string_equal(text, "good : " ENTITY);
			good++;
		}
		if (i % 7 == 0)
			assert_has(verified(account, str_sub(whole, 0, i),
			    NULL, FROM), "refused: ");
		bytes[i] ^= (char)(1 << i % 8);
	}
	/* there are octets that nothing hangs on, as a version; few */
	assert_true(good < whole.n / 10);
}

static struct str with_certificates(size_t n)
{
	struct str text = STR_LIT(ENTITY);
	BIO *in = reader(text);
	CMS_ContentInfo *cms = CMS_sign(ec.certificate, ec.key, NULL, in,
	    CMS_BINARY | (n == 0 ? CMS_NOCERTS : 0));

	for (size_t i = 1; i < n; i++) {
		struct recipe how = { .issuer = &ca, .to = DAY };
		X509 *x = certify(ec.key, &how);

		assert_int_equal(CMS_add1_cert(cms, x), 1);
		X509_free(x);
	}
	BIO_free(in);
	return der_of(cms);
}

static void test_certificates_in_objects(void **state)
{
	const struct account *account = account_for(&ec);

	(void)state;
	assert_has(verified(account, with_certificates(0), NULL, FROM),
	    "no-certificate the certificate of the signer is not in it");
	assert_has(verified(account, with_certificates(
	    SMIME_CERTIFICATES_MAX), NULL, FROM), "good ");
	assert_has(verified(account, with_certificates(
	    SMIME_CERTIFICATES_MAX + 1), NULL, FROM),
	    "more than 100 certificates");
	assert_has(verified(account, sign_by(STR_LIT(ENTITY), NULL, 0,
	    (struct signing){ 0 }), NULL, FROM), "it holds no signature");
	assert_has(verified(account, encrypt(STR_LIT(ENTITY), ec.certificate,
	    EVP_aes_128_cbc()), NULL, FROM), "it holds no signature");
}

/* ---------------------------------------------------------------- policy */

static const char *allowed(bool authenticated, enum cbc_policy cbc,
    bool by_author, bool html)
{
	const struct account account = { .smime.cbc = cbc };
	struct smime_opened opened = { .authenticated = authenticated,
		.cipher = "AES-128-CBC" };
	struct err e = { 0 };
	struct smime *s = smime_make(arena, &account, now);

	if (smime_policy(s, &opened, by_author, html, &e))
		return "yes";
	assert_int_equal(e.kind, ERR_MESSAGE);
	return arena_printf(arena, "%s", e.msg).p;
}

static void test_policy(void **state)
{
	(void)state;
	for (int html = 0; html < 2; html++)
		for (int cbc = CBC_SIGNED; cbc <= CBC_ALLOW; cbc++) {
			assert_string_equal(allowed(true, cbc, false, html),
			    "yes");
			assert_string_equal(allowed(false, cbc, true, html),
			    "yes");
		}
	assert_has(allowed(false, CBC_SIGNED, false, false), "cbc: allow");
	assert_has(allowed(false, CBC_SIGNED, false, true), "holds HTML");
	assert_has(allowed(false, CBC_ALLOW, false, true), "holds HTML");
	assert_string_equal(allowed(false, CBC_ALLOW, false, false), "yes");
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

/* ----------------------------------------------------------- compression */

static void add_tlv(struct buf *b, int tag, struct str inside)
{
	buf_add_char(b, (char)tag);
	if (inside.n < 128) {
		buf_add_char(b, (char)inside.n);
	} else {
		buf_add_char(b, (char)0x83);
		buf_add_char(b, (char)(inside.n >> 16));
		buf_add_char(b, (char)(inside.n >> 8));
		buf_add_char(b, (char)inside.n);
	}
	buf_add_str(b, inside);
}

static struct str tlv(int tag, struct str inside)
{
	struct buf b;
	struct str s;

	buf_init(&b, inside.n + 10);
	add_tlv(&b, tag, inside);
	s = arena_str(arena, buf_str(&b));
	buf_free(&b);
	return s;
}

static struct str joined(struct str one, struct str other)
{
	char *p = arena_alloc(arena, one.n + other.n + 1);

	memcpy(p, one.p, one.n);
	memcpy(p + one.n, other.p, other.n);
	return (struct str){ p, one.n + other.n };
}

/* RFC 3274, which OpenSSL makes only if it was built with zlib. */
static struct str compressed(struct str inside)
{
	struct str type = STR_LIT("\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01"
	    "\x09\x10\x01\x09");
	struct str version = STR_LIT("\x02\x01\x00");
	struct str zlib = STR_LIT("\x30\x0d\x06\x0b\x2a\x86\x48\x86\xf7"
	    "\x0d\x01\x09\x10\x03\x08");
	struct str data = STR_LIT("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
	    "\x07\x01");
	struct str held = tlv(0x30, joined(data, tlv(0xA0, tlv(0x04,
	    inside))));

	return tlv(0x30, joined(type, tlv(0xA0, tlv(0x30, joined(version,
	    joined(zlib, held))))));
}

static struct str packed(struct str s)
{
	uLongf n = compressBound(s.n);
	char *p = arena_alloc(arena, n);

	assert_int_equal(compress((Bytef *)p, &n, (const Bytef *)s.p, s.n),
	    Z_OK);
	return (struct str){ p, n };
}

static const char *unpacked(struct str object)
{
	struct err e = { 0 };
	struct buf out;
	const char *text;

	buf_init(&out, 1000000);
	if (smime_decompress(object, &out, &e)) {
		text = arena_z(arena, buf_str(&out));
	} else {
		assert_int_equal(e.kind, ERR_MESSAGE);
		assert_int_equal(out.n, 0);
		text = arena_printf(arena, "refused: %s", e.msg).p;
	}
	buf_free(&out);
	return text;
}

static void test_compressed(void **state)
{
	struct str text = STR_LIT(ENTITY), part = packed(text);
	struct str zeros = { arena_alloc(arena, 2000000), 2000000 };

	(void)state;
	assert_int_equal(smime_kind(compressed(part)), SMIME_COMPRESSED);
	assert_string_equal(unpacked(compressed(part)), ENTITY);
	assert_has(unpacked(compressed(text)), "is damaged");
	assert_has(unpacked(compressed(str_sub(part, 0, part.n - 1))),
	    "is damaged");
	assert_has(unpacked(compressed(STR_EMPTY)), "is damaged");
	assert_has(unpacked(compressed(packed(zeros))), "is too large");
	assert_has(unpacked(sign(text, &ec, (struct signing){ 0 })),
	    "it is not compressed");
	assert_has(unpacked(text), "is damaged");
}

/* ----------------------------------------------------------------- setup */

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct recipe authority = { .name = "Test CA", .is_ca = true,
		.from = -30 * DAY, .to = 30 * DAY };

	(void)state;
	snprintf(folder, sizeof(folder), "%s/smimeXXXXXX",
	    tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	chmod(folder, 0700);
	arena = arena_new();
	now = clock_now();
	old = OSSL_LIB_CTX_new();
	providers[0] = OSSL_PROVIDER_load(old, "default");
	providers[1] = OSSL_PROVIDER_load(old, "legacy");
	if (!providers[0] || !providers[1])
		return -1;
	ca = person(EVP_EC_gen("P-256"), authority);
	authority.name = "Another CA";
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
	OSSL_PROVIDER_unload(providers[0]);
	OSSL_PROVIDER_unload(providers[1]);
	OSSL_LIB_CTX_free(old);
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_files),
		cmocka_unit_test(test_key_and_certificate_files),
		cmocka_unit_test(test_bad_key_files),
		cmocka_unit_test(test_described),
		cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_oaep),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_no_entity),
		cmocka_unit_test(test_objects_refused),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_address_with_nul),
		cmocka_unit_test(test_utf8_address),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_no_signing_time),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_believed_person),
		cmocka_unit_test(test_bad_ca_file),
		cmocka_unit_test(test_detached),
		cmocka_unit_test(test_signers),
		cmocka_unit_test(test_signature_bit_flips),
		cmocka_unit_test(test_certificates_in_objects),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_compressed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
