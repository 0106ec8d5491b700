#include "bruco/log/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

void outlet_init(struct outlet *outlet, int fd)
{
	struct stat status;
	char path[32];
	int opened;

	*outlet = (struct outlet){.fd = fd, .way = OUTLET_PLAIN};
	if (fstat(fd, &status) < 0)
		return;
	if (S_ISSOCK(status.st_mode)) {
		outlet->way = OUTLET_SOCKET;
	} else if (S_ISFIFO(status.st_mode) || isatty(fd)) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		opened = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		outlet->way = opened < 0 ? OUTLET_CAREFUL : OUTLET_OPENED;
		if (opened >= 0)
			outlet->fd = opened;
	}
}

void outlet_release(struct outlet *outlet)
{
	if (outlet->way == OUTLET_OPENED)
		fd_close(&outlet->fd);
	buf_release(&outlet->queue);
}

static ssize_t write_some(const struct outlet *outlet, const void *data, size_t length)
{
	struct pollfd room = {.fd = outlet->fd, .events = POLLOUT};
	ssize_t written;

	do {
		if (outlet->way == OUTLET_SOCKET) {
			written = send(outlet->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		} else if (outlet->way == OUTLET_CAREFUL && fd_poll(&room, 1, 0) <= 0) {
			errno = EAGAIN;
			written = -1;
		} else {
			if (outlet->way == OUTLET_CAREFUL && length > PIPE_BUF)
				length = PIPE_BUF;
			written = write(outlet->fd, data, length);
		}
	} while (written < 0 && errno == EINTR);
	return written;
}

static void drop(struct outlet *outlet, const void *data, size_t length)
{
	const char *text = data;

	for (size_t i = 0; i < length; i++)
		outlet->dropped += text[i] == '\n';
}

static void write_queue(struct outlet *outlet)
{
	while (outlet->queue.length > 0) {
		ssize_t written = write_some(outlet, outlet->queue.data, outlet->queue.length);

		if (written >= 0) {
			buf_drop(&outlet->queue, (size_t)written);
		} else {
			if (errno == EAGAIN)
				return;
			/* Disk full, reader gone: the logs are lost, the pipeline is not. */
			drop(outlet, outlet->queue.data, outlet->queue.length);
			buf_reset(&outlet->queue);
			return;
		}
	}
}

static void tell_dropped(struct outlet *outlet)
{
	uint64_t dropped = outlet->dropped;
	char message[64];
	size_t length;
	char *line;

	snprintf(message, sizeof message, "%llu log lines dropped", (unsigned long long)dropped);
	line = log_make(LEVEL_WARNING, "bruco", NULL, NULL, message, &length);
	if (line != NULL)
		buf_append(&outlet->queue, line, length);
	free(line);
	outlet->dropped = 0;
	write_queue(outlet);
	if (outlet->dropped > 0) /* that line itself: in vain, as before */
		outlet->dropped = dropped;
}

void outlet_put(struct outlet *outlet, const char *text, size_t length)
{
	if (outlet->queue.length == 0 && outlet->dropped > 0)
		tell_dropped(outlet);
	if (outlet->queue.length > 0 &&
		(outlet->dropped > 0 || outlet->queue.length + length > OUTLET_QUEUE_MAX)) {
		drop(outlet, text, length);
		return;
	}
	buf_append(&outlet->queue, text, length);
	write_queue(outlet);
}

void outlet_write(struct outlet *outlet)
{
	write_queue(outlet);
	if (outlet->queue.length == 0 && outlet->dropped > 0)
		tell_dropped(outlet);
}

struct pollfd outlet_poll(const struct outlet *outlet)
{
	return (struct pollfd){.fd = outlet->queue.length > 0 ? outlet->fd : -1, .events = POLLOUT};
}

void outlet_flush(struct outlet *outlet, int64_t most_ms)
{
	int64_t deadline = clock_ms() + most_ms;

	while (outlet->queue.length > 0) {
		struct pollfd room = outlet_poll(outlet);
		int left = clock_left(deadline, clock_ms());

		if (left == 0)
			return;
		if (fd_poll(&room, 1, left) > 0)
			outlet_write(outlet);
	}
}
