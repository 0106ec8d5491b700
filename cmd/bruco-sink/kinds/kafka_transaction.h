/*
 * Exactly once: the kafka kind's transactions. What is put is in the open one; it is committed together with
 * the source's offsets, in a thread of its own, since a commit blocks for some round trips to the broker, or
 * for as long as the broker is away. Meanwhile nothing is put (bruco-sink/cut.h).
 *
 * The sink and the dead letter have one client and one transaction, which is the sink's.
 */
#ifndef BRUCO_SINK_KINDS_KAFKA_TRANSACTION_H
#define BRUCO_SINK_KINDS_KAFKA_TRANSACTION_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct kafka_sink;
struct kafka_transaction;

/* The time that a transaction may take, unless sink.properties say another. */
#define KAFKA_TRANSACTION_MS "30000"

struct kafka_transaction *kafka_transaction_new(struct kafka_sink *kafka);

/* Fences whoever had the transactionalId before, and ends what it had open: the source may not ask where it
 * begins before. False: no broker has done so yet, try again. Blocks for some seconds. */
bool kafka_transaction_init(struct kafka_transaction *transaction);

/* Before a record is produced. False: it can't be, and the sink ends. */
bool kafka_transaction_begin(struct kafka_transaction *transaction);

/* source_kind's commit and abort. */
void kafka_transaction_commit(struct kafka_transaction *transaction, const void *offsets, size_t length);
void kafka_transaction_abort(struct kafka_transaction *transaction);

/* Takes up what the thread has done; tells what has gone wrong. */
void kafka_transaction_work(struct kafka_transaction *transaction);

/* The client takes no more records, since the transaction has failed. */
void kafka_transaction_broken(struct kafka_transaction *transaction);

/* ---- for callbacks, from any thread */

void kafka_transaction_not_delivered(
	struct kafka_transaction *transaction, const rd_kafka_message_t *message);
void kafka_transaction_fatal(struct kafka_transaction *transaction);
void kafka_transaction_closed(struct kafka_transaction *transaction); /* a connection was */

#endif
