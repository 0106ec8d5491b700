#include "bruco/dev/show.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "bruco/dev/child.h"
#include "bruco/dev/local_kafka.h"
#include "bruco/dev/record_text.h"
#include "frame/cursor.h"
#include "frame/limits.h"

enum { READ_ROOM = 256 << 10, END_MS = 5000 };

void show_init(struct show *show, bool colour)
{
	*show = (struct show){.from = -1, .colour = colour};
}

static struct shown *find_topic(const struct show *show, const char *name, size_t length)
{
	for (size_t i = 0; i < show->count; i++)
		if (strlen(show->topics[i]->name) == length &&
			memcmp(show->topics[i]->name, name, length) == 0)
			return show->topics[i];
	return NULL;
}

bool show_add(struct show *show, const char *topic, bool letters)
{
	struct shown *shown = find_topic(show, topic, strlen(topic));

	if (shown != NULL || show->count == SHOW_TOPICS_MOST) {
		if (shown != NULL)
			shown->letters = letters;
		return false;
	}
	shown = mem_alloc(sizeof *shown);
	shown->name = mem_text(topic);
	shown->letters = letters;
	show->topics[show->count++] = shown;
	return true;
}

/* Commits for the new group what the one before has committed. */
static void hand_over(struct show *show, struct broker *broker, const char *group)
{
	char *before = mem_printf("dev-show-%u", show->number - 1);

	for (size_t i = 0; show->number > 1 && i < show->count; i++)
		broker_copy(broker, before, group, show->topics[i]->name);
	free(before);
}

void show_start(struct show *show, struct broker *broker)
{
	char *group = mem_printf("dev-show-%u", ++show->number);
	struct buf topics = {0};
	const char *arguments[] = {"bruco-source", "-q", "kafka", "-b", broker->address, "-g", group,
		"-o", "earliest", "-X", "session.timeout.ms=" DEV_SESSION_MS, "-X",
		"max.poll.interval.ms=3600000", "-X", "fetch.wait.max.ms=" DEV_FETCH_MS, "-t", NULL,
		NULL};

	for (size_t i = 0; i < show->count; i++)
		buf_printf(&topics, "%s%s", i > 0 ? "," : "", show->topics[i]->name);
	buf_byte(&topics, '\0');
	arguments[sizeof arguments / sizeof arguments[0] - 2] = (const char *)topics.data;
	hand_over(show, broker, group);
	if (show->count > 0) {
		show->pid = child_start(arguments, NULL, &show->from);
		fd_nonblocking(show->from, true);
	}
	buf_release(&topics);
	free(group);
}

void show_stop(struct show *show)
{
	if (show->pid > 0) {
		kill(show->pid, SIGTERM);
		spawn_wait(show->pid, NULL, END_MS);
	}
	show->pid = 0;
	while (show->from >= 0 && show_read(show) == 0)
		;
	fd_close(&show->from);
	buf_release(&show->input);
}

/* Notes that the record has been shown; false when it was before. */
static bool is_new(struct shown *shown, const struct frame_record *record)
{
	int64_t *next;

	if (shown == NULL || record->partition < 0 || record->partition >= SHOW_PARTITIONS_MOST)
		return true;
	next = &shown->next[record->partition];
	if (record->offset < *next)
		return false;
	if (record->offset > *next)
		log_warning("%" PRId64 " records of '%s' can't be shown: the broker of 'bruco dev' "
			    "keeps the last 5 MiB",
			record->offset - *next, shown->name);
	*next = record->offset + 1;
	return true;
}

int show_read(struct show *show)
{
	struct buf *input = &show->input, text = {0};
	struct frame_cursor cursor;
	ssize_t got;
	int result;

	buf_reserve(input, READ_ROOM);
	got = read(show->from, input->data + input->length, READ_ROOM);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		fd_close(&show->from);
	if (got <= 0)
		return 0;
	input->length += (size_t)got;
	cursor = frame_cursor(input->data, input->length, limits_frame(LIMIT_SIZE_MOST));
	while (frame_next(&cursor) == FRAME_OK) {
		const struct frame_record *record = &cursor.record;
		struct shown *shown;

		if (record->head.type != FRAME_TYPE_RECORD)
			continue;
		shown = find_topic(show, record->topic, record->topic_length);
		if (is_new(shown, record))
			record_text(record, shown != NULL && shown->letters, show->colour, &text);
	}
	buf_drop(input, (size_t)(cursor.next - input->data));
	result = fd_write_all(STDOUT_FILENO, text.data, text.length);
	buf_release(&text);
	return result;
}

bool show_is_complete(const struct show *show, struct broker *broker)
{
	for (size_t i = 0; i < show->count; i++) {
		int64_t done, all = 0, shown = 0;

		for (size_t j = 0; j < SHOW_PARTITIONS_MOST; j++)
			shown += show->topics[i]->next[j];
		if (!broker_progress(broker, "dev-show-1", show->topics[i]->name, &done, &all) ||
			shown < all)
			return false;
	}
	return true;
}
