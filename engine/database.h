/*
 * database - SQLite, as far as the journal needs it.
 *
 * A database is a file or lies in memory; its statements are texts of the
 * caller, prepared when they are first used and kept.  Everything that is
 * written stands in a transaction that begin and end enclose, and is on disk
 * when end returns (journal_mode=DELETE, synchronous=EXTRA).
 *
 * Life:   in the arena given to open; close it before that goes.
 * Owns:   the file, its locks.
 * Errors: ERR_STATE; ERR_TEMP where another program is in the way for a
 *         moment.  After an ERR_STATE of writing nothing is written any
 *         more, as what is on disk is not known then.
 */
#ifndef TAMIS_DATABASE_H
#define TAMIS_DATABASE_H

#include "../rules/base.h"

struct database;
struct row;		/* a statement: its parameters, then its rows */

enum database_mode { DATABASE_READ, DATABASE_WRITE, DATABASE_MEMORY };

/*
 * SQL (N texts) is what database_statement prepares.  WHERE names the
 * database in messages.  Without DATABASE_MEMORY the file at PATH must be
 * there, and no part of PATH may be a symbolic link.  *OUT is set after a
 * failure too, to be asked and closed.
 */
MUST_USE bool database_open(struct arena *a, const char *path,
    enum database_mode mode, const char *where, const char *const *sql,
    size_t n, struct database **out, struct err *e);
void database_close(struct database **d);	/* NULL is fine */

/* Was the last failure a hot journal that only a writer may play back? */
bool database_needs_writer(const struct database *d);
/* Copies the file at PATH, played back where it is needed, into D, which is
 * in memory. */
MUST_USE bool database_load(struct database *d, const char *path,
    struct err *e);

/* Several statements without parameters or results. */
MUST_USE bool database_do(struct database *d, const char *text,
    struct err *e);
/* The one number that TEXT gives. */
MUST_USE bool database_number(struct database *d, const char *text,
    int64_t *n_out, struct err *e);

/* --------------------------------------------------------- transactions */

MUST_USE bool database_begin(struct database *d, struct err *e);
/* Commits if OK; else, or if that fails, nothing of it has happened.
 * Returns whether it was committed. */
MUST_USE bool database_end(struct database *d, bool ok, struct err *e);
int64_t database_last_id(const struct database *d);	/* of an INSERT */

/* ----------------------------------------------------------- statements */

/* The WHICH-th of the texts given to open, ready for parameters; NULL with
 * E. */
struct row *database_statement(struct database *d, size_t which,
    struct err *e);
/* One that is used once: free it. */
struct row *database_prepare(struct database *d, const char *text,
    struct err *e);
void row_free(struct row *r);		/* NULL is fine */

/* Parameters, from 1.  Bytes are borrowed until the statement has run. */
void row_put(struct row *r, int i, int64_t n);
void row_put_size(struct row *r, int i, uint64_t n);	/* cut at INT64_MAX */
void row_put_str(struct row *r, int i, struct str s);
void row_put_bytes(struct row *r, int i, const void *p, size_t n);
void row_put_null(struct row *r, int i);

/* The next row: 1; there is none: 0, and the statement is ready again; -1
 * with E.  Who stops earlier calls row_reset. */
int row_next(struct row *r, struct err *e);
void row_reset(struct row *r);
/* Runs a statement that gives no rows. */
MUST_USE bool row_run(struct row *r, struct err *e);

/* Columns, from 0.  Strings are borrowed until the next step. */
int64_t row_get(struct row *r, int i);
uint32_t row_u32(struct row *r, int i);
struct str row_str(struct row *r, int i);
bool row_is_null(struct row *r, int i);
/* All N octets, or zeros if it is not of that length. */
void row_bytes(struct row *r, int i, void *p, size_t n);

#endif
