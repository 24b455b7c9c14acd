/* words: the language itself, for people and for editors. */
#include "command.h"

#include <string.h>

#include "log.h"

#define SCHEMA_MAX	(1024 * 1024)

static int show_schema(struct command_context *c)
{
	struct buf b;

	buf_init(&b, SCHEMA_MAX);
	rules_schema(&b);
	report_file(c->report, buf_str(&b));
	buf_free(&b);
	return EXIT_DONE;
}

static int unknown_word(struct command_context *c,
    const struct rules_word *list, size_t n, const char *word)
{
	const char **names = arena_array(c->arena, n, sizeof(*names));
	const char *near;

	for (size_t i = 0; i < n; i++)
		names[i] = list[i].name;
	near = nearest(str_of(word), names, n);
	log_line(LOG_ERROR, near ? "the language has no word \"%s\"; did you "
	    "mean \"%s\"?" : "the language has no word \"%s\"", word, near);
	return EXIT_FOUND;
}

int command_words(struct command_context *c)
{
	const struct options *o = c->options;
	const struct rules_word *list;
	size_t n = rules_words(c->arena, &list);
	int code = EXIT_DONE;

	if (o->schema)
		return show_schema(c);
	if (o->n_operands == 0)
		report_words(c->report, list, n, false);
	for (size_t k = 0; k < o->n_operands; k++) {
		size_t shown = 0;

		for (size_t i = 0; i < n; i++) {
			if (strcmp(list[i].name, o->operands[k]) != 0)
				continue;
			report_words(c->report, &list[i], 1, true);
			shown++;
		}
		if (shown == 0)
			code = unknown_word(c, list, n, o->operands[k]);
	}
	return code;
}
