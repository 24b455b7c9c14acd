#include "maildir_name.h"

#include "digest.h"

#include <errno.h>
#include <string.h>

static const struct {
	char letter;
	const char *flag;
} system_flags[] = {
	{ 'D', "\\Draft" }, { 'F', "\\Flagged" }, { 'P', "$Forwarded" },
	{ 'R', "\\Answered" }, { 'S', "\\Seen" }, { 'T', "\\Deleted" },
};

struct str maildir_unique(struct str name)
{
	return str_sub(name, 0, str_find_char(name, 0, ':'));
}

/* Where the letters begin; name.n: there are none. */
static size_t letters_at(struct str name)
{
	size_t at = str_find_char(name, 0, ':');

	if (!str_starts(str_sub(name, at, name.n), STR_LIT(":2,")))
		return name.n;
	return at + 3;
}

maildir_letters maildir_letters_of(struct str name)
{
	maildir_letters set = 0;

	for (size_t i = letters_at(name); i < name.n; i++) {
		if (name.p[i] == ',')
			break;
		if (ch_alpha(name.p[i]))
			set |= MAILDIR_LETTER(name.p[i]);
	}
	return set;
}

struct str maildir_tail(struct str name)
{
	return str_sub(name, str_find_char(name, letters_at(name), ','),
	    name.n);
}

bool maildir_size(struct str name, char key, uint64_t *size_out)
{
	struct str unique = maildir_unique(name), rest = unique, part;

	str_cut(&rest, ',', &part);
	while (str_cut(&rest, ',', &part))
		if (part.n > 2 && part.p[0] == key && part.p[1] == '=')
			return str_u64(str_sub(part, 2, part.n), INT64_MAX,
			    size_out);
	return false;
}

struct str maildir_name(struct arena *a, struct str unique,
    maildir_letters letters, struct str tail)
{
	char text[52];
	int n = 0;

	for (int i = 0; i < 52; i++)
		if (letters >> i & 1)
			text[n++] = (char)(i < 26 ? 'A' + i : 'a' + i - 26);
	return arena_printf(a, "%.*s:2,%.*s%.*s", STR_ARG(unique), n, text,
	    STR_ARG(tail));
}

struct str maildir_copy_name(struct arena *a, struct str unique,
    struct str target)
{
	uint8_t sum[DIGEST_SIZE];
	struct digest *d = digest_new();
	size_t seconds = 0, attributes = str_find_char(unique, 0, ',');
	struct str hex;

	digest_add(d, unique);
	digest_add(d, (struct str){ "\0", 1 });
	digest_add(d, target);
	digest_end(&d, sum);
	hex = digest_hex(a, sum, 12);
	while (seconds < unique.n && seconds < 20 &&
	    ch_digit(unique.p[seconds]))
		seconds++;
	return arena_printf(a, "%.*s.C%.*s.tamis%.*s",
	    seconds ? (int)seconds : 1, seconds ? unique.p : "0",
	    STR_ARG(hex), (int)(unique.n - attributes),
	    unique.p + attributes);
}

bool maildir_passes(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EIO ||
	    error == ENOENT || error == EMFILE || error == ENFILE;
}

char maildir_flag_letter(struct str flag)
{
	for (size_t i = 0; i < COUNT(system_flags); i++)
		if (str_ieq_z(flag, system_flags[i].flag))
			return system_flags[i].letter;
	return 0;
}

const char *maildir_letter_flag(char letter)
{
	for (size_t i = 0; i < COUNT(system_flags); i++)
		if (system_flags[i].letter == letter)
			return system_flags[i].flag;
	return NULL;
}
