#include "bruco/venv.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/spawn.h"
#include "base/status.h"
#include "bruco/requirements.h"

enum { OUTPUT_MAX = 1 << 20, LOCK_POLL_MS = 100, KILL_MS = 10000 };

struct install {
	char *handler_path; /* absolute */
	char *file;         /* its requirements.txt */
	char *folder;       /* of the environment */
	char *complete;     /* the file that is written last */
	int signal_fd;
};

/* ---- which environment */

/* The cache is per Python: its path and the time of its file stand for its version. */
static uint64_t identity(const char *requirements, const struct install *install)
{
	uint64_t mix = requirements_hash(requirements, install->file, install->handler_path);
	char python[PATH_MAX];
	struct stat status;

	if (realpath(BRUCO_PYTHON, python) != NULL && stat(python, &status) == 0) {
		mix = hash_more(mix, python, strlen(python) + 1);
		mix = hash_more(mix, &status.st_mtim, sizeof status.st_mtim);
	}
	return mix;
}

static bool make_folders(const char *path)
{
	char *copy = mem_text(path);
	bool made = true;

	for (char *slash = copy + 1; made && slash != NULL;) {
		slash = strchr(slash, '/');
		if (slash != NULL)
			*slash = '\0';
		made = mkdir(copy, 0700) == 0 || errno == EEXIST;
		if (slash != NULL)
			*slash++ = '/';
	}
	free(copy);
	return made;
}

/* ${XDG_CACHE_HOME:-$HOME/.cache}/bruco, made if need be; NULL after a line on stderr. */
static char *cache_folder(void)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *folder = NULL;

	if (cache != NULL &&
		cache[0] == '/') /* a relative one is to be ignored, says its standard */
		folder = mem_printf("%s/bruco", cache);
	else if (home != NULL && home[0] == '/')
		folder = mem_printf("%s/.cache/bruco", home);
	if (folder == NULL) {
		log_error("no folder to install requirements.txt into: "
			  "neither HOME nor XDG_CACHE_HOME is set");
		return NULL;
	}
	if (make_folders(folder))
		return folder;
	log_error("cannot create '%s': %s", folder, strerror(errno));
	free(folder);
	return NULL;
}

/* ---- removing */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void remove_tree(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static _Noreturn void give_up(const struct install *install, int number)
{
	remove_tree(install->folder);
	signals_die(number);
}

/* ---- running Python */

/* A signal that asks us to end, or 0; SIGCHLD only wakes. Waits until one comes, or `wait_ms`. */
static int ending_signal(const struct install *install, int wait_ms)
{
	struct pollfd wait = {.fd = install->signal_fd, .events = POLLIN};
	int number;

	fd_poll(&wait, 1, wait_ms);
	do
		number = signals_next(install->signal_fd);
	while (number == SIGCHLD);
	return number;
}

/* Waits for the child, which ends, with all that it started, at a signal to us. */
static int wait_for(const struct install *install, pid_t pid)
{
	int death = 0;
	int number;
	pid_t got;

	while ((got = waitpid(pid, &death, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		number = ending_signal(install, -1);
		if (number == 0)
			continue;
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		if (!spawn_reap(pid, &death, KILL_MS))
			log_error("process %d does not end, though it was killed", (int)pid);
		give_up(install, number);
	}
	return death;
}

static void show_output(int output)
{
	char *text;
	size_t length;

	if (lseek(output, 0, SEEK_SET) < 0)
		return;
	text = fd_read_all(output, OUTPUT_MAX, &length);
	if (text != NULL)
		fd_write_all(STDERR_FILENO, text, length);
	free(text);
}

/* On a terminal one sees the progress; else only what a failed command said. */
static bool run(const struct install *install, const char *const *arguments)
{
	int output = isatty(STDERR_FILENO) ? -1 : fd_memory("output", NULL, 0);
	int shown = output < 0 ? STDERR_FILENO : output;
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct spawn_move moves[] = {{null_fd, 0}, {shown, 1}, {shown, 2}};
	struct spawn what = {.path = arguments[0],
		.arguments = (char *const *)(size_t)arguments,
		.directory = install->handler_path,
		.moves = moves,
		.move_count = 3,
		.die_with_parent = true,
		.own_group = true};
	pid_t pid = null_fd < 0 ? -1 : spawn(&what);
	int death = -1;

	if (pid < 0)
		log_error("cannot run '%s': %s", arguments[0], strerror(errno));
	else
		death = wait_for(install, pid);
	if (death != 0 && pid >= 0 && output >= 0)
		show_output(output);
	fd_close(&output);
	fd_close(&null_fd);
	return death == 0;
}

static bool mark_complete(const struct install *install)
{
	int fd = open(install->complete, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool install_all(const struct install *install)
{
	char *python = mem_printf("%s/bin/python3", install->folder);
	const char *make[] = {BRUCO_PYTHON, "-I", "-m", "venv", install->folder, NULL};
	const char *pip[] = {python, "-I", "-m", "pip", "install", "--no-input",
		"--disable-pip-version-check", "-r", install->file, NULL};
	bool done = false;

	log_info("installing '%s'", install->file);
	remove_tree(install->folder); /* of one that was killed */
	if (!run(install, make))
		log_error("cannot make a virtual environment with '%s'", BRUCO_PYTHON);
	else if (!run(install, pip))
		log_error("cannot install '%s': pip failed", install->file);
	else if (!mark_complete(install))
		log_error("cannot write '%s': %s", install->complete, strerror(errno));
	else
		done = true;
	if (!done)
		remove_tree(install->folder);
	free(python);
	return done;
}

/* One Bruco installs, others that want the same wait. */
static int take_lock(const struct install *install)
{
	char *path = mem_printf("%s.lock", install->folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool said = false;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int number;

		if (errno != EWOULDBLOCK && errno != EINTR) {
			fd_close(&fd);
			break;
		}
		if (!said)
			log_info("waiting for another bruco that installs '%s'", install->file);
		said = true;
		number = ending_signal(install, LOCK_POLL_MS);
		if (number != 0)
			signals_die(number);
	}
	if (fd < 0)
		log_error("cannot lock '%s': %s", path, strerror(errno));
	free(path);
	return fd;
}

static bool is_complete(const struct install *install)
{
	return access(install->complete, F_OK) == 0;
}

static bool ensure(const struct install *install)
{
	bool done;
	int lock;

	if (is_complete(install))
		return true;
	lock = take_lock(install);
	if (lock < 0)
		return false;
	done = is_complete(install) || install_all(install);
	fd_close(&lock);
	return done;
}

static bool pip_is_off(void)
{
	const char *off = getenv("BRUCO_DISABLE_PIP");

	return off != NULL && strcmp(off, "true") == 0;
}

int venv_prepare(const char *handler_path, int signal_fd, char **venv)
{
	struct install install = {.signal_fd = signal_fd};
	char *requirements = NULL, *cache = NULL;
	bool failed = false;

	*venv = NULL;
	if (pip_is_off())
		return STATUS_OK;
	install.handler_path = realpath(handler_path, NULL);
	if (install.handler_path == NULL)
		return STATUS_OK; /* the worker says what is wrong with it */
	install.file = mem_printf("%s/requirements.txt", install.handler_path);
	requirements = requirements_read(install.file);
	failed = requirements == NULL && errno != ENOENT && errno != ENOTDIR;
	if (failed)
		log_error("cannot read '%s': %s", install.file, strerror(errno));
	if (requirements == NULL || requirements_empty(requirements))
		goto out;
	failed = true;
	cache = cache_folder();
	if (cache == NULL)
		goto out;
	install.folder = mem_printf(
		"%s/venv-%016llx", cache, (unsigned long long)identity(requirements, &install));
	install.complete = mem_printf("%s/bruco-complete", install.folder);
	failed = !ensure(&install);
	if (!failed)
		*venv = mem_text(install.folder);
out:
	free(install.handler_path);
	free(install.file);
	free(install.folder);
	free(install.complete);
	free(requirements);
	free(cache);
	return failed ? STATUS_UNAVAILABLE : STATUS_OK;
}
