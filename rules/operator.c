/*
 * Operators and what they compare with.
 */
#include "operator.h"

#include <string.h>

/* ------------------------------------------------------------- operands */

static const struct {
	const char *name;
	enum text_op op;
	unsigned of;
	enum word_arg arg;
} operators[] = {
#define OPERATOR(name, of, arg, help)	{ #name, OP_##name, of, arg },
#include "vocab.def"
};

static const struct {
	const char *name;
	enum test_part part;
	enum word_arg arg;
} parts[] = {
#define PART(name, part, arg, help)	{ #name, part, arg },
#include "vocab.def"
};

/* Where the operators of M stand. */
static enum operator_of place_of(const struct making *m)
{
	if (m->cond->kind == COND_BODY)
		return OF_BODY;
	if (m->cond->kind == COND_HEADER_BLOCK)
		return OF_BLOCK;
	if (m->cond->kind == COND_ATTACHMENT)
		return OF_NAME;
	if (m->value)
		return OF_VALUE;
	if (!m->address)
		return OF_TEXT;
	return m->part == PART_ANY ? OF_ADDRESS : OF_PART;
}

static enum pattern_kind pattern_kind_of(enum text_op op)
{
	switch (op) {
	case OP_is: return PATTERN_IS;
	case OP_starts: return PATTERN_STARTS;
	case OP_ends: return PATTERN_ENDS;
	case OP_matches: return PATTERN_GLOB;
	case OP_regex: return PATTERN_REGEX;
	default: return PATTERN_CONTAINS;
	}
}

bool operator_pattern(struct builder *b, const struct making *m,
    enum text_op op, const struct node *n, struct str text,
    const struct pattern **out)
{
	*out = pattern_build(b, pattern_kind_of(op), text, !m->exact, n);
	return *out != NULL;
}

/* Identifiers compare without their angle brackets. */
static struct str bare_id(const struct making *m, struct str text)
{
	if (m->source == TEXT_FIELD || m->cond->raw)
		return text;
	if (text.n && text.p[0] == '<')
		text = str_sub(text, 1, text.n);
	if (text.n && text.p[text.n - 1] == '>')
		text.n--;
	return text;
}

/* Domains compare in their ASCII form. */
static bool ascii_domain(struct builder *b, const struct making *m,
    enum text_op op, const struct node *n, struct str *text)
{
	bool ascii = true;
	struct operand o;

	for (size_t i = 0; i < text->n; i++)
		ascii &= (unsigned char)text->p[i] < 0x80;
	if (m->part != PART_DOMAIN || ascii)
		return true;
	if (op != OP_is)
		return problem_hint(b->ps, n->pos, STR_LIT("write the part in "
		    "its ASCII form, xn--..."), "only a whole domain can be "
		    "written beyond ASCII");
	if (!address_form(b, arena_printf(b->arena, "@%.*s",
	    STR_ARG(*text)), n->pos, false, &o))
		return false;
	*text = o.text;
	return true;
}

static bool pattern_operand(struct builder *b, const struct making *m,
    enum text_op op, const struct node *n, struct str text,
    struct operand *out)
{
	struct operand o = { .op = TEST_PATTERN };

	if (op == OP_regex) {
		o.regex = true;
		o.text = text;
	} else if (op != OP_matches) {
		text = bare_id(m, text);
	}
	if (op != OP_regex && !ascii_domain(b, m, op, n, &text))
		return false;
	if (!operator_pattern(b, m, op, n, text, &o.pattern))
		return false;
	if (op == OP_matches)
		o.literal = pattern_glob_literal(text);
	else if (op != OP_regex)
		o.literal = text;
	*out = o;
	return true;
}

static bool list_operand(struct builder *b, const struct making *m,
    const struct node *n, struct operand *out)
{
	struct list *l = list_find(b, n);
	enum list_use use = LIST_OF_TEXTS;

	if (!l)
		return false;
	if (m->part == PART_DOMAIN)
		use = LIST_OF_DOMAINS;
	else if (m->address &&
	    (m->part == PART_ANY || m->part == PART_ADDRESS))
		use = LIST_OF_ADDRESSES;
	*out = (struct operand){ .op = TEST_LIST, .list = l };
	out->table = list_table(b, l, use, m->exact);
	return out->table != NULL;
}

/* Is it an address that is meant as a whole? */
static bool is_whole(const struct making *m, enum text_op op,
    struct str text)
{
	return m->address && op == OP_is &&
	    (m->part == PART_ANY || m->part == PART_ADDRESS) &&
	    memchr(text.p, '@', text.n);
}

static bool address_operand(struct builder *b, const struct making *m,
    const struct node *n, struct str text, struct operand *out)
{
	if (!address_form(b, text, n->pos, m->exact, out))
		return false;
	if (m->part == PART_ADDRESS && out->op != TEST_ADDRESS)
		return problem_hint(b->ps, n->pos, arena_printf(b->arena,
		    "write `domain: %.*s`", STR_ARG(str_sub(text, 1,
		    text.n))), "this is no whole address");
	return true;
}

/* One operand of OP. */
static bool operand_build(struct builder *b, const struct making *m,
    enum text_op op, const struct node *n, struct operand *out)
{
	struct str text;

	if (op == OP_list)
		return list_operand(b, m, n, out);
	if (!build_text(b, n, m->key.p, &text))
		return false;
	if (is_whole(m, op, text))
		return address_operand(b, m, n, text, out);
	return pattern_operand(b, m, op, n, text, out);
}

/* A text without an operator. */
static bool bare_operand(struct builder *b, const struct making *m,
    const struct node *n, struct operand *out)
{
	struct str text;
	bool equal = m->address && m->part != PART_ANY &&
	    m->part != PART_NAME;

	if (!build_text(b, n, m->key.p, &text))
		return false;
	if (equal && is_whole(m, OP_is, text))
		return address_operand(b, m, n, text, out);
	if (m->address && m->part == PART_ANY) {
		if (!address_form(b, text, n->pos, false, out))
			return false;
		if (out->op != TEST_NAME_OR_ADDRESS)
			return true;
		out->literal = text;
		return operator_pattern(b, m, OP_contains, n, text,
		    &out->pattern);
	}
	if (m->part == PART_TYPE && memchr(text.p, '*', text.n))
		return pattern_operand(b, m, OP_matches, n, text, out);
	if (!equal && text.n > 1 && (text.p[0] == '*' ||
	    text.p[text.n - 1] == '*'))
		warning(b->ps, n->pos, "a bare text is looked for as it is, "
		    "with its `*`; a pattern is written {matches: ...}");
	return pattern_operand(b, m, equal ? OP_is : OP_contains, n, text,
	    out);
}

/* ---------------------------------------------------------------- tests */

struct test *operator_add(struct builder *b, struct making *m,
    struct test_list *to, size_t n_operands)
{
	struct test *t;

	arena_grow(b->arena, &to->list, to->n, &to->cap);
	t = &to->list[to->n++];
	*t = (struct test){ .part = m->part, .n = n_operands };
	t->any = arena_array(b->arena, n_operands, sizeof(*t->any));
	return t;
}

/* A text or a list of them, under OP or (BARE) under none. */
bool operator_operands(struct builder *b, struct making *m, bool bare,
    enum text_op op, const struct node *n, struct test_list *to)
{
	bool list = n->kind == NODE_LIST, ok = true;
	size_t count = list ? n->n : 1;
	struct test *t;

	if (count == 0)
		return problem(b->ps, n->pos, "an empty list under `%.*s`",
		    STR_ARG(m->key));
	t = operator_add(b, m, to, count);
	for (size_t i = 0; i < count; i++) {
		const struct node *item = list ? n->items[i] : n;

		if (bare)
			ok &= bare_operand(b, m, item, &t->any[i]);
		else
			ok &= operand_build(b, m, op, item, &t->any[i]);
	}
	return ok;
}

bool operator_exists(struct builder *b, struct making *m,
    const struct node *n)
{
	m->cond->has_exists = true;
	return node_bool(n, "exists", &m->cond->exists, b->ps);
}

bool operator_count(struct builder *b, struct making *m,
    const struct node *n)
{
	m->cond->has_count = true;
	return bounds_build(b, ARG_RANGE_COUNT, STR_LIT("count"), n,
	    &m->cond->count);
}

static bool case_build(struct builder *b, struct making *m,
    const struct node *n)
{
	struct str text;

	if (!build_text(b, n, "case", &text))
		return false;
	if (!str_eq_z(text, "exact"))
		return problem_hint(b->ps, n->pos,
		    STR_LIT("write `case: exact`, or leave it out"),
		    "`case` can only be `exact`");
	m->exact = true;
	return true;
}

static bool unknown_operator(struct builder *b, const struct making *m,
    const struct node *key)
{
	const char *names[COUNT(operators) + COUNT(parts)];
	enum operator_of place = place_of(m);
	size_t n = 0;
	struct str hint = STR_EMPTY;

	for (size_t i = 0; i < COUNT(operators); i++)
		if (operators[i].of & place)
			names[n++] = operators[i].name;
	for (size_t i = 0; place == OF_ADDRESS && i < COUNT(parts); i++)
		names[n++] = parts[i].name;
	if (place & (OF_BODY | OF_BLOCK) && str_eq_z(key->text, "list"))
		hint = place == OF_BODY ?
		    STR_LIT("a whole body is no entry of a list") :
		    STR_LIT("a whole header is no entry of a list");
	else if (str_eq_z(key->text, "not"))
		hint = arena_printf(b->arena, "write `not: {%.*s: ...}`",
		    STR_ARG(m->key));
	else if (str_eq_z(key->text, "any"))
		hint = STR_LIT("a list means any of its items");
	else if (str_eq_z(key->text, "raw") && place == OF_ADDRESS)
		hint = STR_LIT("write `header: {From: {raw: true, ...}}` for "
		    "the octets of a field");
	else if (str_eq_z(key->text, "all"))
		hint = arena_printf(b->arena, "write `all: [{%.*s: ...}, "
		    "...]`", STR_ARG(m->key));
	else
		hint = build_nearest(b, key->text, names, n);
	return problem_hint(b->ps, key->pos, hint,
	    "unknown operator `%.*s` under `%.*s`", STR_ARG(key->text),
	    STR_ARG(m->key));
}

/* `from: {domain: ...}`: a text, a list, or operators. */
static bool part_build(struct builder *b, struct making *m,
    enum test_part part, const struct node *key, const struct node *value,
    struct test_list *to)
{
	struct making inner = *m;

	inner.part = part;
	inner.key = key->text;
	if (part == PART_DOMAIN)
		inner.exact = false;	/* domains know no capitals */
	if (value->kind == NODE_MAP)
		return operator_map(b, &inner, value, to);
	return operator_operands(b, &inner, true, OP_is, value, to);
}

/* Servers vouch for authors, and for nobody else. */
static bool verified_build(struct builder *b, struct making *m,
    const struct node *key, const struct node *value)
{
	if (!str_eq_z(str_of(m->word->name), "from"))
		return problem(b->ps, key->pos,
		    "`verified` is of an author: under `from`");
	m->cond->has_verified = true;
	return node_bool(value, "verified", &m->cond->verified, b->ps);
}

/* `exists` of a part, or of the value itself. */
static bool exists_build(struct builder *b, struct making *m,
    const struct node *n, struct test_list *to)
{
	struct test *t;

	if (m->part == PART_ANY)
		return operator_exists(b, m, n);
	t = operator_add(b, m, to, 0);
	t->has_exists = true;
	return node_bool(n, "exists", &t->exists, b->ps);
}

static bool key_build(struct builder *b, struct making *m,
    const struct node *key, const struct node *value, struct test_list *to)
{
	enum operator_of place = place_of(m);

	if (node_is_null(value))
		return problem(b->ps, key->pos, "`%.*s` is empty",
		    STR_ARG(key->text));
	for (size_t i = 0; i < COUNT(operators); i++) {
		if (!(operators[i].of & place) ||
		    !str_eq_z(key->text, operators[i].name))
			continue;
		if (operators[i].arg == ARG_LATER)
			return build_later(b, key);
		switch (operators[i].op) {
		case OP_case:
		case OP_raw:
			return true;	/* were read first */
		case OP_exists:
			return exists_build(b, m, value, to);
		case OP_count:
			return operator_count(b, m, value);
		default:
			return operator_operands(b, m, false,
			    operators[i].op, value, to);
		}
	}
	for (size_t i = 0; place == OF_ADDRESS && i < COUNT(parts); i++) {
		if (!str_eq_z(key->text, parts[i].name))
			continue;
		if (parts[i].arg == ARG_LATER)
			return build_later(b, key);
		if (parts[i].arg == ARG_BOOL)
			return verified_build(b, m, key, value);
		return part_build(b, m, parts[i].part, key, value, to);
	}
	return unknown_operator(b, m, key);
}

static bool absent(struct builder *b, struct pos pos)
{
	return problem(b->ps, pos, "what does not exist has no text: "
	    "`exists: false` stands alone");
}

/* Several operators: all must hold for one occurrence. */
bool operator_map(struct builder *b, struct making *m,
    const struct node *n, struct test_list *to)
{
	const struct node *exact = node_get(n, "case");
	const struct node *raw = node_get(n, "raw");
	size_t before = to->n;
	bool ok = true;

	if (exact && !node_is_null(exact) && !case_build(b, m, exact))
		ok = false;
	if (raw && !node_is_null(raw) && place_of(m) &
	    (OF_TEXT | OF_BODY | OF_BLOCK | OF_VALUE) &&
	    !node_bool(raw, "raw", &m->cond->raw, b->ps))
		ok = false;
	for (size_t i = 0; i < n->n; i++)
		ok &= key_build(b, m, n->keys[i], n->items[i], to);
	if (ok && to->n == before && (m->part != PART_ANY ||
	    (!m->cond->has_exists && !m->cond->has_count &&
	    !m->cond->has_verified)))
		return problem(b->ps, n->pos, "`%.*s` has no operator; known: "
		    "is, contains, starts, ends, matches, regex, list, "
		    "exists", STR_ARG(m->key));
	for (size_t i = before; ok && m->part != PART_ANY && i < to->n; i++)
		if (to->list[i].has_exists && !to->list[i].exists &&
		    to->n - before > 1)
			return absent(b, n->pos);
	return ok;
}

/* Fills the tests of m->cond from VALUE; no list of maps. */
bool operator_tests(struct builder *b, struct making *m,
    const struct node *value)
{
	struct test_list to = { 0 };
	struct cond *c = m->cond;
	bool ok = value->kind == NODE_MAP ? operator_map(b, m, value, &to) :
	    operator_operands(b, m, true, OP_contains, value, &to);

	c->tests = to.list;
	c->n_tests = to.n;
	if (ok && c->has_exists && !c->exists &&
	    (c->n_tests || c->has_count || c->has_verified))
		return absent(b, value->pos);
	return ok;
}

