/*
 * desktop - a notification on the person's desktop
 * (org.freedesktop.Notifications, version 1.2 of the specification), by
 * sd-bus of libsystemd.
 *
 * The session bus is the one of DBUS_SESSION_BUS_ADDRESS, else
 * $XDG_RUNTIME_DIR/bus, else /run/user/UID/bus: cron sets none of these
 * variables.
 *
 * Errors: ERR_TEMP when there is no bus or no daemon now, ERR_CONFIG in a
 *         build without libsystemd.  With *MAY_OUT set nobody can say
 *         whether the notification was shown.
 */
#ifndef TAMIS_DESKTOP_H
#define TAMIS_DESKTOP_H

#include "../rules/base.h"

struct desktop_note {
	struct str summary, body;	/* fit to be shown; not escaped for
					   markup, that is done where the
					   daemon reads markup */
	uint8_t urgency;		/* 0 low, 1 normal, 2 critical */
	struct str icon;		/* a name of a theme or a path */
	struct str sound;		/* likewise */
	bool sticky;			/* stays until somebody closes it */
};

MUST_USE bool desktop_notify(const struct desktop_note *note,
    unsigned seconds, bool *may_out, struct err *e);

/* "name version", of the daemon that answers. */
MUST_USE bool desktop_server(struct arena *a, unsigned seconds,
    struct str *about_out, struct err *e);

#endif
