/*
 * sync - which messages of a mailbox are to be judged.
 *
 * From where the mailbox stood (checkpoint, pending ones) and where it stands
 * now (UIDVALIDITY, UIDNEXT), what the command line asks for and what rests,
 * to two sets of UIDs and the checkpoint that holds once they are settled.
 *
 * Life: everything lives in the arena given.
 */
#ifndef TAMIS_SYNC_H
#define TAMIS_SYNC_H

#include "journal.h"
#include "option.h"
#include "recover.h"

struct sync {
	/* Given by the caller. */
	struct arena *arena;
	struct store *store;		/* with the mailbox selected */
	const struct options *options;	/* all, since, search, max */
	const struct recover *recovered;	/* whose messages rest */
	struct str mailbox;
	bool watched;	/* new mail is judged; else only swept */
	bool swept;	/* some rule with applies_to: all wants the rest */
	struct str narrow;	/* criteria that all swept messages fit that a
				   rule may concern; empty: any may */
	bool stateless;	/* a SOURCE: every message is new, always */
	struct mailbox_state state;
	struct checkpoint before;
	const struct pending *pending;	/* of any UIDVALIDITY */
	size_t n_pending;
	int64_t now;
	/* Filled in. */
	struct uidset fresh;	/* new, or asked for */
	struct uidset stale;	/* to be swept */
	struct uidset held;	/* new, but resting (recover_holds) */
	bool sweep_cut;		/* some that were to be swept rest, too */
	struct checkpoint after;
	/* Fresh ones in the order of their UIDs are all that is between the
	 * two checkpoints: after a part of them it may stand in between. */
	bool stepwise;
	int64_t known_before;	/* see struct judge */
	bool uidvalidity_changed;
	uint64_t baseline;	/* older messages that a first run leaves */
};

#define SYNC_NARROW_FROM	1000	/* messages in a mailbox */

MUST_USE bool sync_choose(struct sync *s, struct err *e);
/* Where it stands when the fresh ones up to UID are settled; only for
 * stepwise. */
struct checkpoint sync_midway(const struct sync *s, uint32_t uid);
/* Is there anything to do or to remember? */
bool sync_is_needed(const struct sync *s);

#endif
