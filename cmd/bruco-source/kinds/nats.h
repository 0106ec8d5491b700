/*
 * The nats source. A thread connects and subscribes; libnats's own thread for the subscription hands messages
 * over in a queue, and waits while that is full.
 *
 * Core NATS (nats.c): the server remembers nothing. What waits behind the queue libnats keeps, up to
 * source.pending, and drops what is more.
 *
 * JetStream (nats_stream.c): a stream's consumer remembers what is not acknowledged, and sends it again after
 * its ack wait, which is put off for all that waits or is under way here.
 */
#ifndef BRUCO_SOURCE_KINDS_NATS_H
#define BRUCO_SOURCE_KINDS_NATS_H

#include <nats/nats.h>
#include <pthread.h>

#include "bruco-source/source.h"
#include "nats/client.h"

enum { QUEUE_COUNT = 1024, QUEUE_BYTES = 1 << 20 };

struct queue {
	natsMsg *items[QUEUE_COUNT];
	size_t count, next;
	size_t bytes;
};

struct nats_source {
	struct nats_client client;
	struct source *source;
	struct partition partition;
	pthread_mutex_t lock;  /* of what follows */
	pthread_cond_t room;   /* in `waiting` */
	struct queue *waiting; /* what libnats has handed over */
	natsSubscription *subscription;
	bool subscribed; /* the server knows it */
	bool stopping;   /* there is to be none */
	bool complete;   /* nothing more comes of it */
	struct nats_stream *stream; /* NULL: core NATS */
	/* the loop's alone */
	struct queue *taken;
	int64_t next_offset;
	bool more;          /* the budget was used up */
	bool full;          /* the lane of the next record has no room */
	unsigned full_lane;
	struct buf headers;
	int64_t looked_ms;
	int64_t dropped;    /* as last told */
	struct reminder drops;
	int64_t shown;      /* the frontier that the board had last, */
	int64_t moved_ms;   /* and since when */
};

void nats_on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *nats);

/* ---- nats_stream.c */

/* Makes nats->stream. */
void nats_stream_open(struct nats_source *nats);

/* In the thread: subscribes as the consumer, which is made if it is not there; waits for the stream. */
void nats_stream_subscribe(struct nats_source *nats, natsConnection *connection);

/* The record's offset and time are the stream's; false when this message is under way already, since it was
 * sent again. */
bool nats_stream_record(struct nats_source *nats, natsMsg *message, struct frame_record *record);

/* Before it goes into a lane; to be acknowledged when its record is done. `forget`: it went into none. */
void nats_stream_remember(struct nats_source *nats, natsMsg *message, int64_t offset);
void nats_stream_forget(struct nats_source *nats, int64_t offset);

/* Puts off the ack wait of everything here when it is time. */
void nats_stream_put_off(struct nats_source *nats, int64_t now);

/* Takes no more, and gives back what is in no lane. */
void nats_stream_give_back(struct nats_source *nats);

/* Waits, not for long, until the server has the acknowledgements. */
void nats_stream_flush(struct nats_source *nats);

#endif
