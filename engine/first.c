#include "first.h"

/* Where the server is not called imap.DOMAIN. */
static const struct known {
	const char *domain, *imap;
} known[] = {
	{ "gmail.com", "imaps://imap.gmail.com" },
	{ "googlemail.com", "imaps://imap.gmail.com" },
	{ "outlook.com", "imaps://outlook.office365.com" },
	{ "hotmail.com", "imaps://outlook.office365.com" },
	{ "live.com", "imaps://outlook.office365.com" },
	{ "msn.com", "imaps://outlook.office365.com" },
	{ "yahoo.com", "imaps://imap.mail.yahoo.com" },
	{ "icloud.com", "imaps://imap.mail.me.com" },
	{ "me.com", "imaps://imap.mail.me.com" },
	{ "mac.com", "imaps://imap.mail.me.com" },
	{ "gmx.de", "imaps://imap.gmx.net" },
	{ "posteo.de", "imaps://posteo.de" },
	{ "posteo.net", "imaps://posteo.de" },
};

struct str first_server(struct arena *a, struct str user)
{
	size_t at = str_find_char(user, 0, '@');
	struct str domain = str_sub(user, at + 1, user.n);

	for (size_t i = 0; i < domain.n; i++)
		if (!ch_alnum(domain.p[i]) && domain.p[i] != '.' &&
		    domain.p[i] != '-')
			return STR_EMPTY;
	if (domain.n == 0)
		return STR_EMPTY;
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_ieq_z(domain, known[i].domain))
			return str_of(known[i].imap);
	return arena_printf(a, "imaps://imap.%.*s", STR_ARG(domain));
}

bool first_is_gmail(struct str imap)
{
	return str_eq_z(imap, "imaps://imap.gmail.com");
}

/* A double-quoted scalar (YAML 1.2, 7.3.1) needs no thought about what is in
 * it. */
static void add_quoted(struct buf *out, struct str s)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, s.p[i]);
	}
	buf_add_char(out, '"');
}

static void add_key(struct buf *out, const char *indent, const char *key,
    struct str value)
{
	if (value.n == 0)
		return;
	buf_printf(out, "%s%s: ", indent, key);
	add_quoted(out, value);
	buf_add_char(out, '\n');
}

static void add_command(struct buf *out, struct str words)
{
	struct str word;
	const char *comma = "";

	buf_add_z(out, "      password_command: [");
	while (str_cut(&words, ' ', &word)) {
		if (word.n == 0)
			continue;
		buf_add_z(out, comma);
		add_quoted(out, word);
		comma = ", ";
	}
	buf_add_z(out, "]\n");
}

static void add_auth(struct buf *out, const struct first_account *f)
{
	buf_add_z(out, "    auth:\n");
	if (f->provider.n > 0) {
		buf_add_z(out, "      # asks for consent, once: tamis auth ");
		buf_add_str(out, f->name);
		buf_add_char(out, '\n');
		add_key(out, "      ", "oauth2", f->provider);
		add_key(out, "      ", "client_id", f->client_id);
		add_key(out, "      ", "client_secret_file",
		    f->client_secret_file);
	} else if (f->password_command.n > 0) {
		buf_add_z(out, "      # its first line is the password; no "
		    "shell is in between\n");
		add_command(out, f->password_command);
	} else {
		buf_add_z(out, "      # holds the password alone; mode 600\n");
		add_key(out, "      ", "password_file", f->password_file);
	}
}

void first_config(struct buf *out, const struct first_account *f)
{
	buf_add_z(out,
	    "# tamis: the accounts, and where the rules are.\n"
	    "# tamis-config(5) explains every key. After a change:\n"
	    "#\n"
	    "#     tamis check       mistakes, with line and column\n"
	    "#     tamis doctor      can it connect, what will be used\n"
	    "\n"
	    "version: 1\n"
	    "\n"
	    "rules: [rules.yaml]             # beside this file\n"
	    "\n"
	    "accounts:\n  ");
	add_quoted(out, f->name);
	buf_add_z(out, ":\n");
	if (f->maildir.n > 0) {
		add_key(out, "    ", "maildir", f->maildir);
	} else {
		add_key(out, "    ", "imap", f->imap);
		add_key(out, "    ", "user", f->user);
		add_auth(out, f);
		if (f->ca_file.n > 0)
			buf_add_z(out, "    tls:\n");
		add_key(out, "      ", "ca_file", f->ca_file);
	}
	buf_add_z(out, "\n    # The mailboxes whose new mail is filtered.\n"
	    "    mailboxes: [INBOX]\n"
	    "\n    # Whose Authentication-Results to believe: what stands "
	    "before the first\n    # semicolon in those of your mail.\n");
	buf_add_z(out, first_is_gmail(f->imap) ?
	    "    trusted_authserv: mx.google.com\n" :
	    "    # trusted_authserv: mx.example.org\n");
	if (f->maildir.n == 0 && !first_is_gmail(f->imap))
		buf_add_z(out, "\n    # If the server does not mark them; "
		    "tamis doctor says whether it does.\n"
		    "    # archive: Archive\n"
		    "    # trash: Trash\n"
		    "    # spam: Junk\n");
	buf_add_z(out, "\n# How long the history is kept, for log and why.\n"
	    "keep: 30d\n");
}

void first_rules(struct buf *out)
{
	buf_add_z(out,
	    "# Rules: each has a name, a condition (when) and actions (then)."
	    "\n# They are looked at from top to bottom; tamis-rules(5) has all "
	    "words, and\n# tamis-tutorial(7) is the way to begin.\n"
	    "#\n"
	    "#     tamis check                     mistakes\n"
	    "#     tamis test                      runs the tests below\n"
	    "#     tamis run --dry-run --all       what would happen\n"
	    "\n"
	    "version: 1\n"
	    "\n"
	    "rules:\n"
	    "  # Mail of mailing lists gets the name of its list as a label.\n"
	    "  - name: mailing lists\n"
	    "    when: {list_id: {exists: true}}\n"
	    "    then: [{label: lists/$(list_id.local)}]\n"
	    "\n"
	    "  # Take the # away where you want one of these.\n"
	    "  # - name: newsletters\n"
	    "  #   when: {header: {List-Unsubscribe: {exists: true}}}\n"
	    "  #   then: [{label: news}, archive]\n"
	    "  #\n"
	    "  # - name: invoices\n"
	    "  #   when: {subject: invoice}\n"
	    "  #   then: [{label: money}, {mark: starred}]\n"
	    "\n"
	    "tests:\n"
	    "  - name: a list\n"
	    "    message: |\n"
	    "      From: Tom <tom@example.net>\n"
	    "      List-Id: Hackers <hackers.lists.example.org>\n"
	    "      Subject: mend the roof\n"
	    "\n"
	    "      It leaks.\n"
	    "    expect: {rules: [mailing lists], labels: [INBOX, "
	    "lists/hackers]}\n"
	    "  - name: no list\n"
	    "    message: |\n"
	    "      From: Alice <alice@example.org>\n"
	    "      Subject: lunch\n"
	    "\n"
	    "      At noon?\n"
	    "    expect: {rules: []}\n");
}
