/*
 * match - what must hold for every program and message, tried with random
 * small ones; and what golden cases (tests/rules) cannot say: time, many
 * labels, tests in rule files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rules/rules.h"

#define PROGRAMS	2500
#define FACTS_ALL	(RULES_ASK_FLAGS | RULES_ASK_LABELS | \
			RULES_ASK_SIZE | RULES_ASK_RECEIVED)
#define ASK_ALL		(FACTS_ALL | RULES_ASK_FIELDS | RULES_ASK_BODY | \
			RULES_ASK_PROGRAM)

/* ---------------------------------------------------------------- loading */

static bool read_text(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	(void)path;
	(void)e;
	buf_add_str(out, *(const struct str *)ctx);
	return true;
}

static struct rules *try_load(struct arena *a, struct str text,
    struct problems *ps)
{
	static const char *const paths[] = { "test.yaml" };
	const struct file_reader reader = { .read = read_text, .ctx = &text };

	problems_init(ps, a);
	return rules_load(a, paths, 1, &reader, NULL, 0, NULL, ps);
}

static struct rules *load(struct arena *a, const char *text)
{
	struct problems ps;
	struct rules *r = try_load(a, str_of(text), &ps);
	struct buf b;

	buf_init(&b, 65536);
	for (size_t i = 0; !r && i < ps.n; i++)
		problem_show(&b, &ps.list[i]);
	if (!r)
		fprintf(stderr, "%s", buf_z(&b));
	buf_free(&b);
	assert_non_null(r);
	return r;
}

/* ----------------------------------------------------------------- chance */

static uint64_t chance = 88172645463325252u;

static unsigned pick(unsigned n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)((chance >> 33) % n);
}

static bool one_in(unsigned n)
{
	return pick(n) == 0;
}

#define PICK(list)	((list)[pick(COUNT(list))])

static const char *const leaves[] = {
	"subject: red", "subject: {is: blue}", "subject: {exists: false}",
	"from: alice@example.org", "to: \"@example.net\"",
	"recipient: bob@example.net", "list_id: {local: list}",
	"header: {X-A: [red, green]}", "message_id: {exists: true}",
	"body: red", "body: {contains: blue}", "attachment: true",
	"size: {over: 100}", "size: {under: 100}", "age: {over: 2d}",
	"received: {on: 2026-01-10}", "sent: {after: 2026-01-05}",
	"is: unread", "is: starred", "flag: $A", "flag: [$A, $B]",
	"label: a", "label: b", "label: \"l/*\"", "label: INBOX",
	"label: [b, c]", "mailbox: INBOX", "mailbox: [box, Archive]",
	"mailbox: \"T*\"", "account: home", "cc: \"@example.net\"",
	"reply_to: {exists: false}", "in_reply_to: {contains: m}",
	"references: {is: r@example.org}", "sent: {before: 2026-01-05}",
	"received: {after: 2026-01-12}", "age: {under: 3d}",
	"attachment: {name: x}", "is: answered", "header: {X-B: x}",
	"subject: {regex: '^(red|green)'}", "from: {domain: example.org}",
	"header_block: {contains: red}", "subject: {count: {is: 0}}",
	"to: {count: {over: 1}}", "attachment: {count: {is: 1}}",
	"subject: {raw: true, contains: red}", "to: {name: {exists: true}}",
	"body: {raw: true, contains: blue}",
	"time_of_day: {between: [\"08:00\", \"09:01\"], of: sent}",
	"time_of_day: {between: [\"22:00\", \"09:00\"]}",
	"weekday: sat", "weekday: {is: thu, of: sent, zone: \"+12:00\"}",
	"weekday: {is: thu, of: now}", "run: {command: yes}",
	"run: {command: no}", "run: {command: [which, \"$(rule)\"]}",
};

static const char *const actions[] = {
	"{label: a}", "{label: b}", "{label: l/x}", "{label: INBOX}",
	"{unlabel: a}", "{unlabel: b}", "{unlabel: INBOX}", "{mark: read}",
	"{unmark: read}", "{mark: starred}", "{flag: $A}", "{unflag: $A}",
	"archive", "trash", "inbox", "{move: box}", "{copy: box}", "stop",
	"{label: \"l/$(header.X-A)\"}", "{label: \"l/$(subject:-none)\"}",
	"{label: \"$(list_id.local)\"}", "{move: \"m/$(size)\"}",
	"{label: \"f/$(from.domain)\"}", "{label: \"d/$(date:%Y)\"}",
	"{label: \"l/$(message_id:-x)\"}",
	"{copy: \"$(account)/$(mailbox)/$(rule)\"}", "spam",
	"{unlabel: \"l/$(header.X-A:-x)\"}",
};

static void add_cond(struct buf *b, int depth);

static void add_conds(struct buf *b, int depth, unsigned n)
{
	buf_add_char(b, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_add_z(b, ", ");
		add_cond(b, depth);
	}
	buf_add_char(b, ']');
}

/* One item: a map, or the name of a condition. */
static void add_cond(struct buf *b, int depth)
{
	static const char *const groups[] = { "all", "any", "not" };
	static const char *const names[] = { "one", "two" };

	if (depth > 0 && one_in(2)) {
		buf_printf(b, "{%s: ", PICK(groups));
		add_conds(b, depth - 1, 1 + pick(3));
		buf_add_char(b, '}');
	} else if (one_in(8)) {
		buf_add_z(b, PICK(names));
	} else {
		buf_printf(b, "{%s}", PICK(leaves));
	}
}

static void add_actions(struct buf *b)
{
	unsigned n = 1 + pick(3);

	buf_add_char(b, '[');
	for (unsigned i = 0; i < n; i++)
		buf_printf(b, "%s%s", i ? ", " : "", PICK(actions));
	buf_add_char(b, ']');
}

static void add_branches(struct buf *b)
{
	unsigned n = 1 + pick(3);

	buf_add_z(b, "    first_of:\n");
	for (unsigned i = 0; i < n; i++) {
		buf_add_z(b, "      - when: ");
		add_cond(b, 1);
		buf_add_z(b, "\n        then: ");
		add_actions(b);
		buf_add_char(b, '\n');
	}
	if (one_in(2)) {
		buf_add_z(b, "      - otherwise: ");
		add_actions(b);
		buf_add_char(b, '\n');
	}
}

/* A rule whose label hangs on what a regex caught. */
static void add_capturing(struct buf *b)
{
	static const char *const texts[] = { "subject", "body",
	    "header: {X-A" };
	const char *one = PICK(texts), *two = PICK(texts);

	buf_printf(b, "    when: {any: [{%s: {regex: '(r|b)'}}%s, ", one,
	    strchr(one, '{') ? "}" : "");
	add_cond(b, 1);
	buf_printf(b, ", {%s: {regex: '(e|g)'}}%s]}\n"
	    "    then: [{label: \"c/$(1:-none)\"}]\n", two,
	    strchr(two, '{') ? "}" : "");
}

static void add_rule(struct buf *b, unsigned i)
{
	bool branches;

	buf_printf(b, "  - name: r%u\n", i);
	if (one_in(4)) {
		buf_add_z(b, "    on_error: ");
		add_actions(b);
		buf_add_char(b, '\n');
	}
	if (one_in(10))
		buf_add_z(b, "    in: [INBOX]\n");
	if (one_in(10))
		buf_add_z(b, "    account: [home]\n");
	if (one_in(20))
		buf_add_z(b, "    enabled: false\n");
	if (one_in(3))
		buf_add_z(b, "    applies_to: all\n");
	if (one_in(8)) {
		add_capturing(b);
		return;
	}
	if (!one_in(8)) {
		buf_add_z(b, "    when: ");
		add_cond(b, 2);
		buf_add_char(b, '\n');
	}
	branches = one_in(4);
	if (!branches || one_in(2)) {
		buf_add_z(b, "    then: ");
		add_actions(b);
		buf_add_char(b, '\n');
	}
	if (branches)
		add_branches(b);
}

static struct str random_program(struct arena *a)
{
	struct buf b;
	struct str text;
	unsigned n = 1 + pick(6);

	buf_init(&b, 65536);
	buf_printf(&b, "version: 1\nconditions:\n  one: {%s}\n",
	    PICK(leaves));
	buf_add_z(&b, "  two: {any: ");
	add_conds(&b, 1, 1 + pick(2));
	/* not in itself */
	for (size_t i = 0; i + 3 <= b.n; i++)
		if (memcmp(b.p + i, "two", 3) == 0 &&
		    (i == 0 || b.p[i + 3] != ':'))
			memcpy(b.p + i, "one", 3);
	buf_add_z(&b, "}\nrules:\n");
	for (unsigned i = 0; i < n; i++)
		add_rule(&b, i);
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

static struct str random_message(struct arena *a)
{
	static const char *const froms[] = {
	    "From: Alice <alice@example.org>\n",
	    "From: eve@example.com\n", "" };
	static const char *const tos[] = { "To: bob@example.net\n",
	    "To: x@example.com\nCc: bob@example.net\n", "" };
	static const char *const subjects[] = { "Subject: red\n",
	    "Subject: blue\n", "Subject: green red\n", "Subject:\n", "" };
	static const char *const others[] = { "X-A: red\n", "X-A: blue\n",
	    "X-A: a/b\nX-A: green\n", "" };
	static const char *const lists[] = { "List-Id: <list.example.net>\n",
	    "List-Id: <b.example.net>\n", "" };
	static const char *const dates[] = {
	    "Date: Sat, 10 Jan 2026 10:00:00 +0000\n",
	    "Date: Thu, 1 Jan 2026 10:00:00 +0000\n", "Date: soon\n", "" };
	static const char *const bodies[] = { "red\n", "blue\n", "green\n",
	    "" };

	return arena_printf(a, "%s%s%s%s%s%s%s\n%s", PICK(froms), PICK(tos),
	    PICK(subjects), PICK(others), PICK(lists), PICK(dates),
	    one_in(2) ? "Message-ID: <m@example.org>\n" : "", PICK(bodies));
}

/* -------------------------------------------------------------- judgement */

/* A message, all of it; how much the matcher sees is another matter. */
struct world {
	struct arena *arena;
	struct str program;
	const struct rules *rules;
	struct str message;
	struct facts facts;
	struct str flags[4], labels[4];
	const struct str *fields;
	size_t n_fields;
	bool whole;		/* the header is asked for whole */
	bool is_new, due[100];
	const char *failed[100];
	struct program_answer answers[100];
	size_t n_answers;
};

static void random_facts(struct world *w)
{
	static const char *const flags[] = { "\\Seen", "\\Flagged", "$A",
	    "$B" };
	static const char *const labels[] = { "a", "b", "l/x", "c" };
	static const char *const boxes[] = { "INBOX", "box", "All Mail" };
	struct facts *f = &w->facts;

	*f = (struct facts){
		.account = str_of(one_in(2) ? "home" : "work"),
		.mailbox = str_of(PICK(boxes)),
		.flags = w->flags, .labels = w->labels,
		.inbox_is_label = one_in(2),
		.size = w->message.n,
		.received = time_from_civil(2026, 1, one_in(2) ? 10 : 14, 9,
		    0, 0),
	};
	f->in_inbox = f->inbox_is_label && one_in(2);
	w->is_new = !one_in(4);
	for (size_t i = 0; i < COUNT(w->due); i++)
		w->due[i] = !one_in(10);
	for (size_t i = 0; i < COUNT(flags); i++)
		if (one_in(2))
			w->flags[f->n_flags++] = str_of(flags[i]);
	for (size_t i = 0; i < COUNT(labels); i++)
		if (one_in(2))
			w->labels[f->n_labels++] = str_of(labels[i]);
}

/* "yes" and "no" say so; "which" one thing of some rules, and another of
 * others. */
static void random_answers(struct world *w)
{
	for (unsigned i = 0; i < 10; i++) {
		struct program_answer *a = &w->answers[w->n_answers++];
		struct str key = i == 8 ? STR_LIT("yes") :
		    i == 9 ? STR_LIT("no") :
		    arena_printf(w->arena, "which r%u", i);
		size_t blank = str_find_char(key, 0, ' ');
		char *z = arena_z(w->arena, key);

		if (blank < key.n)
			z[blank] = '\0';
		a->key = (struct str){ z, key.n + 1 };
		a->truth = i == 8 || (i < 8 && one_in(2)) ? TRUTH_TRUE :
		    TRUTH_FALSE;
		if (one_in(10))
			w->failed[i] = "it was refused";
	}
}

/* False when chance made a program that the compiler refuses. */
static bool random_world(struct world *w, struct arena *a)
{
	struct problems ps;

	arena_reset(a);
	*w = (struct world){ .arena = a, .program = random_program(a) };
	w->rules = try_load(a, w->program, &ps);
	if (!w->rules)
		return false;
	w->n_fields = rules_fields(w->rules, &w->fields, &w->whole);
	w->message = random_message(a);
	random_facts(w);
	random_answers(w);
	return true;
}

/* Judged when only KNOWN (a set of RULES_ASK_*) is known. */
static void judge(const struct world *w, unsigned known, unsigned denied,
    bool explain, struct verdict *v)
{
	struct facts f = w->facts;
	size_t head = mail_body_offset(w->message);
	struct match_input in = {
		.facts = &f, .denied = denied & ~known,
		.denied_reason = "denied", .is_new = w->is_new,
		.due = w->due,
		.failed = w->failed,
		.answers = w->answers,
		.n_answers = known & RULES_ASK_PROGRAM ? w->n_answers : 0,
		.no_programs = denied & ~known & RULES_ASK_PROGRAM ?
		    "denied" : NULL,
		.now = time_from_civil(2026, 1, 15, 12, 0, 0),
		.explain = explain,
	};

	f.known = known & FACTS_ALL;
	if (!(known & RULES_ASK_LABELS)) {	/* to read them is a fault */
		f.labels = NULL;
		f.n_labels = 0;
		f.in_inbox = false;
	}
	if (!(known & RULES_ASK_FLAGS)) {
		f.flags = NULL;
		f.n_flags = 0;
	}
	if (!(known & RULES_ASK_SIZE))
		f.size = 0;
	if (!(known & RULES_ASK_RECEIVED))
		f.received = TIME_NONE;
	if (known & RULES_ASK_BODY)
		in.mail = mail_make(w->arena, w->message, MAIL_WHOLE, NULL,
		    0);
	else if (known & RULES_ASK_FIELDS)
		in.mail = mail_make(w->arena, str_sub(w->message, 0, head),
		    w->whole ? MAIL_HEADER : MAIL_FIELDS, w->fields,
		    w->n_fields);
	rules_match(w->rules, w->arena, &in, v);
}

static void complain(const struct world *w, const char *what,
    const char *rule, unsigned known)
{
	fprintf(stderr, "%s (rule %s, known 0x%x)\n%.*s\n--- message in "
	    "%.*s%s, labels", what, rule, known, STR_ARG(w->program),
	    STR_ARG(w->facts.mailbox), w->facts.in_inbox ? " (INBOX)" : "");
	for (size_t i = 0; i < w->facts.n_labels; i++)
		fprintf(stderr, " %.*s", STR_ARG(w->facts.labels[i]));
	fprintf(stderr, ", flags");
	for (size_t i = 0; i < w->facts.n_flags; i++)
		fprintf(stderr, " %.*s", STR_ARG(w->facts.flags[i]));
	fprintf(stderr, "\n%.*s\n", STR_ARG(w->message));
	fail();
}

static bool same_want(const struct want *a, const struct want *b)
{
	return str_eq(a->name, b->name) && a->add == b->add &&
	    a->rule == b->rule;
}

static bool same_place(const struct want_place *a,
    const struct want_place *b)
{
	return a->kind == b->kind && a->rule == b->rule &&
	    str_eq(a->mailbox, b->mailbox);
}

static bool same_wants(const struct wants *a, const struct wants *b)
{
	bool same = a->n_labels == b->n_labels && a->n_flags == b->n_flags &&
	    a->n_copies == b->n_copies && same_place(&a->place, &b->place);

	for (size_t i = 0; same && i < a->n_labels; i++)
		same = same_want(&a->labels[i], &b->labels[i]);
	for (size_t i = 0; same && i < a->n_flags; i++)
		same = same_want(&a->flags[i], &b->flags[i]);
	for (size_t i = 0; same && i < a->n_copies; i++)
		same = same_place(&a->copies[i], &b->copies[i]);
	return same;
}

static bool same_list(const struct str *a, size_t n, const struct str *b,
    size_t m)
{
	bool same = n == m;

	for (size_t i = 0; same && i < n; i++)
		same = str_eq(a[i], b[i]);
	return same;
}

/* What is decided with less known must be so with all known. */
static void check_consistent(const struct world *w, unsigned known,
    const struct verdict *v, const struct verdict *full)
{
	size_t fired = 0, unknown = 0, failed = 0;

	for (size_t i = 0; i < v->n_rules; i++) {
		const struct rule_result *some = &v->rules[i];
		const struct rule_result *all = &full->rules[i];
		const char *name = rules_info(w->rules, i)->name;

		fired += some->truth == TRUTH_TRUE;
		unknown += some->truth == TRUTH_UNKNOWN;
		failed += some->failed;
		if (some->truth == TRUTH_UNKNOWN) {
			if (!some->reached || !some->unknown)
				complain(w, "unknown without a reason", name,
				    known);
			continue;
		}
		if (some->truth != all->truth ||
		    some->failed != all->failed ||
		    some->reached != all->reached)
			complain(w, "a decided truth flipped", name, known);
	}
	assert_int_equal(fired, v->n_fired);
	assert_int_equal(unknown, v->n_unknown);
	assert_int_equal(failed, v->n_failed);
	if (unknown == 0 && !same_wants(&v->wants, &full->wants))
		complain(w, "all decided, but other wants", "-", known);
}

static bool has(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return true;
	return false;
}

/* The labels afterwards are those before with what is wanted. */
static void check_labels(const struct world *w, const struct verdict *v)
{
	const struct wants *wants = &v->wants;
	size_t n = v->n_labels_before;
	const struct str inbox = STR_LIT("INBOX");
	bool was = has(v->labels_before, n, inbox), is = was;

	if (wants->place.kind != PLACE_STAY)
		is = wants->place.kind == PLACE_MAILBOX &&
		    str_eq(wants->place.mailbox, inbox);
	if (has(v->labels_after, v->n_labels_after, inbox) != is)
		complain(w, "INBOX is not where it should be", "-", 0);
	n = n + is - was;
	for (size_t i = 0; i < wants->n_labels; i++) {
		const struct want *x = &wants->labels[i];

		if (has(v->labels_after, v->n_labels_after, x->name) !=
		    x->add)
			complain(w, "a label is not as wanted", "-", 0);
		n = n + x->add - has(v->labels_before, v->n_labels_before,
		    x->name);
	}
	if (n != v->n_labels_after)
		complain(w, "labels came or went unwanted", "-", 0);
}

static void check_asks(const struct world *w, unsigned known,
    unsigned denied, const struct verdict *v)
{
	if (v->ask & known)
		complain(w, "asks what is known", "-", known);
	if (v->ask & denied)
		complain(w, "asks what is denied", "-", known);
	if (v->n_unknown == 0 && v->ask)
		complain(w, "asks without need", "-", known);
	if (v->n_unknown && !v->ask && !denied)
		complain(w, "unknown, and asks nothing", "-", known);
}

static void check_full(const struct world *w, const struct verdict *full)
{
	if (full->ask || full->n_unknown)
		complain(w, "unknown with everything known", "-", ASK_ALL);
}

/* A body brings the header with it. */
static unsigned with_header(unsigned known)
{
	return known & RULES_ASK_BODY ? known | RULES_ASK_FIELDS : known;
}

static void less_known_never_lies(void **state)
{
	struct arena *a = arena_new();
	struct world w;
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct verdict full, v;

		if (!random_world(&w, a)) {
			refused++;
			continue;
		}
		judge(&w, ASK_ALL, 0, false, &full);
		check_full(&w, &full);
		check_labels(&w, &full);
		for (unsigned k = 0; k < 12; k++) {
			unsigned known = with_header(pick(ASK_ALL + 1));

			judge(&w, known, 0, false, &v);
			check_consistent(&w, known, &v, &full);
			check_asks(&w, known, 0, &v);
		}
	}
	assert_true(refused < PROGRAMS / 10);
	arena_free(&a);
}

/* Answers come in any order, one bit at a time or all that were asked. */
static void asks_lead_to_the_verdict(void **state)
{
	struct arena *a = arena_new();
	struct world w;
	unsigned bodies = 0, decided = 0;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct verdict full, v;
		unsigned known = 0, rounds = 0;
		bool slowly = one_in(2);

		if (!random_world(&w, a))
			continue;
		judge(&w, ASK_ALL, 0, false, &full);
		for (;; rounds++) {
			unsigned answer;

			judge(&w, known, 0, false, &v);
			check_consistent(&w, known, &v, &full);
			check_asks(&w, known, 0, &v);
			if (!v.ask)
				break;
			answer = v.ask;
			while (slowly && answer & (answer - 1))
				answer &= pick(ASK_ALL + 1) | (answer &
				    -answer);
			known = with_header(known | answer);
			assert_true(rounds < 8);
		}
		assert_int_equal(v.n_unknown, 0);
		decided++;
		bodies += (known & RULES_ASK_BODY) != 0;
	}
	assert_true(decided > PROGRAMS / 2);
	assert_in_range(bodies, 1, decided - 1);
	arena_free(&a);
}

/* What is denied stays unknown at most; the rest is decided as ever. */
static void denied_is_never_no(void **state)
{
	struct arena *a = arena_new();
	struct world w;
	unsigned left = 0;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct verdict full, v;
		unsigned known = 0, denied = pick(ASK_ALL + 1);

		if (!random_world(&w, a))
			continue;
		judge(&w, ASK_ALL, 0, false, &full);
		if (denied & RULES_ASK_FIELDS)
			denied |= RULES_ASK_BODY;
		for (;;) {
			judge(&w, known, denied, false, &v);
			check_consistent(&w, known, &v, &full);
			check_asks(&w, known, denied, &v);
			if (!v.ask)
				break;
			known = with_header(known | v.ask);
		}
		left += v.n_unknown > 0;
	}
	assert_in_range(left, 1, PROGRAMS - 1);
	arena_free(&a);
}

/* A truth in the tree is that of the rule, and leaves say why. */
static void check_tree(const struct world *w, const struct explained *x,
    unsigned *deciding, unsigned known)
{
	if (x->decides)
		++*deciding;
	if (x->reached && x->truth == TRUTH_UNKNOWN && x->n_kids == 0 &&
	    x->reason.n == 0)
		complain(w, "an unknown leaf without a reason", "-", known);
	for (size_t i = 0; i < x->n_kids; i++) {
		if (x->kids[i]->reached && !x->reached)
			complain(w, "reached below what was not", "-",
			    known);
		check_tree(w, x->kids[i], deciding, known);
	}
}

static void explaining_changes_nothing(void **state)
{
	struct arena *a = arena_new();
	struct world w;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct verdict v, x;
		unsigned known = with_header(pick(ASK_ALL + 1));

		if (!random_world(&w, a))
			continue;
		judge(&w, known, 0, false, &v);
		judge(&w, known, 0, true, &x);
		assert_int_equal(v.ask, x.ask);
		assert_true(same_wants(&v.wants, &x.wants));
		assert_true(same_list(v.labels_after, v.n_labels_after,
		    x.labels_after, x.n_labels_after));
		for (size_t k = 0; k < v.n_rules; k++) {
			const struct rule_result *rr = &x.rules[k];
			unsigned deciding = 0;

			assert_int_equal(v.rules[k].truth, rr->truth);
			assert_null(v.rules[k].tree);
			if (!rr->tree)
				continue;
			check_tree(&w, rr->tree, &deciding, known);
			if (rr->truth == TRUTH_TRUE &&
			    rr->tree->truth != TRUTH_TRUE)
				complain(&w, "fired, but the tree is not "
				    "true", rules_info(w.rules, k)->name,
				    known);
			if (deciding > 1)
				complain(&w, "decided twice",
				    rules_info(w.rules, k)->name, known);
		}
	}
	arena_free(&a);
}

/* ------------------------------------------------------------------ index */

/* Pieces that overlap, and letters that fold across ASCII's border. */
static const char *const pieces[] = {
	"a", "b", "ab", "ba", "abc", "cab", "bca", "K", "k", "\u212a", "s",
	"\u017f", "\u00e9", "\u00c9", "\u00df", "\u1e9e", "x", "Xy", ".", "-",
};

static void add_word(struct buf *b, unsigned most)
{
	unsigned n = 1 + pick(most);

	for (unsigned i = 0; i < n; i++)
		buf_add_z(b, PICK(pieces));
}

static void add_text_test(struct buf *b)
{
	static const char *const ops[] = { "is", "contains", "starts",
	    "ends" };

	if (one_in(4)) {
		buf_add_z(b, "{matches: \"");
		for (unsigned i = 0; i < 3; i++) {
			buf_add_z(b, one_in(3) ? "*" : one_in(4) ? "?" :
			    one_in(4) ? "\\\\" : "");
			add_word(b, 3);
		}
		buf_add_z(b, "*\"}");
		return;
	}
	buf_printf(b, "{%s: ", PICK(ops));
	if (one_in(3)) {
		buf_add_z(b, "[\"");
		add_word(b, 3);
		buf_add_z(b, "\", \"");
		add_word(b, 3);
		buf_add_z(b, "\"]");
	} else {
		buf_add_char(b, '"');
		add_word(b, 4);
		buf_add_char(b, '"');
	}
	buf_add_z(b, one_in(6) ? ", case: exact}" : "}");
}

static void add_ascii_word(struct buf *b)
{
	unsigned n = 1 + pick(2);

	for (unsigned i = 0; i < n; i++)
		buf_add_z(b, pieces[pick(9)]);
}

static void add_indexed_leaf(struct buf *b)
{
	static const char *const fields[] = { "subject: ",
	    "header: {X-A: ", "list_id: ", "message_id: ", "references: " };
	static const char *const parts[] = { "name", "local", "address" };
	const char *field;

	switch (pick(5)) {
	case 0:
		buf_printf(b, "%s: \"", one_in(2) ? "from" : "recipient");
		buf_add_z(b, one_in(2) ? "@" : "@*.");
		add_ascii_word(b);
		buf_add_z(b, ".example\"");
		break;
	case 1:
		buf_add_z(b, "from: \"");
		add_ascii_word(b);
		buf_add_z(b, one_in(2) ? "\"" : "@ab.example\"");
		break;
	case 2:
		buf_printf(b, "to: {%s: ", PICK(parts));
		add_text_test(b);
		buf_add_char(b, '}');
		break;
	default:
		field = PICK(fields);
		buf_add_z(b, field);
		add_text_test(b);
		buf_add_z(b, strchr(field, '{') ? "}" : "");
		break;
	}
}

static void add_indexed_cond(struct buf *b, int depth)
{
	static const char *const groups[] = { "all", "all", "any", "not" };
	unsigned n = 1 + pick(3);

	if (depth == 0 || one_in(2)) {
		buf_add_char(b, '{');
		if (one_in(10))
			buf_add_z(b, PICK(leaves));
		else
			add_indexed_leaf(b);
		buf_add_char(b, '}');
		return;
	}
	buf_printf(b, "{%s: [", PICK(groups));
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_add_z(b, ", ");
		add_indexed_cond(b, depth - 1);
	}
	buf_add_z(b, "]}");
}

static struct str many_rules(struct arena *a)
{
	struct buf b;
	struct str text;

	buf_init(&b, 1024 * 1024);
	buf_add_z(&b, "version: 1\nconditions:\n  one: ");
	add_indexed_cond(&b, 1);
	buf_add_z(&b, "\nrules:\n");
	for (unsigned i = 0; i < 80; i++) {
		buf_printf(&b, "  - name: r%u\n    when: ", i);
		if (one_in(20))
			buf_add_z(&b, "one");
		else
			add_indexed_cond(&b, 2);
		buf_add_z(&b, "\n    then: ");
		add_actions(&b);
		buf_add_char(&b, '\n');
	}
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

static struct str many_words(struct arena *a)
{
	struct buf b;
	struct str text;

	buf_init(&b, 65536);
	buf_add_z(&b, "From: ");
	add_ascii_word(&b);
	buf_add_z(&b, " <");
	add_ascii_word(&b);
	buf_add_z(&b, one_in(2) ? "@ab.example>\nSubject: " :
	    "@x.ab.example>\nSubject: ");
	add_word(&b, 6);
	buf_add_z(&b, "\nTo: \"");
	add_word(&b, 3);
	buf_add_z(&b, "\" <\"");
	add_ascii_word(&b);
	buf_add_z(&b, "\\\" \"@k.example>\nX-A: ");
	add_word(&b, 5);
	buf_add_z(&b, "\nX-A: ");
	add_word(&b, 5);
	buf_add_z(&b, "\nMessage-ID: <");
	add_word(&b, 3);
	buf_add_z(&b, ">\nReferences: <");
	add_word(&b, 3);
	buf_add_z(&b, "> <a@b>\nList-Id: <");
	add_word(&b, 3);
	buf_add_z(&b, ">\n\nred\n");
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

/* The explanation goes without the index, and must find the same. */
static void index_loses_nothing(void **state)
{
	struct arena *a = arena_new();
	struct world w;
	unsigned refused = 0, fired = 0;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS / 10; i++) {
		struct problems ps;

		arena_reset(a);
		w = (struct world){ .arena = a, .program = many_rules(a) };
		w.rules = try_load(a, w.program, &ps);
		if (!w.rules) {
			refused++;
			continue;
		}
		w.n_fields = rules_fields(w.rules, &w.fields, &w.whole);
		for (unsigned k = 0; k < 10; k++) {
			unsigned known = with_header(pick(ASK_ALL + 1) |
			    (one_in(2) ? RULES_ASK_FIELDS : 0));
			struct verdict v, x;

			w.message = many_words(a);
			random_facts(&w);
			judge(&w, known, 0, false, &v);
			judge(&w, known, 0, true, &x);
			for (size_t n = 0; n < v.n_rules; n++)
				if (v.rules[n].truth != x.rules[n].truth ||
				    v.rules[n].reached !=
				    x.rules[n].reached)
					complain(&w, "the index lost it",
					    rules_info(w.rules, n)->name,
					    known);
			assert_int_equal(v.ask, x.ask);
			assert_true(same_wants(&v.wants, &x.wants));
			fired += v.n_fired > 0;
		}
	}
	assert_true(refused < PROGRAMS / 10 / 5);
	assert_true(fired > PROGRAMS / 10);
	arena_free(&a);
}

/* What random words seldom come to. */
static void index_finds_the_odd(void **state)
{
	static const char *const odd[] = {
		"to: {local: {contains: 'a\"bcd'}}",
		"subject: {matches: '*\\\u00c9abz*'}",
		"recipient: cc@example.org",
		"recipient: delivered@example.org",
		"header: {X-A: {exists: true, contains: third}}",
		"from: \"@b\u00fccher.example\"",
		"from: {domain: xn--bcher-kva.example}",
		"subject: ab",		/* too short for a gram */
		"subject: {regex: '(?i)E?ABZ'}",
	};
	struct arena *a = arena_new();
	struct facts f = { .known = FACTS_ALL, .mailbox = STR_LIT("INBOX"),
	    .account = STR_EMPTY };
	struct match_input in = { .facts = &f, .is_new = true };
	struct verdict v;
	struct rules *r;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	buf_add_z(&b, "version: 1\nrules:\n");
	for (int i = 0; i < 60; i++)
		buf_printf(&b, "  - name: f%d\n    when: {subject: word%d}\n"
		    "    then: stop\n", i, i);
	for (size_t i = 0; i < COUNT(odd); i++)
		buf_printf(&b, "  - name: r%zu\n    when: {%s}\n"
		    "    then: {label: l}\n", i, odd[i]);
	r = load(a, buf_z(&b));
	buf_free(&b);
	in.mail = mail_make(a, STR_LIT("From: x@b\u00fccher.example\n"
	    "To: \"a\\\"bcd\"@example.org\nCc: cc@example.org\n"
	    "Delivered-To: delivered@example.org\n"
	    "Subject: =?utf-8?q?=C3=A9abz?=\n"
	    "X-A: first\nX-A: second\nX-A: the third\n\n"),
	    MAIL_HEADER, NULL, 0);
	rules_match(r, a, &in, &v);
	for (size_t i = 0; i < COUNT(odd); i++)
		if (v.rules[60 + i].truth != TRUTH_TRUE)
			fail_msg("lost: %s", odd[i]);
	assert_int_equal(v.n_fired, COUNT(odd));
	arena_free(&a);
}

/* ------------------------------------------------------------------- time */

static bool always_late(void *ctx)
{
	++*(unsigned *)ctx;
	return true;
}

static void time_up_is_unknown(void **state)
{
	struct arena *a = arena_new();
	struct rules *r = load(a, "version: 1\nrules:\n"
	    "  - name: header\n    when: {subject: red}\n    then: archive\n"
	    "  - name: body\n    when: {body: red}\n    then: trash\n"
	    "  - name: after\n    when: {subject: red}\n    then: inbox\n");
	unsigned asked = 0;
	struct facts f = { .known = FACTS_ALL, .mailbox = STR_LIT("INBOX"),
	    .account = STR_EMPTY };
	struct match_input in = { .facts = &f, .is_new = true,
	    .out_of_time = always_late, .out_of_time_ctx = &asked };
	struct verdict v;

	(void)state;
	in.mail = mail_make(a, STR_LIT("Subject: red\n\nred\n"), MAIL_WHOLE,
	    NULL, 0);
	rules_match(r, a, &in, &v);
	/* the clock is looked at before a body, not before each leaf */
	assert_int_equal(v.rules[0].truth, TRUTH_TRUE);
	assert_int_equal(v.rules[1].truth, TRUTH_UNKNOWN);
	assert_string_equal(v.rules[1].unknown,
	    "the time for this message was up");
	assert_int_equal(v.rules[2].truth, TRUTH_UNKNOWN);
	assert_int_equal(v.ask, 0);
	assert_int_equal(asked, 1);	/* once up, it stays up */
	arena_free(&a);
}

/* ----------------------------------------------------------------- numbers */

/* A field past a limit is all there, and to ask again brings no more. */
static void long_headers_are_not_asked_for_again(void **state)
{
	struct arena *a = arena_new();
	struct rules *r = load(a, "version: 1\nrules:\n"
	    "  - name: leaf\n    when: {to: b}\n    then: archive\n"
	    "  - name: count\n    when: {to: {count: {over: 9}}}\n"
	    "    then: archive\n"
	    "  - name: template\n    then: [{label: \"$(header.To)\"}]\n"
	    "  - name: other\n    when: {subject: b}\n    then: trash\n");
	struct facts f = { .known = FACTS_ALL, .mailbox = STR_LIT("INBOX"),
	    .account = STR_EMPTY };
	struct match_input in = { .facts = &f, .is_new = true };
	struct verdict v;
	struct buf b;

	(void)state;
	buf_init(&b, 10 * MAIL_ADDRESSES_MAX);
	buf_add_z(&b, "Subject: a\nTo: ");
	for (unsigned i = 0; i <= MAIL_ADDRESSES_MAX; i++)
		buf_add_z(&b, "a@b,");
	buf_add_z(&b, "\n\n");
	in.mail = mail_make(a, buf_str(&b), MAIL_WHOLE, NULL, 0);
	rules_match(r, a, &in, &v);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(v.rules[i].truth, TRUTH_UNKNOWN);
		assert_string_equal(v.rules[i].unknown,
		    "its header is longer than what is looked at");
	}
	assert_int_equal(v.rules[3].truth, TRUTH_FALSE);
	assert_int_equal(v.ask, 0);
	buf_free(&b);
	arena_free(&a);
}

/* More labels than are searched one by one, before and after. */
static void many_labels(void **state)
{
	enum { N = 3000 };
	struct arena *a = arena_new();
	struct str *labels = arena_array(a, N, sizeof(*labels));
	struct facts f = { .known = FACTS_ALL, .mailbox = STR_LIT("INBOX"),
	    .account = STR_EMPTY, .labels = labels };
	struct match_input in = { .facts = &f, .is_new = true };
	struct verdict v;
	struct rules *r;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < N; i += 2)
		labels[f.n_labels++] = arena_printf(a, "l%zu", i);
	buf_init(&b, 1024 * 1024);
	buf_add_z(&b, "version: 1\nrules:\n  - name: all\n    then:\n");
	for (size_t i = 0; i < N; i++)
		buf_printf(&b, "      - {%s: l%zu}\n",
		    i % 3 == 0 ? "unlabel" : "label", i);
	buf_add_z(&b, "  - name: l0\n    when: {label: l0}\n    then: inbox\n"
	    "  - name: l1\n    when: {label: l1}\n    then: inbox\n"
	    "  - name: l2\n    when: {label: l2}\n    then: inbox\n"
	    "  - name: none\n    when: {label: l3000}\n    then: inbox\n");
	r = load(a, buf_z(&b));
	buf_free(&b);
	rules_match(r, a, &in, &v);
	assert_int_equal(v.rules[1].truth, TRUTH_FALSE);
	assert_int_equal(v.rules[2].truth, TRUTH_TRUE);
	assert_int_equal(v.rules[3].truth, TRUTH_TRUE);
	assert_int_equal(v.rules[4].truth, TRUTH_FALSE);
	assert_int_equal(v.wants.n_labels, N);
	assert_int_equal(v.n_labels_before, N / 2 + 1);
	assert_int_equal(v.n_labels_after, N - N / 3 + 1);
	arena_free(&a);
}

/* More possible places than are told apart. */
static void many_places(void **state)
{
	struct arena *a = arena_new();
	struct facts f = { .known = FACTS_ALL, .mailbox = STR_LIT("box"),
	    .account = STR_EMPTY };
	struct match_input in = { .facts = &f, .is_new = true };
	struct verdict v;
	struct rules *r;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	buf_add_z(&b, "version: 1\nrules:\n");
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "  - name: r%d\n    when: {body: x}\n"
		    "    then: {move: m%d}\n", i, i);
	buf_add_z(&b, "  - name: last\n    when: {mailbox: m99}\n"
	    "    then: {label: a}\n  - name: known\n"
	    "    then: {move: here}\n  - name: here\n"
	    "    when: {mailbox: here}\n    then: {label: b}\n");
	r = load(a, buf_z(&b));
	buf_free(&b);
	rules_match(r, a, &in, &v);
	assert_int_equal(v.rules[100].truth, TRUTH_UNKNOWN);
	assert_int_equal(v.rules[101].truth, TRUTH_TRUE);
	assert_int_equal(v.rules[102].truth, TRUTH_TRUE);
	assert_int_equal(v.ask, RULES_ASK_BODY);
	arena_free(&a);
}

/* ---------------------------------------------------- tests in rule files */

static void run_file(struct arena *a, const char *text,
    struct rules_test_result *out, size_t n)
{
	struct rules *r = load(a, text);

	assert_int_equal(rules_test_count(r), n);
	for (size_t i = 0; i < n; i++)
		rules_test_run(r, a, i, time_from_civil(2026, 1, 15, 12, 0,
		    0), NULL, &out[i]);
}

static void assert_passed(const struct rules_test_result *t)
{
	for (size_t i = 0; i < t->n_differences; i++)
		fprintf(stderr, "%s: %.*s\n", t->name,
		    STR_ARG(t->differences[i]));
	assert_true(t->passed);
	assert_int_equal(t->n_differences, 0);
}

static const char list_rules[] =
    "version: 1\n"
    "rules:\n"
    "  - name: list\n"
    "    when: {list_id: {exists: true}}\n"
    "    then: [{label: \"lists/$(list_id.local)\"}, archive, "
    "{mark: read}]\n"
    "  - name: old\n"
    "    when: {age: {over: 3d}}\n"
    "    then: [{label: old}]\n"
    "  - name: named\n"
    "    when: {subject: name}\n"
    "    then: [{label: \"$(header.X-Name)\"}]\n";

static void tests_that_pass(void **state)
{
	struct arena *a = arena_new();
	struct rules_test_result t[6];
	struct str text = arena_printf(a, "%s%s", list_rules,
	    "tests:\n"
	    "  - name: a list\n"
	    "    message: |\n"
	    "      List-Id: <hackers.example.net>\n"
	    "\n"
	    "      Hello.\n"
	    "    labels: [INBOX, work]\n"
	    "    flags: [starred, $Junk]\n"
	    "    expect: {rules: [list], labels: [lists/hackers, work], "
	    "mailbox: Archive, flags: [read, starred, $junk], unknown: [], "
	    "failed: []}\n"
	    "  - name: by its date\n"
	    "    message: |\n"
	    "      Date: Sat, 10 Jan 2026 10:00:00 +0000\n"
	    "\n"
	    "      Hello.\n"
	    "    expect: {rules: [old], labels: [old, INBOX], "
	    "mailbox: inbox, flags: []}\n"
	    "  - name: by its time of arrival\n"
	    "    message: |\n"
	    "      Date: Sat, 10 Jan 2026 10:00:00 +0000\n"
	    "\n"
	    "      Hello.\n"
	    "    received: 2026-01-15T09:00\n"
	    "    expect: {rules: []}\n"
	    "  - name: at another time\n"
	    "    message: |\n"
	    "      Subject: hello\n"
	    "\n"
	    "      Hello.\n"
	    "    received: 2026-01-15T09:00\n"
	    "    now: 2026-01-18T08:59\n"
	    "    zone: \"+05:00\"\n"
	    "    labels: []\n"
	    "    expect: {rules: [], labels: [], mailbox: Archive}\n"
	    "  - name: elsewhere\n"
	    "    message: |\n"
	    "      Subject: hello\n"
	    "\n"
	    "      Hello.\n"
	    "    mailbox: Lists\n"
	    "    expect: {rules: [], labels: [], mailbox: Lists}\n"
	    "  - name: fails\n"
	    "    message: |\n"
	    "      Subject: name\n"
	    "\n"
	    "      Hello.\n"
	    "    expect: {rules: [], failed: [named]}\n");

	(void)state;
	run_file(a, text.p, t, COUNT(t));
	for (size_t i = 0; i < COUNT(t); i++)
		assert_passed(&t[i]);
	assert_string_equal(t[0].name, "a list");
	arena_free(&a);
}

static void assert_difference(const struct rules_test_result *t, size_t i,
    const char *sentence)
{
	assert_false(t->passed);
	assert_true(i < t->n_differences);
	assert_string_equal(t->differences[i].p, sentence);
}

static void tests_that_fail(void **state)
{
	struct arena *a = arena_new();
	struct rules_test_result t;
	struct str text = arena_printf(a, "%s%s", list_rules,
	    "tests:\n"
	    "  - name: wrong\n"
	    "    message: |\n"
	    "      List-Id: <hackers.example.net>\n"
	    "\n"
	    "      Hello.\n"
	    "    expect: {rules: [old, list], labels: [INBOX], "
	    "mailbox: INBOX, flags: [starred], unknown: [old], "
	    "failed: [named]}\n");

	(void)state;
	run_file(a, text.p, &t, 1);
	assert_difference(&t, 0, "rules: expected [old, list], got [list]");
	assert_difference(&t, 1, "unknown: expected [old], got []");
	assert_difference(&t, 2, "failed: expected [named], got []");
	assert_difference(&t, 3,
	    "labels: expected [INBOX], got [lists/hackers]");
	assert_difference(&t, 4, "flags: expected [\\Flagged], got [\\Seen]");
	assert_difference(&t, 5, "mailbox: expected INBOX, got Archive");
	assert_int_equal(t.n_differences, 6);
	arena_free(&a);
}

/* Not, where a program or a key decides what a rule reads. */
static void steady_rules(void **state)
{
	static const bool want[] = { true, true, false, false, false };
	struct arena *a = arena_new();
	struct rules *r = load(a, "version: 1\nrules:\n"
	    "- {name: a, when: {subject: x}, then: [archive]}\n"
	    "- {name: b, then: [{set_header: {X: y}}]}\n"
	    "- {name: c, when: {age: {over: 1d}}, then: [archive]}\n"
	    "- {name: d, first_of: [{then: [{pipe: x}]}]}\n"
	    "- {name: e, when: {subject: x}, then: [archive]}\n");

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++)
		assert_int_equal(rules_is_steady(r, i), want[i]);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(less_known_never_lies),
		cmocka_unit_test(asks_lead_to_the_verdict),
		cmocka_unit_test(denied_is_never_no),
		cmocka_unit_test(explaining_changes_nothing),
		cmocka_unit_test(index_loses_nothing),
		cmocka_unit_test(index_finds_the_odd),
		cmocka_unit_test(time_up_is_unknown),
		cmocka_unit_test(long_headers_are_not_asked_for_again),
		cmocka_unit_test(many_labels),
		cmocka_unit_test(many_places),
		cmocka_unit_test(tests_that_pass),
		cmocka_unit_test(tests_that_fail),
		cmocka_unit_test(steady_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
