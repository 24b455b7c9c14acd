/*
 * secret - passwords and tokens, from where the account keeps them.
 *
 * A command (its standard output up to the first line end, run without a
 * shell), a file that others cannot read, or an OAuth 2.0 token that is kept
 * and refreshed (token).  The secret is never in an argument, a log, a core
 * dump or a child's environment, and the buffer it is put in is for the
 * caller to wipe.
 */
#ifndef TAMIS_SECRET_H
#define TAMIS_SECRET_H

#include "config.h"

#define SECRET_MAX	(64 * 1024)	/* octets; tokens can be long */

/* OUT must be initialised with SECRET_MAX.  ERR_CONFIG: file modes, empty
 * secret, no such command; ERR_TEMP: the command failed or took too long;
 * what token_get says. */
MUST_USE bool secret_get(const struct account *account, struct buf *out,
    struct err *e);

/* What a program prints up to its first line end; WHAT it is called in
 * messages ("password").  For other secrets; from a file: private_read. */
MUST_USE bool secret_run(const char *const *argv, int64_t seconds,
    const char *what, struct buf *out, struct err *e);

/*
 * A secret that is got at most once, however often a login is tried: nobody
 * wants to be asked three times.  A failure is kept, too.
 */
struct secret {
	const struct account *account;
	struct buf text;
	struct buf refused;	/* what the server did not take; empty: none */
	bool got;
	struct err failure;	/* kind ERR_NONE: none yet */
};
void secret_init(struct secret *s, const struct account *account);
MUST_USE bool secret_once(struct secret *s, struct buf *out, struct err *e);
/* The server did not take it.  True, once: another may be got. */
bool secret_refused(struct secret *s);
void secret_wipe(struct secret *s);

/* Once, at the start: no core dumps, not traceable by others, umask 077. */
void secret_harden(void);

#endif
