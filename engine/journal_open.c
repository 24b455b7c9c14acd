#include "journal_room.h"

#include "state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID	0x746d7331	/* "tms1", in the file's header */

/* The tables that versions up to VERSION did not have; SORT may be TEMP. */
static bool make_newer(struct journal *j, int64_t version, const char *sort,
    struct err *e)
{
	static const struct {
		int64_t since;
		const char *table;
	} newer[] = {
		{ 2, journal_schema_replacement },
		{ 3, journal_schema_errand },
	};
	bool ok = true;

	for (size_t i = 0; ok && i < COUNT(newer); i++)
		ok = version >= newer[i].since || database_do(j->db,
		    arena_printf(j->arena, "CREATE %s TABLE %s", sort,
		    newer[i].table).p, e);
	return ok;
}

/* The tables and the numbers that say what they are: one transaction, so
 * that a file holds all of it or is empty. */
static bool make_tables(struct journal *j, const char *owner, struct err *e)
{
	struct row *st = NULL;
	char numbers[96];
	bool ok;

	snprintf(numbers, sizeof(numbers), "PRAGMA application_id = %d;"
	    "PRAGMA user_version = %d;", APPLICATION_ID, JOURNAL_VERSION);
	if (!database_begin(j->db, e))
		return false;
	ok = database_do(j->db, journal_schema, e) &&
	    make_newer(j, 1, "", e) &&
	    database_do(j->db, numbers, e) && (st = database_prepare(j->db,
	    "INSERT INTO owner VALUES(1, ?1, ?2)", e));
	if (ok) {
		row_put_str(st, 1, str_of(owner));
		row_put(st, 2, j->now);
		ok = row_run(st, e);
	}
	row_free(st);
	return database_end(j->db, ok, e);
}

/* From VERSION.  A reader leaves the file as it is and makes what it lacks in
 * memory (TEMP). */
static bool migrate(struct journal *j, int64_t version, struct err *e)
{
	char numbers[48];

	snprintf(numbers, sizeof(numbers), "PRAGMA user_version = %d;",
	    JOURNAL_VERSION);
	return database_begin(j->db, e) && database_end(j->db,
	    make_newer(j, version, "", e) &&
	    database_do(j->db, numbers, e), e);
}

static bool check_owner(struct journal *j, const char *owner,
    struct err *e)
{
	struct row *st = database_prepare(j->db, "SELECT owner FROM owner",
	    e);
	int got = st ? row_next(st, e) : -1;

	if (got == 0)
		err_set(e, ERR_STATE, "state %s/state.db does not say whose "
		    "it is; move it away to begin anew", j->dir);
	if (got > 0 && !str_eq_z(row_str(st, 0), owner)) {
		struct str other = row_str(st, 0);

		err_set(e, ERR_CONFIG, "state %s is that of %.*s, and this "
		    "account is %s; give the account another name, or move "
		    "the folder away to begin anew", j->dir, STR_ARG(other),
		    owner);
		got = -1;
	}
	row_free(st);
	return got > 0;
}

/* Is it ours, and of a version that we know?  *OLD_OUT: which, if it is to be
 * migrated; else 0. */
static bool check_version(struct journal *j, bool *empty_out,
    int64_t *old_out, struct err *e)
{
	int64_t id, version, tables;

	if (!database_number(j->db, "PRAGMA application_id", &id, e) ||
	    !database_number(j->db, "PRAGMA user_version", &version, e) ||
	    !database_number(j->db, "SELECT count(*) FROM sqlite_schema",
	    &tables, e))
		return false;
	*empty_out = id == 0 && version == 0 && tables == 0;
	*old_out = 0;
	if (*empty_out)
		return true;
	if (id != APPLICATION_ID)
		return err_set(e, ERR_STATE, "%s/state.db is not a state "
		    "file of tamis; move it away", j->dir);
	if (version > JOURNAL_VERSION)
		return err_set(e, ERR_STATE, "%s/state.db was written by a "
		    "newer tamis (version %" PRId64 ", this one knows %d); "
		    "update tamis", j->dir, version, JOURNAL_VERSION);
	if (version < 1)
		return err_set(e, ERR_STATE, "%s/state.db has version "
		    "%" PRId64 ", which no tamis wrote; move it away to "
		    "begin anew", j->dir, version);
	*old_out = version < JOURNAL_VERSION ? version : 0;
	return true;
}

static bool open_database(struct journal *j, const char *path,
    enum database_mode mode, struct err *e)
{
	return database_open(j->arena, path, mode, j->dir, journal_sql,
	    SQL_COUNT, &j->db, e);
}

static bool open_to_write(struct journal *j, const char *dir,
    const char *owner, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char real[PATH_MAX];
	bool ok = fd >= 0 && realpath(dir, real), empty;
	int64_t old;

	if (!ok)
		err_set(e, ERR_STATE, "state folder %s: %s", dir,
		    strerror(errno));
	ok = ok && state_folder_check(dir, fd, e) &&
	    state_folder_lock(dir, fd, &j->lock, e) &&
	    state_folder_file(dir, fd, "state.db", e) &&
	    open_database(j, arena_printf(j->arena, "%s/state.db", real).p,
	    DATABASE_WRITE, e) &&
	    check_version(j, &empty, &old, e) &&
	    (!empty || make_tables(j, owner, e)) &&
	    check_owner(j, owner, e) && (!old || migrate(j, old, e));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* No state yet: the same tables, in memory. */
static bool open_empty(struct journal *j, const char *owner, struct err *e)
{
	return open_database(j, NULL, DATABASE_MEMORY, e) &&
	    make_tables(j, owner, e);
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
	char real[PATH_MAX];
	int to;
	bool ok;

	if (!mkdtemp(copy) || !realpath(copy, real))
		return err_set(e, ERR_TEMP, "a crash left the state %s "
		    "unfinished, and there is no room for a copy in %s: %s; "
		    "run tamis recover", j->dir, copy, strerror(errno));
	to = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = copy_file(dir, "state.db", to, e) &&
	    copy_file(dir, "state.db-journal", to, e) &&
	    open_database(j, NULL, DATABASE_MEMORY, e) &&
	    database_load(j->db, arena_printf(j->arena, "%s/state.db",
	    real).p, e);
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
	    DATABASE_READ, &first) &&
	    database_number(j->db, "PRAGMA application_id", &id, &first))
		return true;
	if (database_needs_writer(j->db))
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
	int64_t old;

	if (fd < 0 && errno == ENOENT)
		return open_empty(j, owner, e);
	if (fd < 0)
		return err_set(e, ERR_STATE, "state folder %s: %s", dir,
		    strerror(errno));
	there = fstatat(fd, "state.db", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > 0;
	ok = state_folder_check(dir, fd, e) &&
	    (!there || open_file_to_read(j, dir, fd, e));
	close(fd);
	if (!ok)
		return false;
	if (!there)
		return open_empty(j, owner, e);
	if (!check_version(j, &empty, &old, e))
		return false;
	if (!empty)
		return check_owner(j, owner, e) &&
		    (!old || make_newer(j, old, "TEMP", e));
	/* the crash that was played back came before the first commit */
	database_close(&j->db);
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
		ok = state_folder_make(a, dir, e) &&
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

const char *journal_folder(const struct journal *j)
{
	return j->dir;
}

void journal_close(struct journal **j)
{
	struct journal *old = j ? *j : NULL;
	struct arena *a;

	if (!old)
		return;
	database_close(&old->db);
	if (old->lock >= 0)
		close(old->lock);	/* and with it the lock */
	a = old->arena;
	arena_free(&a);
	*j = NULL;
}
