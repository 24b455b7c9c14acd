/*
 * index - which of many rules may be true of a message at all.
 *
 * Most rules want a certain text in a certain header field: an address, a
 * domain, a word of the subject, a list's name.  For each of them the index
 * knows three octets of that text which few other rules want.  The fields of
 * a message are run over once, and a rule none of whose three octets were
 * seen is false without being looked at.
 *
 * It errs to one side only: a rule that wants something else, or reads a
 * field that is not known, always may be true.
 *
 * Life:  made once in the arena of the program, read-only from then on.
 */
#ifndef TAMIS_INDEX_H
#define TAMIS_INDEX_H

#include "compile.h"

/* With fewer rules it costs more than it saves. */
#define INDEX_RULES_MIN	16

/* NULL when there are too few rules that it can tell apart. */
const struct index *index_make(struct arena *a, const struct rules *r);

/* One bit a rule, from the lowest of each word: may it be true?  M may be
 * NULL.  The answer lives in A. */
const uint64_t *index_candidates(const struct index *x, struct arena *a,
    struct mail *m);

#endif
