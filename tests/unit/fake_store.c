#include "fake_store.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/identity.h"
#include "engine/run.h"

const char *const fake_flags[] = {
	"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "$Important",
	"$Theirs", NULL,
};
const char *const fake_labels[] = {
	"a", "b", "c", "theirs", NULL,
};

struct fake_store {
	struct store base;
	struct fake_server *sv;
	struct fake_box *selected;
	uint32_t uidvalidity;	/* of the selected one, when it was */
	bool writable, lost;
};

static struct fake_store *fake_of(struct store *s)
{
	return (struct fake_store *)s;	/* base is its head */
}

/* -------------------------------------------------------------- server */

void fake_server_init(struct fake_server *sv)
{
	memset(sv, 0, sizeof(*sv));
	sv->now = 1700000000;
	sv->has_move = sv->tells_uids = sv->tells_uidnext = true;
	sv->batch = 100;
}

struct fake_box *fake_box(struct fake_server *sv, const char *name)
{
	for (size_t i = 0; i < FAKE_BOXES; i++)
		if (strcmp(sv->boxes[i].name, name) == 0)
			return &sv->boxes[i];
	return NULL;
}

struct fake_box *fake_make_box(struct fake_server *sv, const char *name)
{
	struct fake_box *box = fake_box(sv, name);

	if (box)
		return box;
	box = fake_box(sv, "");
	assert(box && strlen(name) < sizeof(box->name));
	memset(box, 0, sizeof(*box));
	memcpy(box->name, name, strlen(name) + 1);
	box->uidvalidity = 1 + (uint32_t)(box - sv->boxes) * 1000;
	box->uidnext = 1;
	return box;
}

uint32_t fake_put(struct fake_box *box, const struct fake_message *m)
{
	struct fake_message *copy = &box->list[box->n];

	assert(box->n < FAKE_MESSAGES);
	*copy = *m;
	copy->uid = box->uidnext++;
	copy->flags &= ~(unsigned)FAKE_DELETED;
	box->n++;
	return copy->uid;
}

unsigned fake_deliver(struct fake_server *sv, const char *box, unsigned kind)
{
	struct fake_message m = { .received = sv->now };

	assert(sv->n_letters < FAKE_LETTERS);
	m.letter = (unsigned)sv->n_letters;
	sv->letters[sv->n_letters++] = (struct fake_letter){
		m.letter, kind,
	};
	fake_put(fake_make_box(sv, box), &m);
	return m.letter;
}

struct fake_message *fake_find(struct fake_box *box, uint32_t uid)
{
	for (size_t i = 0; i < box->n; i++)
		if (box->list[i].uid == uid)
			return &box->list[i];
	return NULL;
}

void fake_expunge(struct fake_box *box, uint32_t uid)
{
	struct fake_message *m = fake_find(box, uid);

	if (!m)
		return;
	memmove(m, m + 1, (size_t)(&box->list[box->n] - (m + 1)) *
	    sizeof(*m));
	box->n--;
}

void fake_renumber(struct fake_box *box)
{
	box->uidvalidity++;
	box->uidnext = 1;
	for (size_t i = 0; i < box->n; i++)
		box->list[i].uid = box->uidnext++;
}

/* ------------------------------------------------------------- effects */

static unsigned bits_of(const char *const *names, const struct op *op)
{
	unsigned bits = 0;

	for (size_t i = 0; i < op->n_names; i++) {
		size_t k = 0;

		while (names[k] && !str_ieq_z(op->names[i], names[k]))
			k++;
		assert(names[k]);
		bits |= 1u << k;
	}
	return bits;
}

static struct fake_late late_of(struct fake_server *sv,
    struct fake_box *box, const struct op *op)
{
	struct fake_late l = {
		.box = (size_t)(box - sv->boxes),
		.uidvalidity = box->uidvalidity,
		.uid = op->uid,
		.kind = op->kind,
	};
	char name[32];

	if (op->kind == OP_ADD_FLAGS || op->kind == OP_REMOVE_FLAGS)
		l.flags = bits_of(fake_flags, op);
	if (op->kind == OP_ADD_LABELS || op->kind == OP_REMOVE_LABELS)
		l.labels = bits_of(fake_labels, op);
	if (op->kind == OP_COPY || op->kind == OP_MOVE) {
		struct fake_box *to;

		snprintf(name, sizeof(name), "%.*s", STR_ARG(op->mailbox));
		to = fake_box(sv, name);
		assert(to);	/* it was made before */
		l.to = (size_t)(to - sv->boxes);
	}
	return l;
}

/* Where it landed; 0: nowhere, or it is no copy. */
static uint32_t carry_out(struct fake_server *sv, const struct fake_late *l)
{
	struct fake_box *box = &sv->boxes[l->box];
	struct fake_message *m = fake_find(box, l->uid);
	uint32_t to = 0;

	if (!m || box->uidvalidity != l->uidvalidity)
		return 0;
	switch (l->kind) {
	case OP_ADD_FLAGS:
	case OP_ADD_LABELS:
		m->flags |= l->flags;
		m->labels |= l->labels;
		break;
	case OP_REMOVE_FLAGS:
	case OP_REMOVE_LABELS:
		m->flags &= ~l->flags;
		m->labels &= ~l->labels;
		break;
	case OP_COPY:
		to = fake_put(&sv->boxes[l->to], m);
		break;
	case OP_MOVE:
		to = fake_put(&sv->boxes[l->to], m);
		fake_expunge(box, l->uid);
		break;
	case OP_DELETE:
		fake_expunge(box, l->uid);
		break;
	case OP_NOTIFY:
	case OP_RUN:
	case OP_FORWARD:
	case OP_REPLACE:
		break;
	}
	return to;
}

void fake_land(struct fake_server *sv)
{
	for (size_t i = 0; i < FAKE_LATE; i++)
		if (sv->late[i].when && sv->late[i].when <= sv->now) {
			carry_out(sv, &sv->late[i]);
			sv->late[i].when = 0;
		}
}

static void do_later(struct fake_server *sv, struct fake_late l)
{
	for (size_t i = 0; i < FAKE_LATE; i++)
		if (!sv->late[i].when) {
			l.when = sv->now + 60;
			sv->late[i] = l;
			return;
		}
}

/* --------------------------------------------------------------- calls */

static enum fake_fault ask(struct fake_store *s, enum fake_point p,
    const struct op *op)
{
	s->sv->calls[p]++;
	return s->sv->hook ? s->sv->hook(s->sv, p, op) : FAKE_GO;
}

static bool lose(struct fake_store *s, struct err *e)
{
	s->lost = true;
	return err_set(e, ERR_TEMP, "the connection is lost");
}

/* False: the connection is gone. */
static bool begin(struct fake_store *s, enum fake_point p, struct err *e)
{
	if (s->lost)
		return lose(s, e);
	if (ask(s, p, NULL) == FAKE_LOSE)
		return lose(s, e);
	/* a server ends the sessions of a mailbox whose UIDs it changes */
	if (s->selected && p != FAKE_SELECT && p != FAKE_FIND &&
	    s->selected->uidvalidity != s->uidvalidity)
		return lose(s, e);
	return true;
}

static bool fake_mailboxes(struct store *st,
    const struct mailbox_info **list_out, size_t *n_out, struct err *e)
{
	struct fake_store *s = fake_of(st);
	struct mailbox_info *list = arena_array(st->arena, FAKE_BOXES,
	    sizeof(*list));
	size_t n = 0;

	if (s->lost)
		return lose(s, e);
	for (size_t i = 0; i < FAKE_BOXES; i++)
		if (s->sv->boxes[i].name[0])
			list[n++] = (struct mailbox_info){
				.name = str_of(s->sv->boxes[i].name),
				.selectable = true,
			};
	*list_out = list;
	*n_out = n;
	return true;
}

static bool fake_special(struct store *st, struct str attribute,
    struct str *mailbox_out, struct err *e)
{
	(void)st;
	if (str_eq_z(attribute, "\\Archive"))
		*mailbox_out = STR_LIT("Archive");
	else if (str_eq_z(attribute, "\\Trash"))
		*mailbox_out = STR_LIT("Trash");
	else
		return err_set(e, ERR_MESSAGE, "there is no such mailbox");
	return true;
}

static struct fake_box *box_of(struct fake_store *s, struct str name)
{
	char z[32];

	snprintf(z, sizeof(z), "%.*s", STR_ARG(name));
	return name.n ? fake_box(s->sv, z) : NULL;
}

static bool fake_create(struct store *st, struct str mailbox, struct err *e)
{
	struct fake_store *s = fake_of(st);
	enum fake_fault fault;
	char z[32];

	if (s->lost)
		return lose(s, e);
	fault = ask(s, FAKE_CREATE, NULL);
	if (fault == FAKE_LOSE)
		return lose(s, e);
	if (fault == FAKE_REFUSE || fault == FAKE_REFUSE_NOW)
		return err_set(e, fault == FAKE_REFUSE ? ERR_MESSAGE :
		    ERR_TEMP, "cannot make %.*s", STR_ARG(mailbox));
	snprintf(z, sizeof(z), "%.*s", STR_ARG(mailbox));
	fake_make_box(s->sv, z);
	return true;
}

static bool fake_select(struct store *st, struct str mailbox, bool write,
    struct mailbox_state *state_out, struct err *e)
{
	struct fake_store *s = fake_of(st);

	s->selected = NULL;
	if (!begin(s, FAKE_SELECT, e))
		return false;
	s->sv->selected = s->selected = box_of(s, mailbox);
	if (!s->selected)
		return err_set(e, ERR_MESSAGE, "no mailbox %.*s",
		    STR_ARG(mailbox));
	s->uidvalidity = s->selected->uidvalidity;
	s->writable = write && !s->selected->read_only;
	*state_out = (struct mailbox_state){
		.uidvalidity = s->uidvalidity,
		.uidnext = s->selected->uidnext,
		.exists = (uint32_t)s->selected->n,
		.read_only = !s->writable,
	};
	return true;
}

static bool fake_search(struct store *st, const struct store_query *q,
    struct uidset *set_out, struct err *e)
{
	struct fake_store *s = fake_of(st);

	if (!begin(s, FAKE_SEARCH, e))
		return false;
	for (size_t i = 0; i < s->selected->n; i++) {
		const struct fake_message *m = &s->selected->list[i];

		if (m->uid >= q->from_uid && (q->since == TIME_NONE ||
		    m->received >= q->since - 86400))
			uidset_add(set_out, m->uid);
	}
	return true;
}

/* --------------------------------------------------------------- fetch */

static struct str text_of(struct arena *a, const struct fake_letter *l)
{
	return arena_printf(a, "Message-ID: <%u@example.org>\r\n"
	    "Date: Thu, 15 Jan 2026 09:30:00 +0100\r\n"
	    "From: Alice <alice@example.org>\r\n"
	    "Subject: kind%u\r\n\r\nword%u\r\n", l->name, l->kind, l->kind);
}

static void put_names(struct arena *a, const char *const *names,
    unsigned bits, const struct str **list_out, size_t *n_out)
{
	struct str *list = arena_array(a, 32, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; names[i]; i++)
		if (bits & 1u << i)
			list[n++] = str_of(names[i]);
	*list_out = list;
	*n_out = n;
}

static void describe(struct fake_store *s, struct arena *a,
    const struct fake_message *m, const struct fetch_items *items,
    bool bare, struct fetched *f)
{
	struct str text = text_of(a, &s->sv->letters[m->letter]);
	struct facts *facts = &f->facts;

	*f = (struct fetched){ .deleted = (m->flags & FAKE_DELETED) != 0 };
	facts->mailbox = str_of(s->selected->name);
	facts->in_inbox = str_eq_z(facts->mailbox, "INBOX");
	facts->uid = m->uid;
	facts->known = items->ask & (RULES_ASK_FLAGS | RULES_ASK_LABELS |
	    RULES_ASK_SIZE | RULES_ASK_RECEIVED);
	if (facts->known & RULES_ASK_FLAGS)
		put_names(a, fake_flags, m->flags, &facts->flags,
		    &facts->n_flags);
	if (facts->known & RULES_ASK_LABELS)
		put_names(a, fake_labels, m->labels, &facts->labels,
		    &facts->n_labels);
	facts->size = text.n;
	facts->received = m->received;
	if (bare)
		return;
	if (items->ask & RULES_ASK_BODY)
		f->have = MAIL_WHOLE;
	else if (items->ask & RULES_ASK_FIELDS)
		f->have = MAIL_FIELDS;
	f->bytes = f->have == MAIL_FIELDS ?
	    str_sub(text, 0, mail_body_offset(text)) : text;
}

static bool fake_fetch(struct store *st, const struct uidset *set,
    const struct fetch_items *items, fetch_fn *fn, void *ctx,
    struct err *e)
{
	struct fake_store *s = fake_of(st);
	struct arena *a;
	uint32_t uids[FAKE_MESSAGES];
	size_t n = 0;
	bool ok = true;

	if (!begin(s, FAKE_FETCH, e))
		return false;
	for (size_t i = 0; i < s->selected->n; i++)
		if (uidset_has(set, s->selected->list[i].uid))
			uids[n++] = s->selected->list[i].uid;
	a = arena_new();
	for (size_t i = 0; i < n && ok; i++) {
		const struct fake_message *m = fake_find(s->selected,
		    uids[i]);
		enum fake_fault fault;
		struct fetched f;

		if (!m)
			continue;
		s->sv->at = m->letter;
		fault = ask(s, FAKE_MESSAGE, NULL);
		m = fake_find(s->selected, uids[i]);
		if (fault == FAKE_LOSE) {
			ok = lose(s, e);
			break;
		}
		if (!m || fault == FAKE_OMIT)
			continue;
		arena_reset(a);
		describe(s, a, m, items, fault == FAKE_BARE, &f);
		ok = fn(ctx, &f, e);
	}
	arena_free(&a);
	return ok;
}

/* --------------------------------------------------------------- apply */

static bool fake_prepare(struct store *st, struct op *ops, size_t n,
    struct err *e)
{
	struct fake_store *s = fake_of(st);

	if (!begin(s, FAKE_PREPARE, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct fake_box *to = box_of(s, ops[i].mailbox);

		if (!s->sv->tells_uidnext || !to || !(ops[i].kind ==
		    OP_COPY || (ops[i].kind == OP_MOVE && !s->sv->has_move)))
			continue;
		ops[i].dest_uidvalidity = to->uidvalidity;
		ops[i].dest_from_uid = to->uidnext;
	}
	return true;
}

static void refuse(struct op *op, bool retry, const char *why)
{
	op->outcome = OP_FAILED;
	op->retry = retry;
	op->reason = str_of(why);
}

static void done(struct fake_store *s, struct op *op,
    const struct fake_late *l, uint32_t uid)
{
	op->outcome = OP_DONE;
	if (uid && s->sv->tells_uids) {
		op->dest_uid = uid;
		op->dest_uidvalidity = s->sv->boxes[l->to].uidvalidity;
	}
}

/* The original of a copy that was made. */
static void retire(struct fake_store *s, uint32_t uid)
{
	struct fake_message *m = fake_find(s->selected, uid);

	if (s->sv->tells_uids)
		fake_expunge(s->selected, uid);
	else if (m)
		m->flags |= FAKE_DELETED;
}

/* False: the connection is lost. */
static bool effect(struct fake_store *s, struct op *op)
{
	struct fake_late l = late_of(s->sv, s->selected, op);
	bool halves = op->kind == OP_MOVE && !s->sv->has_move;
	const struct fake_message *m = fake_find(s->selected, op->uid);
	enum fake_fault fault;
	uint32_t uid;

	if (m)
		s->sv->at = m->letter;
	fault = m ? ask(s, FAKE_EFFECT, op) : FAKE_GO;
	if (s->selected->uidvalidity != s->uidvalidity)
		fault = FAKE_LOSE;
	if (halves)
		l.kind = OP_COPY;
	switch (fault) {
	case FAKE_REFUSE:
	case FAKE_REFUSE_NOW:
		refuse(op, fault == FAKE_REFUSE_NOW, "the server says no");
		return true;
	case FAKE_LOSE_DONE:
		carry_out(s->sv, &l);
		break;
	case FAKE_LOSE_LATE:
		do_later(s->sv, l);
		break;
	case FAKE_LOSE:
		break;
	default:
		uid = carry_out(s->sv, &l);
		if (halves && ask(s, FAKE_HALF, op) != FAKE_GO)
			break;
		done(s, op, &l, uid);
		if (halves && uid)
			retire(s, op->uid);
		return true;
	}
	op->outcome = OP_UNSURE;
	op->reason = STR_LIT("no answer");
	s->lost = true;
	return false;
}

static bool held_back(const struct op *ops, size_t n, const struct op *op)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].item == op->item && ops[i].outcome != OP_DONE &&
		    ops[i].kind != OP_MOVE && ops[i].kind != OP_DELETE)
			return true;
	return false;
}

static bool fake_apply(struct store *st, struct op *ops, size_t n,
    struct err *e)
{
	static const enum op_kind order[] = {
		OP_ADD_FLAGS, OP_REMOVE_FLAGS, OP_ADD_LABELS,
		OP_REMOVE_LABELS, OP_COPY, OP_MOVE, OP_DELETE,
	};
	struct fake_store *s = fake_of(st);

	if (!begin(s, FAKE_APPLY, e))
		return false;
	for (size_t k = 0; k < COUNT(order); k++)
		for (size_t i = 0; i < n; i++) {
			struct op *op = &ops[i];

			if (op->kind != order[k] || op->outcome != OP_TODO)
				continue;
			if (!s->writable)
				refuse(op, false, "the mailbox is read-only");
			else if (op->kind >= OP_MOVE &&
			    held_back(ops, n, op))
				refuse(op, true, "another change failed");
			else if (!effect(s, op))
				return lose(s, e);
		}
	ask(s, FAKE_APPLIED, NULL);
	return true;
}

/* ------------------------------------------------------------ recovery */

static bool fake_find_again(struct store *st, struct str mailbox,
    uint32_t uidvalidity, uint32_t from_uid, const struct identity *id,
    uint32_t *uid_out, struct err *e)
{
	struct fake_store *s = fake_of(st);
	struct fake_box *box;
	struct arena *a;

	*uid_out = 0;
	if (!begin(s, FAKE_FIND, e))
		return false;
	s->selected = box = box_of(s, mailbox);
	if (!box)
		return err_set(e, ERR_MESSAGE, "no mailbox %.*s",
		    STR_ARG(mailbox));
	s->uidvalidity = box->uidvalidity;
	s->writable = false;
	if (box->uidvalidity != uidvalidity)
		from_uid = 1;
	a = arena_new();
	for (size_t i = 0; i < box->n && *uid_out == 0; i++) {
		struct str text = text_of(a,
		    &s->sv->letters[box->list[i].letter]);
		struct identity found;

		identity_of(a, mail_make(a, text, MAIL_WHOLE, NULL, 0),
		    text.n, &found);
		if (box->list[i].uid >= from_uid && identity_eq(&found, id))
			*uid_out = box->list[i].uid;
	}
	arena_free(&a);
	return true;
}

static bool fake_finish_moves(struct store *st, struct op *ops, size_t n,
    struct err *e)
{
	struct fake_store *s = fake_of(st);

	if (!begin(s, FAKE_FINISH, e))
		return false;
	assert(s->writable);
	for (size_t i = 0; i < n; i++) {
		retire(s, ops[i].uid);
		ops[i].outcome = OP_DONE;
	}
	return true;
}

static bool fake_describe(struct store *st, struct buf *out, struct err *e)
{
	(void)st;
	(void)e;
	buf_add_z(out, "fake");
	return true;
}

struct store *fake_store_open(struct arena *a, struct fake_server *sv)
{
	struct fake_store *s = arena_make(a, struct fake_store);

	s->base.arena = a;
	s->sv = sv;
	s->base.kind = (struct store_kind){
		.name = "fake",
		.mailboxes = fake_mailboxes,
		.special = fake_special,
		.create = fake_create,
		.select = fake_select,
		.search = fake_search,
		.fetch = fake_fetch,
		.prepare = fake_prepare,
		.apply = fake_apply,
		.find = fake_find_again,
		.finish_moves = fake_finish_moves,
		.describe = fake_describe,
		.batch = sv->batch,
		.dear = sv->dear,
		.atomic_move = sv->has_move,
	};
	return &s->base;
}

/* ---------------------------------------------------------------- runs */

static const struct config_limits limits = {
	.message = 1000000, .body = 1000000, .match = 10,
	.regex_steps = 100000, .new_mailboxes = 20, .late = 1800,
};

static bool read_rules(void *ctx, const char *path, struct buf *out,
    struct err *e)
{
	(void)path;
	(void)e;
	buf_add_z(out, ctx);
	return true;
}

static struct rules *load(struct arena *a, const char *text)
{
	static const char *const path = "rules.yaml";
	struct file_reader reader = {
		.read = read_rules, .ctx = (void *)(uintptr_t)text,
	};
	struct problems ps;
	struct rules *rules;

	problems_init(&ps, a);
	rules = rules_load(a, &path, 1, &reader, NULL, 0, NULL, &ps);
	if (!rules)
		for (size_t i = 0; i < ps.n; i++)
			printf("# %s\n", ps.list[i].text.p);
	assert(rules);
	return rules;
}

void fake_run_init(struct fake_run *fr, struct fake_server *sv,
    const char *dir, const char *rules)
{
	*fr = (struct fake_run){ .sv = sv, .dir = dir, .rules = rules };
	fr->mailboxes[0] = "INBOX";
	fr->options.since = TIME_NONE;
}

static size_t count_mailboxes(const struct fake_run *fr)
{
	size_t n = 0;

	while (n < COUNT(fr->mailboxes) && fr->mailboxes[n])
		n++;
	return n;
}

static void run_with(struct fake_run *fr, struct run *r, int fd)
{
	const struct report_style plain = { .json = false };
	struct report *report = report_make(r->arena, fd, &plain);
	struct err ignored = { 0 };

	r->report = report;
	fr->ok = journal_open(fr->dir, "fake", fr->options.dry_run ?
	    JOURNAL_READ : JOURNAL_WRITE, fr->sv->now, &r->journal,
	    &fr->e) && run_account(r, &fr->e);
	if (r->journal && r->run_id && !journal_run_end(r->journal,
	    &(struct run_record){ .id = r->run_id, .ended = fr->sv->now },
	    &ignored))
		fr->ok = false;
	journal_close(&r->journal);
	if (!report_close(report, &ignored))
		fr->ok = false;
}

void fake_run(struct fake_run *fr)
{
	struct arena *a = arena_new();
	struct account account = {
		.name = "fake",
		.mailboxes = fr->mailboxes,
		.n_mailboxes = count_mailboxes(fr),
		.allow_delete = fr->allow_delete,
		.limits = &limits,
	};
	struct run r = {
		.arena = a,
		.account = &account,
		.rules = load(a, fr->rules),
		.rules_version = STR_LIT("0"),
		.store = fake_store_open(a, fr->sv),
		.options = &fr->options,
		.now = fr->sv->now,
	};
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	assert(fd >= 0);
	fr->e = (struct err){ 0 };
	run_with(fr, &r, fd);
	fr->judged = r.judged;
	fr->changed = r.changed;
	fr->failed = r.failed;
	fr->unknown = r.unknown;
	fr->pending = r.pending;
	fr->baseline = r.baseline;
	fr->braked = r.braked;
	close(fd);
	arena_free(&a);
}
