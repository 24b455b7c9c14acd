#include "mail.h"

#include <string.h>

#include "body.h"
#include "words.h"

#define GROUPS		32	/* slots for the names that rules ask for */
#define FIELDS_FIRST	32	/* most headers have fewer */

/* One field of the index; small, since each message has an index. */
struct field {
	const char *p;			/* the name */
	uint32_t n_name, value, end;	/* value and its end: offsets of p */
	uint16_t key;
};
_Static_assert(MAIL_HEADER_MAX < UINT32_MAX, "offsets are 32 bits");

struct mail_index {
	struct arena *arena;
	struct str bytes;
	struct field *fields;
	size_t n_fields, cap;
	size_t end, body;		/* of the fields; behind the line */
	bool cut;			/* a limit ended it */
};

/* One field that was asked for; `text` is made when that is. */
struct occurrence {
	struct str raw;
	struct str text;
	bool has_text;
};

/* The occurrences of one name, found once. */
struct group {
	struct group *next;
	struct str name;
	uint16_t key;
	struct occurrence one;		/* mostly there is but one */
	struct occurrence *list;
	size_t n;
	const struct address *addresses;
	size_t n_addresses;
	bool has_addresses;
	bool over;			/* more than a limit of it */
};

/* The header as one text. */
struct block {
	struct str text;
	bool made, over;
};

struct memo {
	struct group *groups[GROUPS];
	struct group *last;		/* that was asked for */
	int64_t sent;
	int sent_zone;
	bool has_sent;
	struct body *body;
	struct sealed *sealed;
	struct block blocks[2];		/* decoded, octets */
};

struct mail {
	struct arena *arena;
	const struct mail_index *index;
	enum mail_have have;
	const struct str *only;
	size_t n_only;
	struct memo *memo;		/* may change in a const mail */
	struct mail *before;		/* whose header was another */
	struct str body;
	const struct str *veiled;
	size_t n_veiled;
	bool veil;			/* over all */
};

/* ---------------------------------------------------------------- lines */

/*
 * Walks over lines that end in CRLF, LF or a bare CR.  `lf` is the next LF
 * at or after `at`, looked for once, so that many CRs stay linear.
 */
struct lines {
	struct str s;
	size_t at, lf;
};

static struct lines lines_of(struct str s)
{
	return (struct lines){ s, 0, str_find_char(s, 0, '\n') };
}

/* The next line without its end; false behind the last. */
static bool lines_next(struct lines *l, struct str *line)
{
	const char *cr;
	size_t end;

	if (l->at >= l->s.n)
		return false;
	if (l->lf < l->at)
		l->lf = str_find_char(l->s, l->at, '\n');
	cr = memchr(l->s.p + l->at, '\r', l->lf - l->at);
	end = cr ? (size_t)(cr - l->s.p) : l->lf;
	*line = (struct str){ l->s.p + l->at, end - l->at };
	if (end < l->s.n)
		end += cr && end + 1 == l->lf && l->lf < l->s.n ? 2 : 1;
	l->at = end;
	return true;
}

size_t mail_body_offset(struct str bytes)
{
	struct lines l = lines_of(bytes);
	struct str line;

	while (lines_next(&l, &line))
		if (line.n == 0)
			return l.at;
	return bytes.n;
}

/* ---------------------------------------------------------------- index */

/* Tells most names apart without looking at them. */
static uint16_t name_key(struct str name)
{
	if (name.n == 0)
		return 0;
	return (uint16_t)(name.n << 8 ^ (unsigned char)ch_lower(name.p[0]) ^
	    (unsigned char)ch_lower(name.p[name.n - 1]) << 3);
}

/*
 * Length of the field name at the head of a line, 0 if there is none (RFC
 * 5322 2.2: printable ASCII; 4.5: blanks before the colon are obsolete).
 * *VALUE is where the value begins.
 */
static size_t name_length(struct str line, size_t *value)
{
	size_t n = 0, colon;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7F &&
	    line.p[n] != ':')
		n++;
	colon = n;
	while (colon < line.n && (line.p[colon] == ' ' ||
	    line.p[colon] == '\t'))
		colon++;
	if (colon == line.n || line.p[colon] != ':')
		return 0;
	*value = colon + 1;
	return n;
}

static struct field *add_field(struct mail_index *x, struct str line)
{
	size_t value, n = name_length(line, &value);
	struct field *f;

	if (n == 0)
		return NULL;
	if (x->n_fields == MAIL_FIELDS_MAX) {
		x->cut = true;
		return NULL;
	}
	arena_grow(x->arena, &x->fields, x->n_fields, &x->cap);
	f = &x->fields[x->n_fields++];
	*f = (struct field){ line.p, (uint32_t)n, (uint32_t)value,
	    (uint32_t)line.n, name_key(str_sub(line, 0, n)) };
	return f;
}

/*
 * The header ends at the first empty line, wherever that is: so it does for
 * the servers that hand out headers alone.  A line that is neither a field
 * nor folded from one (an mbox "From " line, no colon, 8-bit in the name)
 * is skipped, together with what is folded from it.
 */
static void index_fields(struct mail_index *x)
{
	struct lines l = lines_of(str_sub(x->bytes, 0, MAIL_HEADER_MAX));
	struct field *last = NULL;
	struct str line;

	x->end = x->body = x->bytes.n;
	while (lines_next(&l, &line)) {
		if (line.n == 0) {
			x->end = (size_t)(line.p - x->bytes.p);
			x->body = l.at;
			return;
		}
		if (line.p[0] != ' ' && line.p[0] != '\t') {
			last = add_field(x, line);
		} else if (last) {
			last->end = (uint32_t)(line.p + line.n - last->p);
		}
	}
	if (x->bytes.n > MAIL_HEADER_MAX) {
		x->cut = true;
		x->body = mail_body_offset(x->bytes);
	}
}

struct mail_index *mail_index_make(struct arena *a, struct str bytes)
{
	struct mail_index *x = arena_make(a, struct mail_index);

	x->arena = a;
	x->bytes = bytes;
	x->cap = FIELDS_FIRST;
	x->fields = arena_array(a, x->cap, sizeof(*x->fields));
	index_fields(x);
	return x;
}

size_t mail_index_body(const struct mail_index *x)
{
	return x->body;
}

struct mail *mail_of_index(struct arena *a, const struct mail_index *x,
    enum mail_have have, const struct str *only, size_t n_only)
{
	struct mail *m = arena_make(a, struct mail);

	m->arena = a;
	m->index = x;
	m->have = have;
	m->only = only;
	m->n_only = n_only;
	m->memo = arena_make(a, struct memo);
	m->body = str_sub(x->bytes, x->body, x->bytes.n);
	return m;
}

struct mail *mail_make(struct arena *a, struct str bytes,
    enum mail_have have, const struct str *only, size_t n_only)
{
	return mail_of_index(a, mail_index_make(a, bytes), have, only,
	    n_only);
}

struct mail *mail_with_header(struct mail *m, struct str header)
{
	struct mail *new = mail_make(m->arena, header, m->have, m->only,
	    m->n_only);

	new->before = m;
	new->body = m->body;
	return new;
}

struct str mail_header_octets(const struct mail *m)
{
	return str_sub(m->index->bytes, 0, m->index->body);
}

struct mail *mail_veiled(struct mail *m, const struct str *names, size_t n,
    bool all)
{
	struct mail *view = arena_make(m->arena, struct mail);

	*view = *m;
	view->veiled = names;
	view->n_veiled = n;
	view->veil = all;
	return view;
}

bool mail_header_veiled(const struct mail *m)
{
	return m->veil || m->n_veiled;
}

static bool over_body(const struct mail *m)
{
	for (size_t i = 0; i < m->n_veiled; i++)
		if (str_istarts(m->veiled[i], STR_LIT("Content-")))
			return true;
	return m->veil;
}

bool mail_body_veiled(const struct mail *m)
{
	return m->have == MAIL_WHOLE && over_body(m);
}

bool mail_knows_header(const struct mail *m)
{
	return m->have != MAIL_FIELDS && !m->index->cut &&
	    !mail_header_veiled(m);
}

bool mail_knows_body(const struct mail *m)
{
	return m->have == MAIL_WHOLE && !over_body(m);
}

/* --------------------------------------------------------------- fields */

/* How many addresses there could be, told without reading them. */
static size_t count_separators(struct str s)
{
	size_t n = 1;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == ',' || s.p[i] == ';' || s.p[i] == '<';
	return n;
}

static bool is_named(const struct field *f, const struct group *g)
{
	return f->key == g->key &&
	    str_ieq((struct str){ f->p, f->n_name }, g->name);
}

static struct str raw_of(const struct field *f)
{
	return (struct str){ f->p + f->value, f->end - f->value };
}

static void add_occurrence(struct arena *a, struct group *g, size_t *cap,
    struct str raw)
{
	if (g->n == 1) {
		arena_grow(a, &g->list, g->n, cap);
		g->list[0] = g->one;
	} else if (g->n > 1) {
		arena_grow(a, &g->list, g->n, cap);
	} else {
		g->list = &g->one;
	}
	g->list[g->n++] = (struct occurrence){ .raw = raw };
}

static void fill_group(const struct mail *m, struct group *g)
{
	size_t cap = 0, octets = 0, addresses = 0;

	for (size_t i = 0; i < m->index->n_fields; i++) {
		const struct field *f = &m->index->fields[i];
		struct str raw = raw_of(f);

		if (!is_named(f, g))
			continue;
		add_occurrence(m->arena, g, &cap, raw);
		octets += raw.n;
		g->over |= raw.n > MAIL_VALUE_MAX;
	}
	if (octets < MAIL_ADDRESSES_MAX)
		return;
	for (size_t k = 0; k < g->n; k++)
		addresses += count_separators(g->list[k].raw);
	g->over |= addresses > MAIL_ADDRESSES_MAX;
}

static struct group *find_group(const struct mail *m, struct str name)
{
	uint16_t key = name_key(name);
	struct group **slot = &m->memo->groups[key % GROUPS], *g;

	for (g = *slot; g; g = g->next)
		if (g->key == key && str_ieq(g->name, name))
			return g;
	g = arena_make(m->arena, struct group);
	g->name = arena_str(m->arena, name);
	g->key = key;
	fill_group(m, g);
	g->next = *slot;
	*slot = g;
	return g;
}

/* A condition asks for the same field several times in a row. */
static struct group *group_of(const struct mail *m, struct str name)
{
	struct memo *memo = m->memo;

	if (!memo->last || !str_eq(memo->last->name, name))
		memo->last = find_group(m, name);
	return memo->last;
}

bool mail_knows_field(const struct mail *m, struct str name)
{
	bool named = m->have != MAIL_FIELDS;

	if (m->veil)
		return false;
	for (size_t i = 0; i < m->n_veiled; i++)
		if (str_ieq(m->veiled[i], name))
			return false;
	for (size_t i = 0; i < m->n_only && !named; i++)
		named = str_ieq(m->only[i], name);
	return named && !m->index->cut && !group_of(m, name)->over;
}

size_t mail_field_count(const struct mail *m, struct str name)
{
	return group_of(m, name)->n;
}

struct str mail_field_raw(const struct mail *m, struct str name, size_t k)
{
	struct group *g = group_of(m, name);

	return k < g->n ? g->list[k].raw : STR_EMPTY;
}

/*
 * RFC 5322 2.2.3: the line ends go.  A tab that a line was folded with is
 * read as the blank it stands for.
 */
static struct str unfold(struct arena *a, struct str raw)
{
	char *to;
	size_t n = 0;

	if (!memchr(raw.p, '\n', raw.n) && !memchr(raw.p, '\r', raw.n))
		return raw;
	to = arena_alloc(a, raw.n);
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '\r' || c == '\n')
			continue;
		if (c == '\t' && i &&
		    (raw.p[i - 1] == '\n' || raw.p[i - 1] == '\r'))
			c = ' ';
		to[n++] = c;
	}
	return (struct str){ to, n };
}

static struct str unfolded(const struct mail *m, struct str raw)
{
	return unfold(m->arena, str_sub(raw, 0, MAIL_VALUE_MAX));
}

struct str mail_value_octets(struct arena *a, struct str raw)
{
	return str_trim(unfold(a, str_sub(raw, 0, MAIL_VALUE_MAX)));
}

struct str mail_value_text(struct arena *a, struct str raw)
{
	return str_trim(words_decode(a, mail_value_octets(a, raw)));
}

struct str mail_field_octets(const struct mail *m, struct str name,
    size_t k)
{
	struct group *g = group_of(m, name);

	return k < g->n ? mail_value_octets(m->arena, g->list[k].raw) :
	    STR_EMPTY;
}

struct str mail_field_text(struct mail *m, struct str name, size_t k)
{
	struct group *g = group_of(m, name);
	struct occurrence *o;

	if (k >= g->n)
		return STR_EMPTY;
	o = &g->list[k];
	if (!o->has_text) {
		o->text = mail_value_text(m->arena, o->raw);
		o->has_text = true;
	}
	return o->text;
}

static bool make_block(struct mail *m, bool octets, struct str *out)
{
	struct buf b;
	bool ok = !m->index->cut;

	buf_init(&b, MAIL_BLOCK_MAX);
	for (size_t i = 0; ok && i < m->index->n_fields; i++) {
		const struct field *f = &m->index->fields[i];
		struct str raw = raw_of(f);

		if (i)
			buf_add_char(&b, '\n');
		buf_add(&b, f->p, f->n_name);
		buf_add_z(&b, octets ? ":" : ": ");
		buf_add_str(&b, octets ? unfolded(m, raw) :
		    mail_value_text(m->arena, raw));
		ok = !b.over && raw.n <= MAIL_VALUE_MAX;
	}
	if (ok)
		*out = arena_str(m->arena, buf_str(&b));
	buf_free(&b);
	return ok;
}

bool mail_header_block(struct mail *m, bool octets, struct str *out)
{
	struct block *block = &m->memo->blocks[octets];

	if (m->have == MAIL_FIELDS || mail_header_veiled(m))
		return false;
	if (!block->made) {
		block->made = true;
		block->over = !make_block(m, octets, &block->text);
	}
	*out = block->text;
	return !block->over;
}

/* --------------------------------------------------------------- pieces */

static size_t behind_line_end(struct str s, size_t at)
{
	if (at + 1 < s.n && s.p[at] == '\r' && s.p[at + 1] == '\n')
		return at + 2;
	return at < s.n ? at + 1 : at;
}

static void add_gap(struct mail_piece *list, size_t *n, struct str bytes,
    size_t from, size_t to)
{
	if (to > from)
		list[(*n)++] = (struct mail_piece){ STR_EMPTY, STR_EMPTY,
		    str_sub(bytes, from, to - from) };
}

bool mail_pieces(struct arena *a, struct str bytes,
    struct mail_piece **list_out, size_t *n_out)
{
	const struct mail_index *x = mail_index_make(a, bytes);
	struct mail_piece *list = arena_array(a, 2 * x->n_fields + 1,
	    sizeof(*list));
	size_t n = 0, at = 0;

	if (x->cut)
		return false;
	for (size_t i = 0; i < x->n_fields; i++) {
		const struct field *f = &x->fields[i];
		size_t from = (size_t)(f->p - bytes.p);
		size_t end = behind_line_end(bytes, from + f->end);

		add_gap(list, &n, bytes, at, from);
		list[n++] = (struct mail_piece){
			.name = { f->p, f->n_name }, .raw = raw_of(f),
			.whole = str_sub(bytes, from, end - from),
		};
		at = end;
	}
	add_gap(list, &n, bytes, at, x->end);
	*list_out = list;
	*n_out = n;
	return true;
}

/* ---------------------------------------------------------- identifiers */

/* What stands in the first <...> at or after *AT, moving *AT behind it. */
static bool next_bracket(struct str s, size_t *at, struct str *inner)
{
	size_t open = str_find_char(s, *at, '<'), close;

	close = str_find_char(s, open, '>');
	if (close >= s.n)
		return false;
	/* a stray "<" before the one that belongs */
	for (size_t i = close; i > open; i--) {
		if (s.p[i] == '<') {
			open = i;
			break;
		}
	}
	*inner = str_trim(str_sub(s, open + 1, close - open - 1));
	*at = close + 1;
	return true;
}

struct str mail_message_id(struct mail *m)
{
	struct str text = mail_field_text(m, STR_LIT("Message-ID"), 0), id;
	size_t at = 0;

	return next_bracket(text, &at, &id) ? id : text;
}

struct str mail_list_id(struct mail *m)
{
	struct str text = mail_field_text(m, STR_LIT("List-Id"), 0), id;
	size_t at = 0;
	bool any = false;

	while (next_bracket(text, &at, &id))
		any = true;
	return any ? id : text;
}

/* The next run of non-blanks that has an "@": an identifier whose brackets
 * got lost. */
static bool next_bare(struct str s, size_t *at, struct str *id)
{
	while (*at < s.n) {
		size_t from, end;

		while (*at < s.n && (ch_space(s.p[*at]) || s.p[*at] == ','))
			++*at;
		from = end = *at;
		while (end < s.n && !ch_space(s.p[end]) && s.p[end] != ',')
			end++;
		*at = end;
		*id = str_sub(s, from, end - from);
		if (str_find_char(*id, 0, '@') < id->n)
			return true;
	}
	return false;
}

size_t mail_ids(struct arena *a, struct str text, struct str **ids_out)
{
	bool (*next)(struct str, size_t *, struct str *) = next_bracket;
	struct str *ids = NULL, id;
	size_t n = 0, cap = 0, at = 0;

	if (!next_bracket(text, &at, &id))
		next = next_bare;
	at = 0;
	while (next(text, &at, &id)) {
		if (id.n == 0)
			continue;
		arena_grow(a, &ids, n, &cap);
		ids[n++] = id;
	}
	*ids_out = ids;
	return n;
}

/* ------------------------------------------------------ addresses, dates */

static void read_addresses(struct mail *m, struct group *g)
{
	struct address *all = NULL, *some;
	size_t n = 0, cap = 0, got;

	for (size_t k = 0; k < g->n && n < MAIL_ADDRESSES_MAX; k++) {
		got = addresses_read(m->arena, unfolded(m, g->list[k].raw), &some);
		if (g->n == 1) {
			all = some;
			n = got;
			break;
		}
		for (size_t i = 0; i < got && n < MAIL_ADDRESSES_MAX; i++) {
			arena_grow(m->arena, &all, n, &cap);
			all[n++] = some[i];
		}
	}
	g->addresses = all;
	g->n_addresses = n;
	g->has_addresses = true;
}

size_t mail_addresses(struct mail *m, struct str field,
    const struct address **list_out)
{
	struct group *g = group_of(m, field);

	if (!g->has_addresses)
		read_addresses(m, g);
	*list_out = g->addresses;
	return g->n_addresses;
}

static void read_sent(struct mail *m)
{
	struct group *g = group_of(m, STR_LIT("Date"));

	m->memo->has_sent = true;
	m->memo->sent = TIME_NONE;
	if (g->n)
		m->memo->sent = date_read_zone(unfolded(m, g->list[0].raw),
		    &m->memo->sent_zone);
}

int64_t mail_sent(struct mail *m)
{
	if (!m->memo->has_sent)
		read_sent(m);
	return m->memo->sent;
}

int mail_sent_zone(struct mail *m)
{
	if (!m->memo->has_sent)
		read_sent(m);
	return m->memo->sent_zone;
}

/* ----------------------------------------------------------------- body */

static struct str first_raw(const struct mail *m, struct str name)
{
	struct group *g = group_of(m, name);

	return g->n ? g->list[0].raw : STR_EMPTY;
}

struct str mail_body_octets(const struct mail *m)
{
	return m->body;
}

/* Does what the body is read by stand in both as it does in the other? */
static bool same_body(const struct mail *m, const struct mail *other)
{
	static const struct str fields[] = {
		{ "Content-Type", 12 }, { "Content-Transfer-Encoding", 25 },
		{ "Content-Disposition", 19 },
	};

	for (size_t i = 0; i < COUNT(fields); i++)
		if (!str_eq(first_raw(m, fields[i]),
		    first_raw(other, fields[i])))
			return false;
	return true;
}

static struct body *body_of(const struct mail *m)
{
	struct part_fields top = {
		.type = first_raw(m, STR_LIT("Content-Type")),
		.encoding = first_raw(m,
		    STR_LIT("Content-Transfer-Encoding")),
		.disposition = first_raw(m, STR_LIT("Content-Disposition")),
	};

	while (m->before && same_body(m, m->before))
		m = m->before;
	if (!m->memo->body)
		m->memo->body = body_make(m->arena, mail_body_octets(m),
		    &top);
	return m->memo->body;
}

size_t mail_body_texts(struct mail *m, const struct body_text **list_out,
    bool *cut_out)
{
	return body_texts(body_of(m), list_out, cut_out);
}

size_t mail_attachments(struct mail *m, const struct attachment **list_out,
    bool *cut_out)
{
	return body_attachments(body_of(m), list_out, cut_out);
}

size_t mail_parts(struct mail *m, const struct body_part **list_out)
{
	return body_parts(body_of(m), list_out);
}

void mail_part_counts(struct mail *m, size_t *nodes_out,
    size_t *leaves_out)
{
	body_counts(body_of(m), nodes_out, leaves_out);
}

const struct sealed *mail_sealed(const struct mail *m)
{
	if (!m->memo->sealed) {
		m->memo->sealed = arena_make(m->arena, struct sealed);
		sealed_read(m->arena, body_of(m), m->memo->sealed);
	}
	return m->memo->sealed;
}
