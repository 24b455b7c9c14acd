/*
 * Tests in rule files: a message as described, judged with everything known,
 * and what came out against what was expected.
 */
#include "compile.h"

#include <stdlib.h>

struct run {
	const struct rules *rules;
	const struct test_case *test;
	struct arena *arena;
	struct facts facts;
	struct verdict verdict;
	struct rules_test_result *out;
	size_t cap_differences;
};

/* ---------------------------------------------------------------- input */

/* As IMAP counts it: RFC 9051 has each line end as CRLF. */
static uint64_t imap_size(struct str message)
{
	uint64_t n = message.n;

	for (size_t i = 0; i < message.n; i++)
		if (message.p[i] == '\n' &&
		    (i == 0 || message.p[i - 1] != '\r'))
			n++;
	return n;
}

static bool has_inbox(const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq_z(list[i], "INBOX"))
			return true;
	return false;
}

/* Labels without INBOX, and no mailbox named: it was archived. */
static void make_facts(struct run *run, struct mail *mail, int64_t now,
    const struct zone *zone)
{
	const struct test_case *t = run->test;
	bool inbox = has_inbox(t->labels, t->n_labels);
	struct facts *f = &run->facts;
	struct str *labels = arena_array(run->arena, t->n_labels,
	    sizeof(*labels));

	*f = (struct facts){
		.known = RULES_ASK_FLAGS | RULES_ASK_LABELS |
		    RULES_ASK_SIZE | RULES_ASK_RECEIVED,
		.account = t->account, .mailbox = t->mailbox,
		.flags = t->flags, .n_flags = t->n_flags,
		.labels = labels, .in_inbox = inbox, .inbox_is_label = true,
		.size = imap_size(t->message),
	};
	if (f->mailbox.n == 0)
		f->mailbox = inbox ? STR_LIT("INBOX") : STR_LIT("Archive");
	for (size_t i = 0; i < t->n_labels; i++)
		if (!str_ieq_z(t->labels[i], "INBOX"))
			labels[f->n_labels++] = t->labels[i];
	f->received = t->received == TIME_NONE ? mail_sent(mail) :
	    zone_first(zone, t->received);
	if (f->received == TIME_NONE)
		f->received = now;
}

/* ---------------------------------------------------------- differences */

static struct str listed(struct run *run, const struct str *list, size_t n)
{
	struct buf b;
	struct str out;

	buf_init(&b, 4096);
	buf_add_char(&b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_z(&b, ", ");
		buf_add_str(&b, list[i]);
	}
	buf_add_z(&b, b.over ? "...]" : "]");
	out = arena_str(run->arena, buf_str(&b));
	buf_free(&b);
	return out;
}

static void differs(struct run *run, const char *what, struct str expected,
    struct str got)
{
	struct rules_test_result *out = run->out;

	arena_grow(run->arena, &out->differences, out->n_differences,
	    &run->cap_differences);
	out->differences[out->n_differences++] = arena_printf(run->arena,
	    "%s: expected %.*s, got %.*s", what, STR_ARG(expected),
	    STR_ARG(got));
	out->passed = false;
}

static int by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int by_letters(const void *a, const void *b)
{
	struct str x = *(const struct str *)a, y = *(const struct str *)b;

	for (size_t i = 0; i < x.n && i < y.n; i++) {
		int d = (unsigned char)ch_lower(x.p[i]) -
		    (unsigned char)ch_lower(y.p[i]);

		if (d)
			return d;
	}
	return x.n < y.n ? -1 : x.n > y.n;
}

struct set {
	struct str *list;
	size_t n;
};

/* Sorted, each once. */
static struct set set_make(struct run *run, const struct str *list, size_t n,
    int (*order)(const void *, const void *))
{
	struct set s = { arena_array(run->arena, n, sizeof(*s.list)), 0 };

	for (size_t i = 0; i < n; i++)
		s.list[i] = str_ieq_z(list[i], "INBOX") ? STR_LIT("INBOX") :
		    list[i];
	if (n > 1)
		qsort(s.list, n, sizeof(*s.list), order);
	for (size_t i = 0; i < n; i++)
		if (s.n == 0 || order(&s.list[s.n - 1], &s.list[i]) != 0)
			s.list[s.n++] = s.list[i];
	return s;
}

static void compare_sets(struct run *run, const char *what,
    const struct str *expected, size_t n_expected, const struct str *got,
    size_t n_got, int (*order)(const void *, const void *))
{
	struct set want = set_make(run, expected, n_expected, order);
	struct set have = set_make(run, got, n_got, order);
	bool same = want.n == have.n;

	for (size_t i = 0; i < want.n && same; i++)
		same = order(&want.list[i], &have.list[i]) == 0;
	if (!same)
		differs(run, what, listed(run, want.list, want.n),
		    listed(run, have.list, have.n));
}

/* Names of rules, in file order. */
static void compare_rules(struct run *run, const char *what,
    const struct str *expected, size_t n,
    bool (*picks)(const struct rule_result *))
{
	const struct verdict *v = &run->verdict;
	struct str *got = arena_array(run->arena, v->n_rules, sizeof(*got));
	size_t n_got = 0;
	bool same;

	for (size_t i = 0; i < v->n_rules; i++)
		if (picks(&v->rules[i]))
			got[n_got++] = str_of(rules_info(run->rules,
			    v->rules[i].rule)->name);
	same = n == n_got;
	for (size_t i = 0; i < n && same; i++)
		same = str_eq(expected[i], got[i]);
	if (!same)
		differs(run, what, listed(run, expected, n),
		    listed(run, got, n_got));
}

static bool fired(const struct rule_result *rr)
{
	return rr->truth == TRUTH_TRUE;
}

static bool stayed_unknown(const struct rule_result *rr)
{
	return rr->reached && rr->truth == TRUTH_UNKNOWN;
}

static bool failed(const struct rule_result *rr)
{
	return rr->failed;
}

static bool same_mailbox(struct str a, struct str b)
{
	return str_eq(a, b) ||
	    (str_ieq_z(a, "INBOX") && str_ieq_z(b, "INBOX"));
}

static void compare(struct run *run)
{
	const struct test_case *t = run->test;
	const struct verdict *v = &run->verdict;

	if (t->has_rules)
		compare_rules(run, "rules", t->rules, t->n_rules, fired);
	if (t->has_unknown)
		compare_rules(run, "unknown", t->unknown, t->n_unknown,
		    stayed_unknown);
	if (t->has_failed)
		compare_rules(run, "failed", t->failed, t->n_failed, failed);
	if (t->has_labels)
		compare_sets(run, "labels", t->expect_labels,
		    t->n_expect_labels, v->labels_after, v->n_labels_after,
		    by_bytes);
	if (t->has_flags)
		compare_sets(run, "flags", t->expect_flags,
		    t->n_expect_flags, v->flags_after, v->n_flags_after,
		    by_letters);
	if (t->has_replaced && t->replaced != (v->wants.n_rewrites > 0))
		differs(run, "replaced", str_of(t->replaced ? "true" :
		    "false"), str_of(t->replaced ? "false" : "true"));
	if (t->has_mailbox && !same_mailbox(t->expect_mailbox,
	    v->mailbox_after))
		differs(run, "mailbox", t->expect_mailbox,
		    v->mailbox_after);
}

/* ----------------------------------------------------------------- face */

void rules_test_run(const struct rules *r, struct arena *a, size_t index,
    int64_t now, const struct zone *zone,
    struct rules_test_result *out)
{
	const struct test_case *t = &r->tests[index];
	struct run run = { .rules = r, .test = t, .arena = a, .out = out };
	struct match_input in = {
		.is_new = true,
		.trusted_authserv = t->authserv,
		.no_programs = "a test starts no programs",
		.no_signatures = "a test has no keyring",
		.no_searches = "a test asks no server",
	};

	*out = (struct rules_test_result){ .name = t->name, .pos = t->pos,
	    .passed = true };
	if (t->unreadable.n) {
		out->differences = arena_array(a, 1, sizeof(struct str));
		out->differences[out->n_differences++] = t->unreadable;
		out->passed = false;
		return;
	}
	if (t->zone)
		zone = t->zone;
	in.zone = zone;
	in.now = t->now == TIME_NONE ? now : zone_first(zone, t->now);
	in.mail = mail_make(a, t->message, MAIL_WHOLE, NULL, 0);
	make_facts(&run, in.mail, in.now, zone);
	in.facts = &run.facts;
	rules_match(r, a, &in, &run.verdict);
	compare(&run);
}
