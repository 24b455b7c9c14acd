/*
 * Header edits: the first line says which one, "KIND FIELD: TEXT"; behind it
 * stands the message.  What no edit names stays byte for byte and in order,
 * and what was done once is not done twice; but what a regex fits (TEXT, then)
 * may be there again.
 */
#include "fuzz.h"

#include "rules/field.h"
#include "rules/rewrite.h"

static const struct { char letter; enum edit_kind kind; bool last; } kinds[] = {
	{ 's', EDIT_SET, false }, { 'a', EDIT_ADD, false },
	{ 'l', EDIT_ADD, true }, { 'r', EDIT_REMOVE, false },
	{ 'f', EDIT_FIX, false }, { 'e', EDIT_REPLACE, false },
};

static bool make_regex(struct arena *a, struct header_edit *edit)
{
	struct pattern_error e;

	edit->pattern = pattern_make(pattern_set_make(a, 2000),
	    PATTERN_REGEX, edit->text, true, &e);
	edit->with = template_of(a, STR_LIT("\xC3\xBC x"));
	return edit->pattern != NULL;
}

static bool make_edit(struct arena *a, struct str line,
    struct header_edit *out)
{
	size_t colon = str_find_char(line, 2, ':');

	*out = (struct header_edit){ .received = 1767225600,
	    .body_known = true, .fixes = 63 };
	if (line.n < 2)
		return false;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (line.p[0] != kinds[i].letter)
			continue;
		out->kind = kinds[i].kind;
		out->last = kinds[i].last;
		out->field = str_sub(line, 2, colon < 2 ? 0 : colon - 2);
		out->text = field_clean(a, str_sub(line, colon + 1, line.n));
		return field_name_ok(out->field) && utf8_valid(out->text) &&
		    (out->kind != EDIT_REPLACE || make_regex(a, out));
	}
	return false;
}

static bool is_changed(const struct rewriting *r, struct str name)
{
	for (size_t i = 0; i < r->n_changed; i++)
		if (str_ieq(r->changed[i], name))
			return true;
	return false;
}

/* Of the header what is left as it was, one behind the other. */
static struct str left(struct arena *a, const struct rewriting *r,
    struct str header)
{
	struct mail_piece *list;
	struct str out;
	struct buf b;
	size_t n;

	HOLDS(mail_pieces(a, header, &list, &n));
	buf_init(&b, header.n);
	for (size_t i = 0; i < n; i++)
		if (list[i].name.n == 0 || !is_changed(r, list[i].name))
			buf_add_str(&b, list[i].whole);
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

/* A last line without its end gets one where something is put behind it. */
static void look_at_rest(struct arena *a, const struct rewriting *r,
    struct str was, struct str is)
{
	was = left(a, r, was);
	is = left(a, r, is);
	HOLDS(str_starts(is, was) && is.n - was.n <= 2 &&
	    str_trim(str_sub(is, was.n, is.n)).n == 0);
}

static void look_at_set(struct arena *a, const struct header_edit *edit,
    struct str header)
{
	struct mail *m = mail_make(a, header, MAIL_HEADER, NULL, 0);

	if (edit->kind == EDIT_REMOVE)
		HOLDS(mail_field_count(m, edit->field) == 0);
	if (edit->kind != EDIT_SET)
		return;
	HOLDS(mail_field_count(m, edit->field) == 1);
	if (field_kind(edit->field) == FIELD_TEXT)
		HOLDS(str_eq(field_clean(a, mail_field_text(m, edit->field,
		    0)), edit->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str message = fuzz_input(data, n);
	struct arena *a = arena_new();
	struct str line = fuzz_line(&message), header, body;
	size_t at = mail_body_offset(message);
	struct header_edit edit;
	struct rewriting once, twice;
	enum rewritten done;

	header = str_sub(message, 0, at);
	body = str_sub(message, at, message.n);
	if (!make_edit(a, line, &edit))
		goto out;
	done = rewrite_header(a, &edit, header, body, &once);
	HOLDS(done != REWRITTEN_ASKS);
	HOLDS(done != REWRITTEN_LIMIT || edit.kind == EDIT_REPLACE);
	if (done == REWRITTEN_FAILS || done == REWRITTEN_LIMIT)
		goto out;
	if (done == REWRITTEN_SAME) {
		look_at_set(a, &edit, header);
		goto out;
	}
	HOLDS(mail_body_offset(once.header) == once.header.n);
	look_at_rest(a, &once, header, once.header);
	look_at_set(a, &edit, once.header);
	if (edit.kind == EDIT_REPLACE)
		goto out;
	done = rewrite_header(a, &edit, once.header, body, &twice);
	HOLDS(done == REWRITTEN_SAME);
out:
	arena_free(&a);
	return 0;
}
