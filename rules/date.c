/*
 * Dates of RFC 5322 3.3 and 4.3, and the forms that are met instead: ctime
 * and RFC 850 order, ISO 8601, "GMT+02:00".
 *
 * The text is cut into a few tokens first, without comments; then the parts
 * are looked for in the orders they come in.
 */
#include "mail.h"

#include <string.h>

#define TOKENS	24		/* more than any date has */
#define YEAR_MIN	1900	/* RFC 5322 3.3 */

struct token {
	char kind;		/* '0' number, 'a' letters, else the mark */
	struct str s;
	int n;			/* of a number */
};

struct date {
	int year, month, day, hour, min, sec, east;
	size_t year_digits;
};

struct tokens {
	struct token v[TOKENS];
	size_t n, at;
};

static size_t skip_comment(struct str s, size_t at)
{
	size_t depth = 0;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at + 1;
	}
	return s.n;
}

static int number(struct str s)
{
	uint64_t n;

	return str_u64(s, 99999999, &n) ? (int)n : -1;
}

static struct token take(struct str s, size_t *at)
{
	struct token t = { .kind = s.p[*at] };
	size_t from = *at;

	if (ch_digit(s.p[from])) {
		while (*at < s.n && ch_digit(s.p[*at]))
			++*at;
		t.kind = '0';
		t.n = number(str_sub(s, from, *at - from));
	} else if (ch_alpha(s.p[from])) {
		while (*at < s.n && ch_alpha(s.p[*at]))
			++*at;
		t.kind = 'a';
	} else {
		++*at;
	}
	t.s = str_sub(s, from, *at - from);
	return t;
}

static void cut(struct str s, struct tokens *t)
{
	size_t at = 0;

	t->n = t->at = 0;
	while (at < s.n && t->n < TOKENS - 1) {
		if (ch_space(s.p[at]))
			at++;
		else if (s.p[at] == '(')
			at = skip_comment(s, at);
		else
			t->v[t->n++] = take(s, &at);
	}
	t->v[t->n] = (struct token){ .kind = '\0', .s = STR_EMPTY };
}

static const struct token *here(const struct tokens *t)
{
	return &t->v[t->at];	/* the last one has kind 0 and stays */
}

static bool skip(struct tokens *t, char kind)
{
	if (here(t)->kind != kind)
		return false;
	t->at++;
	return true;
}

static int month_of(struct str s)
{
	static const char *const names[] = {
		"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug",
		"sep", "oct", "nov", "dec",
	};

	for (int i = 0; i < 12; i++)
		if (s.n >= 3 && str_istarts(s, str_of(names[i])))
			return i + 1;
	return 0;
}

static bool take_month(struct tokens *t, struct date *d)
{
	d->month = here(t)->kind == 'a' ? month_of(here(t)->s) : 0;
	t->at += d->month != 0;
	return d->month != 0;
}

static bool take_number(struct tokens *t, size_t digits, int *n)
{
	if (here(t)->kind != '0' || here(t)->s.n > digits)
		return false;
	*n = here(t)->n;
	t->at++;
	return true;
}

/* RFC 5322 4.3: two digits below 50 are of this century, others and three
 * digits count from 1900. */
static bool take_year(struct tokens *t, struct date *d)
{
	size_t digits = here(t)->s.n;

	if (digits < 2 || !take_number(t, 4, &d->year))
		return false;
	if (digits == 2)
		d->year += d->year < 50 ? 2000 : 1900;
	else if (digits == 3)
		d->year += 1900;
	return true;
}

/* "1 Jan 2020", "01-Jan-20"; the month may have a dot or comma. */
static bool take_day_month_year(struct tokens *t, struct date *d)
{
	if (!take_number(t, 2, &d->day))
		return false;
	while (skip(t, '-') || skip(t, '.') || skip(t, ','))
		;
	if (!take_month(t, d))
		return false;
	while (skip(t, '-') || skip(t, '.') || skip(t, ','))
		;
	return take_year(t, d);
}

/* "2020-01-31", "2020/01/31", then perhaps a "T". */
static bool take_iso(struct tokens *t, struct date *d)
{
	char mark;

	if (!take_year(t, d))
		return false;
	mark = here(t)->kind;
	if ((mark != '-' && mark != '/') || !skip(t, mark) ||
	    !take_number(t, 2, &d->month) || !skip(t, mark) ||
	    !take_number(t, 2, &d->day))
		return false;
	if (here(t)->kind == 'a' && str_ieq_z(here(t)->s, "T"))
		t->at++;
	return true;
}

static bool take_time(struct tokens *t, struct date *d)
{
	int fraction;
	char mark;

	if (!take_number(t, 2, &d->hour))
		return false;
	mark = here(t)->kind;
	if ((mark != ':' && mark != '.') || !skip(t, mark) ||
	    !take_number(t, 2, &d->min))
		return false;
	if (skip(t, mark) && !take_number(t, 2, &d->sec))
		return false;
	if (here(t)->kind == '.' && here(t)[1].kind == '0') {
		t->at++;
		take_number(t, SIZE_MAX, &fraction);
	}
	return true;
}

/* "+0200", "+02:00", "+2" */
static bool take_offset(struct tokens *t, struct date *d)
{
	int sign = here(t)->kind == '-' ? -1 : 1, n, min = 0;
	size_t digits;

	if (!skip(t, '+') && !skip(t, '-'))
		return false;
	digits = here(t)->s.n;
	if (!take_number(t, 4, &n))
		return false;
	if (digits <= 2) {
		if (here(t)->kind == ':' && here(t)[1].s.n == 2 && skip(t, ':'))
			take_number(t, 2, &min);
	} else {
		min = n % 100;
		n /= 100;
	}
	if (min > 59)
		return false;
	d->east = sign * (n * 3600 + min * 60);
	return true;
}

/*
 * RFC 5322 4.3: the American names; military letters and all other names
 * say as much as -0000, for nobody knows which is meant.
 */
static void take_zone_name(struct tokens *t, struct date *d)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {
		{ "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },
		{ "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 },
		{ "AST", -4 }, { "ADT", -3 },
	};

	for (size_t i = 0; i < COUNT(zones); i++)
		if (str_ieq_z(here(t)->s, zones[i].name))
			d->east = zones[i].hours * 3600;
	t->at++;
}

static bool take_zone(struct tokens *t, struct date *d)
{
	if (here(t)->kind == 'a')
		take_zone_name(t, d);
	return (here(t)->kind != '+' && here(t)->kind != '-') ||
	    take_offset(t, d);
}

static int days_in(int year, int month)
{
	static const int days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
	};

	return days[month - 1] + (month == 2 && year % 4 == 0 &&
	    (year % 100 != 0 || year % 400 == 0));
}

static bool in_range(const struct date *d)
{
	return d->year >= YEAR_MIN && d->month >= 1 && d->month <= 12 &&
	    d->day >= 1 && d->day <= days_in(d->year, d->month) &&
	    d->hour <= 23 && d->min <= 59 && d->sec <= 60 &&
	    d->east > -100 * 3600 && d->east < 100 * 3600;
}

/* "Jan 31 12:00:00 2020", "Jan 31 12:00 EST 2020", "Jan 31, 2020 12:00" */
static bool take_month_first(struct tokens *t, struct date *d)
{
	if (!take_month(t, d))
		return false;
	skip(t, '.');
	if (!take_number(t, 2, &d->day))
		return false;
	skip(t, ',');
	if (here(t)->kind == '0' && here(t)->s.n == 4) {
		if (!take_year(t, d))
			return false;
		skip(t, ',');
		return take_time(t, d) && take_zone(t, d);
	}
	return take_time(t, d) && take_zone(t, d) && take_year(t, d) &&
	    (d->east || take_zone(t, d));
}

static bool read_date(struct tokens *t, struct date *d)
{
	/* the weekday, whatever it says */
	if (here(t)->kind == 'a' && !month_of(here(t)->s))
		t->at++;
	while (skip(t, ',') || skip(t, '.'))
		;
	if (here(t)->kind == 'a')
		return take_month_first(t, d);
	if (here(t)->kind == '0' && here(t)->s.n == 4) {
		if (!take_iso(t, d))
			return false;
	} else if (!take_day_month_year(t, d)) {
		return false;
	}
	while (skip(t, ','))
		;
	if (here(t)->kind == '\0')
		return true;		/* a day without a time */
	return take_time(t, d) && take_zone(t, d);
}

int64_t date_read_zone(struct str text, int *east_out)
{
	struct date d = { 0 };
	struct tokens t;

	*east_out = 0;
	cut(text, &t);
	if (!read_date(&t, &d) || !in_range(&d))
		return TIME_NONE;
	*east_out = d.east;
	return time_from_civil(d.year, d.month, d.day, d.hour, d.min, d.sec) -
	    d.east;
}

int64_t date_read(struct str text)
{
	int east;

	return date_read_zone(text, &east);
}
