#include "bruco/commands/packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/owned_path.h"
#include "base/self.h"
#include "base/spawn.h"
#include "base/status.h"
#include "config/config.h"
#include "config/environment.h"
#include "config/packages.h"
#include "config/python.h"

enum { ANSWER_MAX = 64 << 10 };

bool is_packed(const char *path)
{
	size_t length = strcspn(path, "#");
	struct stat status;

	if (strstr(path, "://") != NULL)
		return true;
	return length > 4 && strncasecmp(path + length - 4, ".zip", 4) == 0 &&
	       !(stat(path, &status) == 0 && S_ISDIR(status.st_mode));
}

/* Everybody can read the command line in /proc: neither a password nor a token stays there. */
static void wipe_secrets(char *path)
{
	char *host = strstr(path, "://"), *at, *query;

	if (host == NULL)
		return;
	host += 3;
	at = strchr(host, '@');
	if (at != NULL && at < host + strcspn(host, "/?#"))
		memset(host, '*', (size_t)(at - host));
	query = strchr(host, '?');
	if (query != NULL)
		memset(query + 1, '*', strcspn(query + 1, "#"));
}

/* The folder that unpack.py makes the projects' in. What is in it is run. */
static char *find_cache(void)
{
	char why[OWNED_PATH_WHY];
	char *cache = packages_cache(getenv("HOME")), *projects;

	if (cache == NULL)
		die(STATUS_CONFIG, "no folder to unpack a project into: neither HOME nor XDG_CACHE_HOME is set");
	projects = mem_printf("%s/projects", cache);
	if (!path_is_owned(projects, why))
		die(STATUS_CONFIG,
			"cannot use '%s', for what is in it is run: %s (XDG_CACHE_HOME names another place)",
			projects, why);
	free(projects);
	return cache;
}

/* Its answer, a line; the program ends as it does when it has none. */
static char *run(const char *const *arguments, int input)
{
	struct config none;
	char **environment, *answer, *folder;
	int ends[2], death = 0;
	size_t length = 0;
	pid_t pid;

	config_init(&none);
	environment = environment_make(&none, ENVIRONMENT_PIP, NULL);
	if (fd_pipe(ends, 0) < 0)
		die(status_of_error(errno), "cannot make a pipe: %s", strerror(errno));
	pid = spawn(&(struct spawn){.path = arguments[0],
		.arguments = arguments,
		.environment = environment,
		.moves = (struct spawn_move[]){{input, 0}, {ends[1], 1}, {STDERR_FILENO, 2}},
		.move_count = 3,
		.die_with_parent = true,
		.confined = true});
	if (pid < 0)
		die(STATUS_UNAVAILABLE, "cannot run '%s': %s", arguments[0], strerror(errno));
	fd_close(&ends[1]);
	answer = fd_read_all(ends[0], ANSWER_MAX, &length);
	fd_close(&ends[0]);
	while (waitpid(pid, &death, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(death) || WEXITSTATUS(death) != 0)
		exit(WIFEXITED(death) ? WEXITSTATUS(death) : STATUS_SOFTWARE);
	folder = answer == NULL || length < 2 ? NULL : mem_text_n(answer, length - 1);
	if (folder == NULL)
		die(STATUS_SOFTWARE, "'%s' has no answer", arguments[3]);
	free(answer);
	environment_free(environment);
	config_release(&none);
	return folder;
}

const char *packed_folder(char *path)
{
	static char *folder; /* for as long as the program */
	char *script = self_beside("../share/bruco/unpack.py"), *cache = find_cache();
	const char *arguments[] = {python_own(), "-I", "-B", script, cache, NULL};
	int input;

	if (script == NULL || access(script, R_OK) < 0)
		die(STATUS_UNAVAILABLE, "cannot find unpack.py beside bruco");
	input = fd_memory("source", path, strlen(path));
	if (input < 0)
		die(status_of_error(errno), "cannot keep the address: %s", strerror(errno));
	free(folder);
	folder = run(arguments, input);
	wipe_secrets(path);
	fd_close(&input);
	free(script);
	free(cache);
	return folder;
}
