/*
 * Writes to the driver's stderr without ever waiting: its reader may be slow, stopped or gone, its
 * disk may be full. Text that can't be written at once is queued up to LOG_WRITER_QUEUE_MAX;
 * beyond that lines are dropped, and their number is logged when there is room again.
 */
#ifndef BRUCO_LOG_WRITER_H
#define BRUCO_LOG_WRITER_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { LOG_WRITER_QUEUE_MAX = 1 << 20 };

enum log_writer_way {
	LOG_WRITER_PLAIN,  /* a file: write(2) does not wait for a reader */
	LOG_WRITER_OPENED, /* a pipe or terminal, opened again without blocking: others share fd 2's
			      flags */
	LOG_WRITER_SOCKET, /* send(2) can be told not to wait */
	LOG_WRITER_CAREFUL /* could not be opened again: poll(2) is asked before each small piece */
};

struct log_writer {
	int fd; /* owned if it was opened anew */
	enum log_writer_way way;
	struct buf queue;
	uint64_t dropped; /* lines that were dropped and not reported yet */
};

void log_writer_init(struct log_writer *writer, int fd);
void log_writer_release(struct log_writer *writer);

/* Takes whole lines, which stay together. */
void log_writer_put(struct log_writer *writer, const char *text, size_t length);

/* What poll(2) should wait for: fd is -1 when nothing is queued. Then log_writer_write. */
struct pollfd log_writer_poll(const struct log_writer *writer);
void log_writer_write(struct log_writer *writer);

/* Waits until the queue is written, at most that long. */
void log_writer_flush(struct log_writer *writer, int64_t most_ms);

#endif
