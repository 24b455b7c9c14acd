#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define SECONDS_DEFAULT	60
#define SECONDS_MAX	86400
#define TICK_MS		100	/* how often a silent program is looked at */
#define ENV_MAX		1000	/* variables of our own that are looked at */

extern char **environ;

/* A name that ends in "_" stands for all that begin with it. */
static const char *const passed_on[] = {
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "TZDIR",
	"TMPDIR", "LANG", "LANGUAGE", "LC_", "XDG_", "GNUPGHOME", "GPG_TTY",
	"PASSWORD_STORE_", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS",
	"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
};

static bool is_passed_on(const char *variable)
{
	struct str name = str_of(variable);

	name.n = str_find_char(name, 0, '=');
	for (size_t i = 0; i < COUNT(passed_on); i++) {
		struct str pass = str_of(passed_on[i]);

		if (str_eq(name, pass) ||
		    (pass.p[pass.n - 1] == '_' && str_starts(name, pass)))
			return true;
	}
	return false;
}

char **child_environment(struct arena *a, const char *const *extra)
{
	char **list = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; environ && environ[i] && i < ENV_MAX; i++) {
		if (!is_passed_on(environ[i]))
			continue;
		arena_grow(a, &list, n, &cap);
		list[n++] = environ[i];
	}
	for (size_t i = 0; extra && extra[i]; i++) {
		arena_grow(a, &list, n, &cap);
		list[n++] = arena_z(a, str_of(extra[i]));
	}
	arena_grow(a, &list, n, &cap);
	list[n] = NULL;
	return list;
}

/* A program that was started: ours are the other ends of its pipes. */
struct child {
	pid_t pid;
	int in, out;		/* -1: closed */
	bool gone;		/* waited for; `wstatus` holds */
	int wstatus;
	int64_t deadline;	/* of clock_ms */
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool make_pipe(int ends[2], struct err *e)
{
	if (pipe2(ends, O_CLOEXEC) == 0)
		return true;
	ends[0] = ends[1] = -1;
	return err_set(e, ERR_TEMP, "cannot make a pipe: %s",
	    strerror(errno));
}

/* posix_spawn and not fork: other threads may hold locks, and exec's own
 * error comes back as the result. */
static int spawn(const struct child_settings *set, char **env, int in,
    int out, pid_t *pid_out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int rc;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	/* dup2 takes the close-on-exec mark off; equal numbers (when ours
	 * were closed) are handled by POSIX in the same way. */
	rc = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, out,
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&files,
		    STDERR_FILENO + 1);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (rc == 0)
		rc = posix_spawnp(pid_out, set->argv[0], &files, &attr,
		    (char *const *)(uintptr_t)set->argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static bool start(const struct child_settings *set, struct child *c,
    struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	struct arena *a = arena_new();
	int rc = 0;
	bool ok = make_pipe(in, e) && make_pipe(out, e);

	if (ok) {
		rc = spawn(set, child_environment(a, set->env), in[0], out[1],
		    &c->pid);
		if (rc != 0)
			ok = err_set(e, rc == EAGAIN || rc == ENOMEM ?
			    ERR_TEMP : ERR_CONFIG, "cannot start %s: %s",
			    set->argv[0], strerror(rc));
	}
	arena_free(&a);
	close_end(&in[0]);
	close_end(&out[1]);
	if (!ok) {
		close_end(&in[1]);
		close_end(&out[0]);
		return false;
	}
	c->in = in[1];
	c->out = out[0];
	fcntl(c->in, F_SETFL, O_NONBLOCK);
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	return true;
}

/* Sends what the pipe takes; a program that does not read on is its own
 * affair (EPIPE). */
static void feed(struct child *c, struct str *input)
{
	ssize_t n = write(c->in, input->p, input->n);

	if (n > 0)
		*input = str_sub(*input, (size_t)n, input->n);
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	else
		input->n = 0;
	if (input->n == 0)
		close_end(&c->in);
}

/* Reads until nothing is there; false when OUT is full. */
static bool drain(struct child *c, struct buf *out)
{
	char block[4096];
	bool ok = true;

	while (ok) {
		ssize_t n = read(c->out, block, sizeof(block));

		if (n > 0 && out) {
			buf_add(out, block, (size_t)n);
			ok = !out->over;
		}
		if (n > 0)
			continue;
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			close_end(&c->out);
		break;
	}
	wipe(block, sizeof(block));	/* it may have been a password */
	return ok;
}

static bool has_ended(struct child *c)
{
	if (!c->gone)
		c->gone = waitpid(c->pid, &c->wstatus, WNOHANG) == c->pid;
	return c->gone;
}

static void kill_group(struct child *c)
{
	kill(-c->pid, SIGKILL);
	while (!c->gone) {
		pid_t p = waitpid(c->pid, &c->wstatus, 0);

		c->gone = p == c->pid || (p < 0 && errno != EINTR);
	}
}

static int until(const struct child *c)
{
	int64_t left = c->deadline - clock_ms();

	return left < 0 ? 0 : left < TICK_MS ? (int)left : TICK_MS;
}

/*
 * Until its output ends and it has its input, or it has ended itself and
 * nothing more is there: something it left running may hold the pipe open for
 * ever.
 */
static enum child_end converse(struct child *c, struct str input,
    struct buf *out)
{
	if (input.n == 0)
		close_end(&c->in);
	while (c->out >= 0 || c->in >= 0) {
		struct pollfd fds[2] = {
			{ .fd = c->out, .events = POLLIN },
			{ .fd = c->in, .events = POLLOUT },
		};
		bool ended = has_ended(c);
		int n = poll(fds, 2, ended ? 0 : until(c));

		if (n > 0 && c->in >= 0 && fds[1].revents)
			feed(c, &input);
		if (n > 0 && fds[0].revents) {
			if (!drain(c, out))
				return CHILD_TOO_MUCH;
		} else if (ended) {
			break;
		}
		if (clock_ms() >= c->deadline)
			return CHILD_LATE;
	}
	return CHILD_EXITED;
}

/* Its output has ended; it may take a moment longer itself. */
static enum child_end wait_for(struct child *c)
{
	long ms = 1;

	while (!has_ended(c)) {
		struct timespec t = { 0, ms * 1000000 };

		if (clock_ms() >= c->deadline)
			return CHILD_LATE;
		nanosleep(&t, NULL);
		ms = ms < 50 ? ms * 2 : 50;
	}
	return CHILD_EXITED;
}

static unsigned seconds_of(const struct child_settings *set)
{
	if (set->seconds == 0)
		return SECONDS_DEFAULT;
	return set->seconds < SECONDS_MAX ? set->seconds : SECONDS_MAX;
}

bool child_run(const struct child_settings *set, struct buf *out,
    struct child_result *result_out, struct err *e)
{
	struct child c = { .in = -1, .out = -1 };
	struct child_result r = { CHILD_EXITED, 0 };

	if (!start(set, &c, e))
		return false;
	c.deadline = clock_ms() + (int64_t)seconds_of(set) * 1000;
	r.end = converse(&c, set->input, out);
	close_end(&c.in);
	close_end(&c.out);
	if (r.end == CHILD_EXITED)
		r.end = wait_for(&c);
	if (r.end != CHILD_EXITED)
		kill_group(&c);
	else if (WIFSIGNALED(c.wstatus))
		r = (struct child_result){ CHILD_KILLED, WTERMSIG(c.wstatus) };
	else
		r.status = WEXITSTATUS(c.wstatus);
	*result_out = r;
	return true;
}

void child_text(struct buf *b, const struct child_settings *set,
    const struct child_result *r)
{
	switch (r->end) {
	case CHILD_EXITED:
		buf_printf(b, "exited with status %d", r->status);
		break;
	case CHILD_KILLED:
		buf_printf(b, "was ended by signal %d", r->status);
		break;
	case CHILD_LATE:
		buf_printf(b, "took more than %u s", seconds_of(set));
		break;
	case CHILD_TOO_MUCH:
		buf_add_z(b, "printed too much");
		break;
	}
}
