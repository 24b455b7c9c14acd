#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/oauth.h"

static struct arena *arena;
static struct err err;

static const struct oauth_client other = {
	.account = "work", .user = "alice+x@example.org", .provider = "other",
	.client_id = "client 1", .scope = "mail offline_access",
	.authorization_endpoint = "https://h.example/authorize",
	.token_endpoint = "https://h.example:44/token",
	.device_endpoint = "https://h.example/device",
};

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

static void assert_str(struct str got, const char *want)
{
	assert_string_equal(arena_z(arena, got), want);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

/* ------------------------------------------------------------- the asking */

/* RFC 7636 appendix B. */
static void test_challenge(void **state)
{
	(void)state;
	assert_str(oauth_challenge(arena,
	    STR_LIT("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
	    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

/* Chance in which the verifier is that of RFC 7636 appendix B. */
static void make_chance(unsigned char chance[OAUTH_CHANCE])
{
	static const unsigned char verifier[] = {
		116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216,
		173, 187, 186, 22, 212, 37, 77, 105, 214, 191, 240, 91, 88,
		5, 88, 83, 132, 141, 121,
	};

	memset(chance, 0xFB, OAUTH_CHANCE);
	memcpy(chance + OAUTH_CHANCE - sizeof(verifier), verifier,
	    sizeof(verifier));
}

static void ask(const struct oauth_client *c, struct oauth_request *r)
{
	unsigned char chance[OAUTH_CHANCE];

	make_chance(chance);
	oauth_ask(arena, c, 4711, chance, r);
}

#define STATE	"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7"

static void test_address(void **state)
{
	struct oauth_request r;

	(void)state;
	ask(&other, &r);
	assert_str(r.verifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
	assert_str(r.state, STATE);
	assert_str(r.redirect, "http://127.0.0.1:4711");
	assert_str(r.address, "https://h.example/authorize?response_type=code"
	    "&client_id=client%201"
	    "&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711"
	    "&scope=mail%20offline_access"
	    "&state=" STATE
	    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	    "&code_challenge_method=S256"
	    "&login_hint=alice%2Bx%40example.org");
}

static void test_known_providers(void **state)
{
	struct oauth_client google = { .account = "g", .user = "u",
		.provider = "google", .client_id = "id" };
	struct oauth_client microsoft = { .account = "m", .user = "u",
		.provider = "microsoft", .client_id = "id" };
	struct oauth_request r;
	const char *z;

	(void)state;
	oauth_complete(arena, &google);
	ask(&google, &r);
	z = arena_z(arena, r.address);
	assert_has(z, "https://accounts.google.com/o/oauth2/v2/auth?");
	assert_has(z, "&scope=https%3A%2F%2Fmail.google.com%2F&");
	assert_has(z, "&access_type=offline&prompt=consent");
	assert_string_equal(oauth_no_device(&google),
	    "Google does not allow mail in the device flow");
	oauth_complete(arena, &microsoft);
	ask(&microsoft, &r);
	z = arena_z(arena, r.address);
	assert_has(z, "https://login.microsoftonline.com/common/oauth2/v2.0/"
	    "authorize?");
	assert_has(z, "&redirect_uri=http%3A%2F%2Flocalhost%3A4711&");
	assert_null(strstr(z, "access_type"));
	assert_string_equal(microsoft.token_endpoint,
	    "https://login.microsoftonline.com/common/oauth2/v2.0/token");
	assert_true(oauth_has_tenant("microsoft"));
	assert_false(oauth_has_tenant("google"));
	assert_false(oauth_has_tenant("other"));
	assert_false(oauth_provider_known("yahoo"));
	assert_false(oauth_provider_known(NULL));
}

static void test_query_of_the_endpoint(void **state)
{
	struct oauth_client c = other;
	struct oauth_request r;

	(void)state;
	c.authorization_endpoint = "https://h.example/a?tenant=1";
	c.scope = NULL;
	ask(&c, &r);
	assert_has(arena_z(arena, r.address),
	    "https://h.example/a?tenant=1&response_type=code&");
	assert_null(strstr(r.address.p, "scope"));
}

/* ------------------------------------------------------------ the redirect */

static const struct {
	const char *address;
	enum oauth_return got;
	const char *text;	/* the code, or a part of the error */
} redirects[] = {
	{ "http://127.0.0.1:4711/?code=abc&state=" STATE, OAUTH_CODE, "abc" },
	{ "/?state=" STATE "&code=a%2Fb%7E", OAUTH_CODE, "a/b~" },
	{ "?code=abc&state=" STATE "#frag", OAUTH_CODE, "abc" },
	{ "/?code=abc&state=" STATE "&iss=x&scope=a+b", OAUTH_CODE, "abc" },
	{ "/?code=abc&state=" STATE "x", OAUTH_STRANGE, "state" },
	{ "/?code=abc", OAUTH_STRANGE, "state" },
	{ "/?code=abc&state=", OAUTH_STRANGE, "state" },
	{ "/?code=abc&state=" STATE "&state=" STATE, OAUTH_STRANGE, "state" },
	{ "/?code=a&code=b&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?code=&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?code&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?code=%&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?code=%4&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?code=%0A&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?code=%00&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?code=a+b&state=" STATE, OAUTH_STRANGE, "no code" },
	{ "/?state=" STATE, OAUTH_STRANGE, "no code" },
	{ "", OAUTH_STRANGE, "state" },
	{ "?", OAUTH_STRANGE, "state" },
	{ "abc", OAUTH_STRANGE, "state" },
	{ "/?error=access_denied&state=" STATE, OAUTH_DENIED,
	    "the consent was denied" },
	{ "/?error=access_denied&error_description=not+%22you%22%1B%5B31m"
	    "&state=" STATE, OAUTH_DENIED, "(not \"you\"\\x1B[31m)" },
	{ "/?error=invalid_scope&code=abc&state=" STATE, OAUTH_DENIED,
	    "`auth.scope`" },
	{ "/?error=odd&state=" STATE, OAUTH_DENIED, "says odd" },
	{ "/?error=access_denied", OAUTH_STRANGE, "state" },
};

static void test_redirects(void **state)
{
	struct oauth_request r;

	(void)state;
	ask(&other, &r);
	for (size_t i = 0; i < COUNT(redirects); i++) {
		struct str code = STR_EMPTY;
		enum oauth_return got;

		err_clear(&err);
		got = oauth_returned(arena, &r, str_of(redirects[i].address),
		    &code, &err);
		if (got != redirects[i].got)
			fail_msg("%s: %d", redirects[i].address, got);
		if (got == OAUTH_CODE)
			assert_str(code, redirects[i].text);
		else
			assert_has(err.msg, redirects[i].text);
	}
}

/* --------------------------------------------------------------- forms */

static void test_forms(void **state)
{
	struct oauth_request r;
	struct buf b;

	(void)state;
	ask(&other, &r);
	buf_init(&b, OAUTH_FORM_MAX);
	oauth_form_code(&b, &other, STR_LIT("s&=%"), &r, STR_LIT("c/d"));
	assert_string_equal(buf_z(&b), "grant_type=authorization_code"
	    "&code=c%2Fd&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711"
	    "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	    "&client_id=client%201&client_secret=s%26%3D%25");
	buf_clear(&b);
	oauth_form_refresh(&b, &other, STR_EMPTY, STR_LIT("r+1"));
	assert_string_equal(buf_z(&b), "grant_type=refresh_token"
	    "&refresh_token=r%2B1&client_id=client%201");
	buf_clear(&b);
	oauth_form_device(&b, &other);
	assert_string_equal(buf_z(&b), "client_id=client%201"
	    "&scope=mail%20offline_access");
	buf_clear(&b);
	oauth_form_poll(&b, &other, STR_EMPTY, STR_LIT("d"));
	assert_string_equal(buf_z(&b), "grant_type=urn%3Aietf%3Aparams%3A"
	    "oauth%3Agrant-type%3Adevice_code&device_code=d"
	    "&client_id=client%201");
	buf_free(&b);
}

/* -------------------------------------------------------------- answers */

static enum oauth_answer read_z(unsigned status, const char *body,
    struct oauth_tokens *t)
{
	err_clear(&err);
	oauth_tokens_init(t);
	return oauth_read_tokens(arena, &other, status, str_of(body), t,
	    &err);
}

static void test_tokens(void **state)
{
	struct oauth_tokens t;

	(void)state;
	/* RFC 6749 section 5.1 */
	assert_int_equal(read_z(200, "{\"access_token\":"
	    "\"2YotnFZFEjr1zCsicMWpAA\",\"token_type\":\"example\"}", &t),
	    OAUTH_BAD);
	assert_int_equal(err.kind, ERR_CONFIG);
	oauth_tokens_wipe(&t);
	assert_int_equal(read_z(200, "{\"access_token\":"
	    "\"2YotnFZFEjr1zCsicMWpAA\",\"token_type\":\"BEARER\","
	    "\"expires_in\":3600,\"refresh_token\":\"tGzv3JOkF0XG5Qx2TlKWIA\","
	    "\"example_parameter\":\"example_value\"}", &t), OAUTH_GOOD);
	assert_string_equal(buf_z(&t.access), "2YotnFZFEjr1zCsicMWpAA");
	assert_string_equal(buf_z(&t.refresh), "tGzv3JOkF0XG5Qx2TlKWIA");
	assert_int_equal(t.lasts, 3600);
	assert_int_equal(t.missing.n, 0);
	oauth_tokens_wipe(&t);
	assert_int_equal(read_z(200, "{\"access_token\":\"a\","
	    "\"scope\":\"openid\"}", &t), OAUTH_GOOD);
	assert_int_equal(t.refresh.n, 0);
	assert_int_equal(t.lasts, 0);
	assert_str(t.missing, "mail");
	oauth_tokens_wipe(&t);
}

static const struct {
	unsigned status;
	const char *body;
	enum err_kind kind;
	const char *text;
} bad[] = {
	{ 400, "{\"error\":\"invalid_grant\"}", ERR_AUTH, "consent was "
	    "withdrawn or has expired: run tamis auth work; h.example:44 "
	    "says invalid_grant" },
	{ 200, "{\"error\":\"invalid_grant\",\"access_token\":\"x\"}",
	    ERR_AUTH, "invalid_grant" },
	{ 401, "{\"error\":\"invalid_client\",\"error_description\":"
	    "\"no\\nsuch\"}", ERR_CONFIG, "(no\\x0Asuch)" },
	{ 400, "{\"error\":\"expired_token\"}", ERR_AUTH, "in time" },
	{ 503, "{\"error\":\"new_one\"}", ERR_TEMP, "says new_one" },
	{ 400, "{\"error\":\"new_one\"}", ERR_AUTH, "tamis auth work" },
	{ 400, "{\"error\":7}", ERR_PROTO, "status 400" },
	{ 200, "", ERR_PROTO, "status 200" },
	{ 200, "<html>", ERR_PROTO, "OAuth 2.0" },
	{ 302, "<html>", ERR_CONFIG, "check the endpoints" },
	{ 404, "<html>", ERR_CONFIG, "check the endpoints" },
	{ 500, "<html>", ERR_TEMP, "try later" },
	{ 201, "{\"access_token\":\"a\"}", ERR_PROTO, "status 201" },
	{ 200, "{\"access_token\":\"a b\"}", ERR_PROTO, "cannot be one" },
	{ 200, "{\"access_token\":\"a\\u0000b\"}", ERR_PROTO, "status 200" },
	{ 200, "{\"access_token\":\"a\",\"refresh_token\":\"\\n\"}",
	    ERR_PROTO, "cannot be one" },
};

static void test_bad_answers(void **state)
{
	struct oauth_tokens t;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (read_z(bad[i].status, bad[i].body, &t) != OAUTH_BAD)
			fail_msg("taken: %s", bad[i].body);
		if (err.kind != bad[i].kind)
			fail_msg("%s: kind %d", bad[i].body, err.kind);
		assert_has(err.msg, bad[i].text);
		assert_int_equal(t.access.n, 0);
		oauth_tokens_wipe(&t);
	}
	assert_int_equal(read_z(400, "{\"error\":\"authorization_pending\"}",
	    &t), OAUTH_PENDING);
	oauth_tokens_wipe(&t);
	assert_int_equal(read_z(400, "{\"error\":\"slow_down\"}", &t),
	    OAUTH_SLOW_DOWN);
	oauth_tokens_wipe(&t);
}

/* RFC 8628 section 3.2. */
static void test_device(void **state)
{
	struct oauth_device d;

	(void)state;
	oauth_device_init(&d);
	assert_true(oauth_read_device(arena, &other, 200, STR_LIT("{"
	    "\"device_code\": \"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS\","
	    "\"user_code\": \"WDJB-MJHT\","
	    "\"verification_uri\": \"https://example.com/device\","
	    "\"verification_uri_complete\":"
	    "\"https://example.com/device?user_code=WDJB-MJHT\","
	    "\"expires_in\": 1800, \"interval\": 5}"), &d, &err));
	assert_str(d.user_code, "WDJB-MJHT");
	assert_str(d.address, "https://example.com/device");
	assert_str(d.complete,
	    "https://example.com/device?user_code=WDJB-MJHT");
	assert_int_equal(d.interval, 5);
	assert_int_equal(d.lasts, 1800);
	oauth_device_wipe(&d);

	oauth_device_init(&d);
	assert_true(oauth_read_device(arena, &other, 200, STR_LIT("{"
	    "\"device_code\": \"x\", \"user_code\": \"A\","
	    "\"verification_url\": \"https://example.com/device\","
	    "\"verification_uri_complete\": \"file:///etc\"}"), &d, &err));
	assert_int_equal(d.complete.n, 0);
	assert_int_equal(d.interval, 5);
	oauth_device_wipe(&d);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_challenge), T(test_address), T(test_known_providers),
		T(test_query_of_the_endpoint), T(test_redirects),
		T(test_forms), T(test_tokens), T(test_bad_answers),
		T(test_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
