#include "command.h"

#include <string.h>

/* A test that was run: the files of several accounts have some in common. */
struct seen {
	const char *file;
	int line;
};

struct testing {
	struct command_context *c;
	const struct config *config;
	struct seen *seen;
	size_t n_seen, cap_seen;
	size_t passed, failed;
	int code;
};

static bool was_run(struct testing *t, struct pos pos)
{
	const char *file = pos.source ? pos.source->name : "";

	for (size_t i = 0; i < t->n_seen; i++)
		if (t->seen[i].line == pos.line &&
		    strcmp(t->seen[i].file, file) == 0)
			return true;
	arena_grow(t->c->arena, &t->seen, t->n_seen, &t->cap_seen);
	t->seen[t->n_seen++] = (struct seen){ file, pos.line };
	return false;
}

static void run_tests(struct testing *t, const struct rules *rules)
{
	struct arena *a = arena_new();
	size_t n = rules_test_count(rules);

	for (size_t i = 0; i < n && !report_broken(t->c->report); i++) {
		struct rules_test_result result = { 0 };

		arena_reset(a);
		rules_test_run(rules, a, i, t->c->now, t->c->zone, &result);
		if (was_run(t, result.pos))
			continue;
		report_test(t->c->report, &result);
		if (result.passed)
			t->passed++;
		else
			t->failed++;
	}
	arena_free(&a);
}

static void test_program(struct testing *t, struct command_files files)
{
	struct problems ps;
	const struct rules *rules;

	problems_init(&ps, t->c->arena);
	rules = command_load(t->c, t->config, files, &ps);
	if (!rules || t->c->options->verbose > 0)
		report_problems(t->c->report, &ps, false);
	if (rules)
		run_tests(t, rules);
	else
		t->code = exit_worst(t->code, EXIT_CONFIG);
}

/* Those of an account are the common ones and more, or just those. */
static bool same_program(struct command_files common,
    struct command_files other)
{
	return common.n == other.n;
}

/* Each file by itself; else what the accounts use. */
static bool test_all(struct testing *t)
{
	const struct options *o = t->c->options;
	struct command_files *programs, common;
	size_t n;

	for (size_t i = 0; i < o->n_operands; i++)
		test_program(t, (struct command_files){ &o->operands[i], 1 });
	if (o->n_operands > 0)
		return true;
	if (!command_programs(t->c, t->config, &programs, &n, &t->code))
		return false;
	/* the tests of the common files speak of those alone */
	common = command_files(t->c, t->config, NULL);
	if (common.n > 0)
		test_program(t, common);
	for (size_t i = 0; i < n; i++)
		if (!same_program(common, programs[i]))
			test_program(t, programs[i]);
	/* says that there are no rules */
	return n > 0 || command_rules(t->c, t->config, NULL, &t->code);
}

int command_test(struct command_context *c)
{
	struct testing t = { .c = c };

	t.config = command_config(c, &t.code);
	if (!t.config || !test_all(&t))
		return t.code;
	if (t.passed + t.failed > 0 || t.code == EXIT_DONE)
		report_tests(c->report, t.passed, t.failed);
	if (t.failed > 0)
		t.code = exit_worst(t.code, EXIT_FOUND);
	return t.code;
}
