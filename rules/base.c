#include "base.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN	1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* ------------------------------------------------------------------ str */

struct str str_of(const char *z)
{
	return z ? (struct str){ z, strlen(z) } : STR_EMPTY;
}

/* memcmp that may be given a NULL with nothing behind it. */
static bool same_bytes(const char *a, const char *b, size_t n)
{
	return n == 0 || memcmp(a, b, n) == 0;
}

static bool same_letters(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && ch_lower(a[i]) != ch_lower(b[i]))
			return false;
	return true;
}

bool str_eq_z(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n && same_letters(a.p, b.p, a.n);
}

bool str_ieq_z(struct str a, const char *z)
{
	return str_ieq(a, str_of(z));
}

bool str_starts(struct str s, struct str head)
{
	return s.n >= head.n && same_bytes(s.p, head.p, head.n);
}

bool str_ends(struct str s, struct str tail)
{
	return s.n >= tail.n && (tail.n == 0 ||
	    same_bytes(s.p + (s.n - tail.n), tail.p, tail.n));
}

bool str_istarts(struct str s, struct str head)
{
	return s.n >= head.n && same_letters(s.p, head.p, head.n);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

size_t str_find_char(struct str s, size_t from, char c)
{
	const char *hit;

	if (from >= s.n)
		return s.n;
	hit = memchr(s.p + from, c, s.n - from);
	return hit ? (size_t)(hit - s.p) : s.n;
}

static bool outer_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n && outer_space(s.p[s.n - 1]))
		s.n--;
	while (s.n && outer_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *part)
{
	size_t at;

	if (rest->n == 0)
		return false;
	at = str_find_char(*rest, 0, sep);
	*part = (struct str){ rest->p, at };
	if (at < rest->n)
		at++;
	rest->p += at;
	rest->n -= at;
	return true;
}

bool str_u64(struct str s, uint64_t max, uint64_t *n_out)
{
	uint64_t n = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
		if (n > max)
			return false;
	}
	*n_out = n;
	return true;
}

uint64_t str_hash(struct str s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

/* ---------------------------------------------------------------- UTF-8 */

/* RFC 3629 section 4: what the lead byte promises. */
static size_t sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 2;
	if (lead >= 0xE0 && lead <= 0xEF)
		return 3;
	if (lead >= 0xF0 && lead <= 0xF4)
		return 4;
	return 0;
}

uint32_t utf8_next(struct str s, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s.p + *at;
	size_t len = sequence_length(*p);
	uint32_t cp;

	if (len == 1) {
		(*at)++;
		return *p;
	}
	if (len == 0 || len > s.n - *at)
		goto bad;
	cp = *p & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			goto bad;
		cp = cp << 6 | (p[i] & 0x3Fu);
	}
	if ((len == 3 && cp < 0x800) || (len == 4 && cp < 0x10000) ||
	    (cp >= 0xD800 && cp <= 0xDFFF) || cp > 0x10FFFF)
		goto bad;
	*at += len;
	return cp;
bad:
	(*at)++;
	return UTF8_BAD;
}

/* Moves over bytes below 0x80, eight at a time. */
static size_t skip_ascii(struct str s, size_t at)
{
	uint64_t word;

	while (s.n - at >= sizeof(word)) {
		memcpy(&word, s.p + at, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
		at += sizeof(word);
	}
	while (at < s.n && (unsigned char)s.p[at] < 0x80)
		at++;
	return at;
}

bool utf8_valid(struct str s)
{
	size_t at = 0;

	while ((at = skip_ascii(s, at)) < s.n)
		if (utf8_next(s, &at) == UTF8_BAD)
			return false;
	return true;
}

size_t utf8_count(struct str s)
{
	size_t n = 0;

	for (size_t at = 0; at < s.n; n++)
		utf8_next(s, &at);
	return n;
}

struct str utf8_head(struct str s, size_t n)
{
	if (n >= s.n)
		return s;
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		size_t at = n - back;
		unsigned char c = (unsigned char)s.p[at];

		if (sequence_length(c) > back) {
			if (utf8_next(s, &at) != UTF8_BAD)
				n -= back;
			break;
		}
		if ((c & 0xC0) != 0x80)
			break;
	}
	return (struct str){ s.p, n };
}

/* ---------------------------------------------------------------- arena */

#define BLOCK_MIN	4096
#define BLOCK_MAX	(1024 * 1024)
#define ALIGN		_Alignof(max_align_t)

#ifdef HAVE_ASAN
#define REDZONE		ALIGN	/* between two pieces, so that ASan sees */
#else
#define REDZONE		0
#endif

struct block {
	struct block *next;	/* the one before it in time */
	size_t cap, used;
	_Alignas(max_align_t) char bytes[];
};

struct hook {
	struct hook *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct block *blocks;	/* pieces are cut off the first */
	struct block *large;	/* a piece each */
	struct hook *hooks;
	size_t used;
};

static void no_memory(size_t n)
{
	fprintf(stderr, "tamis: out of memory (%zu octets wanted)\n", n);
	abort();
}

static void *must_malloc(size_t n)
{
	void *p = malloc(n);

	if (!p)
		no_memory(n);
	return p;
}

/* Not inline: gcc 12 would take poisoning for reading what is not set yet. */
static __attribute__((noinline)) void close_bytes(void *p, size_t n)
{
#ifdef HAVE_ASAN
	__asan_poison_memory_region(p, n);
#else
	(void)p;
	(void)n;
#endif
}

static void open_bytes(void *p, size_t n)
{
#ifdef HAVE_ASAN
	__asan_unpoison_memory_region(p, n);
#else
	(void)p;
	(void)n;
#endif
}

static struct block *block_new(size_t cap, struct block *next)
{
	struct block *b;

	if (cap > SIZE_MAX - sizeof(*b))
		no_memory(cap);
	b = must_malloc(sizeof(*b) + cap);
	b->next = next;
	b->cap = cap;
	b->used = 0;
	close_bytes(b->bytes, cap);
	return b;
}

static void blocks_free(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		open_bytes(b->bytes, b->cap);
		free(b);
		b = next;
	}
}

struct arena *arena_new(void)
{
	struct arena *a = must_malloc(sizeof(*a));

	*a = (struct arena){ 0 };
	return a;
}

static void run_hooks(struct arena *a)
{
	while (a->hooks) {
		struct hook *h = a->hooks;

		a->hooks = h->next;
		h->fn(h->arg);
	}
}

void arena_free(struct arena **a)
{
	if (!a || !*a)
		return;
	run_hooks(*a);
	blocks_free((*a)->blocks);
	blocks_free((*a)->large);
	free(*a);
	*a = NULL;
}

/*
 * Keeps the newest block, which is the largest, so that an arena that is
 * reset after each message soon asks malloc for nothing any more.
 */
void arena_reset(struct arena *a)
{
	run_hooks(a);
	blocks_free(a->large);
	a->large = NULL;
	if (a->blocks) {
		blocks_free(a->blocks->next);
		a->blocks->next = NULL;
		a->blocks->used = 0;
		close_bytes(a->blocks->bytes, a->blocks->cap);
	}
	a->used = 0;
}

/* A block that has ROOM. */
static struct block *block_for(struct arena *a, size_t room)
{
	size_t cap = a->blocks ? a->blocks->cap * 2 : BLOCK_MIN;

	if (room > BLOCK_MAX / 4)
		return a->large = block_new(room, a->large);
	while (cap < room)
		cap *= 2;
	if (cap > BLOCK_MAX)
		cap = BLOCK_MAX;
	return a->blocks = block_new(cap, a->blocks);
}

/* A piece that is aligned for all and not zeroed. */
static void *piece(struct arena *a, size_t n)
{
	struct block *b = a->blocks;
	size_t room;
	void *p;

	if (n > SIZE_MAX / 2)
		no_memory(n);
	room = n ? (n + REDZONE + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
	if (!b || b->cap - b->used < room || room > BLOCK_MAX / 4)
		b = block_for(a, room);
	p = b->bytes + b->used;
	b->used += room;
	a->used += n;
	open_bytes(p, n);
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = piece(a, n);

	memset(p, 0, n);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t each)
{
	if (each && n > SIZE_MAX / each)
		no_memory(SIZE_MAX);
	return arena_alloc(a, n * each);
}

char *arena_z(struct arena *a, struct str s)
{
	char *p;

	if (s.n == SIZE_MAX)
		no_memory(s.n);
	p = piece(a, s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	return (struct str){ arena_z(a, s), s.n };
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	if (!fmt)
		return STR_EMPTY;	/* gcc's UBSan build asks for it */
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return STR_EMPTY;
	p = piece(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){ p, (size_t)n };
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

void arena_on_reset(struct arena *a, void (*fn)(void *), void *arg)
{
	struct hook *h = arena_make(a, struct hook);

	*h = (struct hook){ a->hooks, fn, arg };
	a->hooks = h;
}

void arena_grow_(struct arena *a, void **v, size_t each, size_t n,
    size_t *cap)
{
	size_t want = *cap < 4 ? 4 : *cap, had = *cap * each;
	char *bigger;

	while (want <= n) {
		if (want > SIZE_MAX / 2)
			no_memory(SIZE_MAX);
		want *= 2;
	}
	if (want > SIZE_MAX / each)
		no_memory(SIZE_MAX);
	bigger = piece(a, want * each);
	if (had)
		memcpy(bigger, *v, had);
	memset(bigger + had, 0, want * each - had);
	*v = bigger;
	*cap = want;
}

/* --------------------------------------------------------------- buffer */

/* Up to here a buffer may hold a secret and leaves no copy behind. */
#define BUF_SECRET_MAX	(64 * 1024)

void buf_init(struct buf *b, size_t max)
{
	if (max > SIZE_MAX / 4)
		max = SIZE_MAX / 4;
	*b = (struct buf){ .max = max };
}

void buf_init_secret(struct buf *b, size_t max)
{
	buf_init(b, max);
	b->secret = true;
}

void buf_free(struct buf *b)
{
	if (!b)
		return;
	if (b->secret)
		wipe(b->p, b->cap);
	free(b->p);
	*b = (struct buf){ .max = b->max, .secret = b->secret };
}

void buf_wipe_free(struct buf *b)
{
	if (!b)
		return;
	wipe(b->p, b->cap);
	buf_free(b);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->over = false;
}

/* Room for N more and a terminator; the caller keeps within max. */
static void buf_room(struct buf *b, size_t n)
{
	size_t want = b->n + n + 1;
	size_t cap = b->cap ? b->cap : 64;

	if (want <= b->cap)
		return;
	while (cap < want)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	if (b->secret || b->cap <= BUF_SECRET_MAX) {
		char *p = must_malloc(cap);

		if (b->n)
			memcpy(p, b->p, b->n);
		wipe(b->p, b->cap);
		free(b->p);
		b->p = p;
	} else {
		char *p = realloc(b->p, cap);

		if (!p)
			no_memory(cap);
		b->p = p;
	}
	b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n > b->max - b->n) {
		n = b->max - b->n;
		b->over = true;
	}
	if (n == 0)
		return;
	buf_room(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_z(struct buf *b, const char *z)
{
	buf_add(b, z, strlen(z));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

/* The bytes of CP in TO; a surrogate or what is past U+10FFFF gives the
 * replacement character. */
static size_t encode(uint32_t cp, char to[4])
{
	if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		cp = 0xFFFD;
	if (cp < 0x80) {
		to[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		to[0] = (char)(0xC0 | cp >> 6);
		to[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		to[0] = (char)(0xE0 | cp >> 12);
		to[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		to[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | cp >> 18);
	to[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	to[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	to[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

void buf_add_utf8(struct buf *b, uint32_t cp)
{
	char bytes[4];
	size_t n = encode(cp, bytes);

	if (n > b->max - b->n)
		b->over = true;		/* never a part of a sequence */
	else
		buf_add(b, bytes, n);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t n;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len <= 0)
		return;
	n = (size_t)len;
	if (n > b->max - b->n) {
		n = b->max - b->n;
		b->over = true;
	}
	buf_room(b, n);
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, n + 1, fmt, ap);
	va_end(ap);
	b->n += n;
}

void buf_drop_front(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

struct str buf_str(const struct buf *b)
{
	return b->n ? (struct str){ b->p, b->n } : STR_EMPTY;
}

const char *buf_z(struct buf *b)
{
	buf_room(b, 0);
	b->p[b->n] = '\0';
	return b->p;
}

void wipe(void *p, size_t n)
{
	if (p && n)
		explicit_bzero(p, n);
}

void wipe_free(void *p)
{
	wipe(p, malloc_usable_size(p));
	free(p);
}

/* ---------------------------------------------------------------- error */

/* A message that was cut keeps whole characters. */
static void cut_clean(char *msg)
{
	size_t n = strlen(msg), at = n;

	while (at && n - at < 3 && ((unsigned char)msg[at - 1] & 0xC0) == 0x80)
		at--;
	if (at && sequence_length((unsigned char)msg[at - 1]) > n - at + 1)
		msg[at - 1] = '\0';
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!e || e->kind != ERR_NONE)
		return false;
	e->kind = kind;
	va_start(ap, fmt);
	if (vsnprintf(e->msg, sizeof(e->msg), fmt, ap) >=
	    (int)sizeof(e->msg))
		cut_clean(e->msg);
	va_end(ap);
	return false;
}

bool err_ctx(struct err *e, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	size_t n, room, len;
	va_list ap;

	if (!e)
		return false;
	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg) - 2, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	memcpy(e->msg + n, ": ", 3);
	n += 2;
	len = strlen(old);
	room = sizeof(e->msg) - 1 - n;
	memcpy(e->msg + n, old, len < room ? len : room);
	e->msg[n + (len < room ? len : room)] = '\0';
	if (len > room)
		cut_clean(e->msg);
	return false;
}

void err_clear(struct err *e)
{
	if (!e)
		return;
	e->kind = ERR_NONE;
	e->is_lasting = false;
	e->msg[0] = '\0';
}
