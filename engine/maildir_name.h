/*
 * maildir_name - what the name of a file in a Maildir says.
 *
 * "1700000000.M1P2.host,S=120,W=125:2,FSac" is a unique part, which stays
 * for good and carries sizes (Dovecot's and Courier's ",S=" and ",W="), and
 * letters for flags behind ":2," (https://cr.yp.to/proto/maildir.html), the
 * small ones for keywords that a file beside tells.  Pure.
 */
#ifndef TAMIS_MAILDIR_NAME_H
#define TAMIS_MAILDIR_NAME_H

#include "../rules/base.h"

/* Letters as a set: A-Z are bits 0 to 25, a-z 26 to 51. */
typedef uint64_t maildir_letters;
#define MAILDIR_LETTER(c) \
	(UINT64_C(1) << ((c) >= 'a' ? (c) - 'a' + 26 : (c) - 'A'))
#define MAILDIR_KEYWORD(i)	(UINT64_C(1) << (26 + (i)))
#define MAILDIR_KEYWORDS	(((UINT64_C(1) << 26) - 1) << 26)
#define MAILDIR_KEYWORDS_MAX	26

struct str maildir_unique(struct str name);
maildir_letters maildir_letters_of(struct str name);
/* What stands behind the letters, from "," on; kept as it is. */
struct str maildir_tail(struct str name);

/* The number behind ",S=" or ",W=" (KEY) in the unique part. */
bool maildir_size(struct str name, char key, uint64_t *size_out);

/* UNIQUE ":2," letters in ASCII order, TAIL. */
struct str maildir_name(struct arena *a, struct str unique,
    maildir_letters letters, struct str tail);

/*
 * The name of the copy of UNIQUE that belongs into TARGET: always the same
 * one, so that who makes it again finds it; it keeps time and sizes.
 */
struct str maildir_copy_name(struct arena *a, struct str unique,
    struct str target);

/* May an operation that failed with this errno succeed later by itself: a
 * full disk, say? */
bool maildir_passes(int error);

/* The letter of a system flag or of $Forwarded, by name in any case; 0 if
 * there is none. */
char maildir_flag_letter(struct str flag);
/* The flag of a letter; NULL: none that is known. */
const char *maildir_letter_flag(char letter);

#endif
