#include "effect.h"

#include <stdlib.h>
#include <string.h>

#define FEW_MARKS	16	/* up to so many are searched one by one */
#define SPOTS_MAX	64	/* possible places that are told apart */

/* ---------------------------------------------------------------- names */

bool is_inbox(struct str mailbox)
{
	/* RFC 9051 5.1: the one name that has no case. */
	return str_ieq_z(mailbox, "INBOX");
}

struct str special_name(struct str attribute)
{
	if (str_ieq_z(attribute, "\\Junk"))
		return STR_LIT("Spam");
	if (str_starts(attribute, STR_LIT("\\")))
		return str_sub(attribute, 1, attribute.n);
	return attribute;
}

static struct answer answer_of(enum truth truth, struct doubt d)
{
	if (truth != TRUTH_UNKNOWN)
		return (struct answer){ .truth = truth };
	return answer_doubted(d);
}

/* ---------------------------------------------------------------- marks */

static uint64_t mark_hash(const struct marks *ms, struct str name)
{
	uint64_t h = 0xcbf29ce484222325u;

	if (!ms->fold)
		return str_hash(name);
	for (size_t i = 0; i < name.n; i++) {
		h ^= (unsigned char)ch_lower(name.p[i]);
		h *= 0x100000001b3u;
	}
	return h;
}

static bool same_name(const struct marks *ms, struct str a, struct str b)
{
	return ms->fold ? str_ieq(a, b) : str_eq(a, b);
}

static void slot_put(struct marks *ms, size_t i)
{
	size_t at = (size_t)mark_hash(ms, ms->list[i].name);

	for (at &= ms->n_slots - 1; ms->slots[at];
	    at = (at + 1) & (ms->n_slots - 1))
		;
	ms->slots[at] = (uint32_t)i + 1;
}

/* Half of the slots stay free. */
static void slots_make(struct marks *ms, struct arena *a)
{
	ms->n_slots = ms->n_slots ? ms->n_slots * 2 : FEW_MARKS * 4;
	while (ms->n_slots < 2 * ms->n)
		ms->n_slots *= 2;
	ms->slots = arena_array(a, ms->n_slots, sizeof(*ms->slots));
	for (size_t i = 0; i < ms->n; i++)
		slot_put(ms, i);
}

static struct mark *mark_find(const struct marks *ms, struct str name)
{
	if (!ms->slots) {
		for (size_t i = 0; i < ms->n; i++)
			if (same_name(ms, ms->list[i].name, name))
				return &ms->list[i];
		return NULL;
	}
	for (size_t at = (size_t)mark_hash(ms, name) & (ms->n_slots - 1);
	    ms->slots[at]; at = (at + 1) & (ms->n_slots - 1)) {
		struct mark *m = &ms->list[ms->slots[at] - 1];

		if (same_name(ms, m->name, name))
			return m;
	}
	return NULL;
}

struct answer marks_has(const struct marks *ms, struct str name)
{
	const struct mark *m = mark_find(ms, name);

	if (m)
		return answer_of(m->now, m->doubt);
	/* in any case, as conditions fold it */
	if (ms->others == TRUTH_UNKNOWN && str_istarts(name, ms->others_head))
		return answer_of(TRUTH_UNKNOWN, ms->doubt);
	return answer_of(TRUTH_FALSE, ms->doubt);
}

/* The mark of that name; made as it is, if it was not in the list. */
static struct mark *mark_get(struct marks *ms, struct arena *a,
    struct str name)
{
	struct mark *m = mark_find(ms, name);
	struct answer is;

	if (m)
		return m;
	is = marks_has(ms, name);
	arena_grow(a, &ms->list, ms->n, &ms->cap);
	m = &ms->list[ms->n++];
	*m = (struct mark){ .name = name, .now = is.truth,
	    .doubt = answer_doubt(is) };
	if (ms->n > FEW_MARKS && 2 * ms->n > ms->n_slots)
		slots_make(ms, a);
	else if (ms->slots)
		slot_put(ms, ms->n - 1);
	return m;
}

static void marks_init(struct marks *ms, struct arena *a, bool fold,
    const struct str *names, size_t n, struct answer known)
{
	*ms = (struct marks){ .fold = fold, .others = TRUTH_FALSE };
	if (known.truth == TRUTH_UNKNOWN) {
		ms->others = TRUTH_UNKNOWN;
		ms->doubt = answer_doubt(known);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct mark *m;

		if (!fold && is_inbox(names[i]))
			continue;	/* told by the place */
		m = mark_get(ms, a, names[i]);
		m->now = TRUTH_TRUE;
		m->before = true;
	}
}

static void mark_do(struct effects *fx, struct marks *ms, struct str name,
    bool add, size_t rule)
{
	struct mark *m = mark_get(ms, fx->arena, name);

	m->now = add ? TRUTH_TRUE : TRUTH_FALSE;
	if (!m->want) {
		arena_grow(fx->arena, &ms->wants, ms->n_wants,
		    &ms->cap_wants);
		m->want = ++ms->n_wants;
	}
	ms->wants[m->want - 1] = (struct want){ m->name, add, rule };
}

static void mark_doubt(struct mark *m, bool add, struct doubt doubt)
{
	if (m->now == (add ? TRUTH_TRUE : TRUTH_FALSE))
		return;		/* so it is either way */
	if (m->now != TRUTH_UNKNOWN)
		m->doubt = (struct doubt){ 0 };
	m->now = TRUTH_UNKNOWN;
	doubt_add(&m->doubt, doubt);
}

static struct str common_head(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && ch_lower(a.p[n]) == ch_lower(b.p[n]))
		n++;
	return str_sub(a, 0, n);
}

/* Any name that begins with HEAD may have been added or taken away. */
static void marks_doubt(struct marks *ms, struct str head, bool add,
    struct doubt doubt)
{
	for (size_t i = 0; i < ms->n; i++)
		if (str_starts(ms->list[i].name, head))
			mark_doubt(&ms->list[i], add, doubt);
	if (!add)
		return;
	ms->others_head = ms->others == TRUTH_UNKNOWN ?
	    common_head(ms->others_head, head) : head;
	ms->others = TRUTH_UNKNOWN;
	doubt_add(&ms->doubt, doubt);
}

/* ---------------------------------------------------------------- place */

static struct spot spot_make(enum place_kind kind, struct str mailbox)
{
	if (kind == PLACE_SPECIAL)
		return (struct spot){ kind, special_name(mailbox),
		    TRUTH_FALSE };
	if (kind == PLACE_DELETE)
		return (struct spot){ kind, STR_LIT("(deleted)"),
		    TRUTH_FALSE };
	if (is_inbox(mailbox))
		return (struct spot){ kind, STR_LIT("INBOX"), TRUTH_TRUE };
	return (struct spot){ kind, mailbox, TRUTH_FALSE };
}

static bool spot_eq(struct spot a, struct spot b)
{
	return (a.kind == PLACE_SPECIAL) == (b.kind == PLACE_SPECIAL) &&
	    (a.kind == PLACE_DELETE) == (b.kind == PLACE_DELETE) &&
	    a.inbox == b.inbox && str_eq(a.mailbox, b.mailbox);
}

struct answer effects_inbox(const struct effects *fx)
{
	enum truth truth = fx->spots[0].inbox;

	for (size_t i = 1; i < fx->n_spots; i++)
		if (fx->spots[i].inbox != truth)
			truth = TRUTH_UNKNOWN;
	if (fx->anywhere)
		truth = TRUTH_UNKNOWN;
	return answer_of(truth, fx->doubt);
}

static bool is_archive_by_label(const struct deed *d)
{
	return d->kind == ACTION_UNLABEL && !d->open && is_inbox(d->name);
}

/*
 * The last word of the deeds on the place: true if they change it, or may,
 * with the want in OUT.  To take the label INBOX away is to archive, where it
 * is there.
 */
static bool place_after(const struct effects *fx, const struct deed *deeds,
    size_t n, struct want_place *out, bool *open_out)
{
	const struct want_place archive = { PLACE_SPECIAL,
	    STR_LIT("\\Archive"), 0 };
	const struct want_place inbox = { PLACE_MAILBOX, STR_LIT("INBOX"),
	    0 };
	bool changed = false, in = false;

	*open_out = false;
	for (size_t i = 0; i < n; i++) {
		const struct deed *d = &deeds[i];

		if (d->kind == ACTION_PLACE) {
			*out = (struct want_place){ d->place, d->name, 0 };
			*open_out = d->open;
		} else if (d->kind == ACTION_LABEL && !d->open &&
		    is_inbox(d->name)) {
			*out = inbox;
			*open_out = false;
		} else if (is_archive_by_label(d)) {
			in = changed ? *open_out ||
			    (out->kind == PLACE_MAILBOX &&
			    is_inbox(out->mailbox)) :
			    effects_inbox(fx).truth != TRUTH_FALSE;
			if (!in)
				continue;
			*out = archive;
		} else {
			continue;
		}
		changed = true;
	}
	return changed;
}

static void place_do(struct effects *fx, const struct deed *deeds, size_t n,
    size_t rule)
{
	struct want_place place;
	bool open;

	if (!place_after(fx, deeds, n, &place, &open))
		return;
	fx->spots[0] = spot_make(place.kind, place.mailbox);
	if (fx->spots[0].inbox == TRUTH_TRUE)
		place.mailbox = fx->spots[0].mailbox;
	fx->n_spots = 1;
	fx->anywhere = false;
	fx->doubt = (struct doubt){ 0 };
	place.rule = rule;
	fx->place = place;
}

static void place_maybe(struct effects *fx, const struct deed *deeds,
    size_t n, struct doubt doubt)
{
	struct want_place place;
	struct spot spot;
	bool open;

	if (!place_after(fx, deeds, n, &place, &open))
		return;
	if (open || fx->n_spots == SPOTS_MAX) {
		fx->anywhere = true;
		doubt_add(&fx->doubt, doubt);
		return;
	}
	spot = spot_make(place.kind, place.mailbox);
	for (size_t i = 0; i < fx->n_spots; i++)
		if (spot_eq(fx->spots[i], spot)) {
			if (fx->n_spots > 1)
				doubt_add(&fx->doubt, doubt);
			return;
		}
	arena_grow(fx->arena, &fx->spots, fx->n_spots, &fx->cap_spots);
	fx->spots[fx->n_spots++] = spot;
	doubt_add(&fx->doubt, doubt);
}

static void copy_do(struct effects *fx, const struct deed *d, size_t rule)
{
	struct want_place want = { d->place, d->name, rule };

	if (d->place == PLACE_MAILBOX && is_inbox(d->name))
		want.mailbox = STR_LIT("INBOX");
	for (size_t i = 0; i < fx->n_copies; i++)
		if (fx->copies[i].kind == want.kind &&
		    str_eq(fx->copies[i].mailbox, want.mailbox))
			return;
	arena_grow(fx->arena, &fx->copies, fx->n_copies, &fx->cap_copies);
	fx->copies[fx->n_copies++] = want;
}

/* DEEDS: all of the rule, D among them. */
static void errand_do(struct effects *fx, const struct deed *d,
    const struct deed *deeds, size_t rule)
{
	struct errand *errand;

	arena_grow(fx->arena, &fx->errands, fx->n_errands, &fx->cap_errands);
	errand = &fx->errands[fx->n_errands++];
	*errand = d->errand;
	errand->rule = rule;
	for (; deeds < d; deeds++)
		errand->part += deeds->kind == ACTION_ERRAND &&
		    deeds->errand.kind == errand->kind;
}

/* -------------------------------------------------------------- effects */

static struct answer known_fact(const struct match_input *in, unsigned bit)
{
	if (in->facts->known & bit)
		return (struct answer){ .truth = TRUTH_TRUE };
	return answer_missing(in, bit);
}

void effects_init(struct effects *fx, struct arena *a,
    const struct match_input *in)
{
	const struct facts *f = in->facts;
	struct answer labels = known_fact(in, RULES_ASK_LABELS);

	*fx = (struct effects){ .arena = a };
	marks_init(&fx->labels, a, false, f->labels, f->n_labels, labels);
	marks_init(&fx->flags, a, true, f->flags, f->n_flags,
	    known_fact(in, RULES_ASK_FLAGS));
	fx->first = spot_make(PLACE_MAILBOX, f->mailbox);
	if (f->in_inbox) {
		fx->first.inbox = TRUTH_TRUE;
	} else if (fx->first.inbox != TRUTH_TRUE && f->inbox_is_label &&
	    labels.truth == TRUTH_UNKNOWN) {
		fx->first.inbox = TRUTH_UNKNOWN;
		fx->doubt = answer_doubt(labels);
	}
	arena_grow(a, &fx->spots, 0, &fx->cap_spots);
	fx->spots[0] = fx->first;
	fx->n_spots = 1;
}

void effects_do(struct effects *fx, const struct deed *deeds, size_t n,
    size_t rule)
{
	place_do(fx, deeds, n, rule);
	for (size_t i = 0; i < n; i++) {
		const struct deed *d = &deeds[i];

		switch (d->kind) {
		case ACTION_LABEL:
		case ACTION_UNLABEL:
			if (!is_inbox(d->name))
				mark_do(fx, &fx->labels, d->name,
				    d->kind == ACTION_LABEL, rule);
			break;
		case ACTION_FLAG:
		case ACTION_UNFLAG:
			mark_do(fx, &fx->flags, d->name,
			    d->kind == ACTION_FLAG, rule);
			break;
		case ACTION_COPY:
			copy_do(fx, d, rule);
			break;
		case ACTION_ERRAND:
			errand_do(fx, d, deeds, rule);
			break;
		case ACTION_PLACE:
		case ACTION_STOP:
		case ACTION_HEADER:
		case ACTION_PIPE:
		case ACTION_DECRYPT:
			break;
		}
	}
	fx->epoch++;
}

static bool is_mark(const struct deed *d)
{
	return d->kind == ACTION_LABEL || d->kind == ACTION_UNLABEL ||
	    d->kind == ACTION_FLAG || d->kind == ACTION_UNFLAG;
}

static bool of_flags(const struct deed *d)
{
	return d->kind == ACTION_FLAG || d->kind == ACTION_UNFLAG;
}

/* Does a later deed have the last word on the same label or flag?  Only
 * looked for among a reasonable number: to miss it makes more unknown than
 * is, never less. */
static bool overruled(const struct effects *fx, const struct deed *deeds,
    size_t n, size_t i)
{
	const struct marks *ms = of_flags(&deeds[i]) ? &fx->flags :
	    &fx->labels;

	for (size_t k = i + 1; k < n && k < i + SPOTS_MAX; k++)
		if (is_mark(&deeds[k]) && !deeds[k].open &&
		    of_flags(&deeds[k]) == of_flags(&deeds[i]) &&
		    same_name(ms, deeds[k].name, deeds[i].name))
			return true;
	return false;
}

void effects_maybe(struct effects *fx, const struct deed *deeds, size_t n,
    struct doubt doubt)
{
	place_maybe(fx, deeds, n, doubt);
	for (size_t i = 0; i < n; i++) {
		const struct deed *d = &deeds[i];
		struct marks *ms = of_flags(d) ? &fx->flags : &fx->labels;
		bool add = d->kind == ACTION_LABEL || d->kind == ACTION_FLAG;

		if (!is_mark(d))
			continue;
		if (d->open)
			marks_doubt(ms, d->name, add, doubt);
		else if ((ms == &fx->flags || !is_inbox(d->name)) &&
		    !overruled(fx, deeds, n, i))
			mark_doubt(mark_get(ms, fx->arena, d->name), add,
			    doubt);
	}
	fx->epoch++;
}

/* --------------------------------------------------------------- report */

static int by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void marks_report(const struct effects *fx, const struct marks *ms,
    bool after, bool inbox, struct str **out, size_t *n_out)
{
	struct str *list;
	size_t n = 0;

	*out = NULL;
	*n_out = 0;
	if (ms->n == 0 && !inbox)
		return;
	list = arena_array(fx->arena, ms->n + 1, sizeof(*list));
	for (size_t i = 0; i < ms->n; i++) {
		const struct mark *m = &ms->list[i];

		if (after && m->want ? ms->wants[m->want - 1].add : m->before)
			list[n++] = m->name;
	}
	if (inbox)
		list[n++] = STR_LIT("INBOX");
	if (n > 1)
		qsort(list, n, sizeof(*list), by_bytes);
	*out = list;
	*n_out = n;
}

void effects_report(struct effects *fx, struct verdict *out)
{
	bool was_in = fx->first.inbox == TRUTH_TRUE, is_in = was_in;
	struct spot last = fx->first;

	if (fx->place.kind != PLACE_STAY) {
		last = spot_make(fx->place.kind, fx->place.mailbox);
		is_in = last.inbox == TRUTH_TRUE;
	}
	out->wants = (struct wants){
		.labels = fx->labels.wants, .n_labels = fx->labels.n_wants,
		.flags = fx->flags.wants, .n_flags = fx->flags.n_wants,
		.place = fx->place,
		.copies = fx->copies, .n_copies = fx->n_copies,
		.errands = fx->errands, .n_errands = fx->n_errands,
	};
	out->mailbox_after = last.mailbox;
	marks_report(fx, &fx->labels, false, was_in, &out->labels_before,
	    &out->n_labels_before);
	marks_report(fx, &fx->flags, true, false, &out->flags_after,
	    &out->n_flags_after);
	if (fx->labels.n_wants == 0 && is_in == was_in) {
		out->labels_after = out->labels_before;
		out->n_labels_after = out->n_labels_before;
		return;
	}
	marks_report(fx, &fx->labels, true, is_in, &out->labels_after,
	    &out->n_labels_after);
}
