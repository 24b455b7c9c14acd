/* What node.h says of asking nodes: keys, places in a text, typed values. */
#include "node.h"

#define KNOWN_SHOWN_MAX		8	/* names listed in a hint */

/* --------------------------------------------------------------- places */

/* Characters of an escape in double quotes, its backslash included. */
static size_t escape_length(struct str s)
{
	if (s.n < 2)
		return 1;
	switch (s.p[1]) {
	case 'x': return 4;
	case 'u': return 6;
	case 'U': return 10;
	default: return 2;
	}
}

/*
 * Walks the source of a scalar of one line and its text side by side, one
 * character of the text at a time, up to the byte OFFSET of the text.
 */
static bool walk_line(struct str source, struct str text, size_t offset,
    int *col)
{
	char quote = source.n ? source.p[0] : '\0';
	size_t at = 0, in_text = 0;

	if (quote != '"' && quote != '\'')
		quote = '\0';
	else
		at++;
	*col += (int)at;
	while (in_text < offset && in_text < text.n) {
		size_t from = at, step = 1;

		if (at >= source.n)
			return false;
		if (quote == '"' && source.p[at] == '\\')
			step = escape_length(str_sub(source, at, source.n));
		else if (quote == '\'' && source.p[at] == '\'')
			step = 2;
		for (size_t i = 0; i < step && at < source.n; i++)
			utf8_next(source, &at);
		if (step == 1 && (text.p[in_text] != source.p[from]))
			return false;
		utf8_next(text, &in_text);
		*col += (int)step;
	}
	return true;
}

/* The same for `|`: its lines follow, all cut by the same indentation. */
static bool walk_block(struct str text, size_t offset, struct pos *pos)
{
	struct str head = str_sub(text, 0, offset), line;
	size_t line_start = 0, end, indent, at;

	for (size_t i = 0; i < head.n; i++) {
		if (head.p[i] != '\n')
			continue;
		pos->line++;
		line_start = i + 1;
	}
	pos->line++;
	line = pos_line(*pos, &at);
	end = str_find_char(text, line_start, '\n');
	text = str_sub(text, line_start, end - line_start);
	if (!str_ends(line, text))
		return false;
	indent = line.n - text.n;
	pos->col = (int)(indent + 1 + utf8_count(str_sub(text, 0,
	    offset - line_start)));
	return true;
}

struct pos node_pos_in(const struct node *n, size_t offset, int width)
{
	struct pos pos = n->pos;
	size_t at;
	struct str rest = pos_line(pos, &at);

	if (n->kind != NODE_SCALAR || offset > n->text.n)
		return n->pos;
	rest = str_sub(rest, at, rest.n);
	while (rest.n && (rest.p[0] == '&' || rest.p[0] == '!')) {
		size_t cut = str_find_char(rest, 0, ' ');

		while (cut < rest.n && rest.p[cut] == ' ')
			cut++;
		pos.col += (int)(utf8_count(str_sub(rest, 0, cut)));
		rest = str_sub(rest, cut, rest.n);
	}
	pos.width = width;
	if (rest.n && rest.p[0] == '|') {
		if (!walk_block(n->text, offset, &pos))
			return n->pos;
	} else if (!walk_line(rest, n->text, offset, &pos.col)) {
		return n->pos;
	}
	return pos;
}

/* --------------------------------------------------------------- asking */

static size_t find_key(const struct node *map, const char *key)
{
	struct str want = str_of(key);
	size_t i;

	if (!map || map->kind != NODE_MAP)
		return SIZE_MAX;
	for (i = 0; i < map->n; i++)
		if (str_eq(map->keys[i]->text, want))
			return i;
	return SIZE_MAX;
}

struct node *node_get(const struct node *map, const char *key)
{
	size_t i = find_key(map, key);

	return i == SIZE_MAX ? NULL : map->items[i];
}

struct node *node_get_key(const struct node *map, const char *key)
{
	size_t i = find_key(map, key);

	return i == SIZE_MAX ? NULL : map->keys[i];
}

static const char *kind_name(const struct node *n)
{
	return n->kind == NODE_LIST ? "a list" :
	    n->kind == NODE_MAP ? "a map" : "a text";
}

static struct str hint_for(struct arena *a, struct str word,
    const char *const *known, size_t n)
{
	const char *near = nearest(word, known, n);
	struct str list = STR_EMPTY;

	if (near)
		return arena_printf(a, "did you mean `%s`?", near);
	if (n == 0 || n > KNOWN_SHOWN_MAX)
		return STR_EMPTY;
	for (size_t i = 0; i < n; i++)
		list = arena_printf(a, "%.*s%s`%s`", STR_ARG(list),
		    i == 0 ? "" : ", ", known[i]);
	return arena_printf(a, "known: %.*s", STR_ARG(list));
}

bool node_only_keys(const struct node *map, const char *const *known,
    size_t n, const char *what, struct problems *ps)
{
	bool good = true;

	if (map->kind != NODE_MAP)
		return problem(ps, map->pos, "a map is wanted here, not %s",
		    kind_name(map));
	for (size_t i = 0; i < map->n; i++) {
		const struct node *key = map->keys[i];
		size_t k = 0;

		while (k < n && !str_eq_z(key->text, known[k]))
			k++;
		if (k < n)
			continue;
		good = problem_hint(ps, key->pos, problems_full(ps) ?
		    STR_EMPTY : hint_for(ps->arena, key->text, known, n),
		    "unknown %s `%.*s`", what, STR_ARG(key->text));
	}
	return good;
}

static bool plain_is(const struct node *n, const char *const *words,
    size_t n_words)
{
	if (!n || n->kind != NODE_SCALAR || n->quoted)
		return false;
	for (size_t i = 0; i < n_words; i++)
		if (str_eq_z(n->text, words[i]))
			return true;
	return false;
}

bool node_is_null(const struct node *n)
{
	static const char *const words[] = { "", "~", "null" };

	return plain_is(n, words, COUNT(words));
}

bool node_is_bool(const struct node *n, bool *value_out)
{
	static const char *const words[] = { "true", "false" };

	if (!plain_is(n, words, COUNT(words)))
		return false;
	*value_out = n->text.p[0] == 't';
	return true;
}

static bool wrong_kind(const struct node *n, const char *what,
    const char *wanted, struct problems *ps)
{
	if (n->kind == NODE_SCALAR && n->text.n == 0 && !n->quoted)
		return problem(ps, n->pos, "`%s` is empty; it must be %s",
		    what, wanted);
	if (n->kind == NODE_SCALAR)
		return problem(ps, n->pos, "`%s` must be %s, not `%.*s`",
		    what, wanted, STR_ARG(n->text));
	return problem(ps, n->pos, "`%s` must be %s, not %s", what, wanted,
	    kind_name(n));
}

bool node_text(const struct node *n, const char *what, struct str *out,
    struct problems *ps)
{
	/* no texts in the core schema, and so not to other YAML readers */
	static const char *const words[] = { "true", "True", "TRUE",
	    "false", "False", "FALSE", "~", "null", "Null", "NULL" };

	if (n->kind != NODE_SCALAR || (n->text.n == 0 && !n->quoted))
		return wrong_kind(n, what, "a text", ps);
	if (plain_is(n, words, COUNT(words)))
		return problem(ps, n->pos, "`%s` must be a text; put `%.*s` "
		    "in quotes if that is the text", what,
		    STR_ARG(n->text));
	*out = n->text;
	return true;
}

bool node_bool(const struct node *n, const char *what, bool *out,
    struct problems *ps)
{
	static const char *const yes[] = { "true", "yes", "on", "y" };
	static const char *const no[] = { "false", "no", "off", "n" };

	if (node_is_bool(n, out))
		return true;
	for (size_t i = 0; n->kind == NODE_SCALAR && i < COUNT(yes); i++) {
		bool is_yes = str_ieq_z(n->text, yes[i]);

		if (is_yes || str_ieq_z(n->text, no[i]))
			return problem(ps, n->pos, "`%s` must be true or "
			    "false; write `%s`", what,
			    is_yes ? "true" : "false");
	}
	return wrong_kind(n, what, "true or false", ps);
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]))
			return false;
	return s.n > 0;
}

bool node_number(const struct node *n, const char *what, uint64_t max,
    uint64_t *out, struct problems *ps)
{
	if (n->kind != NODE_SCALAR || !all_digits(n->text))
		return wrong_kind(n, what, "a whole number", ps);
	if (n->quoted)
		return problem(ps, n->pos, "`%s` must be a whole number "
		    "without quotes", what);
	if (!str_u64(n->text, max, out))
		return problem(ps, n->pos, "`%s` may be at most %llu", what,
		    (unsigned long long)max);
	return true;
}

bool node_size(const struct node *n, const char *what, uint64_t *octets_out,
    struct problems *ps)
{
	if (n->kind == NODE_SCALAR && parse_size(n->text, octets_out))
		return true;
	return wrong_kind(n, what, "a size such as 500, 20K, 10M or 1G", ps);
}

bool node_duration(const struct node *n, const char *what,
    int64_t *seconds_out, struct problems *ps)
{
	if (n->kind == NODE_SCALAR && parse_duration(n->text, seconds_out))
		return true;
	return wrong_kind(n, what, "a duration such as 90s, 15m, 2h, 30d "
	    "or 1w", ps);
}

bool node_texts(struct arena *a, const struct node *n, const char *what,
    struct str **list_out, size_t *n_out, struct problems *ps)
{
	struct str *list;
	bool good = true;

	if (n->kind != NODE_LIST) {
		struct str one;

		if (n->kind == NODE_MAP)
			return wrong_kind(n, what, "a text or a list of "
			    "texts", ps);
		if (!node_text(n, what, &one, ps))
			return false;
		list = arena_make(a, struct str);
		*list = one;
		*list_out = list;
		*n_out = 1;
		return true;
	}
	list = arena_array(a, n->n, sizeof(*list));
	for (size_t i = 0; i < n->n; i++)
		if (!node_text(n->items[i], what, &list[i], ps))
			good = false;
	if (!good)
		return false;
	*list_out = list;
	*n_out = n->n;
	return true;
}
