/*
 * list_table - what `list` has read, for the tables to look it up in.
 *
 * An entry is looked up as a text, as a domain, or as what it says of an
 * address, each with capitals or without; a list gets the tables for the
 * ways in which it is asked.
 *
 * Internal to the two files of `list`.
 */
#ifndef TAMIS_LIST_TABLE_H
#define TAMIS_LIST_TABLE_H

#include "build.h"

struct list_index {
	bool faulty;		/* and reported */
	/* where each entry stands, for messages */
	const struct source *source;
	int (*places)[2];	/* line, column */
	size_t n_regexes;
	struct names keys;	/* of a map, folded */
	struct list_table *tables[LIST_USES][2];	/* folded, exact */
};

struct pos list_entry_pos(const struct list *l, size_t i);
/* Is the entry "/.../"?  *REGEX_OUT is what stands between. */
bool list_entry_regex(struct str entry, struct str *regex_out);
/* NULL after a reported problem. */
const struct pattern *list_entry_pattern(struct builder *b,
    struct str regex, struct pos pos, bool exact);

#endif
