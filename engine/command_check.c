#include "command.h"

#include "log.h"

/* The mailboxes of the accounts that use FILES, and those that sweeps name. */
static void lint_mailboxes(struct command_context *c,
    const struct config *config, struct command_files files,
    const struct rules *rules, struct problems *ps)
{
	struct str *list = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < config->n_accounts; i++) {
		const struct account *a = &config->accounts[i];

		if (!command_same_files(command_files(c, config, a), files))
			continue;
		for (size_t k = 0; k < a->n_mailboxes; k++) {
			arena_grow(c->arena, &list, n, &cap);
			list[n++] = str_of(a->mailboxes[k]);
		}
	}
	if (n == 0)
		return;
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule_info *info = rules_info(rules, i);

		for (size_t k = 0; info->applies_to_all && k < info->n_in;
		    k++) {
			arena_grow(c->arena, &list, n, &cap);
			list[n++] = info->in[k];
		}
	}
	rules_lint_mailboxes(rules, list, n, ps);
}

/* What a server has found out tells something where one knows which server. */
static void warn_of_trust(struct command_context *c,
    const struct config *config, struct command_files files,
    const struct rules *rules, struct problems *ps)
{
	for (size_t i = 0; i < config->n_accounts; i++) {
		const struct account *a = &config->accounts[i];
		struct pos pos;

		if (!a->trusted_authserv && command_same_files(files,
		    command_files(c, config, a)) &&
		    rules_read_authserv(rules, str_of(a->name), &pos))
			warning(ps, pos, "the account `%s` has no "
			    "`trusted_authserv`: this is unknown there",
			    a->name);
	}
}

static void check_program(struct command_context *c,
    const struct config *config, struct command_files files,
    struct problems *all, struct report_check *sum)
{
	const struct source *const *sources;
	struct problems ps;
	const struct rules *rules;

	problems_init(&ps, c->arena);
	rules = command_load(c, config, files, &ps);
	if (rules) {
		lint_mailboxes(c, config, files, rules, &ps);
		warn_of_trust(c, config, files, rules, &ps);
	}
	command_join(all, &ps);
	if (!rules)
		return;
	sum->files += rules_sources(rules, &sources);
	sum->rules += rules_count(rules);
	sum->tests += rules_test_count(rules);
}

/* The rest is done with an empty config after a bad one: rule files named
 * by -r can be checked all the same. */
static const struct config *read_config(struct command_context *c,
    struct problems *all)
{
	struct err e = { 0 };
	const struct config *config = config_load(c->arena,
	    c->options->config, all, &e);

	if (e.kind)
		problem(all, (struct pos){ 0 }, "%s", e.msg);
	return config ? config : arena_make(c->arena, struct config);
}

int command_check(struct command_context *c)
{
	struct problems all;
	struct report_check sum = { 0 };
	struct command_files *programs;
	const struct config *config;
	size_t n;
	int code = EXIT_DONE;

	problems_init(&all, c->arena);
	config = read_config(c, &all);
	if (all.errors == 0 && !command_programs(c, config, &programs, &n,
	    &code))
		return code;
	if (all.errors > 0) {
		programs = arena_make(c->arena, struct command_files);
		programs[0] = command_files(c, config, NULL);
		n = programs[0].n > 0;
	}
	for (size_t i = 0; i < n; i++)
		check_program(c, config, programs[i], &all, &sum);
	if (n == 0 && all.errors == 0)
		warning(&all, (struct pos){ 0 }, "there are no rules to "
		    "check: name a file with -r, or under `rules:` in the "
		    "config");
	report_problems(c->report, &all, true);
	sum.errors = all.errors;
	sum.warnings = all.warnings;
	report_check(c->report, &sum);
	if (all.errors > 0 || (c->options->strict && all.warnings > 0))
		return EXIT_FOUND;
	return EXIT_DONE;
}
