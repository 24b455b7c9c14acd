#include "html.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX	32	/* octets of a tag or entity name that count */
#define REPLACEMENT	0xFFFD
#define NO_BREAK	0xA0

/* ---------------------------------------------------- character references */

struct entity {
	const char *name;
	uint16_t cp;
};

/* HTML 4.01 section 24, and apos; in the order of strcmp. */
static const struct entity entities[] = {
	{ "AElig", 0xC6 }, { "Aacute", 0xC1 }, { "Acirc", 0xC2 },
	{ "Agrave", 0xC0 }, { "Alpha", 0x391 }, { "Aring", 0xC5 },
	{ "Atilde", 0xC3 }, { "Auml", 0xC4 }, { "Beta", 0x392 },
	{ "Ccedil", 0xC7 }, { "Chi", 0x3A7 }, { "Dagger", 0x2021 },
	{ "Delta", 0x394 }, { "ETH", 0xD0 }, { "Eacute", 0xC9 },
	{ "Ecirc", 0xCA }, { "Egrave", 0xC8 }, { "Epsilon", 0x395 },
	{ "Eta", 0x397 }, { "Euml", 0xCB }, { "Gamma", 0x393 },
	{ "Iacute", 0xCD }, { "Icirc", 0xCE }, { "Igrave", 0xCC },
	{ "Iota", 0x399 }, { "Iuml", 0xCF }, { "Kappa", 0x39A },
	{ "Lambda", 0x39B }, { "Mu", 0x39C }, { "Ntilde", 0xD1 },
	{ "Nu", 0x39D }, { "OElig", 0x152 }, { "Oacute", 0xD3 },
	{ "Ocirc", 0xD4 }, { "Ograve", 0xD2 }, { "Omega", 0x3A9 },
	{ "Omicron", 0x39F }, { "Oslash", 0xD8 }, { "Otilde", 0xD5 },
	{ "Ouml", 0xD6 }, { "Phi", 0x3A6 }, { "Pi", 0x3A0 },
	{ "Prime", 0x2033 }, { "Psi", 0x3A8 }, { "Rho", 0x3A1 },
	{ "Scaron", 0x160 }, { "Sigma", 0x3A3 }, { "THORN", 0xDE },
	{ "Tau", 0x3A4 }, { "Theta", 0x398 }, { "Uacute", 0xDA },
	{ "Ucirc", 0xDB }, { "Ugrave", 0xD9 }, { "Upsilon", 0x3A5 },
	{ "Uuml", 0xDC }, { "Xi", 0x39E }, { "Yacute", 0xDD },
	{ "Yuml", 0x178 }, { "Zeta", 0x396 }, { "aacute", 0xE1 },
	{ "acirc", 0xE2 }, { "acute", 0xB4 }, { "aelig", 0xE6 },
	{ "agrave", 0xE0 }, { "alefsym", 0x2135 }, { "alpha", 0x3B1 },
	{ "amp", 0x26 }, { "and", 0x2227 }, { "ang", 0x2220 },
	{ "apos", 0x27 }, { "aring", 0xE5 }, { "asymp", 0x2248 },
	{ "atilde", 0xE3 }, { "auml", 0xE4 }, { "bdquo", 0x201E },
	{ "beta", 0x3B2 }, { "brvbar", 0xA6 }, { "bull", 0x2022 },
	{ "cap", 0x2229 }, { "ccedil", 0xE7 }, { "cedil", 0xB8 },
	{ "cent", 0xA2 }, { "chi", 0x3C7 }, { "circ", 0x2C6 },
	{ "clubs", 0x2663 }, { "cong", 0x2245 }, { "copy", 0xA9 },
	{ "crarr", 0x21B5 }, { "cup", 0x222A }, { "curren", 0xA4 },
	{ "dArr", 0x21D3 }, { "dagger", 0x2020 }, { "darr", 0x2193 },
	{ "deg", 0xB0 }, { "delta", 0x3B4 }, { "diams", 0x2666 },
	{ "divide", 0xF7 }, { "eacute", 0xE9 }, { "ecirc", 0xEA },
	{ "egrave", 0xE8 }, { "empty", 0x2205 }, { "emsp", 0x2003 },
	{ "ensp", 0x2002 }, { "epsilon", 0x3B5 }, { "equiv", 0x2261 },
	{ "eta", 0x3B7 }, { "eth", 0xF0 }, { "euml", 0xEB },
	{ "euro", 0x20AC }, { "exist", 0x2203 }, { "fnof", 0x192 },
	{ "forall", 0x2200 }, { "frac12", 0xBD }, { "frac14", 0xBC },
	{ "frac34", 0xBE }, { "frasl", 0x2044 }, { "gamma", 0x3B3 },
	{ "ge", 0x2265 }, { "gt", 0x3E }, { "hArr", 0x21D4 },
	{ "harr", 0x2194 }, { "hearts", 0x2665 }, { "hellip", 0x2026 },
	{ "iacute", 0xED }, { "icirc", 0xEE }, { "iexcl", 0xA1 },
	{ "igrave", 0xEC }, { "image", 0x2111 }, { "infin", 0x221E },
	{ "int", 0x222B }, { "iota", 0x3B9 }, { "iquest", 0xBF },
	{ "isin", 0x2208 }, { "iuml", 0xEF }, { "kappa", 0x3BA },
	{ "lArr", 0x21D0 }, { "lambda", 0x3BB }, { "lang", 0x2329 },
	{ "laquo", 0xAB }, { "larr", 0x2190 }, { "lceil", 0x2308 },
	{ "ldquo", 0x201C }, { "le", 0x2264 }, { "lfloor", 0x230A },
	{ "lowast", 0x2217 }, { "loz", 0x25CA }, { "lrm", 0x200E },
	{ "lsaquo", 0x2039 }, { "lsquo", 0x2018 }, { "lt", 0x3C },
	{ "macr", 0xAF }, { "mdash", 0x2014 }, { "micro", 0xB5 },
	{ "middot", 0xB7 }, { "minus", 0x2212 }, { "mu", 0x3BC },
	{ "nabla", 0x2207 }, { "nbsp", 0xA0 }, { "ndash", 0x2013 },
	{ "ne", 0x2260 }, { "ni", 0x220B }, { "not", 0xAC },
	{ "notin", 0x2209 }, { "nsub", 0x2284 }, { "ntilde", 0xF1 },
	{ "nu", 0x3BD }, { "oacute", 0xF3 }, { "ocirc", 0xF4 },
	{ "oelig", 0x153 }, { "ograve", 0xF2 }, { "oline", 0x203E },
	{ "omega", 0x3C9 }, { "omicron", 0x3BF }, { "oplus", 0x2295 },
	{ "or", 0x2228 }, { "ordf", 0xAA }, { "ordm", 0xBA },
	{ "oslash", 0xF8 }, { "otilde", 0xF5 }, { "otimes", 0x2297 },
	{ "ouml", 0xF6 }, { "para", 0xB6 }, { "part", 0x2202 },
	{ "permil", 0x2030 }, { "perp", 0x22A5 }, { "phi", 0x3C6 },
	{ "pi", 0x3C0 }, { "piv", 0x3D6 }, { "plusmn", 0xB1 },
	{ "pound", 0xA3 }, { "prime", 0x2032 }, { "prod", 0x220F },
	{ "prop", 0x221D }, { "psi", 0x3C8 }, { "quot", 0x22 },
	{ "rArr", 0x21D2 }, { "radic", 0x221A }, { "rang", 0x232A },
	{ "raquo", 0xBB }, { "rarr", 0x2192 }, { "rceil", 0x2309 },
	{ "rdquo", 0x201D }, { "real", 0x211C }, { "reg", 0xAE },
	{ "rfloor", 0x230B }, { "rho", 0x3C1 }, { "rlm", 0x200F },
	{ "rsaquo", 0x203A }, { "rsquo", 0x2019 }, { "sbquo", 0x201A },
	{ "scaron", 0x161 }, { "sdot", 0x22C5 }, { "sect", 0xA7 },
	{ "shy", 0xAD }, { "sigma", 0x3C3 }, { "sigmaf", 0x3C2 },
	{ "sim", 0x223C }, { "spades", 0x2660 }, { "sub", 0x2282 },
	{ "sube", 0x2286 }, { "sum", 0x2211 }, { "sup", 0x2283 },
	{ "sup1", 0xB9 }, { "sup2", 0xB2 }, { "sup3", 0xB3 },
	{ "supe", 0x2287 }, { "szlig", 0xDF }, { "tau", 0x3C4 },
	{ "there4", 0x2234 }, { "theta", 0x3B8 }, { "thetasym", 0x3D1 },
	{ "thinsp", 0x2009 }, { "thorn", 0xFE }, { "tilde", 0x2DC },
	{ "times", 0xD7 }, { "trade", 0x2122 }, { "uArr", 0x21D1 },
	{ "uacute", 0xFA }, { "uarr", 0x2191 }, { "ucirc", 0xFB },
	{ "ugrave", 0xF9 }, { "uml", 0xA8 }, { "upsih", 0x3D2 },
	{ "upsilon", 0x3C5 }, { "uuml", 0xFC }, { "weierp", 0x2118 },
	{ "xi", 0x3BE }, { "yacute", 0xFD }, { "yen", 0xA5 }, { "yuml", 0xFF },
	{ "zeta", 0x3B6 }, { "zwj", 0x200D }, { "zwnj", 0x200C },
};

static int by_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct entity *)row)->name);
}

static uint32_t entity_find(struct str name)
{
	char z[WORD_MAX + 1];
	const struct entity *e;

	if (name.n == 0 || name.n > WORD_MAX)
		return 0;
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	e = bsearch(z, entities, COUNT(entities), sizeof(*entities), by_name);
	return e ? e->cp : 0;
}

/* What browsers make of the numbers that windows-1252 once stood behind. */
static uint32_t numeric_cp(uint32_t n)
{
	static const uint16_t high[32] = {
		0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
		0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
		0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
		0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
	};

	if (n >= 0x80 && n < 0xA0)
		return high[n - 0x80];
	if (n == 0 || n > 0x10FFFF || (n >= 0xD800 && n < 0xE000))
		return REPLACEMENT;
	return n;
}

static int digit_of(char c, int base)
{
	int d = ch_digit(c) ? c - '0' : ch_lower(c) - 'a' + 10;

	return (ch_digit(c) || ch_alpha(c)) && d < base ? d : -1;
}

/* "#65" or "#x41" at S[at], behind the "&"; the semicolon may be missing. */
static size_t numeric(struct str s, size_t at, uint32_t *cp)
{
	size_t from = ++at, base = 10;
	uint32_t n = 0;

	if (at < s.n && ch_lower(s.p[at]) == 'x') {
		base = 16;
		from = ++at;
	}
	for (; at < s.n; at++) {
		int d = digit_of(s.p[at], (int)base);

		if (d < 0)
			break;
		if (n <= 0x10FFFF)
			n = n * (uint32_t)base + (uint32_t)d;
	}
	if (at == from)
		return 0;
	*cp = numeric_cp(n);
	return at < s.n && s.p[at] == ';' ? at + 1 : at;
}

/* Offset behind the reference whose "&" is before AT, 0 if it is none. */
static size_t reference(struct str s, size_t at, uint32_t *cp)
{
	size_t end = at;

	if (at < s.n && s.p[at] == '#')
		return numeric(s, at, cp);
	while (end < s.n && end - at < WORD_MAX && ch_alnum(s.p[end]))
		end++;
	*cp = entity_find(str_sub(s, at, end - at));
	if (*cp == 0)
		return 0;
	if (end < s.n && s.p[end] == ';')
		return end + 1;
	/* of old, the names of Latin-1 need no semicolon */
	return *cp < 0x100 ? end : 0;
}

/* -------------------------------------------------------------------- tags */

enum effect {
	TAG_INLINE,
	TAG_BLOCK,	/* begins and ends a line */
	TAG_BREAK,	/* ends a line, always */
	TAG_CELL,	/* is apart from what is before it */
	TAG_PRE,	/* a block whose line ends count */
	TAG_HIDDEN,	/* its content is raw text that nobody sees */
};

static const struct {
	const char *name;
	enum effect effect;
} tags[] = {
	{ "address", TAG_BLOCK }, { "article", TAG_BLOCK },
	{ "aside", TAG_BLOCK }, { "blockquote", TAG_BLOCK },
	{ "body", TAG_BLOCK }, { "br", TAG_BREAK },
	{ "caption", TAG_BLOCK }, { "center", TAG_BLOCK },
	{ "dd", TAG_BLOCK }, { "details", TAG_BLOCK }, { "dir", TAG_BLOCK },
	{ "div", TAG_BLOCK }, { "dl", TAG_BLOCK }, { "dt", TAG_BLOCK },
	{ "fieldset", TAG_BLOCK }, { "figure", TAG_BLOCK },
	{ "footer", TAG_BLOCK }, { "form", TAG_BLOCK }, { "h1", TAG_BLOCK },
	{ "h2", TAG_BLOCK }, { "h3", TAG_BLOCK }, { "h4", TAG_BLOCK },
	{ "h5", TAG_BLOCK }, { "h6", TAG_BLOCK }, { "head", TAG_BLOCK },
	{ "header", TAG_BLOCK }, { "hr", TAG_BLOCK }, { "html", TAG_BLOCK },
	{ "iframe", TAG_HIDDEN }, { "legend", TAG_BLOCK },
	{ "li", TAG_BLOCK }, { "main", TAG_BLOCK }, { "menu", TAG_BLOCK },
	{ "nav", TAG_BLOCK }, { "noembed", TAG_HIDDEN },
	{ "noframes", TAG_HIDDEN }, { "ol", TAG_BLOCK },
	{ "option", TAG_BLOCK }, { "p", TAG_BLOCK }, { "pre", TAG_PRE },
	{ "script", TAG_HIDDEN }, { "section", TAG_BLOCK },
	{ "select", TAG_BLOCK }, { "style", TAG_HIDDEN },
	{ "summary", TAG_BLOCK }, { "table", TAG_BLOCK },
	{ "tbody", TAG_BLOCK }, { "td", TAG_CELL }, { "tfoot", TAG_BLOCK },
	{ "th", TAG_CELL }, { "thead", TAG_BLOCK }, { "title", TAG_HIDDEN },
	{ "tr", TAG_BLOCK }, { "ul", TAG_BLOCK },
};

static enum effect effect_of(struct str name)
{
	char first = ch_lower(name.p[0]);

	for (size_t i = 0; i < COUNT(tags); i++)
		if (tags[i].name[0] == first &&
		    str_ieq_z(name, tags[i].name))
			return tags[i].effect;
	return TAG_INLINE;
}

struct reader {
	struct str s;
	size_t at;
	struct buf *out;
	size_t pre;		/* open <pre>s */
	bool space;		/* owed before the next character */
	bool line_start;
};

static void put(struct reader *r, const char *p, size_t n)
{
	if (r->space && !r->line_start)
		buf_add_char(r->out, ' ');
	r->space = false;
	r->line_start = false;
	buf_add(r->out, p, n);
}

static void put_space(struct reader *r, char c)
{
	if (r->pre && c == '\n') {
		buf_add_char(r->out, '\n');
		r->line_start = true;
		r->space = false;
	} else {
		r->space = true;
	}
}

static void end_line(struct reader *r, bool always)
{
	if (always || !r->line_start)
		buf_add_char(r->out, '\n');
	r->line_start = true;
	r->space = false;
}

/* A quoted value (WHATWG HTML 13.2.5): only behind "=", else the quote is a
 * letter. */
static size_t skip_value(struct str s, size_t at)
{
	while (at < s.n && ch_space(s.p[at]))
		at++;
	if (at < s.n && (s.p[at] == '"' || s.p[at] == '\''))
		return str_find_char(s, at + 1, s.p[at]) + 1;
	while (at < s.n && !ch_space(s.p[at]) && s.p[at] != '>')
		at++;
	return at;
}

/* Offset behind the ">" of the tag whose attributes begin at AT. */
static size_t skip_attributes(struct str s, size_t at)
{
	while (at < s.n && s.p[at] != '>') {
		if (s.p[at] == '=')
			at = skip_value(s, at + 1);
		else
			at++;
	}
	return at < s.n ? at + 1 : s.n;
}

/* Offset of "</NAME" at or after AT; the end if there is none. */
static size_t find_end_tag(struct str s, size_t at, struct str name)
{
	for (; (at = str_find_char(s, at, '<')) < s.n; at++) {
		struct str rest = str_sub(s, at + 1, s.n);

		if (rest.n == 0 || rest.p[0] != '/' ||
		    !str_istarts(str_sub(rest, 1, rest.n), name))
			continue;
		rest = str_sub(rest, 1 + name.n, rest.n);
		if (rest.n == 0 || ch_space(rest.p[0]) ||
		    rest.p[0] == '>' || rest.p[0] == '/')
			return at;
	}
	return s.n;
}

static void apply(struct reader *r, struct str name, bool end_tag)
{
	switch (effect_of(name)) {
	case TAG_INLINE:
		break;
	case TAG_BREAK:
		end_line(r, true);
		break;
	case TAG_CELL:
		r->space = true;
		break;
	case TAG_PRE:
		if (!end_tag)
			r->pre++;
		else if (r->pre)
			r->pre--;
		end_line(r, false);
		break;
	case TAG_BLOCK:
		end_line(r, false);
		break;
	case TAG_HIDDEN:
		if (!end_tag)
			r->at = find_end_tag(r->s, r->at, name);
		break;
	}
}

/* "<!-- ... -->"; also the short "<!-->". */
static size_t skip_comment(struct str s, size_t at)
{
	static const char end[] = "-->";
	const char *hit;

	if (str_starts(str_sub(s, at + 4, 2), STR_LIT("->")))
		return at + 6;
	if (at + 4 < s.n && s.p[at + 4] == '>')
		return at + 5;
	hit = at + 4 < s.n ? memmem(s.p + at + 4, s.n - at - 4, end, 3) : NULL;
	return hit ? (size_t)(hit - s.p) + 3 : s.n;
}

/* What begins with "<": false if it is a mere character. */
static bool take_markup(struct reader *r)
{
	struct str s = r->s, name;
	size_t at = r->at + 1, from;
	bool end_tag;

	if (at == s.n)
		return false;
	if (str_starts(str_sub(s, at, 3), STR_LIT("!--"))) {
		r->at = skip_comment(s, r->at);
		return true;
	}
	if (s.p[at] == '!' || s.p[at] == '?') {
		r->at = str_find_char(s, at, '>');
		r->at += r->at < s.n;
		return true;
	}
	end_tag = s.p[at] == '/';
	from = at += end_tag;
	if (at == s.n || !ch_alpha(s.p[at]))
		return false;
	while (at < s.n && !ch_space(s.p[at]) && s.p[at] != '>' &&
	    s.p[at] != '/')
		at++;
	name = str_sub(s, from, at - from);
	r->at = skip_attributes(s, at);
	apply(r, name, end_tag);
	return true;
}

static void take_reference(struct reader *r)
{
	uint32_t cp;
	size_t end = reference(r->s, r->at + 1, &cp);

	if (!end) {
		put(r, "&", 1);
		r->at++;
		return;
	}
	r->at = end;
	if (cp == NO_BREAK || (cp < 0x80 && ch_space((char)cp))) {
		r->space = true;
		return;
	}
	put(r, "", 0);
	buf_add_utf8(r->out, cp);
}

/* Moves over characters that mean nothing but themselves. */
static void take_text(struct reader *r)
{
	size_t from = r->at;

	while (r->at < r->s.n) {
		char c = r->s.p[r->at];

		if (c == '<' || c == '&' || ch_space(c) ||
		    (c == '\xC2' && r->at + 1 < r->s.n &&
		    r->s.p[r->at + 1] == '\xA0'))
			break;
		r->at++;
	}
	if (r->at > from)
		put(r, r->s.p + from, r->at - from);
}

void html_text(struct str source, struct buf *out)
{
	struct reader r = { .s = source, .out = out, .line_start = true };

	while (r.at < source.n && !out->over) {
		char c = source.p[r.at];

		if (ch_space(c)) {
			put_space(&r, c);
			r.at++;
		} else if (c == '\xC2' && r.at + 1 < source.n &&
		    source.p[r.at + 1] == '\xA0') {
			r.space = true;
			r.at += 2;
		} else if (c == '&') {
			take_reference(&r);
		} else if (c != '<') {
			take_text(&r);
		} else if (!take_markup(&r)) {
			put(&r, "<", 1);
			r.at++;
		}
	}
	if (!out->over && out->n && !r.line_start)
		buf_add_char(out, '\n');
}
