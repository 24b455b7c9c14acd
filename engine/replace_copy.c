#include "replace_copy.h"

#include "../rules/mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- fields */

/* A field with what is folded from it: header[from..to). */
struct span {
	size_t from, to;
	size_t value;		/* behind the colon */
};

static size_t line_end(struct str s, size_t at)
{
	at = str_find_char(s, at, '\n');
	return at < s.n ? at + 1 : s.n;
}

/* The first field called NAME at or after FROM. */
static bool find_field(struct str header, size_t from, struct str name,
    struct span *out)
{
	while (from < header.n) {
		struct str rest = str_sub(header, from, header.n);
		size_t to = line_end(header, from), colon = name.n;

		while (to < header.n && (header.p[to] == ' ' ||
		    header.p[to] == '\t'))
			to = line_end(header, to);
		while (colon < rest.n && (rest.p[colon] == ' ' ||
		    rest.p[colon] == '\t'))
			colon++;
		if (str_istarts(rest, name) && colon < rest.n &&
		    rest.p[colon] == ':') {
			*out = (struct span){ from, to, from + colon + 1 };
			return true;
		}
		from = to;
	}
	return false;
}

static struct str value_of(struct str header, const struct span *f)
{
	return str_sub(header, f->value, f->to - f->value);
}

static const char *line_ending(struct str text)
{
	size_t at = str_find_char(text, 0, '\n');

	if (at == text.n)
		return "\r\n";
	return at > 0 && text.p[at - 1] == '\r' ? "\r\n" : "\n";
}

static struct str kept(struct arena *a, struct buf *b)
{
	struct str all = arena_str(a, buf_str(b));

	buf_free(b);
	return all;
}

/* HEADER without any field called NAME; itself where there is none. */
static struct str without_field(struct arena *a, struct str header,
    struct str name)
{
	struct span f;
	struct buf b;
	size_t at = 0;

	if (!find_field(header, 0, name, &f))
		return header;
	buf_init(&b, header.n);
	do {
		buf_add_str(&b, str_sub(header, at, f.from - at));
		at = f.to;
	} while (find_field(header, at, name, &f));
	buf_add_str(&b, str_sub(header, at, header.n));
	return kept(a, &b);
}

/* ----------------------------------------------------------------- lines */

/* Does a line end not as it should, or a NUL stand in it? */
static bool needs_mending(struct str s, bool crlf)
{
	if (memchr(s.p, '\0', s.n))
		return true;
	for (size_t at = 0; crlf && at < s.n; at++) {
		const char *lf = memchr(s.p + at, '\n', s.n - at);

		if (!lf)
			break;
		at = (size_t)(lf - s.p);
		if (at == 0 || s.p[at - 1] != '\r')
			return true;
	}
	return false;
}

static struct str mended(struct arena *a, struct str s, bool crlf)
{
	struct buf b;

	if (s.n == 0 || !needs_mending(s, crlf))
		return s;
	buf_init(&b, 2 * s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0')
			continue;
		if (crlf && s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			buf_add_char(&b, '\r');
		buf_add_char(&b, s.p[i]);
	}
	return kept(a, &b);
}

/* ---------------------------------------------------------------- making */

static struct str nonce_field(struct arena *a, const char *end,
    const char *nonce, const uint8_t original[DIGEST_SIZE])
{
	return arena_printf(a, NONCE_FIELD ": %s;%s sha256=%.*s%s", nonce,
	    end, STR_ARG(digest_hex(a, original, DIGEST_SIZE)), end);
}

bool copy_make(struct arena *a, struct str header, struct str body,
    bool crlf, const char *nonce, const uint8_t original[DIGEST_SIZE],
    struct copy_text *out, struct err *e)
{
	const char *end = crlf ? "\r\n" : line_ending(header.n ? header :
	    body);
	struct str name = STR_LIT(NONCE_FIELD);

	if (header.n == 0)
		return err_set(e, ERR_MESSAGE, "it would have no header");
	header = mended(a, without_field(a, header, name), crlf);
	body = mended(a, body, crlf);
	*out = (struct copy_text){ .n = COPY_PARTS_MAX };
	out->parts[0] = nonce_field(a, end, nonce, original);
	out->parts[1] = header;
	out->parts[2] = body;
	out->parts[3] = str_ends(body.n ? body : header, STR_LIT("\n")) ?
	    STR_EMPTY : str_of(end);
	return true;
}

struct str copy_nonce(struct str value)
{
	struct str rest = str_trim(value), nonce;

	if (!str_cut(&rest, ';', &nonce) || nonce.n != NONCE_SIZE)
		return STR_EMPTY;
	for (size_t i = 0; i < nonce.n; i++)
		if (!ch_digit(nonce.p[i]) &&
		    (nonce.p[i] < 'a' || nonce.p[i] > 'f'))
			return STR_EMPTY;
	return nonce;
}

/* -------------------------------------------------------------- variants */

/* RFC 5322 3.3 */
static struct str date_written(struct arena *a, int64_t time, int east)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct civil c = time_to_civil(time + east);
	int minutes = east < 0 ? -east / 60 : east / 60;

	return arena_printf(a, "%s, %d %s %04" PRId64 " %02d:%02d:%02d "
	    "%c%02d%02d", days[c.weekday], c.day, months[c.month - 1], c.year,
	    c.hour, c.min, c.sec, east < 0 ? '-' : '+', minutes / 60,
	    minutes % 60);
}

/* COPY with TEXT in the place of from..to. */
static void put_between(struct str copy, size_t from, size_t to,
    struct str text, struct copy_text *out)
{
	*out = (struct copy_text){ .n = 3 };
	out->parts[0] = str_sub(copy, 0, from);
	out->parts[1] = text;
	out->parts[2] = str_sub(copy, to, copy.n);
}

static bool vary_date(struct arena *a, struct str copy, struct str header,
    int64_t seconds, struct copy_text *out)
{
	int64_t time;
	struct span f;
	int east;

	if (!find_field(header, 0, STR_LIT("Date"), &f))
		return false;
	time = date_read_zone(value_of(header, &f), &east);
	if (time == TIME_NONE)
		return false;
	put_between(copy, f.value, f.to, arena_printf(a, " %.*s%s",
	    STR_ARG(date_written(a, time + seconds, east)), line_ending(header)),
	    out);
	return true;
}

/* The old identifier at the end of References, where it can be told. */
static struct str referring(struct arena *a, struct str header,
    struct str old)
{
	const char *end = line_ending(header);
	struct span f;
	struct str before;

	if (old.n == 0)
		return header;
	if (!find_field(header, 0, STR_LIT("References"), &f))
		return arena_printf(a, "References: <%.*s>%s%.*s",
		    STR_ARG(old), end, STR_ARG(header));
	before = str_sub(header, 0, f.to);
	while (before.n && ch_space(before.p[before.n - 1]))
		before.n--;
	return arena_printf(a, "%.*s%s <%.*s>%s%.*s", STR_ARG(before), end,
	    STR_ARG(old), end, STR_ARG(str_sub(header, f.to, header.n)));
}

static void vary_id(struct arena *a, struct str copy, size_t body,
    const char *nonce, struct copy_text *out)
{
	struct str header = str_sub(copy, 0, body);
	struct mail *m = mail_make(a, header, MAIL_HEADER, NULL, 0);
	struct str name = STR_LIT("Message-ID"), old = mail_message_id(m);
	const char *end = line_ending(header);

	*out = (struct copy_text){ .n = 3 };
	out->parts[0] = arena_printf(a, "Message-ID: <%s@tamis.invalid>%s",
	    nonce, end);
	out->parts[1] = referring(a, without_field(a, header, name), old);
	out->parts[2] = str_sub(copy, body, copy.n);
}

bool copy_vary(struct arena *a, struct str copy, enum on_swallowed how,
    int64_t seconds, const char *nonce, struct copy_text *out)
{
	size_t body = mail_body_offset(copy);

	if (how == SWALLOWED_DATE)
		return vary_date(a, copy, str_sub(copy, 0, body), seconds,
		    out);
	vary_id(a, copy, body, nonce, out);
	return true;
}
