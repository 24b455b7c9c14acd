#include "database.h"

#include "step.h"

#include <sqlite3.h>
#include <string.h>

#define BUSY_MS		5000	/* a reader's statement is shorter */

struct row {
	struct database *d;
	sqlite3_stmt *st;
	bool failed;		/* a parameter could not be bound */
};

struct database {
	struct arena *a;
	const char *where;
	sqlite3 *db;
	const char *const *sql;
	struct row *rows;	/* one for each of sql */
	size_t n;
	bool write;		/* for good: not in memory */
	bool broken;
};

/* --------------------------------------------------------------- errors */

/* What to do about it. */
static const char *hint_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "; another program reads it, try again";
	case SQLITE_FULL:
		return "; the disk is full, make room and run again";
	case SQLITE_IOERR:
		return "; the disk or its file system is in trouble";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "; the file is damaged: put a backup in its place, "
		    "or move it away to begin anew";
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return "; look at the owner and mode of the folder";
	default:
		return "";
	}
}

static bool fail(struct database *d, const char *doing, struct err *e)
{
	int code = sqlite3_errcode(d->db);
	bool busy = (code & 0xff) == SQLITE_BUSY ||
	    (code & 0xff) == SQLITE_LOCKED;

	if (!busy && d->write)
		d->broken = true;
	return err_set(e, busy ? ERR_TEMP : ERR_STATE,
	    "state %s: cannot %s: %s%s", d->where, doing,
	    d->db ? sqlite3_errmsg(d->db) : "out of memory", hint_of(code));
}

/* ----------------------------------------------------------------- rows */

struct row *database_statement(struct database *d, size_t which,
    struct err *e)
{
	struct row *r = &d->rows[which];

	r->d = d;
	if (!r->st && sqlite3_prepare_v3(d->db, d->sql[which], -1,
	    SQLITE_PREPARE_PERSISTENT, &r->st, NULL) != SQLITE_OK) {
		fail(d, "read its tables", e);
		return NULL;
	}
	return r;
}

struct row *database_prepare(struct database *d, const char *text,
    struct err *e)
{
	struct row *r = arena_make(d->a, struct row);

	r->d = d;
	if (sqlite3_prepare_v2(d->db, text, -1, &r->st, NULL) == SQLITE_OK)
		return r;
	fail(d, "read its tables", e);
	return NULL;
}

void row_free(struct row *r)
{
	if (!r)
		return;
	sqlite3_finalize(r->st);
	r->st = NULL;
}

static void note(struct row *r, int code)
{
	if (code != SQLITE_OK)
		r->failed = true;
}

void row_put(struct row *r, int i, int64_t n)
{
	note(r, sqlite3_bind_int64(r->st, i, n));
}

void row_put_size(struct row *r, int i, uint64_t n)
{
	row_put(r, i, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

void row_put_str(struct row *r, int i, struct str s)
{
	note(r, sqlite3_bind_text64(r->st, i, s.n ? s.p : "", s.n,
	    SQLITE_STATIC, SQLITE_UTF8));
}

void row_put_bytes(struct row *r, int i, const void *p, size_t n)
{
	note(r, sqlite3_bind_blob64(r->st, i, p, n, SQLITE_STATIC));
}

void row_put_null(struct row *r, int i)
{
	note(r, sqlite3_bind_null(r->st, i));
}

void row_reset(struct row *r)
{
	sqlite3_reset(r->st);	/* its code is that of the step before */
	r->failed = false;
}

static int step_row(struct row *r, const char *doing, struct err *e)
{
	int code = r->failed ? SQLITE_MISUSE : sqlite3_step(r->st);

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		fail(r->d, doing, e);
	row_reset(r);
	return code == SQLITE_DONE ? 0 : -1;
}

int row_next(struct row *r, struct err *e)
{
	return step_row(r, "be read", e);
}

bool row_run(struct row *r, struct err *e)
{
	int got = step_row(r, "be written", e);

	if (got > 0)
		row_reset(r);
	return got >= 0;
}

int64_t row_get(struct row *r, int i)
{
	return sqlite3_column_int64(r->st, i);
}

uint32_t row_u32(struct row *r, int i)
{
	return (uint32_t)row_get(r, i);
}

struct str row_str(struct row *r, int i)
{
	const char *p = (const char *)sqlite3_column_text(r->st, i);

	if (!p)
		return STR_EMPTY;
	return (struct str){ p, (size_t)sqlite3_column_bytes(r->st, i) };
}

bool row_is_null(struct row *r, int i)
{
	return sqlite3_column_type(r->st, i) == SQLITE_NULL;
}

void row_bytes(struct row *r, int i, void *p, size_t n)
{
	const void *from = sqlite3_column_blob(r->st, i);

	memset(p, 0, n);
	if (from && sqlite3_column_bytes(r->st, i) == (int)n)
		memcpy(p, from, n);
}

/* --------------------------------------------------------- transactions */

bool database_do(struct database *d, const char *text, struct err *e)
{
	if (sqlite3_exec(d->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return fail(d, "be opened", e);
}

bool database_number(struct database *d, const char *text, int64_t *n_out,
    struct err *e)
{
	struct row *r = database_prepare(d, text, e);
	int got = r ? row_next(r, e) : -1;

	if (got > 0)
		*n_out = row_get(r, 0);
	else if (got == 0)
		err_set(e, ERR_STATE, "state %s: there is no answer to %s",
		    d->where, text);
	row_free(r);
	return got > 0;
}

bool database_begin(struct database *d, struct err *e)
{
	if (d->broken)
		return err_set(e, ERR_STATE, "state %s could not be written "
		    "before, nothing more is written", d->where);
	if (sqlite3_exec(d->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) !=
	    SQLITE_OK)
		return fail(d, "be written", e);
	step("journal-begun");
	return true;
}

bool database_end(struct database *d, bool ok, struct err *e)
{
	if (ok) {
		step("journal-commit");
		ok = sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL) ==
		    SQLITE_OK;
		if (!ok)
			fail(d, "be written", e);
		step("journal-committed");
	}
	/* A rollback that fails leaves a hot journal, which the next open
	 * plays back. */
	if (!ok && !sqlite3_get_autocommit(d->db) &&
	    sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		d->broken = true;
	return ok;
}

int64_t database_last_id(const struct database *d)
{
	return sqlite3_last_insert_rowid(d->db);
}

/* ------------------------------------------------------- open and close */

static const char settings[] =
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA cell_size_check = ON;"
	"PRAGMA foreign_keys = ON;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA synchronous = EXTRA;";

static int flags_of(enum database_mode mode)
{
	switch (mode) {
	case DATABASE_READ:
		return SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW;
	case DATABASE_WRITE:
		return SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW;
	case DATABASE_MEMORY:
		break;
	}
	return SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY;
}

static bool set_up(struct database *d, enum database_mode mode,
    struct err *e)
{
	int is_on = 0;

	if (sqlite3_busy_timeout(d->db, BUSY_MS) != SQLITE_OK ||
	    sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &is_on) !=
	    SQLITE_OK || !is_on)
		return fail(d, "be opened", e);
	return database_do(d, settings, e) && (mode != DATABASE_WRITE ||
	    database_do(d, "PRAGMA journal_mode = DELETE", e));
}

bool database_open(struct arena *a, const char *path,
    enum database_mode mode, const char *where, const char *const *sql,
    size_t n, struct database **out, struct err *e)
{
	struct database *d = arena_make(a, struct database);

	d->a = a;
	d->where = where;
	d->sql = sql;
	d->n = n;
	d->rows = arena_array(a, n + 1, sizeof(*d->rows));
	d->write = mode == DATABASE_WRITE;
	*out = d;
	if (sqlite3_open_v2(mode == DATABASE_MEMORY ? ":memory:" : path,
	    &d->db, flags_of(mode) | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
		return fail(d, "be opened", e);
	return set_up(d, mode, e);
}

void database_close(struct database **d)
{
	if (!d || !*d)
		return;
	for (size_t i = 0; i < (*d)->n; i++)
		row_free(&(*d)->rows[i]);
	sqlite3_close((*d)->db);
	*d = NULL;
}

bool database_needs_writer(const struct database *d)
{
	return d && d->db &&
	    sqlite3_extended_errcode(d->db) == SQLITE_READONLY_ROLLBACK;
}

/* Any reading plays the file back first. */
bool database_load(struct database *d, const char *path, struct err *e)
{
	struct database *from = NULL;
	sqlite3_backup *b;
	int64_t tables;
	bool ok = database_open(d->a, path, DATABASE_WRITE, d->where, NULL, 0,
	    &from, e) && database_number(from,
	    "SELECT count(*) FROM sqlite_schema", &tables, e);

	if (ok) {
		b = sqlite3_backup_init(d->db, "main", from->db, "main");
		ok = b && sqlite3_backup_step(b, -1) == SQLITE_DONE;
		if (sqlite3_backup_finish(b) != SQLITE_OK || !ok)
			ok = fail(d, "be read", e);
	}
	database_close(&from);
	return ok;
}
