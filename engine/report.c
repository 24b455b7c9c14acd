#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define OBJECT_MAX	(64 * 1024 * 1024)	/* octets of one object */
#define WIDTH_DEFAULT	80
#define WIDTH_LEAST	40
#define TREE_DEPTH_MAX	200
#define FORMAT_VERSION	1

struct report {
	struct report_style style;
	int fd;
	bool broken;
	int error;		/* errno of the write that failed */
	struct arena *scratch;	/* of the object being made */
};

/* -------------------------------------------------------------- writing */

static void drop_scratch(void *arg)
{
	struct report *r = arg;

	arena_free(&r->scratch);
}

struct report *report_make(struct arena *a, int fd,
    const struct report_style *style)
{
	struct report *r = arena_make(a, struct report);

	*r = (struct report){ .style = *style, .fd = fd };
	r->scratch = arena_new();
	arena_on_reset(a, drop_scratch, r);
	if (r->style.width < WIDTH_LEAST)
		r->style.width = WIDTH_LEAST;
	return r;
}

void report_style_detect(int fd, struct report_style *style)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	struct winsize size;

	style->width = WIDTH_DEFAULT;
	style->chatty = isatty(fd) == 1;
	/* https://no-color.org: set, and not to the empty text */
	style->colour = style->chatty && !(no_color && no_color[0]) &&
	    !(term && strcmp(term, "dumb") == 0);
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		style->width = size.ws_col;
}

bool report_json(const struct report *r)
{
	return r->style.json;
}

bool report_broken(const struct report *r)
{
	return r->broken;
}

bool report_close(struct report *r, struct err *e)
{
	if (!r->broken)
		return true;
	if (r->error == EPIPE)
		return err_set(e, ERR_STATE, "%s", "");
	return err_set(e, ERR_STATE, "cannot write to standard output: %s",
	    strerror(r->error));
}

/* One write, so that objects of several processes do not mix. */
static void write_all(struct report *r, const struct buf *b)
{
	size_t at = 0;

	while (!r->broken && at < b->n) {
		ssize_t n = write(r->fd, b->p + at, b->n - at);

		if (n > 0) {
			at += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			r->error = n == 0 ? EIO : errno;
			r->broken = true;
		}
	}
}

static void begin(struct report *r, struct buf *b)
{
	arena_reset(r->scratch);
	buf_init(b, OBJECT_MAX);
}

static void end(struct report *r, struct buf *b)
{
	write_all(r, b);
	buf_free(b);
}

/* ----------------------------------------------------------------- json */

static json_t *object(const char *type)
{
	json_t *o = json_object();

	json_object_set_new(o, "v", json_integer(FORMAT_VERSION));
	json_object_set_new(o, "type", json_string(type));
	return o;
}

static json_t *json_text(struct report *r, struct str s)
{
	struct str safe = shown(r->scratch, s);

	return json_stringn(safe.p, safe.n);
}

static void put(struct report *r, json_t *o, const char *key, struct str s)
{
	if (s.n > 0)
		json_object_set_new(o, key, json_text(r, s));
}

static void put_z(struct report *r, json_t *o, const char *key,
    const char *z)
{
	put(r, o, key, str_of(z));
}

static void put_n(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void put_bool(json_t *o, const char *key, bool value)
{
	json_object_set_new(o, key, json_boolean(value));
}

static void put_list(struct report *r, json_t *o, const char *key,
    const struct str *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_text(r, list[i]));
	json_object_set_new(o, key, array);
}

/* A text whose items end in LF. */
static void put_lines(struct report *r, json_t *o, const char *key,
    struct str lines)
{
	json_t *array = json_array();
	struct str line;

	while (str_cut(&lines, '\n', &line))
		if (line.n > 0)
			json_array_append_new(array, json_text(r, line));
	json_object_set_new(o, key, array);
}

static void put_time(json_t *o, const char *key, int64_t t)
{
	struct civil c;
	char text[64];

	if (t == TIME_NONE || t == 0)
		return;
	c = time_to_civil(t);
	snprintf(text, sizeof(text), "%04lld-%02d-%02dT%02d:%02d:%02dZ",
	    (long long)c.year, c.month, c.day, c.hour, c.min, c.sec);
	json_object_set_new(o, key, json_string(text));
}

static int to_buf(const char *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return 0;
}

static void emit(struct report *r, json_t *o)
{
	struct buf b;

	buf_init(&b, OBJECT_MAX);
	json_dump_callback(o, to_buf, &b, JSON_COMPACT);
	buf_add_char(&b, '\n');
	json_decref(o);
	end(r, &b);
}

/* ----------------------------------------------------------------- text */

enum colour { BOLD = 1, DIM = 2, RED = 31, GREEN = 32, YELLOW = 33 };

static void add_colour(const struct report *r, struct buf *b,
    enum colour colour)
{
	if (r->style.colour)
		buf_printf(b, "\033[%dm", (int)colour);
}

static void end_colour(const struct report *r, struct buf *b)
{
	if (r->style.colour)
		buf_add_z(b, "\033[0m");
}

static void add_in(const struct report *r, struct buf *b,
    enum colour colour, const char *z)
{
	add_colour(r, b, colour);
	buf_add_z(b, z);
	end_colour(r, b);
}

/* S, escaped, in at most WIDTH columns. */
static void add_cut(struct report *r, struct buf *b, struct str s,
    size_t width)
{
	/* more than this cannot fit, whatever it is */
	struct str safe = shown(r->scratch, str_sub(s, 0, width * 16 + 64));
	size_t at = 0, used = 0, keep = 0;

	if (safe.n > 0 && text_width(safe) <= width) {
		buf_add_str(b, safe);
		return;
	}
	while (at < safe.n) {
		size_t from = at;

		utf8_next(safe, &at);
		used += text_width(str_sub(safe, from, at - from));
		if (used + 3 > width)
			break;
		keep = at;
	}
	if (safe.n > 0)
		buf_printf(b, "%.*s...", (int)keep, safe.p);
}

static void add_time(const struct report *r, struct buf *b, int64_t t)
{
	const struct zone *z = &r->style.zone;
	struct civil c;

	if (t == TIME_NONE || t == 0) {
		buf_add_z(b, "(no time)          ");
		return;
	}
	c = time_to_civil(t + (z->offset ? z->offset(z->ctx, t) : 0));
	buf_printf(b, "%04lld-%02d-%02d %02d:%02d:%02d", (long long)c.year,
	    c.month, c.day, c.hour, c.min, c.sec);
}

static void add_names(struct buf *b, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_z(b, ", ");
		buf_add_shown(b, list[i]);
	}
	if (n == 0)
		buf_add_z(b, "(none)");
}

void report_text(struct report *r, const char *fmt, ...)
{
	char text[4096];
	struct buf b;
	va_list ap;

	if (r->style.json)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	begin(r, &b);
	buf_add_shown(&b, str_trim(str_of(text)));
	buf_add_char(&b, '\n');
	end(r, &b);
}

/* ------------------------------------------------------------- problems */

static void problem_as_json(struct report *r, const struct problem *p)
{
	json_t *o = object("problem");

	put_z(r, o, "level", p->level == PROBLEM_ERROR ? "error" :
	    "warning");
	if (p->pos.source) {
		put_z(r, o, "file", p->pos.source->name);
		if (p->pos.line > 0)
			put_n(o, "line", (uint64_t)p->pos.line);
		if (p->pos.col > 0)
			put_n(o, "col", (uint64_t)p->pos.col);
		if (p->pos.col > 0)
			put_n(o, "width", p->pos.width > 0 ?
			    (uint64_t)p->pos.width : 1);
	}
	put(r, o, "text", p->text);
	put(r, o, "hint", p->hint);
	emit(r, o);
}

void report_problems(struct report *r, struct problems *ps, bool asked_for)
{
	struct report to_stderr = *r;
	struct report *where = asked_for ? r : &to_stderr;
	struct buf b;
	size_t errors = 0;

	to_stderr.fd = STDERR_FILENO;
	problems_sort(ps);
	begin(r, &b);
	for (size_t i = 0; i < ps->n; i++) {
		errors += ps->list[i].level == PROBLEM_ERROR;
		if (r->style.json && asked_for)
			problem_as_json(r, &ps->list[i]);
		else if (!r->style.quiet ||
		    ps->list[i].level == PROBLEM_ERROR)
			problem_show(&b, &ps->list[i]);
	}
	if (ps->errors > errors && !r->style.json)
		buf_printf(&b, "and %zu errors more\n", ps->errors - errors);
	end(where, &b);
}

void report_check(struct report *r, const struct report_check *c)
{
	if (r->style.json) {
		json_t *o = object("check");

		put_n(o, "files", c->files);
		put_n(o, "rules", c->rules);
		put_n(o, "tests", c->tests);
		put_n(o, "errors", c->errors);
		put_n(o, "warnings", c->warnings);
		emit(r, o);
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

	begin(r, &b);
	if (r->style.json) {
		json_t *o = object("test");

		put_z(r, o, "name", t->name);
		if (t->pos.source)
			put_z(r, o, "file", t->pos.source->name);
		put_n(o, "line", (uint64_t)t->pos.line);
		put_bool(o, "passed", t->passed);
		put_list(r, o, "differences", t->differences,
		    t->n_differences);
		emit(r, o);
		return;
	}
	if (t->passed && r->style.quiet) {
		buf_free(&b);
		return;
	}
	add_in(r, &b, t->passed ? GREEN : RED, t->passed ? "ok    " :
	    "FAIL  ");
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
	end(r, &b);
}

void report_tests(struct report *r, size_t passed, size_t failed)
{
	if (r->style.json) {
		json_t *o = object("tests");

		put_n(o, "passed", passed);
		put_n(o, "failed", failed);
		emit(r, o);
	} else if (!r->style.quiet || failed > 0) {
		report_text(r, "%zu passed, %zu failed", passed, failed);
	}
}

/* ------------------------------------------------------------- messages */

const char *report_verb(enum op_kind kind)
{
	switch (kind) {
	case OP_ADD_FLAGS: return "flag";
	case OP_REMOVE_FLAGS: return "unflag";
	case OP_ADD_LABELS: return "label";
	case OP_REMOVE_LABELS: return "unlabel";
	case OP_COPY: return "copy";
	case OP_MOVE: return "move";
	case OP_DELETE: return "delete";
	}
	return "do";
}

static void add_deed(struct buf *b, enum op_kind kind, struct str what)
{
	buf_add_z(b, report_verb(kind));
	if (kind == OP_COPY || kind == OP_MOVE)
		buf_add_z(b, " to");
	if (kind == OP_DELETE)
		buf_add_z(b, " for ever");
	if (what.n > 0) {
		buf_add_char(b, ' ');
		buf_add_shown(b, what);
	}
}

static void put_id(struct report *r, json_t *o, const struct report_id *id)
{
	put(r, o, "account", id->account);
	put(r, o, "mailbox", id->mailbox);
	if (id->uid > 0)
		put_n(o, "uid", id->uid);
	put(r, o, "source", id->source);
	put(r, o, "from", id->from);
	put(r, o, "subject", id->subject);
	put(r, o, "message_id", id->message_id);
}

static void put_changes(struct report *r, json_t *o,
    const struct report_change *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *c = json_object();

		put_z(r, c, "do", report_verb(list[i].kind));
		put(r, c, "what", list[i].what);
		put(r, c, "rules", list[i].rules);
		put_z(r, c, "state", list[i].state);
		put(r, c, "reason", list[i].reason);
		json_array_append_new(array, c);
	}
	json_object_set_new(o, "changes", array);
}

/* "work:INBOX:12" as `why` takes it, or the file. */
static void add_name(struct buf *b, const struct report_id *id)
{
	if (id->source.n > 0) {
		buf_add_shown(b, id->source);
		if (id->uid > 1)
			buf_printf(b, " (message %u)", (unsigned)id->uid);
		return;
	}
	if (id->account.n > 0) {
		buf_add_shown(b, id->account);
		buf_add_char(b, ':');
	}
	buf_add_shown(b, id->mailbox);
	if (id->uid > 0)
		buf_printf(b, ":%u", (unsigned)id->uid);
}

static void add_id_line(struct report *r, struct buf *b,
    const struct report_id *id)
{
	size_t start, used;

	add_colour(r, b, BOLD);
	start = b->n;
	add_name(b, id);
	used = text_width(str_sub(buf_str(b), start, b->n - start));
	end_colour(r, b);
	if (id->from.n > 0 || id->subject.n > 0) {
		struct str line = arena_printf(r->scratch, "%.*s: %.*s",
		    STR_ARG(id->from), STR_ARG(id->subject));

		buf_add_z(b, "  ");
		add_cut(r, b, line, used + 22 < r->style.width ?
		    r->style.width - used - 2 : 20);
	}
	buf_add_char(b, '\n');
}

static void add_change(struct report *r, struct buf *b,
    const struct report_change *c)
{
	bool bad = strcmp(c->state, "failed") == 0 ||
	    strcmp(c->state, "unsure") == 0;

	buf_add_z(b, "    ");
	if (strcmp(c->state, "done") != 0) {
		add_in(r, b, bad ? RED : DIM, c->state);
		buf_add_z(b, bad ? ": " : " ");
	}
	add_deed(b, c->kind, c->what);
	if (c->rules.n > 0) {
		buf_add_z(b, "  (");
		buf_add_shown(b, c->rules);
		buf_add_char(b, ')');
	}
	if (c->reason.n > 0) {
		buf_add_z(b, ": ");
		buf_add_shown(b, c->reason);
	}
	buf_add_char(b, '\n');
}

static struct str rule_name(const struct rules *rules, size_t index)
{
	return str_of(rules_info(rules, index)->name);
}

static void message_as_json(struct report *r, const struct report_message *m)
{
	json_t *o = object("message");
	json_t *fired = json_array(), *unknown = json_array();
	json_t *failed = json_array();

	put_id(r, o, &m->id);
	for (size_t i = 0; i < m->n_fired; i++)
		json_array_append_new(fired, json_text(r,
		    rule_name(m->rules, m->fired[i])));
	for (size_t i = 0; i < m->n_notes; i++) {
		json_t *note = json_object();

		put(r, note, "rule", rule_name(m->rules, m->notes[i].rule));
		put(r, note, "reason", m->notes[i].text);
		json_array_append_new(m->notes[i].failed ? failed : unknown,
		    note);
	}
	json_object_set_new(o, "rules", fired);
	json_object_set_new(o, "unknown", unknown);
	json_object_set_new(o, "failed", failed);
	put_changes(r, o, m->changes, m->n_changes);
	put(r, o, "failure", m->failure);
	put(r, o, "pending", m->pending);
	emit(r, o);
}

static void add_sentence(const struct report *r, struct buf *b,
    enum colour colour, const char *word, struct str rule, struct str text)
{
	buf_add_z(b, "    ");
	add_in(r, b, colour, word);
	if (rule.n > 0) {
		buf_add_z(b, ": ");
		buf_add_shown(b, rule);
	}
	if (text.n > 0) {
		buf_add_z(b, ": ");
		buf_add_shown(b, text);
	}
	buf_add_char(b, '\n');
}

void report_message(struct report *r, const struct report_message *m)
{
	struct buf b;

	begin(r, &b);
	if (r->style.json) {
		message_as_json(r, m);
		return;
	}
	add_id_line(r, &b, &m->id);
	for (size_t i = 0; i < m->n_changes; i++)
		add_change(r, &b, &m->changes[i]);
	for (size_t i = 0; i < m->n_notes; i++)
		add_sentence(r, &b, m->notes[i].failed ? RED : YELLOW,
		    m->notes[i].failed ? "failed" : "unknown",
		    rule_name(m->rules, m->notes[i].rule), m->notes[i].text);
	if (m->failure.n > 0)
		add_sentence(r, &b, RED, "nothing is done", STR_EMPTY,
		    m->failure);
	if (m->pending.n > 0)
		add_sentence(r, &b, YELLOW, "will be judged again", STR_EMPTY,
		    m->pending);
	end(r, &b);
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

static void add_padded(struct report *r, struct buf *b, struct str s,
    size_t width)
{
	size_t start = b->n, used;

	add_cut(r, b, s, width);
	used = text_width(str_sub(buf_str(b), start, b->n - start));
	if (used < width)
		buf_printf(b, "%*s", (int)(width - used), "");
}

void report_rules(struct report *r, struct str account,
    const struct report_rule *list, size_t n)
{
	struct buf b;
	size_t width;

	if (r->style.json) {
		for (size_t i = 0; i < n; i++) {
			json_t *o = object("rule");

			put(r, o, "account", account);
			put_z(r, o, "name", list[i].name);
			put_n(o, "matched", list[i].matched);
			put_n(o, "would_change", list[i].would_change);
			put_n(o, "already", list[i].already);
			put_n(o, "unknown", list[i].unknown);
			put_n(o, "failed", list[i].failed);
			emit(r, o);
		}
		return;
	}
	if (n == 0)
		return;
	begin(r, &b);
	width = name_columns(r, list, n);
	add_padded(r, &b, STR_LIT("rule"), width);
	buf_printf(&b, " %9s %13s %10s %8s %7s\n", "matched",
	    "would change", "already so", "unknown", "failed");
	for (size_t i = 0; i < n; i++) {
		add_padded(r, &b, str_of(list[i].name), width);
		buf_printf(&b, " %9llu %13llu %10llu %8llu %7llu\n",
		    (unsigned long long)list[i].matched,
		    (unsigned long long)list[i].would_change,
		    (unsigned long long)list[i].already,
		    (unsigned long long)list[i].unknown,
		    (unsigned long long)list[i].failed);
	}
	end(r, &b);
}

/* ------------------------------------------------------------------ run */

static void run_as_json(struct report *r, const struct report_run *run)
{
	json_t *o = object("run");

	put(r, o, "account", run->account);
	if (run->run != 0)
		put_n(o, "run", (uint64_t)run->run);
	put_bool(o, "dry_run", run->dry_run);
	put_n(o, "judged", run->judged);
	put_n(o, "changed", run->changed);
	put_n(o, "failed", run->failed);
	put_n(o, "unknown", run->unknown);
	put_n(o, "pending", run->pending);
	put_n(o, "baseline", run->baseline);
	json_object_set_new(o, "seconds", json_real(run->seconds));
	put_n(o, "turns", run->turns);
	put_n(o, "octets_in", run->octets_in);
	put_n(o, "octets_out", run->octets_out);
	put_n(o, "exit", (uint64_t)run->exit_code);
	put(r, o, "error", run->error);
	emit(r, o);
}

static void add_count(struct buf *b, uint64_t n, const char *what)
{
	if (n > 0)
		buf_printf(b, ", %llu %s", (unsigned long long)n, what);
}

void report_run(struct report *r, const struct report_run *run)
{
	bool worth = run->dry_run || run->changed || run->failed ||
	    run->unknown || run->pending || run->baseline || run->error.n;
	struct buf b;

	if (r->style.json) {
		arena_reset(r->scratch);
		run_as_json(r, run);
		return;
	}
	if (r->style.quiet || !(worth || r->style.chatty))
		return;
	begin(r, &b);
	if (run->account.n > 0) {
		add_colour(r, &b, BOLD);
		buf_add_shown(&b, run->account);
		end_colour(r, &b);
		buf_add_z(&b, ": ");
	}
	buf_printf(&b, "%llu judged, %llu %s",
	    (unsigned long long)run->judged,
	    (unsigned long long)run->changed,
	    run->dry_run ? "would change" : "changed");
	add_count(&b, run->failed, "failed");
	add_count(&b, run->unknown, "unknown");
	add_count(&b, run->pending, "to be judged again");
	buf_add_char(&b, '\n');
	if (run->baseline > 0)
		buf_printf(&b, "  first run: %llu older messages were left "
		    "alone; --all or --since judges them\n",
		    (unsigned long long)run->baseline);
	if (run->error.n > 0)
		add_sentence(r, &b, RED, "stopped", STR_EMPTY, run->error);
	end(r, &b);
}

void report_fact(struct report *r, const struct report_fact *f)
{
	struct buf b;

	begin(r, &b);
	if (r->style.json) {
		json_t *o = object("fact");

		put(r, o, "account", f->account);
		put(r, o, "key", f->key);
		put(r, o, "value", f->value);
		put_bool(o, "good", f->good);
		emit(r, o);
		return;
	}
	if (f->account.n > 0) {
		buf_add_shown(&b, f->account);
		buf_add_z(&b, ": ");
	}
	buf_add_shown(&b, f->key);
	buf_add_z(&b, ": ");
	if (!f->good)
		add_colour(r, &b, RED);
	buf_add_shown(&b, f->value);
	if (!f->good)
		end_colour(r, &b);
	buf_add_char(&b, '\n');
	end(r, &b);
}

/* -------------------------------------------------------------- explain */

static const char *truth_word(enum truth t)
{
	return t == TRUTH_TRUE ? "true" : t == TRUTH_FALSE ? "false" :
	    "unknown";
}

static json_t *tree_as_json(struct report *r, const struct explained *x,
    unsigned depth)
{
	json_t *o = json_object();
	json_t *kids;

	put(r, o, "text", x->text);
	put_n(o, "line", (uint64_t)x->pos.line);
	put_bool(o, "reached", x->reached);
	if (x->reached)
		put_z(r, o, "truth", truth_word(x->truth));
	if (x->decides)
		put_bool(o, "decides", true);
	put(r, o, "value", x->value);
	put(r, o, "reason", x->reason);
	if (x->n_kids == 0 || depth >= TREE_DEPTH_MAX)
		return o;
	kids = json_array();
	for (size_t i = 0; i < x->n_kids; i++)
		json_array_append_new(kids, tree_as_json(r, x->kids[i],
		    depth + 1));
	json_object_set_new(o, "kids", kids);
	return o;
}

static json_t *rule_as_json(struct report *r, const struct rules *rules,
    const struct rule_result *result)
{
	const struct rule_info *info = rules_info(rules, result->rule);
	json_t *o = json_object();

	put_z(r, o, "name", info->name);
	if (info->pos.source)
		put_z(r, o, "file", info->pos.source->name);
	put_n(o, "line", (uint64_t)info->pos.line);
	put_bool(o, "reached", result->reached);
	if (result->reached || result->truth == TRUTH_UNKNOWN)
		put_z(r, o, "truth", truth_word(result->truth));
	put_z(r, o, "reason", result->reached ? result->unknown :
	    result->not_reached);
	if (result->failed)
		put(r, o, "failure", result->failure);
	if (result->tree)
		json_object_set_new(o, "tree",
		    tree_as_json(r, result->tree, 0));
	return o;
}

static struct str mailbox_before(const struct report_explanation *x)
{
	return x->facts->mailbox;
}

static void explanation_as_json(struct report *r,
    const struct report_explanation *x)
{
	const struct verdict *v = x->verdict;
	json_t *o = object("explanation"), *rules = json_array();

	put_id(r, o, &x->id);
	put_list(r, o, "labels_before", v->labels_before,
	    v->n_labels_before);
	put_list(r, o, "labels_after", v->labels_after, v->n_labels_after);
	put(r, o, "mailbox_before", mailbox_before(x));
	put(r, o, "mailbox_after", v->mailbox_after);
	put_list(r, o, "flags_before", x->facts->flags, x->facts->n_flags);
	put_list(r, o, "flags_after", v->flags_after, v->n_flags_after);
	put_changes(r, o, x->changes, x->n_changes);
	for (size_t i = 0; i < v->n_rules; i++)
		json_array_append_new(rules, rule_as_json(r, x->rules,
		    &v->rules[i]));
	json_object_set_new(o, "rules", rules);
	emit(r, o);
}

static void add_truth(const struct report *r, struct buf *b, bool reached,
    enum truth t)
{
	if (!reached)
		add_in(r, b, DIM, "-      ");
	else if (t == TRUTH_TRUE)
		add_in(r, b, GREEN, "yes    ");
	else if (t == TRUTH_FALSE)
		buf_add_z(b, "no     ");
	else
		add_in(r, b, YELLOW, "unknown");
}

#define TREE_AT		12	/* column at which the tree begins */

static void add_tree(struct report *r, struct buf *b,
    const struct explained *x, unsigned depth)
{
	size_t indent = 2 * (depth < 20 ? depth : 20);
	size_t at = TREE_AT + indent;
	size_t room = r->style.width > at + 20 ? r->style.width - at : 20;
	struct str more = x->reason.n > 0 ? x->reason : x->value;

	buf_add_z(b, x->decides ? "  * " : "    ");
	add_truth(r, b, x->reached, x->truth);
	buf_printf(b, " %*s", (int)indent, "");
	add_cut(r, b, x->text, room);
	buf_add_char(b, '\n');
	if (more.n > 0) {
		buf_printf(b, "%*s%s", (int)at + 2, "",
		    x->reason.n > 0 ? "" : "= ");
		add_cut(r, b, more, room > 24 ? room - 4 : 20);
		buf_add_char(b, '\n');
	}
	for (size_t i = 0; i < x->n_kids && depth < TREE_DEPTH_MAX; i++)
		add_tree(r, b, x->kids[i], depth + 1);
}

static void add_rule(struct report *r, struct buf *b,
    const struct rules *rules, const struct rule_result *result)
{
	const struct rule_info *info = rules_info(rules, result->rule);
	const char *why = result->reached ? result->unknown :
	    result->not_reached;

	buf_add_z(b, "  ");
	add_colour(r, b, BOLD);
	buf_add_shown(b, str_of(info->name));
	end_colour(r, b);
	if (info->pos.source) {
		buf_add_z(b, " (");
		buf_add_shown(b, str_of(info->pos.source->name));
		buf_printf(b, ":%d)", info->pos.line);
	}
	buf_add_z(b, ": ");
	if (!result->reached && result->truth != TRUTH_UNKNOWN)
		add_in(r, b, DIM, "not reached");
	else if (result->failed)
		add_in(r, b, RED, "failed");
	else if (result->truth == TRUTH_TRUE)
		add_in(r, b, GREEN, "fires");
	else if (result->truth == TRUTH_FALSE)
		buf_add_z(b, "does not fire");
	else
		add_in(r, b, YELLOW, "unknown");
	if (result->failed) {
		buf_add_z(b, ": ");
		buf_add_shown(b, result->failure);
	} else if (why && why[0]) {
		buf_add_z(b, ": ");
		buf_add_shown(b, str_of(why));
	}
	buf_add_char(b, '\n');
	if (result->tree)
		add_tree(r, b, result->tree, 0);
}

static void add_before_after(struct buf *b, const char *what,
    const struct str *before, size_t n_before, const struct str *after,
    size_t n_after)
{
	bool same = n_before == n_after;

	for (size_t i = 0; same && i < n_before; i++)
		same = str_eq(before[i], after[i]);
	buf_printf(b, "  %-9s", what);
	add_names(b, before, n_before);
	if (!same) {
		buf_add_z(b, " -> ");
		add_names(b, after, n_after);
	}
	buf_add_char(b, '\n');
}

void report_explanation(struct report *r,
    const struct report_explanation *x)
{
	const struct verdict *v = x->verdict;
	struct str before = mailbox_before(x);
	struct buf b;

	begin(r, &b);
	if (r->style.json) {
		explanation_as_json(r, x);
		return;
	}
	add_id_line(r, &b, &x->id);
	for (size_t i = 0; i < v->n_rules; i++)
		add_rule(r, &b, x->rules, &v->rules[i]);
	add_before_after(&b, "labels", v->labels_before, v->n_labels_before,
	    v->labels_after, v->n_labels_after);
	add_before_after(&b, "flags", x->facts->flags, x->facts->n_flags,
	    v->flags_after, v->n_flags_after);
	add_before_after(&b, "mailbox", &before, 1, &v->mailbox_after, 1);
	for (size_t i = 0; i < x->n_changes; i++)
		add_change(r, &b, &x->changes[i]);
	if (x->n_changes == 0)
		buf_add_z(&b, "    nothing would be done\n");
	end(r, &b);
}

/* -------------------------------------------------------------- history */

static const char *state_word(enum change_state s)
{
	switch (s) {
	case CHANGE_INTENDED: return "intended";
	case CHANGE_DONE: return "done";
	case CHANGE_FAILED: return "failed";
	case CHANGE_VOID: return "void";
	case CHANGE_UNSURE: return "unsure";
	}
	return "unsure";
}

static void history_as_json(struct report *r, struct str account,
    const struct change *c, const struct run_record *run)
{
	json_t *o = object("change");

	put(r, o, "account", account);
	put_n(o, "run", (uint64_t)c->run);
	put_time(o, "time", c->time);
	put(r, o, "mailbox", c->mailbox);
	put_n(o, "uidvalidity", c->uidvalidity);
	put_n(o, "uid", c->uid);
	put(r, o, "message_id", c->id_of.message_id);
	put(r, o, "from", c->from);
	put(r, o, "subject", c->subject);
	put(r, o, "rules", c->rules);
	put_z(r, o, "do", report_verb(c->kind));
	put(r, o, "what", c->what);
	put_lines(r, o, "flags_before", c->flags_before);
	put_lines(r, o, "labels_before", c->labels_before);
	if (c->dest_uid > 0)
		put_n(o, "dest_uid", c->dest_uid);
	put_z(r, o, "state", state_word(c->state));
	put(r, o, "reason", c->reason);
	if (run)
		put(r, o, "rules_version", run->rules_version);
	emit(r, o);
}

static void add_lines(struct buf *b, const char *what, struct str lines)
{
	struct str line;
	size_t n = 0;

	buf_printf(b, "    %s before: ", what);
	while (str_cut(&lines, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (n++ > 0)
			buf_add_z(b, ", ");
		buf_add_shown(b, line);
	}
	buf_add_z(b, n > 0 ? "\n" : "(none)\n");
}

static void add_detail(struct report *r, struct buf *b,
    const struct change *c, const struct run_record *run)
{
	if (c->from.n > 0 || c->subject.n > 0) {
		buf_add_z(b, "    ");
		add_cut(r, b, arena_printf(r->scratch, "%.*s: %.*s",
		    STR_ARG(c->from), STR_ARG(c->subject)),
		    r->style.width - 4);
		buf_add_char(b, '\n');
	}
	add_lines(b, "flags", c->flags_before);
	add_lines(b, "labels", c->labels_before);
	buf_printf(b, "    run %lld", (long long)c->run);
	if (run && run->rules_version.n > 0) {
		buf_add_z(b, ", rules ");
		buf_add_shown(b, str_sub(run->rules_version, 0, 12));
	}
	if (c->dest_uid > 0)
		buf_printf(b, ", there it is UID %u", (unsigned)c->dest_uid);
	buf_add_char(b, '\n');
}

static void tell_change(struct report *r, struct str account,
    const struct change *c, const struct run_record *run, bool full)
{
	struct report_id id = { .account = account, .mailbox = c->mailbox,
	    .uid = c->uid };
	struct buf b;

	begin(r, &b);
	if (r->style.json) {
		history_as_json(r, account, c, run);
		return;
	}
	if (full)
		add_time(r, &b, c->time);
	buf_add_z(&b, "  ");
	add_colour(r, &b, BOLD);
	add_name(&b, &id);
	end_colour(r, &b);
	buf_add_z(&b, "  ");
	if (c->state != CHANGE_DONE)
		buf_printf(&b, "%s: ", state_word(c->state));
	add_deed(&b, c->kind, c->what);
	buf_add_z(&b, "  (");
	buf_add_shown(&b, c->rules);
	buf_add_char(&b, ')');
	if (c->reason.n > 0) {
		buf_add_z(&b, ": ");
		buf_add_shown(&b, c->reason);
	}
	buf_add_char(&b, '\n');
	if (full)
		add_detail(r, &b, c, run);
	end(r, &b);
}

void report_history(struct report *r, struct str account,
    const struct change *c, const struct run_record *run)
{
	tell_change(r, account, c, run, false);
}

void report_history_full(struct report *r, struct str account,
    const struct change *c, const struct run_record *run)
{
	tell_change(r, account, c, run, true);
}

void report_past_run(struct report *r, struct str account,
    const struct run_record *run)
{
	struct buf b;

	begin(r, &b);
	if (r->style.json) {
		json_t *o = object("past_run");

		put(r, o, "account", account);
		put_n(o, "run", (uint64_t)run->id);
		put_time(o, "started", run->started);
		put_time(o, "ended", run->ended);
		put(r, o, "rules_version", run->rules_version);
		put_n(o, "judged", run->judged);
		put_n(o, "changed", run->changed);
		put_n(o, "failed", run->failed);
		put_n(o, "unknown", run->unknown);
		if (run->ended != 0)
			put_n(o, "exit", (uint64_t)run->exit_code);
		emit(r, o);
		return;
	}
	add_time(r, &b, run->started);
	buf_add_z(&b, "  ");
	add_colour(r, &b, BOLD);
	buf_add_shown(&b, account);
	end_colour(r, &b);
	buf_printf(&b, "  run %lld: %u judged, %u changed",
	    (long long)run->id, (unsigned)run->judged,
	    (unsigned)run->changed);
	add_count(&b, run->failed, "failed");
	add_count(&b, run->unknown, "unknown");
	if (run->ended == 0)
		buf_add_z(&b, "; it never came to its end");
	else if (run->exit_code != 0)
		buf_printf(&b, "; exit %d", run->exit_code);
	buf_add_char(&b, '\n');
	end(r, &b);
}
