#include "field.h"

#include <string.h>

#include "charset.h"
#include "mail.h"
#include "words.h"

/* RFC 5322 2.1.1 wants at most 78, RFC 2047 2 with encoded words 76; and of
 * such a word 75, which is less where something stands beside it. */
#define LINE	76
#define WORD	73
#define WORD_LEAST	30	/* ... if the field's name leaves no more */
#define FRAME	12		/* of them "=?utf-8?q?" and "?=" */
#define TOKEN_MAX	900	/* a longer one is cut into encoded words */

/* ---------------------------------------------------------------- kinds */

bool field_name_ok(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == ':' ||
		    (unsigned char)name.p[i] >= 0x7F)
			return false;
	return name.n > 0 && name.n <= FIELD_NAME_MAX;
}

enum field_kind field_kind(struct str name)
{
	static const char *const addresses[] = {
		"From", "Sender", "Reply-To", "To", "Cc", "Bcc",
		"Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc",
		"Resent-Bcc", "Resent-Reply-To", "Return-Path",
		"Delivered-To", "X-Original-To", "Errors-To",
		"Mail-Followup-To", "Mail-Reply-To",
		"Disposition-Notification-To", "Return-Receipt-To",
		"List-Id",
	};
	static const char *const plain[] = {
		"Message-ID", "In-Reply-To", "References", "Date",
		"Resent-Date", "Resent-Message-ID", "Received",
		"MIME-Version", "DKIM-Signature", "Authentication-Results",
		"Received-SPF", "Autocrypt", "Auto-Submitted",
	};
	static const char *const plain_heads[] = {
		"Content-", "ARC-", "List-",
	};

	if (str_ieq_z(name, "Content-Description"))
		return FIELD_TEXT;
	for (size_t i = 0; i < COUNT(addresses); i++)
		if (str_ieq_z(name, addresses[i]))
			return FIELD_ADDRESSES;
	for (size_t i = 0; i < COUNT(plain); i++)
		if (str_ieq_z(name, plain[i]))
			return FIELD_PLAIN;
	for (size_t i = 0; i < COUNT(plain_heads); i++)
		if (str_istarts(name, str_of(plain_heads[i])))
			return FIELD_PLAIN;
	return FIELD_TEXT;
}

/* --------------------------------------------------------------- tokens */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * What a value of addresses is made of, as its octets stand: a quoted string,
 * a comment, what stands in angle brackets, one of the characters that part
 * items, blanks, or a run of others.  What is opened and not closed goes to
 * the end, and `broken` says so.
 */
enum piece_kind {
	PIECE_END, PIECE_BLANK, PIECE_QUOTED, PIECE_COMMENT, PIECE_ANGLE,
	PIECE_PART, PIECE_ATOM,
};

struct piece {
	enum piece_kind kind;
	struct str text;	/* with what encloses it */
	bool broken;
};

static size_t comment_end(struct str s, size_t at)
{
	size_t depth = 0;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at;
	}
	return s.n;
}

/* Offset of C, what stands behind a backslash left out; S.n: none. */
static size_t closing(struct str s, size_t at, char c)
{
	for (; at < s.n && s.p[at] != c; at++)
		if (s.p[at] == '\\')
			at++;
	return at < s.n ? at : s.n;
}

static struct piece piece_at(struct str s, size_t at)
{
	struct piece p = { .kind = PIECE_ATOM };
	size_t end = at;

	if (at >= s.n)
		return (struct piece){ PIECE_END, STR_EMPTY, false };
	switch (s.p[at]) {
	case '"':
		p.kind = PIECE_QUOTED;
		end = closing(s, at + 1, '"');
		break;
	case '(':
		p.kind = PIECE_COMMENT;
		end = comment_end(s, at);
		break;
	case '<':
		p.kind = PIECE_ANGLE;
		end = str_find_char(s, at, '>');
		break;
	case ',':
	case ';':
	case ':':
		p.kind = PIECE_PART;
		break;
	default:
		if (is_blank(s.p[at])) {
			p.kind = PIECE_BLANK;
			while (end + 1 < s.n && is_blank(s.p[end + 1]))
				end++;
			break;
		}
		while (end + 1 < s.n && !is_blank(s.p[end + 1]) &&
		    !memchr("\"(<,;:", s.p[end + 1], 6))
			end++;
	}
	p.broken = end == s.n;
	p.text = str_sub(s, at, p.broken ? s.n : end + 1 - at);
	return p;
}

static bool has_byte(struct str s, bool (*is)(char))
{
	for (size_t i = 0; i < s.n; i++)
		if (is(s.p[i]))
			return true;
	return false;
}

static bool is_beyond_ascii(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool is_special(char c)	/* RFC 5322 3.2.3 */
{
	return memchr("()<>[]:;@\\,.\"", c, 13) != NULL;
}

/* -------------------------------------------------------------- reading */

/* What follows a backslash loses it. */
static void add_unquoted(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		buf_add_char(b, s.p[i]);
	}
}

static void add_escaped(struct buf *b, struct str s, const char *which)
{
	for (size_t i = 0; i < s.n; i++) {
		if (strchr(which, s.p[i]))
			buf_add_char(b, '\\');
		buf_add_char(b, s.p[i]);
	}
}

static void add_quoted(struct buf *b, struct str s)
{
	buf_add_char(b, '"');
	add_escaped(b, s, "\"\\");
	buf_add_char(b, '"');
}

/* What stands in quotes or a comment: its encoded words too are read. */
static void add_inner(struct arena *a, struct buf *b, struct piece p)
{
	struct str inner = str_sub(p.text, 1, p.text.n - 2), text;
	bool quoted = p.kind == PIECE_QUOTED;
	struct buf plain;

	if (p.broken || words_are_plain(inner)) {
		buf_add_str(b, p.text);
		return;
	}
	buf_init(&plain, inner.n);
	add_unquoted(&plain, inner);
	text = field_clean(a, words_decode(a, arena_str(a,
	    buf_str(&plain))));
	buf_free(&plain);
	buf_add_char(b, quoted ? '"' : '(');
	add_escaped(b, text, quoted ? "\"\\" : "()\\");
	buf_add_char(b, quoted ? '"' : ')');
}

/* A run of encoded words from S[at] on; returns where it ends. */
static size_t add_words(struct arena *a, struct buf *b, struct str s,
    size_t at)
{
	size_t end = at, next = at, n;
	struct str text;

	while ((n = words_length(s, next)) > 0) {
		next = end = next + n;
		while (next < s.n && is_blank(s.p[next]))
			next++;
	}
	text = field_clean(a, words_decode(a, str_sub(s, at, end - at)));
	if (has_byte(text, is_special))
		add_quoted(b, text);
	else
		buf_add_str(b, text);
	return end;
}

static struct str read_addresses(struct arena *a, struct str s)
{
	struct str out;
	struct buf b;
	size_t at = 0;

	s = charset_raw_text(a, s);
	buf_init(&b, 4 * charset_room(s.n) + 16);
	while (at < s.n) {
		struct piece p;

		if (words_length(s, at)) {
			at = add_words(a, &b, s, at);
			continue;
		}
		p = piece_at(s, at);
		if (p.kind == PIECE_QUOTED || p.kind == PIECE_COMMENT) {
			add_inner(a, &b, p);
		} else if (p.kind == PIECE_ATOM) {
			/* up to where a word begins */
			for (size_t i = 1; i < p.text.n; i++)
				if (words_length(s, at + i))
					p.text.n = i;
			buf_add_str(&b, p.text);
		} else {
			buf_add_str(&b, p.text);
		}
		at += p.text.n;
	}
	out = field_clean(a, arena_str(a, buf_str(&b)));
	buf_free(&b);
	return out;
}

struct str field_text(struct arena *a, struct str name, struct str raw)
{
	struct str octets = mail_value_octets(a, raw);

	switch (field_kind(name)) {
	case FIELD_TEXT:
		return field_clean(a, mail_value_text(a, raw));
	case FIELD_ADDRESSES:
		return words_are_plain(octets) ? octets :
		    read_addresses(a, octets);
	case FIELD_PLAIN:
		break;
	}
	return octets;
}

struct str field_clean(struct arena *a, struct str text)
{
	char *p;
	size_t n = 0;

	text = str_trim(text);
	while (n < text.n && (unsigned char)text.p[n] >= ' ' &&
	    text.p[n] != 0x7F)
		n++;
	if (n == text.n)
		return text;
	p = arena_z(a, text);
	for (; n < text.n; n++)
		if ((unsigned char)p[n] < ' ' || p[n] == 0x7F)
			p[n] = ' ';
	return str_trim((struct str){ p, text.n });
}

bool field_next_address(struct str text, size_t *at, struct str *out)
{
	size_t from = *at;

	while (*at < text.n) {
		struct piece p = piece_at(text, *at);

		*at += p.text.n;
		if (p.kind == PIECE_PART && p.text.p[0] == ':') {
			from = *at;
		} else if (p.kind == PIECE_PART) {
			*out = str_trim(str_sub(text, from,
			    *at - 1 - from));
			if (out->n)
				return true;
			from = *at;
		}
	}
	*out = str_trim(str_sub(text, from, text.n));
	return out->n > 0;
}

struct str field_mailbox(struct arena *a, struct str name,
    struct str address)
{
	struct str out;
	struct buf b;

	name = field_clean(a, name);
	if (name.n == 0)
		return address;
	buf_init(&b, 2 * name.n + address.n + 16);
	if (has_byte(name, is_special))
		add_quoted(&b, name);
	else
		buf_add_str(&b, name);
	buf_add_z(&b, " <");
	buf_add_str(&b, address);
	buf_add_char(&b, '>');
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

/* -------------------------------------------------------------- writing */

struct writer {
	struct buf *out;
	size_t first;		/* room in the first word of the value */
	const char *why;
};

static bool fails(struct writer *w, const char *why)
{
	w->why = why;
	return false;
}

/* RFC 2047 5 (3): what may stand in a phrase, which is the least. */
static bool stays_in_q(char c)
{
	return ch_alnum(c) || memchr("!*+-/", c, 5) != NULL;
}

static size_t q_length(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += stays_in_q(s.p[i]) || s.p[i] == ' ' ? 1 : 3;
	return n;
}

static void add_q(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ')
			buf_add_char(b, '_');
		else if (stays_in_q(s.p[i]))
			buf_add_char(b, s.p[i]);
		else
			buf_printf(b, "=%02X", (unsigned char)s.p[i]);
	}
}

static void add_b(struct buf *b, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t bits = (uint32_t)(unsigned char)s.p[i] << 16;

		if (left > 1)
			bits |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char)s.p[i + 2];
		buf_add_char(b, digits[bits >> 18]);
		buf_add_char(b, digits[bits >> 12 & 63]);
		buf_add_char(b, left > 1 ? digits[bits >> 6 & 63] : '=');
		buf_add_char(b, left > 2 ? digits[bits & 63] : '=');
	}
}

/* The longest head of S that fits into ROOM octets, at least a character. */
static size_t word_head(struct str s, bool base64, size_t room)
{
	size_t at = 0, n = 0;

	while (at < s.n) {
		size_t next = at;

		utf8_next(s, &next);
		if (at && (base64 ? (next + 2) / 3 * 4 :
		    n + q_length(str_sub(s, at, next - at))) > room)
			break;
		n += q_length(str_sub(s, at, next - at));
		at = next;
	}
	return at;
}

/* S as encoded words with blanks between them. */
static void add_encoded(struct writer *w, struct str s)
{
	/* what one can read is preferred */
	bool base64 = 2 * q_length(s) > (s.n + 2) / 3 * 4 * 3;
	size_t room = w->out->n ? WORD : w->first;

	while (s.n) {
		size_t n = word_head(s, base64, room - FRAME);

		buf_add_z(w->out, base64 ? "=?utf-8?b?" : "=?utf-8?q?");
		if (base64)
			add_b(w->out, str_sub(s, 0, n));
		else
			add_q(w->out, str_sub(s, 0, n));
		buf_add_z(w->out, "?=");
		s = str_sub(s, n, s.n);
		if (s.n)
			buf_add_char(w->out, ' ');
		room = WORD;
	}
}

/* Would it not be read as it is? */
static bool reads_otherwise(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '=' && s.p[i + 1] == '?')
			return true;
	return has_byte(s, is_beyond_ascii);
}

static bool needs_encoding(struct str token)
{
	return token.n > TOKEN_MAX || reads_otherwise(token);
}

static size_t token_end(struct str s, size_t at)
{
	while (at < s.n && s.p[at] != ' ')
		at++;
	return at;
}

/* Runs of tokens that must be encoded become one, the blanks between them
 * included: those between encoded words are not text. */
static void write_text(struct writer *w, struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		size_t end = token_end(s, at), next = end;

		if (!needs_encoding(str_sub(s, at, end - at))) {
			buf_add_str(w->out, str_sub(s, at, end - at));
		} else {
			while (next < s.n) {
				size_t from = next;

				while (from < s.n && s.p[from] == ' ')
					from++;
				next = token_end(s, from);
				if (!needs_encoding(str_sub(s, from,
				    next - from)))
					break;
				end = next;
			}
			add_encoded(w, str_sub(s, at, end - at));
		}
		for (at = end; at < s.n && s.p[at] == ' '; at++)
			buf_add_char(w->out, ' ');
	}
}

/*
 * A run of atoms and quoted strings: as it stands, or where that cannot be as
 * encoded words, if it is a name or such: an address has none.
 */
static bool write_phrase(struct writer *w, struct str s, bool named)
{
	struct buf text;
	size_t lead = 0, tail = s.n, at = 0;

	if (!reads_otherwise(s)) {
		buf_add_str(w->out, s);
		return true;
	}
	while (lead < s.n && is_blank(s.p[lead]))
		lead++;
	while (tail > lead && is_blank(s.p[tail - 1]))
		tail--;
	buf_add_str(w->out, str_sub(s, 0, lead));
	buf_init(&text, s.n);
	for (at = lead; at < tail; ) {
		struct piece p = piece_at(str_sub(s, 0, tail), at);

		if (p.kind == PIECE_QUOTED)
			add_unquoted(&text, str_sub(p.text, 1, p.text.n - 2));
		else
			buf_add_str(&text, p.text);
		if (!named && p.kind == PIECE_ATOM &&
		    memchr(p.text.p, '@', p.text.n)) {
			buf_free(&text);
			return fails(w, "an address holds no letters beyond "
			    "ASCII");
		}
		at += p.text.n;
	}
	add_encoded(w, buf_str(&text));
	buf_free(&text);
	buf_add_str(w->out, str_sub(s, tail, s.n - tail));
	return true;
}

static bool write_comment(struct writer *w, struct str s)
{
	struct buf text;

	if (!reads_otherwise(s)) {
		buf_add_str(w->out, s);
		return true;
	}
	buf_init(&text, s.n);
	add_unquoted(&text, str_sub(s, 1, s.n - 2));
	buf_add_char(w->out, '(');
	add_encoded(w, buf_str(&text));
	buf_add_char(w->out, ')');
	buf_free(&text);
	return true;
}

static bool write_addresses(struct writer *w, struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		struct piece p = piece_at(s, at);
		size_t from = at;

		while (p.kind == PIECE_ATOM || p.kind == PIECE_BLANK ||
		    (p.kind == PIECE_QUOTED && !p.broken)) {
			at += p.text.n;
			p = piece_at(s, at);
		}
		if (p.broken)
			return fails(w, "what it opens is not closed");
		if (!write_phrase(w, str_sub(s, from, at - from),
		    p.kind == PIECE_ANGLE))
			return false;
		if (p.kind == PIECE_COMMENT && !write_comment(w, p.text))
			return false;
		if (p.kind == PIECE_ANGLE &&
		    has_byte(p.text, is_beyond_ascii))
			return fails(w, "an address holds no letters beyond "
			    "ASCII");
		if (p.kind == PIECE_ANGLE || p.kind == PIECE_PART)
			buf_add_str(w->out, p.text);
		at += p.text.n;
	}
	return true;
}

/* -------------------------------------------------------------- folding */

/* Where the run of blanks at or behind FROM begins that a line may be folded
 * at: none within quotes, which would read differently. */
static size_t next_blank(struct str s, size_t from, bool structured)
{
	bool quoted = false;

	for (size_t i = from; i < s.n; i++) {
		if (structured && s.p[i] == '\\')
			i++;
		else if (structured && s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ' ' && !quoted)
			return i;
	}
	return s.n;
}

/* S behind COLUMN octets of its line. */
static bool fold(struct buf *out, struct str s, size_t column,
    bool structured, struct str eol)
{
	size_t at = 0, line = column;

	while (at < s.n) {
		size_t text = at, end;

		while (text < s.n && s.p[text] == ' ')
			text++;
		end = next_blank(s, text, structured);
		if (at && line + (end - at) > LINE) {
			buf_add_str(out, eol);
			line = 0;
		}
		buf_add_str(out, str_sub(s, at, end - at));
		line += end - at;
		if (line > FIELD_LINE_MAX)
			return false;
		at = end;
	}
	return true;
}

bool field_write(struct buf *out, struct str name, struct str text,
    struct str eol, const char **why_out)
{
	enum field_kind kind = field_kind(name);
	size_t column = name.n + 2;
	struct buf value;
	struct writer w = {
		.out = &value,
		.first = column + WORD_LEAST > LINE ? WORD_LEAST :
		    LINE - column,
	};
	bool ok = true;

	if (w.first > WORD)
		w.first = WORD;
	buf_init(&value, 8 * (size_t)FIELD_VALUE_MAX);
	if (text.n > FIELD_VALUE_MAX)
		ok = fails(&w, "it is too long");
	else if (kind == FIELD_TEXT)
		write_text(&w, text);
	else if (kind == FIELD_ADDRESSES)
		ok = write_addresses(&w, text);
	else if (has_byte(text, is_beyond_ascii))
		ok = fails(&w, "this field holds no letters beyond ASCII");
	else
		buf_add_str(&value, text);
	if (ok) {
		buf_add_str(out, name);
		buf_add_z(out, value.n ? ": " : ":");
		ok = fold(out, buf_str(&value), column, kind != FIELD_TEXT,
		    eol);
		buf_add_str(out, eol);
		if (!ok || value.over)
			ok = fails(&w, "a line of it would be too long");
	}
	buf_free(&value);
	*why_out = w.why;
	return ok;
}
