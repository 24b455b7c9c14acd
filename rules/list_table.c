#include "list_table.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "fold.h"

struct patterns {
	const struct pattern **list;
	size_t n, cap;
};

struct list_table {
	enum list_use use;
	bool exact, faulty;
	struct names texts;	/* LIST_OF_TEXTS */
	struct names addresses, domains;
	struct patterns globs;	/* of domains */
	/* Texts without @, sorted, none the head of another: at most one of
	 * them can begin at a place of a value. */
	struct str *needles;
	size_t n_needles, cap_needles;
	struct patterns regexes;
};

/* --------------------------------------------------------------- making */

static void names_once(struct builder *b, struct names *t, struct str key)
{
	size_t at;

	if (!names_get(t, key, &at))
		names_add(b->arena, t, key, 0);
}

static void patterns_add(struct builder *b, struct patterns *ps,
    const struct pattern *p)
{
	arena_grow(b->arena, &ps->list, ps->n, &ps->cap);
	ps->list[ps->n++] = p;
}

static struct str as_asked(struct builder *b, const struct list_table *t,
    struct str entry)
{
	return t->exact ? entry : fold_str(b->arena, entry);
}

static int by_bytes(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* Sorts the needles; what another begins with makes that other needless. */
static void sort_needles(struct list_table *t)
{
	size_t n = 0;

	if (t->n_needles == 0)
		return;
	qsort(t->needles, t->n_needles, sizeof(*t->needles), by_bytes);
	for (size_t i = 0; i < t->n_needles; i++)
		if (n == 0 || !str_starts(t->needles[i], t->needles[n - 1]))
			t->needles[n++] = t->needles[i];
	t->n_needles = n;
}

/* Of an address, or of a domain alone. */
static bool add_address(struct builder *b, struct list_table *t,
    struct str entry, struct pos pos)
{
	struct operand o;

	if (t->use == LIST_OF_DOMAINS && entry.p[0] != '@')
		entry = arena_printf(b->arena, "@%.*s", STR_ARG(entry));
	if (!address_form(b, entry, pos, t->exact, &o))
		return false;
	switch (o.op) {
	case TEST_ADDRESS:
		names_once(b, &t->addresses, o.text);
		break;
	case TEST_DOMAIN:
		names_once(b, &t->domains, o.text);
		break;
	case TEST_DOMAIN_GLOB:
		patterns_add(b, &t->globs, o.pattern);
		break;
	default:
		arena_grow(b->arena, &t->needles, t->n_needles,
		    &t->cap_needles);
		t->needles[t->n_needles++] = as_asked(b, t, entry);
	}
	return true;
}

static bool add_entry(struct builder *b, struct list_table *t,
    const struct list *l, size_t i)
{
	struct str entry = l->entries[i], regex;
	const struct pattern *p;

	if (list_entry_regex(entry, &regex)) {
		p = list_entry_pattern(b, regex, list_entry_pos(l, i),
		    t->exact);
		if (p)
			patterns_add(b, &t->regexes, p);
		return p != NULL;
	}
	if (t->use == LIST_OF_TEXTS) {
		names_once(b, &t->texts, as_asked(b, t, entry));
		return true;
	}
	if (t->use == LIST_OF_DOMAINS &&
	    str_find_char(entry, 1, '@') < entry.n)
		return true;	/* an address, in a list for addresses, too */
	return add_address(b, t, entry, list_entry_pos(l, i));
}

const struct list_table *list_table(struct builder *b, struct list *l,
    enum list_use use, bool exact)
{
	struct list_table **slot = &l->index->tables[use][exact], *t = *slot;

	if (l->index->faulty)
		return NULL;
	if (!t) {
		t = *slot = arena_make(b->arena, struct list_table);
		t->use = use;
		t->exact = exact;
		for (size_t i = 0; i < l->n; i++)
			t->faulty |= !add_entry(b, t, l, i);
		sort_needles(t);
	}
	return t->faulty ? NULL : t;
}

/* -------------------------------------------------------------- looking */

#define ROOM	512

/* VALUE as the table has it: folded into BIG, or into ROOM where that is
 * large enough. */
static struct str folded(const struct list_table *t, struct str value,
    char *room, struct buf *big)
{
	bool plain = value.n <= ROOM;

	if (t->exact)
		return value;
	for (size_t i = 0; plain && i < value.n; i++) {
		plain = (unsigned char)value.p[i] < 0x80;
		room[i] = ch_lower(value.p[i]);
	}
	if (plain)
		return (struct str){ room, value.n };
	buf_init(big, value.n * 2 + 1);
	fold_add(big, value);
	return buf_str(big);
}

static bool has_name(const struct list_table *t, const struct names *names,
    struct str value)
{
	struct buf big = { 0 };
	char room[ROOM];
	size_t at;
	bool has = names->n && names_get(names, folded(t, value, room, &big),
	    &at);

	buf_free(&big);
	return has;
}

/* The first that meets its limit ends it, so that a list takes no longer than
 * its author meant: unknown. */
static enum truth any_fits(const struct patterns *ps, struct str value)
{
	for (size_t i = 0; i < ps->n; i++) {
		switch (pattern_match(ps->list[i], value, NULL)) {
		case PATTERN_YES:
			return TRUTH_TRUE;
		case PATTERN_LIMIT:
			return TRUTH_UNKNOWN;
		case PATTERN_NO:
			break;
		}
	}
	return TRUTH_FALSE;
}

/* Does a needle begin where S begins? */
static bool needle_at(const struct list_table *t, struct str s)
{
	size_t low = 0, high = t->n_needles;

	while (low < high) {	/* the last needle not behind S */
		size_t mid = (low + high) / 2;

		if (str_cmp(t->needles[mid], s) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && str_starts(s, t->needles[low - 1]);
}

static bool has_needle(const struct list_table *t, struct str value)
{
	struct buf big = { 0 };
	char room[ROOM];
	struct str s;
	bool has = false;

	if (t->n_needles == 0)
		return false;
	s = folded(t, value, room, &big);
	for (size_t i = 0; i < s.n && !has; i++)
		has = needle_at(t, (struct str){ s.p + i, s.n - i });
	buf_free(&big);
	return has;
}

static enum truth has_domain(const struct list_table *t, struct str domain)
{
	size_t at;

	if (domain.n == 0)
		return TRUTH_FALSE;
	if (names_get(&t->domains, domain, &at))
		return TRUTH_TRUE;
	return any_fits(&t->globs, domain);
}

bool list_find_key(const struct list *l, struct str key, size_t *at_out)
{
	struct buf fold;
	bool has;

	buf_init(&fold, 2 * key.n + 1);
	fold_add(&fold, key);
	has = !fold.over && names_get(&l->index->keys, buf_str(&fold),
	    at_out);
	buf_free(&fold);
	return has;
}

enum truth list_has_text(const struct list_table *t, struct str value)
{
	enum truth truth = TRUTH_FALSE;

	if (t->use == LIST_OF_DOMAINS)
		truth = has_domain(t, value);
	else if (has_name(t, &t->texts, value))
		truth = TRUTH_TRUE;
	return truth == TRUTH_TRUE ? truth :
	    truth_either(truth, any_fits(&t->regexes, value));
}

enum truth list_has_address(const struct list_table *t,
    const struct address *a)
{
	enum truth truth;

	if ((a->address.n && has_name(t, &t->addresses, a->address)) ||
	    has_needle(t, a->name) || has_needle(t, a->address))
		return TRUTH_TRUE;
	truth = has_domain(t, a->domain);
	if (truth != TRUTH_TRUE && a->address.n)
		truth = truth_either(truth, any_fits(&t->regexes,
		    a->address));
	if (truth != TRUTH_TRUE && a->name.n)
		truth = truth_either(truth, any_fits(&t->regexes, a->name));
	return truth;
}
