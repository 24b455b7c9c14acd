#include "maildir_letters.h"

#include "keyword.h"

#include <unistd.h>

/* Flags as they will be: letters, and keywords by name. */
struct wanted {
	maildir_letters letters;	/* capitals, and small ones unnamed */
	struct str keywords[3 * MAILDIR_KEYWORDS_MAX];
	struct op *by[3 * MAILDIR_KEYWORDS_MAX];	/* who wants it */
	size_t n;
};

static void want_keyword(struct wanted *v, struct str keyword,
    struct op *by)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_ieq(v->keywords[i], keyword))
			return;
	if (v->n == COUNT(v->keywords))
		return;		/* far more than there are letters */
	v->keywords[v->n] = keyword;
	v->by[v->n++] = by;
}

static void drop_keyword(struct wanted *v, struct str keyword)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_ieq(v->keywords[i], keyword)) {
			v->n--;
			v->keywords[i] = v->keywords[v->n];
			v->by[i] = v->by[v->n];
			return;
		}
}

/* Dovecot knows no letter P: where it serves the mail, $Forwarded is a
 * keyword like others. */
static bool served_by_dovecot(const struct maildir_target *to)
{
	return faccessat(to->folder.dir, "dovecot-uidlist", F_OK, 0) == 0;
}

static void apply_flag(const struct maildir_target *to, struct wanted *v,
    struct str flag, bool add, struct op *op)
{
	char letter = maildir_flag_letter(flag);

	if (!add && letter)
		v->letters &= ~MAILDIR_LETTER(letter);
	if (!add)
		drop_keyword(v, flag);
	else if (letter && (letter != 'P' || !served_by_dovecot(to)))
		v->letters |= MAILDIR_LETTER(letter);
	else
		want_keyword(v, flag, op);
}

static void apply_names(struct maildir_targets *ts,
    const struct maildir_target *to, struct wanted *v, struct op *op)
{
	bool add = op->kind == OP_ADD_FLAGS || op->kind == OP_ADD_LABELS;
	bool labels = op->kind == OP_ADD_LABELS ||
	    op->kind == OP_REMOVE_LABELS;

	if (op->kind > OP_REMOVE_LABELS || op->outcome == OP_FAILED ||
	    (labels && maildir_labels_are_folders(ts->s)))
		return;
	for (size_t i = 0; i < op->n_names; i++) {
		struct str name = op->names[i];
		struct err e = { 0 };

		if (labels && !keyword_of_label(ts->a, name, &name, &e))
			continue;	/* was refused by check_label */
		if (labels && !add)
			drop_keyword(v, name);
		else if (labels)
			want_keyword(v, name, op);
		else
			apply_flag(to, v, name, add, op);
	}
}

/* From the file's present name, so that what another program changed
 * meanwhile stays. */
static void want_of(struct maildir_targets *ts,
    const struct maildir_message *m, const struct maildir_target *to,
    struct wanted *v)
{
	maildir_letters now = maildir_letters_of(
	    maildir_file_name(m->file));

	v->n = 0;
	v->letters = now & ~MAILDIR_KEYWORDS;
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++) {
		struct str name = ts->here.keywords.names[i];

		if (!(now & MAILDIR_KEYWORD(i)))
			continue;
		if (name.n)
			want_keyword(v, name, NULL);
		else if (to == &ts->here)
			v->letters |= MAILDIR_KEYWORD(i);
	}
	for (size_t i = 0; i < m->n_ops; i++)
		apply_names(ts, to, v, m->ops[i]);
}

/* The letters in TO; false: KEYWORD has none there and *BY wants it (NULL:
 * it was set before).  What has none gets one unless writing failed. */
static bool letters_in(struct maildir_targets *ts,
    const struct maildir_message *m, struct maildir_target *to,
    maildir_letters *out, struct str *keyword, struct op **by)
{
	bool may_add = to->keywords_failed.kind == ERR_NONE;
	struct wanted v;

	want_of(ts, m, to, &v);
	*out = v.letters;
	for (size_t i = 0; i < v.n; i++) {
		int n = may_add ?
		    maildir_keywords_need(&to->keywords, v.keywords[i]) :
		    maildir_keywords_find(&to->keywords, v.keywords[i]);

		if (n < 0) {
			*keyword = v.keywords[i];
			*by = v.by[i];
			return false;
		}
		*out |= MAILDIR_KEYWORD(n);
	}
	return true;
}

void maildir_letters_reserve(struct maildir_targets *ts,
    const struct maildir_message *m, struct maildir_target *to)
{
	maildir_letters letters;
	struct str keyword;
	struct op *by;

	/* what does not fit is found again when it is its turn */
	letters_in(ts, m, to, &letters, &keyword, &by);
}

bool maildir_letters_ready(struct maildir_targets *ts,
    const struct maildir_message *m, struct maildir_target *to,
    maildir_letters *out, struct maildir_obstacle *why)
{
	struct str keyword;

	*why = (struct maildir_obstacle){ 0 };
	while (letters_in(ts, m, to, out, &keyword, &why->by)) {
		if (to->keywords.added == 0)
			return true;
		/* and once more: numbers may be others then */
		maildir_target_write_keywords(to);
	}
	why->retry = to->keywords_retry;
	why->text = to->keywords_failed.kind != ERR_NONE ?
	    to->keywords_failed.msg : arena_printf(ts->a, "mailbox %.*s has "
	    "its %d keywords already, and \"%.*s\" is none of them",
	    STR_ARG(to->mailbox), MAILDIR_KEYWORDS_MAX, STR_ARG(keyword)).p;
	return false;
}
