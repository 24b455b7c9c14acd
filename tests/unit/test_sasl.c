#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/sasl.h"

static struct arena *arena;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	err_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* The response to CHALLENGE, or NULL. */
static const char *step(struct sasl *s, const char *challenge)
{
	struct buf b;
	const char *z = NULL;

	buf_init(&b, SASL_MESSAGE_MAX);
	if (sasl_step(s, str_of(challenge), &b, &err))
		z = arena_z(arena, buf_str(&b));
	buf_free(&b);
	return z;
}

static struct sasl *login(enum sasl_mechanism m, const char *user,
    const char *secret, const char *nonce)
{
	struct sasl_login who = {
		.user = str_of(user), .secret = str_of(secret),
		.host = STR_LIT("server.example.com"), .port = 143,
		.nonce = str_of(nonce),
	};

	return sasl_make(arena, m, &who);
}

/* ---------------------------------------------------------------- SCRAM */

/* RFC 7677 section 3 and RFC 5802 section 5. */
static const struct exchange {
	enum sasl_mechanism mechanism;
	const char *nonce, *c1, *s1, *c2, *s2;
} exchanges[] = {
	{ SASL_SCRAM_SHA_256, "rOprNGfwEbeRWgbNEkqO",
	    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
	{ SASL_SCRAM_SHA_1, "fyko+d2lbbFgONRv9qkxdawL",
	    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	    "s=QSXCR+Q6sek8bf92,i=4096",
	    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	    "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
};

static void test_scram_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(exchanges); i++) {
		const struct exchange *x = &exchanges[i];
		struct sasl *s = login(x->mechanism, "user", "pencil",
		    x->nonce);

		assert_string_equal(step(s, ""), x->c1);
		assert_false(sasl_finish(s, &(struct err){ 0 }));
		assert_string_equal(step(s, x->s1), x->c2);
		assert_false(sasl_finish(s, &(struct err){ 0 }));
		assert_string_equal(step(s, x->s2), "");
		assert_true(sasl_finish(s, &err));
		sasl_wipe(s);
	}
}

static void test_scram_false_server(void **state)
{
	const struct exchange *x = &exchanges[0];
	static const char *const wrong[] = {
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
		"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",	/* too short */
		"v=", "", "v", "x=6rri",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct sasl *s = login(x->mechanism, "user", "pencil",
		    x->nonce);

		assert_non_null(step(s, ""));
		assert_non_null(step(s, x->s1));
		err_clear(&err);
		assert_null(step(s, wrong[i]));
		assert_int_equal(err.kind, ERR_AUTH);
		assert_false(sasl_finish(s, &err));
	}
}

static void test_scram_bad_challenges(void **state)
{
	static const struct {
		const char *text;
		enum err_kind kind;
	} bad[] = {
		{ "", ERR_PROTO },
		{ "r=", ERR_PROTO },
		{ "r=abcdef", ERR_PROTO },
		{ "r=abcdef,s=QSXCR+Q6sek8bf92", ERR_PROTO },
		{ "r=abcdef,s=***,i=4096", ERR_PROTO },
		{ "r=abcdef,s=,i=4096", ERR_PROTO },
		{ "r=abcdef,s=QSXCR+Q6sek8bf92,i=", ERR_PROTO },
		{ "r=abcdef,s=QSXCR+Q6sek8bf92,i=4x", ERR_PROTO },
		{ "r=abcdef,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
		    ERR_PROTO },
		{ "m=ext,r=abcdef,s=QSXCR+Q6sek8bf92,i=4096", ERR_PROTO },
		{ "s=QSXCR+Q6sek8bf92,r=abcdef,i=4096", ERR_PROTO },
		/* not our nonce, or nothing added to it */
		{ "r=abxyz,s=QSXCR+Q6sek8bf92,i=4096", ERR_AUTH },
		{ "r=abc,s=QSXCR+Q6sek8bf92,i=4096", ERR_AUTH },
		/* too cheap to guess, or too dear to do */
		{ "r=abcdef,s=QSXCR+Q6sek8bf92,i=4095", ERR_AUTH },
		{ "r=abcdef,s=QSXCR+Q6sek8bf92,i=4294967295", ERR_AUTH },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct sasl *s = login(SASL_SCRAM_SHA_1, "user", "pencil",
		    "abc");

		assert_non_null(step(s, ""));
		err_clear(&err);
		if (step(s, bad[i].text))
			fail_msg("%s was taken", bad[i].text);
		assert_int_equal(err.kind, bad[i].kind);
	}
}

static void test_scram_names_and_nonces(void **state)
{
	struct sasl *s = login(SASL_SCRAM_SHA_256, "a,b=c", "x", "N");
	const char *one, *two;

	(void)state;
	assert_string_equal(step(s, ""), "n,,n=a=2Cb=3Dc,r=N");
	one = step(login(SASL_SCRAM_SHA_256, "u", "x", ""), "");
	two = step(login(SASL_SCRAM_SHA_256, "u", "x", ""), "");
	assert_true(strlen(one) > strlen("n,,n=u,r=") + 24);
	assert_string_not_equal(one, two);
	/* a server that says e= is believed: the tagged NO follows */
	s = login(SASL_SCRAM_SHA_1, "user", "pencil", exchanges[1].nonce);
	step(s, "");
	step(s, exchanges[1].s1);
	assert_string_equal(step(s, "e=invalid-proof"), "");
	assert_true(str_eq_z(sasl_reason(s), "invalid-proof"));
	assert_false(sasl_finish(s, &err));
}

/* ---------------------------------------------------------- the others */

static void test_plain(void **state)
{
	struct buf b;
	struct sasl *s = login(SASL_PLAIN, "tim", "tanstaaftanstaaf", "");

	(void)state;
	buf_init(&b, SASL_MESSAGE_MAX);
	assert_true(sasl_step(s, STR_EMPTY, &b, &err));
	/* RFC 4616 section 4 */
	assert_true(str_eq(buf_str(&b), (struct str){
	    "\0tim\0tanstaaftanstaaf", 21 }));
	assert_true(sasl_finish(s, &err));
	assert_false(sasl_step(s, STR_LIT("more"), &b, &err));
	assert_int_equal(err.kind, ERR_PROTO);
	buf_free(&b);
}

static void test_oauthbearer(void **state)
{
	struct sasl *s = login(SASL_OAUTHBEARER, "user@example.com",
	    "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "");

	(void)state;
	/* RFC 7628 section 4.1 */
	assert_string_equal(step(s, ""), "n,a=user@example.com,\001"
	    "host=server.example.com\001port=143\001auth=Bearer "
	    "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001");
	/* section 4.3 */
	assert_string_equal(step(s, "{\"status\":\"invalid_token\"}"),
	    "\001");
	assert_true(str_eq_z(sasl_reason(s),
	    "{\"status\":\"invalid_token\"}"));
}

static void test_xoauth2(void **state)
{
	struct sasl *s = login(SASL_XOAUTH2, "someuser@example.com",
	    "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", "");
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	sasl_base64(str_of(step(s, "")), &b);
	/* as in Google's description of it */
	assert_string_equal(buf_z(&b), "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQ"
	    "FhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1s"
	    "emRHRXVZMjl0Q2cBAQ==");
	assert_string_equal(step(s, "{\"status\":\"401\"}"), "");
	buf_free(&b);
}

static void test_external(void **state)
{
	(void)state;
	assert_string_equal(step(login(SASL_EXTERNAL, "", "", ""), ""), "");
	assert_string_equal(step(login(SASL_EXTERNAL, "bob", "", ""), ""),
	    "bob");
}

static void test_separators_in_secrets(void **state)
{
	static const char *const bad[] = { "a\001b", "a\nb", "a\rb" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		for (enum sasl_mechanism m = SASL_PLAIN; m <= SASL_EXTERNAL;
		    m++) {
			err_clear(&err);
			assert_null(step(login(m, "u", bad[i], "N"), ""));
			assert_int_equal(err.kind, ERR_AUTH);
			assert_null(step(login(m, bad[i], "s", "N"), ""));
		}
	/* the message does not show it */
	assert_null(strstr(err.msg, "a\rb"));
}

/* A server that never stops asking. */
static void test_no_end(void **state)
{
	struct sasl *s = login(SASL_XOAUTH2, "u", "t", "");
	int n = 0;

	(void)state;
	while (n < 100 && step(s, "x"))
		n++;
	assert_in_range(n, 2, 10);
	assert_int_equal(err.kind, ERR_PROTO);
}

static void test_base64(void **state)
{
	/* RFC 4648 section 10 */
	static const char *const pairs[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xFF\xFE\xFD", "//79" },
	};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zm9v=",
		"Zm9*", "Zm 9", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n",
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < COUNT(pairs); i++) {
		buf_clear(&b);
		sasl_base64(str_of(pairs[i][0]), &b);
		assert_string_equal(buf_z(&b), pairs[i][1]);
		buf_clear(&b);
		assert_true(sasl_unbase64(str_of(pairs[i][1]), &b));
		assert_true(str_eq_z(buf_str(&b), pairs[i][0]));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		buf_clear(&b);
		if (sasl_unbase64(str_of(bad[i]), &b))
			fail_msg("\"%s\" was taken", bad[i]);
	}
	buf_free(&b);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_scram_vectors), T(test_scram_false_server),
		T(test_scram_bad_challenges), T(test_scram_names_and_nonces),
		T(test_plain), T(test_oauthbearer), T(test_xoauth2),
		T(test_external), T(test_separators_in_secrets),
		T(test_no_end), T(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
