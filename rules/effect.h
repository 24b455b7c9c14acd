/*
 * effect - what actions do to the labels, flags and place of one message, as
 * later conditions see it, and what all rules together want.
 *
 * Three-valued, too: what a rule would do of which nobody can tell yet
 * whether it fires may have been done or not.  A label is unknown from then
 * on only where that makes a difference; a place is the set of all places
 * that are possible.
 *
 * INBOX is a place, and a label exactly where the message is in it: to label
 * with INBOX is to move there, to take it away is to archive.
 *
 * Life:  all in the arena given to effects_init; borrows the facts.
 */
#ifndef TAMIS_EFFECT_H
#define TAMIS_EFFECT_H

#include "answer.h"
#include "compile.h"

/* A label or a flag. */
struct mark {
	struct str name;
	enum truth now;		/* as the next condition sees it */
	struct doubt doubt;	/* if now is unknown */
	bool before;		/* the facts say so */
	size_t want;		/* the last word of the rules: 1 + an index
				   into wants; 0: none */
};

struct marks {
	struct mark *list;
	size_t n, cap;
	uint32_t *slots;	/* open addressing; NULL while there are few */
	size_t n_slots;		/* a power of two */
	bool fold;		/* flags: ASCII case does not count */
	enum truth others;	/* any name that is not in the list, */
	struct str others_head;	/* if unknown: that begins so */
	struct doubt doubt;	/* if others is unknown */
	struct want *wants;	/* in order of their first mention */
	size_t n_wants, cap_wants;
};

/* A place where the message may be. */
struct spot {
	enum place_kind kind;
	struct str mailbox;	/* as conditions and tests name it */
	enum truth inbox;	/* is the label INBOX on it? */
};

struct effects {
	struct arena *arena;
	struct marks labels, flags;
	struct spot *spots;	/* one: the place is known */
	size_t n_spots, cap_spots;
	bool anywhere;		/* and any other */
	struct doubt doubt;	/* about the place */
	struct spot first;	/* before all rules */
	unsigned epoch;		/* grows with each change */
	struct want_place place;
	struct want_place *copies;
	size_t n_copies, cap_copies;
	struct errand *errands;
	size_t n_errands, cap_errands;
};

/* One action with its template filled; `name` is a label, a flag, a mailbox
 * or a special-use attribute. */
struct deed {
	enum action_kind kind;
	enum place_kind place;
	struct str name;
	bool open;		/* the name is not known; it begins so */
	struct errand errand;	/* of ACTION_ERRAND */
};

/* IN says what is known and what is denied. */
void effects_init(struct effects *fx, struct arena *a,
    const struct match_input *in);

/* The deeds of RULE are done, all of them. */
void effects_do(struct effects *fx, const struct deed *deeds, size_t n,
    size_t rule);
/* They may have been done, all of them, or none: DOUBT says what it hangs
 * on. */
void effects_maybe(struct effects *fx, const struct deed *deeds, size_t n,
    struct doubt doubt);

/* Is the message in INBOX, as the next condition sees it? */
struct answer effects_inbox(const struct effects *fx);
/* One label (not INBOX) or flag by its name. */
struct answer marks_has(const struct marks *ms, struct str name);

/* Fills wants and the states before and after. */
void effects_report(struct effects *fx, struct verdict *out);

bool is_inbox(struct str mailbox);
/* How conditions and tests name a special place: "Archive", "Trash", "Spam"
 * for \Junk, else the attribute without its backslash. */
struct str special_name(struct str attribute);

#endif
