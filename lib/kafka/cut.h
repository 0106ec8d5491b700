/*
 * What the source tells the sink for a transaction: how far each partition is done, and as whom of the group
 * it says so, both of the same moment. Bytes for a memory file, from one librdkafka to the same one.
 */
#ifndef KAFKA_CUT_H
#define KAFKA_CUT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct kafka_cut {
	char *cluster; /* "": not known */
	char *group;
	rd_kafka_consumer_group_metadata_t *member;
	rd_kafka_topic_partition_list_t *offsets; /* may be empty */
};

/* `member`: what rd_kafka_consumer_group_metadata_write has written. */
void kafka_cut_write(struct buf *out, const char *cluster, const char *group, const void *member,
	size_t size, const rd_kafka_topic_partition_list_t *offsets);

/* False: it is no cut, and *cut is empty. */
bool kafka_cut_read(struct kafka_cut *cut, const void *data, size_t length);
void kafka_cut_release(struct kafka_cut *cut);

#endif
