/* Making a folder with those above it. */
#ifndef BASE_MAKE_FOLDERS_H
#define BASE_MAKE_FOLDERS_H

#include <stdbool.h>

/* Makes each folder of the path that there is not, for its owner alone. False with errno. */
bool make_folders(const char *path);

#endif
