#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/config.h"
#include "engine/identity.h"
#include "engine/journal.h"
#include "engine/maildir_folder.h"
#include "engine/maildir_keywords.h"
#include "engine/maildir_move.h"
#include "scratch.h"

#define NOW	1700000000
#define HEAD	"Message-ID: <%s@example.org>\nSubject: hello\n\n"

/* A Maildir, a journal beside it, and what a test looks at. */
struct room {
	struct arena *a;
	char *top, *path;
	struct config_limits limits;
	struct account account;
	struct journal *j;
	struct store *s;
	struct mailbox_state state;
	struct err e;
};

static struct room *room(void **state)
{
	return *state;
}

#define OK(call) \
	do { \
		if (!(call)) \
			fail_msg("%s: %s", #call, r->e.msg); \
	} while (0)

static void add_folder(struct room *r, const char *name)
{
	static const char *const kids[] = { "", "/cur", "/new", "/tmp" };

	for (size_t i = 0; i < COUNT(kids); i++)
		mkdir(arena_printf(r->a, "%s/%s%s", r->path, name,
		    kids[i]).p, 0700);
}

static int setup(void **state)
{
	struct arena *a = arena_new();
	struct room *r = arena_make(a, struct room);

	r->a = a;
	r->top = scratch_make(a);
	r->path = arena_z(a, arena_printf(a, "%s/Maildir", r->top));
	r->limits.message = 1 << 20;
	r->account = (struct account){ .name = "local",
	    .kind = ACCOUNT_MAILDIR, .maildir = r->path,
	    .limits = &r->limits };
	add_folder(r, "");
	*state = r;
	return 0;
}

static void shut(struct room *r)
{
	store_close(&r->s);
	journal_close(&r->j);
}

static int teardown(void **state)
{
	struct room *r = *state;
	struct arena *a = r->a;

	shut(r);
	scratch_remove(r->top);
	arena_free(&a);
	return 0;
}

static struct str path_of(struct room *r, const char *name)
{
	return arena_printf(r->a, "%s/%s", r->path, name);
}

/* A message whose Message-ID is its file's unique part. */
static void add(struct room *r, const char *name)
{
	const char *base = strrchr(name, '/') + 1;
	struct str unique = maildir_unique(str_of(base));

	scratch_write(path_of(r, name).p, arena_printf(r->a, HEAD "body\n",
	    arena_z(r->a, unique)));
}

static void add_text(struct room *r, const char *name, struct str text)
{
	scratch_write(path_of(r, name).p, text);
}

static void open_store(struct room *r, bool journal)
{
	shut(r);
	if (journal)
		OK(journal_open(arena_printf(r->a, "%s/state", r->top).p,
		    r->path, JOURNAL_WRITE, NOW, &r->j, &r->e));
	OK(store_maildir_open(r->a, r->path, &r->account, r->j, &r->s,
	    &r->e));
}

static void choose(struct room *r, const char *mailbox, bool write)
{
	OK(r->s->kind.select(r->s, str_of(mailbox), write, &r->state,
	    &r->e));
}

/* --------------------------------------------------------- what is seen */

struct seen {
	struct room *r;
	size_t n;
	struct {
		uint32_t uid;
		const char *name, *flags, *labels, *denied, *bytes;
		uint64_t size;
		int64_t received;
		unsigned known;
		enum mail_have have;
		bool deleted;
		size_t length;
	} m[64];
};

static const char *joined(struct arena *a, const struct str *list, size_t n)
{
	struct str text = STR_EMPTY;

	for (size_t i = 0; i < n; i++)
		text = arena_printf(a, "%.*s%s%.*s", STR_ARG(text),
		    i ? " " : "", STR_ARG(list[i]));
	return arena_z(a, text);
}

static bool see(void *ctx, const struct fetched *f, struct err *e)
{
	struct seen *s = ctx;
	struct arena *a = s->r->a;
	size_t i = s->n++;

	(void)e;
	assert_true(i < COUNT(s->m));
	s->m[i].uid = f->facts.uid;
	s->m[i].name = arena_z(a, f->name);
	s->m[i].flags = joined(a, f->facts.flags, f->facts.n_flags);
	s->m[i].labels = joined(a, f->facts.labels, f->facts.n_labels);
	s->m[i].denied = f->denied;
	s->m[i].bytes = arena_z(a, f->bytes);
	s->m[i].length = f->bytes.n;
	s->m[i].size = f->facts.size;
	s->m[i].received = f->facts.received;
	s->m[i].known = f->facts.known;
	s->m[i].have = f->have;
	s->m[i].deleted = f->deleted;
	assert_true(str_eq_z(f->facts.account, "local"));
	return true;
}

static void look_with(struct room *r, const struct fetch_items *items,
    struct seen *s)
{
	struct uidset all;

	uidset_init(&all, r->a);
	uidset_add_range(&all, 1, UIDSET_MAX);
	memset(s, 0, sizeof(*s));
	s->r = r;
	OK(r->s->kind.fetch(r->s, &all, items, see, s, &r->e));
}

static void look(struct room *r, unsigned ask, struct seen *s)
{
	struct fetch_items items = { .ask = ask };

	look_with(r, &items, s);
}

#define NAMES	(RULES_ASK_FLAGS | RULES_ASK_LABELS)

/* "uid name [flags] [labels]" a line, in the order of names. */
static const char *shown_mail(struct room *r)
{
	struct str text = STR_EMPTY;
	struct seen s;

	look(r, NAMES, &s);
	for (size_t i = 0; i < s.n; i++)
		text = arena_printf(r->a, "%.*s%u %.*s [%s] [%s]\n",
		    STR_ARG(text), s.m[i].uid,
		    (int)maildir_unique(str_of(s.m[i].name)).n, s.m[i].name,
		    s.m[i].flags, s.m[i].labels);
	return arena_z(r->a, text);
}

/* ----------------------------------------------------------------- ops */

static struct op op_on(struct room *r, uint32_t uid, enum op_kind kind,
    const char *names)
{
	struct op op = { .kind = kind, .uid = uid };
	struct str rest = arena_str(r->a, str_of(names)), *list;

	if (kind == OP_COPY || kind == OP_MOVE) {
		op.mailbox = rest;
		return op;
	}
	list = arena_array(r->a, 64, sizeof(*list));
	while (str_cut(&rest, ' ', &list[op.n_names]))
		op.n_names++;
	op.names = list;
	return op;
}

static void do_ops(struct room *r, struct op *ops, size_t n)
{
	OK(r->s->kind.prepare(r->s, ops, n, &r->e));
	OK(r->s->kind.apply(r->s, ops, n, &r->e));
}

static void must_do(struct room *r, struct op *ops, size_t n)
{
	do_ops(r, ops, n);
	for (size_t i = 0; i < n; i++)
		if (ops[i].outcome != OP_DONE)
			fail_msg("op %zu: outcome %d: %.*s", i,
			    (int)ops[i].outcome, STR_ARG(ops[i].reason));
}

static void do_one(struct room *r, uint32_t uid, enum op_kind kind,
    const char *names)
{
	struct op op = op_on(r, uid, kind, names);

	must_do(r, &op, 1);
}

static void must_fail(struct room *r, struct op op, const char *says)
{
	do_ops(r, &op, 1);
	assert_int_equal(op.outcome, OP_FAILED);
	if (!strstr(arena_z(r->a, op.reason), says))
		fail_msg("\"%.*s\" does not say \"%s\"", STR_ARG(op.reason),
		    says);
}

/* All files of mail; state and Dovecot's files are left out. */
static const char *files(struct room *r)
{
	struct str rest = str_of(scratch_list(r->a, r->path, false)), line;
	struct str text = STR_EMPTY;

	while (str_cut(&rest, '\n', &line)) {
		char *z = arena_z(r->a, line);

		if (strstr(z, "cur/") || strstr(z, "new/") ||
		    strstr(z, "tmp/"))
			text = arena_printf(r->a, "%.*s%s\n", STR_ARG(text),
			    z);
	}
	return arena_z(r->a, text);
}

/* ---------------------------------------------------------------- names */

static void test_file_names(void **state)
{
	struct arena *a = room(state)->a;
	struct str name = STR_LIT("170.M1P2.host,S=12,W=15:2,FSac,x=y");
	uint64_t size;

	assert_true(str_eq_z(maildir_unique(name), "170.M1P2.host,S=12,W=15"));
	assert_true(maildir_letters_of(name) == (MAILDIR_LETTER('F') |
	    MAILDIR_LETTER('S') | MAILDIR_KEYWORD(0) | MAILDIR_KEYWORD(2)));
	assert_true(str_eq_z(maildir_tail(name), ",x=y"));
	assert_string_equal(maildir_name(a, maildir_unique(name),
	    MAILDIR_LETTER('z') | MAILDIR_LETTER('A') | MAILDIR_LETTER('S') |
	    MAILDIR_LETTER('a'), maildir_tail(name)).p,
	    "170.M1P2.host,S=12,W=15:2,ASaz,x=y");
	assert_true(maildir_size(name, 'S', &size) && size == 12);
	assert_true(maildir_size(name, 'W', &size) && size == 15);
	assert_false(maildir_size(STR_LIT("1.a,S=:2,"), 'S', &size));
	assert_false(maildir_size(STR_LIT("1.a,S=-1:2,"), 'S', &size));
	assert_false(maildir_size(STR_LIT("1.a,XS=1:2,"), 'S', &size));
	assert_false(maildir_size(STR_LIT("1.a:2,S=5"), 'S', &size));
	assert_true(maildir_letters_of(STR_LIT("1.a")) == 0);
	assert_true(maildir_letters_of(STR_LIT("1.a:1,S")) == 0);
	assert_true(maildir_letters_of(STR_LIT("1.a:2")) == 0);
	assert_true(maildir_letters_of(STR_LIT(":2,S")) ==
	    MAILDIR_LETTER('S'));
	assert_string_equal(maildir_copy_name(a, STR_LIT("170.a,S=1"),
	    STR_LIT("X")).p, maildir_copy_name(a, STR_LIT("170.a,S=1"),
	    STR_LIT("X")).p);
	assert_string_not_equal(maildir_copy_name(a, STR_LIT("170.a,S=1"),
	    STR_LIT("X")).p, maildir_copy_name(a, STR_LIT("170.a,S=1"),
	    STR_LIT("Y")).p);
	assert_true(str_starts(maildir_copy_name(a, STR_LIT("170.a,S=1"),
	    STR_LIT("X")), STR_LIT("170.C")));
	assert_true(str_ends(maildir_copy_name(a, STR_LIT("170.a,S=1"),
	    STR_LIT("X")), STR_LIT(".tamis,S=1")));
	assert_true(str_starts(maildir_copy_name(a, STR_LIT("x"),
	    STR_LIT("X")), STR_LIT("0.C")));
}

static void test_folder_names(void **state)
{
	static const struct {
		const char *mailbox, *folder;
	} rows[] = {
		{ "INBOX", "." }, { "inbox", "." }, { "a", ".a" },
		{ "a/b c", ".a.b c" }, { "R&D", ".R&-D" },
		{ "caf\xc3\xa9", ".caf&AOk-" },
	};
	static const char *const bad[] = {
		"", "/", "a/", "/a", "a//b", "a.b", "a\xff",
	};
	struct room *r = room(state);
	struct str got;

	for (size_t i = 0; i < COUNT(rows); i++) {
		OK(maildir_folder_name(r->a, str_of(rows[i].mailbox), &got,
		    &r->e));
		assert_string_equal(got.p, rows[i].folder);
		if (i < 2)
			continue;
		assert_true(maildir_mailbox_of(r->a, got, &got));
		assert_string_equal(got.p, rows[i].mailbox);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(maildir_folder_name(r->a, str_of(bad[i]), &got,
		    &r->e));
		assert_int_equal(r->e.kind, ERR_MESSAGE);
		err_clear(&r->e);
	}
	assert_false(maildir_mailbox_of(r->a, STR_LIT("."), &got));
	assert_false(maildir_mailbox_of(r->a, STR_LIT(".."), &got));
	assert_false(maildir_mailbox_of(r->a, STR_LIT("a"), &got));
	assert_false(maildir_mailbox_of(r->a, STR_LIT("..a"), &got));
	assert_false(maildir_mailbox_of(r->a, STR_LIT(".a."), &got));
	assert_false(maildir_mailbox_of(r->a, STR_LIT(".INBOX"), &got));
	assert_true(maildir_mailbox_of(r->a, STR_LIT(".a&b"), &got));
	assert_string_equal(got.p, "a&b");
}

static void test_open(void **state)
{
	struct room *r = room(state);

	assert_false(store_maildir_open(r->a, path_of(r, "none").p, NULL,
	    NULL, &r->s, &r->e));
	assert_int_equal(r->e.kind, ERR_CONFIG);
	err_clear(&r->e);
	assert_false(store_maildir_open(r->a, path_of(r, "tmp").p, NULL,
	    NULL, &r->s, &r->e));
	assert_int_equal(r->e.kind, ERR_CONFIG);
	assert_non_null(strstr(r->e.msg, "no Maildir"));
	err_clear(&r->e);
	store_close(&r->s);	/* nothing is open: fine */
	open_store(r, false);
	assert_false(r->s->kind.select(r->s, STR_LIT("Nowhere"), false,
	    &r->state, &r->e));
	assert_int_equal(r->e.kind, ERR_MESSAGE);
	err_clear(&r->e);
}

static void test_mailboxes(void **state)
{
	static const char *const want[] = { "INBOX", "Old", "Spam", ("caf"
	    "\xc3\xa9"), "lists/a b", "raw&x" };
	const struct mailbox_info *list;
	struct room *r = room(state);
	struct str got;
	size_t n;

	add_folder(r, ".lists.a b");
	add_folder(r, ".caf&AOk-");
	add_folder(r, ".raw&x");
	add_folder(r, ".Old");
	add_folder(r, ".Spam");
	mkdir(path_of(r, ".nofolder").p, 0700);
	scratch_write(path_of(r, ".file").p, STR_LIT("x"));
	r->account.archive = "Old";
	open_store(r, false);
	OK(r->s->kind.mailboxes(r->s, &list, &n, &r->e));
	assert_int_equal(n, COUNT(want));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(list[i].name.p, want[i]);
	assert_string_equal(list[1].special.p, "\\Archive");
	assert_string_equal(list[2].special.p, "\\Junk");
	assert_int_equal(list[0].special.n, 0);
	OK(r->s->kind.special(r->s, STR_LIT("\\archive"), &got, &r->e));
	assert_string_equal(got.p, "Old");
	OK(r->s->kind.special(r->s, STR_LIT("\\Junk"), &got, &r->e));
	assert_string_equal(got.p, "Spam");
	OK(r->s->kind.special(r->s, STR_LIT("\\Trash"), &got, &r->e));
	assert_string_equal(got.p, "Trash");
	assert_false(r->s->kind.special(r->s, STR_LIT("\\All"), &got,
	    &r->e));
	assert_int_equal(r->e.kind, ERR_MESSAGE);
	err_clear(&r->e);
	for (size_t i = 0; i < n; i++)
		choose(r, want[i], false);
}

static void test_create(void **state)
{
	struct room *r = room(state);
	struct stat st;

	assert_int_equal(chmod(r->path, 0750), 0);
	open_store(r, false);
	for (int i = 0; i < 2; i++)
		OK(r->s->kind.create(r->s, STR_LIT("a/caf\xc3\xa9"), &r->e));
	OK(r->s->kind.create(r->s, STR_LIT("INBOX"), &r->e));
	assert_int_equal(stat(path_of(r, ".a.caf&AOk-/cur").p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(stat(path_of(r, ".a.caf&AOk-/maildirfolder").p,
	    &st), 0);
	choose(r, "a/caf\xc3\xa9", true);
	assert_int_equal(r->state.exists, 0);
	/* what a crash left of one */
	mkdir(path_of(r, ".half").p, 0700);
	OK(r->s->kind.create(r->s, STR_LIT("half"), &r->e));
	choose(r, "half", true);
	assert_false(r->s->kind.create(r->s, STR_LIT("a.b"), &r->e));
	assert_int_equal(r->e.kind, ERR_MESSAGE);
	err_clear(&r->e);
}

static const char *subscriptions(struct room *r)
{
	return arena_z(r->a, scratch_read(r->a,
	    path_of(r, "subscriptions").p));
}

static void test_subscriptions(void **state)
{
	struct room *r = room(state);
	struct stat st;

	open_store(r, false);
	OK(r->s->kind.create(r->s, STR_LIT("none"), &r->e));
	assert_int_not_equal(stat(path_of(r, "subscriptions").p, &st), 0);
	/* both forms, as Dovecot 2.3 writes them */
	scratch_write(path_of(r, "subscriptions").p, STR_LIT("V\t2\n\nOld\n"));
	OK(r->s->kind.create(r->s, STR_LIT("a/caf\xc3\xa9"), &r->e));
	OK(r->s->kind.create(r->s, STR_LIT("none"), &r->e));
	assert_string_equal(subscriptions(r),
	    "V\t2\n\nOld\na\tcaf&AOk-\n");
	scratch_write(path_of(r, "subscriptions").p, STR_LIT("b.c\nx"));
	OK(r->s->kind.create(r->s, STR_LIT("a/d"), &r->e));
	OK(r->s->kind.create(r->s, STR_LIT("b/c"), &r->e));
	assert_string_equal(subscriptions(r), "b.c\nx\na.d\n");
	/* while somebody else writes it, it is left alone */
	scratch_write(path_of(r, "subscriptions.lock").p, STR_EMPTY);
	OK(r->s->kind.create(r->s, STR_LIT("e"), &r->e));
	assert_string_equal(subscriptions(r), "b.c\nx\na.d\n");
	assert_int_equal(stat(path_of(r, "subscriptions.lock").p, &st), 0);
}

/* ---------------------------------------------------------------- facts */

static void test_facts(void **state)
{
	struct room *r = room(state);
	struct seen s;

	add(r, "new/1.new");
	add(r, "cur/2.plain:2,");
	add(r, "cur/3.all:2,DFPRST");
	add(r, "cur/4.words:2,Sabcdz");
	add(r, "cur/5.none");
	scratch_write(path_of(r, "cur/.hidden:2,").p, STR_LIT("x"));
	mkdir(path_of(r, "cur/6.folder:2,").p, 0700);
	scratch_write(path_of(r, "dovecot-keywords").p, STR_LIT(
	    "0 work\n1 to&ACA-do\n2 NonJunk\n3 $Forwarded\n99 bad\nx\n"));
	open_store(r, false);
	choose(r, "INBOX", false);
	assert_int_equal(r->state.exists, 5);
	assert_int_equal(r->state.uidnext, 6);
	assert_string_equal(shown_mail(r),
	    "1 1.new [] []\n"
	    "2 2.plain [] []\n"
	    "3 3.all [\\Draft \\Flagged $Forwarded \\Answered \\Seen "
	    "\\Deleted] []\n"
	    "4 4.words [\\Seen work to&ACA-do NonJunk $Forwarded] "
	    "[work to do]\n"
	    "5 5.none [] []\n");
	look(r, RULES_ASK_FLAGS, &s);
	assert_true(s.m[2].deleted);
	assert_false(s.m[1].deleted);
	assert_int_equal(s.m[0].have, 0);
	assert_int_equal(s.m[0].known & NAMES, NAMES);
	r->account.labels = LABELS_FOLDERS;
	open_store(r, false);
	choose(r, "INBOX", false);
	look(r, NAMES, &s);
	assert_string_equal(s.m[3].flags,
	    "\\Seen work to&ACA-do NonJunk $Forwarded");
	assert_string_equal(s.m[3].labels, "");
}

static struct str repeated(struct room *r, const char *what, size_t n)
{
	struct buf b;
	struct str text;

	buf_init(&b, 1 << 24);
	for (size_t i = 0; i < n; i++)
		buf_add_z(&b, what);
	text = arena_str(r->a, buf_str(&b));
	buf_free(&b);
	return text;
}

static void test_sizes(void **state)
{
	struct room *r = room(state);
	struct str lines = repeated(r, "0123456789\n", 20000);
	struct str crlf = repeated(r, "0123456789\r\n", 20000);
	struct seen s;

	add_text(r, "cur/1.lf:2,", STR_LIT("a: b\n\nx\n"));
	add_text(r, "cur/2.crlf:2,", STR_LIT("a: b\r\n\r\nx\r\n"));
	add_text(r, "cur/3.mixed:2,", STR_LIT("a: b\r\n\nx\r"));
	add_text(r, "cur/4.named,S=8,W=11:2,", STR_LIT("a: b\n\nx\n"));
	/* sizes that cannot be are not believed */
	add_text(r, "cur/5.lie,S=8,W=7:2,", STR_LIT("a: b\n\nx\n"));
	add_text(r, "cur/6.lie,S=8,W=99:2,", STR_LIT("a: b\n\nx\n"));
	add_text(r, "cur/7.empty:2,", STR_EMPTY);
	add_text(r, "cur/8.long:2,", lines);
	add_text(r, "cur/9.longcrlf:2,", crlf);
	open_store(r, false);
	choose(r, "INBOX", false);
	for (int i = 0; i < 3; i++) {
		look(r, RULES_ASK_SIZE | (i > 0 ? RULES_ASK_FIELDS : 0) |
		    (i > 1 ? RULES_ASK_BODY : 0), &s);
		assert_int_equal(s.n, 9);
		assert_int_equal(s.m[0].size, 11);
		assert_int_equal(s.m[1].size, 11);
		assert_int_equal(s.m[2].size, 10);
		assert_int_equal(s.m[3].size, 11);
		assert_int_equal(s.m[4].size, 11);
		assert_int_equal(s.m[5].size, 11);
		assert_int_equal(s.m[6].size, 0);
		assert_int_equal(s.m[7].size, 240000);
		assert_int_equal(s.m[8].size, 240000);
	}
}

static void test_received_and_search(void **state)
{
	/* 2023-11-14 22:13:20, and a day before and after */
	static const int64_t times[] = { NOW - 86400, NOW, NOW + 86400 };
	struct store_query q = { .since = TIME_NONE };
	struct room *r = room(state);
	struct uidset set;
	struct seen s;

	for (size_t i = 0; i < 3; i++) {
		struct str name = arena_printf(r->a, "cur/%zu.m:2,", i + 1);
		struct timespec t[2] = { { times[i], 5 }, { times[i], 5 } };

		add(r, name.p);
		utimensat(AT_FDCWD, path_of(r, name.p).p, t, 0);
	}
	open_store(r, false);
	choose(r, "INBOX", false);
	look(r, RULES_ASK_RECEIVED, &s);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(s.m[i].received, times[i]);
	uidset_init(&set, r->a);
	OK(r->s->kind.search(r->s, &q, &set, &r->e));
	assert_int_equal(uidset_count(&set), 3);
	uidset_init(&set, r->a);
	q.since = NOW + 5000;		/* the same day */
	OK(r->s->kind.search(r->s, &q, &set, &r->e));
	assert_int_equal(uidset_count(&set), 2);
	assert_true(uidset_has(&set, 2) && uidset_has(&set, 3));
	q.from_uid = 3;
	uidset_init(&set, r->a);
	OK(r->s->kind.search(r->s, &q, &set, &r->e));
	assert_int_equal(uidset_count(&set), 1);
	q.criteria = STR_LIT("ALL");
	assert_false(r->s->kind.search(r->s, &q, &set, &r->e));
	assert_int_equal(r->e.kind, ERR_USAGE);
	err_clear(&r->e);
}

/* ---------------------------------------------------------------- bytes */

static void test_header_and_body(void **state)
{
	struct room *r = room(state);
	struct str fold = repeated(r, " folded folded folded\n", 40000);
	struct str body = repeated(r, "text text text text\n", 5000);
	size_t head[4];
	struct seen s;

	add_text(r, "cur/1.short:2,", STR_LIT("a: b\n\nbody\n"));
	add_text(r, "cur/2.long:2,", arena_printf(r->a, "a: b\n%.*s\n%.*s",
	    STR_ARG(fold), STR_ARG(body)));
	add_text(r, "cur/3.nobody:2,", STR_LIT("a: b\n"));
	add_text(r, "cur/4.empty:2,", STR_EMPTY);
	add_text(r, "cur/5.bodyonly:2,", STR_LIT("\nbody\n"));
	add_text(r, "cur/6.big:2,", arena_printf(r->a, "a: b\n\n%.*s",
	    STR_ARG(body)));
	open_store(r, false);
	choose(r, "INBOX", false);
	look(r, RULES_ASK_FIELDS, &s);
	assert_int_equal(s.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(s.m[i].have, MAIL_HEADER);
	assert_string_equal(s.m[0].bytes, "a: b\n\n");
	assert_int_equal(s.m[1].length, 5 + fold.n + 1);
	assert_string_equal(s.m[2].bytes, "a: b\n");
	assert_string_equal(s.m[3].bytes, "");
	assert_string_equal(s.m[4].bytes, "\n");
	assert_string_equal(s.m[5].bytes, "a: b\n\n");
	for (size_t i = 0; i < 4; i++)
		head[i] = s.m[i].length;
	look(r, RULES_ASK_FIELDS | RULES_ASK_BODY, &s);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(s.m[i].have, MAIL_WHOLE);
	assert_string_equal(s.m[0].bytes, "a: b\n\nbody\n");
	assert_int_equal(s.m[1].length, head[1] + body.n);
	assert_string_equal(s.m[1].bytes + head[1], body.p);
	assert_int_equal(s.m[5].length, 6 + body.n);
}

/* Header lines whose empty line stands at each place around the end of the
 * first block that is read. */
static void test_header_at_block_end(void **state)
{
	struct room *r = room(state);
	struct seen s;

	for (size_t n = 16384 - 8; n < 16384 + 8; n++) {
		struct str name = arena_printf(r->a, "cur/%zu.m:2,", n);
		struct str fill = repeated(r, "x", n - 5);

		add_text(r, name.p, arena_printf(r->a, "a: %.*s\n\nbody\n",
		    STR_ARG(fill)));
	}
	open_store(r, false);
	choose(r, "INBOX", false);
	look(r, RULES_ASK_FIELDS, &s);
	assert_int_equal(s.n, 16);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(s.m[i].length, 16384 - 8 + i);
}

static void test_what_cannot_be_read(void **state)
{
	struct room *r = room(state);
	struct seen s;

	add_text(r, "cur/1.big:2,", repeated(r, "a: 0123456789\n", 80000));
	assert_int_equal(mkfifo(path_of(r, "cur/2.fifo:2,").p, 0600), 0);
	assert_int_equal(symlink("/etc/passwd",
	    path_of(r, "cur/3.link:2,").p), 0);
	add(r, "cur/4.fine:2,");
	open_store(r, false);
	choose(r, "INBOX", false);
	look(r, RULES_ASK_FIELDS | RULES_ASK_BODY, &s);
	assert_int_equal(s.n, 4);
	assert_non_null(strstr(s.m[0].denied, "larger"));
	assert_int_equal(s.m[0].have, MAIL_HEADER);
	assert_non_null(s.m[1].denied);
	assert_non_null(s.m[2].denied);
	assert_int_equal(s.m[2].have, 0);
	assert_null(s.m[3].denied);
	assert_int_equal(s.m[3].have, MAIL_WHOLE);
}

static void test_reading_changes_nothing(void **state)
{
	struct room *r = room(state);
	const char *before;
	struct seen s;

	add(r, "new/1.a");
	add(r, "cur/2.b:2,S");
	add_folder(r, ".X");
	add(r, ".X/cur/3.c:2,");
	before = scratch_list(r->a, r->path, true);
	open_store(r, true);
	choose(r, "INBOX", false);
	assert_true(r->state.read_only);
	look(r, NAMES | RULES_ASK_SIZE | RULES_ASK_BODY | RULES_ASK_FIELDS,
	    &s);
	must_fail(r, op_on(r, 1, OP_ADD_FLAGS, "\\Seen"), "read only");
	must_fail(r, op_on(r, 1, OP_MOVE, "X"), "read only");
	shut(r);
	assert_string_equal(scratch_list(r->a, r->path, true), before);
}

/* ------------------------------------------- others use the Maildir too */

static void rename_in(struct room *r, const char *from, const char *to)
{
	assert_int_equal(rename(path_of(r, from).p, path_of(r, to).p), 0);
}

static void test_renamed_meanwhile(void **state)
{
	struct room *r = room(state);
	struct seen s;

	add(r, "new/1.a");
	add(r, "cur/2.b:2,");
	add(r, "cur/3.c:2,");
	open_store(r, true);
	choose(r, "INBOX", true);
	rename_in(r, "new/1.a", "cur/1.a:2,F");
	rename_in(r, "cur/2.b:2,", "cur/2.b:2,S");
	unlink(path_of(r, "cur/3.c:2,").p);
	add(r, "new/4.late");
	look(r, NAMES | RULES_ASK_FIELDS, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.m[0].flags, "\\Flagged");
	assert_string_equal(s.m[1].flags, "\\Seen");
	/* and between fetch and apply */
	rename_in(r, "cur/2.b:2,S", "cur/2.b:2,RS");
	do_one(r, 2, OP_ADD_FLAGS, "\\Flagged");
	must_fail(r, op_on(r, 3, OP_ADD_FLAGS, "\\Flagged"), "not there");
	assert_string_equal(files(r),
	    "cur/1.a:2,F\ncur/2.b:2,FRS\nnew/4.late\n");
	choose(r, "INBOX", true);
	assert_string_equal(shown_mail(r),
	    "1 1.a [\\Flagged] []\n"
	    "2 2.b [\\Flagged \\Answered \\Seen] []\n"
	    "4 4.late [] []\n");
}

/* The same message in both folders, as a crash of somebody else's mover
 * leaves it: it is one. */
static void test_twice_by_name(void **state)
{
	struct room *r = room(state);

	add(r, "new/1.a");
	add(r, "cur/1.a:2,S");
	open_store(r, false);
	choose(r, "INBOX", false);
	assert_string_equal(shown_mail(r), "1 1.a [\\Seen] []\n");
}

#define MANY	60

/* Somebody renames all the time: no message is missed, none comes twice. */
static void test_busy_folder(void **state)
{
	struct room *r = room(state);
	pid_t pid;
	int status;

	for (int i = 0; i < MANY; i++)
		add(r, arena_printf(r->a, "cur/%02d.m:2,", i).p);
	pid = fork();
	if (pid == 0) {
		char from[64], to[64];

		if (chdir(r->path) != 0)
			_exit(1);
		for (int round = 0; ; round++)
			for (int i = 0; i < MANY; i++) {
				snprintf(from, sizeof(from),
				    "cur/%02d.m:2,%s", i,
				    round % 2 ? "S" : "");
				snprintf(to, sizeof(to), "cur/%02d.m:2,%s",
				    i, round % 2 ? "" : "S");
				if (rename(from, to) != 0)
					_exit(2);
			}
	}
	open_store(r, true);
	for (int i = 0; i < 30; i++) {
		struct seen s;

		choose(r, "INBOX", true);
		assert_int_equal(r->state.exists, MANY);
		assert_int_equal(r->state.uidnext, MANY + 1);
		look(r, RULES_ASK_FIELDS, &s);
		/* a file may change its name more often than we look */
		for (size_t k = 0; k < s.n; k++) {
			assert_int_equal(s.m[k].uid, k + 1);
			assert_true(s.m[k].have || s.m[k].denied);
		}
		assert_int_equal(s.n, MANY);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* ---------------------------------------------------------- flags, words */

static void test_flags(void **state)
{
	struct room *r = room(state);
	struct op ops[3];

	add(r, "new/1.a");
	add(r, "cur/2.b:2,QS");
	add(r, "new/3.c");
	add(r, "cur/4.d:2,S,keep=1");
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_ADD_FLAGS, "\\Flagged \\Seen");
	ops[1] = op_on(r, 2, OP_ADD_FLAGS, "$Forwarded \\answered");
	ops[2] = op_on(r, 2, OP_REMOVE_FLAGS, "\\Seen $Junk");
	must_do(r, ops, 3);
	do_one(r, 3, OP_REMOVE_FLAGS, "\\Seen");	/* it has it not */
	do_one(r, 4, OP_ADD_FLAGS, "\\Draft");
	assert_string_equal(files(r), "cur/1.a:2,FS\ncur/2.b:2,PQR\n"
	    "cur/4.d:2,DS,keep=1\nnew/3.c\n");
	assert_string_equal(shown_mail(r),
	    "1 1.a [\\Flagged \\Seen] []\n"
	    "2 2.b [$Forwarded \\Answered] []\n"
	    "3 3.c [] []\n"
	    "4 4.d [\\Draft \\Seen] []\n");
	must_fail(r, op_on(r, 1, OP_ADD_FLAGS, "\\Recent"), "\\Recent");
	must_fail(r, op_on(r, 1, OP_ADD_FLAGS, "caf\xc3\xa9"), "cannot hold");
	must_fail(r, op_on(r, 99, OP_ADD_FLAGS, "\\Seen"), "not there");
}

static const char *keywords_file(struct room *r, const char *folder)
{
	return arena_z(r->a, scratch_read(r->a, path_of(r,
	    arena_printf(r->a, "%sdovecot-keywords", folder).p).p));
}

static void test_keywords(void **state)
{
	struct room *r = room(state);
	struct op ops[3];
	struct stat st;

	add(r, "new/1.a");
	add(r, "cur/2.b:2,Sq");
	scratch_write(path_of(r, "dovecot-keywords").p,
	    STR_LIT("0 other\n2 work\n"));
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_ADD_LABELS, "work caf\xc3\xa9");
	ops[1] = op_on(r, 1, OP_ADD_FLAGS, "$Junk");
	ops[2] = op_on(r, 2, OP_ADD_LABELS, "caf\xc3\xa9");
	must_do(r, ops, 3);
	assert_string_equal(keywords_file(r, ""),
	    "0 other\n1 $Junk\n2 work\n3 caf&AOk-\n");
	assert_string_equal(files(r), "cur/1.a:2,bcd\ncur/2.b:2,Sdq\n");
	assert_string_equal(shown_mail(r),
	    "1 1.a [$Junk work caf&AOk-] [work caf\xc3\xa9]\n"
	    "2 2.b [\\Seen caf&AOk-] [caf\xc3\xa9]\n");
	ops[0] = op_on(r, 1, OP_REMOVE_LABELS, "work none");
	ops[1] = op_on(r, 1, OP_REMOVE_FLAGS, "$JUNK");
	must_do(r, ops, 2);
	assert_string_equal(files(r), "cur/1.a:2,d\ncur/2.b:2,Sdq\n");
	/* nothing of the locks stays */
	assert_int_not_equal(stat(path_of(r, "dovecot-uidlist.lock").p, &st),
	    0);
	assert_int_not_equal(stat(path_of(r, "dovecot-keywords.lock").p,
	    &st), 0);
	must_fail(r, op_on(r, 1, OP_ADD_LABELS, "bad\xff"), "UTF-8");
}

static void test_keywords_full(void **state)
{
	struct room *r = room(state);
	struct op ops[3];
	struct buf b;

	buf_init(&b, 4096);
	for (int i = 0; i < 25; i++)
		buf_printf(&b, "%d word%d\n", i, i);
	scratch_write(path_of(r, "dovecot-keywords").p, buf_str(&b));
	add_folder(r, ".Full");
	buf_add_z(&b, "25 last\n");
	scratch_write(path_of(r, ".Full/dovecot-keywords").p, buf_str(&b));
	buf_free(&b);
	add(r, "cur/1.a:2,");
	add(r, "cur/2.b:2,");
	add(r, "cur/3.c:2,S");
	open_store(r, true);
	choose(r, "INBOX", true);
	do_one(r, 1, OP_ADD_LABELS, "x26");
	ops[0] = op_on(r, 2, OP_ADD_FLAGS, "\\Seen");
	ops[1] = op_on(r, 2, OP_ADD_LABELS, "x27");
	ops[2] = op_on(r, 3, OP_ADD_LABELS, "word3");
	do_ops(r, ops, 3);
	assert_int_equal(ops[0].outcome, OP_DONE);
	assert_int_equal(ops[1].outcome, OP_FAILED);
	assert_false(ops[1].retry);
	assert_non_null(strstr(arena_z(r->a, ops[1].reason), "26 keywords"));
	assert_int_equal(ops[2].outcome, OP_DONE);
	/* a move that would lose a keyword does not happen, its flag does */
	ops[0] = op_on(r, 1, OP_ADD_FLAGS, "\\Flagged");
	ops[1] = op_on(r, 1, OP_MOVE, "Full");
	do_ops(r, ops, 2);
	assert_int_equal(ops[0].outcome, OP_DONE);
	assert_int_equal(ops[1].outcome, OP_FAILED);
	assert_string_equal(files(r),
	    "cur/1.a:2,Fz\ncur/2.b:2,S\ncur/3.c:2,Sd\n");
}

/* Locks that a crash left: of a process that has ended, and of one that
 * nobody knows but that is old. */
static void test_stale_locks(void **state)
{
	struct timespec old[2] = { { NOW, 0 }, { NOW, 0 } };
	struct room *r = room(state);
	struct str lock = path_of(r, "dovecot-uidlist.lock");
	char host[256];
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	gethostname(host, sizeof(host));
	add(r, "cur/1.a:2,");
	open_store(r, true);
	choose(r, "INBOX", true);
	scratch_write(lock.p, arena_printf(r->a, "%d:%s", (int)pid, host));
	scratch_write(path_of(r, "dovecot-keywords.lock").p, STR_LIT("0 x"));
	do_one(r, 1, OP_ADD_LABELS, "one");
	scratch_write(lock.p, STR_LIT("nonsense"));
	utimensat(AT_FDCWD, lock.p, old, 0);
	do_one(r, 1, OP_ADD_LABELS, "two");
	assert_string_equal(keywords_file(r, ""), "0 one\n1 two\n");
	assert_string_equal(files(r), "cur/1.a:2,ab\n");
}

/* A keywords file that cannot be understood is not replaced. */
static void test_keywords_unreadable(void **state)
{
	struct room *r = room(state);
	struct str huge = repeated(r, "0 x\n", 20000);
	struct op ops[2];

	add(r, "cur/1.a:2,");
	scratch_write(path_of(r, "dovecot-keywords").p, huge);
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_ADD_LABELS, "new");
	ops[1] = op_on(r, 1, OP_ADD_FLAGS, "\\Seen");
	do_ops(r, ops, 2);
	assert_int_equal(ops[0].outcome, OP_FAILED);
	assert_int_equal(ops[1].outcome, OP_DONE);
	assert_true(str_eq_z(huge, keywords_file(r, "")));
	assert_string_equal(files(r), "cur/1.a:2,S\n");
	assert_int_not_equal(access(path_of(r, "dovecot-uidlist.lock").p,
	    F_OK), 0);
}

/* Somebody who lives holds the lock: what needs a new keyword fails and may
 * be tried again, everything else is done. */
static void test_locked(void **state)
{
	struct room *r = room(state);
	struct op ops[5];
	struct str lock;
	char host[256];

	gethostname(host, sizeof(host));
	lock = arena_printf(r->a, "%d:%s", (int)getpid(), host);
	add(r, "cur/1.a:2,");
	add(r, "cur/2.b:2,");
	add_folder(r, ".X");
	add_folder(r, ".Y");
	scratch_write(path_of(r, "dovecot-keywords").p, STR_LIT("0 old\n"));
	scratch_write(path_of(r, "dovecot-uidlist.lock").p, lock);
	scratch_write(path_of(r, ".Y/dovecot-uidlist.lock").p, lock);
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_ADD_LABELS, "new");
	ops[1] = op_on(r, 1, OP_ADD_FLAGS, "\\Seen");
	ops[2] = op_on(r, 1, OP_MOVE, "X");
	ops[3] = op_on(r, 2, OP_ADD_LABELS, "old");
	ops[4] = op_on(r, 2, OP_ADD_FLAGS, "$Junk");
	do_ops(r, ops, 5);
	assert_int_equal(ops[0].outcome, OP_DONE);	/* X is not locked */
	assert_int_equal(ops[1].outcome, OP_DONE);
	assert_int_equal(ops[2].outcome, OP_DONE);
	assert_int_equal(ops[3].outcome, OP_DONE);
	assert_int_equal(ops[4].outcome, OP_FAILED);
	assert_true(ops[4].retry);
	assert_non_null(strstr(arena_z(r->a, ops[4].reason), "another"));
	assert_string_equal(files(r), ".X/cur/1.a:2,Sa\ncur/2.b:2,a\n");
	assert_string_equal(keywords_file(r, ""), "0 old\n");
	/* where it would lose its label for now, a message is not moved */
	ops[0] = op_on(r, 2, OP_MOVE, "Y");
	ops[1] = op_on(r, 2, OP_ADD_FLAGS, "\\Seen");
	do_ops(r, ops, 2);
	assert_int_equal(ops[0].outcome, OP_FAILED);
	assert_true(ops[0].retry);
	assert_int_equal(ops[1].outcome, OP_DONE);
	assert_string_equal(files(r), ".X/cur/1.a:2,Sa\ncur/2.b:2,Sa\n");
	/* nor where it would come without one that it is to get */
	unlink(path_of(r, "dovecot-uidlist.lock").p);
	add(r, "cur/3.c:2,");
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 3, OP_MOVE, "Y");
	ops[1] = op_on(r, 3, OP_ADD_LABELS, "other");
	do_ops(r, ops, 2);
	assert_int_equal(ops[0].outcome, OP_FAILED);
	assert_true(ops[0].retry);
	assert_int_equal(ops[1].outcome, OP_DONE);
	assert_non_null(strstr(files(r), "\ncur/3.c:2,b\n"));
}

/* --------------------------------------------------------- moves, copies */

static void test_move_is_one_rename(void **state)
{
	struct room *r = room(state);
	struct op ops[6];
	struct stat before, after;

	add(r, "new/1.a");
	add(r, "cur/2.b:2,Sb");
	add(r, "new/3.c");
	add_folder(r, ".Archive");
	scratch_write(path_of(r, "dovecot-keywords").p,
	    STR_LIT("0 none\n1 work\n"));
	scratch_write(path_of(r, ".Archive/dovecot-keywords").p,
	    STR_LIT("0 other\n"));
	assert_int_equal(stat(path_of(r, "new/1.a").p, &before), 0);
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_MOVE, "Archive");
	ops[1] = op_on(r, 1, OP_ADD_FLAGS, "\\Flagged");
	ops[2] = op_on(r, 1, OP_ADD_LABELS, "mine");
	ops[3] = op_on(r, 2, OP_MOVE, "Archive");
	ops[4] = op_on(r, 3, OP_MOVE, "Archive");
	ops[5] = op_on(r, 3, OP_REMOVE_FLAGS, "\\Flagged");
	must_do(r, ops, 6);
	assert_string_equal(files(r), ".Archive/cur/1.a:2,Fb\n"
	    ".Archive/cur/2.b:2,Sc\n.Archive/new/3.c\n");
	assert_string_equal(keywords_file(r, ".Archive/"),
	    "0 other\n1 mine\n2 work\n");
	assert_int_equal(stat(path_of(r, ".Archive/cur/1.a:2,Fb").p, &after),
	    0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(ops[0].dest_uidvalidity, NOW);
	assert_int_equal(ops[0].dest_from_uid, 1);
	assert_int_equal(ops[0].dest_uid, 1);
	assert_int_equal(ops[3].dest_uid, 2);
	assert_string_equal(shown_mail(r), "");
	choose(r, "Archive", true);
	assert_string_equal(shown_mail(r), "1 1.a [\\Flagged mine] "
	    "[mine]\n2 2.b [\\Seen work] [work]\n3 3.c [] []\n");
	assert_int_equal(r->state.uidnext, 4);
	must_fail(r, op_on(r, 1, OP_MOVE, "Nowhere"), "Nowhere");
	do_one(r, 1, OP_MOVE, "Archive");	/* it is there */
	do_one(r, 1, OP_MOVE, "INBOX");
	assert_string_equal(files(r), ".Archive/cur/2.b:2,Sc\n"
	    ".Archive/new/3.c\ncur/1.a:2,Fc\n");
}

/* What we put into a mailbox is not new there. */
static void test_moved_is_not_new(void **state)
{
	struct checkpoint c = { .uidvalidity = NOW, .next_uid = 2 };
	struct room *r = room(state);
	struct op ops[2];

	add_folder(r, ".X");
	add(r, ".X/cur/1.old:2,");
	add(r, "cur/2.a:2,");
	add(r, "cur/3.b:2,");
	open_store(r, true);
	choose(r, "X", true);
	OK(journal_settle(r->j, STR_LIT("X"), NULL, 0, NULL, 0, &c, &r->e));
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_MOVE, "X");
	ops[1] = op_on(r, 2, OP_COPY, "X");
	must_do(r, ops, 2);
	OK(journal_checkpoint(r->j, STR_LIT("X"), &c, &r->e));
	choose(r, "X", true);
	assert_int_equal(r->state.exists, 3);
	assert_int_equal(r->state.uidnext, 4);
	assert_int_equal(c.next_uid, 4);
	assert_true(ops[0].dest_uid + ops[1].dest_uid == 5);
	add(r, ".X/new/9.new");
	choose(r, "X", true);
	assert_int_equal(r->state.uidnext, 5);
}

static void test_copy(void **state)
{
	struct room *r = room(state);
	struct op ops[3];
	struct stat st;
	const char *once;

	add(r, "cur/10.a,S=5:2,S");
	add(r, "new/20.b");
	add_folder(r, ".X");
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_COPY, "X");
	ops[1] = op_on(r, 1, OP_ADD_FLAGS, "\\Flagged");
	ops[2] = op_on(r, 2, OP_COPY, "X");
	must_do(r, ops, 3);
	once = files(r);
	assert_int_equal(stat(path_of(r, "cur/10.a,S=5:2,FS").p, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	choose(r, "X", true);
	assert_int_equal(r->state.exists, 2);
	assert_non_null(strstr(shown_mail(r),
	    ".tamis,S=5 [\\Flagged \\Seen] []"));
	/* again, as after a crash that forgot the answer, and after somebody
	 * looked at the copy */
	choose(r, "INBOX", true);
	ops[0].outcome = ops[2].outcome = OP_TODO;
	must_do(r, &ops[0], 1);
	must_do(r, &ops[2], 1);
	assert_string_equal(files(r), once);
	/* a copy with flags of its own, and the move of the original */
	do_one(r, 1, OP_MOVE, "X");
	choose(r, "X", true);
	assert_int_equal(r->state.exists, 3);
}

/* A folder that lies on another file system, where there is one to be had:
 * mail is written there, and durable, before its original goes. */
static void test_other_file_system(void **state)
{
	struct room *r = room(state);
	char other[] = "/dev/shm/unit-XXXXXX";
	struct timespec t[2] = { { NOW, 0 }, { NOW, 123456789 } };
	struct str text = STR_LIT("a: b\n\nbody\n");
	struct stat here, there;
	struct op ops[4];
	char *folder;

	if (!mkdtemp(other))
		return;
	assert_int_equal(stat(other, &there), 0);
	assert_int_equal(stat(r->path, &here), 0);
	if (here.st_dev == there.st_dev) {
		scratch_remove(other);
		return;
	}
	folder = arena_z(r->a, arena_printf(r->a, "%s/.Far", other));
	for (int i = 0; i < 4; i++)
		mkdir(arena_printf(r->a, "%s%s", folder, (const char *[]){
		    "", "/cur", "/new", "/tmp" }[i]).p, 0700);
	assert_int_equal(symlink(folder, path_of(r, ".Far").p), 0);
	add_text(r, "cur/1.a:2,S", text);
	add_text(r, "cur/2.b:2,", text);
	utimensat(AT_FDCWD, path_of(r, "cur/1.a:2,S").p, t, 0);
	/* what earlier crashes left: half of it, and all of it */
	add_text(r, ".Far/tmp/1.a", STR_LIT("a:"));
	add_text(r, ".Far/cur/1.a:2,S", text);
	add_text(r, "cur/3.c:2,", text);
	add_text(r, ".Far/cur/3.c:2,", STR_LIT("another one\n\n"));
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_MOVE, "Far");
	ops[1] = op_on(r, 1, OP_ADD_LABELS, "x");
	ops[2] = op_on(r, 2, OP_COPY, "Far");
	ops[3] = op_on(r, 2, OP_ADD_FLAGS, "\\Flagged");
	must_do(r, ops, 4);
	ops[2].outcome = OP_TODO;
	must_do(r, &ops[2], 1);
	do_one(r, 3, OP_MOVE, "Far");
	assert_string_equal(files(r), "cur/2.b:2,F\n");
	choose(r, "Far", true);
	assert_int_equal(r->state.exists, 4);
	assert_string_equal(scratch_read(r->a,
	    path_of(r, ".Far/cur/3.c:2,").p).p, "another one\n\n");
	assert_int_equal(stat(path_of(r, ".Far/cur/1.a:2,Sa").p, &there), 0);
	assert_int_equal(there.st_mtim.tv_sec, NOW);
	assert_int_equal(there.st_mtim.tv_nsec, 123456789);
	assert_int_equal(there.st_nlink, 1);
	assert_true(str_eq(scratch_read(r->a,
	    path_of(r, ".Far/cur/1.a:2,Sa").p), text));
	assert_string_equal(scratch_list(r->a, arena_printf(r->a, "%s/tmp",
	    folder).p, false), "");
	scratch_remove(other);
}

/* Whatever the store found out before: no file is ever replaced. */
static void test_nothing_is_replaced(void **state)
{
	struct room *r = room(state);
	struct maildir_folder f = { .cur = -1 };
	struct str there = STR_LIT("there: 1\n\n");
	char far[] = "/dev/shm/unit-XXXXXX";
	int from, to;

	add_folder(r, ".X");
	add_text(r, "cur/1.a:2,", STR_LIT("here: 1\n\n"));
	add_text(r, ".X/cur/1.a:2,", there);
	f.dir = open(path_of(r, ".X").p, O_RDONLY);
	from = open(path_of(r, "cur").p, O_RDONLY);
	to = open(path_of(r, ".X/cur").p, O_RDONLY);
	assert_int_equal(maildir_move(from, "1.a:2,", &f, STR_LIT("1.a"), to,
	    "1.a:2,"), EEXIST);
	close(from);
	assert_string_equal(files(r), ".X/cur/1.a:2,\ncur/1.a:2,\n");
	/* and from another file system, where there is one */
	if (mkdtemp(far)) {
		scratch_write(arena_printf(r->a, "%s/1.a:2,", far).p,
		    STR_LIT("far: 1\n\n"));
		from = open(far, O_RDONLY);
		assert_int_equal(maildir_move(from, "1.a:2,", &f,
		    STR_LIT("1.a"), to, "1.a:2,"), EEXIST);
		assert_int_equal(faccessat(from, "1.a:2,", F_OK, 0), 0);
		close(from);
		scratch_remove(far);
	}
	assert_true(str_eq(scratch_read(r->a, path_of(r,
	    ".X/cur/1.a:2,").p), there));
	assert_string_equal(files(r), ".X/cur/1.a:2,\ncur/1.a:2,\n");
	close(to);
	close(f.dir);
}

static void test_collisions(void **state)
{
	struct room *r = room(state);
	struct stat st;

	/* another message of the same name; the very same file */
	add(r, "cur/1.a:2,");
	add(r, "cur/2.b:2,F");
	add_folder(r, ".X");
	add_text(r, ".X/cur/1.a:2,S", STR_LIT("other: mail\n\n"));
	assert_int_equal(link(path_of(r, "cur/2.b:2,F").p,
	    path_of(r, ".X/new/2.b").p), 0);
	open_store(r, true);
	choose(r, "INBOX", true);
	do_one(r, 1, OP_MOVE, "X");
	do_one(r, 2, OP_MOVE, "X");
	choose(r, "X", true);
	assert_int_equal(r->state.exists, 3);
	choose(r, "INBOX", true);
	assert_int_equal(r->state.exists, 0);
	assert_int_equal(stat(path_of(r, ".X/cur/1.a:2,S").p, &st), 0);
	assert_int_equal(st.st_size, 13);
	assert_int_equal(stat(path_of(r, ".X/cur/2.b:2,F").p, &st), 0);
	assert_int_equal(st.st_nlink, 1);
}

static void test_delete(void **state)
{
	struct room *r = room(state);
	struct op ops[3], op;

	add(r, "cur/1.a:2,");
	add(r, "new/2.b");
	add(r, "cur/3.c:2,");
	add_folder(r, ".X");
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_DELETE, "");
	ops[1] = op_on(r, 1, OP_COPY, "X");
	ops[2] = op_on(r, 2, OP_DELETE, "");
	must_do(r, ops, 3);
	assert_non_null(strstr(files(r), ".X/cur/1.C"));
	assert_null(strstr(files(r), "2.b"));
	must_fail(r, op_on(r, 1, OP_DELETE, ""), "not there");
	/* a message whose copy fails stays */
	ops[0] = op_on(r, 3, OP_DELETE, "");
	ops[1] = op_on(r, 3, OP_COPY, "Nowhere");
	do_ops(r, ops, 2);
	assert_int_equal(ops[0].outcome, OP_FAILED);
	assert_int_equal(ops[1].outcome, OP_FAILED);
	ops[0] = op_on(r, 3, OP_MOVE, "X");
	ops[1] = op_on(r, 3, OP_COPY, "Nowhere");
	do_ops(r, ops, 2);
	assert_int_equal(ops[0].outcome, OP_FAILED);
	assert_non_null(strstr(files(r), "\ncur/3.c:2,\n"));
	op = op_on(r, 3, OP_MOVE, "X");
	OK(r->s->kind.finish_moves(r->s, &op, 1, &r->e));
	assert_int_equal(op.outcome, OP_DONE);
	assert_null(strstr(files(r), "3.c"));
}

/* The journal cannot be written: nothing has been done. */
static void test_journal_first(void **state)
{
	struct room *r = room(state);
	struct op ops[2];
	const char *before;

	add(r, "cur/1.a:2,");
	add_folder(r, ".X");
	open_store(r, true);
	shut(r);
	OK(journal_open(arena_printf(r->a, "%s/state", r->top).p, r->path,
	    JOURNAL_READ, NOW, &r->j, &r->e));
	OK(store_maildir_open(r->a, r->path, &r->account, r->j, &r->s,
	    &r->e));
	choose(r, "INBOX", true);
	before = files(r);
	ops[0] = op_on(r, 1, OP_ADD_FLAGS, "\\Seen");
	ops[1] = op_on(r, 1, OP_MOVE, "X");
	assert_false(r->s->kind.apply(r->s, ops, 2, &r->e));
	assert_int_equal(r->e.kind, ERR_STATE);
	assert_int_equal(ops[0].outcome, OP_TODO);
	assert_int_equal(ops[1].outcome, OP_TODO);
	assert_string_equal(files(r), before);
	err_clear(&r->e);
}

static void test_without_journal(void **state)
{
	struct room *r = room(state);
	struct op ops[2];

	add(r, "new/5.a");
	add(r, "cur/4.b:2,");
	add_folder(r, ".X");
	open_store(r, false);
	choose(r, "INBOX", true);
	assert_int_equal(r->state.uidvalidity, 1);
	ops[0] = op_on(r, 2, OP_MOVE, "X");
	ops[1] = op_on(r, 2, OP_ADD_LABELS, "l");
	must_do(r, ops, 2);
	do_one(r, 1, OP_COPY, "X");
	assert_non_null(strstr(files(r), ".X/cur/5.a:2,a\n"));
	choose(r, "X", true);
	assert_int_equal(r->state.exists, 2);
}

/* ------------------------------------------------- labels that are folders */

static void test_folder_labels(void **state)
{
	struct room *r = room(state);
	struct op ops[3];
	struct seen s;
	struct fetch_items items = { .ask = NAMES | RULES_ASK_RECEIVED };
	struct str trash = STR_LIT("Trash");

	r->account.labels = LABELS_FOLDERS;
	add(r, "new/1.a");
	add(r, "cur/2.b:2,S");
	add_folder(r, ".work");
	add_folder(r, ".Trash");
	open_store(r, true);
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_ADD_LABELS, "work lists/x");
	ops[1] = op_on(r, 2, OP_ADD_LABELS, "lists/x");
	ops[2] = op_on(r, 2, OP_COPY, "Trash");
	must_do(r, ops, 3);
	assert_string_equal(shown_mail(r), "1 1.a [] [lists/x work]\n"
	    "2 2.b [\\Seen] [lists/x]\n");
	/* Trash is no label unless a rule asks for it by name */
	items.labels = &trash;
	items.n_labels = 1;
	look_with(r, &items, &s);
	assert_string_equal(s.m[1].labels, "Trash lists/x");
	/* again: nothing more */
	ops[0] = op_on(r, 1, OP_ADD_LABELS, "work");
	must_do(r, ops, 1);
	choose(r, "work", true);
	assert_int_equal(r->state.exists, 1);
	assert_string_equal(strstr(shown_mail(r), "["), "[] [lists/x]\n");
	must_fail(r, op_on(r, 1, OP_REMOVE_LABELS, "work"), "itself");
	choose(r, "INBOX", true);
	ops[0] = op_on(r, 1, OP_REMOVE_LABELS, "work nonesuch");
	ops[1] = op_on(r, 1, OP_ADD_FLAGS, "\\Seen");
	ops[2] = op_on(r, 2, OP_REMOVE_LABELS, "lists/x");
	must_do(r, ops, 3);
	assert_string_equal(shown_mail(r), "1 1.a [\\Seen] [lists/x]\n"
	    "2 2.b [\\Seen] []\n");
	must_fail(r, op_on(r, 1, OP_ADD_LABELS, "a.b"), "dot");
}

/* ----------------------------------------------------------------- find */

static void test_find(void **state)
{
	struct room *r = room(state);
	struct identity id;
	struct mail *m;
	uint32_t uid = 9;

	add_folder(r, ".X");
	add(r, ".X/cur/1.a:2,");
	add(r, ".X/cur/2.b:2,S");
	add(r, "cur/7.here:2,");
	m = mail_make(r->a, arena_printf(r->a, HEAD, "2.b"), MAIL_HEADER,
	    NULL, 0);
	identity_of(r->a, m, strlen("Message-ID: <2.b@example.org>\r\n"
	    "Subject: hello\r\n\r\nbody\r\n"), &id);
	open_store(r, true);
	choose(r, "INBOX", true);
	OK(r->s->kind.find(r->s, STR_LIT("X"), NOW, 1, &id, &uid, &r->e));
	assert_int_equal(uid, 2);
	OK(r->s->kind.find(r->s, STR_LIT("X"), NOW, 3, &id, &uid, &r->e));
	assert_int_equal(uid, 0);
	OK(r->s->kind.find(r->s, STR_LIT("X"), NOW + 1, 1, &id, &uid,
	    &r->e));
	assert_int_equal(uid, 0);
	id.size++;
	OK(r->s->kind.find(r->s, STR_LIT("X"), NOW, 1, &id, &uid, &r->e));
	assert_int_equal(uid, 0);
	assert_false(r->s->kind.find(r->s, STR_LIT("Y"), NOW, 1, &id, &uid,
	    &r->e));
	assert_int_equal(r->e.kind, ERR_MESSAGE);
	err_clear(&r->e);
	/* what was selected still is */
	assert_string_equal(shown_mail(r), "1 7.here [] []\n");
}

/* ------------------------------------------------------- against a model */

#define MAILS	24
#define BOXES	3

/* File names begin with 100 and what is above it. */
static int number_of(const char *name)
{
	uint64_t n;

	assert_true(str_u64(str_sub(str_of(name), 0, 3), 999, &n));
	return (int)n;
}

/* What should be: of each message its mailbox and the words that it has. */
struct model {
	int box[MAILS];
	unsigned words[MAILS];
};

static const char *const box_names[BOXES] = { "INBOX", "A", "B/c" };
static const char *const box_folders[BOXES] = { "", ".A/", ".B.c/" };
/* flags, then labels */
static const char *const words[] = {
	"\\Seen", "\\Flagged", "\\Answered", "$Forwarded", "$Junk",
	"work", "to do", "caf\xc3\xa9", "x]y",
};
#define FLAG_WORDS	5

static uint32_t chance = 7;

static uint32_t any(uint32_t below)
{
	chance = chance * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(chance >> 8) * below >> 24);
}

/* The words of the model as fetch gives them: labels also as keywords. */
static void expect_words(struct room *r, unsigned set, const char *flags,
    const char *labels)
{
	struct str label_text = str_of(labels), word;
	unsigned got = 0;

	for (size_t i = 0; i < FLAG_WORDS; i++) {
		struct str rest = str_of(flags);

		while (str_cut(&rest, ' ', &word))
			if (str_eq_z(word, words[i]))
				got |= 1u << i;
	}
	/* "to do" holds a blank: looked for as a piece of the text */
	for (size_t i = FLAG_WORDS; i < COUNT(words); i++)
		if (strstr(arena_z(r->a, label_text), words[i]))
			got |= 1u << i;
	if (got != set)
		fail_msg("%s | %s: %x is not %x", flags, labels, got, set);
}

static void compare_model(struct room *r, const struct model *m)
{
	bool found[MAILS] = { false };

	for (int box = 0; box < BOXES; box++) {
		struct seen s;

		choose(r, box_names[box], true);
		look(r, NAMES, &s);
		for (size_t i = 0; i < s.n; i++) {
			int n = number_of(s.m[i].name) - 100;

			assert_true(n >= 0 && n < MAILS && !found[n]);
			found[n] = true;
			assert_int_equal(m->box[n], box);
			expect_words(r, m->words[n], s.m[i].flags,
			    s.m[i].labels);
		}
	}
	for (int n = 0; n < MAILS; n++)
		assert_true(found[n]);
}

/* Another program changes a system flag behind our back. */
static void meddle(struct room *r, struct model *m, const struct seen *s)
{
	size_t i = any((uint32_t)s->n);
	struct str name = str_of(s->m[i].name);
	maildir_letters set = maildir_letters_of(name) ^ MAILDIR_LETTER('S');
	const char *folder = box_folders[m->box[number_of(name.p) - 100]];

	rename_in(r, arena_printf(r->a, "%scur/%s", folder, name.p).p,
	    arena_printf(r->a, "%scur/%s", folder, maildir_name(r->a,
	    maildir_unique(name), set, STR_EMPTY).p).p);
	m->words[number_of(name.p) - 100] ^= 1u;
}

static struct op word_op(struct room *r, struct model *m, uint32_t uid,
    int n, enum op_kind kind)
{
	bool label = kind == OP_ADD_LABELS || kind == OP_REMOVE_LABELS;
	bool add = kind == OP_ADD_FLAGS || kind == OP_ADD_LABELS;
	struct op op = { .kind = kind, .uid = uid };
	struct str *list = arena_array(r->a, COUNT(words), sizeof(*list));
	size_t first = label ? FLAG_WORDS : 0;
	size_t end = label ? COUNT(words) : FLAG_WORDS;

	/* adding and removing take halves that do not meet */
	for (size_t i = first + (add ? 0 : 1); i < end; i += 2)
		if (any(2)) {
			list[op.n_names++] = str_of(words[i]);
			if (add)
				m->words[n] |= 1u << i;
			else
				m->words[n] &= ~(1u << i);
		}
	op.names = list;
	return op;
}

static void random_batch(struct room *r, struct model *m)
{
	int box = (int)any(BOXES), to;
	struct op ops[5 * MAILS];
	struct seen s;
	size_t n = 0;

	choose(r, box_names[box], true);
	look(r, NAMES, &s);
	if (s.n == 0)
		return;
	for (size_t i = 0; i < s.n; i++) {
		int id = number_of(s.m[i].name) - 100;

		if (any(3))
			continue;
		for (enum op_kind k = OP_ADD_FLAGS; k <= OP_REMOVE_LABELS;
		    k++)
			if (any(2))
				ops[n++] = word_op(r, m, s.m[i].uid, id, k);
		to = (int)any(BOXES);
		if (any(2)) {
			ops[n++] = op_on(r, s.m[i].uid, OP_MOVE,
			    box_names[to]);
			m->box[id] = to;
		}
	}
	must_do(r, ops, n);
}

/* Random ops on random mail, with somebody else at work: after each batch
 * every message is exactly once in its place and has its words. */
static void test_against_a_model(void **state)
{
	struct room *r = room(state);
	struct model m = { 0 };

	add_folder(r, ".A");
	add_folder(r, ".B.c");
	for (int n = 0; n < MAILS; n++)
		add(r, arena_printf(r->a, "cur/%d.m:2,", n + 100).p);
	open_store(r, true);
	for (int round = 0; round < 60; round++) {
		struct seen s;

		random_batch(r, &m);
		/* meddled with between its listing and its change */
		choose(r, box_names[round % BOXES], true);
		look(r, NAMES, &s);
		if (s.n) {
			struct op op = word_op(r, &m, s.m[0].uid,
			    number_of(s.m[0].name) - 100, OP_ADD_LABELS);

			meddle(r, &m, &s);
			must_do(r, &op, 1);
		}
		compare_model(r, &m);
	}
}

static void test_describe(void **state)
{
	struct room *r = room(state);
	struct buf b;

	buf_init(&b, 4096);
	open_store(r, false);
	OK(r->s->kind.describe(r->s, &b, &r->e));
	assert_non_null(strstr(buf_z(&b), r->path));
	assert_true(b.p[b.n - 1] == '\n');
	buf_free(&b);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_file_names), TEST(test_folder_names),
		TEST(test_open), TEST(test_mailboxes), TEST(test_create),
		TEST(test_subscriptions), TEST(test_facts), TEST(test_sizes),
		TEST(test_received_and_search), TEST(test_header_and_body),
		TEST(test_header_at_block_end),
		TEST(test_what_cannot_be_read),
		TEST(test_reading_changes_nothing),
		TEST(test_renamed_meanwhile), TEST(test_twice_by_name),
		TEST(test_busy_folder), TEST(test_flags),
		TEST(test_keywords), TEST(test_keywords_full),
		TEST(test_stale_locks), TEST(test_keywords_unreadable),
		TEST(test_locked),
		TEST(test_move_is_one_rename),
		TEST(test_moved_is_not_new), TEST(test_copy),
		TEST(test_nothing_is_replaced), TEST(test_collisions),
		TEST(test_other_file_system),
		TEST(test_delete),
		TEST(test_journal_first), TEST(test_without_journal),
		TEST(test_folder_labels), TEST(test_find),
		TEST(test_against_a_model), TEST(test_describe),
	};

	return cmocka_run_group_tests_name("store_maildir", tests, NULL,
	    NULL);
}
