/*
 * Rules, and the public face of the compiler.
 *
 * Two passes.  `load` reads the files, what they include before themselves,
 * and collects names.  Then all is compiled, in order, when every name is
 * known: a list or a named condition may stand below its use, and in another
 * file.
 */
#include "build.h"
#include "rewrite.h"

#include <string.h>

/* ----------------------------------------------------------------- rules */

/* "$(" somewhere under N?  Only then the capture groups matter. */
static bool has_template(const struct node *n)
{
	for (size_t i = 0; n->kind == NODE_SCALAR && i + 1 < n->text.n; i++)
		if (n->text.p[i] == '$' && n->text.p[i + 1] == '(')
			return true;
	for (size_t i = 0; n->kind != NODE_SCALAR && i < n->n; i++)
		if (has_template(n->items[i]))
			return true;
	return false;
}

/* Fills TO->when.  False after a reported problem. */
static bool build_when(struct builder *b, const struct node *map,
    struct branch *to)
{
	const struct node *when = node_get(map, "when");

	if (!when)
		return true;
	if (node_is_null(when))
		return problem_hint(b->ps, node_get_key(map, "when")->pos,
		    STR_LIT("leave `when` out where the rule concerns every "
		    "message"), "`when` is empty");
	to->when = cond_build(b, when);
	return to->when != NULL;
}

/*
 * The actions under KEY.  OUTER is the rule's condition around a branch.
 * CLEAR: no condition around them was faulty, so that it can be told which
 * groups there are.
 */
static bool build_then(struct builder *b, const struct node *map,
    const char *key, const struct cond *outer, bool clear,
    struct branch *to)
{
	const struct node *n = node_get(map, key);
	struct groups groups = { 0 }, more;

	if (node_is_null(n))
		return problem(b->ps, node_get_key(map, key)->pos,
		    "`%s` is empty", key);
	if (has_template(n)) {
		groups_of_cond(b->arena, to->when, &groups);
		groups_of_cond(b->arena, outer, &more);
		groups_then(b->arena, &groups, &more);
	}
	if (!actions_build(b, n, clear ? &groups : NULL, to))
		return false;
	lint_actions(b, to->actions, to->n_actions);
	return true;
}

static bool build_branch(struct builder *b, const struct node *n,
    const struct cond *outer, bool clear, bool last, struct branch *out)
{
	bool ok = keys_check(b, n, KEY_branch, "key of a branch");
	const struct node *other = node_get_key(n, "otherwise");

	out->pos = n->pos;
	if (n->kind != NODE_MAP)
		return false;
	if (other) {
		out->otherwise = true;
		if (n->n > 1)
			ok = problem(b->ps, other->pos, "`otherwise` stands "
			    "alone, with the actions behind it");
		if (!last)
			ok = problem(b->ps, other->pos,
			    "`otherwise` is the last branch");
		return build_then(b, n, "otherwise", outer, clear, out) &&
		    ok;
	}
	if (!build_when(b, n, out))
		clear = ok = false;
	if (!node_get(n, "then"))
		return problem(b->ps, n->pos, "a branch needs `then`");
	if (!node_get(n, "when") && !last)
		warning(b->ps, n->pos, "this branch always fits; those below "
		    "it are never reached");
	return build_then(b, n, "then", outer, clear, out) && ok;
}

static bool build_first_of(struct builder *b, const struct node *n,
    bool clear, struct branch *top)
{
	bool ok = true;

	if (n->kind != NODE_LIST || n->n == 0)
		return problem(b->ps, n->pos,
		    "`first_of` wants a list of branches");
	top->first_of = arena_array(b->arena, n->n, sizeof(*top->first_of));
	top->n_first_of = n->n;
	for (size_t i = 0; i < n->n; i++)
		ok &= build_branch(b, n->items[i], top->when, clear,
		    i + 1 == n->n, &top->first_of[i]);
	return ok;
}

struct texts {
	struct str *list;
	size_t n, cap;
};

static bool add_account(struct builder *b, const struct node *n, void *ctx)
{
	struct texts *t = ctx;

	arena_grow(b->arena, &t->list, t->n, &t->cap);
	return build_account(b, n, &t->list[t->n++]);
}

static bool add_mailbox(struct builder *b, const struct node *n, void *ctx)
{
	struct texts *t = ctx;

	arena_grow(b->arena, &t->list, t->n, &t->cap);
	return build_name(b, n, "in", &t->list[t->n++]);
}

static bool build_applies_to(struct builder *b, const struct node *n,
    struct rule_info *info)
{
	struct str text;

	if (!build_text(b, n, "applies_to", &text))
		return false;
	info->applies_to_all = str_eq_z(text, "all");
	if (info->applies_to_all || str_eq_z(text, "new"))
		return true;
	return problem(b->ps, n->pos, "`applies_to` is `new` or `all`");
}

/* One of the small keys of a rule. */
static bool build_info_key(struct builder *b, const struct node *key,
    const struct node *value, struct rule_info *info)
{
	struct texts texts = { 0 };
	bool ok = true;

	if (node_is_null(value))
		return problem(b->ps, key->pos, "`%.*s` is empty",
		    STR_ARG(key->text));
	if (str_eq_z(key->text, "enabled"))
		return node_bool(value, "enabled", &info->enabled, b->ps);
	if (str_eq_z(key->text, "applies_to"))
		return build_applies_to(b, value, info);
	if (str_eq_z(key->text, "every")) {
		ok = node_duration(value, "every", &info->every, b->ps);
		if (ok && info->every == 0)
			ok = problem(b->ps, value->pos,
			    "`every` must be more than nothing");
	} else if (str_eq_z(key->text, "limit")) {
		ok = node_number(value, "limit", UINT32_MAX, &info->limit,
		    b->ps);
		if (ok && info->limit == 0)
			ok = problem_hint(b->ps, value->pos,
			    STR_LIT("`enabled: false` switches a rule off"),
			    "`limit` must be at least 1");
	} else if (str_eq_z(key->text, "in")) {
		ok = build_each(b, value, "in", add_mailbox, &texts);
		info->in = texts.list;
		info->n_in = texts.n;
	} else if (str_eq_z(key->text, "account")) {
		ok = build_each(b, value, "account", add_account, &texts);
		info->accounts = texts.list;
		info->n_accounts = texts.n;
	}
	return ok;
}

static bool build_info(struct builder *b, const struct node *map,
    struct rule_info *info)
{
	const struct node *applies = node_get(map, "applies_to");
	bool ok = true;

	info->enabled = true;
	for (size_t i = 0; i < map->n; i++)
		if (!str_eq_z(map->keys[i]->text, "name") &&
		    !str_eq_z(map->keys[i]->text, "when") &&
		    !str_eq_z(map->keys[i]->text, "then") &&
		    !str_eq_z(map->keys[i]->text, "first_of") &&
		    !str_eq_z(map->keys[i]->text, "scope") &&
		    !str_eq_z(map->keys[i]->text, "new_thread") &&
		    !str_eq_z(map->keys[i]->text, "on_error"))
			ok &= build_info_key(b, map->keys[i], map->items[i],
			    info);
	if (info->every && !info->applies_to_all &&
	    (!applies || str_eq_z(applies->text, "new")))
		ok = problem_hint(b->ps, node_get_key(map, "every")->pos,
		    STR_LIT("add `applies_to: all`"),
		    "`every` is for a rule that applies to all messages");
	return ok;
}

static bool branch_rewrites(const struct branch *br)
{
	for (size_t i = 0; i < br->n_actions; i++)
		if (action_rewrites(&br->actions[i]))
			return true;
	for (size_t i = 0; i < br->n_first_of; i++)
		if (branch_rewrites(&br->first_of[i]))
			return true;
	return false;
}

/* `KEY: WORD`, which says more of what the rule rewrites. */
static bool build_option(struct builder *b, const struct node *map,
    const char *key, const char *word, const struct rule *rule, bool *out)
{
	const struct node *n = node_get(map, key);
	struct str text;

	if (!n)
		return true;
	if (!build_text(b, n, key, &text))
		return false;
	if (!str_eq_z(text, word))
		return problem(b->ps, n->pos, "`%s` is `%s`, or left out",
		    key, word);
	if (!branch_rewrites(&rule->top) && !branch_rewrites(&rule->on_error))
		warning(b->ps, node_get_key(map, key)->pos, "`%s` has no "
		    "effect: this rule does not rewrite the message", key);
	*out = true;
	return true;
}

static const struct action *find_pipe(const struct branch *br)
{
	const struct action *found = NULL;

	for (size_t i = 0; i < br->n_actions; i++)
		if (br->actions[i].kind == ACTION_PIPE)
			return &br->actions[i];
	for (size_t i = 0; i < br->n_first_of && !found; i++)
		found = find_pipe(&br->first_of[i]);
	return found;
}

/* A sweep meets what was piped again; that a program changes nothing is seen
 * only when it has run. */
static void warn_piped_again(struct builder *b, const struct rule *rule)
{
	const struct action *pipe = find_pipe(&rule->top);

	if (pipe && rule->info.applies_to_all)
		warning(b->ps, pipe->pos, "this rule applies to all messages, "
		    "and so the program is started for each of them in every "
		    "run, and gets what it has printed before");
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
			return true;
	return false;
}

static bool build_rule_name(struct builder *b, const struct node *map,
    size_t index, struct rule_info *info)
{
	const struct node *n = node_get(map, "name");
	struct str name;
	size_t first;

	info->pos = n ? n->pos : map->pos;
	info->name = "";
	if (!n)
		return problem_hint(b->ps, map->pos, STR_LIT("add `name: ...`: "
		    "it is the rule's identity in the journal"),
		    "a rule needs a name");
	if (!build_text(b, n, "name", &name))
		return false;
	if (name.n > RULE_NAME_MAX || has_control(name))
		return problem(b->ps, n->pos, "a rule's name has at most %d "
		    "octets and no control character", RULE_NAME_MAX);
	info->name = arena_z(b->arena, name);
	if (names_get(&b->rule_names, name, &first)) {
		struct pos pos = b->out->rules[first].info.pos;

		return problem(b->ps, n->pos, "another rule has the name "
		    "`%.*s`, in %s, line %d", STR_ARG(name),
		    pos.source->name, pos.line);
	}
	names_add(b->arena, &b->rule_names, name, index);
	return true;
}

static bool build_rule(struct builder *b, const struct node *n,
    size_t index, struct rule *out)
{
	const struct node *then = node_get_key(n, "then");
	const struct node *first_of = node_get(n, "first_of");
	bool ok = keys_check(b, n, KEY_rule, "key of a rule"), clear;

	out->top.pos = n->pos;
	if (n->kind != NODE_MAP)
		return false;
	ok &= build_rule_name(b, n, index, &out->info);
	ok &= build_info(b, n, &out->info);
	clear = build_when(b, n, &out->top);
	ok &= clear;
	if (!then && !first_of)
		return problem(b->ps, n->pos,
		    "a rule needs `then` or `first_of`");
	if (then)
		ok &= build_then(b, n, "then", NULL, clear, &out->top);
	if (first_of)
		ok &= build_first_of(b, first_of, clear, &out->top);
	if (node_get(n, "on_error"))
		ok &= build_then(b, n, "on_error", out->top.when, clear,
		    &out->on_error);
	out->info.on_error = out->on_error.n_actions > 0;
	warn_piped_again(b, out);
	ok &= build_option(b, n, "new_thread", "accept", out,
	    &out->new_thread);
	return ok;
}

static void build_rules(struct builder *b)
{
	struct rules *r = b->out;

	r->rules = arena_array(b->arena, b->n_rules, sizeof(*r->rules));
	for (size_t i = 0; i < b->n_rules; i++) {
		r->n_rules = i + 1;
		/* Each mistake is reported where it is found. */
		(void)!build_rule(b, b->rules[i].node, i, &r->rules[i]);
	}
}

static void build_tests(struct builder *b)
{
	struct rules *r = b->out;

	r->tests = arena_array(b->arena, b->n_tests, sizeof(*r->tests));
	for (size_t i = 0; i < b->n_tests; i++)
		if (test_build(b, b->tests[i].node, &r->tests[r->n_tests]) &&
		    b->tests[i].ours)
			r->n_tests++;
}

/* --------------------------------------------------- what the rules read */

struct reads {
	struct builder *b;
	struct names fields, labels;	/* fields by their lower case */
	size_t cap_fields, cap_labels;
	bool *seen;		/* by cond->id */
};

static void read_field(void *ctx, struct str name)
{
	struct reads *reads = ctx;
	struct rules *r = reads->b->out;
	char *low = arena_z(reads->b->arena, name);
	size_t at;

	for (size_t i = 0; i < name.n; i++)
		low[i] = ch_lower(low[i]);
	if (names_get(&reads->fields, (struct str){ low, name.n }, &at))
		return;
	names_add(reads->b->arena, &reads->fields,
	    (struct str){ low, name.n }, 0);
	arena_grow(reads->b->arena, &r->fields, r->n_fields,
	    &reads->cap_fields);
	r->fields[r->n_fields++] = name;
}

static void read_label(struct reads *reads, struct str name)
{
	struct rules *r = reads->b->out;
	size_t at;

	if (names_get(&reads->labels, name, &at))
		return;
	names_add(reads->b->arena, &reads->labels, name, 0);
	arena_grow(reads->b->arena, &r->labels_read, r->n_labels_read,
	    &reads->cap_labels);
	r->labels_read[r->n_labels_read++] = name;
}

static void read_cond(struct reads *reads, const struct cond *c)
{
	if (!c || reads->seen[c->id])
		return;
	reads->seen[c->id] = true;
	for (size_t i = 0; i < c->n_fields; i++)
		read_field(reads, c->fields[i]);
	if (c->has_verified)
		read_field(reads, STR_LIT("Authentication-Results"));
	if (c->kind == COND_HEADER_BLOCK)
		reads->b->out->whole_header = true;
	for (size_t i = 0; c->kind == COND_LABEL && i < c->tests[0].n; i++)
		if (c->tests[0].any[i].op == TEST_TEXT &&
		    !str_eq_z(c->tests[0].any[i].text, "INBOX"))
			read_label(reads, c->tests[0].any[i].text);
	for (size_t i = 0; i < c->n_kids; i++)
		read_cond(reads, c->kids[i]);
}

/* What it fills in; and whether a label is there already. */
static void read_action(struct reads *reads, const struct action *a)
{
	struct str label;

	if (a->edit)
		rewrite_fields(a->edit, read_field, reads);
	if (a->kind == ACTION_DECRYPT)
		read_field(reads, STR_LIT("Content-Type"));
	if (a->edit && a->edit->fixes & FIX_ENCODING)
		reads->b->out->whole_header = true;
	if (a->errand && a->errand->summary)
		template_needs(a->errand->summary, read_field, reads);
	if (a->errand && a->errand->body)
		template_needs(a->errand->body, read_field, reads);
	if (!a->text)
		return;
	template_needs(a->text, read_field, reads);
	if ((a->kind == ACTION_LABEL || a->kind == ACTION_UNLABEL) &&
	    template_literal(a->text, &label))
		read_label(reads, label);
}

static void read_branch(struct reads *reads, const struct branch *br)
{
	read_cond(reads, br->when);
	for (size_t i = 0; i < br->n_actions; i++)
		read_action(reads, &br->actions[i]);
	for (size_t i = 0; i < br->n_first_of; i++)
		read_branch(reads, &br->first_of[i]);
}

static void find_reads(struct builder *b)
{
	struct reads reads = { .b = b };

	reads.seen = arena_array(b->arena, b->out->n_conds,
	    sizeof(*reads.seen));
	for (size_t i = 0; i < b->out->n_rules; i++)
		if (b->out->rules[i].info.enabled) {
			read_branch(&reads, &b->out->rules[i].top);
			read_branch(&reads, &b->out->rules[i].on_error);
		}
}

/* The first condition that needs to know whom to believe. */
static const struct cond *wants_authserv(const struct cond *c, bool *seen)
{
	const struct cond *found = NULL;

	if (!c || seen[c->id])
		return NULL;
	seen[c->id] = true;
	if (c->kind == COND_AUTH_RESULTS || c->has_verified)
		return c;
	for (size_t i = 0; i < c->n_kids && !found; i++)
		found = wants_authserv(c->kids[i], seen);
	return found;
}

static bool concerns(const struct rule_info *info, struct str account)
{
	bool named = info->n_accounts == 0;

	for (size_t i = 0; i < info->n_accounts; i++)
		named |= str_eq(info->accounts[i], account);
	return info->enabled && named;
}

bool rules_read_authserv(const struct rules *r, struct str account,
    struct pos *pos_out)
{
	bool *seen = arena_array(r->arena, r->n_conds, sizeof(*seen));
	const struct cond *found = NULL;

	for (size_t i = 0; i < r->n_rules && !found; i++) {
		const struct branch *top = &r->rules[i].top;

		if (!concerns(&r->rules[i].info, account))
			continue;
		found = wants_authserv(top->when, seen);
		for (size_t k = 0; k < top->n_first_of && !found; k++)
			found = wants_authserv(top->first_of[k].when, seen);
	}
	if (found)
		*pos_out = found->pos;
	return found != NULL;
}

static void warn_unused(struct builder *b)
{
	for (size_t i = 0; i < b->n_lists; i++)
		if (!b->lists[i]->used)
			warning(b->ps, b->lists[i]->pos, "the list `%.*s` is "
			    "not used", STR_ARG(b->lists[i]->name));
	for (size_t i = 0; i < b->n_named; i++)
		if (!b->named[i].used)
			warning(b->ps, b->named[i].pos, "the condition "
			    "`%.*s` is not used", STR_ARG(b->named[i].name));
}

/* --------------------------------------------------------------- the face */

static void compile_all(struct builder *b)
{
	for (size_t i = 0; i < b->n_named; i++) {
		if (node_is_null(b->named[i].node))
			problem(b->ps, b->named[i].pos,
			    "the condition `%.*s` is empty",
			    STR_ARG(b->named[i].name));
		else
			named_build(b, i);
	}
	build_rules(b);
	build_tests(b);
	warn_unused(b);
}

struct rules *rules_load(struct arena *a, const char *const *paths,
    size_t n, const struct file_reader *reader,
    const char *const *accounts, size_t n_accounts,
    const struct rules_limits *limits, struct problems *ps)
{
	struct builder b = {
		.arena = a, .ps = ps, .reader = reader,
		.accounts = accounts, .n_accounts = n_accounts,
		.out = arena_make(a, struct rules),
	};
	size_t errors = ps->errors;

	b.out->arena = a;
	if (limits)
		b.out->limits = *limits;
	if (b.out->limits.regex_steps == 0)
		b.out->limits.regex_steps = 1000000;
	if (b.out->limits.body_text == 0)
		b.out->limits.body_text = MAIL_PART_TEXT_MAX;
	b.patterns = pattern_set_make(a, b.out->limits.regex_steps);
	load_files(&b, paths, n);
	compile_all(&b);
	if (ps->errors > errors)
		return NULL;
	find_reads(&b);
	match_prepare(b.out);
	lint_rules(&b);
	return b.out;
}

size_t rules_count(const struct rules *r)
{
	return r->n_rules;
}

size_t rules_sources(const struct rules *r,
    const struct source *const **list_out)
{
	*list_out = r->sources;
	return r->n_sources;
}

const struct rule_info *rules_info(const struct rules *r, size_t index)
{
	return &r->rules[index].info;
}

size_t rules_fields(const struct rules *r, const struct str **list_out,
    bool *whole_out)
{
	*list_out = r->fields;
	*whole_out = r->whole_header;
	return r->n_fields;
}

size_t rules_labels_read(const struct rules *r,
    const struct str **list_out)
{
	*list_out = r->labels_read;
	return r->n_labels_read;
}

size_t rules_test_count(const struct rules *r)
{
	return r->n_tests;
}
