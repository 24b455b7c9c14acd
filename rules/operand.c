#include "operand.h"

#include "fold.h"

static enum truth fits(const struct pattern *p, struct str text)
{
	switch (pattern_match(p, text, NULL)) {
	case PATTERN_NO:
		return TRUTH_FALSE;
	case PATTERN_YES:
		return TRUTH_TRUE;
	case PATTERN_LIMIT:
		break;
	}
	return TRUTH_UNKNOWN;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* FOLD is folded. */
static bool folds_to(struct str s, struct str fold)
{
	struct buf b;
	bool same = str_ieq(s, fold);

	if (same || is_ascii(s))
		return same;
	buf_init(&b, 3 * s.n + 1);
	fold_add(&b, s);
	same = str_eq(buf_str(&b), fold);
	buf_free(&b);
	return same;
}

enum truth operand_text(const struct operand *o, struct str text)
{
	switch (o->op) {
	case TEST_PATTERN:
	case TEST_NAME_OR_ADDRESS:
	case TEST_DOMAIN_GLOB:
		return fits(o->pattern, text);
	case TEST_LIST:
		return list_has_text(o->table, text);
	case TEST_TEXT:
		return truth_of(str_eq(o->text, text));
	case TEST_ADDRESS:
	case TEST_DOMAIN:
		return truth_of(str_ieq(o->text, text));
	}
	return TRUTH_FALSE;
}

static enum truth operand_address(const struct operand *o,
    const struct address *a)
{
	switch (o->op) {
	case TEST_ADDRESS:
		return truth_of(o->exact ? str_eq(o->text, a->address) :
		    folds_to(a->address, o->text));
	case TEST_DOMAIN:
		return truth_of(a->domain.n && str_ieq(o->text, a->domain));
	case TEST_DOMAIN_GLOB:
		return a->domain.n ? fits(o->pattern, a->domain) :
		    TRUTH_FALSE;
	case TEST_LIST:
		return list_has_address(o->table, a);
	case TEST_PATTERN:
	case TEST_NAME_OR_ADDRESS:
	case TEST_TEXT: {
		enum truth truth = TRUTH_FALSE;

		if (a->address.n)
			truth = operand_text(o, a->address);
		if (truth != TRUTH_TRUE && a->name.n)
			truth = truth_either(truth, operand_text(o, a->name));
		return truth;
	}
	}
	return TRUTH_FALSE;
}

static bool address_part(const struct address *a, enum test_part part,
    struct str *out)
{
	size_t plus = str_find_char(a->local, 0, '+');

	switch (part) {
	case PART_NAME:
		*out = a->name;
		break;
	case PART_LOCAL:
		*out = a->local;
		break;
	case PART_DOMAIN:
		*out = a->domain;
		break;
	case PART_USER:
		*out = str_sub(a->local, 0, plus);
		break;
	case PART_DETAIL:
		*out = str_sub(a->local, plus + 1, a->local.n);
		return plus < a->local.n;
	default:
		*out = a->address;
		break;
	}
	return out->n > 0;
}

static enum truth test_address(const struct test *t, const struct address *a)
{
	enum truth truth = TRUTH_FALSE;
	struct str part = STR_EMPTY;
	struct address bare = { .address = a->address, .local = a->local,
	    .domain = a->domain };
	bool there = t->part == PART_ANY || address_part(a, t->part, &part);

	if (t->has_exists)
		return truth_of(t->exists == there);
	if (!there)
		return TRUTH_FALSE;
	for (size_t i = 0; i < t->n && truth != TRUTH_TRUE; i++)
		truth = truth_either(truth, t->part == PART_ANY ?
		    operand_address(&t->any[i], a) :
		    t->part == PART_ADDRESS ?
		    operand_address(&t->any[i], &bare) :
		    operand_text(&t->any[i], part));
	return truth;
}

static enum truth test_text(const struct test *t, struct str text)
{
	enum truth truth = TRUTH_FALSE;

	if (t->has_exists)
		return truth_of(t->exists == (text.n > 0));
	for (size_t i = 0; i < t->n && truth != TRUTH_TRUE; i++)
		truth = truth_either(truth, operand_text(&t->any[i], text));
	return truth;
}

enum truth tests_text(const struct cond *c, struct str text)
{
	enum truth all = TRUTH_TRUE;

	for (size_t i = 0; i < c->n_tests && all != TRUTH_FALSE; i++)
		all = truth_both(all, test_text(&c->tests[i], text));
	return all;
}

enum truth tests_address(const struct cond *c, const struct address *a)
{
	enum truth all = TRUTH_TRUE;

	for (size_t i = 0; i < c->n_tests && all != TRUTH_FALSE; i++)
		all = truth_both(all, test_address(&c->tests[i], a));
	return all;
}

enum truth tests_attachment(const struct cond *c,
    const struct attachment *at)
{
	enum truth all = TRUTH_TRUE;

	for (size_t i = 0; i < c->n_tests && all != TRUTH_FALSE; i++)
		all = truth_both(all, test_text(&c->tests[i],
		    c->tests[i].part == PART_TYPE ? at->type : at->name));
	return all;
}

/* ------------------------------------------------------------- captures */

/* What the operand was asked about when its leaf came out true. */
static struct str subject_of(const struct hit *hit, const struct test *t,
    const struct operand *o)
{
	const struct address *a = hit->address;
	const struct attachment *at = hit->attachment;
	struct str part;

	if (at)
		return t->part == PART_TYPE ? at->type : at->name;
	if (!a)
		return hit->text;
	if (t->part != PART_ANY)
		return address_part(a, t->part, &part) ? part : STR_EMPTY;
	return a->address.n && o->pattern &&
	    fits(o->pattern, a->address) == TRUTH_TRUE ?
	    a->address : a->name;
}

static void add_capture(struct arena *a, struct captures *out, size_t *cap,
    struct str name, struct str value)
{
	if (!value.p)
		value = STR_EMPTY;	/* defined, and unset by this match */
	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->list[i].name, name))
			return;
	arena_grow(a, &out->list, out->n, cap);
	out->list[out->n++] = (struct capture){ name, value };
}

static void add_captures(struct arena *a, struct captures *out, size_t *cap,
    const struct pattern *p, const struct str *groups)
{
	const struct pattern_name *names;
	size_t n = pattern_names(p, &names);

	for (size_t i = 1; i <= pattern_groups(p); i++)
		add_capture(a, out, cap, arena_printf(a, "%zu", i),
		    groups[i]);
	for (size_t i = 0; i < n; i++)
		add_capture(a, out, cap, names[i].name,
		    groups[names[i].group]);
}

/* The operand that made the test true, if it is one with groups. */
static void capture_test(struct arena *a, struct captures *out, size_t *cap,
    const struct test *t, const struct hit *hit)
{
	struct str groups[PATTERN_GROUPS_MAX + 1];

	for (size_t i = 0; i < t->n; i++) {
		const struct operand *o = &t->any[i];
		struct str subject = subject_of(hit, t, o);

		if (o->regex) {
			if (pattern_match(o->pattern, subject, groups) ==
			    PATTERN_YES) {
				add_captures(a, out, cap, o->pattern,
				    groups);
				return;
			}
		} else if (hit->address && t->part == PART_ANY ?
		    operand_address(o, hit->address) == TRUTH_TRUE :
		    operand_text(o, subject) == TRUTH_TRUE) {
			return;
		}
	}
}

bool operand_captures(const struct cond *c)
{
	for (size_t i = 0; i < c->n_tests; i++)
		for (size_t k = 0; k < c->tests[i].n; k++)
			if (c->tests[i].any[k].regex)
				return true;
	return false;
}

void capture(struct arena *a, const struct cond *c, const struct hit *hit,
    struct captures *out, size_t *cap)
{
	if (c->kind == COND_ATTACHMENT && !hit->attachment)
		return;		/* as many as wanted: none */
	for (size_t i = 0; i < c->n_tests; i++)
		capture_test(a, out, cap, &c->tests[i], hit);
}
