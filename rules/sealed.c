#include "sealed.h"

#include <string.h>

#define DER_HEAD	64	/* octets of a ContentInfo that are looked at */
#define CONTROL_MAX	200	/* octets of "Version: 1" */

/* What is known of the nodes of a body, which are in pre-order. */
struct reader {
	struct arena *arena;
	const struct body_node *nodes;
	size_t n;
	const struct body_part *parts;
	enum sealed_kind *kinds;	/* one a node */
};

#define NONE	SIZE_MAX

static const struct body_part *part_of(const struct reader *r, size_t i)
{
	return r->nodes[i].part == BODY_NO_PART ? NULL :
	    &r->parts[r->nodes[i].part];
}

static bool is_type(const struct reader *r, size_t i, const char *type)
{
	return str_eq_z(r->nodes[i].type.type, type);
}

/* The first child of NODE behind AFTER, or NONE. */
static size_t next_child(const struct reader *r, size_t node, size_t after)
{
	for (size_t i = after + 1; i < r->n; i++)
		if (r->nodes[i].parent == node)
			return i;
	return NONE;
}

/* ----------------------------------------------------------------- armor */

static bool is_line_start(struct str s, size_t at)
{
	return at == 0 || s.p[at - 1] == '\n' || s.p[at - 1] == '\r';
}

/* The line that is MARK and blanks, at or behind AT; or s.n. */
static size_t find_line(struct str s, size_t at, struct str mark)
{
	while (at < s.n) {
		const char *p = memmem(s.p + at, s.n - at, mark.p, mark.n);
		size_t end;

		if (!p)
			break;
		at = (size_t)(p - s.p);
		end = at + mark.n;
		while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t'))
			end++;
		if (is_line_start(s, at) && (end == s.n || s.p[end] == '\n' ||
		    s.p[end] == '\r'))
			return at;
		at += mark.n;
	}
	return s.n;
}

bool sealed_next_block(struct str text, size_t *at, struct sealed_block *out)
{
	static const struct {
		struct str begin, end;
	} marks[] = {
		{ { "-----BEGIN PGP MESSAGE-----", 27 },
		    { "-----END PGP MESSAGE-----", 25 } },
		{ { "-----BEGIN PGP SIGNED MESSAGE-----", 34 },
		    { "-----END PGP SIGNATURE-----", 27 } },
	};
	size_t plain = find_line(text, *at, marks[0].begin);
	size_t is_signed = find_line(text, *at, marks[1].begin);
	size_t which = is_signed < plain;
	size_t from = which ? is_signed : plain, end;

	if (from == text.n)
		return false;
	end = find_line(text, from, marks[which].end);
	*at = text.n;
	if (end == text.n)
		return false;
	*at = end + marks[which].end.n;
	*out = (struct sealed_block){ from, *at, which == 1 };
	return true;
}

/* The text as it is without its transfer encoding. */
static struct str decoded(struct arena *a, const struct body_part *p)
{
	struct str text;
	struct buf b;

	if (p->encoding == MIME_IDENTITY)
		return str_sub(p->content, 0, SEALED_TEXT_MAX);
	buf_init(&b, SEALED_TEXT_MAX);
	mime_decode(p->content, p->encoding, &b);
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

/* What is encrypted counts more than what is merely signed beside it. */
static enum sealed_kind armor_in(const struct reader *r,
    const struct body_part *p)
{
	enum sealed_kind kind = SEALED_NOT;
	struct str text = decoded(r->arena, p);
	struct sealed_block block;
	size_t at = 0;

	for (size_t n = 0; n < SEALED_BLOCKS_MAX &&
	    sealed_next_block(text, &at, &block); n++) {
		if (!block.is_signed)
			return SEALED_PGP_TEXT;
		kind = SEALED_PGP_TEXT_SIGNED;
	}
	return kind;
}

/* ------------------------------------------------------------------ kinds */

static struct str head_of(struct arena *a, const struct body_part *p,
    size_t max)
{
	struct str text;
	struct buf b;

	buf_init(&b, max);
	mime_decode(p->content, p->encoding, &b);
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

/* RFC 5652 section 3: ContentInfo begins with the identifier of its type. */
static enum sealed_kind cms_kind(struct str der)
{
	static const struct {
		struct str oid;
		enum sealed_kind kind;
	} types[] = {
		/* 1.2.840.113549.1.7.3, .1.7.2, .1.9.16.1.23 */
		{ { "\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03", 9 },
		    SEALED_SMIME_ENCRYPTED },
		{ { "\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02", 9 },
		    SEALED_SMIME_OPAQUE },
		{ { "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x17", 11 },
		    SEALED_SMIME_ENCRYPTED },
	};
	size_t at = 2;

	if (der.n < 4 || der.p[0] != 0x30)
		return SEALED_NOT;
	if ((unsigned char)der.p[1] > 0x80)
		at += (unsigned char)der.p[1] & 0x7F;
	if (at + 2 >= der.n || der.p[at] != 0x06)
		return SEALED_NOT;
	for (size_t i = 0; i < COUNT(types); i++)
		if ((size_t)der.p[at + 1] == types[i].oid.n &&
		    str_starts(str_sub(der, at + 2, der.n), types[i].oid))
			return types[i].kind;
	return SEALED_NOT;
}

static bool is_p7m(const struct content_type *type, struct str filename)
{
	struct str end = str_sub(filename, filename.n < 4 ? 0 :
	    filename.n - 4, 4);

	return str_eq_z(type->type, "application/pkcs7-mime") ||
	    str_eq_z(type->type, "application/x-pkcs7-mime") ||
	    (str_eq_z(type->type, "application/octet-stream") &&
	    str_ieq_z(end, ".p7m"));
}

/* What the octets say counts more than the smime-type, which is often
 * wrong (RFC 8551 section 3.2.2 makes it a hint). */
static enum sealed_kind smime_kind(const struct reader *r,
    const struct body_part *p)
{
	struct str der = head_of(r->arena, p, DER_HEAD);
	enum sealed_kind kind = cms_kind(der);

	if (kind != SEALED_NOT || (der.n && der.p[0] == 0x30))
		return kind;
	if (str_ieq_z(p->type.smime_type, "enveloped-data") ||
	    str_ieq_z(p->type.smime_type, "authenveloped-data"))
		return SEALED_SMIME_ENCRYPTED;
	return str_ieq_z(p->type.smime_type, "signed-data") ?
	    SEALED_SMIME_OPAQUE : SEALED_NOT;
}

/* RFC 3156 section 4: the first part; some have only its text left. */
static bool is_control(const struct reader *r, size_t i)
{
	const struct body_part *p = part_of(r, i);

	if (!p)
		return false;
	return is_type(r, i, "application/pgp-encrypted") ||
	    (is_type(r, i, "application/octet-stream") &&
	    str_eq_z(str_trim(head_of(r->arena, p, CONTROL_MAX)),
	    "Version: 1"));
}

/* As mail programs name the second part where a gateway took away what said
 * so; any other file is one that was encrypted by itself. */
static bool is_usual_name(struct str name)
{
	static const char *const names[] = { "encrypted.asc", "msg.asc",
	    "openpgp encrypted message.asc",
	    "openpgp-encrypted-message.asc", "message" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_ieq_z(name, names[i]))
			return true;
	return false;
}

static bool begins_armor(const struct reader *r, const struct body_part *p)
{
	return str_starts(str_trim(head_of(r->arena, p, CONTROL_MAX)),
	    STR_LIT("-----BEGIN PGP MESSAGE-----"));
}

static size_t sibling_before(const struct reader *r, size_t i)
{
	size_t before = NONE;

	for (size_t k = r->nodes[i].parent; k < i; k++)
		if (k != r->nodes[i].parent &&
		    r->nodes[k].parent == r->nodes[i].parent)
			before = k;
	return before;
}

/* The second part of a multipart/encrypted that is called otherwise now. */
static bool is_stray_cipher(const struct reader *r, size_t i)
{
	const struct body_part *p = part_of(r, i);
	size_t before;

	if (i == 0 || !p || !is_type(r, i, "application/octet-stream"))
		return false;
	before = sibling_before(r, i);
	if (before != NONE && is_control(r, before))
		return begins_armor(r, p) || !is_control(r, i);
	return is_usual_name(p->filename) && begins_armor(r, p);
}

/* By the protocol, or by what stands in it where that is missing. */
static bool has_protocol(const struct reader *r, size_t i, size_t nth,
    const char *type, const char *other)
{
	struct str protocol = r->nodes[i].type.protocol;
	size_t child = i;

	if (protocol.n)
		return str_ieq_z(protocol, type) ||
		    str_ieq_z(protocol, other);
	for (size_t k = 0; k <= nth && child != NONE; k++)
		child = next_child(r, i, child);
	return child != NONE && (is_type(r, child, type) ||
	    is_type(r, child, other));
}

static enum sealed_kind multipart_kind(const struct reader *r, size_t i)
{
	if (is_type(r, i, "multipart/encrypted"))
		return has_protocol(r, i, 0, "application/pgp-encrypted",
		    "") ? SEALED_PGP_ENCRYPTED : SEALED_NOT;
	if (!is_type(r, i, "multipart/signed"))
		return SEALED_NOT;
	if (has_protocol(r, i, 1, "application/pgp-signature", ""))
		return SEALED_PGP_SIGNED;
	return has_protocol(r, i, 1, "application/pkcs7-signature",
	    "application/x-pkcs7-signature") ? SEALED_SMIME_SIGNED :
	    SEALED_NOT;
}

static bool is_readable_text(const struct reader *r, size_t i)
{
	const struct body_part *p = part_of(r, i);

	return p && (is_type(r, i, "text/plain") ||
	    is_type(r, i, "application/pgp")) &&
	    !str_eq_z(p->kind, "attachment");
}

static enum sealed_kind kind_of(const struct reader *r, size_t i)
{
	const struct body_part *p = part_of(r, i);

	if (str_starts(r->nodes[i].type.type, STR_LIT("multipart/")))
		return multipart_kind(r, i);
	if (!p || p->is_message)
		return SEALED_NOT;
	if (is_p7m(&p->type, p->filename))
		return smime_kind(r, p);
	if (is_stray_cipher(r, i))
		return SEALED_PGP_ENCRYPTED;
	return is_readable_text(r, i) ? armor_in(r, p) : SEALED_NOT;
}

static bool is_encrypted(enum sealed_kind kind)
{
	return kind == SEALED_PGP_ENCRYPTED || kind == SEALED_PGP_TEXT ||
	    kind == SEALED_SMIME_ENCRYPTED;
}

static bool is_signed_multipart(enum sealed_kind kind)
{
	return kind == SEALED_PGP_SIGNED || kind == SEALED_SMIME_SIGNED;
}

/* Nothing inside what is encrypted counts by itself. */
static void find_kinds(struct reader *r, struct sealed *out)
{
	bool *inside = arena_array(r->arena, r->n, sizeof(*inside));

	for (size_t i = 0; i < r->n; i++) {
		size_t up = r->nodes[i].parent;

		inside[i] = i && (inside[up] ||
		    r->kinds[up] == SEALED_PGP_ENCRYPTED);
		r->kinds[i] = inside[i] || r->nodes[i].in_message ?
		    SEALED_NOT : kind_of(r, i);
		if (r->kinds[i] != SEALED_NOT)
			out->kinds |= SEALED_BIT(r->kinds[i]);
	}
}

/* ------------------------------------------------------------------ place */

/* From what FIRST begins to what LAST ends; siblings. */
static struct str span(const struct reader *r, size_t first, size_t last)
{
	struct str a = r->nodes[first].entity, b = r->nodes[last].entity;

	return (struct str){ a.p, (size_t)(b.p + b.n - a.p) };
}

static bool is_blank_text(const struct reader *r, size_t i)
{
	const struct body_part *p = part_of(r, i);

	return p && is_type(r, i, "text/plain") &&
	    str_trim(decoded(r->arena, p)).n == 0;
}

/* Are all children of NODE but FIRST and LAST what IS says? */
static bool others_are(const struct reader *r, size_t node, size_t first,
    size_t last, bool (*is)(const struct reader *, size_t))
{
	for (size_t i = next_child(r, node, node); i != NONE;
	    i = next_child(r, node, i))
		if (i != first && i != last && !is(r, i))
			return false;
	return true;
}

static bool is_text(const struct reader *r, size_t i)
{
	return part_of(r, i) && is_type(r, i, "text/plain");
}

static void take_signed(const struct reader *r, size_t i,
    struct sealed_layer *l)
{
	size_t text = next_child(r, i, i);
	size_t signature = text == NONE ? NONE : next_child(r, i, text);

	l->kind = r->kinds[i];
	l->is_root = i == 0;
	l->whole = r->nodes[i].entity;
	if (signature == NONE || !part_of(r, signature)) {
		l->place = SEALED_INCOMPLETE;
		return;
	}
	l->text = r->nodes[text].entity;
	l->data = part_of(r, signature)->content;
	l->encoding = part_of(r, signature)->encoding;
}

/*
 * Up from what stands from FIRST to LAST.  The topmost signature on the way
 * is the layer to begin with: what it signs then takes its place.
 */
static void look_around(const struct reader *r, size_t first, size_t last,
    struct sealed_layer *l)
{
	size_t topmost = NONE;

	while (first != 0) {
		size_t up = r->nodes[first].parent;

		if (is_signed_multipart(r->kinds[up]) && first == last &&
		    next_child(r, up, up) == first)
			topmost = up;
		else if (!is_type(r, up, "multipart/mixed") ||
		    !others_are(r, up, first, last, is_text))
			l->place = SEALED_BESIDE_OTHERS;
		first = last = up;
	}
	if (topmost != NONE && l->place == SEALED_SAFE)
		take_signed(r, topmost, l);
}

static void take_data(const struct body_part *p, struct sealed_layer *l)
{
	l->data = p->content;
	l->encoding = p->encoding;
	l->charset = p->type.charset;
}

/* RFC 3156 section 4; without its first part it is met, too. */
static void take_encrypted(const struct reader *r, size_t i,
    struct sealed_layer *l)
{
	size_t first = next_child(r, i, i), last = first;

	if (first != NONE && is_control(r, first))
		last = next_child(r, i, first);
	if (first == NONE || last == NONE || !part_of(r, last))
		l->place = SEALED_INCOMPLETE;
	else if (!others_are(r, i, first, last, is_blank_text))
		l->place = SEALED_BESIDE_OTHERS;
	else
		take_data(part_of(r, last), l);
}

/*
 * In a multipart/mixed, behind its first part or alone.  If nothing is said
 * beside it, it was the whole, and is again.
 */
static void take_stray(const struct reader *r, size_t i,
    struct sealed_layer *l)
{
	size_t up = r->nodes[i].parent, first = sibling_before(r, i);

	if (first == NONE || !is_control(r, first))
		first = i;
	take_data(part_of(r, i), l);
	if (is_type(r, up, "multipart/mixed") &&
	    others_are(r, up, first, i, is_blank_text)) {
		l->is_root = up == 0;
		l->whole = r->nodes[up].entity;
		look_around(r, up, up, l);
		return;
	}
	l->whole = span(r, first, i);
	look_around(r, first, i, l);
}

static void take_layer(const struct reader *r, size_t i,
    struct sealed_layer *l)
{
	*l = (struct sealed_layer){ .kind = r->kinds[i], .is_root = i == 0,
	    .whole = r->nodes[i].entity };
	if (l->kind == SEALED_PGP_ENCRYPTED &&
	    is_type(r, i, "application/octet-stream")) {
		take_stray(r, i, l);
		return;
	}
	if (l->kind == SEALED_PGP_ENCRYPTED)
		take_encrypted(r, i, l);
	else if (is_signed_multipart(l->kind))
		take_signed(r, i, l);
	else
		take_data(part_of(r, i), l);
	if (l->place == SEALED_SAFE && is_encrypted(l->kind))
		look_around(r, i, i, l);
}

static void find_layer(const struct reader *r, struct sealed *out)
{
	size_t found = NONE, n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!is_encrypted(r->kinds[i]))
			continue;
		found = i;
		n++;
	}
	if (found == NONE && r->kinds[0] != SEALED_NOT)
		found = 0;
	if (found != NONE)
		take_layer(r, found, &out->layer);
	if (n > 1)
		out->layer.place = SEALED_SEVERAL;
}

void sealed_read(struct arena *a, const struct body *b, struct sealed *out)
{
	struct reader r = { .arena = a };

	*out = (struct sealed){ .layer = { .kind = SEALED_NOT } };
	r.n = body_nodes(b, &r.nodes, &out->cut);
	body_parts(b, &r.parts);
	r.kinds = arena_array(a, r.n, sizeof(*r.kinds));
	find_kinds(&r, out);
	find_layer(&r, out);
}

/* ----------------------------------------------------------------- header */

void sealed_of_header(const struct content_type *type, unsigned *sure_out,
    unsigned *maybe_out)
{
	const unsigned texts = SEALED_BIT(SEALED_PGP_TEXT) |
	    SEALED_BIT(SEALED_PGP_TEXT_SIGNED);
	const unsigned smime = SEALED_BIT(SEALED_SMIME_ENCRYPTED) |
	    SEALED_BIT(SEALED_SMIME_OPAQUE);

	*sure_out = *maybe_out = 0;
	if (type->type.n == 0 || str_eq_z(type->type, "text/plain") ||
	    str_eq_z(type->type, "application/pgp"))
		*maybe_out = texts;
	else if (is_p7m(type, STR_LIT(".p7m")))
		*maybe_out = smime;
	else if (str_starts(type->type, STR_LIT("multipart/")))
		*maybe_out = SEALED_BIT(SEALED_NOT) - 1;
	if (str_eq_z(type->type, "multipart/encrypted") &&
	    str_ieq_z(type->protocol, "application/pgp-encrypted"))
		*sure_out = *maybe_out = SEALED_BIT(SEALED_PGP_ENCRYPTED);
	if (str_eq_z(type->type, "multipart/signed") &&
	    str_ieq_z(type->protocol, "application/pgp-signature"))
		*sure_out = SEALED_BIT(SEALED_PGP_SIGNED);
}
