/* Membership of the consumer group: as whom it is joined, waiting for it, being fenced, leaving. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/kinds/kafka.h"

enum {
	SERVE_MS = 10,
	LEAVE_MS = 5000,
	/* Longer than a broker holds back the first member of a group: 3 s, by its default. */
	PATIENCE_MS = 4000,
	/* Others have committed where their partitions start by then. */
	LOOK_MS = 3000,
	REQUEST_MS = 1000
};

/* ---- as whom */

/* Kafka accepts only these characters in the name of a member. */
static void replace_odd_characters(char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (; *name != '\0'; name++)
		if (strchr(letters, *name) == NULL)
			*name = '-';
}

const char *kafka_member_identity(struct kafka_source *kafka)
{
	const struct source *source = kafka->source;
	char host[64] = "";

	if (source->config->source.group_instance_id != NULL)
		return source->config->source.group_instance_id;
	if (source->driver_id == 0)
		return NULL;
	gethostname(host, sizeof host - 1);
	replace_odd_characters(host);
	kafka->identity = mem_printf("bruco-%s-%016" PRIx64, host, source->driver_id);
	return kafka->identity;
}

void kafka_member_check_fenced(struct kafka_source *kafka)
{
	const char *configured = kafka->source->config->source.group_instance_id;
	char why[256];

	if (rd_kafka_fatal_error(kafka->client, why, sizeof why) !=
		RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
		return;
	/* Two instances with one name would fence each other for ever, so this one is not to be
	 * started again. A name that the driver has made belongs to nobody else. */
	die(configured != NULL ? STATUS_REFUSED : STATUS_TEMPFAIL,
		"fenced: another instance has joined the group '%s' with the %s '%s'",
		kafka->source->config->source.consumer_group,
		configured != NULL ? "same groupInstanceId" : "identity of this one,",
		configured != NULL ? configured : kafka->identity);
}

/* ---- waiting to be let in */

static void say_waiting(struct kafka_source *kafka, int64_t now)
{
	char *cluster;

	if (kafka->joined || kafka->patience_said || now < kafka->subscribed_at + PATIENCE_MS)
		return;
	/* Unless topics are missing or no broker has answered yet, of which there are other lines. */
	if (kafka->absent_count > 0)
		return;
	cluster = rd_kafka_clusterid(kafka->client, 0);
	if (cluster == NULL)
		return;
	rd_kafka_mem_free(kafka->client, cluster);
	kafka->patience_said = true;
	log_info("waiting for the group '%s': its members finish what they have under way, and one "
		 "that has died is in it until its session times out (%s s, if it was like this "
		 "one)",
		kafka->source->config->source.consumer_group, kafka->session_seconds);
}

/* ---- taking a place over */

static void add_foreign(struct kafka_source *kafka, const char *name, int32_t partitions, void *list)
{
	const struct kafka_topic *topic = kafka_topic(kafka, name);

	for (int32_t id = 0; id < partitions; id++)
		if (id >= topic->partition_count || topic->partitions[id] == NULL ||
			!topic->partitions[id]->base.tracker.active)
			rd_kafka_topic_partition_list_add(list, name, id);
}

/* False: no broker has answered. */
static bool find_nobodys(struct kafka_source *kafka, bool *found)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	bool answered = kafka_each_topic(kafka, add_foreign, list) &&
			(list->cnt == 0 || rd_kafka_committed(kafka->client, list, REQUEST_MS) ==
						   RD_KAFKA_RESP_ERR_NO_ERROR);

	for (int i = 0; answered && i < list->cnt && !*found; i++)
		*found = list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[i].offset < 0;
	rd_kafka_topic_partition_list_destroy(list);
	return answered;
}

/*
 * A member that takes over a place gets the old assignment, without a rebalance. Partitions that were
 * added after its predecessor last looked belong to nobody, and the client, which has known them since
 * it started, sees no change. Every partition that belonged to a member has a commit, at the place
 * where it started. So when a partition has none, the source joins the group once more: if it is the
 * leader, as it mostly is, that makes a new assignment; a leader that lives sees added partitions
 * itself. False: it is to look again, since nobody has answered.
 */
static bool look_for_nobodys(struct kafka_source *kafka)
{
	bool found = false;

	if (!find_nobodys(kafka, &found))
		return false;
	if (!found)
		return true;
	log_info("partitions were added that no member of the group has: joining it again");
	kafka_subscribe(kafka);
	return true;
}

void kafka_member_work(struct kafka_source *kafka, int64_t now)
{
	say_waiting(kafka, now);
	if (kafka->looked || !kafka->source->stage.ready || kafka->phase != PHASE_STEADY ||
		!source_taking(kafka->source))
		return;
	if (kafka->look_at == 0)
		kafka->look_at = now + LOOK_MS;
	if (now < kafka->look_at)
		return;
	kafka->looked = (kafka->identity == NULL && kafka->source->config->source.group_instance_id == NULL) ||
			look_for_nobodys(kafka);
	kafka->look_at = now + LOOK_MS;
}

/* ---- leaving */

/* Another run of the same driver, or of the same groupInstanceId, takes the place over. */
static bool stays(const struct kafka_source *kafka)
{
	if (kafka->source->config->source.group_instance_id != NULL)
		return true;
	return kafka->identity != NULL && kafka->source->successor;
}

static bool is_member(struct kafka_source *kafka)
{
	char *id = rd_kafka_memberid(kafka->client);
	bool member = id != NULL && id[0] != '\0';

	if (id != NULL)
		rd_kafka_mem_free(kafka->client, id);
	return member;
}

/*
 * A member with an identity (KIP-345) does not leave when the client is closed: the broker would
 * keep its partitions for it until the session times out. But the client leaves for an application
 * that gives up its subscription, once all is revoked; then the member has no number any more.
 */
void kafka_member_leave(struct kafka_source *kafka)
{
	int64_t deadline = clock_ms() + LEAVE_MS;
	rd_kafka_message_t *message;

	if (stays(kafka) || rd_kafka_fatal_error(kafka->client, NULL, 0) != 0)
		return;
	rd_kafka_unsubscribe(kafka->client);
	while (is_member(kafka) && clock_ms() < deadline) {
		message = rd_kafka_consumer_poll(kafka->client, SERVE_MS);
		if (message != NULL)
			rd_kafka_message_destroy(message); /* not dispatched, so not committed */
	}
}
