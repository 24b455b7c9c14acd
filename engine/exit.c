#include "command.h"

int exit_of(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE: return EXIT_DONE;
	case ERR_USAGE: return EXIT_USAGE;
	case ERR_CONFIG: return EXIT_CONFIG;
	case ERR_AUTH: return EXIT_REFUSED;
	case ERR_TEMP: return EXIT_LATER;
	case ERR_PROTO: return EXIT_LATER;
	case ERR_STATE: return EXIT_STATE;
	case ERR_BRAKE: return EXIT_BRAKE;
	case ERR_MESSAGE: return EXIT_SOME_FAILED;
	}
	return EXIT_STATE;
}

/* What needs a person first, then what needs time, then news. */
static int rank(int code)
{
	static const int order[] = {
		EXIT_DONE, EXIT_FOUND, EXIT_LATER, EXIT_SOME_FAILED,
		EXIT_BRAKE, EXIT_STATE, EXIT_REFUSED, EXIT_CONFIG,
		EXIT_USAGE,
	};

	for (size_t i = 0; i < COUNT(order); i++)
		if (order[i] == code)
			return (int)i;
	return COUNT(order);
}

int exit_worst(int a, int b)
{
	return rank(a) >= rank(b) ? a : b;
}
