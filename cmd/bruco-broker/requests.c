#include "bruco-broker/requests.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"

enum {
	PATIENCE_MS = 100000, /* for an answer of the cluster, in the broker's own time */
	WORDS_MOST = 4,
	LINE_MOST = 4096
};

static rd_kafka_mock_cluster_t *cluster;
static struct buf input;

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
		die(STATUS_SOFTWARE, "librdkafka: %s", why);
}

/* A consumer that joins nothing, to ask and to commit as this group. */
static rd_kafka_t *group_client(const char *group)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];
	rd_kafka_t *client;

	set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster));
	set(conf, "group.id", group);
	set(conf, "log_level", "3");
	client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
	if (client == NULL)
		die(status_of_error(errno), "librdkafka: %s", why);
	return client;
}

/* All partitions of the topic, with what the group has committed; NULL with *error. */
static rd_kafka_topic_partition_list_t *committed(
	rd_kafka_t *client, const char *topic, rd_kafka_resp_err_t *error)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *found = NULL;

	*error = rd_kafka_metadata(client, 0, handle, &found, PATIENCE_MS);
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_topic_partition_list_add_range(
			list, topic, 0, found->topics[0].partition_cnt - 1);
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR)
		*error = rd_kafka_committed(client, list, PATIENCE_MS);
	if (found != NULL)
		rd_kafka_metadata_destroy(found);
	rd_kafka_topic_destroy(handle);
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return list;
	rd_kafka_topic_partition_list_destroy(list);
	return NULL;
}

/* ---- the requests; each prints one line, or says why not */

static rd_kafka_resp_err_t answer_topic(const char *const *words)
{
	int64_t partitions;
	rd_kafka_resp_err_t error;

	if (!text_integer(words[2], 1, 1000, &partitions))
		return RD_KAFKA_RESP_ERR__INVALID_ARG;
	error = rd_kafka_mock_topic_create(cluster, words[1], (int)partitions, 1);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		printf("ok\n");
	return error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? RD_KAFKA_RESP_ERR_NO_ERROR : error;
}

static rd_kafka_resp_err_t answer_progress(const char *const *words)
{
	rd_kafka_t *client = group_client(words[1]);
	rd_kafka_resp_err_t error;
	rd_kafka_topic_partition_list_t *list = committed(client, words[2], &error);
	int64_t done = 0, all = 0;

	for (int i = 0; list != NULL && error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
		int64_t low = 0, high = 0;

		error = rd_kafka_query_watermark_offsets(client, words[2],
			list->elems[i].partition, &low, &high, PATIENCE_MS);
		done += list->elems[i].offset >= 0 ? list->elems[i].offset : 0;
		all += high;
	}
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		printf("%" PRId64 " %" PRId64 "\n", done, all);
	if (list != NULL)
		rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(client);
	return error;
}

/* Partitions of which nothing is committed stay so. */
static rd_kafka_resp_err_t commit_as(
	const char *group, const rd_kafka_topic_partition_list_t *offsets)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(offsets->cnt);
	rd_kafka_t *client = group_client(group);
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (int i = 0; i < offsets->cnt; i++)
		if (offsets->elems[i].offset >= 0)
			rd_kafka_topic_partition_list_add(
				list, offsets->elems[i].topic, offsets->elems[i].partition)
				->offset = offsets->elems[i].offset;
	if (list->cnt > 0)
		error = rd_kafka_commit(client, list, 0);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(client);
	return error;
}

static rd_kafka_resp_err_t answer_copy(const char *const *words)
{
	rd_kafka_t *client = group_client(words[1]);
	rd_kafka_resp_err_t error;
	rd_kafka_topic_partition_list_t *list = committed(client, words[3], &error);

	rd_kafka_destroy(client);
	if (list != NULL) {
		error = commit_as(words[2], list);
		rd_kafka_topic_partition_list_destroy(list);
	}
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		printf("ok\n");
	return error;
}

static const struct {
	const char *name;
	size_t words;
	rd_kafka_resp_err_t (*answer)(const char *const *words);
} requests[] = {
	{"topic", 3, answer_topic}, {"progress", 3, answer_progress}, {"copy", 4, answer_copy}};

static void answer(char *line)
{
	const char *words[WORDS_MOST + 1] = {0};
	size_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " ", &rest); word != NULL && count <= WORDS_MOST;
		word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	for (size_t i = 0; count > 0 && i < sizeof requests / sizeof requests[0]; i++)
		if (strcmp(requests[i].name, words[0]) == 0 && requests[i].words == count) {
			rd_kafka_resp_err_t error = requests[i].answer(words);

			if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
				printf("error %s\n", rd_kafka_err2str(error));
			return;
		}
	printf("error not a request\n");
}

void requests_init(rd_kafka_mock_cluster_t *of)
{
	cluster = of;
	fd_nonblocking(STDIN_FILENO, true);
}

bool requests_read(void)
{
	ssize_t got;
	char *end;

	buf_reserve(&input, LINE_MOST);
	got = read(STDIN_FILENO, input.data + input.length, LINE_MOST);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	input.length += (size_t)got;
	while ((end = memchr(input.data, '\n', input.length)) != NULL) {
		*end = '\0';
		answer((char *)input.data);
		buf_drop(&input, (size_t)(end + 1 - (char *)input.data));
	}
	if (input.length > LINE_MOST)
		die(STATUS_DATA, "a request is longer than %d bytes", LINE_MOST);
	return fflush(stdout) == 0;
}
