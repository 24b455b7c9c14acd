#include "journal_room.h"

#include <stdlib.h>

/* What differs between the names given and those that are known. */
struct names_diff {
	struct arena *a;
	uint32_t *order;	/* indices of the names, sorted */
	struct str *gone, *back;
	size_t n_gone, cap_gone, n_back, cap_back;
	size_t n_new;
};

static int by_name(const void *x, const void *y, void *names)
{
	const struct str *s = names;

	return str_cmp(s[*(const uint32_t *)x], s[*(const uint32_t *)y]);
}

static void sort_names(struct names_diff *d, const struct str *names,
    size_t n)
{
	bool sorted = true;

	d->order = arena_array(d->a, n, sizeof(*d->order));
	for (size_t i = 0; i < n; i++)
		d->order[i] = (uint32_t)i;
	for (size_t i = 1; sorted && i < n; i++)
		sorted = str_cmp(names[i - 1], names[i]) < 0;
	if (!sorted)
		qsort_r(d->order, n, sizeof(*d->order), by_name,
		    (void *)(uintptr_t)names);
}

/* Both lists are sorted and walked once; UIDS is 0 where a name is new. */
static bool compare_names(struct journal *j, int64_t mailbox,
    struct names_diff *d, const struct str *names, size_t n, uint32_t *uids,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_NAMES, e);
	size_t at = 0;
	int got;

	if (!st)
		return false;
	row_put(st, 1, mailbox);
	while ((got = row_next(st, e)) > 0) {
		struct str known = row_str(st, 0);
		bool was_gone = !row_is_null(st, 2);
		int order = 1;

		while (at < n &&
		    (order = str_cmp(names[d->order[at]], known)) < 0)
			uids[d->order[at++]] = 0;
		if (at < n && order == 0) {
			uids[d->order[at++]] = row_u32(st, 1);
			if (!was_gone)
				continue;
			arena_grow(d->a, &d->back, d->n_back, &d->cap_back);
			d->back[d->n_back++] = arena_str(d->a, known);
		} else if (!was_gone) {
			arena_grow(d->a, &d->gone, d->n_gone, &d->cap_gone);
			d->gone[d->n_gone++] = arena_str(d->a, known);
		}
	}
	while (at < n)
		uids[d->order[at++]] = 0;
	for (size_t i = 0; i < n; i++)
		d->n_new += uids[i] == 0;
	return got == 0;
}

static bool mark_gone(struct journal *j, int64_t mailbox,
    const struct str *names, size_t n, bool gone, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_NAME_GONE, e);

	for (size_t i = 0; st && i < n; i++) {
		row_put(st, 1, mailbox);
		row_put_str(st, 2, names[i]);
		if (gone)
			row_put(st, 3, j->now);
		else
			row_put_null(st, 3);
		if (!row_run(st, e))
			return false;
	}
	return st != NULL;
}

static bool add_name(struct journal *j, int64_t mailbox, struct str name,
    uint32_t uid, struct err *e)
{
	struct row *st = database_statement(j->db, SQL_NAME_ADD, e);

	if (!st)
		return false;
	row_put(st, 1, mailbox);
	row_put_str(st, 2, name);
	row_put(st, 3, uid);
	return row_run(st, e);
}

static bool set_numbers(struct journal *j, const struct mailbox_row *row,
    struct err *e)
{
	struct row *st = database_statement(j->db, SQL_NAMES_NUMBERS, e);

	if (!st)
		return false;
	row_put(st, 1, row->id);
	row_put(st, 2, row->names_uidvalidity);
	row_put(st, 3, row->names_uidnext);
	return row_run(st, e);
}

/* UIDs are given once and for all; UINT32_MAX stands for "*". */
static bool room_for(struct journal *j, const struct mailbox_row *row,
    size_t n, struct err *e)
{
	if (n < UINT32_MAX - row->names_uidnext)
		return true;
	return err_set(e, ERR_STATE, "state %s: a mailbox has used up its "
	    "UIDs", j->dir);
}

static uint32_t new_uidvalidity(const struct journal *j)
{
	uint32_t v = (uint32_t)j->now;

	return v ? v : 1;
}

/* Gives the new names their UIDs in the order of NAMES. */
static void number_new(struct mailbox_row *row, uint32_t *uids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (uids[i] == 0)
			uids[i] = row->names_uidnext++;
}

static bool write_names(struct journal *j, struct str mailbox,
    struct mailbox_row *row, struct names_diff *d, const struct str *names,
    size_t n, uint32_t *uids, struct err *e)
{
	uint32_t first;
	bool ok;

	if (!journal_begin(j, e))
		return false;
	ok = journal_mailbox_need(j, mailbox, row, e);
	first = row->names_uidnext;
	if (ok && row->names_uidvalidity == 0)
		row->names_uidvalidity = new_uidvalidity(j);
	if (ok)
		number_new(row, uids, n);
	/* in the order of the table, which is the faster one */
	for (size_t i = 0; ok && d->n_new && i < n; i++)
		if (uids[d->order[i]] >= first)
			ok = add_name(j, row->id, names[d->order[i]],
			    uids[d->order[i]], e);
	ok = ok && mark_gone(j, row->id, d->gone, d->n_gone, true, e) &&
	    mark_gone(j, row->id, d->back, d->n_back, false, e) &&
	    set_numbers(j, row, e);
	return database_end(j->db, ok, e);
}

bool journal_names(struct journal *j, struct str mailbox,
    const struct str *names, size_t n, uint32_t *uids_out,
    uint32_t *uidnext_out, uint32_t *uidvalidity_out, struct err *e)
{
	struct names_diff d = { .a = arena_new() };
	struct mailbox_row row;
	bool ok = journal_mailbox_get(j, mailbox, &row, e);

	if (ok && names) {
		sort_names(&d, names, n);
		ok = compare_names(j, row.id, &d, names, n, uids_out, e) &&
		    room_for(j, &row, d.n_new, e);
	}
	if (ok && (!j->write || !names)) {
		number_new(&row, uids_out, names ? n : 0);
		if (row.names_uidvalidity == 0)
			row.names_uidvalidity = new_uidvalidity(j);
	} else if (ok && (row.names_uidvalidity == 0 || d.n_new ||
	    d.n_gone || d.n_back)) {
		ok = write_names(j, mailbox, &row, &d, names, n, uids_out,
		    e);
	}
	arena_free(&d.a);
	if (!ok)
		return false;
	*uidnext_out = row.names_uidnext;
	*uidvalidity_out = row.names_uidvalidity;
	return true;
}

/*
 * What was put there by us is not new: the checkpoint moves behind it, and
 * what else stands between (numbered, but not judged yet) becomes pending.
 */
static bool step_over(struct journal *j, const struct mailbox_row *row,
    uint32_t first, struct err *e)
{
	const struct checkpoint *c = &row->checkpoint;
	struct row *next = database_statement(j->db, SQL_NAMES_NEXT, e);
	struct row *pend = database_statement(j->db, SQL_PENDING_NAMES, e);

	if (!next || !pend)
		return false;
	if (!c->known || c->uidvalidity != row->names_uidvalidity)
		return true;	/* the first run there sets a baseline */
	if (c->next_uid < first) {
		row_put(pend, 1, row->id);
		row_put(pend, 2, c->next_uid);
		row_put(pend, 3, first);
		row_put(pend, 4, j->now);
		row_put(pend, 5, row->names_uidvalidity);
		if (!row_run(pend, e))
			return false;
	}
	row_put(next, 1, row->id);
	row_put(next, 2, row->names_uidnext);
	return row_run(next, e);
}

/* The names of one mailbox, all in a transaction. */
static bool add_names(struct journal *j, struct journal_name *list,
    size_t n, struct err *e)
{
	struct mailbox_row row;
	uint32_t first;

	if (!journal_mailbox_need(j, list[0].mailbox, &row, e) ||
	    !room_for(j, &row, n, e))
		return false;
	first = row.names_uidnext;
	if (row.names_uidvalidity == 0)
		row.names_uidvalidity = new_uidvalidity(j);
	for (size_t i = 0; i < n; i++) {
		list[i].uid = row.names_uidnext++;
		if (!add_name(j, row.id, list[i].name, list[i].uid, e))
			return false;
	}
	return set_numbers(j, &row, e) && step_over(j, &row, first, e);
}

bool journal_names_add(struct journal *j, struct journal_name *list,
    size_t n, struct err *e)
{
	bool ok = true;

	if (n == 0)
		return true;
	if (!journal_begin(j, e))
		return false;
	for (size_t at = 0, next; ok && at < n; at = next) {
		for (next = at + 1; next < n && str_eq(list[next].mailbox,
		    list[at].mailbox); next++)
			;
		ok = add_names(j, &list[at], next - at, e);
	}
	return database_end(j->db, ok, e);
}

bool journal_name_add(struct journal *j, struct str mailbox,
    struct str name, uint32_t *uid_out, struct err *e)
{
	struct journal_name one = { .mailbox = mailbox, .name = name };

	if (!journal_names_add(j, &one, 1, e))
		return false;
	*uid_out = one.uid;
	return true;
}
