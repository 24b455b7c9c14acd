/*
 * Lists: their entries, and tables to find them in.
 *
 * An entry is looked up as a text, or as what it says of an address; a list
 * may be asked in both ways, and gets the tables for the ways that occur.
 */
#include "build.h"

#include <stdlib.h>
#include <string.h>

#include "fold.h"

struct list_index {
	bool for_text, for_address, faulty;
	/* where each entry stands, for messages */
	const struct source *source;
	int (*places)[2];	/* line, column */

	struct names texts;	/* folded */
	struct names addresses, domains;	/* folded */
	const struct pattern **globs;	/* of domains */
	size_t n_globs, cap_globs;
	/* Texts without @, folded, sorted, none the head of another: at most
	 * one of them can begin at a place of a value. */
	struct str *needles;
	size_t n_needles, cap_needles;
};

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
	size_t cap, cap_places;
};

static struct pos entry_pos(const struct list *l, size_t i)
{
	struct pos pos = {
		.source = l->index->source,
		.line = l->index->places[i][0],
		.col = l->index->places[i][1],
	};

	pos.width = (int)utf8_count(str_sub(l->entries[i], 0, 1000));
	return pos;
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
	if (text.n > 1 && text.p[0] == '/' && text.p[text.n - 1] == '/')
		return problem(r->b->ps, pos,
		    "a regex in a list is not yet supported");
	arena_grow(r->b->arena, &l->entries, l->n, &r->cap);
	arena_grow(r->b->arena, &x->places, l->n, &r->cap_places);
	l->entries[l->n] = text;
	x->places[l->n][0] = pos.line;
	x->places[l->n][1] = pos.col;
	l->n++;
	return true;
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

/* One line of a list file; LINE is trimmed. */
static bool read_entry(struct reading *r, struct str line, struct pos pos)
{
	if (line.n == 0 || line.p[0] == '#')
		return true;
	if (!line_is_text(line))
		return problem(r->b->ps, pos, "the line is not text in UTF-8");
	for (size_t i = 0; i + 3 < line.n; i++)
		if (memcmp(line.p + i, " :: ", 4) == 0)
			return problem(r->b->ps, pos,
			    "a map (`old :: new`) is not yet supported");
	for (size_t i = 0; i + 1 < line.n; i++)
		if (line.p[i] == ' ' && line.p[i + 1] == '#') {
			warning(r->b->ps, pos, "a comment stands on a line of "
			    "its own; this # is part of the entry");
			break;
		}
	return entry_add(r, line, pos);
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

	if (!file || !node_only_keys(n, keys, 1, "key of a list",
	    r->b->ps))
		return problem_hint(r->b->ps, n->pos, STR_LIT("a list is "
		    "[a, b] or {file: NAME}"),
		    "a map as a list is not yet supported");
	return build_text(r->b, file, "file", &path) &&
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
	l->index->faulty = n->kind == NODE_MAP ? !read_file(&r, n) :
	    !read_inline(&r, n);
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

/* ---------------------------------------------------------------- tables */

static void table_add(struct builder *b, struct names *t, struct str key)
{
	size_t at;

	if (!names_get(t, key, &at))
		names_add(b->arena, t, key, 0);
}

bool list_for_text(struct builder *b, struct list *l)
{
	struct list_index *x = l->index;

	if (x->for_text || x->faulty)
		return !x->faulty;
	x->for_text = true;
	for (size_t i = 0; i < l->n; i++)
		table_add(b, &x->texts, fold_str(b->arena, l->entries[i]));
	return true;
}

static int by_bytes(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* Sorts the needles; what another begins with makes that other needless. */
static void sort_needles(struct list_index *x)
{
	size_t n = 0;

	if (x->n_needles == 0)
		return;
	qsort(x->needles, x->n_needles, sizeof(*x->needles), by_bytes);
	for (size_t i = 0; i < x->n_needles; i++)
		if (n == 0 || !str_starts(x->needles[i], x->needles[n - 1]))
			x->needles[n++] = x->needles[i];
	x->n_needles = n;
}

static bool index_address(struct builder *b, struct list *l, size_t i)
{
	struct list_index *x = l->index;
	struct operand o;

	if (!address_form(b, l->entries[i], entry_pos(l, i), false, &o))
		return false;
	switch (o.op) {
	case TEST_ADDRESS:
		table_add(b, &x->addresses, o.text);
		break;
	case TEST_DOMAIN:
		table_add(b, &x->domains, o.text);
		break;
	case TEST_DOMAIN_GLOB:
		arena_grow(b->arena, &x->globs, x->n_globs, &x->cap_globs);
		x->globs[x->n_globs++] = o.pattern;
		break;
	default:
		arena_grow(b->arena, &x->needles, x->n_needles,
		    &x->cap_needles);
		x->needles[x->n_needles++] = fold_str(b->arena,
		    l->entries[i]);
	}
	return true;
}

bool list_for_address(struct builder *b, struct list *l)
{
	struct list_index *x = l->index;

	if (x->for_address || x->faulty)
		return !x->faulty;
	x->for_address = true;
	for (size_t i = 0; i < l->n; i++)
		if (!index_address(b, l, i))
			x->faulty = true;
	sort_needles(x);
	return !x->faulty;
}

/* --------------------------------------------------------------- looking */

/* Folds VALUE into BIG, or into ROOM where that is large enough. */
#define ROOM	512
static struct str folded(struct str value, char *room, struct buf *big)
{
	bool plain = value.n <= ROOM;

	for (size_t i = 0; plain && i < value.n; i++) {
		plain = (unsigned char)value.p[i] < 0x80;
		room[i] = ch_lower(value.p[i]);
	}
	if (plain)
		return (struct str){ room, value.n };
	buf_init(big, value.n * 2 + 1);
	fold_add(big, value);
	return buf_str(big);
}

enum truth list_has_text(const struct list *l, struct str value)
{
	struct buf big = { 0 };
	char room[ROOM];
	size_t at;
	bool has = names_get(&l->index->texts, folded(value, room, &big),
	    &at);

	buf_free(&big);
	return has ? TRUTH_TRUE : TRUTH_FALSE;
}

/* Does a needle begin where S begins? */
static bool needle_at(const struct list_index *x, struct str s)
{
	size_t low = 0, high = x->n_needles;

	while (low < high) {	/* the last needle not behind S */
		size_t mid = (low + high) / 2;

		if (str_cmp(x->needles[mid], s) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && str_starts(s, x->needles[low - 1]);
}

static bool has_needle(const struct list_index *x, struct str value)
{
	struct buf big = { 0 };
	char room[ROOM];
	struct str s;
	bool has = false;

	if (x->n_needles == 0)
		return false;
	s = folded(value, room, &big);
	for (size_t i = 0; i < s.n && !has; i++)
		has = needle_at(x, (struct str){ s.p + i, s.n - i });
	buf_free(&big);
	return has;
}

static bool has_whole(const struct list_index *x, const struct address *a)
{
	struct buf big = { 0 };
	char room[ROOM];
	size_t at;
	bool has;

	if (a->domain.n && names_get(&x->domains, a->domain, &at))
		return true;
	if (a->address.n == 0 || x->addresses.n == 0)
		return false;
	has = names_get(&x->addresses, folded(a->address, room, &big), &at);
	buf_free(&big);
	return has;
}

enum truth list_has_address(const struct list *l, const struct address *a)
{
	const struct list_index *x = l->index;
	bool doubt = false;

	if (has_whole(x, a) || has_needle(x, a->name) ||
	    has_needle(x, a->address))
		return TRUTH_TRUE;
	for (size_t i = 0; a->domain.n && i < x->n_globs; i++) {
		switch (pattern_match(x->globs[i], a->domain, NULL)) {
		case PATTERN_YES:
			return TRUTH_TRUE;
		case PATTERN_LIMIT:
			doubt = true;
			break;
		case PATTERN_NO:
			break;
		}
	}
	return doubt ? TRUTH_UNKNOWN : TRUTH_FALSE;
}
