/*
 * floor_files - opens each file of a folder and reads its header.
 *
 * usage: floor_files FOLDER
 *
 * Reads 4 KiB pieces until an empty line.  Prints files and octets read: the
 * floor under every program that judges a Maildir by its headers.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int has_end(const char *p, size_t n)
{
	const char *at = p;

	while ((at = memchr(at, '\n', n - (size_t)(at - p)))) {
		at++;
		if ((size_t)(at - p) < n && *at == '\n')
			return 1;
		if ((size_t)(at - p) + 1 < n && at[0] == '\r' &&
		    at[1] == '\n')
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static char piece[65536];
	unsigned long long octets = 0, files = 0;
	struct dirent *d;
	DIR *dir;

	if (argc != 2 || !(dir = opendir(argv[1])) || chdir(argv[1])) {
		perror("usage: floor_files FOLDER");
		return 1;
	}
	while ((d = readdir(dir))) {
		size_t n = 0;
		ssize_t k;
		int fd;

		if (d->d_name[0] == '.' ||
		    (fd = open(d->d_name, O_RDONLY)) < 0)
			continue;
		while (n < sizeof(piece) && (k = read(fd, piece + n,
		    sizeof(piece) - n < 4096 ? sizeof(piece) - n : 4096)) > 0) {
			n += (size_t)k;
			if (has_end(piece, n))
				break;
		}
		close(fd);
		octets += n;
		files++;
	}
	printf("%llu files %llu octets\n", files, octets);
	return 0;
}
