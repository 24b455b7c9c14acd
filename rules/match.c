/*
 * match - a program and a message to a verdict.
 *
 * Rules are judged from top to bottom; what the fired ones do is what later
 * conditions see.  A rule that is unknown may do its deeds or not: what it
 * would change is in doubt from then on, and where it might stop, so is every
 * later rule.  What such a later condition asks is what the doubt hangs on.
 *
 * A rule is done as a whole or not at all: with `first_of` it waits for its
 * branch, and a template that cannot be filled undoes all of it.
 */
#include "draft.h"
#include "explain.h"
#include "field.h"
#include "index.h"

struct matcher {
	const struct rules *rules;
	struct match_input input;	/* its mail is the draft's */
	const struct match_input *in;	/* that one */
	struct arena *arena;
	struct verdict *out;
	struct effects fx;
	struct evaluation v;
	struct draft draft;
	struct draft_state before;	/* the rule at hand */
	struct draft_state after;	/* one that is unknown */
	const uint64_t *candidates;	/* a bit a rule; NULL: all are */
	const struct rule *stopped;	/* by this one */
	const struct rule *blocked;	/* perhaps */
	struct deed *deeds;		/* of the rule at hand */
	size_t n_deeds, cap_deeds;
	struct captures captures;	/* of the rule at hand */
	size_t cap_captures;
	bool captured;			/* they were collected */
	bool captures_short;		/* but not all can be told: */
	struct doubt captures_doubt;
};

static const char *quoted(struct matcher *m, const char *before,
    const struct rule *rule, const char *behind)
{
	return arena_printf(m->arena, "%s \"%s\"%s", before,
	    rule->info.name, behind).p;
}

/* ------------------------------------------------- whom a rule concerns */

/* Is the message in one of the mailboxes of `in`?  (As it was found.) */
static struct answer in_mailboxes(const struct matcher *m,
    const struct rule_info *info)
{
	const struct spot *at = &m->fx.first;
	bool inbox = false;

	for (size_t i = 0; i < info->n_in; i++) {
		if (str_eq(info->in[i], at->mailbox))
			return (struct answer){ .truth = TRUTH_TRUE };
		inbox |= is_inbox(info->in[i]);
	}
	if (inbox && at->inbox == TRUTH_UNKNOWN)
		return answer_missing(m->in, RULES_ASK_LABELS);
	return (struct answer){ .truth = inbox ? at->inbox : TRUTH_FALSE };
}

static bool is_among(struct str s, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, list[i]))
			return true;
	return false;
}

/* NULL, or why the rule does not concern this message. */
static const char *not_concerned(const struct matcher *m, size_t i)
{
	const struct rule_info *info = &m->rules->rules[i].info;

	if (!info->enabled)
		return "it is switched off";
	if (info->n_accounts && !is_among(m->in->facts->account,
	    info->accounts, info->n_accounts))
		return "it is for other accounts";
	if (!m->in->is_new && !info->applies_to_all)
		return "it is for new mail, and this message is not new";
	if (m->in->due && !m->in->due[i])
		return "it rests until its `every` has passed";
	if (info->n_in && in_mailboxes(m, info).truth == TRUTH_FALSE)
		return "it is for other mailboxes";
	return NULL;
}

/* ------------------------------------------------------ templates, deeds */

/* Groups of the branch's regexes come before those of the rule's. */
static void collect_captures(struct matcher *m, const struct branch *top,
    const struct branch *b)
{
	if (m->captured)
		return;
	m->captured = true;
	m->captures.n = 0;
	m->captures_short = (b && !evaluate_captures(&m->v, b->when,
	    &m->captures, &m->cap_captures, &m->captures_doubt)) ||
	    !evaluate_captures(&m->v, top->when, &m->captures,
	    &m->cap_captures, &m->captures_doubt);
}

/* One name; what is not known yet is added to DOUBT. */
static enum filled fill_name(struct matcher *m, const struct rule *rule,
    const struct branch *b, const struct template *t, struct str *out,
    struct doubt *doubt, struct str *failure)
{
	struct doubt why;
	struct answer missing;
	unsigned ask;

	if (template_literal(t, out))
		return FILLED;
	if (template_groups(t))
		collect_captures(m, &rule->top, b);
	if (!m->captures_short || template_captured(t, &m->captures)) {
		if (template_fill(t, m->arena, m->in, rule->info.name,
		    &m->captures, out, &ask, failure))
			return FILLED;
		if (ask == 0)
			return FILLED_FAILS;
		missing = answer_missing(m->in, ask);
		why = answer_doubt(missing);
	} else {
		why = m->captures_doubt;
	}
	doubt_add(doubt, why);
	return FILLED_UNKNOWN;
}

/* The program's arguments: what they may hold is always known. */
static const char *const *fill_argv(struct matcher *m,
    const struct rule *rule, const struct program *p, struct str *failure)
{
	const char **argv = arena_array(m->arena, p->n + 1, sizeof(*argv));
	struct str text;
	unsigned ask;

	for (size_t i = 0; i < p->n; i++) {
		if (!template_fill(p->argv[i], m->arena, m->in,
		    rule->info.name, NULL, &text, &ask, failure))
			return NULL;
		argv[i] = arena_z(m->arena, text);
	}
	return argv;
}

/* A step: done in the draft, and not a deed. */
static enum filled fill_rewrite(struct matcher *m, const struct rule *rule,
    const struct branch *b, const struct action *action,
    struct doubt *doubt, struct str *failure)
{
	size_t index = (size_t)(rule - m->rules->rules);
	const char *const *argv = NULL;
	struct header_edit edit;
	enum filled filled;

	m->draft.now.new_thread |= rule->new_thread;
	if (action->kind != ACTION_HEADER) {
		if (action->program)
			argv = fill_argv(m, rule, action->program, failure);
		if (action->program && !argv)
			return FILLED_FAILS;
		return draft_step(&m->draft, index, action, argv, doubt,
		    failure);
	}
	edit = *action->edit;
	if (action->text) {
		filled = fill_name(m, rule, b, action->text, &edit.text,
		    doubt, failure);
		if (filled == FILLED_UNKNOWN)
			draft_leave_open(&m->draft, &edit);
		if (filled != FILLED)
			return filled;
		edit.text = field_clean(m->arena, edit.text);
	}
	return draft_edit(&m->draft, index, action, &edit, doubt, failure);
}

/* The icon of the first author that is in the map, by address or @domain. */
static struct str icon_of(const struct list *icons, struct mail *mail)
{
	const struct address *from;
	size_t n = mail_addresses(mail, STR_LIT("From"), &from);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < icons->n; k++) {
			struct str entry = icons->entries[k];
			struct str domain = str_sub(entry, 1, entry.n);

			if (str_ieq(entry, from[i].address) ||
			    (str_starts(entry, STR_LIT("@")) &&
			    from[i].domain.n &&
			    str_ieq(domain, from[i].domain)))
				return icons->values[k];
		}
	return STR_EMPTY;
}

static enum filled fill_errand(struct matcher *m, const struct rule *rule,
    const struct branch *b, const struct errand_form *form, struct deed *d,
    struct doubt *doubt, struct str *failure)
{
	const struct template *const from[] = { form->summary, form->body };
	struct str *const to[] = { &d->errand.summary, &d->errand.body };
	enum filled sum = FILLED;

	d->errand = form->fixed;
	for (size_t i = 0; i < COUNT(from); i++) {
		enum filled one = from[i] ? fill_name(m, rule, b, from[i],
		    to[i], doubt, failure) : FILLED;

		if (one == FILLED_FAILS)
			return one;
		if (one == FILLED_UNKNOWN)
			sum = one;
	}
	if (form->icons && m->in->mail)
		d->errand.icon = icon_of(form->icons, m->in->mail);
	if (form->program) {
		d->errand.argv = fill_argv(m, rule, form->program, failure);
		d->errand.seconds = form->program->seconds;
		if (!d->errand.argv)
			return FILLED_FAILS;
	}
	return sum;
}

static enum filled fill_action(struct matcher *m, const struct rule *rule,
    const struct branch *b, const struct action *action,
    struct doubt *doubt, struct str *failure)
{
	struct deed *d;
	enum filled filled = FILLED;

	if (action_rewrites(action))
		return fill_rewrite(m, rule, b, action, doubt, failure);
	arena_grow(m->arena, &m->deeds, m->n_deeds, &m->cap_deeds);
	d = &m->deeds[m->n_deeds++];
	*d = (struct deed){ .kind = action->kind, .place = action->place,
	    .name = STR_EMPTY };
	if (action->errand)
		return fill_errand(m, rule, b, action->errand, d, doubt,
		    failure);
	if (action->text)
		filled = fill_name(m, rule, b, action->text, &d->name, doubt,
		    failure);
	if (filled == FILLED_UNKNOWN) {
		d->open = true;
		d->name = template_head(action->text);
	}
	return filled;
}

static bool rewrites(const struct branch *b)
{
	for (size_t i = 0; i < b->n_actions; i++)
		if (action_rewrites(&b->actions[i]))
			return true;
	return false;
}

/*
 * The deeds of FIRST and then THEN (NULL: none) of a rule whose branch is B,
 * into m->deeds.  If one of them fails all do, whatever else is not known.
 */
static enum filled fill_deeds(struct matcher *m, const struct rule *rule,
    const struct branch *b, const struct branch *first,
    const struct branch *then, struct doubt *doubt, struct str *failure)
{
	enum filled sum = FILLED;

	m->n_deeds = 0;
	m->captured = m->captures_short = false;
	m->captures.n = 0;
	*doubt = (struct doubt){ 0 };
	draft_back(&m->draft, m->before);
	/* of the message as the rule found it */
	if (rewrites(first) || (then && rewrites(then)))
		collect_captures(m, &rule->top, b);
	for (int part = 0; part < 2; part++) {
		const struct branch *from = part ? then : first;

		for (size_t i = 0; from && i < from->n_actions; i++) {
			enum filled one = fill_action(m, rule, b,
			    &from->actions[i], doubt, failure);

			if (one == FILLED_FAILS)
				return one;
			if (one == FILLED_UNKNOWN)
				sum = one;
		}
	}
	return sum;
}

/* What the rule does when nothing fails. */
static enum filled fill_rule(struct matcher *m, const struct rule *rule,
    const struct branch *b, struct doubt *doubt, struct str *failure)
{
	size_t i = (size_t)(rule - m->rules->rules);

	if (m->in->failed && m->in->failed[i]) {
		*failure = str_of(m->in->failed[i]);
		return FILLED_FAILS;
	}
	return fill_deeds(m, rule, b, &rule->top, b, doubt, failure);
}

/* What it does instead; fails where there is nothing. */
static enum filled fill_on_error(struct matcher *m, const struct rule *rule,
    const struct branch *b, struct doubt *doubt, struct str *failure)
{
	if (rule->on_error.n_actions == 0)
		return FILLED_FAILS;
	return fill_deeds(m, rule, b, &rule->on_error, NULL, doubt, failure);
}

static bool stops(const struct deed *deeds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (deeds[i].kind == ACTION_STOP)
			return true;
	return false;
}

/*
 * To take INBOX away means nothing where the message is not in it; so where
 * it is must be known, unless an earlier deed says so.
 */
static struct answer place_known(const struct matcher *m)
{
	for (size_t i = 0; i < m->n_deeds; i++) {
		const struct deed *d = &m->deeds[i];

		if (d->kind == ACTION_PLACE || (d->kind == ACTION_LABEL &&
		    is_inbox(d->name)))
			break;
		if (d->kind == ACTION_UNLABEL && is_inbox(d->name))
			return effects_inbox(&m->fx);
	}
	return (struct answer){ .truth = TRUTH_TRUE };
}

/* ------------------------------------------------------ one rule's result */

/* What later conditions may read is another message. */
static void look_again(struct matcher *m)
{
	if (m->candidates)
		m->candidates = index_candidates(m->rules->index, m->arena,
		    m->in->mail);
}

static void maybe_deeds(struct matcher *m, const struct rule *rule,
    struct doubt doubt)
{
	draft_doubt(&m->draft, &m->after, doubt);
	if (stops(m->deeds, m->n_deeds))
		m->blocked = rule;
	effects_maybe(&m->fx, m->deeds, m->n_deeds, doubt);
}

/* What fails is not done either way, but what is done instead may be. */
static void maybe_branch(struct matcher *m, const struct rule *rule,
    const struct branch *b, struct doubt doubt)
{
	struct doubt names;
	struct str failure;
	enum filled filled = fill_rule(m, rule, b, &names, &failure);

	if (filled != FILLED_FAILS)
		maybe_deeds(m, rule, doubt);
	if (filled != FILLED && fill_on_error(m, rule, b, &names,
	    &failure) != FILLED_FAILS)
		maybe_deeds(m, rule, doubt);
}

/* All that an unknown rule might do. */
static void maybe_rule(struct matcher *m, const struct rule *rule,
    struct doubt doubt)
{
	const struct branch *top = &rule->top;
	struct note *notes = m->v.notes;

	m->v.notes = NULL;	/* this is no part of the explanation */
	m->after = m->before;
	for (size_t i = 0; i < top->n_first_of; i++) {
		const struct branch *b = &top->first_of[i];
		enum truth truth;

		draft_back(&m->draft, m->before);
		truth = evaluate(&m->v, b->when).truth;
		if (truth != TRUTH_FALSE)
			maybe_branch(m, rule, b, doubt);
		if (truth == TRUTH_TRUE)
			goto out;
	}
	maybe_branch(m, rule, NULL, doubt);
out:
	m->v.notes = notes;
	m->before = m->after;
}

static void rule_unknown(struct matcher *m, const struct rule *rule,
    struct rule_result *rr, struct doubt why)
{
	rr->truth = TRUTH_UNKNOWN;
	rr->unknown = why.why;
	m->out->n_unknown++;
	m->out->ask |= why.ask;
	if (!m->out->program)
		m->out->program = why.program;
	if (!m->out->rewrite)
		m->out->rewrite = why.rewrite;
	why.why = quoted(m, "it hangs on the rule", rule,
	    ", which is unknown");
	maybe_rule(m, rule, why);
}

/* MORE: why what it would do instead failed, too. */
static void rule_fails(struct matcher *m, const struct rule *rule,
    struct rule_result *rr, struct str more)
{
	if (rr->on_error)
		rr->failure = arena_printf(m->arena, "%.*s; its on_error "
		    "takes the place", STR_ARG(rr->failure));
	else if (rule->on_error.n_actions)
		rr->failure = arena_printf(m->arena, "%.*s; so does its "
		    "on_error: %.*s", STR_ARG(rr->failure), STR_ARG(more));
	rr->failed = true;
	m->out->n_failed++;
}

static void rule_fires(struct matcher *m, const struct rule *rule,
    struct rule_result *rr, const struct branch *b)
{
	struct str more = STR_EMPTY;
	struct answer place;
	struct doubt doubt;
	enum filled filled = fill_rule(m, rule, b, &doubt, &rr->failure);
	bool failed = filled == FILLED_FAILS;

	if (failed)
		filled = fill_on_error(m, rule, b, &doubt, &more);
	if (filled == FILLED) {
		place = place_known(m);
		if (place.truth == TRUTH_UNKNOWN) {
			filled = FILLED_UNKNOWN;
			doubt = answer_doubt(place);
		}
	}
	if (filled == FILLED_UNKNOWN) {
		rule_unknown(m, rule, rr, doubt);
		return;
	}
	rr->on_error = failed && filled == FILLED;
	if (failed) {
		rule_fails(m, rule, rr, more);
	} else {
		rr->truth = TRUTH_TRUE;
		m->out->n_fired++;
	}
	if (filled == FILLED_FAILS)
		return;
	m->before = m->draft.now;
	if (m->n_deeds == 0)
		return;
	effects_do(&m->fx, m->deeds, m->n_deeds, rr->rule);
	if (stops(m->deeds, m->n_deeds))
		m->stopped = rule;
}

/* The branch of a rule whose `when` is true; a rule that has nothing to do
 * when none fits does not fire. */
static struct answer choose_branch(struct matcher *m,
    const struct branch *top, const struct branch **out)
{
	struct answer a;

	*out = NULL;
	for (size_t i = 0; i < top->n_first_of; i++) {
		a = evaluate(&m->v, top->first_of[i].when);
		*out = &top->first_of[i];
		if (a.truth != TRUTH_FALSE)
			return a;
	}
	*out = NULL;
	return (struct answer){ .truth = top->n_first_of == 0 ||
	    top->n_actions ? TRUTH_TRUE : TRUTH_FALSE };
}

static void judge(struct matcher *m, const struct rule *rule,
    struct rule_result *rr)
{
	struct answer a = evaluate(&m->v, rule->top.when);
	const struct branch *branch = NULL;

	if (a.truth == TRUTH_TRUE)
		a = choose_branch(m, &rule->top, &branch);
	if (a.truth == TRUTH_UNKNOWN)
		rule_unknown(m, rule, rr, answer_doubt(a));
	else if (a.truth == TRUTH_TRUE)
		rule_fires(m, rule, rr, branch);
	if (m->v.notes)
		rr->tree = explain_rule(&m->v, rule, a.truth);
}

static void match_rule(struct matcher *m, size_t i)
{
	const struct rule *rule = &m->rules->rules[i];
	struct rule_result *rr = &m->out->rules[i];
	struct answer in;
	unsigned version;

	rr->rule = i;
	rr->not_reached = not_concerned(m, i);
	if (!rr->not_reached && m->stopped)
		rr->not_reached = quoted(m, "the rule", m->stopped,
		    " stopped before it");
	if (rr->not_reached)
		return;
	rr->reached = true;
	m->v.rule = rule->info.name;
	if (m->blocked) {
		rr->truth = TRUTH_UNKNOWN;
		rr->unknown = quoted(m, "the rule", m->blocked,
		    ", which is unknown, may stop before it");
		m->out->n_unknown++;
		return;
	}
	if (rule->info.n_in) {
		in = in_mailboxes(m, &rule->info);
		if (in.truth == TRUTH_UNKNOWN) {
			rule_unknown(m, rule, rr, answer_doubt(in));
			return;
		}
	}
	if (m->candidates && !(m->candidates[i / 64] >> i % 64 & 1))
		return;
	version = m->v.version;
	judge(m, rule, rr);
	draft_back(&m->draft, m->before);
	if (m->v.version != version)
		look_again(m);
}

void rules_match(const struct rules *r, struct arena *a,
    const struct match_input *in, struct verdict *out)
{
	struct matcher m = { .rules = r, .input = *in, .arena = a,
	    .out = out };

	m.in = &m.input;
	*out = (struct verdict){ .n_rules = r->n_rules };
	out->rules = arena_array(a, r->n_rules, sizeof(*out->rules));
	effects_init(&m.fx, a, m.in);
	evaluation_init(&m.v, r, a, m.in, &m.fx);
	draft_init(&m.draft, a, &m.input, &m.v);
	m.before = m.draft.now;
	if (r->index && !in->explain)
		m.candidates = index_candidates(r->index, a, in->mail);
	for (size_t i = 0; i < r->n_rules; i++)
		match_rule(&m, i);
	effects_report(&m.fx, out);
	draft_report(&m.draft, out);
}
