/* Removing a folder that others may write to meanwhile. */
#ifndef BASE_REMOVE_TREE_H
#define BASE_REMOVE_TREE_H

#include <stdbool.h>

/* Removes a folder with all that is in it. Follows no symbolic link, whenever it is made. False with
 * errno when something is left. */
bool remove_tree(const char *folder);

#endif
