/*
 * command - the commands of tamis, and what they share.
 *
 * Each is a function from the parsed command line to an exit code.  It says
 * what went wrong itself (log, report); main only exits.
 */
#ifndef TAMIS_COMMAND_H
#define TAMIS_COMMAND_H

#include "config.h"
#include "option.h"
#include "report.h"

struct command_program;

struct command_context {
	struct arena *arena;	/* the process's */
	const struct options *options;
	struct report *report;
	int64_t now;		/* when the program began */
	const struct zone *zone;
	struct command_program *programs;	/* loaded so far */
};

int command_run(struct command_context *c);
int command_check(struct command_context *c);
int command_test(struct command_context *c);
int command_explain(struct command_context *c);
int command_why(struct command_context *c);
int command_log(struct command_context *c);
int command_stats(struct command_context *c);
int command_undo(struct command_context *c);
int command_recover(struct command_context *c);
int command_init(struct command_context *c);
int command_auth(struct command_context *c);
int command_doctor(struct command_context *c);
int command_words(struct command_context *c);
int command_completion(struct command_context *c);

/* ---------------------------------------------------------- exit codes */

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FOUND = 1,		/* test, check, dry run: there is something */
	EXIT_USAGE = 2,
	EXIT_SOME_FAILED = 3,	/* some messages, the rest is done */
	EXIT_BRAKE = 4,
	EXIT_STATE = 74,
	EXIT_LATER = 75,
	EXIT_REFUSED = 77,
	EXIT_CONFIG = 78,
};

int exit_of(enum err_kind kind);
/* Over several accounts: the first of 78 77 74 4 3 75 1 that occurred (2
 * before all, 0 if there was none). */
int exit_worst(int a, int b);

/* -------------------------------------------------- what commands share */

/*
 * These say what is wrong and set *EXIT_OUT when they return NULL or false.
 * Warnings of rules are shown with -v only: they are for `check`, not for
 * a mail from cron.
 */

/* The config as -c says; without -c and without a file an empty one. */
const struct config *command_config(struct command_context *c,
    int *exit_out);

/*
 * The accounts chosen by -a in the order of the config; all without -a.
 * None at all is no error here.
 */
bool command_accounts(struct command_context *c, const struct config *config,
    const struct account ***list_out, size_t *n_out, int *exit_out);

/* The one of this name. */
const struct account *command_account(struct command_context *c,
    const struct config *config, const char *name);

/*
 * The program of ACCOUNT (NULL: none, as for files): the rules of -r, or
 * else those of the config and then the account's own.  No rule file at all
 * is an error.
 */
struct rules *command_rules(struct command_context *c,
    const struct config *config, const struct account *account,
    int *exit_out);

/* Some rule files that make one program. */
struct command_files {
	const char *const *paths;
	size_t n;
};
bool command_same_files(struct command_files x, struct command_files y);
/* What command_rules would load, quietly: n is 0 if there is none. */
struct command_files command_files(struct command_context *c,
    const struct config *config, const struct account *account);
/* Rule files that were loaded; RULES is NULL if they are broken. */
struct command_program {
	struct command_program *next;
	struct command_files files;
	struct rules *rules;
};
/* The programs of several accounts share files: loads them all, and says
 * once what is wrong with each file.  command_rules finds them then. */
void command_preload(struct command_context *c, const struct config *config,
    const struct account *const *list, size_t n);
/* Adds those of MORE that are not among ALL. */
void command_join(struct problems *all, const struct problems *more);
/* The different ones among the accounts chosen by -a. */
bool command_programs(struct command_context *c,
    const struct config *config, struct command_files **list_out,
    size_t *n_out, int *exit_out);
struct rules *command_load(struct command_context *c,
    const struct config *config, struct command_files files,
    struct problems *ps);

/* The state folder of an account, "HOME/NAME". */
const char *command_state(struct command_context *c,
    const struct config *config, const struct account *account);

#endif
