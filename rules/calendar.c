#include "calendar.h"

#include <string.h>

static const char letters[] = "YmdyHMSjUVGbBaA%";

char calendar_bad_letter(struct str format)
{
	for (size_t i = 0; i < format.n; i++) {
		if (format.p[i] != '%')
			continue;
		i++;
		if (i == format.n)
			return '%';
		if (!memchr(letters, format.p[i],
		    sizeof(letters) - 1))
			return format.p[i];
	}
	return 0;
}

static bool leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static int day_of_year(const struct civil *c)	/* 0 is 1 January */
{
	static const int before[] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334,
	};

	return before[c->month - 1] + c->day - 1 +
	    (c->month > 2 && leap(c->year));
}

/* ISO 8601 week and the year it belongs to. */
static int iso_week(const struct civil *c, int64_t *year_out)
{
	int monday = (c->weekday + 6) % 7;	/* 0 is Monday */
	/* The Thursday of the week decides the year. */
	int thursday = day_of_year(c) - monday + 3;
	int64_t year = c->year;

	if (thursday < 0) {
		year--;
		thursday += leap(year) ? 366 : 365;
	} else if (thursday >= (leap(year) ? 366 : 365)) {
		thursday -= leap(year) ? 366 : 365;
		year++;
	}
	*year_out = year;
	return thursday / 7 + 1;
}

static void add_letter(struct buf *b, char letter,
    const struct civil *c)
{
	static const char *const months[] = {
		"January", "February", "March", "April", "May", "June",
		"July", "August", "September", "October", "November",
		"December",
	};
	static const char *const days[] = {
		"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
		"Friday", "Saturday",
	};
	int64_t iso_year;
	int week = iso_week(c, &iso_year);

	switch (letter) {
	case 'Y': buf_printf(b, "%04lld", (long long)c->year); break;
	case 'y': buf_printf(b, "%02d", (int)(c->year % 100)); break;
	case 'm': buf_printf(b, "%02d", c->month); break;
	case 'd': buf_printf(b, "%02d", c->day); break;
	case 'H': buf_printf(b, "%02d", c->hour); break;
	case 'M': buf_printf(b, "%02d", c->min); break;
	case 'S': buf_printf(b, "%02d", c->sec); break;
	case 'j': buf_printf(b, "%03d", day_of_year(c) + 1); break;
	case 'U':
		buf_printf(b, "%02d", (day_of_year(c) + 7 - c->weekday) / 7);
		break;
	case 'V': buf_printf(b, "%02d", week); break;
	case 'G': buf_printf(b, "%04lld", (long long)iso_year); break;
	case 'b': buf_printf(b, "%.3s", months[c->month - 1]); break;
	case 'B': buf_add_z(b, months[c->month - 1]); break;
	case 'a': buf_printf(b, "%.3s", days[c->weekday]); break;
	case 'A': buf_add_z(b, days[c->weekday]); break;
	default: buf_add_char(b, '%'); break;
	}
}

void calendar_add(struct buf *b, struct str format, int64_t local)
{
	struct civil c = time_to_civil(local);

	for (size_t i = 0; i < format.n; i++)
		if (format.p[i] == '%' && i + 1 < format.n)
			add_letter(b, format.p[++i], &c);
		else
			buf_add_char(b, format.p[i]);
}
