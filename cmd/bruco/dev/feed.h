/* Lines to records, which a bruco-sink takes to the topic. */
#ifndef BRUCO_DEV_FEED_H
#define BRUCO_DEV_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum { FEED_LINE_MOST = 4 << 20 }; /* bytes: the broker keeps 5 MiB of a topic */

struct feed {
	pid_t pid; /* the sink; 0: none */
	int to;    /* its input */
	bool keys;
	char *topic;
	struct buf input; /* the beginning of a line */
	struct buf frame;
	uint64_t records; /* written for this topic so far, which are all that it has been given */
	size_t bytes;     /* written since the reader of this set it to 0 */
};

/* Starts the sink. Ends the program when that fails. */
void feed_start(struct feed *feed, const char *address, const char *topic, bool keys);

/* Ends the sink. All that was written is then in the topic, unless it failed. */
void feed_stop(struct feed *feed);

/* Reads what there is on standard input and passes on the whole lines, at the end of the input also
 * one without a newline. Lines that can't become a record are left out with a line on standard
 * error. False at the end of the input. */
bool feed_read(struct feed *feed);

#endif
