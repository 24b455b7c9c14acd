#include "replace_room.h"

#include "step.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_MAX	1000	/* looked at in one turn */

/* --------------------------------------------------------- what is there */

static bool is_whole(struct replace *w, enum spool_kind kind,
    const char *nonce, const uint8_t sha256[DIGEST_SIZE], bool *whole_out,
    struct err *e)
{
	struct err mine = { 0 };
	uint8_t sum[DIGEST_SIZE];
	struct str bytes;

	*whole_out = false;
	if (!spool_map(w->spool, kind, nonce, &bytes, &mine)) {
		if (mine.kind == ERR_MESSAGE)
			return true;
		*e = mine;
		return false;
	}
	digest_of(bytes, sum);
	*whole_out = memcmp(sum, sha256, sizeof(sum)) == 0;
	spool_unmap(&bytes);
	return true;
}

/* Without its bytes nothing can be told apart any more. */
static bool check_files(struct replace *w, struct replace_wish *x,
    struct err *e)
{
	const struct replace_row *p = &x->row;
	bool original, copy;

	if (!is_whole(w, SPOOL_ORIGINAL, p->r.nonce, p->r.original.sha256,
	    &original, e) || !is_whole(w, SPOOL_COPY, p->r.nonce,
	    p->copy_sha256, &copy, e))
		return false;
	if (!original || !copy)
		replace_ambiguous(x, STR_LIT("its files in the spool are "
		    "damaged; both messages, where there are two, are left"));
	return true;
}

static struct replace_wish **wrap(struct arena *a, struct replace_row *rows,
    size_t n)
{
	struct replace_wish **list = arena_array(a, n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		list[i] = arena_make(a, struct replace_wish);
		list[i]->row = rows[i];
	}
	return list;
}

static bool read_rows(struct replace *w, enum replace_which which,
    struct replace_wish ***list_out, size_t *n_out, struct err *e)
{
	struct replace_row *rows;

	if (!journal_replace_list(w->journal, w->arena, which, 0, OPEN_MAX,
	    &rows, n_out, e))
		return false;
	*list_out = wrap(w->arena, rows, *n_out);
	return true;
}

/* --------------------------------------------------- one state at a time */

/* Nothing has reached the mailbox yet. */
static void void_untouched(struct replace_wish **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->row.state < REPLACE_UPLOADING) {
			list[i]->row.state = REPLACE_VOID;
			list[i]->row.reason = STR_LIT("a crash came first");
		}
}

static bool may_land(const struct replace *w, const struct replace_row *p)
{
	return llabs(w->now - p->tried) <
	    REPLACE_LATE * w->account->limits->late;
}

/* An upload of a crash has not been answered; one that is not there is waited
 * for, then forgotten but for the watch. */
static void end_waiting(struct replace *w, struct replace_wish **list,
    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct replace_row *p = &list[i]->row;

		if (p->r.found != COPY_ABSENT ||
		    p->state < REPLACE_UPLOADING ||
		    p->state > REPLACE_DRESSED)
			continue;
		if (p->state == REPLACE_UPLOADING && may_land(w, p)) {
			p->reason = STR_LIT("the upload was not answered, "
			    "and may still land");
			continue;
		}
		if (p->state == REPLACE_UPLOADING) {
			p->state = REPLACE_VOID;
			p->reason = STR_LIT("a crash came first");
			continue;
		}
		replace_ambiguous(list[i], STR_LIT("its copy is not where it "
		    "was put; somebody may have moved or deleted it"));
	}
}

static void watch(struct replace_wish **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->row.state == REPLACE_UPLOADING)
			list[i]->row.watch = list[i]->row.tried +
			    REPLACE_WATCH;
}

/* Uploading, proved: all is looked at again, which changes nothing. */
static bool go_on(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **some;
	size_t k;
	bool ok;

	watch(list, n);
	ok = replace_find(w, list, n, e);
	if (ok) {
		end_waiting(w, list, n);
		/* another variant of one that was swallowed */
		some = replace_pick(a, list, n, REPLACE_MADE, &k);
		ok = replace_upload(w, some, k, e) &&
		    replace_finish(w, list, n, e);
	}
	arena_free(&a);
	return ok;
}

/* Dressed: where the original is gone already this was all. */
static bool go_on_dressed(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **live = arena_array(a, n + 1, sizeof(*live));
	struct replace_wish **gone = arena_array(a, n + 1, sizeof(*gone));
	size_t n_live = 0, n_gone = 0;
	bool ok = replace_step(w, list, n,
	    w->store->kind.replacer->whereabouts, NEEDS_COPY |
	    NEEDS_ORIGINAL, e);

	for (size_t i = 0; ok && i < n; i++)
		if (list[i]->row.r.place == ORIGINAL_LIVE)
			live[n_live++] = list[i];
		else if (list[i]->row.r.place != ORIGINAL_UNKNOWN)
			gone[n_gone++] = list[i];
	ok = ok && replace_retire(w, gone, n_gone, e) &&
	    go_on(w, live, n_live, e);
	arena_free(&a);
	return ok;
}

static bool discard(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **there = arena_array(a, n + 1, sizeof(*there));
	size_t k = 0;
	bool ok = replace_step(w, list, n, w->store->kind.replacer->look,
	    NEEDS_COPY, e);

	for (size_t i = 0; ok && i < n; i++)
		if (list[i]->row.r.found == COPY_ABSENT)
			list[i]->row.state = REPLACE_FAILED;
		else if (list[i]->row.r.found != COPY_UNKNOWN)
			there[k++] = list[i];
	ok = ok && replace_discard(w, there, k, e);
	arena_free(&a);
	return ok;
}

/* ----------------------------------------------------- what comes behind */

static const struct {
	const char *word;
	enum op_kind kind;
} then_words[] = {
	{ "copy ", OP_COPY }, { "move ", OP_MOVE }, { "delete", OP_DELETE },
	{ "unlabel ", OP_REMOVE_LABELS },
};

static void as_label(struct replace *w, struct op *op)
{
	struct str *name = arena_make(w->arena, struct str);

	*name = op->mailbox;
	op->names = name;
	op->n_names = 1;
	op->mailbox = STR_EMPTY;
}

static size_t then_ops(struct replace *w, struct replace_wish *x,
    struct op *ops)
{
	struct str rest = x->row.then, line;
	size_t n = 0;

	while (str_cut(&rest, '\n', &line) && n < REPLACE_THEN_MAX)
		for (size_t i = 0; i < COUNT(then_words); i++) {
			struct str word = str_of(then_words[i].word);

			if (!str_starts(line, word))
				continue;
			ops[n] = (struct op){
				.kind = then_words[i].kind,
				.uid = x->row.r.uid_after,
				.mailbox = arena_str(w->arena, str_sub(line,
				    word.n, line.n)),
				.id = &x->row.copy_id,
			};
			if (ops[n].kind == OP_REMOVE_LABELS)
				as_label(w, &ops[n]);
			n++;
			break;
		}
	return n;
}

static bool drop_copied(struct replace *w, const struct replace_row *p,
    struct op *ops, size_t *n, struct err *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		bool copied = false;

		if (ops[i].kind == OP_COPY && !journal_copied(w->journal,
		    p->r.mailbox, p->r.uidvalidity, p->r.uid_after,
		    &p->copy_id, ops[i].mailbox, &copied, e))
			return false;
		if (!copied)
			ops[kept++] = ops[i];
	}
	*n = kept;
	return true;
}

static void change_of(const struct replace *w, const struct replace_row *p,
    const struct op *op, struct change *c)
{
	*c = (struct change){
		.run = p->run,
		.time = w->now,
		.mailbox = p->r.mailbox,
		.uidvalidity = p->r.uidvalidity,
		.uid = op->uid,
		.id_of = p->copy_id,
		.from = p->from,
		.subject = p->subject,
		.rules = p->rules,
		.kind = op->kind,
		.what = op->n_names ? op->names[0] : op->mailbox,
		.dest_uidvalidity = op->dest_uidvalidity,
		.dest_from_uid = op->dest_from_uid,
	};
}

/* It was there, or was to be made, when the run was cut short. */
static bool make_target(struct store *s, struct op *op, struct err *e)
{
	struct err mine = { 0 };

	if (op->mailbox.n == 0 || s->kind.create(s, op->mailbox, &mine))
		return true;
	if (mine.kind == ERR_STATE || mine.kind == ERR_AUTH) {
		*e = mine;
		return false;
	}
	op->outcome = OP_FAILED;
	op->retry = mine.kind != ERR_MESSAGE;
	op->reason = arena_str(s->arena, str_of(mine.msg));
	return true;
}

static bool apply_then(struct replace *w, const struct replace_row *p,
    struct op *ops, size_t n, struct err *e)
{
	struct change changes[REPLACE_THEN_MAX];
	struct store *s = w->store;
	size_t known = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		if (!make_target(s, &ops[i], e))
			return false;
	if (n == 0)
		return true;
	if (!s->kind.prepare(s, ops, n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		change_of(w, p, &ops[i], &changes[i]);
	if (!journal_intend(w->journal, changes, n, e))
		return false;
	ok = s->kind.apply(s, ops, n, e);
	for (size_t i = 0; i < n; i++) {
		struct change c = changes[i];

		if (ops[i].outcome == OP_UNSURE)
			continue;
		c.state = ops[i].outcome == OP_DONE ? CHANGE_DONE :
		    ops[i].outcome == OP_TODO ? CHANGE_VOID : CHANGE_FAILED;
		c.reason = ops[i].reason;
		c.dest_uid = ops[i].dest_uid;
		if (c.dest_uid)
			c.dest_uidvalidity = ops[i].dest_uidvalidity;
		changes[known++] = c;
	}
	return journal_settle(w->journal, p->r.mailbox, changes, known, NULL,
	    0, NULL, e) && ok;
}

/* The copy is there and all that was wanted behind it is not done yet; what
 * is there no more somebody has moved, as it was to be or otherwise. */
static bool do_then(struct replace *w, struct replace_wish *x, struct err *e)
{
	struct replace_row *p = &x->row;
	struct mailbox_state state;
	struct op ops[REPLACE_THEN_MAX];
	struct err mine = { 0 };
	bool again = p->r.uid_after == 0;
	size_t n;

	/* the step can be repeated, and tells where the copy is */
	if (again && !replace_step(w, &x, 1,
	    w->store->kind.replacer->retire, NEEDS_COPY | NEEDS_ORIGINAL, e))
		return false;
	again = p->r.uid_after == 0;
	n = then_ops(w, x, ops);
	if (n && p->r.uid_after) {
		if (!w->store->kind.select(w->store, p->r.mailbox, true,
		    &state, &mine)) {
			if (mine.kind != ERR_MESSAGE) {
				*e = mine;
				return false;
			}
		} else if (state.uidvalidity == p->r.uidvalidity &&
		    (!drop_copied(w, p, ops, &n, e) ||
		    !apply_then(w, p, ops, n, e))) {
			return false;
		}
	}
	for (size_t i = 0; i < n; i++)
		again |= ops[i].outcome == OP_FAILED && ops[i].retry;
	if (!again || ++p->tries >= JOURNAL_TRIES_MAX)
		p->then = STR_EMPTY;
	return true;
}

static bool do_all_then(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++)
		if (list[i]->row.state == REPLACE_RETIRED &&
		    list[i]->row.then.n)
			ok = do_then(w, list[i], e) &&
			    replace_save(w, &list[i], 1, e);
	return ok;
}

/* ------------------------------------------------------------ late twins */

/* All that bears our marks but the copy that was settled. */
static bool discard_late(struct replace *w, struct replace_wish *x,
    uint32_t known, struct err *e)
{
	struct replacement *r = &x->row.r;
	uint32_t *uids = arena_array(w->arena, r->n_twins + 1,
	    sizeof(*uids));
	size_t n = 0;

	if (r->copy_uid != known)
		uids[n++] = r->copy_uid;
	for (size_t i = 0; i < r->n_twins; i++)
		if (r->twins[i] != known)
			uids[n++] = r->twins[i];
	r->copy_uid = 0;
	r->twins = uids;
	r->n_twins = n;
	if (n && !replace_step(w, &x, 1, w->store->kind.replacer->discard,
	    NEEDS_COPY, e))
		return false;
	w->late += n && r->outcome == STEP_DONE ? n : 0;
	r->copy_uid = known;
	r->n_twins = 0;
	return true;
}

static bool look_for_late(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	uint32_t *known = arena_array(w->arena, n + 1, sizeof(*known));
	bool ok;

	for (size_t i = 0; i < n; i++)
		known[i] = list[i]->row.state == REPLACE_DONE ?
		    list[i]->row.r.copy_uid : 0;
	ok = replace_step(w, list, n, w->store->kind.replacer->look,
	    NEEDS_COPY, e);
	for (size_t i = 0; ok && i < n; i++)
		if (list[i]->row.r.found == COPY_THERE ||
		    list[i]->row.r.found == COPY_TWICE)
			ok = discard_late(w, list[i], known[i], e);
	return ok;
}

/* ------------------------------------------------------------- the whole */

static void tell(struct replace *w, struct replace_wish **list, size_t n)
{
	w->rows = arena_array(w->arena, n + 1, sizeof(*w->rows));
	w->n_rows = n;
	for (size_t i = 0; i < n; i++) {
		w->rows[i] = &list[i]->row;
		switch (list[i]->row.state) {
		case REPLACE_DONE:
			w->done++;
			break;
		case REPLACE_FAILED:
		case REPLACE_SAME:
		case REPLACE_VOID:
			w->back++;
			break;
		case REPLACE_AMBIGUOUS:
			w->ambiguous++;
			break;
		default:
			w->held++;
			break;
		}
	}
}

bool replace_recover_list(struct replace *w, struct err *e)
{
	struct replace_wish **list;
	size_t n;

	if (!read_rows(w, REPLACE_OPEN, &list, &n, e))
		return false;
	tell(w, list, n);
	return true;
}

static bool recover_all(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct replace_wish **some;
	size_t k, m;
	bool ok = true;

	void_untouched(list, n);
	for (size_t i = 0; ok && i < n; i++)
		if (list[i]->row.state >= REPLACE_UPLOADING &&
		    list[i]->row.state < REPLACE_RETIRED)
			ok = check_files(w, list[i], e);
	/* first what the last step is known of */
	some = replace_pick(w->arena, list, n, REPLACE_DISCARDING, &k);
	ok = ok && discard(w, some, k, e);
	some = replace_pick(w->arena, list, n, REPLACE_UNDOING, &k);
	ok = ok && (k == 0 || replace_take_back(w, some, k, e));
	some = replace_pick(w->arena, list, n, REPLACE_DRESSED, &k);
	ok = ok && go_on_dressed(w, some, k, e);
	some = replace_pick(w->arena, list, n, REPLACE_UPLOADING, &k);
	ok = ok && go_on(w, some, k, e);
	some = replace_pick(w->arena, list, n, REPLACE_PROVED, &m);
	ok = ok && go_on(w, some, m, e);
	some = replace_pick(w->arena, list, n, REPLACE_DISCARDING, &k);
	return ok && replace_discard(w, some, k, e) &&
	    do_all_then(w, list, n, e);
}

static bool recover_open(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct err mine = { 0 };
	bool ok = recover_all(w, list, n, &mine);

	/* what is known is settled, even if the store was lost then */
	if (!replace_end(w, list, n, e))
		return false;
	tell(w, list, n);
	if (!ok)
		*e = mine;
	step("replace-recovered");
	return ok;
}

bool replace_recover(struct replace *w, struct err *e)
{
	struct replace_wish **list, **watched;
	size_t n, n_watched;

	if (!w->store->kind.replacer)
		return replace_recover_list(w, e);
	if (!read_rows(w, REPLACE_OPEN, &list, &n, e) ||
	    !read_rows(w, REPLACE_WATCHED, &watched, &n_watched, e))
		return false;
	if (n + n_watched == 0)
		return true;
	return replace_open(w, e) && recover_open(w, list, n, e) &&
	    look_for_late(w, watched, n_watched, e);
}

void replace_holds(const struct replace *w, struct str mailbox,
    uint32_t uidvalidity, struct uidset *set)
{
	for (size_t i = 0; i < w->n_rows; i++) {
		const struct replace_row *p = w->rows[i];

		if (p->state >= REPLACE_SETTLED)
			continue;
		if (str_eq(p->r.mailbox, mailbox) &&
		    p->r.uidvalidity == uidvalidity) {
			uidset_add(set, p->r.uid);
			if (p->r.uid_after)
				uidset_add(set, p->r.uid_after);
		}
		if (p->r.copy_uid && str_eq(p->r.original.mailbox,
		    mailbox) && p->r.to_uidvalidity == uidvalidity)
			uidset_add(set, p->r.copy_uid);
	}
}

bool replace_forget(struct replace *w, int64_t before, struct err *e)
{
	struct arena *a = arena_new();
	bool ok = true, more = true;

	while (ok && more) {
		struct replace_row *row;
		size_t n;

		arena_reset(a);
		ok = journal_replace_list(w->journal, a, REPLACE_KEPT, 0, 1,
		    &row, &n, e);
		more = ok && n && row->settled < before;
		if (!more)
			break;
		row->spooled = false;
		ok = replace_open(w, e) &&
		    journal_replace_save(w->journal, &row, 1, e) &&
		    spool_drop(w->spool, SPOOL_ORIGINAL, row->r.nonce, e);
	}
	arena_free(&a);
	return ok;
}
