#include "mime.h"

#include <gmime/gmime.h>

#include "charset.h"

#define HOST_MAX	1024	/* octets of a host name that is converted */
#define CHUNK		8192	/* encoded octets decoded at a time */

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

static void coder_start(GMimeEncoding *state, enum mime_encoding encoding)
{
	static const GMimeContentEncoding theirs[] = {
		[MIME_IDENTITY] = GMIME_CONTENT_ENCODING_BINARY,
		[MIME_BASE64] = GMIME_CONTENT_ENCODING_BASE64,
		[MIME_QUOTED_PRINTABLE] =
		    GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE,
		[MIME_UUENCODE] = GMIME_CONTENT_ENCODING_UUENCODE,
	};

	g_mime_encoding_init_decode(state, theirs[encoding]);
}

/*
 * Takes up to CHUNK octets off the front of *RAW and decodes them into
 * PIECE; the last call, with *RAW empty, gives what was held back.
 */
static size_t coder_step(GMimeEncoding *state, struct str *raw,
    char piece[static 2 * CHUNK])
{
	size_t n = raw->n < CHUNK ? raw->n : CHUNK;
	size_t got;

	if (n)
		got = g_mime_encoding_step(state, raw->p, n, piece);
	else if (state->encoding == GMIME_CONTENT_ENCODING_BASE64)
		got = finish_base64(state, piece);
	else
		got = g_mime_encoding_flush(state, "", 0, piece);
	*raw = str_sub(*raw, n, raw->n);
	return got;
}

uint64_t mime_decoded_size(struct str raw, enum mime_encoding encoding)
{
	GMimeEncoding state;
	char piece[2 * CHUNK];
	uint64_t size = 0;
	bool last;

	if (encoding == MIME_IDENTITY)
		return raw.n;
	if (encoding == MIME_UUENCODE)
		raw = uu_lines(raw);
	coder_start(&state, encoding);
	do {
		last = raw.n == 0;
		size += coder_step(&state, &raw, piece);
	} while (!last);
	return size;
}

static void decode_bytes(struct str raw, enum mime_encoding encoding,
    struct buf *out)
{
	GMimeEncoding state;
	char piece[2 * CHUNK];
	bool last;

	if (encoding == MIME_UUENCODE)
		raw = uu_lines(raw);
	coder_start(&state, encoding);
	do {
		last = raw.n == 0;
		buf_add(out, piece, coder_step(&state, &raw, piece));
	} while (!last && !out->over);
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
		room = charset_room(room);	/* UTF-32 shrinks */
	buf_init(&bytes, room);
	if (encoding == MIME_IDENTITY) {
		head = str_sub(raw, 0, room);
		cut = raw.n > room;
	} else {
		decode_bytes(raw, encoding, &bytes);
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
