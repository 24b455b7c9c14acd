/*
 * Replacing on IMAP: what all steps stand on; capture, remember, upload.
 */
#include "store_imap_replace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmail.h"
#include "identity.h"

#define REASON_MAX	500	/* octets */

struct str steps_keep(struct store_imap *s, struct str text)
{
	return arena_str(s->base.arena, text);
}

void steps_say(struct store_imap *s, struct replacement *r,
    enum step_outcome outcome, const char *fmt, ...)
{
	char text[REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->outcome = outcome;
	r->reason = steps_keep(s, str_of(text));
}

/* --------------------------------------------------------- one mailbox */

struct str steps_home(struct store_imap *s, const struct replacement *r)
{
	(void)s;
	return r->original.mailbox;
}

/* A mailbox that is open as it is wanted is not opened again: on Gmail a
 * SELECT of All Mail is dear. */
static bool is_open(struct steps *p, bool write)
{
	struct store_imap *s = p->s;
	const struct imap_mailbox *box = imap_selected(s->session);

	if (!box || !str_eq(s->selected, p->mailbox) ||
	    (write && !s->writable))
		return false;
	p->state = (struct mailbox_state){
		.uidvalidity = s->uidvalidity,
		.exists = box->exists,
		.read_only = !s->writable,
	};
	return true;
}

static bool one_mailbox(struct steps *p, bool write, steps_fn *fn,
    struct err *e)
{
	struct err mine = { 0 };
	bool open = is_open(p, write) || store_imap_select(&p->s->base,
	    p->mailbox, write, &p->state, &mine);

	if (!open && mine.kind != ERR_MESSAGE) {
		*e = mine;
		return false;
	}
	if (open && !(write && p->state.read_only))
		return fn(p, e);
	for (size_t i = 0; i < p->n; i++)
		if (open)
			steps_say(p->s, p->v[i], STEP_REFUSED, "the mailbox "
			    "%.*s is read-only", STR_ARG(p->mailbox));
		else
			steps_say(p->s, p->v[i], STEP_PASSING, "%s",
			    mine.msg);
	return true;
}

bool steps_each(struct store_imap *s, struct replacement *list, size_t n,
    steps_home_fn *home, bool write, steps_fn *fn, void *arg, struct err *e)
{
	struct arena *a = arena_new();
	struct str *homes = arena_array(a, n + 1, sizeof(*homes));
	bool *taken = arena_array(a, n + 1, sizeof(*taken));
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		homes[i] = home(s, &list[i]);
	for (size_t i = 0; ok && i < n; i++) {
		struct steps p = { .s = s, .a = a, .mailbox = homes[i],
		    .arg = arg };

		if (taken[i])
			continue;
		p.v = arena_array(a, n - i, sizeof(*p.v));
		for (size_t k = i; k < n; k++)
			if (!taken[k] && str_eq(homes[k], homes[i])) {
				taken[k] = true;
				p.v[p.n++] = &list[k];
			}
		ok = one_mailbox(&p, write, fn, e);
	}
	arena_free(&a);
	return ok;
}

void steps_begin(struct replacement *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		list[i].outcome = STEP_TODO;
		list[i].reason = STR_EMPTY;
	}
}

struct steps steps_some(const struct steps *p, const bool *wanted)
{
	struct steps q = *p;

	q.v = arena_array(p->a, p->n + 1, sizeof(*q.v));
	q.n = 0;
	for (size_t i = 0; i < p->n; i++)
		if (wanted[i])
			q.v[q.n++] = p->v[i];
	return q;
}

static bool named_alike(struct steps *p, struct err *e)
{
	bool *good = arena_array(p->a, p->n + 1, sizeof(*good));
	struct steps q;

	for (size_t i = 0; i < p->n; i++) {
		good[i] = p->v[i]->to_uidvalidity == p->state.uidvalidity;
		if (!good[i])
			steps_say(p->s, p->v[i], STEP_PASSING, "the "
			    "UIDVALIDITY of %.*s changed meanwhile: the copy "
			    "is to be looked for again", STR_ARG(p->mailbox));
	}
	q = steps_some(p, good);
	return q.n == 0 || ((steps_fn *)p->arg)(&q, e);
}

bool steps_each_copy(struct store_imap *s, struct replacement *list,
    size_t n, steps_fn *fn, struct err *e)
{
	return steps_each(s, list, n, steps_home, true, named_alike,
	    (void *)fn, e);
}

/* -------------------------------------------------------------- views */

struct place {
	uint32_t uid;
	size_t i;
};

static int by_uid(const void *a, const void *b)
{
	uint32_t x = ((const struct place *)a)->uid;
	uint32_t y = ((const struct place *)b)->uid;

	return x < y ? -1 : x > y;
}

static size_t first_of(const struct viewing *w, uint32_t uid)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->order[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool steps_has_nonce(struct arena *a, struct str header,
    const struct replacement *r)
{
	static const struct str field[] = { { NONCE_FIELD,
	    sizeof(NONCE_FIELD) - 1 } };
	struct mail *m = mail_make(a, header, MAIL_FIELDS, field, 1);
	size_t n = mail_field_count(m, field[0]);

	for (size_t k = 0; k < n; k++) {
		struct str v = mail_field_octets(m, field[0], k);

		for (size_t i = 0; i + NONCE_SIZE <= v.n; i++)
			if (memcmp(v.p + i, r->nonce, NONCE_SIZE) == 0)
				return true;
	}
	return false;
}

void steps_dress_of(const struct store_imap *s, struct arena *a,
    const struct imap_fetched *m, struct dress *out)
{
	struct imap_flags flags = m->flags;
	struct str *list, *labels = arena_array(a, m->n_gm_labels + 1,
	    sizeof(*labels));

	*out = (struct dress){ .labels = labels };
	for (size_t i = 0; steps_on_gmail(s) && i < m->n_gm_labels; i++) {
		struct str label = m->gm_labels[i];

		if (str_ieq_z(label, "\\Starred"))
			flags.system |= IMAP_FLAGGED;	/* they are one */
		else if (label.n)
			labels[out->n_labels++] = arena_str(a, label);
	}
	flags.system &= ~(unsigned)IMAP_DELETED;	/* nothing to put back */
	out->n_flags = imap_flag_names(a, &flags, &list);
	for (size_t i = 0; i < out->n_flags; i++)
		list[i] = arena_str(a, list[i]);
	out->flags = list;
}

/* The fields that tell messages apart, however they are folded now; a copy
 * of ours has our field besides. */
static bool has_fields_of(struct arena *a, struct str header,
    const struct replacement *r)
{
	struct identity now, then;

	identity_of(a, mail_make(a, header, MAIL_FIELDS, identity_fields,
	    IDENTITY_FIELDS_N), 0, &now);
	identity_of(a, mail_make(a, r->original_bytes, MAIL_WHOLE, NULL, 0),
	    0, &then);
	return identity_eq(&now, &then) && !steps_has_nonce(a, header, r);
}

static void see(struct viewing *w, size_t i, const struct imap_fetched *m,
    struct arena *message)
{
	struct steps *p = w->p;
	struct view *v = &w->views[i];

	v->there = VIEW_THERE;
	v->uid = m->uid;
	if (m->have & IMAP_GM_MSGID)
		v->gmail_id = m->gm_msgid;
	if (m->have & IMAP_GM_THRID)
		v->gmail_thread = m->gm_thrid;
	if (m->have & IMAP_MODSEQ)
		v->modseq = m->modseq;
	if (m->have & IMAP_SIZE)
		v->size = m->size;
	if (m->have & IMAP_EMAILID)
		v->object_id = arena_str(p->a, m->emailid);
	if (m->have & IMAP_DATE) {
		v->received = m->date;
		v->zone = m->zone;
	}
	if (m->have & IMAP_FLAGS) {
		steps_dress_of(p->s, p->a, m, &v->dress);
		v->deleted = (m->flags.system & IMAP_DELETED) != 0;
	}
	if (m->have & IMAP_FIELDS)
		v->as_original = has_fields_of(message, m->fields, p->v[i]);
	if (m->have & IMAP_WHOLE)
		v->content = sameness_of(p->v[i]->copy_bytes, m->whole);
}

static bool on_view(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct viewing *w = arg;
	struct arena *message = arena_new();

	(void)e;
	for (size_t k = first_of(w, m->uid); k < w->n &&
	    w->order[k].uid == m->uid; k++)
		see(w, w->order[k].i, m, message);
	arena_free(&message);
	return true;
}

bool views_ask(struct steps *p, const uint32_t *uids, unsigned items,
    struct viewing *w, struct err *e)
{
	static const struct str fields[] = {
		{ NONCE_FIELD, sizeof(NONCE_FIELD) - 1 },
		{ "Message-ID", 10 }, { "Date", 4 }, { "From", 4 },
		{ "Subject", 7 },
	};
	struct uidset set;
	struct imap_fetch_ask ask = {
		.uids = &set, .items = items, .fields = fields,
		.n_fields = COUNT(fields), .each = on_view, .arg = w,
	};

	*w = (struct viewing){ .p = p };
	w->views = arena_array(p->a, p->n + 1, sizeof(*w->views));
	w->order = arena_array(p->a, p->n + 1, sizeof(*w->order));
	for (size_t i = 0; i < p->n; i++)
		if (uids[i])
			w->order[w->n++] = (struct place){ uids[i], i };
		else
			w->views[i].there = VIEW_ABSENT;
	qsort(w->order, w->n, sizeof(*w->order), by_uid);
	uidset_init(&set, p->a);
	for (size_t k = 0; k < w->n; k++)
		uidset_add(&set, w->order[k].uid);
	return imap_fetch(p->s->session, p->a, &ask, &w->answer, e);
}

void views_end(struct viewing *w)
{
	for (size_t k = 0; w->answer->answer.end == IMAP_OK && k < w->n; k++)
		if (w->views[w->order[k].i].there == VIEW_UNKNOWN)
			w->views[w->order[k].i].there = VIEW_ABSENT;
}

bool views_get(struct steps *p, const uint32_t *uids, unsigned items,
    struct view **views_out, struct err *e)
{
	struct viewing *w = arena_make(p->a, struct viewing);

	if (!views_ask(p, uids, items, w, e) || !store_imap_wait(p->s, e))
		return false;
	views_end(w);
	*views_out = w->views;
	return true;
}

uint32_t *steps_copy_uids(const struct steps *p)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));

	for (size_t i = 0; i < p->n; i++)
		uids[i] = p->v[i]->copy_uid;
	return uids;
}

/* ------------------------------------------------------------- capture */

struct capture {
	captured_fn *fn;
	void *ctx;
};

static struct str capture_home(struct store_imap *s,
    const struct replacement *r)
{
	struct str all = STR_EMPTY;
	struct err none = { 0 };

	if (!steps_on_gmail(s))
		return r->mailbox;
	/* it is there: ready has looked */
	if (!s->base.kind.special(&s->base, STR_LIT(GMAIL_ALL), &all, &none))
		return STR_EMPTY;
	return all;
}

static bool is_place(struct store_imap *s, struct str mailbox,
    const char *attribute)
{
	struct str name;
	struct err none = { 0 };

	return s->base.kind.special(&s->base, str_of(attribute), &name,
	    &none) && str_eq(name, mailbox);
}

static bool is_away(struct store_imap *s, const struct replacement *r)
{
	return is_place(s, r->mailbox, "\\Trash") ||
	    is_place(s, r->mailbox, "\\Junk");
}

/* UIDs where they are replaced; those that cannot be found are said so. */
static bool capture_uids(struct steps *p, uint32_t *uids, struct err *e)
{
	bool gmail = steps_on_gmail(p->s);
	uint64_t *ids = arena_array(p->a, p->n + 1, sizeof(*ids));
	bool *sure = arena_array(p->a, p->n + 1, sizeof(*sure));

	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		if (is_away(p->s, r))
			steps_say(p->s, r, STEP_REFUSED, "what is in Trash or "
			    "Spam is not replaced");
		else if (gmail)
			ids[i] = gmail_msgid(&r->id);
		else if (r->uidvalidity != p->state.uidvalidity)
			steps_say(p->s, r, STEP_PASSING, "the UIDVALIDITY of "
			    "%.*s changed meanwhile; the next run judges "
			    "again", STR_ARG(r->mailbox));
		else
			uids[i] = r->uid;
	}
	if (!gmail)
		return true;
	if (!gmail_find_ids(p, ids, uids, sure, e))
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (ids[i] && !uids[i])
			steps_say(p->s, p->v[i], STEP_PASSING, sure[i] ?
			    "it is not in All Mail: it has gone to Trash or "
			    "Spam, or All Mail shows only a part of the mail" :
			    "the server does not say where it is");
	return true;
}

/* Why it cannot be replaced, or NULL. */
static const char *obstacle(const struct steps *p,
    const struct replacement *r, const struct view *v)
{
	uint64_t limit = imap_append_limit(p->s->session);
	const struct imap_mailbox *box = imap_selected(p->s->session);

	if (v->deleted)
		return "it is marked \\Deleted";
	if (limit && v->size > limit)
		return "the server takes no message of its size "
		    "(APPENDLIMIT)";
	if (p->s->account->limits && v->size > p->s->account->limits->message)
		return "it is larger than limits.message";
	if (r->lossy)
		return NULL;
	if (steps_on_gmail(p->s))
		return gmail_not_replaced(&v->dress);
	for (size_t i = 0; box && i < v->dress.n_flags; i++)
		if (!store_imap_keeps(&box->permanent, v->dress.flags[i]))
			return "it has a keyword that the server would not "
			    "keep on a copy";
	return NULL;
}

void steps_keep_dress(struct store_imap *s, const struct dress *d,
    struct dress *out)
{
	struct str *list = arena_array(s->base.arena, d->n_flags + 1,
	    sizeof(*list));
	struct str *labels = arena_array(s->base.arena, d->n_labels + 1,
	    sizeof(*labels));

	for (size_t i = 0; i < d->n_flags; i++)
		list[i] = steps_keep(s, d->flags[i]);
	for (size_t i = 0; i < d->n_labels; i++)
		labels[i] = steps_keep(s, d->labels[i]);
	*out = (struct dress){ list, d->n_flags, labels, d->n_labels };
}

static void fill(struct steps *p, struct replacement *r, const struct view *v)
{
	r->original = (struct original){
		.mailbox = steps_keep(p->s, p->mailbox),
		.uidvalidity = p->state.uidvalidity,
		.uid = v->uid,
		.name = STR_EMPTY,
		.gmail_id = v->gmail_id,
		.gmail_thread = v->gmail_thread,
		.object_id = steps_keep(p->s, v->object_id),
		.modseq = v->modseq,
		.received = v->received,
		.zone = v->zone,
	};
	steps_keep_dress(p->s, &v->dress, &r->original.dress);
}

struct bytes_of {
	struct steps *p;
	struct viewing *w;
	struct capture *to;
};

static bool on_bytes(void *arg, const struct imap_fetched *m, struct err *e)
{
	struct bytes_of *b = arg;
	struct steps *p = b->p;

	if (!(m->have & IMAP_WHOLE))
		return true;
	for (size_t k = first_of(b->w, m->uid); k < b->w->n &&
	    b->w->order[k].uid == m->uid; k++) {
		struct replacement *r = p->v[b->w->order[k].i];

		if (r->outcome != STEP_TODO)
			continue;
		r->original.size = m->whole.n;
		r->outcome = STEP_DONE;
		if (!b->to->fn(b->to->ctx, r, m->whole, e))
			return false;
	}
	return true;
}

static bool capture_bytes(struct steps *p, struct viewing *w, struct err *e)
{
	struct bytes_of b = { p, w, p->arg };
	struct imap_fetch_answer *answer;
	struct uidset set;
	struct imap_fetch_ask ask = {
		.uids = &set, .items = IMAP_WHOLE, .each = on_bytes,
		.arg = &b,
	};

	uidset_init(&set, p->a);
	for (size_t k = 0; k < w->n; k++)
		if (p->v[w->order[k].i]->outcome == STEP_TODO)
			uidset_add(&set, w->order[k].uid);
	if (set.n == 0)
		return true;
	if (!imap_fetch(p->s->session, p->a, &ask, &answer, e) ||
	    !store_imap_wait(p->s, e))
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->outcome == STEP_TODO)
			steps_say(p->s, p->v[i], STEP_PASSING,
			    "the server did not give its bytes%s%.*s",
			    answer->answer.text.n ? ": " : "",
			    STR_ARG(answer->answer.text));
	return true;
}

static bool capture_in(struct steps *p, struct err *e)
{
	uint32_t *uids = arena_array(p->a, p->n + 1, sizeof(*uids));
	struct viewing w;

	if (!capture_uids(p, uids, e) ||
	    !views_ask(p, uids, VIEW_DRESS | IMAP_SIZE | IMAP_DATE |
	    IMAP_MODSEQ | IMAP_EMAILID | IMAP_GM_MSGID | IMAP_GM_THRID, &w,
	    e) || !store_imap_wait(p->s, e))
		return false;
	views_end(&w);
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];
		const struct view *v = &w.views[i];
		const char *why;

		if (r->outcome != STEP_TODO)
			continue;
		if (v->there == VIEW_THERE)
			fill(p, r, v);
		if (v->there != VIEW_THERE)
			steps_say(p->s, r, STEP_PASSING, "it has left %.*s "
			    "meanwhile", STR_ARG(p->mailbox));
		else if ((why = obstacle(p, r, v)))
			steps_say(p->s, r, STEP_REFUSED, "%s", why);
	}
	return capture_bytes(p, &w, e);
}

static bool capture(struct store *st, struct replacement *list, size_t n,
    captured_fn *fn, void *ctx, struct err *e)
{
	struct capture to = { fn, ctx };

	steps_begin(list, n);
	return steps_each(store_imap_of(st), list, n, capture_home, true,
	    capture_in, &to, e);
}

/* ------------------------------------------------------------ remember */

static bool remember_in(struct steps *p, struct err *e)
{
	/* opened anew: UIDNEXT is to be the present one */
	if (!p->state.uidnext && !store_imap_select(&p->s->base, p->mailbox,
	    true, &p->state, e))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct replacement *r = p->v[i];

		r->to_uidvalidity = p->state.uidvalidity;
		r->to_from_uid = p->state.uidnext;
		r->copy_uid = 0;
		r->copy_gmail_id = 0;
		r->n_twins = 0;
		r->sent = r->content_seen = false;
		r->outcome = STEP_DONE;
	}
	return true;
}

static bool remember(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	steps_begin(list, n);
	return steps_each(store_imap_of(st), list, n, steps_home, true,
	    remember_in, NULL, e);
}

/* -------------------------------------------------------------- upload */

/* The flags that go with it; on Gmail a \Draft would be a draft. */
static size_t append_flags(const struct steps *p, const struct replacement *r,
    const struct str **out)
{
	const struct imap_mailbox *box = imap_selected(p->s->session);
	const struct dress *d = &r->original.dress;
	struct str *list = arena_array(p->a, d->n_flags + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < d->n_flags; i++) {
		if (steps_on_gmail(p->s) && str_ieq_z(d->flags[i], "\\Draft"))
			continue;
		if (!box || store_imap_keeps(&box->permanent, d->flags[i]))
			list[n++] = d->flags[i];
	}
	*out = list;
	return n;
}

static bool send_one(struct steps *p, struct replacement *r, struct str name,
    struct imap_appended **out, struct err *e)
{
	uint64_t limit = imap_append_limit(p->s->session);
	struct err mine = { 0 };
	const struct str *list;
	size_t n = append_flags(p, r, &list);

	*out = NULL;
	if (limit && r->copy_bytes.n > limit) {
		steps_say(p->s, r, STEP_REFUSED, "the copy has %zu octets, "
		    "and the server takes %" PRIu64 " (APPENDLIMIT)",
		    r->copy_bytes.n, limit);
		return true;
	}
	if (imap_append(p->s->session, p->a, name, list, n,
	    r->original.received, r->original.zone, r->copy_bytes, out,
	    &mine))
		return true;
	if (mine.kind != ERR_MESSAGE && mine.kind != ERR_USAGE) {
		*e = mine;
		return false;
	}
	steps_say(p->s, r, STEP_REFUSED, "%s", mine.msg);
	return true;
}

/* What a refusal means for the next try. */
static void refused(struct steps *p, struct replacement *r,
    const struct imap_answer *w)
{
	const char *code = imap_code_name(w->code);
	const char *more =
	    w->code == IMAP_CODE_TRYCREATE ? "; the mailbox has gone" :
	    w->code == IMAP_CODE_TOOBIG ? "; it is too big for the server" :
	    w->code == IMAP_CODE_LIMIT || w->code == IMAP_CODE_THROTTLED ?
	    "; the server wants less at a time" : "";

	steps_say(p->s, r, w->temporary ? STEP_PASSING : STEP_REFUSED,
	    "the server does not take the copy: %s%s%s%s %.*s%s",
	    w->end == IMAP_NO ? "NO" : "BAD", *code ? " [" : "", code,
	    *code ? "]" : "", STR_ARG(w->text), more);
}

static void sent(struct steps *p, struct replacement *r,
    const struct imap_appended *w)
{
	r->sent = w->answer.end != IMAP_UNSENT &&
	    w->answer.end != IMAP_PENDING;
	switch (w->answer.end) {
	case IMAP_OK:
		r->outcome = STEP_DONE;
		if (w->uidvalidity == r->to_uidvalidity)
			r->copy_uid = w->uid;
		break;
	case IMAP_NO:
	case IMAP_BAD:
		refused(p, r, &w->answer);
		break;
	case IMAP_LOST:
		steps_say(p->s, r, STEP_UNSURE, "the connection ended before "
		    "the server's answer to the copy");
		break;
	case IMAP_PENDING:
	case IMAP_UNSENT:
		break;		/* stays STEP_TODO */
	}
}

static bool was_refused(const struct imap_appended *w)
{
	return w->answer.end == IMAP_NO || w->answer.end == IMAP_BAD;
}

/* A NO has been seen behind the effect. */
static bool look_at_refused(struct steps *p, struct imap_appended *const *w,
    struct err *e)
{
	bool *no = arena_array(p->a, p->n + 1, sizeof(*no));
	struct steps q;

	for (size_t i = 0; i < p->n; i++)
		no[i] = w[i] && was_refused(w[i]);
	q = steps_some(p, no);
	return q.n == 0 || steps_look_at_refused(&q, e);
}

static bool upload_in(struct steps *p, struct err *e)
{
	struct imap_appended **w = arena_array(p->a, p->n + 1, sizeof(*w));
	struct str name;
	bool ok = store_imap_name(p->s, p->mailbox, &name, e);

	for (size_t i = 0; ok && i < p->n; i++)
		ok = send_one(p, p->v[i], name, &w[i], e);
	ok = ok && store_imap_wait(p->s, e);
	for (size_t i = 0; i < p->n; i++)
		if (w[i])
			sent(p, p->v[i], w[i]);
	if (ok)
		return look_at_refused(p, w, e);
	for (size_t i = 0; i < p->n; i++)
		if (w[i] && was_refused(w[i]))
			p->v[i]->outcome = STEP_UNSURE;	/* not looked at */
	return false;
}

static bool upload(struct store *st, struct replacement *list, size_t n,
    struct err *e)
{
	steps_begin(list, n);
	return steps_each_copy(store_imap_of(st), list, n, upload_in, e);
}

/* ------------------------------------------------------------ interface */

static bool ready(struct store *st, struct err *e)
{
	return !steps_on_gmail(store_imap_of(st)) ||
	    gmail_replace_ready(st, e);
}

const struct replacer store_imap_replacer = {
	.crlf = true,
	.ready = ready,
	.capture = capture,
	.remember = remember,
	.upload = upload,
	.look = steps_look,
	.prove = steps_prove,
	.dress = steps_dress,
	.retire = steps_retire,
	.whereabouts = steps_whereabouts,
	.restore = steps_restore,
	.discard = steps_discard,
};
