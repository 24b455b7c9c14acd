/*
 * store_imap - what the parts of the IMAP store share; nobody else's.
 *
 * store_imap.c opens, names, selects and reads; store_imap_change.c carries
 * out ops; store_imap_labels.c is what labels cost where they are folders.
 */
#ifndef TAMIS_STORE_IMAP_H
#define TAMIS_STORE_IMAP_H

#include "config.h"
#include "imap.h"
#include "store.h"

/* A mailbox under both names. */
struct imap_known {
	struct str name;	/* ours: levels by "/", no namespace prefix */
	const struct imap_folder *folder;	/* the server's */
};

struct store_imap {
	struct store base;
	struct imap *session;
	const struct account *account;
	struct arena *arena;	/* of this store; the session's answers */
	bool listed;
	struct imap_known *known;
	size_t n_known, cap_known;
	struct mailbox_info *infos;	/* parallel to known */
	size_t cap_infos;
	struct str prefix;	/* of the personal namespace */
	char separator;
	struct str selected;	/* ours; empty: none */
	struct str special;	/* its use, as far as the list is known */
	uint32_t uidvalidity;	/* of the selected one */
	bool writable;
	bool may_return;	/* a session can be opened anew */
	unsigned returns;	/* sessions opened anew */
	unsigned pause_ms, paused_ms;	/* the next one, and all of them */
	struct imap_counters earlier;	/* of those before this one */
};

static inline struct store_imap *store_imap_of(struct store *s)
{
	return (struct store_imap *)s;	/* base is its head */
}

/* The server's name of MAILBOX; asks for the list when that is needed. */
MUST_USE bool store_imap_name(struct store_imap *s, struct str mailbox,
    struct str *name_out, struct err *e);
/* imap_wait, with the counters kept. */
MUST_USE bool store_imap_wait(struct store_imap *s, struct err *e);

/* The entries of store_kind that change things. */
bool store_imap_prepare(struct store *s, struct op *ops, size_t n,
    struct err *e);
bool store_imap_apply(struct store *s, struct op *ops, size_t n,
    struct err *e);
bool store_imap_finish_moves(struct store *s, struct op *ops, size_t n,
    struct err *e);
bool store_imap_find(struct store *s, struct str mailbox,
    uint32_t uidvalidity, uint32_t from_uid, const struct identity *id,
    uint32_t *uid_out, struct err *e);
/* Does the server have this mailbox? */
MUST_USE bool store_imap_exists(struct store_imap *s, struct str mailbox,
    bool *yes_out, struct err *e);
/* Does PERMANENTFLAGS let a flag or keyword be kept? */
bool store_imap_keeps(const struct imap_flags *permanent, struct str name);
/* SEARCH criteria that narrow to the message ID; empty: none can be said. */
struct str store_imap_id_criteria(struct arena *a,
    const struct identity *id);
bool store_imap_create(struct store *s, struct str mailbox, struct err *e);
bool store_imap_select(struct store *s, struct str mailbox, bool write,
    struct mailbox_state *out, struct err *e);
/* Selects again what was selected before; ERR_TEMP if its UIDs are others
 * now. */
MUST_USE bool store_imap_return(struct store_imap *s, struct str mailbox,
    bool write, uint32_t uidvalidity, struct err *e);

/* How messages are replaced (store_imap_replace.h). */
extern const struct replacer store_imap_replacer;

/*
 * On Gmail: what was done is read back before anything leaves the mailbox,
 * and a message that has left it meanwhile is found again in All Mail
 * (store_imap_gmail.c).
 */
/* Adds to LEFT which of ASKED are in the selected mailbox still; not by a
 * search, which at Gmail passes over those with \Deleted. */
MUST_USE bool store_imap_left(struct store_imap *s,
    const struct uidset *asked, struct uidset *left, struct err *e);
MUST_USE bool store_imap_apply_here(struct store_imap *s, struct op *ops,
    size_t n, struct err *e);	/* as apply, in the selected mailbox only */
/* Moves that the server did not name among those it made (a COPYUID may be
 * missing): what is in the target is moved. */
MUST_USE bool gmail_find_moved(struct store_imap *s, struct op *ops,
    size_t n, struct err *e);
/* Trash, and out of it for good: of the deletes that are still to be done. */
MUST_USE bool gmail_delete(struct store_imap *s, struct op *ops, size_t n,
    struct err *e);
MUST_USE bool gmail_read_back(struct store_imap *s, struct op *ops, size_t n,
    struct err *e);
MUST_USE bool gmail_find_again(struct store_imap *s, struct op *ops,
    size_t n, struct err *e);
MUST_USE bool gmail_find(struct store_imap *s, const struct identity *id,
    uint32_t *uid_out, struct err *e);

/*
 * Where a label is a folder (LABELS_FOLDERS) a message has it if the folder
 * holds a copy, known by identity.  load reads the folders of ITEMS' labels,
 * leaving none selected; of adds the labels of one message to LIST (room for
 * ITEMS' n_labels); apply carries out the label ops among OPS.
 */
struct label_folders;
MUST_USE bool label_folders_load(struct store_imap *s, struct arena *a,
    const struct fetch_items *items, struct label_folders **out,
    struct err *e);
size_t label_folders_of(const struct label_folders *l,
    const struct identity *id, struct str *list);
MUST_USE bool label_folders_apply(struct store_imap *s, struct op *ops,
    size_t n, struct err *e);

#endif
