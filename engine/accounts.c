#include "accounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "secret.h"

#define CONNECT_TRIES	3	/* then the next cron run tries */

/* ------------------------------------------------------------- opening */

/* 1 s, 4 s, each up to half more: many users of one server must not all
 * come back at once. */
static void back_off(int tries)
{
	unsigned ms = 1000u << (2 * (tries - 1));
	struct timespec t;

	ms += (unsigned)((uint64_t)clock_ms() * 2654435761u % (ms / 2));
	t = (struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

/* A network's trouble may pass while we wait; a secret that cannot be got
 * will not. */
static bool connect_imap(struct arena *a, const struct account *account,
    struct secret *secret, struct store **s_out, struct err *e)
{
	for (int tries = 1;; tries++) {
		struct err mine = { 0 };

		if (store_imap_open(a, account, secret, s_out, &mine))
			return true;
		if (mine.kind != ERR_TEMP || mine.is_lasting ||
		    tries == CONNECT_TRIES ||
		    secret->failure.kind != ERR_NONE) {
			*e = mine;
			return false;
		}
		log_line(LOG_NOTE, "%s: %s; trying again", account->name,
		    mine.msg);
		back_off(tries);
	}
}

bool accounts_open_store(struct arena *a, const struct account *account,
    struct journal *j, struct store **s_out, struct err *e)
{
	struct secret secret;
	bool ok;

	if (account->kind == ACCOUNT_MAILDIR)
		return store_maildir_open(a, account->maildir, account, j,
		    s_out, e);
	secret_init(&secret, account);
	ok = connect_imap(a, account, &secret, s_out, e);
	secret_wipe(&secret);
	return ok;
}

/* ----------------------------------------------------- several accounts */

struct worker {
	pid_t pid;
	FILE *out;		/* unlinked; what it printed */
};

/* In the child: prints into its own file, and dies with the parent. */
static void work(struct command_context *c, const struct config *config,
    const struct account *account, account_fn *fn, struct worker *w)
{
	struct err e = { 0 };
	int code;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(fileno(w->out), STDOUT_FILENO) < 0)
		_exit(EXIT_STATE);
	code = fn(c, config, account);
	if (!report_close(c->report, &e))
		code = exit_worst(code, EXIT_STATE);
	_exit(code);
}

static bool start(struct command_context *c, const struct config *config,
    const struct account *account, account_fn *fn, struct worker *w)
{
	w->out = tmpfile();
	if (!w->out)
		return false;
	w->pid = fork();
	if (w->pid == 0)
		work(c, config, account, fn, w);
	return w->pid > 0;
}

static bool copy_out(FILE *from)
{
	char piece[16384];
	size_t n;

	rewind(from);
	while ((n = fread(piece, 1, sizeof(piece), from)) > 0)
		for (size_t at = 0; at < n;) {
			ssize_t k = write(STDOUT_FILENO, piece + at, n - at);

			if (k < 0 && errno == EINTR)
				continue;
			if (k < 0)
				return false;
			at += (size_t)k;
		}
	return !ferror(from);
}

static int finish(struct worker *w, const struct account *account)
{
	int status, code = EXIT_STATE;

	if (w->pid <= 0) {
		log_line(LOG_ERROR, "%s: cannot start a process: %s",
		    account->name, strerror(errno));
		return EXIT_LATER;
	}
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status))
		code = WEXITSTATUS(status);
	else
		log_line(LOG_ERROR, "%s: its process was ended by signal %d; "
		    "the next run looks after what it left",
		    account->name, WTERMSIG(status));
	if (!copy_out(w->out))
		code = exit_worst(code, EXIT_STATE);
	return code;
}

int accounts_each(struct command_context *c,
    const struct config *config, const struct account **list, size_t n,
    account_fn *fn)
{
	struct worker *workers = arena_array(c->arena, n + 1,
	    sizeof(*workers));
	int code = EXIT_DONE;

	if (n == 1)
		return fn(c, config, list[0]);
	for (size_t i = 0; i < n; i++)
		if (!start(c, config, list[i], fn, &workers[i]))
			workers[i].pid = -1;
	for (size_t i = 0; i < n; i++) {
		code = exit_worst(code, finish(&workers[i], list[i]));
		if (workers[i].out)
			fclose(workers[i].out);
	}
	return code;
}
