/* bruco test: runs recorded events through a real worker and compares the outcomes with those
 * expected. */
#include "bruco/commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco/commands/check.h"
#include "bruco/commands/origin.h"
#include "bruco/testing/cases.h"
#include "bruco/testing/diff.h"
#include "bruco/testing/replay.h"
#include "bruco/venv/venv.h"

enum { OPTION_UPDATE = OPTION_OWN };

static const char indent[] = "    ";

struct testing {
	bool update;
	bool colour;
	const char *config_path;
	struct cases cases;
	struct replay replay;
	size_t ok, differing, updated; /* cases */
	size_t failed;                 /* files without expectation that have a failed event */
};

/* ---- standard output */

static int print_text(struct buf *text)
{
	int result = fd_write_all(STDOUT_FILENO, text->data, text->length);

	buf_release(text);
	if (result == 0)
		return STATUS_OK;
	log_error("cannot write to standard output: %s", strerror(errno));
	return STATUS_UNAVAILABLE;
}

static void verdict(const struct testing *testing, struct buf *text, bool good, const char *word,
	const char *path)
{
	if (good && log_level() < LEVEL_INFO)
		return;
	if (testing->colour)
		buf_printf(text, "\033[%dm%-7s\033[0m %s\n", good ? 32 : 31, word, path);
	else
		buf_printf(text, "%-7s %s\n", word, path);
}

static int print_summary(const struct testing *testing)
{
	size_t count = testing->ok + testing->differing + testing->updated;
	struct buf text = {0};

	if (count == 0 || (testing->differing == 0 && log_level() < LEVEL_INFO))
		return STATUS_OK;
	buf_printf(&text, "%zu case%s: %zu ok", count, count == 1 ? "" : "s", testing->ok);
	if (testing->updated > 0)
		buf_printf(&text, ", %zu updated", testing->updated);
	if (testing->differing > 0)
		buf_printf(&text, ", %zu differ%s", testing->differing,
			testing->differing == 1 ? "s" : "");
	buf_byte(&text, '\n');
	return print_text(&text);
}

/* ---- one case */

/* Replaces the file as a whole or not at all. */
static int replace_file(const char *path, const struct buf *content)
{
	char *half = mem_printf("%s.new", path);
	int fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int result = fd < 0 ? -1 : fd_write_all(fd, content->data, content->length);

	fd_close(&fd);
	if (result == 0)
		result = rename(half, path);
	if (result < 0) {
		log_error("cannot write '%s': %s", path, strerror(errno));
		unlink(half);
	}
	free(half);
	return result < 0 ? STATUS_UNAVAILABLE : STATUS_OK;
}

static int update(struct testing *testing, const struct test_case *test, const struct outcomes *got)
{
	struct buf content = {0}, text = {0};
	int status;

	outcomes_write(got, &content);
	status = replace_file(test->expected, &content);
	buf_release(&content);
	if (status != STATUS_OK)
		return status;
	testing->updated++;
	verdict(testing, &text, true, "updated", test->expected);
	return print_text(&text);
}

static int compare(struct testing *testing, const struct test_case *test,
	const struct outcomes *expected, const struct outcomes *got, bool *good)
{
	struct buf view = {0}, text = {0};
	int status;

	*good = !diff_show(expected, got, indent, testing->colour, &view) && test->has_expected;
	if (!*good && testing->update && !(got->values && got->failures > 0)) {
		*good = true;
		buf_release(&view);
		return update(testing, test, got);
	}
	verdict(testing, &text, *good, *good ? "ok" : "differs", test->input);
	if (!*good && testing->update)
		buf_printf(&text, "%san event failed: '%s' can't hold that, use .expected.json\n",
			indent, test->expected);
	else if (!test->has_expected)
		buf_printf(&text, "%sno '%s' yet, --update makes it\n", indent, test->expected);
	buf_append(&text, view.data, view.length);
	*(*good ? &testing->ok : &testing->differing) += 1;
	status = print_text(&text);
	buf_release(&view);
	return status;
}

static int show(struct testing *testing, const struct outcomes *got)
{
	struct buf text = {0};

	outcomes_write(got, &text);
	testing->failed += got->failures > 0;
	return print_text(&text);
}

/* Prints what the case's worker logged: of a case that differs, or with -v. */
static void print_log(int log, bool shown)
{
	char *text = NULL;
	size_t length;

	if (shown && lseek(log, 0, SEEK_SET) == 0)
		text = fd_read_all(log, CAPTURE_MAX, &length);
	if (text != NULL)
		fd_write_all(STDERR_FILENO, text, length);
	free(text);
}

static int run_case(struct testing *testing, const struct test_case *test)
{
	uint32_t size_max = (uint32_t)testing->replay.config->max_record_size;
	struct capture capture = {0};
	struct outcomes expected = {0}, got = {0};
	struct relay relay;
	bool good = false;
	int log = test->compared ? fd_memory("bruco-log", NULL, 0) : STDERR_FILENO;
	int status;

	if (log < 0)
		die(status_of_error(errno), "cannot keep a log: %s", strerror(errno));
	status = capture_read(&capture, test->input, size_max);

	if (status == STATUS_OK && test->has_expected)
		status = outcomes_read(&expected, test->expected);
	got.values = expected.values;
	relay_init(&relay, log);
	if (status == STATUS_OK)
		status = replay_run(&testing->replay, &capture, &relay, &got);
	relay_show_rest(&relay);
	log_writer_flush(&relay.writer, 1000);
	relay_release(&relay);
	if (status == STATUS_OK && test->compared)
		status = compare(testing, test, &expected, &got, &good);
	else if (status == STATUS_OK)
		status = show(testing, &got);
	if (test->compared) {
		print_log(log, !good || log_level() >= LEVEL_DEBUG);
		close(log);
	}
	outcomes_reset(&expected);
	outcomes_reset(&got);
	capture_release(&capture);
	return status;
}

static int run_cases(struct testing *testing)
{
	int status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < testing->cases.count; i++)
		status = run_case(testing, &testing->cases.items[i]);
	if (status == STATUS_OK)
		status = print_summary(testing);
	if (status == STATUS_OK && testing->differing + testing->failed > 0)
		status = STATUS_FAILED;
	return status;
}

/* ---- the command */

/* The folder `cases` beside the configuration, if there is one. */
static void add_usual_cases(struct testing *testing, const struct program *program)
{
	const char *path = testing->config_path, *slash = strrchr(path, '/');
	struct stat info;
	bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
	char *folder;

	if (is_folder)
		folder = mem_printf("%s/cases", path);
	else
		folder = mem_printf("%.*scases", slash == NULL ? 0 : (int)(slash + 1 - path), path);
	if (access(folder, F_OK) < 0)
		options_misuse(program, "name what to test: there is no '%s'", folder);
	cases_add(&testing->cases, program, folder, testing->update);
	free(folder);
}

static void parse_test(const struct program *program, struct testing *testing,
	struct config *config, int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_COMMON, ORIGIN_OPTIONS,
		{"update", no_argument, NULL, OPTION_UPDATE}, {0}};
	int option;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, "c:qv", longs)) != -1) {
		if (origin_option(program, config, &testing->config_path, option))
			continue;
		if (option == OPTION_UPDATE)
			testing->update = true;
	}
	testing->config_path = origin_default_path(program, config, testing->config_path);
	for (int i = optind; i < argc; i++)
		cases_add(&testing->cases, program, argv[i], testing->update);
	if (optind == argc)
		add_usual_cases(testing, program);
	if (testing->cases.count == 0)
		options_misuse(
			program, "there are no cases: files NAME.json, NAME.lines or NAME.frames");
}

static int load(struct config *config, const char *path)
{
	if (check_processor(config, path) > 0)
		return STATUS_CONFIG;
	if (config->processor.present)
		return STATUS_OK;
	log_plain("'%s' has no processor to test", path);
	return STATUS_CONFIG;
}

int command_test(const struct program *program, int argc, char **argv)
{
	struct testing testing = {.colour = fd_shows_colour(STDOUT_FILENO)};
	struct config config;
	char *venv = NULL;
	int signal_fd, signal_number = 0;
	int status;

	config_init(&config);
	parse_test(program, &testing, &config, argc, argv);
	status = load(&config, testing.config_path);
	signal_fd = signals_init(1);
	if (status == STATUS_OK)
		status = venv_prepare(&config, signal_fd, &venv);
	if (status == STATUS_OK) {
		replay_init(&testing.replay, &config, venv, signal_fd);
		status = run_cases(&testing);
		signal_number = testing.replay.signal_number;
		replay_release(&testing.replay);
	}
	fd_close(&signal_fd);
	free(venv);
	cases_release(&testing.cases);
	config_release(&config);
	if (signal_number != 0)
		signals_die(signal_number);
	return status;
}
