/* How a stage takes the frames of a worker: cut into pieces anywhere they give the same inputs, whose
 * numbers follow one another, and whose outputs are within the limits. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "frame/cursor.h"
#include "lane/intake.h"

enum { SIZE_MAX_HERE = 4096, INPUTS_MAX = 256 };

struct taken {
	size_t count;
	struct input inputs[INPUTS_MAX]; /* `frames` is not valid any more */
	enum intake_result last;
};

static void check_outputs(const struct intake *intake, const struct input *input)
{
	struct frame_cursor cursor = frame_cursor(input->frames, input->length, intake->cap);
	uint32_t outputs = 0;
	enum frame_result result;

	HOLDS(input->length <= intake->most);
	while ((result = frame_next(&cursor)) == FRAME_OK)
		outputs += frame_has_record(&cursor.record.head);
	/* What is wrong inside a record is for whoever reads it. */
	HOLDS(result == FRAME_BAD || (cursor.next == cursor.end && outputs == input->outputs));
}

static void check_input(const struct intake *intake, const struct input *input, uint64_t before)
{
	if (intake->strict && !input->end) {
		HOLDS(input->first == before + 1 && input->last >= input->first);
		HOLDS(input->last - input->first < LIMIT_BATCH_EVENTS);
	}
	HOLDS(intake->last == input->last);
	check_outputs(intake, input);
}

/* The pieces are so long, at most; 0: all at once. */
static void take(struct taken *taken, const uint8_t *data, size_t length, size_t piece, bool strict)
{
	struct intake intake;
	struct input input = {0};

	intake_init(&intake, SIZE_MAX_HERE, strict);
	taken->count = 0;
	do {
		size_t more = piece == 0 || piece > length ? length : piece;
		uint64_t before = intake.last;

		buf_drop(&intake.buf, intake.taken);
		intake.taken = 0;
		buf_append(&intake.buf, data, more);
		data += more;
		length -= more;
		while ((taken->last = intake_next(&intake, &input)) == INTAKE_INPUT) {
			check_input(&intake, &input, before);
			before = intake.last;
			if (taken->count < INPUTS_MAX)
				taken->inputs[taken->count++] = input;
		}
		HOLDS(taken->last != INTAKE_BAD || intake.why != NULL);
	} while (length > 0 && taken->last == INTAKE_MORE);
	HOLDS(intake_torn(&intake) || taken->last == INTAKE_MORE);
	intake_cut(&intake);
	HOLDS(!intake_torn(&intake));
	buf_release(&intake.buf);
}

FUZZ(data, length)
{
	static struct taken whole, pieces;
	struct fuzz_input input = {data, length};
	uint8_t choice = fuzz_byte(&input);
	size_t piece = 1 + (size_t)fuzz_byte(&input);
	uint8_t *frames = fuzz_rest(&input);

	if (choice % 4 != 0)
		fuzz_seal_frames(frames, input.length);
	take(&whole, frames, input.length, 0, choice & 4);
	take(&pieces, frames, input.length, piece, choice & 4);
	HOLDS(whole.last == pieces.last && whole.count == pieces.count);
	for (size_t i = 0; i < whole.count; i++) {
		const struct input *a = &whole.inputs[i], *b = &pieces.inputs[i];

		HOLDS(a->first == b->first && a->last == b->last && a->length == b->length &&
			a->outputs == b->outputs && a->end == b->end);
	}
	free(frames);
	return 0;
}
