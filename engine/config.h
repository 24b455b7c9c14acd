/*
 * config - the config file, checked.
 *
 * YAML read through rules/node, so that its mistakes are shown as those of
 * rule files are.  Every key stands in one table (config.def), which the
 * manual's table is checked against.
 *
 * Life:   lives in the arena given to config_load, read-only.
 * Errors: problems with place; the file's owner and mode are checked first
 *         (it and its folders must belong to the user or root and not be
 *         writable by others: ERR_CONFIG).
 */
#ifndef TAMIS_CONFIG_H
#define TAMIS_CONFIG_H

#include "../rules/rules.h"
#include "oauth.h"

#define CONFIG_ACCOUNTS_MAX	100

enum account_kind { ACCOUNT_IMAP, ACCOUNT_MAILDIR };

enum tls_mode {
	TLS_IMAPS,		/* from the first octet (RFC 8314) */
	TLS_STARTTLS,		/* required, never optional */
	TLS_NONE,		/* loopback only, and only by `insecure` */
};

enum auth_kind {
	AUTH_PASSWORD,		/* a password from command or file */
	AUTH_TOKEN,		/* OAuth2 bearer token from a command */
	AUTH_OAUTH,		/* one that we get and refresh */
	AUTH_EXTERNAL,		/* the client certificate is the login */
};

/* What a label is; LABELS_GMAIL is found out and never configured. */
enum label_mode { LABELS_KEYWORDS, LABELS_FOLDERS, LABELS_GMAIL };
/* What to try where a server takes a changed copy for the message that it has
 * (replace.h). */
enum on_swallowed { SWALLOWED_DATE, SWALLOWED_NEW_ID, SWALLOWED_GIVE_UP };
enum lossy_mode { LOSSY_REFUSE, LOSSY_ALLOW };
enum compress_mode { COMPRESS_AUTO, COMPRESS_ON, COMPRESS_OFF };

/* What may replace mail that was encrypted in CBC (see smime_policy). */
enum cbc_policy { CBC_SIGNED, CBC_ALLOW };

struct account_pgp {
	const char *home;	/* NULL: the user's */
	const char *const *passphrase_command;	/* argv, or NULL */
};

struct account_smime {
	const char *const *key_files;	/* keys, and perhaps certificates */
	size_t n_key_files;
	const char *const *certificate_files;
	size_t n_certificate_files;
	const char *const *passphrase_command;	/* argv, or NULL */
	enum cbc_policy cbc;
	const char *ca_file;		/* NULL: the system's */
};

struct account {
	const char *name;
	struct pos pos;
	enum account_kind kind;
	/* IMAP */
	const char *host;
	uint16_t port;
	enum tls_mode tls;
	const char *user;
	enum auth_kind auth;
	const char *mechanism;	/* a SASL name to insist on, or NULL */
	const char *const *secret_command;	/* argv, NULL at the end */
	const char *secret_file;
	struct oauth_client oauth;	/* with AUTH_OAUTH */
	const char *ca_file;	/* NULL: the system's */
	const char *certificate_file, *key_file;	/* client's */
	bool insecure;		/* no verification (TLS_NONE too); said at
				   each run */
	const char *proxy;	/* NULL: none, whatever the environment says */
	enum compress_mode compress;
	int64_t timeout;	/* seconds without progress */
	/* Maildir */
	const char *maildir;
	/* both */
	const char *const *mailboxes;	/* what run looks at */
	size_t n_mailboxes;
	const char *const *rules;	/* its own, after the common ones */
	size_t n_rules;
	enum label_mode labels;
	/* By special-use attribute: a mailbox that the config names, or
	 * NULL for the server's own. */
	const char *archive, *trash, *spam;
	bool allow_delete;
	const char *trusted_authserv;	/* NULL: none */
	const enum on_swallowed *on_swallowed;	/* in turn */
	size_t n_on_swallowed;
	enum lossy_mode lossy;	/* a replacement may lose what cannot be put
				   back */
	struct account_pgp pgp;
	struct account_smime smime;
	/* copied from the top, for whoever has only the account */
	const struct config_limits *limits;
	const char *state;	/* its folder below state_home */
};

struct config_limits {
	uint64_t message;	/* octets fetched of one message */
	uint64_t body;		/* octets of text looked at in a part */
	int64_t match;		/* seconds for all rules on one message */
	uint32_t regex_steps;
	uint32_t new_mailboxes;	/* created in a run */
	int64_t command;	/* seconds for one that gives a secret */
	int64_t consent;	/* seconds for a person to give it */
	uint64_t spool;		/* octets of originals and copies */
	uint64_t upload_per_day, download_per_day;	/* of replacements */
	int64_t late;		/* seconds in which an unanswered copy may
				   still land */
};

enum channel_kind {
	CHANNEL_DESKTOP, CHANNEL_COMMAND, CHANNEL_WEBHOOK, CHANNEL_MAIL
};

/* A way to tell somebody; see channel.h. */
struct channel {
	const char *name;
	struct pos pos;
	enum channel_kind kind;
	int64_t timeout;	/* seconds */
	/* COMMAND: an argument list with $(...) of FILLING_SAFE */
	const char *const *command;
	/* WEBHOOK */
	const char *url;
	const char *const *headers;	/* "Name: value", NULL at the end */
	struct str body_template;	/* with $(...); not given: empty */
	bool insecure;			/* http:// will do */
	/* MAIL: host, port, TLS, login.  WEBHOOK: its TLS and proxy. */
	struct account server;
	const char *from;
	const char *const *to;		/* NULL at the end */
};

#define CHANNELS_MAX	100

/* When nobody is to be disturbed. */
struct quiet_hours {
	bool set;
	int from, until;	/* seconds into the day; over midnight when
				   until is less */
	unsigned except;	/* a bit an urgency */
};

struct config {
	const char *path;	/* of the file; NULL: there is none */
	const char *state_home;	/* $XDG_STATE_HOME/tamis */
	const char *const *rules;	/* absolute paths, globs expanded */
	size_t n_rules;
	const struct account *accounts;
	size_t n_accounts;
	const struct channel *channels;
	size_t n_channels;
	struct quiet_hours quiet_hours;
	struct config_limits limits;
	int64_t keep;		/* seconds of history */
	int64_t alert_after;
};

/*
 * PATH NULL: $XDG_CONFIG_HOME/tamis/config.yaml, which may be missing (then
 * a config without accounts).  NULL after problems.
 */
const struct config *config_load(struct arena *a, const char *path,
    struct problems *ps, struct err *e);
const struct account *config_account(const struct config *c,
    const char *name);

const struct channel *config_channel(const struct config *c,
    struct str name);

/* What the state is compared with: "imaps://host:port user", or the path. */
const char *account_owner(struct arena *a, const struct account *account);

/* A reader for rules_load that checks owner and mode. */
extern const struct file_reader config_reader;

#endif
