/* Messages over Unix sockets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sock.h"
#include "unit.h"

TEST(messages_keep_their_bounds_and_then_the_peer_is_gone)
{
	int ends[2], fds[SOCK_FDS_MAX];
	size_t fd_count;
	char got[8];

	sock_pair(ends);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), -1);
	CHECK_INT(errno, EAGAIN);
	CHECK_INT(sock_send(ends[1], "one", 3, NULL, 0), 0);
	CHECK_INT(sock_send(ends[1], "two", 3, NULL, 0), 0);
	close(ends[1]);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), 3);
	CHECK_BYTES(got, 3, "one", 3);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), 3);
	CHECK_BYTES(got, 3, "two", 3);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), 0);
}

/* A worker says READY and RECYCLE and ends, and has never looked at the driver's DRAIN. */
TEST(the_last_words_of_a_peer_that_did_not_read_ours_are_heard)
{
	int ends[2], fds[SOCK_FDS_MAX];
	size_t fd_count;
	char got[8];

	sock_pair(ends);
	CHECK_INT(sock_send(ends[0], "unread", 6, NULL, 0), 0);
	CHECK_INT(sock_send(ends[1], "last", 4, NULL, 0), 0);
	close(ends[1]);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), 4);
	CHECK_BYTES(got, 4, "last", 4);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), 0);
}

/* The kernel gives us the message without them. */
TEST(no_descriptor_is_left_for_those_that_come)
{
	struct rlimit none = {.rlim_cur = 0, .rlim_max = 1000};
	int ends[2], fds[SOCK_FDS_MAX];
	size_t fd_count;
	char got[8];

	CHECK_INT(sock_pair(ends), 0);
	CHECK_INT(sock_send(ends[1], "one", 3, ends, 2), 0);
	CHECK_INT(sock_send(ends[1], "too long for it", 15, NULL, 0), 0);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), -1);
	CHECK_INT(errno, EMFILE);
	CHECK_INT(fd_count, 0);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), -1);
	CHECK_INT(errno, EMSGSIZE);
	CHECK_INT(sock_pair(ends), -1);
	CHECK_INT(errno, EMFILE);
	CHECK_INT(ends[0], -1);
	CHECK_INT(ends[1], -1);
}

TEST(descriptors_of_an_empty_message_are_closed)
{
	int ends[2], fds[SOCK_FDS_MAX], free_fd;
	size_t fd_count;
	char got[8];

	CHECK_INT(sock_pair(ends), 0);
	free_fd = dup(0);
	close(free_fd);
	CHECK_INT(sock_send(ends[1], "", 0, ends, 2), 0);
	CHECK_INT(sock_receive(ends[0], got, sizeof got, fds, &fd_count), -1);
	CHECK_INT(errno, EBADMSG);
	CHECK_INT(fd_count, 0);
	CHECK_INT(dup(0), free_fd);
}

/* Whoever must not wait is told instead. */
TEST(a_full_queue_of_a_listener_is_no_wait)
{
	char folder[] = "/tmp/bruco-sock-XXXXXX", path[64];
	int listener, others = 0;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/s", folder);
	listener = sock_listen(path, SOCK_STREAM);
	while (others < 100 && sock_connect_at_once(path, SOCK_STREAM) >= 0)
		others++;
	CHECK_INT(errno, EAGAIN);
	CHECK(others > 0 && others < 100);
	CHECK(sock_accept(listener) >= 0);
	CHECK(sock_connect_at_once(path, SOCK_STREAM) >= 0);
	unlink(path);
	rmdir(folder);
	CHECK_INT(sock_connect_at_once(path, SOCK_STREAM), -1);
	CHECK_INT(errno, ENOENT);
}

UNIT_MAIN
