/*
 * program - a program that is asked about a message.
 *
 * It has the message on standard input and what is known of it in TAMIS_*
 * variables (child.h says what else it sees); its output is thrown away, its
 * exit status is the answer: 0 is true, 1 false, all else none.
 *
 * Answers are kept by message, since one that is judged twice in a run is
 * asked about once.
 *
 * Life:   one `asked` for each visit of a mailbox, in its arena.
 * Errors: none; a program that cannot be started gives no answer, and the
 *         answer says why.
 */
#ifndef TAMIS_PROGRAM_H
#define TAMIS_PROGRAM_H

#include "../rules/names.h"
#include "../rules/rules.h"

struct asked {
	struct arena *arena;
	struct names index;		/* by UID and question */
	struct program_answer *list;
	size_t n, cap;
};

/* The message in hand; MAIL is whole, its octets are BYTES. */
struct program_message {
	const struct facts *facts;
	struct mail *mail;
	struct str bytes;
};

/* What it is told of the message: TAMIS_ variables, NULL at the end. */
const char *const *program_environment(struct arena *a,
    const struct program_message *m);

/* Asks, unless that was done. */
struct program_answer program_ask(struct asked *asked,
    const struct program_question *q, const struct program_message *m);

#endif
