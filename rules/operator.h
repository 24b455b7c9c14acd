/*
 * operator - `{contains: x, starts: [y, z]}` to tests.
 *
 * All functions report what is wrong and return false then.  Internal to the
 * compiler.
 */
#ifndef TAMIS_OPERATOR_H
#define TAMIS_OPERATOR_H

#include "condition.h"

/* What is being built: one condition on the values of a field. */
struct making {
	const struct word *word;
	struct str key;		/* for messages: "subject" */
	enum text_source source;
	bool address;		/* bare texts are address forms */
	bool value;		/* of one occurrence: OF_VALUE */
	enum test_part part;
	bool exact;		/* `case: exact` */
	struct cond *cond;
};

enum text_op {
	OP_is, OP_contains, OP_starts, OP_ends, OP_matches, OP_regex,
	OP_list, OP_exists, OP_case, OP_count, OP_raw,
};

struct test_list {
	struct test *list;
	size_t n, cap;
};

/* Fills the tests of M->cond from VALUE: a text, a list of texts, or a map of
 * operators. */
bool operator_tests(struct builder *b, struct making *m,
    const struct node *value);
/* Several operators: all must hold for one occurrence. */
bool operator_map(struct builder *b, struct making *m, const struct node *n,
    struct test_list *to);
/* A text or a list of them, under OP or (BARE) under none. */
bool operator_operands(struct builder *b, struct making *m, bool bare,
    enum text_op op, const struct node *n, struct test_list *to);
bool operator_exists(struct builder *b, struct making *m,
    const struct node *n);
bool operator_count(struct builder *b, struct making *m,
    const struct node *n);
struct test *operator_add(struct builder *b, struct making *m,
    struct test_list *to, size_t n_operands);
bool operator_pattern(struct builder *b, const struct making *m,
    enum text_op op, const struct node *n, struct str text,
    const struct pattern **out);

#endif
