#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

enum { HIGH = 64, NAP_MS = 10 };

void fd_ensure_standard(void)
{
	for (;;) {
		int fd = open("/dev/null", O_RDWR);

		if (fd > STDERR_FILENO) {
			close(fd);
			return;
		}
		if (fd < 0)
			_exit(status_of_error(errno));
	}
}

void fd_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_move_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);

	if (high < 0 && errno == EINVAL) /* no number is that high: any will do */
		high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (high < 0)
		die(errno == EINVAL ? STATUS_TEMPFAIL : status_of_error(errno),
			"cannot move descriptor %d: %s", fd, strerror(errno));
	close(fd);
	return high;
}

int fd_pipe(int ends[2], int size)
{
	if (pipe2(ends, O_CLOEXEC) < 0) {
		ends[0] = ends[1] = -1;
		return -1;
	}
#ifdef F_SETPIPE_SZ
	/* Best effort: an unprivileged user has 64 MiB of pipe buffers in all. */
	for (; size > 65536 && fcntl(ends[0], F_SETPIPE_SZ, size) < 0; size /= 2)
		;
#endif
	return 0;
}

int fd_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int ready = poll(fds, count, timeout_ms);
	int nap_ms = timeout_ms < 0 || timeout_ms > NAP_MS ? NAP_MS : timeout_ms;

	if (ready >= 0 || errno == EINTR)
		return ready;
	ready = 0;
	for (nfds_t i = 0; i < count; i++) {
		fds[i].revents = 0;
		ready += fds[i].fd >= 0 && poll(&fds[i], 1, 0) > 0;
	}
	if (ready == 0 && nap_ms > 0)
		nanosleep(&(struct timespec){.tv_nsec = nap_ms * 1000000L}, NULL);
	return ready;
}

int fd_write_all(int fd, const void *data, size_t length)
{
	const uint8_t *from = data;

	while (length > 0) {
		ssize_t written = write(fd, from, length);

		if (written >= 0) {
			from += written;
			length -= (size_t)written;
		} else if (errno == EAGAIN) {
			struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

			fd_poll(&poll_fd, 1, -1);
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

char *fd_read_all(int fd, size_t cap, size_t *length)
{
	struct stat info;
	size_t room = 4096; /* of a file its length and more: what may be a secret is not copied about */
	char *data;

	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 && (uintmax_t)info.st_size <= cap)
		room = (size_t)info.st_size + 1;
	data = mem_alloc(room + 1);
	*length = 0;
	for (;;) {
		ssize_t got = read(fd, data + *length, room - *length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		*length += (size_t)got;
		data[*length] = '\0';
		if (got == 0)
			return data;
		if (*length > cap) {
			errno = EFBIG;
			break;
		}
		if (*length == room) {
			room *= 2;
			data = mem_grow(data, room + 1, 1);
		}
	}
	free(data);
	return NULL;
}

char *fd_read_regular(const char *path, size_t cap, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	char *data = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		data = fd_read_all(fd, cap, length);
	else
		errno = ENOTBLK;
	fd_close(&fd);
	return data;
}

const char *fd_read_why(int error)
{
	return error == ENOTBLK ? "it is no regular file" : strerror(error);
}

int fd_shared_memory(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, (off_t)size) < 0 ||
			       fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0))
		fd_close(&fd);
	return fd;
}

int fd_memory(const char *name, const void *data, size_t length)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && (fd_write_all(fd, data, length) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		fd_close(&fd);
	return fd;
}

bool fd_shows_colour(int fd)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no_colour == NULL || *no_colour == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}
