/*
 * Rules among each other: those that are never reached, and what a later
 * rule always takes back.
 *
 * Of 10,000 rules each is compared with the few that share a key with it, not
 * with all others.
 */
#include "effect.h"
#include "lint.h"

/* Past these nobody looks: a warning less. */
#define CANDIDATES_MAX	64	/* for one rule */
#define COMPARED_MAX	5000000	/* pairs of conditions, in all */

/* A rule or a branch that others may lie within. */
struct shade {
	const struct shade *next;	/* without a condition */
	const struct rule *rule;
	const struct branch *branch;
	struct conjuncts when;
};

/* What is found by one key. */
struct found {
	const struct shade *shade;
	size_t next;		/* 1 + an index; 0: none */
};

struct shades {
	struct arena *arena;
	struct names keys;	/* to the first that is found */
	struct found *list;
	size_t n, cap;
	const struct shade *always;	/* the last one without a condition */
	size_t *compared;
};

static struct str key_text(struct arena *a, uint64_t key)
{
	return arena_str(a, (struct str){ (const char *)&key, sizeof(key) });
}

static void shades_add_key(struct shades *s, uint64_t key,
    const struct shade *shade)
{
	struct str text = { (const char *)&key, sizeof(key) };
	struct found e = { .shade = shade };
	size_t at;

	arena_grow(s->arena, &s->list, s->n, &s->cap);
	s->list[s->n++] = e;
	if (names_get(&s->keys, text, &at)) {
		/* behind the first: that keeps its place in the table */
		s->list[s->n - 1].next = s->list[at].next;
		s->list[at].next = s->n;
	} else {
		names_add(s->arena, &s->keys, key_text(s->arena, key),
		    s->n - 1);
	}
}

/* By its first condition: whatever lies within it has that, too. */
static void shades_add(struct shades *s, const struct rule *rule,
    const struct branch *branch)
{
	struct shade *shade = arena_make(s->arena, struct shade);
	uint64_t keys[OPERANDS_MAX + 1];
	size_t n;

	shade->rule = rule;
	shade->branch = branch;
	conjuncts_add(&shade->when, branch->when);
	if (shade->when.more)
		return;
	if (shade->when.n == 0) {
		shade->next = s->always;
		s->always = shade;
		return;
	}
	n = cond_answers(shade->when.list[0], keys);
	for (size_t i = 0; i < n; i++)
		shades_add_key(s, keys[i], shade);
}

/* Whom WHEN is looked for; the question that is asked of what is found. */
struct search {
	struct conjuncts when;
	const struct rule *rule;
	bool (*fits)(const struct shade *shade, const struct rule *rule);
	size_t looked;
};

static const struct shade *find_by_key(struct shades *s, uint64_t key,
    struct search *q)
{
	struct str text = { (const char *)&key, sizeof(key) };
	size_t at;

	if (!names_get(&s->keys, text, &at))
		return NULL;
	for (at++; at && q->looked < CANDIDATES_MAX; q->looked++) {
		const struct shade *c = s->list[at - 1].shade;

		*s->compared += q->when.n * c->when.n;
		if (*s->compared > COMPARED_MAX)
			return NULL;
		if (conjuncts_imply(&q->when, &c->when) &&
		    q->fits(c, q->rule))
			return c;
		at = s->list[at - 1].next;
	}
	return NULL;
}

/* The first one that the condition of Q lies within and that fits. */
static const struct shade *shades_find(struct shades *s, struct search *q)
{
	uint64_t keys[OPERANDS_MAX + 1];
	const struct shade *c;

	for (c = s->always; c && q->looked < CANDIDATES_MAX;
	    c = c->next, q->looked++)
		if (q->fits(c, q->rule))
			return c;
	for (size_t i = 0; i < q->when.n; i++) {
		size_t n = cond_asks(q->when.list[i], keys);

		for (size_t k = 0; k < n; k++) {
			c = find_by_key(s, keys[k], q);
			if (c)
				return c;
		}
	}
	return NULL;
}

struct str lint_place(struct builder *b, struct pos pos, struct pos at)
{
	if (pos.source == at.source)
		return arena_printf(b->arena, "line %d", pos.line);
	return arena_printf(b->arena, "%s, line %d", pos.source->name,
	    pos.line);
}

/* ------------------------------------------------------- whom they concern */

static bool all_among(const struct str *some, size_t n,
    const struct str *of, size_t n_of)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < n_of && !str_eq(some[i], of[k]))
			k++;
		if (k == n_of)
			return false;
	}
	return n > 0;
}

/* Does WIDER concern each message that RULE does, each time? */
static bool concerns_all_of(const struct rule *wider, const struct rule *rule)
{
	const struct rule_info *w = &wider->info, *r = &rule->info;

	return w->enabled && w->every == 0 &&
	    (w->applies_to_all || !r->applies_to_all) &&
	    (w->n_in == 0 || all_among(r->in, r->n_in, w->in, w->n_in)) &&
	    (w->n_accounts == 0 || all_among(r->accounts, r->n_accounts,
	    w->accounts, w->n_accounts));
}

static const struct action *find_action(const struct branch *b,
    enum action_kind kind)
{
	const struct action *found = NULL;

	for (size_t i = 0; i < b->n_actions; i++)
		if (b->actions[i].kind == kind)
			found = &b->actions[i];
	return found;
}

/* Is it done wherever it fits?  No branch, no name that might not be filled
 * in, and nothing else instead when it failed. */
static bool is_sure(const struct rule *r)
{
	const struct branch *b = &r->top;
	struct str text;

	for (size_t i = 0; i < b->n_actions; i++)
		if (b->actions[i].text &&
		    !template_literal(b->actions[i].text, &text))
			return false;
	return b->n_first_of == 0 && r->on_error.n_actions == 0;
}

/* --------------------------------------------------------------- dead rules */

static bool stops_all_of(const struct shade *shade, const struct rule *rule)
{
	return concerns_all_of(shade->rule, rule);
}

/* RULE stops whatever it concerns: says so if that is all of a later one. */
static void say_end(struct builder *b, size_t index, const struct action *stop)
{
	const struct rule *r = &b->out->rules[index];
	const struct rule *first = NULL;
	size_t n = 0;

	for (size_t i = index + 1; i < b->out->n_rules; i++) {
		if (!b->out->rules[i].info.enabled ||
		    !concerns_all_of(r, &b->out->rules[i]))
			continue;
		first = first ? first : &b->out->rules[i];
		n++;
	}
	if (n == 1)
		warning(b->ps, stop->pos, "every message stops here: `%s` "
		    "below is never reached", first->info.name);
	else if (n > 1)
		warning(b->ps, stop->pos, "every message stops here: `%s` "
		    "and %zu more rules below are never reached",
		    first->info.name, n - 1);
}

static void lint_reached(struct builder *b, struct arena *scratch)
{
	size_t compared = 0;
	struct shades shades = { .arena = scratch, .compared = &compared };
	struct rules *r = b->out;

	for (size_t i = 0; i < r->n_rules; i++) {
		const struct rule *rule = &r->rules[i];
		struct search q = { .rule = rule, .fits = stops_all_of };
		const struct action *stop;
		const struct shade *shade;

		if (!rule->info.enabled)
			continue;
		conjuncts_add(&q.when, rule->top.when);
		shade = shades_find(&shades, &q);
		if (shade)
			warning(b->ps, rule->info.pos, "this rule is never "
			    "reached: whatever fits it fits `%s` (%s) before, "
			    "which stops", shade->rule->info.name,
			    lint_place(b, shade->rule->info.pos,
			    rule->info.pos).p);
		stop = find_action(&rule->top, ACTION_STOP);
		if (!stop || !is_sure(rule))
			continue;
		if (!rule->top.when) {
			say_end(b, i, stop);
		} else if (!q.when.reads_state) {
			/* what it reads might change before the other one */
			shades_add(&shades, rule, &rule->top);
		}
	}
}

/* ----------------------------------------------------------------- branches */

static bool any_shade(const struct shade *shade, const struct rule *rule)
{
	(void)shade;
	(void)rule;
	return true;
}

static void lint_branches(struct builder *b, struct arena *scratch,
    const struct rule *rule, size_t *compared)
{
	struct shades shades = { .arena = scratch, .compared = compared };
	const struct branch *top = &rule->top;

	for (size_t i = 0; i < top->n_first_of; i++) {
		const struct branch *branch = &top->first_of[i];
		struct search q = { .fits = any_shade };
		const struct shade *shade;

		conjuncts_add(&q.when, branch->when);
		shade = shades_find(&shades, &q);
		if (shade)
			warning(b->ps, branch->when->pos, "this branch is "
			    "never taken: whatever fits it fits the one of "
			    "%s before", lint_place(b,
			    shade->branch->when->pos, branch->pos).p);
		if (branch->when)
			shades_add(&shades, rule, branch);
	}
}

/* ---------------------------------------------------------- the last word */

static bool same_text(const struct action *a, const struct action *b)
{
	struct str x, y;

	if (!a->text || !b->text)
		return a->text == b->text;
	return template_literal(a->text, &x) &&
	    template_literal(b->text, &y) && str_eq(x, y);
}

/* Does LATER, which is always done after A, leave nothing of it? */
static bool takes_back(const struct action *later, const struct action *a)
{
	switch (a->kind) {
	case ACTION_PLACE:
		return later->kind == ACTION_PLACE &&
		    (later->place != a->place || !same_text(later, a));
	case ACTION_LABEL:
	case ACTION_FLAG:
		return later->kind == a->kind + 1 && same_text(later, a);
	case ACTION_UNLABEL:
	case ACTION_UNFLAG:
		return later->kind == a->kind - 1 && same_text(later, a);
	default:
		return false;
	}
}

#define ACTIONS_COMPARED	16

static bool is_overruled(const struct action *a, const struct branch *later)
{
	for (size_t i = 0; i < later->n_actions && i < ACTIONS_COMPARED; i++)
		if (takes_back(&later->actions[i], a))
			return true;
	return false;
}

static bool overrules(const struct shade *shade, const struct rule *rule)
{
	const struct branch *top = &rule->top;

	if (!concerns_all_of(shade->rule, rule))
		return false;
	for (size_t i = 0; i < top->n_actions && i < ACTIONS_COMPARED; i++)
		if (is_overruled(&top->actions[i], shade->branch))
			return true;
	return false;
}

static void say_overruled(struct builder *b, const struct rule *rule,
    const struct shade *by)
{
	for (size_t i = 0; i < rule->top.n_actions && i < ACTIONS_COMPARED;
	    i++)
		if (is_overruled(&rule->top.actions[i], by->branch))
			warning(b->ps, rule->top.actions[i].pos, "this has "
			    "no effect: whatever fits here fits `%s` (%s), "
			    "too, and the last word wins",
			    by->rule->info.name, lint_place(b,
			    by->rule->info.pos, rule->info.pos).p);
}

/* May it stop, or does it look at what rules before it did? */
static bool is_barrier(const struct rule *r)
{
	struct conjuncts when = { 0 };
	bool stops = find_action(&r->top, ACTION_STOP) ||
	    find_action(&r->on_error, ACTION_STOP);

	conjuncts_add(&when, r->top.when);
	for (size_t i = 0; i < r->top.n_first_of; i++) {
		conjuncts_add(&when, r->top.first_of[i].when);
		stops |= find_action(&r->top.first_of[i], ACTION_STOP) !=
		    NULL;
	}
	return stops || when.more || when.reads_state;
}

/* From the last rule to the first: what is known are later ones. */
static void lint_last_words(struct builder *b, struct arena *scratch)
{
	size_t compared = 0;
	const struct shades none = {
		.arena = scratch, .compared = &compared,
	};
	struct shades shades = none;
	struct rules *r = b->out;

	for (size_t i = r->n_rules; i-- > 0; ) {
		const struct rule *rule = &r->rules[i];
		struct search q = { .rule = rule, .fits = overrules };
		const struct shade *shade = NULL;

		if (!rule->info.enabled)
			continue;
		conjuncts_add(&q.when, rule->top.when);
		if (is_barrier(rule))
			shades = none;
		else
			shade = shades_find(&shades, &q);
		if (shade)
			say_overruled(b, rule, shade);
		if (!q.when.reads_state && is_sure(rule))
			shades_add(&shades, rule, &rule->top);
	}
}

/* ---------------------------------------------------------------- mailboxes */

struct watch {
	const struct str *list;	/* that are looked at */
	size_t n;
	bool anywhere;		/* a rule moves to a name that is not known */
	struct names moved;	/* where rules move to */
	struct arena *arena;
};

static void add_place(struct watch *w, const struct action *a)
{
	struct str name;
	size_t at;

	if ((a->kind != ACTION_PLACE && a->kind != ACTION_LABEL) || !a->text)
		return;
	if (!template_literal(a->text, &name)) {
		w->anywhere = true;
		return;
	}
	if (a->place == PLACE_SPECIAL)
		name = special_name(name);
	if (!names_get(&w->moved, name, &at))
		names_add(w->arena, &w->moved, name, 0);
}

static void add_places(struct watch *w, const struct branch *b)
{
	for (size_t i = 0; i < b->n_actions; i++)
		add_place(w, &b->actions[i]);
	for (size_t i = 0; i < b->n_first_of; i++)
		add_places(w, &b->first_of[i]);
}

static bool is_watched(const struct watch *w, struct str mailbox)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_eq(w->list[i], mailbox))
			return true;
	return false;
}

/* A message may be there, or be brought there by a rule. */
static bool may_be_in(const struct watch *w, const struct operand *o)
{
	size_t at;

	return o->op != TEST_TEXT || w->anywhere || is_watched(w, o->text) ||
	    names_get(&w->moved, o->text, &at);
}

static bool in_is_watched(const struct watch *w, const struct rule_info *info)
{
	for (size_t i = 0; i < info->n_in; i++)
		if (is_watched(w, info->in[i]))
			return true;
	return info->n_in == 0;
}

static void lint_mailbox(const struct watch *w, const struct rule *r,
    struct problems *ps)
{
	struct conjuncts when = { 0 };

	if (!in_is_watched(w, &r->info)) {
		warning(ps, r->info.pos, "no account looks at `%.*s`, and so "
		    "never at this rule; name it under `mailboxes:` in the "
		    "config", STR_ARG(r->info.in[0]));
		return;
	}
	conjuncts_add(&when, r->top.when);
	for (size_t i = 0; i < when.n; i++) {
		const struct test *t = when.list[i]->tests;
		size_t k = 0;

		if (when.list[i]->kind != COND_MAILBOX)
			continue;
		while (k < t->n && !may_be_in(w, &t->any[k]))
			k++;
		if (k == t->n)
			warning(ps, when.list[i]->pos, "no account looks at "
			    "`%.*s`; name it under `mailboxes:` in the "
			    "config", STR_ARG(t->any[0].text));
	}
}

void rules_lint_mailboxes(const struct rules *r, const struct str *list,
    size_t n, struct problems *ps)
{
	struct watch w = {
		.list = list, .n = n, .arena = arena_new(),
	};

	for (size_t i = 0; i < r->n_rules; i++)
		add_places(&w, &r->rules[i].top);
	for (size_t i = 0; i < r->n_rules; i++)
		if (r->rules[i].info.enabled &&
		    !r->rules[i].info.applies_to_all)
			lint_mailbox(&w, &r->rules[i], ps);
	arena_free(&w.arena);
}

/* -------------------------------------------------------------------- all */

void lint_rules(struct builder *b)
{
	struct arena *scratch = arena_new();
	size_t compared = 0;

	lint_reached(b, scratch);
	for (size_t i = 0; i < b->out->n_rules; i++)
		if (b->out->rules[i].info.enabled)
			lint_branches(b, scratch, &b->out->rules[i],
			    &compared);
	lint_last_words(b, scratch);
	arena_free(&scratch);
	lint_conditions(b);
}
