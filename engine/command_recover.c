#include "accounts.h"

#include "log.h"
#include "recover.h"

static void tell(struct command_context *c, const struct account *account,
    const struct recover *r)
{
	const struct report_recovered x = {
		.account = str_of(account->name), .changes = r->n_changes,
		.done = r->done, .void_ = r->void_, .unsure = r->unsure,
		.waiting = r->held,
	};
	struct run_record none = { 0 };

	for (size_t i = 0; i < r->n_changes; i++)
		report_history(c->report, x.account, &r->changes[i], &none);
	report_recovered(c->report, &x);
}

static int recover_account(struct command_context *c,
    const struct config *config, const struct account *account)
{
	struct err e = { 0 };
	struct store *store = NULL;
	struct journal *journal = NULL;
	struct recover r = {
		.arena = arena_new(),
		.account = account,
		.now = c->now,
		.dry_run = c->options->dry_run,
	};
	int code = EXIT_DONE;

	if (!journal_open(command_state(c, config, account),
	    account_owner(r.arena, account), r.dry_run ? JOURNAL_READ :
	    JOURNAL_WRITE, c->now, &journal, &e) ||
	    !accounts_open_store(r.arena, account, journal, &store, &e))
		goto out;
	r.store = store;
	r.journal = journal;
	if (!recover_changes(&r, &e))
		goto out;
	tell(c, account, &r);
	if (r.unsure)
		code = EXIT_SOME_FAILED;
	else if (r.held)
		code = EXIT_LATER;
	else if (r.dry_run && r.n_changes)
		code = EXIT_FOUND;
out:
	if (e.kind) {
		log_err(account->name, &e);
		code = exit_of(e.kind);
	}
	store_close(&store);
	journal_close(&journal);
	arena_free(&r.arena);
	return code;
}

int command_recover(struct command_context *c)
{
	const struct config *config;
	const struct account **list;
	size_t n;
	int code = EXIT_DONE;

	config = command_config(c, &code);
	if (!config || !command_accounts(c, config, &list, &n, &code))
		return code;
	return accounts_each(c, config, list, n, recover_account);
}
