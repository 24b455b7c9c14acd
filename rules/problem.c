/* What node.h says of problems: collected, sorted, shown with their place. */
#include "node.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SHOW_BEFORE		60	/* characters left of the caret */
#define SHOW_CHARS		100	/* characters of a line */

void problems_init(struct problems *ps, struct arena *a)
{
	*ps = (struct problems){ .arena = a };
}

bool problems_full(const struct problems *ps)
{
	return ps->errors >= PROBLEMS_MAX;
}

static bool same_problem(const struct problem *p, const struct problem *q)
{
	return p->level == q->level && p->pos.source == q->pos.source &&
	    p->pos.line == q->pos.line && p->pos.col == q->pos.col &&
	    str_eq(p->text, q->text);
}

/* A node behind an alias is looked at more than once, and said once. */
static bool said_already(const struct problems *ps, const struct problem *p)
{
	for (size_t i = 0; i < ps->n; i++)
		if (same_problem(&ps->list[i], p))
			return true;
	return false;
}

PRINTF_LIKE(5, 0)
static void add(struct problems *ps, enum problem_level level,
    struct pos pos, struct str hint, const char *fmt, va_list ap)
{
	size_t *count = level == PROBLEM_ERROR ? &ps->errors : &ps->warnings;
	struct problem p = { .level = level, .pos = pos };
	char text[ERR_MSG_MAX];

	if (*count >= PROBLEMS_MAX) {
		++*count;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	p.text = arena_str(ps->arena, str_of(text));
	p.hint = arena_str(ps->arena, hint);
	if (said_already(ps, &p))
		return;
	++*count;
	arena_grow(ps->arena, &ps->list, ps->n, &ps->cap);
	ps->list[ps->n++] = p;
}

bool problem(struct problems *ps, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, PROBLEM_ERROR, pos, STR_EMPTY, fmt, ap);
	va_end(ap);
	return false;
}

bool problem_hint(struct problems *ps, struct pos pos, struct str hint,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, PROBLEM_ERROR, pos, hint, fmt, ap);
	va_end(ap);
	return false;
}

void warning(struct problems *ps, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, PROBLEM_WARNING, pos, STR_EMPTY, fmt, ap);
	va_end(ap);
}

/* -------------------------------------------------------------- places */

#define SPOT_EVERY		1024	/* octets */

struct spot {
	size_t at;
	int line, col;
};

/* Moves behind the next character; a line ends with LF, CR LF or CR. */
static void step(struct str text, struct spot *s)
{
	char c = text.p[s->at];

	if (c != '\n' && c != '\r') {
		utf8_next(text, &s->at);
		s->col++;
		return;
	}
	s->at++;
	if (c == '\r' && s->at < text.n && text.p[s->at] == '\n')
		s->at++;
	s->line++;
	s->col = 1;
}

void source_survey(struct arena *a, struct source *s)
{
	struct spot here = { 0, 1, 1 };
	size_t n = s->text.n / SPOT_EVERY;

	s->spots = arena_array(a, n, sizeof(*s->spots));
	s->n_spots = 0;
	while (here.at < s->text.n && s->n_spots < n) {
		step(s->text, &here);
		if (here.at >= (s->n_spots + 1) * SPOT_EVERY)
			s->spots[s->n_spots++] = here;
	}
}

static bool is_behind(const struct spot *s, int line, int col)
{
	return s->line > line || (s->line == line && s->col > col);
}

/* The offset of a place, or of the end of its line or text before it. */
static size_t offset_of(const struct source *s, int line, int col)
{
	size_t low = 0, high = s->n_spots;
	struct spot here = { 0, 1, 1 };

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_behind(&s->spots[middle], line, col))
			high = middle;
		else
			low = middle + 1;
	}
	if (low)
		here = s->spots[low - 1];
	while (here.at < s->text.n && (here.line < line || here.col < col)) {
		struct spot before = here;

		step(s->text, &here);
		if (here.line > line)
			return before.at;
	}
	return here.at;
}

struct str pos_line(struct pos pos, size_t *at_out)
{
	size_t from, end;

	*at_out = 0;
	if (!pos.source || pos.line < 1)
		return STR_EMPTY;
	from = offset_of(pos.source, pos.line, 1);
	end = offset_of(pos.source, pos.line, INT_MAX);
	if (pos.col > 1)
		*at_out = offset_of(pos.source, pos.line, pos.col) - from;
	return str_sub(pos.source->text, from, end - from);
}

/* Byte offset of the character with number N (from 0), or the end. */
static size_t char_offset(struct str s, size_t n)
{
	size_t at = 0;

	while (n-- > 0 && at < s.n)
		utf8_next(s, &at);
	return at;
}

/* The next character as it is shown; a tab is one column. */
static struct str shown_char(struct str line, size_t *at, struct buf *to)
{
	size_t from = *at, was = to->n;

	utf8_next(line, at);
	if (line.p[from] == '\t')
		buf_add_char(to, ' ');
	else
		buf_add_shown(to, str_sub(line, from, *at - from));
	return str_sub(buf_str(to), was, to->n - was);
}

/*
 * The line of P and a line with the caret.  Indentation goes, and of a long
 * line only what is around the caret is shown.
 */
static void show_line(struct buf *b, struct pos pos)
{
	size_t first = 0, at, col, caret = 0, under = 0, chars = 0;
	size_t width = pos.width > 1 ? (size_t)pos.width : 1;
	struct str line = pos_line(pos, &at);

	if (pos.col < 1 || str_trim(line).n == 0)
		return;
	col = (size_t)pos.col - 1;
	while (first < line.n && first < col &&
	    (line.p[first] == ' ' || line.p[first] == '\t'))
		first++;
	buf_add_z(b, "    ");
	if (col > first + SHOW_BEFORE) {
		first = col - SHOW_BEFORE;
		caret = 3;
		buf_add_z(b, "...");
	}
	at = char_offset(line, first);
	while (at < line.n && chars < SHOW_CHARS) {
		size_t nth = first + chars++;
		size_t w = text_width(shown_char(line, &at, b));

		if (nth < col)
			caret += w;
		else if (nth < col + width)
			under += w;
	}
	if (at < line.n)
		buf_add_z(b, "...");
	buf_add_z(b, "\n    ");
	while (caret-- > 0)
		buf_add_char(b, ' ');
	buf_add_char(b, '^');
	while (under-- > 1)
		buf_add_char(b, '~');
	buf_add_char(b, '\n');
}

void problem_show(struct buf *b, const struct problem *p)
{
	if (p->pos.source) {
		buf_add_shown(b, str_of(p->pos.source->name));
		if (p->pos.line > 0)
			buf_printf(b, ":%d", p->pos.line);
		if (p->pos.line > 0 && p->pos.col > 0)
			buf_printf(b, ":%d", p->pos.col);
		buf_add_z(b, ": ");
	}
	buf_add_z(b, p->level == PROBLEM_ERROR ? "error: " : "warning: ");
	buf_add_shown(b, p->text);
	if (p->hint.n) {
		buf_add_z(b, "; ");
		buf_add_shown(b, p->hint);
	}
	buf_add_char(b, '\n');
	if (p->pos.source)
		show_line(b, p->pos);
}

/* Files stay in the order in which they were first complained about. */
static size_t file_rank(const struct problem *list, size_t n,
    const struct source *s)
{
	size_t i = 0;

	while (i < n && list[i].pos.source != s)
		i++;
	return s ? i + 1 : 0;
}

void problems_sort(struct problems *ps)
{
	struct problem sorted[2 * PROBLEMS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ps->n && n < COUNT(sorted); i++) {
		struct problem p = ps->list[i];
		size_t rank = file_rank(ps->list, ps->n, p.pos.source);
		size_t at = n++;

		for (; at > 0; at--) {
			const struct problem *q = &sorted[at - 1];
			size_t other = file_rank(ps->list, ps->n,
			    q->pos.source);

			if (other < rank || (other == rank &&
			    (q->pos.line < p.pos.line ||
			    (q->pos.line == p.pos.line &&
			    q->pos.col <= p.pos.col))))
				break;
			sorted[at] = *q;
		}
		sorted[at] = p;
	}
	if (n)
		memcpy(ps->list, sorted, n * sizeof(sorted[0]));
}
