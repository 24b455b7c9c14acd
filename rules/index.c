/*
 * Three octets (a gram) of folded text stand for the whole text.  Each
 * condition that must hold for its rule gives a set of grams of which one
 * must occur; of several such conditions the one with the rarest grams is
 * taken.
 */
#include "index.h"

#include <string.h>

#include "fold.h"

#define GRAM		3	/* octets */
#define GRAM_MASK	0xFFFFFFu
#define COUNTS		(1 << 16)	/* of grams, by hash */
#define NEVER		UINT32_MAX	/* no gram to be had */
#define GRAMS_MAX	256	/* of one rule */
#define FIRST_SLOTS	64

/* The rules that want a gram, as a chain of links. */
struct slot {
	uint32_t gram;		/* 1 + the octets; 0 is free */
	uint32_t first;		/* 1 + a link */
};

struct link {
	uint32_t rule;
	uint32_t next;		/* 1 + a link; 0 ends */
};

struct indexed_field {
	struct str name;
	bool addresses;		/* read as addresses, not as text */
	struct slot *slots;	/* open addressing */
	size_t n_slots, n_used;
	uint64_t *rules;	/* all that want something of it */
};

struct index {
	size_t n_words;		/* of 64 rules */
	uint64_t *always;	/* rules that are not indexed */
	struct indexed_field *fields;
	size_t n_fields, cap_fields;
	struct link *links;
	size_t n_links, cap_links;
};

/* What must occur for a condition to be true: one of so many grams. */
struct guard {
	uint32_t cost;		/* count of the commonest of them, or NEVER */
	size_t grams;
	bool counted, made;
};

struct making {
	struct arena *arena;
	struct index *index;
	const struct rules *rules;
	uint32_t *counts;	/* how many literals hold a gram */
	struct guard *guards;	/* by cond->id */
};

/* ---------------------------------------------------------------- grams */

static uint32_t gram_hash(uint32_t gram)
{
	return (gram * 0x9E3779B1u) >> 8;
}

static uint32_t gram_at(struct str s, size_t i)
{
	return (uint32_t)(unsigned char)s.p[i] << 16 |
	    (uint32_t)(unsigned char)s.p[i + 1] << 8 |
	    (unsigned char)s.p[i + 2];
}

/* What a value must hold to fit the operand; empty when that is not known. */
static struct str literal_of(struct arena *a, const struct operand *o)
{
	switch (o->op) {
	case TEST_ADDRESS:
	case TEST_DOMAIN:
		return fold_str(a, o->text);
	case TEST_PATTERN:
	case TEST_NAME_OR_ADDRESS:
	case TEST_DOMAIN_GLOB:
		return fold_str(a, o->literal);
	case TEST_TEXT:
	case TEST_LIST:
		break;
	}
	return STR_EMPTY;
}

static void count_operand(struct making *mk, const struct operand *o)
{
	struct str s = literal_of(mk->arena, o);

	for (size_t i = 0; i + GRAM <= s.n; i++)
		mk->counts[gram_hash(gram_at(s, i)) % COUNTS]++;
}

/* The rarest gram of the operand and how often it was counted. */
static uint32_t rarest(const struct making *mk, const struct operand *o,
    uint32_t *gram_out)
{
	struct str s = literal_of(mk->arena, o);
	uint32_t best = NEVER;

	for (size_t i = 0; i + GRAM <= s.n; i++) {
		uint32_t gram = gram_at(s, i);
		uint32_t n = mk->counts[gram_hash(gram) % COUNTS];

		if (n < best) {
			best = n;
			*gram_out = gram;
		}
	}
	return best;
}

/* --------------------------------------------------------------- choosing */

static bool is_indexable(const struct cond *c)
{
	return (c->kind == COND_ADDRESS || c->kind == COND_TEXT) &&
	    !c->has_exists && !c->raw;
}

/* Each condition once, however many rules name it. */
static void count_cond(struct making *mk, const struct cond *c)
{
	if (mk->guards[c->id].counted)
		return;
	mk->guards[c->id].counted = true;
	for (size_t i = 0; i < c->n_kids; i++)
		count_cond(mk, c->kids[i]);
	if (!is_indexable(c))
		return;
	for (size_t i = 0; i < c->n_tests; i++)
		for (size_t k = 0; k < c->tests[i].n; k++)
			count_operand(mk, &c->tests[i].any[k]);
}

/* How common the grams are of which one must occur for the test to hold. */
static uint32_t test_cost(const struct making *mk, const struct test *t)
{
	uint32_t worst = 0, gram;

	for (size_t i = 0; i < t->n && worst != NEVER; i++) {
		uint32_t n = rarest(mk, &t->any[i], &gram);

		if (n > worst)
			worst = n;
	}
	return t->n ? worst : NEVER;
}

/* All tests of a leaf must hold: the one with the rarest grams will do. */
static const struct test *best_test(const struct making *mk,
    const struct cond *c, uint32_t *cost_out)
{
	const struct test *best = NULL;

	*cost_out = NEVER;
	for (size_t i = 0; i < c->n_tests; i++) {
		uint32_t n = test_cost(mk, &c->tests[i]);

		if (n < *cost_out) {
			*cost_out = n;
			best = &c->tests[i];
		}
	}
	return best;
}

static const struct guard *guard_of(struct making *mk,
    const struct cond *c);

static const struct cond *best_kid(struct making *mk, const struct cond *c)
{
	const struct cond *best = c->kids[0];

	for (size_t i = 1; i < c->n_kids; i++)
		if (guard_of(mk, c->kids[i])->cost <
		    guard_of(mk, best)->cost)
			best = c->kids[i];
	return best;
}

static struct guard guard_of_leaf(struct making *mk, const struct cond *c)
{
	struct guard g = { .cost = NEVER };
	const struct test *t;

	if (!is_indexable(c))
		return g;
	t = best_test(mk, c, &g.cost);
	g.grams = t ? t->n * c->n_fields : 0;
	return g;
}

static struct guard guard_of_any(struct making *mk, const struct cond *c)
{
	struct guard g = { .cost = 0 };

	for (size_t i = 0; i < c->n_kids && g.cost != NEVER; i++) {
		const struct guard *kid = guard_of(mk, c->kids[i]);

		if (kid->cost > g.cost)
			g.cost = kid->cost;
		g.grams += kid->grams;
	}
	return g;
}

static const struct guard *guard_of(struct making *mk,
    const struct cond *c)
{
	struct guard *known = &mk->guards[c->id], g = { .cost = NEVER };

	if (known->made)
		return known;
	switch (c->kind) {
	case COND_ALL:
	case COND_NAMED:
		g = *guard_of(mk, best_kid(mk, c));
		break;
	case COND_ANY:
		g = guard_of_any(mk, c);
		break;
	case COND_NOT:
		break;
	default:
		g = guard_of_leaf(mk, c);
		break;
	}
	if (g.grams > GRAMS_MAX)
		g.cost = NEVER;
	known->cost = g.cost;
	known->grams = g.grams;
	known->made = true;
	return known;
}

/* ----------------------------------------------------------------- adding */

static struct indexed_field *field_get(struct making *mk, struct str name,
    bool addresses)
{
	struct index *x = mk->index;
	struct indexed_field *f;

	for (size_t i = 0; i < x->n_fields; i++)
		if (x->fields[i].addresses == addresses &&
		    str_ieq(x->fields[i].name, name))
			return &x->fields[i];
	arena_grow(mk->rules->arena, &x->fields, x->n_fields,
	    &x->cap_fields);
	f = &x->fields[x->n_fields++];
	*f = (struct indexed_field){ .name = name, .addresses = addresses };
	f->rules = arena_array(mk->rules->arena, x->n_words,
	    sizeof(*f->rules));
	return f;
}

static struct slot *slot_of(struct slot *slots, size_t n, uint32_t gram)
{
	size_t at = gram_hash(gram) & (n - 1);

	while (slots[at].gram && slots[at].gram != gram + 1)
		at = (at + 1) & (n - 1);
	return &slots[at];
}

/* Half of the slots stay free. */
static void slots_grow(struct making *mk, struct indexed_field *f)
{
	size_t n = f->n_slots ? f->n_slots * 2 : FIRST_SLOTS;
	struct slot *slots = arena_array(mk->rules->arena, n,
	    sizeof(*slots));

	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].gram)
			*slot_of(slots, n, f->slots[i].gram - 1) =
			    f->slots[i];
	f->slots = slots;
	f->n_slots = n;
}

static void set_bit(uint64_t *bits, size_t i)
{
	bits[i / 64] |= (uint64_t)1 << i % 64;
}

static void add_gram(struct making *mk, struct indexed_field *f,
    uint32_t gram, uint32_t rule)
{
	struct index *x = mk->index;
	struct slot *slot;

	if (2 * f->n_used >= f->n_slots)
		slots_grow(mk, f);
	slot = slot_of(f->slots, f->n_slots, gram);
	if (!slot->gram) {
		slot->gram = gram + 1;
		f->n_used++;
	}
	arena_grow(mk->rules->arena, &x->links, x->n_links, &x->cap_links);
	x->links[x->n_links] = (struct link){ rule, slot->first };
	slot->first = (uint32_t)++x->n_links;
	set_bit(f->rules, rule);
}

static void add_leaf(struct making *mk, const struct cond *c, uint32_t rule)
{
	uint32_t cost, gram = 0;
	const struct test *t = best_test(mk, c, &cost);

	for (size_t i = 0; i < c->n_fields; i++) {
		struct indexed_field *f = field_get(mk, c->fields[i],
		    c->kind == COND_ADDRESS);

		for (size_t k = 0; k < t->n; k++) {
			rarest(mk, &t->any[k], &gram);
			add_gram(mk, f, gram, rule);
		}
	}
}

/* C has a guard. */
static void add_cond(struct making *mk, const struct cond *c, uint32_t rule)
{
	switch (c->kind) {
	case COND_ALL:
	case COND_NAMED:
		add_cond(mk, best_kid(mk, c), rule);
		break;
	case COND_ANY:
		for (size_t i = 0; i < c->n_kids; i++)
			add_cond(mk, c->kids[i], rule);
		break;
	default:
		add_leaf(mk, c, rule);
		break;
	}
}

static void index_rules(struct making *mk)
{
	const struct rules *r = mk->rules;

	for (size_t i = 0; i < r->n_rules; i++)
		if (r->rules[i].top.when)
			count_cond(mk, r->rules[i].top.when);
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct cond *c = r->rules[i].top.when;

		if (c && guard_of(mk, c)->cost != NEVER)
			add_cond(mk, c, (uint32_t)i);
		else
			set_bit(mk->index->always, i);
	}
}

const struct index *index_make(struct arena *a, const struct rules *r)
{
	struct arena *scratch;
	struct making mk = { .rules = r };

	if (r->n_rules < INDEX_RULES_MIN)
		return NULL;
	scratch = arena_new();
	mk.arena = scratch;
	mk.counts = arena_array(scratch, COUNTS, sizeof(*mk.counts));
	mk.guards = arena_array(scratch, r->n_conds, sizeof(*mk.guards));
	mk.index = arena_make(a, struct index);
	mk.index->n_words = (r->n_rules + 63) / 64;
	mk.index->always = arena_array(a, mk.index->n_words,
	    sizeof(*mk.index->always));
	index_rules(&mk);
	arena_free(&scratch);
	return mk.index->n_fields ? mk.index : NULL;
}

/* ----------------------------------------------------------------- asking */

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static void add_chain(const struct index *x, uint32_t first, uint64_t *bits)
{
	for (; first; first = x->links[first - 1].next)
		set_bit(bits, x->links[first - 1].rule);
}

static void scan(const struct index *x, const struct indexed_field *f,
    struct arena *a, struct str s, uint64_t *bits)
{
	uint32_t gram = 0;

	if (!is_ascii(s))
		s = fold_str(a, s);
	for (size_t i = 0; i < s.n; i++) {
		gram = (gram << 8 | (unsigned char)ch_lower(s.p[i])) &
		    GRAM_MASK;
		if (i + 1 >= GRAM)
			add_chain(x, slot_of(f->slots, f->n_slots,
			    gram)->first, bits);
	}
}

static void scan_addresses(const struct index *x,
    const struct indexed_field *f, struct arena *a, struct mail *m,
    uint64_t *bits)
{
	const struct address *list;
	size_t n = mail_addresses(m, f->name, &list);

	for (size_t i = 0; i < n; i++) {
		const struct address *ad = &list[i];

		scan(x, f, a, ad->name, bits);
		scan(x, f, a, ad->address, bits);
		if (ad->address.n == ad->local.n + 1 + ad->domain.n)
			continue;	/* they are all there is in it */
		scan(x, f, a, ad->local, bits);
		scan(x, f, a, ad->domain, bits);
	}
}

const uint64_t *index_candidates(const struct index *x, struct arena *a,
    struct mail *m)
{
	uint64_t *bits = arena_array(a, x->n_words, sizeof(*bits));

	memcpy(bits, x->always, x->n_words * sizeof(*bits));
	for (size_t i = 0; i < x->n_fields; i++) {
		const struct indexed_field *f = &x->fields[i];
		size_t n;

		if (!m || !mail_knows_field(m, f->name)) {
			for (size_t k = 0; k < x->n_words; k++)
				bits[k] |= f->rules[k];
			continue;
		}
		if (f->addresses) {
			scan_addresses(x, f, a, m, bits);
			continue;
		}
		n = mail_field_count(m, f->name);
		for (size_t k = 0; k < n; k++)
			scan(x, f, a, mail_field_text(m, f->name, k), bits);
	}
	return bits;
}
