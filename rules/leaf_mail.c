/*
 * Conditions on the message itself: header fields, text, attachments.
 */
#include "leaf.h"

#define KEPT_IDS_MAX	100000	/* identifiers of a field */
#define VALUES_SHOWN	3	/* of an explanation */
#define LINE_SHOWN	80	/* octets of a line of a long text */

const char leaf_pattern_limit[] = "a pattern met its limit of steps";

/* ------------------------------------------------- what explain wants */

void leaf_show(struct evaluation *v, struct str value)
{
	if (v->notes)
		v->here.value = value;
}

void leaf_show_reason(struct evaluation *v, const char *why)
{
	if (v->notes)
		v->here.why = why;
}

void leaf_show_another(struct evaluation *v, struct str value, size_t k)
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
		answer_add(&t->answer, answer_unknown(0, leaf_pattern_limit));
	if (evaluation_tick(v)) {
		answer_add(&t->answer, answer_unknown(0, EVALUATION_LATE));
		return true;
	}
	return false;
}

/* As `verified` wants it?  Why that is unknown goes to the tally. */
static enum truth is_verified(struct evaluation *v, const struct cond *c,
    const struct address *author, bool only, struct tally *t)
{
	struct answer a = leaf_auth_verified(v, author, only);

	if (a.truth == TRUTH_UNKNOWN)
		answer_add(&t->answer, a);
	return c->verified ? a.truth : answer_not(a).truth;
}

static bool address_field(struct evaluation *v, const struct cond *c,
    struct str field, struct tally *t)
{
	const struct address *list;
	size_t n = mail_addresses(v->in->mail, field, &list);

	for (size_t i = 0; i < n; i++) {
		enum truth truth = tests_address(c, &list[i]);

		if (c->has_verified && truth != TRUTH_FALSE)
			truth = truth_both(truth, is_verified(v, c, &list[i],
			    n == 1, t));
		if (truth == TRUTH_TRUE)
			v->hit.address = &list[i];
		if (v->notes && truth == TRUTH_TRUE)
			leaf_show(v, address_shown(v->arena, &list[i]));
		else if (v->notes && t->seen <= VALUES_SHOWN)
			leaf_show_another(v, address_shown(v->arena, &list[i]),
			    t->seen);
		if (tally_add(v, t, truth)) {
			if (truth == TRUTH_TRUE)
				t->answer = answer_settled(true);
			return true;
		}
	}
	return false;
}

static struct answer presence(struct evaluation *v, const struct cond *c)
{
	bool present = false;
	struct answer missing = answer_settled(false);

	for (size_t i = 0; i < c->n_fields && !present; i++)
		if (!field_known(v, c->fields[i]))
			answer_add(&missing, answer_missing(v->in,
			    RULES_ASK_FIELDS));
		else if (mail_field_count(v->in->mail, c->fields[i]))
			present = true;
	if (!present && missing.truth == TRUTH_UNKNOWN)
		return missing;
	leaf_show(v, present ? STR_LIT("it is there") :
	    STR_LIT("it is not there"));
	return answer_settled(present == c->exists);
}

static void explain_nothing(struct evaluation *v, const struct cond *c)
{
	if (!v->notes)
		return;
	for (size_t i = 0; i < c->n_fields; i++)
		if (mail_field_count(v->in->mail, c->fields[i])) {
			leaf_show_reason(v, "the field is empty");
			return;
		}
	leaf_show_reason(v, "there is no such field");
}

/* The identifiers of all occurrences of a field, read once a message. */
struct kept_ids {
	struct str field;
	struct str *list;
	size_t n, cap;
	bool more;		/* than are kept */
	struct kept_ids *next;
};

static void read_ids(struct evaluation *v, struct kept_ids *kept)
{
	struct mail *m = v->in->mail;
	size_t n = mail_field_count(m, kept->field);

	for (size_t k = 0; k < n; k++) {
		struct str *ids;
		size_t n_ids = mail_ids(v->arena, mail_field_text(m,
		    kept->field, k), &ids);

		for (size_t i = 0; i < n_ids; i++) {
			if (kept->n == KEPT_IDS_MAX) {
				kept->more = true;
				return;
			}
			arena_grow(v->arena, &kept->list, kept->n,
			    &kept->cap);
			kept->list[kept->n++] = ids[i];
		}
	}
}

static const struct kept_ids *ids_of(struct evaluation *v, struct str field)
{
	struct kept_ids *kept;

	for (kept = v->ids; kept; kept = kept->next)
		if (str_ieq(kept->field, field))
			return kept;
	kept = arena_make(v->arena, struct kept_ids);
	kept->field = field;
	kept->next = v->ids;
	v->ids = kept;
	read_ids(v, kept);
	return kept;
}

static size_t count_addresses(struct evaluation *v, struct str field)
{
	const struct address *list;
	size_t n = mail_addresses(v->in->mail, field, &list), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += list[i].address.n > 0;
	return sum;
}

/* *MORE_OUT: there are more than the number that is returned. */
static size_t count_values(struct evaluation *v, const struct cond *c,
    struct str field, bool *more_out)
{
	const struct kept_ids *ids;

	if (c->kind == COND_ADDRESS)
		return count_addresses(v, field);
	if (c->source != TEXT_IDS || c->raw)
		return mail_field_count(v->in->mail, field);
	ids = ids_of(v, field);
	*more_out |= ids->more;
	return ids->n;
}

static struct answer count_answer(struct evaluation *v,
    const struct cond *c, size_t sure, bool more, struct answer unsure)
{
	enum truth truth = leaf_range_in_bounds(&c->count, sure,
	    more ? UINT64_MAX : sure);

	if (v->notes && (sure || !more))
		leaf_show(v, arena_printf(v->arena, "%zu%s", sure,
		    more ? " or more" : ""));
	return truth == TRUTH_UNKNOWN ? unsure :
	    (struct answer){ .truth = truth };
}

static struct answer counted(struct evaluation *v, const struct cond *c)
{
	struct answer unsure = answer_unknown(0,
	    "there are more than are counted");
	size_t sum = 0;
	bool more = false;

	for (size_t i = 0; i < c->n_fields; i++) {
		if (field_known(v, c->fields[i])) {
			sum += count_values(v, c, c->fields[i], &more);
		} else {
			unsure = answer_missing(v->in, RULES_ASK_FIELDS);
			more = true;
		}
	}
	return count_answer(v, c, sum, more, unsure);
}

/* The tests, over the occurrences in the fields; EACH looks at one field. */
static struct answer over_values(struct evaluation *v, const struct cond *c,
    bool (*each)(struct evaluation *, const struct cond *, struct str,
    struct tally *))
{
	struct tally t = { .answer = answer_settled(false) };

	for (size_t i = 0; i < c->n_fields; i++)
		if (!field_known(v, c->fields[i]))
			answer_add(&t.answer, answer_missing(v->in,
			    RULES_ASK_FIELDS));
		else if (each(v, c, c->fields[i], &t))
			return t.answer;
	if (t.seen == 0 && t.answer.truth == TRUTH_FALSE)
		explain_nothing(v, c);
	return t.answer;
}

static struct answer over_fields(struct evaluation *v, const struct cond *c,
    bool (*each)(struct evaluation *, const struct cond *, struct str,
    struct tally *))
{
	struct answer all = answer_settled(true);

	if (c->has_exists)
		all = answer_both(all, presence(v, c));
	if (c->has_count && all.truth != TRUTH_FALSE)
		all = answer_both(all, counted(v, c));
	if ((c->n_tests || c->has_verified) && all.truth != TRUTH_FALSE)
		all = answer_both(all, over_values(v, c, each));
	return all;
}

static bool text_value(struct evaluation *v, const struct cond *c,
    struct str value, struct tally *t)
{
	enum truth truth = tests_text(c, value);

	if (truth == TRUTH_TRUE) {
		v->hit.text = value;
		leaf_show(v, value);
		t->answer = answer_settled(true);
		return true;
	}
	leaf_show_another(v, value, t->seen);
	return tally_add(v, t, truth);
}

static bool ids_field(struct evaluation *v, const struct cond *c,
    struct str field, struct tally *t)
{
	const struct kept_ids *ids = ids_of(v, field);

	for (size_t i = 0; i < ids->n; i++)
		if (text_value(v, c, ids->list[i], t))
			return true;
	if (ids->more)
		answer_add(&t->answer, answer_unknown(0,
		    "there are more identifiers than are looked at"));
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
	for (size_t k = 0; c->raw && k < n; k++)
		if (text_value(v, c, mail_field_octets(m, field, k), t))
			return true;
	if (c->raw)
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

/*
 * What explain shows of a long text that fits: the first line that fits by
 * itself, else the first that says something.
 */
static struct str telling_line(struct evaluation *v, const struct cond *c,
    struct str text)
{
	struct str rest = text, line;

	while (v->notes && str_cut(&rest, '\n', &line) &&
	    !evaluation_tick(v))
		if (tests_text(c, line) == TRUTH_TRUE)
			return utf8_head(str_trim(line), LINE_SHOWN);
	text = str_trim(text);
	return str_cut(&text, '\n', &line) ? utf8_head(line, LINE_SHOWN) :
	    STR_EMPTY;
}

static struct answer eval_block(struct evaluation *v, const struct cond *c)
{
	struct str block;
	enum truth truth;

	if (!v->in->mail || !mail_header_block(v->in->mail, c->raw, &block))
		return answer_missing(v->in, RULES_ASK_FIELDS);
	truth = tests_text(c, block);
	if (truth == TRUTH_UNKNOWN)
		return answer_unknown(0, leaf_pattern_limit);
	if (truth == TRUTH_TRUE) {
		v->hit.text = block;
		leaf_show(v, telling_line(v, c, block));
	}
	return (struct answer){ .truth = truth };
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

static struct answer eval_body(struct evaluation *v, const struct cond *c)
{
	struct body_text octets = { 0 };
	const struct body_text *list = &octets;
	struct answer a = answer_settled(false);
	size_t limit = body_limit(v), n = 1;
	bool left_out = false, any = false;

	if (!v->in->mail || !mail_knows_body(v->in->mail))
		return answer_missing(v->in, RULES_ASK_BODY);
	if (c->raw)
		octets.text = mail_body_octets(v->in->mail);
	else
		n = mail_body_texts(v->in->mail, &list, &left_out);
	for (size_t i = 0; i < n; i++) {
		bool cut = !c->raw && (list[i].cut ||
		    list[i].text.n > limit);
		struct str text = cut ? utf8_head(list[i].text, limit) :
		    list[i].text;
		enum truth truth;

		any |= str_trim(text).n > 0;
		if (evaluation_late(v)) {
			answer_add(&a, answer_unknown(0, EVALUATION_LATE));
			return a;
		}
		truth = c->n_tests ? tests_text(c, text) : TRUTH_FALSE;
		if (truth == TRUTH_TRUE && (!c->has_exists || c->exists)) {
			v->hit.text = text;
			leaf_show(v, telling_line(v, c, text));
			return answer_settled(true);
		}
		if (truth == TRUTH_UNKNOWN)
			answer_add(&a, answer_unknown(0, leaf_pattern_limit));
		else if (cut)
			answer_add(&a, answer_unknown(0, cut_reason(v, limit)));
	}
	if (left_out)
		answer_add(&a, answer_unknown(0,
		    "parts of it were left out by a limit"));
	if (!c->has_exists || c->n_tests)
		return a;
	if (any || a.truth == TRUTH_FALSE)
		return answer_settled(any == c->exists);
	return a;
}

static enum truth attachment_fits(const struct cond *c,
    const struct attachment *at)
{
	return leaf_in_bounds(&c->bounds, at->size) ?
	    tests_attachment(c, at) : TRUTH_FALSE;
}

/* How many of them fit. */
static struct answer count_attachments(struct evaluation *v,
    const struct cond *c, const struct attachment *list, size_t n,
    bool left_out)
{
	struct answer unsure = answer_unknown(0, left_out ?
	    "parts of it were left out by a limit" : leaf_pattern_limit);
	size_t sure = 0;

	for (size_t i = 0; i < n; i++) {
		enum truth truth = attachment_fits(c, &list[i]);

		if (truth == TRUTH_TRUE && sure++ == 0)
			v->hit.attachment = &list[i];
		if (truth == TRUTH_UNKNOWN)
			left_out = true;
		if (evaluation_tick(v))
			return answer_unknown(0, EVALUATION_LATE);
	}
	return count_answer(v, c, sure, left_out, unsure);
}

static struct answer eval_attachment(struct evaluation *v,
    const struct cond *c)
{
	const struct attachment *list;
	struct tally t = { .answer = answer_settled(false) };
	bool wanted = !c->has_exists || c->exists, left_out;
	size_t n;

	if (!v->in->mail || !mail_knows_body(v->in->mail))
		return answer_missing(v->in, RULES_ASK_BODY);
	n = mail_attachments(v->in->mail, &list, &left_out);
	if (c->has_count)
		return count_attachments(v, c, list, n, left_out);
	for (size_t i = 0; i < n; i++) {
		enum truth truth = attachment_fits(c, &list[i]);
		struct str shown = list[i].name.n ? list[i].name :
		    list[i].type;

		if (truth == TRUTH_TRUE) {
			v->hit.attachment = &list[i];
			leaf_show(v, shown);
			return answer_settled(wanted);
		}
		leaf_show_another(v, shown, t.seen);
		if (tally_add(v, &t, truth))
			return t.answer;
	}
	if (left_out)
		answer_add(&t.answer, answer_unknown(0,
		    "parts of it were left out by a limit"));
	if (n == 0)
		leaf_show_reason(v, "it has no attachment");
	if (t.answer.truth == TRUTH_FALSE)
		return answer_settled(!wanted);
	return t.answer;
}

/* ----------------------------------------------------------------- face */

struct answer leaf_mail(struct evaluation *v, const struct cond *c)
{
	switch (c->kind) {
	case COND_ADDRESS:
		return over_fields(v, c, address_field);
	case COND_TEXT:
		return over_fields(v, c, text_field);
	case COND_HEADER_BLOCK:
		return eval_block(v, c);
	case COND_BODY:
		return eval_body(v, c);
	default:
		return eval_attachment(v, c);
	}
}
