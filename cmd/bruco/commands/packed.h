/*
 * Projects that are packed: PROJECT.zip, or the address of one, is unpacked into the user's cache (by
 * share/unpack.py), and the folder there takes its place.
 */
#ifndef BRUCO_COMMANDS_PACKED_H
#define BRUCO_COMMANDS_PACKED_H

#include <stdbool.h>

/* Whether the configuration is named by an archive or an address. */
bool is_packed(const char *path);

/* The folder of the unpacked project, valid until the next call. Ends the program with a line on standard
 * error, and 78, 69 or 64, when there is none. What may be secret in an address is wiped from `path`. */
const char *packed_folder(char *path);

#endif
