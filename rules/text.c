/* What base.h says of shown text, slips of the pen, and time. */
#include "base.h"

/* ----------------------------------------------------------------- text */

struct range {
	uint32_t first, last;
};

static bool in_ranges(const struct range *r, size_t n, uint32_t cp)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2;

		if (cp > r[mid].last)
			low = mid + 1;
		else if (cp < r[mid].first)
			n = mid;
		else
			return true;
	}
	return false;
}

/* What would change a terminal, or the order or lines of what is read. */
static bool must_escape(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || cp == 0x061C ||
	    cp == 0x200E || cp == 0x200F || cp == 0x2028 || cp == 0x2029 ||
	    (cp >= 0x202A && cp <= 0x202E) ||
	    (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

/* Text that stays as it is; where it is cut, between characters. */
static void add_run(struct buf *b, struct str run)
{
	size_t room = b->max - b->n;

	buf_add_str(b, utf8_head(run, room));
	b->over |= run.n > room;
}

void buf_add_shown(struct buf *b, struct str s)
{
	size_t plain = 0;	/* start of the run that stays as it is */

	for (size_t at = 0; at < s.n; ) {
		size_t from = at;
		uint32_t cp = utf8_next(s, &at);

		if (!must_escape(cp) && cp != UTF8_BAD)
			continue;
		add_run(b, str_sub(s, plain, from - plain));
		if (cp == UTF8_BAD || cp < 0x80)
			buf_printf(b, "\\x%02X", (unsigned char)s.p[from]);
		else
			buf_printf(b, "\\u{%04X}", (unsigned)cp);
		plain = at;
	}
	add_run(b, str_sub(s, plain, s.n));
}

struct str shown(struct arena *a, struct str s)
{
	struct buf b;
	struct str copy;

	buf_init(&b, SIZE_MAX);	/* at most four times as long */
	buf_add_shown(&b, s);
	copy = arena_str(a, buf_str(&b));
	buf_free(&b);
	return copy;
}

/* Unicode East_Asian_Width W and F, rounded to blocks past U+1F000. */
static const struct range wide[] = {
	{0x1100,0x115f}, {0x231a,0x231b}, {0x2329,0x232a}, {0x23e9,0x23ec},
	{0x23f0,0x23f0}, {0x23f3,0x23f3}, {0x25fd,0x25fe}, {0x2614,0x2615},
	{0x2648,0x2653}, {0x267f,0x267f}, {0x2693,0x2693}, {0x26a1,0x26a1},
	{0x26aa,0x26ab}, {0x26bd,0x26be}, {0x26c4,0x26c5}, {0x26ce,0x26ce},
	{0x26d4,0x26d4}, {0x26ea,0x26ea}, {0x26f2,0x26f3}, {0x26f5,0x26f5},
	{0x26fa,0x26fa}, {0x26fd,0x26fd}, {0x2705,0x2705}, {0x270a,0x270b},
	{0x2728,0x2728}, {0x274c,0x274c}, {0x274e,0x274e}, {0x2753,0x2755},
	{0x2757,0x2757}, {0x2795,0x2797}, {0x27b0,0x27b0}, {0x27bf,0x27bf},
	{0x2b1b,0x2b1c}, {0x2b50,0x2b50}, {0x2b55,0x2b55}, {0x2e80,0x303e},
	{0x3041,0x3247}, {0x3250,0x4dbf}, {0x4e00,0xa4c6}, {0xa960,0xa97c},
	{0xac00,0xd7a3}, {0xf900,0xfad9}, {0xfe10,0xfe19}, {0xfe30,0xfe6b},
	{0xff01,0xff60}, {0xffe0,0xffe6}, {0x16fe0,0x1b2fb}, {0x1f004,0x1f004},
	{0x1f0cf,0x1f0cf}, {0x1f18e,0x1f18e}, {0x1f191,0x1f19a},
	{0x1f200,0x1f320}, {0x1f32d,0x1f335}, {0x1f337,0x1f37c},
	{0x1f37e,0x1f393}, {0x1f3a0,0x1f3ca}, {0x1f3cf,0x1f3d3},
	{0x1f3e0,0x1f3f0}, {0x1f3f4,0x1f3f4}, {0x1f3f8,0x1f4fc},
	{0x1f4ff,0x1f53d}, {0x1f54b,0x1f567}, {0x1f57a,0x1f57a},
	{0x1f595,0x1f596}, {0x1f5a4,0x1f5a4}, {0x1f5fb,0x1f64f},
	{0x1f680,0x1f6c5}, {0x1f6cc,0x1f6d2}, {0x1f6d5,0x1f6df},
	{0x1f6eb,0x1f6ec}, {0x1f6f4,0x1f6fc}, {0x1f7e0,0x1f7f0},
	{0x1f90c,0x1f9ff}, {0x1fa70,0x1faff}, {0x20000,0x3fffd},
};

/* Categories Mn, Me and Cf of the scripts most in use. */
static const struct range combining[] = {
	{0x300,0x36f}, {0x483,0x489}, {0x591,0x5bd}, {0x5bf,0x5bf},
	{0x5c1,0x5c2}, {0x5c4,0x5c5}, {0x5c7,0x5c7}, {0x610,0x61a},
	{0x61c,0x61c}, {0x64b,0x65f}, {0x670,0x670}, {0x6d6,0x6dc},
	{0x6df,0x6e4}, {0x6e7,0x6e8}, {0x6ea,0x6ed}, {0x711,0x711},
	{0x730,0x74a}, {0x7a6,0x7b0}, {0x7eb,0x7f3}, {0x816,0x819},
	{0x8ca,0x902}, {0x93a,0x93a}, {0x93c,0x93c}, {0x941,0x948},
	{0x94d,0x94d}, {0x951,0x957}, {0x962,0x963}, {0x981,0x981},
	{0x9bc,0x9bc}, {0x9c1,0x9c4}, {0x9cd,0x9cd}, {0x9e2,0x9e3},
	{0xa3c,0xa3c}, {0xa41,0xa51}, {0xa70,0xa71}, {0xa81,0xa82},
	{0xabc,0xabc}, {0xac1,0xac8}, {0xacd,0xacd}, {0xb3c,0xb3c},
	{0xb3f,0xb3f}, {0xb41,0xb44}, {0xb4d,0xb56}, {0xb82,0xb82},
	{0xbc0,0xbc0}, {0xbcd,0xbcd}, {0xc3e,0xc40}, {0xc46,0xc56},
	{0xcbc,0xcbc}, {0xccc,0xccd}, {0xd41,0xd44}, {0xd4d,0xd4d},
	{0xdca,0xdca}, {0xdd2,0xdd6}, {0xe31,0xe31}, {0xe34,0xe3a},
	{0xe47,0xe4e}, {0xeb1,0xeb1}, {0xeb4,0xebc}, {0xec8,0xecd},
	{0xf71,0xf7e}, {0xf80,0xf84}, {0xf8d,0xfbc}, {0x102d,0x1030},
	{0x1032,0x1037}, {0x1039,0x103a}, {0x1160,0x11ff}, {0x135d,0x135f},
	{0x17b4,0x17b5}, {0x17b7,0x17bd}, {0x17c6,0x17c6}, {0x17c9,0x17d3},
	{0x180b,0x180f}, {0x1ab0,0x1b03}, {0x1dc0,0x1dff}, {0x200b,0x200f},
	{0x202a,0x202e}, {0x2060,0x206f}, {0x20d0,0x20f0}, {0x2de0,0x2dff},
	{0x302a,0x302d}, {0x3099,0x309a}, {0xfb1e,0xfb1e}, {0xfe00,0xfe0f},
	{0xfe20,0xfe2f}, {0xfeff,0xfeff}, {0xfff9,0xfffb}, {0x1f3fb,0x1f3ff},
	{0xe0001,0xe01ef},
};

size_t text_width(struct str s)
{
	size_t width = 0;

	for (size_t at = 0; at < s.n; ) {
		uint32_t cp = utf8_next(s, &at);

		if (cp < 0x300)
			width++;
		else if (in_ranges(combining, COUNT(combining), cp))
			continue;
		else
			width += in_ranges(wide, COUNT(wide), cp) ? 2 : 1;
	}
	return width;
}

#define SLIP_WORD_MAX	48	/* longer words are not names */

/* Case and the kind of dash are no difference. */
static char slip_char(char c)
{
	return c == '-' || c == ' ' ? '_' : ch_lower(c);
}

/*
 * Optimal string alignment: insertions, deletions, changes, and swaps of
 * neighbours cost one.  Both at most SLIP_WORD_MAX long.
 */
static unsigned slip_distance(struct str a, struct str b)
{
	unsigned rows[3][SLIP_WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.n; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = slip_char(a.p[i - 1]);
			char y = slip_char(b.p[j - 1]);
			unsigned d = last[j - 1] + (x != y);

			if (last[j] + 1 < d)
				d = last[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			if (i > 1 && j > 1 && x != y &&
			    x == slip_char(b.p[j - 2]) &&
			    y == slip_char(a.p[i - 2]) &&
			    before[j - 2] + 1 < d)
				d = before[j - 2] + 1;
			row[j] = d;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b.n];
}

const char *nearest(struct str s, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned limit = s.n >= 5 ? 2 : s.n >= 2 ? 1 : 0;
	unsigned best_cost = 2 * limit + 2;

	if (s.n == 0 || s.n > SLIP_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(names[i]);
		unsigned d, cost;

		if (name.n == 0 || name.n > s.n + limit ||
		    name.n + limit < s.n || name.n > SLIP_WORD_MAX)
			continue;
		d = slip_distance(s, name);
		if (d > limit || d >= name.n)
			continue;
		/* the first letter is rarely the wrong one */
		cost = 2 * d + (slip_char(s.p[0]) != slip_char(name.p[0]));
		if (cost < best_cost) {
			best = names[i];
			best_cost = cost;
		}
	}
	return best;
}

/* ----------------------------------------------------------------- time */

#define DAY		86400
#define ERA_DAYS	146097	/* of 400 years */
#define ERA_ZERO	719468	/* days from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * Years are counted from March, so that the leap day is the last of its
 * year and the lengths of the months before it follow one line.
 */
int64_t time_from_civil(int64_t year, int month, int day, int hour, int min,
    int sec)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;
	int64_t days = 365 * y + floor_div(y, 4) - floor_div(y, 100) +
	    floor_div(y, 400) + (153 * m + 2) / 5 + day - 1 - ERA_ZERO;

	return days * DAY + hour * INT64_C(3600) + min * INT64_C(60) + sec;
}

struct civil time_to_civil(int64_t t)
{
	int64_t days = floor_div(t, DAY);
	int64_t rest = (t % DAY + DAY) % DAY;
	int64_t era, of_era, year, of_year, m;
	struct civil c;

	c.hour = (int)(rest / 3600);
	c.min = (int)(rest / 60 % 60);
	c.sec = (int)(rest % 60);
	c.weekday = (int)((days % 7 + 11) % 7);	/* day 0 was a Thursday */
	days += ERA_ZERO;
	era = floor_div(days, ERA_DAYS);
	of_era = days - era * ERA_DAYS;
	/* take the leap days out, then divide by common years */
	year = (of_era - of_era / 1460 + of_era / 36524 -
	    of_era / (ERA_DAYS - 1)) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	m = (5 * of_year + 2) / 153;
	c.day = (int)(of_year - (153 * m + 2) / 5 + 1);
	c.month = (int)(m < 10 ? m + 3 : m - 9);
	c.year = year + era * 400 + (c.month <= 2);
	return c;
}

/* Far beyond any mail, and safe to add to or take from any date. */
#define DURATION_MAX	UINT64_C(1000000000000)

bool parse_duration(struct str s, int64_t *seconds_out)
{
	uint64_t n, unit;

	if (s.n < 2)
		return false;
	switch (s.p[s.n - 1]) {
	case 's': unit = 1; break;
	case 'm': unit = 60; break;
	case 'h': unit = 3600; break;
	case 'd': unit = DAY; break;
	case 'w': unit = 7 * DAY; break;
	default: return false;
	}
	if (!str_u64(str_sub(s, 0, s.n - 1), DURATION_MAX / unit, &n))
		return false;
	*seconds_out = (int64_t)(n * unit);
	return true;
}

bool parse_size(struct str s, uint64_t *octets_out)
{
	uint64_t n, unit = 1;

	if (s.n == 0)
		return false;
	switch (s.p[s.n - 1]) {
	case 'K': unit = UINT64_C(1) << 10; break;
	case 'M': unit = UINT64_C(1) << 20; break;
	case 'G': unit = UINT64_C(1) << 30; break;
	default: break;
	}
	if (unit > 1)
		s.n--;
	if (!str_u64(s, (uint64_t)INT64_MAX / unit, &n))
		return false;
	*octets_out = n * unit;
	return true;
}
