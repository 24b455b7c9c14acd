/*
 * maildir_folder - the folders of a Maildir++ and the files in them.
 *
 * INBOX is the Maildir itself; a mailbox "a/b" is its folder ".a.b", in
 * modified UTF-7 as Dovecot writes it (a name that is not modified UTF-7
 * stands for itself).
 *
 * Life:   folders hold descriptors: close them.  Lists live in their arena.
 * Errors: ERR_MESSAGE where there is no such mailbox or its name cannot be
 *         one; ERR_TEMP where the disk fails.
 */
#ifndef TAMIS_MAILDIR_FOLDER_H
#define TAMIS_MAILDIR_FOLDER_H

#include "maildir_name.h"

#define MAILDIR_FOLDERS_MAX	10000
#define MAILDIR_FILES_MAX	5000000		/* of one folder */

struct maildir_folder {
	struct str mailbox;
	int dir, cur, new;	/* descriptors; -1: closed */
};

/* A mailbox and the name of its folder; "." is that of INBOX. */
struct maildir_mailbox {
	struct str name;
	const char *folder;
};

/* Mailbox name of the folder called NAME (with its dot); false: none. */
bool maildir_mailbox_of(struct arena *a, struct str name,
    struct str *mailbox_out);
/* The folder of MAILBOX as it would be written: "." for INBOX. */
MUST_USE bool maildir_folder_name(struct arena *a, struct str mailbox,
    struct str *name_out, struct err *e);

/* All mailboxes below ROOT, sorted, INBOX first. */
MUST_USE bool maildir_mailboxes(struct arena *a, int root,
    struct maildir_mailbox **list_out, size_t *n_out, struct err *e);

/* FOLDER is a name, with its dot. */
MUST_USE bool maildir_folder_open(int root, struct str mailbox,
    const char *folder, struct maildir_folder *out, struct err *e);
void maildir_folder_close(struct maildir_folder *f);
/* Makes it, or what a crash left out of it, durable on return. */
MUST_USE bool maildir_folder_create(int root, const char *folder,
    struct err *e);

/*
 * Adds the folder to the file "subscriptions" as Dovecot keeps it, where
 * there is one, as many mail readers show subscribed folders only.  It is a
 * courtesy: where it cannot be done nothing is said.
 */
void maildir_subscribe(int root, const char *folder);

/* FN for each file name in DIR; stops on false. */
typedef bool maildir_file_fn(void *ctx, struct str name, uint64_t inode);
MUST_USE bool maildir_files(int dir, maildir_file_fn *fn, void *ctx,
    struct err *e);

struct maildir_file {
	char *name;
	uint16_t length, unique;	/* of the name, of its unique part */
	uint16_t room;			/* for the name with its NUL */
	uint32_t uid;			/* the caller's */
	bool in_new;
	bool gone;			/* the caller's */
};

struct maildir_list {
	struct maildir_file *files;	/* sorted by their unique parts */
	size_t n;
};

struct str maildir_file_name(const struct maildir_file *f);
/* Its name has changed, but for the unique part.  In place where it fits, so
 * that a folder whose every message changes takes no more memory. */
void maildir_file_rename(struct maildir_file *f, struct arena *a,
    struct str name);
struct str maildir_file_unique(const struct maildir_file *f);

/*
 * The messages of a folder, each once.  A message that another program
 * renames meanwhile is not missed: where the folder changes while it is
 * read, it is read again and both readings count; of two names the later
 * one stays.
 */
MUST_USE bool maildir_folder_list(struct arena *a,
    const struct maildir_folder *f, struct maildir_list *out, struct err *e);
struct maildir_file *maildir_list_find(const struct maildir_list *l,
    struct str unique);

#endif
