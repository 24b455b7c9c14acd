/*
 * authres - the Authentication-Results field (RFC 8601).
 *
 * What a receiving server found out about a message, as it wrote it down:
 * "mx.example.org; dkim=pass header.d=example.com; spf=fail".  Comments and
 * quoted strings are read wherever they may stand, results of a version that
 * is not known are left out, and what is no result is passed over up to the
 * next semicolon.  One pass, no recursion; nothing here fails.
 *
 * Who wrote the field is for the caller to ask: anybody can write one.
 */
#ifndef TAMIS_AUTHRES_H
#define TAMIS_AUTHRES_H

#include "mail.h"

#define AUTHRES_RESULTS_MAX	100	/* of one field */

/* Domains are as those of addresses, and empty where there is none. */
struct authres_result {
	struct str method, result;	/* lower case: dkim, pass */
	struct str signer;	/* header.d, else the domain of header.i */
	struct str author;	/* header.from */
	struct str mailfrom;	/* smtp.mailfrom */
};

struct authres {
	struct authres_result *results;
	size_t n;
	bool cut;		/* there are more */
};

/*
 * Reads TEXT, the field unfolded and not decoded, if it is by the server that
 * calls itself ID (ASCII case does not count); false if it is by another.
 * In the arena; what is in OUT may borrow TEXT.
 */
bool authres_read(struct arena *a, struct str text, struct str id,
    struct authres *out);

/*
 * Has the author's address been shown to be true?  By a DMARC pass for its
 * domain, or by a DKIM or SPF pass that is aligned with it: the signer's or
 * the envelope sender's domain is the author's own, or one above it.  One
 * below it is not, since below some domains live strangers; DMARC knows
 * those.  ONLY: it is the one author, so that a DMARC pass that names no
 * domain is about it.
 */
bool authres_verifies(const struct authres *r, const struct address *author,
    bool only);

#endif
