#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void private_cut(struct buf *out, size_t n)
{
	if (n < out->n) {
		wipe(out->p + n, out->n - n);
		out->n = n;
	}
}

static bool is_private(const char *path, const char *what, int fd,
    struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_CONFIG, "%s: %s", path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG,
		    "the %s file %s is not a regular file", what, path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_CONFIG,
		    "the %s file %s belongs to somebody else; it must be "
		    "yours", what, path);
	if (st.st_mode & 077)
		return err_set(e, ERR_CONFIG,
		    "the %s file %s can be read by others: chmod 600 %s",
		    what, path, path);
	return true;
}

static bool read_all(const char *path, const char *what, int fd,
    struct buf *out, struct err *e)
{
	char block[4096];
	ssize_t n;

	do {
		n = read(fd, block, sizeof(block));
		if (n > 0)
			buf_add(out, block, (size_t)n);
	} while ((n > 0 && !out->over) || (n < 0 && errno == EINTR));
	wipe(block, sizeof(block));
	if (n < 0)
		return err_set(e, ERR_CONFIG, "cannot read the %s file %s: %s",
		    what, path, strerror(errno));
	if (out->over)
		return err_set(e, ERR_CONFIG, "the %s file %s is too long", what,
		    path);
	return true;
}

bool private_read(const char *path, const char *what, struct buf *out,
    struct err *e)
{
	/* a FIFO must not hold us up before it is refused */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool ok;

	if (fd < 0)
		return err_set(e, ERR_CONFIG, "cannot open the %s file %s: %s",
		    what, path, strerror(errno));
	ok = is_private(path, what, fd, e) &&
	    read_all(path, what, fd, out, e);
	close(fd);
	return ok;
}

bool private_read_line(const char *path, const char *what, struct buf *out,
    struct err *e)
{
	size_t n;

	if (!private_read(path, what, out, e))
		return false;
	n = out->n;
	if (n > 0 && out->p[n - 1] == '\n')
		n--;
	if (n < out->n && n > 0 && out->p[n - 1] == '\r')
		n--;
	private_cut(out, n);
	if (out->n > 0 && memchr(out->p, '\n', out->n))
		return err_set(e, ERR_CONFIG, "the %s file %s has several "
		    "lines; it must hold the %s only", what, path, what);
	return true;
}
