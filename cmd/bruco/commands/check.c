#include "bruco/commands/check.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/printable.h"
#include "base/spawn.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/commands/check_user.h"
#include "bruco/commands/origin.h"
#include "bruco/driver/process.h"
#include "config/diagnostics.h"
#include "config/packages.h"
#include "config/python.h"

/* ---- is the handler there? ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && strcmp(text + length - tail, end) == 0;
}

/* Whether Python would find a module of this name because of this file: handler.py, handler.pyc,
 * handler.cpython-311-x86_64-linux-gnu.so, or a folder. */
static bool makes_module(const struct dirent *entry, const char *folder, const char *name)
{
	size_t length = strlen(name);
	struct stat info;
	char *path;
	bool made;

	if (strncmp(entry->d_name, name, length) != 0)
		return false;
	if (entry->d_name[length] == '.')
		return strcmp(entry->d_name + length, ".py") == 0 ||
		       strcmp(entry->d_name + length, ".pyc") == 0 ||
		       ends_with(entry->d_name, ".so");
	if (entry->d_name[length] != '\0')
		return false;
	path = mem_printf("%s/%s", folder, name);
	made = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
	free(path);
	return made;
}

/* Adds the module's name if the entry is a Python file. */
static void add_module_name(struct texts *names, const struct dirent *entry)
{
	if (!ends_with(entry->d_name, ".py"))
		return;
	names->items = mem_grow(names->items, names->count + 1, sizeof *names->items);
	names->items[names->count++] = mem_text_n(entry->d_name, strlen(entry->d_name) - 3);
}

/* Whether the folder has the module; if not, *names has the modules that it has. */
static bool has_module(const char *folder, const char *name, struct texts *names)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;
	bool found = false;

	while (stream != NULL && !found && (entry = readdir(stream)) != NULL) {
		found = makes_module(entry, folder, name);
		add_module_name(names, entry);
	}
	if (stream != NULL)
		closedir(stream);
	return found;
}

static void report_module(
	struct diagnostics *diagnostics, const struct processor_config *processor, const char *near)
{
	struct package_list list;
	char *hint = near == NULL ? mem_text("") : mem_printf(" (did you mean '%s'?)", near);

	package_list_find(&list, processor->handler_path, processor->module_name);
	if (list.file != NULL) /* the module may well be installed */
		diag_warning(diagnostics, processor->module_name_place,
			"processor.moduleName: no module '%s' in '%s'%s; one of %s?",
			processor->module_name, processor->handler_path, hint,
			strrchr(list.file, '/') + 1);
	else
		diag_error(diagnostics, processor->module_name_place,
			"processor.moduleName: no module '%s' in '%s'%s", processor->module_name,
			processor->handler_path, hint);
	free(hint);
	package_list_release(&list);
}

static void check_module(struct diagnostics *diagnostics, const struct processor_config *processor)
{
	char *path = mem_printf("%s/%s", processor->handler_path, processor->module_name);
	char *name = path + strlen(processor->handler_path) + 1, *dot;
	struct texts names = {0};

	for (; (dot = strchr(name, '.')) != NULL; name = dot + 1)
		*dot = '/';
	name[-1] = '\0'; /* now `path` is the folder, `name` the module in it */
	if (!has_module(path, name, &names))
		report_module(diagnostics, processor,
			strcmp(path, processor->handler_path) != 0
				? NULL
				: text_nearest(
					  name, (const char *const *)names.items, names.count));
	config_texts(&names, "");
	free(path);
}

/* The index has a package of this name that is not ours; a worker brings its own. */
static void check_list(struct diagnostics *diagnostics, const struct processor_config *processor)
{
	struct package_list list;
	char *folder = realpath(processor->handler_path, NULL);

	if (folder == NULL)
		return;
	if (processor->python == NULL && package_list_find(&list, folder, processor->module_name) &&
		package_list_has(&list, "bruco"))
		diag_warning(diagnostics, processor->handler_path_place,
			"processor.handlerPath: '%s' names 'bruco', which on PyPI is somebody else's; a worker "
			"has Bruco's own, and other programs get it as 'bruco-stream'",
			list.file);
	if (processor->python == NULL)
		package_list_release(&list);
	free(folder);
}

/* In earlier versions a relative path began at the working directory. Returns the path to write
 * now, if that folder is still there, else NULL. The caller frees it. */
static char *earlier_path(const struct config *config)
{
	const char *path = config->processor.handler_path, *folder = config->directory;
	size_t length = folder == NULL ? 0 : strlen(folder), same = 0;
	struct buf text = {0};
	char *there, *result;

	if (length == 0 || strncmp(path, folder, length) != 0 || path[length] != '/')
		return NULL;
	there = realpath(path + length + 1, NULL);
	if (there == NULL)
		return NULL;
	/* From the file's folder up to the last common folder, then down. */
	for (size_t i = 0;; i++) {
		bool one_ends = folder[i] == '\0' || folder[i] == '/';
		bool other_ends = there[i] == '\0' || there[i] == '/';

		if (one_ends && other_ends)
			same = i;
		if (folder[i] != there[i] || folder[i] == '\0')
			break;
	}
	for (size_t i = same; folder[i] != '\0'; i++)
		if (folder[i] == '/')
			buf_text(&text, "../");
	buf_text(&text, there[same] == '/' ? there + same + 1 : there + same);
	result = mem_text_n((const char *)text.data, text.length);
	buf_release(&text);
	free(there);
	return result;
}

static void report_folder(struct diagnostics *diagnostics, const struct config *config, int failure)
{
	const struct processor_config *processor = &config->processor;
	char *meant = failure == ENOENT ? earlier_path(config) : NULL;
	char *hint = meant == NULL ? mem_text("")
				   : mem_printf(" (did you mean '%s'? paths begin at the folder of "
						"this file)",
					     meant);

	diag_error(diagnostics, processor->handler_path_place,
		"processor.handlerPath: cannot open '%s': %s%s", processor->handler_path,
		strerror(failure), hint);
	free(hint);
	free(meant);
}

static bool handler_is_mistaken(const struct config *config)
{
	return config_mistaken(config, "processor.handlerPath") ||
	       config_mistaken(config, "processor.moduleName");
}

size_t check_config(const struct config *config, struct buf *notes)
{
	const struct processor_config *processor = &config->processor;
	struct diagnostics diagnostics = {0};
	const char *lack;
	struct stat info;

	if (!processor->present || handler_is_mistaken(config))
		return 0;
	check_user(config, &diagnostics);
	lack = processor->isolation == ISOLATION_STRICT ? wall_lack() : NULL;
	if (lack != NULL)
		diag_error(&diagnostics, NO_PLACE, "processor.isolation: %s", lack);
	if (stat(processor->handler_path, &info) < 0)
		report_folder(&diagnostics, config, errno);
	else if (!S_ISDIR(info.st_mode))
		diag_error(&diagnostics, processor->handler_path_place,
			"processor.handlerPath: '%s' is a file, expected the folder that holds it",
			processor->handler_path);
	else if (access(processor->handler_path, R_OK | X_OK) < 0)
		diag_error(&diagnostics, processor->handler_path_place,
			"processor.handlerPath: cannot open '%s': %s", processor->handler_path,
			strerror(errno));
	else {
		check_module(&diagnostics, processor);
		check_list(&diagnostics, processor);
	}
	return diag_write(&diagnostics, config, notes);
}

/* Only one of the two can read it. */
static size_t check_input(const struct config *config, struct buf *notes)
{
	struct diagnostics diagnostics = {0};

	if (config->input != NULL && config_reads_input(config))
		diag_error(&diagnostics, config->source.place,
			"source.kind: '%s' reads standard input, where this configuration comes from "
			"(name a file with -c)",
			config->source.kind);
	return diag_write(&diagnostics, config, notes);
}

/* `asks`: source and sink about the properties. */
static size_t load(struct config *config, const char *path, bool asks, struct buf *notes)
{
	size_t mistakes = config_load(config, path, SECTION_ALL, notes);

	mistakes += config_missing(config, SECTION_ALL, notes);
	mistakes += check_input(config, notes);
	mistakes += python_check(config, notes);
	if (asks)
		mistakes += check_properties(config, notes);
	return mistakes + check_config(config, notes);
}

size_t check_load(struct config *config, const char *path, struct buf *notes)
{
	return load(config, path, true, notes);
}

size_t check_load_again(struct config *config, const char *path, struct buf *notes)
{
	return load(config, path, false, notes);
}

size_t check_processor(struct config *config, const char *path)
{
	struct buf notes = {0};
	size_t mistakes = config_load(config, path, SECTION_PROCESSOR, &notes);

	mistakes += check_config(config, &notes);
	fd_write_all(STDERR_FILENO, notes.data, notes.length);
	buf_release(&notes);
	return mistakes;
}

/* ---- the command ---- */

enum { OPTION_PRINT = OPTION_OWN, OPTION_HANDLER };
enum { IMPORT_MS = 600000 }; /* models take their time to load */
enum { SAID_MAX = 1 << 20, LOOK_MS = 100, PIPE_READS = 32 };

/* Shows whole lines of what a worker has said, escaped, for a handler's prints are among them; `all`: the rest, too. */
static void show_lines(struct buf *said, bool all)
{
	const char *end = said->length == 0 ? NULL : memrchr(said->data, '\n', said->length);
	size_t length = all || said->length > SAID_MAX ? said->length
			: end == NULL                  ? 0
						       : (size_t)(end + 1 - (const char *)said->data);
	struct buf shown = {0};

	printable_append(PRINTABLE_LINES, &shown, said->data, length);
	fd_write_all(STDERR_FILENO, shown.data, shown.length);
	buf_release(&shown);
	buf_drop(said, length);
}

/* Takes what is in the pipe now; false at its end. */
static bool take_said(struct buf *said, int fd)
{
	char data[4096];
	ssize_t got = 1;

	for (int i = 0; i < PIPE_READS && got > 0; i++) {
		got = read(fd, data, sizeof data);
		if (got > 0)
			buf_append(said, data, (size_t)got);
	}
	return got != 0;
}

/* Shows what the worker says until it ends; it does not get the terminal, which would obey it, and from which one of
 * another user could read. False: it had to be killed. */
static bool watch_worker(pid_t pid, int fd, int *death)
{
	int64_t end = clock_ms() + IMPORT_MS;
	struct buf said = {0};
	bool ended = false, open = true;

	/* A process that it has left behind may hold the pipe open. */
	while (open && !ended && clock_ms() < end) {
		fd_poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, LOOK_MS);
		ended = waitpid(pid, death, WNOHANG) == pid;
		open = take_said(&said, fd);
		show_lines(&said, false);
	}
	if (!ended)
		ended = spawn_wait(pid, death, end - clock_ms());
	show_lines(&said, true);
	buf_release(&said);
	return ended;
}

/* Has a worker examine the handler: its text, or with `import` its functions, in the environment
 * `venv`. The worker writes what it finds. Returns the exit status. */
static int ask_worker(const struct config *config, const char *venv, bool import)
{
	struct launch launch;
	int said[2];
	const char *arguments[] = {
		"bruco-worker", import ? "--check" : "--text", "--document", "3", NULL};
	int document, death = 0;
	bool ended;
	pid_t pid;

	launch_init(&launch, config, venv, false);
	document = fd_memory("configuration", launch.documents[ROLE_WORKER].data,
		launch.documents[ROLE_WORKER].length);
	if (fd_pipe(said, 0) < 0)
		die(status_of_error(errno), "cannot make a pipe: %s", strerror(errno));
	fd_nonblocking(said[0], true);
	pid = launch_worker(&launch, &(struct spawn){.path = launch.programs[ROLE_WORKER],
		.arguments = arguments,
		.environment = launch.environments[ROLE_WORKER],
		.moves = (struct spawn_move[]){{launch.null_fd, 0}, {said[1], 1}, {said[1], 2}, {document, 3}},
		.move_count = 4,
		.die_with_parent = true});
	fd_close(&document);
	if (pid < 0)
		die(STATUS_UNAVAILABLE, "cannot run '%s': %s", launch.programs[ROLE_WORKER],
			strerror(errno));
	fd_close(&said[1]);
	ended = watch_worker(pid, said[0], &death);
	fd_close(&said[0]);
	launch_release(&launch); /* the worker's temporary folder, too */
	if (!ended)
		log_error("the handler was not imported within %d minutes", IMPORT_MS / 60000);
	else if (WIFEXITED(death))
		return WEXITSTATUS(death);
	else
		log_error("the handler killed its worker while it was imported");
	return STATUS_SOFTWARE;
}

int check_handler(const struct config *config, const char *venv)
{
	return ask_worker(config, venv, true);
}

/* Imports the handler, in its environment. */
static int check_import(const struct config *config)
{
	struct packages packages = {0};
	enum packages_need need = PACKAGES_NONE;
	int status = STATUS_UNAVAILABLE;
	struct user user;
	bool there;

	user_find_other(&user, config->processor.user);
	user_begin(&user);
	if (config->processor.python == NULL)
		need = packages_find(&packages, config->processor.handler_path,
			config->processor.module_name,
			user.name != NULL ? user.home : getenv("HOME"), python_own());
	there = need == PACKAGES_NEEDED && packages_are_there(&packages);
	user_end();
	user_release(&user);
	if (need == PACKAGES_NONE || there)
		status = ask_worker(config, packages.folder, true);
	else if (need == PACKAGES_UNCLEAR)
		log_plain("the handler has not been checked: %s", packages.why);
	else if (need == PACKAGES_UNSAFE)
		log_plain("the handler has not been checked: '%s' is not used: %s", packages.folder,
			packages.why);
	else
		log_plain("the handler has not been checked: '%s' is not installed ('bruco venv -c "
			  "%s' does that)",
			packages.list.file, config->input != NULL ? "-" : config->path);
	packages_release(&packages);
	return status;
}

/* Prints the configuration, or that it is good; returns the exit status. */
static int print_result(const struct config *config, bool document)
{
	struct buf out = {0};
	int written;

	if (document)
		config_dump(config, SECTION_ALL, true, &out);
	else if (log_level() >= LEVEL_INFO)
		buf_printf(&out, "%s: ok\n", config->path);
	written = fd_write_all(STDOUT_FILENO, out.data, out.length);
	buf_release(&out);
	if (written == 0)
		return STATUS_OK;
	log_error("cannot write to standard output: %s", strerror(errno));
	return STATUS_UNAVAILABLE;
}

int command_check(const struct program *program, int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON, ORIGIN_OPTIONS,
		{"handler", no_argument, NULL, OPTION_HANDLER},
		{"print", no_argument, NULL, OPTION_PRINT}, {0}};
	const char *given = NULL, *path;
	bool document = false, handler = false;
	struct buf notes = {0};
	struct config config;
	size_t mistakes;
	int option, status = STATUS_CONFIG;

	config_init(&config);
	options_begin(program, argv);
	while ((option = options_next(argc, argv, "c:qv", options)) >= 0) {
		if (origin_option(program, &config, &given, option))
			continue;
		if (option == OPTION_PRINT)
			document = true;
		else if (option == OPTION_HANDLER)
			handler = true;
	}
	path = origin_path(program, &config, "check", given, argc, argv);
	mistakes = check_load(&config, path, &notes);
	fd_write_all(STDERR_FILENO, notes.data, notes.length);
	if (!config.processor.present || handler_is_mistaken(&config))
		handler = false;
	else if (mistakes == 0 && ask_worker(&config, NULL, false) != STATUS_OK)
		mistakes++;
	if (mistakes == 0)
		status = handler ? check_import(&config) : STATUS_OK;
	if (status == STATUS_OK)
		status = print_result(&config, document);
	buf_release(&notes);
	config_release(&config);
	return status;
}
