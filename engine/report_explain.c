#include "report_parts.h"

#define TREE_DEPTH_MAX	200

static const char *truth_word(enum truth t)
{
	return t == TRUTH_TRUE ? "true" : t == TRUTH_FALSE ? "false" :
	    "unknown";
}

static void put_tree(struct object *o, const struct explained *x,
    unsigned depth)
{
	struct object *kids;

	object_text(o, "text", x->text);
	object_number(o, "line", (uint64_t)x->pos.line);
	object_bool(o, "reached", x->reached);
	if (x->reached)
		object_z(o, "truth", truth_word(x->truth));
	if (x->decides)
		object_bool(o, "decides", true);
	object_text(o, "value", x->value);
	object_text(o, "reason", x->reason);
	if (x->n_kids == 0 || depth >= TREE_DEPTH_MAX)
		return;
	kids = object_list(o, "kids");
	for (size_t i = 0; i < x->n_kids; i++)
		put_tree(object_item(kids), x->kids[i], depth + 1);
}

static void put_rule(struct object *o, const struct rules *rules,
    const struct rule_result *result)
{
	const struct rule_info *info = rules_info(rules, result->rule);

	object_z(o, "name", info->name);
	if (info->pos.source)
		object_z(o, "file", info->pos.source->name);
	object_number(o, "line", (uint64_t)info->pos.line);
	object_bool(o, "reached", result->reached);
	if (result->reached || result->truth == TRUTH_UNKNOWN)
		object_z(o, "truth", truth_word(result->truth));
	object_z(o, "reason", result->reached ? result->unknown :
	    result->not_reached);
	if (result->failed)
		object_text(o, "failure", result->failure);
	if (result->tree)
		put_tree(object_below(o, "tree"), result->tree, 0);
}

static void explanation_as_json(struct report *r,
    const struct report_explanation *x)
{
	const struct verdict *v = x->verdict;
	struct object *o = object_make(r->scratch, "explanation");
	struct object *rules;

	report_put_id(o, &x->id);
	object_texts(o, "labels_before", v->labels_before,
	    v->n_labels_before);
	object_texts(o, "labels_after", v->labels_after, v->n_labels_after);
	object_text(o, "mailbox_before", x->facts->mailbox);
	object_text(o, "mailbox_after", v->mailbox_after);
	object_texts(o, "flags_before", x->facts->flags, x->facts->n_flags);
	object_texts(o, "flags_after", v->flags_after, v->n_flags_after);
	report_put_changes(o, x->changes, x->n_changes);
	rules = object_list(o, "rules");
	for (size_t i = 0; i < v->n_rules; i++)
		put_rule(object_item(rules), x->rules, &v->rules[i]);
	report_emit(r, o);
}

static void add_truth(const struct report *r, struct buf *b, bool reached,
    enum truth t)
{
	if (!reached)
		report_add_in(r, b, REPORT_DIM, "-      ");
	else if (t == TRUTH_TRUE)
		report_add_in(r, b, REPORT_GREEN, "yes    ");
	else if (t == TRUTH_FALSE)
		buf_add_z(b, "no     ");
	else
		report_add_in(r, b, REPORT_YELLOW, "unknown");
}

#define TREE_AT		12	/* column at which the tree begins */

static void add_tree(struct report *r, struct buf *b,
    const struct explained *x, unsigned depth)
{
	size_t indent = 2 * (depth < 20 ? depth : 20);
	size_t at = TREE_AT + indent;
	size_t room = r->style.width > at + 20 ? r->style.width - at : 20;
	struct str more = x->reason.n > 0 ? x->reason : x->value;

	buf_add_z(b, x->decides ? "  * " : "    ");
	add_truth(r, b, x->reached, x->truth);
	buf_printf(b, " %*s", (int)indent, "");
	report_add_cut(r, b, x->text, room);
	buf_add_char(b, '\n');
	if (more.n > 0) {
		buf_printf(b, "%*s%s", (int)at + 2, "",
		    x->reason.n > 0 ? "" : "= ");
		report_add_cut(r, b, more, room > 24 ? room - 4 : 20);
		buf_add_char(b, '\n');
	}
	for (size_t i = 0; i < x->n_kids && depth < TREE_DEPTH_MAX; i++)
		add_tree(r, b, x->kids[i], depth + 1);
}

static void add_rule(struct report *r, struct buf *b,
    const struct rules *rules, const struct rule_result *result)
{
	const struct rule_info *info = rules_info(rules, result->rule);
	const char *why = result->reached ? result->unknown :
	    result->not_reached;

	buf_add_z(b, "  ");
	report_add_colour(r, b, REPORT_BOLD);
	buf_add_shown(b, str_of(info->name));
	report_end_colour(r, b);
	if (info->pos.source) {
		buf_add_z(b, " (");
		buf_add_shown(b, str_of(info->pos.source->name));
		buf_printf(b, ":%d)", info->pos.line);
	}
	buf_add_z(b, ": ");
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
	if (result->failed) {
		buf_add_z(b, ": ");
		buf_add_shown(b, result->failure);
	} else if (why && why[0]) {
		buf_add_z(b, ": ");
		buf_add_shown(b, str_of(why));
	}
	buf_add_char(b, '\n');
	if (result->tree)
		add_tree(r, b, result->tree, 0);
}

static void add_names(struct buf *b, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_z(b, ", ");
		buf_add_shown(b, list[i]);
	}
	if (n == 0)
		buf_add_z(b, "(none)");
}

static void add_before_after(struct buf *b, const char *what,
    const struct str *before, size_t n_before, const struct str *after,
    size_t n_after)
{
	bool same = n_before == n_after;

	for (size_t i = 0; same && i < n_before; i++)
		same = str_eq(before[i], after[i]);
	buf_printf(b, "  %-9s", what);
	add_names(b, before, n_before);
	if (!same) {
		buf_add_z(b, " -> ");
		add_names(b, after, n_after);
	}
	buf_add_char(b, '\n');
}

void report_explanation(struct report *r,
    const struct report_explanation *x)
{
	const struct verdict *v = x->verdict;
	struct buf b;

	report_begin(r, &b);
	if (r->style.json) {
		explanation_as_json(r, x);
		return;
	}
	report_add_id_line(r, &b, &x->id);
	for (size_t i = 0; i < v->n_rules; i++)
		add_rule(r, &b, x->rules, &v->rules[i]);
	add_before_after(&b, "labels", v->labels_before, v->n_labels_before,
	    v->labels_after, v->n_labels_after);
	add_before_after(&b, "flags", x->facts->flags, x->facts->n_flags,
	    v->flags_after, v->n_flags_after);
	add_before_after(&b, "mailbox", &x->facts->mailbox, 1,
	    &v->mailbox_after, 1);
	for (size_t i = 0; i < x->n_changes; i++)
		report_add_change(r, &b, &x->changes[i]);
	if (x->n_changes == 0)
		buf_add_z(&b, "    nothing would be done\n");
	report_end(r, &b);
}
