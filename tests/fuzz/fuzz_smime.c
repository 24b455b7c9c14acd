/*
 * S/MIME objects: decrypted, verified alone and with what they sign,
 * unpacked.  Nobody but the key below signs what is taken for signed.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/smime.h"
#include "fuzz.h"

#define NOW	INT64_C(1800000000)
#define ENTITY	"A: b\r\n\r\nc\r\n"

/* For this test only. */
static const char key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkKHegfcZn971Ia8j\n"
	"icRWvqqLI0mebu7ezpXDvmpXt7uhRANCAATvLecoi3eq9DISNzwO5hklMsnNTdNm\n"
	"Xa3tRE3TdFxpaK8s/gR8VerujAzeRGUwczIEj9pkvPONhDlqdqEuNVVq\n"
	"-----END PRIVATE KEY-----\n";
static const char certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBfTCCASOgAwIBAgIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARmdXp6MCAX\n"
	"DTI2MTEyODIxMjQ0NloYDzIxMjYxMTA0MjEyNDQ2WjAPMQ0wCwYDVQQDDARmdXp6\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7y3nKIt3qvQyEjc8DuYZJTLJzU3T\n"
	"Zl2t7URN03RcaWivLP4EfFXq7owM3kRlMHMyBI/aZLzzjYQ5anahLjVVaqNuMGww\n"
	"HQYDVR0OBBYEFLdbqNAUBlpKWHk1Q4gnRJ0d3a0vMB8GA1UdIwQYMBaAFLdbqNAU\n"
	"BlpKWHk1Q4gnRJ0d3a0vMBwGA1UdEQQVMBOBEWFsaWNlQGV4YW1wbGUub3JnMAwG\n"
	"A1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDSAAwRQIhAIx5pW08uDOf737KYt1it0wS\n"
	"ayPY5ukKi6wPTXGh0mihAiAOfCzvPB6LMcfv8t/uKBqXyKOCwV2pB06sCe4f+aB0\n"
	"fw==\n"
	"-----END CERTIFICATE-----\n";

static const char *make_file(struct arena *a, const char *name,
    const char *text)
{
	const char *tmp = getenv("TMPDIR");
	const char *path = arena_printf(a, "%s/fuzz-smime-%ld-%s",
	    tmp ? tmp : "/tmp", (long)getpid(), name).p;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	HOLDS(fd >= 0);
	HOLDS(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void decrypt(struct smime *s, struct str object)
{
	struct smime_opened opened;
	struct err e = { 0 };
	struct buf out;

	buf_init(&out, 1000);
	if (smime_decrypt(s, object, &out, &opened, &e)) {
		HOLDS(smime_kind(object) == SMIME_ENVELOPED);
		HOLDS(!e.kind && opened.cipher[0] && out.n > 0);
	} else {
		HOLDS(e.kind == ERR_MESSAGE && out.n == 0);
	}
	buf_free(&out);
}

static void verify(struct smime *s, struct arena *a, struct str object,
    const struct str *content)
{
	struct smime_signature signature;
	struct err e = { 0 };
	struct buf out;

	buf_init(&out, 1000);
	if (!smime_verify(s, a, object, content, &out, &signature, &e)) {
		HOLDS(e.kind == ERR_MESSAGE && out.n == 0);
	} else {
		HOLDS(!e.kind && smime_state_word(signature.state));
		HOLDS(utf8_valid(signature.why));
		if (signature.state == SMIME_GOOD) {
			HOLDS(content || str_eq(buf_str(&out),
			    STR_LIT(ENTITY)));
			HOLDS(smime_is_by(&signature,
			    STR_LIT("alice@example.org")));
		}
	}
	buf_free(&out);
}

static void unpack(struct str object)
{
	struct err e = { 0 };
	struct buf out;

	buf_init(&out, 1000);
	if (!smime_decompress(object, &out, &e))
		HOLDS(e.kind == ERR_MESSAGE && out.n == 0);
	buf_free(&out);
}

/* Keys are read once, when the first object is decrypted and verified. */
static struct smime *one_account(struct arena *a, const char **key_file,
    const char **certificate_file)
{
	struct account *account = arena_make(a, struct account);

	*key_file = make_file(a, "key", key);
	*certificate_file = make_file(a, "certificate", certificate);
	account->smime.key_files = key_file;
	account->smime.n_key_files = 1;
	account->smime.certificate_files = certificate_file;
	account->smime.n_certificate_files = 1;
	account->smime.ca_file = *certificate_file;
	return smime_make(a, account, NOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *key_file, *certificate_file;
	static struct arena *lasting;
	static struct smime *s;
	struct str object = fuzz_input(data, n), content = STR_LIT(ENTITY);
	struct arena *a = arena_new();
	bool first = !lasting;

	if (first) {
		lasting = arena_new();
		s = one_account(lasting, &key_file, &certificate_file);
	}
	decrypt(s, object);
	verify(s, a, object, NULL);
	verify(s, a, object, &content);
	unpack(object);
	if (first) {
		unlink(key_file);
		unlink(certificate_file);
	}
	arena_free(&a);
	return 0;
}
