#include "bruco-sink/succession.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "bruco-sink/deaths.h"
#include "bruco-sink/lane.h"

void succession_add(
	struct receive_lane *lane, const struct message *message, int write_fd, int read_fd)
{
	lane->successors =
		mem_grow(lane->successors, lane->successor_count + 1, sizeof *lane->successors);
	lane->successors[lane->successor_count++] = (struct successor){*message, write_fd, read_fd};
	deaths_note(lane, message);
}

/* Whether the dead worker's pipe may still hold bytes. A grandchild may keep it open, so this never
 * waits for the end of file: after the reaping the kernel's count is final. */
static bool unread(const struct receive_lane *lane)
{
	int bytes = 0;

	if (lane->state != LANE_OPEN)
		return false;
	return ioctl(lane->fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

static bool tell_source(struct sink *sink, unsigned index, const struct successor *successor)
{
	struct message resume = successor->message;

	resume.type = MESSAGE_RESUME;
	resume.seq = sink->lanes[index].intake.last;
	if (sink->link < 0)
		return true; /* the source is gone: so is the pipeline */
	if (message_send(sink->link, &resume, &successor->write_fd,
		    successor->write_fd >= 0 ? 1 : 0) == 0)
		return true;
	if (errno == EAGAIN) {
		sink->link_full = true;
		return false;
	}
	return true;
}

void succession_work(struct sink *sink, unsigned index)
{
	struct receive_lane *lane = &sink->lanes[index];

	while (lane->successor_count > 0) {
		struct successor *next = &lane->successors[0];

		if (lane->put < lane->input.length || unread(lane))
			return;
		if (lane->state != LANE_BROKEN && lane->state != LANE_NONE &&
			!lane_put_inputs(sink, index))
			return;
		if (!tell_source(sink, index, next))
			return;
		if (intake_torn(&lane->intake))
			log_debug("lane %u: dropped %zu bytes of an incomplete input", index,
				lane->intake.buf.length - lane->intake.taken);
		intake_cut(&lane->intake);
		lane->input.length = lane->put = 0;
		fd_close(&lane->fd);
		fd_close(&next->write_fd);
		lane->life = next->message.life;
		if (next->read_fd < 0)
			lane->state = LANE_GONE;
		else
			lane_open(lane, next->read_fd);
		lane->successor_count--;
		memmove(lane->successors, lane->successors + 1,
			lane->successor_count * sizeof *lane->successors);
	}
}
