/* The reader's end of a tap: whatever comes in pieces through its pipe it finds the frames that are there, counts
 * as the page and the numbers say, and has no descriptor left at its end. */
/* longest input: 4096 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "bruco/monitor/tap_reader.h"
#include "frame/cursor.h"
#include "frame/limits.h"

/* How much of it are whole frames, behind which the reader would end the program. */
static size_t good_part(uint8_t *data, size_t length)
{
	struct frame_cursor cursor = frame_cursor(data, length, limits_frame(LIMIT_SIZE_MOST));
	size_t good = 0;

	while (frame_next(&cursor) == FRAME_OK)
		good = (size_t)(cursor.next - data);
	return good;
}

static bool is_record(const struct frame_head *head)
{
	return head->type != FRAME_TYPE_EMPTY && head->type != FRAME_TYPE_END;
}

/* Takes all that the reader finds now, and compares it with what was written. */
static void take(struct tap_reader *reader, struct frame_cursor *written)
{
	struct frame_record record;
	enum tap_news news;

	while ((news = tap_reader_next(reader, &record)) != TAP_NOTHING && news != TAP_ENDED) {
		HOLDS(frame_next(written) == FRAME_OK);
		HOLDS(record.head.length == written->record.head.length);
		HOLDS(memcmp(reader->frame, written->frame, record.head.length) == 0);
		HOLDS((news == TAP_RECORD) == is_record(&written->record.head));
		HOLDS((news == TAP_REFUSED) == (written->record.head.type == FRAME_TYPE_END));
		if (news == TAP_RECORD)
			HOLDS(reader->last == record.head.seq);
	}
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	size_t piece = 1 + (size_t)fuzz_byte(&input) * 7;
	struct tap_filter filter = {.partition = -1, .key_length = -1};
	static struct tap_reader reader; /* `in` is used again, as the command does */
	int ends[2], free_fd = fuzz_free_fd(), page = tap_page_create(&filter);
	uint8_t *copy;
	size_t good, records = 0;
	struct frame_cursor written, counted;

	HOLDS(page >= 0 && fd_pipe(ends, 1 << 16) == 0);
	HOLDS(tap_reader_open(&reader, ends[0], page));
	atomic_store(&reader.page->matched, fuzz_byte(&input));
	atomic_store(&reader.page->left_out, fuzz_byte(&input));
	copy = fuzz_rest(&input);
	fuzz_seal_frames(copy, input.length);
	good = good_part(copy, input.length);
	written = counted = frame_cursor(copy, good, limits_frame(LIMIT_SIZE_MOST));
	while (frame_next(&counted) == FRAME_OK)
		records += is_record(&counted.record.head);
	for (size_t at = 0; at < good; at += piece) {
		size_t part = good - at < piece ? good - at : piece;

		HOLDS(write(ends[1], copy + at, part) == (ssize_t)part);
		take(&reader, &written);
	}
	close(ends[1]);
	take(&reader, &written);
	HOLDS(frame_next(&written) == FRAME_MORE || written.next == copy + good);
	HOLDS(reader.received == records);
	HOLDS(tap_reader_settled(&reader, tap_reader_left_out(&reader) + records));
	HOLDS(!tap_reader_settled(&reader, tap_reader_left_out(&reader) + records + 1));
	tap_reader_skipped(&reader);
	tap_reader_close(&reader);
	free(copy);
	HOLDS(fuzz_free_fd() == free_fd);
	return 0;
}
