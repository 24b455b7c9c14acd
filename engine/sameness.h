/*
 * sameness - is what a server gives back what it was given?
 *
 * Most servers keep octets.  Gmail folds header fields anew, makes blanks of
 * tabs and drops blanks at the ends of lines in them, and is known to put
 * fields of its own on top; so there a message is compared as what it says:
 * the fields in their order, unfolded (RFC 5322 2.2.3) and their white space
 * squeezed, those of the server's left out, and behind the empty line octet
 * by octet.
 *
 * Copies that were sent for one message differ in Date, Message-ID and
 * References (`on_swallowed`): what is the same but for these is a variant.
 *
 * Pure; borrows both texts for the call; needs no memory.
 */
#ifndef TAMIS_SAMENESS_H
#define TAMIS_SAMENESS_H

#include "../rules/base.h"

enum sameness {
	SAME_NOT,
	SAME_VARIANT,
	SAME_FORM,		/* the same but for what is said above */
	SAME_OCTETS,
};

enum sameness sameness_of(struct str sent, struct str got);

#endif
