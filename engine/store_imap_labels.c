/*
 * The IMAP store: labels that are folders.
 *
 * To have a label is to have a copy in its folder.  The folders that matter
 * are read whole (size and four header fields a message), since a search for
 * each message and label would be a turn each.
 */
#include "store_imap.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "identity.h"

struct label_folder {
	struct str label;
	struct identity *ids;	/* sorted by digest */
	size_t n, cap;
};

struct label_folders {
	struct arena *arena;
	struct label_folder *list;
	size_t n;
};

struct reading {
	struct arena *arena, *message;
	struct label_folder *folder;
};

static bool note_identity(void *arg, const struct imap_fetched *m,
    struct err *e)
{
	struct reading *r = arg;
	struct label_folder *f = r->folder;
	struct mail *mail;

	(void)e;
	if (!(m->have & IMAP_FIELDS) || !(m->have & IMAP_SIZE) ||
	    m->flags.system & IMAP_DELETED)
		return true;
	arena_reset(r->message);
	mail = mail_make(r->message, m->fields, MAIL_FIELDS, identity_fields,
	    IDENTITY_FIELDS_N);
	arena_grow(r->arena, &f->ids, f->n, &f->cap);
	identity_of(r->message, mail, m->size, &f->ids[f->n]);
	f->ids[f->n++].message_id = STR_EMPTY;	/* not kept: memory */
	return true;
}

static int by_digest(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;

	return memcmp(x->digest, y->digest, sizeof(x->digest));
}

static bool read_folder(struct store_imap *s, struct label_folders *l,
    struct label_folder *f, struct err *e)
{
	struct reading r = { l->arena, NULL, f };
	struct mailbox_state state;
	struct uidset all;
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = &all,
		.items = IMAP_FLAGS | IMAP_SIZE | IMAP_FIELDS,
		.fields = identity_fields,
		.n_fields = IDENTITY_FIELDS_N,
		.each = note_identity,
		.arg = &r,
	};
	bool ok;

	if (!store_imap_select(&s->base, f->label, false, &state, e))
		return false;
	if (state.exists == 0)
		return true;
	uidset_init(&all, l->arena);
	uidset_add_range(&all, 1, UIDSET_MAX);
	r.message = arena_new();
	ok = imap_fetch(s->session, s->arena, &ask, &answer, e) &&
	    store_imap_wait(s, e) &&
	    imap_answered(&answer->answer, ERR_TEMP, e,
	    "cannot look into the label %.*s", STR_ARG(f->label));
	arena_free(&r.message);
	if (f->n)
		qsort(f->ids, f->n, sizeof(f->ids[0]), by_digest);
	return ok;
}

bool label_folders_load(struct store_imap *s, struct arena *a,
    const struct fetch_items *items, struct label_folders **out,
    struct err *e)
{
	struct label_folders *l = arena_make(a, struct label_folders);

	l->arena = a;
	l->list = arena_array(a, items->n_labels + 1, sizeof(l->list[0]));
	for (size_t i = 0; i < items->n_labels; i++) {
		struct label_folder *f = &l->list[l->n];
		bool yes;

		f->label = arena_str(a, items->labels[i]);
		if (!store_imap_exists(s, f->label, &yes, e))
			return false;
		if (!yes)
			continue;
		l->n++;
		if (!read_folder(s, l, f, e))
			return false;
	}
	*out = l;
	return true;
}

size_t label_folders_of(const struct label_folders *l,
    const struct identity *id, struct str *list)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].n && bsearch(id, l->list[i].ids, l->list[i].n,
		    sizeof(*id), by_digest))
			list[n++] = l->list[i].label;
	return n;
}

/* ---------------------------------------------------------------- apply */

static void fail(struct store_imap *s, struct op *op, bool retry,
    struct str reason)
{
	op->outcome = OP_FAILED;
	op->retry = retry;
	op->reason = arena_str(s->base.arena, reason);
}

static bool has_label(const struct op *op, struct str label)
{
	for (size_t i = 0; i < op->n_names; i++)
		if (str_eq(op->names[i], label))
			return true;
	return false;
}

/* The labels that ops of KIND name, each once. */
static size_t labels_of(struct arena *a, const struct op *ops, size_t n,
    enum op_kind kind, struct str **list_out)
{
	struct str *list = NULL;
	size_t count = 0, cap = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; ops[i].kind == kind &&
		    k < ops[i].n_names; k++) {
			size_t at = 0;

			while (at < count &&
			    !str_eq(list[at], ops[i].names[k]))
				at++;
			if (at < count)
				continue;
			arena_grow(a, &list, count, &cap);
			list[count++] = ops[i].names[k];
		}
	*list_out = list;
	return count;
}

/* One label's copies.  An op with several labels is done when all are. */
static void take_answer(struct store_imap *s, struct op *ops, size_t n,
    struct str label, const struct imap_change *change)
{
	for (; change; change = change->next)
		for (size_t i = 0; i < n; i++) {
			struct op *op = &ops[i];

			if (op->kind != OP_ADD_LABELS ||
			    !has_label(op, label) ||
			    !uidset_has(change->uids, op->uid))
				continue;
			if (change->answer.end == IMAP_NO ||
			    change->answer.end == IMAP_BAD)
				fail(s, op, change->answer.temporary,
				    change->answer.text);
			else if (change->answer.end != IMAP_OK &&
			    op->outcome != OP_FAILED)
				op->outcome = OP_UNSURE;
			else if (op->outcome == OP_TODO)
				op->outcome = OP_DONE;
		}
}

static bool holds(const struct label_folders *l, struct str label,
    const struct identity *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->list[i].label, label))
			return l->list[i].n && bsearch(id, l->list[i].ids,
			    l->list[i].n, sizeof(*id), by_digest);
	return false;
}

/* The messages that want a copy in LABEL's folder and have none there, a
 * crash's late one included. */
static void choose(const struct label_folders *l, struct op *ops, size_t n,
    struct str label, struct uidset *set)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i].kind != OP_ADD_LABELS ||
		    ops[i].outcome == OP_FAILED || !has_label(&ops[i], label))
			continue;
		if (!holds(l, label, ops[i].id))
			uidset_add(set, ops[i].uid);
		else if (ops[i].outcome == OP_TODO)
			ops[i].outcome = OP_DONE;
	}
}

/* False: the store is lost.  A folder that cannot be made fails the ops. */
static bool make_folder(struct store_imap *s, struct op *ops, size_t n,
    struct str label, bool *made_out, struct err *e)
{
	struct err mine = { 0 };

	if (!store_imap_exists(s, label, made_out, e))
		return false;
	if (*made_out || store_imap_create(&s->base, label, &mine)) {
		*made_out = true;
		return true;
	}
	if (mine.kind != ERR_MESSAGE) {
		*e = mine;
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (ops[i].kind == OP_ADD_LABELS && has_label(&ops[i], label))
			fail(s, &ops[i], false, str_of(mine.msg));
	return true;
}

static bool add_label(struct store_imap *s, const struct label_folders *l,
    struct op *ops, size_t n, struct str label, struct err *e)
{
	struct imap_change *change = NULL;
	struct uidset set;
	struct str name;
	bool made, ok;

	uidset_init(&set, s->arena);
	choose(l, ops, n, label, &set);
	if (set.n == 0)
		return true;
	if (!make_folder(s, ops, n, label, &made, e))
		return false;
	if (!made)
		return true;
	ok = store_imap_name(s, label, &name, e) &&
	    imap_copy(s->session, s->arena, &set, name, &change, e) &&
	    store_imap_wait(s, e);
	take_answer(s, ops, n, label, change);
	return ok;
}

/* The bytes of one message of the selected mailbox. */
struct whole {
	bool known;
	uint8_t digest[DIGEST_SIZE];
};

static bool note_whole(void *arg, const struct imap_fetched *m,
    struct err *e)
{
	struct whole *w = arg;

	(void)e;
	if (m->have & IMAP_WHOLE) {
		digest_of(m->whole, w->digest);
		w->known = true;
	}
	return true;
}

static bool read_whole(struct store_imap *s, uint32_t uid, struct whole *w,
    struct err *e)
{
	struct uidset one;
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = &one,
		.items = IMAP_WHOLE,
		.each = note_whole,
		.arg = w,
	};

	uidset_init(&one, s->arena);
	uidset_add(&one, uid);
	return imap_fetch(s->session, s->arena, &ask, &answer, e) &&
	    store_imap_wait(s, e);
}

/* STORE, EXPUNGE and a look in turns of their own: see store_imap_change. */
static bool expunge_copy(struct store_imap *s, struct op *op, uint32_t uid,
    struct err *e)
{
	static const struct str deleted = { "\\Deleted", 8 };
	struct imap_change *stored, *gone;
	struct whole left = { .known = false };
	struct uidset one;

	uidset_init(&one, s->arena);
	uidset_add(&one, uid);
	if (!imap_store(s->session, s->arena, &one, IMAP_ADD,
	    IMAP_STORE_FLAGS, &deleted, 1, 0, &stored, e) ||
	    !store_imap_wait(s, e) ||
	    !imap_expunge(s->session, s->arena, &one, &gone, e) ||
	    !store_imap_wait(s, e) || !read_whole(s, uid, &left, e))
		return false;
	if (left.known)
		fail(s, op, true, STR_LIT("the server did not take the copy "
		    "out of the label's folder"));
	return true;
}

/*
 * Takes one message's copy out of a label's folder.  A stranger can make a
 * message with the header and size of another one: what goes for ever has to
 * be the same to the last octet.
 */
static bool remove_copy(struct store_imap *s, struct op *op,
    struct str label, const struct whole *own, struct err *e)
{
	struct whole copy = { .known = false };
	uint32_t uid;

	if (!store_imap_find(&s->base, label, 0, 0, op->id, &uid, e))
		return false;
	if (uid == 0)
		return true;
	if (!imap_has(s->session, IMAP_CAP_UIDPLUS)) {
		fail(s, op, false, STR_LIT("without UIDPLUS a copy cannot be "
		    "taken out of a label's folder safely"));
		return true;
	}
	if (!read_whole(s, uid, &copy, e))
		return false;
	if (!own->known || !copy.known ||
	    memcmp(own->digest, copy.digest, DIGEST_SIZE) != 0) {
		fail(s, op, false, STR_LIT("what is in the label's folder is "
		    "not the same message"));
		return true;
	}
	if (!store_imap_return(s, label, true, s->uidvalidity, e))
		return false;
	if (!s->writable) {
		fail(s, op, false, STR_LIT("the label's folder is read-only"));
		return true;
	}
	return expunge_copy(s, op, uid, e);
}

static bool remove_labels(struct store_imap *s, struct op *op, struct err *e)
{
	struct whole own = { .known = false };

	if (op->id->size > s->account->limits->message) {
		fail(s, op, false, STR_LIT("it is larger than limits.message "
		    "and cannot be compared with its copy"));
		return true;
	}
	op->outcome = OP_DONE;
	if (!read_whole(s, op->uid, &own, e)) {
		op->outcome = OP_TODO;
		return false;
	}
	for (size_t i = 0; i < op->n_names && op->outcome == OP_DONE; i++)
		if (!remove_copy(s, op, op->names[i], &own, e)) {
			op->outcome = OP_UNSURE;
			return false;
		}
	return true;
}

bool label_folders_apply(struct store_imap *s, struct op *ops, size_t n,
    struct err *e)
{
	struct str *labels, mailbox = s->selected;
	uint32_t uidvalidity = s->uidvalidity;
	size_t count = labels_of(s->arena, ops, n, OP_ADD_LABELS, &labels);
	struct fetch_items items = { .labels = labels, .n_labels = count };
	struct label_folders *folders;

	if (count && (!label_folders_load(s, s->arena, &items, &folders,
	    e) || !store_imap_return(s, mailbox, true, uidvalidity, e)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!add_label(s, folders, ops, n, labels[i], e))
			return false;
	for (size_t i = 0; i < n; i++) {
		if (ops[i].kind != OP_REMOVE_LABELS ||
		    ops[i].outcome != OP_TODO)
			continue;
		if (has_label(&ops[i], mailbox)) {
			fail(s, &ops[i], false, STR_LIT("the label is the "
			    "folder that the message is in: use archive or "
			    "move"));
			continue;
		}
		if (!remove_labels(s, &ops[i], e) ||
		    !store_imap_return(s, mailbox, true, uidvalidity, e))
			return false;
	}
	return true;
}
