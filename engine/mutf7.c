#include "mutf7.h"

#include <string.h>

/* RFC 3501 5.1.3: "," in the place of "/". */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+,";

static bool printable(uint32_t cp)
{
	return cp >= 0x20 && cp <= 0x7E;
}

static int digit_of(char c)
{
	const char *hit = c ? strchr(digits, c) : NULL;

	return hit ? (int)(hit - digits) : -1;
}

/* ------------------------------------------------------------- decoding */

/* A run of base64 between "&" and "-": UTF-16 in big-endian order. */
struct run {
	uint32_t bits;
	int n_bits;
	uint32_t high;		/* a surrogate that waits for its half */
	bool any;
	bool lax;		/* printable ASCII may stand in it */
};

static bool take_unit(struct run *r, uint32_t unit, struct buf *out)
{
	r->any = true;
	if (r->high) {
		if (unit < 0xDC00 || unit > 0xDFFF)
			return false;
		buf_add_utf8(out, 0x10000 + ((r->high - 0xD800) << 10) +
		    (unit - 0xDC00));
		r->high = 0;
		return true;
	}
	if (unit >= 0xD800 && unit <= 0xDBFF) {
		r->high = unit;
		return true;
	}
	if (unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF) ||
	    (printable(unit) && !r->lax))
		return false;
	buf_add_utf8(out, unit);
	return true;
}

static bool decode_run(struct str b64, bool lax, struct buf *out)
{
	struct run r = { .lax = lax };

	for (size_t i = 0; i < b64.n; i++) {
		int d = digit_of(b64.p[i]);

		if (d < 0)
			return false;
		r.bits = (r.bits << 6 | (uint32_t)d) & 0xFFFFFF;
		r.n_bits += 6;
		if (r.n_bits >= 16) {
			r.n_bits -= 16;
			if (!take_unit(&r, r.bits >> r.n_bits & 0xFFFF, out))
				return false;
		}
	}
	/* the rest is padding: less than a digit, and zero */
	return r.any && !r.high && r.n_bits < 6 &&
	    (r.bits & ((1u << r.n_bits) - 1)) == 0;
}

static bool decode(struct str in, bool lax, struct buf *out)
{
	bool after_run = false;

	for (size_t i = 0; i < in.n; i++) {
		size_t end;

		if (!printable((unsigned char)in.p[i]))
			return false;
		if (in.p[i] != '&') {
			buf_add_char(out, in.p[i]);
			after_run = false;
			continue;
		}
		end = str_find_char(in, i, '-');
		if (end == in.n)
			return false;
		if (end == i + 1) {
			buf_add_char(out, '&');
			after_run = false;
		} else {
			/* two runs in a row would have been one */
			if (after_run ||
			    !decode_run(str_sub(in, i + 1, end - i - 1), lax,
			    out))
				return false;
			after_run = true;
		}
		i = end;
	}
	return true;
}

bool mutf7_decode(struct arena *a, struct str wire, struct str *utf8_out)
{
	struct buf out;
	bool good;

	buf_init(&out, MUTF7_MAX);
	good = wire.n <= MUTF7_MAX && decode(wire, false, &out) && !out.over;
	if (good)
		*utf8_out = arena_str(a, buf_str(&out));
	buf_free(&out);
	return good;
}

bool mutf7_decode_any(struct str wire, struct buf *out)
{
	return decode(wire, true, out);
}

/* ------------------------------------------------------------- encoding */

struct shift {
	uint32_t bits;
	int n_bits;
	bool on;
};

static void put_unit(struct shift *s, uint32_t unit, struct buf *out)
{
	s->bits = s->bits << 16 | unit;
	s->n_bits += 16;
	while (s->n_bits >= 6) {
		s->n_bits -= 6;
		buf_add_char(out, digits[s->bits >> s->n_bits & 63]);
	}
}

static void shift_in(struct shift *s, struct buf *out)
{
	if (!s->on)
		buf_add_char(out, '&');
	s->on = true;
}

static void shift_out(struct shift *s, struct buf *out)
{
	if (!s->on)
		return;
	if (s->n_bits)
		buf_add_char(out, digits[s->bits << (6 - s->n_bits) & 63]);
	buf_add_char(out, '-');
	*s = (struct shift){ 0 };
}

bool mutf7_encode_for(mutf7_plain *plain, bool first, struct str in,
    struct buf *out)
{
	struct shift s = { 0 };

	for (size_t at = 0; at < in.n; first = false) {
		uint32_t cp = utf8_next(in, &at);

		if (cp == UTF8_BAD || cp == 0)
			return false;
		if (plain(cp) && !first) {
			shift_out(&s, out);
			buf_add_char(out, (char)cp);
			if (cp == '&')
				buf_add_char(out, '-');
			continue;
		}
		shift_in(&s, out);
		if (cp >= 0x10000) {
			put_unit(&s, 0xD800 + ((cp - 0x10000) >> 10), out);
			cp = 0xDC00 + ((cp - 0x10000) & 0x3FF);
		}
		put_unit(&s, cp, out);
	}
	shift_out(&s, out);
	return true;
}

bool mutf7_encode(struct arena *a, struct str utf8, struct str *wire_out)
{
	struct buf out;
	bool good;

	buf_init(&out, MUTF7_MAX);
	good = utf8.n <= MUTF7_MAX &&
	    mutf7_encode_for(printable, false, utf8, &out) && !out.over;
	if (good)
		*wire_out = arena_str(a, buf_str(&out));
	buf_free(&out);
	return good;
}
