#include "pipe.h"

#include <string.h>
#include <sysexits.h>

#include "child.h"

/* Why that is no message; NULL: it is one. */
static const char *fault_of(struct arena *a, struct str text)
{
	struct mail_piece *list;
	size_t n;

	if (text.n == 0)
		return "printed nothing";
	if (memchr(text.p, '\0', text.n))
		return "printed a NUL";
	if (!mail_pieces(a, text, &list, &n))
		return "printed a header that is too long";
	for (size_t i = 0; i < n; i++)
		if (list[i].name.n == 0)
			return "printed no message: a line of the header is "
			    "no field";
	return n ? NULL : "printed no header";
}

static bool ended_badly(const struct child_settings *set,
    const struct child_result *r, struct err *e)
{
	enum err_kind kind = ERR_MESSAGE;
	struct buf b;

	if (r->end == CHILD_LATE ||
	    (r->end == CHILD_EXITED && r->status == EX_TEMPFAIL))
		kind = ERR_TEMP;
	buf_init(&b, 1000);
	child_text(&b, set, r);
	err_set(e, kind, "the program %s %s", set->argv[0], buf_z(&b));
	buf_free(&b);
	return false;
}

bool pipe_message(const struct rewrite *step,
    const struct program_message *m, struct buf *out, struct err *e)
{
	struct arena *a = arena_new();
	struct child_settings set = {
		.argv = step->argv,
		.env = program_environment(a, m),
		.input = m->bytes,
		.seconds = step->seconds,
	};
	struct child_result r;
	const char *fault;
	bool ok;

	ok = child_run(&set, out, &r, e);
	if (ok && (r.end != CHILD_EXITED || r.status != 0))
		ok = ended_badly(&set, &r, e);
	if (ok) {
		fault = fault_of(a, buf_str(out));
		if (fault)
			ok = err_set(e, ERR_MESSAGE, "the program %s %s",
			    step->argv[0], fault);
	}
	arena_free(&a);
	return ok;
}
