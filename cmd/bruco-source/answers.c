#include "bruco-source/answers.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "frame/cursor.h"
#include "frame/limits.h"

enum { PIPE_SIZE = 1 << 20, CHUNK = 256 << 10 };

int answers_open(struct answers *answers)
{
	int ends[2];

	if (fd_pipe(ends, PIPE_SIZE) < 0)
		die(status_of_error(errno), "cannot make a pipe: %s", strerror(errno));
	answers->fd = ends[0];
	fd_nonblocking(answers->fd, true);
	return ends[1];
}

/* The sink answers records that are under way; one that was lost with an earlier assignment has nobody
 * who waits. */
static void give(const struct lanes *lanes, const struct source_kind *kind, void *state,
	const struct frame_record *record)
{
	int64_t offset;

	if (lanes_find(lanes, (unsigned)record->partition, record->head.seq, &offset) != NULL)
		kind->answer(state, offset, record);
}

/* False when a frame is bad. */
static bool take(struct answers *answers, const struct lanes *lanes, const struct source_kind *kind, void *state)
{
	struct frame_cursor cursor = frame_cursor(
		answers->buf.data, answers->buf.length, limits_frame(lanes->size_max));
	enum frame_result result;

	while ((result = frame_next(&cursor)) == FRAME_OK)
		if (frame_has_record(&cursor.record.head))
			give(lanes, kind, state, &cursor.record);
	answers->why = cursor.why;
	buf_drop(&answers->buf, (size_t)(cursor.next - answers->buf.data));
	return result == FRAME_MORE;
}

bool answers_read(struct answers *answers, const struct lanes *lanes, const struct source_kind *kind,
	void *state)
{
	while (answers->fd >= 0) {
		ssize_t got;

		buf_reserve(&answers->buf, CHUNK);
		got = read(answers->fd, answers->buf.data + answers->buf.length, CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return true; /* EAGAIN */
		if (got == 0)
			fd_close(&answers->fd); /* the link says that the sink is gone */
		answers->buf.length += (size_t)got;
		if (!take(answers, lanes, kind, state))
			return false;
	}
	return true;
}
