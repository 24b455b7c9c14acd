/*
 * Conditions: a map of words to a tree of tests.
 *
 * "Several keys mean all of them; a map under `any` means any of its keys.
 * A list under a key means any of its items; a list under `all` all of them,
 * under `not` none of them.  A bare word is a named condition."
 */
#include "build.h"

#include <string.h>

/* ----------------------------------------------------------- as written */

static void write_node(struct buf *b, const struct node *n);

static void write_scalar(struct buf *b, const struct node *n)
{
	buf_add_str(b, n->quoted ? STR_LIT("\"") : STR_EMPTY);
	buf_add_str(b, n->text);
	buf_add_str(b, n->quoted ? STR_LIT("\"") : STR_EMPTY);
}

static void write_items(struct buf *b, const struct node *n)
{
	bool map = n->kind == NODE_MAP;

	buf_add_char(b, map ? '{' : '[');
	for (size_t i = 0; i < n->n && !b->over; i++) {
		if (i)
			buf_add_z(b, ", ");
		if (map) {
			write_scalar(b, n->keys[i]);
			buf_add_z(b, ": ");
		}
		write_node(b, n->items[i]);
	}
	buf_add_char(b, map ? '}' : ']');
}

static void write_node(struct buf *b, const struct node *n)
{
	if (n->kind == NODE_SCALAR)
		write_scalar(b, n);
	else
		write_items(b, n);
}

struct str written(struct arena *a, struct str key, const struct node *n)
{
	struct buf b;
	struct str text;

	buf_init(&b, WRITTEN_MAX);
	buf_add_str(&b, key);
	if (key.n)
		buf_add_z(&b, ": ");
	write_node(&b, n);
	text = buf_str(&b);
	for (size_t i = 0; i < text.n; i++)	/* texts of several lines */
		if (b.p[i] == '\n' || b.p[i] == '\r' || b.p[i] == '\t')
			b.p[i] = ' ';
	text = b.over ? arena_printf(a, "%.*s...",
	    STR_ARG(utf8_head(text, WRITTEN_MAX - 3))) : arena_str(a, text);
	buf_free(&b);
	return text;
}

/* ---------------------------------------------------------------- making */

static struct cond *cond_make(struct builder *b, enum cond_kind kind,
    struct pos pos, struct str as_written)
{
	struct cond *c = arena_make(b->arena, struct cond);

	c->kind = kind;
	c->pos = pos;
	c->written = as_written;
	c->id = b->out->n_conds++;
	c->weight = 1;
	if (b->out->n_conds == CONDS_MAX + 1)
		problem(b->ps, pos, "there are more than %d conditions",
		    CONDS_MAX);
	return c;
}

/* Height and weight, from the kids. */
static struct cond *cond_close(struct builder *b, struct cond *c)
{
	unsigned height = 0;
	uint64_t weight = 1;

	for (size_t i = 0; i < c->n_kids; i++) {
		if (c->kids[i]->height > height)
			height = c->kids[i]->height;
		weight += c->kids[i]->weight;
	}
	if (height + 1 > COND_HEIGHT_MAX) {
		problem(b->ps, c->pos, "conditions are nested more than %d "
		    "deep, named ones counted", COND_HEIGHT_MAX);
		return NULL;
	}
	if (weight > COND_WEIGHT_MAX) {
		problem(b->ps, c->pos, "this is more than %d conditions, "
		    "named ones counted at each use", COND_WEIGHT_MAX);
		return NULL;
	}
	c->height = height + 1;
	c->weight = (unsigned)weight;
	return c;
}

/* The kids of a group, as they are built; a NULL one makes it faulty. */
struct kids {
	struct cond **list;
	size_t n, cap;
	bool faulty;
};

static void kids_add(struct builder *b, struct kids *k, struct cond *c)
{
	if (!c) {
		k->faulty = true;
		return;
	}
	arena_grow(b->arena, &k->list, k->n, &k->cap);
	k->list[k->n++] = c;
}

/* A group of KIDS; a single one stands for itself. */
static struct cond *join(struct builder *b, enum cond_kind kind,
    struct pos pos, struct str as_written, const struct kids *k)
{
	struct cond *c;

	if (k->faulty || k->n == 0)
		return NULL;
	if (k->n == 1 && kind != COND_NOT)
		return k->list[0];
	c = cond_make(b, kind, pos, as_written);
	c->kids = k->list;
	c->n_kids = k->n;
	return cond_close(b, c);
}

/* ------------------------------------------------------------- operands */

/* What is being built: one condition on the values of a field. */
struct making {
	const struct word *word;
	struct str key;		/* for messages: "subject" */
	enum text_source source;
	bool address;		/* bare texts are address forms */
	enum test_part part;
	bool exact;		/* `case: exact` */
	struct cond *cond;
};

enum text_op {
	OP_is, OP_contains, OP_starts, OP_ends, OP_matches, OP_regex,
	OP_list, OP_exists, OP_case, OP_count, OP_raw,
};

static const struct {
	const char *name;
	enum text_op op;
	enum word_arg arg;
} operators[] = {
#define OPERATOR(name, arg, help)	{ #name, OP_##name, arg },
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

static bool make_pattern(struct builder *b, const struct making *m,
    enum text_op op, const struct node *n, struct str text,
    const struct pattern **out)
{
	*out = pattern_build(b, pattern_kind_of(op), text, !m->exact, n);
	return *out != NULL;
}

/* Identifiers compare without their angle brackets. */
static struct str bare_id(const struct making *m, struct str text)
{
	if (m->source == TEXT_FIELD)
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
	    STR_ARG(*text)), n->pos, &o))
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
	if (!make_pattern(b, m, op, n, text, &o.pattern))
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

	if (!l)
		return false;
	if (m->cond->kind == COND_BODY)
		return problem(b->ps, n->pos, "a whole body is no entry of a "
		    "list");
	if (m->exact)
		return problem(b->ps, n->pos, "lists know no capitals; "
		    "`case: exact` cannot stand beside `list`");
	*out = (struct operand){ .op = TEST_LIST, .list = l };
	return m->address &&
	    (m->part == PART_ANY || m->part == PART_ADDRESS) ?
	    list_for_address(b, l) : list_for_text(b, l);
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
	if (m->address && m->part == PART_ANY && op == OP_is && !m->exact &&
	    memchr(text.p, '@', text.n))
		return address_form(b, text, n->pos, out);
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
	if (m->address && m->part == PART_ANY && !m->exact) {
		if (!address_form(b, text, n->pos, out))
			return false;
		if (out->op != TEST_NAME_OR_ADDRESS)
			return true;
		out->literal = text;
		return make_pattern(b, m, OP_contains, n, text,
		    &out->pattern);
	}
	if (!equal && text.n > 1 && (text.p[0] == '*' ||
	    text.p[text.n - 1] == '*'))
		warning(b->ps, n->pos, "a bare text is looked for as it is, "
		    "with its `*`; a pattern is written {matches: ...}");
	return pattern_operand(b, m, equal ? OP_is : OP_contains, n, text,
	    out);
}

/* ---------------------------------------------------------------- tests */

struct test_list {
	struct test *list;
	size_t n, cap;
};

static struct test *test_add(struct builder *b, struct making *m,
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
static bool operands_build(struct builder *b, struct making *m, bool bare,
    enum text_op op, const struct node *n, struct test_list *to)
{
	bool list = n->kind == NODE_LIST, ok = true;
	size_t count = list ? n->n : 1;
	struct test *t;

	if (count == 0)
		return problem(b->ps, n->pos, "an empty list under `%.*s`",
		    STR_ARG(m->key));
	t = test_add(b, m, to, count);
	for (size_t i = 0; i < count; i++) {
		const struct node *item = list ? n->items[i] : n;

		if (bare)
			ok &= bare_operand(b, m, item, &t->any[i]);
		else
			ok &= operand_build(b, m, op, item, &t->any[i]);
	}
	return ok;
}

static bool exists_build(struct builder *b, struct making *m,
    const struct node *n)
{
	m->cond->has_exists = true;
	return node_bool(n, "exists", &m->cond->exists, b->ps);
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
	bool inner = m->part != PART_ANY;	/* below a part */
	size_t n = 0;
	struct str hint = STR_EMPTY;

	for (size_t i = 0; i < COUNT(operators); i++)
		if (!inner || operators[i].op != OP_exists)
			names[n++] = operators[i].name;
	for (size_t i = 0; m->address && !inner && i < COUNT(parts); i++)
		names[n++] = parts[i].name;
	if (str_eq_z(key->text, "not"))
		hint = arena_printf(b->arena, "write `not: {%.*s: ...}`",
		    STR_ARG(m->key));
	else if (str_eq_z(key->text, "any"))
		hint = STR_LIT("a list means any of its items");
	else if (str_eq_z(key->text, "all"))
		hint = arena_printf(b->arena, "write `all: [{%.*s: ...}, "
		    "...]`", STR_ARG(m->key));
	else
		hint = build_nearest(b, key->text, names, n);
	return problem_hint(b->ps, key->pos, hint,
	    "unknown operator `%.*s` under `%.*s`", STR_ARG(key->text),
	    STR_ARG(m->key));
}

static bool map_build(struct builder *b, struct making *m,
    const struct node *n, struct test_list *to);

/* `from: {domain: ...}`: a text, a list, or operators. */
static bool part_build(struct builder *b, struct making *m,
    enum test_part part, const struct node *key, const struct node *value,
    struct test_list *to)
{
	struct making inner = *m;

	inner.part = part;
	inner.key = key->text;
	if (value->kind == NODE_MAP)
		return map_build(b, &inner, value, to);
	return operands_build(b, &inner, true, OP_is, value, to);
}

static bool key_build(struct builder *b, struct making *m,
    const struct node *key, const struct node *value, struct test_list *to)
{
	if (node_is_null(value))
		return problem(b->ps, key->pos, "`%.*s` is empty",
		    STR_ARG(key->text));
	for (size_t i = 0; i < COUNT(operators); i++) {
		if (!str_eq_z(key->text, operators[i].name))
			continue;
		if (operators[i].arg == ARG_LATER)
			return build_later(b, key);
		if (operators[i].op == OP_case)
			return true;	/* was read first */
		if (operators[i].op == OP_exists && m->part == PART_ANY)
			return exists_build(b, m, value);
		if (operators[i].op == OP_exists)
			break;
		return operands_build(b, m, false, operators[i].op, value,
		    to);
	}
	for (size_t i = 0; m->address && m->part == PART_ANY &&
	    i < COUNT(parts); i++) {
		if (!str_eq_z(key->text, parts[i].name))
			continue;
		if (parts[i].arg == ARG_LATER)
			return build_later(b, key);
		return part_build(b, m, parts[i].part, key, value, to);
	}
	return unknown_operator(b, m, key);
}

/* Several operators: all must hold for one occurrence. */
static bool map_build(struct builder *b, struct making *m,
    const struct node *n, struct test_list *to)
{
	const struct node *exact = node_get(n, "case");
	size_t before = to->n;
	bool ok = true;

	if (exact && !case_build(b, m, exact))
		ok = false;
	for (size_t i = 0; i < n->n; i++)
		ok &= key_build(b, m, n->keys[i], n->items[i], to);
	if (ok && to->n == before && !m->cond->has_exists)
		return problem(b->ps, n->pos, "`%.*s` has no operator; known: "
		    "is, contains, starts, ends, matches, regex, list, "
		    "exists", STR_ARG(m->key));
	return ok;
}

static bool all_scalars(const struct node *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->items[i]->kind != NODE_SCALAR)
			return false;
	return true;
}

/* Fills the tests of m->cond from VALUE; no list of maps. */
static bool tests_build(struct builder *b, struct making *m,
    const struct node *value)
{
	struct test_list to = { 0 };
	struct cond *c = m->cond;
	bool ok = value->kind == NODE_MAP ? map_build(b, m, value, &to) :
	    operands_build(b, m, true, OP_contains, value, &to);

	c->tests = to.list;
	c->n_tests = to.n;
	if (ok && c->has_exists && !c->exists && c->n_tests)
		return problem(b->ps, value->pos, "what does not exist has "
		    "no text: `exists: false` stands alone");
	return ok;
}

/* ---------------------------------------------- conditions on the values */

static void split_fields(struct builder *b, const char *names,
    struct cond *c)
{
	struct str rest = str_of(names), field;
	size_t cap = 0;

	while (str_cut(&rest, ',', &field)) {
		arena_grow(b->arena, &c->fields, c->n_fields, &cap);
		c->fields[c->n_fields++] = field;
	}
}

static enum text_source source_of(const struct word *w)
{
	if (str_eq_z(str_of(w->name), "message_id"))
		return TEXT_MESSAGE_ID;
	if (str_eq_z(str_of(w->name), "in_reply_to") ||
	    str_eq_z(str_of(w->name), "references"))
		return TEXT_IDS;
	if (str_eq_z(str_of(w->name), "list_id"))
		return TEXT_LIST_ID;
	return TEXT_FIELD;
}

static enum cond_kind kind_of(const struct word *w)
{
	switch (w->arg) {
	case ARG_ADDRESS: return COND_ADDRESS;
	case ARG_BODY: return COND_BODY;
	case ARG_ATTACHMENT: return COND_ATTACHMENT;
	default: return COND_TEXT;
	}
}

/* FIELD empty: those of the word. */
static struct cond *value_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value, struct str field)
{
	struct cond *c = cond_make(b, kind_of(w), key->pos,
	    written(b->arena, key->text, value));
	struct making m = {
		.word = w, .key = key->text, .cond = c,
		.address = w->arg == ARG_ADDRESS, .source = source_of(w),
	};

	c->word = w;
	c->source = m.source;
	if (field.n) {
		c->written = arena_printf(b->arena, "header: {%.*s}",
		    STR_ARG(c->written));
		c->fields = arena_make(b->arena, struct str);
		c->fields[0] = field;
		c->n_fields = 1;
	} else {
		split_fields(b, w->fields, c);
	}
	return tests_build(b, &m, value) ? cond_close(b, c) : NULL;
}

/* `list_id: {local: ...}` among other operators: two conditions. */
static struct cond *list_id_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	const struct node *local = node_get(value, "local");
	struct kids kids = { 0 };
	struct node rest = *value;
	struct cond *c;

	if (!local)
		return value_cond(b, w, key, value, STR_EMPTY);
	if (node_is_null(local)) {
		problem(b->ps, node_get_key(value, "local")->pos,
		    "`local` is empty");
		return NULL;
	}
	rest.keys = arena_array(b->arena, value->n, sizeof(*rest.keys));
	rest.items = arena_array(b->arena, value->n, sizeof(*rest.items));
	rest.n = 0;
	for (size_t i = 0; i < value->n; i++) {
		if (value->items[i] == local)
			continue;
		rest.keys[rest.n] = value->keys[i];
		rest.items[rest.n++] = value->items[i];
	}
	if (rest.n)
		kids_add(b, &kids, value_cond(b, w, key, &rest, STR_EMPTY));
	c = value_cond(b, w, key, local, STR_EMPTY);
	if (c) {
		c->local_part = true;
		c->written = written(b->arena, key->text, value);
	}
	kids_add(b, &kids, c);
	return join(b, COND_ALL, key->pos,
	    written(b->arena, key->text, value), &kids);
}

static struct cond *leaf_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value);

/* Any of the items of a list. */
static struct cond *any_item(struct builder *b, const struct word *w,
    const struct node *key, const struct node *list)
{
	struct kids kids = { 0 };

	if (list->n == 0)
		problem(b->ps, list->pos, "an empty list under `%.*s`",
		    STR_ARG(key->text));
	for (size_t i = 0; i < list->n; i++) {
		const struct node *item = list->items[i];

		if (item->kind == NODE_LIST) {
			problem(b->ps, item->pos, "a list in a list");
			kids.faulty = true;
			continue;
		}
		kids_add(b, &kids, leaf_build(b, w, key, item));
	}
	return join(b, COND_ANY, key->pos,
	    written(b->arena, key->text, list), &kids);
}

static bool field_name_ok(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == ':' ||
		    (unsigned char)name.p[i] >= 0x7F)
			return false;
	return name.n > 0 && name.n <= 200;
}

/* One field of `header`: a text, operators, or a list of either. */
static struct cond *field_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct kids kids = { 0 };

	if (!field_name_ok(key->text)) {
		problem(b->ps, key->pos,
		    "this is no name of a header field");
		return NULL;
	}
	if (node_is_null(value)) {
		problem(b->ps, key->pos, "`%.*s` is empty",
		    STR_ARG(key->text));
		return NULL;
	}
	if (value->kind != NODE_LIST || all_scalars(value))
		return value_cond(b, w, key, value, key->text);
	for (size_t i = 0; i < value->n; i++)
		kids_add(b, &kids, field_cond(b, w, key, value->items[i]));
	return join(b, COND_ANY, key->pos,
	    written(b->arena, key->text, value), &kids);
}

static struct cond *header_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct kids kids = { 0 };

	if (value->kind != NODE_MAP || value->n == 0) {
		problem_hint(b->ps, value->pos,
		    STR_LIT("write `header: {X-Any: text}`"),
		    "`header` wants fields by their names");
		return NULL;
	}
	for (size_t i = 0; i < value->n; i++)
		kids_add(b, &kids, field_cond(b, w, value->keys[i],
		    value->items[i]));
	return join(b, COND_ALL, key->pos,
	    written(b->arena, key->text, value), &kids);
}

/* --------------------------------------------------------------- ranges */

static bool reads_number(struct builder *b, enum word_arg arg,
    const struct node *n, const char *what, int64_t *out)
{
	uint64_t octets;

	if (arg == ARG_RANGE_AGE)
		return node_duration(n, what, out, b->ps);
	if (!node_size(n, what, &octets, b->ps))
		return false;
	if (octets > INT64_MAX)
		return problem(b->ps, n->pos, "`%s` is too large", what);
	*out = (int64_t)octets;
	return true;
}

static bool bounds_key(struct builder *b, enum word_arg arg,
    const struct node *key, const struct node *value, struct bounds *to)
{
	static const char *const known[] = { "over", "under" };

	if (str_eq_z(key->text, "over")) {
		to->has_low = true;
		return reads_number(b, arg, value, "over", &to->low);
	}
	if (str_eq_z(key->text, "under")) {
		to->has_high = true;
		return reads_number(b, arg, value, "under", &to->high);
	}
	if (str_eq_z(key->text, "zone"))
		return build_later(b, key);
	return problem_hint(b->ps, key->pos, build_nearest(b, key->text,
	    known, COUNT(known)), "unknown bound `%.*s`; there are `over` "
	    "and `under`", STR_ARG(key->text));
}

static bool bounds_build(struct builder *b, enum word_arg arg,
    struct str what, const struct node *n, struct bounds *to)
{
	bool ok = true;

	if (n->kind != NODE_MAP || n->n == 0)
		return problem_hint(b->ps, n->pos, arena_printf(b->arena,
		    "write `%.*s: {over: %s}`", STR_ARG(what),
		    arg == ARG_RANGE_AGE ? "30d" : "20K"),
		    "`%.*s` wants `over`, `under` or both", STR_ARG(what));
	for (size_t i = 0; i < n->n; i++)
		ok &= bounds_key(b, arg, n->keys[i], n->items[i], to);
	if (ok && to->has_low && to->has_high && to->low >= to->high)
		return problem(b->ps, n->pos,
		    "nothing is over the one and under the other");
	return ok;
}

static struct cond *range_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct cond *c = cond_make(b, w->arg == ARG_RANGE_AGE ? COND_AGE :
	    COND_SIZE, key->pos, written(b->arena, key->text, value));

	c->word = w;
	return bounds_build(b, w->arg, key->text, value, &c->bounds) ?
	    cond_close(b, c) : NULL;
}

static bool date_key(struct builder *b, struct cond *c,
    const struct node *key, const struct node *value)
{
	static const char *const known[] = { "before", "after", "on" };
	struct when *const to[] = { &c->before, &c->after, &c->on };

	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq_z(key->text, known[i]))
			return build_date(b, value, known[i], to[i]);
	if (str_eq_z(key->text, "zone"))
		return build_later(b, key);
	return problem_hint(b->ps, key->pos, build_nearest(b, key->text,
	    known, COUNT(known)), "unknown bound `%.*s`; there are `before`, "
	    "`after` and `on`", STR_ARG(key->text));
}

static struct cond *date_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct cond *c = cond_make(b, str_eq_z(key->text, "sent") ?
	    COND_SENT : COND_RECEIVED, key->pos,
	    written(b->arena, key->text, value));
	bool ok = true;

	c->word = w;
	if (value->kind != NODE_MAP || value->n == 0) {
		problem_hint(b->ps, value->pos, arena_printf(b->arena,
		    "write `%.*s: {after: 2026-01-15}`", STR_ARG(key->text)),
		    "`%.*s` wants `before`, `after` or `on`",
		    STR_ARG(key->text));
		return NULL;
	}
	for (size_t i = 0; i < value->n; i++)
		ok &= date_key(b, c, value->keys[i], value->items[i]);
	if (w->fields[0])
		split_fields(b, w->fields, c);
	return ok ? cond_close(b, c) : NULL;
}

/* ------------------------------------------------------ flags and places */

static struct cond *is_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	const struct state_word *state;
	struct cond *c;

	if (!state_find(b, value, &state))
		return NULL;
	c = cond_make(b, COND_IS, key->pos,
	    written(b->arena, key->text, value));
	c->word = w;
	c->text = str_of(state->flag);
	c->negated = state->negated;
	return cond_close(b, c);
}

/* "\*" is a star: the name that a pattern without * and ? stands for. */
static struct str unescaped(struct builder *b, struct str s)
{
	char *z;
	size_t n = 0;

	if (!memchr(s.p, '\\', s.n))
		return s;
	z = arena_z(b->arena, s);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		z[n++] = s.p[i];
	}
	return (struct str){ z, n };
}

static bool is_glob(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '*' || s.p[i] == '?')
			return true;
	}
	return false;
}

/* One name or glob of a label or mailbox. */
static bool name_operand(struct builder *b, struct making *m,
    const struct node *n, struct operand *out)
{
	struct str text;

	*out = (struct operand){ .op = TEST_TEXT };
	if (!build_text(b, n, m->key.p, &text))
		return false;
	if (is_glob(text)) {
		m->exact = m->word->arg != ARG_LABEL;
		out->op = TEST_PATTERN;
		out->text = text;
		return make_pattern(b, m, OP_matches, n, text,
		    &out->pattern);
	}
	out->text = build_inbox(unescaped(b, text));
	/* A star that was escaped is a character of the name. */
	return memchr(out->text.p, '*', out->text.n) ? true :
	    name_check(out->text, n->pos, b->ps);
}

static bool named_operand(struct builder *b, struct making *m,
    const struct node *n, struct operand *out)
{
	if (m->word->arg == ARG_FLAG) {
		*out = (struct operand){ .op = TEST_TEXT };
		return build_flag(b, n, &out->text);
	}
	if (m->word->arg == ARG_ACCOUNT) {
		*out = (struct operand){ .op = TEST_TEXT };
		return build_account(b, n, &out->text);
	}
	return name_operand(b, m, n, out);
}

static struct cond *state_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	enum cond_kind kind = w->arg == ARG_FLAG ? COND_FLAG :
	    w->arg == ARG_LABEL ? COND_LABEL :
	    w->arg == ARG_MAILBOX ? COND_MAILBOX : COND_ACCOUNT;
	struct cond *c = cond_make(b, kind, key->pos,
	    written(b->arena, key->text, value));
	struct making m = { .word = w, .key = key->text, .cond = c };
	struct test_list to = { 0 };
	bool list = value->kind == NODE_LIST, ok = true;
	size_t n = list ? value->n : 1;

	c->word = w;
	if (value->kind == NODE_MAP) {
		problem(b->ps, value->pos, "`%.*s` wants a name or a list of "
		    "names", STR_ARG(key->text));
		return NULL;
	}
	if (n == 0) {
		problem(b->ps, value->pos, "an empty list under `%.*s`",
		    STR_ARG(key->text));
		return NULL;
	}
	test_add(b, &m, &to, n);
	for (size_t i = 0; i < n; i++)
		ok &= named_operand(b, &m, list ? value->items[i] : value,
		    &to.list[0].any[i]);
	c->tests = to.list;
	c->n_tests = 1;
	return ok ? cond_close(b, c) : NULL;
}

/* ---------------------------------------------------------- attachments */

static bool attachment_key(struct builder *b, struct making *m,
    const struct node *key, const struct node *value, struct test_list *to)
{
	static const char *const known[] = { "name", "type", "size",
	    "exists", "count" };

	if (node_is_null(value))
		return problem(b->ps, key->pos, "`%.*s` is empty",
		    STR_ARG(key->text));
	if (str_eq_z(key->text, "count"))
		return build_later(b, key);
	if (str_eq_z(key->text, "exists"))
		return exists_build(b, m, value);
	if (str_eq_z(key->text, "size"))
		return bounds_build(b, ARG_RANGE_SIZE, key->text, value,
		    &m->cond->bounds);
	m->key = key->text;
	if (str_eq_z(key->text, "name"))
		m->part = PART_NAME;
	else if (str_eq_z(key->text, "type"))
		m->part = PART_TYPE;
	else
		return problem_hint(b->ps, key->pos, build_nearest(b,
		    key->text, known, COUNT(known)), "unknown key `%.*s` "
		    "under `attachment`; there are name, type and size",
		    STR_ARG(key->text));
	if (value->kind == NODE_MAP)
		return map_build(b, m, value, to);
	return operands_build(b, m, true, OP_contains, value, to);
}

static struct cond *attachment_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct cond *c = cond_make(b, COND_ATTACHMENT, key->pos,
	    written(b->arena, key->text, value));
	struct test_list to = { 0 };
	bool ok = true;

	c->word = w;
	if (value->kind != NODE_MAP) {
		c->has_exists = true;
		return node_bool(value, "attachment", &c->exists, b->ps) ?
		    cond_close(b, c) : NULL;
	}
	if (value->n == 0)
		ok = problem(b->ps, value->pos, "an empty map under "
		    "`attachment`");
	for (size_t i = 0; i < value->n; i++) {
		struct making m = { .word = w, .key = key->text, .cond = c };

		ok &= attachment_key(b, &m, value->keys[i], value->items[i],
		    &to);
	}
	c->tests = to.list;
	c->n_tests = to.n;
	if (ok && c->has_exists && value->n > 1) {
		problem(b->ps, value->pos, "`exists` stands alone");
		return NULL;
	}
	return ok ? cond_close(b, c) : NULL;
}

/* ------------------------------------------------------------ the words */

/* May several scalars stand as one test of many operands? */
static bool takes_scalars(const struct word *w)
{
	return w->arg == ARG_ADDRESS || w->arg == ARG_TEXT ||
	    w->arg == ARG_BODY || w->arg == ARG_LABEL ||
	    w->arg == ARG_MAILBOX || w->arg == ARG_FLAG ||
	    w->arg == ARG_ACCOUNT;
}

static struct cond *leaf_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	if (value->kind == NODE_LIST &&
	    !(takes_scalars(w) && value->n && all_scalars(value)))
		return any_item(b, w, key, value);
	switch (w->arg) {
	case ARG_FIELDS:
		return header_cond(b, w, key, value);
	case ARG_ATTACHMENT:
		return attachment_cond(b, w, key, value);
	case ARG_RANGE_SIZE:
	case ARG_RANGE_AGE:
		return range_cond(b, w, key, value);
	case ARG_RANGE_DATE:
		return date_cond(b, w, key, value);
	case ARG_IS:
		return is_cond(b, w, key, value);
	case ARG_FLAG:
	case ARG_LABEL:
	case ARG_MAILBOX:
	case ARG_ACCOUNT:
		return state_cond(b, w, key, value);
	default:
		return source_of(w) == TEXT_LIST_ID ?
		    list_id_cond(b, w, key, value) :
		    value_cond(b, w, key, value, STR_EMPTY);
	}
}

static struct cond *group_build(struct builder *b, const struct node *n,
    enum cond_kind of_map, enum cond_kind of_list, struct str as_written);

static struct cond *not_cond(struct builder *b, const struct node *key,
    const struct node *value)
{
	struct kids kids = { 0 };
	struct str text = written(b->arena, key->text, value);

	kids_add(b, &kids, group_build(b, value, COND_ALL, COND_ANY,
	    written(b->arena, STR_EMPTY, value)));
	return join(b, COND_NOT, key->pos, text, &kids);
}

static struct cond *unknown_word(struct builder *b, const struct node *key)
{
	size_t n, index;
	const char *const *names = condition_names(&n);
	struct str hint;

	if (names_get(&b->named_names, key->text, &index)) {
		b->named[index].used = true;
		hint = arena_printf(b->arena, "a named condition stands "
		    "alone: `all: [%.*s, ...]`", STR_ARG(key->text));
	} else if (action_find(key->text)) {
		hint = STR_LIT("this is an action; it stands under `then`");
	} else {
		hint = build_nearest(b, key->text, names, n);
	}
	problem_hint(b->ps, key->pos, hint, "unknown condition `%.*s`",
	    STR_ARG(key->text));
	return NULL;
}

static struct cond *word_build(struct builder *b, const struct node *key,
    const struct node *value)
{
	const struct word *w = condition_find(key->text);
	struct str text;

	if (!w)
		return unknown_word(b, key);
	if (w->arg == ARG_LATER) {
		build_later(b, key);
		return NULL;
	}
	if (node_is_null(value)) {
		problem(b->ps, key->pos, "`%s` is empty", w->name);
		return NULL;
	}
	if (w->arg == ARG_CONDITION)
		return not_cond(b, key, value);
	if (w->arg != ARG_CONDITIONS)
		return leaf_build(b, w, key, value);
	text = written(b->arena, key->text, value);
	if (str_eq_z(key->text, "any"))
		return group_build(b, value, COND_ANY, COND_ANY, text);
	return group_build(b, value, COND_ALL, COND_ALL, text);
}

/* ----------------------------------------------------- named conditions */

static struct cond *say_cycle(struct builder *b, const struct node *n)
{
	problem(b->ps, n->pos, "the condition `%.*s` refers to itself",
	    STR_ARG(n->text));
	return NULL;
}

struct cond *named_build(struct builder *b, size_t index)
{
	struct named *d = &b->named[index];

	if (d->state != NAMED_NEW)
		return d->cond;
	d->state = NAMED_OPEN;
	d->cond = cond_build(b, d->node);
	d->state = NAMED_DONE;
	return d->cond;
}

static struct cond *unknown_name(struct builder *b, const struct node *n)
{
	struct str hint = condition_find(n->text) ?
	    arena_printf(b->arena, "`%.*s` wants something to compare with: "
	    "`%.*s: ...`", STR_ARG(n->text), STR_ARG(n->text)) :
	    build_nearest_name(b, n->text, &b->named_names);

	problem_hint(b->ps, n->pos, hint,
	    "there is no named condition `%.*s`", STR_ARG(n->text));
	return NULL;
}

static struct cond *name_cond(struct builder *b, const struct node *n)
{
	struct cond *c, *kid;
	struct str name;
	size_t index;

	if (!build_text(b, n, "condition", &name))
		return NULL;
	if (!names_get(&b->named_names, name, &index))
		return unknown_name(b, n);
	b->named[index].used = true;
	if (b->named[index].state == NAMED_OPEN)
		return say_cycle(b, n);
	kid = named_build(b, index);
	if (!kid)
		return NULL;
	c = cond_make(b, COND_NAMED, n->pos, name);
	c->name = name;
	c->kids = arena_make(b->arena, struct cond *);
	c->kids[0] = kid;
	c->n_kids = 1;
	return cond_close(b, c);
}

/* --------------------------------------------------------------- groups */

static struct cond *item_build(struct builder *b, const struct node *n)
{
	if (n->kind == NODE_LIST) {
		problem(b->ps, n->pos,
		    "a list in a list; write `all:` or `any:` before it");
		return NULL;
	}
	return cond_build(b, n);
}

static struct cond *group_build(struct builder *b, const struct node *n,
    enum cond_kind of_map, enum cond_kind of_list, struct str as_written)
{
	struct kids kids = { 0 };

	if (n->kind == NODE_SCALAR)
		return name_cond(b, n);
	if (n->n == 0) {
		problem(b->ps, n->pos, "there is no condition here");
		return NULL;
	}
	if (b->depth == COND_HEIGHT_MAX) {
		problem(b->ps, n->pos, "conditions are nested more than %d "
		    "deep, named ones counted", COND_HEIGHT_MAX);
		return NULL;
	}
	b->depth++;
	for (size_t i = 0; i < n->n; i++)
		kids_add(b, &kids, n->kind == NODE_MAP ?
		    word_build(b, n->keys[i], n->items[i]) :
		    item_build(b, n->items[i]));
	b->depth--;
	return join(b, n->kind == NODE_MAP ? of_map : of_list, n->pos,
	    as_written, &kids);
}

struct cond *cond_build(struct builder *b, const struct node *n)
{
	return group_build(b, n, COND_ALL, COND_ANY,
	    written(b->arena, STR_EMPTY, n));
}
