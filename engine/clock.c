#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONES		"/usr/share/zoneinfo"
#define LOCAL_ZONE	"/etc/localtime"

int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec;
}

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ----------------------------------------------------------------- zones */

static bool read_file(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char chunk[4096];
	ssize_t n = 0;

	while (fd >= 0 && !out->over) {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
		else if (n == 0 || errno != EINTR)
			break;
	}
	if (fd < 0 || n < 0)
		err_set(e, ERR_CONFIG, "cannot read %s: %s", path,
		    strerror(errno));
	else if (out->over)
		err_set(e, ERR_CONFIG, "%s is too large for a time zone",
		    path);
	if (fd >= 0)
		close(fd);
	return e->kind == ERR_NONE;
}

bool clock_zone_file(const char *name, struct buf *out, struct err *e)
{
	const char *folder = getenv("TZDIR");
	struct buf path;
	bool ok;

	buf_init(&path, 4096);
	buf_printf(&path, "%s/%s", folder && folder[0] == '/' ? folder :
	    ZONES, name);
	ok = path.over ? err_set(e, ERR_CONFIG, "TZDIR is too long") :
	    read_file(buf_z(&path), out, e);
	buf_free(&path);
	return ok;
}

/* ":Europe/Berlin", "/etc/zone" or "CET-1CEST,M3.5.0,M10.5.0/3". */
static bool zone_of(struct arena *a, const char *tz,
    const struct zone **out, struct err *e)
{
	struct str text = str_of(tz + (tz[0] == ':'));
	struct err no_file = { 0 };
	struct buf file;
	bool ok;

	buf_init(&file, ZONE_FILE_MAX);
	if (text.n && text.p[0] == '/')
		ok = read_file(text.p, &file, &no_file);
	else
		ok = zone_name_ok(text) &&
		    clock_zone_file(text.p, &file, &no_file);
	ok = ok && zone_read_file(a, buf_str(&file), out, &no_file);
	buf_free(&file);
	if (ok || zone_read_rule(a, text, out))
		return true;
	return err_set(e, ERR_CONFIG, "TZ is `%s`, which is no time zone; "
	    "times are in UTC (set it to one as Europe/Berlin)",
	    shown(a, str_sub(text, 0, ZONE_NAME_MAX)).p);
}

bool clock_zone(struct arena *a, const struct zone **out, struct err *e)
{
	const char *tz = getenv("TZ");

	*out = NULL;
	if (tz)
		return tz[0] == '\0' || zone_of(a, tz, out, e);
	if (!zone_of(a, LOCAL_ZONE, out, e))
		err_clear(e);	/* a system without one is in UTC */
	return true;
}
