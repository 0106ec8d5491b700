/* bruco dev: the configuration on a broker of its own, with what is typed as its input. */
#include "bruco/commands/commands.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco/commands/check.h"
#include "bruco/commands/origin.h"
#include "bruco/dev/dev.h"
#include "bruco/driver/driver.h"
#include "bruco/venv/venv.h"
#include "config/python.h"

/* What this start is for: bruco dev starts itself again, with options that no page has. */
struct dev_command {
	struct dev_options options;
	const char *driver; /* --driver ADDRESS/GROUP: be the pipeline there */
	bool check;         /* --check: check the configuration, import the handler */
};

/* As check_load, but on a broker, and without asking anything of the one that the user has. */
static size_t load_for(
	struct config *config, const char *path, const char *address, struct buf *notes)
{
	const char *slash = strchr(address, '/');
	char *brokers = mem_text_n(address, (size_t)(slash - address));
	size_t mistakes = config_load(config, path, SECTION_ALL, notes);

	mistakes += local_kafka_check(config, notes);
	if (mistakes == 0)
		mistakes += config_missing(config, SECTION_ALL, notes);
	mistakes += python_check(config, notes);
	local_kafka_replace(config, brokers, slash + 1);
	free(brokers);
	if (mistakes == 0)
		mistakes += check_properties(config, notes);
	return mistakes + check_config(config, notes);
}

static size_t load_anywhere(struct config *config, const char *path, struct buf *notes)
{
	return load_for(config, path, "127.0.0.1:9/dev", notes);
}

/* Looks for variables that are not set, before the configuration is read for good. */
static void lend_variables(const char *path, const struct config *same)
{
	struct texts lent = {0};
	struct buf notes = {0};
	struct config config;

	config_init(&config);
	config_origin_as(&config, same);
	config_load(&config, path, SECTION_ALL, &notes);
	local_kafka_lend(&config, &notes, &lent);
	for (size_t i = 0; i < lent.count; i++)
		log_info("the variable '%s' is not set: 'unset' stands for it", lent.items[i]);
	config_texts(&lent, "");
	buf_release(&notes);
	config_release(&config);
}

/* ---- the three starts */

static int be_pipeline(
	const struct dev_command *command, struct config *config, int signal_fd, int *signal_number)
{
	struct buf notes = {0};
	char *venv = NULL;
	int status = STATUS_OK;

	if (load_for(config, command->options.path, command->driver, &notes) > 0) {
		fd_write_all(STDERR_FILENO, notes.data, notes.length);
		status = STATUS_CONFIG;
	}
	if (status == STATUS_OK)
		status = venv_prepare(config, signal_fd, &venv);
	if (status == STATUS_OK)
		status = driver_run(config, NULL, venv, false, signal_fd, signal_number);
	buf_release(&notes);
	free(venv);
	return status;
}

static int be_check(const struct dev_command *command, struct config *config, int signal_fd)
{
	struct buf notes = {0};
	size_t mistakes = load_anywhere(config, command->options.path, &notes);
	int status = mistakes > 0 ? STATUS_CONFIG : STATUS_OK;
	char *venv = NULL;

	fd_write_all(STDERR_FILENO, notes.data, notes.length);
	if (status == STATUS_OK)
		status = venv_prepare(config, signal_fd, &venv);
	if (status == STATUS_OK && config->processor.present)
		status = check_handler(config, venv);
	buf_release(&notes);
	free(venv);
	return status;
}

static int be_dev(
	const struct dev_command *command, struct config *config, int signal_fd, int *signal_number)
{
	struct buf notes = {0};
	size_t mistakes;

	lend_variables(command->options.path, config);
	mistakes = load_anywhere(config, command->options.path, &notes);
	fd_write_all(STDERR_FILENO, notes.data, notes.length);
	buf_release(&notes);
	if (mistakes > 0)
		return STATUS_CONFIG;
	return dev_run(&command->options, config, signal_fd, signal_number);
}

/* ---- the command */

static void parse_dev(const struct program *program, struct dev_command *command,
	struct config *config, int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_COMMON, ORIGIN_OPTIONS,
		{"check", no_argument, NULL, OPTION_CHECK},
		{"driver", required_argument, NULL, OPTION_DRIVER},
		{"keys", no_argument, NULL, 'K'}, {0}};
	const char *given = NULL;
	int option;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, "Kc:qv", longs)) != -1) {
		if (origin_option(program, config, &given, option))
			continue;
		if (option == 'K')
			command->options.keys = true;
		else if (option == OPTION_CHECK)
			command->check = true;
		else if (option == OPTION_DRIVER)
			command->driver = optarg;
	}
	command->options.path = origin_path(program, NULL, "dev", given, argc, argv);
	if (strcmp(command->options.path, "-") == 0)
		options_misuse(program,
			"dev reads records from standard input, so that the configuration is a file");
	if (command->driver != NULL && strchr(command->driver, '/') == NULL)
		options_misuse(program, "'%s' is no address and group", command->driver);
}

int command_dev(const struct program *program, int argc, char **argv)
{
	struct dev_command command = {.options.load = load_anywhere};
	struct config config;
	int signal_fd, signal_number = 0;
	int status;

	config_init(&config);
	parse_dev(program, &command, &config, argc, argv);
	signal_fd = signals_init(1);
	if (command.driver != NULL)
		status = be_pipeline(&command, &config, signal_fd, &signal_number);
	else if (command.check)
		status = be_check(&command, &config, signal_fd);
	else
		status = be_dev(&command, &config, signal_fd, &signal_number);
	fd_close(&signal_fd);
	config_release(&config);
	if (signal_number != 0)
		signals_die(signal_number);
	return status;
}
