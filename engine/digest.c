/* OpenSSL has a type of the name of one of our error kinds. */
#define ERR_STATE	openssl_err_state
#include <openssl/evp.h>
#undef ERR_STATE

#include "digest.h"

#include <stdio.h>
#include <stdlib.h>

/* A struct digest is OpenSSL's context under our name. */
static EVP_MD_CTX *context(struct digest *d)
{
	return (EVP_MD_CTX *)d;
}

/* SHA-256 fails only where memory or the library itself is missing. */
static void must(bool ok)
{
	if (ok)
		return;
	fputs("tamis: OpenSSL has no SHA-256, or memory ran out\n", stderr);
	abort();
}

struct digest *digest_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	must(c != NULL);
	must(EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1);
	return (struct digest *)c;
}

void digest_add(struct digest *d, struct str s)
{
	if (s.n)
		must(EVP_DigestUpdate(context(d), s.p, s.n) == 1);
}

void digest_end(struct digest **d, uint8_t out[DIGEST_SIZE])
{
	must(EVP_DigestFinal_ex(context(*d), out, NULL) == 1);
	EVP_MD_CTX_free(context(*d));
	*d = NULL;
}

void digest_of(struct str s, uint8_t out[DIGEST_SIZE])
{
	must(EVP_Digest(s.n ? s.p : "", s.n, out, NULL, EVP_sha256(),
	    NULL) == 1);
}

struct str digest_hex(struct arena *a, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *p = arena_alloc(a, 2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		p[2 * i] = digits[bytes[i] >> 4];
		p[2 * i + 1] = digits[bytes[i] & 15];
	}
	return (struct str){ p, 2 * n };
}
