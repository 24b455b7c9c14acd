/* OpenSSL has a type of this name, base an error kind. */
#define ERR_STATE openssl_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#undef ERR_STATE

#include "sasl.h"

#include <limits.h>
#include <string.h>

#define NONCE_OCTETS	24
#define HASH_MAX	32

struct sasl {
	struct arena *arena;
	enum sasl_mechanism mechanism;
	struct sasl_login login;
	unsigned step;
	struct str nonce;
	struct str first_bare;	/* SCRAM client-first-message-bare */
	struct str reason;
	unsigned char server_signature[HASH_MAX];
	bool signed_by_us;	/* server_signature is set */
	bool verified;
};

static const char *const names[] = {
	[SASL_PLAIN] = "PLAIN",
	[SASL_SCRAM_SHA_1] = "SCRAM-SHA-1",
	[SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
	[SASL_OAUTHBEARER] = "OAUTHBEARER",
	[SASL_XOAUTH2] = "XOAUTH2",
	[SASL_EXTERNAL] = "EXTERNAL",
};

const char *sasl_name(enum sasl_mechanism m)
{
	return names[m];
}

struct sasl *sasl_make(struct arena *a, enum sasl_mechanism m,
    const struct sasl_login *login)
{
	struct sasl *s = arena_make(a, struct sasl);

	s->arena = a;
	s->mechanism = m;
	s->login = *login;
	s->nonce = login->nonce;
	s->reason = STR_EMPTY;
	return s;
}

void sasl_wipe(struct sasl *s)
{
	if (s)
		wipe(s, sizeof(*s));
}

struct str sasl_reason(const struct sasl *s)
{
	return s->reason;
}

/* -------------------------------------------------------------- base64 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

void sasl_base64(struct str in, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)in.p;

	for (size_t i = 0; i < in.n; i += 3) {
		size_t left = in.n - i;
		uint32_t v = (uint32_t)p[i] << 16 |
		    (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		    (left > 2 ? (uint32_t)p[i + 2] : 0);

		buf_add_char(out, alphabet[v >> 18]);
		buf_add_char(out, alphabet[v >> 12 & 63]);
		buf_add_char(out, left > 1 ? alphabet[v >> 6 & 63] : '=');
		buf_add_char(out, left > 2 ? alphabet[v & 63] : '=');
	}
}

static int digit_of(char c)
{
	const char *hit = c ? strchr(alphabet, c) : NULL;

	return hit ? (int)(hit - alphabet) : -1;
}

bool sasl_unbase64(struct str in, struct buf *out)
{
	size_t pad = 0;

	if (in.n % 4)
		return false;
	while (pad < 2 && pad < in.n && in.p[in.n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < in.n; i += 4) {
		size_t keep = i + 4 == in.n ? 3 - pad : 3;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			bool padded = k > keep;
			int d = padded ? 0 : digit_of(in.p[i + k]);

			if (d < 0)
				return false;
			v = v << 6 | (uint32_t)d;
		}
		if (v & ((1u << 8 * (3 - keep)) - 1))
			return false;	/* two spellings of one text */
		for (size_t k = 0; k < keep; k++)
			buf_add_char(out, (char)(v >> (16 - 8 * k) & 0xFF));
	}
	return true;
}

/* --------------------------------------------------------------- SCRAM */

static const EVP_MD *hash_of(const struct sasl *s)
{
	return s->mechanism == SASL_SCRAM_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static bool crypto_failed(struct err *e)
{
	return err_set(e, ERR_AUTH, "SCRAM: OpenSSL refuses a computation");
}

static bool hmac(const EVP_MD *md, const unsigned char *key, struct str text,
    unsigned char *out)
{
	unsigned n;

	return HMAC(md, key, EVP_MD_get_size(md),
	    (const unsigned char *)text.p, text.n, out, &n) != NULL;
}

/* RFC 5802 section 5.1: "," and "=" in a name. */
static void add_name(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == ',')
			buf_add_z(out, "=2C");
		else if (name.p[i] == '=')
			buf_add_z(out, "=3D");
		else
			buf_add_char(out, name.p[i]);
}

static bool scram_first(struct sasl *s, struct buf *response, struct err *e)
{
	unsigned char raw[NONCE_OCTETS];
	struct buf text;

	if (s->nonce.n == 0 && RAND_bytes(raw, sizeof(raw)) != 1)
		return crypto_failed(e);
	buf_init(&text, SASL_MESSAGE_MAX);
	if (s->nonce.n == 0) {
		sasl_base64((struct str){ (char *)raw, sizeof(raw) }, &text);
		s->nonce = arena_str(s->arena, buf_str(&text));
		buf_clear(&text);
	}
	buf_add_z(&text, "n=");
	add_name(&text, s->login.user);
	buf_printf(&text, ",r=%.*s", STR_ARG(s->nonce));
	s->first_bare = arena_str(s->arena, buf_str(&text));
	buf_add_z(response, "n,,");
	buf_add_str(response, s->first_bare);
	buf_free(&text);
	return true;
}

/* "x=value" in its place, up to the comma. */
static bool attribute(struct str *rest, char name, struct str *value)
{
	struct str part;

	if (!str_cut(rest, ',', &part) || part.n < 2 || part.p[0] != name ||
	    part.p[1] != '=')
		return false;
	*value = str_sub(part, 2, part.n);
	return true;
}

struct server_first {
	struct str nonce;
	struct buf salt;
	uint64_t iterations;
};

static bool read_server_first(const struct sasl *s, struct str challenge,
    struct server_first *f, struct err *e)
{
	struct str salt, i;

	if (!attribute(&challenge, 'r', &f->nonce) ||
	    !attribute(&challenge, 's', &salt) ||
	    !attribute(&challenge, 'i', &i) ||
	    !sasl_unbase64(salt, &f->salt) || f->salt.n == 0 ||
	    f->salt.over || !str_u64(i, UINT32_MAX, &f->iterations))
		return err_set(e, ERR_PROTO, "SCRAM: the server's challenge "
		    "cannot be read");
	if (!str_starts(f->nonce, s->nonce) || f->nonce.n == s->nonce.n)
		return err_set(e, ERR_AUTH, "SCRAM: the server answers "
		    "another login than ours");
	if (f->iterations < SASL_ITERATIONS_MIN ||
	    f->iterations > SASL_ITERATIONS_MAX)
		return err_set(e, ERR_AUTH, "SCRAM: the server wants %u "
		    "iterations; between %d and %d are acceptable",
		    (unsigned)f->iterations, SASL_ITERATIONS_MIN,
		    SASL_ITERATIONS_MAX);
	return true;
}

/* RFC 5802 section 3, from SaltedPassword to ServerSignature. */
static bool prove(struct sasl *s, const struct server_first *f,
    struct str auth_message, unsigned char *proof)
{
	const EVP_MD *md = hash_of(s);
	int n = EVP_MD_get_size(md);
	unsigned char salted[HASH_MAX], client[HASH_MAX], stored[HASH_MAX];
	unsigned char server[HASH_MAX], signature[HASH_MAX];
	bool good = s->login.secret.n <= INT_MAX &&
	    PKCS5_PBKDF2_HMAC(s->login.secret.p, (int)s->login.secret.n,
	    (const unsigned char *)f->salt.p, (int)f->salt.n,
	    (int)f->iterations, md, n, salted) == 1 &&
	    hmac(md, salted, STR_LIT("Client Key"), client) &&
	    EVP_Digest(client, (size_t)n, stored, NULL, md, NULL) == 1 &&
	    hmac(md, stored, auth_message, signature) &&
	    hmac(md, salted, STR_LIT("Server Key"), server) &&
	    hmac(md, server, auth_message, s->server_signature);

	for (int i = 0; good && i < n; i++)
		proof[i] = client[i] ^ signature[i];
	s->signed_by_us = good;
	wipe(salted, sizeof(salted));
	wipe(client, sizeof(client));
	wipe(stored, sizeof(stored));
	wipe(server, sizeof(server));
	return good;
}

static bool scram_final(struct sasl *s, struct str challenge,
    struct buf *response, struct err *e)
{
	struct server_first f = { 0 };
	struct buf auth;
	unsigned char proof[HASH_MAX];
	int n = EVP_MD_get_size(hash_of(s));
	size_t start = response->n;
	bool good;

	buf_init(&f.salt, 1024);
	buf_init(&auth, SASL_MESSAGE_MAX);
	good = read_server_first(s, challenge, &f, e);
	if (good) {
		/* "biws" is base64 of the GS2 header "n,,". */
		buf_printf(response, "c=biws,r=%.*s", STR_ARG(f.nonce));
		buf_add_str(&auth, s->first_bare);
		buf_printf(&auth, ",%.*s,", STR_ARG(challenge));
		buf_add_str(&auth, str_sub(buf_str(response), start,
		    response->n));
		good = prove(s, &f, buf_str(&auth), proof) ||
		    crypto_failed(e);
	}
	if (good) {
		buf_add_z(response, ",p=");
		sasl_base64((struct str){ (char *)proof, (size_t)n },
		    response);
		wipe(proof, sizeof(proof));
	}
	buf_free(&f.salt);
	buf_free(&auth);
	return good;
}

static bool scram_verify(struct sasl *s, struct str challenge, struct err *e)
{
	size_t n = (size_t)EVP_MD_get_size(hash_of(s));
	struct str v;
	struct buf raw;

	if (str_starts(challenge, STR_LIT("e="))) {
		s->reason = arena_str(s->arena, str_sub(challenge, 2, 200));
		return true;	/* the tagged NO comes next */
	}
	buf_init(&raw, 1024);
	if (s->signed_by_us && attribute(&challenge, 'v', &v) &&
	    sasl_unbase64(v, &raw) && raw.n == n &&
	    CRYPTO_memcmp(raw.p, s->server_signature, n) == 0)
		s->verified = true;
	buf_free(&raw);
	if (!s->verified)
		return err_set(e, ERR_AUTH, "SCRAM: the server cannot prove "
		    "that it knows the password: it may be the wrong one");
	return true;
}

static bool scram_step(struct sasl *s, struct str challenge,
    struct buf *response, struct err *e)
{
	switch (s->step) {
	case 0:
		return scram_first(s, response, e);
	case 1:
		return scram_final(s, challenge, response, e);
	default:
		return scram_verify(s, challenge, e);
	}
}

/* --------------------------------------------------------------- OAuth */

/* \001 stands between the fields; the host of OAUTHBEARER is optional, and
 * servers that look at it want the name that was asked for. */
static void bearer_first(const struct sasl *s, struct buf *response)
{
	if (s->mechanism == SASL_XOAUTH2) {
		buf_add_z(response, "user=");
		buf_add_str(response, s->login.user);
	} else {
		buf_add_z(response, "n,a=");
		add_name(response, s->login.user);
		buf_printf(response, ",\001host=%.*s\001port=%u",
		    STR_ARG(s->login.host), s->login.port);
	}
	buf_add_z(response, "\001auth=Bearer ");
	buf_add_str(response, s->login.secret);
	buf_add_z(response, "\001\001");
}

static bool bearer_step(struct sasl *s, struct str challenge,
    struct buf *response)
{
	if (s->step == 0) {
		bearer_first(s, response);
		return true;
	}
	/* A challenge is an error in JSON; RFC 7628 section 3.2.3 answers
	 * it with \001, XOAUTH2 with nothing. */
	s->reason = arena_str(s->arena, str_sub(challenge, 0, 500));
	if (s->mechanism == SASL_OAUTHBEARER)
		buf_add_char(response, '\001');
	return true;
}

/* ----------------------------------------------------------- all of them */

static bool plain_step(const struct sasl *s, struct buf *response,
    struct err *e)
{
	if (s->step)
		return err_set(e, ERR_PROTO, "PLAIN: the server asks for more "
		    "than there is to say");
	buf_add_char(response, '\0');
	buf_add_str(response, s->login.user);
	buf_add_char(response, '\0');
	buf_add_str(response, s->login.secret);
	return true;
}

static bool one_step(struct sasl *s, struct str challenge,
    struct buf *response, struct err *e)
{
	switch (s->mechanism) {
	case SASL_PLAIN:
		return plain_step(s, response, e);
	case SASL_SCRAM_SHA_1:
	case SASL_SCRAM_SHA_256:
		return scram_step(s, challenge, response, e);
	case SASL_OAUTHBEARER:
	case SASL_XOAUTH2:
		return bearer_step(s, challenge, response);
	case SASL_EXTERNAL:
		/* RFC 4422 appendix A: the identity to act as */
		buf_add_str(response, s->login.user);
		return true;
	}
	return false;
}

/* None of them has a place in a user name, a password or a token; PLAIN and
 * the OAuth mechanisms use the first two as separators. */
static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || s.p[i] == '\001' || s.p[i] == '\r' ||
		    s.p[i] == '\n')
			return true;
	return false;
}

bool sasl_step(struct sasl *s, struct str challenge, struct buf *response,
    struct err *e)
{
	if (has_control(s->login.user) || has_control(s->login.secret))
		return err_set(e, ERR_AUTH, "user name or secret holds a NUL, "
		    "a line end or ^A");
	if (s->step > 3)
		return err_set(e, ERR_PROTO, "%s: the server never stops "
		    "asking", sasl_name(s->mechanism));
	if (!one_step(s, challenge, response, e))
		return false;
	s->step++;
	if (response->over)
		return err_set(e, ERR_AUTH, "user name or secret is too long");
	return true;
}

bool sasl_finish(const struct sasl *s, struct err *e)
{
	if ((s->mechanism == SASL_SCRAM_SHA_1 ||
	    s->mechanism == SASL_SCRAM_SHA_256) && !s->verified)
		return err_set(e, ERR_AUTH, "SCRAM: the server took the login "
		    "without proving that it knows the password");
	return true;
}
