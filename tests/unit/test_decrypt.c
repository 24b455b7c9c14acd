#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/decrypt.h"
#include "gnupg.h"

#define LIMIT	(1024 * 1024)

/* Alice writes, Bob reads; the keyring has both keys.  Carol's has only
 * hers. */
static struct arena *arena;
static const char *home, *carols_home;
static struct decrypt bob, carol;

/* Of one test. */
static struct buf out;
static struct decrypt_verdict verdict;
static struct err error;

static struct str encrypt(struct str plain, const char *signer)
{
	return signer ? GNUPG(arena, home, plain, "--armor", "-s", "-u",
	    signer, "-e", "-r", "bob@example.org") :
	    GNUPG(arena, home, plain, "--armor", "-e", "-r",
	    "bob@example.org");
}

static struct str encrypt_z(const char *plain)
{
	return encrypt(str_of(plain), NULL);
}

/* RFC 3156 section 4 */
static struct str pgp_mime(struct str cipher)
{
	return arena_printf(arena,
	    "Content-Type: multipart/encrypted; boundary=\"b\";\n"
	    " protocol=\"application/pgp-encrypted\"\n"
	    "Content-Description: sealed\n"
	    "\n"
	    "not MIME\n"
	    "--b\n"
	    "Content-Type: application/pgp-encrypted\n"
	    "\n"
	    "Version: 1\n"
	    "\n"
	    "--b\n"
	    "Content-Type: application/octet-stream\n"
	    "\n"
	    "%.*s"
	    "\n"
	    "--b--\n", STR_ARG(cipher));
}

static struct str message(const char *header, struct str entity)
{
	return arena_printf(arena, "%s%.*s", header, STR_ARG(entity));
}

#define HEADER \
	"Received: from a by b;\n\tMon, 5 Jan 2026 10:00:00 +0000\n" \
	"From: Alice <alice@example.org>\n" \
	"to: bob@example.org\n" \
	"Subject: ...\n" \
	"Odd  :  kept  as it is\n" \
	"MIME-Version: 1.0\n"

static bool open_with(struct decrypt *d, struct str m)
{
	buf_free(&out);
	buf_init_secret(&out, LIMIT);
	err_clear(&error);
	return decrypt_message(d, m, &out, &verdict, &error);
}

static void opens(struct str m, const char *want)
{
	if (!open_with(&bob, m))
		print_message("%s\n", error.msg);
	assert_int_equal(verdict.refusal, SEAL_OPENED);
	assert_true(verdict.changed);
	assert_string_equal(buf_z(&out), want);
}

static void refuses(struct decrypt *d, struct str m, enum seal_refusal why)
{
	assert_false(open_with(d, m));
	if (verdict.refusal != why)
		print_message("%s\n", error.msg);
	assert_int_equal(verdict.refusal, why);
	assert_int_equal(error.kind, why == SEAL_LATE ||
	    why == SEAL_TROUBLE ? ERR_TEMP : ERR_MESSAGE);
	assert_true(strlen(error.msg) > 10);
	assert_int_equal(out.n, 0);
}

static void takes_the_place(void **state)
{
	(void)state;
	opens(message(HEADER, pgp_mime(encrypt_z("Content-Type: text/plain\n"
	    "X-Dropped: x\n\nsecret\n"))),
	    HEADER
	    "Content-Type: text/plain\n"
	    "Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n signature=none; "
	    "author=no\n"
	    "\n"
	    "secret\n");
	assert_string_equal(verdict.layers, "openpgp AES256 MDC");
	assert_int_equal(verdict.signature, SEAL_UNSIGNED);
}

static void line_ends_of_the_message(void **state)
{
	struct str m = message("From: alice@example.org\n"
	    "Subject: x\n", pgp_mime(encrypt_z("Content-Type: text/plain\n\n"
	    "one\ntwo")));
	struct buf crlf;

	(void)state;
	buf_init(&crlf, LIMIT);
	for (size_t i = 0; i < m.n; i++) {
		if (m.p[i] == '\n')
			buf_add_char(&crlf, '\r');
		buf_add_char(&crlf, m.p[i]);
	}
	opens(buf_str(&crlf), "From: alice@example.org\r\nSubject: x\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain\r\n"
	    "Tamis-Decrypted-t0ken: openpgp AES256 MDC;\r\n signature=none; "
	    "author=no\r\n"
	    "\r\none\r\ntwo\r\n");
	buf_free(&crlf);
}

static void nothing_to_do(void **state)
{
	(void)state;
	assert_true(open_with(&bob, STR_LIT(HEADER "\nhello\n")));
	assert_false(verdict.changed);
	assert_int_equal(out.n, 0);
}

static void no_key(void **state)
{
	(void)state;
	refuses(&carol, message(HEADER, pgp_mime(encrypt_z(
	    "Content-Type: text/plain\n\nsecret\n"))), SEAL_NO_KEY);
}

static int begin(void **state)
{
	static struct crypt_settings bobs, carols;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	arena = arena_new();
	home = gnupg_begin(arena);
	carols_home = gnupg_begin(arena);
	gnupg_make_key(arena, home, "Alice <alice@example.org>", "");
	gnupg_make_key(arena, home, "Bob <bob@example.org>", "");
	gnupg_make_key(arena, carols_home, "Carol <carol@example.org>", "");
	bobs.home = home;
	carols.home = carols_home;
	bob = (struct decrypt){ .crypt = crypt_new(arena, &bobs),
	    .token = STR_LIT("t0ken"), .limit = LIMIT };
	carol = bob;
	carol.crypt = crypt_new(arena, &carols);
	buf_init_secret(&out, LIMIT);
	return 0;
}

static int end(void **state)
{
	(void)state;
	gnupg_end(home);
	gnupg_end(carols_home);
	buf_free(&out);
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_place),
		cmocka_unit_test(line_ends_of_the_message),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(no_key),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
