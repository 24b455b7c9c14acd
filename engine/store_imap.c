/*
 * The IMAP store: opening, names, selecting, reading.
 *
 * What costs a turn is asked late and once: the list of mailboxes only when
 * a name other than INBOX or a special use is needed, so that a run with
 * nothing new is login, SELECT, LOGOUT.
 */
#include "store_imap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "gmail.h"
#include "identity.h"
#include "keyword.h"
#include "log.h"
#include "secret.h"

/* ---------------------------------------------------------------- open */

/* Sessions opened anew in one run: some messages that cannot be read, each in
 * a mailbox of 10,000. */
#define RETURNS_MAX	60
/* Pauses that a server asks for; all of a run together. */
#define PAUSE_MIN_MS	500
#define PAUSE_MAX_MS	30000
#define PAUSES_MAX_MS	300000

static bool give_secret(void *arg, struct buf *secret, struct err *e)
{
	return secret_once(arg, secret, e);
}

static void trace(void *arg, char who, struct str line)
{
	const struct account *a = arg;

	log_line(LOG_TRACE, "%s: %c: %.*s", a->name, who, STR_ARG(line));
}

static void settings_of(const struct account *a, struct secret *secret,
    struct imap_settings *set)
{
	static const enum wire_tls tls[] = {
		[TLS_IMAPS] = WIRE_TLS,
		[TLS_STARTTLS] = WIRE_STARTTLS,
		[TLS_NONE] = WIRE_PLAIN,
	};
	static const enum imap_compress compress[] = {
		[COMPRESS_AUTO] = IMAP_COMPRESS_AUTO,
		[COMPRESS_ON] = IMAP_COMPRESS_ON,
		[COMPRESS_OFF] = IMAP_COMPRESS_OFF,
	};

	static const enum imap_auth auth[] = {
		[AUTH_PASSWORD] = IMAP_AUTH_PASSWORD,
		[AUTH_TOKEN] = IMAP_AUTH_TOKEN,
		[AUTH_OAUTH] = IMAP_AUTH_TOKEN,
		[AUTH_EXTERNAL] = IMAP_AUTH_EXTERNAL,
	};

	*set = (struct imap_settings){
		.wire = {
			.host = a->host,
			.port = a->port,
			.tls = tls[a->tls],
			.ca_file = a->ca_file,
			.client_cert = a->certificate_file,
			.client_key = a->key_file,
			.proxy = a->proxy,
			.insecure = a->insecure,
			.connect_s = (unsigned)a->timeout,
		},
		.deadline_s = (unsigned)a->timeout,
		.compress = compress[a->compress],
		.auth = auth[a->auth],
		.mechanism = a->mechanism,
		.user = a->user,
		.advice = a->auth != AUTH_OAUTH ? NULL : "a fresh token is "
		    "refused, too: check `user`, and give consent as that "
		    "user (tamis auth); IMAP may be switched off",
		.secret = give_secret,
		.secret_arg = secret,
		.trace = log_wants(LOG_TRACE) ? trace : NULL,
		.trace_arg = (void *)(uintptr_t)a,
	};
}

/* A token may be refused before its time: it was revoked, or a clock is
 * wrong.  Then it is refreshed once. */
static bool log_in(const struct account *account, struct secret *secret,
    struct imap **s_out, struct err *e)
{
	struct imap_settings set;
	struct err first = { 0 };

	settings_of(account, secret, &set);
	if (imap_connect(&set, s_out, &first))
		return true;
	if (first.kind != ERR_AUTH || !secret_refused(secret)) {
		*e = first;
		return false;
	}
	log_line(LOG_NOTE, "%s: the server refuses the token that was kept; "
	    "trying with a new one", account->name);
	return imap_connect(&set, s_out, e);
}

/*
 * A server that says [THROTTLED] is given time before the next turn: twice as
 * much each time, up to half more so that many clients do not come back at
 * once, and half as much after a turn that went well.
 */
static void slow_down(struct store_imap *s)
{
	unsigned ms = s->pause_ms;
	struct timespec t;

	if (!imap_throttled(s->session)) {
		s->pause_ms /= 2;
		return;
	}
	ms = ms < PAUSE_MIN_MS ? PAUSE_MIN_MS : ms < PAUSE_MAX_MS / 2 ?
	    2 * ms : PAUSE_MAX_MS;
	s->pause_ms = ms;
	ms += (unsigned)((uint64_t)clock_ms() * 2654435761u % (ms / 2));
	if (s->paused_ms + ms > PAUSES_MAX_MS)
		return;
	s->paused_ms += ms;
	log_line(LOG_NOTE, "%s: the server asks for less at a time "
	    "[THROTTLED]; going on in %u.%u s", s->account->name, ms / 1000,
	    ms % 1000 / 100);
	t = (struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

bool store_imap_wait(struct store_imap *s, struct err *e)
{
	bool ok = imap_wait(s->session, e);
	struct imap_counters c = imap_counters(s->session);

	if (ok && imap_is_spent(s->session))
		ok = err_set(e, ERR_TEMP, "the server takes no more commands "
		    "now: Gmail's daily bandwidth is used up; it is open "
		    "again within a day");
	if (ok)
		slow_down(s);
	s->base.turns = s->earlier.turns + c.turns;
	s->base.octets_in = s->earlier.wire_in + c.wire_in;
	s->base.octets_out = s->earlier.wire_out + c.wire_out;
	return ok;
}

/* --------------------------------------------------------------- names */

/* "INBOX.lists.a" with the separator "." is our "lists/a". */
static struct str our_name(struct store_imap *s, const struct imap_folder *f)
{
	struct str rest = f->name;
	char *p;

	if (str_ieq_z(rest, "INBOX"))
		return STR_LIT("INBOX");
	if (s->prefix.n && str_starts(rest, s->prefix))
		rest = str_sub(rest, s->prefix.n, rest.n);
	p = arena_z(s->arena, rest);
	if (f->separator && f->separator != '/')
		for (size_t i = 0; i < rest.n; i++)
			if (p[i] == f->separator)
				p[i] = '/';
	return (struct str){ p, rest.n };
}

static struct str special_of(unsigned attrs)
{
	static const struct {
		unsigned bit;
		const char *name;
	} uses[] = {
		{ IMAP_USE_ALL, "\\All" },
		{ IMAP_USE_ARCHIVE, "\\Archive" },
		{ IMAP_USE_DRAFTS, "\\Drafts" },
		{ IMAP_USE_FLAGGED, "\\Flagged" },
		{ IMAP_USE_JUNK, "\\Junk" },
		{ IMAP_USE_SENT, "\\Sent" },
		{ IMAP_USE_TRASH, "\\Trash" },
		{ IMAP_USE_IMPORTANT, "\\Important" },
	};

	for (size_t i = 0; i < COUNT(uses); i++)
		if (attrs & uses[i].bit)
			return str_of(uses[i].name);
	return STR_EMPTY;
}

static void know(struct store_imap *s, const struct imap_folder *f)
{
	arena_grow(s->arena, &s->known, s->n_known, &s->cap_known);
	arena_grow(s->arena, &s->infos, s->n_known, &s->cap_infos);
	s->known[s->n_known] = (struct imap_known){ our_name(s, f), f };
	s->infos[s->n_known] = (struct mailbox_info){
		.name = s->known[s->n_known].name,
		.special = special_of(f->attrs),
		.selectable = !(f->attrs & (IMAP_NOSELECT | IMAP_NONEXISTENT)),
	};
	s->n_known++;
}

static bool list(struct store_imap *s, struct err *e)
{
	struct imap_namespace *space;
	struct imap_folders *folders;

	if (s->listed)
		return true;
	if (!imap_namespace(s->session, s->arena, &space, e) ||
	    !imap_list(s->session, s->arena, STR_LIT("*"), &folders, e) ||
	    !store_imap_wait(s, e) ||
	    !imap_answered(&folders->answer, ERR_PROTO, e,
	    "cannot list the mailboxes"))
		return false;
	s->separator = '/';
	if (space->answer.end == IMAP_OK && space->prefix.n)
		s->prefix = space->prefix;
	if (space->answer.end == IMAP_OK && space->separator)
		s->separator = space->separator;
	else if (folders->n && folders->v[0].separator)
		s->separator = folders->v[0].separator;
	for (size_t i = 0; i < folders->n; i++)
		know(s, &folders->v[i]);
	s->listed = true;
	return true;
}

static bool store_imap_mailboxes(struct store *st,
    const struct mailbox_info **list_out, size_t *n_out, struct err *e)
{
	struct store_imap *s = store_imap_of(st);

	if (!list(s, e))
		return false;
	*list_out = s->infos;
	*n_out = s->n_known;
	return true;
}

/* A name that the server does not have yet, in its own spelling. */
static struct str made_name(struct store_imap *s, struct str mailbox)
{
	struct str full = arena_printf(s->arena, "%.*s%.*s",
	    STR_ARG(s->prefix), STR_ARG(mailbox));
	char *p = arena_z(s->arena, full);

	for (size_t i = s->prefix.n; i < full.n; i++)
		if (p[i] == '/')
			p[i] = s->separator;
	return (struct str){ p, full.n };
}

bool store_imap_name(struct store_imap *s, struct str mailbox,
    struct str *name_out, struct err *e)
{
	if (str_ieq_z(mailbox, "INBOX")) {
		*name_out = STR_LIT("INBOX");
		return true;
	}
	if (!list(s, e))
		return false;
	for (size_t i = 0; i < s->n_known; i++)
		if (str_eq(s->known[i].name, mailbox)) {
			*name_out = s->known[i].folder->name;
			return true;
		}
	*name_out = made_name(s, mailbox);
	return true;
}

bool store_imap_exists(struct store_imap *s, struct str mailbox,
    bool *yes_out, struct err *e)
{
	if (!list(s, e))
		return false;
	*yes_out = false;
	for (size_t i = 0; i < s->n_known; i++)
		if (str_eq(s->known[i].name, mailbox))
			*yes_out = s->infos[i].selectable;
	return true;
}

static const char *configured(const struct account *a, struct str attribute)
{
	if (str_ieq_z(attribute, "\\Archive"))
		return a->archive;
	if (str_ieq_z(attribute, "\\Trash"))
		return a->trash;
	if (str_ieq_z(attribute, "\\Junk"))
		return a->spam;
	return NULL;
}

static bool store_imap_special(struct store *st, struct str attribute,
    struct str *mailbox_out, struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	const char *named = configured(s->account, attribute);

	if (named) {
		*mailbox_out = str_of(named);
		return true;
	}
	if (!list(s, e))
		return false;
	for (size_t i = 0; i < s->n_known; i++)
		if (str_ieq(s->infos[i].special, attribute)) {
			*mailbox_out = s->infos[i].name;
			return true;
		}
	return err_set(e, ERR_MESSAGE, "the server has no mailbox marked "
	    "%.*s", STR_ARG(attribute));
}

/* After a CREATE.  A refused one may mean that somebody was quicker, or that
 * it was done all the same; not every server has a code for that (RFC 5530),
 * so one is asked. */
static bool is_there(struct store_imap *s, const struct imap_answer *made,
    struct str name, bool *there_out, struct err *e)
{
	struct imap_status_answer *now;

	*there_out = made->end == IMAP_OK || (made->end == IMAP_NO &&
	    made->code == IMAP_CODE_ALREADYEXISTS);
	if (*there_out || made->end != IMAP_NO)
		return true;
	if (!imap_status(s->session, s->arena, name, IMAP_ST_UIDNEXT, &now,
	    e) || !store_imap_wait(s, e))
		return false;
	*there_out = now->answer.end == IMAP_OK;
	return true;
}

/* CREATE for each level that is missing; all in one turn. */
bool store_imap_create(struct store *st, struct str mailbox,
    struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct imap_plain *made = NULL, *ignored;
	struct str name;
	bool there;

	for (size_t end = 0; end < mailbox.n;) {
		struct str level;

		end = str_find_char(mailbox, end, '/');
		level = str_sub(mailbox, 0, end++);
		if (!store_imap_name(s, level, &name, e) ||
		    !imap_create(s->session, s->arena, name, &made, e) ||
		    !imap_subscribe(s->session, s->arena, name, &ignored, e))
			return false;
	}
	if (!made || !store_imap_wait(s, e) ||
	    !is_there(s, &made->answer, name, &there, e))
		return false;
	if (!there)
		return imap_answered(&made->answer, ERR_MESSAGE, e,
		    "cannot create the mailbox %.*s", STR_ARG(mailbox));
	{
		struct imap_folder *f = arena_make(s->arena,
		    struct imap_folder);

		f->name = arena_str(s->arena, name);
		f->separator = s->separator;
		know(s, f);
	}
	return true;
}

/* -------------------------------------------------------------- select */

/* As far as the list is known: INBOX has none. */
static struct str special_use(const struct store_imap *s, struct str mailbox)
{
	for (size_t i = 0; i < s->n_known; i++)
		if (str_eq(s->known[i].name, mailbox))
			return s->infos[i].special;
	return STR_EMPTY;
}

/* Courier tells no UIDNEXT: one above the highest UID that is there. */
static bool ask_uidnext(struct store_imap *s, uint32_t exists,
    uint32_t *uidnext_out, struct err *e)
{
	struct imap_found *found;

	*uidnext_out = 1;
	if (exists == 0)
		return true;
	if (!imap_search(s->session, s->arena, STR_LIT("UID *"), NULL,
	    &found, e) || !store_imap_wait(s, e) ||
	    !imap_answered(&found->answer, ERR_PROTO, e,
	    "cannot find the highest UID"))
		return false;
	if (found->uids && found->uids->n)
		*uidnext_out = found->uids->ranges[found->uids->n - 1].high +
		    1;
	return true;
}

bool store_imap_select(struct store *st, struct str mailbox, bool write,
    struct mailbox_state *out, struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct imap_mailbox *box;
	struct str name;
	uint32_t uidnext;

	s->selected = STR_EMPTY;
	if (!store_imap_name(s, mailbox, &name, e) ||
	    !imap_select(s->session, s->arena, name, write ?
	    IMAP_READ_WRITE : IMAP_READ_ONLY, &box, e) ||
	    !store_imap_wait(s, e) ||
	    !imap_answered(&box->answer, ERR_MESSAGE, e,
	    "cannot open the mailbox %.*s", STR_ARG(mailbox)))
		return false;
	if (box->uidvalidity == 0)
		return err_set(e, ERR_MESSAGE, "the server gives the mailbox "
		    "%.*s no UIDVALIDITY; without lasting UIDs nothing can be "
		    "done safely there", STR_ARG(mailbox));
	uidnext = box->uidnext;
	if (uidnext == 0 && !ask_uidnext(s, box->exists, &uidnext, e))
		return false;
	s->selected = arena_str(s->arena, mailbox);
	s->special = special_use(s, mailbox);
	s->uidvalidity = box->uidvalidity;
	s->writable = write && !box->read_only;
	*out = (struct mailbox_state){
		.uidvalidity = box->uidvalidity,
		.uidnext = uidnext,
		.modseq = box->highestmodseq,
		.exists = box->exists,
		.read_only = !s->writable,
	};
	return true;
}

bool store_imap_return(struct store_imap *s, struct str mailbox,
    bool write, uint32_t uidvalidity, struct err *e)
{
	struct mailbox_state state;

	if (!store_imap_select(&s->base, mailbox, write, &state, e))
		return false;
	if (state.uidvalidity == uidvalidity)
		return true;
	return err_set(e, ERR_TEMP, "the UIDVALIDITY of %.*s changed "
	    "meanwhile; the next run looks again", STR_ARG(mailbox));
}

/* -------------------------------------------------------------- search */

/* RFC 9051 6.4.4 SINCE takes the day of INTERNALDATE "disregarding time and
 * timezone"; a day earlier is surely wide enough. */
static void add_since(struct buf *b, int64_t since)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct civil c = time_to_civil(since - 86400);

	buf_printf(b, "%sSINCE %d-%s-%04" PRId64, b->n ? " " : "", c.day,
	    months[c.month - 1], c.year);
}

static bool store_imap_search(struct store *st, const struct store_query *q,
    struct uidset *set_out, struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct imap_found *found;
	struct uidset within;
	struct buf criteria;
	bool ok = false;

	buf_init(&criteria, IMAP_COMMAND_MAX);
	buf_add_str(&criteria, q->criteria);
	if (q->since != TIME_NONE)
		add_since(&criteria, q->since);
	uidset_init(&within, s->arena);
	uidset_add_range(&within, q->from_uid ? q->from_uid : 1, UIDSET_MAX);
	if (!imap_search(s->session, s->arena, buf_str(&criteria),
	    q->among ? q->among : q->from_uid > 1 ? &within : NULL, &found,
	    e) ||
	    !store_imap_wait(s, e))
		goto out;
	if (found->answer.end == IMAP_BAD) {
		err_set(e, ERR_USAGE, "the server does not understand the "
		    "search: %.*s", STR_ARG(found->answer.text));
		goto out;
	}
	if (!imap_answered(&found->answer, ERR_USAGE, e,
	    "the server refused the search"))
		goto out;
	*set_out = found->uids ? *found->uids : within;
	if (!found->uids)
		uidset_init(set_out, s->arena);
	ok = true;
out:
	buf_free(&criteria);
	return ok;
}

/* --------------------------------------------------------------- fetch */

struct fetching {
	struct store_imap *s;
	const struct uidset *set;
	const struct fetch_items *items;
	fetch_fn *fn;
	void *ctx;
	unsigned want;		/* of IMAP_FLAGS ... */
	struct uidset came;
	uint32_t suspect;	/* at which a session ended */
	struct arena *message;	/* reset for each */
	struct label_folders *folders;	/* NULL: not asked for */
};

static void add_flags(struct fetching *f, const struct imap_flags *flags,
    struct fetched *out)
{
	bool keywords = f->s->base.kind.labels == LABELS_KEYWORDS;
	struct str *list, *labels = arena_array(f->message,
	    flags->n_keywords + 1, sizeof(*labels));
	struct facts *facts = &out->facts;

	facts->n_flags = imap_flag_names(f->message, flags, &list);
	facts->flags = list;
	facts->labels = labels;
	for (size_t i = 0; keywords && i < flags->n_keywords; i++)
		if (label_of_keyword(f->message, flags->keywords[i],
		    &labels[facts->n_labels]))
			facts->n_labels++;
	if (f->s->base.kind.labels != LABELS_GMAIL)
		facts->known |= RULES_ASK_FLAGS |
		    (keywords ? RULES_ASK_LABELS : 0);
	out->deleted = (flags->system & IMAP_DELETED) != 0;
}

static void add_bytes(struct fetching *f, const struct imap_fetched *m,
    struct fetched *out)
{
	if (f->items->ask & RULES_ASK_BODY && m->have & IMAP_WHOLE) {
		out->have = MAIL_WHOLE;
		out->bytes = m->whole;
	} else if (f->items->whole_header && m->have & IMAP_HEADER) {
		out->have = MAIL_HEADER;
		out->bytes = m->header;
	} else if (m->have & IMAP_FIELDS) {
		out->have = MAIL_FIELDS;
		out->bytes = m->fields;
	}
}

/* Labels that are folders, known by identity. */
static void add_labels(struct fetching *f, const struct imap_fetched *m,
    struct fetched *out)
{
	struct identity id;
	struct str *labels;
	struct mail *mail;

	if (!f->folders || !(m->have & IMAP_SIZE) || out->have == 0)
		return;
	mail = mail_make(f->message, out->bytes, out->have, f->items->fields,
	    f->items->n_fields);
	identity_of(f->message, mail, m->size, &id);
	labels = arena_array(f->message, f->items->n_labels + 1,
	    sizeof(*labels));
	out->facts.labels = labels;
	out->facts.n_labels = label_folders_of(f->folders, &id, labels);
	out->facts.known |= RULES_ASK_LABELS;
}

static bool on_message(void *arg, const struct imap_fetched *m,
    struct err *e)
{
	struct fetching *f = arg;
	struct fetched out = {
		.facts = {
			.uid = m->uid,
			.account = str_of(f->s->account->name),
			.mailbox = f->s->selected,
			.in_inbox = str_eq_z(f->s->selected, "INBOX"),
		},
	};

	if (!(m->have & IMAP_UID) || !uidset_has(f->set, m->uid))
		return true;	/* news of another message */
	uidset_add(&f->came, m->uid);
	arena_reset(f->message);
	if (m->have & IMAP_FLAGS)
		add_flags(f, &m->flags, &out);
	if (m->have & IMAP_SIZE) {
		out.facts.size = m->size;
		out.facts.known |= RULES_ASK_SIZE;
	}
	if (m->have & IMAP_DATE) {
		out.facts.received = m->date;
		out.facts.known |= RULES_ASK_RECEIVED;
	}
	if (m->have & IMAP_EMAILID)
		out.object_id = m->emailid;
	out.facts.inbox_is_label = f->s->base.kind.labels == LABELS_GMAIL;
	if (m->have & IMAP_FLAGS && m->have & IMAP_GM_LABELS)
		gmail_facts(f->message, f->s->special, m->gm_labels,
		    m->n_gm_labels, &out.facts);
	if (m->have & IMAP_GM_MSGID)
		out.gmail_id = m->gm_msgid;
	add_bytes(f, m, &out);
	add_labels(f, m, &out);
	return f->fn(f->ctx, &out, e);
}

/* Looks into the folders of labels and comes back to the mailbox. */
static bool load_labels(struct fetching *f, struct err *e)
{
	struct store_imap *s = f->s;
	struct str mailbox = s->selected;
	uint32_t uidvalidity = s->uidvalidity;
	bool writable = s->writable;

	return label_folders_load(s, s->arena, f->items, &f->folders, e) &&
	    store_imap_return(s, mailbox, writable, uidvalidity, e);
}

static bool fetch_once(struct fetching *f, const struct uidset *set,
    struct err *e)
{
	struct store_imap *s = f->s;
	struct imap_fetch_answer *answer;
	struct imap_fetch_ask ask = {
		.uids = set,
		.items = f->want,
		.fields = f->items->fields,
		.n_fields = f->items->n_fields,
		.each = on_message,
		.arg = f,
	};

	return imap_fetch(s->session, s->arena, &ask, &answer, e) &&
	    store_imap_wait(s, e) &&
	    imap_answered(&answer->answer, ERR_TEMP, e,
	    "cannot fetch from %.*s", STR_ARG(s->selected));
}

/* After a BYE: another session, in the same mailbox. */
static bool come_back(struct store_imap *s, struct err *e)
{
	struct imap_counters c = imap_counters(s->session);
	struct str mailbox = s->selected;
	struct secret secret;
	bool ok;

	s->returns++;
	s->earlier.turns += c.turns;
	s->earlier.wire_in += c.wire_in;
	s->earlier.wire_out += c.wire_out;
	imap_close(&s->session);
	secret_init(&secret, s->account);
	ok = log_in(s->account, &secret, &s->session, e);
	secret_wipe(&secret);
	return ok && store_imap_return(s, mailbox, s->writable,
	    s->uidvalidity, e);
}

static bool give_unreadable(struct fetching *f, uint32_t uid, struct err *e)
{
	struct fetched out = {
		.facts = {
			.uid = uid,
			.account = str_of(f->s->account->name),
			.mailbox = f->s->selected,
			.in_inbox = str_eq_z(f->s->selected, "INBOX"),
		},
		.denied = "the server ends the session when it is asked for "
		    "this message",
		.unreadable = true,
	};

	return f->fn(f->ctx, &out, e);
}

/*
 * A server that cannot read one message may say BYE in the middle of a FETCH
 * (Dovecot does); with it no other one would ever come.  What has not come is
 * asked for in halves, until the message stands alone.
 */
static bool fetch_halves(struct fetching *f, const struct uidset *set,
    struct err *e)
{
	struct store_imap *s = f->s;
	struct uidset left, low, high;
	uint64_t n;

	if (fetch_once(f, set, e))
		return true;
	if (e->kind != ERR_TEMP || !imap_said_bye(s->session) ||
	    !s->may_return || s->returns >= RETURNS_MAX)
		return false;
	uidset_init(&left, s->arena);
	uidset_init(&low, s->arena);
	uidset_init(&high, s->arena);
	uidset_split(set, &f->came, NULL, &left);
	n = uidset_count(&left);
	if (n > UINT32_MAX)
		return false;	/* without an end */
	err_clear(e);
	if (!come_back(s, e))
		return false;
	if (n == 0)
		return true;
	if (n == 1 && f->suspect == left.ranges[0].low)
		return give_unreadable(f, f->suspect, e);
	if (n == 1) {		/* a session may end for other reasons, too */
		f->suspect = left.ranges[0].low;
		return fetch_halves(f, &left, e);
	}
	uidset_head(&left, 1, n / 2, &low);
	uidset_split(&left, &low, NULL, &high);
	return fetch_halves(f, &low, e) && fetch_halves(f, &high, e);
}

static bool store_imap_fetch(struct store *st, const struct uidset *set,
    const struct fetch_items *items, fetch_fn *fn, void *ctx,
    struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct fetching f = {
		.s = s, .set = set, .items = items, .fn = fn, .ctx = ctx,
	};
	bool ok;

	/* facts alone do not tell a copy from its original */
	if (s->base.kind.labels == LABELS_FOLDERS &&
	    items->ask & RULES_ASK_LABELS && items->ask & RULES_ASK_FIELDS &&
	    !load_labels(&f, e))
		return false;
	f.message = arena_new();
	if (items->ask & (RULES_ASK_FLAGS | RULES_ASK_LABELS))
		f.want |= IMAP_FLAGS | IMAP_GM_LABELS;
	if (s->base.kind.labels == LABELS_GMAIL)
		f.want |= IMAP_GM_MSGID;
	if (items->ask & RULES_ASK_SIZE)
		f.want |= IMAP_SIZE;
	if (items->ask & RULES_ASK_RECEIVED)
		f.want |= IMAP_DATE;
	if (items->ask & RULES_ASK_BODY)
		f.want |= IMAP_WHOLE;
	else if (items->ask & RULES_ASK_FIELDS)
		f.want |= items->whole_header ? IMAP_HEADER : IMAP_FIELDS;
	uidset_init(&f.came, s->arena);
	ok = fetch_halves(&f, set, e);
	arena_free(&f.message);
	return ok;
}

/* ------------------------------------------------------------ describe */

static void describe_line(struct buf *out, const char *what, bool has,
    const char *with, const char *without)
{
	buf_printf(out, "  %-12s %s\n", what, has ? with : without);
}

/* What a user's settings may have hidden. */
static void describe_gmail(struct store_imap *s, struct buf *out)
{
	static const struct {
		const char *special, *without;
	} needed[] = {
		{ "\\All", "All Mail is hidden from IMAP: a message that "
		    "somebody archives while tamis works cannot be found "
		    "again, and applies_to: all sees no archived mail. Show "
		    "it in Gmail's settings, Labels, \"Show in IMAP\"" },
		{ "\\Trash", "Trash is hidden from IMAP: the actions trash "
		    "and delete are refused" },
		{ "\\Junk", "Spam is hidden from IMAP: the action spam is "
		    "refused" },
	};

	for (size_t i = 0; i < COUNT(needed); i++) {
		bool there = false;

		for (size_t k = 0; k < s->n_known; k++)
			there |= str_eq_z(s->infos[k].special,
			    needed[i].special);
		if (!there)
			buf_printf(out, "  %s\n", needed[i].without);
	}
}

/* Gmail can show the newest messages of a mailbox only; it does not say
 * so, but then there are exactly as many as can be chosen. */
static bool describe_limit(struct store_imap *s, struct buf *out,
    struct err *e)
{
	static const uint32_t limits[] = { 1000, 2000, 5000, 10000 };
	struct imap_status_answer *all;
	struct str name;
	struct err hidden = { 0 };

	if (!s->base.kind.special(&s->base, STR_LIT(GMAIL_ALL), &name,
	    &hidden))
		return true;
	if (!store_imap_name(s, name, &name, e) ||
	    !imap_status(s->session, s->arena, name, IMAP_ST_MESSAGES, &all,
	    e) || !store_imap_wait(s, e))
		return false;
	for (size_t i = 0; i < COUNT(limits); i++)
		if (all->answer.end == IMAP_OK &&
		    all->st.messages == limits[i])
			buf_printf(out, "  All Mail has exactly %" PRIu32 " "
			    "messages: if there are more on the web, Gmail "
			    "shows only the newest ones in IMAP, and sweeps "
			    "do not see the others (Gmail's settings, "
			    "Forwarding and POP/IMAP, Folder size limits)\n",
			    limits[i]);
	return true;
}

static bool store_imap_describe(struct store *st, struct buf *out,
    struct err *e)
{
	struct store_imap *s = store_imap_of(st);
	struct imap *i = s->session;

	buf_add_z(out, "login by ");
	buf_add_z(out, imap_mechanism(i));
	buf_add_z(out, "\nthe server offers: ");
	buf_add_shown(out, imap_capability_text(i));
	buf_add_z(out, "\nwhat is used of it:\n");
	describe_line(out, "MOVE", imap_has(i, IMAP_CAP_MOVE),
	    "moves are one step",
	    "missing: a move is COPY, then the original goes");
	describe_line(out, "UIDPLUS", imap_has(i, IMAP_CAP_UIDPLUS),
	    "single messages can be expunged",
	    "missing: what is deleted is only marked \\Deleted, never "
	    "expunged");
	describe_line(out, "CONDSTORE", imap_has(i, IMAP_CAP_CONDSTORE),
	    "a sweep is left out where nothing has happened",
	    "missing: sweeps look each time");
	describe_line(out, "SPECIAL-USE", imap_has(i, IMAP_CAP_SPECIAL_USE),
	    "archive, trash and spam are found by attribute",
	    "missing: places are those that the account names, or that the "
	    "list marks all the same");
	describe_line(out, "COMPRESS", imap_is_compressed(i), "on", "off");
	if (!list(s, e))
		return false;
	buf_printf(out, "labels are %s\n",
	    st->kind.labels == LABELS_GMAIL ? "Gmail's own (X-GM-LABELS)" :
	    st->kind.labels == LABELS_FOLDERS ? "folders: a copy of the "
	    "message in each" : "keywords of the message");
	if (st->kind.labels == LABELS_GMAIL)
		describe_gmail(s, out);
	if (st->kind.labels == LABELS_GMAIL && !describe_limit(s, out, e))
		return false;
	buf_printf(out, "%zu mailboxes, levels separated by '%c'\n",
	    s->n_known, s->separator);
	for (size_t k = 0; k < s->n_known; k++)
		if (s->infos[k].special.n) {
			buf_printf(out, "  %-12.*s ",
			    STR_ARG(s->infos[k].special));
			buf_add_shown(out, s->infos[k].name);
			buf_add_char(out, '\n');
		}
	return true;
}

static void store_imap_close(struct store *st)
{
	struct store_imap *s = store_imap_of(st);

	imap_close(&s->session);
	arena_free(&s->arena);
}

static struct store_imap *store_make(struct arena *a,
    const struct account *account)
{
	struct store_imap *s = arena_make(a, struct store_imap);

	s->base.kind = (struct store_kind){
		.name = "imap",
		.mailboxes = store_imap_mailboxes,
		.special = store_imap_special,
		.create = store_imap_create,
		.select = store_imap_select,
		.search = store_imap_search,
		.fetch = store_imap_fetch,
		.prepare = store_imap_prepare,
		.apply = store_imap_apply,
		.find = store_imap_find,
		.finish_moves = store_imap_finish_moves,
		.describe = store_imap_describe,
		.close = store_imap_close,
		.replacer = &store_imap_replacer,
		.batch = 10000,
		.searches = true,
	};
	s->base.arena = a;
	s->account = account;
	s->separator = '/';
	return s;
}

/* RFC 9051 7.1: an ALERT must be shown to the user. */
static void show_alert(void *arg, const struct imap_news *n)
{
	const struct store_imap *s = arg;

	if (n->kind == IMAP_NEWS_ALERT)
		log_line(LOG_WARN, "%s: the server says: %.*s",
		    s->account->name, STR_ARG(n->text));
}

/* With the session open. */
static void store_begin(struct store_imap *s, struct store **store_out)
{
	s->arena = arena_new();
	imap_on_news(s->session, show_alert, s);
	s->base.kind.atomic_move = imap_has(s->session, IMAP_CAP_MOVE);
	s->base.kind.labels = imap_has(s->session, IMAP_CAP_X_GM_EXT_1) ?
	    LABELS_GMAIL : s->account->labels;
	*store_out = &s->base;
}

bool store_imap_open(struct arena *a, const struct account *account,
    struct secret *secret, struct store **store_out, struct err *e)
{
	struct store_imap *s = store_make(a, account);

	if (!log_in(account, secret, &s->session, e))
		return false;
	store_begin(s, store_out);
	s->may_return = true;
	return true;
}

bool store_imap_start(struct arena *a, struct arena *of_wire,
    struct wire *w, const struct account *account, struct secret *secret,
    struct store **store_out, struct err *e)
{
	struct store_imap *s = store_make(a, account);
	struct imap_settings set;

	settings_of(account, secret, &set);
	if (!imap_start(of_wire, w, &set, &s->session, e))
		return false;
	store_begin(s, store_out);
	return true;
}
