/*
 * Runs a target on files and on all files of folders, each once, without
 * libFuzzer (and its options).  Says before each which it is, so that one
 * that ends the program is known.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX	(16 * 1024 * 1024)

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	char chunk[4096];
	uint8_t *own;
	size_t n;

	printf("# %s\n", path);
	fflush(stdout);
	if (!f) {
		perror(path);
		return 1;
	}
	buf_init(&b, FILE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	/* a copy without a tail: ASan sees a look past its end */
	own = malloc(b.n ? b.n : 1);
	if (!own)
		abort();
	if (b.n)
		memcpy(own, b.p, b.n);
	LLVMFuzzerTestOneInput(own, b.n);
	free(own);
	buf_free(&b);
	return 0;
}

static int run_path(const char *path)
{
	struct dirent **list;
	struct stat st;
	int n, failed = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return run_file(path);
	n = scandir(path, &list, NULL, alphasort);
	if (n < 0) {
		perror(path);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		struct arena *a = arena_new();

		if (list[i]->d_name[0] != '.')
			failed |= run_path(arena_printf(a, "%s/%s", path,
			    list[i]->d_name).p);
		arena_free(&a);
		free(list[i]);
	}
	free(list);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	/* what every target must bear, wherever it is run */
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			failed |= run_path(argv[i]);
	return failed;
}
