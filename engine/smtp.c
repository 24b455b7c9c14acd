#include "smtp.h"

#include <curl/curl.h>

#include "clock.h"
#include "secret.h"

/* What libcurl reads from us, with each line end as CRLF. */
struct upload {
	struct str rest;
	bool after_cr;		/* the last octet given was a CR */
	bool lf;		/* of a CRLF that is half given */
	bool ended;		/* all was given */
	int64_t patience;	/* ms without an octet taken */
	int64_t deadline;	/* clock_ms */
	char text[CURL_ERROR_SIZE];
};

/* ------------------------------------------------------------- the bytes */

/* Mail from a file has bare LF, SMTP knows CRLF only (RFC 5321 2.3.8); a bare
 * CR is made one, too, so that nobody can read another end into it. */
static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
	struct upload *u = arg;
	size_t room = size * n, done = 0;

	u->deadline = clock_ms() + u->patience;
	while (done < room) {
		char c;

		if (u->lf) {
			p[done++] = '\n';
			u->lf = false;
			continue;
		}
		if (u->rest.n == 0)
			break;
		c = u->rest.p[0];
		u->rest = str_sub(u->rest, 1, u->rest.n);
		if (c == '\n' && u->after_cr) {
			u->after_cr = false;	/* was given */
			continue;
		}
		u->after_cr = c == '\r';
		u->lf = c == '\r' || c == '\n';
		p[done++] = u->lf ? '\r' : c;
	}
	u->ended |= done == 0 && room > 0;
	return done;
}

static size_t drop(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n;
}

static int on_progress(void *arg, curl_off_t dt, curl_off_t d, curl_off_t ut,
    curl_off_t u)
{
	const struct upload *up = arg;

	(void)dt;
	(void)d;
	(void)ut;
	(void)u;
	return clock_ms() > up->deadline;
}

/* --------------------------------------------------------------- options */

static void set_server(CURL *curl, const struct account *s)
{
	bool v6 = strchr(s->host, ':') != NULL;
	struct buf url;

	buf_init(&url, 512);
	buf_printf(&url, "%s://%s%s%s:%u/", s->tls == TLS_IMAPS ? "smtps" :
	    "smtp", v6 ? "[" : "", s->host, v6 ? "]" : "",
	    (unsigned)s->port);
	curl_easy_setopt(curl, CURLOPT_URL, buf_z(&url));
	buf_free(&url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	/* CURLUSESSL_TRY would go on in plain text without a word. */
	curl_easy_setopt(curl, CURLOPT_USE_SSL, s->tls == TLS_NONE ?
	    (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER,
	    s->insecure ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST,
	    s->insecure ? 0L : 2L);
	curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
	curl_easy_setopt(curl, CURLOPT_CAPATH,
	    s->ca_file ? NULL : "/etc/ssl/certs");
	if (s->certificate_file) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, s->certificate_file);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, s->key_file ?
		    s->key_file : s->certificate_file);
	}
	curl_easy_setopt(curl, CURLOPT_PROXY, s->proxy ? s->proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
}

static void set_transfer(CURL *curl, const struct account *s,
    struct upload *u)
{
	u->patience = s->timeout * 1000;
	u->deadline = clock_ms() + u->patience;
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)s->timeout * 1000);
	curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
	    (long)s->timeout);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, u->text);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, u);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, u);
}

/* libcurl keeps copies of its own, and frees them with the handle. */
static bool set_login(CURL *curl, const struct account *s, struct err *e)
{
	struct buf secret, options;

	if (!s->user)
		return true;
	curl_easy_setopt(curl, CURLOPT_USERNAME, s->user);
	if (s->mechanism || s->auth == AUTH_EXTERNAL) {
		buf_init(&options, 100);
		buf_printf(&options, "AUTH=%s", s->mechanism ? s->mechanism :
		    "EXTERNAL");
		curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS,
		    buf_z(&options));
		buf_free(&options);
	}
	if (s->auth == AUTH_EXTERNAL)
		return true;
	buf_init(&secret, SECRET_MAX);
	if (!secret_get(s, &secret, e)) {
		buf_wipe_free(&secret);
		return false;
	}
	curl_easy_setopt(curl, s->auth == AUTH_TOKEN ?
	    CURLOPT_XOAUTH2_BEARER : CURLOPT_PASSWORD, buf_z(&secret));
	buf_wipe_free(&secret);
	return true;
}

/* --------------------------------------------------------------- results */

/* The server's last word, if libcurl ended with one. */
static bool refused(long reply, enum err_kind *kind, const char **what)
{
	*kind = reply < 500 ? ERR_TEMP : ERR_MESSAGE;
	*what = reply < 500 ? "the server does not take it now" :
	    "the server refuses it";
	return reply >= 400 && reply < 600;
}

static bool fail(const struct upload *u, CURLcode code, long reply,
    struct err *e)
{
	const char *what = "the network failed";
	enum err_kind kind = ERR_TEMP;
	struct buf said;

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		what = "the name of the host cannot be resolved";
		break;
	case CURLE_COULDNT_CONNECT:
		what = "nothing answers there";
		break;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_ABORTED_BY_CALLBACK:
		what = "no answer in time";
		break;
	case CURLE_LOGIN_DENIED:
		kind = ERR_AUTH;
		what = "the server refuses the login; check `user` and "
		    "`auth`";
		break;
	case CURLE_USE_SSL_FAILED:
		kind = ERR_CONFIG;
		what = "the server does not offer STARTTLS, and nothing is "
		    "sent in plain text; use smtps:// if it has a TLS port";
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		kind = ERR_CONFIG;
		what = "the server's certificate is not valid for this host; "
		    "if it is a private one, name its CA with `ca_file:`";
		break;
	case CURLE_SSL_CONNECT_ERROR:
		kind = ERR_CONFIG;
		what = "TLS cannot be set up; if this port speaks plain text "
		    "first, write smtp:// (STARTTLS) for smtps://";
		break;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		kind = ERR_CONFIG;
		what = "a certificate file cannot be used";
		break;
	default:
		(void)refused(reply, &kind, &what);
	}
	buf_init(&said, 400);
	buf_add_shown(&said, str_of(u->text[0] ? u->text :
	    curl_easy_strerror(code)));
	err_set(e, kind, "%s (libcurl: %s; curl %d)", what, buf_z(&said),
	    (int)code);
	buf_free(&said);
	return false;
}

static bool send_it(CURL *curl, struct upload *u, bool *may_out,
    struct err *e)
{
	const char *what;
	enum err_kind kind;
	long reply = 0;
	CURLcode code = curl_easy_perform(curl);

	if (code == CURLE_OK)
		return true;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
	/* without the dot behind it a message is none (RFC 5321 4.1.1.4) */
	*may_out = u->ended && !refused(reply, &kind, &what);
	return fail(u, code, reply, e);
}

bool smtp_send(const struct account *server, const struct smtp_mail *mail,
    bool *may_out, struct err *e)
{
	struct upload u = { .rest = mail->bytes };
	struct curl_slist *to = NULL;
	CURL *curl = curl_easy_init();
	struct buf from;
	bool ok;

	*may_out = false;
	if (!curl)
		return err_set(e, ERR_TEMP, "libcurl cannot be started");
	buf_init(&from, 300);
	buf_printf(&from, "<%s>", mail->from);
	for (size_t i = 0; mail->to[i]; i++)
		to = curl_slist_append(to, mail->to[i]);
	set_server(curl, server);
	set_transfer(curl, server, &u);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, buf_z(&from));
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	ok = set_login(curl, server, e) && send_it(curl, &u, may_out, e);
	curl_easy_cleanup(curl);
	curl_slist_free_all(to);
	buf_free(&from);
	return ok;
}
