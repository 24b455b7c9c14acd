#include "command.h"

#include <string.h>

#include "log.h"

const struct config *command_config(struct command_context *c,
    int *exit_out)
{
	const struct config *config;
	struct problems ps;
	struct err e = { 0 };

	problems_init(&ps, c->arena);
	config = config_load(c->arena, c->options->config, &ps, &e);
	report_problems(c->report, &ps, false);
	if (e.kind)
		log_err(NULL, &e);
	if (!config)
		*exit_out = EXIT_CONFIG;
	return config;
}

static bool is_chosen(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->accounts.n; i++)
		if (strcmp(o->accounts.v[i], name) == 0)
			return true;
	return o->accounts.n == 0;
}

static bool unknown_account(struct command_context *c,
    const struct config *config, const char *name)
{
	const char **names = arena_array(c->arena, config->n_accounts + 1,
	    sizeof(*names));
	const char *near;

	for (size_t i = 0; i < config->n_accounts; i++)
		names[i] = config->accounts[i].name;
	near = nearest(str_of(name), names, config->n_accounts);
	if (near)
		log_line(LOG_ERROR, "there is no account \"%s\"; did you "
		    "mean \"%s\"?", name, near);
	else
		log_line(LOG_ERROR, "there is no account \"%s\" in %s", name,
		    config->path ? config->path : "the config (there is no "
		    "config)");
	return false;
}

const struct account *command_account(struct command_context *c,
    const struct config *config, const char *name)
{
	const struct account *account = config_account(config, name);

	if (!account)
		unknown_account(c, config, name);
	return account;
}

bool command_accounts(struct command_context *c, const struct config *config,
    const struct account ***list_out, size_t *n_out, int *exit_out)
{
	const struct options *o = c->options;
	const struct account **list = arena_array(c->arena,
	    config->n_accounts + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < o->accounts.n; i++)
		if (!config_account(config, o->accounts.v[i])) {
			*exit_out = EXIT_USAGE;
			return unknown_account(c, config, o->accounts.v[i]);
		}
	for (size_t i = 0; i < config->n_accounts; i++)
		if (is_chosen(o, config->accounts[i].name))
			list[n++] = &config->accounts[i];
	*list_out = list;
	*n_out = n;
	return true;
}

/* ---------------------------------------------------------------- rules */

struct command_files command_files(struct command_context *c,
    const struct config *config, const struct account *account)
{
	const struct options *o = c->options;
	size_t own = account ? account->n_rules : 0;
	const char **paths;
	size_t n = 0;

	if (o->rules.n > 0)
		return (struct command_files){ o->rules.v, o->rules.n };
	paths = arena_array(c->arena, config->n_rules + own + 1,
	    sizeof(*paths));
	for (size_t i = 0; i < config->n_rules; i++)
		paths[n++] = config->rules[i];
	for (size_t i = 0; i < own; i++)
		paths[n++] = account->rules[i];
	return (struct command_files){ paths, n };
}

bool command_same_files(struct command_files x, struct command_files y)
{
	if (x.n != y.n)
		return false;
	for (size_t i = 0; i < x.n; i++)
		if (strcmp(x.paths[i], y.paths[i]) != 0)
			return false;
	return true;
}

bool command_programs(struct command_context *c,
    const struct config *config, struct command_files **list_out,
    size_t *n_out, int *exit_out)
{
	const struct account **accounts;
	struct command_files *list;
	size_t n_accounts, n = 0;

	if (!command_accounts(c, config, &accounts, &n_accounts, exit_out))
		return false;
	list = arena_array(c->arena, n_accounts + 1, sizeof(*list));
	for (size_t i = 0; i == 0 || i < n_accounts; i++) {
		struct command_files f = command_files(c, config,
		    n_accounts > 0 ? accounts[i] : NULL);
		size_t k = 0;

		while (k < n && !command_same_files(list[k], f))
			k++;
		if (k == n && f.n > 0)
			list[n++] = f;
	}
	*list_out = list;
	*n_out = n;
	return true;
}

static size_t mail_channels(const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_channels; i++)
		n += config->channels[i].kind == CHANNEL_MAIL;
	return n;
}

/* One that sends mail: it is named, or the only one. */
static void check_mail_channel(const struct config *config,
    const struct channel_use *use, struct problems *ps)
{
	const struct channel *c = config_channel(config, use->name);
	size_t n = mail_channels(config);

	if (use->name.n == 0 && n == 0)
		problem(ps, use->pos, "the config has no channel that sends "
		    "mail; see `smtp` in tamis-config(5)");
	else if (use->name.n == 0 && n > 1)
		problem(ps, use->pos, "several channels of the config send "
		    "mail; say `through` which");
	else if (c && c->kind != CHANNEL_MAIL)
		problem(ps, use->pos, "the channel `%s` sends no mail",
		    c->name);
}

/* Are the channels of RULES those of the config?  Without accounts nobody is
 * told anything. */
static bool check_channels(const struct config *config,
    const struct rules *rules, struct problems *ps)
{
	const struct channel_use *list;
	size_t n = rules_channels(rules, &list), before = ps->errors;
	const char *names[CHANNELS_MAX];

	if (config->n_accounts == 0)
		return true;
	for (size_t i = 0; i < config->n_channels; i++)
		names[i] = config->channels[i].name;
	for (size_t i = 0; i < n; i++) {
		const char *near;

		if (list[i].mail)
			check_mail_channel(config, &list[i], ps);
		else if (list[i].name.n == 0 && config->n_channels == 0)
			problem(ps, list[i].pos, "the config has no channel "
			    "to notify through; see `notify` in "
			    "tamis-config(5)");
		if (list[i].name.n == 0 ||
		    config_channel(config, list[i].name))
			continue;
		near = nearest(list[i].name, names, config->n_channels);
		problem_hint(ps, list[i].pos, near ? arena_printf(ps->arena,
		    "did you mean `%s`?", near) : STR_EMPTY, "the config has "
		    "no channel `%.*s` under `notify`",
		    STR_ARG(list[i].name));
	}
	return ps->errors == before;
}

struct rules *command_load(struct command_context *c,
    const struct config *config, struct command_files files,
    struct problems *ps)
{
	const char **names = arena_array(c->arena, config->n_accounts + 1,
	    sizeof(*names));
	struct rules *rules;
	struct rules_limits limits = {
		.regex_steps = config->limits.regex_steps,
		.body_text = (uint32_t)config->limits.body,
	};

	for (size_t i = 0; i < config->n_accounts; i++)
		names[i] = config->accounts[i].name;
	rules = rules_load(c->arena, files.paths, files.n, &config_reader,
	    config->n_accounts > 0 ? names : NULL, config->n_accounts,
	    &limits, ps);
	return rules && check_channels(config, rules, ps) ? rules : NULL;
}

static bool same_problem(const struct problem *x, const struct problem *y)
{
	const struct source *a = x->pos.source, *b = y->pos.source;

	return x->pos.line == y->pos.line && x->pos.col == y->pos.col &&
	    str_eq(x->text, y->text) && (a != NULL) == (b != NULL) &&
	    (!a || strcmp(a->name, b->name) == 0);
}

void command_join(struct problems *all, const struct problems *more)
{
	size_t errors = more->errors, warnings = more->warnings;

	for (size_t i = 0; i < more->n; i++) {
		const struct problem *p = &more->list[i];
		size_t k = 0;

		while (k < all->n && !same_problem(&all->list[k], p))
			k++;
		if (k == all->n) {
			arena_grow(all->arena, &all->list, all->n, &all->cap);
			all->list[all->n++] = *p;
		} else if (p->level == PROBLEM_ERROR) {
			errors--;
		} else {
			warnings--;
		}
	}
	all->errors += errors;
	all->warnings += warnings;
}

/* Loads it, or finds it loaded. */
static const struct command_program *program_of(struct command_context *c,
    const struct config *config, struct command_files files,
    struct problems *ps)
{
	struct command_program *p;

	for (p = c->programs; p; p = p->next)
		if (command_same_files(p->files, files))
			return p;
	p = arena_make(c->arena, struct command_program);
	p->files = files;
	p->rules = command_load(c, config, files, ps);
	p->next = c->programs;
	c->programs = p;
	return p;
}

static void say_problems(struct command_context *c, struct problems *ps)
{
	if (ps->errors || c->options->verbose > 0)
		report_problems(c->report, ps, false);
}

void command_preload(struct command_context *c, const struct config *config,
    const struct account *const *list, size_t n)
{
	struct problems all;

	problems_init(&all, c->arena);
	for (size_t i = 0; i < n; i++) {
		struct command_files files = command_files(c, config,
		    list[i]);
		struct problems ps;

		problems_init(&ps, c->arena);
		if (files.n && program_of(c, config, files, &ps))
			command_join(&all, &ps);
	}
	say_problems(c, &all);
}

struct rules *command_rules(struct command_context *c,
    const struct config *config, const struct account *account,
    int *exit_out)
{
	struct command_files files = command_files(c, config, account);
	const struct command_program *program;
	struct problems ps;

	if (files.n == 0) {
		log_line(LOG_ERROR, "%s%sthere are no rules: name a file "
		    "with -r, or under `rules:` in the config",
		    account ? account->name : "", account ? ": " : "");
		*exit_out = EXIT_CONFIG;
		return NULL;
	}
	problems_init(&ps, c->arena);
	program = program_of(c, config, files, &ps);
	say_problems(c, &ps);
	if (!program->rules)
		*exit_out = EXIT_CONFIG;
	return program->rules;
}

const char *command_state(struct command_context *c,
    const struct config *config, const struct account *account)
{
	return arena_printf(c->arena, "%s/%s", config->state_home,
	    account->name).p;
}
