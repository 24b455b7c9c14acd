/*
 * floor_imap - the same commands as a run of tamis sent, and nothing else.
 *
 * usage: floor_imap PORT SCRIPT
 *
 * SCRIPT holds blocks of command lines without tags, separated by empty
 * lines; a block goes out in one piece and is waited for.  Plain IMAP on
 * 127.0.0.1.  Prints the octets it was sent.  What it measures is the server
 * and the way to it: the floor under every client that does this work.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char in[1 << 20];
static unsigned long long received;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k <= 0)
			die("write");
		p += k;
		n -= (size_t)k;
	}
}

/* Until a line begins with TAG; octets between are only counted.  A line
 * that begins so inside a literal would fool it: tags are long for that. */
static void await(int fd, const char *tag)
{
	static char tail[64];
	size_t n_tag = strlen(tag), n_tail = 0;

	for (;;) {
		ssize_t k = read(fd, in + n_tail, sizeof(in) - 1 - n_tail);
		char *at;
		size_t n;

		if (k <= 0)
			die("read");
		received += (unsigned long long)k;
		memcpy(in, tail, n_tail);
		n = n_tail + (size_t)k;
		in[n] = 0;
		for (at = in; (at = memchr(at, tag[0],
		    n - (size_t)(at - in))); at++)
			if ((size_t)(in + n - at) > n_tag &&
			    memcmp(at, tag, n_tag) == 0 &&
			    (at == in || at[-1] == '\n') &&
			    memchr(at, '\n', (size_t)(in + n - at)))
				return;
		n_tail = n < sizeof(tail) ? n : sizeof(tail) - 1;
		memcpy(tail, in + n - n_tail, n_tail);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	static char line[65536], block[1 << 22], tag[32];
	size_t n = 0;
	int fd, count = 0;
	FILE *script;

	if (argc != 3 || !(script = fopen(argv[2], "r")))
		die("usage: floor_imap PORT SCRIPT");
	to.sin_port = htons((unsigned short)strtoul(argv[1], NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	await(fd, "*");
	while (fgets(line, sizeof(line), script)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0]) {
			snprintf(tag, sizeof(tag), "floortag%06d ", ++count);
			n += (size_t)snprintf(block + n, sizeof(block) - n,
			    "%s%s\r\n", tag, line);
			continue;
		}
		if (n) {
			send_all(fd, block, n);
			await(fd, tag);
		}
		n = 0;
	}
	if (n) {
		send_all(fd, block, n);
		await(fd, tag);
	}
	printf("%llu\n", received);
	return 0;
}
