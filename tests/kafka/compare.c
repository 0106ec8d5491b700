/*
 * kafka-compare: whether an output topic holds exactly the records of an input topic, and in order.
 *
 * Lost: an input record that is too seldom in the output. Duplicate: one that is there too often.
 * Invented: an output record that equals no input record. Out of order: a record whose first copy
 * in a partition of the output comes behind a record that came later in the same input partition
 * (or with the same key). Records whose copies went to several partitions of the output, as those
 * without a key may when they are sent again, have no place in the order and are left out of it.
 *
 * With a dead letter, an input record is lost that is in neither, and one is misplaced that is in
 * the wrong one of them, or in one although it should be in none. Headers bruco-... of a dead
 * letter are not the record's, but must name its place in the input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/status.h"
#include "base/text.h"
#include "client.h"
#include "random.h"
#include "samples.h"
#include "table.h"

enum {
	OPTION_EXACT = OPTION_OWN,
	OPTION_ORDER,
	OPTION_DEAD_LETTER,
	OPTION_POISON,
	OPTION_FILTERED,
	OPTION_SAMPLES,
	OPTION_COPIES,
	SHOWN_MAX = 5
};

static const char usage[] =
	"usage: kafka-compare -b brokers [option ...] input output\n"
	"Prints what the topics hold, and up to five examples of each fault. Status 0 when\n"
	"nothing is lost, invented, out of order, misplaced or committed early, else 1.\n"
	"  -b, --brokers BROKERS\n"
	"      --exact            duplicates are faults too\n"
	"      --order WHAT       what keeps its order: \"partition\", each input partition "
	"(default);\n"
	"                         \"keyed\", the records in it that have a key (one without may go "
	"to\n"
	"                         another partition when it is sent again); \"key\", each key "
	"within\n"
	"                         its input partition; \"none\"\n"
	"      --dead-letter TOPIC\n"
	"      --poison N         values \"ID ...\" whose ID is a multiple of N belong into the "
	"dead\n"
	"                         letter, and no others\n"
	"      --filtered N       those whose ID is N / 2 more than a multiple of N, into neither\n"
	"      --samples FILE     what kafka-watch wrote during the run: nothing may have been\n"
	"                         committed before it was delivered\n"
	"      --copies FILE      writes a line for each duplicate: partition and offset in the\n"
	"                         output of the copy before it, and its own\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"kafka-compare", usage, NULL};

enum order { ORDER_PARTITION, ORDER_KEYED, ORDER_KEY, ORDER_NONE };

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

struct job {
	const char *brokers, *input, *output;
	const char *dead_letter; /* NULL: none */
	const char *samples;     /* a file, or NULL */
	FILE *copies;            /* or NULL */
	enum order order;
	bool exact;
	int64_t poison, filtered; /* 0: none */
};

struct comparison {
	const struct job *job;
	struct table table;
	struct places places;
	struct mark *marks;
	size_t mark_room, mark_count;
	struct suspect *suspects;
	size_t suspect_room, suspect_count;
	long long input, output, lost, duplicates, invented, disorder;
	long long dead, nothing, misplaced, mislabelled;
};

static enum fate find_fate(const struct job *job, const rd_kafka_message_t *message)
{
	char text[24];
	long long id;

	snprintf(text, sizeof text, "%.*s", (int)(message->len < 20 ? message->len : 20),
		message->payload == NULL ? "" : (const char *)message->payload);
	if (sscanf(text, "%lld", &id) != 1)
		return FATE_OUTPUT;
	if (job->poison > 0 && id % job->poison == 0)
		return FATE_DEAD;
	if (job->filtered > 0 && id % job->filtered == job->filtered / 2)
		return FATE_NOTHING;
	return FATE_OUTPUT;
}

static void take_input(void *context, const rd_kafka_message_t *message)
{
	struct comparison *all = context;
	struct entry *entry = table_add(&all->table, hash_message(message, NULL));

	all->input++;
	if (all->job->samples != NULL)
		places_add(&all->places, message->partition, message->offset, entry->hash);
	if (entry->in > 1)
		return;
	entry->fate = (uint8_t)find_fate(all->job, message);
	all->nothing += entry->fate == FATE_NOTHING;
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

	if (all->job->order == ORDER_NONE ||
		(all->job->order != ORDER_PARTITION && entry->key == 0))
		return;
	name = random_mix(random_mix(name + 1) ^ (all->job->order == ORDER_KEY ? entry->key : 0)) |
	       1;
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

static void duplicate(
	struct comparison *all, const struct entry *entry, const rd_kafka_message_t *message)
{
	if (all->duplicates++ < SHOWN_MAX)
		printf("duplicate: input [%d]@%lld again in output [%d]@%lld\n", entry->partition,
			(long long)entry->offset, message->partition, (long long)message->offset);
	if (all->job->copies != NULL)
		fprintf(all->job->copies, "%d %lld %d %lld\n", entry->last_partition,
			(long long)entry->last_out, message->partition, (long long)message->offset);
}

static void take_output(void *context, const rd_kafka_message_t *message)
{
	struct comparison *all = context;
	struct entry *entry = table_find(&all->table, hash_message(message, NULL));

	all->output++;
	if (entry == NULL) {
		if (all->invented++ < SHOWN_MAX)
			printf("invented: output [%d]@%lld equals no input\n", message->partition,
				(long long)message->offset);
		return;
	}
	if (entry->fate != FATE_OUTPUT && all->misplaced++ < SHOWN_MAX)
		printf("misplaced: input [%d]@%lld in output [%d]@%lld\n", entry->partition,
			(long long)entry->offset, message->partition, (long long)message->offset);
	if (entry->out++ == 0) {
		entry->out_partition = message->partition;
		entry->first_out = message->offset;
	} else if (entry->out_partition != message->partition) {
		entry->spread = true;
	}
	if (entry->out > entry->in)
		duplicate(all, entry, message);
	entry->last_partition = message->partition;
	entry->last_out = message->offset;
	if (entry->out == 1)
		check_order(all, entry, message);
}

/* Whether a dead letter's headers name the record's place. The load can be in the input twice, when the broker
 * that took it was killed: then it is one of two places, and not looked at. */
static bool well_labelled(
	const struct job *job, const struct entry *entry, const rd_kafka_message_t *message)
{
	static const char *const names[] = {"bruco-topic", "bruco-partition", "bruco-offset"};
	char wanted[3][300];
	rd_kafka_headers_t *headers;
	const void *value;
	size_t length;

	snprintf(wanted[0], sizeof wanted[0], "%s", job->input);
	snprintf(wanted[1], sizeof wanted[1], "%d", entry->partition);
	snprintf(wanted[2], sizeof wanted[2], "%lld", (long long)entry->offset);
	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	for (int i = 0; i < (entry->in == 1 ? 3 : 1); i++)
		if (rd_kafka_header_get_last(headers, names[i], &value, &length) !=
				RD_KAFKA_RESP_ERR_NO_ERROR ||
			length != strlen(wanted[i]) || memcmp(value, wanted[i], length) != 0)
			return false;
	return rd_kafka_header_get_last(headers, "bruco-error", &value, &length) ==
		       RD_KAFKA_RESP_ERR_NO_ERROR &&
	       rd_kafka_header_get_last(headers, "bruco-attempts", &value, &length) ==
		       RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void take_dead(void *context, const rd_kafka_message_t *message)
{
	struct comparison *all = context;
	struct entry *entry = table_find(&all->table, hash_message(message, "bruco-"));

	all->dead++;
	if (entry == NULL) {
		if (all->invented++ < SHOWN_MAX)
			printf("invented: dead letter [%d]@%lld equals no input\n",
				message->partition, (long long)message->offset);
		return;
	}
	if ((all->job->poison > 0 && entry->fate != FATE_DEAD) && all->misplaced++ < SHOWN_MAX)
		printf("misplaced: input [%d]@%lld in dead letter [%d]@%lld\n", entry->partition,
			(long long)entry->offset, message->partition, (long long)message->offset);
	if (!well_labelled(all->job, entry, message) && all->mislabelled++ < SHOWN_MAX)
		printf("mislabelled: dead letter [%d]@%lld\n", message->partition,
			(long long)message->offset);
	if (entry->dead++ == 0) {
		entry->dead_partition = message->partition;
		entry->first_dead = message->offset;
	}
	if (entry->out + entry->dead > entry->in && all->duplicates++ < SHOWN_MAX)
		printf("duplicate: input [%d]@%lld again in dead letter [%d]@%lld\n",
			entry->partition, (long long)entry->offset, message->partition,
			(long long)message->offset);
}

static void count_lost(struct comparison *all)
{
	for (size_t i = 0; i < all->table.room; i++) {
		const struct entry *entry = &all->table.entries[i];

		if (entry->in <= entry->out + entry->dead || entry->fate == FATE_NOTHING)
			continue;
		if (all->lost < SHOWN_MAX)
			printf("lost: input [%d]@%lld\n", entry->partition,
				(long long)entry->offset);
		all->lost += entry->in - entry->out - entry->dead;
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

static bool compare(const struct job *job)
{
	struct comparison all = {.job = job};
	struct sample_faults early = {0};

	client_read(job->brokers, job->input, take_input, &all);
	client_read(job->brokers, job->output, take_output, &all);
	if (job->dead_letter != NULL)
		client_read(job->brokers, job->dead_letter, take_dead, &all);
	count_lost(&all);
	count_disorder(&all);
	printf("input %lld, output %lld, lost %lld, duplicates %lld, invented %lld, "
	       "out of order %lld\n",
		all.input, all.output, all.lost, all.duplicates, all.invented, all.disorder);
	if (job->dead_letter != NULL || job->filtered > 0)
		printf("dead letter %lld, filtered %lld, misplaced %lld, mislabelled %lld\n",
			all.dead, all.nothing, all.misplaced, all.mislabelled);
	if (job->samples != NULL) {
		early = samples_check(job->samples, &all.places, &all.table);
		printf("samples %lld, committed early %lld, went back %lld\n", early.samples,
			early.early, early.back);
	}
	table_release(&all.table);
	places_release(&all.places);
	free(all.marks);
	free(all.suspects);
	return all.lost == 0 && all.invented == 0 && all.disorder == 0 && all.misplaced == 0 &&
	       all.mislabelled == 0 && early.early == 0 && early.back == 0 &&
	       (!job->exact || all.duplicates == 0);
}

static int64_t number(const char *text)
{
	int64_t value;

	if (!text_integer(text, 2, INT32_MAX, &value))
		options_misuse(&program, "'%s' is not a number from 2", text);
	return value;
}

static FILE *open_copies(const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		die(STATUS_UNAVAILABLE, "cannot write '%s'", path);
	return file;
}

static enum order parse_order(const char *text)
{
	if (strcmp(text, "partition") == 0)
		return ORDER_PARTITION;
	if (strcmp(text, "keyed") == 0)
		return ORDER_KEYED;
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
		{"order", required_argument, NULL, OPTION_ORDER},
		{"dead-letter", required_argument, NULL, OPTION_DEAD_LETTER},
		{"poison", required_argument, NULL, OPTION_POISON},
		{"filtered", required_argument, NULL, OPTION_FILTERED},
		{"samples", required_argument, NULL, OPTION_SAMPLES},
		{"copies", required_argument, NULL, OPTION_COPIES}, {0}};
	struct job job = {.order = ORDER_PARTITION};
	bool good;
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			job.brokers = optarg;
			break;
		case OPTION_EXACT:
			job.exact = true;
			break;
		case OPTION_ORDER:
			job.order = parse_order(optarg);
			break;
		case OPTION_DEAD_LETTER:
			job.dead_letter = optarg;
			break;
		case OPTION_POISON:
			job.poison = number(optarg);
			break;
		case OPTION_FILTERED:
			job.filtered = number(optarg);
			break;
		case OPTION_SAMPLES:
			job.samples = optarg;
			break;
		case OPTION_COPIES:
			job.copies = open_copies(optarg);
			break;
		default:
			options_common(&program, option);
		}
	}
	if (job.brokers == NULL || argc - optind != 2)
		options_misuse(&program, "brokers, an input and an output topic are needed");
	job.input = argv[optind];
	job.output = argv[optind + 1];
	good = compare(&job);
	if (job.copies != NULL && fclose(job.copies) != 0)
		die(STATUS_UNAVAILABLE, "cannot write the copies");
	return good ? STATUS_OK : STATUS_FAILED;
}
