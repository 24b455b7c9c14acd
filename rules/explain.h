/*
 * explain - the tree of a rule's conditions with what came out at each.
 *
 * In file order, from the notes that the evaluation took; nothing is
 * evaluated again, so that an explanation cannot differ from a run.
 */
#ifndef TAMIS_EXPLAIN_H
#define TAMIS_EXPLAIN_H

#include "evaluate.h"

/*
 * To be called right after RULE was judged, whose result is TRUTH: a later
 * rule may evaluate a named condition again.  A rule without first_of gives
 * the tree of its `when`; one with it an "all" of `when` and "first_of".
 */
const struct explained *explain_rule(struct evaluation *v,
    const struct rule *rule, enum truth truth);

#endif
