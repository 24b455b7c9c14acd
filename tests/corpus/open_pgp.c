/*
 * What pgp.py asks about encrypted mail: decrypts one OpenPGP message,
 * or a mail with one in it.
 *
 *	open_pgp raw HOME PASSPHRASE-FILE FILE		an OpenPGP message
 *	open_pgp mail HOME PASSPHRASE-FILE FILE		a mail
 *	open_pgp signature HOME PASSPHRASE-FILE FILE	of a mail
 *	open_pgp structure FILE
 *
 * HOME is a GNUPGHOME; a PASSPHRASE-FILE of "-" is none.  The plaintext goes
 * to standard output, what was found out of it to standard error, a line of
 * "key=value" separated by tabs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/decrypt.h"
#include "engine/secret.h"
#include "rules/mail.h"

#define FILE_MAX	(64 * 1024 * 1024)

static const char *const refusals[] = {
	[SEAL_OPENED] = "opened", [SEAL_NO_KEY] = "no-key",
	[SEAL_PASSPHRASE] = "passphrase", [SEAL_LATE] = "late",
	[SEAL_NO_INTEGRITY] = "no-integrity", [SEAL_MODIFIED] = "modified",
	[SEAL_UNREADABLE] = "unreadable",
	[SEAL_UNSAFE_PLACE] = "unsafe-place",
	[SEAL_OVER_LIMIT] = "over-limit",
	[SEAL_UNSUPPORTED] = "unsupported", [SEAL_TROUBLE] = "trouble",
};

static const char *const signatures[] = {
	[SEAL_UNSIGNED] = "none", [SEAL_BAD] = "bad",
	[SEAL_REVOKED] = "revoked", [SEAL_EXPIRED] = "expired",
	[SEAL_UNKNOWN_KEY] = "unknown-key", [SEAL_UNTRUSTED] = "untrusted",
	[SEAL_GOOD] = "good",
};

static struct str read_file(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *p = arena_alloc(a, FILE_MAX);
	size_t n;

	if (!f) {
		perror(path);
		exit(2);
	}
	n = fread(p, 1, FILE_MAX, f);
	fclose(f);
	return (struct str){ p, n };
}

static int structure(struct arena *a, const char *path)
{
	struct mail *m = mail_make(a, read_file(a, path), MAIL_WHOLE, NULL,
	    0);
	const struct sealed *s = mail_sealed(m);

	printf("kinds=%u\tkind=%d\tplace=%d\troot=%d\tdata=%zu\n", s->kinds,
	    (int)s->layer.kind, (int)s->layer.place, s->layer.is_root,
	    s->layer.data.n);
	return 0;
}

static int raw(struct arena *a, struct crypt *c, struct str bytes)
{
	struct seal_verdict v;
	struct buf out;
	struct err e = { 0 };
	bool ok;

	buf_init_secret(&out, FILE_MAX);
	ok = crypt_decrypt(c, a, bytes, &out, &v, &e);
	fwrite(out.p, 1, out.n, stdout);
	fprintf(stderr, "refusal=%s\tsignature=%s\tcipher=%s\tintegrity=%s\t"
	    "signer=%s\terror=%s\n", refusals[v.refusal],
	    signatures[v.signature], v.cipher ? v.cipher : "",
	    v.integrity ? v.integrity : "", v.signer ? v.signer : "", e.msg);
	buf_free(&out);
	return ok ? 0 : 1;
}

static int mail(struct decrypt *d, struct str bytes, bool only_signature)
{
	struct decrypt_verdict v;
	struct buf out;
	struct err e = { 0 };
	bool ok;

	buf_init_secret(&out, FILE_MAX);
	ok = only_signature ? decrypt_signature(d, bytes, &v, &e) :
	    decrypt_message(d, bytes, &out, &v, &e);
	fwrite(out.p, 1, out.n, stdout);
	fprintf(stderr, "refusal=%s\tsignature=%s\tlayers=%s\tsigner=%s\t"
	    "author=%d\tchanged=%d\terror=%s\n", refusals[v.refusal],
	    signatures[v.signature], v.layers, v.signer, v.by_author,
	    v.changed, e.msg);
	buf_free(&out);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	const char *command[] = { "cat", NULL, NULL };
	struct crypt_settings set = { .seconds = 20, .command_seconds = 20 };
	struct decrypt d = { .token = STR_LIT("token"), .limit = FILE_MAX };
	int code = 2;

	if (argc == 3 && str_eq_z(str_of(argv[1]), "structure")) {
		code = structure(a, argv[2]);
	} else if (argc == 5) {
		set.home = argv[2];
		command[1] = argv[3];
		if (!str_eq_z(str_of(argv[3]), "-"))
			set.passphrase_command = command;
		d.crypt = crypt_new(a, &set);
		code = str_eq_z(str_of(argv[1]), "raw") ?
		    raw(a, d.crypt, read_file(a, argv[4])) :
		    mail(&d, read_file(a, argv[4]),
		    str_eq_z(str_of(argv[1]), "signature"));
	}
	arena_free(&a);
	return code;
}
