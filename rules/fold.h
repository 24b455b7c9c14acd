/*
 * fold - Unicode simple case folding (CaseFolding.txt, status C and S).
 *
 * The same folding as `pattern` uses, for tables that are looked up by a
 * whole text: two texts differ in case only when their folds are equal.
 */
#ifndef TAMIS_FOLD_H
#define TAMIS_FOLD_H

#include "base.h"

uint32_t fold_char(uint32_t cp);

/* Adds the fold of S; octets that are not UTF-8 stay as they are. */
void fold_add(struct buf *b, struct str s);

/* The fold of S, which is S itself where nothing changes. */
struct str fold_str(struct arena *a, struct str s);

#endif
