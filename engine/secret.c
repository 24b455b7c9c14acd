#include "secret.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "child.h"
#include "private.h"
#include "token.h"

static size_t without_cr(const struct buf *out, size_t n)
{
	return n > 0 && out->p[n - 1] == '\r' ? n - 1 : n;
}

/* RFC 4616 section 2 forbids NUL; nothing good comes of other line ends. */
static bool check(const struct buf *out, const char *where,
    const char *what, struct err *e)
{
	if (out->n == 0)
		return err_set(e, ERR_CONFIG, "%s gives an empty %s", where,
		    what);
	if (memchr(out->p, '\0', out->n))
		return err_set(e, ERR_CONFIG,
		    "the %s that %s gives has a NUL octet", what, where);
	return true;
}

bool secret_run(const char *const *argv, int64_t seconds, const char *what,
    struct buf *out, struct err *e)
{
	struct child_settings set = {
		.argv = argv,
		.seconds = (unsigned)seconds,
	};
	struct child_result r;

	if (!child_run(&set, out, &r, e))
		return false;
	if (r.end != CHILD_EXITED || r.status != 0) {
		struct buf why;

		buf_init(&why, 200);
		child_text(&why, &set, &r);
		err_set(e, ERR_TEMP, "the %s command %s %s", what, argv[0],
		    buf_z(&why));
		buf_free(&why);
		return false;
	}
	private_cut(out, str_find_char(buf_str(out), 0, '\n'));
	private_cut(out, without_cr(out, out->n));
	return check(out, argv[0], what, e);
}

static bool from_file(const char *path, const char *what, struct buf *out,
    struct err *e)
{
	return private_read_line(path, what, out, e) &&
	    check(out, path, what, e);
}

/* REFUSED: a token that is not to be given again. */
static bool get(const struct account *account, struct str refused,
    struct buf *out, struct err *e)
{
	const char *what = account->auth == AUTH_TOKEN ? "token" :
	    "password";
	bool ok = account->auth == AUTH_OAUTH ?
	    token_get(account, refused, out, e) : account->secret_command ?
	    secret_run(account->secret_command, account->limits->command,
	    what, out, e) : account->secret_file ?
	    from_file(account->secret_file, what, out, e) :
	    err_set(e, ERR_CONFIG, "no password is configured");

	if (!ok)
		private_cut(out, 0);
	return ok;
}

bool secret_get(const struct account *account, struct buf *out,
    struct err *e)
{
	return get(account, STR_EMPTY, out, e);
}

/* LeakSanitizer looks at the process from outside. */
#if defined(__SANITIZE_ADDRESS__)
#define MAY_BE_TRACED	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MAY_BE_TRACED	1
#endif
#endif

void secret_harden(void)
{
	struct rlimit none = { 0, 0 };

	umask(077);
	setrlimit(RLIMIT_CORE, &none);
#ifndef MAY_BE_TRACED
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void secret_init(struct secret *s, const struct account *account)
{
	*s = (struct secret){ .account = account };
	buf_init(&s->text, SECRET_MAX);
	buf_init(&s->refused, SECRET_MAX);
}

bool secret_once(struct secret *s, struct buf *out, struct err *e)
{
	if (!s->got && s->failure.kind == ERR_NONE)
		s->got = get(s->account, buf_str(&s->refused), &s->text,
		    &s->failure);
	if (!s->got) {
		*e = s->failure;
		return false;
	}
	buf_add_str(out, buf_str(&s->text));
	return true;
}

bool secret_refused(struct secret *s)
{
	if (s->account->auth != AUTH_OAUTH || !s->got || s->refused.n > 0)
		return false;
	buf_add_str(&s->refused, buf_str(&s->text));
	private_cut(&s->text, 0);
	s->got = false;
	return true;
}

void secret_wipe(struct secret *s)
{
	buf_wipe_free(&s->text);
	buf_wipe_free(&s->refused);
	s->got = false;
}
