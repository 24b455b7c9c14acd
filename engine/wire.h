/*
 * wire - a byte stream with a deadline.
 *
 * The only room that knows libcurl's connect-only transport.  wire_connect
 * does DNS, TCP, SOCKS and HTTP proxies, TLS with verification, STARTTLS,
 * the IMAP greeting and CAPABILITY, and stops there; what comes after is
 * the caller's to speak.  `struct wire_ops` is the seam: deflate lays a
 * compressing stream over another one, tests put a scripted peer there.
 *
 * Life:   wire_connect (or wire_make) -> wire_send, wire_recv, wire_wait ->
 *         wire_close.  The object lives in the arena given, but holds a
 *         connection that only wire_close gives back.  One wire is one
 *         connection; never opened again.
 * Owns:   the connection.  Keeps no pointer to what is sent or received.
 * Errors: ERR_TEMP for what may work later (network, DNS, time-out), and
 *         ERR_CONFIG for what will not until somebody acts (certificate,
 *         TLS asked of a plain port).  After an error only wire_close.
 *
 * Secrets pass through as bytes; nothing here looks at, logs or keeps them.
 */
#ifndef TAMIS_WIRE_H
#define TAMIS_WIRE_H

#include "../rules/base.h"

/* ------------------------------------------------------------- connect */

enum wire_tls {
	WIRE_TLS,	/* TLS from the first byte: imaps:// */
	WIRE_STARTTLS,	/* STARTTLS, and nothing else is said before */
	WIRE_PLAIN,	/* refused unless `insecure` is set too, and the host
			 * is a loopback one: for tests */
};

/* All strings are borrowed until wire_connect returns; NULL: not set. */
struct wire_settings {
	const char *host;
	unsigned port;		/* 0: 993 for WIRE_TLS, else 143 */
	enum wire_tls tls;
	const char *ca_file;	/* PEM bundle instead of /etc/ssl/certs */
	const char *client_cert;	/* PEM, for SASL EXTERNAL */
	const char *client_key;	/* PEM; NULL: in client_cert */
	const char *proxy;	/* socks5h://..., http://...; NULL: none, and
				 * the environment is never looked at */
	bool insecure;		/* take any certificate */
	unsigned connect_s;	/* seconds to connect in all; 0: 30 */
};

struct wire;

MUST_USE bool wire_connect(struct arena *a, const struct wire_settings *set,
    struct wire **w_out, struct err *e);

/* Is it this machine?  "localhost", 127.0.0.0/8, ::1. */
bool wire_host_is_loopback(const char *host);

/*
 * What the server said while the connection was made: the greeting's line
 * and the last CAPABILITY line (in that order, each with its CRLF; the
 * second may be missing).  Empty for a wire that starts before the greeting,
 * as those of tests do: then the greeting is still to be received.
 */
struct str wire_preface(const struct wire *w);

/* ------------------------------------------------------------- the seam */

enum wire_got {
	WIRE_OK,	/* some octets moved */
	WIRE_AGAIN,	/* none now: wire_wait, then again */
	WIRE_END,	/* recv only: the peer has closed in order */
	WIRE_FAILED,	/* *e says why */
};

struct wire_ops {
	/* At least one octet of P[N] (N > 0), count in *DONE. */
	enum wire_got (*send)(void *self, const void *p, size_t n,
	    size_t *done, struct err *e);
	enum wire_got (*recv)(void *self, void *p, size_t n, size_t *done,
	    struct err *e);
	/*
	 * Until octets can be received or, when SENDING, sent; at most MS
	 * milliseconds.  *READY false: the time is over.  May wake early.
	 */
	bool (*wait)(void *self, bool sending, unsigned ms, bool *ready,
	    struct err *e);
	void (*close)(void *self);
};

/* A wire over OPS; SELF is handed to each of them.  PREFACE is copied. */
struct wire *wire_make(struct arena *a, const struct wire_ops *ops,
    void *self, struct str preface);

/* ------------------------------------------------------------------ use */

/*
 * Never block.  Receive until WIRE_AGAIN before waiting: octets may lie
 * inside the TLS layer, where waiting does not see them.
 */
MUST_USE enum wire_got wire_send(struct wire *w, const void *p, size_t n,
    size_t *done, struct err *e);
MUST_USE enum wire_got wire_recv(struct wire *w, void *p, size_t n,
    size_t *done, struct err *e);
MUST_USE bool wire_wait(struct wire *w, bool sending, unsigned ms,
    bool *ready, struct err *e);
void wire_close(struct wire **w);	/* NULL and *w NULL are fine */

/* Octets that went through this wire, each way. */
struct wire_counters {
	uint64_t sent, received;
};
struct wire_counters wire_counters(const struct wire *w);

#endif
