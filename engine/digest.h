/*
 * digest - SHA-256 (FIPS 180-4) by OpenSSL.
 */
#ifndef TAMIS_DIGEST_H
#define TAMIS_DIGEST_H

#include "../rules/base.h"

#define DIGEST_SIZE	32	/* octets */

struct digest;

struct digest *digest_new(void);
void digest_add(struct digest *d, struct str s);
void digest_end(struct digest **d, uint8_t out[DIGEST_SIZE]);	/* frees */
void digest_of(struct str s, uint8_t out[DIGEST_SIZE]);
/* 2 * n lower-case digits. */
struct str digest_hex(struct arena *a, const uint8_t *bytes, size_t n);

#endif
