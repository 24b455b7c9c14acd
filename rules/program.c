/*
 * Programs in rule files: a name with its arguments, and how long it may
 * take.
 */
#include "condition.h"

#include <string.h>

#define SECONDS_DEFAULT	10

struct program_making {
	struct builder *b;
	struct program *program;
	size_t cap;
};

/* Relative to the rule file, unless it is looked for in PATH. */
static struct str program_path(struct builder *b, const struct node *n,
    struct str name)
{
	return memchr(name.p, '/', name.n) ?
	    str_of(build_path(b, n->pos, name)) : name;
}

static const struct template *argument(struct program_making *m,
    const struct node *n)
{
	struct builder *b = m->b;
	struct str text;

	if (!node_text(n, "command", &text, b->ps))
		return NULL;
	if (memchr(text.p, '\0', text.n)) {
		problem(b->ps, n->pos, "an argument holds no NUL");
		return NULL;
	}
	if (m->program->n)
		return template_make(b->arena, text, n->pos,
		    TEMPLATE_ARGUMENT, NULL, NULL, 0, b->ps);
	if (str_trim(text).n == 0) {
		problem(b->ps, n->pos, "the program has no name");
		return NULL;
	}
	return template_of(b->arena, program_path(b, n, text));
}

static bool add_argument(struct builder *b, const struct node *n, void *ctx)
{
	struct program_making *m = ctx;
	struct program *p = m->program;
	const struct template *t;

	if (p->n == PROGRAM_ARGUMENTS_MAX)
		return problem(b->ps, n->pos, "more than %d arguments",
		    PROGRAM_ARGUMENTS_MAX);
	if (n->kind == NODE_MAP)
		return problem(b->ps, n->pos, "an argument is a text");
	t = argument(m, n);
	if (!t)
		return false;
	arena_grow(b->arena, &p->argv, p->n, &m->cap);
	p->argv[p->n++] = t;
	p->names_rule |= template_names_rule(t);
	return true;
}

static bool build_command(struct builder *b, const struct node *n,
    struct program *p)
{
	struct program_making m = { .b = b, .program = p };

	if (n->kind == NODE_SCALAR && (memchr(n->text.p, ' ', n->text.n) ||
	    memchr(n->text.p, '\t', n->text.n)))
		return problem_hint(b->ps, n->pos, STR_LIT("there is no "
		    "shell: write [prog, argument]"), "`command` wants the "
		    "program and its arguments one by one");
	return build_each(b, n, "command", add_argument, &m);
}

static bool build_timeout(struct builder *b, const struct node *n,
    struct program *p)
{
	int64_t seconds;

	if (!node_duration(n, "timeout", &seconds, b->ps))
		return false;
	if (seconds < 1 || seconds > PROGRAM_SECONDS_MAX)
		return problem(b->ps, n->pos, "`timeout` is from 1s to %ds",
		    PROGRAM_SECONDS_MAX);
	p->seconds = (unsigned)seconds;
	return true;
}

const struct program *program_build(struct builder *b,
    const struct node *command, const struct node *timeout)
{
	struct program *p = arena_make(b->arena, struct program);

	p->seconds = SECONDS_DEFAULT;
	return build_command(b, command, p) &&
	    (!timeout || build_timeout(b, timeout, p)) ? p : NULL;
}

struct cond *run_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	const struct node *command = node_get(value, "command");
	struct cond *c;

	if (!command || node_is_null(command)) {
		problem_hint(b->ps, value->pos, STR_LIT("write `run: "
		    "{command: [prog, argument]}`"),
		    "`run` wants `command`, the program that is asked");
		return NULL;
	}
	c = cond_make(b, COND_RUN, key->pos,
	    written(b->arena, key->text, value));
	c->word = w;
	if (!keys_check(b, value, KEY_run, "key of `run`"))
		return NULL;
	c->program = program_build(b, command, node_get(value, "timeout"));
	return c->program ? cond_close(b, c) : NULL;
}
