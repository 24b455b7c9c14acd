/*
 * draft - the message as rules rewrite it, while they are judged.
 *
 * A step of a rule that fires is carried out in memory at once, so that later
 * conditions and templates read what came out of it; the list of all steps is
 * what the rules want.  A header edit is done here.  A program, or to decrypt,
 * is somebody else's work: until it is answered, what stands in the message is
 * not known (`pending`), and header edits behind it wait in the list.  What a
 * rule does of which nobody can tell whether it fires is in doubt: the fields
 * that it would change, or all.
 *
 * Life: of one match, in its arena; IN->mail is a view that knows no more
 *       than what can be told.
 */
#ifndef TAMIS_DRAFT_H
#define TAMIS_DRAFT_H

#include "evaluation.h"
#include "rewrite.h"

/* How an action, or all of a rule, comes out before it is done. */
enum filled { FILLED, FILLED_FAILS, FILLED_UNKNOWN };

/* Where it stands; what is behind one can be taken back. */
struct draft_state {
	struct mail *mail;	/* NULL: no byte of it is known */
	size_t n_steps;
	bool pending;		/* a step is not answered */
	bool open;		/* all of it may have been rewritten */
	size_t n_touched;	/* these fields may have been, */
	struct doubt doubt;	/* if so, or pending: why */
	bool new_thread;
};

struct draft {
	struct arena *arena;
	struct match_input *in;
	struct evaluation *v;
	struct draft_state now;
	struct rewrite *steps;
	struct str *touched;	/* by rules that are not known to fire */
	struct str *changed;	/* since the last draft_back */
	size_t n_changed, cap_steps, cap_touched, cap_changed;
	bool changed_all;
};

void draft_init(struct draft *d, struct arena *a, struct match_input *in,
    struct evaluation *v);

/* Takes back all that was done since it stood so. */
void draft_back(struct draft *d, struct draft_state to);
/* In TO it may have been done after all, what was done since the last
 * draft_back: DOUBT says what that hangs on. */
void draft_doubt(struct draft *d, struct draft_state *to,
    struct doubt doubt);

/* The action A of RULE; EDIT is its edit with the text filled in, ARGV its
 * program.  What is not known is added to DOUBT. */
enum filled draft_edit(struct draft *d, size_t rule, const struct action *a,
    const struct header_edit *edit, struct doubt *doubt,
    struct str *failure);
enum filled draft_step(struct draft *d, size_t rule, const struct action *a,
    const char *const *argv, struct doubt *doubt, struct str *failure);
/* The text of EDIT cannot be told: what it names is as good as changed. */
void draft_leave_open(struct draft *d, const struct header_edit *edit);

void draft_report(const struct draft *d, struct verdict *out);

#endif
