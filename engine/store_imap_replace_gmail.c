/*
 * Replacing on Gmail: All Mail, X-GM-MSGID, what cannot be put back.
 *
 * A message is itself by X-GM-MSGID alone; a UID is believed only where a
 * FETCH has just told the id that stands at it.
 */
#include "store_imap_replace.h"

#include <inttypes.h>
#include <string.h>

#include "gmail.h"

/* ---------------------------------------------------------------- ready */

/* A message that comes in would push another one out of sight. */
static bool is_cut(uint32_t exists)
{
	static const uint32_t limits[] = { 1000, 2000, 5000, 10000 };

	for (size_t i = 0; i < COUNT(limits); i++)
		if (exists == limits[i])
			return true;
	return false;
}

bool gmail_replace_ready(struct store *st, struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct mailbox_state state;
	struct str all, trash;

	if (!st->kind.special(st, STR_LIT(GMAIL_ALL), &all, e)) {
		if (e->kind == ERR_MESSAGE)
			err_ctx(e, "messages can be replaced only in All "
			    "Mail; show it in Gmail's settings, Labels, "
			    "\"Show in IMAP\"");
		return false;
	}
	if (!st->kind.special(st, STR_LIT("\\Trash"), &trash, e)) {
		if (e->kind == ERR_MESSAGE)
			err_ctx(e, "originals go to Trash; show it in Gmail's "
			    "settings, Labels, \"Show in IMAP\"");
		return false;
	}
	if (!imap_has(s->session, IMAP_CAP_MOVE))
		return err_set(e, ERR_MESSAGE, "the server has no MOVE");
	if (!store_imap_select(st, all, true, &state, e))
		return false;
	if (state.read_only)
		return err_set(e, ERR_MESSAGE, "All Mail is read-only");
	if (is_cut(state.exists))
		return err_set(e, ERR_MESSAGE, "All Mail has exactly %" PRIu32
		    " messages, as when Gmail shows only the newest ones: set "
		    "\"Do not limit the number of messages\" in its settings, "
		    "Forwarding and POP/IMAP", state.exists);
	return true;
}

/* -------------------------------------------------------------- refusals */

/* Which system labels a STORE may name. */
bool gmail_can_be_set(struct str label)
{
	return str_ieq_z(label, "\\Inbox") || str_ieq_z(label, "\\Sent") ||
	    str_ieq_z(label, "\\Important");
}

const char *gmail_not_replaced(const struct dress *d)
{
	for (size_t i = 0; i < d->n_flags; i++)
		if (str_ieq_z(d->flags[i], "\\Draft"))
			return "it is a draft, which a copy cannot be made";
	for (size_t i = 0; i < d->n_labels; i++) {
		struct str label = d->labels[i];

		if (str_ieq_z(label, "\\Draft") ||
		    str_ieq_z(label, "\\Drafts"))
			return "it is a draft, which a copy cannot be made";
		if (str_ieq_z(label, "\\Muted"))
			return "it is muted, and a copy cannot be";
		if (gmail_is_system(label) && !gmail_can_be_set(label))
			return "it has a label of Gmail's that a copy cannot "
			    "be given";
	}
	return NULL;
}

/* STORE makes a label that is new, but not what is above it. */
bool gmail_make_parents(struct steps *p, const struct dress *d, struct err *e)
{
	for (size_t i = 0; i < d->n_labels; i++) {
		struct str label = d->labels[i];
		bool there;

		if (gmail_is_system(label))
			continue;
		if (!store_imap_exists(p->s, label, &there, e))
			return false;
		for (size_t at = str_find_char(label, 0, '/');
		    !there && at < label.n;
		    at = str_find_char(label, at + 1, '/')) {
			struct str above = str_sub(label, 0, at);
			struct err mine = { 0 };
			bool made;

			if (!store_imap_exists(p->s, above, &made, e))
				return false;
			if (made || store_imap_create(&p->s->base, above,
			    &mine) || mine.kind == ERR_MESSAGE)
				continue;	/* what sticks is read back */
			*e = mine;
			return false;
		}
	}
	return true;
}

/* ----------------------------------------------------------------- by id */

bool gmail_find_ids(struct steps *p, const uint64_t *ids, uint32_t *uids,
    bool *sure, struct err *e)
{
	struct imap_found **found = arena_array(p->a, p->n + 1,
	    sizeof(*found));
	bool any = false;

	for (size_t i = 0; i < p->n; i++) {
		sure[i] = true;
		if (!ids[i])
			continue;
		any = true;
		if (!imap_search(p->s->session, p->a, arena_printf(p->a,
		    "X-GM-MSGID %" PRIu64, ids[i]), NULL, &found[i], e))
			return false;
	}
	if (any && !store_imap_wait(p->s, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		if (!found[i])
			continue;
		sure[i] = found[i]->answer.end == IMAP_OK;
		if (sure[i] && found[i]->uids && found[i]->uids->n)
			uids[i] = found[i]->uids->ranges[0].low;
	}
	return true;
}

struct by_id {
	struct steps *p;
	const uint64_t *ids;
	uint32_t *uids;
};

static bool on_id(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct by_id *b = arg;

	(void)e;
	for (size_t i = 0; m->have & IMAP_GM_MSGID && i < b->p->n; i++)
		if (b->ids[i] == m->gm_msgid)
			b->uids[i] = m->uid;
	return true;
}

bool gmail_find_ids_surely(struct steps *p, const uint64_t *ids,
    uint32_t *uids, bool *sure, struct err *e)
{
	struct by_id b = { p, ids, uids };
	struct imap_fetch_answer *answer;
	struct uidset all;
	struct imap_fetch_ask ask = {
		.uids = &all, .items = IMAP_GM_MSGID, .each = on_id,
		.arg = &b,
	};
	bool missing = false;

	if (!gmail_find_ids(p, ids, uids, sure, e))
		return false;
	for (size_t i = 0; i < p->n; i++)
		missing = missing || (ids[i] && !uids[i]);
	if (!missing)
		return true;
	/* a search passes over what has \Deleted */
	uidset_init(&all, p->a);
	uidset_add_range(&all, 1, UIDSET_MAX);
	if (!imap_fetch(p->s->session, p->a, &ask, &answer, e) ||
	    !store_imap_wait(p->s, e))
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (ids[i] && !uids[i])
			sure[i] = answer->answer.end == IMAP_OK;
	return true;
}

bool gmail_find_originals(struct steps *p, uint32_t *uids, bool *sure,
    struct err *e)
{
	uint32_t *known = arena_array(p->a, p->n + 1, sizeof(*known));
	uint64_t *ids = arena_array(p->a, p->n + 1, sizeof(*ids));
	struct view *views;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->original.uidvalidity == p->state.uidvalidity)
			known[i] = p->v[i]->original.uid;
	if (!views_get(p, known, IMAP_GM_MSGID, &views, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		bool is = views[i].there == VIEW_THERE &&
		    views[i].gmail_id == p->v[i]->original.gmail_id;

		uids[i] = is ? known[i] : 0;
		ids[i] = is ? 0 : p->v[i]->original.gmail_id;
	}
	return gmail_find_ids(p, ids, uids, sure, e);
}

/* ------------------------------------------------------ in other places */

/* Those of P that are in the mailbox of the use SPECIAL, which is selected
 * then, by IDS; all parallel. */
static bool find_in(struct steps *p, const char *special,
    const uint64_t *ids, uint32_t *uids, bool *sure, struct err *e)
{
	struct store *st = &p->s->base;
	struct err mine = { 0 };

	memset(sure, 0, p->n * sizeof(*sure));
	if (st->kind.special(st, str_of(special), &p->mailbox, &mine) &&
	    store_imap_select(st, p->mailbox, true, &p->state, &mine))
		return gmail_find_ids_surely(p, ids, uids, sure, e);
	if (mine.kind != ERR_MESSAGE)
		*e = mine;
	return mine.kind == ERR_MESSAGE;
}

static uint64_t *original_ids(const struct steps *p)
{
	uint64_t *ids = arena_array(p->a, p->n + 1, sizeof(*ids));

	for (size_t i = 0; i < p->n; i++)
		ids[i] = p->v[i]->original.gmail_id;
	return ids;
}

bool gmail_not_in_spam(struct store_imap *s, struct replacement **v,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	uint32_t *uids = arena_array(a, n + 1, sizeof(*uids));
	bool *sure = arena_array(a, n + 1, sizeof(*sure));
	struct steps p = { .s = s, .a = a };
	bool ok;

	p.v = arena_array(a, n + 1, sizeof(*p.v));
	for (size_t i = 0; i < n; i++)
		if (v[i]->place == ORIGINAL_GONE)
			p.v[p.n++] = v[i];
	ok = p.n == 0 || find_in(&p, "\\Junk", original_ids(&p), uids, sure,
	    e);
	for (size_t i = 0; ok && i < p.n; i++)
		if (uids[i] || !sure[i]) {
			p.v[i]->place = ORIGINAL_UNKNOWN;
			steps_say(s, p.v[i], STEP_UNSURE, uids[i] ? "the "
			    "original is in Spam: somebody has put it there" :
			    "the server does not say whether the original is "
			    "in Spam");
		}
	arena_free(&a);
	return ok;
}

/* The copy is whole and the original is not in All Mail: was it put away, or
 * has the copy taken its place? */
bool gmail_look_instead(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	bool *in_trash = arena_array(p->a, p->n + 1, sizeof(*in_trash));
	bool *in_spam = arena_array(p->a, p->n + 1, sizeof(*in_spam));

	const uint64_t *ids = original_ids(p);
	struct steps q = *p;

	if (!find_in(&q, "\\Trash", ids, uids, in_trash, e) ||
	    !find_in(&q, "\\Junk", ids, uids, in_spam, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		if (uids[i]) {
			steps_say(p->s, r, STEP_DONE, "somebody has put the "
			    "original into Trash or Spam meanwhile");
		} else if (in_trash[i] && in_spam[i]) {
			r->found = COPY_INSTEAD;
			steps_say(p->s, r, STEP_DONE, "the server put the "
			    "copy in the original's place");
		} else {
			r->found = COPY_UNKNOWN;
			steps_say(p->s, r, STEP_UNSURE, "the server does not "
			    "say what became of the original");
		}
	}
	return true;
}

/* -------------------------------------------------------- brought back */

/* From Trash, which is selected, to All Mail, which is then. */
static bool to_all_mail(struct steps *p, const uint32_t *uids, struct err *e)
{
	struct store *st = &p->s->base;
	struct imap_change *change;
	struct uidset set;
	struct str name;

	uidset_init(&set, p->a);
	for (size_t i = 0; i < p->n; i++)
		if (uids[i])
			uidset_add(&set, uids[i]);
	if (!st->kind.special(st, STR_LIT(GMAIL_ALL), &p->mailbox, e) ||
	    !store_imap_name(p->s, p->mailbox, &name, e))
		return false;
	if (set.n && (!imap_move(p->s->session, p->a, &set, name, &change,
	    e) || !store_imap_wait(p->s, e)))
		return false;
	return store_imap_select(st, p->mailbox, true, &p->state, e);
}

/* In All Mail, which is selected: a move may be seen late. */
static bool in_all_mail(struct steps *p, const uint64_t *ids, uint32_t *uids,
    struct err *e)
{
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));
	struct imap_plain *noop;

	return imap_noop(p->s->session, p->a, &noop, e) &&
	    gmail_find_ids(p, ids, uids, sure, e);
}

static void brought_back(struct steps *p, struct replacement *r,
    uint32_t uid, bool looked)
{
	if (uid) {
		r->copy_uid = uid;
		r->to_uidvalidity = p->state.uidvalidity;
		/* the original is away: there is no way back */
		if (r->outcome != STEP_DONE)
			r->outcome = r->outcome == STEP_REFUSED ?
			    STEP_DONE : STEP_UNSURE;
	} else {
		steps_say(p->s, r, looked ? STEP_REFUSED : STEP_UNSURE, "the "
		    "original and its copy have both left All Mail");
	}
}

bool gmail_bring_copies_back(struct store_imap *s, struct replacement **v,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct steps p = { .s = s, .a = a, .v = v, .n = n };
	uint64_t *ids = arena_array(a, n + 1, sizeof(*ids));
	uint32_t *uids = arena_array(a, n + 1, sizeof(*uids));
	uint32_t *away = arena_array(a, n + 1, sizeof(*away));
	struct dress *wanted = arena_array(a, n + 1, sizeof(*wanted));
	bool *sure = arena_array(a, n + 1, sizeof(*sure));
	bool ok;

	for (size_t i = 0; i < n; i++) {
		ids[i] = v[i]->copy_gmail_id;
		wanted[i] = v[i]->original.dress;
	}
	ok = find_in(&p, "\\Trash", ids, away, sure, e) &&
	    to_all_mail(&p, away, e) && in_all_mail(&p, ids, uids, e) &&
	    steps_dress_as(&p, uids, wanted, false, e);
	for (size_t i = 0; ok && i < n; i++)
		brought_back(&p, v[i], uids[i], sure[i] && !away[i]);
	arena_free(&a);
	return ok;
}
