/*
 * channel - a notification through one of the channels of the config: the
 * desktop, a program, a webhook, mail.
 *
 * A notification holds text from mail; each channel makes it safe for where
 * it goes.  Controls and what turns text around appear escaped everywhere
 * (buf_add_shown), line ends stay in the body alone; markup is escaped for
 * the desktop, quotes for JSON, and a program gets text in TAMIS_* variables
 * and on standard input, never in its arguments.
 *
 * Life:   one call, one notification.
 * Errors: say what the channel said.  Nothing is repeated here: the caller
 *         knows from the end whether that would tell it twice.
 */
#ifndef TAMIS_CHANNEL_H
#define TAMIS_CHANNEL_H

#include "config.h"

#define CHANNEL_SUMMARY_MAX	200	/* code points */
#define CHANNEL_BODY_MAX	4000	/* octets */

struct notification {
	struct str summary;	/* one line */
	struct str body;	/* may be empty, may have lines */
	enum urgency urgency;
	struct str icon, sound;	/* names of a theme, or paths; may be empty */
	bool sticky;		/* stays until somebody closes it */
	/* What it is about; from, subject, message_id and uid may be missing
	 * where it is about several messages. */
	struct str account, mailbox, rule, from, subject, message_id;
	uint32_t uid;
	int64_t time;		/* when it is sent */
};

enum channel_end {
	CHANNEL_SENT,
	CHANNEL_LATER,		/* surely not told; may work another time */
	CHANNEL_REFUSED,	/* surely not told, and never will be */
	CHANNEL_UNSURE,		/* may have been told */
};

/* *E is set unless it was sent. */
enum channel_end channel_send(const struct channel *c,
    const struct notification *n, struct err *e);

/*
 * Without telling anybody: what is known of the channel, for `doctor`.
 * False: it will not work.
 */
bool channel_look(struct arena *a, const struct channel *c,
    struct str *about_out);

const char *urgency_name(enum urgency u);

#endif
