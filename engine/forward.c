#include "forward.h"

#include "letter.h"
#include "smtp.h"

#define HEAD_MAX	4096	/* octets of what is put in front */

static bool names(struct mail *m, const char *field, struct str address)
{
	const struct address *list;
	size_t n = mail_addresses(m, str_of(field), &list);

	for (size_t i = 0; i < n; i++)
		if (str_ieq(list[i].address, address))
			return true;
	return false;
}

/* NULL: it may go. */
static const char *why_not(struct mail *m, struct str to)
{
	if (names(m, "X-Loop", to) || names(m, "Delivered-To", to))
		return "it has been sent there before: it would go in a "
		    "circle";
	if (mail_field_count(m, STR_LIT("Received")) > FORWARD_HOPS_MAX)
		return "it has gone through too many servers: it seems to go "
		    "in a circle";
	return NULL;
}

/* The From_ line of an mbox is none of the message's. */
static struct str without_from_line(struct str bytes)
{
	if (!str_starts(bytes, STR_LIT("From ")))
		return bytes;
	return str_sub(bytes, str_find_char(bytes, 0, '\n') + 1, bytes.n);
}

enum forward_end forward_mail(const struct channel *c, struct mail *m,
    struct str bytes, struct str to, int64_t now, struct err *e)
{
	struct arena *a = arena_new();
	const char *wrong = why_not(m, to);
	const char *const list[] = { arena_z(a, to), NULL };
	struct smtp_mail mail = { .from = c->from, .to = list };
	struct buf all;
	bool may = false, ok;

	if (wrong) {
		err_set(e, ERR_MESSAGE, "%s", wrong);
		arena_free(&a);
		return FORWARD_REFUSED;
	}
	buf_init(&all, HEAD_MAX + bytes.n);
	letter_add_resent(&all, a, str_of(c->from), to, now, bytes);
	buf_printf(&all, "X-Loop: %.*s\r\n", STR_ARG(to));
	buf_add_str(&all, without_from_line(bytes));
	mail.bytes = buf_str(&all);
	ok = smtp_send(&c->server, &mail, &may, e);
	buf_free(&all);
	arena_free(&a);
	if (ok)
		return FORWARD_SENT;
	if (may)
		return FORWARD_UNSURE;
	return e->kind == ERR_TEMP ? FORWARD_LATER : FORWARD_REFUSED;
}
