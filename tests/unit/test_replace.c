#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/replace.h"
#include "engine/replace_copy.h"
#include "scratch.h"

#define NOW	1700000000
#define N	3

/* ----------------------------------------------------------------- faults */

typedef bool step_fn(struct store *s, struct replacement *list, size_t n,
    struct err *e);

enum which { REMEMBER, UPLOAD, LOOK, PROVE, DRESS, RETIRE, DISCARD, STEPS };

/* What happens when a step is called for the first time; 0 is nothing. */
static struct fault {
	enum which step;
	bool lost_before, lost_after;
	enum step_outcome outcome;	/* in its place */
	enum copy_found found;		/* behind it */
	enum step_outcome said;		/* behind it, whatever it did */
	bool gone;
} fault;

static const struct replacer *real;	/* of the store */

static bool lost(struct err *e)
{
	return err_set(e, ERR_TEMP, "the store is lost");
}

static bool with_fault(enum which step, step_fn *fn, struct store *s,
    struct replacement *list, size_t n, struct err *e)
{
	bool now = fault.step == step && !fault.gone;

	if (!now)
		return fn(s, list, n, e);
	fault.gone = true;
	if (fault.lost_before)
		return lost(e);
	if (fault.outcome) {
		for (size_t i = 0; i < n; i++) {
			list[i].outcome = fault.outcome;
			list[i].reason = STR_LIT("a fault");
		}
		return true;
	}
	if (!fn(s, list, n, e))
		return false;
	/* what was swallowed is not there */
	if (fault.found == COPY_SWALLOWED && !real->discard(s, list, n, e))
		return false;
	for (size_t i = 0; i < n && fault.found; i++)
		list[i].found = fault.found;
	for (size_t i = 0; i < n && fault.said; i++)
		list[i].outcome = fault.said;
	for (size_t i = 0; i < n && fault.lost_after; i++) {
		/* done, and nobody knows */
		list[i].outcome = STEP_UNSURE;
		list[i].found = COPY_UNKNOWN;
		list[i].uid_after = 0;
	}
	return !fault.lost_after || lost(e);
}

#define STEP(name, which)	\
static bool name(struct store *s, struct replacement *list, size_t n, \
    struct err *e) \
{ \
	return with_fault(which, real->name, s, list, n, e); \
}
STEP(remember, REMEMBER)
STEP(upload, UPLOAD)
STEP(look, LOOK)
STEP(prove, PROVE)
STEP(dress, DRESS)
STEP(retire, RETIRE)
STEP(discard, DISCARD)
#undef STEP

/* ------------------------------------------------------------------- room */

struct room {
	struct arena *a;
	char *top, *state, *mail;
	struct account account;
	struct config_limits limits;
	struct journal *j;
	struct store *s;
	struct replacer replacer;
	struct replace w;
	struct replace_wish wishes[N], *list[N];
	int64_t now;
	struct err e;
};

#define OK(call) \
	do { \
		if (!(call)) \
			fail_msg("%s: %s", #call, r->e.msg); \
	} while (0)

/* "Subject: old" becomes "Subject: new"; "bad" cannot be done. */
static bool transform(void *ctx, struct arena *a,
    const struct replace_wish *wish, struct str bytes,
    struct str *header_out, struct str *body_out, struct err *e)
{
	size_t at = mail_body_offset(bytes);
	struct str header = str_sub(bytes, 0, at);
	struct buf b;

	(void)ctx;
	(void)wish;
	*body_out = (struct str){ bytes.p + at, bytes.n - at };
	if (strstr(arena_z(a, header), "Subject: bad"))
		return err_set(e, ERR_MESSAGE, "this is bad");
	buf_init(&b, header.n);
	for (size_t i = 0; i < header.n; i++) {
		struct str rest = str_sub(header, i, header.n);

		if (str_starts(rest, STR_LIT(": old"))) {
			buf_add_z(&b, ": new");
			i += 4;
		} else {
			buf_add_char(&b, header.p[i]);
		}
	}
	*header_out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return true;
}

static void close_all(struct room *r)
{
	replace_close(&r->w);
	store_close(&r->s);
	journal_close(&r->j);
}

/* As in the next run, NOW. */
static void open_all(struct room *r)
{
	close_all(r);
	err_clear(&r->e);
	OK(journal_open(r->state, "Mail", JOURNAL_WRITE, r->now, &r->j,
	    &r->e));
	OK(store_maildir_open(r->a, r->mail, &r->account, r->j, &r->s,
	    &r->e));
	real = r->s->kind.replacer;
	r->replacer = *real;
	r->replacer.remember = remember;
	r->replacer.upload = upload;
	r->replacer.look = look;
	r->replacer.prove = prove;
	r->replacer.dress = dress;
	r->replacer.retire = retire;
	r->replacer.discard = discard;
	r->s->kind.replacer = &r->replacer;
	r->w = (struct replace){
		.arena = r->a, .account = &r->account, .store = r->s,
		.journal = r->j, .now = r->now, .transform = transform,
	};
}

static void put(struct room *r, const char *name, const char *text)
{
	scratch_write(arena_printf(r->a, "%s/cur/%s", r->mail, name).p,
	    str_of(text));
}

#define MESSAGE(n, subject) \
	"From: a@b\nMessage-ID: <" n "@x>\nDate: Mon, 13 Jul 2026 10:00:00 " \
	"+0000\nSubject: " subject "\n\nbody\n"

static int setup(void **state)
{
	static const enum on_swallowed swallowed[] = { SWALLOWED_DATE,
	    SWALLOWED_NEW_ID, SWALLOWED_GIVE_UP };
	struct arena *a = arena_new();
	struct room *r = arena_make(a, struct room);
	static const char *const folders[] = { "", "/cur", "/new", "/tmp" };

	r->a = a;
	r->top = scratch_make(a);
	r->state = arena_z(a, arena_printf(a, "%s/state", r->top));
	r->mail = arena_z(a, arena_printf(a, "%s/mail", r->top));
	for (size_t i = 0; i < COUNT(folders); i++)
		mkdir(arena_printf(a, "%s%s", r->mail, folders[i]).p, 0700);
	r->limits = (struct config_limits){ .message = 1 << 20,
	    .new_mailboxes = 9, .spool = 1 << 20, .late = 10,
	    .upload_per_day = 1 << 20, .download_per_day = 1 << 20 };
	r->account = (struct account){ .name = "a",
	    .kind = ACCOUNT_MAILDIR, .limits = &r->limits,
	    .on_swallowed = swallowed, .n_on_swallowed = 3 };
	r->now = NOW;
	memset(&fault, 0, sizeof(fault));
	fault.step = STEPS;
	put(r, "1.a:2,S", MESSAGE("1", "old"));
	put(r, "2.b:2,", MESSAGE("2", "same"));
	put(r, "3.c:2,F", MESSAGE("3", "bad"));
	open_all(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct room *r = *state;
	struct arena *a = r->a;

	close_all(r);
	scratch_remove(r->top);
	arena_free(&a);
	return 0;
}

/* Wishes for all three messages. */
static void wish(struct room *r)
{
	struct mailbox_state state;
	struct change c[N];
	int64_t run;

	OK(r->s->kind.select(r->s, STR_LIT("INBOX"), true, &state, &r->e));
	OK(journal_run_begin(r->j, STR_LIT("abcd"), &run, &r->e));
	for (uint32_t i = 0; i < N; i++) {
		struct replacement *p = &r->wishes[i].row.r;

		r->wishes[i] = (struct replace_wish){ .size = 100 };
		r->list[i] = &r->wishes[i];
		p->mailbox = STR_LIT("INBOX");
		p->uidvalidity = state.uidvalidity;
		p->uid = i + 1;
		memset(p->id.digest, (int)i + 1, sizeof(p->id.digest));
		c[i] = (struct change){ .run = run, .mailbox = p->mailbox,
		    .uidvalidity = p->uidvalidity, .uid = p->uid,
		    .id_of = p->id, .kind = OP_REPLACE,
		    .rules = STR_LIT("x"), .what = STR_LIT("y") };
	}
	OK(replace_open(&r->w, &r->e));
	OK(replace_admit(&r->w, r->list, N, &r->e));
	OK(journal_intend(r->j, c, N, &r->e));
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(r->wishes[i].outcome, OP_TODO);
		r->wishes[i].row.change = c[i].id;
	}
}

static bool replace(struct room *r)
{
	wish(r);
	return replace_messages(&r->w, r->list, N, &r->e);
}

/* Names of files hold random ids. */
static size_t count(struct room *r, const char *below, const char *with)
{
	struct str list = str_of(scratch_list(r->a, arena_printf(r->a,
	    "%s/%s", r->mail, below).p, false)), line;
	size_t n = 0;

	while (str_cut(&list, '\n', &line))
		n += strstr(arena_z(r->a, line), with) != NULL;
	return n;
}

static size_t spooled(struct room *r, const char *suffix)
{
	struct str list = str_of(scratch_list(r->a, arena_printf(r->a,
	    "%s/spool", r->state).p, false)), line;
	size_t n = 0;

	while (str_cut(&list, '\n', &line))
		n += str_ends(line, str_of(suffix));
	return n;
}

#define REPLACED	".tamis,"

static void is_replaced(struct room *r)
{
	assert_int_equal(count(r, "cur", REPLACED), 1);
	assert_int_equal(count(r, "cur", "1.a"), 0);
	assert_int_equal(count(r, ".Trash/cur", "1.a:2,S"), 1);
	assert_int_equal(count(r, "cur", ":2,S"), 1);
	assert_int_equal(count(r, "tmp", ""), 0);
	assert_int_equal(spooled(r, ".original"), 1);
}

static void is_as_before(struct room *r)
{
	assert_int_equal(count(r, "cur", REPLACED), 0);
	assert_int_equal(count(r, "cur", "1.a:2,S"), 1);
	assert_int_equal(count(r, ".Trash/cur", "1.a"), 0);
	assert_int_equal(spooled(r, ".original"), 0);
}

/* Whatever it was, the next run ends it; the one behind has nothing to do. */
static void recover(struct room *r)
{
	open_all(r);
	OK(replace_recover(&r->w, &r->e));
}

static void settled(struct room *r)
{
	const char *before;

	recover(r);
	assert_int_equal(r->w.n_rows, 0);
	before = scratch_list(r->a, r->mail, true);
	recover(r);
	assert_string_equal(scratch_list(r->a, r->mail, true), before);
}

/* ------------------------------------------------------------------ tests */

static void test_all_is_well(void **state)
{
	struct room *r = *state;
	struct str copy;

	OK(replace(r));
	assert_int_equal(r->wishes[0].outcome, OP_DONE);
	assert_int_equal(r->wishes[0].row.state, REPLACE_DONE);
	assert_int_equal(r->wishes[0].row.r.uid_after, 4);
	assert_int_equal(r->wishes[1].outcome, OP_DONE);
	assert_int_equal(r->wishes[1].row.state, REPLACE_SAME);
	assert_int_equal(r->wishes[1].row.r.uid_after, 2);
	assert_int_equal(r->wishes[2].outcome, OP_FAILED);
	assert_false(r->wishes[2].retry);
	assert_true(str_eq_z(r->wishes[2].reason, "this is bad"));
	is_replaced(r);
	assert_int_equal(spooled(r, ".copy"), 0);
	assert_int_equal(count(r, "cur", "2.b:2,"), 1);
	assert_int_equal(count(r, "cur", "3.c:2,F"), 1);
	copy = scratch_read(r->a, arena_printf(r->a, "%s/cur/%.*s", r->mail,
	    STR_ARG(r->wishes[0].row.r.copy_name)).p);
	assert_non_null(strstr(arena_z(r->a, copy),
	    "\nFrom: a@b\nMessage-ID: <1@x>\nDate: Mon, 13 Jul 2026 10:00:00 "
	    "+0000\nSubject: new\n\nbody\n"));
	assert_true(str_starts(copy, STR_LIT(NONCE_FIELD ": ")));
	settled(r);
}

/* The store is lost at each step, before or after it was done. */
static void test_lost(void **state)
{
	for (int step = 0; step < STEPS; step++)
		for (int after = 0; after < 2; after++) {
			struct room *r = *state;

			teardown(state);
			setup(state);
			r = *state;
			fault = (struct fault){ .step = (enum which)step,
			    .lost_before = !after, .lost_after = after };
			if (step == DISCARD)
				continue;
			assert_false(replace(r));
			assert_int_equal(r->e.kind, ERR_TEMP);
			assert_true(count(r, "cur", ".a:2,S") +
			    count(r, "cur", REPLACED) >= 1);
			r->now += 10000;
			recover(r);
			settled(r);
			/* what may not have reached the mailbox is void */
			if (count(r, "cur", REPLACED))
				is_replaced(r);
			else
				is_as_before(r);
			assert_int_equal(count(r, "cur", REPLACED),
			    step > UPLOAD || (step == UPLOAD && after));
		}
}

/* A step that cannot be done: the message is as it was. */
static void test_rolled_back(void **state)
{
	static const struct fault faults[] = {
		{ .step = REMEMBER, .outcome = STEP_REFUSED },
		{ .step = UPLOAD, .outcome = STEP_REFUSED },
		{ .step = UPLOAD, .outcome = STEP_PASSING },
		{ .step = PROVE, .found = COPY_DIFFERS },
		{ .step = PROVE, .found = COPY_ALONE },
		{ .step = PROVE, .found = COPY_OTHER_THREAD },
		{ .step = DRESS, .outcome = STEP_REFUSED },
		{ .step = DRESS, .outcome = STEP_PASSING },
		{ .step = RETIRE, .outcome = STEP_REFUSED },
		{ .step = RETIRE, .outcome = STEP_PASSING },
	};

	for (size_t i = 0; i < COUNT(faults); i++) {
		struct room *r;

		teardown(state);
		setup(state);
		r = *state;
		fault = faults[i];
		OK(replace(r));
		assert_int_equal(r->wishes[0].outcome, OP_FAILED);
		assert_int_equal(r->wishes[0].retry, fault.outcome ==
		    STEP_PASSING || fault.found == COPY_ALONE);
		is_as_before(r);
		settled(r);
		is_as_before(r);
	}
}

/* A store that says "not now" of what it did all the same: the copy is not
 * taken away before somebody has looked where the original is. */
static void test_retired_all_the_same(void **state)
{
	struct room *r = *state;

	fault = (struct fault){ .step = RETIRE, .said = STEP_PASSING };
	OK(replace(r));
	assert_int_equal(r->wishes[0].outcome, OP_UNSURE);
	is_replaced(r);
	recover(r);
	settled(r);
	is_replaced(r);
}

/* An upload without an answer is looked for, waited for, and looked for
 * again. */
static void test_unanswered(void **state)
{
	struct room *r = *state;
	struct uidset held;

	fault = (struct fault){ .step = UPLOAD, .outcome = STEP_UNSURE };
	OK(replace(r));
	assert_int_equal(r->wishes[0].outcome, OP_UNSURE);
	assert_int_equal(spooled(r, ".copy"), 1);
	recover(r);
	assert_int_equal(r->w.held, 1);
	uidset_init(&held, r->a);
	replace_holds(&r->w, STR_LIT("INBOX"),
	    r->wishes[0].row.r.uidvalidity, &held);
	assert_true(uidset_has(&held, 1));
	r->now += REPLACE_LATE * 10;
	recover(r);
	assert_int_equal(r->w.back, 1);
	is_as_before(r);
	assert_int_equal(spooled(r, ".copy"), 1);
	/* now it lands, and is taken away again */
	OK(spool_map(r->w.spool, SPOOL_COPY, r->wishes[0].row.r.nonce,
	    &r->wishes[0].row.r.copy_bytes, &r->e));
	fault.step = STEPS;
	OK(real->upload(r->s, &r->wishes[0].row.r, 1, &r->e));
	spool_unmap(&r->wishes[0].row.r.copy_bytes);
	assert_int_equal(count(r, "cur", REPLACED), 1);
	recover(r);
	assert_int_equal(r->w.late, 1);
	is_as_before(r);
	r->now += REPLACE_WATCH;
	recover(r);
	OK(replace_open(&r->w, &r->e));
	assert_int_equal(spooled(r, ".copy"), 0);
}

/* The server takes the copy for another message: with another Date it does
 * not, or in the end it is left. */
static void test_swallowed(void **state)
{
	struct room *r = *state;
	struct str copy;

	fault = (struct fault){ .step = PROVE, .found = COPY_SWALLOWED };
	OK(replace(r));
	assert_int_equal(r->wishes[0].outcome, OP_DONE);
	assert_int_equal(r->wishes[0].row.attempt, 1);
	copy = scratch_read(r->a, arena_printf(r->a, "%s/cur/%.*s", r->mail,
	    STR_ARG(r->wishes[0].row.r.copy_name)).p);
	assert_non_null(strstr(arena_z(r->a, copy),
	    "\nDate: Mon, 13 Jul 2026 10:00:01 +0000\n"));
	assert_non_null(strstr(arena_z(r->a, copy), "Message-ID: <1@x>\n"));
}

static void test_another_id(void **state)
{
	static const enum on_swallowed only[] = { SWALLOWED_NEW_ID };
	struct room *r = *state;
	const char *copy;

	r->account.on_swallowed = only;
	r->account.n_on_swallowed = 1;
	fault = (struct fault){ .step = PROVE, .found = COPY_SWALLOWED };
	OK(replace(r));
	assert_int_equal(r->wishes[0].outcome, OP_DONE);
	copy = arena_z(r->a, scratch_read(r->a, arena_printf(r->a,
	    "%s/cur/%.*s", r->mail, STR_ARG(r->wishes[0].row.r.copy_name)).p));
	assert_non_null(strstr(copy, "\nReferences: <1@x>\n"));
	assert_non_null(strstr(copy, "@tamis.invalid>\n"));
	assert_null(strstr(copy, "Message-ID: <1@x>"));
	assert_non_null(strstr(copy, "10:00:00 +0000\n"));
}

static void test_given_up(void **state)
{
	static const enum on_swallowed only[] = { SWALLOWED_GIVE_UP };
	struct room *r = *state;

	r->account.on_swallowed = only;
	r->account.n_on_swallowed = 1;
	fault = (struct fault){ .step = PROVE, .found = COPY_SWALLOWED };
	OK(replace(r));
	assert_int_equal(r->wishes[0].outcome, OP_FAILED);
	assert_false(r->wishes[0].retry);
}

/* Old originals make room; what is not settled never does. */
static void test_spool_is_full(void **state)
{
	struct room *r = *state;

	OK(replace(r));
	assert_int_equal(spooled(r, ".original"), 1);
	r->limits.spool = 3 * (64 * 1024 + 200);
	put(r, "1.a:2,S", MESSAGE("1", "old"));
	put(r, "4.d:2,", MESSAGE("4", "old"));
	open_all(r);
	r->limits.spool = 100;
	OK(replace(r));
	assert_int_equal(r->wishes[1].outcome, OP_FAILED);
	assert_true(r->wishes[1].waits);
	assert_non_null(strstr(r->wishes[1].reason.p, "limits.spool"));
	assert_int_equal(spooled(r, ".original"), 0);
}

static void test_octets_of_a_day(void **state)
{
	struct room *r = *state;

	wish(r);
	r->account.kind = ACCOUNT_IMAP;
	r->limits.upload_per_day = 250;
	OK(replace_admit(&r->w, r->list, N, &r->e));
	assert_int_equal(r->wishes[1].outcome, OP_TODO);
	assert_int_equal(r->wishes[2].outcome, OP_FAILED);
	assert_true(r->wishes[2].waits);
	assert_non_null(strstr(r->wishes[2].reason.p, "tomorrow"));
	OK(replace_admit(&r->w, r->list, 1, &r->e));
	assert_int_equal(r->wishes[0].outcome, OP_FAILED);
	r->w.now += 86400;
	OK(replace_admit(&r->w, r->list, 1, &r->e));
	assert_int_equal(r->wishes[0].outcome, OP_TODO);
}

static void test_forgotten(void **state)
{
	struct room *r = *state;

	OK(replace(r));
	OK(replace_forget(&r->w, NOW, &r->e));
	assert_int_equal(spooled(r, ".original"), 1);
	OK(replace_forget(&r->w, NOW + 1, &r->e));
	assert_int_equal(spooled(r, ".original"), 0);
}

/* What is in the spool is not what was put there. */
static void test_damaged_spool(void **state)
{
	struct room *r = *state;

	fault = (struct fault){ .step = DRESS, .lost_before = true };
	assert_false(replace(r));
	scratch_write(arena_printf(r->a, "%s/spool/%s.original", r->state,
	    r->wishes[0].row.r.nonce).p, STR_LIT("other"));
	recover(r);
	assert_int_equal(r->w.ambiguous, 1);
	assert_int_equal(count(r, "cur", "1.a:2,S"), 1);
	assert_int_equal(count(r, "cur", REPLACED), 1);
	recover(r);
	assert_int_equal(r->w.n_rows, 0);
}

/* ------------------------------------------------------------ the bytes */

static struct str whole(struct arena *a, const struct copy_text *t)
{
	struct str all = STR_EMPTY;

	for (size_t i = 0; i < t->n; i++)
		all = arena_printf(a, "%.*s%.*s", STR_ARG(all),
		    STR_ARG(t->parts[i]));
	return all;
}

#define NONCE	"0123456789abcdef0123456789abcdef"

static void test_copy(void **state)
{
	static const struct {
		const char *header, *body;
		bool crlf;
		const char *is;		/* behind the field */
	} rows[] = {
		{ "A: b\n\n", "x\n", false, "A: b\n\nx\n" },
		{ "A: b\r\n\r\n", "x\r\n", false, "A: b\r\n\r\nx\r\n" },
		{ "A: b\n\n", "x", true, "A: b\r\n\r\nx\r\n" },
		{ "A: b\r\n\r\n", "x\ny\r\nz\r\n", true,
		    "A: b\r\n\r\nx\r\ny\r\nz\r\n" },
		{ "A: b\r\n\r\n", "x\ny", false, "A: b\r\n\r\nx\ny\r\n" },
		{ "A: b\n", "", false, "A: b\n" },
		{ "x-TAMIS-replaced: y;\n z\nA: b\nX-Tamis-Replaced : q\nX-T: "
		    "c\n\n", "", false, "A: b\nX-T: c\n\n" },
	};
	struct room *r = *state;
	uint8_t sum[DIGEST_SIZE] = { 0xab };
	struct copy_text t;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str all, field;

		OK(copy_make(r->a, str_of(rows[i].header), str_of(rows[i].body),
		    rows[i].crlf, NONCE, sum, &t, &r->e));
		all = whole(r->a, &t);
		field = arena_printf(r->a, NONCE_FIELD ": " NONCE ";%s "
		    "sha256=ab%062d%s", strchr(rows[i].is, '\r') ? "\r\n" :
		    "\n", 0, strchr(rows[i].is, '\r') ? "\r\n" : "\n");
		if (!str_starts(all, field) || !str_eq_z(str_sub(all, field.n,
		    all.n), rows[i].is))
			fail_msg("row %zu: %s", i, all.p);
	}
	OK(copy_make(r->a, STR_LIT("A: b\n\n"), (struct str){ "x\0y\n", 4 },
	    false, NONCE, sum, &t, &r->e));
	assert_true(str_ends(whole(r->a, &t), STR_LIT("\n\nxy\n")));
	assert_false(copy_make(r->a, STR_EMPTY, STR_EMPTY, false, NONCE, sum,
	    &t, &r->e));
	assert_true(str_eq_z(copy_nonce(STR_LIT(" " NONCE ";\r\n sha")),
	    NONCE));
	assert_int_equal(copy_nonce(STR_LIT("12;")).n, 0);
	assert_int_equal(copy_nonce(STR_LIT("X" NONCE)).n, 0);
}

static void test_variants(void **state)
{
	static const struct {
		enum on_swallowed how;
		const char *from, *to;	/* NULL: it cannot be */
	} rows[] = {
		{ SWALLOWED_DATE, "A: b\nDate: Fri, 31 Dec 1999 23:59:59 -0130"
		    "\nB: c\n\nx\n", "A: b\nDate: Sat, 1 Jan 2000 00:00:00 "
		    "-0130\nB: c\n\nx\n" },
		{ SWALLOWED_DATE, "date:\r\n 1 Jan 2000 00:00 GMT\r\n\r\n",
		    "date: Sat, 1 Jan 2000 00:00:01 +0000\r\n\r\n" },
		{ SWALLOWED_DATE, "Date: never\n\n", NULL },
		{ SWALLOWED_DATE, "A: b\n\nDate: 1 Jan 2000 00:00 GMT\n",
		    NULL },
		{ SWALLOWED_NEW_ID, "Message-ID: <a@b>\nReferences: <x@y>\n"
		    "\t<z@y>\nC: d\n\nx\n", "Message-ID: <" NONCE
		    "@tamis.invalid>\nReferences: <x@y>\n\t<z@y>\n <a@b>\n"
		    "C: d\n\nx\n" },
		{ SWALLOWED_NEW_ID, "C: d\n\n", "Message-ID: <" NONCE
		    "@tamis.invalid>\nC: d\n\n" },
	};
	struct room *r = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct copy_text t;
		bool ok = copy_vary(r->a, str_of(rows[i].from), rows[i].how, 1,
		    NONCE, &t);

		assert_int_equal(ok, rows[i].to != NULL);
		if (ok)
			assert_string_equal(arena_z(r->a, whole(r->a, &t)),
			    rows[i].to);
	}
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_all_is_well), TEST(test_lost),
		TEST(test_rolled_back), TEST(test_retired_all_the_same),
		TEST(test_unanswered),
		TEST(test_swallowed), TEST(test_another_id),
		TEST(test_given_up), TEST(test_spool_is_full),
		TEST(test_octets_of_a_day), TEST(test_forgotten),
		TEST(test_damaged_spool), TEST(test_copy),
		TEST(test_variants),
	};

	return cmocka_run_group_tests_name("replace", tests, NULL, NULL);
}
