/*
 * prompt - questions to the person at the terminal.
 *
 * Questions go to standard error, so that standard output has results only;
 * answers are lines of standard input.
 *
 * Errors: ERR_USAGE when there is no answer any more (^D).  A signal that
 *         ends the program while a secret is typed finds the terminal as it
 *         was.
 */
#ifndef TAMIS_PROMPT_H
#define TAMIS_PROMPT_H

#include "../rules/base.h"

#define PROMPT_LINE_MAX	4096	/* octets of an answer */

/* Is there somebody to ask? */
bool prompt_possible(void);

/* Without an answer INITIAL (it is shown).  Control characters and bad UTF-8
 * are asked for again. */
MUST_USE bool prompt_text(struct arena *a, const char *question,
    struct str initial, struct str *out, struct err *e);
MUST_USE bool prompt_yes(const char *question, bool initial, bool *out,
    struct err *e);
/* Not shown while it is typed.  OUT is the caller's to wipe. */
MUST_USE bool prompt_secret(const char *question, struct buf *out,
    struct err *e);
/* A line of text to read, beside the questions. */
void prompt_say(const char *text);

#endif
