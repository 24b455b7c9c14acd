/*
 * template - text with $(...) in it, filled from a message.
 *
 * Parsed once by the compiler, with every mistake reported at its place;
 * filled for each message.  A substituted value is one level of a mailbox
 * name: what could make it two, or do harm, becomes "_".
 */
#ifndef TAMIS_TEMPLATE_H
#define TAMIS_TEMPLATE_H

#include "rules.h"

struct template;

enum template_use {
	TEMPLATE_LABEL,		/* label or mailbox name: values sanitised */
	TEMPLATE_TEXT,		/* free text: values as they are, one line */
};

/* Captures of a rule's regexes, as the matcher collected them. */
struct captures {
	struct capture {
		struct str name;	/* "1", "id" */
		struct str value;
	} *list;
	size_t n;
};

/* NULL after a reported problem.  POS is where TEXT stands.  GROUPS
 * (N_GROUPS) are the group names and numbers that the rule's regexes surely
 * or possibly set; SURE[i] false: a default is demanded. */
const struct template *template_make(struct arena *a, struct str text,
    struct pos pos, enum template_use use, const struct str *groups,
    const bool *sure, size_t n_groups, struct problems *ps);

/* Is there nothing to fill?  Then *TEXT_OUT is the text. */
bool template_literal(const struct template *t, struct str *text_out);

/* RULES_ASK_* bits that filling it needs; header fields it reads are added
 * by FIELD(ctx, name). */
unsigned template_needs(const struct template *t,
    void (*field)(void *ctx, struct str name), void *ctx);

/*
 * False with a sentence in *FAILURE_OUT when a value is empty and has no
 * default, or something it needs is not known (*ASK_OUT then says what).
 */
MUST_USE bool template_fill(const struct template *t, struct arena *a,
    const struct match_input *in, const char *rule,
    const struct captures *captures, struct str *out, unsigned *ask_out,
    struct str *failure_out);

#endif
