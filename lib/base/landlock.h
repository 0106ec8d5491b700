/*
 * Landlock (landlock(7)): a process gives up all access to files but to trees that it lists. Its rules
 * hold for what it executes and starts, and can't be taken back.
 */
#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

#include <stdbool.h>

enum {
	LANDLOCK_ABI_TRUNCATE = 3, /* truncate(2) is held, too */
	LANDLOCK_ABI_NETWORK = 4,  /* TCP is */
	LANDLOCK_ABI_SCOPE = 6     /* signals and abstract UNIX sockets to others are */
};

/* What may be done in a tree. */
enum landlock_right {
	LANDLOCK_READ,  /* read and execute files, list folders */
	LANDLOCK_LIST,  /* only list folders */
	LANDLOCK_WRITE, /* all of READ; write, make, rename and remove */
	LANDLOCK_DEVICE /* read and write what is there */
};

/* The version of this kernel's Landlock; 0 when it has none, or it is switched off. */
int landlock_abi(void);

/* A new list of rules, a descriptor that is closed at exec; -1 with errno. With `network` false no TCP
 * port can be bound or connected to, from LANDLOCK_ABI_NETWORK on. */
int landlock_create(bool network);

/* Allows this in the tree below `path`, or for this file; a symbolic link is followed. False with
 * errno, ENOENT when there is nothing. Calls nothing that a child may not call before exec. */
bool landlock_allow(int ruleset, const char *path, enum landlock_right right);

/* From now on. Needs PR_SET_NO_NEW_PRIVS. False with errno. */
bool landlock_restrict(int ruleset);

#endif
