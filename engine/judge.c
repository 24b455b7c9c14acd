#include "judge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "identity.h"
#include "journal_errand.h"
#include "journal_replace.h"
#include "progress.h"
#include "replace_copy.h"
#include "transform.h"

#define FACTS	(RULES_ASK_FLAGS | RULES_ASK_LABELS | RULES_ASK_SIZE | \
		RULES_ASK_RECEIVED)

/* What one message may become while it is judged: each is held in memory. */
#define REWRITTEN_MAX	10
#define ASK_LAST	(RULES_ASK_PROGRAM | RULES_ASK_REWRITE | \
			RULES_ASK_SIGNATURE)

/* One round of fetching; what it leaves open goes to the next ones. */
struct round {
	struct judge *j;
	const struct uidset *fresh;
	struct arena *message;
	unsigned ask;
	struct uidset *fields, *bodies;	/* to be asked for next */
	struct uidset *searching;	/* to be searched for first */
	unsigned more;		/* what those need besides the cheap facts */
	const char *no_answer;	/* why somebody gave none about the message
				   in hand */
	const struct fetch_items *items;
};

/* What the searches found, and of which messages it is known. */
struct searches {
	const struct str *words;
	size_t n;
	struct uidset asked;
	struct uidset *found;
	const char **refused;
};

struct deadline {
	int64_t end;		/* clock_ms */
};

static bool out_of_time(void *ctx)
{
	const struct deadline *d = ctx;

	return clock_ms() > d->end;
}

/* ------------------------------------------------------ what is fetched */

static bool has_field(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(list[i], name))
			return true;
	return false;
}

/* The fields that rules read, and those that tell who a message is. */
static void make_items(struct judge *j, struct fetch_items *items)
{
	const struct str *wanted;
	size_t n = rules_fields(j->rules, &wanted, &items->whole_header);
	struct str *fields = arena_array(j->arena, n + IDENTITY_FIELDS_N + 1,
	    sizeof(*fields));

	for (size_t i = 0; i < IDENTITY_FIELDS_N; i++)
		fields[items->n_fields++] = identity_fields[i];
	if (j->journal)
		fields[items->n_fields++] = STR_LIT(NONCE_FIELD);
	for (size_t i = 0; i < n; i++)
		if (!has_field(fields, items->n_fields, wanted[i]))
			fields[items->n_fields++] = wanted[i];
	items->fields = fields;
	items->n_labels = rules_labels_read(j->rules, &items->labels);
}

static unsigned known(const struct round *r, const struct fetched *f)
{
	unsigned got = f->facts.known;

	if (f->have)
		got |= RULES_ASK_FIELDS;
	if (f->have == MAIL_WHOLE)
		got |= RULES_ASK_BODY;
	/* labels that are folders take the fields to tell */
	if (!(r->ask & RULES_ASK_FIELDS))
		got |= RULES_ASK_LABELS;
	return got;
}

/* What was asked for and did not come stays unknown for good. */
static unsigned not_delivered(const struct round *r, const struct fetched *f)
{
	return r->ask & ~known(r, f);
}

/* What an identity is made of; without a journal nobody is remembered, and
 * the name is for the report alone. */
static unsigned naming(const struct judge *j)
{
	return j->journal ? RULES_ASK_FIELDS | RULES_ASK_SIZE :
	    RULES_ASK_FIELDS;
}

/* ------------------------------------------------------------- settling */

static struct judged *add_judged(struct judge *j, uint32_t uid)
{
	struct judged *one;

	arena_grow(j->arena, &j->judged, j->n_judged, &j->cap_judged);
	one = &j->judged[j->n_judged++];
	*one = (struct judged){ .uidvalidity = j->uidvalidity, .uid = uid };
	return one;
}

/* ID may be NULL. */
static void add_settled(struct judge *j, uint32_t uid,
    const struct identity *id)
{
	struct judged *one = add_judged(j, uid);

	one->settled = true;
	if (id)
		one->id = *id;
}

/* Gmail's index lags: time makes it known, not tries. */
static void add_late(struct judge *j, uint32_t uid)
{
	struct judged *one = add_judged(j, uid);

	one->reason = STR_LIT("Gmail's search may not know it yet");
	one->waits = true;
}

static void add_unsettled(struct judge *j, uint32_t uid, const char *why)
{
	add_judged(j, uid)->reason = arena_str(j->arena, str_of(why));
}

static void add_unreadable(struct judge *j, uint32_t uid, const char *why)
{
	struct judged *one = add_judged(j, uid);

	one->unreadable = true;
	one->reason = arena_str(j->arena, str_of(why));
}

static struct str sender(struct arena *a, struct mail *m)
{
	const struct address *list;

	if (!m || mail_addresses(m, STR_LIT("From"), &list) == 0)
		return STR_EMPTY;
	return address_shown(a, &list[0]);
}

/* What was done of a message in earlier runs. */
struct copied {
	struct judge *j;
	uint32_t uid;
	const struct identity *id;
	struct err *e;
	bool failed;
};

static bool was_copied(void *ctx, struct str target)
{
	struct copied *c = ctx;
	bool yes = false;

	if (!journal_copied(c->j->journal, c->j->mailbox, c->j->uidvalidity,
	    c->uid, c->id, target, &yes, c->e))
		c->failed = true;
	return yes;
}

static bool was_rewritten(void *ctx, struct str what)
{
	struct copied *c = ctx;
	bool yes = false;

	if (!journal_replace_made(c->j->journal, c->j->mailbox,
	    c->j->uidvalidity, c->uid, what, &yes, c->e))
		c->failed = true;
	return yes;
}

static bool was_errand(void *ctx, const struct errand *errand,
    bool *bad_out)
{
	struct copied *c = ctx;
	bool yes = false;

	if (!journal_errand_known(c->j->journal, c->id, str_of(rules_info(
	    c->j->rules, errand->rule)->name), errand->kind, errand->part,
	    &yes, bad_out, c->e))
		c->failed = true;
	return yes;
}

#define SKEW	86400	/* seconds that a server's clock may be wrong */

/*
 * Was it there before the first run?  The UID tells where the baseline is this
 * mailbox's, unless UIDs began anew since; else the time of arrival.  One
 * that was moved here from elsewhere has a new UID and its old time.
 */
static bool is_older(const struct judge *j, const struct facts *f)
{
	const struct checkpoint *b = j->baseline;
	bool dated = f->known & RULES_ASK_RECEIVED;

	if (!b)
		return false;
	if (!j->watched)
		return !dated || f->received < b->baseline_time;
	if (f->uid < b->baseline_uid)
		return !dated || f->received < b->baseline_time + SKEW;
	return dated && f->received < b->baseline_time - SKEW;
}

/* Is it unknown only since the server did not give what was asked for? */
static bool may_come(const struct round *r, const struct fetched *f,
    const struct verdict *v)
{
	return !f->denied && v->n_unknown && not_delivered(r, f);
}

/* One that could not be found again is not changed. */
static bool is_nameless(const struct round *r, const struct fetched *f)
{
	return r->j->journal && !f->denied &&
	    not_delivered(r, f) & naming(r->j);
}

static bool settle(struct round *r, const struct fetched *f, struct mail *m,
    const struct verdict *v, bool fresh, struct err *e)
{
	struct judge *j = r->j;
	/* a sweep that knows nothing of a message leaves it alone */
	bool unreadable = f->unreadable && j->journal && (fresh ||
	    !f->facts.known);
	bool nameless = is_nameless(r, f) || unreadable;
	struct plan_message pm = {
		.facts = &f->facts,
		.stays = judge_failure(j, f->facts.uid) != NULL,
		.copied = j->journal ? was_copied : NULL,
		.rewritten = j->journal ? was_rewritten : NULL,
		.errands = j->errands == JUDGE_ERRANDS_ALL ||
		    (j->errands == JUDGE_ERRANDS_NEW &&
		    !is_older(j, &f->facts)),
		.errand_known = j->journal ? was_errand : NULL,
		.channels = j->channels, .n_channels = j->n_channels,
	};
	struct copied copied = { j, f->facts.uid, &pm.id, e, false };

	pm.copied_ctx = &copied;
	if (j->journal)
		identity_of_fetched(j->arena, f, m, &pm.id);
	if (v->n_fired + v->n_unknown + v->n_failed) {
		if (m && !j->journal)
			pm.id.message_id = mail_message_id(m);
		pm.from = sender(r->message, m);
		pm.subject = m ? mail_field_text(m, STR_LIT("Subject"), 0) :
		    STR_EMPTY;
	}
	j->seen++;
	progress_step();
	if (!nameless)
		plan_add(&j->plan, &pm, v, j->places);
	if (copied.failed)
		return false;
	if (!fresh)
		return true;
	if (unreadable)
		add_unreadable(j, f->facts.uid, f->denied);
	else if (v->n_unknown && v->ask & ASK_LAST)
		add_unsettled(j, f->facts.uid, r->no_answer);
	else if (v->n_unknown && v->ask & RULES_ASK_SEARCH)
		add_late(j, f->facts.uid);
	else if (nameless || may_come(r, f, v))
		add_unsettled(j, f->facts.uid, "the server did not give all "
		    "that the rules want to know of it");
	else
		add_settled(j, f->facts.uid, &pm.id);
	if (j->met && f->gmail_id)
		gmail_seen_add(j->met_here, j->met_arena, f->gmail_id);
	return true;
}

/* ------------------------------------------------------------- matching */

static int pending_by_uid(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static const struct pending *find_pending(const struct judge *j,
    uint32_t uid)
{
	struct pending key = { .uid = uid };

	return j->n_pending ? bsearch(&key, j->pending, j->n_pending,
	    sizeof(key), pending_by_uid) : NULL;
}

/* Is it a copy that took the place of another message? */
static bool is_replaced(struct round *r, const struct fetched *f,
    struct mail *m, bool *yes_out, struct err *e)
{
	struct str nonce, name = STR_LIT(NONCE_FIELD);
	struct identity id;

	*yes_out = false;
	if (!m || !mail_knows_field(m, name) || !mail_field_count(m, name))
		return true;
	nonce = copy_nonce(mail_field_octets(m, name, 0));
	if (nonce.n == 0)
		return true;
	identity_of(r->message, m, 0, &id);
	return journal_replace_is_ours(r->j->journal, r->j->mailbox,
	    r->j->uidvalidity, f->facts.uid, nonce, id.digest, yes_out, e);
}

/* Was it dealt with under another UIDVALIDITY, or put here by us? */
static bool known_again(struct round *r, const struct fetched *f,
    struct mail *m, bool *known_out, struct err *e)
{
	struct judge *j = r->j;
	struct identity id;

	*known_out = j->met && f->gmail_id &&
	    gmail_seen_has(j->met, f->gmail_id);
	if (*known_out || !j->journal)
		return true;
	if (j->known_before != TIME_NONE &&
	    f->facts.known & RULES_ASK_RECEIVED &&
	    f->facts.received < j->known_before) {
		*known_out = true;
		return true;
	}
	if (!is_replaced(r, f, m, known_out, e))
		return false;
	if (*known_out || !identity_of_fetched(r->message, f, m, &id))
		return true;
	/* what undo brought back has another UID there */
	if (!journal_replace_restored(j->journal, j->mailbox, f->facts.uid,
	    &id, known_out, e) || (!*known_out && f->gmail_id &&
	    !journal_was_undone(j->journal, j->mailbox, &id, known_out, e)))
		return false;
	if (*known_out)
		return true;
	/* what pends here is judged here: elsewhere it was only met */
	if (f->gmail_id && j->elsewhere && !find_pending(j, f->facts.uid)) {
		if (!journal_judged_elsewhere(j->journal, j->mailbox, &id,
		    known_out, e))
			return false;
		if (*known_out)
			return true;
	}
	if (!journal_placed(j->journal, j->mailbox, j->uidvalidity,
	    f->facts.uid, &id, false, known_out, e))
		return false;
	return *known_out || j->known_before == TIME_NONE ||
	    journal_was_judged(j->journal, j->mailbox, &id, known_out, e);
}

const struct failure *judge_failure(const struct judge *j, uint32_t uid)
{
	size_t low = 0, high = j->n_failures;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (j->failures[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < j->n_failures && j->failures[low].uid == uid ?
	    &j->failures[low] : NULL;
}

static const char *const *failed_rules(struct round *r, uint32_t uid)
{
	const struct judge *j = r->j;
	const struct failure *f = judge_failure(j, uid);
	const char **list;

	if (!f)
		return NULL;
	list = arena_array(r->message, rules_count(j->rules), sizeof(*list));
	for (; f < j->failures + j->n_failures && f->uid == uid; f++)
		list[f->rule] = f->why;
	return list;
}

/* What Gmail found of it; NULL: it was not asked about this message. */
static const struct search_answer *searched(struct round *r, uint32_t uid)
{
	const struct searches *s = r->j->searches;
	struct search_answer *answers;

	if (!s || !uidset_has(&s->asked, uid))
		return NULL;
	answers = arena_array(r->message, s->n, sizeof(*answers));
	for (size_t i = 0; i < s->n; i++) {
		answers[i].why = s->refused[i];
		answers[i].truth = s->refused[i] ? TRUTH_UNKNOWN :
		    uidset_has(&s->found[i], uid) ? TRUTH_TRUE : TRUTH_FALSE;
	}
	return answers;
}

static void make_input(struct round *r, const struct fetched *f,
    struct mail *m, bool is_new, struct deadline *deadline,
    struct match_input *in)
{
	uint64_t max = r->j->account->limits->message;

	*in = (struct match_input){
		.facts = &f->facts,
		.mail = m,
		.denied = not_delivered(r, f),
		.denied_reason = f->denied ? f->denied :
		    "the server did not give it",
		.now = r->j->now,
		.zone = r->j->zone,
		.is_new = is_new,
		.due = r->j->due,
		.no_programs = r->j->no_programs,
		.no_signatures = r->j->decrypt ? NULL : "there is no keyring",
		.searched = searched(r, f->facts.uid),
		.no_searches = r->j->store->kind.labels == LABELS_GMAIL ?
		    NULL : "only Gmail can be asked, and this is not Gmail",
		.failed = failed_rules(r, f->facts.uid),
		.out_of_time = out_of_time,
		.out_of_time_ctx = deadline,
	};
	if (r->j->account->trusted_authserv)
		in->trusted_authserv = str_of(r->j->account->trusted_authserv);
	if (f->facts.known & RULES_ASK_SIZE && f->facts.size > max) {
		in->denied |= RULES_ASK_BODY;
		in->denied_reason = "the message is larger than "
		    "limits.message";
	}
	deadline->end = clock_ms() + r->j->account->limits->match * 1000;
}

static const char *const signature_texts[] = {
	[SEAL_UNSIGNED] = "none", [SEAL_BAD] = "bad",
	[SEAL_REVOKED] = "the key was revoked", [SEAL_EXPIRED] = "expired",
	[SEAL_UNKNOWN_KEY] = "of an unknown key",
	[SEAL_UNTRUSTED] = "of a key that is not known to be valid",
	[SEAL_GOOD] = "good",
};

static struct signature_answer ask_signature(struct round *r,
    struct str bytes)
{
	struct decrypt_verdict v;
	struct signature_answer a = { TRUTH_UNKNOWN, TRUTH_UNKNOWN, NULL,
	    false, STR_EMPTY };
	struct err e = { 0 };

	if (!decrypt_signature(r->j->decrypt, bytes, &v, &e)) {
		a.why = arena_z(r->message, str_of(e.msg));
		a.may_pass = e.kind == ERR_TEMP;
		r->no_answer = a.may_pass ? a.why : r->no_answer;
		return a;
	}
	a.pgp = v.by_author && !v.is_smime ? TRUTH_TRUE : TRUTH_FALSE;
	a.smime = v.by_author && v.is_smime ? TRUTH_TRUE : TRUTH_FALSE;
	a.found = arena_printf(r->message, "%s%s%s%s",
	    signature_texts[v.signature], v.signer[0] ? ", by " : "",
	    v.signer, v.signature == SEAL_GOOD && !v.by_author ?
	    ", not the author of all" : "");
	return a;
}

static struct rewrite_answer rewrite_ask(struct round *r,
    const struct facts *facts, const struct rewrite_question *q, size_t n)
{
	const struct transform t = { r->j->account->limits->message,
	    r->j->decrypt };
	struct rewrite_answer answer = { .index = q->index,
	    .key = q->step->key };
	struct str bytes = transform_joined(r->message, q->header, q->body);
	struct program_message pm = { facts, mail_make(r->message, bytes,
	    MAIL_WHOLE, NULL, 0), bytes };
	struct err e = { 0 };
	struct buf out;

	if (n == REWRITTEN_MAX) {
		answer.why = "it would be rewritten too often";
		return answer;
	}
	buf_init_secret(&out, t.limit);
	if (transform_step(&t, q->step, &pm, &out, &e))
		answer.bytes = arena_str(r->message, buf_str(&out));
	else
		answer.why = arena_z(r->message, str_of(e.msg));
	buf_free(&out);
	return answer;
}

static struct program_answer program_answer_of(struct round *r,
    const struct fetched *f, struct mail *m,
    const struct program_question *q)
{
	struct program_message pm = { &f->facts, m, f->bytes };

	if (q->header.p) {
		pm.bytes = transform_joined(r->message, q->header, q->body);
		pm.mail = mail_make(r->message, pm.bytes, MAIL_WHOLE, NULL,
		    0);
	}
	return program_ask(r->j->asked, q, &pm);
}

/*
 * Judges it, and asks about its signature and the programs on which that
 * hangs.  What was asked is not asked again, so this ends.
 */
static void judge_one(struct round *r, const struct fetched *f,
    struct mail *m, bool is_new, struct match_input *in, struct verdict *v)
{
	struct program_answer *answers = NULL;
	struct signature_answer *signature = NULL;
	struct rewrite_answer *rewritten = NULL;
	struct deadline deadline;
	size_t n = 0, cap = 0, n_rewritten = 0, cap_rewritten = 0;
	const char *why;
	unsigned ask;

	r->no_answer = NULL;
	for (;;) {
		make_input(r, f, m, is_new, &deadline, in);
		in->answers = answers;
		in->n_answers = n;
		in->rewritten = rewritten;
		in->n_rewritten = n_rewritten;
		in->signature = signature;
		rules_match(r->j->rules, r->message, in, v);
		ask = v->ask & ~in->denied;
		if (ask & ~(unsigned)ASK_LAST)
			return;
		why = NULL;
		if (ask & RULES_ASK_SIGNATURE && !signature) {
			signature = arena_make(r->message,
			    struct signature_answer);
			*signature = ask_signature(r, f->bytes);
		} else if (v->rewrite) {
			arena_grow(r->message, &rewritten, n_rewritten,
			    &cap_rewritten);
			rewritten[n_rewritten] = rewrite_ask(r, &f->facts,
			    v->rewrite, n_rewritten);
			why = rewritten[n_rewritten++].why;
		} else if (v->program) {
			arena_grow(r->message, &answers, n, &cap);
			answers[n] = program_answer_of(r, f, m, v->program);
			why = answers[n].truth == TRUTH_UNKNOWN ?
			    answers[n].why : NULL;
			n++;
		} else {
			return;
		}
		if (why)
			r->no_answer = why;
	}
}

static bool on_fetched(void *ctx, const struct fetched *f, struct err *e)
{
	struct round *r = ctx;
	struct judge *j = r->j;
	bool fresh = uidset_has(r->fresh, f->facts.uid), again = false;
	struct match_input in;
	struct verdict v;
	struct mail *m = NULL;
	unsigned ask;

	if (f->deleted) {	/* on its way out: nobody's mail any more */
		if (fresh)
			add_settled(j, f->facts.uid, NULL);
		return true;
	}
	arena_reset(r->message);
	if (f->have)
		m = mail_of_index(r->message, f->index ? f->index :
		    mail_index_make(r->message, f->bytes), f->have,
		    r->items->fields, r->items->n_fields);
	if (!fresh && j->met && f->gmail_id &&
	    gmail_seen_has(j->met, f->gmail_id))
		return true;	/* all rules have judged it as new */
	if (fresh && !known_again(r, f, m, &again, e))
		return false;
	judge_one(r, f, m, fresh && !again, &in, &v);
	ask = v.ask & ~in.denied & ~(unsigned)ASK_LAST;
	if (in.searched)
		ask &= ~(unsigned)RULES_ASK_SEARCH;
	/* whoever is changed, or remembered, must be known by name */
	if (fresh || v.n_fired + v.n_unknown + v.n_failed)
		ask |= naming(j) & ~known(r, f) & ~in.denied;
	r->more |= ask;
	if (ask & RULES_ASK_SEARCH) {
		uidset_add(r->searching, f->facts.uid);
		return true;
	}
	if (ask & RULES_ASK_BODY) {
		uidset_add(r->bodies, f->facts.uid);
		return true;
	}
	if (ask) {
		uidset_add(r->fields, f->facts.uid);
		return true;
	}
	return settle(r, f, m, &v, fresh, e);
}

static bool fetch_round(struct round *r, const struct uidset *set,
    unsigned ask, const struct fetch_items *items, struct err *e)
{
	struct fetch_items mine = *items;

	if (set->n == 0)
		return true;
	mine.ask = ask;
	r->ask = ask;
	r->items = &mine;
	return r->j->store->kind.fetch(r->j->store, set, &mine, on_fetched,
	    r, e);
}

/* Over a set that the earlier rounds have filled; a round cannot add to the
 * set that it walks over.  It must ask for all that a message needs, since
 * what an earlier round was told is forgotten. */
static bool next_round(struct round *r, struct uidset *open, unsigned ask,
    const struct fetch_items *items, struct err *e)
{
	struct uidset mine = *open;

	uidset_init(open, r->j->arena);
	return fetch_round(r, &mine, ask, items, e);
}

/* --------------------------------------------------------------- search */

/* `X-GM-RAW "..."`, as Google's IMAP extensions have it. */
static struct str raw_criteria(struct arena *a, struct str words)
{
	struct str out;
	struct buf b;

	buf_init(&b, 2 * words.n + 16);
	buf_add_z(&b, "X-GM-RAW \"");
	for (size_t i = 0; i < words.n; i++) {
		if (words.p[i] == '"' || words.p[i] == '\\')
			buf_add_char(&b, '\\');
		buf_add_char(&b, words.p[i]);
	}
	buf_add_char(&b, '"');
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

static struct searches *searches_of(struct judge *j)
{
	struct searches *s = arena_make(j->arena, struct searches);

	s->n = rules_searches(j->rules, &s->words);
	s->found = arena_array(j->arena, s->n + 1, sizeof(*s->found));
	s->refused = arena_array(j->arena, s->n + 1, sizeof(*s->refused));
	uidset_init(&s->asked, j->arena);
	for (size_t i = 0; i < s->n; i++)
		uidset_init(&s->found[i], j->arena);
	return s;
}

/* One search; a refused one is unknown for all. */
static bool search_one(struct judge *j, struct searches *s, size_t i,
    const struct uidset *among, struct err *e)
{
	struct store_query q = {
		.since = TIME_NONE,
		.criteria = raw_criteria(j->arena, s->words[i]),
		.among = among,
	};
	struct uidset found;
	struct err mine = { 0 };

	uidset_init(&found, j->arena);
	if (!j->store->kind.search(j->store, &q, &found, &mine)) {
		if (mine.kind != ERR_USAGE) {
			*e = mine;
			return false;
		}
		s->refused[i] = arena_z(j->arena, str_of(mine.msg));
		return true;
	}
	for (size_t k = 0; k < found.n; k++)
		uidset_add_range(&s->found[i], found.ranges[k].low,
		    found.ranges[k].high);
	return true;
}

/* Asks each search about the messages that hang on one, and judges them with
 * the answers. */
static bool search_round(struct round *r, unsigned ask,
    const struct fetch_items *items, struct err *e)
{
	struct judge *j = r->j;
	const struct uidset *among = r->searching;

	if (among->n == 0)
		return true;
	if (!j->searches)
		j->searches = searches_of(j);
	for (size_t i = 0; i < j->searches->n; i++)
		if (!j->searches->refused[i] &&
		    !search_one(j, j->searches, i, among, e))
			return false;
	for (size_t i = 0; i < among->n; i++)
		uidset_add_range(&j->searches->asked, among->ranges[i].low,
		    among->ranges[i].high);
	return next_round(r, r->searching, ask, items, e);
}

/* ----------------------------------------------------- what did not come */

static int by_uid(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

struct judged *judge_find(const struct judge *j, uint32_t uid)
{
	struct judged key = { .uid = uid };

	return j->n_judged ? bsearch(&key, j->judged, j->n_judged,
	    sizeof(key), by_uid) : NULL;
}

int judge_tries(const struct judge *j, uint32_t uid)
{
	const struct pending *found = find_pending(j, uid);

	return found ? found->tries : 0;
}

/*
 * A UID that was asked for and did not come is mostly that of a message which
 * somebody took away.  But a server may also answer OK and leave one out; as
 * long as it finds it, that one is not passed over.
 */
static bool look_for_missing(struct judge *j, const struct uidset *fresh,
    struct err *e)
{
	struct store_query q = { .since = TIME_NONE };
	struct uidset came, missing, found, there;

	uidset_init(&came, j->arena);
	uidset_init(&missing, j->arena);
	uidset_init(&found, j->arena);
	uidset_init(&there, j->arena);
	for (size_t i = 0; i < j->n_judged; i++)
		uidset_add(&came, j->judged[i].uid);
	uidset_split(fresh, &came, NULL, &missing);
	if (missing.n == 0)
		return true;
	q.from_uid = missing.ranges[0].low;
	if (!j->store->kind.search(j->store, &q, &found, e))
		return false;
	uidset_split(&found, &missing, &there, NULL);
	for (size_t i = 0; i < there.n; i++)
		for (uint64_t uid = there.ranges[i].low;
		    uid <= there.ranges[i].high; uid++)
			add_unsettled(j, (uint32_t)uid, "the server did not "
			    "give it");
	/* the others need not pend any more */
	for (size_t i = 0; i < j->n_pending; i++)
		if (uidset_has(&missing, j->pending[i].uid) &&
		    !uidset_has(&there, j->pending[i].uid))
			add_settled(j, j->pending[i].uid, NULL);
	return true;
}

static void sort_judged(struct judge *j)
{
	if (j->n_judged)
		qsort(j->judged, j->n_judged, sizeof(j->judged[0]), by_uid);
}

bool judge_messages(struct judge *j, const struct uidset *fresh,
    const struct uidset *stale, struct err *e)
{
	struct uidset fields, bodies, searching;
	struct round r = {
		.j = j,
		.fresh = fresh,
		.message = arena_new(),
		.fields = &fields,
		.bodies = &bodies,
		.searching = &searching,
	};
	struct fetch_items items = { 0 };
	unsigned cheap = FACTS & ~j->store->kind.dear;
	bool ok;

	plan_init(&j->plan, j->arena, j->rules);
	make_items(j, &items);
	uidset_init(&fields, j->arena);
	uidset_init(&bodies, j->arena);
	uidset_init(&searching, j->arena);
	ok = fetch_round(&r, fresh, cheap | naming(j), &items, e) &&
	    fetch_round(&r, stale, cheap, &items, e);
	/* what is asked for now, then all there is, then the bodies */
	ok = ok && next_round(&r, &fields, cheap | naming(j) |
	    RULES_ASK_FIELDS | (r.more & FACTS),
	    &items, e) &&
	    next_round(&r, &fields, FACTS | RULES_ASK_FIELDS, &items, e) &&
	    search_round(&r, FACTS | RULES_ASK_FIELDS, &items, e) &&
	    next_round(&r, &bodies, FACTS | RULES_ASK_FIELDS |
	    RULES_ASK_BODY, &items, e) &&
	    search_round(&r, FACTS | RULES_ASK_FIELDS | RULES_ASK_BODY,
	    &items, e);
	assert(!ok || (fields.n == 0 && bodies.n == 0 && searching.n == 0));
	arena_free(&r.message);
	sort_judged(j);
	ok = ok && look_for_missing(j, fresh, e);
	sort_judged(j);
	return ok;
}
