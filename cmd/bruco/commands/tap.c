/* bruco tap: records that pass an edge of a running pipeline, as JSON or as frames. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/steer.h"
#include "bruco/monitor/tap_client.h"
#include "tap/page.h"

enum { OPTION_IN = OPTION_OWN, OPTION_OUT, OPTION_FAILED, OPTION_KEY, OPTION_PARTITION, OPTION_FRAMES };

static int64_t tap_number(
	const struct program *program, const char *name, const char *text, int64_t low, int64_t high)
{
	int64_t value;

	if (!text_integer(text, low, high, &value))
		options_misuse(program, "%s '%s' is not a whole number of %lld or more", name, text,
			(long long)low);
	return value;
}

static void set_edge(const struct program *program, struct tap_wish *wish, const char *edge)
{
	if (wish->edge != NULL && strcmp(wish->edge, edge) != 0)
		options_misuse(program, "one of --in, --out and --failed at a time");
	wish->edge = edge;
}

static void set_key(const struct program *program, struct tap_wish *wish, const char *key)
{
	if (strlen(key) > TAP_KEY_MAX)
		options_misuse(program, "a key of more than %d bytes", TAP_KEY_MAX);
	wish->key = key;
}

static void take_option(const struct program *program, struct tap_wish *wish, int option)
{
	switch (option) {
	case OPTION_IN:
		set_edge(program, wish, "in");
		break;
	case OPTION_OUT:
		set_edge(program, wish, "out");
		break;
	case OPTION_FAILED:
		set_edge(program, wish, "failed");
		break;
	case OPTION_KEY:
		set_key(program, wish, optarg);
		break;
	case OPTION_PARTITION:
		wish->partition = tap_number(program, "partition", optarg, 0, INT32_MAX);
		break;
	case OPTION_FRAMES:
		wish->frames = true;
		break;
	case 'n':
		wish->count = (uint64_t)tap_number(program, "count", optarg, 1, INT64_MAX);
		break;
	}
}

int command_tap(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {STEER_OPTIONS, {"in", no_argument, NULL, OPTION_IN},
		{"out", no_argument, NULL, OPTION_OUT},
		{"failed", no_argument, NULL, OPTION_FAILED},
		{"key", required_argument, NULL, OPTION_KEY},
		{"partition", required_argument, NULL, OPTION_PARTITION},
		{"count", required_argument, NULL, 'n'},
		{"frames", no_argument, NULL, OPTION_FRAMES}, {0}};
	struct steer_options options = {0};
	struct tap_wish wish = {.partition = -1};
	char *name;
	int option, status;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, "n:" STEER_LETTERS, longs)) != -1)
		if (!steer_option(program, &options, option))
			take_option(program, &wish, option);
	steer_path(program, "tap", &options, argc, argv);
	name = steer_name(program, &options);
	wish.socket = options.socket;
	wish.name = name;
	if (wish.edge == NULL)
		wish.edge = "in";
	status = tap_client_run(&wish);
	free(name);
	return status;
}
