#include "enclosed.h"

#include <string.h>

#include "words.h"

/* The line at *AT without its end, moving *AT behind it. */
static bool next_line(struct str s, size_t *at, struct str *line)
{
	size_t end = str_find_char(s, *at, '\n');

	if (*at >= s.n)
		return false;
	*line = str_sub(s, *at, end - *at);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	*at = end < s.n ? end + 1 : end;
	return true;
}

static bool ends_file(struct str line)
{
	return str_eq_z(str_trim(line), "end");
}

/*
 * Octets that a line of uuencode holds, -1 if it is none.  The first
 * character says how many; blanks at the end may be cut, and one check
 * character may follow.
 */
static int uu_octets(struct str line)
{
	size_t octets, room;

	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '`')
			return -1;
	if (line.n == 0)
		return 0;
	octets = (size_t)(line.p[0] - ' ') & 63;
	room = (octets + 2) / 3 * 4;
	if (line.n - 1 > room + 1 || 2 * (line.n - 1) < room)
		return -1;
	return (int)octets;
}

/* "begin 644 name": the name, empty if the line is another. */
static struct str uu_name(struct str line)
{
	struct str rest = str_sub(line, 6, line.n);
	size_t digits = 0;

	if (!str_starts(line, STR_LIT("begin ")))
		return STR_EMPTY;
	while (digits < rest.n && rest.p[digits] >= '0' &&
	    rest.p[digits] <= '7')
		digits++;
	if (digits < 3 || digits > 4 || digits == rest.n ||
	    rest.p[digits] != ' ')
		return STR_EMPTY;
	return str_trim(str_sub(rest, digits, rest.n));
}

/* The lines behind "begin", to "end" or to what is no uuencode; false if
 * the first already is none: then somebody wrote about a beginning. */
static bool read_uu(struct str text, size_t *at, uint64_t *size)
{
	struct str line;
	bool any = false;

	*size = 0;
	for (size_t next = *at; next_line(text, &next, &line); *at = next) {
		int octets;

		if (any && ends_file(line)) {
			*at = next;
			return true;
		}
		octets = uu_octets(line);
		if (octets < 0)
			return any;
		any = true;
		*size += (uint64_t)octets;
	}
	return any;
}

/* "=ybegin line=128 size=123 name=a b": the name is the rest of the line. */
static struct str y_name(struct str line, uint64_t *size)
{
	struct str rest = line, word;

	*size = 0;
	if (!str_starts(line, STR_LIT("=ybegin ")))
		return STR_EMPTY;
	while (str_cut(&rest, ' ', &word)) {
		size_t equals = str_find_char(word, 0, '=');

		if (str_starts(word, STR_LIT("name=")))
			return str_trim(str_sub(line, (size_t)(word.p + 5 -
			    line.p), line.n));
		if (str_starts(word, STR_LIT("size=")) &&
		    !str_u64(str_sub(word, equals + 1, word.n), INT64_MAX,
		    size))
			*size = 0;
	}
	return STR_EMPTY;
}

bool enclosed_next(struct arena *a, struct str text, size_t *at,
    struct enclosed *file_out)
{
	struct str line, name;
	uint64_t size;

	while (next_line(text, at, &line)) {
		if (line.n == 0 || (line.p[0] != 'b' && line.p[0] != '='))
			continue;
		name = uu_name(line);
		if (name.n ? !read_uu(text, at, &size) :
		    (name = y_name(line, &size)).n == 0)
			continue;
		file_out->name = words_decode(a, name);
		file_out->size = size;
		return true;
	}
	return false;
}
