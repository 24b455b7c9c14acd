#include "stats.h"

#include <stdlib.h>

#include "../rules/names.h"

#define DAY	86400

struct stats_room {
	struct arena *arena;
	const struct zone *zone;
	struct names names;	/* of rules, to their index */
};

struct stats *stats_make(struct arena *a, const struct zone *zone)
{
	struct stats *s = arena_make(a, struct stats);

	s->room = arena_make(a, struct stats_room);
	s->room->arena = a;
	s->room->zone = zone;
	return s;
}

static struct stats_rule *rule_of(struct stats *s, struct str name)
{
	struct arena *a = s->room->arena;
	size_t i = s->n_rules;

	if (names_get(&s->room->names, name, &i))
		return &s->rules[i];
	arena_grow(a, &s->rules, s->n_rules, &s->cap_rules);
	s->rules[i] = (struct stats_rule){ .name = arena_str(a, name) };
	names_add(a, &s->room->names, s->rules[i].name, i);
	s->n_rules++;
	return &s->rules[i];
}

void stats_know(struct stats *s, const char *rule)
{
	rule_of(s, str_of(rule))->known = true;
}

static struct stats_day *day_of(struct stats *s, int64_t time)
{
	int64_t local = zone_local(s->room->zone, time);
	int64_t day = local - ((local % DAY) + DAY) % DAY;
	size_t i = s->n_days;

	/* the last one, but for clocks that were put back */
	while (i > 0 && s->days[i - 1].day != day)
		i--;
	if (i > 0)
		return &s->days[i - 1];
	arena_grow(s->room->arena, &s->days, s->n_days, &s->cap_days);
	s->days[s->n_days] = (struct stats_day){ .day = day };
	return &s->days[s->n_days++];
}

/* What was taken back since was done at the time. */
static bool was_done(const struct change *c)
{
	return c->state == CHANGE_DONE || c->state == CHANGE_UNDONE;
}

static void count(struct stats *s, struct stats_count *n,
    const struct change *c)
{
	if (!was_done(c)) {
		n->failed += c->state == CHANGE_FAILED ||
		    c->state == CHANGE_UNSURE;
		return;
	}
	n->changes++;
	if (n->run == c->run && n->uid == c->uid &&
	    str_eq(n->mailbox, c->mailbox))
		return;
	n->messages++;
	n->run = c->run;
	n->uid = c->uid;
	if (!str_eq(n->mailbox, c->mailbox))
		n->mailbox = arena_str(s->room->arena, c->mailbox);
}

/*
 * Takes a name off the front of names joined by ", ".  Names may have ", " in
 * them: the longest one that is known, else what stands before the first.
 */
static struct str take_name(const struct stats *s, struct str *rest)
{
	struct str all = *rest;
	size_t first = all.n, ignored;

	for (size_t end = all.n; end > 0; end--) {
		bool whole = end == all.n;

		if (!whole && (all.p[end] != ',' || end + 1 == all.n ||
		    all.p[end + 1] != ' '))
			continue;
		first = end;
		if (names_get(&s->room->names, str_sub(all, 0, end),
		    &ignored))
			break;
	}
	*rest = str_sub(all, first + 2, all.n);
	return str_sub(all, 0, first);
}

bool stats_change(void *ctx, const struct change *c,
    const struct run_record *r, struct err *e)
{
	struct stats *s = ctx;

	(void)r;
	(void)e;
	for (struct str rest = c->rules; rest.n > 0; ) {
		struct stats_rule *rule = rule_of(s, take_name(s, &rest));

		count(s, &rule->count, c);
		if (was_done(c) && c->time > rule->last)
			rule->last = c->time;
	}
	count(s, &day_of(s, c->time)->count, c);
	count(s, &s->count, c);
	return true;
}

bool stats_run(void *ctx, const struct run_record *r, struct err *e)
{
	struct stats *s = ctx;

	(void)e;
	if (s->runs++ == 0)
		s->since = r->started;
	s->judged += r->judged;
	return true;
}

/* -------------------------------------------------------------- in order */

static int by_hits(const void *x, const void *y)
{
	const struct stats_rule *a = x, *b = y;

	if (a->count.messages != b->count.messages)
		return a->count.messages > b->count.messages ? -1 : 1;
	return str_cmp(a->name, b->name);
}

static int by_day(const void *x, const void *y)
{
	const struct stats_day *a = x, *b = y;

	return a->day < b->day ? -1 : a->day > b->day;
}

void stats_end(struct stats *s)
{
	if (s->n_rules > 0)
		qsort(s->rules, s->n_rules, sizeof(*s->rules), by_hits);
	if (s->n_days > 0)
		qsort(s->days, s->n_days, sizeof(*s->days), by_day);
}
