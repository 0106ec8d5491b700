/* bruco run: check everything, install what the handler needs, run the pipeline. */
#include "bruco/commands/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/processors.h"
#include "base/signals.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/commands/check.h"
#include "bruco/commands/origin.h"
#include "bruco/driver/driver.h"
#include "bruco/driver/service_notify.h"
#include "bruco/venv/venv.h"
#include "frame/limits.h"

struct run_options {
	const char *path;
	uint32_t workers; /* 0: as the file says */
	bool stop_at_end;
};

static uint32_t worker_count(const struct program *program, const char *text)
{
	int64_t value;

	if (strcmp(text, "auto") == 0) {
		uint32_t count = processors_available();

		return count > LIMIT_LANES ? LIMIT_LANES : count;
	}
	if (!text_integer(text, 1, LIMIT_LANES, &value))
		options_misuse(program, "workers '%s' is not a number from 1 to %d or auto", text,
			LIMIT_LANES);
	return (uint32_t)value;
}

static void parse_run(const struct program *program, struct run_options *options,
	struct config *config, int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_COMMON, ORIGIN_OPTIONS,
		{"end", no_argument, NULL, 'e'},
		{"workers", required_argument, NULL, 'w'}, {0}};
	int option;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, "c:eqvw:", longs)) != -1) {
		if (origin_option(program, config, &options->path, option))
			continue;
		if (option == 'e')
			options->stop_at_end = true;
		else if (option == 'w')
			options->workers = worker_count(program, optarg);
	}
	if (optind < argc && options->path == NULL)
		options->path = argv[optind++];
	if (optind < argc)
		options_misuse(program, "one configuration is enough, not '%s' too", argv[optind]);
	options->path = origin_default_path(program, config, options->path);
}

/* Shows mistakes and warnings always, information unless -q. */
static void show_notes(const struct buf *notes)
{
	const char *text = (const char *)notes->data;
	size_t left = notes->length;

	while (left > 0) {
		const char *end = memchr(text, '\n', left);
		size_t length = end == NULL ? left : (size_t)(end + 1 - text);

		if (log_level() >= LEVEL_INFO || memmem(text, length, ": info: ", 8) == NULL)
			fd_write_all(STDERR_FILENO, text, length);
		text += length;
		left -= length;
	}
}

int command_run(const struct program *program, int argc, char **argv)
{
	struct run_options options = {0};
	struct buf notes = {0};
	struct config config;
	char *venv = NULL;
	int signal_fd = -1, signal_number = 0;
	int status;

	config_init(&config);
	parse_run(program, &options, &config, argc, argv);
	notify_init();
	status = check_load(&config, options.path, &notes) > 0 ? STATUS_CONFIG : STATUS_OK;
	show_notes(&notes);
	if (options.workers > 0)
		config.processor.workers = options.workers;
	if (status == STATUS_OK) {
		signal_fd = signals_init(1);
		status = venv_prepare(&config, signal_fd, &venv);
	}
	if (status == STATUS_OK)
		status = driver_run(&config,
			&(struct reload_source){options.path, options.workers, check_load_again}, venv,
			options.stop_at_end, signal_fd, &signal_number);
	fd_close(&signal_fd);
	free(venv);
	buf_release(&notes);
	config_release(&config);
	if (signal_number != 0)
		signals_die(signal_number);
	return status;
}
