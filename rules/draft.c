#include "draft.h"

#include "content.h"
#include "field.h"

static struct doubt no_doubt(void)
{
	return (struct doubt){ 0 };
}

/* ---------------------------------------------------------------- state */

/* What conditions and templates may read of it. */
static void show(struct draft *d)
{
	struct draft_state *s = &d->now;
	struct mail *seen = s->mail;

	if (seen && (s->pending || s->open || s->n_touched))
		seen = mail_veiled(seen, d->touched, s->n_touched,
		    s->pending || s->open);
	d->in->mail = seen;
	d->in->veil = seen == s->mail ? NULL : &s->doubt;
	evaluation_rewritten(d->v);
}

void draft_init(struct draft *d, struct arena *a, struct match_input *in,
    struct evaluation *v)
{
	*d = (struct draft){ .arena = a, .in = in, .v = v,
	    .now = { .mail = in->mail } };
}

void draft_back(struct draft *d, struct draft_state to)
{
	bool same = d->now.mail == to.mail && d->now.pending == to.pending &&
	    d->now.open == to.open && d->now.n_touched == to.n_touched;

	d->now = to;
	d->n_changed = 0;
	d->changed_all = false;
	if (!same)
		show(d);
}

static void touch(struct draft *d, struct draft_state *s, struct str name)
{
	for (size_t i = 0; i < s->n_touched; i++)
		if (str_ieq(d->touched[i], name))
			return;
	arena_grow(d->arena, &d->touched, s->n_touched, &d->cap_touched);
	d->touched[s->n_touched++] = name;
}

void draft_doubt(struct draft *d, struct draft_state *to,
    struct doubt doubt)
{
	if (!d->changed_all && !d->n_changed)
		return;		/* so it is either way */
	to->open |= d->changed_all;
	for (size_t i = 0; i < d->n_changed; i++)
		touch(d, to, d->changed[i]);
	doubt_add(&to->doubt, doubt);
}

static void note_change(void *ctx, struct str name)
{
	struct draft *d = ctx;

	for (size_t i = 0; i < d->n_changed; i++)
		if (str_ieq(d->changed[i], name))
			return;
	arena_grow(d->arena, &d->changed, d->n_changed, &d->cap_changed);
	d->changed[d->n_changed++] = name;
}

static void note_edit(struct draft *d, const struct header_edit *edit)
{
	rewrite_fields(edit, note_change, d);
	if (edit->kind == EDIT_FIX && edit->fixes & FIX_ENCODING)
		d->changed_all = true;
}

void draft_leave_open(struct draft *d, const struct header_edit *edit)
{
	note_edit(d, edit);
}

/* ---------------------------------------------------------------- steps */

static struct str key_of(struct draft *d, const struct action *a,
    const struct rewrite *step)
{
	struct buf b;
	struct str key;

	buf_init(&b, 4 * (size_t)FIELD_VALUE_MAX);
	buf_printf(&b, "%d:%d ", a->pos.line, a->pos.col);
	rules_rewrite_text(&b, step);
	for (size_t i = 1; step->argv && step->argv[i]; i++) {
		buf_add_char(&b, '\0');
		buf_add_z(&b, step->argv[i]);
	}
	key = arena_str(d->arena, buf_str(&b));
	buf_free(&b);
	return key;
}

static struct rewrite *push(struct draft *d, const struct action *a,
    struct rewrite step)
{
	struct rewrite *to;

	step.key = key_of(d, a, &step);
	arena_grow(d->arena, &d->steps, d->now.n_steps, &d->cap_steps);
	to = &d->steps[d->now.n_steps++];
	*to = step;
	return to;
}

static enum filled unknown(struct doubt *sum, struct answer why)
{
	doubt_add(sum, answer_doubt(why));
	return FILLED_UNKNOWN;
}

/* May one more be added? */
static bool has_room(const struct draft *d, struct str *failure)
{
	if (d->now.n_steps < RULES_REWRITES_MAX)
		return true;
	*failure = STR_LIT("the message was rewritten too often");
	return false;
}

struct reading {
	const struct draft *d;
	bool touched;		/* a rule may have changed it */
	bool missing;
};

static void read_field(void *ctx, struct str name)
{
	struct reading *r = ctx;
	const struct draft *d = r->d;

	for (size_t i = 0; i < d->now.n_touched; i++)
		r->touched |= str_ieq(d->touched[i], name);
	r->missing |= !d->now.mail || !mail_knows_field(d->now.mail, name);
}

static struct reading read_fields(const struct draft *d,
    const struct header_edit *edit)
{
	struct reading r = { .d = d, .touched = d->now.open };

	rewrite_fields(edit, read_field, &r);
	if (edit->kind == EDIT_FIX && edit->fixes & FIX_ENCODING) {
		r.touched |= d->now.n_touched > 0;
		r.missing |= !d->now.mail || !mail_knows_header(d->now.mail);
	}
	return r;
}

/* Behind a step that is not answered: it is done in its turn. */
static enum filled defer(struct draft *d, const struct action *a,
    const struct rewrite *step, struct doubt *doubt)
{
	if (step->edit->fixes & FIX_DATE &&
	    step->edit->received == TIME_NONE)
		return unknown(doubt, answer_missing(d->in,
		    RULES_ASK_RECEIVED));
	note_edit(d, step->edit);
	push(d, a, *step);
	return FILLED;
}

static void take_header(struct draft *d, const struct rewriting *out)
{
	d->now.mail = mail_with_header(d->now.mail, out->header);
	for (size_t i = 0; i < out->n_changed; i++)
		note_change(d, out->changed[i]);
	show(d);
}

enum filled draft_edit(struct draft *d, size_t rule, const struct action *a,
    const struct header_edit *edit, struct doubt *doubt,
    struct str *failure)
{
	struct header_edit *mine = arena_make(d->arena, struct header_edit);
	struct rewrite step = { .kind = REWRITE_HEADER, .rule = rule,
	    .edit = mine };
	struct reading r = read_fields(d, edit);
	struct rewriting out;

	*mine = *edit;
	if (d->in->facts->known & RULES_ASK_RECEIVED)
		mine->received = d->in->facts->received;
	if (!has_room(d, failure))
		return FILLED_FAILS;
	if (r.touched || evaluation_late(d->v)) {
		note_edit(d, edit);
		return unknown(doubt, r.touched ?
		    answer_doubted(d->now.doubt) :
		    answer_unknown(0, EVALUATION_LATE));
	}
	if (d->now.pending)
		return defer(d, a, &step, doubt);
	if (r.missing) {
		note_edit(d, edit);
		return unknown(doubt, answer_missing(d->in,
		    RULES_ASK_FIELDS));
	}
	mine->body_known = mail_knows_body(d->now.mail);
	switch (rewrite_header(d->arena, mine, mail_header_octets(
	    d->now.mail), mail_body_octets(d->now.mail), &out)) {
	case REWRITTEN:
		push(d, a, step);
		take_header(d, &out);
		break;
	case REWRITTEN_SAME:
		break;
	case REWRITTEN_FAILS:
		*failure = out.why;
		return FILLED_FAILS;
	case REWRITTEN_LIMIT:
		note_edit(d, edit);
		return unknown(doubt, answer_unknown(0, arena_z(d->arena,
		    out.why)));
	case REWRITTEN_ASKS:
		note_edit(d, edit);
		return unknown(doubt, answer_missing(d->in, out.ask));
	}
	return FILLED;
}

/* ------------------------------------------------------ somebody's work */

static const struct rewrite_answer *answer_to(const struct draft *d,
    const struct rewrite *step)
{
	for (size_t i = 0; i < d->in->n_rewritten; i++) {
		const struct rewrite_answer *a = &d->in->rewritten[i];

		if (a->index == d->now.n_steps - 1 &&
		    str_eq(a->key, step->key))
			return a;
	}
	return NULL;
}

static struct answer question(struct draft *d, const struct rewrite *step)
{
	struct rewrite_question *q = arena_make(d->arena,
	    struct rewrite_question);
	struct rewrite *copy = arena_make(d->arena, struct rewrite);
	struct answer a = answer_unknown(RULES_ASK_REWRITE,
	    step->kind == REWRITE_PIPE ? "what the program of `pipe` makes "
	    "of it is not known" : "it has not been decrypted");

	*copy = *step;
	*q = (struct rewrite_question){
		.index = d->now.n_steps - 1, .step = copy,
		.header = mail_header_octets(d->now.mail),
		.body = mail_body_octets(d->now.mail),
	};
	a.rewrite = q;
	return a;
}

/* What the message is behind the last step; or why that is not known. */
static struct answer outcome(struct draft *d, const struct rewrite *step)
{
	const struct rewrite_answer *a = answer_to(d, step);

	if (step->kind == REWRITE_PIPE && d->in->no_programs)
		return answer_unknown(0, d->in->no_programs);
	if (!d->now.mail || !mail_knows_body(d->now.mail))
		return answer_missing(d->in, RULES_ASK_BODY);
	if (!a)
		return question(d, step);
	if (a->why)
		return answer_unknown(RULES_ASK_REWRITE, a->why);
	d->now.mail = mail_make(d->arena, a->bytes, MAIL_WHOLE, NULL, 0);
	return answer_settled(true);
}

/*
 * Is there something to decrypt in it?  By the header alone where that says
 * enough.
 */
static struct answer has_sealed(const struct draft *d)
{
	const unsigned opens = SEALED_BIT(SEALED_PGP_ENCRYPTED) |
	    SEALED_BIT(SEALED_PGP_TEXT) |
	    SEALED_BIT(SEALED_SMIME_ENCRYPTED) |
	    SEALED_BIT(SEALED_SMIME_OPAQUE);
	const struct str field = STR_LIT("Content-Type");
	struct mail *m = d->now.mail;
	struct content_type type;
	const struct sealed *s;
	unsigned sure, maybe;

	if (!m || !mail_knows_field(m, field))
		return answer_missing(d->in, RULES_ASK_FIELDS);
	if (mail_knows_body(m)) {
		s = mail_sealed(m);
		return answer_settled(s->kinds & opens || s->cut);
	}
	content_type_read(d->arena, mail_field_raw(m, field, 0), &type);
	sealed_of_header(&type, &sure, &maybe);
	if (sure & opens || !(maybe & opens))
		return answer_settled(sure & opens);
	return answer_missing(d->in, RULES_ASK_BODY);
}

enum filled draft_step(struct draft *d, size_t rule, const struct action *a,
    const char *const *argv, struct doubt *doubt, struct str *failure)
{
	struct rewrite step = {
		.kind = a->kind == ACTION_PIPE ? REWRITE_PIPE :
		    REWRITE_DECRYPT,
		.rule = rule, .argv = argv,
		.seconds = a->program ? a->program->seconds : 0,
		.verify = a->verify, .keep = a->keep,
	};
	struct answer is;

	if (!has_room(d, failure))
		return FILLED_FAILS;
	if (a->kind == ACTION_DECRYPT && !d->now.pending && !d->now.open &&
	    !d->now.n_touched) {
		is = has_sealed(d);
		if (is.truth == TRUTH_FALSE)
			return FILLED;
		d->changed_all = true;
		if (is.truth == TRUTH_UNKNOWN)
			return unknown(doubt, is);
	}
	d->changed_all = true;
	if (d->now.open || d->now.n_touched)
		return unknown(doubt, answer_doubted(d->now.doubt));
	push(d, a, step);
	if (d->now.pending)
		return FILLED;
	is = outcome(d, &d->steps[d->now.n_steps - 1]);
	d->now.pending = is.truth == TRUTH_UNKNOWN;
	d->now.doubt = d->now.pending ? answer_doubt(is) : no_doubt();
	show(d);
	return FILLED;
}

/* --------------------------------------------------------------- report */

void draft_report(const struct draft *d, struct verdict *out)
{
	out->wants.rewrites = d->steps;
	out->wants.n_rewrites = d->now.n_steps;
	out->wants.new_thread = d->now.new_thread;
}
