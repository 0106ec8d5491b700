/*
 * The structure that the files of the kafka kind share. kafka.c is the kind; kafka_client.c makes
 * producers and knows the topics; kafka_transaction.c has what is different with exactlyOnce;
 * kafka_refusals.c gets past records that the broker refuses.
 */
#ifndef BRUCO_SINK_KINDS_KAFKA_H
#define BRUCO_SINK_KINDS_KAFKA_H

#include "bruco-sink/kinds/kafka_transaction.h"
#include "bruco-sink/sink.h"
#include "kafka/client.h"
#include "kafka/token.h"

struct topic {
	char *name;
	rd_kafka_topic_t *handle;
	int32_t partitions; /* as last heard; 0: never yet */
	int64_t asked_at;   /* clock_ms, when somebody wanted a partition beyond them; 0: never */
	bool *proven;       /* partitions that have taken something from this producer */
};

/* See kafka_refusals.c. */
enum phase {
	PHASE_NORMAL,
	PHASE_COLLECTING, /* the producer is dead: what it held comes back in delivery reports */
	PHASE_ISOLATING,  /* what was refused is sent again, in ever smaller groups */
	PHASE_RESENDING   /* what was behind it is sent again, before anything new */
};

struct kafka_sink {
	struct kafka_health health; /* first: it is the client's opaque */
	struct destination *destination;
	struct sink *sink;
	rd_kafka_t *client;
	struct kafka_transaction *transaction; /* exactly once; NULL: none */
	bool guest; /* the client and the transaction are another's, who serves them */
	struct tokens *tokens; /* NULL: none are needed */
	int event_fd;
	struct topic *topics; /* [0] is the default */
	size_t topic_count;
	bool has_patterns;    /* among sink.topics: topics are added when a record wants them */
	char *absent;         /* the last one that was asked for and does not exist, */
	int64_t absent_at;    /* and clock_ms then */
	bool connected;     /* the client knows the topics */
	int64_t retry_at;   /* until it does */
	int64_t opened_at;          /* clock_ms */
	const char *missing;        /* one of the topics: it could not be produced to at the last look */
	rd_kafka_resp_err_t missing_error; /* why */
	struct reminder reminder;   /* of the lines about it */
	size_t unproven;    /* partitions */
	int64_t prove_at;   /* when all are to be proven anew */
	uint64_t under_way; /* records that the client has */
	size_t size_max;    /* message.max.bytes */
	size_t batch_max;   /* batch.size, or what topics were found to take */
	struct buf headers;
	struct buf header_names;
	int32_t partition; /* for partitioner manual, else RD_KAFKA_PARTITION_UA */
	bool full;
	bool zero_seen; /* a record with timestamp 0, which was told */
	bool dead;             /* the client has stopped for good and is to be emptied */
	rd_kafka_vu_t *fields; /* reused for every record */
	size_t field_count;

	enum phase phase;
	struct held *held; /* taken back from the client, tickets under way */
	size_t held_count;
	size_t held_next; /* those before it are done with */
	size_t group;     /* how many are to be isolated at a time */
	size_t group_end; /* of those under way; held_next: none are */
	size_t group_bytes;
	size_t calm; /* records in a row that were not refused */
};

/* ---- kafka_client.c */

/* Makes the producer. A careful one sends only at a flush and survives a refusal. Any other ends at a
 * refusal, so that nothing behind the refused batch is sent. */
void kafka_client_open(struct kafka_sink *kafka, bool careful);
/* Exactly once: the dead letter goes by the sink's client. */
void kafka_client_share(struct kafka_sink *kafka, struct kafka_sink *owner);
void kafka_client_check(const struct config *config, const char *section,
	const struct sink_config *sink, struct buf *out);
void kafka_client_close(struct kafka_sink *kafka); /* once no record is under way */

/* Asks for the topics when it is time; connected when all are known. */
void kafka_client_connect(struct kafka_sink *kafka);
void kafka_topics_open(struct kafka_sink *kafka);
/* Of a topic that is not known and matches a pattern: it becomes the last one, if it exists. */
enum kafka_found { KAFKA_FOUND, KAFKA_UNLISTED, KAFKA_ABSENT, KAFKA_NOT_NOW };
enum kafka_found kafka_topic_find(struct kafka_sink *kafka, const struct frame_record *record);

bool kafka_has_partition(struct kafka_sink *kafka, size_t topic, int32_t partition);

/* Whether a record may be produced now. Until a partition has accepted a batch of this producer, the
 * broker accepts whichever batch comes first, even one behind a batch that it refused. So a record
 * waits until nothing else that may go to its partition is under way. */
bool kafka_may_produce(
	struct kafka_sink *kafka, size_t topic, int32_t partition, const struct frame_record *record);
void kafka_prove(struct kafka_sink *kafka, const rd_kafka_message_t *message);

/* ---- kafka.c */

/* At least what the client counts against message.max.bytes. */
size_t kafka_wire_size(const struct frame_record *record);
rd_kafka_resp_err_t kafka_produce(struct kafka_sink *kafka, size_t topic, int32_t partition,
	const struct frame_record *record, uint64_t ticket);
void kafka_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *state);

/* A delivery failed for good, and not because of the record. */
void kafka_failed(struct kafka_sink *kafka, const char *topic, rd_kafka_resp_err_t error);

static inline size_t kafka_topic_of(const rd_kafka_message_t *message)
{
	return (size_t)(uintptr_t)rd_kafka_topic_opaque(message->rkt);
}

/* ---- kafka_refusals.c */

/* Why the broker refuses the record or its batch, by the error of a delivery report; NULL: the error
 * is not about the record. */
const char *kafka_refusal(rd_kafka_resp_err_t error);

/* Takes back a message that was refused for this reason; NULL: it was behind a refused one. */
void kafka_hold(struct kafka_sink *kafka, const rd_kafka_message_t *message, const char *why);

/* Takes a new record while older ones are isolated; false: put it again later. */
bool kafka_hold_new(struct kafka_sink *kafka, size_t topic, int32_t partition,
	const struct frame_record *record, uint64_t ticket);

/* A delivery report while isolating. */
void kafka_isolated(struct kafka_sink *kafka, const rd_kafka_message_t *message);

/* The next steps, as far as they go without waiting for long. */
void kafka_recover(struct kafka_sink *kafka);

/* Milliseconds until kafka_recover must be called again; -1: the delivery reports say when. */
int kafka_recover_timeout(const struct kafka_sink *kafka);

#endif
