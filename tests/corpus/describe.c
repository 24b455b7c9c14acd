/*
 * What tamis reads in a message, as a row of cells parted by tabs.
 *
 * Standard input holds messages, each behind a line with the number of its
 * octets; standard output gets the names of the columns, then a row for each
 * message.  See test_corpus.py, which starts it, for what they mean.  With
 * the argument "cost" the row is what reading the message took.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rules/mail.h"

#define MESSAGE_MAX	(UINT64_C(1) << 30)
#define SOURCE_MAX	((size_t)64 * 1024 * 1024)
#define ROW_MAX		((size_t)256 * 1024 * 1024)

static const char *const columns[] = {
	"from_addr", "from_name", "authors", "subject", "message_id", "id",
	"date_epoch", "nodes", "leaves", "n_attachments", "attachments",
	"enclosed", "text_kind", "text", "body", "cut", "micros", "kilobytes",
};
#define N_COSTS	3		/* of them, at the end */

static struct buf row;

/* ----------------------------------------------------------------- cells */

static void add_escaped(struct buf *b, struct str s, const char *from,
    const char *to)
{
	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(from, s.p[i]) : NULL;

		if (at)
			buf_add_char(b, '\\');
		buf_add_char(b, at ? to[at - from] : s.p[i]);
	}
}

static void add_cell(struct str s)
{
	add_escaped(&row, s, "\t\n\r\\", "tnr\\");
	buf_add_char(&row, '\t');
}

static void add_number(int64_t n)
{
	buf_printf(&row, "%" PRId64 "\t", n);
}

/* One of several things in one cell. */
static void add_item(struct str s, char end)
{
	add_escaped(&row, s, "\t\n\r\\|:", "tnr\\pc");
	buf_add_char(&row, end);
}

/* --------------------------------------------------------------- columns */

static void add_from(struct mail *m)
{
	const struct address *list, none = {
		STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY
	}, *author = &none;
	size_t n = mail_addresses(m, STR_LIT("From"), &list);

	for (size_t i = 0; i < n; i++)
		if (list[i].address.n && (author == &none ||
		    (list[i].domain.n && author->domain.n == 0)))
			author = &list[i];
	add_cell(author->address);
	add_cell(author->name);
	for (size_t i = 0; i < n; i++) {
		add_item(list[i].name, ':');
		add_item(list[i].address, '|');
	}
	buf_add_char(&row, '\t');
}

static void add_sent(struct mail *m)
{
	int64_t sent = mail_sent(m);

	if (sent == TIME_NONE)
		add_cell(STR_EMPTY);
	else
		add_number(sent);
}

static void add_counts(struct mail *m)
{
	size_t nodes, leaves;

	mail_part_counts(m, &nodes, &leaves);
	add_number((int64_t)nodes);
	add_number((int64_t)leaves);
}

static void add_files(const struct attachment *list, size_t n, bool enclosed)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].enclosed != enclosed)
			continue;
		add_item(list[i].type, ':');
		buf_printf(&row, "%" PRIu64 ":", list[i].size);
		add_item(list[i].name, '|');
	}
	buf_add_char(&row, '\t');
}

static void add_attachments(struct mail *m)
{
	const struct attachment *list;
	bool cut;
	size_t n = mail_attachments(m, &list, &cut), n_enclosed = 0;

	for (size_t i = 0; i < n; i++)
		n_enclosed += list[i].enclosed;
	add_number((int64_t)(n - n_enclosed));
	add_files(list, n, false);
	add_files(list, n, true);
}

static const struct body_part *first_text(struct mail *m, const char *type)
{
	const struct body_part *list;
	size_t n = mail_parts(m, &list);

	for (size_t i = 0; i < n; i++)
		if (str_eq_z(list[i].type.type, type) &&
		    !str_eq_z(list[i].kind, "attachment"))
			return &list[i];
	return NULL;
}

/* The first text as it was written: no HTML is read, no line joined. */
static void add_source(struct mail *m)
{
	const struct body_part *p = first_text(m, "text/plain");
	const char *kind = p ? "plain" : "html";
	struct buf source;

	if (!p)
		p = first_text(m, "text/html");
	add_cell(str_of(p ? kind : "none"));
	buf_init(&source, SOURCE_MAX);
	if (p && !mime_decode_text(p->content, p->encoding, p->type.charset,
	    &source))
		fprintf(stderr, "describe: only a part of the text\n");
	add_cell(buf_str(&source));
	buf_free(&source);
}

static void add_body(struct mail *m)
{
	const struct body_text *list;
	bool cut;
	size_t n = mail_body_texts(m, &list, &cut);

	for (size_t i = 0; i < n; i++)
		add_item(list[i].text, '|');
	buf_add_char(&row, '\t');
}

/* --------------------------------------------------------------- the cost */

static int64_t now_micros(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The most memory since the last call, in kilobytes: 0 if not to be had. */
static int64_t peak_memory(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	int64_t peak = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			peak = strtoll(line + 6, NULL, 10);
	if (f)
		fclose(f);
	malloc_trim(0);
	if (fd < 0 || write(fd, "5", 1) != 1)
		peak = 0;
	if (fd >= 0)
		close(fd);
	return peak;
}

/* All that rules ask for of a message, and nothing else; true if a limit
 * cut any of it. */
static bool read_all(struct mail *m)
{
	const struct address *addresses;
	const struct attachment *attachments;
	const struct body_text *texts;
	bool cut, any;
	size_t n;

	mail_addresses(m, STR_LIT("From"), &addresses);
	mail_addresses(m, STR_LIT("To"), &addresses);
	mail_field_text(m, STR_LIT("Subject"), 0);
	mail_message_id(m);
	mail_sent(m);
	mail_attachments(m, &attachments, &any);
	n = mail_body_texts(m, &texts, &cut);
	any |= cut;
	for (size_t i = 0; i < n; i++)
		any |= texts[i].cut;
	return any || !mail_knows_field(m, STR_LIT("Subject")) ||
	    !mail_knows_field(m, STR_LIT("From")) ||
	    !mail_knows_field(m, STR_LIT("To"));
}

static void add_cost(struct str bytes)
{
	struct arena *a = arena_new();
	int64_t memory, began;
	bool cut;

	peak_memory();
	memory = peak_memory();
	began = now_micros();
	cut = read_all(mail_make(a, bytes, MAIL_WHOLE, NULL, 0));
	began = now_micros() - began;
	add_number(cut);
	add_number(began);
	add_number(peak_memory() - memory);
	arena_free(&a);
}

/* ------------------------------------------------------------------- main */

static void add_all(struct str bytes)
{
	struct arena *a = arena_new();
	struct mail *m = mail_make(a, bytes, MAIL_WHOLE, NULL, 0);

	add_from(m);
	add_cell(mail_field_text(m, STR_LIT("Subject"), 0));
	add_cell(mail_field_text(m, STR_LIT("Message-ID"), 0));
	add_cell(mail_message_id(m));
	add_sent(m);
	add_counts(m);
	add_attachments(m);
	add_source(m);
	add_body(m);
	arena_free(&a);
}

static void describe(struct str bytes, bool cost)
{
	buf_init(&row, ROW_MAX);
	if (!cost)
		add_all(bytes);
	add_cost(bytes);
	fwrite(row.p, 1, row.n - 1, stdout);
	putchar('\n');
	fflush(stdout);
	buf_free(&row);
}

int main(int argc, char **argv)
{
	bool cost = argc > 1 && strcmp(argv[1], "cost") == 0;
	struct arena *a = arena_new();
	char line[32];

	for (size_t i = cost ? COUNT(columns) - N_COSTS : 0;
	    i < COUNT(columns); i++)
		printf("%s%c", columns[i],
		    i + 1 < COUNT(columns) ? '\t' : '\n');
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t n;
		char *p;

		if (!str_u64(str_trim(str_of(line)), MESSAGE_MAX, &n))
			return 1;
		p = arena_array(a, n ? n : 1, 1);
		if (fread(p, 1, n, stdin) != n)
			return 1;
		describe((struct str){ p, n }, cost);
		arena_reset(a);
	}
	arena_free(&a);
	return 0;
}
