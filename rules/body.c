#include "body.h"

#include <string.h>

#include "charset.h"
#include "enclosed.h"
#include "html.h"

/* HTML looked at for the text of a part: markup is most of it. */
#define HTML_MAX	(4 * MAIL_PART_TEXT_MAX)

struct body {
	struct arena *arena;
	struct body_part *parts;	/* all but multiparts, in their order */
	size_t n_parts, cap;
	struct body_node *nodes;
	size_t n_nodes, cap_nodes, leaves;
	bool cut;		/* a limit left parts out */
	size_t decoded;		/* octets of attached messages */
	struct body_text *texts;
	size_t n_texts;
	bool has_texts, texts_cut;
	struct attachment *attachments;
	size_t n_attachments, cap_attachments;
	bool has_attachments;
};

/*
 * The walk.  `open` are the boundaries of the multiparts that hold the
 * place where it is; a boundary of any of them ends what is inside (RFC
 * 2046 5.1.2), so that a missing closing one costs nothing.
 */
struct walk {
	struct body *body;
	struct str s;
	size_t at;
	char eol;
	struct str open[MAIL_PART_DEPTH_MAX];
	size_t n_open;
	size_t node;		/* in which it is */
	size_t end;		/* of the last content or header */
	bool hit;		/* it ended at a boundary, */
	size_t level;		/* of this one of `open`, */
	bool closing;		/* which was "--boundary--" */
};

/* ------------------------------------------------------------ boundaries */

/* The line at AT without its end; *NEXT is behind the end. */
static struct str line_at(const struct walk *w, size_t at, size_t *next)
{
	size_t end = str_find_char(w->s, at, w->eol);

	*next = end < w->s.n ? end + 1 : end;
	if (w->eol == '\n' && end > at && w->s.p[end - 1] == '\r')
		end--;
	return str_sub(w->s, at, end - at);
}

static bool is_blank(struct str s)
{
	return str_trim(s).n == 0;
}

/* RFC 2046 5.1.1: "--", boundary, for the last one "--", then blanks. */
static bool find_boundary(struct walk *w, struct str line)
{
	if (!str_starts(line, STR_LIT("--")))
		return false;
	line = str_sub(line, 2, line.n);
	/* where a boundary is used twice, the outer multipart has it */
	for (size_t i = 0; i < w->n_open; i++) {
		struct str rest;

		if (!str_starts(line, w->open[i]))
			continue;
		rest = str_sub(line, w->open[i].n, line.n);
		w->closing = str_starts(rest, STR_LIT("--")) &&
		    is_blank(str_sub(rest, 2, rest.n));
		if (!w->closing && !is_blank(rest))
			continue;
		w->level = i;
		return true;
	}
	return false;
}

/* The line end before a boundary belongs to it (RFC 2046 5.1.1). */
static size_t before_boundary(const struct walk *w, size_t at)
{
	if (at > 0)
		at--;
	if (w->eol == '\n' && at > 0 && w->s.p[at - 1] == '\r')
		at--;
	return at;
}

static struct str content_from(const struct walk *w, size_t from)
{
	return w->end > from ? str_sub(w->s, from, w->end - from) : STR_EMPTY;
}

/* What stands before the next boundary line; the walk goes on behind it. */
static struct str take_content(struct walk *w)
{
	size_t from = w->at, at = w->at, next;

	w->hit = false;
	while (w->n_open && at < w->s.n && !w->hit) {
		if (w->s.p[at] != '-') {
			at = str_find_char(w->s, at, w->eol) + 1;
		} else if (find_boundary(w, line_at(w, at, &next))) {
			w->hit = true;
			w->at = next;
			w->end = before_boundary(w, at);
		} else {
			at = next;
		}
	}
	if (!w->hit)
		w->at = w->end = w->s.n;
	return content_from(w, from);
}

/* ---------------------------------------------------------------- fields */

static struct str *wanted(struct part_fields *f, struct str name)
{
	if (str_ieq_z(name, "Content-Type"))
		return &f->type;
	if (str_ieq_z(name, "Content-Transfer-Encoding"))
		return &f->encoding;
	if (str_ieq_z(name, "Content-Disposition"))
		return &f->disposition;
	return NULL;
}

static bool is_field(struct str line)
{
	size_t n = str_find_char(line, 0, ':');

	if (n == line.n)
		return false;
	while (n && (line.p[n - 1] == ' ' || line.p[n - 1] == '\t'))
		n--;
	for (size_t i = 0; i < n; i++)
		if (line.p[i] <= ' ' || line.p[i] >= 0x7F)
			return false;
	return true;
}

/* The first of a name counts, as in a message. */
static struct str *take_field(struct part_fields *f, struct str line)
{
	size_t colon = str_find_char(line, 0, ':');
	struct str *value = wanted(f, str_trim(str_sub(line, 0, colon)));

	if (!value || value->n)
		return NULL;
	/* into the line even where it is empty: it may be folded */
	*value = (struct str){ line.p + colon + 1, line.n - colon - 1 };
	return value;
}

/*
 * The header of a part: to the first empty line, or to a boundary, which is
 * then hit (a part that is nothing but a header).  A line that cannot be of
 * a header is the first of the content (in a part, unlike in a message, the
 * empty line is often missing), but for the "From " line of an mbox.
 */
static struct part_fields take_fields(struct walk *w)
{
	struct part_fields f = { STR_EMPTY, STR_EMPTY, STR_EMPTY };
	struct str *last = NULL;
	size_t from = w->at;

	w->hit = false;
	while (w->at < w->s.n) {
		size_t next;
		struct str line = line_at(w, w->at, &next);

		if (line.n == 0) {
			w->at = next;
			break;
		}
		if (line.p[0] == '-' && find_boundary(w, line)) {
			w->end = before_boundary(w, w->at);
			w->at = next;
			w->hit = true;
			break;
		}
		if (line.p[0] == ' ' || line.p[0] == '\t') {
			if (last)
				last->n = (size_t)(line.p + line.n - last->p);
		} else if (is_field(line)) {
			last = take_field(&f, line);
		} else if (w->at != from ||
		    !str_starts(line, STR_LIT("From "))) {
			break;
		}
		w->at = next;
	}
	return f;
}

/* ------------------------------------------------------------- structure */

static void read_fields(struct arena *a, const struct part_fields *f,
    bool digest, struct body_part *p)
{
	struct content_disposition d = { STR_EMPTY, STR_EMPTY };

	content_type_read(a, f->type, &p->type);
	if (p->type.type.n == 0)
		p->type.type = digest ? STR_LIT("message/rfc822") :
		    STR_LIT("text/plain");
	if (f->disposition.n)
		content_disposition_read(a, f->disposition, &d);
	p->kind = d.kind;
	p->filename = d.filename.n ? d.filename : p->type.name;
	p->encoding = content_encoding_read(f->encoding);
}

static void add_part(struct walk *w, const struct body_part *p)
{
	struct body *b = w->body;

	b->nodes[w->node].part = b->n_parts;
	arena_grow(b->arena, &b->parts, b->n_parts, &b->cap);
	b->parts[b->n_parts++] = *p;
}

static void take_leaf(struct walk *w, struct body_part *p)
{
	w->body->leaves++;
	if (!w->hit)		/* else the header ended at a boundary */
		p->content = take_content(w);
	add_part(w, p);
}

static void take_entity(struct walk *w, size_t from,
    const struct part_fields *f, bool digest, bool in_message, size_t depth);

/* A boundary that follows at once begins nothing new. */
static void skip_repeated(struct walk *w, size_t level)
{
	size_t next;

	while (w->at < w->s.n && w->s.p[w->at] == '-' &&
	    find_boundary(w, line_at(w, w->at, &next)) &&
	    w->level == level) {
		w->at = next;
		if (w->closing)
			return;
	}
	w->level = level;
	w->closing = false;
}

static void take_multipart(struct walk *w, struct body_part *p, size_t depth)
{
	bool digest = str_eq_z(p->type.type, "multipart/digest");
	size_t level = w->n_open++;

	w->open[level] = p->type.boundary;
	if (!w->hit)
		p->content = take_content(w);
	if (!w->hit || w->level != level || w->closing) {
		/* no part begins: a leaf that calls itself a multipart */
		w->n_open--;
		w->body->leaves++;
		add_part(w, p);
		return;
	}
	while (w->hit && w->level == level && !w->closing) {
		struct part_fields f;
		size_t from;

		skip_repeated(w, level);
		if (w->closing)
			break;
		from = w->at;
		f = take_fields(w);
		take_entity(w, from, &f, digest, p->in_message, depth + 1);
	}
	w->n_open--;
	if (w->hit && w->level == level)
		take_content(w);	/* the epilogue */
}

static void take_message(struct walk *w, struct body_part *p, size_t depth)
{
	size_t from = w->at, index = w->body->n_parts;
	struct part_fields f;

	p->is_message = true;
	add_part(w, p);
	f = take_fields(w);
	take_entity(w, from, &f, false, true, depth + 1);
	w->body->parts[index].content = content_from(w, from);
}

/* An attached message that is encoded. */
static struct str decoded_message(struct body *b, const struct body_part *p)
{
	struct str bytes;
	struct buf buf;

	buf_init(&buf, MAIL_DECODED_MAX - b->decoded);
	mime_decode(p->content, p->encoding, &buf);
	b->decoded += buf.n;
	b->cut |= buf.over;
	bytes = arena_str(b->arena, buf_str(&buf));
	buf_free(&buf);
	return bytes;
}

static struct walk walk_of(struct body *b, struct str bytes, size_t node)
{
	return (struct walk){ .body = b, .s = bytes, .node = node,
	    .eol = memchr(bytes.p, '\n', bytes.n) ? '\n' : '\r' };
}

static void take_encoded_message(struct walk *w, struct body_part *p,
    size_t depth)
{
	struct walk inner;
	struct part_fields f;

	p->is_message = true;
	p->content = take_content(w);
	add_part(w, p);
	inner = walk_of(w->body, decoded_message(w->body, p), w->node);
	f = take_fields(&inner);
	take_entity(&inner, 0, &f, false, true, depth + 1);
}

static bool is_multipart(const struct body_part *p)
{
	return str_starts(p->type.type, STR_LIT("multipart/")) &&
	    p->type.has_boundary;
}

static bool is_message(const struct body_part *p)
{
	return str_eq_z(p->type.type, "message/rfc822") ||
	    str_eq_z(p->type.type, "message/global") ||
	    str_eq_z(p->type.type, "message/news");
}

/* A child of the node in which the walk is; it is then in that. */
static void begin_node(struct walk *w, const struct body_part *p)
{
	struct body *b = w->body;

	arena_grow(b->arena, &b->nodes, b->n_nodes, &b->cap_nodes);
	b->nodes[b->n_nodes] = (struct body_node){ .parent = w->node,
	    .part = BODY_NO_PART, .type = p->type,
	    .in_message = p->in_message };
	w->node = b->n_nodes++;
}

static void end_node(struct walk *w, size_t from)
{
	struct body_node *node = &w->body->nodes[w->node];

	node->entity = content_from(w, from);
	w->node = node->parent;
}

/* Its header began at FROM. */
static void take_entity(struct walk *w, size_t from,
    const struct part_fields *f, bool digest, bool in_message, size_t depth)
{
	struct body_part p = { .in_message = in_message, .content = STR_EMPTY };
	bool too_deep = depth >= MAIL_PART_DEPTH_MAX;

	if (w->body->n_nodes == MAIL_PARTS_MAX) {
		w->body->cut = true;
		w->hit = false;
		w->at = w->end = w->s.n;
		return;
	}
	read_fields(w->body->arena, f, digest, &p);
	begin_node(w, &p);
	if (too_deep && (is_multipart(&p) || is_message(&p)))
		w->body->cut = true;
	if (is_multipart(&p) && !too_deep)
		take_multipart(w, &p, depth);
	else if (!is_message(&p) || too_deep || w->hit)
		take_leaf(w, &p);
	else if (p.encoding == MIME_IDENTITY)
		take_message(w, &p, depth);
	else
		take_encoded_message(w, &p, depth);
	end_node(w, from);
}

struct body *body_make(struct arena *a, struct str bytes,
    const struct part_fields *top)
{
	struct body *b = arena_make(a, struct body);
	struct walk w = walk_of(b, bytes, 0);

	b->arena = a;
	take_entity(&w, 0, top, false, false, 0);
	return b;
}

size_t body_parts(const struct body *b, const struct body_part **list_out)
{
	*list_out = b->parts;
	return b->n_parts;
}

size_t body_nodes(const struct body *b, const struct body_node **list_out,
    bool *cut_out)
{
	*list_out = b->nodes;
	*cut_out = b->cut;
	return b->n_nodes;
}

void body_counts(const struct body *b, size_t *nodes_out,
    size_t *leaves_out)
{
	*nodes_out = b->n_nodes;
	*leaves_out = b->leaves;
}

/* ----------------------------------------------------------- attachments */

static bool says_attachment(const struct body_part *p)
{
	return str_eq_z(p->kind, "attachment");
}

static bool is_attachment(const struct body_part *p)
{
	return (p->filename.n || says_attachment(p)) &&
	    !str_starts(p->type.type, STR_LIT("multipart/"));
}

static void add_attachment(struct body *b, struct attachment a)
{
	if (b->n_attachments == MAIL_ATTACHMENTS_MAX) {
		b->cut = true;
		return;
	}
	arena_grow(b->arena, &b->attachments, b->n_attachments,
	    &b->cap_attachments);
	b->attachments[b->n_attachments++] = a;
}

static void add_enclosed(struct body *b, const struct body_part *p)
{
	struct enclosed file;
	size_t at = 0;

	if (!str_eq_z(p->type.type, "text/plain") ||
	    p->encoding != MIME_IDENTITY)
		return;
	while (!b->cut && enclosed_next(b->arena, p->content, &at, &file))
		add_attachment(b, (struct attachment){
			.name = file.name,
			.type = STR_LIT("application/octet-stream"),
			.size = file.size, .enclosed = true });
}

static void fill_attachments(struct body *b)
{
	for (size_t i = 0; i < b->n_parts; i++) {
		const struct body_part *p = &b->parts[i];

		if (is_attachment(p))
			add_attachment(b, (struct attachment){
				.name = p->filename, .type = p->type.type,
				.size = mime_decoded_size(p->content,
				    p->encoding) });
		add_enclosed(b, p);
	}
	b->has_attachments = true;
}

size_t body_attachments(struct body *b, const struct attachment **list_out,
    bool *cut_out)
{
	if (!b->has_attachments)
		fill_attachments(b);
	*list_out = b->attachments;
	*cut_out = b->cut;
	return b->n_attachments;
}

/* ----------------------------------------------------------------- texts */

/* CRLF and CR become LF; TO has room for S. */
static size_t copy_lines(char *to, struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r')
			to[n++] = s.p[i];
		else if (i + 1 == s.n || s.p[i + 1] != '\n')
			to[n++] = '\n';
	}
	return n;
}

/*
 * RFC 3676 4: a line that ends in a blank goes on in the next of the same
 * quote depth; the signature's "-- " does not.  In place: what comes out is
 * never longer.
 */
static size_t join_flowed(char *p, size_t n, bool delsp)
{
	size_t to = 0, depth_before = 0;
	struct str rest = { p, n }, line;
	bool flowing = false;

	while (str_cut(&rest, '\n', &line)) {
		size_t depth = 0, text;
		bool signature, ended = line.p + line.n < p + n;

		while (depth < line.n && line.p[depth] == '>')
			depth++;
		text = depth;
		if (text < line.n && line.p[text] == ' ')
			text++;		/* 4.4, space-stuffing */
		signature = str_eq_z(str_sub(line, text, line.n), "-- ");
		if (flowing && (depth != depth_before || signature)) {
			p[to++] = '\n';
			flowing = false;
		}
		if (!flowing && depth) {
			memmove(p + to, line.p, text);
			to += text;
		}
		memmove(p + to, line.p + text, line.n - text);
		to += line.n - text;
		flowing = line.n > text && line.p[line.n - 1] == ' ' &&
		    !signature;
		if (flowing && delsp)
			to--;
		else if (!flowing && ended)
			p[to++] = '\n';
		depth_before = depth;
	}
	return to;
}

static struct str plain_text(struct arena *a, const struct body_part *p,
    struct buf *source)
{
	char *to = arena_alloc(a, source->n);
	size_t n = copy_lines(to, buf_str(source));

	if (p->type.flowed)
		n = join_flowed(to, n, p->type.delsp);
	return (struct str){ to, n };
}

static void read_text(struct body *b, const struct body_part *p)
{
	bool html = str_eq_z(p->type.type, "text/html") ||
	    str_eq_z(p->type.type, "text/x-html");
	struct body_text *t = &b->texts[b->n_texts++];
	struct buf source, text;

	buf_init(&source, html ? HTML_MAX : MAIL_PART_TEXT_MAX);
	t->cut = !mime_decode_text(p->content, p->encoding, p->type.charset,
	    &source);
	if (html) {
		buf_init(&text, MAIL_PART_TEXT_MAX);
		html_text(buf_str(&source), &text);
		t->text = arena_str(b->arena, text.over ?
		    charset_whole(buf_str(&text)) : buf_str(&text));
		t->cut |= text.over;
		buf_free(&text);
	} else {
		t->text = plain_text(b->arena, p, &source);
	}
	buf_free(&source);
}

/* A name alone does not take a text out of what a reader shows. */
static bool is_text(const struct body_part *p)
{
	return str_starts(p->type.type, STR_LIT("text/")) &&
	    !p->in_message && !says_attachment(p);
}

static void fill_texts(struct body *b)
{
	size_t cap = 0, octets = 0;

	for (size_t i = 0; i < b->n_parts; i++) {
		if (!is_text(&b->parts[i]))
			continue;
		if (octets >= MAIL_TEXTS_MAX) {
			b->texts_cut = true;
			break;
		}
		arena_grow(b->arena, &b->texts, b->n_texts, &cap);
		read_text(b, &b->parts[i]);
		octets += b->texts[b->n_texts - 1].text.n;
	}
	b->has_texts = true;
}

size_t body_texts(struct body *b, const struct body_text **list_out,
    bool *cut_out)
{
	if (!b->has_texts)
		fill_texts(b);
	*list_out = b->texts;
	*cut_out = b->cut || b->texts_cut;
	return b->n_texts;
}
