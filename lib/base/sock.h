/*
 * Unix sockets: messages that keep their boundaries (SOCK_SEQPACKET), with descriptors riding along;
 * and listening at a path. Received descriptors are close-on-exec and belong to the receiver.
 */
#ifndef BASE_SOCK_H
#define BASE_SOCK_H

#include <stddef.h>
#include <sys/types.h>

enum { SOCK_FDS_MAX = 8 };

/* Both non-blocking, close-on-exec. 0, or -1 with errno and both ends -1. */
int sock_pair(int ends[2]);

/* 0, or -1 with errno: EAGAIN when there is no room (nothing was sent), EPIPE when the peer is
 * gone. */
int sock_send(int fd, const void *data, size_t length, const int *fds, size_t fd_count);

/* Bytes of one message, 0 when the peer is gone, -1 with errno (EAGAIN: nothing there). A message
 * longer than `room` is EMSGSIZE, one whose descriptors find no room here EMFILE; either is gone
 * then. An empty message is as if the peer were gone; with descriptors, which are closed, it is EBADMSG. Never
 * blocks. */
ssize_t sock_receive(int fd, void *data, size_t room, int fds[SOCK_FDS_MAX], size_t *fd_count);

/* Listens at path, mode 0600; a stale socket is replaced, a living one is EADDRINUSE. `type` is
 * SOCK_SEQPACKET or SOCK_STREAM, here and below. */
int sock_listen(const char *path, int type);
int sock_accept(int fd);                      /* non-blocking result; -1 with errno */
int sock_connect(const char *path, int type); /* non-blocking result; -1 with errno */

/* The same without a wait: EAGAIN when too many others wait for the listener to accept them. */
int sock_connect_at_once(const char *path, int type);

#endif
