/*
 * Exactly once: the sink commits, in its transactions; the source says what. The answer to a cut is made in
 * one piece: how far each partition is done, and the group's metadata, which the broker compares with what
 * the group is when the transaction is committed. Read at another moment, offsets of a former assignment
 * could pass as the present one's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/cut.h"

enum { CLUSTER_MS = 5000 };

/* As whom the group knows us, as bytes that librdkafka reads again; the caller frees them. NULL: the broker
 * could not tell them from anybody's. */
static void *read_member(struct kafka_source *kafka, size_t *size)
{
	rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(kafka->client);
	rd_kafka_error_t *error = NULL;
	void *bytes = NULL;
	char *id = rd_kafka_memberid(kafka->client);

	if (metadata != NULL && id != NULL && id[0] != '\0')
		error = rd_kafka_consumer_group_metadata_write(metadata, &bytes, size);
	if (error != NULL) {
		log_debug("the group's metadata can't be written: %s", rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		bytes = NULL;
	}
	if (metadata != NULL)
		rd_kafka_consumer_group_metadata_destroy(metadata);
	if (id != NULL)
		rd_kafka_mem_free(kafka->client, id);
	return bytes;
}

static const char *cluster(struct kafka_source *kafka)
{
	kafka_learn_cluster(kafka, CLUSTER_MS);
	return kafka->cluster == NULL ? "" : kafka->cluster;
}

void kafka_cut_begin(struct kafka_source *kafka)
{
	rd_kafka_mem_free(kafka->client, kafka->member);
	kafka->member = read_member(kafka, &kafka->member_size);
}

/* Whether the client is the member still that the assignment was given to. It changes what it knows of itself
 * before it tells of a rebalance. */
static bool is_same_member(struct kafka_source *kafka, const void *member, size_t size)
{
	return member != NULL && kafka->member != NULL && size == kafka->member_size &&
	       memcmp(member, kafka->member, size) == 0;
}

bool kafka_cut(void *state, struct buf *out)
{
	struct kafka_source *kafka = state;
	rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(8);
	size_t size = 0;
	void *member;
	bool good;

	kafka_commit_collect(kafka, offsets);
	member = read_member(kafka, &size);
	/* Without an assignment nothing is to be committed, and nothing can be torn. */
	good = offsets->cnt == 0 || (is_same_member(kafka, member, size) && !rd_kafka_assignment_lost(kafka->client));
	if (good) {
		kafka_cut_write(out, cluster(kafka), kafka->source->config->source.consumer_group, member, size,
			offsets);
		kafka->commit_pending = true;
	} else {
		log_warning("the assignment has changed: nothing of what the sink has taken is committed");
	}
	if (member != NULL)
		rd_kafka_mem_free(kafka->client, member);
	rd_kafka_topic_partition_list_destroy(offsets);
	return good;
}

static void take(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	(void)argument;
	kafka_commit_taken(kafka, partition);
}

void kafka_cut_committed(void *state)
{
	struct kafka_source *kafka = state;

	if (!kafka->commit_pending)
		die(STATUS_SOFTWARE, "the sink has committed what nobody has told it");
	kafka->commit_pending = false;
	lanes_excuse(&kafka->source->lanes);
	kafka_each(kafka, take, NULL);
	page_count(kafka->source->lanes.page, COUNT_COMMITS, 1);
}

void kafka_cut_want(struct kafka_source *kafka, bool attempts_changed)
{
	/* While records pass the sink cuts by itself. At the end there may be some that never will. */
	if (attempts_changed || kafka->source->lanes.in_flight == 0 || !kafka_admits(kafka))
		source_want_cut(kafka->source);
}

void kafka_cut_torn(struct kafka_source *kafka)
{
	/* What the sink has taken of it can't be taken out of the transaction, and the workers have more. The
	 * next start begins with what is committed. */
	die(STATUS_TEMPFAIL, "partitions of the group '%s' were given up with records under way: none of what is "
		"not committed will be, and the pipeline begins again behind what is",
		kafka->source->config->source.consumer_group);
}
