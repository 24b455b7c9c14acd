#include "evaluate.h"

#include <string.h>

#define TICKS		64	/* steps between two looks at the time */
#define KEPT_IDS_MAX	16	/* fields whose identifiers are kept */
#define VALUES_SHOWN	3	/* of an explanation */

/* What a leaf may cost, by what it reads. */
enum { COST_FACTS = 1, COST_HEADER, COST_BODY };

/* -------------------------------------------------------------- prepare */

static unsigned char leaf_cost(enum cond_kind kind)
{
	switch (kind) {
	case COND_ADDRESS:
	case COND_TEXT:
	case COND_SENT:
		return COST_HEADER;
	case COND_BODY:
	case COND_ATTACHMENT:
		return COST_BODY;
	default:
		return COST_FACTS;
	}
}

static bool reads_state(enum cond_kind kind)
{
	return kind == COND_IS || kind == COND_FLAG || kind == COND_LABEL ||
	    kind == COND_MAILBOX;
}

/* Stable: file order among equals. */
static void sort_by_cost(struct rules *r, struct cond *c)
{
	size_t n = 0;

	c->by_cost = arena_array(r->arena, c->n_kids, sizeof(*c->by_cost));
	for (unsigned cost = COST_FACTS; cost <= COST_BODY; cost++)
		for (size_t i = 0; i < c->n_kids; i++)
			if (c->kids[i]->cost == cost)
				c->by_cost[n++] = c->kids[i];
}

/* Named conditions are shared: what has a cost was here before.  The
 * recursion is as deep as COND_HEIGHT_MAX at most. */
static void prepare_cond(struct rules *r, struct cond *c)
{
	if (!c || c->cost)
		return;
	c->cost = leaf_cost(c->kind);
	c->reads_state = reads_state(c->kind);
	for (size_t i = 0; i < c->n_kids; i++) {
		struct cond *kid = c->kids[i];

		prepare_cond(r, kid);
		if (kid->cost > c->cost)
			c->cost = kid->cost;
		c->reads_state |= kid->reads_state;
		if (c->kind == COND_NAMED && !kid->memo)
			kid->memo = ++r->n_memos;
	}
	sort_by_cost(r, c);
}

void match_prepare(struct rules *r)
{
	for (size_t i = 0; i < r->n_rules; i++) {
		struct branch *top = &r->rules[i].top;

		prepare_cond(r, top->when);
		for (size_t k = 0; k < top->n_first_of; k++)
			prepare_cond(r, top->first_of[k].when);
	}
}

/* -------------------------------------------------------------- answers */

static struct answer settled(bool yes)
{
	return (struct answer){ .truth = yes ? TRUTH_TRUE : TRUTH_FALSE };
}

static struct answer unknown(unsigned ask, const char *why)
{
	return (struct answer){ TRUTH_UNKNOWN, ask, why };
}

/* Facts come with one question, the header with the next, the body last. */
static unsigned cheapest(unsigned ask)
{
	const unsigned facts = RULES_ASK_FLAGS | RULES_ASK_LABELS |
	    RULES_ASK_SIZE | RULES_ASK_RECEIVED;

	if (ask & facts)
		return ask & facts;
	if (ask & RULES_ASK_FIELDS)
		return RULES_ASK_FIELDS;
	return ask;
}

/* An unknown part of something that no other part has settled. */
static void add_unknown(struct answer *sum, struct answer part)
{
	sum->truth = TRUTH_UNKNOWN;
	sum->ask |= part.ask;
	if (!sum->why)
		sum->why = part.why;
}

static const char late_reason[] = "the time for this message was up";
static const char limit_reason[] = "a pattern met its limit of steps";

static bool time_is_up(struct evaluation *v)
{
	if (!v->late && v->in->out_of_time)
		v->late = v->in->out_of_time(v->in->out_of_time_ctx);
	return v->late;
}

/* One more step of work; true when there is no time for it. */
static bool tick(struct evaluation *v)
{
	if (v->late)
		return true;
	return ++v->ticks % TICKS == 0 && time_is_up(v);
}

/* ---------------------------------------------------------- three values */

/* For "any of": true settles it. */
static enum truth either(enum truth a, enum truth b)
{
	if (a == TRUTH_TRUE || b == TRUTH_TRUE)
		return TRUTH_TRUE;
	return a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN :
	    TRUTH_FALSE;
}

static enum truth truth_of(bool yes)
{
	return yes ? TRUTH_TRUE : TRUTH_FALSE;
}

/* -------------------------------------------------------------- operands */

static enum truth fits(const struct pattern *p, struct str text)
{
	switch (pattern_match(p, text, NULL)) {
	case PATTERN_NO:
		return TRUTH_FALSE;
	case PATTERN_YES:
		return TRUTH_TRUE;
	case PATTERN_LIMIT:
		break;
	}
	return TRUTH_UNKNOWN;
}

/* An operand that looks at one text. */
static enum truth operand_text(const struct operand *o, struct str text)
{
	switch (o->op) {
	case TEST_PATTERN:
	case TEST_NAME_OR_ADDRESS:
	case TEST_DOMAIN_GLOB:
		return fits(o->pattern, text);
	case TEST_LIST:
		return list_has_text(o->list, text);
	case TEST_TEXT:
		return truth_of(str_eq(o->text, text));
	case TEST_ADDRESS:
	case TEST_DOMAIN:
		return truth_of(str_ieq(o->text, text));
	}
	return TRUTH_FALSE;
}

static enum truth operand_address(const struct operand *o,
    const struct address *a)
{
	switch (o->op) {
	case TEST_ADDRESS:
		return truth_of(str_ieq(o->text, a->address));
	case TEST_DOMAIN:
		return truth_of(a->domain.n && str_ieq(o->text, a->domain));
	case TEST_DOMAIN_GLOB:
		return a->domain.n ? fits(o->pattern, a->domain) :
		    TRUTH_FALSE;
	case TEST_LIST:
		return list_has_address(o->list, a);
	case TEST_PATTERN:
	case TEST_NAME_OR_ADDRESS:
	case TEST_TEXT: {
		enum truth truth = TRUTH_FALSE;

		if (a->address.n)
			truth = operand_text(o, a->address);
		if (truth != TRUTH_TRUE && a->name.n)
			truth = either(truth, operand_text(o, a->name));
		return truth;
	}
	}
	return TRUTH_FALSE;
}

static bool address_part(const struct address *a, enum test_part part,
    struct str *out)
{
	size_t plus = str_find_char(a->local, 0, '+');

	switch (part) {
	case PART_NAME:
		*out = a->name;
		break;
	case PART_LOCAL:
		*out = a->local;
		break;
	case PART_DOMAIN:
		*out = a->domain;
		break;
	case PART_USER:
		*out = str_sub(a->local, 0, plus);
		break;
	case PART_DETAIL:
		*out = str_sub(a->local, plus + 1, a->local.n);
		return plus < a->local.n;
	default:
		*out = a->address;
		break;
	}
	return out->n > 0;
}

static enum truth test_address(const struct test *t, const struct address *a)
{
	enum truth truth = TRUTH_FALSE;
	struct str part = STR_EMPTY;

	if (t->part != PART_ANY && !address_part(a, t->part, &part))
		return TRUTH_FALSE;
	for (size_t i = 0; i < t->n && truth != TRUTH_TRUE; i++)
		truth = either(truth, t->part == PART_ANY ||
		    (t->part == PART_ADDRESS && t->any[i].op == TEST_LIST) ?
		    operand_address(&t->any[i], a) :
		    operand_text(&t->any[i], part));
	return truth;
}

static enum truth test_text(const struct test *t, struct str text)
{
	enum truth truth = TRUTH_FALSE;

	for (size_t i = 0; i < t->n && truth != TRUTH_TRUE; i++)
		truth = either(truth, operand_text(&t->any[i], text));
	return truth;
}

/* All tests of a leaf on one value. */
static enum truth tests_text(const struct cond *c, struct str text)
{
	enum truth all = TRUTH_TRUE;

	for (size_t i = 0; i < c->n_tests && all != TRUTH_FALSE; i++) {
		enum truth one = test_text(&c->tests[i], text);

		if (one != TRUTH_TRUE)
			all = one == TRUTH_FALSE ? TRUTH_FALSE :
			    TRUTH_UNKNOWN;
	}
	return all;
}

static enum truth tests_address(const struct cond *c,
    const struct address *a)
{
	enum truth all = TRUTH_TRUE;

	for (size_t i = 0; i < c->n_tests && all != TRUTH_FALSE; i++) {
		enum truth one = test_address(&c->tests[i], a);

		if (one != TRUTH_TRUE)
			all = one == TRUTH_FALSE ? TRUTH_FALSE :
			    TRUTH_UNKNOWN;
	}
	return all;
}

/* ------------------------------------------------- what explain wants */

static void show_value(struct evaluation *v, struct str value)
{
	if (v->notes)
		v->here.value = value;
}

static void show_reason(struct evaluation *v, const char *why)
{
	if (v->notes)
		v->here.why = why;
}

static struct str address_shown(struct arena *a, const struct address *ad)
{
	if (ad->name.n == 0)
		return ad->address;
	if (ad->address.n == 0)
		return ad->name;
	return arena_printf(a, "%.*s <%.*s>", STR_ARG(ad->name),
	    STR_ARG(ad->address));
}

/* The first values that were looked at in vain. */
static void show_another(struct evaluation *v, struct str value, size_t k)
{
	if (!v->notes || k > VALUES_SHOWN)
		return;
	if (k == VALUES_SHOWN)
		value = STR_LIT("...");
	v->here.value = k == 0 ? value : arena_printf(v->arena,
	    "%.*s, %.*s", STR_ARG(v->here.value), STR_ARG(value));
}

/* --------------------------------------------------------- header leaves */

static bool field_known(const struct evaluation *v, struct str field)
{
	return v->in->mail && mail_knows_field(v->in->mail, field);
}

/* What a leaf over several occurrences has come to so far. */
struct tally {
	struct answer answer;	/* unless true */
	size_t seen;
};

/* True when that settles the leaf. */
static bool tally_add(struct evaluation *v, struct tally *t,
    enum truth truth)
{
	t->seen++;
	if (truth == TRUTH_TRUE)
		return true;
	if (truth == TRUTH_UNKNOWN)
		add_unknown(&t->answer, unknown(0, limit_reason));
	if (tick(v)) {
		add_unknown(&t->answer, unknown(0, late_reason));
		return true;
	}
	return false;
}

static bool address_field(struct evaluation *v, const struct cond *c,
    struct str field, struct tally *t)
{
	const struct address *list;
	size_t n = mail_addresses(v->in->mail, field, &list);

	for (size_t i = 0; i < n; i++) {
		enum truth truth = tests_address(c, &list[i]);

		if (truth == TRUTH_TRUE)
			v->hit.address = &list[i];
		if (v->notes && truth == TRUTH_TRUE)
			show_value(v, address_shown(v->arena, &list[i]));
		else if (v->notes && t->seen <= VALUES_SHOWN)
			show_another(v, address_shown(v->arena, &list[i]),
			    t->seen);
		if (tally_add(v, t, truth)) {
			if (truth == TRUTH_TRUE)
				t->answer = settled(true);
			return true;
		}
	}
	return false;
}

/* `exists`: false when the leaf is settled or waits; else *A is unset. */
static bool presence(struct evaluation *v, const struct cond *c,
    struct answer *a)
{
	bool present = false;
	struct answer missing = settled(false);

	for (size_t i = 0; i < c->n_fields && !present; i++)
		if (!field_known(v, c->fields[i]))
			add_unknown(&missing, answer_missing(v->in,
			    RULES_ASK_FIELDS));
		else if (mail_field_count(v->in->mail, c->fields[i]))
			present = true;
	if (!present && missing.truth == TRUTH_UNKNOWN) {
		*a = missing;
		return false;
	}
	show_value(v, present ? STR_LIT("it is there") :
	    STR_LIT("it is not there"));
	*a = settled(present == c->exists);
	return a->truth == TRUTH_TRUE && c->n_tests > 0;
}

static void explain_nothing(struct evaluation *v, const struct cond *c)
{
	if (!v->notes)
		return;
	for (size_t i = 0; i < c->n_fields; i++)
		if (mail_field_count(v->in->mail, c->fields[i])) {
			show_reason(v, "the field is empty");
			return;
		}
	show_reason(v, "there is no such field");
}

/* A leaf over the occurrences in its fields; EACH looks at one field. */
static struct answer over_fields(struct evaluation *v, const struct cond *c,
    bool (*each)(struct evaluation *, const struct cond *, struct str,
    struct tally *))
{
	struct tally t = { .answer = settled(false) };
	struct answer a;

	if (c->has_exists && !presence(v, c, &a))
		return a;
	for (size_t i = 0; i < c->n_fields; i++)
		if (!field_known(v, c->fields[i]))
			add_unknown(&t.answer, answer_missing(v->in,
			    RULES_ASK_FIELDS));
		else if (each(v, c, c->fields[i], &t))
			return t.answer;
	if (t.seen == 0 && t.answer.truth == TRUTH_FALSE)
		explain_nothing(v, c);
	return t.answer;
}

static bool text_value(struct evaluation *v, const struct cond *c,
    struct str value, struct tally *t)
{
	enum truth truth = tests_text(c, value);

	if (truth == TRUTH_TRUE) {
		v->hit.text = value;
		show_value(v, value);
		t->answer = settled(true);
		return true;
	}
	show_another(v, value, t->seen);
	return tally_add(v, t, truth);
}

/* The identifiers of a field's occurrences are read once a message. */
struct kept_ids {
	struct str field;
	size_t k;
	struct str *ids;
	size_t n;
	struct kept_ids *next;
};

static size_t ids_of(struct evaluation *v, struct str field, size_t k,
    struct str **out)
{
	struct kept_ids *kept;
	size_t count = 0;

	for (kept = v->ids; kept; kept = kept->next, count++)
		if (kept->k == k && str_ieq(kept->field, field)) {
			*out = kept->ids;
			return kept->n;
		}
	if (count == KEPT_IDS_MAX) {
		*out = NULL;	/* a field that may stand once, many times */
		return 0;
	}
	kept = arena_make(v->arena, struct kept_ids);
	*kept = (struct kept_ids){ .field = field, .k = k, .next = v->ids };
	kept->n = mail_ids(v->arena, mail_field_text(v->in->mail, field, k),
	    &kept->ids);
	v->ids = kept;
	*out = kept->ids;
	return kept->n;
}

static bool ids_field(struct evaluation *v, const struct cond *c,
    struct str field, struct tally *t)
{
	size_t n = mail_field_count(v->in->mail, field);

	for (size_t k = 0; k < n && k < KEPT_IDS_MAX; k++) {
		struct str *ids;
		size_t n_ids = ids_of(v, field, k, &ids);

		for (size_t i = 0; i < n_ids; i++)
			if (text_value(v, c, ids[i], t))
				return true;
	}
	return false;
}

static bool text_field(struct evaluation *v, const struct cond *c,
    struct str field, struct tally *t)
{
	struct mail *m = v->in->mail;
	size_t n = mail_field_count(m, field);
	struct str id;

	if (n == 0)
		return false;
	switch (c->source) {
	case TEXT_MESSAGE_ID:
		return text_value(v, c, mail_message_id(m), t);
	case TEXT_LIST_ID:
		id = mail_list_id(m);
		if (c->local_part)
			id = str_sub(id, 0, str_find_char(id, 0, '.'));
		return text_value(v, c, id, t);
	case TEXT_IDS:
		return ids_field(v, c, field, t);
	case TEXT_FIELD:
		break;
	}
	for (size_t k = 0; k < n; k++)
		if (text_value(v, c, mail_field_text(m, field, k), t))
			return true;
	return false;
}

/* ----------------------------------------------------------- body leaves */

static const char *cut_reason(struct evaluation *v, size_t limit)
{
	const size_t mib = 1024 * 1024, kib = 1024;
	struct str s;

	if (limit % mib == 0)
		s = arena_printf(v->arena, "only the first %zu MiB of the "
		    "text were looked at", limit / mib);
	else if (limit % kib == 0)
		s = arena_printf(v->arena, "only the first %zu KiB of the "
		    "text were looked at", limit / kib);
	else
		s = arena_printf(v->arena, "only the first %zu octets of "
		    "the text were looked at", limit);
	return s.p;
}

static size_t body_limit(const struct evaluation *v)
{
	size_t limit = v->rules->limits.body_text;

	return limit && limit < MAIL_PART_TEXT_MAX ? limit :
	    MAIL_PART_TEXT_MAX;
}

/* Enough of a text around its beginning to be recognised. */
static struct str excerpt(struct str text)
{
	struct str line;

	text = str_trim(text);
	if (!str_cut(&text, '\n', &line))
		return STR_EMPTY;
	return utf8_head(line, 80);
}

static struct answer eval_body(struct evaluation *v, const struct cond *c)
{
	const struct body_text *list;
	struct answer a = settled(false);
	size_t limit = body_limit(v), n;
	bool left_out, any = false;

	if (!v->in->mail || !mail_knows_body(v->in->mail))
		return answer_missing(v->in, RULES_ASK_BODY);
	n = mail_body_texts(v->in->mail, &list, &left_out);
	for (size_t i = 0; i < n; i++) {
		bool cut = list[i].cut || list[i].text.n > limit;
		struct str text = utf8_head(list[i].text, limit);
		enum truth truth;

		any |= str_trim(text).n > 0;
		if (time_is_up(v)) {
			add_unknown(&a, unknown(0, late_reason));
			return a;
		}
		truth = c->n_tests ? tests_text(c, text) : TRUTH_FALSE;
		if (truth == TRUTH_TRUE && (!c->has_exists || c->exists)) {
			v->hit.text = text;
			show_value(v, excerpt(text));
			return settled(true);
		}
		if (truth == TRUTH_UNKNOWN)
			add_unknown(&a, unknown(0, limit_reason));
		else if (cut)
			add_unknown(&a, unknown(0, cut_reason(v, limit)));
	}
	if (left_out)
		add_unknown(&a, unknown(0,
		    "parts of it were left out by a limit"));
	if (!c->has_exists || c->n_tests)
		return a;
	if (any || a.truth == TRUTH_FALSE)
		return settled(any == c->exists);
	return a;
}

static enum truth in_bounds(const struct bounds *b, int64_t n)
{
	return truth_of((!b->has_low || n > b->low) &&
	    (!b->has_high || n < b->high));
}

static enum truth tests_attachment(const struct cond *c,
    const struct attachment *at)
{
	enum truth all = in_bounds(&c->bounds, at->size > INT64_MAX ?
	    INT64_MAX : (int64_t)at->size);

	for (size_t i = 0; i < c->n_tests && all != TRUTH_FALSE; i++) {
		const struct test *t = &c->tests[i];
		enum truth one = test_text(t, t->part == PART_TYPE ?
		    at->type : at->name);

		if (one != TRUTH_TRUE)
			all = one == TRUTH_FALSE ? TRUTH_FALSE :
			    TRUTH_UNKNOWN;
	}
	return all;
}

static struct answer eval_attachment(struct evaluation *v,
    const struct cond *c)
{
	const struct attachment *list;
	struct tally t = { .answer = settled(false) };
	bool wanted = !c->has_exists || c->exists, left_out;
	size_t n;

	if (!v->in->mail || !mail_knows_body(v->in->mail))
		return answer_missing(v->in, RULES_ASK_BODY);
	n = mail_attachments(v->in->mail, &list, &left_out);
	for (size_t i = 0; i < n; i++) {
		enum truth truth = tests_attachment(c, &list[i]);
		struct str shown = list[i].name.n ? list[i].name :
		    list[i].type;

		if (truth == TRUTH_TRUE) {
			v->hit.attachment = &list[i];
			show_value(v, shown);
			return settled(wanted);
		}
		show_another(v, shown, t.seen);
		if (tally_add(v, &t, truth))
			return t.answer;
	}
	if (left_out)
		add_unknown(&t.answer, unknown(0,
		    "parts of it were left out by a limit"));
	if (n == 0)
		show_reason(v, "it has no attachment");
	return t.answer.truth == TRUTH_FALSE ? settled(!wanted) : t.answer;
}

/* ---------------------------------------------------------- fact leaves */

static bool fact_known(const struct evaluation *v, unsigned bit)
{
	return v->in->facts->known & bit;
}

static struct answer eval_size(struct evaluation *v, const struct cond *c)
{
	uint64_t size = v->in->facts->size;

	if (!fact_known(v, RULES_ASK_SIZE))
		return answer_missing(v->in, RULES_ASK_SIZE);
	if (v->notes)
		show_value(v, arena_printf(v->arena, "%llu octets",
		    (unsigned long long)size));
	return (struct answer){ .truth = in_bounds(&c->bounds,
	    size > INT64_MAX ? INT64_MAX : (int64_t)size) };
}

static struct str seconds_shown(struct arena *a, int64_t s)
{
	static const struct { int64_t n; const char *name; } units[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" },
	};
	size_t i = 0;

	if (s < 0)
		return STR_LIT("it arrives in the future");
	while (i < COUNT(units) - 1 && s < units[i].n)
		i++;
	return arena_printf(a, "%lld%s", (long long)(s / units[i].n),
	    units[i].name);
}

static bool received(struct evaluation *v, int64_t *out,
    struct answer *missing)
{
	*out = v->in->facts->received;
	if (!fact_known(v, RULES_ASK_RECEIVED))
		*missing = answer_missing(v->in, RULES_ASK_RECEIVED);
	else if (*out == TIME_NONE)
		*missing = unknown(0, "its date of arrival cannot be read");
	else
		return true;
	return false;
}

static struct answer eval_age(struct evaluation *v, const struct cond *c)
{
	struct answer missing;
	int64_t at, age;

	if (!received(v, &at, &missing))
		return missing;
	if (__builtin_sub_overflow(v->in->now, at, &age))
		return settled(false);
	if (v->notes)
		show_value(v, seconds_shown(v->arena, age));
	return (struct answer){ .truth = in_bounds(&c->bounds, age) };
}

/* The first second, and the one after the last, of what was written. */
static void span_of(const struct when *w, int64_t *from, int64_t *until)
{
	const int64_t day = 24 * 60 * 60;
	int64_t into_day = (w->civil % day + day) % day;

	*from = w->civil;
	if (w->has_time) {
		*until = w->civil + (w->civil % 60 ? 1 : 60);
		return;
	}
	*from -= into_day;
	*until = *from + day;
}

static bool time_fits(const struct cond *c, int64_t local)
{
	int64_t from, until;

	if (c->before.set) {
		span_of(&c->before, &from, &until);
		if (local >= from)
			return false;
	}
	if (c->after.set) {
		span_of(&c->after, &from, &until);
		if (c->after.has_time ? local <= from : local < until)
			return false;
	}
	if (c->on.set) {
		span_of(&c->on, &from, &until);
		if (local < from || local >= until)
			return false;
	}
	return true;
}

/* Times further away than the year 9999 say nothing a rule could mean. */
#define FAR_TIME	((int64_t)253402300800)

static struct answer eval_time(struct evaluation *v, const struct cond *c,
    int64_t t)
{
	const struct zone *z = &v->in->zone;
	struct civil civil;

	if (t <= -FAR_TIME || t >= FAR_TIME)
		return settled(false);
	if (z->offset)
		t += z->offset(z->ctx, t);
	if (v->notes) {
		civil = time_to_civil(t);
		show_value(v, arena_printf(v->arena,
		    "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)civil.year,
		    civil.month, civil.day, civil.hour, civil.min,
		    civil.sec));
	}
	return settled(time_fits(c, t));
}

static struct answer eval_received(struct evaluation *v,
    const struct cond *c)
{
	struct answer missing;
	int64_t at;

	if (!received(v, &at, &missing))
		return missing;
	return eval_time(v, c, at);
}

static struct answer eval_sent(struct evaluation *v, const struct cond *c)
{
	int64_t sent;

	if (!field_known(v, STR_LIT("Date")))
		return answer_missing(v->in, RULES_ASK_FIELDS);
	sent = mail_sent(v->in->mail);
	if (sent == TIME_NONE) {
		show_reason(v, "there is no readable Date");
		return settled(false);
	}
	return eval_time(v, c, sent);
}

/* ------------------------------------------------ state leaves: effects */

/* The operands of label, flag, mailbox, account stand in tests[0]. */
static const struct test *names_of(const struct cond *c)
{
	static const struct test none;

	return c->n_tests ? &c->tests[0] : &none;
}

static void show_marks(struct evaluation *v, const struct marks *ms,
    bool inbox)
{
	size_t k = 0;

	if (!v->notes || v->here.value.n)
		return;
	if (inbox)
		show_another(v, STR_LIT("INBOX"), k++);
	for (size_t i = 0; i < ms->n; i++)
		if (ms->list[i].now == TRUTH_TRUE)
			show_another(v, ms->list[i].name, k++);
	if (k == 0)
		show_reason(v, ms->fold ? "it has no flags" :
		    "it has no labels");
}

/* Any label or flag that the operand fits. */
static struct answer any_mark(struct evaluation *v, const struct marks *ms,
    const struct operand *o)
{
	struct answer a = settled(false);

	for (size_t i = 0; i < ms->n; i++) {
		const struct mark *m = &ms->list[i];
		enum truth fits;

		if (m->now == TRUTH_FALSE)
			continue;
		if (tick(v)) {
			add_unknown(&a, unknown(0, late_reason));
			return a;
		}
		fits = operand_text(o, m->name);
		if (fits == TRUTH_TRUE && m->now == TRUTH_TRUE) {
			show_value(v, m->name);
			return settled(true);
		}
		if (fits == TRUTH_UNKNOWN)
			add_unknown(&a, unknown(0, limit_reason));
		else if (fits == TRUTH_TRUE)
			add_unknown(&a, unknown(m->doubt.ask, m->doubt.why));
	}
	if (ms->others == TRUTH_UNKNOWN)
		add_unknown(&a, unknown(ms->doubt.ask, ms->doubt.why));
	return a;
}

/* A label that is written otherwise, but for the case of its letters. */
static struct answer folded_mark(struct evaluation *v,
    const struct marks *ms, struct str name)
{
	struct answer a = marks_has(ms, name);

	for (size_t i = 0; i < ms->n && a.truth != TRUTH_TRUE; i++) {
		const struct mark *m = &ms->list[i];

		if (m->now == TRUTH_FALSE || !str_ieq(m->name, name))
			continue;
		if (m->now == TRUTH_TRUE) {
			show_value(v, m->name);
			a = settled(true);
		} else {
			add_unknown(&a, unknown(m->doubt.ask, m->doubt.why));
		}
	}
	return a;
}

static struct answer one_mark(struct evaluation *v, const struct marks *ms,
    struct str name)
{
	struct answer a;

	if (ms->fold)
		a = marks_has(ms, name);
	else if (is_inbox(name))
		a = effects_inbox(v->fx);
	else
		a = folded_mark(v, ms, name);
	if (a.truth == TRUTH_TRUE && v->notes && v->here.value.n == 0)
		show_value(v, name);
	return a;
}

static struct answer eval_marks(struct evaluation *v, const struct cond *c,
    const struct marks *ms)
{
	const struct test *names = names_of(c);
	struct answer a = settled(false);

	for (size_t i = 0; i < names->n; i++) {
		const struct operand *o = &names->any[i];
		struct answer one = o->op == TEST_TEXT ?
		    one_mark(v, ms, o->text) : any_mark(v, ms, o);

		if (one.truth == TRUTH_TRUE)
			return one;
		if (one.truth == TRUTH_UNKNOWN)
			add_unknown(&a, one);
	}
	if (a.truth == TRUTH_FALSE)
		show_marks(v, ms, !ms->fold &&
		    effects_inbox(v->fx).truth == TRUTH_TRUE);
	a.ask = cheapest(a.ask);
	return a;
}

static struct answer eval_is(struct evaluation *v, const struct cond *c)
{
	struct answer a = marks_has(&v->fx->flags, c->text);

	if (a.truth == TRUTH_TRUE)
		show_value(v, c->text);
	else if (a.truth == TRUTH_FALSE)
		show_marks(v, &v->fx->flags, false);
	if (c->negated && a.truth != TRUTH_UNKNOWN)
		return settled(a.truth == TRUTH_FALSE);
	a.ask = cheapest(a.ask);
	return a;
}

static bool text_fits(const struct operand *o, struct str name)
{
	if (o->op == TEST_TEXT && is_inbox(o->text))
		return is_inbox(name);
	return operand_text(o, name) == TRUTH_TRUE;
}

/* Is the message there, if it is at this spot? */
static enum truth spot_fits(const struct test *names, const struct spot *s)
{
	bool inbox = false;

	if (s->kind == PLACE_DELETE)
		return TRUTH_FALSE;
	for (size_t i = 0; i < names->n; i++) {
		if (text_fits(&names->any[i], s->mailbox))
			return TRUTH_TRUE;
		inbox |= text_fits(&names->any[i], STR_LIT("INBOX"));
	}
	return inbox ? s->inbox : TRUTH_FALSE;
}

static struct answer eval_mailbox(struct evaluation *v,
    const struct cond *c)
{
	const struct effects *fx = v->fx;
	const struct test *names = names_of(c);
	enum truth truth = spot_fits(names, &fx->spots[0]);

	for (size_t i = 1; i < fx->n_spots; i++)
		if (spot_fits(names, &fx->spots[i]) != truth)
			truth = TRUTH_UNKNOWN;
	if (fx->anywhere)
		truth = TRUTH_UNKNOWN;
	if (truth == TRUTH_UNKNOWN)
		return unknown(cheapest(fx->doubt.ask), fx->doubt.why);
	if (fx->n_spots == 1)
		show_value(v, fx->spots[0].mailbox);
	return (struct answer){ .truth = truth };
}

static struct answer eval_account(struct evaluation *v,
    const struct cond *c)
{
	const struct test *names = names_of(c);
	struct str account = v->in->facts->account;

	show_value(v, account);
	for (size_t i = 0; i < names->n; i++)
		if (operand_text(&names->any[i], account) == TRUTH_TRUE)
			return settled(true);
	return settled(false);
}

/* --------------------------------------------------------------- the tree */

static struct answer eval_leaf(struct evaluation *v, const struct cond *c)
{
	if (tick(v))
		return unknown(0, late_reason);
	switch (c->kind) {
	case COND_ADDRESS:
		return over_fields(v, c, address_field);
	case COND_TEXT:
		return over_fields(v, c, text_field);
	case COND_BODY:
		return eval_body(v, c);
	case COND_ATTACHMENT:
		return eval_attachment(v, c);
	case COND_SIZE:
		return eval_size(v, c);
	case COND_AGE:
		return eval_age(v, c);
	case COND_RECEIVED:
		return eval_received(v, c);
	case COND_SENT:
		return eval_sent(v, c);
	case COND_IS:
		return eval_is(v, c);
	case COND_FLAG:
		return eval_marks(v, c, &v->fx->flags);
	case COND_LABEL:
		return eval_marks(v, c, &v->fx->labels);
	case COND_MAILBOX:
		return eval_mailbox(v, c);
	case COND_ACCOUNT:
		return eval_account(v, c);
	case COND_ALL:
	case COND_ANY:
	case COND_NOT:
	case COND_NAMED:
		break;
	}
	return settled(false);
}

/* All of them (SETTLING is false) or any of them (it is true). */
static struct answer eval_group(struct evaluation *v, const struct cond *c,
    enum truth settling)
{
	struct answer sum = settled(settling == TRUTH_FALSE);

	for (size_t i = 0; i < c->n_kids; i++) {
		struct answer a = evaluate(v, c->by_cost[i]);

		if (a.truth == settling)
			return a;
		if (a.truth == TRUTH_UNKNOWN)
			add_unknown(&sum, a);
	}
	sum.ask = cheapest(sum.ask);
	return sum;
}

static struct answer eval_named(struct evaluation *v, const struct cond *c)
{
	const struct cond *kid = c->kids[0];
	struct memo *m = &v->memos[kid->memo];

	if (!m->set || (kid->reads_state && m->epoch != v->fx->epoch)) {
		if (v->in->explain && !v->notes)
			return evaluate(v, kid);	/* would lack notes */
		m->answer = evaluate(v, kid);
		m->set = true;
		m->epoch = v->fx->epoch;
		m->tree = NULL;
	}
	return m->answer;
}

static struct answer negated(struct answer a)
{
	if (a.truth != TRUTH_UNKNOWN)
		a.truth = truth_of(a.truth == TRUTH_FALSE);
	return a;
}

static void take_note(struct evaluation *v, const struct cond *c,
    struct answer a)
{
	struct note *n = &v->notes[c->id];

	*n = v->here;
	n->reached = true;
	n->truth = a.truth;
	if (a.truth == TRUTH_UNKNOWN)
		n->why = a.why;
	v->here = (struct note){ .value = STR_EMPTY };
}

struct answer evaluate(struct evaluation *v, const struct cond *c)
{
	struct answer a;

	if (!c)
		return settled(true);
	switch (c->kind) {
	case COND_ALL:
		a = eval_group(v, c, TRUTH_FALSE);
		break;
	case COND_ANY:
		a = eval_group(v, c, TRUTH_TRUE);
		break;
	case COND_NOT:
		a = negated(eval_group(v, c, TRUTH_TRUE));
		break;
	case COND_NAMED:
		a = eval_named(v, c);
		break;
	default:
		a = eval_leaf(v, c);
		break;
	}
	if (v->notes)
		take_note(v, c, a);
	return a;
}

void evaluation_init(struct evaluation *v, const struct rules *r,
    struct arena *a, const struct match_input *in,
    const struct effects *fx)
{
	*v = (struct evaluation){ .rules = r, .in = in, .fx = fx,
	    .arena = a };
	if (r->n_memos)
		v->memos = arena_array(a, (size_t)r->n_memos + 1,
		    sizeof(*v->memos));
	if (in->explain)
		v->notes = arena_array(a, (size_t)r->n_conds + 1,
		    sizeof(*v->notes));
}

/* ------------------------------------------------------------- captures */

/* What the operand was asked about when its leaf came out true. */
static struct str subject_of(const struct evaluation *v,
    const struct test *t, const struct operand *o)
{
	const struct address *a = v->hit.address;
	const struct attachment *at = v->hit.attachment;
	struct str part;

	if (at)
		return t->part == PART_TYPE ? at->type : at->name;
	if (!a)
		return v->hit.text;
	if (t->part != PART_ANY)
		return address_part(a, t->part, &part) ? part : STR_EMPTY;
	return a->address.n && o->pattern &&
	    fits(o->pattern, a->address) == TRUTH_TRUE ?
	    a->address : a->name;
}

static void add_capture(struct evaluation *v, struct str name,
    struct str value, struct captures *out, size_t *cap)
{
	if (!value.p)
		value = STR_EMPTY;	/* defined, and unset by this match */
	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->list[i].name, name))
			return;
	arena_grow(v->arena, &out->list, out->n, cap);
	out->list[out->n++] = (struct capture){ name, value };
}

static void add_captures(struct evaluation *v, const struct pattern *p,
    const struct str *groups, struct captures *out, size_t *cap)
{
	const struct pattern_name *names;
	size_t n = pattern_names(p, &names);

	for (size_t i = 1; i <= pattern_groups(p); i++)
		add_capture(v, arena_printf(v->arena, "%zu", i), groups[i],
		    out, cap);
	for (size_t i = 0; i < n; i++)
		add_capture(v, names[i].name, groups[names[i].group], out,
		    cap);
}

/* The operand that made the test true, if it is one with groups. */
static void capture_test(struct evaluation *v, const struct test *t,
    struct captures *out, size_t *cap)
{
	struct str groups[PATTERN_GROUPS_MAX + 1];

	for (size_t i = 0; i < t->n; i++) {
		const struct operand *o = &t->any[i];
		struct str subject = subject_of(v, t, o);

		if (o->regex) {
			if (pattern_match(o->pattern, subject, groups) ==
			    PATTERN_YES) {
				add_captures(v, o->pattern, groups, out,
				    cap);
				return;
			}
		} else if (v->hit.address && t->part == PART_ANY ?
		    operand_address(o, v->hit.address) == TRUTH_TRUE :
		    operand_text(o, subject) == TRUTH_TRUE) {
			return;
		}
	}
}

static bool has_groups(const struct cond *c)
{
	if (c->kind != COND_ADDRESS && c->kind != COND_TEXT &&
	    c->kind != COND_BODY && c->kind != COND_ATTACHMENT)
		return false;
	for (size_t i = 0; i < c->n_tests; i++)
		for (size_t k = 0; k < c->tests[i].n; k++)
			if (c->tests[i].any[k].regex)
				return true;
	return false;
}

bool evaluate_captures(struct evaluation *v, const struct cond *c,
    struct captures *out, size_t *cap, struct doubt *doubt_out)
{
	struct note here = v->here;
	struct answer a;

	if (!c || c->kind == COND_NOT)
		return true;
	for (size_t i = 0; i < c->n_kids; i++)
		if (!evaluate_captures(v, c->kids[i], out, cap, doubt_out))
			return false;
	if (!has_groups(c))
		return true;
	v->hit.address = NULL;
	v->hit.attachment = NULL;
	a = eval_leaf(v, c);
	v->here = here;
	if (a.truth == TRUTH_UNKNOWN) {
		*doubt_out = (struct doubt){ a.ask, a.why };
		return false;
	}
	if (a.truth == TRUTH_TRUE)
		for (size_t i = 0; i < c->n_tests; i++)
			capture_test(v, &c->tests[i], out, cap);
	return true;
}
