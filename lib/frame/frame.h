/*
 * Frames: the record format on every pipe between the stages and in captures; bruco-frame(5).
 * Little-endian, self-contained. This module encodes and decodes bytes in memory; it never reads,
 * writes or allocates.
 *
 *    0  u16 magic "Br"      16 u64 sequence number in the lane (from 1)
 *    2  u8  version 1       24 i64 offset         \
 *    3  u8  type            32 i64 timestamp, ms   |
 *    4  u16 flags           40 i32 partition       |  records
 *    6  u16 attempt         44 u32 topic length    |  and
 *    8  u32 total length    48 i32 key length      |  failed
 *   12  u32 check           52 i32 value length    |  records
 *                           56 u32 header count    |
 *                           60 u32 headers' length |
 *                           64 topic, key, headers, value
 *
 * A routed record may end with where its input came from: i64 offset, i32 partition, topic; an input
 * with the name of the system that it came from, see FRAME_SYSTEM.
 *
 * A header is u32 name length, i32 value length, name, value. A length of -1 is null (key, value,
 * header value). A timestamp of -1 is none. `check` covers the other 20 header bytes, see
 * frame_check. An `empty` frame may carry one u64 behind the header: the first sequence number that
 * it ends (a batch's end mark); without it, it ends its own only.
 */
#ifndef FRAME_FRAME_H
#define FRAME_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	FRAME_HEADER = 24,
	FRAME_RECORD = 64, /* where topic, key, headers and value begin */
	FRAME_ORIGIN = 12, /* a routed record's origin, without its topic */
	FRAME_VERSION = 1,
	FRAME_HEADERS_MAX = 65556, /* LIMIT_HEADERS and what two failures add, see limits.h */
	FRAME_TOPIC_MAX = 249,
	FRAME_SYSTEM_MAX = 255
};
#define FRAME_MAGIC 0x7242U
#define FRAME_NULL  (-1)

enum frame_type {
	FRAME_TYPE_RECORD = 1, /* an input, or one output of an input */
	FRAME_TYPE_EMPTY = 2,  /* an input without (further) output */
	FRAME_TYPE_FAILED = 3, /* the input itself, after its last attempt; never run, passed on */
	FRAME_TYPE_END = 4     /* the stream ended cleanly here; more may follow in a capture */
};

enum frame_flag {
	FRAME_LAST = 1,   /* the input's outputs end with this frame */
	FRAME_ROUTED = 2, /* topic (and partition, if not -1) say where to, not where from */
	FRAME_ALONE = 4,  /* to be run while nothing else is in flight in its worker; never of an output */
	FRAME_REASON = 8, /* a failed record ends with headers that say why, from who has failed it */
	FRAME_SYSTEM = 16 /* an input ends with the name of the system it came from; set by the writer */
};

/* What stands in front of every frame. */
struct frame_head {
	uint8_t type;
	uint16_t flags;
	uint16_t attempt; /* how often the input was begun before: 0 at first */
	uint32_t length;  /* of the whole frame */
	uint64_t seq;
};

/* A record's parts, pointing into the frame: valid as long as its bytes are. */
struct frame_record {
	struct frame_head head;
	int64_t offset;    /* -1: none */
	int64_t timestamp; /* ms since 1970, -1: none */
	int32_t partition; /* -1: none */
	uint32_t topic_length;
	int32_t key_length;   /* FRAME_NULL: null */
	int32_t value_length; /* FRAME_NULL: null */
	uint32_t header_count;
	uint32_t headers_length; /* bytes of all headers as encoded */
	const char *topic;       /* not NUL-terminated */
	const uint8_t *key;      /* NULL when null */
	const uint8_t *headers;
	const uint8_t *value; /* NULL when null */
	/* Where the input of a routed record came from; topic NULL: not known. */
	const char *origin_topic; /* not NUL-terminated */
	int64_t origin_offset;
	int32_t origin_partition;
	uint32_t origin_topic_length;
	/* Of an input: with it, topic, partition and offset name the record once and for all. */
	const char *system; /* not NUL-terminated */
	uint32_t system_length; /* 0: not known */
};

/* Where an input came from. */
struct frame_place {
	const char *topic; /* not NUL-terminated */
	uint32_t topic_length;
	int32_t partition;
	int64_t offset;
};

struct frame_header {
	const char *name; /* not NUL-terminated */
	uint32_t name_length;
	int32_t value_length; /* FRAME_NULL: null */
	const uint8_t *value; /* NULL when null */
};

enum frame_result { FRAME_OK, FRAME_MORE, FRAME_BAD };

/* Reads the head of the frame that begins at `data`. FRAME_MORE: the frame is not all there, and
 * takes head->length bytes, as far as is known. FRAME_BAD with *why (static storage): a wrong magic,
 * version, type or check, or a length below the least or above `cap`. */
enum frame_result frame_head_read(const uint8_t *data, size_t available, uint32_t cap,
	struct frame_head *head, const char **why);

/* The same with the record, if the frame carries one; of others only record->head is set. */
enum frame_result frame_read(const uint8_t *data, size_t available, uint32_t cap,
	struct frame_record *record, const char **why);

/* Reads a frame that has been checked before, or that this program has written itself. */
void frame_read_own(const uint8_t *data, struct frame_record *record);

/* Whether the frame carries a record, rather than only a mark. */
static inline bool frame_has_record(const struct frame_head *head)
{
	return head->type == FRAME_TYPE_RECORD || head->type == FRAME_TYPE_FAILED;
}

/* Reads a whole record or failed frame of head->length bytes. Each length is checked against the
 * frame's; the headers are walked once. FRAME_OK or FRAME_BAD. */
enum frame_result frame_record_read(const uint8_t *data, const struct frame_head *head,
	struct frame_record *record, const char **why);

/* The first sequence number that an empty frame ends (its own, or a batch's first). */
enum frame_result frame_empty_read(
	const uint8_t *data, const struct frame_head *head, uint64_t *first, const char **why);

/* Walks the headers of a record that frame_record_read accepted: *at starts as record->headers. */
void frame_header_next(const uint8_t **at, struct frame_header *header);

/* The bytes a record needs, or 0 when that overflows or is more than cap. */
uint32_t frame_record_size(const struct frame_record *record, uint32_t cap);

/* Writes a record (its head.type, flags, attempt, seq are taken; head.length is worked out) with
 * record->headers as already encoded. Room: frame_record_size bytes. Returns the length. */
uint32_t frame_record_write(uint8_t *to, const struct frame_record *record);

/* Writes the 64 bytes in front of a record's topic, for callers that place the rest themselves, with the
 * system if there is one. */
void frame_record_write_front(uint8_t *to, const struct frame_record *record, uint32_t length);

/* The bytes of a record that was read: up to its value, and of its origin behind it. */
static inline uint32_t frame_record_front(const struct frame_record *record)
{
	return FRAME_RECORD + record->topic_length + record->headers_length +
	       (record->key_length > 0 ? (uint32_t)record->key_length : 0);
}
static inline uint32_t frame_record_behind(const struct frame_record *record)
{
	return record->origin_topic == NULL ? 0 : FRAME_ORIGIN + record->origin_topic_length;
}

/* The bytes that maxRecordSize speaks of: names of topic and system don't count. */
static inline uint32_t frame_record_counted(const struct frame_record *record)
{
	return record->head.length - record->topic_length - record->system_length;
}

/* Where a record's input came from; false when it does not say. */
static inline bool frame_place(const struct frame_record *record, struct frame_place *place)
{
	if ((record->head.flags & FRAME_ROUTED) == 0) {
		*place = (struct frame_place){record->topic, record->topic_length,
			record->partition, record->offset};
		return record->offset >= 0;
	}
	*place = (struct frame_place){record->origin_topic, record->origin_topic_length,
		record->origin_partition, record->origin_offset};
	return record->origin_topic != NULL;
}

/* Encodes one header at `to`; returns the bytes used: 8 + name + value. */
size_t frame_header_write(uint8_t *to, const struct frame_header *header);
static inline size_t frame_header_size(uint32_t name_length, int32_t value_length)
{
	return 8 + (size_t)name_length + (value_length > 0 ? (size_t)value_length : 0);
}

uint32_t frame_empty_write(uint8_t *to, uint64_t seq, uint64_t first); /* room: 32 bytes */
uint32_t frame_end_write(uint8_t *to, uint64_t seq);                   /* room: 24 bytes */

/* Changes a frame in place; the check follows, and FRAME_SYSTEM stays. */
void frame_patch(uint8_t *frame, uint8_t type, uint16_t flags, uint16_t attempt, uint64_t seq);

/* ---- little-endian access, one instruction each on the machines that matter */

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "frames are little-endian and so far so is every machine that Bruco was built on"
#endif

static inline uint16_t get_u16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static inline uint32_t get_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static inline uint64_t get_u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static inline void put_u16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof value);
}

static inline void put_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof value);
}

static inline void put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof value);
}

/* The head's check: multiply-and-fold over bytes 0-7, 8-11 and 16-23. Any flipped bit changes it.
 */
static inline uint32_t frame_check(const uint8_t *frame)
{
	uint64_t mix = get_u64(frame) * 0x9e3779b97f4a7c15U;

	mix = (mix ^ (mix >> 32) ^ get_u32(frame + 8)) * 0xbf58476d1ce4e5b9U;
	mix = (mix ^ (mix >> 29) ^ get_u64(frame + 16)) * 0x94d049bb133111ebU;
	return (uint32_t)(mix >> 32);
}

#endif
