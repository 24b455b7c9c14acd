/*
 * template - text with $(...) in it, filled from a message.
 *
 * Parsed once by the compiler, with every mistake reported at its place;
 * filled for each message.  A substituted value is one level of a mailbox
 * name: what could make it two, or do harm, becomes "_".
 *
 * Life:  a template lives in the arena it was made in and borrows the text
 *        it was made of; it is read-only from then on.
 */
#ifndef TAMIS_TEMPLATE_H
#define TAMIS_TEMPLATE_H

#include "rules.h"

#define TEMPLATE_MAX		4096	/* octets as written */
#define TEMPLATE_NAME_MAX	1000	/* octets of a label or mailbox name */
#define TEMPLATE_TEXT_MAX	(64 * 1024)	/* octets of a filled text */

struct template;

enum template_use {
	TEMPLATE_LABEL,		/* label or mailbox name: values sanitised */
	TEMPLATE_TEXT,		/* free text: values as they are, one line */
	TEMPLATE_ARGUMENT,	/* of a program: no text from the message */
	TEMPLATE_GROUPS,	/* groups alone: see template_expand */
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

/* A template that stands for TEXT, whatever is in it. */
const struct template *template_of(struct arena *a, struct str text);

/* Is there nothing to fill?  Then *TEXT_OUT is the text. */
bool template_literal(const struct template *t, struct str *text_out);

/* The literal text that every filling of it begins with; may be empty. */
struct str template_head(const struct template *t);
/* Does it fill in the rule's name? */
bool template_names_rule(const struct template *t);
/* Does it fill in a captured group? */
bool template_groups(const struct template *t);
/* Is each group that it fills in among CAPTURES? */
bool template_captured(const struct template *t,
    const struct captures *captures);

/* RULES_ASK_* bits that filling it needs; header fields it reads are added
 * by FIELD(ctx, name), which may be NULL. */
unsigned template_needs(const struct template *t,
    void (*field)(void *ctx, struct str name), void *ctx);

/*
 * False with a sentence in *FAILURE_OUT when a value is empty and has no
 * default, or something it needs is not known (*ASK_OUT then says what; the
 * bits are those that are missing, also where IN->denied has them).  *ASK_OUT
 * is 0 in every other case.
 *
 * A label that would come out as INBOX becomes "INBOX_": a message must not
 * choose the inbox by its text.
 */
MUST_USE bool template_fill(const struct template *t, struct arena *a,
    const struct match_input *in, const char *rule,
    const struct captures *captures, struct str *out, unsigned *ask_out,
    struct str *failure_out);

/* Adds a template of groups, filled: an unset one is its default or empty. */
void template_expand(const struct template *t,
    const struct captures *captures, struct buf *out);

/*
 * A label or mailbox name as an author wrote it: no controls, no empty
 * level, no outer separator, no "*", not longer than TEMPLATE_NAME_MAX.
 * Reports and returns false otherwise.
 */
MUST_USE bool name_check(struct str name, struct pos pos,
    struct problems *ps);

#endif
