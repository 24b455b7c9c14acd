#include "report.h"

#include <string.h>
#include <unistd.h>

#include "object.h"

/* ------------------------------------------------------------- problems */

static void problem_as_json(struct report *r, const struct problem *p)
{
	struct object *o = object_make(r->scratch, "problem");

	object_z(o, "level", p->level == PROBLEM_ERROR ? "error" :
	    "warning");
	if (p->pos.source) {
		object_z(o, "file", p->pos.source->name);
		if (p->pos.line > 0)
			object_number(o, "line", (uint64_t)p->pos.line);
		if (p->pos.col > 0)
			object_number(o, "col", (uint64_t)p->pos.col);
		if (p->pos.col > 0)
			object_number(o, "width", p->pos.width > 0 ?
			    (uint64_t)p->pos.width : 1);
	}
	object_text(o, "text", p->text);
	object_text(o, "hint", p->hint);
	report_emit(r, o);
}

void report_problems(struct report *r, struct problems *ps, bool asked_for)
{
	struct report to_stderr = *r;
	struct report *where = asked_for ? r : &to_stderr;
	struct buf b;
	size_t errors = 0;

	to_stderr.fd = STDERR_FILENO;
	problems_sort(ps);
	report_begin(r, &b);
	for (size_t i = 0; i < ps->n; i++) {
		errors += ps->list[i].level == PROBLEM_ERROR;
		if (r->style.json && asked_for)
			problem_as_json(r, &ps->list[i]);
		else if (!r->style.quiet ||
		    ps->list[i].level == PROBLEM_ERROR)
			problem_show(&b, &ps->list[i]);
	}
	if (ps->errors > errors && !r->style.json)
		buf_printf(&b, "and %zu error%s more\n", ps->errors - errors,
		    ps->errors - errors == 1 ? "" : "s");
	report_end(where, &b);
}

void report_check(struct report *r, const struct report_check *c)
{
	if (r->style.json) {
		struct object *o = object_make(r->scratch, "check");

		object_number(o, "files", c->files);
		object_number(o, "rules", c->rules);
		object_number(o, "tests", c->tests);
		object_number(o, "errors", c->errors);
		object_number(o, "warnings", c->warnings);
		report_emit(r, o);
	} else if (c->errors > 0) {
		report_text(r, "%zu error%s, %zu warning%s", c->errors,
		    c->errors == 1 ? "" : "s", c->warnings,
		    c->warnings == 1 ? "" : "s");
	} else if (!r->style.quiet) {
		report_text(r, "%zu file%s, %zu rule%s, %zu test%s: "
		    "%s, %zu warning%s", c->files, c->files == 1 ? "" : "s",
		    c->rules, c->rules == 1 ? "" : "s", c->tests,
		    c->tests == 1 ? "" : "s", "no error", c->warnings,
		    c->warnings == 1 ? "" : "s");
	}
}

/* ---------------------------------------------------------------- tests */

void report_test(struct report *r, const struct rules_test_result *t)
{
	struct buf b;

	report_begin(r, &b);
	if (r->style.json) {
		struct object *o = object_make(r->scratch, "test");

		object_z(o, "name", t->name);
		if (t->pos.source)
			object_z(o, "file", t->pos.source->name);
		object_number(o, "line", (uint64_t)t->pos.line);
		object_bool(o, "passed", t->passed);
		object_texts(o, "differences", t->differences,
		    t->n_differences);
		report_emit(r, o);
		return;
	}
	if (t->passed && r->style.quiet) {
		buf_free(&b);
		return;
	}
	if (t->passed)
		report_add_in(r, &b, REPORT_GREEN, "ok    ");
	else
		report_add_in(r, &b, REPORT_RED, "FAIL  ");
	buf_add_shown(&b, str_of(t->name));
	if (!t->passed && t->pos.source) {
		buf_add_z(&b, "  (");
		buf_add_shown(&b, str_of(t->pos.source->name));
		buf_printf(&b, ":%d)", t->pos.line);
	}
	buf_add_char(&b, '\n');
	for (size_t i = 0; i < t->n_differences; i++) {
		buf_add_z(&b, "        ");
		buf_add_shown(&b, t->differences[i]);
		buf_add_char(&b, '\n');
	}
	report_end(r, &b);
}

void report_tests(struct report *r, size_t passed, size_t failed)
{
	if (r->style.json) {
		struct object *o = object_make(r->scratch, "tests");

		object_number(o, "passed", passed);
		object_number(o, "failed", failed);
		report_emit(r, o);
	} else if (!r->style.quiet || failed > 0) {
		report_text(r, "%zu passed, %zu failed", passed, failed);
	}
}

/* ---------------------------------------------------------------- rules */

static size_t name_columns(struct report *r, const struct report_rule *list,
    size_t n)
{
	size_t most = 4;

	for (size_t i = 0; i < n; i++) {
		size_t w = text_width(shown(r->scratch, str_of(
		    list[i].name)));

		if (w > most)
			most = w;
	}
	return most < 40 ? most : 40;
}

void report_rules(struct report *r, struct str account,
    const struct report_rule *list, size_t n)
{
	struct buf b;
	size_t width;

	if (r->style.json) {
		for (size_t i = 0; i < n; i++) {
			struct object *o = object_make(r->scratch, "rule");

			object_text(o, "account", account);
			object_z(o, "name", list[i].name);
			object_number(o, "matched", list[i].matched);
			object_number(o, "would_change", list[i].would_change);
			object_number(o, "already", list[i].already);
			object_number(o, "unknown", list[i].unknown);
			object_number(o, "failed", list[i].failed);
			report_emit(r, o);
		}
		return;
	}
	if (n == 0)
		return;
	report_begin(r, &b);
	width = name_columns(r, list, n);
	report_add_padded(r, &b, STR_LIT("rule"), width);
	buf_printf(&b, " %9s %13s %10s %8s %7s\n", "matched",
	    "would change", "already so", "unknown", "failed");
	for (size_t i = 0; i < n; i++) {
		report_add_padded(r, &b, str_of(list[i].name), width);
		buf_printf(&b, " %9llu %13llu %10llu %8llu %7llu\n",
		    (unsigned long long)list[i].matched,
		    (unsigned long long)list[i].would_change,
		    (unsigned long long)list[i].already,
		    (unsigned long long)list[i].unknown,
		    (unsigned long long)list[i].failed);
	}
	report_end(r, &b);
}

/* ------------------------------------------------------------------ run */

static void run_as_json(struct report *r, const struct report_run *run)
{
	struct object *o = object_make(r->scratch, "run");

	object_text(o, "account", run->account);
	if (run->run != 0)
		object_number(o, "run", (uint64_t)run->run);
	object_bool(o, "dry_run", run->dry_run);
	object_number(o, "judged", run->judged);
	object_number(o, "changed", run->changed);
	object_number(o, "failed", run->failed);
	object_number(o, "unknown", run->unknown);
	object_number(o, "pending", run->pending);
	object_number(o, "baseline", run->baseline);
	object_real(o, "seconds", run->seconds);
	object_number(o, "turns", run->turns);
	object_number(o, "octets_in", run->octets_in);
	object_number(o, "octets_out", run->octets_out);
	object_number(o, "exit", (uint64_t)run->exit_code);
	object_text(o, "error", run->error);
	report_emit(r, o);
}

void report_run(struct report *r, const struct report_run *run)
{
	bool worth = run->dry_run || run->changed || run->failed ||
	    run->unknown || run->pending || run->baseline ||
	    (run->error.n && !run->unsaid);
	struct buf b;

	if (r->style.json) {
		arena_reset(r->scratch);
		run_as_json(r, run);
		return;
	}
	if (r->style.quiet || !(worth || r->style.chatty))
		return;
	report_begin(r, &b);
	if (run->account.n > 0) {
		report_add_colour(r, &b, REPORT_BOLD);
		buf_add_shown(&b, run->account);
		report_end_colour(r, &b);
		buf_add_z(&b, ": ");
	}
	buf_printf(&b, "%llu judged, %llu %s",
	    (unsigned long long)run->judged,
	    (unsigned long long)run->changed,
	    run->dry_run ? "would change" : "changed");
	report_add_count(&b, run->failed, "failed");
	report_add_count(&b, run->unknown, "unknown");
	report_add_count(&b, run->pending, "to be judged again");
	buf_add_char(&b, '\n');
	if (run->baseline > 0)
		buf_printf(&b, "  first run: %llu older messages were left "
		    "alone; --all or --since judges them\n",
		    (unsigned long long)run->baseline);
	if (run->error.n > 0 && !run->unsaid)
		report_add_sentence(r, &b, REPORT_RED, "stopped", STR_EMPTY,
		    run->error);
	report_end(r, &b);
}

void report_fact(struct report *r, const struct report_fact *f)
{
	struct buf b;

	report_begin(r, &b);
	if (r->style.json) {
		struct object *o = object_make(r->scratch, "fact");

		object_text(o, "account", f->account);
		object_text(o, "key", f->key);
		object_text(o, "value", f->value);
		object_bool(o, "good", f->good);
		report_emit(r, o);
		return;
	}
	if (f->account.n > 0) {
		buf_add_shown(&b, f->account);
		buf_add_z(&b, ": ");
	}
	buf_add_shown(&b, f->key);
	buf_add_z(&b, ": ");
	if (!f->good)
		report_add_colour(r, &b, REPORT_RED);
	buf_add_shown(&b, f->value);
	if (!f->good)
		report_end_colour(r, &b);
	buf_add_char(&b, '\n');
	report_end(r, &b);
}

/* ---------------------------------------------------------------- words */

static void word_as_json(struct report *r, const struct rules_word *w)
{
	struct object *o = object_make(r->scratch, "word");

	object_z(o, "name", w->name);
	object_z(o, "of", w->of);
	object_z(o, "takes", w->takes);
	object_z(o, "help", w->help);
	object_bool(o, "supported", !w->later);
	report_emit(r, o);
}

#define WORD_WIDTH	14	/* of the longest */

static void word_as_line(struct buf *b, const struct rules_word *w)
{
	buf_printf(b, "  %-*s  %s%s\n", WORD_WIDTH, w->name, w->help,
	    w->later ? " (not yet)" : "");
}

static void word_in_full(struct report *r, struct buf *b,
    const struct rules_word *w)
{
	report_add_in(r, b, REPORT_BOLD, w->name);
	buf_printf(b, " (%s)\n    %s\n", w->of, w->help);
	if (w->takes[0])
		buf_printf(b, "    takes %s\n", w->takes);
	if (w->later)
		buf_add_z(b, "    not yet supported\n");
}

void report_words(struct report *r, const struct rules_word *list, size_t n,
    bool full)
{
	const char *of = "";
	struct buf b;

	for (size_t i = 0; i < n; i++) {
		report_begin(r, &b);
		if (r->style.json) {
			word_as_json(r, &list[i]);
			continue;
		}
		if (full) {
			word_in_full(r, &b, &list[i]);
		} else {
			if (strcmp(of, list[i].of) != 0)
				buf_printf(&b, "%s%s\n", *of ? "\n" : "",
				    list[i].of);
			of = list[i].of;
			word_as_line(&b, &list[i]);
		}
		report_end(r, &b);
	}
}

void report_file(struct report *r, struct str text)
{
	struct buf b;

	report_begin(r, &b);
	buf_add_str(&b, text);
	report_end(r, &b);
}
