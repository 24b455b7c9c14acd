/*
 * recover - what a crash left intended: look, then settle.
 *
 * For each change that was written as intended and never settled, the
 * mailbox is looked at (replace.md's rule: no answer means unknown, read the
 * state again by identity before doing anything twice):
 *
 *	flags, labels	as they were to be: done; else void, the message is
 *			judged afresh and nothing is replayed.  A label that
 *			is a folder is a copy, see there
 *	move		gone from its mailbox: done; still there: void.  On a
 *			server without MOVE a copy that has landed is finished
 *			by taking the original away
 *	copy		found in its target: done; else void, but not before
 *			limits.late has passed, since a server may still carry
 *			out what it was sent.  A message of the target counts
 *			for one change, so that twins are both looked for
 *	delete		gone: done; marked \Deleted: finished; else void.
 *			On Gmail: in Trash: finished there
 *
 * A message that has left a mailbox of Gmail is found again in All Mail: its
 * flags and labels are looked at there.
 *
 * Idempotent: killed in between, it finds the same again.
 */
#ifndef TAMIS_RECOVER_H
#define TAMIS_RECOVER_H

#include "config.h"
#include "journal.h"
#include "replace.h"

/* Changes of which the second half is ours, in one mailbox. */
struct half {
	struct change *change;
	uint32_t uid;
};

struct halves {
	struct half *list;
	size_t n, cap;
};

struct recover {
	struct arena *arena;
	const struct account *account;
	struct store *store;
	struct journal *journal;
	int64_t now;
	bool dry_run;		/* look and say, settle nothing */
	struct replace *replace;	/* after which it looks, too */
	/* Filled in: all that were looked at, with their new state; those
	 * still INTENDED are `held`: their messages must rest in this run. */
	struct change *changes;
	size_t n_changes;
	size_t done, void_, unsure, held;
	uint64_t untold;	/* errands that may have been done */
	/* recover.c's own. */
	struct target *targets;
	size_t n_targets, cap_targets;
	struct halves halves, trashed;
	struct str trash;
	struct in_trash *in_trash;	/* by X-GM-MSGID */
	size_t n_in_trash, cap_in_trash;
};

/* Replacements last: what was done of their messages is known then. */
MUST_USE bool recover_changes(struct recover *r, struct err *e);
/* Adds the messages of a mailbox that must rest: those of unsettled changes,
 * and copies of half-done moves. */
void recover_holds(const struct recover *r, struct str mailbox,
    uint32_t uidvalidity, struct uidset *set);

#endif
