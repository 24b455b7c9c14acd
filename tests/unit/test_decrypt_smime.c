/* S/MIME in messages; the objects themselves are test_smime's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/clock.h"
#include "engine/decrypt.h"
#include "gnupg.h"

#define LIMIT	(1024 * 1024)
#define TEXT	"Content-Type: text/plain\n\nsecret\n"
#define HEADER	"From: Alice <alice@example.org>\nSubject: ...\n"

static struct arena *arena;
static const char *folder, *home;
static struct account account;
static struct config_limits limits = { .message = LIMIT, .command = 60 };
static struct decrypt *bob;

static struct buf out;
static struct decrypt_verdict verdict;
static struct err error;

static const char *file(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name).p;
}

/* Runs openssl with "..."; what it prints. */
static struct str openssl(struct str input, const char *const *arguments)
{
	const char *argv[40] = { "openssl" };
	struct child_settings set = { .argv = argv, .input = input,
	    .seconds = 60 };
	struct child_result r;
	struct str text;
	struct buf b;
	size_t n = 1;

	while (*arguments && n < COUNT(argv) - 1)
		argv[n++] = *arguments++;
	buf_init(&b, 4 * LIMIT);
	assert_true(child_run(&set, &b, &r, &error));
	assert_int_equal(r.status, 0);
	text = arena_str(arena, buf_str(&b));
	buf_free(&b);
	return text;
}
#define OPENSSL(input, ...) \
	openssl(input, (const char *const []){ __VA_ARGS__, NULL })

/* A certificate for NAME@example.org by our CA. */
static void make_person(const char *name)
{
	const char *key = file(arena_printf(arena, "%s.key", name).p);
	const char *request = file("request");

	scratch_write(file("extensions"), arena_printf(arena,
	    "subjectAltName=email:%s@example.org\n"
	    "extendedKeyUsage=emailProtection\n", name));
	OPENSSL(STR_EMPTY, "req", "-new", "-newkey", "rsa:2048", "-nodes",
	    "-keyout", key, "-out", request, "-subj",
	    arena_printf(arena, "/CN=%s", name).p, "-batch");
	OPENSSL(STR_EMPTY, "x509", "-req", "-in", request, "-CA",
	    file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial",
	    "-days", "10", "-extfile", file("extensions"), "-out",
	    file(arena_printf(arena, "%s.crt", name).p));
}

static struct str encrypt(const char *cipher, struct str plain)
{
	return OPENSSL(plain, "cms", "-encrypt", cipher, "-binary",
	    file("bob.crt"));
}

static struct str sign(const char *name, struct str plain)
{
	return OPENSSL(plain, "cms", "-sign", "-nodetach", "-binary",
	    "-signer", file(arena_printf(arena, "%s.crt", name).p), "-inkey",
	    file(arena_printf(arena, "%s.key", name).p));
}

static struct str sign_beside(const char *name, struct str plain)
{
	return OPENSSL(plain, "cms", "-sign", "-binary", "-signer",
	    file(arena_printf(arena, "%s.crt", name).p), "-inkey",
	    file(arena_printf(arena, "%s.key", name).p));
}

/* openssl begins with MIME-Version itself. */
static struct str message(const char *header, struct str entity)
{
	return arena_printf(arena, "%s%.*s", header, STR_ARG(entity));
}

static bool open_it(struct str m)
{
	buf_free(&out);
	buf_init_secret(&out, LIMIT);
	err_clear(&error);
	return decrypt_message(bob, m, &out, &verdict, &error);
}

static void opens(struct str m, const char *layers)
{
	if (!open_it(m))
		print_message("%s\n", error.msg);
	assert_int_equal(verdict.refusal, SEAL_OPENED);
	assert_true(verdict.changed);
	assert_string_equal(verdict.layers, layers);
	assert_non_null(strstr(buf_z(&out), "\n\nsecret\n"));
}

static void refuses(struct str m, enum seal_refusal why)
{
	assert_false(open_it(m));
	if (verdict.refusal != why)
		print_message("%s\n", error.msg);
	assert_int_equal(verdict.refusal, why);
	assert_int_equal(out.n, 0);
	assert_true(strlen(error.msg) > 10);
}

static void authenticated(void **state)
{
	(void)state;
	opens(message(HEADER, encrypt("-aes-256-gcm", STR_LIT(TEXT))),
	    "smime AES-256-GCM");
	assert_string_equal(buf_z(&out), HEADER "MIME-Version: 1.0\n" TEXT);
	assert_int_equal(verdict.signature, SEAL_UNSIGNED);
}

/* Nearly all S/MIME mail. */
static void open_to_change(void **state)
{
	struct str m = message(HEADER, encrypt("-aes-128-cbc",
	    STR_LIT(TEXT)));

	(void)state;
	refuses(m, SEAL_NO_INTEGRITY);
	account.smime.cbc = CBC_ALLOW;
	opens(m, "smime AES-128-CBC");
	refuses(message(HEADER, encrypt("-aes-128-cbc", STR_LIT(
	    "Content-Type: text/html\n\n<img src='http://evil.example/"))),
	    SEAL_NO_INTEGRITY);
	account.smime.cbc = CBC_SIGNED;
}

/* What only S/MIME programs could read is taken out of its signature. */
static void signed_around(void **state)
{
	(void)state;
	opens(message(HEADER, encrypt("-aes-128-cbc", sign("alice",
	    STR_LIT(TEXT)))), "smime AES-128-CBC");
	assert_int_equal(verdict.signature, SEAL_GOOD);
	assert_true(verdict.by_author);
	assert_true(verdict.is_smime);
	assert_string_equal(buf_z(&out), HEADER "MIME-Version: 1.0\n" TEXT);
}

static void signed_beside(void **state)
{
	(void)state;
	opens(message(HEADER, encrypt("-aes-128-cbc", sign_beside("alice",
	    STR_LIT(TEXT)))), "smime AES-128-CBC");
	assert_true(verdict.by_author);
	assert_non_null(strstr(buf_z(&out), "multipart/signed"));
}

static void signed_by_another(void **state)
{
	struct str inside = sign("eve", STR_LIT(TEXT));

	(void)state;
	refuses(message(HEADER, encrypt("-aes-128-cbc", inside)),
	    SEAL_NO_INTEGRITY);
	opens(message(HEADER, encrypt("-aes-256-gcm", inside)),
	    "smime AES-256-GCM");
	assert_int_equal(verdict.signature, SEAL_GOOD);
	assert_false(verdict.by_author);
}

/* The author is the one that is protected. */
static void author_inside(void **state)
{
	(void)state;
	opens(message("From: list@example.org\nSubject: ...\n",
	    encrypt("-aes-128-cbc", sign("alice", STR_LIT("Content-Type: "
	    "text/plain; hp=\"cipher\"\nFrom: alice@example.org\n"
	    "Subject: inside\n\nsecret\n")))), "smime AES-128-CBC");
	assert_true(verdict.by_author);
	assert_true(str_starts(buf_str(&out), STR_LIT(
	    "From: alice@example.org\nSubject: inside\n")));
}

static void in_each_other(void **state)
{
	struct str pgp = arena_printf(arena, "Content-Type: "
	    "multipart/encrypted; boundary=b;\n"
	    " protocol=\"application/pgp-encrypted\"\n\n--b\n"
	    "Content-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n"
	    "Content-Type: application/octet-stream\n\n%.*s\n--b--\n",
	    STR_ARG(GNUPG(arena, home, STR_LIT(TEXT), "--armor", "-e", "-r",
	    "bob@example.org")));
	struct str smime = encrypt("-aes-256-gcm", STR_LIT(TEXT));

	(void)state;
	opens(message(HEADER, encrypt("-aes-256-gcm", pgp)),
	    "smime AES-256-GCM, openpgp AES256 MDC");
	pgp = arena_printf(arena, "%s%.*s", HEADER
	    "Content-Type: multipart/encrypted; boundary=b;\n"
	    " protocol=\"application/pgp-encrypted\"\n\n--b\n"
	    "Content-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n"
	    "Content-Type: application/octet-stream\n\n",
	    STR_ARG(GNUPG(arena, home, smime, "--armor", "-e", "-r",
	    "bob@example.org")));
	opens(arena_printf(arena, "%.*s\n--b--\n", STR_ARG(pgp)),
	    "openpgp AES256 MDC, smime AES-256-GCM");
	/* what is encrypted may stand in what is merely signed */
	opens(message(HEADER, sign("alice", smime)), "smime AES-256-GCM");
	assert_int_equal(verdict.signature, SEAL_UNSIGNED);
}

static void only_signed(void **state)
{
	struct str around = message(HEADER, sign("alice", STR_LIT(TEXT)));
	struct str beside = message(HEADER, sign_beside("alice",
	    STR_LIT(TEXT)));

	(void)state;
	assert_true(open_it(around));
	assert_false(verdict.changed);
	assert_true(decrypt_signature(bob, around, &verdict, &error));
	assert_true(verdict.by_author);
	assert_true(decrypt_signature(bob, beside, &verdict, &error));
	assert_true(verdict.by_author);
	assert_true(verdict.is_smime);
	*(char *)(uintptr_t)strstr(beside.p, "secret") = 'S';
	assert_true(decrypt_signature(bob, beside, &verdict, &error));
	assert_int_equal(verdict.signature, SEAL_BAD);
}

static void refusals(void **state)
{
	struct str m = message(HEADER, encrypt("-aes-256-gcm",
	    STR_LIT(TEXT)));
	char *middle = (char *)(uintptr_t)m.p + m.n / 2;

	(void)state;
	*middle = *middle == 'A' ? 'B' : 'A';
	assert_false(open_it(m));
	assert_int_equal(out.n, 0);
	/* one kind for all that hangs on the key */
	refuses(message(HEADER, encrypt("-aes-256-gcm", STR_LIT("text\n"))),
	    SEAL_MODIFIED);
	refuses(message(HEADER, OPENSSL(STR_LIT(TEXT), "cms", "-encrypt",
	    "-aes-256-gcm", file("alice.crt"))), SEAL_NO_KEY);
}

static int begin(void **state)
{
	static const char *keys[1], *certificates[1];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	arena = arena_new();
	folder = scratch_make(arena);
	home = gnupg_begin(arena);
	gnupg_make_key(arena, home, "Bob <bob@example.org>", "");
	OPENSSL(STR_EMPTY, "req", "-x509", "-newkey", "rsa:2048", "-nodes",
	    "-keyout", file("ca.key"), "-out", file("ca.crt"), "-subj",
	    "/CN=CA", "-days", "10", "-batch");
	make_person("alice");
	make_person("bob");
	make_person("eve");
	keys[0] = file("bob.key");
	certificates[0] = file("bob.crt");
	account = (struct account){ .limits = &limits, .pgp.home = home };
	account.smime = (struct account_smime){ .key_files = keys,
	    .n_key_files = 1, .certificate_files = certificates,
	    .n_certificate_files = 1, .ca_file = file("ca.crt") };
	bob = decrypt_make(arena, &account, clock_now());
	buf_init_secret(&out, LIMIT);
	return 0;
}

static int end(void **state)
{
	(void)state;
	gnupg_end(home);
	scratch_remove(folder);
	buf_free(&out);
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authenticated),
		cmocka_unit_test(open_to_change),
		cmocka_unit_test(signed_around),
		cmocka_unit_test(signed_beside),
		cmocka_unit_test(signed_by_another),
		cmocka_unit_test(author_inside),
		cmocka_unit_test(in_each_other),
		cmocka_unit_test(only_signed),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
