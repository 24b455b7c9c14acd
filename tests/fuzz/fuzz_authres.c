/* Authentication-Results: a server's name on the first line, then the field. */
#include "fuzz.h"

#include "rules/authres.h"

static bool is_domain(struct arena *a, struct str s)
{
	return str_eq(s, address_domain(a, s));
}

static void look_at(struct arena *a, const struct authres *r, size_t i)
{
	const struct authres_result *one = &r->results[i];
	struct address author = { .name = STR_EMPTY,
	    .domain = one->signer };

	HOLDS(one->method.n && one->result.n);
	for (size_t k = 0; k < one->method.n; k++)
		HOLDS(ch_lower(one->method.p[k]) == one->method.p[k]);
	HOLDS(is_domain(a, one->signer) && is_domain(a, one->author) &&
	    is_domain(a, one->mailfrom));
	/* A signature speaks for the domain that made it. */
	if (str_eq_z(one->method, "dkim") && str_eq_z(one->result, "pass") &&
	    fuzz_has(one->signer, '.'))
		HOLDS(authres_verifies(r, &author, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_input(data, n);
	struct str id = fuzz_line(&text);
	struct arena *a = arena_new();
	struct authres r;

	if (authres_read(a, text, id, &r))
		for (size_t i = 0; i < r.n; i++)
			look_at(a, &r, i);
	HOLDS(r.n <= AUTHRES_RESULTS_MAX);
	arena_free(&a);
	return 0;
}
