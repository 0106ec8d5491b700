#include "bruco/log/stage_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "bruco/log/claimed_lines.h"

enum { READ_SIZE = 65536, READS_MAX = 4 };

void stage_output_init(struct stage_output *output)
{
	*output = (struct stage_output){.fd = -1, .owner = RELAY_NO_WORKER, .partial_since = -1};
}

/* A printed line may be any bytes; a log line is UTF-8 text without NUL, in which log_make escapes the
 * rest. */
static char *printed_text(const uint8_t *data, size_t length)
{
	struct buf out = {0};

	for (size_t i = 0; i < length; i++)
		if (data[i] == 0)
			buf_text(&out, "\\x00");
		else
			buf_byte(&out, data[i]);
	buf_byte(&out, 0);
	return (char *)out.data;
}

static void keep_copy(struct stage_output *output, const void *text, size_t length)
{
	if (output->copy != NULL && output->copy->length + length <= OUTPUT_COPY_MAX)
		buf_append(output->copy, text, length);
}

static void printed_line(struct stage_output *output, struct relay *relay)
{
	size_t length = text_cut(output->partial.data, output->partial.length, LOG_LINE_MAX);
	size_t line_length;
	char *text, *line;

	if (length > 0 && output->partial.data[length - 1] == '\r')
		length--;
	if (output->level <= log_level()) {
		text = printed_text(output->partial.data, length);
		line = log_make(
			output->level, output->program, output->worker, NULL, text, &line_length);
		if (line != NULL) {
			keep_copy(output, line, line_length);
			relay_put(relay, output->owner, line, line_length);
		}
		free(line);
		free(text);
	}
	buf_reset(&output->partial);
	output->partial_since = -1;
}

static void take_printed(
	struct stage_output *output, struct relay *relay, const char *data, size_t length)
{
	while (length > 0) {
		const char *end = memchr(data, '\n', length);
		size_t piece = end == NULL ? length : (size_t)(end - data);

		if (!output->skipping)
			buf_append(&output->partial, data, piece);
		if (!output->skipping && (end != NULL || output->partial.length > LOG_LINE_MAX)) {
			printed_line(output, relay);
			output->skipping = end == NULL;
		} else if (end != NULL) {
			output->skipping = false;
		} else if (output->partial.length > 0 && output->partial_since < 0) {
			output->partial_since = clock_ms();
		}
		piece += end != NULL;
		data += piece;
		length -= piece;
	}
}

static void take_lines(
	struct stage_output *output, struct relay *relay, const char *data, size_t length)
{
	const char *end = memrchr(data, '\n', length);
	size_t whole = end == NULL ? 0 : (size_t)(end + 1 - data);

	if (whole > 0) {
		struct buf lines = {0};

		buf_append(&output->partial, data, whole);
		claimed_lines(&lines, output->program, output->worker,
			(const char *)output->partial.data, output->partial.length);
		keep_copy(output, lines.data, lines.length);
		relay_put_log(relay, output->owner, (const char *)lines.data, lines.length,
			&output->left_out);
		buf_release(&lines);
		buf_reset(&output->partial);
	}
	if (output->partial.length + length - whole > LOG_WRITER_QUEUE_MAX)
		buf_reset(&output->partial); /* no log line of Bruco is that long */
	buf_append(&output->partial, data + whole, length - whole);
}

static void flush_partial(struct stage_output *output, struct relay *relay)
{
	if (output->partial.length == 0)
		return;
	if (output->kind == OUTPUT_PRINT)
		printed_line(output, relay);
	else
		take_lines(output, relay, "\n", 1);
}

/* Reads a bounded amount, so that a handler that prints without end does not starve the others.
 * False: end of file. */
static bool read_some(struct stage_output *output, struct relay *relay)
{
	char data[READ_SIZE];

	for (int reads = 0; reads < READS_MAX; reads++) {
		ssize_t got = read(output->fd, data, sizeof data);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN;
		if (got == 0)
			return false;
		if (output->kind == OUTPUT_PRINT)
			take_printed(output, relay, data, (size_t)got);
		else
			take_lines(output, relay, data, (size_t)got);
	}
	return true;
}

static void close_output(struct stage_output *output, struct relay *relay)
{
	flush_partial(output, relay);
	fd_close(&output->fd);
	buf_release(&output->partial);
	output->partial_since = -1;
}

void stage_output_read(struct stage_output *output, struct relay *relay)
{
	if (output->fd >= 0 && !read_some(output, relay))
		close_output(output, relay);
}

void stage_output_finish(struct stage_output *output, struct relay *relay)
{
	if (output->fd < 0)
		return;
	read_some(output, relay); /* a pipe holds no more than this unless somebody still prints */
	close_output(output, relay);
}

int64_t stage_output_deadline(const struct stage_output *output)
{
	return output->partial_since < 0 ? -1 : output->partial_since + OUTPUT_PARTIAL_MS;
}

void stage_output_tick(struct stage_output *output, struct relay *relay, int64_t now_ms)
{
	if (output->partial_since >= 0 && now_ms >= stage_output_deadline(output))
		flush_partial(output, relay);
}
