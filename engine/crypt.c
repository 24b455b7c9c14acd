#include "crypt.h"

#include <errno.h>
#include <gpgme.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "secret.h"

#define SECONDS_DEFAULT	60
#define WATCHED_MAX	16	/* pipes between GPGME and gpg */
#define ADDRESSES_MAX	100	/* of one key */
#define SIGNATURES_MAX	20	/* of one message */
#define LISTING_MAX	(4 * 1024 * 1024)
#define DESCRIBE_SECONDS	20

struct crypt {
	struct crypt_settings set;
	struct buf passphrase;		/* once it was got */
	bool has_passphrase;
	struct err command_failed;	/* kept: nobody is asked again */
	bool was_late;			/* nothing is tried again */
	bool unanswered;		/* nobody is asked again */
};

static void forget(void *crypt)
{
	buf_free(&((struct crypt *)crypt)->passphrase);
}

struct crypt *crypt_new(struct arena *a, const struct crypt_settings *set)
{
	struct crypt *c = arena_make(a, struct crypt);

	c->set = *set;
	if (c->set.seconds == 0)
		c->set.seconds = SECONDS_DEFAULT;
	buf_init_secret(&c->passphrase, SECRET_MAX);
	arena_on_reset(a, forget, c);
	return c;
}

/* ------------------------------------------------------------ operations */

/* A pipe that GPGME wants to hear of. */
struct watched {
	int fd;
	short events;		/* 0: the place is free */
	gpgme_io_cb_t fn;
	void *data;
};

/* One operation of GPGME, from its start to its end. */
struct operation {
	struct crypt *crypt;
	gpgme_ctx_t ctx;
	struct watched watched[WATCHED_MAX];
	bool asks;		/* somebody may be asked for a passphrase */
	bool started, done, late;
	gpgme_error_t result;
	int64_t deadline;	/* of clock_ms */
	struct err command_failed;
	bool was_bad;		/* the passphrase */
	unsigned whole;		/* times that GnuPG has found all there, and
				   unchanged */
	unsigned plaintexts;
};

static gpgme_error_t watch(void *ctx, int fd, int reads, gpgme_io_cb_t fn,
    void *data, void **tag)
{
	struct operation *op = ctx;

	for (size_t i = 0; i < WATCHED_MAX; i++) {
		if (op->watched[i].events)
			continue;
		op->watched[i] = (struct watched){ fd,
		    reads ? POLLIN : POLLOUT, fn, data };
		*tag = &op->watched[i];
		return 0;
	}
	return gpgme_error(GPG_ERR_RESOURCE_LIMIT);
}

static void unwatch(void *tag)
{
	((struct watched *)tag)->events = 0;
}

static void on_event(void *ctx, gpgme_event_io_t type, void *data)
{
	struct operation *op = ctx;

	if (type == GPGME_EVENT_START)
		op->started = true;
	if (type != GPGME_EVENT_DONE)
		return;
	gpgme_io_event_done_data_t end = data;

	op->done = true;
	op->result = end->err ? end->err : end->op_err;
}

/* Waits for any of the pipes, and hands on what is there. */
static void turn(struct operation *op)
{
	struct pollfd fds[WATCHED_MAX];
	int64_t left = op->deadline - clock_ms();

	for (size_t i = 0; i < WATCHED_MAX; i++) {
		fds[i].fd = op->watched[i].events ? op->watched[i].fd : -1;
		fds[i].events = op->watched[i].events;
		fds[i].revents = 0;
	}
	if (left > 0 && poll(fds, WATCHED_MAX, (int)left) < 0)
		return;		/* interrupted */
	for (size_t i = 0; i < WATCHED_MAX && !op->done; i++) {
		struct watched *w = &op->watched[i];

		/* one of those before may have taken it away */
		if (fds[i].revents && w->events && w->fd == fds[i].fd)
			w->fn(w->data, w->fd);
	}
	if (!op->done && clock_ms() >= op->deadline) {
		op->late = true;
		gpgme_cancel(op->ctx);
		op->done = true;
	}
}

static gpgme_error_t finish(struct operation *op, gpgme_error_t start)
{
	if (start)
		return start;
	while (!op->done)
		turn(op);
	return op->late ? gpgme_error(GPG_ERR_TIMEOUT) : op->result;
}

/* Time that the command takes is not taken from GnuPG. */
static bool get_passphrase(struct operation *op)
{
	struct crypt *c = op->crypt;
	int64_t began = clock_ms();

	if (!c->has_passphrase && c->command_failed.kind == ERR_NONE)
		c->has_passphrase = secret_run(c->set.passphrase_command,
		    c->set.command_seconds, "passphrase", &c->passphrase,
		    &c->command_failed);
	op->deadline += clock_ms() - began;
	op->command_failed = c->command_failed;
	return c->has_passphrase;
}

static gpgme_error_t on_passphrase(void *ctx, const char *hint,
    const char *info, int was_bad, int fd)
{
	struct operation *op = ctx;
	struct str text;

	(void)hint;
	(void)info;
	op->was_bad = was_bad != 0;
	if (op->was_bad || !get_passphrase(op))
		return gpgme_error(GPG_ERR_CANCELED);
	text = buf_str(&op->crypt->passphrase);
	if (gpgme_io_writen(fd, text.p, text.n) != 0 ||
	    gpgme_io_writen(fd, "\n", 1) != 0)
		return gpgme_error_from_syserror();
	return 0;
}

/*
 * What GPGME does not tell.  With `ignore-mdc-error` in gpg.conf GnuPG calls a
 * message that was changed decrypted; but it does not say that it is whole.
 */
static gpgme_error_t on_status(void *ctx, const char *keyword,
    const char *rest)
{
	struct operation *op = ctx;

	(void)rest;
	op->whole += strcmp(keyword, "GOODMDC") == 0;
	op->plaintexts += strcmp(keyword, "PLAINTEXT") == 0;
	return 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void say_version(void)
{
	gpgme_check_version(NULL);	/* this initialises the library */
}

static gpgme_error_t set_up(struct operation *op)
{
	const struct crypt_settings *set = &op->crypt->set;
	struct gpgme_io_cbs io = { watch, op, unwatch, on_event, op };
	gpgme_error_t err;

	pthread_once(&once, say_version);
	err = gpgme_new(&op->ctx);
	if (!err)
		err = gpgme_set_protocol(op->ctx, GPGME_PROTOCOL_OpenPGP);
	if (!err && set->home)
		err = gpgme_ctx_set_engine_info(op->ctx,
		    GPGME_PROTOCOL_OpenPGP, NULL, set->home);
	if (err)
		return err;
	gpgme_set_offline(op->ctx, 1);
	gpgme_set_io_cbs(op->ctx, &io);
	gpgme_set_status_cb(op->ctx, on_status, op);
	gpgme_set_ctx_flag(op->ctx, "full-status", "1");
	if (set->passphrase_command) {
		err = gpgme_set_pinentry_mode(op->ctx,
		    GPGME_PINENTRY_MODE_LOOPBACK);
		gpgme_set_passphrase_cb(op->ctx, on_passphrase, op);
	} else if (!op->asks) {
		err = gpgme_set_pinentry_mode(op->ctx,
		    GPGME_PINENTRY_MODE_CANCEL);
	}
	return err;
}

static void say(char *text, size_t size, gpgme_error_t err)
{
	if (gpgme_strerror_r(err, text, size) != 0)
		text[size - 1] = '\0';
}

static bool refuse(struct seal_verdict *v, enum seal_refusal why,
    struct err *e, const char *sentence)
{
	*v = (struct seal_verdict){ .refusal = why };
	return err_set(e, why == SEAL_LATE || why == SEAL_TROUBLE ?
	    ERR_TEMP : ERR_MESSAGE, "%s", sentence);
}

static bool refuse_with(struct seal_verdict *v, enum seal_refusal why,
    struct err *e, const char *sentence, gpgme_error_t err)
{
	char text[200];

	say(text, sizeof(text), err);
	refuse(v, why, e, sentence);
	if (gpgme_err_code(err) != GPG_ERR_NO_ERROR) {
		struct err mine = *e;

		err_clear(e);
		err_set(e, mine.kind, "%s: %s", mine.msg, text);
	}
	return false;
}

static bool begin(struct operation *op, struct crypt *c,
    struct seal_verdict *v, struct err *e)
{
	gpgme_error_t err;

	*op = (struct operation){ .crypt = c, .asks = op->asks };
	if (c->was_late || (op->asks && c->unanswered))
		return refuse(v, SEAL_LATE, e, "GnuPG did not answer in time "
		    "before, and is not asked again");
	op->deadline = clock_ms() + (int64_t)c->set.seconds * 1000;
	err = set_up(op);
	if (!err)
		return true;
	gpgme_release(op->ctx);
	return refuse_with(v, SEAL_TROUBLE, e, "GnuPG cannot be used", err);
}

/* ------------------------------------------------------------------ data */

/* Where plaintext goes. */
struct sink {
	struct buf *out;
};

static ssize_t take(void *ctx, const void *p, size_t n)
{
	struct sink *sink = ctx;

	buf_add(sink->out, p, n);
	if (!sink->out->over)
		return (ssize_t)n;
	errno = EFBIG;
	return -1;
}

static struct gpgme_data_cbs sink_calls = { .write = take };

/* Of an operation: what goes in, what comes out. */
struct streams {
	gpgme_data_t in, beside, out;
	struct sink sink;
};

static gpgme_error_t borrow(gpgme_data_t *data, struct str s)
{
	return gpgme_data_new_from_mem(data, s.p, s.n, 0);
}

static void close_streams(struct streams *s)
{
	gpgme_data_release(s->in);
	gpgme_data_release(s->beside);
	gpgme_data_release(s->out);
}

/* ------------------------------------------------------------ signatures */

/* A user ID without an address cannot be of a mail's author. */
static bool speaks_for(const struct _gpgme_user_id *u)
{
	return !u->revoked && !u->invalid && u->address && *u->address &&
	    u->validity >= GPGME_VALIDITY_FULL;
}

static void take_addresses(struct arena *a, gpgme_key_t key,
    struct seal_verdict *v)
{
	struct str *list = arena_array(a, ADDRESSES_MAX, sizeof(*list));
	size_t n = 0;

	for (gpgme_user_id_t u = key->uids; u && n < ADDRESSES_MAX;
	    u = u->next)
		if (speaks_for(u))
			list[n++] = arena_str(a, str_of(u->address));
	v->addresses = list;
	v->n_addresses = n;
}

static enum seal_signature of_status(const struct _gpgme_signature *s)
{
	switch (gpgme_err_code(s->status)) {
	case GPG_ERR_NO_ERROR:
		return s->wrong_key_usage ? SEAL_BAD :
		    s->validity >= GPGME_VALIDITY_FULL ? SEAL_GOOD :
		    SEAL_UNTRUSTED;
	case GPG_ERR_NO_PUBKEY:
		return SEAL_UNKNOWN_KEY;
	case GPG_ERR_SIG_EXPIRED:
	case GPG_ERR_KEY_EXPIRED:
		return SEAL_EXPIRED;
	case GPG_ERR_CERT_REVOKED:
		return SEAL_REVOKED;
	default:
		return SEAL_BAD;
	}
}

/* The key of a good signature; its primary fingerprint is the signer. */
static void take_key(struct crypt *c, struct arena *a, const char *fpr,
    struct seal_verdict *v)
{
	struct operation op = { 0 };
	struct seal_verdict not_told;
	struct err e = { 0 };
	gpgme_key_t key = NULL;

	if (!begin(&op, c, &not_told, &e))
		return;
	/* a listing of what is in the keyring: no agent takes part */
	gpgme_set_io_cbs(op.ctx, NULL);
	if (gpgme_get_key(op.ctx, fpr, &key, 0) == 0) {
		if (key->fpr)
			v->signer = arena_z(a, str_of(key->fpr));
		take_addresses(a, key, v);
		gpgme_key_unref(key);
	}
	gpgme_release(op.ctx);
}

/*
 * Of several signatures one that is bad counts, then one that is good, then
 * the best.
 */
static void take_signatures(struct crypt *c, struct arena *a,
    gpgme_ctx_t ctx, struct seal_verdict *v)
{
	gpgme_verify_result_t r = gpgme_op_verify_result(ctx);
	const struct _gpgme_signature *chosen = NULL;
	size_t n = 0;

	v->signature = SEAL_UNSIGNED;
	for (gpgme_signature_t s = r ? r->signatures : NULL; s; s = s->next) {
		enum seal_signature found = of_status(s);

		if (++n > SIGNATURES_MAX || found == SEAL_BAD) {
			v->signature = SEAL_BAD;
			chosen = s;
			break;
		}
		if (found > v->signature) {
			v->signature = found;
			chosen = s;
		}
	}
	if (!chosen || !chosen->fpr)
		return;
	v->signer = arena_z(a, str_of(chosen->fpr));
	if (v->signature == SEAL_GOOD)
		take_key(c, a, chosen->fpr, v);
}

/* --------------------------------------------------------------- decrypt */

static const char no_mdc[] = "it has no protection against being changed "
    "(MDC), and is not read";

static const char no_algorithm[] = "it is encrypted in a way that GnuPG does "
    "not know";

/* "AES256.PGPCFB"; GnuPG sets its flag for old ciphers only. */
static bool is_unprotected(gpgme_decrypt_result_t r)
{
	return r && (r->legacy_cipher_nomdc || str_ends(str_of(r->symkey_algo),
	    STR_LIT(".PGPCFB")));
}

static bool decrypt_error(gpgme_error_t err, struct seal_verdict *v,
    struct err *e)
{
	switch (gpgme_err_code(err)) {
	case GPG_ERR_NO_SECKEY:
	case GPG_ERR_WRONG_SECKEY:
		return refuse(v, SEAL_NO_KEY, e, "it is encrypted to none of "
		    "our keys");
	case GPG_ERR_BAD_PASSPHRASE:
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_NO_PIN_ENTRY:
	case GPG_ERR_PIN_ENTRY:
	case GPG_ERR_ENOTTY:
		return refuse_with(v, SEAL_PASSPHRASE, e, "there is no "
		    "passphrase for the key", err);
	case GPG_ERR_NO_DATA:
		return refuse(v, SEAL_UNREADABLE, e, "it is no encrypted "
		    "OpenPGP message");
	case GPG_ERR_CIPHER_ALGO:
	case GPG_ERR_PUBKEY_ALGO:
	case GPG_ERR_COMPR_ALGO:
	case GPG_ERR_UNSUPPORTED_ALGORITHM:
		return refuse(v, SEAL_UNSUPPORTED, e, no_algorithm);
	case GPG_ERR_DECRYPT_FAILED:
	case GPG_ERR_BAD_DATA:
	case GPG_ERR_CHECKSUM:
	case GPG_ERR_INV_PACKET:
	case GPG_ERR_INV_ARMOR:
	case GPG_ERR_UNEXPECTED:
		return refuse(v, SEAL_MODIFIED, e, "it was damaged or changed "
		    "on its way");
	default:
		return refuse_with(v, SEAL_TROUBLE, e, "GnuPG failed", err);
	}
}

/*
 * What is unlike success.  The order matters: GnuPG says "decryption failed"
 * of everything, and what it says besides tells why.
 */
static bool decrypt_failed(struct operation *op, gpgme_error_t err,
    const struct buf *plain, struct seal_verdict *v, struct err *e)
{
	gpgme_decrypt_result_t r = gpgme_op_decrypt_result(op->ctx);

	if (op->late) {
		op->crypt->unanswered = true;
		op->crypt->was_late = !op->asks;
		return refuse(v, SEAL_LATE, e, op->asks ? "nobody answered "
		    "GnuPG's question for a passphrase in time" :
		    "GnuPG did not answer in time");
	}
	if (plain->over)
		return refuse(v, SEAL_OVER_LIMIT, e, "what was encrypted is "
		    "larger than the limit");
	if (op->command_failed.kind != ERR_NONE) {
		*e = op->command_failed;
		e->kind = ERR_MESSAGE;
		*v = (struct seal_verdict){ .refusal = SEAL_PASSPHRASE };
		return false;
	}
	if (op->was_bad)
		return refuse(v, SEAL_PASSPHRASE, e, "the passphrase is not "
		    "that of the key");
	if (is_unprotected(r))
		return refuse(v, SEAL_NO_INTEGRITY, e, no_mdc);
	if (r && r->unsupported_algorithm)
		return refuse(v, SEAL_UNSUPPORTED, e, no_algorithm);
	return decrypt_error(err, v, e);
}

/* "AES256.CFB"; PGPCFB is without protection. */
static void take_cipher(struct arena *a, gpgme_decrypt_result_t r,
    struct seal_verdict *v)
{
	struct str rest = str_of(r ? r->symkey_algo : NULL), name;

	if (!str_cut(&rest, '.', &name))
		return;
	v->cipher = arena_z(a, name);
	v->integrity = str_eq_z(rest, "CFB") ? "MDC" : arena_z(a, rest);
}

static bool decrypted(struct operation *op, struct arena *a,
    struct seal_verdict *v, struct err *e)
{
	gpgme_decrypt_result_t r = gpgme_op_decrypt_result(op->ctx);

	*v = (struct seal_verdict){ .refusal = SEAL_OPENED };
	take_cipher(a, r, v);
	if (!v->integrity || is_unprotected(r))
		return refuse(v, SEAL_NO_INTEGRITY, e, no_mdc);
	if (strcmp(v->integrity, "MDC") != 0)
		return refuse(v, SEAL_NO_INTEGRITY, e, "its protection (AEAD) "
		    "is of a kind that GnuPG does not check reliably, and it "
		    "is not read");
	if (op->whole != 1 || op->plaintexts != 1)
		return refuse(v, SEAL_MODIFIED, e, "it was damaged or changed "
		    "on its way");
	take_signatures(op->crypt, a, op->ctx, v);
	return true;
}

/* *ASK_OUT: a passphrase is missing that somebody may know: that of a key, for
 * who has merely chosen a passphrase could make windows open. */
static bool try_decrypt(struct crypt *c, bool ask, struct arena *a,
    struct str cipher, struct buf *plain, struct seal_verdict *v,
    bool *ask_out, struct err *e)
{
	struct streams s = { .sink = { plain } };
	struct operation op = { .asks = ask };
	gpgme_decrypt_result_t r;
	gpgme_error_t err;
	bool ok;

	*ask_out = false;
	if (!begin(&op, c, v, e))
		return false;
	err = borrow(&s.in, cipher);
	if (!err)
		err = gpgme_data_new_from_cbs(&s.out, &sink_calls, &s.sink);
	if (!err)
		err = finish(&op, gpgme_op_decrypt_verify_start(op.ctx, s.in,
		    s.out));
	ok = err || plain->over ? decrypt_failed(&op, err, plain, v, e) :
	    decrypted(&op, a, v, e);
	r = gpgme_op_decrypt_result(op.ctx);
	*ask_out = !ok && v->refusal == SEAL_PASSPHRASE && r && r->recipients;
	gpgme_release(op.ctx);
	close_streams(&s);
	if (!ok)
		buf_free(plain);	/* nobody is to believe it */
	return ok;
}

/* In silence first: the agent may know the passphrase. */
bool crypt_decrypt(struct crypt *c, struct arena *a, struct str cipher,
    struct buf *plain, struct seal_verdict *v, struct err *e)
{
	bool ask;

	if (try_decrypt(c, false, a, cipher, plain, v, &ask, e))
		return true;
	if (!ask || c->set.passphrase_command)
		return false;
	err_clear(e);
	return try_decrypt(c, true, a, cipher, plain, v, &ask, e);
}

/* ---------------------------------------------------------------- verify */

static bool verify_failed(struct operation *op, gpgme_error_t err,
    struct seal_verdict *v, struct err *e)
{
	if (op->late) {
		op->crypt->was_late = true;
		return refuse(v, SEAL_LATE, e, "GnuPG did not answer in time");
	}
	switch (gpgme_err_code(err)) {
	case GPG_ERR_NO_DATA:
	case GPG_ERR_BAD_DATA:
		return refuse(v, SEAL_UNREADABLE, e, "it is no OpenPGP "
		    "signature");
	default:
		return refuse_with(v, SEAL_TROUBLE, e, "GnuPG failed", err);
	}
}

static bool verified(struct operation *op, struct arena *a,
    struct seal_verdict *v, struct err *e)
{
	*v = (struct seal_verdict){ .refusal = SEAL_OPENED };
	take_signatures(op->crypt, a, op->ctx, v);
	return v->signature != SEAL_UNSIGNED || refuse(v, SEAL_UNREADABLE, e,
	    "it is no OpenPGP signature");
}

bool crypt_verify(struct crypt *c, struct arena *a, struct str text,
    struct str signature, struct seal_verdict *v, struct err *e)
{
	struct streams s = { 0 };
	struct operation op = { 0 };
	gpgme_error_t err;
	bool ok;

	if (!begin(&op, c, v, e))
		return false;
	err = borrow(&s.in, signature);
	if (!err)
		err = borrow(&s.beside, text);
	if (!err)
		err = finish(&op, gpgme_op_verify_start(op.ctx, s.in,
		    s.beside, NULL));
	ok = err ? verify_failed(&op, err, v, e) : verified(&op, a, v, e);
	gpgme_release(op.ctx);
	close_streams(&s);
	return ok;
}

bool crypt_verify_clear(struct crypt *c, struct arena *a,
    struct str message, struct buf *text, struct seal_verdict *v,
    struct err *e)
{
	struct streams s = { .sink = { text } };
	struct operation op = { 0 };
	gpgme_error_t err;
	bool ok;

	if (!begin(&op, c, v, e))
		return false;
	err = borrow(&s.in, message);
	if (!err)
		err = gpgme_data_new_from_cbs(&s.out, &sink_calls, &s.sink);
	if (!err)
		err = finish(&op, gpgme_op_verify_start(op.ctx, s.in, NULL,
		    s.out));
	if (text->over)
		ok = refuse(v, SEAL_OVER_LIMIT, e, "what is signed is larger "
		    "than the limit");
	else
		ok = err ? verify_failed(&op, err, v, e) :
		    verified(&op, a, v, e);
	gpgme_release(op.ctx);
	close_streams(&s);
	if (!ok)
		buf_free(text);
	return ok;
}

/* -------------------------------------------------------------- describe */

static gpgme_engine_info_t engine(void)
{
	gpgme_engine_info_t info = NULL;

	pthread_once(&once, say_version);
	if (gpgme_get_engine_info(&info) != 0)
		return NULL;
	while (info && info->protocol != GPGME_PROTOCOL_OpenPGP)
		info = info->next;
	return info;
}

/* Those that can be used: "sec:u:255:...", not expired or revoked. */
static size_t count_keys(struct str listing)
{
	struct str line;
	size_t n = 0;

	while (str_cut(&listing, '\n', &line))
		n += str_starts(line, STR_LIT("sec:")) && line.n > 4 &&
		    line.p[4] != 'e' && line.p[4] != 'r';
	return n;
}

bool crypt_describe(struct crypt *c, struct buf *out, size_t *keys_out,
    struct err *e)
{
	gpgme_engine_info_t info = engine();
	const char *home = c->set.home ? c->set.home :
	    gpgme_get_dirinfo("homedir");
	const char *argv[] = { info ? info->file_name : "gpg", "--homedir",
	    home ? home : "", "-q", "--batch", "--no-tty", "--with-colons",
	    "--list-secret-keys", NULL };
	struct child_settings set = { .argv = argv,
	    .seconds = DESCRIBE_SECONDS };
	struct child_result r;
	struct buf listing;
	bool ok;

	if (!home || access(home, F_OK) != 0)	/* gpg would make it */
		return err_set(e, ERR_MESSAGE, "there is no keyring %s",
		    home ? home : "");
	buf_init(&listing, LISTING_MAX);
	ok = child_run(&set, &listing, &r, e);
	if (ok && (r.end != CHILD_EXITED || r.status != 0)) {
		buf_clear(&listing);
		child_text(&listing, &set, &r);
		ok = err_set(e, ERR_TEMP, "%s --list-secret-keys %s; is its "
		    "agent there?", argv[0], buf_z(&listing));
	}
	if (ok) {
		*keys_out = count_keys(buf_str(&listing));
		buf_printf(out, "GnuPG %s, keyring %s, secret keys: %zu",
		    info && info->version ? info->version : "?",
		    home ? home : "?", *keys_out);
	}
	buf_free(&listing);
	return ok;
}
