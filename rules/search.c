/*
 * `gmail`: what a search in Gmail's own words finds.
 *
 * Nothing is asked here.  Each search is known by its number, so that the
 * engine asks each once for all messages on which something hangs.
 */
#include "condition.h"
#include "leaf.h"

#include <string.h>

#define SEARCH_MAX	1000	/* octets of a search */
#define SEARCHES_MAX	200	/* different ones in a program */
#define INDEX_LAG	300	/* seconds in which a message may be missed */

/* -------------------------------------------------------------- compile */

static bool number_of(struct builder *b, const struct node *n,
    struct str text, size_t *index_out)
{
	struct rules *r = b->out;

	if (names_get(&b->search_names, text, index_out))
		return true;
	if (r->n_searches == SEARCHES_MAX)
		return problem(b->ps, n->pos, "more than %d different "
		    "searches", SEARCHES_MAX);
	arena_grow(b->arena, &r->searches, r->n_searches, &b->cap_searches);
	*index_out = r->n_searches;
	r->searches[r->n_searches++] = text;
	names_add(b->arena, &b->search_names, text, *index_out);
	return true;
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return true;
	return false;
}

struct cond *search_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	struct str text;
	struct cond *c;

	if (!build_text(b, value, w->name, &text))
		return NULL;
	if (has_control(text) || text.n > SEARCH_MAX) {
		problem(b->ps, value->pos, "a search is one line of at most "
		    "%d octets", SEARCH_MAX);
		return NULL;
	}
	c = cond_make(b, COND_SEARCH, key->pos,
	    written(b->arena, key->text, value));
	c->word = w;
	return number_of(b, value, str_trim(text), &c->search) ?
	    cond_close(b, c) : NULL;
}

size_t rules_searches(const struct rules *r, const struct str **list_out)
{
	*list_out = r->searches;
	return r->n_searches;
}

/* ---------------------------------------------------------------- match */

/* Gmail's index lags behind the mailbox: a miss proves nothing yet. */
static bool may_be_late(const struct match_input *in)
{
	return in->now - in->facts->received < INDEX_LAG;
}

struct answer leaf_search(struct evaluation *v, const struct cond *c)
{
	const struct match_input *in = v->in;
	const struct search_answer *a;

	if (in->no_searches)
		return answer_unknown(0, in->no_searches);
	if (!(in->facts->known & RULES_ASK_RECEIVED))
		return answer_missing(in, RULES_ASK_RECEIVED);
	if (in->denied & RULES_ASK_SEARCH)
		return answer_missing(in, RULES_ASK_SEARCH);
	if (!in->searched)
		return answer_unknown(RULES_ASK_SEARCH,
		    "Gmail has not been asked");
	a = &in->searched[c->search];
	if (a->truth == TRUTH_UNKNOWN)
		return answer_unknown(0, a->why);
	leaf_show(v, a->truth == TRUTH_TRUE ? STR_LIT("Gmail finds it") :
	    STR_LIT("Gmail does not find it"));
	if (a->truth == TRUTH_FALSE && may_be_late(in))
		return answer_unknown(RULES_ASK_SEARCH, RULES_SEARCH_LATE);
	return answer_settled(a->truth == TRUTH_TRUE);
}
