/*
 * child - programs, run without a shell.
 *
 * A program gets standard input from memory, a short environment of its own,
 * no descriptor but 0, 1 and 2, a process group of its own and a deadline;
 * what it prints is collected up to a maximum.  Its standard error is ours,
 * so that a person sees why a password command complains.
 *
 * Life:   one call; when it returns, the program has ended or was killed
 *         with its group.
 * Errors: ERR_CONFIG when the program cannot be started (a wrong name stays
 *         wrong), ERR_TEMP for what may work later.  How it ended is a
 *         result and no error.
 *
 * SIGPIPE must be ignored by the caller's process (main does); the program
 * starts with all signals at their defaults.
 */
#ifndef TAMIS_CHILD_H
#define TAMIS_CHILD_H

#include "../rules/base.h"

struct child_settings {
	const char *const *argv;	/* NULL at the end; argv[0] is looked
					   up in PATH unless it has a slash */
	const char *const *env;		/* "TAMIS_X=...", NULL at the end; may
					   be NULL.  Never a secret. */
	struct str input;		/* its standard input */
	unsigned seconds;		/* until it is killed; 0: 60 */
};

enum child_end {
	CHILD_EXITED,		/* `status` is its exit status */
	CHILD_KILLED,		/* `status` is the signal, not ours */
	CHILD_LATE,		/* the deadline passed; it was killed */
	CHILD_TOO_MUCH,		/* it printed more than OUT takes; killed */
};

struct child_result {
	enum child_end end;
	int status;
};

/* OUT is initialised by the caller; its maximum is the limit.  NULL: what the
 * program prints is thrown away. */
MUST_USE bool child_run(const struct child_settings *set, struct buf *out,
    struct child_result *result_out, struct err *e);

/* "exited with status 1", "took more than 60 s": for messages. */
void child_text(struct buf *b, const struct child_settings *set,
    const struct child_result *r);

/*
 * The environment that programs get: PATH, HOME, USER, LOGNAME, SHELL, TERM,
 * TZ, TZDIR, TMPDIR, LANG, LANGUAGE, LC_*, XDG_*, and what password stores
 * need to find their agents and the person (GNUPGHOME, GPG_TTY,
 * PASSWORD_STORE_*, SSH_AUTH_SOCK, DBUS_SESSION_BUS_ADDRESS, DISPLAY,
 * WAYLAND_DISPLAY, XAUTHORITY), then EXTRA.  NULL at the end; in A.
 */
char **child_environment(struct arena *a, const char *const *extra);

#endif
