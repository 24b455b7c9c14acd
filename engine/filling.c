#include "filling.h"

const char *const filling_names[FILLING_N] = {
	[FILLING_ACCOUNT] = "account", [FILLING_MAILBOX] = "mailbox",
	[FILLING_RULE] = "rule", [FILLING_UID] = "uid",
	[FILLING_SUMMARY] = "summary", [FILLING_BODY] = "body",
	[FILLING_URGENCY] = "urgency", [FILLING_ICON] = "icon",
	[FILLING_SOUND] = "sound", [FILLING_FROM] = "from",
	[FILLING_SUBJECT] = "subject", [FILLING_MESSAGE_ID] = "message_id",
};

/* FILLING_N: none of them. */
static enum filling_name find(struct str name)
{
	int i = 0;

	while (i < FILLING_N && !str_eq_z(name, filling_names[i]))
		i++;
	return (enum filling_name)i;
}

/* What stands at the front of *REST: a literal, or a name. */
enum piece { PIECE_TEXT, PIECE_NAME, PIECE_UNCLOSED };

static enum piece cut(struct str *rest, struct str *out)
{
	size_t dollar = str_find_char(*rest, 0, '$'), end;

	if (dollar > 0) {
		*out = str_sub(*rest, 0, dollar);
		*rest = str_sub(*rest, dollar, rest->n);
		return PIECE_TEXT;
	}
	if (rest->n > 1 && rest->p[1] == '(') {
		struct str all = *rest;

		end = str_find_char(all, 2, ')');
		*out = str_sub(all, 2, end - 2);
		*rest = str_sub(all, end + 1, all.n);
		return end < all.n ? PIECE_NAME : PIECE_UNCLOSED;
	}
	*out = str_sub(*rest, 0, 1);
	*rest = str_sub(*rest, rest->n > 1 && rest->p[1] == '$' ? 2 : 1,
	    rest->n);
	return PIECE_TEXT;
}

static bool check_name(const struct node *n, struct str name,
    unsigned allowed, const char *what, struct problems *ps)
{
	enum filling_name found = find(name);
	struct str list = STR_EMPTY;

	if (found < FILLING_N && allowed >> found & 1)
		return true;
	for (int i = 0; i < FILLING_N; i++)
		if (allowed >> i & 1)
			list = arena_printf(ps->arena, "%.*s%s$(%s)",
			    STR_ARG(list), list.n ? " " : "",
			    filling_names[i]);
	return problem_hint(ps, n->pos, arena_printf(ps->arena,
	    "there are: %.*s", STR_ARG(list)), found < FILLING_N ?
	    "`%s` takes no text from a message: $(%.*s)" :
	    "`%s` knows no $(%.*s)", what, STR_ARG(name));
}

bool filling_check(const struct node *n, struct str text, unsigned allowed,
    const char *what, struct problems *ps)
{
	struct str rest = text, piece;
	bool ok = true;

	while (rest.n > 0)
		switch (cut(&rest, &piece)) {
		case PIECE_TEXT:
			break;
		case PIECE_NAME:
			ok &= check_name(n, piece, allowed, what, ps);
			break;
		case PIECE_UNCLOSED:
			return problem(ps, n->pos, "`%s`: a $( is not "
			    "closed; a dollar before a parenthesis is "
			    "written $$", what);
		}
	return ok;
}

/* RFC 8259 section 7; DEL and all above are themselves. */
static void add_json(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_add_z(out, "\\n");
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add_char(out, (char)c);
	}
}

void filling_add(struct buf *out, struct str text, const struct str *values,
    bool json)
{
	struct str rest = text, piece;

	while (rest.n > 0) {
		enum filling_name name = FILLING_N;

		if (cut(&rest, &piece) == PIECE_NAME)
			name = find(piece);
		if (name == FILLING_N)
			buf_add_str(out, piece);
		else if (json)
			add_json(out, values[name]);
		else
			buf_add_str(out, values[name]);
	}
}
