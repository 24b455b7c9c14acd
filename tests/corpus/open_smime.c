/*
 * One S/MIME object opened as tamis does it, for test_smime.py.
 *
 * open_smime decrypt PASSPHRASE KEYS [CERTIFICATES]
 * open_smime verify FROM CA [CONTENT]
 *
 * KEYS, CERTIFICATES, CA and CONTENT are files, "-" is none; the object is
 * on standard input.  The first line of the output says what came of it, the
 * rest is what was inside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/clock.h"
#include "engine/smime.h"

#define OUT_MAX	((size_t)64 * 1024 * 1024)

static struct arena *arena;
static struct err failure;

static _Noreturn void stop(const char *why)
{
	fprintf(stderr, "open_smime: %s\n", why);
	exit(2);
}

static struct str read_all(FILE *f)
{
	struct buf b;
	char block[65536];
	struct str all;
	size_t n;

	buf_init(&b, OUT_MAX);
	while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&b, block, n);
	if (!f || b.over)
		stop("cannot read");
	all = arena_str(arena, buf_str(&b));
	buf_free(&b);
	return all;
}

static void tell(bool ok, const char *words, const struct buf *out)
{
	if (!ok) {
		printf("refused: %s\n", failure.msg);
		return;
	}
	printf("%s\n", words);
	if (out->n)
		fwrite(out->p, 1, out->n, stdout);
}

static void decrypt(char **v)
{
	const char *const command[] = { "printf", "%s", v[0], NULL };
	const char *const keys[] = { v[1] }, *const certificates[] = { v[2] };
	const struct config_limits limits = { .command = 60 };
	const struct account account = { .limits = &limits, .smime = {
		.key_files = keys, .n_key_files = 1,
		.certificate_files = certificates,
		.n_certificate_files = v[2] != NULL,
		.passphrase_command = v[0][0] ? command : NULL,
	} };
	struct smime *s = smime_make(arena, &account, clock_now());
	struct smime_opened opened;
	struct buf out;
	bool ok;

	buf_init(&out, OUT_MAX);
	ok = smime_decrypt(s, read_all(stdin), &out, &opened, &failure);
	tell(ok, arena_printf(arena, "%s %s", opened.cipher,
	    opened.authenticated ? "authenticated" : "changeable").p, &out);
	buf_free(&out);
	smime_wipe(s);
}

static void verify(char **v)
{
	const struct account account = { .smime = {
		.ca_file = strcmp(v[1], "-") != 0 ? v[1] : NULL } };
	struct smime *s = smime_make(arena, &account, clock_now());
	struct smime_signature signature;
	struct str content;
	struct buf out;
	bool ok;

	buf_init(&out, OUT_MAX);
	if (v[2])
		content = read_all(fopen(v[2], "rb"));
	ok = smime_verify(s, arena, read_all(stdin), v[2] ? &content : NULL,
	    &out, &signature, &failure);
	tell(ok, arena_printf(arena, "%s %lld <%.*s> %.*s",
	    signature.state == SMIME_GOOD && !smime_is_by(&signature,
	    str_of(v[0])) ? "mismatch" : smime_state_word(signature.state),
	    (long long)signature.signed_at, STR_ARG(signature.signer),
	    STR_ARG(signature.why)).p, &out);
	buf_free(&out);
	smime_wipe(s);
}

int main(int argc, char **argv)
{
	arena = arena_new();
	if (argc >= 4 && strcmp(argv[1], "decrypt") == 0)
		decrypt(argv + 2);
	else if (argc >= 4 && strcmp(argv[1], "verify") == 0)
		verify(argv + 2);
	else
		stop("wrong use");
	arena_free(&arena);
	return 0;
}
