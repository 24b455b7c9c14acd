/*
 * maildir_move - a message's file to another name: moved or copied, whole or
 * not at all, and never over another one.
 *
 * Nothing here is durable yet: the caller syncs the folders, the one that a
 * file came to before the one that it left.
 *
 * Errors: an errno; 0 is success.
 */
#ifndef TAMIS_MAILDIR_MOVE_H
#define TAMIS_MAILDIR_MOVE_H

#include "maildir_folder.h"

/*
 * From NAME in the folder DIR to TO in TO_DIR, which is the cur/ or new/ of
 * F.  A move is one rename; across file systems the bytes are written to the
 * tmp/ of F, as UNIQUE, and the original goes when they are durable.
 * EEXIST: there is another message of that name.
 */
MUST_USE int maildir_move(int dir, const char *name,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to);

/* The same, but NAME stays: a hard link, or the bytes.  A name that is there
 * already is taken for the copy. */
MUST_USE int maildir_link(int dir, const char *name,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to);

/* Are both names one file, or of the same bytes? */
bool maildir_same_message(int dir, const char *name, int other_dir,
    const char *other);

#endif
