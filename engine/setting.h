/*
 * setting - one value of the config file, read and checked.
 *
 * Each function reports what is wrong at the value's place and returns
 * false, leaving the output as it was.  WHAT names the key in the sentence:
 * "accounts.work.timeout".
 */
#ifndef TAMIS_SETTING_H
#define TAMIS_SETTING_H

#include "../rules/node.h"

/* What a config is read with. */
struct reading {
	struct arena *a;
	struct problems *ps;
	const char *path;	/* of the config, absolute */
	const char *folder;	/* that relative paths start from */
	const char *home;	/* that "~" stands for */
};

/* $HOME, else that of the user database. */
const char *setting_home(struct arena *a);
/* "$VARIABLE/tamis", or "HOME/BELOW_HOME/tamis" (XDG base directories). */
const char *setting_xdg(struct arena *a, const char *variable,
    const char *below_home);
const char *setting_folder(struct arena *a, const char *path);
/* WRITTEN as an absolute pattern for glob(3). */
const char *setting_pattern(const struct reading *l, const char *written);

/* Without control characters, not empty, of a sane length. */
bool setting_text(const struct reading *l, const struct node *n,
    const char *what, const char **out);
/* Made absolute. */
bool setting_path(const struct reading *l, const struct node *n,
    const char *what, const char **out);
bool setting_mailbox(const struct reading *l, const struct node *n,
    const char *what, const char **out);
/* AT is a `const char *const *` with its count, a size_t, behind it. */
bool setting_mailboxes(const struct reading *l, const struct node *n,
    const char *what, void *at);
/* The same of paths. */
bool setting_paths(const struct reading *l, const struct node *n,
    const char *what, void *at);
/* An argument list, NULL at the end. */
bool setting_command(const struct reading *l, const struct node *n,
    const char *what, const char *const **out);
/* One of CHOICE, "auto, on, off": which. */
bool setting_word(const struct reading *l, const struct node *n,
    const char *choice, const char *what, int *out);
/* A list of some of them, each once, in the order written: AT is a `const int
 * *` with its count, a size_t, behind it. */
bool setting_words(const struct reading *l, const struct node *n,
    const char *choice, const char *what, void *at);
bool setting_proxy(const struct reading *l, const struct node *n,
    const char *what, const char **out);
/* local@domain, without a name: what SMTP can be given. */
bool setting_address(const struct reading *l, const struct node *n,
    const char *what, const char **out);
/* LEAST is 0 or 1. */
bool setting_seconds(const struct reading *l, const struct node *n,
    const char *what, int64_t least, int64_t most, int64_t *out);
bool setting_number(const struct reading *l, const struct node *n,
    const char *what, uint32_t least, uint32_t *out);
bool setting_size(const struct reading *l, const struct node *n,
    const char *what, uint64_t *out);

#endif
