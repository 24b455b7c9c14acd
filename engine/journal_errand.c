#include "journal_errand.h"

#include "journal_room.h"

_Static_assert(ERRAND_INTENDED == 0 && ERRAND_UNSURE == 3 &&
    ERRAND_WAITING == 4, "index errand_open says so, and cut_short");

static void put_key(struct row *st, const struct identity *id,
    struct str rule, enum errand_kind kind, unsigned part)
{
	row_put_bytes(st, 1, id->digest, sizeof(id->digest));
	row_put_str(st, 2, rule);
	row_put(st, 3, (int)kind);
	row_put(st, 4, part);
}

/* Is there a row, and what is the number in it? */
static bool any(struct row *st, bool *yes_out, int64_t *n_out,
    struct err *e)
{
	int got = row_next(st, e);

	*yes_out = got > 0;
	*n_out = got > 0 ? row_get(st, 0) : 0;
	if (got > 0)
		row_reset(st);
	return got >= 0;
}

bool journal_errand_known(struct journal *j, const struct identity *id,
    struct str rule, enum errand_kind kind, unsigned part, bool *yes_out,
    bool *bad_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_ERRAND_KNOWN, e);
	int64_t bad;

	if (!st)
		return false;
	put_key(st, id, rule, kind, part);
	if (!any(st, yes_out, &bad, e))
		return false;
	*bad_out = bad != 0;
	return true;
}

/* What is told stands there only as long as it waits. */
static bool put(struct journal *j, const struct errand_row *r,
    enum errand_state state, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_ERRAND_PUT, e);
	struct mailbox_row mailbox;
	bool waits = state == ERRAND_WAITING;

	if (!st || !journal_mailbox_need(j, r->mailbox, &mailbox, e))
		return false;
	put_key(st, &r->id, r->rule, r->kind, r->part);
	row_put_str(st, 5, r->channel);
	row_put(st, 6, (int)state);
	row_put(st, 7, r->change);
	row_put(st, 8, mailbox.id);
	row_put(st, 9, r->uidvalidity);
	row_put(st, 10, r->uid);
	row_put(st, 11, r->run);
	row_put(st, 12, r->time);
	row_put(st, 13, (int)r->urgency);
	row_put(st, 14, r->sticky);
	row_put(st, 15, r->batch);
	row_put(st, 16, r->till_read);
	row_put_str(st, 17, waits ? r->icon : STR_EMPTY);
	row_put_str(st, 18, waits ? r->sound : STR_EMPTY);
	row_put_str(st, 19, waits ? r->summary : STR_EMPTY);
	row_put_str(st, 20, waits ? r->body : STR_EMPTY);
	row_put_str(st, 21, waits ? r->from : STR_EMPTY);
	row_put_str(st, 22, waits ? r->subject : STR_EMPTY);
	row_put_str(st, 23, r->id.message_id);
	row_put_size(st, 24, r->id.size);
	return row_run(st, e);
}

bool journal_errands_keep(struct journal *j, const struct errand_row *list,
    size_t n, struct err *e)
{
	bool ok = true;

	if (n == 0)
		return true;
	if (!journal_begin(j, e))
		return false;
	for (size_t i = 0; ok && i < n; i++)
		ok = put(j, &list[i], ERRAND_WAITING, e);
	return database_end(j->db, ok, e);
}

static const enum op_kind op_kinds[] = {
	[ERRAND_NOTIFY] = OP_NOTIFY, [ERRAND_RUN] = OP_RUN,
	[ERRAND_FORWARD] = OP_FORWARD,
};

static struct change change_of(const struct errand_row *r, int64_t run)
{
	return (struct change){
		.run = run, .time = r->time,
		.mailbox = r->mailbox,
		.uidvalidity = r->uidvalidity, .uid = r->uid,
		.id_of = r->id,
		.from = r->from, .subject = r->subject,
		.rules = r->rule,
		.kind = op_kinds[r->kind], .what = r->channel,
	};
}

bool journal_errands_intend(struct journal *j, struct errand_row *list,
    size_t n, int64_t run, struct err *e)
{
	bool ok = true;

	if (n == 0)
		return true;
	if (!journal_begin(j, e))
		return false;
	for (size_t i = 0; ok && i < n; i++) {
		struct change c = change_of(&list[i], run);

		ok = journal_change_add(j, &c, e);
		list[i].change = c.id;
		ok = ok && put(j, &list[i], ERRAND_INTENDED, e);
	}
	return database_end(j->db, ok, e);
}

static enum change_state change_state_of(enum errand_state state)
{
	switch (state) {
	case ERRAND_DONE:
		return CHANGE_DONE;
	case ERRAND_WAITING:
		return CHANGE_VOID;
	case ERRAND_UNSURE:
		return CHANGE_UNSURE;
	case ERRAND_FAILED:
	case ERRAND_AGAIN:
	case ERRAND_INTENDED:
		break;
	}
	return CHANGE_FAILED;
}

static bool drop(struct journal *j, const struct errand_row *r,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_ERRAND_DROP, e);

	if (!st)
		return false;
	put_key(st, &r->id, r->rule, r->kind, r->part);
	row_put_str(st, 5, r->channel);
	return row_run(st, e);
}

static bool settle_one(struct journal *j, const struct errand_row *r,
    struct err *e)
{
	struct errand_row after = *r;
	struct change c = {
		.id = r->change, .kind = op_kinds[r->kind],
		.state = change_state_of(r->state), .reason = r->reason,
	};

	if (r->state == ERRAND_WAITING)
		after.change = 0;	/* it gets another one */
	return (r->state == ERRAND_AGAIN ? drop(j, r, e) :
	    put(j, &after, r->state, e)) &&
	    (c.id == 0 || journal_settle_change(j, &c, e));
}

bool journal_errands_settle(struct journal *j, const struct errand_row *list,
    size_t n, struct err *e)
{
	bool ok = true;

	if (n == 0)
		return true;
	if (!journal_begin(j, e))
		return false;
	for (size_t i = 0; ok && i < n; i++)
		ok = settle_one(j, &list[i], e);
	return database_end(j->db, ok, e);
}

static void get(struct row *st, struct arena *a, struct errand_row *r)
{
	*r = (struct errand_row){ .state = ERRAND_WAITING };
	row_bytes(st, 0, r->id.digest, sizeof(r->id.digest));
	r->rule = arena_str(a, row_str(st, 1));
	r->kind = (enum errand_kind)row_get(st, 2);
	r->part = row_u32(st, 3);
	r->channel = arena_str(a, row_str(st, 4));
	r->mailbox = arena_str(a, row_str(st, 5));
	r->uidvalidity = row_u32(st, 6);
	r->uid = row_u32(st, 7);
	r->run = row_get(st, 8);
	r->time = row_get(st, 9);
	r->urgency = (enum urgency)row_get(st, 10);
	r->sticky = row_get(st, 11);
	r->batch = row_get(st, 12);
	r->till_read = row_get(st, 13);
	r->icon = arena_str(a, row_str(st, 14));
	r->sound = arena_str(a, row_str(st, 15));
	r->summary = arena_str(a, row_str(st, 16));
	r->body = arena_str(a, row_str(st, 17));
	r->from = arena_str(a, row_str(st, 18));
	r->subject = arena_str(a, row_str(st, 19));
	r->id.message_id = arena_str(a, row_str(st, 20));
	r->id.size = (uint64_t)row_get(st, 21);
}

bool journal_errands_waiting(struct journal *j, struct arena *a,
    struct errand_row **list_out, size_t *n_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_ERRANDS_WAITING, e);
	struct errand_row *list = NULL;
	size_t n = 0, cap = 0;
	int got;

	if (!st)
		return false;
	row_put(st, 1, ERRAND_WAITING);
	while ((got = row_next(st, e)) > 0) {
		arena_grow(a, &list, n, &cap);
		get(st, a, &list[n++]);
	}
	*list_out = list;
	*n_out = n;
	return got == 0;
}

bool journal_errands_cut_short(struct journal *j, uint64_t *n_out,
    struct err *e)
{
	int64_t n;
	bool ok;

	*n_out = 0;
	if (!database_number(j->db, "SELECT count(*) FROM errand "
	    "WHERE state = 0", &n, e))
		return false;
	if (n == 0)
		return true;
	if (!journal_begin(j, e))
		return false;
	ok = database_do(j->db, "UPDATE change SET state = 4, reason = "
	    "'the run was cut short; it is not repeated' "
	    "WHERE id IN (SELECT change FROM errand WHERE state = 0);"
	    "UPDATE errand SET state = 3 WHERE state = 0;", e);
	*n_out = (uint64_t)n;
	return database_end(j->db, ok, e);
}

bool journal_errand_moved(struct journal *j, const struct errand_row *r,
    bool *yes_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_ERRAND_MOVED, e);
	int64_t one;

	if (!st)
		return false;
	row_put_str(st, 1, r->mailbox);
	row_put(st, 2, r->uidvalidity);
	row_put(st, 3, r->uid);
	row_put(st, 4, OP_MOVE);
	row_put(st, 5, CHANGE_DONE);
	return any(st, yes_out, &one, e);
}

bool journal_since(struct journal *j, int64_t *time_out, struct err *e)
{
	return database_number(j->db, "SELECT since FROM owner", time_out, e);
}
