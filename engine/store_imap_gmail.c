/*
 * The IMAP store on Gmail: what must be looked at there.
 *
 * An answer proves little: a STORE that got OK has been seen to do nothing,
 * one that got NO to be done, and one for a UID that has gone is always OK.
 * So labels and flags are read back, and a message that is not in the mailbox
 * any more is found again in All Mail by X-GM-MSGID, which is all that stays.
 */
#include "store_imap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gmail.h"

#define FIND_AGAIN_MAX	1000	/* messages that one apply looks for */

static bool names_only(const struct op *op)
{
	return op->kind == OP_ADD_FLAGS || op->kind == OP_REMOVE_FLAGS ||
	    op->kind == OP_ADD_LABELS || op->kind == OP_REMOVE_LABELS;
}

/* ------------------------------------------------------------ read back */

struct reading {
	struct store_imap *s;
	struct op **ops;	/* those that were sent, by UID */
	size_t n;
	bool *came;		/* parallel */
	struct arena *message;
};

static int by_uid(const void *a, const void *b)
{
	uint32_t x = (*(struct op *const *)a)->uid;
	uint32_t y = (*(struct op *const *)b)->uid;

	return x < y ? -1 : x > y;
}

static size_t first_of(const struct reading *r, uint32_t uid)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->ops[mid]->uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void facts_of(struct reading *r, const struct imap_fetched *m,
    struct facts *f)
{
	struct str *flags;

	*f = (struct facts){ .mailbox = r->s->selected };
	f->n_flags = imap_flag_names(r->message, &m->flags, &flags);
	f->flags = flags;
	gmail_facts(r->message, r->s->special, m->gm_labels, m->n_gm_labels,
	    f);
}

static bool is_so(const struct facts *f, const struct op *op, struct str name)
{
	bool add = op->kind == OP_ADD_FLAGS || op->kind == OP_ADD_LABELS;

	if (op->kind == OP_ADD_LABELS || op->kind == OP_REMOVE_LABELS)
		return gmail_has(f, name) == add;
	for (size_t i = 0; i < f->n_flags; i++)
		if (str_ieq(f->flags[i], name))
			return add;
	return !add;
}

static void compare(struct reading *r, struct op *op, const struct facts *f)
{
	for (size_t i = 0; i < op->n_names; i++) {
		if (is_so(f, op, op->names[i]))
			continue;
		if (op->outcome != OP_DONE)
			return;		/* refused, and not done */
		op->outcome = OP_FAILED;
		op->retry = false;
		op->reason = arena_printf(r->s->base.arena, "Gmail said OK "
		    "and did nothing about %.*s", STR_ARG(op->names[i]));
		return;
	}
	op->outcome = OP_DONE;
}

static bool on_read(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct reading *r = arg;
	struct facts f;

	(void)e;
	if (!(m->have & IMAP_UID) || !(m->have & IMAP_FLAGS) ||
	    !(m->have & IMAP_GM_LABELS))
		return true;
	arena_reset(r->message);
	facts_of(r, m, &f);
	for (size_t i = first_of(r, m->uid); i < r->n &&
	    r->ops[i]->uid == m->uid; i++) {
		compare(r, r->ops[i], &f);
		r->came[i] = true;
	}
	return true;
}

static bool was_sent(const struct op *op)
{
	return names_only(op) && op->sent &&
	    (op->outcome == OP_DONE || op->outcome == OP_FAILED);
}

static bool read_labels(struct reading *r, const struct uidset *set,
    struct err *e)
{
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = set,
		.items = IMAP_FLAGS | IMAP_GM_LABELS,
		.each = on_read,
		.arg = r,
	};

	return imap_fetch(r->s->session, r->s->arena, &ask, &answer, e) &&
	    store_imap_wait(r->s, e) &&
	    imap_answered(&answer->answer, ERR_TEMP, e,
	    "cannot read the labels back in %.*s", STR_ARG(r->s->selected));
}

bool gmail_read_back(struct store_imap *s, struct op *ops, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct reading r = { .s = s, .message = arena_new() };
	struct uidset set;
	bool ok = true;

	r.ops = arena_array(a, n + 1, sizeof(struct op *));
	for (size_t i = 0; i < n; i++)
		if (was_sent(&ops[i]))
			r.ops[r.n++] = &ops[i];
	if (r.n) {
		qsort(r.ops, r.n, sizeof(r.ops[0]), by_uid);
		r.came = arena_array(a, r.n, sizeof(bool));
		uidset_init(&set, a);
		for (size_t i = 0; i < r.n; i++)
			uidset_add(&set, r.ops[i]->uid);
		ok = read_labels(&r, &set, e);
	}
	for (size_t i = 0; ok && i < r.n; i++)
		if (!r.came[i]) {
			r.ops[i]->outcome = OP_FAILED;
			r.ops[i]->retry = r.ops[i]->gone = true;
			r.ops[i]->reason = STR_LIT("it has left the mailbox "
			    "meanwhile");
		}
	/* without having looked nothing is sure */
	for (size_t i = 0; !ok && i < r.n; i++) {
		r.ops[i]->outcome = OP_UNSURE;
		r.ops[i]->reason = STR_LIT("it could not be read back");
	}
	arena_free(&r.message);
	arena_free(&a);
	return ok;
}

/* ----------------------------------------------------------- find again */

static struct str msgid_criteria(struct arena *a, const struct identity *id)
{
	return arena_printf(a, "X-GM-MSGID %" PRIu64, gmail_msgid(id));
}

/* In the selected mailbox. */
bool gmail_find(struct store_imap *s, const struct identity *id,
    uint32_t *uid_out, struct err *e)
{
	struct imap_found *found;

	*uid_out = 0;
	if (!imap_search(s->session, s->arena, msgid_criteria(s->arena, id),
	    NULL, &found, e) || !store_imap_wait(s, e) ||
	    !imap_answered(&found->answer, ERR_TEMP, e,
	    "cannot look for a message in %.*s", STR_ARG(s->selected)))
		return false;
	if (found->uids && found->uids->n)
		*uid_out = found->uids->ranges[0].low;
	return true;
}

/* Some messages and their UIDs in another mailbox. */
struct hunt {
	struct store_imap *s;
	struct op **ops;	/* one each stands for a message */
	struct imap_found **found;
	uint32_t *uids;		/* in Trash, as COPYUID told them; 0: it did
				 * not */
	uint32_t uidvalidity;	/* of these */
	size_t n;
};

static bool seek(struct hunt *h, struct err *e)
{
	struct store_imap *s = h->s;

	for (size_t i = 0; i < h->n; i++)
		if (!imap_search(s->session, s->arena,
		    msgid_criteria(s->arena, h->ops[i]->id), NULL,
		    &h->found[i], e))
			return false;
	return h->n == 0 || store_imap_wait(s, e);
}

static uint32_t found_uid(const struct hunt *h, size_t i)
{
	const struct imap_found *f = h->found[i];

	return f->answer.end == IMAP_OK && f->uids && f->uids->n ?
	    f->uids->ranges[0].low : 0;
}

static bool hunts(const struct op *op)
{
	return op->id && gmail_msgid(op->id);
}

static bool is_lost_move(const struct op *op)
{
	return op->kind == OP_MOVE && op->outcome == OP_FAILED && op->gone &&
	    hunts(op);
}

/* Those of H were to go to one mailbox: what is there has gone there. */
static bool look_in_target(struct hunt *h, struct err *e)
{
	struct mailbox_state state;
	struct err mine = { 0 };

	if (!store_imap_select(&h->s->base, h->ops[0]->mailbox, false,
	    &state, &mine)) {
		if (mine.kind == ERR_MESSAGE)
			return true;
		*e = mine;
		return false;
	}
	h->found = arena_array(h->s->arena, h->n, sizeof(*h->found));
	if (!seek(h, e))
		return false;
	for (size_t i = 0; i < h->n; i++) {
		if (!found_uid(h, i))
			continue;
		h->ops[i]->outcome = OP_DONE;
		h->ops[i]->gone = false;
		h->ops[i]->dest_uid = found_uid(h, i);
		h->ops[i]->dest_uidvalidity = state.uidvalidity;
	}
	return true;
}

bool gmail_find_moved(struct store_imap *s, struct op *ops, size_t n,
    struct err *e)
{
	struct hunt h = { .s = s };
	struct str here = s->selected;
	uint32_t uidvalidity = s->uidvalidity;
	bool *looked = arena_array(s->arena, n + 1, sizeof(*looked));
	bool any = false;

	h.ops = arena_array(s->arena, n + 1, sizeof(*h.ops));
	for (size_t i = 0; i < n; i++) {
		h.n = 0;
		for (size_t k = i; k < n && h.n < FIND_AGAIN_MAX; k++)
			if (is_lost_move(&ops[k]) && !looked[k] &&
			    (h.n == 0 || str_eq(ops[k].mailbox,
			    h.ops[0]->mailbox))) {
				looked[k] = true;
				h.ops[h.n++] = &ops[k];
			}
		if (h.n == 0)
			break;
		any = true;
		if (!look_in_target(&h, e))
			return false;
	}
	return !any || store_imap_return(s, here, true, uidvalidity, e);
}

/* What is not in All Mail is in Trash or Spam, or gone: a move there is
 * done, by us or by somebody. */
static void left_all_mail(struct hunt *h, struct op *ops, size_t n)
{
	for (size_t i = 0; i < h->n; i++)
		for (size_t m = 0; !found_uid(h, i) && m < n; m++)
			if (ops[m].item == h->ops[i]->item && ops[m].gone &&
			    ops[m].kind == OP_MOVE &&
			    h->found[i]->answer.end == IMAP_OK)
				ops[m].outcome = OP_DONE;
}

/*
 * The rest of what is wanted of the messages in H, under their UIDs in the
 * mailbox that is selected now.  Ops of one message stand together.
 */
static bool go_on(struct hunt *h, struct op *ops, size_t n, struct err *e)
{
	struct op *again = arena_array(h->s->arena, n + 1, sizeof(*again));
	struct op **from = arena_array(h->s->arena, n + 1, sizeof(*from));
	size_t k = 0;
	bool ok;

	for (size_t i = 0; i < h->n; i++) {
		uint32_t uid = found_uid(h, i);

		for (size_t m = 0; uid && m < n; m++) {
			if (ops[m].item != h->ops[i]->item ||
			    ops[m].outcome != OP_FAILED || !ops[m].retry)
				continue;
			from[k] = &ops[m];
			again[k] = ops[m];
			again[k].uid = uid;
			again[k].outcome = OP_TODO;
			again[k].retry = again[k].gone = false;
			again[k].sent = again[k].held = false;
			again[k++].reason = STR_EMPTY;
		}
	}
	left_all_mail(h, ops, n);
	if (k == 0)
		return true;
	ok = store_imap_apply_here(h->s, again, k, e);
	for (size_t i = 0; i < k; i++) {
		again[i].uid = from[i]->uid;
		*from[i] = again[i];
	}
	return ok;
}

/* One op for each message that has left the mailbox. */
static void gather_gone(struct hunt *h, struct op *ops, size_t n)
{
	for (size_t i = 0; i < n && h->n < FIND_AGAIN_MAX; i++) {
		if (!ops[i].gone || ops[i].outcome != OP_FAILED ||
		    !hunts(&ops[i]))
			continue;
		if (h->n == 0 || h->ops[h->n - 1]->item != ops[i].item)
			h->ops[h->n++] = &ops[i];
	}
}

bool gmail_find_again(struct store_imap *s, struct op *ops, size_t n,
    struct err *e)
{
	struct hunt h = { .s = s };
	struct str here = s->selected, all;
	uint32_t uidvalidity = s->uidvalidity;
	struct mailbox_state state;
	struct err mine = { 0 };

	h.ops = arena_array(s->arena, n + 1, sizeof(*h.ops));
	gather_gone(&h, ops, n);
	if (h.n == 0)
		return true;
	if (!s->base.kind.special(&s->base, STR_LIT(GMAIL_ALL), &all,
	    &mine) || str_eq(all, here) ||
	    !store_imap_select(&s->base, all, true, &state, &mine)) {
		if (mine.kind == ERR_NONE || mine.kind == ERR_MESSAGE)
			return store_imap_return(s, here, true, uidvalidity,
			    e);
		*e = mine;
		return false;
	}
	h.found = arena_array(s->arena, h.n, sizeof(struct imap_found *));
	return seek(&h, e) && go_on(&h, ops, n, e) &&
	    store_imap_return(s, here, true, uidvalidity, e);
}

/* --------------------------------------------------------------- delete */

static bool expunge_all(struct store_imap *s, const struct uidset *set,
    struct err *e)
{
	static const struct str deleted = { "\\Deleted", 8 };
	struct imap_change *change;

	return imap_store(s->session, s->arena, set, IMAP_ADD,
	    IMAP_STORE_FLAGS, &deleted, 1, 0, &change, e) &&
	    store_imap_wait(s, e) &&
	    imap_expunge(s->session, s->arena, set, &change, e) &&
	    store_imap_wait(s, e);
}

/* What of H is in Trash, which is selected, goes for ever: those of which the
 * move told the UID, or that a search finds.  The others stay unsure. */
static bool purge(struct hunt *h, uint32_t uidvalidity, struct err *e)
{
	struct uidset set, left;

	h->found = arena_array(h->s->arena, h->n, sizeof(*h->found));
	uidset_init(&set, h->s->arena);
	uidset_init(&left, h->s->arena);
	if (!seek(h, e))
		return false;
	for (size_t i = 0; i < h->n; i++) {
		if (h->uidvalidity != uidvalidity || !h->uids[i])
			h->uids[i] = found_uid(h, i);
		if (h->uids[i])
			uidset_add(&set, h->uids[i]);
	}
	if (set.n == 0)
		return true;
	if (!expunge_all(h->s, &set, e) ||
	    !store_imap_left(h->s, &set, &left, e))
		return false;
	for (size_t i = 0; i < h->n; i++)
		if (h->uids[i] && !uidset_has(&left, h->uids[i])) {
			h->ops[i]->outcome = OP_DONE;
			h->ops[i]->reason = STR_EMPTY;
		}
	return true;
}

/* Until a look finds that it is so, it is not sure: recover goes on. */
static void not_yet(struct op *op)
{
	op->outcome = OP_UNSURE;
	op->reason = STR_LIT("it is in Trash, and not surely out of it; the "
	    "next run looks");
}

/* Moves them to Trash as moves are; then out of it. */
static bool to_trash(struct hunt *h, struct str trash, struct err *e)
{
	struct op *moves = arena_array(h->s->arena, h->n, sizeof(*moves));
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < h->n; i++) {
		moves[i] = *h->ops[i];
		moves[i].kind = OP_MOVE;
		moves[i].mailbox = trash;
		moves[i].outcome = OP_TODO;
		moves[i].sent = moves[i].gone = false;
	}
	ok = store_imap_apply_here(h->s, moves, h->n, e);
	for (size_t i = 0; i < h->n; i++) {
		h->ops[i]->outcome = moves[i].outcome;
		h->ops[i]->retry = moves[i].retry;
		h->ops[i]->gone = moves[i].gone;
		h->ops[i]->reason = moves[i].reason;
		if (moves[i].outcome == OP_DONE) {
			not_yet(h->ops[i]);
			if (moves[i].dest_uid)
				h->uidvalidity = moves[i].dest_uidvalidity;
			h->uids[n] = moves[i].dest_uid;
			h->ops[n++] = h->ops[i];
		}
	}
	h->n = n;
	return ok;
}

/* Of H what is in the selected mailbox, under its UIDs there. */
static void keep_found(const struct hunt *h, struct hunt *out)
{
	for (size_t i = 0; i < h->n; i++)
		if (found_uid(h, i)) {
			h->ops[i]->uid = found_uid(h, i);
			out->ops[out->n++] = h->ops[i];
		}
}

/* What was expunged from Trash has been seen to stand in All Mail again, and
 * to go when it was done once more. */
static bool delete_again(struct hunt *h, struct str trash, struct err *e)
{
	struct store_imap *s = h->s;
	struct hunt back = { .s = s };
	uint32_t *uids = arena_array(s->arena, h->n, sizeof(*uids));
	struct op **ops = arena_array(s->arena, h->n, sizeof(*ops));
	struct mailbox_state state;
	struct str all;
	struct err mine = { 0 };
	bool ok;

	if (!s->base.kind.special(&s->base, STR_LIT(GMAIL_ALL), &all,
	    &mine) || !store_imap_select(&s->base, all, true, &state,
	    &mine)) {
		*e = mine;
		return mine.kind == ERR_MESSAGE;	/* it is hidden */
	}
	for (size_t i = 0; i < h->n; i++) {
		ops[i] = h->ops[i];
		uids[i] = ops[i]->uid;
	}
	back.ops = arena_array(s->arena, h->n, sizeof(*back.ops));
	back.uids = arena_array(s->arena, h->n, sizeof(*back.uids));
	ok = seek(h, e);
	if (ok)
		keep_found(h, &back);
	ok = ok && (back.n == 0 || (to_trash(&back, trash, e) &&
	    store_imap_select(&s->base, trash, true, &state, e) &&
	    (back.n == 0 || purge(&back, state.uidvalidity, e))));
	for (size_t i = 0; i < h->n; i++)
		ops[i]->uid = uids[i];
	return ok;
}

bool gmail_delete(struct store_imap *s, struct op *ops, size_t n,
    struct err *e)
{
	struct hunt h = { .s = s };
	struct str here = s->selected, trash;
	uint32_t uidvalidity = s->uidvalidity;
	struct mailbox_state state;

	h.ops = arena_array(s->arena, n + 1, sizeof(*h.ops));
	for (size_t i = 0; i < n; i++)
		if (ops[i].kind == OP_DELETE && ops[i].outcome == OP_TODO &&
		    hunts(&ops[i]))
			h.ops[h.n++] = &ops[i];
	if (h.n == 0)
		return true;
	if (!s->base.kind.special(&s->base, STR_LIT("\\Trash"), &trash, e))
		return false;
	h.uids = arena_array(s->arena, h.n, sizeof(*h.uids));
	if (str_eq(here, trash))
		for (size_t i = 0; i < h.n; i++)
			not_yet(h.ops[i]);
	else if (!to_trash(&h, trash, e))
		return false;
	return h.n == 0 || (store_imap_select(&s->base, trash, true, &state,
	    e) && purge(&h, state.uidvalidity, e) &&
	    delete_again(&h, trash, e) &&
	    store_imap_return(s, here, true, uidvalidity, e));
}
