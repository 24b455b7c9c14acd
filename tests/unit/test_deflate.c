#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/deflate.h"

/*
 * Two layers face each other over two pipes in memory, so that what one
 * compresses the other must expand.  A pipe takes and gives at most `step`
 * octets at a time, and nothing when it is full.
 */
struct pipe {
	struct buf b;
	size_t step, room;
	bool closed;
};

struct end {
	struct pipe *in, *out;
	bool flip, was_closed;
};

static enum wire_got end_send(void *self, const void *p, size_t n,
    size_t *done, struct err *e)
{
	struct end *x = self;

	(void)e;
	x->flip = !x->flip;
	if (x->out->b.n >= x->out->room || (x->out->step && x->flip))
		return WIRE_AGAIN;
	if (x->out->step && n > x->out->step)
		n = x->out->step;
	if (n > x->out->room - x->out->b.n)
		n = x->out->room - x->out->b.n;
	buf_add(&x->out->b, p, n);
	*done = n;
	return WIRE_OK;
}

static enum wire_got end_recv(void *self, void *p, size_t n, size_t *done,
    struct err *e)
{
	struct end *x = self;

	(void)e;
	if (x->in->b.n == 0)
		return x->in->closed ? WIRE_END : WIRE_AGAIN;
	if (x->in->step && n > x->in->step)
		n = x->in->step;
	if (n > x->in->b.n)
		n = x->in->b.n;
	memcpy(p, x->in->b.p, n);
	buf_drop_front(&x->in->b, n);
	*done = n;
	return WIRE_OK;
}

static bool end_wait(void *self, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	struct end *x = self;

	(void)ms;
	(void)e;
	*ready = x->in->b.n || x->in->closed ||
	    (sending && x->out->b.n < x->out->room);
	return true;
}

static void end_close(void *self)
{
	((struct end *)self)->was_closed = true;
}

static const struct wire_ops end_ops = {
	end_send, end_recv, end_wait, end_close,
};

struct pair {
	struct arena *arena;
	struct pipe there, back;
	struct end a, b;
	struct wire *wa, *wb;	/* the layers */
	struct wire *below;	/* that of wa */
	struct err err;
};

static void pair_open(struct pair *p, size_t step, size_t room)
{
	*p = (struct pair){ .arena = arena_new() };
	buf_init(&p->there.b, 1 << 26);
	buf_init(&p->back.b, 1 << 26);
	p->there.step = p->back.step = step;
	p->there.room = p->back.room = room;
	p->a = (struct end){ .in = &p->back, .out = &p->there };
	p->b = (struct end){ .in = &p->there, .out = &p->back };
	p->below = wire_make(p->arena, &end_ops, &p->a, STR_EMPTY);
	assert_true(deflate_over(p->arena, p->below, STR_EMPTY, &p->wa,
	    &p->err));
	assert_true(deflate_over(p->arena, wire_make(p->arena, &end_ops,
	    &p->b, STR_EMPTY), STR_EMPTY, &p->wb, &p->err));
}

static void pair_close(struct pair *p)
{
	wire_close(&p->wa);
	wire_close(&p->wb);
	assert_null(p->wa);
	assert_true(p->a.was_closed && p->b.was_closed);
	buf_free(&p->there.b);
	buf_free(&p->back.b);
	arena_free(&p->arena);
}

/* Sends TEXT from one side until the other has all of it. */
static void carry(struct pair *p, struct wire *from, struct wire *to,
    struct str text)
{
	struct buf got;
	size_t at = 0, tries = 0;

	buf_init(&got, text.n + 1);
	while (got.n < text.n) {
		char chunk[3000];
		size_t done = 0;
		bool ready;

		assert_true(++tries < 10000000);
		if (at < text.n && wire_send(from, text.p + at, text.n - at,
		    &done, &p->err) == WIRE_OK)
			at += done;
		/* whoever waits has it flushed */
		assert_true(wire_wait(from, at < text.n, 1, &ready, &p->err));
		while (wire_recv(to, chunk, sizeof(chunk), &done, &p->err) ==
		    WIRE_OK)
			buf_add(&got, chunk, done);
		assert_int_equal(p->err.kind, ERR_NONE);
	}
	assert_int_equal(got.n, text.n);
	assert_memory_equal(got.p, text.p, text.n);
	buf_free(&got);
}

static struct str noise(struct arena *a, size_t n)
{
	char *z = arena_alloc(a, n);
	uint32_t x = 12345;

	for (size_t i = 0; i < n; i++) {
		x = x * 1103515245 + 12345;
		z[i] = (char)(x >> 24);
	}
	return (struct str){ z, n };
}

static struct str dull(struct arena *a, size_t n)
{
	char *z = arena_alloc(a, n);

	for (size_t i = 0; i < n; i++)
		z[i] = "Received: from example.org\r\n"[i % 28];
	return (struct str){ z, n };
}

static void test_both_ways(void **state)
{
	static const struct {
		size_t step, room;
	} v[] = {
		{ 0, 1 << 25 }, { 1, 1 << 25 }, { 7, 100 }, { 0, 1000 },
	};
	struct pair p;

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		size_t n = v[i].step == 1 ? 20000 : 300000;

		pair_open(&p, v[i].step, v[i].room);
		carry(&p, p.wa, p.wb, STR_LIT("t1 NOOP\r\n"));
		carry(&p, p.wb, p.wa, STR_LIT("t1 OK\r\n"));
		carry(&p, p.wa, p.wb, noise(p.arena, n));
		carry(&p, p.wb, p.wa, dull(p.arena, n));
		carry(&p, p.wb, p.wa, STR_LIT("x"));
		pair_close(&p);
	}
}

static void test_it_compresses(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 0, 1 << 25);
	carry(&p, p.wa, p.wb, dull(p.arena, 1000000));
	assert_int_equal(wire_counters(p.wa).sent, 1000000);
	assert_true(wire_counters(p.below).sent < 50000);
	pair_close(&p);
}

/* What came behind the OK to COMPRESS belongs to the compressed stream. */
static void test_rest(void **state)
{
	struct pair p;
	struct wire *late;
	char chunk[100];
	size_t done = 0;
	bool ready;

	(void)state;
	pair_open(&p, 0, 1 << 25);
	assert_int_equal(wire_send(p.wb, "hello world", 11, &done, &p.err),
	    WIRE_OK);
	assert_true(wire_wait(p.wb, false, 1, &ready, &p.err));
	for (size_t cut = 0; cut <= p.back.b.n; cut++) {
		struct pipe again = { .room = 1000 }, none = { .room = 1000 };
		struct end x = { .in = &again, .out = &none };
		size_t n = 0;

		buf_init(&again.b, 1000);
		buf_init(&none.b, 1000);
		buf_add(&again.b, p.back.b.p + cut, p.back.b.n - cut);
		assert_true(deflate_over(p.arena, wire_make(p.arena, &end_ops,
		    &x, STR_EMPTY), str_sub(buf_str(&p.back.b), 0, cut),
		    &late, &p.err));
		while (wire_recv(late, chunk + n, sizeof(chunk) - n, &done,
		    &p.err) == WIRE_OK)
			n += done;
		assert_int_equal(n, 11);
		assert_memory_equal(chunk, "hello world", 11);
		wire_close(&late);
		buf_free(&again.b);
		buf_free(&none.b);
	}
	pair_close(&p);
}

static void test_garbage_and_end(void **state)
{
	struct pair p;
	char chunk[100];
	size_t done;

	(void)state;
	pair_open(&p, 0, 1 << 25);
	p.back.closed = true;
	assert_int_equal(wire_recv(p.wa, chunk, 100, &done, &p.err),
	    WIRE_END);
	buf_add_z(&p.back.b, "\x07\x07");	/* a block type that is none */
	assert_int_equal(wire_recv(p.wa, chunk, 100, &done, &p.err),
	    WIRE_FAILED);
	assert_int_equal(p.err.kind, ERR_PROTO);
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_it_compresses),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_garbage_and_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
