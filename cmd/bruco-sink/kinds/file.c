/*
 * The file sink. Records gather in memory for a turn of the loop, are written at its end with one fsync(2), and
 * are acknowledged then. What can't be written whole is taken back from the file and waits.
 */
#include "bruco-sink/kinds/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/kinds/record_form.h"
#include "bruco-sink/tickets.h"

enum {
	OUT_MAX = 4 << 20, /* bytes that gather; or one record, if that is more */
	RETRY_MS = 500,
	LOCK_MS = 3000     /* after its driver was killed, a sink lives on for a moment */
};

/* ---- opening */

/* Whoever has the file cuts what is torn: two would cut each other's. */
static void lock_file(const struct file_sink *file)
{
	int64_t deadline = clock_ms() + LOCK_MS;

	while (flock(file->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			die(STATUS_CONFIG, "cannot lock '%s': %s", file->path, strerror(errno));
		if (clock_ms() >= deadline)
			die(STATUS_CONFIG, "another instance writes to '%s'", file->path);
		poll(NULL, 0, 20);
	}
}

static void cut_torn(struct file_sink *file, int64_t size)
{
	file->size = file_whole(file->fd, size, file->config->format, (uint32_t)file->sink->config->max_record_size);
	if (file->size < 0 && errno == EILSEQ)
		die(STATUS_CONFIG, "'%s' has something else in it than %s", file->path,
			file->config->format == RECORD_FRAMES ? "frames" : "lines");
	if (file->size < 0)
		die(STATUS_TEMPFAIL, "cannot read '%s': %s", file->path, strerror(errno));
	if (file->size == size)
		return;
	log_warning("'%s' ends in a torn record, as a crash leaves it: its %lld bytes are cut off", file->path,
		(long long)(size - file->size));
	if (ftruncate(file->fd, file->size) < 0 || fsync(file->fd) < 0)
		die(STATUS_TEMPFAIL, "cannot truncate '%s': %s", file->path, strerror(errno));
}

void file_open_path(struct file_sink *file)
{
	const char *name = strrchr(file->path, '/') + 1;
	struct stat status;

	file->fd = openat(file->folder, name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (file->fd < 0 || fstat(file->fd, &status) < 0 || fsync(file->folder) < 0)
		die(errno == ENOSPC || errno == EDQUOT ? STATUS_TEMPFAIL : STATUS_CONFIG, "cannot write to '%s': %s",
			file->path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		die(STATUS_CONFIG, "cannot write to '%s': it is not a regular file", file->path);
	lock_file(file);
	if (fstat(file->fd, &status) < 0)
		die(STATUS_CONFIG, "cannot write to '%s': %s", file->path, strerror(errno));
	cut_torn(file, status.st_size);
	file->period = file_period(file, status.st_size > 0 ? status.st_mtime : time(NULL));
}

static void *file_open(struct destination *destination)
{
	struct file_sink *file = mem_alloc(sizeof *file);
	char *folder;

	*file = (struct file_sink){.sink = destination->sink,
		.config = destination->config,
		.path = destination->config->path,
		.fd = -1};
	if (strchr(file->path, '/') == NULL)
		die(STATUS_CONFIG, "'%s' is not an absolute path", file->path);
	signal(SIGXFSZ, SIG_IGN); /* a limit of the file's size is an error of write(2), as a full disk */
	folder = mem_text_n(file->path, (size_t)(strrchr(file->path, '/') - file->path) + 1);
	file->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->folder < 0)
		die(STATUS_CONFIG, "cannot open '%s': %s", folder, strerror(errno));
	free(folder);
	file_open_path(file);
	destination_ready(destination);
	return file;
}

/* ---- writing */

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* Nothing that is not whole and not for good stays in the file. */
static void take_back(struct file_sink *file, int error)
{
	if (ftruncate(file->fd, file->size) < 0 || !is_full(error)) {
		log_error("cannot write to '%s': %s", file->path, strerror(error));
		sink_fail(file->sink, STATUS_TEMPFAIL);
		return;
	}
	file->full = true;
	file->retry_at = clock_ms() + RETRY_MS;
	if (reminder_due(&file->reminder, clock_ms()))
		log_warning("cannot write to '%s': %s (tried again until it succeeds)", file->path, strerror(error));
}

/* After an fsync(2) that fails nobody knows what of the file is on the disk: the next start begins with what was
 * not acknowledged. */
static bool write_out(struct file_sink *file)
{
	if (fd_write_all(file->fd, file->out.data, file->out.length) < 0) {
		take_back(file, errno);
		return false;
	}
	if (fdatasync(file->fd) < 0) {
		log_error("cannot write to '%s': %s", file->path, strerror(errno));
		sink_fail(file->sink, STATUS_TEMPFAIL);
		return false;
	}
	return true;
}

static void deliver(struct file_sink *file)
{
	uint64_t ticket;

	file->size += (int64_t)file->out.length;
	file->period = file_period(file, time(NULL));
	page_count(file->sink->page, COUNT_BYTES_OUT, file->out.length);
	buf_reset(&file->out);
	for (size_t at = 0; at < file->tickets.length; at += sizeof ticket) {
		memcpy(&ticket, file->tickets.data + at, sizeof ticket);
		ticket_delivered(file->sink, ticket);
	}
	buf_reset(&file->tickets);
	file->full = false;
	if (reminder_over(&file->reminder))
		log_info("'%s' can be written again", file->path);
}

/* False: nothing of it is in the file. */
static bool commit(struct file_sink *file)
{
	if (file->tickets.length == 0)
		return true;
	if (file->sink->status != STATUS_OK || (file->full && clock_ms() < file->retry_at) || !write_out(file))
		return false;
	deliver(file);
	return true;
}

static void file_flush(void *state)
{
	commit(state);
}

/* What gathers for one file is written before the file is moved away. */
static bool make_room(struct file_sink *file, size_t more)
{
	if (file->out.length > 0 && file_is_over(file, file->size + (int64_t)file->out.length, more) && !commit(file))
		return false;
	if (!file_is_over(file, file->size, more) || file_rotate(file))
		return true;
	sink_fail(file->sink, STATUS_TEMPFAIL);
	return false;
}

static enum put_result file_put(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct file_sink *file = state;

	if (file->full || file->out.length >= OUT_MAX)
		return PUT_FULL;
	buf_reset(&file->record);
	record_form_append(&file->record, file->config->format, file->sink->with_keys, record);
	if (!make_room(file, file->record.length))
		return PUT_FULL;
	buf_append(&file->out, file->record.data, file->record.length);
	buf_append(&file->tickets, &ticket, sizeof ticket);
	return PUT_UNDER_WAY;
}

/* ---- the kind */

static int file_timeout(void *state)
{
	const struct file_sink *file = state;

	if (file->tickets.length > 0)
		return file->full ? clock_left(file->retry_at, clock_ms()) : 0;
	return file_period_left(file);
}

static void file_work(void *state)
{
	struct file_sink *file = state;

	if (file->sink->status == STATUS_OK)
		make_room(file, 0);
}

const struct sink_kind kind_file = {.name = "file",
	.open = file_open,
	.timeout = file_timeout,
	.work = file_work,
	.put = file_put,
	.flush = file_flush};
