/*
 * What the user has paused: orders, of which for each partition the last one that is about it counts. The
 * driver keeps them and gives all of them to the source as a text, at each change and to each new source.
 */
#ifndef CONTROL_PAUSES_H
#define CONTROL_PAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	PAUSES_MAX = 1024,      /* orders; more would be a list of partitions */
	PAUSES_TEXT_MAX = 1 << 19 /* bytes of their text */
};

struct pause_order {
	char *topic;       /* NULL: all */
	int32_t partition; /* -1: all of the topic */
	bool paused;
};

struct pauses {
	struct pause_order *items;
	size_t count;
};

/* Adds an order; those that it covers are dropped, and so is one that changes nothing. False: there are
 * too many. */
bool pauses_add(struct pauses *pauses, bool paused, const char *topic, int32_t partition);
void pauses_release(struct pauses *pauses);

bool pauses_match(const struct pauses *pauses, const char *topic, int32_t partition);

/* A line each; pauses_read takes it and replaces what was there. False: it is no such text. */
void pauses_write(const struct pauses *pauses, struct buf *text);
bool pauses_read(struct pauses *pauses, const char *text, size_t length);

#endif
