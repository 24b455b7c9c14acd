#include "decrypt.h"

#include <string.h>

#include "decrypt_room.h"

bool opening_refuse(struct opening *o, enum seal_refusal why,
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

void opening_add_layer(struct opening *o, const char *layer)
{
	char *layers = o->v->layers;

	copy_text(layers, sizeof(o->v->layers), arena_printf(o->arena,
	    "%s%s%s", layers, *layers ? ", " : "", layer).p);
}

void opening_add_signature(struct opening *o, const struct seal_verdict *v)
{
	if (v->signature == SEAL_UNSIGNED)
		return;
	if (o->v->signature != SEAL_UNSIGNED &&
	    o->v->signature <= v->signature)
		return;
	o->v->signature = v->signature;
	copy_text(o->v->signer, sizeof(o->v->signer), v->signer);
	o->v->is_smime = false;
	o->addresses = v->addresses;
	o->n_addresses = v->n_addresses;
}

void opening_forget_signature(struct opening *o)
{
	o->v->signature = SEAL_UNSIGNED;
	o->v->signer[0] = '\0';
	o->addresses = NULL;
	o->n_addresses = 0;
}

bool opening_not_verified(struct opening *o)
{
	opening_add_signature(o, &(struct seal_verdict){
	    .signature = SEAL_UNKNOWN_KEY });
	return true;
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
		return opening_refuse(o, SEAL_OVER_LIMIT, "what was "
		    "encrypted is larger than the limit");
	o->which = !o->which;
	o->now = buf_str(b);
	return true;
}

void opening_keep_payload(struct opening *o, struct str entity)
{
	struct entity_field f;
	size_t at = 0;

	while (entity_next(entity, &at, &f))
		;
	buf_free(&o->payload);
	buf_add_str(&o->payload, str_sub(entity, 0, at));
	o->has_payload = true;
}

bool opening_put(struct opening *o, const struct sealed_layer *l,
    struct str entity)
{
	struct buf *b = other_buffer(o);
	size_t from = (size_t)(l->whole.p - o->now.p);

	if (l->is_root) {
		entity_replace(str_sub(o->now, 0, from), entity, o->crlf, b);
		opening_keep_payload(o, entity);
		return move_on(o);
	}
	o->in_part = true;
	buf_add_str(b, str_sub(o->now, 0, from));
	entity_add_part(entity, o->crlf, b);
	buf_add_str(b, str_sub(o->now, from + l->whole.n, o->now.n));
	return move_on(o);
}

/* ----------------------------------------------------------------- layers */

static bool in_safe_place(struct opening *o, const struct sealed *s)
{
	if (s->cut)
		return opening_refuse(o, SEAL_OVER_LIMIT, "it has more parts "
		    "than are looked at");
	switch (s->layer.place) {
	case SEALED_SAFE:
		break;
	case SEALED_BESIDE_OTHERS:
		return opening_refuse(o, SEAL_UNSAFE_PLACE, "other parts "
		    "than plain text stand beside what is encrypted: in "
		    "their company it is not decrypted (EFAIL)");
	case SEALED_SEVERAL:
		return opening_refuse(o, SEAL_UNSAFE_PLACE, "several parts "
		    "are encrypted: they are not put together in one "
		    "message");
	case SEALED_INCOMPLETE:
		return opening_refuse(o, SEAL_UNREADABLE, "a part of what is "
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

/* A signature around something encrypted is of the outside, and goes; it need
 * not be good, for nobody is to believe it. */
static bool unwrap(struct opening *o, const struct sealed_layer *l)
{
	struct buf entity;
	bool ok;

	buf_init_secret(&entity, l->text.n);
	buf_add_str(&entity, l->text);
	ok = opening_put(o, l, buf_str(&entity));
	buf_free(&entity);
	return ok;
}

static bool open_layer(struct opening *o, const struct sealed_layer *l)
{
	switch (l->kind) {
	case SEALED_PGP_ENCRYPTED:
		return pgp_open_mime(o, l);
	case SEALED_PGP_TEXT:
		return pgp_open_text(o, l);
	case SEALED_SMIME_ENCRYPTED:
		return cms_open(o, l);
	case SEALED_PGP_SIGNED:
	case SEALED_SMIME_SIGNED:
		return unwrap(o, l);
	case SEALED_SMIME_OPAQUE:
	case SEALED_PGP_TEXT_SIGNED:
	case SEALED_NOT:
		break;		/* what is encrypted comes before those */
	}
	return opening_refuse(o, SEAL_UNREADABLE, "nothing can be decrypted "
	    "in it");
}

/* What is signed may protect its header as what is encrypted does. */
static void look_in(struct opening *o, const struct sealed_layer *l)
{
	if (l->is_root && o->has_payload)
		opening_keep_payload(o, l->text);
}

/*
 * The innermost layer, in which nothing is seen to be encrypted; *MORE_OUT:
 * there was more behind it.  A message of which nothing was encrypted is only
 * looked at if its signature is asked for, or if it may be hiding what is.
 */
static bool end_layer(struct opening *o, const struct sealed_layer *l,
    bool *more_out)
{
	bool asked = o->v->changed || o->verify;

	*more_out = false;
	if (l->place != SEALED_SAFE || !(asked ||
	    (l->kind == SEALED_SMIME_OPAQUE && o->d->smime)))
		return true;
	switch (l->kind) {
	case SEALED_SMIME_OPAQUE:
		return cms_unpack(o, l, more_out);
	case SEALED_PGP_SIGNED:
		look_in(o, l);
		return pgp_verify(o, l);
	case SEALED_SMIME_SIGNED:
		look_in(o, l);
		return cms_verify(o, l);
	case SEALED_PGP_TEXT_SIGNED:
		return pgp_verify_text(o, l);
	case SEALED_PGP_ENCRYPTED:
	case SEALED_PGP_TEXT:
	case SEALED_SMIME_ENCRYPTED:
	case SEALED_NOT:
		break;
	}
	return true;
}

static bool next_layer(struct opening *o, bool *more_out)
{
	struct arena *a = arena_new();
	const struct sealed *s = mail_sealed(mail_make(a, o->now, MAIL_WHOLE,
	    NULL, 0));
	bool ok;

	*more_out = has_encrypted(s);
	if (*more_out)
		ok = in_safe_place(o, s) && open_layer(o, &s->layer);
	else
		ok = end_layer(o, &s->layer, more_out);
	o->v->changed |= *more_out;
	arena_free(&a);
	return ok;
}

static bool open_layers(struct opening *o)
{
	bool more;

	for (int depth = 0; depth < DECRYPT_DEPTH_MAX; depth++) {
		if (!next_layer(o, &more))
			return false;
		if (!more)
			return true;
	}
	return opening_refuse(o, SEAL_OVER_LIMIT, "it is encrypted and "
	    "signed in too many layers");
}

/* ----------------------------------------------------------------- author */

/* "" if there is none, or more than one. */
static struct str only_author(struct arena *a, struct str header)
{
	struct mail *m = mail_make(a, header, MAIL_HEADER, NULL, 0);
	const struct address *list;

	return mail_field_count(m, STR_LIT("From")) == 1 &&
	    mail_addresses(m, STR_LIT("From"), &list) == 1 ?
	    list[0].address : STR_EMPTY;
}

/* RFC 9788 section 3: the sender says so in the Content-Type of what is
 * encrypted; programs before it have said "protected-headers". */
static bool is_protected(struct opening *o)
{
	struct entity_field f;
	struct content_type type;

	if (!o->has_payload || o->in_part || o->verify ||
	    !entity_find(buf_str(&o->payload), "Content-Type", &f))
		return false;
	content_type_read(o->arena, entity_value(&f), &type);
	return type.protects_header;
}

/* Is the author of this header the one whose signature is good? */
static bool is_by_author(struct opening *o, struct str header)
{
	struct str author;

	if (o->v->signature != SEAL_GOOD || o->in_part)
		return false;
	author = only_author(o->arena, header);
	for (size_t i = 0; author.n && i < o->n_addresses; i++)
		if (str_ieq(o->addresses[i], author))
			return true;
	return false;
}

/* ----------------------------------------------------------------- header */

/* Subject first: it needs no signature. */
static const char *const protected_names[] = { "Subject", "From", "Sender",
	"Reply-To", "To", "Cc", "Date", "Message-ID" };

/* Bits of protected_names that the payload gives. */
static unsigned promoted_fields(struct opening *o)
{
	struct str payload = buf_str(&o->payload);
	struct entity_field f;
	unsigned set = 0;
	size_t n;

	if (!is_protected(o))
		return 0;
	n = is_by_author(o, payload) ? COUNT(protected_names) : 1;
	for (size_t i = 0; i < n; i++)
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

/* The field that stands where the first of its name stood; others of the
 * name go. */
static bool is_replaced(struct opening *o, struct str name, unsigned wanted,
    unsigned *done, struct buf *out)
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

static bool is_ours(const struct opening *o, struct str name)
{
	static const struct str head = { "X-Tamis-Decrypted-", 18 };

	return o->d->token.n && str_istarts(name, head) &&
	    str_ieq(str_sub(name, head.n, name.n), o->d->token);
}

static void add_ours(const struct opening *o, struct buf *out)
{
	const char *eol = entity_eol(o->crlf);

	if (o->d->token.n == 0)
		return;
	buf_printf(out, "X-Tamis-Decrypted-%.*s: %s;%s signature=%s",
	    STR_ARG(o->d->token), o->v->layers, eol,
	    signature_word(o->v->signature));
	if (o->v->signer[0])
		buf_printf(out, ";%s signer=%s", eol, o->v->signer);
	buf_printf(out, "; author=%s%s", o->v->by_author ? "yes" : "no", eol);
}

/* The message with its header as it is to be. */
static bool finish(struct opening *o)
{
	struct buf *b = other_buffer(o);
	unsigned wanted = promoted_fields(o), done = 0;
	struct entity_field f;
	size_t at = 0;

	while (entity_next(o->now, &at, &f))
		if (!is_ours(o, f.name) &&
		    !is_replaced(o, f.name, wanted, &done, b))
			buf_add_str(b, f.whole);
	for (size_t i = 0; i < COUNT(protected_names); i++)
		if (wanted & ~done & 1u << i)
			add_promoted(o, i, b);
	o->v->by_author = is_by_author(o, buf_str(b));
	if (!cms_allow(o))
		return false;
	add_ours(o, b);
	buf_add_z(b, entity_eol(o->crlf));
	buf_add_str(b, str_sub(o->now, at, o->now.n));
	return move_on(o);
}

/* ------------------------------------------------------------------- face */

static bool open_message(struct opening *o, struct str message)
{
	*o->v = (struct decrypt_verdict){ .refusal = SEAL_OPENED };
	o->now = message;
	o->crlf = entity_is_crlf(message);
	for (int i = 0; i < 2; i++)
		buf_init_secret(&o->bytes[i], o->d->limit);
	buf_init_secret(&o->payload, o->d->limit);
	o->arena = arena_new();
	return open_layers(o);
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
	bool ok = open_message(&o, message);

	ok = ok && (!v->changed || finish(&o));
	if (ok && v->changed)
		buf_add_str(out, o.now);
	close_message(&o);
	return ok;
}

bool decrypt_signature(struct decrypt *d, struct str message,
    struct decrypt_verdict *v, struct err *e)
{
	struct opening o = { .d = d, .verify = true, .v = v, .e = e };
	bool ok = open_message(&o, message);

	if (ok)
		v->by_author = is_by_author(&o, message);
	close_message(&o);
	return ok;
}
