#include "store_maildir.h"

#include "maildir_move.h"
#include "replacement.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The order, so that a crash at any moment leaves a whole message:
 * - the copy is written in tmp/ and durable before it has a name in cur/ or
 *   new/, and has its UID in the journal before that, so that it is not new;
 * - its unique part is made of the nonce, so that it is found again, and it
 *   bears the original's letters from the first moment;
 * - the original moves to Trash, in one rename, when the copy's name is
 *   durable; what changed on it meanwhile goes onto the copy.
 */

/* ------------------------------------------------------------- the files */

struct bytes {
	struct str text;
	int64_t time;
};

static int dir_of(const struct maildir_folder *f, bool in_new)
{
	return in_new ? f->new : f->cur;
}

/* 0, or an errno. */
static int map_file(int dir, const char *name, struct bytes *out)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY), error = 0;
	struct stat st;
	void *map;

	*out = (struct bytes){ .text = STR_EMPTY };
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0) {
		error = errno;
	} else if (!S_ISREG(st.st_mode)) {
		error = EINVAL;
	} else if (st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
		    fd, 0);
		if (map == MAP_FAILED)
			error = errno;
		else
			out->text = (struct str){ map, (size_t)st.st_size };
	}
	if (error == 0)
		out->time = st.st_mtim.tv_sec;
	close(fd);
	return error;
}

static void unmap_file(struct bytes *b)
{
	if (b->text.n)
		munmap((void *)(uintptr_t)b->text.p, b->text.n);
	b->text = STR_EMPTY;
}

/* The file's bytes, wherever another program has renamed it to. */
static int map_message(struct store_maildir *s, struct maildir_file *f,
    struct bytes *out)
{
	int error;

	do
		error = map_file(dir_of(&s->folder, f->in_new), f->name,
		    out);
	while (error == ENOENT && maildir_look_again(s, f));
	return error;
}

static bool holds(struct store_maildir *s, struct maildir_file *f,
    struct str bytes)
{
	struct bytes b;
	bool same = map_message(s, f, &b) == 0 && str_eq(b.text, bytes);

	unmap_file(&b);
	return same;
}

static bool end(struct replacement *r, enum step_outcome outcome,
    struct str reason)
{
	r->outcome = outcome;
	r->reason = reason;
	return true;
}

static bool gone(struct replacement *r)
{
	return end(r, STEP_REFUSED,
	    STR_LIT("the message is not there any more"));
}

static bool failed(struct store_maildir *s, struct replacement *r,
    const char *what, int error)
{
	return end(r, maildir_passes(error) ? STEP_PASSING : STEP_REFUSED,
	    arena_printf(s->base.arena, "%s: %s", what, strerror(error)));
}

/* False: those of LIST that are done have come out OTHERWISE. */
static bool sync_all(struct store_maildir *s, struct replacement **list,
    size_t n, enum step_outcome otherwise)
{
	if (fsync(s->folder.cur) == 0 && fsync(s->folder.new) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (list[i]->outcome == STEP_DONE)
			end(list[i], otherwise, arena_printf(s->base.arena,
			    "the mailbox cannot be made durable: %s",
			    strerror(errno)));
	return false;
}

/* The copy's file in the selected mailbox, or NULL. */
static struct maildir_file *copy_file(struct store_maildir *s,
    const struct replacement *r)
{
	struct maildir_file *f = maildir_list_find(&s->list,
	    maildir_unique(r->copy_name));

	return r->copy_name.n && f && !f->gone ? f : NULL;
}

static struct maildir_file *original_file(struct store_maildir *s,
    const struct replacement *r)
{
	struct maildir_file *f = maildir_list_find(&s->list,
	    maildir_unique(r->original.name));

	return r->original.name.n && f && !f->gone ? f : NULL;
}

/* ---------------------------------------------------------- each mailbox */

typedef bool one_fn(struct store_maildir *s, struct replacement *r,
    struct err *e);
/* For those of the selected mailbox together. */
typedef bool many_fn(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e);

/* Which mailbox a step is about. */
typedef struct str place_fn(struct store_maildir *s,
    const struct replacement *r);

static struct str of_original(struct store_maildir *s,
    const struct replacement *r)
{
	(void)s;
	return r->original.mailbox;
}

static struct str trash(struct store_maildir *s)
{
	struct str mailbox = STR_EMPTY;
	struct err e = { 0 };

	if (!s->base.kind.special(&s->base, STR_LIT("\\Trash"), &mailbox, &e))
		return STR_EMPTY;
	return mailbox;
}

static struct str in_trash(struct store_maildir *s,
    const struct replacement *r)
{
	(void)r;
	return trash(s);
}

/* A mailbox that is not there has none of them. */
static bool select_there(struct store_maildir *s, struct str mailbox,
    bool *there_out, struct err *e)
{
	struct mailbox_state state;
	struct err mine = { 0 };

	*there_out = s->base.kind.select(&s->base, mailbox, true, &state,
	    &mine);
	if (*there_out || mine.kind == ERR_MESSAGE)
		return true;
	*e = mine;
	return false;
}

static bool none_there(struct replacement **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gone(list[i]);
	return true;
}

static bool each_mailbox(struct store *base, struct replacement *list,
    size_t n, place_fn *place, many_fn *many, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	struct arena *a = arena_new();
	struct replacement **some = arena_array(a, n + 1, sizeof(*some));
	bool *taken = arena_array(a, n + 1, sizeof(*taken)), ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		struct str mailbox = place(s, &list[i]);
		size_t k = 0;
		bool there;

		if (taken[i])
			continue;
		for (size_t m = i; m < n; m++)
			if (str_eq(place(s, &list[m]), mailbox)) {
				taken[m] = true;
				some[k++] = &list[m];
			}
		ok = select_there(s, mailbox, &there, e) &&
		    (there ? many(s, some, k, e) : none_there(some, k));
	}
	arena_free(&a);
	return ok;
}

/* --------------------------------------------------------------- capture */

static struct dress dress_of(struct store_maildir *s,
    const struct maildir_file *f)
{
	maildir_letters set = maildir_letters_of(maildir_file_name(f));
	struct arena *a = s->base.arena;
	struct str *flags = arena_array(a, 8 + MAILDIR_KEYWORDS_MAX,
	    sizeof(*flags));
	size_t n = 0;

	for (char c = 'A'; c <= 'Z'; c++)
		if (set & MAILDIR_LETTER(c) && maildir_letter_flag(c))
			flags[n++] = str_of(maildir_letter_flag(c));
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
		if (set & MAILDIR_KEYWORD(i) && s->words.keywords.names[i].n)
			flags[n++] = arena_str(a, s->words.keywords.names[i]);
	return (struct dress){ .flags = flags, .n_flags = n };
}

struct capturing {
	captured_fn *fn;
	void *ctx;
};

static bool capture_one(struct store_maildir *s, struct replacement *r,
    const struct capturing *c, struct err *e)
{
	struct maildir_file *f = maildir_by_uid(s, r->uid);
	uint64_t max = s->account->limits->message;
	struct original *o = &r->original;
	struct bytes b;
	int error;
	bool ok;

	if (!f || s->uidvalidity != r->uidvalidity)
		return gone(r);
	error = map_message(s, f, &b);
	if (error == ENOENT && f->gone)
		return gone(r);
	if (error)
		return failed(s, r, "its file cannot be read", error);
	*o = (struct original){
		.mailbox = s->folder.mailbox,
		.uidvalidity = s->uidvalidity, .uid = f->uid,
		.name = arena_str(s->base.arena, maildir_file_name(f)),
		.dress = dress_of(s, f),
		.received = b.time, .size = b.text.n,
	};
	o->mailbox = arena_str(s->base.arena, o->mailbox);
	if (maildir_letters_of(o->name) & MAILDIR_LETTER('T'))
		end(r, STEP_REFUSED, STR_LIT("it is marked as deleted"));
	else if (b.text.n > max)
		end(r, STEP_REFUSED, STR_LIT("the message is larger than "
		    "limits.message"));
	else
		end(r, STEP_DONE, STR_EMPTY);
	ok = r->outcome != STEP_DONE || c->fn(c->ctx, r, b.text, e);
	unmap_file(&b);
	return ok;
}

static bool is_special(struct store_maildir *s, struct str mailbox,
    const char *attribute)
{
	struct str name;
	struct err e = { 0 };

	return s->base.kind.special(&s->base, str_of(attribute), &name, &e) &&
	    str_eq(name, mailbox);
}

static bool do_capture(struct store *base, struct replacement *list,
    size_t n, captured_fn *fn, void *ctx, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	struct capturing c = { fn, ctx };
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		struct replacement *r = &list[i];
		bool there;

		if (is_special(s, r->mailbox, "\\Trash") ||
		    is_special(s, r->mailbox, "\\Junk")) {
			end(r, STEP_REFUSED, STR_LIT("mail in Trash or Spam "
			    "is left as it is"));
			continue;
		}
		if (!str_eq(s->folder.mailbox, r->mailbox) &&
		    !select_there(s, r->mailbox, &there, e))
			return false;
		ok = str_eq(s->folder.mailbox, r->mailbox) ?
		    capture_one(s, r, &c, e) : gone(r);
	}
	return ok;
}

/* ---------------------------------------------------------------- upload */

static bool do_remember(struct store *base, struct replacement *list,
    size_t n, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);

	for (size_t i = 0; i < n; i++) {
		if (!journal_names(s->journal, list[i].original.mailbox,
		    NULL, 0, NULL, &list[i].to_from_uid,
		    &list[i].to_uidvalidity, e))
			return false;
		end(&list[i], STEP_DONE, STR_EMPTY);
	}
	return true;
}

static uint64_t bare_lines(struct str s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r');
	return n;
}

/* Always the same for the same copy, so that it is found again. */
static struct str copy_unique(struct arena *a, const struct replacement *r)
{
	return arena_printf(a, "%" PRId64 ".R%s.tamis,S=%zu,W=%" PRIu64,
	    r->original.received, r->nonce, r->copy_bytes.n,
	    r->copy_bytes.n + bare_lines(r->copy_bytes));
}

/* As the message that it is to take the place of is there now. */
static void name_copy(struct store_maildir *s, struct replacement *r,
    bool *in_new_out)
{
	struct arena *a = s->base.arena;
	struct str unique = copy_unique(a, r), now = r->original.name;
	struct maildir_file *f = original_file(s, r);
	maildir_letters letters;

	if (f)
		now = maildir_file_name(f);
	letters = maildir_letters_of(now) & ~MAILDIR_LETTER('T');
	*in_new_out = letters == 0 && f && f->in_new;
	r->copy_name = *in_new_out ? unique : maildir_name(a, unique, letters,
	    maildir_tail(now));
}

static int write_bytes(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		s = str_sub(s, (size_t)n, s.n);
	}
	return 0;
}

/* 0, or an errno. */
static int write_tmp(struct store_maildir *s, int tmp, const char *name,
    const struct replacement *r)
{
	struct maildir_file *f = original_file(s, r);
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
	    { .tv_sec = (time_t)r->original.received } };
	struct stat st;
	int fd, error;

	unlinkat(tmp, name, 0);		/* of an earlier crash */
	fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	error = write_bytes(fd, r->copy_bytes);
	if (error == 0 && f && fstatat(dir_of(&s->folder, f->in_new),
	    f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (fchmod(fd,
	    st.st_mode & 0666) != 0 || (geteuid() == 0 && fchown(fd,
	    st.st_uid, st.st_gid) != 0)))
		error = errno;
	if (error == 0 && (futimens(fd, times) != 0 || fsync(fd) != 0))
		error = errno;
	if (close(fd) != 0 && error == 0)
		error = errno;
	step("maildir-copy-written");
	return error;
}

/* A name of our nonce that is there is ours: nothing is done twice. */
static bool link_copy(struct store_maildir *s, int tmp,
    struct replacement *r)
{
	const char *part = copy_unique(s->base.arena, r).p;
	bool in_new;
	int error;

	if (copy_file(s, r))
		return end(r, STEP_DONE, STR_EMPTY);
	error = write_tmp(s, tmp, part, r);
	if (error == 0) {
		name_copy(s, r, &in_new);
		error = maildir_move(tmp, part, &s->folder, str_of(part),
		    dir_of(&s->folder, in_new), r->copy_name.p);
	}
	step("maildir-copy-linked");
	if (error == 0)
		return end(r, STEP_DONE, STR_EMPTY);
	unlinkat(tmp, part, 0);
	return failed(s, r, "the copy cannot be written", error);
}

/* UIDs before names, so that none is new. */
static bool announce(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	struct arena *a = s->base.arena;
	struct journal_name *names = arena_array(a, n + 1, sizeof(*names));
	bool ok;

	for (size_t i = 0; i < n; i++) {
		list[i]->copy_name = copy_unique(a, list[i]);
		names[i] = (struct journal_name){ list[i]->original.mailbox,
		    list[i]->copy_name, 0 };
	}
	ok = journal_names_add(s->journal, names, n, e);
	for (size_t i = 0; ok && i < n; i++)
		list[i]->copy_uid = names[i].uid;
	return ok;
}

static bool upload_all(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	int tmp = openat(s->folder.dir, "tmp", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);

	if (tmp < 0) {
		for (size_t i = 0; i < n; i++)
			failed(s, list[i], "the copy cannot be written",
			    errno);
		return true;
	}
	if (!announce(s, list, n, e)) {
		close(tmp);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		link_copy(s, tmp, list[i]);
	close(tmp);
	sync_all(s, list, n, STEP_UNSURE);
	step("maildir-copies-durable");
	return true;
}

static bool do_upload(struct store *base, struct replacement *list, size_t n,
    struct err *e)
{
	return each_mailbox(base, list, n, of_original, upload_all, e);
}

/* -------------------------------------------------------- look and prove */

static bool look_all(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct replacement *r = list[i];
		struct maildir_file *f;

		if (r->copy_name.n == 0)
			r->copy_name = copy_unique(s->base.arena, r);
		f = copy_file(s, r);
		end(r, STEP_DONE, STR_EMPTY);
		r->found = f && holds(s, f, r->copy_bytes) ? COPY_THERE :
		    COPY_ABSENT;
		if (r->found == COPY_THERE) {
			r->copy_uid = f->uid;
			r->copy_name = arena_str(s->base.arena,
			    maildir_file_name(f));
		}
	}
	return true;
}

/* What step found no mailbox found no copy. */
static bool do_look(struct store *base, struct replacement *list, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		list[i].found = COPY_ABSENT;
	return each_mailbox(base, list, n, of_original, look_all, e);
}

static bool prove_all(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct replacement *r = list[i];
		struct maildir_file *copy = copy_file(s, r);
		struct maildir_file *original = original_file(s, r);

		end(r, STEP_DONE, STR_EMPTY);
		r->found = !copy ? COPY_ABSENT :
		    !holds(s, copy, r->copy_bytes) ? COPY_DIFFERS :
		    !original || !holds(s, original, r->original_bytes) ?
		    COPY_ALONE : COPY_PROVED;
	}
	return true;
}

static bool do_prove(struct store *base, struct replacement *list, size_t n,
    struct err *e)
{
	return each_mailbox(base, list, n, of_original, prove_all, e);
}

/* ----------------------------------------------------------------- dress */

/* The letters that FLAGS mean in the selected mailbox. */
static maildir_letters letters_of(struct store_maildir *s,
    const struct dress *d)
{
	maildir_letters set = 0;

	for (size_t i = 0; i < d->n_flags; i++) {
		char c = maildir_flag_letter(d->flags[i]);
		int k = c ? -1 : maildir_keywords_find(&s->words.keywords,
		    d->flags[i]);

		if (c)
			set |= MAILDIR_LETTER(c);
		else if (k >= 0)
			set |= MAILDIR_KEYWORD(k);
	}
	return set;
}

/* Gives F these letters; 0, or an errno. */
static int set_letters(struct store_maildir *s, struct maildir_file *f,
    maildir_letters add, maildir_letters remove)
{
	int error;

	do {
		struct str now = maildir_file_name(f), name;
		maildir_letters have = maildir_letters_of(now);
		maildir_letters want = (have | add) & ~remove;

		if (want == have)
			return 0;
		name = maildir_name(s->arena, maildir_file_unique(f), want,
		    maildir_tail(now));
		error = maildir_move(dir_of(&s->folder, f->in_new), f->name,
		    &s->folder, maildir_file_unique(f), s->folder.cur,
		    name.p);
		step("maildir-dressed");
		if (error == 0) {
			maildir_file_rename(f, s->arena, name);
			f->in_new = false;
		}
	} while (error == ENOENT && maildir_look_again(s, f));
	return error;
}

static bool dress_all(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct replacement *r = list[i];
		struct maildir_file *f = copy_file(s, r);
		int error;

		if (!f) {
			gone(r);
			r->found = COPY_ABSENT;
			continue;
		}
		error = set_letters(s, f, letters_of(s, &r->original.dress) &
		    ~MAILDIR_LETTER('T'), 0);
		if (error)
			failed(s, r, "the copy cannot have its flags", error);
		else
			end(r, STEP_DONE, STR_EMPTY);
		r->copy_name = arena_str(s->base.arena, maildir_file_name(f));
	}
	sync_all(s, list, n, STEP_PASSING);
	return true;
}

static bool do_dress(struct store *base, struct replacement *list, size_t n,
    struct err *e)
{
	return each_mailbox(base, list, n, of_original, dress_all, e);
}

/* ----------------------------------------------------------------- moves */

/* Moves messages of the selected mailbox; UIDS and outcomes are parallel to
 * LIST, 0 is none. */
static bool move_all(struct store_maildir *s, struct replacement **list,
    const uint32_t *uids, size_t n, struct str to, struct op *ops,
    struct err *e)
{
	struct err mine = { 0 };
	size_t k = 0;
	bool ok;

	if (!s->base.kind.create(&s->base, to, &mine)) {
		for (size_t i = 0; i < n; i++)
			ops[i] = uids[i] ? (struct op){
				.outcome = OP_FAILED,
				.retry = mine.kind != ERR_MESSAGE,
				.reason = arena_str(s->base.arena,
				    str_of(mine.msg)),
			} : (struct op){ .outcome = OP_DONE };
		return true;
	}
	for (size_t i = 0; i < n; i++)
		if (uids[i])
			ops[k++] = (struct op){ .kind = OP_MOVE,
			    .uid = uids[i], .mailbox = to,
			    .id = &list[i]->id };
	ok = k == 0 || s->base.kind.apply(&s->base, ops, k, e);
	/* back to the places of LIST */
	for (size_t i = n; i-- > 0; )
		if (uids[i])
			ops[i] = ops[--k];
		else
			ops[i] = (struct op){ .outcome = OP_DONE };
	return ok;
}

static void take_outcome(struct replacement *r, const struct op *op)
{
	r->outcome = op->outcome == OP_DONE ? STEP_DONE :
	    op->outcome == OP_FAILED ? op->retry ? STEP_PASSING :
	    STEP_REFUSED : STEP_UNSURE;
	r->reason = op->reason;
}

/* What changed on the original since it was captured goes onto the copy. */
static void follow_up(struct store_maildir *s, struct replacement *r,
    struct str original_name)
{
	maildir_letters before = letters_of(s, &r->original.dress);
	maildir_letters now = maildir_letters_of(original_name);
	struct maildir_file *copy = copy_file(s, r);

	if (copy)
		set_letters(s, copy, now & ~before & ~MAILDIR_LETTER('T'),
		    before & ~now);
}

struct seeking {
	struct str unique;
	bool found;
};

static bool is_it(void *ctx, struct str name, uint64_t inode)
{
	struct seeking *w = ctx;

	(void)inode;
	w->found |= str_eq(maildir_unique(name), w->unique);
	return !w->found;
}

static bool lies_in(struct store_maildir *s, struct str mailbox,
    struct str unique)
{
	struct seeking w = { .unique = unique };
	struct maildir_folder folder;
	const char *name;
	struct err e = { 0 };

	if (!maildir_find_folder(s, s->arena, mailbox, &name, &e) ||
	    !maildir_folder_open(s->root, mailbox, name, &folder, &e))
		return false;
	/* false when it was found, too */
	if (maildir_files(folder.new, is_it, &w, &e) &&
	    !maildir_files(folder.cur, is_it, &w, &e))
		err_clear(&e);
	maildir_folder_close(&folder);
	return w.found;
}

/* Has somebody moved the original to another mailbox meanwhile?  Then it is
 * where they want it, and stays as it is. */
static bool was_moved(struct store_maildir *s, const struct replacement *r)
{
	struct str unique = maildir_unique(r->original.name);
	const struct mailbox_info *list;
	struct err e = { 0 };
	bool found = false;
	size_t n;

	if (!s->base.kind.mailboxes(&s->base, &list, &n, &e))
		return false;
	for (size_t i = 0; i < n && !found; i++)
		found = !str_eq(list[i].name, r->original.mailbox) &&
		    !str_eq(list[i].name, trash(s)) &&
		    lies_in(s, list[i].name, unique);
	return found;
}

static bool retire_all(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	uint32_t *uids = arena_array(s->arena, n + 1, sizeof(*uids));
	struct op *ops = arena_array(s->arena, n + 1, sizeof(*ops));
	struct maildir_file **files = arena_array(s->arena, n + 1,
	    sizeof(struct maildir_file *));
	bool ok;

	for (size_t i = 0; i < n; i++) {
		struct maildir_file *copy = copy_file(s, list[i]);

		files[i] = original_file(s, list[i]);
		list[i]->uid_after = copy ? copy->uid : 0;
		/* whoever took the copy away meanwhile keeps the original */
		if (files[i] && copy)
			uids[i] = files[i]->uid;
		if (files[i])
			follow_up(s, list[i], maildir_file_name(files[i]));
		end(list[i], STEP_DONE, STR_EMPTY);
	}
	if (!sync_all(s, list, n, STEP_PASSING))
		return true;
	ok = move_all(s, list, uids, n, trash(s), ops, e);
	for (size_t i = 0; i < n; i++) {
		struct replacement *r = list[i];

		take_outcome(r, &ops[i]);
		if (files[i] && !uids[i]) {
			gone(r);
			r->found = COPY_ABSENT;
		}
		if ((!files[i] || ops[i].outcome == OP_FAILED) &&
		    was_moved(s, r))
			end(r, STEP_REFUSED, STR_LIT("somebody moved the "
			    "message meanwhile"));
		if (ops[i].outcome != OP_DONE || !uids[i])
			continue;
		r->original.trash_uid = ops[i].dest_uid;
		r->place = ORIGINAL_IN_TRASH;
		/* its name as it was at the very moment */
		follow_up(s, r, maildir_file_name(files[i]));
	}
	/* the original lies in Trash by now: look before all else */
	sync_all(s, list, n, STEP_UNSURE);
	return ok;
}

/* An original that is not there any more was retired before, or by the
 * user: nothing is left to do. */
static bool do_retire(struct store *base, struct replacement *list, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		list[i].place = ORIGINAL_GONE;
		list[i].uid_after = 0;
	}
	return each_mailbox(base, list, n, of_original, retire_all, e);
}

static bool discard_all(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	uint32_t *uids = arena_array(s->arena, n + 1, sizeof(*uids));
	struct op *ops = arena_array(s->arena, n + 1, sizeof(*ops));
	bool ok;

	for (size_t i = 0; i < n; i++) {
		struct maildir_file *copy = copy_file(s, list[i]);

		uids[i] = copy ? copy->uid : 0;
	}
	ok = move_all(s, list, uids, n, trash(s), ops, e);
	for (size_t i = 0; i < n; i++)
		take_outcome(list[i], &ops[i]);
	return ok;
}

static bool do_discard(struct store *base, struct replacement *list,
    size_t n, struct err *e)
{
	return each_mailbox(base, list, n, of_original, discard_all, e);
}

/* ------------------------------------------------------------------ undo */

static bool find_live(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct maildir_file *f = original_file(s, list[i]);

		end(list[i], STEP_DONE, STR_EMPTY);
		if (f)
			list[i]->original.uid = f->uid;
		list[i]->place = f ? ORIGINAL_LIVE : ORIGINAL_GONE;
	}
	return true;
}

static bool find_trashed(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct replacement *r = list[i];
		struct maildir_file *f;

		end(r, STEP_DONE, STR_EMPTY);
		if (r->place != ORIGINAL_GONE || r->original.name.n == 0)
			continue;
		f = original_file(s, r);
		if (!f)
			f = maildir_list_find(&s->list, maildir_copy_name(
			    s->arena, maildir_unique(r->original.name),
			    s->folder.mailbox));
		if (!f || f->gone)
			continue;
		r->original.trash_uid = f->uid;
		r->place = ORIGINAL_IN_TRASH;
	}
	return true;
}

static bool do_whereabouts(struct store *base, struct replacement *list,
    size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		list[i].place = ORIGINAL_GONE;
	if (!each_mailbox(base, list, n, of_original, find_live, e) ||
	    !each_mailbox(base, list, n, in_trash, find_trashed, e))
		return false;
	for (size_t i = 0; i < n; i++)
		end(&list[i], STEP_DONE, STR_EMPTY);
	return true;
}

/* Those in Trash by what whereabouts has found. */
static bool bring_back(struct store_maildir *s, struct replacement **list,
    size_t n, struct err *e)
{
	uint32_t *uids = arena_array(s->arena, n + 1, sizeof(*uids));
	struct op *ops = arena_array(s->arena, n + 1, sizeof(*ops));
	bool ok = true;

	for (size_t i = 0, next; ok && i < n; i = next) {
		struct str to = list[i]->original.mailbox;

		for (next = i; next < n &&
		    str_eq(list[next]->original.mailbox, to); next++)
			uids[next] = list[next]->place == ORIGINAL_IN_TRASH ?
			    list[next]->original.trash_uid : 0;
		ok = move_all(s, &list[i], &uids[i], next - i, to, &ops[i],
		    e);
	}
	for (size_t i = 0; i < n; i++) {
		take_outcome(list[i], &ops[i]);
		if (ops[i].outcome == OP_DONE && uids[i]) {
			list[i]->original.uid = ops[i].dest_uid;
			list[i]->place = ORIGINAL_LIVE;
		}
	}
	return ok;
}

static bool dress_originals(struct store_maildir *s,
    struct replacement **list, size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct replacement *r = list[i];
		struct maildir_file *f = maildir_by_uid(s, r->original.uid);
		maildir_letters want = letters_of(s, &r->original.dress);
		int error;

		if (r->outcome != STEP_DONE || r->place != ORIGINAL_LIVE)
			continue;
		error = f ? set_letters(s, f, want, MAILDIR_KEYWORDS &
		    ~want) : ENOENT;
		if (error)
			failed(s, r, "it cannot have its flags", error);
	}
	sync_all(s, list, n, STEP_PASSING);
	return true;
}

static bool do_restore(struct store *base, struct replacement *list,
    size_t n, struct err *e)
{
	if (!do_whereabouts(base, list, n, e) ||
	    !each_mailbox(base, list, n, in_trash, bring_back, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (list[i].place != ORIGINAL_LIVE &&
		    list[i].outcome == STEP_DONE)
			end(&list[i], STEP_REFUSED, STR_LIT("the original is "
			    "not in Trash any more"));
	return each_mailbox(base, list, n, of_original, dress_originals, e);
}

/* -------------------------------------------------------------- the face */

static bool do_ready(struct store *base, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);

	if (!s->journal)
		return err_set(e, ERR_MESSAGE, "rewriting needs an account, "
		    "whose state keeps the originals");
	return true;
}

const struct replacer store_maildir_replacer = {
	.ready = do_ready,
	.capture = do_capture,
	.remember = do_remember,
	.upload = do_upload,
	.look = do_look,
	.prove = do_prove,
	.dress = do_dress,
	.retire = do_retire,
	.whereabouts = do_whereabouts,
	.restore = do_restore,
	.discard = do_discard,
};
