#include "bruco-worker/run/retry_policy.h"

enum verdict retry_verdict(
	const struct processor_config *processor, const struct failed_attempt *failed)
{
	if (failed->interrupted)
		return VERDICT_INTERRUPT;
	if (!failed->is_final && failed->number + 1U < processor->retry_attempts)
		return VERDICT_RETRY;
	if (processor->on_failure == FAILURE_STOP)
		return VERDICT_STOP;
	return failed->gives_frames ? VERDICT_HAND_ON : VERDICT_DROP;
}

int64_t retry_pause_ms(const struct processor_config *processor, uint32_t number, uint32_t random)
{
	int64_t pause = processor->retry_backoff_ms;

	for (; number > 1 && pause > 0 && pause < processor->retry_max_backoff_ms; number--)
		pause *= 2;
	if (pause > processor->retry_max_backoff_ms)
		pause = processor->retry_max_backoff_ms;
	return pause - random % (pause / 2 + 1);
}
