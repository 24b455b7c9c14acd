#include "store_maildir.h"

#include "keyword.h"
#include "maildir_letters.h"
#include "maildir_move.h"
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

/* What is to be done with one message. */
struct job {
	struct maildir_message m;	/* its ops by kind */
	struct maildir_target *to;
	struct op *move, *delete;
	struct str unique;	/* its unique part there */
	size_t name;		/* index of to->names */
	/* The same message, there already under its name (a hard link, or
	 * what a crash left): goes before it comes. */
	const char *twin;
	bool twin_in_new;
	bool placed;
	const char *held;	/* why it must stay: a copy failed */
};

/* A copy, or a label that is one. */
struct copy {
	struct job *job;
	struct op *op;
	struct maildir_target *to;
	struct str unique;
	size_t name;
	bool there;
};

struct change_run {
	struct store_maildir *s;
	struct arena *a;	/* of this apply */
	struct maildir_targets to;
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
	maildir_keywords_read(&w->to.here.keywords, w->a,
	    w->to.here.folder.dir);
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

static void add_copy(struct change_run *w, struct job *job, struct op *op,
    struct maildir_target *to)
{
	struct str unique = maildir_copy_name(w->a,
	    maildir_file_unique(job->m.file), to->mailbox);
	struct maildir_file there;
	struct copy *c;
	size_t n;

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
	c->there = maildir_target_has(&w->to, to, unique, &there) ||
	    (to->is_label && maildir_target_linked(to, inode_of(w,
	    job->m.file), &n));
	if (!c->there)
		c->name = maildir_target_expect(&w->to, to, unique);
}

static void add_label_copies(struct change_run *w, struct job *job,
    struct op *op)
{
	for (size_t i = 0; i < op->n_names; i++) {
		struct maildir_target *to = maildir_target_of(&w->to,
		    op->names[i], true, true);

		/* it lies there itself: that is the label */
		if (to != &w->to.here)
			add_copy(w, job, op, to);
	}
}

static void add_move(struct change_run *w, struct job *job, struct op *op)
{
	struct maildir_target *to = maildir_target_of(&w->to, op->mailbox,
	    false, false);
	struct maildir_file there;

	if (to == &w->to.here)
		return;
	if (to->failed.kind != ERR_NONE) {
		fail_op(w->s, op, to->failed.kind != ERR_MESSAGE,
		    to->failed.msg);
		return;
	}
	job->to = to;
	job->move = op;
	if (maildir_target_has(&w->to, to, job->unique, &there)) {
		if (there.name && maildir_same_message(dir_of(&w->s->folder,
		    job->m.file->in_new), job->m.file->name,
		    dir_of(&to->folder, there.in_new), there.name)) {
			job->twin = there.name;
			job->twin_in_new = there.in_new;
		} else {
			job->unique = maildir_copy_name(w->a, job->unique,
			    to->mailbox);
		}
	}
	job->name = maildir_target_expect(&w->to, to, job->unique);
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
		add_copy(w, job, op, maildir_target_of(&w->to, op->mailbox,
		    false, false));
		break;
	case OP_MOVE:
		add_move(w, job, op);
		break;
	case OP_DELETE:
		job->delete = op;
		break;
	case OP_NOTIFY:
	case OP_RUN:
	case OP_FORWARD:
	case OP_REPLACE:	/* the replacer does it */
		break;
	}
}

/* Copies hold pointers to jobs: jobs never move. */
static void make_job(struct change_run *w, struct op **ops, size_t n)
{
	struct job *job = &w->jobs[w->n_jobs];

	*job = (struct job){
		.m = { maildir_by_uid(w->s, ops[0]->uid), ops, n },
		.to = &w->to.here,
	};
	if (!job->m.file) {
		for (size_t i = 0; i < n; i++)
			fail_op(w->s, ops[i], false,
			    "the message is not there any more");
		return;
	}
	w->n_jobs++;
	job->unique = arena_str(w->a, maildir_file_unique(job->m.file));
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

/* All letters that will be needed, so that each folder's file is written
 * once.  What does not fit is found again when it is its turn. */
static void prepare_keywords(struct change_run *w)
{
	for (size_t i = 0; i < w->n_jobs; i++)
		if (!w->jobs[i].delete)
			maildir_letters_reserve(&w->to, &w->jobs[i].m,
			    w->jobs[i].to);
	for (size_t i = 0; i < w->n_copies; i++)
		if (!w->copies[i].there)
			maildir_letters_reserve(&w->to, &w->copies[i].job->m,
			    w->copies[i].to);
	maildir_target_write_keywords(&w->to.here);
	for (size_t i = 0; i < w->to.n; i++)
		maildir_target_write_keywords(w->to.list[i]);
	step("maildir-keywords");
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
	struct maildir_file *f = c->job->m.file;
	struct maildir_obstacle why;
	maildir_letters letters;
	int error;

	if (c->there || c->op->outcome == OP_FAILED)
		return;
	if (!maildir_letters_ready(&w->to, &c->job->m, c->to, &letters,
	    &why)) {
		fail_op(w->s, c->op, why.retry, why.text);
		hold(c, "a copy of it could not be made");
		return;
	}
	do {
		bool in_new = stays_new(f, letters);

		error = maildir_link(dir_of(&w->s->folder, f->in_new),
		    f->name, &c->to->folder, c->unique,
		    dir_of(&c->to->folder, in_new),
		    name_of(w, c->unique, f, letters));
		if (error == 0)
			maildir_target_touch(c->to, in_new);
	} while (error == ENOENT && look_again(w, f));
	step("maildir-copied");
	if (error == 0)
		return;
	fail_op(w->s, c->op, maildir_passes(error), because(w, "it cannot be "
	    "copied", error));
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

static bool remove_present(struct change_run *w, struct maildir_target *t,
    struct op *op, const struct maildir_present *p)
{
	if (unlinkat(dir_of(&t->folder, p->in_new), p->name, 0) != 0 &&
	    errno != ENOENT) {
		fail_op(w->s, op, maildir_passes(errno), because(w, "the "
		    "label's copy cannot be removed", errno));
		return false;
	}
	maildir_target_touch(t, p->in_new);
	step("maildir-unlabelled");
	return true;
}

/* A label that is a copy goes away: each file there that is this one, or
 * has the name that its copy would have. */
static void remove_label(struct change_run *w, struct job *job,
    struct op *op, struct str label)
{
	struct maildir_target *t = maildir_target_of(&w->to, label, true,
	    false);
	struct str unique = maildir_copy_name(w->a,
	    maildir_file_unique(job->m.file), label);
	uint64_t inode = inode_of(w, job->m.file);
	const struct maildir_present *p;
	struct maildir_file f;
	size_t n = 0;

	if (t == &w->to.here) {
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
	p = maildir_target_linked(t, inode, &n);
	for (size_t i = 0; i < n; i++)
		if (!remove_present(w, t, op, &p[i]))
			return;
	if (n)
		return;
	if (maildir_target_has(&w->to, t, unique, &f) && f.name)
		remove_present(w, t, op, &(struct maildir_present){
			.name = f.name, .in_new = f.in_new });
}

static void remove_labels(struct change_run *w)
{
	if (!maildir_labels_are_folders(w->s))
		return;
	for (size_t i = 0; i < w->n_jobs; i++)
		for (size_t k = 0; k < w->jobs[i].m.n_ops; k++) {
			struct op *op = w->jobs[i].m.ops[k];

			for (size_t n = 0; op->kind == OP_REMOVE_LABELS &&
			    n < op->n_names; n++)
				remove_label(w, &w->jobs[i], op,
				    op->names[n]);
		}
}

static void do_copies(struct change_run *w)
{
	for (size_t i = 0; i < w->n_copies; i++)
		make_copy(w, &w->copies[i]);
	remove_labels(w);
	maildir_targets_sync(&w->to);
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
	for (size_t i = 0; i < job->m.n_ops; i++)
		if (is_flag_op(w, job->m.ops[i]) ||
		    job->m.ops[i]->kind == OP_MOVE)
			fail_op(w->s, job->m.ops[i], retry, why);
}

/* The move is given up, what else there is still happens here. */
static void stay(struct change_run *w, struct job *job, bool retry,
    const char *why)
{
	fail_op(w->s, job->move, retry, why);
	job->move = NULL;
	job->to = &w->to.here;
	job->twin = NULL;
	job->unique = arena_str(w->a, maildir_file_unique(job->m.file));
}

/* The letters where it will be; false: nothing of the job can be done. */
static bool job_letters(struct change_run *w, struct job *job,
    maildir_letters *out)
{
	struct maildir_obstacle why;

	while (!maildir_letters_ready(&w->to, &job->m, job->to, out,
	    &why)) {
		/* what may succeed later needs the message here then */
		if (job->move && (why.retry || !why.by))
			stay(w, job, why.retry, why.text);
		else if (why.by)
			fail_op(w->s, why.by, why.retry, why.text);
		else {
			fail_job(w, job, why.retry, why.text);
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
	for (size_t i = 0; i < job->m.n_ops; i++)
		if (is_flag_op(w, job->m.ops[i]) &&
		    job->m.ops[i]->outcome == OP_TODO)
			return false;
	return true;
}

/* The file has its new name: the list of the selected mailbox too. */
static void note_place(struct change_run *w, struct job *job,
    const char *name, bool in_new)
{
	struct maildir_file *f = job->m.file;

	maildir_target_touch(&w->to.here, f->in_new);
	maildir_target_touch(job->to, in_new);
	job->placed = true;
	if (job->to != &w->to.here) {
		f->gone = true;
		return;
	}
	maildir_file_rename(f, w->s->arena, str_of(name));
	f->in_new = in_new;
}

static int try_place(struct change_run *w, struct job *job,
    maildir_letters letters)
{
	struct maildir_file *f = job->m.file;
	const char *name = name_of(w, job->unique, f, letters);
	bool in_new = stays_new(f, letters);
	int from = dir_of(&w->s->folder, f->in_new), error;

	if (job->to == &w->to.here && in_new == f->in_new &&
	    strcmp(name, f->name) == 0) {
		job->placed = true;
		return 0;
	}
	if (job->twin && unlinkat(dir_of(&job->to->folder,
	    job->twin_in_new), job->twin, 0) == 0) {
		maildir_target_touch(job->to, job->twin_in_new);
		job->twin = NULL;
		step("maildir-twin-gone");
	}
	error = maildir_move(from, f->name, &job->to->folder, job->unique,
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
	} while (error == ENOENT && look_again(w, job->m.file));
	if (error == ENOENT && job->m.file->gone)
		fail_job(w, job, false, "the message is not there any more");
	else if (error == EEXIST)
		fail_job(w, job, false, "a message of its name is there "
		    "already");
	else if (error)
		fail_job(w, job, maildir_passes(error), because(w, "its "
		    "file cannot be renamed", error));
}

static void delete_one(struct change_run *w, struct job *job)
{
	struct maildir_file *f = job->m.file;
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
		fail_op(w->s, job->delete, maildir_passes(error),
		    because(w, "its file cannot be deleted", error));
		fail_job(w, job, maildir_passes(error), job->delete->reason.p);
		return;
	}
	maildir_target_touch(&w->to.here, f->in_new);
	f->gone = true;
	job->placed = true;
}

static void end_job(struct change_run *w, struct job *job)
{
	const struct err *sync = job->to->sync_failed.kind != ERR_NONE ?
	    &job->to->sync_failed : &w->to.here.sync_failed;

	for (size_t i = 0; i < job->m.n_ops; i++) {
		struct op *op = job->m.ops[i];

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
	maildir_targets_sync(&w->to);
	step("maildir-moves-durable");
	for (size_t i = 0; i < w->n_jobs; i++)
		delete_one(w, &w->jobs[i]);
	maildir_target_sync(&w->to.here);
	for (size_t i = 0; i < w->n_jobs; i++)
		end_job(w, &w->jobs[i]);
}

/* ---------------------------------------------------------------- apply */

/* Ends what was opened and leaves alone what was borrowed. */
static void end_run(struct change_run *w)
{
	maildir_targets_close(&w->to);
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
	maildir_targets_open(&w.to, s, w.a);
	make_jobs(&w, ops, n);
	ok = maildir_targets_announce(&w.to, e);
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
bool store_maildir_finish_moves(struct store *base, struct op *ops, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		ops[i].kind = OP_DELETE;
	return store_maildir_apply(base, ops, n, e);
}

bool store_maildir_create(struct store *base, struct str mailbox,
    struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	struct arena *a = arena_new();
	const char *folder;
	bool ok = maildir_find_folder(s, a, mailbox, &folder, e), fresh;

	if (ok) {
		fresh = faccessat(s->root, folder, F_OK, 0) != 0;
		ok = maildir_folder_create(s->root, folder, e);
		if (ok && fresh)
			maildir_subscribe(s->root, folder);
	}
	arena_free(&a);
	s->listed = false;	/* so that it is seen */
	return ok;
}
