#include "plan.h"

#include <string.h>

#include "gmail.h"

void plan_init(struct plan *p, struct arena *a, const struct rules *r)
{
	*p = (struct plan){ .arena = a, .rules = r };
	p->tally = arena_array(a, rules_count(r) + 1, sizeof(p->tally[0]));
	p->changes = arena_array(a, rules_count(r) + 1, sizeof(bool));
}

/* One message on its way into the plan. */
struct adding {
	struct plan *p;
	const struct plan_message *m;
	const struct verdict *v;
	struct plan_item *item;
	bool *changes;		/* by rule: it has an op of its own */
	const struct place_names *places;
	bool undone;		/* an errand of an earlier run */
};

static bool facts_have(const struct str *list, size_t n, struct str name,
    bool fold)
{
	for (size_t i = 0; i < n; i++)
		if (fold ? str_ieq(list[i], name) : str_eq(list[i], name))
			return true;
	return false;
}

static struct str *copy_list(struct arena *a, const struct str *list,
    size_t n)
{
	struct str *copy = arena_array(a, n + 1, sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = arena_str(a, list[i]);
	return copy;
}

/* RULES is a list for each name, or of one. */
static struct op *add_op(struct adding *w, enum op_kind kind,
    const uint32_t *rules)
{
	struct plan *p = w->p;
	struct op *op;

	arena_grow(p->arena, &p->ops, p->n_ops, &p->cap_ops);
	arena_grow(p->arena, &p->op_rules, p->n_ops, &p->cap_op_rules);
	p->op_rules[p->n_ops] = rules;
	op = &p->ops[p->n_ops++];
	*op = (struct op){
		.kind = kind,
		.uid = w->m->facts->uid,
		.item = p->n_items - 1,
	};
	w->item->n_ops++;
	w->changes[rules[0]] = true;
	return op;
}

static void refuse(struct adding *w, const struct want_place *want,
    const char *why)
{
	if (w->item->failed)
		return;
	w->item->failed = w->item->refused = true;
	w->item->refused_rule = (uint32_t)want->rule;
	w->item->failure = str_of(why);
}

static struct op *add_one(struct adding *w, enum op_kind kind, size_t rule)
{
	uint32_t *rules = arena_array(w->p->arena, 1, sizeof(*rules));

	rules[0] = (uint32_t)rule;
	return add_op(w, kind, rules);
}

/* By name; RULES go along. */
static void sort_names(struct str *names, uint32_t *rules, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 &&
		    str_cmp(names[k - 1], names[k]) > 0; k--) {
			struct str name = names[k];
			uint32_t rule = rules[k];

			names[k] = names[k - 1];
			names[k - 1] = name;
			rules[k] = rules[k - 1];
			rules[k - 1] = rule;
		}
}

static bool is_so(const struct adding *w, const struct want *want,
    bool flags)
{
	const struct facts *f = w->m->facts;

	if (!(f->known & (flags ? RULES_ASK_FLAGS : RULES_ASK_LABELS)))
		return false;
	if (flags)
		return facts_have(f->flags, f->n_flags, want->name, true) ==
		    want->add;
	if (w->places->gmail)
		return gmail_has(f, want->name) == want->add;
	return facts_have(f->labels, f->n_labels, want->name,
	    w->places->labels_fold) == want->add;
}

/*
 * The wants of one sort (labels or flags) and one direction that are not
 * so yet become one op.
 */
static void add_names(struct adding *w, const struct want *wants, size_t n,
    bool add, bool flags)
{
	struct str *names = NULL;	/* made when there is one to keep */
	uint32_t *rules = NULL;
	size_t k = 0;
	struct op *op;

	for (size_t i = 0; i < n; i++) {
		if (wants[i].add != add || is_so(w, &wants[i], flags))
			continue;
		if (!names) {
			names = arena_array(w->p->arena, n - i,
			    sizeof(*names));
			rules = arena_array(w->p->arena, n - i,
			    sizeof(*rules));
		}
		names[k] = arena_str(w->p->arena, wants[i].name);
		rules[k++] = (uint32_t)wants[i].rule;
		w->changes[wants[i].rule] = true;
	}
	if (k == 0)
		return;
	sort_names(names, rules, k);
	op = add_op(w, flags ? add ? OP_ADD_FLAGS : OP_REMOVE_FLAGS :
	    add ? OP_ADD_LABELS : OP_REMOVE_LABELS, rules);
	op->names = names;
	op->n_names = k;
}

/* Labels of the system each by itself: Gmail has been seen to say OK to a
 * STORE of several and to do nothing. */
static void add_labels(struct adding *w, const struct want *wants, size_t n,
    bool add)
{
	struct want *users;
	size_t n_users = 0;

	if (!w->places->gmail) {
		add_names(w, wants, n, add, false);
		return;
	}
	users = arena_array(w->p->arena, n + 1, sizeof(*users));
	for (size_t i = 0; i < n; i++)
		if (gmail_is_system(wants[i].name))
			add_names(w, &wants[i], 1, add, false);
		else
			users[n_users++] = wants[i];
	add_names(w, users, n_users, add, false);
}

static bool same_mailbox(struct str a, struct str b)
{
	if (str_ieq_z(a, "INBOX"))
		return str_ieq_z(b, "INBOX");
	return str_eq(a, b);
}

static struct str special(const struct place_names *places,
    struct str attribute)
{
	for (size_t i = 0; i < USE_COUNT; i++)
		if (str_ieq_z(attribute, place_use_names[i]))
			return places->mailbox[i];
	return STR_EMPTY;
}

/* The mailbox behind a wanted place; false after a refusal. */
static bool resolve(struct adding *w, const struct want_place *want,
    const struct place_names *places, struct str *mailbox_out)
{
	struct str found = want->mailbox;

	if (want->kind == PLACE_SPECIAL) {
		found = special(places, want->mailbox);
		if (found.n == 0) {
			refuse(w, want, arena_printf(w->p->arena, "the account has "
			    "no mailbox for %.*s; name one in the config, or "
			    "create one with that attribute",
			    STR_ARG(want->mailbox)).p);
			return false;
		}
	}
	*mailbox_out = found;
	return true;
}

/* One that leaves before its copy was made could not be copied. */
static bool stays(const struct adding *w, const struct want_place *want)
{
	return want->kind == PLACE_STAY || w->item->failed ||
	    ((w->m->stays || w->undone) && !w->v->rules[want->rule].on_error);
}

static void add_place(struct adding *w, const struct want_place *want,
    const struct place_names *places)
{
	struct str to;

	if (stays(w, want))
		return;
	if (want->kind == PLACE_DELETE) {
		/* who knows what those would have wanted, had they been able */
		if (w->v->n_unknown + w->v->n_failed)
			refuse(w, want, "not deleted, since another rule failed or "
			    "could not be decided");
		else if (places->allow_delete)
			add_one(w, OP_DELETE, want->rule);
		else
			refuse(w, want, "delete needs `allow_delete: true` in the "
			    "account; trash does without");
		return;
	}
	if (!resolve(w, want, places, &to) ||
	    same_mailbox(to, w->m->facts->mailbox))
		return;
	add_one(w, OP_MOVE, want->rule)->mailbox =
	    arena_str(w->p->arena, to);
}

static void add_copy(struct adding *w, const struct want_place *want,
    const struct place_names *places)
{
	struct str to;

	if (!resolve(w, want, places, &to) ||
	    same_mailbox(to, w->m->facts->mailbox))
		return;
	if (w->m->copied && w->m->copied(w->m->copied_ctx, to))
		return;
	add_one(w, OP_COPY, want->rule)->mailbox =
	    arena_str(w->p->arena, to);
}

/* As `what` of a change. */
static struct str in_lines(struct arena *a, const struct str *list, size_t n)
{
	struct str all;
	struct buf b;

	buf_init(&b, (PLAN_TEXT_MAX + 1) * n);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_char(&b, '\n');
		buf_add_str(&b, list[i]);
	}
	all = arena_str(a, buf_str(&b));
	buf_free(&b);
	return all;
}

/* All rewrites of all rules are one replacement; done once they are not done
 * again on what came out, which a sweep finds each time. */
static void add_replacement(struct adding *w)
{
	const struct wants *want = &w->v->wants;
	struct arena *a = w->p->arena;
	struct str *names;
	uint32_t *rules;
	struct op *op;

	if (want->n_rewrites == 0)
		return;
	names = arena_array(a, want->n_rewrites, sizeof(*names));
	rules = arena_array(a, want->n_rewrites, sizeof(*rules));
	for (size_t i = 0; i < want->n_rewrites; i++) {
		struct buf b;

		buf_init(&b, PLAN_TEXT_MAX);
		rules_rewrite_text(&b, &want->rewrites[i]);
		names[i] = arena_str(a, utf8_head(buf_str(&b),
		    PLAN_TEXT_MAX));
		rules[i] = (uint32_t)want->rewrites[i].rule;
		buf_free(&b);
	}
	if (w->m->rewritten && w->m->rewritten(w->m->copied_ctx,
	    in_lines(a, names, want->n_rewrites)))
		return;
	for (size_t i = 0; i < want->n_rewrites; i++)
		w->changes[rules[i]] = true;
	op = add_op(w, OP_REPLACE, rules);
	op->names = names;
	op->n_names = want->n_rewrites;
	w->item->rewrites = rules_rewrite_keep(a, want->rewrites,
	    want->n_rewrites);
	w->item->n_rewrites = want->n_rewrites;
	w->item->new_thread = want->new_thread;
}

static void add_outside(struct adding *w, enum op_kind kind,
    const struct errand *errand, struct str what)
{
	struct op *op = add_one(w, kind, errand->rule);

	op->errand = errand;
	op->mailbox = arena_str(w->p->arena, what);
}

/* Of what a verdict holds only for a while. */
static const struct errand *errand_copy(struct arena *a,
    const struct errand *from)
{
	struct errand *e = arena_make(a, struct errand);
	const char **argv;
	size_t n = 0;

	*e = *from;
	e->summary = arena_str(a, from->summary);
	e->body = arena_str(a, from->body);
	while (from->argv && from->argv[n])
		n++;
	argv = arena_array(a, n + 1, sizeof(*argv));
	for (size_t i = 0; i < n; i++)
		argv[i] = arena_z(a, str_of(from->argv[i]));
	e->argv = argv;
	return e;
}

static void add_notify(struct adding *w, const struct errand *errand)
{
	const struct plan_message *m = w->m;
	bool all = errand->n_channels == 0;
	size_t n = all ? m->n_channels : errand->n_channels;

	for (size_t i = 0; i < n; i++)
		add_outside(w, OP_NOTIFY, errand, all ? m->channels[i] :
		    errand->channels[i]);
}

/* One that was not done, or perhaps not, keeps the message where it is, but
 * for those that only tell of it. */
static void add_errand(struct adding *w, const struct errand *errand)
{
	const struct plan_message *m = w->m;
	bool bad = false;

	if (!m->errands)
		return;
	if (m->errand_known && m->errand_known(m->copied_ctx, errand, &bad)) {
		w->undone |= bad && errand->kind != ERRAND_NOTIFY;
		return;
	}
	errand = errand_copy(w->p->arena, errand);
	switch (errand->kind) {
	case ERRAND_NOTIFY:
		add_notify(w, errand);
		break;
	case ERRAND_RUN:
		add_outside(w, OP_RUN, errand, str_of(errand->argv[0]));
		break;
	case ERRAND_FORWARD:
		add_outside(w, OP_FORWARD, errand, errand->to);
		break;
	}
}

/* Nobody needs to hear of what is unknown for a few minutes each time. */
static bool is_late(const struct rule_result *r)
{
	return !r->failed && r->truth == TRUTH_UNKNOWN &&
	    str_eq_z(str_of(r->unknown), RULES_SEARCH_LATE);
}

static bool has_notes(const struct verdict *v)
{
	bool any = v->n_failed > 0;

	for (size_t i = 0; i < v->n_rules && v->n_unknown && !any; i++)
		any = v->rules[i].truth == TRUTH_UNKNOWN &&
		    !is_late(&v->rules[i]);
	return any;
}

static void add_notes(struct adding *w)
{
	struct plan_item *item = w->item;

	item->notes = arena_array(w->p->arena,
	    w->v->n_unknown + w->v->n_failed + 1, sizeof(item->notes[0]));
	for (size_t i = 0; i < w->v->n_rules; i++) {
		const struct rule_result *r = &w->v->rules[i];
		struct plan_note *note = &item->notes[item->n_notes];

		if (r->failed)
			note->text = arena_str(w->p->arena, r->failure);
		else if (r->truth == TRUTH_UNKNOWN && !is_late(r))
			note->text = arena_str(w->p->arena,
			    str_of(r->unknown));
		else
			continue;
		note->rule = (uint32_t)r->rule;
		note->failed = r->failed;
		note->on_error = r->on_error;
		item->n_notes++;
	}
}

static void add_fired(struct adding *w)
{
	struct plan_item *item = w->item;

	item->rules = arena_array(w->p->arena, w->v->n_fired + 1,
	    sizeof(item->rules[0]));
	for (size_t i = 0; i < w->v->n_rules; i++) {
		const struct rule_result *r = &w->v->rules[i];

		if (r->truth == TRUTH_TRUE && r->reached && !r->failed)
			item->rules[item->n_rules++] = (uint32_t)r->rule;
	}
}

static void count(struct adding *w)
{
	for (size_t i = 0; i < w->v->n_rules; i++) {
		const struct rule_result *r = &w->v->rules[i];
		struct rule_tally *t = &w->p->tally[r->rule];

		if (r->failed) {
			t->failed++;
			if (w->changes[r->rule])
				t->changes++;
		} else if (r->truth == TRUTH_UNKNOWN) {
			t->unknown++;
		} else if (r->truth == TRUTH_TRUE && r->reached) {
			t->matched++;
			if (w->changes[r->rule])
				t->changes++;
			else
				t->already++;
		}
	}
}

static void remember(struct plan *p, struct plan_item *item,
    const struct plan_message *m)
{
	const struct facts *f = m->facts;

	item->uid = f->uid;
	item->size = f->known & RULES_ASK_SIZE ? f->size : f->size_most;
	item->id = m->id;
	item->id.message_id = arena_str(p->arena, m->id.message_id);
	item->from = arena_str(p->arena, utf8_head(m->from, PLAN_TEXT_MAX));
	item->subject = arena_str(p->arena,
	    utf8_head(m->subject, PLAN_TEXT_MAX));
	item->received = f->known & RULES_ASK_RECEIVED ? f->received :
	    TIME_NONE;
	item->flags = copy_list(p->arena, f->flags, f->n_flags);
	item->n_flags = f->n_flags;
	item->labels = copy_list(p->arena, f->labels, f->n_labels);
	item->n_labels = f->n_labels;
	if (f->inbox_is_label && f->in_inbox)
		item->labels[item->n_labels++] = STR_LIT("\\Inbox");
}

/* The wants as Gmail has them. */
static void translate(struct adding *w, struct wants *out)
{
	struct wants want = w->v->wants;
	const struct want_place *refused;
	const char *why;

	if (stays(w, &want.place))
		want.place.kind = PLACE_STAY;
	gmail_wants(w->p->arena, &want, w->places, w->m->facts, out,
	    &refused, &why);
	if (refused)
		refuse(w, refused, why);
}

struct plan_item *plan_add(struct plan *p, const struct plan_message *m,
    const struct verdict *v, const struct place_names *places)
{
	const struct wants *want = &v->wants;
	struct adding w = { .p = p, .m = m, .v = v, .places = places };
	struct plan_item *item;
	struct wants gmail;

	if (v->n_fired + v->n_unknown + v->n_failed == 0)
		return NULL;
	arena_grow(p->arena, &p->items, p->n_items, &p->cap_items);
	item = &p->items[p->n_items++];
	*item = (struct plan_item){ .first_op = p->n_ops };
	w.item = item;
	w.changes = p->changes;
	memset(w.changes, 0, v->n_rules * sizeof(bool));
	for (size_t i = 0; i < v->wants.n_errands; i++)
		add_errand(&w, &v->wants.errands[i]);
	if (places->gmail) {
		translate(&w, &gmail);
		want = &gmail;
	}
	add_names(&w, want->flags, want->n_flags, true, true);
	add_names(&w, want->flags, want->n_flags, false, true);
	add_labels(&w, want->labels, want->n_labels, true);
	add_labels(&w, want->labels, want->n_labels, false);
	add_replacement(&w);
	for (size_t i = 0; i < want->n_copies; i++)
		add_copy(&w, &want->copies[i], places);
	add_place(&w, &want->place, places);
	count(&w);
	if (item->n_ops == 0 && !item->failed && !has_notes(v)) {
		p->n_items--;
		return NULL;
	}
	remember(p, item, m);
	add_fired(&w);
	add_notes(&w);
	return item;
}

size_t plan_targets(const struct plan *p, bool labels_are_mailboxes,
    struct str **list_out)
{
	struct str *list = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct op *op = &p->ops[i];
		const struct str *to = &op->mailbox;
		size_t n_to = op->kind == OP_COPY || op->kind == OP_MOVE;

		if (labels_are_mailboxes && op->kind == OP_ADD_LABELS) {
			to = op->names;
			n_to = op->n_names;
		}
		for (size_t k = 0; k < n_to; k++)
			if (!facts_have(list, n, to[k], false)) {
				arena_grow(p->arena, &list, n, &cap);
				list[n++] = to[k];
			}
	}
	*list_out = list;
	return n;
}

const char *op_kind_name(enum op_kind kind)
{
	static const char *const names[] = {
		[OP_ADD_FLAGS] = "flag",
		[OP_REMOVE_FLAGS] = "unflag",
		[OP_ADD_LABELS] = "label",
		[OP_REMOVE_LABELS] = "unlabel",
		[OP_COPY] = "copy",
		[OP_MOVE] = "move",
		[OP_DELETE] = "delete",
		[OP_NOTIFY] = "notify", [OP_RUN] = "run",
		[OP_FORWARD] = "forward",
		[OP_REPLACE] = "rewrite",
	};

	return names[kind];
}

void plan_op_text(struct buf *b, const struct op *op)
{
	buf_add_z(b, op_kind_name(op->kind));
	if (op->kind == OP_COPY || op->kind == OP_MOVE || op->errand) {
		buf_add_z(b, op->kind == OP_NOTIFY || op->kind == OP_RUN ?
		    " " : " to ");
		buf_add_str(b, op->mailbox);
		return;
	}
	for (size_t i = 0; i < op->n_names; i++) {
		buf_add_z(b, i ? ", " : " ");
		buf_add_str(b, op->names[i]);
	}
}
