/*
 * The parts of test_protocol: the schedule and the source's lanes (test_protocol.c), the sink's
 * lanes behind a small interface, since source and sink have structures of the same names
 * (protocol_sink.c), a broker (protocol_broker.c) and workers (protocol_workers.c).
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "control/messages.h"
#include "frame/frame.h"

enum { ATTEMPTS = 3 };
enum { LANES = 3, PARTITIONS = 4, RECORDS = 300, OUTPUTS = 3, KEYS = 5 };

extern enum ordering ordering;

/* What has become of a record so far. */
struct history {
	int begun; /* its attempts, as of the last time that it ran when its worker died */
	int runs;  /* also those whose outputs were lost with their worker */
	bool suspected;
	bool failed;   /* a worker has said so */
	bool lettered; /* its dead letter is delivered */
	bool delivered[OUTPUTS];
};
extern struct history histories[PARTITIONS][RECORDS];

/* What the records are: whether their worker crashes, how many outputs they have, their keys. */
bool is_poison(int partition, int offset);
int outputs_of(int partition, int offset);
int key_of(int partition, int offset);

/* ---- the workers */

/* A worker for the lane, after another one's death with this wait status, or 0. */
void worker_start(int lane, int status);
void worker_read(int lane);
void worker_write(int lane);

/* Begins an event or several, or ends what was begun; a crash may come between the two. */
void worker_run(int lane);

/* `held_open`, by a grandchild: neither EPIPE nor an end of file will come. */
void worker_crash(int lane, bool held_open);

/* ---- the sink */

void sink_make(unsigned lanes, int link);
void sink_lane(const struct message *message, int write_fd, int read_fd);
void sink_lane_step(unsigned lane);
void sink_acknowledge(void);
void sink_put_delivered(uint64_t ticket);

/* ---- the broker */

/* Takes an output, or a dead letter: false when it is full. */
bool broker_put(const struct frame_record *record, uint64_t ticket);
bool broker_put_letter(const struct frame_record *record, uint64_t ticket);

/* Acknowledges the oldest put of some partition. */
void broker_deliver(void);

#endif
