/* Addresses, and that an address reads as itself. */
#include "fuzz.h"

/* "=?" begins an encoded word, or not, by what is around it. */
static bool may_have_words(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (str_starts(str_sub(s, i, 2), STR_LIT("=?")))
			return true;
	return false;
}

static void look_at(struct arena *a, const struct address *x)
{
	struct address *again;
	size_t n;

	HOLDS(fuzz_is_text(x->name) && fuzz_is_text(x->address));
	HOLDS(fuzz_is_text(x->local) && fuzz_is_text(x->domain));
	HOLDS(x->name.n || x->address.n);
	HOLDS(str_eq(x->domain, address_domain(a, x->domain)));
	if (x->address.n == 0 || may_have_words(x->address))
		return;
	n = addresses_read(a, arena_printf(a, "<%.*s>", STR_ARG(x->address)),
	    &again);
	HOLDS(n == 1);
	HOLDS(str_eq(again->address, x->address));
	HOLDS(str_eq(again->local, x->local));
	HOLDS(str_eq(again->domain, x->domain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_input(data, n);
	struct arena *a = arena_new();
	struct address *list;
	struct str *ids;

	n = addresses_read(a, text, &list);
	HOLDS(n <= MAIL_ADDRESSES_MAX);
	for (size_t i = 0; i < n && i < 100; i++)
		look_at(a, &list[i]);
	n = mail_ids(a, text, &ids);
	for (size_t i = 0; i < n; i++)
		HOLDS(ids[i].n);
	address_domain(a, text);
	arena_free(&a);
	return 0;
}
