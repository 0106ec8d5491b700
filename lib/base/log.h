/*
 * Log lines: one line, one write(2), on stderr unless told otherwise. Lower case, no full stop,
 * the thing in quotes, the cause last. Control characters are escaped; errno is kept. Safe to call
 * from any thread, never from a signal handler. A line is cut at LOG_LINE_MAX bytes.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOG_LINE_MAX = 8192,
	LOG_TRACEBACK_MAX = 65536 /* bytes; of a longer one the beginning and the end are shown */
};

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };

enum log_format {
	FORMAT_TEXT,   /* 2026-01-31T12:00:00.123Z bruco-sink: error: text */
	FORMAT_JSON,   /* {"time": ..., "level": ..., "program": ..., "message": ...} */
	FORMAT_JOURNAL /* <3>bruco-sink: error: text */
};

/* What a line is about; all optional. */
struct log_about {
	const char *topic; /* NULL: no record */
	int32_t partition;
	int64_t offset;
	const char *error;     /* the error's class, for the JSON form */
	const char *fields;    /* further ones of the JSON form, as in `"a": 1, "b": "x"`; or NULL */
	const char *traceback; /* lines, shown behind the message and indented by two */
};

/*
 * Sets the program's name (kept, not copied), chooses FORMAT_JOURNAL when stderr is journald's and
 * FORMAT_TEXT otherwise, level info. Without log_init the name is "bruco".
 */
void log_init(const char *program);
void log_set_worker(const char *name); /* "worker-0" for the JSON form; kept, not copied */
void log_set_format(enum log_format format);
void log_set_level(enum log_level level);
void log_set_fd(int fd);
enum log_format log_format(void);
enum log_level log_level(void);
bool log_format_parse(const char *text, enum log_format *format); /* "text" or "json" */
const char *log_level_name(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_about(enum log_level level, const struct log_about *about, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* An entry that is shown whatever the level is: others have decided. */
void log_entry(enum log_level level, const struct log_about *about, const char *message);

/* The same line as log_about makes, but returned (owned by the caller) with its length, with the
 * program's and worker's name given: for the driver, which logs what others print. */
char *log_make(enum log_level level, const char *program, const char *worker,
	const struct log_about *about, const char *message, size_t *length);

#define log_error(...)   log_line(LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_level() >= LEVEL_DEBUG)                                                    \
			log_line(LEVEL_DEBUG, __VA_ARGS__);                                        \
	} while (0)

/* For a library that hands over what it has to say: "name: text" at level debug, its first line. */
void log_library(void *name, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* For usage and configuration errors: "bruco: error: text" without a time, in any format. */
void log_plain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One error line, then exit(status). */
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with log_plain. */
_Noreturn void die_plain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From now on both call this before their line: for a program that has changed the terminal. */
void log_before_death(void (*prepare)(void));

#endif
