/*
 * report_parts - a message and its changes, as several reports show them;
 * for the report rooms only.
 */
#ifndef TAMIS_REPORT_PARTS_H
#define TAMIS_REPORT_PARTS_H

#include "report.h"

/* Members of an object. */
void report_put_id(struct object *o, const struct report_id *id);
void report_put_changes(struct object *o, const struct report_change *list,
    size_t n);

/* Lines of text. */
void report_add_id_line(struct report *r, struct buf *b,
    const struct report_id *id);
void report_add_change(struct report *r, struct buf *b,
    const struct report_change *c);

#endif
