#include "step.h"

#ifdef TAMIS_STEPS
#include "../rules/base.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_line(const char *path, const char *name)
{
	char line[128];
	size_t n = strlen(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	memcpy(line, name, n);
	line[n++] = '\n';
	if (fd < 0 || write(fd, line, n) != (ssize_t)n)
		abort();
	close(fd);
}

/* Has the process come to the point that VARIABLE names? */
static bool is_there(const char *variable, const char *name,
    uint64_t *passed)
{
	struct str rest = str_of(getenv(variable)), wanted;
	uint64_t nth = 1;

	if (!str_cut(&rest, ':', &wanted) || !str_eq_z(wanted, name))
		return false;
	if (rest.n && !str_u64(rest, UINT32_MAX, &nth))
		abort();
	return ++*passed == nth;
}

void step(const char *name)
{
	static uint64_t to_die, to_stop;
	const char *log = getenv("TAMIS_STEP_LOG");

	if (log)
		add_line(log, name);
	if (is_there("TAMIS_STEP_DIE", name, &to_die))
		kill(getpid(), SIGKILL);
	if (is_there("TAMIS_STEP_STOP", name, &to_stop))
		kill(getpid(), SIGSTOP);
}
#else
/* ISO C wants a translation unit to hold something. */
typedef int step_is_nothing;
#endif
