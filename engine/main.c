/*
 * main - from the command line to a command and its exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "log.h"
#include "progress.h"
#include "secret.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unknown"
#endif

static int (*const commands[COMMAND_N])(struct command_context *) = {
	[COMMAND_RUN] = command_run,
	[COMMAND_CHECK] = command_check,
	[COMMAND_TEST] = command_test,
	[COMMAND_EXPLAIN] = command_explain,
	[COMMAND_WHY] = command_why,
	[COMMAND_LOG] = command_log,
	[COMMAND_STATS] = command_stats,
	[COMMAND_UNDO] = command_undo,
	[COMMAND_RECOVER] = command_recover,
	[COMMAND_INIT] = command_init,
	[COMMAND_AUTH] = command_auth,
	[COMMAND_DOCTOR] = command_doctor,
	[COMMAND_WORDS] = command_words,
	[COMMAND_COMPLETION] = command_completion,
};

/* Closed descriptors 0 to 2 would be given to the next files and sockets
 * that are opened, and those be written to as standard error. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static enum log_level log_level_of(const struct options *o)
{
	if (o->quiet)
		return LOG_ERROR;
	return o->verbose == 0 ? LOG_WARN : o->verbose == 1 ? LOG_NOTE :
	    LOG_TRACE;
}

static bool print(const struct buf *b)
{
	size_t at = 0;

	while (at < b->n) {
		ssize_t n = write(STDOUT_FILENO, b->p + at, b->n - at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

static int help(const struct options *o)
{
	struct buf b;
	bool ok;

	buf_init(&b, 64 * 1024);
	if (o->version)
		buf_add_z(&b, "tamis " PACKAGE_VERSION "\n");
	else if (o->command == COMMAND_N)
		option_help(&b);
	else
		option_help_command(&b, o->command);
	ok = print(&b);
	buf_free(&b);
	return ok ? EXIT_DONE : EXIT_STATE;
}

static int run_command(struct command_context *c)
{
	struct report_style style = {
		.json = c->options->json,
		.quiet = c->options->quiet,
		.zone = c->zone,
	};
	struct err e = { 0 };
	int code;

	report_style_detect(STDOUT_FILENO, &style);
	style.chatty = style.chatty || c->options->verbose > 0;
	c->report = report_make(c->arena, STDOUT_FILENO, &style);
	code = commands[c->options->command](c);
	if (!report_close(c->report, &e)) {
		if (e.msg[0])
			log_err(NULL, &e);
		code = exit_worst(code, EXIT_STATE);
	}
	return code;
}

int main(int argc, char **argv)
{
	struct options options;
	struct command_context c = { .options = &options };
	struct err e = { 0 }, zone_error = { 0 };
	bool zone_ok;
	int code;

	open_standard_files();
	secret_harden();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);	/* ignored, it loses what became of
					   children */
	c.arena = arena_new();
	c.now = clock_now();
	zone_ok = clock_zone(c.arena, &c.zone, &zone_error);
	if (!option_parse(c.arena, argc, argv, c.now, c.zone, &options,
	    &e)) {
		log_err(NULL, &e);
		code = exit_of(e.kind);
	} else if (options.help || options.version) {
		code = help(&options);
	} else {
		log_set_level(log_level_of(&options));
		if (!options.quiet && options.verbose == 0)
			progress_allow();
		if (!zone_ok)
			log_line(LOG_WARN, "%s", zone_error.msg);
		code = run_command(&c);
	}
	arena_free(&c.arena);
	exit(code);
}
