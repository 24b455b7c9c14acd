#include "journal.h"

#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * Invariants, in the order in which they matter:
 * - whoever writes holds the lock file, so there is one writer;
 * - each public function that writes is one transaction, so that a crash
 *   leaves all of it or nothing;
 * - no statement stays open over a call back or a return, so that a reader
 *   (which may be a pager that waits for somebody) never holds up a writer.
 */

#define APPLICATION_ID	0x746d7331	/* "tms1", in the file's header */
#define BUSY_MS		5000		/* a reader's statement is shorter */
#define HISTORY_BATCH	64

static const char schema[] =
"CREATE TABLE owner("
"	one INTEGER PRIMARY KEY CHECK(one = 1),"
"	owner TEXT NOT NULL,"
"	since INTEGER NOT NULL);"
"CREATE TABLE mailbox("
"	id INTEGER PRIMARY KEY,"
"	name TEXT NOT NULL UNIQUE,"
	/* the checkpoint */
"	known INTEGER NOT NULL DEFAULT 0,"
"	uidvalidity INTEGER NOT NULL DEFAULT 0,"
"	next_uid INTEGER NOT NULL DEFAULT 0,"
"	baseline_uid INTEGER NOT NULL DEFAULT 0,"
"	modseq INTEGER NOT NULL DEFAULT 0,"
"	time INTEGER NOT NULL DEFAULT 0,"
	/* of journal_names */
"	names_uidvalidity INTEGER NOT NULL DEFAULT 0,"
"	names_uidnext INTEGER NOT NULL DEFAULT 1);"
"CREATE TABLE pending("
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	uid INTEGER NOT NULL,"
"	tries INTEGER NOT NULL,"
"	since INTEGER NOT NULL,"
"	digest BLOB NOT NULL,"
"	message_id TEXT NOT NULL,"
"	size INTEGER NOT NULL,"
"	reason TEXT NOT NULL,"
"	PRIMARY KEY(mailbox, uid)) WITHOUT ROWID;"
"CREATE TABLE judged("
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	digest BLOB NOT NULL,"
"	time INTEGER NOT NULL,"
"	PRIMARY KEY(mailbox, digest)) WITHOUT ROWID;"
"CREATE TABLE run("
"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
"	started INTEGER NOT NULL,"
"	ended INTEGER NOT NULL DEFAULT 0,"
"	rules_version TEXT NOT NULL,"
"	judged INTEGER NOT NULL DEFAULT 0,"
"	changed INTEGER NOT NULL DEFAULT 0,"
"	failed INTEGER NOT NULL DEFAULT 0,"
"	unknown INTEGER NOT NULL DEFAULT 0,"
"	exit_code INTEGER NOT NULL DEFAULT 0);"
"CREATE TABLE change("
"	id INTEGER PRIMARY KEY,"
"	run INTEGER NOT NULL REFERENCES run(id),"
"	time INTEGER NOT NULL,"
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	uidvalidity INTEGER NOT NULL,"
"	uid INTEGER NOT NULL,"
"	digest BLOB NOT NULL,"
"	message_id TEXT NOT NULL,"
"	size INTEGER NOT NULL,"
"	sender TEXT NOT NULL,"
"	subject TEXT NOT NULL,"
"	rules TEXT NOT NULL,"
"	kind INTEGER NOT NULL,"
"	what TEXT NOT NULL,"
"	flags_before TEXT NOT NULL,"
"	labels_before TEXT NOT NULL,"
"	dest_uidvalidity INTEGER NOT NULL,"
"	dest_from_uid INTEGER NOT NULL,"
"	dest_uid INTEGER NOT NULL,"
"	state INTEGER NOT NULL,"
"	reason TEXT NOT NULL);"
"CREATE INDEX change_unsettled ON change(id) WHERE state = 0;"
"CREATE INDEX change_message ON change(mailbox, uid);"
"CREATE INDEX change_message_id ON change(message_id);"
"CREATE INDEX change_run ON change(run);"
"CREATE TABLE name("
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	name TEXT NOT NULL,"
"	uid INTEGER NOT NULL,"
"	gone INTEGER,"		/* not there any more, since */
"	PRIMARY KEY(mailbox, name)) WITHOUT ROWID;"
"CREATE TABLE rule("
"	name TEXT PRIMARY KEY,"
"	time INTEGER NOT NULL) WITHOUT ROWID;"
"CREATE TABLE note("
"	key TEXT PRIMARY KEY,"
"	value INTEGER NOT NULL) WITHOUT ROWID;";

_Static_assert(CHANGE_INTENDED == 0, "index change_unsettled says so");

#define RUN_COLUMNS \
	"id, started, ended, rules_version, judged, changed, failed, " \
	"unknown, exit_code"
#define CHANGE_COLUMNS \
	"c.id, c.run, c.time, m.name, c.uidvalidity, c.uid, c.digest, " \
	"c.message_id, c.size, c.sender, c.subject, c.rules, c.kind, " \
	"c.what, c.flags_before, c.labels_before, c.dest_uidvalidity, " \
	"c.dest_from_uid, c.dest_uid, c.state, c.reason"
#define CHANGE_COLUMNS_N	21

enum statement {
	SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK,
	SQL_MAILBOX, SQL_MAILBOX_ADD, SQL_CHECKPOINT_SET,
	SQL_PENDING, SQL_PENDING_ADD, SQL_PENDING_DROP, SQL_PENDING_CLEAR,
	SQL_PENDING_NAMES,
	SQL_JUDGED, SQL_JUDGED_ADD,
	SQL_RUN_ADD, SQL_RUN_END, SQL_RUNS,
	SQL_INTEND, SQL_OUTCOME, SQL_UNSETTLED, SQL_COPIED,
	SQL_PRUNE_CHANGES, SQL_PRUNE_JUDGED, SQL_PRUNE_RUNS,
	SQL_PRUNE_NAMES,
	SQL_NAMES, SQL_NAME_ADD, SQL_NAME_GONE, SQL_NAMES_NUMBERS,
	SQL_NAMES_NEXT,
	SQL_RULE, SQL_RULE_SET, SQL_NOTE, SQL_NOTE_SET,
	SQL_COUNT
};

static const char *const sql[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_MAILBOX] = "SELECT id, known, uidvalidity, next_uid, "
	    "baseline_uid, modseq, time, names_uidvalidity, names_uidnext "
	    "FROM mailbox WHERE name = ?1",
	[SQL_MAILBOX_ADD] = "INSERT INTO mailbox(name) VALUES(?1)",
	[SQL_CHECKPOINT_SET] = "UPDATE mailbox SET known = 1, "
	    "uidvalidity = ?2, next_uid = ?3, baseline_uid = ?4, "
	    "modseq = ?5, time = ?6 WHERE id = ?1",
	[SQL_PENDING] = "SELECT uid, tries, since, digest, message_id, size, "
	    "reason FROM pending WHERE mailbox = ?1 ORDER BY uid",
	[SQL_PENDING_ADD] = "INSERT INTO pending(mailbox, uid, tries, since, "
	    "digest, message_id, size, reason) "
	    "VALUES(?1, ?2, 1, ?3, ?4, ?5, ?6, ?7) "
	    "ON CONFLICT(mailbox, uid) DO UPDATE SET tries = tries + 1, "
	    "digest = excluded.digest, message_id = excluded.message_id, "
	    "size = excluded.size, reason = excluded.reason",
	[SQL_PENDING_DROP] = "DELETE FROM pending WHERE mailbox = ?1 "
	    "AND uid = ?2",
	[SQL_PENDING_CLEAR] = "DELETE FROM pending WHERE mailbox = ?1",
	[SQL_PENDING_NAMES] = "INSERT OR IGNORE INTO pending(mailbox, uid, "
	    "tries, since, digest, message_id, size, reason) "
	    "SELECT mailbox, uid, 0, ?4, zeroblob(16), '', 0, "
	    "'not judged yet' FROM name WHERE mailbox = ?1 AND uid >= ?2 "
	    "AND uid < ?3 AND gone IS NULL",
	[SQL_JUDGED] = "SELECT 1 FROM judged WHERE mailbox = ?1 "
	    "AND digest = ?2",
	[SQL_JUDGED_ADD] = "INSERT INTO judged(mailbox, digest, time) "
	    "VALUES(?1, ?2, ?3) ON CONFLICT(mailbox, digest) DO UPDATE "
	    "SET time = excluded.time",
	[SQL_RUN_ADD] = "INSERT INTO run(started, rules_version) "
	    "VALUES(?1, ?2)",
	[SQL_RUN_END] = "UPDATE run SET ended = ?2, judged = ?3, "
	    "changed = ?4, failed = ?5, unknown = ?6, exit_code = ?7 "
	    "WHERE id = ?1",
	[SQL_RUNS] = "SELECT " RUN_COLUMNS " FROM run WHERE id > ?1 "
	    "AND started >= ?2 ORDER BY id LIMIT ?3",
	[SQL_INTEND] = "INSERT INTO change(run, time, mailbox, uidvalidity, "
	    "uid, digest, message_id, size, sender, subject, rules, kind, "
	    "what, flags_before, labels_before, dest_uidvalidity, "
	    "dest_from_uid, dest_uid, state, reason) VALUES(?1, ?2, ?3, ?4, "
	    "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
	    "0, 0, '')",
	[SQL_OUTCOME] = "UPDATE change SET state = ?2, dest_uid = ?3, "
	    "reason = ?4 WHERE id = ?1",
	[SQL_UNSETTLED] = "SELECT " CHANGE_COLUMNS " FROM change c "
	    "JOIN mailbox m ON m.id = c.mailbox WHERE c.state = 0 "
	    "ORDER BY c.id",
	[SQL_COPIED] = "SELECT 1 FROM change WHERE mailbox = ?1 "
	    "AND uid = ?2 AND uidvalidity = ?3 AND kind = ?4 AND what = ?5 "
	    "AND state = ?6",
	[SQL_PRUNE_CHANGES] = "DELETE FROM change WHERE time < ?1 "
	    "AND state <> 0",
	[SQL_PRUNE_JUDGED] = "DELETE FROM judged WHERE time < ?1",
	[SQL_PRUNE_RUNS] = "DELETE FROM run WHERE started < ?1 AND NOT "
	    "EXISTS(SELECT 1 FROM change WHERE change.run = run.id)",
	[SQL_PRUNE_NAMES] = "DELETE FROM name WHERE gone < ?1",
	[SQL_NAMES] = "SELECT name, uid, gone FROM name WHERE mailbox = ?1 "
	    "ORDER BY name",
	[SQL_NAME_ADD] = "INSERT INTO name(mailbox, name, uid) "
	    "VALUES(?1, ?2, ?3) ON CONFLICT(mailbox, name) DO UPDATE "
	    "SET uid = excluded.uid, gone = NULL",
	[SQL_NAME_GONE] = "UPDATE name SET gone = ?3 WHERE mailbox = ?1 "
	    "AND name = ?2",
	[SQL_NAMES_NUMBERS] = "UPDATE mailbox SET names_uidvalidity = ?2, "
	    "names_uidnext = ?3 WHERE id = ?1",
	[SQL_NAMES_NEXT] = "UPDATE mailbox SET next_uid = ?2 WHERE id = ?1",
	[SQL_RULE] = "SELECT time FROM rule WHERE name = ?1",
	[SQL_RULE_SET] = "INSERT INTO rule(name, time) VALUES(?1, ?2) "
	    "ON CONFLICT(name) DO UPDATE SET time = excluded.time",
	[SQL_NOTE] = "SELECT value FROM note WHERE key = ?1",
	[SQL_NOTE_SET] = "INSERT INTO note(key, value) VALUES(?1, ?2) "
	    "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
};

struct journal {
	struct arena *arena;	/* its own life */
	const char *dir;	/* for messages */
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	int lock;		/* -1: none */
	int64_t now;
	bool write;
	bool broken;		/* a write failed: nothing is written any
				   more, as what is on disk is not known */
};

/* ---------------------------------------------------------- statements */

/* What SQLite has to say, with what to do about it. */
static bool fail(struct journal *j, const char *doing, struct err *e)
{
	int code = sqlite3_errcode(j->db);
	const char *hint = "";
	enum err_kind kind = ERR_STATE;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		kind = ERR_TEMP;
		hint = "; another program reads it, try again";
		break;
	case SQLITE_FULL:
		hint = "; the disk is full, make room and run again";
		break;
	case SQLITE_IOERR:
		hint = "; the disk or its file system is in trouble";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		hint = "; the file is damaged: put a backup in its place, or "
		    "move it away to begin anew";
		break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		hint = "; look at the owner and mode of the folder";
		break;
	default:
		break;
	}
	if (kind == ERR_STATE && j->write)
		j->broken = true;
	return err_set(e, kind, "state %s/state.db: cannot %s: %s%s", j->dir,
	    doing, j->db ? sqlite3_errmsg(j->db) : "out of memory", hint);
}

/* The prepared statement, ready to be bound; NULL with E. */
static sqlite3_stmt *ready(struct journal *j, enum statement which,
    struct err *e)
{
	sqlite3_stmt **st = &j->statements[which];

	if (!*st && sqlite3_prepare_v3(j->db, sql[which], -1,
	    SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK) {
		fail(j, "read its tables", e);
		return NULL;
	}
	return *st;
}

static void put_str(sqlite3_stmt *st, int i, struct str s)
{
	sqlite3_bind_text64(st, i, s.n ? s.p : "", s.n, SQLITE_STATIC,
	    SQLITE_UTF8);
}

static void put_digest(sqlite3_stmt *st, int i, const struct identity *id)
{
	sqlite3_bind_blob(st, i, id->digest, sizeof(id->digest),
	    SQLITE_STATIC);
}

static void put_size(sqlite3_stmt *st, int i, uint64_t n)
{
	sqlite3_bind_int64(st, i, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

/* Borrowed until the next step. */
static struct str get_str(sqlite3_stmt *st, int i)
{
	const char *p = (const char *)sqlite3_column_text(st, i);

	if (!p)
		return STR_EMPTY;
	return (struct str){ p, (size_t)sqlite3_column_bytes(st, i) };
}

static uint32_t get_u32(sqlite3_stmt *st, int i)
{
	return (uint32_t)sqlite3_column_int64(st, i);
}

static void get_digest(sqlite3_stmt *st, int i, struct identity *id)
{
	const void *p = sqlite3_column_blob(st, i);

	memset(id->digest, 0, sizeof(id->digest));
	if (p && sqlite3_column_bytes(st, i) == (int)sizeof(id->digest))
		memcpy(id->digest, p, sizeof(id->digest));
}

/* Goes to the next row: 1; there is none: 0; -1 with E.  But for a row the
 * statement is reset. */
static int next_row(struct journal *j, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		fail(j, "be read", e);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* Runs a bound statement that gives no rows. */
static bool change_rows(struct journal *j, sqlite3_stmt *st, struct err *e)
{
	bool ok = sqlite3_step(st) == SQLITE_DONE;

	if (!ok)
		fail(j, "be written", e);
	sqlite3_reset(st);
	return ok;
}

static bool plain(struct journal *j, enum statement which, struct err *e)
{
	sqlite3_stmt *st = ready(j, which, e);

	return st && change_rows(j, st, e);
}

/* ------------------------------------------------------- transactions */

static bool may_write(struct journal *j, struct err *e)
{
	if (!j->write)
		return err_set(e, ERR_STATE,
		    "state %s was opened for reading only", j->dir);
	if (j->broken)
		return err_set(e, ERR_STATE, "state %s could not be written "
		    "before, nothing more is written", j->dir);
	return true;
}

static bool begin(struct journal *j, struct err *e)
{
	if (!may_write(j, e) || !plain(j, SQL_BEGIN, e))
		return false;
	step("journal-begun");
	return true;
}

/* Ends what begin began: commits if OK, else (or if that fails) nothing of
 * it has happened. */
static bool end(struct journal *j, bool ok, struct err *e)
{
	if (ok) {
		step("journal-commit");
		ok = plain(j, SQL_COMMIT, e);
		step("journal-committed");
	}
	if (!ok && !sqlite3_get_autocommit(j->db)) {
		struct err second = { 0 };

		/* A rollback that fails leaves a hot journal, which the
		 * next open plays back. */
		if (!plain(j, SQL_ROLLBACK, &second))
			j->broken = true;
	}
	return ok;
}

/* ----------------------------------------------------------- mailboxes */

struct mailbox_row {
	int64_t id;		/* 0: not there */
	struct checkpoint checkpoint;
	uint32_t names_uidvalidity, names_uidnext;
};

static bool mailbox_get(struct journal *j, struct str name,
    struct mailbox_row *out, struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_MAILBOX, e);
	int got;

	if (!st)
		return false;
	put_str(st, 1, name);
	got = next_row(j, st, e);
	if (got < 0)
		return false;
	*out = (struct mailbox_row){ .names_uidnext = 1 };
	if (got == 0)
		return true;
	out->id = sqlite3_column_int64(st, 0);
	out->checkpoint.known = sqlite3_column_int(st, 1) != 0;
	out->checkpoint.uidvalidity = get_u32(st, 2);
	out->checkpoint.next_uid = get_u32(st, 3);
	out->checkpoint.baseline_uid = get_u32(st, 4);
	out->checkpoint.modseq = (uint64_t)sqlite3_column_int64(st, 5);
	out->checkpoint.time = sqlite3_column_int64(st, 6);
	out->names_uidvalidity = get_u32(st, 7);
	out->names_uidnext = get_u32(st, 8);
	sqlite3_reset(st);
	return true;
}

/* The same in a transaction: the row is made if it is not there. */
static bool mailbox_need(struct journal *j, struct str name,
    struct mailbox_row *out, struct err *e)
{
	sqlite3_stmt *st;

	if (!mailbox_get(j, name, out, e))
		return false;
	if (out->id)
		return true;
	st = ready(j, SQL_MAILBOX_ADD, e);
	if (!st)
		return false;
	put_str(st, 1, name);
	if (!change_rows(j, st, e))
		return false;
	out->id = sqlite3_last_insert_rowid(j->db);
	return true;
}

bool journal_checkpoint(struct journal *j, struct str mailbox,
    struct checkpoint *out, struct err *e)
{
	struct mailbox_row row;

	if (!mailbox_get(j, mailbox, &row, e))
		return false;
	*out = row.checkpoint;
	return true;
}

bool journal_pending(struct journal *j, struct arena *a, struct str mailbox,
    struct pending **list_out, size_t *n_out, struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_PENDING, e);
	struct pending *list = NULL;
	size_t n = 0, cap = 0;
	struct mailbox_row row;
	int got;

	if (!st || !mailbox_get(j, mailbox, &row, e))
		return false;
	sqlite3_bind_int64(st, 1, row.id);
	while ((got = next_row(j, st, e)) > 0) {
		struct pending *p;

		arena_grow(a, &list, n, &cap);
		p = &list[n++];
		p->uid = get_u32(st, 0);
		p->tries = sqlite3_column_int(st, 1);
		p->since = sqlite3_column_int64(st, 2);
		get_digest(st, 3, &p->id);
		p->id.message_id = arena_str(a, get_str(st, 4));
		p->id.size = (uint64_t)sqlite3_column_int64(st, 5);
		p->reason = arena_str(a, get_str(st, 6));
	}
	if (got < 0)
		return false;
	*list_out = list;
	*n_out = n;
	return true;
}

bool journal_was_judged(struct journal *j, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_JUDGED, e);
	struct mailbox_row row;
	int got;

	if (!st || !mailbox_get(j, mailbox, &row, e))
		return false;
	sqlite3_bind_int64(st, 1, row.id);
	put_digest(st, 2, id);
	got = next_row(j, st, e);
	if (got < 0)
		return false;
	sqlite3_reset(st);
	*yes_out = got > 0;
	return true;
}

/* ---------------------------------------------------------------- runs */

bool journal_run_begin(struct journal *j, struct str rules_version,
    int64_t *run_out, struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_RUN_ADD, e);
	int64_t id = 0;
	bool ok;

	if (!st || !begin(j, e))
		return false;
	sqlite3_bind_int64(st, 1, j->now);
	put_str(st, 2, rules_version);
	ok = change_rows(j, st, e);
	if (ok)
		id = sqlite3_last_insert_rowid(j->db);
	if (!end(j, ok, e))
		return false;
	*run_out = id;
	return true;
}

bool journal_run_end(struct journal *j, const struct run_record *r,
    struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_RUN_END, e);

	if (!st || !begin(j, e))
		return false;
	sqlite3_bind_int64(st, 1, r->id);
	sqlite3_bind_int64(st, 2, r->ended);
	sqlite3_bind_int64(st, 3, r->judged);
	sqlite3_bind_int64(st, 4, r->changed);
	sqlite3_bind_int64(st, 5, r->failed);
	sqlite3_bind_int64(st, 6, r->unknown);
	sqlite3_bind_int(st, 7, r->exit_code);
	return end(j, change_rows(j, st, e), e);
}

/* ------------------------------------------------------------- changes */

static bool intend_one(struct journal *j, struct change *c, int64_t mailbox,
    struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_INTEND, e);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, c->run);
	sqlite3_bind_int64(st, 2, c->time);
	sqlite3_bind_int64(st, 3, mailbox);
	sqlite3_bind_int64(st, 4, c->uidvalidity);
	sqlite3_bind_int64(st, 5, c->uid);
	put_digest(st, 6, &c->id_of);
	put_str(st, 7, c->id_of.message_id);
	put_size(st, 8, c->id_of.size);
	put_str(st, 9, c->from);
	put_str(st, 10, c->subject);
	put_str(st, 11, c->rules);
	sqlite3_bind_int(st, 12, (int)c->kind);
	put_str(st, 13, c->what);
	put_str(st, 14, c->flags_before);
	put_str(st, 15, c->labels_before);
	sqlite3_bind_int64(st, 16, c->dest_uidvalidity);
	sqlite3_bind_int64(st, 17, c->dest_from_uid);
	return change_rows(j, st, e);
}

bool journal_intend(struct journal *j, struct change *list, size_t n,
    struct err *e)
{
	struct mailbox_row row = { 0 };
	bool ok = true;

	if (n == 0)
		return true;
	if (!begin(j, e))
		return false;
	for (size_t i = 0; ok && i < n; i++) {
		if (i == 0 || !str_eq(list[i].mailbox, list[i - 1].mailbox))
			ok = mailbox_need(j, list[i].mailbox, &row, e);
		ok = ok && intend_one(j, &list[i], row.id, e);
		if (ok)
			list[i].id = sqlite3_last_insert_rowid(j->db);
	}
	if (!end(j, ok, e))
		return false;
	for (size_t i = 0; i < n; i++)
		list[i].state = CHANGE_INTENDED;
	return true;
}

static bool settle_change(struct journal *j, const struct change *c,
    struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_OUTCOME, e);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, c->id);
	sqlite3_bind_int(st, 2, (int)c->state);
	sqlite3_bind_int64(st, 3, c->dest_uid);
	put_str(st, 4, c->reason);
	return change_rows(j, st, e);
}

static bool settle_checkpoint(struct journal *j, struct mailbox_row *row,
    const struct checkpoint *c, struct err *e)
{
	sqlite3_stmt *set = ready(j, SQL_CHECKPOINT_SET, e);
	sqlite3_stmt *clear = ready(j, SQL_PENDING_CLEAR, e);

	if (!set || !clear)
		return false;
	/* UIDs of another UIDVALIDITY mean nothing (RFC 9051 2.3.1.1). */
	if (row->checkpoint.known &&
	    row->checkpoint.uidvalidity != c->uidvalidity) {
		sqlite3_bind_int64(clear, 1, row->id);
		if (!change_rows(j, clear, e))
			return false;
	}
	sqlite3_bind_int64(set, 1, row->id);
	sqlite3_bind_int64(set, 2, c->uidvalidity);
	sqlite3_bind_int64(set, 3, c->next_uid);
	sqlite3_bind_int64(set, 4, c->baseline_uid);
	put_size(set, 5, c->modseq);
	sqlite3_bind_int64(set, 6, c->time);
	return change_rows(j, set, e);
}

static bool known_identity(const struct identity *id)
{
	static const uint8_t none[sizeof(id->digest)];

	return memcmp(id->digest, none, sizeof(none)) != 0;
}

static bool settle_judged(struct journal *j, int64_t mailbox,
    const struct judged *m, struct err *e)
{
	sqlite3_stmt *st = ready(j, m->settled ? SQL_PENDING_DROP :
	    SQL_PENDING_ADD, e);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, mailbox);
	sqlite3_bind_int64(st, 2, m->uid);
	if (!m->settled) {
		sqlite3_bind_int64(st, 3, j->now);
		put_digest(st, 4, &m->id);
		put_str(st, 5, m->id.message_id);
		put_size(st, 6, m->id.size);
		put_str(st, 7, m->reason);
	}
	if (!change_rows(j, st, e))
		return false;
	if (!m->settled || !known_identity(&m->id))
		return true;
	st = ready(j, SQL_JUDGED_ADD, e);
	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, mailbox);
	put_digest(st, 2, &m->id);
	sqlite3_bind_int64(st, 3, j->now);
	return change_rows(j, st, e);
}

bool journal_settle(struct journal *j, struct str mailbox,
    const struct change *changes, size_t n_changes,
    const struct judged *judged, size_t n_judged,
    const struct checkpoint *checkpoint, struct err *e)
{
	struct mailbox_row row = { 0 };
	bool ok = true;

	if (n_changes == 0 && n_judged == 0 && !checkpoint)
		return true;
	if (!begin(j, e))
		return false;
	if (n_judged || checkpoint)
		ok = mailbox_need(j, mailbox, &row, e);
	if (ok && checkpoint)
		ok = settle_checkpoint(j, &row, checkpoint, e);
	for (size_t i = 0; ok && i < n_changes; i++)
		ok = settle_change(j, &changes[i], e);
	for (size_t i = 0; ok && i < n_judged; i++)
		ok = settle_judged(j, row.id, &judged[i], e);
	return end(j, ok, e);
}

/* A row of CHANGE_COLUMNS, its strings copied into A. */
static void get_change(sqlite3_stmt *st, struct arena *a, struct change *c)
{
	*c = (struct change){ 0 };
	c->id = sqlite3_column_int64(st, 0);
	c->run = sqlite3_column_int64(st, 1);
	c->time = sqlite3_column_int64(st, 2);
	c->mailbox = arena_str(a, get_str(st, 3));
	c->uidvalidity = get_u32(st, 4);
	c->uid = get_u32(st, 5);
	get_digest(st, 6, &c->id_of);
	c->id_of.message_id = arena_str(a, get_str(st, 7));
	c->id_of.size = (uint64_t)sqlite3_column_int64(st, 8);
	c->from = arena_str(a, get_str(st, 9));
	c->subject = arena_str(a, get_str(st, 10));
	c->rules = arena_str(a, get_str(st, 11));
	c->kind = (enum op_kind)sqlite3_column_int(st, 12);
	c->what = arena_str(a, get_str(st, 13));
	c->flags_before = arena_str(a, get_str(st, 14));
	c->labels_before = arena_str(a, get_str(st, 15));
	c->dest_uidvalidity = get_u32(st, 16);
	c->dest_from_uid = get_u32(st, 17);
	c->dest_uid = get_u32(st, 18);
	c->state = (enum change_state)sqlite3_column_int(st, 19);
	c->reason = arena_str(a, get_str(st, 20));
}

static void get_run(sqlite3_stmt *st, int first, struct arena *a,
    struct run_record *r)
{
	*r = (struct run_record){ 0 };
	r->id = sqlite3_column_int64(st, first);
	r->started = sqlite3_column_int64(st, first + 1);
	r->ended = sqlite3_column_int64(st, first + 2);
	r->rules_version = arena_str(a, get_str(st, first + 3));
	r->judged = get_u32(st, first + 4);
	r->changed = get_u32(st, first + 5);
	r->failed = get_u32(st, first + 6);
	r->unknown = get_u32(st, first + 7);
	r->exit_code = sqlite3_column_int(st, first + 8);
}

bool journal_unsettled(struct journal *j, struct arena *a,
    struct change **list_out, size_t *n_out, struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_UNSETTLED, e);
	struct change *list = NULL;
	size_t n = 0, cap = 0;
	int got;

	if (!st)
		return false;
	while ((got = next_row(j, st, e)) > 0) {
		arena_grow(a, &list, n, &cap);
		get_change(st, a, &list[n++]);
	}
	if (got < 0)
		return false;
	*list_out = list;
	*n_out = n;
	return true;
}

bool journal_copied(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, struct str target, bool *yes_out,
    struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_COPIED, e);
	struct mailbox_row row;
	int got;

	if (!st || !mailbox_get(j, mailbox, &row, e))
		return false;
	sqlite3_bind_int64(st, 1, row.id);
	sqlite3_bind_int64(st, 2, uid);
	sqlite3_bind_int64(st, 3, uidvalidity);
	sqlite3_bind_int(st, 4, OP_COPY);
	put_str(st, 5, target);
	sqlite3_bind_int(st, 6, CHANGE_DONE);
	got = next_row(j, st, e);
	if (got < 0)
		return false;
	sqlite3_reset(st);
	*yes_out = got > 0;
	return true;
}

/* ------------------------------------------------------------- history */

/* The text of the query holds only what stands here; values are bound. */
static void history_sql(const struct history_query *q, struct buf *b)
{
	buf_add_z(b, "SELECT " CHANGE_COLUMNS ", r.id, r.started, r.ended, "
	    "r.rules_version, r.judged, r.changed, r.failed, r.unknown, "
	    "r.exit_code FROM change c JOIN mailbox m ON m.id = c.mailbox "
	    "JOIN run r ON r.id = c.run WHERE c.id > ?1");
	/* `rules` holds names joined by ", ". */
	if (q->rule.n)
		buf_add_z(b, " AND instr(', ' || c.rules || ', ', "
		    "', ' || ?2 || ', ') > 0");
	if (q->since != TIME_NONE)
		buf_add_z(b, " AND c.time >= ?3");
	if (q->run)
		buf_add_z(b, " AND c.run = ?4");
	if (q->message_id.n)
		buf_add_z(b, " AND c.message_id = ?5");
	if (q->mailbox.n)
		buf_add_z(b, " AND m.name = ?6");
	if (q->mailbox.n && q->uid)
		buf_add_z(b, " AND c.uid = ?7");
	buf_add_z(b, " ORDER BY c.id LIMIT ?8");
}

static sqlite3_stmt *history_prepare(struct journal *j,
    const struct history_query *q, struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct buf b;

	buf_init(&b, 4096);
	history_sql(q, &b);
	if (sqlite3_prepare_v2(j->db, buf_z(&b), -1, &st, NULL) !=
	    SQLITE_OK) {
		fail(j, "read its tables", e);
		st = NULL;
	}
	buf_free(&b);
	return st;
}

/* Parameters that the text does not name are refused, which is fine. */
static void history_bind(sqlite3_stmt *st, const struct history_query *q,
    int64_t after)
{
	sqlite3_bind_int64(st, 1, after);
	if (q->rule.n)
		put_str(st, 2, q->rule);
	if (q->since != TIME_NONE)
		sqlite3_bind_int64(st, 3, q->since);
	if (q->run)
		sqlite3_bind_int64(st, 4, q->run);
	if (q->message_id.n)
		put_str(st, 5, q->message_id);
	if (q->mailbox.n)
		put_str(st, 6, q->mailbox);
	if (q->mailbox.n && q->uid)
		sqlite3_bind_int64(st, 7, q->uid);
	sqlite3_bind_int(st, 8, HISTORY_BATCH);
}

bool journal_history(struct journal *j, const struct history_query *q,
    change_fn *fn, void *ctx, struct err *e)
{
	sqlite3_stmt *st = history_prepare(j, q, e);
	struct change batch[HISTORY_BATCH];
	struct run_record runs[HISTORY_BATCH];
	struct arena *a = arena_new();
	int64_t after = 0;
	bool ok = st != NULL;

	for (size_t n = HISTORY_BATCH; ok && n == HISTORY_BATCH; ) {
		int got = 0;

		arena_reset(a);
		history_bind(st, q, after);
		for (n = 0; n < HISTORY_BATCH &&
		    (got = next_row(j, st, e)) > 0; n++) {
			get_change(st, a, &batch[n]);
			get_run(st, CHANGE_COLUMNS_N, a, &runs[n]);
			after = batch[n].id;
		}
		sqlite3_reset(st);
		ok = got >= 0;
		for (size_t i = 0; ok && i < n; i++)
			ok = fn(ctx, &batch[i], &runs[i], e);
	}
	sqlite3_finalize(st);
	arena_free(&a);
	return ok;
}

bool journal_runs(struct journal *j, int64_t since, run_fn *fn, void *ctx,
    struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_RUNS, e);
	struct run_record batch[HISTORY_BATCH];
	struct arena *a = arena_new();
	int64_t after = 0;
	bool ok = st != NULL;

	for (size_t n = HISTORY_BATCH; ok && n == HISTORY_BATCH; ) {
		int got = 0;

		arena_reset(a);
		sqlite3_bind_int64(st, 1, after);
		sqlite3_bind_int64(st, 2, since);	/* TIME_NONE: all */
		sqlite3_bind_int(st, 3, HISTORY_BATCH);
		for (n = 0; n < HISTORY_BATCH &&
		    (got = next_row(j, st, e)) > 0; n++) {
			get_run(st, 0, a, &batch[n]);
			after = batch[n].id;
		}
		sqlite3_reset(st);
		ok = got >= 0;
		for (size_t i = 0; ok && i < n; i++)
			ok = fn(ctx, &batch[i], e);
	}
	arena_free(&a);
	return ok;
}

bool journal_prune(struct journal *j, int64_t before, struct err *e)
{
	static const enum statement steps[] = {
		SQL_PRUNE_CHANGES, SQL_PRUNE_RUNS, SQL_PRUNE_JUDGED,
		SQL_PRUNE_NAMES,
	};
	bool ok = true;

	if (!begin(j, e))
		return false;
	for (size_t i = 0; ok && i < COUNT(steps); i++) {
		sqlite3_stmt *st = ready(j, steps[i], e);

		if (st)
			sqlite3_bind_int64(st, 1, before);
		ok = st && change_rows(j, st, e);
	}
	return end(j, ok, e);
}

/* ------------------------------------------------------- rules, notes */

static bool value_get(struct journal *j, enum statement which,
    struct str key, int64_t *value_out, struct err *e)
{
	sqlite3_stmt *st = ready(j, which, e);
	int got;

	if (!st)
		return false;
	put_str(st, 1, key);
	got = next_row(j, st, e);
	if (got < 0)
		return false;
	*value_out = got ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return true;
}

static bool value_set(struct journal *j, enum statement which,
    struct str key, int64_t value, struct err *e)
{
	sqlite3_stmt *st = ready(j, which, e);

	if (!st || !begin(j, e))
		return false;
	put_str(st, 1, key);
	sqlite3_bind_int64(st, 2, value);
	return end(j, change_rows(j, st, e), e);
}

bool journal_rule_time(struct journal *j, struct str rule,
    int64_t *time_out, struct err *e)
{
	return value_get(j, SQL_RULE, rule, time_out, e);
}

bool journal_set_rule_time(struct journal *j, struct str rule, int64_t time,
    struct err *e)
{
	return value_set(j, SQL_RULE_SET, rule, time, e);
}

bool journal_note_get(struct journal *j, const char *key,
    int64_t *value_out, struct err *e)
{
	return value_get(j, SQL_NOTE, str_of(key), value_out, e);
}

bool journal_note_set(struct journal *j, const char *key, int64_t value,
    struct err *e)
{
	return value_set(j, SQL_NOTE_SET, str_of(key), value, e);
}

/* --------------------------------------------------------------- names */

/* What differs between the names given and those that are known. */
struct names_diff {
	struct arena *a;
	uint32_t *order;	/* indices of the names, sorted */
	struct str *gone, *back;
	size_t n_gone, cap_gone, n_back, cap_back;
	size_t n_new;
};

static int by_name(const void *x, const void *y, void *names)
{
	const struct str *s = names;

	return str_cmp(s[*(const uint32_t *)x], s[*(const uint32_t *)y]);
}

static void sort_names(struct names_diff *d, const struct str *names,
    size_t n)
{
	bool sorted = true;

	d->order = arena_array(d->a, n, sizeof(*d->order));
	for (size_t i = 0; i < n; i++)
		d->order[i] = (uint32_t)i;
	for (size_t i = 1; sorted && i < n; i++)
		sorted = str_cmp(names[i - 1], names[i]) < 0;
	if (!sorted)
		qsort_r(d->order, n, sizeof(*d->order), by_name,
		    (void *)(uintptr_t)names);
}

/* Both lists are sorted and walked once; UIDS is 0 where a name is new. */
static bool compare_names(struct journal *j, int64_t mailbox,
    struct names_diff *d, const struct str *names, size_t n, uint32_t *uids,
    struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_NAMES, e);
	size_t at = 0;
	int got;

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, mailbox);
	while ((got = next_row(j, st, e)) > 0) {
		struct str known = get_str(st, 0);
		bool was_gone = sqlite3_column_type(st, 2) != SQLITE_NULL;
		int order = 1;

		while (at < n &&
		    (order = str_cmp(names[d->order[at]], known)) < 0)
			uids[d->order[at++]] = 0;
		if (at < n && order == 0) {
			uids[d->order[at++]] = get_u32(st, 1);
			if (!was_gone)
				continue;
			arena_grow(d->a, &d->back, d->n_back, &d->cap_back);
			d->back[d->n_back++] = arena_str(d->a, known);
		} else if (!was_gone) {
			arena_grow(d->a, &d->gone, d->n_gone, &d->cap_gone);
			d->gone[d->n_gone++] = arena_str(d->a, known);
		}
	}
	while (at < n)
		uids[d->order[at++]] = 0;
	for (size_t i = 0; i < n; i++)
		d->n_new += uids[i] == 0;
	return got == 0;
}

static bool mark_gone(struct journal *j, int64_t mailbox,
    const struct str *names, size_t n, bool gone, struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_NAME_GONE, e);

	for (size_t i = 0; st && i < n; i++) {
		sqlite3_bind_int64(st, 1, mailbox);
		put_str(st, 2, names[i]);
		if (gone)
			sqlite3_bind_int64(st, 3, j->now);
		else
			sqlite3_bind_null(st, 3);
		if (!change_rows(j, st, e))
			return false;
	}
	return st != NULL;
}

static bool add_name(struct journal *j, int64_t mailbox, struct str name,
    uint32_t uid, struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_NAME_ADD, e);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, mailbox);
	put_str(st, 2, name);
	sqlite3_bind_int64(st, 3, uid);
	return change_rows(j, st, e);
}

static bool set_numbers(struct journal *j, const struct mailbox_row *row,
    struct err *e)
{
	sqlite3_stmt *st = ready(j, SQL_NAMES_NUMBERS, e);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, row->id);
	sqlite3_bind_int64(st, 2, row->names_uidvalidity);
	sqlite3_bind_int64(st, 3, row->names_uidnext);
	return change_rows(j, st, e);
}

/* UIDs are given once and for all; UINT32_MAX stands for "*". */
static bool room_for(struct journal *j, const struct mailbox_row *row,
    size_t n, struct err *e)
{
	if (n < UINT32_MAX - row->names_uidnext)
		return true;
	return err_set(e, ERR_STATE, "state %s: a mailbox has used up its "
	    "UIDs", j->dir);
}

static uint32_t new_uidvalidity(const struct journal *j)
{
	uint32_t v = (uint32_t)j->now;

	return v ? v : 1;
}

/* Gives the new names their UIDs in the order of NAMES. */
static void number_new(struct mailbox_row *row, uint32_t *uids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (uids[i] == 0)
			uids[i] = row->names_uidnext++;
}

static bool write_names(struct journal *j, struct str mailbox,
    struct mailbox_row *row, struct names_diff *d, const struct str *names,
    size_t n, uint32_t *uids, struct err *e)
{
	uint32_t first;
	bool ok;

	if (!begin(j, e))
		return false;
	ok = mailbox_need(j, mailbox, row, e);
	first = row->names_uidnext;
	if (ok && row->names_uidvalidity == 0)
		row->names_uidvalidity = new_uidvalidity(j);
	if (ok)
		number_new(row, uids, n);
	/* in the order of the table, which is the faster one */
	for (size_t i = 0; ok && d->n_new && i < n; i++)
		if (uids[d->order[i]] >= first)
			ok = add_name(j, row->id, names[d->order[i]],
			    uids[d->order[i]], e);
	ok = ok && mark_gone(j, row->id, d->gone, d->n_gone, true, e) &&
	    mark_gone(j, row->id, d->back, d->n_back, false, e) &&
	    set_numbers(j, row, e);
	return end(j, ok, e);
}

bool journal_names(struct journal *j, struct str mailbox,
    const struct str *names, size_t n, uint32_t *uids_out,
    uint32_t *uidnext_out, uint32_t *uidvalidity_out, struct err *e)
{
	struct names_diff d = { .a = arena_new() };
	struct mailbox_row row;
	bool ok = mailbox_get(j, mailbox, &row, e);

	if (ok && names) {
		sort_names(&d, names, n);
		ok = compare_names(j, row.id, &d, names, n, uids_out, e) &&
		    room_for(j, &row, d.n_new, e);
	}
	if (ok && (!j->write || !names)) {
		number_new(&row, uids_out, names ? n : 0);
		if (row.names_uidvalidity == 0)
			row.names_uidvalidity = new_uidvalidity(j);
	} else if (ok && (row.names_uidvalidity == 0 || d.n_new ||
	    d.n_gone || d.n_back)) {
		ok = write_names(j, mailbox, &row, &d, names, n, uids_out,
		    e);
	}
	arena_free(&d.a);
	if (!ok)
		return false;
	*uidnext_out = row.names_uidnext;
	*uidvalidity_out = row.names_uidvalidity;
	return true;
}

/*
 * What was put there by us is not new: the checkpoint moves behind it, and
 * what else stands between (numbered, but not judged yet) becomes pending.
 */
static bool step_over(struct journal *j, const struct mailbox_row *row,
    uint32_t first, struct err *e)
{
	const struct checkpoint *c = &row->checkpoint;
	sqlite3_stmt *next = ready(j, SQL_NAMES_NEXT, e);
	sqlite3_stmt *pend = ready(j, SQL_PENDING_NAMES, e);

	if (!next || !pend)
		return false;
	if (!c->known || c->uidvalidity != row->names_uidvalidity)
		return true;	/* the first run there sets a baseline */
	if (c->next_uid < first) {
		sqlite3_bind_int64(pend, 1, row->id);
		sqlite3_bind_int64(pend, 2, c->next_uid);
		sqlite3_bind_int64(pend, 3, first);
		sqlite3_bind_int64(pend, 4, j->now);
		if (!change_rows(j, pend, e))
			return false;
	}
	sqlite3_bind_int64(next, 1, row->id);
	sqlite3_bind_int64(next, 2, row->names_uidnext);
	return change_rows(j, next, e);
}

/* The names of one mailbox, all in a transaction. */
static bool add_names(struct journal *j, struct journal_name *list,
    size_t n, struct err *e)
{
	struct mailbox_row row;
	uint32_t first;

	if (!mailbox_need(j, list[0].mailbox, &row, e) ||
	    !room_for(j, &row, n, e))
		return false;
	first = row.names_uidnext;
	if (row.names_uidvalidity == 0)
		row.names_uidvalidity = new_uidvalidity(j);
	for (size_t i = 0; i < n; i++) {
		list[i].uid = row.names_uidnext++;
		if (!add_name(j, row.id, list[i].name, list[i].uid, e))
			return false;
	}
	return set_numbers(j, &row, e) && step_over(j, &row, first, e);
}

bool journal_names_add(struct journal *j, struct journal_name *list,
    size_t n, struct err *e)
{
	bool ok = true;

	if (n == 0)
		return true;
	if (!begin(j, e))
		return false;
	for (size_t at = 0, next; ok && at < n; at = next) {
		for (next = at + 1; next < n && str_eq(list[next].mailbox,
		    list[at].mailbox); next++)
			;
		ok = add_names(j, &list[at], next - at, e);
	}
	return end(j, ok, e);
}

bool journal_name_add(struct journal *j, struct str mailbox,
    struct str name, uint32_t *uid_out, struct err *e)
{
	struct journal_name one = { .mailbox = mailbox, .name = name };

	if (!journal_names_add(j, &one, 1, e))
		return false;
	*uid_out = one.uid;
	return true;
}

/* -------------------------------------------------------------- folder */

/* The state tells what mail somebody has and what is done with it: nobody
 * else may have put it there or may change it. */
static bool check_folder(const char *dir, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_STATE, "state folder %s: %s", dir,
		    strerror(errno));
	if (st.st_uid != geteuid())
		return err_set(e, ERR_CONFIG, "state folder %s belongs to "
		    "another user; run as that user or choose another "
		    "XDG_STATE_HOME", dir);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, ERR_CONFIG, "state folder %s can be "
		    "written by others; run: chmod go-w %s", dir, dir);
	return true;
}

static bool sync_folder(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		err_set(e, ERR_STATE, "state folder %s: %s", dir,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Makes one folder with mode 0700 whatever the umask; fine if it is there.
 * Its entry in the folder above is made durable. */
static bool make_one(char *path, struct err *e)
{
	char *slash = strrchr(path, '/');
	bool ok;

	if (mkdir(path, 0700) != 0) {
		if (errno == EEXIST || errno == EISDIR)
			return true;
		return err_set(e, ERR_STATE, "cannot make the state folder "
		    "%s: %s", path, strerror(errno));
	}
	if (chmod(path, 0700) != 0)
		return err_set(e, ERR_STATE, "state folder %s: %s", path,
		    strerror(errno));
	if (!slash)
		return sync_folder(".", e);
	*slash = '\0';
	ok = sync_folder(slash == path ? "/" : path, e);
	*slash = '/';
	return ok;
}

static bool make_folders(struct arena *a, const char *dir, struct err *e)
{
	char *path = arena_z(a, str_of(dir));
	struct stat st;

	if (stat(dir, &st) == 0)
		return true;
	for (char *p = path + 1; *p; p++) {
		bool ok;

		if (*p != '/' || p[1] == '/' || p[1] == '\0')
			continue;
		*p = '\0';
		ok = make_one(path, e);
		*p = '/';
		if (!ok)
			return false;
	}
	return make_one(path, e);
}

/* Makes an empty file with mode 0600 whatever the umask; fine if it is
 * there. */
static bool make_file(struct journal *j, int dir, const char *name,
    struct err *e)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	bool ok;

	if (fd < 0 && errno == EEXIST)
		return true;
	ok = fd >= 0 && fchmod(fd, 0600) == 0;
	if (!ok)
		err_set(e, ERR_STATE, "cannot make %s/%s: %s", j->dir, name,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool take_lock(struct journal *j, int dir, struct err *e)
{
	if (!make_file(j, dir, "lock", e))
		return false;
	j->lock = openat(dir, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (j->lock < 0)
		return err_set(e, ERR_STATE, "cannot open the lock %s/lock: "
		    "%s", j->dir, strerror(errno));
	while (flock(j->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return err_set(e, ERR_TEMP, "another run holds the "
			    "lock %s/lock; try again when it has ended",
			    j->dir);
		return err_set(e, ERR_STATE, "cannot lock %s/lock: %s",
		    j->dir, strerror(errno));
	}
	return true;
}

/* ---------------------------------------------------------------- open */

static bool run_sql(struct journal *j, const char *text, struct err *e)
{
	if (sqlite3_exec(j->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return fail(j, "be opened", e);
}

static bool one_number(struct journal *j, const char *text,
    int64_t *value_out, struct err *e)
{
	sqlite3_stmt *st;
	bool ok;

	if (sqlite3_prepare_v2(j->db, text, -1, &st, NULL) != SQLITE_OK)
		return fail(j, "be opened", e);
	ok = sqlite3_step(st) == SQLITE_ROW;
	if (ok)
		*value_out = sqlite3_column_int64(st, 0);
	else
		fail(j, "be opened", e);
	sqlite3_finalize(st);
	return ok;
}

/* The tables and the numbers that say what they are: one transaction, so
 * that a file holds all of it or is empty. */
static bool make_tables(struct journal *j, const char *owner, struct err *e)
{
	sqlite3_stmt *st = NULL;
	char numbers[96];
	bool ok;

	snprintf(numbers, sizeof(numbers), "PRAGMA application_id = %d;"
	    "PRAGMA user_version = %d;", APPLICATION_ID, JOURNAL_VERSION);
	ok = run_sql(j, "BEGIN IMMEDIATE", e) && run_sql(j, schema, e) &&
	    run_sql(j, numbers, e);
	if (ok && sqlite3_prepare_v2(j->db, "INSERT INTO owner VALUES(1, "
	    "?1, ?2)", -1, &st, NULL) != SQLITE_OK)
		ok = fail(j, "be made", e);
	if (ok) {
		put_str(st, 1, str_of(owner));
		sqlite3_bind_int64(st, 2, j->now);
		ok = change_rows(j, st, e);
	}
	sqlite3_finalize(st);
	return end(j, ok, e);
}

static bool check_owner(struct journal *j, const char *owner,
    struct err *e)
{
	sqlite3_stmt *st;
	int got;

	if (sqlite3_prepare_v2(j->db, "SELECT owner FROM owner", -1, &st,
	    NULL) != SQLITE_OK)
		return fail(j, "be opened", e);
	got = next_row(j, st, e);
	if (got == 0)
		err_set(e, ERR_STATE, "state %s/state.db does not say whose "
		    "it is; move it away to begin anew", j->dir);
	if (got > 0 && !str_eq_z(get_str(st, 0), owner)) {
		struct str other = get_str(st, 0);

		err_set(e, ERR_CONFIG, "state %s is that of %.*s, and this "
		    "account is %s; give the account another name, or move "
		    "the folder away to begin anew", j->dir, STR_ARG(other),
		    owner);
		got = -1;
	}
	sqlite3_finalize(st);
	return got > 0;
}

/* Is it ours, and of a version that we know? */
static bool check_version(struct journal *j, bool *empty_out,
    struct err *e)
{
	int64_t id, version, tables;

	if (!one_number(j, "PRAGMA application_id", &id, e) ||
	    !one_number(j, "PRAGMA user_version", &version, e) ||
	    !one_number(j, "SELECT count(*) FROM sqlite_schema", &tables, e))
		return false;
	*empty_out = id == 0 && version == 0 && tables == 0;
	if (*empty_out)
		return true;
	if (id != APPLICATION_ID)
		return err_set(e, ERR_STATE, "%s/state.db is not a state "
		    "file of tamis; move it away", j->dir);
	if (version > JOURNAL_VERSION)
		return err_set(e, ERR_STATE, "%s/state.db was written by a "
		    "newer tamis (version %" PRId64 ", this one knows %d); "
		    "update tamis", j->dir, version, JOURNAL_VERSION);
	if (version < JOURNAL_VERSION)
		return err_set(e, ERR_STATE, "%s/state.db has version "
		    "%" PRId64 ", which no tamis wrote; move it away to "
		    "begin anew", j->dir, version);
	return true;
}

static bool open_database(struct journal *j, const char *path, int flags,
    struct err *e)
{
	static const char settings[] =
	    "PRAGMA trusted_schema = OFF;"
	    "PRAGMA cell_size_check = ON;"
	    "PRAGMA foreign_keys = ON;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA synchronous = EXTRA;";
	int yes;

	if (sqlite3_open_v2(path, &j->db, flags | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
		return fail(j, "be opened", e);
	sqlite3_busy_timeout(j->db, BUSY_MS);
	sqlite3_db_config(j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &yes);
	return run_sql(j, settings, e);
}

static bool open_to_write(struct journal *j, const char *dir,
    const char *owner, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char real[PATH_MAX];
	bool ok = fd >= 0 && realpath(dir, real), empty;

	if (!ok)
		err_set(e, ERR_STATE, "state folder %s: %s", dir,
		    strerror(errno));
	ok = ok && check_folder(dir, fd, e) && take_lock(j, fd, e) &&
	    make_file(j, fd, "state.db", e) &&
	    /* NOFOLLOW looks at the whole path, hence the real one */
	    open_database(j, arena_printf(j->arena, "%s/state.db", real).p,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, e) &&
	    run_sql(j, "PRAGMA journal_mode = DELETE", e) &&
	    check_version(j, &empty, e) &&
	    (!empty || make_tables(j, owner, e)) && check_owner(j, owner, e);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* No state yet: the same tables, in memory. */
static bool open_empty(struct journal *j, const char *owner, struct err *e)
{
	return open_database(j, ":memory:", SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_MEMORY, e) && make_tables(j, owner, e);
}

static bool copy_file(int from_dir, const char *name, int to_dir,
    struct err *e)
{
	int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC, 0600);
	char block[16384];
	ssize_t n = -1;

	while (from >= 0 && to >= 0 &&
	    (n = read(from, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)n) != n) {
			n = -1;
			break;
		}
	if (n < 0)
		err_set(e, ERR_TEMP, "cannot copy %s to look at it: %s",
		    name, strerror(errno));
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return n == 0;
}

/* Plays the crash back in the copy at PATH and takes it into memory. */
static bool load_copy(struct journal *j, const char *path, struct err *e)
{
	struct journal copy = { .dir = j->dir, .lock = -1 };
	sqlite3_backup *b;
	int64_t tables;
	bool ok;

	ok = open_database(&copy, path, SQLITE_OPEN_READWRITE, e) &&
	    one_number(&copy, "SELECT count(*) FROM sqlite_schema", &tables,
	    e) && open_database(j, ":memory:", SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_MEMORY, e);
	if (ok) {
		b = sqlite3_backup_init(j->db, "main", copy.db, "main");
		ok = b && sqlite3_backup_step(b, -1) == SQLITE_DONE;
		if (sqlite3_backup_finish(b) != SQLITE_OK || !ok)
			ok = fail(j, "be read", e);
	}
	sqlite3_close(copy.db);
	return ok;
}

/*
 * A crash left a hot journal (https://www.sqlite.org/lockingv3.html#rollback),
 * and only a writer may play it back.  A reader that must change nothing
 * plays it back in a copy.
 */
static bool open_copy(struct journal *j, int dir, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *copy = arena_z(j->arena, arena_printf(j->arena,
	    "%s/tamis-XXXXXX", tmp && *tmp ? tmp : "/tmp"));
	int to;
	bool ok;

	if (!mkdtemp(copy))
		return err_set(e, ERR_TEMP, "a crash left the state %s "
		    "unfinished, and there is no room for a copy in %s: %s; "
		    "run tamis recover", j->dir, copy, strerror(errno));
	to = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = copy_file(dir, "state.db", to, e) &&
	    copy_file(dir, "state.db-journal", to, e) &&
	    load_copy(j, arena_printf(j->arena, "%s/state.db", copy).p, e);
	unlinkat(to, "state.db", 0);
	unlinkat(to, "state.db-journal", 0);
	rmdir(copy);
	if (to >= 0)
		close(to);
	if (!ok)
		err_ctx(e, "a crash left the state unfinished; run tamis "
		    "recover");
	return ok;
}

static bool open_in_place(struct journal *j, const char *dir, struct err *e)
{
	char real[PATH_MAX];
	struct err first = { 0 };
	int64_t id;

	if (!realpath(dir, real))
		return err_set(e, ERR_STATE, "state folder %s: %s", dir,
		    strerror(errno));
	if (open_database(j, arena_printf(j->arena, "%s/state.db", real).p,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, &first) &&
	    one_number(j, "PRAGMA application_id", &id, &first))
		return true;
	if (j->db &&
	    sqlite3_extended_errcode(j->db) == SQLITE_READONLY_ROLLBACK)
		return err_set(e, ERR_TEMP, "state %s is being recovered by "
		    "another run; try again when it has ended", dir);
	*e = first;
	return false;
}

/*
 * The file, or a copy of it if there is a journal and no writer that it
 * could belong to.  The shared lock keeps a writer out meanwhile.  (SQLite
 * would find that out by itself, but as root it touches the journal.)
 */
static bool open_file_to_read(struct journal *j, const char *dir, int fd,
    struct err *e)
{
	struct stat st;
	int lock;
	bool ok;

	if (fstatat(fd, "state.db-journal", &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    st.st_size == 0)
		return open_in_place(j, dir, e);
	lock = openat(fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0)
		ok = open_in_place(j, dir, e);
	else
		ok = open_copy(j, fd, e);
	if (lock >= 0)
		close(lock);
	return ok;
}

static bool open_to_read(struct journal *j, const char *dir,
    const char *owner, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	bool ok, there, empty;

	if (fd < 0 && errno == ENOENT)
		return open_empty(j, owner, e);
	if (fd < 0)
		return err_set(e, ERR_STATE, "state folder %s: %s", dir,
		    strerror(errno));
	there = fstatat(fd, "state.db", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > 0;
	ok = check_folder(dir, fd, e) &&
	    (!there || open_file_to_read(j, dir, fd, e));
	close(fd);
	if (!ok)
		return false;
	if (!there)
		return open_empty(j, owner, e);
	if (!check_version(j, &empty, e))
		return false;
	if (!empty)
		return check_owner(j, owner, e);
	/* the crash that was played back came before the first commit */
	sqlite3_close(j->db);
	j->db = NULL;
	return open_empty(j, owner, e);
}

bool journal_open(const char *dir, const char *owner,
    enum journal_mode mode, int64_t now, struct journal **j_out,
    struct err *e)
{
	struct arena *a = arena_new();
	struct journal *j = arena_make(a, struct journal);
	bool ok;

	j->arena = a;
	j->dir = arena_z(a, str_of(dir));
	j->lock = -1;
	j->now = now;
	if (mode == JOURNAL_WRITE) {
		j->write = true;
		ok = make_folders(a, dir, e) &&
		    open_to_write(j, dir, owner, e);
	} else {
		ok = open_to_read(j, dir, owner, e);
	}
	if (!ok) {
		journal_close(&j);
		return false;
	}
	*j_out = j;
	return true;
}

void journal_close(struct journal **j)
{
	struct journal *old = j ? *j : NULL;
	struct arena *a;

	if (!old)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(old->statements[i]);
	sqlite3_close(old->db);
	if (old->lock >= 0)
		close(old->lock);	/* and with it the lock */
	a = old->arena;
	arena_free(&a);
	*j = NULL;
}
