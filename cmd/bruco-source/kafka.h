/*
 * The kafka kind's own state, shared by its three files:
 *   kafka.c         the client, taking records, pausing what can't be taken
 *   kafka_assign.c  assignments: where each partition starts (pinned), rebalances
 *   kafka_commit.c  committing the contiguous frontiers, and only these
 */
#ifndef BRUCO_SOURCE_KAFKA_H
#define BRUCO_SOURCE_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "partition.h"
#include "stage.h"

/* What the client handed out of a partition and no lane had room for, in order. */
struct stash {
	rd_kafka_message_t **messages;
	size_t begin, end; /* [begin, end) are there */
	int64_t since;     /* clock_ms, of the first */
	unsigned lane;     /* the one without room */
};

struct kafka_partition {
	struct partition base;
	struct kafka_topic *topic;
	int64_t committed;           /* what the broker has taken in this assignment, -1: nothing */
	int64_t committing;          /* what is on its way there, -1: nothing */
	uint64_t attempts_committed; /* versions of base.attempts, in the same way */
	uint64_t attempts_committing;
	int64_t end; /* -e: stop at this offset, -1: not known */
	bool at_end; /* -e: reached */
	bool paused;
	struct stash stash;
};

struct kafka_topic {
	char *name;
	const void *handle;                  /* the client's, to find it fast */
	struct kafka_partition **partitions; /* by number; NULL: never assigned */
	int32_t partition_count;
	int32_t known; /* partitions when the group first saw it, -1: not known; those
			  that came later start at their beginning */
};

enum kafka_phase {
	PHASE_STEADY,
	PHASE_ASSIGNING, /* an assignment waits for its start offsets */
	PHASE_REVOKING   /* what is under way is drained before the partitions are given up */
};

enum { BATCH_MAX = 256 }; /* few enough to be in the processor's cache when they are taken */

struct kafka {
	struct stage *stage;
	rd_kafka_t *client;
	rd_kafka_queue_t *queue;
	rd_kafka_message_t *batch[BATCH_MAX]; /* handed out together; [batch_at, batch_end) are left
						 to be taken */
	size_t batch_at, batch_end;
	int event_fd;
	struct kafka_topic **topics; /* each stays where it is: records under way point into it */
	size_t topic_count;
	enum kafka_phase phase;
	rd_kafka_topic_partition_list_t *assigning;
	int64_t deadline;    /* of PHASE_REVOKING; of the next try in PHASE_ASSIGNING */
	int64_t commit_due;  /* clock_ms */
	uint64_t blamed;     /* lanes.blamed at the last commit: each is told at once */
	bool commit_pending; /* its answer has not come yet */
	size_t stashed;      /* partitions with a stash */
	size_t held;         /* of these, those that are not paused: the client is not polled */
	bool more;           /* the last work() stopped at its budget, not at an empty queue */
	bool stopped;        /* all partitions were paused for the drain */
	bool closing;        /* the group is being left */
	struct buf headers;
};

struct kafka_partition *kafka_partition(struct kafka *kafka, const char *topic, int32_t id);

/* Calls visit for each partition that is assigned now. */
void kafka_each(struct kafka *kafka,
	void (*visit)(struct kafka *kafka, struct kafka_partition *partition, void *argument),
	void *argument);

/* kafka.c */
void kafka_unstash(struct kafka *kafka, struct kafka_partition *partition);

/* kafka_assign.c */
void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *opaque);
void kafka_assign_work(struct kafka *kafka, int64_t now); /* goes on with what is under way */
rd_kafka_resp_err_t kafka_watermarks(
	struct kafka *kafka, const char *topic, int32_t id, int64_t *low, int64_t *high);

/* kafka_commit.c */
void kafka_on_commit(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *opaque);
void kafka_commit_start(struct kafka *kafka); /* if there is something to commit and none pending */
bool kafka_commit_settled(struct kafka *kafka); /* all frontiers are with the broker */

/* The metadata of a commit: "bruco partitions=N", as many as the topic had when the group first saw
 * it, and the attempts of records that were begun and not finished. */
void kafka_metadata_write(
	rd_kafka_topic_partition_t *entry, int32_t known, const struct attempts *attempts);
int32_t kafka_metadata_known(const rd_kafka_topic_partition_t *entry); /* 0: nothing of ours */

#endif
