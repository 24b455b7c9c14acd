/*
 * leaf - a condition that holds no others, on one message.
 *
 * `leaf_mail` reads the message itself, `leaf_fact` what is known beside it
 * and what actions have made of it, `leaf_time` when things happened,
 * `leaf_search` what Gmail finds, `leaf_sealed` what is encrypted or signed,
 * `leaf_program` what a program says.
 */
#ifndef TAMIS_LEAF_H
#define TAMIS_LEAF_H

#include "evaluation.h"

/* A reason of leaves; `evaluate` puts the condition behind it. */
extern const char leaf_pattern_limit[];

struct answer leaf_mail(struct evaluation *v, const struct cond *c);
struct answer leaf_fact(struct evaluation *v, const struct cond *c);
struct answer leaf_time(struct evaluation *v, const struct cond *c);
struct answer leaf_search(struct evaluation *v, const struct cond *c);
struct answer leaf_sealed(struct evaluation *v, const struct cond *c);
struct answer leaf_program(struct evaluation *v, const struct cond *c);

/* In `leaf_auth`; AUTHOR is one of the From field, ONLY: the only one. */
struct answer leaf_auth_results(struct evaluation *v, const struct cond *c);
struct answer leaf_auth_verified(struct evaluation *v,
    const struct address *author, bool only);

/* For explain, nothing otherwise: the value that decided, ... */
void leaf_show(struct evaluation *v, struct str value);
/* ... the K-th of several that were looked at in vain, ... */
void leaf_show_another(struct evaluation *v, struct str value, size_t k);
/* ... why it is false. */
void leaf_show_reason(struct evaluation *v, const char *why);

/* Over and under are strict. */
bool leaf_in_bounds(const struct bounds *b, uint64_t n);
/* Of a number that is known to be from LEAST to MOST only. */
enum truth leaf_range_in_bounds(const struct bounds *b, uint64_t least,
    uint64_t most);
bool leaf_within(const struct bounds *b, int64_t n);

#endif
