/* YAML of any kind, and what may be asked of its nodes. */
#include "fuzz.h"

struct walk {
	struct arena *arena;
	struct problems *ps;
	struct str text;
	size_t left;		/* nodes; aliases make many of few */
};

static void look_at_place(const struct walk *w, struct pos pos)
{
	size_t at;
	struct str line;

	HOLDS(pos.source && pos.line >= 1 && pos.col >= 1 && pos.width >= 0);
	line = pos_line(pos, &at);
	HOLDS(at <= line.n);
	HOLDS(line.n <= w->text.n);
}

static void look_at_scalar(const struct walk *w, const struct node *n)
{
	struct str text = STR_EMPTY;
	uint64_t number;
	int64_t seconds;
	bool yes;

	HOLDS(fuzz_is_text(n->text));
	for (size_t i = 0; i <= n->text.n; i += 1 + n->text.n / 4)
		look_at_place(w, node_pos_in(n, i, 1));
	HOLDS(node_text(n, "text", &text, w->ps) == str_eq(text, n->text) ||
	    n->text.n == 0);
	HOLDS(!node_is_bool(n, &yes) || !n->quoted);
	HOLDS(!node_is_null(n) || !n->quoted);
	(void)!node_bool(n, "bool", &yes, w->ps);
	(void)!node_size(n, "size", &number, w->ps);
	if (node_number(n, "number", 1000, &number, w->ps))
		HOLDS(number <= 1000);
	if (node_duration(n, "duration", &seconds, w->ps))
		HOLDS(seconds >= 0);
}

static void look_at(struct walk *w, const struct node *n, int depth)
{
	HOLDS(depth <= NODE_DEPTH_MAX);
	if (w->left == 0)
		return;
	w->left--;
	look_at_place(w, n->pos);
	if (n->kind == NODE_SCALAR) {
		look_at_scalar(w, n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == NODE_MAP) {
			look_at_scalar(w, n->keys[i]);
			for (size_t k = 0; k < i && k < 8; k++)
				HOLDS(!str_eq(n->keys[k]->text,
				    n->keys[i]->text));
		}
		look_at(w, n->items[i], depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const known[] = { "version", "rules", "a" };
	struct walk w = {
		.arena = arena_new(), .text = fuzz_input(data, n),
		.left = 10000,
	};
	struct problems ps;
	struct node *root;
	struct str *list;
	size_t count;
	struct buf b;

	problems_init(&ps, w.arena);
	w.ps = &ps;
	root = node_read(w.arena, "a.yaml", w.text, &ps);
	HOLDS(root || ps.errors);
	if (root) {
		look_at(&w, root, 0);
		node_only_keys(root, known, COUNT(known), "key", &ps);
		(void)!node_texts(w.arena, root, "texts", &list, &count, &ps);
	}
	HOLDS(ps.n <= 2 * PROBLEMS_MAX);
	problems_sort(&ps);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < ps.n; i++)
		problem_show(&b, &ps.list[i]);
	HOLDS(b.over || fuzz_is_text(buf_str(&b)));
	buf_free(&b);
	arena_free(&w.arena);
	return 0;
}
