#include "keyword.h"

#include <string.h>

/* RFC 3501 5.1.3: base64 with "," for "/" and without padding. */
static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* What an atom may hold (RFC 9051 section 9, ATOM-CHAR) but "&". */
static bool plain(uint32_t cp)
{
	return cp > 0x20 && cp < 0x7f && !strchr("(){%*\"\\]&", (int)cp);
}

/* Written as they are, these would be read as something else than a label. */
static bool taken(struct str keyword)
{
	return str_starts(keyword, STR_LIT("$")) ||
	    str_ieq_z(keyword, "Junk") || str_ieq_z(keyword, "NonJunk") ||
	    str_ieq_z(keyword, "NotJunk");
}

/* -------------------------------------------------------------- writing */

struct run {
	struct buf *out;
	uint32_t bits;		/* not yet written, the lowest are the last */
	int n_bits;
	bool open;
};

static void put_unit(struct run *r, uint32_t unit)
{
	if (!r->open)
		buf_add_char(r->out, '&');
	r->open = true;
	r->bits = r->bits << 16 | unit;
	for (r->n_bits += 16; r->n_bits >= 6; r->n_bits -= 6)
		buf_add_char(r->out,
		    base64[r->bits >> (r->n_bits - 6) & 63]);
	r->bits &= (1u << r->n_bits) - 1;
}

static void put_encoded(struct run *r, uint32_t cp)
{
	if (cp < 0x10000) {
		put_unit(r, cp);
		return;
	}
	put_unit(r, 0xD800 + ((cp - 0x10000) >> 10));
	put_unit(r, 0xDC00 + ((cp - 0x10000) & 0x3FF));
}

static void end_run(struct run *r)
{
	if (!r->open)
		return;
	if (r->n_bits)
		buf_add_char(r->out, base64[r->bits << (6 - r->n_bits) & 63]);
	buf_add_char(r->out, '-');
	*r = (struct run){ .out = r->out };
}

/* LABEL is valid UTF-8. */
static void encode(struct str label, struct buf *out)
{
	struct run r = { .out = out };
	bool first = taken(label);

	for (size_t at = 0; at < label.n; first = false) {
		uint32_t cp = utf8_next(label, &at);

		/* "&-" stands for "&", but inside a run it is encoded. */
		if (cp == '&' && !r.open) {
			buf_add_z(out, "&-");
		} else if (!plain(cp) || first) {
			put_encoded(&r, cp);
		} else {
			end_run(&r);
			buf_add_char(out, (char)cp);
		}
	}
	end_run(&r);
}

bool keyword_of_label(struct arena *a, struct str label,
    struct str *keyword_out, struct err *e)
{
	struct buf b;
	bool ok = false;

	buf_init(&b, KEYWORD_MAX);
	if (label.n == 0)
		err_set(e, ERR_MESSAGE, "a label cannot be empty");
	else if (!utf8_valid(label))
		err_set(e, ERR_MESSAGE, "the label is not UTF-8");
	else {
		encode(label, &b);
		if (b.over)
			err_set(e, ERR_MESSAGE, "the label is too long for "
			    "an IMAP keyword (%d octets); shorten it",
			    KEYWORD_MAX);
		else
			ok = true;
	}
	if (ok)
		*keyword_out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return ok;
}

/* -------------------------------------------------------------- reading */

/* Decodes one run, "&" and "-" cut off; false: it is none.  Forms that are
 * not the shortest come out too: the caller encodes again and compares. */
static bool decode_run(struct str run, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	int n_bits = 0;

	for (size_t i = 0; i < run.n; i++) {
		const char *digit = memchr(base64, run.p[i], 64);
		uint32_t unit;

		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - base64);
		n_bits += 6;
		if (n_bits < 16)
			continue;
		n_bits -= 16;
		unit = bits >> n_bits & 0xFFFF;
		bits &= (1u << n_bits) - 1;
		if (high) {
			if (unit < 0xDC00 || unit > 0xDFFF)
				return false;
			buf_add_utf8(out, 0x10000 + ((high - 0xD800) << 10) +
			    (unit - 0xDC00));
			high = 0;
		} else if (unit >= 0xD800 && unit <= 0xDBFF) {
			high = unit;
		} else if (unit >= 0xDC00 && unit <= 0xDFFF) {
			return false;
		} else {
			buf_add_utf8(out, unit);
		}
	}
	return high == 0;
}

static bool decode(struct str keyword, struct buf *out)
{
	for (size_t at = 0; at < keyword.n; ) {
		size_t end;

		if (keyword.p[at] != '&') {
			buf_add_char(out, keyword.p[at++]);
			continue;
		}
		end = str_find_char(keyword, ++at, '-');
		if (end == keyword.n)
			return false;
		if (end == at)
			buf_add_char(out, '&');
		else if (!decode_run(str_sub(keyword, at, end - at), out))
			return false;
		at = end + 1;
	}
	return true;
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
	if (decode(keyword, &label) && utf8_valid(buf_str(&label))) {
		encode(buf_str(&label), &again);
		ok = !label.over && !again.over &&
		    str_eq(buf_str(&again), keyword);
	}
	if (ok)
		*label_out = arena_str(a, buf_str(&label));
	buf_free(&again);
	buf_free(&label);
	return ok;
}
