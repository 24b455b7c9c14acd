#include "imap_parse.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX	300	/* octets of server text in an error */
#define LINE_WORTH_KEEPING	(1024 * 1024)	/* capacity between replies */

struct literal {
	struct str bytes;
	bool placed;		/* RELEASE takes it back */
};

/* A reply being put together, and what it is made of. */
struct bank {
	struct arena *arena;
	struct buf line;	/* text; a literal is "{n}" and LF in it */
	struct literal *literals;
	size_t n_literals, cap_literals;
	size_t in_memory;	/* octets of literals in the arena */
	struct imap_reply reply;
};

struct imap_parse {
	struct imap_place place;
	struct bank banks[2];
	struct bank *now;
	struct bank *kept;	/* NULL: none */
	size_t literal_left, literal_at;
	bool over;		/* `now` holds a reply that was given out */
	bool is_text;		/* no literal can be in this reply */
	bool dead;
	size_t literal_max;
};

/* -------------------------------------------------------------- banks */

static void bank_clear(struct imap_parse *p, struct bank *b)
{
	for (size_t i = 0; i < b->n_literals; i++)
		if (b->literals[i].placed)
			p->place.release(p->place.arg,
			    (char *)(uintptr_t)b->literals[i].bytes.p,
			    b->literals[i].bytes.n);
	b->literals = NULL;
	b->n_literals = b->cap_literals = b->in_memory = 0;
	if (b->line.cap > LINE_WORTH_KEEPING) {
		buf_free(&b->line);
		buf_init(&b->line, IMAP_LINE_MAX);
	}
	buf_clear(&b->line);
	arena_reset(b->arena);
}

static void parser_free(void *arg)
{
	struct imap_parse *p = arg;

	for (size_t i = 0; i < COUNT(p->banks); i++) {
		bank_clear(p, &p->banks[i]);
		buf_free(&p->banks[i].line);
		arena_free(&p->banks[i].arena);
	}
}

struct imap_parse *imap_parse_make(struct arena *a,
    const struct imap_place *place, size_t literal_max)
{
	struct imap_parse *p = arena_make(a, struct imap_parse);

	p->literal_max = literal_max && literal_max < IMAP_LITERAL_MAX ?
	    literal_max : IMAP_LITERAL_MAX;
	if (place)
		p->place = *place;
	for (size_t i = 0; i < COUNT(p->banks); i++) {
		p->banks[i].arena = arena_new();
		buf_init(&p->banks[i].line, IMAP_LINE_MAX);
	}
	p->now = &p->banks[0];
	arena_on_reset(a, parser_free, p);
	return p;
}

void imap_parse_keep(struct imap_parse *p)
{
	if (!p->over)
		return;
	imap_parse_let_go(p);
	p->kept = p->now;
	p->now = p->now == &p->banks[0] ? &p->banks[1] : &p->banks[0];
	p->over = false;
}

void imap_parse_let_go(struct imap_parse *p)
{
	if (p->kept)
		bank_clear(p, p->kept);
	p->kept = NULL;
}

bool imap_parse_midway(const struct imap_parse *p)
{
	return !p->over && p->now->line.n > 0;
}

/* ------------------------------------------------------------- errors */

static bool broken(struct imap_parse *p, struct str line, const char *what,
    struct err *e)
{
	struct buf seen;

	p->dead = true;
	buf_init(&seen, SHOWN_MAX);
	buf_add_shown(&seen, str_trim(str_sub(line, 0, SHOWN_MAX)));
	err_set(e, ERR_PROTO, "the server's answer makes no sense: %s: %s",
	    what, buf_z(&seen));
	buf_free(&seen);
	return false;
}

/* ------------------------------------------------------------- cursor */

/* A place in a reply's text.  BAD is set for good by what cannot be read. */
struct cursor {
	const char *p, *end;
	struct bank *bank;
	size_t literal;		/* the next one */
	const char *bad;	/* what was wrong; NULL: nothing yet */
};

static char peek(const struct cursor *c)
{
	return c->p < c->end ? *c->p : '\0';
}

static bool at_end(const struct cursor *c)
{
	return c->p == c->end;
}

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	if (peek(c) != want || at_end(c))
		return false;
	c->p++;
	return true;
}

static bool spoil(struct cursor *c, const char *what)
{
	if (!c->bad)
		c->bad = what;
	c->p = c->end;
	return false;
}

/* Up to the first of STOPS, which may be the end. */
static struct str take_until(struct cursor *c, const char *stops)
{
	const char *from = c->p;

	while (c->p < c->end && !strchr(stops, *c->p))
		c->p++;
	return (struct str){ from, (size_t)(c->p - from) };
}

/* An atom as servers write them, "]" and other specials included. */
static struct str take_atom(struct cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && *c->p != ' ' && *c->p != '(' &&
	    *c->p != ')' && *c->p != '\n')
		c->p++;
	return (struct str){ from, (size_t)(c->p - from) };
}

static struct str take_word(struct cursor *c)
{
	struct str word;

	skip_blanks(c);
	word = take_until(c, " \t");
	skip_blanks(c);
	return word;
}

/* At a "{n}" that stands for a literal?  (Others are text.) */
static bool at_literal(const struct cursor *c)
{
	const char *q = c->p;

	if (q < c->end && *q == '~')	/* literal8, RFC 3516 */
		q++;
	if (q == c->end || *q != '{' || c->literal >= c->bank->n_literals)
		return false;
	while (++q < c->end && (ch_digit(*q) || *q == '+'))
		;
	return c->end - q >= 2 && q[0] == '}' && q[1] == '\n';
}

static struct str take_literal(struct cursor *c)
{
	take_until(c, "\n");
	take(c, '\n');
	return c->bank->literals[c->literal++].bytes;
}

/* RFC 3501 "quoted"; a backslash in front of anything but the two that need
 * it stays, as servers forget to double it. */
static bool take_quoted(struct cursor *c, struct str *out)
{
	const char *from = ++c->p, *q = from;
	bool escaped = false;
	char *to;
	size_t n = 0;

	while (q < c->end && *q != '"' && *q != '\n') {
		if (*q == '\\' && q + 1 < c->end &&
		    (q[1] == '"' || q[1] == '\\')) {
			escaped = true;
			q++;
		}
		q++;
	}
	if (q >= c->end || *q != '"')
		return spoil(c, "a string without its end");
	c->p = q + 1;
	if (!escaped) {
		*out = (struct str){ from, (size_t)(q - from) };
		return true;
	}
	to = arena_alloc(c->bank->arena, (size_t)(q - from));
	for (const char *s = from; s < q; s++) {
		if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
			s++;
		to[n++] = *s;
	}
	*out = (struct str){ to, n };
	return true;
}

/* String, literal, atom or NIL (then *NIL, if not NULL, and the empty one).
 * False when there is nothing of the kind. */
static bool take_string(struct cursor *c, struct str *out, bool *nil)
{
	if (nil)
		*nil = false;
	if (peek(c) == '"')
		return take_quoted(c, out);
	if (at_literal(c)) {
		*out = take_literal(c);
		return true;
	}
	*out = take_atom(c);
	if (out->n == 0)
		return false;
	if (nil && str_ieq_z(*out, "NIL")) {
		*nil = true;
		*out = STR_EMPTY;
	}
	return true;
}

/* Moves over one value of any kind: string, literal, atom, list. */
static bool skip_value(struct cursor *c)
{
	size_t depth = 0;
	struct str s;

	do {
		skip_blanks(c);
		if (at_end(c))
			return spoil(c, depth ? "a list without its end" :
			    "a value is missing");
		if (take(c, '(')) {
			if (++depth > IMAP_DEPTH_MAX)
				return spoil(c, "lists too deep");
		} else if (peek(c) == ')') {
			if (depth == 0)
				return spoil(c, "a value is missing");
			c->p++;
			depth--;
		} else if (!take_string(c, &s, NULL)) {
			return spoil(c, "a value that cannot be read");
		}
	} while (depth);
	return true;
}

static bool take_u64(struct cursor *c, uint64_t max, uint64_t *out)
{
	const char *from = c->p;

	while (c->p < c->end && ch_digit(*c->p))
		c->p++;
	return str_u64((struct str){ from, (size_t)(c->p - from) }, max, out);
}

/* A number that a server may get wrong without harm: then it is skipped and
 * false. */
static bool try_u64(struct cursor *c, uint64_t max, uint64_t *out)
{
	const char *from = c->p;

	if (take_u64(c, max, out) && (at_end(c) || strchr(" )", *c->p)))
		return true;
	c->p = from;
	skip_value(c);
	return false;
}

/* -------------------------------------------------------- lists, sets */

struct list {
	struct str *v;
	size_t n, cap;
};

static bool list_add(struct cursor *c, struct list *l, struct str s)
{
	if (l->n == IMAP_LIST_MAX)
		return spoil(c, "a list too long");
	arena_grow(c->bank->arena, &l->v, l->n, &l->cap);
	l->v[l->n++] = s;
	return true;
}

/*
 * "(a b "c" NIL {1}...)" or NIL.  *SOUND is false when strings stand where
 * they cannot be told apart for sure; the list is read to its end all the
 * same.  Lists in the list are passed over, as is a NIL.
 */
static bool take_list(struct cursor *c, struct list *l, bool *sound)
{
	struct str s;
	bool nil, quoted;

	*l = (struct list){ 0 };
	*sound = true;
	skip_blanks(c);
	if (!take(c, '(')) {
		if (take_string(c, &s, &nil) && nil)
			return true;
		return spoil(c, "a list is missing");
	}
	for (;;) {
		skip_blanks(c);
		if (take(c, ')'))
			return true;
		if (at_end(c))
			return spoil(c, "a list without its end");
		if (peek(c) == '(') {
			if (!skip_value(c))
				return false;
			continue;
		}
		quoted = peek(c) == '"';
		if (!take_string(c, &s, &nil))
			return spoil(c, "a list that cannot be read");
		if (quoted && !at_end(c) && !strchr(" )", peek(c)))
			*sound = false;
		if (!nil && !list_add(c, l, s))
			return false;
	}
}

static const struct {
	const char *name;
	enum imap_flag flag;
} flag_names[] = {
	{ "\\Seen", IMAP_SEEN }, { "\\Answered", IMAP_ANSWERED },
	{ "\\Flagged", IMAP_FLAGGED }, { "\\Deleted", IMAP_DELETED },
	{ "\\Draft", IMAP_DRAFT }, { "\\Recent", IMAP_RECENT },
	{ "\\*", IMAP_ANY_KEYWORD },
};

unsigned imap_flag_of(struct str name)
{
	for (size_t i = 0; i < COUNT(flag_names); i++)
		if (str_ieq_z(name, flag_names[i].name))
			return flag_names[i].flag;
	return 0;
}

size_t imap_flag_names(struct arena *a, const struct imap_flags *flags,
    struct str **out)
{
	unsigned shown = flags->system & ~(IMAP_RECENT | IMAP_ANY_KEYWORD);
	struct str *list = arena_array(a, COUNT(flag_names) +
	    flags->n_keywords, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < COUNT(flag_names); i++)
		if (shown & flag_names[i].flag)
			list[n++] = str_of(flag_names[i].name);
	for (size_t i = 0; i < flags->n_keywords; i++)
		list[n++] = flags->keywords[i];
	*out = list;
	return n;
}

static bool take_flags(struct cursor *c, struct imap_flags *out)
{
	struct list l;
	bool sound;
	size_t n = 0;

	*out = (struct imap_flags){ 0 };
	if (!take_list(c, &l, &sound))
		return false;
	for (size_t i = 0; i < l.n; i++) {
		unsigned flag = imap_flag_of(l.v[i]);

		if (flag)
			out->system |= flag;
		else if (l.v[i].n)
			l.v[n++] = l.v[i];
	}
	out->keywords = l.v;
	out->n_keywords = n;
	return true;
}

struct ranges {
	struct uid_range *v;
	size_t n, cap;
};

static void ranges_add(struct cursor *c, struct ranges *r, uint32_t low,
    uint32_t high)
{
	if (r->n && r->v[r->n - 1].high != UIDSET_MAX &&
	    r->v[r->n - 1].high + 1 == low &&
	    r->v[r->n - 1].low <= r->v[r->n - 1].high) {
		r->v[r->n - 1].high = high;
		return;
	}
	arena_grow(c->bank->arena, &r->v, r->n, &r->cap);
	r->v[r->n++] = (struct uid_range){ low, high };
}

static bool take_set_number(struct cursor *c, uint32_t *out)
{
	uint64_t n;

	if (take(c, '*')) {
		*out = UIDSET_MAX;
		return true;
	}
	if (!take_u64(c, UINT32_MAX, &n) || n == 0)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* A sequence-set in the order it was written.  RFC 4315 section 3: 4:2 is
 * 2:4. */
static bool take_ranges(struct cursor *c, struct ranges *r)
{
	uint32_t a, b;

	*r = (struct ranges){ 0 };
	do {
		if (!take_set_number(c, &a))
			return spoil(c, "a set of numbers that cannot be "
			    "read");
		b = a;
		if (take(c, ':') && !take_set_number(c, &b))
			return spoil(c, "a set of numbers that cannot be "
			    "read");
		ranges_add(c, r, a < b ? a : b, a < b ? b : a);
	} while (take(c, ','));
	return true;
}

static int by_low(const void *x, const void *y)
{
	const struct uid_range *a = x, *b = y;

	return (a->low > b->low) - (a->low < b->low);
}

/* Sorted first: a set takes in ascending ranges at no cost. */
static struct uidset *ranges_set(struct cursor *c, struct ranges *r)
{
	struct uidset *set = arena_make(c->bank->arena, struct uidset);
	bool sorted = true;

	uidset_init(set, c->bank->arena);
	for (size_t i = 1; i < r->n && sorted; i++)
		sorted = r->v[i - 1].low <= r->v[i].low;
	if (!sorted)
		qsort(r->v, r->n, sizeof(r->v[0]), by_low);
	for (size_t i = 0; i < r->n; i++)
		uidset_add_range(set, r->v[i].low, r->v[i].high);
	return set;
}

static bool take_set(struct cursor *c, struct uidset **out)
{
	struct ranges r;

	if (!take_ranges(c, &r))
		return false;
	*out = ranges_set(c, &r);
	return true;
}

/* RFC 8474 section 7: objectid.  Cyrus 3.6 sends octets of some memory as
 * MAILBOXID in STATUS. */
static bool is_object_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '-')
			return false;
	return s.n > 0 && s.n <= 255;
}

/* ------------------------------------------------------ response codes */

static const char *const code_names[] = {
	[IMAP_CODE_NONE] = "",
	[IMAP_CODE_OTHER] = "",
	[IMAP_CODE_ALERT] = "ALERT",
	[IMAP_CODE_ALREADYEXISTS] = "ALREADYEXISTS",
	[IMAP_CODE_APPENDUID] = "APPENDUID",
	[IMAP_CODE_AUTHENTICATIONFAILED] = "AUTHENTICATIONFAILED",
	[IMAP_CODE_AUTHORIZATIONFAILED] = "AUTHORIZATIONFAILED",
	[IMAP_CODE_BADCHARSET] = "BADCHARSET",
	[IMAP_CODE_CANNOT] = "CANNOT",
	[IMAP_CODE_CAPABILITY] = "CAPABILITY",
	[IMAP_CODE_CLIENTBUG] = "CLIENTBUG",
	[IMAP_CODE_CLOSED] = "CLOSED",
	[IMAP_CODE_COMPRESSIONACTIVE] = "COMPRESSIONACTIVE",
	[IMAP_CODE_CONTACTADMIN] = "CONTACTADMIN",
	[IMAP_CODE_COPYUID] = "COPYUID",
	[IMAP_CODE_CORRUPTION] = "CORRUPTION",
	[IMAP_CODE_EXPIRED] = "EXPIRED",
	[IMAP_CODE_EXPUNGEISSUED] = "EXPUNGEISSUED",
	[IMAP_CODE_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
	[IMAP_CODE_INUSE] = "INUSE",
	[IMAP_CODE_LIMIT] = "LIMIT",
	[IMAP_CODE_MAILBOXID] = "MAILBOXID",
	[IMAP_CODE_MODIFIED] = "MODIFIED",
	[IMAP_CODE_NOMODSEQ] = "NOMODSEQ",
	[IMAP_CODE_NONEXISTENT] = "NONEXISTENT",
	[IMAP_CODE_NOPERM] = "NOPERM",
	[IMAP_CODE_OVERQUOTA] = "OVERQUOTA",
	[IMAP_CODE_PARSE] = "PARSE",
	[IMAP_CODE_PERMANENTFLAGS] = "PERMANENTFLAGS",
	[IMAP_CODE_PRIVACYREQUIRED] = "PRIVACYREQUIRED",
	[IMAP_CODE_READ_ONLY] = "READ-ONLY",
	[IMAP_CODE_READ_WRITE] = "READ-WRITE",
	[IMAP_CODE_REFERRAL] = "REFERRAL",
	[IMAP_CODE_SERVERBUG] = "SERVERBUG",
	[IMAP_CODE_THROTTLED] = "THROTTLED",
	[IMAP_CODE_TOOBIG] = "TOOBIG",
	[IMAP_CODE_TRYCREATE] = "TRYCREATE",
	[IMAP_CODE_UIDNEXT] = "UIDNEXT",
	[IMAP_CODE_UIDNOTSTICKY] = "UIDNOTSTICKY",
	[IMAP_CODE_UIDVALIDITY] = "UIDVALIDITY",
	[IMAP_CODE_UNAVAILABLE] = "UNAVAILABLE",
	[IMAP_CODE_UNSEEN] = "UNSEEN",
	[IMAP_CODE_WEBALERT] = "WEBALERT",
};

const char *imap_code_name(enum imap_code c)
{
	return (size_t)c < COUNT(code_names) ? code_names[c] : "";
}

static enum imap_code code_of(struct str name)
{
	for (size_t i = IMAP_CODE_OTHER + 1; i < COUNT(code_names); i++)
		if (str_ieq_z(name, code_names[i]))
			return (enum imap_code)i;
	return IMAP_CODE_OTHER;
}

/* COPYUID: the K-th UID of one set became the K-th of the other. */
static void pair_up(struct cursor *c, const struct ranges *from,
    const struct ranges *to, struct imap_code_data *d)
{
	uint64_t n = 0, m = 0;
	struct imap_pair *v;
	size_t fi = 0, ti = 0;
	uint32_t f, t;

	for (size_t i = 0; i < from->n; i++)
		n += (uint64_t)from->v[i].high - from->v[i].low + 1;
	for (size_t i = 0; i < to->n; i++)
		m += (uint64_t)to->v[i].high - to->v[i].low + 1;
	if (n != m || n == 0 || n > IMAP_PAIRS_MAX)
		return;
	v = arena_array(c->bank->arena, (size_t)n, sizeof(*v));
	f = from->v[0].low;
	t = to->v[0].low;
	for (size_t k = 0; k < n; k++) {
		v[k] = (struct imap_pair){ f, t };
		if (f++ == from->v[fi].high && ++fi < from->n)
			f = from->v[fi].low;
		if (t++ == to->v[ti].high && ++ti < to->n)
			t = to->v[ti].low;
	}
	d->pairs = v;
	d->n_pairs = (size_t)n;
}

static bool take_copyuid(struct cursor *c, struct imap_code_data *d)
{
	struct ranges from, to;

	if (!take_u64(c, UINT32_MAX, &d->number))
		return false;
	skip_blanks(c);
	if (!take_ranges(c, &from))
		return false;
	skip_blanks(c);
	if (!take_ranges(c, &to))
		return false;
	pair_up(c, &from, &to, d);
	return true;
}

static bool take_atoms(struct cursor *c, const char *stops,
    const struct str **v_out, size_t *n_out)
{
	struct list l = { 0 };
	struct str s;

	for (;;) {
		skip_blanks(c);
		s = take_until(c, stops);
		if (s.n == 0)
			break;
		if (!list_add(c, &l, s))
			return false;
	}
	*v_out = l.v;
	*n_out = l.n;
	return true;
}

/* What stands behind the code's name; the cursor ends before the "]". */
static bool take_code_data(struct cursor *c, enum imap_code code,
    struct imap_code_data *d)
{
	struct uidset *set;
	struct str s;

	switch (code) {
	case IMAP_CODE_UIDVALIDITY:
	case IMAP_CODE_UIDNEXT:
	case IMAP_CODE_UNSEEN:
		return take_u64(c, UINT32_MAX, &d->number);
	case IMAP_CODE_HIGHESTMODSEQ:
		return take_u64(c, INT64_MAX, &d->number);
	case IMAP_CODE_PERMANENTFLAGS:
		return take_flags(c, &d->flags);
	case IMAP_CODE_CAPABILITY:
		return take_atoms(c, " ]", &d->atoms, &d->n_atoms);
	case IMAP_CODE_COPYUID:
		return take_copyuid(c, d);
	case IMAP_CODE_APPENDUID:
		if (!take_u64(c, UINT32_MAX, &d->number))
			return false;
		skip_blanks(c);
		/* fall through */
	case IMAP_CODE_MODIFIED:
		if (!take_set(c, &set))
			return false;
		d->uids = set;
		return true;
	case IMAP_CODE_MAILBOXID:
		take(c, '(');
		s = str_trim(take_until(c, ")]"));
		d->text = is_object_id(s) ? s : STR_EMPTY;
		take(c, ')');
		return true;
	default:
		d->text = str_trim(take_until(c, "]"));
		return true;
	}
}

/* "[CODE data] text".  Without its "]" a code is text. */
static void take_status_text(struct cursor *c, struct imap_reply *r)
{
	struct cursor code;
	struct str name;

	skip_blanks(c);
	r->text = (struct str){ c->p, (size_t)(c->end - c->p) };
	if (peek(c) == '[' && str_find_char(r->text, 0, ']') < r->text.n) {
		code = *c;
		code.p++;
		name = take_until(&code, " ]");
		skip_blanks(&code);
		r->code = code_of(name);
		if (!take_code_data(&code, r->code, &r->data) || code.bad) {
			/* known name, unreadable data: as if unknown */
			r->code = IMAP_CODE_OTHER;
			r->data = (struct imap_code_data){ 0 };
			code = *c;
		}
		take_until(&code, "]");
		take(&code, ']');
		skip_blanks(&code);
		r->text = (struct str){ code.p, (size_t)(c->end - code.p) };
	}
	/* Gmail puts this one at the end of the text, be there another code
	 * or not; Exchange has words. */
	r->throttled = r->code == IMAP_CODE_THROTTLED ||
	    str_ends(str_trim(r->text), STR_LIT("[THROTTLED]")) ||
	    str_istarts(r->text, STR_LIT("Request is throttled"));
	if (r->throttled && r->code == IMAP_CODE_NONE)
		r->code = IMAP_CODE_THROTTLED;
	c->p = c->end;
}

static bool status_of(struct str word, enum imap_status *out)
{
	static const char *const names[] = {
		[IMAP_STATUS_OK] = "OK", [IMAP_STATUS_NO] = "NO",
		[IMAP_STATUS_BAD] = "BAD", [IMAP_STATUS_BYE] = "BYE",
		[IMAP_STATUS_PREAUTH] = "PREAUTH",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_ieq_z(word, names[i])) {
			*out = (enum imap_status)i;
			return true;
		}
	return false;
}

/* --------------------------------------------------------------- dates */

static bool two_digits(struct str s, size_t at, uint64_t max, int *out)
{
	uint64_t n;

	if (at + 2 > s.n || !str_u64(str_sub(s, at, 2), max, &n))
		return false;
	*out = (int)n;
	return true;
}

static int month_of(struct str s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int m = 0; m < 12; m++)
		if (str_ieq(s, (struct str){ names + 3 * m, 3 }))
			return m + 1;
	return 0;
}

bool imap_parse_date(struct str s, int64_t *t_out, int *zone_out)
{
	struct str d;
	uint64_t day, year;
	int month, hour, min, sec, zh, zm, zone;

	s = str_trim(s);
	if (!str_cut(&s, '-', &d) || !str_u64(d, 31, &day) || day == 0)
		return false;
	/* "Jul-1996 02:44:25 -0700" */
	month = month_of(str_sub(s, 0, 3));
	if (!month || s.n < 23 || s.p[3] != '-' ||
	    !str_u64(str_sub(s, 4, 4), 9999, &year) || s.p[8] != ' ' ||
	    !two_digits(s, 9, 24, &hour) || s.p[11] != ':' ||
	    !two_digits(s, 12, 59, &min) || s.p[14] != ':' ||
	    !two_digits(s, 15, 60, &sec) || s.p[17] != ' ' ||
	    (s.p[18] != '+' && s.p[18] != '-') ||
	    !two_digits(s, 19, 24, &zh) || !two_digits(s, 21, 59, &zm))
		return false;
	zone = (zh * 60 + zm) * (s.p[18] == '-' ? -1 : 1);
	*t_out = time_from_civil((int64_t)year, month, (int)day, hour, min,
	    sec) - (int64_t)zone * 60;
	*zone_out = zone;
	return true;
}

/* --------------------------------------------------------------- FETCH */

/* "HEADER.FIELDS (TO)" behind "BODY[": upper case, one blank at most where
 * it means something, and the "<origin>" behind the bracket. */
static bool take_section(struct cursor *c, struct str *name_out)
{
	struct buf name;
	struct str s;
	bool good = true;

	buf_init(&name, 65536);
	while (good && !at_end(c) && peek(c) != ']') {
		if (peek(c) == '"') {
			good = take_quoted(c, &s);
		} else if (at_literal(c)) {
			s = take_literal(c);
		} else {
			s = (struct str){ c->p++, 1 };
		}
		for (size_t i = 0; good && i < s.n; i++)
			buf_add_char(&name, ch_alpha(s.p[i]) ?
			    (char)(s.p[i] & ~0x20) : s.p[i]);
	}
	if (good && !take(c, ']'))
		good = spoil(c, "a section without its end");
	if (good && peek(c) == '<') {
		s = take_until(c, " (");
		buf_add_str(&name, s);
	}
	*name_out = arena_str(c->bank->arena, buf_str(&name));
	buf_free(&name);
	return good;
}

static void put_section(struct cursor *c, struct imap_fetched *m,
    struct str name, struct str bytes, bool nil)
{
	static const struct {
		const char *name;
		enum imap_item item;
	} known[] = {
		{ "", IMAP_WHOLE }, { "HEADER", IMAP_HEADER },
		{ "TEXT", IMAP_TEXT },
	};
	struct imap_section *v;

	for (size_t i = 0; i < COUNT(known) && !nil; i++)
		if (str_eq_z(name, known[i].name)) {
			m->have |= known[i].item;
			*(known[i].item == IMAP_WHOLE ? &m->whole :
			    known[i].item == IMAP_HEADER ? &m->header :
			    &m->text) = bytes;
			return;
		}
	if (!nil && str_starts(name, STR_LIT("HEADER.FIELDS ("))) {
		m->have |= IMAP_FIELDS;
		m->fields = bytes;
		return;
	}
	/* few, so that a copy for each is no matter */
	v = arena_array(c->bank->arena, m->n_sections + 1, sizeof(*v));
	if (m->n_sections)
		memcpy(v, m->sections, m->n_sections * sizeof(*v));
	v[m->n_sections++] = (struct imap_section){ name, bytes, nil };
	m->sections = v;
	m->have |= IMAP_SECTION;
}

static bool take_body(struct cursor *c, struct imap_fetched *m,
    struct str name)
{
	struct str bytes;
	bool nil;

	skip_blanks(c);
	if (peek(c) == ')' && !at_end(c)) {	/* Yandex leaves it out */
		nil = true;
		bytes = STR_EMPTY;
	} else if (peek(c) == '(' || !take_string(c, &bytes, &nil)) {
		return spoil(c, "a body section without its bytes");
	}
	if (m->n_sections >= 1000)
		return spoil(c, "too many body sections");
	put_section(c, m, name, bytes, nil);
	return true;
}

/* "(id)" or NIL; what is no id is as good as NIL. */
static bool take_id(struct cursor *c, struct str *out, bool *nil)
{
	bool listed = take(c, '(');
	struct str s;

	*out = STR_EMPTY;
	skip_blanks(c);
	if (!take_string(c, &s, nil))
		return spoil(c, "an id that cannot be read");
	skip_blanks(c);
	if (listed && !take(c, ')'))
		return spoil(c, "an id that cannot be read");
	*nil = *nil || !is_object_id(s);
	if (!*nil)
		*out = s;
	return true;
}

static bool take_date(struct cursor *c, struct imap_fetched *m)
{
	struct str s;
	bool nil;

	if (!take_string(c, &s, &nil))
		return spoil(c, "a date that cannot be read");
	if (!nil && imap_parse_date(s, &m->date, &m->zone))
		m->have |= IMAP_DATE;
	return true;
}

/* "(n)"; Zoho sends "(-1)". */
static bool take_modseq(struct cursor *c, struct imap_fetched *m)
{
	struct cursor try = *c;
	bool listed = take(&try, '(');

	skip_blanks(&try);
	if (!take_u64(&try, INT64_MAX, &m->modseq))
		return skip_value(c);
	skip_blanks(&try);
	if (listed && !take(&try, ')'))
		return skip_value(c);
	*c = try;
	m->have |= IMAP_MODSEQ;
	return true;
}

static bool take_labels(struct cursor *c, struct imap_fetched *m)
{
	struct list l;
	bool sound;

	if (!take_list(c, &l, &sound))
		return false;
	if (!sound)
		return true;	/* which they are is not known */
	m->gm_labels = l.v;
	m->n_gm_labels = l.n;
	m->have |= IMAP_GM_LABELS;
	return true;
}

enum item_name {
	ITEM_UID, ITEM_FLAGS, ITEM_SIZE, ITEM_DATE, ITEM_MODSEQ, ITEM_EMAILID,
	ITEM_THREADID, ITEM_GM_MSGID, ITEM_GM_THRID, ITEM_GM_LABELS,
	ITEM_HEADER, ITEM_TEXT, ITEM_WHOLE, ITEM_UNKNOWN,
};

static enum item_name item_of(struct str name)
{
	static const char *const names[] = {
		[ITEM_UID] = "UID", [ITEM_FLAGS] = "FLAGS",
		[ITEM_SIZE] = "RFC822.SIZE", [ITEM_DATE] = "INTERNALDATE",
		[ITEM_MODSEQ] = "MODSEQ", [ITEM_EMAILID] = "EMAILID",
		[ITEM_THREADID] = "THREADID", [ITEM_GM_MSGID] = "X-GM-MSGID",
		[ITEM_GM_THRID] = "X-GM-THRID",
		[ITEM_GM_LABELS] = "X-GM-LABELS",
		[ITEM_HEADER] = "RFC822.HEADER", [ITEM_TEXT] = "RFC822.TEXT",
		[ITEM_WHOLE] = "RFC822",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_ieq_z(name, names[i]))
			return (enum item_name)i;
	return ITEM_UNKNOWN;
}

static bool take_item(struct cursor *c, struct imap_fetched *m,
    enum item_name item)
{
	uint64_t n;
	bool nil;

	switch (item) {
	case ITEM_UID:
		if (!take_u64(c, UINT32_MAX, &n) || n == 0)
			return spoil(c, "a UID that cannot be read");
		m->uid = (uint32_t)n;
		m->have |= IMAP_UID;
		return true;
	case ITEM_FLAGS:
		if (!take_flags(c, &m->flags))
			return false;
		m->have |= IMAP_FLAGS;
		return true;
	case ITEM_SIZE:
		if (try_u64(c, INT64_MAX, &m->size))
			m->have |= IMAP_SIZE;
		return !c->bad;
	case ITEM_DATE:
		return take_date(c, m);
	case ITEM_MODSEQ:
		return take_modseq(c, m);
	case ITEM_EMAILID:
		if (!take_id(c, &m->emailid, &nil))
			return false;
		m->have |= nil ? 0 : IMAP_EMAILID;
		return true;
	case ITEM_THREADID:
		m->have |= IMAP_THREADID;
		return take_id(c, &m->threadid, &nil);
	case ITEM_GM_MSGID:
		if (try_u64(c, UINT64_MAX, &m->gm_msgid))
			m->have |= IMAP_GM_MSGID;
		return !c->bad;
	case ITEM_GM_THRID:
		if (try_u64(c, UINT64_MAX, &m->gm_thrid))
			m->have |= IMAP_GM_THRID;
		return !c->bad;
	case ITEM_GM_LABELS:
		return take_labels(c, m);
	case ITEM_HEADER:
		return take_body(c, m, STR_LIT("HEADER"));
	case ITEM_TEXT:
		return take_body(c, m, STR_LIT("TEXT"));
	case ITEM_WHOLE:
		return take_body(c, m, STR_EMPTY);
	case ITEM_UNKNOWN:
		return skip_value(c);
	}
	return false;
}

static bool parse_fetch(struct cursor *c, struct imap_reply *r)
{
	struct imap_fetched *m = &r->fetched;
	struct str name, section;
	size_t items = 0, depth = 1;

	m->seq = r->number;
	skip_blanks(c);
	if (!take(c, '('))
		return spoil(c, "FETCH without a list");
	while (depth) {
		skip_blanks(c);
		if (take(c, ')')) {
			depth--;
			continue;
		}
		/* Domino puts some items in parentheses of their own */
		if (depth < IMAP_DEPTH_MAX && take(c, '(')) {
			depth++;
			continue;
		}
		name = take_until(c, " ([)\n");
		if (name.n == 0 || ++items > IMAP_LIST_MAX)
			return spoil(c, "FETCH with a list that cannot be "
			    "read");
		if (take(c, '[')) {
			if (!take_section(c, &section))
				return false;
			skip_blanks(c);
			if (!(str_ieq_z(name, "BODY") ?
			    take_body(c, m, section) : skip_value(c)))
				return false;
			continue;
		}
		skip_blanks(c);
		if (!take_item(c, m, item_of(name)))
			return spoil(c, "FETCH with an item that cannot be "
			    "read");
	}
	return true;
}

/* ------------------------------------------------------- other replies */

static unsigned attr_of(struct str s)
{
	static const struct {
		const char *name;
		enum imap_attr attr;
	} names[] = {
		{ "\\Noselect", IMAP_NOSELECT },
		{ "\\NonExistent", IMAP_NONEXISTENT },
		{ "\\Noinferiors", IMAP_NOINFERIORS },
		{ "\\HasChildren", IMAP_HASCHILDREN },
		{ "\\HasNoChildren", IMAP_HASNOCHILDREN },
		{ "\\Marked", IMAP_MARKED }, { "\\Unmarked", IMAP_UNMARKED },
		{ "\\Subscribed", IMAP_SUBSCRIBED },
		{ "\\Remote", IMAP_REMOTE },
		{ "\\All", IMAP_USE_ALL }, { "\\AllMail", IMAP_USE_ALL },
		{ "\\Archive", IMAP_USE_ARCHIVE },
		{ "\\Drafts", IMAP_USE_DRAFTS },
		{ "\\Flagged", IMAP_USE_FLAGGED },
		{ "\\Starred", IMAP_USE_FLAGGED },
		{ "\\Junk", IMAP_USE_JUNK }, { "\\Spam", IMAP_USE_JUNK },
		{ "\\Sent", IMAP_USE_SENT }, { "\\Trash", IMAP_USE_TRASH },
		{ "\\Important", IMAP_USE_IMPORTANT },
		{ "\\Inbox", IMAP_USE_INBOX },
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_ieq_z(s, names[i].name))
			return names[i].attr;
	return 0;
}

static bool parse_list(struct cursor *c, struct imap_reply *r)
{
	struct list attrs;
	struct str separator;
	bool sound, nil;

	if (!take_list(c, &attrs, &sound))
		return false;
	for (size_t i = 0; i < attrs.n; i++)
		r->attrs |= attr_of(attrs.v[i]);
	skip_blanks(c);
	if (!take_string(c, &separator, &nil))
		return spoil(c, "LIST without a separator");
	r->separator = !nil && separator.n ? separator.p[0] : '\0';
	skip_blanks(c);
	/* a name may be the empty one, but not missing; NIL is a name */
	if (!take_string(c, &r->name, NULL))
		return spoil(c, "LIST without a name");
	c->p = c->end;
	return true;
}

static bool status_item(struct cursor *c, struct imap_status_data *st,
    struct str name)
{
	const struct {
		const char *name;
		enum imap_status_item item;
		uint32_t *small;
		uint64_t *large;
	} items[] = {
		{ "MESSAGES", IMAP_ST_MESSAGES, &st->messages, NULL },
		{ "UIDNEXT", IMAP_ST_UIDNEXT, &st->uidnext, NULL },
		{ "UIDVALIDITY", IMAP_ST_UIDVALIDITY, &st->uidvalidity,
		    NULL },
		{ "UNSEEN", IMAP_ST_UNSEEN, &st->unseen, NULL },
		{ "RECENT", IMAP_ST_RECENT, &st->recent, NULL },
		{ "HIGHESTMODSEQ", IMAP_ST_HIGHESTMODSEQ, NULL,
		    &st->highestmodseq },
		{ "SIZE", IMAP_ST_SIZE, NULL, &st->size },
	};
	uint64_t n;
	bool nil;

	if (str_ieq_z(name, "MAILBOXID")) {
		if (!take_id(c, &st->mailboxid, &nil))
			return false;
		st->have |= nil ? 0 : IMAP_ST_MAILBOXID;
		return true;
	}
	for (size_t i = 0; i < COUNT(items); i++) {
		if (!str_ieq_z(name, items[i].name))
			continue;
		if (try_u64(c, items[i].small ? UINT32_MAX : INT64_MAX, &n)) {
			if (items[i].small)
				*items[i].small = (uint32_t)n;
			else
				*items[i].large = n;
			st->have |= items[i].item;
		}
		return !c->bad;
	}
	return skip_value(c);
}

static bool parse_status(struct cursor *c, struct imap_reply *r)
{
	struct str name;

	skip_blanks(c);
	if (!take_string(c, &r->name, NULL))
		return spoil(c, "STATUS without a name");
	skip_blanks(c);
	if (!take(c, '('))
		return spoil(c, "STATUS without a list");
	for (;;) {
		skip_blanks(c);
		if (take(c, ')'))
			return true;
		name = take_atom(c);
		skip_blanks(c);
		if (name.n == 0 || !status_item(c, &r->st, name))
			return spoil(c, "STATUS that cannot be read");
	}
}

/* "(MODSEQ n)" behind the numbers of a SEARCH. */
static bool search_modseq(struct cursor *c, struct imap_reply *r)
{
	c->p++;
	skip_blanks(c);
	if (!str_ieq_z(take_until(c, " )"), "MODSEQ"))
		return spoil(c, "SEARCH that cannot be read");
	skip_blanks(c);
	if (!take_u64(c, INT64_MAX, &r->modseq))
		return spoil(c, "SEARCH that cannot be read");
	skip_blanks(c);
	return take(c, ')') ? true : spoil(c, "SEARCH that cannot be read");
}

static bool parse_search(struct cursor *c, struct imap_reply *r)
{
	struct ranges v = { 0 };
	uint64_t n;

	for (skip_blanks(c); !at_end(c); skip_blanks(c)) {
		if (peek(c) == '(') {
			if (!search_modseq(c, r))
				return false;
			continue;
		}
		if (!take_u64(c, UINT32_MAX, &n))
			return spoil(c, "SEARCH that cannot be read");
		if (n)
			ranges_add(c, &v, (uint32_t)n, (uint32_t)n);
	}
	r->uids = ranges_set(c, &v);
	r->is_uid = true;	/* as was asked; the reply does not say */
	return true;
}

static bool esearch_tag(struct cursor *c, struct imap_reply *r)
{
	struct str s;

	if (!take(c, '('))
		return true;
	skip_blanks(c);
	s = take_until(c, " )");
	skip_blanks(c);
	if (!str_ieq_z(s, "TAG") || !take_string(c, &r->search_tag, NULL))
		return spoil(c, "ESEARCH that cannot be read");
	skip_blanks(c);
	if (!take(c, ')'))
		return spoil(c, "ESEARCH that cannot be read");
	skip_blanks(c);
	return true;
}

static bool parse_esearch(struct cursor *c, struct imap_reply *r)
{
	struct ranges none = { 0 };
	struct str name;

	r->uids = ranges_set(c, &none);
	skip_blanks(c);
	if (!esearch_tag(c, r))
		return false;
	while (skip_blanks(c), !at_end(c)) {
		name = take_until(c, " ");
		skip_blanks(c);
		if (str_ieq_z(name, "UID")) {
			r->is_uid = true;
		} else if (str_ieq_z(name, "ALL")) {
			if (!take_set(c, &r->uids))
				return false;
		} else if (str_ieq_z(name, "MODSEQ")) {
			if (!take_u64(c, INT64_MAX, &r->modseq))
				return spoil(c, "ESEARCH that cannot be "
				    "read");
		} else if (!skip_value(c)) {
			return false;
		}
	}
	return true;
}

static bool parse_vanished(struct cursor *c, struct imap_reply *r)
{
	struct list l;
	bool sound;

	skip_blanks(c);
	if (peek(c) == '(') {
		if (!take_list(c, &l, &sound))
			return false;
		r->earlier = l.n && str_ieq_z(l.v[0], "EARLIER");
		skip_blanks(c);
	}
	return take_set(c, &r->uids);
}

/* RFC 2342: ((prefix separator ...)...) or NIL, three times; the first
 * prefix of the first is what matters. */
static bool parse_namespace(struct cursor *c, struct imap_reply *r)
{
	struct str separator = STR_EMPTY;
	bool nil = false;

	skip_blanks(c);
	if (take(c, '(')) {
		skip_blanks(c);
		if (!take(c, '('))
			return spoil(c, "NAMESPACE that cannot be read");
		skip_blanks(c);
		if (!take_string(c, &r->name, NULL))
			return spoil(c, "NAMESPACE that cannot be read");
		skip_blanks(c);
		if (!take_string(c, &separator, &nil))
			return spoil(c, "NAMESPACE that cannot be read");
	} else {
		r->name = STR_EMPTY;
	}
	r->separator = !nil && separator.n ? separator.p[0] : '\0';
	c->p = c->end;
	return true;
}

static bool parse_id(struct cursor *c, struct imap_reply *r)
{
	struct str key, value, name = STR_EMPTY, version = STR_EMPTY;
	bool nil;

	r->text = STR_EMPTY;
	skip_blanks(c);
	if (!take(c, '('))
		return true;	/* NIL */
	while (skip_blanks(c), !at_end(c) && peek(c) != ')') {
		if (!take_string(c, &key, NULL))
			return spoil(c, "ID that cannot be read");
		skip_blanks(c);
		if (!take_string(c, &value, &nil))
			return spoil(c, "ID that cannot be read");
		if (str_ieq_z(key, "name"))
			name = value;
		else if (str_ieq_z(key, "version"))
			version = value;
	}
	r->text = arena_printf(c->bank->arena, "%.*s%s%.*s", STR_ARG(name),
	    version.n ? " " : "", STR_ARG(version));
	return true;
}

static bool parse_atoms(struct cursor *c, struct imap_reply *r)
{
	return take_atoms(c, " \n", &r->atoms, &r->n_atoms);
}

static bool parse_flags(struct cursor *c, struct imap_reply *r)
{
	return take_flags(c, &r->flags);
}

static const struct {
	const char *word;
	enum imap_kind kind;
	bool (*parse)(struct cursor *c, struct imap_reply *r);
} untagged[] = {
	{ "CAPABILITY", IMAP_CAPABILITY_LIST, parse_atoms },
	{ "ENABLED", IMAP_ENABLED_LIST, parse_atoms },
	{ "FLAGS", IMAP_FLAGS_LIST, parse_flags },
	{ "LIST", IMAP_LIST_ENTRY, parse_list },
	{ "XLIST", IMAP_LIST_ENTRY, parse_list },
	{ "LSUB", IMAP_LSUB_ENTRY, parse_list },
	{ "STATUS", IMAP_STATUS_DATA, parse_status },
	{ "SEARCH", IMAP_SEARCH_RESULT, parse_search },
	{ "ESEARCH", IMAP_SEARCH_RESULT, parse_esearch },
	{ "VANISHED", IMAP_VANISHED, parse_vanished },
	{ "NAMESPACE", IMAP_NAMESPACE, parse_namespace },
	{ "ID", IMAP_ID, parse_id },
};

/* "23 EXISTS", "5 FETCH (...)". */
static bool parse_numbered(struct cursor *c, struct imap_reply *r,
    struct str number)
{
	static const struct {
		const char *word;
		enum imap_kind kind;
	} kinds[] = {
		{ "EXISTS", IMAP_EXISTS }, { "RECENT", IMAP_RECENT_COUNT },
		{ "EXPUNGE", IMAP_EXPUNGE }, { "FETCH", IMAP_FETCH },
	};
	struct str word = take_until(c, " (");
	uint64_t n;

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_ieq_z(word, kinds[i].word))
			r->kind = kinds[i].kind;
	if (r->kind == IMAP_OTHER)
		return true;
	if (!str_u64(number, UINT32_MAX, &n) ||
	    (n == 0 && (r->kind == IMAP_FETCH || r->kind == IMAP_EXPUNGE)))
		return spoil(c, "a number that cannot be");
	r->number = (uint32_t)n;
	return r->kind == IMAP_FETCH ? parse_fetch(c, r) : true;
}

static bool parse_untagged(struct cursor *c, struct imap_reply *r)
{
	struct str word = take_word(c);

	r->kind = IMAP_OTHER;
	if (status_of(word, &r->status)) {
		r->kind = IMAP_STATUS_LINE;
		take_status_text(c, r);
		return true;
	}
	if (word.n && ch_digit(word.p[0]))
		return parse_numbered(c, r, word);
	for (size_t i = 0; i < COUNT(untagged); i++)
		if (str_ieq_z(word, untagged[i].word)) {
			r->kind = untagged[i].kind;
			return untagged[i].parse(c, r);
		}
	return true;
}

static bool parse_reply(struct cursor *c, struct imap_reply *r)
{
	struct str word;

	if (take(c, '+')) {
		r->kind = IMAP_CONTINUE;
		skip_blanks(c);
		r->text = (struct str){ c->p, (size_t)(c->end - c->p) };
		return true;
	}
	word = take_word(c);
	if (word.n == 0)
		return true;	/* an empty line is none */
	if (str_eq_z(word, "*"))
		return parse_untagged(c, r);
	r->kind = IMAP_TAGGED;
	r->tag = word;
	if (!status_of(take_word(c), &r->status) ||
	    r->status == IMAP_STATUS_PREAUTH)
		return spoil(c, "neither OK, NO nor BAD");
	take_status_text(c, r);
	return true;
}

/* -------------------------------------------------- lines and literals */

/* In OK, NO, BAD, BYE and "+" all is text for people, where a "{3}" at the
 * end is no literal. */
static bool line_is_text(struct str line)
{
	struct str rest = line, word;
	enum imap_status ignored;

	if (!str_starts(line, STR_LIT("*")))
		return true;
	rest = str_sub(line, 1, 64);
	while (rest.n && (*rest.p == ' ' || *rest.p == '\t'))
		rest = str_sub(rest, 1, rest.n);
	if (!str_cut(&rest, ' ', &word))
		return false;
	return status_of(word, &ignored);
}

/* Ends LINE in "{n}"?  Then N.  A number that is none is left to be text. */
static bool ends_in_literal(struct str line, uint64_t max, uint64_t *n_out,
    bool *too_large)
{
	size_t at;
	struct str digits;

	*too_large = false;
	if (!str_ends(line, STR_LIT("}")))
		return false;
	line.n--;
	if (line.n && line.p[line.n - 1] == '+')	/* no server should */
		line.n--;
	for (at = line.n; at && ch_digit(line.p[at - 1]); at--)
		;
	digits = str_sub(line, at, line.n);
	if (digits.n == 0 || at == 0 || line.p[at - 1] != '{')
		return false;
	*too_large = !str_u64(digits, max, n_out);
	return true;
}

static bool begin_literal(struct imap_parse *p, size_t n, struct err *e)
{
	struct bank *b = p->now;
	struct literal lit = { 0 };
	char *to = "";

	if (b->n_literals == IMAP_LITERALS_MAX)
		return broken(p, buf_str(&b->line), "too many literals", e);
	if (n && n <= IMAP_MEMORY_MAX - b->in_memory) {
		to = arena_alloc(b->arena, n);
		b->in_memory += n;
	} else if (n) {
		if (!p->place.place)
			return broken(p, buf_str(&b->line),
			    "a literal too large", e);
		to = p->place.place(p->place.arg, n, e);
		if (!to) {
			p->dead = true;
			return false;
		}
		lit.placed = true;
	}
	lit.bytes = (struct str){ to, n };
	arena_grow(b->arena, &b->literals, b->n_literals, &b->cap_literals);
	b->literals[b->n_literals++] = lit;
	p->literal_left = n;
	p->literal_at = 0;
	return true;
}

char *imap_parse_room(struct imap_parse *p, size_t *n)
{
	struct bank *b = p->now;

	if (!p->literal_left)
		return NULL;
	*n = p->literal_left;
	return (char *)(uintptr_t)b->literals[b->n_literals - 1].bytes.p +
	    p->literal_at;
}

void imap_parse_placed(struct imap_parse *p, size_t k)
{
	p->literal_at += k;
	p->literal_left -= k;
}

static void feed_literal(struct imap_parse *p, struct str *in)
{
	size_t k;
	char *to = imap_parse_room(p, &k);

	if (k > in->n)
		k = in->n;
	memcpy(to, in->p, k);
	*in = str_sub(*in, k, in->n);
	imap_parse_placed(p, k);
}

static bool finish(struct imap_parse *p, struct err *e)
{
	struct bank *b = p->now;
	struct str line = buf_str(&b->line);
	struct cursor c = { .bank = b };

	/* one line end; before it may stand that of a literal */
	line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	c.p = line.p;
	c.end = line.p + line.n;
	b->reply = (struct imap_reply){ .kind = IMAP_OTHER, .line = line };
	if (!parse_reply(&c, &b->reply) || c.bad)
		return broken(p, line, c.bad ? c.bad : "unreadable", e);
	return true;
}

/* The end of a line was seen: what now?  *WHOLE: a reply is complete. */
static bool end_of_line(struct imap_parse *p, bool *whole, struct err *e)
{
	struct bank *b = p->now;
	struct str line = buf_str(&b->line);
	uint64_t n = 0;
	bool too_large;

	*whole = false;
	line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (b->n_literals == 0)
		p->is_text = line_is_text(line);
	if (p->is_text ||
	    !ends_in_literal(line, p->literal_max, &n, &too_large)) {
		*whole = true;
		return finish(p, e);
	}
	if (too_large)
		return broken(p, line, "a literal too large", e);
	b->line.n = line.n;
	buf_add_char(&b->line, '\n');
	return begin_literal(p, (size_t)n, e);
}

static bool feed_line(struct imap_parse *p, struct str *in, bool *whole,
    struct err *e)
{
	size_t at = str_find_char(*in, 0, '\n');
	struct buf *line = &p->now->line;

	*whole = false;
	buf_add_str(line, str_sub(*in, 0, at < in->n ? at + 1 : at));
	if (line->over)
		return broken(p, buf_str(line), "a line too long", e);
	if (at == in->n) {
		*in = STR_EMPTY;
		return true;
	}
	*in = str_sub(*in, at + 1, in->n);
	return end_of_line(p, whole, e);
}

bool imap_parse_feed(struct imap_parse *p, struct str *in,
    const struct imap_reply **reply_out, struct err *e)
{
	bool whole;

	*reply_out = NULL;
	if (p->dead)
		return err_set(e, ERR_PROTO, "the server's answers make no "
		    "sense any more");
	if (p->over) {
		bank_clear(p, p->now);
		p->over = false;
	}
	while (in->n) {
		if (p->literal_left) {
			feed_literal(p, in);
			continue;
		}
		if (!feed_line(p, in, &whole, e))
			return false;
		if (whole) {
			p->over = true;
			*reply_out = &p->now->reply;
			return true;
		}
	}
	return true;
}
