/*
 * report_write - what is reported, on its way to standard output.
 *
 * Each object is written in one piece, as text or as JSON.  A failed write
 * is remembered, and everything after it dropped.
 *
 * Life:   report_make -> report_X (report.h) -> report_close.  In the arena
 *         given to report_make.
 */
#ifndef TAMIS_REPORT_WRITE_H
#define TAMIS_REPORT_WRITE_H

#include "../rules/rules.h"
#include "object.h"

struct report;

struct report_style {
	bool json;
	bool colour;
	bool quiet;		/* no summaries */
	bool chatty;		/* summaries of what did nothing, too */
	size_t width;		/* columns, for cutting values */
	const struct zone *zone;	/* times in text are local */
};

/* FD is standard output.  STYLE is copied. */
struct report *report_make(struct arena *a, int fd,
    const struct report_style *style);
/* Colour, width and `chatty` (a terminal) as the descriptor and the
 * environment say. */
void report_style_detect(int fd, struct report_style *style);
bool report_json(const struct report *r);
/* False, with a sentence, if something could not be written; EPIPE gives an
 * empty sentence (the reader has gone, nobody needs to be told). */
MUST_USE bool report_close(struct report *r, struct err *e);
bool report_broken(const struct report *r);	/* stop working for it */

/* A line of text, escaped; nothing with --json. */
void report_text(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---------------------------------------------- for the report rooms */

/*
 *	report_begin(r, &b);		a fresh scratch arena, an empty text
 *	...				add to B, or make an object
 *	report_end(r, &b);		writes the text, frees B
 *	report_emit(r, o);		or this: writes the object
 */
struct report {
	struct report_style style;
	int fd;
	bool broken;
	int error;		/* errno of the write that failed */
	struct arena *scratch;	/* of the object being made */
};

void report_begin(struct report *r, struct buf *b);
void report_end(struct report *r, struct buf *b);
void report_emit(struct report *r, const struct object *o);

/* The numbers of ECMA-48 (SGR). */
enum report_colour {
	REPORT_BOLD = 1,
	REPORT_DIM = 2,
	REPORT_RED = 31,
	REPORT_GREEN = 32,
	REPORT_YELLOW = 33,
};
/* Nothing where there are to be no colours. */
void report_add_colour(const struct report *r, struct buf *b,
    enum report_colour colour);
void report_end_colour(const struct report *r, struct buf *b);
void report_add_in(const struct report *r, struct buf *b,
    enum report_colour colour, const char *z);

/* S, escaped, in at most WIDTH columns. */
void report_add_cut(struct report *r, struct buf *b, struct str s,
    size_t width);
/* ... and blanks behind it up to WIDTH. */
void report_add_padded(struct report *r, struct buf *b, struct str s,
    size_t width);
/* Local time, "2026-01-15 10:00:01". */
void report_add_time(const struct report *r, struct buf *b, int64_t t);
/* "    WORD: RULE: TEXT" and a line end; empty parts are left out. */
void report_add_sentence(const struct report *r, struct buf *b,
    enum report_colour colour, const char *word, struct str rule,
    struct str text);
void report_add_count(struct buf *b, uint64_t n, const char *what);

#endif
