/*
 * quiet - a mailbox in which nothing has happened since a sweep wanted nothing.
 *
 * A sweep that found all to be so already finds it again as long as the
 * mailbox and the rules are the same.  HIGHESTMODSEQ (RFC 7162 3.1.2.1) tells
 * the one; the other is in a digest, which is kept by the journal for each
 * mailbox.  Not on Gmail, where that number has been seen to run ahead of the
 * mail, nor where labels are folders, nor for rules that hang on the time, a
 * program or a search.
 *
 * Errors: those of the journal.
 */
#ifndef TAMIS_QUIET_H
#define TAMIS_QUIET_H

#include "journal.h"

struct quiet {
	/* Given by the caller. */
	struct arena *arena;
	const struct account *account;
	const struct rules *rules;
	struct str rules_version;
	struct journal *journal;
	const bool *sweeps;	/* by rule: those that sweep this mailbox now */
	enum label_mode labels;
	struct str mailbox;
	struct mailbox_state state;	/* as it was opened */
};

/* Nothing has happened since quiet_remember. */
MUST_USE bool quiet_is_so(const struct quiet *q, bool *yes_out,
    struct err *e);
/* The sweep wanted nothing. */
MUST_USE bool quiet_remember(const struct quiet *q, struct err *e);

#endif
