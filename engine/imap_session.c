#include "imap_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "deflate.h"
#include "mutf7.h"

#define DEADLINE_S	60
#define WHOLE_DEADLINES	30
#define WHOLE_OCTETS	100000
#define GOODBYE_MS	1500	/* to wait for more once a BYE was seen */
#define LOGOUT_MS	3000
#define OUT_CHUNK	65536	/* octets handed to the wire at a time */
#define IN_CHUNK	65536
#define ROOM_MIN	16384	/* of a literal, to receive straight into it */
#define TEXT_MAX	(1024 * 1024)	/* a command but its message */
#define LITERAL_MINUS_MAX	4096	/* RFC 7888 section 5 */
#define CAPABILITIES_MAX	65536	/* octets of their text */
#define ODD_NAMES_MAX	1000	/* mailbox names that are not mUTF-7 */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct str session_shown(struct arena *a, struct str s)
{
	return shown(a, str_sub(str_trim(s), 0, SHOWN_MAX));
}

/* -------------------------------------------------------- capabilities */

static const char *const cap_names[IMAP_CAP_COUNT] = {
	[IMAP_CAP_IMAP4REV1] = "IMAP4rev1",
	[IMAP_CAP_IMAP4REV2] = "IMAP4rev2",
	[IMAP_CAP_SASL_IR] = "SASL-IR",
	[IMAP_CAP_LOGINDISABLED] = "LOGINDISABLED",
	[IMAP_CAP_AUTH_PLAIN] = "AUTH=PLAIN",
	[IMAP_CAP_AUTH_SCRAM_SHA_1] = "AUTH=SCRAM-SHA-1",
	[IMAP_CAP_AUTH_SCRAM_SHA_256] = "AUTH=SCRAM-SHA-256",
	[IMAP_CAP_AUTH_XOAUTH2] = "AUTH=XOAUTH2",
	[IMAP_CAP_AUTH_OAUTHBEARER] = "AUTH=OAUTHBEARER",
	[IMAP_CAP_AUTH_EXTERNAL] = "AUTH=EXTERNAL",
	[IMAP_CAP_LITERAL_PLUS] = "LITERAL+",
	[IMAP_CAP_LITERAL_MINUS] = "LITERAL-",
	[IMAP_CAP_ID] = "ID",
	[IMAP_CAP_ENABLE] = "ENABLE",
	[IMAP_CAP_IDLE] = "IDLE",
	[IMAP_CAP_NAMESPACE] = "NAMESPACE",
	[IMAP_CAP_CHILDREN] = "CHILDREN",
	[IMAP_CAP_UNSELECT] = "UNSELECT",
	[IMAP_CAP_UIDPLUS] = "UIDPLUS",
	[IMAP_CAP_MOVE] = "MOVE",
	[IMAP_CAP_CONDSTORE] = "CONDSTORE",
	[IMAP_CAP_QRESYNC] = "QRESYNC",
	[IMAP_CAP_ESEARCH] = "ESEARCH",
	[IMAP_CAP_LIST_EXTENDED] = "LIST-EXTENDED",
	[IMAP_CAP_LIST_STATUS] = "LIST-STATUS",
	[IMAP_CAP_SPECIAL_USE] = "SPECIAL-USE",
	[IMAP_CAP_XLIST] = "XLIST",
	[IMAP_CAP_OBJECTID] = "OBJECTID",
	[IMAP_CAP_COMPRESS_DEFLATE] = "COMPRESS=DEFLATE",
	[IMAP_CAP_QUOTA] = "QUOTA",
	[IMAP_CAP_UTF8_ACCEPT] = "UTF8=ACCEPT",
	[IMAP_CAP_X_GM_EXT_1] = "X-GM-EXT-1",
	[IMAP_CAP_STATUS_SIZE] = "STATUS=SIZE",
	[IMAP_CAP_WITHIN] = "WITHIN",
	[IMAP_CAP_APPENDLIMIT] = "APPENDLIMIT",
};

/* What RFC 9051 appendix E made part of IMAP4rev2, as far as it is used. */
static const enum imap_cap in_rev2[] = {
	IMAP_CAP_SASL_IR, IMAP_CAP_LITERAL_MINUS, IMAP_CAP_ENABLE,
	IMAP_CAP_IDLE, IMAP_CAP_NAMESPACE, IMAP_CAP_CHILDREN,
	IMAP_CAP_UNSELECT, IMAP_CAP_UIDPLUS, IMAP_CAP_MOVE, IMAP_CAP_ESEARCH,
	IMAP_CAP_LIST_EXTENDED, IMAP_CAP_LIST_STATUS, IMAP_CAP_SPECIAL_USE,
	IMAP_CAP_STATUS_SIZE,
};

#define BIT(cap)	(UINT64_C(1) << (cap))

bool imap_has(const struct imap *s, enum imap_cap cap)
{
	return (s->caps & BIT(cap)) != 0;
}

const char *imap_cap_name(enum imap_cap cap)
{
	return cap_names[cap];
}

static void learn_cap(struct imap *s, struct str atom)
{
	static const struct str limit = { "APPENDLIMIT=", 12 };

	if (str_istarts(atom, limit)) {
		s->caps |= BIT(IMAP_CAP_APPENDLIMIT);
		if (!str_u64(str_sub(atom, limit.n, atom.n), UINT64_MAX,
		    &s->append_limit))
			s->append_limit = 0;
		return;
	}
	for (size_t i = 0; i < COUNT(cap_names); i++)
		if (str_ieq_z(atom, cap_names[i]))
			s->caps |= BIT(i);
}

static void learn_caps(struct imap *s, const struct str *atoms, size_t n)
{
	s->caps = 0;
	s->append_limit = 0;
	s->caps_known = s->caps_fresh = true;
	buf_clear(&s->caps_text);
	for (size_t i = 0; i < n; i++) {
		learn_cap(s, atoms[i]);
		if (i)
			buf_add_char(&s->caps_text, ' ');
		buf_add_str(&s->caps_text, atoms[i]);
	}
	if (imap_has(s, IMAP_CAP_QRESYNC))
		s->caps |= BIT(IMAP_CAP_CONDSTORE);
	/* A server that has both speaks as rev1 until told otherwise. */
	s->utf8_names = imap_has(s, IMAP_CAP_IMAP4REV2) &&
	    !imap_has(s, IMAP_CAP_IMAP4REV1);
	for (size_t i = 0; s->utf8_names && i < COUNT(in_rev2); i++)
		s->caps |= BIT(in_rev2[i]);
}

struct str imap_capability_text(const struct imap *s)
{
	return buf_str(&s->caps_text);
}

const char *imap_mechanism(const struct imap *s)
{
	return s->mechanism;
}

struct str imap_greeting(const struct imap *s)
{
	return s->greeting;
}

uint64_t imap_append_limit(const struct imap *s)
{
	return s->append_limit;
}

bool imap_is_compressed(const struct imap *s)
{
	return s->compressed_on;
}

struct str imap_server_id(const struct imap *s)
{
	return s->server_id;
}

bool imap_said_bye(const struct imap *s)
{
	return s->bye && !s->leaving;
}

bool imap_throttled(struct imap *s)
{
	bool was = s->throttled;

	s->throttled = false;
	return was;
}

bool imap_is_spent(const struct imap *s)
{
	return s->spent;
}

void imap_on_news(struct imap *s,
    void (*fn)(void *arg, const struct imap_news *n), void *arg)
{
	s->news = fn;
	s->news_arg = arg;
}

static void tell(struct imap *s, const struct imap_news *n)
{
	if (s->news)
		s->news(s->news_arg, n);
}

struct imap_counters imap_counters(const struct imap *s)
{
	struct imap_counters k = s->counters;
	struct wire_counters w = { 0 };

	if (s->wire)
		w = wire_counters(s->wire);
	k.octets_out += w.sent;
	k.octets_in += w.received;
	if (s->below)
		w = wire_counters(s->below);
	k.wire_out = w.sent;
	k.wire_in = w.received;
	return k;
}

/* ------------------------------------------------------------- answers */

static bool may_pass(enum imap_code code)
{
	switch (code) {
	case IMAP_CODE_UNAVAILABLE:
	case IMAP_CODE_INUSE:
	case IMAP_CODE_THROTTLED:
	case IMAP_CODE_LIMIT:
	case IMAP_CODE_OVERQUOTA:	/* somebody may make room */
	case IMAP_CODE_TRYCREATE:	/* the next run's list shows it */
	case IMAP_CODE_SERVERBUG:
	case IMAP_CODE_EXPUNGEISSUED:
		return true;
	default:
		return false;
	}
}

/* Servers that have no code for it say it in words. */
static bool words_may_pass(struct str text)
{
	static const char *const words[] = {
		"System Error",			/* Gmail */
		"Server Unavailable",		/* Exchange */
		"Request is throttled",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_starts(text, str_of(words[i])))
			return true;
	return false;
}

/* Two troubles have one code: OVERQUOTA. */
static bool is_bandwidth(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (str_istarts(str_sub(text, i, text.n),
		    STR_LIT("bandwidth limits")))
			return true;
	return false;
}

void session_answer(struct imap_answer *w, struct arena *a,
    const struct imap_reply *r)
{
	w->end = r->status == IMAP_STATUS_OK ? IMAP_OK :
	    r->status == IMAP_STATUS_NO ? IMAP_NO : IMAP_BAD;
	w->code = r->code;
	w->temporary = w->end != IMAP_OK &&
	    (may_pass(r->code) || words_may_pass(r->text));
	w->text = session_shown(a, r->text);
	if (w->end != IMAP_OK && w->code == IMAP_CODE_OVERQUOTA)
		w->text = arena_printf(a, "%.*s; %s", STR_ARG(w->text),
		    is_bandwidth(r->text) ? "Gmail's daily bandwidth is "
		    "used up; it is open again within a day" :
		    "the account is full: make room in it");
}

bool imap_answered(const struct imap_answer *w, enum err_kind refused,
    struct err *e, const char *what, ...)
{
	struct buf said;
	enum err_kind kind = w->temporary ? ERR_TEMP :
	    w->end == IMAP_NO ? refused :
	    w->end == IMAP_BAD ? ERR_PROTO : ERR_TEMP;
	const char *code = imap_code_name(w->code);
	va_list ap;
	char name[256];

	if (w->end == IMAP_OK)
		return true;
	va_start(ap, what);
	vsnprintf(name, sizeof(name), what, ap);
	va_end(ap);
	buf_init(&said, ERR_MSG_MAX);
	if (w->end == IMAP_NO || w->end == IMAP_BAD)
		buf_printf(&said, "the server says %s%s%s%s %.*s",
		    w->end == IMAP_NO ? "NO" : "BAD", *code ? " [" : "", code,
		    *code ? "]" : "", STR_ARG(w->text));
	else
		buf_add_z(&said, "no answer: the connection ended first");
	err_set(e, kind, "%s: %s", name, buf_z(&said));
	buf_free(&said);
	return false;
}

/* --------------------------------------------------- writing a command */

void session_presize(struct buf *b, size_t n)
{
	static const char zeros[4096];

	while (b->cap < n && !b->over)
		buf_add(b, zeros, sizeof(zeros));
	buf_clear(b);
}

struct command *session_command(struct imap *s, struct arena *a)
{
	struct command *c = s->spare;

	if (c)
		s->spare = c->next;
	else
		c = arena_make(s->arena, struct command);
	*c = (struct command){ .arena = a };
	buf_init(&c->text, TEXT_MAX);
	snprintf(c->tag, sizeof(c->tag), "t%u", ++s->next_tag);
	buf_printf(&c->text, "%s ", c->tag);
	return c;
}

void session_drop(struct imap *s, struct command *c)
{
	if (c->secret)
		buf_wipe_free(&c->text);
	else
		buf_free(&c->text);
	c->next = s->spare;
	s->spare = c;
}

/* Ends the piece that is being written. */
void session_close_piece(struct command *c)
{
	if (c->n_pieces == PIECES_MAX) {
		c->text.over = true;
		return;
	}
	c->pieces[c->n_pieces++] = (struct piece){
		.from = c->open_from, .n = c->text.n - c->open_from,
		.wait = c->open_wait,
	};
	c->open_from = c->text.n;
	c->open_wait = false;
}

void session_put_literal(struct imap *s, struct command *c, size_t n)
{
	bool free_of_wait = imap_has(s, IMAP_CAP_LITERAL_PLUS) ||
	    (imap_has(s, IMAP_CAP_LITERAL_MINUS) && n <= LITERAL_MINUS_MAX);

	buf_printf(&c->text, "{%zu%s}\r\n", n, free_of_wait ? "+" : "");
	session_close_piece(c);
	c->open_wait = !free_of_wait;
}

bool session_sayable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			return false;
	return true;
}

bool session_seven_bit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* RFC 3501 ATOM-CHAR, and "]" with BRACKET. */
bool session_is_atom(struct str s, bool bracket)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c >= 0x7F || strchr("(){%*\"\\", c) ||
		    (c == ']' && !bracket))
			return false;
	}
	return s.n > 0;
}

void session_quote(struct buf *out, struct str v)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, v.p[i]);
	}
	buf_add_char(out, '"');
}

/* A string as its content wants it: quoted, or a literal for 8-bit. */
void session_put_string(struct imap *s, struct command *c, struct str v)
{
	/* RFC 9051 section 4.3 has UTF-8 in quoted strings */
	if (session_seven_bit(v) || s->utf8_names) {
		session_quote(&c->text, v);
		return;
	}
	session_put_literal(s, c, v.n);
	buf_add_str(&c->text, v);
}

void session_put_astring(struct imap *s, struct command *c, struct str v)
{
	if (session_is_atom(v, true) && !str_ieq_z(v, "NIL"))
		buf_add_str(&c->text, v);
	else
		session_put_string(s, c, v);
}

/* Takes the finished command into the queue. */
bool session_queue(struct imap *s, struct command *c, struct err *e)
{
	buf_add_z(&c->text, "\r\n");
	session_close_piece(c);
	if (c->text.over) {
		session_drop(s, c);
		return err_set(e, ERR_USAGE, "a command too long for IMAP");
	}
	if (s->last)
		s->last->next = c;
	else
		s->first = c;
	s->last = c;
	if (!s->sending)
		s->sending = c;
	if (c->selects)
		s->selecting++;
	s->counters.commands++;
	return true;
}

bool session_usable(struct imap *s, struct err *e)
{
	if (!s->dead)
		return true;
	if (e->kind == ERR_NONE)
		*e = s->why;
	return false;
}

/* -------------------------------------------------------------- names */

bool session_wire_name(struct imap *s, struct arena *a, struct str name,
    struct str *wire_out, struct err *e)
{
	struct buf seen;

	if (str_ieq_z(name, "INBOX")) {
		*wire_out = STR_LIT("INBOX");
		return true;
	}
	for (struct odd_name *o = s->odd; o; o = o->next)
		if (str_eq(o->name, name)) {
			*wire_out = o->wire;
			return true;
		}
	if (s->utf8_names && utf8_valid(name) && session_sayable(name))
		*wire_out = name;
	else if (s->utf8_names || !mutf7_encode(a, name, wire_out))
		goto bad;
	if (wire_out->n && wire_out->n <= IMAP_NAME_MAX &&
	    session_sayable(*wire_out))
		return true;
bad:
	buf_init(&seen, SHOWN_MAX);
	buf_add_shown(&seen, name);
	err_set(e, ERR_USAGE, "\"%s\" cannot be the name of a mailbox",
	    buf_z(&seen));
	buf_free(&seen);
	return false;
}

/* A name that is not what it should be is taken as it stands, and kept, so
 * that it goes back the same way. */
static struct str keep_odd(struct imap *s, struct arena *a, struct str wire)
{
	struct str name = utf8_valid(wire) ? arena_str(a, wire) :
	    shown(a, wire);
	struct odd_name *o;

	for (o = s->odd; o; o = o->next)
		if (str_eq(o->name, name))
			return name;
	if (s->n_odd == ODD_NAMES_MAX)
		return name;
	o = arena_make(s->arena, struct odd_name);
	o->name = arena_str(s->arena, name);
	o->wire = arena_str(s->arena, wire);
	o->next = s->odd;
	s->odd = o;
	s->n_odd++;
	return name;
}

struct str session_utf8_name(struct imap *s, struct arena *a, struct str wire)
{
	struct str name;

	if (str_ieq_z(wire, "INBOX"))
		return STR_LIT("INBOX");
	if (s->utf8_names && utf8_valid(wire))
		return arena_str(a, wire);
	if (!s->utf8_names && mutf7_decode(a, wire, &name))
		return name;
	return keep_odd(s, a, wire);
}

/* ------------------------------------------------------- the session ends */

static void lose_all(struct imap *s)
{
	uint64_t sent = s->gathered - (s->out.n - s->out_at);
	struct command *c;

	while ((c = s->first)) {
		s->first = c->next;
		if (!c->answered && c->lost)
			c->lost(c, c->begun && c->began_at < sent ?
			    IMAP_LOST : IMAP_UNSENT);
		session_drop(s, c);
	}
	s->last = s->sending = NULL;
	s->held_by = NULL;
	s->selecting = 0;
	s->selected = false;
}

bool session_die(struct imap *s, struct err *e)
{
	if (s->bye && !s->leaving && e->kind == ERR_TEMP &&
	    !strstr(e->msg, "BYE"))
		err_ctx(e, "the server said BYE %.*s", STR_ARG(s->bye_text));
	s->dead = true;
	s->why = *e;
	lose_all(s);
	return false;
}

/* ------------------------------------------------------------- sending */

static void trace_command(struct imap *s, const struct command *c)
{
	struct str text = buf_str(&c->text);

	if (!s->trace)
		return;
	if (c->secret)
		text = arena_printf(s->scratch, "%s (a secret)", c->tag);
	s->trace(s->trace_arg, 'C', str_trim(text));
}

/* Is the next thing to say held back until the server says "+"? */
static bool must_wait(const struct command *c)
{
	return c->pieces[c->at_piece].wait && !c->go && c->at == 0;
}

static bool can_say(const struct imap *s)
{
	return s->out_at < s->out.n || (s->sending && !must_wait(s->sending));
}

static void all_sent(struct imap *s, struct command *c)
{
	c->sent = true;
	if (s->sending == c)
		s->sending = c->next;
}

static void gather_piece(struct imap *s, struct command *c)
{
	struct piece *p = &c->pieces[c->at_piece];
	size_t room = OUT_CHUNK - s->out.n, k = p->n - c->at;
	const char *from = p->p ? p->p : c->text.p + p->from;

	if (k > room)
		k = room;
	if (!c->begun) {
		c->begun = true;
		c->began_at = s->gathered;
		trace_command(s, c);
	}
	buf_add(&s->out, from + c->at, k);
	s->gathered += k;
	s->out_secret = s->out_secret || c->secret;
	c->at += k;
	if (c->at == p->n) {
		c->at = 0;
		c->go = false;
		c->at_piece++;
		if (c->at_piece == c->n_pieces)
			all_sent(s, c);
	}
}

/* In order; what is answered out of turn goes with those before it. */
static void drop_finished(struct imap *s)
{
	struct command *c;

	while ((c = s->first) && c->sent && c->answered) {
		s->first = c->next;
		if (!s->first)
			s->last = NULL;
		session_drop(s, c);
	}
}

/* Moves what may be said now into OUT. */
static void gather(struct imap *s)
{
	struct command *c;

	if (s->out_at == s->out.n) {
		if (s->out_secret)
			wipe(s->out.p, s->out.n);
		s->out_secret = false;
		s->out_at = 0;
		buf_clear(&s->out);
	}
	while (s->out.n < OUT_CHUNK && (c = s->sending)) {
		if (!must_wait(c))
			gather_piece(s, c);
		else if (c->answered)
			all_sent(s, c);	/* no "+" will come for it */
		else
			break;
	}
	drop_finished(s);
}

/* *FULL: the wire takes no more for now.  *MOVED: it took something. */
static bool send_some(struct imap *s, bool *full, bool *moved, struct err *e)
{
	*full = *moved = false;
	for (;;) {
		size_t done = 0;

		gather(s);
		if (s->out_at == s->out.n)
			return true;
		switch (wire_send(s->wire, s->out.p + s->out_at,
		    s->out.n - s->out_at, &done, e)) {
		case WIRE_OK:
			if (s->heard)
				s->counters.turns++;
			s->heard = false;
			*moved = true;
			s->out_at += done;
			break;
		case WIRE_AGAIN:
			*full = true;
			return true;
		default:
			return false;
		}
	}
}

/* ----------------------------------------------------------- receiving */

static bool learn_status(struct imap *s, const struct imap_reply *r)
{
	if (r->code == IMAP_CODE_CAPABILITY)
		learn_caps(s, r->data.atoms, r->data.n_atoms);
	if (r->throttled)
		s->throttled = true;
	if (r->code == IMAP_CODE_OVERQUOTA && is_bandwidth(r->text))
		s->spent = true;
	if (r->code == IMAP_CODE_WEBALERT)
		s->web_login = session_shown(s->arena, r->data.text);
	if (r->code == IMAP_CODE_ALERT || r->code == IMAP_CODE_WEBALERT)
		tell(s, &(struct imap_news){ .kind = IMAP_NEWS_ALERT,
		    .text = r->text });
	if (r->kind == IMAP_STATUS_LINE && r->status == IMAP_STATUS_BYE &&
	    !s->bye) {
		s->bye = true;
		s->bye_text = session_shown(s->arena, r->text);
	}
	return true;
}

static void greet(struct imap *s, const struct imap_reply *r)
{
	s->greeted = true;
	s->preauth = r->status == IMAP_STATUS_PREAUTH;
	s->greeting = arena_str(s->arena, str_sub(r->text, 0, 1000));
}

/* What no command took. */
static void unasked(struct imap *s, const struct imap_reply *r)
{
	struct imap_news n = { .number = r->number };

	switch (r->kind) {
	case IMAP_EXISTS:
		s->box.exists = r->number;
		n.kind = IMAP_NEWS_EXISTS;
		break;
	case IMAP_EXPUNGE:
		if (s->box.exists)
			s->box.exists--;
		n.kind = IMAP_NEWS_EXPUNGE;
		break;
	case IMAP_VANISHED:
		n.kind = IMAP_NEWS_VANISHED;
		n.uids = r->uids;
		if (!r->earlier) {
			uint64_t gone = uidset_count(r->uids);

			s->box.exists -= gone < s->box.exists ?
			    (uint32_t)gone : s->box.exists;
		}
		break;
	case IMAP_FETCH:
		n.kind = IMAP_NEWS_FETCH;
		n.fetched = &r->fetched;
		break;
	case IMAP_STATUS_LINE:
		if (r->code == IMAP_CODE_HIGHESTMODSEQ)
			s->box.highestmodseq = r->data.number;
		return;
	default:
		return;
	}
	if (s->selected)
		tell(s, &n);
}

static bool untagged(struct imap *s, const struct imap_reply *r,
    struct err *e)
{
	bool used = false;

	if (r->kind == IMAP_STATUS_LINE) {
		if (!s->greeted && r->status != IMAP_STATUS_BYE)
			greet(s, r);
		learn_status(s, r);
	}
	if (r->kind == IMAP_CAPABILITY_LIST)
		learn_caps(s, r->atoms, r->n_atoms);
	for (struct command *c = s->first; c && !used; c = c->next) {
		if (!c->begun)
			break;
		if (!c->answered && c->reply && !c->reply(s, c, r, &used, e))
			return false;
	}
	if (!used)
		unasked(s, r);
	return true;
}

static bool finish_command(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	s->any_answer = true;
	s->answers++;
	c->answered = true;
	if (c->selects)
		s->selecting--;
	/* Refused before its literal: the rest is never sent.  A literal
	 * that did not wait must be sent to its end. */
	if (!c->sent && must_wait(c))
		all_sent(s, c);
	return !c->end || c->end(s, c, r, e);
}

static bool tagged(struct imap *s, const struct imap_reply *r, struct err *e)
{
	struct buf seen;

	learn_status(s, r);
	for (struct command *c = s->first; c; c = c->next)
		if (c->begun && !c->answered && str_eq_z(r->tag, c->tag)) {
			if (!finish_command(s, c, r, e))
				return false;
			drop_finished(s);
			return true;
		}
	/* libcurl may have left the end of its own commands unread */
	if (!s->any_answer)
		return true;
	buf_init(&seen, SHOWN_MAX);
	buf_add_shown(&seen, str_sub(r->line, 0, SHOWN_MAX));
	err_set(e, ERR_PROTO, "the server answers a command that was not "
	    "sent: %s", buf_z(&seen));
	buf_free(&seen);
	return false;
}

static bool continued(struct imap *s, const struct imap_reply *r,
    struct err *e)
{
	struct command *c = s->sending;

	if (c && c->begun && must_wait(c)) {
		c->go = true;
		return true;
	}
	for (c = s->first; c; c = c->next)
		if (c->begun && !c->answered && c->more)
			return c->more(s, c, r->text, e);
	return true;	/* nobody asked; harmless */
}

static bool dispatch(struct imap *s, const struct imap_reply *r,
    struct err *e)
{
	if (s->trace)
		s->trace(s->trace_arg, 'S', r->line);
	switch (r->kind) {
	case IMAP_TAGGED:
		return tagged(s, r, e);
	case IMAP_CONTINUE:
		return continued(s, r, e);
	default:
		return untagged(s, r, e);
	}
}

/* COMPRESS was granted: what follows in IN is compressed (RFC 4978). */
static bool lay_deflate(struct imap *s, struct str rest, struct err *e)
{
	struct wire_counters w = wire_counters(s->wire);

	s->compress_now = false;
	s->below = s->wire;
	if (!deflate_over(s->arena, s->below, rest, &s->wire, e))
		return false;
	s->counters.octets_out += w.sent;
	s->counters.octets_in += w.received - rest.n;
	s->compressed_on = true;
	return true;
}

bool session_take_in(struct imap *s, struct str in, struct err *e)
{
	const struct imap_reply *r;

	while (in.n) {
		if (!imap_parse_feed(s->parse, &in, &r, e))
			return false;
		if (r && !dispatch(s, r, e))
			return false;
		if (s->compress_now) {
			if (!lay_deflate(s, in, e))
				return false;
			in = STR_EMPTY;
		}
	}
	return true;
}

/* Straight into a large literal, else through IN. */
static enum wire_got receive(struct imap *s, size_t *done, struct err *e)
{
	size_t room = 0;
	char *to = imap_parse_room(s->parse, &room);
	enum wire_got got;

	if (to && room >= ROOM_MIN) {
		got = wire_recv(s->wire, to, room, done, e);
		if (got == WIRE_OK)
			imap_parse_placed(s->parse, *done);
		return got;
	}
	got = wire_recv(s->wire, s->in, IN_CHUNK, done, e);
	if (got == WIRE_OK &&
	    !session_take_in(s, (struct str){ s->in, *done }, e))
		return WIRE_FAILED;
	return got;
}

/* Until there is nothing to receive for now, or for long enough: a server
 * whose commands come too slowly is not to wait for us either. */
static bool receive_some(struct imap *s, bool *moved, bool *end,
    struct err *e)
{
	*moved = *end = false;
	for (size_t got = 0; got < 16 * IN_CHUNK; ) {
		bool silent = !can_say(s);
		size_t done = 0;

		switch (receive(s, &done, e)) {
		case WIRE_OK:
			got += done;
			*moved = true;
			s->heard = s->heard || silent;
			break;
		case WIRE_AGAIN:
			return true;
		case WIRE_END:
			*end = true;
			return true;
		case WIRE_FAILED:
			return false;
		}
	}
	return true;
}

/* ---------------------------------------------------------------- pump */

static bool ended(struct imap *s, struct err *e)
{
	if (s->leaving) {
		s->dead = true;
		lose_all(s);
		return true;
	}
	return err_set(e, ERR_TEMP, imap_parse_midway(s->parse) ?
	    "the server closed the connection in the middle of an answer" :
	    "the server closed the connection");
}

static bool too_late(struct imap *s, struct err *e)
{
	if (s->bye)
		return ended(s, e);
	return err_set(e, ERR_TEMP, "nothing was heard from the server for "
	    "%u s", (unsigned)(s->deadline_ms / 1000));
}

/*
 * Sends what may be sent, takes in what comes, both as far as it goes without
 * waiting, and only then waits: so neither side ever waits for the other to
 * read.  Ends when no command is open (and the greeting is here).
 */
/* When something last came of waiting. */
struct progress {
	uint64_t at, answers, octets;
};

/* A server that drips an octet now and then would hold us for ever. */
static bool drips(const struct imap *s, struct progress *p)
{
	struct wire_counters w = wire_counters(s->wire);
	uint64_t octets = w.sent + w.received, now = now_ms();

	if (p->at && s->answers == p->answers &&
	    octets - p->octets < WHOLE_OCTETS)
		return now - p->at >= s->whole_ms;
	*p = (struct progress){ now, s->answers, octets };
	return false;
}

bool session_pump(struct imap *s, struct err *e)
{
	uint64_t last = now_ms();
	struct progress progress = { 0 };

	while (s->first || !s->greeted || s->out_at < s->out.n) {
		uint64_t limit, past;
		bool full, sent, got, end, ready = false;

		if (!send_some(s, &full, &sent, e) ||
		    !receive_some(s, &got, &end, e))
			return session_die(s, e);
		if (end && (s->first || !s->greeted))
			return ended(s, e) || session_die(s, e);
		if (end)
			return true;	/* whoever asks next will see */
		if (drips(s, &progress))
			return err_set(e, ERR_TEMP, "the server has said "
			    "next to nothing for %u s", (unsigned)(s->whole_ms
			    / 1000)) || session_die(s, e);
		if (sent || got) {
			last = now_ms();
			continue;	/* perhaps that was all */
		}
		limit = s->bye ? GOODBYE_MS : s->deadline_ms;
		past = now_ms() - last;
		if (past >= limit)
			return too_late(s, e) || session_die(s, e);
		if (!wire_wait(s->wire, full, (unsigned)(limit - past),
		    &ready, e))
			return session_die(s, e);
		if (!ready)
			return too_late(s, e) || session_die(s, e);
	}
	return true;
}

bool imap_wait(struct imap *s, struct err *e)
{
	bool good;

	if (!session_usable(s, e))
		return false;
	if (s->waiting)
		return err_set(e, ERR_USAGE, "imap_wait from a callback");
	s->waiting = true;
	good = session_pump(s, e);
	s->waiting = false;
	return good;
}

/* ---------------------------------------------------- begin and end */

/* A body above IMAP_MEMORY_MAX lies in a file without a name. */
static char *place_file(void *arg, size_t n, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char *p = MAP_FAILED;
	int fd, why;

	(void)arg;
	if (!dir || dir[0] != '/')
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd >= 0) {
		/* allocated now, or a full disk would be a SIGBUS later */
		why = posix_fallocate(fd, 0, (off_t)n);
		if (why == 0)
			p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, 0);
		if (why == 0 && p == MAP_FAILED)
			why = errno;
		close(fd);
	} else {
		why = errno;
	}
	if (p == MAP_FAILED) {
		err_set(e, ERR_STATE, "a temporary file of %zu octets in %s: "
		    "%s", n, dir, strerror(why));
		return NULL;
	}
	return p;
}

static void release_file(void *arg, char *p, size_t n)
{
	(void)arg;
	munmap(p, n);
}

static struct imap *session_make(struct arena *a, struct wire *w,
    const struct imap_settings *set)
{
	static const struct imap_place place = { place_file, release_file,
		NULL };
	struct imap *s = arena_make(a, struct imap);

	s->arena = a;
	s->wire = w;
	s->parse = imap_parse_make(a, &place, set->literal_max);
	s->deadline_ms = 1000 * (uint64_t)(set->deadline_s ?
	    set->deadline_s : DEADLINE_S);
	s->whole_ms = set->whole_s ? 1000 * (uint64_t)set->whole_s :
	    WHOLE_DEADLINES * s->deadline_ms;
	s->trace = set->trace;
	s->trace_arg = set->trace_arg;
	buf_init(&s->out, OUT_CHUNK);
	session_presize(&s->out, OUT_CHUNK);
	s->in = arena_alloc(a, IN_CHUNK);
	s->heard = true;
	s->bye_text = s->greeting = s->server_id = STR_EMPTY;
	s->web_login = STR_EMPTY;
	buf_init(&s->caps_text, CAPABILITIES_MAX);
	s->mechanism = "";
	s->box_arena = arena_new();
	s->scratch = arena_new();
	return s;
}

static void session_free(struct imap *s)
{
	struct arena *a = s->arena;

	s->dead = true;
	lose_all(s);
	wire_close(&s->wire);
	buf_wipe_free(&s->out);
	buf_free(&s->caps_text);
	arena_free(&s->box_arena);
	arena_free(&s->scratch);
	arena_free(&a);
}

bool imap_start(struct arena *a, struct wire *w,
    const struct imap_settings *set, struct imap **s_out, struct err *e)
{
	struct imap *s = session_make(a, w, set);

	if (!session_log_in(s, set, e)) {
		if (set->wire.host)
			err_ctx(e, "%s", set->wire.host);
		imap_close(&s);
		return false;
	}
	*s_out = s;
	return true;
}

bool imap_connect(const struct imap_settings *set, struct imap **s_out,
    struct err *e)
{
	struct arena *a = arena_new();
	struct wire *w;

	if (!wire_connect(a, &set->wire, &w, e)) {
		arena_free(&a);
		return false;
	}
	return imap_start(a, w, set, s_out, e);
}

void imap_close(struct imap **s)
{
	struct err ignored = { 0 };

	if (!s || !*s)
		return;
	if (!(*s)->dead && !(*s)->waiting && (*s)->greeted) {
		struct imap_plain job = { .answer.text = STR_EMPTY };
		struct command *c = session_plain(*s, (*s)->arena, &job);

		(*s)->leaving = true;
		(*s)->deadline_ms = LOGOUT_MS;
		buf_add_z(&c->text, "LOGOUT");
		/* a server that is gone already is no error now */
		if (session_queue(*s, c, &ignored) && !imap_wait(*s, &ignored))
			err_clear(&ignored);
	}
	session_free(*s);
	*s = NULL;
}
