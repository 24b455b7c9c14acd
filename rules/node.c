#include "node.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define NODE_ANCHORS_MAX	1000
#define SHOW_BEFORE		60	/* characters left of the caret */
#define SHOW_CHARS		100	/* characters of a line */
#define KNOWN_SHOWN_MAX		8	/* names listed in a hint */

/* ------------------------------------------------------------- problems */

void problems_init(struct problems *ps, struct arena *a)
{
	*ps = (struct problems){ .arena = a };
}

/* Another one would only be counted. */
static bool problems_full(const struct problems *ps)
{
	return ps->errors >= PROBLEMS_MAX;
}

static bool same_problem(const struct problem *p, const struct problem *q)
{
	return p->level == q->level && p->pos.source == q->pos.source &&
	    p->pos.line == q->pos.line && p->pos.col == q->pos.col &&
	    str_eq(p->text, q->text);
}

/* A node behind an alias is looked at more than once, and said once. */
static bool said_already(const struct problems *ps, const struct problem *p)
{
	for (size_t i = 0; i < ps->n; i++)
		if (same_problem(&ps->list[i], p))
			return true;
	return false;
}

PRINTF_LIKE(5, 0)
static void add(struct problems *ps, enum problem_level level,
    struct pos pos, struct str hint, const char *fmt, va_list ap)
{
	size_t *count = level == PROBLEM_ERROR ? &ps->errors : &ps->warnings;
	struct problem p = { .level = level, .pos = pos };
	char text[ERR_MSG_MAX];

	if (*count >= PROBLEMS_MAX) {
		++*count;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	p.text = arena_str(ps->arena, str_of(text));
	p.hint = arena_str(ps->arena, hint);
	if (said_already(ps, &p))
		return;
	++*count;
	arena_grow(ps->arena, &ps->list, ps->n, &ps->cap);
	ps->list[ps->n++] = p;
}

bool problem(struct problems *ps, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, PROBLEM_ERROR, pos, STR_EMPTY, fmt, ap);
	va_end(ap);
	return false;
}

bool problem_hint(struct problems *ps, struct pos pos, struct str hint,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, PROBLEM_ERROR, pos, hint, fmt, ap);
	va_end(ap);
	return false;
}

void warning(struct problems *ps, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, PROBLEM_WARNING, pos, STR_EMPTY, fmt, ap);
	va_end(ap);
}

/* Line LINE of TEXT, from 1; a line ends with LF, CR LF or CR. */
static bool source_line(struct str text, int line, struct str *line_out)
{
	size_t at = 0, end;

	for (int i = 1; at <= text.n; i++) {
		for (end = at; end < text.n && text.p[end] != '\n' &&
		    text.p[end] != '\r'; end++)
			;
		if (i == line) {
			*line_out = str_sub(text, at, end - at);
			return true;
		}
		if (end + 1 < text.n && text.p[end] == '\r' &&
		    text.p[end + 1] == '\n')
			end++;
		at = end + 1;
	}
	return false;
}

/* Byte offset of the character with number N (from 0), or the end. */
static size_t char_offset(struct str s, size_t n)
{
	size_t at = 0;

	while (n-- > 0 && at < s.n)
		utf8_next(s, &at);
	return at;
}

/* The next character as it is shown; a tab is one column. */
static struct str shown_char(struct str line, size_t *at, struct buf *to)
{
	size_t from = *at, was = to->n;

	utf8_next(line, at);
	if (line.p[from] == '\t')
		buf_add_char(to, ' ');
	else
		buf_add_shown(to, str_sub(line, from, *at - from));
	return str_sub(buf_str(to), was, to->n - was);
}

/*
 * The line of P and a line with the caret.  Indentation goes, and of a long
 * line only what is around the caret is shown.
 */
static void show_line(struct buf *b, struct pos pos)
{
	size_t first = 0, at, col, caret = 0, under = 0, chars = 0;
	size_t width = pos.width > 1 ? (size_t)pos.width : 1;
	struct str line;

	if (pos.line < 1 || pos.col < 1 ||
	    !source_line(pos.source->text, pos.line, &line) ||
	    str_trim(line).n == 0)
		return;
	col = (size_t)pos.col - 1;
	while (first < line.n && first < col &&
	    (line.p[first] == ' ' || line.p[first] == '\t'))
		first++;
	buf_add_z(b, "    ");
	if (col > first + SHOW_BEFORE) {
		first = col - SHOW_BEFORE;
		caret = 3;
		buf_add_z(b, "...");
	}
	at = char_offset(line, first);
	while (at < line.n && chars < SHOW_CHARS) {
		size_t nth = first + chars++;
		size_t w = text_width(shown_char(line, &at, b));

		if (nth < col)
			caret += w;
		else if (nth < col + width)
			under += w;
	}
	if (at < line.n)
		buf_add_z(b, "...");
	buf_add_z(b, "\n    ");
	while (caret-- > 0)
		buf_add_char(b, ' ');
	buf_add_char(b, '^');
	while (under-- > 1)
		buf_add_char(b, '~');
	buf_add_char(b, '\n');
}

void problem_show(struct buf *b, const struct problem *p)
{
	if (p->pos.source) {
		buf_add_shown(b, str_of(p->pos.source->name));
		if (p->pos.line > 0)
			buf_printf(b, ":%d", p->pos.line);
		if (p->pos.line > 0 && p->pos.col > 0)
			buf_printf(b, ":%d", p->pos.col);
		buf_add_z(b, ": ");
	}
	buf_add_z(b, p->level == PROBLEM_ERROR ? "error: " : "warning: ");
	buf_add_shown(b, p->text);
	if (p->hint.n) {
		buf_add_z(b, "; ");
		buf_add_shown(b, p->hint);
	}
	buf_add_char(b, '\n');
	if (p->pos.source)
		show_line(b, p->pos);
}

/* Files stay in the order in which they were first complained about. */
static size_t file_rank(const struct problem *list, size_t n,
    const struct source *s)
{
	size_t i = 0;

	while (i < n && list[i].pos.source != s)
		i++;
	return s ? i + 1 : 0;
}

void problems_sort(struct problems *ps)
{
	struct problem sorted[2 * PROBLEMS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ps->n && n < COUNT(sorted); i++) {
		struct problem p = ps->list[i];
		size_t rank = file_rank(ps->list, ps->n, p.pos.source);
		size_t at = n++;

		for (; at > 0; at--) {
			const struct problem *q = &sorted[at - 1];
			size_t other = file_rank(ps->list, ps->n,
			    q->pos.source);

			if (other < rank || (other == rank &&
			    (q->pos.line < p.pos.line ||
			    (q->pos.line == p.pos.line &&
			    q->pos.col <= p.pos.col))))
				break;
			sorted[at] = *q;
		}
		sorted[at] = p;
	}
	if (n)
		memcpy(ps->list, sorted, n * sizeof(sorted[0]));
}

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

	if (looks_utf16(s))
		return problem(ps, (struct pos){ .source = src },
		    "the file is UTF-16, not UTF-8; save it as UTF-8");
	for (size_t at = 0; at < s.n; ) {
		size_t from = at;
		uint32_t cp = utf8_next(s, &at);

		if (!may_stand(cp))
			return bad_char(ps, pos, cp,
			    (unsigned char)s.p[from]);
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

/* The bytes of the file from a place to the end of its line. */
static struct str rest_of_line(struct pos pos)
{
	struct str line;
	size_t at;

	if (!source_line(pos.source->text, pos.line, &line))
		return STR_EMPTY;
	at = char_offset(line, (size_t)pos.col - 1);
	return str_sub(line, at, line.n - at);
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
	struct str rest = rest_of_line(pos);

	if (!begins(r->parser.problem, "found character that cannot start"))
		return false;
	problem(r->ps, pos, "the character \"%.*s\" may not begin a text "
	    "without quotes; put the text in quotes",
	    STR_ARG(str_sub(rest, 0, char_offset(rest, 1))));
	return true;
}

/* A `,` or bracket is missing on the line where the bracket opened. */
static bool say_inside_brackets(struct reader *r, struct pos pos)
{
	const yaml_parser_t *p = &r->parser;

	if (!begins(p->problem, "did not find expected ','") || !p->context ||
	    p->context_mark.line != p->problem_mark.line ||
	    rest_of_line(pos).n == 0)
		return false;
	problem(r->ps, pos, "a `,` or the closing bracket is wanted here; "
	    "put a text that holds brackets, commas, quotes or `: ` wholly "
	    "in quotes");
	return true;
}

/* Something stands behind a text in quotes: subject: "a" b */
static bool say_behind_quote(struct reader *r, struct pos pos)
{
	struct str line;
	size_t at;

	if (!begins(r->parser.problem, "did not find expected key") ||
	    !source_line(pos.source->text, pos.line, &line))
		return false;
	line = str_trim(str_sub(line, 0,
	    char_offset(line, (size_t)pos.col - 1)));
	at = line.n - 1;
	if (line.n == 0 || (line.p[at] != '"' && line.p[at] != '\''))
		return false;
	problem(r->ps, pos, "the text in quotes has ended before this; put "
	    "all of it in quotes (inside of '...' a quote is written twice)");
	return true;
}

/* A tab among the blanks that POS's line begins with, at or before POS. */
static bool tab_before(struct pos pos, struct pos *tab_out)
{
	struct str line;

	if (!source_line(pos.source->text, pos.line, &line))
		return false;
	for (size_t i = 0; i < line.n && i < (size_t)pos.col; i++) {
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
	if (say_bad_start(r, pos) || say_inside_brackets(r, pos) ||
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
	size_t line_start = 0, end, indent;

	for (size_t i = 0; i < head.n; i++) {
		if (head.p[i] != '\n')
			continue;
		pos->line++;
		line_start = i + 1;
	}
	pos->line++;
	if (!source_line(pos->source->text, pos->line, &line))
		return false;
	end = str_find_char(text, line_start, '\n');
	text = str_sub(text, line_start, end - line_start);
	if (!str_ends(line, text))
		return false;
	indent = line.n - text.n;
	pos->col = to_int(indent + 1 + utf8_count(str_sub(text, 0,
	    offset - line_start)));
	return true;
}

struct pos node_pos_in(const struct node *n, size_t offset, int width)
{
	struct pos pos = n->pos;
	struct str rest;

	if (n->kind != NODE_SCALAR || !pos.source || pos.line < 1 ||
	    offset > n->text.n)
		return n->pos;
	rest = rest_of_line(pos);
	while (rest.n && (rest.p[0] == '&' || rest.p[0] == '!')) {
		size_t cut = str_find_char(rest, 0, ' ');

		while (cut < rest.n && rest.p[cut] == ' ')
			cut++;
		pos.col += to_int(utf8_count(str_sub(rest, 0, cut)));
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
