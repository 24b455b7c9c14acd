/*
 * Runs tests/rules/NAME.case: rules, a message and what is known of it in;
 * the verdict and its explanation out, compared as text.
 *
 * Sections begin with a word and a colon in the first column; their lines are
 * indented by two blanks.
 *
 *   rules:	a list of rules, or a whole rule file
 *   mail:	the message; without one no byte of it is known
 *   facts:	KEY: VALUE, one a line.  known, denied (of flags labels size
 *		received fields body program; default: all are known, none denied),
 *		have (fields header whole; default whole), reason, account,
 *		mailbox, flags, labels, in_inbox, inbox_is_label, size,
 *		received, authserv, now, zone, new, due, body_text, steps, no_programs,
 *		failed (INDEX-OF-RULE REASON),
 *		searched (true, false or unknown for each search), no_searches,
 *		signature (pgp, smime, none, unknown, passing), no_signatures,
 *		answer (TRUTH PROGRAM ARGUMENT ..., may stand several times),
 *		becomes (INDEX-OF-STEP SECTION, with what it prints, or INDEX
 *		unknown)
 *   verdict:	a line for each rule, then what is wanted, then what to ask
 *   after:	labels, mailbox, flags afterwards (optional)
 *   message:	what the steps make of it, if all are header edits (optional)
 *   because:	the explanation (optional): + true, - false, ? unknown,
 *		. not reached, * decides
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/clock.h"
#include "rules/rules.h"

#define CASES_MAX	1000
#define FILE_MAX	(256 * 1024)
#define LIST_MAX	32

struct section {
	struct str name, text;
};

struct one_case {
	struct section sections[16];
	size_t n;
	struct arena *arena;
	struct facts facts;
	struct match_input in;
	enum mail_have have;
	struct rules_limits limits;
	bool due[LIST_MAX];
	struct program_answer answers[LIST_MAX];
	const char *failed[LIST_MAX];
	struct search_answer searched[LIST_MAX];
	struct signature_answer signature;
	struct str becomes[LIST_MAX];	/* by step; the name of a section */
	struct rewrite_answer rewritten[LIST_MAX];
};

static const struct { const char *name; unsigned bit; } ask_names[] = {
	{ "flags", RULES_ASK_FLAGS }, { "labels", RULES_ASK_LABELS },
	{ "size", RULES_ASK_SIZE }, { "received", RULES_ASK_RECEIVED },
	{ "fields", RULES_ASK_FIELDS }, { "body", RULES_ASK_BODY },
	{ "program", RULES_ASK_PROGRAM }, { "search", RULES_ASK_SEARCH },
	{ "signature", RULES_ASK_SIGNATURE },
	{ "rewrite", RULES_ASK_REWRITE },
};

/* ------------------------------------------------------------- the file */

static struct str read_file(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	char chunk[4096];
	size_t n;
	struct str text;

	assert_non_null(f);
	buf_init(&b, FILE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	assert_false(b.over);
	text = arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

/* Takes two blanks off each line; blank lines at the end go. */
static struct str dedent(struct arena *a, struct str text)
{
	struct buf b;
	struct str line, out;

	buf_init(&b, FILE_MAX);
	while (str_cut(&text, '\n', &line)) {
		buf_add_str(&b, str_starts(line, STR_LIT("  ")) ?
		    str_sub(line, 2, line.n) : line);
		buf_add_char(&b, '\n');
	}
	while (b.n > 1 && b.p[b.n - 2] == '\n')
		b.n--;
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

static void read_sections(struct one_case *c, struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		const char *from = text.p;
		size_t n = 0;

		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (line.p[line.n - 1] != ':')
			fail_msg("no section: %.*s", STR_ARG(line));
		while (n < text.n && (text.p[n] == ' ' ||
		    text.p[n] == '\n')) {
			while (n < text.n && text.p[n] != '\n')
				n++;
			n += n < text.n;
		}
		text = str_sub(text, n, text.n);
		assert_true(c->n < COUNT(c->sections));
		c->sections[c->n++] = (struct section){
			str_sub(line, 0, line.n - 1),
			dedent(c->arena, (struct str){ from, n }),
		};
	}
}

static bool section(const struct one_case *c, const char *name,
    struct str *out)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_eq_z(c->sections[i].name, name)) {
			*out = c->sections[i].text;
			return true;
		}
	return false;
}

/* -------------------------------------------------------------- the facts */

static size_t words(struct one_case *c, struct str text, char sep,
    const struct str **out)
{
	struct str *list = arena_array(c->arena, LIST_MAX, sizeof(*list));
	struct str word;
	size_t n = 0;

	while (str_cut(&text, sep, &word)) {
		word = str_trim(word);
		if (word.n == 0)
			continue;
		assert_true(n < LIST_MAX);
		list[n++] = word;
	}
	*out = list;
	return n;
}

static unsigned bits(struct one_case *c, struct str text)
{
	const struct str *list;
	size_t n = words(c, text, ' ', &list);
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		if (str_eq_z(list[i], "none"))
			continue;
		while (k < COUNT(ask_names) &&
		    !str_eq_z(list[i], ask_names[k].name))
			k++;
		if (k == COUNT(ask_names))
			fail_msg("no fact: %.*s", STR_ARG(list[i]));
		sum |= ask_names[k].bit;
	}
	return sum;
}

static int64_t number(struct str text)
{
	uint64_t n;

	assert_true(str_u64(text, INT64_MAX, &n));
	return (int64_t)n;
}

/* "2026-01-15T22:00", UTC. */
static int64_t instant(struct str t)
{
	if (str_eq_z(t, "none"))
		return TIME_NONE;
	assert_true(t.n == 16);
	return time_from_civil(number(str_sub(t, 0, 4)),
	    (int)number(str_sub(t, 5, 2)), (int)number(str_sub(t, 8, 2)),
	    (int)number(str_sub(t, 11, 2)), (int)number(str_sub(t, 14, 2)),
	    0);
}

/* The rules' zones are those of the system. */
static bool read_zone(void *ctx, const char *name, struct buf *out,
    struct err *e)
{
	(void)ctx;
	return clock_zone_file(name, out, e);
}

static const struct zone *zone_named(struct one_case *c, struct str name)
{
	const struct zone *z = NULL;
	struct err e = { 0 };
	struct buf file;
	int east;

	if (zone_read_east(name, &east))
		return zone_fixed(c->arena, east);
	buf_init(&file, ZONE_FILE_MAX);
	assert_true(clock_zone_file(arena_z(c->arena, name), &file, &e) &&
	    zone_read_file(c->arena, buf_str(&file), &z, &e));
	buf_free(&file);
	return z;
}

static bool truth_word(struct str v)
{
	assert_true(str_eq_z(v, "true") || str_eq_z(v, "false"));
	return str_eq_z(v, "true");
}

static void read_have(struct one_case *c, struct str v)
{
	c->have = str_eq_z(v, "fields") ? MAIL_FIELDS :
	    str_eq_z(v, "header") ? MAIL_HEADER : MAIL_WHOLE;
}

/* "true PROGRAM ARGUMENT ..." */
static void add_answer(struct one_case *c, struct str v)
{
	struct program_answer *a = &c->answers[c->in.n_answers++];
	const struct str *list;
	size_t n = words(c, v, ' ', &list);
	struct buf key;

	assert_true(n > 1 && c->in.n_answers <= LIST_MAX);
	c->in.answers = c->answers;
	a->truth = str_eq_z(list[0], "true") ? TRUTH_TRUE :
	    str_eq_z(list[0], "false") ? TRUTH_FALSE : TRUTH_UNKNOWN;
	a->why = "the program gave no answer";
	buf_init(&key, FILE_MAX);
	for (size_t i = 1; i < n; i++) {
		buf_add_str(&key, list[i]);
		buf_add_char(&key, '\0');
	}
	a->key = arena_str(c->arena, buf_str(&key));
	buf_free(&key);
}

/* "pgp", "smime", "none", "passing" or "unknown" */
static void read_signature(struct one_case *c, struct str v)
{
	struct signature_answer *a = &c->signature;
	bool known = str_eq_z(v, "pgp") || str_eq_z(v, "smime") ||
	    str_eq_z(v, "none");

	a->pgp = !known ? TRUTH_UNKNOWN : str_eq_z(v, "pgp") ? TRUTH_TRUE :
	    TRUTH_FALSE;
	a->smime = !known ? TRUTH_UNKNOWN : str_eq_z(v, "smime") ?
	    TRUTH_TRUE : TRUTH_FALSE;
	a->why = "it is encrypted to none of our keys";
	a->may_pass = str_eq_z(v, "passing");
	a->found = STR_LIT("good, by ABCD");
	c->in.signature = a;
}

/* How the message is known and judged. */
static bool judging_fact(struct one_case *c, struct str key, struct str v)
{
	const struct str *list;
	size_t n;

	if (str_eq_z(key, "denied")) {
		c->in.denied = bits(c, v);
	} else if (str_eq_z(key, "reason")) {
		c->in.denied_reason = arena_z(c->arena, v);
	} else if (str_eq_z(key, "have")) {
		read_have(c, v);
	} else if (str_eq_z(key, "authserv")) {
		c->in.trusted_authserv = v;
	} else if (str_eq_z(key, "now")) {
		c->in.now = instant(v);
	} else if (str_eq_z(key, "zone")) {
		c->in.zone = zone_named(c, v);
	} else if (str_eq_z(key, "new")) {
		c->in.is_new = truth_word(v);
	} else if (str_eq_z(key, "due")) {
		n = words(c, v, ' ', &list);
		for (size_t i = 0; i < n; i++)
			c->due[i] = truth_word(list[i]);
		c->in.due = c->due;
	} else if (str_eq_z(key, "body_text")) {
		c->limits.body_text = (uint32_t)number(v);
	} else if (str_eq_z(key, "steps")) {
		c->limits.regex_steps = (uint32_t)number(v);
	} else if (str_eq_z(key, "failed")) {
		c->failed[(size_t)number(str_sub(v, 0, 1))] =
		    arena_z(c->arena, str_trim(str_sub(v, 1, v.n)));
		c->in.failed = c->failed;
	} else if (str_eq_z(key, "searched")) {
		n = words(c, v, ' ', &list);
		for (size_t i = 0; i < n; i++) {
			bool known = !str_eq_z(list[i], "unknown");

			c->searched[i].truth = !known ? TRUTH_UNKNOWN :
			    truth_word(list[i]) ? TRUTH_TRUE : TRUTH_FALSE;
			c->searched[i].why = known ? NULL : "refused";
		}
		c->in.searched = c->searched;
	} else if (str_eq_z(key, "no_searches")) {
		c->in.no_searches = arena_z(c->arena, v);
	} else if (str_eq_z(key, "signature")) {
		read_signature(c, v);
	} else if (str_eq_z(key, "no_signatures")) {
		c->in.no_signatures = arena_z(c->arena, v);
	} else if (str_eq_z(key, "no_programs")) {
		c->in.no_programs = arena_z(c->arena, v);
	} else if (str_eq_z(key, "answer")) {
		add_answer(c, v);
	} else if (str_eq_z(key, "becomes")) {
		c->becomes[(size_t)number(str_sub(v, 0, 1))] =
		    str_trim(str_sub(v, 1, v.n));
	} else {
		return false;
	}
	return true;
}

static void read_fact(struct one_case *c, struct str key, struct str v)
{
	struct facts *f = &c->facts;

	if (str_eq_z(key, "known"))
		f->known = bits(c, v);
	else if (str_eq_z(key, "account"))
		f->account = v;
	else if (str_eq_z(key, "mailbox"))
		f->mailbox = v;
	else if (str_eq_z(key, "flags"))
		f->n_flags = words(c, v, ' ', &f->flags);
	else if (str_eq_z(key, "labels"))
		f->n_labels = words(c, v, ',', &f->labels);
	else if (str_eq_z(key, "in_inbox"))
		f->in_inbox = truth_word(v);
	else if (str_eq_z(key, "inbox_is_label"))
		f->inbox_is_label = truth_word(v);
	else if (str_eq_z(key, "size"))
		f->size = (uint64_t)number(v);
	else if (str_eq_z(key, "received"))
		f->received = instant(v);
	else if (!judging_fact(c, key, v))
		fail_msg("no fact: %.*s", STR_ARG(key));
}

static void read_facts(struct one_case *c, struct str text)
{
	struct str line;

	c->facts = (struct facts){
		.known = RULES_ASK_FLAGS | RULES_ASK_LABELS |
		    RULES_ASK_SIZE | RULES_ASK_RECEIVED,
		.mailbox = STR_LIT("INBOX"), .account = STR_EMPTY,
		.received = instant(STR_LIT("2026-01-10T12:00")),
	};
	c->in = (struct match_input){
		.facts = &c->facts, .explain = true, .is_new = true,
		.now = instant(STR_LIT("2026-01-15T12:00")),
	};
	c->have = MAIL_WHOLE;
	memset(c->due, 1, sizeof(c->due));
	while (str_cut(&text, '\n', &line)) {
		size_t colon = str_find_char(line, 0, ':');

		if (str_trim(line).n)
			read_fact(c, str_sub(line, 0, colon),
			    str_trim(str_sub(line, colon + 1, line.n)));
	}
}

/* -------------------------------------------------------------- the rules */

static bool read_rules(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	struct str text;
	const struct one_case *c = ctx;

	if (!section(c, path, &text))
		return err_set(e, ERR_CONFIG, "%s: there is no such section",
		    path);
	if (text.p[0] == '-')
		buf_add_z(out, "version: 1\nrules:\n");
	buf_add_str(out, text);
	return true;
}

static struct rules *load(struct one_case *c)
{
	static const char *const paths[] = { "rules" };
	const struct file_reader reader = { read_rules, read_zone, c };
	struct problems ps;
	struct rules *r;
	struct buf b;

	problems_init(&ps, c->arena);
	r = rules_load(c->arena, paths, 1, &reader, NULL, 0, &c->limits,
	    &ps);
	if (r && ps.warnings == 0)
		return r;
	buf_init(&b, FILE_MAX);
	for (size_t i = 0; i < ps.n; i++)
		problem_show(&b, &ps.list[i]);
	fprintf(stderr, "%s", buf_z(&b));
	buf_free(&b);
	assert_non_null(r);
	return r;
}

static struct mail *open_mail(struct one_case *c, const struct rules *r)
{
	const struct str *fields;
	struct str text;
	bool whole;
	size_t n = rules_fields(r, &fields, &whole);

	if (!section(c, "mail", &text))
		return NULL;
	if (c->facts.size == 0)
		c->facts.size = text.n;
	if (c->have != MAIL_WHOLE)
		text = str_sub(text, 0, mail_body_offset(text));
	return mail_make(c->arena, text, c->have, fields, n);
}

/* ------------------------------------------------------------ the verdict */

static void add_rule(struct buf *b, const struct rules *r,
    const struct rule_result *rr)
{
	buf_printf(b, "%s: ", rules_info(r, rr->rule)->name);
	if (!rr->reached)
		buf_printf(b, "not reached (%s)\n", rr->not_reached);
	else if (rr->failed)
		buf_printf(b, "failed (%.*s)\n", STR_ARG(rr->failure));
	else if (rr->truth == TRUTH_UNKNOWN)
		buf_printf(b, "unknown (%s)\n", rr->unknown);
	else
		buf_printf(b, "%s\n", rr->truth == TRUTH_TRUE ? "fired" :
		    "no");
}

static void add_wants(struct buf *b, const char *add, const char *remove,
    const struct want *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s %.*s\n", list[i].add ? add : remove,
		    STR_ARG(list[i].name));
}

static void add_place(struct buf *b, const char *what,
    const struct want_place *p)
{
	static const char *const kinds[] = {
		[PLACE_MAILBOX] = "mailbox", [PLACE_SPECIAL] = "special",
		[PLACE_DELETE] = "for ever",
	};

	if (p->kind == PLACE_STAY)
		return;
	buf_printf(b, "%s %s", what, kinds[p->kind]);
	if (p->mailbox.n)
		buf_printf(b, " %.*s", STR_ARG(p->mailbox));
	buf_add_char(b, '\n');
}

static void add_run(struct buf *b, const struct errand *e)
{
	buf_printf(b, "run %u in %u s: ", e->part, e->seconds);
	for (size_t i = 0; e->argv[i]; i++)
		buf_printf(b, "%s%s", i ? "|" : "", e->argv[i]);
	buf_add_char(b, '\n');
}

static void add_forward(struct buf *b, const struct errand *e)
{
	buf_printf(b, "forward %u to %.*s", e->part, STR_ARG(e->to));
	if (e->n_channels)
		buf_printf(b, " through %.*s", STR_ARG(e->channels[0]));
	buf_add_char(b, '\n');
}

/* "notify 1 critical sticky batch to desktop: SUMMARY | BODY | ICON | SOUND",
 * as far as there is any. */
static void add_errand(struct buf *b, const struct errand *e)
{
	static const char *const urgencies[] = { " low", "", " critical" };
	const struct str texts[] = { e->summary, e->body, e->icon,
	    e->sound };

	if (e->kind == ERRAND_RUN) {
		add_run(b, e);
		return;
	}
	if (e->kind == ERRAND_FORWARD) {
		add_forward(b, e);
		return;
	}
	buf_printf(b, "notify %u%s%s%s to", e->part, urgencies[e->urgency],
	    e->sticky ? " sticky" : "", e->batch ? " batch" : "");
	for (size_t i = 0; i < e->n_channels; i++)
		buf_printf(b, " %.*s", STR_ARG(e->channels[i]));
	if (e->n_channels == 0)
		buf_add_z(b, " all");
	for (size_t i = 0; i < COUNT(texts); i++)
		buf_printf(b, "%s%.*s", i ? "|" : ": ", STR_ARG(texts[i]));
	buf_add_char(b, '\n');
}

static void add_verdict(struct buf *b, const struct rules *r,
    const struct verdict *v)
{
	for (size_t i = 0; i < v->n_rules; i++)
		add_rule(b, r, &v->rules[i]);
	add_wants(b, "label", "unlabel", v->wants.labels, v->wants.n_labels);
	add_wants(b, "flag", "unflag", v->wants.flags, v->wants.n_flags);
	add_place(b, v->wants.place.kind == PLACE_DELETE ? "delete" : "move",
	    &v->wants.place);
	for (size_t i = 0; i < v->wants.n_copies; i++)
		add_place(b, "copy", &v->wants.copies[i]);
	for (size_t i = 0; i < v->wants.n_rewrites; i++) {
		rules_rewrite_text(b, &v->wants.rewrites[i]);
		buf_add_char(b, '\n');
	}
	if (v->wants.new_thread)
		buf_add_z(b, "new_thread: accept\n");
	for (size_t i = 0; i < v->wants.n_errands; i++)
		add_errand(b, &v->wants.errands[i]);
	if (!v->ask)
		return;
	buf_add_z(b, "ask:");
	for (size_t i = 0; i < COUNT(ask_names); i++)
		if (v->ask & ask_names[i].bit)
			buf_printf(b, " %s", ask_names[i].name);
	buf_add_char(b, '\n');
	if (v->rewrite) {
		buf_printf(b, "step %zu: ", v->rewrite->index);
		rules_rewrite_text(b, v->rewrite->step);
		buf_add_char(b, '\n');
	}
	if (!v->program)
		return;
	buf_add_z(b, "program:");
	for (size_t i = 0; v->program->argv[i]; i++)
		buf_printf(b, " %s", v->program->argv[i]);
	buf_add_char(b, '\n');
}

static void add_list(struct buf *b, const char *what,
    const struct str *list, size_t n)
{
	buf_printf(b, "%s:", what);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s %.*s", i ? "," : "", STR_ARG(list[i]));
	buf_add_char(b, '\n');
}

static void add_after(struct buf *b, const struct verdict *v)
{
	add_list(b, "labels", v->labels_after, v->n_labels_after);
	add_list(b, "mailbox", &v->mailbox_after, 1);
	add_list(b, "flags", v->flags_after, v->n_flags_after);
}

static void add_tree(struct buf *b, const struct explained *x, int depth)
{
	char mark = !x->reached ? '.' : x->truth == TRUTH_TRUE ? '+' :
	    x->truth == TRUTH_FALSE ? '-' : '?';

	buf_printf(b, "%*s%c %.*s", 2 * depth, "", mark, STR_ARG(x->text));
	if (x->value.n)
		buf_printf(b, " = %.*s", STR_ARG(x->value));
	if (x->reason.n && x->reached)
		buf_printf(b, " (%.*s)", STR_ARG(x->reason));
	buf_add_z(b, x->decides ? " *\n" : "\n");
	for (size_t i = 0; i < x->n_kids; i++)
		add_tree(b, x->kids[i], depth + 1);
}

static void add_because(struct buf *b, const struct rules *r,
    const struct verdict *v)
{
	for (size_t i = 0; i < v->n_rules; i++)
		if (v->rules[i].tree) {
			buf_printf(b, "%s:\n", rules_info(r, i)->name);
			add_tree(b, v->rules[i].tree, 1);
		}
}

static void compare(const struct one_case *c, const char *name,
    struct buf *got)
{
	struct str want;

	if (!section(c, name, &want)) {
		assert_string_not_equal(name, "verdict");
		buf_free(got);
		return;
	}
	if (!str_eq(want, buf_str(got)))
		fprintf(stderr, "%s: expected\n%.*sgot\n%s", name,
		    STR_ARG(want), buf_z(got));
	assert_true(str_eq(want, buf_str(got)));
	buf_free(got);
}

/* Judges it, and answers what is asked about steps. */
static void match(struct one_case *c, const struct rules *r,
    struct verdict *v)
{
	for (;;) {
		struct rewrite_answer *a = &c->rewritten[c->in.n_rewritten];

		c->in.rewritten = c->rewritten;
		rules_match(r, c->arena, &c->in, v);
		if (!v->rewrite || c->becomes[v->rewrite->index].n == 0)
			return;
		assert_true(c->in.n_rewritten++ < LIST_MAX);
		a->index = v->rewrite->index;
		a->key = v->rewrite->step->key;
		if (!section(c, arena_z(c->arena, c->becomes[a->index]),
		    &a->bytes))
			a->why = "it prints nothing";
	}
}

static void add_message(struct one_case *c, struct buf *b,
    const struct verdict *v)
{
	struct str message, header;
	size_t body;
	struct err e = { 0 };

	if (!section(c, "mail", &message))
		return;
	for (size_t i = 0; i < v->wants.n_rewrites; i++) {
		const struct rewrite *step = &v->wants.rewrites[i];

		if (step->kind != REWRITE_HEADER)
			return;
		if (!rules_rewrite_header(step, c->arena, message, &header,
		    &body, &e))
			fail_msg("%s", e.msg);
		message = arena_printf(c->arena, "%.*s%.*s", STR_ARG(header),
		    STR_ARG(str_sub(message, body, message.n)));
	}
	buf_add_str(b, message);
}

static void run_case(void **state)
{
	struct one_case c = { .arena = arena_new() };
	struct str facts = STR_EMPTY;
	struct rules *r;
	struct verdict v, plain;
	struct buf b;

	read_sections(&c, read_file(c.arena, *state));
	section(&c, "facts", &facts);
	read_facts(&c, facts);
	r = load(&c);
	c.in.mail = open_mail(&c, r);
	match(&c, r, &v);

	buf_init(&b, FILE_MAX);
	add_verdict(&b, r, &v);
	compare(&c, "verdict", &b);
	buf_init(&b, FILE_MAX);
	add_after(&b, &v);
	compare(&c, "after", &b);
	buf_init(&b, FILE_MAX);
	add_message(&c, &b, &v);
	compare(&c, "message", &b);
	buf_init(&b, FILE_MAX);
	add_because(&b, r, &v);
	compare(&c, "because", &b);

	/* To explain changes nothing. */
	c.in.explain = false;
	rules_match(r, c.arena, &c.in, &plain);
	buf_init(&b, FILE_MAX);
	add_verdict(&b, r, &plain);
	compare(&c, "verdict", &b);
	arena_free(&c.arena);
}

/* --------------------------------------------------------------- all cases */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_case(const struct dirent *d)
{
	return str_ends(str_of(d->d_name), STR_LIT(".case"));
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[CASES_MAX];
	struct arena *a = arena_new();
	const char *top = getenv("TAMIS_TOP");
	struct str dir = arena_printf(a, "%s/tests/rules", top ? top : ".");
	struct dirent **list;
	int n = scandir(dir.p, &list, is_case, by_name), failed;
	size_t count = 0;

	for (int i = 0; i < n && count < CASES_MAX; i++) {
		char *path = arena_z(a, arena_printf(a, "%s/%s", dir.p,
		    list[i]->d_name));
		const char *only = argc > 1 ? argv[1] : "";

		if (strstr(list[i]->d_name, only))
			tests[count++] = (struct CMUnitTest){
				arena_z(a, str_of(list[i]->d_name)),
				run_case, NULL, NULL, path,
			};
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (count == 0) {
		fprintf(stderr, "%s: no cases (TAMIS_TOP?)\n", dir.p);
		return 1;
	}
	failed = _cmocka_run_group_tests("cases", tests, count, NULL, NULL);
	arena_free(&a);
	return failed;
}
