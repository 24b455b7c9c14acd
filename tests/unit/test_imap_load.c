/*
 * The session under load, against a server in memory that answers by itself
 * and, as real ones do, stops reading while its answers are not read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "engine/imap.h"

#define WINDOW	65536	/* octets that one direction holds */

struct server {
	struct buf got, give;
	size_t given;		/* octets of GIVE that went out */
	size_t body;		/* octets of each message */
	size_t longest;		/* command line, with its CRLF */
	size_t commands, stores;
	size_t refuse_store;	/* this one gets NO; 0: none */
	uint64_t literal, took;	/* octets to come, and all that came */
	struct arena *arena;
	struct uidset seen;	/* UIDs of stores */
	bool slow, flip;	/* takes something every other time only */
	bool refused;		/* the end of a refused APPEND comes */
	char last[16];		/* tag of the APPEND whose literal comes */
};

static void give_message(struct server *v, uint32_t uid)
{
	static char block[1 << 16];

	buf_printf(&v->give, "* %u FETCH (UID %u BODY[] {%zu}\r\n", uid, uid,
	    v->body);
	memset(block, 'a' + (int)(uid % 26), sizeof(block));
	for (size_t left = v->body; left; ) {
		size_t n = left < sizeof(block) ? left : sizeof(block);

		buf_add(&v->give, block, n);
		left -= n;
	}
	buf_add_z(&v->give, ")\r\n");
}

static void on_store(struct server *v, struct str tag, struct str rest)
{
	struct str set;

	str_cut(&rest, ' ', &set);
	assert_true(uidset_read(&v->seen, set, 1000000));
	v->stores++;
	buf_printf(&v->give, "%.*s %s\r\n", STR_ARG(tag),
	    v->stores == v->refuse_store ? "NO [INUSE] not now" : "OK");
}

static void on_fetch(struct server *v, struct str tag, struct str rest)
{
	struct uidset set;
	struct str text;

	uidset_init(&set, v->arena);
	str_cut(&rest, ' ', &text);
	assert_true(uidset_read(&set, text, 1000000));
	for (size_t i = 0; i < set.n; i++)
		for (uint32_t uid = set.ranges[i].low;
		    uid <= set.ranges[i].high; uid++)
			give_message(v, uid);
	buf_printf(&v->give, "%.*s OK\r\n", STR_ARG(tag));
}

static void on_append(struct server *v, struct str tag, struct str rest)
{
	size_t brace = str_find_char(rest, 0, '{');
	struct str digits = str_sub(rest, brace + 1, rest.n);

	if (str_ends(digits, STR_LIT("+}"))) {
		/* RFC 7888 section 4: refused at once, read all the same */
		assert_true(str_u64(str_sub(digits, 0, digits.n - 2), 1 << 30,
		    &v->literal));
		buf_printf(&v->give, "%.*s NO [OVERQUOTA] full\r\n",
		    STR_ARG(tag));
		v->refused = true;
		return;
	}
	assert_true(str_u64(str_sub(digits, 0, digits.n - 1), 1 << 30,
	    &v->literal));
	memcpy(v->last, tag.p, tag.n);
	v->last[tag.n] = '\0';
	buf_add_z(&v->give, "+ go\r\n");
}

static void on_line(struct server *v, struct str line)
{
	struct str rest = line, tag, verb;

	if (v->refused) {
		assert_int_equal(line.n, 0);
		v->refused = false;
		return;
	}
	if (v->last[0]) {	/* the end of an APPEND */
		assert_int_equal(line.n, 0);
		buf_printf(&v->give, "%s OK [APPENDUID 1 2]\r\n", v->last);
		v->last[0] = '\0';
		return;
	}
	if (line.n + 2 > v->longest)
		v->longest = line.n + 2;
	v->commands++;
	str_cut(&rest, ' ', &tag);
	str_cut(&rest, ' ', &verb);
	if (str_eq_z(verb, "UID"))
		str_cut(&rest, ' ', &verb);
	if (str_eq_z(verb, "STORE") || str_eq_z(verb, "MOVE"))
		on_store(v, tag, rest);
	else if (str_eq_z(verb, "FETCH"))
		on_fetch(v, tag, rest);
	else if (str_eq_z(verb, "APPEND"))
		on_append(v, tag, rest);
	else
		buf_printf(&v->give, "%.*s OK\r\n", STR_ARG(tag));
}

/* Works while there is something to read and its answers are being read. */
static void work(struct server *v)
{
	size_t at = 0;

	while (v->give.n - v->given < WINDOW) {
		struct str rest = str_sub(buf_str(&v->got), at, v->got.n);
		size_t end;

		if (v->literal) {
			uint64_t n = v->literal < rest.n ? v->literal :
			    rest.n;

			at += (size_t)n;
			v->literal -= n;
			v->took += n;
			if (v->literal)
				break;
			continue;
		}
		end = str_find_char(rest, 0, '\n');
		if (end == rest.n)
			break;
		on_line(v, str_sub(rest, 0, end ? end - 1 : 0));
		at += end + 1;
	}
	buf_drop_front(&v->got, at);
}

static enum wire_got v_send(void *self, const void *p, size_t n,
    size_t *done, struct err *e)
{
	struct server *v = self;

	(void)e;
	work(v);
	v->flip = v->slow && !v->flip;
	if (v->got.n >= WINDOW || v->flip)
		return WIRE_AGAIN;
	if (n > WINDOW - v->got.n)
		n = WINDOW - v->got.n;
	buf_add(&v->got, p, n);
	*done = n;
	return WIRE_OK;
}

static enum wire_got v_recv(void *self, void *p, size_t n, size_t *done,
    struct err *e)
{
	struct server *v = self;

	(void)e;
	work(v);
	if (v->give.n == v->given)
		return WIRE_AGAIN;
	if (n > v->give.n - v->given)
		n = v->give.n - v->given;
	if (n > 16384)
		n = 16384;	/* a TLS record */
	memcpy(p, v->give.p + v->given, n);
	v->given += n;
	if (v->given > v->give.n / 2) {
		buf_drop_front(&v->give, v->given);
		v->given = 0;
	}
	*done = n;
	return WIRE_OK;
}

static bool v_wait(void *self, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	struct server *v = self;

	(void)ms;
	(void)e;
	work(v);
	*ready = v->give.n > v->given || (sending && v->got.n < WINDOW);
	return true;
}

static void v_close(void *self)
{
	(void)self;
}

static const struct wire_ops v_ops = { v_send, v_recv, v_wait, v_close };

/* ---------------------------------------------------------- a session */

struct fixture {
	struct server v;
	struct arena *arena;
	struct imap *s;
	struct err err;
	struct imap_mailbox *box;
	uint64_t messages, octets;
	bool wrong;
	struct imap_change *changes[1000];
	size_t n_changes;
};

static bool no_secret(void *arg, struct buf *secret, struct err *e)
{
	(void)arg;
	(void)e;
	buf_add_z(secret, "x");
	return true;
}

static void begin(struct fixture *f, const char *caps)
{
	struct imap_settings set = { .user = "alice", .secret = no_secret };
	struct arena *a = arena_new();

	*f = (struct fixture){ .arena = arena_new() };
	f->v.arena = f->arena;
	uidset_init(&f->v.seen, f->arena);
	buf_init(&f->v.got, 1 << 26);
	buf_init(&f->v.give, 1 << 26);
	buf_printf(&f->v.give, "* PREAUTH [CAPABILITY IMAP4rev1 %s] hi\r\n",
	    caps);
	assert_true(imap_start(a, wire_make(a, &v_ops, &f->v, STR_EMPTY),
	    &set, &f->s, &f->err));
	assert_true(imap_select(f->s, f->arena, STR_LIT("INBOX"),
	    IMAP_READ_WRITE, &f->box, &f->err));
	assert_true(imap_wait(f->s, &f->err));
}

static void end(struct fixture *f)
{
	imap_close(&f->s);
	buf_free(&f->v.got);
	buf_free(&f->v.give);
	arena_free(&f->arena);
}

static struct uidset *set_of(struct fixture *f, uint32_t low, uint32_t high,
    uint32_t step)
{
	struct uidset *u = arena_make(f->arena, struct uidset);

	uidset_init(u, f->arena);
	for (uint32_t uid = low; uid <= high; uid += step)
		uidset_add(u, uid);
	return u;
}

static bool same_set(const struct uidset *a, const struct uidset *b)
{
	return a->n == b->n && memcmp(a->ranges, b->ranges,
	    a->n * sizeof(a->ranges[0])) == 0;
}

/* ------------------------------------------------------------ the tests */

/* 20,000 ranges go out in lines of at most IMAP_COMMAND_MAX octets, each with
 * its own answer, in one turn; nothing is left out or said twice. */
static void test_lines(void **state)
{
	static const struct str flag = { "keyword", 7 };
	struct uidset *all, *back;
	struct imap_change *ch, *first;
	struct fixture f;
	size_t links = 0;

	(void)state;
	begin(&f, "MOVE");
	f.v.refuse_store = 2;
	all = set_of(&f, 4000000000u, 4000040000u, 2);
	back = arena_make(f.arena, struct uidset);
	uidset_init(back, f.arena);
	assert_true(imap_store(f.s, f.arena, all, IMAP_ADD, IMAP_STORE_FLAGS,
	    &flag, 1, 0, &first, &f.err));
	for (ch = first; ch; ch = ch->next)
		assert_int_equal(ch->answer.end, IMAP_PENDING);
	assert_true(imap_wait(f.s, &f.err));
	for (ch = first; ch; ch = ch->next) {
		links++;
		assert_int_equal(ch->answer.end, links == 2 ? IMAP_NO :
		    IMAP_OK);
		assert_int_equal(ch->answer.temporary, links == 2);
		for (size_t i = 0; i < ch->uids->n; i++) {
			assert_false(uidset_has(back,
			    ch->uids->ranges[i].low));
			uidset_add_range(back, ch->uids->ranges[i].low,
			    ch->uids->ranges[i].high);
		}
	}
	assert_int_equal(links, f.v.stores);
	assert_in_range(links, 25, 35);
	assert_true(same_set(all, back));
	assert_true(same_set(all, &f.v.seen));
	assert_in_range(f.v.longest, IMAP_COMMAND_MAX - 200,
	    IMAP_COMMAND_MAX);
	assert_int_equal(imap_counters(f.s).turns, 2);	/* SELECT, these */
	end(&f);
}

static void test_too_long_for_a_line(void **state)
{
	struct str names[400], long_name;
	struct imap_change *ch;
	struct fixture f;
	char *z;

	(void)state;
	begin(&f, "MOVE");
	for (size_t i = 0; i < COUNT(names); i++)
		names[i] = STR_LIT("a-keyword-of-thirty-two-letters-");
	assert_false(imap_store(f.s, f.arena, set_of(&f, 1, 1, 1), IMAP_ADD,
	    IMAP_STORE_FLAGS, names, COUNT(names), 0, &ch, &f.err));
	assert_int_equal(f.err.kind, ERR_USAGE);
	err_clear(&f.err);
	z = arena_alloc(f.arena, IMAP_NAME_MAX + 1);
	memset(z, 'x', IMAP_NAME_MAX + 1);
	long_name = (struct str){ z, IMAP_NAME_MAX + 1 };
	assert_false(imap_move(f.s, f.arena, set_of(&f, 1, 1, 1), long_name,
	    &ch, &f.err));
	assert_int_equal(f.err.kind, ERR_USAGE);
	err_clear(&f.err);
	long_name.n = IMAP_NAME_MAX;
	assert_true(imap_move(f.s, f.arena, set_of(&f, 1, 1, 1), long_name,
	    &ch, &f.err));
	assert_true(imap_wait(f.s, &f.err));
	assert_int_equal(ch->answer.end, IMAP_OK);
	end(&f);
}

static bool count(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct fixture *f = arg;
	char want = (char)('a' + (int)(m->uid % 26));

	(void)e;
	f->messages++;
	f->octets += m->whole.n;
	if (m->whole.n != f->v.body || m->whole.p[0] != want ||
	    m->whole.p[m->whole.n / 2] != want ||
	    m->whole.p[m->whole.n - 1] != want)
		f->wrong = true;
	return true;
}

static void fetch(struct fixture *f, struct uidset *u)
{
	struct imap_fetch_ask ask = { .uids = u, .items = IMAP_WHOLE,
		.each = count, .arg = f };
	struct imap_fetch_answer *got;

	assert_true(imap_fetch(f->s, f->arena, &ask, &got, &f->err));
}

/* More commands than the server reads ahead, more answers than it writes
 * ahead: a client that does one thing at a time hangs here. */
static void test_both_directions_at_once(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "");
	f.v.body = 5000;
	for (uint32_t uid = 1; uid <= 4000; uid++)
		fetch(&f, set_of(&f, uid, uid, 1));
	assert_true(imap_wait(f.s, &f.err));
	assert_int_equal(f.messages, 4000);
	assert_int_equal(f.octets, 4000 * 5000);
	assert_false(f.wrong);
	assert_int_equal(imap_counters(f.s).turns, 2);
	assert_int_equal(imap_counters(f.s).commands, 4001);
	end(&f);
}

static void test_turns_one_by_one(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "");
	f.v.body = 10;
	for (uint32_t uid = 1; uid <= 100; uid++) {
		fetch(&f, set_of(&f, uid, uid, 1));
		assert_true(imap_wait(f.s, &f.err));
	}
	assert_int_equal(imap_counters(f.s).turns, 101);
	assert_int_equal(f.messages, 100);
	end(&f);
}

/* Above IMAP_MEMORY_MAX a body is a file; small ones around it are not
 * disturbed. */
static void test_large_bodies(void **state)
{
	static const size_t sizes[] = {
		IMAP_MEMORY_MAX - 1, IMAP_MEMORY_MAX, IMAP_MEMORY_MAX + 1,
		3 * (size_t)IMAP_MEMORY_MAX,
	};
	struct fixture f;

	(void)state;
	begin(&f, "");
	for (size_t i = 0; i < COUNT(sizes); i++) {
		f.v.body = sizes[i];
		fetch(&f, set_of(&f, 7, 9, 2));
		assert_true(imap_wait(f.s, &f.err));
		f.v.body = 3;
		fetch(&f, set_of(&f, 1, 5, 1));
		assert_true(imap_wait(f.s, &f.err));
	}
	assert_int_equal(f.messages, COUNT(sizes) * 7);
	assert_false(f.wrong);
	end(&f);
}

static void test_no_room_for_a_large_body(void **state)
{
	struct fixture f;
	struct imap_plain *p;

	(void)state;
	begin(&f, "");
	assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
	f.v.body = IMAP_MEMORY_MAX + 1;
	fetch(&f, set_of(&f, 1, 1, 1));
	assert_false(imap_wait(f.s, &f.err));
	unsetenv("TMPDIR");
	assert_int_equal(f.err.kind, ERR_STATE);
	assert_non_null(strstr(f.err.msg, "/nonexistent"));
	err_clear(&f.err);
	assert_false(imap_noop(f.s, f.arena, &p, &f.err));
	assert_int_equal(f.err.kind, ERR_STATE);
	end(&f);
}

/* A message larger than the window, behind a literal that waits, with
 * commands before and after. */
static void test_large_append(void **state)
{
	size_t n = 5000000;
	char *z;
	struct imap_appended *app;
	struct fixture f;

	(void)state;
	begin(&f, "");
	z = arena_alloc(f.arena, n);
	memset(z, 'x', n);
	f.v.body = 30000;
	fetch(&f, set_of(&f, 1, 100, 1));
	assert_true(imap_append(f.s, f.arena, STR_LIT("x"), NULL, 0,
	    TIME_NONE, 0, (struct str){ z, n }, &app, &f.err));
	fetch(&f, set_of(&f, 1, 100, 1));
	assert_true(imap_wait(f.s, &f.err));
	assert_int_equal(f.v.took, n);
	assert_int_equal(app->uid, 2);
	assert_int_equal(f.messages, 200);
	assert_false(f.wrong);
	z[n / 2] = '\0';
	assert_false(imap_append(f.s, f.arena, STR_LIT("x"), NULL, 0,
	    TIME_NONE, 0, (struct str){ z, n }, &app, &f.err));
	assert_int_equal(f.err.kind, ERR_MESSAGE);
	end(&f);
}

/* A literal that does not wait is sent to its end though the answer is here
 * long before; only then is it over. */
static void test_large_append_refused(void **state)
{
	size_t n = 5000000;
	char *z;
	struct imap_appended *app;
	struct imap_plain *after;
	struct fixture f;

	(void)state;
	begin(&f, "LITERAL+");
	f.v.slow = true;
	z = arena_alloc(f.arena, n);
	memset(z, 'x', n);
	assert_true(imap_append(f.s, f.arena, STR_LIT("x"), NULL, 0,
	    TIME_NONE, 0, (struct str){ z, n }, &app, &f.err));
	assert_true(imap_wait(f.s, &f.err));
	assert_int_equal(app->answer.end, IMAP_NO);
	assert_int_equal(f.v.took, n);
	assert_true(imap_append(f.s, f.arena, STR_LIT("x"), NULL, 0,
	    TIME_NONE, 0, (struct str){ z, n }, &app, &f.err));
	assert_true(imap_noop(f.s, f.arena, &after, &f.err));
	assert_true(imap_wait(f.s, &f.err));
	assert_int_equal(app->answer.end, IMAP_NO);
	assert_int_equal(after->answer.end, IMAP_OK);
	end(&f);
}

static bool mark(void *arg, const struct imap_fetched *m, struct err *e)
{
	static const struct str flag = { "\\Seen", 5 };
	struct fixture *f = arg;
	struct uidset *one = set_of(f, m->uid, m->uid, 1);
	struct err inner = { 0 };

	/* waiting here would turn the pump inside out */
	assert_false(imap_wait(f->s, &inner));
	assert_int_equal(inner.kind, ERR_USAGE);
	return imap_store(f->s, f->arena, one, IMAP_ADD, IMAP_STORE_FLAGS,
	    &flag, 1, 0, &f->changes[f->n_changes++], e);
}

static void test_queueing_in_a_callback(void **state)
{
	struct imap_fetch_answer *got;
	struct imap_fetch_ask ask;
	struct fixture f;

	(void)state;
	begin(&f, "");
	f.v.body = 2000;
	ask = (struct imap_fetch_ask){ .uids = set_of(&f, 1, 500, 1),
		.items = IMAP_WHOLE, .each = mark, .arg = &f };
	assert_true(imap_fetch(f.s, f.arena, &ask, &got, &f.err));
	assert_true(imap_wait(f.s, &f.err));
	assert_int_equal(f.n_changes, 500);
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(f.changes[i]->answer.end, IMAP_OK);
	assert_int_equal(uidset_count(&f.v.seen), 500);
	end(&f);
}

/* Nothing asked, nothing sent. */
/* ------------------------------------------------------------- dripping */

static enum wire_got drip_send(void *self, const void *p, size_t n,
    size_t *done, struct err *e)
{
	(void)self;
	(void)p;
	(void)e;
	*done = n;
	return WIRE_OK;
}

/* The greeting, then an octet for each look. */
static enum wire_got drip_recv(void *self, void *to, size_t n, size_t *done,
    struct err *e)
{
	static const char text[] = "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"
	    "* OK still here ";
	size_t *at = self;

	(void)n;
	(void)e;
	if (*at % 2 == 0 && (*at)++) {
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
		return WIRE_AGAIN;
	}
	*(char *)to = *at / 2 < sizeof(text) - 1 ? text[*at / 2] : '.';
	++*at;
	*done = 1;
	return WIRE_OK;
}

static bool drip_wait(void *self, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	(void)self;
	(void)sending;
	(void)ms;
	(void)e;
	*ready = true;
	return true;
}

static void drip_close(void *self)
{
	(void)self;
}

/* There is always an octet before the deadline, and never an answer. */
static void test_dripping(void **state)
{
	static const struct wire_ops ops = {
		drip_send, drip_recv, drip_wait, drip_close,
	};
	struct imap_settings set = { .user = "alice", .secret = no_secret,
		.whole_s = 1 };
	struct arena *a = arena_new(), *mine = arena_new();
	struct imap_plain *plain;
	struct imap *s;
	struct err e = { 0 };
	size_t at = 0;

	(void)state;
	assert_true(imap_start(a, wire_make(a, &ops, &at, STR_EMPTY), &set,
	    &s, &e));
	assert_true(imap_noop(s, mine, &plain, &e));
	assert_false(imap_wait(s, &e));
	assert_int_equal(e.kind, ERR_TEMP);
	assert_non_null(strstr(e.msg, "next to nothing for 1 s"));
	assert_int_equal(plain->answer.end, IMAP_LOST);
	imap_close(&s);
	arena_free(&mine);
}

static void test_empty_sets(void **state)
{
	static const struct str flag = { "\\Seen", 5 };
	struct uidset *none;
	struct imap_change *ch;
	struct imap_found *found;
	struct imap_fetch_answer *got;
	struct imap_fetch_ask ask;
	struct fixture f;
	size_t before;

	(void)state;
	begin(&f, "");
	before = f.v.commands;
	none = set_of(&f, 2, 1, 1);
	ask = (struct imap_fetch_ask){ .uids = none, .items = IMAP_FLAGS,
		.each = count, .arg = &f };
	assert_true(imap_fetch(f.s, f.arena, &ask, &got, &f.err));
	assert_true(imap_search(f.s, f.arena, STR_LIT("ALL"), none, &found,
	    &f.err));
	assert_true(imap_store(f.s, f.arena, none, IMAP_ADD,
	    IMAP_STORE_FLAGS, &flag, 1, 0, &ch, &f.err));
	assert_true(imap_wait(f.s, &f.err));
	assert_int_equal(got->answer.end, IMAP_OK);
	assert_int_equal(found->answer.end, IMAP_OK);
	assert_null(ch);
	assert_int_equal(f.v.commands, before);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_too_long_for_a_line),
		cmocka_unit_test(test_both_directions_at_once),
		cmocka_unit_test(test_turns_one_by_one),
		cmocka_unit_test(test_large_bodies),
		cmocka_unit_test(test_no_room_for_a_large_body),
		cmocka_unit_test(test_large_append),
		cmocka_unit_test(test_large_append_refused),
		cmocka_unit_test(test_queueing_in_a_callback),
		cmocka_unit_test(test_empty_sets),
		cmocka_unit_test(test_dripping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
