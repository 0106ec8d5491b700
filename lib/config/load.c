/* Files and descriptors to struct config: reads, parses, substitutes, checks; in that order. */
#include <errno.h>
#include <fcntl.h>
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
#include "config/overrides.h"
#include "config/schema.h"
#include "config/secrets.h"
#include "config/types/values.h"
#include "config/yaml_tree.h"

/* Of a dump, in which everything is substituted and escaped. */
enum { DUMP_BYTES_MAX = 96 << 20 };

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

/* ---- the steps ---- */

/* A source or sink goes by parts of the processor, but variables that only workers get are none of
 * its business. */
static void expand_policy(
	struct expansion *expansion, const struct section *section, struct node *processor)
{
	for (size_t i = 0; i < processor->count; i++) {
		struct entry *entry = &processor->entries[i];
		const struct key *key =
			entry->key == NULL ? NULL : schema_find(section, NULL, entry->key->text);

		expand_tree(expansion, entry->value, key == NULL || !(key->flags & KEY_WORKER_ONLY),
			NULL);
	}
}

/* Variables of source and sink are secret: workers don't get them. */
static void expand_entry(struct load *load, struct expansion *expansion, struct entry *entry)
{
	const struct key *key = schema_find(&schema_top, NULL, entry->key->text);
	unsigned bit = key == NULL || key->section == NULL ? 0 : key->section->bit;
	bool secret = (bit & (SECTION_SOURCE | SECTION_SINK)) != 0;

	if (bit == SECTION_PROCESSOR && (load->sections & SECTION_POLICY))
		expand_policy(expansion, key->section, entry->value);
	else
		expand_tree(expansion, entry->value, bit == 0 || (load->sections & bit) != 0,
			secret ? &load->config->secret_variables : NULL);
}

static void forget_worker_only(const struct section *section, struct config *config)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct key *key = &section->keys[i];

		if (key->flags & KEY_WORKER_ONLY)
			key->type->clear(schema_field(section, key, config));
	}
}

/* Sections that this program does not read become as if they were not there. */
static void forget_others(struct config *config, unsigned sections)
{
	for (size_t i = 0; i < schema_top.count; i++) {
		const struct section *section = schema_top.keys[i].section;

		if (section == NULL || (sections & section->bit)) {
			continue;
		} else if (section->bit == SECTION_PROCESSOR && (sections & SECTION_POLICY)) {
			forget_worker_only(section, config);
		} else {
			schema_clear(section, config);
			schema_init(section, config);
		}
	}
}

static void load_tree(struct load *load)
{
	struct config *config = load->config;
	struct expansion expansion = {
		.directory = config->directory,
		.diagnostics = load->diagnostics,
		.files = &config->secret_files};
	bool answers;

	secrets_mark(load->root);
	for (size_t i = 0; i < load->root->count && !load->from_dump; i++)
		expand_entry(load, &expansion, &load->root->entries[i]);
	secrets_mark(load->root);
	if (!load->from_dump)
		secrets_hide(load->root);
	schema_read(load, &schema_top, load->root);
	rules_check(load);
	answers = config->source.kind != NULL && strcmp(config->source.kind, "http") == 0;
	forget_others(config, load->sections);
	if (config->processor.present && config->processor.handler_path[0] == '.' &&
		config->directory != NULL) /* the default; what was given is absolute by now */
		config_replace(&config->processor.handler_path, config->directory);
	if ((load->sections & SECTION_SINK) && !config->sink.present)
		config_replace(&config->sink.kind, answers ? "reply" : "discard");
}

/* `text` is NULL after it could not be read. */
static size_t load_text(struct load *load, const char *text, size_t length, struct buf *notes)
{
	if (text != NULL)
		load->root = yaml_tree_read(text, length, load->diagnostics);
	if (load->root != NULL) {
		overrides_lay(load->root, &load->config->overrides, load->diagnostics);
		load_tree(load);
	} else {
		load->config->unreadable = true;
	}
	yaml_tree_free(load->root);
	return diag_write(load->diagnostics, load->config, notes);
}

static size_t load_from(struct load *load, int fd, size_t cap, struct buf *notes)
{
	size_t length = 0, mistakes;
	char *text = fd < 0 ? NULL : fd_read_all(fd, cap, &length);

	if (text == NULL && fd >= 0 && errno == EFBIG)
		diag_error(load->diagnostics, NO_PLACE, "larger than %zu MiB", cap >> 20);
	else if (text == NULL)
		diag_error(load->diagnostics, NO_PLACE, "cannot read it: %s", strerror(errno));
	mistakes = load_text(load, text, length, notes);
	mem_wipe(text);
	return mistakes;
}

size_t config_load(struct config *config, const char *path, unsigned sections, struct buf *notes)
{
	struct diagnostics collected = {0};
	struct load load = {.config = config, .diagnostics = &collected, .sections = sections};
	size_t mistakes;
	int fd;

	free(config->path);
	config->path = config->input != NULL ? mem_text("standard input") : file_of(path);
	set_directory(config, &collected);
	if (config->input != NULL)
		return load_text(&load, config->input, config->input_length, notes);
	fd = open(config->path, O_RDONLY | O_CLOEXEC);
	mistakes = load_from(&load, fd, CONFIG_BYTES_MAX, notes);
	fd_close(&fd);
	return mistakes;
}

size_t config_load_fd(struct config *config, int fd, unsigned sections, struct buf *notes)
{
	struct diagnostics collected = {0};
	struct load load = {.config = config,
		.diagnostics = &collected,
		.sections = sections,
		.from_dump = true};

	return load_from(&load, fd, DUMP_BYTES_MAX, notes);
}
