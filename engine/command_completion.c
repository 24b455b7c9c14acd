/*
 * completion: scripts for shells, and what they ask.
 *
 * The scripts know no word themselves: they hand over what stands on the
 * command line, and this program says what may come there.  So they fit
 * whichever tamis is called, its config and its rules.  The answer:
 *
 *	words | files | folders		whether the shell itself looks on
 *	WORD [TAB HELP]			each that begins as the last word does
 */
#include "command.h"

#include <string.h>

#include "../rules/names.h"
#include "log.h"

#define ANSWER_MAX	(4 * 1024 * 1024)

static const char bash_script[] =
"# Completion of tamis for bash, made by \"tamis completion bash\".\n"
"_tamis()\n"
"{\n"
"	local rest=${COMP_LINE:0:COMP_POINT} word bare quote special i\n"
"	local -a words answer\n"
"	rest=${rest#*\"${COMP_WORDS[0]}\"}\n"
"	# bash cuts words at = and : as well; those without a blank between\n"
"	# are one, of which only the last piece is completed\n"
"	local head= whole=\n"
"	for ((i = 1; i <= COMP_CWORD; i++)); do\n"
"		word=${COMP_WORDS[i]}\n"
"		if [[ $rest == [[:space:]]* || $i == 1 ]]; then\n"
"			[[ $i == 1 ]] || words+=(\"$whole\")\n"
"			whole=\n"
"		fi\n"
"		rest=${rest#\"${rest%%[![:space:]]*}\"}\n"
"		((i < COMP_CWORD)) || word=$rest\n"
"		rest=${rest#\"$word\"}\n"
"		quote=\n"
"		case $word in\n"
"		[\\\"\\']*)\n"
"			quote=${word:0:1}\n"
"			bare=${word:1}\n"
"			bare=${bare%\"$quote\"} ;;\n"
"		*)	bare=${word//\\\\/} ;;\n"
"		esac\n"
"		head=$whole\n"
"		[[ $word != [=:] ]] || head=$whole$bare\n"
"		whole=$whole$bare\n"
"	done\n"
"	words=(\"${words[@]/#\\~\\//$HOME/}\" \"$whole\")\n"
"	mapfile -t answer < <(\"${1/#\\~\\//$HOME/}\" completion --line -- \\\n"
"		\"${words[@]}\" 2>/dev/null)\n"
"	COMPREPLY=()\n"
"	case ${answer[0]-} in\n"
"	files)	compopt -o default ;;\n"
"	folders)	compopt -o dirnames ;;\n"
"	esac\n"
"	for word in \"${answer[@]:1}\"; do\n"
"		word=${word%%$'\\t'*}\n"
"		word=${word#\"$head\"}\n"
"		case $quote in\n"
"		\\\")	for special in '\\' '\"' '$' '`'; do\n"
"				word=${word//\"$special\"/\"\\\\$special\"}\n"
"			done ;;\n"
"		\\')	word=${word//\\'/\"'\\\\''\"} ;;\n"
"		*)	printf -v word %q \"$word\" ;;\n"
"		esac\n"
"		COMPREPLY+=(\"$word\")\n"
"	done\n"
"}\n"
"complete -F _tamis tamis\n";

static const char zsh_script[] =
"#compdef tamis\n"
"# Completion of tamis for zsh, made by \"tamis completion zsh\".\n"
"_tamis()\n"
"{\n"
"	local word tab=$'\\t'\n"
"	local -a before answer choices\n"
"	before=(\"${(@Q)words[2,CURRENT-1]}\")\n"
"	answer=(\"${(@f)$(\"${words[1]/#\\~\\//$HOME/}\" completion --line -- \\\n"
"		\"${before[@]/#\\~\\//$HOME/}\" \"${(Q)PREFIX}\" 2>/dev/null)}\")\n"
"	for word in \"${(@)answer[2,-1]}\"; do\n"
"		[[ $word == *$tab* ]] || word+=$tab\n"
"		choices+=(\"${${word%%$tab*}//:/\\\\:}:${word#*$tab}\")\n"
"	done\n"
"	case $answer[1] in\n"
"	files)\n"
"		[[ $PREFIX != --*=* ]] || compset -P '*='\n"
"		_files ;;\n"
"	folders)\n"
"		[[ $PREFIX != --*=* ]] || compset -P '*='\n"
"		_files -/ ;;\n"
"	*)	_describe -V tamis choices ;;\n"
"	esac\n"
"}\n"
"if [[ ${funcstack[1]-} == _tamis ]]; then\n"
"	_tamis \"$@\"\n"
"else\n"
"	compdef _tamis tamis\n"
"fi\n";

static const char fish_script[] =
"# Completion of tamis for fish, made by \"tamis completion fish\".\n"
"function __tamis_complete\n"
"	set -l words (commandline -opc | string replace -r '^~/' $HOME/)\n"
"	set -l word (commandline -ct)\n"
"	set -l bare (string unescape -- $word; or echo $word)\n"
"	set -l program $words[1]\n"
"	set -e words[1]\n"
"	set -l answer ($program completion --line -- $words \"$bare\" \\\n"
"		2>/dev/null)\n"
"	set -l head (string match -r -- '^--[^=]*=' $word)\n"
"	set -l tail (string replace -r -- '^--[^=]*=' '' $word)\n"
"	switch \"$answer[1]\"\n"
"		case files\n"
"			printf \"$head%s\\n\" (__fish_complete_path \"$tail\")\n"
"		case folders\n"
"			printf \"$head%s\\n\" (__fish_complete_directories \"$tail\")\n"
"		case '*'\n"
"			set -e answer[1]\n"
"			printf '%s\\n' $answer\n"
"	end\n"
"end\n"
"complete -c tamis -f -k -a '(__tamis_complete)'\n";

static const struct shell {
	const char *name, *script;
} shells[] = {
	{ "bash", bash_script },
	{ "zsh", zsh_script },
	{ "fish", fish_script },
};

/* ------------------------------------------------------------ the answer */

struct answer {
	struct command_context *c;	/* of the line that is written */
	struct buf *out;
	struct str before, begin;	/* the last word */
	struct names names;	/* that are there */
};

static void add(struct answer *w, const char *name, const char *help)
{
	struct str safe = shown(w->c->arena, str_of(name));
	size_t ignored;

	/* what cannot be shown cannot be completed; words of the language and
	 * rules of several accounts may have one name */
	if (!str_starts(safe, w->begin) || !str_eq_z(safe, name) ||
	    names_get(&w->names, safe, &ignored))
		return;
	names_add(w->c->arena, &w->names, safe, 0);
	buf_add_str(w->out, w->before);
	buf_add_str(w->out, safe);
	if (help)
		buf_printf(w->out, "\t%s", help);
	buf_add_char(w->out, '\n');
}

static void add_shells(struct answer *w)
{
	for (size_t i = 0; i < COUNT(shells); i++)
		add(w, shells[i].name, NULL);
}

static void add_words(struct answer *w)
{
	const struct rules_word *list;
	size_t n = rules_words(w->c->arena, &list);

	for (size_t i = 0; i < n; i++)
		add(w, list[i].name, list[i].help);
}

static void add_accounts(struct answer *w)
{
	int code;
	const struct config *config = command_config(w->c, &code);

	for (size_t i = 0; config && i < config->n_accounts; i++)
		add(w, config->accounts[i].name, NULL);
}

static void add_rules(struct answer *w)
{
	int code;
	const struct config *config = command_config(w->c, &code);
	struct command_files *list;
	struct problems ps;
	size_t n;

	if (!config || !command_programs(w->c, config, &list, &n, &code))
		return;
	problems_init(&ps, w->c->arena);
	for (size_t i = 0; i < n; i++) {
		struct rules *rules = command_load(w->c, config, list[i],
		    &ps);

		for (size_t k = 0; rules && k < rules_count(rules); k++)
			add(w, rules_info(rules, k)->name, NULL);
	}
}

static const struct wanted {
	const char *name;	/* as the tables of options call it */
	const char *kind;
	void (*add)(struct answer *w);
} wanted[] = {
	{ "FILE", "files", NULL },
	{ "SOURCE", "files", NULL },
	{ "DIR", "folders", NULL },
	{ "FOLDER", "folders", NULL },
	{ "ACCOUNT", "words", add_accounts },
	{ "RULE", "words", add_rules },
	{ "WORD", "words", add_words },
	{ "SHELL", "words", add_shells },
};

static const struct wanted *find_wanted(const char *name)
{
	static const struct wanted nothing = { "", "words", NULL };

	for (size_t i = 0; name && i < COUNT(wanted); i++)
		if (strcmp(wanted[i].name, name) == 0)
			return &wanted[i];
	return &nothing;
}

static void answer(struct command_context *c, struct buf *out)
{
	const struct options *o = c->options;
	const char *last = o->operands[o->n_operands - 1];
	struct options written;
	struct option_place place = option_place(c->arena, o->operands,
	    o->n_operands, c->now, &written);
	const struct wanted *kind = find_wanted(place.wanted);
	struct command_context line = *c;
	struct answer w = {
		.c = &line, .out = out, .before = place.before,
		.begin = str_of(last + place.before.n),
	};

	line.options = &written;
	buf_printf(out, "%s\n", kind->kind);
	for (size_t i = 0; i < place.n; i++)
		add(&w, place.list[i].name, place.list[i].help);
	if (kind->add)
		kind->add(&w);
}

int command_completion(struct command_context *c)
{
	const struct options *o = c->options;
	struct buf b;

	if (o->line) {
		buf_init(&b, ANSWER_MAX);
		answer(c, &b);
		report_file(c->report, buf_str(&b));
		buf_free(&b);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COUNT(shells); i++) {
		if (strcmp(o->operands[0], shells[i].name) != 0)
			continue;
		report_file(c->report, str_of(shells[i].script));
		return EXIT_DONE;
	}
	log_line(LOG_ERROR, "completion knows bash, zsh and fish, not \"%s\"",
	    o->operands[0]);
	return EXIT_USAGE;
}
