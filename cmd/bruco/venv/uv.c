#include "bruco/venv/uv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

extern char **environ;

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* The first `uv` in PATH, as an absolute path; NULL: there is none. */
static char *find_program(void)
{
	const char *folder = getenv("PATH");

	while (folder != NULL && *folder != '\0') {
		size_t length = strcspn(folder, ":");
		char *path = mem_printf("%.*s/uv", (int)length, folder);

		if (*folder == '/' && is_program(path))
			return path;
		free(path);
		folder += length;
		folder += *folder == ':';
	}
	return NULL;
}

/* A variable of pip's that decides what is installed, or from where. */
static char *variable_of_pip(void)
{
	static const char *const harmless[] = {"PIP_CACHE_DIR", "PIP_DEFAULT_TIMEOUT",
		"PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR", "PIP_NO_COLOR", "PIP_NO_INPUT",
		"PIP_PROGRESS_BAR", "PIP_QUIET", "PIP_RETRIES", "PIP_ROOT_USER_ACTION", "PIP_VERBOSE", NULL};

	for (char **variable = environ; *variable != NULL; variable++) {
		size_t length = strcspn(*variable, "="), i = 0;

		if (strncmp(*variable, "PIP_", 4) != 0)
			continue;
		while (harmless[i] != NULL && (strlen(harmless[i]) != length ||
						      memcmp(harmless[i], *variable, length) != 0))
			i++;
		if (harmless[i] == NULL)
			return mem_text_n(*variable, length);
	}
	return NULL;
}

/* A file with settings of pip's, of the user or of the machine. */
static char *file_of_pip(const char *home)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	char *files[] = {mem_text("/etc/pip.conf"), mem_text("/etc/xdg/pip/pip.conf"),
		home == NULL ? NULL : mem_printf("%s/.pip/pip.conf", home),
		config != NULL && *config == '/' ? mem_printf("%s/pip/pip.conf", config)
		: home == NULL                   ? NULL
						 : mem_printf("%s/.config/pip/pip.conf", home)};
	char *found = NULL;

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (found == NULL && files[i] != NULL && access(files[i], F_OK) == 0)
			found = files[i];
		else
			free(files[i]);
	return found;
}

bool uv_find(struct uv *uv, const char *home)
{
	const char *word = getenv("BRUCO_UV");
	bool unsaid = word == NULL || *word == '\0', wanted;

	*uv = (struct uv){0};
	if (!text_boolean(unsaid ? "" : word, &wanted)) {
		log_error("the variable BRUCO_UV is '%.60s', which is neither true nor false", word);
		return false;
	}
	if (!unsaid && !wanted)
		return true;
	uv->path = find_program();
	if (uv->path == NULL && wanted) {
		log_error("BRUCO_UV asks for uv, which is not in PATH");
		return false;
	}
	if (uv->path != NULL && !wanted) {
		uv->setting = variable_of_pip();
		if (uv->setting == NULL)
			uv->setting = file_of_pip(home);
		if (uv->setting != NULL) {
			free(uv->path);
			uv->path = NULL;
		}
	}
	return true;
}

void uv_release(struct uv *uv)
{
	free(uv->path);
	free(uv->setting);
	*uv = (struct uv){0};
}
