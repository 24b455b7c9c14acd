#include "rewrite.h"

#include <string.h>

#include "field.h"
#include "mime.h"
#include "operand.h"

/* RFC 2606: nobody's.  For what a message lacks and must have. */
#define NOWHERE	"missing.invalid"

/* A header on its way. */
struct work {
	struct arena *arena;
	const struct header_edit *edit;
	struct str header, body;	/* as they came */
	struct mail_piece *list;
	size_t n, cap;
	struct str eol;
	struct rewriting *out;
	size_t cap_changed;
};

/* --------------------------------------------------------------- pieces */

static enum rewritten fails(struct work *w, const char *why)
{
	w->out->why = arena_printf(w->arena, "%.*s: %s",
	    STR_ARG(w->edit->field), why);
	return REWRITTEN_FAILS;
}

static bool is_named(const struct mail_piece *p, struct str name)
{
	return p->name.n && str_ieq(p->name, name);
}

static size_t count_named(const struct work *w, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += is_named(&w->list[i], name);
	return n;
}

/* The first piece of that name; w->n: none. */
static size_t first_named(const struct work *w, struct str name)
{
	size_t i = 0;

	while (i < w->n && !is_named(&w->list[i], name))
		i++;
	return i;
}

static struct str text_of(const struct work *w, size_t i)
{
	return field_text(w->arena, w->list[i].name, w->list[i].raw);
}

/* Of the first field of that name; empty: none. */
static struct str first_text(const struct work *w, struct str name)
{
	size_t i = first_named(w, name);

	return i < w->n ? text_of(w, i) : STR_EMPTY;
}

static void changed(struct work *w, struct str name)
{
	struct rewriting *out = w->out;

	for (size_t i = 0; i < out->n_changed; i++)
		if (str_ieq(out->changed[i], name))
			return;
	arena_grow(w->arena, &out->changed, out->n_changed, &w->cap_changed);
	out->changed[out->n_changed++] = name;
}

/* Those of the first line; a bare CR is nobody's any more. */
static struct str find_eol(struct str header)
{
	size_t lf = str_find_char(header, 0, '\n');

	if (lf == header.n)
		return STR_LIT("\r\n");
	return lf && header.p[lf - 1] == '\r' ? STR_LIT("\r\n") :
	    STR_LIT("\n");
}

/* With what S ends its line; empty: it does not. */
static struct str line_end(struct str s)
{
	size_t n = 0;

	if (s.n && s.p[s.n - 1] == '\n')
		n++;
	if (s.n > n && s.p[s.n - n - 1] == '\r')
		n++;
	return str_sub(s, s.n - n, n);
}

/* The field NAME with TEXT, its lines ended by EOL; or why not. */
static bool make_piece(struct work *w, struct str name, struct str text,
    struct str eol, struct mail_piece *out, const char **why)
{
	struct buf b;
	bool ok;

	buf_init(&b, 16 * (size_t)FIELD_VALUE_MAX);
	ok = field_write(&b, name, text, eol, why);
	if (ok) {
		out->whole = arena_str(w->arena, buf_str(&b));
		out->name = str_sub(out->whole, 0, name.n);
		out->raw = str_sub(out->whole, name.n + 1,
		    out->whole.n - name.n - 1 - eol.n);
	}
	buf_free(&b);
	return ok;
}

/* Piece I gets the value TEXT. */
static bool put(struct work *w, size_t i, struct str text, const char **why)
{
	struct str eol = line_end(w->list[i].whole);
	struct mail_piece new;

	if (!make_piece(w, w->list[i].name, text, eol.n ? eol : w->eol, &new,
	    why))
		return false;
	if (str_eq(new.whole, w->list[i].whole))
		return true;
	w->list[i] = new;
	changed(w, new.name);
	return true;
}

/* It may be the end of the message. */
static void end_line(struct work *w, struct mail_piece *p)
{
	struct buf b;

	if (line_end(p->whole).n)
		return;
	buf_init(&b, p->whole.n + w->eol.n);
	buf_add_str(&b, p->whole);
	buf_add_str(&b, w->eol);
	p->whole = arena_str(w->arena, buf_str(&b));
	buf_free(&b);
}

static bool insert(struct work *w, bool last, struct str name,
    struct str text, const char **why)
{
	struct mail_piece new;
	size_t at = 0;

	if (!make_piece(w, name, text, w->eol, &new, why))
		return false;
	while (at < w->n && (last || w->list[at].name.n == 0))
		at++;
	if (at == w->n && at)
		end_line(w, &w->list[at - 1]);
	arena_grow(w->arena, &w->list, w->n, &w->cap);
	memmove(&w->list[at + 1], &w->list[at],
	    (w->n - at) * sizeof(*w->list));
	w->list[at] = new;
	w->n++;
	changed(w, name);
	return true;
}

/* All of that name but the first. */
static void take_out_others(struct work *w, struct str name)
{
	size_t to = 0;
	bool seen = false;

	for (size_t i = 0; i < w->n; i++) {
		bool named = is_named(&w->list[i], name);

		if (named && seen)
			changed(w, w->list[i].name);
		else
			w->list[to++] = w->list[i];
		seen |= named;
	}
	w->n = to;
}

/* ---------------------------------------------------------------- edits */

/* Is the value of piece I the text of the edit?  One that was written may be
 * read a little otherwise: a name without the quotes that it does not need. */
static bool is_so(struct work *w, size_t i, const struct mail_piece *written)
{
	struct str text = text_of(w, i);

	return str_eq(text, w->edit->text) || str_eq(text,
	    field_text(w->arena, written->name, written->raw));
}

static enum rewritten set_field(struct work *w)
{
	struct str name = w->edit->field, text = w->edit->text;
	size_t i = first_named(w, name);
	struct mail_piece new;
	const char *why;

	if (!make_piece(w, name, text, w->eol, &new, &why))
		return fails(w, why);
	if (i == w->n)
		return insert(w, false, name, text, &why) ? REWRITTEN :
		    fails(w, why);
	if (!is_so(w, i, &new) && !put(w, i, text, &why))
		return fails(w, why);
	take_out_others(w, name);
	return REWRITTEN;
}

static enum rewritten add_field(struct work *w)
{
	struct str name = w->edit->field, text = w->edit->text;
	struct mail_piece new;
	const char *why;

	if (!make_piece(w, name, text, w->eol, &new, &why))
		return fails(w, why);
	for (size_t i = 0; i < w->n; i++)
		if (is_named(&w->list[i], name) && is_so(w, i, &new))
			return REWRITTEN;
	return insert(w, w->edit->last, name, text, &why) ? REWRITTEN :
	    fails(w, why);
}

/* Is the K-th of N occurrences meant? */
static bool is_meant(const struct header_edit *edit, size_t k, size_t n)
{
	if (edit->index == 0)
		return true;
	return edit->index == (edit->last ? n - k : k + 1);
}

static enum rewritten remove_fields(struct work *w)
{
	const struct header_edit *edit = w->edit;
	size_t n = count_named(w, edit->field), k = 0, to = 0;

	for (size_t i = 0; i < w->n; i++) {
		struct mail_piece p = w->list[i];
		enum truth goes = TRUTH_FALSE;

		if (is_named(&p, edit->field) && is_meant(edit, k++, n))
			goes = !edit->only ? TRUTH_TRUE :
			    tests_text(edit->only, edit->only->raw ?
			    mail_value_octets(w->arena, p.raw) :
			    mail_value_text(w->arena, p.raw));
		if (goes == TRUTH_UNKNOWN) {
			w->out->why = STR_LIT("a pattern met its limit");
			return REWRITTEN_LIMIT;
		}
		if (goes == TRUTH_TRUE)
			changed(w, p.name);
		else
			w->list[to++] = p;
	}
	w->n = to;
	return REWRITTEN;
}

struct expanding {
	const struct header_edit *edit;
	struct capture *list;
	struct arena *arena;
};

/* The groups of one match, into the template. */
static void expand(void *ctx, const struct str *groups, struct buf *out)
{
	struct expanding *x = ctx;
	const struct pattern *p = x->edit->pattern;
	const struct pattern_name *names;
	size_t n_groups = pattern_groups(p), n = 0;
	size_t n_names = pattern_names(p, &names);

	for (size_t i = 1; i <= n_groups; i++)
		x->list[n++].value = groups[i].p ? groups[i] : STR_EMPTY;
	for (size_t i = 0; i < n_names; i++)
		x->list[n++].value = groups[names[i].group].p ?
		    groups[names[i].group] : STR_EMPTY;
	template_expand(x->edit->with, &(struct captures){ x->list, n },
	    out);
}

static struct expanding expanding_of(struct work *w)
{
	const struct pattern *p = w->edit->pattern;
	const struct pattern_name *names;
	size_t n_groups = pattern_groups(p);
	size_t n_names = pattern_names(p, &names);
	struct expanding x = {
		.edit = w->edit, .arena = w->arena,
		.list = arena_array(w->arena, n_groups + n_names + 1,
		    sizeof(*x.list)),
	};

	for (size_t i = 0; i < n_groups; i++)
		x.list[i].name = arena_printf(w->arena, "%zu", i + 1);
	for (size_t i = 0; i < n_names; i++)
		x.list[n_groups + i].name = names[i].name;
	return x;
}

/* An edited value back into its field. */
static enum rewritten put_edited(struct work *w, size_t i, struct str was,
    struct str text)
{
	const char *why;

	text = field_clean(w->arena, text);
	if (str_eq(text, was))
		return REWRITTEN;
	if (text.n == 0 && field_kind(w->edit->field) != FIELD_TEXT)
		return fails(w, "nothing would be left of it");
	return put(w, i, text, &why) ? REWRITTEN : fails(w, why);
}

static enum rewritten replace_in(struct work *w, size_t i,
    struct expanding *x)
{
	struct str text = text_of(w, i), new = STR_EMPTY;
	enum pattern_result result;
	struct buf b;

	buf_init(&b, 2 * (size_t)FIELD_VALUE_MAX);
	result = pattern_replace(w->edit->pattern, text, expand, x, &b);
	if (result == PATTERN_YES)
		new = arena_str(w->arena, buf_str(&b));
	buf_free(&b);
	if (result == PATTERN_LIMIT) {
		w->out->why = str_of(pattern_limit_reason(w->edit->pattern));
		return REWRITTEN_LIMIT;
	}
	return result == PATTERN_NO ? REWRITTEN :
	    put_edited(w, i, text, new);
}

/* ----------------------------------------------------------------- maps */

static void add_value(void *ctx, const struct str *groups, struct buf *out)
{
	(void)groups;
	buf_add_str(out, *(const struct str *)ctx);
}

/* The display name with what fits the entry replaced; empty: a limit. */
static struct str name_with(struct arena *a, const struct pattern *p,
    struct str name, struct str value)
{
	struct str out = STR_EMPTY;
	struct buf b;

	buf_init(&b, FIELD_VALUE_MAX);
	if (pattern_replace(p, name, add_value, &value, &b) != PATTERN_LIMIT)
		out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

static const struct edit_entry *find_other(const struct edit_map *map,
    const struct address *ad)
{
	for (size_t i = 0; i < map->n_others; i++) {
		const struct edit_entry *o = &map->others[i];
		struct str s = o->part == PART_DOMAIN ? ad->domain :
		    o->part == PART_ADDRESS ? ad->address : ad->name;

		if (s.n && pattern_match(o->pattern, s, NULL) == PATTERN_YES)
			return o;
	}
	return NULL;
}

/* What AD becomes; an empty text: it is in no entry. */
static struct str mapped_address(struct arena *a, const struct edit_map *map,
    const struct address *ad)
{
	const struct edit_entry *other = NULL;
	struct address *list;
	struct str value;
	size_t at;

	if (ad->address.n == 0)
		return STR_EMPTY;
	if (!list_find_key(map->list, ad->address, &at) &&
	    (ad->domain.n == 0 || !list_find_key(map->list,
	    arena_printf(a, "@%.*s", STR_ARG(ad->domain)), &at))) {
		other = find_other(map, ad);
		if (!other)
			return STR_EMPTY;
		at = other->entry;
	}
	value = map->list->values[at];
	if (memchr(value.p, '<', value.n) &&
	    addresses_read(a, value, &list) == 1)
		return field_mailbox(a, list[0].name, list[0].address);
	if (value.p[0] == '@')
		return field_mailbox(a, ad->name, arena_printf(a, "%.*s%.*s",
		    STR_ARG(ad->local), STR_ARG(value)));
	if (memchr(value.p, '@', value.n))
		return field_mailbox(a, ad->name, value);
	if (other && other->part == PART_NAME)
		value = name_with(a, other->pattern, ad->name, value);
	return field_mailbox(a, value, ad->address);
}

static struct str map_addresses(struct arena *a, const struct edit_map *map,
    struct str text)
{
	size_t at = 0, from = 0;
	struct str item, new, out = text;
	struct address *list;
	struct buf b;

	buf_init(&b, 2 * (size_t)FIELD_VALUE_MAX);
	while (field_next_address(text, &at, &item)) {
		if (addresses_read(a, item, &list) != 1)
			continue;
		new = mapped_address(a, map, &list[0]);
		if (new.n == 0)
			continue;
		buf_add_str(&b, str_sub(text, from,
		    (size_t)(item.p - text.p) - from));
		buf_add_str(&b, new);
		from = (size_t)(item.p - text.p) + item.n;
	}
	if (from) {
		buf_add_str(&b, str_sub(text, from, text.n));
		out = arena_str(a, buf_str(&b));
	}
	buf_free(&b);
	return out;
}

static enum rewritten map_in(struct work *w, size_t i)
{
	const struct edit_map *map = w->edit->map;
	struct str text = text_of(w, i);
	size_t at;

	if (map->addresses)
		return put_edited(w, i, text, map_addresses(w->arena, map,
		    text));
	if (!list_find_key(map->list, text, &at))
		return REWRITTEN;
	return put_edited(w, i, text, map->list->values[at]);
}

static enum rewritten edit_each(struct work *w)
{
	struct expanding x = { 0 };
	enum rewritten done = REWRITTEN;

	if (w->edit->kind == EDIT_REPLACE)
		x = expanding_of(w);
	for (size_t i = 0; i < w->n && done == REWRITTEN; i++)
		if (is_named(&w->list[i], w->edit->field))
			done = w->edit->kind == EDIT_REPLACE ?
			    replace_in(w, i, &x) : map_in(w, i);
	return done;
}

/* ---------------------------------------------------------------- fixes */

/* RFC 5322 3.6: those that may stand once. */
static const char *const single[] = {
	"Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc",
	"Message-ID", "In-Reply-To", "References", "Subject",
};

static void fix_duplicates(struct work *w)
{
	for (size_t i = 0; i < COUNT(single); i++)
		take_out_others(w, str_of(single[i]));
}

static bool is_raw(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

/* One that cannot be written otherwise stays. */
static void fix_encoding(struct work *w)
{
	const char *why;

	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].name.n && is_raw(w->list[i].raw))
			(void)!put(w, i, text_of(w, i), &why);
}

/* The field, which may be there without a value. */
static bool give(struct work *w, const char *name, struct str text,
    const char **why)
{
	size_t i = first_named(w, str_of(name));

	return i < w->n ? put(w, i, text, why) :
	    insert(w, false, str_of(name), text, why);
}

static struct str some_author(struct work *w)
{
	static const char *const from[] = { "Sender", "Return-Path" };

	for (size_t i = 0; i < COUNT(from); i++) {
		struct str text = first_text(w, str_of(from[i]));
		struct address *list;

		if (addresses_read(w->arena, text, &list) &&
		    list[0].local.n && list[0].domain.n)
			return field_mailbox(w->arena, list[0].name,
			    list[0].address);
	}
	return STR_LIT("unknown@" NOWHERE);
}

static enum rewritten fix_from(struct work *w)
{
	const char *why;

	if (first_text(w, STR_LIT("From")).n)
		return REWRITTEN;
	if (give(w, "From", some_author(w), &why) ||
	    give(w, "From", STR_LIT("unknown@" NOWHERE), &why))
		return REWRITTEN;
	return fails(w, why);
}

static enum rewritten asks(struct work *w, unsigned ask)
{
	w->out->ask = ask;
	return REWRITTEN_ASKS;
}

/* RFC 5322 3.3. */
static enum rewritten fix_date(struct work *w)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed",
	    "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t t = w->edit->received;
	struct civil c;
	const char *why;

	if (date_read(first_text(w, STR_LIT("Date"))) != TIME_NONE)
		return REWRITTEN;
	if (t == TIME_NONE)
		return asks(w, RULES_ASK_RECEIVED);
	c = time_to_civil(t);
	if (c.year < 1900 || c.year > 9999)
		return REWRITTEN;
	return give(w, "Date", arena_printf(w->arena,
	    "%s, %d %s %04d %02d:%02d:%02d +0000", days[c.weekday], c.day,
	    months[c.month - 1], (int)c.year, c.hour, c.min, c.sec), &why) ?
	    REWRITTEN : fails(w, why);
}

/* Could it stand in angle brackets? */
static bool is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7F ||
		    s.p[i] == '<' || s.p[i] == '>')
			return false;
	return s.n > 0;
}

/*
 * A well formed one stays.  One that lacks its brackets gets them, for others
 * may know it.
 */
static enum rewritten fix_message_id(struct work *w)
{
	struct str text = first_text(w, STR_LIT("Message-ID")), *ids, id;
	size_t n = mail_ids(w->arena, text, &ids);
	struct str parts[] = { w->header, w->body };
	const char *why;

	if (n && is_id(ids[0]) && memchr(text.p, '<', text.n))
		return REWRITTEN;
	if (n == 1 && is_id(ids[0]) && str_eq(ids[0], text)) {
		id = ids[0];
	} else if (!w->edit->body_known) {
		return asks(w, RULES_ASK_BODY);
	} else {
		id = arena_printf(w->arena, "%.*s@" NOWHERE,
		    STR_ARG(mime_digest(w->arena, parts, COUNT(parts))));
	}
	return give(w, "Message-ID", arena_printf(w->arena, "<%.*s>",
	    STR_ARG(id)), &why) ? REWRITTEN : fails(w, why);
}

/* RFC 5322 3.6.4: what a reply to a message without References has. */
static enum rewritten fix_references(struct work *w)
{
	struct str *ids, text = first_text(w, STR_LIT("References"));
	struct str out = STR_EMPTY;
	const char *why;
	size_t n;

	if (mail_ids(w->arena, text, &ids))
		return REWRITTEN;
	n = mail_ids(w->arena, first_text(w, STR_LIT("In-Reply-To")), &ids);
	for (size_t i = 0; i < n && out.n < FIELD_LINE_MAX; i++)
		if (is_id(ids[i]))
			out = arena_printf(w->arena, "%.*s%s<%.*s>",
			    STR_ARG(out), out.n ? " " : "", STR_ARG(ids[i]));
	if (out.n == 0)
		return REWRITTEN;
	return give(w, "References", out, &why) ? REWRITTEN : fails(w, why);
}

static enum rewritten fix_fields(struct work *w)
{
	static const struct {
		enum fix fix;
		enum rewritten (*mend)(struct work *w);
	} all[] = {
		{ FIX_FROM, fix_from }, { FIX_DATE, fix_date },
		{ FIX_MESSAGE_ID, fix_message_id },
		{ FIX_REFERENCES, fix_references },
	};
	enum rewritten done = REWRITTEN;
	unsigned ask = 0;

	if (w->edit->fixes & FIX_DUPLICATES)
		fix_duplicates(w);
	if (w->edit->fixes & FIX_ENCODING)
		fix_encoding(w);
	for (size_t i = 0; i < COUNT(all); i++) {
		if (!(w->edit->fixes & all[i].fix))
			continue;
		done = all[i].mend(w);
		if (done == REWRITTEN_ASKS)
			ask |= w->out->ask;
		else if (done != REWRITTEN)
			return done;
	}
	return ask ? asks(w, ask) : REWRITTEN;
}

/* ----------------------------------------------------------------- face */

static enum rewritten carry_out(struct work *w)
{
	switch (w->edit->kind) {
	case EDIT_SET:
		return set_field(w);
	case EDIT_ADD:
		return add_field(w);
	case EDIT_REMOVE:
		return remove_fields(w);
	case EDIT_REPLACE:
	case EDIT_MAP:
		return edit_each(w);
	case EDIT_FIX:
		break;
	}
	return fix_fields(w);
}

static void join(struct work *w, struct str tail)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);		/* each piece is bounded */
	for (size_t i = 0; i < w->n; i++)
		buf_add_str(&b, w->list[i].whole);
	/* a line that ended with a bare CR, and then the empty one with LF */
	if (b.n && b.p[b.n - 1] == '\r' && tail.n && tail.p[0] == '\n')
		buf_add_char(&b, '\n');
	buf_add_str(&b, tail);
	w->out->header = arena_str(w->arena, buf_str(&b));
	buf_free(&b);
}

enum rewritten rewrite_header(struct arena *a,
    const struct header_edit *edit, struct str header, struct str body,
    struct rewriting *out)
{
	struct work w = {
		.arena = a, .edit = edit, .header = header, .body = body,
		.eol = find_eol(header), .out = out,
	};
	enum rewritten done;
	size_t end = 0;

	*out = (struct rewriting){ .body = header.n };
	if (header.n > REWRITE_HEADER_MAX || !mail_pieces(a, header, &w.list,
	    &w.n)) {
		out->why = STR_LIT("its header is longer than is rewritten");
		return REWRITTEN_FAILS;
	}
	w.cap = w.n;
	for (size_t i = 0; i < w.n; i++)
		end += w.list[i].whole.n;
	done = carry_out(&w);
	if (done != REWRITTEN)
		return done;
	if (out->n_changed == 0)
		return REWRITTEN_SAME;
	join(&w, str_sub(header, end, header.n));
	if (out->header.n > 2 * REWRITE_HEADER_MAX) {
		out->why = STR_LIT("its header would become too long");
		return REWRITTEN_FAILS;
	}
	return REWRITTEN;
}

void rewrite_fields(const struct header_edit *edit,
    void (*field)(void *ctx, struct str name), void *ctx)
{
	static const struct {
		enum fix fix;
		const char *fields;
	} reads[] = {
		{ FIX_FROM, "From,Sender,Return-Path" },
		{ FIX_DATE, "Date" },
		{ FIX_MESSAGE_ID, "Message-ID" },
		{ FIX_REFERENCES, "References,In-Reply-To" },
	};

	if (edit->kind != EDIT_FIX) {
		field(ctx, edit->field);
		return;
	}
	for (size_t i = 0; i < COUNT(reads); i++) {
		struct str rest = str_of(reads[i].fields), name;

		while (edit->fixes & reads[i].fix &&
		    str_cut(&rest, ',', &name))
			field(ctx, name);
	}
	for (size_t i = 0; edit->fixes & FIX_DUPLICATES &&
	    i < COUNT(single); i++)
		field(ctx, str_of(single[i]));
}

bool rules_rewrite_header(const struct rewrite *step, struct arena *a,
    struct str message, struct str *header_out, size_t *body_out,
    struct err *e)
{
	struct header_edit edit = *step->edit;
	struct rewriting out;
	size_t body = mail_body_offset(message);

	edit.body_known = true;
	switch (rewrite_header(a, &edit, str_sub(message, 0, body),
	    str_sub(message, body, message.n), &out)) {
	case REWRITTEN:
		*header_out = out.header;
		break;
	case REWRITTEN_SAME:
		*header_out = str_sub(message, 0, body);
		break;
	case REWRITTEN_ASKS:
		return err_set(e, ERR_MESSAGE, "when it arrived is not known");
	case REWRITTEN_FAILS:
	case REWRITTEN_LIMIT:
		return err_set(e, ERR_MESSAGE, "%.*s", STR_ARG(out.why));
	}
	*body_out = body;
	return true;
}

static const char *const *keep_argv(struct arena *a,
    const char *const *argv)
{
	const char **kept;
	size_t n = 0;

	while (argv[n])
		n++;
	kept = arena_array(a, n + 1, sizeof(*kept));
	for (size_t i = 0; i < n; i++)
		kept[i] = arena_z(a, str_of(argv[i]));
	return kept;
}

const struct rewrite *rules_rewrite_keep(struct arena *a,
    const struct rewrite *list, size_t n)
{
	struct rewrite *kept = arena_array(a, n, sizeof(*kept));

	for (size_t i = 0; i < n; i++) {
		struct header_edit *edit;

		kept[i] = list[i];
		kept[i].key = arena_str(a, list[i].key);
		if (list[i].argv)
			kept[i].argv = keep_argv(a, list[i].argv);
		if (!list[i].edit)
			continue;
		edit = arena_make(a, struct header_edit);
		*edit = *list[i].edit;
		edit->text = arena_str(a, edit->text);
		kept[i].edit = edit;
	}
	return kept;
}

/* ------------------------------------------------------------- in words */

static void add_fixes(struct buf *b, unsigned fixes)
{
	static const struct {
		enum fix fix;
		const char *name;
	} names[] = {
#define FIX(word, fix, help)	{ fix, #word },
#include "vocab.def"
	};
	const char *comma = " (";

	buf_add_z(b, "fix the header");
	for (size_t i = 0; i < COUNT(names); i++)
		if (fixes & names[i].fix) {
			buf_printf(b, "%s%s", comma, names[i].name);
			comma = ", ";
		}
	buf_add_char(b, ')');
}

static void add_edit(struct buf *b, const struct header_edit *edit)
{
	switch (edit->kind) {
	case EDIT_SET:
		buf_printf(b, "set %.*s to %.*s", STR_ARG(edit->field),
		    STR_ARG(edit->text));
		break;
	case EDIT_ADD:
		buf_printf(b, "add %.*s: %.*s", STR_ARG(edit->field),
		    STR_ARG(edit->text));
		break;
	case EDIT_REMOVE:
		buf_printf(b, "remove %.*s", STR_ARG(edit->field));
		break;
	case EDIT_REPLACE:
	case EDIT_MAP:
		buf_printf(b, "edit %.*s", STR_ARG(edit->field));
		break;
	case EDIT_FIX:
		add_fixes(b, edit->fixes);
		break;
	}
}

void rules_rewrite_text(struct buf *b, const struct rewrite *step)
{
	switch (step->kind) {
	case REWRITE_HEADER:
		add_edit(b, step->edit);
		break;
	case REWRITE_PIPE:
		buf_printf(b, "pipe through %s", step->argv[0]);
		break;
	case REWRITE_DECRYPT:
		buf_add_z(b, "decrypt");
		break;
	}
}
