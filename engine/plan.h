/*
 * plan - from verdicts to operations, minus what is already so.
 *
 * Pure: no store, no journal, no clock.  A message's merged wants and its
 * facts go in, the ops that would make it so come out.  A dry run stops
 * behind it.
 *
 * Life: a plan and all in it live in the arena given to plan_init (a run's).
 */
#ifndef TAMIS_PLAN_H
#define TAMIS_PLAN_H

#include "places.h"

/* How a rule fared in one mailbox; the table below a dry run. */
struct rule_tally {
	uint64_t matched;
	uint64_t changes;	/* messages it changes, or would */
	uint64_t already;	/* messages where all it wants is so */
	uint64_t unknown, failed;
};

/* One message about which there is something to say. */
struct plan_item {
	uint32_t uid;
	struct identity id;
	struct str from, subject;	/* decoded; cut to PLAN_TEXT_MAX */
	int64_t received;
	struct str *flags, *labels;	/* before */
	size_t n_flags, n_labels;
	uint32_t *rules;	/* indices of those that fired */
	size_t n_rules;
	size_t first_op, n_ops;		/* in plan.ops */
	/* Of its OP_REPLACE, whose names are what these do, for people. */
	const struct rewrite *rewrites;
	size_t n_rewrites;
	bool new_thread;	/* see wants */
	uint64_t size;			/* 0: not known */
	struct plan_note {		/* unknown and failed rules */
		uint32_t rule;
		bool failed;
		bool on_error;	/* failed, and that takes its place */
		struct str text;
	} *notes;
	size_t n_notes;
	bool failed;		/* an op was refused before it was sent, or
				   failed: `failure` says why */
	bool retry;		/* ... for a reason that may pass */
	bool waits;		/* ... with time, and no try is counted */
	bool refused;		/* ... before it was sent, what this rule */
	uint32_t refused_rule;	/* wanted */
	struct str failure;
};

#define PLAN_TEXT_MAX	200	/* octets of a subject or sender kept */

struct plan {
	struct arena *arena;
	const struct rules *rules;
	struct plan_item *items;
	size_t n_items, cap_items;
	struct op *ops;			/* op.item is an index of items */
	size_t n_ops, cap_ops;
	/* Whose word each op is, parallel; with several names a rule each. */
	const uint32_t **op_rules;
	size_t cap_op_rules;
	struct rule_tally *tally;	/* one a rule */
	bool *changes;		/* one a rule; of the message being added */
};

void plan_init(struct plan *p, struct arena *a, const struct rules *r);

/* What is known of the message that a verdict is about. */
struct plan_message {
	const struct facts *facts;	/* flags and labels known */
	struct identity id;
	struct str from, subject;
	/* Something of an earlier plan failed: only an `on_error` moves it. */
	bool stays;
	/* May errands be done for it? */
	bool errands;
	/* ... but not what was wanted before; may be NULL.  *BAD_OUT: it was
	 * not done, or perhaps not. */
	bool (*errand_known)(void *ctx, const struct errand *errand,
	    bool *bad_out);
	const struct str *channels;	/* all that there are */
	size_t n_channels;
	/* A copy to MAILBOX was made by an earlier run; may be NULL. */
	bool (*copied)(void *ctx, struct str mailbox);
	/* The steps WHAT (a line each) made it what it is; may be NULL. */
	bool (*rewritten)(void *ctx, struct str what);
	void *copied_ctx;
};

/*
 * Adds what the verdict wants.  Counts into the tally; adds an item only if
 * there is an op, an unknown or a failure.  The item, or NULL.
 */
struct plan_item *plan_add(struct plan *p, const struct plan_message *m,
    const struct verdict *v, const struct place_names *places);

/* The mailboxes that copies and moves go to, and labels where each has a
 * mailbox; each once, in order. */
size_t plan_targets(const struct plan *p, bool labels_are_mailboxes,
    struct str **list_out);

/* "label lists/pgsql", "move to Archive": for people.  Not yet shown(). */
void plan_op_text(struct buf *b, const struct op *op);
const char *op_kind_name(enum op_kind kind);	/* "add labels" ... */

#endif
