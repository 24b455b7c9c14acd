/*
 * keyword - labels as IMAP keywords and back.
 *
 * A keyword is an atom (RFC 9051 section 9, flag-keyword), a label is any
 * UTF-8 text.  What an atom cannot hold stands in runs of modified UTF-7
 * (RFC 3501 5.1.3, as in mailbox names): "to do" is "to&ACA-do", "R&D" is
 * "R&-D".  Also encoded is a first character that would make the keyword
 * mean something else: "$" (keywords of the IANA registry), and the first
 * letter of Junk, NonJunk and NotJunk in any case, which mail clients use to
 * train their filters.  So keywords fall into two kinds with no overlap:
 * those that are some label's, and flags.
 *
 * Servers compare keywords without regard to ASCII case.  Labels that differ
 * in case alone are one keyword there; and two labels that are written with
 * base64 might meet, which takes characters chosen for it.
 */
#ifndef TAMIS_KEYWORD_H
#define TAMIS_KEYWORD_H

#include "../rules/base.h"

#define KEYWORD_MAX	255	/* octets of a keyword */

/* ERR_MESSAGE: the label is empty, not UTF-8 or too long for a keyword. */
MUST_USE bool keyword_of_label(struct arena *a, struct str label,
    struct str *keyword_out, struct err *e);

/*
 * True only if keyword_of_label would give this very KEYWORD: a keyword in
 * another form ("$Forwarded", "NonJunk", "a&b") is a flag and no label.
 */
bool label_of_keyword(struct arena *a, struct str keyword,
    struct str *label_out);

#endif
