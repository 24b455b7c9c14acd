#include "report_parts.h"

#include <string.h>

#include "mask.h"

#define TREE_DEPTH_MAX	200

/* An explanation on its way out. */
struct showing {
	struct report *r;
	const struct report_explanation *x;
};

/* TEXT as it may be shown. */
static struct str said(const struct showing *s, struct str text)
{
	return s->x->mask ? mask_text(s->x->mask, s->r->scratch, text) : text;
}

static struct report_id said_id(const struct showing *s)
{
	struct report_id id = s->x->id;

	id.mailbox = said(s, id.mailbox);
	id.source = said(s, id.source);
	id.from = said(s, id.from);
	id.subject = said(s, id.subject);
	id.message_id = said(s, id.message_id);
	return id;
}

static struct str *said_list(const struct showing *s, const struct str *list,
    size_t n)
{
	struct str *copy = arena_array(s->r->scratch, n + 1, sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = said(s, list[i]);
	return copy;
}

static struct report_change *said_changes(const struct showing *s)
{
	const struct report_explanation *x = s->x;
	struct report_change *copy = arena_array(s->r->scratch,
	    x->n_changes + 1, sizeof(*copy));

	for (size_t i = 0; i < x->n_changes; i++) {
		copy[i] = x->changes[i];
		copy[i].what = said(s, copy[i].what);
		copy[i].rules = said(s, copy[i].rules);
		copy[i].reason = said(s, copy[i].reason);
	}
	return copy;
}

static bool is_asked_for(const struct showing *s,
    const struct rule_result *result)
{
	return !s->x->only || strcmp(s->x->only,
	    rules_info(s->x->rules, result->rule)->name) == 0;
}

/* ----------------------------------------------------------------- JSON */

static const char *truth_word(enum truth t)
{
	return t == TRUTH_TRUE ? "true" : t == TRUTH_FALSE ? "false" :
	    "unknown";
}

static void put_tree(const struct showing *s, struct object *o,
    const struct explained *x, unsigned depth)
{
	struct object *kids;

	object_text(o, "text", said(s, x->text));
	object_number(o, "line", (uint64_t)x->pos.line);
	object_bool(o, "reached", x->reached);
	if (x->reached)
		object_z(o, "truth", truth_word(x->truth));
	if (x->decides)
		object_bool(o, "decides", true);
	object_text(o, "value", said(s, x->value));
	object_text(o, "reason", said(s, x->reason));
	if (x->n_kids == 0 || depth >= TREE_DEPTH_MAX)
		return;
	kids = object_list(o, "kids");
	for (size_t i = 0; i < x->n_kids; i++)
		put_tree(s, object_item(kids), x->kids[i], depth + 1);
}

static void put_rule(const struct showing *s, struct object *o,
    const struct rule_result *result)
{
	const struct rule_info *info = rules_info(s->x->rules, result->rule);

	object_text(o, "name", said(s, str_of(info->name)));
	if (info->pos.source)
		object_text(o, "file", said(s,
		    str_of(info->pos.source->name)));
	object_number(o, "line", (uint64_t)info->pos.line);
	object_bool(o, "reached", result->reached);
	if (result->reached || result->truth == TRUTH_UNKNOWN)
		object_z(o, "truth", truth_word(result->truth));
	object_text(o, "reason", said(s, str_of(result->reached ?
	    result->unknown : result->not_reached)));
	if (result->failed)
		object_text(o, "failure", said(s, result->failure));
	if (result->tree)
		put_tree(s, object_below(o, "tree"), result->tree, 0);
}

static void put_state(const struct showing *s, struct object *o)
{
	const struct report_explanation *x = s->x;
	const struct verdict *v = x->verdict;

	object_texts(o, "labels_before", said_list(s, v->labels_before,
	    v->n_labels_before), v->n_labels_before);
	object_texts(o, "labels_after", said_list(s, v->labels_after,
	    v->n_labels_after), v->n_labels_after);
	object_text(o, "mailbox_before", said(s, x->facts->mailbox));
	object_text(o, "mailbox_after", said(s, v->mailbox_after));
	object_texts(o, "flags_before", said_list(s, x->facts->flags,
	    x->facts->n_flags), x->facts->n_flags);
	object_texts(o, "flags_after", said_list(s, v->flags_after,
	    v->n_flags_after), v->n_flags_after);
}

static void explanation_as_json(const struct showing *s)
{
	const struct verdict *v = s->x->verdict;
	struct object *o = object_make(s->r->scratch, "explanation");
	struct report_id id = said_id(s);
	struct object *rules;

	report_put_id(o, &id);
	put_state(s, o);
	report_put_changes(o, said_changes(s), s->x->n_changes);
	if (s->x->n_commands)
		object_texts(o, "commands", said_list(s, s->x->commands,
		    s->x->n_commands), s->x->n_commands);
	rules = object_list(o, "rules");
	for (size_t i = 0; i < v->n_rules; i++)
		if (is_asked_for(s, &v->rules[i]))
			put_rule(s, object_item(rules), &v->rules[i]);
	report_emit(s->r, o);
}

/* ----------------------------------------------------------------- text */

/* Words of the same width. */
static void add_truth(const struct report *r, struct buf *b,
    const struct explained *x)
{
	if (!x->reached)
		report_add_in(r, b, REPORT_DIM, "-      ");
	else if (x->truth == TRUTH_TRUE)
		report_add_in(r, b, REPORT_GREEN, "yes    ");
	else if (x->truth == TRUTH_UNKNOWN)
		report_add_in(r, b, REPORT_YELLOW, "unknown");
	else if (x->decides)
		report_add_in(r, b, REPORT_RED, "no     ");
	else
		buf_add_z(b, "no     ");
}

#define TREE_AT		12	/* column at which the tree begins */
#define INDENT_MAX	20	/* levels; deeper ones stand below each other */
#define ROOM_MIN	20	/* columns of a text, however narrow it is */

static void add_line(const struct showing *s, struct buf *b,
    struct str text, size_t at, bool bold)
{
	size_t width = s->r->style.width;

	if (bold)
		report_add_colour(s->r, b, REPORT_BOLD);
	report_add_cut(s->r, b, said(s, text),
	    width > at + ROOM_MIN ? width - at : ROOM_MIN);
	if (bold)
		report_end_colour(s->r, b);
	buf_add_char(b, '\n');
}

/* What the outcome did not need says nothing; how many, in one line. */
static void add_rest(const struct report *r, struct buf *b, size_t n,
    size_t indent)
{
	report_add_in(r, b, REPORT_DIM, "    -      ");
	buf_printf(b, " %*s", (int)indent, "");
	report_add_colour(r, b, REPORT_DIM);
	buf_printf(b, n == 1 ? "1 more, not needed" :
	    "%zu more, not needed", n);
	report_end_colour(r, b);
	buf_add_char(b, '\n');
}

static void add_tree(const struct showing *s, struct buf *b,
    const struct explained *x, unsigned depth)
{
	size_t indent = 2 * (depth < INDENT_MAX ? depth : INDENT_MAX);
	size_t at = TREE_AT + indent, rest = 0;
	struct str more = x->reason.n > 0 ? x->reason : x->value;

	buf_add_z(b, x->decides ? "  * " : "    ");
	add_truth(s->r, b, x);
	buf_printf(b, " %*s", (int)indent, "");
	add_line(s, b, x->text, at, x->decides);
	if (more.n > 0) {
		buf_printf(b, "%*s%s", (int)at + 2, "",
		    x->reason.n > 0 ? "" : "= ");
		add_line(s, b, more, at + 4, false);
	}
	for (size_t i = 0; i < x->n_kids && depth < TREE_DEPTH_MAX; i++)
		if (x->kids[i]->reached || s->x->whole)
			add_tree(s, b, x->kids[i], depth + 1);
		else
			rest++;
	if (rest)
		add_rest(s->r, b, rest, indent + 2);
}

static void add_outcome(const struct report *r, struct buf *b,
    const struct rule_result *result)
{
	if (!result->reached && result->truth != TRUTH_UNKNOWN)
		report_add_in(r, b, REPORT_DIM, "not reached");
	else if (result->failed)
		report_add_in(r, b, REPORT_RED, "failed");
	else if (result->truth == TRUTH_TRUE)
		report_add_in(r, b, REPORT_GREEN, "fires");
	else if (result->truth == TRUTH_FALSE)
		buf_add_z(b, "does not fire");
	else
		report_add_in(r, b, REPORT_YELLOW, "unknown");
}

static void add_rule(const struct showing *s, struct buf *b,
    const struct rule_result *result)
{
	const struct rule_info *info = rules_info(s->x->rules, result->rule);
	const char *why = result->reached ? result->unknown :
	    result->not_reached;

	buf_add_z(b, "  ");
	report_add_colour(s->r, b, REPORT_BOLD);
	buf_add_shown(b, said(s, str_of(info->name)));
	report_end_colour(s->r, b);
	if (info->pos.source) {
		buf_add_z(b, " (");
		buf_add_shown(b, said(s, str_of(info->pos.source->name)));
		buf_printf(b, ":%d)", info->pos.line);
	}
	buf_add_z(b, ": ");
	add_outcome(s->r, b, result);
	if (result->failed) {
		buf_add_z(b, ": ");
		buf_add_shown(b, said(s, result->failure));
	} else if (why && why[0]) {
		buf_add_z(b, ": ");
		buf_add_shown(b, said(s, str_of(why)));
	}
	buf_add_char(b, '\n');
	if (result->tree)
		add_tree(s, b, result->tree, 0);
}

static void add_names(const struct showing *s, struct buf *b,
    const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_z(b, ", ");
		buf_add_shown(b, said(s, list[i]));
	}
	if (n == 0)
		buf_add_z(b, "(none)");
}

static void add_before_after(const struct showing *s, struct buf *b,
    const char *what, const struct str *before, size_t n_before,
    const struct str *after, size_t n_after)
{
	bool same = n_before == n_after;

	for (size_t i = 0; same && i < n_before; i++)
		same = str_eq(before[i], after[i]);
	buf_printf(b, "  %-9s", what);
	add_names(s, b, before, n_before);
	if (!same) {
		buf_add_z(b, " -> ");
		add_names(s, b, after, n_after);
	}
	buf_add_char(b, '\n');
}

static void add_state(const struct showing *s, struct buf *b)
{
	const struct report_explanation *x = s->x;
	const struct verdict *v = x->verdict;

	add_before_after(s, b, "labels", v->labels_before,
	    v->n_labels_before, v->labels_after, v->n_labels_after);
	add_before_after(s, b, "flags", x->facts->flags, x->facts->n_flags,
	    v->flags_after, v->n_flags_after);
	add_before_after(s, b, "mailbox", &x->facts->mailbox, 1,
	    &v->mailbox_after, 1);
}

static void add_changes(const struct showing *s, struct buf *b)
{
	const struct report_change *list = said_changes(s);

	for (size_t i = 0; i < s->x->n_changes; i++)
		report_add_change(s->r, b, &list[i]);
	if (s->x->n_changes == 0)
		buf_add_z(b, "    nothing would be done\n");
	for (size_t i = 0; i < s->x->n_commands; i++) {
		buf_add_z(b, "    C: ");
		buf_add_shown(b, said(s, s->x->commands[i]));
		buf_add_char(b, '\n');
	}
}

void report_explanation(struct report *r,
    const struct report_explanation *x)
{
	struct showing s = { .r = r, .x = x };
	struct report_id id;
	struct buf b;

	report_begin(r, &b);
	if (r->style.json) {
		explanation_as_json(&s);
		return;
	}
	id = said_id(&s);
	report_add_id_line(r, &b, &id);
	for (size_t i = 0; i < x->verdict->n_rules; i++)
		if (is_asked_for(&s, &x->verdict->rules[i]))
			add_rule(&s, &b, &x->verdict->rules[i]);
	add_state(&s, &b);
	add_changes(&s, &b);
	report_end(r, &b);
}
