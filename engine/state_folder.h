/*
 * state_folder - the folder of an account's state, its owner and its lock.
 *
 * The state tells what mail somebody has and what is done with it: nobody
 * else may have put it there, read it or change it, whatever the umask.
 *
 * Errors: ERR_CONFIG: it belongs to somebody else or others can write to it;
 *         ERR_TEMP: another run holds the lock; ERR_STATE: the disk.
 */
#ifndef TAMIS_STATE_FOLDER_H
#define TAMIS_STATE_FOLDER_H

#include "../rules/base.h"

/* Makes DIR and its parents, 0700 and durable; fine if it is there. */
MUST_USE bool state_folder_make(struct arena *a, const char *dir,
    struct err *e);
/* FD is DIR, open. */
MUST_USE bool state_folder_check(const char *dir, int fd, struct err *e);

/* Makes an empty file in it, 0600; fine if it is there. */
MUST_USE bool state_folder_file(const char *dir, int dir_fd,
    const char *name, struct err *e);

/* Takes the lock, without waiting; it is given back when the descriptor is
 * closed or the process ends. */
MUST_USE bool state_folder_lock(const char *dir, int dir_fd, int *fd_out,
    struct err *e);

#endif
