/*
 * gnupg - a GNUPGHOME of its own for one test, with keys made there.
 *
 * Header only, as each unit test is one source file.  Include it after
 * cmocka.h.  The agent is ended by its own socket with gnupg_end.  Where it
 * wants to ask somebody it starts HOME/pinentry, if a test has put one there.
 */
#ifndef TAMIS_GNUPG_H
#define TAMIS_GNUPG_H

#include "engine/child.h"
#include "scratch.h"

#define GNUPG_OUT_MAX	(32 * 1024 * 1024)

/* Runs gpg with "..." after --homedir; what it prints, in A. */
static inline struct str gnupg_run(struct arena *a, const char *home,
    struct str input, const char *const *arguments)
{
	const char *argv[40] = { "gpg", "--homedir", home, "--batch", "-q",
	    "--no-tty", "--trust-model", "always", "--pinentry-mode",
	    "loopback" };
	struct child_settings set = { .argv = argv, .input = input,
	    .seconds = 120 };
	struct child_result r;
	struct str text;
	struct buf out;
	struct err e = { 0 };
	size_t n = 10;

	while (*arguments && n < COUNT(argv) - 1)
		argv[n++] = *arguments++;
	buf_init(&out, GNUPG_OUT_MAX);
	assert_true(child_run(&set, &out, &r, &e));
	assert_int_equal(r.end, CHILD_EXITED);
	assert_int_equal(r.status, 0);
	text = arena_str(a, buf_str(&out));
	buf_free(&out);
	return text;
}
#define GNUPG(a, home, input, ...) \
	gnupg_run(a, home, input, (const char *const []){ __VA_ARGS__, NULL })

static inline const char *gnupg_begin(struct arena *a)
{
	const char *home = scratch_make(a);

	scratch_write(arena_printf(a, "%s/gpg-agent.conf", home).p,
	    arena_printf(a, "default-cache-ttl 0\nmax-cache-ttl 0\n"
	    "allow-loopback-pinentry\npinentry-program %s/pinentry\n",
	    home));
	return home;
}

/* With its subkey for encryption: Ed25519 and Curve25519. */
static inline void gnupg_make_key(struct arena *a, const char *home,
    const char *user, const char *passphrase)
{
	GNUPG(a, home, STR_EMPTY, "--passphrase", passphrase,
	    "--quick-gen-key", user, "future-default", "default", "never");
}

static inline void gnupg_end(const char *home)
{
	const char *argv[] = { "gpgconf", "--homedir", home, "--kill",
	    "all", NULL };
	struct child_settings set = { .argv = argv, .seconds = 60 };
	struct child_result r;
	struct err e = { 0 };

	assert_true(child_run(&set, NULL, &r, &e));
	scratch_remove(home);
}

#endif
