#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"

/* What is left of OUT after its first line end is wiped. */
static void cut_at(struct buf *out, size_t n)
{
	if (n < out->n) {
		wipe(out->p + n, out->n - n);
		out->n = n;
	}
}

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
	cut_at(out, str_find_char(buf_str(out), 0, '\n'));
	cut_at(out, without_cr(out, out->n));
	return check(out, argv[0], what, e);
}

static bool is_private(const char *path, int fd, const char *what,
    struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_CONFIG, "%s: %s", path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG,
		    "the %s file %s is not a regular file", what, path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_CONFIG,
		    "the %s file %s belongs to somebody else; "
		    "it must be yours", what, path);
	if (st.st_mode & 077)
		return err_set(e, ERR_CONFIG,
		    "the %s file %s can be read by others: "
		    "chmod 600 %s", what, path, path);
	return true;
}

static bool read_all(const char *path, int fd, const char *what,
    struct buf *out, struct err *e)
{
	char block[4096];
	ssize_t n;

	do {
		n = read(fd, block, sizeof(block));
		if (n > 0)
			buf_add(out, block, (size_t)n);
	} while ((n > 0 && !out->over) || (n < 0 && errno == EINTR));
	wipe(block, sizeof(block));
	if (n < 0)
		return err_set(e, ERR_CONFIG,
		    "cannot read the %s file %s: %s", what, path,
		    strerror(errno));
	if (out->over)
		return err_set(e, ERR_CONFIG,
		    "the %s file %s is too long", what, path);
	return true;
}

bool secret_read(const char *path, const char *what, struct buf *out,
    struct err *e)
{
	/* a FIFO must not hold us up before it is refused */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool ok;

	if (fd < 0)
		return err_set(e, ERR_CONFIG,
		    "cannot open the %s file %s: %s", what, path,
		    strerror(errno));
	ok = is_private(path, fd, what, e) &&
	    read_all(path, fd, what, out, e);
	close(fd);
	return ok;
}

static bool from_file(const char *path, const char *what, struct buf *out,
    struct err *e)
{
	if (!secret_read(path, what, out, e))
		return false;
	if (out->n > 0 && out->p[out->n - 1] == '\n')
		cut_at(out, without_cr(out, out->n - 1));
	if (out->n > 0 && memchr(out->p, '\n', out->n))
		return err_set(e, ERR_CONFIG, "the %s file %s has several "
		    "lines; it must hold the %s only", what, path, what);
	return check(out, path, what, e);
}

bool secret_get(const struct account *account, struct buf *out,
    struct err *e)
{
	const char *what = account->auth == AUTH_TOKEN ? "token" :
	    "password";
	bool ok = account->secret_command ?
	    secret_run(account->secret_command, account->limits->command,
	    what, out, e) : account->secret_file ?
	    from_file(account->secret_file, what, out, e) :
	    err_set(e, ERR_CONFIG, "no password is configured");

	if (!ok)
		cut_at(out, 0);
	return ok;
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
}

bool secret_once(struct secret *s, struct buf *out, struct err *e)
{
	if (!s->got && s->failure.kind == ERR_NONE)
		s->got = secret_get(s->account, &s->text, &s->failure);
	if (!s->got) {
		*e = s->failure;
		return false;
	}
	buf_add_str(out, buf_str(&s->text));
	return true;
}

void secret_wipe(struct secret *s)
{
	buf_wipe_free(&s->text);
	s->got = false;
}
