/*
 * What the receiving server found: `auth_results`, and `verified` of an
 * author.
 */
#include "leaf.h"

#include "authres.h"

#define FIELD	STR_LIT("Authentication-Results")

/* The topmost field of the trusted server, found once a message. */
struct kept_auth {
	bool any;
	struct authres read;
};

static const struct kept_auth *find_field(struct evaluation *v)
{
	struct mail *m = v->in->mail;
	size_t n = mail_field_count(m, FIELD);
	struct kept_auth *kept = arena_make(v->arena, struct kept_auth);

	for (size_t k = 0; k < n && !kept->any; k++)
		kept->any = authres_read(v->arena, mail_field_octets(m,
		    FIELD, k), v->in->trusted_authserv, &kept->read);
	return kept;
}

/* True: there are results in *OUT. */
static struct answer results(struct evaluation *v,
    const struct authres **out)
{
	struct str id = v->in->trusted_authserv;

	if (id.n == 0)
		return answer_unknown(0,
		    "the account has no `trusted_authserv`");
	if (!v->in->mail || !mail_knows_field(v->in->mail, FIELD))
		return answer_missing(v->in, RULES_ASK_FIELDS);
	if (!v->auth)
		v->auth = find_field(v);
	if (v->auth->any) {
		*out = &v->auth->read;
		return answer_settled(true);
	}
	if (v->notes)
		leaf_show_reason(v, arena_printf(v->arena, "there is no "
		    "Authentication-Results of %.*s", STR_ARG(id)).p);
	return answer_settled(false);
}

static bool is_among(struct str s, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, list[i]))
			return true;
	return false;
}

static enum truth has_result(const struct authres *r,
    const struct auth_want *want)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->results[i].method, want->method) &&
		    is_among(r->results[i].result, want->results, want->n))
			return TRUTH_TRUE;
	return r->cut ? TRUTH_UNKNOWN : TRUTH_FALSE;
}

/* The results of the methods that were asked for. */
static void show(struct evaluation *v, const struct cond *c,
    const struct authres *r)
{
	size_t shown = 0;

	for (size_t i = 0; v->notes && i < r->n; i++)
		for (size_t k = 0; k < c->n_auth; k++)
			if (str_eq(c->auth[k].method, r->results[i].method))
				leaf_show_another(v, arena_printf(v->arena,
				    "%.*s=%.*s", STR_ARG(r->results[i].method),
				    STR_ARG(r->results[i].result)), shown++);
	if (shown == 0)
		leaf_show_reason(v, "the server says nothing of that");
}

struct answer leaf_auth_results(struct evaluation *v, const struct cond *c)
{
	const struct authres *r;
	struct answer a = results(v, &r);
	enum truth all = TRUTH_TRUE;

	if (a.truth != TRUTH_TRUE)
		return a;
	for (size_t i = 0; i < c->n_auth; i++)
		all = truth_both(all, has_result(r, &c->auth[i]));
	show(v, c, r);
	if (all == TRUTH_UNKNOWN)
		return answer_unknown(0, "there are more results in it than "
		    "are looked at");
	return (struct answer){ .truth = all };
}

struct answer leaf_auth_verified(struct evaluation *v,
    const struct address *author, bool only)
{
	const struct authres *r;
	struct answer a = results(v, &r);

	if (a.truth != TRUTH_TRUE || authres_verifies(r, author, only))
		return a;
	if (r->cut)
		return answer_unknown(0, "there are more results than are "
		    "looked at");
	if (v->notes)
		leaf_show_reason(v, arena_printf(v->arena, "%.*s found no "
		    "pass that is aligned with it",
		    STR_ARG(v->in->trusted_authserv)).p);
	return answer_settled(false);
}
