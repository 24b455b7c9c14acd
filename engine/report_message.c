#include "report_parts.h"

#include <string.h>

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
	case OP_REPLACE: return "rewrite";
	case OP_NOTIFY: return "notify";
	case OP_RUN: return "run";
	case OP_FORWARD: return "forward";
	}
	return "do";
}

static void add_deed(struct buf *b, enum op_kind kind, struct str what)
{
	buf_add_z(b, report_verb(kind));
	if (kind == OP_COPY || kind == OP_MOVE || kind == OP_FORWARD)
		buf_add_z(b, " to");
	if (kind == OP_REPLACE)
		buf_add_char(b, ':');
	if (kind == OP_DELETE)
		buf_add_z(b, " for ever");
	if (what.n > 0) {
		buf_add_char(b, ' ');
		buf_add_shown(b, what);
	}
}

void report_put_id(struct object *o, const struct report_id *id)
{
	object_text(o, "account", id->account);
	object_text(o, "mailbox", id->mailbox);
	if (id->uid > 0)
		object_number(o, "uid", id->uid);
	object_text(o, "source", id->source);
	object_text(o, "from", id->from);
	object_text(o, "subject", id->subject);
	object_text(o, "message_id", id->message_id);
}

void report_put_changes(struct object *o, const struct report_change *list,
    size_t n)
{
	struct object *changes = object_list(o, "changes");

	for (size_t i = 0; i < n; i++) {
		struct object *c = object_item(changes);

		object_z(c, "do", report_verb(list[i].kind));
		object_text(c, "what", list[i].what);
		object_text(c, "rules", list[i].rules);
		object_z(c, "state", list[i].state);
		object_text(c, "reason", list[i].reason);
	}
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

/* "Alice: Hello"; both may hold any octet. */
static struct str whom_and_what(struct report *r, struct str from,
    struct str subject)
{
	struct buf b;
	struct str line;

	buf_init(&b, 2 * MAIL_VALUE_MAX + 2);
	buf_add_str(&b, from);
	if (from.n > 0 && subject.n > 0)
		buf_add_z(&b, ": ");
	buf_add_str(&b, subject);
	line = arena_str(r->scratch, buf_str(&b));
	buf_free(&b);
	return line;
}

void report_add_id_line(struct report *r, struct buf *b,
    const struct report_id *id)
{
	size_t start, used;

	report_add_colour(r, b, REPORT_BOLD);
	start = b->n;
	add_name(b, id);
	used = text_width(str_sub(buf_str(b), start, b->n - start));
	report_end_colour(r, b);
	if (id->from.n > 0 || id->subject.n > 0) {
		struct str line = whom_and_what(r, id->from, id->subject);

		buf_add_z(b, "  ");
		report_add_cut(r, b, line, used + 22 < r->style.width ?
		    r->style.width - used - 2 : 20);
	}
	buf_add_char(b, '\n');
}

static bool is_bad(const char *state)
{
	return strcmp(state, "failed") == 0 || strcmp(state, "unsure") == 0;
}

void report_add_change(struct report *r, struct buf *b,
    const struct report_change *c)
{
	bool bad = is_bad(c->state);

	buf_add_z(b, "    ");
	if (strcmp(c->state, "done") != 0) {
		report_add_in(r, b, bad ? REPORT_RED : REPORT_DIM, c->state);
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

static void put_notes(struct object *o, const char *key,
    const struct report_message *m, bool failed)
{
	struct object *list = object_list(o, key);

	for (size_t i = 0; i < m->n_notes; i++) {
		struct object *note;

		if (m->notes[i].failed != failed)
			continue;
		note = object_item(list);
		object_text(note, "rule", rule_name(m->rules,
		    m->notes[i].rule));
		object_text(note, "reason", m->notes[i].text);
	}
}

static void message_as_json(struct report *r, const struct report_message *m)
{
	struct object *o = object_make(r->scratch, "message");
	struct object *fired;

	report_put_id(o, &m->id);
	fired = object_list(o, "rules");
	for (size_t i = 0; i < m->n_fired; i++)
		object_item_text(fired, rule_name(m->rules, m->fired[i]));
	put_notes(o, "unknown", m, false);
	put_notes(o, "failed", m, true);
	report_put_changes(o, m->changes, m->n_changes);
	object_text(o, "failure", m->failure);
	object_text(o, "pending", m->pending);
	report_emit(r, o);
}

static bool has_failed(const struct report_message *m)
{
	for (size_t i = 0; i < m->n_changes; i++)
		if (is_bad(m->changes[i].state))
			return true;
	for (size_t i = 0; i < m->n_notes; i++)
		if (m->notes[i].failed)
			return true;
	return m->failure.n > 0;
}

/* Why it pends, unless that stands beside a change already. */
static struct str pending_text(const struct report_message *m)
{
	for (size_t i = 0; i < m->n_changes; i++)
		if (str_eq(m->changes[i].reason, m->pending))
			return STR_EMPTY;
	return m->pending;
}

void report_message(struct report *r, const struct report_message *m)
{
	struct buf b;

	report_begin(r, &b);
	if (r->style.json) {
		message_as_json(r, m);
		return;
	}
	if (r->style.quiet && !has_failed(m))
		return;
	/* cron would send the same mail for each try */
	if (m->told && !r->style.chatty)
		return;
	report_add_id_line(r, &b, &m->id);
	for (size_t i = 0; i < m->n_changes; i++)
		report_add_change(r, &b, &m->changes[i]);
	for (size_t i = 0; i < m->n_notes; i++) {
		const struct report_note *note = &m->notes[i];

		report_add_sentence(r, &b, note->failed ? REPORT_RED :
		    REPORT_YELLOW, note->failed ? "failed" : "unknown",
		    rule_name(m->rules, note->rule), note->text);
	}
	if (m->failure.n > 0)
		report_add_sentence(r, &b, REPORT_RED, "nothing is done",
		    STR_EMPTY, m->failure);
	if (m->pending.n > 0)
		report_add_sentence(r, &b, REPORT_YELLOW,
		    "will be judged again", STR_EMPTY, pending_text(m));
	report_end(r, &b);
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
	case CHANGE_UNDONE: return "undone";
	}
	return "unsure";
}

/* Several names stand in a line of their own each. */
static struct str in_one_line(struct report *r, struct str names)
{
	struct str name, all;
	struct buf b;

	buf_init(&b, 2 * names.n + 1);
	while (str_cut(&names, '\n', &name)) {
		if (buf_str(&b).n > 0)
			buf_add_z(&b, ", ");
		buf_add_str(&b, name);
	}
	all = arena_str(r->scratch, buf_str(&b));
	buf_free(&b);
	return all;
}

static struct object *change_object(struct report *r, const char *type,
    struct str account, const struct change *c)
{
	struct object *o = object_make(r->scratch, type);

	object_text(o, "account", account);
	object_number(o, "run", (uint64_t)c->run);
	object_time(o, "time", c->time);
	object_text(o, "mailbox", c->mailbox);
	object_number(o, "uidvalidity", c->uidvalidity);
	object_number(o, "uid", c->uid);
	object_text(o, "message_id", c->id_of.message_id);
	object_text(o, "from", c->from);
	object_text(o, "subject", c->subject);
	object_text(o, "rules", c->rules);
	object_z(o, "do", report_verb(c->kind));
	object_text(o, "what", in_one_line(r, c->what));
	object_lines(o, "flags_before", c->flags_before);
	object_lines(o, "labels_before", c->labels_before);
	if (c->dest_uid > 0)
		object_number(o, "dest_uid", c->dest_uid);
	return o;
}

static void history_as_json(struct report *r, struct str account,
    const struct change *c, const struct run_record *run)
{
	struct object *o = change_object(r, "change", account, c);

	object_z(o, "state", state_word(c->state));
	object_text(o, "reason", c->reason);
	if (run)
		object_text(o, "rules_version", run->rules_version);
	report_emit(r, o);
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
		report_add_cut(r, b, whom_and_what(r, c->from, c->subject),
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

	report_begin(r, &b);
	if (r->style.json) {
		history_as_json(r, account, c, run);
		return;
	}
	if (full)
		report_add_time(r, &b, c->time);
	buf_add_z(&b, "  ");
	report_add_colour(r, &b, REPORT_BOLD);
	add_name(&b, &id);
	report_end_colour(r, &b);
	buf_add_z(&b, "  ");
	if (c->state != CHANGE_DONE)
		buf_printf(&b, "%s: ", state_word(c->state));
	add_deed(&b, c->kind, in_one_line(r, c->what));
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
	report_end(r, &b);
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

void report_undo(struct report *r, struct str account,
    const struct change *c, const char *state, struct str reason)
{
	struct report_id id = { .account = account, .mailbox = c->mailbox,
	    .uid = c->uid };
	struct object *o;
	struct buf b;

	report_begin(r, &b);
	if (r->style.json) {
		o = change_object(r, "undone", account, c);
		object_z(o, "state", state);
		object_text(o, "reason", reason);
		report_emit(r, o);
		return;
	}
	buf_add_z(&b, "  ");
	report_add_colour(r, &b, REPORT_BOLD);
	add_name(&b, &id);
	report_end_colour(r, &b);
	buf_printf(&b, "  %s: ", strcmp(state, "done") == 0 ? "taken back" :
	    strcmp(state, "would") == 0 ? "would take back" : state);
	add_deed(&b, c->kind, in_one_line(r, c->what));
	if (reason.n > 0) {
		buf_add_z(&b, ": ");
		buf_add_shown(&b, reason);
	}
	buf_add_char(&b, '\n');
	report_end(r, &b);
}

void report_past_run(struct report *r, struct str account,
    const struct run_record *run)
{
	struct buf b;

	report_begin(r, &b);
	if (r->style.json) {
		struct object *o = object_make(r->scratch, "past_run");

		object_text(o, "account", account);
		object_number(o, "run", (uint64_t)run->id);
		object_time(o, "started", run->started);
		object_time(o, "ended", run->ended);
		object_text(o, "rules_version", run->rules_version);
		object_number(o, "judged", run->judged);
		object_number(o, "changed", run->changed);
		object_number(o, "failed", run->failed);
		object_number(o, "unknown", run->unknown);
		if (run->ended != 0)
			object_number(o, "exit", (uint64_t)run->exit_code);
		report_emit(r, o);
		return;
	}
	report_add_time(r, &b, run->started);
	buf_add_z(&b, "  ");
	report_add_colour(r, &b, REPORT_BOLD);
	buf_add_shown(&b, account);
	report_end_colour(r, &b);
	buf_printf(&b, "  run %lld: %u judged, %u changed",
	    (long long)run->id, (unsigned)run->judged,
	    (unsigned)run->changed);
	report_add_count(&b, run->failed, "failed");
	report_add_count(&b, run->unknown, "unknown");
	if (run->ended == 0)
		buf_add_z(&b, "; it never came to its end");
	else if (run->exit_code != 0)
		buf_printf(&b, "; exit %d", run->exit_code);
	buf_add_char(&b, '\n');
	report_end(r, &b);
}

void report_recovered(struct report *r, const struct report_recovered *x)
{
	struct object *o;

	if (!r->style.json) {
		report_text(r, "%.*s: %zu changes looked at: %zu done, %zu "
		    "to be judged afresh, %zu unsure, %zu waited for%s",
		    STR_ARG(x->account), x->changes, x->done, x->void_,
		    x->unsure, x->waiting, x->late ? "; what was uploaded "
		    "and landed late is in Trash" : "");
		return;
	}
	arena_reset(r->scratch);
	o = object_make(r->scratch, "recovered");
	object_text(o, "account", x->account);
	object_number(o, "changes", x->changes);
	object_number(o, "done", x->done);
	object_number(o, "void", x->void_);
	object_number(o, "unsure", x->unsure);
	object_number(o, "waiting", x->waiting);
	object_number(o, "late", x->late);
	report_emit(r, o);
}
