#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "log.h"
#include "loopback.h"
#include "token.h"

#define SLOW_DOWN_S	5	/* RFC 8628 section 3.5 */
#define SECRET_FILE_MAX	4096

/* One consent that is asked for. */
struct asking {
	struct command_context *c;
	const struct account *account;
	const struct oauth_client *client;
	struct buf secret;		/* the client's */
	struct oauth_tokens tokens;
	int64_t end_ms;
};

static void say(const struct asking *q, const char *key, struct str value)
{
	report_fact(q->c->report, &(struct report_fact){
		.account = str_of(q->account->name),
		.key = str_of(key),
		.value = value,
		.good = true,
	});
}

static void hint(const struct asking *q, const char *text)
{
	report_text(q->c->report, "%s: %s", q->account->name, text);
}

/* ---------------------------------------------------------- by redirect */

static bool get_chance(unsigned char *p, size_t n, struct err *e)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = getrandom(p + at, n - at, 0);

		if (got < 0 && errno != EINTR)
			return err_set(e, ERR_TEMP, "the system gives no "
			    "random numbers: %s", strerror(errno));
		at += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static bool trade_code(struct asking *q, const struct oauth_request *r,
    struct str code, struct err *e)
{
	struct buf form;
	enum oauth_answer got;

	buf_init(&form, OAUTH_FORM_MAX);
	oauth_form_code(&form, q->client, buf_str(&q->secret), r, code);
	got = token_ask(q->c->arena, q->account, buf_str(&form), &q->tokens,
	    e);
	buf_wipe_free(&form);
	return got == OAUTH_GOOD || err_set(e, ERR_PROTO, "the provider "
	    "gives no answer to the code");
}

/* Until an answer to this very request is here; others are anybody's. */
static bool wait_for_code(struct asking *q, struct loopback *l,
    const struct oauth_request *r, struct str *code_out, struct err *e)
{
	struct str what;

	while (loopback_next(l, q->end_ms, &what, e)) {
		struct err mine = { 0 };

		switch (oauth_returned(q->c->arena, r, what, code_out,
		    &mine)) {
		case OAUTH_CODE:
			return true;
		case OAUTH_DENIED:
			*e = mine;
			loopback_answer(l, false, "No consent",
			    "See the terminal for what was said.");
			return false;
		case OAUTH_STRANGE:
			log_line(LOG_WARN, "%s: %s; still waiting",
			    q->account->name, mine.msg);
			loopback_answer(l, false, "Not this one",
			    "This is no answer to what tamis asks for now.");
		}
	}
	return false;
}

static bool by_redirect(struct asking *q, struct err *e)
{
	unsigned char chance[OAUTH_CHANCE];
	struct oauth_request r;
	struct loopback *l;
	struct str code;
	bool ok;

	if (!get_chance(chance, sizeof(chance), e) ||
	    !loopback_open(q->c->arena, STDIN_FILENO, &l, e))
		return false;
	oauth_ask(q->c->arena, q->client, loopback_port(l), chance, &r);
	wipe(chance, sizeof(chance));
	say(q, "open", r.address);
	hint(q, "open this address in a browser and give consent; if the "
	    "browser is on another machine, it ends on a page that cannot "
	    "be shown: paste the address of that page here");
	ok = wait_for_code(q, l, &r, &code, e);
	if (ok) {
		ok = trade_code(q, &r, code, e);
		loopback_answer(l, ok, ok ? "Done" : "It did not work",
		    ok ? "tamis has its token. You may close this window." :
		    "See the terminal for what was said.");
	}
	loopback_close(&l);
	return ok;
}

/* ------------------------------------------------------------ by device */

static void pause_s(unsigned seconds)
{
	struct timespec t = { .tv_sec = seconds };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		continue;
}

/* RFC 8628 section 3.5: slower when asked to, and after a time-out. */
static bool poll_device(struct asking *q, const struct oauth_device *d,
    struct err *e)
{
	unsigned interval = d->interval;
	int64_t end = clock_ms() + d->lasts * 1000;
	enum oauth_answer got;
	struct buf form;
	struct err mine;

	if (end > q->end_ms)
		end = q->end_ms;
	buf_init(&form, OAUTH_FORM_MAX);
	oauth_form_poll(&form, q->client, buf_str(&q->secret),
	    buf_str(&d->device_code));
	do {
		err_clear(&mine);
		got = OAUTH_PENDING;
		if (clock_ms() + (int64_t)interval * 1000 >= end) {
			err_set(e, ERR_AUTH, "nobody gave consent in time; "
			    "begin again");
			break;
		}
		pause_s(interval);
		got = token_ask(q->c->arena, q->account, buf_str(&form),
		    &q->tokens, &mine);
		if (got == OAUTH_SLOW_DOWN)
			interval += SLOW_DOWN_S;
		else if (mine.kind == ERR_TEMP)
			interval *= 2;
	} while (got == OAUTH_PENDING || got == OAUTH_SLOW_DOWN ||
	    mine.kind == ERR_TEMP);
	buf_wipe_free(&form);
	if (got == OAUTH_BAD)
		*e = mine;
	return got == OAUTH_GOOD;
}

static bool by_device(struct asking *q, struct err *e)
{
	struct oauth_device d;
	bool ok;

	if (!q->client->device_endpoint)
		return err_set(e, ERR_USAGE, "--device: %s; leave it out",
		    oauth_no_device(q->client));
	oauth_device_init(&d);
	ok = token_ask_device(q->c->arena, q->account, &d, e);
	if (ok) {
		say(q, "open", d.address);
		say(q, "code", d.user_code);
		if (d.complete.n > 0)
			say(q, "or open", d.complete);
		hint(q, "open the address in a browser, on any machine, "
		    "enter the code and give consent");
		ok = poll_device(q, &d, e);
	}
	oauth_device_wipe(&d);
	return ok;
}

/* --------------------------------------------------------------- result */

static void say_result(const struct asking *q)
{
	const struct oauth_tokens *t = &q->tokens;

	if (t->missing.n > 0)
		log_line(LOG_WARN, "%s: the provider has not granted: %.*s",
		    q->account->name, STR_ARG(t->missing));
	if (t->refresh.n == 0)
		hint(q, "the provider gave no token to refresh this one "
		    "with: consent will be needed again when it expires "
		    "(does `auth.scope` lack offline_access?)");
	say(q, "result", arena_printf(q->c->arena, "the token is stored; "
	    "tamis doctor -a %s tries it", q->account->name));
}

static int ask(struct asking *q)
{
	struct err e = { 0 };
	bool ok;

	q->end_ms = clock_ms() + q->account->limits->consent * 1000;
	buf_init(&q->secret, SECRET_FILE_MAX);
	oauth_tokens_init(&q->tokens);
	ok = token_client_secret(q->account, &q->secret, &e) &&
	    (q->c->options->device ? by_device(q, &e) : by_redirect(q, &e)) &&
	    token_store(q->account, &q->tokens, &e);
	if (ok)
		say_result(q);
	else
		log_err(q->account->name, &e);
	buf_wipe_free(&q->secret);
	oauth_tokens_wipe(&q->tokens);
	return ok ? EXIT_DONE : exit_of(e.kind);
}

int command_auth(struct command_context *c)
{
	const char *name = c->options->operands[0];
	const struct account *account;
	const struct config *config;
	int code = EXIT_DONE;

	config = command_config(c, &code);
	if (!config)
		return code;
	account = command_account(c, config, name);
	if (!account)
		return EXIT_USAGE;
	if (account->auth != AUTH_OAUTH || account->kind != ACCOUNT_IMAP) {
		log_line(LOG_ERROR, "%s: this account does not log in with "
		    "`oauth2`; see auth in tamis-config(5)", name);
		return EXIT_USAGE;
	}
	return ask(&(struct asking){ .c = c, .account = account,
	    .client = &account->oauth });
}
