#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/printable.h"
#include "base/text.h"

static struct {
	const char *program;
	const char *worker;
	enum log_format format;
	enum log_level level;
	int fd;
} logger = {"bruco", NULL, FORMAT_TEXT, LEVEL_INFO, STDERR_FILENO};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* Plain libc memory: a log line must come out even when the program's own wrapper gives up. */
struct line {
	char *text;
	size_t length;
	size_t capacity;
};

static void add_bytes(struct line *line, const char *text, size_t length)
{
	if (line->length + length + 1 > line->capacity) {
		size_t capacity = (line->length + length + 1) * 2;
		char *text_new = realloc(line->text, capacity);

		if (text_new == NULL)
			return;
		line->text = text_new;
		line->capacity = capacity;
	}
	memcpy(line->text + line->length, text, length);
	line->length += length;
	line->text[line->length] = '\0';
}

static void add_text(struct line *line, const char *text)
{
	add_bytes(line, text, strlen(text));
}

static void add_escaped(struct line *line, const char *text, size_t length, bool json)
{
	enum printable_form form = json ? PRINTABLE_JSON : PRINTABLE_TEXT;
	char escape[PRINTABLE_ESCAPE];

	while (length > 0) {
		size_t run = printable_run(form, text, length);

		add_bytes(line, text, run);
		text += run;
		length -= run;
		if (length == 0)
			return;
		run = printable_escape(form, text, length, escape);
		add_text(line, escape);
		text += run;
		length -= run;
	}
}

/* The length up to which a line is shown. */
static size_t shown_length(const char *text, size_t length)
{
	return text_cut(text, length, LOG_LINE_MAX);
}

/* The parts of a traceback that are shown: all of it as `first`, or its two ends. */
struct shown {
	const char *first, *last;
	size_t first_length, last_length;
	char between[64]; /* a line */
};

static size_t lines_in(const char *text, size_t length)
{
	size_t lines = 0;

	for (const char *at = text; (at = memchr(at, '\n', length - (size_t)(at - text))) != NULL;
		at++)
		lines++;
	return lines;
}

/* Whole lines, unless one line alone is too long. The end gets most of the room: the error stands
 * there. */
static struct shown shown_of(const char *traceback)
{
	size_t length = strlen(traceback), most = LOG_TRACEBACK_MAX / 4;
	struct shown shown = {.first = traceback, .first_length = length, .last = ""};
	const char *newline;

	if (length <= LOG_TRACEBACK_MAX)
		return shown;
	newline = memrchr(traceback, '\n', most);
	shown.first_length = newline != NULL ? (size_t)(newline + 1 - traceback)
					     : text_cut(traceback, length, most);
	shown.last = traceback + length - (LOG_TRACEBACK_MAX - most);
	newline = strchr(shown.last, '\n');
	if (newline != NULL && newline[1] != '\0')
		shown.last = newline + 1;
	while (text_continues(*shown.last))
		shown.last++;
	shown.last_length = strlen(shown.last);
	snprintf(shown.between, sizeof shown.between, "... (%zu lines left out)\n",
		lines_in(traceback + shown.first_length,
			length - shown.first_length - shown.last_length));
	return shown;
}

static void add_field(struct line *line, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add_text(line, ", \"");
	add_text(line, name);
	add_text(line, "\": \"");
	add_escaped(line, value, strlen(value), true);
	add_text(line, "\"");
}

static void make_json(struct line *line, enum log_level level, const char *program,
	const char *worker, const struct log_about *about, const char *message)
{
	char stamp[32];
	char place[64];

	clock_stamp(stamp, sizeof stamp);
	add_text(line, "{\"time\": \"");
	add_text(line, stamp);
	add_text(line, "\"");
	add_field(line, "level", level_names[level]);
	add_field(line, "program", program);
	add_field(line, "worker", worker);
	add_text(line, ", \"message\": \"");
	add_escaped(line, message, shown_length(message, strlen(message)), true);
	add_text(line, "\"");
	if (about != NULL && about->topic != NULL) {
		add_field(line, "topic", about->topic);
		snprintf(place, sizeof place, ", \"partition\": %d, \"offset\": %lld",
			(int)about->partition, (long long)about->offset);
		add_text(line, place);
	}
	if (about != NULL)
		add_field(line, "error", about->error);
	if (about != NULL && about->fields != NULL) {
		add_text(line, ", ");
		add_text(line, about->fields);
	}
	if (about != NULL && about->traceback != NULL) {
		struct shown shown = shown_of(about->traceback);

		add_text(line, ", \"traceback\": \"");
		add_escaped(line, shown.first, shown.first_length, true);
		if (shown.between[0] != '\0' && shown.first[shown.first_length - 1] != '\n')
			add_text(line, "\\n");
		add_escaped(line, shown.between, strlen(shown.between), true);
		add_escaped(line, shown.last, shown.last_length, true);
		add_text(line, "\"");
	}
	add_text(line, "}\n");
}

static const char *const journal[] = {"<3>", "<4>", "<6>", "<7>"};

/* The lines of a traceback, each indented. */
static void add_lines(struct line *line, enum log_level level, const char *text, size_t left)
{
	while (left > 0) {
		const char *newline = memchr(text, '\n', left);
		size_t length = newline == NULL ? left : (size_t)(newline - text);

		if (logger.format == FORMAT_JOURNAL)
			add_text(line, journal[level]);
		add_text(line, "  ");
		add_escaped(line, text, shown_length(text, length), false);
		add_text(line, "\n");
		length += newline != NULL;
		text += length;
		left -= length;
	}
}

static void make_text(struct line *line, enum log_level level, const char *program,
	const struct log_about *about, const char *message)
{
	struct shown shown;
	char stamp[32];

	if (logger.format == FORMAT_JOURNAL) {
		add_text(line, journal[level]);
	} else {
		clock_stamp(stamp, sizeof stamp);
		add_text(line, stamp);
		add_text(line, " ");
	}
	add_text(line, program);
	add_text(line, ": ");
	add_text(line, level_names[level]);
	add_text(line, ": ");
	add_escaped(line, message, shown_length(message, strlen(message)), false);
	add_text(line, "\n");
	if (about == NULL || about->traceback == NULL)
		return;
	shown = shown_of(about->traceback);
	add_lines(line, level, shown.first, shown.first_length);
	add_lines(line, level, shown.between, strlen(shown.between));
	add_lines(line, level, shown.last, shown.last_length);
}

char *log_make(enum log_level level, const char *program, const char *worker,
	const struct log_about *about, const char *message, size_t *length)
{
	struct line line = {0};

	if (logger.format == FORMAT_JSON)
		make_json(&line, level, program, worker, about, message);
	else
		make_text(&line, level, program, about, message);
	*length = line.length;
	return line.text;
}

static void write_out(const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(logger.fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* nowhere to complain */
		text += written;
		length -= (size_t)written;
	}
}

__attribute__((format(printf, 1, 0))) static char *format_message(
	const char *format, va_list arguments)
{
	va_list again;
	char *text = NULL;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length >= 0)
		text = malloc((size_t)length + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)length + 1, format, arguments);
	return text;
}

void log_entry(enum log_level level, const struct log_about *about, const char *message)
{
	int saved = errno;
	size_t length = 0;
	char *line = log_make(level, logger.program, logger.worker, about, message, &length);

	if (line != NULL)
		write_out(line, length);
	free(line);
	errno = saved;
}

__attribute__((format(printf, 3, 0))) static void log_v(
	enum log_level level, const struct log_about *about, const char *format, va_list arguments)
{
	int saved = errno;
	char *message = format_message(format, arguments);

	log_entry(level, about, message == NULL ? format : message);
	free(message);
	errno = saved;
}

__attribute__((format(printf, 1, 0))) static void plain_v(const char *format, va_list arguments)
{
	int saved = errno;
	char *message = format_message(format, arguments);
	const char *text = message == NULL ? format : message;
	struct line line = {0};

	add_text(&line, logger.program);
	add_text(&line, ": error: ");
	add_escaped(&line, text, shown_length(text, strlen(text)), false);
	add_text(&line, "\n");
	if (line.text != NULL)
		write_out(line.text, line.length);
	free(line.text);
	free(message);
	errno = saved;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list arguments;

	if (level > logger.level)
		return;
	va_start(arguments, format);
	log_v(level, NULL, format, arguments);
	va_end(arguments);
}

void log_about(enum log_level level, const struct log_about *about, const char *format, ...)
{
	va_list arguments;

	if (level > logger.level)
		return;
	va_start(arguments, format);
	log_v(level, about, format, arguments);
	va_end(arguments);
}

void log_library(void *name, const char *format, va_list arguments)
{
	char text[256];

	vsnprintf(text, sizeof text, format, arguments);
	text[strcspn(text, "\n")] = '\0';
	log_debug("%s: %s", (const char *)name, text);
}

void log_plain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	plain_v(format, arguments);
	va_end(arguments);
}

static void (*before_death)(void);

void log_before_death(void (*prepare)(void))
{
	before_death = prepare;
}

/* Once: `prepare` may fail itself. */
static void prepare_death(void)
{
	void (*prepare)(void) = before_death;

	before_death = NULL;
	if (prepare != NULL)
		prepare();
}

/* A client's threads may still run: no destructors under their feet. */
static _Noreturn void leave(int status)
{
	fflush(stdout);
	_exit(status);
}

_Noreturn void die(int status, const char *format, ...)
{
	va_list arguments;

	prepare_death();
	va_start(arguments, format);
	log_v(LEVEL_ERROR, NULL, format, arguments);
	va_end(arguments);
	leave(status);
}

_Noreturn void die_plain(int status, const char *format, ...)
{
	va_list arguments;

	prepare_death();
	va_start(arguments, format);
	plain_v(format, arguments);
	va_end(arguments);
	leave(status);
}

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == (dev_t)device &&
	       status.st_ino == (ino_t)inode;
}

void log_init(const char *program)
{
	logger.program = program;
	logger.format = stderr_is_journal() ? FORMAT_JOURNAL : FORMAT_TEXT;
}

void log_set_worker(const char *name)
{
	logger.worker = name;
}

void log_set_format(enum log_format format)
{
	logger.format = format;
}

void log_set_level(enum log_level level)
{
	logger.level = level;
}

void log_set_fd(int fd)
{
	logger.fd = fd;
}

enum log_format log_format(void)
{
	return logger.format;
}

enum log_level log_level(void)
{
	return logger.level;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

bool log_format_parse(const char *text, enum log_format *format)
{
	if (strcmp(text, "json") == 0)
		*format = FORMAT_JSON;
	else if (strcmp(text, "text") == 0)
		*format = stderr_is_journal() ? FORMAT_JOURNAL : FORMAT_TEXT;
	else
		return false;
	return true;
}
