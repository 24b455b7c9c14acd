#include "mime.h"

#include <gmime/gmime.h>

#include "charset.h"

#define HOST_MAX	1024	/* octets of a host name that is converted */
#define CHUNK		8192	/* encoded octets decoded at a time */
#define PIECE		(2 * CHUNK)	/* room for what they become */

/* ---------------------------------------------------------------- hosts */

static struct str lower(struct arena *a, struct str s)
{
	struct str copy = arena_str(a, s);
	char *p = (char *)copy.p;	/* fresh from the arena */

	for (size_t i = 0; i < copy.n; i++)
		p[i] = ch_lower(p[i]);
	return copy;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

struct str mime_host_ascii(struct arena *a, struct str host)
{
	struct str text = lower(a, charset_raw_text(a, host));
	char *ascii;

	if (is_ascii(text) || text.n > HOST_MAX)
		return text;
	ascii = g_hostname_to_ascii(text.p);
	if (ascii)
		text = lower(a, str_of(ascii));
	g_free(ascii);
	return text;
}

/* ------------------------------------------------------ transfer encodings */

/* What follows the "begin 644 name" line, which the coder does not know. */
static struct str uu_lines(struct str raw)
{
	struct str rest = raw, line;

	while (str_cut(&rest, '\n', &line))
		if (str_starts(line, STR_LIT("begin ")))
			return rest;
	return raw;
}

/* What the coder holds back where the padding is missing. */
static size_t finish_base64(GMimeEncoding *state, char *out)
{
	return state->state > 1 ? g_mime_encoding_step(state, "=", 1, out) : 0;
}

void mime_add_base64(struct str s, struct buf *out)
{
	GMimeEncoding state;
	char piece[1024];

	g_mime_encoding_init_decode(&state, GMIME_CONTENT_ENCODING_BASE64);
	while (s.n) {
		size_t n = s.n < 512 ? s.n : 512;

		buf_add(out, piece,
		    g_mime_encoding_step(&state, s.p, n, piece));
		s = str_sub(s, n, s.n);
	}
	buf_add(out, piece, finish_base64(&state, piece));
}

static int hex_digit(char c)
{
	if (ch_digit(c))
		return c - '0';
	c = ch_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mime_hex_byte(struct str s, size_t at)
{
	int high = at + 1 < s.n ? hex_digit(s.p[at]) : -1;
	int low = at + 1 < s.n ? hex_digit(s.p[at + 1]) : -1;

	return high >= 0 && low >= 0 ? high << 4 | low : -1;
}

/* Length of a soft line break at S[at], which is "=" (RFC 2045 6.7 (5)),
 * blanks that a mail system put behind it (3) included; 0 if it is none. */
static size_t soft_break(struct str s, size_t at)
{
	size_t end = at + 1;

	while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t'))
		end++;
	if (end < s.n && s.p[end] == '\r')
		end++;
	if (end < s.n && s.p[end] == '\n')
		return end + 1 - at;
	return end == s.n ? end - at : 0;
}

/* GMime's coder takes only a bare "=" at the end of a line as a break. */
static size_t decode_quoted(struct str *raw, char piece[static PIECE])
{
	size_t at = 0, n = 0;

	while (at < raw->n && n < PIECE) {
		size_t soft;
		int byte;

		if (raw->p[at] != '=') {
			piece[n++] = raw->p[at++];
			continue;
		}
		byte = mime_hex_byte(*raw, at + 1);
		soft = byte < 0 ? soft_break(*raw, at) : 0;
		if (byte >= 0) {
			piece[n++] = (char)byte;
			at += 3;
		} else if (soft) {
			at += soft;
		} else {
			piece[n++] = raw->p[at++];
		}
	}
	*raw = str_sub(*raw, at, raw->n);
	return n;
}

struct coder {
	enum mime_encoding encoding;
	struct str raw;			/* what is left of it */
	GMimeEncoding state;
	bool done;
};

static struct coder coder_of(struct str raw, enum mime_encoding encoding)
{
	struct coder c = { .encoding = encoding, .raw = raw };

	if (encoding == MIME_UUENCODE)
		c.raw = uu_lines(raw);
	g_mime_encoding_init_decode(&c.state, encoding == MIME_UUENCODE ?
	    GMIME_CONTENT_ENCODING_UUENCODE : GMIME_CONTENT_ENCODING_BASE64);
	return c;
}

/* The next decoded octets; nothing may come before the end is reached. */
static size_t coder_read(struct coder *c, char piece[static PIECE])
{
	struct str head = str_sub(c->raw, 0, CHUNK);

	c->done = c->raw.n == 0;
	if (c->encoding == MIME_QUOTED_PRINTABLE)
		return decode_quoted(&c->raw, piece);
	c->raw = str_sub(c->raw, head.n, c->raw.n);
	if (!c->done)
		return g_mime_encoding_step(&c->state, head.p, head.n, piece);
	return c->encoding == MIME_BASE64 ? finish_base64(&c->state, piece) : 0;
}

uint64_t mime_decoded_size(struct str raw, enum mime_encoding encoding)
{
	struct coder c = coder_of(raw, encoding);
	char piece[PIECE];
	uint64_t size = 0;

	if (encoding == MIME_IDENTITY)
		return raw.n;
	while (!c.done)
		size += coder_read(&c, piece);
	return size;
}

void mime_decode(struct str raw, enum mime_encoding encoding,
    struct buf *out)
{
	struct coder c = coder_of(raw, encoding);
	char piece[PIECE];

	if (encoding == MIME_IDENTITY) {
		buf_add_str(out, raw);
		return;
	}
	while (!c.done && !out->over)
		buf_add(out, piece, coder_read(&c, piece));
}

bool mime_decode_text(struct str raw, enum mime_encoding encoding,
    struct str charset, struct buf *out)
{
	size_t room = out->max > out->n ? out->max - out->n : 0;
	struct charset c = charset_find(charset);
	struct buf bytes;
	struct str head;
	bool cut;

	if (c.kind == CHARSET_ICONV)
		room *= 2;		/* UTF-16 shrinks, UTF-32 is cut */
	buf_init(&bytes, room);
	if (encoding == MIME_IDENTITY) {
		head = str_sub(raw, 0, room);
		cut = raw.n > room;
	} else {
		mime_decode(raw, encoding, &bytes);
		head = buf_str(&bytes);
		cut = bytes.over;
	}
	if (cut && c.kind != CHARSET_ICONV && c.kind != CHARSET_1252)
		head = charset_whole(head);
	charset_add(&c, head, out);
	buf_free(&bytes);
	if (out->over)
		out->n = charset_whole(buf_str(out)).n;
	return !cut && !out->over;
}

/* --------------------------------------------------------------- digests */

struct str mime_digest(struct arena *a, const struct str *parts, size_t n)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	struct str hex;

	for (size_t i = 0; i < n; i++) {
		struct str rest = parts[i], piece;

		while (str_cut(&rest, '\r', &piece))
			g_checksum_update(sum, (const guchar *)piece.p,
			    (gssize)piece.n);
	}
	hex = arena_str(a, str_sub(str_of(g_checksum_get_string(sum)), 0,
	    MIME_DIGEST));
	g_checksum_free(sum);
	return hex;
}
