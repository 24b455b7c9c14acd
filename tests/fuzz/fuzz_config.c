/*
 * Config files.  Patterns are left out: what they find is the file system's
 * business.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/config.h"
#include "fuzz.h"

static const char *make_file(struct arena *a, struct str text)
{
	const char *tmp = getenv("TMPDIR");
	struct str path = arena_printf(a, "%s/fuzz-config-%ld.yaml",
	    tmp ? tmp : "/tmp", (long)getpid());
	int fd = open(path.p, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	HOLDS(fd >= 0);
	HOLDS(write(fd, text.p, text.n) == (ssize_t)text.n);
	close(fd);
	return path.p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_input(data, n);
	const struct config *c;
	struct problems ps;
	struct err e = { 0 };
	struct arena *a;
	const char *path;

	if (fuzz_has(text, '*') || fuzz_has(text, '?'))
		return 0;
	a = arena_new();
	setenv("HOME", "/nonexistent", 1);
	path = make_file(a, text);
	problems_init(&ps, a);
	c = config_load(a, path, &ps, &e);
	HOLDS(!c == (ps.errors > 0 || e.kind));
	for (size_t i = 0; c && i < c->n_accounts; i++) {
		HOLDS(config_account(c, c->accounts[i].name) ==
		    &c->accounts[i]);
		HOLDS(account_owner(a, &c->accounts[i]));
	}
	unlink(path);
	arena_free(&a);
	return 0;
}
