#include "quiet.h"

#include <inttypes.h>
#include <stdio.h>

#include "digest.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unknown"
#endif

static bool can_be_told(const struct quiet *q)
{
	if (!q->journal || q->state.modseq == 0 ||
	    q->labels != LABELS_KEYWORDS)
		return false;
	for (size_t i = 0; i < rules_count(q->rules); i++)
		if (q->sweeps[i] && !rules_is_steady(q->rules, i))
			return false;
	return true;
}

static void add(struct digest *d, const char *text)
{
	digest_add(d, str_of(text ? text : ""));
	digest_add(d, (struct str){ "\0", 1 });
}

static void add_number(struct digest *d, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	add(d, text);
}

/* All that a verdict hangs on, and the state of the mailbox. */
static int64_t stamp_of(const struct quiet *q)
{
	struct digest *d = digest_new();
	uint8_t sum[DIGEST_SIZE];
	uint64_t n = 0;

	add(d, PACKAGE_VERSION);
	digest_add(d, q->rules_version);
	add(d, q->account->archive);
	add(d, q->account->trash);
	add(d, q->account->spam);
	add(d, q->account->trusted_authserv);
	add_number(d, q->account->allow_delete);
	for (size_t i = 0; i < rules_count(q->rules); i++)
		if (q->sweeps[i])
			add(d, rules_info(q->rules, i)->name);
	add_number(d, q->state.uidvalidity);
	add_number(d, q->state.uidnext);
	add_number(d, q->state.modseq);
	digest_end(&d, sum);
	for (size_t i = 0; i < 8; i++)
		n = n << 8 | sum[i];
	return (int64_t)(n >> 1 | 1);	/* 0 is "not there" */
}

static const char *key_of(const struct quiet *q)
{
	return arena_z(q->arena, arena_printf(q->arena, "quiet:%.*s",
	    STR_ARG(q->mailbox)));
}

bool quiet_is_so(const struct quiet *q, bool *yes_out, struct err *e)
{
	int64_t was = 0;

	*yes_out = false;
	if (!can_be_told(q))
		return true;
	if (!journal_note_get(q->journal, key_of(q), &was, e))
		return false;
	*yes_out = was == stamp_of(q);
	return true;
}

bool quiet_remember(const struct quiet *q, struct err *e)
{
	return !can_be_told(q) || journal_note_set(q->journal, key_of(q),
	    stamp_of(q), e);
}
