#include "identity.h"

#include "digest.h"
#include "gmail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct str identity_fields[] = {
	{ "Message-ID", 10 }, { "Date", 4 }, { "From", 4 }, { "Subject", 7 },
};
_Static_assert(COUNT(identity_fields) == IDENTITY_FIELDS_N,
    "the header says how many");

static bool white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Adds TEXT with each run of white space as one blank and none at the ends:
 * servers fold and unfold header lines. */
static void add_squeezed(struct digest *d, struct str text)
{
	size_t at = 0;

	text = str_trim(text);
	while (at < text.n) {
		size_t end = at;

		while (end < text.n && !white(text.p[end]))
			end++;
		digest_add(d, str_sub(text, at, end - at));
		if (end == text.n)
			break;
		while (white(text.p[end]))
			end++;
		digest_add(d, STR_LIT(" "));
		at = end;
	}
}

/* A field that is missing and one that is empty differ; LF stands in no
 * squeezed value, so that no two lists of values read alike. */
static void add_field(struct digest *d, struct mail *m, struct str name)
{
	digest_add(d, STR_LIT("\n"));
	if (mail_field_count(m, name) == 0)
		return;
	digest_add(d, STR_LIT(":"));
	add_squeezed(d, mail_field_raw(m, name, 0));
}

void identity_of(struct arena *a, struct mail *m, uint64_t size,
    struct identity *out)
{
	uint8_t whole[DIGEST_SIZE];
	struct digest *d = digest_new();
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, size);

	digest_add(d, (struct str){ text, (size_t)n });
	for (size_t i = 0; i < IDENTITY_FIELDS_N; i++)
		add_field(d, m, identity_fields[i]);
	digest_end(&d, whole);
	memcpy(out->digest, whole, sizeof(out->digest));
	out->message_id = arena_str(a, mail_message_id(m));
	out->size = size;
}

bool identity_of_fetched(struct arena *a, const struct fetched *f,
    struct mail *m, struct identity *out)
{
	if (f->gmail_id && m) {
		*out = (struct identity){
			.message_id = arena_str(a, mail_message_id(m)),
		};
		gmail_identity(f->gmail_id, out);
		return true;
	}
	if (!m || !(f->facts.known & RULES_ASK_SIZE))
		return false;
	identity_of(a, m, f->facts.size, out);
	return true;
}

bool identity_eq(const struct identity *x, const struct identity *y)
{
	return x->size == y->size &&
	    memcmp(x->digest, y->digest, sizeof(x->digest)) == 0;
}
