/*
 * What the files of the nats kind share. nats.c is the kind, in the sink's loop; nats_publisher.c is a thread
 * that publishes, since that may wait for the server. They hand batches to one another.
 *   nats_stream.c    how the thread publishes into a stream of JetStream
 *   nats_identity.c  by what a stream knows a message that comes again
 *   nats_message.c   records as messages
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
	size_t identity; /* and its text there; NO_IDENTITY: it has none */
	const char *why; /* it was refused; static storage. NULL: it was not */
	bool stored;     /* a stream has it */
};

struct nats_batch {
	struct buf frames, identities;
	struct nats_output *outputs;
	size_t count, capacity;
};

#define NO_IDENTITY SIZE_MAX

struct nats_count { /* of the outputs of one event */
	uint64_t seq;
	uint32_t outputs;
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
	_Atomic size_t settled;    /* of `sending`, so many outputs from the first on are the loop's again */
	size_t taken;              /* and so many it has taken back */
	pthread_mutex_t lock;      /* of `state` */
	pthread_cond_t given;
	enum batch_state state;
	_Atomic int64_t payload_max; /* of the server; 0: never connected */
	bool over;                 /* a server has said no: nothing more will be delivered */
	struct nats_count counts[LIMIT_LANES];

	/* the thread's */
	natsConnection *connection;
	uint64_t connections;      /* so many were made */
	char *subject;             /* a copy with a NUL behind it */
	struct nats_stream *stream;
};

/* Publishes batches, for as long as the process lives or a server takes them. */
void *nats_publish(void *nats);

/* nats_stream.c: publishes nats->sending, until each output is stored or refused. False when the connection is
 * lost, or a server says no. */
bool nats_stream_deliver(struct nats_sink *nats);

/* nats_identity.c: what is the same for this output whenever it comes again, and for no other; a text with a NUL
 * behind it. Returns its place in *texts. */
size_t nats_identity(struct nats_sink *nats, const struct frame_record *record, uint64_t ticket, struct buf *texts);

/* nats_message.c */
extern const char nats_too_large[];
/* Static storage until the next one. */
const char *nats_subject(struct nats_sink *nats, const struct frame_record *record);
natsStatus nats_add_headers(natsMsg *message, const struct frame_record *record);
/* Whether a header is none of the message's. */
bool nats_is_own(const struct frame_header *header);
/* Whether this record can't be a message of NATS, and why (static storage). */
const char *nats_unpublishable(const struct nats_sink *nats, const struct frame_record *record);

#endif
