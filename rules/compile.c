/*
 * Files, includes and rules; what the rooms of the compiler share.
 *
 * Two passes.  The first reads the files, what they include before
 * themselves, and collects names.  The second compiles, in order, when every
 * name is known: a list or a named condition may stand below its use, and in
 * another file.
 */
#include "build.h"

#include <string.h>

/* A file that was read, or is being read. */
struct loaded {
	struct str key;		/* its path without "." and ".." */
	bool open;
};

struct loader {
	struct builder *b;
	struct loaded *files;
	size_t n, cap;
	struct names index;
};

/* ------------------------------------------------------- shared helpers */

bool build_hints(const struct builder *b)
{
	return b->ps->errors < PROBLEMS_MAX;
}

struct str build_nearest(struct builder *b, struct str word,
    const char *const *names, size_t n)
{
	const char *near = build_hints(b) ? nearest(word, names, n) : NULL;

	return near ? arena_printf(b->arena, "did you mean `%s`?", near) :
	    STR_EMPTY;
}

struct str build_nearest_name(struct builder *b, struct str word,
    const struct names *names)
{
	const char **list;

	if (!build_hints(b))
		return STR_EMPTY;
	list = arena_array(b->arena, names->n, sizeof(*list));
	for (size_t i = 0; i < names->n; i++)
		list[i] = arena_z(b->arena, names->keys[i]);
	return build_nearest(b, word, list, names->n);
}

bool build_later(struct builder *b, const struct node *key)
{
	return problem(b->ps, key->pos, "`%.*s` is not yet supported",
	    STR_ARG(key->text));
}

bool build_text(struct builder *b, const struct node *n, const char *what,
    struct str *out)
{
	struct str text;

	if (!node_text(n, what, &text, b->ps))
		return false;
	if (str_trim(text).n == 0)
		return problem(b->ps, n->pos, "`%s` is empty", what);
	*out = text;
	return true;
}

bool build_each(struct builder *b, const struct node *n, const char *what,
    bool (*fn)(struct builder *b, const struct node *item, void *ctx),
    void *ctx)
{
	bool ok = true;

	if (n->kind != NODE_LIST)
		return fn(b, n, ctx);
	if (n->n == 0)
		return problem(b->ps, n->pos, "an empty list under `%s`",
		    what);
	for (size_t i = 0; i < n->n; i++) {
		if (n->items[i]->kind == NODE_LIST)
			ok = problem(b->ps, n->items[i]->pos,
			    "a list in a list");
		else
			ok &= fn(b, n->items[i], ctx);
	}
	return ok;
}

bool build_account(struct builder *b, const struct node *n, struct str *out)
{
	struct str name;

	if (!build_text(b, n, "account", &name))
		return false;
	for (size_t i = 0; i < b->n_accounts; i++)
		if (str_eq_z(name, b->accounts[i])) {
			*out = name;
			return true;
		}
	if (!b->accounts) {
		*out = name;
		return true;
	}
	return problem_hint(b->ps, n->pos, build_nearest(b, name,
	    b->accounts, b->n_accounts), "there is no account `%.*s`",
	    STR_ARG(name));
}

struct str build_inbox(struct str name)
{
	return str_ieq_z(name, "INBOX") ? STR_LIT("INBOX") : name;
}

bool build_name(struct builder *b, const struct node *n, const char *what,
    struct str *out)
{
	struct str name;

	if (!build_text(b, n, what, &name) ||
	    !name_check(name, n->pos, b->ps))
		return false;
	*out = build_inbox(name);
	return true;
}

/* RFC 9051: flag-keyword is an atom. */
static bool is_atom(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7F ||
		    memchr("(){%*\"\\]", s.p[i], 8))
			return false;
	return s.n > 0 && s.n <= 255;
}

bool build_flag(struct builder *b, const struct node *n, struct str *out)
{
	static const char *const known[] = { "\\Seen", "\\Answered",
	    "\\Flagged", "\\Draft" };
	struct str flag;

	if (!build_text(b, n, "flag", &flag))
		return false;
	if (flag.p[0] != '\\') {
		*out = flag;
		return is_atom(flag) ? true : problem(b->ps, n->pos,
		    "a keyword holds no blanks, no controls, no letters "
		    "beyond ASCII and none of ( ) { %% * \" \\ ]");
	}
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_ieq_z(flag, known[i])) {
			*out = str_of(known[i]);
			return true;
		}
	return problem_hint(b->ps, n->pos, str_ieq_z(flag, "\\Deleted") ?
	    STR_LIT("the actions `trash` and `delete` remove a message") :
	    build_nearest(b, flag, known, COUNT(known)),
	    "`%.*s` is no flag that can be asked for or set", STR_ARG(flag));
}

/* -------------------------------------------------------------- patterns */

/* What makes two patterns the same, as one text. */
static struct str pattern_key(struct builder *b, enum pattern_kind kind,
    struct str text, bool fold)
{
	return arena_printf(b->arena, "%d%d%.*s", (int)kind, fold,
	    STR_ARG(text));
}

const struct pattern *pattern_build(struct builder *b,
    enum pattern_kind kind, struct str text, bool fold,
    const struct node *n)
{
	struct str key = pattern_key(b, kind, text, fold);
	struct pattern_error e;
	const struct pattern *p;
	size_t at;

	if (names_get(&b->pattern_index, key, &at))
		return b->made[at];
	p = pattern_make(b->patterns, kind, text, fold, &e);
	if (!p) {
		problem(b->ps, kind == PATTERN_REGEX ?
		    node_pos_in(n, e.offset, 1) : n->pos, "bad %s: %s",
		    kind == PATTERN_REGEX ? "regex" :
		    kind == PATTERN_GLOB ? "pattern" : "text", e.msg);
		return NULL;
	}
	arena_grow(b->arena, &b->made, b->n_made, &b->cap_made);
	names_add(b->arena, &b->pattern_index, key, b->n_made);
	b->made[b->n_made++] = p;
	return p;
}

/* ----------------------------------------------------------------- dates */

/* "NN" or "NNNN" at the front of *S, then the character BEHIND (0: end). */
static bool take_number(struct str *s, size_t digits, char behind, int *out)
{
	uint64_t n;

	if (s->n < digits || !str_u64(str_sub(*s, 0, digits), 9999, &n))
		return false;
	*out = (int)n;
	*s = (struct str){ s->p + digits, s->n - digits };
	if (behind == 0)
		return true;
	if (s->n == 0 || s->p[0] != behind)
		return false;
	*s = (struct str){ s->p + 1, s->n - 1 };
	return true;
}

static bool read_date(struct str s, struct when *out)
{
	int y, mon, d, h = 0, min = 0, sec = 0;
	struct civil back;
	struct when w = { .set = true };

	if (!take_number(&s, 4, '-', &y) || !take_number(&s, 2, '-', &mon) ||
	    !take_number(&s, 2, 0, &d))
		return false;
	if (s.n) {
		w.has_time = true;
		if (s.p[0] != 'T')
			return false;
		s = (struct str){ s.p + 1, s.n - 1 };
		if (!take_number(&s, 2, ':', &h) ||
		    !take_number(&s, 2, 0, &min))
			return false;
		if (s.n && s.p[0] == ':') {
			s = (struct str){ s.p + 1, s.n - 1 };
			if (!take_number(&s, 2, 0, &sec))
				return false;
		}
	}
	if (s.n || y < 1 || mon < 1 || mon > 12 || d < 1 || d > 31 ||
	    h > 23 || min > 59 || sec > 59)
		return false;
	w.civil = time_from_civil(y, mon, d, h, min, sec);
	back = time_to_civil(w.civil);
	if (back.day != d)	/* 30 February */
		return false;
	*out = w;
	return true;
}

bool build_date(struct builder *b, const struct node *n, const char *what,
    struct when *out)
{
	struct str text;
	int64_t duration;

	if (!build_text(b, n, what, &text))
		return false;
	if (read_date(text, out))
		return true;
	return problem_hint(b->ps, n->pos, parse_duration(text, &duration) ?
	    STR_LIT("`age` compares with a duration") :
	    STR_LIT("a date is written 2026-01-15 or 2026-01-15T22:00"),
	    "`%.*s` is no date", STR_ARG(text));
}

/* ----------------------------------------------------------------- files */

static struct str folder_of(struct str path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

const char *build_path(struct builder *b, struct pos pos, struct str path)
{
	struct str folder = pos.source ?
	    folder_of(str_of(pos.source->name)) : STR_EMPTY;

	if (path.n && path.p[0] == '/')
		return arena_z(b->arena, path);
	return arena_printf(b->arena, "%.*s%.*s", STR_ARG(folder),
	    STR_ARG(path)).p;
}

/*
 * PATH without "." and ".." levels, by its text alone: enough to know a file
 * again.  Two names of one file by way of a symbolic link stay two files.
 */
static struct str path_key(struct arena *a, const char *path)
{
	struct str rest = str_of(path), part;
	char *key = arena_alloc(a, rest.n + 2);
	size_t n = 0, fixed = 0;

	if (rest.n && rest.p[0] == '/')
		key[n++] = '/';
	fixed = n;
	while (str_cut(&rest, '/', &part)) {
		if (part.n == 0 || str_eq_z(part, "."))
			continue;
		if (str_eq_z(part, "..") && n > fixed) {
			while (n > fixed && key[--n] != '/')
				;
			continue;
		}
		if (n > 0 && key[n - 1] != '/')
			key[n++] = '/';
		memcpy(key + n, part.p, part.n);
		n += part.n;
		if (str_eq_z(part, ".."))
			fixed = n;
	}
	return (struct str){ key, n };
}

void build_add_source(struct builder *b, const struct source *source)
{
	struct rules *r = b->out;

	arena_grow(b->arena, &r->sources, r->n_sources, &b->cap_sources);
	r->sources[r->n_sources++] = source;
}

/* False after a reported problem; else OUT holds the text, to be freed. */
static bool read_text(struct builder *b, const char *path, size_t max,
    struct pos pos, struct buf *out)
{
	struct err e = { 0 };

	buf_init(out, max);
	if (!b->reader->read(b->reader->ctx, path, out, &e)) {
		buf_free(out);
		return problem(b->ps, pos, "%s", e.msg[0] ? e.msg :
		    "the file cannot be read");
	}
	return true;
}

bool build_read(struct builder *b, const char *path, size_t max,
    struct pos pos, const struct source **out)
{
	struct source *source;
	struct buf text;

	if (b->out->n_sources >= RULES_FILES_MAX)
		return problem(b->ps, pos, "more than %d files",
		    RULES_FILES_MAX);
	if (!read_text(b, path, max, pos, &text))
		return false;
	if (text.over) {
		buf_free(&text);
		return problem(b->ps, pos, "%s is larger than %zu MiB", path,
		    max >> 20);
	}
	source = arena_make(b->arena, struct source);
	source->name = arena_z(b->arena, str_of(path));
	source->text = arena_str(b->arena, buf_str(&text));
	buf_free(&text);
	build_add_source(b, source);
	*out = source;
	return true;
}

/* ------------------------------------------------------------ collecting */

/* Reports a definition that is there already. */
static bool is_new(struct builder *b, const struct node *key,
    const char *what, bool known, struct pos first)
{
	if (!known)
		return true;
	return problem(b->ps, key->pos, "the %s `%.*s` is defined already, "
	    "in %s, line %d", what, STR_ARG(key->text), first.source->name,
	    first.line);
}

static void collect_lists(struct builder *b, const struct node *map)
{
	if (map->kind != NODE_MAP) {
		problem(b->ps, map->pos, "`lists` wants names with their "
		    "entries");
		return;
	}
	for (size_t i = 0; i < map->n; i++) {
		const struct node *key = map->keys[i];
		size_t at;
		bool known = names_get(&b->list_names, key->text, &at);

		if (!is_new(b, key, "list", known,
		    known ? b->lists[at]->pos : key->pos))
			continue;
		list_build(b, key->text, key->pos, map->items[i]);
	}
}

static void collect_conditions(struct builder *b, const struct node *map)
{
	if (map->kind != NODE_MAP) {
		problem(b->ps, map->pos, "`conditions` wants names with their "
		    "conditions");
		return;
	}
	for (size_t i = 0; i < map->n; i++) {
		const struct node *key = map->keys[i];
		size_t at;
		bool known = names_get(&b->named_names, key->text, &at);

		if (!is_new(b, key, "condition", known,
		    known ? b->named[at].pos : key->pos))
			continue;
		if (condition_find(key->text)) {
			problem(b->ps, key->pos, "`%.*s` is a word of the "
			    "language; a condition needs another name",
			    STR_ARG(key->text));
			continue;
		}
		arena_grow(b->arena, &b->named, b->n_named, &b->cap_named);
		b->named[b->n_named] = (struct named){
			.name = key->text, .pos = key->pos,
			.node = map->items[i],
		};
		names_add(b->arena, &b->named_names, key->text, b->n_named);
		b->n_named++;
	}
}

static void collect_entries(struct builder *b, const struct node *list,
    const char *what, bool ours, struct entry **to, size_t *n, size_t *cap,
    size_t max)
{
	if (list->kind != NODE_LIST) {
		problem(b->ps, list->pos, "`%s` wants a list", what);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		if (*n == max) {
			problem(b->ps, list->items[i]->pos,
			    "there are more than %zu %s", max, what);
			return;
		}
		arena_grow(b->arena, to, *n, cap);
		(*to)[(*n)++] = (struct entry){ list->items[i], ours };
	}
}

static void check_version(struct builder *b, const struct node *root)
{
	const struct node *v = node_get(root, "version");
	struct pos pos = root->pos;

	pos.width = 0;
	if (!v)
		problem_hint(b->ps, pos, STR_LIT("begin it with `version: 1`"),
		    "the file does not say its version");
	else if (v->kind != NODE_SCALAR || !str_eq_z(v->text, "1"))
		problem(b->ps, v->pos, "this version of the language is not "
		    "known; there is `version: 1`");
}

static void load_file(struct loader *l, const char *path, struct pos pos,
    int depth, bool ours);

static void include_one(struct loader *l, const struct node *n, int depth)
{
	struct str path;

	if (build_text(l->b, n, "include", &path))
		load_file(l, build_path(l->b, n->pos, path), n->pos,
		    depth + 1, false);
}

static void load_includes(struct loader *l, const struct node *n, int depth)
{
	if (n->kind == NODE_MAP) {
		problem(l->b->ps, n->pos, "`include` wants file names");
		return;
	}
	if (n->kind == NODE_SCALAR) {
		include_one(l, n, depth);
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		include_one(l, n->items[i], depth);
}

static void collect(struct loader *l, const struct node *root, int depth,
    bool ours)
{
	struct builder *b = l->b;

	check_version(b, root);
	keys_check(b, root, KEY_file, "key of a rule file");
	lint_file(b, root);
	/* Includes first, wherever they stand: their rules come before. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < root->n; i++) {
			struct str key = root->keys[i]->text;
			const struct node *value = root->items[i];

			if (str_eq_z(key, "include") != (pass == 0))
				continue;
			if (node_is_null(value))
				problem(b->ps, root->keys[i]->pos,
				    "`%.*s` is empty", STR_ARG(key));
			else if (pass == 0)
				load_includes(l, value, depth);
			else if (str_eq_z(key, "lists"))
				collect_lists(b, value);
			else if (str_eq_z(key, "conditions"))
				collect_conditions(b, value);
			else if (str_eq_z(key, "rules"))
				collect_entries(b, value, "rules", ours,
				    &b->rules, &b->n_rules, &b->cap_rules,
				    RULES_MAX);
			else if (str_eq_z(key, "tests"))
				collect_entries(b, value, "tests", ours,
				    &b->tests, &b->n_tests, &b->cap_tests,
				    TESTS_MAX);
		}
	}
}

/* False when the file needs no reading, or must not be read. */
static bool may_load(struct loader *l, struct str key, const char *path,
    struct pos pos, int depth)
{
	struct problems *ps = l->b->ps;
	size_t at;

	if (names_get(&l->index, key, &at))
		return l->files[at].open ? problem(ps, pos,
		    "%s includes itself, directly or by another file", path) :
		    false;	/* once is enough */
	if (depth > RULES_INCLUDE_DEPTH)
		return problem(ps, pos, "files are included more than %d "
		    "deep", RULES_INCLUDE_DEPTH);
	if (l->b->out->n_sources >= RULES_FILES_MAX)
		return problem(ps, pos, "more than %d files",
		    RULES_FILES_MAX);
	return true;
}

static void load_file(struct loader *l, const char *path, struct pos pos,
    int depth, bool ours)
{
	struct builder *b = l->b;
	struct str key = path_key(b->arena, path);
	struct node *root;
	struct buf text;
	size_t at;

	if (!may_load(l, key, path, pos, depth) ||
	    !read_text(b, path, NODE_FILE_MAX + 1, pos, &text))
		return;
	at = l->n;
	arena_grow(b->arena, &l->files, at, &l->cap);
	l->files[l->n++] = (struct loaded){ key, true };
	names_add(b->arena, &l->index, key, at);
	root = node_read(b->arena, path, buf_str(&text), b->ps);
	buf_free(&text);
	if (root && root->pos.source)
		build_add_source(b, root->pos.source);
	if (root && root->kind != NODE_MAP)
		problem_hint(b->ps, root->pos,
		    STR_LIT("begin it with `version: 1`"),
		    "a rule file is a map of version, rules and more");
	else if (root)
		collect(l, root, depth, ours);
	l->files[at].open = false;
}

/* ----------------------------------------------------------------- rules */

/* "$(" somewhere under N?  Only then the capture groups matter. */
static bool has_template(const struct node *n)
{
	for (size_t i = 0; n->kind == NODE_SCALAR && i + 1 < n->text.n; i++)
		if (n->text.p[i] == '$' && n->text.p[i + 1] == '(')
			return true;
	for (size_t i = 0; n->kind != NODE_SCALAR && i < n->n; i++)
		if (has_template(n->items[i]))
			return true;
	return false;
}

/* Fills TO->when.  False after a reported problem. */
static bool build_when(struct builder *b, const struct node *map,
    struct branch *to)
{
	const struct node *when = node_get(map, "when");

	if (!when)
		return true;
	if (node_is_null(when))
		return problem_hint(b->ps, node_get_key(map, "when")->pos,
		    STR_LIT("leave `when` out where the rule concerns every "
		    "message"), "`when` is empty");
	to->when = cond_build(b, when);
	return to->when != NULL;
}

/*
 * The actions under KEY.  OUTER is the rule's condition around a branch.
 * CLEAR: no condition around them was faulty, so that it can be told which
 * groups there are.
 */
static bool build_then(struct builder *b, const struct node *map,
    const char *key, const struct cond *outer, bool clear,
    struct branch *to)
{
	const struct node *n = node_get(map, key);
	struct groups groups = { 0 }, more;

	if (node_is_null(n))
		return problem(b->ps, node_get_key(map, key)->pos,
		    "`%s` is empty", key);
	if (has_template(n)) {
		groups_of_cond(b->arena, to->when, &groups);
		groups_of_cond(b->arena, outer, &more);
		groups_then(b->arena, &groups, &more);
	}
	if (!actions_build(b, n, clear ? &groups : NULL, to))
		return false;
	lint_actions(b, to->actions, to->n_actions);
	return true;
}

static bool build_branch(struct builder *b, const struct node *n,
    const struct cond *outer, bool clear, bool last, struct branch *out)
{
	bool ok = keys_check(b, n, KEY_branch, "key of a branch");
	const struct node *other = node_get_key(n, "otherwise");

	out->pos = n->pos;
	if (n->kind != NODE_MAP)
		return false;
	if (other) {
		out->otherwise = true;
		if (n->n > 1)
			ok = problem(b->ps, other->pos, "`otherwise` stands "
			    "alone, with the actions behind it");
		if (!last)
			ok = problem(b->ps, other->pos,
			    "`otherwise` is the last branch");
		return build_then(b, n, "otherwise", outer, clear, out) &&
		    ok;
	}
	if (!build_when(b, n, out))
		clear = ok = false;
	if (!node_get(n, "then"))
		return problem(b->ps, n->pos, "a branch needs `then`");
	if (!node_get(n, "when") && !last)
		warning(b->ps, n->pos, "this branch always fits; those below "
		    "it are never reached");
	return build_then(b, n, "then", outer, clear, out) && ok;
}

static bool build_first_of(struct builder *b, const struct node *n,
    bool clear, struct branch *top)
{
	bool ok = true;

	if (n->kind != NODE_LIST || n->n == 0)
		return problem(b->ps, n->pos,
		    "`first_of` wants a list of branches");
	top->first_of = arena_array(b->arena, n->n, sizeof(*top->first_of));
	top->n_first_of = n->n;
	for (size_t i = 0; i < n->n; i++)
		ok &= build_branch(b, n->items[i], top->when, clear,
		    i + 1 == n->n, &top->first_of[i]);
	return ok;
}

struct texts {
	struct str *list;
	size_t n, cap;
};

static bool add_account(struct builder *b, const struct node *n, void *ctx)
{
	struct texts *t = ctx;

	arena_grow(b->arena, &t->list, t->n, &t->cap);
	return build_account(b, n, &t->list[t->n++]);
}

static bool add_mailbox(struct builder *b, const struct node *n, void *ctx)
{
	struct texts *t = ctx;

	arena_grow(b->arena, &t->list, t->n, &t->cap);
	return build_name(b, n, "in", &t->list[t->n++]);
}

static bool build_applies_to(struct builder *b, const struct node *n,
    struct rule_info *info)
{
	struct str text;

	if (!build_text(b, n, "applies_to", &text))
		return false;
	info->applies_to_all = str_eq_z(text, "all");
	if (info->applies_to_all || str_eq_z(text, "new"))
		return true;
	return problem(b->ps, n->pos, "`applies_to` is `new` or `all`");
}

/* One of the small keys of a rule. */
static bool build_info_key(struct builder *b, const struct node *key,
    const struct node *value, struct rule_info *info)
{
	struct texts texts = { 0 };
	bool ok = true;

	if (node_is_null(value))
		return problem(b->ps, key->pos, "`%.*s` is empty",
		    STR_ARG(key->text));
	if (str_eq_z(key->text, "enabled"))
		return node_bool(value, "enabled", &info->enabled, b->ps);
	if (str_eq_z(key->text, "applies_to"))
		return build_applies_to(b, value, info);
	if (str_eq_z(key->text, "every")) {
		ok = node_duration(value, "every", &info->every, b->ps);
		if (ok && info->every == 0)
			ok = problem(b->ps, value->pos,
			    "`every` must be more than nothing");
	} else if (str_eq_z(key->text, "limit")) {
		ok = node_number(value, "limit", UINT32_MAX, &info->limit,
		    b->ps);
		if (ok && info->limit == 0)
			ok = problem_hint(b->ps, value->pos,
			    STR_LIT("`enabled: false` switches a rule off"),
			    "`limit` must be at least 1");
	} else if (str_eq_z(key->text, "in")) {
		ok = build_each(b, value, "in", add_mailbox, &texts);
		info->in = texts.list;
		info->n_in = texts.n;
	} else if (str_eq_z(key->text, "account")) {
		ok = build_each(b, value, "account", add_account, &texts);
		info->accounts = texts.list;
		info->n_accounts = texts.n;
	}
	return ok;
}

static bool build_info(struct builder *b, const struct node *map,
    struct rule_info *info)
{
	bool ok = true;

	info->enabled = true;
	for (size_t i = 0; i < map->n; i++)
		if (!str_eq_z(map->keys[i]->text, "name") &&
		    !str_eq_z(map->keys[i]->text, "when") &&
		    !str_eq_z(map->keys[i]->text, "then") &&
		    !str_eq_z(map->keys[i]->text, "first_of"))
			ok &= build_info_key(b, map->keys[i], map->items[i],
			    info);
	if (ok && info->every && !info->applies_to_all)
		ok = problem_hint(b->ps, node_get_key(map, "every")->pos,
		    STR_LIT("add `applies_to: all`"),
		    "`every` is for a rule that applies to all messages");
	return ok;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
			return true;
	return false;
}

static bool build_rule_name(struct builder *b, const struct node *map,
    size_t index, struct rule_info *info)
{
	const struct node *n = node_get(map, "name");
	struct str name;
	size_t first;

	info->pos = n ? n->pos : map->pos;
	info->name = "";
	if (!n)
		return problem_hint(b->ps, map->pos, STR_LIT("add `name: ...`: "
		    "it is the rule's identity in the journal"),
		    "a rule needs a name");
	if (!build_text(b, n, "name", &name))
		return false;
	if (name.n > RULE_NAME_MAX || has_control(name))
		return problem(b->ps, n->pos, "a rule's name has at most %d "
		    "octets and no control character", RULE_NAME_MAX);
	info->name = arena_z(b->arena, name);
	if (names_get(&b->rule_names, name, &first)) {
		struct pos pos = b->out->rules[first].info.pos;

		return problem(b->ps, n->pos, "another rule has the name "
		    "`%.*s`, in %s, line %d", STR_ARG(name),
		    pos.source->name, pos.line);
	}
	names_add(b->arena, &b->rule_names, name, index);
	return true;
}

static bool build_rule(struct builder *b, const struct node *n,
    size_t index, struct rule *out)
{
	const struct node *then = node_get_key(n, "then");
	const struct node *first_of = node_get(n, "first_of");
	bool ok = keys_check(b, n, KEY_rule, "key of a rule"), clear;

	out->top.pos = n->pos;
	if (n->kind != NODE_MAP)
		return false;
	ok &= build_rule_name(b, n, index, &out->info);
	ok &= build_info(b, n, &out->info);
	clear = build_when(b, n, &out->top);
	ok &= clear;
	if (!then && !first_of)
		return problem(b->ps, n->pos,
		    "a rule needs `then` or `first_of`");
	if (then)
		ok &= build_then(b, n, "then", NULL, clear, &out->top);
	if (first_of)
		ok &= build_first_of(b, first_of, clear, &out->top);
	return ok;
}

static void build_rules(struct builder *b)
{
	struct rules *r = b->out;

	r->rules = arena_array(b->arena, b->n_rules, sizeof(*r->rules));
	for (size_t i = 0; i < b->n_rules; i++) {
		r->n_rules = i + 1;
		/* Each mistake is reported where it is found. */
		(void)!build_rule(b, b->rules[i].node, i, &r->rules[i]);
	}
}

static void build_tests(struct builder *b)
{
	struct rules *r = b->out;

	r->tests = arena_array(b->arena, b->n_tests, sizeof(*r->tests));
	for (size_t i = 0; i < b->n_tests; i++)
		if (test_build(b, b->tests[i].node, &r->tests[r->n_tests]) &&
		    b->tests[i].ours)
			r->n_tests++;
}

/* --------------------------------------------------- what the rules read */

struct reads {
	struct builder *b;
	struct names fields, labels;	/* fields by their lower case */
	size_t cap_fields, cap_labels;
	bool *seen;		/* by cond->id */
};

static void read_field(void *ctx, struct str name)
{
	struct reads *reads = ctx;
	struct rules *r = reads->b->out;
	char *low = arena_z(reads->b->arena, name);
	size_t at;

	for (size_t i = 0; i < name.n; i++)
		low[i] = ch_lower(low[i]);
	if (names_get(&reads->fields, (struct str){ low, name.n }, &at))
		return;
	names_add(reads->b->arena, &reads->fields,
	    (struct str){ low, name.n }, 0);
	arena_grow(reads->b->arena, &r->fields, r->n_fields,
	    &reads->cap_fields);
	r->fields[r->n_fields++] = name;
}

static void read_label(struct reads *reads, struct str name)
{
	struct rules *r = reads->b->out;
	size_t at;

	if (names_get(&reads->labels, name, &at))
		return;
	names_add(reads->b->arena, &reads->labels, name, 0);
	arena_grow(reads->b->arena, &r->labels_read, r->n_labels_read,
	    &reads->cap_labels);
	r->labels_read[r->n_labels_read++] = name;
}

static void read_cond(struct reads *reads, const struct cond *c)
{
	if (!c || reads->seen[c->id])
		return;
	reads->seen[c->id] = true;
	for (size_t i = 0; i < c->n_fields; i++)
		read_field(reads, c->fields[i]);
	for (size_t i = 0; c->kind == COND_LABEL && i < c->tests[0].n; i++)
		if (c->tests[0].any[i].op == TEST_TEXT &&
		    !str_eq_z(c->tests[0].any[i].text, "INBOX"))
			read_label(reads, c->tests[0].any[i].text);
	for (size_t i = 0; i < c->n_kids; i++)
		read_cond(reads, c->kids[i]);
}

/* What it fills in; and whether a label is there already. */
static void read_action(struct reads *reads, const struct action *a)
{
	struct str label;

	if (!a->text)
		return;
	template_needs(a->text, read_field, reads);
	if ((a->kind == ACTION_LABEL || a->kind == ACTION_UNLABEL) &&
	    template_literal(a->text, &label))
		read_label(reads, label);
}

static void read_branch(struct reads *reads, const struct branch *br)
{
	read_cond(reads, br->when);
	for (size_t i = 0; i < br->n_actions; i++)
		read_action(reads, &br->actions[i]);
	for (size_t i = 0; i < br->n_first_of; i++)
		read_branch(reads, &br->first_of[i]);
}

static void find_reads(struct builder *b)
{
	struct reads reads = { .b = b };

	reads.seen = arena_array(b->arena, b->out->n_conds,
	    sizeof(*reads.seen));
	for (size_t i = 0; i < b->out->n_rules; i++)
		if (b->out->rules[i].info.enabled)
			read_branch(&reads, &b->out->rules[i].top);
}

static void warn_unused(struct builder *b)
{
	for (size_t i = 0; i < b->n_lists; i++)
		if (!b->lists[i]->used)
			warning(b->ps, b->lists[i]->pos, "the list `%.*s` is "
			    "not used", STR_ARG(b->lists[i]->name));
	for (size_t i = 0; i < b->n_named; i++)
		if (!b->named[i].used)
			warning(b->ps, b->named[i].pos, "the condition "
			    "`%.*s` is not used", STR_ARG(b->named[i].name));
}

/* --------------------------------------------------------------- the face */

static void compile_all(struct builder *b)
{
	for (size_t i = 0; i < b->n_named; i++) {
		if (node_is_null(b->named[i].node))
			problem(b->ps, b->named[i].pos,
			    "the condition `%.*s` is empty",
			    STR_ARG(b->named[i].name));
		else
			named_build(b, i);
	}
	build_rules(b);
	build_tests(b);
	warn_unused(b);
}

struct rules *rules_load(struct arena *a, const char *const *paths,
    size_t n, const struct file_reader *reader,
    const char *const *accounts, size_t n_accounts,
    const struct rules_limits *limits, struct problems *ps)
{
	struct builder b = {
		.arena = a, .ps = ps, .reader = reader,
		.accounts = accounts, .n_accounts = n_accounts,
		.out = arena_make(a, struct rules),
	};
	struct loader l = { .b = &b };
	size_t errors = ps->errors;

	b.out->arena = a;
	if (limits)
		b.out->limits = *limits;
	if (b.out->limits.regex_steps == 0)
		b.out->limits.regex_steps = 1000000;
	if (b.out->limits.body_text == 0)
		b.out->limits.body_text = MAIL_PART_TEXT_MAX;
	b.patterns = pattern_set_make(a, b.out->limits.regex_steps);
	for (size_t i = 0; i < n; i++)
		load_file(&l, paths[i], (struct pos){ 0 }, 0, true);
	compile_all(&b);
	if (ps->errors > errors)
		return NULL;
	find_reads(&b);
	match_prepare(b.out);
	return b.out;
}

size_t rules_count(const struct rules *r)
{
	return r->n_rules;
}

size_t rules_sources(const struct rules *r,
    const struct source *const **list_out)
{
	*list_out = r->sources;
	return r->n_sources;
}

const struct rule_info *rules_info(const struct rules *r, size_t index)
{
	return &r->rules[index].info;
}

size_t rules_fields(const struct rules *r, const struct str **list_out,
    bool *whole_out)
{
	*list_out = r->fields;
	*whole_out = r->whole_header;
	return r->n_fields;
}

size_t rules_labels_read(const struct rules *r,
    const struct str **list_out)
{
	*list_out = r->labels_read;
	return r->n_labels_read;
}

size_t rules_test_count(const struct rules *r)
{
	return r->n_tests;
}
