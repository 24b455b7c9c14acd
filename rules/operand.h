/*
 * operand - one value of a message against the tests of a condition.
 *
 * All tests must hold for it, each with any of its operands; unknown where a
 * pattern meets its limit and nothing else settles it.
 */
#ifndef TAMIS_OPERAND_H
#define TAMIS_OPERAND_H

#include "answer.h"
#include "compile.h"

enum truth operand_text(const struct operand *o, struct str text);

enum truth tests_text(const struct cond *c, struct str text);
enum truth tests_address(const struct cond *c, const struct address *a);
enum truth tests_attachment(const struct cond *c,
    const struct attachment *at);	/* its size apart */

/* The value that made a condition true: one of the three. */
struct hit {
	const struct address *address;
	const struct attachment *attachment;
	struct str text;
};

/* Has the condition a regex that may capture? */
bool operand_captures(const struct cond *c);
/* Adds the groups of the regexes that fit HIT; a name that is in OUT
 * already stays.  *CAP is the capacity of OUT. */
void capture(struct arena *a, const struct cond *c, const struct hit *hit,
    struct captures *out, size_t *cap);

#endif
