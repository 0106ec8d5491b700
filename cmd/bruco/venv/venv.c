#include "bruco/venv/venv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/make_folders.h"
#include "base/mem.h"
#include "base/remove_tree.h"
#include "base/self.h"
#include "base/signals.h"
#include "base/spawn.h"
#include "base/status.h"
#include "bruco/venv/tool_output.h"
#include "bruco/venv/uv.h"
#include "config/environment.h"
#include "config/packages.h"
#include "config/python.h"
#include "config/types/values.h"

enum { LOCK_POLL_MS = 100, KILL_MS = 10000 };

struct install {
	struct packages packages;
	struct uv uv;
	char **environment; /* of what is run */
	bool confined;
	struct user user; /* whose files these are, and who runs it all; without a name: ours */
	int signal_fd;
};

/* ---- removing */

static _Noreturn void give_up(const struct install *install, int number)
{
	remove_tree(install->packages.folder);
	signals_die(number);
}

/* ---- running Python */

/* Waits for a signal or for output, which may be NULL, at most `wait_ms`. Returns a signal that asks
 * bruco to end, else 0, also for SIGCHLD. */
static int ending_signal(const struct install *install, struct tool_output *output, int wait_ms)
{
	struct pollfd wait[] = {{.fd = install->signal_fd, .events = POLLIN},
		{.fd = output == NULL ? -1 : output->fd, .events = POLLIN}};
	int number;

	fd_poll(wait, 2, wait_ms);
	if (output != NULL)
		tool_output_read(output);
	do
		number = signals_next(install->signal_fd);
	while (number == SIGCHLD);
	return number;
}

/* Waits for the child. A signal to bruco kills the child with all that it started, and ends bruco.
 * */
static int wait_for(const struct install *install, pid_t pid, struct tool_output *output)
{
	int death = 0;
	int number;
	pid_t got;

	while ((got = waitpid(pid, &death, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		number = ending_signal(install, output, -1);
		if (number == 0)
			continue;
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		if (!spawn_reap(pid, &death, KILL_MS))
			log_error("process %d does not end, though it was killed", (int)pid);
		give_up(install, number);
	}
	tool_output_read(output);
	return death;
}

/* Runs a command. On a terminal what it says is logged at once, else only if it fails; its standard output goes to
 * `out` instead if that is not -1. */
static bool run_into(
	const struct install *install, const char *tool, const char *const *arguments, int out)
{
	struct tool_output output;
	int written = tool_output_open(&output, tool, isatty(STDERR_FILENO));
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct spawn_move moves[] = {{null_fd, 0}, {out < 0 ? written : out, 1}, {written, 2}};
	struct spawn what = {.path = arguments[0],
		.arguments = arguments,
		.environment = install->environment,
		.directory = install->packages.handler_path,
		.moves = moves,
		.move_count = 3,
		.die_with_parent = true,
		.own_group = true,
		.confined = install->confined,
		.user = install->user.name != NULL ? &install->user : NULL};
	pid_t pid = null_fd < 0 || written < 0 ? -1 : spawn(&what);
	int death = -1;

	if (pid < 0)
		log_error("cannot run '%s': %s", arguments[0], strerror(errno));
	fd_close(&written);
	fd_close(&null_fd);
	if (pid >= 0)
		death = wait_for(install, pid, &output);
	if (output.at_once || death != 0)
		tool_output_log(&output);
	tool_output_close(&output);
	return death == 0;
}

static bool mark_complete(const struct install *install)
{
	int fd = open(install->packages.complete, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool run(const struct install *install, const char *tool, const char *const *arguments)
{
	return run_into(install, tool, arguments, -1);
}

static bool make_environment_folder(const struct install *install)
{
	const char *folder = install->packages.folder;
	const char *with_pip[] = {python_own(), "-I", "-m", "venv", folder, NULL};
	const char *without[] = {python_own(), "-I", "-m", "venv", "--without-pip", folder, NULL};

	if (run(install, "venv", install->uv.path == NULL ? with_pip : without))
		return true;
	log_error("cannot make a virtual environment with '%s'", python_own());
	return false;
}

/* Writes the list as requirements.txt has it into `to`. */
static bool write_requirements(const struct install *install, const char *python, const char *to)
{
	static const char *const kinds[] = {[LIST_SCRIPT] = "script", [LIST_PYLOCK] = "pylock",
		[LIST_UV_LOCK] = "uvlock", [LIST_PYPROJECT] = "pyproject"};
	const struct package_list *list = &install->packages.list;
	char *script = self_beside("../share/bruco/requirements.py");
	const char *arguments[] = {python, "-I", "-B", script, kinds[list->kind], list->file,
		install->uv.path, NULL};
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool done = false;

	if (out < 0)
		log_error("cannot write '%s': %s", to, strerror(errno));
	else if (script == NULL || access(script, R_OK) < 0)
		log_error("cannot find requirements.py beside bruco");
	else
		done = run_into(install, strrchr(list->file, '/') + 1, arguments, out);
	fd_close(&out);
	free(script);
	return done;
}

static void add(struct texts *words, const char *const *more)
{
	for (; *more != NULL; more++)
		texts_add(words, *more);
}

/* Installs what is in a file that pip understands. */
static bool install_from(const struct install *install, const char *python, const char *file)
{
	const struct package_list *list = &install->packages.list;
	bool by_uv = install->uv.path != NULL;
	struct texts words = {0};
	bool done;

	/* pip chooses among all indexes, and asks for all hashes when there is one */
	if (by_uv)
		add(&words, (const char *[]){install->uv.path, "pip", "install", "--python", python,
				    "--index-strategy", "unsafe-best-match", "--no-progress", NULL});
	else
		add(&words, (const char *[]){python, "-I", "-m", "pip", "install", "--no-input",
				    "--disable-pip-version-check", NULL});
	if (list->hashed && (by_uv || list->kind != LIST_REQUIREMENTS))
		texts_add(&words, "--require-hashes");
	if (list->kind == LIST_PYLOCK || list->kind == LIST_UV_LOCK)
		texts_add(&words, "--no-deps");
	add(&words, (const char *[]){"-r", file, NULL});
	words.items = mem_grow(words.items, words.count + 1, sizeof *words.items);
	words.items[words.count] = NULL;
	done = run(install, by_uv ? "uv" : "pip", (const char *const *)words.items);
	if (!done)
		log_error("cannot install '%s': %s failed", list->file, by_uv ? "uv" : "pip");
	texts_release(&words);
	return done;
}

static void log_start(const struct install *install)
{
	const struct package_list *list = &install->packages.list;

	if (install->uv.setting != NULL)
		log_info("installing '%s' with pip, whose setting '%s' uv does not read", list->file,
			install->uv.setting);
	else
		log_info("installing '%s'%s", list->file, install->uv.path != NULL ? " with uv" : "");
	if (list->unused != NULL)
		log_info("not used, since there is '%s': %s", list->file, list->unused);
}

static bool install_all(const struct install *install)
{
	const struct packages *packages = &install->packages;
	char *python = mem_printf("%s/bin/python3", packages->folder);
	char *written = mem_printf("%s/requirements.txt", packages->folder);
	bool as_it_is = packages->list.kind == LIST_REQUIREMENTS, done = false;

	log_start(install);
	remove_tree(packages->folder); /* what a killed installation left */
	if (!make_environment_folder(install))
		; /* has been logged */
	else if (!as_it_is && !write_requirements(install, python, written))
		log_error("cannot install '%s'", packages->list.file);
	else if (!install_from(install, python, as_it_is ? packages->list.file : written))
		; /* has been logged */
	else if (!mark_complete(install))
		log_error("cannot write '%s': %s", packages->complete, strerror(errno));
	else
		done = true;
	if (!done)
		remove_tree(packages->folder);
	free(written);
	free(python);
	return done;
}

/* Only one bruco installs an environment; others that need the same one wait. */
static int take_lock(const struct install *install)
{
	char *path = mem_printf("%s.lock", install->packages.folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool said = false;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int number;

		if (errno != EWOULDBLOCK && errno != EINTR) {
			fd_close(&fd);
			break;
		}
		if (!said)
			log_info("waiting for another bruco that installs '%s'",
				install->packages.list.file);
		said = true;
		number = ending_signal(install, NULL, LOCK_POLL_MS);
		if (number != 0)
			signals_die(number);
	}
	if (fd < 0)
		log_error("cannot lock '%s': %s", path, strerror(errno));
	free(path);
	return fd;
}

static bool ensure(struct install *install, const char *home)
{
	bool done;
	int lock;

	if (packages_are_there(&install->packages))
		return true;
	if (!make_folders(install->packages.cache)) {
		log_error("cannot create '%s': %s (XDG_CACHE_HOME names another place)",
			install->packages.cache, strerror(errno));
		return false;
	}
	lock = take_lock(install);
	if (lock < 0)
		return false;
	done = packages_are_there(&install->packages) ||
	       (uv_find(&install->uv, home) && install_all(install));
	uv_release(&install->uv);
	fd_close(&lock);
	return done;
}

static char **make_environment(const struct config *config, const struct user *user)
{
	char **environment = environment_make(config, ENVIRONMENT_PIP, NULL);

	if (user->name != NULL)
		environment_set_user(&environment, NULL, user);
	return environment;
}

/* False with a line in the log; *venv stays NULL where none is needed. */
static bool prepare(struct install *install, const struct config *config, char **venv)
{
	const struct packages *packages = &install->packages;
	const char *home = install->user.name != NULL ? install->user.home : getenv("HOME");
	bool failed = true;

	switch (packages_find(&install->packages, config->processor.handler_path,
		config->processor.module_name, home, python_own())) {
	case PACKAGES_NONE:
		failed = false;
		break;
	case PACKAGES_UNREADABLE:
		log_error("cannot read '%s': %s", packages->list.file, fd_read_why(errno));
		break;
	case PACKAGES_HOMELESS:
		log_error("no folder to install '%s' into: "
			  "neither HOME nor XDG_CACHE_HOME is set",
			packages->list.file);
		break;
	case PACKAGES_UNCLEAR:
		log_error("%s", packages->why);
		break;
	case PACKAGES_UNSAFE:
		log_error("cannot use '%s', for what is in it is run: %s (XDG_CACHE_HOME names another place)",
			packages->folder, packages->why);
		break;
	case PACKAGES_NEEDED:
		install->environment = make_environment(config, &install->user);
		failed = !ensure(install, home);
		environment_free(install->environment);
		if (!failed)
			*venv = mem_text(packages->folder);
	}
	packages_release(&install->packages);
	return !failed;
}

int venv_prepare(const struct config *config, int signal_fd, char **venv)
{
	const struct processor_config *processor = &config->processor;
	struct install install = {.signal_fd = signal_fd,
		.confined = processor->isolation != ISOLATION_NONE};
	bool done;

	*venv = NULL;
	if (!processor->present || processor->python != NULL)
		return STATUS_OK;
	user_find_other(&install.user, processor->user);
	user_begin(&install.user);
	done = prepare(&install, config, venv);
	user_end();
	user_release(&install.user);
	return done ? STATUS_OK : STATUS_UNAVAILABLE;
}
