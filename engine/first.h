/*
 * first - the first config and the first rules of somebody new.
 *
 * Pure: texts from answers.
 */
#ifndef TAMIS_FIRST_H
#define TAMIS_FIRST_H

#include "../rules/base.h"

/* One account.  Empty: not said.  All borrowed; without control characters,
 * and UTF-8. */
struct first_account {
	struct str name;
	struct str maildir;	/* else: */
	struct str imap;	/* imaps://HOST */
	struct str user;
	struct str ca_file;	/* may be empty beside them */
	/* one of these three */
	struct str password_file;
	struct str password_command;	/* words separated by blanks */
	struct str provider;	/* of OAuth 2.0, with the next two */
	struct str client_id, client_secret_file;
};

void first_config(struct buf *out, const struct first_account *f);
void first_rules(struct buf *out);

/* The server that a mail address lets one expect, "imaps://imap.DOMAIN" if it
 * is not known; empty if USER is no mail address. */
struct str first_server(struct arena *a, struct str user);
bool first_is_gmail(struct str imap);

#endif
