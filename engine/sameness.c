#include "sameness.h"

/* The header, read as what it says: a field a line, white space squeezed. */
struct reader {
	struct str text;
	bool variant;		/* without what tells variants apart */
	size_t at;
	bool in_field;		/* behind a field's first octet */
	bool blank;		/* white space is due */
	bool named;		/* behind the first colon */
	bool bare;		/* ... and nothing yet */
	bool over;		/* the header has ended, body from `at` on */
};

#define END	(-1)

/* Behind a line end at AT, or AT where there is none. */
static size_t line_end(struct str s, size_t at)
{
	if (at < s.n && s.p[at] == '\r' && at + 1 < s.n &&
	    s.p[at + 1] == '\n')
		return at + 2;
	return at < s.n && s.p[at] == '\n' ? at + 1 : at;
}

static bool is_folded(struct str s, size_t at)
{
	return at < s.n && (s.p[at] == ' ' || s.p[at] == '\t');
}

/* Behind the field that begins at AT. */
static size_t field_end(struct str s, size_t at)
{
	do {
		at = str_find_char(s, at, '\n');
		at += at < s.n;
	} while (is_folded(s, at));
	return at;
}

static bool is_left_out(const struct reader *r)
{
	static const char *const names[] = {
		"X-Gmail-", "Date:", "Message-ID:", "References:",
	};
	struct str rest = str_sub(r->text, r->at, r->text.n);

	for (size_t i = 0; i < (r->variant ? COUNT(names) : 1); i++)
		if (str_istarts(rest, str_of(names[i])))
			return true;
	return false;
}

/* Where a line begins. */
static void begin_line(struct reader *r)
{
	while (r->at < r->text.n && is_left_out(r))
		r->at = field_end(r->text, r->at);
	if (r->at >= r->text.n || line_end(r->text, r->at) > r->at) {
		r->at = line_end(r->text, r->at);
		r->over = true;
	}
}

/* The next character of the header as it is compared, or END. */
static int next(struct reader *r)
{
	for (;;) {
		size_t end;
		char c;

		if (!r->in_field) {
			begin_line(r);
			if (r->over)
				return END;
			r->in_field = true;
			r->blank = r->named = r->bare = false;
		}
		end = line_end(r->text, r->at);
		if (r->at >= r->text.n || (end > r->at &&
		    !is_folded(r->text, end))) {
			r->at = end;
			r->in_field = false;
			return '\n';
		}
		c = r->text.p[r->at];
		if (end > r->at || c == ' ' || c == '\t') {
			r->at = end > r->at ? end : r->at + 1;
			r->blank = true;
			continue;
		}
		if (r->blank && !r->bare) {
			r->blank = false;
			return ' ';
		}
		r->blank = false;
		r->bare = c == ':' && !r->named;
		r->named = r->named || c == ':';
		r->at++;
		return (unsigned char)c;
	}
}

static bool says_the_same(struct str sent, struct str got, bool variant)
{
	struct reader x = { .text = sent, .variant = variant };
	struct reader y = { .text = got, .variant = variant };
	int a, b;

	do {
		a = next(&x);
		b = next(&y);
		if (a != b)
			return false;
	} while (a != END);
	return str_eq(str_sub(sent, x.at, sent.n), str_sub(got, y.at, got.n));
}

enum sameness sameness_of(struct str sent, struct str got)
{
	return str_eq(sent, got) ? SAME_OCTETS :
	    says_the_same(sent, got, false) ? SAME_FORM :
	    says_the_same(sent, got, true) ? SAME_VARIANT : SAME_NOT;
}
