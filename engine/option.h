/*
 * option - the command line: one table of commands and options.
 *
 * Parsing, `tamis --help`, `tamis COMMAND --help` and the completion of shells
 * all read the same table, so that none of them can know a word that the others
 * do not.
 *
 * Global options may stand before or behind the command; GNU rules: long
 * options may be shortened while unambiguous, `--name=value` and
 * `--name value`, short ones joined (-vv), `--` ends them.
 *
 * Life:   the options live in the arena given and borrow argv.
 * Errors: ERR_USAGE, with the nearest word where there is one.
 */
#ifndef TAMIS_OPTION_H
#define TAMIS_OPTION_H

#include "../rules/base.h"

/* In the order in which --help shows them. */
enum command_id {
	COMMAND_RUN,
	COMMAND_CHECK,
	COMMAND_TEST,
	COMMAND_EXPLAIN,
	COMMAND_WHY,
	COMMAND_LOG,
	COMMAND_STATS,
	COMMAND_UNDO,
	COMMAND_RECOVER,
	COMMAND_INIT,
	COMMAND_AUTH,
	COMMAND_DOCTOR,
	COMMAND_WORDS,
	COMMAND_COMPLETION,
	COMMAND_N
};

/* A repeatable option: its values in the order given. */
struct option_list {
	const char **v;
	size_t n, cap;
};

struct options {
	enum command_id command;	/* COMMAND_N: none was named (with
					   help or version only) */
	bool help, version;	/* then nothing else need be right */
	/* global */
	const char *config;	/* -c; NULL: the default one */
	struct option_list accounts;	/* -a; none: all */
	struct option_list rules;	/* -r; instead of the config's */
	unsigned verbose;	/* -v, counted */
	bool quiet;		/* -q */
	bool json;
	/* run; recover and undo have dry_run, log, stats and undo since */
	bool dry_run;
	bool all;		/* at most one of all, since, search */
	int64_t since;		/* TIME_NONE: not given */
	const char *search;	/* IMAP SEARCH criteria; NULL: not given */
	struct option_list mailboxes;
	uint64_t max;		/* messages; 0: no maximum */
	struct option_list allow;	/* rules whose `limit` is lifted */
	bool notify;		/* of older mail, too */
	/* check */
	bool strict;
	/* explain: what to take as the state of a message in a file */
	struct option_list labels, flags;
	bool commands;		/* what would be sent */
	bool private;		/* addresses are masked */
	/* explain, log, undo */
	const char *rule;
	/* init */
	bool non_interactive, no_connect;
	const char *imap, *maildir, *user, *ca_file;
	const char *password_file, *password_command;
	const char *oauth2, *client_id, *client_secret_file;
	/* auth */
	bool device;
	/* stats */
	bool html;
	/* words */
	bool schema;
	/* completion */
	bool line;
	/* What is left: SOURCE, FILE, MESSAGE. */
	const char *const *operands;
	size_t n_operands;
};

/*
 * NOW (seconds) and ZONE (local time; NULL: UTC) are for dates
 * and for durations, which count back from now.
 */
struct zone;
MUST_USE bool option_parse(struct arena *a, int argc, char **argv,
    int64_t now, const struct zone *zone, struct options *out,
    struct err *e);

/* Of the whole program, or of one command. */
void option_help(struct buf *out);
void option_help_command(struct buf *out, enum command_id command);
const char *option_command_name(enum command_id command);	/* N: "tamis" */

/* For tests: the names, in the table's order. */
size_t option_names(const char *const **list_out, struct arena *a,
    enum command_id command);

/*
 * What may stand in place of the last of some words, as a shell asks while
 * they are written.
 */
struct option_place {
	/* Commands or options; then WANTED is NULL. */
	const struct option_choice {
		const char *name;	/* "run", "--dry-run" */
		const char *help;
	} *list;
	size_t n;
	const char *wanted;	/* as help calls it: "FILE", "ACCOUNT" */
	struct str before;	/* of the word, not to be changed: "--rule=" */
};
/* WORDS are those behind the program's name.  OUT is what the others of them
 * say, as far as they are right. */
struct option_place option_place(struct arena *a, const char *const *words,
    size_t n, int64_t now, struct options *out);

/*
 * "2026-01-15" (its beginning), "2026-01-15T10:00[:30]", local time, or a
 * duration as "7d", back from NOW.
 */
MUST_USE bool option_time(struct str s, int64_t now,
    const struct zone *zone, int64_t *time_out);

#endif
