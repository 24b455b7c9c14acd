#include "errand.h"

#include <string.h>
#include <sysexits.h>

#include "child.h"
#include "clock.h"
#include "forward.h"
#include "letter.h"
#include "program.h"

#define PREVIEW_MAX	300	/* code points of a message's text */
#define PREVIEW_LINES	6
#define PREVIEW_FROM_MAX (512 * 1024)	/* octets of a message that is fetched
					   for its preview alone */
#define BATCH_LINES	20	/* messages that one summary names */
#define DAY		86400

/* ------------------------------------------------------------------ time */

static int64_t present(const struct errands *x)
{
	return x->now + (clock_ms() - x->began_ms) / 1000;
}

/* Is something of this urgency to wait now? */
static bool is_quiet(const struct errands *x, enum urgency urgency)
{
	const struct quiet_hours *q = &x->config->quiet_hours;
	int64_t local = zone_local(x->zone, present(x));
	int at = (int)(((local % DAY) + DAY) % DAY);

	if (!q->set || q->except >> urgency & 1)
		return false;
	return q->from < q->until ? at >= q->from && at < q->until :
	    at >= q->from || at < q->until;
}

/* ------------------------------------------------------------------ words */

static void say(struct errands *x, struct str sentence)
{
	arena_grow(x->arena, &x->said, x->n_said, &x->cap_said);
	x->said[x->n_said++] = arena_str(x->arena, sentence);
}

/* "Name" of "Name <address>", else what there is. */
static struct str name_of(struct str from)
{
	for (size_t i = 1; i + 1 < from.n; i++)
		if (from.p[i] == ' ' && from.p[i + 1] == '<')
			return str_sub(from, 0, i);
	return from;
}

static struct str default_summary(struct arena *a,
    const struct errand_row *r)
{
	return arena_printf(a, "%.*s: %.*s", STR_ARG(name_of(r->from)),
	    STR_ARG(r->subject.n ? r->subject : STR_LIT("(no subject)")));
}

static bool is_quoted(struct str line)
{
	return line.n > 0 && (line.p[0] == '>' || line.p[0] == '|');
}

/* How a text begins: a few lines that say something, no quotes. */
static struct str preview(struct arena *a, struct str text)
{
	struct str rest = text, line, out;
	size_t lines = 0, at = 0, n = 0;
	struct buf b;

	buf_init(&b, 4 * PREVIEW_MAX + 16);
	while (lines < PREVIEW_LINES && str_cut(&rest, '\n', &line) &&
	    b.n < 4 * PREVIEW_MAX) {
		line = str_trim(line);
		if (line.n == 0 || is_quoted(line))
			continue;
		if (lines++)
			buf_add_char(&b, '\n');
		buf_add_str(&b, utf8_head(line, 4 * PREVIEW_MAX));
	}
	out = buf_str(&b);
	while (at < out.n && n++ < PREVIEW_MAX)
		(void)utf8_next(out, &at);
	out = at < out.n ? arena_printf(a, "%.*s...", (int)at, out.p) :
	    arena_str(a, out);
	buf_free(&b);
	return out;
}

/* ----------------------------------------------------------- the message */

/* What only the message itself can tell. */
struct looked {
	struct arena *arena;	/* lives as long as the item is in hand */
	struct str preview;
	bool ours;		/* a letter that tells of another message */
	struct mail *mail;	/* all of it; NULL: it cannot be had */
	struct str bytes;
	const char *denied;
};

static bool on_message(void *ctx, const struct fetched *f, struct err *e)
{
	struct looked *l = ctx;
	const struct body_text *texts;
	struct mail *m;
	bool cut;

	(void)e;
	l->denied = f->denied;
	if (!f->have)
		return true;
	l->bytes = arena_str(l->arena, f->bytes);
	m = mail_of_index(l->arena, mail_index_make(l->arena, l->bytes),
	    f->have, NULL, 0);
	l->ours = mail_field_count(m, STR_LIT(LETTER_FIELD)) > 0;
	if (f->have != MAIL_WHOLE)
		return true;
	l->mail = m;
	if (mail_body_texts(m, &texts, &cut) > 0)
		l->preview = preview(l->arena, texts[0].text);
	return true;
}

/* Is all of it needed? */
static bool needs_body(const struct judge *j, const struct plan_item *item)
{
	for (size_t i = 0; i < item->n_ops; i++) {
		const struct op *op = &j->plan.ops[item->first_op + i];

		if (op->kind == OP_RUN || op->kind == OP_FORWARD)
			return true;
	}
	return item->id.size <= PREVIEW_FROM_MAX;
}

/* By PEEK, so that it stays unread.  One that cannot be had has no preview. */
static bool look_at(struct errands *x, struct arena *a,
    const struct judge *j, const struct plan_item *item, struct looked *l,
    struct err *e)
{
	struct fetch_items items = {
		.ask = RULES_ASK_FIELDS |
		    (needs_body(j, item) ? RULES_ASK_BODY : 0),
		.whole_header = true,
	};
	struct uidset one;

	*l = (struct looked){ .arena = a };
	uidset_init(&one, a);
	uidset_add(&one, item->uid);
	return x->store->kind.fetch(x->store, &one, &items, on_message, l, e);
}

/* ---------------------------------------------------------------- telling */

static const struct channel *channel_of(const struct errands *x,
    struct str name, size_t *at_out)
{
	for (size_t i = 0; i < x->config->n_channels; i++)
		if (str_eq_z(name, x->config->channels[i].name)) {
			*at_out = i;
			return &x->config->channels[i];
		}
	return NULL;
}

static struct notification notification_of(const struct errands *x,
    const struct errand_row *r)
{
	return (struct notification){
		.summary = r->summary, .body = r->body,
		.urgency = r->urgency, .sticky = r->sticky,
		.icon = r->icon, .sound = r->sound,
		.account = str_of(x->account->name), .mailbox = r->mailbox,
		.rule = r->rule, .from = r->from, .subject = r->subject,
		.message_id = r->id.message_id, .uid = r->uid,
		.time = present(x),
	};
}

/* Those of LIST, all through one channel, are told of by N. */
static void tell(struct errands *x, const struct notification *n,
    struct errand_row *list, size_t count)
{
	enum errand_state state = ERRAND_FAILED;
	struct str reason = STR_EMPTY;
	struct err e = { 0 };
	size_t at = 0;
	const struct channel *c = channel_of(x, list[0].channel, &at);

	if (!c) {
		reason = arena_printf(x->arena, "the config has no channel "
		    "%.*s any more", STR_ARG(list[0].channel));
		say(x, reason);
	} else {
		switch (channel_send(c, n, &e)) {
		case CHANNEL_SENT:
			state = ERRAND_DONE;
			break;
		case CHANNEL_LATER:
			state = x->journal ? ERRAND_WAITING : ERRAND_FAILED;
			x->away[at] = true;
			break;
		case CHANNEL_UNSURE:
			state = ERRAND_UNSURE;
			break;
		case CHANNEL_REFUSED:
			break;
		}
		reason = arena_str(x->arena, str_of(e.msg));
		if (state == ERRAND_WAITING)
			say(x, arena_printf(x->arena, "%.*s; it is tried "
			    "again in the next runs", STR_ARG(reason)));
		else if (reason.n)
			say(x, reason);
	}
	for (size_t i = 0; i < count; i++) {
		list[i].state = state;
		list[i].reason = reason;
	}
}

static bool is_away(const struct errands *x, struct str channel)
{
	size_t at;

	return channel_of(x, channel, &at) && x->away[at];
}

static void make_ready(struct errands *x)
{
	if (!x->away)
		x->away = arena_array(x->arena, x->config->n_channels + 1,
		    sizeof(*x->away));
}

/* Intended, told, settled: each on disk before the next. */
static bool carry_out(struct errands *x, const struct notification *n,
    struct errand_row *list, size_t count, struct err *e)
{
	if (x->journal && !journal_errands_intend(x->journal, list, count,
	    x->run, e))
		return false;
	tell(x, n, list, count);
	return !x->journal || journal_errands_settle(x->journal, list, count,
	    e);
}

/* --------------------------------------------------------- of this message */

static bool has(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(list[i], name))
			return true;
	return false;
}

/* Is it unread, and does no rule mark it read? */
static bool till_read(const struct judge *j, const struct plan_item *item)
{
	struct str seen = STR_LIT("\\Seen");
	bool read = has(item->flags, item->n_flags, seen);

	for (size_t i = 0; i < item->n_ops; i++) {
		const struct op *op = &j->plan.ops[item->first_op + i];

		if (op->kind == OP_ADD_FLAGS)
			read |= has(op->names, op->n_names, seen);
	}
	return !read;
}

static struct errand_row row_of(const struct errands *x,
    const struct judge *j, const struct plan_item *item,
    const struct op *op, const struct looked *l)
{
	const struct errand *w = op->errand;
	struct errand_row r = {
		.id = item->id,
		.rule = str_of(rules_info(j->rules, w->rule)->name),
		.kind = w->kind, .part = w->part, .channel = op->mailbox,
		.mailbox = j->mailbox, .uidvalidity = j->uidvalidity,
		.uid = item->uid, .run = x->run, .time = present(x),
		.urgency = w->urgency, .sticky = w->sticky,
		.batch = w->batch, .till_read = till_read(j, item),
		.icon = w->icon, .sound = w->sound,
		.summary = w->summary, .body = w->body,
		.from = item->from, .subject = item->subject,
	};

	if (r.summary.n == 0)
		r.summary = default_summary(l->arena, &r);
	if (r.body.n == 0)
		r.body = l->preview;
	return r;
}

/* The reason says more of what is kept for later, and of what may have been
 * done all the same. */
static void take_outcome(struct judge *j, struct op *op,
    const struct errand_row *r)
{
	op->change = r->change;
	op->reason = arena_str(j->arena, r->reason);
	op->retry = r->state == ERRAND_AGAIN;
	op->outcome = r->state == ERRAND_DONE || r->state == ERRAND_WAITING ?
	    OP_DONE : OP_FAILED;
	if (r->state == ERRAND_UNSURE)
		op->reason = arena_printf(j->arena, "perhaps done: %.*s",
		    STR_ARG(r->reason));
}

/* ------------------------------------------------------ programs, forwards */

static void run_program(const struct judge *j, const struct op *op,
    const struct looked *l, struct errand_row *r)
{
	struct facts facts = {
		.account = str_of(j->account->name), .mailbox = j->mailbox,
		.uid = op->uid,
	};
	struct program_message m = { &facts, l->mail, l->bytes };
	struct child_settings set = {
		.argv = op->errand->argv,
		.env = program_environment(l->arena, &m),
		.input = l->bytes,
		.seconds = op->errand->seconds,
	};
	struct child_result end;
	struct err e = { 0 };
	struct buf why;

	r->state = ERRAND_FAILED;
	if (!child_run(&set, NULL, &end, &e)) {
		if (e.kind == ERR_TEMP)
			r->state = ERRAND_AGAIN;
		r->reason = arena_str(l->arena, str_of(e.msg));
		return;
	}
	if (end.end == CHILD_EXITED && end.status == 0) {
		r->state = ERRAND_DONE;
		return;
	}
	if (end.end != CHILD_EXITED)
		r->state = ERRAND_UNSURE;
	else if (end.status == EX_TEMPFAIL)
		r->state = ERRAND_AGAIN;
	buf_init(&why, 300);
	buf_printf(&why, "%s ", set.argv[0]);
	child_text(&why, &set, &end);
	r->reason = arena_str(l->arena, buf_str(&why));
	buf_free(&why);
}

/* The channel that sends mail: the one that is named, or the only one. */
static const struct channel *mail_channel(const struct errands *x,
    const struct errand *errand)
{
	const struct channel *found = NULL;

	for (size_t i = 0; i < x->config->n_channels; i++) {
		const struct channel *c = &x->config->channels[i];

		if (c->kind == CHANNEL_MAIL && (errand->n_channels == 0 ||
		    str_eq_z(errand->channels[0], c->name)))
			found = c;
	}
	return found;
}

static void send_on(const struct errands *x, const struct op *op,
    const struct looked *l, struct errand_row *r)
{
	const struct channel *c = mail_channel(x, op->errand);
	struct err e = { 0 };

	r->state = ERRAND_FAILED;
	if (!c) {
		r->reason = STR_LIT("the config has no channel that sends "
		    "mail");
		return;
	}
	switch (forward_mail(c, l->mail, l->bytes, op->errand->to,
	    present(x), &e)) {
	case FORWARD_SENT:
		r->state = ERRAND_DONE;
		break;
	case FORWARD_LATER:
		r->state = ERRAND_AGAIN;
		break;
	case FORWARD_UNSURE:
		r->state = ERRAND_UNSURE;
		break;
	case FORWARD_REFUSED:
		break;
	}
	r->reason = arena_str(l->arena, str_of(e.msg));
}

static bool do_deed(struct errands *x, struct judge *j, struct op *op,
    const struct looked *l, struct errand_row *r, struct err *e)
{
	if (!l->mail) {
		op->outcome = OP_FAILED;
		op->retry = !l->denied;
		op->reason = l->denied ? str_of(l->denied) :
		    STR_LIT("the server did not give the message");
		return true;
	}
	if (x->journal && !journal_errands_intend(x->journal, r, 1, x->run,
	    e))
		return false;
	if (op->kind == OP_RUN)
		run_program(j, op, l, r);
	else
		send_on(x, op, l, r);
	take_outcome(j, op, r);
	return !x->journal || journal_errands_settle(x->journal, r, 1, e);
}

/* NULL: it is told at once. */
static const char *why_later(const struct errands *x,
    const struct errand_row *r)
{
	if (!x->journal)
		return NULL;
	if (is_quiet(x, r->urgency))
		return "kept for later: these are quiet hours";
	if (r->batch)
		return "told of with others at the end of the run";
	return is_away(x, r->channel) ? "kept for later: the channel cannot "
	    "be reached" : NULL;
}

static bool do_notify(struct errands *x, struct judge *j, struct op *op,
    const struct looked *l, struct errand_row r, struct err *e)
{
	struct notification n = notification_of(x, &r);
	const char *later = why_later(x, &r);
	size_t at;
	const struct channel *c = channel_of(x, r.channel, &at);

	if (l->ours && c && c->kind == CHANNEL_MAIL) {
		r.state = ERRAND_FAILED;
		r.reason = STR_LIT("it is itself a notification, and mail "
		    "about it would be another one");
		if (x->journal && !journal_errands_settle(x->journal, &r, 1,
		    e))
			return false;
	} else if (later) {
		r.state = ERRAND_WAITING;
		r.reason = str_of(later);
		if (!journal_errands_keep(x->journal, &r, 1, e))
			return false;
	} else if (!carry_out(x, &n, &r, 1, e)) {
		return false;
	}
	take_outcome(j, op, &r);
	return true;
}

static bool do_op(struct errands *x, struct judge *j,
    const struct plan_item *item, struct op *op, const struct looked *l,
    struct err *e)
{
	struct errand_row r = row_of(x, j, item, op, l);

	return op->kind == OP_NOTIFY ? do_notify(x, j, op, l, r, e) :
	    do_deed(x, j, op, l, &r, e);
}

static bool is_errand(const struct op *op)
{
	return op->errand && op->outcome == OP_TODO;
}

static bool do_item(struct errands *x, struct judge *j,
    const struct plan_item *item, struct err *e)
{
	struct op *ops = &j->plan.ops[item->first_op];
	struct arena *a = NULL;
	struct looked l;
	bool ok = true;

	for (size_t i = 0; ok && i < item->n_ops; i++) {
		if (!is_errand(&ops[i]))
			continue;
		if (!a) {
			a = arena_new();
			ok = look_at(x, a, j, item, &l, e);
		}
		ok = ok && do_op(x, j, item, &ops[i], &l, e);
	}
	arena_free(&a);
	return ok;
}

bool errands_do(struct errands *x, struct judge *j, struct err *e)
{
	make_ready(x);
	for (size_t i = 0; i < j->plan.n_items; i++)
		if (!do_item(x, j, &j->plan.items[i], e))
			return false;
	return true;
}

/* ---------------------------------------------------------- of earlier runs */

struct late {
	struct uidset read, there;
};

static bool on_flags(void *ctx, const struct fetched *f, struct err *e)
{
	struct late *l = ctx;

	(void)e;
	if (f->deleted)
		return true;
	uidset_add(&l->there, f->facts.uid);
	if (has(f->facts.flags, f->facts.n_flags, STR_LIT("\\Seen")))
		uidset_add(&l->read, f->facts.uid);
	return true;
}

/* What has become of the messages of LIST, all of one mailbox.  False in
 * *KNOWN_OUT: it cannot be told. */
static bool look_again(struct errands *x, const struct errand_row *list,
    size_t n, struct late *l, bool *known_out, struct err *e)
{
	struct fetch_items items = { .ask = RULES_ASK_FLAGS };
	struct mailbox_state state;
	struct err mine = { 0 };
	struct uidset set;

	*known_out = false;
	uidset_init(&set, x->arena);
	uidset_init(&l->read, x->arena);
	uidset_init(&l->there, x->arena);
	if (!x->store->kind.select(x->store, list[0].mailbox, false, &state,
	    &mine)) {
		if (mine.kind == ERR_MESSAGE)
			return true;	/* it is gone */
		*e = mine;
		return false;
	}
	if (state.uidvalidity != list[0].uidvalidity)
		return true;
	for (size_t i = 0; i < n; i++)
		uidset_add(&set, list[i].uid);
	*known_out = true;
	return x->store->kind.fetch(x->store, &set, &items, on_flags, l, e);
}

/* NULL: somebody is still to be told. */
static bool why_not(struct errands *x, const struct errand_row *r,
    const struct late *l, bool known, const char **why, struct err *e)
{
	bool moved = false;

	*why = NULL;
	if (present(x) - r->time > ERRAND_DAYS_MAX * DAY)
		*why = "it could not be told for a week";
	if (!known || *why)
		return true;
	if (uidset_has(&l->read, r->uid)) {
		*why = r->till_read ? "it was read meanwhile" : NULL;
		return true;
	}
	if (uidset_has(&l->there, r->uid))
		return true;
	if (!journal_errand_moved(x->journal, r, &moved, e))
		return false;
	*why = moved ? NULL : "it is not there any more";
	return true;
}

static bool same_group(const struct errand_row *a, const struct errand_row *b)
{
	return str_eq(a->rule, b->rule) && str_eq(a->channel, b->channel) &&
	    a->part == b->part;
}

static struct str batch_body(struct arena *a, const struct errand_row *list,
    size_t n)
{
	struct str out;
	struct buf b;

	buf_init(&b, CHANNEL_BODY_MAX);
	for (size_t i = 0; i < n && i < BATCH_LINES; i++)
		buf_printf(&b, "%s%.*s: %.*s", i ? "\n" : "",
		    STR_ARG(name_of(list[i].from)),
		    STR_ARG(list[i].subject));
	if (n > BATCH_LINES)
		buf_printf(&b, "\nand %zu more", n - BATCH_LINES);
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

/* LIST is of one rule and channel: one notification for all of it. */
static bool tell_group(struct errands *x, struct errand_row *list, size_t n,
    struct err *e)
{
	struct notification note = notification_of(x, &list[0]);

	if (n > 1) {
		note.summary = arena_printf(x->arena, "%zu messages: %.*s",
		    n, STR_ARG(list[0].rule));
		note.body = batch_body(x->arena, list, n);
		note.from = note.subject = note.message_id = STR_EMPTY;
		note.uid = 0;
	}
	return carry_out(x, &note, list, n, e);
}

/* Those of LIST that need not wait any longer: batches together. */
static bool tell_all(struct errands *x, struct errand_row *list, size_t n,
    struct err *e)
{
	struct errand_row *group = arena_array(x->arena, n + 1,
	    sizeof(*group));
	bool *done = arena_array(x->arena, n + 1, sizeof(*done));

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		if (done[i] || is_away(x, list[i].channel))
			continue;
		for (size_t m = i; m < n; m++) {
			if (done[m] || (m > i && (!list[i].batch ||
			    !list[m].batch || !same_group(&list[i],
			    &list[m]))))
				continue;
			done[m] = true;
			group[k++] = list[m];
		}
		if (!tell_group(x, group, k, e))
			return false;
	}
	return true;
}

/* Keeps those of LIST that may be told now; *N is how many. */
static void without_quiet(const struct errands *x, struct errand_row *list,
    size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (!is_quiet(x, list[i].urgency))
			list[kept++] = list[i];
	*n = kept;
}

static bool forget(struct errands *x, struct errand_row *r, const char *why,
    struct err *e)
{
	r->state = ERRAND_FAILED;
	r->reason = str_of(why);
	return journal_errands_settle(x->journal, r, 1, e);
}

/* LIST, all of one mailbox, less what nobody needs to hear any more. */
static bool without_past(struct errands *x, struct errand_row *list,
    size_t *n, struct err *e)
{
	struct late l;
	size_t kept = 0;
	bool known;

	if (!look_again(x, list, *n, &l, &known, e))
		return false;
	for (size_t i = 0; i < *n; i++) {
		const char *why;

		if (!why_not(x, &list[i], &l, known, &why, e) ||
		    (why && !forget(x, &list[i], why, e)))
			return false;
		if (!why)
			list[kept++] = list[i];
	}
	*n = kept;
	return true;
}

static bool waiting(struct errands *x, struct errand_row **list, size_t *n,
    struct err *e)
{
	*n = 0;
	if (!x->journal)
		return true;
	make_ready(x);
	if (!journal_errands_waiting(x->journal, x->arena, list, n, e))
		return false;
	without_quiet(x, *list, n);
	return true;
}

bool errands_are_late(struct errands *x, bool *yes_out, struct err *e)
{
	struct errand_row *list;
	size_t n;

	if (!waiting(x, &list, &n, e))
		return false;
	*yes_out = n > 0;
	return true;
}

bool errands_late(struct errands *x, struct err *e)
{
	struct errand_row *list;
	size_t n, kept = 0;

	if (!waiting(x, &list, &n, e))
		return false;
	for (size_t i = 0, end; i < n; i = end) {
		size_t here;

		for (end = i; end < n && str_eq(list[end].mailbox,
		    list[i].mailbox) && list[end].uidvalidity ==
		    list[i].uidvalidity; end++)
			;
		here = end - i;
		if (!without_past(x, &list[i], &here, e))
			return false;
		memmove(&list[kept], &list[i], here * sizeof(*list));
		kept += here;
	}
	return tell_all(x, list, kept, e);
}

bool errands_batch(struct errands *x, struct err *e)
{
	struct errand_row *list;
	size_t n, kept = 0;

	if (!waiting(x, &list, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (list[i].batch && list[i].run == x->run)
			list[kept++] = list[i];
	return tell_all(x, list, kept, e);
}
