/*
 * The worker's end of its control socket, after HELLO. Only this file reads what the driver sends:
 * a new message to workers is one in lib/control/messages.h, its sender, and a case in control.c,
 * which notes in struct worker what follows from it. By hand there is no driver, and nothing here
 * does anything.
 */
#ifndef BRUCO_WORKER_CONTROL_H
#define BRUCO_WORKER_CONTROL_H

#include <stdint.h>

#include "bruco-worker/worker.h"

enum control { CONTROL_OPEN, CONTROL_GONE };

/* Reads all messages that have arrived, without waiting. CONTROL_GONE: the driver has ended, and
 * nothing more will come. For after a wait that found the socket readable or hung up, and for
 * whoever needs the newest state. */
enum control control_read(struct worker *worker);

/* Says that the worker is initialised, and how many events are in its hands at once. 0, or -1 with
 * errno. */
int control_tell_ready(const struct worker *worker, uint32_t depth);

/* Says how many attempts at event `seq` have begun, since another one follows in pause_ms. Sent at
 * most every 100 ms unless the pause is longer, and dropped when the socket is full: it only helps
 * the source to count right if the worker dies. */
void control_tell_attempt(
	const struct worker *worker, uint64_t seq, uint32_t attempts, int64_t pause_ms);

/* Says that the worker ends now because of maxEvents or maxMemory, and wants a successor. */
void control_tell_recycle(const struct worker *worker);

#endif
