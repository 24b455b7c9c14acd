#include "accounts.h"

#include "log.h"
#include "recover.h"

/* As the change that it belongs to; not settled, how far it has come. */
static struct change change_of(const struct replace_row *p)
{
	static const enum change_state states[] = {
		[REPLACE_DONE] = CHANGE_DONE, [REPLACE_SAME] = CHANGE_DONE,
		[REPLACE_FAILED] = CHANGE_FAILED,
		[REPLACE_VOID] = CHANGE_VOID,
		[REPLACE_AMBIGUOUS] = CHANGE_UNSURE,
		[REPLACE_UNDONE] = CHANGE_UNDONE,
	};

	return (struct change){
		.run = p->run, .mailbox = p->r.mailbox,
		.uidvalidity = p->r.uidvalidity, .uid = p->r.uid,
		.id_of = p->r.id, .from = p->from, .subject = p->subject,
		.rules = p->rules, .kind = OP_REPLACE, .what = p->what,
		.dest_uid = p->r.uid_after, .state = states[p->state],
		.reason = p->state >= REPLACE_SETTLED || p->reason.n ?
		    p->reason : str_of(replace_state_name(p->state)),
	};
}

static void tell(struct command_context *c, const struct account *account,
    const struct recover *r)
{
	const struct replace *w = r->replace;
	const struct report_recovered x = {
		.account = str_of(account->name),
		.changes = r->n_changes + w->n_rows,
		.done = r->done + w->done, .void_ = r->void_ + w->back,
		.unsure = r->unsure + w->ambiguous,
		.waiting = r->held + w->held, .late = w->late,
	};
	struct run_record none = { 0 };

	for (size_t i = 0; i < r->n_changes; i++)
		report_history(c->report, x.account, &r->changes[i], &none);
	for (size_t i = 0; i < w->n_rows; i++) {
		struct change change = change_of(w->rows[i]);

		report_history(c->report, x.account, &change, &none);
	}
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
	struct replace replace = { .arena = r.arena, .account = account,
	    .now = c->now };
	int code = EXIT_DONE;

	if (!journal_open(command_state(c, config, account),
	    account_owner(r.arena, account), r.dry_run ? JOURNAL_READ :
	    JOURNAL_WRITE, c->now, &journal, &e) ||
	    !accounts_open_store(r.arena, account, journal, &store, &e))
		goto out;
	r.store = replace.store = store;
	r.journal = replace.journal = journal;
	r.replace = &replace;
	if (!recover_changes(&r, &e))
		goto out;
	tell(c, account, &r);
	if (r.unsure + replace.ambiguous)
		code = EXIT_SOME_FAILED;
	else if (r.held || (replace.held && !r.dry_run))
		code = EXIT_LATER;
	else if (r.dry_run && r.n_changes + replace.n_rows)
		code = EXIT_FOUND;
out:
	if (e.kind) {
		log_err(account->name, &e);
		code = exit_of(e.kind);
	}
	replace_close(&replace);
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
