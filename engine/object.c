#include "object.h"

#include <jansson.h>
#include <stdio.h>

#define FORMAT_VERSION	1

struct object {
	struct arena *a;
	json_t *json;		/* of the outermost one; else borrowed */
};

static struct object *wrap(struct arena *a, json_t *json)
{
	struct object *o = arena_make(a, struct object);

	o->a = a;
	o->json = json;
	return o;
}

static void drop(void *json)
{
	json_decref(json);
}

struct object *object_make(struct arena *a, const char *type)
{
	struct object *o = wrap(a, json_object());

	arena_on_reset(a, drop, o->json);
	object_number(o, "v", FORMAT_VERSION);
	object_z(o, "type", type);
	return o;
}

static json_t *text_of(struct arena *a, struct str s)
{
	struct str safe = shown(a, s);

	return json_stringn(safe.p, safe.n);
}

void object_text(struct object *o, const char *key, struct str s)
{
	if (s.n > 0)
		json_object_set_new(o->json, key, text_of(o->a, s));
}

void object_z(struct object *o, const char *key, const char *z)
{
	object_text(o, key, str_of(z));
}

void object_number(struct object *o, const char *key, uint64_t n)
{
	json_object_set_new(o->json, key, json_integer((json_int_t)n));
}

void object_real(struct object *o, const char *key, double x)
{
	json_object_set_new(o->json, key, json_real(x));
}

void object_bool(struct object *o, const char *key, bool value)
{
	json_object_set_new(o->json, key, json_boolean(value));
}

void object_time(struct object *o, const char *key, int64_t t)
{
	struct civil c;
	char text[64];

	if (t == TIME_NONE || t == 0)
		return;
	c = time_to_civil(t);
	snprintf(text, sizeof(text), "%04lld-%02d-%02dT%02d:%02d:%02dZ",
	    (long long)c.year, c.month, c.day, c.hour, c.min, c.sec);
	object_z(o, key, text);
}

struct object *object_list(struct object *o, const char *key)
{
	json_t *list = json_array();

	json_object_set_new(o->json, key, list);
	return wrap(o->a, list);
}

struct object *object_item(struct object *list)
{
	json_t *item = json_object();

	json_array_append_new(list->json, item);
	return wrap(list->a, item);
}

void object_item_text(struct object *list, struct str s)
{
	json_array_append_new(list->json, text_of(list->a, s));
}

struct object *object_below(struct object *o, const char *key)
{
	json_t *below = json_object();

	json_object_set_new(o->json, key, below);
	return wrap(o->a, below);
}

void object_texts(struct object *o, const char *key, const struct str *list,
    size_t n)
{
	struct object *to = object_list(o, key);

	for (size_t i = 0; i < n; i++)
		object_item_text(to, list[i]);
}

void object_lines(struct object *o, const char *key, struct str lines)
{
	struct object *to = object_list(o, key);
	struct str line;

	while (str_cut(&lines, '\n', &line))
		if (line.n > 0)
			object_item_text(to, line);
}

static int to_buf(const char *p, size_t n, void *out)
{
	buf_add(out, p, n);
	return 0;
}

void object_write(const struct object *o, struct buf *out)
{
	json_dump_callback(o->json, to_buf, out, JSON_COMPACT);
	buf_add_char(out, '\n');
}
