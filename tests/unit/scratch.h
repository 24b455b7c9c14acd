/*
 * scratch - a folder for one test, and files in it.
 *
 * Header only, as each unit test is one source file.  Include it after
 * cmocka.h.
 */
#ifndef TAMIS_SCRATCH_H
#define TAMIS_SCRATCH_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules/base.h"

/* A new folder below TMPDIR; its path lives in A. */
static inline char *scratch_make(struct arena *a)
{
	const char *tmp = getenv("TMPDIR");
	char *path = arena_z(a, arena_printf(a, "%s/unit-XXXXXX",
	    tmp ? tmp : "/tmp"));

	assert_non_null(mkdtemp(path));
	return path;
}

/* The folder and all that is in it. */
static inline void scratch_remove(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	char child[4096];

	while (d && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path,
		    entry->d_name) >= (int)sizeof(child))
			continue;
		if (unlink(child) != 0)
			scratch_remove(child);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static inline void scratch_write(const char *path, struct str text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
}

static inline struct str scratch_read(struct arena *a, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct str text = STR_EMPTY;
	struct stat st;
	char *p;

	if (fd < 0)
		return STR_EMPTY;
	assert_int_equal(fstat(fd, &st), 0);
	p = arena_alloc(a, (size_t)st.st_size + 1);
	text = (struct str){ p, (size_t)st.st_size };
	assert_int_equal(read(fd, p, text.n), st.st_size);
	close(fd);
	return text;
}

static inline int scratch_by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static inline void scratch_list_into(struct arena *a, const char *top,
    const char *below, bool times, char ***lines, size_t *n, size_t *cap)
{
	struct str path = arena_printf(a, "%s/%s", top, below);
	DIR *d = opendir(path.p);
	struct dirent *entry;
	struct stat st;

	while (d && (entry = readdir(d))) {
		struct str name = arena_printf(a, "%s%s", below,
		    entry->d_name);
		struct str whole = arena_printf(a, "%s/%s", top, name.p);

		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		assert_int_equal(lstat(whole.p, &st), 0);
		if (S_ISDIR(st.st_mode))
			scratch_list_into(a, top, arena_printf(a, "%s/",
			    name.p).p, times, lines, n, cap);
		arena_grow(a, lines, *n, cap);
		if (times)
			name = arena_printf(a, "%s %o %lld %lld.%09ld "
			    "%lld.%09ld", name.p, (unsigned)st.st_mode,
			    (long long)st.st_size,
			    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
		if (!S_ISDIR(st.st_mode) || times)
			(*lines)[(*n)++] = arena_z(a, name);
	}
	if (d)
		closedir(d);
}

/* Paths of all files below, sorted, a line each; with TIMES also mode, size
 * and times, and the folders too. */
static inline const char *scratch_list(struct arena *a, const char *top,
    bool times)
{
	char **lines = NULL;
	size_t n = 0, cap = 0;
	struct str text = STR_EMPTY;

	scratch_list_into(a, top, "", times, &lines, &n, &cap);
	if (n)
		qsort(lines, n, sizeof(*lines), scratch_by_name);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(a, "%.*s%s\n", STR_ARG(text), lines[i]);
	return arena_z(a, text);
}

#endif
