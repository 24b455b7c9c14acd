#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX	40	/* symbolic links on the way to a file */

const char *trust_absolute(struct arena *a, const char *path,
    const char *base)
{
	char here[PATH_MAX];

	if (path[0] == '/')
		return path;
	if (!base)
		base = getcwd(here, sizeof(here)) ? here : "/";
	return arena_printf(a, "%s/%s", base, path).p;
}

static bool is_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* A group with the user's own name, in which nobody else is. */
static bool is_private_group(gid_t gid)
{
	const struct passwd *pw = getpwuid(geteuid());
	const struct group *gr;

	if (!pw || pw->pw_gid != gid)
		return false;
	gr = getgrgid(gid);
	if (!gr || strcmp(gr->gr_name, pw->pw_name) != 0)
		return false;
	for (char **m = gr->gr_mem; *m; m++)
		if (strcmp(*m, pw->pw_name) != 0)
			return false;
	return true;
}

static bool others_write(const struct stat *st)
{
	if (st->st_mode & S_IWOTH)
		return true;
	return (st->st_mode & S_IWGRP) && !is_private_group(st->st_gid);
}

/* WHAT is "file", "folder" or "link". */
static bool check(const char *path, const struct stat *st, const char *what,
    struct err *e)
{
	if (!is_ours(st))
		return err_set(e, ERR_CONFIG, "the %s %s belongs to user %lu; "
		    "it must be yours or root's (chown, or put it elsewhere)",
		    what, path, (unsigned long)st->st_uid);
	if (S_ISLNK(st->st_mode))
		return true;
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX))
		return true;
	if (others_write(st))
		return err_set(e, ERR_CONFIG, "others can write to the %s "
		    "%s: chmod go-w %s", what, path, path);
	return true;
}

/* A path on the way: `done` has been looked at and has no links in it. */
struct walk {
	struct buf done, rest;
	int links;
	const char *path;	/* as it was asked for */
	struct err *e;
};

static bool broken(const struct walk *w)
{
	return err_set(w->e, ERR_CONFIG, "cannot open %s: %s", w->path,
	    strerror(errno));
}

/* Takes the first component off `rest`; false when there is none. */
static bool next(struct walk *w, struct buf *name)
{
	size_t from = 0, to;
	struct str rest = buf_str(&w->rest);

	while (from < rest.n && rest.p[from] == '/')
		from++;
	to = str_find_char(rest, from, '/');
	buf_clear(name);
	buf_add_str(name, str_sub(rest, from, to - from));
	buf_drop_front(&w->rest, to);
	return name->n > 0;
}

static void one_up(struct walk *w)
{
	while (w->done.n > 0 && w->done.p[w->done.n - 1] != '/')
		w->done.n--;
	if (w->done.n > 0)
		w->done.n--;
}

static bool follow(struct walk *w, const char *link)
{
	char target[PATH_MAX];
	struct buf rest;
	ssize_t n = readlink(link, target, sizeof(target));

	if (n < 0 || (size_t)n >= sizeof(target) || ++w->links > LINKS_MAX) {
		errno = n < 0 ? errno : ELOOP;
		return broken(w);
	}
	if (target[0] == '/')
		buf_clear(&w->done);
	else
		one_up(w);
	buf_init(&rest, w->rest.max);
	buf_add(&rest, target, (size_t)n);
	buf_add_char(&rest, '/');
	buf_add_str(&rest, buf_str(&w->rest));
	if (rest.over) {
		buf_free(&rest);
		errno = ENAMETOOLONG;
		return broken(w);
	}
	buf_free(&w->rest);
	w->rest = rest;
	return true;
}

static bool step_to(struct walk *w, const char *name)
{
	struct stat st;
	const char *path;

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		one_up(w);
		return true;
	}
	buf_add_char(&w->done, '/');
	buf_add_z(&w->done, name);
	path = buf_z(&w->done);
	if (w->done.over) {
		errno = ENAMETOOLONG;
		return broken(w);
	}
	if (lstat(path, &st) != 0)
		return broken(w);
	if (S_ISLNK(st.st_mode))
		return check(path, &st, "link", w->e) && follow(w, path);
	if (S_ISDIR(st.st_mode))
		return check(path, &st, "folder", w->e);
	return true;	/* the file itself, or open says ENOTDIR */
}

/* Leaves the path without links in w->done. */
static bool walk_all(struct walk *w)
{
	struct buf name;
	struct stat root;
	bool ok;

	buf_init(&name, PATH_MAX);
	ok = (stat("/", &root) == 0 || broken(w)) &&
	    check("/", &root, "folder", w->e);
	while (ok && next(w, &name))
		ok = step_to(w, buf_z(&name));
	buf_free(&name);
	return ok;
}

static bool read_file(const struct walk *w, int fd, struct buf *out)
{
	char block[16384];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return broken(w);
	if (!S_ISREG(st.st_mode))
		return err_set(w->e, ERR_CONFIG, "%s is not a regular file",
		    w->path);
	if (!check(w->path, &st, "file", w->e))
		return false;
	do {
		n = read(fd, block, sizeof(block));
		if (n > 0)
			buf_add(out, block, (size_t)n);
	} while ((n > 0 && !out->over) || (n < 0 && errno == EINTR));
	if (n < 0)
		return broken(w);
	if (out->over)
		return err_set(w->e, ERR_CONFIG,
		    "%s is larger than the %zu octets allowed", w->path,
		    out->max);
	return true;
}

bool trust_read(const char *path, struct buf *out, struct err *e)
{
	struct walk w = { .path = path, .e = e };
	struct arena *a = arena_new();
	bool ok;
	int fd;

	buf_init(&w.done, 4 * PATH_MAX);
	buf_init(&w.rest, 4 * PATH_MAX);
	buf_add_z(&w.rest, trust_absolute(a, path, NULL));
	arena_free(&a);
	ok = walk_all(&w);
	if (ok) {
		/* a FIFO must not hold us up before it is refused */
		fd = open(buf_z(&w.done), O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		    O_NONBLOCK | O_NOCTTY);
		ok = fd >= 0 ? read_file(&w, fd, out) : broken(&w);
		if (fd >= 0)
			close(fd);
	}
	buf_free(&w.done);
	buf_free(&w.rest);
	return ok;
}
