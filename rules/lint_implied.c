/* Which condition holds wherever another one does: see lint.h. */
#include "lint.h"

#include <string.h>

/* ------------------------------------------------------------ conjuncts */

static void add_one(struct conjuncts *to, const struct cond *c)
{
	to->reads_state |= c->reads_state;
	if (to->n == CONJUNCTS_MAX)
		to->more = true;
	else
		to->list[to->n++] = c;
}

void conjuncts_add(struct conjuncts *to, const struct cond *c)
{
	if (!c || to->more)
		return;
	if (c->kind != COND_ALL && c->kind != COND_NAMED) {
		add_one(to, c);
		return;
	}
	for (size_t i = 0; i < c->n_kids; i++)
		conjuncts_add(to, c->kids[i]);
}

/* -------------------------------------------------------------- the same */

static uint64_t mix(uint64_t h, uint64_t more)
{
	h = (h ^ more) * UINT64_C(0x9E3779B97F4A7C15);
	return h ^ h >> 32;
}

/* A program may answer as it likes, and what is cut short is not known. */
static bool is_opaque(const struct cond *c)
{
	return c->kind == COND_RUN || c->reads_rule ||
	    c->written.n + 4 > WRITTEN_MAX;
}

uint64_t cond_key(const struct cond *c)
{
	uint64_t h = mix(str_hash(c->written), c->kind);

	return is_opaque(c) ? mix(h, c->id + UINT64_C(1)) : h;
}

/* ----------------------------------------------------------- bare texts */

/* One text or a list of them, and nothing else: no operator, no part. */
static bool is_bare(const struct cond *c)
{
	struct str rest = c->written;

	if (c->n_tests != 1 || c->has_exists || is_opaque(c) ||
	    c->tests[0].n > OPERANDS_MAX)
		return false;
	if (str_starts(rest, STR_LIT("header: {")))
		rest = str_sub(rest, strlen("header: {"), rest.n);
	return !memchr(rest.p, '{', rest.n);
}

static bool same_values(const struct cond *x, const struct cond *y)
{
	return x->kind == y->kind && x->word == y->word &&
	    x->n_fields == y->n_fields &&
	    (x->n_fields == 0 || str_ieq(x->fields[0], y->fields[0]));
}

static struct str domain_of(struct str address)
{
	size_t at = address.n;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	return str_sub(address, at, address.n);
}

static bool within(const struct operand *o, const struct operand *wider)
{
	if (o->op == TEST_ADDRESS && wider->op == TEST_DOMAIN)
		return str_eq(domain_of(o->text), wider->text);
	if (o->op != wider->op)
		return false;
	return o->pattern ? o->pattern == wider->pattern :
	    str_eq(o->text, wider->text);
}

static bool all_within(const struct test *t, const struct test *wider)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t k = 0;

		while (k < wider->n && !within(&t->any[i], &wider->any[k]))
			k++;
		if (k == wider->n)
			return false;
	}
	return true;
}

/* `subject: {exists: true}` */
static bool asks_presence(const struct cond *c)
{
	return c->has_exists && c->exists && c->n_tests == 0 &&
	    !c->has_count && c->word;
}

static const struct cond *unnamed(const struct cond *c)
{
	return c->kind == COND_NAMED ? c->kids[0] : c;
}

bool cond_implies(const struct cond *c, const struct cond *wider)
{
	c = unnamed(c);
	wider = unnamed(wider);
	if (cond_key(c) == cond_key(wider))
		return true;
	if (!is_bare(c) || !same_values(c, wider))
		return false;
	return asks_presence(wider) || (is_bare(wider) &&
	    all_within(&c->tests[0], &wider->tests[0]));
}

bool conjuncts_imply(const struct conjuncts *c,
    const struct conjuncts *wider)
{
	if (wider->more || wider->n == 0)
		return !wider->more;
	for (size_t i = 0; i < wider->n; i++) {
		size_t k = 0;

		while (k < c->n && !cond_implies(c->list[k], wider->list[i]))
			k++;
		if (k == c->n)
			return false;
	}
	return true;
}

/* ------------------------------------------------------- to be found by */

static uint64_t values_key(const struct cond *c)
{
	uint64_t h = mix(c->kind, (uintptr_t)c->word);

	for (size_t i = 0; c->n_fields && i < c->fields[0].n; i++)
		h = mix(h, (unsigned char)ch_lower(c->fields[0].p[i]));
	return h;
}

static uint64_t operand_key(const struct cond *c, enum test_op op,
    const struct pattern *pattern, struct str text)
{
	return mix(mix(values_key(c), op), pattern ? (uintptr_t)pattern :
	    str_hash(text));
}

size_t cond_answers(const struct cond *w, uint64_t keys[OPERANDS_MAX + 1])
{
	size_t n = 0;

	keys[n++] = asks_presence(w) ? values_key(w) : cond_key(w);
	for (size_t i = 0; is_bare(w) && i < w->tests[0].n; i++) {
		const struct operand *o = &w->tests[0].any[i];

		keys[n++] = operand_key(w, o->op, o->pattern, o->text);
	}
	return n;
}

/* Of several texts each must lie within W: the first is enough to find it. */
size_t cond_asks(const struct cond *c, uint64_t keys[OPERANDS_MAX + 1])
{
	const struct operand *o;
	size_t n = 0;

	keys[n++] = cond_key(c);
	if (asks_presence(c))
		keys[n++] = values_key(c);
	if (!is_bare(c))
		return n;
	o = &c->tests[0].any[0];
	keys[n++] = values_key(c);
	keys[n++] = operand_key(c, o->op, o->pattern, o->text);
	if (o->op == TEST_ADDRESS)
		keys[n++] = operand_key(c, TEST_DOMAIN, NULL,
		    domain_of(o->text));
	return n;
}
