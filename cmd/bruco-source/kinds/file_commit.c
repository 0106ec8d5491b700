/* How far the files are done, in the state folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-source/kinds/file.h"

static const char state_name[] = "files";

void file_restore(struct file_source *file)
{
	size_t length;
	char *text = state_read(&file->state, state_name, &length);

	file->first_start = text == NULL;
	if (text != NULL && !places_read(&file->places, text, length))
		die(STATUS_CONFIG, "'%s/%s' is not what a file source writes (remove it to begin anew)",
			file->state.path, state_name);
	free(text);
}

/* The first byte that is not done: of the oldest record under way, else of the next one. */
static int64_t done_before(const struct file_input *input)
{
	const struct tracker *tracker = &input->partition.tracker;

	return tracker_idle(tracker) ? (int64_t)stream_place(&input->stream) : tracker_offset(tracker, tracker->first);
}

static void add(struct buf *text, const struct file_input *input)
{
	int64_t offset = done_before(input);
	uint32_t head = (int64_t)input->head_length < offset ? input->head_length : (uint32_t)offset;
	const struct place place = {.device = input->device,
		.inode = input->inode,
		.offset = offset,
		.head_length = head,
		.head_hash = hash_more(HASH_START, input->head, head),
		.id = input->id,
		.attempts = input->partition.attempts,
		.path = input->path};

	places_add(text, &place);
}

/* What a truncation has taken away can't be read again. */
static void write_text(struct file_source *file)
{
	places_begin(&file->text);
	for (size_t i = 0; i < file->places.count; i++)
		places_add(&file->text, &file->places.items[i]);
	for (size_t i = 0; i < file->count; i++)
		if (!file->inputs[i]->truncated)
			add(&file->text, file->inputs[i]);
	places_end(&file->text);
}

static void keep_written(struct file_source *file)
{
	struct buf before = file->written;

	file->written = file->text;
	file->text = before;
}

bool file_commit(struct file_source *file)
{
	int error;

	file->commit_due = clock_ms() + COMMIT_MS;
	file->named = false;
	if (file->config->forgetful)
		return true;
	write_text(file);
	if (file->text.length == file->written.length &&
		memcmp(file->text.data, file->written.data, file->text.length) == 0)
		return true;
	if (!state_write(&file->state, state_name, file->text.data, file->text.length)) {
		error = errno;
		if (reminder_due(&file->reminder, clock_ms()))
			log_warning("cannot write '%s/%s': %s (tried again until it succeeds)", file->state.path,
				state_name, strerror(error));
		return false;
	}
	if (reminder_over(&file->reminder))
		log_info("'%s/%s' can be written again", file->state.path, state_name);
	keep_written(file);
	return true;
}
