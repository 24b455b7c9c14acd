/* OpenPGP layers of a message; `crypt` opens them. */
#include "decrypt_room.h"

#include <string.h>

#include "../rules/charset.h"

static bool need_crypt(struct opening *o)
{
	return o->d->crypt || opening_refuse(o, SEAL_NO_KEY, "the account "
	    "has no OpenPGP keyring (`pgp` in its config)");
}

/* What CRYPT refused. */
static bool pass_on(struct opening *o, const struct seal_verdict *v)
{
	o->v->refusal = v->refusal;
	return false;
}

static bool decrypt(struct opening *o, struct str cipher, struct buf *plain)
{
	struct seal_verdict v;

	if (!need_crypt(o))
		return false;
	if (!crypt_decrypt(o->d->crypt, o->arena, cipher, plain, &v, o->e))
		return pass_on(o, &v);
	opening_add_layer(o, arena_printf(o->arena, "openpgp %s %s",
	    v.cipher, v.integrity).p);
	opening_add_signature(o, &v);
	return true;
}

bool pgp_open_mime(struct opening *o, const struct sealed_layer *l)
{
	struct buf cipher, plain;
	bool ok;

	buf_init(&cipher, l->data.n);
	buf_init_secret(&plain, o->d->limit);
	mime_decode(l->data, l->encoding, &cipher);
	opening_forget_signature(o);
	ok = decrypt(o, buf_str(&cipher), &plain);
	if (ok && !entity_is_valid(buf_str(&plain)))
		ok = opening_refuse(o, SEAL_UNREADABLE, "what was encrypted "
		    "is no MIME entity (it says no Content-Type)");
	ok = ok && opening_put(o, l, buf_str(&plain));
	buf_free(&plain);
	buf_free(&cipher);
	return ok;
}

/* ------------------------------------------------------------------- text */

/* The charset that the armor names (RFC 4880 section 6.2), or that of the
 * text around it. */
static struct charset armor_charset(struct str block, struct str around)
{
	struct str line;

	(void)str_cut(&block, '\n', &line);
	while (str_cut(&block, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0)
			break;
		if (str_istarts(line, STR_LIT("Charset:")))
			return charset_find(str_trim(str_sub(line, 8,
			    line.n)));
	}
	return charset_find(around);
}

/* The line end behind the block ends its last line. */
static void add_plain(struct str plain, struct charset charset,
    struct buf *out)
{
	if (str_ends(plain, STR_LIT("\r\n")))
		plain.n -= 2;
	else if (str_ends(plain, STR_LIT("\n")))
		plain.n--;
	if (utf8_valid(plain))
		buf_add_str(out, plain);
	else
		charset_add(&charset, plain, out);
}

static bool open_block(struct opening *o, struct str armor,
    struct str charset, struct buf *out)
{
	struct buf plain;
	bool ok;

	buf_init_secret(&plain, o->d->limit);
	ok = decrypt(o, armor, &plain);
	if (ok && plain.n && memchr(plain.p, '\0', plain.n))
		ok = opening_refuse(o, SEAL_UNREADABLE, "what was encrypted "
		    "is no text");
	if (ok)
		add_plain(buf_str(&plain), armor_charset(armor, charset),
		    out);
	buf_free(&plain);
	return ok;
}

/* Text around it is of whoever was on the way. */
static void add_around(struct opening *o, struct str text, struct buf *out)
{
	o->in_part |= str_trim(text).n > 0;
	buf_add_str(out, text);
}

/* All that is encrypted in TEXT; what is merely signed stays. */
static bool open_blocks(struct opening *o, struct str text,
    struct str charset, struct buf *out)
{
	struct sealed_block block;
	size_t at = 0, done = 0, n = 0;

	opening_forget_signature(o);
	while (sealed_next_block(text, &at, &block)) {
		if (block.is_signed)
			continue;
		if (++n > SEALED_BLOCKS_MAX)
			return opening_refuse(o, SEAL_OVER_LIMIT, "it has "
			    "more encrypted blocks than are looked at");
		add_around(o, str_sub(text, done, block.from - done), out);
		if (!open_block(o, str_sub(text, block.from,
		    block.end - block.from), charset, out))
			return false;
		done = block.end;
	}
	add_around(o, str_sub(text, done, text.n), out);
	o->in_part |= n > 1;	/* several pieces are no whole */
	return !out->over || opening_refuse(o, SEAL_OVER_LIMIT, "what was "
	    "encrypted is larger than the limit");
}

bool pgp_open_text(struct opening *o, const struct sealed_layer *l)
{
	struct buf text, plain, entity;
	bool ok;

	buf_init(&text, SEALED_TEXT_MAX);
	buf_init_secret(&plain, o->d->limit);
	buf_init_secret(&entity, o->d->limit * 2);
	ok = mime_decode_text(l->data, l->encoding, l->charset, &text) ||
	    opening_refuse(o, SEAL_OVER_LIMIT, "the text is larger than is "
	    "looked at");
	ok = ok && open_blocks(o, buf_str(&text), l->charset, &plain);
	if (ok)
		entity_add_text(buf_str(&plain), &entity);
	ok = ok && opening_put(o, l, buf_str(&entity));
	buf_free(&entity);
	buf_free(&plain);
	buf_free(&text);
	return ok;
}

/* ------------------------------------------------------------- signatures */

/* What cannot be read as a signature is none that fits; all else is our own
 * trouble. */
static bool is_bad(struct opening *o, struct seal_verdict *v)
{
	if (v->refusal != SEAL_UNREADABLE)
		return pass_on(o, v);
	err_clear(o->e);
	*v = (struct seal_verdict){ .signature = SEAL_BAD };
	return true;
}

/* RFC 3156 section 5: with CRLF, and without the line end that is of the
 * boundary. */
bool pgp_verify(struct opening *o, const struct sealed_layer *l)
{
	struct seal_verdict v;
	struct buf text, signature;
	bool ok;

	if (!o->d->crypt && !o->verify)
		return opening_not_verified(o);
	if (!need_crypt(o))
		return false;
	buf_init_secret(&text, 2 * l->text.n + 2);
	buf_init(&signature, l->data.n);
	entity_add_lines(&text, l->text, true);
	if (!str_ends(l->text, STR_LIT("\n")))
		text.n -= 2;
	mime_decode(l->data, l->encoding, &signature);
	ok = crypt_verify(o->d->crypt, o->arena, buf_str(&text),
	    buf_str(&signature), &v, o->e) || is_bad(o, &v);
	if (ok)
		opening_add_signature(o, &v);
	buf_free(&signature);
	buf_free(&text);
	return ok;
}

/* All of the text must be in the signed block. */
bool pgp_verify_text(struct opening *o, const struct sealed_layer *l)
{
	struct seal_verdict v;
	struct sealed_block block;
	struct buf text, inside;
	struct str s;
	size_t at = 0;
	bool ok = true;

	if (!o->d->crypt && !o->verify)
		return opening_not_verified(o);
	if (!need_crypt(o))
		return false;
	buf_init_secret(&text, SEALED_TEXT_MAX);
	buf_init_secret(&inside, SEALED_TEXT_MAX);
	mime_decode(l->data, l->encoding, &text);
	s = buf_str(&text);
	if (sealed_next_block(s, &at, &block) && block.is_signed) {
		add_around(o, str_sub(s, 0, block.from), &inside);
		add_around(o, str_sub(s, block.end, s.n), &inside);
		buf_clear(&inside);
		ok = crypt_verify_clear(o->d->crypt, o->arena, str_sub(s,
		    block.from, block.end - block.from), &inside, &v,
		    o->e) || is_bad(o, &v);
		if (ok)
			opening_add_signature(o, &v);
	}
	buf_free(&inside);
	buf_free(&text);
	return ok;
}
