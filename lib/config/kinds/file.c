/* The keys that only kind file has. */
#include <string.h>

#include "config/kinds/kinds.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOURCE(name) .field = offsetof(struct source_config, name)
#define SINK(name)   .field = offsetof(struct sink_config, name)

enum { SECOND = 1000, DAY = 24 * 3600 * SECOND };

const char *const record_formats[] = {"lines", "json", "frames", NULL};
static const char *const starts[] = {"earliest", "latest", NULL};

bool config_format(const char *word, enum record_format *format)
{
	for (size_t i = 0; record_formats[i] != NULL; i++) {
		if (strcmp(record_formats[i], word) == 0) {
			*format = (enum record_format)i;
			return true;
		}
	}
	return false;
}

/* clang-format off */

static const struct key source_keys[] = {
	{.name = "path",
		.help = "The file, or a pattern for several.",
		.type = &place_type, SOURCE(path), .required = always_required,
		.also = " file files paths filename glob pattern "},
	{.name = "format",
		.help = "How records stand in it.",
		.type = &choice_type, SOURCE(format), .words = record_formats,
		.initial = "lines", .also = " codec encoding "},
	{.name = "follow",
		.help = "Go on at the end of the file, through rotation.",
		.type = &bool_type, SOURCE(follow), .initial = "true",
		.also = " tail watch "},
	{.name = "offset",
		.help = "Where files are begun that are there when nothing was remembered yet.",
		.type = &choice_type, SOURCE(start), .words = starts,
		.initial = "earliest", .also = " startOffset start readFrom "},
};

static const struct key rotate_keys[] = {
	{.name = "size",
		.help = "How large a file becomes.",
		.type = &size_type, SINK(rotate.size),
		.low = 4096, .high = (int64_t)1 << 40, .also = " maxSize maxBytes bytes "},
	{.name = "interval",
		.help = "How much time a file covers.",
		.type = &duration_type, SINK(rotate.interval_ms),
		.low = SECOND, .high = 20 * DAY, .also = " every period time age maxAge "},
	{.name = "keep",
		.help = "How many files stay that were moved away.",
		.type = &count_type, SINK(rotate.keep),
		.low = 1, .high = 100000, .also = " count backups maxFiles maxBackups "},
};

#define ROTATE_SECTION(part, title)                                                                \
	{.name = title ".rotate", .keys = rotate_keys, .count = COUNT(rotate_keys),                \
		.base = offsetof(struct config, part), .bit = SECTION_SINK}
static const struct section sink_rotate = ROTATE_SECTION(sink, "sink");
static const struct section dead_letter_rotate = ROTATE_SECTION(dead_letter, "deadLetter");

#define SINK_KEYS(rotate_section)                                                                  \
	{.name = "path",                                                                           \
		.help = "The file.",                                                               \
		.type = &place_type, SINK(path), .required = always_required,                      \
		.also = " file filename "},                                                        \
	{.name = "format",                                                                         \
		.help = "How records stand in it.",                                                \
		.type = &choice_type, SINK(format), .words = record_formats,                       \
		.initial = "lines", .also = " codec encoding "},                                   \
	{.name = "rotate",                                                                         \
		.help = "When the file is moved away and a new one is begun.",                     \
		.type = &map_type, .section = &rotate_section, .also = " rotation roll "}

static const struct key sink_keys[] = {SINK_KEYS(sink_rotate)};
static const struct key dead_letter_keys[] = {SINK_KEYS(dead_letter_rotate)};

/* clang-format on */

const struct kind file_source = {.name = "file", .keys = source_keys, .count = COUNT(source_keys)};
const struct kind file_sink = {.name = "file", .keys = sink_keys, .count = COUNT(sink_keys)};
const struct kind file_dead_letter = {
	.name = "file", .keys = dead_letter_keys, .count = COUNT(dead_letter_keys)};
