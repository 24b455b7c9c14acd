#include "narrow.h"

#include <inttypes.h>
#include <string.h>

#include "gmail.h"
#include "keyword.h"

#define CRITERIA_MAX	4000	/* octets; longer ones are not worth it */
#define RULES_OR_MAX	50	/* rules beside each other */
#define DAY		86400

/* A quoted string; false for what it cannot hold. */
static bool add_quoted(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	buf_add_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, s.p[i]);
	}
	buf_add_char(b, '"');
	return true;
}

static bool add_flag(struct buf *b, const struct narrow_atom *at, bool gmail)
{
	static const struct {
		const char *flag, *set, *unset;
	} keys[] = {
		{ "\\Seen", "SEEN", "UNSEEN" },
		{ "\\Answered", "ANSWERED", "UNANSWERED" },
		{ "\\Flagged", "FLAGGED", "UNFLAGGED" },
		{ "\\Draft", "DRAFT", "UNDRAFT" },
	};

	/* stars, drafts and $Important are labels as well on Gmail */
	if (gmail && !str_ieq_z(at->name, "\\Seen") &&
	    !str_ieq_z(at->name, "\\Answered"))
		return false;
	for (size_t i = 0; i < COUNT(keys); i++)
		if (str_ieq_z(at->name, keys[i].flag)) {
			buf_add_z(b, at->negated ? keys[i].unset :
			    keys[i].set);
			return true;
		}
	if (str_starts(at->name, STR_LIT("\\")))
		return false;
	buf_add_z(b, at->negated ? "UNKEYWORD " : "KEYWORD ");
	buf_add_str(b, at->name);	/* an atom: the compiler has seen */
	return true;
}

static bool add_label(struct buf *b, const struct narrow_atom *at,
    bool gmail)
{
	/* elsewhere one label may stand in several keywords, or in folders */
	if (!gmail)
		return false;
	if (at->negated)
		buf_add_z(b, "NOT ");
	buf_add_z(b, "X-GM-LABELS ");
	if (str_eq_z(at->name, "INBOX")) {
		buf_add_z(b, "\\Inbox");
		return true;
	}
	return !gmail_is_system(at->name) && add_quoted(b, at->name);
}

/* SEARCH compares days, in a time zone that nobody tells: a day more. */
static void add_day(struct buf *b, const char *key, int64_t t)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct civil c = time_to_civil(t);

	buf_printf(b, "%s %d-%s-%04" PRId64, key, c.day, months[c.month - 1],
	    c.year);
}

static bool has_year(int64_t t)
{
	return t > 0 && t < INT64_C(253370764800);	/* of four digits */
}

static bool add_atom(struct buf *b, const struct narrow_atom *at, bool gmail)
{
	switch (at->kind) {
	case NARROW_FLAG:
		return add_flag(b, at, gmail);
	case NARROW_LABEL:
		return add_label(b, at, gmail);
	case NARROW_LARGER:
	case NARROW_SMALLER:
		if (at->number < 0 || at->number > UINT32_MAX)
			return false;
		buf_printf(b, "%s %" PRId64, at->kind == NARROW_LARGER ?
		    "LARGER" : "SMALLER", at->number);
		return true;
	case NARROW_AFTER:
		if (!has_year(at->number - DAY))
			return false;
		add_day(b, "SINCE", at->number - DAY);
		return true;
	case NARROW_BEFORE:
		if (!has_year(at->number + 2 * DAY))
			return false;
		add_day(b, "BEFORE", at->number + 2 * DAY);
		return true;
	case NARROW_SEARCH:
		if (!gmail)
			return false;
		buf_add_z(b, "X-GM-RAW ");
		return add_quoted(b, at->name);
	}
	return false;
}

/* "(UNSEEN LARGER 5)"; empty: the rule may concern any message. */
static struct str criteria_of(struct arena *a, const struct rules *r,
    size_t rule, bool gmail, int64_t now)
{
	const struct narrow_atom *list;
	size_t n = rules_narrow(r, a, rule, now, &list);
	struct buf all, one;
	struct str out;

	buf_init(&all, 16 * CRITERIA_MAX);
	buf_init(&one, 16 * CRITERIA_MAX);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&one);
		if (!add_atom(&one, &list[i], gmail))
			continue;
		buf_add_char(&all, all.n ? ' ' : '(');
		buf_add_str(&all, buf_str(&one));
	}
	if (all.n)
		buf_add_char(&all, ')');
	out = arena_str(a, buf_str(&all));
	buf_free(&one);
	buf_free(&all);
	return out;
}

/* OR takes two keys. */
static struct str either(struct arena *a, struct str x, struct str y)
{
	if (x.n == 0)
		return y;
	return arena_printf(a, "OR %.*s %s%.*s%s", STR_ARG(y),
	    str_starts(x, STR_LIT("OR ")) ? "(" : "", STR_ARG(x),
	    str_starts(x, STR_LIT("OR ")) ? ")" : "");
}

struct str narrow_criteria(struct arena *a, const struct rules *r,
    const bool *sweeps, bool gmail, int64_t now)
{
	struct str all = STR_EMPTY;
	size_t n = 0;

	for (size_t i = 0; i < rules_count(r); i++) {
		struct str one;

		if (!sweeps[i] || !rules_info(r, i)->applies_to_all ||
		    !rules_info(r, i)->enabled)
			continue;
		one = criteria_of(a, r, i, gmail, now);
		if (one.n == 0 || ++n > RULES_OR_MAX)
			return STR_EMPTY;
		all = either(a, all, one);
		if (all.n > CRITERIA_MAX)
			return STR_EMPTY;
	}
	return all;
}
