/*
 * Replacing on IMAP: looking for copies, proving them, dressing them.
 *
 * New messages are not searched for but read: a search finds late what is
 * new, and everything that can be ours stands at or above the UIDNEXT that
 * was remembered.
 */
#include "store_imap_replace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gmail.h"
#include "identity.h"

/* Pauses before a look for what was sent and is not to be seen yet. */
static const unsigned pauses_ms[] = { 100, 200, 400, 800, 1600 };

#define CANDIDATES_MAX	100000
#define DRESS_TRIES	2

/* ---------------------------------------------------------------- look */

/* A message that may be the copy of R. */
struct candidate {
	struct replacement *r;
	uint32_t uid;
	uint64_t gmail_id;
	int64_t received;
	bool nonce;		/* else it has the copy's Message-ID only */
	bool bare;		/* no label but All Mail's own */
	bool fetched;
	enum sameness content;
};

struct looking {
	struct steps *p;
	uint32_t from;		/* 0: those of `found` alone */
	struct str *ids;	/* Message-IDs of the copies, parallel */
	struct candidate *list;
	size_t n, cap;
	bool answered, many;
};

static struct str id_of(struct arena *a, struct str bytes, enum mail_have h)
{
	static const struct str field[] = { { "Message-ID", 10 } };
	struct mail *m = mail_make(a, bytes, h, field, 1);

	return arena_str(a, mail_message_id(m));
}

static void add_candidate(struct looking *l, struct replacement *r,
    const struct imap_fetched *m, bool nonce)
{
	if (l->n == CANDIDATES_MAX) {
		l->many = true;
		return;
	}
	arena_grow(l->p->a, &l->list, l->n, &l->cap);
	l->list[l->n++] = (struct candidate){
		.r = r, .uid = m->uid, .nonce = nonce,
		.gmail_id = m->have & IMAP_GM_MSGID ? m->gm_msgid : 0,
		.received = m->have & IMAP_DATE ? m->date : TIME_NONE,
		.bare = m->have & IMAP_GM_LABELS && m->n_gm_labels == 0,
	};
}

static bool may_be(const struct looking *l, const struct replacement *r,
    uint32_t uid)
{
	return !l->from || r->to_uidvalidity != l->p->state.uidvalidity ||
	    (uid >= r->to_from_uid && uid != r->original.uid);
}

static bool on_young(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct looking *l = arg;
	struct arena *a;
	struct str id;

	(void)e;
	if (!(m->have & IMAP_FIELDS))
		return true;
	a = arena_new();
	id = id_of(a, m->fields, MAIL_FIELDS);
	for (size_t i = 0; i < l->p->n; i++) {
		struct replacement *r = l->p->v[i];

		if (!may_be(l, r, m->uid))
			continue;
		if (steps_has_nonce(a, m->fields, r))
			add_candidate(l, r, m, true);
		else if (id.n && str_eq(id, l->ids[i]))
			add_candidate(l, r, m, false);
	}
	arena_free(&a);
	return true;
}

static bool read_young(struct looking *l, const struct uidset *set,
    struct err *e)
{
	static const struct str fields[] = {
		{ NONCE_FIELD, sizeof(NONCE_FIELD) - 1 }, { "Message-ID", 10 },
	};
	struct steps *p = l->p;
	struct imap_plain *noop;
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = set, .fields = fields, .n_fields = COUNT(fields),
		.items = IMAP_FIELDS | IMAP_DATE | IMAP_GM_MSGID |
		    IMAP_GM_LABELS,
		.each = on_young, .arg = l,
	};

	if (!imap_noop(p->s->session, p->a, &noop, e) ||
	    !imap_fetch(p->s->session, p->a, &ask, &answer, e) ||
	    !store_imap_wait(p->s, e))
		return false;
	l->answered = answer->answer.end == IMAP_OK && !l->many;
	return true;
}

static bool on_content(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct looking *l = arg;

	(void)e;
	for (size_t k = 0; m->have & IMAP_WHOLE && k < l->n; k++)
		if (l->list[k].uid == m->uid && l->list[k].nonce) {
			l->list[k].fetched = true;
			l->list[k].content = sameness_of(
			    l->list[k].r->copy_bytes, m->whole);
		}
	return true;
}

static bool read_contents(struct looking *l, struct err *e)
{
	struct imap_fetch_answer *answer;
	struct uidset set;
	struct imap_fetch_ask ask = {
		.uids = &set, .items = IMAP_WHOLE, .each = on_content,
		.arg = l,
	};

	uidset_init(&set, l->p->a);
	for (size_t k = 0; k < l->n; k++)
		if (l->list[k].nonce)
			uidset_add(&set, l->list[k].uid);
	if (set.n == 0)
		return true;
	if (!imap_fetch(l->p->s->session, l->p->a, &ask, &answer, e) ||
	    !store_imap_wait(l->p->s, e))
		return false;
	l->answered = l->answered && answer->answer.end == IMAP_OK;
	return true;
}

static int by_uid(const void *a, const void *b)
{
	uint32_t x = ((const struct candidate *)a)->uid;
	uint32_t y = ((const struct candidate *)b)->uid;

	return x < y ? -1 : x > y;
}

/* Our nonce and our content; or a variant of it, which an earlier upload has
 * left and which has the date that we gave it. */
static bool is_ours(const struct candidate *c, const struct replacement *r)
{
	return c->r == r && c->nonce && c->fetched &&
	    (c->content > SAME_VARIANT || (c->content == SAME_VARIANT &&
	    c->received == r->original.received));
}

/* Octets decide whether the copy is whole, but on Gmail. */
static bool is_whole(const struct steps *p, enum sameness content)
{
	return content == SAME_OCTETS ||
	    (steps_on_gmail(p->s) && content == SAME_FORM);
}

static void take_copy(struct steps *p, struct replacement *r,
    const struct candidate *c)
{
	r->copy_uid = c->uid;
	r->copy_gmail_id = c->gmail_id;
	if (r->to_uidvalidity != p->state.uidvalidity)
		r->to_from_uid = c->uid;	/* as far as is known */
	r->to_uidvalidity = p->state.uidvalidity;
	r->content_seen = is_whole(p, c->content);
}

/* Is X to be taken rather than Y?  No variant; the one that is known already;
 * the first. */
static bool is_better(const struct replacement *r, const struct candidate *x,
    const struct candidate *y)
{
	if ((x->content == SAME_VARIANT) != (y->content == SAME_VARIANT))
		return x->content > y->content;
	return x->uid == r->copy_uid;
}

/* One of those with nonce and content; the others are twins. */
static bool found_ours(struct looking *l, struct replacement *r)
{
	const struct candidate *take = NULL;
	size_t n = 0;

	for (size_t k = 0; k < l->n; k++)
		if (is_ours(&l->list[k], r)) {
			n++;
			if (!take || is_better(r, &l->list[k], take))
				take = &l->list[k];
		}
	if (!take)
		return false;
	r->twins = arena_array(l->p->s->base.arena, n, sizeof(*r->twins));
	r->n_twins = 0;
	for (size_t k = 0; k < l->n; k++)
		if (is_ours(&l->list[k], r) && &l->list[k] != take)
			r->twins[r->n_twins++] = l->list[k].uid;
	take_copy(l->p, r, take);
	r->found = n > 1 ? COPY_TWICE : COPY_THERE;
	r->outcome = STEP_DONE;
	return true;
}

/* On Gmail: the original answers, or a twin that was in Trash, which has its
 * INTERNALDATE, as all copies of one message have, and no label. */
static bool found_swallowed(struct looking *l, struct replacement *r)
{
	bool old = r->copy_uid && r->copy_uid == r->original.uid;
	size_t n = 0;

	r->twins = arena_array(l->p->s->base.arena, l->n + 1,
	    sizeof(*r->twins));
	for (size_t k = 0; k < l->n; k++) {
		const struct candidate *c = &l->list[k];

		if (c->r != r || c->nonce)
			continue;
		if (c->gmail_id == r->original.gmail_id)
			old = true;
		else if (c->bare && c->received == r->original.received)
			r->twins[n++] = c->uid;
	}
	r->n_twins = n;
	if (!old && n == 0)
		return false;
	r->copy_uid = 0;
	r->found = COPY_SWALLOWED;
	steps_say(l->p->s, r, STEP_DONE, "the server took the copy for a "
	    "message that it has");
	return true;
}

/*
 * What has another content and our nonce, or (where no server swallows) our
 * Message-ID and the original's INTERNALDATE: it is ours, changed by the
 * server, if it has that date and stands where the server said; else that
 * is not known.
 */
static bool found_other(struct looking *l, struct replacement *r)
{
	for (size_t k = 0; k < l->n; k++) {
		const struct candidate *c = &l->list[k];
		bool dated = c->received == r->original.received;

		if (c->r != r || (!c->nonce &&
		    (!dated || steps_on_gmail(l->p->s))))
			continue;
		if (dated && c->uid == r->copy_uid) {
			r->copy_gmail_id = c->gmail_id;
			r->found = COPY_DIFFERS;
			steps_say(l->p->s, r, STEP_DONE, "the server keeps "
			    "the copy with another content");
			return true;
		}
		r->copy_uid = 0;
		steps_say(l->p->s, r, STEP_REFUSED, "the message with UID %"
		    PRIu32 " in %.*s may be its copy, and has another "
		    "content", c->uid, STR_ARG(l->p->mailbox));
		return true;
	}
	return false;
}

/* False: it may come yet. */
static bool decide(struct looking *l, struct replacement *r)
{
	r->found = COPY_UNKNOWN;
	r->n_twins = 0;
	if (!l->answered) {
		steps_say(l->p->s, r, STEP_UNSURE, "the server does not give "
		    "all that may be its copy");
		return true;
	}
	if (found_ours(l, r) ||
	    (steps_on_gmail(l->p->s) && found_swallowed(l, r)) ||
	    found_other(l, r))
		return true;
	r->found = COPY_ABSENT;
	r->outcome = STEP_DONE;
	r->reason = STR_EMPTY;
	return !r->sent;
}

static void pause_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static struct looking look_begin(struct steps *p)
{
	struct looking l = { .p = p };

	l.ids = arena_array(p->a, p->n + 1, sizeof(*l.ids));
	for (size_t i = 0; i < p->n; i++)
		l.ids[i] = id_of(p->a, p->v[i]->copy_bytes, MAIL_WHOLE);
	return l;
}

/* One look for all of P; those that may come yet are LATE (parallel). */
static bool look_once(struct steps *p, bool *late, struct err *e)
{
	struct looking l = look_begin(p);
	struct uidset set;

	l.from = UIDSET_MAX;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->to_from_uid < l.from)
			l.from = p->v[i]->to_from_uid;
	l.from = l.from ? l.from : 1;
	uidset_init(&set, p->a);
	uidset_add_range(&set, l.from, UIDSET_MAX);
	if (!read_young(&l, &set, e) || !read_contents(&l, e))
		return false;
	if (l.n)
		qsort(l.list, l.n, sizeof(*l.list), by_uid);
	for (size_t i = 0; i < p->n; i++)
		late[i] = !decide(&l, p->v[i]);
	return true;
}

static bool look_patiently(struct steps *p, struct err *e)
{
	struct steps q = *p;

	for (size_t try = 0; q.n; try++) {
		bool *late = arena_array(q.a, q.n + 1, sizeof(*late));

		if (!look_once(&q, late, e))
			return false;
		q = steps_some(&q, late);
		if (q.n == 0 || try == COUNT(pauses_ms))
			break;
		pause_ms(pauses_ms[try]);
	}
	return true;
}

/* UIDs are others now: by a search for the nonce, and what it does not find
 * is not known. */
static bool look_everywhere(struct steps *p, struct err *e)
{
	struct looking l = look_begin(p);
	struct imap_found **found = arena_array(p->a, p->n + 1,
	    sizeof(*found));
	struct uidset set;

	uidset_init(&set, p->a);
	for (size_t i = 0; i < p->n; i++)
		if (!imap_search(p->s->session, p->a, arena_printf(p->a,
		    "HEADER " NONCE_FIELD " \"%s\"", p->v[i]->nonce), NULL,
		    &found[i], e))
			return false;
	if (!store_imap_wait(p->s, e))
		return false;
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; found[i]->uids && k < found[i]->uids->n;
		    k++)
			uidset_add_range(&set, found[i]->uids->ranges[k].low,
			    found[i]->uids->ranges[k].high);
	if (set.n && (!read_young(&l, &set, e) || !read_contents(&l, e)))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		r->found = COPY_UNKNOWN;
		r->copy_uid = 0;
		if (!found_ours(&l, r))
			steps_say(p->s, r, STEP_REFUSED, "the UIDVALIDITY of "
			    "%.*s changed, and a search does not find its "
			    "copy", STR_ARG(p->mailbox));
	}
	return true;
}

static bool look_in(struct steps *p, struct err *e)
{
	bool *same = arena_array(p->a, p->n + 1, sizeof(*same));
	bool *other = arena_array(p->a, p->n + 1, sizeof(*other));
	struct steps q;

	for (size_t i = 0; i < p->n; i++) {
		same[i] = p->v[i]->to_uidvalidity == p->state.uidvalidity;
		other[i] = !same[i];
	}
	q = steps_some(p, same);
	if (q.n && !look_patiently(&q, e))
		return false;
	for (size_t i = 0; i < q.n; i++)
		if (q.v[i]->found == COPY_ABSENT)
			q.v[i]->copy_uid = 0;	/* a hint of nothing */
	q = steps_some(p, other);
	return q.n == 0 || look_everywhere(&q, e);
}

bool steps_look(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	steps_begin(list, n);
	for (size_t i = 0; i < n; i++)
		list[i].found = COPY_UNKNOWN;
	return steps_each(store_imap_of(st), list, n, steps_home, true,
	    look_in, NULL, e);
}

bool steps_look_at_refused(struct steps *p, struct err *e)
{
	enum step_outcome *was = arena_array(p->a, p->n + 1, sizeof(*was));
	struct str *why = arena_array(p->a, p->n + 1, sizeof(*why));
	bool ok;

	for (size_t i = 0; i < p->n; i++) {
		was[i] = p->v[i]->outcome;
		why[i] = p->v[i]->reason;
	}
	ok = look_patiently(p, e);
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];
		bool there = ok && (r->found == COPY_THERE ||
		    r->found == COPY_TWICE);

		r->outcome = there ? STEP_DONE : ok &&
		    r->found == COPY_ABSENT ? was[i] : STEP_UNSURE;
		r->reason = there ? STR_EMPTY : why[i];
	}
	return ok;
}

/* ---------------------------------------------------------------- prove */

/* The content is seen by look, or asked for now. */
static bool see_copies(struct steps *p, struct view **views_out,
    struct err *e)
{
	uint32_t *known = arena_array(p->a, p->n + 1, sizeof(*known));
	uint32_t *fresh = arena_array(p->a, p->n + 1, sizeof(*fresh));
	struct viewing a, b;

	for (size_t i = 0; i < p->n; i++)
		*(p->v[i]->content_seen ? &known[i] : &fresh[i]) =
		    p->v[i]->copy_uid;
	if (!views_ask(p, known, IMAP_GM_MSGID | IMAP_GM_THRID | IMAP_FLAGS,
	    &a, e) || !views_ask(p, fresh, IMAP_GM_MSGID | IMAP_GM_THRID |
	    IMAP_FLAGS | IMAP_WHOLE, &b, e) || !store_imap_wait(p->s, e))
		return false;
	views_end(&a);
	views_end(&b);
	for (size_t i = 0; i < p->n; i++) {
		if (known[i])
			a.views[i].content = SAME_OCTETS;
		else
			a.views[i] = b.views[i];
		p->v[i]->content_seen = is_whole(p, a.views[i].content);
	}
	*views_out = a.views;
	return true;
}

static void prove_one(struct steps *p, struct replacement *r,
    const struct view *copy, bool whole)
{
	bool gmail = steps_on_gmail(p->s);

	r->found = COPY_UNKNOWN;
	if (copy->there == VIEW_UNKNOWN) {
		steps_say(p->s, r, STEP_UNSURE, "the server does not give the "
		    "copy");
		return;
	}
	r->outcome = STEP_DONE;
	if (copy->there == VIEW_ABSENT) {
		/* of what was sent and answered nothing is to be seen */
		r->found = gmail && r->sent && !r->copy_uid ?
		    COPY_SWALLOWED : COPY_ABSENT;
		return;
	}
	r->copy_gmail_id = copy->gmail_id;
	if (gmail && copy->gmail_id == r->original.gmail_id)
		r->found = whole ? COPY_INSTEAD : COPY_SWALLOWED;
	else if (!gmail && r->copy_uid == r->original.uid &&
	    r->original.uidvalidity == p->state.uidvalidity)
		r->found = COPY_SWALLOWED;
	else if (!whole)
		r->found = COPY_DIFFERS;
	else if (gmail && !r->new_thread &&
	    copy->gmail_thread != r->original.gmail_thread)
		r->found = COPY_OTHER_THREAD;
	else
		r->found = COPY_PROVED;
}

/* The original of a whole copy: there, as it was? */
static void prove_original(struct steps *p, struct replacement *r,
    const struct view *v, bool sure)
{
	if (r->found != COPY_PROVED && r->found != COPY_OTHER_THREAD)
		return;
	if (!sure || v->there == VIEW_UNKNOWN) {
		r->found = COPY_UNKNOWN;
		steps_say(p->s, r, STEP_UNSURE, "the server does not say "
		    "whether the original is there still");
	} else if (v->there == VIEW_ABSENT) {
		r->found = COPY_ALONE;
		steps_say(p->s, r, STEP_DONE, "the original is not in %.*s "
		    "any more", STR_ARG(p->mailbox));
	} else if (r->original_bytes.n && !v->as_original) {
		r->found = COPY_ALONE;
		steps_say(p->s, r, STEP_DONE, "the original has another "
		    "header now");
	} else {
		r->original.uid = v->uid;
		r->original.uidvalidity = p->state.uidvalidity;
	}
}

static bool prove_in(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));
	bool *alone = arena_array(p->a, p->n + 1, sizeof(*alone));
	struct view *copies, *originals;
	struct steps q;

	if (!see_copies(p, &copies, e) ||
	    !steps_find_originals(p, uids, sure, e) ||
	    !views_get(p, uids, IMAP_FIELDS, &originals, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		prove_one(p, p->v[i], &copies[i], p->v[i]->content_seen);
		prove_original(p, p->v[i], &originals[i], sure[i]);
		alone[i] = p->v[i]->found == COPY_ALONE &&
		    originals[i].there == VIEW_ABSENT;
	}
	q = steps_some(p, alone);
	return q.n == 0 || !steps_on_gmail(p->s) || gmail_look_instead(&q, e);
}

bool steps_prove(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	steps_begin(list, n);
	for (size_t i = 0; i < n; i++)
		list[i].found = COPY_UNKNOWN;
	return steps_each_copy(store_imap_of(st), list, n, prove_in, e);
}

/* ---------------------------------------------------------------- dress */

static bool has(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(list[i], name))
			return true;
	return false;
}

struct dress dress_less(struct arena *a, const struct dress *small,
    const struct dress *big)
{
	struct str *list = arena_array(a, small->n_flags + 1, sizeof(*list));
	struct str *labels = arena_array(a, small->n_labels + 1,
	    sizeof(*labels));
	struct dress out = { .flags = list, .labels = labels };

	for (size_t i = 0; i < small->n_flags; i++)
		if (!has(big->flags, big->n_flags, small->flags[i]))
			list[out.n_flags++] = small->flags[i];
	for (size_t i = 0; i < small->n_labels; i++)
		if (!has(big->labels, big->n_labels, small->labels[i]))
			labels[out.n_labels++] = small->labels[i];
	return out;
}

bool dress_is_empty(const struct dress *d)
{
	return d->n_flags == 0 && d->n_labels == 0;
}

struct str dress_shown(struct arena *a, const struct dress *d)
{
	struct buf b;
	struct str text;

	buf_init(&b, 200);
	for (size_t i = 0; i < d->n_flags + d->n_labels; i++) {
		buf_add_z(&b, i ? ", " : "");
		buf_add_shown(&b, i < d->n_flags ? d->flags[i] :
		    d->labels[i - d->n_flags]);
	}
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

/* Ops of one redress; system labels each by itself, since one that the
 * server does not like may void the whole command. */
struct ops {
	struct arena *a;
	struct op *v;
	size_t n, cap;
};

static int by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void add_op(struct ops *o, enum op_kind kind, uint32_t uid,
    const struct str *names, size_t n, size_t item)
{
	struct str *sorted = arena_array(o->a, n + 1, sizeof(*sorted));

	if (n == 0)
		return;
	memcpy(sorted, names, n * sizeof(*names));
	qsort(sorted, n, sizeof(*sorted), by_name);
	arena_grow(o->a, &o->v, o->n, &o->cap);
	o->v[o->n++] = (struct op){ .kind = kind, .uid = uid,
	    .names = sorted, .n_names = n, .item = item };
}

static void add_labels(struct ops *o, enum op_kind kind, uint32_t uid,
    const struct dress *d, size_t item)
{
	struct str *plain = arena_array(o->a, d->n_labels + 1,
	    sizeof(*plain));
	size_t n = 0;

	for (size_t i = 0; i < d->n_labels; i++)
		if (!gmail_is_system(d->labels[i]))
			plain[n++] = d->labels[i];
		else if (gmail_can_be_set(d->labels[i]))
			add_op(o, kind, uid, &d->labels[i], 1, item);
	add_op(o, kind, uid, plain, n, item);
}

static void add_flags(struct steps *p, struct ops *o, enum op_kind kind,
    uint32_t uid, const struct dress *d, size_t item)
{
	struct str *list = arena_array(o->a, d->n_flags + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < d->n_flags; i++)
		if (!steps_on_gmail(p->s) ||
		    !str_ieq_z(d->flags[i], "\\Draft"))
			list[n++] = d->flags[i];
	add_op(o, kind, uid, list, n, item);
}

bool steps_redress(struct steps *p, const struct redress *changes,
    struct str *why, bool *passes, struct err *e)
{
	struct ops o = { .a = p->a };
	bool ok;

	for (size_t i = 0; i < p->n; i++) {
		const struct redress *c = &changes[i];

		if (!c->uid)
			continue;
		if (!gmail_make_parents(p, &c->add, e))
			return false;
		add_flags(p, &o, OP_ADD_FLAGS, c->uid, &c->add, i);
		add_flags(p, &o, OP_REMOVE_FLAGS, c->uid, &c->remove, i);
		add_labels(&o, OP_ADD_LABELS, c->uid, &c->add, i);
		add_labels(&o, OP_REMOVE_LABELS, c->uid, &c->remove, i);
	}
	if (o.n == 0)
		return true;
	ok = store_imap_apply_here(p->s, o.v, o.n, e);
	for (size_t k = 0; k < o.n; k++)
		if (o.v[k].outcome == OP_FAILED) {
			why[o.v[k].item] = o.v[k].reason;
			passes[o.v[k].item] = o.v[k].retry;
		}
	return ok;
}

/* What Gmail may put on a message of its own accord. */
static struct dress unasked(struct arena *a, const struct dress *extra)
{
	struct str *labels = arena_array(a, extra->n_labels + 1,
	    sizeof(*labels));
	struct dress out = { .labels = labels };

	for (size_t i = 0; i < extra->n_labels; i++)
		if (str_ieq_z(extra->labels[i], "\\Important"))
			labels[out.n_labels++] = extra->labels[i];
	return out;
}

static void redress_for(struct steps *p, const struct view *v,
    const struct dress *wanted, bool exact, struct redress *out)
{
	struct dress extra = dress_less(p->a, &v->dress, wanted);

	*out = (struct redress){
		.uid = v->uid,
		.add = dress_less(p->a, wanted, &v->dress),
		.remove = exact ? extra : unasked(p->a, &extra),
	};
	if (dress_is_empty(&out->add) && dress_is_empty(&out->remove))
		out->uid = 0;
}

/* What was refused, and how it goes on; PASSES: with time. */
static void dressed(struct steps *p, struct replacement *r,
    const struct view *v, const struct dress *wanted, struct str why,
    bool passes)
{
	struct dress missing;

	if (v->there != VIEW_THERE) {
		steps_say(p->s, r, v->there == VIEW_ABSENT ? STEP_PASSING :
		    STEP_UNSURE, "it is not to be seen in %.*s",
		    STR_ARG(p->mailbox));
		return;
	}
	missing = dress_less(p->a, wanted, &v->dress);
	r->outcome = STEP_DONE;
	r->reason = STR_EMPTY;
	if (!dress_is_empty(&missing))
		steps_say(p->s, r, passes ? STEP_PASSING : r->lossy ?
		    STEP_DONE : STEP_REFUSED, "%.*s cannot be put on it%s%.*s",
		    STR_ARG(dress_shown(p->a, &missing)), why.n ? ": " : "",
		    STR_ARG(why));
}

/* Twice, if need be: a refusal may be a whim of the moment. */
bool steps_dress_as(struct steps *p, const uint32_t *uids,
    const struct dress *wanted, bool exact, struct err *e)
{
	struct redress *changes = arena_array(p->a, p->n + 1,
	    sizeof(*changes));
	struct str *why = arena_array(p->a, p->n + 1, sizeof(*why));
	bool *passes = arena_array(p->a, p->n + 1, sizeof(*passes));
	struct view *views;

	if (!views_get(p, uids, VIEW_DRESS, &views, e))
		return false;
	for (unsigned try = 0; try < DRESS_TRIES; try++) {
		bool any = false;

		for (size_t i = 0; i < p->n; i++) {
			why[i] = STR_EMPTY;
			passes[i] = false;
			changes[i].uid = 0;
			if (views[i].there != VIEW_THERE)
				continue;
			redress_for(p, &views[i], &wanted[i], exact,
			    &changes[i]);
			any = any || changes[i].uid;
		}
		if (!any)
			break;
		if (!steps_redress(p, changes, why, passes, e) ||
		    !views_get(p, uids, VIEW_DRESS, &views, e))
			return false;
	}
	for (size_t i = 0; i < p->n; i++)
		dressed(p, p->v[i], &views[i], &wanted[i], why[i],
		    passes[i]);
	return true;
}

static bool dress_in(struct steps *p, struct err *e)
{
	struct dress *wanted = arena_array(p->a, p->n + 1, sizeof(*wanted));

	for (size_t i = 0; i < p->n; i++)
		wanted[i] = p->v[i]->original.dress;
	return steps_dress_as(p, steps_copy_uids(p), wanted, false, e);
}

bool steps_dress(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	steps_begin(list, n);
	return steps_each_copy(store_imap_of(st), list, n, dress_in, e);
}
