#include "rehearsal.h"

#include <string.h>

#include "gmail.h"
#include "places.h"
#include "wire.h"

#define COMMAND_MAX	(64u * 1024)	/* octets of one with its literals */
#define ANSWERS_MAX	(64u * 1024)	/* octets not yet taken */

/* What kind of server it is. */
struct kind {
	const char *greeting, *list;
};

/* The end that says OK. */
struct peer {
	const struct kind *kind;
	struct buf in;		/* of the command that is coming in */
	size_t line_at;		/* where its present line begins */
	size_t literal;		/* octets of a literal still to come */
	struct buf out;
	size_t out_at;
	struct arena *arena;	/* of the lines; NULL: they are not kept */
	struct str *lines;
	size_t n_lines, cap_lines;
	/* Gmail is asked whether it did what it was told: the names that
	 * were added since the plan began, each list without its brackets. */
	struct buf flags, labels;
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

static const struct kind usual = {
	"* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ ENABLE UIDPLUS MOVE "
	    "UNSELECT ESEARCH SPECIAL-USE] ready\r\n",
	"* LIST () \"/\" INBOX\r\n"
	    "* LIST (\\Archive) \"/\" Archive\r\n"
	    "* LIST (\\Drafts) \"/\" Drafts\r\n"
	    "* LIST (\\Junk) \"/\" Junk\r\n"
	    "* LIST (\\Sent) \"/\" Sent\r\n"
	    "* LIST (\\Trash) \"/\" Trash\r\n",
};

static const struct kind gmail = {
	"* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ ENABLE UIDPLUS MOVE "
	    "UNSELECT ESEARCH SPECIAL-USE X-GM-EXT-1] ready\r\n",
	"* LIST () \"/\" INBOX\r\n"
	    "* LIST (\\All) \"/\" \"[Gmail]/All Mail\"\r\n"
	    "* LIST (\\Drafts) \"/\" [Gmail]/Drafts\r\n"
	    "* LIST (\\Important) \"/\" [Gmail]/Important\r\n"
	    "* LIST (\\Sent) \"/\" \"[Gmail]/Sent Mail\"\r\n"
	    "* LIST (\\Junk) \"/\" [Gmail]/Spam\r\n"
	    "* LIST (\\Flagged) \"/\" [Gmail]/Starred\r\n"
	    "* LIST (\\Trash) \"/\" [Gmail]/Trash\r\n",
};

static const char selected[] = "* 1 EXISTS\r\n"
    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft "
    "\\*)] any\r\n"
    "* OK [UIDVALIDITY 1] one\r\n"
    "* OK [UIDNEXT 4294967295] next\r\n";

static const char *data_of(const struct peer *p, struct str verb)
{
	return str_eq_z(verb, "SELECT") ? selected :
	    str_eq_z(verb, "LIST") ? p->kind->list :
	    str_eq_z(verb, "LOGOUT") ? "* BYE\r\n" : "";
}

static bool has(struct str s, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= s.n; i++)
		if (memcmp(s.p + i, part, n) == 0)
			return true;
	return false;
}

/* "+X-GM-LABELS.SILENT (a b)".  Names with a literal among them cannot be
 * said in one line. */
static void keep_names(struct peer *p, struct str item)
{
	struct buf *list = has(item, "X-GM-LABELS") ? &p->labels : &p->flags;
	size_t from = str_find_char(item, 0, '(') + 1;

	if (item.p[0] != '+' || from >= item.n || has(item, "+} "))
		return;
	if (list->n)
		buf_add_char(list, ' ');
	buf_add_str(list, str_sub(item, from, item.n - from - 1));
}

/* What Gmail is believed by: UID command, number and what follows. */
static void answer_as_gmail(struct peer *p, struct str verb, struct str uid,
    struct str rest)
{
	if (str_eq_z(verb, "STORE"))
		keep_names(p, rest);
	else if (str_eq_z(verb, "FETCH") && has(rest, "X-GM-LABELS"))
		buf_printf(&p->out, "* 1 FETCH (UID %.*s FLAGS (%.*s) "
		    "X-GM-LABELS (%.*s))\r\n", STR_ARG(uid),
		    STR_ARG(buf_str(&p->flags)),
		    STR_ARG(buf_str(&p->labels)));
	else if (str_eq_z(verb, "MOVE"))
		buf_printf(&p->out, "* OK [COPYUID 1 %.*s 1]\r\n",
		    STR_ARG(uid));
}

/* A whole command: "t1 UID STORE ...", without its last line end. */
static void answer(struct peer *p, struct str command)
{
	struct str tag, verb, uid, rest = command;

	if (!str_cut(&rest, ' ', &tag))
		return;
	if (p->arena) {
		arena_grow(p->arena, &p->lines, p->n_lines, &p->cap_lines);
		p->lines[p->n_lines++] = arena_str(p->arena, rest);
	}
	if (!str_cut(&rest, ' ', &verb))
		return;
	buf_add_z(&p->out, data_of(p, verb));
	if (p->kind == &gmail && str_eq_z(verb, "UID") &&
	    str_cut(&rest, ' ', &verb) && str_cut(&rest, ' ', &uid))
		answer_as_gmail(p, verb, uid, rest);
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
	buf_free(&p->flags);
	buf_free(&p->labels);
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
	r->peer.kind = account->kind == ACCOUNT_IMAP &&
	    gmail_is_host(str_of(account->host)) ? &gmail : &usual;
	r->account.host = "localhost";	/* COMPRESS would hide the commands */
	r->account.tls = TLS_IMAPS;
	buf_init(&r->peer.in, COMMAND_MAX);
	buf_init(&r->peer.out, ANSWERS_MAX);
	buf_init(&r->peer.flags, COMMAND_MAX);
	buf_init(&r->peer.labels, COMMAND_MAX);
	w = wire_make(of_wire, &peer_ops, &r->peer, str_of(r->peer.kind->greeting));
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
	buf_clear(&r->peer.flags);
	buf_clear(&r->peer.labels);
	r->peer.arena = a;
	r->peer.lines = NULL;
	r->peer.n_lines = r->peer.cap_lines = 0;
	/* a replacement takes a server that answers as one does */
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == OP_REPLACE)
			p->ops[i].outcome = OP_DONE;
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
