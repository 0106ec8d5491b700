/* The keys that only kind file has. */
#include "config/kinds/kinds.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOURCE(name) .field = offsetof(struct source_config, name)

const char *const record_formats[] = {"lines", "json", "frames", NULL};
static const char *const starts[] = {"earliest", "latest", NULL};

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

/* clang-format on */

const struct kind file_source = {.name = "file", .keys = source_keys, .count = COUNT(source_keys)};
