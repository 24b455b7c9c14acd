/*
 * stats - how often each rule hit and how much was changed a day.
 *
 * Pure: what the journal tells is handed in (journal_history, journal_runs),
 * and counted.  A rule hits a message when a change that it wanted is done,
 * whether it was undone later or not; that counts once in a run, however many
 * changes it wanted.
 *
 * Life: in the arena given to stats_make.  Changes come in the journal's
 *       order, in which those of one message in one run stand together.
 */
#ifndef TAMIS_STATS_H
#define TAMIS_STATS_H

#include "journal.h"

struct stats_count {
	uint64_t messages;	/* changed */
	uint64_t changes;	/* done */
	uint64_t failed;	/* changes that were not done, or unsure */
	int64_t run;		/* of the message counted last */
	struct str mailbox;
	uint32_t uid;
};

struct stats_rule {
	struct str name;
	bool known;		/* it is among the rules now */
	struct stats_count count;
	int64_t last;		/* time of the last change; 0: none */
};

struct stats_day {
	int64_t day;		/* its beginning as time_from_civil counts */
	struct stats_count count;
};

struct stats {
	struct stats_rule *rules;	/* most hits first */
	size_t n_rules, cap_rules;
	struct stats_day *days;		/* those with changes, ascending */
	size_t n_days, cap_days;
	struct stats_count count;	/* of all */
	uint64_t runs, judged;
	int64_t since;		/* of the first run; 0: there was none */
	struct stats_room *room;
};

/* Days are those of ZONE. */
struct stats *stats_make(struct arena *a, const struct zone *zone);
/* A rule that is in force, whether it hits or not. */
void stats_know(struct stats *s, const char *rule);
/* CTX is the stats; for journal_history and journal_runs. */
bool stats_change(void *ctx, const struct change *c,
    const struct run_record *r, struct err *e);
bool stats_run(void *ctx, const struct run_record *r, struct err *e);
/* Puts them in order; nothing is added after that. */
void stats_end(struct stats *s);

#endif
