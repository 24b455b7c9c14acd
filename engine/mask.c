#include "mask.h"

#include <string.h>

/* The words seen so far; their place is their number. */
struct words {
	struct str *list;
	size_t n, cap;
};

struct mask {
	struct arena *arena;
	struct words names, users, domains;
};

struct mask *mask_make(struct arena *a)
{
	struct mask *m = arena_make(a, struct mask);

	m->arena = a;
	return m;
}

static struct str between(struct str s, size_t from, size_t to)
{
	return str_sub(s, from, to - from);
}

/* From 1; 0: too many. */
static size_t number_of(struct mask *m, struct words *w, struct str word)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_ieq(w->list[i], word))
			return i + 1;
	if (w->n >= MASK_MAX)
		return 0;
	arena_grow(m->arena, &w->list, w->n, &w->cap);
	w->list[w->n++] = arena_str(m->arena, word);
	return w->n;
}

static void add_mask(struct mask *m, struct buf *b, struct words *w,
    const char *what, struct str word)
{
	size_t n = number_of(m, w, word);

	if (n)
		buf_printf(b, "%s%zu", what, n);
	else
		buf_add_z(b, "other");
}

/* atext of RFC 5322 3.2.3 and the dot; UTF-8 as RFC 6532 lets it. */
static bool is_local(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x80 || (u > ' ' && u < 0x7f &&
	    !strchr("()<>[]:;@\\,\"{}'", c));
}

/* A glob's stars, too. */
static bool is_domain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x80 || (u >= '0' && u <= '9') ||
	    ((u | 0x20) >= 'a' && (u | 0x20) <= 'z') ||
	    (c != '\0' && strchr("-._*?", c));
}

/* Where the local part before the @ at AT begins; "a b" in quotes is one. */
static size_t local_begin(struct str s, size_t from, size_t at)
{
	size_t i = at;

	if (i > from && s.p[i - 1] == '"') {
		for (i--; i > from && s.p[i - 1] != '"'; i--)
			;
		return i > from ? i - 1 : at;
	}
	while (i > from && is_local(s.p[i - 1]))
		i--;
	return i;
}

static size_t domain_end(struct str s, size_t at)
{
	size_t i = at + 1;

	if (i < s.n && s.p[i] == '[') {		/* a domain literal */
		while (i < s.n && s.p[i] != ']')
			i++;
		return i < s.n ? i + 1 : i;
	}
	while (i < s.n && is_domain(s.p[i]))
		i++;
	while (i > at + 1 && s.p[i - 1] == '.')
		i--;
	return i;
}

/*
 * The display name before "<" at END, not before FROM: as far as it can
 * reach back over words.  What encloses or parts words ends it.
 */
static struct str name_before(struct str s, size_t from, size_t end)
{
	size_t i = end;
	bool quoted = false;

	while (i > from && (s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))
		i--;
	end = i;
	quoted = i > from && s.p[i - 1] == '"';
	if (quoted)
		for (i--; i > from && s.p[i - 1] != '"'; i--)
			;
	else
		while (i > from && !strchr(",;:\"{}[]()<>\n", s.p[i - 1]))
			i--;
	if (quoted && i > from)
		return between(s, i, end - 1);
	return str_trim(between(s, i, end));
}

static void add_before(struct mask *m, struct buf *b, struct str s,
    size_t from, size_t to)
{
	struct str name = STR_EMPTY;

	if (to > from && s.p[to - 1] == '<')
		name = name_before(s, from, to - 1);
	if (name.n == 0) {
		buf_add_str(b, between(s, from, to));
		return;
	}
	buf_add(b, s.p + from, (size_t)(name.p - s.p) - from);
	add_mask(m, b, &m->names, "Name", name);
	buf_add(b, name.p + name.n, (size_t)(s.p + to - (name.p + name.n)));
}

struct str mask_text(struct mask *m, struct arena *a, struct str text)
{
	size_t from = 0;
	struct buf b;
	struct str out;

	buf_init(&b, 32 * text.n + 64);
	for (size_t at = 0; at < text.n; at++) {
		size_t begin, end;

		if (text.p[at] != '@')
			continue;
		begin = local_begin(text, from, at);
		end = domain_end(text, at);
		if (end == at + 1)
			continue;
		add_before(m, &b, text, from, begin);
		if (begin < at)
			add_mask(m, &b, &m->users, "user",
			    between(text, begin, at));
		buf_add_char(&b, '@');
		add_mask(m, &b, &m->domains, "domain",
		    between(text, at + 1, end));
		buf_add_z(&b, ".example");
		from = end;
		at = end - 1;
	}
	buf_add_str(&b, between(text, from, text.n));
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}
