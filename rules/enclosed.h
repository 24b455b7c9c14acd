/*
 * enclosed - files that stand in a text and have no part of their own:
 * uuencode (POSIX.1 uuencode, the historical algorithm) and yEnc.
 *
 * Only their names and sizes are read.  Nothing fails; the time over all
 * calls for a text is linear in it.
 */
#ifndef TAMIS_ENCLOSED_H
#define TAMIS_ENCLOSED_H

#include "base.h"

struct enclosed {
	struct str name;	/* UTF-8, one line */
	uint64_t size;		/* octets; of yEnc as it says */
};

/* The next file in TEXT (octets as they were sent) at or after *AT, moving
 * *AT behind it; false when there is none. */
bool enclosed_next(struct arena *a, struct str text, size_t *at,
    struct enclosed *file_out);

#endif
