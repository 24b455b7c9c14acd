#include "desktop.h"

#ifdef HAVE_LIBSYSTEMD

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define NAME	"org.freedesktop.Notifications"
#define PATH	"/org/freedesktop/Notifications"

/* The daemon's default, or until it is closed (expire_timeout). */
enum { EXPIRES_DEFAULT = -1, EXPIRES_NEVER = 0 };

struct session {
	sd_bus *bus;
	uint64_t usec;		/* that a call may take */
	sd_bus_error error;
};

static void hang_up(struct session *s)
{
	sd_bus_error_free(&s->error);
	sd_bus_close_unref(s->bus);
	s->bus = NULL;
}

static const char *address(struct buf *room)
{
	const char *given = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *folder = getenv("XDG_RUNTIME_DIR");

	if (given && given[0])
		return given;
	if (folder && folder[0] == '/')
		buf_printf(room, "unix:path=%s/bus", folder);
	else
		buf_printf(room, "unix:path=/run/user/%lu/bus",
		    (unsigned long)geteuid());
	return buf_z(room);
}

static bool connect_bus(struct session *s, unsigned seconds, struct err *e)
{
	struct buf room;
	const char *where;
	int rc;

	*s = (struct session){ .error = SD_BUS_ERROR_NULL };
	s->usec = (uint64_t)seconds * 1000000;
	buf_init(&room, 5000);
	where = address(&room);
	rc = sd_bus_new(&s->bus);
	if (rc >= 0)
		rc = sd_bus_set_address(s->bus, where);
	if (rc >= 0)
		rc = sd_bus_set_bus_client(s->bus, 1);
	if (rc >= 0)
		rc = sd_bus_set_method_call_timeout(s->bus, s->usec);
	if (rc >= 0)
		rc = sd_bus_start(s->bus);
	if (rc < 0) {
		err_set(e, ERR_TEMP, "no session bus at %s: %s", where,
		    strerror(-rc));
		hang_up(s);
	}
	buf_free(&room);
	return rc >= 0;
}

/* Nobody was there to get it, or it was refused; else who knows. */
static bool surely_not(const struct session *s, int rc)
{
	static const char *const names[] = {
		SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
		SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_OBJECT,
		SD_BUS_ERROR_UNKNOWN_INTERFACE, SD_BUS_ERROR_INVALID_ARGS,
		SD_BUS_ERROR_ACCESS_DENIED,
		"org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
		"org.freedesktop.DBus.Error.Spawn.ExecFailed",
		"org.freedesktop.DBus.Error.Spawn.ChildExited",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (sd_bus_error_has_name(&s->error, names[i]))
			return true;
	return rc == -EINVAL;
}

static bool fail(const struct session *s, int rc, struct err *e)
{
	struct buf why;

	if (sd_bus_error_has_name(&s->error, SD_BUS_ERROR_SERVICE_UNKNOWN))
		return err_set(e, ERR_TEMP, "no notification daemon is "
		    "running");
	buf_init(&why, 400);
	buf_add_shown(&why, str_of(s->error.message ? s->error.message :
	    strerror(-rc)));
	err_set(e, ERR_TEMP, "the notification daemon: %s", buf_z(&why));
	buf_free(&why);
	return false;
}

/* Does the daemon read markup in the body? */
static bool reads_markup(struct session *s, bool *yes_out, struct err *e)
{
	sd_bus_message *reply = NULL;
	const char *word;
	int rc = sd_bus_call_method(s->bus, NAME, PATH, NAME,
	    "GetCapabilities", &s->error, &reply, "");

	if (rc >= 0)
		rc = sd_bus_message_enter_container(reply, 'a', "s");
	*yes_out = false;
	while (rc >= 0 && (rc = sd_bus_message_read(reply, "s", &word)) > 0)
		*yes_out |= strcmp(word, "body-markup") == 0;
	sd_bus_message_unref(reply);
	return rc >= 0 || fail(s, rc, e);
}

static void add_markup(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '&':
			buf_add_z(b, "&amp;");
			break;
		case '<':
			buf_add_z(b, "&lt;");
			break;
		case '>':
			buf_add_z(b, "&gt;");
			break;
		default:
			buf_add_char(b, s.p[i]);
		}
}

static int add_hints(sd_bus_message *m, const struct desktop_note *note,
    const char *sound)
{
	int rc = sd_bus_message_open_container(m, 'a', "{sv}");

	if (rc >= 0)
		rc = sd_bus_message_append(m, "{sv}", "urgency", "y",
		    note->urgency);
	if (rc >= 0)
		rc = sd_bus_message_append(m, "{sv}", "category", "s",
		    "email.arrived");
	if (rc >= 0 && sound[0])
		rc = sd_bus_message_append(m, "{sv}", sound[0] == '/' ?
		    "sound-file" : "sound-name", "s", sound);
	return rc < 0 ? rc : sd_bus_message_close_container(m);
}

static int make_call(struct session *s, const struct desktop_note *note,
    const char *body, sd_bus_message **out)
{
	struct arena *a = arena_new();
	const char *summary = arena_z(a, note->summary);
	int rc = sd_bus_message_new_method_call(s->bus, out, NAME, PATH,
	    NAME, "Notify");

	/* app_name, replaces_id, app_icon, summary, body, actions */
	if (rc >= 0)
		rc = sd_bus_message_append(*out, "susssas", "tamis", 0,
		    arena_z(a, note->icon), summary, body, 0);
	if (rc >= 0)
		rc = add_hints(*out, note, arena_z(a, note->sound));
	if (rc >= 0)
		rc = sd_bus_message_append(*out, "i", note->sticky ?
		    EXPIRES_NEVER : EXPIRES_DEFAULT);
	arena_free(&a);
	return rc;
}

bool desktop_notify(const struct desktop_note *note, unsigned seconds,
    bool *may_out, struct err *e)
{
	sd_bus_message *call = NULL;
	struct session s;
	struct buf body;
	bool markup, ok;
	int rc;

	*may_out = false;
	if (!connect_bus(&s, seconds, e))
		return false;
	buf_init(&body, 64 * 1024);
	ok = reads_markup(&s, &markup, e);
	if (ok) {
		if (markup)
			add_markup(&body, note->body);
		else
			buf_add_str(&body, note->body);
		rc = make_call(&s, note, buf_z(&body), &call);
		if (rc >= 0) {
			rc = sd_bus_call(s.bus, call, s.usec, &s.error,
			    NULL);
			*may_out = rc < 0 && !surely_not(&s, rc);
		}
		ok = rc >= 0 || fail(&s, rc, e);
	}
	sd_bus_message_unref(call);
	buf_free(&body);
	hang_up(&s);
	return ok;
}

bool desktop_server(struct arena *a, unsigned seconds,
    struct str *about_out, struct err *e)
{
	const char *name, *vendor, *version, *spec;
	sd_bus_message *reply = NULL;
	struct session s;
	int rc;

	if (!connect_bus(&s, seconds, e))
		return false;
	rc = sd_bus_call_method(s.bus, NAME, PATH, NAME,
	    "GetServerInformation", &s.error, &reply, "");
	if (rc >= 0)
		rc = sd_bus_message_read(reply, "ssss", &name, &vendor,
		    &version, &spec);
	if (rc >= 0)
		*about_out = arena_printf(a, "%.100s %.100s", name, version);
	else
		fail(&s, rc, e);
	sd_bus_message_unref(reply);
	hang_up(&s);
	return rc >= 0;
}

#else

static bool not_built(struct err *e)
{
	return err_set(e, ERR_CONFIG, "this tamis was built without "
	    "libsystemd, and so without desktop notifications; use a "
	    "command such as notify-send");
}

bool desktop_notify(const struct desktop_note *note, unsigned seconds,
    bool *may_out, struct err *e)
{
	(void)note;
	(void)seconds;
	*may_out = false;
	return not_built(e);
}

bool desktop_server(struct arena *a, unsigned seconds,
    struct str *about_out, struct err *e)
{
	(void)a;
	(void)seconds;
	(void)about_out;
	return not_built(e);
}

#endif
