#include "imap_session.h"

#include <inttypes.h>

/* ------------------------------------------------ commands of one answer */

static bool plain_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	struct imap_plain *out = c->job;

	(void)s;
	(void)e;
	session_answer(&out->answer, c->arena, r);
	return true;
}

/* Every answer structure begins with its struct imap_answer. */
static void plain_lost(struct command *c, enum imap_end how)
{
	struct imap_answer *w = c->job;

	w->end = how;
	w->text = STR_EMPTY;
}

struct command *session_plain(struct imap *s, struct arena *a, void *job)
{
	struct command *c = session_command(s, a);

	c->job = job;
	c->end = plain_end;
	c->lost = plain_lost;
	return c;
}

static bool plain_name(struct imap *s, struct arena *a, const char *word,
    struct str name, struct imap_plain **out, struct err *e)
{
	struct imap_plain *job = arena_make(a, struct imap_plain);
	struct command *c;
	struct str wire;

	if (!session_usable(s, e) || !session_wire_name(s, a, name, &wire, e))
		return false;
	c = session_plain(s, a, job);
	buf_printf(&c->text, "%s ", word);
	session_put_astring(s, c, wire);
	*out = job;
	return session_queue(s, c, e);
}

bool imap_create(struct imap *s, struct arena *a, struct str name,
    struct imap_plain **out, struct err *e)
{
	return plain_name(s, a, "CREATE", name, out, e);
}

bool imap_subscribe(struct imap *s, struct arena *a, struct str name,
    struct imap_plain **out, struct err *e)
{
	return plain_name(s, a, "SUBSCRIBE", name, out, e);
}

bool imap_noop(struct imap *s, struct arena *a, struct imap_plain **out,
    struct err *e)
{
	struct command *c;

	if (!session_usable(s, e))
		return false;
	*out = arena_make(a, struct imap_plain);
	c = session_plain(s, a, *out);
	buf_add_z(&c->text, "NOOP");
	return session_queue(s, c, e);
}

static bool id_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	(void)c;
	(void)e;
	if (r->kind != IMAP_ID)
		return true;
	s->server_id = session_shown(s->arena, r->text);
	*used = true;
	return true;
}

bool imap_id(struct imap *s, struct arena *a, const char *name,
    const char *version, struct imap_plain **out, struct err *e)
{
	struct command *c;

	if (!session_usable(s, e))
		return false;
	*out = arena_make(a, struct imap_plain);
	if (!imap_has(s, IMAP_CAP_ID)) {
		(*out)->answer = (struct imap_answer){ .end = IMAP_OK,
		    .text = STR_EMPTY };
		return true;
	}
	c = session_plain(s, a, *out);
	c->reply = id_reply;
	buf_add_z(&c->text, "ID (\"name\" ");
	session_put_string(s, c, str_of(name));
	buf_add_z(&c->text, " \"version\" ");
	session_put_string(s, c, str_of(version));
	buf_add_char(&c->text, ')');
	return session_queue(s, c, e);
}

/* ---------------------------------------------------------------- LIST */

struct list_job {
	struct imap_folders pub;
	struct imap_folder *v;
	size_t cap;
};

static bool list_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	struct list_job *job = c->job;

	if (r->kind != IMAP_LIST_ENTRY)
		return true;
	*used = true;
	if (job->pub.n == IMAP_MAILBOXES_MAX)
		return err_set(e, ERR_PROTO, "the server lists more than %d "
		    "mailboxes", IMAP_MAILBOXES_MAX);
	arena_grow(c->arena, &job->v, job->pub.n, &job->cap);
	job->v[job->pub.n++] = (struct imap_folder){
		.name = session_utf8_name(s, c->arena, r->name),
		.separator = r->separator, .attrs = r->attrs,
	};
	job->pub.v = job->v;
	return true;
}

bool imap_list(struct imap *s, struct arena *a, struct str pattern,
    struct imap_folders **out, struct err *e)
{
	struct list_job *job = arena_make(a, struct list_job);
	struct command *c;
	struct str wire;

	if (!session_usable(s, e) ||
	    !session_wire_name(s, a, pattern, &wire, e))
		return false;
	c = session_plain(s, a, job);
	c->reply = list_reply;
	buf_add_z(&c->text, "LIST \"\" ");
	session_put_string(s, c, wire);
	/* RFC 6154 section 2: else a server may leave them out. */
	if (imap_has(s, IMAP_CAP_LIST_EXTENDED) &&
	    imap_has(s, IMAP_CAP_SPECIAL_USE))
		buf_add_z(&c->text, " RETURN (SPECIAL-USE)");
	*out = &job->pub;
	return session_queue(s, c, e);
}

static bool namespace_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	struct imap_namespace *out = c->job;

	(void)e;
	if (r->kind != IMAP_NAMESPACE)
		return true;
	out->prefix = session_utf8_name(s, c->arena, r->name);
	out->separator = r->separator;
	*used = true;
	return true;
}

bool imap_namespace(struct imap *s, struct arena *a,
    struct imap_namespace **out, struct err *e)
{
	struct command *c;

	if (!session_usable(s, e))
		return false;
	*out = arena_make(a, struct imap_namespace);
	(*out)->prefix = STR_EMPTY;
	if (!imap_has(s, IMAP_CAP_NAMESPACE)) {
		(*out)->answer = (struct imap_answer){ .end = IMAP_OK,
		    .text = STR_EMPTY };
		return true;
	}
	c = session_plain(s, a, *out);
	c->reply = namespace_reply;
	buf_add_z(&c->text, "NAMESPACE");
	return session_queue(s, c, e);
}

/* -------------------------------------------------------------- STATUS */

struct status_job {
	struct imap_status_answer pub;
	struct str wire;
};

static bool status_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	struct status_job *job = c->job;

	(void)s;
	(void)e;
	if (r->kind != IMAP_STATUS_DATA || !(str_eq(r->name, job->wire) ||
	    (str_eq_z(job->wire, "INBOX") && str_ieq_z(r->name, "INBOX"))))
		return true;
	job->pub.st = r->st;
	job->pub.st.mailboxid = arena_str(c->arena,
	    str_sub(r->st.mailboxid, 0, 255));
	*used = true;
	return true;
}

static unsigned status_items(const struct imap *s, unsigned items)
{
	if (!imap_has(s, IMAP_CAP_CONDSTORE))
		items &= ~(unsigned)IMAP_ST_HIGHESTMODSEQ;
	if (!imap_has(s, IMAP_CAP_STATUS_SIZE))
		items &= ~(unsigned)IMAP_ST_SIZE;
	if (!imap_has(s, IMAP_CAP_OBJECTID))
		items &= ~(unsigned)IMAP_ST_MAILBOXID;
	return items;
}

bool imap_status(struct imap *s, struct arena *a, struct str name,
    unsigned items, struct imap_status_answer **out, struct err *e)
{
	static const char *const names[] = {
		"MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN",
		"HIGHESTMODSEQ", "SIZE", "MAILBOXID", "RECENT",
	};
	struct status_job *job = arena_make(a, struct status_job);
	struct command *c;
	const char *before = " (";

	items = status_items(s, items);
	if (!session_usable(s, e) ||
	    !session_wire_name(s, a, name, &job->wire, e))
		return false;
	if (items == 0)
		return err_set(e, ERR_USAGE, "STATUS of nothing");
	c = session_plain(s, a, job);
	c->reply = status_reply;
	buf_add_z(&c->text, "STATUS ");
	session_put_astring(s, c, job->wire);
	for (size_t i = 0; i < COUNT(names); i++)
		if (items & 1u << i) {
			buf_add_z(&c->text, before);
			buf_add_z(&c->text, names[i]);
			before = " ";
		}
	buf_add_char(&c->text, ')');
	*out = &job->pub;
	return session_queue(s, c, e);
}

/* -------------------------------------------------------------- SELECT */

static struct imap_flags copy_flags(struct arena *a,
    const struct imap_flags *f)
{
	struct imap_flags out = *f;
	struct str *v = arena_array(a, f->n_keywords + 1, sizeof(*v));

	for (size_t i = 0; i < f->n_keywords; i++)
		v[i] = arena_str(a, f->keywords[i]);
	out.keywords = v;
	return out;
}

static void select_code(struct imap_mailbox *box, struct arena *a,
    const struct imap_reply *r)
{
	switch (r->code) {
	case IMAP_CODE_UIDVALIDITY:
		box->uidvalidity = (uint32_t)r->data.number;
		break;
	case IMAP_CODE_UIDNEXT:
		box->uidnext = (uint32_t)r->data.number;
		break;
	case IMAP_CODE_HIGHESTMODSEQ:
		box->highestmodseq = r->data.number;
		break;
	case IMAP_CODE_NOMODSEQ:
		box->highestmodseq = 0;
		break;
	case IMAP_CODE_PERMANENTFLAGS:
		box->permanent = copy_flags(a, &r->data.flags);
		break;
	case IMAP_CODE_MAILBOXID:
		box->mailboxid = arena_str(a, str_sub(r->data.text, 0, 255));
		break;
	case IMAP_CODE_READ_ONLY:
		box->read_only = true;
		break;
	default:
		break;
	}
}

/* Only when it is its turn: before that, all is news of the old mailbox. */
static bool select_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	struct imap_mailbox *box = c->job;

	(void)e;
	for (struct command *o = s->first; o != c; o = o->next)
		if (!o->answered)
			return true;
	switch (r->kind) {
	case IMAP_EXISTS:
		box->exists = r->number;
		break;
	case IMAP_STATUS_LINE:
		select_code(box, c->arena, r);
		break;
	case IMAP_FLAGS_LIST:
	case IMAP_RECENT_COUNT:
		break;
	default:
		return true;
	}
	*used = true;
	return true;
}

static bool select_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	struct imap_mailbox *box = c->job;

	(void)e;
	session_answer(&box->answer, c->arena, r);
	/* RFC 3501 6.3.1: also a failed SELECT leaves none selected. */
	s->selected = false;
	if (box->answer.end != IMAP_OK)
		return true;
	select_code(box, c->arena, r);
	arena_reset(s->box_arena);
	s->box = *box;
	s->box.name = arena_str(s->box_arena, box->name);
	s->box.mailboxid = arena_str(s->box_arena, box->mailboxid);
	s->box.permanent = copy_flags(s->box_arena, &box->permanent);
	s->box.answer.text = STR_EMPTY;
	s->selected = true;
	return true;
}

bool imap_select(struct imap *s, struct arena *a, struct str name,
    enum imap_access access, struct imap_mailbox **out, struct err *e)
{
	struct imap_mailbox *box = arena_make(a, struct imap_mailbox);
	struct command *c;
	struct str wire;

	if (!session_usable(s, e) || !session_wire_name(s, a, name, &wire, e))
		return false;
	box->name = session_utf8_name(s, a, wire);
	box->mailboxid = STR_EMPTY;
	box->read_only = access == IMAP_READ_ONLY;
	box->permanent.system = IMAP_SEEN | IMAP_ANSWERED | IMAP_FLAGGED |
	    IMAP_DELETED | IMAP_DRAFT | IMAP_ANY_KEYWORD;
	c = session_plain(s, a, box);
	c->reply = select_reply;
	c->end = select_end;
	c->selects = true;
	buf_add_z(&c->text, access == IMAP_READ_ONLY ? "EXAMINE " : "SELECT ");
	session_put_astring(s, c, wire);
	if (imap_has(s, IMAP_CAP_CONDSTORE))
		buf_add_z(&c->text, " (CONDSTORE)");
	*out = box;
	return session_queue(s, c, e);
}

const struct imap_mailbox *imap_selected(const struct imap *s)
{
	return s->selected ? &s->box : NULL;
}

/* ------------------------------------------------- commands over UID sets */

bool session_set_room(size_t spent, size_t *room_out, struct err *e)
{
	spent += 64;	/* tag, verb, blanks, CRLF */
	if (spent + 64 > IMAP_COMMAND_MAX)
		return err_set(e, ERR_USAGE, "a command too long for IMAP");
	*room_out = IMAP_COMMAND_MAX - spent;
	return true;
}

struct command *session_set_line(struct imap *s, struct arena *a,
    const char *verb, const struct uidset *uids, size_t *at, size_t room,
    struct str tail)
{
	struct command *c = session_plain(s, a, NULL);

	buf_add_z(&c->text, verb);
	buf_add_char(&c->text, ' ');
	uidset_format(uids, at, room, &c->text);
	buf_add_str(&c->text, tail);
	return c;
}

void session_line_end(struct lines *l, struct imap_answer *out,
    struct arena *a, const struct imap_reply *r)
{
	struct imap_answer w;

	session_answer(&w, a, r);
	if (w.end > l->worst.end)
		l->worst = w;
	if (--l->left == 0)
		*out = l->worst;
}

/* -------------------------------------------------------------- SEARCH */

struct search_job {
	struct imap_found pub;
	struct lines lines;
};

static bool search_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	struct search_job *job = c->job;

	(void)s;
	(void)e;
	if (r->kind != IMAP_SEARCH_RESULT ||
	    (r->search_tag.n && !str_eq_z(r->search_tag, c->tag)) ||
	    (!r->is_uid && r->uids->n))
		return true;
	*used = true;
	for (size_t i = 0; i < r->uids->n; i++)
		uidset_add_range(job->pub.uids, r->uids->ranges[i].low,
		    r->uids->ranges[i].high);
	if (r->modseq > job->pub.modseq)
		job->pub.modseq = r->modseq;
	return true;
}

static bool search_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	struct search_job *job = c->job;

	(void)s;
	(void)e;
	session_line_end(&job->lines, &job->pub.answer, c->arena, r);
	return true;
}

/* The end of the quoted string that begins at FROM, behind its quote. */
static bool quoted_end(struct str v, size_t from, size_t *end_out)
{
	for (size_t i = from + 1; i < v.n; i++) {
		if (v.p[i] == '\\')
			i++;
		else if (v.p[i] == '"') {
			*end_out = i + 1;
			return true;
		}
	}
	return false;
}

static bool criteria_are_sane(struct str v, struct err *e)
{
	size_t end;

	if (!utf8_valid(v) || !session_sayable(v))
		return err_set(e, ERR_USAGE, "search criteria must be one "
		    "line of UTF-8");
	for (size_t i = 0; i < v.n; ) {
		if (v.p[i] == '"') {
			if (!quoted_end(v, i, &end))
				return err_set(e, ERR_USAGE, "search "
				    "criteria: a quote without its end");
			i = end;
		} else if ((unsigned char)v.p[i++] >= 0x80 ||
		    v.p[i - 1] == '{') {
			return err_set(e, ERR_USAGE, "search criteria: put "
			    "what is not plain ASCII into quotes");
		}
	}
	return true;
}

/* As they stand, but with strings as this server takes them. */
static void put_criteria(struct imap *s, struct command *c, struct str v)
{
	size_t end = 0;
	struct buf plain;

	buf_init(&plain, v.n);
	for (size_t i = 0; i < v.n; i = end) {
		if (v.p[i] != '"') {
			end = str_find_char(v, i, '"');
			buf_add_str(&c->text, str_sub(v, i, end - i));
			continue;
		}
		if (!quoted_end(v, i, &end))
			break;
		buf_clear(&plain);
		for (size_t k = i + 1; k + 1 < end; k++) {
			if (v.p[k] == '\\')
				k++;
			buf_add_char(&plain, v.p[k]);
		}
		session_put_string(s, c, buf_str(&plain));
	}
	buf_free(&plain);
}

static bool search_line(struct imap *s, struct arena *a,
    struct search_job *job, struct str criteria, const struct uidset *within,
    size_t *at, struct err *e)
{
	struct command *c = session_plain(s, a, job);
	size_t room = 0;

	if (!session_set_room(2 * criteria.n + 64, &room, e)) {
		session_drop(s, c);
		return false;
	}
	c->reply = search_reply;
	c->end = search_end;
	buf_add_z(&c->text, "UID SEARCH");
	if (imap_has(s, IMAP_CAP_ESEARCH))
		buf_add_z(&c->text, " RETURN (ALL)");
	if (!session_seven_bit(criteria) && !s->utf8_names)
		buf_add_z(&c->text, " CHARSET UTF-8");
	if (within) {
		buf_add_z(&c->text, " UID ");
		uidset_format(within, at, room, &c->text);
	}
	if (criteria.n) {
		buf_add_char(&c->text, ' ');
		put_criteria(s, c, criteria);
	} else if (!within) {
		buf_add_z(&c->text, " ALL");
	}
	job->lines.left++;
	return session_queue(s, c, e);
}

bool imap_search(struct imap *s, struct arena *a, struct str criteria,
    const struct uidset *within, struct imap_found **out, struct err *e)
{
	struct search_job *job;
	size_t at = 0;

	criteria = str_trim(criteria);
	if (!session_usable(s, e) || !criteria_are_sane(criteria, e))
		return false;
	job = arena_make(a, struct search_job);
	job->pub.uids = arena_make(a, struct uidset);
	job->pub.answer.text = STR_EMPTY;
	uidset_init(job->pub.uids, a);
	if (within && within->n == 0) {
		job->pub.answer.end = IMAP_OK;
	} else {
		do {
			if (!search_line(s, a, job, criteria, within, &at, e))
				return false;
		} while (within && at < within->n);
	}
	*out = &job->pub;
	return true;
}

/* -------------------------------------------------------------- changes */

static void take_pairs(struct imap_change *ch, struct arena *a,
    const struct imap_code_data *d)
{
	struct imap_pair *v = arena_array(a, d->n_pairs + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < d->n_pairs; i++)
		if (uidset_has(ch->uids, d->pairs[i].from))
			v[n++] = d->pairs[i];
	ch->to_uidvalidity = (uint32_t)d->number;
	ch->pairs = v;
	ch->n_pairs = n;
}

/* RFC 6851 section 4.3: COPYUID of a MOVE comes before the EXPUNGEs, in an
 * untagged OK. */
static bool change_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	struct imap_change *ch = c->job;

	(void)s;
	(void)e;
	if (r->kind != IMAP_STATUS_LINE || r->code != IMAP_CODE_COPYUID ||
	    r->data.n_pairs == 0 || ch->n_pairs ||
	    !uidset_has(ch->uids, r->data.pairs[0].from))
		return true;
	take_pairs(ch, c->arena, &r->data);
	*used = true;
	return true;
}

static bool change_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	struct imap_change *ch = c->job;

	(void)s;
	(void)e;
	session_answer(&ch->answer, c->arena, r);
	if (r->code == IMAP_CODE_COPYUID)
		take_pairs(ch, c->arena, &r->data);
	if (r->code == IMAP_CODE_MODIFIED) {
		ch->modified = arena_make(c->arena, struct uidset);
		uidset_init(ch->modified, c->arena);
		for (size_t i = 0; i < r->data.uids->n; i++)
			uidset_add_range(ch->modified,
			    r->data.uids->ranges[i].low,
			    r->data.uids->ranges[i].high);
	}
	return true;
}

static void change_lost(struct command *c, enum imap_end how)
{
	struct imap_change *ch = c->job;

	ch->answer.end = how;
}

static bool may_change(struct imap *s, struct err *e)
{
	if (!session_usable(s, e))
		return false;
	if (!s->selected || s->selecting)
		return err_set(e, ERR_USAGE, "no mailbox is selected for "
		    "sure; wait for the answer first");
	if (s->box.read_only)
		return err_set(e, ERR_MESSAGE, "the mailbox is read-only");
	return true;
}

/* The links of the chain, each a line. */
static bool change_lines(struct imap *s, struct arena *a, const char *verb,
    const struct uidset *uids, struct str tail, struct imap_change **out,
    struct err *e)
{
	struct imap_change *first = NULL, **next = &first, *ch;
	size_t room = 0, begin = 0;

	if (!may_change(s, e) || !session_set_room(tail.n, &room, e))
		return false;
	for (size_t at = 0; at < uids->n; begin = at) {
		struct command *c = session_set_line(s, a, verb, uids, &at,
		    room, tail);

		ch = arena_make(a, struct imap_change);
		ch->uids = arena_make(a, struct uidset);
		ch->answer.text = STR_EMPTY;
		uidset_init(ch->uids, a);
		for (size_t i = begin; i < at; i++)
			uidset_add_range(ch->uids, uids->ranges[i].low,
			    uids->ranges[i].high);
		c->job = ch;
		c->reply = change_reply;
		c->end = change_end;
		c->lost = change_lost;
		if (!session_queue(s, c, e))
			return false;
		*next = ch;
		next = &ch->next;
	}
	*out = first;
	return true;
}

static bool put_flag(struct buf *out, struct str name, struct err *e)
{
	bool system = str_starts(name, STR_LIT("\\"));

	if (!session_is_atom(str_sub(name, system, name.n), false))
		return err_set(e, ERR_USAGE, "not the name of an IMAP flag or "
		    "keyword");
	buf_add_str(out, name);
	return true;
}

static bool put_label(struct imap *s, struct arena *a, struct buf *out,
    struct str name, struct err *e)
{
	struct str wire;

	if (str_starts(name, STR_LIT("\\")))
		return put_flag(out, name, e);
	if (!session_wire_name(s, a, name, &wire, e))
		return false;
	session_quote(out, wire);
	return true;
}

bool imap_store(struct imap *s, struct arena *a, const struct uidset *uids,
    enum imap_how how, enum imap_what what, const struct str *names,
    size_t n_names, uint64_t unchanged_since, struct imap_change **out,
    struct err *e)
{
	struct buf tail;
	bool good = true;

	if (n_names == 0)
		return err_set(e, ERR_USAGE, "STORE of no flags");
	if (unchanged_since && !imap_has(s, IMAP_CAP_CONDSTORE))
		return err_set(e, ERR_USAGE, "the server has no CONDSTORE");
	buf_init(&tail, 2 * IMAP_COMMAND_MAX);
	if (unchanged_since)
		buf_printf(&tail, " (UNCHANGEDSINCE %" PRIu64 ")",
		    unchanged_since);
	buf_printf(&tail, " %c%s.SILENT (", how == IMAP_ADD ? '+' : '-',
	    what == IMAP_STORE_LABELS ? "X-GM-LABELS" : "FLAGS");
	for (size_t i = 0; good && i < n_names; i++) {
		if (i)
			buf_add_char(&tail, ' ');
		good = what == IMAP_STORE_LABELS ?
		    put_label(s, a, &tail, names[i], e) :
		    put_flag(&tail, names[i], e);
	}
	buf_add_char(&tail, ')');
	good = good && change_lines(s, a, "UID STORE", uids, buf_str(&tail),
	    out, e);
	buf_free(&tail);
	return good;
}

static bool transfer(struct imap *s, struct arena *a, const char *verb,
    const struct uidset *uids, struct str to, struct imap_change **out,
    struct err *e)
{
	struct buf tail;
	struct str wire;
	bool good;

	if (!session_wire_name(s, a, to, &wire, e))
		return false;
	buf_init(&tail, 2 * IMAP_COMMAND_MAX);
	buf_add_char(&tail, ' ');
	session_quote(&tail, wire);
	good = change_lines(s, a, verb, uids, buf_str(&tail), out, e);
	buf_free(&tail);
	return good;
}

bool imap_copy(struct imap *s, struct arena *a, const struct uidset *uids,
    struct str to, struct imap_change **out, struct err *e)
{
	return transfer(s, a, "UID COPY", uids, to, out, e);
}

bool imap_move(struct imap *s, struct arena *a, const struct uidset *uids,
    struct str to, struct imap_change **out, struct err *e)
{
	if (!imap_has(s, IMAP_CAP_MOVE))
		return err_set(e, ERR_USAGE, "the server has no MOVE");
	return transfer(s, a, "UID MOVE", uids, to, out, e);
}

bool imap_expunge(struct imap *s, struct arena *a, const struct uidset *uids,
    struct imap_change **out, struct err *e)
{
	if (!imap_has(s, IMAP_CAP_UIDPLUS))
		return err_set(e, ERR_USAGE, "the server has no UIDPLUS");
	return change_lines(s, a, "UID EXPUNGE", uids, STR_EMPTY, out, e);
}

/* -------------------------------------------------------------- APPEND */

static bool append_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	struct imap_appended *out = c->job;

	(void)s;
	(void)e;
	session_answer(&out->answer, c->arena, r);
	if (r->code == IMAP_CODE_APPENDUID && r->data.uids &&
	    uidset_count(r->data.uids) == 1) {
		out->uidvalidity = (uint32_t)r->data.number;
		out->uid = r->data.uids->ranges[0].low;
	}
	return true;
}

static void put_date(struct buf *out, int64_t date, int zone)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil t = time_to_civil(date + (int64_t)zone * 60);
	int minutes = zone < 0 ? -zone : zone;

	buf_printf(out, " \"%02d-%.3s-%04d %02d:%02d:%02d %c%02d%02d\"",
	    t.day, months + 3 * (t.month - 1), (int)t.year, t.hour, t.min,
	    t.sec, zone < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
}

static bool put_append(struct imap *s, struct command *c, struct str wire,
    const struct str *flags, size_t n_flags, struct err *e)
{
	buf_add_z(&c->text, "APPEND ");
	session_put_astring(s, c, wire);
	for (size_t i = 0; i < n_flags; i++) {
		buf_add_z(&c->text, i ? " " : " (");
		if (!put_flag(&c->text, flags[i], e))
			return false;
	}
	if (n_flags)
		buf_add_char(&c->text, ')');
	return true;
}

bool imap_append(struct imap *s, struct arena *a, struct str to,
    const struct str *flags, size_t n_flags, int64_t date, int zone,
    struct str message, struct imap_appended **out, struct err *e)
{
	struct command *c;
	struct str wire;

	if (!session_usable(s, e) || !session_wire_name(s, a, to, &wire, e))
		return false;
	if (str_find_char(message, 0, '\0') < message.n)
		return err_set(e, ERR_MESSAGE, "a message with a NUL cannot "
		    "be sent by IMAP");
	*out = arena_make(a, struct imap_appended);
	c = session_plain(s, a, *out);
	c->end = append_end;
	if (!put_append(s, c, wire, flags, n_flags, e)) {
		session_drop(s, c);
		return false;
	}
	/* date-time has four digits for the year */
	if (date != TIME_NONE && date > -62000000000 && date < 253400000000)
		put_date(&c->text, date, zone);
	buf_add_char(&c->text, ' ');
	session_put_literal(s, c, message.n);
	c->pieces[c->n_pieces++] = (struct piece){ .p = message.p,
	    .n = message.n, .wait = c->open_wait };
	c->open_wait = false;
	return session_queue(s, c, e);
}
