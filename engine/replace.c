#include "replace_room.h"

#include "../rules/mail.h"
#include "clock.h"
#include "gmail.h"
#include "identity.h"
#include "replace_copy.h"
#include "step.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

/* Of one portion: so much lies in the spool before its originals are
 * retired, and so many are asked for in one turn. */
#define PORTION_MESSAGES	100
#define PORTION_OCTETS		(UINT64_C(64) << 20)
/* The copy's own field, its line ends. */
#define COPY_MORE		(64 * 1024)
/* The disk must have more than what is to be written. */
#define DISK_MARGIN		(UINT64_C(32) << 20)

#define DAY			86400

/* -------------------------------------------------------- open and close */

/* Left by a crash between the journal's word and the file's end. */
static bool drop_stray(void *ctx, enum spool_kind kind, struct str nonce,
    struct err *e)
{
	struct replace *w = ctx;
	bool original, copy;

	return journal_replace_needs(w->journal, nonce, &original, &copy,
	    e) && ((kind == SPOOL_ORIGINAL ? original : copy) || spool_drop(
	    w->spool, kind, arena_z(w->arena, nonce), e));
}

bool replace_open(struct replace *w, struct err *e)
{
	if (w->spool)
		return true;
	w->began_ms = clock_ms();
	return spool_open(w->arena, journal_folder(w->journal),
	    w->account->limits->spool, &w->spool, e) &&
	    spool_each(w->spool, drop_stray, w, e);
}

void replace_close(struct replace *w)
{
	spool_close(&w->spool);
}

/* ----------------------------------------------------------------- a day's
 * octets: what the account allows itself, so that the server need not stop
 * it; kept in the journal */

struct octets {
	int64_t day, down, up;
};

static bool read_octets(struct replace *w, struct octets *out, struct err *e)
{
	int64_t today = replace_time(w) / DAY;

	*out = (struct octets){ 0 };
	if (!journal_note_get(w->journal, "octets_day", &out->day, e))
		return false;
	if (out->day != today) {
		*out = (struct octets){ .day = today };
		return true;
	}
	return journal_note_get(w->journal, "octets_down", &out->down, e) &&
	    journal_note_get(w->journal, "octets_up", &out->up, e);
}

static bool write_octets(struct replace *w, const struct octets *o,
    struct err *e)
{
	return journal_note_set(w->journal, "octets_day", o->day, e) &&
	    journal_note_set(w->journal, "octets_down", o->down, e) &&
	    journal_note_set(w->journal, "octets_up", o->up, e);
}

/* ------------------------------------------------------------------ room */

/* Drops the oldest settled originals until N octets fit. */
static bool make_room(struct replace *w, uint64_t n, bool *fits_out,
    struct err *e)
{
	struct arena *a = arena_new();
	bool ok = true, more = true;

	while (ok && more && !spool_fits(w->spool, n)) {
		struct replace_row *row;
		size_t k;

		arena_reset(a);
		ok = journal_replace_list(w->journal, a, REPLACE_KEPT, 0, 1,
		    &row, &k, e);
		more = ok && k;
		if (!more)
			break;
		row->spooled = false;
		ok = journal_replace_save(w->journal, &row, 1, e) &&
		    spool_drop(w->spool, SPOOL_ORIGINAL, row->r.nonce, e);
	}
	arena_free(&a);
	*fits_out = spool_fits(w->spool, n);
	return ok;
}

static uint64_t room_for(const struct replace_wish *x)
{
	return 2 * x->size + COPY_MORE;
}

/* Exit 4 before anything was begun, not a disk full of halves. */
static bool check_disk(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	uint64_t need = DISK_MARGIN, left;

	if (!spool_disk(w->spool, &left, e))
		return false;
	for (size_t i = 0; i < n && need <= left; i++)
		need += room_for(list[i]);
	if (need <= left)
		return true;
	return err_set(e, ERR_BRAKE, "the disk of the state is nearly full: "
	    "%" PRIu64 " MB are left, which is too little to rewrite %zu "
	    "messages; nothing is rewritten", left >> 20, n);
}

/* ----------------------------------------------------------------- begin */

static bool make_nonce(char nonce[NONCE_SIZE + 1], struct err *e)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t raw[NONCE_SIZE / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_set(e, ERR_STATE, "no random numbers: %s",
		    strerror(errno));
	for (size_t i = 0; i < sizeof(raw); i++) {
		nonce[2 * i] = digits[raw[i] >> 4];
		nonce[2 * i + 1] = digits[raw[i] & 15];
	}
	nonce[NONCE_SIZE] = '\0';
	return true;
}

/* ----------------------------------------------------------------- admit */

static void refuse(struct replace_wish *x, bool waits, struct str why)
{
	x->outcome = OP_FAILED;
	x->retry = x->waits = waits;
	x->reason = why;
}

/* Why not, once a run. */
static bool is_ready(struct replace *w, struct err *e)
{
	if (!w->asked_ready && !w->store->kind.replacer->ready(w->store,
	    &w->not_ready) && w->not_ready.kind != ERR_MESSAGE) {
		*e = w->not_ready;
		return false;
	}
	w->asked_ready = true;
	return true;
}

bool replace_admit(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	const struct config_limits *limits = w->account->limits;
	struct octets o;

	if (n == 0)
		return true;
	if (!is_ready(w, e) || !read_octets(w, &o, e) ||
	    !check_disk(w, list, n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		int64_t size = (int64_t)list[i]->size;

		list[i]->outcome = OP_TODO;
		if (w->not_ready.kind)
			refuse(list[i], false, str_of(w->not_ready.msg));
		else if (w->account->kind == ACCOUNT_IMAP &&
		    ((uint64_t)(o.down + 2 * size) >
		    limits->download_per_day ||
		    (uint64_t)(o.up + size) > limits->upload_per_day))
			refuse(list[i], true, STR_LIT("today's octets are "
			    "used up (limits.upload_per_day, "
			    "download_per_day); it goes on tomorrow"));
		if (list[i]->outcome != OP_TODO)
			continue;
		o.down += 2 * size;
		o.up += size;
	}
	return w->account->kind != ACCOUNT_IMAP || write_octets(w, &o, e);
}

/* Those for which there is no room wait. */
static bool add_rows(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replace_row **rows = arena_array(a, n + 1, sizeof(*rows));
	uint64_t all = 0;
	bool ok = true, fits = true;

	for (size_t i = 0; ok && i < n; i++) {
		struct replace_wish *x = list[i];

		x->row.state = REPLACE_PLANNED;
		all += room_for(x);
		ok = make_nonce(x->row.r.nonce, e) &&
		    make_room(w, all, &fits, e);
		if (!fits) {
			all -= room_for(x);
			replace_give_up(x, true, STR_LIT("the spool is full "
			    "(limits.spool)"));
			x->waits = true;
		}
		rows[i] = &x->row;
	}
	ok = ok && journal_replace_add(w->journal, rows, n, e);
	step("replace-planned");
	arena_free(&a);
	return ok;
}

/* --------------------------------------------------------------- capture */

static bool take_bytes(void *ctx, struct replacement *r, struct str bytes,
    struct err *e)
{
	struct replace *w = ctx;

	r->original.size = bytes.n;
	digest_of(bytes, r->original.sha256);
	return spool_put(w->spool, SPOOL_ORIGINAL, r->nonce, &bytes, 1, e);
}

static bool capture(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	struct replacement *all = replace_gather(a, list, n);
	bool ok = n == 0 || (w->store->kind.replacer->capture(w->store, all,
	    n, take_bytes, w, e) && spool_sync(w->spool, e));

	replace_scatter(all, list, n);
	arena_free(&a);
	for (size_t i = 0; i < n; i++) {
		struct replace_wish *x = list[i];
		enum step_outcome outcome = x->row.r.outcome;

		if (ok && outcome == STEP_DONE) {
			x->row.state = REPLACE_CAPTURED;
			x->row.spooled = true;
			continue;
		}
		replace_give_up(x, outcome != STEP_REFUSED,
		    x->row.r.reason.n ? x->row.r.reason :
		    STR_LIT("the message did not come"));
	}
	/* what failed before anything was done to the mailbox is settled */
	return ok ? replace_save(w, list, n, e) : false;
}

/* -------------------------------------------------------------- the copy */

/* LFs without a CR; *BEFORE is the last octet of the part before. */
static uint64_t bare_lines(struct str s, char *before)
{
	uint64_t n = 0;

	for (size_t at = 0; at < s.n; at++) {
		const char *lf = memchr(s.p + at, '\n', s.n - at);

		if (!lf)
			break;
		at = (size_t)(lf - s.p);
		n += (at ? s.p[at - 1] : *before) != '\r';
	}
	if (s.n)
		*before = s.p[s.n - 1];
	return n;
}

static void name_copy(struct replace *w, struct replace_wish *x,
    struct arena *a, const struct copy_text *text)
{
	struct replace_row *p = &x->row;
	struct identity plain;
	struct digest *d = digest_new();
	struct mail *m;
	struct buf b;
	uint64_t bare = 0;
	char before = 0;

	/* the header alone tells; it ends within the first parts */
	buf_init(&b, MAIL_HEADER_MAX);
	p->copy_size = 0;
	for (size_t i = 0; i < text->n; i++) {
		digest_add(d, text->parts[i]);
		p->copy_size += text->parts[i].n;
		bare += bare_lines(text->parts[i], &before);
		buf_add_str(&b, str_sub(text->parts[i], 0,
		    MAIL_HEADER_MAX - b.n));
	}
	digest_end(&d, p->copy_sha256);
	m = mail_make(a, buf_str(&b), MAIL_HEADER, NULL, 0);
	identity_of(w->arena, m, 0, &plain);
	memcpy(p->mark, plain.digest, sizeof(p->mark));
	/* RFC822.SIZE, which is that with CRLF */
	identity_of(w->arena, m, p->copy_size + bare, &p->copy_id);
	buf_free(&b);
}

bool replace_put_copy(struct replace *w, struct replace_wish *x,
    struct arena *a, const struct copy_text *text, struct err *e)
{
	name_copy(w, x, a, text);
	return spool_put(w->spool, SPOOL_COPY, x->row.r.nonce, text->parts,
	    text->n, e);
}

static bool is_same(struct str original, struct str header, struct str body)
{
	return original.n == header.n + body.n &&
	    str_eq(str_sub(original, 0, header.n), header) &&
	    str_eq(str_sub(original, header.n, body.n), body);
}

static bool make_of(struct replace *w, struct replace_wish *x,
    struct arena *a, struct str original, struct err *e)
{
	const struct replacer *replacer = w->store->kind.replacer;
	struct err mine = { 0 };
	struct copy_text text;
	struct str header, body;
	int64_t before = 0;
	bool done = true;

	if (!w->transform(w->transform_ctx, a, x, original, &header, &body,
	    &mine) || (!is_same(original, header, body) && !copy_make(a,
	    header, body, replacer->crlf, x->row.r.nonce,
	    x->row.r.original.sha256, &text, &mine))) {
		if (mine.kind == ERR_STATE) {
			*e = mine;
			return false;
		}
		replace_give_up(x, mine.kind == ERR_TEMP,
		    arena_str(w->arena, str_of(mine.msg)));
		return true;
	}
	if (is_same(original, header, body)) {
		x->row.state = REPLACE_SAME;
		x->row.r.uid_after = x->row.r.uid;
		x->row.copy_id = x->row.r.id;
		return true;
	}
	if (!replace_put_copy(w, x, a, &text, e))
		return false;
	x->row.state = REPLACE_MADE;
	/* Gmail takes a message for one that it has by Message-ID and Date, in
	 * Trash too, where copies of earlier tries are */
	return w->store->kind.labels != LABELS_GMAIL ||
	    (journal_replace_before(w->journal, x->row.change, &before, e) &&
	    replace_vary(w, x, before + 1, &done, e));
}

static bool make(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	struct arena *a = arena_new();
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		struct str original;

		arena_reset(a);
		ok = spool_map(w->spool, SPOOL_ORIGINAL, list[i]->row.r.nonce,
		    &original, e);
		if (ok) {
			ok = make_of(w, list[i], a, original, e);
			spool_unmap(&original);
		}
	}
	arena_free(&a);
	return ok && (n == 0 || (spool_sync(w->spool, e) &&
	    replace_save(w, list, n, e)));
}

/* -------------------------------------------------------------- portions */

static bool do_portion(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct err ignored = { 0 };
	struct replace_wish **some;
	size_t k;
	bool ok = add_rows(w, list, n, e);

	if (ok) {
		some = replace_pick(a, list, n, REPLACE_PLANNED, &k);
		ok = capture(w, some, k, e);
		some = replace_pick(a, list, n, REPLACE_CAPTURED, &k);
		ok = ok && make(w, some, k, e);
		some = replace_pick(a, list, n, REPLACE_MADE, &k);
		ok = ok && replace_upload(w, some, k, e) &&
		    replace_finish(w, some, k, e);
		some = replace_pick(a, list, n, REPLACE_DISCARDING, &k);
		ok = ok && replace_discard(w, some, k, e);
	}
	arena_free(&a);
	/* what is known is told; the rest is the next run's */
	return replace_end(w, list, n, ok ? e : &ignored) && ok;
}

static size_t portion_of(struct replace_wish **list, size_t n)
{
	uint64_t octets = 0;
	size_t k = 0;

	while (k < n && k < PORTION_MESSAGES && (k == 0 ||
	    octets + list[k]->size <= PORTION_OCTETS))
		octets += list[k++]->size;
	return k;
}

bool replace_messages(struct replace *w, struct replace_wish **list,
    size_t n, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		list[i]->outcome = OP_UNSURE;
		list[i]->reason = STR_LIT("the connection ended first");
	}
	for (size_t at = 0, k; ok && at < n; at += k) {
		k = portion_of(list + at, n - at);
		ok = do_portion(w, list + at, k, e);
	}
	return ok;
}

bool replace_settle(struct replace *w, struct replace_wish **list, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		list[i]->row.then = STR_EMPTY;
	return replace_end(w, list, n, e);
}
