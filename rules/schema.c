/*
 * The JSON Schema of the language, from vocab.def and argument.def.
 */
#include "build.h"

#include <string.h>

struct fragment {
	const char *name, *text;
};

static const struct fragment shapes[] = {
#define ARGUMENT(name, help, schema)	{ #name, schema },
#define SHAPE(name, schema)	{ #name, schema },
#include "argument.def"
};

static const struct fragment maps[] = {
#define MAP(name, schema)	{ #name, schema },
#include "argument.def"
};

/* What stands in the maps: all words of a kind, or those of one place. */
static const struct {
	const char *map;
	enum vocab_kind kind;
	unsigned of;
} holds[] = {
	{ "CONDITION_MAP", VOCAB_CONDITION, 0 },
	{ "ACTION_MAP", VOCAB_ACTION, 0 },
	{ "TEXT_MAP", VOCAB_OPERATOR, OF_TEXT },
	{ "ADDRESS_MAP", VOCAB_OPERATOR, OF_ADDRESS },
	{ "ADDRESS_MAP", VOCAB_PART, 0 },
	{ "LIST_ID_MAP", VOCAB_OPERATOR, OF_TEXT },
	{ "LIST_ID_MAP", VOCAB_KEY, KEY_list_id },
	{ "BLOCK_MAP", VOCAB_OPERATOR, OF_BLOCK },
	{ "BODY_MAP", VOCAB_OPERATOR, OF_BODY },
	{ "PART_MAP", VOCAB_OPERATOR, OF_PART },
	{ "NAME_MAP", VOCAB_OPERATOR, OF_NAME },
	{ "ATTACHMENT_MAP", VOCAB_KEY, KEY_attachment },
	{ "SIZE_MAP", VOCAB_KEY, KEY_size },
	{ "AGE_MAP", VOCAB_KEY, KEY_age },
	{ "COUNT_MAP", VOCAB_KEY, KEY_count },
	{ "AUTH_RESULTS_MAP", VOCAB_KEY, KEY_auth_results },
	{ "DATE_MAP", VOCAB_KEY, KEY_date },
	{ "TIME_OF_DAY_MAP", VOCAB_KEY, KEY_time_of_day },
	{ "WEEKDAY_MAP", VOCAB_KEY, KEY_weekday },
	{ "RUN_MAP", VOCAB_KEY, KEY_run },
	{ "ADD_MAP", VOCAB_KEY, KEY_add },
	{ "REMOVAL_MAP", VOCAB_OPERATOR, OF_VALUE },
	{ "REMOVAL_MAP", VOCAB_KEY, KEY_removal },
	{ "EDIT_MAP", VOCAB_KEY, KEY_edit },
	{ "DECRYPT_MAP", VOCAB_KEY, KEY_decrypt },
	{ "NOTIFY_MAP", VOCAB_KEY, KEY_notify },
	{ "ICON_MAP", VOCAB_KEY, KEY_icon },
	{ "FORWARD_MAP", VOCAB_KEY, KEY_forward },
	{ "SPECIAL_MAP", VOCAB_KEY, KEY_special },
	{ "LIST_MAP", VOCAB_KEY, KEY_list },
	{ "FILE_MAP", VOCAB_KEY, KEY_file },
	{ "RULE_MAP", VOCAB_KEY, KEY_rule },
	{ "BRANCH_MAP", VOCAB_KEY, KEY_branch },
	{ "TEST_MAP", VOCAB_KEY, KEY_test },
	{ "EXPECT_MAP", VOCAB_KEY, KEY_expect },
};

static bool row_in(const struct vocab_row *row, const char *map)
{
	if (row->arg == ARG_LATER)
		return false;
	for (size_t i = 0; i < COUNT(holds); i++)
		if (strcmp(map, holds[i].map) == 0 &&
		    row->kind == holds[i].kind &&
		    (row->kind == VOCAB_KEY ? row->of == holds[i].of :
		    holds[i].of == 0 || row->of & holds[i].of))
			return true;
	return false;
}

/* ------------------------------------------------------------ fragments */

static void add_string(struct buf *b, const char *z)
{
	buf_add_char(b, '"');
	for (; *z; z++) {
		if (*z == '"' || *z == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, *z);
	}
	buf_add_char(b, '"');
}

static void add_lower(struct buf *b, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		buf_add_char(b, ch_lower(name.p[i]));
}

static void add_reference(struct buf *b, struct str name)
{
	buf_add_z(b, "{\"$ref\": \"#/definitions/");
	add_lower(b, name);
	buf_add_z(b, "\"}");
}

static void add_one_or_list(struct buf *b, struct str name)
{
	buf_add_z(b, "{\"anyOf\": [");
	add_reference(b, name);
	buf_add_z(b, ", {\"type\": \"array\", \"minItems\": 1, \"items\": ");
	add_reference(b, name);
	buf_add_z(b, "}]}");
}

/* A list of words: of KIND, with the argument ARG (ARG_LATER: with any),
 * marking states only if MARK. */
static void add_names(struct buf *b, enum vocab_kind kind,
    enum word_arg arg, bool mark)
{
	const char *comma = "";

	buf_add_char(b, '[');
	for (size_t i = 0; i < n_vocab_rows; i++) {
		const struct vocab_row *row = &vocab_rows[i];

		if (row->kind != kind || (mark && !row->of) ||
		    (arg != ARG_LATER && row->arg != arg))
			continue;
		buf_add_z(b, comma);
		add_string(b, row->name);
		comma = ", ";
	}
	buf_add_char(b, ']');
}

/* The name of a flag or special use: RFC 9051 tells no capitals apart. */
static void add_any_case(struct buf *b, const char *z)
{
	for (; *z; z++) {
		if (*z == '\\')
			buf_add_z(b, "\\\\\\\\");
		else
			buf_printf(b, "[%c%c]", *z >= 'a' && *z <= 'z' ?
			    *z - 'a' + 'A' : *z, ch_lower(*z));
	}
}

/* What add_known shows: a special use, or a flag of the system (once). */
static const char *known_name(const struct vocab_row *row,
    enum vocab_kind kind)
{
	if (row->kind != kind)
		return NULL;
	if (kind == VOCAB_SPECIAL)
		return row->name;
	/* `unread` and `read` are one flag */
	return row->flag[0] == '\\' && strcmp(row->name, "unread") != 0 ?
	    row->flag : NULL;
}

static void add_known(struct buf *b, enum vocab_kind kind)
{
	const char *comma = "";

	buf_add_z(b, "{\"anyOf\": [{\"enum\": [");
	for (size_t i = 0; i < n_vocab_rows; i++) {
		const char *name = known_name(&vocab_rows[i], kind);

		if (!name)
			continue;
		buf_add_z(b, comma);
		add_string(b, name);
		comma = ", ";
	}
	buf_add_z(b, "]}, {\"type\": \"string\", \"pattern\": \"^(");
	comma = "";
	for (size_t i = 0; i < n_vocab_rows; i++) {
		const char *name = known_name(&vocab_rows[i], kind);

		if (!name)
			continue;
		buf_add_z(b, comma);
		add_any_case(b, name);
		comma = "|";
	}
	buf_add_z(b, ")$\"}]}");
}

/* A map of operators needs one that asks something. */
static void add_needed(struct buf *b, const char *map)
{
	const char *comma = "";

	buf_add_char(b, '[');
	for (size_t i = 0; i < n_vocab_rows; i++) {
		const struct vocab_row *row = &vocab_rows[i];

		if (!row_in(row, map) || (row->kind == VOCAB_OPERATOR &&
		    row->of & MODIFIES))
			continue;
		buf_printf(b, "%s{\"required\": [\"%s\"]}", comma, row->name);
		comma = ", ";
	}
	buf_add_char(b, ']');
}

static void add_words(struct buf *b, struct str name, const char *map)
{
	if (str_eq_z(name, "states"))
		add_names(b, VOCAB_STATE, ARG_LATER, false);
	else if (str_eq_z(name, "marks"))
		add_names(b, VOCAB_STATE, ARG_LATER, true);
	else if (str_eq_z(name, "conditions"))
		add_names(b, VOCAB_CONDITION, ARG_LATER, false);
	else if (str_eq_z(name, "actions"))
		add_names(b, VOCAB_ACTION, ARG_NONE, false);
	else if (str_eq_z(name, "fixes"))
		add_names(b, VOCAB_FIX, ARG_LATER, false);
	else if (str_eq_z(name, "specials"))
		add_known(b, VOCAB_SPECIAL);
	else if (str_eq_z(name, "system_flags"))
		add_known(b, VOCAB_STATE);
	else
		add_needed(b, map);
}

/* TEXT as argument.def writes it; MAP: in which map it stands, or NULL. */
static void add_fragment(struct buf *b, const char *text, const char *map)
{
	bool quoted = false;

	while (*text) {
		char c = *text++;
		struct str name = { text, 0 };

		while (!quoted && strchr("&+%", c) &&
		    (ch_alnum(text[name.n]) || text[name.n] == '_'))
			name.n++;
		if (c == '\'') {
			buf_add_char(b, '"');
			quoted = !quoted;
		} else if (name.n == 0) {
			buf_add_char(b, c);
		} else if (c == '&') {
			add_reference(b, name);
		} else if (c == '+') {
			add_one_or_list(b, name);
		} else {
			add_words(b, name, map);
		}
		text += name.n;
	}
}

/* ---------------------------------------------------------------- maps */

static const char *argument_name(enum word_arg arg)
{
	static const char *const names[] = {
#define ARGUMENT(name, help, schema)	#name,
#include "argument.def"
	};

	return names[arg];
}

static void add_property(struct buf *b, const struct vocab_row *row)
{
	add_string(b, row->name);
	buf_add_z(b, ": {\"description\": ");
	add_string(b, row->help);
	buf_add_z(b, ", \"allOf\": [");
	add_reference(b, str_of(argument_name(row->arg)));
	buf_add_z(b, "]}");
}

/* The members of an object that is this map, INDENT before each. */
static void add_map(struct buf *b, const struct fragment *map,
    const char *indent)
{
	const char *comma = "";

	buf_printf(b, "%s\"type\": \"object\",\n%s", indent, indent);
	if (map->text[0]) {
		add_fragment(b, map->text, map->name);
		buf_printf(b, ",\n%s", indent);
	}
	buf_printf(b, "\"additionalProperties\": false,\n%s\"properties\": {",
	    indent);
	for (size_t i = 0; i < n_vocab_rows; i++) {
		if (!row_in(&vocab_rows[i], map->name))
			continue;
		buf_printf(b, "%s\n%s  ", comma, indent);
		add_property(b, &vocab_rows[i]);
		comma = ",";
	}
	buf_printf(b, "\n%s}", indent);
}

void rules_schema(struct buf *out)
{
	buf_add_z(out, "{\n"
	    "  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
	    "  \"title\": \"rules of tamis\",\n"
	    "  \"description\": \"see tamis-rules(5)\",\n");
	for (size_t i = 0; i < COUNT(maps); i++)
		if (strcmp(maps[i].name, "FILE_MAP") == 0)
			add_map(out, &maps[i], "  ");
	buf_add_z(out, ",\n  \"definitions\": {");
	for (size_t i = 0; i < COUNT(maps); i++) {
		if (strcmp(maps[i].name, "FILE_MAP") == 0)
			continue;
		buf_add_z(out, "\n    \"");
		add_lower(out, str_of(maps[i].name));
		buf_add_z(out, "\": {\n");
		add_map(out, &maps[i], "      ");
		buf_add_z(out, "\n    },");
	}
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (!shapes[i].text[0])
			continue;
		buf_add_z(out, i ? ",\n    \"" : "\n    \"");
		add_lower(out, str_of(shapes[i].name));
		buf_add_z(out, "\": ");
		add_fragment(out, shapes[i].text, NULL);
	}
	buf_add_z(out, "\n  }\n}\n");
}
