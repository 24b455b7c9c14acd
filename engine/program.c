#include "program.h"

#include <string.h>

#include "child.h"

#define VARIABLES_MAX	8
#define VALUE_MAX	1000	/* octets of a variable from the message */

static void add(struct arena *a, const char **env, const char *name,
    struct str value)
{
	size_t n = 0;

	while (env[n])
		n++;
	value = shown(a, utf8_head(value, VALUE_MAX));
	env[n] = arena_printf(a, "TAMIS_%s=%.*s", name, STR_ARG(value)).p;
}

static struct str author(struct mail *m)
{
	const struct address *list;

	return mail_addresses(m, STR_LIT("From"), &list) ?
	    list[0].address : STR_EMPTY;
}

const char *const *program_environment(struct arena *a,
    const struct program_message *m)
{
	const char **env = arena_array(a, VARIABLES_MAX, sizeof(*env));

	add(a, env, "ACCOUNT", m->facts->account);
	add(a, env, "MAILBOX", m->facts->mailbox);
	add(a, env, "UID", arena_printf(a, "%lu",
	    (unsigned long)m->facts->uid));
	add(a, env, "FROM", author(m->mail));
	add(a, env, "SUBJECT", mail_field_text(m->mail, STR_LIT("Subject"),
	    0));
	add(a, env, "MESSAGE_ID", mail_message_id(m->mail));
	return env;
}

/* NULL: it exited with 0 or 1. */
static const char *why_not(struct arena *a, const struct child_settings *set,
    const struct child_result *r)
{
	struct str text;
	struct buf b;

	if (r->end == CHILD_EXITED && (r->status == 0 || r->status == 1))
		return NULL;
	buf_init(&b, 1000);
	buf_printf(&b, "the program %s ", set->argv[0]);
	child_text(&b, set, r);
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text.p;
}

static struct program_answer ask(struct asked *asked, struct str key,
    const struct program_question *q, const struct program_message *m)
{
	struct arena *a = arena_new();
	struct child_settings set = {
		.argv = q->argv,
		.env = program_environment(a, m),
		.input = m->bytes,
		.seconds = q->seconds,
	};
	struct program_answer answer = { .key = key,
	    .truth = TRUTH_UNKNOWN };
	struct child_result r;
	struct err e = { 0 };

	if (!child_run(&set, NULL, &r, &e))
		answer.why = arena_z(asked->arena, str_of(e.msg));
	else
		answer.why = why_not(asked->arena, &set, &r);
	if (!answer.why)
		answer.truth = r.status == 0 ? TRUTH_TRUE : TRUTH_FALSE;
	arena_free(&a);
	return answer;
}

/* A question holds NULs. */
static struct str key_of(struct arena *a, uint32_t uid, struct str question)
{
	char *key = arena_alloc(a, sizeof(uid) + question.n);

	memcpy(key, &uid, sizeof(uid));
	memcpy(key + sizeof(uid), question.p, question.n);
	return (struct str){ key, sizeof(uid) + question.n };
}

struct program_answer program_ask(struct asked *asked,
    const struct program_question *q, const struct program_message *m)
{
	struct str key = key_of(asked->arena, m->facts->uid, q->key);
	size_t at;

	if (names_get(&asked->index, key, &at))
		return asked->list[at];
	arena_grow(asked->arena, &asked->list, asked->n, &asked->cap);
	asked->list[asked->n] = ask(asked, arena_str(asked->arena, q->key),
	    q, m);
	names_add(asked->arena, &asked->index, key, asked->n);
	return asked->list[asked->n++];
}
