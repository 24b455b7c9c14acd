/*
 * `run`: what a program says of the message.
 *
 * Nothing is started here.  The matcher is told what has been answered, and
 * says what is to be asked; so a program runs only when all that is cheaper
 * has left the outcome open.
 */
#include "leaf.h"

#include <string.h>

#include "mime.h"

/* NULL-terminated; FALSE with a sentence if an argument is too long. */
static bool fill(struct evaluation *v, const struct program *p,
    const char **argv, struct str *failure)
{
	for (size_t i = 0; i < p->n; i++) {
		struct str text;
		unsigned ask;

		if (!template_fill(p->argv[i], v->arena, v->in, v->rule, NULL,
		    &text, &ask, failure))
			return false;
		argv[i] = arena_z(v->arena, text);
	}
	return true;
}

/* The message is another now, and so the question is. */
static void ask_rewritten(struct evaluation *v, struct program_question *q)
{
	struct str parts[] = { mail_header_octets(v->in->mail),
	    mail_body_octets(v->in->mail) };

	q->header = parts[0];
	q->body = parts[1];
	q->key = mime_digest(v->arena, parts, COUNT(parts));
}

/* BEFORE, and the arguments, one behind the other. */
static struct str key_of(struct arena *a, struct str before,
    const char *const *argv)
{
	size_t n = before.n;
	char *key;

	for (size_t i = 0; argv[i]; i++)
		n += strlen(argv[i]) + 1;
	key = arena_alloc(a, n);
	n = before.n;
	if (n)
		memcpy(key, before.p, n);
	for (size_t i = 0; argv[i]; i++) {
		memcpy(key + n, argv[i], strlen(argv[i]) + 1);
		n += strlen(argv[i]) + 1;
	}
	return (struct str){ key, n };
}

static const struct program_answer *answer_to(const struct match_input *in,
    struct str key)
{
	for (size_t i = 0; i < in->n_answers; i++)
		if (str_eq(in->answers[i].key, key))
			return &in->answers[i];
	return NULL;
}

struct answer leaf_program(struct evaluation *v, const struct cond *c)
{
	const struct program *p = c->program;
	struct program_question *q;
	const struct program_answer *a;
	struct answer unknown;
	const char **argv;
	struct str failure;

	if (v->in->no_programs)
		return answer_unknown(0, v->in->no_programs);
	if (!v->in->mail || !mail_knows_body(v->in->mail))
		return answer_missing(v->in, RULES_ASK_BODY);
	if (mail_header_veiled(v->in->mail))
		return answer_missing(v->in, RULES_ASK_FIELDS);
	argv = arena_array(v->arena, p->n + 1, sizeof(*argv));
	if (!fill(v, p, argv, &failure))
		return answer_unknown(0, arena_z(v->arena, failure));
	q = arena_make(v->arena, struct program_question);
	*q = (struct program_question){ .argv = argv,
	    .seconds = p->seconds };
	if (v->in->mail != v->first)
		ask_rewritten(v, q);
	q->key = key_of(v->arena, q->key, argv);
	a = answer_to(v->in, q->key);
	if (a && a->truth != TRUTH_UNKNOWN) {
		leaf_show(v, a->truth == TRUTH_TRUE ?
		    STR_LIT("exit status 0") : STR_LIT("exit status 1"));
		return answer_settled(a->truth == TRUTH_TRUE);
	}
	unknown = answer_unknown(RULES_ASK_PROGRAM, a ? a->why :
	    "the program has not been asked");
	unknown.program = a ? NULL : q;
	return unknown;
}
