#include "bruco-sink/deaths.h"

#include "base/mem.h"
#include "control/death_text.h"

void deaths_note(struct receive_lane *lane, const struct message *message)
{
	if (message->life == 0 || message->page.state != RUN_RUNNING)
		return;
	lane->deaths[lane->death_count++ % DEATHS_MAX] =
		(struct death){message->page.seq, message->status, message->flags};
}

static const struct death *death_of(const struct receive_lane *lane, uint64_t seq)
{
	for (uint64_t n = lane->death_count; n > 0 && lane->death_count - n < DEATHS_MAX; n--)
		if (lane->deaths[(n - 1) % DEATHS_MAX].seq == seq)
			return &lane->deaths[(n - 1) % DEATHS_MAX];
	return NULL;
}

char *deaths_text(const struct receive_lane *lane, uint64_t seq)
{
	const struct death *death = death_of(lane, seq);

	if (death == NULL) /* its attempts were used up before a restart */
		return mem_text("worker died while the event ran");
	return death_text(death->status, (death->flags & LANE_TIMED_OUT) != 0);
}
