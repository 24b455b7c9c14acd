#include "run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "clock.h"
#include "digest.h"
#include "gmail.h"
#include "log.h"
#include "narrow.h"
#include "places.h"
#include "progress.h"
#include "quiet.h"
#include "recover.h"
#include "report_plan.h"
#include "rewriter.h"
#include "sync.h"

/* What run_account carries along besides its struct run. */
struct pass {
	struct run *r;
	struct recover recovered;
	struct replace replace;
	struct rewriter rewriter;
	struct errands errands;
	struct str *channels;
	struct checkpoint began;	/* baseline where none is kept */
	struct place_names places;
	bool places_known;
	bool *due;			/* by rule */
	bool *missed;			/* by rule: not all was swept */
	bool *sweeps;			/* by rule: the mailbox in hand */
	uint64_t *changes;		/* by rule, over all mailboxes */
	struct report_rule *table;	/* by rule, for the dry run's end */
	uint32_t new_mailboxes;
	/* On Gmail: where rules sweep that name no mailbox; empty: in the
	 * account's mailboxes. */
	struct str all_mail;
	struct gmail_seen seen;		/* in the mailboxes before this one */
	bool many;			/* mailboxes are looked at */
};

/* One mailbox of the pass, and the portion of it that is in hand. */
struct visit {
	struct pass *pass;
	struct sync sync;
	struct judge judge;
	const bool *due;		/* by rule, here */
	struct uidset fresh, stale;
	const struct pending *pending;	/* of this UIDVALIDITY, by UID */
	size_t n_pending;
	struct asked asked;
	struct gmail_seen seen;		/* on Gmail: judged as new here */
	bool first, last;		/* portion */
	bool counted;			/* what each rule would change is known
					   before anything is done */
};

struct str run_rules_version(struct arena *a, const struct rules *rules)
{
	const struct source *const *sources;
	size_t n = rules_sources(rules, &sources);
	struct digest *d = digest_new();
	uint8_t sum[DIGEST_SIZE];

	for (size_t i = 0; i < n; i++) {
		digest_add(d, str_of(sources[i]->name));
		digest_add(d, (struct str){ "\0", 1 });
		digest_add(d, sources[i]->text);
	}
	digest_end(&d, sum);
	return digest_hex(a, sum, 8);
}

/* ----------------------------------------------------- what concerns us */

static bool same_mailbox(struct str a, struct str b)
{
	return str_ieq_z(a, "INBOX") ? str_ieq_z(b, "INBOX") : str_eq(a, b);
}

static bool rule_concerns(const struct run *r, const struct rule_info *info)
{
	if (!info->enabled)
		return false;
	for (size_t i = 0; i < info->n_accounts; i++)
		if (str_eq_z(info->accounts[i], r->account->name))
			return true;
	return info->n_accounts == 0;
}

/* Does the rule, which is due, sweep this mailbox? */
static bool rule_sweeps(const struct pass *p, size_t i, struct str mailbox)
{
	const struct rule_info *info = rules_info(p->r->rules, i);

	if (!info->applies_to_all || !p->due[i] ||
	    !rule_concerns(p->r, info))
		return false;
	for (size_t k = 0; k < info->n_in; k++)
		if (same_mailbox(info->in[k], mailbox))
			return true;
	return info->n_in == 0 && (!p->all_mail.n ||
	    str_eq(mailbox, p->all_mail));
}

static bool is_swept(const struct pass *p, struct str mailbox)
{
	for (size_t i = 0; i < rules_count(p->r->rules); i++)
		if (rule_sweeps(p, i, mailbox))
			return true;
	return false;
}

/* What the server can say of the messages that are swept here. */
static struct str narrowed(const struct pass *p)
{
	const struct run *r = p->r;

	if (!r->store->kind.searches)
		return STR_EMPTY;
	return narrow_criteria(r->arena, r->rules, p->sweeps,
	    r->store->kind.labels == LABELS_GMAIL, r->now);
}

/* Their sweep is not over: it does not wait for `every` again. */
static void miss(struct pass *p, struct str mailbox)
{
	for (size_t i = 0; i < rules_count(p->r->rules); i++)
		p->missed[i] |= rule_sweeps(p, i, mailbox);
}

/* What failed for a reason that may pass is not settled. */
static void miss_failed(struct pass *p, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct op *op = &plan->ops[i];
		size_t n = op->n_names ? op->n_names : 1;

		for (size_t k = 0; op->outcome == OP_FAILED && op->retry &&
		    k < n; k++)
			p->missed[plan->op_rules[i][k]] = true;
	}
}

/* `every` makes a rule rest, for new mail too: the next sweep finds it.  A
 * time in the future is a clock's that was wrong once. */
static bool find_due(struct pass *p, struct err *e)
{
	struct run *r = p->r;

	for (size_t i = 0; i < rules_count(r->rules); i++) {
		const struct rule_info *info = rules_info(r->rules, i);
		int64_t last = 0;

		p->due[i] = true;
		if (!info->every || !info->applies_to_all || !r->journal)
			continue;
		if (!journal_rule_time(r->journal, str_of(info->name), &last,
		    e))
			return false;
		p->due[i] = r->now - last >= info->every || last > r->now;
	}
	return true;
}

/* A run over some mailboxes only is not one of the rule. */
static bool set_rule_times(struct pass *p, struct err *e)
{
	struct run *r = p->r;

	if (r->options->mailboxes.n)
		return true;
	for (size_t i = 0; i < rules_count(r->rules); i++) {
		const struct rule_info *info = rules_info(r->rules, i);

		if (info->every && info->applies_to_all && p->due[i] &&
		    !p->missed[i] && rule_concerns(r, info) && !journal_set_rule_time(
		    r->journal, str_of(info->name), r->now, e))
			return false;
	}
	return true;
}

static void count_items(struct visit *v)
{
	struct run *r = v->pass->r;
	const struct plan *p = &v->judge.plan;

	r->judged += v->judge.seen;
	for (size_t i = 0; i < p->n_items; i++) {
		bool unknown = false;

		for (size_t k = 0; k < p->items[i].n_notes; k++)
			unknown |= !p->items[i].notes[k].failed;
		r->unknown += unknown;
		r->would_change += p->items[i].n_ops > 0;
	}
	report_plan_tally(&v->judge, v->pass->table);
}

/* --------------------------------------------------------------- brake */

static bool is_allowed(const struct options *o, const char *rule)
{
	for (size_t i = 0; i < o->allow.n; i++)
		if (strcmp(o->allow.v[i], rule) == 0)
			return true;
	return false;
}

static bool has_limits(const struct run *r)
{
	for (size_t i = 0; i < rules_count(r->rules); i++)
		if (rules_info(r->rules, i)->limit)
			return true;
	return false;
}

static void count_changes(struct visit *v)
{
	for (size_t i = 0; i < rules_count(v->pass->r->rules); i++)
		v->pass->changes[i] += v->judge.plan.tally[i].changes;
}

/* True: a rule would change more than its limit lets it in one run. */
static bool brakes(struct visit *v)
{
	struct run *r = v->pass->r;
	bool stop = false;

	for (size_t i = 0; i < rules_count(r->rules); i++) {
		const struct rule_info *info = rules_info(r->rules, i);
		uint64_t n = v->pass->changes[i];

		if (!info->limit || n <= info->limit ||
		    is_allowed(r->options, info->name))
			continue;
		log_line(LOG_ERROR, "%s: %.*s: rule `%s` would change %"
		    PRIu64 " messages, its limit is %" PRIu64 "; nothing is "
		    "done in this mailbox (if that is right: --allow '%s')",
		    r->account->name, STR_ARG(v->sync.mailbox), info->name,
		    n, info->limit, info->name);
		stop = true;
	}
	r->braked |= stop;
	return stop;
}

/* ------------------------------------------------------------ a mailbox */

static void add_held(struct visit *v)
{
	struct judge *j = &v->judge;

	for (size_t i = 0; i < v->sync.held.n; i++)
		for (uint32_t uid = v->sync.held.ranges[i].low;
		    uid <= v->sync.held.ranges[i].high; uid++) {
			arena_grow(j->arena, &j->judged, j->n_judged,
			    &j->cap_judged);
			j->judged[j->n_judged++] = (struct judged){
				.uidvalidity = j->uidvalidity,
				.uid = uid,
				.waits = true,
				.reason = STR_LIT("an earlier run's command "
				    "was not answered and may still land"),
			};
			v->pass->r->pending++;
		}
}

/* Where the mailbox stands behind this portion; NULL: cannot be said. */
static const struct checkpoint *checkpoint(const struct visit *v,
    struct checkpoint *room)
{
	if (!v->sync.watched)
		return NULL;
	if (v->last)
		return &v->sync.after;
	if (!v->sync.stepwise || !v->fresh.n)
		return NULL;
	*room = sync_midway(&v->sync, uidset_last(&v->fresh));
	return room;
}

/* What failed stands in the report; what could not even be judged does not.
 * An error of the store is said at once, and not again before the end. */
static void say_unjudged(struct visit *v)
{
	struct run *r = v->pass->r;

	for (size_t i = 0; i < v->judge.n_judged; i++) {
		const struct judged *m = &v->judge.judged[i];
		bool first = m->unreadable && !m->given_up &&
		    judge_tries(&v->judge, m->uid) == 0;

		if (!m->given_up && !first)
			continue;
		log_line(LOG_ERROR, first ? "%s: %.*s: UID %" PRIu32 " was "
		    "not judged: %.*s; it is tried in %d runs" :
		    "%s: %.*s: UID %" PRIu32 " was not judged: %.*s, in %d "
		    "runs; run with --all when it is mended",
		    r->account->name,
		    STR_ARG(v->sync.mailbox), m->uid, STR_ARG(m->reason),
		    JOURNAL_TRIES_MAX);
		r->failed++;
	}
}

static bool begin_run(struct pass *p, struct err *e)
{
	struct run *r = p->r;

	if (r->journal && r->run_id == 0 && !journal_run_begin(r->journal,
	    r->rules_version, &r->run_id, e))
		return false;
	p->errands.run = r->run_id;
	return true;
}

/* Carries out the plan of A's judge.  AT: where the mailbox stands then. */
static bool act(struct visit *v, struct act *a, const struct checkpoint *at,
    struct err *e)
{
	struct run *r = v->pass->r;
	bool ok;

	a->new_mailboxes = &v->pass->new_mailboxes;
	a->replace = r->journal ? &v->pass->replace : NULL;
	a->errands = &v->pass->errands;
	if (!begin_run(v->pass, e))
		return false;
	a->run = r->run_id;
	ok = act_plan(a, at, e);
	miss_failed(v->pass, &a->judge->plan);
	r->changed += a->changed;
	r->failed += a->failed;
	r->pending += a->waiting;
	return ok;
}

static bool read_state(struct visit *v, struct err *e)
{
	struct run *r = v->pass->r;
	struct sync *s = &v->sync;
	struct pending *pending;

	if (!r->journal)
		return true;
	if (!journal_checkpoint(r->journal, s->mailbox, &s->before, e) ||
	    !journal_pending(r->journal, r->arena, s->mailbox, &pending,
	    &s->n_pending, e))
		return false;
	s->pending = pending;
	/* they come by UIDVALIDITY, then by UID */
	for (size_t i = 0; i < s->n_pending; i++)
		if (pending[i].uidvalidity == s->state.uidvalidity &&
		    v->n_pending++ == 0)
			v->pending = &pending[i];
	return true;
}

/* Asked for once, and only when there is something to judge. */
static bool find_places(struct pass *p, struct err *e)
{
	if (p->places_known)
		return true;
	if (!places_find(p->r->store, p->r->account, &p->places, e))
		return false;
	p->places_known = true;
	return true;
}

static void set_up_judge(struct visit *v, struct judge *j,
    struct arena *arena)
{
	struct run *r = v->pass->r;

	*j = (struct judge){ .known_before = v->sync.known_before };
	j->arena = arena;
	j->rules = r->rules;
	j->account = r->account;
	j->store = r->store;
	j->journal = r->journal;
	j->mailbox = v->sync.mailbox;
	j->uidvalidity = v->sync.state.uidvalidity;
	j->places = &v->pass->places;
	j->now = r->now;
	j->began_ms = r->began_ms;
	j->pending = v->pending;
	j->n_pending = v->n_pending;
	j->zone = r->zone;
	j->due = v->due;
	j->met = v->pass->many ? &v->pass->seen : NULL;
	j->met_here = &v->seen;
	j->met_arena = r->arena;
	j->elsewhere = !r->options->all && !r->options->search &&
	    r->options->since == TIME_NONE;
	j->asked = &v->asked;
	j->decrypt = r->decrypt;
	j->channels = v->pass->channels;
	j->n_channels = v->pass->errands.config->n_channels;
	j->errands = r->options->notify ? JUDGE_ERRANDS_ALL :
	    r->journal || r->options->dry_run ? JUDGE_ERRANDS_NEW :
	    JUDGE_ERRANDS_NONE;
	j->watched = v->sync.watched;
	if (r->journal)
		j->baseline = j->watched ? &v->sync.after :
		    &v->pass->began;
	if (r->options->dry_run)
		j->no_programs = "a dry run starts no programs";
}

/* Everything that is fresh, stale or resting, and where it stands then. */
static bool look(struct visit *v, struct err *e)
{
	struct run *r = v->pass->r;
	struct sync *s = &v->sync;

	if (!r->store->kind.select(r->store, s->mailbox,
	    !r->options->dry_run, &s->state, e))
		return false;
	if (s->state.read_only && !r->options->dry_run)
		return err_set(e, ERR_MESSAGE, "%.*s can only be read now; "
		    "what is new there stays new", STR_ARG(s->mailbox));
	if (!read_state(v, e) || !sync_choose(s, e))
		return false;
	r->baseline += s->baseline;
	if (s->uidvalidity_changed)
		log_line(LOG_WARN, "%s: UIDVALIDITY of %.*s changed from %"
		    PRIu32 " to %" PRIu32 "; mail is known again by its "
		    "identity", r->account->name, STR_ARG(s->mailbox),
		    s->before.uidvalidity, s->state.uidvalidity);
	return true;
}

/* ------------------------------------------------------------ portions */

typedef bool portion_fn(struct visit *v, struct err *e);

/* UIDs of a portion: where many are gone, a portion spans more of them. */
static uint64_t portion_uids(const struct visit *v)
{
	uint64_t batch = v->pass->r->store->kind.batch;
	uint64_t exists = v->sync.state.exists;
	uint64_t given = v->sync.state.uidnext;

	assert(batch > 0);	/* a store says what it bears */
	if (exists == 0)
		return UINT32_MAX;
	if (given <= exists)
		return batch;
	return batch * ((given + exists - 2) / exists);
}

/*
 * FN for the fresh ones, then the stale ones, a portion at a time; memory is
 * a portion's.  There is always one, if an empty one.
 */
static bool each_portion(struct visit *v, portion_fn *fn, struct err *e)
{
	uint64_t n = portion_uids(v);
	uint32_t fresh = 1, stale = 1;
	struct arena *arena = arena_new();
	bool ok = true;

	v->first = true;
	v->last = false;
	while (ok && !v->last) {
		arena_reset(arena);
		set_up_judge(v, &v->judge, arena);
		uidset_init(&v->fresh, arena);
		uidset_init(&v->stale, arena);
		uidset_head(&v->sync.fresh, fresh, n, &v->fresh);
		if (v->fresh.n)
			fresh = uidset_last(&v->fresh) + 1;
		else
			uidset_head(&v->sync.stale, stale, n, &v->stale);
		if (v->stale.n)
			stale = uidset_last(&v->stale) + 1;
		v->last = fresh > uidset_last(&v->sync.fresh) &&
		    stale > uidset_last(&v->sync.stale);
		ok = fn(v, e);
		v->first = false;
	}
	arena_free(&arena);
	return ok;
}

static bool judge_portion(struct visit *v, struct err *e)
{
	return judge_messages(&v->judge, &v->fresh, &v->stale, e);
}

static bool count_portion(struct visit *v, struct err *e)
{
	if (!judge_portion(v, e))
		return false;
	count_changes(v);
	return true;
}

/* ------------------------------------------------------------ on_error */

static int by_uid(const void *a, const void *b)
{
	const struct failure *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* Those of before, and what failed now. */
static void add_failures(struct judge *to, const struct judge *from,
    const struct act *a)
{
	size_t n = from->n_failures + a->n_failures;
	struct failure *list = arena_array(to->arena, n, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = i < from->n_failures ? from->failures[i] :
		    a->failures[i - from->n_failures];
	qsort(list, n, sizeof(*list), by_uid);
	to->failures = list;
	to->n_failures = n;
}

static int tries_before(const struct visit *v, uint32_t uid)
{
	for (size_t i = 0; i < v->n_pending; i++)
		if (v->pending[i].uid == uid)
			return v->pending[i].tries;
	return 0;
}

/* The messages in question; in the journal the fresh ones pend by now. */
static void choose_failed(const struct visit *v, const struct act *a,
    struct judge *j, struct uidset *fresh, struct uidset *stale)
{
	struct pending *pending = arena_array(j->arena, a->n_failures,
	    sizeof(*pending));
	struct uidset all;

	uidset_init(&all, j->arena);
	uidset_init(fresh, j->arena);
	uidset_init(stale, j->arena);
	for (size_t i = 0; i < a->n_failures; i++)
		uidset_add(&all, a->failures[i].uid);
	uidset_split(&all, &v->fresh, fresh, stale);
	j->pending = pending;
	j->n_pending = 0;
	for (size_t i = 0; i < fresh->n; i++)
		for (uint64_t uid = fresh->ranges[i].low;
		    uid <= fresh->ranges[i].high; uid++)
			pending[j->n_pending++] = (struct pending){
				.uidvalidity = j->uidvalidity,
				.uid = (uint32_t)uid,
				.tries = tries_before(v, (uint32_t)uid) + 1,
			};
}

#define ROUNDS	3	/* of failures that make other rules fail */

/*
 * Rules that failed say what to do then: their messages are judged once
 * more, as they are now, with that in the place of what failed.
 */
static bool act_on_errors(struct visit *v, struct act first, struct err *e)
{
	struct act a = first;
	bool ok = true;

	for (int round = 1; ok && a.n_failures && round <= ROUNDS; round++) {
		struct judge *j = arena_make(a.judge->arena, struct judge);
		struct act next = { .judge = j, .last = round == ROUNDS };
		struct uidset fresh, stale;

		set_up_judge(v, j, a.judge->arena);
		add_failures(j, a.judge, &a);
		choose_failed(v, &a, j, &fresh, &stale);
		ok = judge_messages(j, &fresh, &stale, e) &&
		    act(v, &next, NULL, e);
		report_plan(v->pass->r->report, j, false);
		a = next;
	}
	return ok;
}

static bool do_portion(struct visit *v, struct err *e)
{
	struct run *r = v->pass->r;
	struct act a = { .judge = &v->judge };
	struct checkpoint at;
	bool ok = true, stop = false;

	if (v->first && !r->options->dry_run)
		add_held(v);
	if (!judge_portion(v, e))
		return false;
	count_items(v);
	if (!v->counted) {
		count_changes(v);
		stop = brakes(v);
	}
	if (!stop && !r->options->dry_run)
		ok = act(v, &a, checkpoint(v, &at), e);
	say_unjudged(v);
	report_plan(r->report, &v->judge, stop || r->options->dry_run);
	return ok && act_on_errors(v, a, e);
}

static uint64_t uids_to_judge(const struct visit *v)
{
	return uidset_count(&v->sync.fresh) + uidset_count(&v->sync.stale);
}

/* A limit is about all portions: then they are judged twice, first to
 * count. */
static bool is_judged_twice(const struct visit *v)
{
	return has_limits(v->pass->r) && uids_to_judge(v) > portion_uids(v);
}

static bool visit_portions(struct visit *v, struct err *e)
{
	if (is_judged_twice(v)) {
		if (!each_portion(v, count_portion, e))
			return false;
		v->counted = true;
		if (brakes(v))
			return true;
	}
	return each_portion(v, do_portion, e);
}

/* The same, and how far it has come is seen.  UIDs may be of messages that
 * are gone. */
static bool visit_visibly(struct visit *v, struct err *e)
{
	uint64_t n = uids_to_judge(v);
	bool ok;

	if (n > v->sync.state.exists)
		n = v->sync.state.exists;
	progress_begin(str_of(v->pass->r->account->name), v->sync.mailbox,
	    is_judged_twice(v) ? 2 * n : n);
	ok = visit_portions(v, e);
	progress_end();
	return ok;
}

/* A rule that names no mailbox is about those of the account, or all mail:
 * one that only another rule names is none of its business. */
static const bool *due_here(struct pass *p, struct str mailbox, bool watched)
{
	size_t n = rules_count(p->r->rules);
	bool *due;

	if (watched || (p->all_mail.n && str_eq(mailbox, p->all_mail)))
		return p->due;
	due = arena_array(p->r->arena, n + 1, sizeof(*due));
	for (size_t i = 0; i < n; i++)
		due[i] = p->due[i] && rules_info(p->r->rules, i)->n_in;
	return due;
}

static struct quiet quiet_of(const struct visit *v)
{
	const struct run *r = v->pass->r;

	return (struct quiet){
		.arena = r->arena,
		.account = r->account,
		.rules = r->rules,
		.rules_version = r->rules_version,
		.journal = r->journal,
		.sweeps = v->pass->sweeps,
		.labels = r->store->kind.labels,
		.mailbox = v->sync.mailbox,
		.state = v->sync.state,
	};
}

/* A sweep that would find again what it found is left out. */
static bool skip_quiet(struct visit *v, struct err *e)
{
	struct quiet q = quiet_of(v);
	bool quiet = false;

	if (v->sync.stale.n == 0 || v->pass->r->options->dry_run)
		return true;
	if (!quiet_is_so(&q, &quiet, e))
		return false;
	if (quiet)
		uidset_init(&v->sync.stale, v->pass->r->arena);
	return true;
}

/* BEFORE is the run as it was: this mailbox wanted nothing if it is so still,
 * but for what was judged. */
static bool remember_quiet(struct visit *v, const struct run *before,
    struct err *e)
{
	const struct run *r = v->pass->r;
	struct quiet q = quiet_of(v);

	if (v->sync.stale.n == 0 || v->sync.sweep_cut ||
	    r->options->dry_run || r->options->max || r->braked ||
	    r->changed != before->changed || r->failed != before->failed ||
	    r->unknown != before->unknown || r->pending != before->pending)
		return true;
	return quiet_remember(&q, e);
}

static bool visit(struct pass *p, struct str mailbox, bool watched,
    struct err *e)
{
	struct run *r = p->r;
	struct run before;
	struct visit v = {
		.pass = p, .due = due_here(p, mailbox, watched),
		.asked = { .arena = r->arena },
	};

	for (size_t i = 0; i < rules_count(r->rules); i++)
		p->sweeps[i] = rule_sweeps(p, i, mailbox);
	v.sync = (struct sync){
		.arena = r->arena,
		.store = r->store,
		.options = r->options,
		.recovered = &p->recovered,
		.mailbox = mailbox,
		.watched = watched,
		.swept = is_swept(p, mailbox),
		.narrow = narrowed(p),
		.stateless = !r->journal,
		.now = r->now,
	};
	if (!look(&v, e) || !skip_quiet(&v, e))
		return false;
	if (v.sync.sweep_cut)
		miss(p, mailbox);
	if (!sync_is_needed(&v.sync))
		return true;
	if ((v.sync.fresh.n || v.sync.stale.n) && !find_places(p, e))
		return false;
	before = *r;
	if (!visit_visibly(&v, e) || !remember_quiet(&v, &before, e))
		return false;
	gmail_seen_add_all(&p->seen, r->arena, &v.seen);
	return true;
}

/* -------------------------------------------------------- the whole pass */

static void say_replaced(struct pass *p)
{
	const struct replace *w = &p->replace;
	const char *name = p->r->account->name;

	if (w->done + w->back)
		log_line(LOG_WARN, "%s: an earlier run was cut short while "
		    "it rewrote messages: %zu ended, %zu as they were", name,
		    w->done, w->back);
	if (w->held)
		log_line(LOG_WARN, "%s: of %zu rewritten messages it is not "
		    "known whether the server took them; later runs look, "
		    "for %" PRId64 " minutes at most", name, w->held,
		    (REPLACE_LATE * (int64_t)p->r->account->limits->late +
		    59) / 60);
	if (w->late)
		log_line(LOG_WARN, "%s: %zu copies of rewritten messages "
		    "landed late and were moved to Trash", name, w->late);
	for (size_t i = 0; i < w->n_rows; i++) {
		const struct replace_row *row = w->rows[i];

		if (row->state != REPLACE_AMBIGUOUS)
			continue;
		log_line(LOG_ERROR, "%s: %.*s: UID %" PRIu32 ": it may be "
		    "there twice, as it was and rewritten: %.*s", name,
		    STR_ARG(row->r.mailbox), row->r.uid,
		    STR_ARG(row->reason));
		p->r->failed++;
	}
}

static bool recover(struct pass *p, struct err *e)
{
	struct run *r = p->r;

	p->recovered = (struct recover){
		.arena = r->arena,
		.account = r->account,
		.store = r->store,
		.journal = r->journal,
		.now = r->now,
	};
	p->rewriter = (struct rewriter){
		.arena = r->arena,
		.account = r->account,
		.decrypt = r->decrypt,
		.state = r->journal ? journal_folder(r->journal) : NULL,
	};
	p->replace = (struct replace){
		.arena = r->arena,
		.account = r->account,
		.store = r->store,
		.journal = r->journal,
		.now = r->now,
		.transform = rewriter_copy,
		.transform_ctx = &p->rewriter,
	};
	if (!r->journal || r->options->dry_run)
		return true;
	p->recovered.replace = &p->replace;
	if (!recover_changes(&p->recovered, e))
		return false;
	if (p->recovered.n_changes)
		log_line(LOG_WARN, "%s: an earlier run was cut short: %zu "
		    "changes found done, %zu judged afresh, %zu unsure, %zu "
		    "waited for", r->account->name, p->recovered.done,
		    p->recovered.void_, p->recovered.unsure,
		    p->recovered.held);
	say_replaced(p);
	return true;
}

/* ------------------------------------------------------------- errands */

static bool set_up_errands(struct pass *p, struct err *e)
{
	static const struct config none;
	struct run *r = p->r;
	const struct config *config = r->config ? r->config : &none;

	p->errands = (struct errands){
		.arena = r->arena,
		.account = r->account,
		.config = config,
		.store = r->store,
		.journal = r->journal,
		.zone = r->zone,
		.now = r->now,
		.began_ms = r->began_ms,
	};
	p->channels = arena_array(r->arena, config->n_channels + 1,
	    sizeof(*p->channels));
	for (size_t i = 0; i < config->n_channels; i++)
		p->channels[i] = str_of(config->channels[i].name);
	return !r->journal || journal_since(r->journal,
	    &p->began.baseline_time, e);
}

static void say_errands(struct pass *p)
{
	for (size_t i = 0; i < p->errands.n_said; i++)
		log_line(LOG_WARN, "%s: %.*s", p->r->account->name,
		    STR_ARG(p->errands.said[i]));
	p->errands.n_said = 0;
}

/* What earlier runs kept for later. */
static bool do_late_errands(struct pass *p, struct err *e)
{
	bool late = false;

	if (!p->r->journal || p->r->options->dry_run)
		return true;
	if (p->recovered.untold)
		log_line(LOG_WARN, "%s: an earlier run was cut short while it "
		    "told somebody of %" PRIu64 " message%s: perhaps it did, "
		    "and it is not repeated", p->r->account->name,
		    p->recovered.untold, p->recovered.untold == 1 ? "" : "s");
	return errands_are_late(&p->errands, &late, e) && (!late ||
	    (begin_run(p, e) && errands_late(&p->errands, e)));
}

static bool do_batches(struct pass *p, struct err *e)
{
	return p->r->run_id == 0 || errands_batch(&p->errands, e);
}

static bool is_listed(const struct str *list, size_t n, struct str mailbox)
{
	for (size_t i = 0; i < n; i++)
		if (same_mailbox(list[i], mailbox))
			return true;
	return false;
}

static bool sweeps_everywhere(const struct pass *p, size_t rule)
{
	const struct rule_info *info = rules_info(p->r->rules, rule);

	return info->applies_to_all && info->n_in == 0 && p->due[rule] &&
	    rule_concerns(p->r, info);
}

/* On Gmail what is everywhere is in All Mail, unless that is hidden. */
static bool find_all_mail(struct pass *p, struct err *e)
{
	struct run *r = p->r;
	struct err mine = { 0 };
	bool wanted = false;

	for (size_t i = 0; i < rules_count(r->rules); i++)
		wanted |= sweeps_everywhere(p, i);
	if (!wanted || r->store->kind.labels != LABELS_GMAIL ||
	    r->options->mailboxes.n)
		return true;
	if (r->store->kind.special(r->store, STR_LIT(GMAIL_ALL),
	    &p->all_mail, &mine))
		return true;
	if (mine.kind != ERR_MESSAGE) {
		*e = mine;
		return false;
	}
	log_line(LOG_WARN, "%s: All Mail is hidden from IMAP: rules with "
	    "`applies_to: all` see the account's mailboxes only (Gmail's "
	    "settings, Labels, Show in IMAP)", r->account->name);
	return true;
}

/* The account's mailboxes, then those that only sweeps name. */
static size_t mailboxes(struct pass *p, struct str **list_out,
    size_t *n_watched_out)
{
	struct run *r = p->r;
	const struct options *o = r->options;
	size_t n = 0, cap = 0;
	struct str *list = NULL;

	if (o->mailboxes.n)
		for (size_t i = 0; i < o->mailboxes.n; i++) {
			arena_grow(r->arena, &list, n, &cap);
			list[n++] = str_of(o->mailboxes.v[i]);
		}
	else
		for (size_t i = 0; i < r->account->n_mailboxes; i++) {
			arena_grow(r->arena, &list, n, &cap);
			list[n++] = str_of(r->account->mailboxes[i]);
		}
	*n_watched_out = n;
	for (size_t i = 0; !o->mailboxes.n &&
	    i < rules_count(r->rules); i++) {
		const struct rule_info *info = rules_info(r->rules, i);

		for (size_t k = 0; info->applies_to_all && p->due[i] &&
		    rule_concerns(r, info) && k < info->n_in; k++)
			if (!is_listed(list, n, info->in[k])) {
				arena_grow(r->arena, &list, n, &cap);
				list[n++] = info->in[k];
			}
	}
	if (p->all_mail.n && !is_listed(list, n, p->all_mail)) {
		arena_grow(r->arena, &list, n, &cap);
		list[n++] = p->all_mail;
	}
	*list_out = list;
	return n;
}

static bool is_there(struct pass *p, struct str mailbox)
{
	const struct mailbox_info *list;
	struct err none = { 0 };
	size_t n;

	if (!p->r->store->kind.mailboxes(p->r->store, &list, &n, &none))
		return true;
	for (size_t i = 0; i < n; i++)
		if (same_mailbox(list[i].name, mailbox))
			return list[i].selectable;
	return false;
}

static bool visit_all(struct pass *p, struct err *e)
{
	struct str *list;
	size_t n_watched, n;

	if (!find_all_mail(p, e))
		return false;
	n = mailboxes(p, &list, &n_watched);
	p->many = n > 1;

	for (size_t i = 0; i < n; i++) {
		struct err mine = { 0 };

		if (visit(p, list[i], i < n_watched, &mine))
			continue;
		if (mine.kind != ERR_MESSAGE) {
			*e = mine;
			return false;
		}
		/* one mailbox that is not there does not stop the others;
		 * where there is nothing to sweep nothing is missed */
		if (i >= n_watched && !is_there(p, list[i])) {
			log_line(LOG_NOTE, "%s: %s", p->r->account->name,
			    mine.msg);
			continue;
		}
		log_err(p->r->account->name[0] ? p->r->account->name : NULL,
		    &mine);
		p->r->failed++;
		miss(p, list[i]);
	}
	return true;
}

bool run_account(struct run *r, struct err *e)
{
	struct pass p = { .r = r };
	size_t n = rules_count(r->rules);
	bool ok;

	r->began_ms = clock_ms();
	p.due = arena_array(r->arena, n + 1, sizeof(*p.due));
	p.sweeps = arena_array(r->arena, n + 1, sizeof(*p.sweeps));
	p.missed = arena_array(r->arena, n + 1, sizeof(*p.missed));
	p.changes = arena_array(r->arena, n + 1, sizeof(*p.changes));
	p.table = arena_array(r->arena, n + 1, sizeof(*p.table));
	for (size_t i = 0; i < n; i++)
		p.table[i].name = rules_info(r->rules, i)->name;
	ok = find_due(&p, e) && set_up_errands(&p, e) && recover(&p, e) &&
	    do_late_errands(&p, e) && visit_all(&p, e) && do_batches(&p, e);
	say_errands(&p);
	replace_close(&p.replace);
	if (!ok)
		return false;
	if (r->options->dry_run)
		report_rules(r->report, str_of(r->account->name), p.table, n);
	else if (r->journal && !r->braked && !set_rule_times(&p, e))
		return false;
	return true;
}
