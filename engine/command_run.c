/*
 * run: one pass over each account, or the messages of a SOURCE.
 */
#include "accounts.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "replace.h"
#include "run.h"

/* --------------------------------------------------------------- result */

static int exit_of_run(const struct run *r)
{
	int code = EXIT_DONE;

	if (r->options->dry_run && r->would_change)
		code = EXIT_FOUND;
	if (r->failed)
		code = exit_worst(code, EXIT_SOME_FAILED);
	if (r->braked)
		code = exit_worst(code, EXIT_BRAKE);
	return code;
}

static void report_result(struct run *r, int64_t started_ms, int code,
    const struct err *e, bool said)
{
	struct report_run x = {
		.account = str_of(r->account->name),
		.run = r->run_id,
		.dry_run = r->options->dry_run,
		.judged = r->judged,
		.changed = r->options->dry_run ? r->would_change :
		    r->changed,
		.failed = r->failed,
		.unknown = r->unknown,
		.pending = r->pending,
		.baseline = r->baseline,
		.seconds = (double)(clock_ms() - started_ms) / 1000,
		.exit_code = code,
		.error = e->kind ? str_of(e->msg) : STR_EMPTY,
		.unsaid = !said,
	};

	if (r->store) {
		x.turns = r->store->turns;
		x.octets_in = r->store->octets_in;
		x.octets_out = r->store->octets_out;
	}
	report_run(r->report, &x);
}

static bool end_run(struct run *r, int code, struct err *e)
{
	struct run_record record = {
		.id = r->run_id,
		.ended = clock_now(),
		.judged = (uint32_t)r->judged,
		.changed = (uint32_t)r->changed,
		.failed = (uint32_t)r->failed,
		.unknown = (uint32_t)r->unknown,
		.exit_code = code,
	};

	return r->run_id == 0 || journal_run_end(r->journal, &record, e);
}

/*
 * In cron nobody wants a mail for each hiccup of a network: it is silent
 * until the trouble has lasted for alert_after.  On a terminal it is said.
 * False: it was not.
 */
static bool say_error(struct run *r, const struct config *config,
    const struct err *e)
{
	int64_t since = 0;
	struct err ignored = { 0 };

	if (e->kind == ERR_TEMP && r->journal && !r->options->dry_run &&
	    !isatty(STDERR_FILENO)) {
		if (!journal_note_get(r->journal, "trouble_since", &since,
		    &ignored))
			since = 0;
		if (since == 0 && journal_note_set(r->journal,
		    "trouble_since", r->now, &ignored))
			since = r->now;
		if (since && r->now - since < config->alert_after) {
			log_line(LOG_NOTE, "%s: %s", r->account->name,
			    e->msg);
			return log_wants(LOG_NOTE);
		}
	}
	log_err(r->account->name, e);
	return true;
}

static void trouble_is_over(struct run *r)
{
	struct err ignored = { 0 };
	int64_t since = 0;

	if (r->journal && !r->options->dry_run &&
	    journal_note_get(r->journal, "trouble_since", &since,
	    &ignored) && since && !journal_note_set(r->journal,
	    "trouble_since", 0, &ignored))
		log_err(r->account->name, &ignored);
}

/* ---------------------------------------------------------- one account */

static bool forget(struct run *r, int64_t before, struct err *e)
{
	struct replace w = { .arena = r->arena, .account = r->account,
	    .journal = r->journal, .now = r->now };
	bool ok = replace_forget(&w, before, e) &&
	    journal_prune(r->journal, before, e);

	replace_close(&w);
	return ok;
}

/* With the lock held and the server there. */
static bool pass_over(struct run *r, const struct config *config,
    struct err *e)
{
	if (!accounts_open_store(r->arena, r->account, r->journal, &r->store, e) ||
	    !run_account(r, e))
		return false;
	return r->options->dry_run || forget(r, r->now - config->keep, e);
}

static int one_account(struct command_context *c,
    const struct config *config, const struct account *account)
{
	int64_t started = clock_ms();
	struct err e = { 0 };
	struct run r = {
		.arena = arena_new(),
		.config = config,
		.account = account,
		.options = c->options,
		.report = c->report,
		.now = c->now,
		.zone = c->zone,
	};
	int code = EXIT_DONE;
	bool said = true;

	r.rules = command_rules(c, config, account, &code);
	if (!r.rules)
		goto out;
	r.rules_version = run_rules_version(r.arena, r.rules);
	r.decrypt = decrypt_make(r.arena, account, r.now);
	if (account->insecure)
		log_line(LOG_WARN, "%s: `insecure: true`: whoever answers is "
		    "taken for the server", account->name);
	if (journal_open(command_state(c, config, account),
	    account_owner(r.arena, account), c->options->dry_run ?
	    JOURNAL_READ : JOURNAL_WRITE, c->now, &r.journal, &e) &&
	    pass_over(&r, config, &e)) {
		trouble_is_over(&r);
		code = exit_of_run(&r);
	} else {
		code = exit_worst(exit_of_run(&r), exit_of(e.kind));
	}
	if (r.journal && !c->options->dry_run && !end_run(&r, code, &e))
		code = exit_worst(code, exit_of(e.kind));
	if (e.kind)
		said = say_error(&r, config, &e);
	report_result(&r, started, code, &e, said);
out:
	store_close(&r.store);
	journal_close(&r.journal);
	arena_free(&r.arena);
	return code;
}

/* ------------------------------------------------------------- a SOURCE */

static bool is_maildir(const char *path)
{
	char cur[4096];
	struct stat st;

	return snprintf(cur, sizeof(cur), "%s/cur", path) <
	    (int)sizeof(cur) && stat(cur, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What a message of a file is judged as: an account with the defaults. */
static const struct account *source_account(struct arena *a,
    const struct config *config, const char *path)
{
	static const char *const inbox[] = { "INBOX" };
	struct account *account = arena_make(a, struct account);

	account->name = "";
	account->kind = ACCOUNT_MAILDIR;
	account->maildir = path;
	account->mailboxes = inbox;
	account->n_mailboxes = 1;
	account->limits = &config->limits;
	return account;
}

static bool open_source(struct run *r, const struct config *config,
    const char *const *paths, size_t n, struct err *e)
{
	if (n == 1 && is_maildir(paths[0]))
		return store_maildir_open(r->arena, paths[0], r->account,
		    NULL, &r->store, e);
	if (!store_files_open(r->arena, paths, n, config->limits.message,
	    &r->store, e))
		return false;
	if (!r->options->dry_run)
		return err_set(e, ERR_USAGE, "%s: files are only read; add "
		    "--dry-run, or see `tamis explain`", paths[0]);
	return true;
}

static int one_source(struct command_context *c, const struct config *config,
    const struct rules *rules, const char *const *paths, size_t n)
{
	int64_t started = clock_ms();
	struct err e = { 0 };
	struct run r = {
		.arena = arena_new(),
		.config = config,
		.rules = rules,
		.options = c->options,
		.report = c->report,
		.now = c->now,
		.zone = c->zone,
	};
	int code;

	r.account = source_account(r.arena, config, paths[0]);
	r.decrypt = decrypt_make(r.arena, r.account, r.now);
	if (open_source(&r, config, paths, n, &e) && run_account(&r, &e))
		code = exit_of_run(&r);
	else
		code = exit_worst(exit_of_run(&r), exit_of(e.kind));
	if (e.kind)
		log_err(NULL, &e);
	report_result(&r, started, code, &e, true);
	store_close(&r.store);
	arena_free(&r.arena);
	return code;
}

/* Maildirs one by one, all files together. */
static int sources(struct command_context *c, const struct config *config)
{
	const struct options *o = c->options;
	const char **files = arena_array(c->arena, o->n_operands + 1,
	    sizeof(*files));
	const struct rules *rules;
	size_t n = 0;
	int code = EXIT_DONE;

	rules = command_rules(c, config, NULL, &code);
	if (!rules)
		return code;
	for (size_t i = 0; i < o->n_operands; i++)
		if (is_maildir(o->operands[i]))
			code = exit_worst(code, one_source(c, config, rules,
			    &o->operands[i], 1));
		else
			files[n++] = o->operands[i];
	if (n)
		code = exit_worst(code, one_source(c, config, rules, files,
		    n));
	return code;
}

int command_run(struct command_context *c)
{
	const struct config *config;
	const struct account **list;
	size_t n;
	int code = EXIT_DONE;

	config = command_config(c, &code);
	if (!config)
		return code;
	if (c->options->n_operands)
		return sources(c, config);
	if (!command_accounts(c, config, &list, &n, &code))
		return code;
	if (n == 0) {
		log_line(LOG_ERROR, "there is no account to run over: name a "
		    "SOURCE (a Maildir, mbox or .eml file), or write %s",
		    config->path ? "an account into the config" :
		    "a config (see tamis-config(5))");
		return EXIT_USAGE;
	}
	command_preload(c, config, list, n);
	return accounts_each(c, config, list, n, one_account);
}
