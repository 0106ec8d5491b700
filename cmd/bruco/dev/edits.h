/*
 * Tells when a handler or a configuration was edited: inotify(7) on the handler's folder, the
 * folders in it, and the configuration's.
 */
#ifndef BRUCO_DEV_EDITS_H
#define BRUCO_DEV_EDITS_H

#include <stdbool.h>

enum { EDITS_SETTLE_MS = 100 }; /* how long files have to be left alone: editors write twice */

struct edits {
	int fd; /* readable when something happened */
	int config_watch;
	int last_watch;    /* of the handler's folders */
	char *config_name; /* the file's name in its folder */
};

void edits_init(struct edits *edits);
void edits_release(struct edits *edits);

/* Watches this configuration (a file or a folder) and the *.py below `handler_path` (NULL: none)
 * instead of what it watched before. */
void edits_watch(struct edits *edits, const char *config_path, const char *handler_path);

/* Reads what has happened; whether that was an edit. */
bool edits_read(struct edits *edits);

#endif
