/*
 * Prints the words of the rule language as a dictionary for libFuzzer
 * (https://llvm.org/docs/LibFuzzer.html#dictionaries), after vocab.def.
 */
#include <stdio.h>

static const char *const words[] = {
#define CONDITION(name, ...)		#name ": ",
#define ACTION(name, ...)		#name ": ",
#define OPERATOR(name, ...)		#name ": ",
#define PART(name, ...)			#name ": ",
#define VARIABLE(name, ask, field, ...)	"$(" #name ")", field,
#define STATE(name, flag, ...)		#name, flag,
#define KEY(where, name, ...)		#name ": ",
#include "rules/vocab.def"
	/* what the language is written in */
	"version: 1\n", "- name: ", "\n== ", "{", "}", "[", "]", ", ",
	": ", "\n- ", "\n  ", "'", "&a ", "*a", "<<: ", "!!str ", "|\n ",
	">-\n ", "true", "false", "~", "(?<a>", ")+", "(?:", "[^x]", "\\b",
	"30d", "10K", "2026-01-15", "mon-fri", "+02:00", "/re/", " :: ",
	":-none)", "special: \\Archive", "exact", "INBOX", "@example.org",
};

static void print(const char *word)
{
	if (!*word)
		return;
	putchar('"');
	for (; *word; word++)
		if (*word == '"' || *word == '\\')
			printf("\\%c", *word);
		else if (*word < ' ')
			printf("\\x%02X", (unsigned)*word);
		else
			putchar(*word);
	puts("\"");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		print(words[i]);
	return 0;
}
