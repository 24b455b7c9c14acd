/*
 * What a provider of OAuth 2.0 answers, and what comes back to the loopback
 * address: the same octets as each of these.
 */
#include <string.h>

#include "engine/oauth.h"
#include "fuzz.h"

static const struct oauth_client client = {
	.account = "a", .user = "u", .provider = "other", .client_id = "c",
	.scope = "mail offline_access",
	.authorization_endpoint = "https://h.example/a",
	.token_endpoint = "https://h.example/t",
	.device_endpoint = "https://h.example/d",
};

static bool is_token(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] <= ' ' || b->p[i] > '~')
			return false;
	return b->n <= OAUTH_TOKEN_MAX;
}

static void read_tokens(struct arena *a, unsigned status, struct str body)
{
	struct oauth_tokens t;
	struct err e = { 0 };
	enum oauth_answer got;

	oauth_tokens_init(&t);
	got = oauth_read_tokens(a, &client, status, body, &t, &e);
	HOLDS((got == OAUTH_BAD) == (e.kind != ERR_NONE));
	HOLDS((got == OAUTH_GOOD) == (t.access.n > 0));
	HOLDS(is_token(&t.access) && is_token(&t.refresh) && t.lasts >= 0);
	HOLDS(fuzz_is_text(str_of(e.msg)));
	oauth_tokens_wipe(&t);
}

static void read_device(struct arena *a, struct str body)
{
	struct oauth_device d;
	struct err e = { 0 };

	oauth_device_init(&d);
	if (oauth_read_device(a, &client, 200, body, &d, &e))
		HOLDS(d.device_code.n > 0 && is_token(&d.device_code) &&
		    d.user_code.n > 0 && d.address.n > 0 &&
		    d.interval > 0 && d.lasts > 0);
	else
		HOLDS(e.kind != ERR_NONE);
	oauth_device_wipe(&d);
}

static void read_redirect(struct arena *a, struct str address)
{
	static const unsigned char chance[OAUTH_CHANCE];
	struct oauth_request r;
	struct err e = { 0 };
	struct str code;

	oauth_ask(a, &client, 1, chance, &r);
	if (oauth_returned(a, &r, address, &code, &e) == OAUTH_CODE)
		HOLDS(code.n > 0 && e.kind == ERR_NONE);
	else
		HOLDS(e.kind != ERR_NONE && fuzz_is_text(str_of(e.msg)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_input(data, n);
	struct arena *a;

	if (n > OAUTH_ANSWER_MAX)
		return 0;
	a = arena_new();
	read_tokens(a, 200, in);
	read_tokens(a, 400, in);
	read_device(a, in);
	read_redirect(a, in);
	arena_free(&a);
	return 0;
}
