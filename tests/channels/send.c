/*
 * send CONFIG CHANNEL KEY=VALUE... - one notification through a channel of a
 * config, for the tests.  Prints what came of it: "sent", "later: WHY",
 * "refused: WHY", "unsure: WHY"; for CHANNEL "look" what is known of each.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/channel.h"
#include "engine/clock.h"

static const struct config *load(struct arena *a, const char *path)
{
	struct problems ps;
	struct err e = { 0 };
	const struct config *c;
	struct buf b;

	problems_init(&ps, a);
	c = config_load(a, path, &ps, &e);
	buf_init(&b, 100000);
	for (size_t i = 0; i < ps.n; i++)
		problem_show(&b, &ps.list[i]);
	fputs(buf_z(&b), stderr);
	fputs(e.msg, stderr);
	buf_free(&b);
	return c;
}

static int look(struct arena *a, const struct config *c)
{
	for (size_t i = 0; i < c->n_channels; i++) {
		struct str about;
		bool good = channel_look(a, &c->channels[i], &about);

		printf("%s: %.*s\n", good ? "good" : "bad", STR_ARG(about));
	}
	return 0;
}

static void set(struct notification *n, struct str word)
{
	size_t at = str_find_char(word, 0, '=');
	struct str key = str_sub(word, 0, at);
	struct str value = str_sub(word, at + 1, word.n);
	struct {
		const char *name;
		struct str *to;
	} const texts[] = {
		{ "summary", &n->summary }, { "body", &n->body },
		{ "icon", &n->icon }, { "sound", &n->sound },
		{ "account", &n->account }, { "mailbox", &n->mailbox },
		{ "rule", &n->rule }, { "from", &n->from },
		{ "subject", &n->subject }, { "message_id", &n->message_id },
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		if (str_eq_z(key, texts[i].name))
			*texts[i].to = value;
	if (str_eq_z(key, "uid"))
		n->uid = 7;
	if (str_eq_z(key, "sticky"))
		n->sticky = true;
	if (str_eq_z(key, "urgency"))
		n->urgency = str_eq_z(value, "critical") ? URGENCY_CRITICAL :
		    URGENCY_LOW;
}

int main(int argc, char **argv)
{
	static const char *const ends[] = {
		[CHANNEL_SENT] = "sent", [CHANNEL_LATER] = "later",
		[CHANNEL_REFUSED] = "refused", [CHANNEL_UNSURE] = "unsure",
	};
	struct arena *a = arena_new();
	const struct config *c = argc > 2 ? load(a, argv[1]) : NULL;
	struct notification n = { .urgency = URGENCY_NORMAL };
	const struct channel *channel;
	struct err e = { 0 };
	enum channel_end end;

	signal(SIGPIPE, SIG_IGN);
	if (!c)
		return 2;
	if (strcmp(argv[2], "look") == 0)
		return look(a, c);
	channel = config_channel(c, str_of(argv[2]));
	if (!channel)
		return 2;
	n.time = clock_now();
	for (int i = 3; i < argc; i++)
		set(&n, str_of(argv[i]));
	end = channel_send(channel, &n, &e);
	printf("%s%s%s\n", ends[end], e.msg[0] ? ": " : "", e.msg);
	arena_free(&a);
	return 0;
}
