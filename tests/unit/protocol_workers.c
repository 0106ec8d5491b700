/* The workers of test_protocol: they run events one at a time or several together, and crash. */
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "protocol.h"
#include "unit.h"

enum { TOGETHER = 5 }; /* events in flight at most */

static struct worker {
	int in, out;
	uint32_t life;
	struct buf read, write;
	struct page_snapshot page;
	int partition, offset; /* of the record that page.seq is of, when it runs alone */
	bool dead;
} workers[LANES];

void worker_start(int lane, int status)
{
	struct worker *worker = &workers[lane];
	struct message message = {.type = MESSAGE_LANE,
		.lane = (uint32_t)lane,
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

void worker_read(int lane)
{
	struct worker *worker = &workers[lane];
	ssize_t got;

	buf_reserve(&worker->read, 512);
	got = read(worker->in, worker->read.data + worker->read.length, (size_t)(1 + rand() % 512));
	if (got > 0)
		worker->read.length += (size_t)got;
}

void worker_write(int lane)
{
	struct worker *worker = &workers[lane];
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
	const char *why;
	enum frame_result result = frame_read(worker->read.data + at, worker->read.length - at,
		1 << 20, record, &why);

	CHECK(result != FRAME_BAD);
	if (result != FRAME_OK)
		return false;
	return true;
}

void worker_crash(int lane, bool held_open)
{
	struct worker *worker = &workers[lane];
	const struct page_snapshot *page = &worker->page;
	struct frame_record record;
	int *count = &histories[worker->partition][worker->offset].begun;

	if (page->state == RUN_TOGETHER)
		for (size_t at = 0; frame_at(worker, at, &record) && record.head.seq <= page->last;
			at += record.head.length)
			histories[record.partition][record.offset].suspected = true;
	else if (page->seq > 0 && (int)page->attempt + (page->state == RUN_RUNNING) > *count)
		*count = (int)page->attempt + (page->state == RUN_RUNNING);
	if (held_open) {
		CHECK(dup(worker->in) >= 0);
		CHECK(dup(worker->out) >= 0);
	}
	close(worker->in);
	close(worker->out);
	worker_start(lane, 9);
}

static void begin_alone(struct worker *worker, const struct frame_record *record, uint32_t attempt)
{
	worker->page = (struct page_snapshot){
		.state = RUN_RUNNING, .attempt = attempt, .seq = record->head.seq};
	worker->partition = record->partition;
	worker->offset = (int)record->offset;
	histories[worker->partition][worker->offset].runs++;
}

/* What is known of a record must be what its frame says. */
static void check_frame(const struct frame_record *record)
{
	int p = record->partition, o = (int)record->offset;
	bool is_failed = record->head.type == FRAME_TYPE_FAILED;

	if (record->head.attempt != histories[p][o].begun)
		unit_fail(__FILE__, __LINE__, "%d@%d is attempt %d, but was begun %d times", p, o,
			record->head.attempt, histories[p][o].begun);
	if (is_failed != (histories[p][o].begun >= ATTEMPTS))
		unit_fail(__FILE__, __LINE__, "%d@%d was begun %d times and is %sfailed", p, o,
			histories[p][o].begun, is_failed ? "" : "not ");
	if (((record->head.flags & FRAME_ALONE) != 0) != histories[p][o].suspected)
		unit_fail(__FILE__, __LINE__, "%d@%d is %sto run alone", p, o,
			histories[p][o].suspected ? "not " : "");
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
		if (is_poison(record.partition, (int)record.offset))
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

void worker_run(int lane)
{
	struct worker *worker = &workers[lane];
	struct frame_record record;
	int p, o;
	bool waits;

	if (worker->page.state == RUN_TOGETHER) {
		if (holds_poison(worker) && rand() % 2 == 0)
			worker_crash(lane, rand() % 4 == 0);
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
		histories[p][o].failed = true;
		buf_append(&worker->write, worker->read.data, record.head.length);
		frame_patch(worker->write.data + worker->write.length - record.head.length,
			FRAME_TYPE_FAILED, FRAME_LAST, record.head.attempt, record.head.seq);
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
	} else if (is_poison(p, o)) {
		worker_crash(lane, rand() % 4 == 0);
		return;
	} else {
		append_outputs(worker, &record, false);
	}
	worker->page.state = RUN_IDLE;
	buf_drop(&worker->read, record.head.length);
}
