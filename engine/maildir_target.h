/*
 * maildir_target - the folders that ops of one apply go to.
 *
 * A target knows what lay in its folder when it was opened, what is about
 * to come, its keywords, and what of it is not durable yet.  Nothing in it
 * is an error of the store: what went wrong is kept, for the ops that hang
 * on it.
 *
 * Life:  in the arena of the apply; close what was opened.
 */
#ifndef TAMIS_MAILDIR_TARGET_H
#define TAMIS_MAILDIR_TARGET_H

#include "store_maildir.h"

/* A file in a folder that is a label. */
struct maildir_present {
	uint64_t inode;
	const char *name;
	bool in_new;
};

/* A folder that ops go to; the selected one is `here`. */
struct maildir_target {
	struct str mailbox;
	struct maildir_folder folder;
	struct maildir_keywords keywords;
	struct err keywords_failed;	/* of their last writing */
	bool keywords_retry;
	bool is_label;
	bool touched_cur, touched_new;
	struct err sync_failed;
	/* what was there at first: hashes of unique parts, sorted */
	uint64_t *hashes;
	size_t n_hashes, cap_hashes;
	struct maildir_present *by_inode;	/* of a label only */
	size_t n_present, cap_present;
	struct maildir_list list;	/* of all, once a hash was met */
	bool listed;
	/* names that are about to come, and their UIDs */
	struct str *names;
	const struct journal_name *numbered;	/* parallel; NULL: not */
	size_t n_names, cap_names;
	struct err failed;	/* it cannot be used */
};

struct maildir_targets {
	struct store_maildir *s;
	struct arena *a;
	/* The selected mailbox: borrowed, and not in the list. */
	struct maildir_target here;
	struct maildir_target **list;
	size_t n, cap;
};

void maildir_targets_open(struct maildir_targets *ts,
    struct store_maildir *s, struct arena *a);
void maildir_targets_close(struct maildir_targets *ts);

/* The folder of MAILBOX; with `failed` set if it cannot be used. */
struct maildir_target *maildir_target_of(struct maildir_targets *ts,
    struct str mailbox, bool is_label, bool create);

/*
 * Was there a message with this unique part?  *OUT is its file; without a
 * name if it cannot be told.
 */
bool maildir_target_has(struct maildir_targets *ts,
    struct maildir_target *t, struct str unique, struct maildir_file *out);
/* The files of a label with this inode: the first, and how many. */
const struct maildir_present *maildir_target_linked(
    const struct maildir_target *t, uint64_t inode, size_t *n_out);

/* A message will come under this unique part; an index of `names`. */
size_t maildir_target_expect(struct maildir_targets *ts,
    struct maildir_target *t, struct str unique);
/*
 * Gives all that is expected its UIDs, before it comes.  Nothing has
 * happened if it fails.
 */
MUST_USE bool maildir_targets_announce(struct maildir_targets *ts,
    struct err *e);

/* Makes the keywords that were added durable, or sets keywords_failed. */
void maildir_target_write_keywords(struct maildir_target *t);

/* Something came to or left its new/ or cur/. */
void maildir_target_touch(struct maildir_target *t, bool in_new);
/* Makes that durable, or sets sync_failed. */
void maildir_target_sync(struct maildir_target *t);
void maildir_targets_sync(struct maildir_targets *ts);	/* without `here` */

#endif
