#include "transform.h"

struct str transform_joined(struct arena *a, struct str header,
    struct str body)
{
	struct str all;
	struct buf b;

	if (header.p + header.n == body.p)
		return (struct str){ header.p, header.n + body.n };
	buf_init(&b, header.n + body.n);
	buf_add_str(&b, header);
	buf_add_str(&b, body);
	all = arena_str(a, buf_str(&b));
	buf_free(&b);
	return all;
}

bool transform_step(const struct transform *t, const struct rewrite *step,
    const struct program_message *m, struct buf *out, struct err *e)
{
	struct decrypt_verdict v;
	struct decrypt with;

	if (step->kind == REWRITE_PIPE)
		return pipe_message(step, m, out, e);
	if (!t->decrypt)
		return err_set(e, ERR_MESSAGE, "the account has nothing to "
		    "decrypt with");
	with = *t->decrypt;
	if (!step->verify)
		with.token = STR_EMPTY;		/* and so no field */
	if (!decrypt_message(&with, m->bytes, out, &v, e))
		return false;
	if (!v.changed)
		buf_add_str(out, m->bytes);
	return true;
}

/* The whole message is another. */
static bool replace_all(const struct transform *t, struct arena *a,
    const struct rewrite *step, const struct facts *facts,
    struct str *bytes, struct err *e)
{
	struct program_message m = {
		.facts = facts, .bytes = *bytes,
		.mail = mail_make(a, *bytes, MAIL_WHOLE, NULL, 0),
	};
	struct buf out;
	bool ok;

	buf_init(&out, t->limit);
	ok = transform_step(t, step, &m, &out, e);
	if (ok && out.over)
		ok = err_set(e, ERR_MESSAGE, "the message would become "
		    "larger than limits.message");
	if (ok)
		*bytes = arena_str(a, buf_str(&out));
	buf_wipe_free(&out);
	return ok;
}

bool transform_message(const struct transform *t, struct arena *a,
    const struct rewrite *steps, size_t n, const struct facts *facts,
    struct str bytes, struct str *header_out, struct str *body_out,
    struct err *e)
{
	size_t at = mail_body_offset(bytes);
	struct str header = str_sub(bytes, 0, at);
	struct str body = { bytes.p + at, bytes.n - at };

	for (size_t i = 0; i < n; i++) {
		bytes = transform_joined(a, header, body);
		if (steps[i].kind != REWRITE_HEADER) {
			if (!replace_all(t, a, &steps[i], facts, &bytes, e))
				return false;
			at = mail_body_offset(bytes);
			header = str_sub(bytes, 0, at);
		} else if (!rules_rewrite_header(&steps[i], a, bytes,
		    &header, &at, e)) {
			return false;
		}
		body = (struct str){ bytes.p + at, bytes.n - at };
	}
	*header_out = header;
	*body_out = body;
	return true;
}
