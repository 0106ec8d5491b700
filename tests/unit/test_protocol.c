/*
 * The lanes' real code from source to sink under random schedules: worker crashes at any byte,
 * short reads and writes, a full broker, deliveries in any order between partitions, pipes that
 * somebody else still holds open. The invariants are the protocol's: nothing lost, nothing twice,
 * nothing out of order, no commit ahead of a delivery, blame exactly for what ran. Some records
 * always crash their worker: after their last attempt they are dead letters, once, and nobody else
 * is. Workers run events one at a time, or several together, whose outputs they give one after the
 * other or as a batch; what was in flight together in a death runs alone from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/sock.h"
#include "bruco-source/backlog.h"
#include "bruco-source/lanes.h"
#include "config/config.h"
#include "protocol.h"
#include "unit.h"

enum { ATTEMPTS = 3 };
enum { TOGETHER = 5 }; /* events in flight at most */
enum { LANES = 3, PARTITIONS = 4, RECORDS = 300, OUTPUTS = 3, BROKER_ROOM = 20, KEYS = 5 };
enum { BACKLOG_MAX = 20 }; /* records that wait for their lanes, of a partition */

struct worker {
	int in, out;
	uint32_t life;
	struct buf read, write;
	struct page_snapshot page;
	int partition, offset; /* of the record that page.seq is of, when it runs alone */
	bool dead;
};

static struct lanes lanes;
static struct partition partitions[PARTITIONS];
static struct backlog backlogs[PARTITIONS];
static int next_offset[PARTITIONS];
static struct worker workers[LANES];
static int source_link, sink_link;
static enum ordering ordering;
/* How often it was begun, as of the last time that it ran when its worker died. */
static int begun[PARTITIONS][RECORDS];
static int runs[PARTITIONS][RECORDS]; /* also those whose outputs were lost with their worker */
static bool suspected[PARTITIONS][RECORDS];
static bool failed[PARTITIONS][RECORDS], lettered[PARTITIONS][RECORDS];

static struct put {
	int partition, offset, output; /* output LETTER: the record itself, as a dead letter */
	uint64_t ticket;
} broker[BROKER_ROOM];
static int broker_count;
static bool delivered[PARTITIONS][RECORDS][OUTPUTS];

enum { LETTER = -1 };

static bool poison(int partition, int offset)
{
	return (partition * 17 + offset) % 41 == 7;
}

static int outputs_of(int partition, int offset)
{
	return (partition * 31 + offset * 7) % (OUTPUTS + 1);
}

static int key_of(int partition, int offset)
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
	return lanes_take(&lanes, &passage) == TAKE_OK;
}

/* As the Kafka source: what finds no room waits for its lane, and others of its partition go on. Now
 * and then what may be left is read again later, as after a stop. */
static void source_take(void)
{
	int p = rand() % PARTITIONS;
	struct waiting *first;
	unsigned lane;

	for (unsigned i = 0; i < LANES; i++)
		while ((first = backlog_first(&backlogs[p], i)) != NULL &&
			pass(p, (intptr_t)first->record - 1, first, &lane))
			backlog_take(&backlogs[p], i);
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
				if (!delivered[p][o][i] && !lettered[p][o])
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

bool broker_put(const struct frame_record *record, uint64_t ticket)
{
	if (broker_count == BROKER_ROOM || rand() % 10 == 0)
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

	CHECK(failed[record->partition][record->offset]);
	CHECK(has_header(record, "bruco-error", "worker killed by signal 9 (SIGKILL)"));
	CHECK(has_header(record, "bruco-attempts", "3"));
	snprintf(number, sizeof number, "%d", (int)record->offset);
	CHECK(has_header(record, "bruco-offset", number));
	if (broker_count == BROKER_ROOM || rand() % 10 == 0)
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
	if (delivered[put->partition][put->offset][put->output])
		unit_fail(__FILE__, __LINE__, "delivered twice: %d@%d.%d", put->partition,
			put->offset, put->output);
	for (int i = 0; i < put->output; i++)
		CHECK(delivered[put->partition][put->offset][i]);
	for (int o = 0; o < put->offset; o++)
		for (int i = 0; i < outputs_of(put->partition, o); i++)
			if (same_order(put, put->partition, o) && !failed[put->partition][o] &&
				!delivered[put->partition][o][i])
				unit_fail(__FILE__, __LINE__, "%d@%d overtakes %d", put->partition,
					put->offset, o);
}

/* Acknowledges the oldest put of some partition. */
static void broker_deliver(void)
{
	int p = rand() % PARTITIONS;

	for (int i = 0; i < broker_count; i++) {
		struct put put = broker[i];

		if (put.partition != p)
			continue;
		if (put.output == LETTER) {
			if (lettered[p][put.offset])
				unit_fail(__FILE__, __LINE__, "two dead letters: %d@%d", p,
					put.offset);
			lettered[p][put.offset] = true;
		} else {
			check_delivery(&put);
			delivered[p][put.offset][put.output] = true;
		}
		broker_count--;
		memmove(broker + i, broker + i + 1, (size_t)(broker_count - i) * sizeof *broker);
		sink_delivered(put.ticket);
		return;
	}
}

static void start_worker(int index, int status)
{
	struct worker *worker = &workers[index];
	struct message message = {.type = MESSAGE_LANE,
		.lane = (uint32_t)index,
		.status = status,
		.page = worker->page};
	int in[2], out[2];

	fd_pipe(in, 0);
	fd_pipe(out, 0);
	fd_nonblocking(in[0], true);
	fd_nonblocking(out[1], true);
	if (status != 0)
		worker->life++;
	message.life = worker->life;
	sink_lane(&message, in[1], out[0]);
	worker->in = in[0];
	worker->out = out[1];
	worker->page = (struct page_snapshot){0};
	buf_reset(&worker->read);
	buf_reset(&worker->write);
	worker->dead = false;
}

static void worker_read(struct worker *worker)
{
	ssize_t got;

	buf_reserve(&worker->read, 512);
	got = read(worker->in, worker->read.data + worker->read.length, (size_t)(1 + rand() % 512));
	if (got > 0)
		worker->read.length += (size_t)got;
}

static void worker_write(struct worker *worker)
{
	size_t length = worker->write.length;
	ssize_t written;

	if (length == 0)
		return;
	written = write(worker->out, worker->write.data, 1 + (size_t)rand() % length);
	if (written > 0)
		buf_drop(&worker->write, (size_t)written);
}

static void append_outputs(struct worker *worker, struct frame_record *record, bool in_batch)
{
	int count = outputs_of(record->partition, (int)record->offset);

	buf_reserve(&worker->write, (size_t)record->head.length * OUTPUTS + 64);
	if (count == 0 && !in_batch)
		worker->write.length += frame_empty_write(worker->write.data + worker->write.length,
			record->head.seq, record->head.seq);
	for (int i = 0; i < count; i++) {
		record->timestamp = i;
		record->head.flags = i == count - 1 && !in_batch ? FRAME_LAST : 0;
		worker->write.length +=
			frame_record_write(worker->write.data + worker->write.length, record);
	}
}

/* The whole frame at a place of what the worker has read. */
static bool frame_at(const struct worker *worker, size_t at, struct frame_record *record)
{
	struct frame_head head;
	const char *why;

	if (frame_head_read(worker->read.data + at, worker->read.length - at, 1 << 20, &head,
		    &why) != FRAME_OK ||
		worker->read.length - at < head.length)
		return false;
	CHECK_INT(frame_record_read(worker->read.data + at, &head, record, &why), FRAME_OK);
	return true;
}

static void worker_crash(int index, bool held_open)
{
	struct worker *worker = &workers[index];
	const struct page_snapshot *page = &worker->page;
	struct frame_record record;
	int *count = &begun[worker->partition][worker->offset];

	if (page->state == RUN_TOGETHER)
		for (size_t at = 0; frame_at(worker, at, &record) && record.head.seq <= page->last;
			at += record.head.length)
			suspected[record.partition][record.offset] = true;
	else if (page->seq > 0 && (int)page->attempt + (page->state == RUN_RUNNING) > *count)
		*count = (int)page->attempt + (page->state == RUN_RUNNING);
	if (held_open) { /* by a grandchild: neither EPIPE nor an end of file will come */
		CHECK(dup(worker->in) >= 0);
		CHECK(dup(worker->out) >= 0);
	}
	close(worker->in);
	close(worker->out);
	start_worker(index, 9);
}

static void begin_alone(struct worker *worker, const struct frame_record *record, uint32_t attempt)
{
	worker->page = (struct page_snapshot){
		.state = RUN_RUNNING, .attempt = attempt, .seq = record->head.seq};
	worker->partition = record->partition;
	worker->offset = (int)record->offset;
	runs[worker->partition][worker->offset]++;
}

/* What is known of a record must be what its frame says. */
static void check_frame(const struct frame_record *record)
{
	int p = record->partition, o = (int)record->offset;
	bool is_failed = record->head.type == FRAME_TYPE_FAILED;

	if (record->head.attempt != begun[p][o])
		unit_fail(__FILE__, __LINE__, "%d@%d is attempt %d, but was begun %d times", p, o,
			record->head.attempt, begun[p][o]);
	if (is_failed != (begun[p][o] >= ATTEMPTS))
		unit_fail(__FILE__, __LINE__, "%d@%d was begun %d times and is %sfailed", p, o,
			begun[p][o], is_failed ? "" : "not ");
	if (((record->head.flags & FRAME_ALONE) != 0) != suspected[p][o])
		unit_fail(__FILE__, __LINE__, "%d@%d is %sto run alone", p, o,
			suspected[p][o] ? "not " : "");
}

/* Begins several events, if more than one is there that may. */
static bool begin_together(struct worker *worker)
{
	struct page_snapshot page = {.state = RUN_TOGETHER};
	struct frame_record record;
	int count = 0;

	for (size_t at = 0;
		count < TOGETHER && frame_at(worker, at, &record) &&
		record.head.type == FRAME_TYPE_RECORD && (record.head.flags & FRAME_ALONE) == 0;
		at += record.head.length) {
		check_frame(&record);
		if (count++ == 0)
			page.seq = page.first = record.head.seq;
		page.last = record.head.seq;
	}
	if (count < 2)
		return false;
	worker->page = page;
	return true;
}

static bool holds_poison(const struct worker *worker)
{
	struct frame_record record;

	for (size_t at = 0; frame_at(worker, at, &record) && record.head.seq <= worker->page.last;
		at += record.head.length)
		if (poison(record.partition, (int)record.offset))
			return true;
	return false;
}

/* All that are in flight as one batch, or the oldest of them. */
static void end_together(struct worker *worker, bool as_batch)
{
	uint64_t first = worker->page.first, last = worker->page.last;
	struct frame_record record;

	do {
		CHECK(frame_at(worker, 0, &record));
		append_outputs(worker, &record, as_batch);
		worker->page.first = record.head.seq + 1;
		buf_drop(&worker->read, record.head.length);
	} while (as_batch && record.head.seq < last);
	worker->page.seq = 0;
	if (as_batch) {
		buf_reserve(&worker->write, 64);
		worker->write.length +=
			frame_empty_write(worker->write.data + worker->write.length, last, first);
		worker->page.state = RUN_IDLE;
	} else if (worker->page.first == last) {
		CHECK(frame_at(worker, 0, &record));
		begin_alone(worker, &record, record.head.attempt);
	}
}

/* Begins an event or several, or ends what was begun; a crash may come between the two. */
static void worker_run(int index)
{
	struct worker *worker = &workers[index];
	struct frame_record record;
	int p, o;
	bool waits;

	if (worker->page.state == RUN_TOGETHER) {
		if (holds_poison(worker) && rand() % 2 == 0)
			worker_crash(index, rand() % 4 == 0);
		else if (!holds_poison(worker))
			end_together(worker, rand() % 2 == 0);
		return;
	}
	if (!frame_at(worker, 0, &record))
		return;
	p = record.partition;
	o = (int)record.offset;
	waits = worker->page.state == RUN_IDLE && worker->page.seq == record.head.seq;
	if (worker->page.state != RUN_RUNNING && !waits)
		check_frame(&record);
	if (record.head.type == FRAME_TYPE_FAILED) {
		failed[p][o] = true;
		buf_append(&worker->write, worker->read.data, record.head.length);
	} else if (waits) {
		begin_alone(worker, &record, worker->page.attempt);
		return;
	} else if (worker->page.state != RUN_RUNNING) {
		if (rand() % 2 == 0 || !begin_together(worker))
			begin_alone(worker, &record, record.head.attempt);
		return;
	} else if (worker->page.attempt + 1 < ATTEMPTS && rand() % 20 == 0) {
		worker->page.attempt++; /* it raised, and is tried again in place */
		worker->page.state = RUN_IDLE;
		return;
	} else if (poison(p, o)) {
		worker_crash(index, rand() % 4 == 0);
		return;
	} else {
		append_outputs(worker, &record, false);
	}
	worker->page.state = RUN_IDLE;
	buf_drop(&worker->read, record.head.length);
}

static bool all_done(void)
{
	for (int p = 0; p < PARTITIONS; p++)
		if (tracker_frontier(&partitions[p].tracker) != RECORDS)
			return false;
	return true;
}

static void step(int crash_one_in, int *crashes)
{
	int lane = rand() % LANES;

	switch (rand() % 9) {
	case 0:
		source_take();
		break;
	case 1:
		lanes_write(&lanes);
		break;
	case 2:
		source_read_link();
		break;
	case 3:
		worker_read(&workers[lane]);
		break;
	case 4:
		worker_run(lane);
		break;
	case 5:
		worker_write(&workers[lane]);
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

static void schedule(unsigned seed, enum ordering order)
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
		start_worker(k, 0);
	while (!all_done()) {
		step(150, &crashes);
		if (++steps > 20000000)
			unit_fail(__FILE__, __LINE__, "seed %u: stuck", seed);
	}
	for (int p = 0; p < PARTITIONS; p++)
		for (int o = 0; o < RECORDS; o++)
			for (int i = 0; i < OUTPUTS; i++)
				CHECK_INT(
					delivered[p][o][i], !failed[p][o] && i < outputs_of(p, o));
	for (int p = 0; p < PARTITIONS; p++)
		for (int o = 0; o < RECORDS; o++) {
			CHECK_INT(lettered[p][o], begun[p][o] == ATTEMPTS);
			CHECK(!poison(p, o) || (runs[p][o] == ATTEMPTS && lettered[p][o]));
		}
	for (int p = 0; p < PARTITIONS; p++)
		CHECK_INT(partitions[p].attempts.count, 0);
	CHECK(lanes_drained(&lanes));
}

/* Each in a process of its own: everything starts from nothing. */
static void schedules(enum ordering order)
{
	for (unsigned seed = 1; seed <= 100; seed++)
		CHECK_EXITS(0, {
			schedule(seed, order);
			_exit(0); /* without a look for leaks: nothing is released */
		});
}

TEST(ordering_by_partition)
{
	schedules(ORDERING_PARTITION);
}

TEST(ordering_by_key)
{
	schedules(ORDERING_KEY);
}

TEST(ordering_none)
{
	schedules(ORDERING_NONE);
}

UNIT_MAIN
