/*
 * Records in a stream of bytes, one behind the other, as lines, JSON or frames: each goes to a lane as soon as
 * it is whole and there is room. Whose bytes they are, and when there are more, is the kind's business.
 */
#ifndef BRUCO_SOURCE_KINDS_STREAM_H
#define BRUCO_SOURCE_KINDS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "bruco-source/source.h"

enum { STREAM_CHUNK = 256 << 10 };

enum stream_result {
	STREAM_DRY,  /* the rest, if there is any, needs more bytes */
	STREAM_MORE, /* others have their turn, then there is more */
	STREAM_FULL, /* the next record has no room: try again when stream_relaxed says so */
	STREAM_OVER  /* the source takes no more, or the stream is broken, which was told */
};

struct stream {
	struct source *source;
	struct partition *partition; /* of its records */
	const char *name;            /* for messages */
	const struct stream_format *format;
	bool by_byte;      /* a record's place is the partition and the byte where it begins, whatever it says */
	bool passes_bad;   /* a line that is no JSON is a record that fails; false: it ends the input */
	bool draining_too; /* records are taken while the source drains */
	struct buf buf;
	size_t taken;      /* bytes of buf that are done */
	uint64_t position; /* bytes of the stream before buf */
	int64_t count;     /* of records taken; else the offset of a line */
	struct buf space;  /* for record_json_read */
	char why[256];     /* what is wrong with the record */
	bool skip;         /* what was taken is no record */
	bool bad;          /* it is one that fails because of `why` */
	bool full;
	unsigned full_lane;
	char system[40]; /* of its records, see frame_record */
};

/* Zeroes and sets the first fields; `name` is kept. */
void stream_init(struct stream *stream, struct source *source, struct partition *partition,
	enum record_format format, const char *name);
void stream_release(struct stream *stream);

/* Takes what is there. `end`: nothing more will come, so that a last line needs no end. */
enum stream_result stream_dispatch(struct stream *stream, bool end);

/* Whether there may be room again, after STREAM_FULL. */
bool stream_relaxed(const struct stream *stream);

/* Room for STREAM_CHUNK more bytes at buf.data + buf.length; NULL when a record is larger than maxRecordSize, which it
 * has told. */
uint8_t *stream_room(struct stream *stream);

/* Nothing more will come: if bytes are left that are no record, says so and drains with 65. */
void stream_end(struct stream *stream);

/* What is left is no record, and is dropped: what comes next begins one. Returns how many bytes it was. */
size_t stream_cut(struct stream *stream);

/* Bytes that are read and not taken, and the place of the first of them. */
static inline size_t stream_left(const struct stream *stream)
{
	return stream->buf.length - stream->taken;
}
static inline uint64_t stream_place(const struct stream *stream)
{
	return stream->position + stream->taken;
}

#endif
