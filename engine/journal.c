#include "journal_room.h"

#include <string.h>

#define HISTORY_BATCH	64

bool journal_begin(struct journal *j, struct err *e)
{
	if (!j->write)
		return err_set(e, ERR_STATE,
		    "state %s was opened for reading only", j->dir);
	return database_begin(j->db, e);
}

static void row_put_digest(struct row *r, int i, const struct identity *id)
{
	row_put_bytes(r, i, id->digest, sizeof(id->digest));
}

static void row_get_digest(struct row *r, int i, struct identity *id)
{
	row_bytes(r, i, id->digest, sizeof(id->digest));
}

/* ----------------------------------------------------------- mailboxes */

bool journal_mailbox_get(struct journal *j, struct str name,
    struct mailbox_row *out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_MAILBOX, e);
	int got;

	if (!st)
		return false;
	row_put_str(st, 1, name);
	got = row_next(st, e);
	if (got < 0)
		return false;
	*out = (struct mailbox_row){ .names_uidnext = 1 };
	if (got == 0)
		return true;
	out->id = row_get(st, 0);
	out->checkpoint.known = row_get(st, 1) != 0;
	out->checkpoint.uidvalidity = row_u32(st, 2);
	out->checkpoint.next_uid = row_u32(st, 3);
	out->checkpoint.baseline_uid = row_u32(st, 4);
	out->checkpoint.modseq = (uint64_t)row_get(st, 5);
	out->checkpoint.time = row_get(st, 6);
	out->names_uidvalidity = row_u32(st, 7);
	out->names_uidnext = row_u32(st, 8);
	out->checkpoint.baseline_time = row_get(st, 9);
	row_reset(st);
	return true;
}

bool journal_mailbox_need(struct journal *j, struct str name,
    struct mailbox_row *out, struct err *e)
{
	struct row *st;

	if (!journal_mailbox_get(j, name, out, e))
		return false;
	if (out->id)
		return true;
	st = database_statement(j->db, SQL_MAILBOX_ADD, e);
	if (!st)
		return false;
	row_put_str(st, 1, name);
	if (!row_run(st, e))
		return false;
	out->id = database_last_id(j->db);
	return true;
}

bool journal_checkpoint(struct journal *j, struct str mailbox,
    struct checkpoint *out, struct err *e)
{
	struct mailbox_row row;

	if (!journal_mailbox_get(j, mailbox, &row, e))
		return false;
	*out = row.checkpoint;
	return true;
}

bool journal_pending(struct journal *j, struct arena *a, struct str mailbox,
    struct pending **list_out, size_t *n_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_PENDING, e);
	struct pending *list = NULL;
	size_t n = 0, cap = 0;
	struct mailbox_row row;
	int got;

	if (!st || !journal_mailbox_get(j, mailbox, &row, e))
		return false;
	row_put(st, 1, row.id);
	while ((got = row_next(st, e)) > 0) {
		struct pending *p;

		arena_grow(a, &list, n, &cap);
		p = &list[n++];
		p->uid = row_u32(st, 0);
		p->tries = row_get(st, 1);
		p->since = row_get(st, 2);
		row_get_digest(st, 3, &p->id);
		p->id.message_id = arena_str(a, row_str(st, 4));
		p->id.size = (uint64_t)row_get(st, 5);
		p->reason = arena_str(a, row_str(st, 6));
		p->uidvalidity = row_u32(st, 7);
	}
	if (got < 0)
		return false;
	*list_out = list;
	*n_out = n;
	return true;
}

/* Does a statement whose parameters are set give a row? */
static bool is_there(struct row *st, bool *yes_out, struct err *e)
{
	int got = row_next(st, e);

	if (got < 0)
		return false;
	row_reset(st);
	*yes_out = got > 0;
	return true;
}

/* SQL knows the mailbox as ?1 and the message as ?2. */
static bool judged(struct journal *j, size_t sql, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e)
{
	struct row *st = database_statement(j->db, sql, e);
	struct mailbox_row row;

	if (!st || !journal_mailbox_get(j, mailbox, &row, e))
		return false;
	row_put(st, 1, row.id);
	row_put_digest(st, 2, id);
	return is_there(st, yes_out, e);
}

bool journal_was_judged(struct journal *j, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e)
{
	return judged(j, SQL_JUDGED, mailbox, id, yes_out, e);
}

bool journal_judged_elsewhere(struct journal *j, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e)
{
	return judged(j, SQL_JUDGED_ELSEWHERE, mailbox, id, yes_out, e);
}

bool journal_was_undone(struct journal *j, struct str mailbox,
    const struct identity *id, bool *yes_out, struct err *e)
{
	return judged(j, SQL_WAS_UNDONE, mailbox, id, yes_out, e);
}

/* ---------------------------------------------------------------- runs */

bool journal_run_begin(struct journal *j, struct str rules_version,
    int64_t *run_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_RUN_ADD, e);
	int64_t id = 0;
	bool ok;

	if (!st || !journal_begin(j, e))
		return false;
	row_put(st, 1, j->now);
	row_put_str(st, 2, rules_version);
	ok = row_run(st, e);
	if (ok)
		id = database_last_id(j->db);
	if (!database_end(j->db, ok, e))
		return false;
	*run_out = id;
	return true;
}

bool journal_run_end(struct journal *j, const struct run_record *r,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_RUN_END, e);

	if (!st || !journal_begin(j, e))
		return false;
	row_put(st, 1, r->id);
	row_put(st, 2, r->ended);
	row_put(st, 3, r->judged);
	row_put(st, 4, r->changed);
	row_put(st, 5, r->failed);
	row_put(st, 6, r->unknown);
	row_put(st, 7, r->exit_code);
	return database_end(j->db, row_run(st, e), e);
}

/* ------------------------------------------------------------- changes */

static bool intend_one(struct journal *j, struct change *c, int64_t mailbox,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_INTEND, e);

	if (!st)
		return false;
	row_put(st, 1, c->run);
	row_put(st, 2, c->time);
	row_put(st, 3, mailbox);
	row_put(st, 4, c->uidvalidity);
	row_put(st, 5, c->uid);
	row_put_digest(st, 6, &c->id_of);
	row_put_str(st, 7, c->id_of.message_id);
	row_put_size(st, 8, c->id_of.size);
	row_put_str(st, 9, c->from);
	row_put_str(st, 10, c->subject);
	row_put_str(st, 11, c->rules);
	row_put(st, 12, (int)c->kind);
	row_put_str(st, 13, c->what);
	row_put_str(st, 14, c->flags_before);
	row_put_str(st, 15, c->labels_before);
	row_put(st, 16, c->dest_uidvalidity);
	row_put(st, 17, c->dest_from_uid);
	return row_run(st, e);
}

bool journal_change_add(struct journal *j, struct change *c, struct err *e)
{
	struct mailbox_row row;

	if (!journal_mailbox_need(j, c->mailbox, &row, e) ||
	    !intend_one(j, c, row.id, e))
		return false;
	c->id = database_last_id(j->db);
	return true;
}

bool journal_intend(struct journal *j, struct change *list, size_t n,
    struct err *e)
{
	struct mailbox_row row = { 0 };
	bool ok = true;

	if (n == 0)
		return true;
	if (!journal_begin(j, e))
		return false;
	for (size_t i = 0; ok && i < n; i++) {
		if (i == 0 || !str_eq(list[i].mailbox, list[i - 1].mailbox))
			ok = journal_mailbox_need(j, list[i].mailbox, &row, e);
		ok = ok && intend_one(j, &list[i], row.id, e);
		if (ok)
			list[i].id = database_last_id(j->db);
	}
	if (!database_end(j->db, ok, e))
		return false;
	for (size_t i = 0; i < n; i++)
		list[i].state = CHANGE_INTENDED;
	return true;
}

static bool run_with(struct journal *j, enum journal_statement statement,
    int64_t id, struct err *e)
{
	struct row *st = database_statement(j->db, statement, e);

	if (!st)
		return false;
	row_put(st, 1, id);
	return row_run(st, e);
}

/*
 * What is known of the copies of a message: made, gone elsewhere with it, or
 * of no use any more, since its UID is not given again.
 */
static bool settle_copies(struct journal *j, const struct change *c,
    struct err *e)
{
	bool done = c->state == CHANGE_DONE;
	struct mailbox_row target;

	if (c->kind == OP_COPY && done)
		return run_with(j, SQL_COPIED_ADD, c->id, e);
	/* a move that was given up, or nobody can tell of, may have landed */
	if (c->kind == OP_MOVE && c->state != CHANGE_FAILED &&
	    (!journal_mailbox_need(j, c->what, &target, e) ||
	    !run_with(j, SQL_COPIED_MOVE, c->id, e)))
		return false;
	if ((c->kind == OP_MOVE || c->kind == OP_DELETE) && done)
		return run_with(j, SQL_COPIED_DROP, c->id, e);
	return true;
}

bool journal_settle_change(struct journal *j, const struct change *c,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_OUTCOME, e);

	if (!st)
		return false;
	row_put(st, 1, c->id);
	row_put(st, 2, (int)c->state);
	row_put(st, 3, c->dest_uid);
	row_put_str(st, 4, c->reason);
	row_put(st, 5, c->dest_uidvalidity);
	return row_run(st, e) && settle_copies(j, c, e);
}

static bool settle_checkpoint(struct journal *j, struct mailbox_row *row,
    const struct checkpoint *c, struct err *e)
{
	struct row *set = database_statement(j->db, SQL_CHECKPOINT_SET, e);
	struct row *clear = database_statement(j->db, SQL_PENDING_CLEAR, e);

	if (!set || !clear)
		return false;
	/* UIDs of another UIDVALIDITY mean nothing (RFC 9051 2.3.1.1). */
	row_put(clear, 1, row->id);
	row_put(clear, 2, c->uidvalidity);
	if (!row_run(clear, e))
		return false;
	row_put(set, 1, row->id);
	row_put(set, 2, c->uidvalidity);
	row_put(set, 3, c->next_uid);
	row_put(set, 4, c->baseline_uid);
	row_put_size(set, 5, c->modseq);
	row_put(set, 6, c->time);
	row_put(set, 7, c->baseline_time);
	return row_run(set, e);
}

static bool known_identity(const struct identity *id)
{
	static const uint8_t none[sizeof(id->digest)];

	return memcmp(id->digest, none, sizeof(none)) != 0;
}

bool journal_judged_add(struct journal *j, int64_t mailbox,
    const struct identity *id, struct err *e)
{
	struct row *st;

	if (!known_identity(id))
		return true;
	st = database_statement(j->db, SQL_JUDGED_ADD, e);
	if (!st)
		return false;
	row_put(st, 1, mailbox);
	row_put_digest(st, 2, id);
	row_put(st, 3, j->now);
	return row_run(st, e);
}

static bool settle_judged(struct journal *j, int64_t mailbox,
    const struct judged *m, struct err *e)
{
	struct row *st = database_statement(j->db, m->settled ?
	    SQL_PENDING_DROP : SQL_PENDING_ADD, e);

	if (!st)
		return false;
	row_put(st, 1, mailbox);
	row_put(st, 2, m->uid);
	row_put(st, 3, m->uidvalidity);
	if (!m->settled) {
		row_put(st, 4, j->now);
		row_put_digest(st, 5, &m->id);
		row_put_str(st, 6, m->id.message_id);
		row_put_size(st, 7, m->id.size);
		row_put_str(st, 8, m->reason);
		row_put(st, 9, m->waits ? 0 : 1);
	}
	return row_run(st, e) && (!m->settled ||
	    journal_judged_add(j, mailbox, &m->id, e));
}

bool journal_settle(struct journal *j, struct str mailbox,
    const struct change *changes, size_t n_changes,
    const struct judged *judged, size_t n_judged,
    const struct checkpoint *checkpoint, struct err *e)
{
	struct mailbox_row row = { 0 };
	bool ok = true;

	if (n_changes == 0 && n_judged == 0 && !checkpoint)
		return true;
	if (!journal_begin(j, e))
		return false;
	if (n_judged || checkpoint)
		ok = journal_mailbox_need(j, mailbox, &row, e);
	if (ok && checkpoint)
		ok = settle_checkpoint(j, &row, checkpoint, e);
	for (size_t i = 0; ok && i < n_changes; i++)
		ok = journal_settle_change(j, &changes[i], e);
	for (size_t i = 0; ok && i < n_judged; i++)
		ok = settle_judged(j, row.id, &judged[i], e);
	return database_end(j->db, ok, e);
}

static bool undone(struct journal *j, int64_t id, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_UNDONE, e);

	if (!st)
		return false;
	row_put(st, 1, id);
	row_put(st, 2, CHANGE_UNDONE);
	return row_run(st, e);
}

/* That anything ever was, see SQL_WAS_UNDONE. */
static bool note_undone(struct journal *j, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_NOTE_SET, e);

	if (!st)
		return false;
	row_put_str(st, 1, STR_LIT("undone"));
	row_put(st, 2, j->now);
	return row_run(st, e);
}

bool journal_undone(struct journal *j, const int64_t *ids, size_t n,
    struct err *e)
{
	bool ok = true;

	if (n == 0)
		return true;
	if (!journal_begin(j, e))
		return false;
	for (size_t i = 0; ok && i < n; i++)
		ok = undone(j, ids[i], e);
	return database_end(j->db, ok && note_undone(j, e), e);
}

/* A row of CHANGE_COLUMNS, its strings copied into A. */
static void get_change(struct row *st, struct arena *a, struct change *c)
{
	*c = (struct change){ 0 };
	c->id = row_get(st, 0);
	c->run = row_get(st, 1);
	c->time = row_get(st, 2);
	c->mailbox = arena_str(a, row_str(st, 3));
	c->uidvalidity = row_u32(st, 4);
	c->uid = row_u32(st, 5);
	row_get_digest(st, 6, &c->id_of);
	c->id_of.message_id = arena_str(a, row_str(st, 7));
	c->id_of.size = (uint64_t)row_get(st, 8);
	c->from = arena_str(a, row_str(st, 9));
	c->subject = arena_str(a, row_str(st, 10));
	c->rules = arena_str(a, row_str(st, 11));
	c->kind = (enum op_kind)row_get(st, 12);
	c->what = arena_str(a, row_str(st, 13));
	c->flags_before = arena_str(a, row_str(st, 14));
	c->labels_before = arena_str(a, row_str(st, 15));
	c->dest_uidvalidity = row_u32(st, 16);
	c->dest_from_uid = row_u32(st, 17);
	c->dest_uid = row_u32(st, 18);
	c->state = (enum change_state)row_get(st, 19);
	c->reason = arena_str(a, row_str(st, 20));
}

static void get_run(struct row *st, int first, struct arena *a,
    struct run_record *r)
{
	*r = (struct run_record){ 0 };
	r->id = row_get(st, first);
	r->started = row_get(st, first + 1);
	r->ended = row_get(st, first + 2);
	r->rules_version = arena_str(a, row_str(st, first + 3));
	r->judged = row_u32(st, first + 4);
	r->changed = row_u32(st, first + 5);
	r->failed = row_u32(st, first + 6);
	r->unknown = row_u32(st, first + 7);
	r->exit_code = row_get(st, first + 8);
}

bool journal_unsettled(struct journal *j, struct arena *a,
    struct change **list_out, size_t *n_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_UNSETTLED, e);
	struct change *list = NULL;
	size_t n = 0, cap = 0;
	int got;

	if (!st)
		return false;
	while ((got = row_next(st, e)) > 0) {
		arena_grow(a, &list, n, &cap);
		get_change(st, a, &list[n++]);
	}
	if (got < 0)
		return false;
	*list_out = list;
	*n_out = n;
	return true;
}

bool journal_copied(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, const struct identity *id,
    struct str target, bool *yes_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_COPIED, e);
	struct mailbox_row row;

	if (!st || !journal_mailbox_get(j, mailbox, &row, e))
		return false;
	row_put(st, 1, row.id);
	row_put_str(st, 2, target);
	row_put_digest(st, 3, id);
	row_put(st, 4, uidvalidity);
	row_put(st, 5, uid);
	return is_there(st, yes_out, e);
}

bool journal_placed(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, const struct identity *id,
    bool exact, bool *yes_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_PLACED, e);

	if (!st)
		return false;
	row_put_digest(st, 1, id);
	row_put(st, 2, CHANGE_DONE);
	row_put_str(st, 3, mailbox);
	row_put(st, 4, uidvalidity);
	row_put(st, 5, uid);
	row_put(st, 6, !exact);
	row_put(st, 7, CHANGE_VOID);
	return is_there(st, yes_out, e);
}

/* ------------------------------------------------------------- history */

/* The text of the query holds only what stands here; values are bound. */
static void history_sql(const struct history_query *q, struct buf *b)
{
	buf_add_z(b, "SELECT " CHANGE_COLUMNS ", r.id, r.started, r.ended, "
	    "r.rules_version, r.judged, r.changed, r.failed, r.unknown, "
	    "r.exit_code FROM change c JOIN mailbox m ON m.id = c.mailbox "
	    "JOIN run r ON r.id = c.run WHERE c.id > ?1");
	/* `rules` holds names joined by ", ". */
	if (q->rule.n)
		buf_add_z(b, " AND instr(', ' || c.rules || ', ', "
		    "', ' || ?2 || ', ') > 0");
	if (q->since != TIME_NONE)
		buf_add_z(b, " AND c.time >= ?3");
	if (q->run)
		buf_add_z(b, " AND c.run = ?4");
	if (q->message_id.n)
		buf_add_z(b, " AND c.message_id = ?5");
	if (q->mailbox.n)
		buf_add_z(b, " AND m.name = ?6");
	if (q->mailbox.n && q->uid)
		buf_add_z(b, " AND c.uid = ?7");
	buf_add_z(b, " ORDER BY c.id LIMIT ?8");
}

static struct row *history_prepare(struct journal *j,
    const struct history_query *q, struct err *e)
{
	struct row *st;
	struct buf b;

	buf_init(&b, 4096);
	history_sql(q, &b);
	st = database_prepare(j->db, buf_z(&b), e);
	buf_free(&b);
	return st;
}

/* Parameters that the text does not name are refused, which is fine. */
static void history_bind(struct row *st, const struct history_query *q,
    int64_t after)
{
	row_put(st, 1, after);
	if (q->rule.n)
		row_put_str(st, 2, q->rule);
	if (q->since != TIME_NONE)
		row_put(st, 3, q->since);
	if (q->run)
		row_put(st, 4, q->run);
	if (q->message_id.n)
		row_put_str(st, 5, q->message_id);
	if (q->mailbox.n)
		row_put_str(st, 6, q->mailbox);
	if (q->mailbox.n && q->uid)
		row_put(st, 7, q->uid);
	row_put(st, 8, HISTORY_BATCH);
}

bool journal_history(struct journal *j, const struct history_query *q,
    change_fn *fn, void *ctx, struct err *e)
{
	struct row *st = history_prepare(j, q, e);
	struct change batch[HISTORY_BATCH];
	struct run_record runs[HISTORY_BATCH];
	struct arena *a = arena_new();
	int64_t after = 0;
	bool ok = st != NULL;

	for (size_t n = HISTORY_BATCH; ok && n == HISTORY_BATCH; ) {
		int got = 0;

		arena_reset(a);
		history_bind(st, q, after);
		for (n = 0; n < HISTORY_BATCH &&
		    (got = row_next(st, e)) > 0; n++) {
			get_change(st, a, &batch[n]);
			get_run(st, CHANGE_COLUMNS_N, a, &runs[n]);
			after = batch[n].id;
		}
		row_reset(st);
		ok = got >= 0;
		for (size_t i = 0; ok && i < n; i++)
			ok = fn(ctx, &batch[i], &runs[i], e);
	}
	row_free(st);
	arena_free(&a);
	return ok;
}

bool journal_runs(struct journal *j, int64_t since, run_fn *fn, void *ctx,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_RUNS, e);
	struct run_record batch[HISTORY_BATCH];
	struct arena *a = arena_new();
	int64_t after = 0;
	bool ok = st != NULL;

	for (size_t n = HISTORY_BATCH; ok && n == HISTORY_BATCH; ) {
		int got = 0;

		arena_reset(a);
		row_put(st, 1, after);
		row_put(st, 2, since);	/* TIME_NONE: all */
		row_put(st, 3, HISTORY_BATCH);
		for (n = 0; n < HISTORY_BATCH &&
		    (got = row_next(st, e)) > 0; n++) {
			get_run(st, 0, a, &batch[n]);
			after = batch[n].id;
		}
		row_reset(st);
		ok = got >= 0;
		for (size_t i = 0; ok && i < n; i++)
			ok = fn(ctx, &batch[i], e);
	}
	arena_free(&a);
	return ok;
}

bool journal_prune(struct journal *j, int64_t before, struct err *e)
{
	static const enum journal_statement steps[] = {
		SQL_PRUNE_REPLACEMENTS, SQL_PRUNE_CHANGES,
		SQL_PRUNE_RUNS, SQL_PRUNE_JUDGED,
		SQL_PRUNE_COPIED, SQL_PRUNE_NAMES,
	};
	bool ok = true;

	if (!journal_begin(j, e))
		return false;
	for (size_t i = 0; ok && i < COUNT(steps); i++) {
		struct row *st = database_statement(j->db, steps[i], e);

		if (st)
			row_put(st, 1, before);
		ok = st && row_run(st, e);
	}
	return database_end(j->db, ok, e);
}

/* ------------------------------------------------------- rules, notes */

static bool value_get(struct journal *j, enum journal_statement which,
    struct str key, int64_t *value_out, struct err *e)
{
	struct row *st = database_statement(j->db, which, e);
	int got;

	if (!st)
		return false;
	row_put_str(st, 1, key);
	got = row_next(st, e);
	if (got < 0)
		return false;
	*value_out = got ? row_get(st, 0) : 0;
	row_reset(st);
	return true;
}

static bool value_set(struct journal *j, enum journal_statement which,
    struct str key, int64_t value, struct err *e)
{
	struct row *st = database_statement(j->db, which, e);

	if (!st || !journal_begin(j, e))
		return false;
	row_put_str(st, 1, key);
	row_put(st, 2, value);
	return database_end(j->db, row_run(st, e), e);
}

bool journal_rule_time(struct journal *j, struct str rule,
    int64_t *time_out, struct err *e)
{
	return value_get(j, SQL_RULE, rule, time_out, e);
}

bool journal_set_rule_time(struct journal *j, struct str rule, int64_t time,
    struct err *e)
{
	return value_set(j, SQL_RULE_SET, rule, time, e);
}

bool journal_note_get(struct journal *j, const char *key,
    int64_t *value_out, struct err *e)
{
	return value_get(j, SQL_NOTE, str_of(key), value_out, e);
}

bool journal_note_set(struct journal *j, const char *key, int64_t value,
    struct err *e)
{
	return value_set(j, SQL_NOTE_SET, str_of(key), value, e);
}
