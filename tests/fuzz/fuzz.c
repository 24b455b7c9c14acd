#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX	(1024 * 1024)
#define FACTS	(RULES_ASK_FLAGS | RULES_ASK_LABELS | RULES_ASK_SIZE | \
		RULES_ASK_RECEIVED)
#define PROGRAMS_MAX	20
#define ROUNDS_MAX	8	/* more questions than there are kinds */

void fuzz_fails(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

struct str fuzz_input(const uint8_t *data, size_t n)
{
	return n ? (struct str){ (const char *)data, n } : STR_EMPTY;
}

struct str fuzz_line(struct str *rest)
{
	struct str line = STR_EMPTY;

	str_cut(rest, '\n', &line);
	return line;
}

bool fuzz_has(struct str s, char c)
{
	return str_find_char(s, 0, c) < s.n;
}

bool fuzz_is_text(struct str s)
{
	return utf8_valid(s) && !fuzz_has(s, '\0');
}

size_t fuzz_roll(struct fuzz_dice *d, size_t below)
{
	/* xorshift64: zero would stay zero */
	d->state |= d->state == 0;
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return below ? (size_t)(d->state % below) : 0;
}

/* ----------------------------------------------------------------- rules */

/* The text of the file called PATH. */
static bool find_file(struct str text, const char *path, struct str *out)
{
	struct str name = STR_LIT("rules");
	const char *from = text.p;

	while (text.n) {
		struct str line = fuzz_line(&text);

		if (!str_starts(line, STR_LIT("== ")))
			continue;
		*out = (struct str){ from, (size_t)(line.p - from) };
		if (str_eq_z(name, path))
			return true;
		name = str_sub(line, 3, line.n);
		from = text.p;
	}
	*out = (struct str){ from, (size_t)(text.p - from) };
	return str_eq_z(name, path);
}

static bool read_file(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	const struct str *text = ctx;
	struct str found;

	if (!find_file(*text, path, &found))
		return err_set(e, ERR_CONFIG, "%s: there is no such file",
		    path);
	buf_add_str(out, found);
	return true;
}

static void show(struct problems *ps)
{
	struct buf b;

	buf_init(&b, SHOWN_MAX);
	problems_sort(ps);
	for (size_t i = 0; i < ps->n; i++)
		problem_show(&b, &ps->list[i]);
	HOLDS(fuzz_is_text(buf_str(&b)) || b.over);
	buf_free(&b);
}

struct rules *fuzz_rules(struct arena *a, struct str text)
{
	static const char *const paths[] = { "rules" };
	const struct rules_limits limits = {
		.regex_steps = 2000, .body_text = 512,
	};
	const struct file_reader reader = { read_file, read_file, &text };
	struct problems ps;
	struct rules *r;

	problems_init(&ps, a);
	r = rules_load(a, paths, 1, &reader, NULL, 0, &limits, &ps);
	show(&ps);
	HOLDS(!r == (ps.errors > 0));
	return r;
}

/* ----------------------------------------------------------------- match */

static bool same_want(const struct want *a, const struct want *b)
{
	return str_eq(a->name, b->name) && a->add == b->add &&
	    a->rule == b->rule;
}

static bool same_place(const struct want_place *a,
    const struct want_place *b)
{
	return a->kind == b->kind && str_eq(a->mailbox, b->mailbox) &&
	    a->rule == b->rule;
}

static void check_wants(const struct wants *a, const struct wants *b)
{
	HOLDS(a->n_labels == b->n_labels);
	for (size_t i = 0; i < a->n_labels; i++)
		HOLDS(same_want(&a->labels[i], &b->labels[i]));
	HOLDS(a->n_flags == b->n_flags);
	for (size_t i = 0; i < a->n_flags; i++)
		HOLDS(same_want(&a->flags[i], &b->flags[i]));
	HOLDS(same_place(&a->place, &b->place));
	HOLDS(a->n_copies == b->n_copies);
	for (size_t i = 0; i < a->n_copies; i++)
		HOLDS(same_place(&a->copies[i], &b->copies[i]));
	HOLDS(a->n_rewrites == b->n_rewrites);
	for (size_t i = 0; i < a->n_rewrites; i++)
		HOLDS(str_eq(a->rewrites[i].key, b->rewrites[i].key));
}

/* What is known stays so however much more becomes known. */
static void check_agrees(const struct verdict *some,
    const struct verdict *all)
{
	for (size_t i = 0; i < all->n_rules; i++) {
		const struct rule_result *x = &some->rules[i];
		const struct rule_result *y = &all->rules[i];

		if (x->truth == TRUTH_UNKNOWN)
			continue;
		HOLDS(!x->reached == !y->reached);
		HOLDS(x->truth == y->truth);
		HOLDS(x->failed == y->failed);
	}
}

/* With nothing left to ask the outcome is the whole one. */
static void check_same(const struct verdict *a, const struct verdict *b)
{
	HOLDS(a->n_rules == b->n_rules);
	HOLDS(a->n_fired == b->n_fired);
	HOLDS(a->n_unknown == b->n_unknown);
	HOLDS(a->n_failed == b->n_failed);
	for (size_t i = 0; i < a->n_rules; i++)
		HOLDS(a->rules[i].truth == b->rules[i].truth);
	check_agrees(a, b);
	check_wants(&a->wants, &b->wants);
}

static void check_tree(const struct explained *x)
{
	HOLDS(fuzz_is_text(x->text));
	for (size_t i = 0; i < x->n_kids; i++)
		check_tree(x->kids[i]);
}

static const struct str flags[] = { STR_LIT("\\Flagged"), STR_LIT("$x") };
static const struct str labels[] = { STR_LIT("work"), STR_LIT("a/b") };

static struct facts make_facts(struct str message)
{
	return (struct facts){
		.account = STR_LIT("home"), .mailbox = STR_LIT("INBOX"),
		.uid = 7, .flags = flags, .n_flags = COUNT(flags),
		.labels = labels, .n_labels = COUNT(labels),
		.in_inbox = true, .size = message.n,
		.received = time_from_civil(2026, 1, 10, 12, 0, 0),
	};
}

static struct match_input make_input(const struct facts *facts)
{
	return (struct match_input){
		.facts = facts, .is_new = true,
		.now = time_from_civil(2026, 1, 15, 12, 0, 0),
		.trusted_authserv = STR_LIT("mx"),
	};
}

/* What the searches find, as if by chance. */
static const struct search_answer *search(struct arena *a,
    const struct rules *r)
{
	const struct str *list;
	size_t n = rules_searches(r, &list);
	struct search_answer *found = arena_array(a, n, sizeof(*found));

	for (size_t i = 0; i < n; i++)
		found[i].truth = str_hash(list[i]) & 1 ? TRUTH_TRUE :
		    TRUTH_FALSE;
	return found;
}

/* What a program prints, or decryption finds: the same with a field more. */
static struct rewrite_answer rewrite(struct arena *a,
    const struct rewrite_question *q)
{
	return (struct rewrite_answer){
		.index = q->index, .key = q->step->key,
		.bytes = arena_printf(a, "X: %u\r\n%.*s%.*s",
		    (unsigned)(str_hash(q->step->key) % 10),
		    STR_ARG(q->header), STR_ARG(q->body)),
	};
}

/* Programs answer so, too; false where too many are asked. */
static bool judge(const struct rules *r, struct arena *a,
    struct match_input *in, struct verdict *out)
{
	static const struct signature_answer signature = {
		.pgp = TRUTH_TRUE, .smime = TRUTH_FALSE,
	};
	struct program_answer *answers = arena_array(a, PROGRAMS_MAX,
	    sizeof(*answers));
	struct rewrite_answer *rewritten = arena_array(a, PROGRAMS_MAX,
	    sizeof(*rewritten));

	in->answers = answers;
	in->rewritten = rewritten;
	in->n_answers = in->n_rewritten = 0;
	in->signature = &signature;
	for (;;) {
		rules_match(r, a, in, out);
		if (out->ask == 0 || out->ask & ~(unsigned)
		    (RULES_ASK_PROGRAM | RULES_ASK_REWRITE))
			return true;
		HOLDS(out->program || out->rewrite);
		if (in->n_answers == PROGRAMS_MAX ||
		    in->n_rewritten == PROGRAMS_MAX)
			return false;
		if (out->rewrite) {
			rewritten[in->n_rewritten++] = rewrite(a,
			    out->rewrite);
			continue;
		}
		answers[in->n_answers++] = (struct program_answer){
			.key = out->program->key,
			.truth = str_hash(out->program->key) & 1 ?
			    TRUTH_TRUE : TRUTH_FALSE,
		};
	}
}

/* A header of the fields that the rules read, as a server gives it. */
static struct mail *fields_only(struct arena *a, const struct rules *r,
    struct str message)
{
	struct mail *whole = mail_make(a, message, MAIL_WHOLE, NULL, 0);
	struct buf b;
	const struct str *only;
	bool all;
	size_t n = rules_fields(r, &only, &all);
	struct str header;

	if (all)
		return mail_make(a, str_sub(message, 0,
		    mail_body_offset(message)), MAIL_HEADER, NULL, 0);
	buf_init(&b, 2 * message.n + 1024);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < mail_field_count(whole, only[i]);
		    k++) {
			buf_add_str(&b, only[i]);
			buf_add_char(&b, ':');
			buf_add_str(&b, mail_field_raw(whole, only[i], k));
			buf_add_z(&b, "\r\n");
		}
	buf_add_z(&b, "\r\n");
	HOLDS(!b.over);
	header = arena_str(a, buf_str(&b));
	buf_free(&b);
	return mail_make(a, header, MAIL_FIELDS, only, n);
}

static void in_rounds(const struct rules *r, struct arena *a,
    struct str message, const struct verdict *all)
{
	struct facts facts = make_facts(message);
	struct match_input in = make_input(&facts);
	unsigned known = RULES_ASK_PROGRAM | RULES_ASK_REWRITE;
	struct verdict v;

	for (int i = 0; i < ROUNDS_MAX; i++) {
		if (!judge(r, a, &in, &v))
			return;
		check_agrees(&v, all);
		if (v.ask == 0) {
			check_same(&v, all);
			return;
		}
		/* nothing is asked for that is there already */
		HOLDS(v.ask & ~known);
		known |= v.ask;
		facts.known |= v.ask & FACTS;
		if (v.ask & RULES_ASK_SEARCH)
			in.searched = search(a, r);
		if (v.ask & RULES_ASK_BODY)
			in.mail = mail_make(a, message, MAIL_WHOLE, NULL, 0);
		else if (v.ask & RULES_ASK_FIELDS)
			in.mail = fields_only(a, r, message);
		if (v.ask & RULES_ASK_BODY)
			known |= RULES_ASK_FIELDS;
	}
	HOLDS(!"it never has asked enough");
}

/* Some of it known, some of the rest not to be had. */
static void in_part(const struct rules *r, struct arena *a,
    struct str message, const struct verdict *all, struct fuzz_dice *dice)
{
	struct facts facts = make_facts(message);
	struct match_input in = make_input(&facts);
	unsigned known = (unsigned)fuzz_roll(dice, FACTS + 1);
	struct verdict v;

	facts.known = known;
	switch (fuzz_roll(dice, 3)) {
	case 0:
		in.mail = mail_make(a, message, MAIL_WHOLE, NULL, 0);
		known |= RULES_ASK_FIELDS | RULES_ASK_BODY;
		break;
	case 1:
		in.mail = fields_only(a, r, message);
		known |= RULES_ASK_FIELDS;
		break;
	}
	if (fuzz_roll(dice, 2)) {
		in.searched = search(a, r);
		known |= RULES_ASK_SEARCH;
	}
	in.denied = ~known & (unsigned)fuzz_roll(dice, RULES_ASK_BODY << 1);
	if (judge(r, a, &in, &v)) {
		check_agrees(&v, all);
		HOLDS(!(v.ask & (known | in.denied)));
	}
}

void fuzz_match(const struct rules *r, struct str message)
{
	struct fuzz_dice dice = { str_hash(message) + rules_count(r) };
	struct arena *a = arena_new();
	struct facts facts = make_facts(message);
	struct match_input in = make_input(&facts);
	struct verdict v, told;

	facts.known = FACTS;
	in.mail = mail_make(a, message, MAIL_WHOLE, NULL, 0);
	in.searched = search(a, r);
	if (!judge(r, a, &in, &v))
		goto out;
	HOLDS(v.ask == 0);
	in.explain = true;
	HOLDS(judge(r, a, &in, &told));
	check_same(&v, &told);
	for (size_t i = 0; i < told.n_rules; i++)
		if (told.rules[i].tree)
			check_tree(told.rules[i].tree);
	in_rounds(r, a, message, &v);
	for (int i = 0; i < 4; i++)
		in_part(r, a, message, &v, &dice);
out:
	arena_free(&a);
}
