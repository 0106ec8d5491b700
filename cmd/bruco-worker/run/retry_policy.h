/*
 * What follows a failed attempt, for every mode alike. Pure: no clock, no log, no Python.
 */
#ifndef BRUCO_WORKER_RUN_RETRY_POLICY_H
#define BRUCO_WORKER_RUN_RETRY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

enum verdict {
	VERDICT_RETRY,   /* another attempt, after a pause */
	VERDICT_HAND_ON, /* the event leaves as a failed frame: the sink does what onFailure says */
	VERDICT_DROP,    /* the event is gone: the output has no form for a failed one */
	VERDICT_STOP,    /* onFailure: stop; the worker ends with status 1 */
	VERDICT_INTERRUPT /* Ctrl-C: the worker ends */
};

struct failed_attempt {
	uint32_t number;  /* of the attempt, from 0 */
	bool is_final;    /* another one is useless: bruco.Reject, or of processor.retry.except */
	bool interrupted; /* by Ctrl-C */
	bool gives_frames;
};

enum verdict retry_verdict(
	const struct processor_config *processor, const struct failed_attempt *failed);

/* The pause before attempt `number` (1 is the second one), in ms: retry.backoff, doubled for each
 * attempt after the second, at most retry.maxBackoff, and shortened by up to a half as the random
 * number has it. */
int64_t retry_pause_ms(const struct processor_config *processor, uint32_t number, uint32_t random);

#endif
