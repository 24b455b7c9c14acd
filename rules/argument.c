/*
 * What words take: texts, names, flags, dates, patterns; and the sentences
 * about those that are wrong.
 */
#include "build.h"

#include <string.h>

bool build_hints(const struct builder *b)
{
	return b->ps->errors < PROBLEMS_MAX;
}

struct str build_nearest(struct builder *b, struct str word,
    const char *const *names, size_t n)
{
	const char *near = build_hints(b) ? nearest(word, names, n) : NULL;

	return near ? arena_printf(b->arena, "did you mean `%s`?", near) :
	    STR_EMPTY;
}

struct str build_nearest_name(struct builder *b, struct str word,
    const struct names *names)
{
	const char **list;

	if (!build_hints(b))
		return STR_EMPTY;
	list = arena_array(b->arena, names->n, sizeof(*list));
	for (size_t i = 0; i < names->n; i++)
		list[i] = arena_z(b->arena, names->keys[i]);
	return build_nearest(b, word, list, names->n);
}

bool build_later(struct builder *b, const struct node *key)
{
	return problem(b->ps, key->pos, "`%.*s` is not yet supported",
	    STR_ARG(key->text));
}

bool build_text(struct builder *b, const struct node *n, const char *what,
    struct str *out)
{
	struct str text;

	if (!node_text(n, what, &text, b->ps))
		return false;
	if (str_trim(text).n == 0)
		return problem(b->ps, n->pos, "`%s` is empty", what);
	*out = text;
	return true;
}

bool build_each(struct builder *b, const struct node *n, const char *what,
    bool (*fn)(struct builder *b, const struct node *item, void *ctx),
    void *ctx)
{
	bool ok = true;

	if (n->kind != NODE_LIST)
		return fn(b, n, ctx);
	if (n->n == 0)
		return problem(b->ps, n->pos, "an empty list under `%s`",
		    what);
	for (size_t i = 0; i < n->n; i++) {
		if (n->items[i]->kind == NODE_LIST)
			ok = problem(b->ps, n->items[i]->pos,
			    "a list in a list");
		else
			ok &= fn(b, n->items[i], ctx);
	}
	return ok;
}

bool build_account(struct builder *b, const struct node *n, struct str *out)
{
	struct str name;

	if (!build_text(b, n, "account", &name))
		return false;
	for (size_t i = 0; i < b->n_accounts; i++)
		if (str_eq_z(name, b->accounts[i])) {
			*out = name;
			return true;
		}
	if (!b->accounts) {
		*out = name;
		return true;
	}
	return problem_hint(b->ps, n->pos, build_nearest(b, name,
	    b->accounts, b->n_accounts), "there is no account `%.*s`",
	    STR_ARG(name));
}

struct str build_inbox(struct str name)
{
	return str_ieq_z(name, "INBOX") ? STR_LIT("INBOX") : name;
}

bool build_name(struct builder *b, const struct node *n, const char *what,
    struct str *out)
{
	struct str name;

	if (!build_text(b, n, what, &name) ||
	    !name_check(name, n->pos, b->ps))
		return false;
	*out = build_inbox(name);
	return true;
}

/* RFC 9051: flag-keyword is an atom. */
static bool is_atom(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7F ||
		    memchr("(){%*\"\\]", s.p[i], 8))
			return false;
	return s.n > 0 && s.n <= 255;
}

bool build_flag(struct builder *b, const struct node *n, struct str *out)
{
	static const char *const known[] = { "\\Seen", "\\Answered",
	    "\\Flagged", "\\Draft" };
	struct str flag;

	if (!build_text(b, n, "flag", &flag))
		return false;
	if (flag.p[0] != '\\') {
		*out = flag;
		return is_atom(flag) ? true : problem(b->ps, n->pos,
		    "a keyword holds no blanks, no controls, no letters "
		    "beyond ASCII and none of ( ) { %% * \" \\ ]");
	}
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_ieq_z(flag, known[i])) {
			*out = str_of(known[i]);
			return true;
		}
	return problem_hint(b->ps, n->pos, str_ieq_z(flag, "\\Deleted") ?
	    STR_LIT("the actions `trash` and `delete` remove a message") :
	    build_nearest(b, flag, known, COUNT(known)),
	    "`%.*s` is no flag that can be asked for or set", STR_ARG(flag));
}

/* -------------------------------------------------------------- patterns */

/* What makes two patterns the same, as one text. */
static struct str pattern_key(struct builder *b, enum pattern_kind kind,
    struct str text, bool fold)
{
	return arena_printf(b->arena, "%d%d%.*s", (int)kind, fold,
	    STR_ARG(text));
}

const struct pattern *pattern_build(struct builder *b,
    enum pattern_kind kind, struct str text, bool fold,
    const struct node *n)
{
	struct str key = pattern_key(b, kind, text, fold);
	struct pattern_error e;
	const struct pattern *p;
	size_t at;

	if (names_get(&b->pattern_index, key, &at))
		return b->made[at];
	p = pattern_make(b->patterns, kind, text, fold, &e);
	if (!p) {
		problem(b->ps, kind == PATTERN_REGEX ?
		    node_pos_in(n, e.offset, 1) : n->pos, "bad %s: %s",
		    kind == PATTERN_REGEX ? "regex" :
		    kind == PATTERN_GLOB ? "pattern" : "text", e.msg);
		return NULL;
	}
	arena_grow(b->arena, &b->made, b->n_made, &b->cap_made);
	names_add(b->arena, &b->pattern_index, key, b->n_made);
	b->made[b->n_made++] = p;
	return p;
}

/* ----------------------------------------------------------------- times */

#define DAY	(24 * 60 * 60)

/* "NN" or "NNNN" at the front of *S, then the character BEHIND (0: end). */
static bool take_number(struct str *s, size_t digits, char behind, int *out)
{
	uint64_t n;

	if (s->n < digits || !str_u64(str_sub(*s, 0, digits), 9999, &n))
		return false;
	*out = (int)n;
	*s = (struct str){ s->p + digits, s->n - digits };
	if (behind == 0)
		return true;
	if (s->n == 0 || s->p[0] != behind)
		return false;
	*s = (struct str){ s->p + 1, s->n - 1 };
	return true;
}

/* "HH:MM" or "HH:MM:SS", all of S. */
static bool read_clock(struct str s, int *seconds_out)
{
	int h, min, sec = 0;

	if (!take_number(&s, 2, ':', &h) || !take_number(&s, 2, 0, &min))
		return false;
	if (s.n && s.p[0] == ':') {
		s = (struct str){ s.p + 1, s.n - 1 };
		if (!take_number(&s, 2, 0, &sec))
			return false;
	}
	*seconds_out = h * 3600 + min * 60 + sec;
	return s.n == 0 && h <= 24 && min <= 59 && sec <= 59 &&
	    *seconds_out <= DAY;
}

static bool read_date(struct str s, struct when *out)
{
	int y, mon, d, clock = 0;
	struct civil back;
	struct when w = { .set = true };

	if (!take_number(&s, 4, '-', &y) || !take_number(&s, 2, '-', &mon) ||
	    !take_number(&s, 2, 0, &d))
		return false;
	if (s.n) {
		w.has_time = true;
		if (s.p[0] != 'T' || !read_clock((struct str){ s.p + 1,
		    s.n - 1 }, &clock) || clock == DAY)
			return false;
	}
	if (y < 1 || mon < 1 || mon > 12 || d < 1 || d > 31)
		return false;
	w.civil = time_from_civil(y, mon, d, 0, 0, 0) + clock;
	back = time_to_civil(w.civil);
	if (back.day != d)	/* 30 February */
		return false;
	*out = w;
	return true;
}

bool build_date(struct builder *b, const struct node *n, const char *what,
    struct when *out)
{
	struct str text;
	int64_t duration;

	if (!build_text(b, n, what, &text))
		return false;
	if (read_date(text, out))
		return true;
	return problem_hint(b->ps, n->pos, parse_duration(text, &duration) ?
	    STR_LIT("`age` compares with a duration") :
	    STR_LIT("a date is written 2026-01-15 or 2026-01-15T22:00"),
	    "`%.*s` is no date", STR_ARG(text));
}

bool build_clock(struct builder *b, const struct node *n, const char *what,
    int *out)
{
	struct str text;

	if (!build_text(b, n, what, &text))
		return false;
	return read_clock(text, out) ? true : problem_hint(b->ps, n->pos,
	    STR_LIT("it is written 07:00 or 22:30"),
	    "`%.*s` is no time of the day", STR_ARG(text));
}

/* Is NAME the PLACE of "Region/Place"? */
static bool names_place(struct str name, struct str place)
{
	return name.n > place.n && str_ieq(str_sub(name, name.n - place.n,
	    name.n), place) && name.p[name.n - place.n - 1] == '/';
}

/* "did you mean ...?", from the table of places that zones come with: lines
 * of country, coordinates, name and perhaps a comment, parted by tabs. */
static struct str nearest_zone(struct builder *b, struct str name)
{
	struct str rest, line, field, hint = STR_EMPTY;
	const char **known = NULL;
	size_t n = 0, cap = 0;
	struct err e = { 0 };
	struct buf file;

	if (!build_hints(b))
		return STR_EMPTY;
	buf_init(&file, ZONE_FILE_MAX);
	if (b->reader->zone && b->reader->zone(b->reader->ctx, "zone.tab",
	    &file, &e))
		rest = arena_str(b->arena, buf_str(&file));
	else
		rest = STR_EMPTY;
	buf_free(&file);
	while (hint.n == 0 && str_cut(&rest, '\n', &line)) {
		if (str_starts(line, STR_LIT("#")) ||
		    !str_cut(&line, '\t', &field) ||
		    !str_cut(&line, '\t', &field) ||
		    !str_cut(&line, '\t', &field))
			continue;
		if (names_place(field, name))
			hint = arena_printf(b->arena, "did you mean "
			    "`%.*s`?", STR_ARG(field));
		arena_grow(b->arena, &known, n, &cap);
		known[n++] = arena_z(b->arena, field);
	}
	return hint.n ? hint : build_nearest(b, name, known, n);
}

static bool no_zone(struct builder *b, const struct node *n,
    struct str name, const char *why)
{
	struct str hint = nearest_zone(b, name);

	if (hint.n == 0)
		hint = STR_LIT("zones are written Europe/Berlin or +02:00");
	return problem_hint(b->ps, n->pos, hint, "there is no zone "
	    "`%.*s`: %s", STR_ARG(name), why);
}

/* The zone of NAME from its file, read once. */
static bool read_zone(struct builder *b, const struct node *n,
    struct str name, const struct zone **out)
{
	const struct zone *z = NULL;
	struct err e = { 0 };
	struct buf file;
	size_t at;
	bool ok;

	if (names_get(&b->zone_names, name, &at)) {
		*out = b->zones[at];
		return true;
	}
	buf_init(&file, ZONE_FILE_MAX);
	if (!b->reader->zone)
		ok = err_set(&e, ERR_CONFIG, "there are no time zones here");
	else
		ok = b->reader->zone(b->reader->ctx, arena_z(b->arena, name),
		    &file, &e) && zone_read_file(b->arena, buf_str(&file),
		    &z, &e);
	buf_free(&file);
	if (!ok)
		return no_zone(b, n, name, e.msg);
	arena_grow(b->arena, &b->zones, b->n_zones, &b->cap_zones);
	names_add(b->arena, &b->zone_names, name, b->n_zones);
	b->zones[b->n_zones++] = *out = z;
	return true;
}

bool build_zone(struct builder *b, const struct node *n,
    const struct zone **out)
{
	struct str text;
	int east;

	if (!build_text(b, n, "zone", &text))
		return false;
	if (zone_read_east(text, &east)) {
		*out = zone_fixed(b->arena, east);
		return true;
	}
	if (zone_name_ok(text))
		return read_zone(b, n, text, out);
	return problem_hint(b->ps, n->pos,
	    STR_LIT("zones are written Europe/Berlin or +02:00"),
	    "`%.*s` is no time zone", STR_ARG(text));
}
