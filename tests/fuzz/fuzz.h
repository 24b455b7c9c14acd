/*
 * fuzz - what the fuzz targets share.
 *
 * A target is one file, fuzz_NAME.c, with LLVMFuzzerTestOneInput: bytes of
 * any kind go in, and must neither break memory nor a promise that a header
 * makes.  With configure's --enable-fuzz it is linked with libFuzzer, else
 * with replay.c, which runs the files of tests/fuzz/corpus/NAME.
 *
 * A target keeps nothing from one input to the next but what no input can
 * change.
 */
#ifndef TAMIS_FUZZ_H
#define TAMIS_FUZZ_H

#include "rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Ends the program, saying what is not so. */
#define HOLDS(what) \
	((what) ? (void)0 : fuzz_fails(__FILE__, __LINE__, #what))
_Noreturn void fuzz_fails(const char *file, int line, const char *what);

struct str fuzz_input(const uint8_t *data, size_t n);
/* The first line off *REST, without its end. */
struct str fuzz_line(struct str *rest);
/* Valid UTF-8 without NUL? */
bool fuzz_is_text(struct str s);
bool fuzz_has(struct str s, char c);

/* Numbers that look like chance and hang on the input alone. */
struct fuzz_dice {
	uint64_t state;
};
size_t fuzz_roll(struct fuzz_dice *d, size_t below);

/*
 * TEXT as rule files: up to the first line "== PATH" the file "rules", then
 * the one called PATH, and so on; files of zones are found there, too.  NULL
 * where there are errors, all of which were shown.
 */
struct rules *fuzz_rules(struct arena *a, struct str text);

/*
 * Judges the message in every way: all known at once, explained or not; round
 * by round as an engine comes to know it; some known and some not to be had.
 * All must agree.
 */
void fuzz_match(const struct rules *r, struct str message);

#endif
