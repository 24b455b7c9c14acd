/* OpenSSL has a type of the name of one of our error kinds. */
#define ERR_STATE	openssl_err_state
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#undef ERR_STATE

#include "smime_room.h"

#include "private.h"
#include "secret.h"
#include "trust.h"

#define CERTIFICATES_MAX	256	/* of an account, chains included */

/* What the files hold, before keys and certificates are brought together. */
struct pile {
	struct smime *s;
	EVP_PKEY *keys[SMIME_KEYS_MAX];
	const char *paths[SMIME_KEYS_MAX];	/* where each stood */
	size_t n_keys;
	X509 *certificates[CERTIFICATES_MAX];
	size_t n_certificates;
	const char *path;		/* the file being read */
	enum once asked;		/* for the passphrase */
	struct buf passphrase;
	struct err *e;
};

/* ----------------------------------------------------------- passphrase */

static bool passphrase_get(struct pile *p)
{
	const struct account *account = p->s->account;

	if (p->asked != ONCE_NOT_YET)
		return p->asked == ONCE_DONE;
	p->asked = ONCE_FAILED;
	if (!account->smime.passphrase_command)
		return err_set(p->e, ERR_CONFIG, "the key file %s is "
		    "encrypted: the account needs "
		    "`smime: {passphrase_command: ...}`", p->path);
	if (!secret_run(account->smime.passphrase_command,
	    account->limits->command, "passphrase", &p->passphrase, p->e))
		return false;
	p->asked = ONCE_DONE;
	return true;
}

/* pem_password_cb. */
static int on_passphrase(char *out, int size, int writing, void *ctx)
{
	struct pile *p = ctx;

	(void)writing;
	if (size < 0 || !passphrase_get(p) ||
	    p->passphrase.n > (size_t)size)
		return -1;
	memcpy(out, p->passphrase.p, p->passphrase.n);
	return (int)p->passphrase.n;
}

/* ----------------------------------------------------------------- files */

/* Takes KEY over, as the next one does CERTIFICATE. */
static bool add_key(struct pile *p, EVP_PKEY *key)
{
	if (p->n_keys == SMIME_KEYS_MAX) {
		EVP_PKEY_free(key);
		return err_set(p->e, ERR_CONFIG, "%s: an account may have "
		    "%d keys for S/MIME", p->path, SMIME_KEYS_MAX);
	}
	p->paths[p->n_keys] = p->path;
	p->keys[p->n_keys++] = key;
	return true;
}

static bool add_certificate(struct pile *p, X509 *certificate)
{
	if (p->n_certificates == CERTIFICATES_MAX) {
		X509_free(certificate);
		return err_set(p->e, ERR_CONFIG, "%s: more than %d "
		    "certificates for S/MIME", p->path, CERTIFICATES_MAX);
	}
	p->certificates[p->n_certificates++] = certificate;
	return true;
}

/* The passphrase of a PKCS #12 file: none, the empty one, or ours. */
static bool pkcs12_passphrase(struct pile *p, PKCS12 *box, const char **out)
{
	*out = NULL;
	if (!PKCS12_mac_present(box) || PKCS12_verify_mac(box, NULL, 0))
		return true;
	*out = "";
	if (PKCS12_verify_mac(box, "", 0))
		return true;
	if (!passphrase_get(p))
		return false;
	*out = buf_z(&p->passphrase);
	if (PKCS12_verify_mac(box, *out, -1))
		return true;
	return err_set(p->e, ERR_CONFIG, "the passphrase does not open the "
	    "key file %s (%s)", p->path, smime_reason());
}

static bool add_pkcs12(struct pile *p, PKCS12 *box)
{
	EVP_PKEY *key = NULL;
	X509 *own = NULL;
	STACK_OF(X509) *others = NULL;
	const char *passphrase;
	bool ok = true;

	if (!pkcs12_passphrase(p, box, &passphrase))
		return false;
	if (!PKCS12_parse(box, passphrase, &key, &own, &others))
		return err_set(p->e, ERR_CONFIG, "cannot read the key file "
		    "%s: %s", p->path, smime_reason());
	if (key)
		ok = add_key(p, key) && ok;
	if (own)
		ok = add_certificate(p, own) && ok;
	while (sk_X509_num(others) > 0)
		ok = add_certificate(p, sk_X509_pop(others)) && ok;
	sk_X509_free(others);
	return ok;
}

/* DER, or PEM as certtool writes it. */
static PKCS12 *pkcs12_of(struct pile *p, struct str text)
{
	PKCS12 *box = PKCS12_init_ex(NID_pkcs7_data, p->s->library, NULL);
	BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
	const unsigned char *der = (const unsigned char *)text.p;
	unsigned char *block = NULL;
	char *name = NULL, *header = NULL;
	long n = (long)text.n;

	if (text.n > 0 && text.p[0] != 0x30 && PEM_read_bio(in, &name,
	    &header, &block, &n) && strcmp(name, "PKCS12") == 0)
		der = block;
	d2i_PKCS12(&box, &der, n);	/* frees it on failure */
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(block);
	BIO_free(in);
	ERR_clear_error();
	return box;
}

static bool add_info(struct pile *p, const OSSL_STORE_INFO *info)
{
	switch (OSSL_STORE_INFO_get_type(info)) {
	case OSSL_STORE_INFO_PKEY:
		return add_key(p, OSSL_STORE_INFO_get1_PKEY(info));
	case OSSL_STORE_INFO_CERT:
		return add_certificate(p, OSSL_STORE_INFO_get1_CERT(info));
	default:
		return true;
	}
}

static bool add_infos(struct pile *p, OSSL_STORE_CTX *store)
{
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		bool ok = info && add_info(p, info);

		OSSL_STORE_INFO_free(info);
		if (!ok && (info || OSSL_STORE_error(store)))
			return err_set(p->e, ERR_CONFIG, p->asked ==
			    ONCE_DONE ? "cannot read the key file %s; "
			    "perhaps the passphrase is wrong (%s)" :
			    "cannot read the key file %s: %s", p->path,
			    smime_reason());
	}
	return true;
}

/* Anything else in DER or PEM. */
static bool add_others(struct pile *p, struct str text)
{
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(on_passphrase, 0);
	BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
	OSSL_STORE_CTX *store = OSSL_STORE_attach(in, "file",
	    p->s->library, NULL, ui, p, NULL, NULL, NULL);
	bool ok = store ? add_infos(p, store) : err_set(p->e, ERR_CONFIG,
	    "cannot read the key file %s: %s", p->path, smime_reason());

	if (store)
		OSSL_STORE_close(store);
	BIO_free(in);
	UI_destroy_method(ui);
	ERR_clear_error();
	return ok;
}

static bool add_text(struct pile *p, struct str text)
{
	size_t before = p->n_keys + p->n_certificates;
	PKCS12 *box = pkcs12_of(p, text);
	bool ok = box ? add_pkcs12(p, box) : add_others(p, text);

	PKCS12_free(box);
	if (ok && p->n_keys + p->n_certificates == before)
		return err_set(p->e, ERR_CONFIG, "%s holds no key and no "
		    "certificate, neither as PEM nor as PKCS #12", p->path);
	return ok;
}

static bool add_file(struct pile *p, const char *path, bool secret)
{
	struct buf text;
	bool ok;

	p->path = path;
	buf_init(&text, SMIME_FILE_MAX);
	ok = (secret ? private_read(path, "S/MIME key", &text, p->e) :
	    trust_read(path, &text, p->e)) && add_text(p, buf_str(&text));
	buf_wipe_free(&text);
	return ok;
}

static bool add_files(struct pile *p)
{
	const struct account_smime *set = &p->s->account->smime;

	for (size_t i = 0; i < set->n_key_files; i++)
		if (!add_file(p, set->key_files[i], true))
			return false;
	for (size_t i = 0; i < set->n_certificate_files; i++)
		if (!add_file(p, set->certificate_files[i], false))
			return false;
	return true;
}

/* -------------------------------------------------------------- together */

/* A key may have several certificates: it was certified again. */
static bool bring_together(struct pile *p)
{
	struct smime *s = p->s;

	for (size_t k = 0; k < p->n_keys; k++) {
		bool found = false;

		for (size_t c = 0; c < p->n_certificates; c++) {
			if (!X509_check_private_key(p->certificates[c],
			    p->keys[k]))
				continue;
			found = true;
			if (s->n_keys == SMIME_KEYS_MAX)
				return err_set(p->e, ERR_CONFIG, "%s: more "
				    "than %d certificates of keys",
				    p->paths[k], SMIME_KEYS_MAX);
			EVP_PKEY_up_ref(p->keys[k]);
			X509_up_ref(p->certificates[c]);
			s->keys[s->n_keys++] = (struct smime_key){
				.key = p->keys[k],
				.certificate = p->certificates[c],
			};
		}
		if (!found)
			return err_set(p->e, ERR_CONFIG, "no certificate "
			    "fits the key in %s: name its file in "
			    "`certificate_file`", p->paths[k]);
	}
	return s->n_keys > 0 || err_set(p->e, ERR_CONFIG,
	    "%s holds certificates and no key", p->path);
}

static void pile_free(struct pile *p)
{
	for (size_t i = 0; i < p->n_keys; i++)
		EVP_PKEY_free(p->keys[i]);
	for (size_t i = 0; i < p->n_certificates; i++)
		X509_free(p->certificates[i]);
	buf_wipe_free(&p->passphrase);
}

static bool read_keys(struct smime *s, struct err *e)
{
	struct pile p = { .s = s, .e = e };
	bool ok;

	if (!s->account->smime.key_files)
		return err_set(e, ERR_CONFIG, "the account has no key for "
		    "S/MIME: `smime: {key_file: ...}`");
	if (!smime_library(s, e))
		return false;
	buf_init(&p.passphrase, SECRET_MAX);
	ok = add_files(&p) && bring_together(&p);
	pile_free(&p);
	ERR_clear_error();
	return ok;
}

bool smime_keys_read(struct smime *s, struct err *e)
{
	if (s->keys_read == ONCE_NOT_YET)
		s->keys_read = read_keys(s, &s->keys_failure) ? ONCE_DONE :
		    ONCE_FAILED;
	if (s->keys_read == ONCE_DONE)
		return true;
	return err_set(e, s->keys_failure.kind, "%s", s->keys_failure.msg);
}

bool smime_describe(struct smime *s, struct arena *a, struct buf *out,
    struct err *e)
{
	if (!smime_keys_read(s, e))
		return false;
	for (size_t i = 0; i < s->n_keys; i++) {
		const X509 *x = s->keys[i].certificate;
		int64_t end = smime_time(X509_get0_notAfter(x));
		struct str owner = smime_owner(a, x);
		struct str date = smime_date(a, end);

		buf_printf(out, "%.*s, %s %.*s\n", STR_ARG(owner),
		    end >= s->now ? "certified until" :
		    "for old mail: it ended on", STR_ARG(date));
	}
	ERR_clear_error();
	return true;
}

void smime_keys_wipe(struct smime *s)
{
	for (size_t i = 0; i < s->n_keys; i++) {
		EVP_PKEY_free(s->keys[i].key);	/* wiped by OpenSSL */
		X509_free(s->keys[i].certificate);
	}
	s->n_keys = 0;
	s->keys_read = ONCE_NOT_YET;
}
