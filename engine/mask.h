/*
 * mask - text in which no mail address can be read any more.
 *
 * For what people paste where others read it.  The same address gets the
 * same mask each time, and addresses of one domain share a masked domain, so
 * that what is equal still looks equal:
 *
 *	Alice <alice@example.org>	Name1 <user1@domain1.example>
 *	@example.org			@domain1.example
 *
 * What has the form of an address (RFC 5322 3.4.1) is masked wherever it
 * stands, Message-IDs too, and the display name before one in angle brackets.
 * A name that stands alone is not known to be one, and stays.
 *
 * Life: in the arena given to mask_make; one for all that must agree.
 */
#ifndef TAMIS_MASK_H
#define TAMIS_MASK_H

#include "../rules/base.h"

struct mask;

struct mask *mask_make(struct arena *a);
/* In arena A.  Beyond MASK_MAX different ones a part is "other". */
struct str mask_text(struct mask *m, struct arena *a, struct str text);

#define MASK_MAX	10000	/* different names, parts or domains */

#endif
