/* Templates: the first line; filled from the message behind it. */
#include "fuzz.h"

#include "rules/calendar.h"
#include "rules/template.h"

static const struct str groups[] = { STR_LIT("1"), STR_LIT("id"),
    STR_LIT("2") };
static const bool sure[] = { true, true, false };

static void add_field(void *ctx, struct str name)
{
	(void)ctx;
	HOLDS(name.n);
}

static void look_at_parts(const struct template *t, struct str head,
    struct str filled)
{
	struct str text;

	HOLDS(str_starts(filled, head));
	HOLDS(!template_literal(t, &text) || str_eq(text, filled));
}

/* A name that came out is one that an author might have written. */
static void fill(struct arena *a, struct str text, enum template_use use,
    const struct match_input *in, const struct captures *captures)
{
	struct problems ps;
	const struct template *t;
	struct str out = STR_EMPTY, failure = STR_EMPTY;
	struct pos nowhere = { 0 };
	unsigned ask = 0;

	problems_init(&ps, a);
	t = template_make(a, text, nowhere, use, groups, sure,
	    COUNT(groups), &ps);
	HOLDS(!t == (ps.errors > 0));
	if (!t)
		return;
	if (template_fill(t, a, in, "a rule", captures, &out, &ask,
	    &failure)) {
		HOLDS(use == TEMPLATE_TEXT || name_check(out, nowhere, &ps));
		HOLDS(out.n <= TEMPLATE_TEXT_MAX && ask == 0);
		look_at_parts(t, template_head(t), out);
	} else {
		HOLDS(fuzz_is_text(failure) && failure.n);
		HOLDS(!(ask & in->facts->known));
		HOLDS(!(ask & ~template_needs(t, add_field, NULL)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = fuzz_input(data, n), text;
	struct arena *a = arena_new();
	struct facts facts = {
		.known = RULES_ASK_SIZE | RULES_ASK_RECEIVED,
		.account = STR_LIT("home"), .mailbox = STR_LIT("Lists/a"),
		.size = n, .received = 1767225600,
	};
	struct match_input in = { .facts = &facts };
	struct capture list[2];
	const struct captures captures = { list, COUNT(list) };
	struct buf b;

	text = fuzz_line(&rest);
	in.mail = mail_make(a, rest, MAIL_WHOLE, NULL, 0);
	list[0] = (struct capture){ STR_LIT("1"), mail_field_text(in.mail,
	    STR_LIT("Subject"), 0) };
	list[1] = (struct capture){ STR_LIT("id"), mail_field_text(in.mail,
	    STR_LIT("X"), 0) };
	fill(a, text, TEMPLATE_LABEL, &in, &captures);
	fill(a, text, TEMPLATE_TEXT, &in, &captures);
	in.mail = NULL;
	facts.known = 0;
	fill(a, text, TEMPLATE_LABEL, &in, &captures);
	if (!calendar_bad_letter(text)) {
		buf_init(&b, TEMPLATE_TEXT_MAX);
		calendar_add(&b, text, (int64_t)str_hash(rest) / 100000);
		buf_free(&b);
	}
	arena_free(&a);
	return 0;
}
