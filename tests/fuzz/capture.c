/* Recorded events, as `bruco test` reads them: what is taken becomes frames, numbered from 1, each a record
 * within the limits. */
/* longest input: 2048 */
#include "fuzz.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/status.h"
#include "bruco/testing/capture.h"
#include "frame/cursor.h"
#include "frame/limits.h"

enum { SIZE = 4096 };

static void check_events(const struct capture *capture)
{
	struct frame_cursor cursor =
		frame_cursor(capture->frames.data, capture->frames.length, limits_frame(SIZE));
	size_t count = 0;

	while (frame_next(&cursor) == FRAME_OK) {
		HOLDS(cursor.frame == capture->frames.data + capture->starts[count]);
		HOLDS(cursor.record.head.seq == ++count);
		HOLDS(cursor.record.head.type == FRAME_TYPE_RECORD);
		HOLDS(cursor.record.head.attempt == 0);
	}
	HOLDS(count == capture->count && capture->starts[count] == capture->frames.length);
	HOLDS(cursor.next == cursor.end);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_enter_folder();
	log_set_fd(-1);
	return 0;
}

FUZZ(data, length)
{
	static const char *const names[] = {"a.json", "a.lines", "a.frames"};
	struct fuzz_input input = {data, length};
	const char *name = names[fuzz_byte(&input) % 3];
	uint8_t *bytes = fuzz_rest(&input);
	struct capture capture;
	int status;

	if (name == names[2])
		fuzz_seal_frames(bytes, input.length);
	fuzz_write_file(name, bytes, input.length);
	status = capture_read(&capture, name, SIZE);
	HOLDS(status == STATUS_OK || status == STATUS_DATA);
	if (status == STATUS_OK)
		check_events(&capture);
	capture_release(&capture);
	free(bytes);
	return 0;
}
