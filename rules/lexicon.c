#include "build.h"

const struct word condition_words[] = {
#define CONDITION(name, arg, ask, fields, help)	\
	{ #name, arg, ask, help, fields },
#include "vocab.def"
};
const size_t n_condition_words = COUNT(condition_words);

const struct word action_words[] = {
#define ACTION(name, arg, help)	{ #name, arg, 0, help, "" },
#include "vocab.def"
};
const size_t n_action_words = COUNT(action_words);

const struct state_word state_words[] = {
#define STATE(name, flag, set, help)	{ #name, flag, !(set) },
#include "vocab.def"
};
const size_t n_state_words = COUNT(state_words);

static const char *const names_of_conditions[] = {
#define CONDITION(name, arg, ask, fields, help)	#name,
#include "vocab.def"
};

static const char *const names_of_actions[] = {
#define ACTION(name, arg, help)	#name,
#include "vocab.def"
};

static const char *const names_of_states[] = {
#define STATE(name, flag, set, help)	#name,
#include "vocab.def"
};

static const struct {
	enum key_place place;
	const char *name;
	enum word_arg arg;
} keys[] = {
#define KEY(where, name, arg, help)	{ KEY_##where, #name, arg },
#include "vocab.def"
};

static const struct word *find(const struct word *words, size_t n,
    struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_z(name, words[i].name))
			return &words[i];
	return NULL;
}

const struct word *condition_find(struct str name)
{
	return find(condition_words, n_condition_words, name);
}

const struct word *action_find(struct str name)
{
	return find(action_words, n_action_words, name);
}

const char *const *condition_names(size_t *n_out)
{
	*n_out = COUNT(names_of_conditions);
	return names_of_conditions;
}

const char *const *action_names(size_t *n_out)
{
	*n_out = COUNT(names_of_actions);
	return names_of_actions;
}

bool state_find(struct builder *b, const struct node *n,
    const struct state_word **out)
{
	struct str word;

	if (!build_text(b, n, "is", &word))
		return false;
	for (size_t i = 0; i < n_state_words; i++)
		if (str_eq_z(word, state_words[i].name)) {
			*out = &state_words[i];
			return true;
		}
	return problem_hint(b->ps, n->pos, build_nearest(b, word,
	    names_of_states, COUNT(names_of_states)),
	    "`%.*s` is none of unread, read, starred, important, answered, "
	    "forwarded, draft", STR_ARG(word));
}

/* Is KEY one of PLACE? */
static bool key_known(struct str key, enum key_place place,
    enum word_arg *arg_out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].place == place && str_eq_z(key, keys[i].name)) {
			*arg_out = keys[i].arg;
			return true;
		}
	return false;
}

static bool say_unknown_key(struct builder *b, const struct node *key,
    enum key_place place, const char *what)
{
	const char *known[COUNT(keys)];
	bool condition = condition_find(key->text) != NULL;
	bool action = action_find(key->text) != NULL;
	struct str hint;
	size_t n = 0;

	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].place == place)
			known[n++] = keys[i].name;
	hint = build_nearest(b, key->text, known, n);
	if ((place == KEY_rule || place == KEY_branch) &&
	    (condition || action))
		hint = !action ? STR_LIT("a condition stands under `when`") :
		    !condition ? STR_LIT("an action stands under `then`") :
		    STR_LIT("it stands under `when` or under `then`");
	return problem_hint(b->ps, key->pos, hint, "unknown %s `%.*s`",
	    what, STR_ARG(key->text));
}

bool keys_check(struct builder *b, const struct node *map,
    enum key_place place, const char *what)
{
	bool ok = true;

	if (map->kind != NODE_MAP)
		return problem(b->ps, map->pos, "a map is wanted here, not "
		    "%s", map->kind == NODE_LIST ? "a list" : "a text");
	for (size_t i = 0; i < map->n; i++) {
		enum word_arg arg;

		if (!key_known(map->keys[i]->text, place, &arg))
			ok = say_unknown_key(b, map->keys[i], place, what);
		else if (arg == ARG_LATER)
			ok = build_later(b, map->keys[i]);
	}
	return ok;
}
