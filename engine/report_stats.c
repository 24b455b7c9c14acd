#include "report.h"

/* A day as text; DAY as time_from_civil counts. */
static struct str day_text(struct report *r, int64_t day)
{
	struct civil c = time_to_civil(day);

	return arena_printf(r->scratch, "%04lld-%02d-%02d",
	    (long long)c.year, c.month, c.day);
}

static void put_count(struct object *o, const struct stats_count *n)
{
	object_number(o, "messages", n->messages);
	object_number(o, "changes", n->changes);
	object_number(o, "failed", n->failed);
}

static struct object *begin(struct report *r, const char *type,
    struct str account)
{
	struct object *o;

	arena_reset(r->scratch);
	o = object_make(r->scratch, type);
	object_text(o, "account", account);
	return o;
}

static void as_json(struct report *r, const struct report_stats *x)
{
	const struct stats *s = x->stats;
	struct object *o;

	for (size_t i = 0; i < s->n_rules; i++) {
		o = begin(r, "rule_stats", x->account);
		object_text(o, "name", s->rules[i].name);
		put_count(o, &s->rules[i].count);
		object_time(o, "last", s->rules[i].last);
		object_bool(o, "known", s->rules[i].known);
		report_emit(r, o);
	}
	for (size_t i = 0; i < s->n_days; i++) {
		o = begin(r, "day_stats", x->account);
		object_text(o, "day", day_text(r, s->days[i].day));
		put_count(o, &s->days[i].count);
		report_emit(r, o);
	}
	o = begin(r, "stats", x->account);
	object_time(o, "since", s->since);
	object_number(o, "runs", s->runs);
	object_number(o, "judged", s->judged);
	put_count(o, &s->count);
	report_emit(r, o);
}

/* ----------------------------------------------------------------- text */

#define NAME_MOST	40	/* columns of a rule's name */
#define COUNTS		28	/* columns of three counts */

static void add_counts(struct buf *b, const struct stats_count *n)
{
	buf_printf(b, " %9llu %8llu %8llu",
	    (unsigned long long)n->messages, (unsigned long long)n->changes,
	    (unsigned long long)n->failed);
}

static void add_head(struct report *r, struct buf *b, const char *what,
    size_t width, const char *more)
{
	report_add_padded(r, b, str_of(what), width);
	buf_printf(b, " %9s %8s %8s%s\n", "messages", "changes", "failed",
	    more);
}

static void add_rules(struct report *r, struct buf *b, const struct stats *s)
{
	size_t width = 4;

	for (size_t i = 0; i < s->n_rules; i++) {
		size_t w = text_width(shown(r->scratch, s->rules[i].name));

		width = w > width ? w : width;
	}
	width = width < NAME_MOST ? width : NAME_MOST;
	if (s->n_rules > 0)
		add_head(r, b, "rule", width, "  last");
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct stats_rule *rule = &s->rules[i];

		report_add_padded(r, b, rule->name, width);
		add_counts(b, &rule->count);
		buf_add_z(b, "  ");
		if (rule->last)
			report_add_time(r, b, rule->last);
		else
			report_add_in(r, b, REPORT_YELLOW, "never");
		if (!rule->known)
			buf_add_z(b, ", no rule now");
		buf_add_char(b, '\n');
	}
}

static void add_days(struct report *r, struct buf *b, const struct stats *s)
{
	const size_t date = 10, before = date + COUNTS + 2;
	size_t room = r->style.width > before ? r->style.width - before : 0;
	uint64_t most = 1;

	for (size_t i = 0; i < s->n_days; i++)
		if (s->days[i].count.changes > most)
			most = s->days[i].count.changes;
	if (s->n_days > 0)
		add_head(r, b, "day", date, "");
	for (size_t i = 0; i < s->n_days; i++) {
		uint64_t n = s->days[i].count.changes;
		/* one at least for what is not nothing */
		uint64_t bar = (n * room + most - 1) / most;

		buf_add_str(b, day_text(r, s->days[i].day));
		add_counts(b, &s->days[i].count);
		if (bar > 0) {
			buf_add_z(b, "  ");
			report_add_colour(r, b, REPORT_DIM);
			while (bar-- > 0)
				buf_add_char(b, '#');
			report_end_colour(r, b);
		}
		buf_add_char(b, '\n');
	}
}

static void as_text(struct report *r, const struct report_stats *x)
{
	const struct stats *s = x->stats;
	struct buf b;

	report_begin(r, &b);
	report_add_colour(r, &b, REPORT_BOLD);
	buf_add_shown(&b, x->account);
	report_end_colour(r, &b);
	if (s->runs > 0) {
		buf_add_z(&b, ": since ");
		report_add_time(r, &b, s->since);
		buf_printf(&b, " %llu runs, %llu judged",
		    (unsigned long long)s->runs,
		    (unsigned long long)s->judged);
		buf_printf(&b, ", %llu changed by %llu changes\n",
		    (unsigned long long)s->count.messages,
		    (unsigned long long)s->count.changes);
	} else {
		buf_add_z(&b, ": no run\n");
	}
	add_rules(r, &b, s);
	add_days(r, &b, s);
	report_end(r, &b);
}

void report_stats(struct report *r, const struct report_stats *list,
    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (r->style.json)
			as_json(r, &list[i]);
		else
			as_text(r, &list[i]);
	}
}
