#include "control/pauses.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_about(const struct pause_order *order, const char *topic, int32_t partition)
{
	return (order->topic == NULL || (topic != NULL && strcmp(order->topic, topic) == 0)) &&
	       (order->partition < 0 || order->partition == partition);
}

/* Whatever `inner` is about, an order about this topic and partition is about, too. */
static bool covers(const char *topic, int32_t partition, const struct pause_order *inner)
{
	const struct pause_order outer = {.topic = (char *)topic, .partition = partition};

	return is_about(&outer, inner->topic, inner->partition) &&
	       (topic == NULL || inner->topic != NULL) && (partition < 0 || inner->partition >= 0);
}

static void drop_covered(struct pauses *pauses, const char *topic, int32_t partition)
{
	size_t kept = 0;

	for (size_t i = 0; i < pauses->count; i++)
		if (covers(topic, partition, &pauses->items[i]))
			free(pauses->items[i].topic);
		else
			pauses->items[kept++] = pauses->items[i];
	pauses->count = kept;
}

bool pauses_match(const struct pauses *pauses, const char *topic, int32_t partition)
{
	for (size_t i = pauses->count; i-- > 0;)
		if (is_about(&pauses->items[i], topic, partition))
			return pauses->items[i].paused;
	return false;
}

/* Whether some order is about a part of what this one is about, or all of it. */
static bool concerns_any(const struct pauses *pauses, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < pauses->count; i++)
		if (is_about(&pauses->items[i], topic, partition))
			return true;
	return false;
}

bool pauses_add(struct pauses *pauses, bool paused, const char *topic, int32_t partition)
{
	drop_covered(pauses, topic, partition);
	if (!paused && !concerns_any(pauses, topic, partition))
		return true; /* nothing is paused there */
	if (pauses->count == PAUSES_MAX)
		return false;
	pauses->items = mem_grow(pauses->items, pauses->count + 1, sizeof *pauses->items);
	pauses->items[pauses->count++] = (struct pause_order){.topic = topic == NULL ? NULL : mem_text(topic),
		.partition = partition,
		.paused = paused};
	return true;
}

void pauses_release(struct pauses *pauses)
{
	for (size_t i = 0; i < pauses->count; i++)
		free(pauses->items[i].topic);
	free(pauses->items);
	*pauses = (struct pauses){0};
}

void pauses_write(const struct pauses *pauses, struct buf *text)
{
	for (size_t i = 0; i < pauses->count; i++) {
		const struct pause_order *order = &pauses->items[i];

		buf_printf(text, "%s %" PRId32 " %s\n", order->paused ? "pause" : "resume",
			order->partition, order->topic == NULL ? "" : order->topic);
	}
}

/* "pause 3 orders", "resume -1 " */
static bool read_line(struct pauses *pauses, char *line)
{
	char *number = strchr(line, ' '), *topic, *end;
	long partition;

	if (number == NULL)
		return false;
	*number++ = '\0';
	topic = strchr(number, ' ');
	if (topic == NULL || (strcmp(line, "pause") != 0 && strcmp(line, "resume") != 0))
		return false;
	*topic++ = '\0';
	partition = strtol(number, &end, 10);
	if (*number == '\0' || *end != '\0' || partition < -1 || partition > INT32_MAX)
		return false;
	return pauses_add(pauses, line[0] == 'p', topic[0] == '\0' ? NULL : topic, (int32_t)partition);
}

bool pauses_read(struct pauses *pauses, const char *text, size_t length)
{
	char *copy = length == 0 ? mem_text("") : mem_text_n(text, length), *save = NULL;
	bool good = true;

	pauses_release(pauses);
	for (char *line = strtok_r(copy, "\n", &save); line != NULL && good;
		line = strtok_r(NULL, "\n", &save))
		good = read_line(pauses, line);
	free(copy);
	return good;
}
