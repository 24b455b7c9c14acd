/*
 * Conditions on one thing of a message: the values of a field, the body, an
 * attachment, a number, a date, a flag, a place.
 */
#include "operator.h"

#include <string.h>

#include "field.h"

/* ---------------------------------------------- conditions on the values */

void cond_fields(struct builder *b, const char *names, struct cond *c)
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
	if (w->arg == ARG_LIST_ID)
		return TEXT_LIST_ID;
	return TEXT_FIELD;
}

static enum cond_kind kind_of(const struct word *w)
{
	switch (w->arg) {
	case ARG_ADDRESS: return COND_ADDRESS;
	case ARG_HEADER_BLOCK: return COND_HEADER_BLOCK;
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
		cond_fields(b, w->fields, c);
	}
	return operator_tests(b, &m, value) ? cond_close(b, c) : NULL;
}

/* What `case` and `raw` beside `local` are for, if anything. */
static bool rest_asks(struct builder *b, const struct node *rest)
{
	for (size_t i = 0; i < rest->n; i++)
		if (!str_eq_z(rest->keys[i]->text, "case") &&
		    !str_eq_z(rest->keys[i]->text, "raw"))
			return true;
	return problem_hint(b->ps, rest->keys[0]->pos,
	    STR_LIT("write `local: {is: ..., case: exact}`"),
	    "`%.*s` beside `local` has nothing to work on",
	    STR_ARG(rest->keys[0]->text));
}

/* `list_id: {local: ...}` among other operators: two conditions. */
static struct cond *list_id_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	const struct node *local = node_get(value, "local");
	struct cond_kids kids = { 0 };
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
		cond_kids_add(b, &kids, rest_asks(b, &rest) ?
		    value_cond(b, w, key, &rest, STR_EMPTY) : NULL);
	c = value_cond(b, w, key, local, STR_EMPTY);
	if (c) {
		c->local_part = true;
		c->written = written(b->arena, key->text, value);
	}
	cond_kids_add(b, &kids, c);
	return cond_join(b, COND_ALL, key->pos,
	    written(b->arena, key->text, value), &kids);
}

/* Any of the items of a list. */
static struct cond *any_item(struct builder *b, const struct word *w,
    const struct node *key, const struct node *list)
{
	struct cond_kids kids = { 0 };

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
		cond_kids_add(b, &kids, term_build(b, w, key, item));
	}
	return cond_join(b, COND_ANY, key->pos,
	    written(b->arena, key->text, list), &kids);
}

static bool all_scalars(const struct node *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->items[i]->kind != NODE_SCALAR)
			return false;
	return true;
}

/* One field of `header`: a text, operators, or a list of either. */
static struct cond *field_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct cond_kids kids = { 0 };

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
	for (size_t i = 0; i < value->n; i++) {
		if (value->items[i]->kind == NODE_LIST) {
			problem(b->ps, value->items[i]->pos,
			    "a list in a list");
			kids.faulty = true;
			continue;
		}
		cond_kids_add(b, &kids, field_cond(b, w, key,
		    value->items[i]));
	}
	return cond_join(b, COND_ANY, key->pos,
	    written(b->arena, key->text, value), &kids);
}

static struct cond *header_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct cond_kids kids = { 0 };

	if (value->kind != NODE_MAP || value->n == 0) {
		problem_hint(b->ps, value->pos,
		    STR_LIT("write `header: {X-Any: text}`"),
		    "`header` wants fields by their names");
		return NULL;
	}
	for (size_t i = 0; i < value->n; i++)
		cond_kids_add(b, &kids, field_cond(b, w, value->keys[i],
		    value->items[i]));
	return cond_join(b, COND_ALL, key->pos,
	    written(b->arena, key->text, value), &kids);
}

/* --------------------------------------------------------------- ranges */

static bool reads_number(struct builder *b, enum word_arg arg,
    const struct node *n, const char *what, int64_t *out)
{
	uint64_t number;

	if (arg == ARG_RANGE_AGE)
		return node_duration(n, what, out, b->ps);
	if (arg == ARG_RANGE_COUNT) {
		if (!node_number(n, what, UINT32_MAX, &number, b->ps))
			return false;
	} else if (!node_size(n, what, &number, b->ps)) {
		return false;
	}
	if (number > INT64_MAX)
		return problem(b->ps, n->pos, "`%s` is too large", what);
	*out = (int64_t)number;
	return true;
}

static bool bounds_key(struct builder *b, enum word_arg arg,
    const struct node *key, const struct node *value, struct bounds *to)
{
	static const char *const known[] = { "over", "under", "is" };
	bool counts = arg == ARG_RANGE_COUNT;
	int64_t n = 0;

	if (counts && str_eq_z(key->text, "is")) {
		if (!reads_number(b, arg, value, "is", &n))
			return false;
		to->has_low = to->has_high = true;
		to->low = n - 1;
		to->high = n + 1;
		return true;
	}
	if (str_eq_z(key->text, "over")) {
		to->has_low = true;
		return reads_number(b, arg, value, "over", &to->low);
	}
	if (str_eq_z(key->text, "under")) {
		to->has_high = true;
		return reads_number(b, arg, value, "under", &to->high);
	}
	return problem_hint(b->ps, key->pos, build_nearest(b, key->text,
	    known, COUNT(known) - !counts), "unknown bound `%.*s`; there "
	    "are %s", STR_ARG(key->text), counts ?
	    "`over`, `under` and `is`" : "`over` and `under`");
}

/* What a map of bounds looks like, for whoever wrote something else. */
static struct str bounds_example(struct builder *b, enum word_arg arg,
    struct str what, const struct node *n)
{
	uint64_t number;

	if (arg == ARG_RANGE_COUNT && n->kind == NODE_SCALAR &&
	    str_u64(n->text, UINT32_MAX, &number))
		return arena_printf(b->arena, "write `%.*s: {is: %.*s}`",
		    STR_ARG(what), STR_ARG(n->text));
	return arena_printf(b->arena, "write `%.*s: {over: %s}`",
	    STR_ARG(what), arg == ARG_RANGE_AGE ? "30d" :
	    arg == ARG_RANGE_SIZE ? "20K" : "1");
}

bool bounds_build(struct builder *b, enum word_arg arg, struct str what,
    const struct node *n, struct bounds *to)
{
	bool ok = true;

	if (n->kind != NODE_MAP || n->n == 0)
		return problem_hint(b->ps, n->pos,
		    bounds_example(b, arg, what, n),
		    "`%.*s` wants `over`, `under` or %s", STR_ARG(what),
		    arg == ARG_RANGE_COUNT ? "`is`" : "both");
	for (size_t i = 0; i < n->n; i++)
		ok &= bounds_key(b, arg, n->keys[i], n->items[i], to);
	if (ok && node_get(n, "is") && n->n > 1)
		return problem(b->ps, n->pos, "`is` stands alone");
	if (ok && arg != ARG_RANGE_AGE && to->has_high && to->high == 0)
		return problem(b->ps, n->pos, "nothing is under 0");
	if (ok && to->has_low && to->has_high &&
	    to->low >= to->high - (arg == ARG_RANGE_COUNT))
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

/* ------------------------------------------------------ flags and places */

static struct cond *is_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	const struct state_word *state;
	struct cond *c;

	if (!state_find(b, value, "is", &state))
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
		return operator_pattern(b, m, OP_matches, n, text,
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
	operator_add(b, &m, &to, n);
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
		return operator_count(b, m, value);
	if (str_eq_z(key->text, "exists"))
		return operator_exists(b, m, value);
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
		    "under `attachment`; there are name, type, size and count",
		    STR_ARG(key->text));
	if (value->kind == NODE_MAP)
		return operator_map(b, m, value, to);
	return operator_operands(b, m, true, OP_contains, value, to);
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

/* ---------------------------------------------------- the server's results */

static bool add_result(struct builder *b, const struct node *n, void *ctx)
{
	static const char *const known[] = { "pass", "fail", "none",
	    "neutral", "softfail", "policy", "temperror", "permerror" };
	struct auth_want *want = ctx;
	struct str text;

	if (!build_text(b, n, "result", &text))
		return false;
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq_z(text, known[i])) {
			want->results[want->n++] = text;
			return true;
		}
	return problem_hint(b->ps, n->pos, build_nearest(b, text, known,
	    COUNT(known)), "`%.*s` is no result; there are pass, fail, none, "
	    "neutral, softfail, policy, temperror and permerror",
	    STR_ARG(text));
}

static struct cond *auth_cond(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct cond *c = cond_make(b, COND_AUTH_RESULTS, key->pos,
	    written(b->arena, key->text, value));
	bool ok;

	c->word = w;
	if (value->kind != NODE_MAP || value->n == 0) {
		problem_hint(b->ps, value->pos,
		    STR_LIT("write `auth_results: {dmarc: pass}`"),
		    "`auth_results` wants methods with their results");
		return NULL;
	}
	ok = keys_check(b, value, KEY_auth_results,
	    "method of `auth_results`");
	cond_fields(b, w->fields, c);
	c->auth = arena_array(b->arena, value->n, sizeof(*c->auth));
	c->n_auth = value->n;
	for (size_t i = 0; i < value->n; i++) {
		const struct node *n = value->items[i];

		c->auth[i].method = value->keys[i]->text;
		c->auth[i].results = arena_array(b->arena, n->kind ==
		    NODE_LIST ? n->n : 1, sizeof(struct str));
		ok &= node_is_null(n) ? problem(b->ps, value->keys[i]->pos,
		    "`%.*s` is empty", STR_ARG(value->keys[i]->text)) :
		    build_each(b, n, "auth_results", add_result, &c->auth[i]);
	}
	return ok ? cond_close(b, c) : NULL;
}

/* ------------------------------------------------------------ the words */

/* May several scalars stand as one test of many operands? */
static bool takes_scalars(const struct word *w)
{
	return w->arg == ARG_ADDRESS || w->arg == ARG_TEXT ||
	    w->arg == ARG_LIST_ID || w->arg == ARG_BODY ||
	    w->arg == ARG_HEADER_BLOCK ||
	    w->arg == ARG_LABEL || w->arg == ARG_MAILBOX ||
	    w->arg == ARG_FLAG || w->arg == ARG_ACCOUNT ||
	    w->arg == ARG_WEEKDAY;
}

struct cond *term_build(struct builder *b, const struct word *w,
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
	case ARG_TIME_OF_DAY:
	case ARG_WEEKDAY:
		return moment_build(b, w, key, value);
	case ARG_PROGRAM:
		return run_build(b, w, key, value);
	case ARG_SEARCH:
		return search_build(b, w, key, value);
	case ARG_PGP:
	case ARG_SMIME:
		return sealed_build(b, w, key, value);
	case ARG_IS:
		return is_cond(b, w, key, value);
	case ARG_AUTH_RESULTS:
		return auth_cond(b, w, key, value);
	case ARG_FLAG:
	case ARG_LABEL:
	case ARG_MAILBOX:
	case ARG_ACCOUNT:
		return state_cond(b, w, key, value);
	case ARG_LIST_ID:
		return list_id_cond(b, w, key, value);
	default:
		return value_cond(b, w, key, value, STR_EMPTY);
	}
}

