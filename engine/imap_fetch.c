#include "imap_session.h"

#include <inttypes.h>

#include "mutf7.h"

/* --------------------------------------------------------------- FETCH */

struct fetch_job {
	struct imap_fetch_answer pub;
	struct lines lines;
	struct uidset uids;
	unsigned items;
	bool (*each)(void *arg, const struct imap_fetched *m, struct err *e);
	void *arg;
};

/* Labels are mailbox names but for those with a backslash in front. */
static void decode_labels(struct imap *s, struct imap_fetched *m)
{
	struct str *v = arena_array(s->scratch, m->n_gm_labels + 1,
	    sizeof(*v));

	for (size_t i = 0; i < m->n_gm_labels; i++) {
		v[i] = m->gm_labels[i];
		if (!str_starts(v[i], STR_LIT("\\")) &&
		    !mutf7_decode(s->scratch, v[i], &v[i]))
			v[i] = utf8_valid(v[i]) ? v[i] :
			    shown(s->scratch, v[i]);
	}
	m->gm_labels = v;
}

static bool give(struct imap *s, struct fetch_job *job,
    struct imap_fetched *m, struct err *e)
{
	arena_reset(s->scratch);
	if (m->n_gm_labels)
		decode_labels(s, m);
	job->pub.messages++;
	if (job->each(job->arg, m, e))
		return true;
	err_set(e, ERR_USAGE, "a callback stopped the session");
	return false;
}

static bool give_held(struct imap *s, struct err *e)
{
	struct command *c = s->held_by;
	bool good = true;

	if (c) {
		s->held_by = NULL;
		good = give(s, c->job, &s->held, e);
	}
	imap_parse_let_go(s->parse);
	return good;
}

/* Adds to M what only MORE has. */
static void join(struct imap_fetched *m, const struct imap_fetched *more)
{
	unsigned fresh = more->have & ~m->have;

#define TAKE(bit, field) \
	if (fresh & (bit)) \
		m->field = more->field
	TAKE(IMAP_FLAGS, flags);
	TAKE(IMAP_SIZE, size);
	TAKE(IMAP_DATE, date);
	TAKE(IMAP_DATE, zone);
	TAKE(IMAP_MODSEQ, modseq);
	TAKE(IMAP_EMAILID, emailid);
	TAKE(IMAP_THREADID, threadid);
	TAKE(IMAP_GM_MSGID, gm_msgid);
	TAKE(IMAP_GM_THRID, gm_thrid);
	TAKE(IMAP_GM_LABELS, gm_labels);
	TAKE(IMAP_GM_LABELS, n_gm_labels);
	TAKE(IMAP_HEADER, header);
	TAKE(IMAP_FIELDS, fields);
	TAKE(IMAP_TEXT, text);
	TAKE(IMAP_WHOLE, whole);
	TAKE(IMAP_SECTION, sections);
	TAKE(IMAP_SECTION, n_sections);
#undef TAKE
	/* flags that come later are newer */
	if (more->have & IMAP_FLAGS)
		m->flags = more->flags;
	m->have |= fresh;
}

/* Is it an answer to JOB, and not news of changed flags? */
static bool is_answer(const struct fetch_job *job,
    const struct imap_fetched *m)
{
	unsigned own = job->items &
	    ~(unsigned)(IMAP_UID | IMAP_FLAGS | IMAP_MODSEQ);

	return (m->have & IMAP_UID) && uidset_has(&job->uids, m->uid) &&
	    (own == 0 || (m->have & own));
}

/*
 * A reply with all items is given on at once.  One that lacks some is held
 * back until the next one shows whether the rest comes in a reply of its own,
 * as some servers do with FLAGS.
 */
static bool fetch_reply(struct imap *s, struct command *c,
    const struct imap_reply *r, bool *used, struct err *e)
{
	struct fetch_job *job = c->job;
	struct imap_fetched m;
	bool same;

	if (r->kind != IMAP_FETCH)
		return true;
	m = r->fetched;
	same = s->held_by == c && m.seq == s->held.seq &&
	    (!(m.have & IMAP_UID) || m.uid == s->held.uid);
	if (same) {
		*used = true;
		join(&s->held, &m);
		return give_held(s, e);
	}
	if (!is_answer(job, &m))
		return true;
	*used = true;
	if (!give_held(s, e))
		return false;
	if ((m.have & job->items) == job->items)
		return give(s, job, &m, e);
	imap_parse_keep(s->parse);
	s->held = m;
	s->held_by = c;
	return true;
}

static bool fetch_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	struct fetch_job *job = c->job;

	if (s->held_by == c && !give_held(s, e))
		return false;
	session_line_end(&job->lines, &job->pub.answer, c->arena, r);
	return true;
}

static unsigned fetch_items(const struct imap *s, unsigned items)
{
	if (!imap_has(s, IMAP_CAP_CONDSTORE))
		items &= ~(unsigned)IMAP_MODSEQ;
	if (!imap_has(s, IMAP_CAP_OBJECTID))
		items &= ~(unsigned)(IMAP_EMAILID | IMAP_THREADID);
	if (!imap_has(s, IMAP_CAP_X_GM_EXT_1))
		items &= ~(unsigned)(IMAP_GM_MSGID | IMAP_GM_THRID |
		    IMAP_GM_LABELS);
	return items | IMAP_UID;
}

static bool put_fields(struct buf *out, const struct imap_fetch_ask *ask,
    struct err *e)
{
	buf_add_z(out, " BODY.PEEK[HEADER.FIELDS (");
	for (size_t i = 0; i < ask->n_fields; i++) {
		if (!session_is_atom(ask->fields[i], false))
			return err_set(e, ERR_USAGE, "not the name of a "
			    "header field");
		if (i)
			buf_add_char(out, ' ');
		buf_add_str(out, ask->fields[i]);
	}
	buf_add_z(out, ")]");
	return true;
}

static bool section_is_sane(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!ch_alnum(v.p[i]) && v.p[i] != '.')
			return false;
	return v.n > 0;
}

static bool put_items(struct buf *out, unsigned items,
    const struct imap_fetch_ask *ask, struct err *e)
{
	static const struct {
		enum imap_item item;
		const char *name;
	} names[] = {
		{ IMAP_FLAGS, "FLAGS" }, { IMAP_SIZE, "RFC822.SIZE" },
		{ IMAP_DATE, "INTERNALDATE" }, { IMAP_MODSEQ, "MODSEQ" },
		{ IMAP_EMAILID, "EMAILID" }, { IMAP_THREADID, "THREADID" },
		{ IMAP_GM_MSGID, "X-GM-MSGID" },
		{ IMAP_GM_THRID, "X-GM-THRID" },
		{ IMAP_GM_LABELS, "X-GM-LABELS" },
		{ IMAP_HEADER, "BODY.PEEK[HEADER]" },
		{ IMAP_TEXT, "BODY.PEEK[TEXT]" }, { IMAP_WHOLE, "BODY.PEEK[]" },
	};

	buf_add_z(out, " (UID");
	for (size_t i = 0; i < COUNT(names); i++)
		if (items & names[i].item)
			buf_printf(out, " %s", names[i].name);
	if ((items & IMAP_FIELDS) && !put_fields(out, ask, e))
		return false;
	if (items & IMAP_SECTION) {
		if (!section_is_sane(ask->section))
			return err_set(e, ERR_USAGE, "not a body section");
		buf_printf(out, " BODY.PEEK[%.*s]", STR_ARG(ask->section));
	}
	buf_add_char(out, ')');
	if (ask->changed_since)
		buf_printf(out, " (CHANGEDSINCE %" PRIu64 ")",
		    ask->changed_since);
	return true;
}

static struct fetch_job *fetch_make(struct imap *s, struct arena *a,
    const struct imap_fetch_ask *ask)
{
	struct fetch_job *job = arena_make(a, struct fetch_job);

	job->items = fetch_items(s, ask->items);
	if ((job->items & IMAP_FIELDS) && ask->n_fields == 0)
		job->items &= ~(unsigned)IMAP_FIELDS;
	job->each = ask->each;
	job->arg = ask->arg;
	job->pub.answer.text = STR_EMPTY;
	uidset_init(&job->uids, a);
	for (size_t i = 0; i < ask->uids->n; i++)
		uidset_add_range(&job->uids, ask->uids->ranges[i].low,
		    ask->uids->ranges[i].high);
	return job;
}

bool imap_fetch(struct imap *s, struct arena *a,
    const struct imap_fetch_ask *ask, struct imap_fetch_answer **out,
    struct err *e)
{
	struct fetch_job *job;
	struct buf tail;
	size_t room = 0;
	bool good;

	if (!session_usable(s, e))
		return false;
	if (ask->changed_since && !imap_has(s, IMAP_CAP_CONDSTORE))
		return err_set(e, ERR_USAGE, "the server has no CONDSTORE");
	job = fetch_make(s, a, ask);
	buf_init(&tail, IMAP_COMMAND_MAX);
	good = put_items(&tail, job->items, ask, e) &&
	    session_set_room(tail.n, &room, e);
	for (size_t at = 0; good && at < job->uids.n; ) {
		struct command *c = session_set_line(s, a, "UID FETCH",
		    &job->uids, &at, room, buf_str(&tail));

		c->job = job;
		c->reply = fetch_reply;
		c->end = fetch_end;
		job->lines.left++;
		good = session_queue(s, c, e);
	}
	if (good && job->uids.n == 0)
		job->pub.answer.end = IMAP_OK;
	buf_free(&tail);
	if (good)
		*out = &job->pub;
	return good;
}
