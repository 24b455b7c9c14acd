/*
 * html - the text of an HTML source, as a reader would see it.
 *
 * Not a browser: a tokenizer in the manner of the HTML standard that drops
 * markup, comments, style, script, title and attributes, ends a line at what
 * begins a block and at <br>, lets inline tags cut no word, makes runs of
 * white space (and no-break spaces) one blank, keeps lines in <pre>, and
 * decodes character references.  One pass, no recursion, no allocation but
 * the output.
 */
#ifndef TAMIS_HTML_H
#define TAMIS_HTML_H

#include "base.h"

/* Appends the text of SOURCE (valid UTF-8) to OUT; stops when it is full. */
void html_text(struct str source, struct buf *out);

#endif
