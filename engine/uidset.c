#include "uidset.h"

#include <inttypes.h>
#include <string.h>

void uidset_init(struct uidset *s, struct arena *a)
{
	*s = (struct uidset){ .arena = a };
}

/* Index of the first range that ends at or above UID - 1, i.e. the first
 * that could take UID in or stands behind it. */
static size_t first_touching(const struct uidset *s, uint32_t uid)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->ranges[mid].high < uid - 1)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void insert_at(struct uidset *s, size_t at, struct uid_range r)
{
	arena_grow(s->arena, &s->ranges, s->n, &s->cap);
	memmove(&s->ranges[at + 1], &s->ranges[at],
	    (s->n - at) * sizeof(s->ranges[0]));
	s->ranges[at] = r;
	s->n++;
}

void uidset_add_range(struct uidset *s, uint32_t low, uint32_t high)
{
	size_t at, end;

	if (low == 0)
		low = 1;
	if (high < low)
		return;
	at = first_touching(s, low);
	if (at == s->n || (high != UIDSET_MAX &&
	    s->ranges[at].low > high + 1)) {
		insert_at(s, at, (struct uid_range){ low, high });
		return;
	}
	if (low < s->ranges[at].low)
		s->ranges[at].low = low;
	if (high > s->ranges[at].high)
		s->ranges[at].high = high;
	/* swallow what the longer range now touches */
	for (end = at + 1; end < s->n; end++) {
		if (s->ranges[at].high != UIDSET_MAX &&
		    s->ranges[end].low > s->ranges[at].high + 1)
			break;
		if (s->ranges[end].high > s->ranges[at].high)
			s->ranges[at].high = s->ranges[end].high;
	}
	memmove(&s->ranges[at + 1], &s->ranges[end],
	    (s->n - end) * sizeof(s->ranges[0]));
	s->n -= end - at - 1;
}

void uidset_add(struct uidset *s, uint32_t uid)
{
	uidset_add_range(s, uid, uid);
}

bool uidset_has(const struct uidset *s, uint32_t uid)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->ranges[mid].high < uid)
			low = mid + 1;
		else if (s->ranges[mid].low > uid)
			high = mid;
		else
			return true;
	}
	return false;
}

uint64_t uidset_count(const struct uidset *s)
{
	uint64_t sum = 0;

	if (s->n && s->ranges[s->n - 1].high == UIDSET_MAX)
		return UINT64_MAX;
	for (size_t i = 0; i < s->n; i++)
		sum += (uint64_t)s->ranges[i].high - s->ranges[i].low + 1;
	return sum;
}

void uidset_head(const struct uidset *s, uint32_t from, uint64_t max,
    struct uidset *out)
{
	for (size_t i = 0; i < s->n && max; i++) {
		struct uid_range r = s->ranges[i];
		uint64_t n;

		if (r.high < from)
			continue;
		if (r.low < from)
			r.low = from;
		n = (uint64_t)r.high - r.low + 1;
		if (n > max)
			r.high = (uint32_t)(r.low + max - 1);
		max -= n > max ? max : n;
		uidset_add_range(out, r.low, r.high);
	}
}

static void add_to(struct uidset *s, uint64_t low, uint64_t high)
{
	if (s && low <= high)
		uidset_add_range(s, (uint32_t)low, (uint32_t)high);
}

void uidset_split(const struct uidset *s, const struct uidset *by,
    struct uidset *in, struct uidset *out)
{
	size_t k = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint64_t at = s->ranges[i].low, high = s->ranges[i].high;

		while (k < by->n && by->ranges[k].high < at)
			k++;
		for (size_t m = k; at <= high; m++) {
			struct uid_range r = { 0, 0 };
			bool meets = m < by->n && by->ranges[m].low <= high;

			if (meets)
				r = by->ranges[m];
			if (!meets || r.low > at)
				add_to(out, at, meets ? (uint64_t)r.low - 1 :
				    high);
			if (!meets)
				break;
			if (r.low > at)
				at = r.low;
			add_to(in, at, r.high < high ? r.high : high);
			at = (uint64_t)r.high + 1;
		}
	}
}

uint32_t uidset_last(const struct uidset *s)
{
	return s->n ? s->ranges[s->n - 1].high : 0;
}

void uidset_format(const struct uidset *s, size_t *at, size_t max,
    struct buf *out)
{
	size_t start = out->n;

	for (; *at < s->n; ++*at) {
		const struct uid_range *r = &s->ranges[*at];
		size_t before = out->n;

		if (before > start)
			buf_add_char(out, ',');
		buf_printf(out, "%" PRIu32, r->low);
		if (r->high == UIDSET_MAX)
			buf_add_z(out, ":*");
		else if (r->high > r->low)
			buf_printf(out, ":%" PRIu32, r->high);
		if (out->n - start > max && before > start) {
			out->n = before;
			return;
		}
	}
}

static bool read_number(struct str text, uint32_t *uid_out)
{
	uint64_t n;

	if (str_eq_z(text, "*")) {
		*uid_out = UIDSET_MAX;
		return true;
	}
	if (!str_u64(text, UIDSET_MAX, &n) || n == 0)
		return false;
	*uid_out = (uint32_t)n;
	return true;
}

bool uidset_read(struct uidset *s, struct str text, size_t max_ranges)
{
	struct str part, ends;
	uint32_t a, b;

	if (text.n == 0 || text.p[text.n - 1] == ',' ||
	    text.p[text.n - 1] == ':')
		return false;
	for (size_t n = 0; str_cut(&text, ',', &part); n++) {
		if (n == max_ranges)
			return false;
		if (!str_cut(&part, ':', &ends) || !read_number(ends, &a))
			return false;
		b = a;
		if (part.n && !read_number(part, &b))
			return false;
		uidset_add_range(s, a < b ? a : b, a < b ? b : a);
	}
	return true;
}
