/*
 * The tests written in rule files: a message, and what must come out.
 */
#include "build.h"

struct texts {
	struct str *list;
	size_t n, cap;
};

static void push(struct builder *b, struct texts *t, struct str s)
{
	arena_grow(b->arena, &t->list, t->n, &t->cap);
	t->list[t->n++] = s;
}

static bool add_label(struct builder *b, const struct node *n, void *ctx)
{
	struct str name;

	if (!build_name(b, n, "labels", &name))
		return false;
	push(b, ctx, name);
	return true;
}

/* A word of `is`, or a keyword.  `unread` is the absence of a flag. */
static bool add_flag(struct builder *b, const struct node *n, void *ctx)
{
	struct str flag;

	if (!build_flag(b, n, &flag))
		return false;
	for (size_t i = 0; i < n_state_words; i++)
		if (str_eq_z(flag, state_words[i].name)) {
			if (!state_words[i].negated)
				push(b, ctx, str_of(state_words[i].flag));
			return true;
		}
	push(b, ctx, flag);
	return true;
}

static bool add_rule(struct builder *b, const struct node *n, void *ctx)
{
	struct str name;
	size_t at;

	if (!build_text(b, n, "rules", &name))
		return false;
	if (!names_get(&b->rule_names, name, &at))
		return problem_hint(b->ps, n->pos, build_nearest_name(b,
		    name, &b->rule_names), "there is no rule `%.*s`",
		    STR_ARG(name));
	push(b, ctx, name);
	return true;
}

/* Texts under KEY of MAP; an empty list is a wish for none. */
static bool texts_of(struct builder *b, const struct node *map,
    const char *key, bool (*fn)(struct builder *b, const struct node *item,
    void *ctx), bool *has_out, struct str **list_out, size_t *n_out)
{
	const struct node *n = node_get(map, key);
	struct texts t = { 0 };

	if (!n)
		return true;
	if (has_out)
		*has_out = true;
	if (node_is_null(n))
		return problem_hint(b->ps, node_get_key(map, key)->pos,
		    STR_LIT("write [] for none"), "`%s` is empty", key);
	if (n->kind == NODE_LIST && n->n == 0)
		return true;
	if (!build_each(b, n, key, fn, &t))
		return false;
	*list_out = t.list;
	*n_out = t.n;
	return true;
}

static bool build_time(struct builder *b, const struct node *map,
    const char *key, int64_t *out)
{
	const struct node *n = node_get(map, key);
	struct when when;

	if (!n)
		return true;
	if (!build_date(b, n, key, &when))
		return false;
	*out = when.civil;
	return true;
}

/* Mail moves: a file that has gone fails its test, and stops no run. */
static bool build_message_file(struct builder *b, const char *path,
    struct pos pos, struct test_case *t)
{
	struct err e = { 0 };
	struct buf text;

	buf_init(&text, TEST_FILE_MAX);
	if (!b->reader->read(b->reader->ctx, path, &text, &e))
		t->unreadable = arena_str(b->arena, str_of(e.msg[0] ? e.msg :
		    "the file cannot be read"));
	else if (text.over)
		t->unreadable = arena_printf(b->arena,
		    "%s is larger than %d MiB", path, TEST_FILE_MAX >> 20);
	else
		t->message = arena_str(b->arena, buf_str(&text));
	buf_free(&text);
	if (t->unreadable.n)
		warning(b->ps, pos, "%.*s; the test fails",
		    STR_ARG(t->unreadable));
	return true;
}

static bool build_message(struct builder *b, const struct node *n,
    struct test_case *t)
{
	const struct node *message = node_get(n, "message");
	const struct node *file = node_get(n, "file");
	struct str path;

	if (!message == !file)
		return problem(b->ps, n->pos,
		    "a test needs `message` or `file`, one of them");
	if (message)
		return build_text(b, message, "message", &t->message);
	if (!build_text(b, file, "file", &path))
		return false;
	return build_message_file(b, build_path(b, file->pos, path),
	    file->pos, t);
}

static bool build_expect(struct builder *b, const struct node *n,
    struct test_case *t)
{
	const struct node *mailbox, *replaced;
	bool ok;

	if (node_is_null(n) || n->kind != NODE_MAP || n->n == 0)
		return problem_hint(b->ps, n->pos,
		    STR_LIT("for instance {rules: [], labels: [INBOX]}"),
		    "`expect` wants what must come out");
	mailbox = node_get(n, "mailbox");
	replaced = node_get(n, "replaced");
	ok = keys_check(b, n, KEY_expect, "key of `expect`");
	if (replaced) {
		t->has_replaced = true;
		ok &= node_bool(replaced, "replaced", &t->replaced, b->ps);
	}
	if (mailbox) {
		t->has_mailbox = true;
		ok &= build_name(b, mailbox, "mailbox", &t->expect_mailbox);
	}
	ok &= texts_of(b, n, "rules", add_rule, &t->has_rules, &t->rules,
	    &t->n_rules);
	ok &= texts_of(b, n, "labels", add_label, &t->has_labels,
	    &t->expect_labels, &t->n_expect_labels);
	ok &= texts_of(b, n, "flags", add_flag, &t->has_flags,
	    &t->expect_flags, &t->n_expect_flags);
	ok &= texts_of(b, n, "unknown", add_rule, &t->has_unknown,
	    &t->unknown, &t->n_unknown);
	ok &= texts_of(b, n, "failed", add_rule, &t->has_failed, &t->failed,
	    &t->n_failed);
	return ok;
}

/* Where the message is: its labels, flags, mailbox, account. */
static bool build_state(struct builder *b, const struct node *n,
    struct test_case *t)
{
	const struct node *mailbox = node_get(n, "mailbox");
	const struct node *account = node_get(n, "account");
	bool has_labels = false, ok;

	ok = texts_of(b, n, "labels", add_label, &has_labels, &t->labels,
	    &t->n_labels);
	if (mailbox)
		ok &= build_name(b, mailbox, "mailbox", &t->mailbox);
	/* In the inbox, unless the labels or the mailbox say otherwise. */
	if (!has_labels && (!mailbox || str_eq_z(t->mailbox, "INBOX"))) {
		t->labels = arena_make(b->arena, struct str);
		t->labels[0] = STR_LIT("INBOX");
		t->n_labels = 1;
	}
	ok &= texts_of(b, n, "flags", add_flag, NULL, &t->flags,
	    &t->n_flags);
	if (account)
		ok &= build_account(b, account, &t->account);
	return ok;
}

bool test_build(struct builder *b, const struct node *n,
    struct test_case *out)
{
	struct test_case t = {
		.pos = n->pos, .received = TIME_NONE, .now = TIME_NONE,
	};
	bool ok = keys_check(b, n, KEY_test, "key of a test");
	const struct node *name = node_get(n, "name");
	const struct node *expect = node_get(n, "expect");
	const struct node *zone = node_get(n, "zone");
	const struct node *authserv = node_get(n, "trusted_authserv");
	struct str text;

	if (n->kind != NODE_MAP)
		return false;
	if (!name)
		return problem(b->ps, n->pos, "a test needs a name");
	if (!expect)
		return problem(b->ps, n->pos, "a test needs `expect`");
	if (!build_text(b, name, "name", &text))
		return false;
	t.name = arena_z(b->arena, text);
	ok &= build_message(b, n, &t);
	ok &= build_state(b, n, &t);
	if (zone)
		ok &= build_zone(b, zone, &t.zone);
	if (authserv)
		ok &= build_text(b, authserv, "trusted_authserv",
		    &t.authserv);
	ok &= build_time(b, n, "received", &t.received);
	ok &= build_time(b, n, "now", &t.now);
	ok &= build_expect(b, expect, &t);
	if (ok)
		*out = t;
	return ok;
}
