/*
 * The session against a scripted server: every tests/wire/NAME.script, as it
 * stands, with what the server says cut at every octet, with sends and
 * receives of one octet, with the connection ended at every octet, and with a
 * fault at each command in turn.
 *
 * A line of a script is
 *	# comment
 *	D: what the test does (see `verbs`); nothing moves before "wait"
 *	S: a line that the server sends; S+ continues it in a later write
 *	C: a line that the client must send, here and nothing else
 *	X: close
 *	R: what comes of it, in order; "..." at its end stands for anything
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/imap.h"

#define EVENTS_MAX	2000
#define ASKS_MAX	100
#define WAITS_MAX	20000	/* more is a hang */

/* -------------------------------------------------------------- scripts */

struct event {
	char kind;		/* D S + C X R */
	struct str text;
};

struct script {
	struct arena *arena;
	const char *path;
	struct event v[EVENTS_MAX];
	size_t n;
	size_t commands;	/* C lines with a tag */
};

static struct str slurp(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	char chunk[4096];
	size_t n;
	struct str s;

	if (!f)
		fail_msg("%s cannot be read", path);
	buf_init(&b, 1 << 20);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	s = arena_str(a, buf_str(&b));
	buf_free(&b);
	return s;
}

static bool is_command(struct str line)
{
	return line.n > 2 && line.p[0] == 't' && ch_digit(line.p[1]);
}

static void load(struct script *s, const char *path)
{
	struct str rest, line;

	*s = (struct script){ .arena = arena_new(), .path = path };
	rest = slurp(s->arena, path);
	while (rest.n && str_cut(&rest, '\n', &line)) {
		struct event *ev = &s->v[s->n];

		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (line.n < 2 || !strchr(":+", line.p[1]) ||
		    s->n == EVENTS_MAX)
			fail_msg("%s: what is \"%.*s\"?", path,
			    STR_ARG(line));
		ev->kind = line.p[1] == '+' ? '+' : line.p[0];
		ev->text = str_sub(line, 3, line.n);
		if (ev->kind == 'C' && is_command(ev->text))
			s->commands++;
		s->n++;
	}
}

/* ------------------------------------------------------ the peer's wire */

enum fault {
	FAULT_NONE, FAULT_NO, FAULT_BAD, FAULT_BYE, FAULT_CLOSE,
	FAULT_SILENCE, FAULT_GARBAGE, FAULT_COUNT,
};

struct peer {
	const struct script *s;
	size_t at;		/* the next event */
	struct buf got;		/* from the client, not looked at yet */
	struct buf give;	/* for the client */
	size_t give_at;
	uint64_t delivered, total;
	uint64_t cut;		/* a pause after that many octets; 0: none */
	bool cut_is_end;	/* the connection ends there */
	size_t step;		/* octets of one send or receive; 0: all */
	bool paused, closed, refuse_send;
	enum fault fault;
	size_t fault_at, commands;
	bool faulty;		/* the script is over */
	uint64_t swallow;	/* octets of a literal still to come */
	size_t waits;
	char wrong[1000];
};

static void say(struct peer *p, struct str s)
{
	buf_add_str(&p->give, s);
	p->total += s.n;
}

static void wrong(struct peer *p, struct str got, struct str want)
{
	if (p->wrong[0])
		return;
	snprintf(p->wrong, sizeof(p->wrong), "%s: the client sent\n%.*s\n"
	    "instead of\n%.*s", p->s->path, STR_ARG(got), STR_ARG(want));
}

static bool take_line(struct peer *p, struct str *line)
{
	struct str all = buf_str(&p->got);
	size_t at = str_find_char(all, 0, '\n');

	if (at == all.n)
		return false;
	*line = arena_str(p->s->arena, str_sub(all, 0, at && all.p[at - 1] ==
	    '\r' ? at - 1 : at));
	buf_drop_front(&p->got, at + 1);
	return true;
}

static void answer(struct peer *p, struct str line, const char *how)
{
	struct str tag;

	if (is_command(line) && str_cut(&line, ' ', &tag))
		say(p, arena_printf(p->s->arena, "%.*s %s injected\r\n",
		    STR_ARG(tag), how));
}

static void strike(struct peer *p, struct str line)
{
	p->faulty = true;
	switch (p->fault) {
	case FAULT_NO:
		answer(p, line, "NO [UNAVAILABLE]");
		break;
	case FAULT_BAD:
		answer(p, line, "BAD");
		break;
	case FAULT_BYE:
		say(p, STR_LIT("* BYE injected\r\n"));
		p->closed = true;
		break;
	case FAULT_CLOSE:
		say(p, STR_LIT("* 1 FETCH (UID 1 BODY[] {100}\r\nhalf"));
		p->closed = true;
		break;
	case FAULT_GARBAGE:
		say(p, STR_LIT("\x01\x02 garbage {5}\r\n"));
		break;
	default:
		break;
	}
}

/* Every later command is refused; literals that do not wait are swallowed. */
static void refuse_all(struct peer *p)
{
	struct str line, digits;
	uint64_t n;
	size_t brace;

	for (;;) {
		if (p->swallow) {
			n = p->swallow < p->got.n ? p->swallow : p->got.n;
			buf_drop_front(&p->got, (size_t)n);
			p->swallow -= n;
		}
		if (p->swallow || !take_line(p, &line))
			return;
		brace = str_find_char(line, 0, '{');
		digits = str_sub(line, brace + 1, line.n);
		if (str_ends(digits, STR_LIT("+}")) && str_u64(str_sub(digits,
		    0, digits.n - 2), 1000000, &n))
			p->swallow = n;
		else if (p->fault == FAULT_NO || p->fault == FAULT_BAD)
			answer(p, line, "NO");
	}
}

static void hear(struct peer *p)
{
	struct str line;

	while (!p->faulty && p->at < p->s->n) {
		const struct event *ev = &p->s->v[p->at];

		if (ev->kind == 'C') {
			if (!take_line(p, &line))
				return;
			if (is_command(line) && ++p->commands == p->fault_at &&
			    p->fault) {
				strike(p, line);
				break;
			}
			if (!str_eq(line, ev->text))
				wrong(p, line, ev->text);
		} else if (ev->kind == 'S' || ev->kind == '+') {
			/* a continued line comes in two writes */
			if (ev->kind == '+' && p->give_at < p->give.n)
				return;
			say(p, ev->text);
			if (p->at + 1 == p->s->n || ev[1].kind != '+')
				say(p, STR_LIT("\r\n"));
		} else if (ev->kind == 'X') {
			p->closed = true;
		}
		p->at++;
	}
	if (p->faulty)
		refuse_all(p);
}

static enum wire_got peer_send(void *self, const void *data, size_t n,
    size_t *done, struct err *e)
{
	struct peer *p = self;

	(void)e;
	if (p->step) {
		/* every other try finds no room */
		p->refuse_send = !p->refuse_send;
		if (p->refuse_send)
			return WIRE_AGAIN;
		n = n < p->step ? n : p->step;
	}
	buf_add(&p->got, data, n);
	hear(p);
	*done = n;
	return WIRE_OK;
}

static enum wire_got peer_recv(void *self, void *to, size_t n, size_t *done,
    struct err *e)
{
	struct peer *p = self;
	size_t left;

	(void)e;
	hear(p);
	left = p->give.n - p->give_at;
	if (left == 0)
		return p->closed ? WIRE_END : WIRE_AGAIN;
	if (p->step && !p->paused) {
		p->paused = true;
		return WIRE_AGAIN;
	}
	if (p->cut && p->delivered == p->cut && !p->paused) {
		if (p->cut_is_end)
			return WIRE_END;
		p->paused = true;
		return WIRE_AGAIN;
	}
	p->paused = false;
	n = n < left ? n : left;
	if (p->step && n > p->step)
		n = p->step;
	if (p->cut && p->delivered < p->cut && n > p->cut - p->delivered)
		n = (size_t)(p->cut - p->delivered);
	memcpy(to, p->give.p + p->give_at, n);
	p->give_at += n;
	p->delivered += n;
	*done = n;
	return WIRE_OK;
}

/* No clock: when nothing can come any more the time is over at once. */
static bool peer_wait(void *self, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	struct peer *p = self;

	(void)e;
	assert_true(ms > 0);
	if (++p->waits > WAITS_MAX)
		fail_msg("%s: the client goes round in circles", p->s->path);
	hear(p);
	*ready = sending || p->give_at < p->give.n || p->closed ||
	    (p->cut_is_end && p->delivered == p->cut);
	return true;
}

static void peer_close(void *self)
{
	struct peer *p = self;

	buf_free(&p->got);
	buf_free(&p->give);
}

static const struct wire_ops peer_ops = {
	peer_send, peer_recv, peer_wait, peer_close,
};

/* ------------------------------------------------------- what a test does */

enum ask_kind {
	ASK_PLAIN, ASK_FOLDERS, ASK_NAMESPACE, ASK_STATUS, ASK_MAILBOX,
	ASK_FETCH, ASK_FOUND, ASK_CHANGE, ASK_APPENDED,
};

struct ask {
	enum ask_kind kind;
	const char *name;
	const struct imap_answer *answer;	/* NULL for changes */
	void *out;
};

struct test {
	struct peer peer;
	struct arena *arena;
	struct imap *imap;
	struct err err;
	struct buf out;		/* the R lines as they came to be */
	struct ask asks[ASKS_MAX];
	size_t n_asks;
	struct str secret;
	bool stop_in_callback;
};

static const char *kind_name(enum err_kind k)
{
	static const char *const names[] = { "NONE", "USAGE", "CONFIG",
		"AUTH", "TEMP", "PROTO", "STATE", "BRAKE", "MESSAGE" };

	return names[k];
}

static const char *end_name(enum imap_end end)
{
	static const char *const names[] = { "PENDING", "OK", "NO", "BAD",
		"LOST", "UNSENT" };

	return names[end];
}

static void put_set(struct buf *b, const struct uidset *u)
{
	size_t at = 0;

	uidset_format(u, &at, 10000, b);
}

static void put_flags(struct buf *b, const struct imap_flags *f)
{
	static const char letters[] = "SAFDTR*";

	for (size_t i = 0; letters[i]; i++)
		if (f->system & 1u << i)
			buf_add_char(b, letters[i]);
	for (size_t i = 0; i < f->n_keywords; i++)
		buf_printf(b, ",%.*s", STR_ARG(f->keywords[i]));
}

static void put_answer(struct buf *b, const struct imap_answer *w)
{
	buf_add_z(b, end_name(w->end));
	if (w->code > IMAP_CODE_OTHER)
		buf_printf(b, " [%s]", imap_code_name(w->code));
	if (w->temporary)
		buf_add_z(b, " temporary");
	if (w->end == IMAP_NO || w->end == IMAP_BAD)
		buf_printf(b, " %.*s", STR_ARG(w->text));
}

static void put_change(struct buf *b, const char *name,
    const struct imap_change *ch)
{
	for (; ch; ch = ch->next) {
		buf_printf(b, "%s ", name);
		put_set(b, ch->uids);
		buf_add_char(b, ' ');
		put_answer(b, &ch->answer);
		for (size_t i = 0; i < ch->n_pairs; i++)
			buf_printf(b, " %u>%u:%u", ch->pairs[i].from,
			    ch->to_uidvalidity, ch->pairs[i].to);
		if (ch->modified) {
			buf_add_z(b, " modified ");
			put_set(b, ch->modified);
		}
		buf_add_char(b, '\n');
	}
}

static void put_mailbox(struct buf *b, const struct imap_mailbox *box)
{
	buf_printf(b, " <%.*s> %u next %u modseq %" PRIu64 " exists %u %s ",
	    STR_ARG(box->name), box->uidvalidity, box->uidnext,
	    box->highestmodseq, box->exists, box->read_only ? "ro" : "rw");
	put_flags(b, &box->permanent);
	if (box->mailboxid.n)
		buf_printf(b, " id %.*s", STR_ARG(box->mailboxid));
}

static void put_ask(struct test *t, const struct ask *q)
{
	struct buf *b = &t->out;

	if (q->kind == ASK_CHANGE) {
		put_change(b, q->name, q->out);
		return;
	}
	buf_printf(b, "%s ", q->name);
	put_answer(b, q->answer);
	if (q->answer->end == IMAP_OK) {
		const struct imap_folders *f = q->out;
		const struct imap_namespace *ns = q->out;
		const struct imap_status_answer *st = q->out;
		const struct imap_found *found = q->out;
		const struct imap_fetch_answer *fetch = q->out;
		const struct imap_appended *app = q->out;

		switch (q->kind) {
		case ASK_FOLDERS:
			for (size_t i = 0; i < f->n; i++)
				buf_printf(b, " <%.*s>%c%x",
				    STR_ARG(f->v[i].name), f->v[i].separator ?
				    f->v[i].separator : '-', f->v[i].attrs);
			break;
		case ASK_NAMESPACE:
			buf_printf(b, " <%.*s>%c", STR_ARG(ns->prefix),
			    ns->separator ? ns->separator : '-');
			break;
		case ASK_STATUS:
			buf_printf(b, " have %x messages %u next %u",
			    st->st.have, st->st.messages, st->st.uidnext);
			break;
		case ASK_MAILBOX:
			put_mailbox(b, q->out);
			break;
		case ASK_FETCH:
			buf_printf(b, " %" PRIu64 " messages",
			    fetch->messages);
			break;
		case ASK_FOUND:
			buf_add_char(b, ' ');
			put_set(b, found->uids);
			if (found->modseq)
				buf_printf(b, " modseq %" PRIu64,
				    found->modseq);
			break;
		case ASK_APPENDED:
			buf_printf(b, " %u:%u", app->uidvalidity, app->uid);
			break;
		default:
			break;
		}
	}
	buf_add_char(b, '\n');
}

static bool on_fetched(void *arg, const struct imap_fetched *m,
    struct err *e)
{
	struct test *t = arg;
	struct buf *b = &t->out;

	buf_printf(b, "message %u", m->uid);
	if (m->have & IMAP_FLAGS) {
		buf_add_z(b, " flags ");
		put_flags(b, &m->flags);
	}
	if (m->have & IMAP_SIZE)
		buf_printf(b, " size %" PRIu64, m->size);
	if (m->have & IMAP_DATE)
		buf_printf(b, " date %" PRId64, m->date);
	if (m->have & IMAP_MODSEQ)
		buf_printf(b, " modseq %" PRIu64, m->modseq);
	if (m->have & IMAP_EMAILID)
		buf_printf(b, " emailid %.*s", STR_ARG(m->emailid));
	if (m->have & IMAP_GM_LABELS)
		for (size_t i = 0; i < m->n_gm_labels; i++)
			buf_printf(b, " label <%.*s>",
			    STR_ARG(m->gm_labels[i]));
	if (m->have & IMAP_HEADER)
		buf_printf(b, " header %zu", m->header.n);
	if (m->have & IMAP_FIELDS)
		buf_printf(b, " fields %zu", m->fields.n);
	if (m->have & IMAP_WHOLE)
		buf_printf(b, " whole %zu", m->whole.n);
	for (size_t i = 0; i < m->n_sections; i++)
		buf_printf(b, " [%.*s] %zu", STR_ARG(m->sections[i].name),
		    m->sections[i].bytes.n);
	buf_add_char(b, '\n');
	if (t->stop_in_callback)
		return err_set(e, ERR_STATE, "the callback wants no more");
	return true;
}

static void on_news(void *arg, const struct imap_news *n)
{
	static const char *const names[] = { "exists", "expunge", "vanished",
		"fetch", "alert" };
	struct test *t = arg;

	buf_printf(&t->out, "news %s", names[n->kind]);
	if (n->kind == IMAP_NEWS_EXISTS || n->kind == IMAP_NEWS_EXPUNGE)
		buf_printf(&t->out, " %u", n->number);
	if (n->kind == IMAP_NEWS_VANISHED) {
		buf_add_char(&t->out, ' ');
		put_set(&t->out, n->uids);
	}
	if (n->kind == IMAP_NEWS_FETCH)
		buf_printf(&t->out, " %u uid %u", n->fetched->seq,
		    n->fetched->uid);
	if (n->kind == IMAP_NEWS_ALERT)
		buf_printf(&t->out, " %.*s", STR_ARG(n->text));
	buf_add_char(&t->out, '\n');
}

static bool on_secret(void *arg, struct buf *secret, struct err *e)
{
	struct test *t = arg;

	if (t->secret.n == 0)
		return err_set(e, ERR_CONFIG, "no secret there");
	buf_add_str(secret, t->secret);
	return true;
}

static void no_secrets(void *arg, char who, struct str line)
{
	struct test *t = arg;
	struct str s = t->secret;

	(void)who;
	for (size_t i = 0; s.n && i + s.n <= line.n; i++)
		if (memcmp(line.p + i, s.p, s.n) == 0)
			fail_msg("the secret is in a trace: %.*s",
			    STR_ARG(line));
}

static void complain(struct test *t, const char *what)
{
	buf_printf(&t->out, "%s %s: %s\n", what, kind_name(t->err.kind),
	    t->err.msg);
	if (t->err.kind == ERR_NONE)
		fail_msg("%s: %s failed without an error", t->peer.s->path,
		    what);
	err_clear(&t->err);
}

static struct str word(struct str *rest)
{
	struct str w = STR_EMPTY;

	str_cut(rest, ' ', &w);
	return w;
}

static struct uidset *set_of(struct test *t, struct str text)
{
	struct uidset *u = arena_make(t->arena, struct uidset);

	uidset_init(u, t->arena);
	if (text.n && !uidset_read(u, text, 100000))
		fail_msg("%.*s is no set", STR_ARG(text));
	return u;
}

/* LOW, LOW + 2, ... HIGH for sets that need several lines. */
static struct uidset *sparse(struct test *t, uint32_t low, uint32_t high)
{
	struct uidset *u = arena_make(t->arena, struct uidset);

	uidset_init(u, t->arena);
	for (uint32_t uid = low; uid <= high; uid += 2)
		uidset_add(u, uid);
	return u;
}

static void note(struct test *t, bool queued, enum ask_kind kind,
    const char *name, const struct imap_answer *answer_at, void *out)
{
	if (!queued) {
		complain(t, name);
		return;
	}
	assert_true(t->n_asks < ASKS_MAX);
	t->asks[t->n_asks++] = (struct ask){ kind, name, answer_at, out };
}

static void do_connect(struct test *t, struct str rest)
{
	struct imap_settings set = { .user = "alice", .secret = on_secret,
		.secret_arg = t, .trace = no_secrets, .trace_arg = t,
		.wire.host = "127.0.0.1", .wire.tls = WIRE_TLS };
	struct arena *a = arena_new();
	struct wire *w = wire_make(a, &peer_ops, &t->peer, STR_EMPTY);

	t->secret = STR_LIT("sesame");
	while (rest.n) {
		struct str s = word(&rest), key;

		str_cut(&s, '=', &key);
		if (str_eq_z(key, "mech"))
			set.mechanism = arena_z(t->arena, s);
		else if (str_eq_z(key, "token"))
			set.auth = IMAP_AUTH_TOKEN;
		else if (str_eq_z(key, "external"))
			set.auth = IMAP_AUTH_EXTERNAL;
		else if (str_eq_z(key, "starttls"))
			set.wire.tls = WIRE_STARTTLS;
		else if (str_eq_z(key, "secret"))
			t->secret = s;
		else if (str_eq_z(key, "user"))
			set.user = arena_z(t->arena, s);
		else if (str_eq_z(key, "literal"))
			set.literal_max = 100;
		else
			fail_msg("connect %.*s?", STR_ARG(key));
	}
	if (imap_start(a, w, &set, &t->imap, &t->err)) {
		buf_printf(&t->out, "connected by %s\n",
		    imap_mechanism(t->imap));
		imap_on_news(t->imap, on_news, t);
	} else {
		complain(t, "connect");
	}
}

static void do_wait(struct test *t, struct str rest)
{
	bool good = imap_wait(t->imap, &t->err);

	(void)rest;
	for (size_t i = 0; i < t->n_asks; i++)
		put_ask(t, &t->asks[i]);
	t->n_asks = 0;
	if (!good)
		complain(t, "wait");
}

static void do_select(struct test *t, struct str rest)
{
	struct imap_mailbox *box = NULL;
	bool ok = imap_select(t->imap, t->arena, rest, IMAP_READ_WRITE, &box,
	    &t->err);

	note(t, ok, ASK_MAILBOX, "select", box ? &box->answer : NULL, box);
}

static void do_examine(struct test *t, struct str rest)
{
	struct imap_mailbox *box = NULL;
	bool ok = imap_select(t->imap, t->arena, rest, IMAP_READ_ONLY, &box,
	    &t->err);

	note(t, ok, ASK_MAILBOX, "examine", box ? &box->answer : NULL, box);
}

static void do_selected(struct test *t, struct str rest)
{
	const struct imap_mailbox *box = imap_selected(t->imap);

	(void)rest;
	buf_add_z(&t->out, "selected");
	if (box)
		put_mailbox(&t->out, box);
	else
		buf_add_z(&t->out, " nothing");
	buf_add_char(&t->out, '\n');
}

static void do_list(struct test *t, struct str rest)
{
	struct imap_folders *f = NULL;
	bool ok = imap_list(t->imap, t->arena, rest, &f, &t->err);

	note(t, ok, ASK_FOLDERS, "list", f ? &f->answer : NULL, f);
}

static void do_namespace(struct test *t, struct str rest)
{
	struct imap_namespace *n = NULL;
	bool ok = imap_namespace(t->imap, t->arena, &n, &t->err);

	(void)rest;
	note(t, ok, ASK_NAMESPACE, "namespace", n ? &n->answer : NULL, n);
}

static void do_status(struct test *t, struct str rest)
{
	struct imap_status_answer *st = NULL;
	bool ok = imap_status(t->imap, t->arena, rest, 0xff, &st, &t->err);

	note(t, ok, ASK_STATUS, "status", st ? &st->answer : NULL, st);
}

static void do_create(struct test *t, struct str rest)
{
	struct imap_plain *p = NULL;
	bool ok = imap_create(t->imap, t->arena, rest, &p, &t->err);

	note(t, ok, ASK_PLAIN, "create", p ? &p->answer : NULL, p);
}

static void do_subscribe(struct test *t, struct str rest)
{
	struct imap_plain *p = NULL;
	bool ok = imap_subscribe(t->imap, t->arena, rest, &p, &t->err);

	note(t, ok, ASK_PLAIN, "subscribe", p ? &p->answer : NULL, p);
}

static void do_noop(struct test *t, struct str rest)
{
	struct imap_plain *p = NULL;
	bool ok = imap_noop(t->imap, t->arena, &p, &t->err);

	(void)rest;
	note(t, ok, ASK_PLAIN, "noop", p ? &p->answer : NULL, p);
}

static void do_id(struct test *t, struct str rest)
{
	struct imap_plain *p = NULL;
	bool ok = imap_id(t->imap, t->arena, "tamis", "1", &p, &t->err);

	(void)rest;
	note(t, ok, ASK_PLAIN, "id", p ? &p->answer : NULL, p);
}

static const struct {
	const char *name;
	unsigned item;
} items[] = {
	{ "flags", IMAP_FLAGS }, { "size", IMAP_SIZE }, { "date", IMAP_DATE },
	{ "modseq", IMAP_MODSEQ }, { "emailid", IMAP_EMAILID },
	{ "labels", IMAP_GM_LABELS }, { "header", IMAP_HEADER },
	{ "fields", IMAP_FIELDS }, { "whole", IMAP_WHOLE },
	{ "section", IMAP_SECTION },
};

/* fetch SET item... [since=N] [stop] */
static void do_fetch(struct test *t, struct str rest)
{
	static const struct str fields[] = { { "From", 4 }, { "Subject", 7 } };
	struct imap_fetch_ask ask = { .each = on_fetched, .arg = t,
		.fields = fields, .n_fields = 2, .section = { "1.2", 3 } };
	struct imap_fetch_answer *f = NULL;
	struct str s = word(&rest);
	bool ok;

	ask.uids = str_eq_z(s, "sparse") ? sparse(t, 1, 5001) : set_of(t, s);
	while (rest.n) {
		s = word(&rest);
		for (size_t i = 0; i < COUNT(items); i++)
			if (str_eq_z(s, items[i].name))
				ask.items |= items[i].item;
		if (str_starts(s, STR_LIT("since=")) &&
		    !str_u64(str_sub(s, 6, s.n), INT64_MAX,
		    &ask.changed_since))
			fail_msg("since?");
		if (str_eq_z(s, "stop"))
			t->stop_in_callback = true;
	}
	ok = imap_fetch(t->imap, t->arena, &ask, &f, &t->err);
	note(t, ok, ASK_FETCH, "fetch", f ? &f->answer : NULL, f);
}

static void do_search(struct test *t, struct str rest)
{
	struct imap_found *f = NULL;
	bool ok = imap_search(t->imap, t->arena, rest, NULL, &f, &t->err);

	note(t, ok, ASK_FOUND, "search", f ? &f->answer : NULL, f);
}

static void do_within(struct test *t, struct str rest)
{
	struct str set = word(&rest);
	struct imap_found *f = NULL;
	bool ok = imap_search(t->imap, t->arena, rest,
	    str_eq_z(set, "sparse") ? sparse(t, 1, 5001) : set_of(t, set), &f,
	    &t->err);

	note(t, ok, ASK_FOUND, "within", f ? &f->answer : NULL, f);
}

/* store SET +|- name... ; a set "sparse" has 2,501 ranges */
static void do_store_of(struct test *t, struct str rest, enum imap_what what,
    uint64_t since)
{
	struct str set = word(&rest), how = word(&rest), names[50];
	struct imap_change *ch = NULL;
	size_t n = 0;
	bool ok;

	while (rest.n && n < COUNT(names))
		names[n++] = word(&rest);
	ok = imap_store(t->imap, t->arena, str_eq_z(set, "sparse") ?
	    sparse(t, 1, 5001) : set_of(t, set), str_eq_z(how, "+") ?
	    IMAP_ADD : IMAP_REMOVE, what, names, n, since, &ch, &t->err);
	note(t, ok, ASK_CHANGE, "store", NULL, ch);
}

static void do_store(struct test *t, struct str rest)
{
	do_store_of(t, rest, IMAP_STORE_FLAGS, 0);
}

static void do_unchanged(struct test *t, struct str rest)
{
	do_store_of(t, rest, IMAP_STORE_FLAGS, 42);
}

static void do_label(struct test *t, struct str rest)
{
	do_store_of(t, rest, IMAP_STORE_LABELS, 0);
}

static void do_copy(struct test *t, struct str rest)
{
	struct str set = word(&rest);
	struct imap_change *ch = NULL;
	bool ok = imap_copy(t->imap, t->arena, set_of(t, set), rest, &ch,
	    &t->err);

	note(t, ok, ASK_CHANGE, "copy", NULL, ch);
}

static void do_move(struct test *t, struct str rest)
{
	struct str set = word(&rest);
	struct imap_change *ch = NULL;
	bool ok = imap_move(t->imap, t->arena, set_of(t, set), rest, &ch,
	    &t->err);

	note(t, ok, ASK_CHANGE, "move", NULL, ch);
}

static void do_expunge(struct test *t, struct str rest)
{
	struct imap_change *ch = NULL;
	bool ok = imap_expunge(t->imap, t->arena, set_of(t, rest), &ch,
	    &t->err);

	note(t, ok, ASK_CHANGE, "expunge", NULL, ch);
}

/* append NAME text; "|" is CRLF */
static void do_append(struct test *t, struct str rest)
{
	static const struct str flags[] = { { "\\Seen", 5 }, { "kw", 2 } };
	struct str to = word(&rest), line;
	struct imap_appended *app = NULL;
	struct buf b;
	bool ok;

	buf_init(&b, 10000);
	while (rest.n && str_cut(&rest, '|', &line)) {
		buf_add_str(&b, line);
		buf_add_z(&b, "\r\n");
	}
	ok = imap_append(t->imap, t->arena, to, flags, 2, 837596665, -420,
	    arena_str(t->arena, buf_str(&b)), &app, &t->err);
	buf_free(&b);
	note(t, ok, ASK_APPENDED, "append", app ? &app->answer : NULL, app);
}

static void do_turns(struct test *t, struct str rest)
{
	(void)rest;
	/* one octet at a time there is always more to hear and to say */
	if (!t->peer.step)
		buf_printf(&t->out, "turns %" PRIu64 "\n",
		    imap_counters(t->imap).turns);
}

static void do_throttled(struct test *t, struct str rest)
{
	(void)rest;
	buf_printf(&t->out, "throttled %d\n", imap_throttled(t->imap));
}

static void do_serverid(struct test *t, struct str rest)
{
	struct str id = imap_server_id(t->imap);

	(void)rest;
	buf_printf(&t->out, "server %.*s\n", STR_ARG(id));
}

static void do_caps(struct test *t, struct str rest)
{
	struct str caps = imap_capability_text(t->imap);

	(void)rest;
	buf_printf(&t->out, "caps %.*s limit %" PRIu64 "\n", STR_ARG(caps),
	    imap_append_limit(t->imap));
}

static void do_close(struct test *t, struct str rest)
{
	(void)rest;
	imap_close(&t->imap);
}

static const struct {
	const char *name;
	void (*fn)(struct test *t, struct str rest);
} verbs[] = {
	{ "connect", do_connect }, { "wait", do_wait },
	{ "select", do_select }, { "examine", do_examine },
	{ "selected", do_selected }, { "list", do_list },
	{ "namespace", do_namespace }, { "status", do_status },
	{ "create", do_create }, { "subscribe", do_subscribe },
	{ "noop", do_noop }, { "id", do_id }, { "fetch", do_fetch },
	{ "search", do_search }, { "within", do_within },
	{ "store", do_store }, { "unchanged", do_unchanged },
	{ "label", do_label }, { "copy", do_copy }, { "move", do_move },
	{ "expunge", do_expunge }, { "append", do_append },
	{ "turns", do_turns }, { "throttled", do_throttled },
	{ "serverid", do_serverid }, { "caps", do_caps },
	{ "close", do_close },
};

static void act(struct test *t, struct str line)
{
	struct str verb = word(&line);

	for (size_t i = 0; i < COUNT(verbs); i++)
		if (str_eq_z(verb, verbs[i].name)) {
			if (t->imap || verbs[i].fn == do_connect)
				verbs[i].fn(t, line);
			return;
		}
	fail_msg("%s: what is \"%.*s\"?", t->peer.s->path, STR_ARG(verb));
}

/* -------------------------------------------------------------- running */

static void test_open(struct test *t, const struct script *s)
{
	*t = (struct test){ .arena = arena_new(), .peer.s = s };
	buf_init(&t->out, 1 << 20);
	buf_init(&t->peer.got, 1 << 20);
	buf_init(&t->peer.give, 1 << 20);
}

static void test_run(struct test *t)
{
	const struct script *s = t->peer.s;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == 'D')
			act(t, s->v[i].text);
	imap_close(&t->imap);
}

static void test_close(struct test *t)
{
	buf_free(&t->out);
	arena_free(&t->arena);
}

static bool like(struct str got, struct str want)
{
	if (str_ends(want, STR_LIT("...")))
		return str_starts(got, str_sub(want, 0, want.n - 3));
	return str_eq(got, want);
}

/* Everything the script wants was said and came of it. */
static void check(struct test *t, const char *mode)
{
	const struct script *s = t->peer.s;
	struct str rest = buf_str(&t->out), line;

	if (t->peer.wrong[0])
		fail_msg("%s (%s)", t->peer.wrong, mode);
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].kind != 'R')
			continue;
		if (t->peer.step && str_starts(s->v[i].text,
		    STR_LIT("turns ")))
			continue;
		if (!str_cut(&rest, '\n', &line))
			fail_msg("%s (%s): nothing more came, not\n%.*s",
			    s->path, mode, STR_ARG(s->v[i].text));
		if (!like(line, s->v[i].text))
			fail_msg("%s (%s):\n%.*s\ncame instead of\n%.*s",
			    s->path, mode, STR_ARG(line),
			    STR_ARG(s->v[i].text));
	}
	if (rest.n)
		fail_msg("%s (%s): this came on top:\n%.*s", s->path, mode,
		    STR_ARG(rest));
	for (size_t i = t->peer.at; i < s->n; i++)
		if (s->v[i].kind == 'C')
			fail_msg("%s (%s): the client never sent\n%.*s",
			    s->path, mode, STR_ARG(s->v[i].text));
}

static void play(void **state)
{
	struct script s;
	struct test t;

	load(&s, *state);
	test_open(&t, &s);
	test_run(&t);
	check(&t, "whole");
	test_close(&t);
	arena_free(&s.arena);
}

static void play_cut(void **state)
{
	struct script s;
	struct test t;
	uint64_t total = 2;
	char mode[40];

	load(&s, *state);
	for (uint64_t cut = 1; cut < total; cut++) {
		test_open(&t, &s);
		t.peer.cut = cut;
		test_run(&t);
		snprintf(mode, sizeof(mode), "cut at %" PRIu64, cut);
		check(&t, mode);
		total = t.peer.total;
		test_close(&t);
	}
	assert_true(total > 10);
	arena_free(&s.arena);
}

static void play_octets(void **state)
{
	struct script s;
	struct test t;

	load(&s, *state);
	test_open(&t, &s);
	t.peer.step = 1;
	test_run(&t);
	check(&t, "one octet at a time");
	test_close(&t);
	arena_free(&s.arena);
}

/* No answer may be left open, and nothing go on as if all were well. */
static void play_faults(void **state)
{
	struct script s;
	struct test t;
	size_t struck = 0;

	load(&s, *state);
	for (int f = FAULT_NO; f < FAULT_COUNT; f++)
		for (size_t k = 1; k <= s.commands; k++) {
			test_open(&t, &s);
			t.peer.fault = (enum fault)f;
			t.peer.fault_at = k;
			test_run(&t);
			if (strstr(buf_z(&t.out), "PENDING"))
				fail_msg("%s: fault %d at command %zu left "
				    "an answer open:\n%s", s.path, f, k,
				    buf_z(&t.out));
			if (t.peer.wrong[0])
				fail_msg("%s", t.peer.wrong);
			struck += t.peer.faulty;
			test_close(&t);
		}
	assert_int_equal(struck, s.commands * (FAULT_COUNT - 1));
	arena_free(&s.arena);
}

/* Was it said in the undisturbed session, too? */
static bool has_line(struct str all, struct str line)
{
	struct str one;

	while (all.n && str_cut(&all, '\n', &one))
		if (str_eq(one, line))
			return true;
	return false;
}

static bool has_word(struct str line, const char *w)
{
	struct arena *a = arena_new();
	bool yes = strstr(arena_z(a, line), w) != NULL;

	arena_free(&a);
	return yes;
}

/* Not an answer, but what was heard until then. */
static bool is_state(struct str line)
{
	static const char *const names[] = { "turns ", "selected ",
		"server ", "caps ", "throttled " };

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_starts(line, str_of(names[i])))
			return true;
	return false;
}

/* What is said of a session that ends early was so in the whole one, or is
 * that no answer came. */
static void check_ended(const struct test *t, struct str whole, uint64_t cut)
{
	static const char *const lost[] = { " LOST", " UNSENT", " TEMP: ",
		" PROTO: ", " AUTH: ", " CONFIG: ", " USAGE: " };
	struct str rest = buf_str(&t->out), line;
	bool fine;

	while (rest.n && str_cut(&rest, '\n', &line)) {
		fine = has_line(whole, line) || is_state(line);
		for (size_t i = 0; !fine && i < COUNT(lost); i++)
			fine = has_word(line, lost[i]);
		if (!fine || has_word(line, "PENDING"))
			fail_msg("%s (ended at %" PRIu64 "):\n%.*s",
			    t->peer.s->path, cut, STR_ARG(line));
	}
}

static void play_ended(void **state)
{
	struct script s;
	struct test t;
	struct str whole;

	load(&s, *state);
	test_open(&t, &s);
	test_run(&t);
	whole = arena_str(s.arena, buf_str(&t.out));
	for (uint64_t cut = 1, total = t.peer.total; cut < total; cut++) {
		test_close(&t);
		test_open(&t, &s);
		t.peer.cut = cut;
		t.peer.cut_is_end = true;
		test_run(&t);
		check_ended(&t, whole, cut);
	}
	test_close(&t);
	arena_free(&s.arena);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction fn;
	} modes[] = {
		{ "whole", play }, { "cut at every octet", play_cut },
		{ "octet by octet", play_octets }, { "faults", play_faults },
		{ "ended at every octet", play_ended },
	};
	const char *top = getenv("TAMIS_TOP");
	struct arena *a = arena_new();
	struct CMUnitTest *tests;
	glob_t found;
	size_t n = 0;
	int failed;

	if (glob(arena_printf(a, "%s/tests/wire/*.script", top ? top :
	    ".").p, 0, NULL, &found) != 0) {
		fprintf(stderr, "no tests/wire/*.script in %s\n",
		    top ? top : ".");
		return 1;
	}
	tests = arena_array(a, found.gl_pathc * COUNT(modes), sizeof(*tests));
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *base = strrchr(found.gl_pathv[i], '/') + 1;

		for (size_t m = 0; m < COUNT(modes); m++)
			tests[n++] = (struct CMUnitTest){
				.name = arena_printf(a, "%s, %s", base,
				    modes[m].name).p,
				.test_func = modes[m].fn,
				.initial_state = found.gl_pathv[i],
			};
	}
	failed = _cmocka_run_group_tests("wire", tests, n, NULL, NULL);
	globfree(&found);
	arena_free(&a);
	return failed;
}
