/*
 * The environment that belongs to a handler's list of packages: where it is kept, and whether it is
 * there. bruco makes it; a worker by hand and `bruco check` find it.
 */
#ifndef CONFIG_PACKAGES_H
#define CONFIG_PACKAGES_H

#include <stdbool.h>

#include "base/owned_path.h"
#include "config/package_list.h"

enum packages_need {
	PACKAGES_NONE,       /* no list, an empty one, BRUCO_DISABLE_PIP=true, no such folder */
	PACKAGES_NEEDED,     /* `folder` is where they are to be */
	PACKAGES_UNREADABLE, /* the file is there, and errno says why it can't be read */
	PACKAGES_HOMELESS,   /* there is no home, and XDG_CACHE_HOME is not set */
	PACKAGES_UNSAFE,     /* others could have put `folder` there, or could change it: `why` */
	PACKAGES_UNCLEAR     /* `why`: BRUCO_DISABLE_PIP says neither yes nor no */
};

struct packages {           /* all owned; NULL where it is not known */
	char *handler_path; /* absolute */
	struct package_list list;
	char *cache;        /* ${XDG_CACHE_HOME:-HOME/.cache}/bruco, which may have to be made */
	char *folder;   /* of the environment, in it; another list or Python is another folder */
	char *complete; /* the file in `folder` that is written last */
	char why[OWNED_PATH_WHY];
};

/* Bruco's folder in the user's cache, owned by the caller; NULL: neither the environment nor `home` names one. */
char *packages_cache(const char *home);

/* `module`: the handler's; `home`: of the user who installs, NULL: none; `python`: the executable that
 * environments are made with. Makes nothing. As that user, as user_begin has it. */
enum packages_need packages_find(struct packages *packages, const char *handler_path,
	const char *module, const char *home, const char *python);
void packages_release(struct packages *packages);

bool packages_are_there(const struct packages *packages); /* when PACKAGES_NEEDED */

#endif
