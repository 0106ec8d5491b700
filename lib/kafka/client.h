/*
 * The parts of a client that the Kafka source and the Kafka sink share: its configuration, its log
 * lines, the errors that end the program, and headers to frames. No consuming, no producing.
 */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "config/config.h"
#include "frame/frame.h"
#include "kafka/health.h"

struct kafka_default {
	const char *name;
	const char *value; /* NULL: left out */
};

/* Collects mistakes in properties for `bruco check`, as lines that config_property_answers reads. */
struct kafka_answers {
	const char *section;
	const struct security_config *security;
	const struct settings *properties;
	struct buf *out;
};

/* A client configuration: Bruco's defaults, then what `security` means, then the user's properties
 * over them, then the brokers. Its opaque is to be a struct kafka_health, which its callbacks tell what they hear (as
 * the first member of what other callbacks want). Logs go to log lines; one about a thread that
 * could not be made ends the program, status 75. A property that librdkafka refuses ends the
 * program, status 78; with `answers` (else NULL) it becomes a line there. */
rd_kafka_conf_t *kafka_conf(const char *brokers, const struct kafka_default *defaults,
	size_t default_count, const struct security_config *security,
	const struct settings *properties, struct kafka_answers *answers);

/* The client, which takes the configuration; ends the program with 78 when librdkafka does not like
 * that, with 75 when there are not enough threads. */
rd_kafka_t *kafka_client(rd_kafka_type_t type, rd_kafka_conf_t *conf);

/* Makes a client that has no brokers, so that nothing is connected, for the sake of what librdkafka
 * says: properties that don't go together, files that can't be read. Takes the configuration. */
void kafka_check(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct kafka_answers *answers);

/* The exit status that the error of a request calls for: 77 no permission, 75 fatal, or 0: wait, it
 * may pass. What is wrong with a connection is the business of kafka/health.h: a request that waits
 * for one fails with the connection's error. */
int kafka_error_status(rd_kafka_resp_err_t error);

/* For error_cb: ends the program when the error is fatal, else tells the client's health. */
void kafka_error(rd_kafka_t *client, int error, const char *reason, void *opaque);

/* The value of a property as the client has it; "" when it has none. Static storage. */
const char *kafka_property(const rd_kafka_conf_t *conf, const char *name);

/* An eventfd(2) that becomes readable when the queue is no longer empty; to be read before the
 * queue is. */
int kafka_queue_descriptor(rd_kafka_queue_t *queue);

/* Encodes a message's headers behind each other into *out (which is reset) and counts them. NULL, or
 * why they can't be read as they are (a constant text): then there are none. */
const char *kafka_headers_encode(
	const rd_kafka_message_t *message, struct buf *out, uint32_t *count);

/* Whether Bruco works with a librdkafka of this version (rd_kafka_version()): older ones than 2.0.2 are
 * not tested, and pass over records. */
bool kafka_version_supported(int version);

/* The last line of --version. */
void kafka_print_version(void);

#endif
