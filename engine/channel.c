#include "channel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "desktop.h"
#include "filling.h"
#include "http.h"
#include "letter.h"
#include "smtp.h"

#define ANSWER_MAX	(64 * 1024)	/* octets of a webhook's, for errors */
#define VALUE_MAX	1000		/* octets of a variable */

const char *urgency_name(enum urgency u)
{
	static const char *const names[] = {
		[URGENCY_LOW] = "low", [URGENCY_NORMAL] = "normal",
		[URGENCY_CRITICAL] = "critical",
	};

	return names[u];
}

/* ------------------------------------------------------------------ text */

/* The first N code points; no combining sequence is cut worse than that. */
static struct str head(struct str s, size_t n)
{
	size_t at = 0;

	while (at < s.n && n-- > 0)
		(void)utf8_next(s, &at);
	return str_sub(s, 0, at);
}

/* Each line fit to be shown; blank lines at the end go. */
static struct str shown_lines(struct arena *a, struct str s)
{
	struct str rest = str_trim(utf8_head(s, CHANNEL_BODY_MAX)), line, out;
	struct buf b;

	buf_init(&b, 8 * CHANNEL_BODY_MAX);
	while (str_cut(&rest, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (b.n)
			buf_add_char(&b, '\n');
		buf_add_shown(&b, line);
	}
	out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out;
}

/* N as it may stand anywhere that takes plain text. */
static struct notification safe(struct arena *a, const struct notification *n)
{
	struct notification s = *n;

	s.summary = shown(a, head(n->summary, CHANNEL_SUMMARY_MAX));
	s.body = shown_lines(a, n->body);
	s.icon = shown(a, n->icon);
	s.sound = shown(a, n->sound);
	s.mailbox = shown(a, n->mailbox);
	s.from = shown(a, utf8_head(n->from, VALUE_MAX));
	s.subject = shown(a, utf8_head(n->subject, VALUE_MAX));
	s.message_id = shown(a, utf8_head(n->message_id, VALUE_MAX));
	return s;
}

static void values(struct arena *a, const struct notification *n,
    struct str out[FILLING_N])
{
	out[FILLING_ACCOUNT] = n->account;
	out[FILLING_MAILBOX] = n->mailbox;
	out[FILLING_RULE] = n->rule;
	out[FILLING_UID] = n->uid ? arena_printf(a, "%lu",
	    (unsigned long)n->uid) : STR_EMPTY;
	out[FILLING_SUMMARY] = n->summary;
	out[FILLING_BODY] = n->body;
	out[FILLING_URGENCY] = str_of(urgency_name(n->urgency));
	out[FILLING_ICON] = n->icon;
	out[FILLING_SOUND] = n->sound;
	out[FILLING_FROM] = n->from;
	out[FILLING_SUBJECT] = n->subject;
	out[FILLING_MESSAGE_ID] = n->message_id;
}

static enum channel_end failed(const struct err *e)
{
	return e->kind == ERR_TEMP || e->kind == ERR_PROTO ? CHANNEL_LATER :
	    CHANNEL_REFUSED;
}

/* --------------------------------------------------------------- desktop */

static enum channel_end send_desktop(const struct channel *c,
    const struct notification *n, struct err *e)
{
	struct desktop_note note = {
		.summary = n->summary, .body = n->body,
		.urgency = (uint8_t)n->urgency,
		.icon = n->icon, .sound = n->sound, .sticky = n->sticky,
	};
	bool may;

	if (desktop_notify(&note, (unsigned)c->timeout, &may, e))
		return CHANNEL_SENT;
	return may ? CHANNEL_UNSURE : failed(e);
}

/* --------------------------------------------------------------- command */

static const char *const *environment(struct arena *a,
    const struct notification *n)
{
	const char **env = arena_array(a, FILLING_N + 1, sizeof(*env));
	struct str v[FILLING_N];

	values(a, n, v);
	for (size_t i = 0; i < FILLING_N; i++) {
		char *name = arena_z(a, str_of(filling_names[i]));

		for (char *p = name; *p; p++)
			if (ch_alpha(*p))
				*p = (char)(*p - ('a' - 'A'));
		env[i] = arena_printf(a, "TAMIS_%s=%.*s", name,
		    STR_ARG(utf8_head(v[i], CHANNEL_BODY_MAX))).p;
	}
	return env;
}

static const char *const *arguments(struct arena *a, const struct channel *c,
    const struct notification *n)
{
	const char **argv;
	struct str v[FILLING_N];
	size_t count = 0;

	values(a, n, v);
	while (c->command[count])
		count++;
	argv = arena_array(a, count + 1, sizeof(*argv));
	argv[0] = c->command[0];
	for (size_t i = 1; i < count; i++) {
		struct buf b;

		buf_init(&b, FILLING_MAX);
		filling_add(&b, str_of(c->command[i]), v, false);
		argv[i] = arena_z(a, buf_str(&b));
		buf_free(&b);
	}
	return argv;
}

/* A program that ran says itself whether it told anybody: what came of one
 * that was ended nobody knows. */
static enum channel_end send_command(struct arena *a,
    const struct channel *c, const struct notification *n, struct err *e)
{
	struct child_settings set = {
		.argv = arguments(a, c, n),
		.env = environment(a, n),
		.input = arena_printf(a, "%.*s\n%s%.*s%s",
		    STR_ARG(n->summary), n->body.n ? "\n" : "",
		    STR_ARG(n->body), n->body.n ? "\n" : ""),
		.seconds = (unsigned)c->timeout,
	};
	struct child_result r;
	struct buf why;

	if (!child_run(&set, NULL, &r, e))
		return failed(e);
	if (r.end == CHILD_EXITED && r.status == 0)
		return CHANNEL_SENT;
	buf_init(&why, 200);
	child_text(&why, &set, &r);
	err_set(e, ERR_TEMP, "%s %s", c->command[0], buf_z(&why));
	buf_free(&why);
	return r.end != CHILD_EXITED ? CHANNEL_UNSURE : r.status == 75 ?
	    CHANNEL_LATER : CHANNEL_REFUSED;
}

/* --------------------------------------------------------------- webhook */

static const char default_template[] =
    "{\"title\":\"$(summary)\",\"message\":\"$(body)\","
    "\"urgency\":\"$(urgency)\",\"account\":\"$(account)\","
    "\"mailbox\":\"$(mailbox)\",\"rule\":\"$(rule)\","
    "\"from\":\"$(from)\",\"subject\":\"$(subject)\","
    "\"message_id\":\"$(message_id)\"}";

/* Do the headers of the config say what the body is? */
static bool is_typed(const struct channel *c)
{
	for (size_t i = 0; c->headers && c->headers[i]; i++)
		if (str_istarts(str_of(c->headers[i]),
		    STR_LIT("Content-Type:")))
			return true;
	return false;
}

/* What an answer says about whether it was told: a request that the server
 * put off or refused was not; one at which it failed may have been. */
static enum channel_end answered(unsigned status, struct err *e)
{
	if (status >= 200 && status < 300)
		return CHANNEL_SENT;
	if (status < 400) {
		err_set(e, ERR_CONFIG, "the server sends elsewhere (status "
		    "%u), and that is not followed; write the address that "
		    "it means", status);
		return CHANNEL_REFUSED;
	}
	err_set(e, status < 500 ? ERR_CONFIG : ERR_TEMP,
	    "the server answered with status %u", status);
	if (status == 408 || status == 429 || status == 503)
		return CHANNEL_LATER;
	return status < 500 ? CHANNEL_REFUSED : CHANNEL_UNSURE;
}

static enum channel_end send_webhook(struct arena *a,
    const struct channel *c, const struct notification *n, struct err *e)
{
	struct http_seen seen = { 0 };
	struct http_request q = {
		.url = c->url,
		.headers = c->headers,
		.ca_file = c->server.ca_file,
		.proxy = c->server.proxy,
		.seconds = (unsigned)c->timeout,
		.plain = c->insecure,
		.seen = &seen,
	};
	struct str v[FILLING_N];
	struct err lost = { 0 };
	struct buf body, got;
	unsigned status;

	values(a, n, v);
	buf_init(&body, 1024 * 1024);
	buf_init(&got, ANSWER_MAX);
	filling_add(&body, c->body_template.n ? c->body_template :
	    str_of(default_template), v, true);
	q.body = (struct str){ buf_z(&body), body.n };
	/* an empty one leaves it to the headers */
	q.type = is_typed(c) ? "" : "application/json";
	if (http_ask(&q, &status, &got, &lost))
		seen.status = status;
	buf_free(&body);
	buf_free(&got);
	if (seen.status)	/* what it says besides is not read */
		return answered(seen.status, e);
	*e = lost;
	return seen.sent ? CHANNEL_UNSURE : failed(e);
}

/* ------------------------------------------------------------------ mail */

static enum channel_end send_mail(struct arena *a, const struct channel *c,
    const struct notification *n, struct err *e)
{
	struct letter letter = {
		.from = str_of(c->from), .to = c->to,
		.subject = n->summary, .text = n->body,
		.rule = n->rule, .time = n->time,
	};
	struct smtp_mail mail = { .from = c->from, .to = c->to };
	struct buf bytes;
	bool may, ok;

	buf_init(&bytes, 1024 * 1024);
	letter_write(&bytes, a, &letter);
	mail.bytes = buf_str(&bytes);
	ok = smtp_send(&c->server, &mail, &may, e);
	buf_free(&bytes);
	if (ok)
		return CHANNEL_SENT;
	return may ? CHANNEL_UNSURE : failed(e);
}

/* ------------------------------------------------------------------- all */

enum channel_end channel_send(const struct channel *c,
    const struct notification *n, struct err *e)
{
	struct arena *a = arena_new();
	struct notification s = safe(a, n);
	enum channel_end end = CHANNEL_REFUSED;

	switch (c->kind) {
	case CHANNEL_DESKTOP:
		end = send_desktop(c, &s, e);
		break;
	case CHANNEL_COMMAND:
		end = send_command(a, c, &s, e);
		break;
	case CHANNEL_WEBHOOK:
		end = send_webhook(a, c, &s, e);
		break;
	case CHANNEL_MAIL:
		end = send_mail(a, c, &s, e);
		break;
	}
	if (end != CHANNEL_SENT)
		err_ctx(e, "channel %s", c->name);
	arena_free(&a);
	return end;
}

/* ---------------------------------------------------------------- doctor */

static bool can_start(const char *program)
{
	const char *path = getenv("PATH");
	struct str rest = str_of(path ? path : ""), folder;
	bool found = false;
	struct buf b;

	if (strchr(program, '/'))
		return access(program, X_OK) == 0;
	buf_init(&b, 8192);
	while (!found && str_cut(&rest, ':', &folder)) {
		buf_clear(&b);
		buf_printf(&b, "%.*s/%s", STR_ARG(folder), program);
		found = access(buf_z(&b), X_OK) == 0;
	}
	buf_free(&b);
	return found;
}

bool channel_look(struct arena *a, const struct channel *c,
    struct str *about_out)
{
	struct err e = { 0 };
	struct str about;

	switch (c->kind) {
	case CHANNEL_DESKTOP:
		if (!desktop_server(a, (unsigned)c->timeout, &about, &e)) {
			*about_out = arena_printf(a, "%s: %s", c->name,
			    e.msg);
			return false;
		}
		*about_out = arena_printf(a, "%s: %.*s answers", c->name,
		    STR_ARG(about));
		return true;
	case CHANNEL_COMMAND:
		*about_out = arena_printf(a, can_start(c->command[0]) ?
		    "%s: runs %s" : "%s: there is no program %s", c->name,
		    c->command[0]);
		return can_start(c->command[0]);
	case CHANNEL_WEBHOOK:
		/* the path may be what only the owner knows */
		*about_out = arena_printf(a, "%s: a webhook, not tried%s",
		    c->name, c->insecure ? "; without TLS anybody on the way "
		    "reads it" : "");
		return !c->insecure;
	case CHANNEL_MAIL:
		*about_out = arena_printf(a, "%s: mail to %s by %s, not tried",
		    c->name, c->to[0], c->server.host);
		return true;
	}
	return false;
}
