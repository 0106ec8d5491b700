/*
 * A user's configuration with a local broker in the place of their Kafka. Pure: nothing starts.
 */
#ifndef BRUCO_DEV_LOCAL_KAFKA_H
#define BRUCO_DEV_LOCAL_KAFKA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "config/config.h"

/* How many times as fast time passes for the broker: a new group waits 150 ms for its members
 * instead of three seconds. */
#define DEV_SPEED "20"
/* Hence a session of 12 s, and fetches that wait for records for 10 ms. */
#define DEV_SESSION_MS "240000"
#define DEV_FETCH_MS   "200"

/* Sets the variables of source and sink that config_load has missed, as its notes say, to "unset":
 * a password, or the address of a broker, is not needed here. Their names go to *lent, which is
 * owned by the caller. */
void local_kafka_lend(const struct config *config, const struct buf *notes, struct texts *lent);

/* Appends a line for each end that this can't be done for, or that stays as it is. Returns the
 * number of mistakes. */
size_t local_kafka_check(const struct config *config, struct buf *notes);

/* Replaces the brokers, drops the properties that are about connections and group membership, starts
 * at the beginning of the topics. */
void local_kafka_replace(struct config *config, const char *brokers, const char *group);

/* What comes out on Kafka. All point into the configuration. */
struct local_output {
	const char *topic;
	int partitions; /* one, unless the sink names one by its number */
	bool letters;   /* the dead letters' */
};

/* Fills in at most `room`, each topic once; returns their number. */
size_t local_kafka_outputs(const struct config *config, struct local_output *outputs, size_t room);

#endif
