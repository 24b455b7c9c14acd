/*
 * spool - durable files of messages that are being replaced.
 *
 * They lie in the folder spool/ of an account's state, 0600 in 0700, for
 * nobody else: what was decrypted stands in them.  A file is written under
 * another name, synced and renamed, so that under its own name it is whole or
 * not there; what was put is durable when spool_sync has returned, for many
 * files at once.
 *
 *	NONCE.original	the message as it was; kept for undo
 *	NONCE.copy	what takes its place; dropped when that is settled
 *
 * Which of them may go, the journal knows (journal_replace.h).
 *
 * Life:   open -> [put* -> sync -> map -> unmap | drop]* -> close; the state
 *         folder's lock is held.
 * Owns:   the folder's descriptor; a mapping is the caller's.
 * Errors: ERR_STATE, with the file's name: the disk is full or broken.
 *         ERR_CONFIG: the folder is not ours alone.
 */
#ifndef TAMIS_SPOOL_H
#define TAMIS_SPOOL_H

#include "../rules/base.h"

struct spool;

enum spool_kind { SPOOL_ORIGINAL, SPOOL_COPY };

/* DIR is the account's state folder, which is there; MAX octets are allowed
 * in all.  Removes what a crash left half written. */
MUST_USE bool spool_open(struct arena *a, const char *dir, uint64_t max,
    struct spool **out, struct err *e);
void spool_close(struct spool **s);	/* NULL is fine */

uint64_t spool_used(const struct spool *s);	/* octets */
/* Would N octets more be within MAX? */
bool spool_fits(const struct spool *s, uint64_t n);
/* Octets that the disk has left for us. */
MUST_USE bool spool_disk(const struct spool *s, uint64_t *left_out,
    struct err *e);

/* N parts one behind the other; they take the place of a file of that
 * name. */
MUST_USE bool spool_put(struct spool *s, enum spool_kind kind,
    const char *nonce, const struct str *parts, size_t n, struct err *e);
MUST_USE bool spool_sync(struct spool *s, struct err *e);

/* The bytes, until spool_unmap.  ERR_MESSAGE: there is no such file. */
MUST_USE bool spool_map(struct spool *s, enum spool_kind kind,
    const char *nonce, struct str *bytes_out, struct err *e);
void spool_unmap(struct str *bytes);	/* the empty one is fine */

/* Fine if it is not there. */
MUST_USE bool spool_drop(struct spool *s, enum spool_kind kind,
    const char *nonce, struct err *e);

/* FN for each file; it may drop it. */
typedef bool spool_fn(void *ctx, enum spool_kind kind, struct str nonce,
    struct err *e);
MUST_USE bool spool_each(struct spool *s, spool_fn *fn, void *ctx,
    struct err *e);

#endif
