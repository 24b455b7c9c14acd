/*
 * base - what every other room stands on: slices, arenas, bounded buffers,
 * errors, time text.
 *
 * No I/O, no clock, no locale.  Memory comes from an arena with one of three
 * lives: process (config and rules), run, message.  Running out of memory
 * aborts; therefore every size that comes from outside must meet a named
 * limit before it meets an arena.
 */
#ifndef TAMIS_BASE_H
#define TAMIS_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_USE	__attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a)	__attribute__((format(printf, f, a)))
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* ------------------------------------------------------------------ str */

/* A borrowed run of bytes; may hold NUL, is not terminated. */
struct str {
	const char *p;
	size_t n;
};

#define STR_EMPTY	((struct str){ "", 0 })
#define STR_LIT(s)	((struct str){ "" s, sizeof(s) - 1 })
#define STR_ARG(s)	(int)(s).n, (s).p	/* for "%.*s" */

struct str str_of(const char *z);		/* NULL gives the empty one */
bool str_eq_z(struct str a, const char *z);
bool str_ieq(struct str a, struct str b);	/* ASCII case only */
bool str_ieq_z(struct str a, const char *z);
bool str_starts(struct str s, struct str head);
bool str_ends(struct str s, struct str tail);
bool str_istarts(struct str s, struct str head);	/* ASCII case only */
int str_cmp(struct str a, struct str b);	/* bytes, then length */
/* Index of the first C at or after FROM, or s.n. */
size_t str_find_char(struct str s, size_t from, char c);
/* Cuts blanks, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);
/*
 * Takes the part before the first SEP off the front of *REST into *PART;
 * false when nothing is left (an empty rest gives nothing).
 */
bool str_cut(struct str *rest, char sep, struct str *part);
/* Decimal digits only, whole text, at most MAX; false otherwise. */
MUST_USE bool str_u64(struct str s, uint64_t max, uint64_t *n_out);
uint64_t str_hash(struct str s);	/* FNV-1a; not for adversaries */

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Clamped. */
static inline struct str str_sub(struct str s, size_t from, size_t n)
{
	if (from >= s.n)
		return STR_EMPTY;
	return (struct str){ s.p + from, n < s.n - from ? n : s.n - from };
}

/* ASCII classes, safe for any char and free of the locale.  Here, since a
 * call would cost more than they do. */
static inline bool ch_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char ch_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool ch_alpha(char c)
{
	return ch_lower(c) >= 'a' && ch_lower(c) <= 'z';
}

static inline bool ch_alnum(char c)
{
	return ch_alpha(c) || ch_digit(c);
}

/* blank, tab, CR, LF, VT, FF */
static inline bool ch_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---------------------------------------------------------------- UTF-8 */

/*
 * Decodes one code point at S[*at] and moves *at behind it.  Bytes that are
 * not UTF-8 (overlong forms, surrogates and cut ends included) give
 * UTF8_BAD and move by one.  *at must be below s.n.
 */
#define UTF8_BAD	0xFFFFFFFFu
uint32_t utf8_next(struct str s, size_t *at);
bool utf8_valid(struct str s);
size_t utf8_count(struct str s);	/* code points; a bad byte is one */
/* The longest head of S of at most N bytes that cuts no sequence. */
struct str utf8_head(struct str s, size_t n);

/* ---------------------------------------------------------------- arena */

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena **a);
void arena_reset(struct arena *a);	/* keeps its first block */
void *arena_alloc(struct arena *a, size_t n);	/* zeroed, aligned for all */
void *arena_array(struct arena *a, size_t n, size_t each);	/* checked */
char *arena_z(struct arena *a, struct str s);	/* NUL-terminated copy */
struct str arena_str(struct arena *a, struct str s);	/* likewise */
struct str arena_printf(struct arena *a, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
size_t arena_used(const struct arena *a);	/* bytes handed out */
/* FN(arg) runs, last first, when the arena is reset or freed: the way for a
 * room to tie a library's object to an arena's life. */
void arena_on_reset(struct arena *a, void (*fn)(void *), void *arg);

#define arena_make(a, type)	((type *)arena_alloc((a), sizeof(type)))
/* Grows *V (elements of its type) so that index N exists; for lists that are
 * built in an arena.  *CAP is their capacity. */
#define arena_grow(a, v, n, cap) \
	((n) < *(cap) ? (void)0 : \
	arena_grow_((a), (void **)(v), sizeof(**(v)), (n), (cap)))
void arena_grow_(struct arena *a, void **v, size_t each, size_t n,
    size_t *cap);

/* --------------------------------------------------------------- buffer */

/*
 * A growing buffer with a maximum.  What goes past the maximum is dropped
 * and remembered in `over`, to be asked once at the end.
 */
struct buf {
	char *p;
	size_t n, cap, max;
	bool over;
	bool secret;		/* leaves nothing behind in freed memory */
};

void buf_init(struct buf *b, size_t max);
void buf_init_secret(struct buf *b, size_t max);
void buf_free(struct buf *b);		/* may be called twice */
void buf_wipe_free(struct buf *b);	/* the same, for secrets */
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_z(struct buf *b, const char *z);
void buf_add_char(struct buf *b, char c);
void buf_add_utf8(struct buf *b, uint32_t cp);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_drop_front(struct buf *b, size_t n);
struct str buf_str(const struct buf *b);
const char *buf_z(struct buf *b);	/* terminated in place */

void wipe(void *p, size_t n);		/* not optimised away */
void wipe_free(void *p);	/* for libraries that free secrets: instead of
				   free, and also of what malloc gave */

/* ---------------------------------------------------------------- error */

/* The kind says what to do next; exit codes follow it (see tamis(1)). */
enum err_kind {
	ERR_NONE,
	ERR_USAGE,	/* wrong use: exit 2 */
	ERR_CONFIG,	/* bad config or rules: 78, no retry */
	ERR_AUTH,	/* refused by the server: 77, no retry */
	ERR_TEMP,	/* network, throttled, locked: 75, retry later */
	ERR_PROTO,	/* the peer broke the protocol: drop, then as TEMP */
	ERR_STATE,	/* state cannot be read or written: 74, stop */
	ERR_BRAKE,	/* a limit stopped it on purpose: 4 */
	ERR_MESSAGE,	/* this message cannot be done, the rest can: 3 */
};

#define ERR_MSG_MAX	1024
struct err {
	enum err_kind kind;
	bool is_lasting;	/* ERR_TEMP: of no use to try again at once */
	char msg[ERR_MSG_MAX];
};

/* The first error wins: a set error is not overwritten.  Returns false, so
 * that `return err_set(e, ...)` reads well. */
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Puts "context: " in front of the message.  Returns false. */
bool err_ctx(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
void err_clear(struct err *e);

/* ----------------------------------------------------------------- text */

/*
 * Text from mail, servers or files as it may be shown on a terminal, in a
 * log, in JSON or HTML: C0, C1, DEL, bidirectional controls, line and
 * paragraph separators and bad UTF-8 become \xNN or \u{NNNN}.  Tabs and line
 * ends too.  The one function for it.
 */
void buf_add_shown(struct buf *b, struct str s);
struct str shown(struct arena *a, struct str s);
/* Display columns of shown text: East Asian wide is 2, combining is 0. */
size_t text_width(struct str s);

/* The entry of NAMES nearest to S by edit distance, if near enough to be a
 * likely slip; NULL otherwise.  NAMES has N entries. */
const char *nearest(struct str s, const char *const *names, size_t n);

/* ----------------------------------------------------------------- time */

/* Seconds since 1970, UTC.  TIME_NONE: not known or not readable. */
#define TIME_NONE	INT64_MIN

/* Proleptic Gregorian; month 1 to 12, day 1 to 31.  No range checks. */
int64_t time_from_civil(int64_t year, int month, int day, int hour, int min,
    int sec);
struct civil {
	int64_t year;
	int month, day, hour, min, sec;
	int weekday;		/* 0 is Sunday */
};
struct civil time_to_civil(int64_t t);

/*
 * A duration: digits and one of s m h d w, e.g. "30d"; seconds in *OUT.
 * A size: digits, then optionally K M G (times 1024); octets in *OUT.
 */
MUST_USE bool parse_duration(struct str s, int64_t *seconds_out);
MUST_USE bool parse_size(struct str s, uint64_t *octets_out);

#endif
