/*
 * filling - $(name) in the texts that the config gives to channels.
 *
 * The names are few and fixed, and a text may have fewer: a program's
 * argument takes nothing that a message could choose.  `$$` is a dollar; one
 * before anything but `$` or `(` is itself.
 *
 * Errors: problems at the place of the text, when the config is read; a text
 *         that was found right always fills.
 */
#ifndef TAMIS_FILLING_H
#define TAMIS_FILLING_H

#include "../rules/node.h"

#define FILLING_MAX	(16 * 1024)	/* octets of a text as written */

enum filling_name {
	FILLING_ACCOUNT, FILLING_MAILBOX, FILLING_RULE, FILLING_UID,
	FILLING_SUMMARY, FILLING_BODY, FILLING_URGENCY, FILLING_ICON,
	FILLING_SOUND, FILLING_FROM, FILLING_SUBJECT, FILLING_MESSAGE_ID,
	FILLING_N
};
extern const char *const filling_names[FILLING_N];

/* Those that no message can choose. */
#define FILLING_SAFE	(1u << FILLING_ACCOUNT | 1u << FILLING_MAILBOX | \
			1u << FILLING_RULE | 1u << FILLING_UID)
#define FILLING_ALL	((1u << FILLING_N) - 1)

/* Is each name in TEXT one of ALLOWED, a bit each?  WHAT is the key. */
bool filling_check(const struct node *n, struct str text, unsigned allowed,
    const char *what, struct problems *ps);

/* Adds TEXT with VALUES (FILLING_N of them) in it.  JSON: each value is
 * escaped as between the quotes of a JSON text (RFC 8259 section 7). */
void filling_add(struct buf *out, struct str text, const struct str *values,
    bool json);

#endif
