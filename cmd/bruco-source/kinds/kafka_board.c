#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bruco-source/kinds/kafka.h"

/*
 * Where each partition ends is what the client has heard with the last records that it fetched. Of a
 * partition that is paused, or far behind, that is old, so a thread asks the brokers as well. It
 * may wait for an answer, which the loop may not.
 */
enum { ASK_MS = 2000, ANSWER_MS = 2000 };

struct kafka_ends {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	rd_kafka_t *client;
	rd_kafka_topic_partition_list_t *wanted;   /* under the lock; NULL: nothing yet */
	rd_kafka_topic_partition_list_t *answered; /* under the lock; NULL: nothing new */
	int64_t answered_ms;                       /* under the lock: clock_ms */
	bool failing;                              /* under the lock: no answer since */
};

static void wait_for_turn(struct kafka_ends *ends, bool first)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ASK_MS / 1000;
	while (ends->wanted == NULL)
		pthread_cond_wait(&ends->changed, &ends->lock);
	if (!first)
		pthread_cond_timedwait(&ends->changed, &ends->lock, &until);
}

/* Takes the list over. */
static void keep_answer(struct kafka_ends *ends, rd_kafka_topic_partition_list_t *list,
	rd_kafka_resp_err_t error)
{
	rd_kafka_topic_partition_list_t *unused = list;

	pthread_mutex_lock(&ends->lock);
	ends->failing = error == RD_KAFKA_RESP_ERR__TIMED_OUT ||
			error == RD_KAFKA_RESP_ERR__TRANSPORT ||
			error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	if (!ends->failing)
		ends->answered_ms = clock_ms();
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		unused = ends->answered;
		ends->answered = list;
	}
	pthread_mutex_unlock(&ends->lock);
	if (unused != NULL)
		rd_kafka_topic_partition_list_destroy(unused);
}

/* Runs for as long as the process. */
static void *ask_for_ends(void *argument)
{
	struct kafka_ends *ends = argument;
	rd_kafka_topic_partition_list_t *list;

	for (bool first = true;; first = false) {
		pthread_mutex_lock(&ends->lock);
		wait_for_turn(ends, first);
		list = rd_kafka_topic_partition_list_copy(ends->wanted);
		pthread_mutex_unlock(&ends->lock);
		for (int i = 0; i < list->cnt; i++)
			list->elems[i].offset = RD_KAFKA_OFFSET_END; /* as a time: the newest */
		keep_answer(ends, list,
			rd_kafka_offsets_for_times(ends->client, list, ANSWER_MS));
	}
	return NULL;
}

static struct kafka_ends *start_asking(struct kafka_source *kafka)
{
	struct kafka_ends *ends = mem_alloc(sizeof *ends);
	pthread_t thread;

	*ends = (struct kafka_ends){.client = kafka->client, .answered_ms = clock_ms()};
	pthread_mutex_init(&ends->lock, NULL);
	pthread_cond_init(&ends->changed, NULL);
	if (pthread_create(&thread, NULL, ask_for_ends, ends) == 0)
		pthread_detach(thread);
	return ends; /* without a thread there are no answers */
}

static void add_wanted(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	(void)kafka;
	rd_kafka_topic_partition_list_add(argument, partition->base.topic, partition->base.id);
}

void kafka_board_assigned(struct kafka_source *kafka)
{
	struct kafka_ends *ends;
	rd_kafka_topic_partition_list_t *list;

	if (kafka->source->board == NULL)
		return;
	kafka->source->board_due = 0;
	if (kafka->ends == NULL)
		kafka->ends = start_asking(kafka);
	ends = kafka->ends;
	list = rd_kafka_topic_partition_list_new(8);
	kafka_each(kafka, add_wanted, list);
	pthread_mutex_lock(&ends->lock);
	if (ends->wanted != NULL)
		rd_kafka_topic_partition_list_destroy(ends->wanted);
	ends->wanted = list;
	pthread_cond_signal(&ends->changed);
	pthread_mutex_unlock(&ends->lock);
}

/* Gives each partition its answer, once. Under the lock. */
static void take_answers(struct kafka_source *kafka, struct kafka_ends *ends)
{
	for (int i = 0; ends->answered != NULL && i < ends->answered->cnt; i++) {
		const rd_kafka_topic_partition_t *answer = &ends->answered->elems[i];

		kafka_partition(kafka, answer->topic, answer->partition)->end_answered =
			answer->err == RD_KAFKA_RESP_ERR_NO_ERROR ? answer->offset : -1;
	}
	if (ends->answered != NULL)
		rd_kafka_topic_partition_list_destroy(ends->answered);
	ends->answered = NULL;
}

/* The larger of what the client has heard and what the broker has answered; -1: neither. */
static int64_t end_of(struct kafka_source *kafka, const struct kafka_partition *partition)
{
	int64_t low, end = -1;

	if (rd_kafka_get_watermark_offsets(kafka->client, partition->base.topic, partition->base.id,
		    &low, &end) != RD_KAFKA_RESP_ERR_NO_ERROR)
		end = -1;
	return end > partition->end_answered ? end : partition->end_answered;
}

/* The frontier, which is committed half a second later at most. */
static void note_move(struct kafka_partition *partition, struct board_partition *row)
{
	int64_t frontier = tracker_frontier(&partition->base.tracker);

	if (frontier != partition->shown || partition->user_paused || row->committed >= row->end)
		partition->moved_ms = clock_ms();
	partition->shown = frontier;
	row->moved_ms = partition->moved_ms;
}

static void show_partition(
	struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	struct board *board = argument;
	const struct tracker *tracker = &partition->base.tracker;
	struct board_partition *row =
		board_add(board, partition->base.topic, partition->base.id);

	if (row == NULL)
		return;
	row->lane = kafka->source->lanes.ordering == ORDERING_PARTITION ||
				    kafka->source->lanes.count == 1
			    ? partition->base.lane
			    : BOARD_LANES;
	row->committed = partition->committed;
	row->position = partition->position;
	row->end = end_of(kafka, partition);
	row->newest_ms = partition->newest_ms;
	note_move(partition, row);
	row->in_flight = tracker->next - tracker->first;
	row->flags = (uint16_t)((partition->user_paused ? BOARD_PAUSED : 0) |
				(partition->backlog.count > 0 ? BOARD_FULL : 0) |
				(row->end >= 0 && row->position >= row->end ? BOARD_AT_END : 0));
}

void kafka_show(void *state, struct board *board)
{
	struct kafka_source *kafka = state;
	struct kafka_ends *ends = kafka->ends;

	if (ends != NULL) {
		pthread_mutex_lock(&ends->lock);
		take_answers(kafka, ends);
		board->broker_ms = ends->answered_ms;
		board->broker_failing = ends->failing;
		pthread_mutex_unlock(&ends->lock);
	}
	kafka_each(kafka, show_partition, board);
}
