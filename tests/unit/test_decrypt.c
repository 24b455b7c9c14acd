#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/clock.h"
#include "engine/decrypt.h"
#include "engine/entity.h"
#include "engine/transform.h"
#include "gnupg.h"
#include "pgp_maker.h"

#define LIMIT	(1024 * 1024)

/*
 * Alice writes, Bob reads; the keyring has both keys, and one of Dora with a
 * passphrase.  Carol's has only hers.
 */
static struct arena *arena;
static const char *home, *carols_home;
static struct decrypt bob, carol;
static struct crypt *carols;

#define assert_str(s, z)	do { \
	struct str s_ = (s); \
	assert_int_equal(s_.n, strlen(z)); \
	assert_memory_equal(s_.p, (z), s_.n); \
} while (0)

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

#define TEXT	"Content-Type: text/plain\n\nsecret\n"

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
	    "X-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n signature=none; "
	    "author=no\n"
	    "\n"
	    "secret\n");
	assert_string_equal(verdict.layers, "openpgp AES256 MDC");
	assert_int_equal(verdict.signature, SEAL_UNSIGNED);
}

/* `decrypt: {verify: false}` wants no field. */
static void no_field(void **state)
{
	const struct transform t = { .limit = LIMIT, .decrypt = &bob };
	const struct facts facts = { .uid = 1 };
	const struct rewrite step = { .kind = REWRITE_DECRYPT };
	struct str header, body;

	(void)state;
	err_clear(&error);
	assert_true(transform_message(&t, arena, &step, 1, &facts,
	    message(HEADER, pgp_mime(encrypt_z(TEXT))), &header, &body,
	    &error));
	assert_string_equal(arena_z(arena, header),
	    HEADER "Content-Type: text/plain\n\n");
	assert_string_equal(arena_z(arena, body), "secret\n");
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
	    "X-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\r\n signature=none; "
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
	refuses(&carol, message(HEADER, pgp_mime(encrypt_z(TEXT))),
	    SEAL_NO_KEY);
	carol.crypt = NULL;
	refuses(&carol, message(HEADER, pgp_mime(encrypt_z(TEXT))),
	    SEAL_NO_KEY);
}

/* The name of our field is made once and kept where nobody else reads. */
static void token(void **state)
{
	const char *dir = scratch_make(arena);
	const char *path = arena_printf(arena, "%s/token", dir).p;
	struct decrypt one = bob, two = bob;
	struct stat st;

	(void)state;
	err_clear(&error);
	assert_true(decrypt_mark(&one, arena, dir, &error));
	assert_true(decrypt_mark(&two, arena, dir, &error));
	assert_int_equal(one.token.n, 20);
	assert_true(str_eq(one.token, two.token));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
	assert_true(decrypt_mark(&two, arena, dir, &error));
	assert_false(str_eq(one.token, two.token));
	scratch_write(path, STR_LIT("a b: c\n"));
	assert_false(decrypt_mark(&two, arena, dir, &error));
	assert_int_equal(error.kind, ERR_STATE);
	scratch_remove(dir);
}

/* ------------------------------------------------------- protected header */

#define PROTECTED \
	"Content-Type: text/plain; protected-headers=\"v1\"\n" \
	"Subject: what it is\n about\n" \
	"From: Alice Inside <alice@example.org>\n" \
	"Date: Tue, 6 Jan 2026 10:00:00 +0000\n" \
	"X-Other: dropped\n" \
	"\n" \
	"secret\n"

static const char *fingerprint(const char *user)
{
	struct str text = GNUPG(arena, home, STR_EMPTY, "--with-colons",
	    "--list-keys", user), line;

	while (str_cut(&text, '\n', &line))
		if (str_starts(line, STR_LIT("fpr:::::::::")))
			return arena_z(arena, str_sub(line, 12, 40));
	return NULL;
}

static void subject_is_promoted(void **state)
{
	(void)state;
	opens(message(HEADER, pgp_mime(encrypt_z(PROTECTED))),
	    "Received: from a by b;\n\tMon, 5 Jan 2026 10:00:00 +0000\n"
	    "From: Alice <alice@example.org>\n"
	    "to: bob@example.org\n"
	    "Subject: what it is\n about\n"
	    "Odd  :  kept  as it is\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; protected-headers=\"v1\"\n"
	    "X-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n signature=none; "
	    "author=no\n"
	    "\n"
	    "secret\n");
	assert_false(verdict.by_author);
}

static void author_is_promoted(void **state)
{
	const char *signer = fingerprint("alice@example.org");

	(void)state;
	opens(message("From: Somebody <list@example.org>\nSubject: ...\n",
	    pgp_mime(encrypt(STR_LIT(PROTECTED), "alice@example.org"))),
	    arena_printf(arena, "From: Alice Inside <alice@example.org>\n"
	    "Subject: what it is\n about\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; protected-headers=\"v1\"\n"
	    "Date: Tue, 6 Jan 2026 10:00:00 +0000\n"
	    "X-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n signature=good;\n"
	    " signer=%s; author=yes\n"
	    "\n"
	    "secret\n", signer).p);
	assert_int_equal(verdict.signature, SEAL_GOOD);
	assert_true(verdict.by_author);
	assert_string_equal(verdict.signer, signer);
}

/* Bob signs what says that it is Alice's. */
static void author_of_another(void **state)
{
	(void)state;
	assert_true(open_with(&bob, message(HEADER, pgp_mime(encrypt(
	    STR_LIT(PROTECTED), "bob@example.org")))));
	assert_int_equal(verdict.signature, SEAL_GOOD);
	assert_false(verdict.by_author);
	assert_non_null(strstr(buf_z(&out), "Subject: what it is"));
	assert_null(strstr(out.p, "Alice Inside"));
	assert_null(strstr(out.p, "Tue, 6 Jan"));
	assert_non_null(strstr(out.p, "signature=good"));
	assert_non_null(strstr(out.p, "author=no"));
}

/* Alice signs; the message says inside that it is by two. */
static void several_authors(void **state)
{
	(void)state;
	assert_true(open_with(&bob, message("From: a@example.org\n", pgp_mime(
	    encrypt(STR_LIT("Content-Type: text/plain; hp=cipher\n"
	    "From: alice@example.org, eve@example.org\n\nx\n"),
	    "alice@example.org")))));
	assert_false(verdict.by_author);
	assert_null(strstr(buf_z(&out), "eve"));
}

static void not_protected(void **state)
{
	(void)state;
	assert_true(open_with(&bob, message(HEADER, pgp_mime(encrypt(STR_LIT(
	    "Content-Type: text/plain\nSubject: inside\n\nx\n"),
	    "alice@example.org")))));
	assert_null(strstr(buf_z(&out), "inside"));
	assert_true(verdict.by_author);
}

/* Nobody outside can write our field. */
static void forged_field(void **state)
{
	(void)state;
	opens(message("From: alice@example.org\n"
	    "x-TAMIS-Decrypted-T0KEN: openpgp;\n signature=good\n"
	    "X-Tamis-Decrypted-other: stays\n"
	    "MIME-Version: 1.0\n", pgp_mime(encrypt_z(TEXT))),
	    "From: alice@example.org\n"
	    "X-Tamis-Decrypted-other: stays\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain\n"
	    "X-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n signature=none; "
	    "author=no\n"
	    "\nsecret\n");
}

/* ----------------------------------------------------------------- shapes */

/* A multipart/mixed of PARTS, which have no boundary yet. */
static struct str mixed(struct str first, struct str second)
{
	return arena_printf(arena, "Content-Type: multipart/mixed; "
	    "boundary=m\n\n--m\n%.*s\n--m\n%.*s\n--m--\n", STR_ARG(first),
	    STR_ARG(second));
}

static void beside_plain_text(void **state)
{
	struct str footer = STR_LIT("Content-Type: text/plain\n\nfooter");

	(void)state;
	opens(message(HEADER, mixed(pgp_mime(encrypt(STR_LIT(PROTECTED),
	    "alice@example.org")), footer)),
	    arena_printf(arena, HEADER "Content-Type: multipart/mixed; "
	    "boundary=m\nX-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n"
	    " signature=good;\n signer=%s; author=no\n\n"
	    "--m\nContent-Type: text/plain; protected-headers=\"v1\"\n\n"
	    "secret\n--m\n%.*s\n--m--\n", fingerprint("alice@example.org"),
	    STR_ARG(footer)).p);
}

static void beside_html(void **state)
{
	struct str m, page = STR_LIT("Content-Type: text/html\n\n"
	    "<img src=\"http://evil.example/");

	(void)state;
	m = pgp_mime(encrypt_z(TEXT));
	refuses(&bob, message(HEADER, mixed(page, m)), SEAL_UNSAFE_PLACE);
	refuses(&bob, message(HEADER, mixed(m, page)), SEAL_UNSAFE_PLACE);
	refuses(&bob, message(HEADER, mixed(m, mixed(page, page))),
	    SEAL_UNSAFE_PLACE);
	refuses(&bob, message(HEADER, mixed(m, m)), SEAL_UNSAFE_PLACE);
	refuses(&bob, arena_printf(arena, HEADER "Content-Type: "
	    "multipart/alternative; boundary=m\n\n--m\n%.*s\n--m--\n",
	    STR_ARG(m)), SEAL_UNSAFE_PLACE);
}

/* What Exchange makes of it. */
static void mangled(void **state)
{
	(void)state;
	opens(arena_printf(arena, HEADER
	    "Content-Type: multipart/mixed; boundary=m\n\n"
	    "--m\nContent-Type: text/plain\n\n\n"
	    "--m\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n"
	    "--m\nContent-Type: application/octet-stream\n\n%.*s\n--m--\n",
	    STR_ARG(encrypt_z(TEXT))),
	    HEADER "Content-Type: text/plain\n"
	    "X-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n signature=none; "
	    "author=no\n\nsecret\n");
}

static void armor_in_a_text(void **state)
{
	(void)state;
	opens(arena_printf(arena, HEADER
	    "Content-Type: text/plain; charset=iso-8859-1\n\n"
	    "Gr\xFC\xDF" "e\n%.*s\nfooter\n",
	    STR_ARG(encrypt_z("f\xC3\xBCr dich\n"))),
	    HEADER "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n"
	    "X-Tamis-Decrypted-t0ken: openpgp AES256 MDC;\n signature=none; "
	    "author=no\n\n"
	    "Gr\xC3\xBC\xC3\x9F" "e\nf\xC3\xBCr dich\n\nfooter\n");
}

static void armor_with_a_long_line(void **state)
{
	char line[2001];

	(void)state;
	memset(line, 'x', 2000);
	line[2000] = '\0';
	assert_true(open_with(&bob, arena_printf(arena, HEADER "\n%.*s",
	    STR_ARG(encrypt(str_of(line), "alice@example.org")))));
	assert_true(verdict.by_author);
	assert_non_null(strstr(buf_z(&out), "base64"));
	for (const char *p = out.p; p; p = strchr(p + 1, '\n'))
		assert_true(strcspn(p + 1, "\n") < 998);
}

/* ----------------------------------------------------------------- layers */

/* What is signed must have CRLF when it is (RFC 3156 section 5). */
static struct str signed_by(const char *user, struct str entity)
{
	struct str signature;
	struct buf crlf;

	buf_init(&crlf, LIMIT);
	entity_add_lines(&crlf, entity, true);
	crlf.n -= 2;
	signature = GNUPG(arena, home, buf_str(&crlf), "--armor", "-u", user,
	    "--detach-sign");
	buf_free(&crlf);
	return arena_printf(arena, "Content-Type: multipart/signed; "
	    "boundary=s;\n protocol=\"application/pgp-signature\"\n\n"
	    "--s\n%.*s--s\nContent-Type: application/pgp-signature\n\n"
	    "%.*s\n--s--\n", STR_ARG(entity), STR_ARG(signature));
}

static void signed_inside(void **state)
{
	struct str inside = signed_by("alice@example.org", STR_LIT(PROTECTED));

	(void)state;
	assert_true(open_with(&bob, message(HEADER, pgp_mime(encrypt(inside,
	    NULL)))));
	assert_int_equal(verdict.signature, SEAL_GOOD);
	assert_true(verdict.by_author);
	assert_non_null(strstr(buf_z(&out), "\nSubject: what it is\n about"));
	assert_non_null(strstr(out.p, "\nFrom: Alice Inside"));
	/* it stays, and fits what it stands with */
	assert_non_null(strstr(out.p, "Content-Type: multipart/signed"));
	inside = arena_str(arena, buf_str(&out));
	assert_true(decrypt_signature(&bob, inside, &verdict, &error));
	assert_true(verdict.by_author);
}

static void changed_inside(void **state)
{
	struct str inside = signed_by("alice@example.org", STR_LIT(PROTECTED));

	(void)state;
	*(char *)(uintptr_t)strstr(inside.p, "secret") = 'S';
	assert_true(open_with(&bob, message(HEADER, pgp_mime(encrypt(inside,
	    NULL)))));
	assert_int_equal(verdict.signature, SEAL_BAD);
	assert_false(verdict.by_author);
	assert_true(str_starts(buf_str(&out), STR_LIT("Received: from a by "
	    "b;\n\tMon, 5 Jan 2026 10:00:00 +0000\n"
	    "From: Alice <alice@example.org>\n")));
}

/* A signature around what is encrypted is of nobody who knows what is in
 * it. */
static void signed_outside(void **state)
{
	(void)state;
	assert_true(open_with(&bob, message(HEADER, signed_by(
	    "alice@example.org", pgp_mime(encrypt_z(PROTECTED))))));
	assert_int_equal(verdict.signature, SEAL_UNSIGNED);
	assert_false(verdict.by_author);
	assert_non_null(strstr(buf_z(&out), "\nSubject: what it is"));
	assert_null(strstr(out.p, "multipart/signed"));
}

static void too_many_layers(void **state)
{
	struct str m = STR_LIT(TEXT);

	(void)state;
	for (int i = 0; i < DECRYPT_DEPTH_MAX; i++)
		m = pgp_mime(encrypt(m, NULL));
	refuses(&bob, message(HEADER, m), SEAL_OVER_LIMIT);
}

static void only_signed(void **state)
{
	struct str m = message(HEADER, signed_by("alice@example.org",
	    STR_LIT(TEXT)));
	struct str other = message("From: eve@example.org\n",
	    signed_by("alice@example.org", STR_LIT(PROTECTED)));

	(void)state;
	assert_true(open_with(&bob, m));
	assert_false(verdict.changed);
	assert_true(decrypt_signature(&bob, m, &verdict, &error));
	assert_true(verdict.by_author);
	*(char *)(uintptr_t)strstr(m.p, "secret") = 'S';
	assert_true(decrypt_signature(&bob, m, &verdict, &error));
	assert_int_equal(verdict.signature, SEAL_BAD);
	/* the author outside is what a rule reads */
	assert_true(decrypt_signature(&bob, other, &verdict, &error));
	assert_int_equal(verdict.signature, SEAL_GOOD);
	assert_false(verdict.by_author);
	assert_true(decrypt_signature(&bob, STR_LIT(HEADER "\nhello\n"),
	    &verdict, &error));
	assert_int_equal(verdict.signature, SEAL_UNSIGNED);
}

static void signed_text(void **state)
{
	struct str text = GNUPG(arena, home, STR_LIT("hello\n"), "-u",
	    "alice@example.org", "--clearsign");

	(void)state;
	assert_true(decrypt_signature(&bob, arena_printf(arena, HEADER
	    "\n%.*s", STR_ARG(text)), &verdict, &error));
	assert_true(verdict.by_author);
	assert_true(decrypt_signature(&bob, arena_printf(arena, HEADER
	    "\nSend money!\n%.*s", STR_ARG(text)), &verdict, &error));
	assert_int_equal(verdict.signature, SEAL_GOOD);
	assert_false(verdict.by_author);	/* not of all that is there */
}

static void unknown_signer(void **state)
{
	struct str m = message(HEADER, signed_by("alice@example.org",
	    STR_LIT(TEXT)));
	struct decrypt hers = carol;

	(void)state;
	hers.crypt = carols;
	assert_true(decrypt_signature(&hers, m, &verdict, &error));
	assert_int_equal(verdict.signature, SEAL_UNKNOWN_KEY);
	assert_false(verdict.by_author);
}

/* --------------------------------------------------------------- refusals */

static struct buf packets;
static struct pgp_maker maker;

static struct str literal(const char *text)
{
	buf_free(&packets);
	buf_init(&packets, LIMIT);
	maker_literal(&packets, str_of(text));
	return buf_str(&packets);
}

static struct str made(struct str plain, enum maker_kind kind)
{
	/* what is not armored stands in base64 */
	struct str cipher = maker_message(arena, &maker, plain, kind);

	return arena_printf(arena, HEADER
	    "Content-Type: multipart/encrypted; boundary=b;\n"
	    " protocol=\"application/pgp-encrypted\"\n\n"
	    "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n"
	    "--b\nContent-Type: application/octet-stream\n\n%.*s\n--b--\n",
	    STR_ARG(GNUPG(arena, home, cipher, "--enarmor")));
}

static struct str as_message(struct str armored)
{
	struct str text = arena_str(arena, armored);
	char *p;

	while ((p = strstr(text.p, "ARMORED FILE-----")))
		memcpy(p, "MESSAGE-----     ", 17);
	return text;
}

static void integrity(void **state)
{
	(void)state;
	/* the maker makes what GnuPG takes */
	assert_true(open_with(&bob, as_message(made(literal(TEXT),
	    MAKER_MDC))));
	assert_string_equal(verdict.layers, "openpgp AES256 MDC");

	refuses(&bob, as_message(made(literal(TEXT), MAKER_WRONG_MDC)),
	    SEAL_MODIFIED);
	refuses(&bob, as_message(made(literal(TEXT), MAKER_NO_MDC)),
	    SEAL_MODIFIED);
	refuses(&bob, as_message(made(literal(TEXT), MAKER_OLD)),
	    SEAL_NO_INTEGRITY);
}

/* GnuPG does not see the second and the third. */
static void integrity_not_checked(void **state)
{
	static const enum maker_kind kinds[] = { MAKER_OCB, MAKER_WRONG_OCB,
	    MAKER_CUT_OCB };

	(void)state;
	buf_free(&packets);
	buf_init(&packets, LIMIT);
	/* literal data of no length (RFC 4880 section 4.2.1) */
	buf_add(&packets, "\xAF" "b\0\0\0\0\0" TEXT, 7 + strlen(TEXT));
	while (packets.n < 100000)
		buf_add_z(&packets, "secret\n");
	for (size_t i = 0; i < COUNT(kinds); i++)
		refuses(&bob, as_message(made(buf_str(&packets), kinds[i])),
		    SEAL_NO_INTEGRITY);
}

/* Even where GnuPG is told to let it pass. */
static void integrity_ignored(void **state)
{
	const char *conf = arena_printf(arena, "%s/gpg.conf", home).p;

	(void)state;
	scratch_write(conf, STR_LIT("ignore-mdc-error\n"));
	refuses(&bob, as_message(made(literal(TEXT), MAKER_OLD)),
	    SEAL_NO_INTEGRITY);
	refuses(&bob, as_message(made(literal(TEXT), MAKER_WRONG_MDC)),
	    SEAL_MODIFIED);
	unlink(conf);
}

static void several_plaintexts(void **state)
{
	(void)state;
	(void)literal(TEXT);
	maker_literal(&packets, STR_LIT("Content-Type: text/html\n\n<b>"));
	refuses(&bob, as_message(made(buf_str(&packets), MAKER_MDC)),
	    SEAL_MODIFIED);
}

/* A stranger's text before or behind what is encrypted. */
static void text_outside(void **state)
{
	struct buf b;
	struct str inside = maker_message(arena, &maker, literal(TEXT),
	    MAKER_MDC);

	(void)state;
	for (int first = 0; first < 2; first++) {
		struct seal_verdict v;
		struct buf plain;

		buf_init(&b, LIMIT);
		buf_init_secret(&plain, LIMIT);
		if (first)
			maker_literal(&b, STR_LIT("Content-Type: text/x\n"));
		buf_add_str(&b, inside);
		if (!first)
			maker_literal(&b, STR_LIT("more"));
		assert_false(crypt_decrypt(bob.crypt, arena, buf_str(&b),
		    &plain, &v, &error));
		assert_true(v.refusal != SEAL_OPENED);
		assert_int_equal(plain.n, 0);
		err_clear(&error);
		buf_free(&b);
		buf_free(&plain);
	}
}

static void bits_flipped(void **state)
{
	struct str cipher = maker_message(arena, &maker, literal(TEXT),
	    MAKER_MDC);
	char *p = arena_z(arena, cipher);

	(void)state;
	for (size_t at = 0; at < cipher.n; at += 7) {
		struct seal_verdict v;
		struct buf plain;

		buf_init_secret(&plain, LIMIT);
		p[at] ^= 1 << at % 8;
		err_clear(&error);
		if (crypt_decrypt(bob.crypt, arena, (struct str){ p,
		    cipher.n }, &plain, &v, &error))
			/* a bit that means nothing, in the key's packet */
			assert_str(buf_str(&plain), TEXT);
		else
			assert_int_equal(plain.n, 0);
		assert_true(at < maker.session.n || plain.n == 0);
		p[at] ^= 1 << at % 8;
		buf_free(&plain);
	}
}

static void cut_off(void **state)
{
	struct str cipher = encrypt_z(TEXT);

	(void)state;
	for (size_t n = 60; n < cipher.n - 40; n += 61) {
		assert_false(open_with(&bob, message(HEADER,
		    pgp_mime(str_sub(cipher, 0, n)))));
		assert_int_equal(out.n, 0);
	}
}

static void over_the_limit(void **state)
{
	struct buf bomb;

	(void)state;
	buf_init(&bomb, 64 * LIMIT);
	buf_add_z(&bomb, "Content-Type: text/plain\n\n");
	while (bomb.n < 20 * LIMIT)
		buf_add_z(&bomb, "0000000000000000000000000000000000000000");
	refuses(&bob, message(HEADER, pgp_mime(encrypt(buf_str(&bomb),
	    NULL))), SEAL_OVER_LIMIT);
	buf_free(&bomb);
}

static void no_entity(void **state)
{
	(void)state;
	refuses(&bob, message(HEADER, pgp_mime(encrypt_z("just text\n"))),
	    SEAL_UNREADABLE);
	refuses(&bob, message(HEADER, pgp_mime(encrypt(STR_LIT(
	    "Content-Type: text/plain\n\na\0b\n"), NULL))), SEAL_UNREADABLE);
	refuses(&bob, message(HEADER, pgp_mime(encrypt_z("Content-Type: "
	    "text/plain\rFrom: eve@example.org\n\nx\n"))), SEAL_UNREADABLE);
	refuses(&bob, message(HEADER, pgp_mime(encrypt_z(""))),
	    SEAL_UNREADABLE);
	refuses(&bob, message(HEADER, pgp_mime(STR_LIT("nonsense\n"))),
	    SEAL_UNREADABLE);
	refuses(&bob, message(HEADER, pgp_mime(GNUPG(arena, home,
	    STR_LIT(TEXT), "--armor", "-u", "alice@example.org", "-s"))),
	    SEAL_UNREADABLE);
}

/* -------------------------------------------------------------- passphrase */

static struct str for_dora(void)
{
	return message(HEADER, pgp_mime(GNUPG(arena, home, STR_LIT(TEXT),
	    "--armor", "-e", "-r", "dora@example.org")));
}

static struct decrypt with_command(struct arena *a, const char *first,
    const char *second)
{
	const char **argv = arena_array(a, 3, sizeof(*argv));
	struct crypt_settings *set = arena_make(a, struct crypt_settings);
	struct decrypt d = bob;

	argv[0] = first;
	argv[1] = second;
	*set = (struct crypt_settings){ .home = home,
	    .passphrase_command = argv, .command_seconds = 20 };
	d.crypt = crypt_new(a, set);
	return d;
}

static void passphrase_by_command(void **state)
{
	struct arena *a = arena_new();
	struct decrypt right = with_command(a, "echo", "open sesame");
	struct decrypt wrong = with_command(a, "echo", "open barley");
	struct decrypt none = with_command(a, "false", NULL);

	(void)state;
	refuses(&wrong, for_dora(), SEAL_PASSPHRASE);
	refuses(&none, for_dora(), SEAL_PASSPHRASE);
	assert_non_null(strstr(error.msg, "passphrase command false"));
	assert_true(open_with(&right, for_dora()));
	assert_non_null(strstr(buf_z(&out), "secret"));
	arena_free(&a);
}

/* A stranger cannot make a window open. */
static void only_a_passphrase(void **state)
{
	const char *script = arena_printf(arena, "%s/pinentry", home).p;
	const char *asked = arena_printf(arena, "%s/asked", home).p;
	struct arena *a = arena_new();
	struct decrypt right = with_command(a, "echo", "open sesame");
	struct str m = message(HEADER, pgp_mime(GNUPG(arena, home,
	    STR_LIT(TEXT), "--passphrase", "open sesame", "--armor",
	    "-c")));

	(void)state;
	scratch_write(script, arena_printf(arena, "#!/bin/sh\ntouch %s\n",
	    asked));
	assert_int_equal(chmod(script, 0700), 0);
	refuses(&bob, m, SEAL_PASSPHRASE);
	assert_int_not_equal(access(asked, F_OK), 0);
	refuses(&bob, for_dora(), SEAL_PASSPHRASE);
	assert_int_equal(access(asked, F_OK), 0);
	assert_true(open_with(&right, m));
	arena_free(&a);
}

/* Nobody answers the window that the agent opens. */
static void nobody_answers(void **state)
{
	struct crypt_settings set = { .home = home, .seconds = 6 };
	const char *script = arena_printf(arena, "%s/pinentry", home).p;
	struct decrypt d = bob;
	const char *pids = arena_printf(arena, "%s/pids", home).p;
	struct str pid;
	size_t pid_n;
	int64_t began;
	uint64_t n;

	(void)state;
	scratch_write(script, arena_printf(arena, "#!/bin/sh\n"
	    "echo $$ >> %s\nexec sleep 60\n", pids));
	assert_int_equal(chmod(script, 0700), 0);
	d.crypt = crypt_new(arena, &set);
	began = clock_ms();
	refuses(&d, for_dora(), SEAL_LATE);
	assert_true(clock_ms() - began < 40000);
	pid_n = scratch_read(arena, pids).n;
	assert_true(pid_n > 0);
	/* what needs nobody is still decrypted */
	assert_true(open_with(&d, message(HEADER, pgp_mime(encrypt_z(
	    TEXT)))));
	/* nobody is asked again; and an agent that is busy with its window
	 * is not waited for again */
	refuses(&d, for_dora(), SEAL_LATE);
	assert_int_equal(scratch_read(arena, pids).n, pid_n);
	began = clock_ms();
	refuses(&d, for_dora(), SEAL_LATE);
	assert_true(clock_ms() - began < 5000);
	pid = scratch_read(arena, pids);
	assert_true(str_u64(str_trim(pid), INT32_MAX, &n));
	assert_int_equal(kill((pid_t)n, SIGKILL), 0);
}

static int begin(void **state)
{
	static struct crypt_settings bobs, hers;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	arena = arena_new();
	home = gnupg_begin(arena);
	carols_home = gnupg_begin(arena);
	gnupg_make_key(arena, home, "Alice <alice@example.org>", "");
	gnupg_make_key(arena, home, "Bob <bob@example.org>", "");
	gnupg_make_key(arena, home, "Dora <dora@example.org>", "open sesame");
	gnupg_make_key(arena, carols_home, "Carol <carol@example.org>", "");
	bobs.home = home;
	hers.home = carols_home;
	bob = (struct decrypt){ .crypt = crypt_new(arena, &bobs),
	    .token = STR_LIT("t0ken"), .limit = LIMIT };
	carol = bob;
	carol.crypt = carols = crypt_new(arena, &hers);
	maker = maker_begin(arena, home, "bob@example.org");
	buf_init_secret(&out, LIMIT);
	return 0;
}

static int end(void **state)
{
	(void)state;
	gnupg_end(home);
	gnupg_end(carols_home);
	buf_free(&packets);
	buf_free(&out);
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_place),
		cmocka_unit_test(no_field),
		cmocka_unit_test(line_ends_of_the_message),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(no_key),
		cmocka_unit_test(token),
		cmocka_unit_test(subject_is_promoted),
		cmocka_unit_test(author_is_promoted),
		cmocka_unit_test(author_of_another),
		cmocka_unit_test(several_authors),
		cmocka_unit_test(not_protected),
		cmocka_unit_test(forged_field),
		cmocka_unit_test(beside_plain_text),
		cmocka_unit_test(beside_html),
		cmocka_unit_test(mangled),
		cmocka_unit_test(armor_in_a_text),
		cmocka_unit_test(armor_with_a_long_line),
		cmocka_unit_test(signed_inside),
		cmocka_unit_test(changed_inside),
		cmocka_unit_test(signed_outside),
		cmocka_unit_test(too_many_layers),
		cmocka_unit_test(only_signed),
		cmocka_unit_test(signed_text),
		cmocka_unit_test(unknown_signer),
		cmocka_unit_test(integrity),
		cmocka_unit_test(integrity_not_checked),
		cmocka_unit_test(integrity_ignored),
		cmocka_unit_test(several_plaintexts),
		cmocka_unit_test(text_outside),
		cmocka_unit_test(bits_flipped),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(over_the_limit),
		cmocka_unit_test(no_entity),
		cmocka_unit_test(passphrase_by_command),
		cmocka_unit_test(only_a_passphrase),
		cmocka_unit_test(nobody_answers),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
