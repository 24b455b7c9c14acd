#include "spool.h"

#include "state_folder.h"
#include "step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER		"spool"
#define UNFINISHED	".part"
#define NAME_ROOM	128

struct spool {
	const char *path;	/* for messages */
	int dir;
	uint64_t max, used;
};

static const char *const suffixes[] = {
	[SPOOL_ORIGINAL] = ".original",
	[SPOOL_COPY] = ".copy",
};

static bool failed(const struct spool *s, const char *name, struct err *e)
{
	int why = errno;

	return err_set(e, ERR_STATE, "spool file %s/%s: %s", s->path, name,
	    strerror(why));
}

static void name_of(char name[NAME_ROOM], enum spool_kind kind,
    const char *nonce, const char *tail)
{
	snprintf(name, NAME_ROOM, "%s%s%s", nonce, suffixes[kind], tail);
}

static uint64_t size_of(const struct spool *s, const char *name)
{
	struct stat st;

	return fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ?
	    (uint64_t)st.st_size : 0;
}

/* ------------------------------------------------------------ the folder */

typedef bool entry_fn(struct spool *s, const char *name, void *ctx,
    struct err *e);

static bool each_entry(struct spool *s, entry_fn *fn, void *ctx,
    struct err *e)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	bool ok = true;

	if (!dir) {
		failed(s, "", e);
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (ok && (errno = 0, entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ok = fn(s, entry->d_name, ctx, e);
	if (ok && errno)
		ok = failed(s, "", e);
	closedir(dir);
	return ok;
}

/* What was never renamed nobody waits for. */
static bool take_stock(struct spool *s, const char *name, void *ctx,
    struct err *e)
{
	(void)ctx;
	if (!str_ends(str_of(name), STR_LIT(UNFINISHED)))
		s->used += size_of(s, name);
	else if (unlinkat(s->dir, name, 0) != 0)
		return failed(s, name, e);
	return true;
}

bool spool_open(struct arena *a, const char *dir, uint64_t max,
    struct spool **out, struct err *e)
{
	struct spool *s = arena_make(a, struct spool);

	s->path = arena_printf(a, "%s/" FOLDER, dir).p;
	s->max = max;
	if (!state_folder_make(a, s->path, e))
		return false;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
	    O_NOFOLLOW);
	if (s->dir < 0)
		return failed(s, "", e);
	if (!state_folder_check(s->path, s->dir, e) ||
	    !each_entry(s, take_stock, NULL, e)) {
		close(s->dir);
		return false;
	}
	*out = s;
	return true;
}

void spool_close(struct spool **s)
{
	if (!*s)
		return;
	close((*s)->dir);
	*s = NULL;
}

uint64_t spool_used(const struct spool *s)
{
	return s->used;
}

bool spool_fits(const struct spool *s, uint64_t n)
{
	return s->used <= s->max && n <= s->max - s->used;
}

bool spool_disk(const struct spool *s, uint64_t *left_out, struct err *e)
{
	struct statvfs st;

	if (fstatvfs(s->dir, &st) != 0)
		return failed(s, "", e);
	*left_out = (uint64_t)st.f_bavail * st.f_frsize;
	return true;
}

/* ------------------------------------------------------------- the files */

static bool write_all(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return false;
		bytes = str_sub(bytes, (size_t)n, bytes.n);
	}
	return true;
}

/* False leaves errno. */
static bool write_file(const struct spool *s, const char *name,
    const struct str *parts, size_t n)
{
	int fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok;
	int why;

	if (fd < 0)
		return false;
	ok = fchmod(fd, 0600) == 0;
	for (size_t i = 0; ok && i < n; i++)
		ok = write_all(fd, parts[i]);
	step("spool-written");
	ok = ok && fsync(fd) == 0;
	why = errno;
	/* a network file system may say only now that it is full */
	if (close(fd) != 0 && ok) {
		why = errno;
		ok = false;
	}
	errno = why;
	return ok;
}

bool spool_put(struct spool *s, enum spool_kind kind, const char *nonce,
    const struct str *parts, size_t n, struct err *e)
{
	char name[NAME_ROOM], part[NAME_ROOM];
	uint64_t before, after = 0;

	name_of(name, kind, nonce, "");
	name_of(part, kind, nonce, UNFINISHED);
	before = size_of(s, name);
	unlinkat(s->dir, part, 0);
	if (!write_file(s, part, parts, n) ||
	    renameat(s->dir, part, s->dir, name) != 0) {
		failed(s, name, e);
		unlinkat(s->dir, part, 0);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		after += parts[i].n;
	s->used += after - before;
	step("spool-renamed");
	return true;
}

bool spool_sync(struct spool *s, struct err *e)
{
	if (fsync(s->dir) != 0)
		return failed(s, "", e);
	step("spool-synced");
	return true;
}

bool spool_map(struct spool *s, enum spool_kind kind, const char *nonce,
    struct str *bytes_out, struct err *e)
{
	char name[NAME_ROOM];
	struct stat st;
	void *map = NULL;
	int fd;

	name_of(name, kind, nonce, "");
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_MESSAGE, "%s/%s is not there any more",
		    s->path, name);
	if (fd < 0 || fstat(fd, &st) != 0)
		map = MAP_FAILED;
	else if (st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
		    fd, 0);
	if (map == MAP_FAILED)
		failed(s, name, e);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return false;
	*bytes_out = map ? (struct str){ map, (size_t)st.st_size } :
	    STR_EMPTY;
	return true;
}

void spool_unmap(struct str *bytes)
{
	if (bytes->n)
		munmap((void *)(uintptr_t)bytes->p, bytes->n);
	*bytes = STR_EMPTY;
}

bool spool_drop(struct spool *s, enum spool_kind kind, const char *nonce,
    struct err *e)
{
	char name[NAME_ROOM];
	uint64_t size;

	name_of(name, kind, nonce, "");
	size = size_of(s, name);
	if (unlinkat(s->dir, name, 0) == 0)
		s->used -= size;
	else if (errno != ENOENT)
		return failed(s, name, e);
	step("spool-dropped");
	return true;
}

/* -------------------------------------------------------------- for each */

struct each {
	spool_fn *fn;
	void *ctx;
};

static bool give_one(struct spool *s, const char *name, void *ctx,
    struct err *e)
{
	const struct each *each = ctx;
	struct str whole = str_of(name);

	(void)s;
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		struct str suffix = str_of(suffixes[i]);

		if (str_ends(whole, suffix))
			return each->fn(each->ctx, (enum spool_kind)i,
			    str_sub(whole, 0, whole.n - suffix.n), e);
	}
	return true;
}

bool spool_each(struct spool *s, spool_fn *fn, void *ctx, struct err *e)
{
	struct each each = { fn, ctx };

	return each_entry(s, give_one, &each, e);
}
