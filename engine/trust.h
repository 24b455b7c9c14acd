/*
 * trust - files that may be believed.
 *
 * Config, rules and lists decide what happens to mail and which programs
 * run.  So the file, and every folder and symbolic link on the way to it,
 * must belong to the user or root, and nobody else may be able to write
 * there.  Folders with the sticky bit (/tmp) are fine, as others cannot
 * replace what is not theirs in them; so is the write bit of a group that
 * is the user's alone.
 *
 * Errors: ERR_CONFIG, with what to do about it.
 */
#ifndef TAMIS_TRUST_H
#define TAMIS_TRUST_H

#include "../rules/base.h"

/* Appends the whole regular file; ERR_CONFIG also if OUT's maximum is less. */
MUST_USE bool trust_read(const char *path, struct buf *out, struct err *e);

/* PATH as an absolute one, relative to BASE (a folder; NULL: the current
 * one), not looked at. */
const char *trust_absolute(struct arena *a, const char *path,
    const char *base);

#endif
