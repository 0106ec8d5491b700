/*
 * The input, the output and the driver's messages, on the event loop.
 */
#ifndef BRUCO_WORKER_ASYNC_LOOP_IO_H
#define BRUCO_WORKER_ASYNC_LOOP_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "frame/frame.h"

/* Before and after the event loop runs. */
void loop_io_open(void);
void loop_io_close(void);

/* Finds the next record in the input buffer. False: there is no whole one, or it can't be read. */
bool loop_io_peek(const uint8_t **frame, struct frame_record **record);
void loop_io_take(void); /* takes what was peeked at */

bool loop_io_at_end(void);       /* all of the input has been taken */
const char *loop_io_error(void); /* why the input can't be read any further, or NULL */
bool loop_io_can_write(void);    /* the output is not stuck */
void loop_io_write_if_due(void); /* by size and age */

/* Has the event loop read the input when it holds no whole record, and write the output soon. */
void loop_io_arm(void);

#endif
