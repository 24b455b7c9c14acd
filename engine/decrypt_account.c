/* With what an account decrypts: its config and its state. */
#include "decrypt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define TOKEN_FILE	"token"
#define TOKEN_DIGITS	20

static void wipe_smime(void *smime)
{
	smime_wipe(smime);
}

struct decrypt *decrypt_make(struct arena *a, const struct account *account,
    int64_t now)
{
	struct crypt_settings *set = arena_make(a, struct crypt_settings);
	struct decrypt *d = arena_make(a, struct decrypt);
	uint64_t limit = account->limits->message;

	*set = (struct crypt_settings){
		.home = account->pgp.home,
		.passphrase_command = account->pgp.passphrase_command,
		.command_seconds = (unsigned)account->limits->command,
		.seconds = (unsigned)account->limits->command,
	};
	*d = (struct decrypt){
		.crypt = crypt_new(a, set),
		.smime = smime_make(a, account, now),
		.token = STR_EMPTY,
		.limit = limit < SIZE_MAX / 8 ? (size_t)limit : SIZE_MAX / 8,
	};
	arena_on_reset(a, wipe_smime, d->smime);
	return d;
}

/* ----------------------------------------------------------------- token */

static bool sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_whole(const char *path, struct str text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n &&
	    fsync(fd) == 0;

	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	return ok;
}

static bool make_token(struct arena *a, const char *dir, const char *path,
    struct err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	const char *new = arena_printf(a, "%s.new", path).p;
	unsigned char raw[TOKEN_DIGITS];
	char text[TOKEN_DIGITS + 1];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_set(e, ERR_STATE, "there are no random numbers: "
		    "%s", strerror(errno));
	for (size_t i = 0; i < TOKEN_DIGITS; i++)
		text[i] = letters[raw[i] % 32];
	text[TOKEN_DIGITS] = '\n';
	if (write_whole(new, (struct str){ text, sizeof(text) }) &&
	    rename(new, path) == 0 && sync_folder(dir))
		return true;
	return err_set(e, ERR_STATE, "cannot write %s: %s", path,
	    strerror(errno));
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]))
			return false;
	return s.n > 0 && s.n <= DECRYPT_TOKEN_MAX;
}

bool decrypt_mark(struct decrypt *d, struct arena *a, const char *dir,
    struct err *e)
{
	const char *path = arena_printf(a, "%s/%s", dir, TOKEN_FILE).p;
	struct buf text;
	bool ok;

	if (access(path, F_OK) != 0 && !make_token(a, dir, path, e))
		return false;
	buf_init_secret(&text, 1000);
	ok = private_read_line(path, "token", &text, e);
	if (ok && !is_token(buf_str(&text)))
		ok = err_set(e, ERR_STATE, "%s holds no token; remove it, "
		    "and another is made", path);
	if (ok)
		d->token = arena_str(a, buf_str(&text));
	buf_free(&text);
	return ok;
}
