#include "bruco/testing/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "frame/cursor.h"
#include "frame/limits.h"
#include "json/record_json.h"

const char *capture_kind(const char *path)
{
	static const char *const kinds[] = {"json", "lines", "frames"};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(dot + 1, kinds[i]) == 0)
			return kinds[i];
	return NULL;
}

/* What the readers of the three kinds share. */
struct reading {
	struct capture *capture;
	const char *path;
	uint32_t size_max;
	struct buf space; /* for record_json_read */
	char system[32];
};

static void add_start(struct capture *capture)
{
	capture->starts = mem_grow(capture->starts, capture->count + 1, sizeof *capture->starts);
	capture->starts[capture->count] = capture->frames.length;
}

/* Ids of events are the same whenever the cases run. */
static void name_system(struct reading *reading, struct frame_record *record)
{
	if (record->offset < 0)
		snprintf(reading->system, sizeof reading->system, "test-%zu", reading->capture->count + 1);
	else
		strcpy(reading->system, "test");
	record->system = reading->system;
	record->system_length = (uint32_t)strlen(reading->system);
}

/* `place` is the number of the line or byte, for messages. */
static int add_record(struct reading *reading, struct frame_record *record, size_t place)
{
	struct capture *capture = reading->capture;
	struct buf *frames = &capture->frames;
	enum limit_fault fault;
	uint32_t length;

	record->origin_topic = NULL; /* an input says where it is from in no other way */
	if (record->system_length == 0)
		name_system(reading, record);
	length = frame_record_size(record, limits_frame(reading->size_max));
	fault = length == 0 ? LIMIT_TOO_LARGE
			    : limits_check(length - record->topic_length - record->system_length,
					      record->headers,
				      record->header_count, reading->size_max);
	if (fault != LIMIT_KEPT) {
		log_plain("%s:%zu: %s", reading->path, place,
			fault == LIMIT_TOO_LARGE ? "larger than maxRecordSize"
						 : "more than 65536 headers");
		return STATUS_DATA;
	}
	record->head = (struct frame_head){
		.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST, .seq = capture->count + 1};
	buf_reserve(frames, length);
	frames->length += frame_record_write(frames->data + frames->length, record);
	capture->count++;
	add_start(capture);
	return STATUS_OK;
}

static int add_value(struct reading *reading, const char *line, size_t length, size_t number)
{
	struct frame_record record = {.offset = -1,
		.timestamp = -1,
		.partition = -1,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)line,
		.value_length = (int32_t)length};

	return add_record(reading, &record, number);
}

static int add_json(struct reading *reading, const char *line, size_t length, size_t number)
{
	struct frame_record record;
	char why[256];

	if (record_json_read(line, length, &record, &reading->space, why, sizeof why))
		return add_record(reading, &record, number);
	log_plain("%s:%zu: %s", reading->path, number, why);
	return STATUS_DATA;
}

static int read_lines(struct reading *reading, const char *data, size_t length,
	int (*take)(struct reading *, const char *, size_t, size_t))
{
	int status = STATUS_OK;

	for (size_t number = 1; status == STATUS_OK && length > 0; number++) {
		const char *newline = memchr(data, '\n', length);
		size_t size = newline == NULL ? length : (size_t)(newline - data);

		status = take(reading, data, size, number);
		size += newline != NULL;
		data += size;
		length -= size;
	}
	return status;
}

/* Failed frames are events, too: they are run again to see why they failed. */
static int read_frames(struct reading *reading, const char *data, size_t length)
{
	struct frame_cursor cursor = frame_cursor(
		(const uint8_t *)data, length, limits_frame(reading->size_max));
	size_t position = 0;
	enum frame_result result;

	while ((result = frame_next(&cursor)) == FRAME_OK) {
		if (frame_has_record(&cursor.record.head) &&
			add_record(reading, &cursor.record, position) != STATUS_OK)
			return STATUS_DATA;
		position = (size_t)(cursor.next - (const uint8_t *)data);
	}
	if (position == length)
		return STATUS_OK;
	log_plain("%s: byte %zu: %s", reading->path, position,
		result == FRAME_BAD ? cursor.why
				    : "truncated: the file ends inside the frame that begins here");
	return STATUS_DATA;
}

int capture_read(struct capture *capture, const char *path, uint32_t size_max)
{
	struct reading reading = {.capture = capture, .path = path, .size_max = size_max};
	const char *kind = capture_kind(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;
	char *data = NULL;
	size_t length = 0;

	*capture = (struct capture){0};
	add_start(capture);
	if (fd >= 0)
		data = fd_read_all(fd, CAPTURE_MAX, &length);
	if (data == NULL) {
		log_plain("cannot read '%s': %s", path, strerror(errno));
		status = STATUS_USAGE;
	} else if (strcmp(kind, "frames") == 0) {
		status = read_frames(&reading, data, length);
	} else {
		status = read_lines(
			&reading, data, length, strcmp(kind, "json") == 0 ? add_json : add_value);
	}
	fd_close(&fd);
	free(data);
	buf_release(&reading.space);
	return status;
}

void capture_release(struct capture *capture)
{
	buf_release(&capture->frames);
	free(capture->starts);
	*capture = (struct capture){0};
}
