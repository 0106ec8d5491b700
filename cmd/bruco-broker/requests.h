/* What `bruco-broker --control` answers: lines on standard input, see bruco-broker(1). */
#ifndef BRUCO_BROKER_REQUESTS_H
#define BRUCO_BROKER_REQUESTS_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>

/* Makes standard input non-blocking. */
void requests_init(rd_kafka_mock_cluster_t *cluster);

/* Reads what is there on standard input, answers each whole line by a line on standard output.
 * False at the end of the input. */
bool requests_read(void);

#endif
