/* What arrives on the topics of sink and dead letter, on standard output. */
#ifndef BRUCO_DEV_SHOW_H
#define BRUCO_DEV_SHOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "bruco/dev/broker.h"

enum { SHOW_TOPICS_MOST = 64, SHOW_PARTITIONS_MOST = 1000 };

/* A topic that has been shown once, and how far. */
struct shown {
	char *name;
	bool letters; /* of dead letters */
	int64_t next[SHOW_PARTITIONS_MOST]; /* the offset behind the last record shown */
};

struct show {
	pid_t pid;       /* the source that reads them; 0: none */
	int from;        /* its output; -1: none */
	bool colour;
	unsigned number; /* of its starts: each is a group of its own */
	struct buf input;
	struct shown *topics[SHOW_TOPICS_MOST];
	size_t count;
};

void show_init(struct show *show, bool colour);

/* Adds a topic from the next start on. False when it was there already. */
bool show_add(struct show *show, const char *topic, bool letters);

/* Starts the source anew, which goes on behind what has been shown. Without a topic there is none.
 * Ends the program when that fails. */
void show_start(struct show *show, struct broker *broker);
void show_stop(struct show *show);

/* Shows what has come. 0, or -1 with errno when standard output does not take it. */
int show_read(struct show *show);

/* Whether all records of all topics have been shown, or been dropped by the broker. */
bool show_is_complete(const struct show *show, struct broker *broker);

#endif
