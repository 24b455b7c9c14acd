#include "node.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define NODE_ANCHORS_MAX	1000

/* ---------------------------------------------------------- raw bytes */

/* What may stand in a file (YAML 1.2, 5.1), less the line ends that only
 * YAML 1.1 has: they would make our line numbers differ from an editor's. */
static bool may_stand(uint32_t cp)
{
	if (cp < 0x20)
		return cp == '\t' || cp == '\n' || cp == '\r';
	return cp != UTF8_BAD && (cp < 0x7F || cp >= 0xA0) &&
	    cp != 0x2028 && cp != 0x2029 && cp != 0xFEFF &&
	    cp != 0xFFFE && cp != 0xFFFF;
}

static bool looks_utf16(struct str text)
{
	return text.n >= 2 &&
	    (memcmp(text.p, "\xFF\xFE", 2) == 0 ||
	    memcmp(text.p, "\xFE\xFF", 2) == 0 ||
	    text.p[0] == '\0' || text.p[1] == '\0');
}

/* Says what is wrong with the character CP whose first byte is BYTE. */
static bool bad_char(struct problems *ps, struct pos pos, uint32_t cp,
    unsigned char byte)
{
	if (cp == UTF8_BAD)
		return problem(ps, pos, "the byte 0x%02X is not UTF-8 here; "
		    "save the file as UTF-8", byte);
	if (cp == 0)
		return problem(ps, pos, "a NUL byte may not stand in a text "
		    "file");
	if (cp == 0xFEFF)
		return problem(ps, pos, "a byte order mark (U+FEFF) may "
		    "stand only at the start of the file; take it out");
	if (cp == 0x85 || cp == 0x2028 || cp == 0x2029)
		return problem(ps, pos, "the line separator U+%04X may not "
		    "stand here; in double quotes write \\u%04X",
		    (unsigned)cp, (unsigned)cp);
	return problem(ps, pos, "the control character U+%04X may not stand "
	    "here; in double quotes write \\u%04X", (unsigned)cp,
	    (unsigned)cp);
}

static bool check_bytes(const struct source *src, struct problems *ps)
{
	struct str s = src->text;
	struct pos pos = { .source = src, .line = 1, .col = 1 };
	int directives = 0;

	if (looks_utf16(s))
		return problem(ps, (struct pos){ .source = src },
		    "the file is UTF-16, not UTF-8; save it as UTF-8");
	for (size_t at = 0; at < s.n; ) {
		size_t from = at;
		uint32_t cp = utf8_next(s, &at);

		if (!may_stand(cp))
			return bad_char(ps, pos, cp,
			    (unsigned char)s.p[from]);
		/* libyaml compares each with all before it */
		if (cp == '%' && pos.col == 1 &&
		    ++directives > NODE_DIRECTIVES_MAX)
			return problem(ps, pos, "more than %d lines begin "
			    "with `%%`", NODE_DIRECTIVES_MAX);
		pos.col++;
		if (cp == '\n' || (cp == '\r' &&
		    (at == s.n || s.p[at] != '\n'))) {
			pos.line++;
			pos.col = 1;
		}
	}
	return true;
}

/* -------------------------------------------------------------- reading */

struct anchor {
	struct str name;
	uint64_t hash;
	struct node *node;
	size_t size;		/* nodes, aliases expanded; 0: still open */
	int height;		/* collections in each other */
};

struct reader {
	struct arena *arena, *scratch;
	struct problems *ps;
	const struct source *source;
	yaml_parser_t parser;
	struct anchor *anchors;
	size_t n_anchors, cap_anchors;
	size_t count;		/* nodes, aliases expanded */
};

static int to_int(size_t n)
{
	return n < INT_MAX ? (int)n : INT_MAX;
}

static struct pos pos_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct pos){ r->source, to_int(mark.line + 1),
	    to_int(mark.column + 1), 0 };
}

static struct pos pos_of_event(const struct reader *r, const yaml_event_t *ev)
{
	struct pos pos = pos_of(r, ev->start_mark);

	if (ev->start_mark.line == ev->end_mark.line)
		pos.width = to_int(ev->end_mark.column -
		    ev->start_mark.column);
	return pos;
}

/*
 * What libyaml says and what a person can do about it.  The first row whose
 * PROBLEM and CONTEXT begin what libyaml says is taken.  START: the mistake
 * is where the construct begins, not where libyaml noticed.
 */
static const struct {
	const char *problem, *context;
	bool start;
	const char *say;
} sayings[] = {
	{ "mapping values are not allowed", "", false,
	    "this `:` does not belong here: put a text that holds `: ` in "
	    "quotes, or correct the indentation" },
	{ "found unexpected end of stream", "while scanning a quoted", true,
	    "this quote is never closed" },
	{ "found unexpected document indicator", "while scanning a quoted",
	    true, "this quote is not closed before a line with `---` or "
	    "`...`" },
	{ "found unknown escape character", "", false,
	    "this is no escape of YAML; in single quotes a backslash is "
	    "itself" },
	{ "did not find expected hexdecimal", "", false,
	    "hexadecimal digits are missing in this escape; in single "
	    "quotes a backslash is itself" },
	{ "found invalid Unicode", "", false,
	    "this escape is no character of Unicode" },
	{ "could not find expected ':'", "", true,
	    "a `:` is missing behind this key" },
	{ "block sequence entries are not allowed", "", false,
	    "a list entry `- ` must begin on a line of its own" },
	{ "mapping keys are not allowed", "", false,
	    "`? ` may not stand here; put a text that begins so in quotes" },
	{ "did not find expected ',' or ']'", "", true,
	    "this `[` is not closed" },
	{ "did not find expected ',' or '}'", "", true,
	    "this `{` is not closed" },
	{ "did not find expected key", "while parsing a block mapping",
	    false, "this does not continue the map around it; is it "
	    "indented as the other keys are?" },
	{ "did not find expected '-' indicator", "", false,
	    "this does not continue the list around it; is it indented "
	    "right, or is a `- ` missing?" },
	{ "did not find expected alphabetic", "while scanning an alias",
	    true, "`*` begins an alias here; put a text that begins with "
	    "`*` in quotes" },
	{ "did not find expected alphabetic", "while scanning an anchor",
	    true, "`&` begins an anchor here; put a text that begins with "
	    "`&` in quotes" },
	{ "", "while scanning a tag", true,
	    "`!` begins a tag here; put a text that begins with `!` in "
	    "quotes" },
	{ "", "while parsing a tag", true,
	    "`!` begins a tag here; put a text that begins with `!` in "
	    "quotes" },
	{ "found undefined tag handle", "", false,
	    "`!` begins a tag here; put a text that begins with `!` in "
	    "quotes" },
	{ "found incompatible YAML", "", false,
	    "only YAML 1.1 and 1.2 can be read" },
	{ "", "while scanning a directive", true,
	    "a line that begins with `%` is a directive; put a text that "
	    "begins so in quotes" },
	{ "did not find expected comment or line break",
	    "while scanning a block scalar", false,
	    "the text of `|` or `>` begins on the next line" },
	{ "found a tab character", "", false,
	    "a tab stands in the indentation; use blanks" },
	{ "did not find expected node content", "", false,
	    "a key or a value is missing before this" },
	{ "did not find expected <document start>", "", false,
	    "the document has ended before this; is it indented right?" },
};

static bool begins(const char *z, const char *head)
{
	return str_starts(str_of(z), str_of(head));
}

/* A character that may not begin a plain text, which people forget. */
static bool say_bad_start(struct reader *r, struct pos pos)
{
	size_t at, end;
	struct str line = pos_line(pos, &at);

	if (!begins(r->parser.problem, "found character that cannot start") ||
	    at >= line.n)
		return false;
	end = at;
	utf8_next(line, &end);
	problem(r->ps, pos, "the character \"%.*s\" may not begin a text "
	    "without quotes; put the text in quotes",
	    STR_ARG(str_sub(line, at, end - at)));
	return true;
}

/* A `,` or bracket is missing on the line where the bracket opened. */
static bool say_inside_brackets(struct reader *r, struct pos pos)
{
	const yaml_parser_t *p = &r->parser;
	size_t at;
	struct str line = pos_line(pos, &at);

	if (!begins(p->problem, "did not find expected ','") || !p->context ||
	    p->context_mark.line != p->problem_mark.line || at >= line.n)
		return false;
	problem(r->ps, pos, "a `,` or the closing bracket is wanted here; "
	    "put a text that holds brackets, commas, quotes or `: ` wholly "
	    "in quotes");
	return true;
}

/* Something stands behind a text in quotes: subject: "a" b */
static bool say_behind_quote(struct reader *r, struct pos pos)
{
	size_t at;
	struct str line = pos_line(pos, &at);

	if (!begins(r->parser.problem, "did not find expected key"))
		return false;
	line = str_trim(str_sub(line, 0, at));
	if (!str_ends(line, STR_LIT("\"")) && !str_ends(line, STR_LIT("'")))
		return false;
	problem(r->ps, pos, "the text in quotes has ended before this; put "
	    "all of it in quotes (inside of '...' a quote is written twice)");
	return true;
}

/* A tab among the blanks that POS's line begins with, at or before POS. */
static bool tab_before(struct pos pos, struct pos *tab_out)
{
	size_t at;
	struct str line = pos_line(pos, &at);

	for (size_t i = 0; i < line.n && i <= at; i++) {
		if (line.p[i] == '\t') {
			*tab_out = pos;
			tab_out->col = to_int(i + 1);
			tab_out->width = 1;
			return true;
		}
		if (line.p[i] != ' ')
			break;
	}
	return false;
}

/* A bracket that was to be closed behind a ` #`: {label: work #1} */
static bool say_comment(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct pos pos = pos_of(r, p->context_mark);
	size_t at, hash;
	struct str line, rest;

	if (!begins(p->problem, "did not find expected ','") || !p->context)
		return false;
	line = pos_line(pos, &at);
	for (hash = at; hash < line.n; hash++)
		if (line.p[hash] == '#' && hash > at &&
		    (line.p[hash - 1] == ' ' || line.p[hash - 1] == '\t'))
			break;
	rest = str_sub(line, hash, line.n);
	if (str_find_char(rest, 0, '}') == rest.n &&
	    str_find_char(rest, 0, ']') == rest.n)
		return false;
	for (size_t i = at; i < hash; utf8_next(line, &i))
		pos.col++;
	pos.width = to_int(rest.n);
	problem(r->ps, pos, "`%.*s` was read as a comment, so that the "
	    "bracket before it stays open; put a text that holds ` #` in "
	    "quotes", STR_ARG(str_sub(rest, 0, rest.n < 40 ? rest.n : 40)));
	return true;
}

static void say_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *what = p->problem;
	const char *context = p->context ? p->context : "";
	struct pos pos = pos_of(r, p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR || !what) {
		problem(r->ps, (struct pos){ .source = r->source },
		    "out of memory");
		return;
	}
	if (tab_before(pos, &pos)) {
		problem(r->ps, pos, "a tab stands in the indentation; use "
		    "blanks");
		return;
	}
	if (say_bad_start(r, pos) || say_comment(r) ||
	    say_inside_brackets(r, pos) ||
	    say_behind_quote(r, pos))
		return;
	for (size_t i = 0; i < COUNT(sayings); i++) {
		if (!begins(what, sayings[i].problem) ||
		    !begins(context, sayings[i].context))
			continue;
		if (sayings[i].start && p->context)
			pos = pos_of(r, p->context_mark);
		problem(r->ps, pos, "%s", sayings[i].say);
		return;
	}
	problem(r->ps, pos, "not readable as YAML: %s%s%s", context,
	    *context ? " " : "", what);
}

static bool next(struct reader *r, yaml_event_t *ev)
{
	if (yaml_parser_parse(&r->parser, ev))
		return true;
	say_syntax(r);
	return false;
}

static struct node *node_new(struct reader *r, enum node_kind kind,
    struct pos pos, const struct node *parent)
{
	struct node *n = arena_make(r->arena, struct node);

	n->kind = kind;
	n->pos = pos;
	n->text = STR_EMPTY;
	n->parent = parent;
	return n;
}

/* Counts N more nodes; false, and said, when they are too many. */
static bool count_nodes(struct reader *r, size_t n, struct pos pos)
{
	if (n > NODE_COUNT_MAX - r->count)
		return problem(r->ps, pos, "more than %d nodes with this, "
		    "aliases expanded; make the file smaller",
		    NODE_COUNT_MAX);
	r->count += n;
	return true;
}

static bool check_depth(struct reader *r, int depth, struct pos pos)
{
	return depth <= NODE_DEPTH_MAX || problem(r->ps, pos,
	    "lists and maps stand in each other more than %d deep",
	    NODE_DEPTH_MAX);
}

/* NAME may be NULL: no anchor.  Gives its number plus one, or 0. */
static bool anchor_open(struct reader *r, const yaml_char_t *name,
    struct node *n, size_t *id_out)
{
	struct anchor *a;

	*id_out = 0;
	if (!name)
		return true;
	if (r->n_anchors >= NODE_ANCHORS_MAX)
		return problem(r->ps, n->pos, "more than %d anchors",
		    NODE_ANCHORS_MAX);
	arena_grow(r->scratch, &r->anchors, r->n_anchors, &r->cap_anchors);
	a = &r->anchors[r->n_anchors++];
	a->name = arena_str(r->scratch, str_of((const char *)name));
	a->hash = str_hash(a->name);
	a->node = n;
	*id_out = r->n_anchors;
	return true;
}

static void anchor_close(struct reader *r, size_t id, size_t size, int height)
{
	if (id == 0)
		return;
	r->anchors[id - 1].size = size;
	r->anchors[id - 1].height = height;
}

/* The last anchor of that name, as YAML wants it (3.2.2.2). */
static const struct anchor *anchor_find(const struct reader *r,
    struct str name)
{
	uint64_t hash = str_hash(name);

	for (size_t i = r->n_anchors; i-- > 0; )
		if (r->anchors[i].hash == hash &&
		    str_eq(r->anchors[i].name, name))
			return &r->anchors[i];
	return NULL;
}

/*
 * Each of the read_ functions takes the event over and gives the node, or
 * NULL when reading has come to its end; height: collections in each other.
 */
static struct node *read_node(struct reader *r, yaml_event_t *ev,
    const struct node *parent, int depth, int *height_out);

/* Where no node can be had and reading can go on all the same. */
static struct node *stand_in(struct reader *r, const yaml_event_t *ev,
    const struct node *parent)
{
	struct node *n = node_new(r, NODE_SCALAR, pos_of_event(r, ev),
	    parent);

	n->text = arena_printf(r->arena, "*%s",
	    (const char *)ev->data.alias.anchor);
	n->quoted = true;
	return n;
}

static struct node *read_alias(struct reader *r, const yaml_event_t *ev,
    const struct node *parent, int depth, int *height_out)
{
	struct pos pos = pos_of_event(r, ev);
	const char *name = (const char *)ev->data.alias.anchor;
	const struct anchor *a = anchor_find(r, str_of(name));

	*height_out = 0;
	if (!count_nodes(r, a && a->size ? a->size : 1, pos))
		return NULL;
	if (!a) {
		problem(r->ps, pos, "no anchor `&%s` stands before this "
		    "alias; put a text that begins with `*` in quotes",
		    name);
		return stand_in(r, ev, parent);
	}
	if (!a->size) {
		problem(r->ps, pos, "this alias stands inside of its own "
		    "anchor `&%s`", name);
		return stand_in(r, ev, parent);
	}
	if (!check_depth(r, depth - 1 + a->height, pos))
		return NULL;
	*height_out = a->height;
	return a->node;
}

#define CORE_TAG	"tag:yaml.org,2002:"

/* The name of a core tag, "" for the tag `!`, else NULL. */
static const char *core_tag(const char *tag)
{
	if (strcmp(tag, "!") == 0)
		return "";
	return begins(tag, CORE_TAG) ? tag + strlen(CORE_TAG) : NULL;
}

static bool is_one_of(const char *z, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(z, list[i]) == 0)
			return true;
	return false;
}

/* The core tags of YAML 1.2 (10.1 to 10.3), each on its own kind. */
static void check_tag(struct reader *r, const struct node *n,
    const yaml_char_t *tag)
{
	static const char *const scalars[] = { "", "str", "int", "float",
	    "bool", "null" };
	static const char *const lists[] = { "", "seq" };
	static const char *const maps[] = { "", "map" };
	const char *name = tag ? core_tag((const char *)tag) : "";
	bool good = name &&
	    (n->kind == NODE_SCALAR ?
	    is_one_of(name, scalars, COUNT(scalars)) :
	    n->kind == NODE_LIST ? is_one_of(name, lists, COUNT(lists)) :
	    is_one_of(name, maps, COUNT(maps)));

	if (!good)
		problem(r->ps, n->pos, "the tag `%s%s` has no meaning here; "
		    "put a text that begins with `!` in quotes",
		    name && *name ? "!!" : "",
		    name && *name ? name : (const char *)tag);
}

/* A tag says whether a scalar is a text; else its quotes do. */
static bool is_surely_text(const yaml_event_t *ev)
{
	const char *tag = (const char *)ev->data.scalar.tag;
	const char *name = tag ? core_tag(tag) : NULL;

	if (name)
		return !*name || strcmp(name, "str") == 0;
	return ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *ev,
    const struct node *parent)
{
	struct node *n = node_new(r, NODE_SCALAR, pos_of_event(r, ev),
	    parent);
	size_t id;

	n->quoted = is_surely_text(ev);
	n->text = arena_str(r->arena, (struct str){
	    (const char *)ev->data.scalar.value, ev->data.scalar.length });
	check_tag(r, n, ev->data.scalar.tag);
	if (memchr(n->text.p, '\0', n->text.n)) {
		problem(r->ps, n->pos, "a text may not hold a NUL "
		    "character");
		n->text = STR_EMPTY;
	}
	if (!count_nodes(r, 1, n->pos) ||
	    !anchor_open(r, ev->data.scalar.anchor, n, &id))
		return NULL;
	anchor_close(r, id, 1, 0);
	return n;
}

static struct node *read_list(struct reader *r, const yaml_event_t *start,
    const struct node *parent, int depth, int *height_out)
{
	struct node *n = node_new(r, NODE_LIST, pos_of_event(r, start),
	    parent);
	size_t id, cap = 0, before = r->count;
	yaml_event_t ev;

	check_tag(r, n, start->data.sequence_start.tag);
	if (!check_depth(r, depth, n->pos) || !count_nodes(r, 1, n->pos) ||
	    !anchor_open(r, start->data.sequence_start.anchor, n, &id))
		return NULL;
	*height_out = 1;
	for (;;) {
		struct node *item;
		int height;

		if (!next(r, &ev))
			return NULL;
		if (ev.type == YAML_SEQUENCE_END_EVENT)
			break;
		item = read_node(r, &ev, n, depth + 1, &height);
		if (!item)
			return NULL;
		arena_grow(r->arena, &n->items, n->n, &cap);
		n->items[n->n++] = item;
		if (height + 1 > *height_out)
			*height_out = height + 1;
	}
	yaml_event_delete(&ev);
	anchor_close(r, id, r->count - before, *height_out);
	return n;
}

/* A key and its item before `<<` and duplicates are sorted out. */
struct pair {
	struct node *key, *item;
	size_t rank;		/* 0 written here, else the map of `<<` */
	size_t order;
	bool drop;
};

struct pairs {
	struct pair *list;
	size_t n, cap;
};

static void pair_add(struct reader *r, struct pairs *ps, struct node *key,
    struct node *item, size_t rank)
{
	arena_grow(r->scratch, &ps->list, ps->n, &ps->cap);
	ps->list[ps->n] = (struct pair){ key, item, rank, ps->n, false };
	ps->n++;
}

static int by_key(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;
	int c = str_cmp(a->key->text, b->key->text);

	if (c == 0)
		c = (a->rank > b->rank) - (a->rank < b->rank);
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

static int by_order(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;

	return (a->order > b->order) - (a->order < b->order);
}

static void say_duplicate(struct reader *r, const struct node *key,
    const struct node *first)
{
	problem(r->ps, key->pos, "the key `%.*s` stands in this map already, "
	    "on line %d, column %d", STR_ARG(key->text), first->pos.line,
	    first->pos.col);
}

/* Keeps of equal keys the first written here, else the first of `<<`. */
static void drop_repeated(struct reader *r, struct pairs *ps)
{
	struct pair *kept = ps->list;

	if (ps->n < 2)
		return;
	qsort(ps->list, ps->n, sizeof(ps->list[0]), by_key);
	for (size_t i = 1; i < ps->n; i++) {
		struct pair *p = &ps->list[i];

		if (!str_eq(p->key->text, kept->key->text)) {
			kept = p;
			continue;
		}
		p->drop = true;
		if (p->rank == 0 && !problems_full(r->ps))
			say_duplicate(r, p->key, kept->key);
		else if (p->rank == 0)
			r->ps->errors++;
	}
	qsort(ps->list, ps->n, sizeof(ps->list[0]), by_order);
}

static void merge_map(struct reader *r, struct pairs *ps,
    const struct node *map, size_t rank)
{
	for (size_t i = 0; i < map->n; i++)
		pair_add(r, ps, map->keys[i], map->items[i], rank);
}

/* The value of `<<`: a map or a list of maps, the first of which wins. */
static void merge(struct reader *r, struct pairs *ps, const struct node *v)
{
	if (v->kind == NODE_MAP) {
		merge_map(r, ps, v, 1);
		return;
	}
	if (v->kind != NODE_LIST) {
		problem(r->ps, v->pos, "`<<` takes a map or a list of maps");
		return;
	}
	for (size_t i = 0; i < v->n; i++) {
		if (v->items[i]->kind == NODE_MAP)
			merge_map(r, ps, v->items[i], i + 1);
		else
			problem(r->ps, v->items[i]->pos, "`<<` takes a map "
			    "or a list of maps");
	}
}

static bool good_key(struct reader *r, const struct node *key)
{
	if (key->kind != NODE_SCALAR)
		return problem(r->ps, key->pos, "a key must be a text, not "
		    "a %s", key->kind == NODE_LIST ? "list" : "map");
	if (key->text.n == 0 && !key->quoted)
		return problem(r->ps, key->pos, "a key is missing here");
	return true;
}

/* One key and its item, the event of the key given. */
static bool read_pair(struct reader *r, yaml_event_t *ev, struct pairs *ps,
    const struct node **merged, const struct node *map, int depth,
    int *height)
{
	struct node *key, *item;
	int key_height, item_height;
	yaml_event_t item_ev;

	key = read_node(r, ev, map, depth + 1, &key_height);
	if (!key || !next(r, &item_ev))
		return false;
	item = read_node(r, &item_ev, map, depth + 1, &item_height);
	if (!item)
		return false;
	if (item_height + 1 > *height)
		*height = item_height + 1;
	if (!good_key(r, key))
		return true;
	if (key->quoted || !str_eq_z(key->text, "<<")) {
		pair_add(r, ps, key, item, 0);
	} else if (*merged) {
		say_duplicate(r, key, *merged);
	} else {
		*merged = key;
		merge(r, ps, item);
	}
	return true;
}

static void take_pairs(struct reader *r, struct node *n, struct pairs *ps)
{
	drop_repeated(r, ps);
	n->keys = arena_array(r->arena, ps->n, sizeof(n->keys[0]));
	n->items = arena_array(r->arena, ps->n, sizeof(n->items[0]));
	for (size_t i = 0; i < ps->n; i++) {
		if (ps->list[i].drop)
			continue;
		n->keys[n->n] = ps->list[i].key;
		n->items[n->n++] = ps->list[i].item;
	}
}

static struct node *read_map(struct reader *r, const yaml_event_t *start,
    const struct node *parent, int depth, int *height_out)
{
	struct node *n = node_new(r, NODE_MAP, pos_of_event(r, start),
	    parent);
	size_t id, before = r->count;
	const struct node *merged = NULL;
	struct pairs ps = { 0 };
	yaml_event_t ev;

	check_tag(r, n, start->data.mapping_start.tag);
	if (!check_depth(r, depth, n->pos) || !count_nodes(r, 1, n->pos) ||
	    !anchor_open(r, start->data.mapping_start.anchor, n, &id))
		return NULL;
	*height_out = 1;
	for (;;) {
		if (!next(r, &ev))
			return NULL;
		if (ev.type == YAML_MAPPING_END_EVENT)
			break;
		if (!read_pair(r, &ev, &ps, &merged, n, depth, height_out))
			return NULL;
	}
	yaml_event_delete(&ev);
	take_pairs(r, n, &ps);
	anchor_close(r, id, r->count - before, *height_out);
	return n;
}

static struct node *read_node(struct reader *r, yaml_event_t *ev,
    const struct node *parent, int depth, int *height_out)
{
	struct node *n = NULL;

	*height_out = 0;
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		n = read_alias(r, ev, parent, depth, height_out);
		break;
	case YAML_SCALAR_EVENT:
		n = read_scalar(r, ev, parent);
		break;
	case YAML_SEQUENCE_START_EVENT:
		n = read_list(r, ev, parent, depth, height_out);
		break;
	case YAML_MAPPING_START_EVENT:
		n = read_map(r, ev, parent, depth, height_out);
		break;
	default:
		break;
	}
	yaml_event_delete(ev);
	return n;
}

/* The one document; anything behind it is an error. */
static struct node *read_stream(struct reader *r)
{
	struct node *root = NULL;
	yaml_event_t ev;
	int height;

	for (;;) {
		yaml_event_type_t type;
		struct pos pos;

		if (!next(r, &ev))
			return NULL;
		type = ev.type;
		pos = pos_of(r, ev.start_mark);
		if (type == YAML_DOCUMENT_START_EVENT && root)
			problem(r->ps, pos, "a second document begins here; "
			    "a file holds only one");
		if (type == YAML_STREAM_END_EVENT ||
		    (type == YAML_DOCUMENT_START_EVENT && root)) {
			yaml_event_delete(&ev);
			break;
		}
		if (type == YAML_STREAM_START_EVENT ||
		    type == YAML_DOCUMENT_START_EVENT ||
		    type == YAML_DOCUMENT_END_EVENT) {
			yaml_event_delete(&ev);
			continue;
		}
		root = read_node(r, &ev, NULL, 1, &height);
		if (!root)
			return NULL;
	}
	if (!root)
		problem(r->ps, (struct pos){ .source = r->source },
		    "the file is empty");
	return root;
}

struct node *node_read(struct arena *a, const char *name, struct str text,
    struct problems *ps)
{
	struct source *src = arena_make(a, struct source);
	struct reader r = { .arena = a, .ps = ps, .source = src };
	struct node *root;

	src->name = arena_z(a, str_of(name));
	src->text = STR_EMPTY;
	if (text.n > NODE_FILE_MAX) {
		problem(ps, (struct pos){ .source = src },
		    "the file is larger than %d KiB", NODE_FILE_MAX / 1024);
		return NULL;
	}
	if (str_starts(text, STR_LIT("\xEF\xBB\xBF")))
		text = str_sub(text, 3, text.n);
	src->text = arena_str(a, text);
	source_survey(a, src);
	if (!check_bytes(src, ps))
		return NULL;
	if (!yaml_parser_initialize(&r.parser)) {
		problem(ps, (struct pos){ .source = src }, "out of memory");
		return NULL;
	}
	r.scratch = arena_new();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)src->text.p, src->text.n);
	root = read_stream(&r);
	yaml_parser_delete(&r.parser);
	arena_free(&r.scratch);
	return root;
}
