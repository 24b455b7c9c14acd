#include "letter.h"

#include "digest.h"
#include "sasl.h"

#define WORD_OCTETS	42	/* of text in one encoded word: 75 with all */
#define LINE_OCTETS	57	/* of text in a line of base64: 76 */

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 ||
		    (unsigned char)s.p[i] > 0x7E)
			return false;
	/* what looks like an encoded word must not be read as one, and a
	 * line is not folded inside a word */
	return s.n <= 900 && (s.n < 2 || !memmem(s.p, s.n, "=?", 2));
}

void letter_add_words(struct buf *out, struct str text)
{
	struct str rest = text;
	bool first = true;

	if (is_plain(text)) {
		buf_add_str(out, text);
		return;
	}
	while (rest.n > 0) {
		struct str part = utf8_head(rest, WORD_OCTETS);

		if (part.n == 0)	/* no UTF-8 */
			part = str_sub(rest, 0, 1);
		buf_add_z(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		sasl_base64(part, out);
		buf_add_z(out, "?=");
		rest = str_sub(rest, part.n, rest.n);
		first = false;
	}
}

static void add_date(struct buf *out, int64_t time)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed",
	    "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct civil c = time_to_civil(time);

	buf_printf(out, "%s, %d %s %lld %02d:%02d:%02d +0000",
	    days[c.weekday], c.day, months[c.month - 1], (long long)c.year,
	    c.hour, c.min, c.sec);
}

/* From what it says and when: the same letter has the same identifier. */
static void add_id(struct buf *out, struct arena *a, struct str from,
    struct str said, int64_t time)
{
	size_t at = str_find_char(from, 0, '@');
	struct digest *d = digest_new();
	uint8_t sum[DIGEST_SIZE];

	digest_add(d, said);
	digest_add(d, arena_printf(a, " %lld", (long long)time));
	digest_end(&d, sum);
	buf_printf(out, "<%.*s@%.*s>", STR_ARG(digest_hex(a, sum, 16)),
	    STR_ARG(str_sub(from, at + 1, from.n)));
}

void letter_add_resent(struct buf *out, struct arena *a, struct str from,
    struct str to, int64_t time, struct str bytes)
{
	buf_printf(out, "Resent-From: %.*s\r\nResent-To: %.*s\r\n"
	    "Resent-Date: ", STR_ARG(from), STR_ARG(to));
	add_date(out, time);
	buf_add_z(out, "\r\nResent-Message-ID: ");
	add_id(out, a, from, bytes, time);
	buf_add_z(out, "\r\n");
}

static void add_text(struct buf *out, struct str text)
{
	struct str rest = text, line, all;
	struct buf lines;

	buf_init(&lines, 1024 * 1024);
	while (str_cut(&rest, '\n', &line)) {
		buf_add_str(&lines, line);
		buf_add_z(&lines, "\r\n");
	}
	all = buf_str(&lines);
	for (size_t at = 0; at < all.n; at += LINE_OCTETS) {
		sasl_base64(str_sub(all, at, LINE_OCTETS), out);
		buf_add_z(out, "\r\n");
	}
	buf_free(&lines);
}

void letter_write(struct buf *out, struct arena *a, const struct letter *l)
{
	buf_printf(out, "From: %.*s\r\nTo: ", STR_ARG(l->from));
	for (size_t i = 0; l->to[i]; i++)
		buf_printf(out, "%s%s", i ? ",\r\n " : "", l->to[i]);
	buf_add_z(out, "\r\nSubject: ");
	letter_add_words(out, l->subject);
	buf_add_z(out, "\r\nDate: ");
	add_date(out, l->time);
	buf_add_z(out, "\r\nMessage-ID: ");
	add_id(out, a, l->from, arena_printf(a, "%.*s\n%.*s",
	    STR_ARG(l->subject), STR_ARG(l->text)), l->time);
	buf_add_z(out, "\r\nAuto-Submitted: auto-generated\r\n"
	    LETTER_FIELD ": ");
	letter_add_words(out, l->rule);
	buf_add_z(out, "\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n");
	add_text(out, l->text);
}
