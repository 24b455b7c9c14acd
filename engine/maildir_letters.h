/*
 * maildir_letters - what the letters of a message's file name will be.
 *
 * They follow from its present name, the flags and labels that ops add and
 * remove, and the keywords of the folder where it will lie, as the same
 * letter is another keyword in another folder.
 */
#ifndef TAMIS_MAILDIR_LETTERS_H
#define TAMIS_MAILDIR_LETTERS_H

#include "maildir_target.h"

struct maildir_message {
	struct maildir_file *file;
	struct op **ops;	/* of this message; failed ones do not count */
	size_t n_ops;
};

/* Why a message cannot have its letters. */
struct maildir_obstacle {
	struct op *by;		/* this op wants a keyword that is not to be
				   had; NULL: the message has it already */
	bool retry;
	const char *text;
};

/* Gives letters in TO to the keywords that have none, in memory, so that
 * those of many messages are written at once. */
void maildir_letters_reserve(struct maildir_targets *ts,
    const struct maildir_message *m, struct maildir_target *to);

/* The letters in TO, all of them written there. */
bool maildir_letters_ready(struct maildir_targets *ts,
    const struct maildir_message *m, struct maildir_target *to,
    maildir_letters *out, struct maildir_obstacle *why);

#endif
