#include "decrypt.h"

#include <string.h>

#include "../rules/charset.h"
#include "../rules/mail.h"
#include "entity.h"

/* A message on its way from layer to layer. */
struct opening {
	struct decrypt *d;
	struct arena *arena;
	struct buf bytes[2];	/* of which one is what is being made of it */
	int which;
	struct str now;		/* the message as far as it is opened */
	bool crlf;
	/* The header of what was encrypted as a whole message, innermost. */
	struct buf payload;
	bool has_payload;
	bool in_part;		/* something stands beside what was opened */
	const struct str *addresses;	/* the signer's */
	size_t n_addresses;
	struct decrypt_verdict *v;
	struct err *e;
};

static bool refuse(struct opening *o, enum seal_refusal why,
    const char *sentence)
{
	o->v->refusal = why;
	return err_set(o->e, ERR_MESSAGE, "%s", sentence);
}

/* --------------------------------------------------------------- verdict */

static void copy_text(char *to, size_t size, const char *text)
{
	struct str s = utf8_head(str_of(text), size - 1);

	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

static void add_layer(struct opening *o, const char *kind,
    const struct seal_verdict *v)
{
	char *layers = o->v->layers;

	copy_text(layers, sizeof(o->v->layers), arena_printf(o->arena,
	    "%s%s%s %s %s", layers, *layers ? ", " : "", kind,
	    v->cipher ? v->cipher : "-", v->integrity ? v->integrity : "-").p);
}

/* Of several the worst counts; one outside the encryption says nothing of
 * what is inside (anybody can sign what others have encrypted). */
static void add_signature(struct opening *o, const struct seal_verdict *v)
{
	if (v->signature == SEAL_UNSIGNED)
		return;
	if (o->v->signature != SEAL_UNSIGNED &&
	    o->v->signature <= v->signature)
		return;
	o->v->signature = v->signature;
	copy_text(o->v->signer, sizeof(o->v->signer),
	    v->signer ? v->signer : "");
	o->addresses = v->addresses;
	o->n_addresses = v->n_addresses;
}

static void forget_signature(struct opening *o)
{
	o->v->signature = SEAL_UNSIGNED;
	o->v->signer[0] = '\0';
	o->addresses = NULL;
	o->n_addresses = 0;
}

static const char *signature_word(enum seal_signature s)
{
	static const char *const words[] = {
		[SEAL_UNSIGNED] = "none", [SEAL_BAD] = "bad",
		[SEAL_REVOKED] = "revoked", [SEAL_EXPIRED] = "expired",
		[SEAL_UNKNOWN_KEY] = "unknown-key",
		[SEAL_UNTRUSTED] = "untrusted", [SEAL_GOOD] = "good",
	};

	return words[s];
}

/* ----------------------------------------------------------------- moving */

/* The buffer for what comes next; the message is still in the other. */
static struct buf *other_buffer(struct opening *o)
{
	struct buf *b = &o->bytes[!o->which];

	buf_free(b);
	return b;
}

static bool move_on(struct opening *o)
{
	struct buf *b = &o->bytes[!o->which];

	if (b->over)
		return refuse(o, SEAL_OVER_LIMIT, "what was encrypted is "
		    "larger than the limit");
	o->which = !o->which;
	o->now = buf_str(b);
	return true;
}

/* The header alone: what is in it was protected with the rest. */
static void keep_payload(struct opening *o, struct str entity)
{
	struct entity_field f;
	size_t at = 0;

	while (entity_next(entity, &at, &f))
		;
	buf_free(&o->payload);
	buf_add_str(&o->payload, str_sub(entity, 0, at));
	o->has_payload = true;
}

/* ENTITY takes the place of the layer. */
static bool put(struct opening *o, const struct sealed_layer *l,
    struct str entity)
{
	struct buf *b = other_buffer(o);
	size_t from = (size_t)(l->whole.p - o->now.p);

	if (l->is_root) {
		entity_replace(str_sub(o->now, 0, from), entity, o->crlf, b);
		keep_payload(o, entity);
		return move_on(o);
	}
	o->in_part = true;
	buf_add_str(b, str_sub(o->now, 0, from));
	entity_add_part(entity, o->crlf, b);
	buf_add_str(b, str_sub(o->now, from + l->whole.n, o->now.n));
	return move_on(o);
}

/* --------------------------------------------------------------- OpenPGP */

static bool need_crypt(struct opening *o)
{
	return o->d->crypt || refuse(o, SEAL_NO_KEY, "the account has no "
	    "OpenPGP keyring (`pgp` in its config)");
}

/* What the layer holds, without its transfer encoding. */
static void decode(const struct sealed_layer *l, struct buf *out)
{
	mime_decode(l->data, l->encoding, out);
}

static bool pgp_decrypt(struct opening *o, struct str cipher,
    struct buf *plain)
{
	struct seal_verdict v;

	if (!need_crypt(o))
		return false;
	if (!crypt_decrypt(o->d->crypt, o->arena, cipher, plain, &v, o->e)) {
		o->v->refusal = v.refusal;
		return false;
	}
	add_layer(o, "openpgp", &v);
	add_signature(o, &v);
	return true;
}

static bool open_pgp_mime(struct opening *o, const struct sealed_layer *l)
{
	struct buf cipher, plain;
	bool ok;

	buf_init(&cipher, l->data.n);
	buf_init_secret(&plain, o->d->limit);
	decode(l, &cipher);
	forget_signature(o);
	ok = pgp_decrypt(o, buf_str(&cipher), &plain);
	if (ok && !entity_is_valid(buf_str(&plain)))
		ok = refuse(o, SEAL_UNREADABLE, "what was encrypted is no "
		    "MIME entity (it says no Content-Type)");
	ok = ok && put(o, l, buf_str(&plain));
	buf_free(&plain);
	buf_free(&cipher);
	return ok;
}

/* ------------------------------------------------------------ armored text */

/* The charset that the armor names (RFC 4880 section 6.2), or that of the
 * text around it. */
static struct charset armor_charset(struct str block, struct str around)
{
	struct str line;

	str_cut(&block, '\n', &line);
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

static void add_plain(struct str plain, struct charset charset,
    struct buf *out)
{
	if (utf8_valid(plain))
		buf_add_str(out, plain);
	else
		charset_add(&charset, plain, out);
	if (plain.n && plain.p[plain.n - 1] == '\n')
		out->n -= out->n && out->p[out->n - 1] == '\n';
}

/* All that is encrypted in TEXT; what is merely signed stays. */
static bool open_blocks(struct opening *o, struct str text,
    struct str charset, struct buf *out)
{
	struct sealed_block block;
	size_t at = 0, done = 0, n = 0;
	bool ok = true;

	forget_signature(o);
	while (ok && sealed_next_block(text, &at, &block)) {
		struct str armor = str_sub(text, block.from,
		    block.end - block.from);
		struct buf plain;

		if (block.is_signed)
			continue;
		if (++n > SEALED_BLOCKS_MAX)
			return refuse(o, SEAL_OVER_LIMIT, "it has more "
			    "encrypted blocks than are looked at");
		buf_init_secret(&plain, o->d->limit);
		ok = pgp_decrypt(o, armor, &plain);
		if (ok && memchr(plain.p, '\0', plain.n))
			ok = refuse(o, SEAL_UNREADABLE, "what was encrypted "
			    "is no text");
		buf_add_str(out, str_sub(text, done, block.from - done));
		if (ok)
			add_plain(buf_str(&plain), armor_charset(armor,
			    charset), out);
		o->in_part |= str_trim(str_sub(text, done,
		    block.from - done)).n > 0;
		done = block.end;
		buf_free(&plain);
	}
	/* several pieces are no whole, nor is one with words around it */
	o->in_part |= n > 1 || str_trim(str_sub(text, done, text.n)).n > 0;
	buf_add_str(out, str_sub(text, done, text.n));
	return ok;
}

static bool open_text(struct opening *o, const struct sealed_layer *l)
{
	struct buf text, plain, entity;
	bool ok;

	buf_init(&text, SEALED_TEXT_MAX);
	buf_init_secret(&plain, o->d->limit);
	buf_init_secret(&entity, o->d->limit * 2);
	ok = mime_decode_text(l->data, l->encoding, l->charset, &text) ||
	    refuse(o, SEAL_OVER_LIMIT, "the text is larger than is looked "
	    "at");
	ok = ok && open_blocks(o, buf_str(&text), l->charset, &plain);
	if (ok && plain.over)
		ok = refuse(o, SEAL_OVER_LIMIT, "what was encrypted is "
		    "larger than the limit");
	if (ok)
		entity_add_text(buf_str(&plain), &entity);
	ok = ok && put(o, l, buf_str(&entity));
	buf_free(&entity);
	buf_free(&plain);
	buf_free(&text);
	return ok;
}

/* ------------------------------------------------------------- signatures */

static bool verify_pgp(struct opening *o, const struct sealed_layer *l,
    struct seal_verdict *v)
{
	struct buf text, signature;
	bool ok;

	if (!need_crypt(o))
		return false;
	buf_init_secret(&text, SIZE_MAX);
	buf_init(&signature, l->data.n);
	entity_add_lines(&text, l->text, true);
	text.n -= text.n >= 2 ? 2 : 0;	/* that of the boundary */
	decode(l, &signature);
	ok = crypt_verify(o->d->crypt, o->arena, buf_str(&text),
	    buf_str(&signature), v, o->e);
	if (!ok)
		o->v->refusal = v->refusal;
	buf_free(&signature);
	buf_free(&text);
	return ok;
}

/* A signature around something encrypted: that is of the outside, and goes;
 * it need not be good, for nobody is to believe it. */
static bool unwrap(struct opening *o, const struct sealed_layer *l)
{
	struct buf entity;
	bool ok;

	buf_init_secret(&entity, l->text.n);
	buf_add_str(&entity, l->text);
	ok = put(o, l, buf_str(&entity));
	buf_free(&entity);
	return ok;
}

/* The signature of the message that is left. */
static bool verify_last(struct opening *o, const struct sealed_layer *l)
{
	struct seal_verdict v;

	if (l->kind != SEALED_PGP_SIGNED || l->place != SEALED_SAFE)
		return true;
	if (!verify_pgp(o, l, &v))
		return false;
	add_signature(o, &v);
	if (o->has_payload || !o->v->changed)
		keep_payload(o, l->text);
	return true;
}

/* ----------------------------------------------------------------- layers */

static bool in_safe_place(struct opening *o, const struct sealed *s)
{
	if (s->cut)
		return refuse(o, SEAL_OVER_LIMIT, "it has more parts than are "
		    "looked at");
	switch (s->layer.place) {
	case SEALED_SAFE:
		break;
	case SEALED_BESIDE_OTHERS:
		return refuse(o, SEAL_UNSAFE_PLACE, "other parts than plain "
		    "text stand beside what is encrypted: in their company "
		    "it is not decrypted (EFAIL)");
	case SEALED_SEVERAL:
		return refuse(o, SEAL_UNSAFE_PLACE, "several parts are "
		    "encrypted: they are not put together in one message");
	case SEALED_INCOMPLETE:
		return refuse(o, SEAL_UNREADABLE, "a part of what is "
		    "encrypted or signed is missing");
	}
	return true;
}

static bool has_encrypted(const struct sealed *s)
{
	return (s->kinds & (SEALED_BIT(SEALED_PGP_ENCRYPTED) |
	    SEALED_BIT(SEALED_PGP_TEXT) |
	    SEALED_BIT(SEALED_SMIME_ENCRYPTED))) != 0;
}

static bool open_layer(struct opening *o, const struct sealed *s)
{
	if (!in_safe_place(o, s))
		return false;
	switch (s->layer.kind) {
	case SEALED_PGP_ENCRYPTED:
		return open_pgp_mime(o, &s->layer);
	case SEALED_PGP_TEXT:
		return open_text(o, &s->layer);
	case SEALED_PGP_SIGNED:
	case SEALED_SMIME_SIGNED:
		return unwrap(o, &s->layer);
	case SEALED_SMIME_ENCRYPTED:
		return refuse(o, SEAL_NO_KEY, "there is no key for S/MIME");
	case SEALED_SMIME_OPAQUE:
	case SEALED_PGP_TEXT_SIGNED:
	case SEALED_NOT:
		break;
	}
	return refuse(o, SEAL_UNREADABLE, "nothing can be decrypted in it");
}

static bool open_layers(struct opening *o, bool verify)
{
	for (int depth = 0; depth < DECRYPT_DEPTH_MAX; depth++) {
		struct arena *a = arena_new();
		struct mail *m = mail_make(a, o->now, MAIL_WHOLE, NULL, 0);
		const struct sealed *s = mail_sealed(m);
		bool last = !has_encrypted(s), ok = true;

		if (!last) {
			ok = open_layer(o, s);
			o->v->changed = true;
		} else if (verify || o->v->changed) {
			ok = verify_last(o, &s->layer);
		}
		arena_free(&a);
		if (!ok || last)
			return ok;
	}
	return refuse(o, SEAL_OVER_LIMIT, "it is encrypted in too many "
	    "layers");
}

/* ------------------------------------------------------- protected header */

/* RFC 9788 section 3: the sender says so in the Content-Type of what is
 * encrypted; programs before it have said "protected-headers". */
static bool is_protected(struct opening *o)
{
	struct entity_field f;
	struct content_type type;

	if (!o->has_payload || o->in_part ||
	    !entity_find(buf_str(&o->payload), "Content-Type", &f))
		return false;
	content_type_read(o->arena, entity_value(&f), &type);
	return type.protects_header;
}

static bool is_signers(const struct opening *o, struct str address)
{
	for (size_t i = 0; i < o->n_addresses; i++)
		if (str_ieq(o->addresses[i], address))
			return true;
	return false;
}

/* Is the only author of this header one that the signer's key is of? */
static bool is_by_author(struct opening *o, struct str header)
{
	struct mail *m;
	const struct address *list;

	if (o->v->signature != SEAL_GOOD || o->in_part)
		return false;
	m = mail_make(o->arena, header, MAIL_HEADER, NULL, 0);
	return mail_field_count(m, STR_LIT("From")) == 1 &&
	    mail_addresses(m, STR_LIT("From"), &list) == 1 &&
	    is_signers(o, list[0].address);
}

/* Subject first: it needs no signature. */
static const char *const protected_names[] = { "Subject", "From", "Sender",
	"Reply-To", "To", "Cc", "Date", "Message-ID" };

/* Bits of protected_names that the payload gives. */
static unsigned promoted_fields(struct opening *o)
{
	struct entity_field f;
	struct str payload = buf_str(&o->payload);
	unsigned set = 0;
	size_t n = is_by_author(o, payload) ? COUNT(protected_names) : 1;

	for (size_t i = 0; is_protected(o) && i < n; i++)
		if (entity_find(payload, protected_names[i], &f))
			set |= 1u << i;
	return set;
}

static void add_promoted(struct opening *o, size_t i, struct buf *out)
{
	struct entity_field f;

	if (entity_find(buf_str(&o->payload), protected_names[i], &f))
		entity_add_lines(out, f.whole, o->crlf);
}

static bool is_ours(const struct opening *o, struct str name)
{
	static const struct str head = { "Tamis-Decrypted-", 16 };

	return o->d->token.n && str_istarts(name, head) &&
	    str_ieq(str_sub(name, head.n, name.n), o->d->token);
}

static void add_ours(const struct opening *o, struct buf *out)
{
	const char *eol = entity_eol(o->crlf);

	if (o->d->token.n == 0)
		return;
	buf_printf(out, "Tamis-Decrypted-%.*s: %s;%s signature=%s",
	    STR_ARG(o->d->token), o->v->layers, eol,
	    signature_word(o->v->signature));
	if (o->v->signer[0])
		buf_printf(out, ";%s signer=%s", eol, o->v->signer);
	buf_printf(out, "; author=%s%s", o->v->by_author ? "yes" : "no", eol);
}

/* The field that stands where the first of its name stood; others of the
 * name go. */
static bool replaced_field(struct opening *o, struct str name,
    unsigned wanted, unsigned *done, struct buf *out)
{
	for (size_t i = 0; i < COUNT(protected_names); i++) {
		if (!(wanted & 1u << i) ||
		    !str_ieq_z(name, protected_names[i]))
			continue;
		if (!(*done & 1u << i))
			add_promoted(o, i, out);
		*done |= 1u << i;
		return true;
	}
	return false;
}

/* The message with its header as it is to be. */
static bool finish(struct opening *o)
{
	struct buf *b = other_buffer(o);
	unsigned wanted = promoted_fields(o), done = 0;
	struct entity_field f;
	size_t at = 0;

	while (entity_next(o->now, &at, &f)) {
		if (!is_ours(o, f.name) &&
		    !replaced_field(o, f.name, wanted, &done, b))
			buf_add_str(b, f.whole);
	}
	for (size_t i = 0; i < COUNT(protected_names); i++)
		if (wanted & ~done & 1u << i)
			add_promoted(o, i, b);
	o->v->by_author = is_by_author(o, buf_str(b));
	add_ours(o, b);
	buf_add_z(b, entity_eol(o->crlf));
	buf_add_str(b, str_sub(o->now, at, o->now.n));
	return move_on(o);
}

static bool open_message(struct opening *o, struct str message, bool verify)
{
	*o->v = (struct decrypt_verdict){ .refusal = SEAL_OPENED };
	o->now = message;
	o->crlf = entity_is_crlf(message);
	for (int i = 0; i < 2; i++)
		buf_init_secret(&o->bytes[i], o->d->limit);
	buf_init_secret(&o->payload, o->d->limit);
	o->arena = arena_new();
	return open_layers(o, verify);
}

static void close_message(struct opening *o)
{
	for (int i = 0; i < 2; i++)
		buf_free(&o->bytes[i]);
	buf_free(&o->payload);
	arena_free(&o->arena);
}

bool decrypt_message(struct decrypt *d, struct str message, struct buf *out,
    struct decrypt_verdict *v, struct err *e)
{
	struct opening o = { .d = d, .v = v, .e = e };
	bool ok = open_message(&o, message, false);

	ok = ok && (!v->changed || finish(&o));
	if (ok && v->changed)
		buf_add_str(out, o.now);
	close_message(&o);
	return ok;
}

bool decrypt_signature(struct decrypt *d, struct str message,
    struct decrypt_verdict *v, struct err *e)
{
	struct opening o = { .d = d, .v = v, .e = e };
	bool ok = open_message(&o, message, true);

	if (ok)
		v->by_author = is_by_author(&o, message);
	close_message(&o);
	return ok;
}
