#include "setting.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAILBOXES_MAX	1000
#define PATHS_MAX	16
#define ARGUMENTS_MAX	1000	/* of a command */
#define NAME_MAX_OCTETS	1000	/* of a mailbox, user, host */

/* ---------------------------------------------------------------- paths */

const char *setting_home(struct arena *a)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && home[0] == '/')
		return home;
	pw = getpwuid(geteuid());
	return pw && pw->pw_dir ? arena_z(a, str_of(pw->pw_dir)) : "/";
}

/* The XDG base directory specification: relative paths are ignored. */
const char *setting_xdg(struct arena *a, const char *variable,
    const char *below_home)
{
	const char *folder = getenv(variable);

	if (folder && folder[0] == '/')
		return arena_printf(a, "%s/tamis", folder).p;
	return arena_printf(a, "%s/%s/tamis", setting_home(a), below_home).p;
}

const char *setting_folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return "/";
	return arena_z(a, (struct str){ path, (size_t)(slash - path) });
}

/*
 * The part of a written path that is put in front: the home folder for "~/",
 * the config's folder for a relative one, else nothing.  *REST is what stays.
 */
static const char *front_of(const struct reading *l, const char *written,
    const char **rest)
{
	*rest = written;
	if (written[0] == '/')
		return "";
	if (written[0] == '~' && (written[1] == '/' || !written[1])) {
		*rest = written[1] ? written + 2 : "";
		return l->home;
	}
	return l->folder;
}

static const char *path_of(const struct reading *l, const char *written)
{
	const char *rest;
	const char *front = front_of(l, written, &rest);

	if (!front[0])
		return written;
	if (!rest[0])
		return front;
	return arena_printf(l->a, "%s/%s", strcmp(front, "/") ? front : "",
	    rest).p;
}

/* The same for a glob: what is put in front is no pattern. */
const char *setting_pattern(const struct reading *l, const char *written)
{
	const char *rest;
	const char *front = front_of(l, written, &rest);
	struct buf b;
	const char *pattern;

	if (!front[0])
		return written;
	buf_init(&b, 64 * 1024);
	for (const char *c = front; *c; c++) {
		if (strchr("*?[\\", *c))
			buf_add_char(&b, '\\');
		buf_add_char(&b, *c);
	}
	buf_printf(&b, "/%s", rest);
	pattern = arena_z(l->a, buf_str(&b));
	buf_free(&b);
	return pattern;
}

/* ---------------------------------------------------------- small values */

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
			return true;
	return false;
}

/* A text without control characters, of a sane length. */
bool setting_text(const struct reading *l, const struct node *n,
    const char *what, const char **out)
{
	struct str s;

	if (!node_text(n, what, &s, l->ps))
		return false;
	if (s.n == 0)
		return problem(l->ps, n->pos, "`%s` is empty", what);
	if (has_control(s))
		return problem(l->ps, n->pos,
		    "`%s` has a control character", what);
	if (s.n > NAME_MAX_OCTETS)
		return problem(l->ps, n->pos, "`%s` is too long", what);
	*out = arena_z(l->a, s);
	return true;
}

bool setting_path(const struct reading *l, const struct node *n,
    const char *what, const char **out)
{
	const char *written;

	if (!setting_text(l, n, what, &written))
		return false;
	if (written[0] == '~' && written[1] && written[1] != '/')
		return problem(l->ps, n->pos, "`%s`: write the home folder "
		    "of another user in full", what);
	*out = path_of(l, written);
	return true;
}

/* Levels are separated by "/"; INBOX is one name in any case (RFC 9051
 * section 5.1). */
bool setting_mailbox(const struct reading *l, const struct node *n,
    const char *what, const char **out)
{
	const char *name;
	struct str s;

	if (!setting_text(l, n, what, &name))
		return false;
	s = str_of(name);
	if (s.p[0] == '/' || s.p[s.n - 1] == '/' || strstr(name, "//"))
		return problem(l->ps, n->pos, "`%s`: a mailbox name has no "
		    "empty levels", what);
	*out = str_ieq_z(s, "INBOX") ? "INBOX" : name;
	return true;
}

/* One value, or a list of 1 to MOST different ones; KIND, and KINDS of more,
 * is what they are called. */
static bool read_list(const struct reading *l, const struct node *n,
    const char *what, const char *kind, const char *kinds, size_t most,
    bool (*read)(const struct reading *, const struct node *, const char *,
    const char **), void *at)
{
	const struct node *one = n;
	const struct node *const *items = &one;
	size_t count = 1;
	const char **list;
	bool ok = true;

	if (n->kind == NODE_LIST) {
		items = (const struct node *const *)n->items;
		count = n->n;
	}
	if (count == 0 || count > most)
		return problem(l->ps, n->pos, "`%s` must name 1 to %zu "
		    "%s", what, most, kinds);
	list = arena_array(l->a, count, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		if (!read(l, items[i], what, &list[i])) {
			ok = false;
			continue;
		}
		for (size_t k = 0; k < i; k++)
			if (list[k] && strcmp(list[k], list[i]) == 0)
				ok = problem(l->ps, items[i]->pos,
				    "`%s` names this %s twice", what, kind);
	}
	if (!ok)
		return false;
	*(const char *const **)at = list;
	*(size_t *)((char *)at + sizeof(char **)) = count;
	return true;
}

bool setting_mailboxes(const struct reading *l, const struct node *n,
    const char *what, void *at)
{
	return read_list(l, n, what, "mailbox", "mailboxes", MAILBOXES_MAX,
	    setting_mailbox, at);
}

bool setting_paths(const struct reading *l, const struct node *n,
    const char *what, void *at)
{
	return read_list(l, n, what, "file", "files", PATHS_MAX,
	    setting_path, at);
}

/* A list, so that nobody has to wonder how a shell would read it. */
bool setting_command(const struct reading *l, const struct node *n,
    const char *what, const char *const **out)
{
	const char **argv;
	struct str *list;
	size_t count;

	if (n->kind != NODE_LIST)
		return problem(l->ps, n->pos, "`%s` must be a list: the "
		    "program and each argument, as [pass, show, mail]; "
		    "it is run without a shell", what);
	if (!node_texts(l->a, n, what, &list, &count, l->ps))
		return false;
	if (count == 0 || list[0].n == 0)
		return problem(l->ps, n->pos, "`%s` names no program", what);
	if (count > ARGUMENTS_MAX)
		return problem(l->ps, n->pos, "`%s` has too many arguments",
		    what);
	argv = arena_array(l->a, count + 1, sizeof(*argv));
	for (size_t i = 0; i < count; i++)
		argv[i] = arena_z(l->a, list[i]);
	if (strchr(argv[0], '/'))
		argv[0] = path_of(l, argv[0]);
	*out = argv;
	return true;
}

bool setting_word(const struct reading *l, const struct node *n,
    const char *choice, const char *what, int *out)
{
	struct str text, words = str_of(choice), word;
	int i = 0;

	if (!node_text(n, what, &text, l->ps))
		return false;
	for (; str_cut(&words, ',', &word); i++)
		if (str_eq(text, str_trim(word))) {
			*out = i;
			return true;
		}
	return problem(l->ps, n->pos, "`%s` must be one of: %s", what,
	    choice);
}

/* A password in the URL makes the config itself a secret. */
bool setting_words(const struct reading *l, const struct node *n,
    const char *choice, const char *what, void *at)
{
	const struct node *one = n;
	const struct node *const *items = &one;
	size_t count = 1;
	int *list;

	if (n->kind == NODE_LIST) {
		items = (const struct node *const *)n->items;
		count = n->n;
	}
	list = arena_array(l->a, count + 1, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		if (!setting_word(l, items[i], choice, what, &list[i]))
			return false;
		for (size_t k = 0; k < i; k++)
			if (list[k] == list[i])
				return problem(l->ps, items[i]->pos,
				    "`%s` has this word twice", what);
	}
	if (count == 0)
		return problem(l->ps, n->pos, "`%s` must list some of: %s",
		    what, choice);
	*(const int **)at = list;
	*(size_t *)((char *)at + sizeof(int *)) = count;
	return true;
}

bool setting_proxy(const struct reading *l, const struct node *n,
    const char *what, const char **out)
{
	static const char *const schemes[] = { "socks5h://", "socks5://",
	    "socks4a://", "socks4://", "http://", "https://" };
	const char *url;
	struct stat st;
	size_t i = 0;

	if (!setting_text(l, n, what, &url))
		return false;
	while (i < COUNT(schemes) &&
	    strncmp(url, schemes[i], strlen(schemes[i])) != 0)
		i++;
	if (i == COUNT(schemes) || !url[strlen(schemes[i])])
		return problem(l->ps, n->pos, "`%s` must be a URL such as "
		    "socks5h://localhost:9050 or http://proxy:3128", what);
	if (strchr(url, '@') && (stat(l->path, &st) != 0 ||
	    (st.st_mode & 077)))
		return problem(l->ps, n->pos, "`%s` holds a password, and "
		    "others can read this file: chmod 600 %s", what,
		    l->path);
	*out = url;
	return true;
}

/* No blanks, brackets, quotes: nobody has to wonder how it is read. */
static bool address_good(struct str s)
{
	size_t at = str_find_char(s, 0, '@');

	if (at == 0 || at + 1 >= s.n || s.n > 254 ||
	    str_find_char(s, at + 1, '@') < s.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7F ||
		    strchr("<>()\"\\,;:", s.p[i]))
			return false;
	return true;
}

bool setting_address(const struct reading *l, const struct node *n,
    const char *what, const char **out)
{
	struct str s;

	if (!node_text(n, what, &s, l->ps))
		return false;
	if (!address_good(s))
		return problem(l->ps, n->pos, "`%s` must be an address such "
		    "as me@example.org, without a name", what);
	*out = arena_z(l->a, s);
	return true;
}

static bool not_zero(const struct reading *l, const struct node *n,
    const char *what, bool zero)
{
	return !zero || problem(l->ps, n->pos,
	    "`%s` must be more than nothing", what);
}

bool setting_seconds(const struct reading *l, const struct node *n,
    const char *what, int64_t least, int64_t most, int64_t *out)
{
	int64_t t;

	if (!node_duration(n, what, &t, l->ps) ||
	    !not_zero(l, n, what, t < least))
		return false;
	if (t > most)
		return problem(l->ps, n->pos, "`%s` may be at most %lld s",
		    what, (long long)most);
	*out = t;
	return true;
}

bool setting_number(const struct reading *l, const struct node *n,
    const char *what, uint32_t least, uint32_t *out)
{
	uint64_t value;

	if (!node_number(n, what, UINT32_MAX, &value, l->ps) ||
	    !not_zero(l, n, what, value < least))
		return false;
	*out = (uint32_t)value;
	return true;
}

bool setting_size(const struct reading *l, const struct node *n,
    const char *what, uint64_t *out)
{
	uint64_t value;

	if (!node_size(n, what, &value, l->ps) ||
	    !not_zero(l, n, what, value == 0))
		return false;
	*out = value;
	return true;
}
