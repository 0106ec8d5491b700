#include "kafka/cut.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- writing: each piece has its length before it, native as both ends are of one machine */

static void write_piece(struct buf *out, const void *data, size_t size)
{
	uint64_t length = size;

	buf_append(out, &length, sizeof length);
	buf_append(out, data, size);
}

void kafka_cut_write(struct buf *out, const char *cluster, const char *group, const void *member,
	size_t size, const rd_kafka_topic_partition_list_t *offsets)
{
	write_piece(out, cluster, strlen(cluster));
	write_piece(out, group, strlen(group));
	write_piece(out, member, size);
	for (int i = 0; i < offsets->cnt; i++) {
		const rd_kafka_topic_partition_t *entry = &offsets->elems[i];

		write_piece(out, entry->topic, strlen(entry->topic));
		write_piece(out, &entry->partition, sizeof entry->partition);
		write_piece(out, &entry->offset, sizeof entry->offset);
		write_piece(out, entry->metadata, entry->metadata_size);
	}
}

/* ---- reading */

struct piece {
	const uint8_t *data;
	size_t size;
};

struct rest {
	const uint8_t *at, *end;
	bool bad;
};

static struct piece read_piece(struct rest *rest)
{
	struct piece piece = {0};
	uint64_t length = 0;

	if ((size_t)(rest->end - rest->at) < sizeof length) {
		rest->bad = true;
		return piece;
	}
	memcpy(&length, rest->at, sizeof length);
	rest->at += sizeof length;
	if (length > (uint64_t)(rest->end - rest->at)) {
		rest->bad = true;
		return piece;
	}
	piece = (struct piece){rest->at, (size_t)length};
	rest->at += length;
	return piece;
}

static char *read_text(struct piece piece)
{
	return piece.size == 0 ? mem_text("") : mem_text_n((const char *)piece.data, piece.size);
}

static void read_number(struct rest *rest, void *number, size_t size)
{
	struct piece piece = read_piece(rest);

	if (piece.size != size)
		rest->bad = true;
	else
		memcpy(number, piece.data, size);
}

static void read_offset(struct rest *rest, rd_kafka_topic_partition_list_t *offsets)
{
	struct piece topic = read_piece(rest), metadata;
	int32_t partition = -1;
	int64_t offset = -1;
	rd_kafka_topic_partition_t *entry;
	char *name;

	read_number(rest, &partition, sizeof partition);
	read_number(rest, &offset, sizeof offset);
	metadata = read_piece(rest);
	if (rest->bad || partition < 0 || offset < 0) {
		rest->bad = true;
		return;
	}
	name = read_text(topic);
	entry = rd_kafka_topic_partition_list_add(offsets, name, partition);
	free(name);
	entry->offset = offset;
	if (metadata.size == 0)
		return;
	entry->metadata = mem_grow(NULL, metadata.size, 1); /* librdkafka frees it */
	memcpy(entry->metadata, metadata.data, metadata.size);
	entry->metadata_size = metadata.size;
}

bool kafka_cut_read(struct kafka_cut *cut, const void *data, size_t length)
{
	struct rest rest = {data, (const uint8_t *)data + length, false};
	struct piece cluster = read_piece(&rest), group = read_piece(&rest), member = read_piece(&rest);
	rd_kafka_error_t *error;

	*cut = (struct kafka_cut){.offsets = rd_kafka_topic_partition_list_new(8)};
	while (!rest.bad && rest.at < rest.end)
		read_offset(&rest, cut->offsets);
	error = rest.bad ? NULL
			 : rd_kafka_consumer_group_metadata_read(&cut->member, member.data, member.size);
	if (error != NULL)
		rd_kafka_error_destroy(error);
	if (rest.bad || error != NULL) {
		kafka_cut_release(cut);
		return false;
	}
	cut->cluster = read_text(cluster);
	cut->group = read_text(group);
	return true;
}

void kafka_cut_release(struct kafka_cut *cut)
{
	free(cut->cluster);
	free(cut->group);
	if (cut->member != NULL)
		rd_kafka_consumer_group_metadata_destroy(cut->member);
	if (cut->offsets != NULL)
		rd_kafka_topic_partition_list_destroy(cut->offsets);
	*cut = (struct kafka_cut){0};
}
