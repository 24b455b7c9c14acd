#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "rules/mail.h"

#define ARMOR \
	"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"
#define CLEAR \
	"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhello\n" \
	"-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n"
/* ContentInfo of enveloped-data, signed-data, authEnveloped-data, data */
#define ENVELOPED	"MIAGCSqGSIb3DQEHA6CAMIACAQAxggFu\n"
#define SIGNED		"MIAGCSqGSIb3DQEHAqCAMIACAQExDzAN\n"
#define AUTHENTICATED	"MIAGCyqGSIb3DQEJEAEXoIAwgAIBADGC\n"
#define DATA		"MIAGCSqGSIb3DQEHAaCAJIAECWhlbGxv\n"

#define PGP_MIME(boundary) \
	"Content-Type: multipart/encrypted; boundary=" boundary ";\n" \
	" protocol=\"application/pgp-encrypted\"\n\n" \
	"--" boundary "\nContent-Type: application/pgp-encrypted\n\n" \
	"Version: 1\n" \
	"--" boundary "\nContent-Type: application/octet-stream\n\n" ARMOR \
	"--" boundary "--\n"
#define MIXED	"Content-Type: multipart/mixed; boundary=m\n\n"
#define TEXT	"Content-Type: text/plain\n\n"
#define CONTROL	"Content-Type: application/pgp-encrypted\n\nVersion: 1\n"
#define CIPHER	"Content-Type: application/octet-stream\n\n" ARMOR
#define P7M(type) \
	"Content-Type: application/pkcs7-mime; " type "\n" \
	"Content-Transfer-Encoding: base64\n\n"

static const char *const kinds[] = { "pgp-encrypted", "pgp-signed",
	"pgp-text", "pgp-text-signed", "smime-encrypted", "smime-opaque",
	"smime-signed", "nothing" };
static const char *const places[] = { "safe", "beside-others", "several",
	"incomplete" };

static struct arena *arena;

/* Kinds that are there, then the layer: "kind place [root]: what to open". */
static const char *described(const char *mail)
{
	struct mail *m = mail_make(arena, str_of(mail), MAIL_WHOLE, NULL, 0);
	const struct sealed *s = mail_sealed(m);
	struct str text = STR_EMPTY;

	for (unsigned k = 0; k < SEALED_NOT; k++)
		if (s->kinds & SEALED_BIT(k))
			text = arena_printf(arena, "%.*s%s ", STR_ARG(text),
			    kinds[k]);
	return arena_printf(arena, "%.*s-> %s %s%s", STR_ARG(text),
	    kinds[s->layer.kind], places[s->layer.place],
	    s->layer.is_root ? " root" : "").p;
}

static const struct sealed_layer *layer(const char *mail)
{
	return &mail_sealed(mail_make(arena, str_of(mail), MAIL_WHOLE, NULL,
	    0))->layer;
}

static void assert_part(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void structures(void **state)
{
	static const struct { const char *mail, *want; } cases[] = {
		{ TEXT "hello\n", "-> nothing safe" },
		{ "\nhello\n", "-> nothing safe" },
		{ PGP_MIME("b"), "pgp-encrypted -> pgp-encrypted safe root" },

		/* armor in a text */
		{ "\nBefore\n" ARMOR "behind\n",
		    "pgp-text -> pgp-text safe root" },
		{ TEXT CLEAR, "pgp-text-signed -> pgp-text-signed safe root" },
		{ TEXT CLEAR ARMOR, "pgp-text -> pgp-text safe root" },
		{ TEXT "> -----BEGIN PGP MESSAGE-----\n> x\n"
		    "> -----END PGP MESSAGE-----\n", "-> nothing safe" },
		{ TEXT "-----BEGIN PGP MESSAGE-----\n\ncut off\n",
		    "-> nothing safe" },
		{ "Content-Type: text/html\n\n" ARMOR, "-> nothing safe" },
		{ "Content-Type: application/pgp; format=text;\n"
		    "\tx-action=encrypt\n\n" ARMOR,
		    "pgp-text -> pgp-text safe root" },
		{ TEXT "Content-Transfer-Encoding", "-> nothing safe" },
		{ "Content-Type: text/plain\n"
		    "Content-Transfer-Encoding: quoted-printable\n\n"
		    "=2D----BEGIN PGP MESSAGE-----\n\nhQ=3D=3D\n"
		    "-----END PGP MESSAGE-----=20\n",
		    "pgp-text -> pgp-text safe root" },
		{ "Content-Type: text/plain\n"
		    "Content-Disposition: attachment; filename=a.asc\n\n"
		    ARMOR, "-> nothing safe" },

		/* what stands beside it */
		{ MIXED "--m\n" PGP_MIME("b") "--m\n" TEXT "footer\n--m--\n",
		    "pgp-encrypted -> pgp-encrypted safe" },
		{ MIXED "--m\nContent-Type: text/html\n\n<img src='\n--m\n"
		    PGP_MIME("b") "--m--\n",
		    "pgp-encrypted -> pgp-encrypted beside-others" },
		{ MIXED "--m\n" TEXT "x\n--m\nContent-Type: multipart/mixed; "
		    "boundary=n\n\n--n\n" PGP_MIME("b") "--n\n"
		    "Content-Type: image/png\n\nx\n--n--\n--m--\n",
		    "pgp-encrypted -> pgp-encrypted beside-others" },
		{ "Content-Type: multipart/alternative; boundary=m\n\n--m\n"
		    TEXT ARMOR "--m--\n",
		    "pgp-text -> pgp-text beside-others" },
		{ MIXED "--m\n" PGP_MIME("b") "--m\n" PGP_MIME("c") "--m--\n",
		    "pgp-encrypted -> pgp-encrypted several" },
		{ MIXED "--m\n" TEXT ARMOR "--m\n" TEXT "x\n--m--\n",
		    "pgp-text -> pgp-text safe" },

		/* as gateways leave it */
		{ MIXED "--m\n" TEXT "\n--m\n" CONTROL "--m\n" CIPHER
		    "--m\n" TEXT "\n--m--\n",
		    "pgp-encrypted -> pgp-encrypted safe root" },
		{ MIXED "--m\n" TEXT "words\n--m\n" CONTROL "--m\n" CIPHER
		    "--m--\n", "pgp-encrypted -> pgp-encrypted safe" },
		{ MIXED "--m\nContent-Type: text/html\n\nx\n--m\n" CONTROL
		    "--m\n" CIPHER "--m--\n",
		    "pgp-encrypted -> pgp-encrypted beside-others" },
		{ MIXED "--m\nContent-Type: application/octet-stream; "
		    "name=encrypted.asc\n\n" ARMOR "--m--\n",
		    "pgp-encrypted -> pgp-encrypted safe root" },
		{ MIXED "--m\n" TEXT "x\n--m\n"
		    "Content-Type: application/octet-stream; "
		    "name=letter.pdf.asc\n\n" ARMOR "--m--\n",
		    "-> nothing safe" },
		{ "Content-Type: multipart/encrypted; boundary=b\n\n--b\n"
		    CONTROL "--b\n" CIPHER "--b--\n",
		    "pgp-encrypted -> pgp-encrypted safe root" },
		{ "Content-Type: multipart/encrypted; boundary=b; "
		    "protocol=application/pgp-encrypted\n\n--b\n" CIPHER
		    "--b--\n", "pgp-encrypted -> pgp-encrypted safe root" },
		{ "Content-Type: multipart/encrypted; boundary=b; "
		    "protocol=application/pgp-encrypted\n\n--b\n" CONTROL
		    "--b--\n", "pgp-encrypted -> pgp-encrypted incomplete "
		    "root" },
		{ "Content-Type: multipart/encrypted; "
		    "protocol=application/pgp-encrypted\n\nx\n",
		    "pgp-encrypted -> pgp-encrypted incomplete root" },
		{ "Content-Type: multipart/encrypted; boundary=b; "
		    "protocol=application/pgp-encrypted\n\n--b\n" CONTROL
		    "--b\n" CIPHER "--b\nContent-Type: text/html\n\nx\n"
		    "--b--\n",
		    "pgp-encrypted -> pgp-encrypted beside-others root" },

		/* signatures */
		{ "Content-Type: multipart/signed; boundary=s; "
		    "protocol=\"application/pgp-signature\"\n\n--s\n" TEXT
		    "x\n--s\nContent-Type: application/pgp-signature\n\niQ\n"
		    "--s--\n", "pgp-signed -> pgp-signed safe root" },
		{ "Content-Type: multipart/signed; boundary=s\n\n--s\n" TEXT
		    "x\n--s\nContent-Type: application/x-pkcs7-signature\n\n"
		    "MI\n--s--\n", "smime-signed -> smime-signed safe root" },
		{ "Content-Type: multipart/signed; boundary=s; "
		    "protocol=\"application/pgp-signature\"\n\n--s\n"
		    PGP_MIME("b") "--s\nContent-Type: "
		    "application/pgp-signature\n\niQ\n--s--\n",
		    "pgp-encrypted pgp-signed -> pgp-signed safe root" },
		{ "Content-Type: multipart/signed; boundary=s; "
		    "protocol=\"application/pgp-signature\"\n\n--s\n" TEXT
		    "x\n--s--\n", "pgp-signed -> pgp-signed incomplete root" },
		{ MIXED "--m\nContent-Type: multipart/signed; boundary=s; "
		    "protocol=\"application/pgp-signature\"\n\n--s\n" TEXT
		    "x\n--s\nContent-Type: application/pgp-signature\n\niQ\n"
		    "--s--\n--m--\n", "pgp-signed -> nothing safe" },

		/* S/MIME */
		{ P7M("smime-type=enveloped-data") ENVELOPED,
		    "smime-encrypted -> smime-encrypted safe root" },
		{ P7M("smime-type=signed-data") ENVELOPED,
		    "smime-encrypted -> smime-encrypted safe root" },
		{ P7M("name=smime.p7m") SIGNED,
		    "smime-opaque -> smime-opaque safe root" },
		{ P7M("") AUTHENTICATED,
		    "smime-encrypted -> smime-encrypted safe root" },
		{ P7M("smime-type=enveloped-data") DATA, "-> nothing safe" },
		{ P7M("smime-type=enveloped-data") "????",
		    "smime-encrypted -> smime-encrypted safe root" },
		{ "Content-Type: application/octet-stream; name=SMIME.P7M\n"
		    "Content-Transfer-Encoding: base64\n\n" ENVELOPED,
		    "smime-encrypted -> smime-encrypted safe root" },
		{ MIXED "--m\n" P7M("") ENVELOPED "--m\nContent-Type: "
		    "text/html\n\nx\n--m--\n",
		    "smime-encrypted -> smime-encrypted beside-others" },
		{ MIXED "--m\n" P7M("") ENVELOPED "--m\n" PGP_MIME("b")
		    "--m--\n", "pgp-encrypted smime-encrypted -> "
		    "pgp-encrypted several" },

		/* attached messages are not looked into */
		{ MIXED "--m\nContent-Type: message/rfc822\n\n" PGP_MIME("b")
		    "--m--\n", "-> nothing safe" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (strcmp(described(cases[i].mail), cases[i].want) != 0)
			print_message("%s\n", cases[i].mail);
		assert_string_equal(described(cases[i].mail), cases[i].want);
	}
}

static void spans(void **state)
{
	const struct sealed_layer *l = layer("Subject: x\n" PGP_MIME("b"));

	(void)state;
	assert_int_equal(l->data.n, strlen(ARMOR) - 1);
	assert_true(str_starts(STR_LIT(ARMOR), l->data));
	assert_true(str_starts(l->whole, STR_LIT("--b\n")));
	assert_true(str_ends(l->whole, STR_LIT("--b--\n")));

	/* in a multipart: with its header, without the line end that is of
	 * the boundary behind it */
	l = layer(MIXED "--m\n" TEXT "a\n--m\n" PGP_MIME("b") "\n--m--\n");
	assert_part(l->whole, PGP_MIME("b"));

	/* both parts of what was one, and nothing else */
	l = layer(MIXED "--m\n" TEXT "words\n--m\n" CONTROL "--m\n" CIPHER
	    "--m--\n");
	assert_true(str_starts(l->whole, STR_LIT(CONTROL "--m\n")));
	assert_int_equal(l->whole.n, strlen(CONTROL "--m\n" CIPHER) - 1);

	l = layer("Content-Type: multipart/signed; boundary=s; "
	    "protocol=\"application/pgp-signature\"\n\n--s\r\n"
	    "Content-Type: text/plain\r\n\r\nsigned\r\n\r\n--s\r\n"
	    "Content-Type: application/pgp-signature\r\n\r\niQ\r\n--s--\r\n");
	assert_part(l->text, "Content-Type: text/plain\r\n\r\nsigned\r\n");
	assert_part(l->data, "iQ");
}

static void blocks(void **state)
{
	struct str text = STR_LIT("a\n" ARMOR "b\n" CLEAR "c\n" ARMOR);
	struct sealed_block b;
	size_t at = 0;

	(void)state;
	assert_true(sealed_next_block(text, &at, &b));
	assert_false(b.is_signed);
	assert_int_equal(b.from, 2);
	assert_int_equal(b.end, 2 + strlen(ARMOR) - 1);
	assert_true(sealed_next_block(text, &at, &b));
	assert_true(b.is_signed);
	assert_true(sealed_next_block(text, &at, &b));
	assert_false(b.is_signed);
	assert_int_equal(b.end, text.n - 1);
	assert_false(sealed_next_block(text, &at, &b));
	assert_false(sealed_next_block(text, &at, &b));
}

/* What the header says is never other than what the whole says. */
static void header_alone(void **state)
{
	static const struct { const char *type; unsigned sure, maybe; } cases[]
	    = {
		{ "", 0, SEALED_BIT(SEALED_PGP_TEXT) |
		    SEALED_BIT(SEALED_PGP_TEXT_SIGNED) },
		{ "text/plain; charset=utf-8", 0,
		    SEALED_BIT(SEALED_PGP_TEXT) |
		    SEALED_BIT(SEALED_PGP_TEXT_SIGNED) },
		{ "text/html", 0, 0 },
		{ "image/png", 0, 0 },
		{ "message/rfc822", 0, 0 },
		{ "multipart/mixed; boundary=x", 0,
		    SEALED_BIT(SEALED_NOT) - 1 },
		{ "multipart/encrypted; protocol=application/pgp-encrypted",
		    SEALED_BIT(SEALED_PGP_ENCRYPTED),
		    SEALED_BIT(SEALED_PGP_ENCRYPTED) },
		{ "multipart/signed; protocol=\"application/pgp-signature\"",
		    SEALED_BIT(SEALED_PGP_SIGNED),
		    SEALED_BIT(SEALED_NOT) - 1 },
		{ "application/x-pkcs7-mime", 0,
		    SEALED_BIT(SEALED_SMIME_ENCRYPTED) |
		    SEALED_BIT(SEALED_SMIME_OPAQUE) },
		{ "application/octet-stream", 0,
		    SEALED_BIT(SEALED_SMIME_ENCRYPTED) |
		    SEALED_BIT(SEALED_SMIME_OPAQUE) },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct content_type type;
		unsigned sure, maybe;

		content_type_read(arena, str_of(cases[i].type), &type);
		sealed_of_header(&type, &sure, &maybe);
		if (sure != cases[i].sure || maybe != cases[i].maybe)
			print_message("%s\n", cases[i].type);
		assert_int_equal(sure, cases[i].sure);
		assert_int_equal(maybe, cases[i].maybe);
	}
}

/* Whatever nests, and however often. */
static void limits(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64 * 1024 * 1024);
	buf_add_z(&b, MIXED);
	for (int i = 0; i < 2 * MAIL_PARTS_MAX; i++)
		buf_add_z(&b, "--m\nContent-Type: application/octet-stream; "
		    "name=msg.asc\n\nx\n");
	assert_true(mail_sealed(mail_make(arena, buf_str(&b), MAIL_WHOLE,
	    NULL, 0))->cut);
	buf_clear(&b);
	buf_add_z(&b, TEXT);
	for (int i = 0; i < 100000; i++)
		buf_add_z(&b, "-----BEGIN PGP MESSAGE-----\n");
	assert_int_equal(mail_sealed(mail_make(arena, buf_str(&b),
	    MAIL_WHOLE, NULL, 0))->kinds, 0);
	buf_free(&b);
}

static int begin(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures),
		cmocka_unit_test(spans),
		cmocka_unit_test(blocks),
		cmocka_unit_test(header_alone),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
