#include "entity.h"

#include <string.h>

#include "../rules/content.h"
#include "sasl.h"

#define LINE_MAX_OCTETS	998	/* RFC 5322 section 2.1.1 */
#define BASE64_COLUMNS	76	/* RFC 2045 section 6.8 */

/* ---------------------------------------------------------------- header */

static size_t line_end(struct str s, size_t at)
{
	size_t end = str_find_char(s, at, '\n');

	return end < s.n ? end + 1 : end;
}

static bool is_empty_line(struct str s, size_t at)
{
	return at < s.n && (s.p[at] == '\n' ||
	    (s.p[at] == '\r' && at + 1 < s.n && s.p[at + 1] == '\n'));
}

static bool is_folded(struct str s, size_t at)
{
	return at < s.n && (s.p[at] == ' ' || s.p[at] == '\t') &&
	    !is_empty_line(s, at);
}

/* RFC 5322 section 3.6.8, and blanks before the colon (4.5). */
static struct str name_in(struct str field)
{
	size_t n = str_find_char(field, 0, ':');
	struct str name;

	if (n == field.n)
		return STR_EMPTY;
	name = str_sub(field, 0, n);
	while (name.n && (name.p[name.n - 1] == ' ' ||
	    name.p[name.n - 1] == '\t'))
		name.n--;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7F)
			return STR_EMPTY;
	return name;
}

bool entity_next(struct str bytes, size_t *at, struct entity_field *out)
{
	size_t from = *at, end;

	if (from >= bytes.n)
		return false;
	if (is_empty_line(bytes, from)) {
		*at = line_end(bytes, from);
		return false;
	}
	end = line_end(bytes, from);
	while (is_folded(bytes, end))
		end = line_end(bytes, end);
	out->whole = str_sub(bytes, from, end - from);
	out->name = name_in(out->whole);
	*at = end;
	return true;
}

bool entity_find(struct str bytes, const char *name,
    struct entity_field *out)
{
	struct entity_field f;
	size_t at = 0;

	while (entity_next(bytes, &at, &f)) {
		if (!str_ieq_z(f.name, name))
			continue;
		*out = f;
		return true;
	}
	return false;
}

struct str entity_value(const struct entity_field *f)
{
	return str_sub(f->whole, str_find_char(f->whole, 0, ':') + 1,
	    f->whole.n);
}

bool entity_is_content(struct str name)
{
	return str_istarts(name, STR_LIT("Content-"));
}

/* A CR alone, which some take for the end of a line. */
static bool has_bare_cr(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return true;
	return false;
}

static bool has_plain_header(struct str bytes)
{
	struct entity_field f;
	size_t at = 0;

	while (entity_next(bytes, &at, &f))
		if (has_bare_cr(f.whole))
			return false;
	return true;
}

bool entity_is_valid(struct str bytes)
{
	struct arena *a = arena_new();
	struct entity_field f;
	struct content_type type;
	bool ok = bytes.n && !memchr(bytes.p, '\0', bytes.n) &&
	    has_plain_header(bytes) && entity_find(bytes, "Content-Type", &f);

	if (ok) {
		content_type_read(a, entity_value(&f), &type);
		ok = type.type.n > 0;
	}
	arena_free(&a);
	return ok;
}

/* ----------------------------------------------------------------- lines */

bool entity_is_crlf(struct str bytes)
{
	size_t end = str_find_char(bytes, 0, '\n');

	return end == bytes.n || (end > 0 && bytes.p[end - 1] == '\r');
}

const char *entity_eol(bool crlf)
{
	return crlf ? "\r\n" : "\n";
}

void entity_add_lines(struct buf *out, struct str s, bool crlf)
{
	const char *eol = entity_eol(crlf);
	struct str line;

	while (str_cut(&s, '\n', &line)) {
		while (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add_str(out, line);
		buf_add_z(out, eol);
	}
}

/* --------------------------------------------------------------- putting */

static void add_content_fields(struct str inner, bool crlf, struct buf *out)
{
	struct entity_field f;
	size_t at = 0;

	while (entity_next(inner, &at, &f))
		if (entity_is_content(f.name))
			entity_add_lines(out, f.whole, crlf);
	buf_add_z(out, entity_eol(crlf));
	entity_add_lines(out, str_sub(inner, at, inner.n), crlf);
}

void entity_replace(struct str outer, struct str inner, bool crlf,
    struct buf *out)
{
	struct entity_field f;
	bool has_version = false;
	size_t at = 0;

	while (entity_next(outer, &at, &f)) {
		if (entity_is_content(f.name))
			continue;
		has_version |= str_ieq_z(f.name, "MIME-Version");
		buf_add_str(out, f.whole);
	}
	if (out->n && out->p[out->n - 1] != '\n')
		buf_add_z(out, entity_eol(crlf));
	if (!has_version) {
		buf_add_z(out, "MIME-Version: 1.0");
		buf_add_z(out, entity_eol(crlf));
	}
	add_content_fields(inner, crlf, out);
}

/* The line end in front of a boundary is of the boundary. */
void entity_add_part(struct str inner, bool crlf, struct buf *out)
{
	size_t n = strlen(entity_eol(crlf));

	add_content_fields(inner, crlf, out);
	if (out->n >= n)
		out->n -= n;
}

static bool has_long_line(struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line))
		if (line.n > LINE_MAX_OCTETS)
			return true;
	return false;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static void add_base64(struct str text, struct buf *out)
{
	const size_t each = BASE64_COLUMNS / 4 * 3;

	for (size_t at = 0; at < text.n; at += each) {
		sasl_base64(str_sub(text, at, each), out);
		buf_add_char(out, '\n');
	}
}

void entity_add_text(struct str text, struct buf *out)
{
	bool encode = has_long_line(text);

	buf_printf(out, "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: %s\n\n", encode ? "base64" :
	    is_ascii(text) ? "7bit" : "8bit");
	if (encode)
		add_base64(text, out);
	else
		buf_add_str(out, text);
}
