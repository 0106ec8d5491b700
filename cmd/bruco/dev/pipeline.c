#include "bruco/dev/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/status.h"
#include "bruco/driver/origin_pass.h"
#include "bruco/driver/process.h"

enum { LOG_ROOM = 65536, ARGUMENTS_MOST = 12 };

void pipeline_init(struct pipeline *pipeline)
{
	*pipeline = (struct pipeline){.log = -1};
}

char *pipeline_group(unsigned number)
{
	return mem_printf("dev-%u", number);
}

/* This program again, with the same options about the log. */
static pid_t run_dev(const char *option, const char *value, const char *config_path,
	const struct config *config, int log)
{
	struct origin_pass pass = origin_pass(config);
	const char *arguments[ARGUMENTS_MOST] = {"bruco", "dev", "-c", config_path, option};
	size_t count = 5;
	char *program = launch_program("bruco");
	int nothing = fd_memory("nothing", NULL, 0);
	pid_t pid;

	if (value != NULL)
		arguments[count++] = value;
	arguments[count++] = pass.option;
	if (log_level() != LEVEL_INFO)
		arguments[count++] = log_level() < LEVEL_INFO ? "-q" : "-v";
	if (log_format() == FORMAT_JSON)
		arguments[count++] = "--log-format=json";
	pid = nothing < 0 || pass.move.from < 0 ? -1
			  : spawn(&(struct spawn){.path = program,
				    .arguments = arguments,
				    .moves = (struct spawn_move[]){{nothing, 0}, {log, 2}, pass.move},
				    .move_count = 3,
				    .die_with_parent = true,
				    .own_group = true,
				    .inherits = true}); /* the configuration may be /dev/fd/N */
	if (pid < 0)
		die(status_of_error(errno), "cannot run '%s': %s", program, strerror(errno));
	fd_close(&nothing);
	fd_close(&pass.move.from);
	free(program);
	return pid;
}

void pipeline_start(struct pipeline *pipeline, const char *address, const char *config_path,
	const struct config *config)
{
	char *group = pipeline_group(++pipeline->number);
	char *value = mem_printf("%s/%s", address, group);
	int log[2];

	if (fd_pipe(log, 0) < 0)
		die(status_of_error(errno), "cannot make a pipe: %s", strerror(errno));
	pipeline->pid = run_dev("--driver", value, config_path, config, log[1]);
	pipeline->ready = false;
	fd_close(&log[1]);
	fd_nonblocking(log[0], true);
	pipeline->log = log[0];
	free(value);
	free(group);
}

pid_t pipeline_check(const char *config_path, const struct config *config)
{
	return run_dev("--check", NULL, config_path, config, STDERR_FILENO);
}

/* ---- the log */

static bool has(const char *line, size_t length, const char *text)
{
	return memmem(line, length, text, strlen(text)) != NULL;
}

static bool is_of_pipeline(const char *line, size_t length)
{
	static const char *const notes[] = {"Z bruco: info: ", "Z bruco-source: info: ",
		"Z bruco-sink: info: ", "\"level\": \"info\", \"program\": \"bruco\"",
		"\"level\": \"info\", \"program\": \"bruco-source\"",
		"\"level\": \"info\", \"program\": \"bruco-sink\""};

	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
		if (has(line, length, notes[i]))
			return true;
	return false;
}

/* Passes on one line; true when it says that the pipeline is ready. */
static bool pass_line(const char *line, size_t length)
{
	bool note = is_of_pipeline(line, length);

	if (!note || log_level() >= LEVEL_DEBUG)
		fd_write_all(STDERR_FILENO, line, length);
	return note && (has(line, length, "bruco: info: ready") ||
			       has(line, length, "\"message\": \"ready\""));
}

bool pipeline_read_log(struct pipeline *pipeline)
{
	struct buf *buf = &pipeline->line;
	bool was_ready = pipeline->ready;
	const char *end;
	ssize_t got;

	buf_reserve(buf, LOG_ROOM);
	got = read(pipeline->log, buf->data + buf->length, LOG_ROOM);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		fd_close(&pipeline->log);
	buf->length += got > 0 ? (size_t)got : 0;
	while ((end = buf->length == 0 ? NULL : memchr(buf->data, '\n', buf->length)) != NULL) {
		size_t length = (size_t)(end + 1 - (const char *)buf->data);

		pipeline->ready = pass_line((const char *)buf->data, length) || pipeline->ready;
		buf_drop(buf, length);
	}
	return pipeline->ready && !was_ready;
}

void pipeline_ended(struct pipeline *pipeline)
{
	bool more = pipeline->log >= 0;

	while (more) { /* its stages are gone as well, so that this ends */
		size_t before = pipeline->line.length;

		pipeline_read_log(pipeline);
		more = pipeline->log >= 0 && pipeline->line.length > before;
	}
	fd_write_all(STDERR_FILENO, pipeline->line.data, pipeline->line.length);
	buf_release(&pipeline->line);
	fd_close(&pipeline->log);
	pipeline->pid = 0;
	pipeline->ready = false;
}
