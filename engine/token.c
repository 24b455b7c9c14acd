#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "http.h"
#include "private.h"
#include "state_folder.h"

#define HEAD		"tamis token 1"
#define FILE_NAME	"token"
#define NEW_NAME	"token.new"
#define LOCK_NAME	"token.lock"
#define FILE_MAX	(2 * OAUTH_TOKEN_MAX + 1024)
#define SECRET_FILE_MAX	4096
#define MARGIN_S	60	/* a token that ends sooner is not used */
#define LOCK_EXTRA_S	10	/* beyond what one question may take */
#define LOCK_TICK_MS	50

/* ---------------------------------------------------------- the network */

bool token_client_secret(const struct account *account, struct buf *out,
    struct err *e)
{
	const char *path = account->oauth.client_secret_file;

	if (!path)
		return true;
	if (!private_read_line(path, "client secret", out, e))
		return false;
	return out->n > 0 || err_set(e, ERR_CONFIG, "the client secret file "
	    "%s is empty", path);
}

static bool post(const struct account *account, const char *endpoint,
    struct str form, unsigned *status_out, struct buf *answer,
    struct err *e)
{
	static const char *const headers[] = { "Accept: application/json",
	    NULL };
	struct http_request r = {
		.url = endpoint,
		.body = form,
		.type = "application/x-www-form-urlencoded",
		.headers = headers,
		.ca_file = account->oauth.ca_file,
		.proxy = account->proxy,
		.seconds = (unsigned)account->timeout,
	};

	return http_ask(&r, status_out, answer, e);
}

enum oauth_answer token_ask(struct arena *a, const struct account *account,
    struct str form, struct oauth_tokens *out, struct err *e)
{
	enum oauth_answer got = OAUTH_BAD;
	struct buf answer;
	unsigned status;

	buf_init(&answer, OAUTH_ANSWER_MAX);
	if (post(account, account->oauth.token_endpoint, form, &status,
	    &answer, e))
		got = oauth_read_tokens(a, &account->oauth, status,
		    buf_str(&answer), out, e);
	buf_wipe_free(&answer);
	return got;
}

bool token_ask_device(struct arena *a, const struct account *account,
    struct oauth_device *out, struct err *e)
{
	struct buf form, answer;
	unsigned status;
	bool ok;

	buf_init(&form, OAUTH_FORM_MAX);
	buf_init(&answer, OAUTH_ANSWER_MAX);
	oauth_form_device(&form, &account->oauth);
	ok = post(account, account->oauth.device_endpoint, buf_str(&form),
	    &status, &answer, e) &&
	    oauth_read_device(a, &account->oauth, status, buf_str(&answer),
	    out, e);
	buf_free(&form);
	buf_wipe_free(&answer);
	return ok;
}

/* ------------------------------------------------------------- the file */

struct kept {
	struct buf access, refresh;
	int64_t expires;	/* 0: not known */
	struct str client;	/* whose they are; in the arena */
};

static void kept_init(struct kept *k)
{
	*k = (struct kept){ .client = STR_EMPTY };
	buf_init(&k->access, OAUTH_TOKEN_MAX);
	buf_init(&k->refresh, OAUTH_TOKEN_MAX);
}

static void kept_wipe(struct kept *k)
{
	buf_wipe_free(&k->access);
	buf_wipe_free(&k->refresh);
}

/* What a consent is good for; with another one a new consent is needed. */
static struct str client_of(struct arena *a, const struct account *account)
{
	const struct oauth_client *c = &account->oauth;
	uint8_t hash[DIGEST_SIZE];

	digest_of(arena_printf(a, "%s\n%s\n%s\n%s\n", c->token_endpoint,
	    c->client_id, c->user, c->scope ? c->scope : ""), hash);
	return digest_hex(a, hash, sizeof(hash));
}

static void take_line(struct arena *a, struct kept *k, struct str line)
{
	size_t at = str_find_char(line, 0, ' ');
	struct str key = str_sub(line, 0, at);
	struct str value = str_sub(line, at + 1, line.n);
	uint64_t n;

	if (str_eq_z(key, "access"))
		buf_add_str(&k->access, value);
	else if (str_eq_z(key, "refresh"))
		buf_add_str(&k->refresh, value);
	else if (str_eq_z(key, "client"))
		k->client = arena_str(a, value);
	else if (str_eq_z(key, "expires") && str_u64(value, INT64_MAX, &n))
		k->expires = (int64_t)n;
}

static bool no_consent(const struct account *account, const char *why,
    struct err *e)
{
	return err_set(e, ERR_AUTH, "%s: run tamis auth %s", why,
	    account->name);
}

static bool read_kept(struct arena *a, const struct account *account,
    struct kept *k, struct err *e)
{
	const char *path = arena_printf(a, "%s/" FILE_NAME,
	    account->state).p;
	struct str rest, line;
	struct buf text;
	struct stat st;
	bool ok;

	if (lstat(path, &st) != 0 && errno == ENOENT)
		return no_consent(account, "there is no consent yet", e);
	buf_init(&text, FILE_MAX);
	ok = private_read(path, "token", &text, e);
	rest = buf_str(&text);
	if (ok && (!str_cut(&rest, '\n', &line) || !str_eq_z(line, HEAD)))
		ok = err_set(e, ERR_STATE, "%s was not written by this "
		    "tamis; run tamis auth %s", path, account->name);
	while (ok && str_cut(&rest, '\n', &line))
		take_line(a, k, line);
	buf_wipe_free(&text);
	if (ok && !str_eq(k->client, client_of(a, account)))
		ok = no_consent(account, "the consent that is there is for "
		    "another client, user or scope", e);
	return ok;
}

/* ------------------------------------------------------------- the folder */

struct vault {
	const char *dir;
	int fd, lock, file;	/* -1: not open; FILE is NEW_NAME */
};

#define VAULT_CLOSED	((struct vault){ .fd = -1, .lock = -1, .file = -1 })

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_vault(struct vault *v)
{
	if (v->file >= 0)
		unlinkat(v->fd, NEW_NAME, 0);
	close_one(&v->file);
	close_one(&v->lock);
	close_one(&v->fd);
}

static bool cannot(const struct vault *v, const char *name, struct err *e)
{
	return err_set(e, ERR_STATE, "cannot write %s/%s: %s", v->dir, name,
	    strerror(errno));
}

static bool lock_vault(struct vault *v, int64_t seconds, struct err *e)
{
	const struct timespec tick = { 0, LOCK_TICK_MS * 1000000L };
	int64_t end = clock_ms() + seconds * 1000;

	if (!state_folder_file(v->dir, v->fd, LOCK_NAME, e))
		return false;
	v->lock = openat(v->fd, LOCK_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (v->lock < 0)
		return cannot(v, LOCK_NAME, e);
	while (flock(v->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cannot(v, LOCK_NAME, e);
		if (clock_ms() > end)
			return err_set(e, ERR_TEMP, "another process holds "
			    "%s/" LOCK_NAME " and does not end; try later",
			    v->dir);
		nanosleep(&tick, NULL);
	}
	return true;
}

/* A full disk is to be found before a refresh token is spent. */
static bool make_room(struct vault *v, struct err *e)
{
	int error;

	v->file = openat(v->fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	if (v->file < 0 || fchmod(v->file, 0600) != 0)
		return cannot(v, NEW_NAME, e);
	error = posix_fallocate(v->file, 0, FILE_MAX);
	if (error == 0 || error == EOPNOTSUPP || error == EINVAL)
		return true;
	errno = error;
	return cannot(v, NEW_NAME, e);
}

static bool open_vault(const struct account *account, struct vault *v,
    struct err *e)
{
	v->dir = account->state;
	v->fd = open(v->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->fd < 0)
		return err_set(e, ERR_STATE, "state folder %s: %s", v->dir,
		    strerror(errno));
	return state_folder_check(v->dir, v->fd, e) &&
	    lock_vault(v, account->timeout + LOCK_EXTRA_S, e);
}

static bool write_all(int fd, struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		ssize_t n = write(fd, s.p + at, s.n - at);

		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Over NEW_NAME, whole. */
static bool put_kept(struct arena *a, const struct account *account,
    struct vault *v, const struct kept *k, struct err *e)
{
	struct buf text;
	bool ok;

	buf_init(&text, FILE_MAX);
	buf_printf(&text, HEAD "\nclient %.*s\nexpires %" PRId64 "\n",
	    STR_ARG(client_of(a, account)), k->expires);
	buf_add_z(&text, "access ");
	buf_add_str(&text, buf_str(&k->access));
	if (k->refresh.n > 0) {
		buf_add_z(&text, "\nrefresh ");
		buf_add_str(&text, buf_str(&k->refresh));
	}
	buf_add_char(&text, '\n');
	ok = write_all(v->file, buf_str(&text)) &&
	    ftruncate(v->file, (off_t)text.n) == 0 &&
	    fsync(v->file) == 0 &&
	    renameat(v->fd, NEW_NAME, v->fd, FILE_NAME) == 0;
	buf_wipe_free(&text);
	if (!ok)
		return cannot(v, FILE_NAME, e);
	close_one(&v->file);
	return fsync(v->fd) == 0 || cannot(v, FILE_NAME, e);
}

/* What was given, beside what is kept: a refresh token that is not given
 * anew stays (RFC 6749 section 6). */
static void take_tokens(struct kept *k, const struct oauth_tokens *t)
{
	private_cut(&k->access, 0);
	buf_add_str(&k->access, buf_str(&t->access));
	if (t->refresh.n > 0) {
		private_cut(&k->refresh, 0);
		buf_add_str(&k->refresh, buf_str(&t->refresh));
	}
	k->expires = t->lasts ? clock_now() + t->lasts : 0;
}

bool token_store(const struct account *account, const struct oauth_tokens *t,
    struct err *e)
{
	struct arena *a = arena_new();
	struct vault v = VAULT_CLOSED;
	struct kept k;
	bool ok;

	kept_init(&k);
	take_tokens(&k, t);
	ok = state_folder_make(a, account->state, e) &&
	    open_vault(account, &v, e) && make_room(&v, e) &&
	    put_kept(a, account, &v, &k, e);
	close_vault(&v);
	kept_wipe(&k);
	arena_free(&a);
	return ok;
}

/* -------------------------------------------------------------- refresh */

static bool is_good(const struct kept *k, struct str refused)
{
	return k->access.n > 0 && !str_eq(buf_str(&k->access), refused) &&
	    (k->expires == 0 || k->expires - clock_now() > MARGIN_S);
}

static bool ask_refresh(struct arena *a, const struct account *account,
    const struct kept *k, struct oauth_tokens *t, struct err *e)
{
	struct buf secret, form;
	bool ok;

	buf_init(&secret, SECRET_FILE_MAX);
	buf_init(&form, OAUTH_FORM_MAX);
	ok = token_client_secret(account, &secret, e);
	if (ok) {
		oauth_form_refresh(&form, &account->oauth, buf_str(&secret),
		    buf_str(&k->refresh));
		ok = token_ask(a, account, buf_str(&form), t, e) ==
		    OAUTH_GOOD;
		if (!ok && e->kind == ERR_NONE)	/* words of the device flow */
			err_set(e, ERR_TEMP, "the provider is in trouble; "
			    "try later");
	}
	buf_wipe_free(&secret);
	buf_wipe_free(&form);
	return ok;
}

/* With the lock held. */
static bool refresh(struct arena *a, const struct account *account,
    struct vault *v, struct kept *k, struct err *e)
{
	struct oauth_tokens t;
	bool ok;

	if (k->refresh.n == 0)
		return no_consent(account, "the token has expired or is "
		    "refused, and the provider gave none to refresh it "
		    "with", e);
	oauth_tokens_init(&t);
	ok = make_room(v, e) && ask_refresh(a, account, k, &t, e);
	if (ok) {
		take_tokens(k, &t);
		ok = put_kept(a, account, v, k, e);
	}
	oauth_tokens_wipe(&t);
	return ok;
}

/* Another process may have refreshed it while this one waited. */
static bool get_locked(struct arena *a, const struct account *account,
    struct str refused, struct kept *k, struct err *e)
{
	struct vault v = VAULT_CLOSED;
	bool ok;

	kept_wipe(k);
	kept_init(k);
	ok = open_vault(account, &v, e) && read_kept(a, account, k, e) &&
	    (is_good(k, refused) || refresh(a, account, &v, k, e));
	close_vault(&v);
	return ok;
}

bool token_get(const struct account *account, struct str refused,
    struct buf *out, struct err *e)
{
	struct arena *a = arena_new();
	struct kept k;
	bool ok;

	kept_init(&k);
	ok = read_kept(a, account, &k, e) && (is_good(&k, refused) ||
	    get_locked(a, account, refused, &k, e));
	if (ok)
		buf_add_str(out, buf_str(&k.access));
	kept_wipe(&k);
	arena_free(&a);
	return ok;
}
