/*
 * run - one pass over one account: sync, judge, act, report.
 *
 *	recover what a crash left
 *	for each mailbox: select, choose what is new or swept,
 *		judge -> brake -> (a dry run stops here) -> act -> checkpoint
 *
 * Life:   one call; everything lives in the arena given.
 * Errors: what stopped the account as a whole; what concerned single
 *         messages is in the counts and was reported.
 */
#ifndef TAMIS_RUN_H
#define TAMIS_RUN_H

#include "judge.h"
#include "option.h"
#include "report.h"

struct run {
	/* Given by the caller. */
	struct arena *arena;
	const struct config *config;	/* channels; NULL: there are none */
	const struct account *account;
	const struct rules *rules;
	struct str rules_version;	/* hex digest of the rule files */
	struct store *store;		/* open */
	struct journal *journal;	/* NULL: a SOURCE, no state */
	const struct options *options;	/* dry_run, all, since, ... */
	struct report *report;
	int64_t now;
	const struct zone *zone;
	struct decrypt *decrypt;
	/* Filled in. */
	int64_t began_ms;		/* clock_ms() */
	uint64_t judged, changed, failed, unknown, pending, baseline;
	uint64_t would_change;		/* messages, in a dry run */
	int64_t run_id;
	bool braked;			/* a rule's limit stopped a mailbox */
};

MUST_USE bool run_account(struct run *r, struct err *e);

/* The digest of what a program was made of. */
struct str run_rules_version(struct arena *a, const struct rules *rules);

#endif
