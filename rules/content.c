#include "content.h"

#include <stdlib.h>
#include <string.h>

#include "charset.h"
#include "words.h"

/* One "name=value"; NAME*2*=value is `section` 2, `extended`. */
struct piece {
	struct str name, value;
	int section;		/* -1: plain; a single extended one is 0 */
	bool extended;		/* percent-encoded, perhaps with a charset */
	size_t at;		/* its place in the field */
};

/* In the order of their sections, then as they stand in the field. */
struct parameters {
	struct piece v[CONTENT_PARAMETERS_MAX];
	size_t n;
};

/* ---------------------------------------------------------------- tokens */

/* RFC 2045 5.1 token, as wide as it is met. */
static bool in_token(char c)
{
	return c > ' ' && c < 0x7F && !strchr("()<>@,;:\\\"/[]?=", c);
}

static struct str take_token(struct str *s)
{
	size_t n = 0;
	struct str token;

	while (n < s->n && in_token(s->p[n]))
		n++;
	token = str_sub(*s, 0, n);
	*s = str_trim(str_sub(*s, n, s->n));
	return token;
}

/* Moves over blanks and comments (RFC 5322 3.2.2). */
static struct str skip_comments(struct str s)
{
	s = str_trim(s);
	while (s.n && s.p[0] == '(') {
		size_t at = 0, depth = 0;

		do {
			if (s.p[at] == '\\')
				at++;
			else if (s.p[at] == '(')
				depth++;
			else if (s.p[at] == ')')
				depth--;
			at++;
		} while (at < s.n && depth);
		s = str_trim(str_sub(s, at, s.n));
	}
	return s;
}

/* The value on one line (RFC 5322 2.2.3). */
static struct str one_line(struct arena *a, struct str value)
{
	struct str copy = str_sub(value, 0, CONTENT_VALUE_MAX);
	size_t n = 0;
	char *p;

	if (!memchr(copy.p, '\n', copy.n) && !memchr(copy.p, '\r', copy.n))
		return str_trim(copy);
	p = arena_z(a, copy);
	for (size_t i = 0; i < copy.n; i++) {
		bool folded = i && (copy.p[i - 1] == '\r' ||
		    copy.p[i - 1] == '\n');

		if (p[i] != '\r' && p[i] != '\n')
			p[n++] = folded && p[i] == '\t' ? ' ' : p[i];
	}
	return str_trim((struct str){ p, n });
}

static struct str lower(struct arena *a, struct str s)
{
	char *p = arena_z(a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ch_lower(p[i]);
	return (struct str){ p, s.n };
}

/* ------------------------------------------------------------ parameters */

/* A lone backslash is of a path, not of RFC 5322 3.2.1. */
static bool is_escape(struct str s, size_t at)
{
	return s.p[at] == '\\' && at + 1 < s.n &&
	    (s.p[at + 1] == '"' || s.p[at + 1] == '\\');
}

/* Behind the opening quote: the quoted string, without its escapes. */
static struct str take_quoted(struct arena *a, struct str *s)
{
	size_t end = 0, n = 0;
	char *to;

	while (end < s->n && s->p[end] != '"')
		end += is_escape(*s, end) ? 2 : 1;
	to = arena_alloc(a, end + 1);
	for (size_t at = 0; at < end; at++) {
		at += is_escape(*s, at);
		to[n++] = s->p[at];
	}
	*s = str_trim(str_sub(*s, end + 1, s->n));
	return (struct str){ to, n };
}

/* To the next semicolon that is not inside an encoded word. */
static struct str take_bare(struct str *s)
{
	size_t at = 0, word;
	struct str value;

	while (at < s->n && s->p[at] != ';') {
		word = words_length(*s, at);
		at += word ? word : 1;
	}
	value = str_trim(str_sub(*s, 0, at));
	*s = str_sub(*s, at, s->n);
	return value;
}

/* RFC 2231 3, 4: "name*", "name*1", "name*1*" */
static void read_name(struct str written, struct piece *p)
{
	size_t star = str_find_char(written, 0, '*');
	struct str rest = str_sub(written, star + 1, written.n);
	uint64_t n;

	p->name = str_sub(written, 0, star);
	p->section = -1;
	p->extended = star < written.n &&
	    written.p[written.n - 1] == '*';
	if (p->extended && rest.n)
		rest.n--;
	if (rest.n && str_u64(rest, 9999, &n))
		p->section = (int)n;
	else if (p->extended)
		p->section = 0;
}

static int by_section(const void *left, const void *right)
{
	const struct piece *l = left, *r = right;

	if (l->section != r->section)
		return l->section < r->section ? -1 : 1;
	return l->at < r->at ? -1 : l->at > r->at;
}

static void read_parameters(struct arena *a, struct str rest,
    struct parameters *list)
{
	list->n = 0;
	while (rest.n && list->n < CONTENT_PARAMETERS_MAX) {
		struct piece *p = &list->v[list->n];
		struct str name;

		while (rest.n && rest.p[0] == ';')
			rest = skip_comments(str_sub(rest, 1, rest.n));
		name = take_token(&rest);
		if (rest.n == 0 || rest.p[0] != '=' || name.n == 0) {
			size_t next = str_find_char(rest, 0, ';');

			rest = str_sub(rest, next, rest.n);
			continue;
		}
		read_name(name, p);
		rest = skip_comments(str_sub(rest, 1, rest.n));
		if (rest.n && rest.p[0] == '"') {
			rest = str_sub(rest, 1, rest.n);
			p->value = take_quoted(a, &rest);
			rest = skip_comments(rest);
		} else {
			p->value = take_bare(&rest);
		}
		p->at = list->n++;
	}
	qsort(list->v, list->n, sizeof(list->v[0]), by_section);
}

static void add_percent(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int byte = s.p[i] == '%' ? mime_hex_byte(s, i + 1) : -1;

		if (byte >= 0) {
			buf_add_char(out, (char)byte);
			i += 2;
		} else {
			buf_add_char(out, s.p[i]);
		}
	}
}

/* Takes "charset'language'" off the front, if it is there. */
static struct str take_charset(struct str *value)
{
	size_t first = str_find_char(*value, 0, '\'');
	size_t second = str_find_char(*value, first + 1, '\'');
	struct str name = str_sub(*value, 0, first);

	if (first >= value->n || second >= value->n)
		return STR_EMPTY;
	*value = str_sub(*value, second + 1, value->n);
	return name;
}

static const struct piece *find_plain(const struct parameters *list,
    const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].section < 0 &&
		    str_ieq_z(list->v[i].name, name))
			return &list->v[i];
	return NULL;
}

/* Sections in their order, whatever is missing between; of two of one number
 * the first counts. */
static struct str extended(struct arena *a, const struct parameters *list,
    const char *name)
{
	struct str declared = STR_EMPTY, text;
	struct charset charset;
	bool encoded = false;
	struct buf bytes, out;
	int last = -1;

	buf_init(&bytes, CONTENT_VALUE_MAX);
	for (size_t i = 0; i < list->n; i++) {
		const struct piece *p = &list->v[i];
		struct str value = p->value;

		if (p->section <= last || !str_ieq_z(p->name, name))
			continue;
		if (last < 0 && p->extended)
			declared = take_charset(&value);
		last = p->section;
		encoded |= p->extended;
		if (p->extended)
			add_percent(&bytes, value);
		else
			buf_add_str(&bytes, value);
	}
	if (encoded) {
		charset = charset_find(declared);
		buf_init(&out, charset_room(bytes.n));
		charset_add(&charset, buf_str(&bytes), &out);
		text = arena_str(a, buf_str(&out));
		buf_free(&out);
	} else {
		text = words_decode(a, arena_str(a, buf_str(&bytes)));
	}
	buf_free(&bytes);
	return text;
}

/* The value under NAME; where there are several forms, mail programs agree
 * on the plain one. */
static struct str parameter(struct arena *a, const struct parameters *list,
    const char *name)
{
	const struct piece *p = find_plain(list, name);

	if (p)
		return words_decode(a, p->value);
	return extended(a, list, name);
}

static bool has_parameter(const struct parameters *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_ieq_z(list->v[i].name, name))
			return true;
	return false;
}

/* A parameter that is a token: without a comment or what else follows. */
static struct str token_parameter(struct arena *a,
    const struct parameters *list, const char *name)
{
	struct str value = str_trim(parameter(a, list, name));
	size_t n = 0;

	while (n < value.n && !ch_space(value.p[n]) && value.p[n] != '(')
		n++;
	return str_sub(value, 0, n);
}

/* RFC 2046 5.1.1: it does not end in white space, though it is met so. */
static struct str boundary_parameter(struct arena *a,
    const struct parameters *list)
{
	struct str s = parameter(a, list, "boundary");

	while (s.n && ch_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* A file name is on one line, without blanks around it. */
static struct str name_parameter(struct arena *a,
    const struct parameters *list, const char *name)
{
	struct str s = parameter(a, list, name);
	char *p;

	if (memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n)) {
		p = arena_z(a, s);
		for (size_t i = 0; i < s.n; i++)
			if (p[i] == '\n' || p[i] == '\r')
				p[i] = ' ';
		s.p = p;
	}
	return str_trim(s);
}

/* ---------------------------------------------------------------- fields */

void content_type_read(struct arena *a, struct str value,
    struct content_type *t)
{
	struct str rest = skip_comments(one_line(a, value)), top, sub;
	struct parameters list;

	*t = (struct content_type){ .type = STR_EMPTY, .charset = STR_EMPTY,
	    .boundary = STR_EMPTY, .name = STR_EMPTY,
	    .protocol = STR_EMPTY, .smime_type = STR_EMPTY };
	if (rest.n && rest.p[0] == '"')
		rest = str_sub(rest, 1, rest.n);
	top = take_token(&rest);
	if (top.n && rest.n && rest.p[0] == '/') {
		rest = str_trim(str_sub(rest, 1, rest.n));
		sub = take_token(&rest);
		if (sub.n)
			t->type = lower(a, arena_printf(a, "%.*s/%.*s",
			    STR_ARG(top), STR_ARG(sub)));
	}
	rest = str_sub(rest, str_find_char(rest, 0, ';'), rest.n);
	read_parameters(a, rest, &list);
	if (list.n == 0)
		return;
	t->charset = token_parameter(a, &list, "charset");
	t->boundary = boundary_parameter(a, &list);
	t->has_boundary = has_parameter(&list, "boundary");
	t->name = name_parameter(a, &list, "name");
	t->flowed = str_ieq_z(token_parameter(a, &list, "format"), "flowed");
	t->delsp = str_ieq_z(token_parameter(a, &list, "delsp"), "yes");
	t->protocol = token_parameter(a, &list, "protocol");
	t->smime_type = token_parameter(a, &list, "smime-type");
	t->protects_header = has_parameter(&list, "hp") ||
	    has_parameter(&list, "protected-headers");
}

void content_disposition_read(struct arena *a, struct str value,
    struct content_disposition *d)
{
	struct str rest = skip_comments(one_line(a, value));
	struct parameters list;

	d->kind = lower(a, take_token(&rest));
	rest = str_sub(rest, str_find_char(rest, 0, ';'), rest.n);
	read_parameters(a, rest, &list);
	d->filename = name_parameter(a, &list, "filename");
	if (d->filename.n == 0)
		d->filename = name_parameter(a, &list, "name");
}

enum mime_encoding content_encoding_read(struct str value)
{
	static const struct {
		const char *name;
		enum mime_encoding encoding;
	} names[] = {
		{ "base64", MIME_BASE64 },
		{ "quoted-printable", MIME_QUOTED_PRINTABLE },
		{ "x-uuencode", MIME_UUENCODE }, { "uuencode", MIME_UUENCODE },
		{ "x-uue", MIME_UUENCODE }, { "uue", MIME_UUENCODE },
	};
	struct str rest = skip_comments(str_sub(value, 0, CONTENT_VALUE_MAX));
	struct str word;

	if (rest.n && rest.p[0] == '"')
		rest = str_sub(rest, 1, rest.n);
	word = take_token(&rest);
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_ieq_z(word, names[i].name))
			return names[i].encoding;
	return MIME_IDENTITY;
}
