#include "words.h"

#include "charset.h"
#include "mime.h"

struct word {
	struct str whole, charset, text;
	bool base64;
};

/* RFC 2047 2: token, then "?", "B" or "Q", "?". */
static size_t skip_charset(struct str s, size_t at)
{
	size_t end = at;

	while (end < s.n && end - at < CHARSET_NAME_MAX && s.p[end] != '?') {
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

size_t words_length(struct str s, size_t at)
{
	struct word w;

	return word_read(s, at, &w) ? w.whole.n : 0;
}

/* RFC 2047 4.2. */
static void add_q(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int byte = s.p[i] == '=' ? mime_hex_byte(s, i + 1) : -1;

		if (byte >= 0) {
			buf_add_char(out, (char)byte);
			i += 2;
		} else {
			buf_add_char(out, s.p[i] == '_' ? ' ' : s.p[i]);
		}
	}
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
			mime_add_base64(w.text, &bytes);
		else
			add_q(w.text, &bytes);
		end = next + w.whole.n;
		next = skip_space(s, end);
	} while (word_read(s, next, &w) && str_ieq(w.charset, name));
	charset_add(charset, buf_str(&bytes), out);
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
		charset = charset_find(w.charset);
		if (charset.kind == CHARSET_UNKNOWN) {
			at += w.whole.n;
			continue;
		}
		/* RFC 2047 6.2: white space between two words is not text */
		if (!after_word || skip_space(s, from) != at)
			charset_add(&plain, str_sub(s, from, at - from), out);
		from = at = add_run(s, at, w, &charset, out);
		after_word = true;
	}
	charset_add(&plain, str_sub(s, from, s.n - from), out);
}

bool words_are_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x80 || c == '\0' || c == '\r' || c == '\n' ||
		    (c == '=' && i + 1 < s.n && s.p[i + 1] == '?'))
			return false;
	}
	return true;
}

struct str words_decode(struct arena *a, struct str s)
{
	struct buf out;
	struct str text;

	if (words_are_plain(s))
		return s;
	buf_init(&out, charset_room(s.n));
	decode_words(s, &out);
	text = arena_str(a, buf_str(&out));
	buf_free(&out);
	return text;
}
