/*
 * pgp_maker - OpenPGP messages that no program makes: with a session key
 * that GnuPG has chosen, and anything behind it.
 *
 * Header only, as each unit test is one source file.  Include it after
 * gnupg.h.  RFC 4880 sections 5.7, 5.13, 13.9; AEAD as GnuPG 2.3 made it
 * (packet 20, OCB).
 */
#ifndef TAMIS_PGP_MAKER_H
#define TAMIS_PGP_MAKER_H

/* one of our kinds of errors is called so */
#define ERR_STATE	openssl_err_state
#include <openssl/evp.h>
#include <openssl/rand.h>
#undef ERR_STATE

#define MAKER_BLOCK	16
#define MAKER_KEY	32

struct pgp_maker {
	struct str session;	/* the packet with the key, encrypted */
	unsigned char key[MAKER_KEY];
};

static inline size_t maker_packet_size(struct str s)
{
	unsigned char tag = (unsigned char)s.p[0];
	unsigned char first = (unsigned char)s.p[1];

	/* old format with one or two octets of length, or new with one */
	return tag & 0x40 ? 2u + first : (tag & 3) == 0 ? 2u + first :
	    3u + (first << 8 | (unsigned char)s.p[2]);
}

static inline struct pgp_maker maker_begin(struct arena *a, const char *home,
    const char *recipient)
{
	struct pgp_maker m;
	struct str sealed = GNUPG(a, home, STR_LIT("x"), "-e", "-r",
	    recipient), status, key;

	m.session = str_sub(sealed, 0, maker_packet_size(sealed));
	status = GNUPG(a, home, sealed, "--show-session-key", "--status-fd",
	    "1", "-d");
	key = str_of(strstr(status.p, "SESSION_KEY 9:"));
	assert_true(key.n > 14 + 2 * MAKER_KEY);
	for (size_t i = 0; i < MAKER_KEY; i++)
		assert_int_equal(sscanf(key.p + 14 + 2 * i, "%2hhx",
		    &m.key[i]), 1);
	return m;
}

static inline void maker_packet(struct buf *out, int tag, struct str body)
{
	buf_add_char(out, (char)(0xC0 | tag));
	buf_add_char(out, '\xFF');
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(out, (char)(body.n >> shift & 0xFF));
	buf_add_str(out, body);
}

/* A literal data packet. */
static inline void maker_literal(struct buf *out, struct str text)
{
	struct buf b;

	buf_init(&b, text.n + 100);
	buf_add(&b, "b\0\0\0\0\0", 6);
	buf_add_str(&b, text);
	maker_packet(out, 11, buf_str(&b));
	buf_free(&b);
}

static inline void maker_cfb(const unsigned char *key,
    const unsigned char *iv, const unsigned char *in, size_t n,
    unsigned char *to)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int done = 0;

	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_256_cfb128(), NULL,
	    key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(c, to, &done, in, (int)n), 1);
	assert_int_equal(done, n);
	EVP_CIPHER_CTX_free(c);
}

enum maker_kind {
	MAKER_MDC,
	MAKER_WRONG_MDC,	/* of other octets */
	MAKER_NO_MDC,		/* packet 18 without the one at its end */
	MAKER_OLD,		/* packet 9, which has none */
	MAKER_OCB,
	MAKER_WRONG_OCB,	/* in the middle */
	MAKER_CUT_OCB,		/* there, between two chunks */
};

static inline void maker_mdc(struct buf *b, bool wrong)
{
	unsigned char hash[20];

	buf_add(b, "\xD3\x14", 2);
	EVP_Digest(b->p, b->n, hash, NULL, EVP_sha1(), NULL);
	hash[0] ^= wrong;
	buf_add(b, hash, sizeof(hash));
}

/* Packet 18, section 5.13: no resynchronisation. */
static inline void maker_protected(const struct pgp_maker *m, struct str plain,
    enum maker_kind kind, struct buf *out)
{
	unsigned char prefix[MAKER_BLOCK + 2], iv[MAKER_BLOCK] = { 0 };
	struct buf clear, body;

	RAND_bytes(prefix, MAKER_BLOCK);
	memcpy(prefix + MAKER_BLOCK, prefix + MAKER_BLOCK - 2, 2);
	buf_init(&clear, plain.n + 100);
	buf_init(&body, plain.n + 100);
	buf_add(&clear, prefix, sizeof(prefix));
	buf_add_str(&clear, plain);
	if (kind != MAKER_NO_MDC)
		maker_mdc(&clear, kind == MAKER_WRONG_MDC);
	buf_add_char(&body, 1);
	buf_add_str(&body, buf_str(&clear));
	maker_cfb(m->key, iv, (unsigned char *)clear.p, clear.n,
	    (unsigned char *)body.p + 1);
	maker_packet(out, 18, buf_str(&body));
	buf_free(&clear);
	buf_free(&body);
}

/* Packet 9, section 13.9. */
static inline void maker_old(const struct pgp_maker *m, struct str plain,
    struct buf *out)
{
	unsigned char prefix[MAKER_BLOCK + 2], iv[MAKER_BLOCK] = { 0 };
	struct buf body;

	RAND_bytes(prefix, MAKER_BLOCK);
	memcpy(prefix + MAKER_BLOCK, prefix + MAKER_BLOCK - 2, 2);
	buf_init(&body, plain.n + 100);
	buf_add(&body, prefix, sizeof(prefix));
	buf_add_str(&body, plain);
	maker_cfb(m->key, iv, prefix, sizeof(prefix),
	    (unsigned char *)body.p);
	maker_cfb(m->key, (unsigned char *)body.p + 2,
	    (const unsigned char *)plain.p, plain.n,
	    (unsigned char *)body.p + sizeof(prefix));
	maker_packet(out, 9, buf_str(&body));
	buf_free(&body);
}

static inline void maker_number(unsigned char *to, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		to[i] = (unsigned char)(n & 0xFF);
}

/* One chunk, or the tag at the end (IN empty). */
static inline void maker_chunk(const struct pgp_maker *m,
    const unsigned char *iv, uint64_t index, const unsigned char *head,
    size_t n_head, struct str in, struct buf *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char nonce[15], number[8], tag[16], *to;
	int done;

	memcpy(nonce, iv, sizeof(nonce));
	maker_number(number, index);
	for (int i = 0; i < 8; i++)
		nonce[7 + i] ^= number[i];
	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_256_ocb(), NULL, NULL,
	    NULL), 1);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, sizeof(nonce), NULL);
	assert_int_equal(EVP_EncryptInit_ex(c, NULL, NULL, m->key, nonce),
	    1);
	EVP_EncryptUpdate(c, NULL, &done, head, (int)n_head);
	buf_add_str(out, in);
	to = (unsigned char *)out->p + out->n - in.n;
	done = 0;
	if (in.n)
		EVP_EncryptUpdate(c, to, &done, (const unsigned char *)in.p,
		    (int)in.n);
	EVP_EncryptFinal_ex(c, to + done, &done);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag);
	buf_add(out, tag, sizeof(tag));
	EVP_CIPHER_CTX_free(c);
}

#define MAKER_CHUNK	64

static inline uint64_t maker_middle(struct str plain)
{
	return plain.n / MAKER_CHUNK / 2;
}

/* Of chunks as small as may be; WRONG: a bit in the one in the middle, CUT:
 * nothing from there on. */
static inline void maker_ocb(const struct pgp_maker *m, struct str plain,
    bool wrong, bool cut, struct buf *out)
{
	unsigned char head[21] = { 0xD4, 1, 9, 2, 0 }, iv[15];
	struct buf body;
	uint64_t i = 0;

	RAND_bytes(iv, sizeof(iv));
	buf_init(&body, 2 * plain.n + 200);
	buf_add(&body, head + 1, 4);
	buf_add(&body, iv, sizeof(iv));
	for (size_t at = 0; at < plain.n && !(cut && i == maker_middle(plain)); i++) {
		maker_number(head + 5, i);
		maker_chunk(m, iv, i, head, 13, str_sub(plain, at,
		    MAKER_CHUNK), &body);
		body.p[body.n - 1] ^= wrong && i == maker_middle(plain);
		at += MAKER_CHUNK;
	}
	maker_number(head + 5, i);
	maker_number(head + 13, plain.n);
	if (!cut)
		maker_chunk(m, iv, i, head, 21, STR_EMPTY, &body);
	maker_packet(out, 20, buf_str(&body));
	buf_free(&body);
}

/* A message whose PLAIN packets are sealed so. */
static inline struct str maker_message(struct arena *a,
    const struct pgp_maker *m, struct str plain, enum maker_kind kind)
{
	struct str text;
	struct buf out;

	buf_init(&out, m->session.n + 2 * plain.n + 1000);
	buf_add_str(&out, m->session);
	if (kind == MAKER_OLD)
		maker_old(m, plain, &out);
	else if (kind >= MAKER_OCB)
		maker_ocb(m, plain, kind == MAKER_WRONG_OCB,
		    kind == MAKER_CUT_OCB, &out);
	else
		maker_protected(m, plain, kind, &out);
	text = arena_str(a, buf_str(&out));
	buf_free(&out);
	return text;
}

#endif
