/*
 * gmail - what Gmail means differently, as translations.
 *
 * On Gmail (X-GM-EXT-1) a message is once in the account and has labels;
 * mailboxes are views of them.  So places become labels: archived is what
 * lacks \Inbox; a copy is one more label; a move is one label for another.
 * Trash and Spam alone are places, and a message leaves them only by a move.
 * The words of "IMAP extensions" of Google's documents are used: labels of
 * the user by their names, system labels with a backslash.
 *
 * Pure: no session, no store.
 */
#ifndef TAMIS_GMAIL_H
#define TAMIS_GMAIL_H

#include "places.h"

/* The mailbox of a search for whatever is neither trash nor spam. */
#define GMAIL_ALL	"\\All"

/* Is it Gmail, as far as the name of a server tells?  The server itself says
 * X-GM-EXT-1. */
bool gmail_is_host(struct str host);

/*
 * What X-GM-LABELS and flags tell of a message of MAILBOX, whose own label
 * the server leaves out.  SPECIAL is the special use of that mailbox, empty
 * for others.  Adds to F (whose flags are there) in arena A: user labels, and
 * \Sent, \Muted and the like as they are written; \Inbox as in_inbox,
 * \Starred and \Important as flags.
 */
void gmail_facts(struct arena *a, struct str special,
    const struct str *labels, size_t n, struct facts *f);

/* Does the message have this label?  NAME may be a system label. */
bool gmail_has(const struct facts *f, struct str name);
bool gmail_is_system(struct str label);

/*
 * The wants of a verdict as Gmail carries them out, in arena A: labels and
 * flags; PLACE stays, or is Trash, Spam, or (out of those) another mailbox, or
 * a delete.  What does not exist there is left out: *REFUSED_OUT is the copy or
 * place, *WHY_OUT a clause; else NULL.
 */
void gmail_wants(struct arena *a, const struct wants *w,
    const struct place_names *places, const struct facts *f,
    struct wants *out, const struct want_place **refused_out,
    const char **why_out);

/* Adds to LIST (room for three) the system labels that gmail_facts took for
 * something else; their number. */
size_t gmail_system_labels(const struct facts *f, struct str *list);

/* A mailbox of MAILBOX's view is left by a message that loses this label. */
bool gmail_label_is_view(struct str label, struct str mailbox);

/* An identity that is X-GM-MSGID: the same in all mailboxes. */
void gmail_identity(uint64_t msgid, struct identity *out);
uint64_t gmail_msgid(const struct identity *id);	/* 0: none */

/* The messages that were judged as new, to judge each once however many
 * mailboxes it is in.  Begins as all zero. */
struct gmail_seen {
	uint64_t *slots;	/* open addressing; 0 is free */
	size_t n, n_slots;
};
bool gmail_seen_has(const struct gmail_seen *s, uint64_t msgid);
void gmail_seen_add(struct gmail_seen *s, struct arena *a, uint64_t msgid);
void gmail_seen_add_all(struct gmail_seen *s, struct arena *a,
    const struct gmail_seen *more);

#endif
