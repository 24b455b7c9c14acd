#include "state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool state_folder_check(const char *dir, int fd, struct err *e)
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
		return err_set(e, ERR_STATE, "cannot make the folder %s: "
		    "%s", path, strerror(errno));
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

bool state_folder_make(struct arena *a, const char *dir, struct err *e)
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

bool state_folder_file(const char *dir, int dir_fd, const char *name,
    struct err *e)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	bool ok;

	if (fd < 0 && errno == EEXIST)
		return true;
	ok = fd >= 0 && fchmod(fd, 0600) == 0;
	if (!ok)
		err_set(e, ERR_STATE, "cannot make %s/%s: %s", dir, name,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

bool state_folder_lock(const char *dir, int dir_fd, int *fd_out,
    struct err *e)
{
	int fd, why;

	if (!state_folder_file(dir, dir_fd, "lock", e))
		return false;
	fd = openat(dir_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(e, ERR_STATE, "cannot open the lock %s/lock: "
		    "%s", dir, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		why = errno;
		close(fd);
		if (why == EWOULDBLOCK)
			return err_set(e, ERR_TEMP, "another run holds the "
			    "lock %s/lock; try again when it has ended", dir);
		return err_set(e, ERR_STATE, "cannot lock %s/lock: %s", dir,
		    strerror(why));
	}
	*fd_out = fd;
	return true;
}
