/*
 * What is allowed and probably not meant.
 *
 * YAML swallows text without a word: ` #` begins a comment, `[x]` is a list,
 * "\b" a backspace.  Seen by comparing a node with its source.
 */
#include "build.h"

#include <string.h>

struct lint {
	struct builder *b;
	const struct source *source;
	bool comments;		/* there is a ` #` somewhere */
};

/* The source from POS to the end of its line. */
static struct str source_at(const struct lint *l, struct pos pos)
{
	struct str line;
	size_t at;

	if (pos.source != l->source)
		return STR_EMPTY;
	line = pos_line(pos, &at);
	return str_sub(line, at, line.n);
}

/* `label: work #1`: is there a comment that looks like more of the text? */
static void lint_comment(struct lint *l, const struct node *n)
{
	struct str rest;
	size_t at = n->text.n;

	if (!l->comments || n->quoted || n->text.n == 0)
		return;
	rest = source_at(l, n->pos);
	if (!str_starts(rest, n->text) || at >= rest.n || rest.p[at] != ' ')
		return;
	while (at < rest.n && rest.p[at] == ' ')
		at++;
	if (at + 1 < rest.n && rest.p[at] == '#' &&
	    ch_alnum(rest.p[at + 1]))
		warning(l->b->ps, node_pos_in(n, 0, (int)utf8_count(n->text)),
		    "YAML takes what stands behind ` #` as a comment; quote "
		    "the text if it belongs to it");
}

/* What the escapes of YAML make of those of a regex. */
static const struct {
	const char *made, *of, *called;
} escapes[] = {
	{ "\b", "\\b", "a backspace" },
	{ "\xC2\x85", "\\N", "a line end (U+0085)" },
	{ "\xE2\x80\xA8", "\\L", "a line end (U+2028)" },
	{ "\xE2\x80\xA9", "\\P", "a paragraph end (U+2029)" },
};

static bool holds(struct str s, struct str what)
{
	for (size_t at = 0; at + what.n <= s.n; at++)
		if (memcmp(s.p + at, what.p, what.n) == 0)
			return true;
	return false;
}

static void lint_escapes(struct lint *l, const struct node *n)
{
	for (size_t i = 0; n->kind == NODE_SCALAR && i < COUNT(escapes); i++)
		if (holds(n->text, str_of(escapes[i].made)))
			warning(l->b->ps, n->pos, "in double quotes %s is "
			    "%s; put the regex in single quotes",
			    escapes[i].of, escapes[i].called);
	for (size_t i = 0; n->kind == NODE_LIST && i < n->n; i++)
		if (n->items[i]->kind == NODE_SCALAR)
			lint_escapes(l, n->items[i]);
}

/* `subject: [pyatl]`, `{starts: [pyatl]}`: brackets are in many subjects. */
static void lint_brackets(struct lint *l, const struct node *n)
{
	static const char *const literal[] = { "is", "contains", "starts" };
	struct str rest;

	for (size_t i = 0; n->kind == NODE_MAP && i < COUNT(literal); i++)
		if (node_get(n, literal[i]))
			lint_brackets(l, node_get(n, literal[i]));
	if (n->kind != NODE_LIST || n->n != 1 ||
	    n->items[0]->kind != NODE_SCALAR || n->items[0]->quoted)
		return;
	rest = source_at(l, n->pos);
	if (rest.n && rest.p[0] == '[')
		warning(l->b->ps, n->pos, "this is a list of one text, "
		    "without the brackets; quote it if they are meant");
}

static void lint_node(struct lint *l, const struct node *n)
{
	if (n->kind == NODE_SCALAR) {
		lint_comment(l, n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == NODE_MAP && str_eq_z(n->keys[i]->text,
		    "regex"))
			lint_escapes(l, n->items[i]);
		if (n->kind == NODE_MAP && str_eq_z(n->keys[i]->text,
		    "subject"))
			lint_brackets(l, n->items[i]);
		lint_node(l, n->items[i]);
	}
}

void lint_file(struct builder *b, const struct node *root)
{
	struct lint l = { .b = b, .source = root->pos.source };

	if (!l.source)
		return;
	l.comments = holds(l.source->text, STR_LIT(" #"));
	lint_node(&l, root);
}

/* --------------------------------------------------------------- actions */

static bool same_name(const struct action *a, const struct action *b)
{
	struct str x, y;

	return template_literal(a->text, &x) &&
	    template_literal(b->text, &y) && str_eq(x, y);
}

static bool opposite(const struct action *a, const struct action *b)
{
	static const enum action_kind other[] = {
		[ACTION_LABEL] = ACTION_UNLABEL,
		[ACTION_UNLABEL] = ACTION_LABEL,
		[ACTION_FLAG] = ACTION_UNFLAG,
		[ACTION_UNFLAG] = ACTION_FLAG,
	};

	return a->kind <= ACTION_UNFLAG && b->kind == other[a->kind] &&
	    same_name(a, b);
}

void lint_actions(struct builder *b, const struct action *list, size_t n)
{
	const struct action *place = NULL;

	for (size_t i = 0; i < n; i++) {
		if (list[i].kind == ACTION_PLACE) {
			if (place)
				warning(b->ps, list[i].pos, "a second place "
				    "for the message: the last word wins, "
				    "and `%s` has no effect",
				    place->word->name);
			place = &list[i];
		}
		/* Few actions stand in one list; past that nobody looks. */
		for (size_t k = i > 100 ? i - 100 : 0; k < i; k++)
			if (opposite(&list[k], &list[i]))
				warning(b->ps, list[i].pos, "this takes back "
				    "what `%s` above does: the last word "
				    "wins", list[k].word->name);
	}
}
