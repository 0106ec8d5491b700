#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/types/values.h"
#include "frame/limits.h"

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

struct setting *settings_set(struct settings *settings, const char *name, const char *value)
{
	for (size_t i = 0; i < settings->count; i++) {
		if (strcmp(settings->items[i].name, name) == 0) {
			config_replace(&settings->items[i].value, value);
			settings->items[i].place = (struct config_place){0, 0};
			return &settings->items[i];
		}
	}
	settings->items = mem_grow(settings->items, settings->count + 1, sizeof *settings->items);
	settings->items[settings->count++] =
		(struct setting){.name = mem_text(name), .value = mem_text(value)};
	return &settings->items[settings->count - 1];
}

void settings_release(struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->items[i].name);
		free(settings->items[i].value);
	}
	free(settings->items);
	*settings = (struct settings){0};
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
	else if (text_integer(text, 0, INT64_MAX, &found.value))
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

void processor_init(struct processor_config *processor)
{
	*processor = (struct processor_config){
		.handler_path = mem_text("."),
		.module_name = mem_text("handler"),
		.workers = 1,
		.ordering = ORDERING_PARTITION,
		.retry_attempts = 3,
		.retry_backoff_ms = 200,
		.retry_max_backoff_ms = 10000,
		.on_failure = FAILURE_STOP,
		.concurrency = 1,
		.batch_size = 500,
		.batch_wait_ms = 50,
	};
}

void source_init(struct source_config *source)
{
	*source = (struct source_config){
		.offset = {.kind = OFFSET_LATEST},
		.balance_strategy = mem_text("range"),
		.rebalance_timeout_ms = 60000,
		.fetch_bytes = 1 << 20,
		.prefetch = 64 << 20,
		.window = 4 << 20,
	};
}

void sink_init(struct sink_config *sink)
{
	*sink = (struct sink_config){
		.partitioner = mem_text(config_partitioner("hash")),
		.partition = -1,
	};
}

void processor_release(struct processor_config *processor)
{
	free(processor->handler_path);
	free(processor->module_name);
	free(processor->python);
	settings_release(&processor->retry_except);
	settings_release(&processor->env);
}

void source_release(struct source_config *source)
{
	free(source->kind);
	free(source->brokers);
	texts_release(&source->topics);
	free(source->consumer_group);
	free(source->group_instance_id);
	free(source->balance_strategy);
	settings_release(&source->properties);
}

void sink_release(struct sink_config *sink)
{
	free(sink->kind);
	free(sink->brokers);
	free(sink->topic);
	texts_release(&sink->topics);
	free(sink->partitioner);
	settings_release(&sink->properties);
}

void config_init(struct config *config)
{
	*config = (struct config){
		.name = mem_text("bruco"),
		.shutdown_timeout_ms = 30000,
		.max_record_size = LIMIT_SIZE_DEFAULT,
		.max_restarts = 10,
	};
	processor_init(&config->processor);
	source_init(&config->source);
	sink_init(&config->sink);
	sink_init(&config->dead_letter);
}

void config_release(struct config *config)
{
	free(config->path);
	free(config->directory);
	free(config->name);
	processor_release(&config->processor);
	source_release(&config->source);
	sink_release(&config->sink);
	sink_release(&config->dead_letter);
	texts_release(&config->secret_variables);
	*config = (struct config){0};
}

/* ---- what nobody gave ---- */

struct missing {
	const struct config *config;
	struct buf *notes;
	struct config_place place; /* of the section that is looked at */
	size_t count;
};

static void require(
	struct missing *missing, bool given, unsigned bit, const char *section, const char *key)
{
	if (given || (missing->config->mistaken & bit))
		return;
	if (missing->config->path != NULL)
		buf_text(missing->notes, missing->config->path);
	if (missing->config->path != NULL && missing->place.line > 0)
		buf_printf(missing->notes, ":%u:%u", missing->place.line, missing->place.column);
	if (missing->config->path != NULL)
		buf_text(missing->notes, ": ");
	buf_printf(missing->notes, "%s%s is missing\n", section, key);
	missing->count++;
}

static bool is_kafka(const char *kind)
{
	return kind != NULL && strcmp(kind, "kafka") == 0;
}

static void require_source(struct missing *missing, const struct source_config *source)
{
	missing->place = source->place;
	if (!source->present)
		require(missing, source->kind != NULL, REQUIRED_SOURCE, "source", "");
	else
		require(missing, source->kind != NULL, REQUIRED_SOURCE_KIND, "source", ".kind");
	if (!is_kafka(source->kind))
		return;
	require(missing, source->brokers != NULL, REQUIRED_SOURCE_BROKERS, "source", ".brokers");
	require(missing, source->topics.count > 0, REQUIRED_SOURCE_TOPICS, "source", ".topics");
	require(missing, source->consumer_group != NULL, REQUIRED_SOURCE_GROUP, "source",
		".consumerGroup");
}

/* `bits`: REQUIRED_SINK_KIND, or the other section's. */
static void require_sink(
	struct missing *missing, const struct sink_config *sink, const char *section, unsigned bits)
{
	unsigned factor = bits / REQUIRED_SINK_KIND;

	missing->place = sink->place;
	if (sink->present)
		require(missing, sink->kind != NULL, bits, section, ".kind");
	if (!is_kafka(sink->kind))
		return;
	require(missing, sink->brokers != NULL, REQUIRED_SINK_BROKERS * factor, section,
		".brokers");
	require(missing, sink->topic != NULL, REQUIRED_SINK_TOPIC * factor, section, ".topic");
	require(missing, sink->partition >= 0 || strcmp(sink->partitioner, "manual") != 0,
		REQUIRED_SINK_PARTITION * factor, section,
		".partition (for the manual partitioner)");
}

size_t config_missing(const struct config *config, unsigned sections, struct buf *notes)
{
	struct missing missing = {.config = config, .notes = notes};

	if (sections & SECTION_SOURCE)
		require_source(&missing, &config->source);
	if (sections & SECTION_SINK) {
		require_sink(&missing, &config->sink, "sink", REQUIRED_SINK_KIND);
		require_sink(
			&missing, &config->dead_letter, "deadLetter", REQUIRED_DEAD_LETTER_KIND);
	}
	return missing.count;
}
