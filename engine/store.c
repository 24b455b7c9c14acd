#include "store.h"

void store_close(struct store **s)
{
	if (!s || !*s)
		return;
	if ((*s)->kind.close)
		(*s)->kind.close(*s);
	*s = NULL;	/* its memory is its arena's */
}
