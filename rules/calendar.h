/*
 * calendar - dates as text, by a format; English, whatever the locale.
 */
#ifndef TAMIS_CALENDAR_H
#define TAMIS_CALENDAR_H

#include "base.h"

/* The first letter behind a % that is none of
 * Y y m d H M S j U V G b B a A %; 0 when all are. */
char calendar_bad_letter(struct str format);

/* LOCAL counts seconds as time_from_civil does, of the time to show. */
void calendar_add(struct buf *b, struct str format, int64_t local);

#endif
