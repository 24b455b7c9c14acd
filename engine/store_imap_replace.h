/*
 * store_imap_replace - what the steps of a replacement (replacement.h) share
 * on IMAP and on Gmail; nobody else's.
 *
 * store_imap_replace.c has what all steps stand on, and gets the original
 * and the copy to where they are wanted; store_imap_replace_copy.c looks at
 * copies and dresses them; store_imap_replace_away.c takes originals and
 * copies away and brings them back; store_imap_replace_gmail.c is what Gmail
 * does otherwise.
 *
 * A step works on one mailbox after the other; in each, all its messages are
 * asked about in the same commands.
 */
#ifndef TAMIS_STORE_IMAP_REPLACE_H
#define TAMIS_STORE_IMAP_REPLACE_H

#include "replacement.h"
#include "sameness.h"
#include "store_imap.h"

/* The messages of a step in one mailbox, which is selected. */
struct steps {
	struct store_imap *s;
	struct arena *a;	/* of the step */
	struct replacement **v;
	size_t n;
	struct str mailbox;
	struct mailbox_state state;
	void *arg;		/* the step's own */
};

static inline bool steps_on_gmail(const struct store_imap *s)
{
	return s->base.kind.labels == LABELS_GMAIL;
}

/* Sets outcome and reason. */
void steps_say(struct store_imap *s, struct replacement *r,
    enum step_outcome outcome, const char *fmt, ...) PRINTF_LIKE(4, 5);
struct str steps_keep(struct store_imap *s, struct str text);

void steps_keep_dress(struct store_imap *s, const struct dress *d,
    struct dress *out);

void steps_begin(struct replacement *list, size_t n);
/*
 * FN for each mailbox that HOME names, selected; whatever it does not set is
 * left STEP_TODO.  A mailbox that cannot be opened refuses its messages.
 */
typedef bool steps_fn(struct steps *p, struct err *e);
typedef struct str steps_home_fn(struct store_imap *s,
    const struct replacement *r);
MUST_USE bool steps_each(struct store_imap *s, struct replacement *list,
    size_t n, steps_home_fn *home, bool write, steps_fn *fn, void *arg,
    struct err *e);
struct str steps_home(struct store_imap *s, const struct replacement *r);
/* The same, when the mailbox is known to be where the copy is named: others
 * are PASSING. */
MUST_USE bool steps_each_copy(struct store_imap *s, struct replacement *list,
    size_t n, steps_fn *fn, struct err *e);
/* Those of P for which WANTED is true, as a step of its own. */
struct steps steps_some(const struct steps *p, const bool *wanted);

/* ----------------------------------------------------------------- views */

enum view_there { VIEW_UNKNOWN, VIEW_ABSENT, VIEW_THERE };

/* A message as it is now; what was asked for. */
struct view {
	enum view_there there;
	uint32_t uid;
	uint64_t gmail_id, gmail_thread, modseq, size;
	struct str object_id;
	int64_t received;
	int zone;
	struct dress dress;
	bool deleted;
	bool as_original;	/* IMAP_FIELDS: those of original_bytes, and
				   not our nonce */
	enum sameness content;	/* IMAP_WHOLE: with copy_bytes */
};

/* One FETCH for all. */
struct viewing {
	struct steps *p;
	struct view *views;	/* parallel to p->v */
	struct place *order;	/* by UID */
	size_t n;
	struct imap_fetch_answer *answer;
};

/* What tells what it has on: flags, labels. */
#define VIEW_DRESS	(IMAP_FLAGS | IMAP_GM_LABELS)

/* UIDS are parallel to p->v; 0 leaves one out.  Queues. */
MUST_USE bool views_ask(struct steps *p, const uint32_t *uids, unsigned items,
    struct viewing *w, struct err *e);
/* Behind store_imap_wait. */
void views_end(struct viewing *w);
/* Both, with the wait between. */
MUST_USE bool views_get(struct steps *p, const uint32_t *uids,
    unsigned items, struct view **views_out, struct err *e);
uint32_t *steps_copy_uids(const struct steps *p);
void steps_dress_of(const struct store_imap *s, struct arena *a,
    const struct imap_fetched *m, struct dress *out);

/* Does the header hold our field with this nonce? */
bool steps_has_nonce(struct arena *a, struct str header,
    const struct replacement *r);

/* --------------------------------------------------------------- dressing */

/* What is to be changed on one message, by UID in the selected mailbox. */
struct redress {
	uint32_t uid;
	struct dress add, remove;
};

/* In SMALL and not in BIG. */
struct dress dress_less(struct arena *a, const struct dress *small,
    const struct dress *big);
bool dress_is_empty(const struct dress *d);
struct str dress_shown(struct arena *a, const struct dress *d);
/*
 * Carries out CHANGES (parallel to p->v, uid 0: none) in as few commands as
 * it goes; reasons of what was refused go to WHY, and whether they pass to
 * PASSES (parallel).  What came of it is to be looked at.
 */
MUST_USE bool steps_redress(struct steps *p, const struct redress *changes,
    struct str *why, bool *passes, struct err *e);
/*
 * Until the messages with UIDS have on what WANTED (parallel) says; with
 * EXACT nothing else.  Sets outcomes: DONE, or REFUSED; PASSING when it is
 * not there.
 */
MUST_USE bool steps_dress_as(struct steps *p, const uint32_t *uids,
    const struct dress *wanted, bool exact, struct err *e);

/* ------------------------------------------------------------- originals */

/*
 * The UIDs of the originals in the selected mailbox, 0 where they are not,
 * into UIDS (parallel); by X-GM-MSGID on Gmail, else by UID under the same
 * UIDVALIDITY or by content.  False in SURE (parallel): no answer.
 */
MUST_USE bool steps_find_originals(struct steps *p, uint32_t *uids,
    bool *sure, struct err *e);

/* Trash, or empty where there is none. */
MUST_USE bool steps_trash(struct store_imap *s, struct str *trash_out,
    struct err *e);

/* ----------------------------------------------------------------- Gmail */

/* UIDs in the selected mailbox by X-GM-MSGID (0: leave out). */
MUST_USE bool gmail_find_ids(struct steps *p, const uint64_t *ids,
    uint32_t *uids, bool *sure, struct err *e);
/* The same in Trash or Spam, where a search may pass over a message: all of
 * it is read for those it did not find. */
MUST_USE bool gmail_find_ids_surely(struct steps *p, const uint64_t *ids,
    uint32_t *uids, bool *sure, struct err *e);
MUST_USE bool gmail_find_originals(struct steps *p, uint32_t *uids,
    bool *sure, struct err *e);
bool gmail_replace_ready(struct store *st, struct err *e);
/* Why it cannot be replaced, or NULL. */
const char *gmail_not_replaced(const struct dress *d);
bool gmail_can_be_set(struct str label);	/* a system label */
MUST_USE bool gmail_make_parents(struct steps *p, const struct dress *d,
    struct err *e);
/* Of V those that are in Spam are not GONE. */
MUST_USE bool gmail_not_in_spam(struct store_imap *s, struct replacement **v,
    size_t n, struct err *e);
/* Of P, whose copies are whole and whose originals are not in All Mail: what
 * became of these. */
MUST_USE bool gmail_look_instead(struct steps *p, struct err *e);
/* Copies that went to Trash with their originals: back and dressed. */
MUST_USE bool gmail_bring_copies_back(struct store_imap *s,
    struct replacement **v, size_t n, struct err *e);

/* ----------------------------------------------------------------- steps */

bool steps_look(struct store *st, struct replacement *list, size_t n,
    struct err *e);
/* Of P, which the server has refused: DONE what is there all the same. */
MUST_USE bool steps_look_at_refused(struct steps *p, struct err *e);
bool steps_prove(struct store *st, struct replacement *list, size_t n,
    struct err *e);
bool steps_dress(struct store *st, struct replacement *list, size_t n,
    struct err *e);
bool steps_retire(struct store *st, struct replacement *list, size_t n,
    struct err *e);
bool steps_whereabouts(struct store *st, struct replacement *list, size_t n,
    struct err *e);
bool steps_restore(struct store *st, struct replacement *list, size_t n,
    struct err *e);
bool steps_discard(struct store *st, struct replacement *list, size_t n,
    struct err *e);

#endif
