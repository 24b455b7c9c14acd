#include "rewriter.h"

static bool decrypts(const struct replace_wish *wish)
{
	bool any = false;

	for (size_t i = 0; i < wish->n_steps; i++)
		any |= wish->steps[i].kind == REWRITE_DECRYPT;
	return any;
}

bool rewriter_copy(void *ctx, struct arena *a,
    const struct replace_wish *wish, struct str bytes,
    struct str *header_out, struct str *body_out, struct err *e)
{
	struct rewriter *r = ctx;
	const struct original *o = &wish->row.r.original;
	const struct transform t = { .limit = r->account->limits->message,
	    .decrypt = r->decrypt };
	const struct facts facts = {
		.known = RULES_ASK_FLAGS | RULES_ASK_SIZE |
		    RULES_ASK_RECEIVED,
		.account = str_of(r->account->name),
		.mailbox = wish->row.r.mailbox, .uid = wish->row.r.uid,
		.flags = o->dress.flags, .n_flags = o->dress.n_flags,
		.labels = o->dress.labels, .n_labels = o->dress.n_labels,
		.size = o->size, .received = o->received,
	};

	if (decrypts(wish) && r->decrypt && !r->marked) {
		if (!decrypt_mark(r->decrypt, r->arena, r->state, e))
			return false;
		r->marked = true;
	}
	return transform_message(&t, a, wish->steps, wish->n_steps, &facts,
	    bytes, header_out, body_out, e);
}
