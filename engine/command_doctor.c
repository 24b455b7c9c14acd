#include "accounts.h"

#include "channel.h"
#include "decrypt.h"
#include "log.h"
#include "smime.h"

/* One account that is looked at. */
struct patient {
	struct command_context *c;
	const struct account *account;
	struct journal *journal;	/* NULL: cannot be read */
	struct store *store;
	int code;
	size_t wrong;			/* facts that are not good */
};

static void say_fact(struct patient *p, const char *key, struct str value,
    bool good)
{
	p->wrong += !good;
	report_fact(p->c->report, &(struct report_fact){
		.account = str_of(p->account->name),
		.key = str_of(key),
		.value = value,
		.good = good,
	});
}

/* ADVICE may be empty. */
static void say_error(struct patient *p, const char *key,
    const struct err *e, const char *advice)
{
	say_fact(p, key, arena_printf(p->c->arena, "%s%s", e->msg, advice),
	    false);
	p->code = exit_worst(p->code, e->kind == ERR_MESSAGE ? EXIT_FOUND :
	    exit_of(e->kind));
}

static void say_state(struct patient *p, const struct config *config)
{
	const char *dir = command_state(p->c, config, p->account);
	struct err e = { 0 };

	if (journal_open(dir, account_owner(p->c->arena, p->account),
	    JOURNAL_READ, p->c->now, &p->journal, &e))
		say_fact(p, "state", str_of(dir), true);
	else
		say_error(p, "state", &e, "");
}

static bool say_server(struct patient *p)
{
	struct err e = { 0 };
	struct buf text;
	struct str rest, line;
	bool ok;

	buf_init(&text, 1024 * 1024);
	ok = p->store->kind.describe(p->store, &text, &e);
	rest = buf_str(&text);
	while (ok && str_cut(&rest, '\n', &line))
		say_fact(p, "server", line, true);
	if (!ok)
		say_error(p, "server", &e, "");
	buf_free(&text);
	return ok;
}

static bool say_places(struct patient *p)
{
	static const struct {
		const char *key, *attribute, *advice;
	} places[] = {
		{ "archive", "\\Archive", "; name one in the account "
		    "(`archive:`)" },
		{ "trash", "\\Trash", "; name one in the account "
		    "(`trash:`)" },
		{ "spam", "\\Junk", "; name one in the account (`spam:`)" },
	};

	for (size_t i = 0; i < COUNT(places); i++) {
		struct str name;
		struct err e = { 0 };

		if (p->store->kind.labels == LABELS_GMAIL && i == 0) {
			say_fact(p, places[i].key, STR_LIT("what lacks the "
			    "label \\Inbox"), true);
			continue;
		}
		if (p->store->kind.special(p->store,
		    str_of(places[i].attribute), &name, &e)) {
			say_fact(p, places[i].key, name, true);
			continue;
		}
		say_error(p, places[i].key, &e, places[i].advice);
		if (e.kind != ERR_MESSAGE)
			return false;
	}
	return true;
}

static bool say_mailboxes(struct patient *p)
{
	for (size_t i = 0; i < p->account->n_mailboxes; i++) {
		struct mailbox_state st;
		struct err e = { 0 };
		struct str name = str_of(p->account->mailboxes[i]);

		if (p->store->kind.select(p->store, name, false, &st, &e)) {
			say_fact(p, "mailbox", arena_printf(p->c->arena,
			    "%.*s: %u message%s, UIDVALIDITY %u, UIDNEXT %u, "
			    "%s MODSEQ", STR_ARG(name), st.exists,
			    st.exists == 1 ? "" : "s", st.uidvalidity,
			    st.uidnext, st.modseq ? "with" : "no"), true);
			continue;
		}
		say_error(p, "mailbox", &e, e.kind == ERR_MESSAGE ?
		    "; create it, or name others under `mailboxes:`" : "");
		if (e.kind != ERR_MESSAGE)
			return false;
	}
	return true;
}

/* Who has no secret key need not hear of it. */
static void say_keyring(struct patient *p)
{
	const struct account_pgp *pgp = &p->account->pgp;
	struct decrypt *d = decrypt_make(p->c->arena, p->account, p->c->now);
	bool wanted = pgp->home || pgp->passphrase_command;
	struct err e = { 0 };
	struct buf text;
	size_t keys = 0;

	buf_init(&text, 1000);
	if (!crypt_describe(d->crypt, &text, &keys, &e)) {
		if (wanted)
			say_error(p, "pgp", &e, "");
	} else if (keys || wanted) {
		say_fact(p, "pgp", shown(p->c->arena, buf_str(&text)),
		    keys > 0);
	}
	buf_free(&text);
}

/* Asks for the passphrase, as decrypting would. */
static void say_smime(struct patient *p)
{
	struct smime *s = smime_make(p->c->arena, p->account, p->c->now);
	struct err e = { 0 };
	struct buf text;
	struct str rest, line;

	if (!p->account->smime.key_files)
		return;
	buf_init(&text, 64 * 1024);
	if (!smime_describe(s, p->c->arena, &text, &e))
		say_error(p, "smime", &e, "");
	rest = arena_str(p->c->arena, buf_str(&text));
	while (str_cut(&rest, '\n', &line))
		say_fact(p, "smime", line, true);
	buf_free(&text);
	smime_wipe(s);
}

static void say_channels(struct patient *p, const struct config *config)
{
	for (size_t i = 0; i < config->n_channels; i++) {
		struct str about;
		bool good = channel_look(p->c->arena, &config->channels[i],
		    &about);

		say_fact(p, "notify", about, good);
		if (!good)
			p->code = exit_worst(p->code, EXIT_FOUND);
	}
}

static void say_result(struct patient *p)
{
	if (p->wrong == 0)
		say_fact(p, "result", STR_LIT("all of this works"), true);
	else
		say_fact(p, "result", arena_printf(p->c->arena,
		    "%zu of this needs a look: see above", p->wrong),
		    false);
}

static int doctor_account(struct command_context *c,
    const struct config *config, const struct account *account)
{
	struct patient p = { .c = c, .account = account };
	struct err e = { 0 };

	say_fact(&p, "account", str_of(account_owner(c->arena, account)),
	    true);
	if (account->insecure) {
		say_fact(&p, "tls", STR_LIT("certificates are not checked "
		    "(insecure: true): whoever answers is taken for the "
		    "server"), false);
		p.code = EXIT_FOUND;
	}
	say_state(&p, config);
	if (!accounts_open_store(c->arena, account, p.journal, &p.store, &e))
		say_error(&p, "connect", &e, "");
	else if (say_server(&p) && say_places(&p))
		(void)say_mailboxes(&p);
	say_keyring(&p);
	say_smime(&p);
	say_channels(&p, config);
	say_result(&p);
	store_close(&p.store);
	journal_close(&p.journal);
	return p.code;
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
