#include "deflate.h"

#include <string.h>
#include <zlib.h>

#define HALF	65536	/* octets of each buffer */

struct layer {
	struct wire *below;
	z_stream in, out;
	struct str rest;	/* received before the layer was there */
	char got[HALF];
	char made[HALF];	/* compressed, not yet taken by BELOW */
	size_t made_n, made_at;
	bool dirty;		/* something was not flushed yet */
	bool more;		/* inflate may have more without new input */
};

/* Gives BELOW what is made.  WIRE_OK: nothing is left. */
static enum wire_got push(struct layer *l, struct err *e)
{
	while (l->made_at < l->made_n) {
		size_t done = 0;
		enum wire_got got = wire_send(l->below, l->made + l->made_at,
		    l->made_n - l->made_at, &done, e);

		if (got != WIRE_OK)
			return got;
		l->made_at += done;
	}
	l->made_at = l->made_n = 0;
	return WIRE_OK;
}

/* Compresses what l->out has as input into `made`, as far as it fits. */
static void press(struct layer *l, int flush)
{
	if (l->made_at == l->made_n)
		l->made_at = l->made_n = 0;
	l->out.next_out = (Bytef *)l->made + l->made_n;
	l->out.avail_out = (uInt)(HALF - l->made_n);
	/* Z_BUF_ERROR (nothing to do) is no failure; others cannot be. */
	(void)deflate(&l->out, flush);
	l->made_n = HALF - l->out.avail_out;
}

static enum wire_got layer_send(void *self, const void *p, size_t n,
    size_t *done, struct err *e)
{
	struct layer *l = self;
	enum wire_got got;

	*done = 0;
	if (n > HALF)
		n = HALF;
	if (l->made_n > HALF / 2) {
		got = push(l, e);
		if (got != WIRE_OK)
			return got;
	}
	l->out.next_in = (Bytef *)(uintptr_t)p;
	l->out.avail_in = (uInt)n;
	press(l, Z_NO_FLUSH);
	*done = n - l->out.avail_in;
	l->out.next_in = NULL;
	l->out.avail_in = 0;
	l->dirty = l->dirty || *done;
	return *done ? WIRE_OK : WIRE_AGAIN;
}

/* WIRE_OK: BELOW has all that was sent through here. */
static enum wire_got flush(struct layer *l, struct err *e)
{
	enum wire_got got = push(l, e);

	while (got == WIRE_OK && l->dirty) {
		press(l, Z_SYNC_FLUSH);
		/* A full buffer: the flush goes on in the next round. */
		l->dirty = l->out.avail_out == 0;
		got = push(l, e);
	}
	return got;
}

static enum wire_got refill(struct layer *l, struct err *e)
{
	size_t done = 0;
	enum wire_got got;

	if (l->in.avail_in || l->more)
		return WIRE_OK;
	if (l->rest.n) {
		l->in.next_in = (Bytef *)(uintptr_t)l->rest.p;
		l->in.avail_in = (uInt)l->rest.n;
		l->rest = STR_EMPTY;
		return WIRE_OK;
	}
	got = wire_recv(l->below, l->got, HALF, &done, e);
	if (got == WIRE_OK) {
		l->in.next_in = (Bytef *)l->got;
		l->in.avail_in = (uInt)done;
	}
	return got;
}

static enum wire_got layer_recv(void *self, void *p, size_t n, size_t *done,
    struct err *e)
{
	struct layer *l = self;
	enum wire_got got = flush(l, e);
	int z;

	*done = 0;
	if (got == WIRE_FAILED)
		return got;
	if (n > UINT32_MAX)
		n = UINT32_MAX;
	for (;;) {
		got = refill(l, e);
		if (got != WIRE_OK)
			return got;
		l->in.next_out = p;
		l->in.avail_out = (uInt)n;
		z = inflate(&l->in, Z_SYNC_FLUSH);
		*done = n - l->in.avail_out;
		l->more = l->in.avail_out == 0;
		if (*done)
			return WIRE_OK;
		if (z == Z_STREAM_END)
			return WIRE_END;
		if (z != Z_OK && z != Z_BUF_ERROR) {
			err_set(e, ERR_PROTO, "the compressed data from the "
			    "server is broken (%s); `compress: off` avoids it",
			    l->in.msg ? l->in.msg : "zlib");
			return WIRE_FAILED;
		}
	}
}

static bool layer_wait(void *self, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	struct layer *l = self;
	enum wire_got got = flush(l, e);

	if (got == WIRE_FAILED)
		return false;
	return wire_wait(l->below, sending || got == WIRE_AGAIN, ms, ready, e);
}

static void layer_close(void *self)
{
	struct layer *l = self;

	inflateEnd(&l->in);
	deflateEnd(&l->out);
	wire_close(&l->below);
}

static const struct wire_ops layer_ops = {
	layer_send, layer_recv, layer_wait, layer_close,
};

bool deflate_over(struct arena *a, struct wire *below, struct str rest,
    struct wire **w_out, struct err *e)
{
	struct layer *l = arena_make(a, struct layer);

	l->rest = arena_str(a, rest);
	/* RFC 4978 section 3: raw blocks, no zlib header: window bits < 0. */
	if (inflateInit2(&l->in, -15) != Z_OK)
		return err_set(e, ERR_TEMP, "zlib cannot be started");
	if (deflateInit2(&l->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8,
	    Z_DEFAULT_STRATEGY) != Z_OK) {
		inflateEnd(&l->in);
		return err_set(e, ERR_TEMP, "zlib cannot be started");
	}
	l->below = below;
	*w_out = wire_make(a, &layer_ops, l, STR_EMPTY);
	return true;
}

/* Until the end, a fault, or OUT is full; false unless it was the end. */
static bool unpack_all(z_stream *z, struct buf *out)
{
	char block[16384];
	int got = Z_OK;

	while (got == Z_OK && !out->over) {
		z->next_out = (Bytef *)block;
		z->avail_out = sizeof(block);
		got = inflate(z, Z_NO_FLUSH);
		buf_add(out, block, sizeof(block) - z->avail_out);
	}
	wipe(block, sizeof(block));
	return got == Z_STREAM_END && !out->over;
}

bool deflate_unpack(struct str in, struct buf *out, struct err *e)
{
	z_stream z = { 0 };
	size_t before = out->n;
	bool ok;

	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	if (in.n != z.avail_in || inflateInit(&z) != Z_OK)
		return err_set(e, ERR_MESSAGE, "zlib cannot be set up");
	ok = unpack_all(&z, out);
	inflateEnd(&z);
	if (ok)
		return true;
	out->n = before;
	return err_set(e, ERR_MESSAGE, out->over ? "what is compressed is "
	    "too large" : "what is compressed is damaged");
}
