/* The broker of test_protocol, which minds what is delivered, and in which order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "unit.h"

enum { ROOM = 20 }; /* for puts that are not yet delivered */
enum { LETTER = -1 };

static struct put {
	int partition, offset, output; /* output LETTER: the record itself, as a dead letter */
	uint64_t ticket;
} broker[ROOM];
static int broker_count;

bool broker_put(const struct frame_record *record, uint64_t ticket)
{
	if (broker_count == ROOM || rand() % 10 == 0)
		return false;
	broker[broker_count++] = (struct put){
		record->partition, (int)record->offset, (int)record->timestamp, ticket};
	return true;
}

static bool has_header(const struct frame_record *record, const char *name, const char *value)
{
	const uint8_t *at = record->headers;

	for (uint32_t i = 0; i < record->header_count; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (header.name_length == strlen(name) &&
			memcmp(header.name, name, header.name_length) == 0 &&
			header.value_length == (int32_t)strlen(value) &&
			memcmp(header.value, value, strlen(value)) == 0)
			return true;
	}
	return false;
}

bool broker_put_letter(const struct frame_record *record, uint64_t ticket)
{
	char number[16];

	CHECK(histories[record->partition][record->offset].failed);
	CHECK(has_header(record, "bruco-error", "worker killed by signal 9 (SIGKILL)"));
	CHECK(has_header(record, "bruco-attempts", "3"));
	snprintf(number, sizeof number, "%d", (int)record->offset);
	CHECK(has_header(record, "bruco-offset", number));
	if (broker_count == ROOM || rand() % 10 == 0)
		return false;
	broker[broker_count++] =
		(struct put){record->partition, (int)record->offset, LETTER, ticket};
	return true;
}

/* Which earlier records must be delivered before this one. */
static bool same_order(const struct put *put, int partition, int offset)
{
	if (ordering == ORDERING_PARTITION)
		return partition == put->partition;
	return ordering == ORDERING_KEY && partition == put->partition &&
	       key_of(partition, offset) == key_of(put->partition, put->offset);
}

static void check_delivery(const struct put *put)
{
	if (histories[put->partition][put->offset].delivered[put->output])
		unit_fail(__FILE__, __LINE__, "delivered twice: %d@%d.%d", put->partition,
			put->offset, put->output);
	for (int i = 0; i < put->output; i++)
		CHECK(histories[put->partition][put->offset].delivered[i]);
	for (int o = 0; o < put->offset; o++)
		for (int i = 0; i < outputs_of(put->partition, o); i++)
			if (same_order(put, put->partition, o) &&
				!histories[put->partition][o].failed &&
				!histories[put->partition][o].delivered[i])
				unit_fail(__FILE__, __LINE__, "%d@%d overtakes %d", put->partition,
					put->offset, o);
}

void broker_deliver(void)
{
	int p = rand() % PARTITIONS;

	for (int i = 0; i < broker_count; i++) {
		struct put put = broker[i];

		if (put.partition != p)
			continue;
		if (put.output == LETTER) {
			if (histories[p][put.offset].lettered)
				unit_fail(__FILE__, __LINE__, "two dead letters: %d@%d", p,
					put.offset);
			histories[p][put.offset].lettered = true;
		} else {
			check_delivery(&put);
			histories[p][put.offset].delivered[put.output] = true;
		}
		broker_count--;
		memmove(broker + i, broker + i + 1, (size_t)(broker_count - i) * sizeof *broker);
		sink_put_delivered(put.ticket);
		return;
	}
}
