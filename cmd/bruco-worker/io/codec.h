/*
 * What input and output consist of: frames, or (by hand) lines or JSON objects, which become frames
 * on the way in and are made from frames on the way out. One table for each format.
 */
#ifndef BRUCO_WORKER_IO_CODEC_H
#define BRUCO_WORKER_IO_CODEC_H

#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/io/input.h"
#include "frame/frame.h"

struct codec {
	const char *unit; /* what input->position counts: "byte" or "line" */

	/*
	 * Takes the next frame off the input (cap: maxRecordSize). A record or failed frame has
	 * been checked; of others only record->head is set. Valid until the next call of anything
	 * here. FRAME_MORE: the frame has not arrived completely, or, with input->ended, the input
	 * has ended between two frames. FRAME_BAD: *why says what is wrong at input->position.
	 */
	enum frame_result (*read)(struct input *input, uint32_t cap, const uint8_t **frame,
		struct frame_record *record, const char **why);

	/* Appends one output to out in this format. NULL: outputs leave as frames. */
	void (*write)(const struct frame_record *record, struct buf *out);
};

extern const struct codec codec_frames;
extern const struct codec codec_lines;
extern const struct codec codec_json;

/* For lines and json: finds the next line, without its newline, at most cap bytes, and takes it
 * off the input. */
enum frame_result codec_next_line(
	struct input *input, size_t cap, const uint8_t **line, size_t *length, const char **why);

/* For lines and json: encodes a record into a buffer of its own and points the record there. */
enum frame_result codec_encode_frame(
	struct frame_record *record, uint32_t cap, const uint8_t **frame, const char **why);

#endif
