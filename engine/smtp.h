/*
 * smtp - one message to a submission server (RFC 6409) [libcurl].
 *
 * With TLS from the first octet or by a required STARTTLS; in plain text only
 * to this machine, where the account says so.  Logs in if the account has a
 * user.
 *
 * Life:   one call, one connection.
 * Errors: ERR_TEMP for the network and for 4yz, ERR_AUTH for a refused login,
 *         ERR_MESSAGE for a refused sender, recipient or message, ERR_CONFIG
 *         for the rest.  With *MAY_OUT set the message may have been taken
 *         all the same: the answer to its end did not come.
 */
#ifndef TAMIS_SMTP_H
#define TAMIS_SMTP_H

#include "config.h"

struct smtp_mail {
	const char *from;		/* of the envelope; "": none */
	const char *const *to;		/* NULL at the end */
	struct str bytes;		/* any line ends; sent with CRLF */
};

/* SERVER: host, port, TLS, user and secret are used. */
MUST_USE bool smtp_send(const struct account *server,
    const struct smtp_mail *mail, bool *may_out, struct err *e);

#endif
