/*
 * undo: takes back what a run has done, or what a rule wanted since then.
 */
#include "accounts.h"

#include "log.h"
#include "recover.h"
#include "undo.h"

static const char *state_of(enum undo_outcome outcome)
{
	switch (outcome) {
	case UNDO_WOULD: return "would";
	case UNDO_DONE: return "done";
	case UNDO_FAILED: return "failed";
	case UNDO_CANNOT: return "left";
	}
	return "left";
}

static void report_undone(struct command_context *c,
    const struct account *account, const struct undo *u)
{
	for (size_t i = u->n_items; i-- > 0; )
		report_undo(c->report, str_of(account->name),
		    &u->items[i].change, state_of(u->items[i].outcome),
		    u->items[i].reason);
	report_text(c->report, "%s: %zu changes, %zu %s back, %zu not\n",
	    account->name, u->n_items, u->dry_run ? u->n_items - u->failed :
	    u->done, u->dry_run ? "would be taken" : "taken", u->failed);
}

/* What an earlier run left comes first. */
static bool recover_first(struct command_context *c, struct recover *r,
    struct err *e)
{
	if (!recover_changes(r, e))
		return false;
	if (r->held + r->replace->held == 0 || c->options->dry_run)
		return true;
	return err_set(e, ERR_TEMP, "something that an earlier run sent was "
	    "not answered and may still land; try again later");
}

static int undo_account(struct command_context *c,
    const struct config *config, const struct account *account)
{
	const struct options *o = c->options;
	struct err e = { 0 };
	struct replace replace = { .arena = arena_new(), .account = account,
	    .now = c->now };
	struct recover r = { .arena = replace.arena, .account = account,
	    .now = c->now, .dry_run = o->dry_run, .replace = &replace };
	struct undo u = { .arena = replace.arena, .account = account,
	    .now = c->now, .dry_run = o->dry_run, .replace = &replace };
	uint64_t run = 0;
	int code = EXIT_DONE;
	bool ok;

	if (o->n_operands && !str_u64(str_of(o->operands[0]), INT64_MAX,
	    &run)) {
		log_line(LOG_ERROR, "undo needs the number of a run, as log "
		    "shows it");
		arena_free(&u.arena);
		return EXIT_USAGE;
	}
	u.query = (struct history_query){ .rule = str_of(o->rule),
	    .since = o->n_operands ? TIME_NONE : o->since,
	    .run = (int64_t)run };
	ok = journal_open(command_state(c, config, account),
	    account_owner(u.arena, account), o->dry_run ? JOURNAL_READ :
	    JOURNAL_WRITE, c->now, &u.journal, &e) &&
	    accounts_open_store(u.arena, account, u.journal, &u.store, &e);
	replace.store = r.store = u.store;
	replace.journal = r.journal = u.journal;
	ok = ok && recover_first(c, &r, &e) && undo_changes(&u, &e);
	if (u.n_items)
		report_undone(c, account, &u);
	if (ok && u.run)
		ok = journal_run_end(u.journal, &(struct run_record){
		    .id = u.run, .ended = c->now,
		    .changed = (uint32_t)u.done,
		    .failed = (uint32_t)u.failed }, &e);
	if (!ok) {
		log_err(account->name, &e);
		code = exit_of(e.kind);
	} else if (u.n_items == 0) {
		log_line(LOG_WARN, "%s: the journal knows of nothing that "
		    "could be taken back", account->name);
		code = EXIT_FOUND;
	} else if (u.failed) {
		code = EXIT_SOME_FAILED;
	} else if (o->dry_run) {
		code = EXIT_FOUND;
	}
	replace_close(&replace);
	store_close(&u.store);
	journal_close(&u.journal);
	arena_free(&u.arena);
	return code;
}

int command_undo(struct command_context *c)
{
	const struct options *o = c->options;
	const struct config *config;
	const struct account **list;
	size_t n;
	int code = EXIT_DONE;

	if ((o->n_operands == 0) == (o->rule == NULL)) {
		log_line(LOG_ERROR, "undo needs the number of a run, or "
		    "--rule with --since");
		return EXIT_USAGE;
	}
	if (o->rule && o->since == TIME_NONE) {
		log_line(LOG_ERROR, "undo --rule needs --since");
		return EXIT_USAGE;
	}
	config = command_config(c, &code);
	if (!config || !command_accounts(c, config, &list, &n, &code))
		return code;
	/* numbers of runs are an account's own */
	if (o->n_operands && n > 1) {
		log_line(LOG_ERROR, "runs are numbered for each account: "
		    "name one with -a");
		return EXIT_USAGE;
	}
	return accounts_each(c, config, list, n, undo_account);
}
