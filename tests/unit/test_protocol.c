/*
 * The lanes' real code from source to sink under random schedules: worker crashes at any byte,
 * short reads and writes, a full broker, deliveries in any order between partitions, pipes that
 * somebody else still holds open. The invariants are the protocol's: nothing lost, nothing twice,
 * nothing out of order, no commit ahead of a delivery, blame exactly for what ran. Some records
 * always crash their worker: after their last attempt they are dead letters, once, and nobody else
 * is. Workers run events one at a time, or several together, whose outputs they give one after the
 * other or as a batch; what was in flight together in a death runs alone from then on. In some
 * schedules the number of lanes and the ordering change, as by a reload.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sock.h"
#include "bruco-source/backlog.h"
#include "bruco-source/lanes.h"
#include "protocol.h"
#include "unit.h"

enum { BACKLOG_MAX = 20 }; /* records that wait for their lanes, of a partition */

enum ordering ordering;
struct history histories[PARTITIONS][RECORDS];

static struct lanes lanes;
static struct partition partitions[PARTITIONS];
static struct backlog backlogs[PARTITIONS];
static int next_offset[PARTITIONS];
static int source_link, sink_link;
static int spreads; /* that took effect */

bool is_poison(int partition, int offset)
{
	return (partition * 17 + offset) % 41 == 7;
}

int outputs_of(int partition, int offset)
{
	return (partition * 31 + offset * 7) % (OUTPUTS + 1);
}

int key_of(int partition, int offset)
{
	return (partition + offset) % KEYS;
}

/* Into its lane, if there is room. */
static bool pass(int p, int64_t offset, const struct waiting *waiting, unsigned *lane)
{
	uint8_t key = (uint8_t)key_of(p, (int)offset);
	uint8_t value[300] = {0};
	struct frame_record record = {.offset = offset,
		.timestamp = -1,
		.partition = p,
		.key = &key,
		.key_length = 1,
		.value = value,
		.value_length = rand() % (int)sizeof value};
	struct passage passage = {.partition = &partitions[p], .record = &record};

	*lane = passage.lane = lanes_choose(&lanes, partitions[p].lane, &record);
	if (*lane == LANE_ANY)
		*lane = 0;
	if (waiting != NULL) {
		passage.waited = true;
		passage.index = waiting->index;
	} else if (backlog_first(&backlogs[p], *lane) != NULL) {
		return false;
	}
	return lanes_dispatch(&lanes, &passage) == DISPATCH_OK;
}

/* As the Kafka source: what finds no room waits for its lane, and others of its partition go on.
 * Now and then what may be left is read again later, as after a stop. */
static void source_dispatch(void)
{
	int p = rand() % PARTITIONS;
	struct waiting *first;
	unsigned lane;

	for (unsigned i = 0; i < backlogs[p].queue_count; i++)
		while ((first = backlog_first(&backlogs[p], i)) != NULL &&
			pass(p, (intptr_t)first->record - 1, first, &lane))
			backlog_pop(&backlogs[p], i);
	if (rand() % 50 == 0)
		while (backlog_withdraw(&backlogs[p], &partitions[p].tracker) != NULL)
			next_offset[p]--;
	if (next_offset[p] == RECORDS || backlogs[p].count == BACKLOG_MAX)
		return;
	if (!pass(p, next_offset[p], NULL, &lane))
		backlog_add(&backlogs[p], lane, (void *)(intptr_t)(next_offset[p] + 1), 1,
			tracker_dispatch(&partitions[p].tracker, next_offset[p]));
	next_offset[p]++;
}

static void check_frontiers(void)
{
	for (int p = 0; p < PARTITIONS; p++)
		for (int64_t o = 0; o < tracker_frontier(&partitions[p].tracker); o++)
			for (int i = 0; i < outputs_of(p, (int)o); i++)
				if (!histories[p][o].delivered[i] && !histories[p][o].lettered)
					unit_fail(__FILE__, __LINE__,
						"commit ahead of a delivery: %d@%d.%d", p, (int)o,
						i);
}

static void source_read_link(void)
{
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;
	struct message message;

	if (message_receive(source_link, &message, fds, &fd_count, &acks, &ack_count) != 1)
		return;
	if (message.type == MESSAGE_RESUME)
		CHECK(lanes_resume(&lanes, &message, fd_count > 0 ? fds[0] : -1));
	for (size_t i = 0; i < ack_count; i++)
		CHECK(lanes_acknowledge(&lanes, acks[i].lane, acks[i].seq));
	check_frontiers();
}

static bool all_done(void)
{
	for (int p = 0; p < PARTITIONS; p++)
		if (tracker_frontier(&partitions[p].tracker) != RECORDS)
			return false;
	return true;
}

static unsigned queue_of(const void *record, void *argument)
{
	const int *p = argument;
	uint8_t key = (uint8_t)key_of(*p, (int)((intptr_t)record - 1));
	unsigned lane = lanes_choose(&lanes, partitions[*p].lane,
		&(struct frame_record){.key = &key, .key_length = 1});

	return lane == LANE_ANY ? 0 : lane;
}

/* As a reload: other lanes, or by key what was by partition, as soon as nothing is under way. */
static void change_spread(void)
{
	if (rand() % 300 == 0)
		lanes_spread(&lanes, (struct spread){.count = 1 + (unsigned)rand() % LANES,
			.ordering = ordering == ORDERING_KEY && rand() % 2 == 0 ? ORDERING_PARTITION : ordering});
	if (!lanes_spread_begins(&lanes))
		return;
	spreads++;
	for (int p = 0; p < PARTITIONS; p++) {
		partitions[p].lane = (unsigned)rand() % lanes.count;
		backlog_spread(&backlogs[p], lanes.count, queue_of, &p);
	}
}

static void step(int crash_one_in, int *crashes)
{
	int lane = rand() % LANES;

	switch (rand() % 9) {
	case 0:
		source_dispatch();
		break;
	case 1:
		lanes_write(&lanes);
		break;
	case 2:
		source_read_link();
		break;
	case 3:
		worker_read(lane);
		break;
	case 4:
		worker_run(lane);
		break;
	case 5:
		worker_write(lane);
		break;
	case 6:
		sink_lane_step((unsigned)lane);
		break;
	case 7:
		broker_deliver();
		break;
	case 8:
		sink_acknowledge();
		break;
	}
	if (*crashes > 0 && rand() % crash_one_in == 0) {
		(*crashes)--;
		worker_crash(lane, rand() % 4 == 0);
	}
}

static void schedule(unsigned seed, enum ordering order, bool changes)
{
	struct config config;
	int ends[2], crashes = 100;
	long steps = 0;

	srand(seed);
	signal(SIGPIPE, SIG_IGN);
	ordering = order;
	config_init(&config);
	config.source.window = 2000;
	config.processor.ordering = order;
	config.max_record_size = 1 << 20;
	lanes_init(&lanes, LANES, &config, page_map(-1));
	lanes.acknowledged = lanes.resumable = true;
	sock_pair(ends);
	source_link = ends[0];
	sink_link = ends[1];
	sink_make(LANES, sink_link);
	for (int p = 0; p < PARTITIONS; p++) {
		partitions[p] = (struct partition){
			.topic = mem_text(""), .id = p, .lane = (unsigned)p % LANES};
		tracker_begin(&partitions[p].tracker);
		backlog_init(&backlogs[p], LANES);
	}
	for (int k = 0; k < LANES; k++)
		worker_start(k, 0);
	while (!all_done()) {
		step(150, &crashes);
		if (changes)
			change_spread();
		if (++steps > 20000000)
			unit_fail(__FILE__, __LINE__, "seed %u: stuck", seed);
	}
	for (int p = 0; p < PARTITIONS; p++)
		for (int o = 0; o < RECORDS; o++)
			for (int i = 0; i < OUTPUTS; i++)
				CHECK_INT(histories[p][o].delivered[i],
					!histories[p][o].failed && i < outputs_of(p, o));
	for (int p = 0; p < PARTITIONS; p++)
		for (int o = 0; o < RECORDS; o++) {
			CHECK_INT(histories[p][o].lettered, histories[p][o].begun == ATTEMPTS);
			CHECK(!is_poison(p, o) ||
				(histories[p][o].runs == ATTEMPTS && histories[p][o].lettered));
		}
	for (int p = 0; p < PARTITIONS; p++)
		CHECK_INT(partitions[p].attempts.count, 0);
	CHECK(lanes_drained(&lanes));
	CHECK(!changes || spreads > 2);
}

/* Each in a process of its own: everything starts from nothing. */
static void schedules(enum ordering order, bool changes)
{
	for (unsigned seed = 1; seed <= (changes ? 40 : 100); seed++)
		CHECK_EXITS(0, {
			schedule(seed, order, changes);
			_exit(0); /* without a look for leaks: nothing is released */
		});
}

TEST(ordering_by_partition)
{
	schedules(ORDERING_PARTITION, false);
}

TEST(ordering_by_key)
{
	schedules(ORDERING_KEY, false);
}

TEST(ordering_none)
{
	schedules(ORDERING_NONE, false);
}

TEST(other_lanes_by_partition)
{
	schedules(ORDERING_PARTITION, true);
}

TEST(other_lanes_and_orderings)
{
	schedules(ORDERING_KEY, true);
}

TEST(other_lanes_without_order)
{
	schedules(ORDERING_NONE, true);
}

UNIT_MAIN
