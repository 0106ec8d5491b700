#include "bruco/log/relay.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"

enum { READ_SIZE = 65536, READS_MAX = 4 };

void relay_init(struct relay *relay, int fd)
{
	*relay = (struct relay){.only = RELAY_NO_WORKER};
	log_writer_init(&relay->writer, fd);
}

void relay_release(struct relay *relay)
{
	relay_release_held(relay);
	log_writer_release(&relay->writer);
}

void relay_hold(struct relay *relay)
{
	relay->holding = true;
}

void relay_show_held(struct relay *relay)
{
	for (size_t i = 0; i < relay->held_count; i++) {
		const struct held *held = &relay->held[i];

		if (relay->only == RELAY_NO_WORKER || relay->only == held->owner)
			log_writer_put(
				&relay->writer, (const char *)held->text.data, held->text.length);
		buf_release(&relay->held[i].text);
	}
	free(relay->held);
	relay->held = NULL;
	relay->held_count = 0;
	relay->held_bytes = 0;
}

void relay_release_held(struct relay *relay)
{
	relay->holding = false;
	relay_show_held(relay);
}

void relay_only_worker(struct relay *relay, int worker)
{
	relay->only = worker;
	relay_release_held(relay);
}

int64_t relay_deadline(const struct relay *relay)
{
	return relay->held_count > 0 ? relay->held_since + RELAY_HOLD_MS : -1;
}

void relay_tick(struct relay *relay, int64_t now_ms)
{
	if (relay->held_count > 0 && now_ms >= relay->held_since + RELAY_HOLD_MS)
		relay_show_held(relay);
}

static void hold(struct relay *relay, int owner, const char *text, size_t length)
{
	struct held *last = relay->held_count > 0 ? &relay->held[relay->held_count - 1] : NULL;

	if (last == NULL)
		relay->held_since = clock_ms();
	if (last == NULL || last->owner != owner) {
		relay->held = mem_grow(relay->held, relay->held_count + 1, sizeof *relay->held);
		last = &relay->held[relay->held_count++];
		*last = (struct held){.owner = owner};
	}
	buf_append(&last->text, text, length);
	relay->held_bytes += length;
	if (relay->held_bytes > RELAY_HOLD_MAX)
		relay_show_held(relay);
}

static void put(struct relay *relay, int owner, const char *text, size_t length)
{
	if (owner != RELAY_NO_WORKER && relay->only != RELAY_NO_WORKER && relay->only != owner)
		return;
	if (owner != RELAY_NO_WORKER && relay->holding)
		hold(relay, owner, text, length);
	else
		log_writer_put(&relay->writer, text, length);
}

void relay_log(struct relay *relay, enum log_level level, const char *format, ...)
{
	char message[LOG_LINE_MAX];
	va_list arguments;
	size_t length;
	char *line;

	if (level > log_level())
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	line = log_make(level, "bruco", NULL, NULL, message, &length);
	if (line != NULL)
		put(relay, RELAY_NO_WORKER, line, length);
	free(line);
}

void stream_init(struct stream *stream)
{
	*stream = (struct stream){.fd = -1, .owner = RELAY_NO_WORKER, .partial_since = -1};
}

/* A printed line may be any bytes; a log line is UTF-8 text without NUL. */
static char *printable(const uint8_t *data, size_t length)
{
	bool text = text_utf8(data, length);
	struct buf out = {0};

	for (size_t i = 0; i < length; i++)
		if (data[i] == 0 || (!text && data[i] >= 0x80))
			buf_printf(&out, "\\x%02x", data[i]);
		else
			buf_byte(&out, data[i]);
	buf_byte(&out, 0);
	return (char *)out.data;
}

static void printed_line(struct stream *stream, struct relay *relay)
{
	size_t length = text_cut(stream->partial.data, stream->partial.length, LOG_LINE_MAX);
	size_t line_length;
	char *text, *line;

	if (length > 0 && stream->partial.data[length - 1] == '\r')
		length--;
	if (stream->level <= log_level()) {
		text = printable(stream->partial.data, length);
		line = log_make(
			stream->level, stream->program, stream->worker, NULL, text, &line_length);
		if (line != NULL)
			put(relay, stream->owner, line, line_length);
		free(line);
		free(text);
	}
	buf_reset(&stream->partial);
	stream->partial_since = -1;
}

static void take_printed(
	struct stream *stream, struct relay *relay, const char *data, size_t length)
{
	while (length > 0) {
		const char *end = memchr(data, '\n', length);
		size_t piece = end == NULL ? length : (size_t)(end - data);

		if (!stream->skipping)
			buf_append(&stream->partial, data, piece);
		if (!stream->skipping && (end != NULL || stream->partial.length > LOG_LINE_MAX)) {
			printed_line(stream, relay);
			stream->skipping = end == NULL;
		} else if (end != NULL) {
			stream->skipping = false;
		} else if (stream->partial.length > 0 && stream->partial_since < 0) {
			stream->partial_since = clock_ms();
		}
		piece += end != NULL;
		data += piece;
		length -= piece;
	}
}

static void take_lines(struct stream *stream, struct relay *relay, const char *data, size_t length)
{
	const char *end = memrchr(data, '\n', length);
	size_t whole = end == NULL ? 0 : (size_t)(end + 1 - data);

	if (whole > 0) {
		buf_append(&stream->partial, data, whole);
		put(relay, stream->owner, (const char *)stream->partial.data,
			stream->partial.length);
		buf_reset(&stream->partial);
	}
	if (stream->partial.length + length - whole > LOG_WRITER_QUEUE_MAX)
		buf_reset(&stream->partial); /* no log line of ours is that long */
	buf_append(&stream->partial, data + whole, length - whole);
}

static void flush_partial(struct stream *stream, struct relay *relay)
{
	if (stream->partial.length == 0)
		return;
	if (stream->kind == STREAM_PRINT)
		printed_line(stream, relay);
	else
		take_lines(stream, relay, "\n", 1);
}

/* Bounded, so that one that prints without end does not starve the others. False: end of file. */
static bool read_some(struct stream *stream, struct relay *relay)
{
	char data[READ_SIZE];

	for (int reads = 0; reads < READS_MAX; reads++) {
		ssize_t got = read(stream->fd, data, sizeof data);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN;
		if (got == 0)
			return false;
		if (stream->kind == STREAM_PRINT)
			take_printed(stream, relay, data, (size_t)got);
		else
			take_lines(stream, relay, data, (size_t)got);
	}
	return true;
}

static void close_stream(struct stream *stream, struct relay *relay)
{
	flush_partial(stream, relay);
	fd_close(&stream->fd);
	buf_release(&stream->partial);
	stream->partial_since = -1;
}

void stream_read(struct stream *stream, struct relay *relay)
{
	if (stream->fd >= 0 && !read_some(stream, relay))
		close_stream(stream, relay);
}

void stream_finish(struct stream *stream, struct relay *relay)
{
	if (stream->fd < 0)
		return;
	read_some(stream, relay); /* a pipe holds no more than this unless somebody still prints */
	close_stream(stream, relay);
}

int64_t stream_deadline(const struct stream *stream)
{
	return stream->partial_since < 0 ? -1 : stream->partial_since + RELAY_PARTIAL_MS;
}

void stream_tick(struct stream *stream, struct relay *relay, int64_t now_ms)
{
	if (stream->partial_since >= 0 && now_ms >= stream_deadline(stream))
		flush_partial(stream, relay);
}
