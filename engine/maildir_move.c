#include "maildir_move.h"

#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_inode(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino;
}

static bool same_file(int dir, const char *name, int other_dir,
    const char *other)
{
	struct stat x, y;

	return fstatat(dir, name, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(other_dir, other, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
	    same_inode(&x, &y);
}

static bool same_bytes(int fd, int other)
{
	char x[32768], y[32768];
	ssize_t n;

	while ((n = read(fd, x, sizeof(x))) > 0)
		if (read(other, y, (size_t)n) != n ||
		    memcmp(x, y, (size_t)n) != 0)
			return false;
	return n == 0;
}

bool maildir_same_message(int dir, const char *name, int other_dir,
    const char *other)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = openat(dir, name, flags);
	int fd2 = openat(other_dir, other, flags);
	struct stat x, y;
	bool same;

	same = fd >= 0 && fd2 >= 0 && fstat(fd, &x) == 0 &&
	    fstat(fd2, &y) == 0 && (same_inode(&x, &y) ||
	    (x.st_size == y.st_size && same_bytes(fd, fd2)));
	if (fd >= 0)
		close(fd);
	if (fd2 >= 0)
		close(fd2);
	return same;
}

/* The whole of FROM into TO, durable; 0, or an errno. */
static int copy_bytes(int from, int to)
{
	struct timespec times[2];
	struct stat st;
	char block[65536];
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) > 0)
		for (ssize_t at = 0, k; at < n; at += k) {
			k = write(to, block + at, (size_t)(n - at));
			if (k <= 0)
				return k < 0 ? errno : EIO;
		}
	if (n < 0 || fstat(from, &st) != 0)
		return errno;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;	/* INTERNALDATE */
	if (fchmod(to, st.st_mode & 0666) != 0 ||
	    (geteuid() == 0 && fchown(to, st.st_uid, st.st_gid) != 0) ||
	    futimens(to, times) != 0 || fsync(to) != 0)
		return errno;
	return 0;
}

/*
 * Moves a file and never replaces one; 0, or an errno.  link and unlink, as
 * Maildir always did, where the file system cannot say NOREPLACE: between
 * the two the message is there twice, and whoever comes again ends it.
 */
static int rename_file(int dir, const char *name, int to_dir, const char *to)
{
	if (renameat2(dir, name, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST && same_file(dir, name, to_dir, to))
		return unlinkat(dir, name, 0) == 0 ? 0 : errno;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	if (linkat(dir, name, to_dir, to, 0) != 0)
		return errno;
	step("maildir-linked-half");
	return unlinkat(dir, name, 0) == 0 ? 0 : errno;
}

/* Where a hard link cannot be: written in tmp/ and linked when whole. */
static int copy_across(int from_dir, const char *from,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to)
{
	int tmp = openat(f->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int in = openat(from_dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int out, error;

	if (tmp < 0 || in < 0) {
		error = errno;
		goto end;
	}
	unlinkat(tmp, unique.p, 0);	/* of an earlier crash */
	out = openat(tmp, unique.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (out < 0) {
		error = errno;
		goto end;
	}
	error = copy_bytes(in, out);
	close(out);
	step("maildir-written");
	if (!error)
		error = rename_file(tmp, unique.p, to_dir, to);
	if (error)
		unlinkat(tmp, unique.p, 0);
end:
	if (tmp >= 0)
		close(tmp);
	if (in >= 0)
		close(in);
	return error;
}

static bool needs_bytes(int error)
{
	return error == EXDEV || error == EMLINK || error == EPERM ||
	    error == EOPNOTSUPP;
}

int maildir_link(int dir, const char *name,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to)
{
	int error;

	if (linkat(dir, name, to_dir, to, 0) == 0 || errno == EEXIST)
		return 0;
	if (!needs_bytes(errno))
		return errno;
	error = copy_across(dir, name, f, unique, to_dir, to);
	return error == EEXIST ? 0 : error;
}

int maildir_move(int dir, const char *name,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to)
{
	int error = rename_file(dir, name, to_dir, to);

	if (error != EXDEV)
		return error;
	error = copy_across(dir, name, f, unique, to_dir, to);
	if (error)
		return error;
	/* the copy must be durable before the original goes */
	if (fsync(to_dir) != 0)
		return errno;
	step("maildir-crossed");
	return unlinkat(dir, name, 0) == 0 ? 0 : errno;
}
