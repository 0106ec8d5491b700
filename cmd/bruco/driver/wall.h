/*
 * What the workers reach with processor.isolation strict: Bruco's, Python's and the handler's own files,
 * what C libraries need, and a folder for temporary files that is theirs.
 */
#ifndef BRUCO_DRIVER_WALL_H
#define BRUCO_DRIVER_WALL_H

#include <stdbool.h>

#include "base/protect.h"
#include "base/user.h"
#include "config/config.h"

struct wall {
	bool strict;        /* false: nothing of this */
	bool network;
	char *temporary;     /* the workers' TMPDIR; NULL at lower levels */
	struct texts own;    /* trees that can be read */
	struct texts hidden; /* files and trees in them that can't, as realpath(3) writes them */
};

/* Why strict can't be had on this machine, for people; NULL: it can. */
const char *wall_lack(void);

/* What it is here, as "strict: landlock ABI 3 (not: ...), ..."; the caller frees it. */
char *wall_text(const struct config *config);

/* Makes the temporary folder, in wall_temporary_folder, for that user (without a name: ours); ends the
 * program, with 78 when wall_lack has a reason. wall_close removes it with all that is in it; that and no
 * other files. Nothing at lower levels. */
void wall_open(struct wall *wall, const struct config *config, const struct user *user);
void wall_close(struct wall *wall);
const char *wall_temporary_folder(void); /* TMPDIR, or /tmp */

/* Adds what each worker must read, at any level: trees and a program. `venv` may be NULL. */
void wall_own_files(struct texts *files, const struct config *config, const char *venv,
	const char *worker_program);

/* Takes the names from a configuration. Hidden are the configuration's file, what ${file:PATH} has
 * read, and files .env* in its folder and the handler's. `venv` may be NULL. */
void wall_describe(struct wall *wall, const struct config *config, const char *venv,
	const char *worker_program);
void wall_forget(struct wall *wall);

/* For one start of a worker, with what is in the handler's folder now. The caller closes
 * walls->ruleset. False with errno. */
bool wall_build(const struct wall *wall, struct walls *walls);

/* A list of landlock_create with all that the wall lets be read and written; -1 with errno. */
int wall_rules(const struct wall *wall);

#endif
