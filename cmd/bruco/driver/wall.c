#include "bruco/driver/wall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/remove_tree.h"
#include "base/self.h"
#include "base/status.h"
#include "config/python.h"
#include "config/types/values.h"

const char *wall_lack(void)
{
	if (landlock_abi() == 0)
		return "strict needs Landlock, which this kernel lacks or has switched off (Linux "
		       "5.13 and later, 'landlock' in the list of lsm=); 'isolation: basic' does "
		       "without";
	if (!syscall_filter_is_possible())
		return "strict needs seccomp filters, which this kernel lacks; 'isolation: basic' "
		       "does without";
	return NULL;
}

char *wall_text(const struct config *config)
{
	const char *lack = wall_lack();
	int abi = landlock_abi();

	if (lack != NULL)
		return mem_text(lack);
	return mem_printf("strict: files%s by Landlock ABI %d, system calls%s by seccomp%s",
		abi < LANDLOCK_ABI_SCOPE ? "" : " and signals", abi,
		config->processor.network ? "" : " and sockets",
		abi < LANDLOCK_ABI_SCOPE ? "; this kernel can't keep workers from signalling "
					   "processes of their user"
					 : "");
}

const char *wall_temporary_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder == NULL || *folder != '/' ? "/tmp" : folder;
}

void wall_open(struct wall *wall, const struct config *config, const struct user *user)
{
	const char *lack;

	*wall = (struct wall){0};
	if (!config->processor.present || config->processor.isolation != ISOLATION_STRICT)
		return;
	if ((lack = wall_lack()) != NULL)
		die(STATUS_CONFIG, "processor.isolation: %s", lack);
	wall->strict = true;
	wall->temporary = mem_printf("%s/bruco-worker.XXXXXX", wall_temporary_folder());
	if (mkdtemp(wall->temporary) == NULL ||
		(user->name != NULL && lchown(wall->temporary, user->uid, user->gid) < 0))
		die(status_of_error(errno), "cannot make the folder '%s' for the workers: %s",
			wall->temporary, strerror(errno));
}

void wall_close(struct wall *wall)
{
	if (wall->temporary != NULL && !remove_tree(wall->temporary))
		log_warning("cannot remove the workers' folder '%s': %s", wall->temporary,
			strerror(errno));
	free(wall->temporary);
	wall->temporary = NULL;
}

/* ---- names */

static void add_real(struct texts *texts, const char *path)
{
	char *real = realpath(path, NULL);

	if (real != NULL)
		texts_add(texts, real);
	free(real);
}

/* Also one that is made later; a folder of that name is an environment. */
static void hide_env(struct texts *hidden, const char *folder)
{
	char *real = realpath(folder, NULL);
	char *path = mem_printf("%s/.env", real != NULL ? real : folder);
	struct stat info;

	if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode)) {
		texts_add(hidden, path);
		add_real(hidden, path);
	}
	free(path);
	free(real);
}

/* Of an environment all, of the Python that it belongs to what a Python is made of: that may be installed
 * in somebody's home. */
static void add_python(struct texts *files, const struct python *python)
{
	static const char *const parts[] = {"lib", "lib64", "ssl"};

	if (python->environment != NULL)
		texts_add(files, python->environment);
	texts_add(files, python->executable);
	for (size_t i = 0; python->base != NULL && i < sizeof parts / sizeof parts[0]; i++) {
		char *part = mem_printf("%s/%s", python->base, parts[i]);

		if (access(part, F_OK) == 0)
			texts_add(files, part);
		free(part);
	}
}

static void add_named_python(struct texts *files, const char *name)
{
	char why[PYTHON_WHY_MAX];
	struct python python;

	texts_add(files, name);
	if (!python_find(name, &python, why))
		return;
	add_python(files, &python);
	python_release(&python);
}

static void add_own_python(struct texts *files)
{
	char why[PYTHON_WHY_MAX];
	struct python python;

	if (!python_find_own(&python, why))
		return;
	if (python.embedded)
		texts_add(files, python.base);
	else
		add_python(files, &python);
	python_release(&python);
}

void wall_own_files(struct texts *files, const struct config *config, const char *venv,
	const char *worker_program)
{
	const struct processor_config *processor = &config->processor;
	char *library = self_beside("../lib/bruco");
	const char *environment = venv != NULL ? venv : processor->python;

	if (environment == NULL)
		environment = getenv("BRUCO_VENV");
	if (environment == NULL)
		environment = getenv("VIRTUAL_ENV");

	texts_add(files, worker_program);
	texts_add(files, processor->handler_path);
	add_own_python(files);
	if (library != NULL)
		texts_add(files, library);
	if (environment != NULL)
		add_named_python(files, environment);
	free(library);
}

void wall_describe(struct wall *wall, const struct config *config, const char *venv,
	const char *worker_program)
{
	const struct processor_config *processor = &config->processor;

	wall->own = wall->hidden = (struct texts){0};
	if (!wall->strict)
		return;
	wall->network = processor->network;
	wall_own_files(&wall->own, config, venv, worker_program);
	if (config->path != NULL)
		add_real(&wall->hidden, config->path);
	for (size_t i = 0; i < config->secret_files.count; i++)
		add_real(&wall->hidden, config->secret_files.items[i]);
	hide_env(&wall->hidden, processor->handler_path);
	if (config->directory != NULL)
		hide_env(&wall->hidden, config->directory);
}

void wall_forget(struct wall *wall)
{
	texts_release(&wall->own);
	texts_release(&wall->hidden);
}

bool wall_build(const struct wall *wall, struct walls *walls)
{
	*walls = (struct walls){.ruleset = wall_rules(wall),
		.filter = {.refuse_network = !wall->network,
			.refuse_truncate = landlock_abi() < LANDLOCK_ABI_TRUNCATE}};
	return walls->ruleset >= 0;
}
