/* OpenSSL has a type of this name, base an error kind. */
#define ERR_STATE openssl_ERR_STATE
#include <openssl/ssl.h>
#undef ERR_STATE

#include "wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#define CONNECT_S	30
#define RECV_BUFFER	262144L	/* libcurl caps each plain recv by it */
#define LINE_KEPT	65536	/* octets of a preface line worth keeping */

struct wire {
	struct arena *arena;
	const struct wire_ops *ops;
	void *self;
	struct str preface;
	struct wire_counters counters;
};

/* ----------------------------------------------------------- any wire */

struct wire *wire_make(struct arena *a, const struct wire_ops *ops,
    void *self, struct str preface)
{
	struct wire *w = arena_make(a, struct wire);

	w->arena = a;
	w->ops = ops;
	w->self = self;
	w->preface = arena_str(a, preface);
	return w;
}

struct str wire_preface(const struct wire *w)
{
	return w->preface;
}

enum wire_got wire_send(struct wire *w, const void *p, size_t n,
    size_t *done, struct err *e)
{
	enum wire_got got = w->ops->send(w->self, p, n, done, e);

	if (got == WIRE_OK)
		w->counters.sent += *done;
	return got;
}

enum wire_got wire_recv(struct wire *w, void *p, size_t n, size_t *done,
    struct err *e)
{
	enum wire_got got = w->ops->recv(w->self, p, n, done, e);

	if (got == WIRE_OK)
		w->counters.received += *done;
	return got;
}

bool wire_wait(struct wire *w, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	return w->ops->wait(w->self, sending, ms, ready, e);
}

void wire_close(struct wire **w)
{
	if (!w || !*w)
		return;
	(*w)->ops->close((*w)->self);
	*w = NULL;
}

struct wire_counters wire_counters(const struct wire *w)
{
	return w->counters;
}

/* --------------------------------------------------- libcurl connects */

struct connection {
	CURL *curl;
	curl_socket_t fd;
	/* while connecting */
	struct buf greeting, capability, bye;
	unsigned capabilities;	/* CAPABILITY lines seen */
	char text[CURL_ERROR_SIZE];
};

/*
 * What libcurl's codes mean here, and what to do about each.  Codes that
 * come later, while sending and receiving, are in the last rows.
 */
static const struct {
	CURLcode code;
	enum err_kind kind;
	const char *what;
} meanings[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_TEMP,
	    "the name of the host cannot be resolved; check `imap:` and the "
	    "network" },
	{ CURLE_COULDNT_RESOLVE_PROXY, ERR_TEMP,
	    "the name of the proxy cannot be resolved; check `proxy:`" },
	{ CURLE_COULDNT_CONNECT, ERR_TEMP,
	    "nothing answers there; check host and port, or try later" },
	{ CURLE_OPERATION_TIMEDOUT, ERR_TEMP,
	    "no answer in time; with imap:// the port may be one that speaks "
	    "TLS from the start (then write imaps://)" },
	{ CURLE_SSL_CONNECT_ERROR, ERR_CONFIG,
	    "TLS cannot be set up; if this port speaks plain text first, "
	    "write imap:// (STARTTLS) for imaps://" },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_CONFIG,
	    "the server's certificate is not valid for this host; if it is a "
	    "private one, name its CA with `ca_file:`" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_CONFIG,
	    "the CA certificates cannot be read; check `ca_file:` (or the "
	    "package ca-certificates)" },
	{ CURLE_SSL_CERTPROBLEM, ERR_CONFIG,
	    "the client certificate or its key cannot be used; check "
	    "`certificate_file:` and `key_file:`" },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, ERR_CONFIG,
	    "the server's public key is not the pinned one" },
	{ CURLE_SSL_CIPHER, ERR_CONFIG,
	    "no cipher that both sides take" },
	{ CURLE_USE_SSL_FAILED, ERR_CONFIG,
	    "the server does not offer STARTTLS, or refuses it, and nothing "
	    "is sent in plain text; use imaps:// if it has a TLS port" },
	{ CURLE_WEIRD_SERVER_REPLY, ERR_TEMP,
	    "the server greeted with something else than IMAP, turned the "
	    "connection away, or spoke out of turn" },
	{ CURLE_PROXY, ERR_TEMP,
	    "the proxy refused to connect; check `proxy:`" },
	{ CURLE_RECV_ERROR, ERR_TEMP,
	    "the connection broke while receiving (or the proxy refused it); "
	    "try later" },
	{ CURLE_SEND_ERROR, ERR_TEMP,
	    "the connection broke while sending; try later" },
	{ CURLE_GOT_NOTHING, ERR_TEMP,
	    "the server closed without a word; try later" },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_CONFIG,
	    "this libcurl is built without IMAP or without TLS" },
	{ CURLE_URL_MALFORMAT, ERR_CONFIG,
	    "host or port cannot be understood; check `imap:`" },
	{ CURLE_ABORTED_BY_CALLBACK, ERR_TEMP, "stopped on request" },
};

static bool fail(const struct connection *c, CURLcode code, const char *doing,
    struct err *e)
{
	enum err_kind kind = ERR_TEMP;
	const char *what = "the network failed; try later";
	const char *detail = c->text[0] ? c->text : curl_easy_strerror(code);
	struct buf seen;
	struct str said = buf_str(&c->bye), first = buf_str(&c->greeting);

	/* libcurl waits on for a line of IMAP until its time is over */
	if (code == CURLE_OPERATION_TIMEDOUT && first.n &&
	    !str_starts(first, STR_LIT("* "))) {
		code = CURLE_WEIRD_SERVER_REPLY;
		said = first;
	}
	for (size_t i = 0; i < COUNT(meanings); i++)
		if (meanings[i].code == code) {
			kind = meanings[i].kind;
			what = meanings[i].what;
		}
	buf_init(&seen, 400);
	if (said.n)
		buf_add_shown(&seen, str_trim(said));
	else
		buf_add_shown(&seen, str_of(detail));
	err_set(e, kind, "%s: %s (%s: %s; curl %d)", doing, what,
	    said.n ? "server" : "libcurl", buf_z(&seen), (int)code);
	buf_free(&seen);
	return false;
}

/* libcurl hands over each line that the server says until it is connected,
 * and then none. */
static size_t on_line(char *p, size_t size, size_t n, void *arg)
{
	struct connection *c = arg;
	struct str line = { p, size * n };

	if (c->greeting.n == 0)
		buf_add_str(&c->greeting, line);
	else if (str_istarts(line, STR_LIT("* CAPABILITY "))) {
		buf_clear(&c->capability);
		buf_add_str(&c->capability, line);
		c->capabilities++;
	}
	if (str_istarts(line, STR_LIT("* BYE"))) {
		buf_clear(&c->bye);
		buf_add_str(&c->bye, line);
	}
	return size * n;
}

static size_t drop_body(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n;
}

/* The queue of what is to be sent may move and grow between two tries of
 * the same bytes, which OpenSSL takes for a mistake unless told. */
static CURLcode on_tls(CURL *curl, void *ctx, void *arg)
{
	(void)curl;
	(void)arg;
	SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	    SSL_MODE_ENABLE_PARTIAL_WRITE);
	return CURLE_OK;
}

static bool host_is_sane(const char *host)
{
	struct str h = str_of(host);

	if (h.n == 0 || h.n > 255)
		return false;
	for (size_t i = 0; i < h.n; i++)
		if (!ch_alnum(h.p[i]) && !strchr(".-_:", h.p[i]))
			return false;
	return true;
}

bool wire_host_is_loopback(const char *host)
{
	struct str h = str_of(host), part;
	uint64_t n;
	int parts = 0;

	if (str_ieq_z(h, "localhost") || str_eq_z(h, "::1"))
		return true;
	if (!str_starts(h, STR_LIT("127.")))
		return false;
	while (str_cut(&h, '.', &part)) {
		if (!str_u64(part, 255, &n))
			return false;
		parts++;
	}
	return parts == 4;
}

static void set_url(CURL *curl, const struct wire_settings *set)
{
	const char *scheme = set->tls == WIRE_TLS ? "imaps" : "imap";
	unsigned port = set->port ? set->port :
	    set->tls == WIRE_TLS ? 993 : 143;
	bool v6 = strchr(set->host, ':') != NULL;
	struct buf url;

	buf_init(&url, 512);
	buf_printf(&url, "%s://%s%s%s:%u/", scheme, v6 ? "[" : "", set->host,
	    v6 ? "]" : "", port);
	curl_easy_setopt(curl, CURLOPT_URL, buf_z(&url));
	buf_free(&url);
}

static void set_tls(CURL *curl, const struct wire_settings *set)
{
	/* CURLUSESSL_TRY would go on in plain text without a word. */
	curl_easy_setopt(curl, CURLOPT_USE_SSL, set->tls == WIRE_PLAIN ?
	    (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER,
	    set->insecure ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST,
	    set->insecure ? 0L : 2L);
	/* A bundle costs 19 ms and 0.9 MB a connection, the folder 1 to 3
	 * ms, as only what is needed is read. */
	curl_easy_setopt(curl, CURLOPT_CAINFO, set->ca_file);
	curl_easy_setopt(curl, CURLOPT_CAPATH,
	    set->ca_file ? NULL : "/etc/ssl/certs");
	if (set->client_cert) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, set->client_cert);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, set->client_key ?
		    set->client_key : set->client_cert);
	}
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
}

static void set_options(struct connection *c, const struct wire_settings *set)
{
	CURL *curl = c->curl;
	long s = set->connect_s ? (long)set->connect_s : CONNECT_S;

	set_url(curl, set);
	set_tls(curl, set);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	/* Never CURLOPT_TIMEOUT: some versions return 28 at once. */
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, s * 1000);
	curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, s);
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, RECV_BUFFER);
	/* "" keeps libcurl from looking at the environment. */
	curl_easy_setopt(curl, CURLOPT_PROXY, set->proxy ? set->proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, c->text);
	/* What a proxy answers to CONNECT is no greeting. */
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body);
}

static enum wire_got curl_send(void *self, const void *p, size_t n,
    size_t *done, struct err *e)
{
	struct connection *c = self;
	CURLcode code;

	*done = 0;
	c->text[0] = '\0';
	code = curl_easy_send(c->curl, p, n, done);
	if (code == CURLE_AGAIN || (code == CURLE_OK && *done == 0))
		return WIRE_AGAIN;
	if (code == CURLE_OK)
		return WIRE_OK;
	fail(c, code, "sending", e);
	return WIRE_FAILED;
}

static enum wire_got curl_recv(void *self, void *p, size_t n, size_t *done,
    struct err *e)
{
	struct connection *c = self;
	CURLcode code;

	*done = 0;
	c->text[0] = '\0';
	code = curl_easy_recv(c->curl, p, n, done);
	if (code == CURLE_AGAIN)
		return WIRE_AGAIN;
	if (code == CURLE_OK)
		return *done ? WIRE_OK : WIRE_END;
	fail(c, code, "receiving", e);
	return WIRE_FAILED;
}

static bool fd_wait(void *self, bool sending, unsigned ms, bool *ready,
    struct err *e)
{
	struct connection *c = self;
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int n;

	if (sending)
		p.events |= POLLOUT;
	n = poll(&p, 1, ms > INT_MAX ? INT_MAX : (int)ms);
	if (n < 0 && errno != EINTR)
		return err_set(e, ERR_TEMP, "waiting for the server: %s",
		    strerror(errno));
	*ready = n != 0;	/* a signal is an early wake-up */
	return true;
}

static void curl_close(void *self)
{
	struct connection *c = self;

	if (c->curl)
		curl_easy_cleanup(c->curl);
	c->curl = NULL;
	buf_free(&c->greeting);
	buf_free(&c->capability);
	buf_free(&c->bye);
}

static const struct wire_ops curl_ops = {
	curl_send, curl_recv, fd_wait, curl_close,
};

static bool check(const struct wire_settings *set, struct err *e)
{
	if (!set->host || !host_is_sane(set->host) || set->port > 65535)
		return err_set(e, ERR_CONFIG, "host or port cannot be "
		    "understood; check `imap:`");
	if (set->tls == WIRE_PLAIN &&
	    !(set->insecure && wire_host_is_loopback(set->host)))
		return err_set(e, ERR_CONFIG, "%s: a connection without TLS "
		    "is for tests on this machine only, with `insecure`",
		    set->host);
	return true;
}

static bool make_connection(struct connection *c,
    const struct wire_settings *set, struct err *e)
{
	CURLcode code;

	c->curl = curl_easy_init();
	if (!c->curl)
		return err_set(e, ERR_TEMP, "libcurl cannot be started");
	set_options(c, set);
	code = curl_easy_perform(c->curl);
	if (code != CURLE_OK) {
		fail(c, code, "connecting", e);
		return err_ctx(e, "%s", set->host);
	}
	if (curl_easy_getinfo(c->curl, CURLINFO_ACTIVESOCKET, &c->fd) !=
	    CURLE_OK || c->fd == CURL_SOCKET_BAD)
		return err_set(e, ERR_TEMP, "%s: connecting: libcurl gives no "
		    "socket", set->host);
	/* What came before TLS may be anybody's; what is known now must have
	 * been said inside. */
	if (set->tls == WIRE_STARTTLS && c->capabilities < 2)
		buf_clear(&c->capability);
	return true;
}

bool wire_connect(struct arena *a, const struct wire_settings *set,
    struct wire **w_out, struct err *e)
{
	static bool started;
	struct connection *c;
	struct buf preface;

	if (!check(set, e))
		return false;
	if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ERR_TEMP, "libcurl cannot be started");
	started = true;
	c = arena_make(a, struct connection);
	buf_init(&c->greeting, LINE_KEPT);
	buf_init(&c->capability, LINE_KEPT);
	buf_init(&c->bye, LINE_KEPT);
	if (!make_connection(c, set, e)) {
		curl_close(c);
		return false;
	}
	buf_init(&preface, 2 * LINE_KEPT);
	if (!c->greeting.over && !c->capability.over) {
		buf_add_str(&preface, buf_str(&c->greeting));
		buf_add_str(&preface, buf_str(&c->capability));
	}
	*w_out = wire_make(a, &curl_ops, c, buf_str(&preface));
	buf_free(&preface);
	return true;
}
