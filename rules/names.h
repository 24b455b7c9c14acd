/*
 * names - a table from text to number, for the compiler's many names.
 *
 * Life:  all in the arena given to names_add; keys are borrowed.
 */
#ifndef TAMIS_NAMES_H
#define TAMIS_NAMES_H

#include "base.h"

struct names {
	struct str *keys;	/* in the order they were added */
	uint32_t *values;
	size_t n, cap, cap_values;
	uint32_t *slots;	/* open addressing: 1 + index; 0 is free */
	size_t n_slots;		/* 0 or a power of two */
};

bool names_get(const struct names *t, struct str key, size_t *value_out);
/* KEY must not be in the table yet. */
void names_add(struct arena *a, struct names *t, struct str key,
    size_t value);

#endif
