#include "accounts.h"

#include "log.h"

static void say_fact(struct command_context *c,
    const struct account *account, const char *key, struct str value,
    bool good)
{
	report_fact(c->report, &(struct report_fact){
		.account = str_of(account->name),
		.key = str_of(key),
		.value = value,
		.good = good,
	});
}

static void say_mailboxes(struct command_context *c,
    const struct account *account, struct store *s, int *code)
{
	for (size_t i = 0; i < account->n_mailboxes; i++) {
		struct mailbox_state st;
		struct err e = { 0 };
		struct str name = str_of(account->mailboxes[i]);

		if (!s->kind.select(s, name, false, &st, &e)) {
			say_fact(c, account, "mailbox", str_of(e.msg), false);
			*code = exit_worst(*code, EXIT_FOUND);
			continue;
		}
		say_fact(c, account, "mailbox", arena_printf(c->arena,
		    "%.*s: %u messages, UIDVALIDITY %u, UIDNEXT %u, %s",
		    STR_ARG(name), st.exists, st.uidvalidity, st.uidnext,
		    st.modseq ? "with MODSEQ" : "no MODSEQ"), true);
	}
}

static void say_places(struct command_context *c,
    const struct account *account, struct store *s)
{
	static const struct {
		const char *key, *attribute;
	} places[] = {
		{ "archive", "\\Archive" },
		{ "trash", "\\Trash" },
		{ "spam", "\\Junk" },
	};

	for (size_t i = 0; i < COUNT(places); i++) {
		struct str name;
		struct err e = { 0 };

		if (s->kind.special(s, str_of(places[i].attribute), &name,
		    &e))
			say_fact(c, account, places[i].key, name, true);
		else
			say_fact(c, account, places[i].key, arena_printf(
			    c->arena, "%s; name one in the account (`%s:`)",
			    e.msg, places[i].key), false);
	}
}

static int doctor_account(struct command_context *c,
    const struct config *config, const struct account *account)
{
	struct err e = { 0 };
	struct store *s = NULL;
	struct buf text;
	int code = EXIT_DONE;
	struct str rest, line;

	(void)config;
	buf_init(&text, 1024 * 1024);
	say_fact(c, account, "account", str_of(account_owner(c->arena,
	    account)), true);
	if (account->insecure)
		say_fact(c, account, "tls", STR_LIT("certificates are not "
		    "checked (insecure: true)"), false);
	if (!accounts_open_store(c->arena, account, NULL, &s, &e)) {
		say_fact(c, account, "connect", str_of(e.msg), false);
		code = exit_of(e.kind);
		goto out;
	}
	if (!s->kind.describe(s, &text, &e)) {
		say_fact(c, account, "server", str_of(e.msg), false);
		code = exit_of(e.kind);
		goto out;
	}
	rest = buf_str(&text);
	while (str_cut(&rest, '\n', &line))
		say_fact(c, account, "server", line, true);
	say_places(c, account, s);
	say_mailboxes(c, account, s, &code);
out:
	store_close(&s);
	buf_free(&text);
	return code;
}

int command_doctor(struct command_context *c)
{
	const struct config *config;
	const struct account **list;
	size_t n;
	int code = EXIT_DONE;

	config = command_config(c, &code);
	if (!config || !command_accounts(c, config, &list, &n, &code))
		return code;
	if (n == 0) {
		log_line(LOG_ERROR, "there is no account to look at; see "
		    "tamis-config(5)");
		return EXIT_USAGE;
	}
	return accounts_each(c, config, list, n, doctor_account);
}
