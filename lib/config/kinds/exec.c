/* The keys that only kind exec has. */
#include <string.h>

#include "config/kinds/kinds.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOURCE(name) .field = offsetof(struct source_config, name)
#define SINK(name)   .field = offsetof(struct sink_config, name)

enum { MINUTE = 60 * 1000 };

static const char *const restarts[] = {"onFailure", "always", "never", NULL};
static const char *const acknowledgements[] = {"written", "ok", "exit", NULL};

bool config_acknowledgement(const char *word, enum acknowledgement *acknowledgement)
{
	for (size_t i = 0; acknowledgements[i] != NULL; i++) {
		if (strcmp(acknowledgements[i], word) == 0) {
			*acknowledgement = (enum acknowledgement)i;
			return true;
		}
	}
	return false;
}

/* clang-format off */

#define COMMAND_ELSEWHERE " cmd exec program run args "
#define FORMAT_ELSEWHERE " codec encoding dataFormat "
#define ENV_ELSEWHERE " environment variables "

static const struct key source_keys[] = {
	{.name = "command",
		.help = "The program and its arguments.",
		.type = &command_type, SOURCE(command), .required = always_required,
		.also = COMMAND_ELSEWHERE},
	{.name = "format",
		.help = "How records stand in what it prints.",
		.type = &choice_type, SOURCE(format), .words = record_formats,
		.initial = "lines", .also = FORMAT_ELSEWHERE},
	{.name = "env",
		.help = "Variables in the environment of the program only.",
		.type = &env_type, SOURCE(program_env), .initial = "[]", .also = ENV_ELSEWHERE},
	{.name = "restart",
		.help = "When the program is started again after its end.",
		.type = &choice_type, SOURCE(restart), .words = restarts,
		.initial = "onFailure", .also = " respawn restartPolicy respawnOnExit "},
};

static const struct key batch_keys[] = {
	{.name = "size",
		.help = "How many records a program is given at most.",
		.type = &count_type, SINK(batch_size),
		.low = 1, .high = 1000000, .initial = "1000",
		.also = " maxSize count max records events "},
	{.name = "wait",
		.help = "How long a batch waits for more records after its first one.",
		.type = &duration_type, SINK(batch_wait_ms),
		.low = 0, .high = MINUTE, .initial = "1s",
		.also = " timeout maxWait linger interval "},
};

#define BATCH_SECTION(part, title)                                                                 \
	{.name = title ".batch", .keys = batch_keys, .count = COUNT(batch_keys),                   \
		.base = offsetof(struct config, part), .bit = SECTION_SINK}
static const struct section sink_batch = BATCH_SECTION(sink, "sink");
static const struct section dead_letter_batch = BATCH_SECTION(dead_letter, "deadLetter");

#define SINK_KEYS(batch_section)                                                                   \
	{.name = "command",                                                                        \
		.help = "The program and its arguments.",                                          \
		.type = &command_type, SINK(command), .required = always_required,                 \
		.also = COMMAND_ELSEWHERE},                                                        \
	{.name = "format",                                                                         \
		.help = "How records stand in what it reads.",                                     \
		.type = &choice_type, SINK(format), .words = record_formats,                       \
		.initial = "lines", .also = FORMAT_ELSEWHERE},                                     \
	{.name = "env",                                                                            \
		.help = "Variables in the environment of the program only.",                       \
		.type = &env_type, SINK(program_env), .initial = "[]", .also = ENV_ELSEWHERE},     \
	{.name = "acknowledge",                                                                    \
		.help = "When a record counts as delivered.",                                      \
		.type = &choice_type, SINK(acknowledge), .words = acknowledgements,                \
		.initial = "written", .also = " ack acks acknowledgement confirm "},               \
	{.name = "batch",                                                                          \
		.help = "How much one program is given with acknowledge: exit.",                   \
		.type = &map_type, .section = &batch_section, .also = " batches batching "}

static const struct key sink_keys[] = {SINK_KEYS(sink_batch)};
static const struct key dead_letter_keys[] = {SINK_KEYS(dead_letter_batch)};

/* clang-format on */

const struct kind exec_source = {.name = "exec", .keys = source_keys, .count = COUNT(source_keys)};
const struct kind exec_sink = {.name = "exec", .keys = sink_keys, .count = COUNT(sink_keys)};
const struct kind exec_dead_letter = {
	.name = "exec", .keys = dead_letter_keys, .count = COUNT(dead_letter_keys)};
