#include "sync.h"

/* A day: clocks differ, and INTERNALDATE may be a little older. */
#define KNOWN_MARGIN	86400

static void add_range(struct uidset *set, uint32_t low, uint32_t uidnext)
{
	if (uidnext > 1 && low < uidnext)
		uidset_add_range(set, low, uidnext - 1);
}

/* Adds what a search finds, but for what came after the mailbox was opened:
 * the checkpoint does not pass that. */
static bool add_found(struct sync *s, const struct store_query *q,
    struct err *e)
{
	struct uidset found, there;

	uidset_init(&found, s->arena);
	uidset_init(&there, s->arena);
	add_range(&there, 1, s->state.uidnext);
	if (!s->store->kind.search(s->store, q, &found, e))
		return false;
	uidset_split(&found, &there, &s->fresh, NULL);
	return true;
}

/* An explicit selection: --all, --since, --search. */
static bool choose_asked(struct sync *s, struct err *e)
{
	const struct options *o = s->options;
	struct store_query q = { .from_uid = 1, .since = TIME_NONE };

	if (o->all || (o->since == TIME_NONE && !o->search)) {
		add_range(&s->fresh, 1, s->state.uidnext);
		return true;
	}
	q.since = o->since;
	q.criteria = str_of(o->search);
	return add_found(s, &q, e);
}

/* New by the checkpoint, and what pends from earlier runs. */
static void choose_new(const struct sync *s, struct uidset *set)
{
	add_range(set, s->before.next_uid, s->state.uidnext);
	for (size_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].uidvalidity == s->state.uidvalidity)
			uidset_add(set, s->pending[i].uid);
}

/*
 * UIDs mean nothing any more: all that came since a day before the last run
 * is looked at again, and judge knows by identity what was judged.
 */
static bool choose_again(struct sync *s, struct err *e)
{
	struct store_query q = { .from_uid = 1 };

	s->known_before = s->before.time - KNOWN_MARGIN;
	for (size_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].since - KNOWN_MARGIN < s->known_before)
			s->known_before = s->pending[i].since - KNOWN_MARGIN;
	if (s->before.baseline_time > s->known_before)
		s->known_before = s->before.baseline_time;
	q.since = s->known_before;
	return add_found(s, &q, e);
}

/* Of the UIDs chosen, those of messages that are there. */
static bool choose_there(struct sync *s, struct err *e)
{
	struct store_query q = { .from_uid = 1, .since = TIME_NONE };
	struct uidset found, there;

	uidset_init(&found, s->arena);
	uidset_init(&there, s->arena);
	q.from_uid = s->fresh.ranges[0].low;
	if (!s->store->kind.search(s->store, &q, &found, e))
		return false;
	uidset_split(&s->fresh, &found, &there, NULL);
	s->fresh = there;
	return true;
}

/* The first messages of those chosen; the checkpoint stops behind them.  What
 * it has passed in earlier runs it does not take back, and what was there
 * before the first run does not become new. */
static void choose_first(struct sync *s, uint64_t max)
{
	struct uidset all = s->fresh;
	uint32_t next;

	uidset_init(&s->fresh, s->arena);
	uidset_head(&all, 1, max, &s->fresh);
	next = uidset_last(&s->fresh) + 1;
	if (s->before.known && s->after.next_uid == s->state.uidnext)
		s->after.next_uid = next < s->before.next_uid ?
		    s->before.next_uid : next;
}

/* Everything that is neither fresh nor new: a sweep that came first would
 * take new mail from the rules that are for new mail. */
static void choose_stale(struct sync *s)
{
	struct uidset all, others, fresh;

	uidset_init(&all, s->arena);
	uidset_init(&others, s->arena);
	uidset_init(&fresh, s->arena);
	add_range(&all, 1, s->state.uidnext);
	if (s->watched && s->before.known && !s->uidvalidity_changed)
		choose_new(s, &fresh);
	uidset_split(&all, &fresh, NULL, &others);
	uidset_split(&others, &s->fresh, NULL, &s->stale);
}

/* A turn for a search is worth it where there is much to fetch.  A server
 * that does not understand it gives everything. */
static bool narrow_stale(struct sync *s, struct err *e)
{
	struct store_query q = {
		.from_uid = 1,
		.since = TIME_NONE,
		.criteria = s->narrow,
	};
	struct uidset found, stale;
	struct err mine = { 0 };

	if (s->narrow.n == 0 || s->state.exists < SYNC_NARROW_FROM ||
	    s->stale.n == 0)
		return true;
	uidset_init(&found, s->arena);
	uidset_init(&stale, s->arena);
	if (!s->store->kind.search(s->store, &q, &found, &mine)) {
		if (mine.kind == ERR_USAGE)
			return true;
		*e = mine;
		return false;
	}
	uidset_split(&s->stale, &found, &stale, NULL);
	s->stale = stale;
	return true;
}

/* Messages about which something unsettled may still happen rest.  Those that
 * are new pend, so that the checkpoint may pass them. */
static void hold_back(struct sync *s)
{
	struct uidset held, fresh, stale;

	if (!s->recovered->held && !(s->recovered->replace &&
	    s->recovered->replace->held))
		return;
	uidset_init(&held, s->arena);
	uidset_init(&fresh, s->arena);
	uidset_init(&stale, s->arena);
	recover_holds(s->recovered, s->mailbox, s->state.uidvalidity, &held);
	uidset_split(&s->fresh, &held, &s->held, &fresh);
	uidset_split(&s->stale, &held, NULL, &stale);
	s->sweep_cut = uidset_count(&stale) < uidset_count(&s->stale);
	s->fresh = fresh;
	s->stale = stale;
}

bool sync_choose(struct sync *s, struct err *e)
{
	const struct options *o = s->options;
	bool asked = o->all || o->since != TIME_NONE || o->search ||
	    s->stateless;
	bool moved = s->before.known &&
	    s->before.uidvalidity != s->state.uidvalidity;

	s->after = (struct checkpoint){
		.known = true,
		.uidvalidity = s->state.uidvalidity,
		.next_uid = s->state.uidnext,
		.modseq = s->state.modseq,
		.time = s->now,
		.baseline_uid = s->before.known && !moved ?
		    s->before.baseline_uid : s->state.uidnext,
		.baseline_time = s->before.known ?
		    s->before.baseline_time : s->now,
	};
	s->known_before = TIME_NONE;
	s->uidvalidity_changed = moved;
	uidset_init(&s->fresh, s->arena);
	uidset_init(&s->stale, s->arena);
	uidset_init(&s->held, s->arena);
	if (asked && s->watched && moved && !o->all)
		return err_set(e, ERR_MESSAGE, "the UIDVALIDITY of %.*s has "
		    "changed; run once without --since and --search, so "
		    "that new mail is told from old", STR_ARG(s->mailbox));
	if (asked && s->watched) {
		if (!choose_asked(s, e))
			return false;
		/* the new ones that were not asked for stay new */
		if (!o->all && s->before.known)
			s->after = s->before;
		s->stepwise = o->all && s->before.known && !moved;
	} else if (!s->before.known) {
		s->baseline = s->watched ? s->state.exists : 0;
	} else if (s->watched && moved) {
		if (!choose_again(s, e))
			return false;
	} else if (s->watched) {
		choose_new(s, &s->fresh);
		s->stepwise = true;
	}
	/* where UIDs began anew all must be looked at while it is known what
	 * was there before */
	if (o->max && !moved && uidset_count(&s->fresh) > o->max) {
		if (!choose_there(s, e))
			return false;
		if (uidset_count(&s->fresh) > o->max)
			choose_first(s, o->max);
	}
	if (s->swept)
		choose_stale(s);
	if (!narrow_stale(s, e))
		return false;
	hold_back(s);
	return true;
}

struct checkpoint sync_midway(const struct sync *s, uint32_t uid)
{
	struct checkpoint c = s->after;

	c.next_uid = uid + 1;
	if (s->before.known && c.next_uid < s->before.next_uid)
		c.next_uid = s->before.next_uid;
	if (c.next_uid > s->after.next_uid)
		c.next_uid = s->after.next_uid;
	return c;
}

bool sync_is_needed(const struct sync *s)
{
	if (!s->watched)
		return s->stale.n > 0;
	return s->fresh.n || s->stale.n || s->held.n || s->n_pending ||
	    !s->before.known ||
	    s->before.next_uid != s->after.next_uid ||
	    s->before.uidvalidity != s->after.uidvalidity;
}
