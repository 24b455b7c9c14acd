/*
 * charset - bytes of any charset as UTF-8 text.
 *
 * What comes out is valid UTF-8 without NUL; what cannot be read becomes
 * U+FFFD.  Nothing fails, time and memory are linear in the input.
 *
 * Charsets are read as what is meant rather than what is said: gb2312 as
 * GB18030, iso-8859-1 as windows-1252 and so on.  Bytes of no (known)
 * charset, and 8-bit us-ascii, are UTF-8 if they are valid UTF-8, else
 * windows-1252.  Names that are not in the tables here go to iconv(3).
 */
#ifndef TAMIS_CHARSET_H
#define TAMIS_CHARSET_H

#include "base.h"

#define CHARSET_NAME_MAX	64	/* octets of a name */

enum charset_kind {
	CHARSET_GUESS,		/* UTF-8 if valid, else windows-1252 */
	CHARSET_UTF8,
	CHARSET_1252,
	CHARSET_ICONV,
	CHARSET_UNKNOWN,	/* read as CHARSET_GUESS */
};

struct charset {
	enum charset_kind kind;
	char iconv_name[CHARSET_NAME_MAX];
};

/* NAME as written in the mail; quotes and an RFC 2231 language suffix do
 * not count.  The empty name is CHARSET_GUESS. */
struct charset charset_find(struct str name);

/* Appends S as text; stops where OUT is full. */
void charset_add(const struct charset *c, struct str s, struct buf *out);

/* The most octets that N octets of any charset can become. */
size_t charset_room(size_t n);

/* Bytes of no declared charset as text. */
struct str charset_raw_text(struct arena *a, struct str s);

/* S without the sequence that a cut at its end left open. */
struct str charset_whole(struct str s);

#endif
