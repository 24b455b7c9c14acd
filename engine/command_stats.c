/* stats: what the journal tells, counted.  Connects to nothing. */
#include "command.h"

#include "journal.h"
#include "log.h"
#include "stats.h"

static bool is_for(const struct rule_info *info, const char *account)
{
	for (size_t i = 0; i < info->n_accounts; i++)
		if (str_eq_z(info->accounts[i], account))
			return true;
	return info->n_accounts == 0;
}

/* Rules that are in force there. */
static int know_rules(struct command_context *c, const struct config *config,
    const struct account *account, struct stats *s)
{
	int code = EXIT_DONE;
	const struct rules *rules = command_rules(c, config, account, &code);

	for (size_t i = 0; rules && i < rules_count(rules); i++) {
		const struct rule_info *info = rules_info(rules, i);

		if (info->enabled && is_for(info, account->name))
			stats_know(s, info->name);
	}
	return code;
}

static int count_account(struct command_context *c,
    const struct config *config, const struct account *account,
    struct report_stats *out)
{
	const struct history_query q = { .since = c->options->since };
	struct stats *s = stats_make(c->arena, c->zone);
	int code = know_rules(c, config, account, s);
	struct journal *j = NULL;
	struct err e = { 0 };

	if (!journal_open(command_state(c, config, account),
	    account_owner(c->arena, account), JOURNAL_READ, c->now, &j, &e) ||
	    !journal_runs(j, q.since, stats_run, s, &e) ||
	    !journal_history(j, &q, stats_change, s, &e)) {
		code = exit_worst(code, exit_of(e.kind));
		log_err(account->name, &e);
	}
	journal_close(&j);
	stats_end(s);
	*out = (struct report_stats){ str_of(account->name), s };
	return code;
}

int command_stats(struct command_context *c)
{
	const struct config *config;
	const struct account **list;
	struct report_stats *stats;
	size_t n;
	int code = EXIT_DONE;

	config = command_config(c, &code);
	if (!config || !command_accounts(c, config, &list, &n, &code))
		return code;
	command_preload(c, config, list, n);
	stats = arena_array(c->arena, n + 1, sizeof(*stats));
	for (size_t i = 0; i < n; i++)
		code = exit_worst(code, count_account(c, config, list[i],
		    &stats[i]));
	if (n == 0)
		log_line(LOG_WARN, "there is no account");
	else if (c->options->html)
		report_stats_page(c->report, stats, n, c->now);
	else
		report_stats(c->report, stats, n);
	return code;
}
