#include "report_plan.h"

struct telling {
	struct report *report;
	const struct judge *judge;
	bool dry_run;
	struct arena *scratch;	/* reset for each message */
};

static const char *state_name(const struct telling *t, const struct op *op)
{
	if (t->dry_run)
		return "would";
	switch (op->outcome) {
	case OP_DONE:
		return "done";
	case OP_FAILED:
		return "failed";
	case OP_TODO:
	case OP_LATER:
	case OP_UNSURE:
		break;
	}
	return "unsure";
}

/* Whose word the K-th name of an op is. */
static struct str op_rule(const struct telling *t, size_t op, size_t k)
{
	return str_of(rules_info(t->judge->rules,
	    t->judge->plan.op_rules[op][k])->name);
}

/* An op with several names is several lines. */
static size_t add_changes(const struct telling *t, size_t at,
    struct report_change *list)
{
	const struct op *op = &t->judge->plan.ops[at];
	struct report_change c = {
		.kind = op->kind,
		.what = op->mailbox,
		.rules = op_rule(t, at, 0),
		.state = state_name(t, op),
		.reason = op->reason,
	};
	size_t n = 0;

	if (op->n_names == 0) {
		list[0] = c;
		return 1;
	}
	for (; n < op->n_names; n++) {
		list[n] = c;
		list[n].what = op->names[n];
		list[n].rules = op_rule(t, at, n);
	}
	return n;
}

static struct str pending_reason(const struct telling *t, uint32_t uid)
{
	const struct judged *judged = judge_find(t->judge, uid);

	return judged && !judged->settled ? judged->reason : STR_EMPTY;
}

/* Stands the failure beside one of its changes? */
static bool is_told(const struct telling *t, const struct plan_item *item)
{
	for (size_t i = 0; i < item->n_ops; i++)
		if (str_eq(t->judge->plan.ops[item->first_op + i].reason,
		    item->failure))
			return true;
	return false;
}

static bool any_done(const struct telling *t, const struct plan_item *item)
{
	for (size_t i = 0; i < item->n_ops; i++)
		if (t->judge->plan.ops[item->first_op + i].outcome == OP_DONE)
			return true;
	return false;
}

static void tell_item(const struct telling *t, const struct plan_item *item)
{
	struct report_message m = {
		.id = {
			.account = str_of(t->judge->account->name),
			.mailbox = t->judge->mailbox,
			.uid = item->uid,
			.from = item->from,
			.subject = item->subject,
			.message_id = item->id.message_id,
		},
		.rules = t->judge->rules,
		.fired = item->rules,
		.n_fired = item->n_rules,
		.failure = item->failed && !is_told(t, item) ?
		    item->failure : STR_EMPTY,
	};
	struct report_note *notes = arena_array(t->scratch, item->n_notes + 1,
	    sizeof(*notes));
	struct report_change *changes;
	size_t n = 0;

	for (size_t i = 0; i < item->n_ops; i++)
		n += t->judge->plan.ops[item->first_op + i].n_names + 1;
	changes = arena_array(t->scratch, n + 1, sizeof(*changes));
	for (size_t i = 0; i < item->n_ops; i++)
		m.n_changes += add_changes(t, item->first_op + i,
		    &changes[m.n_changes]);
	for (size_t i = 0; i < item->n_notes; i++)
		notes[m.n_notes++] = (struct report_note){
			.rule = item->notes[i].rule,
			.failed = item->notes[i].failed,
			.text = item->notes[i].text,
		};
	m.changes = changes;
	m.notes = notes;
	if (item->failed)
		m.pending = pending_reason(t, item->uid);
	m.told = m.pending.n > 0 && judge_tries(t->judge, item->uid) > 0 &&
	    !any_done(t, item);
	report_message(t->report, &m);
}

void report_plan(struct report *r, const struct judge *j, bool dry_run)
{
	struct telling t = { r, j, dry_run, arena_new() };

	for (size_t i = 0; i < j->plan.n_items && !report_broken(r); i++) {
		arena_reset(t.scratch);
		tell_item(&t, &j->plan.items[i]);
	}
	arena_free(&t.scratch);
}

void report_plan_tally(const struct judge *j, struct report_rule *table)
{
	for (size_t i = 0; i < rules_count(j->rules); i++) {
		const struct rule_tally *own = &j->plan.tally[i];

		table[i].name = rules_info(j->rules, i)->name;
		table[i].matched += own->matched;
		table[i].would_change += own->changes;
		table[i].already += own->already;
		table[i].unknown += own->unknown;
		table[i].failed += own->failed;
	}
}
