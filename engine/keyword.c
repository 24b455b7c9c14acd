#include "keyword.h"

#include "mutf7.h"

#include <string.h>

/* What an atom may hold (RFC 9051 section 9, ATOM-CHAR). */
static bool plain(uint32_t cp)
{
	return cp > 0x20 && cp < 0x7f && !strchr("(){%*\"\\]", (int)cp);
}

/* Written as they are, these would be read as something else than a label. */
static bool taken(struct str keyword)
{
	return str_starts(keyword, STR_LIT("$")) ||
	    str_ieq_z(keyword, "Junk") || str_ieq_z(keyword, "NonJunk") ||
	    str_ieq_z(keyword, "NotJunk");
}

static bool encode(struct str label, struct buf *out)
{
	return mutf7_encode_for(plain, taken(label), label, out);
}

bool keyword_of_label(struct arena *a, struct str label,
    struct str *keyword_out, struct err *e)
{
	struct buf b;
	bool ok = false;

	buf_init(&b, KEYWORD_MAX);
	if (label.n == 0)
		err_set(e, ERR_MESSAGE, "a label cannot be empty");
	else if (!encode(label, &b))
		err_set(e, ERR_MESSAGE, "the label is not UTF-8");
	else if (b.over)
		err_set(e, ERR_MESSAGE, "the label is too long for an IMAP "
		    "keyword (%d octets); shorten it", KEYWORD_MAX);
	else
		ok = true;
	if (ok)
		*keyword_out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return ok;
}

bool label_of_keyword(struct arena *a, struct str keyword,
    struct str *label_out)
{
	struct buf label, again;
	bool ok = false;

	if (keyword.n == 0 || keyword.n > KEYWORD_MAX || taken(keyword))
		return false;
	buf_init(&label, 2 * KEYWORD_MAX);	/* UTF-8 may be longer */
	buf_init(&again, KEYWORD_MAX);
	/* what encodes to something else is no label's keyword */
	ok = mutf7_decode_any(keyword, &label) && !label.over &&
	    encode(buf_str(&label), &again) &&
	    str_eq(buf_str(&again), keyword);
	if (ok)
		*label_out = arena_str(a, buf_str(&label));
	buf_free(&again);
	buf_free(&label);
	return ok;
}
