#include "undo.h"

#include "gmail.h"
#include "identity.h"
#include "plan.h"
#include "step.h"

#include <stdlib.h>
#include <string.h>

#define HOPS_MAX	100	/* places that one message is followed to */

/* A message that this undo has put somewhere else. */
struct spot {
	struct str from_mailbox, mailbox;
	uint32_t from_uid, uid;		/* 0: it is to be looked for */
};

static bool same_place(struct str mailbox, uint32_t uid, struct str other,
    uint32_t other_uid)
{
	return uid == other_uid && str_eq(mailbox, other);
}

/* ----------------------------------------------------------------- collect */

static struct str kept(struct undo *u, struct str s)
{
	return arena_str(u->arena, s);
}

static bool keep_change(void *ctx, const struct change *c,
    const struct run_record *r, struct err *e)
{
	struct undo *u = ctx;
	struct change *mine;

	(void)r;
	(void)e;
	if (c->state != CHANGE_DONE)
		return true;
	arena_grow(u->arena, &u->items, u->n_items, &u->cap_items);
	u->items[u->n_items] = (struct undo_item){ .change = *c };
	mine = &u->items[u->n_items++].change;
	mine->mailbox = kept(u, c->mailbox);
	mine->id_of.message_id = kept(u, c->id_of.message_id);
	mine->from = kept(u, c->from);
	mine->subject = kept(u, c->subject);
	mine->rules = kept(u, c->rules);
	mine->what = kept(u, c->what);
	mine->flags_before = kept(u, c->flags_before);
	mine->labels_before = kept(u, c->labels_before);
	mine->reason = kept(u, c->reason);
	return true;
}

/* ------------------------------------------------------------------ follow */

struct next {
	struct undo *u;
	int64_t after;		/* changes with a higher number only */
	struct str mailbox;
	uint32_t uid;
	bool found;
	struct str to;
	uint32_t to_uid;
	int64_t id;
};

static bool see_next(void *ctx, const struct change *c,
    const struct run_record *r, struct err *e)
{
	struct next *n = ctx;

	(void)r;
	(void)e;
	if (n->found || c->id <= n->after || c->state != CHANGE_DONE ||
	    (c->kind != OP_MOVE && c->kind != OP_REPLACE))
		return true;
	n->found = true;
	n->id = c->id;
	n->to = kept(n->u, c->kind == OP_MOVE ? c->what : c->mailbox);
	n->to_uid = c->dest_uid;
	return true;
}

static const struct spot *find_spot(const struct undo *u,
    struct str mailbox, uint32_t uid)
{
	for (size_t i = u->n_spots; i-- > 0; )
		if (same_place(mailbox, uid, u->spots[i].from_mailbox,
		    u->spots[i].from_uid))
			return &u->spots[i];
	return NULL;
}

static void add_spot(struct undo *u, struct str from, uint32_t from_uid,
    struct str to, uint32_t to_uid)
{
	arena_grow(u->arena, &u->spots, u->n_spots, &u->cap_spots);
	u->spots[u->n_spots++] = (struct spot){ from, to, from_uid, to_uid };
}

/* In a dry run: the message would be there again. */
static void would_be(struct undo *u, struct str mailbox, uint32_t uid)
{
	add_spot(u, mailbox, uid, mailbox, uid);
}

/* To where it is by now, as far as the journal tells. */
static bool follow(struct undo *u, struct undo_item *item, struct err *e)
{
	const struct change *c = &item->change;
	int64_t after = c->id;

	item->mailbox = c->kind == OP_MOVE ? c->what : c->mailbox;
	item->uid = c->kind == OP_MOVE || c->kind == OP_REPLACE ?
	    c->dest_uid : c->uid;
	for (int hops = 0; item->uid && hops < HOPS_MAX; hops++) {
		const struct spot *spot = find_spot(u, item->mailbox,
		    item->uid);
		struct history_query q = { .since = TIME_NONE,
		    .mailbox = item->mailbox, .uid = item->uid };
		struct next next = { .u = u, .after = after };

		if (spot) {
			item->mailbox = spot->mailbox;
			item->uid = spot->uid;
			return true;
		}
		if (!journal_history(u->journal, &q, see_next, &next, e))
			return false;
		if (!next.found)
			return true;
		item->mailbox = next.to;
		item->uid = next.to_uid;
		after = next.id;
	}
	return true;
}

/* ------------------------------------------------------- one mailbox's ops */

struct work {
	struct undo *u;
	struct undo_item **v;	/* in one mailbox */
	size_t n;
	bool *same;		/* parallel: it is that message */
	struct arena *message;
};

static bool compare(void *ctx, const struct fetched *f, struct err *e)
{
	struct work *w = ctx;
	struct identity id;
	struct mail *m;

	(void)e;
	arena_reset(w->message);
	m = f->have ? mail_make(w->message, f->bytes, f->have, NULL, 0) : NULL;
	if (!identity_of_fetched(w->message, f, m, &id))
		return true;
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i]->uid == f->facts.uid)
			w->same[i] = identity_eq(&id,
			    &w->v[i]->change.id_of);
	return true;
}

static void cannot(struct undo_item *item, const char *why)
{
	item->outcome = UNDO_CANNOT;
	item->reason = str_of(why);
}

/* Is each the message that was changed? */
static bool check(struct work *w, struct err *e)
{
	struct fetch_items items = { .ask = RULES_ASK_SIZE |
	    RULES_ASK_FIELDS, .whole_header = true };
	struct store *s = w->u->store;
	struct uidset set;
	bool ok;

	uidset_init(&set, w->u->arena);
	w->same = arena_array(w->u->arena, w->n + 1, sizeof(bool));
	for (size_t i = 0; i < w->n; i++)
		uidset_add(&set, w->v[i]->uid);
	w->message = arena_new();
	ok = s->kind.fetch(s, &set, &items, compare, w, e);
	arena_free(&w->message);
	for (size_t i = 0; ok && i < w->n; i++) {
		w->same[i] |= w->u->dry_run && find_spot(w->u,
		    w->v[i]->mailbox, w->v[i]->uid);
		if (!w->same[i])
			cannot(w->v[i], "the message is not there any more, "
			    "or is another one");
	}
	return ok;
}

static bool opposite(enum op_kind kind, enum op_kind *out)
{
	static const struct {
		enum op_kind kind, back;
	} pairs[] = {
		{ OP_ADD_FLAGS, OP_REMOVE_FLAGS },
		{ OP_REMOVE_FLAGS, OP_ADD_FLAGS },
		{ OP_ADD_LABELS, OP_REMOVE_LABELS },
		{ OP_REMOVE_LABELS, OP_ADD_LABELS },
		{ OP_MOVE, OP_MOVE },
	};

	for (size_t i = 0; i < COUNT(pairs); i++)
		if (pairs[i].kind == kind) {
			*out = pairs[i].back;
			return true;
		}
	return false;
}

static void op_of(struct undo *u, const struct undo_item *item,
    struct op *op)
{
	const struct change *c = &item->change;
	struct str rest = c->what, name, *names = NULL;
	size_t n = 0, cap = 0;

	*op = (struct op){ .uid = item->uid, .id = &c->id_of };
	opposite(c->kind, &op->kind);
	if (c->kind == OP_MOVE) {
		op->mailbox = c->mailbox;
		return;
	}
	while (str_cut(&rest, '\n', &name)) {
		arena_grow(u->arena, &names, n, &cap);
		names[n++] = name;
	}
	op->names = names;
	op->n_names = n;
}

static bool begin_run(struct undo *u, struct err *e)
{
	return u->run || journal_run_begin(u->journal, STR_LIT("undo"),
	    &u->run, e);
}

static void change_of(const struct undo *u, const struct work *w,
    const struct undo_item *item, const struct op *op, uint32_t uidvalidity,
    struct change *c)
{
	*c = item->change;
	c->id = 0;
	c->run = u->run;
	c->time = u->now;
	c->mailbox = w->v[0]->mailbox;
	c->uidvalidity = uidvalidity;
	c->uid = op->uid;
	c->kind = op->kind;
	if (op->kind == OP_MOVE)
		c->what = op->mailbox;
	c->dest_uidvalidity = op->dest_uidvalidity;
	c->dest_from_uid = op->dest_from_uid;
	c->dest_uid = 0;
	c->reason = STR_EMPTY;
}

/* After the journal has said so. */
static void take_outcome(struct undo *u, struct undo_item *item,
    const struct op *op)
{
	if (op->outcome == OP_DONE) {
		item->outcome = UNDO_DONE;
		if (op->kind == OP_MOVE)
			add_spot(u, item->change.mailbox, item->change.uid,
			    op->mailbox, op->dest_uid);
		return;
	}
	item->outcome = UNDO_FAILED;
	item->reason = op->reason.n ? op->reason :
	    STR_LIT("the connection ended first");
}

static bool make_mailboxes(struct store *s, const struct op *ops, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].kind == OP_MOVE && (i == 0 || !str_eq(
		    ops[i].mailbox, ops[i - 1].mailbox)) &&
		    !s->kind.create(s, ops[i].mailbox, e))
			return false;
	return true;
}

static bool settle(struct undo *u, struct undo_item **items,
    struct change *rows, const struct op *ops, size_t n, struct err *e)
{
	struct change *known = arena_array(u->arena, n + 1, sizeof(*known));
	int64_t *undone = arena_array(u->arena, n + 1, sizeof(*undone));
	size_t n_known = 0, n_undone = 0;

	for (size_t i = 0; i < n; i++) {
		if (ops[i].outcome == OP_UNSURE)
			continue;
		known[n_known] = rows[i];
		known[n_known].state = ops[i].outcome == OP_DONE ?
		    CHANGE_DONE : ops[i].outcome == OP_FAILED ?
		    CHANGE_FAILED : CHANGE_VOID;
		known[n_known].reason = ops[i].reason;
		known[n_known].dest_uid = ops[i].dest_uid;
		if (ops[i].dest_uid)
			known[n_known].dest_uidvalidity =
			    ops[i].dest_uidvalidity;
		n_known++;
		if (ops[i].outcome == OP_DONE)
			undone[n_undone++] = items[i]->change.id;
	}
	return journal_settle(u->journal, STR_EMPTY, known, n_known, NULL, 0,
	    NULL, e) && journal_undone(u->journal, undone, n_undone, e);
}

/* W is in one mailbox, which is selected. */
static bool apply(struct work *w, uint32_t uidvalidity, struct err *e)
{
	struct undo *u = w->u;
	struct store *s = u->store;
	struct undo_item **items = arena_array(u->arena, w->n + 1,
	    sizeof(*items));
	struct op *ops = arena_array(u->arena, w->n + 1, sizeof(*ops));
	struct change *rows = arena_array(u->arena, w->n + 1, sizeof(*rows));
	size_t n = 0;
	bool ok;

	if (!check(w, e))
		return false;
	for (size_t i = 0; i < w->n; i++)
		if (w->same[i]) {
			op_of(u, w->v[i], &ops[n]);
			items[n++] = w->v[i];
		}
	for (size_t i = 0; u->dry_run && i < n; i++)
		if (ops[i].kind == OP_MOVE)
			would_be(u, items[i]->change.mailbox,
			    items[i]->change.uid);
	if (u->dry_run || n == 0)
		return true;
	if (!make_mailboxes(s, ops, n, e) ||
	    !s->kind.prepare(s, ops, n, e) || !begin_run(u, e))
		return false;
	for (size_t i = 0; i < n; i++)
		change_of(u, w, items[i], &ops[i], uidvalidity, &rows[i]);
	if (!journal_intend(u->journal, rows, n, e))
		return false;
	step("undo-intended");
	ok = s->kind.apply(s, ops, n, e);
	for (size_t i = 0; i < n; i++)
		take_outcome(u, items[i], &ops[i]);
	return settle(u, items, rows, ops, n, ok ? e : &(struct err){ 0 }) &&
	    ok;
}

/* A place whose UID no server told, or that our undo has filled. */
static bool find_uid(struct undo *u, struct undo_item *item, struct err *e)
{
	struct mailbox_state state;

	if (item->uid)
		return true;
	return u->store->kind.select(u->store, item->mailbox, false, &state,
	    e) && u->store->kind.find(u->store, item->mailbox,
	    state.uidvalidity, 1, &item->change.id_of, &item->uid, e);
}

/* On Gmail labels and flags are a message's own, wherever it is shown. */
static bool find_item(struct undo *u, struct undo_item *item, struct err *e)
{
	struct mailbox_state state;

	if (!follow(u, item, e))
		return false;
	if (u->dry_run && find_spot(u, item->mailbox, item->uid))
		return true;
	if (u->store->kind.labels != LABELS_GMAIL ||
	    item->change.kind == OP_MOVE)
		return find_uid(u, item, e);
	return u->store->kind.special(u->store, STR_LIT(GMAIL_ALL),
	    &item->mailbox, e) && u->store->kind.select(u->store,
	    item->mailbox, false, &state, e) && u->store->kind.find(u->store,
	    item->mailbox, state.uidvalidity, 1, &item->change.id_of,
	    &item->uid, e);
}

/* Follows those of LIST, and applies them mailbox by mailbox. */
static bool take_back(struct undo *u, struct undo_item **list, size_t n,
    struct err *e)
{
	bool *taken = arena_array(u->arena, n + 1, sizeof(bool));
	struct work w = { .u = u };
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		ok = find_item(u, list[i], e);
		if (ok && list[i]->uid == 0) {
			cannot(list[i], "where the message is now is not "
			    "known");
			taken[i] = true;
		}
	}
	w.v = arena_array(u->arena, n + 1, sizeof(*w.v));
	for (size_t i = 0; ok && i < n; i++) {
		struct mailbox_state state;
		struct err mine = { 0 };

		if (taken[i])
			continue;
		w.n = 0;
		for (size_t k = i; k < n; k++)
			if (!taken[k] && str_eq(list[k]->mailbox,
			    list[i]->mailbox)) {
				taken[k] = true;
				w.v[w.n++] = list[k];
			}
		if (u->store->kind.select(u->store, list[i]->mailbox,
		    !u->dry_run, &state, &mine)) {
			ok = apply(&w, state.uidvalidity, e);
			continue;
		}
		for (size_t k = 0; k < w.n; k++)
			cannot(w.v[k], "its mailbox cannot be opened");
		if (mine.kind != ERR_MESSAGE) {
			*e = mine;
			ok = false;
		}
	}
	return ok;
}

/* ------------------------------------------------------ rewritten messages */

/* The row of the change; with the copy where it is now. */
static bool read_row(struct undo *u, struct undo_item *item,
    struct replace_row **row_out, struct err *e)
{
	size_t n;

	*row_out = NULL;
	if (!journal_replace_list(u->journal, u->arena, REPLACE_OF_CHANGE,
	    item->change.id, 1, row_out, &n, e) || !follow(u, item, e))
		return false;
	if (n == 0 || (*row_out)->state != REPLACE_DONE) {
		*row_out = NULL;
		cannot(item, n ? "nothing was changed" :
		    "the journal does not know it any more");
		return true;
	}
	if (!str_eq(item->mailbox, (*row_out)->r.mailbox)) {
		*row_out = NULL;
		cannot(item, "the rewritten message was moved since");
		return true;
	}
	/* on Gmail it is in All Mail under the UID that it always had */
	if (str_eq((*row_out)->r.original.mailbox, item->mailbox))
		(*row_out)->r.copy_uid = item->uid;
	return true;
}

static bool restore(struct undo *u, struct undo_item **list, size_t n,
    struct err *e)
{
	struct replace_row **rows = arena_array(u->arena, n + 1,
	    sizeof(*rows));
	struct undo_item **items = arena_array(u->arena, n + 1,
	    sizeof(*items));
	size_t k = 0;
	bool ok;

	for (size_t i = 0; i < n; i++) {
		if (!read_row(u, list[i], &rows[k], e))
			return false;
		if (rows[k])
			items[k++] = list[i];
	}
	/* the original would be there again in the place of its copy */
	for (size_t i = 0; u->dry_run && i < k; i++)
		would_be(u, items[i]->mailbox, items[i]->uid);
	if (u->dry_run || k == 0)
		return true;
	if (!begin_run(u, e))
		return false;
	ok = replace_undo(u->replace, rows, k, e);
	for (size_t i = 0; i < k; i++) {
		const struct replace_row *p = rows[i];

		items[i]->outcome = p->state == REPLACE_UNDONE ? UNDO_DONE :
		    UNDO_FAILED;
		items[i]->reason = p->r.reason;
		if (p->state != REPLACE_UNDONE)
			continue;
		add_spot(u, p->r.mailbox, p->r.uid, p->r.mailbox,
		    str_eq(p->r.original.mailbox, p->r.mailbox) ?
		    p->r.original.uid : 0);
		if (!journal_undone(u->journal, &items[i]->change.id, 1, e))
			return false;
	}
	return ok;
}

/* ----------------------------------------------------------------- the whole */

enum phase { PHASE_PLACES, PHASE_REWRITTEN, PHASE_NAMES, PHASES };

static enum phase phase_of(enum op_kind kind)
{
	return kind == OP_REPLACE ? PHASE_REWRITTEN :
	    kind == OP_MOVE ? PHASE_PLACES : PHASE_NAMES;
}

/* All of one run, the last things first. */
static bool undo_run(struct undo *u, size_t first, size_t n, struct err *e)
{
	struct undo_item **list = arena_array(u->arena, n + 1,
	    sizeof(*list));
	bool ok = true;

	for (int phase = 0; ok && phase < PHASES; phase++) {
		size_t k = 0;

		for (size_t i = n; i-- > 0; ) {
			struct undo_item *item = &u->items[first + i];
			enum op_kind ignored;

			if (phase_of(item->change.kind) != (enum phase)phase)
				continue;
			if (item->change.kind == OP_REPLACE ||
			    opposite(item->change.kind, &ignored))
				list[k++] = item;
			else
				cannot(item, item->change.kind == OP_COPY ?
				    "a copy that was made stays" :
				    "what was deleted for ever is gone");
		}
		ok = phase == PHASE_REWRITTEN ? restore(u, list, k, e) :
		    take_back(u, list, k, e);
	}
	return ok;
}

bool undo_changes(struct undo *u, struct err *e)
{
	bool ok = journal_history(u->journal, &u->query, keep_change, u, e);

	for (size_t end = u->n_items, first; ok && end > 0; end = first) {
		first = end - 1;
		while (first > 0 && u->items[first - 1].change.run ==
		    u->items[end - 1].change.run)
			first--;
		ok = undo_run(u, first, end - first, e);
	}
	for (size_t i = 0; i < u->n_items; i++) {
		u->done += u->items[i].outcome == UNDO_DONE;
		u->failed += u->items[i].outcome == UNDO_FAILED ||
		    u->items[i].outcome == UNDO_CANNOT;
	}
	return ok;
}
