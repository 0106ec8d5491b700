#include "stage/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "config/types/values.h"

static void add_property(
	const struct program *program, struct property_flags *flags, char *assignment)
{
	if (flags->count == COMMAND_PROPERTIES_MAX)
		options_misuse(program, "more than %d properties", COMMAND_PROPERTIES_MAX);
	flags->items[flags->count++] = assignment;
}

bool command_option(const struct program *program, struct command_flags *flags, int option)
{
	switch (option) {
	case 'b':
		flags->brokers = optarg;
		return true;
	case 'c':
		flags->config_path = optarg;
		return true;
	case 'K':
		flags->with_keys = true;
		return true;
	case 'l':
		flags->link_path = optarg;
		return true;
	case 't':
		flags->topics = optarg;
		return true;
	case 'X':
		add_property(program, &flags->properties, optarg);
		return true;
	case OPTION_CHECK:
		flags->check = true;
		return true;
	case OPTION_DRIVER:
		flags->driver = options_descriptor(program, optarg);
		return true;
	default:
		return options_common(program, option);
	}
}

const char *command_kind(int argc, char **argv, struct texts *operands)
{
	for (int i = optind + 1; i < argc; i++)
		texts_add(operands, argv[i]);
	return optind < argc ? argv[optind] : NULL;
}

void command_operands(const struct program *program, const struct texts *operands, size_t most)
{
	if (operands->count > most)
		options_misuse(program, "unexpected '%s'", operands->items[most]);
}

void command_format(const struct program *program, const char *word, enum record_format *format)
{
	if (!config_format(word, format))
		options_misuse(program, "unknown format '%s' (lines, json, frames)", word);
}

char *command_path(const char *path)
{
	char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *absolute;

	if (path[0] != '/' && folder == NULL)
		die(STATUS_TEMPFAIL, "cannot find out the working directory: %s", strerror(errno));
	absolute = config_path(folder, path);
	free(folder);
	return absolute;
}

static void print(struct buf *notes)
{
	fd_write_all(STDERR_FILENO, notes->data, notes->length);
	buf_release(notes);
}

void command_load(const struct program *program, struct config *config, const char *path,
	enum config_section section, const char *word)
{
	char **kind = section == SECTION_SOURCE ? &config->source.kind : &config->sink.kind;
	bool *present = section == SECTION_SOURCE ? &config->source.present : &config->sink.present;
	struct buf notes = {0};
	size_t mistakes =
		path == NULL ? 0 : config_load(config, path, section | SECTION_POLICY, &notes);

	print(&notes);
	if (mistakes > 0)
		exit(STATUS_CONFIG);
	if (word == NULL && path == NULL)
		options_misuse(program, "neither a kind nor a configuration");
	if (word != NULL && *present && *kind != NULL && strcmp(word, *kind) != 0)
		options_misuse(program, "kind '%s' is not the file's, '%s'", word, *kind);
	if (word != NULL) {
		config_replace(kind, word);
		*present = true;
	}
}

/* Wipes a secret of the command line, which everybody can read in /proc. */
static void wipe_value(const struct settings *settings, const char *name, char *value)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, name) == 0 && settings->items[i].shown != NULL)
			memset(value, '*', strlen(value));
}

static void lay_property(
	const struct program *program, struct settings *settings, char *assignment)
{
	char *name = mem_text_n(assignment, strcspn(assignment, "=")), harm[128];
	const char *why;

	if (!config_setting(settings, assignment))
		options_misuse(program, "property '%.*s' is not name=value",
			(int)strcspn(assignment, ": "), assignment);
	why = config_property_refused(name);
	if (why != NULL)
		options_misuse(program, "property '%s' can't be set: %s", name, why);
	if (config_property_value_refused(name, strchr(assignment, '=') + 1, harm))
		options_misuse(program, "property '%s' can't have this value: %s", name, harm);
	wipe_value(settings, name, strchr(assignment, '=') + 1);
	free(name);
}

/* The file's own were checked when it was loaded. */
static void check_group_times(const struct program *program, const struct source_config *source,
	const struct property_flags *flags)
{
	struct config_place place;
	char why[256];

	for (size_t rule = 0; rule < GROUP_TIME_RULES && flags->count > 0; rule++)
		if (config_group_times_wrong(source, rule, why, &place))
			options_misuse(program, "property %s", why);
}

void command_complete(const struct program *program, struct config *config,
	enum config_section section, const struct property_flags *flags)
{
	struct settings *settings =
		section == SECTION_SOURCE ? &config->source.properties : &config->sink.properties;
	struct buf notes = {0};
	size_t missing;

	for (size_t i = 0; i < flags->count; i++)
		lay_property(program, settings, flags->items[i]);
	check_group_times(program, &config->source, flags);
	missing = config_missing(config, section, &notes);
	print(&notes);
	if (missing > 0)
		exit(config->path != NULL ? STATUS_CONFIG : STATUS_USAGE);
}

void command_answer(struct config *config, unsigned sections, answer_properties *answer)
{
	struct buf notes = {0}, answers = {0};

	/* What is wrong with the rest bruco has said itself, with the places of the user's file. */
	config_load_fd(config, STDIN_FILENO, sections, &notes);
	answer(config, &answers);
	_exit(fd_write_all(STDOUT_FILENO, answers.data, answers.length) == 0 ? STATUS_OK
									     : STATUS_TEMPFAIL);
}

void command_check_properties(const struct config *config, answer_properties *answer)
{
	struct buf answers = {0}, notes = {0};
	size_t mistakes;

	if (config->path == NULL)
		return;
	answer(config, &answers);
	buf_byte(&answers, '\0');
	mistakes = config_property_answers(config, (const char *)answers.data, &notes);
	buf_release(&answers);
	print(&notes);
	if (mistakes > 0)
		exit(STATUS_CONFIG);
}
