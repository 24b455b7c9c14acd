#include "sync.h"

/* A day: clocks differ, and INTERNALDATE may be a little older. */
#define KNOWN_MARGIN	86400

static void add_range(struct uidset *set, uint32_t low, uint32_t uidnext)
{
	if (uidnext > 1 && low < uidnext)
		uidset_add_range(set, low, uidnext - 1);
}

/* An explicit selection: --all, --since, --search. */
static bool choose_asked(struct sync *s, struct err *e)
{
	const struct options *o = s->options;
	struct store_query q = { .from_uid = 1, .since = TIME_NONE };
	struct uidset found;

	if (o->all || s->stateless) {
		add_range(&s->fresh, 1, s->state.uidnext);
		return true;
	}
	q.since = o->since;
	q.criteria = str_of(o->search);
	uidset_init(&found, s->arena);
	if (!s->store->kind.search(s->store, &q, &found, e))
		return false;
	for (size_t i = 0; i < found.n; i++)
		uidset_add_range(&s->fresh, found.ranges[i].low,
		    found.ranges[i].high);
	return true;
}

/* New by the checkpoint, and what pends from earlier runs. */
static void choose_new(struct sync *s)
{
	add_range(&s->fresh, s->before.next_uid, s->state.uidnext);
	for (size_t i = 0; i < s->n_pending; i++)
		uidset_add(&s->fresh, s->pending[i].uid);
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
	return s->store->kind.search(s->store, &q, &s->fresh, e);
}

/* The checkpoint stops behind what is left of the set; what it has passed
 * in earlier runs it does not take back. */
static void rest_stays_new(struct sync *s)
{
	uint32_t next = uidset_last(&s->fresh) + 1;

	if (s->after.next_uid != s->state.uidnext)
		return;
	if (s->before.known && !s->uidvalidity_changed &&
	    next < s->before.next_uid)
		next = s->before.next_uid;
	s->after.next_uid = next;
}

/* Messages about which something unsettled may still happen rest, and pend;
 * so that the checkpoint may pass them. */
static void hold_back(struct sync *s)
{
	struct uidset rest;
	const struct recover *rec = s->recovered;

	if (!rec->held)
		return;
	uidset_init(&rest, s->arena);
	for (size_t i = 0; i < s->fresh.n; i++) {
		struct uid_range r = s->fresh.ranges[i];

		for (uint64_t uid = r.low; uid <= r.high; uid++)
			if (recover_holds(rec, s->mailbox,
			    s->state.uidvalidity, (uint32_t)uid))
				uidset_add(&s->held, (uint32_t)uid);
			else
				uidset_add(&rest, (uint32_t)uid);
	}
	s->fresh = rest;
}

static void choose_stale(struct sync *s)
{
	uint32_t from = 1;

	if (!s->swept || s->state.uidnext <= 1)
		return;
	/* everything that is not fresh */
	for (size_t i = 0; i < s->fresh.n; i++) {
		if (s->fresh.ranges[i].low > from)
			uidset_add_range(&s->stale, from,
			    s->fresh.ranges[i].low - 1);
		from = s->fresh.ranges[i].high + 1;
	}
	add_range(&s->stale, from, s->state.uidnext);
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
	if (asked && s->watched) {
		if (!choose_asked(s, e))
			return false;
		/* the new ones that were not asked for stay new */
		if (!o->all && s->before.known && !moved)
			s->after = s->before;
		s->stepwise = o->all && !moved;
	} else if (!s->before.known) {
		s->baseline = s->watched ? s->state.exists : 0;
	} else if (s->watched && moved) {
		if (!choose_again(s, e))
			return false;
	} else if (s->watched) {
		choose_new(s);
		s->stepwise = true;
	}
	if (o->max && uidset_count(&s->fresh) > o->max) {
		struct uidset all = s->fresh;

		uidset_init(&s->fresh, s->arena);
		uidset_head(&all, 1, o->max, &s->fresh);
		rest_stays_new(s);
	}
	hold_back(s);
	choose_stale(s);
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
