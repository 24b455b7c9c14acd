/*
 * undo - takes back what earlier runs have done.
 *
 * The changes of a run, or those that a rule wanted since some time, from the
 * last one back to the first: moves, then rewritten messages, then flags and
 * labels.  A message is followed to where later changes of ours have put it;
 * one that is not there any more, or is another one by now, is left alone and
 * said.  What is deleted for ever or copied stays as it is.
 *
 * Taking back is a run of its own: intents before, outcomes behind, and what
 * was taken back is marked, so that it is not taken back twice.
 *
 * Life:   one call; everything lives in the arena given.
 * Errors: those of the store and the journal.
 */
#ifndef TAMIS_UNDO_H
#define TAMIS_UNDO_H

#include "replace.h"

enum undo_outcome {
	UNDO_WOULD,		/* it was not tried */
	UNDO_DONE,
	UNDO_FAILED,
	UNDO_CANNOT,		/* there is no way, or no need */
};

struct undo_item {
	struct change change;
	enum undo_outcome outcome;
	struct str reason;
	/* undo.c's own: where the message is */
	struct str mailbox;
	uint32_t uid;
};

struct undo {
	/* Given by the caller. */
	struct arena *arena;
	const struct account *account;
	struct store *store;
	struct journal *journal;
	struct replace *replace;
	int64_t now;
	bool dry_run;
	struct history_query query;	/* which changes */
	/* Filled in, the first change first. */
	struct undo_item *items;
	size_t n_items, cap_items;
	size_t done, failed;
	int64_t run;			/* its own; 0: nothing was done */
	/* undo.c's own. */
	struct spot *spots;
	size_t n_spots, cap_spots;
};

MUST_USE bool undo_changes(struct undo *u, struct err *e);

#endif
