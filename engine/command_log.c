/*
 * log and why: what the journal tells.  Nothing here changes anything or
 * connects to anything.
 */
#include "command.h"

#include <string.h>

#include "journal.h"
#include "log.h"

struct telling {
	struct command_context *c;
	struct str account;
	struct journal *journal;
	uint64_t told;
	/* log: the runs are listed first, their changes then one by one */
	struct run_record *runs;
	size_t n_runs, cap_runs;
	const struct run_record *run;	/* to be told before its changes */
	struct arena *arena;
};

static bool go_on(const struct telling *t, struct err *e)
{
	return !report_broken(t->c->report) ||
	    err_set(e, ERR_STATE, "standard output is closed");
}

typedef bool tell_fn(struct telling *t, void *arg, struct err *e);

/* FN for the journal of one account. */
static int tell_account(struct command_context *c,
    const struct config *config, const struct account *account, tell_fn *fn,
    void *arg, uint64_t *told)
{
	struct telling t = { .c = c, .account = str_of(account->name) };
	struct err e = { 0 };
	int code = EXIT_DONE;

	t.arena = arena_new();
	if ((!journal_open(command_state(c, config, account),
	    account_owner(t.arena, account), JOURNAL_READ, c->now,
	    &t.journal, &e) || !fn(&t, arg, &e)) &&
	    !report_broken(c->report)) {
		code = exit_of(e.kind);
		log_err(account->name, &e);
	}
	journal_close(&t.journal);
	arena_free(&t.arena);
	*told += t.told;
	return code;
}

/* ------------------------------------------------------------------ log */

static bool keep_run(void *ctx, const struct run_record *r, struct err *e)
{
	struct telling *t = ctx;

	(void)e;
	arena_grow(t->arena, &t->runs, t->n_runs, &t->cap_runs);
	t->runs[t->n_runs] = *r;
	t->runs[t->n_runs].rules_version = arena_str(t->arena,
	    r->rules_version);
	t->n_runs++;
	return true;
}

static void tell_run(struct telling *t)
{
	if (!t->run)
		return;
	report_past_run(t->c->report, t->account, t->run);
	t->run = NULL;
	t->told++;
}

static bool tell_change(void *ctx, const struct change *change,
    const struct run_record *r, struct err *e)
{
	struct telling *t = ctx;

	tell_run(t);
	report_history(t->c->report, t->account, change, r);
	return go_on(t, e);
}

static bool worth_telling(const struct telling *t,
    const struct run_record *r)
{
	const struct options *o = t->c->options;

	if (o->rule)
		return false;	/* only above a change of that rule */
	return o->verbose > 0 || o->json || r->judged > 0 || r->failed > 0 ||
	    r->exit_code != 0 || r->ended == 0;
}

static bool log_account(struct telling *t, void *arg, struct err *e)
{
	const struct options *o = t->c->options;

	(void)arg;
	if (!journal_runs(t->journal, o->since, keep_run, t, e))
		return false;
	for (size_t i = 0; i < t->n_runs; i++) {
		struct history_query q = {
			.since = TIME_NONE,
			.run = t->runs[i].id,
			.rule = str_of(o->rule),
		};

		t->run = &t->runs[i];
		if (worth_telling(t, t->run))
			tell_run(t);
		if (!journal_history(t->journal, &q, tell_change, t, e) ||
		    !go_on(t, e))
			return false;
	}
	return true;
}

int command_log(struct command_context *c)
{
	const struct config *config;
	const struct account **list;
	uint64_t told = 0;
	size_t n;
	int code = EXIT_DONE;

	config = command_config(c, &code);
	if (!config || !command_accounts(c, config, &list, &n, &code))
		return code;
	for (size_t i = 0; i < n; i++)
		code = exit_worst(code, tell_account(c, config, list[i],
		    log_account, NULL, &told));
	if (told == 0 && code == EXIT_DONE)
		log_line(LOG_WARN, "%s", n == 0 ? "there is no account" :
		    "the journal has nothing to tell");
	return code;
}

/* ------------------------------------------------------------------ why */

/*
 * ACCOUNT:MAILBOX:UID with a configured account in front; a mailbox may have
 * colons in it.  Anything else is a Message-ID.
 */
static bool read_position(const struct config *config, struct str text,
    const struct account **account_out, struct history_query *q)
{
	size_t first = str_find_char(text, 0, ':'), last = text.n;
	uint64_t uid;

	while (last > first && text.p[last - 1] != ':')
		last--;
	if (first == text.n || last <= first + 1 ||
	    !str_u64(str_sub(text, last, text.n), UINT32_MAX, &uid) ||
	    uid == 0)
		return false;
	for (size_t i = 0; i < config->n_accounts; i++) {
		const struct account *a = &config->accounts[i];

		if (!str_eq_z(str_sub(text, 0, first), a->name))
			continue;
		*account_out = a;
		q->mailbox = str_sub(text, first + 1, last - first - 2);
		if (str_ieq_z(q->mailbox, "INBOX"))
			q->mailbox = STR_LIT("INBOX");
		q->uid = (uint32_t)uid;
		return q->mailbox.n > 0;
	}
	return false;
}

static struct str without_brackets(struct str id)
{
	id = str_trim(id);
	if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
		return str_sub(id, 1, id.n - 2);
	return id;
}

static bool tell_full(void *ctx, const struct change *change,
    const struct run_record *r, struct err *e)
{
	struct telling *t = ctx;

	report_history_full(t->c->report, t->account, change, r);
	t->told++;
	return go_on(t, e);
}

/*
 * A position is where the message was, or where a move or copy put it; its
 * other changes, in other mailboxes, are known by its identity.
 */
struct position {
	struct telling *t;
	const struct history_query *at;
	uint8_t (*digests)[sizeof(((struct identity *)0)->digest)];
	size_t n, cap;
};

static bool is_at(const struct history_query *at, const struct change *c)
{
	if (c->uid == at->uid && str_eq(c->mailbox, at->mailbox))
		return true;
	return (c->kind == OP_MOVE || c->kind == OP_COPY) &&
	    c->dest_uid == at->uid && str_eq(c->what, at->mailbox);
}

static bool is_one_of(const struct position *p, const uint8_t *digest)
{
	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->digests[i], digest, sizeof(p->digests[i])) == 0)
			return true;
	return false;
}

static bool keep_identity(void *ctx, const struct change *change,
    const struct run_record *r, struct err *e)
{
	static const uint8_t unknown[sizeof(change->id_of.digest)];
	struct position *p = ctx;
	const uint8_t *digest = change->id_of.digest;

	(void)r;
	(void)e;
	if (!is_at(p->at, change) || is_one_of(p, digest) ||
	    memcmp(digest, unknown, sizeof(unknown)) == 0)
		return true;
	arena_grow(p->t->arena, &p->digests, p->n, &p->cap);
	memcpy(p->digests[p->n++], digest, sizeof(unknown));
	return true;
}

static bool tell_position(void *ctx, const struct change *change,
    const struct run_record *r, struct err *e)
{
	struct position *p = ctx;

	if (!is_at(p->at, change) &&
	    !is_one_of(p, change->id_of.digest))
		return true;
	return tell_full(p->t, change, r, e);
}

static bool why_account(struct telling *t, void *arg, struct err *e)
{
	const struct history_query all = { .since = TIME_NONE };
	const struct history_query *q = arg;
	struct position p = { .t = t, .at = q };

	if (q->uid == 0)
		return journal_history(t->journal, q, tell_full, t, e);
	return journal_history(t->journal, &all, keep_identity, &p, e) &&
	    journal_history(t->journal, &all, tell_position, &p, e);
}

int command_why(struct command_context *c)
{
	struct history_query q = { .since = TIME_NONE };
	struct str message = str_of(c->options->operands[0]);
	const struct account *only = NULL;
	const struct config *config;
	const struct account **list;
	uint64_t told = 0;
	size_t n;
	int code = EXIT_DONE;

	config = command_config(c, &code);
	if (!config || !command_accounts(c, config, &list, &n, &code))
		return code;
	if (!read_position(config, message, &only, &q))
		q.message_id = without_brackets(message);
	if (!only && q.message_id.n == 0) {
		log_line(LOG_ERROR, "why needs a Message-ID, or "
		    "ACCOUNT:MAILBOX:UID");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < n; i++)
		if (!only || list[i] == only)
			code = exit_worst(code, tell_account(c, config,
			    list[i], why_account, &q, &told));
	if (told > 0 || code != EXIT_DONE)
		return code;
	log_line(LOG_WARN, "nothing was done to %s, as far as the journal "
	    "goes back", c->options->operands[0]);
	return EXIT_FOUND;
}
