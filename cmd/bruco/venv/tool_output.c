#include "bruco/venv/tool_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/secrets.h"

enum { PIPE_SIZE = 65536, READS_MAX = 32 };

static enum log_level take_level(const char **line, size_t *length)
{
	static const struct {
		const char *word;
		enum log_level level;
	} words[] = {{"ERROR: ", LEVEL_ERROR}, {"WARNING: ", LEVEL_WARNING}, /* pip's, and uv's: */
		{"error: ", LEVEL_ERROR}, {"warning: ", LEVEL_WARNING}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t word = strlen(words[i].word);

		if (*length <= word || memcmp(*line, words[i].word, word) != 0)
			continue;
		*line += word;
		*length -= word;
		return words[i].level;
	}
	return LEVEL_INFO;
}

static void log_one(const struct tool_output *output, const char *line, size_t length)
{
	enum log_level level = take_level(&line, &length);
	char *text = mem_text_n(line, text_cut(line, length, LOG_LINE_MAX));
	char *masked = secret_mask(text, SECRET_PLAIN, false); /* an index may need a password */

	if (text[0] != '\0')
		log_line(level, "%s: %s", output->tool, masked != NULL ? masked : text);
	free(masked);
	free(text);
}

/* Logs whole lines; `all`: the rest, too. */
static void log_lines(struct tool_output *output, bool all)
{
	const char *text = (const char *)output->text.data;
	size_t left = output->text.length;

	while (left > 0) {
		const char *end = memchr(text, '\n', left);
		size_t length = end == NULL ? left : (size_t)(end - text);

		if (end == NULL && !all)
			break;
		log_one(output, text, length);
		length += end != NULL;
		text += length;
		left -= length;
	}
	buf_drop(&output->text, output->text.length - left);
}

int tool_output_open(struct tool_output *output, const char *tool, bool at_once)
{
	int ends[2];

	*output = (struct tool_output){.tool = tool, .at_once = at_once, .fd = -1};
	if (fd_pipe(ends, PIPE_SIZE) < 0)
		return -1;
	fd_nonblocking(ends[0], true);
	output->fd = ends[0];
	return ends[1];
}

void tool_output_read(struct tool_output *output)
{
	char data[4096];
	ssize_t got;

	for (int i = 0; output->fd >= 0 && i < READS_MAX; i++) {
		got = read(output->fd, data, sizeof data);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got <= 0) {
			fd_close(&output->fd);
			break;
		}
		buf_append(&output->text, data, (size_t)got);
		if (output->text.length > TOOL_OUTPUT_MAX)
			buf_drop(&output->text, output->text.length - TOOL_OUTPUT_MAX);
	}
	if (output->at_once)
		log_lines(output, false);
}

void tool_output_log(struct tool_output *output)
{
	log_lines(output, true);
}

void tool_output_close(struct tool_output *output)
{
	fd_close(&output->fd);
	buf_release(&output->text);
}
