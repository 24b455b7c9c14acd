#include "build.h"

#include <string.h>

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
#define STATE(name, flag, set, mark, help)	{ #name, flag, !(set), mark },
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
#define STATE(name, flag, set, mark, help)	#name,
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

const struct vocab_row vocab_rows[] = {
#define CONDITION(name, arg, ask, fields, help)	\
	{ VOCAB_CONDITION, 0, #name, arg, help, NULL },
#define ACTION(name, arg, help)	\
	{ VOCAB_ACTION, 0, #name, arg, help, NULL },
#define OPERATOR(name, of, arg, help)	\
	{ VOCAB_OPERATOR, of, #name, arg, help, NULL },
#define PART(name, part, arg, help)	\
	{ VOCAB_PART, 0, #name, arg, help, NULL },
#define VARIABLE(name, ask, fields, help)	\
	{ VOCAB_VARIABLE, 0, #name, ARG_NONE, help, NULL },
#define STATE(name, flag, set, mark, help)	\
	{ VOCAB_STATE, mark, #name, ARG_NONE, help, flag },
#define SPECIAL(name, help)	\
	{ VOCAB_SPECIAL, 0, name, ARG_NONE, help, NULL },
#define FIX(name, fix, help)	\
	{ VOCAB_FIX, 0, #name, ARG_NONE, help, NULL },
#define KEY(where, name, arg, help)	\
	{ VOCAB_KEY, KEY_##where, #name, arg, help, NULL },
#include "vocab.def"
};
const size_t n_vocab_rows = COUNT(vocab_rows);

/* ------------------------------------------------- for people to read */

static const char *const arguments[] = {
#define ARGUMENT(name, help, schema)	help,
#include "argument.def"
};

static const char *word_of(const struct vocab_row *row)
{
	static const char *const kinds[] = {
		[VOCAB_CONDITION] = "condition", [VOCAB_ACTION] = "action",
		[VOCAB_OPERATOR] = "operator",
		[VOCAB_PART] = "part of an address",
		[VOCAB_VARIABLE] = "template",
		[VOCAB_STATE] = "word of `is`",
		[VOCAB_SPECIAL] = "special use",
		[VOCAB_FIX] = "word of `fix_headers`", [VOCAB_KEY] = NULL,
	};
	static const char *const places[] = {
		[KEY_file] = "key of a file", [KEY_rule] = "key of a rule",
		[KEY_branch] = "key of a branch",
		[KEY_test] = "key of a test",
		[KEY_expect] = "key of `expect`",
		[KEY_attachment] = "key of `attachment`",
		[KEY_list_id] = "key of `list_id`",
		[KEY_size] = "key of a size", [KEY_age] = "key of an age",
		[KEY_count] = "key of `count`", [KEY_date] = "key of a date",
		[KEY_time_of_day] = "key of `time_of_day`",
		[KEY_auth_results] = "key of `auth_results`",
		[KEY_weekday] = "key of `weekday`",
		[KEY_run] = "key of `run`", [KEY_list] = "key of a list",
		[KEY_special] = "key of a mailbox",
		[KEY_add] = "key of a new field",
		[KEY_removal] = "key of `remove_header`",
		[KEY_edit] = "key of `edit_header`",
		[KEY_decrypt] = "key of `decrypt`",
		[KEY_notify] = "key of `notify`",
		[KEY_icon] = "key of `icon`",
		[KEY_forward] = "key of `forward`",
	};

	return row->kind == VOCAB_KEY ? places[row->of] : kinds[row->kind];
}

size_t rules_words(struct arena *a, const struct rules_word **list_out)
{
	struct rules_word *list = arena_array(a, COUNT(vocab_rows),
	    sizeof(*list));

	for (size_t i = 0; i < COUNT(vocab_rows); i++) {
		const struct vocab_row *row = &vocab_rows[i];

		list[i] = (struct rules_word){
			.name = row->name, .of = word_of(row),
			.takes = row->arg == ARG_NONE ||
			    row->arg == ARG_LATER ? "" : arguments[row->arg],
			.help = row->help, .later = row->arg == ARG_LATER,
		};
	}
	*list_out = list;
	return COUNT(vocab_rows);
}

/* ------------------------------------------------------------ look-ups */

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

struct str habit_hint(struct builder *b, enum habit_place place,
    struct str word)
{
	static const struct {
		enum habit_place place;
		const char *word, *instead;
	} habits[] = {
#define HABIT(place, word, instead)	{ HABIT_##place, word, instead },
#include "vocab.def"
	};

	for (size_t i = 0; i < COUNT(habits); i++)
		if (habits[i].place == place &&
		    str_ieq_z(word, habits[i].word))
			return arena_printf(b->arena, "write `%s`",
			    habits[i].instead);
	return STR_EMPTY;
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

bool state_find(struct builder *b, const struct node *n, const char *what,
    const struct state_word **out)
{
	struct str word;

	if (!build_text(b, n, what, &word))
		return false;
	for (size_t i = 0; i < n_state_words; i++)
		if (str_eq_z(word, state_words[i].name)) {
			*out = &state_words[i];
			return true;
		}
	return problem_hint(b->ps, n->pos, build_nearest(b, word,
	    names_of_states, COUNT(names_of_states)),
	    "`%.*s` is none of unread, read, starred, important, answered%s",
	    STR_ARG(word), strcmp(what, "is") == 0 ? ", forwarded, draft" :
	    "");
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
	hint = place == KEY_rule || place == KEY_branch ?
	    habit_hint(b, HABIT_rule, key->text) : STR_EMPTY;
	if (hint.n == 0)
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
