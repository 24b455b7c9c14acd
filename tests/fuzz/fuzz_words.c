/*
 * Encoded words (RFC 2047), parameters (RFC 2231), transfer encodings; and
 * charsets: behind the first line, which names one.
 */
#include "fuzz.h"

#include "rules/charset.h"
#include "rules/content.h"
#include "rules/words.h"

static void look_at_words(struct arena *a, struct str text)
{
	struct str out = words_decode(a, text);

	HOLDS(fuzz_is_text(out));
	HOLDS(!fuzz_has(out, '\n') || fuzz_has(text, '\n'));
	if (words_are_plain(text))
		HOLDS(str_eq(out, text));
	for (size_t i = 0; i < text.n; i++) {
		size_t n = words_length(text, i);

		HOLDS(n <= text.n - i);
		i += n ? n - 1 : 0;
	}
}

static void look_at_content(struct arena *a, struct str text)
{
	struct content_type t = { .type = STR_EMPTY };
	struct content_disposition d = { .kind = STR_EMPTY };

	content_type_read(a, text, &t);
	HOLDS(fuzz_is_text(t.type) && fuzz_is_text(t.charset));
	HOLDS(fuzz_is_text(t.name) && fuzz_is_text(t.boundary));
	content_disposition_read(a, text, &d);
	HOLDS(fuzz_is_text(d.kind) && fuzz_is_text(d.filename));
	content_encoding_read(text);
}

/* What fits into less room is how the whole begins, with whole characters. */
static void look_at_charset(struct str name, struct str bytes)
{
	struct charset c = charset_find(name);
	struct buf all, some;

	buf_init(&all, charset_room(bytes.n));
	buf_init(&some, bytes.n / 2);
	charset_add(&c, bytes, &all);
	charset_add(&c, bytes, &some);
	HOLDS(!all.over && fuzz_is_text(buf_str(&all)));
	HOLDS(fuzz_is_text(charset_whole(buf_str(&some))));
	HOLDS(str_starts(buf_str(&all), charset_whole(buf_str(&some))));
	buf_free(&all);
	buf_free(&some);
}

static void look_at_encoding(struct str name, struct str bytes,
    enum mime_encoding encoding)
{
	struct buf all, some;
	uint64_t size = mime_decoded_size(bytes, encoding);
	enum charset_kind kind = charset_find(name).kind;

	HOLDS(size <= bytes.n || encoding == MIME_UUENCODE);
	buf_init(&all, charset_room(bytes.n) + 1024);
	buf_init(&some, bytes.n / 3);
	HOLDS(mime_decode_text(bytes, encoding, name, &all));
	HOLDS(fuzz_is_text(buf_str(&all)));
	(void)!mime_decode_text(bytes, encoding, name, &some);
	HOLDS(fuzz_is_text(buf_str(&some)));
	/* what was cut off may have been what a guess hung on */
	HOLDS((kind != CHARSET_UTF8 && kind != CHARSET_1252) ||
	    str_starts(buf_str(&all), buf_str(&some)));
	buf_free(&all);
	buf_free(&some);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_input(data, n), rest = text;
	struct arena *a = arena_new();
	struct str name = fuzz_line(&rest);

	look_at_words(a, text);
	look_at_content(a, text);
	look_at_charset(name, rest);
	for (int i = MIME_IDENTITY; i <= MIME_UUENCODE; i++)
		look_at_encoding(name, rest, (enum mime_encoding)i);
	mime_host_ascii(a, text);
	arena_free(&a);
	return 0;
}
