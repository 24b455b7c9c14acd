/*
 * The IMAP store: changing.
 *
 * Equal ops over many messages are one command (cut at 8,000 octets by
 * imap), and all commands that do not hang on each other are one turn:
 *
 *	turn 1	+FLAGS, -FLAGS, COPY; on Gmail +X-GM-LABELS, -X-GM-LABELS,
 *		and a look whether it is so now
 *	turn 2	MOVE, or COPY where there is no MOVE - of the messages for
 *		which turn 1 went well, since what has left the mailbox
 *		cannot be mended any more
 *	then	what was copied so, and what is to be deleted, is marked,
 *		expunged and looked at
 *
 * A lost answer is OP_UNSURE and found out by the next run.  A refused MOVE
 * may be half done (RFC 6851 4.6 lets a server say so), so what is left of
 * it is looked at.
 */
#include "store_imap.h"

#include <stdlib.h>
#include <string.h>

#include "gmail.h"
#include "identity.h"
#include "keyword.h"

/* Ops that are one command. */
struct group {
	enum op_kind kind;
	const struct str *names;	/* as they go on the wire */
	size_t n_names;
	struct str mailbox;
	struct op **ops;	/* ascending by UID */
	size_t n, cap;
	struct uidset uids;
	struct imap_change *change;
};

struct groups {
	struct store_imap *s;
	struct arena *arena;
	struct group *list;
	size_t n, cap;
};

static bool same_names(const struct group *g, const struct str *names,
    size_t n)
{
	if (g->n_names != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(g->names[i], names[i]))
			return false;
	return true;
}

static void fail(struct op *op, bool retry, struct str reason)
{
	op->outcome = OP_FAILED;
	op->retry = retry;
	op->reason = reason;
}

static bool on_gmail(const struct store_imap *s)
{
	return s->base.kind.labels == LABELS_GMAIL;
}

/* Labels become the keywords that carry them; flags stay, and so do the
 * labels of Gmail. */
static bool wire_names(struct groups *gs, struct op *op,
    const struct str **names_out)
{
	struct str *names;
	struct err e = { 0 };

	*names_out = op->names;
	if ((op->kind != OP_ADD_LABELS && op->kind != OP_REMOVE_LABELS) ||
	    on_gmail(gs->s))
		return true;
	names = arena_array(gs->arena, op->n_names, sizeof(*names));
	for (size_t i = 0; i < op->n_names; i++)
		if (!keyword_of_label(gs->arena, op->names[i], &names[i],
		    &e)) {
			fail(op, false, arena_str(gs->s->base.arena,
			    str_of(e.msg)));
			return false;
		}
	*names_out = names;
	return true;
}

static enum op_kind command_kind(const struct store_imap *s,
    enum op_kind kind)
{
	if (on_gmail(s))
		return kind;
	if (kind == OP_ADD_LABELS)
		return OP_ADD_FLAGS;
	if (kind == OP_REMOVE_LABELS)
		return OP_REMOVE_FLAGS;
	return kind;
}

static void group_add(struct groups *gs, struct op *op)
{
	const struct str *names;
	enum op_kind kind = command_kind(gs->s, op->kind);
	struct group *g = NULL;

	if (!wire_names(gs, op, &names))
		return;
	for (size_t i = gs->n; i-- > 0 && !g;)
		if (gs->list[i].kind == kind &&
		    str_eq(gs->list[i].mailbox, op->mailbox) &&
		    same_names(&gs->list[i], names, op->n_names))
			g = &gs->list[i];
	if (!g) {
		arena_grow(gs->arena, &gs->list, gs->n, &gs->cap);
		g = &gs->list[gs->n++];
		*g = (struct group){
			.kind = kind,
			.names = names,
			.n_names = op->n_names,
			.mailbox = op->mailbox,
		};
	}
	arena_grow(gs->arena, &g->ops, g->n, &g->cap);
	g->ops[g->n++] = op;
}

static int by_uid(const void *a, const void *b)
{
	uint32_t x = (*(struct op *const *)a)->uid;
	uint32_t y = (*(struct op *const *)b)->uid;

	return x < y ? -1 : x > y;
}

/* Sorted so that the set is built cheaply and an op is found by its UID. */
static void group_sort(struct groups *gs, struct group *g)
{
	qsort(g->ops, g->n, sizeof(struct op *), by_uid);
	uidset_init(&g->uids, gs->arena);
	for (size_t i = 0; i < g->n; i++)
		uidset_add(&g->uids, g->ops[i]->uid);
}

static struct op *group_find(const struct group *g, uint32_t uid)
{
	size_t low = 0, high = g->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (g->ops[mid]->uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < g->n && g->ops[low]->uid == uid ? g->ops[low] : NULL;
}

/* ------------------------------------------------------------ outcomes */

/* FN for each op of the group that LINK's command speaks of.  A flag and a
 * label may be one keyword: then a message has two ops there. */
static void each_op(struct group *g, const struct imap_change *link,
    void (*fn)(struct op *op, const struct imap_change *link, void *arg),
    void *arg)
{
	for (size_t i = 0; i < g->n; i++)
		if (uidset_has(link->uids, g->ops[i]->uid))
			fn(g->ops[i], link, arg);
}

static void set_outcome(struct op *op, const struct imap_change *link,
    void *arg)
{
	const struct imap_answer *w = &link->answer;
	struct arena *run = arg;

	op->sent = w->end != IMAP_PENDING && w->end != IMAP_UNSENT;
	switch (w->end) {
	case IMAP_OK:
		op->outcome = OP_DONE;
		break;
	case IMAP_NO:
	case IMAP_BAD:
		fail(op, w->temporary, arena_str(run, w->text));
		break;
	case IMAP_LOST:
		op->outcome = OP_UNSURE;
		op->reason = STR_LIT("the connection ended before the answer");
		break;
	case IMAP_PENDING:
	case IMAP_UNSENT:
		break;		/* stays OP_TODO */
	}
}

/* COPYUID tells where each message went. */
static void set_places(struct group *g, const struct imap_change *link)
{
	for (size_t i = 0; i < link->n_pairs; i++) {
		struct op *op = group_find(g, link->pairs[i].from);

		if (!op)
			continue;
		op->dest_uid = link->pairs[i].to;
		op->dest_uidvalidity = link->to_uidvalidity;
	}
}

/* A message that COPYUID does not name was not there any more, or else was
 * left out: it must not be taken for copied. */
static void fail_unnamed(struct op *op, const struct imap_change *link,
    void *arg)
{
	(void)link;
	(void)arg;
	if (op->outcome != OP_DONE || op->dest_uid != 0)
		return;
	fail(op, true, STR_LIT("the server did not name it among those that "
	    "it took"));
	op->gone = true;
}

static void group_outcomes(struct groups *gs, struct group *g)
{
	for (struct imap_change *l = g->change; l; l = l->next) {
		each_op(g, l, set_outcome, gs->s->base.arena);
		set_places(g, l);
		/* Gmail says OK to a move of what has left its view, too */
		if (l->answer.end == IMAP_OK && (l->n_pairs ||
		    (g->kind == OP_MOVE && on_gmail(gs->s))))
			each_op(g, l, fail_unnamed, NULL);
	}
}

/* ------------------------------------------------------------- queueing */

static bool queue(struct groups *gs, struct group *g, struct err *e)
{
	struct store_imap *s = gs->s;
	struct str to;

	group_sort(gs, g);
	switch (g->kind) {
	case OP_ADD_FLAGS:
	case OP_REMOVE_FLAGS:
		return imap_store(s->session, s->arena, &g->uids,
		    g->kind == OP_ADD_FLAGS ? IMAP_ADD : IMAP_REMOVE,
		    IMAP_STORE_FLAGS, g->names, g->n_names, 0, &g->change, e);
	case OP_COPY:
		return store_imap_name(s, g->mailbox, &to, e) &&
		    imap_copy(s->session, s->arena, &g->uids, to, &g->change,
		    e);
	case OP_MOVE:
		if (!store_imap_name(s, g->mailbox, &to, e))
			return false;
		if (imap_has(s->session, IMAP_CAP_MOVE))
			return imap_move(s->session, s->arena, &g->uids, to,
			    &g->change, e);
		return imap_copy(s->session, s->arena, &g->uids, to,
		    &g->change, e);
	case OP_DELETE:
	case OP_NOTIFY:
	case OP_RUN:
	case OP_FORWARD:
	case OP_REPLACE:
		break;		/* retire does it; the replacer */
	case OP_ADD_LABELS:	/* Gmail's: command_kind */
	case OP_REMOVE_LABELS:
		return imap_store(s->session, s->arena, &g->uids,
		    g->kind == OP_ADD_LABELS ? IMAP_ADD : IMAP_REMOVE,
		    IMAP_STORE_LABELS, g->names, g->n_names, 0, &g->change,
		    e);
	}
	return true;
}

/* Names that a queueing call refuses (a NUL, say) fail their own ops; the
 * session is still whole. */
static bool queue_or_fail(struct groups *gs, struct group *g, struct err *e)
{
	struct err mine = { 0 };

	if (queue(gs, g, &mine))
		return true;
	if (mine.kind != ERR_USAGE) {
		*e = mine;
		return false;
	}
	for (size_t i = 0; i < g->n; i++)
		fail(g->ops[i], false, arena_str(gs->s->base.arena,
		    str_of(mine.msg)));
	return true;
}

static bool run_groups(struct groups *gs, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < gs->n && ok; i++)
		ok = queue_or_fail(gs, &gs->list[i], e);
	if (gs->n && ok)
		ok = store_imap_wait(gs->s, e);
	for (size_t i = 0; i < gs->n; i++)
		group_outcomes(gs, &gs->list[i]);
	return ok;
}

/* ------------------------------------------------------ what is left */

static bool note_left(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct uidset *left = arg;

	(void)e;
	if (m->have & IMAP_UID)
		uidset_add(left, m->uid);
	return true;
}

bool store_imap_left(struct store_imap *s, const struct uidset *asked,
    struct uidset *left, struct err *e)
{
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = asked,
		.each = note_left,
		.arg = left,
	};

	return imap_fetch(s->session, s->arena, &ask, &answer, e) &&
	    store_imap_wait(s, e) &&
	    imap_answered(&answer->answer, ERR_TEMP, e,
	    "cannot look at what is left of %.*s", STR_ARG(s->selected));
}

/* A refused MOVE: what has gone has moved. */
static bool look_at_refused(struct groups *gs, struct err *e)
{
	struct uidset asked, left;

	uidset_init(&asked, gs->arena);
	uidset_init(&left, gs->arena);
	for (size_t i = 0; i < gs->n; i++)
		for (size_t k = 0; k < gs->list[i].n; k++)
			if (gs->list[i].ops[k]->outcome == OP_FAILED)
				uidset_add(&asked, gs->list[i].ops[k]->uid);
	if (asked.n == 0)
		return true;
	if (!store_imap_left(gs->s, &asked, &left, e))
		return false;
	for (size_t i = 0; i < gs->n; i++)
		for (size_t k = 0; k < gs->list[i].n; k++) {
			struct op *op = gs->list[i].ops[k];

			if (op->outcome != OP_FAILED ||
			    uidset_has(&left, op->uid))
				continue;
			/* elsewhere it can only be gone; on Gmail it may
			 * have left this view alone */
			if (!op->gone || !on_gmail(gs->s))
				op->outcome = OP_DONE;
		}
	return true;
}

/* -------------------------------------------------------------- retire */

/*
 * \Deleted and UID EXPUNGE, each in a turn of its own, then a look: Dovecot
 * has been seen to answer OK to an EXPUNGE that was pipelined behind its
 * STORE, and to expunge nothing.  LEFT is what is there still.
 */
static bool expunge(struct store_imap *s, const struct uidset *set,
    struct uidset *left, struct err *e)
{
	static const struct str deleted = { "\\Deleted", 8 };
	struct imap_change *change;

	if (!imap_store(s->session, s->arena, set, IMAP_ADD,
	    IMAP_STORE_FLAGS, &deleted, 1, 0, &change, e) ||
	    !store_imap_wait(s, e))
		return false;
	if (!imap_has(s->session, IMAP_CAP_UIDPLUS))
		return store_imap_left(s, set, left, e);
	return imap_expunge(s->session, s->arena, set, &change, e) &&
	    store_imap_wait(s, e) && store_imap_left(s, set, left, e);
}

/* What was surely copied, on its way out of the mailbox; and deletes. */
static bool is_retired(const struct op *op, bool has_move)
{
	return (op->kind == OP_DELETE && op->outcome == OP_TODO) ||
	    (op->kind == OP_MOVE && op->outcome == OP_DONE && !has_move);
}

/* The session ended behind the copies: their originals are there still. */
static void only_copied(struct store_imap *s, struct op *ops, size_t n)
{
	bool has_move = imap_has(s->session, IMAP_CAP_MOVE);

	for (size_t i = 0; i < n; i++)
		if (ops[i].kind == OP_MOVE && is_retired(&ops[i], has_move)) {
			ops[i].outcome = OP_UNSURE;
			ops[i].reason = STR_LIT("it is copied, and not yet "
			    "out of the mailbox; the next run looks");
		}
}

/*
 * The second half of a move without MOVE, and deletes.  Until it is through
 * a copied message is in two places, which the journal knows: an op that is
 * not surely done is UNSURE, and recover goes on with it.
 */
static bool retire(struct store_imap *s, struct arena *a, struct op *ops,
    size_t n, struct err *e)
{
	bool has_move = imap_has(s->session, IMAP_CAP_MOVE), ok;
	bool plus = imap_has(s->session, IMAP_CAP_UIDPLUS);
	struct uidset set, left;

	uidset_init(&set, a);
	uidset_init(&left, a);
	for (size_t i = 0; i < n; i++)
		if (is_retired(&ops[i], has_move))
			uidset_add(&set, ops[i].uid);
	if (set.n == 0)
		return true;
	ok = expunge(s, &set, &left, e);
	for (size_t i = 0; i < n; i++) {
		if (!is_retired(&ops[i], has_move))
			continue;
		ops[i].outcome = OP_DONE;
		if (!ok || (plus && uidset_has(&left, ops[i].uid))) {
			ops[i].outcome = OP_UNSURE;
			ops[i].reason = STR_LIT("it is not surely out of the "
			    "mailbox; the next run looks");
		} else if (!plus && uidset_has(&left, ops[i].uid)) {
			ops[i].reason = STR_LIT("it is only marked "
			    "\\Deleted: the server has no UIDPLUS");
		}
	}
	return ok;
}

/* --------------------------------------------------------------- apply */

/* Does the message leave the mailbox by it? */
static bool leaves(const struct store_imap *s, const struct op *op)
{
	if (op->kind != OP_REMOVE_LABELS || !on_gmail(s))
		return op->kind == OP_MOVE || op->kind == OP_DELETE;
	for (size_t i = 0; i < op->n_names; i++)
		if (gmail_label_is_view(op->names[i], s->selected))
			return true;
	return false;
}

/* Did something else that was wanted of this op's message go wrong? */
static bool held_back(const struct store_imap *s, const struct op *ops,
    size_t n, const struct op *op)
{
	/* the ops of one message stand together */
	const struct op *first = op, *last = op;

	while (first > ops && first[-1].item == op->item)
		first--;
	while (last + 1 < ops + n && last[1].item == op->item)
		last++;
	for (; first <= last; first++)
		if (!leaves(s, first) && first->outcome != OP_DONE)
			return true;
	return false;
}

/* A server takes a keyword that it will not keep, and says OK (RFC 9051
 * 7.1, PERMANENTFLAGS). */
bool store_imap_keeps(const struct imap_flags *kept, struct str name)
{
	unsigned flag = imap_flag_of(name);

	if (flag)
		return kept->system & flag;
	for (size_t i = 0; i < kept->n_keywords; i++)
		if (str_ieq(kept->keywords[i], name))
			return true;
	return kept->system & IMAP_ANY_KEYWORD;
}

/* False: a name of the op would be dropped, and the op has failed. */
static bool can_be_kept(struct groups *gs, struct op *op)
{
	const struct imap_mailbox *box = imap_selected(gs->s->session);
	const struct str *names;

	if (command_kind(gs->s, op->kind) != OP_ADD_FLAGS || !box)
		return true;
	if (!wire_names(gs, op, &names))
		return false;
	for (size_t i = 0; i < op->n_names; i++)
		if (!store_imap_keeps(&box->permanent, names[i])) {
			fail(op, false, arena_printf(gs->s->base.arena,
			    "the server does not keep %.*s in this mailbox",
			    STR_ARG(names[i])));
			return false;
		}
	return true;
}

static bool apply_first(struct groups *gs, struct op *ops, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (!leaves(gs->s, &ops[i]) && ops[i].outcome == OP_TODO &&
		    can_be_kept(gs, &ops[i]))
			group_add(gs, &ops[i]);
	return run_groups(gs, e) &&
	    (!on_gmail(gs->s) || gmail_read_back(gs->s, ops, n, e));
}

/* The session ended while it was looked what became of them: a refused one
 * may be done, and one that has gone may have gone by us. */
static bool not_looked_at(struct op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].outcome == OP_FAILED && (ops[i].gone ||
		    (ops[i].kind == OP_MOVE && ops[i].sent))) {
			ops[i].outcome = OP_UNSURE;
			ops[i].reason = STR_LIT("the connection ended before "
			    "it was looked for; the next run looks");
		}
	return false;
}

static bool apply_leaving(struct groups *gs, struct op *ops, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!leaves(gs->s, &ops[i]) || ops[i].outcome != OP_TODO)
			continue;
		ops[i].held = held_back(gs->s, ops, n, &ops[i]);
		if (ops[i].held)
			fail(&ops[i], true, STR_LIT("it stays, since another "
			    "change to it failed"));
		else if (ops[i].kind != OP_DELETE)
			group_add(gs, &ops[i]);
	}
	if (!run_groups(gs, e)) {
		only_copied(gs->s, ops, n);
		return false;
	}
	if (imap_has(gs->s->session, IMAP_CAP_MOVE) &&
	    !look_at_refused(gs, e))
		return not_looked_at(ops, n);
	if (on_gmail(gs->s) && !gmail_find_moved(gs->s, ops, n, e))
		return not_looked_at(ops, n);
	if (on_gmail(gs->s))
		return gmail_delete(gs->s, ops, n, e);
	return retire(gs->s, gs->arena, ops, n, e);
}

bool store_imap_apply_here(struct store_imap *s, struct op *ops, size_t n,
    struct err *e)
{
	struct arena *arena = arena_new();
	struct groups first = { .s = s, .arena = arena };
	struct groups leaving = { .s = s, .arena = arena };
	bool ok;

	if (!s->writable) {
		for (size_t i = 0; i < n; i++)
			fail(&ops[i], false,
			    STR_LIT("the mailbox is read-only"));
		arena_free(&arena);
		return true;
	}
	ok = (s->base.kind.labels != LABELS_FOLDERS ||
	    label_folders_apply(s, ops, n, e)) &&
	    apply_first(&first, ops, n, e) &&
	    apply_leaving(&leaving, ops, n, e);
	arena_free(&arena);
	return ok;
}

bool store_imap_apply(struct store *st, struct op *ops, size_t n,
    struct err *e)
{
	struct store_imap *s = store_imap_of(st);

	if (!store_imap_apply_here(s, ops, n, e))
		return false;
	return !on_gmail(s) || gmail_find_again(s, ops, n, e) ||
	    not_looked_at(ops, n);
}

/* ------------------------------------------------------------- prepare */

/* A copy that gets no answer is looked for above the target's UIDNEXT. */
bool store_imap_prepare(struct store *st, struct op *ops, size_t n,
    struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	bool moves = !imap_has(s->session, IMAP_CAP_MOVE);
	struct target {
		struct str mailbox;
		struct imap_status_answer *status;
	} *targets = NULL;
	size_t n_targets = 0, cap = 0;

	for (size_t i = 0; i < n; i++) {
		struct str name;
		size_t k = 0;

		if (ops[i].kind != OP_COPY &&
		    !(moves && ops[i].kind == OP_MOVE))
			continue;
		while (k < n_targets &&
		    !str_eq(targets[k].mailbox, ops[i].mailbox))
			k++;
		if (k < n_targets)
			continue;
		arena_grow(s->arena, &targets, n_targets, &cap);
		targets[n_targets].mailbox = ops[i].mailbox;
		if (!store_imap_name(s, ops[i].mailbox, &name, e) ||
		    !imap_status(s->session, s->arena, name, IMAP_ST_UIDNEXT |
		    IMAP_ST_UIDVALIDITY, &targets[n_targets].status, e))
			return false;
		n_targets++;
	}
	if (n_targets == 0)
		return true;
	if (!store_imap_wait(s, e))
		return false;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n_targets; k++)
			if ((ops[i].kind == OP_COPY ||
			    ops[i].kind == OP_MOVE) &&
			    str_eq(targets[k].mailbox, ops[i].mailbox) &&
			    targets[k].status->answer.end == IMAP_OK) {
				ops[i].dest_uidvalidity =
				    targets[k].status->st.uidvalidity;
				ops[i].dest_from_uid =
				    targets[k].status->st.uidnext;
			}
	return true;
}

/* ------------------------------------------------------------ recovery */

struct seeking {
	const struct identity *id;
	struct arena *arena;
	uint32_t uid;		/* the lowest that fits */
};

static bool compare(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct seeking *k = arg;
	struct identity found;
	struct mail *mail;

	(void)e;
	if (!(m->have & IMAP_UID) || !(m->have & IMAP_FIELDS) ||
	    !(m->have & IMAP_SIZE))
		return true;
	arena_reset(k->arena);
	mail = mail_make(k->arena, m->fields, MAIL_FIELDS, identity_fields,
	    IDENTITY_FIELDS_N);
	identity_of(k->arena, mail, m->size, &found);
	if (identity_eq(&found, k->id) && (!k->uid || m->uid < k->uid))
		k->uid = m->uid;
	return true;
}

/* HEADER Message-ID narrows where the id can be said in a quoted string;
 * what it finds is compared, since servers match substrings. */
struct str store_imap_id_criteria(struct arena *a,
    const struct identity *id)
{
	for (size_t i = 0; i < id->message_id.n; i++) {
		unsigned char c = (unsigned char)id->message_id.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' ||
		    c == '%' || c == '*')
			return STR_EMPTY;
	}
	if (id->message_id.n == 0 || id->message_id.n > 500)
		return STR_EMPTY;
	return arena_printf(a, "HEADER Message-ID \"%.*s\"",
	    STR_ARG(id->message_id));
}

bool store_imap_find(struct store *st, struct str mailbox,
    uint32_t uidvalidity, uint32_t from_uid, const struct identity *id,
    uint32_t *uid_out, struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct mailbox_state state;
	struct uidset within;
	struct imap_found *found;
	struct imap_fetch_answer *answer;
	struct seeking seek = { .id = id };
	struct imap_fetch_ask ask = {
		.items = IMAP_SIZE | IMAP_FIELDS,
		.fields = identity_fields,
		.n_fields = IDENTITY_FIELDS_N,
		.each = compare,
		.arg = &seek,
	};
	bool ok;

	*uid_out = 0;
	if (gmail_msgid(id))	/* one after the other in one mailbox */
		return (str_eq(s->selected, mailbox) ||
		    store_imap_select(st, mailbox, false, &state, e)) &&
		    gmail_find(s, id, uid_out, e);
	if (!store_imap_select(st, mailbox, false, &state, e))
		return false;
	if (from_uid == 0 || uidvalidity != state.uidvalidity)
		from_uid = 1;
	if (from_uid >= state.uidnext)
		return true;
	uidset_init(&within, s->arena);
	uidset_add_range(&within, from_uid, state.uidnext - 1);
	if (!imap_search(s->session, s->arena, store_imap_id_criteria(
	    s->arena, id), &within, &found, e) || !store_imap_wait(s, e))
		return false;
	ask.uids = found->answer.end == IMAP_OK ? found->uids : &within;
	if (!ask.uids || ask.uids->n == 0)
		return true;
	seek.arena = arena_new();
	/* "not found" makes the copy again: it must be sure */
	ok = imap_fetch(s->session, s->arena, &ask, &answer, e) &&
	    store_imap_wait(s, e) &&
	    imap_answered(&answer->answer, ERR_TEMP, e,
	    "cannot look for a copy in %.*s", STR_ARG(mailbox));
	arena_free(&seek.arena);
	if (ok && !seek.uid && found->answer.end == IMAP_OK &&
	    answer->messages < uidset_count(found->uids))
		return err_set(e, ERR_TEMP, "the server does not give all "
		    "that may be a copy in %.*s", STR_ARG(mailbox));
	if (ok)
		*uid_out = seek.uid;
	return ok;
}

bool store_imap_finish_moves(struct store *st, struct op *ops, size_t n,
    struct err *e)
{
	struct arena *arena = arena_new();
	bool ok;

	for (size_t i = 0; i < n; i++) {
		ops[i].kind = OP_DELETE;	/* all that is left of it */
		ops[i].outcome = OP_TODO;
	}
	ok = retire(store_imap_of(st), arena, ops, n, e);
	arena_free(&arena);
	return ok;
}
