#include "replace_room.h"

#include "clock.h"
#include "gmail.h"
#include "replace_copy.h"
#include "step.h"

#include <string.h>

int64_t replace_time(const struct replace *w)
{
	return w->now + (clock_ms() - w->began_ms) / 1000;
}

struct replace_wish **replace_pick(struct arena *a,
    struct replace_wish **list, size_t n, enum replace_state state,
    size_t *n_out)
{
	struct replace_wish **some = arena_array(a, n + 1, sizeof(*some));

	*n_out = 0;
	for (size_t i = 0; i < n; i++)
		if (list[i]->row.state == state)
			some[(*n_out)++] = list[i];
	return some;
}

bool replace_save(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_row **rows = arena_array(a, n + 1, sizeof(*rows));
	bool ok;

	for (size_t i = 0; i < n; i++)
		rows[i] = &list[i]->row;
	ok = journal_replace_save(w->journal, rows, n, e);
	step("replace-saved");
	arena_free(&a);
	return ok;
}

void replace_give_up(struct replace_wish *x, bool retry, struct str reason)
{
	enum replace_state state = x->row.state;

	x->row.state = state >= REPLACE_UPLOADING && state < REPLACE_SETTLED ?
	    REPLACE_DISCARDING : REPLACE_FAILED;
	x->row.reason = reason;
	x->retry = retry;
}

void replace_ambiguous(struct replace_wish *x, struct str reason)
{
	x->row.state = REPLACE_AMBIGUOUS;
	x->row.reason = reason;
}

/* -------------------------------------------------------------- one step */

static bool map_file(struct replace *w, enum spool_kind kind,
    const struct replacement *r, bool if_there, struct str *bytes_out,
    struct err *e)
{
	struct err mine = { 0 };

	if (spool_map(w->spool, kind, r->nonce, bytes_out, &mine) ||
	    (if_there && mine.kind == ERR_MESSAGE))
		return true;
	*e = mine;
	return false;
}

static bool map_files(struct replace *w, struct replacement *r,
    unsigned needs, struct err *e)
{
	return (!(needs & NEEDS_COPY) || map_file(w, SPOOL_COPY, r,
	    needs & NEEDS_IF_THERE, &r->copy_bytes, e)) &&
	    (!(needs & NEEDS_ORIGINAL) || map_file(w, SPOOL_ORIGINAL, r,
	    needs & NEEDS_IF_THERE, &r->original_bytes, e));
}

struct replacement *replace_gather(struct arena *a,
    struct replace_wish **list, size_t n)
{
	struct replacement *all = arena_array(a, n + 1, sizeof(*all));

	for (size_t i = 0; i < n; i++) {
		all[i] = list[i]->row.r;
		all[i].outcome = STEP_TODO;
		all[i].found = COPY_UNKNOWN;
		all[i].place = ORIGINAL_UNKNOWN;
		all[i].reason = STR_EMPTY;
		all[i].original_bytes = all[i].copy_bytes = STR_EMPTY;
	}
	return all;
}

void replace_scatter(const struct replacement *all,
    struct replace_wish **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		list[i]->row.r = all[i];
}

bool replace_step(struct replace *w, struct replace_wish **list, size_t n,
    step_fn *fn, unsigned needs, struct err *e)
{
	struct arena *a;
	struct replacement *all;
	bool ok = true;

	if (n == 0)
		return true;
	a = arena_new();
	all = replace_gather(a, list, n);
	for (size_t i = 0; ok && i < n; i++)
		ok = map_files(w, &all[i], needs, e);
	ok = ok && fn(w->store, all, n, e);
	for (size_t i = 0; i < n; i++) {
		spool_unmap(&all[i].original_bytes);
		spool_unmap(&all[i].copy_bytes);
	}
	replace_scatter(all, list, n);
	arena_free(&a);
	return ok;
}

/* A step's results are saved before its error is told. */
static bool end_step(struct replace *w, struct replace_wish **list, size_t n,
    bool ok, struct err *e)
{
	struct err mine = { 0 };

	if (n == 0 || replace_save(w, list, n, ok ? e : &mine))
		return ok;
	return false;
}

/* ---------------------------------------------------------------- upload */

/* An intent, and since when it may have happened. */
static bool remember(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	int64_t now = replace_time(w);

	if (!replace_step(w, list, n, w->store->kind.replacer->remember,
	    NEEDS_NOTHING, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct replace_wish *x = list[i];

		if (x->row.r.outcome != STEP_DONE) {
			replace_give_up(x, x->row.r.outcome != STEP_REFUSED,
			    x->row.r.reason);
			continue;
		}
		x->row.state = REPLACE_UPLOADING;
		x->row.tried = now;
	}
	return replace_save(w, list, n, e);
}

static bool send_all(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	bool ok = replace_step(w, list, n, w->store->kind.replacer->upload,
	    NEEDS_COPY, e);

	step("replace-uploaded");
	for (size_t i = 0; i < n; i++) {
		struct replace_wish *x = list[i];
		enum step_outcome outcome = x->row.r.outcome;

		x->answered = outcome == STEP_DONE;
		if (outcome == STEP_UNSURE)
			x->row.watch = x->row.tried + REPLACE_WATCH;
		if (outcome == STEP_DONE || outcome == STEP_UNSURE)
			continue;
		/* surely nothing is there */
		x->row.state = REPLACE_MADE;
		replace_give_up(x, outcome != STEP_REFUSED,
		    x->row.r.reason.n ? x->row.r.reason :
		    STR_LIT("the connection ended first"));
	}
	return end_step(w, list, n, ok, e);
}

bool replace_upload(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **made, **sent;
	size_t n_made, n_sent;
	bool ok = true;

	do {	/* each turn a variant, of which there are two */
		made = replace_pick(a, list, n, REPLACE_MADE, &n_made);
		ok = remember(w, made, n_made, e);
		sent = replace_pick(a, made, n_made, REPLACE_UPLOADING,
		    &n_sent);
		ok = ok && send_all(w, sent, n_sent, e);
		sent = replace_pick(a, made, n_made, REPLACE_UPLOADING,
		    &n_sent);
		ok = ok && replace_find(w, sent, n_sent, e);
		replace_pick(a, made, n_made, REPLACE_MADE, &n_made);
	} while (ok && n_made);
	arena_free(&a);
	return ok;
}

/* To put another one there might make a third. */
static void copy_has_gone(struct replace_wish *x)
{
	replace_ambiguous(x, STR_LIT("its copy is not where it was put; "
	    "somebody may have moved or deleted it"));
}

/* -------------------------------------------------------- look and prove */

static bool put_variant(struct replace *w, struct replace_wish *x,
    enum on_swallowed how, int64_t seconds, bool *done_out, struct err *e)
{
	struct arena *a = arena_new();
	struct copy_text text;
	struct str copy;
	bool ok = spool_map(w->spool, SPOOL_COPY, x->row.r.nonce, &copy, e);

	if (ok) {
		*done_out = copy_vary(a, copy, how, seconds, x->row.r.nonce,
		    &text);
		ok = !*done_out || replace_put_copy(w, x, a, &text, e);
		spool_unmap(&copy);
	}
	arena_free(&a);
	return ok;
}

bool replace_vary(struct replace *w, struct replace_wish *x,
    int64_t seconds, bool *done_out, struct err *e)
{
	const struct account *account = w->account;

	*done_out = false;
	while (x->row.attempt < account->n_on_swallowed) {
		enum on_swallowed how =
		    account->on_swallowed[x->row.attempt++];

		if (how == SWALLOWED_GIVE_UP)
			return true;
		if (!put_variant(w, x, how, seconds, done_out, e))
			return false;
		if (*done_out)
			return true;
	}
	return true;
}

/* The server took the copy for the original: with another face it may not. */
static bool try_variant(struct replace *w, struct replace_wish *x,
    struct err *e)
{
	bool done;

	if (!replace_vary(w, x, 1, &done, e))
		return false;
	x->row.state = REPLACE_MADE;
	x->row.r.copy_uid = 0;
	x->row.r.copy_gmail_id = 0;
	if (!done)
		replace_give_up(x, false, STR_LIT("the server takes the "
		    "changed copy for the message that it has; see "
		    "on_swallowed in tamis-config(5)"));
	return true;
}

static void still_away(struct replace_wish *x)
{
	if (x->answered)
		copy_has_gone(x);
	else
		x->row.r.reason = STR_LIT("the upload was not answered, and "
		    "may still land");
}

/* What prove has found. */
static bool take_proof(struct replace *w, struct replace_wish *x,
    struct err *e)
{
	struct replacement *r = &x->row.r;

	switch (r->found) {
	case COPY_PROVED:
		x->row.state = REPLACE_PROVED;
		return true;
	case COPY_INSTEAD:
		x->row.state = REPLACE_PROVED;
		x->row.instead = true;
		return true;
	case COPY_SWALLOWED:
		return try_variant(w, x, e);
	case COPY_ABSENT:
		still_away(x);
		return true;
	case COPY_DIFFERS:
		replace_give_up(x, false, STR_LIT("the server changed what "
		    "was uploaded"));
		return true;
	case COPY_OTHER_THREAD:
		replace_give_up(x, false, STR_LIT("the copy would be in "
		    "another thread; `new_thread: accept` takes that"));
		return true;
	case COPY_ALONE:
		replace_give_up(x, true, STR_LIT("somebody changed the "
		    "message or took it away meanwhile"));
		return true;
	case COPY_UNKNOWN:
	case COPY_THERE:
	case COPY_TWICE:
		break;
	}
	return true;		/* as it was: looked at in the next run */
}

/* Where the copy is proved, or another one takes its place. */
static bool has_twins_to_go(enum replace_state state)
{
	return state == REPLACE_PROVED || state == REPLACE_MADE ||
	    state == REPLACE_FAILED;
}

/* All but the copy itself, which ours are. */
static bool discard_twins(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **with = arena_array(a, n + 1, sizeof(*with));
	uint32_t *uids = arena_array(a, n + 1, sizeof(*uids));
	size_t k = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		if (list[i]->row.r.n_twins &&
		    has_twins_to_go(list[i]->row.state)) {
			uids[k] = list[i]->row.r.copy_uid;
			list[i]->row.r.copy_uid = 0;
			with[k++] = list[i];
		}
	ok = replace_step(w, with, k, w->store->kind.replacer->discard,
	    NEEDS_COPY, e);
	for (size_t i = 0; i < k; i++) {
		with[i]->row.r.copy_uid = uids[i];
		if (with[i]->row.r.outcome == STEP_DONE)
			with[i]->row.r.n_twins = 0;
		else if (ok)
			replace_ambiguous(with[i], STR_LIT("there are "
			    "several copies of it, and one cannot be taken "
			    "away"));
	}
	arena_free(&a);
	return ok;
}

/* The server says so by what it shows: no proof is needed.  A twin that it
 * brought back from Trash goes there again before anything else is tried. */
static bool take_swallowed(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **with = arena_array(a, n + 1, sizeof(*with));
	size_t k = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		if (list[i]->row.r.n_twins)
			with[k++] = list[i];
	ok = replace_step(w, with, k, w->store->kind.replacer->discard,
	    NEEDS_COPY, e);
	for (size_t i = 0; ok && i < n; i++)
		if (list[i]->row.r.outcome == STEP_DONE)
			ok = try_variant(w, list[i], e);
	arena_free(&a);
	return ok;
}

/* What look has found, where there is nothing to prove. */
static void take_look(struct replace_wish *x)
{
	const struct replacement *r = &x->row.r;

	if (r->found == COPY_ABSENT)
		still_away(x);
	else if (r->found == COPY_DIFFERS)
		replace_give_up(x, false, STR_LIT("the server changed what "
		    "was uploaded"));
	else if (r->found == COPY_UNKNOWN && r->outcome == STEP_REFUSED)
		replace_ambiguous(x, r->reason);
}

static bool wants_proof(const struct replace_wish *x)
{
	enum copy_found found = x->row.r.found;

	return found == COPY_THERE || found == COPY_TWICE ||
	    (found == COPY_ABSENT && x->answered);
}

bool replace_find(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	const struct replacer *replacer = w->store->kind.replacer;
	struct arena *a = arena_new();
	struct replace_wish **there = arena_array(a, n + 1, sizeof(*there));
	struct replace_wish **taken = arena_array(a, n + 1, sizeof(*taken));
	size_t k = 0, n_taken = 0;
	bool ok = replace_step(w, list, n, replacer->look, NEEDS_COPY, e);

	for (size_t i = 0; ok && i < n; i++)
		if (wants_proof(list[i]))
			there[k++] = list[i];
		else if (list[i]->row.r.found == COPY_SWALLOWED)
			taken[n_taken++] = list[i];
		else
			take_look(list[i]);
	ok = ok && take_swallowed(w, taken, n_taken, e);
	ok = ok && replace_step(w, there, k, replacer->prove, NEEDS_COPY |
	    NEEDS_ORIGINAL, e);
	step("replace-proved");
	for (size_t i = 0; ok && i < k; i++)
		ok = take_proof(w, there[i], e);
	ok = ok && discard_twins(w, list, n, e);
	ok = end_step(w, list, n, ok, e);
	arena_free(&a);
	return ok;
}

/* ------------------------------------------------------ dress and retire */

/* It cannot go on: the copy goes again. */
static void stop(struct replace_wish *x)
{
	/* what stands in the original's place stays */
	if (x->row.instead)
		replace_ambiguous(x, x->row.r.reason);
	else if (x->row.r.found == COPY_ABSENT)
		copy_has_gone(x);
	else
		replace_give_up(x, x->row.r.outcome == STEP_PASSING,
		    x->row.r.reason);
}

static bool is_stopped(const struct replace_wish *x)
{
	return x->row.r.outcome == STEP_REFUSED ||
	    x->row.r.outcome == STEP_PASSING;
}

static bool dress(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	bool ok = replace_step(w, list, n, w->store->kind.replacer->dress,
	    NEEDS_COPY | NEEDS_ORIGINAL, e);

	for (size_t i = 0; i < n; i++) {
		struct replace_wish *x = list[i];

		if (x->row.r.outcome == STEP_DONE)
			x->row.state = REPLACE_DRESSED;
		else if (is_stopped(x))
			stop(x);
	}
	return end_step(w, list, n, ok, e);
}

/*
 * A disk or server that says "not now" may have moved the original all the
 * same.  Its copy goes only while the original is seen to live: else both
 * would be in Trash.  The others stay DRESSED, for the next run to look.
 */
static bool keep_only_copies(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **some = arena_array(a, n + 1, sizeof(*some));
	size_t k = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		if (list[i]->row.state == REPLACE_DISCARDING &&
		    list[i]->row.r.outcome == STEP_PASSING)
			some[k++] = list[i];
	ok = replace_step(w, some, k, w->store->kind.replacer->whereabouts,
	    NEEDS_COPY | NEEDS_ORIGINAL, e);
	for (size_t i = 0; i < k; i++)
		if (some[i]->row.r.place != ORIGINAL_LIVE)
			some[i]->row.state = REPLACE_DRESSED;
	arena_free(&a);
	return ok;
}

bool replace_retire(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	bool ok = replace_step(w, list, n, w->store->kind.replacer->retire,
	    NEEDS_COPY | NEEDS_ORIGINAL, e);

	step("replace-retired");
	for (size_t i = 0; i < n; i++) {
		struct replace_wish *x = list[i];

		if (is_stopped(x))
			stop(x);
		/* of a lost store not all is known */
		if (x->row.r.outcome != STEP_DONE || !ok)
			continue;
		x->row.state = REPLACE_RETIRED;
		x->row.reason = x->row.r.reason;	/* a remark */
		if (x->row.r.copy_gmail_id)
			gmail_identity(x->row.r.copy_gmail_id,
			    &x->row.copy_id);
	}
	ok = ok && keep_only_copies(w, list, n, e);
	return end_step(w, list, n, ok, e);
}

bool replace_finish(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **some;
	size_t k;
	bool ok;

	some = replace_pick(a, list, n, REPLACE_PROVED, &k);
	ok = dress(w, some, k, e);
	some = replace_pick(a, some, k, REPLACE_DRESSED, &k);
	ok = ok && replace_retire(w, some, k, e);
	arena_free(&a);
	return ok;
}

/* ------------------------------------------------------------------ ends */

bool replace_discard(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	bool ok = replace_step(w, list, n, w->store->kind.replacer->discard,
	    NEEDS_COPY, e);

	step("replace-discarded");
	for (size_t i = 0; i < n; i++) {
		struct replace_wish *x = list[i];

		if (x->row.r.outcome == STEP_DONE)
			x->row.state = REPLACE_FAILED;
		else if (x->row.r.outcome == STEP_REFUSED)
			replace_ambiguous(x, x->row.r.reason);
	}
	return end_step(w, list, n, ok, e);
}

static void set_outcome(struct replace_wish *x)
{
	x->reason = x->row.reason;
	switch (x->row.state) {
	case REPLACE_SAME:
		x->reason = STR_LIT("nothing was to be changed");
		/* fall through */
	case REPLACE_DONE:
	case REPLACE_RETIRED:
		x->outcome = OP_DONE;
		break;
	case REPLACE_FAILED:
	case REPLACE_VOID:
	case REPLACE_AMBIGUOUS:
		x->outcome = OP_FAILED;
		break;
	default:
		x->outcome = OP_UNSURE;
		x->reason = x->row.r.reason;
		if (x->reason.n == 0)
			x->reason = STR_LIT("the connection ended first");
		break;
	}
}

/* Spool files that nobody needs, behind what says so in the journal. */
static bool drop_files(struct replace *w, const struct replace_row *p,
    struct err *e)
{
	if (p->state < REPLACE_SETTLED)
		return true;
	return (p->watch > replace_time(w) || spool_drop(w->spool,
	    SPOOL_COPY, p->r.nonce, e)) && (p->spooled || spool_drop(
	    w->spool, SPOOL_ORIGINAL, p->r.nonce, e));
}

bool replace_end(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_wish **changed = arena_array(a, n + 1,
	    sizeof(*changed));
	size_t k = 0;
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		struct replace_row *p = &list[i]->row;

		if (p->state == REPLACE_RETIRED && p->then.n == 0)
			p->state = REPLACE_DONE;
		if (p->state >= REPLACE_SETTLED && !p->settled)
			changed[k++] = list[i];
		/* a message that is as it was needs no second one */
		if (p->state == REPLACE_FAILED || p->state == REPLACE_SAME ||
		    p->state == REPLACE_VOID)
			p->spooled = false;
		set_outcome(list[i]);
	}
	ok = k == 0 || replace_save(w, changed, k, e);
	for (size_t i = 0; ok && i < n; i++)
		ok = drop_files(w, &list[i]->row, e);
	arena_free(&a);
	return ok;
}
