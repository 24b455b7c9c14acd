#include "journal_replace.h"

#include "journal_room.h"

#include <string.h>

_Static_assert(OP_REPLACE == 7 && REPLACE_UNDOING == 8 && REPLACE_DONE == 9 &&
    REPLACE_SAME == 10 && REPLACE_UNDONE == 14, "SQL says so");

const char *replace_state_name(enum replace_state state)
{
	static const char *const names[] = {
		[REPLACE_PLANNED] = "planned",
		[REPLACE_CAPTURED] = "captured",
		[REPLACE_MADE] = "made",
		[REPLACE_UPLOADING] = "uploading",
		[REPLACE_PROVED] = "proved",
		[REPLACE_DRESSED] = "dressed",
		[REPLACE_RETIRED] = "retired",
		[REPLACE_DISCARDING] = "discarding",
		[REPLACE_UNDOING] = "undoing",
		[REPLACE_DONE] = "done",
		[REPLACE_SAME] = "same",
		[REPLACE_FAILED] = "failed",
		[REPLACE_VOID] = "void",
		[REPLACE_AMBIGUOUS] = "ambiguous",
		[REPLACE_UNDONE] = "undone",
	};

	return names[state];
}

/* ----------------------------------------------------------------- write */

/* A line each; neither flags nor labels hold LF. */
static void put_list(struct row *st, int i, struct buf *b,
    const struct str *list, size_t n)
{
	buf_clear(b);
	for (size_t k = 0; k < n; k++) {
		if (k)
			buf_add_char(b, '\n');
		buf_add_str(b, list[k]);
	}
	row_put_str(st, i, buf_str(b));
}

/* In the order of the table; FLAGS and LABELS hold what is bound. */
static void put_columns(struct row *st, const struct replace_row *p,
    struct buf *flags, struct buf *labels)
{
	const struct original *o = &p->r.original;
	int i = 2;

	row_put(st, i++, p->change);
	row_put_str(st, i++, str_of(p->r.nonce));
	row_put(st, i++, p->state);
	row_put(st, i++, p->attempt);
	row_put(st, i++, p->tried);
	row_put(st, i++, p->watch);
	row_put(st, i++, p->instead);
	row_put(st, i++, p->spooled);
	row_put(st, i++, p->r.lossy);
	row_put(st, i++, p->r.new_thread);
	row_put(st, i++, p->r.keep);
	row_put_str(st, i++, o->mailbox);
	row_put(st, i++, o->uidvalidity);
	row_put(st, i++, o->uid);
	row_put(st, i++, o->trash_uid);
	row_put_str(st, i++, o->name);
	row_put(st, i++, (int64_t)o->gmail_id);
	row_put(st, i++, (int64_t)o->gmail_thread);
	row_put_str(st, i++, o->object_id);
	row_put(st, i++, (int64_t)o->modseq);
	put_list(st, i++, flags, o->dress.flags, o->dress.n_flags);
	put_list(st, i++, labels, o->dress.labels, o->dress.n_labels);
	row_put(st, i++, o->received);
	row_put(st, i++, o->zone);
	row_put_size(st, i++, o->size);
	row_put_bytes(st, i++, o->sha256, sizeof(o->sha256));
	row_put(st, i++, p->r.to_uidvalidity);
	row_put(st, i++, p->r.to_from_uid);
	row_put(st, i++, p->r.copy_uid);
	row_put_str(st, i++, p->r.copy_name);
	row_put(st, i++, (int64_t)p->r.copy_gmail_id);
	row_put_size(st, i++, p->copy_size);
	row_put_bytes(st, i++, p->copy_sha256, sizeof(p->copy_sha256));
	row_put_bytes(st, i++, p->copy_id.digest, sizeof(p->copy_id.digest));
	row_put_str(st, i++, p->copy_id.message_id);
	row_put_size(st, i++, p->copy_id.size);
	row_put_bytes(st, i++, p->mark, sizeof(p->mark));
	row_put(st, i++, p->r.uid_after);
	row_put_str(st, i++, p->then);
	row_put(st, i++, p->tries);
	row_put(st, i++, p->settled);
	row_put_str(st, i++, p->reason);
}

static bool put_one(struct journal *j, struct replace_row *p,
    struct buf *flags, struct buf *labels, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_PUT, e);

	if (!st)
		return false;
	if (p->r.row)
		row_put(st, 1, p->r.row);
	else
		row_put_null(st, 1);
	put_columns(st, p, flags, labels);
	if (!row_run(st, e))
		return false;
	if (!p->r.row)
		p->r.row = database_last_id(j->db);
	return true;
}

static enum change_state change_state_of(enum replace_state state)
{
	switch (state) {
	case REPLACE_DONE:
	case REPLACE_SAME:
		return CHANGE_DONE;
	case REPLACE_VOID:
		return CHANGE_VOID;
	case REPLACE_AMBIGUOUS:
		return CHANGE_UNSURE;
	default:
		return CHANGE_FAILED;
	}
}

static bool inherit_copies(struct journal *j, const struct replace_row *p,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_COPIED, e);

	if (!st)
		return false;
	row_put(st, 1, p->change);
	row_put_bytes(st, 2, p->copy_id.digest, sizeof(p->copy_id.digest));
	row_put(st, 3, p->r.uid_after);
	return row_run(st, e);
}

/* Who was told of the original was told of the copy. */
static bool inherit_errands(struct journal *j, const struct replace_row *p,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_ERRANDS, e);

	if (!st)
		return false;
	row_put(st, 1, p->change);
	row_put_bytes(st, 2, p->copy_id.digest, sizeof(p->copy_id.digest));
	return row_run(st, e);
}

/* The copy is what the original was: judged, copied, told of. */
static bool inherit(struct journal *j, const struct replace_row *p,
    struct err *e)
{
	struct mailbox_row mailbox;

	return journal_mailbox_need(j, p->r.mailbox, &mailbox, e) &&
	    journal_judged_add(j, mailbox.id, &p->copy_id, e) &&
	    inherit_copies(j, p, e) && inherit_errands(j, p, e);
}

static bool run_undone(struct journal *j, int64_t change, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_UNDONE, e);

	if (!st)
		return false;
	row_put(st, 1, change);
	row_put(st, 2, CHANGE_UNDONE);
	return row_run(st, e);
}

static bool settle(struct journal *j, struct replace_row *p, struct err *e)
{
	struct change c = {
		.id = p->change,
		.kind = OP_REPLACE,
		.state = change_state_of(p->state),
		.reason = p->reason,
	};

	p->settled = j->now;
	if (p->state == REPLACE_UNDONE)
		return run_undone(j, p->change, e);
	if (p->state == REPLACE_DONE) {
		c.dest_uid = p->r.uid_after;
		c.dest_uidvalidity = p->r.uidvalidity;
	}
	return journal_settle_change(j, &c, e) &&
	    (p->state != REPLACE_DONE || inherit(j, p, e));
}

static bool put_all(struct journal *j, struct replace_row **list, size_t n,
    struct err *e)
{
	struct buf flags, labels;
	bool ok = true;

	buf_init(&flags, 1024 * 1024);
	buf_init(&labels, 1024 * 1024);
	for (size_t i = 0; ok && i < n; i++) {
		if (list[i]->state < REPLACE_SETTLED)
			list[i]->settled = 0;	/* also when undo begins */
		ok = (list[i]->state < REPLACE_SETTLED ||
		    list[i]->settled || settle(j, list[i], e)) &&
		    put_one(j, list[i], &flags, &labels, e);
	}
	buf_free(&flags);
	buf_free(&labels);
	return ok;
}

bool journal_replace_save(struct journal *j, struct replace_row **list,
    size_t n, struct err *e)
{
	if (n == 0)
		return true;
	return journal_begin(j, e) &&
	    database_end(j->db, put_all(j, list, n, e), e);
}

bool journal_replace_add(struct journal *j, struct replace_row **list,
    size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		list[i]->r.row = 0;
	return journal_replace_save(j, list, n, e);
}

/* ------------------------------------------------------------------ read */

static void get_list(struct arena *a, struct str lines,
    const struct str **list_out, size_t *n_out)
{
	struct str *list = NULL, line;
	size_t n = 0, cap = 0;

	while (str_cut(&lines, '\n', &line)) {
		arena_grow(a, &list, n, &cap);
		list[n++] = arena_str(a, line);
	}
	*list_out = list;
	*n_out = n;
}

static void get_change_part(struct row *st, struct arena *a,
    struct replace_row *p)
{
	p->run = row_get(st, 0);
	p->r.mailbox = arena_str(a, row_str(st, 1));
	p->r.uidvalidity = row_u32(st, 2);
	p->r.uid = row_u32(st, 3);
	row_bytes(st, 4, p->r.id.digest, sizeof(p->r.id.digest));
	p->r.id.message_id = arena_str(a, row_str(st, 5));
	p->r.id.size = (uint64_t)row_get(st, 6);
	p->rules = arena_str(a, row_str(st, 7));
	p->what = arena_str(a, row_str(st, 8));
	p->from = arena_str(a, row_str(st, 9));
	p->subject = arena_str(a, row_str(st, 10));
}

static void get_original(struct row *st, int *at, struct arena *a,
    struct original *o)
{
	int i = *at;

	o->mailbox = arena_str(a, row_str(st, i++));
	o->uidvalidity = row_u32(st, i++);
	o->uid = row_u32(st, i++);
	o->trash_uid = row_u32(st, i++);
	o->name = arena_str(a, row_str(st, i++));
	o->gmail_id = (uint64_t)row_get(st, i++);
	o->gmail_thread = (uint64_t)row_get(st, i++);
	o->object_id = arena_str(a, row_str(st, i++));
	o->modseq = (uint64_t)row_get(st, i++);
	get_list(a, row_str(st, i++), &o->dress.flags, &o->dress.n_flags);
	get_list(a, row_str(st, i++), &o->dress.labels, &o->dress.n_labels);
	o->received = row_get(st, i++);
	o->zone = (int)row_get(st, i++);
	o->size = (uint64_t)row_get(st, i++);
	row_bytes(st, i++, o->sha256, sizeof(o->sha256));
	*at = i;
}

static void get_row(struct row *st, struct arena *a, struct replace_row *p)
{
	int i = REPLACE_OWN;
	struct str nonce;

	*p = (struct replace_row){ 0 };
	get_change_part(st, a, p);
	p->r.row = row_get(st, i++);
	p->change = row_get(st, i++);
	nonce = str_sub(row_str(st, i++), 0, NONCE_SIZE);
	memcpy(p->r.nonce, nonce.p, nonce.n);
	p->state = (enum replace_state)row_get(st, i++);
	p->attempt = row_u32(st, i++);
	p->tried = row_get(st, i++);
	p->watch = row_get(st, i++);
	p->instead = row_get(st, i++) != 0;
	p->spooled = row_get(st, i++) != 0;
	p->r.lossy = row_get(st, i++) != 0;
	p->r.new_thread = row_get(st, i++) != 0;
	p->r.keep = (enum keep_original)row_get(st, i++);
	get_original(st, &i, a, &p->r.original);
	p->r.to_uidvalidity = row_u32(st, i++);
	p->r.to_from_uid = row_u32(st, i++);
	p->r.copy_uid = row_u32(st, i++);
	p->r.copy_name = arena_str(a, row_str(st, i++));
	p->r.copy_gmail_id = (uint64_t)row_get(st, i++);
	p->copy_size = (uint64_t)row_get(st, i++);
	row_bytes(st, i++, p->copy_sha256, sizeof(p->copy_sha256));
	row_bytes(st, i++, p->copy_id.digest, sizeof(p->copy_id.digest));
	p->copy_id.message_id = arena_str(a, row_str(st, i++));
	p->copy_id.size = (uint64_t)row_get(st, i++);
	row_bytes(st, i++, p->mark, sizeof(p->mark));
	p->r.uid_after = row_u32(st, i++);
	p->then = arena_str(a, row_str(st, i++));
	p->tries = row_u32(st, i++);
	p->settled = row_get(st, i++);
	p->reason = arena_str(a, row_str(st, i++));
}

bool journal_replace_list(struct journal *j, struct arena *a,
    enum replace_which which, int64_t change, size_t max,
    struct replace_row **list_out, size_t *n_out, struct err *e)
{
	static const enum journal_statement statements[] = {
		[REPLACE_OPEN] = SQL_REPLACE_OPEN,
		[REPLACE_WATCHED] = SQL_REPLACE_WATCHED,
		[REPLACE_KEPT] = SQL_REPLACE_KEPT,
		[REPLACE_OF_CHANGE] = SQL_REPLACE_OF_CHANGE,
	};
	struct row *st = database_statement(j->db, statements[which], e);
	struct replace_row *list = NULL;
	size_t n = 0, cap = 0;
	int got;

	if (!st)
		return false;
	row_put_size(st, 1, max);
	if (which == REPLACE_WATCHED)
		row_put(st, 2, j->now);
	if (which == REPLACE_OF_CHANGE)
		row_put(st, 2, change);
	while ((got = row_next(st, e)) > 0) {
		arena_grow(a, &list, n, &cap);
		get_row(st, a, &list[n++]);
	}
	if (got < 0)
		return false;
	*list_out = list;
	*n_out = n;
	return true;
}

bool journal_replace_needs(struct journal *j, struct str nonce,
    bool *original_out, bool *copy_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_NEEDS, e);
	int got;

	if (!st)
		return false;
	row_put_str(st, 1, nonce);
	row_put(st, 2, j->now);
	got = row_next(st, e);
	if (got < 0)
		return false;
	*original_out = got > 0 && row_get(st, 0) != 0;
	*copy_out = got > 0 && row_get(st, 1) != 0;
	row_reset(st);
	return true;
}

bool journal_replace_is_ours(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, struct str nonce,
    const uint8_t mark[16], bool *yes_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_IS_OURS, e);
	int got;

	if (!st)
		return false;
	row_put_str(st, 1, nonce);
	row_put_bytes(st, 2, mark, 16);
	row_put_str(st, 3, mailbox);
	row_put(st, 4, uidvalidity);
	row_put(st, 5, uid);
	row_put(st, 6, j->now);
	got = row_next(st, e);
	if (got < 0)
		return false;
	row_reset(st);
	*yes_out = got > 0;
	return true;
}

bool journal_replace_restored(struct journal *j, struct str mailbox,
    uint32_t uid, const struct identity *id, bool *yes_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_RESTORED, e);
	int got;

	if (!st)
		return false;
	row_put_bytes(st, 1, id->digest, sizeof(id->digest));
	row_put_str(st, 2, mailbox);
	row_put(st, 3, uid);
	got = row_next(st, e);
	if (got < 0)
		return false;
	row_reset(st);
	*yes_out = got > 0;
	return true;
}

bool journal_replace_made(struct journal *j, struct str mailbox,
    uint32_t uidvalidity, uint32_t uid, struct str what, bool *yes_out,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_MADE, e);
	int got;

	if (!st)
		return false;
	row_put_str(st, 1, mailbox);
	row_put(st, 2, uidvalidity);
	row_put(st, 3, uid);
	row_put_str(st, 4, what);
	got = row_next(st, e);
	if (got < 0)
		return false;
	row_reset(st);
	*yes_out = got > 0;
	return true;
}

bool journal_replace_before(struct journal *j, int64_t change,
    int64_t *n_out, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_REPLACE_BEFORE, e);
	int got;

	if (!st)
		return false;
	row_put(st, 1, change);
	got = row_next(st, e);
	if (got < 0)
		return false;
	*n_out = got ? row_get(st, 0) : 0;
	row_reset(st);
	return true;
}
