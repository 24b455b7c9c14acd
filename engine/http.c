#include "http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

#define SECONDS_DEFAULT	30

/* ------------------------------------------------------------ addresses */

static bool url_chars(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7F ||
		    strchr("\"<>\\^`{|}#", s.p[i]))
			return false;
	return true;
}

struct str http_host(const char *url)
{
	struct str s = str_of(url);
	size_t from = 0;

	while (from < s.n && !str_starts(str_sub(s, from, s.n),
	    STR_LIT("://")))
		from++;
	s = str_sub(s, from + 3, s.n);
	s.n = str_find_char(s, 0, '/');
	s.n = str_find_char(s, 0, '?');
	return s;
}

/* Not "localhost": whose that is the resolver says. */
static bool is_literal_loopback(struct str host)
{
	char name[64];

	if (str_starts(host, STR_LIT("[::1]")))
		return host.n == 5 || host.p[5] == ':';
	host.n = str_find_char(host, 0, ':');
	if (host.n >= sizeof(name) || !str_starts(host, STR_LIT("127.")))
		return false;
	memcpy(name, host.p, host.n);
	name[host.n] = '\0';
	return wire_host_is_loopback(name);
}

static const char *url_wrong(const char *url, bool plain_ok)
{
	struct str s = str_of(url), host = http_host(url);
	bool plain = str_istarts(s, STR_LIT("http://"));

	if (!plain && !str_istarts(s, STR_LIT("https://")))
		return "must begin with https://";
	if (s.n > HTTP_URL_MAX || !url_chars(s))
		return "must be an address without blanks, quotes and "
		    "fragment, of a sane length";
	if (host.n == 0 || host.p[0] == ':')
		return "names no host";
	if (str_find_char(host, 0, '@') < host.n)
		return "must have no user before the host";
	if (plain && !plain_ok && !is_literal_loopback(host))
		return "must be https://; http:// is for 127.0.0.1 and "
		    "[::1] only";
	return NULL;
}

const char *http_url_wrong(const char *url)
{
	return url_wrong(url, false);
}

/* -------------------------------------------------------------- libcurl */

/* What libcurl's codes mean here; all others are the network's. */
static const struct {
	CURLcode code;
	enum err_kind kind;
	const char *what;
} meanings[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_TEMP,
	    "the name of the host cannot be resolved" },
	{ CURLE_COULDNT_RESOLVE_PROXY, ERR_TEMP,
	    "the name of the proxy cannot be resolved; check `proxy:`" },
	{ CURLE_COULDNT_CONNECT, ERR_TEMP, "nothing answers there" },
	{ CURLE_OPERATION_TIMEDOUT, ERR_TEMP, "no whole answer in time" },
	{ CURLE_SSL_CONNECT_ERROR, ERR_CONFIG, "TLS cannot be set up" },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_CONFIG,
	    "the certificate is not valid for this host; if it is a private "
	    "one, name its CA with `ca_file:`" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_CONFIG,
	    "the CA certificates cannot be read; check `ca_file:` (or the "
	    "package ca-certificates)" },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_CONFIG,
	    "this libcurl is built without HTTP or without TLS" },
	{ CURLE_URL_MALFORMAT, ERR_CONFIG,
	    "the address cannot be understood" },
	{ CURLE_FILESIZE_EXCEEDED, ERR_TEMP, "the answer is too long" },
	{ CURLE_WRITE_ERROR, ERR_TEMP, "the answer is too long" },
};

static bool fail(const char *url, CURLcode code, const char *text,
    struct err *e)
{
	enum err_kind kind = ERR_TEMP;
	const char *what = "the network failed";
	struct buf seen;

	for (size_t i = 0; i < COUNT(meanings); i++)
		if (meanings[i].code == code) {
			kind = meanings[i].kind;
			what = meanings[i].what;
		}
	buf_init(&seen, 300);
	buf_add_shown(&seen, str_of(text[0] ? text :
	    curl_easy_strerror(code)));
	err_set(e, kind, "%.*s: %s (libcurl: %s; curl %d)",
	    STR_ARG(http_host(url)), what, buf_z(&seen), (int)code);
	buf_free(&seen);
	return false;
}

/* Less than it was given ends the transfer. */
static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct buf *out = arg;

	buf_add(out, p, size * n);
	return out->over ? 0 : size * n;
}

/* False: out of memory. */
static bool add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

static bool add_headers(struct curl_slist **list,
    const struct http_request *r)
{
	char type[200];

	/* Asks no leave to send the body. */
	if (!add_header(list, "Expect:"))
		return false;
	snprintf(type, sizeof(type), "Content-Type: %s", r->type ? r->type :
	    "");
	if (r->type && !add_header(list, type))
		return false;
	for (size_t i = 0; r->headers && r->headers[i]; i++)
		if (!add_header(list, r->headers[i]))
			return false;
	return true;
}

static void set_options(CURL *curl, const struct http_request *r,
    struct buf *out, char *text)
{
	long s = r->seconds ? (long)r->seconds : SECONDS_DEFAULT;

	curl_easy_setopt(curl, CURLOPT_URL, r->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, s * 1000);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAINFO, r->ca_file);
	curl_easy_setopt(curl, CURLOPT_CAPATH,
	    r->ca_file ? NULL : "/etc/ssl/certs");
	/* "" keeps libcurl from looking at the environment. */
	curl_easy_setopt(curl, CURLOPT_PROXY, r->proxy ? r->proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "tamis");
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)out->max);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	if (!r->type)
		return;
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)r->body.n);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body.p);
}

static struct http_seen seen_of(CURL *curl)
{
	long sent = 0, status = 0;

	curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return (struct http_seen){ sent > 0,
	    status >= 200 ? (unsigned)status : 0 };
}

static bool ask_with(CURL *curl, const struct http_request *r,
    unsigned *status_out, struct buf *out, struct err *e)
{
	char text[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	long status = 0;
	CURLcode code;
	bool ok = add_headers(&headers, r);

	set_options(curl, r, out, text);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = ok ? curl_easy_perform(curl) : CURLE_OUT_OF_MEMORY;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (r->seen)
		*r->seen = seen_of(curl);
	if (code != CURLE_OK)
		return fail(r->url, code, text, e);
	*status_out = (unsigned)status;
	return true;
}

bool http_ask(const struct http_request *r, unsigned *status_out,
    struct buf *out, struct err *e)
{
	const char *wrong = url_wrong(r->url, r->plain);
	static bool started;
	CURL *curl;
	bool ok;

	if (wrong)
		return err_set(e, ERR_CONFIG, "an address %s", wrong);
	if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ERR_TEMP, "libcurl cannot be started");
	started = true;
	curl = curl_easy_init();
	if (!curl)
		return err_set(e, ERR_TEMP, "libcurl cannot be started");
	ok = ask_with(curl, r, status_out, out, e);
	curl_easy_cleanup(curl);
	return ok;
}
