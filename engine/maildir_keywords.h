/*
 * maildir_keywords - the keywords of one Maildir folder, as Dovecot keeps
 * them.
 *
 * Letters a to z in file names are numbers of lines "N keyword" in the
 * folder's file dovecot-keywords.  It is replaced whole (written aside,
 * fsync, rename) under the lock file dovecot-uidlist.lock, which Dovecot
 * holds while it changes flags; a lock whose owner has died is removed.
 *
 * Life:   in the arena given; reads the file when made and before it writes.
 * Errors: ERR_MESSAGE: no letter is left, or the file cannot be written or
 *         locked now (*retry_out tells which).
 */
#ifndef TAMIS_MAILDIR_KEYWORDS_H
#define TAMIS_MAILDIR_KEYWORDS_H

#include "maildir_name.h"

struct maildir_keywords {
	struct arena *a;
	int folder;		/* borrowed descriptor */
	struct str names[MAILDIR_KEYWORDS_MAX];	/* empty: not taken */
	maildir_letters added;	/* not written yet */
	bool unreadable;	/* there is a file, and it could not be read:
				   then it is not replaced either */
};

void maildir_keywords_read(struct maildir_keywords *k, struct arena *a,
    int folder);
/* Its number, or -1. ASCII case does not count (RFC 9051 2.3.2). */
int maildir_keywords_find(const struct maildir_keywords *k,
    struct str keyword);
/* Its number, given to it if it has none; -1: all 26 are taken.  What was
 * given counts only after maildir_keywords_write. */
int maildir_keywords_need(struct maildir_keywords *k, struct str keyword);
/* Makes what was added durable.  Where another program was faster, numbers
 * may be others afterwards: ask again. */
MUST_USE bool maildir_keywords_write(struct maildir_keywords *k,
    bool *retry_out, struct err *e);

#endif
