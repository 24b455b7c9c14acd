/*
 * Addresses of RFC 5322 3.4 and 4.4, and what is met instead of them.
 *
 * The text is cut into tokens; an item is what stands between two commas,
 * semicolons or the colon of a group.  Structure is read before encoded
 * words are decoded, so that what they hide (commas, brackets, an "@") is
 * never taken for structure.  One pass, no recursion.
 */
#include "mail.h"

#include <string.h>

#include "charset.h"
#include "mime.h"
#include "words.h"

#define PHRASE_TOKENS_MAX	2000	/* of a name */
#define SPEC_TOKENS_MAX		1000	/* of what stands in <...> */

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,		/* atoms and dots, encoded words, literals */
	TOKEN_QUOTED,		/* raw without its quotes */
	TOKEN_COMMENT,		/* raw without its parentheses */
	TOKEN_SPECIAL,		/* one of < > @ , ; : */
};

struct token {
	struct str raw;
	uint32_t at, end;	/* where it stood, quotes included */
	enum token_kind kind;
	bool spaced;		/* white space before it */
};
_Static_assert(MAIL_VALUE_MAX < UINT32_MAX, "a token's place is 32 bits");

struct lexer {
	struct str s;
	size_t at;
	bool literal_next;	/* behind an "@" */
	/* an unclosed one was met: from here on it is a letter like others */
	bool plain_quotes, plain_parens;
};

/* Offset of the closing quote of the one at AT; s.n if there is none. */
static size_t quote_end(struct str s, size_t at)
{
	for (at++; at < s.n && s.p[at] != '"'; at++)
		if (s.p[at] == '\\')
			at++;
	return at < s.n ? at : s.n;
}

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

/* What an octet can be; most are not in the table. */
enum {
	CH_SPACE = 1,		/* ch_space() */
	CH_SPECIAL = 2,		/* a TOKEN_SPECIAL */
	CH_OPEN = 4,		/* begins a quoted string or a comment */
	CH_NO_DOMAIN = 8,	/* stands in no domain (RFC 5322 3.4.1) */
	CH_ATEXT = 16,		/* beside letters and digits (3.2.3); or "." */
};

static const unsigned char classes[256] = {
	['\0'] = CH_NO_DOMAIN,
	['\t'] = CH_SPACE | CH_NO_DOMAIN, [' '] = CH_SPACE | CH_NO_DOMAIN,
	['\n'] = CH_SPACE | CH_NO_DOMAIN, ['\v'] = CH_SPACE | CH_NO_DOMAIN,
	['\f'] = CH_SPACE | CH_NO_DOMAIN, ['\r'] = CH_SPACE | CH_NO_DOMAIN,
	['<'] = CH_SPECIAL | CH_NO_DOMAIN, ['>'] = CH_SPECIAL | CH_NO_DOMAIN,
	['@'] = CH_SPECIAL | CH_NO_DOMAIN, [','] = CH_SPECIAL | CH_NO_DOMAIN,
	[';'] = CH_SPECIAL | CH_NO_DOMAIN, [':'] = CH_SPECIAL,
	['"'] = CH_OPEN | CH_NO_DOMAIN, ['('] = CH_OPEN | CH_NO_DOMAIN,
	[')'] = CH_NO_DOMAIN, ['\\'] = CH_NO_DOMAIN,
	['['] = CH_NO_DOMAIN, [']'] = CH_NO_DOMAIN,
	['!'] = CH_ATEXT, ['#'] = CH_ATEXT, ['$'] = CH_ATEXT,
	['%'] = CH_ATEXT, ['&'] = CH_ATEXT, ['\''] = CH_ATEXT,
	['*'] = CH_ATEXT, ['+'] = CH_ATEXT, ['-'] = CH_ATEXT,
	['/'] = CH_ATEXT, ['='] = CH_ATEXT, ['?'] = CH_ATEXT,
	['^'] = CH_ATEXT, ['_'] = CH_ATEXT, ['`'] = CH_ATEXT,
	['{'] = CH_ATEXT, ['|'] = CH_ATEXT, ['}'] = CH_ATEXT,
	['~'] = CH_ATEXT, ['.'] = CH_ATEXT,
};

static bool is_class(char c, unsigned class)
{
	return classes[(unsigned char)c] & class;
}

static bool ends_word(const struct lexer *l, char c)
{
	if (!is_class(c, CH_SPACE | CH_SPECIAL | CH_OPEN))
		return false;
	return !(c == '"' && l->plain_quotes) &&
	    !(c == '(' && l->plain_parens);
}

static size_t literal_end(struct str s, size_t at)
{
	size_t end = at + 1;

	while (end < s.n && s.p[end] != ']' && s.p[end] != '[' &&
	    s.p[end] != '<' && s.p[end] != '>')
		end++;
	return end < s.n && s.p[end] == ']' ? end + 1 : at;
}

static size_t word_end(struct lexer *l, bool literal)
{
	size_t at = l->at, n;

	if (literal && l->s.p[at] == '[' && (n = literal_end(l->s, at)) > at)
		return n;
	if (l->s.p[at] == '=' && (n = words_length(l->s, at)) > 0)
		return at + n;
	do {
		at += l->s.p[at] == '\\' && at + 1 < l->s.n ? 2 : 1;
	} while (at < l->s.n && !ends_word(l, l->s.p[at]) &&
	    !(l->s.p[at] == '=' && words_length(l->s, at)));
	return at < l->s.n ? at : l->s.n;
}

/* A quoted string or comment at the lexer's place, if it is closed. */
static bool take_closed(struct lexer *l, struct token *t)
{
	char c = l->s.p[l->at];
	size_t end;

	if (!is_class(c, CH_OPEN)) {
		return false;
	} else if (c == '"' && !l->plain_quotes) {
		end = quote_end(l->s, l->at);
		l->plain_quotes = end == l->s.n;
		t->kind = TOKEN_QUOTED;
	} else if (c == '(' && !l->plain_parens) {
		end = comment_end(l->s, l->at);
		l->plain_parens = end == l->s.n;
		t->kind = TOKEN_COMMENT;
	} else {
		return false;
	}
	if (end == l->s.n)
		return false;
	t->raw = str_sub(l->s, l->at + 1, end - l->at - 1);
	l->at = end + 1;
	return true;
}

static struct token next_token(struct lexer *l)
{
	struct token t = { .kind = TOKEN_END, .raw = STR_EMPTY };
	bool literal = l->literal_next;

	while (l->at < l->s.n && is_class(l->s.p[l->at], CH_SPACE)) {
		l->at++;
		t.spaced = true;
	}
	t.at = t.end = (uint32_t)l->at;
	if (l->at == l->s.n)
		return t;
	if (!take_closed(l, &t)) {
		t.kind = TOKEN_WORD;
		if (is_class(l->s.p[l->at], CH_SPECIAL)) {
			t.kind = TOKEN_SPECIAL;
			l->at++;
		} else {
			l->at = word_end(l, literal);
		}
		t.raw = str_sub(l->s, t.at, l->at - t.at);
	}
	l->literal_next = t.kind == TOKEN_SPECIAL && t.raw.p[0] == '@';
	t.end = (uint32_t)l->at;
	return t;
}

static bool is(const struct token *t, char special)
{
	return t->kind == TOKEN_SPECIAL && t->raw.p[0] == special;
}

/* ---------------------------------------------------------------- texts */

/* Appends without quoted pairs (RFC 5322 3.2.1). */
static void add_unquoted(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		buf_add_char(b, s.p[i]);
	}
}

static void add_token(struct buf *b, const struct token *t)
{
	if (memchr(t->raw.p, '\\', t->raw.n))
		add_unquoted(b, t->raw);
	else
		buf_add_str(b, t->raw);
}

/*
 * N tokens as they stand in the text, if that is what they say: one, or
 * words with a blank between two.  (One whose \ takes the meaning off what
 * follows says something else.)
 */
static bool as_written(const struct token *t, size_t n, struct str *out)
{
	if (n == 0 || t[0].kind == TOKEN_COMMENT)
		return false;
	for (size_t i = 1; i < n; i++)
		if (t[i - 1].kind != TOKEN_WORD || t[i].kind != TOKEN_WORD ||
		    t[i].at != t[i - 1].end + t[i].spaced ||
		    (t[i].spaced && t[i - 1].raw.p[t[i - 1].raw.n] != ' '))
			return false;
	*out = (struct str){ t[0].raw.p, (size_t)(t[n - 1].raw.p +
	    t[n - 1].raw.n - t[0].raw.p) };
	return !memchr(out->p, '\\', out->n);
}

/* Display text of N tokens, comments left out. */
static struct str phrase(struct arena *a, const struct token *t, size_t n)
{
	struct str text;
	struct buf b;

	if (n == 0)
		return STR_EMPTY;
	if (as_written(t, n, &text))
		return str_trim(words_decode(a, str_trim(text)));
	buf_init(&b, MAIL_VALUE_MAX);
	for (size_t i = 0; i < n; i++) {
		if (t[i].kind == TOKEN_COMMENT)
			continue;
		if (b.n && (t[i].spaced || t[i - 1].kind == TOKEN_COMMENT))
			buf_add_char(&b, ' ');
		add_token(&b, &t[i]);
	}
	text = str_trim(arena_str(a, buf_str(&b)));
	buf_free(&b);
	return str_trim(words_decode(a, text));
}

static struct str comment_text(struct arena *a, struct str raw)
{
	struct token t = { .kind = TOKEN_QUOTED, .raw = raw };

	return phrase(a, &t, 1);
}

/* RFC 5322 3.2.3 atext and dots; 8-bit as RFC 6532 has it. */
static bool needs_no_quotes(struct str local)
{
	for (size_t i = 0; i < local.n; i++) {
		char c = local.p[i];

		if (!ch_alnum(c) && (unsigned char)c < 0x80 &&
		    !is_class(c, CH_ATEXT))
			return false;
	}
	return local.n > 0;
}

static struct str quote(struct arena *a, struct str local)
{
	struct str text;
	struct buf b;

	buf_init(&b, 2 * local.n + 2);
	buf_add_char(&b, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_add_char(&b, '\\');
		buf_add_char(&b, local.p[i]);
	}
	buf_add_char(&b, '"');
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

static struct str join_at(struct arena *a, struct str local,
    struct str domain)
{
	size_t n = local.n + 1 + domain.n;
	char *p;

	if (domain.p == local.p + local.n + 1 && local.p[local.n] == '@')
		return (struct str){ local.p, n };	/* as it is written */
	p = arena_alloc(a, n + 1);
	memcpy(p, local.p, local.n);
	p[local.n] = '@';
	memcpy(p + local.n + 1, domain.p, domain.n);
	return (struct str){ p, n };
}

struct str address_shown(struct arena *a, const struct address *ad)
{
	struct str name = ad->name, address = ad->address;
	size_t n = name.n + 2 + address.n + 1;
	char *p;

	if (name.n == 0)
		return address;
	if (address.n == 0)
		return name;
	p = arena_alloc(a, n);
	memcpy(p, name.p, name.n);
	memcpy(p + name.n, " <", 2);
	memcpy(p + name.n + 2, address.p, address.n);
	p[n - 1] = '>';
	return (struct str){ p, n };
}

static struct str no_final_dots(struct str domain)
{
	while (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	return domain;
}

struct str address_domain(struct arena *a, struct str domain)
{
	domain = no_final_dots(domain);
	/* IDNA has other dots, which become dots by it */
	for (size_t i = 0; i < domain.n; i++)
		if (!ch_alnum(domain.p[i]) && domain.p[i] != '-' &&
		    domain.p[i] != '.')
			return no_final_dots(mime_host_ascii(a, domain));
	for (size_t i = 0; i < domain.n; i++) {
		char *copy;

		if (domain.p[i] == ch_lower(domain.p[i]))
			continue;
		copy = arena_z(a, domain);
		for (; i < domain.n; i++)
			copy[i] = ch_lower(copy[i]);
		domain.p = copy;
	}
	return domain;
}

/* ---------------------------------------------------------------- items */

struct reader {
	struct arena *arena;
	struct lexer lexer;
	struct token *item;	/* tokens of the item being read */
	size_t n_item, cap_item;
	struct address *list;
	size_t n, cap;
	bool has_at;		/* there is an "@" among its tokens */
	bool closed;		/* the item had its <...>: more is comment */
	size_t n_loose;		/* the list's length if its last is but words
				   with a comma behind them, else 0 */
};

static void add_entry(struct reader *r, struct str name, struct str local,
    struct str domain)
{
	struct str spelled;

	if (r->n == MAIL_ADDRESSES_MAX)
		return;
	arena_grow(r->arena, &r->list, r->n, &r->cap);
	spelled = local.n == 0 || needs_no_quotes(local) ? local :
	    quote(r->arena, local);
	if (domain.n)
		spelled = join_at(r->arena, spelled, domain);
	r->list[r->n++] = (struct address){ name, spelled, local, domain };
}

/* Do two tokens belong together?  RFC 5322 4.4 allows blanks at dots. */
static bool is_joined(const struct token *left, const struct token *right)
{
	return !right->spaced || str_starts(right->raw, STR_LIT(".")) ||
	    str_ends(left->raw, STR_LIT("."));
}

/* The tokens as one text: without the blanks of is_joined(). */
static struct str glue(struct reader *r, const struct token *t, size_t n)
{
	struct str text;
	struct buf b;

	if (n == 1 && !memchr(t[0].raw.p, '\\', t[0].raw.n))
		return charset_raw_text(r->arena, t[0].raw);
	buf_init(&b, MAIL_VALUE_MAX);
	for (size_t i = 0; i < n; i++) {
		if (i && !is_joined(&t[i - 1], &t[i]))
			buf_add_char(&b, ' ');
		add_token(&b, &t[i]);
	}
	text = arena_str(r->arena, buf_str(&b));
	buf_free(&b);
	return charset_raw_text(r->arena, text);
}

/* RFC 5322 3.4.1: a literal in brackets, or nothing that would need them. */
static bool is_domain(struct str s)
{
	bool literal = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

	for (size_t i = literal; i < s.n - literal; i++)
		if (is_class(s.p[i], CH_NO_DOMAIN) ||
		    (s.p[i] == ':' && !literal))
			return false;
	return s.n > 0;
}

/*
 * local@domain from tokens without comments, the "@" being at AT (RFC 5322
 * 3.4.1), or one word alone, AT being past the end: local mail has no
 * domain.  False if a side is missing.
 */
static bool read_spec(struct reader *r, const struct token *t, size_t n,
    size_t at, struct str *local, struct str *domain)
{
	*domain = STR_EMPTY;
	if (at < n) {
		if (at == 0 || at + 1 == n)
			return false;
		*domain = address_domain(r->arena, str_trim(glue(r,
		    t + at + 1, n - at - 1)));
		*local = glue(r, t, at);
		return local->n > 0 && is_domain(*domain);
	}
	for (size_t i = 1; i < n; i++)
		if (!is_joined(&t[i - 1], &t[i]))
			return false;
	if (n == 0 || t[0].kind == TOKEN_QUOTED ||
	    words_length(t[0].raw, 0))
		return false;
	*local = glue(r, t, n);
	return needs_no_quotes(*local);
}

/* Drops the comments; *COMMENT becomes the last that says something. */
static size_t drop_comments(struct token *t, size_t n, struct str *comment)
{
	size_t kept = 0;
	bool spaced = false;

	for (size_t i = 0; i < n; i++) {
		if (t[i].kind == TOKEN_COMMENT) {
			if (str_trim(t[i].raw).n)
				*comment = t[i].raw;
			spaced = true;
			continue;
		}
		t[kept] = t[i];
		t[kept++].spaced |= spaced;
		spaced = false;
	}
	return kept;
}

static size_t last_at(const struct token *t, size_t n)
{
	while (n && !is(&t[n - 1], '@'))
		n--;
	return n ? n - 1 : SIZE_MAX;
}

/* An item that is no address: its text is all that can be told. */
static void add_text_entry(struct reader *r, size_t from, size_t to)
{
	struct str text = str_trim(str_sub(r->lexer.s, from, to - from));

	if (r->n_item == 1 && r->item[0].kind == TOKEN_QUOTED &&
	    r->item[0].at == from && r->item[0].end == to)
		text = phrase(r->arena, r->item, 1);
	else
		text = str_trim(words_decode(r->arena, text));
	if (text.n)
		add_entry(r, text, STR_EMPTY, STR_EMPTY);
}

/* "alice@example.org (Alice)", "Alice alice@example.org", "alice" */
static void finish_bare(struct reader *r)
{
	struct token *t = r->item;
	struct str comment = STR_EMPTY, local, domain, name;
	size_t from = t[0].at, to = t[r->n_item - 1].end;
	size_t n = drop_comments(t, r->n_item, &comment);
	size_t at = last_at(t, n), first = 0, end = n;

	r->n_item = n;
	if (at != SIZE_MAX && at > 0 && at + 1 < n) {
		for (first = at - 1; first > 0 &&
		    is_joined(&t[first - 1], &t[first]); first--)
			;
		for (end = at + 2; end < n &&
		    is_joined(&t[end - 1], &t[end]); end++)
			;
	}
	if (!read_spec(r, t + first, end - first, at == SIZE_MAX ? at :
	    at - first, &local, &domain)) {
		add_text_entry(r, from, to);
		return;
	}
	name = phrase(r->arena, t, first);
	if (!name.n)
		name = phrase(r->arena, t + end, n - end);
	if (!name.n)
		name = comment_text(r->arena, comment);
	add_entry(r, name, local, domain);
}

static void finish_item(struct reader *r)
{
	if (r->n_item && !r->closed)
		finish_bare(r);
	else if (r->n_item && r->n && r->list[r->n - 1].name.n == 0) {
		/* "<alice@example.org> (Alice)" */
		struct str comment = STR_EMPTY;

		drop_comments(r->item, r->n_item, &comment);
		r->list[r->n - 1].name = comment_text(r->arena, comment);
	}
	r->n_item = 0;
	r->has_at = false;
	r->closed = false;
}

static bool is_words(const struct reader *r)
{
	for (size_t i = 0; i < r->n_item; i++)
		if (r->item[i].kind != TOKEN_WORD)
			return false;
	return r->n_item > 0 && !r->closed;
}

static void finish_at_comma(struct reader *r)
{
	bool loose = is_words(r);

	finish_item(r);
	r->n_loose = loose && r->n && r->list[r->n - 1].domain.n == 0 ?
	    r->n : 0;
}

/*
 * "Doe, Jane <jane@example.org>": the words before a comma are of the name
 * that follows, where what is before them is a whole address or nothing.
 */
static struct str with_loose(struct reader *r, struct str name)
{
	const struct address *last;

	if (!name.n || !r->n_loose || r->n_loose != r->n ||
	    (r->n > 1 && r->list[r->n - 2].domain.n == 0))
		return name;
	last = &r->list[--r->n];
	return arena_printf(r->arena, "%.*s, %.*s",
	    STR_ARG(last->name.n ? last->name : last->address),
	    STR_ARG(name));
}

/* The item keeps no more than MAX tokens: what is longer is no address. */
static void push(struct reader *r, struct token t, size_t max)
{
	if (r->n_item >= max)
		return;
	arena_grow(r->arena, &r->item, r->n_item, &r->cap_item);
	r->has_at |= is(&t, '@');
	r->item[r->n_item++] = t;
}

/* Is "mailto" all there is behind the phrase? */
static bool is_scheme(const struct reader *r, size_t n_phrase)
{
	return r->n_item == n_phrase + 1 &&
	    str_ieq_z(r->item[n_phrase].raw, "mailto");
}

/*
 * Inside <...>, the "<" being taken.  The tokens go behind those of the
 * phrase.  A route (RFC 5322 4.4: "@a,@b:") ends at its colon; without a
 * ">" the item ends where it would have ended anyway.
 */
static void read_angle(struct reader *r)
{
	size_t n_phrase = r->n_item, from, n, at;
	struct str comment = STR_EMPTY, local, domain, name;
	bool route = false;
	struct lexer before = r->lexer;
	struct token t, *spec;

	from = n_phrase ? r->item[0].at : r->lexer.at - 1;
	for (;;) {
		before = r->lexer;
		t = next_token(&r->lexer);
		if (is(&t, '<') && r->n_item == n_phrase)
			continue;	/* "<<alice@example.org>>" */
		if (t.kind == TOKEN_END || is(&t, '>') || is(&t, '<') ||
		    is(&t, ';') || (is(&t, ',') && !route))
			break;
		if (is(&t, '@') && r->n_item == n_phrase)
			route = true;
		if (is(&t, ':') && (route || is_scheme(r, n_phrase))) {
			r->n_item = n_phrase;
			route = false;
			continue;
		}
		push(r, t, n_phrase + SPEC_TOKENS_MAX);
	}
	if (!is(&t, '>'))
		r->lexer = before;
	/* "<>" alone pushed nothing: a place there is all the same */
	arena_grow(r->arena, &r->item, n_phrase, &r->cap_item);
	spec = r->item + n_phrase;
	n = drop_comments(spec, r->n_item - n_phrase, &comment);
	at = last_at(spec, n);
	if (read_spec(r, spec, n, at, &local, &domain)) {
		name = phrase(r->arena, r->item, n_phrase);
		if (!name.n) {
			drop_comments(r->item, n_phrase, &comment);
			name = comment_text(r->arena, comment);
		}
		add_entry(r, with_loose(r, name), local, domain);
		r->closed = true;
		r->n_item = 0;
	} else if (n || n_phrase) {
		r->n_item = n_phrase;
		add_text_entry(r, from, r->lexer.at);
		r->closed = true;
		r->n_item = 0;
	}
}

size_t addresses_read(struct arena *a, struct str text,
    struct address **list_out)
{
	struct reader r = {
		.arena = a, .lexer = { .s = str_sub(text, 0, MAIL_VALUE_MAX) }
	};
	struct token t;

	do {
		t = next_token(&r.lexer);
		if (is(&t, ',')) {
			finish_at_comma(&r);
		} else if (t.kind == TOKEN_END || is(&t, ';')) {
			finish_item(&r);
			r.n_loose = 0;
		} else if (is(&t, '<')) {
			if (r.closed)
				finish_item(&r);
			read_angle(&r);
		} else if (is(&t, ':') && !r.closed && !r.has_at) {
			r.n_item = 0;		/* the name of a group */
		} else if (!is(&t, '>')) {
			push(&r, t, PHRASE_TOKENS_MAX);
		}
	} while (t.kind != TOKEN_END);
	*list_out = r.list;
	return r.n;
}
