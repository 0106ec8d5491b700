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

void log_writer_init(struct log_writer *writer, int fd)
{
	struct stat status;
	char path[32];
	int opened;

	*writer = (struct log_writer){.fd = fd, .way = LOG_WRITER_PLAIN};
	if (fstat(fd, &status) < 0)
		return;
	if (S_ISSOCK(status.st_mode)) {
		writer->way = LOG_WRITER_SOCKET;
	} else if (S_ISFIFO(status.st_mode) || isatty(fd)) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		opened = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		writer->way = opened < 0 ? LOG_WRITER_CAREFUL : LOG_WRITER_OPENED;
		if (opened >= 0)
			writer->fd = opened;
	}
}

void log_writer_release(struct log_writer *writer)
{
	if (writer->way == LOG_WRITER_OPENED)
		fd_close(&writer->fd);
	buf_release(&writer->queue);
}

static ssize_t write_some(const struct log_writer *writer, const void *data, size_t length)
{
	struct pollfd room = {.fd = writer->fd, .events = POLLOUT};
	ssize_t written;

	do {
		if (writer->way == LOG_WRITER_SOCKET) {
			written = send(writer->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		} else if (writer->way == LOG_WRITER_CAREFUL && fd_poll(&room, 1, 0) <= 0) {
			errno = EAGAIN;
			written = -1;
		} else {
			if (writer->way == LOG_WRITER_CAREFUL && length > PIPE_BUF)
				length = PIPE_BUF;
			written = write(writer->fd, data, length);
		}
	} while (written < 0 && errno == EINTR);
	return written;
}

static void drop(struct log_writer *writer, const void *data, size_t length)
{
	const char *text = data;

	for (size_t i = 0; i < length; i++)
		writer->dropped += text[i] == '\n';
}

static void write_queue(struct log_writer *writer)
{
	while (writer->queue.length > 0) {
		ssize_t written = write_some(writer, writer->queue.data, writer->queue.length);

		if (written >= 0) {
			buf_drop(&writer->queue, (size_t)written);
		} else {
			if (errno == EAGAIN)
				return;
			/* The disk is full or the reader gone: log lines are lost, the pipeline
			 * goes on. */
			drop(writer, writer->queue.data, writer->queue.length);
			buf_reset(&writer->queue);
			return;
		}
	}
}

static void report_dropped(struct log_writer *writer)
{
	uint64_t dropped = writer->dropped;
	char message[64];
	size_t length;
	char *line;

	snprintf(message, sizeof message, "%llu log lines dropped", (unsigned long long)dropped);
	line = log_make(LEVEL_WARNING, "bruco", NULL, NULL, message, &length);
	if (line != NULL)
		buf_append(&writer->queue, line, length);
	free(line);
	writer->dropped = 0;
	write_queue(writer);
	if (writer->dropped > 0) /* that line was dropped itself: count as before */
		writer->dropped = dropped;
}

void log_writer_put(struct log_writer *writer, const char *text, size_t length)
{
	if (writer->queue.length == 0 && writer->dropped > 0)
		report_dropped(writer);
	if (writer->queue.length > 0 &&
		(writer->dropped > 0 || writer->queue.length + length > LOG_WRITER_QUEUE_MAX)) {
		drop(writer, text, length);
		return;
	}
	buf_append(&writer->queue, text, length);
	write_queue(writer);
}

void log_writer_write(struct log_writer *writer)
{
	write_queue(writer);
	if (writer->queue.length == 0 && writer->dropped > 0)
		report_dropped(writer);
}

struct pollfd log_writer_poll(const struct log_writer *writer)
{
	return (struct pollfd){.fd = writer->queue.length > 0 ? writer->fd : -1, .events = POLLOUT};
}

void log_writer_flush(struct log_writer *writer, int64_t most_ms)
{
	int64_t deadline = clock_ms() + most_ms;

	while (writer->queue.length > 0) {
		struct pollfd room = log_writer_poll(writer);
		int left = clock_left(deadline, clock_ms());

		if (left == 0)
			return;
		if (fd_poll(&room, 1, left) > 0)
			log_writer_write(writer);
	}
}
