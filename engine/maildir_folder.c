#include "maildir_folder.h"

#include "mutf7.h"
#include "step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READINGS_MAX	3	/* of a folder that keeps changing */
#define LETTERS_ROOM	8	/* that a name may grow by in its place */

/* ---------------------------------------------------------------- names */

static struct str swapped(struct arena *a, struct str s, char from, char to)
{
	char *p = arena_z(a, s);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] == from)
			p[i] = to;
	return (struct str){ p, s.n };
}

bool maildir_mailbox_of(struct arena *a, struct str name,
    struct str *mailbox_out)
{
	struct str text;

	if (name.n < 2 || name.p[0] != '.' || name.p[1] == '.' ||
	    name.p[name.n - 1] == '.')
		return false;
	name = str_sub(name, 1, name.n);
	if (!mutf7_decode(a, name, &text)) {
		if (!utf8_valid(name))
			return false;
		text = name;
	}
	if (str_ieq_z(text, "INBOX"))
		return false;
	*mailbox_out = swapped(a, text, '.', '/');
	return true;
}

bool maildir_folder_name(struct arena *a, struct str mailbox,
    struct str *name_out, struct err *e)
{
	struct str rest = mailbox, level, wire;

	if (str_ieq_z(mailbox, "INBOX")) {
		*name_out = STR_LIT(".");
		return true;
	}
	if (mailbox.n == 0 || mailbox.p[mailbox.n - 1] == '/')
		return err_set(e, ERR_MESSAGE, "\"%.*s\" has an empty level, "
		    "which no mailbox can have", STR_ARG(mailbox));
	while (str_cut(&rest, '/', &level))
		if (level.n == 0)
			return err_set(e, ERR_MESSAGE, "\"%.*s\" has an "
			    "empty level, which no mailbox can have",
			    STR_ARG(mailbox));
	if (str_find_char(mailbox, 0, '.') < mailbox.n)
		return err_set(e, ERR_MESSAGE, "\"%.*s\" has a dot, which "
		    "separates levels in a Maildir", STR_ARG(mailbox));
	if (!mutf7_encode(a, swapped(a, mailbox, '/', '.'), &wire))
		return err_set(e, ERR_MESSAGE, "the mailbox name is not "
		    "UTF-8");
	if (wire.n >= NAME_MAX)
		return err_set(e, ERR_MESSAGE, "\"%.*s\" is too long for a "
		    "folder", STR_ARG(mailbox));
	*name_out = arena_printf(a, ".%.*s", STR_ARG(wire));
	return true;
}

/* -------------------------------------------------------------- reading */

static bool disk(struct err *e, const char *what)
{
	return err_set(e, ERR_TEMP, "%s: %s", what, strerror(errno));
}

/* A stream of its own, so that DIR keeps its place and stays open. */
static DIR *stream_of(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

bool maildir_files(int dir, maildir_file_fn *fn, void *ctx, struct err *e)
{
	DIR *d = stream_of(dir);
	struct dirent *entry;
	int why = 0;

	if (!d)
		return disk(e, "a Maildir folder cannot be read");
	for (bool more = true; more; ) {
		errno = 0;
		entry = readdir(d);
		if (!entry) {
			why = errno;
			break;
		}
		if (entry->d_name[0] != '.' && entry->d_type != DT_DIR)
			more = fn(ctx, str_of(entry->d_name), entry->d_ino);
	}
	closedir(d);
	errno = why;
	if (why)
		return disk(e, "a Maildir folder cannot be read");
	return e->kind == ERR_NONE;
}

static int by_mailbox(const void *x, const void *y)
{
	const struct maildir_mailbox *m = x, *o = y;

	return str_cmp(m->name, o->name);
}

static bool is_maildir(int root, const char *name)
{
	char path[NAME_MAX + 8];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/cur", name) <
	    (int)sizeof(path) && fstatat(root, path, &st, 0) == 0 &&
	    S_ISDIR(st.st_mode);
}

bool maildir_mailboxes(struct arena *a, int root,
    struct maildir_mailbox **list_out, size_t *n_out, struct err *e)
{
	struct maildir_mailbox *list = NULL;
	size_t n = 0, cap = 0;
	DIR *d = stream_of(root);
	struct dirent *entry;

	if (!d)
		return disk(e, "the Maildir cannot be read");
	arena_grow(a, &list, n, &cap);
	list[n++] = (struct maildir_mailbox){ STR_LIT("INBOX"), "." };
	while ((errno = 0, entry = readdir(d))) {
		arena_grow(a, &list, n, &cap);
		if (!maildir_mailbox_of(a, str_of(entry->d_name),
		    &list[n].name) || !is_maildir(root, entry->d_name))
			continue;
		list[n].folder = arena_z(a, str_of(entry->d_name));
		if (++n > MAILDIR_FOLDERS_MAX) {
			err_set(e, ERR_MESSAGE, "there are more than %d "
			    "folders in the Maildir", MAILDIR_FOLDERS_MAX);
			break;
		}
	}
	if (!entry && errno)
		disk(e, "the Maildir cannot be read");
	closedir(d);
	if (e->kind != ERR_NONE)
		return false;
	qsort(list + 1, n - 1, sizeof(*list), by_mailbox);
	*list_out = list;
	*n_out = n;
	return true;
}

/* -------------------------------------------------------------- folders */

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool maildir_folder_open(int root, struct str mailbox, const char *folder,
    struct maildir_folder *out, struct err *e)
{
	struct maildir_folder f = { mailbox, open_dir(root, folder), -1, -1 };

	if (f.dir >= 0) {
		f.cur = open_dir(f.dir, "cur");
		f.new = open_dir(f.dir, "new");
	}
	if (f.cur >= 0 && f.new >= 0) {
		*out = f;
		return true;
	}
	if (errno == ENOENT || errno == ENOTDIR)
		err_set(e, ERR_MESSAGE, "there is no mailbox \"%.*s\"",
		    STR_ARG(mailbox));
	else
		err_set(e, ERR_TEMP, "mailbox \"%.*s\": %s",
		    STR_ARG(mailbox), strerror(errno));
	maildir_folder_close(&f);
	return false;
}

void maildir_folder_close(struct maildir_folder *f)
{
	int *fds[] = { &f->dir, &f->cur, &f->new };

	for (size_t i = 0; i < COUNT(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* As the Maildir itself: its mode, and for root its owner. */
static bool make_dir(int at, const char *name, const struct stat *like)
{
	int fd;
	bool ok;

	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return false;
	fd = open_dir(at, name);
	ok = fd >= 0 && fchmod(fd, like->st_mode & 0777) == 0 &&
	    (geteuid() != 0 || fchown(fd, like->st_uid, like->st_gid) == 0);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Says to other programs that it is a folder of a Maildir and no Maildir of
 * its own (Maildir++). */
static bool make_mark(int dir, const struct stat *like)
{
	int fd = openat(dir, "maildirfolder", O_WRONLY | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && fchmod(fd, like->st_mode & 0666) == 0 &&
	    (geteuid() != 0 || fchown(fd, like->st_uid, like->st_gid) == 0);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* "cur" comes last: a folder without it is none yet. */
bool maildir_folder_create(int root, const char *folder, struct err *e)
{
	struct stat like;
	int dir = -1;
	bool ok;

	if (is_maildir(root, folder))
		return true;
	ok = fstat(root, &like) == 0 && make_dir(root, folder, &like) &&
	    (dir = open_dir(root, folder)) >= 0 && make_mark(dir, &like) &&
	    make_dir(dir, "tmp", &like) && make_dir(dir, "new", &like);
	step("maildir-half-made");
	ok = ok && make_dir(dir, "cur", &like) && fsync(dir) == 0 &&
	    fsync(root) == 0;
	if (!ok)
		err_set(e, maildir_passes(errno) ? ERR_TEMP : ERR_MESSAGE,
		    "folder \"%s\" cannot be made: %s", folder,
		    strerror(errno));
	if (dir >= 0)
		close(dir);
	return ok;
}

/* -------------------------------------------------------- subscriptions */

#define SUBSCRIPTIONS		"subscriptions"
#define SUBSCRIPTIONS_NEW	"subscriptions.lock"	/* Dovecot's lock too */
#define SUBSCRIPTIONS_MAX	(1024 * 1024)

static bool read_subscriptions(int root, struct buf *b, struct stat *st)
{
	int fd = openat(root, SUBSCRIPTIONS, O_RDONLY | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK);
	char block[4096];
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, st) == 0)
		while (!b->over && (n = read(fd, block, sizeof(block))) > 0)
			buf_add(b, block, (size_t)n);
	close(fd);
	return n == 0 && !b->over;
}

/* The lines that there are, and NAME; false: nothing is to be written. */
static bool add_subscription(int root, int fd, struct str name,
    struct buf *b)
{
	struct str rest, line;
	struct stat st;

	if (!read_subscriptions(root, b, &st))
		return false;
	rest = buf_str(b);
	while (str_cut(&rest, '\n', &line))
		if (str_eq(line, name))
			return false;
	if (b->n && b->p[b->n - 1] != '\n')
		buf_add_char(b, '\n');
	buf_add_str(b, name);
	buf_add_char(b, '\n');
	return !b->over && write(fd, b->p, b->n) == (ssize_t)b->n &&
	    fchmod(fd, st.st_mode & 0777) == 0 && (geteuid() != 0 ||
	    fchown(fd, st.st_uid, st.st_gid) == 0) && fsync(fd) == 0;
}

/* Levels stand between tabs where the file begins with its version, 2, and
 * between dots before that. */
static bool has_tabs(int root)
{
	char head[4] = "";
	int fd = openat(root, SUBSCRIPTIONS, O_RDONLY | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK);
	bool yes = fd >= 0 && read(fd, head, 4) == 4 &&
	    memcmp(head, "V\t2\n", 4) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

void maildir_subscribe(int root, const char *folder)
{
	struct arena *a;
	struct str name = str_of(folder + 1);
	struct buf b;
	int fd;

	if (faccessat(root, SUBSCRIPTIONS, F_OK, 0) != 0)
		return;
	fd = openat(root, SUBSCRIPTIONS_NEW, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;		/* somebody else is writing it */
	a = arena_new();
	buf_init(&b, SUBSCRIPTIONS_MAX);
	if (has_tabs(root))
		name = swapped(a, name, '.', '\t');
	if (!add_subscription(root, fd, name, &b) || renameat(root,
	    SUBSCRIPTIONS_NEW, root, SUBSCRIPTIONS) != 0)
		unlinkat(root, SUBSCRIPTIONS_NEW, 0);
	close(fd);
	buf_free(&b);
	arena_free(&a);
}

/* ---------------------------------------------------------------- files */

struct str maildir_file_name(const struct maildir_file *f)
{
	return (struct str){ f->name, f->length };
}

void maildir_file_rename(struct maildir_file *f, struct arena *a,
    struct str name)
{
	if (name.n >= f->room) {
		f->room = (uint16_t)(name.n + 1 + LETTERS_ROOM);
		f->name = arena_alloc(a, f->room);
	}
	memcpy(f->name, name.p, name.n);
	f->name[name.n] = '\0';
	f->length = (uint16_t)name.n;
}

struct str maildir_file_unique(const struct maildir_file *f)
{
	return (struct str){ f->name, f->unique };
}

struct listing {
	struct arena *a;	/* for names */
	struct buf files;	/* until it is known how many there are */
	size_t n;
	struct err *e;
	bool in_new;
};

static bool add_file(void *ctx, struct str name, uint64_t inode)
{
	struct listing *l = ctx;
	struct maildir_file f = {
		.unique = (uint16_t)maildir_unique(name).n,
		.in_new = l->in_new,
	};

	(void)inode;
	if (l->n == MAILDIR_FILES_MAX)
		return err_set(l->e, ERR_MESSAGE, "there are more than %d "
		    "messages in one folder", MAILDIR_FILES_MAX);
	maildir_file_rename(&f, l->a, name);
	buf_add(&l->files, &f, sizeof(f));
	l->n++;
	return true;
}

static int by_unique(const void *x, const void *y)
{
	const struct maildir_file *f = x, *g = y;

	return str_cmp(maildir_file_unique(f), maildir_file_unique(g));
}

/* Of several names of one message the one that was found last stays; those
 * added last stand last among equals only if the sort is told so. */
static int by_unique_then_place(const void *x, const void *y)
{
	const struct maildir_file *f = x, *g = y;
	int order = by_unique(x, y);

	return order ? order : (f->uid > g->uid) - (f->uid < g->uid);
}

static void sort_and_join(struct maildir_list *list)
{
	size_t kept = 0;

	if (list->n == 0)
		return;
	for (size_t i = 0; i < list->n; i++)
		list->files[i].uid = (uint32_t)i;
	qsort(list->files, list->n, sizeof(*list->files),
	    by_unique_then_place);
	for (size_t i = 0; i < list->n; i++) {
		if (kept && by_unique(&list->files[kept - 1],
		    &list->files[i]) == 0)
			kept--;
		list->files[kept++] = list->files[i];
	}
	list->n = kept;
	for (size_t i = 0; i < list->n; i++)
		list->files[i].uid = 0;
}

struct times {
	struct timespec cur, new;
};

static bool read_times(const struct maildir_folder *f, struct times *t)
{
	struct stat st;

	memset(t, 0, sizeof(*t));
	if (fstat(f->cur, &st) != 0)
		return false;
	t->cur = st.st_mtim;
	if (fstat(f->new, &st) != 0)
		return false;
	t->new = st.st_mtim;
	return true;
}

static bool same_time(const struct timespec *x, const struct timespec *y)
{
	return x->tv_sec == y->tv_sec && x->tv_nsec == y->tv_nsec;
}

/* new/ first: what goes from there to cur/ meanwhile is then seen once or
 * twice, but not missed. */
static bool read_folder(struct listing *l, const struct maildir_folder *f)
{
	for (int i = 0; i < READINGS_MAX; i++) {
		struct times before, after;

		if (!read_times(f, &before))
			return disk(l->e, "a Maildir folder cannot be read");
		l->in_new = true;
		if (!maildir_files(f->new, add_file, l, l->e))
			return false;
		l->in_new = false;
		if (!maildir_files(f->cur, add_file, l, l->e))
			return false;
		if (!read_times(f, &after))
			return disk(l->e, "a Maildir folder cannot be read");
		if (same_time(&before.cur, &after.cur) &&
		    same_time(&before.new, &after.new))
			break;
	}
	return true;
}

bool maildir_folder_list(struct arena *a, const struct maildir_folder *f,
    struct maildir_list *out, struct err *e)
{
	struct listing l = { .a = a, .e = e };
	struct maildir_list list;
	bool ok;

	buf_init(&l.files, MAILDIR_FILES_MAX * sizeof(*list.files));
	ok = read_folder(&l, f);
	if (ok) {
		list = (struct maildir_list){
			.files = (struct maildir_file *)(void *)l.files.p,
			.n = l.n,
		};
		sort_and_join(&list);
		out->n = list.n;
		out->files = arena_array(a, list.n, sizeof(*list.files));
		if (list.n)
			memcpy(out->files, list.files,
			    list.n * sizeof(*list.files));
	}
	buf_free(&l.files);
	return ok;
}

struct maildir_file *maildir_list_find(const struct maildir_list *l,
    struct str unique)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = str_cmp(maildir_file_unique(&l->files[mid]),
		    unique);

		if (order == 0)
			return &l->files[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
