/*
 * handle_event, one event after the other: the handler is called with a record, and its result
 * becomes frames. The hot path. Also what every mode does around a call.
 */
#ifndef BRUCO_WORKER_RUN_INVOKE_H
#define BRUCO_WORKER_RUN_INVOKE_H

#include "bruco-worker/io/output.h"
#include "stats/page.h"

/* Takes the output buffer back from its thread after the handler has run. That may mean waiting for
 * a slow reader of the output, which is not the handler's fault: its time starts again. */
void invoke_take_back_output(struct output *output, struct page *page);

#endif
