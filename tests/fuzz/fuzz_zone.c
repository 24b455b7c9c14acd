/*
 * Time zones: the whole as a TZif file, its first line as the rule of a TZ
 * variable; and that the ways from a wall time and to it fit together.
 */
#include "fuzz.h"

/* The years 0 to 9999: nothing else is asked for. */
#define LEAST	INT64_C(-62167219200)
#define MOST	INT64_C(253402300799)

static void look_at_time(const struct zone *z, int64_t t)
{
	int64_t local = zone_local(z, t);
	int64_t first = zone_first(z, local), past = zone_past(z, local);

	HOLDS(local == t + zone_east(z, t));
	HOLDS(first <= t && t < past);
	HOLDS(zone_local(z, first) >= local);
	HOLDS(zone_local(z, first - 1) < local);
	HOLDS(zone_local(z, past) > local);
	HOLDS(zone_local(z, past - 1) <= local);
}

static void look_at(const struct zone *z, struct fuzz_dice *dice)
{
	const int64_t now = 1768478400;

	look_at_time(z, LEAST);
	look_at_time(z, MOST);
	for (int month = 0; month < 24; month++)
		look_at_time(z, now + month * 30 * 86400);
	for (int i = 0; i < 32; i++)
		look_at_time(z, LEAST + (int64_t)fuzz_roll(dice,
		    (size_t)(MOST - LEAST)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_input(data, n), rest = text;
	struct fuzz_dice dice = { str_hash(text) };
	struct arena *a = arena_new();
	struct err e = { 0 };
	const struct zone *z;
	struct str line = fuzz_line(&rest);
	int east = 0;

	if (zone_read_file(a, text, &z, &e))
		look_at(z, &dice);
	else
		HOLDS(e.kind == ERR_CONFIG);
	if (zone_read_rule(a, line, &z))
		look_at(z, &dice);
	if (zone_read_east(line, &east)) {
		HOLDS(east > -15 * 3600 && east < 15 * 3600);
		look_at(zone_fixed(a, east), &dice);
	}
	HOLDS(!zone_name_ok(line) || !fuzz_has(line, '\0'));
	arena_free(&a);
	return 0;
}
