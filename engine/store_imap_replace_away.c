/*
 * Replacing on IMAP: originals and copies to Trash, and out of it.
 *
 * With MOVE what leaves is read and moved in one write, so that nobody gets
 * in between; what was changed on it since it was captured goes onto the
 * copy.  Without MOVE it is read, marked \Deleted only if it has not changed
 * since (CONDSTORE), and expunged, each in a turn of its own: Dovecot has
 * been seen to expunge nothing when both came together.
 */
#include "store_imap_replace.h"

#include <inttypes.h>
#include <string.h>

#include "gmail.h"

#define MARK_TRIES	3

bool steps_trash(struct store_imap *s, struct str *trash_out, struct err *e)
{
	struct err mine = { 0 };

	*trash_out = STR_EMPTY;
	if (s->base.kind.special(&s->base, STR_LIT("\\Trash"), trash_out,
	    &mine) || mine.kind == ERR_MESSAGE)
		return true;
	*e = mine;
	return false;
}

/* Trash, if originals and copies can be moved there, else empty.  One that
 * the config names may be still to be made. */
static bool trash_to_move_to(struct store_imap *s, struct str *trash_out,
    struct err *e)
{
	struct err mine = { 0 };
	bool there;

	if (!imap_has(s->session, IMAP_CAP_MOVE)) {
		*trash_out = STR_EMPTY;
		return true;
	}
	if (!steps_trash(s, trash_out, e))
		return false;
	if (trash_out->n == 0)
		return true;
	if (!store_imap_exists(s, *trash_out, &there, e))
		return false;
	if (there || store_imap_create(&s->base, *trash_out, &mine) ||
	    mine.kind == ERR_MESSAGE)
		return true;	/* or the move is refused */
	*e = mine;
	return false;
}

/* ------------------------------------------------------------ originals */

/* "not found" must be sure: a message that has its size, date and
 * Message-ID is compared as a whole. */
struct hunt {
	struct steps *p;
	struct replacement *r;
	struct uidset maybe;
	uint32_t uid;
	size_t came;
};

static bool on_measure(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct hunt *h = arg;

	(void)e;
	if (m->have & IMAP_SIZE && m->have & IMAP_DATE) {
		h->came++;
		if (m->size == h->r->original.size &&
		    m->date == h->r->original.received)
			uidset_add(&h->maybe, m->uid);
	}
	return true;
}

static bool on_whole(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct hunt *h = arg;
	uint8_t sum[DIGEST_SIZE];

	(void)e;
	if (!(m->have & IMAP_WHOLE))
		return true;
	h->came++;
	digest_of(m->whole, sum);
	if (memcmp(sum, h->r->original.sha256, DIGEST_SIZE) == 0 && !h->uid)
		h->uid = m->uid;
	return true;
}

static bool hunt_fetch(struct hunt *h, const struct uidset *set,
    unsigned items, bool (*each)(void *, const struct imap_fetched *,
    struct err *), bool *all_out, struct err *e)
{
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = set, .items = items, .each = each, .arg = h,
	};

	h->came = 0;
	if (!imap_fetch(h->p->s->session, h->p->a, &ask, &answer, e) ||
	    !store_imap_wait(h->p->s, e))
		return false;
	*all_out = answer->answer.end == IMAP_OK;
	return true;
}

static bool find_by_content(struct steps *p, struct replacement *r,
    uint32_t *uid_out, bool *sure_out, struct err *e)
{
	struct hunt h = { .p = p, .r = r };
	struct imap_found *found;

	*uid_out = 0;
	*sure_out = false;
	uidset_init(&h.maybe, p->a);
	if (!imap_search(p->s->session, p->a, store_imap_id_criteria(p->a,
	    &r->id), NULL, &found, e) || !store_imap_wait(p->s, e))
		return false;
	if (found->answer.end != IMAP_OK)
		return true;
	*sure_out = true;
	if (found->uids->n && !hunt_fetch(&h, found->uids, IMAP_SIZE |
	    IMAP_DATE, on_measure, sure_out, e))
		return false;
	if (*sure_out && h.maybe.n && !hunt_fetch(&h, &h.maybe, IMAP_WHOLE,
	    on_whole, sure_out, e))
		return false;
	*uid_out = h.uid;
	return true;
}

/* By UID, where UIDs are what they were. */
static bool find_by_uid(struct steps *p, uint32_t *uids, bool *sure,
    struct err *e)
{
	uint32_t *ask = arena_array(p->a, p->n + 1, sizeof(*ask));
	struct view *views;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->original.uidvalidity == p->state.uidvalidity)
			ask[i] = p->v[i]->original.uid;
	if (!views_get(p, ask, IMAP_SIZE | IMAP_EMAILID, &views, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const struct str id = p->v[i]->original.object_id;

		sure[i] = views[i].there != VIEW_UNKNOWN;
		uids[i] = views[i].there == VIEW_THERE && (!id.n ||
		    str_eq(id, views[i].object_id)) ? ask[i] : 0;
	}
	return true;
}

bool steps_find_originals(struct steps *p, uint32_t *uids, bool *sure,
    struct err *e)
{
	if (steps_on_gmail(p->s))
		return gmail_find_originals(p, uids, sure, e);
	if (!find_by_uid(p, uids, sure, e))
		return false;
	for (size_t i = 0; i < p->n; i++)
		if ((p->v[i]->original.uid == 0 ||
		    p->v[i]->original.uidvalidity != p->state.uidvalidity) &&
		    !find_by_content(p, p->v[i], &uids[i], &sure[i], e))
			return false;
	return true;
}

/* ---------------------------------------------------------- whereabouts */

static void is_at(struct steps *p, struct replacement *r, uint32_t uid)
{
	r->original.uid = uid;
	r->original.uidvalidity = p->state.uidvalidity;
	r->place = ORIGINAL_LIVE;
	r->outcome = STEP_DONE;
}

static bool home_place(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));
	struct view *views;

	if (!steps_find_originals(p, uids, sure, e) ||
	    !views_get(p, uids, IMAP_FLAGS, &views, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		if (!sure[i] || views[i].there == VIEW_UNKNOWN)
			steps_say(p->s, r, STEP_UNSURE, "the server does not "
			    "say whether the original is in %.*s",
			    STR_ARG(p->mailbox));
		else if (views[i].there == VIEW_THERE)
			is_at(p, r, uids[i]);
		if (r->place == ORIGINAL_LIVE && views[i].deleted &&
		    !steps_on_gmail(p->s))
			r->place = ORIGINAL_MARKED;
	}
	return true;
}

static bool trash_place(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	uint64_t *ids = arena_array(p->a, p->n + 1, sizeof(*ids));
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));

	for (size_t i = 0; i < p->n; i++)
		ids[i] = p->v[i]->original.gmail_id;
	if (steps_on_gmail(p->s) &&
	    !gmail_find_ids_surely(p, ids, uids, sure, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		if (!steps_on_gmail(p->s) &&
		    !find_by_content(p, r, &uids[i], &sure[i], e))
			return false;
		if (uids[i]) {
			r->original.trash_uid = uids[i];
			r->place = ORIGINAL_IN_TRASH;
		} else if (sure[i]) {
			r->place = ORIGINAL_GONE;
		}
		r->outcome = sure[i] ? STEP_DONE : STEP_UNSURE;
	}
	return true;
}

/* Of those of LIST that are WANTED and not in their mailbox. */
static bool look_in_trash(struct store_imap *s, struct replacement **v,
    size_t n, steps_fn *fn, struct err *e)
{
	struct arena *a;
	struct steps p = { .s = s, .v = v, .n = n };
	struct err mine = { 0 };
	bool ok;

	if (n == 0)
		return true;
	if (!steps_trash(s, &p.mailbox, e))
		return false;
	if (p.mailbox.n == 0) {
		for (size_t i = 0; i < n; i++) {
			v[i]->place = ORIGINAL_GONE;
			v[i]->outcome = STEP_DONE;
		}
		return true;
	}
	if (!store_imap_select(&s->base, p.mailbox, true, &p.state, &mine)) {
		for (size_t i = 0; i < n; i++)
			steps_say(s, v[i], STEP_UNSURE, "%s", mine.msg);
		if (mine.kind != ERR_MESSAGE)
			*e = mine;
		return mine.kind == ERR_MESSAGE;
	}
	p.a = a = arena_new();
	ok = fn(&p, e);
	arena_free(&a);
	return ok;
}

static bool whereabouts_of(struct store_imap *s, struct replacement *list,
    size_t n, struct err *e)
{
	struct replacement **away;
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		list[i].place = ORIGINAL_UNKNOWN;
	if (!steps_each(s, list, n, steps_home, true, home_place, NULL, e))
		return false;
	away = arena_array(s->base.arena, n + 1, sizeof(*away));
	for (size_t i = 0; i < n; i++)
		if (list[i].outcome == STEP_TODO)
			away[k++] = &list[i];
	return look_in_trash(s, away, k, trash_place, e) &&
	    (!steps_on_gmail(s) || gmail_not_in_spam(s, away, k, e));
}

bool steps_whereabouts(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	steps_begin(list, n);
	return whereabouts_of(store_imap_of(st), list, n, e);
}

/* ---------------------------------------------------------------- away */

/* What is in MORE and not in BUT (NULL: all). */
static void add_all(struct uidset *to, const struct uidset *more,
    const struct uidset *but)
{
	struct uidset rest;

	uidset_init(&rest, to->arena);
	if (but)
		uidset_split(more, but, NULL, &rest);
	else
		rest = *more;
	for (size_t i = 0; i < rest.n; i++)
		uidset_add_range(to, rest.ranges[i].low, rest.ranges[i].high);
}

/*
 * Marks those of MARK that still are what they were at MODSEQ (0: whatever
 * they are), then expunges these and ALREADY.
 */
static bool mark_and_expunge(struct steps *p, const struct uidset *mark,
    uint64_t modseq, struct uidset *already, struct err *e)
{
	static const struct str deleted = { "\\Deleted", 8 };
	struct store_imap *s = p->s;
	struct imap_change *change = NULL;

	if (mark->n && (!imap_store(s->session, p->a, mark, IMAP_ADD,
	    IMAP_STORE_FLAGS, &deleted, 1, modseq, &change, e) ||
	    !store_imap_wait(s, e)))
		return false;
	for (; change; change = change->next)
		if (change->answer.end == IMAP_OK)
			add_all(already, change->uids, change->modified);
	return already->n == 0 || !imap_has(s->session, IMAP_CAP_UIDPLUS) ||
	    (imap_expunge(s->session, p->a, already, &change, e) &&
	    store_imap_wait(s, e));
}

/* ---------------------------------------------------------------- retire */

struct leaving {
	struct steps *p;	/* those that go */
	uint32_t *uids;		/* of the originals */
	struct viewing now;	/* what they were when they went */
	struct imap_change *moved;
};

static void set_of(const struct steps *p, const uint32_t *uids,
    struct uidset *set)
{
	uidset_init(set, p->a);
	for (size_t i = 0; i < p->n; i++)
		if (uids[i])
			uidset_add(set, uids[i]);
}

static const struct imap_change *link_of(const struct leaving *l, size_t i)
{
	const struct imap_change *c = l->moved;

	while (c && !uidset_has(c->uids, l->uids[i]))
		c = c->next;
	return c;
}

/* Without a look at what is left (NULL) nothing that was sent is sure. */
static void moved(struct leaving *l, size_t i, const struct uidset *left)
{
	struct steps *p = l->p;
	struct replacement *r = p->v[i];
	const struct imap_change *c = link_of(l, i);

	if (!c || c->answer.end == IMAP_UNSENT ||
	    c->answer.end == IMAP_PENDING)
		return;
	for (size_t k = 0; k < c->n_pairs; k++)
		if (c->pairs[k].from == l->uids[i])
			r->original.trash_uid = c->pairs[k].to;
	if (!left) {
		steps_say(p->s, r, STEP_UNSURE, "the connection ended before "
		    "it was surely in Trash");
	} else if (!uidset_has(left, l->uids[i])) {
		r->outcome = STEP_DONE;
		r->place = ORIGINAL_IN_TRASH;
	} else {
		steps_say(p->s, r, c->answer.temporary ||
		    c->answer.end == IMAP_OK ? STEP_PASSING : STEP_REFUSED,
		    "the original does not go to Trash%s%.*s",
		    c->answer.text.n ? ": " : "", STR_ARG(c->answer.text));
		r->place = ORIGINAL_LIVE;
	}
}

/* Read and moved in one write; then what is left is looked at, whatever the
 * server has said. */
static bool move_to(struct leaving *l, struct str trash, struct err *e)
{
	struct steps *p = l->p;
	struct uidset set, left;
	struct str name;
	bool ok;

	set_of(p, l->uids, &set);
	uidset_init(&left, p->a);
	if (!store_imap_name(p->s, trash, &name, e) ||
	    !views_ask(p, l->uids, VIEW_DRESS | IMAP_GM_MSGID, &l->now, e) ||
	    !imap_move(p->s->session, p->a, &set, name, &l->moved, e))
		return false;
	ok = store_imap_wait(p->s, e);
	views_end(&l->now);
	ok = ok && store_imap_left(p->s, &set, &left, e);
	for (size_t i = 0; i < p->n; i++)
		moved(l, i, ok ? &left : NULL);
	return ok;
}

/* What has changed on the original since it was captured, onto the copy. */
static bool carry(struct steps *p, const struct view *now, struct err *e)
{
	struct redress *changes = arena_array(p->a, p->n + 1,
	    sizeof(*changes));
	struct str *why = arena_array(p->a, p->n + 1, sizeof(*why));
	bool *passes = arena_array(p->a, p->n + 1, sizeof(*passes));
	bool any = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct dress *then = &p->v[i]->original.dress;

		why[i] = STR_EMPTY;
		if (now[i].there != VIEW_THERE)
			continue;
		changes[i].add = dress_less(p->a, &now[i].dress, then);
		changes[i].remove = dress_less(p->a, then, &now[i].dress);
		if (dress_is_empty(&changes[i].add) &&
		    dress_is_empty(&changes[i].remove))
			continue;
		changes[i].uid = p->v[i]->copy_uid;
		any = true;
	}
	return !any || steps_redress(p, changes, why, passes, e);
}

static void gone(struct steps *p, struct replacement *r,
    const struct view *v)
{
	bool plus = imap_has(p->s->session, IMAP_CAP_UIDPLUS);

	r->outcome = STEP_DONE;
	if (v->there == VIEW_ABSENT) {
		r->place = ORIGINAL_GONE;
	} else if (v->there == VIEW_UNKNOWN) {
		steps_say(p->s, r, STEP_UNSURE, "the server does not say "
		    "whether the original has gone");
	} else if (!plus && v->deleted) {
		r->place = ORIGINAL_MARKED;
		steps_say(p->s, r, STEP_DONE, "the original is only marked "
		    "\\Deleted: the server has no UIDPLUS");
	} else {
		r->place = ORIGINAL_LIVE;
		steps_say(p->s, r, STEP_PASSING, "the original does not go: "
		    "somebody changes it, or the server does not expunge it");
	}
}

static bool expunge_originals(struct leaving *l, struct err *e)
{
	struct steps *p = l->p;
	bool plus = imap_has(p->s->session, IMAP_CAP_UIDPLUS);
	struct uidset mark, marked;
	struct view *now;

	for (unsigned try = 0; try <= MARK_TRIES; try++) {
		uint64_t modseq = 0;

		if (!views_get(p, l->uids, VIEW_DRESS | IMAP_MODSEQ, &now,
		    e) || !carry(p, now, e))
			return false;
		uidset_init(&mark, p->a);
		uidset_init(&marked, p->a);
		for (size_t i = 0; i < p->n; i++) {
			if (now[i].there != VIEW_THERE)
				continue;
			uidset_add(now[i].deleted ? &marked : &mark,
			    l->uids[i]);
			if (now[i].modseq > modseq)
				modseq = now[i].modseq;
		}
		if ((mark.n == 0 && (marked.n == 0 || !plus)) ||
		    try == MARK_TRIES)
			break;
		if (!mark_and_expunge(p, &mark, modseq, &marked, e))
			return false;
	}
	for (size_t i = 0; i < p->n; i++)
		gone(p, p->v[i], &now[i]);
	return true;
}

/* From now on that is what the original had. */
static void adopt(struct steps *p, const struct view *now)
{
	for (size_t i = 0; now && i < p->n; i++)
		if (now[i].there == VIEW_THERE)
			steps_keep_dress(p->s, &now[i].dress,
			    &p->v[i]->original.dress);
}

static bool take_away(struct steps *p, uint32_t *uids, struct err *e)
{
	struct leaving l = { .p = p, .uids = uids };
	struct str trash;
	bool ok;

	if (p->n == 0)
		return true;
	if (!trash_to_move_to(p->s, &trash, e))
		return false;
	if (trash.n == 0)
		return expunge_originals(&l, e);
	ok = move_to(&l, trash, e) && carry(p, l.now.views, e);
	adopt(p, l.now.views);
	return ok;
}

/* Does everything stand on the copy?  Then the original may go. */
static bool may_go(struct steps *p, struct replacement *r,
    const struct view *copy, uint32_t uid, bool sure)
{
	struct dress missing;

	if (!sure || copy->there == VIEW_UNKNOWN) {
		steps_say(p->s, r, STEP_UNSURE, "the server does not give "
		    "what is in %.*s", STR_ARG(p->mailbox));
		return false;
	}
	if (copy->there == VIEW_ABSENT && !uid) {
		r->found = COPY_ABSENT;
		steps_say(p->s, r, STEP_REFUSED, "the original and its copy "
		    "have both left %.*s", STR_ARG(p->mailbox));
		return false;
	}
	if (copy->there == VIEW_ABSENT || copy->deleted) {
		steps_say(p->s, r, STEP_PASSING, "the copy is not in %.*s "
		    "any more", STR_ARG(p->mailbox));
		return false;
	}
	missing = dress_less(p->a, &r->original.dress, &copy->dress);
	if (!uid || dress_is_empty(&missing) || r->lossy)
		return uid != 0;
	steps_say(p->s, r, STEP_PASSING, "the copy has lost %.*s",
	    STR_ARG(dress_shown(p->a, &missing)));
	return false;
}

/* Behind it: the copy has what the original had at last. */
static void see_copy(struct steps *p, struct replacement *r,
    const struct view *copy)
{
	struct dress missing = dress_less(p->a, &r->original.dress,
	    &copy->dress);

	if (copy->there == VIEW_UNKNOWN) {
		steps_say(p->s, r, STEP_UNSURE, "the server does not give "
		    "what is in %.*s", STR_ARG(p->mailbox));
	} else if (copy->there == VIEW_ABSENT) {
		r->found = COPY_ABSENT;
		steps_say(p->s, r, STEP_REFUSED, "the original and its copy "
		    "have both left %.*s", STR_ARG(p->mailbox));
	} else if (!dress_is_empty(&missing) && !r->lossy) {
		steps_say(p->s, r, STEP_DONE, "%.*s, which the original had "
		    "got meanwhile, is not on the copy",
		    STR_ARG(dress_shown(p->a, &missing)));
	}
}

static bool look_at_copies(struct steps *p, struct err *e)
{
	struct view *copies;
	bool ok;

	if (p->n == 0)
		return true;
	ok = views_get(p, steps_copy_uids(p), VIEW_DRESS, &copies, e);
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		if (r->outcome != STEP_DONE)
			continue;
		if (ok)
			see_copy(p, r, &copies[i]);
		else
			steps_say(p->s, r, STEP_UNSURE, "the connection ended "
			    "before it was looked at");
	}
	return ok;
}

/* Both went at once: that is nobody's wish but a server's that takes them for
 * one, or that of somebody who puts the thread into Trash this moment; that
 * can be done again, and the message is not to be lost. */
static bool rescue_copies(struct store_imap *s, struct replacement *list,
    size_t n, struct err *e)
{
	struct replacement **v = arena_array(s->base.arena, n + 1,
	    sizeof(*v));
	size_t k = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		if (list[i].found == COPY_ABSENT)
			v[k++] = &list[i];
	if (k == 0 || !steps_on_gmail(s))
		return true;
	ok = gmail_bring_copies_back(s, v, k, e);
	for (size_t i = 0; !ok && i < k; i++)
		steps_say(s, v[i], STEP_UNSURE, "the copy is away with the "
		    "original, and was not surely brought back");
	return ok;
}

static bool retire_in(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	uint32_t *going = arena_array(p->a, p->n + 1, sizeof(*going));
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));
	bool *go = arena_array(p->a, p->n + 1, sizeof(*go));
	struct view *copies;
	struct steps q;
	size_t n = 0;

	if (!steps_find_originals(p, uids, sure, e) ||
	    !views_get(p, steps_copy_uids(p), VIEW_DRESS, &copies, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		r->place = ORIGINAL_UNKNOWN;
		if (r->copy_gmail_id &&
		    r->copy_gmail_id == r->original.gmail_id) {
			r->place = ORIGINAL_GONE;	/* it is the copy */
			r->outcome = STEP_DONE;
		} else if (may_go(p, r, &copies[i], uids[i],
		    sure[i])) {
			go[i] = true;
			going[n++] = uids[i];
		}
	}
	q = steps_some(p, go);
	return take_away(&q, going, e) && look_at_copies(&q, e);
}

/* The UIDs of copies where their originals were judged. */
static bool after_in(struct steps *p, struct err *e)
{
	uint64_t *ids = arena_array(p->a, p->n + 1, sizeof(*ids));
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->outcome == STEP_DONE)
			ids[i] = p->v[i]->copy_gmail_id;
	if (!gmail_find_ids(p, ids, uids, sure, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		p->v[i]->uid_after = uids[i];
		if (ids[i] && !sure[i])	/* retired, but not found out */
			steps_say(p->s, p->v[i], STEP_UNSURE, "the server "
			    "does not say where in %.*s the copy is",
			    STR_ARG(p->mailbox));
	}
	return true;
}

static struct str judged_in(struct store_imap *s, const struct replacement *r)
{
	(void)s;
	return r->mailbox;
}

static bool find_uids_after(struct store_imap *s, struct replacement *list,
    size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		list[i].uid_after = list[i].outcome == STEP_DONE ?
		    list[i].copy_uid : 0;
	return !steps_on_gmail(s) || steps_each(s, list, n, judged_in, false,
	    after_in, NULL, e);
}

bool steps_retire(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct replacement **v = arena_array(s->base.arena, n + 1,
	    sizeof(*v));
	size_t k = 0;

	steps_begin(list, n);
	for (size_t i = 0; i < n; i++)
		list[i].found = COPY_UNKNOWN;
	if (!steps_each_copy(s, list, n, retire_in, e) ||
	    !rescue_copies(s, list, n, e))
		return false;
	/* moved without a word where to, or gone before we came */
	for (size_t i = 0; i < n; i++)
		if (list[i].outcome == STEP_TODO || (list[i].outcome ==
		    STEP_DONE && (list[i].place == ORIGINAL_UNKNOWN ||
		    (list[i].place == ORIGINAL_IN_TRASH &&
		    !list[i].original.trash_uid))))
			v[k++] = &list[i];
	return look_in_trash(s, v, k, trash_place, e) &&
	    (!steps_on_gmail(s) || gmail_not_in_spam(s, v, k, e)) &&
	    find_uids_after(s, list, n, e);
}

/* -------------------------------------------------------------- restore */

/* Where the originals are now, as COPYUID tells; 0 where it does not. */
static void came_back(struct steps *p, const struct imap_change *change)
{
	for (; change; change = change->next)
		for (size_t i = 0; i < p->n; i++) {
			struct original *o = &p->v[i]->original;

			if (!uidset_has(change->uids, o->trash_uid))
				continue;
			o->uid = 0;
			o->uidvalidity = change->to_uidvalidity;
			for (size_t k = 0; k < change->n_pairs; k++)
				if (change->pairs[k].from == o->trash_uid)
					o->uid = change->pairs[k].to;
		}
}

/* Of the mailbox that is selected to TO, by whatever the server has. */
static bool move_back(struct steps *p, const uint32_t *uids, struct str to,
    struct err *e)
{
	struct imap_change *change, *c;
	struct uidset set, copied, none;
	struct str name;

	set_of(p, uids, &set);
	if (set.n == 0)
		return true;
	if (!store_imap_name(p->s, to, &name, e))
		return false;
	if (imap_has(p->s->session, IMAP_CAP_MOVE)) {
		if (!imap_move(p->s->session, p->a, &set, name, &change, e) ||
		    !store_imap_wait(p->s, e))
			return false;
		came_back(p, change);
		return true;
	}
	if (!imap_copy(p->s->session, p->a, &set, name, &change, e) ||
	    !store_imap_wait(p->s, e))
		return false;
	uidset_init(&copied, p->a);
	uidset_init(&none, p->a);
	for (c = change; c; c = c->next)
		if (c->answer.end == IMAP_OK)
			add_all(&copied, c->uids, NULL);
	came_back(p, change);
	return copied.n == 0 || mark_and_expunge(p, &copied, 0, &none, e);
}

/* In Trash, which is selected. */
static bool out_of_trash(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	bool *looked = arena_array(p->a, p->n + 1, sizeof(*looked));

	if (!trash_place(p, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		if (looked[i] || p->v[i]->place != ORIGINAL_IN_TRASH)
			continue;
		memset(uids, 0, p->n * sizeof(*uids));
		for (size_t k = i; k < p->n; k++)
			if (p->v[k]->place == ORIGINAL_IN_TRASH &&
			    str_eq(p->v[k]->original.mailbox,
			    p->v[i]->original.mailbox)) {
				uids[k] = p->v[k]->original.trash_uid;
				looked[k] = true;
			}
		if (!move_back(p, uids, p->v[i]->original.mailbox, e))
			return false;
	}
	return true;
}

static bool unmark(struct steps *p, const uint32_t *uids, struct err *e)
{
	static const struct str deleted = { "\\Deleted", 8 };
	struct imap_change *change;
	struct uidset set;

	set_of(p, uids, &set);
	return set.n == 0 || (imap_store(p->s->session, p->a, &set,
	    IMAP_REMOVE, IMAP_STORE_FLAGS, &deleted, 1, 0, &change, e) &&
	    store_imap_wait(p->s, e));
}

/* In its own mailbox again. */
static bool dress_again(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));
	struct dress *wanted = arena_array(p->a, p->n + 1, sizeof(*wanted));
	enum original_place *was = arena_array(p->a, p->n + 1, sizeof(*was));

	if (!steps_find_originals(p, uids, sure, e) ||
	    (!steps_on_gmail(p->s) && !unmark(p, uids, e)))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		wanted[i] = p->v[i]->original.dress;
		was[i] = p->v[i]->place;
		if (uids[i])
			is_at(p, p->v[i], uids[i]);
	}
	if (!steps_dress_as(p, uids, wanted, true, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		if (uids[i])
			continue;
		if (!sure[i])
			steps_say(p->s, r, STEP_UNSURE, "the server does not "
			    "say where the original is");
		else if (was[i] == ORIGINAL_GONE)
			steps_say(p->s, r, STEP_REFUSED, "the original is "
			    "not in Trash any more");
		else
			steps_say(p->s, r, STEP_PASSING, "the original does "
			    "not come out of Trash");
		r->place = was[i];
	}
	return true;
}

bool steps_restore(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct replacement **v = arena_array(s->base.arena, n + 1,
	    sizeof(*v));
	size_t k = 0;

	if (!steps_whereabouts(st, list, n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (list[i].place == ORIGINAL_IN_TRASH)
			v[k++] = &list[i];
	return look_in_trash(s, v, k, out_of_trash, e) &&
	    steps_each(s, list, n, steps_home, true, dress_again, NULL, e);
}

/* -------------------------------------------------------------- discard */

static bool on_original(void *arg, const struct imap_fetched *m,
    struct err *e)
{
	struct steps *p = arg;

	(void)e;
	for (size_t i = 0; i < p->n; i++)
		if (m->have & IMAP_GM_MSGID &&
		    m->gm_msgid == p->v[i]->original.gmail_id)
			((bool *)p->arg)[i] = true;
	return true;
}

/* What is an original is no copy, whatever UID it has. */
static bool spare_originals(struct steps *p, const struct uidset *set,
    bool *is_original, struct err *e)
{
	struct steps q = *p;
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = set, .items = IMAP_GM_MSGID, .each = on_original,
		.arg = &q,
	};

	q.arg = is_original;
	for (size_t i = 0; i < p->n; i++)
		is_original[i] = p->v[i]->original.uidvalidity ==
		    p->state.uidvalidity &&
		    uidset_has(set, p->v[i]->original.uid);
	return !steps_on_gmail(p->s) || (imap_fetch(p->s->session, p->a,
	    &ask, &answer, e) && store_imap_wait(p->s, e) &&
	    imap_answered(&answer->answer, ERR_TEMP, e, "cannot look at "
	    "copies in %.*s", STR_ARG(p->mailbox)));
}

static void own_uids(struct steps *p, const struct replacement *r,
    struct uidset *out)
{
	uidset_init(out, p->a);
	if (r->copy_uid)
		uidset_add(out, r->copy_uid);
	for (size_t i = 0; i < r->n_twins; i++)
		uidset_add(out, r->twins[i]);
}

/* LEFT is what is in the mailbox still; *MARKED_OUT: with \\Deleted. */
static bool send_away(struct steps *p, const struct uidset *set,
    struct uidset *left, bool *marked_out, struct err *e)
{
	struct imap_change *change;
	struct str trash, name;
	struct uidset none;

	*marked_out = false;
	if (set->n == 0)
		return true;
	if (!trash_to_move_to(p->s, &trash, e))
		return false;
	if (trash.n == 0) {
		*marked_out = !imap_has(p->s->session, IMAP_CAP_UIDPLUS);
		uidset_init(&none, p->a);
		return mark_and_expunge(p, set, 0, &none, e) &&
		    store_imap_left(p->s, set, left, e);
	}
	return store_imap_name(p->s, trash, &name, e) &&
	    imap_move(p->s->session, p->a, set, name, &change, e) &&
	    store_imap_wait(p->s, e) && store_imap_left(p->s, set, left, e);
}

static bool discard_in(struct steps *p, struct err *e)
{
	bool *keep = arena_array(p->a, p->n + 1, sizeof(*keep));
	struct uidset *own = arena_array(p->a, p->n + 1, sizeof(*own));
	struct uidset all, left, stays;
	bool marked;

	uidset_init(&all, p->a);
	uidset_init(&left, p->a);
	for (size_t i = 0; i < p->n; i++) {
		own_uids(p, p->v[i], &own[i]);
		add_all(&all, &own[i], NULL);
	}
	if (all.n && !spare_originals(p, &all, keep, e))
		return false;
	uidset_init(&all, p->a);
	for (size_t i = 0; i < p->n; i++)
		if (!keep[i])
			add_all(&all, &own[i], NULL);
	if (!send_away(p, &all, &left, &marked, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		uidset_init(&stays, p->a);
		uidset_split(&own[i], &left, &stays, NULL);
		r->outcome = STEP_DONE;
		if (keep[i])
			steps_say(p->s, r, STEP_REFUSED, "what is named as "
			    "its copy is the original");
		else if (stays.n && !marked)
			steps_say(p->s, r, STEP_PASSING, "the copy does not "
			    "go to Trash");
		else if (stays.n)
			steps_say(p->s, r, STEP_DONE, "the copy is only "
			    "marked \\Deleted: the server has no UIDPLUS");
		if (r->outcome != STEP_DONE)
			continue;
		r->copy_uid = 0;
		r->n_twins = 0;
	}
	return true;
}

bool steps_discard(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	steps_begin(list, n);
	return steps_each_copy(store_imap_of(st), list, n, discard_in, e);
}
