/*
 * Another user of this machine: as whom a child runs for good, and as whom this process, which is root's,
 * works with files for a moment, so that it neither reaches nor trusts more than that user.
 */
#ifndef BASE_USER_H
#define BASE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct user {
	char *name; /* NULL: nobody */
	char *home; /* the folder that the system's list of users names */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* all, `gid` included */
	size_t group_count;
};

/* Looks a name up; false when there is no such user. user_release in any case. */
bool user_find(struct user *user, const char *name);

/* The same of somebody else: *user has no name when `name` is NULL or of this process's own user. Ends the
 * program with 78 when there is no such user. */
void user_find_other(struct user *user, const char *name);
void user_release(struct user *user);

/* The name of who runs this process; its number when it has none. The caller frees it. */
char *user_own_name(void);

/* Whether this process is that user's already. */
bool user_is_own(const struct user *user);

/* Why this process can't become another user, for people; NULL: it can. */
const char *user_lack(void);

/* In a child before its exec: user, groups and no capability but that user's, for good. It also undoes
 * user_begin, and what prctl(2) has set as PR_SET_PDEATHSIG. False with errno. */
bool user_become(const struct user *user);

/* From now until user_end files are opened and made as that user, and only so: it can neither signal nor
 * trace this process meanwhile, since the real user stays. Not twice; ends the program if it fails, which
 * user_lack excludes. Both do nothing for a user without a name, or for this process's own. */
void user_begin(const struct user *user);
void user_end(void);

#endif
