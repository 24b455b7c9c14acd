/*
 * Files and what they include; every name is collected before anything is
 * compiled.
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
	if (out->over) {
		buf_free(out);
		return problem(b->ps, pos, "%s is larger than %zu MiB", path,
		    max >> 20);
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

/* OURS: no included file, whose names may be for others, too. */
static void collect_lists(struct builder *b, const struct node *map,
    bool ours)
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
		b->lists[b->n_lists - 1]->used = !ours;
	}
}

static void collect_conditions(struct builder *b, const struct node *map,
    bool ours)
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
			.node = map->items[i], .used = !ours,
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
				collect_lists(b, value, ours);
			else if (str_eq_z(key, "conditions"))
				collect_conditions(b, value, ours);
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
	    !read_text(b, path, NODE_FILE_MAX, pos, &text))
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

void load_files(struct builder *b, const char *const *paths, size_t n)
{
	struct loader l = { .b = b };

	for (size_t i = 0; i < n; i++)
		load_file(&l, paths[i], (struct pos){ 0 }, 0, true);
}
