#include "option.h"

#include <string.h>

#include "../rules/rules.h"

#define COLUMNS		79
#define NAME_MAX_OCTETS	64	/* of an option's name as written */

/* ------------------------------------------------------------ the table */

enum option_type {
	OPTION_FLAG,		/* bool */
	OPTION_COUNT,		/* unsigned, each one more */
	OPTION_TEXT,		/* const char * */
	OPTION_LIST,		/* struct option_list */
	OPTION_NUMBER,		/* uint64_t */
	OPTION_TIME,		/* int64_t */
};

struct option_row {
	char letter;		/* 0: none */
	const char *name;
	const char *value;	/* as help shows it and completion knows it;
				   NULL: takes none */
	enum option_type type;
	size_t offset;		/* in struct options */
	unsigned commands;	/* bits; EVERY is all of them */
	const char *help;
};

struct command_row {
	const char *name;
	const char *operands;	/* as help shows them: "SOURCE...", "[FILE]" */
	size_t least, most;	/* of operands */
	const char *summary;
	const char *text;	/* more, for its own help */
};

#define EVERY	(~0u)
#define OF(command)	(1u << COMMAND_ ## command)
#define AT(member)	offsetof(struct options, member)
#define ANY_NUMBER	SIZE_MAX

static const struct option_row option_rows[] = {
	{ 'c', "config", "FILE", OPTION_TEXT, AT(config), EVERY,
	    "read this config, not $XDG_CONFIG_HOME/tamis/config.yaml" },
	{ 'a', "account", "ACCOUNT", OPTION_LIST, AT(accounts), EVERY,
	    "only this account; may be repeated" },
	{ 'r', "rules", "FILE", OPTION_LIST, AT(rules), EVERY,
	    "these rules in place of the config's; may be repeated" },
	{ 'v', "verbose", NULL, OPTION_COUNT, AT(verbose), EVERY,
	    "say more on standard error; -vv says all" },
	{ 'q', "quiet", NULL, OPTION_FLAG, AT(quiet), EVERY,
	    "say errors only" },
	{ 0, "json", NULL, OPTION_FLAG, AT(json), EVERY,
	    "print one JSON object a line" },
	{ 'h', "help", NULL, OPTION_FLAG, AT(help), EVERY,
	    "show this, or with a command what it takes" },
	{ 'V', "version", NULL, OPTION_FLAG, AT(version), EVERY,
	    "show the version" },

	{ 'n', "dry-run", NULL, OPTION_FLAG, AT(dry_run),
	    OF(RUN) | OF(UNDO) | OF(RECOVER),
	    "change nothing; show what would be done, and why" },
	{ 0, "all", NULL, OPTION_FLAG, AT(all), OF(RUN),
	    "judge every message, not only new ones" },
	{ 0, "since", "WHEN", OPTION_TIME, AT(since),
	    OF(RUN) | OF(LOG) | OF(STATS) | OF(UNDO),
	    "from 2026-01-15, 2026-01-15T10:00, or as long ago as 7d" },
	{ 0, "search", "CRITERIA", OPTION_TEXT, AT(search), OF(RUN),
	    "judge what these IMAP SEARCH criteria find" },
	{ 0, "mailbox", "MAILBOX", OPTION_LIST, AT(mailboxes),
	    OF(RUN) | OF(EXPLAIN),
	    "this mailbox, not those of the config; may be repeated" },
	{ 0, "max", "N", OPTION_NUMBER, AT(max), OF(RUN),
	    "judge at most N messages of a mailbox" },
	{ 0, "allow", "RULE", OPTION_LIST, AT(allow), OF(RUN),
	    "lift the limit of this rule; may be repeated" },
	{ 0, "notify", NULL, OPTION_FLAG, AT(notify), OF(RUN),
	    "tell of older mail, too" },
	{ 0, "strict", NULL, OPTION_FLAG, AT(strict), OF(CHECK),
	    "warnings fail, too" },
	{ 0, "label", "LABEL", OPTION_LIST, AT(labels), OF(EXPLAIN),
	    "take the message to have this label; may be repeated" },
	{ 0, "flag", "FLAG", OPTION_LIST, AT(flags), OF(EXPLAIN),
	    "take the message to have this flag; may be repeated" },
	{ 0, "commands", NULL, OPTION_FLAG, AT(commands), OF(EXPLAIN),
	    "show the IMAP commands that would be sent, too" },
	{ 0, "private", NULL, OPTION_FLAG, AT(private), OF(EXPLAIN),
	    "mask mail addresses, to show it to others" },
	{ 0, "rule", "RULE", OPTION_TEXT, AT(rule),
	    OF(EXPLAIN) | OF(LOG) | OF(UNDO),
	    "only this rule, or what it wanted" },
	{ 0, "non-interactive", NULL, OPTION_FLAG, AT(non_interactive),
	    OF(INIT), "ask nothing; take what the other options say" },
	{ 0, "imap", "URL", OPTION_TEXT, AT(imap), OF(INIT),
	    "the server, as imaps://HOST; default: as the address lets one "
	    "expect" },
	{ 0, "maildir", "FOLDER", OPTION_TEXT, AT(maildir), OF(INIT),
	    "a Maildir in place of a server" },
	{ 0, "user", "NAME", OPTION_TEXT, AT(user), OF(INIT),
	    "the mail address, or the name to log in with" },
	{ 0, "password-file", "FILE", OPTION_TEXT, AT(password_file),
	    OF(INIT), "a file that holds the password, mode 600" },
	{ 0, "password-command", "WORDS", OPTION_TEXT, AT(password_command),
	    OF(INIT), "a program that prints it, and its arguments, "
	    "separated by blanks" },
	{ 0, "oauth2", "PROVIDER", OPTION_TEXT, AT(oauth2), OF(INIT),
	    "google or microsoft, with --client-id" },
	{ 0, "client-id", "ID", OPTION_TEXT, AT(client_id), OF(INIT),
	    "what the provider calls your client" },
	{ 0, "client-secret-file", "FILE", OPTION_TEXT,
	    AT(client_secret_file), OF(INIT),
	    "a file that holds the client's secret, mode 600" },
	{ 0, "ca-file", "FILE", OPTION_TEXT, AT(ca_file), OF(INIT),
	    "PEM certificates to verify the server with, not the system's" },
	{ 0, "no-connect", NULL, OPTION_FLAG, AT(no_connect), OF(INIT),
	    "do not try to log in" },
	{ 0, "device", NULL, OPTION_FLAG, AT(device), OF(AUTH),
	    "give consent on another machine, by entering a code" },
	{ 0, "html", NULL, OPTION_FLAG, AT(html), OF(STATS),
	    "print a page with charts for a browser" },
	{ 0, "schema", NULL, OPTION_FLAG, AT(schema), OF(WORDS),
	    "print the JSON Schema of rule files, for editors" },
	{ 0, "line", NULL, OPTION_FLAG, AT(line), OF(COMPLETION),
	    "print what may stand in place of the last of these words" },
};

static const struct command_row command_rows[COMMAND_N] = {
	[COMMAND_RUN] = { "run", "[SOURCE]...", 0, ANY_NUMBER,
	    "filter new mail once",
	    "Judges what is new in the mailboxes of each account and does "
	    "what the rules want; what cron calls. With SOURCE (.eml files, "
	    "an mbox, a Maildir, or - for standard input) it judges that "
	    "instead: every message counts as new, no state is kept, and "
	    "with -r no config is needed." },
	[COMMAND_CHECK] = { "check", "", 0, 0,
	    "compile config and rules and show every problem",
	    "Reads the config and all rules (or those of -r) and shows each "
	    "problem with its line and column. Connects to nothing. Exit "
	    "status 1 if there is an error, with --strict also if there is a "
	    "warning." },
	[COMMAND_TEST] = { "test", "[FILE]...", 0, ANY_NUMBER,
	    "run the tests written in rule files",
	    "Each FILE is taken by itself with what it includes; without "
	    "FILE those of -r or of the config. Exit status 1 if a test "
	    "failed, 78 if a file has errors." },
	[COMMAND_EXPLAIN] = { "explain", "SOURCE...", 1, ANY_NUMBER,
	    "why each rule fires or not, for saved messages",
	    "Shows every rule as a tree of conditions for each message of "
	    "SOURCE (.eml files, an mbox, a Maildir, or - for standard "
	    "input): yes, no or unknown, the value that decided, and what "
	    "would be done. With -v conditions that were not needed are "
	    "shown, too. --mailbox, --label "
	    "and --flag give a message in a file the state that files do not "
	    "have; for a Maildir, --mailbox chooses the mailbox." },
	[COMMAND_WHY] = { "why", "MESSAGE", 1, 1,
	    "what was done to a message, and which rule wanted it",
	    "MESSAGE is a Message-ID (with or without angle brackets) or "
	    "ACCOUNT:MAILBOX:UID. From the journal; connects to nothing. "
	    "Exit status 1 if nothing is known of it." },
	[COMMAND_LOG] = { "log", "", 0, 0,
	    "runs and what they changed",
	    "From the journal; connects to nothing. Runs that found nothing "
	    "to judge are shown with -v only." },
	[COMMAND_STATS] = { "stats", "", 0, 0,
	    "how often each rule hit, and what was changed a day",
	    "From the journal, as far as it goes back; connects to nothing. "
	    "Rules that never hit are shown, too." },
	[COMMAND_UNDO] = { "undo", "[RUN]", 0, 1,
	    "take back what a run has done",
	    "RUN is a number that log shows; or --rule and --since say what "
	    "is taken back: labels, flags, places, rewritten messages, the "
	    "last ones first. What is not as it was left since is left "
	    "alone. Copies stay." },
	[COMMAND_RECOVER] = { "recover", "", 0, 0,
	    "finish what a crash left half done",
	    "run does it first by itself; this does it alone and says what "
	    "it found." },
	[COMMAND_INIT] = { "init", "", 0, 0,
	    "write a first config and first rules, after asking",
	    "Asks for the account, tries to log in, and writes config.yaml "
	    "and rules.yaml with comments in them. Options are taken for "
	    "answers; -a names the account, -c the config. Nothing that is "
	    "there is changed: with a config it stops, and rules that are "
	    "there stay." },
	[COMMAND_AUTH] = { "auth", "ACCOUNT", 1, 1,
	    "ask for consent to read mail, and store the token",
	    "For an account that logs in with oauth2: prints an address to "
	    "open in a browser, waits until consent is given there, and "
	    "stores the token, which is refreshed from then on. Needed once, "
	    "and again when the consent was withdrawn. If the browser is on "
	    "another machine, paste the address of the page that it ends "
	    "on." },
	[COMMAND_DOCTOR] = { "doctor", "", 0, 0,
	    "connect and say what the server can do",
	    "Connects to each account, and says what the server offers, "
	    "what of it will be used, and what will not work." },
	[COMMAND_WORDS] = { "words", "[WORD]...", 0, ANY_NUMBER,
	    "the words of the rule language",
	    "Lists every condition, action, operator, key and template "
	    "variable of rule files with what it means; of WORD also what "
	    "it takes. Exit status 1 if there is no such word." },
	[COMMAND_COMPLETION] = { "completion", "SHELL", 1, ANY_NUMBER,
	    "a script with which a shell completes words",
	    "SHELL is bash, zsh or fish. The script asks this program, with "
	    "--line, what may stand where: commands, options, accounts, rules, "
	    "words of the language." },
};

const char *option_command_name(enum command_id command)
{
	return command < COMMAND_N ? command_rows[command].name : "tamis";
}

size_t option_names(const char *const **list_out, struct arena *a,
    enum command_id command)
{
	const char **list = arena_array(a, COUNT(option_rows),
	    sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < COUNT(option_rows); i++)
		if (option_rows[i].commands & 1u << command)
			list[n++] = option_rows[i].name;
	*list_out = list;
	return n;
}

/* ----------------------------------------------------------------- help */

/* TEXT from column AT on, broken at blanks, continued at INDENT. */
static void add_wrapped(struct buf *out, struct str text, size_t at,
    size_t indent)
{
	struct str word;
	bool first = true;

	while (str_cut(&text, ' ', &word)) {
		size_t w = text_width(word);

		if (!first && at + 1 + w > COLUMNS) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_add_char(out, ' ');
			at++;
		}
		buf_add_str(out, word);
		at += w;
		first = false;
	}
	buf_add_char(out, '\n');
}

#define HELP_AT		26	/* column of the second column */

static void add_entry(struct buf *out, const char *left, size_t n,
    const char *right)
{
	buf_printf(out, "  %s", left);
	if (n + 2 < HELP_AT)
		buf_printf(out, "%*s", (int)(HELP_AT - n - 2), "");
	else
		buf_printf(out, "\n%*s", HELP_AT, "");
	add_wrapped(out, str_of(right), HELP_AT, HELP_AT);
}

static void add_option(struct buf *out, const struct option_row *o)
{
	struct buf left;

	buf_init(&left, 200);
	if (o->letter)
		buf_printf(&left, "-%c, ", o->letter);
	else
		buf_add_z(&left, "    ");
	buf_printf(&left, "--%s", o->name);
	if (o->value)
		buf_printf(&left, " %s", o->value);
	add_entry(out, buf_z(&left), left.n, o->help);
	buf_free(&left);
}

static void add_global_options(struct buf *out)
{
	for (size_t i = 0; i < COUNT(option_rows); i++)
		if (option_rows[i].commands == EVERY)
			add_option(out, &option_rows[i]);
}

void option_help(struct buf *out)
{
	buf_add_z(out, "usage: tamis [OPTION]... COMMAND [ARGUMENT]...\n\n"
	    "Filters mail by rules written in YAML.\n\ncommands:\n");
	for (size_t i = 0; i < COMMAND_N; i++)
		add_entry(out, command_rows[i].name,
		    strlen(command_rows[i].name), command_rows[i].summary);
	buf_add_z(out, "\noptions of every command:\n");
	add_global_options(out);
	buf_add_z(out, "\n\"tamis COMMAND --help\" shows the options of a "
	    "command.\n"
	    "Exit status: 0 done, 1 something was found or would change, "
	    "2 wrong use,\n3 some messages failed, 4 a limit stopped it, "
	    "74 state, 75 try again later,\n77 refused by the server, "
	    "78 bad config or rules.\n"
	    "See tamis(1), tamis-rules(5), tamis-config(5); to begin with "
	    "tamis-tutorial(7);\nfor Gmail tamis-gmail(7).\n");
}

void option_help_command(struct buf *out, enum command_id command)
{
	const struct command_row *c = &command_rows[command];
	bool own = false;

	buf_printf(out, "usage: tamis [OPTION]... %s%s%s\n\n", c->name,
	    c->operands[0] ? " " : "", c->operands);
	add_wrapped(out, str_of(c->text), 0, 0);
	for (size_t i = 0; i < COUNT(option_rows); i++) {
		const struct option_row *o = &option_rows[i];

		if (o->commands == EVERY || !(o->commands & 1u << command))
			continue;
		if (!own)
			buf_printf(out, "\noptions of %s:\n", c->name);
		own = true;
		add_option(out, o);
	}
	buf_add_z(out, "\noptions of every command:\n");
	add_global_options(out);
}

/* ----------------------------------------------------------------- time */

/* N digits at *AT, followed by END (0: nothing). */
static bool take_number(struct str *s, size_t n, char end, int *out)
{
	uint64_t value;

	if (s->n < n || !str_u64(str_sub(*s, 0, n), 9999, &value))
		return false;
	*s = str_sub(*s, n, s->n);
	if (end) {
		if (s->n == 0 || s->p[0] != end)
			return false;
		*s = str_sub(*s, 1, s->n);
	}
	*out = (int)value;
	return true;
}

static bool take_clock(struct str *s, struct civil *c)
{
	if (!take_number(s, 2, ':', &c->hour) ||
	    !take_number(s, 2, 0, &c->min))
		return false;
	if (s->n > 0 && s->p[0] == ':') {
		*s = str_sub(*s, 1, s->n);
		if (!take_number(s, 2, 0, &c->sec))
			return false;
	}
	return c->hour < 24 && c->min < 60 && c->sec < 60;
}

static bool civil_read(struct str s, struct civil *out)
{
	struct civil c = { .year = 0 }, back;
	int year;

	if (!take_number(&s, 4, '-', &year) ||
	    !take_number(&s, 2, '-', &c.month) ||
	    !take_number(&s, 2, 0, &c.day))
		return false;
	c.year = year;
	if (s.n > 0) {
		if (s.p[0] != 'T' && s.p[0] != ' ')
			return false;
		s = str_sub(s, 1, s.n);
		if (!take_clock(&s, &c) || s.n > 0)
			return false;
	}
	if (c.month < 1 || c.month > 12 || c.day < 1)
		return false;
	/* a day that is not there comes back as another one */
	back = time_to_civil(time_from_civil(c.year, c.month, c.day, 0, 0, 0));
	*out = c;
	return back.month == c.month && back.day == c.day;
}

bool option_time(struct str s, int64_t now, const struct zone *zone,
    int64_t *time_out)
{
	struct civil c;
	int64_t ago;

	if (parse_duration(s, &ago)) {
		*time_out = now - ago;
		return true;
	}
	if (!civil_read(s, &c))
		return false;
	*time_out = zone_first(zone, time_from_civil(c.year, c.month, c.day,
	    c.hour, c.min, c.sec));
	return true;
}

/* -------------------------------------------------------------- parsing */

struct parse {
	struct arena *a;
	int argc, at;		/* argv[at] is next */
	char **argv;
	int64_t now;
	const struct zone *zone;
	struct options *o;
	unsigned commands;	/* whose options are known: bits */
	bool dry;		/* looking for the command only */
	const char **operands;
	size_t n_operands, cap_operands;
	bool ended;		/* by "--" */
	const struct option_row *waiting;	/* the value is missing */
	struct err *e;
};

static bool applies(const struct parse *p, const struct option_row *o)
{
	return (o->commands & p->commands) != 0;
}

static const struct option_row *by_letter(const struct parse *p, char c)
{
	for (size_t i = 0; i < COUNT(option_rows); i++)
		if (option_rows[i].letter == c && c && applies(p,
		    &option_rows[i]))
			return &option_rows[i];
	return NULL;
}

/* Whole, or shortened as long as only one fits. */
static const struct option_row *by_name(const struct parse *p,
    struct str name, bool *several_out)
{
	const struct option_row *found = NULL;

	*several_out = false;
	for (size_t i = 0; i < COUNT(option_rows); i++) {
		const struct option_row *o = &option_rows[i];

		if (!applies(p, o))
			continue;
		if (str_eq_z(name, o->name))
			return *several_out = false, o;
		if (name.n == 0 || !str_starts(str_of(o->name), name))
			continue;
		*several_out = found != NULL;
		found = found ? found : o;
	}
	return *several_out ? NULL : found;
}

/* The commands that do have an option of this name. */
static void add_owners(struct buf *b, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(option_rows); i++) {
		if (!str_eq_z(name, option_rows[i].name))
			continue;
		for (unsigned k = 0; k < COMMAND_N; k++)
			if (option_rows[i].commands & 1u << k)
				buf_printf(b, "%s%s", n++ ? ", " : "",
				    command_rows[k].name);
	}
}

static bool unknown_option(struct parse *p, struct str name, bool several)
{
	const char *const *names;
	size_t n = option_names(&names, p->a, p->o->command);
	const char *near = nearest(name, names, n);
	struct str safe = shown(p->a, str_sub(name, 0, NAME_MAX_OCTETS));
	const char *command = option_command_name(p->o->command);
	const char *help = p->o->command < COMMAND_N ? command : "COMMAND";
	struct buf owners;
	bool elsewhere;

	if (several)
		return err_set(p->e, ERR_USAGE,
		    "--%.*s is the beginning of several options",
		    STR_ARG(safe));
	buf_init(&owners, 400);
	add_owners(&owners, name);
	elsewhere = owners.n > 0;
	if (elsewhere)
		err_set(p->e, ERR_USAGE, "%s has no option --%.*s "
		    "(it is one of: %s)", command, STR_ARG(safe),
		    buf_z(&owners));
	else if (near)
		err_set(p->e, ERR_USAGE, "%s has no option --%.*s; "
		    "did you mean --%s?", command, STR_ARG(safe), near);
	else
		err_set(p->e, ERR_USAGE, "%s has no option --%.*s; "
		    "see tamis %s --help", command, STR_ARG(safe), help);
	buf_free(&owners);
	return false;
}

static bool bad_value(struct parse *p, const struct option_row *row,
    const char *value, const char *wanted)
{
	struct str safe = shown(p->a, str_sub(str_of(value), 0, 200));

	return err_set(p->e, ERR_USAGE, "--%s: \"%.*s\" is not %s",
	    row->name, STR_ARG(safe), wanted);
}

static bool store(struct parse *p, const struct option_row *row,
    const char *value)
{
	void *at = (char *)p->o + row->offset;
	struct option_list *list = at;
	int64_t t;
	uint64_t n;

	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		break;
	case OPTION_COUNT:
		++*(unsigned *)at;
		break;
	case OPTION_TEXT:
		*(const char **)at = value;
		break;
	case OPTION_LIST:
		arena_grow(p->a, &list->v, list->n, &list->cap);
		list->v[list->n++] = value;
		break;
	case OPTION_NUMBER:
		if (!str_u64(str_of(value), UINT32_MAX, &n) || n == 0)
			return bad_value(p, row, value,
			    "a number from 1 up");
		*(uint64_t *)at = n;
		break;
	case OPTION_TIME:
		if (!option_time(str_of(value), p->now, p->zone, &t))
			return bad_value(p, row, value, "a time; write "
			    "2026-01-15, 2026-01-15T10:00 or 7d");
		*(int64_t *)at = t;
		break;
	}
	return true;
}

/* VALUE is what stood behind "=" or the letter; NULL: nothing did. */
static bool take_option(struct parse *p, const struct option_row *row,
    const char *value)
{
	if (!row->value && value)
		return err_set(p->e, ERR_USAGE, "--%s takes no value",
		    row->name);
	if (row->value && !value) {
		if (p->at >= p->argc) {
			p->waiting = row;
			return err_set(p->e, ERR_USAGE,
			    "--%s needs a value: %s", row->name, row->value);
		}
		value = p->argv[p->at++];
	}
	if (p->dry)
		return true;
	return store(p, row, value);
}

static bool take_long(struct parse *p, const char *arg)
{
	struct str name = str_of(arg + 2);
	size_t eq = str_find_char(name, 0, '=');
	const char *value = eq < name.n ? name.p + eq + 1 : NULL;
	const struct option_row *row;
	bool several;

	name.n = eq;
	row = by_name(p, name, &several);
	if (row)
		return take_option(p, row, value);
	return p->dry || unknown_option(p, name, several);
}

static bool take_letters(struct parse *p, const char *arg)
{
	for (const char *c = arg + 1; *c; c++) {
		const struct option_row *row = by_letter(p, *c);
		struct str safe = shown(p->a, utf8_head(str_of(c), 4));

		if (!row && p->dry)
			continue;
		if (!row)
			return err_set(p->e, ERR_USAGE,
			    "%s has no option -%.*s; see --help",
			    option_command_name(p->o->command),
			    ch_alnum(*c) ? 1 : (int)safe.n, safe.p);
		if (row->value)
			return take_option(p, row, c[1] ? c + 1 : NULL);
		if (!take_option(p, row, NULL))
			return false;
	}
	return true;
}

static void take_operand(struct parse *p, const char *arg)
{
	arena_grow(p->a, &p->operands, p->n_operands, &p->cap_operands);
	p->operands[p->n_operands++] = arg;
}

static bool take_all(struct parse *p)
{
	p->at = 1;
	p->n_operands = 0;
	p->ended = false;
	while (p->at < p->argc) {
		const char *arg = p->argv[p->at++];
		bool ok = true;

		if (p->ended || arg[0] != '-' || !arg[1])
			take_operand(p, arg);
		else if (strcmp(arg, "--") == 0)
			p->ended = true;
		else if (arg[1] == '-')
			ok = take_long(p, arg);
		else
			ok = take_letters(p, arg);
		if (!ok)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------- commands */

static bool find_command(struct parse *p, struct str name)
{
	const char *names[COMMAND_N];
	struct str safe = shown(p->a, str_sub(name, 0, NAME_MAX_OCTETS));
	const char *near;

	for (size_t i = 0; i < COMMAND_N; i++) {
		names[i] = command_rows[i].name;
		if (str_eq_z(name, names[i])) {
			p->o->command = (enum command_id)i;
			return true;
		}
	}
	near = nearest(name, names, COMMAND_N);
	if (near)
		return err_set(p->e, ERR_USAGE, "there is no command "
		    "\"%.*s\"; did you mean \"%s\"?", STR_ARG(safe), near);
	return err_set(p->e, ERR_USAGE, "there is no command \"%.*s\"; "
	    "see tamis --help", STR_ARG(safe));
}

static bool check_operands(struct parse *p)
{
	const struct command_row *c = &command_rows[p->o->command];
	size_t n = p->o->n_operands;

	if (n < c->least)
		return err_set(p->e, ERR_USAGE, "%s needs %s; "
		    "see tamis %s --help", c->name, c->operands, c->name);
	if (n > c->most) {
		struct str safe = shown(p->a, str_sub(
		    str_of(p->o->operands[c->most]), 0, 200));

		return err_set(p->e, ERR_USAGE, "%s takes %s: \"%.*s\"",
		    c->name, c->most ? "nothing more" : "no argument",
		    STR_ARG(safe));
	}
	return true;
}

static bool check_together(struct parse *p)
{
	const struct options *o = p->o;

	if (o->quiet && o->verbose)
		return err_set(p->e, ERR_USAGE,
		    "--quiet and --verbose exclude each other");
	if (o->command == COMMAND_RUN &&
	    o->all + (o->since != TIME_NONE) + (o->search != NULL) > 1)
		return err_set(p->e, ERR_USAGE,
		    "--all, --since and --search exclude each other");
	if (o->html && o->json)
		return err_set(p->e, ERR_USAGE,
		    "--html and --json exclude each other");
	if (o->notify && !o->all && o->since == TIME_NONE && !o->search &&
	    o->n_operands == 0)
		return err_set(p->e, ERR_USAGE, "--notify goes with --all, "
		    "--since, --search or a SOURCE");
	if (o->command == COMMAND_COMPLETION && !o->line && o->n_operands > 1)
		return err_set(p->e, ERR_USAGE,
		    "completion takes one SHELL, or --line");
	if (o->command == COMMAND_EXPLAIN && o->mailboxes.n > 1)
		return err_set(p->e, ERR_USAGE,
		    "a message is in one mailbox: give --mailbox once");
	return true;
}

bool option_parse(struct arena *a, int argc, char **argv, int64_t now,
    const struct zone *zone, struct options *out, struct err *e)
{
	struct options o = { .since = TIME_NONE };
	struct parse p = {
		.a = a, .argc = argc, .argv = argv, .now = now, .zone = zone,
		.o = &o, .commands = EVERY, .dry = true, .e = e,
	};
	bool named;

	/* Options may stand before the command: first find that. */
	if (!take_all(&p))
		return false;
	named = p.n_operands > 0;
	if (named && !find_command(&p, str_of(p.operands[0])))
		return false;
	p.dry = false;
	if (named)
		p.commands = 1u << o.command;
	else
		o.command = COMMAND_N;
	if (!take_all(&p))
		return false;
	if (named) {
		o.operands = p.operands + 1;
		o.n_operands = p.n_operands - 1;
	}
	if (!o.help && !o.version) {
		if (!named)
			return err_set(e, ERR_USAGE,
			    "a command is missing; see tamis --help");
		if (!check_operands(&p) || !check_together(&p))
			return false;
	}
	*out = o;
	return true;
}

/* ----------------------------------------------------------- completion */

static void place_commands(struct arena *a, struct option_place *out)
{
	struct option_choice *list = arena_array(a, COMMAND_N,
	    sizeof(*list));

	for (size_t i = 0; i < COMMAND_N; i++)
		list[i] = (struct option_choice){ command_rows[i].name,
		    command_rows[i].summary };
	out->list = list;
	out->n = COMMAND_N;
}

static void place_options(struct parse *p, struct option_place *out)
{
	struct option_choice *list = arena_array(p->a, COUNT(option_rows),
	    sizeof(*list));
	unsigned commands = p->o->command < COMMAND_N ?
	    1u << p->o->command : EVERY;

	for (size_t i = 0; i < COUNT(option_rows); i++) {
		const struct option_row *row = &option_rows[i];

		/* before the command those that each of them has */
		if ((row->commands & commands) == commands)
			list[out->n++] = (struct option_choice){
			    arena_printf(p->a, "--%s", row->name).p,
			    row->help };
	}
	out->list = list;
}

/* WORD begins with a dash: "--NAME=" and the beginning of a value, or an
 * option. */
static void place_dash(struct parse *p, struct str word,
    struct option_place *out)
{
	size_t eq = str_find_char(word, 0, '=');
	const struct option_row *row;
	bool several;

	if (eq == word.n || !str_starts(word, STR_LIT("--"))) {
		place_options(p, out);
		return;
	}
	row = by_name(p, str_sub(word, 2, eq - 2), &several);
	if (row && row->value) {
		out->before = str_sub(word, 0, eq + 1);
		out->wanted = row->value;
	}
}

/* The name of operand number K in "FROM TO..." or "[FILE]"; NULL: there is
 * none. */
static const char *operand_name(struct arena *a, const struct command_row *c,
    size_t k)
{
	struct str rest = str_of(c->operands), word = STR_EMPTY, name;

	if (k >= c->most)
		return NULL;
	for (size_t i = 0; i <= k && str_cut(&rest, ' ', &word); i++)
		;
	name = str_sub(word, word.p[0] == '[', word.n);
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] < 'A' || name.p[i] > 'Z')
			name.n = i;
	return name.n > 0 ? arena_z(a, name) : NULL;
}

static struct option_place place_of(struct parse *p, struct str word)
{
	struct option_place out = { .before = STR_EMPTY };

	if (p->waiting)
		out.wanted = p->waiting->value;
	else if (!p->ended && word.n > 0 && word.p[0] == '-')
		place_dash(p, word, &out);
	else if (p->n_operands == 0)
		place_commands(p->a, &out);
	else if (p->o->command < COMMAND_N)
		out.wanted = operand_name(p->a,
		    &command_rows[p->o->command], p->n_operands - 1);
	return out;
}

struct option_place option_place(struct arena *a, const char *const *words,
    size_t n, int64_t now, struct options *out)
{
	struct options o = { .since = TIME_NONE, .command = COMMAND_N };
	struct err e = { 0 };
	struct parse p = {
		.a = a, .argc = (int)n, .now = now, .o = &o,
		.commands = EVERY, .dry = true, .e = &e,
	};
	struct option_place place;

	p.argv = arena_array(a, n + 1, sizeof(*p.argv));
	for (size_t i = 0; i + 1 < n; i++)
		p.argv[i + 1] = arena_z(a, str_of(words[i]));
	take_all(&p);
	if (p.n_operands > 0 && find_command(&p, str_of(p.operands[0])))
		p.commands = 1u << o.command;
	place = place_of(&p, str_of(n > 0 ? words[n - 1] : ""));
	p.dry = false;
	take_all(&p);		/* as far as it goes */
	*out = o;
	return place;
}
