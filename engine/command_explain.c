#include "command.h"

#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "gmail.h"
#include "log.h"
#include "mask.h"
#include "rehearsal.h"

#define ASK_ALL	(RULES_ASK_FLAGS | RULES_ASK_LABELS | RULES_ASK_SIZE | \
	RULES_ASK_RECEIVED | RULES_ASK_FIELDS | RULES_ASK_BODY)

struct explaining {
	struct command_context *c;
	const struct config *config;
	const struct account *account;	/* as -a says, or one of defaults */
	const struct rules *rules;
	struct arena *message;		/* reset for each */
	struct str source;
	bool maildir;
	struct mask *mask;		/* NULL: nothing is masked */
	struct rehearsal *rehearsal;	/* NULL: commands are not asked for */
	int64_t deadline;		/* of clock_ms, for this message */
	uint64_t seen;
};

/* ---------------------------------------------------------------- state */

/* "read" as `is:` writes it, or "\Seen" as it is. */
static struct str flag_of(const char *written)
{
	static const char *const words[][2] = {
		{ "read", "\\Seen" }, { "starred", "\\Flagged" },
		{ "answered", "\\Answered" }, { "draft", "\\Draft" },
		{ "forwarded", "$Forwarded" }, { "important", "$Important" },
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i][0], written) == 0)
			return str_of(words[i][1]);
	return str_of(written);
}

/* A file has no state but its flags at most: what the options say, else a
 * message that has just come into the inbox. */
static void pretend(struct explaining *x, struct facts *f)
{
	const struct options *o = x->c->options;
	struct str *list;

	f->account = str_of(x->account->name);
	if (x->maildir)
		return;
	f->known |= RULES_ASK_FLAGS | RULES_ASK_LABELS;
	f->mailbox = o->mailboxes.n > 0 ? str_of(o->mailboxes.v[0]) :
	    STR_LIT("INBOX");
	if (str_ieq_z(f->mailbox, "INBOX"))
		f->mailbox = STR_LIT("INBOX");
	if (o->flags.n > 0) {
		list = arena_array(x->message, o->flags.n, sizeof(*list));
		for (size_t i = 0; i < o->flags.n; i++)
			list[i] = flag_of(o->flags.v[i]);
		f->flags = list;
		f->n_flags = o->flags.n;
	}
	list = arena_array(x->message, o->labels.n + 1, sizeof(*list));
	f->n_labels = 0;
	for (size_t i = 0; i < o->labels.n; i++) {
		struct str label = str_of(o->labels.v[i]);

		if (str_ieq_z(label, "INBOX"))
			f->in_inbox = true;
		else
			list[f->n_labels++] = label;
	}
	f->labels = list;
	if (x->account->kind == ACCOUNT_IMAP &&
	    gmail_is_host(str_of(x->account->host)))
		gmail_facts(x->message, STR_EMPTY, f->labels, f->n_labels, f);
}

/* -------------------------------------------------------------- changes */

struct changes {
	struct report_change *list;
	size_t n;
	const struct rules *rules;
};

static void add_change(struct changes *c, enum op_kind kind,
    struct str what, size_t rule, bool already)
{
	c->list[c->n++] = (struct report_change){
		.kind = kind,
		.what = what,
		.rules = str_of(rules_info(c->rules, rule)->name),
		.state = already ? "already" : "would",
	};
}

static bool has(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return true;
	return false;
}

static bool has_flag(const struct facts *f, struct str name)
{
	for (size_t i = 0; i < f->n_flags; i++)
		if (str_ieq(f->flags[i], name))
			return true;
	return false;
}

static void add_wants(struct changes *c, const struct facts *f,
    const struct verdict *v)
{
	const struct wants *w = &v->wants;
	const struct want_place *p = &w->place;

	for (size_t i = 0; i < w->n_labels; i++)
		add_change(c, w->labels[i].add ? OP_ADD_LABELS :
		    OP_REMOVE_LABELS, w->labels[i].name, w->labels[i].rule,
		    w->labels[i].add == has(v->labels_before,
		    v->n_labels_before, w->labels[i].name));
	for (size_t i = 0; i < w->n_flags; i++)
		add_change(c, w->flags[i].add ? OP_ADD_FLAGS :
		    OP_REMOVE_FLAGS, w->flags[i].name, w->flags[i].rule,
		    w->flags[i].add == has_flag(f, w->flags[i].name));
	for (size_t i = 0; i < w->n_copies; i++)
		add_change(c, OP_COPY, w->copies[i].mailbox,
		    w->copies[i].rule, false);
	if (p->kind == PLACE_DELETE)
		add_change(c, OP_DELETE, STR_EMPTY, p->rule, false);
	else if (p->kind != PLACE_STAY)
		add_change(c, OP_MOVE, p->mailbox, p->rule,
		    p->kind == PLACE_MAILBOX &&
		    str_eq(p->mailbox, f->mailbox));
}

/* ---------------------------------------------------------- one message */

static bool time_is_up(void *ctx)
{
	const struct explaining *x = ctx;

	return clock_ms() > x->deadline;
}

static void judge(struct explaining *x, const struct fetched *fetched,
    const struct facts *facts, struct mail *mail, struct verdict *v)
{
	struct match_input in = {
		.facts = facts,
		.mail = mail,
		.now = x->c->now,
		.zone = x->c->zone,
		.is_new = true,
		.explain = true,
		.no_programs = "explain starts no programs",
		.no_signatures = "explain verifies no signatures",
		.no_searches = "a saved message is not on Gmail's server",
		.denied_reason = fetched->denied,
		.out_of_time = time_is_up,
		.out_of_time_ctx = x,
	};

	if (x->account->trusted_authserv)
		in.trusted_authserv = str_of(x->account->trusted_authserv);
	for (;;) {
		x->deadline = clock_ms() + x->config->limits.match * 1000;
		rules_match(x->rules, x->message, &in, v);
		if (!(v->ask & ~in.denied))
			return;
		/* all that there is was given: the rest is not to be had */
		in.denied |= v->ask;
		if (!in.denied_reason)
			in.denied_reason = "a saved message does not tell";
	}
}

static void name_message(struct explaining *x, const struct fetched *f,
    struct mail *mail, struct report_id *id)
{
	id->mailbox = f->facts.mailbox;
	id->uid = x->maildir ? 0 : f->facts.uid;
	id->source = x->source;
	if (x->maildir && f->name.n > 0)
		id->source = arena_printf(x->message, "%.*s: %.*s",
		    STR_ARG(x->source), STR_ARG(f->name));
	if (!mail)
		return;
	id->from = mail_field_text(mail, STR_LIT("From"), 0);
	id->subject = mail_field_text(mail, STR_LIT("Subject"), 0);
	id->message_id = mail_message_id(mail);
}

/* What an IMAP server would be sent for it. */
static bool rehearse(struct explaining *x, const struct facts *facts,
    const struct verdict *v, struct report_explanation *out, struct err *e)
{
	struct plan_message m = { .facts = facts };
	struct str *lines;
	struct plan plan;

	plan_init(&plan, x->message, x->rules);
	plan_add(&plan, &m, v, rehearsal_places(x->rehearsal));
	if (!rehearsal_plan(x->rehearsal, x->message, facts->mailbox, &plan,
	    &lines, &out->n_commands, e))
		return false;
	out->commands = lines;
	return true;
}

static bool explain_one(void *ctx, const struct fetched *f, struct err *e)
{
	struct explaining *x = ctx;
	struct facts facts = f->facts;
	struct verdict v = { 0 };
	struct report_explanation out = {
		.facts = &facts,
		.rules = x->rules,
		.verdict = &v,
		.only = x->c->options->rule,
		.whole = x->c->options->verbose > 0,
		.mask = x->mask,
	};
	struct changes changes = { .rules = x->rules };
	struct mail *mail = NULL;

	arena_reset(x->message);
	if (f->have)
		mail = mail_make(x->message, f->bytes, f->have, NULL, 0);
	pretend(x, &facts);
	judge(x, f, &facts, mail, &v);
	name_message(x, f, mail, &out.id);
	changes.list = arena_array(x->message, v.wants.n_labels +
	    v.wants.n_flags + v.wants.n_copies + 1, sizeof(*changes.list));
	add_wants(&changes, &facts, &v);
	out.changes = changes.list;
	out.n_changes = changes.n;
	if (x->rehearsal && !rehearse(x, &facts, &v, &out, e))
		return false;
	report_explanation(x->c->report, &out);
	x->seen++;
	return !report_broken(x->c->report) || err_set(e, ERR_STATE,
	    "standard output is closed");
}

/* -------------------------------------------------------------- sources */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool open_source(struct explaining *x, struct arena *a,
    const char *const *path, struct store **s_out, struct err *e)
{
	x->maildir = is_folder(*path);
	x->source = strcmp(*path, "-") == 0 ? STR_LIT("standard input") :
	    str_of(*path);
	if (x->maildir)
		return store_maildir_open(a, *path, x->account, NULL, s_out,
		    e);
	return store_files_open(a, path, 1, x->config->limits.message,
	    s_out, e);
}

static bool explain_source(struct explaining *x, struct arena *a,
    const char *const *path, struct store **s, struct err *e)
{
	const struct option_list *mailboxes = &x->c->options->mailboxes;
	struct fetch_items items = { .ask = ASK_ALL, .whole_header = true };
	struct str mailbox = STR_LIT("INBOX");
	struct mailbox_state state;
	struct uidset all;

	if (!open_source(x, a, path, s, e))
		return false;
	if (x->maildir && mailboxes->n > 0)
		mailbox = str_of(mailboxes->v[0]);
	uidset_init(&all, a);
	uidset_add_range(&all, 1, UIDSET_MAX);
	return (*s)->kind.select(*s, mailbox, false, &state, e) &&
	    (*s)->kind.fetch(*s, &all, &items, explain_one, x, e);
}

static int one_source(struct explaining *x, const char *const *path)
{
	struct arena *a = arena_new();
	struct store *s = NULL;
	struct err e = { 0 };
	int code = EXIT_DONE;

	x->seen = 0;
	if (!explain_source(x, a, path, &s, &e) &&
	    !report_broken(x->c->report)) {
		code = exit_of(e.kind);
		log_err(NULL, &e);
	} else if (x->seen == 0) {
		log_line(LOG_WARN, "%s: there is no message in it", *path);
	}
	store_close(&s);
	arena_free(&a);
	return code;
}

/* What a message of a file is judged as without -a. */
static const struct account *any_account(struct arena *a,
    const struct config *config)
{
	struct account *account = arena_make(a, struct account);

	account->name = "";
	account->kind = ACCOUNT_MAILDIR;
	account->limits = &config->limits;
	return account;
}

/* --rule names one that is there. */
static bool knows_rule(const struct rules *rules, const char *name)
{
	for (size_t i = 0; i < rules_count(rules); i++)
		if (strcmp(rules_info(rules, i)->name, name) == 0)
			return true;
	return false;
}

static bool set_up(struct explaining *x, struct err *e)
{
	const struct options *o = x->c->options;

	if (o->rule && !knows_rule(x->rules, o->rule))
		return err_set(e, ERR_USAGE, "there is no rule `%s`",
		    o->rule);
	if (o->private)
		x->mask = mask_make(x->c->arena);
	return !o->commands || rehearsal_open(x->c->arena, x->account,
	    &x->rehearsal, e);
}

int command_explain(struct command_context *c)
{
	struct explaining x = { .c = c };
	const struct account **list;
	struct err e = { 0 };
	size_t n;
	int code = EXIT_DONE;

	x.config = command_config(c, &code);
	if (!x.config || !command_accounts(c, x.config, &list, &n, &code))
		return code;
	if (c->options->accounts.n > 1) {
		log_line(LOG_ERROR, "explain takes one account at most");
		return EXIT_USAGE;
	}
	x.account = c->options->accounts.n == 1 ? list[0] :
	    any_account(c->arena, x.config);
	x.rules = command_rules(c, x.config, x.account, &code);
	if (!x.rules)
		return code;
	if (!set_up(&x, &e)) {
		log_err(NULL, &e);
		return exit_of(e.kind);
	}
	x.message = arena_new();
	for (size_t i = 0; i < c->options->n_operands; i++)
		code = exit_worst(code, one_source(&x,
		    &c->options->operands[i]));
	rehearsal_close(&x.rehearsal);
	arena_free(&x.message);
	return code;
}
