#include "failing_sink.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

struct config config;
struct sink sink;
struct buf frames, notes, last_headers;
bool letters_full;
uint64_t tickets[16];
static size_t ticket_count;

void sink_read_link(struct sink *linked)
{
	(void)linked;
}

void sink_fail(struct sink *failed, int status)
{
	failed->status = status;
}

static const char *refuse(void *state, const struct frame_record *record)
{
	(void)state;
	return record->value_length > 0 && record->value[0] == '!' ? "it is no good" : NULL;
}

static enum put_result put_out(void *state, const struct frame_record *record, uint64_t ticket)
{
	(void)state;
	if (record->value[0] == '>') {
		sink.out.why = too_large;
		return PUT_REFUSED;
	}
	buf_printf(&notes, "out:%.*s ", record->value_length, record->value);
	tickets[ticket_count++] = ticket;
	return PUT_UNDER_WAY;
}

static enum put_result put_letter(void *state, const struct frame_record *record, uint64_t ticket)
{
	const uint8_t *at = record->headers;
	struct frame_header header, error = {0};

	(void)state;
	if (letters_full)
		return PUT_FULL;
	buf_reset(&last_headers);
	for (uint32_t i = 0; i < record->header_count; i++) {
		frame_header_next(&at, &header);
		buf_printf(&last_headers, "%.*s=%.*s ", (int)header.name_length, header.name,
			header.value_length, header.value);
		if (strncmp(header.name, "bruco-error", header.name_length) == 0)
			error = header;
	}
	buf_printf(&notes, "letter:%.*s(%.*s) ", record->value_length, record->value,
		error.value_length, error.value);
	tickets[ticket_count++] = ticket;
	return PUT_UNDER_WAY;
}

static const struct sink_kind out = {.name = "out", .refuse = refuse, .put = put_out};
static const struct sink_kind letters = {.name = "letters", .put = put_letter};
const struct sink_kind passing = {.name = "frames", .put = put_out, .passes_failed = true};

void add_frame(uint8_t type, uint16_t flags, uint64_t seq, const char *value, const char *error)
{
	uint8_t headers[256];
	struct frame_header header = {.name = "bruco-error", .name_length = 11};
	struct frame_record record = {
		.head = {.type = type, .flags = flags, .attempt = 3, .seq = seq},
		.offset = 7,
		.timestamp = -1,
		.topic = "t",
		.topic_length = 1,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)value,
		.value_length = (int32_t)strlen(value)};

	if (error != NULL) {
		header.value = (const uint8_t *)error;
		header.value_length = (int32_t)strlen(error);
		record.headers = headers;
		record.headers_length = (uint32_t)frame_header_write(headers, &header);
		record.header_count = 1;
		record.head.flags |= FRAME_REASON;
	}
	buf_reserve(&frames, 512);
	frames.length += frame_record_write(frames.data + frames.length, &record);
}

const char *run_lane(enum on_failure choice)
{
	int ends[2];

	if (config.name == NULL)
		config_init(&config);
	config.processor.on_failure = choice;
	log_set_level(LEVEL_ERROR);
	CHECK(pipe(ends) == 0);
	sink.config = &config;
	sink.link = sink.answers = -1;
	sink.cap = 1 << 20;
	sink.page = page_map(-1);
	sink.lane_count = 1;
	if (sink.out.kind == NULL)
		sink.out.kind = &out;
	sink.dead_letter.kind = choice == FAILURE_DEAD_LETTER ? &letters : NULL;
	if (sink.lanes == NULL) {
		sink.lanes = mem_array(1, sizeof *sink.lanes);
		lane_init(sink.lanes, sink.cap, true);
	}
	lane_open(sink.lanes, ends[0]);
	fd_write_all(ends[1], frames.data, frames.length);
	lane_work(&sink, 0);
	buf_byte(&notes, '\0');
	return (const char *)notes.data;
}

uint64_t acked(void)
{
	return deliveries_acked(&sink.lanes->deliveries);
}
