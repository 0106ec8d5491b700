#include "bruco-worker/control.h"

#include <unistd.h>

#include "base/clock.h"
#include "stage/stage.h"

enum { TELL_MS = 100 }; /* shorter pauses are not worth a message each */

static void take_message(struct worker *worker, const struct message *message)
{
	if (message->type == MESSAGE_DRAIN)
		worker->draining = true;
	/* RETIRE: recycle_due finds it in the page; the message has ended a wait. */
}

enum control control_read(struct worker *worker)
{
	struct received received;
	enum receive_result result;

	if (worker->control < 0)
		return CONTROL_OPEN;
	while ((result = stage_receive(worker->control, "the driver", &received)) == RECEIVE_MESSAGE) {
		while (received.fd_count > 0) /* no message to a worker brings any but HELLO */
			close(received.fds[--received.fd_count]);
		take_message(worker, &received.message);
	}
	return result == RECEIVE_GONE ? CONTROL_GONE : CONTROL_OPEN;
}

int control_tell_ready(const struct worker *worker, uint32_t depth)
{
	struct message ready = {.type = MESSAGE_READY,
		.lane = worker->number,
		.life = worker->life,
		.depth = depth};

	return worker->driven ? message_send(worker->control, &ready, NULL, 0) : 0;
}

void control_tell_attempt(
	const struct worker *worker, uint64_t seq, uint32_t attempts, int64_t pause_ms)
{
	static int64_t told_ns;
	struct message message = {
		.type = MESSAGE_ATTEMPT, .seq = seq, .page = {.attempt = attempts}};
	int64_t now_ns = clock_coarse_ns();

	if (worker->control < 0 || (pause_ms < TELL_MS && now_ns - told_ns < TELL_MS * 1000000))
		return;
	told_ns = now_ns;
	message_send(worker->control, &message, NULL, 0);
}

void control_tell_recycle(const struct worker *worker)
{
	message_send(worker->control, &(struct message){.type = MESSAGE_RECYCLE}, NULL, 0);
}
