/*
 * answer - true, false, or unknown with what to ask and why.
 *
 * What the parts of a condition come to, and how they add up (Kleene's
 * strong three values; a question is as dear as the cheapest that may still
 * settle the whole).
 */
#ifndef TAMIS_ANSWER_H
#define TAMIS_ANSWER_H

#include "rules.h"

struct answer {
	enum truth truth;
	unsigned ask;		/* RULES_ASK_*, if unknown; 0: for good */
	const char *why;	/* one clause, if unknown */
	const struct program_question *program;	/* to be asked, of those */
	const struct rewrite_question *rewrite;
};

/* What an unknown thing hangs on: an answer without its truth. */
struct doubt {
	unsigned ask;
	const char *why;
	const struct program_question *program;
	const struct rewrite_question *rewrite;
};

struct answer answer_settled(bool yes);
struct answer answer_unknown(unsigned ask, const char *why);
/* Unknown for want of the facts BITS, or for good where they are denied. */
struct answer answer_missing(const struct match_input *in, unsigned bits);
/* An unknown part of something that no other part has settled. */
void answer_add(struct answer *sum, struct answer part);
struct answer answer_not(struct answer a);
struct doubt answer_doubt(struct answer a);
struct answer answer_doubted(struct doubt d);	/* unknown */
/* The first reason stays. */
void doubt_add(struct doubt *sum, struct doubt more);
struct answer answer_both(struct answer a, struct answer b);

/* Facts come with one question, the header with the next, then searches, then
 * the body; programs are asked last. */
unsigned ask_cheapest(unsigned ask);

enum truth truth_of(bool yes);
/* For "any of": true settles it. */
enum truth truth_either(enum truth a, enum truth b);
/* For "all of": false settles it. */
enum truth truth_both(enum truth a, enum truth b);

#endif
