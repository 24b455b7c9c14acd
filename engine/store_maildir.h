/*
 * store_maildir - what the parts of the Maildir store share; nobody else's.
 *
 * store_maildir.c opens, names, selects and reads; store_maildir_change.c
 * carries out ops.
 */
#ifndef TAMIS_STORE_MAILDIR_H
#define TAMIS_STORE_MAILDIR_H

#include "config.h"
#include "journal.h"
#include "maildir_folder.h"
#include "maildir_keywords.h"
#include "store.h"

/* The keywords of a folder, told apart once. */
struct maildir_words {
	struct maildir_keywords keywords;
	struct str labels[MAILDIR_KEYWORDS_MAX];	/* empty: a flag */
};

struct store_maildir {
	struct store base;
	const char *path;
	const struct account *account;	/* may be NULL */
	struct journal *journal;	/* may be NULL */
	int root;
	bool listed;
	struct maildir_mailbox *mailboxes;
	struct mailbox_info *infos;
	size_t n_mailboxes;

	/* of the selected mailbox */
	struct arena *arena;		/* of the selection */
	struct maildir_folder folder;
	struct maildir_list list;
	struct maildir_file **by_uid;
	uint32_t uidvalidity, uidnext;
	struct maildir_words words;
	bool write;
	int looks;			/* times it was listed again */
};

static inline struct store_maildir *store_maildir_of(struct store *s)
{
	return (struct store_maildir *)s;	/* base is its head */
}

bool maildir_labels_are_folders(const struct store_maildir *s);
void maildir_words_read(struct maildir_words *w, struct arena *a, int dir);
/* In the selected mailbox; NULL: it is not there. */
struct maildir_file *maildir_by_uid(struct store_maildir *s, uint32_t uid);
/*
 * The file is not under its name any more: looks where it went and corrects
 * the list.  False: it has gone, or the folder keeps changing.
 */
bool maildir_look_again(struct store_maildir *s, struct maildir_file *f);
/* The folder of MAILBOX as it is there, or as it would be called. */
MUST_USE bool maildir_find_folder(struct store_maildir *s, struct arena *a,
    struct str mailbox, const char **folder_out, struct err *e);

/* The entries of store_kind that change things. */
bool store_maildir_create(struct store *s, struct str mailbox,
    struct err *e);
bool store_maildir_prepare(struct store *s, struct op *ops, size_t n,
    struct err *e);
bool store_maildir_apply(struct store *s, struct op *ops, size_t n,
    struct err *e);
bool store_maildir_finish_moves(struct store *s, struct op *ops, size_t n,
    struct err *e);
extern const struct replacer store_maildir_replacer;

#endif
