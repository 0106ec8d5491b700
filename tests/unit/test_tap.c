/* Taps: both ends, with readers that are slow, stopped and gone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "bruco/monitor/tap_reader.h"
#include "tap/taps.h"
#include "unit.h"

static const struct tap_filter any = {.edge = TAP_IN, .partition = -1, .key_length = FRAME_NULL};

/* What a test uses is static, so that its memory is not lost at the end. */

/* Adds a tap to the stage and opens its reader; the pipe holds `size` bytes, or a page if that is 0. */
static void open_tap(
	struct taps *taps, struct tap_reader *reader, const struct tap_filter *filter, int size)
{
	int ends[2], page = tap_page_create(filter), copy = dup(page);

	signal(SIGPIPE, SIG_IGN);
	CHECK(page >= 0 && copy >= 0);
	CHECK_INT(fd_pipe(ends, size), 0);
	if (size == 0)
		CHECK(fcntl(ends[0], F_SETPIPE_SZ, 4096) > 0);
	*reader = (struct tap_reader){.fd = -1};
	CHECK(tap_reader_open(reader, ends[0], copy));
	taps_add(taps, ends[1], page);
}

static struct frame_record record_of(const char *key, const void *value, size_t length)
{
	return (struct frame_record){.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST},
		.offset = 7,
		.timestamp = -1,
		.partition = 2,
		.topic = "orders",
		.topic_length = 6,
		.key = (const uint8_t *)key,
		.key_length = key == NULL ? FRAME_NULL : (int32_t)strlen(key),
		.value = value,
		.value_length = (int32_t)length};
}

static void offer(struct taps *taps, const char *key, const char *value)
{
	struct frame_record record = record_of(key, value, strlen(value));

	taps_offer(taps, TAP_IN, &record, record.partition);
}

/* What the stage's loop does once a turn. */
static void turn(struct taps *taps)
{
	struct pollfd fds[TAPS_MAX];
	size_t count = taps_poll(taps, fds);

	poll(fds, count, 0);
	taps_polled(taps, fds);
	taps_flush(taps);
}

static void expect(struct tap_reader *reader, enum tap_news news)
{
	struct frame_record record;

	CHECK_INT(tap_reader_next(reader, &record), news);
}

static void expect_value(struct tap_reader *reader, uint64_t number, const char *value)
{
	struct frame_record record;

	CHECK_INT(tap_reader_next(reader, &record), TAP_RECORD);
	CHECK_INT(record.head.seq, number);
	CHECK_BYTES(record.value, record.value_length, value, strlen(value));
}

TEST(a_tap_says_that_it_is_in_place_and_shows_whole_records_in_order)
{
	static struct taps taps;
	static struct tap_reader reader;
	struct frame_record record;

	open_tap(&taps, &reader, &any, 65536);
	CHECK(taps_any(&taps));
	expect(&reader, TAP_PLACED);
	expect(&reader, TAP_NOTHING);
	offer(&taps, "k", "one");
	offer(&taps, NULL, "two");
	expect(&reader, TAP_NOTHING); /* nothing is written before the turn's end */
	turn(&taps);
	CHECK_INT(tap_reader_next(&reader, &record), TAP_RECORD);
	CHECK_BYTES(record.topic, record.topic_length, "orders", 6);
	CHECK_BYTES(record.key, record.key_length, "k", 1);
	CHECK_BYTES(record.value, record.value_length, "one", 3);
	CHECK_INT(record.partition, 2);
	CHECK_INT(record.offset, 7);
	CHECK_INT(record.head.seq, 1);
	expect_value(&reader, 2, "two");
	taps_close(&taps);
	CHECK(!taps_any(&taps));
	expect(&reader, TAP_ENDED);
}

TEST(filters_let_through_their_edge_partition_and_key_only)
{
	static struct taps taps;
	static struct tap_reader of_key, of_no_bytes, of_partition, of_failed;
	struct tap_filter filter = any;
	struct frame_record record = record_of("b", "failed", 6);

	filter.key_length = 1;
	filter.key[0] = 'b';
	open_tap(&taps, &of_key, &filter, 65536);
	filter.key_length = 0;
	open_tap(&taps, &of_no_bytes, &filter, 65536);
	filter = any;
	filter.partition = 3;
	open_tap(&taps, &of_partition, &filter, 65536);
	filter = any;
	filter.edge = TAP_FAILED;
	open_tap(&taps, &of_failed, &filter, 65536);
	offer(&taps, "a", "a");
	offer(&taps, "b", "b");
	offer(&taps, "bb", "bb");
	offer(&taps, "", "no bytes");
	offer(&taps, NULL, "null");
	taps_offer(&taps, TAP_FAILED, &record, 2);
	taps_offer(&taps, TAP_IN, &record, 3);
	turn(&taps);
	expect(&of_key, TAP_PLACED);
	expect_value(&of_key, 1, "b");
	expect_value(&of_key, 2, "failed");
	expect(&of_key, TAP_NOTHING);
	expect(&of_no_bytes, TAP_PLACED);
	expect_value(&of_no_bytes, 1, "no bytes");
	expect(&of_no_bytes, TAP_NOTHING);
	expect(&of_partition, TAP_PLACED);
	expect_value(&of_partition, 1, "failed");
	expect(&of_partition, TAP_NOTHING);
	expect(&of_failed, TAP_PLACED);
	expect_value(&of_failed, 1, "failed");
	expect(&of_failed, TAP_NOTHING);
}

/* Reads all that comes while the stage goes on; returns how many records, whose numbers grow. */
static uint64_t read_rest(struct taps *taps, struct tap_reader *reader)
{
	struct frame_record record;
	uint64_t count = 0, last = 0;

	for (int idle = 0; idle < 3; turn(taps)) {
		enum tap_news news = tap_reader_next(reader, &record);

		idle = news == TAP_NOTHING ? idle + 1 : 0;
		if (news != TAP_RECORD)
			continue;
		CHECK(record.head.seq > last);
		CHECK_INT(record.value_length, 300);
		CHECK_INT(record.value[0], (uint8_t)record.head.seq);
		CHECK_INT(record.value[299], (uint8_t)record.head.seq);
		last = record.head.seq;
		count++;
	}
	return count;
}

TEST(a_reader_that_does_not_read_misses_what_is_too_much_and_it_is_counted)
{
	static struct taps taps;
	static struct tap_reader reader;
	uint64_t received;

	open_tap(&taps, &reader, &any, 0);
	for (unsigned i = 1; i <= 1000; i++) {
		uint8_t value[300];
		struct frame_record record = record_of("k", value, sizeof value);

		memset(value, (int)(uint8_t)i, sizeof value);
		taps_offer(&taps, TAP_IN, &record, 2);
		if (i % 10 == 0)
			turn(&taps);
		CHECK(taps.items[0].kept.capacity <= 2 * TAP_KEPT);
	}
	CHECK_INT(tap_reader_matched(&reader), 1000);
	CHECK(tap_reader_left_out(&reader) > 700);
	CHECK(!tap_reader_settled(&reader, 1000));
	received = read_rest(&taps, &reader);
	CHECK(received > 100);
	CHECK_INT(received + tap_reader_left_out(&reader), 1000);
	CHECK(tap_reader_settled(&reader, 1000));
	CHECK(!tap_reader_settled(&reader, 1001));
	CHECK_INT(tap_reader_skipped(&reader), 0); /* the first ones were kept */
	offer(&taps, "k", "next");
	turn(&taps);
	expect_value(&reader, 1001, "next");
	CHECK_INT(tap_reader_skipped(&reader), 1000 - received);
}

/* Once a pipe was full, it is not tried for each record, but when poll(2) says that there is room. */
TEST(a_full_pipe_costs_no_write_for_each_record)
{
	static struct taps taps;
	static struct tap_reader reader;
	char bytes[4096];

	open_tap(&taps, &reader, &any, 0);
	while (!taps.items[0].full)
		offer(&taps, "k", "0123456789012345678901234567890123456789");
	CHECK(read(reader.fd, bytes, sizeof bytes) > 0);
	for (int i = 0; i < 2000; i++)
		offer(&taps, "k", "0123456789012345678901234567890123456789");
	CHECK_INT(read(reader.fd, bytes, sizeof bytes), -1);
	CHECK_INT(errno, EAGAIN);
	turn(&taps);
	CHECK(read(reader.fd, bytes, sizeof bytes) > 0);
}

/* The same as expect_value, while the stage goes on. */
static void expect_in_turns(
	struct taps *taps, struct tap_reader *reader, uint64_t number, const char *value)
{
	struct frame_record record;
	enum tap_news news;

	while ((news = tap_reader_next(reader, &record)) == TAP_NOTHING)
		turn(taps);
	CHECK_INT(news, TAP_RECORD);
	CHECK_INT(record.head.seq, number);
	CHECK_BYTES(record.value, record.value_length, value, strlen(value));
}

TEST(a_record_larger_than_the_pipe_arrives_whole_and_its_memory_is_given_back)
{
	enum { SIZE = 3 << 20 };
	static struct taps taps;
	static struct tap_reader reader;
	struct frame_record record;
	static uint8_t value[SIZE + 1];

	for (size_t i = 0; i < SIZE; i++)
		value[i] = (uint8_t)(1 + (i * 7 + (i >> 12)) % 255);
	record = record_of("large", value, SIZE);
	open_tap(&taps, &reader, &any, 0);
	expect(&reader, TAP_PLACED);
	value[SIZE] = '\0';
	taps_offer(&taps, TAP_IN, &record, 2);
	offer(&taps, "k", "left out");
	turn(&taps);
	expect_in_turns(&taps, &reader, 1, (const char *)value);
	turn(&taps);
	CHECK(taps.items[0].kept.capacity <= 2 * TAP_KEPT);
	CHECK_INT(tap_reader_left_out(&reader), 1);
	offer(&taps, "k", "behind it");
	turn(&taps);
	expect_value(&reader, 3, "behind it");
}

/* A pipe takes the first part of a frame only; the rest is the first to go out, whatever comes. */
TEST(a_frame_that_was_cut_by_a_full_pipe_goes_on_where_it_was_cut)
{
	static struct taps taps;
	static struct tap_reader reader;

	for (unsigned length = 4000; length < 4096; length += 5) {
		char value[4096];

		memset(value, 'v', length);
		value[length] = '\0';
		taps = (struct taps){0};
		open_tap(&taps, &reader, &any, 0);
		expect(&reader, TAP_PLACED);
		offer(&taps, "k", value);
		offer(&taps, "k", value);
		turn(&taps);
		offer(&taps, "k", "third");
		expect_in_turns(&taps, &reader, 1, value);
		expect_in_turns(&taps, &reader, 2, value);
		expect_in_turns(&taps, &reader, 3, "third");
		taps_close(&taps);
		tap_reader_close(&reader);
		buf_release(&reader.in);
	}
}

TEST(frames_are_found_however_the_bytes_come)
{
	static struct taps taps;
	static struct tap_reader reader, slow;
	uint8_t bytes[1024];
	int ends[2];
	ssize_t length;

	open_tap(&taps, &reader, &any, 65536);
	open_tap(&taps, &slow, &any, 65536);
	CHECK_INT(fd_pipe(ends, 0), 0);
	dup2(ends[0], slow.fd);
	fd_nonblocking(slow.fd, true);
	offer(&taps, "k", "one");
	offer(&taps, NULL, "");
	turn(&taps);
	length = read(reader.fd, bytes, sizeof bytes);
	CHECK(length > 2 * FRAME_RECORD);
	for (ssize_t i = 0, records = 0; i < length; i++) {
		struct frame_record record;
		enum tap_news news = tap_reader_next(&slow, &record);

		records += news == TAP_RECORD;
		CHECK(news != TAP_ENDED && records < 2);
		CHECK_INT(write(ends[1], &bytes[i], 1), 1);
	}
	expect_value(&slow, 2, "");
	CHECK_INT(write(ends[1], bytes, FRAME_HEADER + 9), FRAME_HEADER + 9);
	close(ends[1]);
	expect(&slow, TAP_PLACED);
	expect(&slow, TAP_ENDED); /* inside a frame */
}

TEST(what_is_no_tap_ends_the_reader)
{
	static struct taps taps;
	static struct tap_reader reader;
	struct frame_record record;
	char noise[64] = "no frames at all";
	int ends[2];

	open_tap(&taps, &reader, &any, 65536);
	CHECK_INT(fd_pipe(ends, 0), 0);
	CHECK_INT(write(ends[1], noise, sizeof noise), sizeof noise);
	dup2(ends[0], reader.fd);
	CHECK_EXITS(70, tap_reader_next(&reader, &record));
}

TEST(a_tap_whose_reader_is_gone_is_removed_though_nothing_passes)
{
	static struct taps taps;
	static struct tap_reader one, other;

	open_tap(&taps, &one, &any, 65536);
	open_tap(&taps, &other, &any, 65536);
	turn(&taps);
	CHECK_INT(taps.count, 2);
	tap_reader_close(&one);
	turn(&taps);
	CHECK_INT(taps.count, 1);
	offer(&taps, "k", "still here");
	turn(&taps);
	expect(&other, TAP_PLACED);
	expect_value(&other, 1, "still here");
}

TEST(a_reader_that_goes_in_the_middle_of_a_record_harms_nobody)
{
	static struct taps taps;
	static struct tap_reader one, other;
	char value[8000];

	memset(value, 'v', sizeof value);
	value[sizeof value - 1] = '\0';
	open_tap(&taps, &one, &any, 0);
	open_tap(&taps, &other, &any, 65536);
	offer(&taps, "k", value);
	turn(&taps);
	tap_reader_close(&one);
	for (int i = 0; i < 3; i++)
		offer(&taps, "k", value);
	taps_flush(&taps);
	turn(&taps);
	CHECK_INT(taps.count, 1);
	expect(&other, TAP_PLACED);
	expect_value(&other, 1, value);
	expect_value(&other, 2, value);
}

TEST(a_stage_takes_so_many_taps_and_another_when_one_is_gone)
{
	static struct taps taps;
	static struct tap_reader readers[TAPS_MAX], one_more;

	for (int i = 0; i < TAPS_MAX; i++) {
		open_tap(&taps, &readers[i], &any, 0);
		expect(&readers[i], TAP_PLACED);
	}
	open_tap(&taps, &one_more, &any, 0);
	expect(&one_more, TAP_REFUSED);
	expect(&one_more, TAP_ENDED);
	CHECK_INT(taps.count, TAPS_MAX);
	tap_reader_close(&one_more);
	buf_release(&one_more.in);
	tap_reader_close(&readers[1]);
	turn(&taps);
	open_tap(&taps, &one_more, &any, 0);
	expect(&one_more, TAP_PLACED);
	offer(&taps, "k", "for all");
	turn(&taps);
	for (int i = 0; i < TAPS_MAX; i++)
		if (i != 1)
			expect_value(&readers[i], 1, "for all");
	expect_value(&one_more, 1, "for all");
}

/* Adds a tap with this page; how many taps there are then. */
static unsigned taps_with_page(int page)
{
	struct taps taps = {0};
	unsigned count;
	int ends[2];

	CHECK_INT(fd_pipe(ends, 0), 0);
	taps_add(&taps, ends[1], page);
	count = taps.count;
	taps_close(&taps);
	return count;
}

TEST(a_page_can_not_be_made_shorter_and_what_is_no_page_is_no_tap)
{
	struct tap_filter filter = any;
	int page = tap_page_create(&filter);

	CHECK_INT(ftruncate(page, 0), -1);
	CHECK_INT(errno, EPERM);
	CHECK_INT(taps_with_page(page), 1);
	CHECK_INT(taps_with_page(fd_memory("other", "text", 4)), 0);
	filter.key_length = TAP_KEY_MAX + 1;
	CHECK_INT(taps_with_page(tap_page_create(&filter)), 0);
	filter = any;
	filter.edge = TAP_FAILED + 1;
	CHECK_INT(taps_with_page(tap_page_create(&filter)), 0);
}

/* The filter that counts is the one of the beginning: a reader could write into its page. */
TEST(a_reader_can_not_change_what_the_stage_reads)
{
	static struct taps taps;
	static struct tap_reader reader;

	open_tap(&taps, &reader, &any, 65536);
	reader.page->filter.key_length = 1 << 30;
	reader.page->matched = 1000;
	offer(&taps, "k", "one");
	turn(&taps);
	expect(&reader, TAP_PLACED);
	expect_value(&reader, 1, "one");
	CHECK_INT(tap_reader_matched(&reader), 1);
}

UNIT_MAIN
