#include "store_maildir.h"

#include "identity.h"
#include "keyword.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_FIRST	(4 * 1024)	/* most headers are shorter */
#define BLOCK		(64 * 1024)
#define LOOKS_MAX	200		/* then a folder is left alone */
#define BATCH		2500	/* a commit of the journal is dear */
#define BATCH_FORGOTTEN	250	/* without one: what stays in the cache */
#define MESSAGE_MAX	(UINT64_C(50) << 20)	/* without an account */

bool maildir_labels_are_folders(const struct store_maildir *s)
{
	return s->account && s->account->labels == LABELS_FOLDERS;
}

/* ------------------------------------------------------------ mailboxes */

static const struct {
	const char *attribute;
	const char *names[4];	/* what it is called; the first is made */
} specials[] = {
	{ "\\Archive", { "Archive", "Archives", "Archived" } },
	{ "\\Trash", { "Trash", "Deleted Items", "Deleted Messages" } },
	{ "\\Junk", { "Junk", "Spam", "Junk Mail" } },
	{ "\\Sent", { "Sent", "Sent Items", "Sent Messages" } },
	{ "\\Drafts", { "Drafts" } },
};

static const char *configured(const struct store_maildir *s,
    const char *attribute)
{
	if (!s->account)
		return NULL;
	if (strcmp(attribute, "\\Archive") == 0)
		return s->account->archive;
	if (strcmp(attribute, "\\Trash") == 0)
		return s->account->trash;
	if (strcmp(attribute, "\\Junk") == 0)
		return s->account->spam;
	return NULL;
}

static const struct maildir_mailbox *mailbox_named(
    const struct store_maildir *s, struct str name)
{
	for (size_t i = 0; i < s->n_mailboxes; i++)
		if (str_eq(s->mailboxes[i].name, name))
			return &s->mailboxes[i];
	return NULL;
}

/* The one that is there under one of the usual names, else the name that it
 * would get. */
static struct str usual(const struct store_maildir *s, size_t special)
{
	for (size_t i = 0; i < COUNT(specials[0].names); i++) {
		struct str name = str_of(specials[special].names[i]);

		if (name.n && mailbox_named(s, name))
			return name;
	}
	return str_of(specials[special].names[0]);
}

static struct str special_name(const struct store_maildir *s, size_t special)
{
	const char *name = configured(s, specials[special].attribute);

	return name ? str_of(name) : usual(s, special);
}

static bool list_mailboxes(struct store_maildir *s, struct err *e)
{
	if (s->listed)
		return true;
	if (!maildir_mailboxes(s->base.arena, s->root, &s->mailboxes,
	    &s->n_mailboxes, e))
		return false;
	s->infos = arena_array(s->base.arena, s->n_mailboxes,
	    sizeof(*s->infos));
	for (size_t i = 0; i < s->n_mailboxes; i++) {
		s->infos[i].name = s->mailboxes[i].name;
		s->infos[i].selectable = true;
	}
	for (size_t k = 0; k < COUNT(specials); k++)
		for (size_t i = 0; i < s->n_mailboxes; i++)
			if (str_eq(s->mailboxes[i].name, special_name(s, k)))
				s->infos[i].special =
				    str_of(specials[k].attribute);
	s->listed = true;
	return true;
}

static bool do_mailboxes(struct store *base,
    const struct mailbox_info **list_out, size_t *n_out, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);

	if (!list_mailboxes(s, e))
		return false;
	*list_out = s->infos;
	*n_out = s->n_mailboxes;
	return true;
}

static bool do_special(struct store *base, struct str attribute,
    struct str *mailbox_out, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);

	if (!list_mailboxes(s, e))
		return false;
	for (size_t i = 0; i < COUNT(specials); i++)
		if (str_ieq_z(attribute, specials[i].attribute)) {
			*mailbox_out = special_name(s, i);
			return true;
		}
	return err_set(e, ERR_MESSAGE, "a Maildir has no mailbox for %.*s",
	    STR_ARG(attribute));
}

bool maildir_find_folder(struct store_maildir *s, struct arena *a,
    struct str mailbox, const char **folder_out, struct err *e)
{
	const struct maildir_mailbox *known;
	struct str name;

	if (!list_mailboxes(s, e))
		return false;
	known = mailbox_named(s, mailbox);
	if (known) {
		*folder_out = known->folder;
		return true;
	}
	if (!maildir_folder_name(a, mailbox, &name, e))
		return false;
	*folder_out = name.p;
	return true;
}

/* --------------------------------------------------------------- select */

void maildir_words_read(struct maildir_words *w, struct arena *a, int dir)
{
	memset(w, 0, sizeof(*w));
	maildir_keywords_read(&w->keywords, a, dir);
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
		if (w->keywords.names[i].n)
			label_of_keyword(a, w->keywords.names[i],
			    &w->labels[i]);
}

/* UIDs from the journal, or by order; LIST is sorted. */
static bool number(struct store_maildir *s, struct str mailbox,
    struct maildir_list *list, uint32_t *uidnext_out,
    uint32_t *uidvalidity_out, struct err *e)
{
	struct arena *a;
	struct str *names;
	uint32_t *uids;
	bool ok;

	if (!s->journal) {
		for (size_t i = 0; i < list->n; i++)
			list->files[i].uid = (uint32_t)i + 1;
		*uidnext_out = (uint32_t)list->n + 1;
		*uidvalidity_out = 1;
		return true;
	}
	a = arena_new();
	names = arena_array(a, list->n + 1, sizeof(*names));
	uids = arena_array(a, list->n + 1, sizeof(*uids));
	for (size_t i = 0; i < list->n; i++)
		names[i] = maildir_file_unique(&list->files[i]);
	ok = journal_names(s->journal, mailbox, names, list->n, uids,
	    uidnext_out, uidvalidity_out, e);
	for (size_t i = 0; ok && i < list->n; i++)
		list->files[i].uid = uids[i];
	arena_free(&a);
	return ok;
}

static int by_uid(const void *x, const void *y)
{
	const struct maildir_file *f = *(struct maildir_file *const *)x;
	const struct maildir_file *g = *(struct maildir_file *const *)y;

	return (f->uid > g->uid) - (f->uid < g->uid);
}

static void index_uids(struct store_maildir *s)
{
	s->by_uid = arena_array(s->arena, s->list.n + 1,
	    sizeof(struct maildir_file *));
	for (size_t i = 0; i < s->list.n; i++)
		s->by_uid[i] = &s->list.files[i];
	qsort(s->by_uid, s->list.n, sizeof(struct maildir_file *), by_uid);
}

/* The index in by_uid of the first message at or above UID. */
static size_t first_at(const struct store_maildir *s, uint32_t uid)
{
	size_t low = 0, high = s->list.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->by_uid[mid]->uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct maildir_file *maildir_by_uid(struct store_maildir *s, uint32_t uid)
{
	size_t at = first_at(s, uid);

	return at < s->list.n && s->by_uid[at]->uid == uid &&
	    !s->by_uid[at]->gone ? s->by_uid[at] : NULL;
}

static void unselect(struct store_maildir *s)
{
	maildir_folder_close(&s->folder);
	arena_free(&s->arena);
	s->list = (struct maildir_list){ 0 };
	s->by_uid = NULL;
	s->looks = 0;
	s->write = false;
}

static bool do_select(struct store *base, struct str mailbox, bool write,
    struct mailbox_state *state_out, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	const char *folder;

	unselect(s);
	s->arena = arena_new();
	mailbox = str_ieq_z(mailbox, "INBOX") ? STR_LIT("INBOX") :
	    arena_str(s->arena, mailbox);
	if (!maildir_find_folder(s, s->arena, mailbox, &folder, e) ||
	    !maildir_folder_open(s->root, mailbox, folder, &s->folder, e) ||
	    !maildir_folder_list(s->arena, &s->folder, &s->list, e) ||
	    !number(s, mailbox, &s->list, &s->uidnext, &s->uidvalidity, e)) {
		unselect(s);
		return err_ctx(e, "%s", s->path);
	}
	index_uids(s);
	maildir_words_read(&s->words, s->arena, s->folder.dir);
	s->write = write && faccessat(s->folder.cur, ".", W_OK, 0) == 0;
	*state_out = (struct mailbox_state){
		.uidvalidity = s->uidvalidity,
		.uidnext = s->uidnext,
		.exists = (uint32_t)s->list.n,
		.read_only = !s->write,
	};
	return true;
}

/*
 * Other programs rename a message when its flags change.  One listing
 * corrects all names at once; new messages that it may show are left for
 * the next run.
 */
static bool list_again(struct store_maildir *s)
{
	struct arena *a;
	struct maildir_list now = { 0 };
	struct err e = { 0 };
	bool ok;

	if (s->looks >= LOOKS_MAX)
		return false;
	s->looks++;
	a = arena_new();
	ok = maildir_folder_list(a, &s->folder, &now, &e);
	for (size_t i = 0; ok && i < s->list.n; i++) {
		struct maildir_file *f = &s->list.files[i];
		const struct maildir_file *g = maildir_list_find(&now,
		    maildir_file_unique(f));

		f->gone = !g;
		if (!g)
			continue;
		if (strcmp(f->name, g->name) != 0)
			maildir_file_rename(f, s->arena,
			    maildir_file_name(g));
		f->in_new = g->in_new;
	}
	arena_free(&a);
	if (ok)
		maildir_words_read(&s->words, s->arena, s->folder.dir);
	return ok;
}

bool maildir_look_again(struct store_maildir *s, struct maildir_file *f)
{
	return list_again(s) && !f->gone;
}

/* --------------------------------------------------------------- search */

static bool file_time(const struct store_maildir *s,
    const struct maildir_file *f, int64_t *time_out)
{
	struct stat st;

	if (fstatat(f->in_new ? s->folder.new : s->folder.cur, f->name, &st,
	    AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	*time_out = st.st_mtim.tv_sec;
	return true;
}

static bool do_search(struct store *base, const struct store_query *q,
    struct uidset *set_out, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	int64_t since = TIME_NONE, time;

	if (q->criteria.n)
		return err_set(e, ERR_USAGE, "search criteria are for IMAP "
		    "accounts; a Maildir knows --since only");
	if (q->since != TIME_NONE) {	/* the day it lies in, as in SINCE */
		struct civil day = time_to_civil(q->since);

		since = time_from_civil(day.year, day.month, day.day, 0, 0,
		    0);
	}
	for (size_t i = 0; i < s->list.n; i++) {
		struct maildir_file *f = s->by_uid[i];

		if (f->uid < q->from_uid || f->gone)
			continue;
		if (since != TIME_NONE && !file_time(s, f, &time) &&
		    (!maildir_look_again(s, f) || !file_time(s, f, &time)))
			continue;
		if (since == TIME_NONE || time >= since)
			uidset_add(set_out, f->uid);
	}
	return true;
}

/* ---------------------------------------------------------------- fetch */

/* Where messages whose labels are folders have their copies. */
struct placed {
	uint64_t inode;
	uint32_t mailbox;	/* an index of the store's */
};

struct fetching {
	struct store_maildir *s;
	const struct fetch_items *items;
	struct arena *arena;
	struct arena *message;	/* reset for each */
	uint64_t max;
	char *block;		/* HEAD_FIRST octets */
	struct buf big;		/* for what is longer */
	void *map;
	size_t map_size;
	struct placed *placed;
	size_t n_placed, cap_placed;
	uint32_t mailbox;	/* being read for placed */
	struct str flags[6 + MAILDIR_KEYWORDS_MAX + 1];
	struct str labels[MAILDIR_KEYWORDS_MAX];
	struct str *folder_labels;	/* as many as there are mailboxes */
};

/* What a file is seen to be while it is open. */
struct opened {
	int fd;
	struct stat st;
	struct str head;	/* as much as was read */
	struct mail_index *index;	/* of head */
	bool whole;		/* head is all of it */
	bool failed;		/* the disk did */
};

static int open_name(struct store_maildir *s, const struct maildir_file *f)
{
	/* NONBLOCK: a FIFO must not hold us up */
	return openat(f->in_new ? s->folder.new : s->folder.cur, f->name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/* -1 and not denied: there is no such message any more. */
static int open_file(struct store_maildir *s, struct maildir_file *f,
    struct fetched *out)
{
	int fd = open_name(s, f);

	while (fd < 0 && errno == ENOENT) {
		if (s->looks >= LOOKS_MAX) {
			out->denied = "its file keeps changing its name";
			return -1;
		}
		if (!maildir_look_again(s, f))
			return -1;
		fd = open_name(s, f);
	}
	if (fd < 0) {
		out->denied = errno == ELOOP ? "its file is a symbolic link" :
		    errno == EACCES ? "its file may not be read" :
		    "its file cannot be opened";
		out->unreadable = errno != ELOOP;
	}
	return fd;
}

/* Less than N: the end, or a failure; both are noted.  A message's file does
 * not grow, and a regular file gives less than asked for only at its end
 * (POSIX read), so that is not read once more. */
static size_t read_some(struct opened *o, char *to, size_t n)
{
	size_t got = 0;

	while (got < n && !o->whole) {
		ssize_t k = read(o->fd, to + got, n - got);

		if (k < 0 && errno == EINTR)
			continue;
		o->failed = k < 0;
		o->whole = k == 0;
		if (k <= 0)
			break;
		o->whole = (size_t)k < n - got;
		got += (size_t)k;
	}
	return got;
}

/* Is the header's end in what was read?  A body offset at the very end may be
 * that of what was read and no empty line. */
static bool has_header(struct fetching *w, struct opened *o)
{
	o->index = mail_index_make(w->message, o->head);
	return o->whole || o->failed || mail_index_body(o->index) < o->head.n;
}

/* Reads until the empty line stands in HEAD, at most MAIL_HEADER_MAX. */
static void read_head(struct fetching *w, struct opened *o)
{
	size_t want = BLOCK;

	o->head = (struct str){ w->block, read_some(o, w->block,
	    HEAD_FIRST) };
	if (has_header(w, o))
		return;
	buf_clear(&w->big);
	buf_add_str(&w->big, o->head);
	do {
		char block[HEAD_FIRST];

		buf_add(&w->big, block, read_some(o, block, sizeof(block)));
		o->head = buf_str(&w->big);
		if (o->head.n < want && !o->whole && !o->failed &&
		    !w->big.over)
			continue;
		want *= 2;	/* so that looking again stays linear */
		arena_reset(w->message);
		if (has_header(w, o))
			return;
	} while (!w->big.over);
}

#define STRIDE	64

/* LFs without a CR among the N octets at P, which is not the first. */
static inline size_t bare_among(const char *p, size_t n)
{
	unsigned char bare = 0;		/* N is at most STRIDE */

	for (size_t i = 0; i < n; i++)
		bare += (unsigned char)((p[i] == '\n') & (p[i - 1] != '\r'));
	return bare;
}

/* Octets that CRLF line ends would add.  In strides of a length that the
 * compiler knows, so that it can compare many octets at once. */
static uint64_t bare_lines(struct str s, char *before)
{
	uint64_t n = 0;
	size_t at = 1;

	if (s.n == 0)
		return 0;
	n = s.p[0] == '\n' && *before != '\r';
	for (; s.n - at >= STRIDE; at += STRIDE)
		n += bare_among(s.p + at, STRIDE);
	n += bare_among(s.p + at, s.n - at);
	*before = s.p[s.n - 1];
	return n;
}

/* RFC822.SIZE as an IMAP server counts it; false: it cannot be read. */
static bool count_size(struct opened *o, uint64_t *size_out)
{
	char block[BLOCK], before = 0;
	uint64_t size = o->head.n;

	size += bare_lines(o->head, &before);
	while (!o->whole && !o->failed) {
		size_t n = read_some(o, block, sizeof(block));

		size += n + bare_lines((struct str){ block, n }, &before);
	}
	*size_out = size;
	return !o->failed;
}

/*
 * The name may say it: S= is the file's own size, W= the one with CRLF line
 * ends.  What cannot be true is not believed.
 */
static void add_named_sizes(struct str name, struct facts *facts)
{
	uint64_t s, w;
	bool has_s = maildir_size(name, 'S', &s);

	if (has_s && s <= UINT64_MAX / 2) {
		facts->size_least = s;
		facts->size_most = 2 * s;
	}
	if (!maildir_size(name, 'W', &w) || (has_s && (w < s || w / 2 > s)))
		return;
	facts->size = w;
	facts->known |= RULES_ASK_SIZE;
}

static bool map_whole(struct fetching *w, struct opened *o)
{
	size_t n = (size_t)o->st.st_size;
	void *map;

	if (o->whole)
		return true;
	map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, o->fd, 0);
	if (map == MAP_FAILED)
		return false;
	w->map = map;
	w->map_size = n;
	o->head = (struct str){ map, n };
	o->index = mail_index_make(w->message, o->head);
	o->whole = true;
	return true;
}

static void add_flags(struct fetching *w, struct str name,
    struct fetched *out)
{
	const struct maildir_words *words = &w->s->words;
	bool folders = maildir_labels_are_folders(w->s);
	maildir_letters set = maildir_letters_of(name);
	struct facts *facts = &out->facts;

	facts->flags = w->flags;
	if (!folders)
		facts->labels = w->labels;
	for (char c = 'A'; c <= 'Z'; c++)
		if (set & MAILDIR_LETTER(c) && maildir_letter_flag(c))
			w->flags[facts->n_flags++] =
			    str_of(maildir_letter_flag(c));
	for (int i = 0; i < MAILDIR_KEYWORDS_MAX; i++) {
		struct str keyword = words->keywords.names[i];

		if (!(set & MAILDIR_KEYWORD(i)) || keyword.n == 0)
			continue;
		if (!folders && words->labels[i].n)
			w->labels[facts->n_labels++] = words->labels[i];
		if (!str_ieq_z(keyword, "$Forwarded") ||
		    !(set & MAILDIR_LETTER('P')))
			w->flags[facts->n_flags++] = keyword;
	}
	facts->known |= RULES_ASK_FLAGS | (folders ? 0 : RULES_ASK_LABELS);
	out->deleted = (set & MAILDIR_LETTER('T')) != 0;
}

static int by_inode(const void *x, const void *y)
{
	const struct placed *p = x, *q = y;

	if (p->inode != q->inode)
		return p->inode < q->inode ? -1 : 1;
	return (p->mailbox > q->mailbox) - (p->mailbox < q->mailbox);
}

/* The folders that hold a hard link to the same file. */
static void add_folder_labels(struct fetching *w, uint64_t inode,
    struct fetched *out)
{
	size_t low = 0, high = w->n_placed;
	struct facts *facts = &out->facts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->placed[mid].inode < inode)
			low = mid + 1;
		else
			high = mid;
	}
	facts->labels = w->folder_labels;
	for (; low < w->n_placed && w->placed[low].inode == inode; low++) {
		struct str label =
		    w->s->mailboxes[w->placed[low].mailbox].name;

		if (facts->n_labels == 0 || !str_eq(label,
		    w->folder_labels[facts->n_labels - 1]))
			w->folder_labels[facts->n_labels++] = label;
	}
	facts->known |= RULES_ASK_LABELS;
}

static bool needs_stat(struct fetching *w, const struct fetched *out)
{
	return w->items->ask & RULES_ASK_RECEIVED ||
	    out->facts.size_most == 0 ||
	    (w->items->ask & RULES_ASK_LABELS &&
	    maildir_labels_are_folders(w->s));
}

/* What the inode tells. */
static void add_inode(const struct opened *o, struct fetched *out)
{
	out->facts.received = o->st.st_mtim.tv_sec;
	out->facts.known |= RULES_ASK_RECEIVED;
	out->facts.size_least = (uint64_t)o->st.st_size;
	out->facts.size_most = 2 * out->facts.size_least;
}

static void deny_unread(struct fetched *out)
{
	out->denied = "its file cannot be read";
	out->unreadable = true;
}

/* Everything that takes the open file. */
static void read_file(struct fetching *w, struct opened *o,
    struct fetched *out)
{
	unsigned ask = w->items->ask;
	uint64_t size;

	if (needs_stat(w, out) || ask & RULES_ASK_BODY) {
		if (fstat(o->fd, &o->st) != 0) {
			deny_unread(out);
			return;
		}
		if (!S_ISREG(o->st.st_mode)) {
			out->denied = "it is no regular file";
			return;
		}
		add_inode(o, out);
	}
	if (ask & RULES_ASK_LABELS && maildir_labels_are_folders(w->s))
		add_folder_labels(w, o->st.st_ino, out);
	read_head(w, o);
	if (o->failed) {
		deny_unread(out);
		return;
	}
	if (ask & RULES_ASK_BODY && (uint64_t)o->st.st_size > w->max) {
		out->denied = "the message is larger than limits.message";
		ask &= ~(unsigned)RULES_ASK_BODY;
	} else if (ask & RULES_ASK_BODY && !map_whole(w, o)) {
		deny_unread(out);
		ask &= ~(unsigned)RULES_ASK_BODY;
	}
	if (ask & RULES_ASK_BODY) {
		out->have = MAIL_WHOLE;
		out->bytes = o->head;
	} else if (ask & RULES_ASK_FIELDS) {
		out->have = MAIL_HEADER;
		out->bytes = str_sub(o->head, 0, mail_index_body(o->index));
	}
	out->index = o->index;
	if (!(ask & RULES_ASK_SIZE) || out->facts.known & RULES_ASK_SIZE)
		return;
	if (count_size(o, &size)) {
		out->facts.size = size;
		out->facts.known |= RULES_ASK_SIZE;
	}
}

/* The name tells enough, or only the inode is asked for besides. */
static bool needs_open(struct fetching *w, const struct fetched *out)
{
	unsigned ask = w->items->ask;

	return ask & (RULES_ASK_FIELDS | RULES_ASK_BODY) ||
	    (ask & RULES_ASK_SIZE && !(out->facts.known & RULES_ASK_SIZE));
}

static bool stat_file(struct fetching *w, struct maildir_file *f,
    struct stat *st)
{
	struct store_maildir *s = w->s;

	while (fstatat(f->in_new ? s->folder.new : s->folder.cur, f->name,
	    st, AT_SYMLINK_NOFOLLOW) != 0)
		if (errno != ENOENT || !maildir_look_again(s, f))
			return false;
	return true;
}

static void end_one(struct fetching *w, struct opened *o)
{
	if (w->map)
		munmap(w->map, w->map_size);
	w->map = NULL;
	if (o->fd >= 0)
		close(o->fd);
}

/* The name may change under our hands: flags are read of the name under
 * which the file was opened. */
static bool fetch_one(struct fetching *w, struct maildir_file *f,
    fetch_fn *fn, void *ctx, struct err *e)
{
	struct store_maildir *s = w->s;
	struct opened o = { .fd = -1 };
	struct fetched out = { 0 };
	bool ok;

	arena_reset(w->message);
	out.facts.account = str_of(s->account ? s->account->name : NULL);
	out.facts.mailbox = s->folder.mailbox;
	out.facts.uid = f->uid;
	add_named_sizes(maildir_file_name(f), &out.facts);
	if (needs_open(w, &out)) {
		o.fd = open_file(s, f, &out);
		if (o.fd < 0 && !out.denied)
			return true;
		if (o.fd >= 0)
			read_file(w, &o, &out);
	} else if (needs_stat(w, &out)) {
		if (!stat_file(w, f, &o.st))
			return true;
		add_inode(&o, &out);
		if (maildir_labels_are_folders(s))
			add_folder_labels(w, o.st.st_ino, &out);
	}
	out.name = maildir_file_name(f);
	add_flags(w, out.name, &out);
	ok = fn(ctx, &out, e);
	end_one(w, &o);
	return ok;
}

static bool add_placed(void *ctx, struct str name, uint64_t inode)
{
	struct fetching *w = ctx;

	(void)name;
	if (w->n_placed == MAILDIR_FILES_MAX)
		return false;
	arena_grow(w->arena, &w->placed, w->n_placed, &w->cap_placed);
	w->placed[w->n_placed++] = (struct placed){ inode, w->mailbox };
	return true;
}

static bool is_label_folder(const struct fetching *w, size_t mailbox)
{
	const struct store_maildir *s = w->s;
	struct str name = s->mailboxes[mailbox].name;

	if (mailbox == 0 || str_eq(name, s->folder.mailbox))
		return false;
	for (size_t i = 0; i < w->items->n_labels; i++)
		if (str_eq(w->items->labels[i], name))
			return true;
	return s->infos[mailbox].special.n == 0;
}

static bool read_placed(struct fetching *w, size_t mailbox, struct err *e)
{
	const struct maildir_mailbox *m = &w->s->mailboxes[mailbox];
	struct maildir_folder folder;
	struct err mine = { 0 };
	bool ok;

	if (!maildir_folder_open(w->s->root, m->name, m->folder, &folder,
	    &mine)) {
		if (mine.kind != ERR_MESSAGE)
			*e = mine;
		return mine.kind == ERR_MESSAGE;	/* it has gone */
	}
	w->mailbox = (uint32_t)mailbox;
	ok = maildir_files(folder.new, add_placed, w, e) &&
	    maildir_files(folder.cur, add_placed, w, e);
	maildir_folder_close(&folder);
	return ok;
}

/* Which files lie in the folders that are labels. */
static bool find_placed(struct fetching *w, struct err *e)
{
	struct store_maildir *s = w->s;

	if (!maildir_labels_are_folders(s) ||
	    !(w->items->ask & RULES_ASK_LABELS))
		return true;
	if (!list_mailboxes(s, e))
		return false;
	w->folder_labels = arena_array(w->arena, s->n_mailboxes,
	    sizeof(struct str));
	for (size_t i = 0; i < s->n_mailboxes; i++)
		if (is_label_folder(w, i) && !read_placed(w, i, e))
			return false;
	if (w->n_placed)
		qsort(w->placed, w->n_placed, sizeof(*w->placed), by_inode);
	return true;
}

static bool fetch_range(struct fetching *w, struct uid_range range,
    fetch_fn *fn, void *ctx, struct err *e)
{
	struct store_maildir *s = w->s;
	bool ok = true;

	for (size_t i = first_at(s, range.low); ok && i < s->list.n &&
	    s->by_uid[i]->uid <= range.high; i++)
		if (!s->by_uid[i]->gone)
			ok = fetch_one(w, s->by_uid[i], fn, ctx, e);
	return ok;
}

static bool do_fetch(struct store *base, const struct uidset *set,
    const struct fetch_items *items, fetch_fn *fn, void *ctx,
    struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	struct fetching w = {
		.s = s, .items = items, .arena = arena_new(),
		.message = arena_new(),
		.max = s->account && s->account->limits ?
		    s->account->limits->message : MESSAGE_MAX,
	};
	bool ok;

	w.block = arena_alloc(w.arena, HEAD_FIRST);
	buf_init(&w.big, MAIL_HEADER_MAX);
	ok = find_placed(&w, e);
	for (size_t i = 0; ok && i < set->n; i++)
		ok = fetch_range(&w, set->ranges[i], fn, ctx, e);
	buf_free(&w.big);
	arena_free(&w.message);
	arena_free(&w.arena);
	return ok;
}

/* ----------------------------------------------------------------- find */

struct finding {
	const struct identity *id;
	uint32_t uid;
	struct arena *arena;
};

static bool compare_one(void *ctx, const struct fetched *f, struct err *e)
{
	struct finding *w = ctx;
	struct identity id;
	struct mail *m;

	(void)e;
	if (w->uid || !f->have || !(f->facts.known & RULES_ASK_SIZE) ||
	    f->facts.size != w->id->size)
		return true;
	arena_reset(w->arena);
	m = mail_make(w->arena, f->bytes, f->have, NULL, 0);
	identity_of(w->arena, m, f->facts.size, &id);
	if (identity_eq(&id, w->id))
		w->uid = f->facts.uid;
	return true;
}

/* A second store over the same Maildir, so that what is selected stays. */
static bool do_find(struct store *base, struct str mailbox,
    uint32_t uidvalidity, uint32_t from_uid, const struct identity *id,
    uint32_t *uid_out, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);
	struct store_maildir other = *s;
	struct fetch_items items = { .ask = RULES_ASK_FIELDS |
	    RULES_ASK_SIZE, .whole_header = true };
	struct finding w = { id, 0, arena_new() };
	struct mailbox_state state;
	struct uidset set;
	bool ok;

	other.arena = NULL;
	other.folder = (struct maildir_folder){ .dir = -1, .cur = -1,
	    .new = -1 };
	other.base.arena = arena_new();
	other.listed = false;
	ok = do_select(&other.base, mailbox, false, &state, e);
	if (ok && state.uidvalidity == uidvalidity) {
		uidset_init(&set, other.arena);
		uidset_add_range(&set, from_uid ? from_uid : 1, UIDSET_MAX);
		ok = do_fetch(&other.base, &set, &items, compare_one, &w, e);
	}
	unselect(&other);
	arena_free(&other.base.arena);
	arena_free(&w.arena);
	if (ok)
		*uid_out = w.uid;
	return ok;
}

/* ------------------------------------------------------- open and close */

static bool do_describe(struct store *base, struct buf *out, struct err *e)
{
	struct store_maildir *s = store_maildir_of(base);

	if (!list_mailboxes(s, e))
		return false;
	buf_printf(out, "Maildir++ at %s: %zu mailboxes\n", s->path,
	    s->n_mailboxes);
	buf_add_z(out, maildir_labels_are_folders(s) ?
	    "labels are hard links in folders\n" :
	    "labels are keywords, as Dovecot writes them: at most 26 a "
	    "folder\n");
	buf_add_z(out, "flags, labels and a move are one rename\n");
	return true;
}

static void do_close(struct store *base)
{
	struct store_maildir *s = store_maildir_of(base);

	unselect(s);
	if (s->root >= 0)
		close(s->root);
	s->root = -1;
}

static const struct store_kind maildir_kind = {
	.name = "maildir",
	.mailboxes = do_mailboxes,
	.special = do_special,
	.create = store_maildir_create,
	.select = do_select,
	.search = do_search,
	.fetch = do_fetch,
	.prepare = store_maildir_prepare,
	.apply = store_maildir_apply,
	.find = do_find,
	.finish_moves = store_maildir_finish_moves,
	.describe = do_describe,
	.close = do_close,
	.replacer = &store_maildir_replacer,
	.batch = BATCH,
	.dear = RULES_ASK_SIZE | RULES_ASK_RECEIVED,
	.atomic_move = true,
};

bool store_maildir_open(struct arena *a, const char *path,
    const struct account *account, struct journal *j,
    struct store **store_out, struct err *e)
{
	struct store_maildir *s = arena_make(a, struct store_maildir);
	struct maildir_folder inbox;

	s->base = (struct store){ .kind = maildir_kind, .arena = a };
	if (!j)
		s->base.kind.batch = BATCH_FORGOTTEN;
	s->path = arena_z(a, str_of(path));
	s->account = account;
	s->journal = j;
	s->folder = (struct maildir_folder){ .dir = -1, .cur = -1,
	    .new = -1 };
	s->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return err_set(e, ERR_CONFIG, "Maildir %s: %s", path,
		    strerror(errno));
	if (!maildir_folder_open(s->root, STR_LIT("INBOX"), ".", &inbox,
	    e)) {
		close(s->root);
		if (e->kind == ERR_MESSAGE) {
			err_clear(e);
			err_set(e, ERR_CONFIG, "%s is no Maildir: it has no "
			    "cur/ and new/", path);
		}
		return false;
	}
	maildir_folder_close(&inbox);
	*store_out = &s->base;
	return true;
}
