/*
 * words - header text: the encoded words of RFC 2047, and raw 8-bit.
 *
 * What comes out is valid UTF-8 without NUL; see `charset`.  Nothing fails,
 * time and memory are linear in the input.
 */
#ifndef TAMIS_WORDS_H
#define TAMIS_WORDS_H

#include "base.h"

/*
 * Unfolded header text with its encoded words decoded, wherever they stand:
 * white space between two of them goes, words of one charset are joined
 * before they are converted (a character may be cut in two), a language
 * suffix (RFC 2231) is ignored, base64 may lack its padding, blanks and
 * question marks may stand inside.  A word of an unknown charset stays as
 * written.  Line ends that come out of words are blanks.
 */
struct str words_decode(struct arena *a, struct str s);

/* Length of the encoded word that begins at S[at], 0 if none does. */
size_t words_length(struct str s, size_t at);

/* Is S text as it is: ASCII without NUL, line ends or "=?"? */
bool words_are_plain(struct str s);

#endif
