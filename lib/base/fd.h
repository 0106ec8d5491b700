/*
 * Descriptors: all close-on-exec, 0-2 made sure of, -1 when closed.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens /dev/null for each of 0, 1 and 2 that is closed, so that no later open lands there; ends the
 * program if it can't. */
void fd_ensure_standard(void);

void fd_nonblocking(int fd, bool on);
void fd_close(int *fd);   /* closes if open, sets -1; errno is kept */

/* Whether it is a terminal that shows colours to somebody who wants them (NO_COLOR, TERM). */
bool fd_shows_colour(int fd);

/* Moves to a number of 64 or more if the limit allows it, close-on-exec; closes the old one. Ends
 * the program if it can't. */
int fd_move_high(int fd);

/* A pipe, both ends close-on-exec; grown towards `size` bytes as far as the kernel allows. 0, or -1
 * with errno and both ends -1. */
int fd_pipe(int ends[2], int size);

/* As poll(2), but it fails with EINTR only. Short of memory, or with more descriptors than the limit
 * allows since it was lowered, it asks for one after the other and naps when none is ready. */
int fd_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/* Writes all of it, waiting as needed. 0, or -1 with errno (EPIPE...). */
int fd_write_all(int fd, const void *data, size_t length);

/* Reads to end of file, at most `cap` bytes, into memory that the caller frees, with a NUL behind.
 * NULL with errno (EFBIG when it is more than cap). */
char *fd_read_all(int fd, size_t cap, size_t *length);

/* The same of a file by its path, which must be a regular one: it never waits, as for the writer of a FIFO.
 * NULL with errno; ENOTBLK when it is something else, as fd_read_why says. */
char *fd_read_regular(const char *path, size_t cap, size_t *length);
const char *fd_read_why(int error);

/* An anonymous file of that size, all zero, close-on-exec, that nobody who has it can make shorter or longer:
 * whoever maps it would die of that. -1 with errno. */
int fd_shared_memory(const char *name, size_t size);

/* An anonymous file with this content, positioned at its start, close-on-exec; -1 with errno. */
int fd_memory(const char *name, const void *data, size_t length);

#endif
