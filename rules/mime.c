#include "mime.h"

#include <errno.h>
#include <string.h>

#include <gmime/gmime.h>

#define CHARSET_MAX	64	/* octets of a charset's name */
#define HOST_MAX	1024	/* octets of a host name that is converted */
#define CHUNK		8192	/* encoded octets decoded at a time */
#define REPLACEMENT	0xFFFD

/* -------------------------------------------------------------- set-up */

static gpointer set_up(gpointer unused)
{
	g_mime_init();
	return unused;
}

/* GMime wants this before all but its coders. */
static void need_gmime(void)
{
	static GOnce once = G_ONCE_INIT;

	g_once(&once, set_up, NULL);
}

/* ------------------------------------------------------------- charsets */

enum charset_kind {
	CHARSET_GUESS,		/* UTF-8 if valid, else windows-1252 */
	CHARSET_UTF8,
	CHARSET_1252,
	CHARSET_ICONV,
	CHARSET_UNKNOWN,
};

struct charset {
	enum charset_kind kind;
	const char *iconv_name;
	char written[CHARSET_MAX];
};

/*
 * What senders mean by a name: the widest of its family, so that one byte
 * of the extension does not cost the text; and names iconv does not know.
 */
static const struct {
	const char *written, *meant;
} charset_names[] = {
	{ "gb2312", "GB18030" }, { "gbk", "GB18030" },
	{ "gb_2312-80", "GB18030" }, { "gb2312_charset", "GB18030" },
	{ "x-gbk", "GB18030" }, { "cp936", "GB18030" },
	{ "euc-cn", "GB18030" }, { "euc-kr", "CP949" },
	{ "ks_c_5601-1987", "CP949" }, { "ks_c_5601", "CP949" },
	{ "ksc5601", "CP949" }, { "korean", "CP949" },
	{ "windows-949", "CP949" }, { "cp949", "CP949" },
	{ "shift_jis", "CP932" }, { "shift-jis", "CP932" },
	{ "sjis", "CP932" }, { "x-sjis", "CP932" },
	{ "windows-31j", "CP932" }, { "ms_kanji", "CP932" },
	{ "iso-8859-9", "CP1254" }, { "latin5", "CP1254" },
	{ "iso-8859-11", "CP874" }, { "tis-620", "CP874" },
	{ "windows-874", "CP874" }, { "iso-8859-8-i", "ISO-8859-8" },
	{ "unicode-1-1-utf-7", "UTF-7" }, { "x-mac-roman", "MACINTOSH" },
	{ "x-mac-cyrillic", "MAC-CYRILLIC" }, { "koi8r", "KOI8-R" },
	{ "koi8u", "KOI8-U" }, { "big5", "BIG5-HKSCS" },
	{ "x-big5", "BIG5-HKSCS" }, { "cp950", "BIG5-HKSCS" },
};

static const char *const utf8_names[] = {
	"utf-8", "utf8", "utf_8", "unicode-1-1-utf-8", "x-utf-8", "cp65001",
};

/* Eight bits under these names are a lie, and say nothing. */
static const char *const ascii_names[] = {
	"", "us-ascii", "ascii", "usascii", "us_ascii", "ansi_x3.4-1968",
	"iso646-us", "646",
};

static const char *const latin1_names[] = {
	"iso-8859-1", "iso8859-1", "iso_8859-1",
	"iso88591", "8859-1", "latin1", "latin-1", "l1", "windows-1252",
	"cp1252", "cp-1252", "win-1252", "windows1252",
};

static bool is_one_of(const char *z, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(z, names[i]) == 0)
			return true;
	return false;
}

/* The name without quotes, blanks and RFC 2231 language, in lower case;
 * false if it is not one. */
static bool charset_spell(struct str name, char out[static CHARSET_MAX])
{
	size_t n = 0;

	name = str_trim(str_sub(name, 0, str_find_char(name, 0, '*')));
	while (name.n && strchr("\"'", name.p[0]) && name.p[0])
		name = str_sub(name, 1, name.n);
	while (name.n && strchr("\"'", name.p[name.n - 1]) &&
	    name.p[name.n - 1])
		name.n--;
	if (name.n >= CHARSET_MAX)
		return false;
	for (; n < name.n; n++) {
		/* "//" would give iconv options */
		if (!ch_alnum(name.p[n]) && (name.p[n] == '\0' ||
		    !strchr("-_.:+()", name.p[n])))
			return false;
		out[n] = ch_lower(name.p[n]);
	}
	out[n] = '\0';
	return true;
}

static void charset_find(struct charset *c, struct str name)
{
	iconv_t cd;

	c->kind = CHARSET_UNKNOWN;
	if (!charset_spell(name, c->written))
		return;
	if (is_one_of(c->written, ascii_names, COUNT(ascii_names))) {
		c->kind = CHARSET_GUESS;
		return;
	}
	if (is_one_of(c->written, utf8_names, COUNT(utf8_names))) {
		c->kind = CHARSET_UTF8;
		return;
	}
	if (is_one_of(c->written, latin1_names, COUNT(latin1_names))) {
		c->kind = CHARSET_1252;
		return;
	}
	c->iconv_name = NULL;
	for (size_t i = 0; i < COUNT(charset_names); i++)
		if (strcmp(c->written, charset_names[i].written) == 0)
			c->iconv_name = charset_names[i].meant;
	need_gmime();
	if (!c->iconv_name)
		c->iconv_name = g_mime_charset_iconv_name(c->written);
	cd = iconv_open("UTF-8", c->iconv_name);
	if (cd == (iconv_t)-1)
		return;
	iconv_close(cd);
	c->kind = CHARSET_ICONV;
}

/* windows-1252 from 0x80 to 0x9F, as the WHATWG has it: no gaps. */
static const uint16_t high_1252[32] = {
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
};

static void add_1252(struct str s, struct buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n && !out->over; i++) {
		unsigned char c = (unsigned char)s.p[i];
		uint32_t cp = c >= 0x80 && c < 0xA0 ? high_1252[c - 0x80] : c;

		if (c && c < 0x80)
			continue;
		buf_add(out, s.p + from, i - from);
		buf_add_utf8(out, cp ? cp : REPLACEMENT);
		from = i + 1;
	}
	buf_add(out, s.p + from, s.n - from);
}

/* Octets that do not begin a character there: what a decoder replaces by
 * one U+FFFD (Unicode 3.9, "maximal subpart"). */
static size_t bad_length(struct str s, size_t at)
{
	unsigned char lead = (unsigned char)s.p[at];
	size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2, n = 1;

	if (lead < 0xC2 || lead > 0xF4)
		return 1;
	for (; n < want && at + n < s.n; n++) {
		unsigned char c = (unsigned char)s.p[at + n];
		unsigned char low = 0x80, high = 0xBF;

		if (n == 1) {
			low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : low;
			high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : high;
		}
		if (c < low || c > high)
			break;
	}
	return n;
}

static void add_utf8(struct str s, struct buf *out)
{
	size_t at = 0, from = 0;

	if (utf8_valid(s) && !memchr(s.p, '\0', s.n)) {
		buf_add_str(out, s);
		return;
	}
	while (at < s.n && !out->over) {
		size_t here = at;
		uint32_t cp = utf8_next(s, &at);

		if (cp != UTF8_BAD && cp != 0)
			continue;
		if (cp == UTF8_BAD)
			at = here + bad_length(s, here);
		buf_add(out, s.p + from, here - from);
		buf_add_utf8(out, REPLACEMENT);
		from = at;
	}
	buf_add(out, s.p + from, s.n - from);
}

static void add_iconv(struct str s, const char *name, struct buf *out)
{
	iconv_t cd = iconv_open("UTF-8", name);
	char piece[4096];
	char *in = (char *)s.p;	/* iconv's signature; not written to */
	size_t left = s.n;
	bool flushed = false, bad;

	if (cd == (iconv_t)-1)
		return;
	while (!flushed && !out->over) {
		char *to = piece;
		size_t room = sizeof(piece), r;

		flushed = left == 0;
		r = iconv(cd, flushed ? NULL : &in, flushed ? NULL : &left,
		    &to, &room);
		bad = r == (size_t)-1 && errno != E2BIG;
		add_utf8((struct str){ piece, (size_t)(to - piece) }, out);
		if (!bad)
			continue;
		buf_add_utf8(out, REPLACEMENT);
		if (left == 0)
			break;
		in++;
		left--;
	}
	iconv_close(cd);
}

static void add_text(struct str s, const struct charset *c, struct buf *out)
{
	switch (c->kind) {
	case CHARSET_UTF8:
		add_utf8(s, out);
		return;
	case CHARSET_1252:
		add_1252(s, out);
		return;
	case CHARSET_ICONV:
		add_iconv(s, c->iconv_name, out);
		return;
	case CHARSET_GUESS:
	case CHARSET_UNKNOWN:
		break;
	}
	if (utf8_valid(s))
		add_utf8(s, out);
	else
		add_1252(s, out);
}

/* The most octets that N octets of any charset can become. */
static size_t text_room(size_t n)
{
	return n < (SIZE_MAX - 64) / 4 ? 4 * n + 64 : SIZE_MAX;
}

struct str mime_raw_text(struct arena *a, struct str s)
{
	struct charset guess = { .kind = CHARSET_GUESS };
	struct buf out;
	struct str text;

	if (utf8_valid(s) && !memchr(s.p, '\0', s.n))
		return s;
	buf_init(&out, text_room(s.n));
	add_text(s, &guess, &out);
	text = arena_str(a, buf_str(&out));
	buf_free(&out);
	return text;
}

/* -------------------------------------------------------- encoded words */

struct word {
	struct str whole, charset, text;
	bool base64;
};

/* RFC 2047 2: token, then "?", "B" or "Q", "?". */
static size_t skip_charset(struct str s, size_t at)
{
	size_t end = at;

	while (end < s.n && end - at < CHARSET_MAX && s.p[end] != '?') {
		char c = s.p[end];

		if (c <= ' ' || c == '=' || c == 0x7F)
			return 0;
		end++;
	}
	return end < s.n && s.p[end] == '?' ? end : 0;
}

/*
 * The text may hold blanks and question marks, which it must not, but not
 * the beginning of another word: then this one has no end.
 */
static size_t find_word_end(struct str s, size_t at)
{
	for (; at + 1 < s.n; at++) {
		if (s.p[at] == '?' && s.p[at + 1] == '=')
			return at;
		if (s.p[at] == '=' && s.p[at + 1] == '?' &&
		    !(at + 2 < s.n && s.p[at + 2] == '='))
			return 0;
	}
	return 0;
}

static bool word_read(struct str s, size_t at, struct word *w)
{
	size_t mark, text, end;
	char how;

	if (at + 2 > s.n || s.p[at] != '=' || s.p[at + 1] != '?')
		return false;
	mark = skip_charset(s, at + 2);
	if (!mark || mark + 2 >= s.n || s.p[mark + 2] != '?')
		return false;
	how = ch_lower(s.p[mark + 1]);
	if (how != 'b' && how != 'q')
		return false;
	text = mark + 3;
	end = find_word_end(s, text);
	if (!end)
		return false;
	w->whole = str_sub(s, at, end + 2 - at);
	w->charset = str_sub(s, at + 2, mark - at - 2);
	w->text = str_sub(s, text, end - text);
	w->base64 = how == 'b';
	return true;
}

size_t mime_word_length(struct str s, size_t at)
{
	struct word w;

	return word_read(s, at, &w) ? w.whole.n : 0;
}

static int hex_digit(char c)
{
	if (ch_digit(c))
		return c - '0';
	c = ch_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2047 4.2. */
static void add_q(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;

		if (s.p[i] == '=' && high >= 0 && low >= 0) {
			buf_add_char(out, (char)(high << 4 | low));
			i += 2;
		} else {
			buf_add_char(out, s.p[i] == '_' ? ' ' : s.p[i]);
		}
	}
}

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

static void add_base64(struct str s, struct buf *out)
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

static size_t skip_space(struct str s, size_t at)
{
	while (at < s.n && ch_space(s.p[at]))
		at++;
	return at;
}

static void blank_line_ends(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\r' || p[i] == '\n')
			p[i] = ' ';
}

/*
 * A run of words of one known charset, from S[at] on: gathered as bytes,
 * then converted at once.  Returns where the run ends.
 */
static size_t add_run(struct str s, size_t at, struct word w,
    const struct charset *charset, struct buf *out)
{
	struct str name = w.charset;
	struct buf bytes;
	size_t end, next = at, from = out->n;

	buf_init(&bytes, s.n);
	do {
		if (w.base64)
			add_base64(w.text, &bytes);
		else
			add_q(w.text, &bytes);
		end = next + w.whole.n;
		next = skip_space(s, end);
	} while (word_read(s, next, &w) && str_ieq(w.charset, name));
	add_text(buf_str(&bytes), charset, out);
	if (out->n > from)
		blank_line_ends(out->p + from, out->n - from);
	buf_free(&bytes);
	return end;
}

static void decode_words(struct str s, struct buf *out)
{
	struct charset plain = {
		.kind = utf8_valid(s) ? CHARSET_UTF8 : CHARSET_1252
	};
	size_t from = 0, at = 0;
	bool after_word = false;

	while ((at = str_find_char(s, at, '=')) < s.n) {
		struct charset charset;
		struct word w;

		if (!word_read(s, at, &w)) {
			at++;
			continue;
		}
		charset_find(&charset, w.charset);
		if (charset.kind == CHARSET_UNKNOWN) {
			at += w.whole.n;
			continue;
		}
		/* RFC 2047 6.2: white space between two words is not text */
		if (!after_word || skip_space(s, from) != at)
			add_text(str_sub(s, from, at - from), &plain, out);
		from = at = add_run(s, at, w, &charset, out);
		after_word = true;
	}
	add_text(str_sub(s, from, s.n - from), &plain, out);
}

bool mime_is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x80 || c == '\0' || c == '\r' || c == '\n' ||
		    (c == '=' && i + 1 < s.n && s.p[i + 1] == '?'))
			return false;
	}
	return true;
}

struct str mime_decode_words(struct arena *a, struct str s)
{
	struct buf out;
	struct str text;

	if (mime_is_plain(s))
		return s;
	buf_init(&out, text_room(s.n));
	decode_words(s, &out);
	text = arena_str(a, buf_str(&out));
	buf_free(&out);
	return text;
}

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
	struct str text = lower(a, mime_raw_text(a, host));
	char *ascii;

	if (is_ascii(text) || text.n > HOST_MAX)
		return text;
	ascii = g_hostname_to_ascii(text.p);
	if (ascii)
		text = lower(a, str_of(ascii));
	g_free(ascii);
	return text;
}

/* ------------------------------------------------------ Content-* fields */

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

/* One line of at most MIME_VALUE_MAX, for a library that wants a NUL. */
static struct str one_line(struct arena *a, struct str value)
{
	struct str copy = arena_str(a, str_sub(value, 0, MIME_VALUE_MAX));
	char *p = (char *)copy.p;	/* fresh from the arena */

	for (size_t i = 0; i < copy.n; i++)
		if (p[i] == '\r' || p[i] == '\n' || p[i] == '\0')
			p[i] = ' ';
	return str_trim(copy);
}

static GMimeParamList *parameters(struct str rest)
{
	size_t at = str_find_char(rest, 0, ';');

	if (at == rest.n)
		return NULL;
	need_gmime();
	/* one_line() left a NUL behind the text */
	return g_mime_param_list_parse(NULL, rest.p + at + 1);
}

static struct str parameter(struct arena *a, GMimeParamList *list,
    const char *name)
{
	GMimeParam *p = list ? g_mime_param_list_get_parameter(list, name) :
	    NULL;
	struct str value = str_of(p ? g_mime_param_get_value(p) : NULL);

	/* GMime decodes what it knows how to; the rest is left as it was */
	return arena_str(a, mime_decode_words(a, value));
}

static void release(GMimeParamList *list)
{
	if (list)
		g_object_unref(list);
}

void mime_type_read(struct arena *a, struct str value, struct mime_type *t)
{
	struct str rest = skip_comments(one_line(a, value)), top, sub;
	GMimeParamList *list;

	*t = (struct mime_type){ .type = STR_EMPTY };
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
	list = parameters(rest);
	t->charset = parameter(a, list, "charset");
	t->boundary = parameter(a, list, "boundary");
	t->has_boundary = list &&
	    g_mime_param_list_get_parameter(list, "boundary");
	t->name = parameter(a, list, "name");
	t->flowed = str_ieq_z(str_trim(parameter(a, list, "format")),
	    "flowed");
	t->delsp = str_ieq_z(str_trim(parameter(a, list, "delsp")), "yes");
	release(list);
}

void mime_disposition_read(struct arena *a, struct str value,
    struct mime_disposition *d)
{
	struct str rest = skip_comments(one_line(a, value));
	GMimeParamList *list;

	d->kind = lower(a, take_token(&rest));
	list = parameters(rest);
	d->filename = parameter(a, list, "filename");
	if (d->filename.n == 0)
		d->filename = parameter(a, list, "name");
	release(list);
}

enum mime_encoding mime_encoding_read(struct str value)
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
	struct str rest = skip_comments(str_sub(value, 0, MIME_VALUE_MAX));
	struct str word;

	if (rest.n && rest.p[0] == '"')
		rest = str_sub(rest, 1, rest.n);
	word = take_token(&rest);
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_ieq_z(word, names[i].name))
			return names[i].encoding;
	return MIME_IDENTITY;
}

/* ---------------------------------------------------------- part bodies */

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

/* A head that was cut at N octets, without a sequence the cut left open. */
static struct str whole_characters(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++)
		if ((unsigned char)s.p[s.n - back] >= 0xC0)
			return bad_length(s, s.n - back) == back &&
			    !utf8_valid(str_sub(s, s.n - back, back)) ?
			    str_sub(s, 0, s.n - back) : s;
	return s;
}

bool mime_decode_text(struct str raw, enum mime_encoding encoding,
    struct str charset, struct buf *out)
{
	size_t room = out->max > out->n ? out->max - out->n : 0;
	struct charset c;
	struct buf bytes;
	struct str head;
	bool cut;

	charset_find(&c, charset);
	if (c.kind == CHARSET_ICONV)
		room = text_room(room);	/* UTF-32 shrinks to a quarter */
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
		head = whole_characters(head);
	add_text(head, &c, out);
	buf_free(&bytes);
	if (out->over)
		out->n = whole_characters(buf_str(out)).n;
	return !cut && !out->over;
}
