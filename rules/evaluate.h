/*
 * evaluate - one condition to true, false or unknown, with what to ask.
 *
 * Groups are evaluated cheapest first (facts, header, body, programs) and only
 * as far as the outcome is open.  What an unknown group asks is the cheapest
 * kind of question that could still settle it; dearer ones wait for its
 * answer.
 *
 * A condition that only reads what is known gives the same answer however
 * much more becomes known: unknown may become true or false, and never does
 * one of those become the other.
 */
#ifndef TAMIS_EVALUATE_H
#define TAMIS_EVALUATE_H

#include "evaluation.h"

/* C may be NULL: always. */
struct answer evaluate(struct evaluation *v, const struct cond *c);

/*
 * Adds to OUT the groups that the regexes of C set, in file order; a group
 * that is there already stays.  False where one of them cannot be told yet
 * (*DOUBT_OUT says why); what is there then may be short.
 */
bool evaluate_captures(struct evaluation *v, const struct cond *c,
    struct captures *out, size_t *cap, struct doubt *doubt_out);

#endif
