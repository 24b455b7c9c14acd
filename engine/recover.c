#include "recover.h"

#include "journal_errand.h"

#include <stdlib.h>
#include <string.h>

#include "../rules/names.h"
#include "gmail.h"
#include "identity.h"

/* From so many changes with one target on what arrived there is listed once;
 * fewer are searched for one by one. */
#define LIST_FROM	16
/* Messages that are looked for in All Mail; of more it is taken for granted
 * that the change which took them away was ours. */
#define FIND_MAX	200

/* A message of a target, by its identity. */
struct arrival {
	uint8_t digest[16];
	uint32_t uid;
};

/* Where copies and moves were to go. */
struct target {
	struct str mailbox;
	bool there;
	uint32_t uidvalidity;
	uint32_t from;		/* UIDs from here on are listed; 0: none */
	struct arrival *list;
	size_t n, cap;
	/* What was found for one change is not there for the next one: of an
	 * identity (a digest in `claims`) the UIDs from NEXT on are left. */
	struct names claims;
	uint32_t *next;		/* by the number in `claims` */
	size_t cap_next;
};

/* What is there now of the messages of one mailbox. */
struct seen {
	uint32_t uid;
	struct str *names;	/* flags and labels */
	size_t n;
};

struct looking {
	struct recover *r;
	struct seen *list;
	size_t n, cap;
};

/* The messages of one mailbox: there, and on Gmail those that have left it,
 * as they are in All Mail, by the UIDs they had. */
struct looked {
	struct looking here, elsewhere;
};

static bool note_seen(void *ctx, const struct fetched *f, struct err *e)
{
	struct looking *l = ctx;
	struct arena *a = l->r->arena;
	struct seen *s;

	(void)e;
	if (f->unreadable)
		return true;	/* hidden, see look_for_hidden */
	arena_grow(a, &l->list, l->n, &l->cap);
	s = &l->list[l->n++];
	*s = (struct seen){ .uid = f->facts.uid };
	s->names = arena_array(a, f->facts.n_flags + f->facts.n_labels + 4,
	    sizeof(struct str));
	for (size_t i = 0; i < f->facts.n_flags; i++)
		s->names[s->n++] = arena_str(a, f->facts.flags[i]);
	for (size_t i = 0; i < f->facts.n_labels; i++)
		s->names[s->n++] = arena_str(a, f->facts.labels[i]);
	s->n += gmail_system_labels(&f->facts, &s->names[s->n]);
	return true;
}

static int by_uid(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* L is sorted. */
static const struct seen *find_seen(const struct looking *l, uint32_t uid)
{
	struct seen key = { .uid = uid };

	return l->n ? bsearch(&key, l->list, l->n, sizeof(key), by_uid) :
	    NULL;
}

static void sort_seen(struct looking *l)
{
	if (l->n)
		qsort(l->list, l->n, sizeof(l->list[0]), by_uid);
}

static bool has_name(const struct seen *s, struct str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_ieq(s->names[i], name))
			return true;
	return false;
}

/* Is each of the change's names as it was to be? */
static bool names_are_so(const struct seen *s, const struct change *c)
{
	bool add = c->kind == OP_ADD_FLAGS || c->kind == OP_ADD_LABELS;
	struct str rest = c->what, name;

	while (str_cut(&rest, '\n', &name))
		if (has_name(s, name) != add)
			return false;
	return true;
}

static void decide(struct change *c, enum change_state state,
    const char *reason)
{
	c->state = state;
	c->reason = str_of(reason);
}

/* ---------------------------------------------------- one kind at a time */

/* Not found: may it still land?  A clock that was set back does not make it
 * wait for years. */
static void not_landed(struct recover *r, struct change *c)
{
	if (llabs(r->now - c->time) < r->account->limits->late)
		c->reason = STR_LIT("sent, unanswered, and may still land");
	else
		decide(c, CHANGE_VOID, "a crash came first");
}

/* A label that is a folder is a copy, which may land late. */
static bool is_copied_label(const struct recover *r, const struct change *c)
{
	return c->kind == OP_ADD_LABELS &&
	    r->store->kind.labels == LABELS_FOLDERS;
}

/* There a message can be known again wherever it is. */
static bool is_on_gmail(const struct recover *r, const struct change *c)
{
	return r->store->kind.labels == LABELS_GMAIL &&
	    gmail_msgid(&c->id_of);
}

/* On Gmail a message leaves the view of a label that is taken away. */
static bool is_leaving(const struct recover *r, const struct change *c)
{
	struct str rest = c->what, name;

	if (c->kind != OP_REMOVE_LABELS ||
	    r->store->kind.labels != LABELS_GMAIL)
		return c->kind == OP_MOVE || c->kind == OP_DELETE;
	while (str_cut(&rest, '\n', &name))
		if (gmail_label_is_view(name, c->mailbox))
			return true;
	return false;
}

static void look_at_names(struct recover *r, struct change *c,
    const struct seen *s, const struct seen *elsewhere)
{
	if (!s && is_leaving(r, c))
		decide(c, CHANGE_DONE, "found done after a crash");
	else if (!s && elsewhere && names_are_so(elsewhere, c))
		decide(c, CHANGE_DONE, "found done after a crash");
	else if (!s && elsewhere)
		decide(c, CHANGE_UNSURE, "the message has left the mailbox "
		    "without it");
	else if (!s)
		decide(c, CHANGE_UNSURE, "the message has left the mailbox");
	else if (names_are_so(s, c))
		decide(c, CHANGE_DONE, "found done after a crash");
	else if (is_copied_label(r, c))
		not_landed(r, c);
	else
		decide(c, CHANGE_VOID, "a crash came first");
}

/* Where to look on for such a message; C outlives the target. */
static uint32_t *next_of(struct recover *r, struct target *t,
    const struct change *c)
{
	struct str digest = {
		(const char *)c->id_of.digest, sizeof(c->id_of.digest)
	};
	size_t i = t->claims.n;

	if (!names_get(&t->claims, digest, &i)) {
		arena_grow(r->arena, &t->next, i, &t->cap_next);
		names_add(r->arena, &t->claims, digest, i);
	}
	return &t->next[i];
}

static bool has_identity(const struct change *c)
{
	static const uint8_t none[sizeof(c->id_of.digest)];

	return memcmp(c->id_of.digest, none, sizeof(none)) != 0;
}

/* What became of a copy. */
struct landed {
	uint32_t uidvalidity, uid;	/* 0: it is not there */
	bool sure;		/* what is there is our copy, no older twin */
};

struct listing {
	struct store *store;
	struct target *target;
	struct arena *arena, *scratch;
	bool whole;		/* each message has told who it is */
};

static bool note_arrival(void *ctx, const struct fetched *f, struct err *e)
{
	struct listing *l = ctx;
	struct target *t = l->target;
	struct identity id;
	struct mail *m;

	(void)e;
	if (!f->have || !(f->facts.known & RULES_ASK_SIZE)) {
		l->whole = false;
		return true;
	}
	arena_reset(l->scratch);
	m = mail_make(l->scratch, f->bytes, f->have, identity_fields,
	    IDENTITY_FIELDS_N);
	identity_of(l->scratch, m, f->facts.size, &id);
	arena_grow(l->arena, &t->list, t->n, &t->cap);
	t->list[t->n].uid = f->facts.uid;
	memcpy(t->list[t->n++].digest, id.digest, sizeof(id.digest));
	return true;
}

static int by_digest(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;
	int order = memcmp(x->digest, y->digest, sizeof(x->digest));

	if (order)
		return order;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* A message that the server left out may be the one that is looked for. */
static bool is_whole(struct listing *l, const struct uidset *asked,
    struct err *e)
{
	struct store_query q = { .since = TIME_NONE };
	struct uidset came, found, there, hidden;

	uidset_init(&came, l->arena);
	uidset_init(&found, l->arena);
	uidset_init(&there, l->arena);
	uidset_init(&hidden, l->arena);
	for (size_t i = 0; i < l->target->n; i++)
		uidset_add(&came, l->target->list[i].uid);
	q.from_uid = asked->ranges[0].low;
	if (!l->store->kind.search(l->store, &q, &found, e))
		return false;
	uidset_split(asked, &found, &there, NULL);
	uidset_split(&there, &came, NULL, &hidden);
	l->whole &= hidden.n == 0;
	return true;
}

/* Lists what has come to the target, which is selected, since the first of
 * the changes: a search for each of thousands would take hours. */
static bool list_target(struct recover *r, struct target *t,
    uint32_t uidnext, struct err *e)
{
	struct listing l = {
		.store = r->store,
		.target = t,
		.arena = r->arena,
		.whole = true,
	};
	struct fetch_items items = {
		.ask = RULES_ASK_FIELDS | RULES_ASK_SIZE,
		.fields = identity_fields,
		.n_fields = IDENTITY_FIELDS_N,
	};
	struct uidset set;
	uint32_t from = 0;
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < r->n_changes; i++) {
		const struct change *c = &r->changes[i];

		if ((c->kind != OP_COPY && c->kind != OP_MOVE) ||
		    c->dest_uidvalidity != t->uidvalidity ||
		    !c->dest_from_uid || !str_eq(c->what, t->mailbox))
			continue;
		if (!from || c->dest_from_uid < from)
			from = c->dest_from_uid;
		n++;
	}
	if (n < LIST_FROM)
		return true;
	uidset_init(&set, r->arena);
	if (from < uidnext)
		uidset_add_range(&set, from, uidnext - 1);
	l.scratch = arena_new();
	ok = set.n == 0 || (r->store->kind.fetch(r->store, &set, &items,
	    note_arrival, &l, e) && is_whole(&l, &set, e));
	arena_free(&l.scratch);
	if (t->n)
		qsort(t->list, t->n, sizeof(t->list[0]), by_digest);
	t->from = ok && l.whole ? from : 0;
	return ok;
}

/* The first of this identity from a UID on; 0: there is none. */
static uint32_t find_arrival(const struct target *t, const uint8_t *digest,
    uint32_t from)
{
	struct arrival key = { .uid = from };
	size_t low = 0, high = t->n;

	memcpy(key.digest, digest, sizeof(key.digest));
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_digest(&t->list[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < t->n && memcmp(t->list[low].digest, digest,
	    sizeof(key.digest)) == 0)
		return t->list[low].uid;
	return 0;
}

/* Looked at once. */
static bool target_of(struct recover *r, struct str mailbox,
    struct target **out, struct err *e)
{
	struct mailbox_state state;
	struct err mine = { 0 };
	struct target *t;

	for (size_t i = 0; i < r->n_targets; i++)
		if (str_eq(r->targets[i].mailbox, mailbox)) {
			*out = &r->targets[i];
			return true;
		}
	arena_grow(r->arena, &r->targets, r->n_targets, &r->cap_targets);
	t = &r->targets[r->n_targets];
	*t = (struct target){ .mailbox = mailbox };
	if (r->store->kind.select(r->store, mailbox, false, &state, &mine)) {
		t->there = true;
		t->uidvalidity = state.uidvalidity;
		if (!list_target(r, t, state.uidnext, e))
			return false;
	} else if (mine.kind != ERR_MESSAGE) {
		*e = mine;
		return false;
	}
	r->n_targets++;
	*out = t;
	return true;
}

static bool find_copy(struct recover *r, const struct change *c,
    struct landed *out, struct err *e)
{
	struct target *t;
	uint32_t from = c->dest_from_uid, *next;

	*out = (struct landed){ 0 };
	if (!target_of(r, c->what, &t, e))
		return false;
	if (!t->there)			/* no mailbox: no copy */
		return true;
	out->uidvalidity = t->uidvalidity;
	out->sure = from && t->uidvalidity == c->dest_uidvalidity;
	if (!out->sure)
		from = 1;
	next = next_of(r, t, c);
	if (*next > from)
		from = *next;
	for (bool taken = true; taken; from = *next) {
		if (t->from && from >= t->from)
			out->uid = find_arrival(t, c->id_of.digest, from);
		else if (!r->store->kind.find(r->store, c->what,
		    t->uidvalidity, from, &c->id_of, &out->uid, e))
			return false;
		if (out->uid == 0)
			break;
		*next = out->uid + 1;
		/* by an earlier run */
		if (!journal_placed(r->journal, c->what, t->uidvalidity,
		    out->uid, &c->id_of, true, &taken, e))
			return false;
	}
	return true;
}

static bool look_at_copy(struct recover *r, struct change *c, struct err *e)
{
	struct landed l;

	if (!has_identity(c)) {
		decide(c, CHANGE_UNSURE, "the server told too little of the "
		    "message to know it again");
		return true;
	}
	if (!find_copy(r, c, &l, e))
		return false;
	if (l.uid) {
		decide(c, CHANGE_DONE, "found done after a crash");
		c->dest_uid = l.uid;
		c->dest_uidvalidity = l.uidvalidity;
	} else {
		not_landed(r, c);
	}
	return true;
}

/* The second half is refused: it is tried again for a while. */
static void not_finished(struct recover *r, struct change *c)
{
	if (llabs(r->now - c->time) < r->account->limits->late)
		c->reason = STR_LIT("half done; the server refuses the rest");
	else
		decide(c, CHANGE_UNSURE, "half done, and the server refuses "
		    "the rest: the original is still there");
}

/* The original of a copy that landed, or what was half deleted: goes with
 * all the others of its mailbox. */
static void half_done(struct recover *r, struct halves *h, struct change *c,
    uint32_t uid)
{
	if (r->dry_run) {
		decide(c, CHANGE_DONE, "half done; the rest would be done");
		return;
	}
	arena_grow(r->arena, &h->list, h->n, &h->cap);
	h->list[h->n++] = (struct half){ c, uid };
}

/* In MAILBOX, of which all the halves are; UIDVALIDITY 0: as it is. */
static bool finish_halves(struct recover *r, struct halves *h,
    struct str mailbox, uint32_t uidvalidity, struct err *e)
{
	size_t n = h->n;
	struct op *ops = arena_array(r->arena, n + 1, sizeof(*ops));
	struct mailbox_state state;

	h->n = 0;
	if (n == 0)
		return true;
	if (!r->store->kind.select(r->store, mailbox, true, &state, e))
		return false;
	for (size_t i = 0; i < n; i++)
		ops[i] = (struct op){
			.kind = OP_MOVE,
			.uid = h->list[i].uid,
			.mailbox = h->list[i].change->what,
			.id = &h->list[i].change->id_of,
		};
	if (uidvalidity == 0)
		uidvalidity = state.uidvalidity;
	if (state.uidvalidity == uidvalidity && !state.read_only &&
	    !r->store->kind.finish_moves(r->store, ops, n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (state.uidvalidity != uidvalidity)
			decide(h->list[i].change, CHANGE_UNSURE, "the "
			    "mailbox's UIDVALIDITY changed");
		else if (ops[i].outcome == OP_DONE)
			decide(h->list[i].change, CHANGE_DONE, "finished "
			    "after a crash");
		else
			not_finished(r, h->list[i].change);
	return true;
}

static const struct fetch_items facts_only = {
	.ask = RULES_ASK_FLAGS | RULES_ASK_LABELS,
};

struct in_trash {
	uint64_t msgid;
	uint32_t uid;
};

static bool note_in_trash(void *ctx, const struct fetched *f, struct err *e)
{
	struct recover *r = ctx;

	(void)e;
	arena_grow(r->arena, &r->in_trash, r->n_in_trash, &r->cap_in_trash);
	r->in_trash[r->n_in_trash++] = (struct in_trash){ f->gmail_id,
	    f->facts.uid };
	return true;
}

static int by_msgid(const void *a, const void *b)
{
	const struct in_trash *x = a, *y = b;

	return x->msgid < y->msgid ? -1 : x->msgid > y->msgid;
}

/* Once; a search would pass over what is marked \Deleted already. */
static bool list_trash(struct recover *r, struct err *e)
{
	struct mailbox_state state;
	struct uidset all;

	uidset_init(&all, r->arena);
	if (!r->store->kind.select(r->store, r->trash, false, &state, e))
		return false;
	if (state.uidnext > 1)
		uidset_add_range(&all, 1, state.uidnext - 1);
	if (all.n && !r->store->kind.fetch(r->store, &all, &facts_only,
	    note_in_trash, r, e))
		return false;
	if (r->n_in_trash)
		qsort(r->in_trash, r->n_in_trash, sizeof(r->in_trash[0]),
		    by_msgid);
	return true;
}

/* On Gmail the first half of a delete is a move to Trash. */
static bool look_in_trash(struct recover *r, struct change *c,
    struct err *e)
{
	struct in_trash key = { .msgid = gmail_msgid(&c->id_of) }, *found;
	struct err mine = { 0 };

	if (!r->trash.n) {
		if (!r->store->kind.special(r->store, STR_LIT("\\Trash"),
		    &r->trash, &mine)) {
			if (mine.kind != ERR_MESSAGE) {
				*e = mine;
				return false;
			}
			decide(c, CHANGE_UNSURE, "Trash cannot be seen");
			return true;
		}
		if (!list_trash(r, e))
			return false;
	}
	found = r->n_in_trash ? bsearch(&key, r->in_trash, r->n_in_trash,
	    sizeof(key), by_msgid) : NULL;
	if (found && !str_eq(r->trash, c->mailbox))
		half_done(r, &r->trashed, c, found->uid);
	else
		decide(c, CHANGE_DONE, "found done after a crash");
	return true;
}

/* \Deleted is the first half of a delete; nobody judges such a message any
 * more, so the second half is ours. */
static bool look_at_delete(struct recover *r, struct change *c,
    const struct seen *s, struct err *e)
{
	if (!s && is_on_gmail(r, c))
		return look_in_trash(r, c, e);
	if (!s)
		decide(c, CHANGE_DONE, "found done after a crash");
	else if (has_name(s, STR_LIT("\\Deleted")))
		half_done(r, &r->halves, c, c->uid);
	else
		decide(c, CHANGE_VOID, "a crash came first");
	return true;
}

static bool look_at_move(struct recover *r, struct change *c,
    const struct seen *s, struct err *e)
{
	struct landed l;

	if (r->store->kind.atomic_move) {
		/* where it landed is found by identity when that is wanted:
		 * a search for each would cost a big run hours */
		if (s)
			decide(c, CHANGE_VOID, "a crash came first");
		else
			decide(c, CHANGE_DONE, "found done after a crash");
		return true;
	}
	if (!has_identity(c)) {
		decide(c, CHANGE_UNSURE, "the server told too little of the "
		    "message to know it again");
		return true;
	}
	if (!find_copy(r, c, &l, e))
		return false;
	c->dest_uid = l.uid;
	if (l.uid)
		c->dest_uidvalidity = l.uidvalidity;
	if (!s)
		decide(c, l.uid ? CHANGE_DONE : CHANGE_UNSURE, l.uid ?
		    "found done after a crash" : "the message is neither in "
		    "its mailbox nor in the target; somebody moved it on");
	else if (l.uid && l.sure)
		half_done(r, &r->halves, c, c->uid);
	else if (l.uid)		/* nothing goes for what may be a twin */
		decide(c, CHANGE_UNSURE, "the target holds such a message, "
		    "but it cannot be told whether it is the copy");
	else
		not_landed(r, c);
	return true;
}

/* The original is hidden: its copy rests as long as it does, or a sweep of
 * the target would take it on, and the move be done again. */
static bool look_at_copy_alone(struct recover *r, struct change *c,
    struct err *e)
{
	struct landed l;

	if (c->kind != OP_MOVE || r->store->kind.atomic_move ||
	    !has_identity(c))
		return true;
	if (!find_copy(r, c, &l, e))
		return false;
	c->dest_uid = l.uid;
	c->dest_uidvalidity = l.uidvalidity;
	return true;
}

/* Of the messages that were asked for and did not come those that are there
 * all the same: about them nothing is known. */
static bool look_for_hidden(struct looking *l, const struct uidset *asked,
    struct uidset *hidden, struct err *e)
{
	struct store_query q = { .since = TIME_NONE };
	struct uidset came, missing, found;

	uidset_init(&came, l->r->arena);
	uidset_init(&missing, l->r->arena);
	uidset_init(&found, l->r->arena);
	for (size_t i = 0; i < l->n; i++)
		uidset_add(&came, l->list[i].uid);
	uidset_split(asked, &came, NULL, &missing);
	if (missing.n == 0)
		return true;
	q.from_uid = missing.ranges[0].low;
	if (!l->r->store->kind.search(l->r->store, &q, &found, e))
		return false;
	uidset_split(&missing, &found, hidden, NULL);
	return true;
}

static bool look(struct recover *r, struct change *c,
    const struct looked *l, struct err *e)
{
	const struct seen *s = find_seen(&l->here, c->uid);

	switch (c->kind) {
	case OP_ADD_FLAGS:
	case OP_REMOVE_FLAGS:
	case OP_ADD_LABELS:
	case OP_REMOVE_LABELS:
		look_at_names(r, c, s, find_seen(&l->elsewhere, c->uid));
		return true;
	case OP_COPY:
		return look_at_copy(r, c, e);
	case OP_MOVE:
		return look_at_move(r, c, s, e);
	case OP_DELETE:
		return look_at_delete(r, c, s, e);
	case OP_NOTIFY:		/* looked at already */
	case OP_RUN:
	case OP_FORWARD:
	case OP_REPLACE:	/* one that never began */
		decide(c, CHANGE_VOID, "a crash came first");
		return true;
	}
	return true;
}

/* A message that our own move took away had its flags and labels set before
 * (see store_kind.apply).  Changes of one message stand together. */
static void explain_gone(const struct recover *r, const struct looked *l,
    struct change *list, size_t n)
{
	for (size_t first = 0, last; first < n; first = last) {
		bool left = false;

		for (last = first; last < n &&
		    list[last].uid == list[first].uid; last++)
			if (is_leaving(r, &list[last]) &&
			    list[last].state == CHANGE_DONE)
				left = true;
		for (size_t i = first; left && i < last; i++)
			if (list[i].state == CHANGE_UNSURE &&
			    list[i].kind != OP_MOVE &&
			    !find_seen(&l->elsewhere, list[i].uid))
				decide(&list[i], CHANGE_DONE,
				    "found done after a crash");
	}
}

/* ------------------------------------------------------------- mailboxes */

/* The changes from FIRST on that are of one mailbox and UIDVALIDITY. */
static size_t same_mailbox(const struct change *list, size_t n)
{
	size_t k = 1;

	while (k < n && list[k].uidvalidity == list[0].uidvalidity &&
	    str_eq(list[k].mailbox, list[0].mailbox))
		k++;
	return k;
}

/* The mailbox is gone or its UIDs mean nothing any more; whether a copy was
 * made can be told all the same. */
static bool look_without_mailbox(struct recover *r, struct change *list,
    size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].kind != OP_COPY)
			decide(&list[i], CHANGE_UNSURE, "the mailbox is gone "
			    "or its UIDVALIDITY changed");
		else if (!look_at_copy(r, &list[i], e))
			return false;
	return true;
}

/* Whether a message has a label that is a folder, that folder tells. */
static void ask_for_labels(struct recover *r, const struct change *list,
    size_t n, struct fetch_items *items)
{
	struct str *labels = NULL, rest, name;
	size_t n_labels = 0, cap = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].kind != OP_ADD_LABELS &&
		    list[i].kind != OP_REMOVE_LABELS)
			continue;
		for (rest = list[i].what; str_cut(&rest, '\n', &name);) {
			size_t k = 0;

			while (k < n_labels && !str_eq(labels[k], name))
				k++;
			if (k < n_labels)
				continue;
			arena_grow(r->arena, &labels, n_labels, &cap);
			labels[n_labels++] = name;
		}
	}
	if (n_labels == 0)
		return;
	items->ask |= RULES_ASK_FIELDS | RULES_ASK_SIZE;
	items->fields = identity_fields;
	items->n_fields = IDENTITY_FIELDS_N;
	items->labels = labels;
	items->n_labels = n_labels;
}

struct elsewhere {
	uint32_t was, uid;	/* in All Mail */
};

/* What was to be marked or labelled and has left the mailbox. */
static bool find_gone(struct recover *r, const struct change *list, size_t n,
    struct looked *l, struct str all, struct elsewhere **gone_out,
    size_t *n_gone_out, struct err *e)
{
	struct elsewhere *gone = arena_array(r->arena, n + 1,
	    sizeof(*gone));
	uint32_t uid, last = 0;
	size_t k = 0;

	for (size_t i = 0, asked = 0; i < n && asked < FIND_MAX; i++) {
		if (list[i].kind == OP_COPY || list[i].kind == OP_MOVE ||
		    list[i].kind == OP_DELETE || list[i].uid == last ||
		    !is_on_gmail(r, &list[i]) ||
		    find_seen(&l->here, list[i].uid))
			continue;
		last = list[i].uid;
		asked++;
		if (!r->store->kind.find(r->store, all, 0, 1,
		    &list[i].id_of, &uid, e))
			return false;
		if (uid)
			gone[k++] = (struct elsewhere){ last, uid };
	}
	*gone_out = gone;
	*n_gone_out = k;
	return true;
}

static bool look_in_all_mail(struct recover *r, const struct change *list,
    size_t n, struct looked *l, struct err *e)
{
	struct looking there = { .r = r };
	struct err mine = { 0 };
	struct uidset set;
	struct str all;
	struct elsewhere *gone;
	size_t n_gone;

	if (r->store->kind.labels != LABELS_GMAIL)
		return true;
	if (!r->store->kind.special(r->store, STR_LIT(GMAIL_ALL), &all,
	    &mine)) {
		if (mine.kind == ERR_MESSAGE)
			return true;	/* hidden */
		*e = mine;
		return false;
	}
	if (!find_gone(r, list, n, l, all, &gone, &n_gone, e))
		return false;
	if (n_gone == 0)
		return true;
	uidset_init(&set, r->arena);
	for (size_t i = 0; i < n_gone; i++)
		uidset_add(&set, gone[i].uid);
	if (!r->store->kind.fetch(r->store, &set, &facts_only, note_seen,
	    &there, e))
		return false;
	sort_seen(&there);
	for (size_t i = 0; i < n_gone; i++) {
		const struct seen *s = find_seen(&there, gone[i].uid);

		if (!s)
			continue;
		arena_grow(r->arena, &l->elsewhere.list, l->elsewhere.n,
		    &l->elsewhere.cap);
		l->elsewhere.list[l->elsewhere.n] = *s;
		l->elsewhere.list[l->elsewhere.n++].uid = gone[i].was;
	}
	sort_seen(&l->elsewhere);
	return true;
}

static bool look_at_mailbox(struct recover *r, struct change *list,
    size_t n, struct err *e)
{
	struct looked l = { { .r = r }, { .r = r } };
	struct fetch_items items = facts_only;
	struct mailbox_state state;
	struct uidset set, hidden;
	struct err mine = { 0 };

	if (!r->store->kind.select(r->store, list[0].mailbox, false, &state,
	    &mine)) {
		if (mine.kind != ERR_MESSAGE) {
			*e = mine;
			return false;
		}
		state.uidvalidity = 0;
	}
	if (state.uidvalidity != list[0].uidvalidity)
		return look_without_mailbox(r, list, n, e);
	uidset_init(&set, r->arena);
	for (size_t i = 0; i < n; i++)
		uidset_add(&set, list[i].uid);
	if (r->store->kind.labels == LABELS_FOLDERS)
		ask_for_labels(r, list, n, &items);
	if (!r->store->kind.fetch(r->store, &set, &items, note_seen, &l.here, e))
		return false;
	sort_seen(&l.here);
	uidset_init(&hidden, r->arena);
	if (!look_for_hidden(&l.here, &set, &hidden, e) ||
	    !look_in_all_mail(r, list, n, &l, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (uidset_has(&hidden, list[i].uid)) {
			list[i].reason = STR_LIT("the server did not give "
			    "the message");
			if (!look_at_copy_alone(r, &list[i], e))
				return false;
		} else if (!look(r, &list[i], &l, e))
			return false;
	if (!finish_halves(r, &r->halves, list[0].mailbox,
	    list[0].uidvalidity, e) ||
	    !finish_halves(r, &r->trashed, r->trash, 0, e))
		return false;
	explain_gone(r, &l, list, n);
	return true;
}

static bool settle(struct recover *r, struct change *list, size_t n,
    struct err *e)
{
	struct change *known = arena_array(r->arena, n + 1, sizeof(*known));
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		r->done += list[i].state == CHANGE_DONE;
		r->void_ += list[i].state == CHANGE_VOID;
		r->unsure += list[i].state == CHANGE_UNSURE;
		r->held += list[i].state == CHANGE_INTENDED;
		if (list[i].state != CHANGE_INTENDED)
			known[k++] = list[i];
	}
	if (r->dry_run || k == 0)
		return true;
	return journal_settle(r->journal, list[0].mailbox, known, k, NULL, 0,
	    NULL, e);
}

bool recover_changes(struct recover *r, struct err *e)
{
	size_t n;

	if (!r->dry_run && !journal_errands_cut_short(r->journal, &r->untold,
	    e))
		return false;
	if (!journal_unsettled(r->journal, r->arena, &r->changes,
	    &r->n_changes, e))
		return false;
	for (size_t at = 0; at < r->n_changes; at += n) {
		n = same_mailbox(&r->changes[at], r->n_changes - at);
		if (!look_at_mailbox(r, &r->changes[at], n, e) ||
		    !settle(r, &r->changes[at], n, e))
			return false;
	}
	if (!r->replace)
		return true;
	return r->dry_run ? replace_recover_list(r->replace, e) :
	    replace_recover(r->replace, e);
}

static bool rests(const struct change *c, struct str mailbox,
    uint32_t uidvalidity)
{
	return c->uidvalidity == uidvalidity && str_eq(c->mailbox, mailbox);
}

/* The copy of a half-done move, in its target. */
static bool copy_rests(const struct change *c, struct str mailbox,
    uint32_t uidvalidity)
{
	return c->kind == OP_MOVE && c->dest_uid &&
	    c->dest_uidvalidity == uidvalidity && str_eq(c->what, mailbox);
}

void recover_holds(const struct recover *r, struct str mailbox,
    uint32_t uidvalidity, struct uidset *set)
{
	if (r->replace)
		replace_holds(r->replace, mailbox, uidvalidity, set);
	for (size_t i = 0; r->held && i < r->n_changes; i++) {
		const struct change *c = &r->changes[i];

		if (c->state != CHANGE_INTENDED)
			continue;
		if (rests(c, mailbox, uidvalidity))
			uidset_add(set, c->uid);
		if (copy_rests(c, mailbox, uidvalidity))
			uidset_add(set, c->dest_uid);
	}
}
