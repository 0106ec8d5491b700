/* Which keys differ between two configurations: for a reload. */
#include "config/dump.h"

#include <string.h>

#include "config/types/values.h"

/* The key's value as config_dump writes it; empty when it is not set. */
static void write_value(const struct section *section, const struct key *key,
	const struct config *config, struct buf *out)
{
	struct dump dump = {.config = config, .sections = SECTION_ALL, .out = out};
	const void *field = schema_field(section, key, config);

	buf_reset(out);
	if (key->type->is_set == NULL || key->type->is_set(field))
		key->type->write(&dump, key, field);
}

static bool differs(const struct section *section, const struct key *key,
	const struct config *one, const struct config *other)
{
	struct buf value = {0}, others = {0};
	bool different;

	write_value(section, key, one, &value);
	write_value(section, key, other, &others);
	different = value.length != others.length ||
		    (value.length > 0 && memcmp(value.data, others.data, value.length) != 0);
	buf_release(&value);
	buf_release(&others);
	return different;
}

static void compare(const struct section *section, const struct config *one,
	const struct config *other, struct texts *paths)
{
	const struct kind *chosen = schema_kind_of(section, one), *kind;
	const struct key *key;
	char path[64];

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		if (kind != NULL && (kind != chosen || kind != schema_kind_of(section, other)))
			continue;
		if (key->section != NULL) {
			compare(key->section, one, other, paths);
		} else if (key->type->write != NULL && differs(section, key, one, other)) {
			schema_path(path, section, key);
			texts_add(paths, path);
		}
	}
}

void config_changes(const struct config *one, const struct config *other, struct texts *paths)
{
	compare(&schema_top, one, other, paths);
}
