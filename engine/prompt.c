#include "prompt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool prompt_possible(void)
{
	return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

static void put(const struct buf *b)
{
	size_t at = 0;

	while (at < b->n) {
		ssize_t n = write(STDERR_FILENO, b->p + at, b->n - at);

		if (n < 0 && errno != EINTR)
			return;
		at += n > 0 ? (size_t)n : 0;
	}
}

void prompt_say(const char *text)
{
	struct buf b;

	buf_init(&b, 8192);
	buf_printf(&b, "%s\n", text);
	put(&b);
	buf_free(&b);
}

static void put_question(const char *question, struct str initial)
{
	struct buf b;

	buf_init(&b, 8192);
	buf_add_z(&b, question);
	if (initial.n > 0) {
		buf_add_z(&b, " [");
		buf_add_shown(&b, initial);
		buf_add_char(&b, ']');
	}
	buf_add_z(&b, ": ");
	put(&b);
	buf_free(&b);
}

/* Set by a signal while a secret is typed. */
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* Octet by octet: what is behind the line is for the next question. */
static bool read_line(struct buf *out, struct err *e)
{
	char c = '\0';

	for (;;) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR && !caught)
			continue;
		if (n <= 0)
			return err_set(e, ERR_USAGE, "no answer; stopped");
		if (c == '\n')
			return out->over ? err_set(e, ERR_USAGE, "the answer "
			    "is too long; stopped") : true;
		buf_add_char(out, c);
	}
}

static bool is_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
			return false;
	return utf8_valid(s);
}

bool prompt_text(struct arena *a, const char *question, struct str initial,
    struct str *out, struct err *e)
{
	struct buf line;
	struct str said;
	bool ok;

	buf_init(&line, PROMPT_LINE_MAX);
	do {
		buf_clear(&line);
		put_question(question, initial);
		ok = read_line(&line, e);
		said = str_trim(buf_str(&line));
	} while (ok && (!is_text(said) || (said.n == 0 && initial.n == 0)));
	if (ok)
		*out = arena_str(a, said.n ? said : initial);
	buf_free(&line);
	return ok;
}

bool prompt_yes(const char *question, bool initial, bool *out,
    struct err *e)
{
	struct arena *a = arena_new();
	struct str said;
	bool ok, yes = false, no = false;

	do {
		ok = prompt_text(a, question, initial ? STR_LIT("yes") :
		    STR_LIT("no"), &said, e);
		yes = ok && (str_ieq_z(said, "y") || str_ieq_z(said, "yes"));
		no = ok && (str_ieq_z(said, "n") || str_ieq_z(said, "no"));
	} while (ok && !yes && !no);
	arena_free(&a);
	if (ok)
		*out = yes;
	return ok;
}

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

bool prompt_secret(const char *question, struct buf *out, struct err *e)
{
	struct sigaction catch = { .sa_handler = on_signal };
	struct sigaction before[COUNT(ending)];
	struct termios shown_mode, hidden_mode;
	bool terminal = tcgetattr(STDIN_FILENO, &shown_mode) == 0, ok;

	caught = 0;
	for (size_t i = 0; i < COUNT(ending); i++) {
		sigaction(ending[i], &catch, &before[i]);
		if (before[i].sa_handler == SIG_IGN)	/* nohup's */
			sigaction(ending[i], &before[i], NULL);
	}
	/* before the question: what is typed until then is dropped */
	if (terminal) {
		hidden_mode = shown_mode;
		hidden_mode.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden_mode);
	}
	put_question(question, STR_EMPTY);
	ok = read_line(out, e);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown_mode);
	prompt_say("");
	for (size_t i = 0; i < COUNT(ending); i++)
		sigaction(ending[i], &before[i], NULL);
	if (caught)
		raise(caught);
	caught = 0;
	return ok;
}
