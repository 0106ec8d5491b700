/*
 * The overview as JSON: what `bruco status --json` prints, and what `bruco top` reads. Its members are
 * documented in bruco-status(5): what is there stays.
 */
#ifndef BRUCO_MONITOR_OVERVIEW_JSON_H
#define BRUCO_MONITOR_OVERVIEW_JSON_H

#include <jansson.h>

#include "bruco/monitor/overview.h"

/* A new object, which the caller owns. `unready` is overview_unready's, or NULL. */
json_t *overview_json(const struct overview *overview, const char *unready);

/* The word for a worker's enum run_state: "running". */
const char *overview_run_word(uint32_t state);

#endif
