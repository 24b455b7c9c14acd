#include "imap_session.h"

#include <string.h>

#include "gmail.h"
#include "sasl.h"

/* --------------------------------------------------------------- login */

struct login {
	struct imap_answer answer;	/* first: see plain_lost */
	struct sasl *sasl;
	bool ir_due;		/* the first "+" wants the initial response */
};

static bool respond(struct imap *s, struct command *c, struct str challenge,
    bool initial, struct err *e)
{
	struct login *l = c->job;
	struct buf raw;
	bool good;

	buf_init(&raw, SASL_MESSAGE_MAX);
	session_presize(&raw, 2 * IMAP_SECRET_MAX);
	good = sasl_step(l->sasl, challenge, &raw, e);
	if (good && initial && raw.n == 0)
		buf_add_char(&c->text, '=');	/* RFC 4959 section 3 */
	if (good)
		sasl_base64(buf_str(&raw), &c->text);
	buf_wipe_free(&raw);
	(void)s;
	return good;
}

static bool auth_more(struct imap *s, struct command *c, struct str text,
    struct err *e)
{
	struct login *l = c->job;
	struct buf challenge;
	bool good;

	buf_init(&challenge, SASL_MESSAGE_MAX);
	good = l->ir_due || sasl_unbase64(str_trim(text), &challenge);
	if (!good)
		err_set(e, ERR_PROTO, "the server's challenge is not base64");
	l->ir_due = false;
	good = good && respond(s, c, buf_str(&challenge), false, e);
	buf_free(&challenge);
	if (!good)
		return false;
	buf_add_z(&c->text, "\r\n");
	session_close_piece(c);
	c->sent = false;
	s->sending = c;		/* nothing else is queued during a login */
	return true;
}

static bool auth_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	struct login *l = c->job;

	(void)s;
	session_answer(&l->answer, c->arena, r);
	return l->answer.end != IMAP_OK || !l->sasl ||
	    sasl_finish(l->sasl, e);
}

static bool queue_auth(struct imap *s, struct login *l,
    enum sasl_mechanism m, struct err *e)
{
	struct command *c = session_plain(s, s->arena, l);

	c->secret = true;
	session_presize(&c->text, 4 * IMAP_SECRET_MAX);
	c->more = auth_more;
	c->end = auth_end;
	buf_printf(&c->text, "%s AUTHENTICATE %s", c->tag, sasl_name(m));
	l->ir_due = !imap_has(s, IMAP_CAP_SASL_IR);
	if (!l->ir_due) {
		buf_add_char(&c->text, ' ');
		if (!respond(s, c, STR_EMPTY, true, e)) {
			session_drop(s, c);
			return false;
		}
	}
	return session_queue(s, c, e);
}

static bool queue_login(struct imap *s, struct login *l, struct str user,
    struct str secret, struct err *e)
{
	struct command *c;

	if (!session_sayable(user) || !session_sayable(secret))
		return err_set(e, ERR_AUTH, "user name or password holds a "
		    "NUL or a line end");
	c = session_plain(s, s->arena, l);
	c->secret = true;
	session_presize(&c->text, 4 * IMAP_SECRET_MAX);
	c->end = auth_end;
	buf_printf(&c->text, "%s LOGIN ", c->tag);
	session_put_string(s, c, user);
	buf_add_char(&c->text, ' ');
	session_put_string(s, c, secret);
	return session_queue(s, c, e);
}

/* Ways to log in, best first.  LOGIN is a command, not a mechanism. */
static const struct way {
	const char *name;
	enum imap_auth auth;
	enum imap_cap cap;	/* LOGINDISABLED: when that is missing */
	enum sasl_mechanism mechanism;
} ways[] = {
	{ "SCRAM-SHA-256", IMAP_AUTH_PASSWORD, IMAP_CAP_AUTH_SCRAM_SHA_256,
	    SASL_SCRAM_SHA_256 },
	{ "SCRAM-SHA-1", IMAP_AUTH_PASSWORD, IMAP_CAP_AUTH_SCRAM_SHA_1,
	    SASL_SCRAM_SHA_1 },
	{ "PLAIN", IMAP_AUTH_PASSWORD, IMAP_CAP_AUTH_PLAIN, SASL_PLAIN },
	{ "LOGIN", IMAP_AUTH_PASSWORD, IMAP_CAP_LOGINDISABLED, SASL_PLAIN },
	{ "OAUTHBEARER", IMAP_AUTH_TOKEN, IMAP_CAP_AUTH_OAUTHBEARER,
	    SASL_OAUTHBEARER },
	{ "XOAUTH2", IMAP_AUTH_TOKEN, IMAP_CAP_AUTH_XOAUTH2, SASL_XOAUTH2 },
	{ "EXTERNAL", IMAP_AUTH_EXTERNAL, IMAP_CAP_AUTH_EXTERNAL,
	    SASL_EXTERNAL },
};

static const struct way *choose(struct imap *s,
    const struct imap_settings *set, struct err *e)
{
	struct buf offered;

	for (size_t i = 0; i < COUNT(ways); i++) {
		bool has = imap_has(s, ways[i].cap);

		if (ways[i].cap == IMAP_CAP_LOGINDISABLED)
			has = !has;
		if (has && ways[i].auth == set->auth && (!set->mechanism ||
		    str_ieq_z(str_of(set->mechanism), ways[i].name)))
			return &ways[i];
	}
	buf_init(&offered, SHOWN_MAX);
	buf_add_shown(&offered, str_sub(buf_str(&s->caps_text), 0,
	    SHOWN_MAX));
	err_set(e, ERR_AUTH, "the server offers no way to log in that the "
	    "account allows (%s%s); it offers: %s",
	    set->mechanism ? "only " : "", set->mechanism ? set->mechanism :
	    set->auth == IMAP_AUTH_TOKEN ? "an OAuth token" :
	    set->auth == IMAP_AUTH_EXTERNAL ? "a client certificate" :
	    "a password", buf_z(&offered));
	buf_free(&offered);
	return NULL;
}

static bool is_gmail(const struct imap *s, const struct imap_settings *set)
{
	return imap_has(s, IMAP_CAP_X_GM_EXT_1) ||
	    gmail_is_host(str_of(set->wire.host));
}

/* What Google says when it is not about the password or token; and what to
 * do then. */
static const struct known_refusal {
	const char *words;
	enum err_kind kind;
	const char *advice;
} known_refusals[] = {
	{ "Application-specific password required", ERR_AUTH, "Gmail takes "
	    "no account's password here: make an app password at that "
	    "address and give it as the password" },
	{ "log in via your web browser", ERR_AUTH, "Google wants to see you "
	    "in a web browser first: log in at that address, then run again" },
	{ "Web login required", ERR_AUTH, "Google wants to see you in a web "
	    "browser first: log in there, then run again" },
	{ "not enabled for IMAP", ERR_AUTH, "switch IMAP on in Gmail's "
	    "settings, Forwarding and POP/IMAP (at a company its "
	    "administrator may have to allow it)" },
	{ "Too many simultaneous connections", ERR_TEMP, "Gmail allows 15 "
	    "at a time: close other mail programs, or wait some minutes" },
};

static const struct known_refusal *known_refusal(const struct login *l)
{
	struct buf text;
	const struct known_refusal *found = NULL;

	buf_init(&text, SHOWN_MAX);
	buf_add_str(&text, l->answer.text);
	for (size_t i = 0; i < COUNT(known_refusals) && !found; i++)
		if (strstr(buf_z(&text), known_refusals[i].words))
			found = &known_refusals[i];
	buf_free(&text);
	return found;
}

/* REASON is the challenge that tells of an error, as JSON (Google's XOAUTH2,
 * RFC 7628 section 3.2.2). */
static const char *token_advice(const char *reason)
{
	if (strstr(reason, "\"400\""))
		return "the token cannot be read: `auth.token_command` "
		    "prints the access token alone, in one line";
	if (strstr(reason, "\"scope\""))
		return "check `user`, and that the token has not expired and "
		    "is for it and for that scope";
	return "check `user`, and that the token is for it and for IMAP";
}

/* What to do about it. */
static const char *advice(const struct imap *s,
    const struct imap_settings *set, const char *reason)
{
	switch (set->auth) {
	case IMAP_AUTH_PASSWORD:
		return is_gmail(s, set) ? "check `user`; Gmail takes no "
		    "account's password here: make an app password, or use "
		    "`auth.token_command`" : "check `user` and the password";
	case IMAP_AUTH_TOKEN:
		return set->advice ? set->advice : token_advice(reason);
	case IMAP_AUTH_EXTERNAL:
		return "check `user` and `tls.certificate_file`";
	}
	return "";
}

static bool login_refused(struct imap *s, const struct imap_settings *set,
    const struct login *l, struct err *e)
{
	struct str reason = l->sasl ? sasl_reason(l->sasl) : STR_EMPTY;
	const struct known_refusal *known = known_refusal(l);
	bool passing = l->answer.temporary;
	struct buf seen;

	buf_init(&seen, SHOWN_MAX);
	buf_add_shown(&seen, reason);
	if (s->web_login.n)
		buf_printf(&seen, "%s%.*s", seen.n ? "; " : "",
		    STR_ARG(s->web_login));
	err_set(e, known ? known->kind : passing ? ERR_TEMP : ERR_AUTH,
	    "the server refuses the login of %s (%s): %.*s%s%s%s%s",
	    set->user ? set->user : "?", s->mechanism,
	    STR_ARG(l->answer.text), seen.n ? "; " : "", buf_z(&seen),
	    known || !passing ? "; " : "", known ? known->advice :
	    passing ? "" : advice(s, set, buf_z(&seen)));
	e->is_lasting = s->spent;
	buf_free(&seen);
	return false;
}

static bool login_with(struct imap *s, const struct imap_settings *set,
    const struct way *way, struct str secret, struct err *e)
{
	struct str user = str_of(set->user);
	struct sasl_login who = { .user = user, .secret = secret,
		.host = str_of(set->wire.host),
		.port = set->wire.port ? set->wire.port : 993 };
	struct login l = { .answer.text = STR_EMPTY };
	bool good;

	s->mechanism = way->name;
	s->caps_fresh = false;
	if (way->cap == IMAP_CAP_LOGINDISABLED) {
		good = queue_login(s, &l, user, secret, e);
	} else {
		l.sasl = sasl_make(s->arena, way->mechanism, &who);
		good = queue_auth(s, &l, way->mechanism, e);
	}
	good = good && imap_wait(s, e);
	if (good && l.answer.end != IMAP_OK)
		good = login_refused(s, set, &l, e);
	sasl_wipe(l.sasl);
	return good;
}

static bool login(struct imap *s, const struct imap_settings *set,
    struct err *e)
{
	const struct way *way = choose(s, set, e);
	struct buf secret;
	bool good;

	if (!way)
		return false;
	buf_init(&secret, IMAP_SECRET_MAX);
	session_presize(&secret, IMAP_SECRET_MAX);
	good = way->auth == IMAP_AUTH_EXTERNAL ||
	    set->secret(set->secret_arg, &secret, e);
	if (good && secret.over)
		good = err_set(e, ERR_AUTH, "the password or token is too "
		    "long");
	good = good && login_with(s, set, way, buf_str(&secret), e);
	buf_wipe_free(&secret);
	return good;
}

static bool ask_caps(struct imap *s, struct err *e)
{
	struct imap_plain job = { .answer.text = STR_EMPTY };
	struct command *c = session_plain(s, s->arena, &job);

	buf_add_z(&c->text, "CAPABILITY");
	return session_queue(s, c, e) && imap_wait(s, e) &&
	    imap_answered(&job.answer, ERR_PROTO, e, "CAPABILITY");
}

static bool compress_end(struct imap *s, struct command *c,
    const struct imap_reply *r, struct err *e)
{
	(void)c;
	(void)e;
	s->compress_now = r->status == IMAP_STATUS_OK;
	return true;
}

static bool compress(struct imap *s, const struct imap_settings *set,
    struct err *e)
{
	struct command *c;
	bool wanted = set->compress == IMAP_COMPRESS_ON ||
	    (set->compress == IMAP_COMPRESS_AUTO &&
	    !(set->wire.host && wire_host_is_loopback(set->wire.host)));

	if (!wanted || !imap_has(s, IMAP_CAP_COMPRESS_DEFLATE))
		return true;
	c = session_plain(s, s->arena, NULL);
	c->end = compress_end;
	c->lost = NULL;
	buf_add_z(&c->text, "COMPRESS DEFLATE");
	return session_queue(s, c, e) && imap_wait(s, e);
}

static bool greeting(struct imap *s, const struct imap_settings *set,
    struct err *e)
{
	struct str preface = wire_preface(s->wire);

	if (!session_take_in(s, preface, e))
		return session_die(s, e);
	/* What was said before STARTTLS may be anybody's words; the preface
	 * has a CAPABILITY only if it came afterwards. */
	if (preface.n && set->wire.tls == WIRE_STARTTLS &&
	    str_find_char(preface, 0, '\n') + 1 >= preface.n)
		s->caps_known = false;
	if (!session_pump(s, e))
		return false;
	if (s->preauth && set->wire.tls == WIRE_STARTTLS)
		return err_set(e, ERR_CONFIG, "the server has logged in "
		    "somebody before STARTTLS: refused");
	return true;
}

bool session_log_in(struct imap *s, const struct imap_settings *set,
    struct err *e)
{
	if (!greeting(s, set, e) || (!s->caps_known && !ask_caps(s, e)))
		return false;
	if (!s->preauth && !login(s, set, e))
		return false;
	/* RFC 3501 6.2.2: they may be others now. */
	if (!s->preauth && !s->caps_fresh && !ask_caps(s, e))
		return false;
	return compress(s, set, e);
}
