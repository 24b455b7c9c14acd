#include "places.h"

static bool find_one(struct store *s, const char *attribute,
    struct str *out, struct err *e)
{
	struct err mine = { 0 };

	*out = STR_EMPTY;
	if (s->kind.special(s, str_of(attribute), out, &mine) ||
	    mine.kind == ERR_MESSAGE)
		return true;
	*e = mine;
	return false;
}

bool places_find(struct store *s, const struct account *account,
    struct place_names *out, struct err *e)
{
	struct place_names places = {
		.allow_delete = account->allow_delete,
		.labels_fold = account->labels == LABELS_KEYWORDS,
	};

	for (size_t i = 0; i < USE_COUNT; i++)
		if (!find_one(s, plan_use_names[i], &places.mailbox[i], e))
			return false;
	*out = places;
	return true;
}
