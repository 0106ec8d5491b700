/* What the driver answers to `bruco pause` and `bruco resume`. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "bruco/driver/driver.h"

/* Of the partitions that the source has now, those of a topic (NULL: all), and of that number (-1: all). */
static json_t *list_partitions(
	const struct driver *driver, const char *topic, int64_t partition)
{
	struct board *board = driver_copy_board(driver);
	json_t *list = json_array();

	for (uint32_t i = 0; board != NULL && i < board->partition_count; i++) {
		const struct board_partition *row = &board->rows[i];

		if ((topic == NULL || strcmp(topic, row->topic) == 0) &&
			(partition < 0 || partition == row->id))
			json_array_append_new(
				list, json_pack("{s:s, s:i}", "topic", row->topic, "partition", row->id));
	}
	free(board);
	return list;
}

static bool has_topic(const struct driver *driver, const char *topic)
{
	const struct texts *topics = &driver->config->source.topics;

	for (size_t i = 0; i < topics->count; i++)
		if (config_topic_is(topics->items[i], topic))
			return true;
	return false;
}

static void refuse_topic(
	const struct driver *driver, struct console_client *client, const char *topic)
{
	const struct texts *topics = &driver->config->source.topics;
	struct buf names = {0};

	for (size_t i = 0; i < topics->count; i++)
		buf_printf(&names, "%s'%s'", i > 0 ? ", " : "", topics->items[i]);
	if (topics->count > 0)
		console_refuse(client, STATUS_USAGE,
			"the source has no topic '%.249s', but %.*s", topic, (int)names.length,
			(const char *)names.data);
	else
		console_refuse(client, STATUS_USAGE,
			"a source of kind %s has no topics: it is paused as a whole",
			driver->config->source.kind);
	buf_release(&names);
}

static void refuse_partition(struct driver *driver, struct console_client *client,
	const char *topic, int64_t partition)
{
	json_t *all = list_partitions(driver, topic, -1);
	struct buf numbers = {0};

	for (size_t i = 0; i < json_array_size(all); i++)
		buf_printf(&numbers, "%s%lld", i > 0 ? ", " : "",
			json_integer_value(json_object_get(json_array_get(all, i), "partition")));
	console_refuse(client, STATUS_USAGE, "%.249s[%lld] is not assigned to this pipeline%s%.*s",
		topic, (long long)partition,
		numbers.length > 0 ? ", which has " : ", and no other of that topic is",
		(int)numbers.length, numbers.length > 0 ? (const char *)numbers.data : "");
	buf_release(&numbers);
	json_decref(all);
}

/* Whether the source has that partition now; nobody can pause what he does not see. */
static bool has_partition(struct driver *driver, const char *topic, int64_t partition)
{
	json_t *list = list_partitions(driver, topic, partition);
	bool found = json_array_size(list) > 0;

	json_decref(list);
	return found;
}

void driver_answer_pause(struct driver *driver, struct console_client *client,
	const struct pause_request *request)
{
	json_t *list = list_partitions(driver, request->topic[0] == '\0' ? NULL : request->topic,
		request->partition);

	console_say(client,
		json_pack("{s:o, s:b}", "partitions", list, "running", driver->source.pid != 0),
		true);
}

static void answer(
	struct driver *driver, const json_t *request, struct console_client *client, bool pause)
{
	const char *topic = json_string_value(json_object_get(request, "topic"));
	const json_t *number = json_object_get(request, "partition");
	int64_t partition = json_is_integer(number) ? json_integer_value(number) : -1;

	if (topic != NULL && !has_topic(driver, topic))
		refuse_topic(driver, client, topic);
	else if (partition > INT32_MAX || partition < -1 || (partition >= 0 && topic == NULL))
		console_refuse(client, STATUS_USAGE, "there is no such partition");
	else if (pause && partition >= 0 && !has_partition(driver, topic, partition))
		refuse_partition(driver, client, topic, partition);
	else if (!driver_pause(driver, pause, topic, (int32_t)partition, client->id))
		console_refuse(client, STATUS_USAGE,
			"too many partitions are paused one by one: pause the topic");
	else if (driver->source.pid == 0)
		driver_pauses_obeyed(driver, driver->pauses.number);
}

void driver_answer_pause_request(
	struct driver *driver, const json_t *request, struct console_client *client)
{
	answer(driver, request, client, true);
}

void driver_answer_resume_request(
	struct driver *driver, const json_t *request, struct console_client *client)
{
	answer(driver, request, client, false);
}
