/*
 * stats as a page: no script, no file beside it, nothing fetched; its
 * Content-Security-Policy allows its one style sheet, by digest, and nothing
 * else.  Charts are SVG in the page, their numbers stand beside them as text.
 */
#include "report.h"

#define DAYS_MOST	400	/* of the chart; the last ones */
#define DAYS_LEAST	30
#define DAY		86400

/* Its SHA-256 stands in `policy`; a test compares them. */
static const char style[] =
":root{color-scheme:light dark;--ink:#1d2733;--faint:#66717f;--line:#d9dfe6;"
"--bar:#2f6f9f;--bad:#b3261e;--back:#fff}"
"@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--faint:#97a3b1;"
"--line:#36404c;--bar:#6cb2e4;--bad:#ff8a80;--back:#14191f}}"
"body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);"
"background:var(--back);max-width:60rem;margin:2rem auto;padding:0 1rem}"
"h1,h2{line-height:1.2}p,small,caption{color:var(--faint)}"
"table{border-collapse:collapse;width:100%;margin:1.5rem 0}"
"caption{text-align:left}"
"th,td{text-align:left;padding:.25rem .75rem .25rem 0;"
"border-bottom:1px solid var(--line);white-space:nowrap}"
"tbody th{white-space:normal;overflow-wrap:anywhere}"
".n{text-align:right;font-variant-numeric:tabular-nums}"
".bar{width:30%}.bad{color:var(--bad)}"
"svg{display:block;width:100%}rect{fill:var(--bar)}"
"td svg{height:.8rem}figure{margin:1.5rem 0}figure svg{height:9rem;"
"border-bottom:1px solid var(--line)}"
"figcaption{display:flex;justify-content:space-between;"
"color:var(--faint)}";

static const char policy[] = "default-src 'none'; base-uri 'none'; "
    "form-action 'none'; style-src "
    "'sha256-DKgnLCqqG7PK0+zdFVGoIHk6ijaY3c/szLX4hpADtIY='";

/* Text of others as text and in attributes: shown, and nothing in it HTML. */
static void add_html(struct report *r, struct buf *b, struct str s)
{
	struct str safe = shown(r->scratch, s);

	for (size_t i = 0; i < safe.n; i++)
		switch (safe.p[i]) {
		case '&': buf_add_z(b, "&amp;"); break;
		case '<': buf_add_z(b, "&lt;"); break;
		case '>': buf_add_z(b, "&gt;"); break;
		case '"': buf_add_z(b, "&quot;"); break;
		case '\'': buf_add_z(b, "&#39;"); break;
		default: buf_add_char(b, safe.p[i]);
		}
}

static void add_number(struct buf *b, uint64_t n, bool bad)
{
	buf_printf(b, "<td class=\"n%s\">%llu</td>", bad && n ? " bad" : "",
	    (unsigned long long)n);
}

static void add_numbers(struct buf *b, const struct stats_count *n)
{
	add_number(b, n->messages, false);
	add_number(b, n->changes, false);
	add_number(b, n->failed, true);
}

static void add_day(struct buf *b, int64_t day)
{
	struct civil c = time_to_civil(day);

	buf_printf(b, "%04lld-%02d-%02d", (long long)c.year, c.month, c.day);
}

static void add_rule(struct report *r, struct buf *b,
    const struct stats_rule *rule, uint64_t most)
{
	buf_add_z(b, "<tr><th scope=\"row\">");
	add_html(r, b, rule->name);
	if (!rule->known)
		buf_add_z(b, " <small>(no rule now)</small>");
	buf_add_z(b, "</th><td class=\"bar\">");
	if (rule->count.messages > 0)
		buf_printf(b, "<svg viewBox=\"0 0 1000 10\" "
		    "preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		    "<rect width=\"%llu\" height=\"10\"/></svg>",
		    (unsigned long long)(rule->count.messages * 1000 / most));
	buf_add_z(b, "</td>");
	add_numbers(b, &rule->count);
	buf_add_z(b, "<td>");
	if (rule->last)
		report_add_time(r, b, rule->last);
	else
		buf_add_z(b, "never");
	buf_add_z(b, "</td></tr>\n");
}

static void add_rules(struct report *r, struct buf *b, const struct stats *s)
{
	uint64_t most = s->n_rules ? s->rules[0].count.messages : 0;

	if (s->n_rules == 0)
		return;
	buf_add_z(b, "<table><caption>Messages changed by each rule"
	    "</caption>\n<thead><tr><th scope=\"col\">Rule</th><td></td>"
	    "<th scope=\"col\" class=\"n\">Messages</th>"
	    "<th scope=\"col\" class=\"n\">Changes</th>"
	    "<th scope=\"col\" class=\"n\">Failed</th>"
	    "<th scope=\"col\">Last</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < s->n_rules; i++)
		add_rule(r, b, &s->rules[i], most);
	buf_add_z(b, "</tbody></table>\n");
}

/* A bar for each day up to the last with changes; ten units wide, of which
 * one is a gap. */
static void add_days(struct buf *b, const struct stats *s)
{
	const struct stats_day *last;
	int64_t first;
	uint64_t most = 1;
	size_t from = 0;

	if (s->n_days == 0)
		return;
	last = &s->days[s->n_days - 1];
	while (last->day - s->days[from].day >= (int64_t)DAYS_MOST * DAY)
		from++;
	first = last->day - (DAYS_LEAST - 1) * DAY;
	if (first > s->days[from].day)
		first = s->days[from].day;
	for (size_t i = from; i < s->n_days; i++)
		if (s->days[i].count.changes > most)
			most = s->days[i].count.changes;
	buf_printf(b, "<figure><p>Changes a day, at most %llu</p>\n"
	    "<svg viewBox=\"0 0 %lld 1000\" preserveAspectRatio=\"none\" "
	    "role=\"img\" aria-label=\"Changes a day\">\n",
	    (unsigned long long)most,
	    (long long)((last->day - first) / DAY + 1) * 10);
	for (size_t i = from; i < s->n_days; i++) {
		uint64_t n = s->days[i].count.changes;
		uint64_t high = n * 1000 / most;

		buf_printf(b, "<rect x=\"%lld\" y=\"%llu\" width=\"9\" "
		    "height=\"%llu\"><title>",
		    (long long)((s->days[i].day - first) / DAY) * 10,
		    (unsigned long long)(1000 - high),
		    (unsigned long long)high);
		add_day(b, s->days[i].day);
		buf_printf(b, ": %llu</title></rect>\n",
		    (unsigned long long)n);
	}
	buf_add_z(b, "</svg>\n<figcaption><span>");
	add_day(b, first);
	buf_add_z(b, "</span><span>");
	add_day(b, last->day);
	buf_add_z(b, "</span></figcaption></figure>\n");
}

static void add_account(struct report *r, struct buf *b,
    const struct report_stats *x)
{
	const struct stats *s = x->stats;

	buf_add_z(b, "<section>\n<h2>");
	add_html(r, b, x->account);
	buf_add_z(b, "</h2>\n");
	if (s->runs > 0) {
		buf_add_z(b, "<p>Since ");
		report_add_time(r, b, s->since);
		buf_printf(b, ": %llu runs, %llu messages judged, %llu changed "
		    "by %llu changes.</p>\n", (unsigned long long)s->runs,
		    (unsigned long long)s->judged,
		    (unsigned long long)s->count.messages,
		    (unsigned long long)s->count.changes);
	} else {
		buf_add_z(b, "<p>No run.</p>\n");
	}
	add_days(b, s);
	add_rules(r, b, s);
	buf_add_z(b, "</section>\n");
}

void report_stats_page(struct report *r, const struct report_stats *list,
    size_t n, int64_t now)
{
	struct buf b;

	report_begin(r, &b);
	buf_printf(&b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width\">\n"
	    "<title>tamis: statistics</title>\n<style>%s</style>\n</head>\n"
	    "<body>\n<h1>tamis</h1>\n<p>As of ", policy, style);
	report_add_time(r, &b, now);
	buf_add_z(&b, "</p>\n");
	for (size_t i = 0; i < n; i++)
		add_account(r, &b, &list[i]);
	buf_add_z(&b, "</body>\n</html>\n");
	report_end(r, &b);
}
