/* The programs of Bruco that bruco dev starts and talks to over pipes. They die with this program. */
#ifndef BRUCO_DEV_CHILD_H
#define BRUCO_DEV_CHILD_H

#include <sys/types.h>

/* Starts the program arguments[0] with a pipe as its standard input, its standard output or both;
 * *to and *from become our ends, which the caller owns. NULL: it keeps that descriptor of ours. Ends
 * the program when that fails. */
pid_t child_start(const char *const *arguments, int *to, int *from);

#endif
