#include "store_maildir.h"

#include "keyword.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The order, so that a crash at any moment leaves each message exactly once
 * and nothing half done:
 * - keywords get their letters before a name uses them;
 * - what will lie in another mailbox gets its UID there before it lies
 *   there, so that it never looks new;
 * - copies are linked, and durable, before their originals move;
 * - flags, labels and the move of a message are one rename;
 * - the folder that a message went to is made durable before the one that
 *   it left; an op is done after both.
 */

/* A file in a folder that is a label. */
struct present {
	uint64_t inode;
	const char *name;
	bool in_new;
};

/* A folder that ops go to; the selected one is `here`. */
struct target {
	struct str mailbox;
	struct maildir_folder folder;
	struct maildir_keywords keywords;
	struct err keywords_failed;	/* of their last writing */
	bool keywords_retry;
	bool is_label;
	bool touched_cur, touched_new;
	struct err sync_failed;
	/* what was there at first: hashes of unique parts, sorted */
	uint64_t *hashes;
	size_t n_hashes, cap_hashes;
	struct present *by_inode;	/* of a label only */
	size_t n_present, cap_present;
	struct maildir_list list;	/* of all, once a hash was met */
	bool listed;
	/* names that are about to come, and their UIDs */
	struct str *names;
	const struct journal_name *numbered;	/* parallel; NULL: not */
	size_t n_names, cap_names;
	struct err failed;	/* it cannot be used */
};

/* What is to be done with one message. */
struct job {
	struct maildir_file *file;
	struct op **ops;	/* of this message, by kind */
	size_t n_ops;
	struct target *to;
	struct op *move, *delete;
	struct str unique;	/* its unique part there */
	size_t name;		/* index of to->names */
	/* A hard link of it that lies there already: goes before it comes. */
	const char *twin;
	bool twin_in_new;
	bool placed;
	const char *held;	/* why it must stay: a copy failed */
};

/* A copy, or a label that is one. */
struct copy {
	struct job *job;
	struct op *op;
	struct target *to;
	struct str unique;
	size_t name;
	bool there;
};

struct change_run {
	struct store_maildir *s;
	struct arena *a;	/* of this apply */
	struct target here;
	struct target **targets;
	size_t n_targets, cap_targets;
	struct job *jobs;
	size_t n_jobs, cap_jobs;
	struct copy *copies;
	size_t n_copies, cap_copies;
};

static void fail_op(struct store_maildir *s, struct op *op, bool retry,
    const char *reason)
{
	if (op->outcome == OP_FAILED)
		return;
	op->outcome = OP_FAILED;
	op->retry = retry;
	op->reason = arena_str(s->base.arena, str_of(reason));
}

static const char *because(struct change_run *w, const char *what, int error)
{
	return arena_printf(w->a, "%s: %s", what, strerror(error)).p;
}

/* -------------------------------------------------------------- targets */

struct reading {
	struct change_run *w;
	struct target *t;
	bool in_new;
};

static bool note_present(void *ctx, struct str name, uint64_t inode)
{
	struct reading *r = ctx;
	struct target *t = r->t;
	struct arena *a = r->w->a;

	arena_grow(a, &t->hashes, t->n_hashes, &t->cap_hashes);
	t->hashes[t->n_hashes++] = str_hash(maildir_unique(name));
	if (t->is_label) {
		arena_grow(a, &t->by_inode, t->n_present, &t->cap_present);
		t->by_inode[t->n_present++] = (struct present){
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
	const struct present *p = x, *q = y;

	return (p->inode > q->inode) - (p->inode < q->inode);
}

static bool read_present(struct change_run *w, struct target *t,
    struct err *e)
{
	struct reading r = { .w = w, .t = t, .in_new = true };

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

static bool open_target(struct change_run *w, struct target *t, bool create)
{
	struct store_maildir *s = w->s;
	struct err *e = &t->failed;
	const char *folder;

	if (!maildir_find_folder(s, w->a, t->mailbox, &folder, e))
		return false;
	if (create && !store_maildir_create(&s->base, t->mailbox, e))
		return false;
	if (!maildir_folder_open(s->root, t->mailbox, folder, &t->folder, e))
		return false;
	maildir_keywords_read(&t->keywords, w->a, t->folder.dir);
	return read_present(w, t, e);
}

/* The folder of MAILBOX; with `failed` set if it cannot be used. */
static struct target *target_of(struct change_run *w, struct str mailbox,
    bool is_label, bool create)
{
	struct target *t;

	if (str_ieq_z(mailbox, "INBOX"))
		mailbox = STR_LIT("INBOX");
	if (str_eq(mailbox, w->here.mailbox))
		return &w->here;
	for (size_t i = 0; i < w->n_targets; i++)
		if (str_eq(w->targets[i]->mailbox, mailbox) &&
		    (w->targets[i]->is_label || !is_label))
			return w->targets[i];
	t = arena_make(w->a, struct target);
	t->mailbox = arena_str(w->a, mailbox);
	t->folder = (struct maildir_folder){ .dir = -1, .cur = -1,
	    .new = -1 };
	t->is_label = is_label;
	open_target(w, t, create);
	arena_grow(w->a, &w->targets, w->n_targets, &w->cap_targets);
	w->targets[w->n_targets++] = t;
	return t;
}

static const struct present *with_inode(const struct target *t,
    uint64_t inode)
{
	struct present key = { .inode = inode };

	if (t->n_present == 0)
		return NULL;
	return bsearch(&key, t->by_inode, t->n_present, sizeof(key),
	    by_inode);
}

/*
 * Was there a message with this unique part?  What the hashes cannot tell is
 * looked up, which is rare.
 */
static bool is_present(struct change_run *w, struct target *t,
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
	    !maildir_folder_list(w->a, &t->folder, &t->list, &e))
		return true;	/* to be on the safe side */
	t->listed = true;
	f = maildir_list_find(&t->list, unique);
	if (f)
		*out = *f;
	return f != NULL;
}

static size_t add_name(struct change_run *w, struct target *t,
    struct str unique)
{
	arena_grow(w->a, &t->names, t->n_names, &t->cap_names);
	t->names[t->n_names] = unique;
	return t->n_names++;
}

/* ----------------------------------------------------------------- jobs */

static int dir_of(const struct maildir_folder *f, bool in_new)
{
	return in_new ? f->new : f->cur;
}

/* Another program renamed it: its new name, and keywords as they are now. */
static bool look_again(struct change_run *w, struct maildir_file *f)
{
	if (!maildir_look_again(w->s, f))
		return false;
	maildir_keywords_read(&w->here.keywords, w->a, w->here.folder.dir);
	return true;
}

static uint64_t inode_of(struct change_run *w, struct maildir_file *f)
{
	struct stat st;

	while (fstatat(dir_of(&w->s->folder, f->in_new), f->name, &st,
	    AT_SYMLINK_NOFOLLOW) != 0)
		if (errno != ENOENT || !look_again(w, f))
			return 0;
	return st.st_ino;
}

static bool same_file(int dir, const char *name, int other_dir,
    const char *other)
{
	struct stat x, y;

	return fstatat(dir, name, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(other_dir, other, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void add_copy(struct change_run *w, struct job *job, struct op *op,
    struct target *to)
{
	struct str unique = maildir_copy_name(w->a,
	    maildir_file_unique(job->file), to->mailbox);
	struct maildir_file there;
	struct copy *c;

	if (to->failed.kind != ERR_NONE) {
		fail_op(w->s, op, to->failed.kind != ERR_MESSAGE,
		    to->failed.msg);
		job->held = "a copy of it could not be made";
		return;
	}
	arena_grow(w->a, &w->copies, w->n_copies, &w->cap_copies);
	c = &w->copies[w->n_copies++];
	*c = (struct copy){ .job = job, .op = op, .to = to,
	    .unique = unique };
	c->there = is_present(w, to, unique, &there) ||
	    (to->is_label && with_inode(to, inode_of(w, job->file)));
	if (!c->there)
		c->name = add_name(w, to, unique);
}

static void add_label_copies(struct change_run *w, struct job *job,
    struct op *op)
{
	for (size_t i = 0; i < op->n_names; i++) {
		struct target *to = target_of(w, op->names[i], true, true);

		/* it lies there itself: that is the label */
		if (to != &w->here)
			add_copy(w, job, op, to);
	}
}

static void add_move(struct change_run *w, struct job *job, struct op *op)
{
	struct target *to = target_of(w, op->mailbox, false, false);
	struct maildir_file there;

	if (to == &w->here)
		return;
	if (to->failed.kind != ERR_NONE) {
		fail_op(w->s, op, to->failed.kind != ERR_MESSAGE,
		    to->failed.msg);
		return;
	}
	job->to = to;
	job->move = op;
	if (is_present(w, to, job->unique, &there)) {
		if (there.name && same_file(dir_of(&w->s->folder,
		    job->file->in_new), job->file->name,
		    dir_of(&to->folder, there.in_new), there.name)) {
			job->twin = there.name;
			job->twin_in_new = there.in_new;
		} else {
			job->unique = maildir_copy_name(w->a, job->unique,
			    to->mailbox);
		}
	}
	job->name = add_name(w, to, job->unique);
}

static void check_flag(struct change_run *w, struct op *op)
{
	for (size_t i = 0; i < op->n_names; i++) {
		struct str flag = op->names[i];
		bool ok = maildir_flag_letter(flag) ||
		    !str_starts(flag, STR_LIT("\\"));

		for (size_t k = 0; k < flag.n; k++)
			if ((unsigned char)flag.p[k] <= ' ' ||
			    (unsigned char)flag.p[k] >= 0x7f)
				ok = false;
		if (!ok || flag.n == 0)
			fail_op(w->s, op, false, arena_printf(w->a,
			    "a Maildir cannot hold the flag \"%.*s\"",
			    STR_ARG(flag)).p);
	}
}

static void check_label(struct change_run *w, struct op *op)
{
	for (size_t i = 0; i < op->n_names; i++) {
		struct err e = { 0 };
		struct str keyword;

		if (!keyword_of_label(w->a, op->names[i], &keyword, &e))
			fail_op(w->s, op, false, e.msg);
	}
}

static void take_op(struct change_run *w, struct job *job, struct op *op)
{
	bool folders = maildir_labels_are_folders(w->s);

	switch (op->kind) {
	case OP_ADD_FLAGS:
	case OP_REMOVE_FLAGS:
		check_flag(w, op);
		break;
	case OP_ADD_LABELS:
		if (folders)
			add_label_copies(w, job, op);
		else
			check_label(w, op);
		break;
	case OP_REMOVE_LABELS:
		if (!folders)
			check_label(w, op);
		break;
	case OP_COPY:
		add_copy(w, job, op, target_of(w, op->mailbox, false,
		    false));
		break;
	case OP_MOVE:
		add_move(w, job, op);
		break;
	case OP_DELETE:
		job->delete = op;
		break;
	}
}

/* Copies hold pointers to jobs: jobs never move. */
static void make_job(struct change_run *w, struct op **ops, size_t n)
{
	struct job *job = &w->jobs[w->n_jobs];

	*job = (struct job){
		.file = maildir_by_uid(w->s, ops[0]->uid),
		.ops = ops, .n_ops = n, .to = &w->here,
	};
	if (!job->file) {
		for (size_t i = 0; i < n; i++)
			fail_op(w->s, ops[i], false,
			    "the message is not there any more");
		return;
	}
	w->n_jobs++;
	job->unique = arena_str(w->a, maildir_file_unique(job->file));
	for (size_t i = 0; i < n; i++)
		take_op(w, job, ops[i]);
}

static int by_message(const void *x, const void *y)
{
	const struct op *p = *(struct op *const *)x;
	const struct op *q = *(struct op *const *)y;

	if (p->uid != q->uid)
		return p->uid < q->uid ? -1 : 1;
	if (p->kind != q->kind)
		return p->kind < q->kind ? -1 : 1;
	return (p > q) - (p < q);
}

static void make_jobs(struct change_run *w, struct op *ops, size_t n)
{
	struct op **sorted = arena_array(w->a, n + 1, sizeof(*sorted));
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (ops[i].outcome == OP_TODO)
			sorted[kept++] = &ops[i];
	qsort(sorted, kept, sizeof(*sorted), by_message);
	w->jobs = arena_array(w->a, kept + 1, sizeof(*w->jobs));
	for (size_t first = 0, end; first < kept; first = end) {
		for (end = first + 1; end < kept &&
		    sorted[end]->uid == sorted[first]->uid; end++)
			;
		make_job(w, &sorted[first], end - first);
	}
}

/* -------------------------------------------------------------- letters */

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
static bool served_by_dovecot(const struct target *to)
{
	return faccessat(to->folder.dir, "dovecot-uidlist", F_OK, 0) == 0;
}

static void apply_flag(const struct target *to, struct wanted *v,
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

static void apply_names(struct change_run *w, const struct target *to,
    struct wanted *v, struct op *op)
{
	bool add = op->kind == OP_ADD_FLAGS || op->kind == OP_ADD_LABELS;
	bool labels = op->kind == OP_ADD_LABELS ||
	    op->kind == OP_REMOVE_LABELS;

	if (op->kind > OP_REMOVE_LABELS || op->outcome == OP_FAILED ||
	    (labels && maildir_labels_are_folders(w->s)))
		return;
	for (size_t i = 0; i < op->n_names; i++) {
		struct str name = op->names[i];
		struct err e = { 0 };

		if (labels && !keyword_of_label(w->a, name, &name, &e))
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
static void want_of(struct change_run *w, const struct job *job,
    const struct target *to, struct wanted *v)
{
	maildir_letters now = maildir_letters_of(
	    maildir_file_name(job->file));

	v->n = 0;
	v->letters = now & ~MAILDIR_KEYWORDS;
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++) {
		struct str name = w->here.keywords.names[i];

		if (!(now & MAILDIR_KEYWORD(i)))
			continue;
		if (name.n)
			want_keyword(v, name, NULL);
		else if (to == &w->here)
			v->letters |= MAILDIR_KEYWORD(i);
	}
	for (size_t i = 0; i < job->n_ops; i++)
		apply_names(w, to, v, job->ops[i]);
}

/* The letters in TO; false: KEYWORD has none there and *BY wants it (NULL:
 * it was set before).  What has none gets one unless writing failed. */
static bool letters_in(struct change_run *w, const struct job *job,
    struct target *to, maildir_letters *out, struct str *keyword,
    struct op **by)
{
	bool may_add = to->keywords_failed.kind == ERR_NONE;
	struct wanted v;

	want_of(w, job, to, &v);
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

static void write_keywords(struct target *t)
{
	/* a failure is told by each op that needs what was not written */
	if (t->failed.kind == ERR_NONE && t->keywords.added &&
	    !maildir_keywords_write(&t->keywords, &t->keywords_retry,
	    &t->keywords_failed))
		step("keywords-failed");
}

/* The letters in TO, all of them durable there.  False: *WHY tells why. */
static bool letters_ready(struct change_run *w, const struct job *job,
    struct target *to, maildir_letters *out, struct op **by,
    bool *retry, const char **why)
{
	struct str keyword;

	*by = NULL;
	*retry = false;
	if (!letters_in(w, job, to, out, &keyword, by)) {
		*retry = to->keywords_retry;
		*why = to->keywords_failed.kind != ERR_NONE ?
		    to->keywords_failed.msg : arena_printf(w->a, "mailbox "
		    "%.*s has its %d keywords already, and \"%.*s\" is none "
		    "of them", STR_ARG(to->mailbox), MAILDIR_KEYWORDS_MAX,
		    STR_ARG(keyword)).p;
		return false;
	}
	if (to->keywords.added == 0)
		return true;
	write_keywords(to);
	/* once more: numbers may be others now */
	return letters_ready(w, job, to, out, by, retry, why);
}

/* All letters that will be needed, so that each folder's file is written
 * once.  What does not fit is found again when it is its turn. */
static void prepare_keywords(struct change_run *w)
{
	maildir_letters letters;
	struct str keyword;
	struct op *by;

	for (size_t i = 0; i < w->n_jobs; i++)
		if (!w->jobs[i].delete)
			letters_in(w, &w->jobs[i], w->jobs[i].to, &letters,
			    &keyword, &by);
	for (size_t i = 0; i < w->n_copies; i++)
		if (!w->copies[i].there)
			letters_in(w, w->copies[i].job, w->copies[i].to,
			    &letters, &keyword, &by);
	write_keywords(&w->here);
	for (size_t i = 0; i < w->n_targets; i++)
		write_keywords(w->targets[i]);
	step("maildir-keywords");
}

/* ---------------------------------------------------------------- files */

/* The whole of FROM into a new file of T's tmp/; 0, or an errno. */
static int copy_bytes(int from, int to)
{
	struct timespec times[2];
	struct stat st;
	char block[65536];
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) > 0)
		for (ssize_t at = 0, k; at < n; at += k) {
			k = write(to, block + at, (size_t)(n - at));
			if (k < 0)
				return errno;
		}
	if (n < 0 || fstat(from, &st) != 0)
		return errno;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;	/* INTERNALDATE */
	if (fchmod(to, st.st_mode & 0666) != 0 ||
	    (geteuid() == 0 && fchown(to, st.st_uid, st.st_gid) != 0) ||
	    futimens(to, times) != 0 || fsync(to) != 0)
		return errno;
	return 0;
}

/*
 * Moves a file and never replaces one; 0, or an errno.  link and unlink, as
 * Maildir always did, where the file system cannot say NOREPLACE: between
 * the two the message is there twice, and whoever comes again ends it.
 */
static int rename_file(int dir, const char *name, int to_dir, const char *to)
{
	if (renameat2(dir, name, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST && same_file(dir, name, to_dir, to))
		return unlinkat(dir, name, 0) == 0 ? 0 : errno;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	if (linkat(dir, name, to_dir, to, 0) != 0)
		return errno;
	step("maildir-linked-half");
	return unlinkat(dir, name, 0) == 0 ? 0 : errno;
}

/* Where a hard link cannot be: written in tmp/ and linked when whole. */
static int copy_across(int from_dir, const char *from,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to)
{
	int tmp = openat(f->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int in = openat(from_dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int out, error;

	if (tmp < 0 || in < 0) {
		error = errno;
		goto end;
	}
	unlinkat(tmp, unique.p, 0);	/* of an earlier crash */
	out = openat(tmp, unique.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (out < 0) {
		error = errno;
		goto end;
	}
	error = copy_bytes(in, out);
	close(out);
	step("maildir-written");
	if (!error)
		error = rename_file(tmp, unique.p, to_dir, to);
	if (error)
		unlinkat(tmp, unique.p, 0);
end:
	if (tmp >= 0)
		close(tmp);
	if (in >= 0)
		close(in);
	return error;
}

static bool needs_bytes(int error)
{
	return error == EXDEV || error == EMLINK || error == EPERM ||
	    error == EOPNOTSUPP;
}

static int link_file(int dir, const char *name,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to)
{
	int error;

	if (linkat(dir, name, to_dir, to, 0) == 0 || errno == EEXIST)
		return 0;
	if (!needs_bytes(errno))
		return errno;
	error = copy_across(dir, name, f, unique, to_dir, to);
	return error == EEXIST ? 0 : error;
}

static int move_file(int dir, const char *name,
    const struct maildir_folder *f, struct str unique, int to_dir,
    const char *to)
{
	int error = rename_file(dir, name, to_dir, to);

	if (error != EXDEV)
		return error;
	error = copy_across(dir, name, f, unique, to_dir, to);
	if (error && error != EEXIST)
		return error;
	/* the copy must be durable before the original goes */
	if (fsync(to_dir) != 0)
		return errno;
	step("maildir-crossed");
	return unlinkat(dir, name, 0) == 0 ? 0 : errno;
}

static void touch(struct target *t, bool in_new)
{
	if (in_new)
		t->touched_new = true;
	else
		t->touched_cur = true;
}

static void sync_target(struct target *t)
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

/* --------------------------------------------------------------- copies */

/* A message that nobody has looked at yet stays so: in new/. */
static bool stays_new(const struct maildir_file *f, maildir_letters letters)
{
	return f->in_new && letters == 0;
}

static const char *name_of(struct change_run *w, struct str unique,
    const struct maildir_file *f, maildir_letters letters)
{
	if (stays_new(f, letters))
		return arena_z(w->a, unique);
	return maildir_name(w->a, unique, letters,
	    maildir_tail(maildir_file_name(f))).p;
}

static void hold(struct copy *c, const char *why)
{
	c->job->held = why;
}

static void make_copy(struct change_run *w, struct copy *c)
{
	struct maildir_file *f = c->job->file;
	maildir_letters letters;
	const char *why;
	struct op *by;
	bool retry;
	int error;

	if (c->there || c->op->outcome == OP_FAILED)
		return;
	if (!letters_ready(w, c->job, c->to, &letters, &by, &retry, &why)) {
		fail_op(w->s, c->op, retry, why);
		hold(c, "a copy of it could not be made");
		return;
	}
	do {
		bool in_new = stays_new(f, letters);

		error = link_file(dir_of(&w->s->folder, f->in_new), f->name,
		    &c->to->folder, c->unique, dir_of(&c->to->folder,
		    in_new), name_of(w, c->unique, f, letters));
		if (error == 0)
			touch(c->to, in_new);
	} while (error == ENOENT && look_again(w, f));
	step("maildir-copied");
	if (error == 0)
		return;
	fail_op(w->s, c->op, maildir_passes(error), because(w, "it cannot be copied",
	    error));
	hold(c, "a copy of it could not be made");
}

static void end_copy(struct change_run *w, struct copy *c)
{
	if (c->op->outcome != OP_TODO && c->op->outcome != OP_DONE)
		return;
	if (c->to->sync_failed.kind != ERR_NONE) {
		c->op->outcome = OP_UNSURE;
		c->op->reason = arena_str(w->s->base.arena,
		    str_of(c->to->sync_failed.msg));
		hold(c, "a copy of it may not be durable");
		return;
	}
	c->op->outcome = OP_DONE;
	if (c->op->kind == OP_COPY && !c->there && c->to->numbered)
		c->op->dest_uid = c->to->numbered[c->name].uid;
}

static bool remove_present(struct change_run *w, struct target *t,
    struct op *op, const struct present *p)
{
	if (unlinkat(dir_of(&t->folder, p->in_new), p->name, 0) != 0 &&
	    errno != ENOENT) {
		fail_op(w->s, op, maildir_passes(errno), because(w, "the label's "
		    "copy cannot be removed", errno));
		return false;
	}
	touch(t, p->in_new);
	step("maildir-unlabelled");
	return true;
}

/* A label that is a copy goes away: each file there that is this one, or
 * has the name that its copy would have. */
static void remove_label(struct change_run *w, struct job *job,
    struct op *op, struct str label)
{
	struct target *t = target_of(w, label, true, false);
	struct str unique = maildir_copy_name(w->a,
	    maildir_file_unique(job->file), label);
	uint64_t inode = inode_of(w, job->file);
	const struct present *end, *p;
	struct maildir_file f;

	if (t == &w->here) {
		fail_op(w->s, op, false, "it lies in the folder of that "
		    "label itself; move it to take the label off");
		return;
	}
	if (t->failed.kind == ERR_MESSAGE)
		return;		/* no such folder, so no such label */
	if (t->failed.kind != ERR_NONE) {
		fail_op(w->s, op, true, t->failed.msg);
		return;
	}
	p = inode ? with_inode(t, inode) : NULL;
	end = p ? t->by_inode + t->n_present : NULL;
	while (p && p > t->by_inode && p[-1].inode == inode)
		p--;
	if (p) {
		while (p < end && p->inode == inode &&
		    remove_present(w, t, op, p))
			p++;
		return;
	}
	if (is_present(w, t, unique, &f) && f.name)
		remove_present(w, t, op, &(struct present){
			.name = f.name, .in_new = f.in_new });
}

static void remove_labels(struct change_run *w)
{
	if (!maildir_labels_are_folders(w->s))
		return;
	for (size_t i = 0; i < w->n_jobs; i++)
		for (size_t k = 0; k < w->jobs[i].n_ops; k++) {
			struct op *op = w->jobs[i].ops[k];

			for (size_t n = 0; op->kind == OP_REMOVE_LABELS &&
			    n < op->n_names; n++)
				remove_label(w, &w->jobs[i], op,
				    op->names[n]);
		}
}

static void sync_targets(struct change_run *w)
{
	for (size_t i = 0; i < w->n_targets; i++)
		if (w->targets[i]->failed.kind == ERR_NONE)
			sync_target(w->targets[i]);
}

static void do_copies(struct change_run *w)
{
	for (size_t i = 0; i < w->n_copies; i++)
		make_copy(w, &w->copies[i]);
	remove_labels(w);
	sync_targets(w);
	step("maildir-copies-durable");
	for (size_t i = 0; i < w->n_copies; i++)
		end_copy(w, &w->copies[i]);
}

/* ---------------------------------------------------------------- moves */

static bool is_flag_op(struct change_run *w, const struct op *op)
{
	return op->kind == OP_ADD_FLAGS || op->kind == OP_REMOVE_FLAGS ||
	    ((op->kind == OP_ADD_LABELS || op->kind == OP_REMOVE_LABELS) &&
	    !maildir_labels_are_folders(w->s));
}

/* Everything of the job that is done by its rename. */
static void fail_job(struct change_run *w, struct job *job, bool retry,
    const char *why)
{
	for (size_t i = 0; i < job->n_ops; i++)
		if (is_flag_op(w, job->ops[i]) ||
		    job->ops[i]->kind == OP_MOVE)
			fail_op(w->s, job->ops[i], retry, why);
}

/* The move is given up, what else there is still happens here. */
static void stay(struct change_run *w, struct job *job, bool retry,
    const char *why)
{
	fail_op(w->s, job->move, retry, why);
	job->move = NULL;
	job->to = &w->here;
	job->twin = NULL;
	job->unique = arena_str(w->a, maildir_file_unique(job->file));
}

/* The letters where it will be; false: nothing of the job can be done. */
static bool job_letters(struct change_run *w, struct job *job,
    maildir_letters *out)
{
	const char *why;
	struct op *by;
	bool retry;

	while (!letters_ready(w, job, job->to, out, &by, &retry, &why)) {
		/* what may succeed later needs the message here then */
		if (job->move && (retry || !by))
			stay(w, job, retry, why);
		else if (by)
			fail_op(w->s, by, retry, why);
		else {
			fail_job(w, job, retry, why);
			return false;
		}
	}
	return true;
}

/* Nothing at all is asked of the file itself. */
static bool nothing_to_place(struct change_run *w, const struct job *job)
{
	if (job->move)
		return false;
	for (size_t i = 0; i < job->n_ops; i++)
		if (is_flag_op(w, job->ops[i]) &&
		    job->ops[i]->outcome == OP_TODO)
			return false;
	return true;
}

/* The file has its new name: the list of the selected mailbox too. */
static void note_place(struct change_run *w, struct job *job,
    const char *name, bool in_new)
{
	struct maildir_file *f = job->file;

	touch(&w->here, f->in_new);
	touch(job->to, in_new);
	job->placed = true;
	if (job->to != &w->here) {
		f->gone = true;
		return;
	}
	f->name = arena_z(w->s->arena, str_of(name));
	f->length = (uint16_t)strlen(name);
	f->in_new = in_new;
}

static int try_place(struct change_run *w, struct job *job,
    maildir_letters letters)
{
	struct maildir_file *f = job->file;
	const char *name = name_of(w, job->unique, f, letters);
	bool in_new = stays_new(f, letters);
	int from = dir_of(&w->s->folder, f->in_new), error;

	if (job->to == &w->here && in_new == f->in_new &&
	    strcmp(name, f->name) == 0) {
		job->placed = true;
		return 0;
	}
	if (job->twin && unlinkat(dir_of(&job->to->folder,
	    job->twin_in_new), job->twin, 0) == 0) {
		touch(job->to, job->twin_in_new);
		job->twin = NULL;
		step("maildir-twin-gone");
	}
	error = move_file(from, f->name, &job->to->folder, job->unique,
	    dir_of(&job->to->folder, in_new), name);
	step("maildir-renamed");
	if (error == 0)
		note_place(w, job, name, in_new);
	return error;
}

static void place(struct change_run *w, struct job *job)
{
	maildir_letters letters;
	int error = 0;

	if (job->held && job->move)
		stay(w, job, true, job->held);
	if (job->delete || nothing_to_place(w, job))
		return;
	do {
		if (!job_letters(w, job, &letters))
			return;
		error = try_place(w, job, letters);
	} while (error == ENOENT && look_again(w, job->file));
	if (error == ENOENT && job->file->gone)
		fail_job(w, job, false, "the message is not there any more");
	else if (error == EEXIST)
		fail_job(w, job, false, "a message of its name is there "
		    "already");
	else if (error)
		fail_job(w, job, maildir_passes(error), because(w, "its file cannot "
		    "be renamed", error));
}

static void delete_one(struct change_run *w, struct job *job)
{
	struct maildir_file *f = job->file;
	int error;

	if (!job->delete)
		return;
	if (job->held) {
		fail_op(w->s, job->delete, true, job->held);
		fail_job(w, job, true, job->held);
		return;
	}
	do
		error = unlinkat(dir_of(&w->s->folder, f->in_new), f->name,
		    0) == 0 ? 0 : errno;
	while (error == ENOENT && look_again(w, f));
	step("maildir-deleted");
	if (error && error != ENOENT) {
		fail_op(w->s, job->delete, maildir_passes(error), because(w, "its "
		    "file cannot be deleted", error));
		fail_job(w, job, maildir_passes(error), job->delete->reason.p);
		return;
	}
	touch(&w->here, f->in_new);
	f->gone = true;
	job->placed = true;
}

static void end_job(struct change_run *w, struct job *job)
{
	const struct err *sync = job->to->sync_failed.kind != ERR_NONE ?
	    &job->to->sync_failed : &w->here.sync_failed;

	for (size_t i = 0; i < job->n_ops; i++) {
		struct op *op = job->ops[i];

		if (op->outcome != OP_TODO)
			continue;
		if (sync->kind != ERR_NONE && job->placed) {
			op->outcome = OP_UNSURE;
			op->reason = arena_str(w->s->base.arena,
			    str_of(sync->msg));
			continue;
		}
		op->outcome = OP_DONE;
		if (op == job->move && job->to->numbered)
			op->dest_uid = job->to->numbered[job->name].uid;
	}
}

static void do_moves(struct change_run *w)
{
	for (size_t i = 0; i < w->n_jobs; i++)
		place(w, &w->jobs[i]);
	sync_targets(w);
	step("maildir-moves-durable");
	for (size_t i = 0; i < w->n_jobs; i++)
		delete_one(w, &w->jobs[i]);
	sync_target(&w->here);
	for (size_t i = 0; i < w->n_jobs; i++)
		end_job(w, &w->jobs[i]);
}

/* ---------------------------------------------------------------- apply */

/* Before anything is moved: see the top.  Nothing has happened if it
 * fails. */
static bool announce(struct change_run *w, struct err *e)
{
	struct journal *j = w->s->journal;
	struct journal_name *list;
	size_t n = 0;

	for (size_t i = 0; i < w->n_targets; i++)
		n += w->targets[i]->n_names;
	if (!j || n == 0)
		return true;
	list = arena_array(w->a, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < w->n_targets; i++) {
		struct target *t = w->targets[i];

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

/* Ends what was opened and leaves alone what was borrowed. */
static void end_run(struct change_run *w)
{
	for (size_t i = 0; i < w->n_targets; i++)
		maildir_folder_close(&w->targets[i]->folder);
	/* keywords may have come, and names stand in the run's arena */
	maildir_words_read(&w->s->words, w->s->arena, w->s->folder.dir);
	arena_free(&w->a);
}

static void refuse(struct store_maildir *s, struct op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].outcome == OP_TODO)
			fail_op(s, &ops[i], false,
			    "the mailbox is read only");
}

bool store_maildir_apply(struct store *base, struct op *ops, size_t n,
    struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	struct change_run w = { .s = s };
	bool ok;

	if (!s->write) {
		refuse(s, ops, n);
		return true;
	}
	w.a = arena_new();
	w.here.mailbox = s->folder.mailbox;
	w.here.folder = s->folder;
	maildir_keywords_read(&w.here.keywords, w.a, s->folder.dir);
	make_jobs(&w, ops, n);
	ok = announce(&w, e);
	if (ok) {
		prepare_keywords(&w);
		do_copies(&w);
		do_moves(&w);
	}
	end_run(&w);
	return ok;
}

bool store_maildir_prepare(struct store *base, struct op *ops, size_t n,
    struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	const struct op *last = NULL;

	for (size_t i = 0; s->journal && i < n; i++) {
		struct op *op = &ops[i];

		if (op->kind != OP_COPY && op->kind != OP_MOVE)
			continue;
		if (last && str_eq(last->mailbox, op->mailbox)) {
			op->dest_from_uid = last->dest_from_uid;
			op->dest_uidvalidity = last->dest_uidvalidity;
		} else if (!journal_names(s->journal, op->mailbox, NULL, 0,
		    NULL, &op->dest_from_uid, &op->dest_uidvalidity, e)) {
			return false;
		}
		last = op;
	}
	return true;
}

/* The copy is there: only the original goes. */
bool store_maildir_finish_move(struct store *base, struct op *op,
    struct err *e)
{
	struct op delete = { .kind = OP_DELETE, .uid = op->uid };
	bool ok = store_maildir_apply(base, &delete, 1, e);

	op->outcome = delete.outcome;
	op->retry = delete.retry;
	op->reason = delete.reason;
	return ok;
}

bool store_maildir_create(struct store *base, struct str mailbox,
    struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	struct arena *a = arena_new();
	const char *folder;
	bool ok = maildir_find_folder(s, a, mailbox, &folder, e) &&
	    maildir_folder_create(s->root, folder, e);

	arena_free(&a);
	s->listed = false;	/* so that it is seen */
	return ok;
}
