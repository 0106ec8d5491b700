/*
 * Where the console's socket is: in a folder that only this user can enter, named after the pipeline.
 */
#ifndef BRUCO_MONITOR_CONSOLE_PATH_H
#define BRUCO_MONITOR_CONSOLE_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { CONSOLE_SIBLINGS = 32 }; /* pipelines of one name on a host */

/* "$XDG_RUNTIME_DIR/bruco", for root else "/run/bruco", for others else "/tmp/bruco-UID". With
 * `create` it is made, mode 0700. NULL with errno: it can't be made, or is another user's, or open to
 * others. The caller frees it. */
char *console_folder(bool create);

/* The socket of the pipeline `name` in that folder: "NAME.sock", for the second of that name "NAME-2.sock"
 * and so on. The caller frees it. */
char *console_path(const char *folder, const char *name, unsigned number);

/* Where a client finds the console: `socket` itself, or if that is NULL the first of the pipeline `name`.
 * NULL with errno: there is no folder for it. The caller frees it. */
char *console_find(const char *socket, const char *name);

#endif
