#include "bruco/testing/outcomes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco/testing/capture.h"
#include "frame/headers.h"
#include "json/record_json.h"

static void drop_last(struct outcomes *outcomes)
{
	struct outcome *last = &outcomes->items[--outcomes->count];

	outcomes->failures -= last->failed;
	free(last->line);
}

void outcomes_reset(struct outcomes *outcomes)
{
	while (outcomes->count > 0)
		drop_last(outcomes);
	free(outcomes->items);
	*outcomes = (struct outcomes){.values = outcomes->values};
}

static void add_outcome_line(
	struct outcomes *outcomes, uint64_t record, bool failed, const void *line, size_t length)
{
	struct outcome *outcome;

	outcomes->items = mem_grow(outcomes->items, outcomes->count + 1, sizeof *outcomes->items);
	outcome = &outcomes->items[outcomes->count++];
	*outcome = (struct outcome){.record = record, .failed = failed, .length = length};
	outcome->line = mem_text_n(length == 0 ? "" : line, length);
	outcomes->failures += failed;
}

/* A line of the buffer, which ends with a newline. */
static void add_written(
	struct outcomes *outcomes, uint64_t record, bool failed, const struct buf *text)
{
	add_outcome_line(outcomes, record, failed, text->data, text->length - 1);
}

/* What the sink would send, without the record's origin. */
static void write_output(const struct frame_record *output, struct buf *text)
{
	struct frame_record sent = *output;

	sent.offset = -1;
	if ((output->head.flags & FRAME_ROUTED) == 0) {
		sent.topic_length = 0;
		sent.partition = -1;
	}
	record_json_write_given(&sent, text);
}

/* A value may have newlines: as lines it is several. */
static void add_value(struct outcomes *outcomes, uint64_t record, const uint8_t *value, size_t left)
{
	const uint8_t *newline;

	while (left > 0 && (newline = memchr(value, '\n', left)) != NULL) {
		add_outcome_line(outcomes, record, false, value, (size_t)(newline - value));
		left -= (size_t)(newline + 1 - value);
		value = newline + 1;
	}
	add_outcome_line(outcomes, record, false, value, left);
}

void outcomes_add(struct outcomes *outcomes, uint64_t record, const struct frame_record *output)
{
	struct buf text = {0};

	if (outcomes->values) {
		add_value(outcomes, record, output->value,
			output->value_length > 0 ? (size_t)output->value_length : 0);
		return;
	}
	write_output(output, &text);
	add_written(outcomes, record, false, &text);
	buf_release(&text);
}

void outcomes_add_failed(
	struct outcomes *outcomes, uint64_t record, const char *error, size_t length)
{
	struct buf text = {0};

	record_json_write_failed(error, length, &text);
	add_written(outcomes, record, true, &text);
	buf_release(&text);
}

void outcomes_add_failed_frame(
	struct outcomes *outcomes, uint64_t record, const struct frame_record *failed)
{
	static const char name[] = "bruco-error";
	const uint8_t *at = failed->headers;
	struct frame_header header, error = {0};

	for (uint32_t i = 0; i < failed->header_count; i++) {
		frame_header_next(&at, &header);
		if (header_is_named(&header, name))
			error = header;
	}
	outcomes_add_failed(outcomes, record, (const char *)error.value,
		error.value_length > 0 ? (size_t)error.value_length : 0);
}

void outcomes_keep(struct outcomes *outcomes, uint64_t last_record)
{
	while (outcomes->count > 0 && outcomes->items[outcomes->count - 1].record > last_record)
		drop_last(outcomes);
}

static int take_expected(struct outcomes *outcomes, const char *path, size_t number,
	const char *line, size_t length, struct buf *space)
{
	struct frame_record record;
	struct buf text = {0};
	char why[256];

	if (outcomes->values) {
		add_outcome_line(outcomes, 0, false, line, length);
		return STATUS_OK;
	}
	if (record_json_read_failed(line, length, space)) {
		outcomes_add_failed(outcomes, 0, (const char *)space->data, space->length);
		return STATUS_OK;
	}
	if (!record_json_read(line, length, &record, space, why, sizeof why)) {
		log_plain("%s:%zu: %s", path, number, why);
		return STATUS_DATA;
	}
	record.head.flags = FRAME_ROUTED; /* an expected topic is the one that the output goes to */
	write_output(&record, &text);
	add_written(outcomes, 0, false, &text);
	buf_release(&text);
	return STATUS_OK;
}

int outcomes_read(struct outcomes *outcomes, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status = STATUS_OK;
	struct buf space = {0};
	char *data = NULL, *at;
	size_t length = 0;

	outcomes->values = strcmp(capture_kind(path), "lines") == 0;
	if (fd >= 0)
		data = fd_read_all(fd, CAPTURE_MAX, &length);
	if (data == NULL) {
		log_plain("cannot read '%s': %s", path, strerror(errno));
		status = STATUS_USAGE;
	}
	at = data;
	for (size_t number = 1; status == STATUS_OK && length > 0; number++) {
		const char *newline = memchr(at, '\n', length);
		size_t size = newline == NULL ? length : (size_t)(newline - at);

		status = take_expected(outcomes, path, number, at, size, &space);
		size += newline != NULL;
		at += size;
		length -= size;
	}
	fd_close(&fd);
	free(data);
	buf_release(&space);
	return status;
}

void outcomes_write(const struct outcomes *outcomes, struct buf *out)
{
	for (size_t i = 0; i < outcomes->count; i++) {
		const struct outcome *outcome = &outcomes->items[i];

		if (outcome->failed && outcomes->values)
			continue;
		buf_append(out, outcome->line, outcome->length);
		buf_byte(out, '\n');
	}
}
