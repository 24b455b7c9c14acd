/*
 * Replies of an IMAP server, the same for every way of cutting them, and for
 * literals that are received in their place.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tests/unit/imap_dump.h"

#define TEXT_MAX	(1024 * 1024)
#define LITERAL_MAX	4096

/* A copy of its own of each piece: ASan sees a look past its end. */
static bool feed(struct imap_parse *p, struct str piece, struct buf *out)
{
	struct err e = { 0 };
	char *own = malloc(piece.n ? piece.n : 1);
	struct str rest = { own, piece.n };
	const struct imap_reply *r;
	bool good = own;

	if (good)
		memcpy(own, piece.p, piece.n);
	while (good && rest.n) {
		size_t before = rest.n;

		good = imap_parse_feed(p, &rest, &r, &e);
		HOLDS(good || (e.kind == ERR_PROTO &&
		    fuzz_is_text(str_of(e.msg))));
		if (good && r)
			imap_dump_reply(out, r);
		HOLDS(!good || rest.n < before);
	}
	free(own);
	return good;
}

/* Pieces of up to STEP octets. */
static void parse(struct str in, size_t step, bool straight,
    struct fuzz_dice *dice, struct buf *out)
{
	struct arena *a = arena_new();
	struct imap_parse *p = imap_parse_make(a, NULL, LITERAL_MAX);
	bool good = true;

	while (good && in.n) {
		size_t n = 1 + fuzz_roll(dice, step), room;
		char *to = straight ? imap_parse_room(p, &room) : NULL;
		struct str piece = str_sub(in, 0, to && room < n ? room : n);

		in = str_sub(in, piece.n, in.n);
		if (to) {
			memcpy(to, piece.p, piece.n);
			imap_parse_placed(p, piece.n);
		} else {
			good = feed(p, piece, out);
		}
	}
	if (!good)
		buf_add_z(out, "ERROR\n");
	else if (imap_parse_midway(p))
		buf_add_z(out, "MIDWAY\n");
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_input(data, n);
	struct fuzz_dice dice = { str_hash(in) };
	struct buf whole, cut;

	buf_init(&whole, TEXT_MAX);
	buf_init(&cut, TEXT_MAX);
	if (n)
		parse(in, 1, false, &(struct fuzz_dice){ 1 }, &whole);
	for (int i = 0; i < 3; i++) {
		size_t step = i == 0 ? 7 : 1 + fuzz_roll(&dice, n);

		buf_clear(&cut);
		parse(in, step, i == 1, &dice, &cut);
		HOLDS(str_eq(buf_str(&whole), buf_str(&cut)));
	}
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
