/*
 * judge - messages of the selected mailbox to a plan: fetch only what is
 * undecided.
 *
 * Facts come first and, for new mail, the header fields that the rules read;
 * the matcher says which messages hang on more, and only those are asked for
 * again, all of them at once: at most three rounds (facts, header fields,
 * bodies).  Bytes are borrowed inside the store's callback and gone behind
 * it; what stays of a message is its line in the plan.
 *
 * Where the outcome then hangs on a signature, on programs, or on what one
 * prints anew or on what is encrypted alone, they are asked, one by one, while
 * the message is in hand.
 *
 * A message that the server did not give, though it is there, one on whose
 * missing parts a rule hangs, and one on which a program or GnuPG gave no
 * answer are not settled; see act.
 *
 * Life:   one for each portion of a mailbox, in the portion's arena.
 * Errors: those of the store and the journal.
 */
#ifndef TAMIS_JUDGE_H
#define TAMIS_JUDGE_H

#include "decrypt.h"
#include "gmail.h"
#include "journal.h"
#include "plan.h"
#include "program.h"

/* What a rule with `on_error` wanted of a message and could not have. */
struct failure {
	uint32_t uid, rule;
	bool changed;		/* something else was done of it */
	const char *why;
};

struct judge {
	/* Given by the caller. */
	struct arena *arena;		/* a portion's */
	const struct rules *rules;
	const struct account *account;
	struct store *store;		/* with the mailbox selected */
	struct journal *journal;	/* NULL: a SOURCE without state */
	struct str mailbox;
	uint32_t uidvalidity;
	const struct place_names *places;
	int64_t now;			/* of the run */
	int64_t began_ms;		/* clock_ms() then */
	const struct zone *zone;
	const bool *due;		/* see match_input */
	struct asked *asked;		/* programs; outlives the portion */
	const char *no_programs;	/* see match_input */
	struct decrypt *decrypt;	/* NULL: there is nothing to decrypt
					   or to verify with */
	/*
	 * After a change of UIDVALIDITY: a fresh message that was judged
	 * before (known by its identity), or came before this time, is not
	 * new.  TIME_NONE: all fresh ones are new.
	 */
	int64_t known_before;
	/* On Gmail a message is judged as new once, in whichever mailbox it
	 * is met first; NULL: only one mailbox is looked at. */
	const struct gmail_seen *met;
	struct gmail_seen *met_here;	/* and in this one: added to */
	struct arena *met_arena;
	/* Errands: through these channels, for mail that came after the
	 * baseline, for any, or for none. */
	const struct str *channels;
	size_t n_channels;
	enum judge_errands {
		JUDGE_ERRANDS_NONE, JUDGE_ERRANDS_NEW, JUDGE_ERRANDS_ALL
	} errands;
	const struct checkpoint *baseline;	/* NULL: nothing is older */
	bool watched;		/* the baseline is this mailbox's own */
	bool elsewhere;		/* ... and by earlier runs: what is fresh was
				   not asked for by name */
	/* Filled by judge: what Gmail's searches found (rules_searches). */
	struct searches *searches;
	const struct pending *pending;	/* from earlier runs, by UID */
	size_t n_pending;
	/* Of the plan before this one, by UID; see match_input.failed. */
	const struct failure *failures;
	size_t n_failures;
	/* Filled in. */
	struct plan plan;
	struct judged *judged;		/* the fresh ones, by UID */
	size_t n_judged, cap_judged;
	uint64_t seen;			/* all that were judged */
};

/*
 * FRESH are new and judged by all rules; STALE only by those with applies_to:
 * all.  The sets are disjoint and may be empty.
 */
MUST_USE bool judge_messages(struct judge *j, const struct uidset *fresh,
    const struct uidset *stale, struct err *e);

/* The first of the message's failures, or NULL. */
const struct failure *judge_failure(const struct judge *j, uint32_t uid);

/* What was found out of a fresh message, or NULL. */
struct judged *judge_find(const struct judge *j, uint32_t uid);
/* In how many runs it was tried before; 0: it does not pend. */
int judge_tries(const struct judge *j, uint32_t uid);

#endif
