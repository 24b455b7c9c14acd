/*
 * Carries out single steps of replacements (engine/replacement.h) for a
 * script, which changes what it likes between two of them.
 *
 *	steps CONFIG ACCOUNT
 *
 * One command a line on standard input, words parted by tabs; each is
 * answered with lines "I<tab>name<tab>value" and one "end".
 *
 *	add MAILBOX UIDVALIDITY UID NONCE X-GM-MSGID MESSAGE-ID
 *	copy I FILE		the bytes to be uploaded
 *	set I NAME NUMBER	a field
 *	step NAME		for all, but those that are "off"
 *	close			the next step opens the store anew
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/config.h"
#include "engine/gmail.h"
#include "engine/replacement.h"
#include "engine/secret.h"

#define MAX	2000

static struct replacement list[MAX];
static bool off[MAX];
static size_t n_list;
static struct arena *arena;
static const struct account *account;
static struct store *store;

static void give(size_t i, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void give(size_t i, const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%zu\t%s\t", i, name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void give_names(size_t i, const char *name, const struct str *v,
    size_t n)
{
	for (size_t k = 0; k < n; k++)
		give(i, name, "%.*s", STR_ARG(v[k]));
}

static void give_all(size_t i)
{
	static const char *const outcomes[] = {
		"todo", "done", "refused", "passing", "unsure" };
	static const char *const found[] = {
		"unknown", "absent", "there", "twice", "proved", "swallowed",
		"instead", "differs", "other_thread", "alone" };
	static const char *const places[] = {
		"unknown", "live", "in_trash", "marked", "gone" };
	const struct replacement *r = &list[i];

	give(i, "outcome", "%s", outcomes[r->outcome]);
	give(i, "found", "%s", found[r->found]);
	give(i, "place", "%s", places[r->place]);
	give(i, "reason", "%.*s", STR_ARG(r->reason));
	give(i, "mailbox", "%.*s", STR_ARG(r->original.mailbox));
	give(i, "uidvalidity", "%" PRIu32, r->original.uidvalidity);
	give(i, "uid", "%" PRIu32, r->original.uid);
	give(i, "trash_uid", "%" PRIu32, r->original.trash_uid);
	give(i, "gmail_id", "%" PRIu64, r->original.gmail_id);
	give(i, "size", "%" PRIu64, r->original.size);
	give(i, "received", "%" PRId64, r->original.received);
	give(i, "zone", "%d", r->original.zone);
	give(i, "object_id", "%.*s", STR_ARG(r->original.object_id));
	give(i, "to_from_uid", "%" PRIu32, r->to_from_uid);
	give(i, "copy_uid", "%" PRIu32, r->copy_uid);
	give(i, "copy_gmail_id", "%" PRIu64, r->copy_gmail_id);
	give(i, "uid_after", "%" PRIu32, r->uid_after);
	give_names(i, "flag", r->original.dress.flags,
	    r->original.dress.n_flags);
	give_names(i, "label", r->original.dress.labels,
	    r->original.dress.n_labels);
	for (size_t k = 0; k < r->n_twins; k++)
		give(i, "twin", "%" PRIu32, r->twins[k]);
}

static bool captured(void *ctx, struct replacement *r, struct str bytes,
    struct err *e)
{
	size_t i = 0;

	(void)ctx;
	(void)e;
	while (strcmp(list[i].nonce, r->nonce) != 0)
		i++;
	r->original_bytes = arena_str(arena, bytes);
	digest_of(bytes, r->original.sha256);
	give(i, "sha256", "%.*s", STR_ARG(digest_hex(arena,
	    r->original.sha256, DIGEST_SIZE)));
	return true;
}

static bool open_store(struct err *e)
{
	struct secret secret;
	bool ok;

	if (store)
		return true;
	secret_init(&secret, account);
	ok = store_imap_open(arena, account, &secret, &store, e);
	secret_wipe(&secret);
	return ok;
}

static bool do_step(struct str name, struct replacement *v, size_t n,
    struct err *e)
{
	static const struct {
		const char *name;
		size_t at;
	} steps[] = {
		{ "remember", offsetof(struct replacer, remember) },
		{ "upload", offsetof(struct replacer, upload) },
		{ "look", offsetof(struct replacer, look) },
		{ "prove", offsetof(struct replacer, prove) },
		{ "dress", offsetof(struct replacer, dress) },
		{ "retire", offsetof(struct replacer, retire) },
		{ "whereabouts", offsetof(struct replacer, whereabouts) },
		{ "restore", offsetof(struct replacer, restore) },
		{ "discard", offsetof(struct replacer, discard) },
	};
	const struct replacer *by;

	if (!open_store(e))
		return false;
	by = store->kind.replacer;
	if (str_eq_z(name, "ready"))
		return by->ready(store, e);
	if (str_eq_z(name, "capture"))
		return by->capture(store, v, n, captured, NULL, e);
	for (size_t i = 0; i < COUNT(steps); i++)
		if (str_eq_z(name, steps[i].name))
			return (*(bool (*const *)(struct store *,
			    struct replacement *, size_t, struct err *))
			    ((const char *)by + steps[i].at))(store, v, n, e);
	return err_set(e, ERR_USAGE, "no such step");
}

/* Those that are on, side by side. */
static void step(struct str name)
{
	static struct replacement some[MAX];
	struct err e = { 0 };
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < n_list; i++)
		if (!off[i])
			some[n++] = list[i];
	ok = do_step(name, some, n, &e);
	for (size_t i = 0, k = 0; i < n_list; i++)
		if (!off[i])
			list[i] = some[k++];
	for (size_t i = 0; i < n_list; i++)
		give_all(i);
	give(0, "ok", "%d", ok);
	give(0, "error", "%s", e.msg);
	if (store) {
		give(0, "turns", "%" PRIu64, store->turns);
		give(0, "octets_in", "%" PRIu64, store->octets_in);
	}
	if (!ok)
		store_close(&store);
}

static uint64_t number(struct str s)
{
	uint64_t n = 0;

	if (!str_u64(s, UINT64_MAX, &n)) {
		fprintf(stderr, "not a number: %.*s\n", STR_ARG(s));
		exit(2);
	}
	return n;
}

static void add(const struct str *w)
{
	struct replacement *r = &list[n_list++];

	*r = (struct replacement){
		.mailbox = arena_str(arena, w[1]),
		.uidvalidity = (uint32_t)number(w[2]),
		.uid = (uint32_t)number(w[3]),
		.reason = STR_EMPTY,
	};
	memcpy(r->nonce, w[4].p, NONCE_SIZE);
	if (number(w[5]))
		gmail_identity(number(w[5]), &r->id);
	r->id.message_id = arena_str(arena, w[6]);
}

static void copy(size_t i, struct str path)
{
	struct buf b;
	char piece[65536];
	size_t got;
	FILE *f = fopen(arena_z(arena, path), "rb");

	if (!f) {
		perror("copy");
		exit(2);
	}
	buf_init(&b, 100 * 1024 * 1024);
	while ((got = fread(piece, 1, sizeof(piece), f)))
		buf_add(&b, piece, got);
	fclose(f);
	list[i].copy_bytes = arena_str(arena, buf_str(&b));
	buf_free(&b);
}

static void set(size_t i, struct str name, uint64_t n)
{
	struct replacement *r = &list[i];

	if (str_eq_z(name, "lossy"))
		r->lossy = n;
	else if (str_eq_z(name, "new_thread"))
		r->new_thread = n;
	else if (str_eq_z(name, "copy_uid"))
		r->copy_uid = (uint32_t)n;
	else if (str_eq_z(name, "content_seen"))
		r->content_seen = n;
	else if (str_eq_z(name, "sent"))
		r->sent = n;
	else if (str_eq_z(name, "off"))
		off[i] = n;
}

static void obey(struct str line)
{
	struct str w[8] = { { "", 0 } };
	size_t n = 0;

	while (n < COUNT(w) && str_cut(&line, '\t', &w[n]))
		n++;
	if (str_eq_z(w[0], "add") && n_list < MAX)
		add(w);
	else if (str_eq_z(w[0], "copy"))
		copy(number(w[1]), w[2]);
	else if (str_eq_z(w[0], "set"))
		set(number(w[1]), w[2], number(w[3]));
	else if (str_eq_z(w[0], "step"))
		step(w[1]);
	else if (str_eq_z(w[0], "close"))
		store_close(&store);
	puts("end");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct config *config;
	struct problems ps;
	struct err e = { 0 };
	char line[4096];

	signal(SIGPIPE, SIG_IGN);
	arena = arena_new();
	problems_init(&ps, arena);
	config = argc == 3 ? config_load(arena, argv[1], &ps, &e) : NULL;
	account = config ? config_account(config, argv[2]) : NULL;
	if (!account) {
		fprintf(stderr, "steps CONFIG ACCOUNT: %s\n", e.msg);
		return 2;
	}
	while (fgets(line, sizeof(line), stdin))
		obey((struct str){ line, strcspn(line, "\n") });
	store_close(&store);
	arena_free(&arena);
	return 0;
}
