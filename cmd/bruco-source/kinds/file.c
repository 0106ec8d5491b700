/*
 * The file source. Each file is a partition of its own, a record's offset the byte where it begins. How far
 * records are done is written into the state folder, so that a new start goes on there.
 */
#include "bruco-source/kinds/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

static void open_state(struct file_source *file)
{
	const struct config *config = file->source->config;
	char *path = config->state_directory != NULL ? mem_text(config->state_directory)
						     : state_default_path(config->name);

	if (path == NULL || path[0] != '/')
		die(STATUS_CONFIG, "no folder for the state: neither stateDirectory nor HOME is an absolute path");
	state_open(&file->state, path);
	free(path);
	file_restore(file);
}

static void *file_open(struct source *source)
{
	struct file_source *file = mem_alloc(sizeof *file);

	*file = (struct file_source){.source = source,
		.config = &source->config->source,
		.follow = source->config->source.follow && !source->stop_at_end,
		.inotify = -1};
	file->first_start = true;
	if (!file->config->forgetful)
		open_state(file);
	if (file->follow)
		file->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	file_find(file);
	file_find_renamed(file);
	/* With the places that were chosen now, whatever becomes of the files: none is chosen twice. */
	if (!file_commit(file))
		die(STATUS_TEMPFAIL, "cannot write into '%s'", file->state.path);
	file->first_start = false;
	stage_ready(&source->stage);
	return file;
}

static bool is_paused(const struct file_source *file, const struct file_input *input)
{
	return source_is_paused(file->source, input->partition.topic, 0);
}

/* Whether what was in the file before it, by the same path, is not read out. */
static bool has_predecessor(const struct file_source *file, size_t index)
{
	const struct file_input *input = file->inputs[index];
	bool leaves = input->replaced || input->truncated;

	for (size_t i = 0; file->leaving > 0 && i < file->count; i++) {
		const struct file_input *other = file->inputs[i];

		if ((other->replaced || other->truncated) && i != index && (!leaves || i < index) &&
			!file_input_over(other) && !other->at_end && strcmp(other->path, input->path) == 0)
			return true;
	}
	return false;
}

/* Whether it is to be read on, once its lane has room. */
static bool has_more(const struct file_source *file, size_t index)
{
	const struct file_input *input = file->inputs[index];

	return !file_input_over(input) && !input->at_end && !is_paused(file, input) && !has_predecessor(file, index);
}

static int file_descriptor(void *state)
{
	const struct file_source *file = state;

	return source_taking(file->source) ? file->inotify : -1;
}

static int file_timeout(void *state)
{
	const struct file_source *file = state;
	int64_t now = clock_ms(), due = file->commit_due;

	for (size_t i = 0; i < file->count && source_taking(file->source); i++)
		if (!file->inputs[i]->stream.full && has_more(file, i))
			return 0;
	if (file->asked && file->find_due < due)
		due = file->find_due;
	return clock_left(due, now);
}

/* All that was read of it is done, and nothing more will come. */
static void remove_over(struct file_source *file)
{
	size_t kept = 0;

	for (size_t i = 0; i < file->count; i++) {
		struct file_input *input = file->inputs[i];

		if (file_input_over(input) && tracker_idle(&input->partition.tracker) && file->follow &&
			(input->replaced || input->truncated))
			file_input_close(input);
		else
			file->inputs[kept++] = input;
	}
	file->full_told = file->full_told && kept == file->count;
	file->count = kept;
}

static void look_at_all(struct file_source *file, int64_t now)
{
	file_notified(file);
	if (file->asked && file->find_due > now + FIND_MS)
		file->find_due = now + FIND_MS;
	if (now < file->find_due)
		return;
	file_find(file);
	for (size_t i = 0, count = file->count; i < count; i++)
		file_input_look(file, file->inputs[i]);
	if (file->named)
		file_commit(file);
}

/* Once all is read. What -e leaves is a line without an end in a file that is written to. */
static bool all_over(const struct file_source *file)
{
	for (size_t i = 0; i < file->count; i++)
		if (!file_input_over(file->inputs[i]) && !(file->inputs[i]->at_end && !file->follow))
			return false;
	return true;
}

static void file_work(void *state)
{
	struct file_source *file = state;
	int64_t now = clock_ms();

	if (now >= file->commit_due)
		file_commit(file);
	if (!source_taking(file->source))
		return;
	if (file->follow)
		look_at_all(file, now);
	for (size_t n = 0, count = file->count; n < count && source_taking(file->source); n++) {
		size_t index = (file->turn + n) % count;

		if (stream_relaxed(&file->inputs[index]->stream) && has_more(file, index))
			file_input_work(file, file->inputs[index]);
	}
	file->turn++;
	remove_over(file);
	if (!file->follow && all_over(file))
		source_end(file->source);
}

static bool file_settled(void *state)
{
	return file_commit(state);
}

static void file_show(void *state, struct board *board)
{
	const struct file_source *file = state;

	for (size_t i = 0; i < file->count; i++) {
		struct file_input *input = file->inputs[i];
		struct board_partition *row = board_add(board, input->path, 0);
		const struct tracker *tracker = &input->partition.tracker;
		struct stat status;

		if (row == NULL)
			return;
		row->lane = file->source->lanes.ordering == ORDERING_PARTITION ? input->partition.lane : BOARD_LANES;
		row->position = (int64_t)stream_place(&input->stream);
		row->committed = tracker_idle(tracker) ? row->position : tracker_offset(tracker, tracker->first);
		row->in_flight = tracker->next - tracker->first;
		row->end = input->fd >= 0 && fstat(input->fd, &status) == 0 ? status.st_size : row->position;
		row->flags = (uint16_t)((is_paused(file, input) ? BOARD_PAUSED : 0) |
					(input->stream.full ? BOARD_FULL : 0) | (input->at_end ? BOARD_AT_END : 0));
		if (row->committed != input->shown || row->committed >= row->end || is_paused(file, input))
			input->moved_ms = clock_ms();
		input->shown = row->committed;
		row->moved_ms = input->moved_ms;
	}
}

const struct source_kind kind_file = {.name = "file",
	.open = file_open,
	.descriptor = file_descriptor,
	.timeout = file_timeout,
	.work = file_work,
	.settled = file_settled,
	.spread = file_inputs_spread,
	.show = file_show};
