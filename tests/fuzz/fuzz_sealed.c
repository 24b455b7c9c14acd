/*
 * What is encrypted or signed in a message: all spans lie in it, the header
 * alone says nothing else than the whole, and what is put in the place of a
 * layer leaves the rest of the message as it is.
 */
#include "fuzz.h"

#include <string.h>

#include "engine/entity.h"
#include "rules/mail.h"

static bool is_within(struct str part, struct str whole)
{
	return part.n == 0 || (part.p >= whole.p &&
	    part.p + part.n <= whole.p + whole.n);
}

static void look_at_layer(const struct sealed_layer *l, struct str bytes)
{
	HOLDS(is_within(l->whole, bytes));
	HOLDS(is_within(l->data, bytes));
	HOLDS(is_within(l->text, bytes));
	HOLDS(l->place != SEALED_SAFE || l->kind == SEALED_NOT ||
	    l->whole.p != NULL);
}

static void look_at_header(struct arena *a, struct str bytes,
    const struct sealed *s)
{
	struct mail *m = mail_make(a, bytes, MAIL_HEADER, NULL, 0);
	struct content_type type;
	unsigned sure, maybe;

	content_type_read(a, mail_field_raw(m, STR_LIT("Content-Type"), 0),
	    &type);
	sealed_of_header(&type, &sure, &maybe);
	HOLDS((sure & ~s->kinds) == 0);
	HOLDS((s->kinds & ~maybe) == 0);
}

static void look_at_blocks(struct str text)
{
	struct sealed_block b;
	size_t at = 0, before = 0;

	while (sealed_next_block(text, &at, &b)) {
		HOLDS(before <= b.from && b.from < b.end && b.end == at);
		before = at;
	}
}

/* Header fields but Content-*, in their order. */
static void add_kept(struct str bytes, struct buf *out)
{
	struct entity_field f;
	size_t at = 0;

	while (entity_next(bytes, &at, &f))
		if (!entity_is_content(f.name) &&
		    !str_ieq_z(f.name, "MIME-Version"))
			buf_add_str(out, f.whole);
}

static void look_at_header_fields(struct str bytes)
{
	struct str inner = STR_LIT("Content-Type: text/x\nX: y\n\nbody\n");
	struct buf kept, out, again;
	struct entity_field f;
	size_t at = 0;

	while (entity_next(bytes, &at, &f))
		;
	if (at == bytes.n)
		return;		/* no line ends this header */
	buf_init(&kept, SIZE_MAX);
	buf_init(&out, SIZE_MAX);
	buf_init(&again, SIZE_MAX);
	add_kept(bytes, &kept);
	entity_replace(bytes, inner, entity_is_crlf(bytes), &out);
	add_kept(buf_str(&out), &again);
	HOLDS(str_starts(buf_str(&again), buf_str(&kept)));
	HOLDS(memchr(out.p, '\0', out.n) || memchr(out.p, '\r', out.n) ||
	    entity_is_valid(buf_str(&out)));
	buf_free(&again);
	buf_free(&out);
	buf_free(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str bytes = fuzz_input(data, n);
	struct arena *a = arena_new();
	const struct sealed *s = mail_sealed(mail_make(a, bytes, MAIL_WHOLE,
	    NULL, 0));

	HOLDS(s->kinds || s->layer.kind == SEALED_NOT);
	look_at_layer(&s->layer, bytes);
	look_at_header(a, bytes, s);
	look_at_blocks(bytes);
	look_at_header_fields(bytes);
	arena_free(&a);
	return 0;
}
