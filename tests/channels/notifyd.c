/*
 * notifyd [WORD]... - a notification daemon on the session bus, for the
 * tests.  It prints what it is asked to show, one field a line, and a blank
 * line behind each; "ready" first.  Words: `markup` (it reads markup in
 * bodies), `mute` (it answers nothing to Notify), `fail` (it answers with an
 * error).  Ends with its standard input.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

static bool markup, mute, fail;
static uint32_t last;

static void say(const char *key, const char *value)
{
	printf("%s=", key);
	for (; *value; value++)
		printf(*value == '\n' ? "\\n" : "%c", *value);
	putchar('\n');
}

static int hints(sd_bus_message *m)
{
	int rc = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (rc >= 0 &&
	    (rc = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		const char *key, *type, *text;
		uint8_t byte;

		if (sd_bus_message_read(m, "s", &key) < 0 ||
		    sd_bus_message_peek_type(m, NULL, &type) < 0)
			return -1;
		if (strcmp(type, "y") == 0) {
			sd_bus_message_read(m, "v", "y", &byte);
			printf("hint.%s=byte %d\n", key, byte);
		} else {
			sd_bus_message_read(m, "v", "s", &text);
			printf("hint.%s=", key);
			puts(text);
		}
		sd_bus_message_exit_container(m);
	}
	return rc < 0 ? rc : sd_bus_message_exit_container(m);
}

static int on_notify(sd_bus_message *m, void *data, sd_bus_error *error)
{
	const char *app, *icon, *summary, *body;
	uint32_t replaces;
	int32_t expires;

	(void)data;
	if (sd_bus_message_read(m, "susss", &app, &replaces, &icon, &summary,
	    &body) < 0 || sd_bus_message_skip(m, "as") < 0 || hints(m) < 0 ||
	    sd_bus_message_read(m, "i", &expires) < 0)
		return -1;
	say("app", app);
	say("icon", icon);
	say("summary", summary);
	say("body", body);
	printf("expires=%d\n\n", expires);
	fflush(stdout);
	if (mute)
		return 1;
	if (fail)
		return sd_bus_error_set(error,
		    "org.example.Error.Full", "no room on the screen");
	return sd_bus_reply_method_return(m, "u", ++last);
}

static int on_capabilities(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	if (markup)
		return sd_bus_reply_method_return(m, "as", 2, "body",
		    "body-markup");
	return sd_bus_reply_method_return(m, "as", 1, "body");
}

static int on_information(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	return sd_bus_reply_method_return(m, "ssss", "notifyd", "tamis",
	    "1.0", "1.2");
}

static const sd_bus_vtable table[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", on_notify,
	    SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetCapabilities", "", "as", on_capabilities,
	    SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetServerInformation", "", "ssss", on_information,
	    SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;

	for (int i = 1; i < argc; i++) {
		markup |= strcmp(argv[i], "markup") == 0;
		mute |= strcmp(argv[i], "mute") == 0;
		fail |= strcmp(argv[i], "fail") == 0;
	}
	if (sd_bus_open_user(&bus) < 0 || sd_bus_add_object_vtable(bus, NULL,
	    "/org/freedesktop/Notifications",
	    "org.freedesktop.Notifications", table, NULL) < 0 ||
	    sd_bus_request_name(bus, "org.freedesktop.Notifications", 0) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = sd_bus_get_fd(bus), .events = POLLIN },
			{ .fd = 0, .events = POLLIN },
		};

		while (sd_bus_process(bus, NULL) > 0)
			;
		poll(fds, 2, -1);
		if (fds[1].revents)
			return 0;
	}
}
