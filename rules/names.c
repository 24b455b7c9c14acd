#include "names.h"

static size_t slot_of(const struct names *t, struct str key)
{
	size_t at = (size_t)str_hash(key) & (t->n_slots - 1);

	while (t->slots[at] && !str_eq(t->keys[t->slots[at] - 1], key))
		at = (at + 1) & (t->n_slots - 1);
	return at;
}

bool names_get(const struct names *t, struct str key, size_t *value_out)
{
	size_t at;

	if (t->n_slots == 0)
		return false;
	at = slot_of(t, key);
	if (t->slots[at] == 0)
		return false;
	*value_out = t->values[t->slots[at] - 1];
	return true;
}

static void make_room(struct arena *a, struct names *t)
{
	if (t->n * 2 < t->n_slots)
		return;
	t->n_slots = t->n_slots ? t->n_slots * 2 : 16;
	t->slots = arena_array(a, t->n_slots, sizeof(*t->slots));
	for (size_t i = 0; i < t->n; i++)
		t->slots[slot_of(t, t->keys[i])] = (uint32_t)(i + 1);
}

void names_add(struct arena *a, struct names *t, struct str key,
    size_t value)
{
	make_room(a, t);
	arena_grow(a, &t->keys, t->n, &t->cap);
	arena_grow(a, &t->values, t->n, &t->cap_values);
	t->keys[t->n] = key;
	t->values[t->n] = (uint32_t)value;
	t->slots[slot_of(t, key)] = (uint32_t)(t->n + 1);
	t->n++;
}
