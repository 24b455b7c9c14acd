#include "maildir_keywords.h"

#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME	"dovecot-keywords"
#define FILE_NEW	"dovecot-keywords.lock"
#define LOCK_NAME	"dovecot-uidlist.lock"

#define FILE_MAX	(64 * 1024)
#define LOCK_WAIT_MS	3000
#define LOCK_PAUSE_MS	20
#define LOCK_STALE	120	/* seconds, where its owner is not known */

/* -------------------------------------------------------------- reading */

static bool read_small(int folder, const char *name, struct buf *b)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK);
	char block[4096];
	ssize_t n = 0;

	if (fd < 0)
		return false;
	while (!b->over && (n = read(fd, block, sizeof(block))) > 0)
		buf_add(b, block, (size_t)n);
	close(fd);
	return n == 0 && !b->over;
}

static void read_line(struct maildir_keywords *k, struct str line)
{
	struct str number;
	uint64_t n;

	if (!str_cut(&line, ' ', &number) || line.n == 0 ||
	    !str_u64(number, MAILDIR_KEYWORDS_MAX - 1, &n))
		return;
	k->names[n] = arena_str(k->a, line);
}

static void read_file(struct maildir_keywords *k)
{
	struct str rest, line;
	struct buf b;

	memset(k->names, 0, sizeof(k->names));
	buf_init(&b, FILE_MAX);
	k->unreadable = false;
	if (!read_small(k->folder, FILE_NAME, &b)) {
		k->unreadable = faccessat(k->folder, FILE_NAME, F_OK,
		    AT_SYMLINK_NOFOLLOW) == 0;
	} else {
		rest = buf_str(&b);
		while (str_cut(&rest, '\n', &line))
			read_line(k, line);
	}
	buf_free(&b);
}

void maildir_keywords_read(struct maildir_keywords *k, struct arena *a,
    int folder)
{
	*k = (struct maildir_keywords){ .a = a, .folder = folder };
	read_file(k);
}

int maildir_keywords_find(const struct maildir_keywords *k,
    struct str keyword)
{
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
		if (k->names[i].n && str_ieq(k->names[i], keyword))
			return i;
	return -1;
}

int maildir_keywords_need(struct maildir_keywords *k, struct str keyword)
{
	int i = maildir_keywords_find(k, keyword);

	for (int free = 0; i < 0 && free < MAILDIR_KEYWORDS_MAX; free++) {
		if (k->names[free].n)
			continue;
		i = free;
		k->names[i] = arena_str(k->a, keyword);
		k->added |= MAILDIR_KEYWORD(i);
	}
	return i;
}

/* ----------------------------------------------------------------- lock */

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* "PID:host", as Dovecot writes it: has that process ended, on this
 * machine?  Where that cannot be told, age decides. */
static bool owner_died(int folder, const struct stat *st)
{
	char host[HOST_NAME_MAX + 1];
	struct str text, pid;
	struct timespec now;
	uint64_t n = 0;
	struct buf b;
	bool known, died;

	buf_init(&b, 512);
	known = read_small(folder, LOCK_NAME, &b);
	text = str_trim(buf_str(&b));
	known = known && str_cut(&text, ':', &pid) &&
	    str_u64(pid, INT_MAX, &n) && n > 0 &&
	    gethostname(host, sizeof(host)) == 0 && str_eq_z(text, host);
	buf_free(&b);
	if (known) {
		died = kill((pid_t)n, 0) != 0 && errno == ESRCH;
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		died = st->st_mtim.tv_sec + LOCK_STALE < now.tv_sec;
	}
	return died;
}

/* Takes away a lock that nobody holds any more; looks again right before
 * it does, as somebody else may have done the same and locked anew. */
static void remove_stale(int folder)
{
	struct stat before, after;

	if (fstatat(folder, LOCK_NAME, &before, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !owner_died(folder, &before) ||
	    fstatat(folder, LOCK_NAME, &after, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (before.st_ino == after.st_ino &&
	    before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
	    before.st_mtim.tv_nsec == after.st_mtim.tv_nsec)
		unlinkat(folder, LOCK_NAME, 0);
}

/* The mode and, for root, the owner of what lies in the folder. */
static bool like_folder(int folder, int fd)
{
	struct stat st;

	if (fstat(folder, &st) != 0 || fchmod(fd, st.st_mode & 0666) != 0)
		return false;
	return geteuid() != 0 || fchown(fd, st.st_uid, st.st_gid) == 0;
}

static bool fill(int folder, int fd, struct str text)
{
	return like_folder(folder, fd) &&
	    write(fd, text.p, text.n) == (ssize_t)text.n;
}

/* *POSSIBLE_OUT is false where the file system has no nameless files, and
 * where no /proc is mounted through which they are given a name. */
static bool create_nameless(int folder, struct str text, bool *possible_out)
{
	char path[32];
	int fd = openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	int why;
	bool ok;

	*possible_out = fd >= 0;
	if (fd < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok = fill(folder, fd, text) && linkat(AT_FDCWD, path, folder,
	    LOCK_NAME, AT_SYMLINK_FOLLOW) == 0;
	why = errno;
	*possible_out = ok || why != ENOENT;
	close(fd);
	errno = why;
	return ok;
}

/* Our name stands in the lock from its first moment on, so that a crash
 * leaves one that can be told to be stale; where that is not possible, a
 * moment later. */
static bool create_lock(int folder, struct str text)
{
	bool possible, ok = create_nameless(folder, text, &possible);
	int fd, why;

	if (possible)
		return ok;
	fd = openat(folder, LOCK_NAME, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	ok = fd >= 0 && fill(folder, fd, text);
	why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return ok;
}

static bool take_lock(struct maildir_keywords *k, bool *retry_out,
    struct err *e)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	struct str text;

	gethostname(host, sizeof(host) - 1);
	text = arena_printf(k->a, "%ld:%s", (long)getpid(), host);
	for (int waited = 0; waited < LOCK_WAIT_MS;
	    waited += LOCK_PAUSE_MS) {
		if (create_lock(k->folder, text))
			return true;
		*retry_out = maildir_passes(errno);
		if (errno != EEXIST)
			return err_set(e, ERR_MESSAGE, "keywords cannot be "
			    "written: %s: %s", LOCK_NAME, strerror(errno));
		remove_stale(k->folder);
		pause_ms(LOCK_PAUSE_MS);
	}
	*retry_out = true;
	return err_set(e, ERR_MESSAGE, "keywords cannot be written: another "
	    "program holds %s", LOCK_NAME);
}

/* -------------------------------------------------------------- writing */

static bool replace_file(int folder, struct str text)
{
	int fd;
	bool ok;

	/* Dovecot removes it first, too: what is there was left by a crash,
	 * as we hold the lock. */
	unlinkat(folder, FILE_NEW, 0);
	fd = openat(folder, FILE_NEW, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	ok = fd >= 0 && fill(folder, fd, text) && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	step("keywords-written");
	ok = ok && renameat(folder, FILE_NEW, folder, FILE_NAME) == 0 &&
	    fsync(folder) == 0;
	if (!ok) {
		int why = errno;

		unlinkat(folder, FILE_NEW, 0);
		errno = why;
	}
	return ok;
}

static bool write_file(struct maildir_keywords *k, bool *retry_out,
    struct err *e)
{
	struct buf b;
	bool ok;

	buf_init(&b, FILE_MAX);
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
		if (k->names[i].n)
			buf_printf(&b, "%d %.*s\n", i, STR_ARG(k->names[i]));
	ok = replace_file(k->folder, buf_str(&b));
	*retry_out = !ok && maildir_passes(errno);
	if (!ok)
		err_set(e, ERR_MESSAGE, "keywords cannot be written: %s: %s",
		    FILE_NAME, strerror(errno));
	buf_free(&b);
	return ok;
}

bool maildir_keywords_write(struct maildir_keywords *k, bool *retry_out,
    struct err *e)
{
	struct str wanted[MAILDIR_KEYWORDS_MAX];
	size_t n = 0;
	bool ok;

	*retry_out = false;
	if (k->added == 0)
		return true;
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
		if (k->added & MAILDIR_KEYWORD(i))
			wanted[n++] = k->names[i];
	ok = take_lock(k, retry_out, e);
	/* somebody else may have added some meanwhile; and what could not be
	 * written is no keyword */
	read_file(k);
	k->added = 0;
	if (!ok)
		return false;
	if (k->unreadable) {
		unlinkat(k->folder, LOCK_NAME, 0);
		return err_set(e, ERR_MESSAGE, "keywords cannot be written: "
		    "%s cannot be read", FILE_NAME);
	}
	for (size_t i = 0; i < n; i++)
		maildir_keywords_need(k, wanted[i]);
	ok = k->added == 0 || write_file(k, retry_out, e);
	k->added = 0;
	unlinkat(k->folder, LOCK_NAME, 0);
	if (!ok)
		read_file(k);
	return ok;
}
