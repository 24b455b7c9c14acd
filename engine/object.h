/*
 * object - one JSON object on its way out (RFC 8259), by jansson.
 *
 * Texts are escaped (buf_add_shown), so that what comes from mail can harm
 * no terminal that the JSON is shown on, and is always UTF-8.  Members stand
 * in the order in which they were put.
 *
 * Life:   an object and all in it live until their arena is reset.
 */
#ifndef TAMIS_OBJECT_H
#define TAMIS_OBJECT_H

#include "../rules/base.h"

struct object;

/* {"v":1,"type":TYPE} */
struct object *object_make(struct arena *a, const char *type);

/* Empty texts and times that are not known are left out. */
void object_text(struct object *o, const char *key, struct str s);
void object_z(struct object *o, const char *key, const char *z);
void object_number(struct object *o, const char *key, uint64_t n);
void object_real(struct object *o, const char *key, double x);
void object_bool(struct object *o, const char *key, bool value);
/* RFC 3339, UTC; 0 and TIME_NONE are left out. */
void object_time(struct object *o, const char *key, int64_t t);

/* Lists are there when empty, too. */
void object_texts(struct object *o, const char *key, const struct str *list,
    size_t n);
/* Of a text whose items are separated by LF. */
void object_lines(struct object *o, const char *key, struct str lines);
/* A list to be filled by object_item and object_item_text. */
struct object *object_list(struct object *o, const char *key);
struct object *object_item(struct object *list);
void object_item_text(struct object *list, struct str s);
/* An object below a key. */
struct object *object_below(struct object *o, const char *key);

/* One line. */
void object_write(const struct object *o, struct buf *out);

#endif
