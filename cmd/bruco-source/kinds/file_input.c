/* One file of the file kind, from the place where it is begun to its end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/kinds/file.h"

enum { LOOK_BACK = 64 << 10 };

/* ---- knowing it again */

static bool read_head(int fd, uint8_t *head, uint32_t length)
{
	return pread(fd, head, length, 0) == (ssize_t)length;
}

bool file_head_hash(int fd, uint32_t length, uint64_t *hash)
{
	uint8_t head[PLACE_HEAD];

	if (!read_head(fd, head, length))
		return false;
	*hash = hash_more(HASH_START, head, length);
	return true;
}

static void note_head(struct file_input *input, const uint8_t *data, size_t length, uint64_t position)
{
	if (position != input->head_length || position >= PLACE_HEAD)
		return;
	if (length > PLACE_HEAD - position)
		length = (size_t)(PLACE_HEAD - position);
	memcpy(input->head + position, data, length);
	input->head_length += (uint32_t)length;
}

/* ---- opening */

/* The lane of the others that were found by this path, so that what stands in a new file does not overtake
 * what stood in the one before; else the next lane. */
static unsigned lane_for(struct file_source *file, const char *path, size_t others)
{
	for (size_t i = 0; i < others; i++)
		if (strcmp(file->inputs[i]->path, path) == 0)
			return file->inputs[i]->partition.lane;
	return file->paths++ % file->source->lanes.count;
}

void file_inputs_spread(void *state)
{
	struct file_source *file = state;

	file->paths = 0;
	for (size_t i = 0; i < file->count; i++)
		file->inputs[i]->partition.lane = lane_for(file, file->inputs[i]->path, i);
}

/* Behind the last end of a line: what follows is a line that is still being written. */
static uint64_t behind_last_line(int fd, uint64_t size)
{
	uint8_t *data = mem_alloc(LOOK_BACK);

	while (size > 0) {
		uint64_t from = size > LOOK_BACK ? size - LOOK_BACK : 0;
		ssize_t got = pread(fd, data, (size_t)(size - from), (off_t)from);
		const uint8_t *newline = got <= 0 ? NULL : memrchr(data, '\n', (size_t)got);

		if (newline != NULL) {
			from += (uint64_t)(newline - data) + 1;
			free(data);
			return from;
		}
		size = got <= 0 ? 0 : from;
	}
	free(data);
	return 0;
}

static uint64_t start_of(const struct file_source *file, int fd, const struct stat *status)
{
	if (!file->first_start || file->config->start == START_EARLIEST)
		return 0;
	return behind_last_line(fd, (uint64_t)status->st_size);
}

/* Inodes are used again and truncated files begin anew, so that neither names a file. */
static uint64_t new_id(void)
{
	uint64_t id = 0;

	while (id == 0)
		if (getrandom(&id, sizeof id, 0) < 0 && errno != EINTR)
			die(STATUS_SOFTWARE, "no random numbers: %s", strerror(errno));
	return id;
}

struct file_input *file_input_open(
	struct file_source *file, const char *path, int fd, const struct stat *status, const struct place *place)
{
	struct file_input *input = mem_alloc(sizeof *input);
	uint64_t start = place != NULL ? (uint64_t)place->offset : start_of(file, fd, status);
	uint32_t head = start < PLACE_HEAD ? (uint32_t)start : PLACE_HEAD;

	*input = (struct file_input){.path = mem_text(path),
		.device = status->st_dev,
		.inode = status->st_ino,
		.fd = fd,
		.found = true,
		.quiet_since = clock_ms(),
		.partition = {.topic = mem_text(path),
			.topic_length = (uint32_t)strlen(path),
			.lane = lane_for(file, path, file->count)}};
	tracker_begin(&input->partition.tracker);
	if (place != NULL)
		input->partition.attempts = place->attempts;
	input->id = place != NULL && place->id != 0 ? place->id : new_id();
	file->named = file->named || place == NULL || place->id != input->id;
	stream_init(&input->stream, file->source, &input->partition, file->config->format, input->path);
	input->stream.by_byte = input->stream.passes_bad = true;
	snprintf(input->stream.system, sizeof input->stream.system, "%016" PRIx64, input->id);
	input->stream.position = start;
	if (read_head(fd, input->head, head))
		input->head_length = head;
	file->inputs = mem_grow(file->inputs, file->count + 1, sizeof(struct file_input *));
	file->inputs[file->count++] = input;
	log_debug("reading '%s' from byte %llu", path, (unsigned long long)start);
	return input;
}

void file_input_close(struct file_input *input)
{
	fd_close(&input->fd);
	stream_release(&input->stream);
	free(input->partition.tracker.offsets);
	free(input->partition.topic);
	free(input->path);
	free(input);
}

/* ---- reading */

/* False: there is nothing more now. */
static bool read_more(struct file_source *file, struct file_input *input)
{
	struct stream *stream = &input->stream;
	uint8_t *room = stream_room(stream);
	uint64_t position = stream->position + stream->buf.length;
	ssize_t got;

	if (room == NULL)
		return false;
	got = pread(input->fd, room, STREAM_CHUNK, (off_t)position);
	if (got < 0) {
		log_error("cannot read '%s': %s", input->path, strerror(errno));
		source_drain(file->source, STATUS_TEMPFAIL);
		return false;
	}
	if (got == 0 && stream->buf.length == 0)
		buf_release(&stream->buf);
	note_head(input, room, (size_t)got, position);
	stream->buf.length += (size_t)got;
	return got > 0;
}

/* Nothing will be written to it any more: a last line needs no end. */
static void read_out(struct file_input *input)
{
	fd_close(&input->fd);
	input->at_end = false;
}

/* Whether there is a newer file with something in it by this path. An empty one may be there before whoever
 * writes has gone over to it. */
static bool has_successor(const struct file_source *file, const struct file_input *input)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct file_input *other = file->inputs[i];
		struct stat status;

		if (!other->replaced && !other->truncated && other->fd >= 0 && strcmp(other->path, input->path) == 0 &&
			fstat(other->fd, &status) == 0 && status.st_size > 0)
			return true;
	}
	return false;
}

static bool is_given_up(const struct file_source *file, const struct file_input *input)
{
	struct stat status;

	if (!input->replaced || clock_ms() - input->quiet_since < QUIET_MS)
		return false;
	return has_successor(file, input) || (fstat(input->fd, &status) == 0 && status.st_nlink == 0);
}

void file_input_work(struct file_source *file, struct file_input *input)
{
	if (stream_dispatch(&input->stream, input->fd < 0) != STREAM_DRY)
		return;
	if (input->fd < 0) {
		stream_end(&input->stream);
	} else if (read_more(file, input)) {
		input->quiet_since = clock_ms();
	} else {
		input->at_end = true;
		if (source_taking(file->source) && (!file->config->follow || is_given_up(file, input)))
			read_out(input);
	}
}

/* ---- truncation */

/* Whether it holds other bytes than those that were read: it is shorter, or begins otherwise. */
static bool was_truncated(const struct file_input *input, const struct stat *status)
{
	uint8_t head[PLACE_HEAD];

	if ((uint64_t)status->st_size < input->stream.position + input->stream.buf.length)
		return true;
	return read_head(input->fd, head, input->head_length) && memcmp(head, input->head, input->head_length) != 0;
}

void file_input_look(struct file_source *file, struct file_input *input)
{
	struct stat status;
	struct file_input *next;
	int fd;

	if (input->fd < 0 || !input->at_end || fstat(input->fd, &status) < 0)
		return;
	if (!was_truncated(input, &status)) {
		input->at_end = (uint64_t)status.st_size == input->stream.position + input->stream.buf.length;
		if (input->at_end && is_given_up(file, input))
			read_out(input);
		return;
	}
	log_warning("'%s' was truncated: what it holds now is read from its beginning", input->path);
	fd = input->fd;
	input->fd = -1;
	input->at_end = false;
	input->truncated = true;
	file->leaving++;
	next = file_input_open(file, input->path, fd, &status, &(struct place){0});
	next->replaced = input->replaced;
}
