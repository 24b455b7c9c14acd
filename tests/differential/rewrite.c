/*
 * rewrite RULES - standard input as messages, each with its length in octets
 * in a line before it; standard output as the same, as the header edits of
 * the rule file leave them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rules/rules.h"

#define FILE_MAX	(16 * 1024 * 1024)

static bool read_file(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	FILE *f = fopen(path, "rb");
	char chunk[4096];
	size_t n;

	(void)ctx;
	if (!f)
		return err_set(e, ERR_CONFIG, "%s: cannot be read", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	fclose(f);
	return true;
}

static struct rules *load(struct arena *a, const char *path)
{
	const struct file_reader reader = { read_file, NULL, NULL };
	struct problems ps;
	struct rules *r;
	struct buf b;

	problems_init(&ps, a);
	r = rules_load(a, &path, 1, &reader, NULL, 0, NULL, &ps);
	buf_init(&b, FILE_MAX);
	for (size_t i = 0; !r && i < ps.n; i++)
		problem_show(&b, &ps.list[i]);
	if (b.n)
		fwrite(b.p, 1, b.n, stderr);
	buf_free(&b);
	return r;
}

static struct str rewritten(const struct rules *r, struct arena *a,
    struct str message)
{
	struct facts facts = {
		.known = RULES_ASK_FLAGS | RULES_ASK_LABELS |
		    RULES_ASK_SIZE | RULES_ASK_RECEIVED,
		.mailbox = STR_LIT("INBOX"), .size = message.n,
		.received = 1767225600,
	};
	struct match_input in = { .facts = &facts, .is_new = true,
	    .mail = mail_make(a, message, MAIL_WHOLE, NULL, 0) };
	struct verdict v;

	rules_match(r, a, &in, &v);
	if (v.n_failed + v.n_unknown)
		return STR_LIT("a rule failed\n");
	for (size_t i = 0; i < v.wants.n_rewrites; i++) {
		struct err e = { 0 };
		struct str header;
		size_t body;

		if (!rules_rewrite_header(&v.wants.rewrites[i], a, message,
		    &header, &body, &e))
			return STR_LIT("a step failed\n");
		message = arena_printf(a, "%.*s%.*s", STR_ARG(header),
		    STR_ARG(str_sub(message, body, message.n)));
	}
	return message;
}

int main(int argc, char **argv)
{
	struct arena *program = arena_new(), *a = arena_new();
	struct rules *r = argc == 2 ? load(program, argv[1]) : NULL;
	char line[32];

	if (!r)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		size_t n = strtoul(line, NULL, 10);
		char *bytes = arena_alloc(a, n + 1);
		struct str out;

		if (n > FILE_MAX || fread(bytes, 1, n, stdin) != n)
			return 1;
		out = rewritten(r, a, (struct str){ bytes, n });
		printf("%zu\n", out.n);
		fwrite(out.p, 1, out.n, stdout);
		arena_reset(a);
	}
	arena_free(&a);
	arena_free(&program);
	return 0;
}
