/*
 * Conditions on time: the date, the hour and the day of the week, each of
 * one instant (`of`) and in one zone.
 */
#include "condition.h"

#include <string.h>

struct moment_making {
	struct builder *b;
	struct cond *cond;
	const struct word *word;
};

/* ------------------------------------------------------- of which instant */

static bool of_key(struct moment_making *m, const struct node *value)
{
	static const char *const known[] = {
		[MOMENT_RECEIVED] = "received", [MOMENT_SENT] = "sent",
		[MOMENT_NOW] = "now",
	};
	struct str text;

	if (!build_text(m->b, value, "of", &text))
		return false;
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq_z(text, known[i])) {
			m->cond->moment = (enum moment)i;
			return true;
		}
	return problem_hint(m->b->ps, value->pos, build_nearest(m->b, text,
	    known, COUNT(known)), "`of` is `received`, `sent` or `now`");
}

/* ---------------------------------------------------------------- the date */

/* `before`, `after` or `on`; false in *MINE: none of them. */
static bool date_key(struct moment_making *m, const struct node *key,
    const struct node *value, bool *mine)
{
	static const char *const known[] = { "before", "after", "on" };
	struct when *const to[] = { &m->cond->before, &m->cond->after,
	    &m->cond->on };

	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq_z(key->text, known[i]))
			return build_date(m->b, value, known[i], to[i]);
	*mine = false;
	return true;
}

/* ---------------------------------------------------------------- the hour */

static bool between_key(struct moment_making *m, const struct node *value)
{
	struct cond *c = m->cond;

	if (value->kind != NODE_LIST || value->n != 2)
		return problem_hint(m->b->ps, value->pos,
		    STR_LIT("write [\"22:00\", \"07:00\"]"), "`between` "
		    "wants two times: the first, and the one it ends at");
	if (!build_clock(m->b, value->items[0], "between", &c->from) ||
	    !build_clock(m->b, value->items[1], "between", &c->until))
		return false;
	if (c->from == 24 * 60 * 60)
		return problem_hint(m->b->ps, value->items[0]->pos,
		    STR_LIT("write 00:00"), "no time begins at 24:00");
	return c->from != c->until ? true : problem(m->b->ps, value->pos,
	    "between a time and itself there is nothing");
}

/* ----------------------------------------------------------------- the day */

static const char *const days[] = { "sunday", "monday", "tuesday",
	"wednesday", "thursday", "friday", "saturday" };

/* "mon", "Monday"; -1 when it is none. */
static int read_day(struct str s)
{
	s = str_trim(s);
	for (int i = 0; i < (int)COUNT(days); i++)
		if (str_ieq_z(s, days[i]) ||
		    str_ieq(s, str_sub(str_of(days[i]), 0, 3)))
			return i;
	return -1;
}

static bool no_day(struct builder *b, const struct node *n, struct str s)
{
	return problem_hint(b->ps, n->pos, build_nearest(b, str_trim(s),
	    days, COUNT(days)), "`%.*s` is no day of the week",
	    STR_ARG(str_trim(s)));
}

/* A day, or a range of them, over the end of the week too. */
static bool add_days(struct builder *b, const struct node *n, void *ctx)
{
	struct moment_making *m = ctx;
	struct str text, first, last;
	size_t dash;
	int from, to;

	if (!build_text(b, n, "weekday", &text))
		return false;
	dash = str_find_char(text, 0, '-');
	first = last = str_sub(text, 0, dash);
	if (dash < text.n)
		last = str_sub(text, dash + 1, text.n);
	from = read_day(first);
	to = read_day(last);
	if (from < 0 || to < 0)
		return no_day(b, n, str_trim(last).n == 0 ? text :
		    from < 0 ? first : last);
	for (int i = from; ; i = (i + 1) % 7) {
		m->cond->days |= 1u << i;
		if (i == to)
			return true;
	}
}

/* ------------------------------------------------------------ the words */

static bool own_key(struct moment_making *m, const struct node *key,
    const struct node *value, bool *mine)
{
	if (m->word->arg == ARG_RANGE_DATE)
		return date_key(m, key, value, mine);
	if (str_eq_z(key->text, "of"))
		return of_key(m, value);
	if (m->word->arg == ARG_TIME_OF_DAY &&
	    str_eq_z(key->text, "between"))
		return between_key(m, value);
	if (m->word->arg == ARG_WEEKDAY && str_eq_z(key->text, "is"))
		return build_each(m->b, value, "is", add_days, m);
	*mine = false;
	return true;
}

static bool moment_key(struct moment_making *m, const struct node *key,
    const struct node *value)
{
	bool mine = true, ok;

	if (node_is_null(value))
		return problem(m->b->ps, key->pos, "`%.*s` is empty",
		    STR_ARG(key->text));
	if (str_eq_z(key->text, "zone"))
		return build_zone(m->b, value, &m->cond->zone);
	ok = own_key(m, key, value, &mine);
	if (mine)
		return ok;
	return problem(m->b->ps, key->pos, "unknown key `%.*s`; there are "
	    "%s", STR_ARG(key->text), m->word->arg == ARG_RANGE_DATE ?
	    "`before`, `after`, `on` and `zone`" :
	    m->word->arg == ARG_TIME_OF_DAY ? "`between`, `of` and `zone`" :
	    "`is`, `of` and `zone`");
}

/* Is there no time after, before and on what was written? */
static bool is_empty(const struct cond *c)
{
	const struct when *after = &c->after, *before = &c->before,
	    *on = &c->on;
	const int64_t day = 24 * 60 * 60;
	int64_t first = !after->set ? INT64_MIN :
	    after->civil + (after->has_time ? 1 : day);

	if (before->set && (first >= before->civil ||
	    (on->set && on->civil >= before->civil)))
		return true;
	return on->set && on->civil + (on->has_time ? 60 : day) <= first;
}

static bool says_when(const struct cond *c)
{
	return c->before.set || c->after.set || c->on.set || c->days ||
	    c->from != c->until;
}

static bool no_moment(struct moment_making *m, const struct node *value)
{
	const char *name = m->word->name;

	if (m->word->arg == ARG_TIME_OF_DAY)
		return problem_hint(m->b->ps, value->pos, STR_LIT("write "
		    "`time_of_day: {between: [\"22:00\", \"07:00\"]}`"),
		    "`%s` wants `between`", name);
	if (m->word->arg == ARG_WEEKDAY)
		return problem_hint(m->b->ps, value->pos, STR_LIT("write "
		    "`weekday: {is: mon-fri}`"), "`%s` wants `is` with the "
		    "days", name);
	return problem_hint(m->b->ps, value->pos, arena_printf(m->b->arena,
	    "write `%s: {after: 2026-01-15}`", name),
	    "`%s` wants `before`, `after` or `on`", name);
}

static bool moment_value(struct moment_making *m, const struct node *value)
{
	bool ok = true;

	if (value->kind != NODE_MAP)
		return m->word->arg == ARG_WEEKDAY ?
		    build_each(m->b, value, "weekday", add_days, m) :
		    no_moment(m, value);
	for (size_t i = 0; i < value->n; i++)
		ok &= moment_key(m, value->keys[i], value->items[i]);
	if (ok && is_empty(m->cond))
		return problem(m->b->ps, value->pos, "nothing is after the "
		    "one and before the other");
	return ok && !says_when(m->cond) ? no_moment(m, value) : ok;
}

struct cond *moment_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct cond *c = cond_make(b, w->arg == ARG_TIME_OF_DAY ?
	    COND_TIME_OF_DAY : w->arg == ARG_WEEKDAY ? COND_WEEKDAY :
	    COND_DATE, key->pos, written(b->arena, key->text, value));
	struct moment_making m = { b, c, w };

	c->word = w;
	if (str_eq_z(key->text, "sent"))
		c->moment = MOMENT_SENT;
	if (!moment_value(&m, value))
		return NULL;
	if (c->moment == MOMENT_SENT)
		cond_fields(b, "Date", c);
	return cond_close(b, c);
}
