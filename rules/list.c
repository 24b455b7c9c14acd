/*
 * Lists: what stands in them.
 */
#include "list_table.h"

#include <string.h>

#include "fold.h"
#include "rewrite.h"

/* ------------------------------------------------------- address forms */

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* S itself where it is in lower case already: most entries are. */
static struct str lower(struct arena *a, struct str s)
{
	size_t n = 0;
	char *z;

	while (n < s.n && ch_lower(s.p[n]) == s.p[n])
		n++;
	if (n == s.n)
		return s;
	z = arena_z(a, s);
	for (size_t i = n; i < s.n; i++)
		z[i] = ch_lower(z[i]);
	return (struct str){ z, s.n };
}

/* As a message's domains are given: A-labels, lower case. */
static bool domain_form(struct builder *b, struct str text, struct pos pos,
    struct str *out)
{
	struct address *list;

	if (is_ascii(text)) {
		*out = lower(b->arena, text);
		return true;
	}
	if (addresses_read(b->arena, arena_printf(b->arena, "x@%.*s",
	    STR_ARG(text)), &list) != 1 || list[0].domain.n == 0)
		return problem(b->ps, pos, "this is no domain");
	*out = list[0].domain;
	return true;
}

/* What stands behind "@*.": no domain yet, but the tail of one. */
static bool domain_glob(struct builder *b, struct str text, struct pos pos,
    struct operand *out)
{
	struct node n = { .kind = NODE_SCALAR, .pos = pos, .text = text };
	struct str tail = text;

	if (!is_ascii(text)) {
		if (!str_starts(text, STR_LIT("*.")) ||
		    memchr(text.p + 1, '*', text.n - 1))
			return problem(b->ps, pos, "a pattern of a domain "
			    "beyond ASCII can only begin with `@*.`");
		if (!domain_form(b, str_sub(text, 2, text.n), pos, &tail))
			return false;
		text = arena_printf(b->arena, "*.%.*s", STR_ARG(tail));
	}
	out->op = TEST_DOMAIN_GLOB;
	out->literal = pattern_glob_literal(text);
	out->pattern = pattern_build(b, PATTERN_GLOB, text, true, &n);
	return out->pattern != NULL;
}

static bool plain_address(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && !memchr("@.!#$%&'*+-/=?^_`{|}~",
		    s.p[i], 21))
			return false;
	return true;
}

/* One @ and no blank, but for what stands in quotes.  Mail is read with more
 * patience; what a person writes here is meant. */
static bool stands_alone(struct str s)
{
	bool quoted = false;
	size_t ats = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\')
			i++;
		else if (!quoted && ch_space(s.p[i]))
			return false;
		else if (!quoted && s.p[i] == '@')
			ats++;
	}
	return ats == 1;
}

/* The local part as it stands, if EXACT. */
static bool whole_address(struct builder *b, struct str text,
    struct pos pos, bool exact, struct operand *out)
{
	size_t at = str_find_char(text, 0, '@');
	struct address *list;

	if (memchr(text.p, '*', at))
		return problem_hint(b->ps, pos, arena_printf(b->arena,
		    "write \"@%.*s\" for everybody of a domain, or "
		    "{matches: ...}", STR_ARG(str_sub(text, at + 1, text.n))),
		    "an address here is no pattern");
	if (memchr(text.p, '<', text.n))
		return problem_hint(b->ps, pos,
		    STR_LIT("write the address alone, without its name"),
		    "this is more than an address");
	out->op = TEST_ADDRESS;
	out->exact = exact;
	if (!exact && plain_address(text) && at + 1 < text.n &&
	    str_find_char(text, at + 1, '@') == text.n) {
		out->text = lower(b->arena, text);
		return true;
	}
	if (!stands_alone(text))
		return problem_hint(b->ps, pos, STR_LIT("it has one `@` and "
		    "no blanks; several stand in a list: [one, another]"),
		    "`%.*s` is no address", STR_ARG(text));
	if (addresses_read(b->arena, text, &list) != 1 ||
	    list[0].local.n == 0 || list[0].domain.n == 0)
		return problem(b->ps, pos, "`%.*s` is no address",
		    STR_ARG(text));
	out->text = exact ? list[0].address :
	    fold_str(b->arena, list[0].address);
	return true;
}

bool address_form(struct builder *b, struct str text, struct pos pos,
    bool exact, struct operand *out)
{
	struct str domain = str_sub(text, 1, text.n);

	*out = (struct operand){ .op = TEST_NAME_OR_ADDRESS };
	if (!memchr(text.p, '@', text.n))
		return true;
	if (text.p[0] != '@')
		return whole_address(b, text, pos, exact, out);
	for (size_t i = 0; i < domain.n; i++)
		if (ch_space(domain.p[i]) || domain.p[i] == '@' ||
		    domain.p[i] == '>' || domain.p[i] == ',')
			domain.n = 0;
	if (domain.n == 0)
		return problem(b->ps, pos, "`%.*s` is no domain",
		    STR_ARG(text));
	if (domain.p[0] == '.')
		return problem_hint(b->ps, pos, arena_printf(b->arena,
		    "write \"@*%.*s\" for all below it", STR_ARG(domain)),
		    "`%.*s` is no domain", STR_ARG(text));
	if (memchr(domain.p, '*', domain.n) ||
	    memchr(domain.p, '?', domain.n))
		return domain_glob(b, domain, pos, out);
	out->op = TEST_DOMAIN;
	return domain_form(b, domain, pos, &out->text);
}

/* --------------------------------------------------------------- reading */

struct reading {
	struct builder *b;
	struct list *list;
	size_t cap, cap_places, cap_values;
};

struct pos list_entry_pos(const struct list *l, size_t i)
{
	struct pos pos = {
		.source = l->index->source,
		.line = l->index->places[i][0],
		.col = l->index->places[i][1],
	};

	pos.width = (int)utf8_count(str_sub(l->entries[i], 0, 1000));
	return pos;
}

bool list_entry_regex(struct str entry, struct str *regex_out)
{
	if (entry.n < 2 || entry.p[0] != '/' || entry.p[entry.n - 1] != '/')
		return false;
	*regex_out = str_sub(entry, 1, entry.n - 2);
	return true;
}

const struct pattern *list_entry_pattern(struct builder *b,
    struct str regex, struct pos pos, bool exact)
{
	struct node n = { .kind = NODE_SCALAR, .pos = pos, .text = regex };

	n.pos.col++;		/* behind the slash */
	n.pos.width = 0;
	return pattern_build(b, PATTERN_REGEX, regex, !exact, &n);
}

/* "/.../i": as in other languages. */
static bool has_flags(struct str entry)
{
	size_t n = entry.n;

	while (n && strchr("gimsux", entry.p[n - 1]))
		n--;
	return n > 2 && n < entry.n && entry.p[0] == '/' &&
	    entry.p[n - 1] == '/';
}

/* A regex among the entries is checked when it is read, used or not. */
static bool regex_ok(struct reading *r, struct str entry, struct pos pos)
{
	struct list_index *x = r->list->index;
	struct str regex;

	if (has_flags(entry))
		warning(r->b->ps, pos, "this is a text, since a regex ends "
		    "with its `/`; flags stand inside: /(?s).../");
	if (!list_entry_regex(entry, &regex))
		return true;
	if (regex.n == 0)
		return problem(r->b->ps, pos, "the regex is empty");
	if (x->n_regexes++ >= LIST_REGEX_MAX)
		return problem(r->b->ps, pos, "a list has at most %d regexes",
		    LIST_REGEX_MAX);
	return list_entry_pattern(r->b, regex, pos, false) != NULL;
}

static bool entry_add(struct reading *r, struct str text, struct pos pos)
{
	struct list *l = r->list;
	struct list_index *x = l->index;

	if (l->n == RULES_LIST_MAX)
		return problem(r->b->ps, pos, "a list has at most %d entries",
		    RULES_LIST_MAX);
	if (text.n > PATTERN_LITERAL_MAX)
		return problem(r->b->ps, pos,
		    "an entry has at most %d octets", PATTERN_LITERAL_MAX);
	if (!regex_ok(r, text, pos))
		return false;
	arena_grow(r->b->arena, &l->entries, l->n, &r->cap);
	arena_grow(r->b->arena, &x->places, l->n, &r->cap_places);
	l->entries[l->n] = text;
	x->places[l->n][0] = pos.line;
	x->places[l->n][1] = pos.col;
	l->n++;
	return true;
}

/* OLD stands for NEW. */
static bool pair_add(struct reading *r, struct str old, struct str new,
    struct pos pos)
{
	struct list *l = r->list;
	struct str key = fold_str(r->b->arena, old);
	size_t at;

	if (old.n == 0)
		return problem(r->b->ps, pos, "there is nothing to look for");
	if (new.n == 0)
		return problem(r->b->ps, pos, "there is nothing to put in its "
		    "place");
	if (new.n > PATTERN_LITERAL_MAX)
		return problem(r->b->ps, pos,
		    "an entry has at most %d octets", PATTERN_LITERAL_MAX);
	if (names_get(&l->index->keys, key, &at))
		return problem(r->b->ps, pos, "`%.*s` stands in this map "
		    "already, in line %d", STR_ARG(old),
		    l->index->places[at][0]);
	if (!entry_add(r, old, pos))
		return false;
	names_add(r->b->arena, &l->index->keys, key, l->n - 1);
	arena_grow(r->b->arena, &l->values, l->n - 1, &r->cap_values);
	l->values[l->n - 1] = new;
	return true;
}

static bool read_map(struct reading *r, const struct node *n)
{
	bool ok = true;
	struct str new;

	if (n->n == 0)
		return problem(r->b->ps, n->pos, "the map is empty");
	r->list->index->source = n->pos.source;
	for (size_t i = 0; i < n->n; i++)
		ok &= build_text(r->b, n->items[i], arena_z(r->b->arena,
		    n->keys[i]->text), &new) &&
		    pair_add(r, str_trim(n->keys[i]->text), str_trim(new),
		    n->keys[i]->pos);
	return ok;
}

static bool read_inline(struct reading *r, const struct node *n)
{
	bool ok = true;
	struct str text;

	r->list->index->source = n->pos.source;
	if (n->kind == NODE_LIST && n->n == 0)
		return problem(r->b->ps, n->pos, "the list is empty");
	for (size_t i = 0; i < (n->kind == NODE_LIST ? n->n : 1); i++) {
		const struct node *item =
		    n->kind == NODE_LIST ? n->items[i] : n;

		ok &= build_text(r->b, item, "entry", &text) &&
		    entry_add(r, str_trim(text), item->pos);
	}
	return ok;
}

static bool line_is_text(struct str line)
{
	for (size_t at = 0; at < line.n; ) {
		uint32_t cp = utf8_next(line, &at);

		if (cp == UTF8_BAD || cp < 0x20 || cp == 0x7F)
			return cp == '\t';
	}
	return true;
}

/* The `::` of a map: between blanks, or at an end of the line. */
static size_t find_arrow(struct str line)
{
	for (size_t i = 0; i + 1 < line.n; i++)
		if (line.p[i] == ':' && line.p[i + 1] == ':' &&
		    (i == 0 || ch_space(line.p[i - 1])) &&
		    (i + 2 == line.n || ch_space(line.p[i + 2])))
			return i;
	return line.n;
}

/* One line of a list file, which may be a pair.  What the first is all of
 * them are. */
static bool read_line(struct reading *r, struct str line, struct pos pos)
{
	size_t at = find_arrow(line);
	struct list *l = r->list;
	struct str new = str_sub(line, at + 2, line.n);

	if (l->n && (at < line.n) != (l->values != NULL))
		return problem(r->b->ps, pos, "%s; a map is `old :: new` on "
		    "each line", l->values ? "here is no `::`, and this is "
		    "a map" : "here is a `::`, and this is no map");
	if (at == line.n)
		return entry_add(r, line, pos);
	if (find_arrow(new) < new.n)
		return problem(r->b->ps, pos, "a second `::`");
	return pair_add(r, str_trim(str_sub(line, 0, at)), str_trim(new),
	    pos);
}

/* One line of a list file; LINE is trimmed. */
static bool read_entry(struct reading *r, struct str line, struct pos pos)
{
	if (line.n == 0 || line.p[0] == '#')
		return true;
	if (!line_is_text(line))
		return problem(r->b->ps, pos, "the line is not text in UTF-8");
	for (size_t i = 0; i + 1 < line.n; i++)
		if (line.p[i] == ' ' && line.p[i + 1] == '#') {
			warning(r->b->ps, pos, "a comment stands on a line of "
			    "its own; this # is part of the entry");
			break;
		}
	return read_line(r, line, pos);
}

static bool read_lines(struct reading *r, const struct source *source)
{
	struct str rest = source->text, line, entry;
	struct pos pos = { .source = source };
	bool ok = true;

	r->list->index->source = source;
	if (str_starts(rest, STR_LIT("\xEF\xBB\xBF")))
		rest = str_sub(rest, 3, rest.n);
	while (str_cut(&rest, '\n', &line)) {
		entry = str_trim(line);
		pos.line++;
		pos.col = entry.n ? (int)(entry.p - line.p) + 1 : 1;
		ok &= read_entry(r, entry, pos);
		if (!ok && r->list->n == RULES_LIST_MAX)
			break;
	}
	return ok;
}

static bool read_file(struct reading *r, const struct node *n)
{
	static const char *const keys[] = { "file" };
	const struct node *file = node_get(n, "file");
	const struct source *source;
	struct str path;

	return node_only_keys(n, keys, 1, "key of a list", r->b->ps) &&
	    build_text(r->b, file, "file", &path) &&
	    build_read(r->b, build_path(r->b, file->pos, path),
	    LIST_FILE_MAX, file->pos, &source) && read_lines(r, source);
}

void list_build(struct builder *b, struct str name, struct pos pos,
    const struct node *n)
{
	struct list *l = arena_make(b->arena, struct list);
	struct reading r = { .b = b, .list = l };

	l->name = name;
	l->pos = pos;
	l->index = arena_make(b->arena, struct list_index);
	arena_grow(b->arena, &b->lists, b->n_lists, &b->cap_lists);
	names_add(b->arena, &b->list_names, name, b->n_lists);
	b->lists[b->n_lists++] = l;
	if (node_is_null(n)) {
		problem(b->ps, pos, "the list `%.*s` is empty",
		    STR_ARG(name));
		l->index->faulty = true;
		return;
	}
	if (node_get(n, "file"))
		l->index->faulty = !read_file(&r, n);
	else if (n->kind == NODE_MAP)
		l->index->faulty = !read_map(&r, n);
	else
		l->index->faulty = !read_inline(&r, n);
}

struct list *list_find(struct builder *b, const struct node *name)
{
	struct str text;
	size_t at;

	if (!build_text(b, name, "list", &text))
		return NULL;
	if (!names_get(&b->list_names, text, &at)) {
		problem_hint(b->ps, name->pos, build_nearest_name(b, text,
		    &b->list_names), "there is no list `%.*s`",
		    STR_ARG(text));
		return NULL;
	}
	b->lists[at]->used = true;
	return b->lists[at];
}

/* ------------------------------------------------- maps that edit fields */

/* Each letter for itself, as a regex. */
static struct str quoted_regex(struct arena *a, struct str s)
{
	struct buf b;
	struct str out;

	buf_init(&b, 2 * s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (!ch_alnum(s.p[i]) && (unsigned char)s.p[i] < 0x80)
			buf_add_char(&b, '\\');
		buf_add_char(&b, s.p[i]);
	}
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

static bool add_other(struct builder *b, struct edit_map *map, size_t *cap,
    size_t entry, enum test_part part, const struct pattern *p)
{
	if (!p)
		return false;
	if (map->n_others == LIST_REGEX_MAX)
		return problem(b->ps, list_entry_pos(map->list, entry),
		    "a map that edits addresses has at most %d entries that "
		    "are no plain address or domain", LIST_REGEX_MAX);
	arena_grow(b->arena, &map->others, map->n_others, cap);
	map->others[map->n_others++] = (struct edit_entry){ entry, part, p };
	return true;
}

/* What an address becomes: an address, a domain, or a name. */
static bool new_address_ok(struct builder *b, struct str value,
    struct pos pos)
{
	struct address *list;
	struct operand o;

	if (value.p[0] == '@')
		return address_form(b, value, pos, false, &o) &&
		    (o.op == TEST_DOMAIN || problem(b->ps, pos,
		    "`%.*s` is no domain", STR_ARG(value)));
	if (!memchr(value.p, '@', value.n) && !memchr(value.p, '<', value.n))
		return true;
	return addresses_read(b->arena, value, &list) == 1 &&
	    list[0].local.n && list[0].domain.n ? true : problem(b->ps, pos,
	    "`%.*s` is neither an address nor a name", STR_ARG(value));
}

static bool map_entry(struct builder *b, struct edit_map *map, size_t *cap,
    size_t i)
{
	struct str entry = map->list->entries[i];
	struct pos pos = list_entry_pos(map->list, i);
	struct node n = { .kind = NODE_SCALAR, .pos = pos, .text = entry };
	struct operand o;

	if (!new_address_ok(b, map->list->values[i], pos) ||
	    !address_form(b, entry, pos, false, &o))
		return false;
	if (o.op == TEST_NAME_OR_ADDRESS)
		return add_other(b, map, cap, i, PART_NAME, pattern_build(b,
		    PATTERN_REGEX, quoted_regex(b->arena, entry), true, &n));
	if (o.op == TEST_DOMAIN_GLOB)
		return add_other(b, map, cap, i, PART_DOMAIN, o.pattern);
	/* most are found by what they are, without looking at each */
	if (o.op == TEST_DOMAIN && is_ascii(entry))
		return true;
	if (o.op == TEST_DOMAIN)
		return add_other(b, map, cap, i, PART_DOMAIN,
		    pattern_build(b, PATTERN_IS, o.text, true, &n));
	if (str_eq(o.text, fold_str(b->arena, entry)))
		return true;
	return add_other(b, map, cap, i, PART_ADDRESS, pattern_build(b,
	    PATTERN_IS, o.text, true, &n));
}

const struct edit_map *edit_map_build(struct builder *b,
    const struct node *name, bool addresses)
{
	struct list *l = list_find(b, name);
	struct edit_map *map = arena_make(b->arena, struct edit_map);
	struct str regex;
	size_t cap = 0;
	bool ok = true;

	if (!l || l->index->faulty)
		return NULL;
	if (!l->values) {
		problem_hint(b->ps, name->pos, STR_LIT("write a map: "
		    "{old: new}, or `old :: new` a line in a file"),
		    "the list `%.*s` is no map", STR_ARG(l->name));
		return NULL;
	}
	map->list = l;
	map->addresses = addresses;
	for (size_t i = 0; i < l->n; i++)
		if (list_entry_regex(l->entries[i], &regex))
			ok = problem_hint(b->ps, list_entry_pos(l, i),
			    STR_LIT("write `regex` and `replace`"),
			    "a regex cannot stand in a map that edits a "
			    "field");
		else if (addresses)
			ok &= map_entry(b, map, &cap, i);
	return ok ? map : NULL;
}
