/*
 * evaluation - what is at hand, and what was found, while the conditions of a
 * program are evaluated on one message.
 *
 * Life: of one message, in its arena; one for all rules.
 */
#ifndef TAMIS_EVALUATION_H
#define TAMIS_EVALUATION_H

#include "effect.h"
#include "operand.h"

/* What the evaluation found at one condition; kept for explain. */
struct note {
	bool reached;
	enum truth truth;
	struct str value;	/* the value that decided */
	const char *why;	/* for unknown, and where a false wants one */
};

struct memo {
	struct answer answer;
	bool set;
	unsigned epoch;		/* of the effects it was read from */
	unsigned version;	/* of the message */
	const char *rule;	/* for which it was read */
	const struct explained *tree;	/* made by explain */
};

struct kept_ids;
struct kept_auth;

struct evaluation {
	const struct rules *rules;
	const struct match_input *in;
	const struct effects *fx;
	struct arena *arena;
	const char *rule;	/* the one at hand */
	struct memo *memos;	/* by cond->memo */
	struct note *notes;	/* by cond->id; NULL without explain */
	struct note here;	/* of the leaf being evaluated */
	struct hit hit;		/* what made the last leaf true */
	struct kept_ids *ids;
	const struct kept_auth *auth;
	const struct mail *first;	/* as it was given */
	unsigned version;	/* of the message: grows as it is rewritten */
	unsigned ticks;
	bool late;		/* the message's time is up */
};

void evaluation_init(struct evaluation *v, const struct rules *r,
    struct arena *a, const struct match_input *in,
    const struct effects *fx);

/* IN->mail is another now: what was kept of it is gone. */
void evaluation_rewritten(struct evaluation *v);

#define EVALUATION_LATE	"the time for this message was up"

/* Is the message's time up?  Once it is, it stays so. */
bool evaluation_late(struct evaluation *v);
/* The same after one more step of work; looks at the clock now and then. */
bool evaluation_tick(struct evaluation *v);

#endif
