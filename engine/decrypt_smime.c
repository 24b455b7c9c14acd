/* S/MIME layers of a message; `smime` opens them. */
#include "decrypt_room.h"

static bool need_smime(struct opening *o)
{
	return o->d->smime || opening_refuse(o, SEAL_NO_KEY, "the account "
	    "has no keys for S/MIME (`smime` in its config)");
}

/* What `smime` refused; files of our own that cannot be read may be mended. */
static bool pass_on(struct opening *o, enum seal_refusal why)
{
	o->v->refusal = o->e->kind == ERR_CONFIG && why != SEAL_NO_KEY ?
	    SEAL_TROUBLE : why;
	o->e->kind = o->v->refusal == SEAL_TROUBLE ? ERR_TEMP : ERR_MESSAGE;
	return false;
}

static void decode(const struct sealed_layer *l, struct buf *out)
{
	buf_init(out, l->data.n);
	mime_decode(l->data, l->encoding, out);
}

/* "AES-128-CBC" */
static void add_layer(struct opening *o, const struct smime_opened *found)
{
	opening_add_layer(o, arena_printf(o->arena, "smime %s",
	    found->cipher).p);
	if (found->authenticated)
		return;
	o->is_open_to_change = true;
	o->open_to_change = *found;
}

bool cms_open(struct opening *o, const struct sealed_layer *l)
{
	struct smime_opened found;
	struct buf object, plain;
	bool ok;

	if (!need_smime(o))
		return false;
	decode(l, &object);
	buf_init_secret(&plain, o->d->limit);
	ok = smime_decrypt(o->d->smime, buf_str(&object), &plain, &found,
	    o->e) || pass_on(o, found.refusal);
	if (ok && !entity_is_valid(buf_str(&plain)))
		ok = opening_refuse(o, SEAL_UNREADABLE, "what was encrypted "
		    "is no MIME entity (it says no Content-Type)");
	if (ok) {
		opening_forget_signature(o);
		add_layer(o, &found);
	}
	ok = ok && opening_put(o, l, buf_str(&plain));
	buf_free(&plain);
	buf_free(&object);
	return ok;
}

static enum seal_signature as_seal(enum smime_state state)
{
	switch (state) {
	case SMIME_GOOD:
		return SEAL_GOOD;
	case SMIME_CHANGED:
	case SMIME_WEAK:
	case SMIME_BAD_CHAIN:
		return SEAL_BAD;
	case SMIME_NO_CERTIFICATE:
		return SEAL_UNKNOWN_KEY;
	case SMIME_EXPIRED:
		return SEAL_EXPIRED;
	case SMIME_UNKNOWN_CA:
	case SMIME_FUTURE:
	case SMIME_PURPOSE:
		break;
	}
	return SEAL_UNTRUSTED;
}

static void take_signature(struct opening *o,
    const struct smime_signature *found)
{
	struct seal_verdict v = {
		.signature = as_seal(found->state),
		.signer = shown(o->arena, found->signer).p,
		.addresses = found->addresses,
		.n_addresses = found->n_addresses,
	};

	opening_add_signature(o, &v);
	o->v->is_smime = true;
}

static bool verify(struct opening *o, const struct sealed_layer *l,
    const struct str *content, struct buf *out)
{
	struct smime_signature found;
	struct buf object;
	bool ok;

	decode(l, &object);
	ok = smime_verify(o->d->smime, o->arena, buf_str(&object), content,
	    out, &found, o->e) || pass_on(o, SEAL_UNREADABLE);
	if (ok)
		take_signature(o, &found);
	buf_free(&object);
	return ok;
}

bool cms_verify(struct opening *o, const struct sealed_layer *l)
{
	struct buf none;
	bool ok;

	if (!o->d->smime && !o->verify)
		return opening_not_verified(o);
	if (!need_smime(o))
		return false;
	buf_init(&none, 0);
	ok = verify(o, l, &l->text, &none);
	buf_free(&none);
	return ok;
}

/* Nothing that was changed comes out of a signature. */
static bool go_into(struct opening *o, const struct sealed_layer *l,
    struct str inside, bool *inside_out)
{
	struct arena *a;
	const struct sealed *s;
	bool more;

	if (!entity_is_valid(inside))
		return true;
	a = arena_new();
	s = mail_sealed(mail_make(a, inside, MAIL_WHOLE, NULL, 0));
	more = s->layer.kind != SEALED_NOT;
	arena_free(&a);
	if (!more && !o->v->changed)
		return true;	/* it can be read where it is */
	*inside_out = true;
	return opening_put(o, l, inside);
}

bool cms_unpack(struct opening *o, const struct sealed_layer *l,
    bool *inside_out)
{
	struct buf object, inside;
	bool ok;

	*inside_out = false;
	if (!o->d->smime && !o->verify)
		return opening_not_verified(o);
	if (!need_smime(o))
		return false;
	buf_init_secret(&inside, o->d->limit);
	decode(l, &object);
	if (smime_kind(buf_str(&object)) == SMIME_COMPRESSED)
		ok = smime_decompress(buf_str(&object), &inside, o->e) ||
		    pass_on(o, SEAL_UNREADABLE);
	else
		ok = verify(o, l, NULL, &inside);
	ok = ok && go_into(o, l, buf_str(&inside), inside_out);
	buf_free(&object);
	buf_free(&inside);
	return ok;
}

/* Whatever a reader may show and load things for. */
static bool is_markup(struct str type)
{
	return (str_starts(type, STR_LIT("text/")) &&
	    !str_eq_z(type, "text/plain")) ||
	    str_ends(type, STR_LIT("html")) || str_ends(type, STR_LIT("xml"));
}

static bool holds_html(struct str message)
{
	struct arena *a = arena_new();
	const struct body_part *parts;
	size_t n = mail_parts(mail_make(a, message, MAIL_WHOLE, NULL, 0),
	    &parts);
	bool found = false;

	for (size_t i = 0; i < n; i++)
		found |= is_markup(parts[i].type.type);
	arena_free(&a);
	return found;
}

bool cms_allow(struct opening *o)
{
	return !o->is_open_to_change || smime_policy(o->d->smime,
	    &o->open_to_change, o->v->by_author, holds_html(o->now), o->e) ||
	    pass_on(o, SEAL_NO_INTEGRITY);
}
