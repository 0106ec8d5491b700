/* Files and descriptors to struct config: reads, parses, substitutes, checks; in that order. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/diagnostics.h"
#include "config/expand.h"
#include "config/schema.h"
#include "config/types/values.h"
#include "config/yaml_tree.h"
#include "frame/limits.h"

/* A file; and a document, in which everything is substituted and escaped. */
enum { FILE_BYTES_MAX = 1 << 20, DOCUMENT_BYTES_MAX = 96 << 20 };

/* ---- where the file is ---- */

/* DIR/config.yaml for a directory, else the path itself. */
static char *file_of(const char *path)
{
	size_t length = strlen(path);
	struct stat info;

	if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode))
		return mem_text(path);
	return mem_printf(
		"%s%sconfig.yaml", path, length > 0 && path[length - 1] == '/' ? "" : "/");
}

/* Sets the folder, and the name that follows from it. */
static void set_directory(struct config *config, struct diagnostics *diagnostics)
{
	char *folder = mem_text(config->path);
	char *slash = strrchr(folder, '/');
	char *absolute, *base;

	if (slash == folder)
		slash[1] = '\0';
	else if (slash != NULL)
		slash[0] = '\0';
	absolute = realpath(slash != NULL ? folder : ".", NULL);
	free(folder);
	if (absolute == NULL)
		return; /* reading the file says why */
	if (!text_utf8(absolute, strlen(absolute)))
		diag_error(diagnostics, NO_PLACE, "the path of its folder is not a text in UTF-8");
	base = strrchr(absolute, '/');
	if (base != NULL && base[1] != '\0')
		config_replace(&config->name, base + 1);
	free(config->directory);
	config->directory = absolute;
}

/* ---- what keys say about one another ---- */

static void check_ordering(struct load *load)
{
	struct processor_config *processor = &load->config->processor;

	if (!load->fire_and_forget_on)
		return;
	if (load->ordering.line > 0 && processor->ordering != ORDERING_NONE)
		diag_error(load->diagnostics, load->fire_and_forget,
			"source.fireAndForget: true means 'processor.ordering: none', but that is "
			"'%s' "
			"(at %u:%u)",
			ordering_word(processor->ordering), load->ordering.line,
			load->ordering.column);
	processor->ordering = ORDERING_NONE;
}

static void check_partition(struct load *load, struct sink_config *sink,
	const struct sink_places *places, const char *section)
{
	if (places->partition.line == 0)
		return;
	if (places->partitioner.line == 0) {
		config_replace(&sink->partitioner, config_partitioner("manual"));
	} else if (strcmp(sink->partitioner, "manual") != 0) {
		if (load->sections & SECTION_SINK)
			diag_warning(load->diagnostics, places->partition,
				"%s.partition has no effect with 'partitioner: %s' (at %u:%u)",
				section, partitioner_word(sink->partitioner),
				places->partitioner.line, places->partitioner.column);
		sink->partition = -1;
	}
}

/* The client asks again and again for a batch that is larger than it may receive. */
static void check_receive(struct load *load)
{
	uint32_t least = limits_frame((uint32_t)load->config->max_record_size);

	if (load->receive_max.line > 0 && load->receive_max_bytes < least)
		diag_error(load->diagnostics, load->receive_max,
			"source.properties: with this maxRecordSize 'receive.message.max.bytes' is "
			"%u "
			"at least",
			least);
}

static void check_group_times(struct load *load)
{
	struct config_place place;
	char why[256];

	for (size_t rule = 0; rule < GROUP_TIME_RULES && !load->document; rule++)
		if (config_group_times_wrong(&load->config->source, rule, why, &place))
			diag_error(load->diagnostics, place, "source.properties: %s", why);
}

static void check_backoff(struct load *load)
{
	struct processor_config *processor = &load->config->processor;
	int64_t max_ms = processor->retry_max_backoff_ms;
	char backoff[32], max[32];

	if (processor->retry_backoff_ms <= max_ms)
		return;
	if (load->retry_backoff.line > 0) {
		format_duration(backoff, processor->retry_backoff_ms);
		format_duration(max, max_ms);
		diag_error(load->diagnostics, load->retry_backoff,
			"processor.retry.backoff: %s is longer than maxBackoff, %s", backoff, max);
	}
	processor->retry_backoff_ms = max_ms;
}

/* A document may lack either: a stage gets only what it needs. */
static void check_on_failure(struct load *load)
{
	const struct config *config = load->config;
	bool to_dead_letter = config->processor.on_failure == FAILURE_DEAD_LETTER;
	unsigned unknown = MISTAKEN_ON_FAILURE | MISTAKEN_DEAD_LETTER;

	if (load->document || (config->mistaken & unknown))
		return;
	if (to_dead_letter && !config->dead_letter.present)
		diag_error(load->diagnostics, load->on_failure,
			"processor.onFailure: 'deadLetter' needs a section 'deadLetter' at the top "
			"level");
	else if (!to_dead_letter && config->dead_letter.present && (load->sections & SECTION_SINK))
		diag_warning(load->diagnostics, load->dead_letter,
			"deadLetter has no effect without 'processor.onFailure: deadLetter'");
}

/* Without a processor records are copied: hardly what someone means who has a handler there. */
static void check_processor(struct load *load)
{
	struct config *config = load->config;
	char *handler;

	if (!(load->sections & SECTION_PROCESSOR) || config->processor.present ||
		config->directory == NULL)
		return;
	handler = config_path(config->directory, "handler.py");
	if (access(handler, F_OK) == 0)
		diag_warning(load->diagnostics, NO_PLACE,
			"without 'processor' records are copied; handler.py beside it is not used");
	free(handler);
}

/* Whether two lists of brokers have one in common. */
static bool same_cluster(const char *one, const char *other)
{
	struct texts ones = {0}, others = {0};
	bool same = false;

	config_texts(&ones, one);
	config_texts(&others, other);
	for (size_t i = 0; i < ones.count; i++)
		for (size_t j = 0; j < others.count; j++)
			same = same || strcmp(ones.items[i], others.items[j]) == 0;
	texts_release(&ones);
	texts_release(&others);
	return same;
}

/* A pipeline that reads what it writes hardly ever ends well. */
static void check_circle(struct load *load, const struct sink_config *sink,
	const struct sink_places *places, const char *section)
{
	const struct source_config *source = &load->config->source;
	unsigned both = SECTION_SOURCE | SECTION_SINK;

	if ((load->sections & both) != both || source->brokers == NULL || sink->brokers == NULL ||
		sink->topic == NULL || !same_cluster(source->brokers, sink->brokers))
		return;
	for (size_t i = 0; i < source->topics.count; i++)
		if (strcmp(source->topics.items[i], sink->topic) == 0)
			diag_warning(load->diagnostics, places->topic,
				"%s.topic: '%s' is among source.topics: what is written there is "
				"read again",
				section, sink->topic);
}

/* ---- the steps ---- */

/* Where the sections stand, for what is missing in them. */
static void take_places(struct config *config, const struct node *root)
{
	for (size_t i = 0; i < root->count; i++) {
		const struct node *key = root->entries[i].key;

		if (strcmp(key->text, "source") == 0)
			config->source.place = key->place;
		else if (strcmp(key->text, "sink") == 0)
			config->sink.place = key->place;
		else if (strcmp(key->text, "deadLetter") == 0)
			config->dead_letter.place = key->place;
	}
}

/* What the handler's environment needs is nobody else's business. */
static void expand_policy(struct expansion *expansion, struct node *processor)
{
	for (size_t i = 0; i < processor->count; i++) {
		struct entry *entry = &processor->entries[i];

		expand_tree(expansion, entry->value,
			entry->key == NULL || strcmp(entry->key->text, "env") != 0, NULL);
	}
}

static void expand_section(struct load *load, struct expansion *expansion, struct entry *entry)
{
	static const struct {
		const char *name;
		unsigned section;
	} sections[] = {{"processor", SECTION_PROCESSOR}, {"source", SECTION_SOURCE},
		{"sink", SECTION_SINK}, {"deadLetter", SECTION_SINK}};
	struct texts *names = &load->config->secret_variables;

	if ((load->sections & SECTION_POLICY) && strcmp(entry->key->text, "processor") == 0) {
		expand_policy(expansion, entry->value);
		return;
	}
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
		if (strcmp(entry->key->text, sections[i].name) == 0) {
			expand_tree(expansion, entry->value,
				(load->sections & sections[i].section) != 0,
				sections[i].section == SECTION_PROCESSOR ? NULL : names);
			return;
		}
	}
	expand_tree(expansion, entry->value, true, NULL);
}

/* Sections that this program does not read stay as if they were not there. */
static void forget_others(struct config *config, unsigned sections)
{
	if (sections & SECTION_POLICY)
		settings_release(&config->processor.env);
	else if (!(sections & SECTION_PROCESSOR)) {
		processor_release(&config->processor);
		processor_init(&config->processor);
	}
	if (!(sections & SECTION_SOURCE)) {
		source_release(&config->source);
		source_init(&config->source);
	}
	if (!(sections & SECTION_SINK)) {
		sink_release(&config->sink);
		sink_init(&config->sink);
		sink_release(&config->dead_letter);
		sink_init(&config->dead_letter);
	}
}

static void load_tree(struct load *load, struct node *root)
{
	struct config *config = load->config;
	struct expansion expansion = {
		.directory = config->directory, .diagnostics = load->diagnostics};

	for (size_t i = 0; i < root->count && !load->document; i++)
		expand_section(load, &expansion, &root->entries[i]);
	take_places(config, root);
	schema_read(load, &schema_top, root);
	check_ordering(load);
	check_partition(load, &config->sink, &load->sink_places, "sink");
	check_partition(load, &config->dead_letter, &load->dead_letter_places, "deadLetter");
	check_receive(load);
	check_group_times(load);
	check_circle(load, &config->sink, &load->sink_places, "sink");
	check_circle(load, &config->dead_letter, &load->dead_letter_places, "deadLetter");
	check_backoff(load);
	check_on_failure(load);
	check_processor(load);
	forget_others(config, load->sections);
	if (config->processor.present && config->processor.handler_path[0] == '.' &&
		config->directory != NULL) /* the default; what was given is absolute by now */
		config_replace(&config->processor.handler_path, config->directory);
	if ((load->sections & SECTION_SINK) && !config->sink.present)
		config_replace(&config->sink.kind, "discard");
}

/* Takes the descriptor's content; `file` names it in messages. */
static size_t load_from(struct load *load, int fd, const char *file, struct buf *notes)
{
	size_t cap = load->document ? DOCUMENT_BYTES_MAX : FILE_BYTES_MAX, length = 0;
	char *text = fd < 0 ? NULL : fd_read_all(fd, cap, &length);
	struct node *root = NULL;

	if (text == NULL && fd >= 0 && errno == EFBIG)
		diag_error(load->diagnostics, NO_PLACE, "larger than %zu MiB", cap >> 20);
	else if (text == NULL)
		diag_error(load->diagnostics, NO_PLACE, "cannot read it: %s", strerror(errno));
	else
		root = yaml_tree_read(text, length, load->diagnostics);
	if (root != NULL)
		load_tree(load, root);
	else
		load->config->mistaken = MISTAKEN_ALL;
	yaml_tree_free(root);
	free(text);
	return diag_write(load->diagnostics, file, notes);
}

size_t config_load(struct config *config, const char *path, unsigned sections, struct buf *notes)
{
	struct diagnostics collected = {0};
	struct load load = {.config = config, .diagnostics = &collected, .sections = sections};
	size_t mistakes;
	int fd;

	free(config->path);
	config->path = file_of(path);
	set_directory(config, &collected);
	fd = open(config->path, O_RDONLY | O_CLOEXEC);
	mistakes = load_from(&load, fd, config->path, notes);
	fd_close(&fd);
	return mistakes;
}

size_t config_load_fd(struct config *config, int fd, unsigned sections, struct buf *notes)
{
	struct diagnostics collected = {0};
	struct load load = {.config = config,
		.diagnostics = &collected,
		.sections = sections,
		.document = true};

	return load_from(&load, fd, "configuration", notes);
}
