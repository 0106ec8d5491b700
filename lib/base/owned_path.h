/*
 * Folders that others could have planted, as on a shared disk: what is in them is run as this user.
 */
#ifndef BASE_OWNED_PATH_H
#define BASE_OWNED_PATH_H

#include <stdbool.h>

enum { OWNED_PATH_WHY = 512 };

/*
 * Whether only this user and root can change where an absolute path leads to: every folder on the way, behind
 * symbolic links too, belongs to one of them, and so do the links; and no other may write to it, but to a sticky
 * one of root's, as /tmp. A group may that is this process's own. What does not exist yet, at the end, is as
 * safe as the folder that it is to be made in. False with a reason that names the folder.
 */
bool path_is_owned(const char *path, char why[OWNED_PATH_WHY]);

#endif
