#include "maildir_target.h"

#include "step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reading {
	struct maildir_targets *ts;
	struct maildir_target *t;
	bool in_new;
};

static bool note_present(void *ctx, struct str name, uint64_t inode)
{
	struct reading *r = ctx;
	struct maildir_target *t = r->t;
	struct arena *a = r->ts->a;

	arena_grow(a, &t->hashes, t->n_hashes, &t->cap_hashes);
	t->hashes[t->n_hashes++] = str_hash(maildir_unique(name));
	if (t->is_label) {
		arena_grow(a, &t->by_inode, t->n_present, &t->cap_present);
		t->by_inode[t->n_present++] = (struct maildir_present){
			.inode = inode, .name = arena_z(a, name),
			.in_new = r->in_new,
		};
	}
	return t->n_hashes < MAILDIR_FILES_MAX;
}

static int by_value(const void *x, const void *y)
{
	uint64_t p = *(const uint64_t *)x, q = *(const uint64_t *)y;

	return (p > q) - (p < q);
}

static int by_inode(const void *x, const void *y)
{
	const struct maildir_present *p = x, *q = y;

	return (p->inode > q->inode) - (p->inode < q->inode);
}

static bool read_present(struct maildir_targets *ts, struct maildir_target *t,
    struct err *e)
{
	struct reading r = { .ts = ts, .t = t, .in_new = true };

	if (!maildir_files(t->folder.new, note_present, &r, e))
		return false;
	r.in_new = false;
	if (!maildir_files(t->folder.cur, note_present, &r, e))
		return false;
	if (t->n_hashes)
		qsort(t->hashes, t->n_hashes, sizeof(*t->hashes), by_value);
	if (t->n_present)
		qsort(t->by_inode, t->n_present, sizeof(*t->by_inode),
		    by_inode);
	return true;
}

static bool open_target(struct maildir_targets *ts,
    struct maildir_target *t, bool create)
{
	struct store_maildir *s = ts->s;
	struct err *e = &t->failed;
	const char *folder;

	if (!maildir_find_folder(s, ts->a, t->mailbox, &folder, e))
		return false;
	if (create && !store_maildir_create(&s->base, t->mailbox, e))
		return false;
	if (!maildir_folder_open(s->root, t->mailbox, folder, &t->folder, e))
		return false;
	maildir_keywords_read(&t->keywords, ts->a, t->folder.dir);
	return read_present(ts, t, e);
}

struct maildir_target *maildir_target_of(struct maildir_targets *ts,
    struct str mailbox, bool is_label, bool create)
{
	struct maildir_target *t;

	if (str_ieq_z(mailbox, "INBOX"))
		mailbox = STR_LIT("INBOX");
	if (str_eq(mailbox, ts->here.mailbox))
		return &ts->here;
	for (size_t i = 0; i < ts->n; i++)
		if (str_eq(ts->list[i]->mailbox, mailbox) &&
		    (ts->list[i]->is_label || !is_label))
			return ts->list[i];
	t = arena_make(ts->a, struct maildir_target);
	t->mailbox = arena_str(ts->a, mailbox);
	t->folder = (struct maildir_folder){ .dir = -1, .cur = -1,
	    .new = -1 };
	t->is_label = is_label;
	open_target(ts, t, create);
	arena_grow(ts->a, &ts->list, ts->n, &ts->cap);
	ts->list[ts->n++] = t;
	return t;
}

const struct maildir_present *maildir_target_linked(
    const struct maildir_target *t, uint64_t inode, size_t *n_out)
{
	size_t low = 0, high = t->n_present, n = 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->by_inode[mid].inode < inode)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + n < t->n_present && t->by_inode[low + n].inode == inode)
		n++;
	*n_out = n;
	return n ? &t->by_inode[low] : NULL;
}

/* What the hashes cannot tell is looked up, which is rare. */
bool maildir_target_has(struct maildir_targets *ts, struct maildir_target *t,
    struct str unique, struct maildir_file *out)
{
	uint64_t hash = str_hash(unique);
	const struct maildir_file *f;
	struct err e = { 0 };

	*out = (struct maildir_file){ 0 };
	if (t->n_hashes == 0 || !bsearch(&hash, t->hashes, t->n_hashes,
	    sizeof(hash), by_value))
		return false;
	if (!t->listed &&
	    !maildir_folder_list(ts->a, &t->folder, &t->list, &e))
		return true;	/* to be on the safe side */
	t->listed = true;
	f = maildir_list_find(&t->list, unique);
	if (f)
		*out = *f;
	return f != NULL;
}

size_t maildir_target_expect(struct maildir_targets *ts,
    struct maildir_target *t, struct str unique)
{
	arena_grow(ts->a, &t->names, t->n_names, &t->cap_names);
	t->names[t->n_names] = unique;
	return t->n_names++;
}

void maildir_target_write_keywords(struct maildir_target *t)
{
	/* a failure is told by each op that needs what was not written */
	if (t->failed.kind == ERR_NONE && t->keywords.added &&
	    !maildir_keywords_write(&t->keywords, &t->keywords_retry,
	    &t->keywords_failed))
		step("keywords-failed");
}

void maildir_target_touch(struct maildir_target *t, bool in_new)
{
	if (in_new)
		t->touched_new = true;
	else
		t->touched_cur = true;
}

void maildir_target_sync(struct maildir_target *t)
{
	if ((t->touched_cur && fsync(t->folder.cur) != 0) ||
	    (t->touched_new && fsync(t->folder.new) != 0)) {
		err_clear(&t->sync_failed);
		err_set(&t->sync_failed, ERR_TEMP, "mailbox %.*s cannot be "
		    "made durable: %s", STR_ARG(t->mailbox),
		    strerror(errno));
	}
	t->touched_cur = t->touched_new = false;
}

void maildir_targets_sync(struct maildir_targets *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		if (ts->list[i]->failed.kind == ERR_NONE)
			maildir_target_sync(ts->list[i]);
}

/* Before anything is moved: see the top.  Nothing has happened if it
 * fails. */
bool maildir_targets_announce(struct maildir_targets *ts, struct err *e)
{
	struct journal *j = ts->s->journal;
	struct journal_name *list;
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++)
		n += ts->list[i]->n_names;
	if (!j || n == 0)
		return true;
	list = arena_array(ts->a, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < ts->n; i++) {
		struct maildir_target *t = ts->list[i];

		t->numbered = &list[n];
		for (size_t k = 0; k < t->n_names; k++)
			list[n++] = (struct journal_name){ t->mailbox,
			    t->names[k], 0 };
	}
	if (!journal_names_add(j, list, n, e))
		return false;
	step("maildir-announced");
	return true;
}

void maildir_targets_open(struct maildir_targets *ts,
    struct store_maildir *s, struct arena *a)
{
	*ts = (struct maildir_targets){ .s = s, .a = a };
	ts->here.mailbox = s->folder.mailbox;
	ts->here.folder = s->folder;
	maildir_keywords_read(&ts->here.keywords, a, s->folder.dir);
}

void maildir_targets_close(struct maildir_targets *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		maildir_folder_close(&ts->list[i]->folder);
}
