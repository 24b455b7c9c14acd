/*
 * Conditions on when a message arrived, was written, is judged.
 *
 * Dates and hours are those of the clock on the wall.  It may show one time
 * twice, or leave one out: so a bound becomes an instant (zone_first,
 * zone_past) and only what lies within it is compared as written.
 */
#include "leaf.h"

#include "calendar.h"

#define DAY		(24 * 60 * 60)
/* Times further away than the year 9999 say nothing a rule could mean. */
#define FAR_TIME	((int64_t)253402300800)

/* ----------------------------------------------------------- which instant */

static bool received(struct evaluation *v, int64_t *out,
    struct answer *otherwise)
{
	*out = v->in->facts->received;
	if (!(v->in->facts->known & RULES_ASK_RECEIVED))
		*otherwise = answer_missing(v->in, RULES_ASK_RECEIVED);
	else if (*out == TIME_NONE)
		*otherwise = answer_unknown(0,
		    "its date of arrival cannot be read");
	else
		return true;
	return false;
}

static bool sent(struct evaluation *v, int64_t *out,
    struct answer *otherwise)
{
	struct mail *m = v->in->mail;

	if (!m || !mail_knows_field(m, STR_LIT("Date"))) {
		*otherwise = answer_missing(v->in, RULES_ASK_FIELDS);
		return false;
	}
	*out = mail_sent(m);
	if (*out != TIME_NONE)
		return true;
	leaf_show_reason(v, "there is no readable Date");
	*otherwise = answer_settled(false);
	return false;
}

/* False: OTHERWISE is the answer. */
static bool moment_of(struct evaluation *v, const struct cond *c,
    int64_t *out, struct answer *otherwise)
{
	bool ok = true;

	if (c->moment == MOMENT_SENT)
		ok = sent(v, out, otherwise);
	else if (c->moment == MOMENT_RECEIVED)
		ok = received(v, out, otherwise);
	else
		*out = v->in->now;
	if (ok && (*out <= -FAR_TIME || *out >= FAR_TIME)) {
		*otherwise = answer_settled(false);
		return false;
	}
	return ok;
}

/* ------------------------------------------------------------------- age */

static struct str seconds_shown(struct arena *a, int64_t s)
{
	static const struct { int64_t n; const char *name; } units[] = {
		{ DAY, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" },
	};
	size_t i = 0;

	if (s < 0)
		return STR_LIT("it arrives in the future");
	while (i < COUNT(units) - 1 && s < units[i].n)
		i++;
	return arena_printf(a, "%lld%s", (long long)(s / units[i].n),
	    units[i].name);
}

static struct answer eval_age(struct evaluation *v, const struct cond *c)
{
	struct answer otherwise;
	int64_t at, age;

	if (!received(v, &at, &otherwise))
		return otherwise;
	if (__builtin_sub_overflow(v->in->now, at, &age))
		return answer_settled(false);
	if (v->notes)
		leaf_show(v, seconds_shown(v->arena, age));
	return answer_settled(leaf_within(&c->bounds, age));
}

/* ---------------------------------------------------------------- the rest */

/* The last second of what was written, a day or a minute. */
static int64_t last_of(const struct when *w)
{
	if (w->has_time)
		return w->civil % 60 ? w->civil : w->civil + 59;
	return w->civil + DAY - 1;
}

static bool date_fits(const struct cond *c, const struct zone *z, int64_t t,
    int64_t local)
{
	if (c->before.set && t >= zone_first(z, c->before.civil))
		return false;
	if (c->after.set && t < zone_past(z, c->after.has_time ?
	    c->after.civil : last_of(&c->after)))
		return false;
	return !c->on.set || (local >= c->on.civil &&
	    local <= last_of(&c->on));
}

static bool hour_fits(const struct cond *c, int64_t local)
{
	int into_day = (int)((local % DAY + DAY) % DAY);

	if (c->from < c->until)
		return into_day >= c->from && into_day < c->until;
	return into_day >= c->from || into_day < c->until;
}

static void show_local(struct evaluation *v, const struct cond *c,
    int64_t local)
{
	const char *format = c->kind == COND_DATE ? "%Y-%m-%dT%H:%M:%S" :
	    c->kind == COND_WEEKDAY ? "%A %Y-%m-%d" : "%H:%M:%S";
	struct buf b;

	if (!v->notes)
		return;
	buf_init(&b, 100);
	calendar_add(&b, str_of(format), local);
	leaf_show(v, arena_str(v->arena, buf_str(&b)));
	buf_free(&b);
}

struct answer leaf_time(struct evaluation *v, const struct cond *c)
{
	const struct zone *z = c->zone ? c->zone : v->in->zone;
	struct answer otherwise;
	int64_t t, local;

	if (c->kind == COND_AGE)
		return eval_age(v, c);
	if (!moment_of(v, c, &t, &otherwise))
		return otherwise;
	local = zone_local(z, t);
	show_local(v, c, local);
	if (c->kind == COND_TIME_OF_DAY)
		return answer_settled(hour_fits(c, local));
	if (c->kind == COND_WEEKDAY)
		return answer_settled(c->days >>
		    time_to_civil(local).weekday & 1);
	return answer_settled(date_fits(c, z, t, local));
}
