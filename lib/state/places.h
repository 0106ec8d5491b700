/*
 * How far files are read, as the text that outlives the source:
 *
 *     bruco-places 1
 *     DEVICE INODE OFFSET HEAD HASH[ id=HEX][ attempts=...] PATH
 *     end
 *
 * A file is known by its device and inode, and by the hash of its first HEAD bytes, since an inode is used
 * again; the id is random, for the names of its records. The path is the one that it was found by. What is read back is a claim, though of this user: a text that
 * is not all of this is refused.
 */
#ifndef STATE_PLACES_H
#define STATE_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lane/attempts.h"

enum { PLACES_MAX = 65536, PLACE_HEAD = 256 };

struct place {
	uint64_t device, inode;
	int64_t offset;       /* all before it is done */
	uint32_t head_length; /* at most PLACE_HEAD, and at most `offset` */
	uint64_t head_hash;
	uint64_t id; /* 0: none, from before there were ids */
	struct attempts attempts;
	char *path; /* owned; absolute, without control characters */
};

struct places {
	struct place *items;
	size_t count;
};

/* Whether such a path can be written: absolute, at most 4,096 bytes, no control characters. */
bool places_can_hold(const char *path);

void places_begin(struct buf *text);
void places_add(struct buf *text, const struct place *place);
void places_end(struct buf *text);

/* False when it is none; *places is empty then. places_release in any case. */
bool places_read(struct places *places, const char *text, size_t length);
void places_release(struct places *places);

#endif
