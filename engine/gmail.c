#include "gmail.h"

#include <string.h>

/* ---------------------------------------------------------------- facts */

bool gmail_is_system(struct str label)
{
	return str_starts(label, STR_LIT("\\"));
}

/* Labels that are flags here: what `is:` and `mark` call starred ... */
static const struct {
	const char *label, *flag;
} flag_labels[] = {
	{ "\\Starred", "\\Flagged" },
	{ "\\Important", "$Important" },
	{ "\\Draft", "\\Draft" },
	{ "\\Drafts", "\\Draft" },
};

static struct str flag_of_label(struct str label)
{
	for (size_t i = 0; i < COUNT(flag_labels); i++)
		if (str_ieq_z(label, flag_labels[i].label))
			return str_of(flag_labels[i].flag);
	return STR_EMPTY;
}

static bool has_name(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(list[i], name))
			return true;
	return false;
}

/* The system label of a view, by its special use (RFC 6154). */
static struct str label_of_view(struct str special)
{
	static const struct {
		const char *special, *label;
	} views[] = {
		{ "\\Flagged", "\\Starred" },
		{ "\\Important", "\\Important" },
		{ "\\Drafts", "\\Draft" },
		{ "\\Sent", "\\Sent" },
	};

	for (size_t i = 0; i < COUNT(views); i++)
		if (str_ieq_z(special, views[i].special))
			return str_of(views[i].label);
	return STR_EMPTY;
}

/* Is the mailbox one whose name is a label of the user's? */
static bool is_label(struct str mailbox, struct str special)
{
	return special.n == 0 && !str_eq_z(mailbox, "INBOX");
}

bool gmail_is_host(struct str host)
{
	return str_ieq_z(host, "imap.gmail.com") ||
	    str_ieq_z(host, "imap.googlemail.com");
}

void gmail_facts(struct arena *a, struct str special,
    const struct str *labels, size_t n, struct facts *f)
{
	struct str *list = arena_array(a, n + 2, sizeof(*list));
	struct str *flags = arena_array(a, f->n_flags + n + 2,
	    sizeof(*flags));
	size_t n_list = 0, n_flags = f->n_flags;
	struct str view = label_of_view(special);

	for (size_t i = 0; i < f->n_flags; i++)
		flags[i] = f->flags[i];
	f->in_inbox = str_eq_z(f->mailbox, "INBOX");
	for (size_t i = 0; i <= n; i++) {
		struct str label = i < n ? labels[i] : view;
		struct str flag = flag_of_label(label);

		if (label.n == 0)
			continue;
		if (str_ieq_z(label, "\\Inbox"))
			f->in_inbox = true;
		else if (flag.n == 0)
			list[n_list++] = label;
		else if (!has_name(flags, n_flags, flag))
			flags[n_flags++] = flag;
	}
	if (is_label(f->mailbox, special) &&
	    !has_name(list, n_list, f->mailbox))
		list[n_list++] = f->mailbox;
	f->labels = list;
	f->n_labels = n_list;
	f->flags = flags;
	f->n_flags = n_flags;
	f->inbox_is_label = true;
	f->known |= RULES_ASK_FLAGS | RULES_ASK_LABELS;
}

bool gmail_has(const struct facts *f, struct str name)
{
	struct str flag = flag_of_label(name);

	if (str_ieq_z(name, "\\Inbox"))
		return f->in_inbox;
	if (flag.n)
		return has_name(f->flags, f->n_flags, flag);
	return has_name(f->labels, f->n_labels, name);
}

size_t gmail_system_labels(const struct facts *f, struct str *list)
{
	static const char *const names[] = {
		"\\Inbox", "\\Starred", "\\Important",
	};
	size_t n = 0;

	for (size_t i = 0; f->inbox_is_label && i < COUNT(names); i++)
		if (gmail_has(f, str_of(names[i])))
			list[n++] = str_of(names[i]);
	return n;
}

bool gmail_label_is_view(struct str label, struct str mailbox)
{
	if (str_eq_z(mailbox, "INBOX"))
		return str_ieq_z(label, "\\Inbox");
	return str_ieq(label, mailbox);
}

/* ---------------------------------------------------------------- wants */

struct translating {
	const struct place_names *places;
	const struct facts *f;
	struct wants *out;
	const struct want_place *refused;
	const char *why;
};

/* The last word on a label; names are spelt as they stand first. */
static void want_label(struct translating *t, struct str name, bool add,
    size_t rule)
{
	struct wants *w = t->out;

	for (size_t i = 0; i < w->n_labels; i++)
		if (str_ieq(w->labels[i].name, name)) {
			w->labels[i].add = add;
			w->labels[i].rule = rule;
			return;
		}
	w->labels[w->n_labels++] = (struct want){ name, add, rule };
}

/* $Important is a label here; a star that the web set goes as a label, too,
 * since the flag alone has been seen to leave it. */
static void want_flag(struct translating *t, const struct want *flag)
{
	if (str_ieq_z(flag->name, "$Important")) {
		want_label(t, STR_LIT("\\Important"), flag->add, flag->rule);
		return;
	}
	if (str_ieq_z(flag->name, "\\Flagged") && !flag->add)
		want_label(t, STR_LIT("\\Starred"), false, flag->rule);
	t->out->flags[t->out->n_flags++] = *flag;
}

static struct str place_of(const struct translating *t,
    const struct want_place *p)
{
	if (p->kind != PLACE_SPECIAL)
		return p->mailbox;
	for (size_t i = 0; i < USE_COUNT; i++)
		if (str_ieq_z(p->mailbox, place_use_names[i]))
			return t->places->mailbox[i];
	return STR_EMPTY;
}

static bool is_use(const struct translating *t, struct str mailbox,
    enum place_use use)
{
	return mailbox.n && str_eq(mailbox, t->places->mailbox[use]);
}

/* Trash and Spam are places and no labels. */
static bool is_outside(const struct translating *t, struct str mailbox)
{
	return is_use(t, mailbox, USE_TRASH) || is_use(t, mailbox, USE_JUNK);
}

static bool is_view_of_system(const struct translating *t,
    struct str mailbox)
{
	for (size_t i = 0; i < USE_COUNT; i++)
		if (is_use(t, mailbox, (enum place_use)i))
			return true;
	return false;
}

static bool is_archive(const struct translating *t,
    const struct want_place *p, struct str mailbox)
{
	return (p->kind == PLACE_SPECIAL &&
	    str_ieq_z(p->mailbox, "\\Archive")) ||
	    is_use(t, mailbox, USE_ALL) || is_use(t, mailbox, USE_ARCHIVE);
}

/* What a message leaves that moves on: the inbox if it is there, else the
 * label in whose mailbox it was found. */
static void leave(struct translating *t, size_t rule)
{
	struct str here = t->f->mailbox;

	if (t->f->in_inbox)
		want_label(t, STR_LIT("\\Inbox"), false, rule);
	else if (!is_view_of_system(t, here))
		want_label(t, here, false, rule);
}

static void refuse(struct translating *t, const struct want_place *p,
    const char *why)
{
	if (t->refused)
		return;
	t->refused = p;
	t->why = why;
}

/* The place is there and cannot be seen; NULL: it can. */
static const char *hidden(const struct translating *t,
    const struct want_place *p)
{
	bool special = p->kind == PLACE_SPECIAL;

	if ((p->kind == PLACE_DELETE || (special &&
	    str_ieq_z(p->mailbox, "\\Trash"))) &&
	    t->places->mailbox[USE_TRASH].n == 0)
		return "Trash is hidden from IMAP; show it in Gmail's "
		    "settings, Labels, \"Show in IMAP\"";
	if (special && str_ieq_z(p->mailbox, "\\Junk") &&
	    t->places->mailbox[USE_JUNK].n == 0)
		return "Spam is hidden from IMAP; show it in Gmail's "
		    "settings, Labels, \"Show in IMAP\"";
	return NULL;
}

static void put(struct translating *t, const struct want_place *p)
{
	struct str to = place_of(t, p);
	bool outside = is_outside(t, t->f->mailbox);
	const char *why = hidden(t, p);

	if (p->kind == PLACE_STAY)
		return;
	if (why) {
		refuse(t, p, why);
		return;
	}
	if (p->kind == PLACE_DELETE || is_outside(t, to)) {
		t->out->place = *p;
		return;
	}
	if (outside) {		/* only a move gets it out */
		t->out->place = *p;
		if (is_archive(t, p, to)) {
			t->out->place.kind = PLACE_MAILBOX;
			t->out->place.mailbox =
			    t->places->mailbox[USE_ALL];
		}
		return;
	}
	if (is_archive(t, p, to)) {
		want_label(t, STR_LIT("\\Inbox"), false, p->rule);
		return;
	}
	if (str_ieq_z(to, "INBOX")) {
		want_label(t, STR_LIT("\\Inbox"), true, p->rule);
		return;
	}
	if (is_view_of_system(t, to) || to.n == 0) {
		refuse(t, p, "Gmail itself says what is in that mailbox; "
		    "nothing can be moved or copied there");
		return;
	}
	/* a label that it has may be the first half of this move, cut short */
	if (t->f->in_inbox || !str_eq(to, t->f->mailbox))
		leave(t, p->rule);
	want_label(t, to, true, p->rule);
}

static void copy(struct translating *t, const struct want_place *p)
{
	struct str to = place_of(t, p);

	if (str_ieq_z(to, "INBOX"))
		want_label(t, STR_LIT("\\Inbox"), true, p->rule);
	else if (is_archive(t, p, to))
		return;		/* everything is in All Mail */
	else if (to.n && !is_view_of_system(t, to))
		want_label(t, to, true, p->rule);
	else
		refuse(t, p, "on Gmail a message is not twice in the "
		    "account; a copy is a label, and that mailbox is none");
}

void gmail_wants(struct arena *a, const struct wants *w,
    const struct place_names *places, const struct facts *f,
    struct wants *out, const struct want_place **refused_out,
    const char **why_out)
{
	struct translating t = { .places = places, .f = f, .out = out };

	*out = (struct wants){ .place.kind = PLACE_STAY };
	/* each flag, copy and place may become labels */
	out->labels = arena_array(a, w->n_labels + w->n_flags + w->n_copies +
	    3, sizeof(*out->labels));
	out->flags = arena_array(a, w->n_flags + 1, sizeof(*out->flags));
	for (size_t i = 0; i < w->n_labels; i++)
		want_label(&t, w->labels[i].name, w->labels[i].add,
		    w->labels[i].rule);
	for (size_t i = 0; i < w->n_flags; i++)
		want_flag(&t, &w->flags[i]);
	for (size_t i = 0; i < w->n_copies; i++)
		copy(&t, &w->copies[i]);
	if (!t.refused)		/* one that leaves could not be mended */
		put(&t, &w->place);
	*refused_out = t.refused;
	*why_out = t.why;
}

/* ------------------------------------------------------------- identity */

/* No SHA-256 that was ever cut begins so by chance. */
static const char mark[8] = { 'X', '-', 'G', 'M', 'S', 'G', 'I', 'D' };

void gmail_identity(uint64_t msgid, struct identity *out)
{
	memcpy(out->digest, mark, sizeof(mark));
	for (size_t i = 0; i < 8; i++)
		out->digest[8 + i] = (uint8_t)(msgid >> (8 * (7 - i)));
	out->size = 0;		/* Gmail's may be off by some octets */
}

uint64_t gmail_msgid(const struct identity *id)
{
	uint64_t msgid = 0;

	if (memcmp(id->digest, mark, sizeof(mark)) != 0)
		return 0;
	for (size_t i = 8; i < 16; i++)
		msgid = msgid << 8 | id->digest[i];
	return msgid;
}

/* ----------------------------------------------------------------- seen */

/* Where it is, or would be; n_slots is a power of two and never full. */
static size_t slot_of(const uint64_t *slots, size_t n_slots, uint64_t msgid)
{
	size_t i = (size_t)(msgid * 0x9e3779b97f4a7c15u >> 20) &
	    (n_slots - 1);

	while (slots[i] && slots[i] != msgid)
		i = (i + 1) & (n_slots - 1);
	return i;
}

bool gmail_seen_has(const struct gmail_seen *s, uint64_t msgid)
{
	return s->n_slots && s->slots[slot_of(s->slots, s->n_slots, msgid)];
}

void gmail_seen_add(struct gmail_seen *s, struct arena *a, uint64_t msgid)
{
	size_t at;

	if (2 * (s->n + 1) > s->n_slots) {
		size_t n_slots = s->n_slots ? 2 * s->n_slots : 64;
		uint64_t *slots = arena_array(a, n_slots, sizeof(*slots));

		for (size_t i = 0; i < s->n_slots; i++)
			if (s->slots[i])
				slots[slot_of(slots, n_slots, s->slots[i])] =
				    s->slots[i];
		s->slots = slots;
		s->n_slots = n_slots;
	}
	at = slot_of(s->slots, s->n_slots, msgid);
	s->n += !s->slots[at];
	s->slots[at] = msgid;
}

void gmail_seen_add_all(struct gmail_seen *s, struct arena *a,
    const struct gmail_seen *more)
{
	for (size_t i = 0; i < more->n_slots; i++)
		if (more->slots[i])
			gmail_seen_add(s, a, more->slots[i]);
}
