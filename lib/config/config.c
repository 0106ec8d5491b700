#include "config/config.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/schema.h"
#include "config/secrets.h"
#include "config/types/values.h"

/* ---- lists and maps of texts ---- */

void config_replace(char **field, const char *text)
{
	char *copy = mem_text(text);

	free(*field);
	*field = copy;
}

void texts_add(struct texts *texts, const char *text)
{
	texts->items = mem_grow(texts->items, texts->count + 1, sizeof *texts->items);
	texts->items[texts->count++] = mem_text(text);
}

void texts_release(struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (struct texts){0};
}

void config_texts(struct texts *texts, const char *comma_text)
{
	char *copy = mem_text(comma_text), *rest = copy, *part;

	texts_release(texts);
	while ((part = strsep(&rest, ",")) != NULL) {
		part += strspn(part, " ");
		part[strcspn(part, " ")] = '\0';
		if (part[0] != '\0')
			texts_add(texts, part);
	}
	free(copy);
}

void setting_release(struct setting *setting)
{
	free(setting->name);
	mem_wipe(setting->value);
	free(setting->shown);
	free(setting->shown_name);
	*setting = (struct setting){0};
}

struct setting *settings_set(struct settings *settings, const char *name, const char *value)
{
	struct setting *found = NULL;

	for (size_t i = 0; i < settings->count && found == NULL; i++)
		if (strcmp(settings->items[i].name, name) == 0)
			found = &settings->items[i];
	if (found != NULL) {
		setting_release(found);
	} else {
		settings->items = mem_grow(
			settings->items, settings->count + 1, sizeof *settings->items);
		found = &settings->items[settings->count++];
	}
	*found = (struct setting){.name = mem_text(name),
		.value = mem_text(value),
		.shown = secret_mask(value, SECRET_PLAIN, secret_name(name))};
	return found;
}

void settings_take(struct settings *settings, const struct node *name, const struct node *value)
{
	struct setting *setting = settings_set(settings, name->text, value->text);

	setting->place = name->place;
	if (name->shown != NULL)
		setting->shown_name = mem_text(name->shown);
	if (value->shown != NULL)
		config_replace(&setting->shown, value->shown);
}

void settings_release(struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		setting_release(&settings->items[i]);
	free(settings->items);
	*settings = (struct settings){0};
}

bool settings_are_set(const void *field)
{
	return ((const struct settings *)field)->count > 0;
}

void settings_clear(void *field)
{
	settings_release(field);
}

bool config_setting(struct settings *settings, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	char *name;

	if (equals == NULL || equals == assignment)
		return false;
	name = mem_text_n(assignment, (size_t)(equals - assignment));
	settings_set(settings, name, equals + 1);
	free(name);
	return true;
}

bool config_offset(const char *text, struct start_offset *offset)
{
	struct start_offset found = {0};

	if (strcmp(text, "latest") == 0)
		found.kind = OFFSET_LATEST;
	else if (strcmp(text, "earliest") == 0)
		found.kind = OFFSET_EARLIEST;
	else if (text[0] == '-' && text_integer(text + 1, 1, INT64_MAX, &found.value))
		found.kind = OFFSET_BEFORE_END;
	else if (text[0] != '-' && text_integer(text, 0, INT64_MAX, &found.value))
		found.kind = OFFSET_NUMBER;
	else if (text_time(text, &found.value))
		found.kind = OFFSET_TIME;
	else
		return false;
	*offset = found;
	return true;
}

char *config_path(const char *directory, const char *path)
{
	while (path[0] == '.' && (path[1] == '/' || path[1] == '\0')) {
		path += path[1] == '/' ? 2 : 1;
		path += strspn(path, "/");
		if (path[0] == '\0')
			return mem_text(directory != NULL ? directory : ".");
	}
	if (path[0] == '/' || directory == NULL)
		return mem_text(path);
	return mem_printf("%s%s%s", directory, strcmp(directory, "/") == 0 ? "" : "/", path);
}

/* ---- the whole ---- */

void config_init(struct config *config)
{
	*config = (struct config){0};
	schema_init(&schema_top, config);
}

void config_release(struct config *config)
{
	texts_release(&config->overrides);
	free(config->input);
	free(config->path);
	free(config->directory);
	texts_release(&config->secret_variables);
	texts_release(&config->secret_files);
	settings_release(&config->given);
	texts_release(&config->mistaken);
	settings_release(&config->source.security.derived);
	settings_release(&config->sink.security.derived);
	settings_release(&config->dead_letter.security.derived);
	schema_clear(&schema_top, config);
}

bool config_override(struct config *config, const char *assignment)
{
	const char *equals = strchr(assignment, '=');

	if (equals == NULL || equals == assignment || !text_utf8(assignment, strlen(assignment)))
		return false;
	texts_add(&config->overrides, assignment);
	return true;
}

void config_input(struct config *config, const void *text, size_t length)
{
	free(config->input);
	config->input = mem_text_n(text, length);
	config->input_length = length;
}

void config_origin_as(struct config *config, const struct config *other)
{
	if (other->input != NULL)
		config_input(config, other->input, other->input_length);
	texts_release(&config->overrides);
	for (size_t i = 0; i < other->overrides.count; i++)
		texts_add(&config->overrides, other->overrides.items[i]);
}

bool config_reads_input(const struct config *config)
{
	const struct key *source = schema_find(&schema_top, NULL, "source");
	const struct kind *kind = schema_kind_of(source->section, config);

	return kind != NULL && kind->reads_input;
}

bool config_mistaken(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->mistaken.count; i++)
		if (strcmp(config->mistaken.items[i], path) == 0)
			return true;
	return config->unreadable;
}

/* ---- what nobody gave ---- */

/* Returns 1 if the key is missing, which it reports with the place of its section. */
static size_t require(const struct config *config, struct config_place place,
	const struct section *section, const struct key *key, struct buf *notes)
{
	const char *remark =
		key->required == NULL ? NULL : key->required((const char *)config + section->base);
	char path[64];

	schema_path(path, section, key);
	if (remark == NULL || config_mistaken(config, path) ||
		(key->type->is_set != NULL &&
			key->type->is_set(schema_field(section, key, config))))
		return 0;
	if (config->path != NULL) {
		diag_origin(notes, config, place.override > 0 ? NO_PLACE : place);
		buf_text(notes, ": ");
	}
	buf_printf(notes, "%s%s is missing\n", path, remark);
	return 1;
}

/* A section that neither stands in the file nor has got a kind by a flag. */
static bool is_absent(const struct section *section, const struct config *config)
{
	return !*(const bool *)((const char *)config + section->present) &&
	       schema_kind_of(section, config) == NULL;
}

static size_t missing_in(
	const struct config *config, const struct section *section, struct buf *notes)
{
	const struct kind *chosen = schema_kind_of(section, config), *kind;
	const struct config_place *place =
		(const struct config_place *)(const void *)((const char *)config + section->place);
	const struct key *key;
	size_t count = 0;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++)
		if (kind == NULL || kind == chosen)
			count += require(config, *place, section, key, notes);
	return count;
}

size_t config_missing(const struct config *config, unsigned sections, struct buf *notes)
{
	size_t count = 0;

	for (size_t i = 0; i < schema_top.count; i++) {
		const struct key *key = &schema_top.keys[i];

		if (key->section == NULL || key->section->kinds == NULL ||
			!(sections & key->section->bit))
			continue;
		if (is_absent(key->section, config))
			count += require(config, NO_PLACE, &schema_top, key, notes);
		else
			count += missing_in(config, key->section, notes);
	}
	return count;
}

bool config_has_patterns(const struct texts *topics)
{
	for (size_t i = 0; i < topics->count; i++)
		if (config_is_pattern(topics->items[i]))
			return true;
	return false;
}

bool config_topic_is(const char *topic, const char *name)
{
	regex_t pattern;
	bool matches;

	if (!config_is_pattern(topic))
		return strcmp(topic, name) == 0;
	if (regcomp(&pattern, topic, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&pattern, name, 0, NULL, 0) == 0;
	regfree(&pattern);
	return matches;
}
