/*
 * The driver's stderr. Whoever reads it may be slow, stopped or gone and its disk may be full: the
 * driver never waits for it. Text that can't be written at once is queued up to OUTLET_QUEUE_MAX;
 * beyond that it is dropped, line by line, and the number is told when there is room again.
 */
#ifndef BRUCO_LOG_WRITER_H
#define BRUCO_LOG_WRITER_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { OUTLET_QUEUE_MAX = 1 << 20 };

enum outlet_way {
	OUTLET_PLAIN,  /* a file: writing it does not block on a reader */
	OUTLET_OPENED, /* a pipe or terminal, opened anew: fd 2's flags are everybody's */
	OUTLET_SOCKET, /* send(2) can be told not to wait */
	OUTLET_CAREFUL /* could not be opened anew: asked with poll(2), in small pieces */
};

struct outlet {
	int fd; /* owned if it was opened anew */
	enum outlet_way way;
	struct buf queue;
	uint64_t dropped; /* lines not told yet */
};

void outlet_init(struct outlet *outlet, int fd);
void outlet_release(struct outlet *outlet);

/* Takes whole lines, which stay together. */
void outlet_put(struct outlet *outlet, const char *text, size_t length);

/* What poll(2) should wait for: fd is -1 when nothing is queued. Then outlet_write. */
struct pollfd outlet_poll(const struct outlet *outlet);
void outlet_write(struct outlet *outlet);

/* Waits until all is out, at most that long. */
void outlet_flush(struct outlet *outlet, int64_t most_ms);

#endif
