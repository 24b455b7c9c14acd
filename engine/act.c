#include "act.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "gmail.h"

/* ------------------------------------------------------------ mailboxes */

/* A label of the system is always there. */
static bool exists(const struct mailbox_info *list, size_t n,
    struct str mailbox)
{
	if (str_ieq_z(mailbox, "INBOX") || gmail_is_system(mailbox))
		return true;
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].name, mailbox) && list[i].selectable)
			return true;
	return false;
}

static bool labels_are_mailboxes(const struct act *act)
{
	return act->judge->store->kind.labels != LABELS_KEYWORDS;
}

/* Does the op need MAILBOX? */
static bool goes_to(const struct act *act, const struct op *op,
    struct str mailbox)
{
	if (op->kind == OP_COPY || op->kind == OP_MOVE)
		return str_eq(op->mailbox, mailbox);
	if (op->kind != OP_ADD_LABELS || !labels_are_mailboxes(act))
		return false;
	for (size_t i = 0; i < op->n_names; i++)
		if (str_eq(op->names[i], mailbox))
			return true;
	return false;
}

static void fail_target(struct act *act, struct str mailbox, bool retry,
    struct str why)
{
	struct plan *p = &act->judge->plan;

	for (size_t i = 0; i < p->n_ops; i++)
		if (goes_to(act, &p->ops[i], mailbox)) {
			p->ops[i].outcome = OP_FAILED;
			p->ops[i].retry = retry;
			p->ops[i].reason = why;
		}
}

/* A channel that fails is said, and is nothing that failed of the message. */
static bool is_remark(const struct op *op)
{
	return op->kind == OP_NOTIFY;
}

/* What would take a message away waits for all else that is wanted of it:
 * a copy that failed here could not be made any more, and a rule may not fit
 * what it has rewritten. */
static void hold_back(struct plan *p)
{
	for (size_t i = 0, end; i < p->n_ops; i = end) {
		bool failed = false;

		for (end = i; end < p->n_ops &&
		    p->ops[end].item == p->ops[i].item; end++)
			failed |= p->ops[end].outcome == OP_FAILED &&
			    !is_remark(&p->ops[end]);
		for (size_t k = i; failed && k < end; k++) {
			struct op *op = &p->ops[k];

			if (!(op->outcome == OP_LATER ||
			    ((op->kind == OP_MOVE || op->kind == OP_DELETE) &&
			    op->outcome == OP_TODO)))
				continue;
			op->outcome = OP_FAILED;
			op->retry = op->held = true;
			op->reason = STR_LIT("it stays, since another change "
			    "to it failed");
		}
	}
}

/* False only if the store is lost; a mailbox that cannot be made fails the
 * messages that wanted it. */
static bool make_one(struct act *act, struct str mailbox, struct err *e)
{
	struct judge *j = act->judge;
	uint32_t max = j->account->limits->new_mailboxes;
	struct err mine = { 0 };

	if (*act->new_mailboxes >= max) {
		fail_target(act, mailbox, true, arena_printf(j->arena,
		    "the mailbox would be one more than the %u new ones that "
		    "a run may make (limits.new_mailboxes)", max));
		return true;
	}
	if (j->store->kind.create(j->store, mailbox, &mine)) {
		++*act->new_mailboxes;
		return true;
	}
	if (mine.kind == ERR_STATE || mine.kind == ERR_AUTH) {
		*e = mine;
		return false;
	}
	/* a server that is gone is noticed by the next call; one that says
	 * "not now" must not hold up all the others */
	fail_target(act, mailbox, mine.kind == ERR_TEMP ||
	    mine.kind == ERR_PROTO, arena_str(j->arena, str_of(mine.msg)));
	return true;
}

static bool make_mailboxes(struct act *act, struct err *e)
{
	struct judge *j = act->judge;
	const struct mailbox_info *list;
	struct str *targets;
	size_t n, n_targets = plan_targets(&j->plan,
	    labels_are_mailboxes(act), &targets);

	if (n_targets == 0)
		return true;
	if (!j->store->kind.mailboxes(j->store, &list, &n, e))
		return false;
	for (size_t i = 0; i < n_targets; i++)
		if (!exists(list, n, targets[i]) &&
		    !make_one(act, targets[i], e))
			return false;
	hold_back(&j->plan);
	return true;
}

/* -------------------------------------------------------------- intents */

static struct str joined(struct arena *a, const struct str *list, size_t n,
    const char *between)
{
	struct str all;
	struct buf b;

	if (n == 1)
		return list[0];
	buf_init(&b, 1024 * 1024);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_z(&b, between);
		buf_add_str(&b, list[i]);
	}
	all = arena_str(a, buf_str(&b));
	buf_free(&b);
	return all;
}

/* Those who want the op, each once. */
static struct str rule_names(struct act *act, size_t op)
{
	struct plan *p = &act->judge->plan;
	size_t n = p->ops[op].n_names ? p->ops[op].n_names : 1, k = 0;
	struct str *names = arena_array(act->judge->arena, n,
	    sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		bool again = false;

		for (size_t m = 0; m < i; m++)
			again |= p->op_rules[op][m] == p->op_rules[op][i];
		if (!again)
			names[k++] = str_of(rules_info(act->judge->rules,
			    p->op_rules[op][i])->name);
	}
	return joined(act->judge->arena, names, k, ", ");
}

static void change_of(struct act *act, const struct op *op,
    const struct plan_item *item, struct change *c)
{
	struct judge *j = act->judge;
	struct arena *a = j->arena;

	*c = (struct change){
		.run = act->run,
		/* when it is sent: a run may take hours */
		.time = j->now + (clock_ms() - j->began_ms) / 1000,
		.mailbox = j->mailbox,
		.uidvalidity = j->uidvalidity,
		.uid = op->uid,
		.id_of = *op->id,
		.from = item->from,
		.subject = item->subject,
		.kind = op->kind,
		.what = op->n_names ? joined(a, op->names, op->n_names,
		    "\n") : op->mailbox,
		.flags_before = joined(a, item->flags, item->n_flags, "\n"),
		.labels_before = joined(a, item->labels, item->n_labels,
		    "\n"),
		.dest_uidvalidity = op->dest_uidvalidity,
		.dest_from_uid = op->dest_from_uid,
	};
}

/* Rows for the ops that will be sent; *LIST_OUT is parallel to them. */
static bool intend(struct act *act, struct change **list_out,
    size_t *n_out, struct err *e)
{
	struct plan *p = &act->judge->plan;
	struct change *list = arena_array(act->judge->arena, p->n_ops + 1,
	    sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		if (p->ops[i].outcome != OP_TODO)
			continue;
		change_of(act, &p->ops[i], &p->items[p->ops[i].item],
		    &list[n]);
		list[n++].rules = rule_names(act, i);
	}
	*list_out = list;
	*n_out = n;
	if (n == 0 || !act->judge->journal)
		return true;
	if (!journal_intend(act->judge->journal, list, n, e))
		return false;
	for (size_t i = 0, k = 0; i < p->n_ops; i++)
		if (p->ops[i].outcome == OP_TODO)
			p->ops[i].change = list[k++].id;
	return true;
}

/* ------------------------------------------------------------- outcomes */

/* What was done in place of something that failed says so. */
static struct str on_error_reason(const struct plan *p, size_t op)
{
	const struct plan_item *item = &p->items[p->ops[op].item];
	size_t n = p->ops[op].n_names ? p->ops[op].n_names : 1;

	for (size_t k = 0; k < item->n_notes; k++)
		for (size_t i = 0; item->notes[k].on_error && i < n; i++)
			if (item->notes[k].rule == p->op_rules[op][i])
				return item->notes[k].text;
	return STR_EMPTY;
}

/* The rows whose outcome is known; the others stay INTENDED. */
static size_t outcomes(struct act *act, struct change *list, size_t n)
{
	struct plan *p = &act->judge->plan;
	size_t kept = 0;

	for (size_t i = 0, k = 0; i < p->n_ops && k < n; i++) {
		const struct op *op = &p->ops[i];
		struct change c = list[k];

		if (op->change == 0 || op->change != c.id)
			continue;
		k++;
		/* the pipeline settles its own */
		if (op->outcome == OP_UNSURE || op->kind == OP_REPLACE)
			continue;
		c.state = op->outcome == OP_DONE ? CHANGE_DONE :
		    op->outcome == OP_TODO ? CHANGE_VOID : CHANGE_FAILED;
		c.reason = op->outcome == OP_DONE ? on_error_reason(p, i) :
		    op->reason;
		c.dest_uid = op->dest_uid;
		if (op->dest_uid)
			c.dest_uidvalidity = op->dest_uidvalidity;
		list[kept++] = c;
	}
	return kept;
}

/* What went wrong with an op goes to its message. */
static void blame(struct plan *p, const struct op *op)
{
	struct plan_item *item = &p->items[op->item];

	if (op->outcome == OP_DONE || is_remark(op))
		return;
	if (!item->failed) {
		item->failed = true;
		item->failure = op->reason.n ? op->reason :
		    STR_LIT("the connection ended first");
		item->retry = true;
	}
	if (op->outcome == OP_FAILED && !op->retry)
		item->retry = false;
	item->waits |= op->outcome == OP_FAILED && op->waits;
}

/* Those that could not be judged come again, five times in all. */
static void count_unjudged(struct act *act)
{
	struct judge *j = act->judge;

	for (size_t i = 0; i < j->n_judged; i++) {
		struct judged *judged = &j->judged[i];

		if (judged->settled || judged->waits)
			continue;
		judged->given_up = judge_tries(j, judged->uid) + 1 >=
		    JOURNAL_TRIES_MAX;
		judged->settled = judged->given_up;
		act->waiting += !judged->given_up;
	}
}

/*
 * Does a message that failed come again?  For a reason that may pass five
 * times in all; and always when the store was lost, as then nothing counts
 * as judged.
 */
static bool comes_again(const struct act *act, const struct plan_item *item,
    bool whole)
{
	struct judge *j = act->judge;

	if (!item->failed || !j->journal)
		return false;
	return !whole || (item->retry && judge_find(j, item->uid) &&
	    (item->waits ||
	    judge_tries(j, item->uid) + 1 < JOURNAL_TRIES_MAX));
}

static void mark_pending(struct act *act, const struct plan_item *item)
{
	struct judged *judged = judge_find(act->judge, item->uid);

	act->waiting += !judged || judged->settled;
	if (judged) {
		judged->settled = false;
		judged->waits = item->waits;
		judged->reason = item->failure;
	}
}

/* Did RULE fail on that message before?  Then this was its on_error. */
static bool failed_before(const struct judge *j, uint32_t uid, uint32_t rule)
{
	const struct failure *f = judge_failure(j, uid);

	for (; f && f < j->failures + j->n_failures && f->uid == uid; f++)
		if (f->rule == rule)
			return true;
	return false;
}

/* False when the rule says nothing about it. */
static bool hand_on(struct act *act, const struct plan_item *item,
    uint32_t rule, struct str why)
{
	struct judge *j = act->judge;

	if (act->last || !rules_info(j->rules, rule)->on_error ||
	    failed_before(j, item->uid, rule))
		return false;
	arena_grow(j->arena, &act->failures, act->n_failures,
	    &act->cap_failures);
	act->failures[act->n_failures++] = (struct failure){
		.uid = item->uid, .rule = rule,
		.why = arena_z(j->arena, why),
	};
	return true;
}

/* All that failed of the message for good; false when somebody must be told
 * of it, since a rule has no `on_error`. */
static bool hand_on_all(struct act *act, const struct plan_item *item)
{
	const struct plan *p = &act->judge->plan;
	bool all = !item->refused || hand_on(act, item, item->refused_rule,
	    item->failure);

	for (size_t i = 0; i < item->n_ops; i++) {
		const struct op *op = &p->ops[item->first_op + i];
		size_t n = op->n_names ? op->n_names : 1;

		if (op->outcome != OP_FAILED || op->held || is_remark(op))
			continue;
		for (size_t k = 0; k < n; k++)
			all &= hand_on(act, item,
			    p->op_rules[item->first_op + i][k], op->reason);
	}
	return all;
}

static void keep_pending(struct act *act, const struct plan_item *item,
    size_t first, bool changed)
{
	struct judged *judged = judge_find(act->judge, item->uid);

	for (size_t i = first; i < act->n_failures; i++)
		act->failures[i].changed = changed;
	if (judged && first < act->n_failures) {
		judged->settled = false;
		judged->reason = item->failure;
	}
}

static void count_item(struct act *act, struct plan_item *item, bool whole)
{
	const struct plan *p = &act->judge->plan;
	const struct failure *before = judge_failure(act->judge, item->uid);
	bool again = comes_again(act, item, whole);
	bool done = false, failed = item->failed && !again;
	size_t first = act->n_failures;

	for (size_t k = 0; k < item->n_ops; k++)
		if (p->ops[item->first_op + k].outcome == OP_DONE)
			done = true;
	if (again)
		mark_pending(act, item);
	else if (failed && whole && hand_on_all(act, item))
		failed = false;
	keep_pending(act, item, first, done);
	for (size_t k = 0; k < item->n_notes; k++)
		if (item->notes[k].failed && !item->notes[k].on_error)
			failed = true;
	act->changed += done && !(before && before->changed);
	act->failed += failed;
}

static void count_items(struct act *act, bool whole)
{
	struct plan *p = &act->judge->plan;

	for (size_t i = 0; i < p->n_ops; i++)
		blame(p, &p->ops[i]);
	for (size_t i = 0; i < p->n_items; i++)
		count_item(act, &p->items[i], whole);
}

/* What was handed on is told as what failed, not as what pends. */
static void settle_handed_on(struct act *act)
{
	for (size_t i = 0; i < act->n_failures; i++) {
		struct judged *judged = judge_find(act->judge,
		    act->failures[i].uid);

		if (judged)
			judged->settled = true;
	}
}

static void name_ops(struct plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++)
		p->ops[i].id = &p->items[p->ops[i].item].id;
}

/* ------------------------------------------------------------- rewriting */

/* On Gmail a message leaves a mailbox with its label. */
static bool leaves_view(const struct act *act, const struct op *op)
{
	bool leaves = false;

	if (op->kind != OP_REMOVE_LABELS ||
	    act->judge->store->kind.labels != LABELS_GMAIL)
		return false;
	for (size_t i = 0; i < op->n_names; i++)
		leaves |= gmail_label_is_view(op->names[i],
		    act->judge->mailbox);
	return leaves;
}

/* Behind a replacement come copies and whatever takes the message away. */
static bool sort_later(struct act *act)
{
	struct plan *p = &act->judge->plan;
	bool any = false;

	for (size_t i = 0; i < p->n_items; i++) {
		struct plan_item *item = &p->items[i];

		for (size_t k = 0; item->n_rewrites && k < item->n_ops; k++) {
			struct op *op = &p->ops[item->first_op + k];

			if (op->outcome == OP_TODO &&
			    (op->kind >= OP_COPY || leaves_view(act, op)))
				op->outcome = OP_LATER;
			any |= op->outcome == OP_LATER;
		}
	}
	return any;
}

static struct op *replacing_op(struct plan *p, const struct plan_item *item)
{
	for (size_t k = 0; k < item->n_ops; k++)
		if (p->ops[item->first_op + k].kind == OP_REPLACE)
			return &p->ops[item->first_op + k];
	return NULL;
}

static void add_then(struct buf *b, enum op_kind kind, struct str what)
{
	if (b->n)
		buf_add_char(b, '\n');
	buf_printf(b, "%s%s%.*s", op_kind_name(kind), what.n ? " " : "",
	    STR_ARG(what));
}

/* What must be done behind it, should this run be cut short. */
static struct str then_of(struct act *act, const struct plan_item *item)
{
	const struct plan *p = &act->judge->plan;
	struct str lines;
	struct buf b;

	buf_init(&b, 64 * 1024);
	for (size_t k = 0; k < item->n_ops; k++) {
		const struct op *op = &p->ops[item->first_op + k];

		if (op->outcome != OP_LATER || op->kind == OP_REPLACE)
			continue;
		if (op->kind == OP_REMOVE_LABELS)
			for (size_t i = 0; i < op->n_names; i++)
				add_then(&b, op->kind, op->names[i]);
		else
			add_then(&b, op->kind, op->mailbox);
	}
	lines = arena_str(act->judge->arena, buf_str(&b));
	buf_free(&b);
	return lines;
}

static struct replace_wish *wish_of(struct act *act,
    const struct plan_item *item)
{
	struct judge *j = act->judge;
	struct replace_wish *x = arena_make(j->arena, struct replace_wish);

	x->steps = item->rewrites;
	x->n_steps = item->n_rewrites;
	x->size = item->size;
	x->row.then = then_of(act, item);
	x->row.r.mailbox = j->mailbox;
	x->row.r.uidvalidity = j->uidvalidity;
	x->row.r.uid = item->uid;
	x->row.r.id = item->id;
	x->row.r.new_thread = item->new_thread;
	x->row.r.lossy = j->account->lossy == LOSSY_ALLOW;
	for (size_t i = 0; i < item->n_rewrites; i++)
		if (item->rewrites[i].keep != KEEP_TRASH)
			x->row.r.keep = item->rewrites[i].keep;
	return x;
}

static void fail_replacing(struct op *op, const char *why)
{
	op->outcome = OP_FAILED;
	op->reason = str_of(why);
}

static size_t count_later(const struct plan *p, const struct plan_item *item)
{
	size_t n = 0;

	for (size_t k = 0; k < item->n_ops; k++)
		n += p->ops[item->first_op + k].outcome == OP_LATER;
	return n;
}

/* Those of which all else has come out well so far; parallel to *OPS_OUT. */
static size_t choose_wishes(struct act *act, struct replace_wish ***list_out,
    struct op ***ops_out)
{
	struct judge *j = act->judge;
	struct plan *p = &j->plan;
	struct replace_wish **list = arena_array(j->arena, p->n_items + 1,
	    sizeof(*list));
	struct op **ops = arena_array(j->arena, p->n_items + 1,
	    sizeof(*ops));
	size_t n = 0;

	for (size_t i = 0; i < p->n_items; i++) {
		struct op *op = replacing_op(p, &p->items[i]);

		if (!op || op->outcome != OP_LATER)
			continue;
		if (!act->replace || !j->store->kind.replacer) {
			fail_replacing(op, j->journal ? "mail cannot be "
			    "rewritten here" : "rewriting needs an account, "
			    "whose state keeps the originals");
			continue;
		}
		if (count_later(p, &p->items[i]) > REPLACE_THEN_MAX) {
			fail_replacing(op, "it would be copied to too many "
			    "mailboxes besides");
			continue;
		}
		ops[n] = op;
		list[n++] = wish_of(act, &p->items[i]);
	}
	*list_out = list;
	*ops_out = ops;
	return n;
}

static void take_outcome(struct op *op, const struct replace_wish *x)
{
	op->outcome = x->outcome;
	op->reason = x->reason;
	op->retry = x->retry;
	op->waits = x->waits;
}

/* Those that are admitted stay in LIST and OPS, with their changes. */
static bool begin_replacing(struct act *act, struct replace_wish **list,
    struct op **ops, size_t *n, struct err *e)
{
	struct change *rows;
	size_t n_rows, kept = 0;

	if (!replace_open(act->replace, e) ||
	    !replace_admit(act->replace, list, *n, e))
		return false;
	for (size_t i = 0; i < *n; i++) {
		take_outcome(ops[i], list[i]);
		if (list[i]->outcome != OP_TODO)
			continue;
		list[kept] = list[i];
		ops[kept++] = ops[i];
	}
	*n = kept;
	if (!intend(act, &rows, &n_rows, e))
		return false;
	for (size_t i = 0; i < kept; i++)
		list[i]->row.change = ops[i]->change;
	return true;
}

/* What is left of a message goes on with its copy, or not at all. */
static void release_later(struct act *act, struct replace_wish **list,
    struct op **ops, size_t n)
{
	struct plan *p = &act->judge->plan;

	for (size_t i = 0; i < n; i++) {
		const struct plan_item *item = &p->items[ops[i]->item];

		take_outcome(ops[i], list[i]);
		for (size_t k = 0; k < item->n_ops; k++) {
			struct op *op = &p->ops[item->first_op + k];

			if (op->outcome != OP_LATER ||
			    list[i]->outcome != OP_DONE)
				continue;
			op->outcome = OP_TODO;
			op->uid = list[i]->row.r.uid_after;
			op->id = &list[i]->row.copy_id;
			if (op->uid == 0) {
				op->outcome = OP_FAILED;
				op->retry = true;
				op->reason = STR_LIT("the rewritten message "
				    "was not found in its mailbox");
			}
		}
	}
	hold_back(p);
}

/* An OP_UNSURE that holds others has a reason of its own; they do not count
 * as tried. */
static void hold_unsure(struct plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].outcome == OP_LATER) {
			p->ops[i].outcome = OP_FAILED;
			p->ops[i].retry = p->ops[i].held = true;
			p->ops[i].reason = STR_LIT("it stays, since it is "
			    "not known whether it was rewritten");
		}
}

static bool select_again(struct judge *j, struct err *e)
{
	struct mailbox_state state;

	if (!j->store->kind.select(j->store, j->mailbox, true, &state, e))
		return false;
	if (state.uidvalidity == j->uidvalidity)
		return true;
	return err_set(e, ERR_TEMP, "UIDVALIDITY of %.*s has just changed",
	    STR_ARG(j->mailbox));
}

/* Of those whose last ops are known; the next run does what is left. */
static bool settle_replaced(struct act *act, struct replace_wish **list,
    struct op **ops, size_t n, struct err *e)
{
	struct plan *p = &act->judge->plan;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct plan_item *item = &p->items[ops[i]->item];
		bool known = list[i]->outcome == OP_DONE;

		for (size_t k = 0; k < item->n_ops; k++) {
			const struct op *op = &p->ops[item->first_op + k];

			known &= op->outcome == OP_DONE ||
			    (op->outcome == OP_FAILED && !op->retry);
		}
		if (known)
			list[kept++] = list[i];
	}
	return kept == 0 || replace_settle(act->replace, list, kept, e);
}

/* The ops of WHICH, to or from a list of their own. */
static void exchange(struct plan *p, const size_t *which, size_t n,
    struct op *list, bool to_list)
{
	for (size_t i = 0; i < n; i++)
		if (to_list)
			list[i] = p->ops[which[i]];
		else
			p->ops[which[i]] = list[i];
}

/* What was put off, now that it is released. */
static bool do_later(struct act *act, bool *whole, struct err *lost,
    struct err *e)
{
	struct judge *j = act->judge;
	struct plan *p = &j->plan;
	size_t *which = arena_array(j->arena, p->n_ops + 1, sizeof(*which));
	struct op *list = arena_array(j->arena, p->n_ops + 1, sizeof(*list));
	struct change *rows;
	size_t n = 0, n_rows;

	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].outcome == OP_TODO)
			which[n++] = i;
	exchange(p, which, n, list, true);
	*whole = n == 0 || j->store->kind.prepare(j->store, list, n, lost);
	exchange(p, which, n, list, false);
	if (!*whole || n == 0)
		return true;
	if (!intend(act, &rows, &n_rows, e))
		return false;
	exchange(p, which, n, list, true);
	*whole = j->store->kind.apply(j->store, list, n, lost);
	exchange(p, which, n, list, false);
	return journal_settle(j->journal, j->mailbox, rows,
	    outcomes(act, rows, n_rows), NULL, 0, NULL, e);
}

/* The replacements, and behind them what was put off.  *WHOLE with LOST is
 * about the store, false with E about the state. */
static bool act_later(struct act *act, bool *whole, struct err *lost,
    struct err *e)
{
	struct judge *j = act->judge;
	struct plan *p = &j->plan;
	struct replace_wish **list;
	struct op **ops;
	size_t n;

	hold_back(p);
	n = choose_wishes(act, &list, &ops);
	hold_back(p);
	if (n && !begin_replacing(act, list, ops, &n, e))
		return false;
	*whole = n == 0 || replace_messages(act->replace, list, n, lost);
	release_later(act, list, ops, n);
	hold_unsure(p);
	if (*whole && n)
		*whole = select_again(j, lost);
	return !*whole || n == 0 || (do_later(act, whole, lost, e) &&
	    settle_replaced(act, list, ops, n, e));
}

bool act_plan(struct act *act, const struct checkpoint *checkpoint,
    struct err *e)
{
	struct judge *j = act->judge;
	struct store *s = j->store;
	struct plan *p = &j->plan;
	struct change *rows;
	size_t n_rows, n_known;
	struct err lost = { 0 };
	bool whole = true, later;

	name_ops(p);
	if (!errands_do(act->errands, j, e))
		return false;
	hold_back(p);
	later = sort_later(act);
	if (p->n_ops && (!make_mailboxes(act, e) ||
	    !s->kind.prepare(s, p->ops, p->n_ops, e)))
		return false;
	if (!intend(act, &rows, &n_rows, e))
		return false;
	if (p->n_ops)
		whole = s->kind.apply(s, p->ops, p->n_ops, &lost);
	n_known = outcomes(act, rows, n_rows);
	if (whole && later) {
		/* what is done is known before the message is another one */
		if (j->journal && !journal_settle(j->journal, j->mailbox,
		    rows, n_known, NULL, 0, NULL, e))
			return false;
		n_known = 0;
		if (!act_later(act, &whole, &lost, e))
			return false;
	}
	count_unjudged(act);
	count_items(act, whole);
	/* a lost store: the messages stay unjudged, and are judged afresh
	 * after what is unsure was looked at */
	if (j->journal && !journal_settle(j->journal, j->mailbox, rows,
	    n_known, j->judged, whole ? j->n_judged : 0,
	    whole ? checkpoint : NULL, e))
		return false;
	settle_handed_on(act);
	if (!whole)
		*e = lost;
	return whole;
}
