/* Events that take too long: the workers' pages are looked at when watchdog.c says that it is time,
 * and what it orders is done. */
#include "bruco/driver/driver.h"

#include <inttypes.h>
#include <signal.h>

#include "base/clock.h"
#include "bruco/driver/watchdog.h"

/* To the worker alone, not to what its handler has started. */
static void send_signal(const struct lane *lane, int number)
{
	kill(lane->stage.pid, number);
}

static void obey(struct pipeline *pipeline, struct lane *lane, enum watch_order order)
{
	uint32_t number = (uint32_t)(lane - pipeline->lanes);
	uint64_t seq = lane->watch.event.seq;
	char text[32];

	pipeline_duration(pipeline->config->processor.timeout_ms, text);
	switch (order) {
	case WATCH_NOTHING:
		break;
	case WATCH_LONG:
		relay_log(&pipeline->relay, LEVEL_WARNING,
			"worker %u: an event has been running for %" PRId64 "s (number %" PRIu64
			" of its lane), and processor.timeout is not set",
			number, (lane->watch.given_ms - lane->watch.begun_ms) / 1000, seq);
		break;
	case WATCH_TIMEOUT:
		relay_log(&pipeline->relay, LEVEL_WARNING,
			"worker %u: an event takes longer than %s (number %" PRIu64
			" of its lane, attempt %u)",
			number, text, seq, lane->watch.event.attempt + 1);
		/* fall through */
	case WATCH_ALARM:
		send_signal(lane, SIGALRM);
		break;
	case WATCH_DUMP:
		relay_log(&pipeline->relay, LEVEL_WARNING,
			"worker %u: event %" PRIu64
			" still runs %ds after its timeout, killing the worker",
			number, seq, WATCH_GRACE_MS / 1000);
		send_signal(lane, SIGUSR2);
		break;
	case WATCH_KILL:
		stage_kill(&lane->stage);
		lane->overdue = lane->stage.killed;
		break;
	}
}

static bool is_watched(const struct lane *lane)
{
	return lane->stage.pid != 0 && lane->stage.ready && !lane->stage.killed;
}

void pipeline_watch(struct pipeline *pipeline, int64_t now_ms)
{
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = &pipeline->lanes[i];
		struct watch_claim claim;

		if (!is_watched(lane) || now_ms < lane->watch.due_ms)
			continue;
		claim = watch_read(lane->stage.page);
		obey(pipeline, lane,
			watch_look(&lane->watch, &claim, pipeline->config->processor.timeout_ms,
				now_ms));
	}
}

int64_t pipeline_watch_deadline(const struct pipeline *pipeline)
{
	int64_t deadline = -1;

	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		const struct lane *lane = &pipeline->lanes[i];

		if (is_watched(lane) && (deadline < 0 || lane->watch.due_ms < deadline))
			deadline = lane->watch.due_ms;
	}
	return deadline;
}
