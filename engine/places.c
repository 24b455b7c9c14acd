#include "places.h"

const char *const place_use_names[USE_COUNT] = {
	[USE_ARCHIVE] = "\\Archive",
	[USE_TRASH] = "\\Trash",
	[USE_JUNK] = "\\Junk",
	[USE_SENT] = "\\Sent",
	[USE_DRAFTS] = "\\Drafts",
	[USE_ALL] = "\\All",
	[USE_FLAGGED] = "\\Flagged",
	[USE_IMPORTANT] = "\\Important",
};

/* A place that is not there is an error of the messages that want it. */
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
		.labels_fold = s->kind.labels != LABELS_FOLDERS,
		.gmail = s->kind.labels == LABELS_GMAIL,
	};

	for (size_t i = 0; i < USE_COUNT; i++)
		if (!find_one(s, place_use_names[i], &places.mailbox[i], e))
			return false;
	*out = places;
	return true;
}
