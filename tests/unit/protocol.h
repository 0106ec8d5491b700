/*
 * The two halves of test_protocol: the sink's real lanes behind a small interface, since source and
 * sink have structures of the same names.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "control/messages.h"
#include "frame/frame.h"

void sink_make(unsigned lanes, int link);
void sink_lane(const struct message *message, int write_fd, int read_fd);
void sink_lane_step(unsigned lane);
void sink_acknowledge(void);
void sink_delivered(uint64_t ticket);

/* The test's broker, and its topic for dead letters: false when it is full. */
bool broker_put(const struct frame_record *record, uint64_t ticket);
bool broker_put_letter(const struct frame_record *record, uint64_t ticket);

#endif
