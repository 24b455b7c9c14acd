#include "zone.h"

#include <string.h>

#define DAY		(24 * 60 * 60)
#define EAST_MAX	(26 * 60 * 60)	/* RFC 9636 3.2: less than that */
#define TURNS_MAX	4000		/* transitions of a file */
#define TYPES_MAX	256		/* their indices are octets */
#define FAR		((int64_t)1000000000000)	/* the year 33658 */

/* The day of a turn: Jn, n or Mm.w.d. */
struct turn {
	enum { TURN_JULIAN, TURN_DAY, TURN_WEEK } kind;
	int month, week, day;
	int time;		/* seconds into that day, on the wall */
};

struct tz_rule {
	bool set, saves;	/* has summer time */
	int standard, summer;	/* seconds east */
	struct turn begins, ends;
};

struct zone {
	int before;		/* east, until the first transition */
	int64_t *at;		/* transitions, ascending */
	int *east;		/* from each of them on */
	size_t n;
	struct tz_rule rule;	/* from the last of them on, if set */
};

/* As long as EAST does not change. */
struct period {
	int64_t from, until;	/* until is not in it */
	int east;
};

/* ---------------------------------------------------------- the POSIX rule */

/* The day that TURN falls on in YEAR, as seconds. */
static int64_t turn_day(const struct turn *t, int64_t year)
{
	int64_t first = time_from_civil(year, 1, 1, 0, 0, 0);
	int64_t march = time_from_civil(year, 3, 1, 0, 0, 0);
	struct civil c;
	int day;

	if (t->kind == TURN_DAY)
		return first + (int64_t)t->day * DAY;
	if (t->kind == TURN_JULIAN)	/* 1 March is always day 60 */
		return t->day < 60 ? first + (int64_t)(t->day - 1) * DAY :
		    march + (int64_t)(t->day - 60) * DAY;
	first = time_from_civil(year, t->month, 1, 0, 0, 0);
	c = time_to_civil(first);
	day = (t->day - c.weekday + 7) % 7 + (t->week - 1) * 7;
	/* week 5 is the last one that has that day */
	while (time_to_civil(first + (int64_t)day * DAY).month != t->month)
		day -= 7;
	return first + (int64_t)day * DAY;
}

#define YEARS	4	/* of turns that are looked at: last year's to the
			   next but one */

/*
 * The turns of the years around YEAR, ascending: a turn may fall some days
 * outside its own year.  Where one begins as another ends, the later stands.
 */
static size_t turns_around(const struct tz_rule *r, int64_t year,
    struct period *list)
{
	size_t n = 0;

	for (int64_t y = year - 1; y < year - 1 + YEARS; y++)
		for (int summer = 0; summer < 2; summer++) {
			const struct turn *t = summer ? &r->begins : &r->ends;
			struct period p = {
				.from = turn_day(t, y) + t->time -
				    (summer ? r->standard : r->summer),
				.east = summer ? r->summer : r->standard,
			};
			size_t k = n++;

			for (; k > 0 && list[k - 1].from > p.from; k--)
				list[k] = list[k - 1];
			list[k] = p;
		}
	return n;
}

static struct period rule_period(const struct tz_rule *r, int64_t t)
{
	struct period list[2 * YEARS], p = { INT64_MIN, INT64_MAX,
	    r->standard };
	size_t n;

	if (!r->saves)
		return p;
	n = turns_around(r, time_to_civil(t).year, list);
	for (size_t i = 0; i < n; i++) {
		if (list[i].from > t) {
			p.until = list[i].from;
			return p;
		}
		p.from = list[i].from;
		p.east = list[i].east;
	}
	p.until = t + 1;	/* not known further, and never asked for */
	return p;
}

/* ------------------------------------------------------------- the table */

/* How many transitions are at or before T. */
static size_t count_until(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->at[mid] <= t)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct period period_at(const struct zone *z, int64_t t)
{
	struct period p = { INT64_MIN, INT64_MAX, 0 };
	size_t n;

	if (!z)
		return p;
	n = count_until(z, t);
	if (n == z->n && z->rule.set)
		p = rule_period(&z->rule, t < -FAR ? -FAR :
		    t > FAR ? FAR : t);
	else
		p.east = n ? z->east[n - 1] : z->before;
	if (n > 0 && p.from < z->at[n - 1])
		p.from = z->at[n - 1];
	if (n < z->n)
		p.until = z->at[n];
	return p;
}

int zone_east(const struct zone *z, int64_t t)
{
	return period_at(z, t).east;
}

int64_t zone_local(const struct zone *z, int64_t t)
{
	return t + zone_east(z, t);
}

int64_t zone_first(const struct zone *z, int64_t local)
{
	struct period p = period_at(z, local - EAST_MAX);

	for (;;) {
		int64_t t = local - p.east;

		if (t < p.from)		/* it was left out */
			return p.from;
		if (t < p.until)
			return t;
		p = period_at(z, p.until);
	}
}

int64_t zone_past(const struct zone *z, int64_t local)
{
	struct period p = period_at(z, local + EAST_MAX);

	for (;;) {
		int64_t t = local + 1 - p.east;

		if (t > p.until)	/* it was left out */
			return p.until;
		if (t > p.from)
			return t;
		p = period_at(z, p.from - 1);
	}
}

/* ---------------------------------------------------------- fixed offsets */

bool zone_read_east(struct str s, int *east_out)
{
	uint64_t h, m;
	int sign = s.n && s.p[0] == '-' ? -1 : 1;

	if (str_eq_z(s, "Z") || str_eq_z(s, "UTC")) {
		*east_out = 0;
		return true;
	}
	if (s.n < 5 || (s.p[0] != '+' && s.p[0] != '-') ||
	    !str_u64(str_sub(s, 1, 2), 14, &h))
		return false;
	s = str_sub(s, s.p[3] == ':' ? 4 : 3, s.n);
	if (s.n != 2 || !str_u64(s, 59, &m))
		return false;
	*east_out = sign * (int)(h * 3600 + m * 60);
	return true;
}

const struct zone *zone_fixed(struct arena *a, int east)
{
	struct zone *z = arena_make(a, struct zone);

	z->before = east;
	return z;
}

bool zone_name_ok(struct str name)
{
	struct str rest = name, level;

	if (name.n == 0 || name.n > ZONE_NAME_MAX ||
	    name.p[name.n - 1] == '/')
		return false;
	while (str_cut(&rest, '/', &level)) {
		if (level.n == 0 || !ch_alpha(level.p[0]))
			return false;
		for (size_t i = 0; i < level.n; i++)
			if (!ch_alnum(level.p[i]) &&
			    !memchr("+-_", level.p[i], 3))
				return false;
	}
	return true;
}

/* ---------------------------------------------- reading the POSIX rule */

struct reader {
	struct str s;		/* what is left */
};

static bool take(struct reader *r, char c)
{
	if (r->s.n == 0 || r->s.p[0] != c)
		return false;
	r->s = str_sub(r->s, 1, r->s.n);
	return true;
}

static bool take_number(struct reader *r, int max, int *out)
{
	uint64_t value;
	size_t n = 0;

	while (n < r->s.n && ch_digit(r->s.p[n]))
		n++;
	if (n == 0 || n > 3 ||
	    !str_u64(str_sub(r->s, 0, n), (uint64_t)max, &value))
		return false;
	r->s = str_sub(r->s, n, r->s.n);
	*out = (int)value;
	return true;
}

/* "CEST", or "<+0330>" where it holds more than letters. */
static bool take_name(struct reader *r)
{
	bool quoted = take(r, '<');
	size_t n = 0;

	while (n < r->s.n && (ch_alpha(r->s.p[n]) || (quoted &&
	    (ch_digit(r->s.p[n]) || memchr("+-", r->s.p[n], 2)))))
		n++;
	r->s = str_sub(r->s, n, r->s.n);
	return n >= 3 && (!quoted || take(r, '>'));
}

/* "[+-]hh[:mm[:ss]]" */
static bool take_time(struct reader *r, int hours_max, int *out)
{
	int sign = take(r, '-') ? -1 : 1, h, m = 0, s = 0;

	if (sign > 0)
		take(r, '+');
	if (!take_number(r, hours_max, &h))
		return false;
	if (take(r, ':') && (!take_number(r, 59, &m) ||
	    (take(r, ':') && !take_number(r, 59, &s))))
		return false;
	*out = sign * (h * 3600 + m * 60 + s);
	return true;
}

static bool take_turn(struct reader *r, struct turn *t)
{
	t->time = 2 * 3600;
	if (take(r, 'M')) {
		t->kind = TURN_WEEK;
		if (!take_number(r, 12, &t->month) || t->month == 0 ||
		    !take(r, '.') || !take_number(r, 5, &t->week) ||
		    t->week == 0 || !take(r, '.') ||
		    !take_number(r, 6, &t->day))
			return false;
	} else if (take(r, 'J')) {
		t->kind = TURN_JULIAN;
		if (!take_number(r, 365, &t->day) || t->day == 0)
			return false;
	} else {
		t->kind = TURN_DAY;
		if (!take_number(r, 365, &t->day))
			return false;
	}
	/* hours of a week, since version 3 (RFC 9636 3.3.1) */
	return !take(r, '/') || take_time(r, 167, &t->time);
}

static bool take_rule(struct reader *r, struct tz_rule *out)
{
	/* what a rule without its turns means is anybody's choice: these
	 * are the C library's */
	struct reader usual = { STR_LIT(",M3.2.0,M11.1.0") };
	struct tz_rule rule = { .set = true };
	int west;

	if (!take_name(r) || !take_time(r, 24, &west))
		return false;
	rule.standard = -west;
	rule.saves = r->s.n > 0;
	if (rule.saves) {
		if (!take_name(r))
			return false;
		rule.summer = rule.standard + 3600;
		if (r->s.n && r->s.p[0] != ',') {
			if (!take_time(r, 24, &west))
				return false;
			rule.summer = -west;
		}
		if (r->s.n == 0)
			r = &usual;
		if (!take(r, ',') || !take_turn(r, &rule.begins) ||
		    !take(r, ',') || !take_turn(r, &rule.ends))
			return false;
	}
	*out = rule;
	return r->s.n == 0;
}

bool zone_read_rule(struct arena *a, struct str rule,
    const struct zone **out)
{
	struct reader r = { rule };
	struct zone *z;
	struct tz_rule parsed;

	if (!take_rule(&r, &parsed))
		return false;
	z = arena_make(a, struct zone);
	z->rule = parsed;
	z->before = parsed.standard;
	*out = z;
	return true;
}

/* ------------------------------------------------------ reading the file */

struct header {
	char version;
	uint32_t isut, isstd, leap, time, type, chars;
};

#define HEADER_SIZE	44

static uint32_t be32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	    (uint32_t)u[2] << 8 | u[3];
}

static int64_t be_time(const char *p, size_t size)
{
	return size == 4 ? (int32_t)be32(p) :
	    (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool take_header(struct reader *r, struct header *h)
{
	const char *p = r->s.p;

	if (r->s.n < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
		return false;
	*h = (struct header){ p[4], be32(p + 20), be32(p + 24),
	    be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40) };
	r->s = str_sub(r->s, HEADER_SIZE, r->s.n);
	return h->time <= TURNS_MAX && h->type <= TYPES_MAX &&
	    h->type > 0 && h->isut <= h->type && h->isstd <= h->type &&
	    h->leap <= TURNS_MAX && h->chars <= TURNS_MAX;
}

/* The octets of a block whose times have SIZE octets. */
static size_t block_size(const struct header *h, size_t size)
{
	return h->time * (size + 1) + h->type * (size_t)6 + h->chars +
	    h->leap * (size + 4) + h->isstd + h->isut;
}

/* RFC 9636 3.2: transition times, their types, then the types. */
static bool take_table(struct reader *r, struct arena *a,
    const struct header *h, size_t size, struct zone *z)
{
	const char *times = r->s.p, *indices = times + h->time * size;
	const char *types = indices + h->time;
	int east[TYPES_MAX];

	for (size_t i = 0; i < h->type; i++) {
		int32_t s = (int32_t)be32(types + 6 * i);

		if (s <= -EAST_MAX || s >= EAST_MAX)
			return false;
		east[i] = s;
	}
	z->before = east[0];
	z->n = h->time;
	z->at = arena_array(a, z->n, sizeof(*z->at));
	z->east = arena_array(a, z->n, sizeof(*z->east));
	for (size_t i = 0; i < z->n; i++) {
		size_t type = (unsigned char)indices[i];

		z->at[i] = be_time(times + i * size, size);
		if (type >= h->type || (i && z->at[i] <= z->at[i - 1]))
			return false;
		z->east[i] = east[type];
	}
	r->s = str_sub(r->s, block_size(h, size), r->s.n);
	return true;
}

/* "\nTZ rule\n"; an empty one says nothing. */
static bool take_footer(struct reader *r, struct tz_rule *out)
{
	struct reader line;
	struct str text = str_sub(r->s, 1, r->s.n);
	size_t end = str_find_char(text, 0, '\n');

	if (!take(r, '\n') || end == text.n)
		return false;
	line.s = str_sub(text, 0, end);
	return line.s.n == 0 || take_rule(&line, out);
}

static bool take_file(struct reader *r, struct arena *a, struct zone *z)
{
	struct header h;
	size_t size = 4;

	if (!take_header(r, &h) || r->s.n < block_size(&h, 4))
		return false;
	if (h.version >= '2') {		/* the first block is for old readers */
		r->s = str_sub(r->s, block_size(&h, 4), r->s.n);
		size = 8;
		if (!take_header(r, &h) || r->s.n < block_size(&h, 8))
			return false;
	}
	/* clocks that count leap seconds: no mail server's */
	if (h.leap > 0 || !take_table(r, a, &h, size, z))
		return false;
	return size == 4 || take_footer(r, &z->rule);
}

bool zone_read_file(struct arena *a, struct str bytes,
    const struct zone **out, struct err *e)
{
	struct zone *z = arena_make(a, struct zone);
	struct reader r = { bytes };

	if (!take_file(&r, a, z))
		return err_set(e, ERR_CONFIG, "this is no time zone file "
		    "(TZif, without leap seconds)");
	*out = z;
	return true;
}
