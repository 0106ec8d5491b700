/*
 * The state folder: where sources whose system remembers nothing keep how far they are. One for each pipeline
 * (the key stateDirectory), used by one process at a time. Its files are whole at any moment: each is
 * written beside itself, synchronised and moved into place.
 */
#ifndef STATE_STATE_FOLDER_H
#define STATE_STATE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

struct state_folder {
	char *path;
	int fd;
	int lock; /* of the file `lock` in it, held until the process ends */
};

/* "$XDG_STATE_HOME/bruco/NAME", for root "/var/lib/bruco/NAME", else "$HOME/.local/state/bruco/NAME". NULL:
 * there is no home. The caller frees it. */
char *state_default_path(const char *name);

/* Makes the folder if need be (mode 0700) and locks it; `path` is absolute and copied. Ends the program when
 * others could change what is in it, or when another process keeps the lock. */
void state_open(struct state_folder *folder, const char *path);

/* The content of a file, with a NUL behind it, which the caller frees; NULL: there is none. Ends the program
 * if it can't be read. */
char *state_read(const struct state_folder *folder, const char *name, size_t *length);

/* Replaces it. False with errno; what was there before is untouched then. */
bool state_write(const struct state_folder *folder, const char *name, const void *data, size_t length);

#endif
