/*
 * kafka-compare: whether an output topic holds exactly the records of an input topic, and in order.
 *
 * Lost: an input record that is too seldom in the output. Duplicate: one that is there too often.
 * Invented: an output record that equals no input record. Out of order: a record whose first copy
 * in a partition of the output comes behind a record that came later in the same input partition
 * (or with the same key). Records whose copies went to several partitions of the output, as those
 * without a key may when they are sent again, have no place in the order and are left out of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/status.h"
#include "client.h"
#include "random.h"
#include "table.h"

enum { OPTION_EXACT = OPTION_OWN, OPTION_ORDER, SHOWN_MAX = 5 };

static const char usage[] =
	"usage: kafka-compare -b brokers [--exact] [--order partition|key|none] input output\n"
	"Prints what the topics hold, and up to five examples of each fault. Status 0 when\n"
	"nothing is lost, invented or out of order, else 1.\n"
	"  -b, --brokers BROKERS\n"
	"      --exact            duplicates are faults too\n"
	"      --order WHAT       what keeps its order: each input partition (default), each key\n"
	"                         within its input partition, or nothing\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"kafka-compare", usage, NULL};

enum order { ORDER_PARTITION, ORDER_KEY, ORDER_NONE };

/* The highest input offset so far of one input partition (and key) in one output partition. */
struct mark {
	uint64_t name; /* hash of the three; 0: an unused place */
	int64_t offset;
};

/* A record that came behind a later one. */
struct suspect {
	struct hash hash;
	int32_t partition; /* in the output */
	int64_t offset;
	int64_t behind; /* input offset of the later one */
};

struct comparison {
	struct table table;
	enum order order;
	struct mark *marks;
	size_t mark_room, mark_count;
	struct suspect *suspects;
	size_t suspect_room, suspect_count;
	long long input, output, lost, duplicates, invented, disorder;
};

static void take_input(void *context, const rd_kafka_message_t *message)
{
	struct comparison *all = context;
	struct entry *entry = table_add(&all->table, hash_message(message));

	all->input++;
	if (entry->in > 1)
		return;
	entry->key = hash_key(message);
	entry->partition = message->partition;
	entry->offset = message->offset;
}

static struct mark *find_mark(struct comparison *all, uint64_t name)
{
	for (size_t i = name;; i++) {
		struct mark *mark = &all->marks[i & (all->mark_room - 1)];

		if (mark->name == 0 || mark->name == name)
			return mark;
	}
}

static void enlarge_marks(struct comparison *all)
{
	struct mark *old = all->marks;
	size_t old_room = all->mark_room;

	all->mark_room = old_room == 0 ? 1024 : old_room * 2;
	all->marks = mem_array(all->mark_room, sizeof *all->marks);
	for (size_t i = 0; i < old_room; i++)
		if (old[i].name != 0)
			*find_mark(all, old[i].name) = old[i];
	free(old);
}

static void check_order(
	struct comparison *all, const struct entry *entry, const rd_kafka_message_t *message)
{
	uint64_t name = (uint64_t)entry->partition << 32 | (uint32_t)message->partition;
	struct mark *mark;

	if (all->order == ORDER_NONE || (all->order == ORDER_KEY && entry->key == 0))
		return;
	name = random_mix(random_mix(name + 1) ^ (all->order == ORDER_KEY ? entry->key : 0)) | 1;
	if (all->mark_count >= all->mark_room / 2)
		enlarge_marks(all);
	mark = find_mark(all, name);
	if (mark->name == 0) {
		*mark = (struct mark){name, entry->offset};
		all->mark_count++;
	} else if (entry->offset >= mark->offset) {
		mark->offset = entry->offset;
	} else {
		if (all->suspect_count == all->suspect_room) {
			all->suspect_room = all->suspect_room * 2 + 64;
			all->suspects =
				mem_grow(all->suspects, all->suspect_room, sizeof *all->suspects);
		}
		all->suspects[all->suspect_count++] = (struct suspect){
			entry->hash, message->partition, message->offset, mark->offset};
	}
}

static void take_output(void *context, const rd_kafka_message_t *message)
{
	struct comparison *all = context;
	struct entry *entry = table_find(&all->table, hash_message(message));

	all->output++;
	if (entry == NULL) {
		if (all->invented++ < SHOWN_MAX)
			printf("invented: output [%d]@%lld equals no input\n", message->partition,
				(long long)message->offset);
		return;
	}
	if (entry->out++ == 0)
		entry->out_partition = message->partition;
	else if (entry->out_partition != message->partition)
		entry->spread = true;
	if (entry->out > entry->in && all->duplicates++ < SHOWN_MAX)
		printf("duplicate: input [%d]@%lld again in output [%d]@%lld\n", entry->partition,
			(long long)entry->offset, message->partition, (long long)message->offset);
	if (entry->out == 1)
		check_order(all, entry, message);
}

static void count_lost(struct comparison *all)
{
	for (size_t i = 0; i < all->table.room; i++) {
		const struct entry *entry = &all->table.entries[i];

		if (entry->in <= entry->out)
			continue;
		if (all->lost < SHOWN_MAX)
			printf("lost: input [%d]@%lld\n", entry->partition,
				(long long)entry->offset);
		all->lost += entry->in - entry->out;
	}
}

static void count_disorder(struct comparison *all)
{
	for (size_t i = 0; i < all->suspect_count; i++) {
		const struct suspect *suspect = &all->suspects[i];
		const struct entry *entry = table_find(&all->table, suspect->hash);

		if (entry->spread)
			continue;
		if (all->disorder++ < SHOWN_MAX)
			printf("out of order: input [%d]@%lld in output [%d]@%lld behind @%lld\n",
				entry->partition, (long long)entry->offset, suspect->partition,
				(long long)suspect->offset, (long long)suspect->behind);
	}
}

static bool compare(
	const char *brokers, const char *input, const char *output, enum order order, bool exact)
{
	struct comparison all = {.order = order};

	client_read(brokers, input, take_input, &all);
	client_read(brokers, output, take_output, &all);
	count_lost(&all);
	count_disorder(&all);
	printf("input %lld, output %lld, lost %lld, duplicates %lld, invented %lld, "
	       "out of order %lld\n",
		all.input, all.output, all.lost, all.duplicates, all.invented, all.disorder);
	table_release(&all.table);
	free(all.marks);
	free(all.suspects);
	return all.lost == 0 && all.invented == 0 && all.disorder == 0 &&
	       (!exact || all.duplicates == 0);
}

static enum order parse_order(const char *text)
{
	if (strcmp(text, "partition") == 0)
		return ORDER_PARTITION;
	if (strcmp(text, "key") == 0)
		return ORDER_KEY;
	if (strcmp(text, "none") == 0)
		return ORDER_NONE;
	options_misuse(&program, "unknown order '%s'", text);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"brokers", required_argument, NULL, 'b'},
		{"exact", no_argument, NULL, OPTION_EXACT},
		{"order", required_argument, NULL, OPTION_ORDER}, {0}};
	enum order order = ORDER_PARTITION;
	const char *brokers = NULL;
	bool exact = false;
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:", options, NULL)) != -1) {
		if (option == 'b')
			brokers = optarg;
		else if (option == OPTION_EXACT)
			exact = true;
		else if (option == OPTION_ORDER)
			order = parse_order(optarg);
		else
			options_common(&program, option);
	}
	if (brokers == NULL || argc - optind != 2)
		options_misuse(&program, "brokers, an input and an output topic are needed");
	return compare(brokers, argv[optind], argv[optind + 1], order, exact) ? STATUS_OK
									      : STATUS_FAILED;
}
