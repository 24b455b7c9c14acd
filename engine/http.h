/*
 * http - one small question over HTTP, by libcurl.
 *
 * For a form to a token endpoint or a note to a webhook: one request, one
 * answer in memory, a deadline for all of it.  TLS with verification; plain
 * http:// only to a literal loopback address, or where the caller says so.
 * Redirects are not followed (the status says that there was one), no
 * cookies, nothing kept between two calls, and the environment is not looked
 * at (proxies, .netrc).
 *
 * Life:   one call; what it is given is borrowed until it returns.
 * Errors: ERR_TEMP for what may work later (network, DNS, time-out), and
 *         ERR_CONFIG for what will not until somebody acts (certificate, an
 *         address that cannot be understood).  An answer with any status is
 *         a result and no error.  No message holds more of the address than
 *         its host.
 *
 * The body that is sent is not copied here, and the answer goes into the
 * caller's buffer, to be wiped there; what libcurl and OpenSSL have in their
 * buffers on the way is freed, not wiped.
 */
#ifndef TAMIS_HTTP_H
#define TAMIS_HTTP_H

#include "../rules/base.h"

#define HTTP_URL_MAX	2048	/* octets */

struct http_request {
	const char *url;	/* http_url_good */
	struct str body;	/* POST */
	const char *type;	/* of the body; NULL: a GET without one */
	const char *const *headers;	/* "Name: value" without line ends,
				 * NULL at the end; may be NULL */
	const char *ca_file;	/* PEM bundle instead of /etc/ssl/certs */
	const char *proxy;	/* as wire_settings has it */
	unsigned seconds;	/* for all of it; 0: 30 */
	bool plain;		/* http:// will do for any host */
	struct http_seen *seen;	/* filled in, also on failure; or NULL */
};

/* What is known of a request that failed. */
struct http_seen {
	bool sent;		/* some of it left */
	unsigned status;	/* of an answer that was cut; 0: none */
};

/*
 * OUT is initialised by the caller, and the answer's body may be as long as
 * its maximum; a longer one is ERR_TEMP.
 */
MUST_USE bool http_ask(const struct http_request *r, unsigned *status_out,
    struct buf *out, struct err *e);

/*
 * Can URL be asked?  https://, or http:// and 127.0.0.0/8 or [::1]; a host;
 * printable ASCII without blanks and quotes; no user, no fragment.  What is
 * wrong with it, or NULL.
 */
const char *http_url_wrong(const char *url);

/* HOST[:PORT] of a good URL, for messages. */
struct str http_host(const char *url);

#endif
