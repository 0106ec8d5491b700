/*
 * What the files of the nats kind share. nats.c is the kind, in the sink's loop; nats_publisher.c is a thread
 * that publishes, since that may wait for the server. They hand batches to one another.
 */
#ifndef BRUCO_SINK_KINDS_NATS_H
#define BRUCO_SINK_KINDS_NATS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "bruco-sink/sink.h"
#include "nats/client.h"

struct nats_output {
	uint64_t ticket;
	size_t at;       /* its frame in the batch */
	const char *why; /* it was refused; static storage. NULL: it was not */
};

struct nats_batch {
	struct buf frames;
	struct nats_output *outputs;
	size_t count, capacity;
};

enum batch_state {
	BATCH_NONE,
	BATCH_GIVEN, /* to the thread */
	BATCH_DONE   /* by it: each output is delivered or refused */
};

struct nats_sink {
	struct nats_client client;
	struct destination *destination;
	struct sink *sink;
	struct nats_batch filling; /* the loop's */
	struct nats_batch sending; /* the thread's while it is BATCH_GIVEN, else the loop's */
	pthread_mutex_t lock;      /* of `state` */
	pthread_cond_t given;
	enum batch_state state;
	_Atomic int64_t payload_max; /* of the server; 0: never connected */
	bool over;                 /* a server has said no: nothing more will be delivered */

	/* the thread's */
	natsConnection *connection;
	char *subject;             /* a copy with a NUL behind it */
};

/* Publishes batches, for as long as the process lives or a server takes them. */
void *nats_publish(void *nats);

/* Whether this record can't be a message of NATS, and why (static storage). */
const char *nats_unpublishable(const struct nats_sink *nats, const struct frame_record *record);

#endif
