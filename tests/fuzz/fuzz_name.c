/*
 * Names and numbers as text: mailboxes, keywords, files of a Maildir, dates,
 * durations, sizes, sets of UIDs; there and back again.
 */
#include "fuzz.h"

#include "engine/imap_parse.h"
#include "engine/keyword.h"
#include "engine/maildir_name.h"
#include "engine/mutf7.h"

#define RANGES_MAX	1000
#define SET_TEXT_MAX	(64 * 1024)

static void look_at_mailbox(struct arena *a, struct str text)
{
	struct str there, back;

	if (mutf7_decode(a, text, &there)) {
		HOLDS(fuzz_is_text(there));
		HOLDS(mutf7_encode(a, there, &back));
		HOLDS(str_eq(back, text));
	}
	HOLDS(mutf7_encode(a, text, &there) == (fuzz_is_text(text) &&
	    there.n <= MUTF7_MAX) || text.n > MUTF7_MAX / 8);
	if (mutf7_encode(a, text, &there)) {
		HOLDS(mutf7_decode(a, there, &back));
		HOLDS(str_eq(back, text));
	}
}

static void look_at_keyword(struct arena *a, struct str text)
{
	struct err e = { 0 };
	struct str there, back;

	if (label_of_keyword(a, text, &there)) {
		HOLDS(keyword_of_label(a, there, &back, &e));
		HOLDS(str_eq(back, text));
	}
	if (keyword_of_label(a, text, &there, &e)) {
		HOLDS(there.n <= KEYWORD_MAX);
		HOLDS(label_of_keyword(a, there, &back));
		HOLDS(str_eq(back, text));
	}
}

static void look_at_file(struct arena *a, struct str text)
{
	struct str unique = maildir_unique(text);
	struct str tail = maildir_tail(text);
	maildir_letters letters = maildir_letters_of(text);
	struct str again = maildir_name(a, unique, letters, tail);
	uint64_t size;

	HOLDS(str_eq(maildir_unique(again), unique));
	HOLDS(maildir_letters_of(again) == letters);
	HOLDS(str_eq(maildir_tail(again), tail));
	(void)!maildir_size(text, 'S', &size);
	(void)maildir_flag_letter(text);
}

static void look_at_numbers(struct str text)
{
	uint64_t octets;
	int64_t t, seconds;
	int zone;

	(void)!parse_size(text, &octets);
	if (parse_duration(text, &seconds))
		HOLDS(seconds >= 0);
	if (imap_parse_date(text, &t, &zone))
		HOLDS(t != TIME_NONE && zone > -100 * 60 && zone < 100 * 60);
	t = date_read_zone(text, &zone);
	HOLDS(t == date_read(text));
	if (t != TIME_NONE) {
		struct civil c = time_to_civil(t);

		HOLDS(zone > -100 * 3600 && zone < 100 * 3600);
		HOLDS(time_from_civil(c.year, c.month, c.day, c.hour, c.min,
		    c.sec) == t);
	}
}

static void look_at_set(struct arena *a, struct str text)
{
	struct uidset set, again;
	size_t at = 0;
	struct buf b;

	uidset_init(&set, a);
	uidset_init(&again, a);
	if (!uidset_read(&set, text, RANGES_MAX))
		return;
	buf_init(&b, SET_TEXT_MAX);
	uidset_format(&set, &at, SET_TEXT_MAX, &b);
	HOLDS(at == set.n);
	HOLDS(set.n == 0 || uidset_read(&again, buf_str(&b), RANGES_MAX));
	HOLDS(again.n == set.n);
	for (size_t i = 0; i < set.n; i++) {
		HOLDS(set.ranges[i].low == again.ranges[i].low);
		HOLDS(set.ranges[i].high == again.ranges[i].high);
		HOLDS(i == 0 || set.ranges[i].low >
		    (uint64_t)set.ranges[i - 1].high + 1);
	}
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_input(data, n);
	struct arena *a = arena_new();
	struct buf b;

	look_at_mailbox(a, text);
	look_at_keyword(a, text);
	if (!fuzz_has(text, '\0'))
		look_at_file(a, text);
	look_at_numbers(text);
	look_at_set(a, text);
	buf_init(&b, 16 * n);
	buf_add_shown(&b, text);
	HOLDS(!b.over && fuzz_is_text(buf_str(&b)));
	HOLDS(text_width(buf_str(&b)) <= b.n);
	buf_free(&b);
	arena_free(&a);
	return 0;
}
