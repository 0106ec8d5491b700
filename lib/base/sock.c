#include "base/sock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

enum { KIND = SOCK_SEQPACKET | SOCK_CLOEXEC };

int sock_pair(int ends[2])
{
	if (socketpair(AF_UNIX, KIND | SOCK_NONBLOCK, 0, ends) == 0)
		return 0;
	ends[0] = ends[1] = -1;
	return -1;
}

union fd_space {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(SOCK_FDS_MAX * sizeof(int))];
};

int sock_send(int fd, const void *data, size_t length, const int *fds, size_t fd_count)
{
	struct iovec part = {.iov_base = (void *)(size_t)data, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union fd_space space;
	ssize_t sent;

	if (fd_count > SOCK_FDS_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (fd_count > 0) {
		struct cmsghdr *header;

		memset(&space, 0, sizeof space);
		message.msg_control = space.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
	}
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

static void close_all(const int *fds, size_t *fd_count)
{
	for (size_t i = 0; i < *fd_count; i++)
		close(fds[i]);
	*fd_count = 0;
}

ssize_t sock_receive(int fd, void *data, size_t room, int fds[SOCK_FDS_MAX], size_t *fd_count)
{
	struct iovec part = {.iov_base = data, .iov_len = room};
	union fd_space space;
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof space};
	ssize_t got;

	*fd_count = 0;
	/* A peer that ends without having read all that we sent is told as ECONNRESET, once, ahead
	 * of what it had sent itself. */
	do
		got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return -1;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
		header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		*fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(header), *fd_count * sizeof(int));
	}
	if (got == 0 && *fd_count > 0) { /* a message, if an empty one, which nobody here sends */
		close_all(fds, fd_count);
		errno = EBADMSG;
		return -1;
	}
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		close_all(fds, fd_count);
		/* No sender here gives more than there is room for: the limit is reached. */
		errno = message.msg_flags & MSG_CTRUNC ? EMFILE : EMSGSIZE;
		return -1;
	}
	return got;
}

static int name(struct sockaddr_un *address, const char *path, int type)
{
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof address->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
}

int sock_listen(const char *path, int type)
{
	struct sockaddr_un address;
	struct stat status;
	int fd, probe;
	mode_t mask;

	if (lstat(path, &status) == 0) {
		if (!S_ISSOCK(status.st_mode)) {
			errno = EEXIST;
			return -1;
		}
		probe = sock_connect(path, type);
		if (probe >= 0) {
			close(probe);
			errno = EADDRINUSE;
			return -1;
		}
		unlink(path);
	}
	fd = name(&address, path, type);
	if (fd < 0)
		return -1;
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0)
		fd_close(&fd);
	umask(mask);
	return fd;
}

int sock_accept(int fd)
{
	int peer;

	do
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (peer < 0 && errno == EINTR);
	return peer;
}

static int sock_connect_as(const char *path, int type)
{
	struct sockaddr_un address;
	int fd = name(&address, path, type);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		fd_close(&fd);
	return fd;
}

int sock_connect_at_once(const char *path, int type)
{
	return sock_connect_as(path, type | SOCK_NONBLOCK);
}

int sock_connect(const char *path, int type)
{
	int fd = sock_connect_as(path, type);

	if (fd >= 0)
		fd_nonblocking(fd, true);
	return fd;
}
