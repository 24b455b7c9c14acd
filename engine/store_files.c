#include "store.h"

#include "../rules/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Files are mapped one at a time, and messages are slices of the map: a
 * mailbox of any size costs an entry a message.  Whoever walks over a whole
 * file gives its pages back behind itself, so that memory stays small.
 */

#define WINDOW		((size_t)4 << 20)	/* pages kept while walking */
#define STREAM_KEPT	((size_t)1 << 20)	/* of a pipe; then a file */
#define STREAM_MAX	((uint64_t)4 << 30)	/* of a pipe with an mbox */
#define HEAD_LOOK	((size_t)1 << 20)	/* for Status and Date */
#define FROM_LINE_MAX	1000
#define MESSAGES_MAX	10000000

struct mail_file {
	const char *path;	/* as given */
	const char *map;	/* NULL: not now */
	size_t size;
	struct stat st;		/* as it was when it was split */
	bool is_mbox;
	bool is_stream;		/* the map is all there is of it */
	bool in_memory;		/* ... and no file stands behind it */
};

struct message {
	uint32_t file;
	uint32_t from_line;	/* octets before AT; 0: no mbox */
	uint64_t at, n;		/* within the file */
};

struct store_files {
	struct store base;
	uint64_t message_max;
	struct mail_file *files;
	size_t n_files;
	struct message *messages;
	size_t n, cap;		/* UIDs are indices + 1 */
};

static struct store_files *files_of(struct store *s)
{
	return (struct store_files *)s;	/* base is its head */
}

/* ---------------------------------------------------------------- walks */

/* Gives the pages of P[FROM..TO) back to the kernel, which has the file. */
static void forget(const struct mail_file *src, size_t from, size_t to)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	from = from / page * page;
	to = to / page * page;
	if (!src->in_memory && to > from)
		madvise((void *)(uintptr_t)(src->map + from), to - from,
		    MADV_DONTNEED);
}

/* Octets that CRLF line ends would add (RFC822.SIZE counts them). */
static uint64_t bare_lines(const struct mail_file *src, size_t at, size_t end)
{
	size_t start = at, first = at;
	uint64_t n = 0;

	while (at < end) {
		const char *p = memchr(src->map + at, '\n', end - at < WINDOW ?
		    end - at : WINDOW);

		if (p) {
			at = (size_t)(p - src->map);
			n += at == first || src->map[at - 1] != '\r';
			at++;
		} else {
			at += end - at < WINDOW ? end - at : WINDOW;
		}
		if (at - start > 2 * WINDOW) {
			forget(src, start, at - 1);
			start = at - 1;
		}
	}
	return n;
}

/* ----------------------------------------------------------------- mbox */

/* The end of the line that begins at AT, behind its LF. */
static size_t line_end(const struct mail_file *src, size_t at)
{
	const char *p = memchr(src->map + at, '\n', src->size - at);

	return p ? (size_t)(p - src->map) + 1 : src->size;
}

static bool is_from_line(const struct mail_file *src, size_t at)
{
	return src->size - at >= 5 && memcmp(src->map + at, "From ", 5) == 0;
}

static bool add_message(struct store_files *s, const struct message *m,
    struct err *e)
{
	if (s->n == MESSAGES_MAX)
		return err_set(e, ERR_USAGE, "more than %d messages",
		    MESSAGES_MAX);
	arena_grow(s->base.arena, &s->messages, s->n, &s->cap);
	s->messages[s->n++] = *m;
	return true;
}

/* The message between the From_ lines at FROM and NEXT, without the empty
 * line that belongs to the second one. */
static bool add_from_mbox(struct store_files *s, uint32_t index, size_t from,
    size_t next, struct err *e)
{
	const struct mail_file *src = &s->files[index];
	size_t at = line_end(src, from), end = next;

	if (at > next)
		at = next;
	if (end > at && src->map[end - 1] == '\n') {
		size_t cut = end - 1;

		if (cut > at && src->map[cut - 1] == '\r')
			cut--;
		if (cut == at || src->map[cut - 1] == '\n')
			end = cut;
	}
	return add_message(s, &(struct message){ index,
	    (uint32_t)(at - from < FROM_LINE_MAX ? at - from :
	    FROM_LINE_MAX), at, end - at }, e);
}

/*
 * A line that begins with "From " begins a message where it is the first one
 * or an empty line stands before it (RFC 4155, without its quoting: lines
 * with ">From " are left as they are).
 */
static bool split_mbox(struct store_files *s, uint32_t index, struct err *e)
{
	const struct mail_file *src = &s->files[index];
	size_t from = 0, seen = 0, end;
	bool empty_before = false;

	for (size_t at = 0; at < src->size; at = end) {
		bool empty;

		end = line_end(src, at);
		empty = src->map[at] == '\n' ||
		    (src->map[at] == '\r' && end - at == 2);
		if (at && empty_before && is_from_line(src, at)) {
			if (!add_from_mbox(s, index, from, at, e))
				return false;
			from = at;
		}
		empty_before = empty;
		if (end - seen > WINDOW) {
			forget(src, seen, end);
			seen = end;
		}
	}
	return add_from_mbox(s, index, from, src->size, e);
}

static const char *const months[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
	"nov", "dec",
};

static int month_of(struct str word)
{
	for (int i = 0; i < 12; i++)
		if (str_ieq_z(word, months[i]))
			return i + 1;
	return 0;
}

static bool two_digits(struct str *text, int most, int *out)
{
	uint64_t n;
	struct str word;

	if (!str_cut(text, ':', &word) ||
	    !str_u64(word, (uint64_t)most, &n))
		return false;
	*out = (int)n;
	return true;
}

/* "22:13" or "22:13:20" */
static bool read_clock(struct str text, int *h, int *m, int *s)
{
	*s = 0;
	return two_digits(&text, 23, h) && two_digits(&text, 59, m) &&
	    (text.n == 0 || (two_digits(&text, 60, s) && text.n == 0));
}

/* "+0200" or "-0730", in seconds east. */
static bool read_offset(struct str word, int *east)
{
	uint64_t n;

	if (word.n != 5 || (word.p[0] != '+' && word.p[0] != '-') ||
	    !str_u64(str_sub(word, 1, 4), 1459, &n))
		return false;
	*east = (int)(n / 100 * 3600 + n % 100 * 60);
	if (word.p[0] == '-')
		*east = -*east;
	return true;
}

/*
 * The date of a From_ line: "Mon Jan  1 10:00:00 2024" as asctime writes it,
 * with a numeric zone before or behind the year in some, in UTC without
 * (RFC 4155).  It is looked for by its time of day, as what stands before
 * may be anything.
 */
static int64_t from_line_date(struct str line)
{
	struct str words[2] = { { 0 } }, word = STR_EMPTY;
	int h = 0, m = 0, sec = 0, east = 0;
	uint64_t day = 0, year = 0;

	while (str_cut(&line, ' ', &word)) {
		word = str_trim(word);
		if (word.n == 0)
			continue;
		if (words[1].n && read_clock(word, &h, &m, &sec) &&
		    month_of(words[1]) && str_u64(words[0], 31, &day) && day)
			break;
		words[1] = words[0];
		words[0] = word;
		word = STR_EMPTY;
	}
	if (word.n == 0)
		return TIME_NONE;
	while (str_cut(&line, ' ', &word)) {
		word = str_trim(word);
		if (!read_offset(word, &east) && year == 0 && word.n == 4 &&
		    !str_u64(word, 9999, &year))
			year = 0;
	}
	if (year < 1970)
		return TIME_NONE;
	return time_from_civil((int64_t)year, month_of(words[1]), (int)day,
	    h, m, sec) - east;
}

/* ---------------------------------------------------------------- fetch */

struct flag_letter {
	char letter;
	const char *flag;
};

/* As mail readers write them into mboxes. */
static const struct flag_letter status[] = { { 'R', "\\Seen" } };
static const struct flag_letter x_status[] = {
	{ 'A', "\\Answered" }, { 'D', "\\Deleted" }, { 'F', "\\Flagged" },
	{ 'T', "\\Draft" },
};

struct fetching {
	struct store_files *s;
	const struct fetch_items *items;
	struct arena *arena;
	struct str flags[COUNT(status) + COUNT(x_status)];
};

static void add_flags(struct fetching *w, struct mail *m, const char *field,
    const struct flag_letter *table, size_t n, struct fetched *out)
{
	struct str text;

	if (mail_field_count(m, str_of(field)) == 0)
		return;
	text = mail_field_raw(m, str_of(field), 0);
	for (size_t i = 0; i < n; i++)
		if (str_find_char(text, 0, table[i].letter) < text.n)
			w->flags[out->facts.n_flags++] =
			    str_of(table[i].flag);
}

/* What the header tells beside what rules ask of it. */
static void add_facts(struct fetching *w, const struct mail_file *src,
    const struct message *msg, struct str header, struct fetched *out)
{
	struct mail *m = mail_make(w->arena, header, MAIL_HEADER, NULL, 0);
	struct facts *f = &out->facts;

	f->flags = w->flags;
	if (src->is_mbox) {
		add_flags(w, m, "Status", status, COUNT(status), out);
		add_flags(w, m, "X-Status", x_status, COUNT(x_status), out);
	}
	for (size_t i = 0; i < f->n_flags; i++)
		if (str_eq_z(f->flags[i], "\\Deleted"))
			out->deleted = true;
	f->received = TIME_NONE;
	if (msg->from_line)
		f->received = from_line_date((struct str){ src->map +
		    msg->at - msg->from_line, msg->from_line });
	if (f->received == TIME_NONE)
		f->received = mail_sent(m);
	if (f->received == TIME_NONE)
		f->received = src->st.st_mtim.tv_sec;
	f->known |= RULES_ASK_FLAGS | RULES_ASK_LABELS | RULES_ASK_RECEIVED;
}

static bool same_file(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino &&
	    x->st_size == y->st_size &&
	    x->st_mtim.tv_sec == y->st_mtim.tv_sec &&
	    x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

static void unmap(struct mail_file *src)
{
	if (src->map && src->size)
		munmap((void *)(uintptr_t)src->map, src->size);
	src->map = NULL;
}

static bool map_fd(struct mail_file *src, int fd)
{
	void *map = src->size ? mmap(NULL, src->size, PROT_READ, MAP_PRIVATE,
	    fd, 0) : NULL;

	if (map == MAP_FAILED)
		return false;
	src->map = map ? map : "";
	return true;
}

/* Again, for fetching.  A file that has changed is not touched: its messages
 * are elsewhere now, and what was cut off would end us (SIGBUS). */
static bool map_again(struct mail_file *src)
{
	struct stat now;
	int fd;
	bool ok;

	if (src->map)
		return true;
	fd = open(src->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ok = fd >= 0 && fstat(fd, &now) == 0 && same_file(&now, &src->st) &&
	    map_fd(src, fd);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool fetch_one(struct fetching *w, size_t i, fetch_fn *fn, void *ctx,
    struct err *e)
{
	const struct message *m = &w->s->messages[i];
	struct mail_file *src = &w->s->files[m->file];
	struct str whole, header;
	struct fetched out = { 0 };
	unsigned ask = w->items->ask;

	out.facts.mailbox = STR_LIT("INBOX");
	out.facts.uid = (uint32_t)i + 1;
	out.name = str_of(src->path);
	if (!map_again(src)) {
		out.denied = "its file has changed or cannot be read";
		return fn(ctx, &out, e);
	}
	arena_reset(w->arena);
	whole = (struct str){ src->map + m->at, m->n };
	header = str_sub(whole, 0, MAIL_HEADER_MAX);
	header.n = mail_body_offset(header);
	add_facts(w, src, m, str_sub(header, 0, HEAD_LOOK), &out);
	out.facts.size_least = m->n;
	out.facts.size_most = 2 * out.facts.size_least;
	if (ask & RULES_ASK_SIZE) {
		out.facts.size = m->n + bare_lines(src, m->at, m->at + m->n);
		out.facts.known |= RULES_ASK_SIZE;
	}
	if (ask & RULES_ASK_BODY && m->n > w->s->message_max) {
		out.denied = "the message is larger than limits.message";
		ask &= ~(unsigned)RULES_ASK_BODY;
	}
	if (ask & RULES_ASK_BODY) {
		out.have = MAIL_WHOLE;
		out.bytes = whole;
	} else if (ask & RULES_ASK_FIELDS) {
		out.have = MAIL_HEADER;
		out.bytes = header;
	}
	return fn(ctx, &out, e);
}

/* The next message lies in another file, or far behind. */
static void go_on(struct store_files *s, const struct message *last,
    const struct message *next, size_t *behind)
{
	struct mail_file *src = &s->files[last->file];

	if (!next || next->file != last->file) {
		if (!src->is_stream)
			unmap(src);
		*behind = 0;
	} else if (src->map && next->at - *behind > WINDOW) {
		forget(src, *behind, next->at);
		*behind = next->at;
	}
}

static bool do_fetch(struct store *base, const struct uidset *set,
    const struct fetch_items *items, fetch_fn *fn, void *ctx,
    struct err *e)
{
	struct store_files *s = files_of(base);
	struct fetching w = { .s = s, .items = items, .arena = arena_new() };
	const struct message *last = NULL;
	size_t behind = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < s->n; i++) {
		if (!uidset_has(set, (uint32_t)i + 1))
			continue;
		if (last)
			go_on(s, last, &s->messages[i], &behind);
		last = &s->messages[i];
		ok = fetch_one(&w, i, fn, ctx, e);
	}
	if (last)
		go_on(s, last, NULL, &behind);
	arena_free(&w.arena);
	return ok;
}

struct dating {
	int64_t since;
	struct uidset *set;
};

static bool note_date(void *ctx, const struct fetched *f, struct err *e)
{
	struct dating *d = ctx;

	(void)e;
	if (f->facts.received >= d->since)
		uidset_add(d->set, f->facts.uid);
	return true;
}

static bool do_search(struct store *base, const struct store_query *q,
    struct uidset *set_out, struct err *e)
{
	struct store_files *s = files_of(base);
	uint32_t from = q->from_uid ? q->from_uid : 1;
	struct fetch_items items = { .ask = RULES_ASK_RECEIVED };
	struct dating d = { .set = set_out };
	struct civil day;
	struct uidset all;

	if (q->criteria.n)
		return err_set(e, ERR_USAGE, "search criteria are for IMAP "
		    "accounts; files know --since only");
	if (from > s->n)
		return true;
	if (q->since == TIME_NONE) {
		uidset_add_range(set_out, from, (uint32_t)s->n);
		return true;
	}
	day = time_to_civil(q->since);	/* the day it lies in, as in SINCE */
	d.since = time_from_civil(day.year, day.month, day.day, 0, 0, 0);
	uidset_init(&all, base->arena);
	uidset_add_range(&all, from, (uint32_t)s->n);
	return do_fetch(base, &all, &items, note_date, &d, e);
}

/* ------------------------------------------------------- one mailbox */

static bool do_mailboxes(struct store *base,
    const struct mailbox_info **list_out, size_t *n_out, struct err *e)
{
	static const struct mailbox_info inbox = {
		.name = { "INBOX", 5 }, .special = { "", 0 },
		.selectable = true,
	};

	(void)base;
	(void)e;
	*list_out = &inbox;
	*n_out = 1;
	return true;
}

static bool do_select(struct store *base, struct str mailbox, bool write,
    struct mailbox_state *state_out, struct err *e)
{
	struct store_files *s = files_of(base);

	(void)write;
	if (!str_ieq_z(mailbox, "INBOX"))
		return err_set(e, ERR_MESSAGE, "files have no mailbox "
		    "\"%.*s\", only INBOX", STR_ARG(mailbox));
	*state_out = (struct mailbox_state){
		.uidvalidity = 1,
		.uidnext = (uint32_t)s->n + 1,
		.exists = (uint32_t)s->n,
		.read_only = true,
	};
	return true;
}

/* Only an account can tell what the place is called.  A dry run says what it
 * is for, as `explain` does. */
static bool do_special(struct store *base, struct str attribute,
    struct str *mailbox_out, struct err *e)
{
	(void)base;
	(void)e;
	*mailbox_out = attribute;
	return true;
}

static bool do_create(struct store *base, struct str mailbox, struct err *e)
{
	(void)base;
	return err_set(e, ERR_MESSAGE, "mailbox \"%.*s\" cannot be made: "
	    "files are only read", STR_ARG(mailbox));
}

static bool do_prepare(struct store *base, struct op *ops, size_t n,
    struct err *e)
{
	(void)base;
	(void)ops;
	(void)n;
	(void)e;
	return true;
}

static bool do_apply(struct store *base, struct op *ops, size_t n,
    struct err *e)
{
	(void)base;
	(void)e;
	for (size_t i = 0; i < n; i++) {
		if (ops[i].outcome != OP_TODO)
			continue;
		ops[i].outcome = OP_FAILED;
		ops[i].reason = STR_LIT("files are only read; to change "
		    "mail, put it into a Maildir");
	}
	return true;
}

static bool do_find(struct store *base, struct str mailbox,
    uint32_t uidvalidity, uint32_t from_uid, const struct identity *id,
    uint32_t *uid_out, struct err *e)
{
	(void)base;
	(void)mailbox;
	(void)uidvalidity;
	(void)from_uid;
	(void)id;
	(void)e;
	*uid_out = 0;		/* nothing was ever put there by us */
	return true;
}

static bool do_finish_moves(struct store *base, struct op *ops, size_t n,
    struct err *e)
{
	return do_apply(base, ops, n, e);
}

static bool do_describe(struct store *base, struct buf *out, struct err *e)
{
	(void)e;
	buf_printf(out, "%zu messages in %zu files, only read\n",
	    files_of(base)->n, files_of(base)->n_files);
	return true;
}

static void do_close(struct store *base)
{
	struct store_files *s = files_of(base);

	for (size_t i = 0; i < s->n_files; i++)
		unmap(&s->files[i]);
	s->n = s->n_files = 0;
}

/* ----------------------------------------------------------------- open */

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* A file without a name; mail of others must not lie around. */
static int nameless_file(struct arena *a, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *path;
	int fd;

	path = arena_z(a, arena_printf(a, "%s/tamis-XXXXXX",
	    tmp && *tmp ? tmp : "/tmp"));
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		err_set(e, ERR_TEMP, "cannot make a temporary file %s: %s",
		    path, strerror(errno));
	else
		unlink(path);
	return fd;
}

/* What came from a pipe: what is short stays in memory. */
struct spool {
	struct str start;	/* what is in memory, if that is all */
	int file;		/* else */
	uint64_t size;
};

static bool spool_limit(struct store_files *s, const char *path,
    const struct spool *sp, const char *first, struct err *e)
{
	bool mbox = sp->size >= 5 && memcmp(first, "From ", 5) == 0;
	uint64_t max = mbox ? STREAM_MAX : s->message_max;

	if (sp->size <= max)
		return true;
	return err_set(e, ERR_MESSAGE, "%s is longer than %" PRIu64
	    " octets (limits.message)", path, max);
}

static bool drain(struct store_files *s, const char *path, int fd,
    struct spool *sp, struct err *e)
{
	struct arena *a = s->base.arena;
	char block[65536], *kept = arena_alloc(a, STREAM_KEPT);

	*sp = (struct spool){ .file = -1 };
	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_TEMP, "%s: %s", path,
			    strerror(errno));
		if (n == 0)
			break;
		if (sp->file < 0 && sp->size + (size_t)n > STREAM_KEPT) {
			sp->file = nameless_file(a, e);
			if (sp->file < 0)
				return false;
			if (!write_all(sp->file, kept, sp->size))
				return err_set(e, ERR_TEMP, "cannot write a "
				    "temporary file: %s", strerror(errno));
		}
		if (sp->file < 0)
			memcpy(kept + sp->size, block, (size_t)n);
		else if (!write_all(sp->file, block, (size_t)n))
			return err_set(e, ERR_TEMP, "cannot write a "
			    "temporary file: %s", strerror(errno));
		sp->size += (size_t)n;
		if (!spool_limit(s, path, sp, kept, e))
			return false;
	}
	sp->start = (struct str){ kept, sp->size };
	return true;
}

/* A pipe becomes a map like any file, of anonymous memory if it is short. */
static bool map_stream(struct store_files *s, struct mail_file *src, int fd,
    struct err *e)
{
	struct spool sp;
	bool ok = drain(s, src->path, fd, &sp, e);

	src->is_stream = true;
	src->size = (size_t)sp.size;
	src->in_memory = sp.file < 0;
	if (ok && src->in_memory && sp.size) {
		void *map = mmap(NULL, src->size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ok = map != MAP_FAILED;
		if (ok) {
			memcpy(map, sp.start.p, src->size);
			src->map = map;
		}
	} else if (ok) {
		ok = map_fd(src, sp.file);
	}
	if (!ok)
		err_set(e, ERR_TEMP, "%s: %s", src->path, strerror(errno));
	if (sp.file >= 0)
		close(sp.file);
	return ok;
}

/* Also of standard input, where it is a file from its beginning. */
static bool can_map(int fd, const struct mail_file *src)
{
	return S_ISREG(src->st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0;
}

static bool open_file(struct store_files *s, struct mail_file *src,
    struct err *e)
{
	bool is_stdin = strcmp(src->path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(src->path, O_RDONLY |
	    O_CLOEXEC | O_NOCTTY);
	bool ok;

	if (is_stdin)
		src->path = "standard input";
	if (fd < 0 || fstat(fd, &src->st) != 0)
		return err_set(e, ERR_USAGE, "%s: %s", src->path,
		    strerror(errno));
	if (S_ISDIR(src->st.st_mode)) {
		ok = err_set(e, ERR_USAGE, "%s is a folder and no Maildir; "
		    "name files", src->path);
	} else if (can_map(fd, src)) {
		src->is_stream = is_stdin;	/* it has no name */
		src->size = (size_t)src->st.st_size;
		ok = map_fd(src, fd) || err_set(e, ERR_TEMP, "%s: %s",
		    src->path, strerror(errno));
	} else {
		ok = map_stream(s, src, fd, e);
	}
	if (!is_stdin)
		close(fd);
	return ok;
}

/* An empty file holds no message. */
static bool add_file(struct store_files *s, uint32_t index, struct err *e)
{
	struct mail_file *src = &s->files[index];
	bool ok = true;

	if (!open_file(s, src, e))
		return false;
	src->is_mbox = is_from_line(src, 0);
	if (src->is_mbox)
		ok = split_mbox(s, index, e);
	else if (src->size)
		ok = add_message(s, &(struct message){ index, 0, 0,
		    src->size }, e);
	if (!src->is_stream)
		unmap(src);
	return ok;
}

static const struct store_kind files_kind = {
	.name = "files",
	.mailboxes = do_mailboxes,
	.special = do_special,
	.create = do_create,
	.select = do_select,
	.search = do_search,
	.fetch = do_fetch,
	.prepare = do_prepare,
	.apply = do_apply,
	.find = do_find,
	.finish_moves = do_finish_moves,
	.describe = do_describe,
	.close = do_close,
	.batch = 2500,
	.dear = RULES_ASK_SIZE,
	.read_only = true,
	.atomic_move = true,
};

bool store_files_open(struct arena *a, const char *const *paths, size_t n,
    uint64_t message_max, struct store **store_out, struct err *e)
{
	struct store_files *s = arena_make(a, struct store_files);

	s->base = (struct store){ .kind = files_kind, .arena = a };
	s->message_max = message_max;
	s->files = arena_array(a, n + 1, sizeof(*s->files));
	for (size_t i = 0; i < n; i++) {
		s->files[s->n_files++].path = arena_z(a, str_of(paths[i]));
		if (!add_file(s, (uint32_t)i, e)) {
			do_close(&s->base);
			return false;
		}
	}
	*store_out = &s->base;
	return true;
}
