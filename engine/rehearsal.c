#include "rehearsal.h"

#include <string.h>

#include "places.h"
#include "wire.h"

#define COMMAND_MAX	(64u * 1024)	/* octets of one with its literals */
#define ANSWERS_MAX	(64u * 1024)	/* octets not yet taken */

/* The end that says OK. */
struct peer {
	struct buf in;		/* of the command that is coming in */
	size_t line_at;		/* where its present line begins */
	size_t literal;		/* octets of a literal still to come */
	struct buf out;
	size_t out_at;
	struct arena *arena;	/* of the lines; NULL: they are not kept */
	struct str *lines;
	size_t n_lines, cap_lines;
};

struct rehearsal {
	struct arena *arena;
	struct account account;
	struct peer peer;
	struct store *store;
	struct place_names places;
	struct str selected;
};

/* ------------------------------------------------------------ the peer */

static const char greeting[] = "* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ "
    "ENABLE UIDPLUS MOVE UNSELECT ESEARCH SPECIAL-USE] ready\r\n";

static const struct {
	const char *verb, *data;
} data_of[] = {
	{ "SELECT", "* 1 EXISTS\r\n"
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
	    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen "
	    "\\Draft \\*)] any\r\n"
	    "* OK [UIDVALIDITY 1] one\r\n"
	    "* OK [UIDNEXT 4294967295] next\r\n" },
	{ "LIST", "* LIST () \"/\" INBOX\r\n"
	    "* LIST (\\Archive) \"/\" Archive\r\n"
	    "* LIST (\\Drafts) \"/\" Drafts\r\n"
	    "* LIST (\\Junk) \"/\" Junk\r\n"
	    "* LIST (\\Sent) \"/\" Sent\r\n"
	    "* LIST (\\Trash) \"/\" Trash\r\n" },
	{ "LOGOUT", "* BYE\r\n" },
};

/* A whole command: "t1 UID STORE ...", without its last line end. */
static void answer(struct peer *p, struct str command)
{
	struct str tag, verb, rest = command;

	if (!str_cut(&rest, ' ', &tag))
		return;
	if (p->arena) {
		arena_grow(p->arena, &p->lines, p->n_lines, &p->cap_lines);
		p->lines[p->n_lines++] = arena_str(p->arena, rest);
	}
	if (!str_cut(&rest, ' ', &verb))
		return;
	for (size_t i = 0; i < COUNT(data_of); i++)
		if (str_eq_z(verb, data_of[i].verb))
			buf_add_z(&p->out, data_of[i].data);
	buf_add_str(&p->out, tag);
	buf_add_z(&p->out, " OK\r\n");
}

/* "... {5+}" announces a literal (RFC 7888). */
static bool announces(struct str line, size_t *n_out)
{
	size_t i = line.n;
	uint64_t n;

	if (line.n < 3 || line.p[--i] != '}')
		return false;
	if (line.p[i - 1] == '+')
		i--;
	line.n = i;
	while (i > 0 && line.p[i - 1] != '{')
		i--;
	if (i == 0 || !str_u64(str_sub(line, i, line.n), COMMAND_MAX, &n))
		return false;
	*n_out = (size_t)n;
	return true;
}

static void hear(struct peer *p, char c)
{
	struct str line;

	if (p->literal) {
		p->literal--;
		buf_add_char(&p->in, c);
		if (!p->literal)
			p->line_at = p->in.n;
		return;
	}
	if (c == '\r')
		return;
	if (c != '\n') {
		buf_add_char(&p->in, c);
		return;
	}
	line = str_sub(buf_str(&p->in), p->line_at, p->in.n);
	if (announces(line, &p->literal)) {
		buf_add_char(&p->in, ' ');
		p->line_at = p->in.n;
		return;
	}
	answer(p, buf_str(&p->in));
	buf_clear(&p->in);
	p->line_at = 0;
}

static enum wire_got peer_send(void *self, const void *octets, size_t n,
    size_t *done, struct err *e)
{
	struct peer *p = self;

	(void)e;
	for (size_t i = 0; i < n; i++)
		hear(p, ((const char *)octets)[i]);
	*done = n;
	return WIRE_OK;
}

static enum wire_got peer_recv(void *self, void *to, size_t n, size_t *done,
    struct err *e)
{
	struct peer *p = self;
	size_t left = p->out.n - p->out_at;

	(void)e;
	if (left == 0)
		return WIRE_AGAIN;
	*done = n < left ? n : left;
	memcpy(to, p->out.p + p->out_at, *done);
	p->out_at += *done;
	if (p->out_at == p->out.n) {
		buf_clear(&p->out);
		p->out_at = 0;
	}
	return WIRE_OK;
}

/* Nothing comes that is not there already. */
static bool peer_wait(void *self, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	struct peer *p = self;

	(void)ms;
	(void)e;
	*ready = sending || p->out.n > p->out_at;
	return true;
}

static void peer_close(void *self)
{
	struct peer *p = self;

	buf_free(&p->in);
	buf_free(&p->out);
}

static const struct wire_ops peer_ops = {
	peer_send, peer_recv, peer_wait, peer_close,
};

/* ----------------------------------------------------------- rehearsing */

bool rehearsal_open(struct arena *a, const struct account *account,
    struct rehearsal **out, struct err *e)
{
	struct rehearsal *r = arena_make(a, struct rehearsal);
	struct arena *of_wire = arena_new();
	struct wire *w;

	r->arena = a;
	r->account = *account;
	r->account.host = "localhost";	/* COMPRESS would hide the commands */
	r->account.tls = TLS_IMAPS;
	buf_init(&r->peer.in, COMMAND_MAX);
	buf_init(&r->peer.out, ANSWERS_MAX);
	w = wire_make(of_wire, &peer_ops, &r->peer, str_of(greeting));
	if (!store_imap_start(a, of_wire, w, &r->account, NULL,
	    &r->store, e))
		return false;
	if (!places_find(r->store, &r->account, &r->places, e)) {
		store_close(&r->store);
		return false;
	}
	*out = r;
	return true;
}

const struct place_names *rehearsal_places(const struct rehearsal *r)
{
	return &r->places;
}

static bool go_to(struct rehearsal *r, struct str mailbox, struct err *e)
{
	struct mailbox_state state;

	if (str_eq(r->selected, mailbox))
		return true;
	r->selected = STR_EMPTY;
	if (!r->store->kind.select(r->store, mailbox, true, &state, e))
		return false;
	r->selected = arena_str(r->arena, mailbox);
	return true;
}

bool rehearsal_plan(struct rehearsal *r, struct arena *a,
    struct str mailbox, struct plan *p, struct str **lines_out,
    size_t *n_out, struct err *e)
{
	struct store *s = r->store;
	bool ok;

	if (!go_to(r, mailbox, e))
		return false;
	r->peer.arena = a;
	r->peer.lines = NULL;
	r->peer.n_lines = r->peer.cap_lines = 0;
	ok = p->n_ops == 0 || s->kind.apply(s, p->ops, p->n_ops, e);
	r->peer.arena = NULL;
	*lines_out = r->peer.lines;
	*n_out = r->peer.n_lines;
	return ok;
}

void rehearsal_close(struct rehearsal **r)
{
	if (r && *r) {
		store_close(&(*r)->store);
		*r = NULL;
	}
}
