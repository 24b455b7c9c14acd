#include "charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#define REPLACEMENT	0xFFFD

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
	{ "x-mac-cyrillic", "MAC-CYRILLIC" },
	{ "x-mac-ce", "MAC-CENTRALEUROPE" },
	{ "maccentraleurope", "MAC-CENTRALEUROPE" }, { "koi8r", "KOI8-R" },
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
	"iso-8859-1", "iso8859-1", "iso_8859-1", "iso88591", "8859-1",
	"latin1", "latin-1", "l1", "windows-1252", "cp1252", "cp-1252",
	"win-1252", "windows1252",
};

static bool is_one_of(const char *z, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(z, names[i]) == 0)
			return true;
	return false;
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* The name without quotes, blanks and RFC 2231 language, in lower case;
 * false if it is not one. */
static bool spell(struct str name, char out[static CHARSET_NAME_MAX])
{
	size_t n = 0;

	name = str_trim(str_sub(name, 0, str_find_char(name, 0, '*')));
	while (name.n && is_quote(name.p[0]))
		name = str_sub(name, 1, name.n);
	while (name.n && is_quote(name.p[name.n - 1]))
		name.n--;
	if (name.n >= CHARSET_NAME_MAX)
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

static void use_meant(char name[static CHARSET_NAME_MAX])
{
	for (size_t i = 0; i < COUNT(charset_names); i++) {
		if (strcmp(name, charset_names[i].written) != 0)
			continue;
		memcpy(name, charset_names[i].meant,
		    strlen(charset_names[i].meant) + 1);
		return;
	}
}

static bool iconv_knows(const char *name)
{
	iconv_t cd = iconv_open("UTF-8", name);

	if (cd == (iconv_t)-1)
		return false;
	iconv_close(cd);
	return true;
}

/*
 * The same name as others spell it: "x-" in front, "cp-850" and
 * "windows-cp850" for "cp850", "iso8859-5" and "iso_8859_5" for
 * "iso-8859-5".
 */
static void spell_otherwise(const char *name,
    char out[static CHARSET_NAME_MAX])
{
	static const struct {
		const char *theirs, *ours;
	} heads[] = {
		{ "x-", "" }, { "windows-cp", "cp" }, { "windows", "cp" },
		{ "cp-", "cp" }, { "ibm-", "ibm" }, { "iso_8859", "iso-8859" },
		{ "iso8859", "iso-8859" },
	};
	size_t n = 0;

	for (size_t i = 0; i < COUNT(heads); i++) {
		if (!str_starts(str_of(name), str_of(heads[i].theirs)))
			continue;
		n = strlen(heads[i].ours);
		memcpy(out, heads[i].ours, n);
		name += strlen(heads[i].theirs);
		for (; *name && n < CHARSET_NAME_MAX - 1; name++)
			out[n++] = *name == '_' ? '-' : *name;
		break;
	}
	out[n] = '\0';
}

struct charset charset_find(struct str name)
{
	struct charset c = { .kind = CHARSET_UNKNOWN };
	char other[CHARSET_NAME_MAX];

	if (!spell(name, c.iconv_name))
		return c;
	if (is_one_of(c.iconv_name, ascii_names, COUNT(ascii_names)))
		c.kind = CHARSET_GUESS;
	else if (is_one_of(c.iconv_name, utf8_names, COUNT(utf8_names)))
		c.kind = CHARSET_UTF8;
	else if (is_one_of(c.iconv_name, latin1_names, COUNT(latin1_names)))
		c.kind = CHARSET_1252;
	if (c.kind != CHARSET_UNKNOWN)
		return c;
	use_meant(c.iconv_name);
	if (!iconv_knows(c.iconv_name)) {
		spell_otherwise(c.iconv_name, other);
		if (other[0] == '\0' || !iconv_knows(other))
			return c;
		memcpy(c.iconv_name, other, sizeof(other));
	}
	c.kind = CHARSET_ICONV;
	return c;
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
	if (!out->over)
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
	if (!out->over)
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
		bad = r == (size_t)-1 && (errno != E2BIG || to == piece);
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

void charset_add(const struct charset *c, struct str s, struct buf *out)
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

size_t charset_room(size_t n)
{
	return n < (SIZE_MAX - 64) / 4 ? 4 * n + 64 : SIZE_MAX;
}

struct str charset_raw_text(struct arena *a, struct str s)
{
	struct charset guess = { .kind = CHARSET_GUESS };
	struct buf out;
	struct str text;

	if (utf8_valid(s) && !memchr(s.p, '\0', s.n))
		return s;
	buf_init(&out, charset_room(s.n));
	charset_add(&guess, s, &out);
	text = arena_str(a, buf_str(&out));
	buf_free(&out);
	return text;
}

struct str charset_whole(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++)
		if ((unsigned char)s.p[s.n - back] >= 0xC0)
			return bad_length(s, s.n - back) == back &&
			    !utf8_valid(str_sub(s, s.n - back, back)) ?
			    str_sub(s, 0, s.n - back) : s;
	return s;
}
