#include "template.h"

#include <string.h>

#include "calendar.h"

enum piece_kind {
	PIECE_LITERAL, PIECE_GROUP,
	/* one for each row of vocab.def */
#define VARIABLE(name, ask, fields, help)	PIECE_##name,
#include "vocab.def"
};

enum piece_part {
	WHOLE, ADDRESS, NAME, LOCAL, DOMAIN,
};

struct piece {
	enum piece_kind kind;
	enum piece_part part;
	struct str text;	/* literal; group; field; date format */
	struct str written;	/* what stands between the brackets */
	bool has_default;
	struct str otherwise;
};

struct template {
	enum template_use use;
	struct piece *pieces;
	size_t n, cap;
};

static const struct variable {
	const char *name;
	enum piece_kind kind;
	unsigned ask;
	const char *field;
} variables[] = {
#define VARIABLE(name, ask, fields, help)	\
	{ #name, PIECE_##name, ask, fields },
#include "vocab.def"
};

static const struct {
	const char *name;
	enum piece_part part;
} parts[] = {
	{ "address", ADDRESS }, { "name", NAME }, { "local", LOCAL },
	{ "domain", DOMAIN },
};

/* ------------------------------------------------------------ the names */

/* Controls, and marks that reorder or hide what is beside them. */
static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == UTF8_BAD ||
	    cp == 0x061C || cp == 0x200E || cp == 0x200F ||
	    (cp >= 0x2028 && cp <= 0x202E) ||
	    (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

static const char *name_fault(struct str name)
{
	if (name.n == 0)
		return "a name cannot be empty";
	if (name.n > TEMPLATE_NAME_MAX)
		return "the name is too long";
	for (size_t at = 0; at < name.n; )
		if (is_control(utf8_next(name, &at)))
			return "the name holds a control character";
	if (name.p[0] == '/' || name.p[name.n - 1] == '/')
		return "the name begins or ends with \"/\"";
	for (size_t i = 1; i < name.n; i++)
		if (name.p[i] == '/' && name.p[i - 1] == '/')
			return "the name has an empty level (\"//\")";
	if (memchr(name.p, '*', name.n))
		return "a pattern cannot stand here, only one name";
	return NULL;
}

bool name_check(struct str name, struct pos pos, struct problems *ps)
{
	const char *fault = name_fault(name);

	return fault ? problem(ps, pos, "%s", fault) : true;
}

/* ------------------------------------------------------------- parsing */

struct parser {
	struct arena *arena;
	struct template *t;
	struct str text;
	struct pos pos;
	const struct str *groups;
	const bool *sure;
	size_t n_groups;
	struct problems *ps;
};

static struct piece *add_piece(struct parser *p)
{
	struct template *t = p->t;

	arena_grow(p->arena, &t->pieces, t->n, &t->cap);
	return &t->pieces[t->n++];
}

static void add_literal(struct parser *p, struct str text)
{
	if (text.n)
		*add_piece(p) = (struct piece){ .text = text };
}

static struct pos place_of(const struct parser *p, struct str piece)
{
	struct node scalar = {
		.kind = NODE_SCALAR, .pos = p->pos, .text = p->text,
	};

	if (piece.n == 0)
		return p->pos;
	return node_pos_in(&scalar, (size_t)(piece.p - p->text.p),
	    (int)utf8_count(piece));
}

static const struct variable *find_variable(struct str head)
{
	for (size_t i = 0; i < COUNT(variables); i++)
		if (str_eq_z(head, variables[i].name))
			return &variables[i];
	return NULL;
}

static bool find_group(const struct parser *p, struct str name, bool *sure)
{
	for (size_t i = 0; i < p->n_groups; i++)
		if (str_eq(p->groups[i], name)) {
			*sure = p->sure[i];
			return true;
		}
	return false;
}

static bool unknown_variable(struct parser *p, struct str name)
{
	const char *names[COUNT(variables) + 64];
	size_t n = 0;
	const char *near;

	if (name.n && ch_digit(name.p[0]))
		return problem(p->ps, place_of(p, name), p->n_groups ?
		    "no regex of this rule has a group %.*s" :
		    "there is no group %.*s: this rule's conditions have no "
		    "regex with a group", STR_ARG(name));
	for (; n < COUNT(variables); n++)
		names[n] = variables[n].name;
	for (size_t i = 0; i < p->n_groups && n < COUNT(names); i++)
		names[n++] = arena_z(p->arena, p->groups[i]);
	near = nearest(name, names, n);
	return problem_hint(p->ps, place_of(p, name), near ?
	    arena_printf(p->arena, "did you mean `$(%s)`?", near) :
	    STR_EMPTY, "`%.*s` is neither a template variable nor a named "
	    "group of this rule's regexes", STR_ARG(name));
}

static bool ends_a_field_name(char c)
{
	return c <= ' ' || c == ':' || (unsigned char)c >= 0x7F;
}

/* "header.X-Any": which field? */
static bool parse_header(struct parser *p, struct piece *piece,
    struct str field)
{
	for (size_t i = 0; i < field.n; i++)
		if (ends_a_field_name(field.p[i]))
			return problem(p->ps, place_of(p, field),
			    "this is no name of a header field");
	if (field.n == 0)
		return problem_hint(p->ps, place_of(p, piece->written),
		    STR_LIT("write it as $(header.X-Any)"),
		    "$(header) needs the name of a field");
	piece->text = field;
	return true;
}

static bool parse_date(struct parser *p, struct piece *piece,
    struct str format)
{
	char bad;

	piece->text = format.n ? format : STR_LIT("%Y-%m-%d");
	bad = calendar_bad_letter(format);
	if (bad)
		return problem_hint(p->ps, place_of(p, format),
		    arena_printf(p->arena, "these are: %%Y %%y %%m %%d %%H "
		    "%%M %%S %%j %%U %%V %%G %%b %%B %%a %%A and %%%%"),
		    "%%%c is not a part of a date", bad);
	for (size_t at = 0; at < format.n; )
		if (is_control(utf8_next(format, &at)))
			return problem(p->ps, place_of(p, format),
			    "the date format holds a control character");
	return true;
}

/* What stands behind the dot of VARIABLE.DETAIL. */
static bool parse_part(struct parser *p, struct piece *piece,
    const struct variable *v, struct str detail)
{
	bool takes_all = v->kind == PIECE_from;
	const char *names[COUNT(parts)];
	const char *near;

	for (size_t i = 0; i < COUNT(parts); i++) {
		bool fits = takes_all || (v->kind == PIECE_list_id &&
		    parts[i].part == LOCAL);

		if (fits && str_eq_z(detail, parts[i].name)) {
			piece->part = parts[i].part;
			return true;
		}
		names[i] = parts[i].name;
	}
	near = takes_all ? nearest(detail, names, COUNT(parts)) :
	    v->kind == PIECE_list_id ? "local" : NULL;
	return problem_hint(p->ps, place_of(p, detail), near ?
	    arena_printf(p->arena, "did you mean `$(%s.%s)`?", v->name,
	    near) : STR_EMPTY, "$(%s) has no part `%.*s`", v->name,
	    STR_ARG(detail));
}

static bool parse_variable(struct parser *p, struct piece *piece,
    const struct variable *v, struct str rest)
{
	piece->kind = v->kind;
	piece->text = str_of(v->field);
	if (v->kind == PIECE_header)
		return parse_header(p, piece, str_sub(rest, 1, rest.n));
	if (v->kind == PIECE_date && (rest.n == 0 || rest.p[0] == ':'))
		return parse_date(p, piece, str_sub(rest, 1, rest.n));
	if (rest.n == 0)
		return true;
	if (rest.p[0] == ':')
		return problem_hint(p->ps, place_of(p, piece->written),
		    STR_LIT("a default is written as $(subject:-none)"),
		    "$(%s) takes no format", v->name);
	return parse_part(p, piece, v, str_sub(rest, 1, rest.n));
}

static bool parse_group(struct parser *p, struct piece *piece,
    struct str name)
{
	bool sure;

	if (!find_group(p, name, &sure))
		return unknown_variable(p, name);
	piece->kind = PIECE_GROUP;
	piece->text = name;
	if (!sure && !piece->has_default)
		return problem_hint(p->ps, place_of(p, piece->written),
		    arena_printf(p->arena, "give a default: $(%.*s:-none)",
		    STR_ARG(name)),
		    "the group `%.*s` may be unset when this rule fires",
		    STR_ARG(name));
	return true;
}

/* The first ":-" of S, or s.n. */
static size_t find_default(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == ':' && s.p[i + 1] == '-')
			return i;
	return s.n;
}

/* Text from a message never stands in a program's arguments, and where a
 * message has its number is nothing to name a mailbox by. */
static bool may_stand(struct parser *p, struct str written, struct str name)
{
	static const char *const ours[] = { "account", "mailbox", "rule",
	    "uid" };
	bool argument = p->t->use == TEMPLATE_ARGUMENT;
	size_t end = 0;

	while (end < name.n && name.p[end] != '.' && name.p[end] != ':')
		end++;
	if (p->t->use == TEMPLATE_GROUPS)
		return !find_variable(str_sub(name, 0, end)) ? true :
		    problem_hint(p->ps, place_of(p, written), STR_LIT("a "
		    "whole value is written by `set_header`"), "here only "
		    "groups of the regex beside it can be filled in");
	for (size_t i = 0; argument && i < COUNT(ours); i++)
		if (str_eq_z(name, ours[i]))
			return true;
	if (argument)
		return problem_hint(p->ps, place_of(p, written),
		    STR_LIT("the program has the message on standard input "
		    "and in TAMIS_* variables"), "in arguments there are "
		    "only $(account), $(mailbox), $(rule) and $(uid)");
	if (!str_eq_z(name, "uid"))
		return true;
	return problem(p->ps, place_of(p, written),
	    "$(uid) stands in arguments of programs only");
}

/* WRITTEN is what stands between "$(" and ")". */
static bool parse_piece(struct parser *p, struct str written)
{
	struct piece piece = { .kind = PIECE_GROUP, .written = written };
	size_t colon = find_default(written);
	struct str name = str_sub(written, 0, colon), head;
	const struct variable *v;
	size_t end = 0;
	bool ok, sure;

	if (!may_stand(p, written, name))
		return false;
	if (colon < written.n) {
		piece.has_default = true;
		piece.otherwise = str_sub(written, colon + 2, written.n);
		for (size_t at = 0; at < piece.otherwise.n; )
			if (is_control(utf8_next(piece.otherwise, &at)))
				return problem(p->ps, place_of(p, written),
				    "the default holds a control character");
	}
	while (end < name.n && name.p[end] != '.' && name.p[end] != ':')
		end++;
	head = str_sub(name, 0, end);
	v = find_variable(head);
	if (v && end == name.n && find_group(p, name, &sure))
		return problem_hint(p->ps, place_of(p, name),
		    STR_LIT("give the group another name"),
		    "$(%.*s) is a template variable and a group of this "
		    "rule's regex", STR_ARG(name));
	if (v)
		ok = parse_variable(p, &piece, v,
		    (struct str){ name.p + end, name.n - end });
	else if (end < name.n)
		ok = unknown_variable(p, head);
	else
		ok = parse_group(p, &piece, name);
	if (ok)
		*add_piece(p) = piece;
	return ok;
}

static bool parse_all(struct parser *p)
{
	struct str text = p->text;
	size_t from = 0, i = 0;
	bool ok = true;

	while (i < text.n) {
		char next = i + 1 < text.n ? text.p[i + 1] : 0;
		size_t end;

		if (text.p[i] != '$' || (next != '$' && next != '(')) {
			i++;
			continue;
		}
		if (next == '$') {	/* keep one of them */
			add_literal(p, str_sub(text, from, i + 1 - from));
			from = i += 2;
			continue;
		}
		add_literal(p, str_sub(text, from, i - from));
		end = str_find_char(text, i, ')');
		if (end == text.n)
			return problem_hint(p->ps, place_of(p,
			    str_sub(text, i, 2)), STR_LIT("a dollar sign "
			    "itself is written as $$"),
			    "`$(` has no closing `)`");
		ok &= parse_piece(p, str_sub(text, i + 2, end - i - 2));
		from = i = end + 1;
	}
	add_literal(p, str_sub(text, from, text.n));
	return ok;
}

/* "$$" cuts a text in pieces; a text with nothing to fill must be one. */
static void join_literals(struct parser *p)
{
	struct buf b;

	for (size_t i = 0; i < p->t->n; i++)
		if (p->t->pieces[i].kind != PIECE_LITERAL)
			return;
	if (p->t->n < 2)
		return;
	buf_init(&b, TEMPLATE_MAX);
	for (size_t i = 0; i < p->t->n; i++)
		buf_add_str(&b, p->t->pieces[i].text);
	p->t->pieces[0].text = arena_str(p->arena, buf_str(&b));
	p->t->n = 1;
	buf_free(&b);
}

/* The name that comes out when each value is an "x". */
static bool check_skeleton(struct parser *p)
{
	struct buf b;
	bool ok;

	buf_init(&b, TEMPLATE_MAX);
	for (size_t i = 0; i < p->t->n; i++) {
		const struct piece *piece = &p->t->pieces[i];

		if (piece->kind == PIECE_LITERAL)
			buf_add_str(&b, piece->text);
		else if (piece->kind == PIECE_date)
			buf_add_str(&b, piece->text);
		else
			buf_add_char(&b, 'x');
	}
	ok = name_check(buf_str(&b), p->pos, p->ps);
	buf_free(&b);
	return ok;
}

const struct template *template_make(struct arena *a, struct str text,
    struct pos pos, enum template_use use, const struct str *groups,
    const bool *sure, size_t n_groups, struct problems *ps)
{
	struct parser p = {
		.arena = a, .t = arena_make(a, struct template),
		.text = text, .pos = pos, .groups = groups, .sure = sure,
		.n_groups = n_groups, .ps = ps,
	};

	p.t->use = use;
	if (text.n > TEMPLATE_MAX) {
		problem(ps, pos, "the text is longer than %d octets",
		    TEMPLATE_MAX);
		return NULL;
	}
	if (!parse_all(&p))
		return NULL;
	join_literals(&p);
	if (use == TEMPLATE_LABEL && !check_skeleton(&p))
		return NULL;
	return p.t;
}

const struct template *template_of(struct arena *a, struct str text)
{
	struct template *t = arena_make(a, struct template);

	t->use = TEMPLATE_TEXT;
	t->pieces = arena_make(a, struct piece);
	t->pieces[0].text = text;
	t->n = 1;
	return t;
}

/* -------------------------------------------------------------- asking */

bool template_literal(const struct template *t, struct str *text_out)
{
	if (t->n != 1 || t->pieces[0].kind != PIECE_LITERAL)
		return false;
	*text_out = t->pieces[0].text;
	return true;
}

struct str template_head(const struct template *t)
{
	return t->n && t->pieces[0].kind == PIECE_LITERAL ?
	    t->pieces[0].text : STR_EMPTY;
}

static bool has_piece(const struct template *t, enum piece_kind kind)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->pieces[i].kind == kind)
			return true;
	return false;
}

bool template_names_rule(const struct template *t)
{
	return has_piece(t, PIECE_rule);
}

bool template_groups(const struct template *t)
{
	return has_piece(t, PIECE_GROUP);
}

bool template_captured(const struct template *t,
    const struct captures *captures)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t k = 0;

		if (t->pieces[i].kind != PIECE_GROUP)
			continue;
		while (k < captures->n && !str_eq(captures->list[k].name,
		    t->pieces[i].text))
			k++;
		if (k == captures->n)
			return false;
	}
	return true;
}

static const struct variable *variable_of(enum piece_kind kind)
{
	for (size_t i = 0; i < COUNT(variables); i++)
		if (variables[i].kind == kind)
			return &variables[i];
	return NULL;
}

static struct str field_of(const struct piece *piece)
{
	if (piece->kind == PIECE_header)
		return piece->text;
	return str_of(variable_of(piece->kind)->field);
}

unsigned template_needs(const struct template *t,
    void (*field)(void *ctx, struct str name), void *ctx)
{
	unsigned ask = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *piece = &t->pieces[i];
		const struct variable *v = variable_of(piece->kind);

		if (!v)
			continue;
		ask |= v->ask;
		if (piece->kind == PIECE_date)
			ask |= RULES_ASK_RECEIVED;
		if ((v->ask & RULES_ASK_FIELDS) && field)
			field(ctx, field_of(piece));
	}
	return ask;
}

/* ------------------------------------------------------------- filling */

struct filler {
	struct arena *arena;
	const struct match_input *in;
	const char *rule;
	const struct captures *captures;
	struct buf *out;
	unsigned ask;
};

static struct str address_value(struct filler *f, enum piece_part part,
    struct str field)
{
	const struct address *list;

	if (part == WHOLE)
		return mail_field_count(f->in->mail, field) ?
		    mail_field_text(f->in->mail, field, 0) : STR_EMPTY;
	if (mail_addresses(f->in->mail, field, &list) == 0)
		return STR_EMPTY;
	switch (part) {
	case NAME: return list[0].name;
	case LOCAL: return list[0].local;
	case DOMAIN: return list[0].domain;
	default: return list[0].address;
	}
}

static struct str field_value(struct filler *f, const struct piece *piece)
{
	struct mail *m = f->in->mail;
	struct str field = field_of(piece), id;

	switch (piece->kind) {
	case PIECE_from:
		return address_value(f, piece->part, field);
	case PIECE_message_id:
		return mail_message_id(m);
	case PIECE_list_id:
		id = mail_list_id(m);
		return piece->part == LOCAL ?
		    str_sub(id, 0, str_find_char(id, 0, '.')) : id;
	default:
		return mail_field_count(m, field) ?
		    mail_field_text(m, field, 0) : STR_EMPTY;
	}
}

static struct str date_value(struct filler *f, struct str format)
{
	int64_t t = mail_sent(f->in->mail);
	struct buf b;
	struct str text;

	if (t == TIME_NONE && !(f->in->facts->known & RULES_ASK_RECEIVED)) {
		f->ask |= RULES_ASK_RECEIVED;
		return STR_EMPTY;
	}
	if (t == TIME_NONE)
		t = f->in->facts->received;
	if (t == TIME_NONE)
		return STR_EMPTY;
	buf_init(&b, TEMPLATE_MAX * 4);
	calendar_add(&b, format, zone_local(f->in->zone, t));
	text = arena_str(f->arena, buf_str(&b));
	buf_free(&b);
	return text;
}

static struct str group_value(const struct filler *f, struct str name)
{
	for (size_t i = 0; f->captures && i < f->captures->n; i++)
		if (str_eq(f->captures->list[i].name, name))
			return f->captures->list[i].value;
	return STR_EMPTY;
}

/* What PIECE stands for; f->ask says when it cannot be told. */
static struct str value_of(struct filler *f, const struct piece *piece)
{
	const struct variable *v = variable_of(piece->kind);
	const struct facts *facts = f->in->facts;

	if (v && (v->ask & RULES_ASK_FIELDS) && (!f->in->mail ||
	    !mail_knows_field(f->in->mail, field_of(piece)))) {
		f->ask |= RULES_ASK_FIELDS;
		return STR_EMPTY;
	}
	switch (piece->kind) {
	case PIECE_GROUP:
		return group_value(f, piece->text);
	case PIECE_account:
		return facts->account;
	case PIECE_mailbox:
		return facts->mailbox;
	case PIECE_rule:
		return str_of(f->rule);
	case PIECE_uid:
		return arena_printf(f->arena, "%lu",
		    (unsigned long)facts->uid);
	case PIECE_date:
		return date_value(f, piece->text);
	case PIECE_size:
		if (facts->known & RULES_ASK_SIZE)
			return arena_printf(f->arena, "%llu",
			    (unsigned long long)facts->size);
		f->ask |= RULES_ASK_SIZE;
		return STR_EMPTY;
	default:
		return field_value(f, piece);
	}
}

static bool is_combining(struct str s, size_t from, size_t to)
{
	return text_width(str_sub(s, from, to - from)) == 0;
}

/* The first RULES_LABEL_MAX code points, with no combining sequence cut. */
static struct str head_of(struct str s)
{
	size_t at = 0, begin = 0, count = 0;

	while (at < s.n) {
		size_t before = at;

		utf8_next(s, &at);
		if (!is_combining(s, before, at))
			begin = before;
		if (++count > RULES_LABEL_MAX)
			/* All of it one sequence: cut it after all. */
			return str_sub(s, 0, begin ? begin : before);
	}
	return s;
}

/* One level of a mailbox name. */
static void add_level(struct buf *b, struct str value)
{
	bool leading = true;

	value = str_trim(head_of(value));
	for (size_t at = 0; at < value.n; ) {
		uint32_t cp = utf8_next(value, &at);

		if (cp != '.')
			leading = false;
		if (is_control(cp) || cp == '/' || cp == '\\' ||
		    cp == '*' || cp == '%' || (cp == '.' && leading))
			buf_add_char(b, '_');
		else
			buf_add_utf8(b, cp);
	}
}

/* Free text, on one line. */
static void add_line(struct buf *b, struct str value)
{
	for (size_t at = 0; at < value.n; ) {
		uint32_t cp = utf8_next(value, &at);

		if (cp == UTF8_BAD)
			cp = 0xFFFD;
		buf_add_utf8(b, is_control(cp) ? ' ' : cp);
	}
}

static bool add_value(struct filler *f, const struct template *t,
    const struct piece *piece, struct str *failure_out)
{
	struct str value = str_trim(value_of(f, piece));

	if (f->ask) {
		*failure_out = arena_printf(f->arena,
		    "$(%.*s) is not known of this message",
		    STR_ARG(piece->written));
		return false;
	}
	if (t->use == TEMPLATE_ARGUMENT &&
	    (value.n || !piece->has_default)) {
		buf_add_str(f->out, value);	/* ours, and may be empty */
	} else if (value.n == 0 && piece->has_default) {
		buf_add_str(f->out, piece->otherwise);
	} else if (value.n == 0) {
		*failure_out = arena_printf(f->arena,
		    "$(%.*s) is empty in this message and has no default",
		    STR_ARG(piece->written));
		return false;
	} else if (t->use != TEMPLATE_LABEL) {
		add_line(f->out, value);
	} else if (piece->kind == PIECE_date) {
		buf_add_str(f->out, value);	/* its levels are meant */
	} else {
		add_level(f->out, value);
	}
	return true;
}

static bool add_pieces(struct filler *f, const struct template *t,
    struct str *failure_out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct piece *piece = &t->pieces[i];

		if (piece->kind == PIECE_LITERAL)
			buf_add_str(f->out, piece->text);
		else if (!add_value(f, t, piece, failure_out))
			return false;
	}
	return true;
}

static bool finish(struct filler *f, const struct template *t,
    struct str *out, struct str *failure_out)
{
	struct str name = buf_str(f->out);
	const char *fault = NULL;

	if (f->out->over)
		fault = "the text is too long";
	else if (t->use == TEMPLATE_LABEL)
		fault = name_fault(name);
	if (fault) {
		*failure_out = arena_printf(f->arena, "%s: \"%.*s\"", fault,
		    STR_ARG(shown(f->arena, str_sub(name, 0, 100))));
		return false;
	}
	if (t->use == TEMPLATE_LABEL && str_ieq_z(name, "INBOX"))
		name = STR_LIT("INBOX_");
	*out = arena_str(f->arena, name);
	return true;
}

void template_expand(const struct template *t,
    const struct captures *captures, struct buf *out)
{
	struct filler f = { .captures = captures };

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *piece = &t->pieces[i];
		struct str value = piece->kind == PIECE_LITERAL ?
		    piece->text : group_value(&f, piece->text);

		buf_add_str(out, value.n ? value : piece->has_default ?
		    piece->otherwise : STR_EMPTY);
	}
}

bool template_fill(const struct template *t, struct arena *a,
    const struct match_input *in, const char *rule,
    const struct captures *captures, struct str *out, unsigned *ask_out,
    struct str *failure_out)
{
	struct buf b;
	struct filler f = {
		.arena = a, .in = in, .rule = rule, .captures = captures,
		.out = &b,
	};
	bool ok;

	*ask_out = 0;
	if (template_literal(t, out))
		return true;
	buf_init(&b, TEMPLATE_TEXT_MAX);
	ok = add_pieces(&f, t, failure_out) &&
	    finish(&f, t, out, failure_out);
	buf_free(&b);
	*ask_out = f.ask;
	return ok;
}
